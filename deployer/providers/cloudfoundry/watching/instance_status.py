"""PURE: what the server says of instances, of a rolling deployment and of a build, as a snapshot (cloudfoundry-api 6 to 8).

A start is answered before anything runs, a rolling deployment never fails by itself, and its FINALIZED may be no success: only the
instances tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deployer.model import Phase, Snapshot, UnavailableError
from deployer.model.text import one_line
from deployer.providers import payload
from deployer.providers.cloudfoundry.options import Ready
from deployer.providers.payload import Row

SECOND_POLL_SECONDS = 0.5
"""Seconds, less than any pause: what must last so long is seen in two looks."""

STUCK_SECONDS = 90.0
"""Seconds that some instances must be CRASHED before that is believed: Diego starts them anew after 30 s, then after 60 s.

Source: cloudfoundry-api 8.
"""

STEADY_SECONDS = 60.0
"""Seconds without a break that `verify_health: true` asks for."""

LATE_LINES_SECONDS = 3.0
"""Seconds after a failed staging in which its last log lines come: they alone say why (cloudfoundry-api 6)."""

STATES = ("RUNNING", "STARTING", "CRASHED", "DOWN", "STOPPING", "UNKNOWN")
STOPPED_STATES = ("DOWN", "CRASHED")
"""What no instance of a stopped app is any more than that; a crashed one is only waiting to be started."""

STARTED = "its instances are starting"
STOPPED = "it was not seen to stop"
NOTHING_RUNS = "it is scaled to zero instances: it is started, and nothing of it runs"
CANCELED = "it was cancelled in Cloud Foundry, and the server puts back what ran before"
SUPERSEDED = "it is a later deployment of the same app, whose own run tells what becomes of it"
ADVICE = ": cancel it, or set `rollback: true`"
PAUSED = "it is paused, and waits for somebody to continue it (`cf continue-deployment`)"
UNROUTABLE = "it runs, but its readiness health check does not pass yet, so that no request reaches it"


@dataclass(frozen=True, slots=True)
class Process:
    """A process of an app and its instances, as one answer showed them. `desired`: how many there should be."""

    type: str
    desired: int
    instances: tuple[Row, ...] = ()

    @property
    def marks(self) -> dict[tuple[str, int], tuple[str, float]]:
        """What shows that an instance is another one than before: its guid; where there is none (Korifi), its age."""
        return {
            (self.type, number(row.get("index"))): (
                str(row.get("instance_guid") or ""),
                number(row.get("uptime")),
            )
            for row in self.instances
            if row.get("state") == "RUNNING"
        }


Marks = Mapping[tuple[str, int], tuple[str, float]]


def process(row: Row, stats: Any) -> Process:
    """From the list of processes and the answer to `/stats`. Raises UnavailableError for an answer of another shape."""
    if not isinstance(payload.value(stats, "resources"), list):
        raise UnavailableError(
            "the answer has not the shape of a process's statistics", may_have_arrived=True, from_server=True
        )
    return Process(
        one_line(row.get("type")),
        number(row.get("instances")),
        tuple(payload.records(stats, "resources")),
    )


def number(value: Any) -> int:
    """A count; anything else is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def lowered(state: str, known: Iterable[str]) -> str:
    """A state as people read it. One that we do not know stays as it is: in other letters no secret would be recognized."""
    return state.lower() if state in known else state


# --- instances


def instances(  # noqa: PLR0911 -- one for each rule
    processes: Sequence[Process], ready: Ready, before: Marks, crash: str = ""
) -> Snapshot:
    """Whether all of it runs. `before`: the marks of the look before; `crash`: why instances crashed, as far as the server knows."""
    if not processes:
        return Snapshot(Phase.UNKNOWN, "no processes", reason="the server names no process of it")
    wanted = [each for each in processes if each.desired]
    text = detail(wanted)
    warnings = _warnings(wanted)
    if not wanted:
        return Snapshot(
            Phase.SUCCEEDED,
            "no instances",
            stable_for=SECOND_POLL_SECONDS,
            final=False,
            warnings=(NOTHING_RUNS,),
        )
    if any(_crashed(each) for each in wanted):
        return Snapshot(
            Phase.FAILED,
            text,
            stable_for=SECOND_POLL_SECONDS,
            shows_failure=True,
            reason=_why(text, crash),
            warnings=warnings,
        )
    if all(_good(each, ready) >= (each.desired if ready == "all" else 1) for each in wanted):
        if not _same(before, wanted):
            return Snapshot(
                Phase.RUNNING, text, reason=f"an instance was started anew ({text})", warnings=warnings
            )
        return Snapshot(Phase.SUCCEEDED, text, stable_for=SECOND_POLL_SECONDS, final=False, warnings=warnings)
    if ready == "all" and _count(wanted)["CRASHED"]:
        return Snapshot(
            Phase.FAILED,
            text,
            stable_for=STUCK_SECONDS,
            final=False,
            shows_failure=True,
            reason=_why(text, crash),
            warnings=warnings,
        )
    phase = Phase.UNKNOWN if any(state not in STATES[:-1] for state in _count(wanted)) else Phase.RUNNING
    return Snapshot(phase, text, reason=_missing(wanted, text), warnings=warnings)


def stopped(processes: Sequence[Process]) -> Snapshot:
    """Whether nothing of it runs any more: a stop is answered before that (cloudfoundry-api 5)."""
    left = [row for each in processes for row in each.instances if row.get("state") not in STOPPED_STATES]
    text = detail(processes)
    if left:
        return Snapshot(Phase.RUNNING, text, reason=f"{STOPPED}: {text}")
    return Snapshot(Phase.SUCCEEDED, "stopped")


def detail(processes: Sequence[Process]) -> str:
    """`web: 1 of 2 running, 1 down (insufficient resources: memory)`."""
    return "; ".join(_told(each, named=len(processes) > 1) for each in processes) or "no instances"


def _told(one: Process, *, named: bool) -> str:
    states = _count([one])
    rest = ", ".join(
        f"{count} {lowered(state, STATES)}" for state, count in sorted(states.items()) if state != "RUNNING"
    )
    waiting = sum(_unroutable(row) for row in one.instances)
    parts = [
        f"{states['RUNNING']} of {one.desired} running",
        *([f"{waiting} not ready"] if waiting else []),
        *([rest] if rest else []),
    ]
    details = "; ".join(_details(one))
    return f"{f'{one.type}: ' if named else ''}{', '.join(parts)}{f' ({details})' if details else ''}"


def _count(processes: Sequence[Process]) -> Counter[str]:
    return Counter(one_line(row.get("state")) or "UNKNOWN" for each in processes for row in each.instances)


def _details(one: Process) -> list[str]:
    """What the server says of instances that have no place."""
    return sorted({text for row in one.instances if (text := one_line(row.get("details")))})[:3]


def _unroutable(row: Row) -> bool:
    """Only an explicit false: null or nothing is a platform without readiness checks (cloudfoundry-api 8)."""
    return row.get("state") == "RUNNING" and row.get("routable") is False


def _good(one: Process, ready: Ready) -> int:
    """Instances that run; by the rule of the cf command line a readiness check counts for nothing."""
    return sum(
        row.get("state") == "RUNNING" and (ready == "any" or not _unroutable(row)) for row in one.instances
    )


def _crashed(one: Process) -> bool:
    return bool(one.instances) and all(row.get("state") == "CRASHED" for row in one.instances)


def _same(before: Marks, processes: Sequence[Process]) -> bool:
    """Whether no instance that ran at the look before has been replaced since: one that crashes between two looks runs in both."""
    for each in processes:
        for key, (guid, age) in each.marks.items():
            old_guid, old_age = before.get(key, (guid, age))
            if guid != old_guid or (not guid and age < old_age):
                return False
    return True


def _why(text: str, crash: str) -> str:
    return f"it crashes ({text}){f': {crash}' if crash else ''}"


def _missing(processes: Sequence[Process], text: str) -> str:
    """What was still missing, for the limit."""
    unready = all(
        sum(row.get("state") == "RUNNING" for row in each.instances) >= each.desired for each in processes
    )
    return f"{UNROUTABLE} ({text})" if unready else f"not all of its instances ran: {text}"


def _warnings(processes: Sequence[Process]) -> tuple[str, ...]:
    """Told once: no room is no failure, the server goes on trying; and what we do not know."""
    placing = [
        f"no place was found for an instance yet ({each}): the server goes on trying"
        for one in processes
        for each in _details(one)
    ]
    strange = sorted(state for state in _count(processes) if state not in STATES)
    named = [
        f"an instance is in a state that we do not know: '{state}'. It counts neither as running nor as crashed"
        for state in strange
    ]
    return (*placing, *named)


# --- a rolling deployment


def status(row: Any) -> tuple[str, str]:
    """Value and reason. Raises UnavailableError for an answer of another shape."""
    found = row.get("status") if isinstance(row, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("value"), str):
        raise UnavailableError(
            "the answer has not the shape of a deployment", may_have_arrived=True, from_server=True
        )
    return found["value"], str(found.get("reason") or "")


def is_deployed(row: Any) -> bool:
    """Whether the web instances are replaced. What runs now, only they can tell; of a stopped app nothing runs yet (cloudfoundry-api 7)."""
    return status(row) == ("FINALIZED", "DEPLOYED")


def is_active(row: Any) -> bool:
    """Whether the server still works on it."""
    return status(row)[0] == "ACTIVE"


def ending(row: Any) -> bool | None:
    """Whether it is cancelled, or is being; False: it was over before. None: the server still means to deploy it, also where it pauses."""
    value, reason = status(row)
    if reason in {"CANCELING", "CANCELED"}:
        return True
    return None if value == "ACTIVE" else False


PHASES: dict[tuple[str, str], tuple[Phase, str]] = {
    ("ACTIVE", "DEPLOYING"): (Phase.RUNNING, "its instances were still being replaced"),
    ("ACTIVE", "PAUSED"): (Phase.RUNNING, PAUSED),
    ("ACTIVE", "CANCELING"): (Phase.RUNNING, "somebody cancelled the deployment, and that was not over yet"),
    ("FINALIZED", "CANCELED"): (Phase.CANCELLED, CANCELED),
    ("FINALIZED", "SUPERSEDED"): (Phase.SUPERSEDED, SUPERSEDED),
}


def deployment(row: Any) -> Snapshot:
    """Any but a deployed one. It never fails by itself: bad code leaves it DEPLOYING for ever (cloudfoundry-api 7)."""
    value, reason = status(row)
    if (value, reason) not in PHASES:
        text = one_line(f"{value} {reason}")
        known = f"the deployment is in a status that we do not know: '{text}'. It is neither taken for success nor for failure"
        return Snapshot(Phase.UNKNOWN, text, warnings=(known,))
    phase, why = PHASES[value, reason]
    text = reason.lower()
    trouble = one_line(payload.value(row, "status", "details", "error"))
    told = [f"the deployment does not get on: {trouble}"] if trouble and phase is Phase.RUNNING else []
    paused = [PAUSED] if reason == "PAUSED" else []
    return Snapshot(phase, text, reason=f"{why}: {trouble}" if told else why, warnings=(*told, *paused))


def returned(row: Any) -> Snapshot | None:
    """The way back by cancelling it. None: it is cancelled, and what ran before is to be looked at."""
    match status(row):
        case ("FINALIZED", "CANCELED"):
            return None
        case ("FINALIZED", "DEPLOYED"):
            return Snapshot(
                Phase.FAILED,
                "finalized deployed",
                reason="the deployment was over before it could be cancelled",
            )
        case ("ACTIVE", _):
            return Snapshot(Phase.RUNNING, "cancelling", reason="what ran before was not put back in time")
        case _:
            return deployment(row)


def of_new_instances(row: Snapshot, stats: Sequence[Process], crash: str = "", advice: str = "") -> Snapshot:
    """A deployment that is going, and its new instances: if all of them crash, it will never be over.

    They are few at first, one after another is added: as many as there are count. `advice`: what then is to be done.
    """
    text = detail(stats)
    if not any(_crashed(each) for each in stats):
        return replace(
            row,
            raw_status=f"{row.raw_status}; new instances: {text}",
            reason=f"{row.reason} (new ones: {text})",
        )
    reason = f"{_why(text, crash)}. The deployment goes on trying, and the old instances still serve{advice}"
    return Snapshot(
        Phase.FAILED,
        text,
        stable_for=SECOND_POLL_SECONDS,
        shows_failure=True,
        reason=reason,
        warnings=row.warnings,
    )


# --- a build


BUILDS = {"STAGING": Phase.RUNNING, "STAGED": Phase.SUCCEEDED, "FAILED": Phase.FAILED}


def build(row: Any, why: str = "") -> Snapshot:
    """What staging has come to. `why`: what its log says of a failure; the row's own words hide the cause (cloudfoundry-api 6)."""
    if not isinstance(row, dict) or not isinstance(row.get("state"), str):
        raise UnavailableError(
            "the answer has not the shape of a build", may_have_arrived=True, from_server=True
        )
    text = lowered(one_line(row["state"]), BUILDS)
    phase = BUILDS.get(row["state"], Phase.UNKNOWN)
    if phase is Phase.UNKNOWN:
        return Snapshot(phase, text, warnings=(f"the build is in a state that we do not know: '{text}'",))
    if phase is Phase.SUCCEEDED and not droplet(row):
        raise UnavailableError(
            "the build is staged, but names no droplet", may_have_arrived=True, from_server=True
        )
    if phase is Phase.FAILED:
        said = one_line(row.get("error")) or "the server gives no reason"
        told = (
            []
            if why
            and said.removeprefix("StagingError - ").removeprefix("Staging error: ") == "staging failed"
            else [said]
        )
        return Snapshot(
            phase,
            text,
            stable_for=LATE_LINES_SECONDS,
            reason=": ".join(("staging failed", *told)) + (f". {why}" if why else ""),
        )
    return Snapshot(phase, text, reason="it was still being staged" if phase is Phase.RUNNING else "")


def droplet(row: Row) -> str:
    """The guid of what was staged, or of what a deployment brings; empty where there is none."""
    return payload.text(row, "droplet", "guid")
