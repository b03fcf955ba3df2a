"""Reads an app's rolling deployments before a trigger.

A deployment that is newer afterwards is this run's; one in progress is replaced, or prevents a trigger. A
list that can't be read must not prevent one (architecture, rule 7).
"""

from __future__ import annotations

from collections.abc import Callable

from deployer.http.client import TooLargeError
from deployer.model import Command, RefusedError, UnavailableError
from deployer.providers.cloudfoundry.api.guids import droplet_of
from deployer.providers.cloudfoundry.app import AppState, DeploymentList
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.triggering import trigger_requests
from deployer.providers.cloudfoundry.watching import deployment_status
from deployer.providers.payload import Row

MAX_FAILURES = 2
"""Failures of the list after which the run continues without it."""

MAX_RETRY_SECONDS = 60.0
"""The longest wait that the server may ask for before the list is read again."""

UNREAD = (
    "could not read the list of its deployments ({}): if the response to the trigger is lost, "
    "this run may not be able to tell whether a deployment was started"
)
UNREAD_IN_THE_WAY = (
    "could not read the list of its deployments ({}): "
    "if one is in progress, the new image can't be put live until it ends"
)
UNLISTED = "the response to the trigger was lost, and the list of deployments can't be read"


def read(app: AppState, fetch: Callable[[], list[Row]], options: Options) -> None:
    """Remember the newest deployment of the app.

    `fetch`: sends the request for the list. Raises RefusedError and UnavailableError: without the list, only
    as long as a retry may help; for `command: rollback`, which depends on the list, always.
    """
    required = options.command is Command.ROLLBACK
    rows = fetch() if required else _unless_unreadable(app.deployments, fetch)
    newest: Row = rows[0] if rows else {}
    active = bool(newest) and deployment_status.is_active(newest)
    previous = _replaced_droplet(newest, app.before.droplet)
    found = app.deployments
    found.newest, found.active, found.previous = str(newest.get("guid") or ""), active, previous


def _replaced_droplet(deployment: Row, current: str) -> str:
    """The droplet that this deployment has replaced by the current one; empty if it has not."""
    before = deployment.get("previous_droplet")
    if not isinstance(before, dict) or not deployment_status.is_deployed(deployment):
        return ""
    return str(before.get("guid") or "") if droplet_of(deployment) == current else ""


def warnings(app: AppState, options: Options) -> tuple[str, ...]:
    """PURE. What people should know if the list can't be read."""
    unread = app.deployments.unread
    if not unread:
        return ()
    warning = UNREAD if trigger_requests.rolls(options) else UNREAD_IN_THE_WAY
    return (warning.format(unread),)


def cannot_identify(app: AppState, droplet: str) -> bool:
    """PURE. Whether it can't be told which deployment is this run's.

    One that deploys a droplet of this run can: no other deployment has it.
    """
    return bool(app.deployments.unread) and (not droplet or droplet != app.staging.droplet)


def _unless_unreadable(found: DeploymentList, fetch: Callable[[], list[Row]]) -> list[Row]:
    """The list; empty if it can't be read, and then it is not requested again before a trigger."""
    if found.unread:
        return []
    try:
        return fetch()
    except RefusedError as error:
        if error.token_wide:
            raise
        found.unread = error.reason
    except UnavailableError as error:
        if not error.may_have_arrived:
            raise  # the login server, or the whole server, is unreachable
        found.failures += 1
        hopeless = (
            error.permanent or error.retry_after > MAX_RETRY_SECONDS or isinstance(error, TooLargeError)
        )
        if found.failures < MAX_FAILURES and not hopeless:
            raise
        found.unread = error.reason
    return []
