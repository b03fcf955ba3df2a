"""PURE: which version ran previously, by Coolify's lists of deployments and images (coolify-api 5.3, 6)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from deployer.model import RefusedError
from deployer.providers.coolify.changes import images
from deployer.providers.coolify.changes.application import COMMIT, HEAD
from deployer.providers.coolify.history import record_id
from deployer.providers.coolify.watching import deployment
from deployer.providers.coolify.watching.failure import platform_text
from deployer.providers.payload import Row

IMAGE_TAG = re.compile(r"[\w.-]{1,128}")
MAX_LISTED = 20
DEPLOYED_NOTHING = ("failed", "cancelled-by-user")
"""Statuses of deployments that left the previous version running."""

STARTING = re.compile(r"Starting deployment of (\S+) to ")
"""The first log line that names the image of a deployment (coolify-api 7, captured-2/sequence_rollback)."""

STARTED_SINCE = "deployment {} was started since, and is not rolled back"
NOT_LISTED = (
    "Coolify no longer lists the deployment of this run, so it is unknown whether another was started since"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version to roll back to."""

    name: str
    """The commit, or the tag of the image."""
    known: str = ""
    """What is known of it, as a phrase."""
    earlier: bool = False
    """It certainly ran before the current version."""

    def __str__(self) -> str:
        """As shown to the user."""
        return f"{self.name}, {self.known}" if self.known else self.name


def other_images(listed: list[Row], running: str = "", named: str = "") -> tuple[Candidate, ...]:
    """PURE. The images other than the current one, newest first.

    Only those built before it certainly ran before it.

        running: the tag of the current image, for a list that marks none.
        named: the tag that the application has.
    """
    current = next(
        (each for each in listed if each.get("is_current") or (running and each.get("tag") == running)), {}
    )
    built = _built_at(current)
    others = [each for each in listed if each is not current and IMAGE_TAG.fullmatch(text(each.get("tag")))]
    newest = sorted(others, key=lambda each: text(each.get("created_at")), reverse=True)[:MAX_LISTED]
    choices = []
    for each in newest:
        own_built, date = _built_at(each), text(each.get("created_at"))
        known = [f"built {date}"] if date else []
        known += ["the application's own tag"] if each["tag"] == named else []
        earlier = bool(built and own_built and own_built < built)
        choices.append(Candidate(each["tag"], ", ".join(known), earlier=earlier))
    return tuple(choices)


def running(application: Row, listed: list[Row]) -> str:
    """PURE.

    The tag of a Docker-image application, if its deployments show that this image is running; otherwise
    empty.

        The log of the newest finished deployment names the image. If the log can't be read, nothing may have
        come after that
        deployment, and it must not be a rollback to another tag.
    """
    image = images.current(application)
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
    """The image that the log of a deployment names; empty if it names none, or can't be read."""
    log, _ = deployment.entries(row)
    return next((match[1] for entry in log or () if (match := STARTING.match(platform_text(entry)))), "")


def _built_at(image: Row) -> datetime | None:
    """When an image was built, in Docker's format: `2026-08-20 10:11:12 +0000 UTC`; None if unknown."""
    try:
        return datetime.strptime(text(image.get("created_at")).rpartition(" ")[0], "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return None


def pin(row: Row) -> str:
    """The commit that an application is pinned to, or HEAD."""
    return str(row.get("git_commit_sha") or HEAD)


def deployment_and_previous(listed: list[Row], uuid: str) -> tuple[Row, str]:
    """PURE.

    The record of this deployment, and the commit of the finished one before it; empty if there is none.

        Raises RefusedError if another one was started since and may have deployed something, or if that is
        unknown.
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
    """PURE.

    The commits of finished deployments of the application itself, newest first, each with its newest record.
    """
    found: dict[str, Row] = {}
    for row in reversed(_ran(listed)):
        found.setdefault(row["commit"], row)
    return found


def rolled_back_commits(listed: Iterable[Row]) -> frozenset[str]:
    """PURE. Commits that were rolled back: a later record deploys a commit that had already run before them.

    For A, B, A (oldest first), that is B. A record of a rollback to a commit before the list counts as well.
    """
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
    """Finished deployments of the application itself whose commit is known, oldest first."""
    return [
        row
        for row in sorted(listed, key=record_id)
        if row.get("status") == "finished" and is_own(row) and COMMIT.fullmatch(text(row.get("commit")))
    ]


def is_own(row: Row) -> bool:
    """Whether a record is of the application itself, not of a preview."""
    return not row.get("pull_request_id")


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""
