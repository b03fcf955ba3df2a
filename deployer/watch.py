"""PURE: every rule about when a deployment is over, and what comes next. No time of its own, no request, no output.

`observe` takes what one look saw and returns the new state of the watch and what happened; `after` says what an ending means for the
target; `pause` and `reach_again` say how long to wait. The rules by number are those of architecture 4.
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
    UNVERIFIED = "unproven"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    STUCK = "stuck"
    GONE = "gone"
    ACCESS_DENIED = "barred"
    TIMED_OUT = "late"


# A phase that is not in here is no end: QUEUED, RUNNING and UNKNOWN go on (architecture, rule 2: never success, never failure).
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

# What the end of each leg is called. None: nobody could tell, and `strict` decides.
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

FIRST_POLL_SECONDS = {Stage.HEALTH: 10.0}
"""Seconds from the end of the deployment to a leg's first look: until then the status may still be the old container's."""

LIMITED_BY = {Stage.HEALTH: "verify_timeout", Stage.VERIFY: "verify_timeout"}
"""Which field of the plan limits a leg, from the end of the one before; every other has `timeout`, from the first trigger."""

SITE_RESPONDS = "answering"
"""The aspect of a target that no provider is asked about: whether its site answers (deployer/verify)."""

CONTINUES = "continues on the server, but its status can't be read any more"
CONTINUING = (Phase.QUEUED, Phase.RUNNING)

TIMED_OUT_REASONS = {
    None: "no look at it ever worked",
    Phase.ABSENT: "it was not there",
    Phase.QUEUED: "it was still queued",
    Phase.STUCK: "it was still queued",
    Phase.RUNNING: "it was still being built or started",
    Phase.UNKNOWN: "its status was none that we know",
}


@dataclass(frozen=True, slots=True)
class WatchResult:
    """How one watch ended, and why as far as the provider says."""

    end: End
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of one deployment. Times in seconds of the clock that the caller reads. `saw_failure`: some look was `bad`.

    `held`: log entries that are not shown yet, each with when it was read first: an earlier one may still arrive.
    """

    handle: Handle
    began: float
    deadline: float
    stage: Stage = Stage.DEPLOYMENT
    phase: Phase | None = None
    appeared: bool = False
    saw_failure: bool = False
    phase_since: float = 0
    shown_entries: frozenset[tuple[object, int]] = frozenset()
    held: tuple[tuple[float, Entry], ...] = ()
    details: DeploymentDetails | None = None
    announced: frozenset[str] = frozenset()
    poll_error: str = ""
    reported_errors: frozenset[str] = frozenset()
    failed_polls: int = 0
    retry_after: float = 0
    last_snapshot: Snapshot | None = None
    result: WatchResult | None = None


def observe(watch: Watch, observation: Observation, now: float) -> tuple[Watch, list[Event]]:
    """What one look changes. Architecture, rule 1: what was seen is judged first, the deadline after it."""
    events: list[Event] = []
    match observation:
        case AccessDenied(reason):  # architecture, rule 3
            watch = replace(
                watch, result=_final_result(watch) or WatchResult(End.ACCESS_DENIED, _barred(watch, reason))
            )
        case PollFailed():
            watch, events = _poll_failed(watch, observation)
        case Snapshot():
            watch, events = _polled(watch, observation, now)
    if watch.result is None and now >= watch.deadline:
        watch = replace(watch, result=_timed_out(watch))
    if watch.result:
        events += rest(watch)
        watch = replace(watch, held=())
    return watch, events


def rest(watch: Watch) -> list[Event]:
    """What of the log was read and is not shown yet, for when nobody looks any more."""
    entries = tuple(entry for _, entry in watch.held)
    return (
        [LogLines(watch.handle.target, entries, watch.last_snapshot.server if watch.last_snapshot else "")]
        if entries
        else []
    )


def _barred(watch: Watch, reason: str) -> str:
    """What is under way goes on without us, which people must know of a token that was revoked in the middle."""
    going = (
        watch.last_snapshot is not None
        and watch.last_snapshot.phase in CONTINUING
        and watch.stage in {Stage.DEPLOYMENT, Stage.ADDITIONAL_SERVERS}
    )
    what = "the deployment" if watch.handle.id else "what was asked for"
    return f"{what} {CONTINUES}: {reason}" if going else reason


def _poll_failed(watch: Watch, missed: PollFailed) -> tuple[Watch, list[Event]]:
    """Architecture, rule 2: a failed look is no news, and the same trouble is told once."""
    events: list[Event] = (
        []
        if missed.reason in watch.reported_errors
        else [PollFailing(watch.handle.target, missed.reason, watch.handle.server)]
    )
    troubles = watch.reported_errors | {missed.reason}
    return replace(
        watch,
        poll_error=missed.reason,
        reported_errors=troubles,
        failed_polls=watch.failed_polls + 1,
        retry_after=missed.retry_after,
    ), events


def _polled(watch: Watch, snapshot: Snapshot, now: float) -> tuple[Watch, list[Event]]:
    target = watch.handle.target
    events: list[Event] = (
        [PollRecovered(target, watch.failed_polls, watch.handle.server)] if watch.failed_polls else []
    )
    known = DeploymentDetails(target, snapshot.link, snapshot.commit, snapshot.server, watch.stage)
    if known != watch.details and (snapshot.link or snapshot.commit or snapshot.server):
        events.append(known)
        watch = replace(watch, details=known)
    if (
        watch.last_snapshot
        and math.isinf(watch.last_snapshot.stable_for)
        and math.isfinite(snapshot.stable_for)
    ):
        watch = replace(watch, phase_since=now)
    same = snapshot.phase is watch.phase
    if not same or (watch.last_snapshot and snapshot.raw_status != watch.last_snapshot.raw_status):
        watch = watch if same else replace(watch, phase=snapshot.phase, phase_since=now)
        events.append(
            PhaseChanged(target, snapshot.phase, snapshot.raw_status, snapshot.server, watch.stage, same)
        )
    if watch.stage is Stage.CANCELLATION:
        pass  # nobody asked for the log of what was only to be cancelled
    elif snapshot.log is None:
        watch, events = _once(watch, events, "log", LogUnavailable(target, watch.handle.server))
    else:
        fresh, seen = new_entries(snapshot.log, watch.shown_entries)
        shown, held = _in_order(watch.held, fresh, now)
        watch = replace(watch, shown_entries=seen, held=held)
        events += [LogLines(target, shown, snapshot.server)] if shown else []
    for warning in snapshot.warnings:
        watch, events = _once(watch, events, warning, TargetWarning(target, warning, watch.handle.server))
    met = watch.appeared or snapshot.phase is not Phase.ABSENT
    watch = replace(
        watch,
        poll_error="",
        reported_errors=frozenset(),
        failed_polls=0,
        retry_after=0,
        last_snapshot=snapshot,
        appeared=met,
        saw_failure=watch.saw_failure or snapshot.shows_failure,
    )
    end = TERMINAL.get(snapshot.phase)
    if end is not None and _is_final(watch, snapshot, now):
        watch = replace(watch, result=WatchResult(end, snapshot.reason))
    return watch, events


def _once(watch: Watch, events: list[Event], what: str, event: Event) -> tuple[Watch, list[Event]]:
    if what in watch.announced:
        return watch, events
    return replace(watch, announced=watch.announced | {what}), [*events, event]


def _is_final(watch: Watch, snapshot: Snapshot, now: float) -> bool:
    """An end is looked at again until it has held long enough; the deadline cuts that short, but for one that may still turn.

    Source: architecture, rule 4.
    """
    return now - watch.phase_since >= snapshot.stable_for or (
        now >= watch.deadline and _cannot_turn(snapshot)
    )


def _cannot_turn(snapshot: Snapshot) -> bool:
    return snapshot.final and math.isfinite(snapshot.stable_for)


def _final_result(watch: Watch) -> WatchResult | None:
    """The end that was seen last: it is not lost because we can look no more before it is settled."""
    if (
        watch.last_snapshot
        and watch.last_snapshot.phase in TERMINAL
        and watch.last_snapshot.phase is not Phase.ABSENT
        and _cannot_turn(watch.last_snapshot)
    ):
        return WatchResult(TERMINAL[watch.last_snapshot.phase], watch.last_snapshot.reason)
    return None


def _timed_out(watch: Watch) -> WatchResult:
    if believed := _final_result(watch):
        return believed
    reason = watch.last_snapshot.reason if watch.last_snapshot else ""
    phase = watch.last_snapshot.phase if watch.last_snapshot else None
    if (
        not reason
        and watch.last_snapshot
        and phase in TERMINAL
        and math.isfinite(watch.last_snapshot.stable_for)
        and not watch.last_snapshot.final
    ):
        reason = f"its status was {watch.last_snapshot.raw_status}, too short to be believed"
        if watch.stage is Stage.VERIFY:
            reason = f"its last answer was good ({watch.last_snapshot.raw_status}), but two in a row count, and there was no time for a second"
    if watch.poll_error:
        return WatchResult(
            End.TIMED_OUT,
            f"{reason or TIMED_OUT_REASONS.get(phase, '')}; the last looks failed: {watch.poll_error}",
        )
    return WatchResult(End.TIMED_OUT, reason or TIMED_OUT_REASONS.get(phase, ""))


def new_entries(
    log: tuple[Entry, ...], seen: frozenset[tuple[object, int]]
) -> tuple[tuple[Entry, ...], frozenset[tuple[object, int]]]:
    """Architecture, rule 5: the entries not shown yet, in the order of the list, and all that are shown now.

    The server may replace, reorder and shorten its list (coolify-api 6.1), so an entry is known by its key and by how many with the
    same key stand before it, never by its index.
    """
    fresh: list[Entry] = []
    counts: dict[object, int] = {}
    marks = set(seen)
    for entry in log:
        nth = counts.get(entry.key, 0)
        counts[entry.key] = nth + 1
        if (entry.key, nth) not in marks:
            marks.add((entry.key, nth))
            fresh.append(entry)
    return tuple(fresh), frozenset(marks) if fresh else seen


LATE_LINES = 2.0
"""Seconds in which log lines of several machines may arrive out of their order (Cloud Foundry's coolify-api 9)."""

Held = tuple[tuple[float, Entry], ...]


def _in_order(held: Held, fresh: tuple[Entry, ...], now: float) -> tuple[tuple[Entry, ...], Held]:
    """What is shown now, and what is held back, both by when they were written. What comes in order is shown at once."""
    if not held and not any(entry.written for entry in fresh):
        return fresh, ()
    waiting = sorted((*held, *((now, entry) for entry in fresh)), key=lambda each: each[1].written)
    newest = waiting[-1][1].written
    old = [read <= now - LATE_LINES or newest - entry.written >= LATE_LINES * 1e9 for read, entry in waiting]
    ready = max((place for place, each in enumerate(old, start=1) if each), default=0)
    return tuple(entry for _, entry in waiting[:ready]), tuple(waiting[ready:])


# --- what an ending means


@dataclass(frozen=True, slots=True)
class Retrigger:
    """The target is triggered once more, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class QueueFull:
    """Nothing was started, for want of room: the same is sent again after `seconds`, as often as `timeout` lets it."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a story has come to. `health_check`: where it can be seen that the new version runs; `warning`: what could not be seen.

    `unseen`: the same of the deployment itself, which no later proof but the right one makes up for: see `Snapshot`.
    """

    outcome: Outcome
    reason: str
    health_check: Handle | None = None
    warning: str = ""
    unseen: str = ""


@dataclass(frozen=True, slots=True)
class StartNow:
    """What had to be done before the start is done."""


@dataclass(frozen=True, slots=True)
class NextStage:
    """The next leg, with what is watched in it, when the one before was seen to end, and what it came to."""

    stage: Stage
    handles: tuple[Handle, ...]
    since: float | None = None
    so_far: Verdict | None = None


@dataclass(frozen=True, slots=True)
class RollBack:
    """What ran before is put back. `so_far`: what the story has come to without it."""

    so_far: Verdict


NextStep = Retrigger | QueueFull | StartNow | NextStage | RollBack | Verdict

QUEUE_FULL_RETRY_SECONDS = 60.0
"""Seconds until a full queue is tried again, as long as Coolify asks for where it says so itself (coolify-api 5.1)."""

DEPLOYED_OUTCOMES = {
    Stage.DEPLOYMENT: (Outcome.FINISHED, Outcome.UNVERIFIED),
    Stage.ROLLBACK: (Outcome.ROLLED_BACK,),
}
"""After which leg, and with which outcome, its additional servers' deployments go on."""

RUNNING_OUTCOMES = (Outcome.FINISHED, Outcome.ROLLED_BACK)

NO_EVIDENCE = "not rolled back: nothing was seen that shows that the new version does not run"
LAST_CHECK_INCONCLUSIVE = (
    "not rolled back: the new version was seen not to do what it should, but not in the last look"
)


@dataclass(frozen=True, slots=True)
class Checks:
    """What must be proven: `strict` where no news is bad news, `site` where an address must answer.

    `rollback`: what ran before is put back where it is seen that the new version does not run; that is done once.
    """

    strict: bool = False
    site: bool = False
    rollback: bool = False


def next_step(
    stage: Stage,
    watches: tuple[Watch, ...],
    *,
    repeated: bool,
    so_far: Verdict | None = None,
    aims: Checks = Checks(),
) -> NextStep:
    """What comes after a leg in which every watch has ended.

    `repeated`: the target was already triggered once more. `so_far`: what the legs before have come to.
    """
    if any(watch.result is None for watch in watches):
        raise ValueError("a leg is judged only after all its watches have ended")
    if stage is Stage.STAGING:
        final = _worst(stage, watches)
        return StartNow() if final.outcome is Outcome.FINISHED else final
    if stage is Stage.DEPLOYMENT and not all(_is_phantom(watch) for watch in watches):
        watches = tuple(
            watch for watch in watches if not _is_phantom(watch)
        )  # a second tag's phantom of what is watched already
    ends = {watch.result.end for watch in watches if watch.result}
    others = tuple(
        dict.fromkeys(
            handle for watch in watches if watch.last_snapshot for handle in watch.last_snapshot.follow_ups
        )
    )
    if stage in {Stage.DEPLOYMENT, Stage.ROLLBACK} and ends == {End.GONE}:
        return _after_absent(stage, watches[0], others, so_far, repeated=repeated)
    theirs = watches[0].handle.owner is Owner.OTHERS
    if stage is Stage.DEPLOYMENT and End.STUCK in ends and theirs:  # nothing of ours was started
        return Verdict(
            Outcome.REFUSED,
            next(watch.result.reason for watch in watches if watch.result and watch.result.end is End.STUCK),
        )
    if (
        stage is Stage.DEPLOYMENT and ends == {End.CANCELLED} and theirs and not repeated
    ):  # architecture, rule 7
        return Retrigger("the deployment that we followed was cancelled by somebody else")
    final = (
        _health_verdict(watches, strict=aims.strict)
        if stage is Stage.HEALTH
        else _worst(stage, watches, strict=aims.strict)
    )
    final = (
        _rollback_verdict(so_far, final) if stage is Stage.ROLLBACK and so_far else _combined(so_far, final)
    )
    return _next_stage(stage, watches, others, final, aims) or _verdict_or_rollback(
        stage, watches, final, aims
    )


def _next_stage(
    stage: Stage, watches: tuple[Watch, ...], others: tuple[Handle, ...], final: Verdict, aims: Checks
) -> NextStage | None:
    """The next leg, if there is one."""
    since = max((watch.phase_since for watch in watches), default=0)
    if others and final.outcome in DEPLOYED_OUTCOMES.get(
        stage, ()
    ):  # started by then, whatever came after it
        return NextStage(Stage.ADDITIONAL_SERVERS, others, since, final)
    if (
        stage in {Stage.DEPLOYMENT, Stage.ADDITIONAL_SERVERS, Stage.ROLLBACK}
        and final.health_check
        and final.outcome in RUNNING_OUTCOMES
    ):
        return NextStage(Stage.HEALTH, (final.health_check,), since, final)
    if (
        stage in {Stage.DEPLOYMENT, Stage.ADDITIONAL_SERVERS, Stage.HEALTH}
        and aims.site
        and final.outcome is Outcome.FINISHED
    ):
        site = Handle(watches[0].handle.target, "", condition=SITE_RESPONDS)
        return NextStage(
            Stage.VERIFY, (site,), None if stage is Stage.HEALTH else since, final
        )  # a status may have been good for long
    return None


def _verdict_or_rollback(
    stage: Stage, watches: tuple[Watch, ...], final: Verdict, aims: Checks
) -> RollBack | Verdict:
    """The end, or the way back from a version that was seen not to run."""
    if not aims.rollback:
        return final
    if _shows_failure(stage, watches):
        return RollBack(final)
    why = LAST_CHECK_INCONCLUSIVE if any(watch.saw_failure for watch in watches) else NO_EVIDENCE
    return replace(final, warning=why) if final.outcome is Outcome.UNVERIFIED else final


def _shows_failure(stage: Stage, watches: tuple[Watch, ...]) -> bool:
    """Whether it was seen that the new version does not run: nothing is put back because nobody could tell."""
    if stage is Stage.HEALTH:
        return any(watch.result is not None and watch.result.end is End.FAILED for watch in watches)
    return any(watch.last_snapshot is not None and watch.last_snapshot.shows_failure for watch in watches)


def _is_phantom(watch: Watch) -> bool:
    """A phantom that was looked for and not found."""
    gone = watch.result is not None and watch.result.end is End.GONE
    return (
        gone
        and not watch.appeared
        and watch.handle.certainty in {Certainty.PHANTOM, Certainty.POSSIBLY_PHANTOM}
    )


def _after_absent(
    stage: Stage, watch: Watch, real: tuple[Handle, ...], so_far: Verdict | None, *, repeated: bool
) -> NextStep:
    """Architecture, rule 3: a handle that names nothing is no deployment that is still coming. `real`: what stands behind a phantom."""
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


def _worst(stage: Stage, watches: tuple[Watch, ...], *, strict: bool = False) -> Verdict:
    """The worst of the watches. Of several, the reason names the server, so that people know which.

    `strict`: what could not be seen is no success.
    """
    found = [(OUTCOMES[stage][watch.result.end] or Outcome.LOST, watch) for watch in watches if watch.result]
    worst = Outcome.worst([outcome for outcome, _ in found])
    bad = next(watch for outcome, watch in found if outcome is worst)
    reason = bad.result.reason if bad.result else ""
    if stage is Stage.ADDITIONAL_SERVERS and worst is not Outcome.FINISHED:
        server, page = (bad.details.server, bad.details.link) if bad.details else ("", "")
        reason = f"on the additional server {server or bad.handle.server}{f' ({page})' if page else ''}: {reason or worst.status}"
    if stage is Stage.CANCELLATION and worst is Outcome.FINISHED:
        cancelled = sum(watch.result.end is End.CANCELLED for _, watch in found if watch.result)
        reason = f"{cancelled} cancelled" + (
            f", {len(found) - cancelled} ended by itself" if cancelled < len(found) else ""
        )
    unseen = (
        next(
            (
                watch.last_snapshot.unseen
                for watch in watches
                if watch.last_snapshot and watch.last_snapshot.unseen
            ),
            "",
        )
        if worst in RUNNING_OUTCOMES
        else ""
    )
    if unseen and strict:
        return Verdict(Outcome.UNVERIFIED, unseen)
    proof = next(
        (
            watch.last_snapshot.health_check
            for watch in watches
            if watch.last_snapshot and watch.last_snapshot.health_check
        ),
        None,
    )
    return Verdict(worst, reason, proof, unseen=unseen)


def _health_verdict(watches: tuple[Watch, ...], *, strict: bool) -> Verdict:
    """Evidence that it does not run is bad; no evidence is only bad where proof was asked for."""
    ending = watches[0].result or WatchResult(End.TIMED_OUT)
    outcome = OUTCOMES[Stage.HEALTH][ending.end]
    if outcome is not None:
        return Verdict(outcome, ending.reason)
    what = f"nobody could see whether it runs: {ending.reason or 'its status said nothing clear in time'}"
    if (
        watches[0].phase is Phase.FAILED and ending.end is End.TIMED_OUT
    ):  # seen, but not for as long as it takes to be believed
        what = f"not seen for long enough to be sure: {ending.reason}"
    return (
        Verdict(Outcome.UNVERIFIED, what)
        if strict
        else Verdict(Outcome.FINISHED, "", warning=f"deployed, but {what}")
    )


def _rollback_verdict(before: Verdict, now: Verdict) -> Verdict:
    """What the deployment was, and what became of the way back."""
    if now.outcome is Outcome.ROLLED_BACK:
        return replace(now, reason=f"{before.reason}. What ran before was put back")
    trouble = f": {now.reason}" if now.reason else ""
    reason = f"{before.reason}. What ran before was to be put back, but was not seen to run again{trouble}"
    return replace(now, reason=reason)


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

QUICK_SECONDS, SLOW_SECONDS = 3.0, 10.0
# (younger than, seconds between two polls): how long a watch has lasted decides, and from the last row on SLOW_SECONDS.
PACE = ((5.0, 1.0), (30.0, QUICK_SECONDS), (300.0, 5.0))
FINALIZING_SECONDS = 2.0
MAX_RETRY_SECONDS = 30.0
REQUESTS_PER_MINUTE = 60
"""Requests a minute for all targets together: well under the 200 of the server's user, who may have other jobs (coolify-api 3.4)."""

FEW_REMAINING_REQUESTS = 20
FEW_REMAINING_SECONDS = 15.0
CONNECT_TRIES, CONNECT_RETRY_SECONDS = 3, 15.0
LATE_PATIENCE = 120.0
"""Seconds, of `timeout`, for the first response of a server that accepts connections and is only slow to respond.

Source: architecture, rule 10.
"""

LATE_READ, LATE_PAUSE = 30.0, 2.0
"""Seconds for each response after a late one, and between two tries."""


def poll_delay(
    watch: Watch, now: float, *, targets: int, fixed: float | None = None, remaining: int | None = None
) -> float:
    """Seconds until the next look at this watch, which is never later than its deadline (architecture, rule 9).

    `targets`: how many are watched at once. `fixed`: the pace that the user set. `remaining`: requests that the server still grants.
    """
    if watch.failed_polls:
        delay = min(MAX_RETRY_SECONDS, QUICK_SECONDS * 2 ** min(watch.failed_polls, 5) / 2)
    elif watch.last_snapshot and watch.last_snapshot.phase in TERMINAL and _cannot_turn(watch.last_snapshot):
        delay = FINALIZING_SECONDS
    else:
        age = now - watch.began
        delay = next((pause for until, pause in PACE if age < until), SLOW_SECONDS)
    delay = fixed if fixed is not None else max(delay, targets * 60 / REQUESTS_PER_MINUTE)
    if remaining is not None and remaining < FEW_REMAINING_REQUESTS:
        delay = max(delay, FEW_REMAINING_SECONDS)
    return min(max(delay, watch.retry_after), max(watch.deadline - now, 0.0))


def connect_retry_delay(tries: int, began: float, now: float) -> float | None:
    """Seconds until the next try to reach a server that has never answered; None when patience is over (architecture, rule 10)."""
    if tries >= CONNECT_TRIES:
        return None
    return max(0.0, began + tries * CONNECT_RETRY_SECONDS - now)


def reach_late(began: float, now: float, timeout: float) -> tuple[float, float] | None:
    """Seconds until the next try after one whose response was late, and seconds to wait for it then; None when patience is over."""
    left = began + min(LATE_PATIENCE, timeout) - now
    return (LATE_PAUSE, min(LATE_READ, left - LATE_PAUSE)) if left > 2 * LATE_PAUSE else None
