"""The inputs of Cloud Foundry. https://docs.cloudfoundry.org/cf-cli/getting-started.html"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from deployer.http.client import Http
from deployer.model import Command
from deployer.providers.cloudfoundry import images
from deployer.providers.cloudfoundry.api import discovery
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.api.uaa import Login
from deployer.providers.cloudfoundry.lookup import GUID, AppLookup
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.provider import CloudFoundryProvider
from deployer.providers.interface import Provider, ProviderContext, ProviderInputs
from deployer.settings import Aliases, Common, Found, Names, RawInputs, address, in_the_clear, secret

TAIL = re.compile(r"(/+v[23])?/*$")
JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
SECRETS = ("cf_password", "cf_client_secret", "cf_assertion", "cf_docker_password")
USER = ("cf_username", "cf_password", "cf_origin")
CLIENT = ("cf_client_id", "cf_client_secret")
ASSERTION = ("cf_assertion",)
APP = ("cf_org", "cf_space", "cf_app")


def _address(text: Any) -> Any:
    """`https://host[:port]`, from what people paste. Raises ValueError with a sentence for the user."""
    if not isinstance(text, str):
        return text
    return address(text, TAIL, "https://api.example.com, as `cf api` shows it")


def _line(text: str) -> str:
    """The text, unchanged. Raises ValueError without showing the text, which may be a misplaced secret."""
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError("must be one line")
    return text


def _assertion(text: Any) -> Any:
    if isinstance(secret(text), str) and not JWT.fullmatch(text):
        raise ValueError(
            "is not an identity token (three parts separated by dots). "
            "GitHub issues one with `id-token: write`, GitLab with `id_tokens`"
        )
    return text


def _apps(text: tuple[str, ...]) -> tuple[str, ...]:
    if not text:
        raise ValueError("names no app")
    return text


Line = Annotated[str, AfterValidator(_line)]
Secret = Annotated[SecretStr, BeforeValidator(secret), Aliases(file=True)]


class CloudFoundry(ProviderInputs):
    """The inputs of Cloud Foundry."""

    platform: ClassVar[str] = "cloudfoundry"
    detected_by: ClassVar[tuple[str, ...]] = ("cf_api", "cf_app")
    credentials: ClassVar[tuple[str, ...]] = ("cf_assertion", "cf_client_secret", "cf_password")

    cf_api: Annotated[str, BeforeValidator(_address)] = Field(
        "",
        description="Required for Cloud Foundry. The URL of the API, as `cf api` shows it; https if it has "
        "no scheme",
    )
    cf_assertion: Annotated[SecretStr, BeforeValidator(_assertion), Aliases(file=True)] = Field(
        SecretStr(""),
        description="Log in with an identity token that the CI system issues for this job, without a stored "
        "secret. "
        "With `cf_client_id`: as that client, otherwise as the user to whom the login server maps it",
    )
    cf_client_id: Line = Field(
        "", description="Log in as this client, with `cf_client_secret` or `cf_assertion`"
    )
    cf_client_secret: Secret = Field(SecretStr(""), description="The client's secret")
    cf_username: Line = Field("", description="Log in as this user, with `cf_password`")
    cf_password: Secret = Field(
        SecretStr(""), description="The user's password; tried only once if it is wrong"
    )
    cf_origin: Line = Field(
        "", description="The identity provider of `cf_username`, if it is not the foundation's own"
    )
    cf_org: Line = Field("", description="The organization; not needed if `cf_app` is a guid")
    cf_space: Line = Field("", description="The space; not needed if `cf_app` is a guid")
    cf_app: Annotated[Names, AfterValidator(_apps)] = Field(
        (),
        description="Required for Cloud Foundry. What to deploy: one or more apps by name or guid, "
        "separated by commas, spaces or newlines",
    )
    cf_strategy: Literal["start", "restart", "rolling"] = Field(
        "start",
        description="How `deploy` starts a new version: `start` (does nothing if the app is started), "
        "`restart`, or `rolling`",
    )
    cf_ready: Literal["all", "any"] = Field(
        "all",
        description="How many instances of each process must be running: `all`, or `any` (one, as for the "
        "`cf` command)",
    )
    cf_docker_username: Line = Field(
        "", description="For `image` in a private registry, with `cf_docker_password`"
    )
    cf_docker_password: Secret = Field(SecretStr(""), description="For `image` in a private registry")

    @classmethod
    def mistakes(cls, raw: RawInputs) -> list[str]:
        """What is missing or can't be combined, under the names that the user typed."""
        names = raw.text("cf_app").replace(",", " ").split()
        by_name = any(not GUID.fullmatch(name) for name in names)
        missing = {
            "cf_api": "the URL of the API, as `cf api` shows it",
            "cf_app": "what to deploy, by name or guid",
        }
        if by_name:
            missing |= {"cf_org": "the organization of the app", "cf_space": "the space of the app"}
        absent = [
            f"{raw.as_typed(name)} is missing: {what}" for name, what in missing.items() if name not in raw
        ]
        conflicts = [sentence for sentence in find_conflicts(raw) if sentence not in raw.mistakes]
        return [*absent, *_login_mistakes(raw), *conflicts]

    @classmethod
    def secrets(cls, raw: RawInputs) -> Iterable[str]:
        """The passwords, the client secret, and the identity token."""
        return [raw.text(name) for name in SECRETS]

    @classmethod
    def use_simulator(cls, raw: RawInputs, inputs: Mapping[str, str]) -> list[str]:
        """Replace URL, login and apps with the simulator's."""
        raw.mistakes += find_conflicts(raw)
        replaced = dict.fromkeys(("cf_api", *ASSERTION, *CLIENT, *USER, *APP, *inputs))
        ignored = [raw.as_typed(name) for name in replaced if name in raw]
        for name in replaced:
            raw.found.pop(name, None)
        raw.found.update({name: Found(name, text) for name, text in inputs.items()})
        return ignored

    @property
    def targets(self) -> tuple[str, ...]:
        """The apps, without duplicates."""
        return tuple(dict.fromkeys(self.cf_app))

    @property
    def by_name(self) -> bool:
        """Whether an app is a name, whose guid is only found by the run."""
        return any(not GUID.fullmatch(app) for app in self.cf_app)

    @property
    def has_changes(self) -> bool:
        """Always false: the image, an input of both platforms, is the only change."""
        return False

    @property
    def address(self) -> str:
        """The URL that the requests go to."""
        return self.cf_api

    @property
    def warnings(self) -> list[str]:
        """Warns about a login that is sent unencrypted."""
        return in_the_clear(self.cf_api)

    def build_provider(self, common: Common, context: ProviderContext) -> Provider:
        """The provider for these inputs."""
        headers = {name: value.get_secret_value() for name, value in common.headers.items()}

        def opened(address: str, **login: Any) -> Http:
            """A connection to one host. The user's headers are only sent to hosts of the API's domain."""
            return Http(
                address,
                user_agent=context.user_agent,
                monotonic=context.monotonic,
                headers=headers if discovery.beside(address, self.cf_api) else {},
                ca=common.ca_cert,
                insecure=common.insecure,
                no_proxy=context.no_proxy,
                time_left=context.time_left,
                **login,
            )

        login = Login(
            username=self.cf_username,
            password=self.cf_password.get_secret_value(),
            origin=self.cf_origin,
            client_id=self.cf_client_id,
            client_secret=self.cf_client_secret.get_secret_value(),
            assertion=self.cf_assertion.get_secret_value(),
        )
        options = Options(
            command=Command(common.command),
            strategy=self.cf_strategy,
            ready=self.cf_ready,
            image=common.image,
            docker_username=self.cf_docker_username,
            docker_password=self.cf_docker_password.get_secret_value(),
            verify_health=common.verify_health == "true",
            rollback=common.rollback,
            wait=common.wait,
            read_only=common.dry_run or common.command == Command.CHECK.value,
        )
        api = Client(self.cf_api, login, opened, now=context.now, hide=context.add_secret)
        return CloudFoundryProvider(api, AppLookup(api, self.cf_org, self.cf_space), options)


def _login_mistakes(raw: RawInputs) -> list[str]:
    """Exactly one way to log in, with all of its inputs (cloudfoundry-api 2)."""
    typed = raw.as_typed
    user, client, assertion = ([name for name in names if name in raw] for names in (USER, CLIENT, ASSERTION))
    if not (user or client or assertion):
        others = (
            f"{typed('cf_client_id')} with {typed('cf_client_secret')}, "
            f"or {typed('cf_username')} with {typed('cf_password')}"
        )
        missing = f"{typed('cf_assertion')} is missing: an identity token that the CI system issues"
        return [f"{missing}. Alternatively set {others}"]
    if user and (client or assertion):
        other = typed((client or assertion)[0])
        return [f"{typed(user[0])} and {other} can't be combined: they are two logins. Remove one"]
    return list(_incomplete_login(raw, user, client, assertion))


def _incomplete_login(
    raw: RawInputs, user: list[str], client: list[str], assertion: list[str]
) -> Iterator[str]:
    typed = raw.as_typed
    if user and "cf_username" not in raw:
        yield f"{typed(user[0])} requires {typed('cf_username')}"
    if user and "cf_password" not in raw:
        yield f"{typed(user[0])} requires {typed('cf_password')}"
    if client and "cf_client_id" not in raw:
        yield f"{typed('cf_client_secret')} requires {typed('cf_client_id')}"
    if client and not assertion and "cf_client_secret" not in raw:
        yield f"{typed('cf_client_id')} requires {typed('cf_client_secret')} or {typed('cf_assertion')}"


def find_conflicts(raw: RawInputs) -> list[str]:
    """Inputs that can't be combined (architecture 2.2), under the names that the user typed."""
    return [*_image_conflicts(raw), *images.mistakes(raw)]


def _image_conflicts(raw: RawInputs) -> Iterator[str]:
    typed = raw.as_typed
    registry = [name for name in ("cf_docker_username", "cf_docker_password") if name in raw]
    command = raw.text("command").lower() or "deploy"
    if "image" in raw and command not in {"deploy", "check"}:
        yield f"{typed('image')} can't be combined with `command: {command}`: only `deploy` stages an image"
    if registry and "image" not in raw:
        yield f"{typed(registry[0])} requires {typed('image')}"
    if len(registry) == 1:
        missing = "cf_docker_password" if registry[0] == "cf_docker_username" else "cf_docker_username"
        yield f"{typed(registry[0])} requires {typed(missing)}"
