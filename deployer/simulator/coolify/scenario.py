"""What a scenario consists of: abilities, applications, deployments, and faults.

The table is in `scenarios.py`.
"""

from dataclasses import dataclass, replace
from math import inf

from deployer.simulator.coolify.state.deployments import App
from deployer.simulator.coolify.state.places import Host, Project
from deployer.simulator.coolify.state.resources import Resource
from deployer.simulator.coolify.versions import NEWEST, Version
from deployer.simulator.serving.exchange import Fault


@dataclass(frozen=True, slots=True)
class Other:
    """A deployment that somebody else started before the client's first request."""

    app: int = 0
    """The index of its application."""
    age: float = 12
    """Its age in seconds at the first request.

    It halts there until the client's first trigger, unless it is `over`.
    """
    cancelled: float | None = None
    """Seconds after that trigger at which somebody cancels it."""
    webhook: bool = False
    """It was started by a push, of the commit with which all scripts end."""
    pr: int = 0
    over: bool = False
    """It has finished already."""
    commit: str = ""
    """Its commit; empty for that of the script."""
    stuck: bool = False
    """It is queued behind a deployment that was cancelled.

    Before 4.3.7 nothing starts it (captured-2/README.md).
    """


@dataclass(frozen=True, slots=True)
class Scenario:
    """One course of events on a server."""

    name: str
    summary: str
    """What happens, in one sentence for users."""
    apps: tuple[App, ...] = ()
    resources: tuple[Resource, ...] = ()
    tags: tuple[str, ...] = ()
    """Tags that no resource has."""
    targets: int = 1
    """How many of `apps`, from the first, the client should deploy, besides all `resources`."""
    starts: int = 1
    """How often the client may start each target."""
    may_cancel: bool = False
    """The client should cancel deployments of others."""
    reachable: bool = True
    """Whether Coolify reaches the server, which it must to cancel."""
    abilities: frozenset[str] = frozenset({"read", "read:sensitive", "deploy"})
    token_known: bool = True
    bar: str = ""
    """The recorded reply to every request with a valid token, after the throttle and before the abilities.

    Empty for none.
    """
    others: tuple[Other, ...] = ()
    strangers: int = 0
    """The number of deployments of another team."""
    vacant: int = 0
    """How many of the first triggers get "already queued" although nothing is."""
    full_until: float = -inf
    """Simulated seconds after the first trigger until which the queue is full."""
    room: int = 0
    """How many deployments of the client are accepted although the queue is full."""
    builders: int = 0
    """How many deployments run on one server at the same time; 0 for any number."""
    queue_limit: int = 0
    """How many may be queued on one server; 0 for any number."""
    cancelled: float | None = None
    """Seconds after its creation at which somebody cancels the client's first deployment."""
    projects: tuple[Project, ...] = (Project(),)
    """The projects; all existing applications are in the first one."""
    hosts: tuple[Host, ...] = (Host(),)
    """The servers; `App.host` says on which one an application is."""
    sentinel: bool = False
    """The server reports its containers each minute: only a changed status is written (coolify-api 18.7)."""
    faults: tuple[Fault, ...] = ()
    version: Version = NEWEST


TAG = "blue"


def tagged(scenario: Scenario) -> Scenario:
    """The scenario with `TAG` on all targets, except databases, which can't be deployed by tag."""
    apps = tuple(
        replace(app, tags=app.tags or (TAG,)) if index < scenario.targets else app
        for index, app in enumerate(scenario.apps)
    )
    resources = tuple(
        replace(each, tags=each.tags or (TAG,)) if each.kind == "service" else each
        for each in scenario.resources
    )
    return replace(scenario, apps=apps, resources=resources)
