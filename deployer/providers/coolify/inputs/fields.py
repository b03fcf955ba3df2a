"""What Coolify needs to know from the user. https://coolify.io/docs/api-reference/authorization"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from deployer.http.client import Http
from deployer.model import Command
from deployer.providers.coolify.api.client import Client
from deployer.providers.coolify.changes import application_settings, envs, images
from deployer.providers.coolify.changes.apply import RequestedChanges
from deployer.providers.coolify.changes.create_rules import NewApplication
from deployer.providers.coolify.inputs import parsers
from deployer.providers.coolify.inputs.conflicts import contradictions
from deployer.providers.coolify.inputs.secrets import hidden
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.provider import CoolifyProvider
from deployer.providers.interface import Provider, ProviderContext, ProviderInputs
from deployer.settings import Aliases, Common, Flag, Found, Names, RawInputs, in_the_clear, read_text

CUT_OFF = "{}: line {}: what follows ` #` is a comment, and not set. To keep it, put the value in quotes"
SIGNS_OF_COOLIFY = ("COOLIFY_RESOURCE_UUID", "COOLIFY_CONTAINER_NAME")


class Coolify(ProviderInputs):
    """Coolify's inputs."""

    platform: ClassVar[str] = "coolify"
    credentials: ClassVar[tuple[str, ...]] = ("coolify_token",)
    detected_by: ClassVar[tuple[str, ...]] = ("coolify_url", "coolify_token", "webhook", "uuid", "tag")
    ignored: ClassVar[frozenset[str]] = frozenset({"COOLIFY_FQDN", "COOLIFY_BRANCH", *SIGNS_OF_COOLIFY})

    coolify_url: Annotated[
        str, BeforeValidator(parsers.address), Aliases(variables=("COOLIFY_BASE_URL", "COOLIFY_ENDPOINT"))
    ] = Field(
        "",
        description="Required, or `webhook`. Address of your Coolify; without scheme means https; a trailing `/` and `/api/v1` are dropped",
    )
    coolify_token: Annotated[
        SecretStr,
        BeforeValidator(parsers.token),
        Aliases(inputs=("token",), variables=("COOLIFY_API_TOKEN", "COOLIFY_ACCESS_TOKEN"), file=True),
    ] = Field(
        SecretStr(""),
        description="Required. API token with `deploy`, `read` and, for the build log, `read:sensitive`",
    )
    read_token: Annotated[
        SecretStr, BeforeValidator(parsers.token), Aliases(variables=("COOLIFY_READ_TOKEN",), file=True)
    ] = Field(
        SecretStr(""),
        description="A second token, with `read` and `read:sensitive`, used for all reading; `coolify_token` then only needs `deploy`",
    )
    webhook: Annotated[
        parsers.Webhook | None,
        BeforeValidator(parsers.webhook),
        Aliases(variables=("COOLIFY_WEBHOOK", "COOLIFY_WEBHOOK_URL")),
    ] = Field(
        None,
        description='Coolify\'s "Deploy Webhook" address, in the place of `coolify_url` and `uuid` or `tag`, which beat it',
    )
    uuid: Annotated[
        Names,
        AfterValidator(parsers.uuids),
        Aliases(inputs=("app_uuid",), variables=("COOLIFY_UUID", "COOLIFY_APP_UUID", "COOLIFY_RESOURCE_ID")),
    ] = Field(
        (),
        description="Required, or `tag`, or `webhook`. What to deploy: one uuid or many (comma, space or newline), "
        "of applications, services or databases",
    )
    tag: Annotated[Names, AfterValidator(parsers.tags)] = Field(
        (),
        description="In the place of `uuid`: deploy all applications and services that carry this tag of Coolify's (one or many); "
        "never an image's tag",
    )
    pr: Annotated[int, BeforeValidator(parsers.pull_request), Aliases(inputs=("pull_request_id",))] = Field(
        0,
        description="Deploy the preview of this pull request (its number); with `command: stop` the preview is deleted",
    )
    force: Annotated[Flag | None, Aliases(default="false")] = Field(None, description="Rebuild without cache")
    instant_deploy: Flag = Field(
        default=False,
        description="Start at once, through `/applications/{uuid}/start`: waits for no other build, but a full queue still turns it away",
    )

    docker_tag: Annotated[str, AfterValidator(parsers.docker_tag)] = Field(
        "",
        description="With `pr`, for a Docker-image application: the image tag that its preview runs; makes the preview if there is none",
    )
    pull_latest: Flag = Field(
        default=True, description="Services: `deploy` pulls newer images before it restarts them"
    )

    commit: Annotated[str, BeforeValidator(parsers.commit)] = Field(
        "",
        description="Pin the application to this commit (40 hex digits) before it is deployed; it stays pinned, for webhooks too, "
        "until `HEAD` is given",
    )
    env: Annotated[dict[str, SecretStr], BeforeValidator(parsers.env)] = Field(
        default_factory=dict,
        description="Environment variables to set before the deployment: `KEY=value` lines, dotenv syntax; `${X}` is sent as it stands. "
        "With `pr`: those of the previews. Others stay as they are",
    )
    env_file: Annotated[dict[str, SecretStr], BeforeValidator(parsers.env_file)] = Field(
        default_factory=dict,
        description="The same from a file (no pipe, up to 1 MiB); a key may not stand in both",
    )
    settings: Annotated[dict[str, Any], BeforeValidator(parsers.settings)] = Field(
        default_factory=dict,
        description="JSON object of the application's fields to change before it is deployed, named as in Coolify's API "
        '(`{"health_check_enabled": true}`)',
    )

    create: Flag = Field(
        default=False,
        description="Create the Docker-image application `name` from `image` where it is missing, then deploy it, in the place of `uuid`. "
        "One of that name in its environment is used as it is, but for `image`",
    )
    name: Annotated[str, AfterValidator(parsers.name)] = Field(
        "", description="With `create`: what the application is called, exactly"
    )
    project: Annotated[str, AfterValidator(parsers.name)] = Field(
        "", description="With `create`: its project, by name or uuid; not needed where there is only one"
    )
    environment: Annotated[str, AfterValidator(parsers.name)] = Field(
        "", description="With `create`: the same for its environment"
    )
    server: Annotated[str, AfterValidator(parsers.name)] = Field(
        "", description="With `create`: the same for its server"
    )
    destination: Annotated[str, AfterValidator(parsers.name)] = Field(
        "",
        description="With `create`: the same for the server's destination (before Coolify 4.3.0 best by uuid)",
    )
    domains: Annotated[tuple[str, ...], BeforeValidator(parsers.domains)] = Field(
        (),
        description="With `create`: the new application's addresses (`https://app.example.com`), separated by commas",
    )
    ports: Annotated[tuple[int, ...], BeforeValidator(parsers.ports)] = Field(
        (),
        description="With `create`: the ports that the container listens on (`80`, `80,443`); required before Coolify 4.1.2",
    )

    @classmethod
    def untrusted(cls, environ: Mapping[str, str]) -> dict[str, str]:
        """Coolify sets COOLIFY_URL in every container that it runs, a CI runner's too: there it is the runner's own address."""
        if not any(environ.get(sign) for sign in SIGNS_OF_COOLIFY):
            return {}
        return {
            "COOLIFY_URL": "COOLIFY_URL is not believed: Coolify itself sets it in this container. "
            "Give the address as COOLIFY_BASE_URL or INPUT_COOLIFY_URL"
        }

    @classmethod
    def mistakes(cls, raw: RawInputs) -> list[str]:
        """What is missing."""
        missing = {
            "coolify_url": "the address of your Coolify, such as https://coolify.example.com",
            "coolify_token": "the API token (in Coolify: Keys & Tokens, API Tokens)",
            "uuid": "what to deploy; it is the last part of its address in Coolify (or give `tag`)",
        }
        named = "tag" in raw or raw.is_on("create")
        elsewhere = ({"coolify_url", "uuid"} if "webhook" in raw else set()) | ({"uuid"} if named else set())
        absent = [name for name in missing if name not in raw and name not in elsewhere]
        contrary = [sentence for sentence in contradictions(raw) if sentence not in raw.mistakes]
        return [
            *(f"{raw.as_typed(name)} is missing: {missing[name]}" for name in absent),
            *_wrong_image(raw),
            *contrary,
        ]

    @classmethod
    def cautions(cls, raw: RawInputs) -> list[str]:
        """Values of variables that end at a ` #`. In a file comments are usual, so that only doubtful ones are told."""
        cut: dict[str, list[int]] = {}
        for name, read in (("env", str), ("env_file", partial(read_text, max_bytes=parsers.MAX_FILE_BYTES))):
            with suppress(ValueError):  # told as a mistake
                cut[name] = (
                    envs.cut_off(read(raw.text(name)), surely=name == "env_file") if name in raw else []
                )
        return [
            CUT_OFF.format(raw.as_typed(name), ", ".join(map(str, lines[: envs.MAX_LISTED_ERRORS])))
            for name, lines in cut.items()
            if lines
        ]

    @classmethod
    def secrets(cls, raw: RawInputs) -> Iterable[str]:
        """The tokens, and their parts after the bar: that alone may stand in a server's log."""
        tokens = [raw.text("coolify_token"), raw.text("read_token")]
        return [*tokens, *(token.partition("|")[2] for token in tokens)]

    @classmethod
    def redacted(cls, raw: RawInputs) -> Iterable[str]:
        """The values of the variables, and the secret ones of the settings: `production` must not blank the whole job."""
        for read, name in ((envs.parse, "env"), (parsers.env_file, "env_file")):
            try:
                yield from (
                    value.get_secret_value()
                    for value in (read(raw.text(name)) if name in raw else {}).values()
                )
            except ValueError:  # told as a mistake, without the text
                continue
        with suppress(ValueError):
            yield from hidden(
                application_settings.settings(raw.text("settings")) if "settings" in raw else {}
            )

    @classmethod
    def use_simulator(cls, raw: RawInputs, inputs: Mapping[str, str]) -> list[str]:
        """The simulator's address, token and resources instead of the user's; who deploys by tag does so there, too."""
        raw.mistakes += contradictions(raw)  # of what the user wrote: below it is replaced
        theirs = ("coolify_url", "coolify_token", "read_token", "uuid", "tag", "webhook")
        ignored = [raw.as_typed(name) for name in theirs if name in raw]
        by = ["tag" if "tag" in raw and inputs.get("tag") else "uuid"]
        by = [] if raw.is_on("create") else by
        for name in theirs:
            raw.found.pop(name, None)
        for name in ("coolify_url", "coolify_token", *by):
            raw.found[name] = Found(name, inputs[name])
        return ignored

    @property
    def by_name(self) -> bool:
        """Whether the target is a name: its uuid is only found, or made, by the run."""
        return self.create

    @property
    def has_changes(self) -> bool:
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

    def build_provider(self, common: Common, context: ProviderContext) -> Provider:
        """The server behind these inputs."""
        login = partial(
            Http,
            f"{self.base}/api/v1",
            user_agent=context.user_agent,
            monotonic=context.monotonic,
            headers={name: value.get_secret_value() for name, value in common.headers.items()},
            ca=common.ca_cert,
            insecure=common.insecure,
            no_proxy=context.no_proxy,
            time_left=context.time_left,
        )
        http = login(token=self.coolify_token.get_secret_value())
        reading = self.read_token.get_secret_value()
        force = self.force if self.force is not None else bool(self.webhook and self.webhook.force)
        image = images.parsed(common.image) if common.image else None
        options = Options(
            command=Command(common.command),
            force=force
            or image is not None,  # a run that goes on may have read the old image (coolify-api 5.1 quirk 3)
            instant=self.instant_deploy,
            wait=common.wait,
            read_only=common.dry_run or common.command == Command.CHECK.value,
            pr=self.pr,
            docker_tag=self.docker_tag,
            pinned=bool(self.commit),
            pull_latest=self.pull_latest,
            tags=frozenset(self.tagged),
            verify_health=common.verify_health,
            verify_timeout=common.verify_timeout,
            rollback=common.rollback,
            hidden_logs=common.hidden_logs,
            site_shows_version=bool(common.verify_url and common.verify_contains),
        )
        requested = RequestedChanges(image, self.commit, {**self.env_file, **self.env}, self.settings)
        api = Client(http, login(token=reading) if reading else http)
        return CoolifyProvider(
            api, self.base, options, requested, self._wanted(image, visited=common.verify_url == "auto")
        )

    def _wanted(self, image: images.Image | None, *, visited: bool) -> NewApplication | None:
        if not self.create or not image:
            return None
        return NewApplication(
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


def _wrong_image(raw: RawInputs) -> list[str]:
    try:
        _ = images.parsed(raw.text("image")) if "image" in raw else None
    except ValueError as error:
        return [f"{raw.as_typed('image')}: {error}"]
    return []
