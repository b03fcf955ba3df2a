"""PURE: Coolify's queue before 4.3.7.

A cancel through the API does not start what is queued behind it (coolify-api 5.5).

Later triggers are then answered with "already queued" forever; one with `force` runs, and the stuck
deployment after it (captured-2/README.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from deployer.model import Handle, Phase, Snapshot
from deployer.providers.coolify.api.versions import Feature, Version
from deployer.providers.payload import Row

STUCK_SECONDS = 10.0
"""How long nothing must run on the server before a queued deployment counts as stuck."""

STUCK_SECONDS_BEFORE_454 = 60.0
"""Before beta.454: there, a deployment stays queued until a worker takes it (coolify-api 7.1)."""

STALLED = (
    "{} queued, although nothing is running on that server: after a cancel, Coolify before 4.3.7 does not "
    "start the "
    "next deployment. Deploy once with `force: true`{}"
)
CANCEL = ", or clear the queue with `command: cancel`"
OURS, OLDER = "the deployment is still", "an older deployment of the same commit is still"


def may_stall(version: Version, handle: Handle) -> bool:
    """Whether a queued deployment may be stuck.

    Ours can only be if the trigger itself would have started it.
    """
    return not version.has(Feature.QUEUE_MOVES_ON) and (handle.adopted or version.has(Feature.FINISHED_STAYS))


def running_on_server(row: Row, active: Iterable[Row]) -> int:
    """How many deployments are running on the same server."""
    return sum(
        each.get("status") == "in_progress" and each.get("server_id") == row.get("server_id")
        for each in active
    )


def judged(snapshot: Snapshot, running: int | None, version: Version, *, adopted: bool) -> Snapshot:
    """A queued deployment, as stuck if nothing runs on its server.

    `running`: how many do; None if unknown.
    """
    if running is None:
        return snapshot
    if running:
        others = "another deployment" if running == 1 else f"{running} other deployments"
        return replace(snapshot, reason=f"it was still queued behind {others}")
    seconds = STUCK_SECONDS if version.has(Feature.FINISHED_STAYS) else STUCK_SECONDS_BEFORE_454
    return replace(
        snapshot,
        phase=Phase.STUCK,
        stable_for=seconds,
        final=False,
        reason=explanation(version, OLDER if adopted else OURS),
    )


def explanation(version: Version, what: str) -> str:
    """What is stuck, and how to fix it."""
    return STALLED.format(what, CANCEL if version.has(Feature.CANCEL) else "")


def stuck_deployments(active: Iterable[Row], version: Version) -> str:
    """Deployments that are queued although nothing runs on their server, as a sentence.

    Empty if there are none.
    """
    listed = list(active)
    count = sum(row.get("status") == "queued" and not running_on_server(row, listed) for row in listed)
    if not count:
        return ""
    return explanation(version, "1 deployment is still" if count == 1 else f"{count} deployments are still")
