"""What a token may do, found out without touching anything (coolify-api 2), for `command: check` and `dry_run`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from deployer.http.client import Response
from deployer.model import Ability, Command
from deployer.providers.coolify import resources, trigger_requests
from deployer.providers.coolify.api import responses
from deployer.providers.coolify.api.client import Client
from deployer.providers.coolify.lookup import Lookup
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.trigger_requests import APPLICATION, TAG, TriggerRequest

NEW = "new"
"""In the place of the uuid that an application only has once it is made: the right is asked for before the application."""


PROBED = ("You must provide uuid or tag.", "Invalid request.")
"""What Coolify answers to a probe of an ability that the token has (coolify-api 2)."""


def abilities(lookup: Lookup, *, writes: str) -> tuple[Ability, ...]:
    """Every ability, whether it is there, and what it is for. `writes`: what something must be changed for, if it must."""
    api, options, version, targets = lookup.api, lookup.options, lookup.version, lookup.resources
    needed = {trigger_requests.abilities(seen.kind, options, version) for seen in targets.values()} or {
        "deploy"
    }
    if options.command is Command.CANCEL:
        needed = {"deploy"}
    purpose = "to change an application; not needed here"
    if writes:
        purpose = writes
    elif "write" in needed:
        purpose = "for this command on this version of Coolify"
    needed |= {"write"} if writes else set()
    remedy = f"Make a new one: {responses.token_abilities_hint('write' if 'write' in needed else '')}"
    sensitive = next((seen.sensitive for seen in targets.values() if seen.sensitive is not None), None)
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
        Ability("write", can_write(api, targets), purpose, needed="write" in needed, remedy=remedy),
    )


def can_deploy(api: Client) -> bool | None:
    """`POST /deploy` without parameters: 400 says yes, 403 says no, and nothing is started."""
    return _told(api.send("POST", "/deploy"))


def can_write(api: Client, targets: dict[str, Resource]) -> bool | None:
    """`PATCH` with an empty object: 400 says yes, 403 says no, and nothing is changed."""
    uuid = next(
        (NEW if seen.missing else uuid for uuid, seen in targets.items() if seen.kind != TAG), None
    )  # the right is asked for before the kind
    return (
        None if uuid is None else _told(api.send("PATCH", f"/applications/{quote(uuid, safe='')}", body={}))
    )


def describe(
    act: TriggerRequest, seen: Resource, options: Options, changed: dict[str, Any]
) -> tuple[str, ...]:
    """PURE. What would be sent, and what that would do. `changed`: the fields that would be changed before it."""
    if not seen.is_resolved:
        return (f"the token may not read, so that nobody can tell whether {act.target} is there",)
    query = "&".join(f"{name}={value}" for name, value in act.params.items())
    what = (
        f": {resources.description({**seen.row, **changed})}"
        if act.kind == APPLICATION and options.deploys and not options.pr
        else ""
    )
    sentences = [f"would {act.summary}{what} ({act.method} {act.path}{f'?{query}' if query else ''})"]
    if act.kind == TAG:
        names = ", ".join(member.label for member in seen.members or ())
        unknown = "not known before Coolify 4.0.0-beta.461" if seen.members is None else "none"
        sentences.append(
            f"applications that carry it: {names or unknown}; what services do, Coolify does not tell"
        )
    return (*sentences, *([act.note] if act.note else []))


def _told(response: Response) -> bool | None:
    if response.status == 400 and responses.message(response) in PROBED:
        return True
    if responses.is_not_found(response):
        return True
    if responses.lacks_ability(response, ""):
        return False
    responses.answered(response)
    return None
