"""The inputs of Coolify. https://coolify.io/docs/api-reference/authorization"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from deployer.budget import Budget
from deployer.http.client import Http
from deployer.model import Command
from deployer.providers.coolify.api.client import Client
from deployer.providers.coolify.changes import application_settings, envs, images
from deployer.providers.coolify.changes.apply import RequestedChanges
from deployer.providers.coolify.changes.create_rules import NewApplication
from deployer.providers.coolify.inputs import parsers
from deployer.providers.coolify.inputs.conflicts import find_conflicts
from deployer.providers.coolify.inputs.secrets import secret_texts
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.provider import CoolifyProvider
from deployer.providers.interface import Provider, ProviderContext, ProviderInputs
from deployer.settings import Aliases, Common, Flag, Found, Names, RawInputs, in_the_clear, read_text

COMMENT_CUT_OFF = (
    "{}: line {}: everything after ` #` is a comment. To make it part of the value, quote the value"
)
COOLIFY_CONTAINER_VARIABLES = ("COOLIFY_RESOURCE_UUID", "COOLIFY_CONTAINER_NAME")


class Coolify(ProviderInputs):
    """The inputs of Coolify."""

    platform: ClassVar[str] = "coolify"
    credentials: ClassVar[tuple[str, ...]] = ("coolify_token",)
    detected_by: ClassVar[tuple[str, ...]] = ("coolify_url", "coolify_token", "webhook", "uuid", "tag")
    ignored: ClassVar[frozenset[str]] = frozenset(
        {"COOLIFY_FQDN", "COOLIFY_BRANCH", *COOLIFY_CONTAINER_VARIABLES}
    )

    coolify_url: Annotated[
        str, BeforeValidator(parsers.address), Aliases(variables=("COOLIFY_BASE_URL", "COOLIFY_ENDPOINT"))
    ] = Field(
        "",
        description="Required, or `webhook`. The URL of your Coolify, https if it has no scheme; "
        "a trailing `/` or `/api/v1` is ignored",
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
        description="A second token with `read` and `read:sensitive`, used for everything that is only read; "
        "`coolify_token` then only needs `deploy`",
    )
    webhook: Annotated[
        parsers.Webhook | None,
        BeforeValidator(parsers.webhook),
        Aliases(variables=("COOLIFY_WEBHOOK", "COOLIFY_WEBHOOK_URL")),
    ] = Field(
        None,
        description='The "Deploy Webhook" URL from Coolify, instead of `coolify_url` and `uuid` or `tag`, '
        "which take precedence",
    )
    uuid: Annotated[
        Names,
        AfterValidator(parsers.uuids),
        Aliases(inputs=("app_uuid",), variables=("COOLIFY_UUID", "COOLIFY_APP_UUID", "COOLIFY_RESOURCE_ID")),
    ] = Field(
        (),
        description="Required, or `tag`, or `webhook`. What to deploy: one or more uuids of applications, "
        "services or databases, separated by commas, spaces or newlines",
    )
    tag: Annotated[Names, AfterValidator(parsers.tags)] = Field(
        (),
        description="Instead of `uuid`: one or more Coolify tags, not image tags; "
        "deploys all applications and services that have them",
    )
    pr: Annotated[int, BeforeValidator(parsers.pull_request), Aliases(inputs=("pull_request_id",))] = Field(
        0,
        description="Deploy the preview of the pull request with this number; "
        "with `command: stop`, the preview is deleted",
    )
    force: Annotated[Flag | None, Aliases(default="false")] = Field(None, description="Rebuild without cache")
    instant_deploy: Flag = Field(
        default=False,
        description="Start immediately, through `/applications/{uuid}/start`: "
        "does not wait for other builds, but a full queue still rejects it",
    )

    docker_tag: Annotated[str, AfterValidator(parsers.docker_tag)] = Field(
        "",
        description="With `pr`, for a Docker-image application: the image tag to run as its preview; "
        "creates the preview if it does not exist",
    )
    pull_latest: Flag = Field(
        default=True, description="For services: `deploy` pulls newer images before it restarts them"
    )

    commit: Annotated[str, BeforeValidator(parsers.commit)] = Field(
        "",
        description="Pin the application to this commit (40 hex digits) before the deployment. "
        "It stays pinned, also for webhooks, until `commit` is set to `HEAD`",
    )
    env: Annotated[dict[str, SecretStr], BeforeValidator(parsers.env)] = Field(
        default_factory=dict,
        description="Environment variables to set before the deployment: `KEY=value` lines in dotenv syntax; "
        "`${X}` is not expanded. With `pr`: the variables of previews. Others stay unchanged",
    )
    env_file: Annotated[dict[str, SecretStr], BeforeValidator(parsers.env_file)] = Field(
        default_factory=dict,
        description="A file with environment variables to set, like `env` (a regular file, up to 1 MiB); "
        "no key may be in both",
    )
    settings: Annotated[dict[str, Any], BeforeValidator(parsers.settings)] = Field(
        default_factory=dict,
        description="Fields of the application to change before the deployment: a JSON object "
        'with the names of Coolify\'s API (`{"health_check_enabled": true}`)',
    )

    create: Flag = Field(
        default=False,
        description="Instead of `uuid`: create the Docker-image application `name` from `image` "
        "if it does not exist in its environment, then deploy it. "
        "Of an existing one, only the image is changed",
    )
    name: Annotated[str, AfterValidator(parsers.name)] = Field(
        "", description="With `create`: the exact name of the application"
    )
    project: Annotated[str, AfterValidator(parsers.name)] = Field(
        "", description="With `create`: the project, by name or uuid; only needed if there are several"
    )
    environment: Annotated[str, AfterValidator(parsers.name)] = Field(
        "", description="With `create`: the environment, by name or uuid; only needed if there are several"
    )
    server: Annotated[str, AfterValidator(parsers.name)] = Field(
        "", description="With `create`: the server, by name or uuid; only needed if there are several"
    )
    destination: Annotated[str, AfterValidator(parsers.name)] = Field(
        "",
        description="With `create`: the destination on the server, by name or uuid "
        "(preferably uuid before Coolify 4.3.0); only needed if there are several",
    )
    domains: Annotated[tuple[str, ...], BeforeValidator(parsers.domains)] = Field(
        (),
        description="With `create`: the URLs of the new application (`https://app.example.com`), "
        "separated by commas",
    )
    ports: Annotated[tuple[int, ...], BeforeValidator(parsers.ports)] = Field(
        (),
        description="With `create`: the ports that the container listens on (`80`, `80,443`). "
        "Required before Coolify 4.1.2",
    )

    @classmethod
    def untrusted(cls, environ: Mapping[str, str]) -> dict[str, str]:
        """COOLIFY_URL in a container that Coolify runs, where it is the URL of the container itself."""
        if not any(environ.get(name) for name in COOLIFY_CONTAINER_VARIABLES):
            return {}
        return {
            "COOLIFY_URL": (
                "ignoring COOLIFY_URL: Coolify sets it in containers it runs. "
                "Set COOLIFY_BASE_URL or INPUT_COOLIFY_URL instead"
            )
        }

    @classmethod
    def mistakes(cls, raw: RawInputs) -> list[str]:
        """What is missing, invalid or can't be combined, under the names that the user typed."""
        missing = {
            "coolify_url": "the URL of your Coolify, such as https://coolify.example.com",
            "coolify_token": "the API token (in Coolify: Keys & Tokens, API Tokens)",
            "uuid": "what to deploy. Copy the last part of the application's URL in Coolify, or set "
            "`tag` instead",
        }
        if "webhook" in raw:
            del missing["coolify_url"], missing["uuid"]
        elif "tag" in raw or raw.is_on("create"):
            del missing["uuid"]
        absent = [name for name in missing if name not in raw]
        conflicts = [sentence for sentence in find_conflicts(raw) if sentence not in raw.mistakes]
        return [
            *(f"{raw.as_typed(name)} is missing: {missing[name]}" for name in absent),
            *_image_mistakes(raw),
            *conflicts,
        ]

    @classmethod
    def cautions(cls, raw: RawInputs) -> list[str]:
        """Values of variables that end before a ` #`.

        Comments are common in a file, so only suspicious ones are reported there.
        """
        warnings = []
        read_file = partial(read_text, max_bytes=parsers.MAX_FILE_BYTES)
        for name, read, suspicious in (("env", str, False), ("env_file", read_file, True)):
            lines: list[int] = []
            if name in raw:
                with suppress(ValueError):  # reported as a mistake
                    lines = envs.cut_off(read(raw.text(name)), suspicious=suspicious)
            if lines:
                numbers = ", ".join(map(str, lines[: envs.MAX_LISTED_ERRORS]))
                warnings.append(COMMENT_CUT_OFF.format(raw.as_typed(name), numbers))
        return warnings

    @classmethod
    def secrets(cls, raw: RawInputs) -> Iterable[str]:
        """The tokens, and what follows the `|` in each, which may appear alone in a server's log."""
        tokens = [raw.text("coolify_token"), raw.text("read_token")]
        return [*tokens, *(token.partition("|")[2] for token in tokens)]

    @classmethod
    def redacted(cls, raw: RawInputs) -> Iterable[str]:
        """The values of variables, and the secrets in `settings`.

        Redacted here, but not masked by the CI system: a value such as `production` would blank the whole
        log.
        """
        for parse, name in ((envs.parse, "env"), (parsers.env_file, "env_file")):
            if name in raw:
                with suppress(ValueError):  # reported as a mistake, without the text
                    yield from (value.get_secret_value() for value in parse(raw.text(name)).values())
        if "settings" in raw:
            with suppress(ValueError):
                yield from secret_texts(application_settings.settings(raw.text("settings")))

    @classmethod
    def use_simulator(cls, raw: RawInputs, inputs: Mapping[str, str]) -> list[str]:
        """Replace URL, token and targets with the simulator's; a deployment by tag stays one by tag."""
        raw.mistakes += find_conflicts(raw)  # before the user's inputs are replaced
        replaced = ("coolify_url", "coolify_token", "read_token", "uuid", "tag", "webhook")
        ignored = [raw.as_typed(name) for name in replaced if name in raw]
        names = ["coolify_url", "coolify_token"]
        if not raw.is_on("create"):
            names.append("tag" if "tag" in raw and inputs.get("tag") else "uuid")
        for name in replaced:
            raw.found.pop(name, None)
        for name in names:
            raw.found[name] = Found(name, inputs[name])
        return ignored

    @property
    def by_name(self) -> bool:
        """Whether the target is a name, whose uuid is only found out, or created, by the run."""
        return self.create

    @property
    def has_changes(self) -> bool:
        """Whether something is changed before the trigger."""
        return bool(self.create or self.commit or self.env or self.env_file or self.settings)

    @property
    def address(self) -> str:
        """The URL that the requests go to."""
        return self.base

    @property
    def base(self) -> str:
        """The base URL without `/api/v1`. An explicit input takes precedence over the webhook."""
        return self.coolify_url or (self.webhook.url if self.webhook else "")

    @property
    def targets(self) -> tuple[str, ...]:
        """The uuids or tags, without duplicates: Coolify would skip those (coolify-api 5.1 quirk 5)."""
        if self.create:
            return (self.name,)
        return tuple(dict.fromkeys(self.uuid or self.tagged or (self.webhook.uuids if self.webhook else ())))

    @property
    def tagged(self) -> tuple[str, ...]:
        """The tags. Explicit inputs take precedence over the webhook."""
        return self.tag or (self.webhook.tags if self.webhook and not self.uuid else ())

    @property
    def warnings(self) -> list[str]:
        """Warns about a token that is sent unencrypted."""
        return in_the_clear(self.base)

    def build_provider(self, common: Common, context: ProviderContext) -> Provider:
        """The provider for these inputs."""
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
        options = common.fill(
            Options,
            command=Command(common.command),
            # A deployment in progress may have read the old image (coolify-api 5.1 quirk 3).
            force=force or image is not None,
            instant=self.instant_deploy,
            read_only=common.dry_run or common.command == Command.CHECK.value,
            pr=self.pr,
            docker_tag=self.docker_tag,
            pinned=bool(self.commit),
            pull_latest=self.pull_latest,
            tags=frozenset(self.tagged),
            site_shows_version=bool(common.verify_url and common.verify_contains),
        )
        requested = RequestedChanges(image, self.commit, {**self.env_file, **self.env}, self.settings)
        api = Client(http, login(token=reading) if reading else http, Budget(context.now))
        return CoolifyProvider(
            api,
            self.base,
            options,
            requested,
            self._new_application(image, verified=common.verify_url == "auto"),
        )

    def _new_application(self, image: images.Image | None, *, verified: bool) -> NewApplication | None:
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
            verified=verified,
        )


def _image_mistakes(raw: RawInputs) -> list[str]:
    try:
        _ = images.parsed(raw.text("image")) if "image" in raw else None
    except ValueError as error:
        return [f"{raw.as_typed('image')}: {error}"]
    return []
