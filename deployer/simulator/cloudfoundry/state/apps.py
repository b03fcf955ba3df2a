"""Apps, processes, droplets and builds, and their state at a given simulated second."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

from deployer.simulator.cloudfoundry.scenario import App, Staging
from deployer.simulator.cloudfoundry.state.revisions import Revision
from deployer.simulator.cloudfoundry.state.timelines import STAGGER, UP, Line, Process, State

FADING = 3
"""Seconds after a stop for which the runtime still shows the instances.

It is informed asynchronously (cloudfoundry-api 5).
"""


@dataclass(slots=True)
class Run:
    """One start of one process."""

    guid: str
    process: Process
    began: float
    version: str
    turns: tuple[float, ...] = ()
    """When each instance begins; only in a rolling deployment."""
    ended: float = inf
    """When it was stopped."""
    gone: float = inf
    """When it was replaced."""

    def begins(self, index: int) -> float:
        return self.turns[index] if self.turns else self.began + index * STAGGER

    def wanted(self, now: float) -> int:
        """The number of instances that it should have now."""
        return sum(turn <= now for turn in self.turns) if self.turns else self.process.instances

    def instance(self, index: int, now: float) -> tuple[State, float]:
        """The state of an instance, and for how many seconds."""
        if now >= self.ended + FADING:
            return State.DOWN, 0
        return self.process.of(index).at(now - self.begins(index))

    def crashes(self, now: float) -> Iterator[tuple[float, int]]:
        """The crashes until now: moment, and index of the instance."""
        for index in range(self.wanted(now)):
            moments = (self.begins(index) + second for second in self.process.of(index).crashes)
            yield from ((moment, index) for moment in moments if moment <= min(now, self.ended, self.gone))

    def lines(self, now: float) -> Iterator[tuple[float, int, Line]]:
        """The log lines: moment, index of the instance, and line."""
        for index in range(self.wanted(now)):
            for line in self.process.of(index).lines:
                moment = self.begins(index) + line.at
                if moment <= min(self.ended, self.gone):
                    yield moment, index, line

    def running(self, now: float) -> int:
        return sum(self.instance(index, now)[0] in UP for index in range(self.wanted(now)))


@dataclass(slots=True)
class Live:
    """An app on the server. `ran`: all runs of its processes, including those that are gone."""

    guid: str
    app: App
    state: str
    droplet: str | None
    ran: list[Run] = field(default_factory=list)
    logged: list[tuple[float, Line]] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)

    def runs(self, now: float) -> list[Run]:
        """The processes that exist."""
        return [run for run in self.ran if run.gone > now]


@dataclass(frozen=True, slots=True)
class Droplet:
    """A staged droplet. `before`: it existed before the client's first request."""

    guid: str
    app: str
    image: str
    created: float
    before: bool = False


@dataclass(frozen=True, slots=True)
class Package:
    guid: str
    app: str
    image: str
    username: str | None
    created: float


@dataclass(frozen=True, slots=True)
class Build:
    guid: str
    package: Package
    created: float
    staging: Staging
    droplet: str

    def state(self, now: float) -> str:
        if now < self.created + self.staging.seconds:
            return "STAGING"
        return "FAILED" if self.staging.error else "STAGED"
