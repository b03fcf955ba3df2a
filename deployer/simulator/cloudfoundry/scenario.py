"""What a scenario is made of: who logs in how, which apps there are, and what goes wrong when. The table is in `scenarios.py`."""

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
    """How the client's builds of an app go. `error`: what the build says in the end, if it fails."""

    seconds: float = 12
    error: str = ""
    lines: tuple[Line, ...] = BUILT


def failed(cause: str) -> Staging:
    """A build that fails. Its error never tells the cause, only the log does (cloudfoundry-api 6)."""
    return Staging(
        6, "StagingError - Staging error: staging failed", (*BUILT[:2], Line(5, cause, "STG", error=True))
    )


DENIED = failed(
    "failed to fetch metadata from [acme/web] with tag [1.4.2] and insecure registries [] due to unauthorized"
)


@dataclass(frozen=True, slots=True)
class App:
    """One app in the space, as the client finds it.

    `processes`: how it goes with what the client puts live; what ran before the client staged something newer goes well.
    `staged`: it has a current droplet. `older`: so many staged droplets beside that. `route`: its public address, without a scheme.
    `answers`: with which status and text it answers what it is asked by the world, in the version that the client puts live.
    """

    name: str = "web"
    docker: bool = True
    started: bool = False
    staged: bool = True
    older: int = 1
    image: str = "ghcr.io/acme/web:1.4.1"
    processes: tuple[Process, ...] = (Process(),)
    staging: Staging = Staging()
    route: str = "web.apps.example.org"
    answers: tuple[int, str] = (200, "ok")


class Grant(Enum):
    """How the client is to log in."""

    PASSWORD = auto()
    CLIENT = auto()
    USER_ASSERTION = auto()
    CLIENT_ASSERTION = auto()


@dataclass(frozen=True, slots=True)
class Login:
    """The login server. `validity`: seconds that an access token lives. `origin`: the only identity provider that knows the user.

    `refreshes`: whether users get a refresh token, and whether it is taken. `revoked`: all access tokens that were given before this
    simulated second are no longer known then.
    """

    grant: Grant = Grant.PASSWORD
    validity: int = 600
    origin: str = ""
    known: bool = True
    locked: bool = False
    opaque: bool = False
    refreshes: bool = True
    refresh_expired: bool = False
    revoked: float = inf


@dataclass(frozen=True, slots=True)
class Rolling:
    """What becomes of the client's rolling deployments, by the seconds of their life.

    `cancelled`, `superseded`: somebody does that then. `error`: what `status.details.error` says until `cleared`.
    """

    cancelled: float = inf
    superseded: float = inf
    error: str = ""
    cleared: float = inf


@dataclass(frozen=True, slots=True)
class Scenario:
    """A foundation and its day. `summary` tells people in one sentence what the run will see.

    `inputs`: what the client must be given beside the login and the apps. `targets`: how many of `apps` it is to deploy (the first ones).
    `starts`: how often it may put the same droplet live. `may_cancel`: it is to cancel what others started. `others`: a rolling deployment
    of somebody else is under way, on the first app. `role`: the user's in the space. `quota`: what a start breaks. `version`: of the API.
    `pages`: no list shows more rows at once. `logs`: whether there is a log-cache. `registry`: the image's registry wants a login.
    """

    name: str
    summary: str
    apps: tuple[App, ...] = (App(),)
    inputs: Mapping[str, str] = field(default_factory=dict)
    targets: int = 1
    starts: int = 1
    may_cancel: bool = False
    others: bool = False
    login: Login = Login()
    role: str = "space_developer"
    suspended: bool = False
    docker: bool = True
    deployments: bool = True
    quota: str = ""
    version: str = "3.228.0"
    korifi: bool = False
    pages: int = 5000
    logs: bool = True
    registry: bool = False
    rolling: Rolling = Rolling()
    faults: tuple[Fault, ...] = ()
