"""What Coolify needs to know from the user. https://coolify.io/docs/api-reference/authorization"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, NamedTuple
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, TypeAdapter

from deployer.http import Http
from deployer.providers.contract import Provider, ProviderInputs
from deployer.providers.coolify.calls import CoolifyServer
from deployer.providers.coolify.trigger import Wish
from deployer.settings import Common, Flag, Found, Given, Names, Spelling

FOREIGN_TOKENS = ("ghs_", "ghp_", "github_pat_", "glpat-")
UUID = re.compile(r"[A-Za-z0-9-]+")
SIGNS_OF_COOLIFY = ("COOLIFY_RESOURCE_UUID", "COOLIFY_CONTAINER_NAME")
API = re.compile(r"(/+api(/+v1)?)?/*$")
HALF_SCHEME = re.compile(r"https?:(?!//)", re.IGNORECASE)


def _address(text: Any) -> Any:
    """`https://host[:port]`, from what people paste. Raises ValueError with the sentence for them."""
    if not isinstance(text, str):
        return text
    parts = urlsplit(text if "://" in text else f"https://{text}")
    problem = _problem(parts.scheme, parts.hostname, parts.username, text)
    if problem:
        raise ValueError(problem)
    _ = parts.port  # raises ValueError where it is no number
    return f"{parts.scheme}://{parts.netloc}{API.sub('', parts.path)}"


def _problem(scheme: str, host: str | None, user: str | None, text: str) -> str:
    if scheme not in {"http", "https"}:
        return f"must begin with https:// or http://, not {scheme}://"
    if user is not None:
        return "must not hold a user or a password"
    if not host or not _is_host(host) or HALF_SCHEME.match(text) or re.search(r"[\s\\\x00-\x1f]", text):
        return "is no address: write https://coolify.example.com"
    return ""


def _is_host(host: str) -> bool:
    """A name or an IP address; a token that was given as the address must not be looked up in the DNS."""
    if ":" in host:
        return True  # IPv6, which urlsplit has read
    return all(re.fullmatch(r"[\w-]{1,63}", label) for label in host.removesuffix(".").split("."))


def _token(text: Any) -> Any:
    if isinstance(text, str):
        if text.startswith(FOREIGN_TOKENS):
            message = "this is a token of GitHub or GitLab, not one of Coolify; it was not sent"
            raise ValueError(message)
        if text.lower().startswith(("http://", "https://", "bearer ")):
            raise ValueError("must be the token alone, no address and no header")
        if not re.fullmatch(r"[\x21-\x7e]+", text):
            message = "holds blanks, line breaks or other characters that no Coolify token has"
            raise ValueError(message)
    return text


def _uuids(text: tuple[str, ...]) -> tuple[str, ...]:
    """Raises ValueError; what was given is not shown: it may be the token, in the wrong place."""
    wrong = [number for number, each in enumerate(text, 1) if not UUID.fullmatch(each)]
    if wrong or not text:
        which = f"the {wrong[0]}. of them" if wrong and len(text) > 1 else "it"
        raise ValueError(f"{which} is no uuid: give only what follows /application/ in its address in Coolify")
    return text


class Webhook(NamedTuple):
    """What a "Deploy Webhook" address says."""

    url: str
    uuids: tuple[str, ...]
    force: bool


def _webhook(text: Any) -> Any:
    """The parts of Coolify's "Deploy Webhook" address; its `force=false` would force a rebuild before 4.2.0 (contract 5.1)."""
    if not isinstance(text, str):
        return text
    address, _, query = text.partition("?")
    base, found, _ = address.partition("/api/v1/deploy")
    asked = parse_qs(query)
    if not found:
        message = "is no Deploy Webhook: it looks like https://coolify.example.com/api/v1/deploy?uuid=…"
        raise ValueError(message)
    if "uuid" not in asked:
        message = "names no uuid: copy the Deploy Webhook of one resource, or give `uuid`"
        raise ValueError(message)
    uuids = _uuids(TypeAdapter(Names).validate_python(",".join(asked["uuid"])))
    return Webhook(_address(base), uuids, asked.get("force", [""])[-1].lower() == "true")


class Coolify(ProviderInputs):
    """Coolify's inputs."""

    name: ClassVar[str] = "coolify"
    secret: ClassVar[str] = "coolify_token"  # noqa: S105 -- the name of an input
    ignored: ClassVar[frozenset[str]] = frozenset({"COOLIFY_FQDN", "COOLIFY_BRANCH", *SIGNS_OF_COOLIFY})

    coolify_url: Annotated[str, BeforeValidator(_address), Spelling(variables=("COOLIFY_BASE_URL", "COOLIFY_ENDPOINT"))] = Field(
        "",
        description="Required, or `webhook`. Address of your Coolify; without scheme means https; a trailing `/` and `/api/v1` are dropped",
    )
    coolify_token: Annotated[
        SecretStr,
        BeforeValidator(_token),
        Spelling(inputs=("token",), variables=("COOLIFY_API_TOKEN", "COOLIFY_ACCESS_TOKEN"), file=True),
    ] = Field(SecretStr(""), description="Required. API token with `deploy`, `read` and, for the build log, `read:sensitive`")
    webhook: Annotated[Webhook | None, BeforeValidator(_webhook), Spelling(variables=("COOLIFY_WEBHOOK", "COOLIFY_WEBHOOK_URL"))] = Field(
        None, description='Coolify\'s "Deploy Webhook" address, in the place of `coolify_url` and `uuid`, which beat it'
    )
    uuid: Annotated[
        Names,
        AfterValidator(_uuids),
        Spelling(inputs=("app_uuid",), variables=("COOLIFY_UUID", "COOLIFY_APP_UUID", "COOLIFY_RESOURCE_ID")),
    ] = Field((), description="Required, or `webhook`. What to deploy: one application's uuid, or many (comma, space or newline)")
    force: Annotated[Flag | None, Spelling(default="false")] = Field(None, description="Rebuild without cache")
    instant_deploy: Flag = Field(
        default=False,
        description="Start at once, through `/applications/{uuid}/start`: waits for no other build, but a full queue still turns it away",
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
            "uuid": "the application to deploy; it is the last part of its address in Coolify",
        }
        from_webhook = {"coolify_url", "uuid"} if "webhook" in given else set()
        return [
            f"{given.typed(name)} is missing: {what}" for name, what in missing.items() if name not in given and name not in from_webhook
        ]

    @classmethod
    def secrets(cls, given: Given) -> Iterable[str]:
        """The token, and its part after the bar: that alone may stand in a server's log."""
        token = given.text("coolify_token")
        return [token, token.partition("|")[2]]

    @classmethod
    def stage(cls, given: Given, url: str, token: str, targets: tuple[str, ...]) -> list[str]:
        """The simulator's address, token and applications instead of the user's."""
        ignored = [given.typed(name) for name in ("coolify_url", "coolify_token", "uuid", "webhook") if name in given]
        given.found.pop("webhook", None)
        for name, text in (("coolify_url", url), ("coolify_token", token), ("uuid", ",".join(targets))):
            given.found[name] = Found(name, text)
        return ignored

    @property
    def base(self) -> str:
        """The address without `/api/v1`. What is given explicitly beats the webhook."""
        return self.coolify_url or (self.webhook.url if self.webhook else "")

    @property
    def targets(self) -> tuple[str, ...]:
        """Each uuid once: Coolify would skip the second (contract 5.1 quirk 5)."""
        return tuple(dict.fromkeys(self.uuid or (self.webhook.uuids if self.webhook else ())))

    @property
    def warnings(self) -> list[str]:
        """A token that crosses the internet in the clear."""
        parts = urlsplit(self.base)
        if parts.scheme == "http" and _public(parts.hostname or ""):
            return [f"{self.base} is not encrypted: everybody on the way can read the token. Use https://"]
        return []

    def connect(self, common: Common, *, agent: str, now: Callable[[], float], direct: bool) -> Provider:
        """The server behind these inputs."""
        http = Http(
            f"{self.base}/api/v1",
            token=self.coolify_token.get_secret_value(),
            agent=agent,
            now=now,
            headers={name: value.get_secret_value() for name, value in common.headers.items()},
            ca=common.ca_cert,
            insecure=common.insecure,
            direct=direct,
        )
        force = self.force if self.force is not None else bool(self.webhook and self.webhook.force)
        return CoolifyServer(http, self.base, Wish(force=force, instant=self.instant_deploy, wait=common.wait))


def _public(host: str) -> bool:
    """Whether a host may be on the internet: a name with a dot that is not the local network's, or a global address."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".lan", ".localhost", ".test", ".home.arpa"))
