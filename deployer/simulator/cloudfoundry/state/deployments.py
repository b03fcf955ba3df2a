"""Rolling deployments, and canaries, which pause after each step until continued (cloudfoundry-api 7)."""

from dataclasses import dataclass
from math import ceil, inf

from deployer.simulator.cloudfoundry.state.apps import Run
from deployer.simulator.cloudfoundry.state.revisions import Revision
from deployer.simulator.cloudfoundry.state.timelines import Process

PACE = 30
"""Seconds between the updater's checks."""
CANCELING = 5


@dataclass(frozen=True, slots=True)
class Order:
    """How a deployment was requested.

    `steps`: the weights of a canary's steps; None for a rolling deployment. `back`: the revision to roll back
    to.
    """

    in_flight: int = 1
    steps: tuple[int, ...] | None = None
    back: Revision | None = None


PLAIN = Order()


@dataclass(slots=True)
class Deployment:
    """A rolling or canary deployment."""

    guid: str
    app: str
    droplet: str
    previous: str | None
    created: float
    mine: bool
    run: Run | None
    """The new web process; None if the app was stopped: then the deployment is over at once."""
    order: Order = PLAIN
    cancelled: float = inf
    over: tuple[float, str] | None = None
    """When it was finalized, and the reason."""
    targets: tuple[int, ...] = ()
    """The number of new instances at the end of each step of a canary, where it pauses."""
    step: int = 1
    """The current step, counted from 1."""
    held: bool = False
    """It will pause, or is paused, at the end of the step."""
    revision: Revision | None = None

    @property
    def finish(self) -> float:
        """When all instances are replaced; infinite if one never comes up, or while a canary is held."""
        if self.run is None:
            return self.created
        return inf if self.held else self._seen(self.run.process.instances)

    @property
    def paused(self) -> float:
        """When a canary's step is done and it pauses; infinite if it is not held."""
        return self._seen(self.targets[self.step - 1]) if self.held else inf

    def _seen(self, instances: int) -> float:
        """When the updater sees this many new instances running."""
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

    def proceed(self, now: float) -> None:
        """Begin the next step of a paused canary, or all that is left after the last one."""
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
    """The number of new instances at each step of a canary, from the weights.

    One instance without weights.
    """
    return tuple(max(1, round(instances * weight / 100)) for weight in steps) or (1,)


def turns(
    process: Process, created: float, in_flight: int, first: int = 0, until: int | None = None
) -> tuple[float, ...]:
    """When each instance of a rolling deployment begins: once the updater sees all earlier ones running.

    `first`, `until`: the range of instances.
    """
    begun: list[float] = []
    moment, end = created, process.instances if until is None else until
    while first + len(begun) < end:
        group = range(first + len(begun), min(first + len(begun) + in_flight, end))
        begun += [moment for _ in group]
        ready = max(moment + process.of(index).up for index in group)
        moment = created + ceil((ready - created) / PACE) * PACE if ready < inf else inf
    return tuple(begun)
