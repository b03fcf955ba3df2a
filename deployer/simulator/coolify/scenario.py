"""What a scenario is made of: who may do what, which deployments there are, and what goes wrong when. The table is in `scenarios.py`."""

from dataclasses import dataclass, replace
from math import inf

from deployer.simulator.coolify.state.deployments import App
from deployer.simulator.coolify.state.places import Host, Project
from deployer.simulator.coolify.state.resources import Resource
from deployer.simulator.coolify.versions import NEWEST, Version
from deployer.simulator.serving.exchange import Fault


@dataclass(frozen=True, slots=True)
class Other:
    """Deployments of somebody else that are there before the client comes (of application number `app`).

    Each is `age` seconds old then and waits at that point for the client's first trigger, but for one that is `over`. `cancelled`: seconds
    after that trigger. `webhook`: a push started it, of the commit that everything here ends with. `commit`: it is of this one instead.
    `stuck`: it is queued, and what it waited for was cancelled; before 4.3.7 nothing starts it then (captured-2/README.md).
    """

    app: int = 0
    age: float = 12
    cancelled: float | None = None
    webhook: bool = False
    pr: int = 0
    over: bool = False
    commit: str = ""
    stuck: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A server and its day. `summary` tells people in one sentence what the run will see.

    `targets`: how many of `apps` the client is to deploy (the first ones), beside all `resources`. `starts`: how often it may start each of
    them. `may_cancel`: it is to cancel what others started. `reachable`: whether Coolify reaches the server, to cancel. `tags`: such as
    nothing carries. `strangers`: so many deployments of another team. `bar`: a recorded answer to every request that a good token sends
    (after the throttle, before the abilities). `vacant`: so many first triggers are answered "already queued" although nothing is there.
    `full_until`: the queue is full for so many simulated seconds after the first trigger, but for `room` deployments of the client.
    `cancelled`: somebody cancels the client's first deployment at that second of its life. `projects`, `hosts`: where an application can be
    made; those that are there stand in the first of them.
    """

    name: str
    summary: str
    apps: tuple[App, ...] = ()
    resources: tuple[Resource, ...] = ()
    tags: tuple[str, ...] = ()
    targets: int = 1
    starts: int = 1
    may_cancel: bool = False
    reachable: bool = True
    abilities: frozenset[str] = frozenset({"read", "read:sensitive", "deploy"})
    token_known: bool = True
    bar: str = ""
    others: tuple[Other, ...] = ()
    strangers: int = 0
    vacant: int = 0
    full_until: float = -inf
    room: int = 0
    cancelled: float | None = None
    projects: tuple[Project, ...] = (Project(),)
    hosts: tuple[Host, ...] = (Host(),)
    faults: tuple[Fault, ...] = ()
    version: Version = NEWEST


TAG = "blue"


def tagged(scenario: Scenario) -> Scenario:
    """The same where what the client is to deploy carries the tag; a database can't be deployed by one."""
    apps = tuple(
        replace(app, tags=app.tags or (TAG,)) if place < scenario.targets else app
        for place, app in enumerate(scenario.apps)
    )
    things = tuple(
        replace(each, tags=each.tags or (TAG,)) if each.kind == "service" else each
        for each in scenario.resources
    )
    return replace(scenario, apps=apps, resources=things)
