"""The state of a run: the context that all targets share, and one `TargetRun` per target."""

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
from deployer.watch import LIMITED_BY, End, Verdict, Watch, first_poll, undated_from

SLEEP_SLICE_SECONDS = 30.0
"""Progress is reported at least this often while the loop waits."""

CANCEL_SENT = "cancel sent, not confirmed"

GRACE_SECONDS = 2.0
"""Real seconds that an important request still gets when the job is cancelled (architecture, rule 8)."""

Report = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class RunContext:
    """What all targets of a run share."""

    plan: Plan
    provider: Provider
    report: Report
    clock: Clock
    check_site: Callable[[str], Snapshot] | None = None
    """Polls the site to verify, given the target's own URL; None if there is none."""


class Step(Enum):
    """What the loop does next with a target."""

    RESOLVE = "resolve"
    CHANGE = "change"
    TRIGGER = "trigger"
    CANCEL = "cancel"
    FIND = "find"
    """Look for the deployment of a trigger whose response was lost."""
    WATCH = "watch"
    HELD = "held"
    """Its verdict is kept, because a group of this run may still deploy the same target."""
    FINISHED = "finished"


NOT_STARTED = (Outcome.REFUSED, Outcome.TIMED_OUT, Outcome.LOST, Outcome.INTERRUPTED)
CHANGES_STAY = "Changes that were applied before stay in effect: {}"
BEFORE_WATCHING = (Step.RESOLVE, Step.CHANGE, Step.TRIGGER, Step.FIND)
"""In these steps, a group may still deploy a target that has a run of its own."""


@dataclass
class ChangeProgress:
    """What this run changes on a target before its trigger."""

    applied: bool = False
    """All changes are applied."""
    in_flight: bool = False
    """A change was sent, and its response is missing: it may have been applied."""
    reported: tuple[str, ...] = ()
    """Changes that were reported, as sentences."""
    pending: tuple[str, ...] = ()
    """Changes that only the trigger makes effective, as sentences."""


@dataclass
class TriggerProgress:
    """The trigger of a target, and what is known if its response was lost.

    A rollback starts with a new one.
    """

    sent: bool = False
    """It was sent, and nothing is known yet of what it started."""
    uncertain: bool = False
    """Its response was lost: a deployment may have been started."""
    searches: int = 0
    """How often the platform was searched for its deployment since the last lost response."""
    lost_responses: int = 0
    server_errors: int = 0
    """How many responses were errors of the platform itself, or of a gateway in its place."""
    last_server_error: str = ""
    """The last of these, as a sentence."""
    repeated: bool = False
    """The target was already triggered once more."""
    repeat_reason: str = ""
    """Why it was, as reported."""


@dataclass
class CancelProgress:
    """`command: cancel`."""

    handles: tuple[Handle, ...] = ()
    """What is to be cancelled."""
    results: dict[Handle, str] = field(default_factory=dict)
    """What became of each that was sent a cancel; empty as long as its response is missing."""
    refusal: str = ""
    """Why the platform refused to cancel one."""


@dataclass
class GroupRole:
    """How a target relates to groups of this run, such as tags, which may deploy the same application."""

    is_group: bool = False
    """It is not one target but several."""
    is_member: bool = False
    """It was started as a member of a group."""
    members: tuple[TargetRun, ...] = ()
    """The runs of the members, if this is a group that was started."""
    more: tuple[Handle, ...] = ()
    """Deployments of this target by another group, to be followed after the current stage."""
    resumed: bool = False
    """It is followed again because of another group, and that is not reported yet."""


@dataclass
class TargetRun:
    """One target on its way from `resolve` to its verdict. Times are the clock's, in seconds."""

    target: str
    context: RunContext
    site_url: str = ""
    """Where its site responds, if known."""
    durations: tuple[float, ...] | None = None
    """Seconds that earlier deployments of it took; None if the platform does not tell."""
    server: str = ""
    """The name of the server that it is deployed to, if known."""
    step: Step = Step.RESOLVE
    due: float = 0
    """When the next step is due."""
    resolved: bool = False
    """It was reported as found."""
    warned: tuple[str, ...] = ()
    """Warnings that were reported."""
    last_problem: str = ""
    """Why the current step could not be done, as reported."""
    waits_for_queue: bool = False
    """Another target of its server tries first, because the queue was full."""
    blocked_since: float | None = None
    """Since when something has kept the first trigger from being sent."""
    triggered_at: float | None = None
    """When the first trigger was sent."""
    changes: ChangeProgress = field(default_factory=ChangeProgress)
    trigger: TriggerProgress = field(default_factory=TriggerProgress)
    cancel: CancelProgress = field(default_factory=CancelProgress)
    group: GroupRole = field(default_factory=GroupRole)
    stage: Stage = Stage.DEPLOYMENT
    """The stage that is watched."""
    watches: list[Watch] = field(default_factory=list)
    next_polls: list[float] = field(default_factory=list)
    """When each of the watches is polled next."""
    so_far: Verdict | None = None
    """The verdict of the stages before the current one."""
    deployment: Handle | None = None
    """The deployment that was followed first."""
    failed_with: Verdict | None = None
    """Its verdict, set while a rollback is in progress."""
    held: Verdict | None = None
    """The verdict of a target in step HELD."""
    outcome: Outcome | None = None
    """Set once the target is finished."""
    peers: list[TargetRun] = field(default_factory=list, compare=False, repr=False)
    """All targets of the run."""

    def go_to(self, step: Step, delay: float = 0) -> None:
        """Set the next step, due after `delay` seconds."""
        self.step = step
        self.due = self.context.clock.now() + delay

    def watch(self, stage: Stage, handles: tuple[Handle, ...], since: float | None = None) -> None:
        """Watch these handles next. `since`: when the previous stage ended; None: now."""
        now = self.context.clock.now()
        limit: float = getattr(self.context.plan, LIMITED_BY.get(stage, "timeout"))
        begun = now if self.triggered_at is None else self.triggered_at
        deadline = (now if since is None else since) + limit if stage in LIMITED_BY else begun + limit
        undated = undated_from(stage, now if since is None else since, deadline)
        first = max(now, first_poll(handles, now if since is None else since, undated))
        self.stage, self.watches = (
            stage,
            [
                Watch(
                    handle,
                    began=now,
                    deadline=deadline,
                    stage=stage,
                    durations=self.durations,
                    undated_from=undated,
                )
                for handle in handles
            ],
        )
        self.next_polls = [first] * len(handles)
        if stage is Stage.DEPLOYMENT and handles:
            self.deployment = handles[0]
        self.go_to(Step.WATCH, first - now)

    def follow_also(self, handle: Handle) -> None:
        """Also follow a deployment of this target that another group of this run has started."""
        if handle in self.group.more or any(watch.handle.id == handle.id for watch in self.watches):
            return
        if self.step is Step.WATCH and self.stage is Stage.DEPLOYMENT:
            now = self.context.clock.now()
            self.watches.append(Watch(handle, began=now, deadline=self.watches[0].deadline, stage=self.stage))
            self.next_polls.append(now)
            self.due = now
        elif self.step is Step.HELD or (self.step is Step.WATCH and self.stage in LIMITED_BY):
            self.so_far, self.held, self.group.resumed = self.held or self.so_far, None, True
            self.watch(Stage.DEPLOYMENT, (handle,))
        elif self.step is Step.WATCH:
            self.group.more = (*self.group.more, handle)

    def member_run(self, member: GroupMember) -> TargetRun:
        """The run of one member of this group: its deployment is watched, or looked for."""
        target = member.target
        run = TargetRun(
            target.id,
            self.context,
            site_url=target.url,
            durations=target.durations,
            server=target.server,
            triggered_at=self.triggered_at,
            resolved=True,
            changes=ChangeProgress(applied=True),
            trigger=TriggerProgress(sent=True, uncertain=member.handle is None),
            group=GroupRole(is_member=True),
            peers=self.peers,
        )
        if member.handle:
            run.watch(Stage.DEPLOYMENT, (member.handle,))
        else:
            run.go_to(Step.FIND)
        return run

    def start_rollback(self, so_far: Verdict) -> None:
        """Restore the previous version, with a new `timeout`.

        The target is resolved again, as before every trigger.
        """
        self.failed_with = self.so_far = so_far
        self.triggered_at = self.context.clock.now()
        self.trigger = TriggerProgress(sent=self.trigger.sent, uncertain=self.trigger.uncertain)
        self.go_to(Step.RESOLVE)

    def finish(self, outcome: Outcome, reason: str = "") -> None:
        """End with this verdict. `TargetFinished` is the last event of a target (architecture, rule 6).

        Changes that were interrupted are reported before it. If a rollback failed, the verdict of the
        deployment counts.
        """
        if self.failed_with and self.step is not Step.WATCH:
            what = "The previous version was not restored"
            if self.may_have_started:
                what = "It is unknown whether the previous version was restored"
            reason = f"{self.failed_with.reason}. {what}: {reason}"
            outcome = outcome if outcome is Outcome.INTERRUPTED else self.failed_with.outcome
        elif (
            self.changes.applied
            and self.changes.reported
            and not self.deployment
            and not self.is_rollback
            and outcome in NOT_STARTED
        ):
            reason = ". ".join(filter(None, (reason, CHANGES_STAY.format("; ".join(self.changes.reported)))))
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
            other
            for other in self.peers
            if other is not self and other.step in BEFORE_WATCHING and not other.group.members
        ]
        may_deploy = any(
            other.group.is_group or (self.group.is_member and not other.group.is_member) for other in coming
        )
        return not self.group.is_group and may_deploy

    def release(self) -> None:
        """Finish with the verdict that was kept."""
        if self.held:
            self.step, self.outcome = Step.FINISHED, self.held.outcome
            self.context.report(TargetFinished(self.target, self.held.outcome, self.held.reason))

    def report_changes(self, sentences: Iterable[str], *, created: bool = False) -> None:
        """Report what was changed on the target, each sentence once."""
        for sentence in sentences:
            if sentence not in self.changes.reported:
                self.changes.reported = (*self.changes.reported, sentence)
                self.context.report(ChangeApplied(self.target, sentence, created=created))

    def warn(self, sentences: Iterable[str]) -> None:
        """Report what the user should know of the target, each sentence once."""
        for sentence in sentences:
            if sentence not in self.warned:
                self.warned = (*self.warned, sentence)
                self.context.report(TargetWarning(self.target, sentence))

    @property
    def next_poll(self) -> float:
        """When the first of its watches that have not ended is polled."""
        pairs = zip(self.next_polls, self.watches, strict=True)
        return min((due for due, watch in pairs if watch.result is None), default=self.context.clock.now())

    @property
    def seconds_left(self) -> float:
        """Seconds until `timeout`, counted from the first trigger, or from when something prevents it."""
        now = self.context.clock.now()
        since = self.blocked_since if self.triggered_at is None else self.triggered_at
        return self.context.plan.timeout - (now - since if since is not None else 0)

    @property
    def time_left(self) -> float:
        """Seconds until the next step must be over.

        Until the deadline of the watches, otherwise until `timeout`.
        """
        if self.step is Step.WATCH and self.watches:
            return max(watch.deadline for watch in self.watches) - self.context.clock.now()
        return self.seconds_left

    @property
    def triggered_stage(self) -> Stage:
        """The stage that follows a trigger."""
        return Stage.ROLLBACK if self.failed_with else Stage.DEPLOYMENT

    @property
    def is_rollback(self) -> bool:
        """Whether this is a rollback, which is never cancelled.

        The broken version would stay (architecture, rule 8).
        """
        return self.failed_with is not None or self.context.plan.command is Command.ROLLBACK

    @property
    def checks_site(self) -> bool:
        """Whether only its site is polled, and no longer the platform."""
        return self.step is Step.WATCH and self.stage is Stage.VERIFY

    @property
    def may_have_started(self) -> bool:
        """Whether a deployment was started, or may have been."""
        return self.trigger.uncertain or self.step in {Step.FIND, Step.WATCH}


def sleep(context: RunContext, seconds: float) -> None:
    """The only sleep, in slices, so that a long wait reports progress.

    Several CI systems cancel silent jobs.
    """
    while seconds > 0:
        context.report(Idle())
        context.clock.sleep(min(seconds, SLEEP_SLICE_SECONDS))
        seconds -= SLEEP_SLICE_SECONDS


def cancel_deployment(context: RunContext, watch: Watch, *, timeout: float | None = None) -> tuple[str, str]:
    """Cancel a deployment. Returns the result as a sentence, and why the token is rejected, if it is.

    Coolify marks the deployment before it does the slow work: it is enough that the request was sent
    (coolify-api 16).
    """
    try:
        return context.provider.cancel(watch.handle, timeout=timeout), ""
    except UnavailableError as error:
        if error.may_have_arrived:
            return CANCEL_SENT, ""
        return f"could not be cancelled ({error.reason}): it may still be running", ""
    except RefusedError as error:
        return f"could not be cancelled: {error}", error.reason if error.token_wide else ""


def stuck_deployments(context: RunContext, *, timeout: float | None = None) -> str:
    """After a cancel: what is queued now and will not start, as a sentence.

    Empty if nothing is, or if it can't be read.
    """
    try:
        return context.provider.left_waiting(timeout=timeout)
    except (RefusedError, UnavailableError):
        return ""


def is_ours(watch: Watch) -> bool:
    """Whether this run may cancel it: not what somebody else started, nor a phantom."""
    return not watch.handle.adopted and watch.handle.certainty is not Certainty.PHANTOM


def shown_handle(watch: Watch) -> Handle:
    """The handle as it is reported: with its page, and without the id of what is only being staged."""
    page = watch.handle.link or (watch.details.link if watch.details else "")
    uuid = "" if watch.stage is Stage.STAGING else watch.handle.id
    return replace(watch.handle, id=uuid, link=page)


def may_be_running(watch: Watch) -> bool:
    """Whether it may still be running on the server, even if it is no longer watched."""
    return watch.result is None or watch.result.end is End.TIMED_OUT
