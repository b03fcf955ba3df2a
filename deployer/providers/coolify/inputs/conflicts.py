"""Which of Coolify's inputs can't stand together (architecture 2.2), said under the names that the user typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from deployer.providers.coolify.changes import application_settings, envs
from deployer.providers.coolify.inputs import parsers
from deployer.settings import RawInputs

CHANGES = ("image", "env", "env_file", "settings", "commit")
"""The inputs that change something on the server before it deploys."""

NEEDED = {"name": "to know what the application is called", "image": "to know what it runs"}
OF_NEW = ("name", "project", "environment", "server", "destination", "domains", "ports")
NAMING = {
    "uuid": "the application is found by its `name`",
    "tag": "the application is found by its `name`",
    "webhook": "it names what is there already; give `coolify_url`",
    "pr": "a preview needs an application that is there",
    "docker_tag": "a preview needs an application that is there",
}
"""What `create` stands in the place of."""


def contradictions(raw: RawInputs) -> list[str]:
    """What can't stand together (architecture 2.2)."""
    said = {
        name: raw.as_typed(name)
        for name in ("uuid", "tag", "pr", "docker_tag", "instant_deploy", "command", "webhook")
    }
    by_tag = "tag" in raw or (
        "webhook" in raw and "uuid" not in raw and bool(re.search(r"[?&]tag=", raw.text("webhook")))
    )
    command = raw.text("command").lower() or "deploy"
    tagged = said["tag"] if "tag" in raw else said["webhook"]
    instant = raw.is_on("instant_deploy")
    two = "tag" in raw and "uuid" not in raw and bool(re.search(r"[?&]uuid=", raw.text("webhook")))
    rows = (
        (two, f"{said['webhook']} and {said['tag']} can't both be given"),
        ("uuid" in raw and "tag" in raw, f"{said['uuid']} and {said['tag']} can't both be given"),
        (by_tag and "pr" in raw, f"{said['pr']} needs one application's uuid, not a tag"),
        (
            by_tag and command not in {"deploy", "check"},
            f"{said['command']}: {command} needs uuids: Coolify can only deploy by tag ({tagged})",
        ),
        (
            "docker_tag" in raw and "pr" not in raw,
            f"{said['docker_tag']} needs `pr`: it is the image tag of a preview",
        ),
        (instant and by_tag, f"{said['instant_deploy']} can't be done by tag"),
        (
            instant and "pr" in raw,
            f"{said['instant_deploy']} can't be done with `pr` or `docker_tag`: Coolify would deploy the application itself",
        ),
        (
            "pr" in raw and command == "restart",
            f"{said['command']}: restart can't be done with `pr`: Coolify would restart the application itself",
        ),
    )
    contrary = [sentence for wrong, sentence in rows if wrong] + _rollback_mistakes(raw, command)
    return contrary + _change_mistakes(raw, command, by_tag=by_tag) + _create_mistakes(raw, command)


def _rollback_mistakes(raw: RawInputs, command: str) -> list[str]:
    """What nothing can be gone back from, and what a way back has no use for."""
    said = {
        name: raw.as_typed(name) for name in ("rollback", "pr", "docker_tag", "instant_deploy", "command")
    }
    asked = command == "rollback"
    rows = (
        (
            raw.is_on("rollback") and "pr" in raw,
            f"{said['rollback']} can't be done with `pr`: Coolify keeps nothing of a preview",
        ),
        (
            asked and "pr" in raw,
            f"{said['command']}: rollback can't be done with `pr`: Coolify keeps nothing of a preview",
        ),
        (
            asked and raw.is_on("instant_deploy"),
            f"{said['command']}: rollback can't be done with `instant_deploy`: Coolify can't do both at once",
        ),
    )
    return [sentence for wrong, sentence in rows if wrong]


def _create_mistakes(raw: RawInputs, command: str) -> list[str]:
    """What belongs to a new application, and what can't be one."""
    said = {name: raw.as_typed(name) for name in ("create", "image", "name", *NAMING)}
    if not raw.is_on("create"):
        return [f"{raw.as_typed(name)} is nothing without `create: true`" for name in OF_NEW if name in raw]
    rows = (
        *(
            (name not in raw, f"{said[name]} is missing: {said['create']} needs {why}")
            for name, why in NEEDED.items()
        ),
        *(
            (name in raw, f"{said['create']} and {said[name]} can't both be given: {why}")
            for name, why in NAMING.items()
        ),
        (
            raw.text("image").strip().startswith(":"),
            f"{said['image']} must name the whole image, such as name:tag: {said['create']} can't tell to what a tag alone belongs",
        ),
        (
            command not in {"deploy", "start", "check"},
            f"{said['create']} is done before a deployment, and `command: {command}` makes none",
        ),
    )
    return [sentence for wrong, sentence in rows if wrong]


def _change_mistakes(raw: RawInputs, command: str, *, by_tag: bool) -> list[str]:
    """What can't stand together where something is to be changed."""
    said = {name: raw.as_typed(name) for name in (*CHANGES, "pr", "command")}
    changing = [name for name in CHANGES if name in raw]
    makes_none = command in {"stop", "restart", "cancel"}
    beside = [name for name in changing if name in {"env", "env_file", "settings"} and command == "rollback"]
    rows = [
        *((by_tag, f"{said[name]} can't be set by tag: give the uuids") for name in changing),
        *(
            (makes_none, f"{said[name]} is set before a deployment, and `command: {command}` makes none")
            for name in changing
        ),
        *(
            (
                True,
                f"{said[name]} can't be set with `command: rollback`: only an image or a commit is put back",
            )
            for name in beside
        ),
        ("image" in raw and "commit" in raw, f"{said['image']} and {said['commit']} can't both be given"),
        (
            "image" in raw and "pr" in raw,
            f"{said['image']} would change the application itself: a preview's tag is `docker_tag`",
        ),
        (
            "commit" in raw and "pr" in raw,
            f"{said['commit']} would pin the application itself: a preview builds its pull request",
        ),
    ]
    return [sentence for wrong, sentence in rows if wrong] + _overlaps(raw)


def _overlaps(raw: RawInputs) -> list[str]:
    """What two inputs would both set."""
    said = {
        name: raw.as_typed(name) for name in ("settings", "env", "env_file", *application_settings.OF_INPUTS)
    }
    others = [
        name
        for name in application_settings.OF_INPUTS
        if (raw.is_on(name) if name == "create" else name in raw)
    ]
    doubles = application_settings.overlaps(_read(raw, "settings", application_settings.settings), others)
    twice = sorted({*_read(raw, "env_file", parsers.env_file)} & {*_read(raw, "env", envs.parse)})
    sentences = [f"{said['settings']} must not hold `{name}`: {said[each]} sets it" for name, each in doubles]
    if twice:
        sentences.append(
            f"{', '.join(twice[: envs.MAX_LISTED_ERRORS])}: given in {said['env']} and in {said['env_file']}; which one is meant?"
        )
    return sentences


def _read(raw: RawInputs, name: str, reader: Callable[[str], Mapping[str, Any]]) -> Mapping[str, Any]:
    """What an input holds; nothing where it can't be read, which is told elsewhere."""
    try:
        return reader(raw.text(name)) if name in raw else {}
    except ValueError:
        return {}
