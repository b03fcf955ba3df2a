"""What a scenario is made of: who may do what, which deployments there are, and what goes wrong when. The table is in `scenarios.py`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from math import inf

from deployer.simulator.paint import Shapes
from deployer.simulator.replies import Answer
from deployer.simulator.rows import App


class Then(Enum):
    """How a request ends that a `Trouble` catches."""

    REPLY = auto()  # with the recorded `reply`
    EDIT = auto()  # with the right answer, changed by `edit`
    CUT = auto()  # with half of the right answer, then the connection closes
    CLOSE = auto()  # the connection closes without an answer
    RESET = auto()  # the connection is reset
    HANG = auto()  # never; the connection stays open until the stage closes


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that goes wrong with certain requests. All of its limits must fit.

    `on`: names of routes (`routes.py`), or `any`. `acts`: the server still does what it was asked for.
    `nth`: which of the requests that fit otherwise, counted from 1 (empty: all).
    `since`, `until`: simulated seconds after the first request, or after the first `trigger`, or after the client's first `row`.
    """

    on: tuple[str, ...]
    then: Then
    reply: str = ""
    edit: Callable[[Answer], Answer] | None = None
    acts: bool = False
    nth: tuple[int, ...] = ()
    clock: str = "begin"
    since: float = 0
    until: float = inf


@dataclass(frozen=True, slots=True)
class Other:
    """Deployments of somebody else that are there before the client comes (of application number `app`).

    Each is `age` seconds old then and waits at that point for the client's first trigger. `cancelled`: seconds after that trigger.
    """

    app: int = 0
    age: float = 12
    cancelled: float | None = None
    queued: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """What differs between versions of Coolify. The default is 4.3.10 (contract sections 1 and 17)."""

    reply: str = "version"
    shapes: Shapes = field(default_factory=Shapes)
    absent: tuple[str, ...] = ()  # routes that it does not have
    post_only: bool = True  # since 4.2.0
    reads_body: bool = True  # since beta.408; before that only the query
    skips: bool = True  # since beta.408: "Deployment already queued for this commit."
    start_ability: str = "deploy"  # `write` below beta.464
    deploy_abilities: tuple[str, ...] = ("deploy",)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A server and its day. `summary` tells people in one sentence what the run will see.

    `targets`: how many of `apps` the client is to deploy (the first ones). `starts`: deployments that the client may start per
    application. `bar`: a recorded answer to every request that a good token sends (after the throttle, before the abilities).
    `vacant`: so many first triggers are answered "already queued" although nothing is there. `full_until`: the queue is full for so
    many simulated seconds after the first trigger. `cancelled`: somebody cancels the client's first deployment at that second of
    its life.
    """

    name: str
    summary: str
    public: bool = True
    apps: tuple[App, ...] = ()
    targets: int = 1
    starts: int = 1
    abilities: frozenset[str] = frozenset({"read", "read:sensitive", "deploy"})
    token_known: bool = True
    bar: str = ""
    others: tuple[Other, ...] = ()
    vacant: int = 0
    full_until: float = -inf
    cancelled: float | None = None
    troubles: tuple[Trouble, ...] = ()
    version: Version = Version()
