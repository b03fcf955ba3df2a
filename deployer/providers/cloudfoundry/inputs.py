"""The inputs of Cloud Foundry. https://docs.cloudfoundry.org/cf-cli/getting-started.html"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from deployer.providers.cloudfoundry import images
from deployer.providers.cloudfoundry.options import GUID
from deployer.providers.interface import Provider, ProviderContext, ProviderInputs
from deployer.settings import Aliases, Common, Found, Names, RawInputs, address, in_the_clear, secret

API_SUFFIX = re.compile(r"(/+v[23])?/*$")
"""What may follow the address when it is copied: the version of the API."""

JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
SECRETS = ("cf_password", "cf_client_secret", "cf_assertion", "cf_docker_password")
USER = ("cf_username", "cf_password", "cf_origin")
CLIENT = ("cf_client_id", "cf_client_secret")
TARGET = ("cf_org", "cf_space", "cf_app")
REGISTRY = ("cf_docker_username", "cf_docker_password")


def _address(text: Any) -> Any:
    """The address as `https://host[:port]`. Raises ValueError with the message for the user."""
    if not isinstance(text, str):
        return text
    return address(text, API_SUFFIX, "https://api.example.com, as `cf api` shows it")


def _line(text: str) -> str:
    """Raises ValueError with a message that does not repeat the text: it may be a secret."""
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
        raise ValueError("must name at least one app")
    return text


Line = Annotated[str, AfterValidator(_line)]
Secret = Annotated[SecretStr, BeforeValidator(secret), Aliases(file=True)]


class CloudFoundry(ProviderInputs):
    """Cloud Foundry's inputs."""

    platform: ClassVar[str] = "cloudfoundry"
    detected_by: ClassVar[tuple[str, ...]] = ("cf_api", "cf_app")
    credentials: ClassVar[tuple[str, ...]] = ("cf_assertion", "cf_client_secret", "cf_password")

    cf_api: Annotated[str, BeforeValidator(_address)] = Field(
        "",
        description="Required for Cloud Foundry. The URL of the API, as `cf api` shows it; https if it has no"
        " scheme",
    )
    cf_assertion: Annotated[SecretStr, BeforeValidator(_assertion), Aliases(file=True)] = Field(
        SecretStr(""),
        description="Log in with an identity token that the CI system issues for this job, without a stored "
        "secret. With `cf_client_id`: as that client, otherwise as the user to whom the login "
        "server maps it",
    )
    cf_client_id: Line = Field(
        "",
        description="Log in as this client, with `cf_client_secret` or `cf_assertion`",
    )
    cf_client_secret: Secret = Field(
        SecretStr(""),
        description="The client's secret",
    )
    cf_username: Line = Field(
        "",
        description="Log in as this user, with `cf_password`",
    )
    cf_password: Secret = Field(
        SecretStr(""),
        description="The user's password; tried only once if it is wrong",
    )
    cf_origin: Line = Field(
        "",
        description="The identity provider of `cf_username`, if it is not the foundation's own",
    )
    cf_org: Line = Field(
        "",
        description="The organization; not needed if `cf_app` is a guid",
    )
    cf_space: Line = Field(
        "",
        description="The space; not needed if `cf_app` is a guid",
    )
    cf_app: Annotated[Names, AfterValidator(_apps)] = Field(
        (),
        description="Required for Cloud Foundry. What to deploy: one or more apps by name or guid, separated "
        "by commas, spaces or newlines",
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
        "",
        description="For `image` in a private registry, with `cf_docker_password`",
    )
    cf_docker_password: Secret = Field(
        SecretStr(""),
        description="For `image` in a private registry",
    )

    @classmethod
    def mistakes(cls, raw: RawInputs) -> list[str]:
        """What is missing, and what can't be combined."""
        conflicts = [sentence for sentence in _conflicts(raw) if sentence not in raw.mistakes]
        return [*_missing(raw), *_login_mistakes(raw), *conflicts]

    @classmethod
    def secrets(cls, raw: RawInputs) -> Iterable[str]:
        """Passwords, and the identity token."""
        return [raw.text(name) for name in SECRETS]

    @classmethod
    def use_simulator(cls, raw: RawInputs, inputs: Mapping[str, str]) -> list[str]:
        raw.mistakes += _conflicts(raw)
        names = dict.fromkeys(("cf_api", "cf_assertion", *CLIENT, *USER, *TARGET, *inputs))
        ignored = [raw.as_typed(name) for name in names if name in raw]
        for name in names:
            raw.found.pop(name, None)
        raw.found.update({name: Found(name, text) for name, text in inputs.items()})
        return ignored

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.cf_app))

    @property
    def by_name(self) -> bool:
        return any(not GUID.fullmatch(app) for app in self.cf_app)

    @property
    def has_changes(self) -> bool:
        return False  # only `image`, which is an input of every platform

    @property
    def address(self) -> str:
        return self.cf_api

    @property
    def warnings(self) -> list[str]:
        return in_the_clear(self.cf_api)

    def build_provider(self, common: Common, context: ProviderContext) -> Provider:
        # Not at the top: a run with another provider does not import it.
        from deployer.providers.cloudfoundry.build import build_provider  # noqa: PLC0415

        return build_provider(self, common, context)


def _missing(raw: RawInputs) -> Iterator[str]:
    """The inputs that are always required, and those that apps by name require."""
    required = {
        "cf_api": "the address of the API, as `cf api` shows it",
        "cf_app": "what to deploy, by name or guid",
    }
    names = raw.text("cf_app").replace(",", " ").split()
    if any(not GUID.fullmatch(name) for name in names):
        required |= {"cf_org": "the organization of the app", "cf_space": "the space of the app"}
    for name, what in required.items():
        if name not in raw:
            yield f"{raw.as_typed(name)} is missing: {what}"


def _login_mistakes(raw: RawInputs) -> Iterator[str]:
    """There must be exactly one login, and it must be complete (cloudfoundry-api 2)."""
    typed = raw.as_typed
    user, client = ([name for name in names if name in raw] for names in (USER, CLIENT))
    others = [*client, *(["cf_assertion"] if "cf_assertion" in raw else [])]
    if not user and not others:
        ways = (
            f"{typed('cf_client_id')} and {typed('cf_client_secret')}, "
            f"or {typed('cf_username')} and {typed('cf_password')}"
        )
        yield (
            f"{typed('cf_assertion')} is missing: an identity token that the CI system issues. "
            f"Set it, or {ways}"
        )
    elif user and others:
        yield f"{typed(user[0])} and {typed(others[0])} belong to different logins. Remove one of them"
    elif user:
        if "cf_username" not in raw:
            yield f"{typed(user[0])} requires {typed('cf_username')}"
        if "cf_password" not in raw:
            yield f"{typed(user[0])} requires {typed('cf_password')}"
    elif client and "cf_client_id" not in raw:
        yield f"{typed('cf_client_secret')} requires {typed('cf_client_id')}"
    elif client and "cf_client_secret" not in raw and "cf_assertion" not in raw:
        yield f"{typed('cf_client_id')} requires {typed('cf_client_secret')} or {typed('cf_assertion')}"


def _conflicts(raw: RawInputs) -> Iterator[str]:
    """What can't be combined (architecture 2.2), and an image that is not valid."""
    typed = raw.as_typed
    command = raw.text("command").lower() or "deploy"
    registry = [name for name in REGISTRY if name in raw]
    if "image" in raw and command not in {"deploy", "check"}:
        yield f"{typed('image')} can't be combined with `command: {command}`, only with `command: deploy`"
    if registry and "image" not in raw:
        yield f"{typed(registry[0])} requires {typed('image')}"
    if len(registry) == 1:
        yield f"{typed('cf_docker_username')} and {typed('cf_docker_password')} require each other"
    yield from images.mistakes(raw)
