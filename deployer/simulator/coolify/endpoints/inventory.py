"""Lists of resources, databases, servers and environments, and the team (coolify-api 5.10, captured-2)."""

from typing import Any

from deployer.simulator.coolify.endpoints.create import all_projects, host_number
from deployer.simulator.coolify.endpoints.read import current_app
from deployer.simulator.coolify.rendering.renderer import with_own_columns
from deployer.simulator.coolify.replies import body_of, reply
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state import places
from deployer.simulator.coolify.state.conditions import condition
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

ONLY_IN_ALL = ("laravel_through_key", "type")
"""Fields of a resource in the list of all, but not in its environment (captured-2/project_environment)."""


def resources(server: Server, _request: Request, _uuid: str) -> Response:
    """All resources. The columns are those of 4.3.10 on every version."""
    return reply("resources", rows(server))


def rows(server: Server) -> list[dict[str, Any]]:
    """Each application, service and database, with its columns and its `type`."""
    application, service, database = body_of("resources")
    shapes = {"service": service, "database": database}
    apps = [
        {
            **with_own_columns(application, current_app(server, uuid), uuid),
            "id": number,
            "status": status(server, uuid),
        }
        for number, uuid in enumerate(server.apps, start=1)
    ]
    return apps + [
        {**shapes[each.kind], "id": number, "uuid": uuid, "name": each.name, "status": status(server, uuid)}
        for number, (uuid, each) in enumerate(server.resources.items(), start=1)
    ]


def status(server: Server, uuid: str) -> str:
    """The database's type on this version."""
    now = condition(server, uuid)
    return server.scenario.version.words.get(now, now)


def databases(server: Server, _request: Request, _uuid: str) -> Response:
    [recorded] = body_of("databases_list")
    there = [(uuid, each.name) for uuid, each in server.resources.items() if each.kind == "database"]
    return reply(
        "databases_list",
        [{**recorded, "uuid": uuid, "name": name, "status": status(server, uuid)} for uuid, name in there],
    )


def machine(server: Server, _request: Request, uuid: str) -> Response:
    """One server, with the columns of 4.3.10."""
    number = host_number(server, uuid)
    if number is None:
        return reply("create_img_badserver")
    host, recorded = places.hosts(server.scenario.hosts)[number], body_of("server")
    identity = {key: host[key] for key in ("uuid", "name")}
    settings = {**recorded["settings"], "is_build_server": host["settings"]["is_build_server"]}
    return reply("server", {**recorded, **identity, "settings": settings})


def destinations(server: Server, _request: Request, _uuid: str) -> Response:
    """The resources of every server."""
    hosts = server.scenario.hosts
    return reply(
        "all_destinations",
        [each for number in range(len(hosts)) for each in places.destinations(hosts, number)],
    )


def environments(server: Server, _request: Request, uuid: str) -> Response:
    """The environments of a project."""
    there = next((each["environments"] for each in all_projects(server) if each["uuid"] == uuid), None)
    if there is None:
        return reply("create_img_badproject")
    keys = body_of("project_environments")[0]
    return reply("project_environments", [{key: each[key] for key in keys if key in each} for each in there])


def environment(server: Server, request: Request, uuid: str) -> Response:
    """One environment, by name or uuid, with its resources.

    All are in the first environment of the first project.
    """
    projects, name = all_projects(server), request.path.rstrip("/").rpartition("/")[2]
    within = next((each["environments"] for each in projects if each["uuid"] == uuid), None)
    if within is None:
        return reply("create_img_badproject")
    found = next((each for each in within if name in {each["name"], each.get("uuid")}), None)
    if found is None:
        return reply("create_img_badenv")
    inside = rows(server) if found is projects[0]["environments"][0] else []
    kinds = {"applications": "application", "services": "service", "postgresqls": "standalone-postgresql"}
    sorted_out = {
        place: [
            {key: value for key, value in row.items() if key not in ONLY_IN_ALL}
            for row in inside
            if row["type"] == kind
        ]
        for place, kind in kinds.items()
    }
    recorded = body_of("project_environment")
    return reply(
        "project_environment",
        {**recorded, **{key: value for key, value in found.items() if key in recorded}, **sorted_out},
    )


def team(server: Server, _request: Request, _uuid: str) -> Response:
    """The team of the token."""
    return reply(server.scenario.version.shapes.team)
