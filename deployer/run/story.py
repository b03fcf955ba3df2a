"""What a run is made of: the scene that all its parts share, and one story per target, the only thing that changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from deployer.model import Clock, Ended, Event, Handle, Leg, Outcome, Part, Plan, RefusedError, Trust, UnavailableError, Waited
from deployer.providers.contract import Provider
from deployer.watch import FIRST_LOOK, LIMITS, End, Final, Watch

SLICE = 30.0

GRACE = 2.0
"""Real seconds that a request which starts or ends something still gets when the job is stopped (rule 8)."""

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
    CANCEL = "cancel"
    FIND = "find"
    WATCH = "watch"
    OVER = "over"


@dataclass
class Story:
    """One target's way from its check to its outcome. Times are the clock's; `looks` says when each of `watches` is looked at next.

    `going`: what `command: cancel` is to end; `asked`: what of it was asked to end, and what became of that.
    """

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
    so_far: Final | None = None
    repeated: bool = False
    searches: int = 0
    losses: int = 0
    failures: int = 0
    failure: str = ""
    trouble: str = ""
    again: str = ""
    children: tuple[Story, ...] = ()
    going: tuple[Handle, ...] = ()
    refusal: str = ""
    asked: dict[Handle, str] = field(default_factory=dict)
    outcome: Outcome | None = None

    def go(self, stage: Stage, delay: float = 0) -> None:
        """This next, after so many seconds."""
        self.stage = stage
        self.due = self.scene.clock.now() + delay

    def follow(self, leg: Leg, handles: tuple[Handle, ...], since: float | None = None) -> None:
        """From here on the handles are known, whatever a signal does. `since`: when the leg before was seen to end."""
        now = self.scene.clock.now()
        limit: float = getattr(self.scene.plan, LIMITS.get(leg, "timeout"))
        begun = now if self.began is None else self.began
        deadline = (now if since is None else since) + limit if leg in LIMITS else begun + limit
        first = max(now, min((now if since is None else since) + FIRST_LOOK.get(leg, 0), deadline))
        self.leg, self.watches = leg, [Watch(handle, began=now, deadline=deadline, leg=leg) for handle in handles]
        self.looks = [first] * len(handles)
        self.go(Stage.WATCH, first - now)

    def join(self, handle: Handle) -> None:
        """Another deployment of the same target, which another group of this run has started."""
        if any(watch.handle.id == handle.id for watch in self.watches):
            return
        now = self.scene.clock.now()
        self.watches.append(Watch(handle, began=now, deadline=self.watches[0].deadline, leg=self.leg))
        self.looks.append(now)
        self.due = now

    def child(self, part: Part) -> Story:
        """The story of one part of this group: watched, or looked for."""
        story = Story(part.target.id, self.scene, began=self.began, checked=True, sent=True, doubted=part.handle is None)
        if part.handle:
            story.follow(Leg.DEPLOYMENT, (part.handle,))
        else:
            story.go(Stage.FIND)
        return story

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
