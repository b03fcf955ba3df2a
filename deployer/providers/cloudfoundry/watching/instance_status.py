"""PURE: the status of instances, rolling deployments and builds, as snapshots (cloudfoundry-api 6 to 8).

The response to a start comes before anything is running, a rolling deployment never fails by itself, and
FINALIZED does not mean success: only the instances do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deployer.model import Phase, Snapshot, UnavailableError
from deployer.model.text import one_line, suffix
from deployer.providers import payload
from deployer.providers.cloudfoundry.options import Ready
from deployer.providers.payload import Row

SECOND_POLL_SECONDS = 0.5
"""Stable for this many seconds means seen in two polls: it is shorter than any pause between polls."""

STUCK_SECONDS = 90.0
"""Seconds for which some instances must be CRASHED before that counts.

Diego restarts them after 30 s, then 60 s.

Source: cloudfoundry-api 8.
"""

STEADY_SECONDS = 60.0
"""Seconds of uninterrupted running that `verify_health: true` requires."""

LATE_LINES_SECONDS = 3.0
"""Seconds after a failed staging until its last log lines, which have the reason (cloudfoundry-api 6)."""

STATES = ("RUNNING", "STARTING", "CRASHED", "DOWN", "STOPPING", "UNKNOWN")
STOPPED_STATES = ("DOWN", "CRASHED")
"""The states of instances that do not run. A crashed one is waiting to be restarted."""

STARTED = "its instances are starting"
STOPPED = "it was not seen to stop"
NOTHING_RUNS = "it is started but scaled to zero instances, so nothing is running"
CANCELED = "it was cancelled in Cloud Foundry, which restores the previous version"
SUPERSEDED = "a later deployment of the same app replaced it; see the run that started that one"
ADVICE = ". Cancel it, or set `rollback: true`"
PAUSED = "it is paused until somebody continues it (`cf continue-deployment`)"
UNROUTABLE = "it is running, but its readiness health check has not passed, so it receives no requests"


@dataclass(frozen=True, slots=True)
class Process:
    """A process of an app and its instances, as one response showed them.

    `desired`: how many there should be.
    """

    type: str
    desired: int
    instances: tuple[Row, ...] = ()

    @property
    def marks(self) -> dict[tuple[str, int], tuple[str, float]]:
        """By what a replaced instance is recognized: its guid, or without one (Korifi) its age."""
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
    """A process from the list and the response to `/stats`.

    Raises UnavailableError for a response of another shape.
    """
    if not isinstance(payload.value(stats, "resources"), list):
        raise UnavailableError(
            "the response does not have the shape of a process's statistics",
            may_have_arrived=True,
            from_server=True,
        )
    return Process(
        one_line(row.get("type")),
        number(row.get("instances")),
        tuple(payload.records(stats, "resources")),
    )


def number(value: Any) -> int:
    """A count; 0 for anything that is not an integer."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def lowered(state: str, known: Iterable[str]) -> str:
    """A state in lower case.

    An unknown one is left unchanged, so that a secret in it can still be redacted.
    """
    return state.lower() if state in known else state


# --- instances


def instances(  # noqa: PLR0911 -- one for each rule
    processes: Sequence[Process], ready: Ready, before: Marks, crash: str = ""
) -> Snapshot:
    """Whether all instances are running. `before`: the marks of the last poll.

    `crash`: why instances crashed, if known.
    """
    if not processes:
        return Snapshot(Phase.UNKNOWN, "no processes", reason="the server lists no processes of it")
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
            reason=_crash_reason(text, crash),
            warnings=warnings,
        )
    if all(_good(each, ready) >= (each.desired if ready == "all" else 1) for each in wanted):
        if not _same(before, wanted):
            return Snapshot(
                Phase.RUNNING, text, reason=f"an instance was restarted ({text})", warnings=warnings
            )
        return Snapshot(Phase.SUCCEEDED, text, stable_for=SECOND_POLL_SECONDS, final=False, warnings=warnings)
    if ready == "all" and _count(wanted)["CRASHED"]:
        return Snapshot(
            Phase.FAILED,
            text,
            stable_for=STUCK_SECONDS,
            final=False,
            shows_failure=True,
            reason=_crash_reason(text, crash),
            warnings=warnings,
        )
    phase = Phase.UNKNOWN if any(state not in STATES[:-1] for state in _count(wanted)) else Phase.RUNNING
    return Snapshot(phase, text, reason=_missing(wanted, text), warnings=warnings)


def stopped(processes: Sequence[Process]) -> Snapshot:
    """Whether all instances have stopped, which is after the response to the stop (cloudfoundry-api 5)."""
    left = [row for each in processes for row in each.instances if row.get("state") not in STOPPED_STATES]
    text = detail(processes)
    if left:
        return Snapshot(Phase.RUNNING, text, reason=f"{STOPPED}: {text}")
    return Snapshot(Phase.SUCCEEDED, "stopped")


def detail(processes: Sequence[Process]) -> str:
    """The instances as text: `web: 1 of 2 running, 1 down (insufficient resources: memory)`."""
    return "; ".join(_described(each, named=len(processes) > 1) for each in processes) or "no instances"


def _described(one: Process, *, named: bool) -> str:
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
    name = f"{one.type}: " if named else ""
    return f"{name}{', '.join(parts)}{suffix(' ({})', '; '.join(_details(one)))}"


def _count(processes: Sequence[Process]) -> Counter[str]:
    return Counter(one_line(row.get("state")) or "UNKNOWN" for each in processes for row in each.instances)


def _details(one: Process) -> list[str]:
    """What the server reports of instances that could not be placed."""
    return sorted({text for row in one.instances if (text := one_line(row.get("details")))})[:3]


def _unroutable(row: Row) -> bool:
    """Only if explicitly false: without readiness checks it is null or missing (cloudfoundry-api 8)."""
    return row.get("state") == "RUNNING" and row.get("routable") is False


def _good(one: Process, ready: Ready) -> int:
    """The number of running instances.

    With `any`, as for the cf command line, readiness checks do not count.
    """
    return sum(
        row.get("state") == "RUNNING" and (ready == "any" or not _unroutable(row)) for row in one.instances
    )


def _crashed(one: Process) -> bool:
    return bool(one.instances) and all(row.get("state") == "CRASHED" for row in one.instances)


def _same(before: Marks, processes: Sequence[Process]) -> bool:
    """Whether no instance that ran in the last poll was replaced.

    One that crashes in between is running in both.
    """
    for each in processes:
        for key, (guid, age) in each.marks.items():
            old_guid, old_age = before.get(key, (guid, age))
            if guid != old_guid or (not guid and age < old_age):
                return False
    return True


def _crash_reason(text: str, crash: str) -> str:
    return f"it crashes ({text}){suffix(': {}', crash)}"


def _missing(processes: Sequence[Process], text: str) -> str:
    """What was still missing, for the message after a timeout."""
    unready = all(
        sum(row.get("state") == "RUNNING" for row in each.instances) >= each.desired for each in processes
    )
    return f"{UNROUTABLE} ({text})" if unready else f"not all instances were running: {text}"


def _warnings(processes: Sequence[Process]) -> tuple[str, ...]:
    """Warnings: instances without a place, which the server keeps trying to place, and unknown states."""
    placing = [
        f"an instance could not be placed yet ({each}); the server keeps trying"
        for one in processes
        for each in _details(one)
    ]
    unknown = [
        f"an instance has the unknown state '{state}', which counts neither as running nor as crashed"
        for state in sorted(_count(processes))
        if state not in STATES
    ]
    return (*placing, *unknown)


# --- a rolling deployment


def status(row: Any) -> tuple[str, str]:
    """A deployment's status: value and reason. Raises UnavailableError for a response of another shape."""
    found = row.get("status") if isinstance(row, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("value"), str):
        raise UnavailableError(
            "the response does not have the shape of a deployment", may_have_arrived=True, from_server=True
        )
    return found["value"], str(found.get("reason") or "")


def is_deployed(row: Any) -> bool:
    """Whether the web instances are replaced.

    They may not be running yet if the app was stopped (cloudfoundry-api 7).
    """
    return status(row) == ("FINALIZED", "DEPLOYED")


def is_active(row: Any) -> bool:
    """Whether it is in progress."""
    return status(row)[0] == "ACTIVE"


def ending(row: Any) -> bool | None:
    """Whether it is cancelled, or being cancelled. False: it was over before.

    None: in progress, or paused.
    """
    value, reason = status(row)
    if reason in {"CANCELING", "CANCELED"}:
        return True
    return None if value == "ACTIVE" else False


PHASES: dict[tuple[str, str], tuple[Phase, str]] = {
    ("ACTIVE", "DEPLOYING"): (Phase.RUNNING, "its instances were still being replaced"),
    ("ACTIVE", "PAUSED"): (Phase.RUNNING, PAUSED),
    ("ACTIVE", "CANCELING"): (
        Phase.RUNNING,
        "somebody cancelled the deployment, and the cancellation was still in progress",
    ),
    ("FINALIZED", "CANCELED"): (Phase.CANCELLED, CANCELED),
    ("FINALIZED", "SUPERSEDED"): (Phase.SUPERSEDED, SUPERSEDED),
}


def deployment(row: Any) -> Snapshot:
    """A deployment that is not DEPLOYED.

    It never fails by itself: bad code leaves it DEPLOYING (cloudfoundry-api 7).
    """
    value, reason = status(row)
    if (value, reason) not in PHASES:
        text = one_line(f"{value} {reason}")
        unknown = (
            f"the deployment has the unknown status '{text}', which counts neither as success nor as failure"
        )
        return Snapshot(Phase.UNKNOWN, text, warnings=(unknown,))
    phase, sentence = PHASES[value, reason]
    warnings = (PAUSED,) if reason == "PAUSED" else ()
    error = one_line(payload.value(row, "status", "details", "error"))
    if error and phase is Phase.RUNNING:
        sentence = f"{sentence}: {error}"
        warnings = (f"the deployment is not making progress: {error}", *warnings)
    return Snapshot(phase, reason.lower(), reason=sentence, warnings=warnings)


def returned(row: Any) -> Snapshot | None:
    """A rollback by cancelling.

    None: it is cancelled, and the instances of the previous version must be polled.
    """
    match status(row):
        case ("FINALIZED", "CANCELED"):
            return None
        case ("FINALIZED", "DEPLOYED"):
            return Snapshot(
                Phase.FAILED,
                "finalized deployed",
                reason="the deployment finished before it could be cancelled",
            )
        case ("ACTIVE", _):
            return Snapshot(
                Phase.RUNNING, "cancelling", reason="the previous version was not restored in time"
            )
        case _:
            return deployment(row)


def of_new_instances(row: Snapshot, stats: Sequence[Process], crash: str = "", advice: str = "") -> Snapshot:
    """A deployment in progress, and its new instances: if all of them crash, it will never finish.

    They are added one after another: as many as there are count. `advice`: the fix in that case.
    """
    text = detail(stats)
    if not any(_crashed(each) for each in stats):
        return replace(
            row,
            raw_status=f"{row.raw_status}; new instances: {text}",
            reason=f"{row.reason} (new instances: {text})",
        )
    reason = (
        f"{_crash_reason(text, crash)}. The deployment keeps trying, and the old instances still "
        f"serve{advice}"
    )
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


def build(row: Any, log_reason: str = "") -> Snapshot:
    """The state of a build.

    `log_reason`: why it failed according to its log, since the build itself does not have the reason
    (cloudfoundry-api 6).
    """
    if not isinstance(row, dict) or not isinstance(row.get("state"), str):
        raise UnavailableError(
            "the response does not have the shape of a build", may_have_arrived=True, from_server=True
        )
    text = lowered(one_line(row["state"]), BUILDS)
    phase = BUILDS.get(row["state"], Phase.UNKNOWN)
    if phase is Phase.UNKNOWN:
        return Snapshot(phase, text, warnings=(f"the build has the unknown state '{text}'",))
    if phase is Phase.SUCCEEDED and not droplet(row):
        raise UnavailableError(
            "the build is staged but has no droplet", may_have_arrived=True, from_server=True
        )
    if phase is Phase.FAILED:
        reason = _staging_reason(one_line(row.get("error")), log_reason)
        return Snapshot(phase, text, stable_for=LATE_LINES_SECONDS, reason=reason)
    return Snapshot(phase, text, reason="it was still being staged" if phase is Phase.RUNNING else "")


def _staging_reason(error: str, log_reason: str) -> str:
    bare = error.removeprefix("StagingError - ").removeprefix("Staging error: ")
    if log_reason and bare == "staging failed":
        return f"staging failed. {log_reason}"
    return f"staging failed: {error or 'the server gives no reason'}{suffix('. {}', log_reason)}"


def droplet(row: Row) -> str:
    """The guid of the droplet of a build or a deployment; empty if it has none."""
    return payload.text(row, "droplet", "guid")
