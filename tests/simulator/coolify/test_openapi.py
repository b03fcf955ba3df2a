"""The simulated Coolify has nothing that the servers' own OpenAPI documents lack."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from deployer.simulator import VERSIONS
from deployer.simulator.coolify.render import SENSITIVE
from deployer.simulator.coolify.routes import ACTIONS, ROUTES, Route
from tests.simulator.coolify.situations import (
    APPS,
    BODIES,
    CONTRACT,
    FOO,
    PREVIEW,
    RESOURCES,
    WEB_RUNS,
    Visit,
    plain,
    read,
)

DOCUMENTS = {
    "4.0.0-beta.380": "coolify-v4.0.0-beta.380",
    "4.0.0": "coolify-v4.0.0",
    "4.4-rc.1": "coolify-v4.4-rc.1",
}

KINDS = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
# A request of each route that succeeds, and what comes before it.
SUCCEEDING: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "version": ("/version", ()),
    "health": ("/health", ()),
    "deploy": ("/deploy?uuid={web}", ()),
    "start": ("/applications/{web}/start", ()),
    "restart": ("/applications/{web}/restart", ()),
    "stop": ("/applications/{web}/stop", ()),
    "preview_delete": ("/applications/{img}/previews/9", PREVIEW),
    "list": ("/deployments", WEB_RUNS),
    "history": ("/deployments/applications/{web}", WEB_RUNS),
    "look": ("/deployments/{last}", WEB_RUNS),
    "cancel": ("/deployments/{last}/cancel", WEB_RUNS),
    "applications": ("/applications", ()),
    "application": ("/applications/{web}", ()),
    "patch": ("/applications/{web}", ()),
    "services": ("/services", ()),
    "service": ("/services/{stack}", ()),
    "service_start": ("/services/{stack}/start", ()),
    "service_restart": ("/services/{stack}/restart", ()),
    "service_stop": ("/services/{stack}/stop", ()),
    "database": ("/databases/{pg}", ()),
    "database_start": ("/databases/{pg}/start", ()),
    "database_restart": ("/databases/{pg}/restart", ()),
    "database_stop": ("/databases/{pg}/stop", ()),
    "create": ("/applications/dockerimage", ()),
    "rollback_images": ("/applications/{web}/rollback-images", ()),
    "rollback": ("/applications/{web}/rollback", ()),
    "application_envs": ("/applications/{web}/envs", ()),
    "application_envs_set": ("/applications/{web}/envs/bulk", ()),
    "application_env_add": ("/applications/{web}/envs", ()),
    "application_env_change": ("/applications/{web}/envs", ()),
    "application_env_delete": ("/applications/{web}/envs/{foo_of_web}", ()),
    "application_logs": ("/applications/{web}/logs", ()),
    "service_envs": ("/services/{stack}/envs", ()),
    "service_env_add": ("/services/{stack}/envs", ()),
    "service_env_change": ("/services/{stack}/envs", ()),
    "service_env_delete": ("/services/{stack}/envs/{foo_of_stack}", ()),
    "service_envs_set": ("/services/{stack}/envs/bulk", ()),
    "database_envs": ("/databases/{pg}/envs", ()),
    "database_envs_set": ("/databases/{pg}/envs/bulk", ()),
    "database_env_add": ("/databases/{pg}/envs", ()),
    "database_env_change": ("/databases/{pg}/envs", ()),
    "database_env_delete": ("/databases/{pg}/envs/{foo_of_pg}", ()),
    "databases": ("/databases", ()),
    "projects": ("/projects", ()),
    "environments": ("/projects/{project}/environments", ()),
    "environment": ("/projects/{project}/production", ()),
    "server": ("/servers/{host}", ()),
    "all_destinations": ("/destinations", ()),
    "resources": ("/resources", ()),
    "team": ("/teams/current", ()),
    "project": ("/projects/{project}", ()),
    "servers": ("/servers", ()),
    "destinations": ("/servers/{host}/destinations", ()),
}
UNDOCUMENTED = (
    "additional_networks_count", "additional_servers", "additional_servers_count", "application", "applications", "build_server_id",
    "compose_parsing_version", "databases", "destination", "environment", "finished_at", "horizon_job_id", "horizon_job_worker",
    "last_online_at", "last_restart_at", "last_restart_type", "restart_count", "server", "server_status", "source_type", "status",
)  # fmt: skip
OF_SERVERS = (
    "backup_compression_cpu_percentage", "compose_version", "compose_version_checked_at", "connection_timeout",
    "deployment_queue_limit", "disable_application_image_retention", "docker_version", "docker_version_checked_at",
    "force_docker_cleanup", "generate_exact_labels", "is_coolify_host", "is_reachable", "is_sentinel_debug_enabled",
    "is_terminal_enabled", "is_usable", "sentinel_push_interval_seconds", "server_disk_usage_check_frequency",
    "server_disk_usage_notification_threshold", "server_timezone",
)  # fmt: skip
NOT_OF_SERVERS = (
    "force_server_cleanup", "high_disk_usage_notification_sent", "log_drain_notification_sent", "logdrain_axiom_api_key",
    "logdrain_custom_config", "logdrain_custom_config_parser", "logdrain_newrelic_license_key", "proxy_type", "sentinel_token",
    "swarm_cluster", "unreachable_count", "unreachable_notification_sent", "validation_logs",
)  # fmt: skip
OF_VARIABLES = (
    "is_buildpack_control", "is_coolify", "is_nixpacks", "is_really_required", "is_required", "order", "standalone_clickhouse_id",
    "standalone_dragonfly_id", "standalone_keydb_id", "standalone_mariadb_id", "standalone_mongodb_id", "standalone_mysql_id",
    "standalone_postgresql_id", "standalone_redis_id",
)  # fmt: skip
# Where the documents and the servers differ, and why the simulator goes with the servers.
DEVIATIONS: Mapping[str, str] = {
    said: reason
    for reason, facts in {
        "an action is documented as GET until 4.1.2, and takes POST (coolify-api 11)": ["an action is a GET"],
        "it is outside of /api/v1": ["health_of_all is not documented"],
        "beta.380 documents it under /api/v1, where it came with beta.411 (coolify-api 1)": [
            "health is documented"
        ],
        "beta.380 ignores what came later (coolify-api 1)": [
            "applications has no parameter tag",
            "deploy has no parameter docker_tag",
            "deploy has no parameter pr",
            "service_restart has no parameter latest",
        ],
        "beta.380 documents JSON (coolify-api 11)": ["version is no application/json"],
        "the schema is wrong (coolify-api 11)": ["history is a dict"],
        "they forgot what is in a server (captured/servers)": [
            f"{key} is not documented" for key in OF_SERVERS
        ],
        "a list does not show it to those who may only read (captured/servers)": [
            f"{key} is absent" for key in NOT_OF_SERVERS
        ],
        "they forgot what is in a variable (captured/env_list_sensitive)": [
            f"{key} is not documented" for key in OF_VARIABLES
        ],
        "no variable was seen to have it (coolify-api 17.1 row 17)": [
            f"{key} is absent" for key in ("database_id", "resourceable_id", "resourceable_type")
        ],
        "beta.380 documents `{message}` (coolify-api 11)": [
            f"{kind}_{name} is a message"
            for kind in ("application", "service")
            for name in ("envs_set", "env_change")
        ],
        "it was not described any more, and is there (captured-2/teams_current)": ["team is not documented"],
        "beta.380 forgot the answer (captured/v4.0.0-beta.380/create_img)": [
            "create answers nothing that is documented"
        ],
        "it is an answer's (captured/create_img_201)": ["domains is not documented"],
        "a list has no environments (coolify-api 5.10)": ["environments is absent"],
        "they forgot what is in a project (coolify-api 5.10, captured/app_get_sensitive)": [
            f"{key} is not documented" for key in ("created_at", "environments", "team_id", "updated_at")
        ],
        "`Content is very complex. Will be implemented later.`": ["database is a dict"],
        "it is hidden (coolify-api 5.6, 6)": [
            "id is absent",
            "configuration_snapshot is absent",
            "configuration_diff is absent",
        ],
        "only those see it who may read what is sensitive, and it was recorded for such a token on 4.3.10 only": [
            f"{key} is absent" for key in SENSITIVE
        ],
        "no server was seen to have it (captured/*/service_get)": [
            "is_container_label_readonly_enabled is absent"
        ],
        "a list has less than a single application (captured/apps_list)": ["settings is absent"],
        "the documents forgot it (captured/*/deployment_logs, app_get, service_get)": [
            f"{key} is not documented" for key in UNDOCUMENTED
        ],
    }.items()
    for said in facts
}


# Routes whose described answer is another one than every real server's.
WRONG: Mapping[str, str] = {
    **dict.fromkeys(
        ("resources", "databases"), "it is documented as a text (captured/resources, captured-2/databases)"
    ),
    **dict.fromkeys(
        ("service_env_add", "database_env_add"),
        "the whole variable is told (coolify-api 5.9, captured/services_env_create)",
    ),
    **dict.fromkeys(
        ("environment", "environments"),
        "an environment is documented by its columns (captured-2/project_environment)",
    ),
    "server": "they forgot what is in a server (captured-2/server)",
    "team": "its settings are not shown any more (captured-2/*/teams_current)",
}


@cache
def document(version: str) -> Any:
    return json.loads(
        (CONTRACT.parent / "openapi" / f"{DOCUMENTS[version]}.json").read_text(encoding="utf-8")
    )


def resolved(version: str, part: Any) -> Any:
    while "$ref" in part:
        place = part["$ref"].removeprefix("#/").split("/")
        part = document(version)
        for key in place:
            part = part[key]
    return part


def described(version: str, route: Route, method: str) -> Any:
    """What the document says of a route and a method; None if it says nothing."""
    paths = document(version)["paths"].items()
    return next(
        (
            methods[method]
            for path, methods in paths
            if route.path.fullmatch(f"/api/v1{path}") and method in methods
        ),
        None,
    )


def differing(version: str, route: Route) -> Iterator[str]:
    """Facts about one route: how it is reached, with what, and what it answers."""
    there = described(version, route, route.method.lower()) or (
        described(version, route, "get") if route.name in ACTIONS else None
    )
    if route.name in VERSIONS[version].absent:
        yield from [f"{route.name} is documented"] if there else []
    elif there is None:
        yield f"{route.name} is not documented"
    else:
        if described(version, route, route.method.lower()) is None:
            yield "an action is a GET"
        named = {parameter["name"] for parameter in there.get("parameters", [])}
        yield from (f"{route.name} has no parameter {name}" for name in set(route.query or ()) - named)
        right = next(status for status in ("201", "200") if status in there["responses"])
        yield from answering(version, route, resolved(version, there["responses"][right]).get("content"))


def answering(version: str, route: Route, content: Any) -> Iterator[str]:
    """Facts about what a route answers when all goes well. `content` may be missing in a document."""
    step, before = SUCCEEDING[route.name]
    starting = tuple(
        replace(each, status="starting:unhealthy", variables=(FOO,)) for each in RESOURCES.values()
    )
    visit = Visit(
        version, resources=starting, apps=tuple(replace(app, variables=(FOO,)) for app in APPS.values())
    )
    for each in before:
        visit.ask(each)
    answer = visit.ask(f"{route.method} {step}", BODIES.get(route.name, ""))
    assert answer.status in {200, 201}, route
    if content is None:
        yield f"{route.name} answers nothing that is documented"
        return
    [(kind, media)] = content.items()
    if not dict(answer.headers)["Content-Type"].startswith(kind):
        yield f"{route.name} is no {kind}"
    yield from misfits(
        version, route.name, {} if route.name in WRONG else media["schema"], plain(read(answer))
    )


def misfits(version: str, place: str, schema: Any, value: Any) -> Iterator[str]:
    """Where a value has not the keys and types of a schema. Null is like everything, a list is known by its first item."""
    schema = resolved(version, schema)
    if value is None or "type" not in schema:
        return
    if {*schema.get("properties", ())} == {"message"} and "message" not in value:
        yield f"{place} is a message"
    elif type(value) is not KINDS[schema["type"]]:
        yield f"{place} is a {type(value).__name__}"
    elif isinstance(value, list):
        yield from misfits(version, place, schema["items"], value[0]) if value else ()
    elif isinstance(value, dict) and (known := schema.get("properties")):
        yield from (f"{key} is absent" for key in known.keys() - value.keys())
        yield from (f"{key} is not documented" for key in value.keys() - known.keys())
        for key in known.keys() & value.keys():
            yield from misfits(version, key, known[key], value[key])


def test_the_servers_descriptions_know_the_simulators_routes_and_fields_but_where_they_are_wrong() -> None:
    facts = {
        version: {said for route in ROUTES for said in differing(version, route)} for version in DOCUMENTS
    }
    assert {
        (version, said) for version, told in facts.items() for said in told if said not in DEVIATIONS
    } == set()
    assert DEVIATIONS.keys() - set().union(*facts.values()) == set()
