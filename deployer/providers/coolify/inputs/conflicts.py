"""Inputs of Coolify that can't be combined (architecture 2.2), under the names that the user typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from deployer.providers.coolify.changes import application_settings, envs
from deployer.providers.coolify.inputs import parsers
from deployer.settings import RawInputs

CHANGES = ("image", "env", "env_file", "settings", "commit")
"""The inputs that change something on the server before the deployment."""

CREATE_NEEDS = {"name": "the name of the application", "image": "the image to run"}
"""The inputs that `create` requires, and what each of them is."""

ONLY_FOR_CREATE = ("name", "project", "environment", "server", "destination", "domains", "ports")
NOT_WITH_CREATE = {
    "uuid": "the application is found by its `name`",
    "tag": "the application is found by its `name`",
    "webhook": "it names an existing application; set `coolify_url`",
    "pr": "a preview needs an existing application",
    "docker_tag": "a preview needs an existing application",
}
"""The inputs that `create` can't be combined with, and why."""

NOT_ROLLED_BACK = ("env", "env_file", "settings")
DEPLOYS_NOTHING = ("stop", "restart", "cancel")
"""Commands without a deployment, for which nothing can be changed beforehand."""


def find_conflicts(raw: RawInputs) -> list[str]:
    """One sentence for each conflict."""
    command = raw.text("command").lower() or "deploy"
    by_tag = "tag" in raw or ("uuid" not in raw and _webhook_has(raw, "tag"))
    return [
        *_targets(raw, command, by_tag=by_tag),
        *_rollback(raw, command),
        *_changes(raw, command, by_tag=by_tag),
        *_overlaps(raw),
        *_create(raw, command),
    ]


def _webhook_has(raw: RawInputs, parameter: str) -> bool:
    """Whether the Deploy Webhook URL has this parameter."""
    return bool(re.search(rf"[?&]{parameter}=", raw.text("webhook")))


def _targets(raw: RawInputs, command: str, *, by_tag: bool) -> Iterator[str]:
    """What is deployed, and what is not possible with it."""
    typed = raw.as_typed
    if "tag" in raw and "uuid" not in raw and _webhook_has(raw, "uuid"):
        yield f"{typed('webhook')} and {typed('tag')} can't be combined. Remove one"
    if "uuid" in raw and "tag" in raw:
        yield f"{typed('uuid')} and {typed('tag')} can't be combined. Remove one"
    if by_tag and "pr" in raw:
        yield f"{typed('pr')} can't be combined with a tag. Set the application's uuid"
    if by_tag and command not in {"deploy", "check"}:
        source = typed("tag") if "tag" in raw else typed("webhook")
        yield f"{typed('command')}: {command} requires uuids: Coolify only deploys by tag ({source})"
    if "docker_tag" in raw and "pr" not in raw:
        yield f"{typed('docker_tag')} requires `pr`: it is the image tag of a preview"
    if raw.is_on("instant_deploy") and by_tag:
        yield f"{typed('instant_deploy')} can't be combined with a tag"
    if raw.is_on("instant_deploy") and "pr" in raw:
        yield (
            f"{typed('instant_deploy')} can't be combined with `pr` or `docker_tag`: "
            "Coolify would deploy the application itself"
        )
    if "pr" in raw and command == "restart":
        yield (
            f"{typed('command')}: restart can't be combined with `pr`: "
            "Coolify would restart the application itself"
        )


def _rollback(raw: RawInputs, command: str) -> Iterator[str]:
    """What can't be rolled back, automatically or by `command: rollback`."""
    typed = raw.as_typed
    reason = "Coolify keeps no earlier version of a preview"
    if raw.is_on("rollback") and "pr" in raw:
        yield f"{typed('rollback')} can't be combined with `pr`: {reason}"
    if command == "rollback" and "pr" in raw:
        yield f"{typed('command')}: rollback can't be combined with `pr`: {reason}"
    if command == "rollback" and raw.is_on("instant_deploy"):
        yield f"{typed('command')}: rollback can't be combined with `instant_deploy`. Remove one"


def _create(raw: RawInputs, command: str) -> Iterator[str]:
    """What a new application needs, and what it can't be combined with."""
    typed = raw.as_typed
    if not raw.is_on("create"):
        for name in ONLY_FOR_CREATE:
            if name in raw:
                yield f"{typed(name)} requires `create: true`"
        return
    for name, what in CREATE_NEEDS.items():
        if name not in raw:
            yield f"{typed(name)} is missing: {typed('create')} requires {what}"
    for name, reason in NOT_WITH_CREATE.items():
        if name in raw:
            yield f"{typed('create')} and {typed(name)} can't be combined: {reason}"
    if raw.text("image").strip().startswith(":"):
        yield f"{typed('image')} must be a complete image, such as name:tag, with {typed('create')}"
    if command not in {"deploy", "start", "check"}:
        yield f"{typed('create')} can't be combined with `command: {command}`, which deploys nothing"


def _changes(raw: RawInputs, command: str, *, by_tag: bool) -> Iterator[str]:
    """Changes that the target or the command does not allow."""
    typed = raw.as_typed
    changes = [name for name in CHANGES if name in raw]
    if by_tag:
        for name in changes:
            yield f"{typed(name)} can't be combined with a tag. Set the uuids"
    if command in DEPLOYS_NOTHING:
        for name in changes:
            yield f"{typed(name)} can't be combined with `command: {command}`, which deploys nothing"
    if command == "rollback":
        for name in (each for each in changes if each in NOT_ROLLED_BACK):
            yield (
                f"{typed(name)} can't be combined with `command: rollback`: "
                "only an image or a commit is rolled back"
            )
    if "image" in raw and "commit" in raw:
        yield f"{typed('image')} and {typed('commit')} can't be combined. Remove one"
    if "image" in raw and "pr" in raw:
        yield f"{typed('image')} would change the application itself. For a preview, set `docker_tag`"
    if "commit" in raw and "pr" in raw:
        yield (
            f"{typed('commit')} would pin the application itself: a preview builds its pull request. "
            f"Remove {typed('commit')}"
        )


def _overlaps(raw: RawInputs) -> Iterator[str]:
    """Fields and variables that two inputs would both set."""
    typed = raw.as_typed
    inputs = [
        name
        for name in application_settings.SET_BY_INPUTS
        if (raw.is_on(name) if name == "create" else name in raw)
    ]
    fields = _read(raw, "settings", application_settings.settings)
    for name, each in application_settings.overlaps(fields, inputs):
        yield f"{typed('settings')} must not contain `{name}`, which {typed(each)} sets"
    twice = sorted({*_read(raw, "env_file", parsers.env_file)} & {*_read(raw, "env", envs.parse)})
    if twice:
        keys = ", ".join(twice[: envs.MAX_LISTED_ERRORS])
        yield f"{keys}: set in both {typed('env')} and {typed('env_file')}. Remove one"


def _read(raw: RawInputs, name: str, parse: Callable[[str], Mapping[str, Any]]) -> Mapping[str, Any]:
    """The parsed input; empty if it is invalid, which is reported elsewhere."""
    try:
        return parse(raw.text(name)) if name in raw else {}
    except ValueError:
        return {}
