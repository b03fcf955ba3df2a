"""PURE: every rule about when a deployment is over, and what comes next. No clock, no request, no output.

`observe` takes the result of one poll, and returns the new state of the watch and the events that follow.
`next_step` says what the end of a watch means for the target. When the next poll is due is said by pace.py.
The rules are numbered as in architecture 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

from deployer.model import (
    AccessDenied,
    Certainty,
    DeploymentDetails,
    Entry,
    Event,
    Handle,
    LogLines,
    LogUnavailable,
    Observation,
    Outcome,
    Owner,
    Phase,
    PhaseChanged,
    PollFailed,
    PollFailing,
    PollRecovered,
    Snapshot,
    Stage,
    TargetWarning,
)


class End(Enum):
    """The ways a watch can end."""

    SUCCEEDED = "succeeded"
    UNVERIFIED = "unverified"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    STUCK = "stuck"
    GONE = "gone"
    ACCESS_DENIED = "access denied"
    TIMED_OUT = "timed out"


# QUEUED, RUNNING and UNKNOWN are missing: they are neither success nor failure (architecture, rule 2).
TERMINAL = {
    Phase.SUCCEEDED: End.SUCCEEDED,
    Phase.UNVERIFIED: End.UNVERIFIED,
    Phase.FAILED: End.FAILED,
    Phase.CANCELLED: End.CANCELLED,
    Phase.SUPERSEDED: End.SUPERSEDED,
    Phase.STUCK: End.STUCK,
    Phase.ABSENT: End.GONE,
}

_DEPLOYED = {
    End.SUCCEEDED: Outcome.FINISHED,
    End.UNVERIFIED: Outcome.UNVERIFIED,
    End.FAILED: Outcome.FAILED,
    End.CANCELLED: Outcome.CANCELLED,
    End.SUPERSEDED: Outcome.SUPERSEDED,
    End.STUCK: Outcome.LOST,
    End.GONE: Outcome.LOST,
    End.ACCESS_DENIED: Outcome.LOST,
    End.TIMED_OUT: Outcome.TIMED_OUT,
}

# The outcome of each end, by stage. None: inconclusive, and `strict` decides.
OUTCOMES: dict[Stage, dict[End, Outcome | None]] = {
    Stage.STAGING: {**_DEPLOYED},
    Stage.DEPLOYMENT: {**_DEPLOYED},
    Stage.ADDITIONAL_SERVERS: {**_DEPLOYED},
    Stage.HEALTH: {**dict.fromkeys(End), End.SUCCEEDED: Outcome.FINISHED, End.FAILED: Outcome.UNVERIFIED},
    Stage.VERIFY: {**dict.fromkeys(End, Outcome.UNVERIFIED), End.SUCCEEDED: Outcome.FINISHED},
    Stage.ROLLBACK: {**dict.fromkeys(End, Outcome.UNVERIFIED), End.SUCCEEDED: Outcome.ROLLED_BACK},
    Stage.CANCELLATION: {
        **dict.fromkeys(End, Outcome.FINISHED),
        End.ACCESS_DENIED: Outcome.LOST,
        End.TIMED_OUT: Outcome.TIMED_OUT,
    },
}

UNDATED_SECONDS = {Stage.HEALTH: 10.0}
"""Seconds from the end of the deployment until a status counts that may be older than that end.

Until then, it may be the old container's. One that the platform has checked since counts at once
(architecture 2.2).
"""

LIMITED_BY = {Stage.HEALTH: "verify_timeout", Stage.VERIFY: "verify_timeout"}
"""Stages that a field of the plan limits, counted from the end of the previous stage.

All others: `timeout`, from the first trigger.
"""

SITE_RESPONDS = "responding"
"""The condition that no provider polls: whether the target's site responds (deployer/verify)."""

CONTINUES = "continues on the server, but its status can no longer be read"
ACTIVE_PHASES = (Phase.QUEUED, Phase.RUNNING)

TIMED_OUT_REASONS = {
    None: "its status could never be read",
    Phase.ABSENT: "it did not exist",
    Phase.QUEUED: "it was still queued",
    Phase.STUCK: "it was still queued",
    Phase.RUNNING: "it was still being built or started",
    Phase.UNKNOWN: "it had an unknown status",
}


@dataclass(frozen=True, slots=True)
class WatchResult:
    """How one watch ended."""

    end: End
    reason: str = ""
    """Why, if the provider says so."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of one deployment, or condition, that is polled.

    Times are seconds of the caller's clock.
    """

    handle: Handle
    began: float
    deadline: float
    stage: Stage = Stage.DEPLOYMENT
    durations: tuple[float, ...] | None = None
    """Seconds that earlier deployments of the target took; None if the platform does not tell."""
    phase: Phase | None = None
    """The phase that was seen last; None before the first poll that worked."""
    appeared: bool = False
    """Some poll showed that it exists."""
    saw_failure: bool = False
    """Some poll showed that the new version does not do what it should."""
    undated_from: float = 0
    """From when on a status counts that may be older than the end of the deployment."""
    phase_since: float = 0
    """When the current phase was seen first."""
    container_since: float | None = None
    """When the log showed that the new container is being started."""
    checked_since: float = 0
    """`Snapshot.checked_after` when the current phase was seen first.

    0 for the first phase: it is taken for the phase since the end of the deployment.
    """
    failed_before: bool = False
    """The phase FAILED was seen."""
    shown_entries: frozenset[tuple[object, int]] = frozenset()
    """Keys of log entries that were passed on, each with its number among those with the same key."""
    held: tuple[tuple[float, Entry], ...] = ()
    """Log entries that are not passed on yet, with when they were read: an earlier one may still arrive."""
    details: DeploymentDetails | None = None
    announced: frozenset[str] = frozenset()
    """What was reported already, and is only reported once."""
    poll_error: str = ""
    """Why the last poll failed; empty if it worked."""
    reported_errors: frozenset[str] = frozenset()
    """Errors that were reported since the last poll that worked."""
    failed_polls: int = 0
    """How many polls have failed since the last one that worked."""
    retry_after: float = 0
    """Seconds that the server asked clients to wait; 0 if it did not say."""
    last_snapshot: Snapshot | None = None
    result: WatchResult | None = None
    """Set once the watch has ended."""


def observe(watch: Watch, observation: Observation, now: float) -> tuple[Watch, list[Event]]:
    """The watch after one poll, and the events.

    What was seen is judged before the deadline (architecture, rule 1).
    """
    events: list[Event] = []
    match observation:
        case AccessDenied(reason):  # architecture, rule 3
            denied = WatchResult(End.ACCESS_DENIED, _access_denied(watch, reason))
            watch = replace(watch, result=_final_result(watch) or denied)
        case PollFailed():
            watch, events = _poll_failed(watch, observation)
        case Snapshot():
            watch, events = _polled(watch, observation, now)
    if watch.result is None and now >= watch.deadline:
        watch = replace(watch, result=_timed_out(watch))
    if watch.result:
        events += remaining_log(watch)
        watch = replace(watch, held=())
    return watch, events


def remaining_log(watch: Watch) -> list[Event]:
    """The log entries that were held back, for when there will be no further poll."""
    if not watch.held:
        return []
    server = watch.last_snapshot.server if watch.last_snapshot else ""
    return [LogLines(watch.handle.target, tuple(entry for _, entry in watch.held), server)]


def _access_denied(watch: Watch, reason: str) -> str:
    """The reason, and that the deployment continues: a token may be revoked in the middle of one."""
    active = (
        watch.last_snapshot is not None
        and watch.last_snapshot.phase in ACTIVE_PHASES
        and watch.stage in {Stage.DEPLOYMENT, Stage.ADDITIONAL_SERVERS}
    )
    what = "the deployment" if watch.handle.id else "the request"
    return f"{what} {CONTINUES}: {reason}" if active else reason


def _poll_failed(watch: Watch, failed: PollFailed) -> tuple[Watch, list[Event]]:
    """A failed poll changes nothing, and each error is reported once (architecture, rule 2)."""
    events: list[Event] = []
    if failed.reason not in watch.reported_errors:
        events.append(PollFailing(watch.handle.target, failed.reason, watch.handle.server))
    watch = replace(
        watch,
        poll_error=failed.reason,
        reported_errors=watch.reported_errors | {failed.reason},
        failed_polls=watch.failed_polls + 1,
        retry_after=failed.retry_after,
    )
    return watch, events


def _polled(watch: Watch, snapshot: Snapshot, now: float) -> tuple[Watch, list[Event]]:
    target = watch.handle.target
    events: list[Event] = []
    if watch.failed_polls:
        events.append(PollRecovered(target, watch.failed_polls, watch.handle.server))
    watch = replace(watch, poll_error="", reported_errors=frozenset(), failed_polls=0, retry_after=0)
    if not _counts(watch, snapshot, now):
        return watch, events
    details = DeploymentDetails(target, snapshot.link, snapshot.commit, snapshot.server, watch.stage)
    if details != watch.details and (snapshot.link or snapshot.commit or snapshot.server):
        events.append(details)
        watch = replace(watch, details=details)
    was_endless = watch.last_snapshot is not None and math.isinf(watch.last_snapshot.stable_for)
    if was_endless and math.isfinite(snapshot.stable_for):
        watch = replace(watch, phase_since=now)
    same = snapshot.phase is watch.phase
    if not same or (watch.last_snapshot and snapshot.raw_status != watch.last_snapshot.raw_status):
        watch = watch if same else _with_phase(watch, snapshot, now)
        events.append(
            PhaseChanged(target, snapshot.phase, snapshot.raw_status, snapshot.server, watch.stage, same)
        )
    if watch.stage is not Stage.CANCELLATION:  # nobody asked for the log of what is cancelled
        watch, events = _log_read(watch, events, snapshot, now)
    for warning in snapshot.warnings:
        watch, events = _once(watch, events, warning, TargetWarning(target, warning, watch.handle.server))
    watch = replace(
        watch,
        last_snapshot=snapshot,
        appeared=watch.appeared or snapshot.phase is not Phase.ABSENT,
        saw_failure=watch.saw_failure or snapshot.shows_failure,
        failed_before=watch.failed_before or snapshot.phase is Phase.FAILED,
    )
    end = TERMINAL.get(snapshot.phase)
    if end is not None and _is_final(watch, snapshot, now):
        watch = replace(watch, result=WatchResult(end, snapshot.reason))
    return watch, events


def _log_read(watch: Watch, events: list[Event], snapshot: Snapshot, now: float) -> tuple[Watch, list[Event]]:
    """Pass on the log entries that are new (architecture, rule 5)."""
    target = watch.handle.target
    if snapshot.log is None:
        return _once(watch, events, "log", LogUnavailable(target, watch.handle.server))
    new, shown_keys = _new_since(watch, snapshot.log)
    shown, held = _in_order(watch.held, new, now)
    watch = replace(watch, shown_entries=shown_keys, held=held)
    if watch.container_since is None and any(entry.starts_container for entry in new):
        watch = replace(watch, container_since=now)
    return watch, [*events, LogLines(target, shown, snapshot.server)] if shown else events


def _once(watch: Watch, events: list[Event], what: str, event: Event) -> tuple[Watch, list[Event]]:
    if what in watch.announced:
        return watch, events
    return replace(watch, announced=watch.announced | {what}), [*events, event]


def _counts(watch: Watch, snapshot: Snapshot, now: float) -> bool:
    """Whether a poll shows anything of the new version, and not perhaps of the old one (architecture 2.2)."""
    return now >= watch.undated_from or _checked(snapshot) > 0


def _checked(snapshot: Snapshot) -> float:
    """Seconds from the end of the deployment to the platform's own last check; 0 if none is known."""
    return max(snapshot.checked_after or 0.0, 0.0)


def _with_phase(watch: Watch, snapshot: Snapshot, now: float) -> Watch:
    since = 0.0 if watch.phase is None else _checked(snapshot)
    return replace(watch, phase=snapshot.phase, phase_since=now, checked_since=since)


def _is_final(watch: Watch, snapshot: Snapshot, now: float) -> bool:
    """Whether an end counts (architecture, rule 4).

    It does once it has lasted long enough, or at the deadline if it can't turn any more.
    """
    lasted = min(now - watch.phase_since, _confirmed_seconds(watch, snapshot))
    return lasted >= _required_seconds(watch, snapshot) or (now >= watch.deadline and cannot_turn(snapshot))


def _required_seconds(watch: Watch, snapshot: Snapshot) -> float:
    """How long the phase must last to count."""
    return max(snapshot.stable_for, snapshot.stable_after_failure if watch.failed_before else 0.0)


def _confirmed_seconds(watch: Watch, snapshot: Snapshot) -> float:
    """For how long the platform's own checks have shown a success: reading one check twice confirms nothing.

    Infinite for any other phase, and where the platform does not show when it checks.
    """
    if snapshot.phase is not Phase.SUCCEEDED or not _checked(snapshot):
        return math.inf
    return _checked(snapshot) - watch.checked_since


def cannot_turn(snapshot: Snapshot) -> bool:
    return snapshot.final and math.isfinite(snapshot.stable_for)


def _final_result(watch: Watch) -> WatchResult | None:
    """The end that was seen last, if it can't turn any more.

    It counts even if it can no longer be confirmed.
    """
    last = watch.last_snapshot
    if last and last.phase in TERMINAL and last.phase is not Phase.ABSENT and cannot_turn(last):
        return WatchResult(TERMINAL[last.phase], last.reason)
    return None


def _timed_out(watch: Watch) -> WatchResult:
    if final := _final_result(watch):
        return final
    last = watch.last_snapshot
    reason = last.reason if last else ""
    if last and not reason and last.phase in TERMINAL and math.isfinite(last.stable_for) and not last.final:
        reason = f"its status was {last.raw_status}, but not for long enough"
        if _confirmed_seconds(watch, last) < _required_seconds(watch, last):
            reason = f"its status was {last.raw_status}, but it was not checked again in time"
        if watch.stage is Stage.VERIFY:
            reason = (
                f"its last response was OK ({last.raw_status}), but two consecutive OK responses are "
                "required "
                "and time ran out"
            )
    reason = reason or TIMED_OUT_REASONS.get(last.phase if last else None, "")
    if watch.poll_error:
        reason = f"{reason}; the last status checks failed: {watch.poll_error}"
    return WatchResult(End.TIMED_OUT, reason)


def _new_since(
    watch: Watch, log: tuple[Entry, ...]
) -> tuple[tuple[Entry, ...], frozenset[tuple[object, int]]]:
    """`new_entries` since the last poll: none if the provider returns the very same log."""
    if watch.last_snapshot and log is watch.last_snapshot.log:
        return (), watch.shown_entries
    return new_entries(log, watch.shown_entries)


def new_entries(
    log: tuple[Entry, ...], shown: frozenset[tuple[object, int]]
) -> tuple[tuple[Entry, ...], frozenset[tuple[object, int]]]:
    """The entries that were not passed on yet, and the keys of all that are now (architecture, rule 5).

    The server may replace, reorder and shorten its list (coolify-api 6.1): an entry is identified by its key
    and by how many with the same key come before it, never by its index.
    """
    new: list[Entry] = []
    counts: dict[object, int] = {}
    keys = set(shown)
    for entry in log:
        nth = counts.get(entry.key, 0)
        counts[entry.key] = nth + 1
        if (entry.key, nth) not in keys:
            keys.add((entry.key, nth))
            new.append(entry)
    return tuple(new), frozenset(keys) if new else shown


REORDER_SECONDS = 2.0
"""How late log lines of several machines may arrive out of order (cloudfoundry-api 9)."""

Held = tuple[tuple[float, Entry], ...]


def _in_order(held: Held, new: tuple[Entry, ...], now: float) -> tuple[tuple[Entry, ...], Held]:
    """The entries to pass on now, and those to hold back, both in the order of writing.

    Entries without a time are passed on at once.
    """
    if not held and not any(entry.written for entry in new):
        return new, ()
    waiting = sorted((*held, *((now, entry) for entry in new)), key=lambda each: each[1].written)
    newest = waiting[-1][1].written
    old = [
        read <= now - REORDER_SECONDS or newest - entry.written >= REORDER_SECONDS * 1e9
        for read, entry in waiting
    ]
    ready = max((count for count, each in enumerate(old, start=1) if each), default=0)
    return tuple(entry for _, entry in waiting[:ready]), tuple(waiting[ready:])


# --- what the end of a stage means


@dataclass(frozen=True, slots=True)
class Retrigger:
    """Trigger the target once more."""

    reason: str


@dataclass(frozen=True, slots=True)
class QueueFull:
    """Nothing was started because the queue is full: trigger again after `seconds`, until `timeout`."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a target's run has come to."""

    outcome: Outcome
    reason: str
    health_check: Handle | None = None
    """Where to see whether the new version is running."""
    warning: str = ""
    """What a check could not determine."""
    unseen: str = ""
    """What could not be seen of the deployment itself.

    No other check makes up for it (see `Snapshot.unseen`).
    """


@dataclass(frozen=True, slots=True)
class StartNow:
    """What had to be done before the trigger is done: send it now."""


@dataclass(frozen=True, slots=True)
class NextStage:
    """Go on with another stage."""

    stage: Stage
    handles: tuple[Handle, ...]
    """What is polled in it."""
    since: float | None = None
    """When the previous stage ended; None: now."""
    so_far: Verdict | None = None
    """The verdict of the stages before."""


@dataclass(frozen=True, slots=True)
class RollBack:
    """Restore the previous version."""

    so_far: Verdict
    """The verdict without the rollback."""


NextStep = Retrigger | QueueFull | StartNow | NextStage | RollBack | Verdict

QUEUE_FULL_RETRY_SECONDS = 60.0
"""How long to wait for room in a full queue, as Coolify itself asks for (coolify-api 5.1)."""

DEPLOYED_OUTCOMES = {
    Stage.DEPLOYMENT: (Outcome.FINISHED, Outcome.UNVERIFIED),
    Stage.ROLLBACK: (Outcome.ROLLED_BACK,),
}
"""The stages and outcomes after which the deployments on additional servers are followed."""

RUNNING_OUTCOMES = (Outcome.FINISHED, Outcome.ROLLED_BACK)

NO_EVIDENCE = "not rolled back: there is no evidence that the new version is down"
LAST_CHECK_INCONCLUSIVE = "not rolled back: earlier checks failed, but the last one was inconclusive"


@dataclass(frozen=True, slots=True)
class Checks:
    """What is checked after the deployment."""

    strict: bool = False
    """An inconclusive check has failed."""
    site: bool = False
    """The target's site must respond as expected."""
    rollback: bool = False
    """Restore the previous version if the new one is seen to be down; at most once."""


def next_step(
    stage: Stage,
    watches: tuple[Watch, ...],
    *,
    repeated: bool,
    so_far: Verdict | None = None,
    checks: Checks = Checks(),
) -> NextStep:
    """Decide the next step once every watch of a stage has ended.

    repeated: the target must not be triggered once more.
    so_far: the verdict of the stages before.

    Raises ValueError if a watch has not ended.
    """
    if any(watch.result is None for watch in watches):
        raise ValueError("a stage is judged only after all its watches have ended")
    if stage is Stage.STAGING:
        final = _stage_verdict(stage, watches)
        return StartNow() if final.outcome is Outcome.FINISHED else final
    if stage is Stage.DEPLOYMENT and not all(_is_phantom(watch) for watch in watches):
        # A second tag may have responded with a phantom of what is watched already.
        watches = tuple(watch for watch in watches if not _is_phantom(watch))
    ends = {watch.result.end for watch in watches if watch.result}
    snapshots = [watch.last_snapshot for watch in watches if watch.last_snapshot]
    others = tuple(dict.fromkeys(handle for snapshot in snapshots for handle in snapshot.follow_ups))
    if stage in {Stage.DEPLOYMENT, Stage.ROLLBACK} and ends == {End.GONE}:
        return _after_absent(stage, watches[0], others, so_far, repeated=repeated)
    theirs = watches[0].handle.owner is Owner.OTHERS
    if stage is Stage.DEPLOYMENT and End.STUCK in ends and theirs:  # this run started nothing
        results = [watch.result for watch in watches if watch.result]
        return Verdict(Outcome.REFUSED, next(each.reason for each in results if each.end is End.STUCK))
    if stage is Stage.DEPLOYMENT and ends == {End.CANCELLED} and theirs and not repeated:
        # Architecture, rule 7.
        return Retrigger("the deployment that was followed was cancelled by somebody else")
    judge = _health_verdict if stage is Stage.HEALTH else _stage_verdict
    found = judge(stage, watches, strict=checks.strict)
    is_rollback = stage is Stage.ROLLBACK
    final = _rollback_verdict(so_far, found) if is_rollback and so_far else _combined(so_far, found)
    following = _next_stage(stage, watches, others, final, checks)
    return following or _verdict_or_rollback(stage, watches, final, checks)


def _next_stage(
    stage: Stage, watches: tuple[Watch, ...], others: tuple[Handle, ...], final: Verdict, checks: Checks
) -> NextStage | None:
    """The next stage, if there is one."""
    since = max((watch.phase_since for watch in watches), default=0)
    if others and final.outcome in DEPLOYED_OUTCOMES.get(stage, ()):  # started by then, whatever followed
        return NextStage(Stage.ADDITIONAL_SERVERS, others, since, final)
    if (
        stage in {Stage.DEPLOYMENT, Stage.ADDITIONAL_SERVERS, Stage.ROLLBACK}
        and final.health_check
        and final.outcome in RUNNING_OUTCOMES
    ):
        return NextStage(Stage.HEALTH, (final.health_check,), since, final)
    if (
        stage in {Stage.DEPLOYMENT, Stage.ADDITIONAL_SERVERS, Stage.HEALTH}
        and checks.site
        and final.outcome is Outcome.FINISHED
    ):
        site = Handle(watches[0].handle.target, "", condition=SITE_RESPONDS)
        # After a health check, from now on: the status may have been good for long.
        return NextStage(Stage.VERIFY, (site,), None if stage is Stage.HEALTH else since, final)
    return None


def _verdict_or_rollback(
    stage: Stage, watches: tuple[Watch, ...], final: Verdict, checks: Checks
) -> RollBack | Verdict:
    """The verdict, or a rollback if the new version was seen to be down."""
    if not checks.rollback:
        return final
    if _shows_failure(stage, watches):
        return RollBack(final)
    if final.outcome is not Outcome.UNVERIFIED:
        return final
    saw_failure = any(watch.saw_failure for watch in watches)
    return replace(final, warning=LAST_CHECK_INCONCLUSIVE if saw_failure else NO_EVIDENCE)


def _shows_failure(stage: Stage, watches: tuple[Watch, ...]) -> bool:
    """Whether the new version was seen to be down. An inconclusive check is not enough for a rollback."""
    if stage is Stage.HEALTH:
        return any(watch.result is not None and watch.result.end is End.FAILED for watch in watches)
    return any(watch.last_snapshot is not None and watch.last_snapshot.shows_failure for watch in watches)


def _is_phantom(watch: Watch) -> bool:
    """Whether this is a phantom whose real deployment was not found."""
    gone = watch.result is not None and watch.result.end is End.GONE
    return (
        gone
        and not watch.appeared
        and watch.handle.certainty in {Certainty.PHANTOM, Certainty.POSSIBLY_PHANTOM}
    )


def _after_absent(
    stage: Stage, watch: Watch, real: tuple[Handle, ...], so_far: Verdict | None, *, repeated: bool
) -> NextStep:
    """What follows if nothing exists under the handle (architecture, rule 3).

    `real`: the deployment behind a phantom.
    """
    reason = watch.result.reason if watch.result else ""
    if real and not watch.appeared:
        return NextStage(stage, real, watch.phase_since, so_far)
    if watch.handle.certainty is Certainty.UNCONFIRMED and not watch.appeared:
        return QueueFull(QUEUE_FULL_RETRY_SECONDS, reason)
    if (
        watch.handle.certainty in {Certainty.PHANTOM, Certainty.POSSIBLY_PHANTOM}
        and not watch.appeared
        and not repeated
    ):
        return Retrigger(reason)
    lost = Verdict(OUTCOMES[stage][End.GONE] or Outcome.LOST, reason)
    return _rollback_verdict(so_far, lost) if so_far else lost


def _stage_verdict(stage: Stage, watches: tuple[Watch, ...], *, strict: bool = False) -> Verdict:
    """The worst verdict of the watches. For additional servers, the reason names the server.

    strict: what could not be seen is not a success.
    """
    found = [(OUTCOMES[stage][watch.result.end] or Outcome.LOST, watch) for watch in watches if watch.result]
    worst = Outcome.worst([outcome for outcome, _ in found])
    bad = next(watch for outcome, watch in found if outcome is worst)
    reason = bad.result.reason if bad.result else ""
    if stage is Stage.ADDITIONAL_SERVERS and worst is not Outcome.FINISHED:
        server = (bad.details.server if bad.details else "") or bad.handle.server
        page = f" ({bad.details.link})" if bad.details and bad.details.link else ""
        reason = f"on the additional server {server}{page}: {reason or worst.status}"
    if stage is Stage.CANCELLATION and worst is Outcome.FINISHED:
        cancelled = sum(watch.result.end is End.CANCELLED for _, watch in found if watch.result)
        reason = f"{cancelled} cancelled"
        reason += f", {len(found) - cancelled} ended by itself" if cancelled < len(found) else ""
    snapshots = [watch.last_snapshot for watch in watches if watch.last_snapshot]
    unseen = ""
    if worst in RUNNING_OUTCOMES:
        unseen = next((snapshot.unseen for snapshot in snapshots if snapshot.unseen), "")
    if unseen and strict:
        return Verdict(Outcome.UNVERIFIED, unseen)
    checks = [snapshot.health_check for snapshot in snapshots if snapshot.health_check]
    if len(checks) > 1:  # whose end counts is not known here
        checks = [replace(checks[0], ended="")]
    return Verdict(worst, reason, checks[0] if checks else None, unseen=unseen)


def _health_verdict(stage: Stage, watches: tuple[Watch, ...], *, strict: bool) -> Verdict:
    """A status that shows failure is bad.

    An inconclusive one is only bad if the check is required (`strict`).
    """
    ending = watches[0].result or WatchResult(End.TIMED_OUT)
    outcome = OUTCOMES[stage][ending.end]
    if outcome is not None:
        return Verdict(outcome, ending.reason)
    what = (
        f"unknown whether it is running: {ending.reason or 'its status was inconclusive until time ran out'}"
    )
    if watches[0].phase is Phase.FAILED and ending.end is End.TIMED_OUT:  # seen, but not for long enough
        what = f"not down for long enough to be sure: {ending.reason}"
    if strict:
        return Verdict(Outcome.UNVERIFIED, what)
    return Verdict(Outcome.FINISHED, "", warning=f"deployed, but {what}")


def _rollback_verdict(before: Verdict, now: Verdict) -> Verdict:
    """The verdict of the deployment together with that of its rollback."""
    if now.outcome is Outcome.ROLLED_BACK:
        return replace(
            now,
            reason=f"{before.reason}. The previous version was restored. Fix the new one, then deploy again",
        )
    reason = f"{before.reason}. A rollback was started, but the previous version was not seen running"
    return replace(now, reason=f"{reason}: {now.reason}" if now.reason else reason)


def _combined(before: Verdict | None, now: Verdict) -> Verdict:
    if before is None:
        return now
    if before.outcome is Outcome.ROLLED_BACK and now.outcome is not Outcome.FINISHED:
        return replace(
            now, outcome=Outcome.UNVERIFIED, reason=f"{before.reason}, but {now.reason or now.outcome.status}"
        )
    worse = before if Outcome.worst([before.outcome, now.outcome]) is before.outcome else now
    return replace(
        worse,
        health_check=now.health_check or before.health_check,
        warning=now.warning,
        unseen=now.unseen or before.unseen,
    )


# --- how long to wait
def undated_from(stage: Stage, since: float, deadline: float) -> float:
    """From when on a status counts that may be older than `since`, the end of the previous stage."""
    return min(since + UNDATED_SECONDS.get(stage, 0.0), deadline)


def first_poll(handles: tuple[Handle, ...], since: float, undated: float) -> float:
    """When a stage is polled first: at once if its status may show that it is newer than `since`."""
    return since if any(handle.ended for handle in handles) else undated
