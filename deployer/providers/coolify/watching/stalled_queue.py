"""PURE: the queue before 4.3.7, where a cancel over the API does not start what waits behind it (coolify-api 5.5, captured-2/README.md).

Later ordinary triggers are answered "already queued" for what is stuck there, for ever; one with `force` runs, and the stuck one after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from deployer.model import Handle, Phase, Snapshot
from deployer.providers.coolify.api.versions import Feature, Version
from deployer.providers.payload import Row

HOLD, LAZY_HOLD = 10.0, 60.0
"""Seconds that nothing must have run before that counts. Before beta.454 a row stays queued until a worker takes it (coolify-api 7.1)."""

STALLED = (
    "{} queued, and nothing runs on that server: Coolify before 4.3.7 does not move its queue on after a cancel. "
    "Deploy once with `force: true`{}"
)
CANCEL = ", or clear the queue with `command: cancel`"
OURS, OLDER = "the deployment is still", "an older deployment of the same commit is still"


def may_stall(version: Version, handle: Handle) -> bool:
    """Whether a deployment that is queued may be stuck. Of ours that is only certain where the trigger itself starts what may run."""
    return not version.has(Feature.QUEUE_MOVES_ON) and (handle.adopted or version.has(Feature.FINISHED_STAYS))


def before(row: Row, going: Iterable[Row]) -> int:
    """How many deployments run on the same server."""
    return sum(
        each.get("status") == "in_progress" and each.get("server_id") == row.get("server_id")
        for each in going
    )


def seen(shown: Snapshot, running: int | None, version: Version, *, adopted: bool) -> Snapshot:
    """What a look at a queued deployment shows. `running`: see `before`; None where that could not be read."""
    if running is None:
        return shown
    if running:
        others = "another deployment" if running == 1 else f"{running} other deployments"
        return replace(shown, reason=f"it was still queued behind {others}")
    hold = HOLD if version.has(Feature.FINISHED_STAYS) else LAZY_HOLD
    return replace(
        shown,
        phase=Phase.STUCK,
        stable_for=hold,
        final=False,
        reason=sentence(version, OLDER if adopted else OURS),
    )


def sentence(version: Version, what: str) -> str:
    """What is stuck, and the cure."""
    return STALLED.format(what, CANCEL if version.has(Feature.CANCEL) else "")


def waiting(going: Iterable[Row], version: Version) -> str:
    """What waits although nothing runs on its server, in a sentence; empty where nothing does."""
    listed = list(going)
    count = sum(row.get("status") == "queued" and not before(row, listed) for row in listed)
    return (
        sentence(version, "1 deployment is still" if count == 1 else f"{count} deployments are still")
        if count
        else ""
    )
