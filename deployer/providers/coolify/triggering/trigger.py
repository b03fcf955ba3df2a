"""PURE: what the response to a trigger means (coolify-api 5.1, 5.2, 5.3, 13)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from deployer.http.client import Response, retry_after
from deployer.model import (
    AlreadyDone,
    Certainty,
    Command,
    Handle,
    Rejected,
    RetryLater,
    Started,
    UnavailableError,
)
from deployer.providers.coolify.api import responses
from deployer.providers.coolify.api.authentic import QUEUE_FULL, RATE_LIMITED
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.changes import apply
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.resources import TagResponse
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, TAG, TriggerRequest
from deployer.providers.coolify.watching import resource_status

QUEUE_FULL_RETRY_SECONDS = 60.0
"""How long to wait before the next trigger if Coolify does not say."""

SKIPPED = "Deployment already queued"
"""How the message begins if Coolify has skipped the deployment."""

ALREADY_QUEUED = (
    "an older deployment of the same commit is still in progress, and Coolify does not start a second one"
)
NO_PREVIEW = re.compile(
    r"Pull request \d+ not found for this resource\.|No query results for model \[.*ApplicationPreview\]\."
)
STARTED = re.compile(r"(Service|Database) (.*) started\..*", re.DOTALL)
QUEUED = re.compile(
    r"(Application|Service|Database) (starting|restarting|stopping) request queued\."
    r"|Preview deletion request queued\."
)
REFUSALS = re.compile(r"Unauthorized to .*|docker_tag can only be used with .*", re.DOTALL)
"""Messages in a 200 about what Coolify has not started, besides `NO_PREVIEW` (coolify-api 5.1)."""

NOTHING_STARTED = re.compile(r"No resources found for tag .*|Unauthorized to .*", re.DOTALL)
"""Messages in a 200 if nothing with the tag was started (coolify-api 5.1)."""

UNVERIFIABLE = (
    "Coolify responds the same if its queue is full and nothing was started; "
    "the token may not read, so that can't be checked"
)
UNRECOGNIZED = "unrecognized response to the trigger (unknown format)"
UNRECOGNIZED_UUID = "unrecognized response to the trigger (unknown deployment_uuid format)"
NAMES_NOTHING = "Coolify's response to the trigger names no deployment"
DOES_NOT_NAME = "Coolify's response to the trigger does not name {}"
PREVIEW_DELETION = (
    "Coolify deletes the preview in the background; its API does not tell when the preview is gone"
)


def read(
    response: Response,
    request: TriggerRequest,
    options: Options,
    version: Version,
    *,
    write_only_token: bool,
) -> Started | AlreadyDone | RetryLater | Rejected | TagResponse:
    """What the response to a trigger means; for a tag that was started, what the response names.

    `write_only_token`: the token may not read, so that nothing can be polled or checked later.

    Raises RefusedError if the request was refused, and UnavailableError for a response that does not say what
    was started; with `may_have_arrived` unless nothing can have been.
    """
    if nothing_started := _nothing_started(response, request, options):
        return nothing_started
    if response.status == 422 and request.body:
        apply.json_or_raise(response, request.body, version, "the rollback")
    data = responses.json_or_raise(response)
    if request.kind == TAG:
        return parse_tag(data)
    result = parse_accepted(data, request, options, write_only_token=write_only_token)
    if isinstance(result, Started) and not result.note:
        return replace(result, note=request.note)
    return result


def _nothing_started(
    response: Response, request: TriggerRequest, options: Options
) -> AlreadyDone | RetryLater | Rejected | None:
    """What an error response means that has started nothing; None for every other response."""
    text = responses.message(response)
    if response.status == 429 and text.startswith(QUEUE_FULL):
        return _queue_full(response, request)
    if response.status == 429 and text == RATE_LIMITED:
        raise responses.rate_limited(text, retry_after(response) or QUEUE_FULL_RETRY_SECONDS)
    if is_full(response.status, text):
        return RetryLater(QUEUE_FULL_RETRY_SECONDS, quote_message(text), queue_full=True)
    if response.status == 400 and (note := resource_status.already_in_state(request.kind, text)):
        return AlreadyDone(note)
    return _not_found(response, request, options) if response.status == 404 else None


def is_full(status: int, text: str) -> bool:
    """Whether the queue is full, as the rollback endpoint reports it: with a 400 (coolify-api 5.3)."""
    return status == 400 and text.startswith(QUEUE_FULL)


def _queue_full(response: Response, request: TriggerRequest) -> RetryLater:
    """Raises UnavailableError for a tag, which must not be triggered again.

    The applications before the one for which there was no room were queued (coolify-api 5.1).
    """
    reason = quote_message(responses.message(response))
    if request.kind == TAG:
        raise UnavailableError(reason, may_have_arrived=True, from_server=True)
    return RetryLater(retry_after(response) or QUEUE_FULL_RETRY_SECONDS, reason, queue_full=True)


def _not_found(
    response: Response, request: TriggerRequest, options: Options
) -> AlreadyDone | Rejected | None:
    """What a 404 means that is not about the resource itself; None for every other."""
    text = responses.message(response)
    if request.method == "DELETE" and text == "Preview not found.":
        return AlreadyDone(f"there is no preview of pull request {options.pr}: nothing to delete")
    if NO_PREVIEW.fullmatch(text):
        fix = "Coolify queued a deployment anyway, which will never run. Cancel it in Coolify"
        return Rejected(f"{no_preview(options)}. {fix}")
    if responses.is_unknown_endpoint(response):
        endpoint = f"{request.method} {request.path}"
        return Rejected(f"this version of Coolify can't {request.summary}: it does not support {endpoint}")
    return None


def parse_accepted(
    data: Any, request: TriggerRequest, options: Options, *, write_only_token: bool
) -> Started | Rejected:
    """What was started for this target, by the JSON of a good response.

    Raises UnavailableError for JSON that neither accepts nor refuses in Coolify's own words: something may
    have been started.
    """
    item = _item_of(data, request.target) if request.is_bulk else data
    if not isinstance(item, dict) or not isinstance(item.get("message"), str):
        raise unrecognized(UNRECOGNIZED)
    text, uuid = item["message"], item.get("deployment_uuid")
    if text.startswith(SKIPPED):
        phantom = Handle(request.target, "", Certainty.PHANTOM)
        return Started(() if write_only_token else (phantom,), ALREADY_QUEUED)
    if isinstance(uuid, str) and uuid:
        return _deployment(request, uuid, write_only_token=write_only_token)
    if uuid is not None:
        raise unrecognized(UNRECOGNIZED_UUID)
    queued = QUEUED.fullmatch(text)
    if queued and request.method == "DELETE":
        return Started((), PREVIEW_DELETION)
    has_status_only = request.kind != APPLICATION or options.command is Command.STOP
    if STARTED.fullmatch(text) or (queued and has_status_only):
        return _condition(request, text, options, write_only_token=write_only_token)
    if NO_PREVIEW.fullmatch(text):
        return Rejected(f"{quote_message(text)} {no_preview(options)}")
    if REFUSALS.fullmatch(text):
        return Rejected(quote_message(text))
    raise unrecognized(f"{NAMES_NOTHING} ({text})" if text else NAMES_NOTHING)


def unrecognized(reason: str) -> UnavailableError:
    """The error for a success response that says nothing we know; counts as an error of the server."""
    return UnavailableError(reason, may_have_arrived=True, from_server=True, server_error=reason)


def _item_of(data: Any, target: str) -> Any:
    """The item about this target in a response of `/deploy`.

    The target exists: if no item is about it, that is not a refusal.
    """
    items = data.get("deployments") if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise unrecognized(UNRECOGNIZED)
    for item in items:
        if isinstance(item, dict) and item.get("resource_uuid") == target:
            return item
    raise unrecognized(DOES_NOT_NAME.format(target))


def _deployment(request: TriggerRequest, uuid: str, *, write_only_token: bool) -> Started:
    """A deployment to follow. What `/start` and `/restart` name may not exist (coolify-api 5.2).

    Only `/deploy` and the rollback endpoint report that the queue is full (coolify-api 5.2, 5.3).
    """
    reports_full_queue = request.is_bulk or request.body is not None
    if reports_full_queue:
        return Started((Handle(request.target, uuid),))
    if write_only_token:
        return Started((Handle(request.target, uuid),), UNVERIFIABLE)
    return Started((Handle(request.target, uuid, Certainty.UNCONFIRMED),))


def _condition(request: TriggerRequest, text: str, options: Options, *, write_only_token: bool) -> Started:
    """There is no deployment to follow, but a condition: running or stopped."""
    if write_only_token:
        detail = "Nothing newer was pulled," if request.is_bulk else "The token may not read,"
        return Started((), f"Coolify says: {text} {detail} and there is no deployment to follow")
    stopping = options.command is Command.STOP
    condition = resource_status.STOPPED if stopping else resource_status.RUNNING
    return Started((Handle(request.target, "", condition=condition),), request.note)


def parse_tag(data: Any) -> TagResponse | Rejected:
    """What was started of a tag, by the JSON of a good response.

    Raises UnavailableError for JSON of another format: something may have been started.
    """
    messages = data.get("message") if isinstance(data, dict) else None
    details = data.get("details", []) if isinstance(data, dict) else None
    if not isinstance(messages, list) or not isinstance(details, list):
        raise unrecognized(UNRECOGNIZED)
    sentences = [each for each in messages if isinstance(each, str)]
    deployments = tuple(
        (str(each["resource_uuid"]), str(each["deployment_uuid"]))
        for each in details
        if isinstance(each, dict) and each.get("resource_uuid") and each.get("deployment_uuid")
    )
    if len(deployments) != len(details):
        raise unrecognized(UNRECOGNIZED)
    matches = [match for each in sentences if (match := STARTED.fullmatch(each))]
    services = tuple(match[2] for match in matches if match[1] == "Service")
    if not deployments and not services:
        if sentences and all(NOTHING_STARTED.fullmatch(each) for each in sentences):
            return Rejected(quote_message(" ".join(sentences)))
        raise unrecognized(f"{NAMES_NOTHING} ({' '.join(sentences)})" if sentences else NAMES_NOTHING)
    refusals = tuple(each for each in sentences if each.startswith("Unauthorized"))
    skipped = any(each.startswith(SKIPPED) for each in sentences)
    return TagResponse(deployments, services, refusals, skipped)


def quote_message(text: str) -> str:
    """The server's own words, as a sentence."""
    return f"Coolify says: {text}"


def no_preview(options: Options) -> str:
    """What to do about a preview that does not exist."""
    return (
        f"There is no preview of pull request {options.pr}: Coolify creates one when the pull request is "
        "opened and Preview Deployments are enabled; for a Docker-image application, `docker_tag` creates one"
    )
