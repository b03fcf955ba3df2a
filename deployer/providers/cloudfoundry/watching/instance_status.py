"""PURE: what the server reports of an app's instances, as a snapshot (cloudfoundry-api 5 and 8).

The response to a start arrives before anything runs, and a deployment that is FINALIZED may not be a success:
only the instances show whether the app runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.model import Phase, Snapshot, UnavailableError
from deployer.model.text import one_line
from deployer.providers import payload
from deployer.providers.cloudfoundry.options import Ready
from deployer.providers.payload import Row

SECOND_POLL_SECONDS = 0.5
"""Less than any pause between two polls: what must last this long is seen by two polls."""

STUCK_SECONDS = 90.0
"""How long some instances must be CRASHED before that counts.

Diego restarts them after 30 s, then after 60 s (cloudfoundry-api 8).
"""

STEADY_SECONDS = 60.0
"""How long all instances must run without a break for `verify_health: true`."""

STATES = ("RUNNING", "STARTING", "CRASHED", "DOWN", "STOPPING", "UNKNOWN")
STOPPED_STATES = ("DOWN", "CRASHED")
"""The states of an instance that does not run. Those of a stopped app stay in them."""

STOPPED = "not all of its instances have stopped"
NOTHING_RUNS = "it is scaled to zero instances: it is started, but nothing is running"
UNROUTABLE = (
    "it is running, but its readiness health check has not passed yet, so that it receives no requests"
)

RunningInstances = Mapping[tuple[str, int], tuple[str, float]]
"""The instances that ran at one poll: their guid and age, by the type of their process and their index.

The guid is empty if the platform has none (Korifi). The age is in seconds.
"""


@dataclass(frozen=True, slots=True)
class Process:
    """A process of an app with its instances, as one response shows them."""

    type: str
    """Its name, such as `web`."""
    desired: int
    """How many instances there should be."""
    instances: tuple[Row, ...] = ()

    @property
    def running(self) -> RunningInstances:
        """What tells its running instances apart from those that replace them."""
        return {
            (self.type, number(row.get("index"))): (
                str(row.get("instance_guid") or ""),
                number(row.get("uptime")),
            )
            for row in self.instances
            if row.get("state") == "RUNNING"
        }

    @property
    def all_crashed(self) -> bool:
        """Whether every instance is crashed, of at least one."""
        return bool(self.instances) and all(row.get("state") == "CRASHED" for row in self.instances)

    @property
    def details(self) -> list[str]:
        """What the server says of instances that could not be placed."""
        return sorted({text for row in self.instances if (text := one_line(row.get("details")))})[:3]

    def count_ready(self, ready: Ready) -> int:
        """How many instances are ready. For `any`, readiness checks do not count, as for the `cf` command."""
        return sum(
            row.get("state") == "RUNNING" and (ready == "any" or not _is_unroutable(row))
            for row in self.instances
        )


def process(row: Row, stats: Any) -> Process:
    """A process from its JSON and from the response to `/stats`.

    Raises UnavailableError for JSON of another format.
    """
    if not isinstance(payload.value(stats, "resources"), list):
        raise UnavailableError(
            "unrecognized response (expected the statistics of a process)",
            may_have_arrived=True,
            from_server=True,
        )
    return Process(
        one_line(row.get("type")),
        number(row.get("instances")),
        tuple(payload.records(stats, "resources")),
    )


def desired_instances(row: Row) -> int:
    """How many instances a process should have. Raises UnavailableError if its JSON does not say."""
    desired = row.get("instances")
    if not isinstance(desired, int) or isinstance(desired, bool) or desired < 0:
        raise UnavailableError(
            "unrecognized response (a process without its number of instances)",
            may_have_arrived=True,
            from_server=True,
        )
    return desired


def versions(rows: Iterable[Row]) -> dict[str, str]:
    """The version of each of these processes, by guid."""
    return {str(row.get("guid")): str(row.get("version") or "") for row in rows}


def guids_of(rows: Iterable[Row]) -> frozenset[str]:
    """The guids of these processes."""
    return frozenset(str(row.get("guid")) for row in rows)


def versions_of(rows: Iterable[Row]) -> frozenset[str]:
    """The versions of these processes, as far as the server reports them."""
    return frozenset(str(row["version"]) for row in rows if row.get("version"))


def number(value: Any) -> int:
    """A count; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def state_text(state: str, known: Iterable[str]) -> str:
    """A state in lower case.

    An unknown one is left as it is: it might contain a secret, which would not be recognized any more.
    """
    return state.lower() if state in known else state


def snapshot_of(
    processes: Sequence[Process], ready: Ready, before: RunningInstances, crash: str = ""
) -> Snapshot:
    """Whether the app runs.

    Args:
        processes: all of the app's.
        ready: how many of their instances must run.
        before: the instances that ran at the previous poll.
        crash: why instances crashed, as far as the server says.
    """
    if not processes:
        return Snapshot(Phase.UNKNOWN, "no processes", reason="the response lists no processes")
    scaled = [each for each in processes if each.desired]
    if not scaled:
        return Snapshot(
            Phase.SUCCEEDED,
            "no instances",
            stable_for=SECOND_POLL_SECONDS,
            final=False,
            warnings=(NOTHING_RUNS,),
        )
    text, warnings = status_text(scaled), tuple(_warnings(scaled))
    if any(each.all_crashed for each in scaled):
        return _failed(text, crash, warnings)
    if all(each.count_ready(ready) >= (each.desired if ready == "all" else 1) for each in scaled):
        return _ready(text, warnings, replaced=_is_any_replaced(before, scaled))
    states = _count_states(scaled)
    if ready == "all" and states["CRASHED"]:
        return _failed(text, crash, warnings, stable_for=STUCK_SECONDS, final=False)
    phase = Phase.RUNNING if states.keys() <= {*STATES[:-1]} else Phase.UNKNOWN
    return Snapshot(phase, text, reason=_missing(scaled, text), warnings=warnings)


def _failed(
    text: str,
    crash: str,
    warnings: tuple[str, ...],
    *,
    stable_for: float = SECOND_POLL_SECONDS,
    final: bool = True,
) -> Snapshot:
    return Snapshot(
        Phase.FAILED,
        text,
        stable_for=stable_for,
        final=final,
        shows_failure=True,
        reason=crash_text(text, crash),
        warnings=warnings,
    )


def _ready(text: str, warnings: tuple[str, ...], *, replaced: bool) -> Snapshot:
    if replaced:
        reason = f"an instance was restarted ({text})"
        return Snapshot(Phase.RUNNING, text, reason=reason, warnings=warnings)
    return Snapshot(Phase.SUCCEEDED, text, stable_for=SECOND_POLL_SECONDS, final=False, warnings=warnings)


def stopped(processes: Sequence[Process]) -> Snapshot:
    """Whether none of the instances runs any more.

    The response to a stop arrives before that (cloudfoundry-api 5).
    """
    if not any_runs(processes):
        return Snapshot(Phase.SUCCEEDED, "stopped")
    text = status_text(processes)
    return Snapshot(Phase.RUNNING, text, reason=f"{STOPPED}: {text}")


def any_runs(processes: Iterable[Process]) -> bool:
    """Whether an instance runs, starts or stops."""
    return any(row.get("state") not in STOPPED_STATES for each in processes for row in each.instances)


def status_text(processes: Sequence[Process]) -> str:
    """The instances in short, such as `web: 1 of 2 running, 1 down (insufficient resources: memory)`."""
    named = len(processes) > 1
    texts = [f"{each.type}: {_counts(each)}" if named else _counts(each) for each in processes]
    return "; ".join(texts) or "no instances"


def _counts(process: Process) -> str:
    """How many instances are in which state, such as `1 of 2 running, 1 down`."""
    states = _count_states([process])
    counts = [f"{states['RUNNING']} of {process.desired} running"]
    if unready := sum(_is_unroutable(row) for row in process.instances):
        counts.append(f"{unready} not ready")
    counts += [
        f"{count} {state_text(state, STATES)}"
        for state, count in sorted(states.items())
        if state != "RUNNING"
    ]
    text = ", ".join(counts)
    return f"{text} ({'; '.join(process.details)})" if process.details else text


def _count_states(processes: Sequence[Process]) -> Counter[str]:
    return Counter(one_line(row.get("state")) or "UNKNOWN" for each in processes for row in each.instances)


def _is_unroutable(row: Row) -> bool:
    """Whether an instance runs, but is not ready.

    Only `false` says so: null or nothing means that the platform has no readiness checks. Source:
    cloudfoundry-api 8.
    """
    return row.get("state") == "RUNNING" and row.get("routable") is False


def _is_any_replaced(before: RunningInstances, processes: Sequence[Process]) -> bool:
    """Whether an instance that ran at the previous poll was replaced since.

    One that crashes and is restarted between two polls runs in both.
    """
    for each in processes:
        for key, (guid, age) in each.running.items():
            old_guid, old_age = before.get(key, (guid, age))
            if guid != old_guid or (not guid and age < old_age):
                return True
    return False


def crash_text(text: str, crash: str) -> str:
    """The reason of a failure.

    `text`: the instances in short. `crash`: why they crashed; empty if unknown.
    """
    reason = f"the app crashes ({text})"
    return f"{reason}: {crash}" if crash else reason


def _missing(processes: Sequence[Process], text: str) -> str:
    """What is not complete yet, in case that time runs out."""
    all_run = all(
        sum(row.get("state") == "RUNNING" for row in each.instances) >= each.desired for each in processes
    )
    return f"{UNROUTABLE} ({text})" if all_run else f"not all of its instances were running: {text}"


def _warnings(processes: Sequence[Process]) -> Iterator[str]:
    """Instances that could not be placed, which is not a failure yet, and unknown states."""
    for each in processes:
        for detail in each.details:
            yield f"an instance could not be placed yet ({detail}): Cloud Foundry keeps trying"
    for state in sorted(_count_states(processes)):
        if state not in STATES:
            yield (f"unknown state of an instance: '{state}'. It counts neither as running nor as crashed")
