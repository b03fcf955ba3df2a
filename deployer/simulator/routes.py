"""The endpoints of Coolify that the simulator has: a table of routes, and what each answers once the checks are passed (contract 5)."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from deployer.simulator.journal import Asked
from deployer.simulator.replies import Answer, body_of, filled, reply
from deployer.simulator.script import TERMINAL
from deployer.simulator.server import Server

TRUE = frozenset({"1", "true", "on", "yes"})  # PHP's FILTER_VALIDATE_BOOLEAN; everything else is false since 4.2.0


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. `query`: the parameters that a client of ours may send, each with the values it may have (None: any)."""

    name: str
    method: str
    path: re.Pattern[str]
    answer: Callable[[Server, Asked, str], Answer]
    ability: str = "read"
    query: Mapping[str, re.Pattern[str] | None] | None = None


def version(server: Server, _asked: Asked, _uuid: str) -> Answer:
    return reply(server.scenario.version.reply)


def health(_server: Server, _asked: Asked, _uuid: str) -> Answer:
    return reply("health_api_disabled")


def deploy(server: Server, asked: Asked, _uuid: str) -> Answer:
    """Contract 5.1. The queue is filled uuid by uuid: a full one in the middle answers 429 and hides what was queued before."""
    given = inputs(server, asked)
    server.trigger()
    if any(isinstance(given.get(key), list) for key in ("uuid", "tag")):
        return reply("deploy_body_list_500")
    uuids, tags = (str(given.get(key) or "").strip() for key in ("uuid", "tag"))
    if not uuids or tags:
        return reply(("deploy_both" if uuids else "deploy_tag_unknown") if tags else "deploy_probe_deploy")
    items = []
    for uuid in filter(server.apps.get, uuids.split(",")):
        if server.full():
            return reply("deploy_queue_full_429")
        items.append(item(server, uuid, force=true(server, given.get("force"))))
    return reply("deploy_one", {"deployments": items}) if items else reply("deploy_unknown")


def item(server: Server, uuid: str, *, force: bool) -> dict[str, Any]:
    """What `deployments[]` says of one application; a skipped one gets a phantom uuid."""
    skipped = not force and server.skipped(uuid)
    said = body_of("deploy_skipped" if skipped else "deploy_one")["deployments"][0]["message"]
    return {
        "message": said.replace("Application web ", f"Application {server.apps[uuid].name} "),
        "resource_uuid": uuid,
        "deployment_uuid": server.phantom() if skipped else server.enqueue(uuid, force=force).uuid,
    }


def start(server: Server, asked: Asked, uuid: str) -> Answer:
    """Contract 5.2: a full queue is a phantom inside a 200, a skipped one has no uuid, `instant_deploy` waits for no other build."""
    given = inputs(server, asked)
    uuid = str(given.get("uuid") or uuid)  # an input named `uuid` beats the path
    if uuid not in server.apps:
        return reply("app_start_unknown")
    server.trigger()
    force, instant = (true(server, given.get(key)) for key in ("force", "instant_deploy"))
    if server.full():
        return filled("start_queue_full", deployment_uuid=server.phantom())
    if not force and not instant and server.skipped(uuid):
        return reply("start_skipped")
    return filled("app_start", deployment_uuid=server.enqueue(uuid, force=force, instant=instant).uuid)


def deployments(server: Server, _asked: Asked, _uuid: str) -> Answer:
    """All that are queued or running: an array, or an object once the database gives them out of order (contract 5.5)."""
    rows = [server.painter().row(row, server.now()) for row in server.active()]
    keyed = {str(place): row for place, row in enumerate(rows)}
    return reply("deployments_list_rs", rows if len(rows) <= 1 else keyed)


def deployment(server: Server, _asked: Asked, uuid: str) -> Answer:
    row = server.row(uuid)
    if row is None:
        return reply("deployment_unknown")
    painter = server.painter()
    body = painter.row(row, server.now())
    nested = painter.nested(row.app, row.app_uuid, row.app_id)
    return reply("deployment_get_sensitive", {"id": body.pop("id"), **({"application": nested} if nested else {}), **body})


def history(server: Server, asked: Asked, uuid: str) -> Answer:
    if uuid not in server.apps:
        return reply("app_deployments_unknown")
    skip, take = (asked.query.get(key, [default])[-1] for key, default in (("skip", "0"), ("take", "10")))
    if not take.lstrip("-").isdecimal() or int(take) < 1:
        return reply("app_deployments_take0" if take.lstrip("-").isdecimal() else "app_deployments_takex")
    if not skip.isdecimal():
        return reply("app_deployments_skipneg")
    rows, painter = server.of(uuid), server.painter()
    shown = [painter.listed(row, server.now()) for row in rows[int(skip) : int(skip) + int(take)]]
    return filled("app_deployments_rs", count=len(rows), deployments=shown)


def cancel(server: Server, _asked: Asked, uuid: str) -> Answer:
    row = server.row(uuid)
    if row is None:
        return reply("cancel_deploytoken_404")
    if (status := server.status(row)) in TERMINAL:
        return filled("cancel_terminal_400", message=f"Deployment cannot be cancelled. Current status: {status}")
    row.cancelled = server.now()
    return filled("cancel_queued_200", deployment_uuid=uuid)


def application(server: Server, _asked: Asked, uuid: str) -> Answer:
    app = server.apps.get(uuid)
    return reply("app_get_unknown") if app is None else reply("app_get_sensitive", server.painter().application(app, uuid))


def inputs(server: Server, asked: Asked) -> dict[str, Any]:
    """Query and body as Laravel's `input()` gives them: the body wins, the last of equal names wins, a bad body is ignored."""
    given: dict[str, Any] = {key.removesuffix("[]"): values if key.endswith("[]") else values[-1] for key, values in asked.query.items()}
    if not server.scenario.version.reads_body:
        return given
    if "json" in asked.headers.get("content-type", ""):
        try:
            body = json.loads(asked.body)
        except ValueError:
            return given
        return given | body if isinstance(body, dict) else given
    return given | {key: values[-1] for key, values in parse_qs(asked.body.decode("latin-1")).items()}


def true(server: Server, value: object) -> bool:
    """Whether a parameter counts as true; before 4.2.0 the text "false" did (contract 5.1)."""
    return str(value).lower() in TRUE if server.scenario.version.post_only else value not in {None, "", "0", False}


UUID = r"([^/]+)"
YES = re.compile("true")  # a flag is sent as `true` or not at all: older versions take "false" for true (contract 5.1)
NUMBER = re.compile(r"\d+")


def _path(pattern: str) -> re.Pattern[str]:
    return re.compile(f"/api/v1{pattern}/?")


ROUTES = (
    Route("version", "GET", _path("/version"), version),
    Route("health", "GET", _path("/health"), health, ability=""),
    Route("deploy", "POST", _path("/deploy"), deploy, "deploy", {"uuid": None, "force": YES}),
    Route("start", "POST", _path(f"/applications/{UUID}/start"), start, "deploy", {"force": YES, "instant_deploy": YES}),
    Route("list", "GET", _path("/deployments"), deployments),
    Route("history", "GET", _path(f"/deployments/applications/{UUID}"), history, query={"skip": NUMBER, "take": NUMBER}),
    Route("look", "GET", _path(f"/deployments/{UUID}"), deployment),
    Route("cancel", "POST", _path(f"/deployments/{UUID}/cancel"), cancel, "deploy"),
    Route("application", "GET", _path(f"/applications/{UUID}"), application),
)
ACTIONS = frozenset({"deploy", "start"})  # GET on these answers 405, where others answer the catch-all 404


def found(path: str) -> tuple[Route, str] | None:
    """The route of a path and the uuid in it, whatever the method."""
    for route in ROUTES:
        if match := route.path.fullmatch(path):
            return route, (match.groups() or ("",))[0]
    return None
