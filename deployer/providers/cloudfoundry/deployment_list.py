"""The list of an app's deployments before a trigger: it serves a lost response, and tells what is in the way.

A list that can't be read must not keep anything from being triggered (architecture, rule 7).
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
"""How often the list may fail before it is done without."""

LONGEST_WAIT = 60.0
"""Seconds that it is waited for where the server asks for it."""

UNREAD = (
    "could not read the list of its deployments ({}): if the response to the trigger is lost, this run may not be able to tell whether "
    "a deployment was started"
)
UNREAD_IN_THE_WAY = "could not read the list of its deployments ({}): one that is still going keeps the new image from being put live"
UNLISTED = "the response to the trigger was lost, and the list of deployments can't be read"


def read(seen: AppState, listed: Callable[[], list[Row]], options: Options) -> None:
    """What is newer after a trigger is ours; what is going is in the way, or will be replaced.

    Raises RefusedError and UnavailableError; where only a lost response needs the list, no longer than the next try may well work.
    """
    needed = (
        options.command is Command.ROLLBACK
    )  # what is going, and the droplet from before, stand nowhere else
    rows = listed() if needed else _if_readable(seen, listed)
    newest: Row = rows[0] if rows else {}
    seen.newest, seen.active, seen.previous = (
        str(newest.get("guid") or ""),
        bool(newest) and instance_status.is_active(newest),
        "",
    )
    before = newest.get("previous_droplet")
    if (
        newest
        and instance_status.is_deployed(newest)
        and instance_status.droplet(newest) == seen.droplet
        and isinstance(before, dict)
    ):
        seen.previous = str(before.get("guid") or "")


def doubts(seen: AppState, options: Options) -> tuple[str, ...]:
    """PURE. What people should know where the list can't be read."""
    return (
        ((UNREAD if trigger_requests.rolls(options) else UNREAD_IN_THE_WAY).format(seen.unread),)
        if seen.unread
        else ()
    )


def untold(seen: AppState, droplet: str) -> bool:
    """PURE. Whether nobody can tell which deployment is ours: a droplet that this run has staged is in no other."""
    return bool(seen.unread) and (not droplet or droplet != seen.staged)


def _if_readable(seen: AppState, listed: Callable[[], list[Row]]) -> list[Row]:
    """Empty where it can't be read; then it is not asked for again before a trigger."""
    if seen.unread:
        return []
    try:
        return listed()
    except RefusedError as error:
        if error.token_wide:
            raise
        seen.unread = error.reason
    except UnavailableError as error:
        seen.unlisted += (
            error.may_have_arrived
        )  # else it is the login server's trouble, or the whole server's
        hopeless = error.permanent or error.retry_after > LONGEST_WAIT or isinstance(error, TooLargeError)
        if not error.may_have_arrived or (seen.unlisted < TRIES and not hopeless):
            raise
        seen.unread = error.reason
    return []
