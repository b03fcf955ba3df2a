"""PURE: every rule about when a deployment is over, and what comes next. No time of its own, no request, no output.

`observe` takes what one look saw and returns the new state of the watch and what happened; `after` says what an ending means for the
target; `pause` and `reach_again` say how long to wait. The rules by number are those of architecture 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

from deployer.model import (
    Barred,
    Entry,
    Event,
    Handle,
    Known,
    Leg,
    Logged,
    Missed,
    Moved,
    Outcome,
    Phase,
    Recovered,
    Sight,
    Snapshot,
    Trust,
    Unlogged,
    Warned,
    Wavered,
)


class End(Enum):
    """The ways a watch can end."""

    SUCCEEDED = "succeeded"
    UNPROVEN = "unproven"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    STUCK = "stuck"
    GONE = "gone"
    BARRED = "barred"
    LATE = "late"


# A phase that is not in here is no end: QUEUED, RUNNING and UNKNOWN go on (architecture, rule 2: never success, never failure).
TERMINAL = {
    Phase.SUCCEEDED: End.SUCCEEDED,
    Phase.UNPROVEN: End.UNPROVEN,
    Phase.FAILED: End.FAILED,
    Phase.CANCELLED: End.CANCELLED,
    Phase.SUPERSEDED: End.SUPERSEDED,
    Phase.STUCK: End.STUCK,
    Phase.ABSENT: End.GONE,
}

_DEPLOYED = {
    End.SUCCEEDED: Outcome.FINISHED,
    End.UNPROVEN: Outcome.UNVERIFIED,
    End.FAILED: Outcome.FAILED,
    End.CANCELLED: Outcome.CANCELLED,
    End.SUPERSEDED: Outcome.SUPERSEDED,
    End.STUCK: Outcome.LOST,
    End.GONE: Outcome.LOST,
    End.BARRED: Outcome.LOST,
    End.LATE: Outcome.TIMED_OUT,
}

# What the end of each leg is called. None: nobody could tell, and `strict` decides.
OUTCOMES: dict[Leg, dict[End, Outcome | None]] = {
    Leg.STAGING: {**_DEPLOYED},
    Leg.DEPLOYMENT: {**_DEPLOYED},
    Leg.OTHERS: {**_DEPLOYED},
    Leg.HEALTH: {**dict.fromkeys(End), End.SUCCEEDED: Outcome.FINISHED, End.FAILED: Outcome.UNVERIFIED},
    Leg.VERIFY: {**dict.fromkeys(End, Outcome.UNVERIFIED), End.SUCCEEDED: Outcome.FINISHED},
    Leg.ROLLBACK: {**dict.fromkeys(End, Outcome.UNVERIFIED), End.SUCCEEDED: Outcome.ROLLED_BACK},
    Leg.ENDING: {**dict.fromkeys(End, Outcome.FINISHED), End.BARRED: Outcome.LOST, End.LATE: Outcome.TIMED_OUT},
}

FIRST_LOOK = {Leg.HEALTH: 10.0}
"""Seconds from the end of the deployment to a leg's first look: until then the status may still be the old container's."""

LIMITS = {Leg.HEALTH: "verify_timeout", Leg.VERIFY: "verify_timeout"}
"""Which field of the plan limits a leg, from the end of the one before; every other has `timeout`, from the first trigger."""

SITE = "answering"
"""The aspect of a target that no provider is asked about: whether its site answers (deployer/verify)."""

CONTINUES = "continues on the server, but its status can't be read any more"
CONTINUING = (Phase.QUEUED, Phase.RUNNING)

LATE = {
    None: "no look at it ever worked",
    Phase.ABSENT: "it was not there",
    Phase.QUEUED: "it was still queued",
    Phase.STUCK: "it was still queued",
    Phase.RUNNING: "it was still being built or started",
    Phase.UNKNOWN: "its status was none that we know",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How one watch ended, and why as far as the provider says."""

    end: End
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of one deployment. Times in seconds of the clock that the caller reads. `blamed`: some look was `bad`.

    `held`: log entries that are not shown yet, each with when it was read first: an earlier one may still arrive.
    """

    handle: Handle
    began: float
    deadline: float
    leg: Leg = Leg.DEPLOYMENT
    phase: Phase | None = None
    met: bool = False
    blamed: bool = False
    since: float = 0
    seen: frozenset[tuple[object, int]] = frozenset()
    held: tuple[tuple[float, Entry], ...] = ()
    known: Known | None = None
    told: frozenset[str] = frozenset()
    trouble: str = ""
    troubles: frozenset[str] = frozenset()
    missed: int = 0
    wait: float = 0
    last: Snapshot | None = None
    ending: Ending | None = None


def observe(watch: Watch, sight: Sight, now: float) -> tuple[Watch, list[Event]]:
    """What one look changes. Architecture, rule 1: what was seen is judged first, the deadline after it."""
    events: list[Event] = []
    match sight:
        case Barred(reason):  # architecture, rule 3
            watch = replace(watch, ending=_believed(watch) or Ending(End.BARRED, _barred(watch, reason)))
        case Missed():
            watch, events = _missed(watch, sight)
        case Snapshot():
            watch, events = _seen(watch, sight, now)
    if watch.ending is None and now >= watch.deadline:
        watch = replace(watch, ending=_late(watch))
    if watch.ending:
        events += rest(watch)
        watch = replace(watch, held=())
    return watch, events


def rest(watch: Watch) -> list[Event]:
    """What of the log was read and is not shown yet, for when nobody looks any more."""
    entries = tuple(entry for _, entry in watch.held)
    return [Logged(watch.handle.target, entries, watch.last.server if watch.last else "")] if entries else []


def _barred(watch: Watch, reason: str) -> str:
    """What is under way goes on without us, which people must know of a token that was revoked in the middle."""
    going = watch.last is not None and watch.last.phase in CONTINUING and watch.leg in {Leg.DEPLOYMENT, Leg.OTHERS}
    what = "the deployment" if watch.handle.id else "what was asked for"
    return f"{what} {CONTINUES}: {reason}" if going else reason


def _missed(watch: Watch, missed: Missed) -> tuple[Watch, list[Event]]:
    """Architecture, rule 2: a failed look is no news, and the same trouble is told once."""
    events: list[Event] = [] if missed.reason in watch.troubles else [Wavered(watch.handle.target, missed.reason, watch.handle.server)]
    troubles = watch.troubles | {missed.reason}
    return replace(watch, trouble=missed.reason, troubles=troubles, missed=watch.missed + 1, wait=missed.wait), events


def _seen(watch: Watch, snapshot: Snapshot, now: float) -> tuple[Watch, list[Event]]:
    target = watch.handle.target
    events: list[Event] = [Recovered(target, watch.missed, watch.handle.server)] if watch.missed else []
    known = Known(target, snapshot.link, snapshot.commit, snapshot.server, watch.leg)
    if known != watch.known and (snapshot.link or snapshot.commit or snapshot.server):
        events.append(known)
        watch = replace(watch, known=known)
    if watch.last and math.isinf(watch.last.hold) and math.isfinite(snapshot.hold):
        watch = replace(watch, since=now)
    same = snapshot.phase is watch.phase
    if not same or (watch.last and snapshot.detail != watch.last.detail):
        watch = watch if same else replace(watch, phase=snapshot.phase, since=now)
        events.append(Moved(target, snapshot.phase, snapshot.detail, snapshot.server, watch.leg, same))
    if watch.leg is Leg.ENDING:
        pass  # nobody asked for the log of what was only to be cancelled
    elif snapshot.log is None:
        watch, events = _once(watch, events, "log", Unlogged(target, watch.handle.server))
    else:
        fresh, seen = unseen(snapshot.log, watch.seen)
        shown, held = _in_order(watch.held, fresh, now)
        watch = replace(watch, seen=seen, held=held)
        events += [Logged(target, shown, snapshot.server)] if shown else []
    for warning in snapshot.warnings:
        watch, events = _once(watch, events, warning, Warned(target, warning, watch.handle.server))
    met = watch.met or snapshot.phase is not Phase.ABSENT
    watch = replace(watch, trouble="", troubles=frozenset(), missed=0, wait=0, last=snapshot, met=met, blamed=watch.blamed or snapshot.bad)
    end = TERMINAL.get(snapshot.phase)
    if end is not None and _settled(watch, snapshot, now):
        watch = replace(watch, ending=Ending(end, snapshot.reason))
    return watch, events


def _once(watch: Watch, events: list[Event], what: str, event: Event) -> tuple[Watch, list[Event]]:
    if what in watch.told:
        return watch, events
    return replace(watch, told=watch.told | {what}), [*events, event]


def _settled(watch: Watch, snapshot: Snapshot, now: float) -> bool:
    """An end is looked at again until it has held long enough; the deadline cuts that short, but for one that may still turn.

    Source: architecture, rule 4.
    """
    return now - watch.since >= snapshot.hold or (now >= watch.deadline and _certain(snapshot))


def _certain(snapshot: Snapshot) -> bool:
    return snapshot.settled and math.isfinite(snapshot.hold)


def _believed(watch: Watch) -> Ending | None:
    """The end that was seen last: it is not lost because we can look no more before it is settled."""
    if watch.last and watch.last.phase in TERMINAL and watch.last.phase is not Phase.ABSENT and _certain(watch.last):
        return Ending(TERMINAL[watch.last.phase], watch.last.reason)
    return None


def _late(watch: Watch) -> Ending:
    if believed := _believed(watch):
        return believed
    reason = watch.last.reason if watch.last else ""
    phase = watch.last.phase if watch.last else None
    if not reason and watch.last and phase in TERMINAL and math.isfinite(watch.last.hold) and not watch.last.settled:
        reason = f"its status was {watch.last.detail}, too short to be believed"
        if watch.leg is Leg.VERIFY:
            reason = f"its last answer was good ({watch.last.detail}), but two in a row count, and there was no time for a second"
    if watch.trouble:
        return Ending(End.LATE, f"{reason or LATE.get(phase, '')}; the last looks failed: {watch.trouble}")
    return Ending(End.LATE, reason or LATE.get(phase, ""))


def unseen(log: tuple[Entry, ...], seen: frozenset[tuple[object, int]]) -> tuple[tuple[Entry, ...], frozenset[tuple[object, int]]]:
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
class Again:
    """The target is triggered once more, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Full:
    """Nothing was started, for want of room: the same is sent again after `seconds`, as often as `timeout` lets it."""

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Final:
    """What a story has come to. `proof`: where it can be seen that the new version runs; `warning`: what could not be seen.

    `unseen`: the same of the deployment itself, which no later proof but the right one makes up for: see `Snapshot`.
    """

    outcome: Outcome
    reason: str
    proof: Handle | None = None
    warning: str = ""
    unseen: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """What had to be done before the start is done."""


@dataclass(frozen=True, slots=True)
class Onward:
    """The next leg, with what is watched in it, when the one before was seen to end, and what it came to."""

    leg: Leg
    handles: tuple[Handle, ...]
    since: float | None = None
    so_far: Final | None = None


@dataclass(frozen=True, slots=True)
class Back:
    """What ran before is put back. `so_far`: what the story has come to without it."""

    so_far: Final


Next = Again | Full | Ready | Onward | Back | Final

ROOM = 60.0
"""Seconds until a full queue is tried again, as long as Coolify asks for where it says so itself (coolify-api 5.1)."""

DEPLOYED = {Leg.DEPLOYMENT: (Outcome.FINISHED, Outcome.UNVERIFIED), Leg.ROLLBACK: (Outcome.ROLLED_BACK,)}
"""After which leg, and with which outcome, its additional servers' deployments go on."""

RUNS = (Outcome.FINISHED, Outcome.ROLLED_BACK)

UNPROVEN = "not rolled back: nothing was seen that shows that the new version does not run"
TURNED = "not rolled back: the new version was seen not to do what it should, but not in the last look"


@dataclass(frozen=True, slots=True)
class Aims:
    """What must be proven: `strict` where no news is bad news, `site` where an address must answer.

    `rollback`: what ran before is put back where it is seen that the new version does not run; that is done once.
    """

    strict: bool = False
    site: bool = False
    rollback: bool = False


def after(leg: Leg, watches: tuple[Watch, ...], *, repeated: bool, so_far: Final | None = None, aims: Aims = Aims()) -> Next:
    """What comes after a leg in which every watch has ended.

    `repeated`: the target was already triggered once more. `so_far`: what the legs before have come to.
    """
    if any(watch.ending is None for watch in watches):
        raise ValueError("a leg is judged only after all its watches have ended")
    if leg is Leg.STAGING:
        final = _worst(leg, watches)
        return Ready() if final.outcome is Outcome.FINISHED else final
    if leg is Leg.DEPLOYMENT and not all(_is_nothing(watch) for watch in watches):
        watches = tuple(watch for watch in watches if not _is_nothing(watch))  # a second tag's phantom of what is watched already
    ends = {watch.ending.end for watch in watches if watch.ending}
    others = tuple(dict.fromkeys(handle for watch in watches if watch.last for handle in watch.last.next))
    if leg in {Leg.DEPLOYMENT, Leg.ROLLBACK} and ends == {End.GONE}:
        return _gone(leg, watches[0], others, so_far, repeated=repeated)
    theirs = watches[0].handle.adopted and not watches[0].handle.perhaps
    if leg is Leg.DEPLOYMENT and End.STUCK in ends and theirs:  # nothing of ours was started
        return Final(Outcome.REFUSED, next(watch.ending.reason for watch in watches if watch.ending and watch.ending.end is End.STUCK))
    if leg is Leg.DEPLOYMENT and ends == {End.CANCELLED} and theirs and not repeated:  # architecture, rule 7
        return Again("the deployment that we followed was cancelled by somebody else")
    final = _health(watches, strict=aims.strict) if leg is Leg.HEALTH else _worst(leg, watches, strict=aims.strict)
    final = _returned(so_far, final) if leg is Leg.ROLLBACK and so_far else _both(so_far, final)
    return _onward(leg, watches, others, final, aims) or _end(leg, watches, final, aims)


def _onward(leg: Leg, watches: tuple[Watch, ...], others: tuple[Handle, ...], final: Final, aims: Aims) -> Onward | None:
    """The next leg, if there is one."""
    since = max((watch.since for watch in watches), default=0)
    if others and final.outcome in DEPLOYED.get(leg, ()):  # started by then, whatever came after it
        return Onward(Leg.OTHERS, others, since, final)
    if leg in {Leg.DEPLOYMENT, Leg.OTHERS, Leg.ROLLBACK} and final.proof and final.outcome in RUNS:
        return Onward(Leg.HEALTH, (final.proof,), since, final)
    if leg in {Leg.DEPLOYMENT, Leg.OTHERS, Leg.HEALTH} and aims.site and final.outcome is Outcome.FINISHED:
        site = Handle(watches[0].handle.target, "", aspect=SITE)
        return Onward(Leg.VERIFY, (site,), None if leg is Leg.HEALTH else since, final)  # a status may have been good for long
    return None


def _end(leg: Leg, watches: tuple[Watch, ...], final: Final, aims: Aims) -> Back | Final:
    """The end, or the way back from a version that was seen not to run."""
    if not aims.rollback:
        return final
    if _is_evident(leg, watches):
        return Back(final)
    why = TURNED if any(watch.blamed for watch in watches) else UNPROVEN
    return replace(final, warning=why) if final.outcome is Outcome.UNVERIFIED else final


def _is_evident(leg: Leg, watches: tuple[Watch, ...]) -> bool:
    """Whether it was seen that the new version does not run: nothing is put back because nobody could tell."""
    if leg is Leg.HEALTH:
        return any(watch.ending is not None and watch.ending.end is End.FAILED for watch in watches)
    return any(watch.last is not None and watch.last.bad for watch in watches)


def _is_nothing(watch: Watch) -> bool:
    """A phantom that was looked for and not found."""
    gone = watch.ending is not None and watch.ending.end is End.GONE
    return gone and not watch.met and watch.handle.trust in {Trust.PHANTOM, Trust.LISTED}


def _gone(leg: Leg, watch: Watch, real: tuple[Handle, ...], so_far: Final | None, *, repeated: bool) -> Next:
    """Architecture, rule 3: a handle that names nothing is no deployment that is still coming. `real`: what stands behind a phantom."""
    reason = watch.ending.reason if watch.ending else ""
    if real and not watch.met:
        return Onward(leg, real, watch.since, so_far)
    if watch.handle.trust is Trust.DOUBTFUL and not watch.met:
        return Full(ROOM, reason)
    if watch.handle.trust in {Trust.PHANTOM, Trust.LISTED} and not watch.met and not repeated:
        return Again(reason)
    lost = Final(OUTCOMES[leg][End.GONE] or Outcome.LOST, reason)
    return _returned(so_far, lost) if so_far else lost


def _worst(leg: Leg, watches: tuple[Watch, ...], *, strict: bool = False) -> Final:
    """The worst of the watches. Of several, the reason names the server, so that people know which.

    `strict`: what could not be seen is no success.
    """
    found = [(OUTCOMES[leg][watch.ending.end] or Outcome.LOST, watch) for watch in watches if watch.ending]
    worst = Outcome.worst([outcome for outcome, _ in found])
    bad = next(watch for outcome, watch in found if outcome is worst)
    reason = bad.ending.reason if bad.ending else ""
    if leg is Leg.OTHERS and worst is not Outcome.FINISHED:
        server, page = (bad.known.server, bad.known.link) if bad.known else ("", "")
        reason = f"on the additional server {server or bad.handle.server}{f' ({page})' if page else ''}: {reason or worst.status}"
    if leg is Leg.ENDING and worst is Outcome.FINISHED:
        cancelled = sum(watch.ending.end is End.CANCELLED for _, watch in found if watch.ending)
        reason = f"{cancelled} cancelled" + (f", {len(found) - cancelled} ended by itself" if cancelled < len(found) else "")
    unseen = next((watch.last.unseen for watch in watches if watch.last and watch.last.unseen), "") if worst in RUNS else ""
    if unseen and strict:
        return Final(Outcome.UNVERIFIED, unseen)
    proof = next((watch.last.proof for watch in watches if watch.last and watch.last.proof), None)
    return Final(worst, reason, proof, unseen=unseen)


def _health(watches: tuple[Watch, ...], *, strict: bool) -> Final:
    """Evidence that it does not run is bad; no evidence is only bad where proof was asked for."""
    ending = watches[0].ending or Ending(End.LATE)
    outcome = OUTCOMES[Leg.HEALTH][ending.end]
    if outcome is not None:
        return Final(outcome, ending.reason)
    what = f"nobody could see whether it runs: {ending.reason or 'its status said nothing clear in time'}"
    if watches[0].phase is Phase.FAILED and ending.end is End.LATE:  # seen, but not for as long as it takes to be believed
        what = f"not seen for long enough to be sure: {ending.reason}"
    return Final(Outcome.UNVERIFIED, what) if strict else Final(Outcome.FINISHED, "", warning=f"deployed, but {what}")


def _returned(before: Final, now: Final) -> Final:
    """What the deployment was, and what became of the way back."""
    if now.outcome is Outcome.ROLLED_BACK:
        return replace(now, reason=f"{before.reason}. What ran before was put back")
    trouble = f": {now.reason}" if now.reason else ""
    reason = f"{before.reason}. What ran before was to be put back, but was not seen to run again{trouble}"
    return replace(now, reason=reason)


def _both(before: Final | None, now: Final) -> Final:
    if before is None:
        return now
    if before.outcome is Outcome.ROLLED_BACK and now.outcome is not Outcome.FINISHED:
        return replace(now, outcome=Outcome.UNVERIFIED, reason=f"{before.reason}, but {now.reason or now.outcome.status}")
    worse = before if Outcome.worst([before.outcome, now.outcome]) is before.outcome else now
    return replace(worse, proof=now.proof or before.proof, warning=now.warning, unseen=now.unseen or before.unseen)


# --- how long to wait

QUICK, STEADY, SLOW = 3.0, 5.0, 10.0
SETTLING = 2.0
WORRIED = 30.0
BUDGET = 60
"""Requests a minute for all targets together: well under the 200 of the server's user, who may have other jobs (coolify-api 3.4)."""

SCARCE = 20
SPARING = 15.0
REACH_TRIES, REACH_EVERY = 3, 15.0
LATE_PATIENCE = 120.0
"""Seconds, of `timeout`, for the first response of a server that accepts connections and is only slow to respond.

Source: architecture, rule 10.
"""

LATE_READ, LATE_PAUSE = 30.0, 2.0
"""Seconds for each response after a late one, and between two tries."""


def pause(watch: Watch, now: float, *, targets: int, fixed: float | None = None, remaining: int | None = None) -> float:
    """Seconds until the next look at this watch, which is never later than its deadline (architecture, rule 9).

    `targets`: how many are watched at once. `fixed`: the pace that the user set. `remaining`: requests that the server still grants.
    """
    if watch.missed:
        wish = min(WORRIED, QUICK * 2 ** min(watch.missed, 5) / 2)
    elif watch.last and watch.last.phase in TERMINAL and _certain(watch.last):
        wish = SETTLING
    else:
        age = now - watch.began
        wish = 1.0 if age < 5 else QUICK if age < 30 else STEADY if age < 300 else SLOW  # noqa: PLR2004 -- the ages stand here only
    wish = fixed if fixed is not None else max(wish, targets * 60 / BUDGET)
    if remaining is not None and remaining < SCARCE:
        wish = max(wish, SPARING)
    return min(max(wish, watch.wait), max(watch.deadline - now, 0.0))


def reach_again(tries: int, began: float, now: float) -> float | None:
    """Seconds until the next try to reach a server that has never answered; None when patience is over (architecture, rule 10)."""
    if tries >= REACH_TRIES:
        return None
    return max(0.0, began + tries * REACH_EVERY - now)


def reach_late(began: float, now: float, timeout: float) -> tuple[float, float] | None:
    """Seconds until the next try after one whose response was late, and seconds to wait for it then; None when patience is over."""
    left = began + min(LATE_PATIENCE, timeout) - now
    return (LATE_PAUSE, min(LATE_READ, left - LATE_PAUSE)) if left > 2 * LATE_PAUSE else None
