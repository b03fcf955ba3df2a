"""What Coolify needs to know from the user. https://coolify.io/docs/api-reference/authorization"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from deployer.http import Http
from deployer.model import Command
from deployer.providers.contract import Provider, ProviderInputs, Surroundings
from deployer.providers.coolify import envs, fields, forms, images
from deployer.providers.coolify.alter import Alteration
from deployer.providers.coolify.api import Api
from deployer.providers.coolify.calls import CoolifyServer
from deployer.providers.coolify.contradictions import contradictions, is_on
from deployer.providers.coolify.creating import Wanted
from deployer.providers.coolify.hidden import hidden
from deployer.providers.coolify.wish import Wish
from deployer.settings import Common, Flag, Found, Given, Names, Spelling, in_the_clear, read_text

CUT_OFF = "{}: line {}: what follows ` #` is a comment, and not set. To keep it, put the value in quotes"
SIGNS_OF_COOLIFY = ("COOLIFY_RESOURCE_UUID", "COOLIFY_CONTAINER_NAME")


class Coolify(ProviderInputs):
    """Coolify's inputs."""

    platform: ClassVar[str] = "coolify"
    logins: ClassVar[tuple[str, ...]] = ("coolify_token",)
    signs: ClassVar[tuple[str, ...]] = ("coolify_url", "coolify_token", "webhook", "uuid", "tag")
    ignored: ClassVar[frozenset[str]] = frozenset({"COOLIFY_FQDN", "COOLIFY_BRANCH", *SIGNS_OF_COOLIFY})

    coolify_url: Annotated[str, BeforeValidator(forms.address), Spelling(variables=("COOLIFY_BASE_URL", "COOLIFY_ENDPOINT"))] = Field(
        "",
        description="Required, or `webhook`. Address of your Coolify; without scheme means https; a trailing `/` and `/api/v1` are dropped",
    )
    coolify_token: Annotated[
        SecretStr,
        BeforeValidator(forms.token),
        Spelling(inputs=("token",), variables=("COOLIFY_API_TOKEN", "COOLIFY_ACCESS_TOKEN"), file=True),
    ] = Field(SecretStr(""), description="Required. API token with `deploy`, `read` and, for the build log, `read:sensitive`")
    read_token: Annotated[SecretStr, BeforeValidator(forms.token), Spelling(variables=("COOLIFY_READ_TOKEN",), file=True)] = Field(
        SecretStr(""),
        description="A second token, with `read` and `read:sensitive`, used for all reading; `coolify_token` then only needs `deploy`",
    )
    webhook: Annotated[
        forms.Webhook | None, BeforeValidator(forms.webhook), Spelling(variables=("COOLIFY_WEBHOOK", "COOLIFY_WEBHOOK_URL"))
    ] = Field(None, description='Coolify\'s "Deploy Webhook" address, in the place of `coolify_url` and `uuid` or `tag`, which beat it')
    uuid: Annotated[
        Names,
        AfterValidator(forms.uuids),
        Spelling(inputs=("app_uuid",), variables=("COOLIFY_UUID", "COOLIFY_APP_UUID", "COOLIFY_RESOURCE_ID")),
    ] = Field(
        (),
        description="Required, or `tag`, or `webhook`. What to deploy: one uuid or many (comma, space or newline), "
        "of applications, services or databases",
    )
    tag: Annotated[Names, AfterValidator(forms.tags)] = Field(
        (),
        description="In the place of `uuid`: deploy all applications and services that carry this tag of Coolify's (one or many); "
        "never an image's tag",
    )
    pr: Annotated[int, BeforeValidator(forms.pull_request), Spelling(inputs=("pull_request_id",))] = Field(
        0, description="Deploy the preview of this pull request (its number); with `command: stop` the preview is deleted"
    )
    force: Annotated[Flag | None, Spelling(default="false")] = Field(None, description="Rebuild without cache")
    instant_deploy: Flag = Field(
        default=False,
        description="Start at once, through `/applications/{uuid}/start`: waits for no other build, but a full queue still turns it away",
    )

    docker_tag: Annotated[str, AfterValidator(forms.docker_tag)] = Field(
        "", description="With `pr`, for a Docker-image application: the image tag that its preview runs; makes the preview if there is none"
    )
    pull_latest: Flag = Field(default=True, description="Services: `deploy` pulls newer images before it restarts them")

    commit: Annotated[str, BeforeValidator(forms.commit)] = Field(
        "",
        description="Pin the application to this commit (40 hex digits) before it is deployed; it stays pinned, for webhooks too, "
        "until `HEAD` is given",
    )
    env: Annotated[dict[str, SecretStr], BeforeValidator(forms.env)] = Field(
        default_factory=dict,
        description="Environment variables to set before the deployment: `KEY=value` lines, dotenv syntax; `${X}` is sent as it stands. "
        "With `pr`: those of the previews. Others stay as they are",
    )
    env_file: Annotated[dict[str, SecretStr], BeforeValidator(forms.env_file)] = Field(
        default_factory=dict, description="The same from a file (no pipe, up to 1 MiB); a key may not stand in both"
    )
    settings: Annotated[dict[str, Any], BeforeValidator(forms.settings)] = Field(
        default_factory=dict,
        description="JSON object of the application's fields to change before it is deployed, named as in Coolify's API "
        '(`{"health_check_enabled": true}`)',
    )

    create: Flag = Field(
        default=False,
        description="Create the Docker-image application `name` from `image` where it is missing, then deploy it, in the place of `uuid`. "
        "One of that name in its environment is used as it is, but for `image`",
    )
    name: Annotated[str, AfterValidator(forms.name)] = Field("", description="With `create`: what the application is called, exactly")
    project: Annotated[str, AfterValidator(forms.name)] = Field(
        "", description="With `create`: its project, by name or uuid; not needed where there is only one"
    )
    environment: Annotated[str, AfterValidator(forms.name)] = Field("", description="With `create`: the same for its environment")
    server: Annotated[str, AfterValidator(forms.name)] = Field("", description="With `create`: the same for its server")
    destination: Annotated[str, AfterValidator(forms.name)] = Field(
        "", description="With `create`: the same for the server's destination (before Coolify 4.3.0 best by uuid)"
    )
    domains: Annotated[tuple[str, ...], BeforeValidator(forms.domains)] = Field(
        (), description="With `create`: the new application's addresses (`https://app.example.com`), separated by commas"
    )
    ports: Annotated[tuple[int, ...], BeforeValidator(forms.ports)] = Field(
        (), description="With `create`: the ports that the container listens on (`80`, `80,443`); required before Coolify 4.1.2"
    )

    @classmethod
    def distrusted(cls, environ: Mapping[str, str]) -> dict[str, str]:
        """Coolify sets COOLIFY_URL in every container that it runs, a CI runner's too: there it is the runner's own address."""
        if not any(environ.get(sign) for sign in SIGNS_OF_COOLIFY):
            return {}
        return {
            "COOLIFY_URL": "COOLIFY_URL is not believed: Coolify itself sets it in this container. "
            "Give the address as COOLIFY_BASE_URL or INPUT_COOLIFY_URL"
        }

    @classmethod
    def mistakes(cls, given: Given) -> list[str]:
        """What is missing."""
        missing = {
            "coolify_url": "the address of your Coolify, such as https://coolify.example.com",
            "coolify_token": "the API token (in Coolify: Keys & Tokens, API Tokens)",
            "uuid": "what to deploy; it is the last part of its address in Coolify (or give `tag`)",
        }
        named = "tag" in given or is_on(given, "create")
        elsewhere = ({"coolify_url", "uuid"} if "webhook" in given else set()) | ({"uuid"} if named else set())
        absent = [name for name in missing if name not in given and name not in elsewhere]
        contrary = [sentence for sentence in contradictions(given) if sentence not in given.mistakes]
        return [*(f"{given.typed(name)} is missing: {missing[name]}" for name in absent), *_wrong_image(given), *contrary]

    @classmethod
    def cautions(cls, given: Given) -> list[str]:
        """Values of variables that end at a ` #`. In a file comments are usual, so that only doubtful ones are told."""
        cut: dict[str, list[int]] = {}
        for name, read in (("env", str), ("env_file", partial(read_text, largest=forms.LARGEST_FILE))):
            with suppress(ValueError):  # told as a mistake
                cut[name] = envs.cut_off(read(given.text(name)), surely=name == "env_file") if name in given else []
        return [CUT_OFF.format(given.typed(name), ", ".join(map(str, lines[: envs.TOLD]))) for name, lines in cut.items() if lines]

    @classmethod
    def secrets(cls, given: Given) -> Iterable[str]:
        """The tokens, and their parts after the bar: that alone may stand in a server's log."""
        tokens = [given.text("coolify_token"), given.text("read_token")]
        return [*tokens, *(token.partition("|")[2] for token in tokens)]

    @classmethod
    def hidden(cls, given: Given) -> Iterable[str]:
        """The values of the variables, and the secret ones of the settings: `production` must not blank the whole job."""
        for read, name in ((envs.parsed, "env"), (forms.env_file, "env_file")):
            try:
                yield from (value.get_secret_value() for value in (read(given.text(name)) if name in given else {}).values())
            except ValueError:  # told as a mistake, without the text
                continue
        with suppress(ValueError):
            yield from hidden(fields.settings(given.text("settings")) if "settings" in given else {})

    @classmethod
    def stage(cls, given: Given, inputs: Mapping[str, str]) -> list[str]:
        """The simulator's address, token and resources instead of the user's; who deploys by tag does so there, too."""
        given.mistakes += contradictions(given)  # of what the user wrote: below it is replaced
        theirs = ("coolify_url", "coolify_token", "read_token", "uuid", "tag", "webhook")
        ignored = [given.typed(name) for name in theirs if name in given]
        by = ["tag" if "tag" in given and inputs.get("tag") else "uuid"]
        by = [] if is_on(given, "create") else by
        for name in theirs:
            given.found.pop(name, None)
        for name in ("coolify_url", "coolify_token", *by):
            given.found[name] = Found(name, inputs[name])
        return ignored

    @property
    def named(self) -> bool:
        """Whether the target is a name: its uuid is only found, or made, by the run."""
        return self.create

    @property
    def alters(self) -> bool:
        """Whether something is to be changed before the start."""
        return bool(self.create or self.commit or self.env or self.env_file or self.settings)

    @property
    def address(self) -> str:
        """Where Coolify is asked."""
        return self.base

    @property
    def base(self) -> str:
        """The address without `/api/v1`. What is given explicitly beats the webhook."""
        return self.coolify_url or (self.webhook.url if self.webhook else "")

    @property
    def targets(self) -> tuple[str, ...]:
        """Each uuid or tag once: Coolify would skip the second (coolify-api 5.1 quirk 5)."""
        if self.create:
            return (self.name,)
        return tuple(dict.fromkeys(self.uuid or self.tagged or (self.webhook.uuids if self.webhook else ())))

    @property
    def tagged(self) -> tuple[str, ...]:
        """What is given explicitly beats the webhook."""
        return self.tag or (self.webhook.tags if self.webhook and not self.uuid else ())

    @property
    def warnings(self) -> list[str]:
        """A token that crosses the internet in the clear."""
        return in_the_clear(self.base)

    def connect(self, common: Common, around: Surroundings) -> Provider:
        """The server behind these inputs."""
        login = partial(
            Http,
            f"{self.base}/api/v1",
            agent=around.agent,
            now=around.real,
            headers={name: value.get_secret_value() for name, value in common.headers.items()},
            ca=common.ca_cert,
            insecure=common.insecure,
            direct=around.direct,
            time_left=around.time_left,
        )
        http = login(token=self.coolify_token.get_secret_value())
        reading = self.read_token.get_secret_value()
        force = self.force if self.force is not None else bool(self.webhook and self.webhook.force)
        image = images.parsed(common.image) if common.image else None
        wish = Wish(
            command=Command(common.command),
            force=force or image is not None,  # a run that goes on may have read the old image (coolify-api 5.1 quirk 3)
            instant=self.instant_deploy,
            wait=common.wait,
            examines=common.dry_run or common.command == Command.CHECK.value,
            pr=self.pr,
            docker_tag=self.docker_tag,
            pinned=bool(self.commit),
            pull_latest=self.pull_latest,
            tags=frozenset(self.tagged),
            verify=common.verify_health,
            verify_timeout=common.verify_timeout,
            rollback=common.rollback,
            hidden_logs=common.hidden_logs,
            proven=bool(common.verify_url and common.verify_contains),
        )
        alteration = Alteration(image, self.commit, {**self.env_file, **self.env}, self.settings)
        api = Api(http, login(token=reading) if reading else http)
        return CoolifyServer(api, self.base, wish, alteration, self._wanted(image, visited=common.verify_url == "auto"))

    def _wanted(self, image: images.Image | None, *, visited: bool) -> Wanted | None:
        if not self.create or not image:
            return None
        return Wanted(
            self.name,
            image,
            project=self.project,
            environment=self.environment,
            server=self.server,
            destination=self.destination,
            domains=self.domains,
            ports=self.ports,
            forced=self.settings.get("force_domain_override") is True,
            visited=visited,
        )


def _wrong_image(given: Given) -> list[str]:
    try:
        _ = images.parsed(given.text("image")) if "image" in given else None
    except ValueError as error:
        return [f"{given.typed('image')}: {error}"]
    return []
