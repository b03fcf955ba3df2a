"""What Cloud Foundry needs to know from the user. https://docs.cloudfoundry.org/cf-cli/getting-started.html"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
PEOPLE, CLIENT, TOKEN = (
    ("cf_username", "cf_password", "cf_origin"),
    ("cf_client_id", "cf_client_secret"),
    ("cf_assertion",),
)
PLACE = ("cf_org", "cf_space", "cf_app")


def _address(text: Any) -> Any:
    """`https://host[:port]`, from what people paste. Raises ValueError with the sentence for them."""
    return (
        address(text, TAIL, "https://api.example.com, as `cf api` shows it")
        if isinstance(text, str)
        else text
    )


def _line(text: str) -> str:
    """Raises ValueError; what was given is not shown: it may be a secret, in the wrong place."""
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError("must be one line")
    return text


def _assertion(text: Any) -> Any:
    if isinstance(secret(text), str) and not JWT.fullmatch(text):
        raise ValueError(
            "is no identity token (three parts with dots between): GitHub gives one with `id-token: write`, GitLab by `id_tokens`"
        )
    return text


def _apps(text: tuple[str, ...]) -> tuple[str, ...]:
    if not text:
        raise ValueError("names no app")
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
        description="Required for Cloud Foundry. Address of the API, as `cf api` shows it; without scheme means https",
    )
    cf_assertion: Annotated[SecretStr, BeforeValidator(_assertion), Aliases(file=True)] = Field(
        SecretStr(""),
        description="Log in with an identity token that the CI system has issued for this job: no stored secret. "
        "With `cf_client_id` as that client, otherwise as the user that the login server makes of it",
    )
    cf_client_id: Line = Field(
        "", description="Log in as this client, with `cf_client_secret` or `cf_assertion`"
    )
    cf_client_secret: Secret = Field(SecretStr(""), description="The client's secret")
    cf_username: Line = Field("", description="Log in as this user, with `cf_password`")
    cf_password: Secret = Field(SecretStr(""), description="The user's password; a wrong one is tried once")
    cf_origin: Line = Field(
        "", description="The identity provider of `cf_username`, where it is not the foundation's own"
    )
    cf_org: Line = Field("", description="The organization; not needed where `cf_app` is a guid")
    cf_space: Line = Field("", description="The space; not needed where `cf_app` is a guid")
    cf_app: Annotated[Names, AfterValidator(_apps)] = Field(
        (),
        description="Required for Cloud Foundry. What to deploy: one app or many (comma, space or newline), by name or guid",
    )
    cf_strategy: Literal["start", "restart", "rolling"] = Field(
        "start",
        description="How `deploy` puts it live: `start` (does nothing for an app that is started), `restart`, or `rolling`",
    )
    cf_ready: Literal["all", "any"] = Field(
        "all",
        description="Instances of each process that must run: `all`, or `any` (one is enough, as for the `cf` command)",
    )
    cf_docker_username: Line = Field(
        "", description="For `image` in a private registry, with `cf_docker_password`"
    )
    cf_docker_password: Secret = Field(SecretStr(""), description="For `image` in a private registry")

    @classmethod
    def mistakes(cls, raw: RawInputs) -> list[str]:
        """What is missing."""
        names = raw.text("cf_app").replace(",", " ").split()
        by_name = any(not GUID.fullmatch(name) for name in names)
        missing = {
            "cf_api": "the address of the API, as `cf api` shows it",
            "cf_app": "what to deploy, by name or guid",
            **(
                {"cf_org": "the organization of the app", "cf_space": "the space of the app"}
                if by_name
                else {}
            ),
        }
        absent = [
            f"{raw.as_typed(name)} is missing: {what}" for name, what in missing.items() if name not in raw
        ]
        contrary = [sentence for sentence in _contradictions(raw) if sentence not in raw.mistakes]
        return absent + _login_mistakes(raw) + contrary

    @classmethod
    def secrets(cls, raw: RawInputs) -> Iterable[str]:
        """Passwords, and the identity token."""
        return [raw.text(name) for name in SECRETS]

    @classmethod
    def use_simulator(cls, raw: RawInputs, inputs: Mapping[str, str]) -> list[str]:
        """The simulator's address, login and apps instead of the user's."""
        raw.mistakes += _contradictions(raw)
        theirs = dict.fromkeys(("cf_api", *TOKEN, *CLIENT, *PEOPLE, *PLACE, *inputs))
        ignored = [raw.as_typed(name) for name in theirs if name in raw]
        for name in theirs:
            raw.found.pop(name, None)
        raw.found.update({name: Found(name, text) for name, text in inputs.items()})
        return ignored

    @property
    def targets(self) -> tuple[str, ...]:
        """Each app once."""
        return tuple(dict.fromkeys(self.cf_app))

    @property
    def by_name(self) -> bool:
        """Whether an app is named, so that its guid is only found by the run."""
        return any(not GUID.fullmatch(app) for app in self.cf_app)

    @property
    def has_changes(self) -> bool:
        """Nothing but the image, which is no input of Cloud Foundry's alone."""
        return False

    @property
    def address(self) -> str:
        """Where the API is asked."""
        return self.cf_api

    @property
    def warnings(self) -> list[str]:
        """A login that crosses the internet in the clear."""
        return in_the_clear(self.cf_api)

    def build_provider(self, common: Common, context: ProviderContext) -> Provider:
        """The foundation behind these inputs."""
        headers = {name: value.get_secret_value() for name, value in common.headers.items()}

        def opened(address: str, **login: Any) -> Http:
            """One of the hosts that the API names. The user's headers are for those of its own domain."""
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
    """One way to log in, and all of it (cloudfoundry-api 2)."""
    people, client, token = ([name for name in names if name in raw] for names in (PEOPLE, CLIENT, TOKEN))
    said = {name: raw.as_typed(name) for name in (*PEOPLE, *CLIENT, *TOKEN)}
    if not people + client + token:
        ways = f"{said['cf_client_id']} with {said['cf_client_secret']}, or {said['cf_username']} with {said['cf_password']}"
        return [
            f"{said['cf_assertion']} is missing: an identity token that the CI system issues; or give {ways}"
        ]
    if people and client + token:
        return [f"{said[people[0]]} and {said[(client + token)[0]]} can't both be given: they are two logins"]
    rows = (
        (
            people and "cf_username" not in raw,
            f"{said['cf_username']} is missing: whose {said[people[0]] if people else ''} is it?",
        ),
        (people and "cf_password" not in raw, f"{said['cf_password']} is missing"),
        (
            client and "cf_client_id" not in raw,
            f"{said['cf_client_id']} is missing: whose {said['cf_client_secret']} is it?",
        ),
        (
            client and not token and "cf_client_secret" not in raw,
            f"{said['cf_client_secret']} is missing, or {said['cf_assertion']}",
        ),
    )
    return [sentence for wrong, sentence in rows if wrong]


def _contradictions(raw: RawInputs) -> list[str]:
    """What can't stand together (architecture 2.2)."""
    said = {name: raw.as_typed(name) for name in ("image", "cf_docker_username", "cf_docker_password")}
    registry = [name for name in ("cf_docker_username", "cf_docker_password") if name in raw]
    command = raw.text("command").lower() or "deploy"
    rows = (
        (
            "image" in raw and command not in {"deploy", "check"},
            f"{said['image']} is put live by `command: deploy`, and not by `command: {command}`",
        ),
        (
            registry and "image" not in raw,
            f"{said[registry[0]] if registry else ''} is nothing without {said['image']}",
        ),
        (len(registry) == 1, f"{said['cf_docker_username']} and {said['cf_docker_password']} go together"),
    )
    return [sentence for wrong, sentence in rows if wrong] + images.mistakes(raw)
