"""The table of routes of the simulated foundation, on three servers (cloudfoundry-api 1, 2, 9)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from deployer.simulator.cloudfoundry import site
from deployer.simulator.cloudfoundry.endpoints import (
    actions,
    deployments,
    log_cache,
    manifests,
    processes,
    read,
    revisions,
    uaa,
)
from deployer.simulator.cloudfoundry.endpoints.processes import of_process
from deployer.simulator.cloudfoundry.endpoints.read import Handler, of_app

GUID = r"([^/]+)"
ANY = re.compile(r".+", re.DOTALL)
NUMBER = re.compile(r"[1-9]\d*")
PAGES: Mapping[str, re.Pattern[str]] = {
    "page": NUMBER,
    "per_page": NUMBER,
    "order_by": re.compile(r"-?(created_at|updated_at|name)"),
}


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint."""

    name: str
    method: str
    path: re.Pattern[str]
    handler: Handler
    place: str = "api"
    """The server that has it."""
    query: Mapping[str, re.Pattern[str]] | None = None
    """The parameters that it supports, with their valid values."""
    body: frozenset[str] = frozenset()
    """The fields that our client may send, with dots for nested ones."""
    open: bool = False
    """It requires no token."""


def _get(name: str, path: str, response: Handler, *query: str, lists: bool = False) -> Route:
    """A GET of the Cloud Controller. `lists`: with pages."""
    known = {**(PAGES if lists else {}), **dict.fromkeys(query, ANY)}
    return Route(name, "GET", re.compile(f"/v3{path}"), response, query=known)


def _post(name: str, path: str, response: Handler, *body: str, method: str = "POST") -> Route:
    return Route(name, method, re.compile(f"/v3{path}"), response, body=frozenset(body))


APP = f"/apps/{GUID}"
NOTES = ("metadata", "metadata.annotations", "metadata.labels")
OF_AN_APP = ("relationships", "relationships.app", "relationships.app.data", "relationships.app.data.guid")
ROUTES = (
    Route("root", "GET", re.compile("/?"), read.root, open=True),
    Route("info", "GET", re.compile("/v3/info"), read.info, open=True),
    Route("token", "POST", re.compile("/oauth/token"), uaa.token, "login", {"login_hint": ANY}, open=True),
    Route("site", "GET", re.compile(f"/site/{GUID}"), site.visited, "site", open=True),
    Route("log_info", "GET", re.compile("/api/v1/info"), log_cache.info, "logs", open=True),
    Route(
        "log_read",
        "GET",
        re.compile(f"/api/v1/read/{GUID}"),
        log_cache.read,
        "logs",
        {
            "start_time": re.compile(r"-?\d+"),
            "end_time": re.compile(r"\d+"),
            "limit": NUMBER,
            "envelope_types": re.compile("LOG"),
            "descending": re.compile("true"),
        },
        open=True,  # it checks the token itself: every error with it is a 404
    ),
    _get("organizations", "/organizations", read.organizations, "names", "guids", lists=True),
    _get("spaces", "/spaces", read.spaces, "names", "guids", "organization_guids", lists=True),
    _get("apps", "/apps", read.apps, "names", "guids", "space_guids", "organization_guids", lists=True),
    _get("app", APP, of_app(read.app)),
    _get("processes", f"{APP}/processes", of_app(processes.of_one_app), lists=True),
    _get("routes", f"{APP}/routes", of_app(read.routes), lists=True),
    _get(
        "all_routes", "/routes", read.all_routes, "app_guids", "space_guids", "organization_guids", lists=True
    ),
    _get("app_droplets", f"{APP}/droplets", of_app(read.app_droplets), "states", "guids", lists=True),
    _get("current_droplet", f"{APP}/droplets/current", of_app(read.current_droplet)),
    _get("droplet", f"/droplets/{GUID}", read.droplet),
    _get(
        "all_processes",
        "/processes",
        processes.listed,
        "guids",
        "types",
        "app_guids",
        "space_guids",
        "organization_guids",
        "embed",
        lists=True,
    ),
    _get("process", f"/processes/{GUID}", of_process(processes.process)),
    _get("stats", f"/processes/{GUID}/stats", of_process(processes.stats)),
    _get(
        "process_instances", f"/processes/{GUID}/process_instances", of_process(processes.process_instances)
    ),
    _get("sidecars", f"/processes/{GUID}/sidecars", of_process(processes.sidecars), lists=True),
    _get("packages", "/packages", read.packages, "app_guids", "states", lists=True),
    _get("package", f"/packages/{GUID}", read.package),
    _get("package_droplets", f"/packages/{GUID}/droplets", read.package_droplets, "states", lists=True),
    _get("builds", "/builds", read.builds, "app_guids", "package_guids", "states", lists=True),
    _get("build", f"/builds/{GUID}", read.build),
    _get(
        "deployments",
        "/deployments",
        read.deployments,
        "app_guids",
        "status_values",
        "status_reasons",
        lists=True,
    ),
    _get("deployment", f"/deployments/{GUID}", read.deployment),
    _get("revisions", f"{APP}/revisions", of_app(revisions.listed), "versions", lists=True),
    _get("revisions_deployed", f"{APP}/revisions/deployed", of_app(revisions.deployed), lists=True),
    _get("revision", f"/revisions/{GUID}", revisions.revision),
    _get("app_feature", f"{APP}/features/{GUID}", of_app(revisions.feature)),
    _get("job", f"/jobs/{GUID}", manifests.job),
    _get(
        "audit_events",
        "/audit_events",
        read.audit_events,
        "types",
        "target_guids",
        "created_ats[gte]",
        "created_ats[gt]",
        lists=True,
    ),
    _get("roles", "/roles", read.roles, "types", "space_guids", "user_guids", lists=True),
    _get("feature_flag", f"/feature_flags/{GUID}", read.feature_flag),
    _post("start", f"{APP}/actions/start", actions.acted("app-start-200", "STARTED")),
    _post("restart", f"{APP}/actions/restart", actions.acted("app-restart-200", "STARTED")),
    _post("stop", f"{APP}/actions/stop", actions.acted("app-stop-200", "STOPPED")),
    _post(
        "assign", f"{APP}/relationships/current_droplet", actions.assign, "data", "data.guid", method="PATCH"
    ),
    _post(
        "pack",
        "/packages",
        actions.pack,
        "type",
        "data",
        "data.image",
        "data.username",
        "data.password",
        *OF_AN_APP,
        *NOTES,
    ),
    _post("stage", "/builds", actions.stage, "package", "package.guid", *NOTES),
    _post(
        "deploy",
        "/deployments",
        deployments.create,
        *("droplet", "droplet.guid", "strategy", "options", "options.max_in_flight"),
        *OF_AN_APP,
        *NOTES,
    ),
    _post("cancel", f"/deployments/{GUID}/actions/cancel", deployments.cancel),
    _post("continue", f"/deployments/{GUID}/actions/continue", deployments.resume),
    _post("apply_manifest", f"/spaces/{GUID}/actions/apply_manifest", manifests.apply),
)


def found(place: str, path: str, method: str) -> tuple[Route, str] | None:
    """The route of a path on one of the servers, and the guid in it."""
    for route in ROUTES:
        match = route.path.fullmatch(path)
        if match and (route.place, route.method) == (place, "GET" if method == "HEAD" else method):
            return route, (match.groups() or ("",))[0]
    return None
