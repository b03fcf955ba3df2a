"""What there is on a foundation, and how far each has come at a given simulated second."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

from deployer.simulator.cloudfoundry.scenario import App, Staging
from deployer.simulator.cloudfoundry.state.revisions import Revision
from deployer.simulator.cloudfoundry.state.timelines import STAGGER, UP, Line, Process, State

FADING = (
    3  # so long after a stop the runtime still shows what ran: it is told asynchronously (cloudfoundry-api 5)
)


@dataclass(slots=True)
class Run:
    """One start of one process. `turns`: of a rolling deployment, when each instance begins. `ended`: stopped; `gone`: replaced."""

    guid: str
    process: Process
    began: float
    version: str
    turns: tuple[float, ...] = ()
    ended: float = inf
    gone: float = inf

    def begins(self, index: int) -> float:
        return self.turns[index] if self.turns else self.began + index * STAGGER

    def wanted(self, now: float) -> int:
        """Instances that it should have now."""
        return sum(turn <= now for turn in self.turns) if self.turns else self.process.instances

    def instance(self, index: int, now: float) -> tuple[State, float]:
        """What it is now, and for how long already."""
        if now >= self.ended + FADING:
            return State.DOWN, 0
        return self.process.of(index).at(now - self.begins(index))

    def crashes(self, now: float) -> Iterator[tuple[float, int]]:
        """When each instance crashed until now, and which."""
        for index in range(self.wanted(now)):
            moments = (self.begins(index) + second for second in self.process.of(index).crashes)
            yield from ((moment, index) for moment in moments if moment <= min(now, self.ended, self.gone))

    def lines(self, now: float) -> Iterator[tuple[float, int, Line]]:
        """When each instance said what until now."""
        for index in range(self.wanted(now)):
            for line in self.process.of(index).lines:
                moment = self.begins(index) + line.at
                if moment <= min(self.ended, self.gone):
                    yield moment, index, line

    def running(self, now: float) -> int:
        return sum(self.instance(index, now)[0] in UP for index in range(self.wanted(now)))


@dataclass(slots=True)
class Live:
    """An app on the server. `ran`: what ran and runs of it, also what is gone."""

    guid: str
    app: App
    state: str
    droplet: str | None
    ran: list[Run] = field(default_factory=list)
    said: list[tuple[float, Line]] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)

    def runs(self, now: float) -> list[Run]:
        """Its processes as they are listed."""
        return [run for run in self.ran if run.gone > now]


@dataclass(frozen=True, slots=True)
class Droplet:
    """`before`: it was there before the client came."""

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
