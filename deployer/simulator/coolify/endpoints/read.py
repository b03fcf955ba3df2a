"""The read-only endpoints (coolify-api 5.5, 5.6, 5.10)."""

from dataclasses import replace
from typing import Any

from deployer.simulator.coolify.replies import body_of, filled, record, reply
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.conditions import condition, heartbeat, last_online
from deployer.simulator.coolify.state.deployments import App
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request


def version(server: Server, _request: Request, _uuid: str) -> Response:
    return reply("version", server.scenario.version.name)


def health(_server: Server, _request: Request, _uuid: str) -> Response:
    return reply("health_api_disabled")


def health_of_all(_server: Server, _request: Request, _uuid: str) -> Response:
    return reply("health_root_path")


def deployments(server: Server, _request: Request, _uuid: str) -> Response:
    """Deployments that are queued or running.

    An array, or an object if the database returns them out of order (coolify-api 5.5).
    """
    rows = [server.renderer().row(row, server.now()) for row in server.active()]
    keyed = {str(place): row for place, row in enumerate(rows)}
    return reply("deployments_list_rs", rows if len(rows) <= 1 else keyed)


def deployment(server: Server, _request: Request, uuid: str) -> Response:
    row = server.row(uuid)
    if row is None or (row.stranger and server.scenario.version.checks_team):
        return reply("deployment_unknown")
    renderer = server.renderer()
    body = renderer.row(row, server.now())
    app = row.app if row.stranger else current_app(server, row.app_uuid)
    nested = renderer.nested(app, row.app_uuid, row.app_id)
    return reply(
        "deployment_get_sensitive",
        {"id": body.pop("id"), **({"application": nested} if nested else {}), **body},
    )


def history(server: Server, request: Request, uuid: str) -> Response:
    if uuid not in server.apps:
        return reply("app_deployments_unknown")
    skip, take = (request.query.get(key, [default])[-1] for key, default in (("skip", "0"), ("take", "10")))
    if not take.lstrip("-").isdecimal() or int(take) < 1:
        return reply("app_deployments_take0" if take.lstrip("-").isdecimal() else "app_deployments_takex")
    if not skip.isdecimal():
        return reply("app_deployments_skipneg")
    rows, renderer = server.of(uuid), server.renderer()
    shown = [renderer.listed(row, server.now()) for row in rows[int(skip) : int(skip) + int(take)]]
    return filled("app_deployments_rs", count=len(rows), deployments=shown)


def application(server: Server, _request: Request, uuid: str) -> Response:
    if uuid not in server.apps:
        return reply("app_get_unknown")
    renderer = server.renderer()
    rendered = renderer.application(current_app(server, uuid), uuid)
    if host := server.apps[uuid].host:
        rendered["destination"]["server"]["name"] = server.scenario.hosts[host].name
    rendered["destination"]["server"]["sentinel_updated_at"] = renderer.seconds(heartbeat(server))
    return reply("app_get_sensitive", rendered)


def application_logs(server: Server, _request: Request, uuid: str) -> Response:
    """The log of the first container, which requires SSH to the server (coolify-api 5.6)."""
    if uuid not in server.apps:
        return reply("app_get_unknown")
    if not server.scenario.reachable:
        return reply("deploy_body_list_500")
    return reply("app_logs_200" if condition(server, uuid).startswith("running") else "app_logs_not_running")


def applications(server: Server, request: Request, _uuid: str) -> Response:
    """All applications, or those with `tag` (coolify-api 16), with fewer and no sensitive fields."""
    tag = request.query.get("tag", [""])[-1] if server.scenario.version.filters else ""
    keys, renderer = record("apps_list")["response"]["body"][0], server.renderer(sensitive=False)
    rendered = [
        renderer.application(current_app(server, uuid), uuid)
        for uuid, app in server.apps.items()
        if not tag or tag in app.tags
    ]
    return reply("apps_list", [{key: app[key] for key in keys if key in app} for app in rendered])


def current_app(server: Server, uuid: str) -> App:
    """An application with its current status and its additional servers."""
    app, recorded = server.apps[uuid], body_of("app_get_multiserver")["additional_servers"][0]
    servers = [
        {**recorded, "id": row, "name": extra.name}
        for row, extra in enumerate(app.servers, start=recorded["id"])
    ]
    fields = {
        "status": condition(server, uuid),
        "last_online_at": server.renderer().seconds(last_online(server, uuid)),
        "additional_servers": servers,
        "additional_servers_count": len(servers),
    }
    return replace(app, fields={**app.fields, **fields})


def service(server: Server, _request: Request, uuid: str) -> Response:
    return (
        reply("service_get", rendered_resource(server, uuid))
        if of_kind(server, uuid, "service")
        else reply("service_unknown")
    )


def services(server: Server, _request: Request, _uuid: str) -> Response:
    return reply(
        "services_list",
        [rendered_resource(server, uuid) for uuid in server.resources if of_kind(server, uuid, "service")],
    )


def database(server: Server, _request: Request, uuid: str) -> Response:
    return (
        reply("database_get", rendered_resource(server, uuid))
        if of_kind(server, uuid, "database")
        else reply("database_unknown")
    )


def of_kind(server: Server, uuid: str, kind: str) -> bool:
    return uuid in server.resources and server.resources[uuid].kind == kind


def rendered_resource(server: Server, uuid: str) -> dict[str, Any]:
    """The recorded service or database with the names and status of this one."""
    resource, version = server.resources[uuid], server.scenario.version
    rendered: dict[str, Any] = body_of(
        version.shapes.service if resource.kind == "service" else "database_get"
    )
    if not (renderer := server.renderer()).sensitive and resource.kind == "service":
        renderer.remove_secrets(rendered["server"])
    status = condition(server, uuid)
    return rendered | {"uuid": uuid, "name": resource.name, "status": version.words.get(status, status)}
