"""PURE: what ran before, as far as Coolify's lists of deployments and images tell it (coolify-api 5.3, 6)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from deployer.model import RefusedError
from deployer.providers.coolify.changes import images
from deployer.providers.coolify.changes.application import HEAD
from deployer.providers.coolify.history import record_id
from deployer.providers.coolify.watching import deployment
from deployer.providers.coolify.watching.failure import platform_text
from deployer.providers.payload import Row

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
IMAGE_TAG = re.compile(r"[\w.-]{1,128}")
MAX_SHOWN = 20
DEPLOYED_NOTHING = ("failed", "cancelled-by-user")
"""Statuses of deployments after which what ran before goes on."""

STARTING = re.compile(r"Starting deployment of (\S+) to ")
"""The first line of a deployment's log that names its image (coolify-api 7, captured-2/sequence_rollback)."""

STARTED_SINCE = "deployment {} of it was started since: what it puts up is not taken back"
NOT_LISTED = (
    "Coolify's list does not show our own deployment any more, so that nobody can tell what was started since"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that could be gone back to. `known`: what is known of it; `earlier`: whether it surely ran before what runs now."""

    name: str
    known: str = ""
    earlier: bool = False

    def __str__(self) -> str:
        """As people read it."""
        return f"{self.name}, {self.known}" if self.known else self.name


def other_images(listed: list[Row], running: str = "", named: str = "") -> tuple[Candidate, ...]:
    """PURE. The images beside the one that runs, the newest first. Only what was made before that one is known to have run before it.

    `running`: the tag of the one that runs, for a list that marks none. `named`: the tag that the application has.
    """
    current = next(
        (each for each in listed if each.get("is_current") or (running and each.get("tag") == running)), {}
    )
    now = _made(current)
    others = [each for each in listed if each is not current and IMAGE_TAG.fullmatch(text(each.get("tag")))]
    newest = sorted(others, key=lambda each: text(each.get("created_at")), reverse=True)[:MAX_SHOWN]
    choices = []
    for each in newest:
        made, told = _made(each), text(each.get("created_at"))
        known = (f"made {told}" if told else "", "the application's own tag" if each["tag"] == named else "")
        choices.append(
            Candidate(each["tag"], ", ".join(filter(None, known)), earlier=bool(now and made and made < now))
        )
    return tuple(choices)


def running(application: Row, listed: list[Row]) -> str:
    """PURE. The tag that a Docker-image application names as its own, if its deployments show that this image runs; otherwise empty.

    `listed`: its newest deployments. The newest finished one counts: its log names the image that was started. A token that can't read
    logs is told less: then nothing may have come after that deployment, and it must not be a rollback to another tag.
    """
    image = images.held(application)
    newest = sorted((row for row in listed if is_own(row)), key=record_id, reverse=True)
    done = next((row for row in newest if row.get("status") == "finished"), None)
    if done is None:
        return ""
    later = [
        row
        for row in newest
        if record_id(row) > record_id(done) and not deployment.is_other_server(row, done)
    ]
    if any(row.get("status") not in DEPLOYED_NOTHING for row in later):
        return ""
    if started := _started(done):
        return image.tag if started == str(image) else ""
    elsewhere = done.get("rollback") and done.get("commit") != image.tag
    return "" if later or elsewhere else image.tag


def _started(row: Row) -> str:
    """The image that a deployment's log names; empty where there is no such line, or no log to read."""
    log, _ = deployment.entries(row)
    return next((match[1] for entry in log or () if (match := STARTING.match(platform_text(entry)))), "")


def _made(image: Row) -> datetime | None:
    """As Docker tells it: `2026-08-20 10:11:12 +0000 UTC`."""
    try:
        return datetime.strptime(text(image.get("created_at")).rpartition(" ")[0], "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return None


def pin(row: Row) -> str:
    """What an application was pinned to."""
    return str(row.get("git_commit_sha") or HEAD)


def deployment_and_previous(listed: list[Row], uuid: str) -> tuple[Row, str]:
    """PURE. The row of this deployment, and the commit of the finished one before it, as far as it is there.

    Raises RefusedError where another one was started since, and may have put something up, or nobody can tell.
    """
    mine = next((row for row in listed if row.get("deployment_uuid") == uuid), None)
    if mine is None:
        raise RefusedError(NOT_LISTED)
    newer = [
        row
        for row in listed
        if record_id(row) > record_id(mine) and is_own(row) and row.get("status") not in DEPLOYED_NOTHING
    ]
    if others := [row for row in newer if not deployment.is_other_server(row, mine)]:
        raise RefusedError(STARTED_SINCE.format(text(others[0].get("deployment_uuid"))))
    return mine, next(iter(finished(row for row in listed if record_id(row) < record_id(mine))), "")


def finished(listed: Iterable[Row]) -> dict[str, Row]:
    """PURE. The commits of finished deployments of the application itself, the newest first, each with its newest row."""
    found: dict[str, Row] = {}
    for row in reversed(_ran(listed)):
        found.setdefault(row["commit"], row)
    return found


def rolled_back_commits(listed: Iterable[Row]) -> frozenset[str]:
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
        for row in sorted(listed, key=record_id)
        if row.get("status") == "finished" and is_own(row) and COMMIT.fullmatch(text(row.get("commit")))
    ]


def is_own(row: Row) -> bool:
    """Whether it is one of the application itself, not of a preview."""
    return not row.get("pull_request_id")


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""
