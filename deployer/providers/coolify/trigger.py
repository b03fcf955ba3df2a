"""PURE: what the answer to a trigger says, and which row is the one that a lost answer has started (contract 5.1, 5.2, 13)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from deployer.model import Handle, Refused, Started, Trust, UnavailableError
from deployer.providers.coolify import rows

ALREADY = "Deployment already queued"
ALREADY_QUEUED = "an older deployment of the same commit is still going, and Coolify starts no second one"

UNCHECKED = "with a full queue Coolify answers the same and starts nothing; the token may not read, so nobody can tell"

MARKED = 463
"""The first beta tried whose rows say `is_api` of what `POST /deploy` started (captured/v4.0.0-beta.434/app_deployments: false)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How the deployments are to be started."""

    force: bool
    instant: bool
    wait: bool


def accepted(data: Any, target: str, wish: Wish, *, blind: bool) -> Started | Refused:
    """What was started for this target. `blind`: nothing can be looked at later.

    Raises UnavailableError for an answer of another shape: it may have started something.
    """
    item = _item(data, target, wish)
    if item is None:
        return Refused(f"Coolify knows no resource {target}")
    text, uuid = str(item.get("message") or ""), item.get("deployment_uuid")
    if text.startswith(ALREADY):
        return Started((Handle(target, "", Trust.PHANTOM),), ALREADY_QUEUED)
    if isinstance(uuid, str) and uuid:
        if wish.instant and not blind:
            return Started((Handle(target, uuid, Trust.DOUBTFUL),))
        return Started((Handle(target, uuid),), UNCHECKED if wish.instant else "")
    if uuid is not None:
        raise UnavailableError("Coolify's answer to the trigger names a deployment in no way that we know", arrived=True)
    if re.match(r"(Service|Database) .* started\.", text, re.DOTALL):
        return Started((), f"Coolify says: {text} Nothing newer was pulled, and there is no deployment to follow")
    return Refused(f"Coolify says: {text}" if text else "Coolify named no deployment")


def _item(data: Any, target: str, wish: Wish) -> dict[str, Any] | None:
    """The part of the answer that is about this target: `/start` answers for one, `/deploy` with a list."""
    if wish.instant and isinstance(data, dict) and isinstance(data.get("message"), str):
        return data
    items = data.get("deployments") if isinstance(data, dict) and not wish.instant else None
    if not isinstance(items, list):
        raise UnavailableError("Coolify's answer to the trigger has another shape than all known versions give it", arrived=True)
    return next((item for item in items if isinstance(item, dict) and item.get("resource_uuid") == target), None)


def marks_api(version: str) -> bool:
    """Whether this version marks what the API has started. An unknown one is taken for a new one."""
    beta = re.search(r"-beta\.(\d+)", version)
    return beta is None or int(beta[1]) >= MARKED


def like_ours(row: dict[str, Any], wish: Wish, *, marked: bool) -> bool:
    """Rule 7. Where the server marks nothing as the API's, all that no webhook made."""
    by_api = row.get("is_api") or (not marked and not row.get("is_webhook"))
    return bool(by_api) and not row.get("pull_request_id") and bool(row.get("force_rebuild")) == wish.force


def oldest(found: list[dict[str, Any]], target: str, base: str, *, marked: bool) -> Started | None:
    """The oldest of the rows. Ours only if it is the one row, and marked; otherwise it may be somebody else's and is never cancelled."""
    if not found:
        return None
    first = min(found, key=number)
    handle = Handle(target, str(first.get("deployment_uuid")), adopted=len(found) > 1 or not marked, link=rows.link(first, base))
    if len(found) > 1:
        return Started((handle,), "several were started at once: the oldest is followed")
    return Started(
        (handle,), "found on the server" if marked else "found on the server; this version of Coolify does not say who started it"
    )


def number(row: dict[str, Any]) -> int:
    """The row's `id`, which grows with time; clocks are never compared."""
    value = row.get("id")
    return value if isinstance(value, int) else 0
