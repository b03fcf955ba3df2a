"""Reads an app's newest deployment before a trigger: for lost responses, and for what is in progress.

A list that can't be read must not prevent a trigger (architecture, rule 7).
"""

from __future__ import annotations

from collections.abc import Callable

from deployer.http.client import TooLargeError
from deployer.model import Command, RefusedError, UnavailableError
from deployer.providers.cloudfoundry import trigger_requests
from deployer.providers.cloudfoundry.app import AppState
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.watching import instance_status
from deployer.providers.payload import Row

TRIES = 2
"""How often reading the list may fail before the trigger is sent without it."""

LONGEST_WAIT = 60.0
"""The longest `Retry-After` that is waited for, in seconds."""

UNREAD = (
    "could not read the list of its deployments ({}): if the response to the trigger is lost, "
    "this run may not be able to tell whether a deployment was started"
)
UNREAD_IN_THE_WAY = (
    "could not read the list of its deployments ({}): one that is in progress would prevent the new image from "
    "being deployed"
)
UNLISTED = "the response to the trigger was lost, and the list of deployments can't be read"


def read(app: AppState, listed: Callable[[], list[Row]], options: Options) -> None:
    """Read the newest deployment: a newer one is ours, and one in progress is in the way.

    Raises RefusedError and UnavailableError. If only a lost response would need the list, only while a retry
    may succeed.
    """
    # A rollback finds the deployment in progress and the previous droplet nowhere else.
    needed = options.command is Command.ROLLBACK
    rows = listed() if needed else _if_readable(app, listed)
    newest: Row = rows[0] if rows else {}
    app.newest.guid = str(newest.get("guid") or "")
    app.newest.active = bool(newest) and instance_status.is_active(newest)
    app.newest.previous_droplet = ""
    before = newest.get("previous_droplet")
    if (
        newest
        and instance_status.is_deployed(newest)
        and instance_status.droplet(newest) == app.before.droplet
        and isinstance(before, dict)
    ):
        app.newest.previous_droplet = str(before.get("guid") or "")


def doubts(app: AppState, options: Options) -> tuple[str, ...]:
    """PURE. The warning if the list could not be read."""
    if not app.newest.unread:
        return ()
    warning = UNREAD if trigger_requests.rolls(options) else UNREAD_IN_THE_WAY
    return (warning.format(app.newest.unread),)


def unrecognizable(app: AppState, droplet: str) -> bool:
    """PURE.

    Whether our deployment can't be recognized: the list is unread, and no droplet of this run identifies it.
    """
    return bool(app.newest.unread) and (not droplet or droplet != app.staging.droplet)


def _if_readable(app: AppState, listed: Callable[[], list[Row]]) -> list[Row]:
    """The list; empty if it can't be read, which is then not tried again before the trigger."""
    if app.newest.unread:
        return []
    try:
        return listed()
    except RefusedError as error:
        if error.token_wide:
            raise
        app.newest.unread = error.reason
    except UnavailableError as error:
        app.newest.failures += error.may_have_arrived  # otherwise the login or the whole server failed
        hopeless = error.permanent or error.retry_after > LONGEST_WAIT or isinstance(error, TooLargeError)
        if not error.may_have_arrived or (app.newest.failures < TRIES and not hopeless):
            raise
        app.newest.unread = error.reason
    return []
