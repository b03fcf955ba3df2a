"""What a run is made of: the scene that all its parts share, and one story per target, the only thing that changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

from deployer.model import (
    Certainty,
    ChangeApplied,
    Clock,
    Command,
    Event,
    GroupMember,
    Handle,
    Idle,
    Outcome,
    Plan,
    RefusedError,
    Snapshot,
    Stage,
    TargetFinished,
    TargetWarning,
    UnavailableError,
)
from deployer.providers.interface import Provider
from deployer.watch import FIRST_POLL_SECONDS, LIMITED_BY, End, Verdict, Watch

SLEEP_SLICE_SECONDS = 30.0

GRACE_SECONDS = 2.0
"""Real seconds that a request which starts or ends something still gets when the job is stopped (architecture, rule 8)."""

Report = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class RunContext:
    """The plan, the two edges, the clock, and who asks once whether a site answers, given the target's own address."""

    plan: Plan
    provider: Provider
    report: Report
    clock: Clock
    check_site: Callable[[str], Snapshot] | None = None


class Step(Enum):
    """What a story does next."""

    RESOLVE = "check"
    CHANGE = "prepare"
    TRIGGER = "start"
    CANCEL = "cancel"
    FIND = "find"
    WATCH = "watch"
    HELD = "held"
    FINISHED = "over"


NOT_STARTED = (Outcome.REFUSED, Outcome.TIMED_OUT, Outcome.LOST, Outcome.INTERRUPTED)
STAYS = "What was changed before stays: {}"
COMING = (Step.RESOLVE, Step.CHANGE, Step.TRIGGER, Step.FIND)
"""Until then a group may still deploy a target that has a story already."""


@dataclass
class TargetRun:
    """One target's way from its check to its outcome. Times are the clock's; `next_polls` says when each of `watches` is looked at next.

    `change_in_flight`: something is being changed before the start, or perhaps was; `reported_changes`: what of all that is
    told already; `pending_changes`: what
    only the start will have changed.
    `deployment`: what was followed as its deployment; `failed_with`: what that came to, once what ran before is being put back.
    `to_cancel`: what `command: cancel` is to end; `cancel_results`: what of it was asked to end, and what became of that.
    `peers`: every story of the run. `group`: it is one of several targets; `grouped`: it is a part of such a one. `held`: what it has come
    to, while another group may still deploy the same target; `more`: what such a group has deployed, to be followed after this stage;
    `resumed`: it is followed now, and that is not told yet.
    """

    target: str
    context: RunContext
    site_url: str = ""
    step: Step = Step.RESOLVE
    due: float = 0
    triggered_at: float | None = None
    blocked_since: float | None = None
    resolved: bool = False
    change_in_flight: bool = False
    reported_changes: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    changes_applied: bool = False
    pending_changes: tuple[str, ...] = ()
    trigger_sent: bool = False
    trigger_uncertain: bool = False
    stage: Stage = Stage.DEPLOYMENT
    watches: list[Watch] = field(default_factory=list)
    next_polls: list[float] = field(default_factory=list)
    so_far: Verdict | None = None
    deployment: Handle | None = None
    failed_with: Verdict | None = None
    retriggered: bool = False
    searches: int = 0
    lost_responses: int = 0
    server_errors: int = 0
    last_server_error: str = ""
    last_problem: str = ""
    retrigger_reason: str = ""
    members: tuple[TargetRun, ...] = ()
    to_cancel: tuple[Handle, ...] = ()
    refusal: str = ""
    cancel_results: dict[Handle, str] = field(default_factory=dict)
    outcome: Outcome | None = None
    peers: list[TargetRun] = field(default_factory=list, compare=False, repr=False)
    group: bool = False
    grouped: bool = False
    held: Verdict | None = None
    more: tuple[Handle, ...] = ()
    resumed: bool = False

    def go_to(self, step: Step, delay: float = 0) -> None:
        """This next, after so many seconds."""
        self.step = step
        self.due = self.context.clock.now() + delay

    def watch(self, stage: Stage, handles: tuple[Handle, ...], since: float | None = None) -> None:
        """From here on the handles are known, whatever a signal does. `since`: when the leg before was seen to end."""
        now = self.context.clock.now()
        limit: float = getattr(self.context.plan, LIMITED_BY.get(stage, "timeout"))
        begun = now if self.triggered_at is None else self.triggered_at
        deadline = (now if since is None else since) + limit if stage in LIMITED_BY else begun + limit
        first = max(now, min((now if since is None else since) + FIRST_POLL_SECONDS.get(stage, 0), deadline))
        self.stage, self.watches = (
            stage,
            [Watch(handle, began=now, deadline=deadline, stage=stage) for handle in handles],
        )
        self.next_polls = [first] * len(handles)
        if stage is Stage.DEPLOYMENT and handles:
            self.deployment = handles[0]
        self.go_to(Step.WATCH, first - now)

    def also(self, handle: Handle) -> None:
        """Another deployment of the same target, which another group of this run has started: what we started is followed, always."""
        if handle in self.more or any(watch.handle.id == handle.id for watch in self.watches):
            return
        if self.step is Step.WATCH and self.stage is Stage.DEPLOYMENT:
            now = self.context.clock.now()
            self.watches.append(Watch(handle, began=now, deadline=self.watches[0].deadline, stage=self.stage))
            self.next_polls.append(now)
            self.due = now
        elif self.step is Step.HELD or (self.step is Step.WATCH and self.stage in LIMITED_BY):
            self.so_far, self.held, self.resumed = self.held or self.so_far, None, True
            self.watch(Stage.DEPLOYMENT, (handle,))
        elif self.step is Step.WATCH:
            self.more = (*self.more, handle)

    def member_run(self, member: GroupMember) -> TargetRun:
        """The story of one part of this group: watched, or looked for."""
        target, doubted = member.target, member.handle is None
        run = TargetRun(
            target.id,
            self.context,
            site_url=target.url,
            triggered_at=self.triggered_at,
            resolved=True,
            changes_applied=True,
            trigger_sent=True,
            trigger_uncertain=doubted,
        )
        run.peers, run.grouped = self.peers, True
        if member.handle:
            run.watch(Stage.DEPLOYMENT, (member.handle,))
        else:
            run.go_to(Step.FIND)
        return run

    def start_rollback(self, so_far: Verdict) -> None:
        """What ran before is to be put back, with `timeout` anew; the newest row is read before it, as before every trigger."""
        self.failed_with = self.so_far = so_far
        self.triggered_at = self.context.clock.now()
        self.retriggered, self.retrigger_reason = False, ""
        self.lost_responses = self.server_errors = 0
        self.go_to(Step.RESOLVE)

    def finish(self, outcome: Outcome, reason: str = "") -> None:
        """Architecture, rule 6: `Ended` is the last event of a story, once. What a change that broke off has left is told before it.

        A way back that failed leaves what made it necessary.
        """
        if self.failed_with and self.step is not Step.WATCH:
            what = (
                "Whether what ran before was put back is not known"
                if self.may_have_started
                else "What ran before was not put back"
            )
            reason = f"{self.failed_with.reason}. {what}: {reason}"
            outcome = outcome if outcome is Outcome.INTERRUPTED else self.failed_with.outcome
        elif (
            self.changes_applied
            and self.reported_changes
            and not self.deployment
            and not self.is_rollback
            and outcome in NOT_STARTED
        ):
            reason = f"{reason}{'. ' if reason else ''}{STAYS.format('; '.join(self.reported_changes))}"
        if self.step is Step.CHANGE or self.is_rollback:
            self.report_changes(self.context.provider.changes_made(self.target))
        self.held = Verdict(outcome, reason)
        if self.awaited and outcome is not Outcome.INTERRUPTED:
            self.step, self.due = Step.HELD, math.inf
        else:
            self.release()

    @property
    def awaited(self) -> bool:
        """Whether a group of this run that is not triggered yet may deploy the same target."""
        coming = [
            other for other in self.peers if other is not self and other.step in COMING and not other.members
        ]
        return not self.group and any(other.group or (self.grouped and not other.grouped) for other in coming)

    def release(self) -> None:
        """It ends with what it has come to."""
        if self.held:
            self.step, self.outcome = Step.FINISHED, self.held.outcome
            self.context.report(TargetFinished(self.target, self.held.outcome, self.held.reason))

    def report_changes(self, sentences: Iterable[str], *, created: bool = False) -> None:
        """What was changed on the target, each sentence once."""
        for sentence in sentences:
            if sentence not in self.reported_changes:
                self.reported_changes = (*self.reported_changes, sentence)
                self.context.report(ChangeApplied(self.target, sentence, created=created))

    def warn(self, sentences: Iterable[str]) -> None:
        """What people should know of the target, each sentence once."""
        for sentence in sentences:
            if sentence not in self.warned:
                self.warned = (*self.warned, sentence)
                self.context.report(TargetWarning(self.target, sentence))

    @property
    def seconds_left(self) -> float:
        """Seconds until `timeout`, from the first trigger, or from when something kept it from being sent."""
        now = self.context.clock.now()
        since = self.blocked_since if self.triggered_at is None else self.triggered_at
        return self.context.plan.timeout - (now - since if since is not None else 0)

    @property
    def time_left(self) -> float:
        """Seconds until what is done next must be over: until the deadline of what is watched, else until `timeout`."""
        if self.step is Step.WATCH and self.watches:
            return max(watch.deadline for watch in self.watches) - self.context.clock.now()
        return self.seconds_left

    @property
    def triggered_stage(self) -> Stage:
        """Where the story goes on after a trigger."""
        return Stage.ROLLBACK if self.failed_with else Stage.DEPLOYMENT

    @property
    def is_rollback(self) -> bool:
        """Whether what ran before is being put back: that is never cancelled, or the broken version would stay (architecture, rule 8)."""
        return self.failed_with is not None or self.context.plan.command is Command.ROLLBACK

    @property
    def checks_site(self) -> bool:
        """Whether its site is asked, and the platform no more."""
        return self.step is Step.WATCH and self.stage is Stage.VERIFY

    @property
    def may_have_started(self) -> bool:
        """Whether something was started, or perhaps."""
        return self.trigger_uncertain or self.step in {Step.FIND, Step.WATCH}


def sleep(context: RunContext, seconds: float) -> None:
    """The only sleep. In slices, so that a long wait is not silent: several CI systems kill a silent job."""
    while seconds > 0:
        context.report(Idle())
        context.clock.sleep(min(seconds, SLEEP_SLICE_SECONDS))
        seconds -= SLEEP_SLICE_SECONDS


def cancel_deployment(context: RunContext, watch: Watch, *, timeout: float | None = None) -> tuple[str, str]:
    """Ask the server to stop a deployment of ours: what is known of the effect, and why the token must not be used again, if so.

    The row is marked before the slow work: sent is enough (coolify-api 16).
    """
    try:
        return context.provider.cancel(watch.handle, timeout=timeout), ""
    except UnavailableError as error:
        how = (
            "cancel sent, not confirmed"
            if error.may_have_arrived
            else f"not reached ({error.reason}): it may still be running"
        )
        return how, ""
    except RefusedError as error:
        return f"it could not be cancelled: {error}", error.reason if error.token_wide else ""


def waiting(context: RunContext, *, timeout: float | None = None) -> str:
    """After what was cancelled: what waits now that nothing will start, as far as that can be read."""
    try:
        return context.provider.left_waiting(timeout=timeout)
    except (RefusedError, UnavailableError):
        return ""


def is_ours(watch: Watch) -> bool:
    """What somebody else started we never touch; what never existed we can't."""
    return not watch.handle.adopted and watch.handle.certainty is not Certainty.PHANTOM


def for_people(watch: Watch) -> Handle:
    """As people are told of it: with its page, and what is only being prepared is no deployment."""
    page = watch.handle.link or (watch.details.link if watch.details else "")
    return replace(watch.handle, id="" if watch.stage is Stage.STAGING else watch.handle.id, link=page)


def may_be_running(watch: Watch) -> bool:
    """Whether it may still run on the server, although our patience may be over."""
    return watch.result is None or watch.result.end is End.TIMED_OUT
