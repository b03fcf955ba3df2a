"""What a token may do, found out without touching anything (coolify-api 2), for `command: check` and `dry_run`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from deployer.http import Reply
from deployer.model import Command, Right
from deployer.providers.coolify import acts, answers, known
from deployer.providers.coolify.acts import APPLICATION, TAG, Act
from deployer.providers.coolify.api import Api
from deployer.providers.coolify.known import Known
from deployer.providers.coolify.survey import Survey
from deployer.providers.coolify.wish import Wish

NEW = "new"
"""In the place of the uuid that an application only has once it is made: the right is asked for before the application."""


PROBED = ("You must provide uuid or tag.", "Invalid request.")
"""What Coolify answers to a probe of an ability that the token has (coolify-api 2)."""


def rights(survey: Survey, *, writes: str) -> tuple[Right, ...]:
    """Every ability, whether it is there, and what it is for. `writes`: what something must be changed for, if it must."""
    api, wish, version, targets = survey.api, survey.wish, survey.version, survey.known
    needed = {acts.abilities(seen.kind, wish, version) for seen in targets.values()} or {"deploy"}
    if wish.command is Command.CANCEL:
        needed = {"deploy"}
    purpose = "to change an application; not needed here"
    if writes:
        purpose = writes
    elif "write" in needed:
        purpose = "for this command on this version of Coolify"
    needed |= {"write"} if writes else set()
    remedy = f"Make a new one: {answers.boxes('write' if 'write' in needed else '')}"
    sensitive = next((seen.sensitive for seen in targets.values() if seen.sensitive is not None), None)
    return (
        Right("read", not survey.blind, "to follow what was started", needed=wish.wait, remedy=remedy),
        Right("read:sensitive", sensitive, "to show build logs and why a deployment failed"),
        Right("deploy", may_deploy(api), "to start, restart, stop and cancel", needed="deploy" in needed, remedy=remedy),
        Right("write", may_write(api, targets), purpose, needed="write" in needed, remedy=remedy),
    )


def may_deploy(api: Api) -> bool | None:
    """`POST /deploy` without parameters: 400 says yes, 403 says no, and nothing is started."""
    return _told(api.send("POST", "/deploy"))


def may_write(api: Api, targets: dict[str, Known]) -> bool | None:
    """`PATCH` with an empty object: 400 says yes, 403 says no, and nothing is changed."""
    uuid = next(
        (NEW if seen.missing else uuid for uuid, seen in targets.items() if seen.kind != TAG), None
    )  # the right is asked for before the kind
    return None if uuid is None else _told(api.send("PATCH", f"/applications/{quote(uuid, safe='')}", body={}))


def intent(act: Act, seen: Known, wish: Wish, changed: dict[str, Any]) -> tuple[str, ...]:
    """PURE. What would be sent, and what that would do. `changed`: the fields that would be changed before it."""
    if not seen.checked:
        return (f"the token may not read, so that nobody can tell whether {act.target} is there",)
    query = "&".join(f"{name}={value}" for name, value in act.params.items())
    what = f": {known.described({**seen.row, **changed})}" if act.kind == APPLICATION and wish.deploys and not wish.pr else ""
    sentences = [f"would {act.says}{what} ({act.method} {act.path}{f'?{query}' if query else ''})"]
    if act.kind == TAG:
        names = ", ".join(member.label for member in seen.members or ())
        unknown = "not known before Coolify 4.0.0-beta.461" if seen.members is None else "none"
        sentences.append(f"applications that carry it: {names or unknown}; what services do, Coolify does not tell")
    return (*sentences, *([act.note] if act.note else []))


def _told(reply: Reply) -> bool | None:
    if reply.status == 400 and answers.message(reply) in PROBED:
        return True
    if answers.is_missing(reply):
        return True
    if answers.lacks(reply, ""):
        return False
    answers.answered(reply)
    return None
