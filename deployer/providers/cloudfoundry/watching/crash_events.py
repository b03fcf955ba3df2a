"""PURE: why instances crashed, from the app's events (cloudfoundry-api 8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deployer.model.text import one_line
from deployer.providers.cloudfoundry.watching.instance_status import number

NEWEST_EVENTS = 5
"""How many of the newest events are read."""

FIXES = {
    "out of memory": "Give it more memory: `cf scale APP -m 1G`",
}
"""The fix, by a text in the description of an exit."""

SEE_LOG = "See its last log lines: `cf logs APP --recent`"


def params(guid: str) -> dict[str, str]:
    """The parameters for the newest crash events of one app."""
    return {
        "types": "audit.app.process.crash",
        "target_guids": guid,
        "order_by": "-created_at",
        "per_page": str(NEWEST_EVENTS),
    }


def reason(
    events: Iterable[dict[str, Any]], guids: frozenset[str], versions: frozenset[str] = frozenset()
) -> str:
    """Why these processes crashed last, with the fix; empty if the events have none of their crashes.

    `versions`: their current versions; empty if unknown. An event of another version belongs to an earlier
    start.
    """
    for event in events:
        data, actor = event.get("data"), event.get("actor")
        if not isinstance(data, dict) or not isinstance(actor, dict) or str(actor.get("guid")) not in guids:
            continue
        if versions and str(data.get("version") or "") not in {"", *versions}:
            continue
        if text := one_line(data.get("exit_description")) or _status(data):
            fix = next((each for mark, each in FIXES.items() if mark in text.lower()), SEE_LOG)
            return f"{text}. {fix}"
    return ""


def _status(data: dict[str, Any]) -> str:
    if not isinstance(data.get("exit_status"), int):
        return ""
    return f"exited with status {number(data['exit_status'])}"
