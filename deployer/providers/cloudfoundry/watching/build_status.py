"""PURE: what the server reports of a build, as a snapshot, and why a staging failed (cloudfoundry-api 6)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from deployer.model import Phase, Snapshot, UnavailableError
from deployer.model.text import one_line
from deployer.providers.cloudfoundry.api.guids import droplet_of
from deployer.providers.cloudfoundry.watching.instance_status import state_text

LATE_LINES_SECONDS = 3.0
"""How long after a failed staging its last log lines may arrive: only they name the reason."""

PHASES = {"STAGING": Phase.RUNNING, "STAGED": Phase.SUCCEEDED, "FAILED": Phase.FAILED}

KNOWN_FAILURES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"manifest unknown|name unknown|not found", re.IGNORECASE),
        (
            "The registry does not have this image or tag. "
            "Check its name, and that it was pushed before the deployment"
        ),
    ),
    (
        re.compile(r"unauthorized|authentication required|denied|forbidden", re.IGNORECASE),
        "The registry denied access. Set `cf_docker_username` and `cf_docker_password`",
    ),
)
"""What a failure means, by what its log line contains."""

NO_ROOM = "No cell has enough free capacity to stage it. Try again later, or ask the operators"


def snapshot_of(row: Any, failure: str = "") -> Snapshot:
    """Where a build stands.

    `failure`: see `failure_reason`. Raises UnavailableError for JSON of another format.
    """
    if not isinstance(row, dict) or not isinstance(row.get("state"), str):
        raise UnavailableError(
            "unrecognized response (expected a build)", may_have_arrived=True, from_server=True
        )
    text = state_text(one_line(row["state"]), PHASES)
    match PHASES.get(row["state"]):
        case None:
            warning = f"unknown state of the build: '{text}'"
            return Snapshot(Phase.UNKNOWN, text, warnings=(warning,))
        case Phase.SUCCEEDED if not droplet_of(row):
            raise UnavailableError(
                "the build is staged, but names no droplet", may_have_arrived=True, from_server=True
            )
        case Phase.FAILED:
            error = one_line(row.get("error")) or "Cloud Foundry gives no reason"
            reason = _failure_text(error, failure)
            return Snapshot(Phase.FAILED, text, stable_for=LATE_LINES_SECONDS, reason=reason)
        case phase:
            reason = "it was still being staged" if phase is Phase.RUNNING else ""
            return Snapshot(phase, text, reason=reason)


def _failure_text(error: str, failure: str) -> str:
    """The build's own error, unless it says nothing that `failure` does not say better."""
    if not failure:
        return f"staging failed: {error}"
    plain = error.removeprefix("StagingError - ").removeprefix("Staging error: ")
    return (
        f"staging failed. {failure}" if plain == "staging failed" else f"staging failed: {error}. {failure}"
    )


def failure_reason(row: Any, errors: Sequence[str]) -> str:
    """What the log says of a failed staging, and what to do about it; empty if nothing is known.

    `errors`: the lines that the staging wrote as errors.
    """
    line = one_line(errors[-1]) if errors else ""
    remedy = next((text for pattern, text in KNOWN_FAILURES if pattern.search(line)), "")
    if "InsufficientResources" in str(row.get("error") if isinstance(row, dict) else ""):
        remedy = NO_ROOM
    if not line:
        return remedy
    return f"Its log says: {line}. {remedy}" if remedy else f"Its log says: {line}"
