"""Finds what a trigger has started whose response was lost (cloudfoundry-api 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deployer.model import AccessDenied, Handle, Owner, Started
from deployer.providers.cloudfoundry.api import resources
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.api.guids import droplet_of, guid_of
from deployer.providers.cloudfoundry.app import AppState, TriggerRequest
from deployer.providers.cloudfoundry.condition import Condition
from deployer.providers.cloudfoundry.triggering import deployment_list
from deployer.providers.cloudfoundry.watching import deployment_status
from deployer.providers.payload import Row

CANNOT_TELL = (
    "the response to the trigger was lost, "
    "and this server does not report whether the processes were restarted"
)
RESTARTED = "its processes were restarted"


@dataclass
class TriggerSearch:
    """Finds the effect of a trigger by what is there now, and was not before."""

    api: Client

    def find(self, target: str, app: AppState, *, timeout: float | None) -> Started | AccessDenied | None:
        """What the last request for the app has started; None if there is nothing (yet).

        Raises RefusedError and UnavailableError.
        """
        request = app.sent
        if request is None:
            return None
        if request.condition is Condition.ROLLED_OUT:
            return self._deployment(target, app, request, timeout)
        if request.repeats:
            return self._restart(target, app, timeout)
        if not self._is_done(app, request, timeout):
            return None
        return Started((Handle(target, request.deployment, condition=request.condition),))

    def _deployment(
        self, target: str, app: AppState, request: TriggerRequest, timeout: float | None
    ) -> Started | AccessDenied | None:
        if deployment_list.cannot_identify(app, droplet_of(request.body)):
            return AccessDenied(deployment_list.UNLISTED)
        rows = resources.newest_deployments(self.api, app.guid, timeout=timeout)
        return new_deployment(target, app, request, rows)

    def _restart(self, target: str, app: AppState, timeout: float | None) -> Started | AccessDenied | None:
        rows = resources.processes(self.api, app.guid, timeout=timeout)
        changed = have_restarted(rows, app.versions)
        if changed is None:
            return AccessDenied(CANNOT_TELL)
        return Started((Handle(target, "", condition=Condition.RUNNING),), RESTARTED) if changed else None

    def _is_done(self, app: AppState, request: TriggerRequest, timeout: float | None) -> bool:
        """Whether a start, a stop or a cancellation was carried out."""
        if request.condition is Condition.REVERTED:
            row = resources.deployment(self.api, request.deployment, timeout=timeout)
            return deployment_status.is_cancelled(row) is not None
        state = resources.app_state(self.api, app.guid, timeout=timeout)
        return bool(state == ("STOPPED" if request.condition is Condition.STOPPED else "STARTED"))


def new_deployment(target: str, app: AppState, request: TriggerRequest, rows: list[Row]) -> Started | None:
    """PURE. The deployment that is newer than the newest one before the trigger, with the same droplet.

    If there are several, it can't be told which is ours: the oldest is followed.

    `rows`: the app's deployments, the newest first.
    """
    droplet = droplet_of(request.body)
    guids = [row.get("guid") for row in rows]
    last = app.deployments.newest
    newer = rows[: guids.index(last)] if last in guids else rows
    matching = [row for row in newer if not droplet or droplet_of(row) == droplet]
    if not matching:
        return None
    oldest = matching[-1]
    # Without a droplet in the request, ours deploys the one that was assigned before.
    unexpected = not droplet and droplet_of(oldest) != app.before.droplet
    owner = Owner.UNSURE if unexpected or len(matching) > 1 else Owner.OURS
    guid = guid_of(oldest, "deployment")
    return Started((Handle(target, guid, condition=Condition.ROLLED_OUT, owner=owner),))


def have_restarted(rows: list[Row], before: Mapping[str, str]) -> bool | None:
    """PURE. Whether a process has another version than before; None if the server does not tell.

    A process only gets another version when it is started (cloudfoundry-api 0 fact 2).

    `rows`: the processes. `before`: the version of each process, by guid.
    """
    if not all(row.get("version") and before.get(str(row.get("guid")), "-") for row in rows):
        return None
    return any(before.get(str(row.get("guid"))) != row["version"] for row in rows)
