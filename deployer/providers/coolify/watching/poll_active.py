"""Polls many deployments with one request: the list of all active ones (coolify-api 5.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deployer.http.client import TooLargeError
from deployer.model import Handle, RefusedError, Snapshot
from deployer.providers import payload
from deployer.providers.coolify.watching.poll import Poller, is_of
from deployer.providers.payload import Row

MAX_FOREIGN_CHARS = 1 << 20
"""With more characters of other deployments' logs, the list costs more than the requests that it saves."""


@dataclass
class ActivePoller:
    """Reads the list as long as it is worth its size."""

    poller: Poller
    worthwhile: bool = True

    def poll(self, handles: tuple[Handle, ...]) -> Mapping[Handle, Snapshot] | None:
        """What the list shows of these deployments.

        Missing are those that are no longer active, and those whose log only `GET /deployments/{uuid}` shows.
        Returns None if the list is refused, or too large. Raises RefusedError if the token is rejected, and
        UnavailableError.
        """
        if not self.worthwhile:
            return None
        try:
            rows = self.poller.lookup.api.active_deployments()
        except TooLargeError:
            rows = None
        except RefusedError as error:
            if error.token_wide:
                raise
            rows = None
        if rows is None:
            self.worthwhile = False
            return None
        by_uuid = {payload.text(row, "deployment_uuid"): row for row in rows}
        self.worthwhile = _foreign_chars(rows, {handle.id for handle in handles}) <= MAX_FOREIGN_CHARS
        found = {}
        for handle in handles:
            row = by_uuid.get(handle.id)
            if row is not None and is_of(row, handle):
                snapshot = self.poller.listed(row, handle, rows)
                if snapshot is not None:
                    found[handle] = snapshot
        return found


def _foreign_chars(rows: list[Row], own: set[str]) -> int:
    """How many characters of the list are logs of deployments that nobody here follows."""
    others = (row for row in rows if payload.text(row, "deployment_uuid") not in own)
    return sum(len(payload.text(row, "logs")) for row in others)
