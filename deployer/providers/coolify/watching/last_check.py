"""PURE: when Coolify itself last checked an application's containers (coolify-api 18.7).

Only times of the server's own clock are compared, and only in the forms that it is known to write.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from deployer.providers import payload

TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.000000Z)?", re.ASCII)
"""A time as Coolify writes it: to the second, in UTC."""


def seconds_after(row: Any, ended: str, *, before: Any, heartbeat: str) -> float | None:
    """Seconds from the end of the deployment to Coolify's last check of the application.

    None if Coolify has not checked it since, or if that can't be told. Equal times are no evidence: both are
    cut to the second. A time that was the same before the deployment is none either, whatever the clock says.

    row: the application.
    ended: `finished_at` of its deployment.
    before: the application before the deployment.
    heartbeat: when its server had last reported, in an earlier response. It reports all containers once a
        minute, but only a changed status is written (coolify-api 8 trap 4); a report that an earlier response
        showed was processed by now.
    """
    checked = payload.text(row, "last_online_at")
    end, latest = _moment(ended), _moment(checked)
    if end is None or latest is None or latest <= end or checked == payload.text(before, "last_online_at"):
        return None
    reported = _moment(heartbeat) if heartbeat != heartbeat_of(before) else None
    if reported is not None and reported > latest:
        latest = reported
    return (latest - end).total_seconds()


def heartbeat_of(row: Any) -> str:
    """When the application's server last reported to Coolify; empty if the response does not show it."""
    return payload.text(row, "destination", "server", "sentinel_updated_at")


def _moment(text: str) -> datetime | None:
    """A time of the server; None for any other text."""
    if not TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text[:19])
    except ValueError:
        return None
