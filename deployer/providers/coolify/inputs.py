"""What Coolify needs to know from the user. https://coolify.io/docs/api-reference/authorization"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, NamedTuple
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, TypeAdapter

from deployer.http import Http
from deployer.model import Command
from deployer.providers.contract import Provider, ProviderInputs
from deployer.providers.coolify.api import Api
from deployer.providers.coolify.calls import CoolifyServer
from deployer.providers.coolify.wish import Wish
from deployer.settings import Common, Flag, Found, Given, Names, Spelling

FOREIGN_TOKENS = ("ghs_", "ghp_", "github_pat_", "glpat-")
UUID = re.compile(r"[A-Za-z0-9-]+")
TAG = re.compile(r"[A-Za-z0-9_.-]{1,100}")
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


def _tags(text: tuple[str, ...]) -> tuple[str, ...]:
    """Coolify keeps them in lower case and compares them as they are (contract 5.1). Raises ValueError."""
    if not text or any(not TAG.fullmatch(each) for each in text):
        message = "is no tag of Coolify's: letters, digits and -_. only. (An image's tag is not meant: that belongs to the application)"
        raise ValueError(message)
    return tuple(each.lower() for each in text)


def _pull_request(text: Any) -> Any:
    if isinstance(text, str):
        if not re.fullmatch(r"#?0*[1-9]\d{0,9}", text.strip()):
            message = "must be the number of a pull request"
            raise ValueError(message)
        return int(text.strip().removeprefix("#"))
    return text


def _docker_tag(text: str) -> str:
    """The form of contract 5.7. Raises ValueError."""
    if text and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", text):
        message = "is no image tag: letters, digits and _.- only, such as pr-7"
        raise ValueError(message)
    return text


class Webhook(NamedTuple):
    """What a "Deploy Webhook" address says."""

    url: str
    uuids: tuple[str, ...]
    tags: tuple[str, ...]
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
    if foreign := sorted(set(asked) - {"uuid", "tag", "force"}):
        message = (
            f"holds {foreign[0]!r}, which belongs into an input of its own" if foreign[0].isidentifier() else "holds more than it should"
        )
        raise ValueError(message)
    if ("uuid" in asked) == ("tag" in asked):
        message = "must name a uuid or a tag: copy the Deploy Webhook of one resource, or give `uuid`"
        raise ValueError(message)
    names = TypeAdapter(Names)
    uuids = _uuids(names.validate_python(",".join(asked["uuid"]))) if "uuid" in asked else ()
    tags = _tags(names.validate_python(",".join(asked["tag"]))) if "tag" in asked else ()
    return Webhook(_address(base), uuids, tags, asked.get("force", [""])[-1].lower() == "true")


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
    read_token: Annotated[SecretStr, BeforeValidator(_token), Spelling(variables=("COOLIFY_READ_TOKEN",), file=True)] = Field(
        SecretStr(""),
        description="A second token, with `read` and `read:sensitive`, used for all reading; `coolify_token` then only needs `deploy`",
    )
    webhook: Annotated[Webhook | None, BeforeValidator(_webhook), Spelling(variables=("COOLIFY_WEBHOOK", "COOLIFY_WEBHOOK_URL"))] = Field(
        None, description='Coolify\'s "Deploy Webhook" address, in the place of `coolify_url` and `uuid` or `tag`, which beat it'
    )
    uuid: Annotated[
        Names,
        AfterValidator(_uuids),
        Spelling(inputs=("app_uuid",), variables=("COOLIFY_UUID", "COOLIFY_APP_UUID", "COOLIFY_RESOURCE_ID")),
    ] = Field(
        (),
        description="Required, or `tag`, or `webhook`. What to deploy: one uuid or many (comma, space or newline), "
        "of applications, services or databases",
    )
    tag: Annotated[Names, AfterValidator(_tags)] = Field(
        (),
        description="In the place of `uuid`: deploy all applications and services that carry this tag of Coolify's (one or many); "
        "never an image's tag",
    )
    pr: Annotated[int, BeforeValidator(_pull_request), Spelling(inputs=("pull_request_id",))] = Field(
        0, description="Deploy the preview of this pull request (its number); with `command: stop` the preview is deleted"
    )
    force: Annotated[Flag | None, Spelling(default="false")] = Field(None, description="Rebuild without cache")
    instant_deploy: Flag = Field(
        default=False,
        description="Start at once, through `/applications/{uuid}/start`: waits for no other build, but a full queue still turns it away",
    )

    docker_tag: Annotated[str, AfterValidator(_docker_tag)] = Field(
        "", description="With `pr`, for a Docker-image application: the image tag that its preview runs; makes the preview if there is none"
    )
    pull_latest: Flag = Field(default=True, description="Services: `deploy` pulls newer images before it restarts them")

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
        elsewhere = ({"coolify_url", "uuid"} if "webhook" in given else set()) | ({"uuid"} if "tag" in given else set())
        absent = [name for name in missing if name not in given and name not in elsewhere]
        contradictions = [sentence for sentence in _contradictions(given) if sentence not in given.mistakes]
        return [*(f"{given.typed(name)} is missing: {missing[name]}" for name in absent), *contradictions]

    @classmethod
    def secrets(cls, given: Given) -> Iterable[str]:
        """The tokens, and their parts after the bar: that alone may stand in a server's log."""
        tokens = [given.text("coolify_token"), given.text("read_token")]
        return [*tokens, *(token.partition("|")[2] for token in tokens)]

    @classmethod
    def stage(cls, given: Given, url: str, token: str, targets: tuple[str, ...], group: str) -> list[str]:
        """The simulator's address, token and resources instead of the user's; who deploys by tag does so there, too."""
        given.mistakes += _contradictions(given)  # of what the user wrote: below it is replaced
        theirs = ("coolify_url", "coolify_token", "read_token", "uuid", "tag", "webhook")
        ignored = [given.typed(name) for name in theirs if name in given]
        what = ("tag", group) if group and "tag" in given else ("uuid", ",".join(targets))
        for name in theirs:
            given.found.pop(name, None)
        for name, text in (("coolify_url", url), ("coolify_token", token), what):
            given.found[name] = Found(name, text)
        return ignored

    @property
    def base(self) -> str:
        """The address without `/api/v1`. What is given explicitly beats the webhook."""
        return self.coolify_url or (self.webhook.url if self.webhook else "")

    @property
    def targets(self) -> tuple[str, ...]:
        """Each uuid or tag once: Coolify would skip the second (contract 5.1 quirk 5)."""
        return tuple(dict.fromkeys(self.uuid or self.tagged or (self.webhook.uuids if self.webhook else ())))

    @property
    def tagged(self) -> tuple[str, ...]:
        """What is given explicitly beats the webhook."""
        return self.tag or (self.webhook.tags if self.webhook and not self.uuid else ())

    @property
    def warnings(self) -> list[str]:
        """A token that crosses the internet in the clear."""
        parts = urlsplit(self.base)
        if parts.scheme == "http" and _public(parts.hostname or ""):
            return [f"{self.base} is not encrypted: everybody on the way can read the token. Use https://"]
        return []

    def connect(self, common: Common, *, agent: str, now: Callable[[], float], direct: bool) -> Provider:
        """The server behind these inputs."""
        login = partial(
            Http,
            f"{self.base}/api/v1",
            agent=agent,
            now=now,
            headers={name: value.get_secret_value() for name, value in common.headers.items()},
            ca=common.ca_cert,
            insecure=common.insecure,
            direct=direct,
        )
        http = login(token=self.coolify_token.get_secret_value())
        reading = self.read_token.get_secret_value()
        wish = Wish(
            command=Command(common.command),
            force=self.force if self.force is not None else bool(self.webhook and self.webhook.force),
            instant=self.instant_deploy,
            wait=common.wait,
            examines=common.dry_run or common.command == Command.CHECK.value,
            pr=self.pr,
            docker_tag=self.docker_tag,
            pull_latest=self.pull_latest,
            tags=frozenset(self.tagged),
            verify=common.verify_health,
            verify_timeout=common.verify_timeout,
        )
        return CoolifyServer(Api(http, login(token=reading) if reading else http), self.base, wish)


def _contradictions(given: Given) -> list[str]:
    """What can't stand together (design.md 2.2)."""
    said = {name: given.typed(name) for name in ("uuid", "tag", "pr", "docker_tag", "instant_deploy", "command", "webhook")}
    by_tag = "tag" in given or ("webhook" in given and "uuid" not in given and bool(re.search(r"[?&]tag=", given.text("webhook"))))
    command = given.text("command").lower() or "deploy"
    tagged = said["tag"] if "tag" in given else said["webhook"]
    instant = "instant_deploy" in given and given.text("instant_deploy").lower() not in {"false", "0", "no", "off"}
    two = "tag" in given and "uuid" not in given and bool(re.search(r"[?&]uuid=", given.text("webhook")))
    rows = (
        (two, f"{said['webhook']} and {said['tag']} can't both be given"),
        ("uuid" in given and "tag" in given, f"{said['uuid']} and {said['tag']} can't both be given"),
        (by_tag and "pr" in given, f"{said['pr']} needs one application's uuid, not a tag"),
        (
            by_tag and command not in {"deploy", "check"},
            f"{said['command']}: {command} needs uuids: Coolify can only deploy by tag ({tagged})",
        ),
        ("docker_tag" in given and "pr" not in given, f"{said['docker_tag']} needs `pr`: it is the image tag of a preview"),
        (instant and by_tag, f"{said['instant_deploy']} can't be done by tag"),
        (
            instant and "pr" in given,
            f"{said['instant_deploy']} can't be done with `pr` or `docker_tag`: Coolify would deploy the application itself",
        ),
        (
            "pr" in given and command == "restart",
            f"{said['command']}: restart can't be done with `pr`: Coolify would restart the application itself",
        ),
    )
    return [sentence for wrong, sentence in rows if wrong]


def _public(host: str) -> bool:
    """Whether a host may be on the internet: a name with a dot that is not the local network's, or a global address."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".lan", ".localhost", ".test", ".home.arpa"))
