"""PURE: why instances crashed, from the app's events: an instance itself only says that it did (cloudfoundry-api 8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deployer.model.text import one_line
from deployer.providers.cloudfoundry.watching.instance_status import number

NEWEST_EVENTS = 5
"""Events that are read."""

REMEDIES = {
    "out of memory": "Give it more memory: `cf scale APP -m 1G`",
}
"""By what the description of an exit holds."""

ELSEWHERE = "Its last log lines say why: `cf logs APP --recent`"


def params(guid: str) -> dict[str, str]:
    """The newest crash events of one app."""
    return {
        "types": "audit.app.process.crash",
        "target_guids": guid,
        "order_by": "-created_at",
        "per_page": str(NEWEST_EVENTS),
    }


def reason(
    events: Iterable[dict[str, Any]], guids: frozenset[str], versions: frozenset[str] = frozenset()
) -> str:
    """Of the newest crash of these processes; empty where the events tell nothing of it.

    `versions`: what they are at, where that is known. An event of another version is of an earlier start; no clocks are compared.
    """
    for event in events:
        data, actor = event.get("data"), event.get("actor")
        if not isinstance(data, dict) or not isinstance(actor, dict) or str(actor.get("guid")) not in guids:
            continue
        if versions and str(data.get("version") or "") not in {"", *versions}:
            continue
        if said := one_line(data.get("exit_description")) or _status(data):
            return f"{said}. {next((each for mark, each in REMEDIES.items() if mark in said.lower()), ELSEWHERE)}"
    return ""


def _status(data: dict[str, Any]) -> str:
    return (
        f"exited with status {number(data['exit_status'])}"
        if isinstance(data.get("exit_status"), int)
        else ""
    )
