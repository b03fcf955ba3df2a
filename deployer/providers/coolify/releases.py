"""PURE: what ran before, as far as Coolify's lists of deployments and images tell it (coolify-api 5.3, 6)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from deployer.model import RefusedError
from deployer.providers.coolify import rows, trigger
from deployer.providers.coolify.api import Row
from deployer.providers.coolify.changes import HEAD

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
KEPT = re.compile(r"[\w.-]{1,128}")
SHOWN = 20
NOTHING_UP = ("failed", "cancelled-by-user")
"""Statuses of deployments after which what ran before goes on."""

ANOTHER = "deployment {} of it was started since: what it puts up is not taken back"
UNLISTED = "Coolify's list does not show our own deployment any more, so that nobody can tell what was started since"


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that could be gone back to. `known`: what is known of it; `earlier`: whether it surely ran before what runs now."""

    name: str
    known: str = ""
    earlier: bool = False

    def __str__(self) -> str:
        """As people read it."""
        return f"{self.name}, {self.known}" if self.known else self.name


def beside(listed: list[Row]) -> tuple[Choice, ...]:
    """PURE. The images beside the one that runs, the newest first. Only what was made before that one is known to have run before it."""
    now = next((_made(each) for each in listed if each.get("is_current")), None)
    others = [each for each in listed if not each.get("is_current") and KEPT.fullmatch(text(each.get("tag")))]
    newest = sorted(others, key=lambda each: text(each.get("created_at")), reverse=True)[:SHOWN]
    choices = []
    for each in newest:
        made, told = _made(each), text(each.get("created_at"))
        choices.append(Choice(each["tag"], f"made {told}" if told else "", earlier=bool(now and made and made < now)))
    return tuple(choices)


def _made(image: Row) -> datetime | None:
    """As Docker tells it: `2026-08-20 10:11:12 +0000 UTC`."""
    try:
        return datetime.strptime(text(image.get("created_at")).rpartition(" ")[0], "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return None


def pin(row: Row) -> str:
    """What an application was pinned to."""
    return str(row.get("git_commit_sha") or HEAD)


def since(listed: list[Row], uuid: str) -> tuple[Row, str]:
    """PURE. The row of this deployment, and the commit of the finished one before it, as far as it is there.

    Raises RefusedError where another one was started since, and may have put something up, or nobody can tell.
    """
    mine = next((row for row in listed if row.get("deployment_uuid") == uuid), None)
    if mine is None:
        raise RefusedError(UNLISTED)
    newer = [row for row in listed if trigger.number(row) > trigger.number(mine) and is_own(row) and row.get("status") not in NOTHING_UP]
    if others := [row for row in newer if not rows.other(row, mine)]:
        raise RefusedError(ANOTHER.format(text(others[0].get("deployment_uuid"))))
    return mine, next(iter(finished(row for row in listed if trigger.number(row) < trigger.number(mine))), "")


def finished(listed: Iterable[Row]) -> dict[str, Row]:
    """PURE. The commits of finished deployments of the application itself, the newest first, each with its newest row."""
    found: dict[str, Row] = {}
    for row in reversed(_ran(listed)):
        found.setdefault(row["commit"], row)
    return found


def left(listed: Iterable[Row]) -> frozenset[str]:
    """PURE. The commits that were taken back: after each came one that had run before it, or a rollback further than is listed."""
    ran = _ran(listed)
    first: dict[str, int] = {}
    for place, row in enumerate(ran):
        first.setdefault(row["commit"], place)
    taken: dict[str, bool] = {}
    for place, (row, then) in enumerate(pairwise(ran)):
        further = bool(then.get("rollback")) and first[then["commit"]] == place + 1
        taken[row["commit"]] = first[then["commit"]] < first[row["commit"]] or further
    return frozenset(commit for commit, back in taken.items() if back)


def _ran(listed: Iterable[Row]) -> list[Row]:
    """Finished deployments of the application itself whose commit is known, the oldest first."""
    return [
        row
        for row in sorted(listed, key=trigger.number)
        if row.get("status") == "finished" and is_own(row) and COMMIT.fullmatch(text(row.get("commit")))
    ]


def is_own(row: Row) -> bool:
    """Whether it is one of the application itself, not of a preview."""
    return not row.get("pull_request_id")


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""
