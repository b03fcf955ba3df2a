"""The table of routes of the simulated Coolify (coolify-api 5)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from deployer.simulator.coolify.endpoints import actions, create, envs, inventory, patch, read, rollback
from deployer.simulator.coolify.endpoints.deploy import deploy
from deployer.simulator.coolify.server import Server
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint."""

    name: str
    method: str
    path: re.Pattern[str]
    handler: Callable[[Server, Request, str], Response]
    ability: str = "read"
    query: Mapping[str, re.Pattern[str] | None] | None = None
    """The parameters that our client may send, each with its valid values; None: any value."""


UUID = r"([^/]+)"
YES = re.compile("true")
"""A flag is sent as `true` or not at all: older versions treat "false" as true (coolify-api 5.1)."""
NUMBER = re.compile(r"\d+")


def _path(pattern: str) -> re.Pattern[str]:
    return re.compile(f"/api/v1{pattern}/?")


def _acts(kind: str) -> tuple[Route, ...]:
    return tuple(
        Route(
            f"{kind}_{act}",
            "POST",
            _path(f"/{kind}s/{UUID}/{act}"),
            actions.acting(kind, act),
            "deploy",
            {"latest": YES} if (kind, act) == ("service", "restart") else None,
        )
        for act in ("start", "restart", "stop")
    )


def _envs(kind: str) -> tuple[Route, ...]:
    return (
        Route(f"{kind}_envs", "GET", _path(f"/{kind}s/{UUID}/envs"), envs.listing(kind)),
        Route(f"{kind}_envs_set", "PATCH", _path(f"/{kind}s/{UUID}/envs/bulk"), envs.setting(kind), "write"),
        Route(f"{kind}_env_add", "POST", _path(f"/{kind}s/{UUID}/envs"), envs.adding(kind), "write"),
        Route(f"{kind}_env_change", "PATCH", _path(f"/{kind}s/{UUID}/envs"), envs.changing(kind), "write"),
        Route(
            f"{kind}_env_delete", "DELETE", _path(f"/{kind}s/{UUID}/envs/[^/]+"), envs.deleting(kind), "write"
        ),
    )


DEPLOY = {"uuid": None, "tag": None, "force": YES, "pr": NUMBER, "docker_tag": None}
ROUTES = (
    Route("version", "GET", _path("/version"), read.version),
    Route("health", "GET", _path("/health"), read.health, ability=""),
    Route("health_of_all", "GET", re.compile("/api/health/?"), read.health_of_all, ability=""),
    Route("deploy", "POST", _path("/deploy"), deploy, "deploy", DEPLOY),
    Route(
        "start",
        "POST",
        _path(f"/applications/{UUID}/start"),
        actions.start,
        "deploy",
        {"force": YES, "instant_deploy": YES},
    ),
    Route("restart", "POST", _path(f"/applications/{UUID}/restart"), actions.restart, "deploy"),
    Route("stop", "POST", _path(f"/applications/{UUID}/stop"), actions.stop, "deploy"),
    Route(
        "preview_delete",
        "DELETE",
        _path(f"/applications/{UUID}/previews/[^/]+"),
        actions.preview_delete,
        "write",
    ),
    Route("list", "GET", _path("/deployments"), read.deployments),
    Route(
        "history",
        "GET",
        _path(f"/deployments/applications/{UUID}"),
        read.history,
        query={"skip": NUMBER, "take": NUMBER},
    ),
    Route("look", "GET", _path(f"/deployments/{UUID}"), read.deployment),
    Route("cancel", "POST", _path(f"/deployments/{UUID}/cancel"), actions.cancel, "deploy"),
    Route("applications", "GET", _path("/applications"), read.applications, query={"tag": None}),
    Route("application", "GET", _path(f"/applications/{UUID}"), read.application),
    Route("application_logs", "GET", _path(f"/applications/{UUID}/logs"), read.application_logs),
    Route("patch", "PATCH", _path(f"/applications/{UUID}"), patch.patch, "write"),
    Route("create", "POST", _path("/applications/dockerimage"), create.create, "write"),
    Route("rollback_images", "GET", _path(f"/applications/{UUID}/rollback-images"), rollback.images),
    Route("rollback", "POST", _path(f"/applications/{UUID}/rollback"), rollback.rollback, "deploy"),
    *_envs("application"),
    Route("services", "GET", _path("/services"), read.services),
    Route("service", "GET", _path(f"/services/{UUID}"), read.service),
    *_acts("service"),
    *_envs("service"),
    Route("databases", "GET", _path("/databases"), inventory.databases),
    Route("database", "GET", _path(f"/databases/{UUID}"), read.database),
    *_acts("database"),
    *_envs("database"),
    Route("projects", "GET", _path("/projects"), create.projects),
    Route("project", "GET", _path(f"/projects/{UUID}"), create.project),
    Route("environments", "GET", _path(f"/projects/{UUID}/environments"), inventory.environments),
    Route(
        "environment",
        "GET",
        _path(f"/projects/{UUID}/(?!environments/?$|envs/?$)[^/]+"),
        inventory.environment,
    ),
    Route("servers", "GET", _path("/servers"), create.servers),
    Route("server", "GET", _path(f"/servers/{UUID}"), inventory.machine),
    Route("destinations", "GET", _path(f"/servers/{UUID}/destinations"), create.destinations),
    Route("all_destinations", "GET", _path("/destinations"), inventory.destinations),
    Route("resources", "GET", _path("/resources"), inventory.resources),
    Route("team", "GET", _path("/teams/current"), inventory.team),
)
# GET on these gives a 405; on all others the catch-all 404.
ACTIONS = frozenset({"deploy"}) | {
    f"{kind}{act}" for kind in ("", "service_", "database_") for act in ("start", "restart", "stop")
}


@cache
def found(path: str, method: str) -> tuple[Route, str] | None:
    """The route of a path, and the uuid in it.

    The route of this method, or else the first of another method.
    """
    hits = [(route, match) for route in ROUTES if (match := route.path.fullmatch(path))]
    hits.sort(key=lambda hit: hit[0].method != ("GET" if method == "HEAD" else method))
    return (hits[0][0], (hits[0][1].groups() or ("",))[0]) if hits else None
