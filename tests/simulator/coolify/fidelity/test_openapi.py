"""The simulated Coolify has only what the servers' own OpenAPI documents contain."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from deployer.simulator import VERSIONS
from deployer.simulator.coolify.rendering.renderer import SENSITIVE
from deployer.simulator.coolify.routes import ACTIONS, ROUTES, Route
from tests.simulator.coolify.situations import (
    APPS,
    BODIES,
    CONTRACTS,
    DEPLOY_PREVIEW,
    DEPLOY_WEB,
    FOO,
    RESOURCES,
    Visit,
    parse_body,
    plain,
)

DOCUMENTS = {
    "4.0.0-beta.380": "coolify-v4.0.0-beta.380",
    "4.0.0": "coolify-v4.0.0",
    "4.4-rc.1": "coolify-v4.4-rc.1",
}

KINDS = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
# A successful request of each route, and the requests before it.
SUCCEEDING: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "version": ("/version", ()),
    "health": ("/health", ()),
    "deploy": ("/deploy?uuid={web}", ()),
    "start": ("/applications/{web}/start", ()),
    "restart": ("/applications/{web}/restart", ()),
    "stop": ("/applications/{web}/stop", ()),
    "preview_delete": ("/applications/{img}/previews/9", DEPLOY_PREVIEW),
    "list": ("/deployments", DEPLOY_WEB),
    "history": ("/deployments/applications/{web}", DEPLOY_WEB),
    "look": ("/deployments/{last}", DEPLOY_WEB),
    "cancel": ("/deployments/{last}/cancel", DEPLOY_WEB),
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
    "additional_networks_count", "additional_servers", "additional_servers_count", "application",
    "applications", "build_server_id", "compose_parsing_version", "databases", "destination", "environment",
    "finished_at", "horizon_job_id", "horizon_job_worker", "last_online_at", "last_restart_at",
    "last_restart_type", "restart_count", "server", "server_status", "source_type", "status",
)  # fmt: skip
SERVER_FIELDS = (
    "backup_compression_cpu_percentage", "compose_version", "compose_version_checked_at",
    "connection_timeout",
    "deployment_queue_limit", "disable_application_image_retention", "docker_version",
    "docker_version_checked_at",
    "force_docker_cleanup", "generate_exact_labels", "is_coolify_host", "is_reachable",
    "is_sentinel_debug_enabled",
    "is_terminal_enabled", "is_usable", "sentinel_push_interval_seconds", "server_disk_usage_check_frequency",
    "server_disk_usage_notification_threshold", "server_timezone",
)  # fmt: skip
NOT_SERVER_FIELDS = (
    "force_server_cleanup", "high_disk_usage_notification_sent", "log_drain_notification_sent",
    "logdrain_axiom_api_key", "logdrain_custom_config", "logdrain_custom_config_parser",
    "logdrain_newrelic_license_key", "proxy_type", "sentinel_token", "swarm_cluster", "unreachable_count",
    "unreachable_notification_sent", "validation_logs",
)  # fmt: skip
VARIABLE_FIELDS = (
    "is_buildpack_control", "is_coolify", "is_nixpacks", "is_really_required", "is_required", "order",
    "standalone_clickhouse_id",
    "standalone_dragonfly_id", "standalone_keydb_id", "standalone_mariadb_id", "standalone_mongodb_id",
    "standalone_mysql_id",
    "standalone_postgresql_id", "standalone_redis_id",
)  # fmt: skip
# Where the documents and the servers differ, and why the simulator follows the servers.
DEVIATIONS: Mapping[str, str] = {
    fact: reason
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
        "the fields of a server are incomplete (captured/servers)": [
            f"{key} is not documented" for key in SERVER_FIELDS
        ],
        "a list does not contain it for tokens that may only read (captured/servers)": [
            f"{key} is absent" for key in NOT_SERVER_FIELDS
        ],
        "the fields of a variable are incomplete (captured/env_list_sensitive)": [
            f"{key} is not documented" for key in VARIABLE_FIELDS
        ],
        "no recorded variable has it (coolify-api 17.1 row 17)": [
            f"{key} is absent" for key in ("database_id", "resourceable_id", "resourceable_type")
        ],
        "beta.380 documents `{message}` (coolify-api 11)": [
            f"{kind}_{name} is a message"
            for kind in ("application", "service")
            for name in ("envs_set", "env_change")
        ],
        "it is no longer documented, but exists (captured-2/teams_current)": ["team is not documented"],
        "beta.380 lacks the response (captured/v4.0.0-beta.380/create_img)": [
            "create has an undocumented response"
        ],
        "it is in the response (captured/create_img_201)": ["domains is not documented"],
        "a list has no environments (coolify-api 5.10)": ["environments is absent"],
        "the fields of a project are incomplete (coolify-api 5.10, captured/app_get_sensitive)": [
            f"{key} is not documented" for key in ("created_at", "environments", "team_id", "updated_at")
        ],
        "`Content is very complex. Will be implemented later.`": ["database is a dict"],
        "it is hidden (coolify-api 5.6, 6)": [
            "id is absent",
            "configuration_snapshot is absent",
            "configuration_diff is absent",
        ],
        "only tokens with read:sensitive see it, and it was recorded with such a token on 4.3.10 only": [
            f"{key} is absent" for key in SENSITIVE
        ],
        "no recorded service has it (captured/*/service_get)": [
            "is_container_label_readonly_enabled is absent"
        ],
        "a list has fewer fields than a single application (captured/apps_list)": ["settings is absent"],
        "the documents lack it (captured/*/deployment_logs, app_get, service_get)": [
            f"{key} is not documented" for key in UNDOCUMENTED
        ],
    }.items()
    for fact in facts
}


# Routes whose documented response differs from that of every real server.
WRONG_IN_DOCUMENTS: Mapping[str, str] = {
    **dict.fromkeys(
        ("resources", "databases"), "it is documented as a text (captured/resources, captured-2/databases)"
    ),
    **dict.fromkeys(
        ("service_env_add", "database_env_add"),
        "the response contains the whole variable (coolify-api 5.9, captured/services_env_create)",
    ),
    **dict.fromkeys(
        ("environment", "environments"),
        "an environment is documented by its columns (captured-2/project_environment)",
    ),
    "server": "the fields of a server are incomplete (captured-2/server)",
    "team": "its settings are no longer shown (captured-2/*/teams_current)",
}


@cache
def document(version: str) -> Any:
    return json.loads(
        (CONTRACTS.parent / "openapi" / f"{DOCUMENTS[version]}.json").read_text(encoding="utf-8")
    )


def resolve(version: str, part: Any) -> Any:
    while "$ref" in part:
        path = part["$ref"].removeprefix("#/").split("/")
        part = document(version)
        for key in path:
            part = part[key]
    return part


def operation(version: str, route: Route, method: str) -> Any:
    """The document's operation for a route and a method, or None."""
    paths = document(version)["paths"].items()
    return next(
        (
            methods[method]
            for path, methods in paths
            if route.path.fullmatch(f"/api/v1{path}") and method in methods
        ),
        None,
    )


def differences(version: str, route: Route) -> Iterator[str]:
    """Yield the differences of one route: method, parameters, and response."""
    documented = operation(version, route, route.method.lower()) or (
        operation(version, route, "get") if route.name in ACTIONS else None
    )
    if route.name in VERSIONS[version].absent:
        yield from [f"{route.name} is documented"] if documented else []
    elif documented is None:
        yield f"{route.name} is not documented"
    else:
        if operation(version, route, route.method.lower()) is None:
            yield "an action is a GET"
        parameters = {parameter["name"] for parameter in documented.get("parameters", [])}
        yield from (f"{route.name} has no parameter {name}" for name in set(route.query or ()) - parameters)
        success = next(status for status in ("201", "200") if status in documented["responses"])
        yield from response_differences(
            version, route, resolve(version, documented["responses"][success]).get("content")
        )


def response_differences(version: str, route: Route, content: Any) -> Iterator[str]:
    """Yield the differences of a route's successful response. A document may lack `content`."""
    step, before = SUCCEEDING[route.name]
    starting = tuple(
        replace(each, status="starting:unhealthy", variables=(FOO,)) for each in RESOURCES.values()
    )
    visit = Visit(
        version, resources=starting, apps=tuple(replace(app, variables=(FOO,)) for app in APPS.values())
    )
    for each in before:
        visit.send(each)
    response = visit.send(f"{route.method} {step}", BODIES.get(route.name, ""))
    assert response.status in {200, 201}, route
    if content is None:
        yield f"{route.name} has an undocumented response"
        return
    [(kind, media)] = content.items()
    if not dict(response.headers)["Content-Type"].startswith(kind):
        yield f"{route.name} is no {kind}"
    yield from schema_differences(
        version,
        route.name,
        {} if route.name in WRONG_IN_DOCUMENTS else media["schema"],
        plain(parse_body(response)),
    )


def schema_differences(version: str, path: str, schema: Any, value: Any) -> Iterator[str]:
    """Yield where a value lacks the keys and types of a schema.

    Null matches everything; of lists, the first items are compared.
    """
    schema = resolve(version, schema)
    if value is None or "type" not in schema:
        return
    if {*schema.get("properties", ())} == {"message"} and "message" not in value:
        yield f"{path} is a message"
    elif type(value) is not KINDS[schema["type"]]:
        yield f"{path} is a {type(value).__name__}"
    elif isinstance(value, list):
        yield from schema_differences(version, path, schema["items"], value[0]) if value else ()
    elif isinstance(value, dict) and (known := schema.get("properties")):
        yield from (f"{key} is absent" for key in known.keys() - value.keys())
        yield from (f"{key} is not documented" for key in value.keys() - known.keys())
        for key in known.keys() & value.keys():
            yield from schema_differences(version, key, known[key], value[key])


def test_routes_and_fields_are_documented_except_for_known_deviations() -> None:
    facts = {
        version: {fact for route in ROUTES for fact in differences(version, route)} for version in DOCUMENTS
    }
    assert {
        (version, fact) for version, found in facts.items() for fact in found if fact not in DEVIATIONS
    } == set()
    assert DEVIATIONS.keys() - set().union(*facts.values()) == set()
