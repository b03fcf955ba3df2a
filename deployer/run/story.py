"""What a run is made of: the scene that all its parts share, and one story per target, the only thing that changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from deployer.model import Clock, Ended, Event, Handle, Leg, Outcome, Plan, RefusedError, Trust, UnavailableError, Waited
from deployer.providers.contract import Provider
from deployer.watch import End, Watch

SLICE = 30.0

Report = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Scene:
    """The plan, the two edges, and the clock."""

    plan: Plan
    provider: Provider
    report: Report
    clock: Clock


class Stage(Enum):
    """What a story does next."""

    CHECK = "check"
    START = "start"
    FIND = "find"
    WATCH = "watch"
    OVER = "over"


@dataclass
class Story:
    """One target's way from its check to its outcome. Times are the clock's; `looks` says when each of `watches` is looked at next."""

    target: str
    scene: Scene
    stage: Stage = Stage.CHECK
    due: float = 0
    began: float | None = None
    blocked: float | None = None
    checked: bool = False
    sent: bool = False
    doubted: bool = False
    leg: Leg = Leg.DEPLOYMENT
    watches: list[Watch] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    repeated: bool = False
    searches: int = 0
    failures: int = 0
    failure: str = ""
    trouble: str = ""
    outcome: Outcome | None = None

    def go(self, stage: Stage, delay: float = 0) -> None:
        """This next, after so many seconds."""
        self.stage = stage
        self.due = self.scene.clock.now() + delay

    def follow(self, leg: Leg, handles: tuple[Handle, ...]) -> None:
        """From here on the handles are known, whatever a signal does."""
        now = self.scene.clock.now()
        deadline = (now if self.began is None else self.began) + self.scene.plan.timeout
        self.leg, self.watches = leg, [Watch(handle, began=now, deadline=deadline) for handle in handles]
        self.looks = [now] * len(handles)
        self.go(Stage.WATCH)

    def end(self, outcome: Outcome, reason: str = "") -> None:
        """Rule 6: `Ended` is the last event of a story, once."""
        self.stage, self.outcome = Stage.OVER, outcome
        self.scene.report(Ended(self.target, outcome, reason))

    @property
    def left(self) -> float:
        """Seconds until `timeout`, from the first trigger, or from when something kept it from being sent."""
        now = self.scene.clock.now()
        since = self.blocked if self.began is None else self.began
        return self.scene.plan.timeout - (now - since if since is not None else 0)

    @property
    def in_doubt(self) -> bool:
        """Whether something was started, or perhaps."""
        return self.doubted or self.stage in {Stage.FIND, Stage.WATCH}


def sleep(scene: Scene, seconds: float) -> None:
    """The only sleep. In slices, so that a long wait is not silent: several CI systems kill a silent job."""
    while seconds > 0:
        scene.report(Waited())
        scene.clock.sleep(min(seconds, SLICE))
        seconds -= SLICE


def stop(scene: Scene, watch: Watch, *, patience: float | None = None) -> tuple[str, str]:
    """Ask the server to stop a deployment of ours: what is known of the effect, and why the token must not be used again, if so.

    The row is marked before the slow work: sent is enough (contract 16).
    """
    try:
        return scene.provider.cancel(watch.handle, patience=patience), ""
    except UnavailableError as error:
        how = "cancel sent, not confirmed" if error.arrived else f"not reached ({error.reason}): it may still be running"
        return how, ""
    except RefusedError as error:
        return f"it could not be cancelled: {error}", error.reason if error.everywhere else ""


def ours(watch: Watch) -> bool:
    """What somebody else started we never touch; what never existed we can't."""
    return not watch.handle.adopted and watch.handle.trust is not Trust.PHANTOM


def going(watch: Watch) -> bool:
    """Whether it may still run on the server, although our patience may be over."""
    return watch.ending is None or watch.ending.end is End.LATE
