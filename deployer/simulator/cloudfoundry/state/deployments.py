"""Deployments: rolling ones, and canaries, which wait after each step until somebody continues them (cloudfoundry-api 7)."""

from dataclasses import dataclass
from math import ceil, inf

from deployer.simulator.cloudfoundry.state.apps import Run
from deployer.simulator.cloudfoundry.state.revisions import Revision
from deployer.simulator.cloudfoundry.state.timelines import Process

PACE = 30  # the updater looks every so many seconds
CANCELING = 5


@dataclass(frozen=True, slots=True)
class Order:
    """What a deployment was asked to be. `steps`: of a canary, the weights of its steps; None for a rolling one.

    `back`: the revision that it goes back to.
    """

    in_flight: int = 1
    steps: tuple[int, ...] | None = None
    back: Revision | None = None


PLAIN = Order()


@dataclass(slots=True)
class Deployment:
    """A rolling or a canary one. `run`: the new web process, None where the app was stopped: then it is over at once.

    `over`: when and why. `targets`: of a canary, how many new instances there are at the end of each step; it waits there. `step`: the one
    that it is at, counted from 1. `held`: whether it will wait, or waits, at the end of it.
    """

    guid: str
    app: str
    droplet: str
    previous: str | None
    created: float
    mine: bool
    run: Run | None
    order: Order = PLAIN
    cancelled: float = inf
    over: tuple[float, str] | None = None
    targets: tuple[int, ...] = ()
    step: int = 1
    held: bool = False
    revision: Revision | None = None

    @property
    def finish(self) -> float:
        """When it will have replaced everything; infinite if an instance never comes up, or while a canary is held."""
        if self.run is None:
            return self.created
        return inf if self.held else self._seen(self.run.process.instances)

    @property
    def paused(self) -> float:
        """When a canary's step is done, and it waits to be continued; infinite for one that is not held."""
        return self._seen(self.targets[self.step - 1]) if self.held else inf

    def _seen(self, instances: int) -> float:
        """When the updater sees that so many new instances run."""
        run = self.run
        ready = max(
            [run.begins(index) + run.process.of(index).up for index in range(instances)] if run else [],
            default=self.created,
        )
        return self.created + ceil((ready - self.created) / PACE) * PACE if ready < inf else inf

    def status(self, now: float) -> tuple[str, str]:
        if self.over:
            return "FINALIZED", self.over[1]
        return (
            "ACTIVE",
            "CANCELING" if self.cancelled <= now else "PAUSED" if self.paused <= now else "DEPLOYING",
        )

    def go_on(self, now: float) -> None:
        """The next step of a canary that is paused, or, after the last one, all that is left."""
        if self.run is None:
            return
        last = self.step == len(self.targets)
        until = self.run.process.instances if last else self.targets[self.step]
        self.held, self.step = not last, self.step + (not last)
        self.run.turns += turns(self.run.process, now, self.order.in_flight, len(self.run.turns), until)

    def healthy(self, now: float) -> float:
        """When an instance last became routable."""
        run = self.run
        ready = (
            [run.begins(index) + run.process.of(index).up for index in range(len(run.turns))] if run else []
        )
        return max([moment for moment in ready if moment <= now], default=self.created)


def targets(instances: int, steps: tuple[int, ...]) -> tuple[int, ...]:
    """How many new instances each step of a canary has, given the weights of its steps: one instance where there are no weights."""
    return tuple(max(1, round(instances * weight / 100)) for weight in steps) or (1,)


def turns(
    process: Process, created: float, in_flight: int, first: int = 0, until: int | None = None
) -> tuple[float, ...]:
    """When each instance of a rolling deployment begins: the next ones when the updater sees that all before them run.

    `first`, `until`: only for the instances from this one on, and before that one.
    """
    begun: list[float] = []
    moment, end = created, process.instances if until is None else until
    while first + len(begun) < end:
        group = range(first + len(begun), min(first + len(begun) + in_flight, end))
        begun += [moment for _ in group]
        ready = max(moment + process.of(index).up for index in group)
        moment = created + ceil((ready - created) / PACE) * PACE if ready < inf else inf
    return tuple(begun)
