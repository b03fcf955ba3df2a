"""PURE: what the server reports of a rolling deployment, as a snapshot (cloudfoundry-api 7).

A rolling deployment never fails by itself: if the new instances crash, it stays DEPLOYING.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from deployer.model import Phase, Snapshot, UnavailableError
from deployer.model.text import one_line
from deployer.providers import payload
from deployer.providers.cloudfoundry.watching.instance_status import (
    SECOND_POLL_SECONDS,
    Process,
    crash_text,
    status_text,
)

CANCELED = "it was cancelled in Cloud Foundry, which restores the previous version"
SUPERSEDED = "a later deployment of the same app, whose result its own run reports"
PAUSED = "it is paused until somebody continues it with `cf continue-deployment`"
ADVICE = ". Cancel it, or set `rollback: true`"
"""What to do about a deployment whose new instances crash."""

PHASES: dict[tuple[str, str], tuple[Phase, str]] = {
    ("ACTIVE", "DEPLOYING"): (Phase.RUNNING, "its instances were still being replaced"),
    ("ACTIVE", "PAUSED"): (Phase.RUNNING, PAUSED),
    ("ACTIVE", "CANCELING"): (
        Phase.RUNNING,
        "somebody cancelled the deployment, and the previous version was still being restored",
    ),
    ("FINALIZED", "CANCELED"): (Phase.CANCELLED, CANCELED),
    ("FINALIZED", "SUPERSEDED"): (Phase.SUPERSEDED, SUPERSEDED),
}
"""The phase and its reason, by the status's value and reason. FINALIZED, DEPLOYED: the instances decide."""


def status(row: Any) -> tuple[str, str]:
    """The value and the reason of a deployment's status.

    Raises UnavailableError for JSON of another format.
    """
    found = row.get("status") if isinstance(row, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("value"), str):
        raise UnavailableError(
            "unrecognized response (expected a deployment)", may_have_arrived=True, from_server=True
        )
    return found["value"], str(found.get("reason") or "")


def is_deployed(row: Any) -> bool:
    """Whether all web instances were replaced. Whether the new ones run, only they show.

    In a stopped app, none runs yet.
    """
    return status(row) == ("FINALIZED", "DEPLOYED")


def is_active(row: Any) -> bool:
    """Whether it is in progress."""
    return status(row)[0] == "ACTIVE"


def is_cancelled(row: Any) -> bool | None:
    """Whether it is cancelled, or being cancelled; False if it ended otherwise; None if it is in progress."""
    value, reason = status(row)
    if reason in {"CANCELING", "CANCELED"}:
        return True
    return None if value == "ACTIVE" else False


def snapshot_of(row: Any) -> Snapshot:
    """Where a deployment stands. Not for one that is deployed: then the instances decide."""
    value, reason = status(row)
    if (value, reason) not in PHASES:
        text = one_line(f"{value} {reason}")
        warning = f"unknown status of the deployment: '{text}'. It counts neither as success nor as failure"
        return Snapshot(Phase.UNKNOWN, text, warnings=(warning,))
    phase, explanation = PHASES[value, reason]
    warnings = [PAUSED] if reason == "PAUSED" else []
    error = one_line(payload.value(row, "status", "details", "error"))
    if error and phase is Phase.RUNNING:
        explanation += f": {error}"
        warnings.insert(0, f"the deployment is not making progress: {error}")
    return Snapshot(phase, reason.lower(), reason=explanation, warnings=tuple(warnings))


def reverted(row: Any) -> Snapshot | None:
    """Where a deployment stands that this run cancels.

    None: it is cancelled, and the previous instances are polled next.
    """
    match status(row):
        case ("FINALIZED", "CANCELED"):
            return None
        case ("FINALIZED", "DEPLOYED"):
            reason = "the deployment ended before it could be cancelled"
            return Snapshot(Phase.FAILED, "finalized deployed", reason=reason)
        case ("ACTIVE", _):
            return Snapshot(
                Phase.RUNNING, "cancelling", reason="the previous version was not restored in time"
            )
        case _:
            return snapshot_of(row)


def with_new_instances(
    found: Snapshot, new: Sequence[Process], crash: str = "", advice: str = ""
) -> Snapshot:
    """A deployment in progress, together with its new instances: if all of them crash, it will never end.

    Args:
        found: the deployment.
        new: its new processes. Their instances are added one after another.
        crash: why they crashed; empty if unknown.
        advice: what to do about a crash.
    """
    text = status_text(new)
    if not any(each.all_crashed for each in new):
        raw_status = f"{found.raw_status}; new instances: {text}"
        return replace(found, raw_status=raw_status, reason=f"{found.reason} (new ones: {text})")
    reason = (
        f"{crash_text(text, crash)}. "
        f"Cloud Foundry keeps trying, and the old instances still serve requests{advice}"
    )
    return Snapshot(
        Phase.FAILED,
        text,
        stable_for=SECOND_POLL_SECONDS,
        shows_failure=True,
        reason=reason,
        warnings=found.warnings,
    )


def new_processes(row: Any) -> list[str]:
    """The guids of the processes that a deployment brings, sorted."""
    found = payload.records(row, "new_processes")
    return sorted({str(each.get("guid")) for each in found if each.get("guid")})
