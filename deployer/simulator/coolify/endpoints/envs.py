"""The endpoints for environment variables: the list, many set at once, and one added, changed or deleted (coolify-api 5.9)."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from deployer.simulator.coolify.endpoints.parameters import inputs
from deployer.simulator.coolify.endpoints.payload import (
    Errors,
    invalid,
    mistyped,
    objection,
    payload,
    trimmed,
    unwanted,
)
from deployer.simulator.coolify.render_env import painted, painted_new, uuid_of
from deployer.simulator.coolify.replies import reply
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.deployments import App
from deployer.simulator.coolify.state.resources import Resource
from deployer.simulator.coolify.state.variables import OLD_FLAG, Variable, changed, made, with_copy
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

UNKNOWN = {"application": "patch_unknown_app", "service": "service_unknown", "database": "database_unknown"}
KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
TEXTS = frozenset({"key", "value", "comment"})
OF_RESOURCES = frozenset({"key", "value", "is_literal", "is_multiline", "is_shown_once", "comment"})
NEW_FLAGS = frozenset(
    {"is_buildtime", "is_runtime"}
)  # taken one by one before many at once were (coolify-api 1: beta.427, 429 and 435)


def owner(server: Server, kind: str, uuid: str) -> App | Resource | None:
    """Whose variables they are."""
    found: App | Resource | None = (
        server.apps.get(uuid) if kind == "application" else server.resources.get(uuid)
    )
    return None if isinstance(found, Resource) and found.kind != kind else found


def listing(kind: str) -> Callable[[Server, Request, str], Response]:
    """The endpoint that shows all of them, those for previews last."""

    def handle(server: Server, _request: Request, uuid: str) -> Response:
        if (there := owner(server, kind, uuid)) is None:
            return reply(UNKNOWN[kind])
        variables = sorted(there.variables, key=lambda each: each.preview)
        return reply("env_list_sensitive", [painted(server.painter(), uuid, each) for each in variables])

    return handle


def setting(kind: str) -> Callable[[Server, Request, str], Response]:
    """The endpoint that sets many: one after another, what came before a mistake stays. beta.380 shows an application's last only."""

    def handle(server: Server, request: Request, uuid: str) -> Response:
        body = read(server, request, kind, uuid)
        if isinstance(body, Response):
            return body
        data = body.get("data")
        if not data or not isinstance(data, list):
            return reply("env_bulk_nodata")
        shown = []
        for item in data:
            said = upsert(server, kind, uuid, item)
            if isinstance(said, Response):
                return said
            shown.append(said)
        version = server.scenario.version
        return reply(
            version.shapes.variables, shown[-1] if version.shows_last and kind == "application" else shown
        )

    return handle


def read(server: Server, request: Request, kind: str, uuid: str) -> dict[str, Any] | Response:
    """The body of a request to write, or why it is refused."""
    body = payload(server, request) if kind == "application" else trimmed(inputs(request))
    unknown = not isinstance(body, Response) and owner(server, kind, uuid) is None
    return reply(UNKNOWN[kind]) if unknown else body


def single(server: Server, request: Request, kind: str, uuid: str) -> dict[str, Any] | Response:
    """The same for one variable: here a field that is not known is refused."""
    body = read(server, request, kind, uuid)
    if isinstance(body, Response):
        return body
    version = server.scenario.version
    of_apps = version.bulk if OLD_FLAG in version.bulk else version.bulk | NEW_FLAGS
    known = of_apps if kind == "application" else OF_RESOURCES
    errors = wrong({key: body[key] for key in body if key in known}, strict=version.checks_keys)
    errors |= unwanted([key for key in body if key not in known])
    return invalid(errors) if errors else body


def adding(kind: str) -> Callable[[Server, Request, str], Response]:
    """The endpoint that adds one. Of an application's the answer tells the uuid only."""

    def handle(server: Server, request: Request, uuid: str) -> Response:
        given = single(server, request, kind, uuid)
        if isinstance(given, Response):
            return given
        variables = variables_of(server, kind, uuid)
        if same(variables, given):
            return reply("env_create_409")
        new = made(given, server.scenario.version, server.now())
        if kind == "application":
            keep(server, uuid, with_copy(variables, new))
            return reply("env_create_201", {"uuid": uuid_of(uuid, new)})
        keep(server, uuid, (*variables, new))
        return reply("env_patch_201", painted_new(server.painter(), uuid, new, OF_RESOURCES))

    return handle


def changing(kind: str) -> Callable[[Server, Request, str], Response]:
    """The endpoint that changes one, which is known by its key."""

    def handle(server: Server, request: Request, uuid: str) -> Response:
        given = single(server, request, kind, uuid)
        if isinstance(given, Response):
            return given
        variables = variables_of(server, kind, uuid)
        if (old := same(variables, given)) is None:
            return reply("env_patch_404")
        renewed = changed(old, given, server.scenario.version, server.now(), resets=kind == "application")
        if renewed is None:
            return reply("deploy_body_list_500")
        keep(server, uuid, tuple(renewed if each is old else each for each in variables))
        return reply("env_patch_201", painted(server.painter(), uuid, renewed))

    return handle


def deleting(kind: str) -> Callable[[Server, Request, str], Response]:
    """The endpoint that deletes one, which is known by its own uuid."""

    def handle(server: Server, request: Request, uuid: str) -> Response:
        if owner(server, kind, uuid) is None:
            return reply(UNKNOWN[kind])
        variables, one = variables_of(server, kind, uuid), request.path.rstrip("/").rpartition("/")[2]
        kept = tuple(each for each in variables if uuid_of(uuid, each) != one)
        if len(kept) == len(variables):
            return reply("env_patch_404")
        keep(server, uuid, kept)
        return reply("env_delete")

    return handle


def variables_of(server: Server, kind: str, uuid: str) -> tuple[Variable, ...]:
    there = owner(server, kind, uuid)
    return there.variables if there else ()


def same(variables: tuple[Variable, ...], given: dict[str, Any]) -> Variable | None:
    """The one that a request means: by its key, and whether it is for previews."""
    preview = bool(given.get("is_preview"))
    return next((each for each in variables if each.key == given["key"] and each.preview is preview), None)


def upsert(server: Server, kind: str, uuid: str, item: Any) -> dict[str, Any] | Response:
    """One of them; what is shown of it."""
    version, now, renderer = server.scenario.version, server.now(), server.painter()
    heeded = version.bulk if kind == "application" else OF_RESOURCES
    given = {key: value for key, value in item.items() if key in heeded} if isinstance(item, dict) else {}
    if errors := wrong(given, strict=version.checks_keys):
        return invalid(errors)
    variables = variables_of(server, kind, uuid)
    old = same(variables, given)
    if old is None:
        new = made(given, version, now)
        keep(server, uuid, with_copy(variables, new) if kind == "application" else (*variables, new))
        return painted_new(renderer, uuid, new, None if kind == "application" else given)
    renewed = changed(old, given, version, now, resets=kind == "application")
    if renewed is None:
        return reply("deploy_body_list_500")
    keep(server, uuid, tuple(renewed if each is old else each for each in variables))
    return painted(renderer, uuid, renewed)


def keep(server: Server, uuid: str, variables: tuple[Variable, ...]) -> None:
    if uuid in server.apps:
        server.apps[uuid] = replace(server.apps[uuid], variables=variables)
    else:
        server.resources[uuid] = replace(server.resources[uuid], variables=variables)


def wrong(given: dict[str, Any], *, strict: bool) -> Errors:
    """What is wrong with one item. `strict`: its key must be one that a shell takes."""
    if given.get("key") is None:
        return {"key": objection("create_img_noproject", "key")}
    errors = mistyped(given, TEXTS, frozenset(given) - TEXTS)
    if "key" not in errors and strict and not KEY.fullmatch(given["key"]):
        errors["key"] = objection("env_create_badkey")
    return errors
