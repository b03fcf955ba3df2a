"""What a scenario consists of: login, apps, and faults. The table is in `scenarios.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from math import inf

from deployer.simulator.cloudfoundry.state.timelines import Line, Process
from deployer.simulator.serving.exchange import Fault

BUILT = (
    Line(0.5, "Cell 25ff8468 creating container for instance 585bc3c1", "STG"),
    Line(2, "Staging...", "STG"),
    Line(10, "Staging process finished", "STG"),
    Line(11, "Exit status 0", "STG"),
)


@dataclass(frozen=True, slots=True)
class Staging:
    """The course of the client's builds of an app. `error`: the build's error if it fails."""

    seconds: float = 12
    error: str = ""
    lines: tuple[Line, ...] = BUILT


def failed(reason: str) -> Staging:
    """A build that fails. Only the log has the reason, never the build's error (cloudfoundry-api 6)."""
    return Staging(
        6, "StagingError - Staging error: staging failed", (*BUILT[:2], Line(5, reason, "STG", error=True))
    )


DENIED = failed(
    "failed to fetch metadata from [acme/web] with tag [1.4.2] and insecure registries [] due to unauthorized"
)


@dataclass(frozen=True, slots=True)
class App:
    """One app in the space, before the client's first request."""

    name: str = "web"
    docker: bool = True
    started: bool = False
    staged: bool = True
    """It has a current droplet."""
    older: int = 1
    """The number of staged droplets besides that."""
    image: str = "ghcr.io/acme/web:1.4.1"
    processes: tuple[Process, ...] = (Process(),)
    """The course of the version that the client deploys. Versions from before run without problems."""
    staging: Staging = Staging()
    route: str = "web.apps.example.org"
    """Its public URL, without a scheme."""
    site_response: tuple[int, str] = (200, "ok")
    """Status and body of the site's responses, in the version that the client deploys."""


class Grant(Enum):
    """How the client should log in."""

    PASSWORD = auto()
    CLIENT = auto()
    USER_ASSERTION = auto()
    CLIENT_ASSERTION = auto()


@dataclass(frozen=True, slots=True)
class Login:
    """The login server."""

    grant: Grant = Grant.PASSWORD
    validity: int = 600
    """The lifetime of an access token, in seconds."""
    origin: str = ""
    """The only identity provider that has the user; empty if the origin does not matter."""
    known: bool = True
    locked: bool = False
    opaque: bool = False
    refreshes: bool = True
    """Users get a refresh token, which is accepted."""
    refresh_expired: bool = False
    revoked: float = inf
    """The simulated second at which all access tokens issued before are revoked."""


@dataclass(frozen=True, slots=True)
class Rolling:
    """What happens to the client's rolling deployments, in seconds since their creation."""

    cancelled: float = inf
    """When somebody cancels it."""
    superseded: float = inf
    """When somebody else deploys as well."""
    error: str = ""
    """`status.details.error` until `cleared`."""
    cleared: float = inf


@dataclass(frozen=True, slots=True)
class Scenario:
    """One course of events on a foundation."""

    name: str
    summary: str
    """What happens, in one sentence for users."""
    apps: tuple[App, ...] = (App(),)
    inputs: Mapping[str, str] = field(default_factory=dict)
    """The inputs that the client needs besides the login and the apps."""
    targets: int = 1
    """How many of `apps`, from the first, the client should deploy."""
    starts: int = 1
    """How often the client may deploy the same droplet."""
    may_cancel: bool = False
    """The client should cancel deployments of others."""
    others: bool = False
    """A rolling deployment of somebody else is in progress on the first app."""
    login: Login = Login()
    role: str = "space_developer"
    """The user's role in the space."""
    suspended: bool = False
    docker: bool = True
    deployments: bool = True
    quota: str = ""
    """The quota that a start would exceed; empty for none."""
    version: str = "3.228.0"
    """The version of the API."""
    korifi: bool = False
    pages: int = 5000
    """The largest number of records on one page."""
    logs: bool = True
    """There is a log-cache."""
    registry: bool = False
    """The image's registry requires a login."""
    rolling: Rolling = Rolling()
    faults: tuple[Fault, ...] = ()
