"""PURE: what the answer to a trigger says, and which row is the one that a lost answer has started (coolify-api 5.1, 5.2, 13)."""

from __future__ import annotations

import re
from typing import Any

from deployer.model import Certainty, Command, Handle, Owner, Rejected, Started, UnavailableError
from deployer.providers.coolify.api.versions import Feature, Version
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.trigger_requests import APPLICATION, TriggerRequest, forced
from deployer.providers.coolify.watching import deployment, resource_status

ALREADY = "Deployment already queued"
ALREADY_QUEUED = "an older deployment of the same commit is still going, and Coolify starts no second one"
NO_PREVIEW = re.compile(
    r"Pull request \d+ not found for this resource\.|No query results for model \[.*ApplicationPreview\]\."
)
STARTED = re.compile(r"(Service|Database) (.*) started\..*", re.DOTALL)
QUEUED = re.compile(
    r"(Application|Service|Database) (starting|restarting|stopping) request queued\.|Preview deletion request queued\."
)
REFUSALS = re.compile(r"Unauthorized to .*|docker_tag can only be used with .*", re.DOTALL)
"""What Coolify says in a 200 of what it has not started, beside `NO_PREVIEW` (coolify-api 5.1)."""

UNCHECKED = "with a full queue Coolify answers the same and starts nothing; the token may not read, so nobody can tell"
UNREADABLE = "Coolify's answer to the trigger has another shape than all known versions give it"
UNNAMED = "Coolify's response to the trigger names no deployment"
ABSENT = "Coolify's response to the trigger does not name {}"
PREVIEW_GOES = "Coolify deletes the preview in the background, and no answer of its API tells when it is gone"


def parse_accepted(data: Any, done: TriggerRequest, options: Options, *, blind: bool) -> Started | Rejected:
    """What was started for this target. `blind`: nothing can be looked at later.

    Raises UnavailableError for a response that neither accepts nor refuses in Coolify's own words: it may have started something.
    """
    item = _listed(data, done.target) if done.is_bulk else data
    if not isinstance(item, dict) or not isinstance(item.get("message"), str):
        raise doubtful(UNREADABLE)
    text, uuid = item["message"], item.get("deployment_uuid")
    if text.startswith(ALREADY):
        return Started(() if blind else (Handle(done.target, "", Certainty.PHANTOM),), ALREADY_QUEUED)
    if isinstance(uuid, str) and uuid:
        return _deployment(done, uuid, blind=blind)
    if uuid is not None:
        raise doubtful("Coolify's answer to the trigger names a deployment in no way that we know")
    if QUEUED.fullmatch(text) and done.method == "DELETE":
        return Started((), PREVIEW_GOES)
    if STARTED.fullmatch(text) or (
        QUEUED.fullmatch(text) and (done.kind != APPLICATION or options.command is Command.STOP)
    ):
        return _status(done, text, options, blind=blind)
    if NO_PREVIEW.fullmatch(text) or REFUSALS.fullmatch(text):
        return Rejected(f"{split_message(text)}{_remedy(text, options)}")
    raise doubtful(f"{UNNAMED} ({text})" if text else UNNAMED)


def doubtful(what: str) -> UnavailableError:
    """A good status whose content says nothing that we know: counted like a failure of the server's own."""
    return UnavailableError(what, may_have_arrived=True, from_server=True, server_error=what)


def _listed(data: Any, target: str) -> Any:
    """The part of the answer of `/deploy` that is about this target. It was found before: that none is, is no refusal."""
    items = data.get("deployments") if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise doubtful(UNREADABLE)
    for item in items:
        if isinstance(item, dict) and item.get("resource_uuid") == target:
            return item
    raise doubtful(ABSENT.format(target))


def _deployment(done: TriggerRequest, uuid: str, *, blind: bool) -> Started:
    """Only `/deploy` says so when the queue is full; what `/start` and `/restart` name may not exist (coolify-api 5.2)."""
    says_so = done.is_bulk or done.body is not None  # the rollback call does, too (coolify-api 5.3)
    if says_so or blind:
        return Started((Handle(done.target, uuid),), "" if says_so else UNCHECKED)
    return Started((Handle(done.target, uuid, Certainty.UNCONFIRMED),))


def _status(done: TriggerRequest, text: str, options: Options, *, blind: bool) -> Started:
    """There is no deployment to follow, but a status."""
    if blind:
        unpulled = " Nothing newer was pulled," if done.is_bulk else " The token may not read,"
        return Started((), f"Coolify says: {text}{unpulled} and there is no deployment to follow")
    aspect = resource_status.STOPPED if options.command is Command.STOP else resource_status.RUNNING
    return Started((Handle(done.target, "", condition=aspect),), done.note)


def split_message(text: str) -> str:
    """The server's own words."""
    return f"Coolify says: {text}"


def _remedy(text: str, options: Options) -> str:
    return f" {no_preview(options)}" if NO_PREVIEW.fullmatch(text) else ""


def no_preview(options: Options) -> str:
    """What to do about a preview that is not there."""
    return (
        f"There is no preview of pull request {options.pr}: Coolify makes one when the pull request is opened and Preview Deployments "
        "are switched on; of a Docker-image application `docker_tag` makes one"
    )


def matches_ours(row: dict[str, Any], options: Options, version: Version) -> bool:
    """Architecture, rule 7. Where the server marks nothing as the API's, all that no webhook made."""
    by_api = row.get("is_api") or (not version.has(Feature.MARKS_API) and not row.get("is_webhook"))
    same_kind = bool(row.get("restart_only")) == (options.command is Command.RESTART)
    return (
        bool(by_api)
        and same_kind
        and (row.get("pull_request_id") or 0) == options.pr
        and bool(row.get("force_rebuild")) == forced(options, version)
    )


def adopt_oldest(found: list[dict[str, Any]], target: str, base: str, *, marked: bool) -> Started | None:
    """The oldest of the rows. Surely ours only if it is the one row, and marked; otherwise it is never cancelled."""
    if not found:
        return None
    first, unsure = min(found, key=record_id), len(found) > 1 or not marked
    handle = Handle(
        target,
        str(first.get("deployment_uuid")),
        owner=Owner.UNSURE if unsure else Owner.OURS,
        link=deployment.page_of(first, base),
    )
    if len(found) > 1:
        return Started((handle,), "several were started at once: the oldest is followed")
    return Started(
        (handle,),
        "found on the server"
        if marked
        else "found on the server; this version of Coolify does not say who started it",
    )


def started_by(row: dict[str, Any], *, marked: bool) -> str:
    """Who started a deployment, as far as its row says so. `marked`: this version marks what the API has started."""
    if row.get("is_webhook"):
        return "a webhook started"
    if row.get("is_api"):
        return "somebody started through the API"
    return "somebody started in Coolify" if marked else "somebody started in Coolify or through its API"


def record_id(row: dict[str, Any]) -> int:
    """The row's `id`, which grows with time; clocks are never compared."""
    value = row.get("id")
    return value if isinstance(value, int) else 0
