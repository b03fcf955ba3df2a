"""The endpoints for environment variables: list, bulk update, create, update, delete (coolify-api 5.9)."""

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
from deployer.simulator.coolify.rendering.env import rendered, rendered_new, uuid_of
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
)  # accepted for a single variable earlier than in bulk (coolify-api 1: beta.427, 429 and 435)


def owner(server: Server, kind: str, uuid: str) -> App | Resource | None:
    """The kind of resource that has the variables."""
    found: App | Resource | None = (
        server.apps.get(uuid) if kind == "application" else server.resources.get(uuid)
    )
    return None if isinstance(found, Resource) and found.kind != kind else found


def listing(kind: str) -> Callable[[Server, Request, str], Response]:
    """The endpoint that lists all variables, those of previews last."""

    def handle(server: Server, _request: Request, uuid: str) -> Response:
        if (there := owner(server, kind, uuid)) is None:
            return reply(UNKNOWN[kind])
        variables = sorted(there.variables, key=lambda each: each.preview)
        return reply("env_list_sensitive", [rendered(server.renderer(), uuid, each) for each in variables])

    return handle


def setting(kind: str) -> Callable[[Server, Request, str], Response]:
    """The bulk endpoint: sets one after another.

    Those before an error stay set. beta.380 returns only the last of an application.
    """

    def handle(server: Server, request: Request, uuid: str) -> Response:
        body = read(server, request, kind, uuid)
        if isinstance(body, Response):
            return body
        data = body.get("data")
        if not data or not isinstance(data, list):
            return reply("env_bulk_nodata")
        shown = []
        for item in data:
            entry = upsert(server, kind, uuid, item)
            if isinstance(entry, Response):
                return entry
            shown.append(entry)
        version = server.scenario.version
        return reply(
            version.shapes.variables, shown[-1] if version.shows_last and kind == "application" else shown
        )

    return handle


def read(server: Server, request: Request, kind: str, uuid: str) -> dict[str, Any] | Response:
    """The body of a write request, or the rejection."""
    body = payload(server, request) if kind == "application" else trimmed(inputs(request))
    unknown = not isinstance(body, Response) and owner(server, kind, uuid) is None
    return reply(UNKNOWN[kind]) if unknown else body


def single(server: Server, request: Request, kind: str, uuid: str) -> dict[str, Any] | Response:
    """The body of a request for a single variable, where an unknown field is rejected, or the rejection."""
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
    """The endpoint that creates a variable. For an application it only returns the uuid."""

    def handle(server: Server, request: Request, uuid: str) -> Response:
        sent = single(server, request, kind, uuid)
        if isinstance(sent, Response):
            return sent
        variables = variables_of(server, kind, uuid)
        if same(variables, sent):
            return reply("env_create_409")
        new = made(sent, server.scenario.version, server.now())
        if kind == "application":
            keep(server, uuid, with_copy(variables, new))
            return reply("env_create_201", {"uuid": uuid_of(uuid, new)})
        keep(server, uuid, (*variables, new))
        return reply("env_patch_201", rendered_new(server.renderer(), uuid, new, OF_RESOURCES))

    return handle


def changing(kind: str) -> Callable[[Server, Request, str], Response]:
    """The endpoint that updates a variable, by key."""

    def handle(server: Server, request: Request, uuid: str) -> Response:
        sent = single(server, request, kind, uuid)
        if isinstance(sent, Response):
            return sent
        variables = variables_of(server, kind, uuid)
        if (old := same(variables, sent)) is None:
            return reply("env_patch_404")
        renewed = changed(old, sent, server.scenario.version, server.now(), resets=kind == "application")
        if renewed is None:
            return reply("deploy_body_list_500")
        keep(server, uuid, tuple(renewed if each is old else each for each in variables))
        return reply("env_patch_201", rendered(server.renderer(), uuid, renewed))

    return handle


def deleting(kind: str) -> Callable[[Server, Request, str], Response]:
    """The endpoint that deletes a variable, by its uuid."""

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


def same(variables: tuple[Variable, ...], sent: dict[str, Any]) -> Variable | None:
    """The variable of this key, for previews or not."""
    preview = bool(sent.get("is_preview"))
    return next((each for each in variables if each.key == sent["key"] and each.preview is preview), None)


def upsert(server: Server, kind: str, uuid: str, item: Any) -> dict[str, Any] | Response:
    """One variable as the response shows it."""
    version, now, renderer = server.scenario.version, server.now(), server.renderer()
    supported = version.bulk if kind == "application" else OF_RESOURCES
    sent = {key: value for key, value in item.items() if key in supported} if isinstance(item, dict) else {}
    if errors := wrong(sent, strict=version.checks_keys):
        return invalid(errors)
    variables = variables_of(server, kind, uuid)
    old = same(variables, sent)
    if old is None:
        new = made(sent, version, now)
        keep(server, uuid, with_copy(variables, new) if kind == "application" else (*variables, new))
        return rendered_new(renderer, uuid, new, None if kind == "application" else sent)
    renewed = changed(old, sent, version, now, resets=kind == "application")
    if renewed is None:
        return reply("deploy_body_list_500")
    keep(server, uuid, tuple(renewed if each is old else each for each in variables))
    return rendered(renderer, uuid, renewed)


def keep(server: Server, uuid: str, variables: tuple[Variable, ...]) -> None:
    if uuid in server.apps:
        server.apps[uuid] = replace(server.apps[uuid], variables=variables)
    else:
        server.resources[uuid] = replace(server.resources[uuid], variables=variables)


def wrong(sent: dict[str, Any], *, strict: bool) -> Errors:
    """Errors in one item. `strict`: the key must be valid in a shell."""
    if sent.get("key") is None:
        return {"key": objection("create_img_noproject", "key")}
    errors = mistyped(sent, TEXTS, frozenset(sent) - TEXTS)
    if "key" not in errors and strict and not KEY.fullmatch(sent["key"]):
        errors["key"] = objection("env_create_badkey")
    return errors
