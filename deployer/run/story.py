"""What a run is made of: the scene that all its parts share, and one story per target, the only thing that changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

from deployer.model import (
    Changed,
    Clock,
    Command,
    Ended,
    Event,
    Handle,
    Leg,
    Outcome,
    Part,
    Plan,
    RefusedError,
    Snapshot,
    Trust,
    UnavailableError,
    Waited,
    Warned,
)
from deployer.providers.contract import Provider
from deployer.watch import FIRST_LOOK, LIMITS, End, Final, Watch

SLICE = 30.0

GRACE = 2.0
"""Real seconds that a request which starts or ends something still gets when the job is stopped (architecture, rule 8)."""

Report = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Scene:
    """The plan, the two edges, the clock, and who asks once whether a site answers, given the target's own address."""

    plan: Plan
    provider: Provider
    report: Report
    clock: Clock
    visit: Callable[[str], Snapshot] | None = None


class Stage(Enum):
    """What a story does next."""

    CHECK = "check"
    PREPARE = "prepare"
    START = "start"
    CANCEL = "cancel"
    FIND = "find"
    WATCH = "watch"
    HELD = "held"
    OVER = "over"


NOT_STARTED = (Outcome.REFUSED, Outcome.TIMED_OUT, Outcome.LOST, Outcome.INTERRUPTED)
STAYS = "What was changed before stays: {}"
COMING = (Stage.CHECK, Stage.PREPARE, Stage.START, Stage.FIND)
"""Until then a group may still deploy a target that has a story already."""


@dataclass
class Story:
    """One target's way from its check to its outcome. Times are the clock's; `looks` says when each of `watches` is looked at next.

    `preparing`: something is being changed before the start, or perhaps was; `changes`: what of all that is told already; `coming`: what
    only the start will have changed.
    `deployed`: what was followed as its deployment; `undone`: what that came to, once what ran before is being put back.
    `going`: what `command: cancel` is to end; `asked`: what of it was asked to end, and what became of that.
    `peers`: every story of the run. `group`: it is one of several targets; `grouped`: it is a part of such a one. `held`: what it has come
    to, while another group may still deploy the same target; `more`: what such a group has deployed, to be followed after this stage;
    `resumed`: it is followed now, and that is not told yet.
    """

    target: str
    scene: Scene
    url: str = ""
    stage: Stage = Stage.CHECK
    due: float = 0
    began: float | None = None
    blocked: float | None = None
    checked: bool = False
    preparing: bool = False
    changes: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    prepared: bool = False
    coming: tuple[str, ...] = ()
    sent: bool = False
    doubted: bool = False
    leg: Leg = Leg.DEPLOYMENT
    watches: list[Watch] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    so_far: Final | None = None
    deployed: Handle | None = None
    undone: Final | None = None
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
    peers: list[Story] = field(default_factory=list, compare=False, repr=False)
    group: bool = False
    grouped: bool = False
    held: Final | None = None
    more: tuple[Handle, ...] = ()
    resumed: bool = False

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
        if leg is Leg.DEPLOYMENT and handles:
            self.deployed = handles[0]
        self.go(Stage.WATCH, first - now)

    def also(self, handle: Handle) -> None:
        """Another deployment of the same target, which another group of this run has started: what we started is followed, always."""
        if handle in self.more or any(watch.handle.id == handle.id for watch in self.watches):
            return
        if self.stage is Stage.WATCH and self.leg is Leg.DEPLOYMENT:
            now = self.scene.clock.now()
            self.watches.append(Watch(handle, began=now, deadline=self.watches[0].deadline, leg=self.leg))
            self.looks.append(now)
            self.due = now
        elif self.stage is Stage.HELD or (self.stage is Stage.WATCH and self.leg in LIMITS):
            self.so_far, self.held, self.resumed = self.held or self.so_far, None, True
            self.follow(Leg.DEPLOYMENT, (handle,))
        elif self.stage is Stage.WATCH:
            self.more = (*self.more, handle)

    def child(self, part: Part) -> Story:
        """The story of one part of this group: watched, or looked for."""
        target, doubted = part.target, part.handle is None
        story = Story(target.id, self.scene, url=target.url, began=self.began, checked=True, prepared=True, sent=True, doubted=doubted)
        story.peers, story.grouped = self.peers, True
        if part.handle:
            story.follow(Leg.DEPLOYMENT, (part.handle,))
        else:
            story.go(Stage.FIND)
        return story

    def go_back(self, so_far: Final) -> None:
        """What ran before is to be put back, with `timeout` anew; the newest row is read before it, as before every trigger."""
        self.undone = self.so_far = so_far
        self.began = self.scene.clock.now()
        self.repeated, self.again = False, ""
        self.losses = self.failures = 0
        self.go(Stage.CHECK)

    def end(self, outcome: Outcome, reason: str = "") -> None:
        """Architecture, rule 6: `Ended` is the last event of a story, once. What a change that broke off has left is told before it.

        A way back that failed leaves what made it necessary.
        """
        if self.undone and self.stage is not Stage.WATCH:
            what = "Whether what ran before was put back is not known" if self.in_doubt else "What ran before was not put back"
            reason = f"{self.undone.reason}. {what}: {reason}"
            outcome = outcome if outcome is Outcome.INTERRUPTED else self.undone.outcome
        elif self.prepared and self.changes and not self.deployed and not self.returns and outcome in NOT_STARTED:
            reason = f"{reason}{'. ' if reason else ''}{STAYS.format('; '.join(self.changes))}"
        if self.stage is Stage.PREPARE or self.returns:
            self.tell_changed(self.scene.provider.altered(self.target))
        self.held = Final(outcome, reason)
        if self.awaited and outcome is not Outcome.INTERRUPTED:
            self.stage, self.due = Stage.HELD, math.inf
        else:
            self.release()

    @property
    def awaited(self) -> bool:
        """Whether a group of this run that is not triggered yet may deploy the same target."""
        coming = [other for other in self.peers if other is not self and other.stage in COMING and not other.children]
        return not self.group and any(other.group or (self.grouped and not other.grouped) for other in coming)

    def release(self) -> None:
        """It ends with what it has come to."""
        if self.held:
            self.stage, self.outcome = Stage.OVER, self.held.outcome
            self.scene.report(Ended(self.target, self.held.outcome, self.held.reason))

    def tell_changed(self, sentences: Iterable[str], *, made: bool = False) -> None:
        """What was changed on the target, each sentence once."""
        for sentence in sentences:
            if sentence not in self.changes:
                self.changes = (*self.changes, sentence)
                self.scene.report(Changed(self.target, sentence, made=made))

    def warn(self, sentences: Iterable[str]) -> None:
        """What people should know of the target, each sentence once."""
        for sentence in sentences:
            if sentence not in self.warned:
                self.warned = (*self.warned, sentence)
                self.scene.report(Warned(self.target, sentence))

    @property
    def left(self) -> float:
        """Seconds until `timeout`, from the first trigger, or from when something kept it from being sent."""
        now = self.scene.clock.now()
        since = self.blocked if self.began is None else self.began
        return self.scene.plan.timeout - (now - since if since is not None else 0)

    @property
    def time_left(self) -> float:
        """Seconds until what is done next must be over: until the deadline of what is watched, else until `timeout`."""
        if self.stage is Stage.WATCH and self.watches:
            return max(watch.deadline for watch in self.watches) - self.scene.clock.now()
        return self.left

    @property
    def first_leg(self) -> Leg:
        """Where the story goes on after a trigger."""
        return Leg.ROLLBACK if self.undone else Leg.DEPLOYMENT

    @property
    def returns(self) -> bool:
        """Whether what ran before is being put back: that is never cancelled, or the broken version would stay (architecture, rule 8)."""
        return self.undone is not None or self.scene.plan.command is Command.ROLLBACK

    @property
    def visits(self) -> bool:
        """Whether its site is asked, and the platform no more."""
        return self.stage is Stage.WATCH and self.leg is Leg.VERIFY

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

    The row is marked before the slow work: sent is enough (coolify-api 16).
    """
    try:
        return scene.provider.cancel(watch.handle, patience=patience), ""
    except UnavailableError as error:
        how = "cancel sent, not confirmed" if error.arrived else f"not reached ({error.reason}): it may still be running"
        return how, ""
    except RefusedError as error:
        return f"it could not be cancelled: {error}", error.reason if error.everywhere else ""


def waiting(scene: Scene, *, patience: float | None = None) -> str:
    """After what was cancelled: what waits now that nothing will start, as far as that can be read."""
    try:
        return scene.provider.left_waiting(patience=patience)
    except (RefusedError, UnavailableError):
        return ""


def ours(watch: Watch) -> bool:
    """What somebody else started we never touch; what never existed we can't."""
    return not watch.handle.adopted and watch.handle.trust is not Trust.PHANTOM


def shown(watch: Watch) -> Handle:
    """As people are told of it: with its page, and what is only being prepared is no deployment."""
    page = watch.handle.link or (watch.known.link if watch.known else "")
    return replace(watch.handle, id="" if watch.leg is Leg.STAGING else watch.handle.id, link=page)


def going(watch: Watch) -> bool:
    """Whether it may still run on the server, although our patience may be over."""
    return watch.ending is None or watch.ending.end is End.LATE
