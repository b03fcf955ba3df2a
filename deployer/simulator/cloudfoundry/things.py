"""What there is on a foundation, and how far each has come at a given simulated second."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil, inf

from deployer.simulator.cloudfoundry.courses import STAGGER, UP, Line, Process, State
from deployer.simulator.cloudfoundry.scenario import App, Staging

PACE = 30  # the updater of rolling deployments looks every so many seconds (cloudfoundry-api 7)
FADING = 3  # so long after a stop the runtime still shows what ran: it is told asynchronously (cloudfoundry-api 5)
CANCELING = 5


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


@dataclass(slots=True)
class Deployment:
    """A rolling one. `run`: the new web process, None where the app was stopped: then it is over at once. `over`: when and why."""

    guid: str
    app: str
    droplet: str
    previous: str | None
    created: float
    mine: bool
    run: Run | None
    in_flight: int = 1
    cancelled: float = inf
    over: tuple[float, str] | None = None

    @property
    def finish(self) -> float:
        """When it will have replaced everything; infinite if an instance never comes up."""
        if self.run is None:
            return self.created
        ready = max(self.run.begins(index) + self.run.process.of(index).up for index in range(self.run.process.instances))
        return self.created + ceil((ready - self.created) / PACE) * PACE if ready < inf else inf

    def status(self, now: float) -> tuple[str, str]:
        if self.over:
            return "FINALIZED", self.over[1]
        return "ACTIVE", "CANCELING" if self.cancelled <= now else "DEPLOYING"

    def healthy(self, now: float) -> float:
        """When an instance last became routable."""
        run = self.run
        ready = [run.begins(index) + run.process.of(index).up for index in range(run.process.instances)] if run else []
        return max([moment for moment in ready if moment <= now], default=self.created)


def turns(process: Process, created: float, in_flight: int) -> tuple[float, ...]:
    """When each instance of a rolling deployment begins: the next ones when the updater sees that all before them run."""
    begun: list[float] = []
    moment = created
    while len(begun) < process.instances:
        group = range(len(begun), min(len(begun) + in_flight, process.instances))
        begun += [moment for _ in group]
        ready = max(moment + process.of(index).up for index in group)
        moment = created + ceil((ready - created) / PACE) * PACE if ready < inf else inf
    return tuple(begun)
