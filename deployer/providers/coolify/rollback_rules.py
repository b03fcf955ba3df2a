"""PURE: which version ran previously, by the lists of deployments and images (coolify-api 5.3, 6)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from deployer.model import RefusedError
from deployer.providers import payload
from deployer.providers.coolify.api.versions import PIN_LOST, Version
from deployer.providers.coolify.changes import images
from deployer.providers.coolify.changes.application import COMMIT, HEAD
from deployer.providers.coolify.history import record_id
from deployer.providers.coolify.watching import deployment
from deployer.providers.coolify.watching.failure import platform_text
from deployer.providers.payload import Row

IMAGE_TAG = re.compile(r"[\w.-]{1,128}")
MAX_LISTED = 20
"""How many images are offered."""

DEPLOYED_NOTHING = ("failed", "cancelled-by-user")
"""Statuses of deployments that left the previous version running."""

STARTING = re.compile(r"Starting deployment of (\S+) to ")
"""The first log line that names the image of a deployment (coolify-api 7, captured-2/sequence_rollback)."""

NO_EARLIER_DEPLOYMENT = "Coolify lists no earlier finished deployment"
STARTED_SINCE = "deployment {} was started since, and is not rolled back"
NOT_LISTED = (
    "Coolify no longer lists the deployment of this run, so it is unknown whether another was started since"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version to roll back to."""

    name: str
    """The commit, or the tag of the image."""
    details: str = ""
    """What is known of it, as a phrase; empty if nothing is."""
    earlier: bool = False
    """It certainly ran before the current version."""

    def __str__(self) -> str:
        """As shown to the user."""
        return f"{self.name}, {self.details}" if self.details else self.name


def other_images(listed: list[Row], running: str = "", named: str = "") -> tuple[Candidate, ...]:
    """The images other than the current one, newest first.

    `running`: the tag of the current image, for a list that marks none. `named`: the tag that the application
    has. Only an image that was built before the current one certainly ran before it.
    """
    current = next(
        (each for each in listed if each.get("is_current") or (running and each.get("tag") == running)), {}
    )
    current_built = _built_at(current)
    others = [
        each for each in listed if each is not current and IMAGE_TAG.fullmatch(payload.text(each, "tag"))
    ]
    newest = sorted(others, key=lambda each: payload.text(each, "created_at"), reverse=True)[:MAX_LISTED]
    candidates = []
    for each in newest:
        built, date = _built_at(each), payload.text(each, "created_at")
        details = [f"built {date}"] if date else []
        details += ["the application's own tag"] if each["tag"] == named else []
        earlier = bool(current_built and built and built < current_built)
        candidates.append(Candidate(each["tag"], ", ".join(details), earlier=earlier))
    return tuple(candidates)


def running_tag(application: Row, records: list[Row]) -> str:
    """The tag of a Docker-image application, if its newest deployment records show that this image runs.

    Otherwise empty. The log of the newest finished deployment names the image that was started. If it can't
    be read, there must be no later deployment, and this one must not be a rollback to another tag.
    """
    image = images.current(application)
    newest = sorted((record for record in records if is_own(record)), key=record_id, reverse=True)
    done = next((record for record in newest if record.get("status") == "finished"), None)
    if done is None:
        return ""
    later = [
        record
        for record in newest
        if record_id(record) > record_id(done) and not deployment.is_other_server(record, done)
    ]
    if any(record.get("status") not in DEPLOYED_NOTHING for record in later):
        return ""
    if started := _started_image(done):
        return image.tag if started == str(image) else ""
    to_another = done.get("rollback") and done.get("commit") != image.tag
    return "" if later or to_another else image.tag


def _started_image(record: Row) -> str:
    """The image that the log of a deployment names; empty if it names none, or can't be read."""
    log = deployment.read_log(record).entries
    return next((match[1] for entry in log or () if (match := STARTING.match(platform_text(entry)))), "")


def _built_at(image: Row) -> datetime | None:
    """When an image was built, in Docker's format: `2026-08-20 10:11:12 +0000 UTC`; None if unknown."""
    try:
        date, _, _ = payload.text(image, "created_at").rpartition(" ")
        return datetime.strptime(date, "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return None


def pin(row: Row) -> str:
    """The commit that an application is pinned to, or HEAD."""
    return str(row.get("git_commit_sha") or HEAD)


def deployment_and_previous(records: list[Row], uuid: str) -> tuple[Row, str]:
    """The record of this deployment, and the commit of the finished one before it; empty if there is none.

    Raises RefusedError if another deployment was started since and may have replaced it, or if that is
    unknown.
    """
    ours = next((record for record in records if record.get("deployment_uuid") == uuid), None)
    if ours is None:
        raise RefusedError(NOT_LISTED)
    for record in records:
        newer = record_id(record) > record_id(ours) and is_own(record)
        may_have_deployed = newer and record.get("status") not in DEPLOYED_NOTHING
        if may_have_deployed and not deployment.is_other_server(record, ours):
            raise RefusedError(STARTED_SINCE.format(payload.text(record, "deployment_uuid")))
    older = finished(record for record in records if record_id(record) < record_id(ours))
    return ours, next(iter(older), "")


def earlier_commit(records: list[Row], uuid: str, before: Row, ours: Row, version: Version) -> str:
    """The commit that ran before this deployment.

    `before`, `ours`: the application before and after the changes of this run. Raises RefusedError if there
    is no other commit, or if `deployment_and_previous` does.
    """
    record, previous = deployment_and_previous(records, uuid)
    commit = built_commit(before, previous, version)
    if not commit:
        raise RefusedError(NO_EARLIER_DEPLOYMENT)
    if commit == built_commit(ours, payload.text(record, "commit"), version):
        raise RefusedError(f"the previous version is the same commit ({commit})")
    return commit


def built_commit(application: Row, shown: str, version: Version) -> str:
    """The commit that a deployment has built, if its record shows this one; empty if it shows none."""
    return pin(application) if shown and hides_pins(application, version) else shown


def hides_pins(application: Row, version: Version) -> bool:
    """Whether the records of an application don't show the pinned commit, which was built instead."""
    return version.before(PIN_LOST) and bool(COMMIT.fullmatch(pin(application)))


def commits(
    application: Row, records: list[Row], kept: Iterable[Candidate], version: Version
) -> tuple[Candidate, ...]:
    """The commits of finished deployments, but for the current one, newest first.

    And after them the other commits of which the server keeps an image (`kept`).
    """
    ran, rolled_back = finished(records), rolled_back_commits(records)
    current = next(iter(ran), "")
    hidden = hides_pins(application, version)
    found = []
    for commit, record in ran.items():
        if commit == current and not hidden:
            continue
        details = f"deployed {payload.text(record, 'created_at')}"
        if commit in rolled_back:
            details += ", and rolled back"
        found.append(Candidate(commit, details, earlier=not hidden and commit not in rolled_back))
    return (*found, *(each for each in kept if each.name not in ran and COMMIT.fullmatch(each.name)))


def finished(records: Iterable[Row]) -> dict[str, Row]:
    """The commits of the application's finished deployments, newest first, each with its newest record."""
    found: dict[str, Row] = {}
    for record in reversed(_finished_records(records)):
        found.setdefault(record["commit"], record)
    return found


def rolled_back_commits(records: Iterable[Row]) -> frozenset[str]:
    """The commits that were rolled back: right after them, an earlier commit was deployed again.

    For the deployments A, B, A (oldest first), that is B. A rollback to a commit that is not listed before
    it counts as well. Of a commit that was deployed more than once, its last deployment decides.
    """
    ran = _finished_records(records)
    first: dict[str, int] = {}
    for index, record in enumerate(ran):
        first.setdefault(record["commit"], index)
    rolled_back: dict[str, bool] = {}
    for index, (record, following) in enumerate(pairwise(ran)):
        again = first[following["commit"]] < first[record["commit"]]
        to_unlisted = bool(following.get("rollback")) and first[following["commit"]] == index + 1
        rolled_back[record["commit"]] = again or to_unlisted
    return frozenset(commit for commit, is_rolled_back in rolled_back.items() if is_rolled_back)


def _finished_records(records: Iterable[Row]) -> list[Row]:
    """Finished deployments of the application itself whose commit is known, oldest first."""
    return [
        record
        for record in sorted(records, key=record_id)
        if record.get("status") == "finished"
        and is_own(record)
        and COMMIT.fullmatch(payload.text(record, "commit"))
    ]


def is_own(record: Row) -> bool:
    """Whether a deployment is of the application itself, not of a preview."""
    return not record.get("pull_request_id")
