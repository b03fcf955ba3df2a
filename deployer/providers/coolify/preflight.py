"""What a token may do, and what a run would do: for `command: check` and `dry_run` (coolify-api 2).

Nothing is changed on the server.
"""

from __future__ import annotations

from urllib.parse import quote

from deployer.http.client import Response
from deployer.model import Ability, Command
from deployer.providers.coolify import resources
from deployer.providers.coolify.api import responses
from deployer.providers.coolify.api.client import Client
from deployer.providers.coolify.lookup import Lookup
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.triggering import trigger_requests
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, TAG, TriggerRequest
from deployer.providers.payload import Row

NEW = "new"
"""Stands for the uuid of an application that is still to be created.

Coolify checks the ability before it looks for the application.
"""

ABILITY_GRANTED = ("You must provide uuid or tag.", "Invalid request.")
"""Coolify's response to a request that lacks everything but the ability (coolify-api 2)."""


def abilities(lookup: Lookup, *, writes_for: str) -> tuple[Ability, ...]:
    """Every ability, whether the token has it, and what it is for.

    `writes_for`: what something on the server must be changed for; empty if nothing is changed.
    """
    api, options, targets = lookup.api, lookup.options, lookup.resources
    needed = _needed(lookup)
    write_purpose = "to change an application; not needed here"
    if writes_for:
        write_purpose = writes_for
        needed.add("write")
    elif "write" in needed:
        write_purpose = "for this command on this version of Coolify"
    hint = responses.token_abilities_hint("write" if "write" in needed else "")
    remedy = f"Make a new one: {hint}"
    shown = [each.shows_sensitive for each in targets.values()]
    sensitive = next((each for each in shown if each is not None), None)
    return (
        Ability(
            "read",
            not lookup.write_only_token,
            "to follow what was started",
            needed=options.wait,
            remedy=remedy,
        ),
        Ability("read:sensitive", sensitive, "to show build logs and why a deployment failed"),
        Ability(
            "deploy",
            can_deploy(api),
            "to start, restart, stop and cancel",
            needed="deploy" in needed,
            remedy=remedy,
        ),
        Ability("write", can_write(api, targets), write_purpose, needed="write" in needed, remedy=remedy),
    )


def _needed(lookup: Lookup) -> set[str]:
    """The abilities that the command needs, without changes."""
    options, version = lookup.options, lookup.version
    if options.command is Command.CANCEL:
        return {"deploy"}
    kinds = [resource.kind for resource in lookup.resources.values()]
    return {trigger_requests.required_ability(kind, options, version) for kind in kinds} or {"deploy"}


def can_deploy(api: Client) -> bool | None:
    """Whether the token has `deploy`; None if unknown.

    `POST /deploy` without parameters: 400 means yes, 403 means no, and nothing is started.
    """
    return _is_granted(api.send("POST", "/deploy"))


def can_write(api: Client, targets: dict[str, Resource]) -> bool | None:
    """Whether the token has `write`; None if unknown, or if there are only tags.

    `PATCH` with an empty object: 400 means yes, 403 means no, and nothing is changed. Coolify checks the
    ability before the kind of resource.
    """
    for uuid, resource in targets.items():
        if resource.kind != TAG:
            path = f"/applications/{quote(NEW if resource.missing else uuid, safe='')}"
            return _is_granted(api.send("PATCH", path, body={}))
    return None


def _is_granted(response: Response) -> bool | None:
    if response.status == 400 and responses.message(response) in ABILITY_GRANTED:
        return True
    if responses.is_not_found(response):
        return True
    if responses.lacks_ability(response, ""):
        return False
    responses.read_json_or_raise(response)
    return None


def describe(request: TriggerRequest, resource: Resource, options: Options, changed: Row) -> tuple[str, ...]:
    """PURE. What would be sent, and what that would do, as sentences.

    `changed`: the fields that would be changed before.
    """
    if not resource.is_resolved:
        return (f"the token may not read, so it is unknown whether {request.target} exists",)
    what = request.summary
    if request.kind == APPLICATION and options.deploys and not options.pr:
        what += f": {resources.description({**resource.row, **changed})}"
    endpoint = f"{request.method} {request.path}"
    if request.params:
        endpoint += "?" + "&".join(f"{name}={value}" for name, value in request.params.items())
    sentences = [f"would {what} ({endpoint})"]
    if request.kind == TAG:
        members = "unknown before Coolify 4.0.0-beta.461"
        if resource.members is not None:
            members = ", ".join(member.label for member in resource.members) or "none"
        sentences.append(f"applications with the tag: {members}; Coolify does not list services by tag")
    if request.note:
        sentences.append(request.note)
    return tuple(sentences)
