"""Lists an app's rolling deployments in progress, and cancels them (cloudfoundry-api 7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deployer.http.client import Response
from deployer.model import Handle, Owner, UnavailableError
from deployer.providers.cloudfoundry.api import resources, responses
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.condition import Condition
from deployer.providers.cloudfoundry.triggering import trigger_requests
from deployer.providers.cloudfoundry.watching import deployment_status
from deployer.providers.payload import Row

CANNOT_CANCEL = "Cannot cancel"
"""In Cloud Foundry's message about a deployment that has already ended."""

CANCELLED = "cancelled: Cloud Foundry restores the previous version"
ALREADY_OVER = "already over: the new version stays deployed"
CANNOT_UNDO = "it continues: Cloud Foundry can't cancel a start, a restart or a stop"
CONTINUES: dict[str, str] = {
    Condition.STAGED: "the staging continues, without any effect on what is running: it can't be cancelled",
    Condition.REVERTED: "the rollback to the previous version continues",
}
"""What can't be cancelled, by the condition that is polled."""


@dataclass
class Canceller:
    """Cancels rolling deployments. The server then restores the previous version by itself."""

    api: Client

    def active(self, target: str, app: str) -> tuple[Handle, ...]:
        """The deployment in progress; there is at most one. `app`: the guid of the target."""
        return active_deployments(target, resources.newest_deployments(self.api, app))

    def describe(self, target: str, app: str) -> tuple[str, ...]:
        """What `command: cancel` would do, as sentences."""
        active = self.active(target, app)
        return tuple(f"would cancel deployment {each.id}" for each in active) or ("nothing to cancel",)

    def cancel(self, handle: Handle, timeout: float | None) -> str:
        """Cancel what is polled, if it is a rolling deployment, and return what became of it."""
        if handle.condition != Condition.ROLLED_OUT:
            return CONTINUES.get(handle.condition, CANNOT_UNDO)
        return CANCELLED if self.cancel_deployment(handle.id, timeout) else ALREADY_OVER

    def cancel_deployment(self, deployment: str, timeout: float | None = None) -> bool:
        """Whether the deployment was cancelled; False if it had ended before.

        A good response is empty, although its type is JSON: then the deployment itself is read. Source:
        cloudfoundry-api 7.
        """
        path = trigger_requests.cancellation(deployment).path
        try:
            response = self.api.send("POST", path, timeout=timeout)
        except UnavailableError as error:
            cancelled = self._is_cancelled(deployment, timeout) if error.may_have_arrived else None
            if cancelled is None:
                raise
            return cancelled
        return was_cancelled(response)

    def _is_cancelled(self, deployment: str, timeout: float | None) -> bool | None:
        """Whether a deployment is cancelled; None if it is still in progress, or can't be read."""
        try:
            row = resources.deployment(self.api, deployment, timeout=timeout)
            return deployment_status.is_cancelled(row)
        except UnavailableError:
            return None


def active_deployments(target: str, rows: Iterable[Row]) -> tuple[Handle, ...]:
    """PURE. The deployments in progress among these."""
    return tuple(
        Handle(
            target,
            str(row.get("guid")),
            owner=Owner.OTHERS,
            condition=Condition.ROLLED_OUT,
            started_by="somebody else started",
        )
        for row in rows
        if deployment_status.is_active(row)
    )


def was_cancelled(response: Response) -> bool:
    """PURE. Whether the response says that the deployment was cancelled; False if it had ended before.

    Raises RefusedError and UnavailableError for every other response.
    """
    errors = responses.errors_of(response)
    if response.status == 422 and any(CANNOT_CANCEL in error.detail for error in errors):
        return False
    responses.json_or_raise(response)
    return True
