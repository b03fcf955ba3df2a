"""PURE: why instances crashed, from the app's audit events (cloudfoundry-api 8).

The instances themselves only report that they crashed.
"""

from __future__ import annotations

from collections.abc import Iterable

from deployer.model.text import one_line
from deployer.providers import payload
from deployer.providers.cloudfoundry.watching.instance_status import number
from deployer.providers.payload import Row

NEWEST_EVENTS = 5
"""How many events are read."""

REMEDIES = {
    "out of memory": "Increase its memory: `cf scale APP -m 1G`",
}
"""What to do, by what the description of an exit contains."""

SEE_LOG = "See its last log lines: `cf logs APP --recent`"


def params(app: str) -> dict[str, str]:
    """The parameters that request the newest crash events of an app, by its guid."""
    return {
        "types": "audit.app.process.crash",
        "target_guids": app,
        "order_by": "-created_at",
        "per_page": str(NEWEST_EVENTS),
    }


def reason(events: Iterable[Row], guids: frozenset[str], versions: frozenset[str] = frozenset()) -> str:
    """Why these processes crashed the last time; empty if the events do not say.

    Args:
        events: the newest first.
        guids: of the processes.
        versions: of the processes, as far as they are known. An event of another version is from an earlier
            start; so no clocks need to be compared.
    """
    for event in events:
        data = payload.record(event, "data")
        if str(payload.value(event, "actor", "guid")) not in guids:
            continue
        if versions and str(data.get("version") or "") not in {"", *versions}:
            continue
        if exit_text := one_line(data.get("exit_description")) or _exit_status(data):
            return f"{exit_text}. {_remedy(exit_text)}"
    return ""


def _remedy(exit_text: str) -> str:
    return next((text for words, text in REMEDIES.items() if words in exit_text.lower()), SEE_LOG)


def _exit_status(data: Row) -> str:
    if not isinstance(data.get("exit_status"), int):
        return ""
    return f"exited with status {number(data['exit_status'])}"
