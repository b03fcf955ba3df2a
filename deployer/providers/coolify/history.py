"""PURE: one deployment record, a row of Coolify's lists of deployments (coolify-api 5.5, 13)."""

from __future__ import annotations

import re

from deployer.model import Command, Handle, Owner, Started, UnavailableError
from deployer.providers.coolify.api.client import RESPONSE_MISMATCH
from deployer.providers.coolify.api.versions import Feature, Version
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.triggering.trigger_requests import is_forced
from deployer.providers.coolify.watching.deployment import moment, page_of
from deployer.providers.payload import Row

DEPLOYMENT_PATH = re.compile(r"/application/([^/]+)/deployment/[^/]+/?")


def record_id(record: Row) -> int:
    """The record's `id`, which grows with time; 0 if it has none. Clocks are never compared."""
    value = record.get("id")
    return value if isinstance(value, int) else 0


def newest_id(records: list[Row]) -> int:
    """The highest `id`; 0 if there is none."""
    return max((record_id(record) for record in records), default=0)


def application_of(record: Row) -> str:
    """The uuid of the application that a record belongs to, from the path of its page; empty if unknown."""
    match = DEPLOYMENT_PATH.search(str(record.get("deployment_url")))
    return match[1] if match else ""


def check_application(uuid: str, listed: list[Row] | None) -> list[Row] | None:
    """The list as it is, if it is about this application.

    Raises UnavailableError if it is another application's: read as "none of this one" it would mean that
    nothing was started.
    """
    if any(application_of(record) not in {"", uuid} for record in listed or ()):
        raise UnavailableError(
            RESPONSE_MISMATCH.format("deployments of another application"), may_have_arrived=True
        )
    return listed


def is_of_pull_request(record: Row, number: int) -> bool:
    """Whether it deploys the preview of this pull request; 0 stands for the application itself."""
    return (record.get("pull_request_id") or 0) == number


def matches_ours(record: Row, options: Options, version: Version) -> bool:
    """Whether a record can be a deployment that our trigger has started (architecture, rule 7).

    Versions that do not mark what the API has started: anything that no webhook has started.
    """
    by_api = record.get("is_api") or (not version.has(Feature.MARKS_API) and not record.get("is_webhook"))
    same_kind = bool(record.get("restart_only")) == (options.command is Command.RESTART)
    same_force = bool(record.get("force_rebuild")) == is_forced(options, version)
    return bool(by_api) and same_kind and same_force and is_of_pull_request(record, options.pr)


def durations(records: list[Row], options: Options) -> tuple[float, ...]:
    """Seconds from the creation to the end of each successful deployment of the kind that this run starts."""
    found = []
    for record in records:
        same_kind = bool(record.get("restart_only")) == (options.command is Command.RESTART)
        if record.get("status") != "finished" or not same_kind or not is_of_pull_request(record, options.pr):
            continue
        created, ended = moment(record.get("created_at")), moment(record.get("finished_at"))
        if created and ended and ended > created:
            found.append((ended - created).total_seconds())
    return tuple(found)


def started_by(record: Row, *, marked: bool) -> str:
    """Who started a deployment, as the beginning of a sentence.

    `marked`: this version marks what the API has started.
    """
    if record.get("is_webhook"):
        return "a webhook started"
    if record.get("is_api"):
        return "somebody started through the API"
    return "somebody started in Coolify" if marked else "somebody started in Coolify or through its API"


def adopt_oldest(records: list[Row], target: str, pages: str, *, marked: bool) -> Started | None:
    """The oldest of these records, as what a trigger without a response has started; None if there is none.

    It is certainly ours only if it is the only one, and the version marks what the API has started;
    otherwise, it is never cancelled. `pages`: the base URL of Coolify's pages.
    """
    if not records:
        return None
    oldest = min(records, key=record_id)
    certain = len(records) == 1 and marked
    handle = Handle(
        target,
        str(oldest.get("deployment_uuid")),
        owner=Owner.OURS if certain else Owner.UNSURE,
        link=page_of(oldest, pages),
    )
    if len(records) > 1:
        return Started((handle,), "several were started at once: the oldest is followed")
    if not marked:
        note = "found on the server; this version of Coolify does not say who started it"
        return Started((handle,), note)
    return Started((handle,), "found on the server")
