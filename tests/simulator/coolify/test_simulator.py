"""The simulator is what coolify-api says: its answers have the recorded shapes, its scenarios end, its invariants can fail."""

import contextlib
import http.client
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from deployer import simulator
from deployer.simulator import Session
from deployer.simulator.coolify.render_env import uuid_of
from deployer.simulator.coolify.routes import ROUTES, Route
from deployer.simulator.coolify.state.conditions import act, condition
from deployer.simulator.coolify.state.deployments import DeployOptions
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import SCENARIOS, simulating
from tests.simulator.coolify.scenarios_changes import ONLY_NEW

REPLIES = Path(__file__).parents[3] / "deployer" / "simulator" / "coolify" / "replies"
CONTRACT = Path(__file__).parents[2] / "contracts" / "coolify"
TERMINAL = {"finished", "failed", "cancelled-by-user"}
NAME = "deployer/0 (test)"
V1 = "/api/v1"
VARIABLE = ONLY_NEW[0]
FAST = 500.0  # simulated seconds in a real one


@dataclass
class Reply:
    """An answer as it came over the wire."""

    status: int
    headers: list[tuple[str, str]]
    raw: bytes

    @property
    def body(self) -> Any:
        try:
            return json.loads(self.raw)
        except ValueError:
            return self.raw.decode("utf-8", "replace")

    def __getitem__(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass
class Client:
    """A well-behaved client with one keep-alive connection; `timeout` in real seconds."""

    stage: Session
    timeout: float = 5
    link: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, *, body: bytes | None = None, **headers: str) -> Reply:
        if self.link is None:
            self.link = http.client.HTTPConnection(self.stage.url.partition("//")[2], timeout=self.timeout)
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        standard = {
            "Accept": "application/json",
            "Authorization": f"Bearer {self.stage.token}",
            "User-Agent": NAME,
        }
        sent = {key: value for key, value in (standard | named).items() if value}
        try:
            self.link.request(method, path, body=body, headers=sent)
            answer = self.link.getresponse()
            return Reply(answer.status, answer.getheaders(), answer.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self) -> None:
        if self.link:
            self.link.close()
            self.link = None

    def deploy(self, number: int = 0) -> Reply:
        return self.ask("POST", f"{V1}/deploy?uuid={self.stage.uuids[number]}")

    def started(self, number: int = 0) -> str:
        return str(self.deploy(number).body["deployments"][0]["deployment_uuid"])

    def look(self, uuid: str) -> Reply:
        return self.ask("GET", f"{V1}/deployments/{uuid}")


@contextlib.contextmanager
def visiting(
    scenario: str, speed: float = FAST, timeout: float = 5, version: str | None = None
) -> Iterator[tuple[Session, Client]]:
    with simulating(scenario, speed=speed, version=version) as session:
        client = Client(session, timeout)
        try:
            yield session, client
        finally:
            client.close()


def follow(client: Client, uuid: str, speed: float, step: float = 2) -> list[dict[str, Any]]:
    """Look until it is over and settled; answers that are no deployment are left out. `step` in simulated seconds."""
    seen: list[dict[str, Any]] = []
    until, over = time.monotonic() + 20, None
    while time.monotonic() < until:
        with contextlib.suppress(OSError, http.client.HTTPException):
            reply = client.look(uuid)
            if reply.status in {401, 403}:
                break
            if (
                reply.status == 200
                and isinstance(reply.body, dict)
                and isinstance(reply.body.get("status"), str)
            ):
                seen.append(reply.body)
        if seen and seen[-1]["status"] in TERMINAL:
            over = over or time.monotonic()
            if seen[-1].get("finished_at") or time.monotonic() > over + 12 / speed:
                return seen
        time.sleep(step / speed)
    return seen


def logs(row: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(row["logs"]) if row.get("logs") else []
    return found


def placed(path: str, session: Session, deployment: str) -> str:
    """A path with the stage's own uuids."""
    project = recorded("project")["response"]["body"]
    fixed = {
        D: deployment,
        "{project}": project["uuid"],
        "{environment}": project["environments"][0]["uuid"],
        "{host}": recorded("servers")["response"]["body"][0]["uuid"],
        "{variable}": uuid_of(session.uuids[0], VARIABLE),
    }
    for place, uuid in (*fixed.items(), *zip((U, U2, U3), session.uuids, strict=False)):
        path = path.replace(place, uuid)
    return path


def recorded(name: str) -> Any:
    return json.loads((REPLIES / f"{name}.json").read_text(encoding="utf-8"))


def fits(expected: Any, actual: Any, place: str = "body") -> list[str]:
    """Where two JSON values differ in keys or types. Null stands for any type; a list is known by its first item."""
    if expected is None or actual is None:
        return []
    if type(expected) is not type(actual):
        return [f"{place}: {type(actual).__name__} instead of {type(expected).__name__}"]
    if isinstance(expected, dict):
        wrong = (
            [f"{place}: {sorted(expected.keys() ^ actual.keys())}"]
            if expected.keys() != actual.keys()
            else []
        )
        return wrong + [
            fault
            for key in expected.keys() & actual.keys()
            for fault in fits(expected[key], actual[key], f"{place}.{key}")
        ]
    if isinstance(expected, list) and expected and actual:
        return fits(expected[0], actual[0], f"{place}[0]")
    return []


# --- the answers

U, D = "{uuid}", "{deployment}"  # the stage's application and a deployment of it
U2, U3 = "{second}", "{third}"  # what else the stage has
READ, DEPLOY = "deployment_get_deployonly_403", "app_start_read403"
ANSWERS = [
    # recorded answer, scenario, method, path; `after`: a deployment was started before
    pytest.param("version", "success", "GET", "/version", False, id="version"),
    pytest.param("version", "success", "GET", "/version/", False, id="a trailing slash is no other path"),
    pytest.param("health_api_disabled", "success", "GET", "/health", False, id="health"),
    pytest.param("deploy_one", "success", "POST", f"/deploy?uuid={U}", False, id="deploy"),
    pytest.param(
        "deploy_one", "success", "POST", f"/deploy/?uuid={U}&force=true", True, id="deploy by force"
    ),
    pytest.param("deploy_skipped", "success", "POST", f"/deploy?uuid={U}", True, id="deploy skipped"),
    pytest.param("deploy_unknown", "success", "POST", "/deploy?uuid=nobody", False, id="deploy unknown"),
    pytest.param("deploy_unknown", "unknown-app", "POST", f"/deploy?uuid={U}", False, id="unknown-app"),
    pytest.param("deploy_probe_deploy", "success", "POST", "/deploy", False, id="deploy without anything"),
    pytest.param(
        "deploy_both", "success", "POST", f"/deploy?uuid={U}&tag=a", False, id="deploy uuid and tag"
    ),
    pytest.param("deploy_tag_unknown", "success", "POST", "/deploy?tag=zzz", False, id="deploy unknown tag"),
    pytest.param(
        "deploy_body_list_500", "success", "POST", f"/deploy?uuid[]={U}", False, id="deploy uuid list"
    ),
    pytest.param("deploy_get_405", "success", "GET", f"/deploy?uuid={U}", False, id="deploy by GET"),
    pytest.param("deploy_queue_full_429", "queue-full", "POST", f"/deploy?uuid={U}", False, id="queue full"),
    pytest.param(
        "app_start", "queue-full", "POST", f"/applications/{U}/start", False, id="queue full: start"
    ),
    pytest.param(
        "app_start", "success", "POST", f"/applications/{U}/start?instant_deploy=true", False, id="start"
    ),
    pytest.param("start_skipped", "success", "POST", f"/applications/{U}/start", True, id="start skipped"),
    pytest.param(
        "app_start_unknown", "success", "POST", "/applications/nobody/start", False, id="start unknown"
    ),
    pytest.param("deploy_get_405", "success", "GET", f"/applications/{U}/start", False, id="start by GET"),
    pytest.param("restart_queue_full", "success", "POST", f"/applications/{U}/restart", False, id="restart"),
    pytest.param(
        "restart_queue_full",
        "queue-full",
        "POST",
        f"/applications/{U}/restart",
        False,
        id="queue full: restart",
    ),
    pytest.param(
        "start_skipped", "success", "POST", f"/applications/{U}/restart", True, id="restart skipped"
    ),
    pytest.param(
        "app_start_unknown", "success", "POST", "/applications/nobody/restart", False, id="restart unknown"
    ),
    pytest.param(
        "deploy_get_405", "success", "GET", f"/applications/{U}/restart", False, id="restart by GET"
    ),
    pytest.param("app_stop", "success", "POST", f"/applications/{U}/stop", False, id="stop"),
    pytest.param(
        "app_start_unknown", "success", "POST", "/applications/nobody/stop", False, id="stop unknown"
    ),
    pytest.param("deploy_get_405", "success", "GET", f"/applications/{U}/stop", False, id="stop by GET"),
    pytest.param("deploy_no_uuids", "success", "POST", "/deploy?uuid=,", False, id="deploy a comma"),
    pytest.param("deploy_probe_deploy", "success", "POST", "/deploy?uuid=0", False, id="deploy 0"),
    pytest.param(
        "deploy_dockertag_nopr",
        "success",
        "POST",
        f"/deploy?uuid={U}&docker_tag=x",
        False,
        id="docker_tag without pr",
    ),
    pytest.param("deploy_one", "preview", "POST", f"/deploy?uuid={U}&pr=7", False, id="preview"),
    pytest.param(
        "deploy_one",
        "preview",
        "POST",
        f"/deploy?uuid={U}&pull_request_id=7",
        False,
        id="preview by its other name",
    ),
    pytest.param("deploy_skipped", "image", "POST", f"/deploy?uuid={U}", True, id="an image is skipped"),
    pytest.param(
        "deploy_one", "image", "POST", f"/deploy?uuid={U}&pr=9&docker_tag=pr-9", True, id="docker_tag"
    ),
    pytest.param(
        "deploy_pr_unknown", "image", "POST", f"/deploy?uuid={U}&pr=9", False, id="no preview of an image"
    ),
    pytest.param(
        "deploy_pr_unknown",
        "preview-missing",
        "POST",
        f"/deploy?uuid={U}&pr=9&docker_tag=x",
        False,
        id="preview-missing",
    ),
    pytest.param(
        "deploy_dockertag_git",
        "preview",
        "POST",
        f"/deploy?uuid={U}&pr=7&docker_tag=x",
        False,
        id="docker_tag of a repository",
    ),
    pytest.param(
        "deploy_pr_db", "preview-on-service", "POST", f"/deploy?uuid={U}&pr=7", False, id="preview-on-service"
    ),
    pytest.param(
        "deploy_pr_db", "database", "POST", f"/deploy?uuid={U}&pr=7", False, id="preview of a database"
    ),
    pytest.param("deploy_service", "service", "POST", f"/deploy?uuid={U}", False, id="deploy a service"),
    pytest.param(
        "deploy_mixed",
        "mixed",
        "POST",
        f"/deploy?uuid={U},{U3},nope",
        False,
        id="deploy an application and a database",
    ),
    pytest.param(
        "deploy_service_server_unreachable_500",
        "tag-500",
        "POST",
        f"/deploy?uuid={U3}",
        False,
        id="out of reach",
    ),
    pytest.param("deploy_tag_blue", "tag", "POST", "/deploy?tag=blue", False, id="tag"),
    pytest.param("deploy_tag_unknown", "tag-unknown", "POST", "/deploy?tag=blue", False, id="tag-unknown"),
    pytest.param("deploy_tag_unknown", "tag", "POST", "/deploy?tag=BLUE", False, id="tags are lower-case"),
    pytest.param("deploy_tag_commas", "tag", "POST", "/deploy?tag=,", False, id="tag a comma"),
    pytest.param("deploy_tag_pr", "tag", "POST", "/deploy?tag=blue&pr=7", False, id="tag and pr"),
    pytest.param(
        "deploy_dockertag_nopr",
        "tag",
        "POST",
        "/deploy?tag=blue&docker_tag=x",
        False,
        id="tag and docker_tag",
    ),
    pytest.param("deploy_queue_full_429", "tag-429", "POST", "/deploy?tag=blue", False, id="tag-429"),
    pytest.param("deploy_body_list_500", "tag-500", "POST", "/deploy?tag=blue", False, id="tag-500"),
    pytest.param("deployments_list_rs", "cancelled-queued", "GET", "/deployments", True, id="list"),
    pytest.param("deployment_get_sensitive", "success", "GET", f"/deployments/{D}", True, id="look"),
    pytest.param("deployment_unknown", "success", "GET", "/deployments/nobody", False, id="look unknown"),
    pytest.param(
        "app_deployments_rs", "success", "GET", f"/deployments/applications/{U}?take=1", True, id="history"
    ),
    pytest.param(
        "app_deployments_unknown",
        "success",
        "GET",
        "/deployments/applications/nope",
        False,
        id="history unknown",
    ),
    pytest.param(
        "app_deployments_take0", "success", "GET", f"/deployments/applications/{U}?take=0", False, id="take=0"
    ),
    pytest.param(
        "app_deployments_takex", "success", "GET", f"/deployments/applications/{U}?take=x", False, id="take=x"
    ),
    pytest.param(
        "app_deployments_skipneg",
        "success",
        "GET",
        f"/deployments/applications/{U}?skip=-1",
        False,
        id="skip=-1",
    ),
    pytest.param("cancel_queued_200", "success", "POST", f"/deployments/{D}/cancel", True, id="cancel"),
    pytest.param(
        "cancel_deploytoken_404", "success", "POST", "/deployments/nope/cancel", False, id="cancel unknown"
    ),
    pytest.param("v4.3.6_cancel", "cancel-500", "POST", f"/deployments/{D}/cancel", True, id="cancel-500"),
    pytest.param("app_get_sensitive", "success", "GET", f"/applications/{U}", False, id="application"),
    pytest.param("app_get_unknown", "success", "GET", "/applications/nope", False, id="application unknown"),
    pytest.param("apps_list", "success", "GET", "/applications", False, id="applications"),
    pytest.param(
        "preview_delete_200",
        "write-token",
        "DELETE",
        f"/applications/{U}/previews/7",
        False,
        id="delete a preview",
    ),
    pytest.param(
        "preview_delete_404",
        "write-token",
        "DELETE",
        f"/applications/{U}/previews/77",
        False,
        id="delete no preview",
    ),
    pytest.param(
        "preview_delete_422",
        "write-token",
        "DELETE",
        f"/applications/{U}/previews/x",
        False,
        id="delete the preview x",
    ),
    pytest.param(
        "app_start_unknown",
        "write-token",
        "DELETE",
        "/applications/nobody/previews/7",
        False,
        id="delete nobody's preview",
    ),
    pytest.param(
        "catchall_404", "success", "GET", f"/applications/{U}/previews/7", False, id="a preview can't be read"
    ),
    pytest.param("services_list", "service", "GET", "/services", False, id="services"),
    pytest.param("service_get", "service", "GET", f"/services/{U}", False, id="service"),
    pytest.param(
        "service_unknown", "database", "GET", f"/services/{U}", False, id="a database is no service"
    ),
    pytest.param(
        "service_restart",
        "service",
        "POST",
        f"/services/{U}/restart?latest=true",
        False,
        id="restart a service",
    ),
    pytest.param(
        "service_start_running",
        "already-running",
        "POST",
        f"/services/{U}/start",
        False,
        id="start a running service",
    ),
    pytest.param(
        "service_stop", "already-running", "POST", f"/services/{U}/stop", False, id="stop a service"
    ),
    pytest.param(
        "service_start", "already-stopped", "POST", f"/services/{U}/start", False, id="start a service"
    ),
    pytest.param(
        "service_stop_exited",
        "already-stopped",
        "POST",
        f"/services/{U}/stop",
        False,
        id="stop a stopped service",
    ),
    pytest.param(
        "service_unknown", "success", "POST", "/services/nobody/restart", False, id="restart no service"
    ),
    pytest.param(
        "deploy_get_405", "service", "GET", f"/services/{U}/restart", False, id="restart a service by GET"
    ),
    pytest.param("database_get", "database", "GET", f"/databases/{U}", False, id="database"),
    pytest.param(
        "database_unknown", "success", "GET", f"/databases/{U}", False, id="an application is no database"
    ),
    pytest.param(
        "database_restart", "database", "POST", f"/databases/{U}/restart", False, id="restart a database"
    ),
    pytest.param(
        "database_start_running",
        "already-running",
        "POST",
        f"/databases/{U2}/start",
        False,
        id="start a running database",
    ),
    pytest.param(
        "database_stop", "already-running", "POST", f"/databases/{U2}/stop", False, id="stop a database"
    ),
    pytest.param(
        "database_start", "already-stopped", "POST", f"/databases/{U2}/start", False, id="start a database"
    ),
    pytest.param(
        "database_stop_exited",
        "already-stopped",
        "POST",
        f"/databases/{U2}/stop",
        False,
        id="stop a stopped database",
    ),
    pytest.param(
        "database_unknown", "service", "POST", f"/databases/{U}/start", False, id="a service is no database"
    ),
    pytest.param(
        "deploy_get_405", "database", "GET", f"/databases/{U}/stop", False, id="stop a database by GET"
    ),
    pytest.param("resources", "mixed", "GET", "/resources", False, id="resources"),
    pytest.param("databases_list", "mixed", "GET", "/databases", False, id="databases"),
    pytest.param(
        "app_logs_200",
        "success",
        "GET",
        f"/applications/{U}/logs?lines=20",
        False,
        id="an application's logs",
    ),
    pytest.param(
        "app_logs_200", "no-logs", "GET", f"/applications/{U}/logs", False, id="its logs need read alone"
    ),
    pytest.param("app_get_unknown", "success", "GET", "/applications/nobody/logs", False, id="nobody's logs"),
    pytest.param(
        "deploy_body_list_500",
        "server-unreachable-cancel",
        "GET",
        f"/applications/{U}/logs",
        False,
        id="logs need SSH",
    ),
    pytest.param(
        "env_delete",
        "env-app",
        "DELETE",
        f"/applications/{U}/envs/{{variable}}",
        False,
        id="delete a variable",
    ),
    pytest.param(
        "env_patch_404", "env-app", "DELETE", f"/applications/{U}/envs/none", False, id="delete no variable"
    ),
    pytest.param(
        "patch_unknown_app",
        "write-token",
        "DELETE",
        "/applications/nobody/envs/none",
        False,
        id="delete nobody's variable",
    ),
    pytest.param(
        "project_environments",
        "success",
        "GET",
        "/projects/{project}/environments",
        False,
        id="a project's environments",
    ),
    pytest.param(
        "project_environment", "mixed", "GET", "/projects/{project}/production", False, id="an environment"
    ),
    pytest.param(
        "project_environment",
        "mixed",
        "GET",
        "/projects/{project}/{environment}",
        False,
        id="an environment by its uuid",
    ),
    pytest.param("create_img_badenv", "mixed", "GET", "/projects/{project}/nope", False, id="no environment"),
    pytest.param(
        "create_img_badproject",
        "mixed",
        "GET",
        "/projects/nope/production",
        False,
        id="no project's environment",
    ),
    pytest.param(
        "create_img_badproject",
        "mixed",
        "GET",
        "/projects/nope/environments",
        False,
        id="no project's environments",
    ),
    pytest.param("server", "success", "GET", "/servers/{host}", False, id="a server"),
    pytest.param("create_img_badserver", "success", "GET", "/servers/nope", False, id="no server"),
    pytest.param(
        "all_destinations", "success", "GET", "/destinations", False, id="every server's destinations"
    ),
    pytest.param("teams_current", "success", "GET", "/teams/current", False, id="the team"),
    pytest.param(
        "rollback_images", "rollback-image", "GET", f"/applications/{U}/rollback-images", False, id="images"
    ),
    pytest.param("catchall_404", "success", "GET", "/nope", False, id="no such endpoint"),
    pytest.param("catchall_404", "success", "GET", "//version", False, id="a double slash inside"),
    pytest.param("catchall_404", "success", "GET", f"/deployments/{D}/cancel", True, id="cancel by GET"),
    pytest.param("catchall_404", "success", "DELETE", "/deploy", False, id="deploy by DELETE"),
    pytest.param("unauth_bad", "bad-token", "GET", "/version", False, id="bad-token"),
    pytest.param(READ, "deploy-only-token", "GET", "/version", False, id="deploy-only-token: version"),
    pytest.param(READ, "deploy-only-token", "GET", "/deployments", False, id="deploy-only-token: list"),
    pytest.param(DEPLOY, "read-only-token", "POST", f"/deploy?uuid={U}", False, id="read-only-token"),
    pytest.param(DEPLOY, "read-only-token", "GET", f"/deploy?uuid={U}", False, id="403 beats 405"),
    pytest.param("transport_api_disabled", "api-disabled", "GET", "/version", False, id="api-disabled"),
    pytest.param("ip_denied", "ip-denied", "GET", "/version", False, id="ip-denied"),
    pytest.param("member_deploy_version", "member-token", "GET", "/version", False, id="member-token"),
    pytest.param("left_team_401", "left-team", "GET", "/version", False, id="left-team"),
    pytest.param(
        "deploy_body_list_500", "server-error", "POST", f"/deploy?uuid={U}", False, id="server-error"
    ),
    pytest.param("ratelimit_429", "throttled", "POST", f"/deploy?uuid={U}", False, id="throttled"),
    pytest.param("elsewhere_html", "html", "GET", "/version", False, id="html"),
    pytest.param("elsewhere_redirect_301", "redirect", "GET", "/version", False, id="redirect"),
    pytest.param(
        "transport_proxy_cloudflare_access_302", "cloudflare", "GET", "/version", False, id="cloudflare"
    ),
    pytest.param("transport_proxy_traefik_404", "proxy-404", "GET", "/version", False, id="proxy-404"),
    pytest.param("v4.0.0-beta.380_version", "old", "GET", "/version", False, id="old: version"),
    pytest.param("v4.0.0-beta.380_deployment_logs", "old", "GET", f"/deployments/{D}", True, id="old: look"),
    pytest.param("v4.0.0-beta.380_app_get", "old", "GET", f"/applications/{U}", False, id="old: application"),
    pytest.param(
        "v4.0.0-beta.380_app_start",
        "old",
        "POST",
        f"/applications/{U}/start",
        False,
        id="old: start needs write",
    ),
    pytest.param(
        "v4.0.0-beta.380_deploy_get", "old", "GET", f"/deploy?uuid={U}", False, id="old: deploy by GET"
    ),
    pytest.param("deploy_one", "old", "POST", f"/deploy?uuid={U}", True, id="old: nothing is skipped"),
    pytest.param("catchall_404", "old", "GET", f"/deployments/applications/{U}", False, id="old: no history"),
    pytest.param("catchall_404", "old", "POST", f"/deployments/{D}/cancel", True, id="old: no cancel"),
]
FREE = {
    "date",
    "x-ratelimit-remaining",
    "location",
    "retry-after",
    "x-ratelimit-reset",
    "content-length",
    "set-cookie",
}


@pytest.mark.parametrize(("name", "scenario", "method", "path", "after"), ANSWERS)
def test_an_answer_has_the_status_headers_and_shape_of_the_recorded_one(
    name: str,
    scenario: str,
    method: str,
    path: str,
    *,
    after: bool,
) -> None:
    with visiting(scenario, 1) as (session, client):
        started = client.started() if after else ""
        reply = client.ask(method, V1 + placed(path, session, started))
        expected = recorded(name)["response"]
    pairs = expected["headers"].items() if isinstance(expected["headers"], dict) else expected["headers"]
    assert reply.status == expected["status"]
    fixed = {key.lower(): value for key, value in pairs if key.lower() not in FREE}
    assert {key.lower(): value for key, value in reply.headers if key.lower() not in FREE} == fixed
    assert {key.lower() for key, _ in pairs} - {key.lower() for key, _ in reply.headers} == set()
    assert {key.lower() for key, _ in reply.headers} - {key.lower() for key, _ in pairs} <= {"content-length"}
    body = expected["body"]
    if name == "deployments_list_rs":
        body, shown = next(iter(body.values())), reply.body["0"]
        assert fits(body, shown) == []
    else:
        assert fits(body, reply.body) == []
        if isinstance(body, str) or (
            isinstance(body, dict) and body.keys() <= {"message", "docs", "success", "errors"}
        ):
            assert reply.body == body or "nope" in path or "Current status" in str(body)


JSON = "application/json"
PATCHES = [
    # recorded answer, scenario, path, content type, body
    pytest.param("patch_empty", "write-token", f"/applications/{U}", JSON, "{}", id="the probe"),
    pytest.param("patch_empty", "write-token", "/applications/nobody", JSON, "{}", id="the probe of nobody"),
    pytest.param("patch_nobody", "write-token", f"/applications/{U}", "", "", id="no content type"),
    pytest.param("patch_list", "write-token", f"/applications/{U}", JSON, "[]", id="a list"),
    pytest.param("patch_list", "write-token", f"/applications/{U}", JSON, "", id="nothing"),
    pytest.param(
        "patch_unknown_app", "write-token", "/applications/nobody", JSON, '{"name": "x"}', id="nobody"
    ),
    pytest.param(
        "patch_unknown_field", "write-token", f"/applications/{U}", JSON, '{"nope": 1}', id="an unknown field"
    ),
    pytest.param("patch_ok", "write-token", f"/applications/{U}", JSON, '{"name": "x"}', id="a field"),
]


@pytest.mark.parametrize(("name", "scenario", "path", "kind", "body"), PATCHES)
def test_a_patch_is_answered_as_recorded(name: str, scenario: str, path: str, kind: str, body: str) -> None:
    with visiting(scenario) as (session, client):
        reply = client.ask(
            "PATCH", V1 + placed(path, session, ""), body=body.encode() or None, Content_Type=kind
        )
        expected = recorded(name)["response"]
        assert (reply.status, reply.body) == (
            expected["status"],
            {**expected["body"], **({"uuid": session.uuids[0]} if name == "patch_ok" else {})},
        )


def test_what_a_patch_changes_can_be_read_and_a_parameter_of_its_query_is_a_field() -> None:
    with visiting("write-token") as (session, client):
        place = f"{V1}/applications/{session.uuids[0]}"
        client.ask(
            "PATCH",
            place,
            body=b'{"docker_registry_image_tag": "3.0", "domains": "http://new.example.com"}',
            Content_Type=JSON,
        )
        body = client.ask("GET", place).body
        assert (body["docker_registry_image_tag"], body["fqdn"]) == ("3.0", "http://new.example.com")
        refused = client.ask("PATCH", f"{place}?uuid=x", body=b'{"name": "x"}', Content_Type=JSON)
        assert (refused.status, refused.body["errors"]) == (422, {"uuid": ["This field is not allowed."]})
        assert client.ask("GET", place).body["name"] == "shop"


@pytest.mark.parametrize("request_line", [f"PATCH /applications/{U}", f"DELETE /applications/{U}/previews/7"])
def test_what_is_written_needs_the_ability_to_write(request_line: str) -> None:
    with visiting("success") as (session, client):
        method, _, path = request_line.partition(" ")
        reply = client.ask(method, V1 + placed(path, session, ""))
        assert (reply.status, reply.body) == (403, {"message": "Missing required permissions: write"})


def test_the_health_of_all_needs_no_token_and_has_a_throttle_of_its_own() -> None:
    with visiting("bad-token", 1) as (_, client):
        reply = client.ask("GET", "/api/health", Authorization="")
        assert (reply.status, reply.body, reply["x-ratelimit-limit"]) == (200, "OK", "1000")


def test_the_api_behind_a_double_slash_is_the_login_page() -> None:
    with visiting("success") as (session, _):
        link = http.client.HTTPConnection(session.url.partition("//")[2], timeout=5)
        link.putrequest("GET", "//api/v1/version")
        link.endheaders()
        answer = link.getresponse()
        assert (answer.status, answer.getheader("Location")) == (302, f"{session.url}/login")
        assert b"<!DOCTYPE html>" in answer.read()
        assert {key for key, _ in answer.getheaders()} == {
            key for key, _ in recorded("api_root")["response"]["headers"]
        }
        link.close()


def test_bodies_are_encoded_as_php_and_laravel_do() -> None:
    with visiting("success") as (_, client):
        assert b'"docs":"https:\\/\\/coolify.io\\/docs"' in client.ask("GET", f"{V1}/nope").raw
    with visiting("server-error") as (_, client):
        assert client.deploy().raw == b'{\n    "message": "Server Error"\n}'
    with visiting("success", 1000) as (_, client):
        uuid = client.started()
        time.sleep(0.05)
        raw = client.look(uuid).raw
        assert raw.isascii()
        assert b"\\\\\\/artifacts" in raw  # a string inside a string


def test_only_answers_after_the_throttle_tell_what_is_left() -> None:
    with visiting("bad-token") as (_, client):
        assert client.ask("GET", f"{V1}/version")["x-ratelimit-limit"] is None
    with visiting("success", 1) as (_, client):
        assert [client.ask("GET", f"{V1}/version")["x-ratelimit-remaining"] for _ in range(3)] == [
            "199",
            "198",
            "197",
        ]


def test_two_hundred_requests_in_a_minute_are_enough() -> None:
    with visiting("success", 1) as (_, client):
        replies = [client.ask("GET", f"{V1}/nope") for _ in range(201)]
        assert [reply.status for reply in replies] == [404] * 200 + [429]
        assert 50 < int(replies[-1]["retry-after"] or 0) <= 60
        assert replies[-1].raw == b'{\n    "message": "Too Many Attempts."\n}'
        assert client.ask("GET", f"{V1}/version", Authorization="Bearer nobody").status == 401


def test_head_has_the_headers_of_get_without_a_body() -> None:
    with visiting("success") as (_, client):
        reply = client.ask("HEAD", f"{V1}/version")
        assert (reply.status, reply.raw, reply["transfer-encoding"]) == (200, b"", None)
        assert client.ask("GET", f"{V1}/version").body == "4.3.10"


def test_an_image_application_differs_where_the_recorded_one_does() -> None:
    with visiting("image") as (session, client):
        body = client.ask("GET", f"{V1}/applications/{session.uuids[0]}").body
        image = recorded("create_img_get")["response"]["body"]
        assert [body[key] for key in ("build_pack", "git_repository", "ports_exposes", "source_type")] == [
            image[key] for key in ("build_pack", "git_repository", "ports_exposes", "source_type")
        ]
        assert body["docker_registry_image_name"] == "ghcr.io/acme/shop"


def test_a_token_counts_without_its_number_and_with_any_spelling_of_bearer() -> None:
    with visiting("success") as (session, client):
        assert (
            client.ask(
                "GET", f"{V1}/version", Authorization=f"bearer {session.token.partition('|')[2]}"
            ).status
            == 200
        )


# --- where the contracts are at hand: the copies are the originals


def originals() -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in sorted(REPLIES.glob("*.json"))]


def changed(ours: Any, theirs: Any, place: str = "body") -> list[str]:
    """What of a copy is not as it was recorded: of a list some rows may be left out, and a secret may be a fake."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        lost = [key for key in theirs.keys() - ours.keys() if not key.isdecimal()]
        wrong = [f"{place}: {sorted(lost)}"] if lost or ours.keys() - theirs.keys() else []
        return wrong + [
            fault
            for key in ours.keys() & theirs.keys()
            for fault in changed(ours[key], theirs[key], f"{place}.{key}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list):
        rest = iter(theirs)
        missing = [index for index, each in enumerate(ours) if all(changed(each, there) for there in rest)]
        return [f"{place}[{index}]: not in the recording, or not in its order" for index in missing]
    return (
        []
        if ours == theirs or (isinstance(ours, str) and ours.startswith("FAKE"))
        else [f"{place}: {ours!r} instead of {theirs!r}"]
    )


@pytest.mark.parametrize("path", originals())
def test_a_copy_says_what_the_original_says(path: Path) -> None:
    copy = json.loads(path.read_text(encoding="utf-8"))
    if copy["source"].startswith("derived"):
        return
    original = json.loads((CONTRACT / copy["source"]).read_text(encoding="utf-8"))
    if "entries" in copy:
        last = original["responses"][-1]["body"]
        lines = [entry for entry in copy["entries"] if not entry.get("derived", "").startswith("fixtures")]
        assert [entry["type"] for entry in lines if "derived" not in entry] == [
            entry["type"]
            for entry, line in zip(json.loads(last["logs"]), lines, strict=True)
            if "derived" not in line
        ]
        told = {
            line["output"].replace("%deployment%", last["deployment_uuid"])
            for line in lines
            if "%app" not in line["output"]
        }
        assert told & {entry["output"] for entry in json.loads(last["logs"])}
        return
    assert copy["response"]["status"] == original["response"]["status"]
    names = original["response"]["headers"]
    assert [key for key, _ in copy["response"]["headers"]] == [
        key for key, _ in (names.items() if isinstance(names, dict) else names)
    ]
    assert changed(copy["response"]["body"], original["response"]["body"]) == []


def test_the_copies_hold_nothing_of_the_machine_that_recorded_them() -> None:
    for path in REPLIES.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        for trace in ("Authorization", "/srv/", "/home/", "/work/", '"vm"', "capture/"):
            assert trace not in text, path.name


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.name not in {"health_of_all", "team"}],
    ids=lambda route: route.name,
)
def test_an_endpoint_is_one_of_the_servers_own_description(route: Route) -> None:
    paths = json.loads((CONTRACT.parent / "openapi" / "coolify-v4.4-rc.1.json").read_text(encoding="utf-8"))[
        "paths"
    ]
    [described] = [
        methods
        for path, methods in paths.items()
        if route.path.fullmatch(V1 + path) and route.method.lower() in methods
    ]
    named = {parameter["name"] for parameter in described[route.method.lower()].get("parameters", [])}
    assert set(route.query or ()) <= named


# --- the scenarios


ENDS = [
    # scenario, status at the end, whether `finished_at` is there then
    pytest.param("success", "finished", True, id="success"),
    pytest.param("build-failure", "failed", True, id="build-failure"),
    pytest.param("unhealthy", "failed", True, id="unhealthy"),
    pytest.param("cancelled", "cancelled-by-user", True, id="cancelled"),
    pytest.param("cancelled-queued", "cancelled-by-user", False, id="cancelled-queued"),
    pytest.param("slow", "finished", True, id="slow"),
    pytest.param("outage", "finished", True, id="outage"),
    pytest.param("image", "finished", True, id="image"),
    pytest.param("post-command-failed", "finished", True, id="post-command-failed"),
    pytest.param("post-command-skipped", "finished", True, id="post-command-skipped"),
    pytest.param("post-command-endless", "finished", False, id="post-command-endless"),
    pytest.param("no-logs", "finished", True, id="no-logs"),
    pytest.param("rewritten", "finished", True, id="rewritten"),
    pytest.param("hostile", "failed", True, id="hostile"),
    pytest.param("unknown-status", "finished", True, id="unknown-status"),
    pytest.param("huge", "finished", True, id="huge"),
    pytest.param("malformed", "finished", True, id="malformed"),
    pytest.param("old", "finished", False, id="old"),
    pytest.param("restarted", "failed", False, id="restarted"),
    pytest.param("late-reason", "failed", True, id="late-reason"),
    pytest.param("cancel-500", "finished", True, id="cancel-500"),
]


@pytest.mark.parametrize(("scenario", "status", "ended"), ENDS)
def test_a_scenario_plays_to_its_end(scenario: str, status: str, *, ended: bool) -> None:
    slow = scenario == "slow"
    speed = 2000 if slow else FAST
    with visiting(scenario, speed) as (session, client):
        seen = follow(client, client.started(), speed, step=30 if slow else 2)
        assert (seen[-1]["status"], bool(seen[-1].get("finished_at"))) == (status, ended)
        assert violations(session) == []


def test_every_scenario_says_what_the_run_will_see() -> None:
    people = [
        "success", "build-failure", "unhealthy", "cancelled", "cancelled-queued", "slow", "queue-full", "already-queued", "bad-token",
        "deploy-only-token", "outage", "image", "service", "database", "preview", "two-servers", "crash-after-deploy", "tag",
        "image-update", "bad-release",
    ]  # fmt: skip
    assert list(simulator.SCENARIOS) == people == list(SCENARIOS)[: len(people)]
    for name, scenario in SCENARIOS.items():
        assert scenario.name == name
        assert scenario.summary.endswith(".")


def test_logs_grow_entry_by_entry_and_timestamps_never_change() -> None:
    with visiting("success", 300) as (_, client):
        seen = [logs(row) for row in follow(client, client.started(), 300)]
    assert seen[0] == []
    for earlier, later in pairwise(seen):
        assert later[: len(earlier)] == earlier
    whole = seen[-1]
    assert [entry.get("order") for entry in whole] == [None, *range(2, len(whole) + 1)]
    assert len({(entry["timestamp"], entry["output"]) for entry in whole}) == len(whole)


def test_a_commit_is_head_until_git_was_read() -> None:
    with visiting("success", 300) as (_, client):
        commits = [row["commit"] for row in follow(client, client.started(), 300)]
    assert (commits[0], commits[-1]) == ("HEAD", "1111111111222222222233333333334444444444")


def test_a_failure_is_seen_before_its_reason() -> None:
    with visiting("late-reason", 25) as (_, client):
        seen = follow(client, client.started(), 25, step=0.5)
    bare = [row for row in seen if row["status"] == "failed" and not row["finished_at"]]
    assert bare
    assert not any("Deployment failed:" in entry["output"] for entry in logs(bare[0]))
    assert any("Deployment failed:" in entry["output"] for entry in logs(seen[-1]))


def test_the_post_deployment_command_runs_between_finished_and_finished_at() -> None:
    with visiting("post-command-slow", 500) as (_, client):
        uuid = client.started()
        until = time.monotonic() + 160 / 500
        seen = []
        while time.monotonic() < until:
            seen.append(client.look(uuid).body)
            time.sleep(0.004)
    assert any(row["status"] == "finished" and not row["finished_at"] for row in seen)
    assert (seen[-1]["status"], bool(seen[-1]["finished_at"])) == ("finished", True)
    assert seen[-1]["application"]["post_deployment_command"]


def test_a_running_deployment_that_is_cancelled_loses_an_entry_and_ends_with_the_odd_one() -> None:
    with visiting("success", 10) as (session, client):
        uuid = client.started()
        time.sleep(0.9)
        reply = client.ask("POST", f"{V1}/deployments/{uuid}/cancel")
        assert reply.body["status"] == "cancelled-by-user"
        first = client.look(uuid).body
        assert (first["status"], first["finished_at"]) == ("cancelled-by-user", None)
        assert logs(first)[-1]["output"] == "Deployment cancelled by user via API."
        last = follow(client, uuid, 10, step=0.2)[-1]
        assert last["finished_at"]
        said = [entry["output"] for entry in logs(last)]
        assert said[-1] == "Deployment container not yet started. Will be cancelled when job checks status."
        assert "Deployment cancelled by user via API." not in said
        again = client.ask("POST", f"{V1}/deployments/{uuid}/cancel")
        assert (again.status, again.body["message"]) == (
            400,
            "Deployment cannot be cancelled. Current status: cancelled-by-user",
        )
        assert violations(session) == []


def test_a_queued_deployment_that_is_cancelled_has_one_entry_and_no_end() -> None:
    with visiting("cancelled-queued", 100) as (_, client):
        seen = follow(client, client.started(), 100)
    assert {row["status"] for row in seen} == {"queued", "cancelled-by-user"}
    assert [entry["output"] for entry in logs(seen[-1])] == ["Deployment cancelled by user via API."]


def test_a_second_deployment_waits_for_the_first() -> None:
    with visiting("success") as (session, client):
        client.started()
        second = client.ask("POST", f"{V1}/deploy?uuid={session.uuids[0]}&force=true").body["deployments"][0][
            "deployment_uuid"
        ]
        assert client.look(second).body["status"] == "queued"
        assert client.ask("GET", f"{V1}/deployments").body.keys() == {"0", "1"}
        seen = follow(client, second, FAST)
        assert [row["status"] for row in seen][-1] == "finished"
        assert isinstance(client.ask("GET", f"{V1}/deployments").body, list)


def test_a_full_queue_empties_after_two_minutes() -> None:
    with visiting("queue-full", 250) as (session, client):
        assert client.deploy().status == 429
        assert len(client.ask("GET", f"{V1}/deployments").body) == 26
        phantom = client.ask("POST", f"{V1}/applications/{session.uuids[0]}/start?instant_deploy=true").body[
            "deployment_uuid"
        ]
        assert client.look(phantom).status == 404
        time.sleep(131 / 250)
        assert follow(client, client.started(), 250)[-1]["status"] == "finished"
        assert violations(session) == []


def test_behind_already_queued_somebody_elses_deployment_runs() -> None:
    with visiting("already-queued") as (session, client):
        item = client.deploy().body["deployments"][0]
        assert item["message"] == "Deployment already queued for this commit."
        assert client.look(item["deployment_uuid"]).status == 404
        row = client.ask("GET", f"{V1}/deployments/applications/{session.uuids[0]}?take=5").body[
            "deployments"
        ][0]
        assert (row["status"], row["is_api"]) == ("in_progress", False)
        assert follow(client, row["deployment_uuid"], FAST)[-1]["status"] == "finished"


def test_a_cancelled_foreign_deployment_makes_room_for_ours() -> None:
    with visiting("adopted-cancelled") as (session, client):
        client.deploy()
        foreign = session.deployments()[0]["deployment_uuid"]
        assert follow(client, foreign, FAST)[-1]["status"] == "cancelled-by-user"
        assert follow(client, client.started(), FAST)[-1]["status"] == "finished"
        assert violations(session) == []


def test_a_phantom_with_nothing_behind_it_makes_room_for_ours() -> None:
    with visiting("adopted-gone") as (session, client):
        assert "already queued" in client.deploy().body["deployments"][0]["message"]
        assert client.ask("GET", f"{V1}/deployments/applications/{session.uuids[0]}").body == {
            "count": 0,
            "deployments": [],
        }
        assert follow(client, client.started(), FAST)[-1]["status"] == "finished"
        assert violations(session) == []


def test_two_applications_end_differently() -> None:
    with visiting("two") as (session, client):
        ends = [follow(client, client.started(number), FAST)[-1] for number in (0, 1)]
        assert [row["status"] for row in ends] == ["failed", "finished"]
        assert violations(session) == []


@pytest.mark.parametrize(
    ("scenario", "rows"), [("lost-answer", 1), ("truncated", 1), ("lost-request", 0), ("hang-start", 1)]
)
def test_a_trigger_without_an_answer_may_have_queued(scenario: str, rows: int) -> None:
    with visiting(scenario, timeout=0.2) as (session, client):
        with pytest.raises((OSError, http.client.HTTPException)):
            client.deploy()
        listed = client.ask("GET", f"{V1}/deployments/applications/{session.uuids[0]}?take=1").body
        assert (listed["count"], len(session.deployments())) == (rows, rows)


@pytest.mark.parametrize(("scenario", "status"), [("vanished", 404), ("revoked", 401)])
def test_a_deployment_can_be_lost_from_sight_after_ten_seconds(scenario: str, status: int) -> None:
    with visiting(scenario, 25) as (_, client):
        uuid = client.started()
        assert client.look(uuid).status == 200
        time.sleep(0.41)
        assert client.look(uuid).status == status


def test_a_right_can_be_missing_for_one_endpoint_only() -> None:
    with visiting("forbidden") as (_, client):
        uuid = client.started()
        assert client.look(uuid).body == {"message": "Missing required permissions: read"}
        assert client.ask("GET", f"{V1}/version").status == 200


def test_logs_are_absent_for_those_who_may_not_read_them() -> None:
    with visiting("no-logs") as (session, client):
        uuid = client.started()
        assert "logs" not in client.look(uuid).body
        assert (
            "logs"
            not in client.ask("GET", f"{V1}/deployments/applications/{session.uuids[0]}").body["deployments"][
                0
            ]
        )
        assert "custom_labels" not in client.ask("GET", f"{V1}/applications/{session.uuids[0]}").body
        assert "logs" in session.deployments()[0]


def test_an_outage_has_three_looks_and_an_end() -> None:
    looks: set[object] = set()
    with visiting("outage", 80) as (_, client):
        uuid = client.started()
        until = time.monotonic() + 85 / 80
        while time.monotonic() < until:
            try:
                reply = client.look(uuid)
                looks.add((reply.status, reply["content-type"]))
            except (OSError, http.client.HTTPException):
                looks.add("no answer")
            time.sleep(0.02)
        assert client.look(uuid).body["status"] == "finished"
    assert looks == {
        (200, "application/json"),
        (503, "application/json"),
        "no answer",
        (404, "text/plain; charset=utf-8"),
    }


def test_a_huge_answer_is_longer_than_64_mib() -> None:
    with visiting("huge") as (_, client):
        uuid = client.started()
        sizes = [len(client.look(uuid).raw) for _ in range(3)]
    assert [size > 64 << 20 for size in sizes] == [False, True, False]


def test_malformed_looks_are_malformed() -> None:
    with visiting("malformed") as (_, client):
        uuid = client.started()
        kinds = [client.look(uuid).body for _ in range(6)]
    assert [type(kind).__name__ for kind in kinds] == ["dict", "str", "list", "dict", "dict", "dict"]
    assert (kinds[3]["logs"], kinds[4]["status"]) == ("[{not json", 7)


def test_throttling_comes_once_for_the_trigger_and_once_for_a_look() -> None:
    with visiting("throttled") as (session, client):
        first = client.deploy()
        assert (first.status, first["retry-after"], first["x-ratelimit-remaining"]) == (429, "6", "0")
        uuid = client.started()
        assert [client.look(uuid).status for _ in range(4)] == [200, 200, 429, 200]
        assert violations(session) == []


def test_a_rewritten_log_shrinks_and_holds_every_entry_in_the_end() -> None:
    with visiting("rewritten", 40) as (_, client):
        seen = [logs(row) for row in follow(client, client.started(), 40, step=0.5)]
    sizes = [len(entries) for entries in seen]
    assert any(later < earlier for earlier, later in pairwise(sizes))
    fingerprints = [json.dumps(entry) for entry in seen[-1]]
    assert len(set(fingerprints)) == len(fingerprints)
    assert {json.dumps(entry) for entries in seen for entry in entries} == set(fingerprints)


def test_hostile_text_arrives_as_it_is() -> None:
    with visiting("hostile") as (session, client):
        uuid = client.started()
        row = follow(client, uuid, FAST)[-1]
        text = "\n".join(entry["output"] for entry in logs(row))
    parts = (
        "::error::",
        "::add-mask::a",
        "##[error]",
        "##vso[",
        "\x1b[0Ksection_end:1:x\r\x1b[0K",
        "\x1b]8;;",
        "\u202e",
        "\x00",
        "\ud800",
    )
    assert [part for part in parts if part not in text] == []
    assert session.token in text
    assert "\ud800" in row["application_name"]


def test_the_old_version_has_no_end_and_no_application_in_a_row() -> None:
    with visiting("old", 100) as (_, client):
        seen = follow(client, client.started(), 100)
    assert {row["status"] for row in seen} == {"queued", "in_progress", "finished"}
    assert not seen[-1].keys() & {"finished_at", "application"}
    assert "production" in seen[-1]["deployment_url"]


def test_a_status_that_nobody_knows_passes() -> None:
    with visiting("unknown-status", 100) as (_, client):
        statuses = [row["status"] for row in follow(client, client.started(), 100)]
    assert list(dict.fromkeys(statuses)) == ["in_progress", "paused", "finished"]


# --- services, databases, and what becomes of an application


def status_of(client: Client, uuid: str, kind: str) -> str:
    return str(client.ask("GET", f"{V1}/{kind}s/{uuid}").body["status"])


RUNS, STARTING, EXITED, DOWN = "running:healthy", "starting:unhealthy", "exited", "exited:unhealthy"
COURSES = [
    # kind, scenario, request, statuses at seconds after it
    pytest.param(
        "service",
        "service",
        f"POST /services/{U}/restart",
        [(0, RUNS), (5, EXITED), (9, STARTING), (30, EXITED), (66, RUNS)],
        id="restart",
    ),
    pytest.param(
        "service",
        "service",
        f"POST /services/{U}/restart?latest=true",
        [(0, RUNS), (5, STARTING), (41, RUNS)],
        id="latest",
    ),
    pytest.param(
        "service", "service", f"POST /deploy?uuid={U}", [(0, STARTING), (21, EXITED), (61, RUNS)], id="deploy"
    ),
    pytest.param(
        "service",
        "already-stopped",
        f"POST /services/{U}/start",
        [(0, EXITED), (4, STARTING), (21, EXITED), (61, RUNS)],
        id="start",
    ),
    pytest.param(
        "service", "service", f"POST /services/{U}/stop", [(0, RUNS), (5, EXITED), (999, EXITED)], id="stop"
    ),
    pytest.param(
        "service",
        "service-stale",
        f"POST /services/{U}/restart",
        [(7, RUNS), (12, EXITED), (71, RUNS)],
        id="stale",
    ),
    pytest.param(
        "service",
        "service-never-up",
        f"POST /services/{U}/restart",
        [(5, STARTING), (26, EXITED), (999, EXITED)],
        id="never up",
    ),
    pytest.param(
        "service",
        "service-degraded",
        f"POST /deploy?uuid={U}",
        [(5, STARTING), (26, "degraded:unhealthy")],
        id="service-degraded",
    ),
    pytest.param(
        "database",
        "database",
        f"POST /databases/{U}/restart",
        [(0, RUNS), (5, DOWN), (26, RUNS)],
        id="database: restart",
    ),
    pytest.param(
        "database", "database", f"POST /deploy?uuid={U}", [(3, DOWN), (26, RUNS)], id="database: deploy"
    ),
    pytest.param(
        "database",
        "database",
        f"POST /databases/{U}/stop",
        [(0, RUNS), (5, DOWN), (999, DOWN)],
        id="database: stop",
    ),
    pytest.param(
        "application",
        "success",
        f"POST /applications/{U}/stop",
        [(0, "running:unknown"), (5, DOWN)],
        id="application: stop",
    ),
    pytest.param(
        "application", "success", f"POST /deploy?uuid={U}", [(999, "running:unknown")], id="application"
    ),
    pytest.param(
        "application",
        "crash-after-deploy",
        f"POST /deploy?uuid={U}",
        [(40, "running:unknown"), (66, DOWN), (999, DOWN)],
        id="crash-after-deploy",
    ),
    pytest.param(
        "application",
        "crash-loop",
        f"POST /deploy?uuid={U}",
        [(40, "running:unknown"), (46, "restarting:unknown")],
        id="crash-loop",
    ),
    pytest.param(
        "application", "degraded", f"POST /deploy?uuid={U}", [(46, "degraded:unhealthy")], id="degraded"
    ),
    pytest.param(
        "application", "never-clear", f"POST /deploy?uuid={U}", [(999, "running:unhealthy")], id="never-clear"
    ),
    pytest.param(
        "application",
        "health-late",
        f"POST /deploy?uuid={U}",
        [(46, "starting:unknown"), (86, "running:unknown")],
        id="health-late",
    ),
    pytest.param(
        "application",
        "unhealthy-without-check",
        f"POST /deploy?uuid={U}",
        [(46, "running:unhealthy")],
        id="without check",
    ),
]


@pytest.mark.parametrize(("kind", "scenario", "step", "course"), COURSES)
def test_a_status_follows_from_what_was_done_last(
    kind: str, scenario: str, step: str, course: list[tuple[float, str]]
) -> None:
    with visiting(scenario, 1) as (session, client):
        walk(client, step)
        passed, seen = 0.0, []
        for at, _ in course:
            session.skip(at - passed)
            passed = at
            seen.append((at, status_of(client, session.uuids[0], kind)))
        assert seen == course
        assert violations(session) == []


def test_a_health_check_is_configured_where_it_never_tells_anything_good() -> None:
    for scenario, configured in (("never-clear", True), ("unhealthy-without-check", False)):
        with visiting(scenario) as (session, client):
            assert (
                client.ask("GET", f"{V1}/applications/{session.uuids[0]}").body["health_check_enabled"]
                is configured
            )


def test_a_stopped_application_runs_once_a_newer_deployment_is_finished() -> None:
    with visiting("success", 1) as (session, client):
        walk(client, f"POST /applications/{U}/stop")
        session.skip(10)
        uuid = client.started()
        assert client.look(uuid).body["application"]["status"] == DOWN
        session.skip(46)
        assert client.look(uuid).body["application"]["status"] == "running:unknown"


def test_a_lost_answer_to_a_restart_leaves_a_service_that_is_restarted() -> None:
    with visiting("service-lost-answer", 1) as (session, client):
        with pytest.raises((OSError, http.client.HTTPException)):
            walk(client, f"POST /services/{U}/restart?latest=true")
        session.skip(5)
        assert status_of(client, session.uuids[0], "service") == STARTING


def test_a_restart_is_a_deployment_of_its_own_kind() -> None:
    with visiting("success") as (session, client):
        reply = client.ask("POST", f"{V1}/applications/{session.uuids[0]}/restart")
        row = follow(client, reply.body["deployment_uuid"], FAST)[-1]
        assert (row["status"], row["restart_only"], row["is_api"]) == ("finished", True, True)
        assert logs(row)[1]["output"] == "Restarting coollabsio/coolify-examples:main on localhost."


# --- tags


def test_a_tag_names_its_applications_with_their_deployments_and_its_services_in_prose() -> None:
    with visiting("tag") as (session, client):
        body = client.ask("POST", f"{V1}/deploy?tag={session.tag}").body
        assert [item["resource_uuid"] for item in body["details"]] == list(session.uuids[:2])
        assert [item["deployment_uuid"] for item in body["details"]] == [
            row["deployment_uuid"] for row in session.deployments()
        ]
        assert body["message"] == [
            "Application web deployment queued.",
            "Application worker deployment queued.",
            "Service stack started. It could take a while, be patient.",
        ]
        assert [app["name"] for app in client.ask("GET", f"{V1}/applications?tag=blue").body] == [
            "web",
            "worker",
        ]
        assert client.ask("GET", f"{V1}/applications?tag=nope").body == []
        assert [service["name"] for service in client.ask("GET", f"{V1}/services").body] == ["stack"]
        assert violations(session) == []


def test_what_is_skipped_by_tag_has_a_phantom() -> None:
    with visiting("tag-phantom") as (session, client):
        body = client.ask("POST", f"{V1}/deploy?tag=blue").body
        assert body["message"] == [
            "Deployment already queued for this commit.",
            "Application worker deployment queued.",
        ]
        assert [client.look(item["deployment_uuid"]).status for item in body["details"]] == [404, 200]
        assert [row["is_api"] for row in session.deployments()] == [False, True]


SILENT = [
    # scenario, tag, body: there are no details
    pytest.param("tag-empty", "blue", ["No resources found for tag blue."], id="tag-empty"),
    pytest.param(
        "service",
        "nope,blue",
        ["Service stack started. It could take a while, be patient."],
        id="unknown ones are silent",
    ),
    pytest.param(
        "service",
        "blue,blue",
        ["Service stack started. It could take a while, be patient."] * 2,
        id="a tag twice",
    ),
]


@pytest.mark.parametrize(("scenario", "tag", "said"), SILENT)
def test_a_tag_without_applications_has_no_details(scenario: str, tag: str, said: list[str]) -> None:
    with visiting(scenario) as (_, client):
        reply = client.ask("POST", f"{V1}/deploy?tag={tag}")
        assert (reply.status, reply.body) == (200, {"message": said})


@pytest.mark.parametrize(("scenario", "status", "rows"), [("tag-429", 429, 1), ("tag-500", 500, 2)])
def test_an_error_in_the_middle_of_a_tag_hides_what_was_queued(scenario: str, status: int, rows: int) -> None:
    with visiting(scenario) as (session, client):
        assert client.ask("POST", f"{V1}/deploy?tag=blue").status == status
        assert len(session.deployments()) == rows


def test_a_lost_answer_to_a_tag_may_have_deployed_all_of_it() -> None:
    with visiting("tag-lost", 1) as (session, client):
        with pytest.raises((OSError, http.client.HTTPException)):
            client.ask("POST", f"{V1}/deploy?tag=blue")
        assert len(session.deployments()) == 2
        assert status_of(client, session.uuids[2], "service") == STARTING


def test_two_services_of_one_name_cannot_be_told_apart_in_the_answer() -> None:
    with visiting("tag-service-twice") as (session, client):
        said = client.ask("POST", f"{V1}/deploy?tag=blue").body["message"]
        assert said[1] == said[2]
        assert len({service["uuid"] for service in client.ask("GET", f"{V1}/services").body}) == 2
        assert len(session.uuids) == 3


def test_every_rehearsal_can_be_one_by_tag_unless_there_is_only_a_database() -> None:
    for name in simulator.SCENARIOS:
        with simulating(name) as session:
            assert (session.tag == "blue") is (name != "database"), name


# --- previews, other servers, other people


def test_a_preview_is_a_row_of_its_own_and_waits_for_no_other() -> None:
    with visiting("preview") as (session, client):
        client.started()
        asked = f"{V1}/deploy?uuid={session.uuids[0]}&pr=7"
        uuid = client.ask("POST", asked).body["deployments"][0]["deployment_uuid"]
        assert (
            client.ask("POST", asked).body["deployments"][0]["message"]
            == "Deployment already queued for this commit."
        )
        row = client.look(uuid).body
        assert (row["pull_request_id"], row["status"]) == (7, "in_progress")
        assert follow(client, uuid, FAST)[-1]["status"] == "finished"


def test_a_preview_of_an_image_has_its_own_tag_and_can_be_deleted() -> None:
    with visiting("write-token", 1) as (session, client):
        asked = f"{V1}/deploy?uuid={session.uuids[0]}&pr=9&docker_tag="
        uuids = [
            client.ask("POST", asked + tag).body["deployments"][0]["deployment_uuid"]
            for tag in ("pr-9", "pr-9b")
        ]
        assert [client.look(uuid).body["docker_registry_image_tag"] for uuid in uuids] == ["pr-9", "pr-9b"]
        deleted = [
            client.ask("DELETE", f"{V1}/applications/{session.uuids[0]}/previews/9").status for _ in range(2)
        ]
        assert deleted == [200, 404]
        assert {client.look(uuid).body["status"] for uuid in uuids} == {"cancelled-by-user"}


@pytest.mark.parametrize(
    ("scenario", "status"), [("two-servers", "finished"), ("other-server-fails", "failed")]
)
def test_an_additional_server_gets_a_deployment_once_the_main_one_is_finished(
    scenario: str, status: str
) -> None:
    with visiting(scenario, 1) as (session, client):
        uuid = client.started()
        body = client.ask("GET", f"{V1}/applications/{session.uuids[0]}").body
        assert (
            body["additional_servers_count"],
            [server["name"] for server in body["additional_servers"]],
        ) == (1, ["second"])
        session.skip(40)
        assert len(session.deployments()) == 1
        session.skip(6)
        other, main = client.ask("GET", f"{V1}/deployments/applications/{session.uuids[0]}").body[
            "deployments"
        ]
        assert (main["deployment_uuid"], main["status"], main["is_api"], main["server_id"]) == (
            uuid,
            "finished",
            True,
            0,
        )
        assert (other["status"], other["is_api"], other["server_id"], other["server_name"]) == (
            "in_progress",
            False,
            2,
            "second",
        )
        assert other["created_at"] == main["finished_at"]
        session.skip(1)
        told = f"/application/{session.uuids[0]}/deployment/{other['deployment_uuid']}"
        [line] = [
            entry
            for entry in logs(client.look(uuid).body)
            if entry["output"].startswith("Deployment to second. Logs: http://")
        ]
        assert line["output"].endswith(told)
        assert not line["hidden"]
        session.skip(50)
        assert client.look(other["deployment_uuid"]).body["status"] == status
        assert violations(session) == []


def test_a_deployment_on_an_additional_server_may_be_cancelled_by_who_started_the_main_one() -> None:
    with visiting("two-servers", 1) as (session, client):
        client.started()
        session.skip(50)
        walk(client, f"POST /deployments/{D}/cancel")
        assert [row["status"] for row in session.deployments()] == ["finished", "cancelled-by-user"]
        assert violations(session) == []


def test_a_webhooks_deployment_has_its_commit_from_the_beginning() -> None:
    with visiting("webhook-too") as (session, client):
        row = follow(client, client.started(), FAST)[-1]
        theirs = session.deployments()[0]
        assert (theirs["is_webhook"], theirs["is_api"], theirs["status"], theirs["commit"]) == (
            True,
            False,
            "finished",
            row["commit"],
        )
        assert (row["is_webhook"], row["is_api"]) == (False, True)


def test_a_webhooks_deployment_of_an_image_is_one_that_ours_is_skipped_for() -> None:
    with visiting("webhook-adopted") as (session, client):
        assert "already queued" in client.deploy().body["deployments"][0]["message"]
        assert [row["is_webhook"] for row in session.deployments()] == [True]


def test_the_deployments_of_others_may_be_cancelled_where_that_is_wished() -> None:
    with visiting("cancel-others", 1) as (session, client):
        rows = client.ask("GET", f"{V1}/deployments").body.values()
        assert [row["status"] for row in rows] == ["in_progress", "queued"]
        for row in rows:
            assert client.ask("POST", f"{V1}/deployments/{row['deployment_uuid']}/cancel").status == 200
        assert {row["status"] for row in session.deployments()} == {"cancelled-by-user"}
        assert violations(session) == []


def test_a_cancel_on_a_server_out_of_reach_says_so_and_works() -> None:
    with visiting("server-unreachable-cancel") as (_, client):
        uuid = client.started()
        reply = client.ask("POST", f"{V1}/deployments/{uuid}/cancel")
        assert (reply.status, reply.body["message"].partition(":")[0]) == (500, "Failed to cancel deployment")
        assert client.look(uuid).body["status"] == "cancelled-by-user"


FULL = [
    # scenario, request, what it answers while the queue is full: status, and whether it names a deployment
    pytest.param("queue-always-full", f"POST /deploy?uuid={U}", 429, False, id="deploy"),
    pytest.param("full-and-already", f"POST /deploy?uuid={U}", 429, False, id="full comes before skipped"),
    pytest.param("start-queue-full", f"POST /applications/{U}/start", 200, True, id="start"),
    pytest.param(
        "start-queue-full",
        f"POST /applications/{U}/start?instant_deploy=true",
        200,
        True,
        id="instant_deploy",
    ),
    pytest.param("start-queue-full", f"POST /applications/{U}/restart", 200, True, id="restart"),
]


@pytest.mark.parametrize(("scenario", "step", "status", "named"), FULL)
def test_a_full_queue_takes_nothing(scenario: str, step: str, status: int, *, named: bool) -> None:
    with visiting(scenario, 1) as (session, client):
        client.ask("GET", f"{V1}/version")
        before = len(session.deployments())
        method, _, path = step.partition(" ")
        for _ in range(2):
            reply = client.ask(method, V1 + placed(path, session, ""))
            assert (reply.status, "deployment_uuid" in reply.body) == (status, named)
            session.skip(100)
            if scenario != "queue-always-full":
                break
        assert len(session.deployments()) == before
        session.skip(40)
        again = client.ask(method, V1 + placed(path, session, ""))
        assert (again.status, len(session.deployments())) == (
            (429, before) if scenario == "queue-always-full" else (200, before + 1)
        )
        assert violations(session) == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_ends(name: str) -> None:
    with simulating(name, speed=1) as session:
        server = session.server
        server.now()
        server.trigger()
        for uuid in list(server.apps)[: session.scenario.targets]:
            server.enqueue(uuid, DeployOptions())
        for uuid in server.resources:
            act(server, uuid, "deploy")
        for _ in range(40):
            session.skip(60)
            server.now()
        assert {row["status"] for row in session.deployments()} <= TERMINAL
        settled = [
            condition(server, uuid)
            for uuid in session.uuids
            if session.scenario.targets or session.scenario.resources
        ]
        session.skip(3600)
        assert settled == [
            condition(server, uuid)
            for uuid in session.uuids
            if session.scenario.targets or session.scenario.resources
        ]


# --- what is changed, made, proven and taken back


def write(client: Client, step: str, body: object) -> Reply:
    """A request with a JSON body; `{uuid}` is the application."""
    method, _, path = step.partition(" ")
    return client.ask(
        method, V1 + placed(path, client.stage, ""), body=json.dumps(body).encode(), Content_Type=JSON
    )


def visit(client: Client, uuid: str = "", **headers: str) -> tuple[int, str]:
    """What the site says to somebody without a token."""
    place = client.stage.site.removeprefix(client.stage.url) if not uuid else f"/site/{uuid}"
    reply = client.ask(
        "GET", place, body=None, **({"Authorization": "", "User_Agent": "", "Accept": ""} | headers)
    )
    return reply.status, reply.raw.decode()


PROBE = f"PATCH /applications/{U}"
BULK, ENVS = f"PATCH /applications/{U}/envs/bulk", f"GET /applications/{U}/envs"
FOUR = {"is_preview": False, "is_literal": False, "is_multiline": True, "is_shown_once": True}
VARIABLES = [
    # what is sent of one variable; of which rows these columns show what
    pytest.param(
        {"key": "NODE_ENV", "value": " x "}, False, {"value": "x", "is_buildtime": True}, id="trimmed"
    ),
    pytest.param({"key": "NODE_ENV", "value": ""}, False, {"value": None, "real_value": ""}, id="empty"),
    pytest.param({"key": "NODE_ENV", "value": "x", "nope": 1}, False, {"value": "x"}, id="an unknown key"),
    pytest.param({"key": "NODE_ENV", "value": "x"}, True, {"value": "production"}, id="the copy stays"),
    pytest.param({"key": "NODE_ENV", "value": "x", "is_preview": True}, True, {"value": "x"}, id="the copy"),
    pytest.param(
        {"key": "NODE_ENV", "value": "x", "is_preview": True},
        False,
        {"value": "production"},
        id="only the copy",
    ),
    pytest.param(
        {"key": "GREETING", "value": "x"},
        False,
        {"is_literal": False, "comment": "for the front page"},
        id="reset",
    ),
    pytest.param(
        {"key": "SIGNING_KEY", "value": "x", **FOUR},
        False,
        {"is_multiline": True, "value": "hidden"},
        id="shown once",
    ),
    pytest.param(
        {"key": "SIGNING_KEY", "value": "x", **FOUR},
        True,
        {"real_value": "'first line\nsecond line'"},
        id="its copy is shown",
    ),
    pytest.param({"key": "NEW", "value": "x"}, False, {"value": "x", "is_required": False}, id="new"),
    pytest.param({"key": "NEW", "value": "x"}, True, {"value": "x"}, id="new: its copy"),
    pytest.param({"key": "NEW", "value": "x", "is_preview": True}, False, {}, id="new for previews only"),
]


@pytest.mark.parametrize(("item", "preview", "columns"), VARIABLES)
def test_many_variables_are_set_one_by_one(
    item: dict[str, object], *, preview: bool, columns: dict[str, object]
) -> None:
    with visiting("env-app") as (session, client):
        assert write(client, BULK, {"data": [item]}).status == 201
        rows = [
            row
            for row in client.ask("GET", V1 + placed(ENVS[4:], session, "")).body
            if (row["key"], row["is_preview"]) == (item["key"], preview)
        ]
        assert [{key: row.get(key, "hidden") for key in columns} for row in rows] == (
            [columns] if columns else []
        )
        assert violations(session) == []


REFUSED_DATA = [
    pytest.param({"x": 1}, 400, {"message": "Bulk data is required."}, id="no data"),
    pytest.param({"data": []}, 400, {"message": "Bulk data is required."}, id="empty data"),
    pytest.param(
        {"data": [{"key": "A", "value": 5}]},
        422,
        {"value": ["The value field must be a string."]},
        id="a number",
    ),
    pytest.param(
        {"data": [{"key": "A", "value": "x", "is_literal": "maybe"}]},
        422,
        {"is_literal": ["The is literal field must be true or false."]},
        id="a flag",
    ),
    pytest.param(
        {"data": [{"key": "A B", "value": "x"}]},
        422,
        {"key": ["The key field format is invalid."]},
        id="a key",
    ),
    pytest.param({"data": [{"value": "x"}]}, 422, {"key": ["This field is required."]}, id="no key"),
    pytest.param(
        {"data": [{"key": "SIGNING_KEY", "value": "x"}]},
        500,
        {"message": "Server Error"},
        id="flags left out",
    ),
]


@pytest.mark.parametrize(("body", "status", "said"), REFUSED_DATA)
def test_variables_are_refused_in_the_words_of_coolify(
    body: object, status: int, said: dict[str, object]
) -> None:
    with visiting("env-app") as (_, client):
        reply = write(client, BULK, body)
        assert (reply.status, reply.body.get("errors", reply.body)) == (status, said)


def shown(client: Client, kind: str = "application") -> list[dict[str, Any]]:
    """The variables of the stage's first target."""
    rows: list[dict[str, Any]] = client.ask("GET", f"{V1}/{kind}s/{client.stage.uuids[0]}/envs").body
    return rows


def test_a_variable_of_an_application_is_added_with_its_copy_changed_and_deleted() -> None:
    with visiting("env-app") as (session, client):
        added = write(client, f"POST /applications/{U}/envs", {"key": "NEW", "value": " x "})
        assert (added.status, added.body.keys()) == (201, {"uuid"})
        assert [(row["value"], row["is_preview"]) for row in shown(client) if row["key"] == "NEW"] == [
            ("x", False),
            ("x", True),
        ]
        assert write(client, f"POST /applications/{U}/envs", {"key": "NEW", "value": "y"}).status == 409
        changed = write(client, f"PATCH /applications/{U}/envs", {"key": "NEW", "value": "z"})
        assert (changed.status, changed.body["uuid"], changed.body["value"]) == (201, added.body["uuid"], "z")
        path = f"{V1}/applications/{session.uuids[0]}/envs/{added.body['uuid']}"
        assert [client.ask("DELETE", path).status for _ in range(2)] == [200, 404]
        assert [(row["value"], row["is_preview"]) for row in shown(client) if row["key"] == "NEW"] == [
            ("x", True)
        ]


def test_a_variable_of_a_service_is_added_changed_and_deleted() -> None:
    with visiting("env-service") as (session, client):
        added = write(client, f"POST /services/{U}/envs", {"key": "NEW", "value": "x", "is_literal": True})
        assert (added.status, added.body["value"], added.body["is_literal"]) == (201, "x", True)
        assert write(client, f"POST /services/{U}/envs", {"key": "NEW"}).status == 409
        changed = write(client, f"PATCH /services/{U}/envs", {"key": "NEW", "value": "z"})
        assert (changed.status, changed.body["value"], changed.body["is_literal"]) == (201, "z", True)
        assert (
            client.ask("DELETE", f"{V1}/services/{session.uuids[0]}/envs/{added.body['uuid']}").status == 200
        )
        assert "NEW" not in {row["key"] for row in shown(client, "service")}


REFUSED_SINGLES = [
    pytest.param("POST", {"value": "x"}, 422, {"key": ["This field is required."]}, id="no key"),
    pytest.param(
        "POST", {"key": "A B"}, 422, {"key": ["The key field format is invalid."]}, id="a key that is none"
    ),
    pytest.param(
        "POST", {"key": "A", "value": 5}, 422, {"value": ["The value field must be a string."]}, id="a number"
    ),
    pytest.param(
        "POST", {"key": "A", "nope": 1}, 422, {"nope": ["This field is not allowed."]}, id="an unknown field"
    ),
    pytest.param(
        "PATCH",
        {"key": "A", "nope": 1},
        422,
        {"nope": ["This field is not allowed."]},
        id="an unknown field of a change",
    ),
    pytest.param(
        "PATCH", {"key": "NOPE"}, 404, {"message": "Environment variable not found."}, id="a change of none"
    ),
    pytest.param(
        "PATCH", {"key": "SIGNING_KEY", "value": "x"}, 500, {"message": "Server Error"}, id="flags left out"
    ),
]


@pytest.mark.parametrize(("method", "body", "status", "said"), REFUSED_SINGLES)
def test_a_single_variable_is_refused_in_the_words_of_coolify(
    method: str, body: object, status: int, said: dict[str, object]
) -> None:
    with visiting("env-app") as (_, client):
        before = shown(client)
        reply = write(client, f"{method} /applications/{U}/envs", body)
        assert (reply.status, reply.body.get("errors", reply.body)) == (status, said)
        assert shown(client) == before


def test_one_variable_takes_the_flags_of_its_version() -> None:
    for version, flag, status in (
        ("4.0.0-beta.426", "is_build_time", 201),
        ("4.0.0-beta.426", "is_buildtime", 422),
        ("4.0.0-beta.434", "is_buildtime", 201),
        ("4.0.0-beta.434", "is_multiline", 422),
        ("4.3.10", "is_multiline", 201),
        ("4.3.10", "is_build_time", 422),
    ):
        with visiting("env-app", version=version) as (_, client):
            reply = write(client, f"POST /applications/{U}/envs", {"key": "NEW", "value": "x", flag: True})
            assert reply.status == status, (version, flag, reply.body)


def test_what_came_before_a_mistake_stays() -> None:
    with visiting("env-app") as (session, client):
        assert (
            write(
                client, BULK, {"data": [{"key": "SAVED", "value": "1"}, {"key": "BAD", "value": True}]}
            ).status
            == 422
        )
        keys = {row["key"] for row in client.ask("GET", V1 + placed(ENVS[4:], session, "")).body}
        assert ("SAVED" in keys, "BAD" in keys) == (True, False)


def test_a_service_keeps_what_is_not_sent() -> None:
    with visiting("env-service") as (session, client):
        new, old = write(
            client,
            f"PATCH /services/{U}/envs/bulk",
            {"data": [{"key": "NEW", "value": "x"}, {"key": "GREETING"}]},
        ).body
        assert (old["value"], old["is_literal"]) == ("Hello $USER", True)
        assert not new.keys() & {
            "comment",
            "is_literal",
            "is_multiline",
            "is_shown_once",
            "is_preview",
            "order",
            "is_required",
        }
        assert not any(
            row["is_preview"] for row in client.ask("GET", f"{V1}/services/{session.uuids[0]}/envs").body
        )
        assert violations(session) == []


REFUSED_FIELDS = [
    pytest.param(
        {"nope": 1, "name": 5},
        422,
        {"nope": ["This field is not allowed."], "name": ["The name field must be a string."]},
        id="dict of lists",
    ),
    pytest.param(
        {"ports_exposes": ""},
        422,
        {"ports_exposes": "The ports_exposes should be a comma separated list of numbers."},
        id="dict of texts",
    ),
    pytest.param(
        {"custom_nginx_configuration": "ä"},
        422,
        {"custom_nginx_configuration": "The custom_nginx_configuration should be base64 encoded."},
        id="base64",
    ),
    pytest.param({"domains": "http://a.example.com,b"}, 422, ["Invalid URL: b"], id="list"),
    pytest.param(
        {"docker_registry_image_name": "nginx:1"},
        422,
        {"docker_registry_image_name": ["The docker registry image name field format is invalid."]},
        id="image",
    ),
]


@pytest.mark.parametrize(("body", "status", "errors"), REFUSED_FIELDS)
def test_fields_are_refused_in_all_shapes_and_nothing_is_changed(
    body: object, status: int, errors: object
) -> None:
    with visiting("patch-refused") as (session, client):
        place = f"{V1}/applications/{session.uuids[0]}"
        before = client.ask("GET", place).body
        reply = write(client, PROBE, body)
        assert (reply.status, reply.body["errors"]) == (status, errors)
        assert client.ask("GET", place).body == before


def test_an_address_that_another_application_has_is_a_conflict_unless_it_is_forced() -> None:
    with visiting("patch-refused") as (session, client):
        reply = write(client, PROBE, {"domains": "http://worker.example.com"})
        assert (reply.status, [each["resource_name"] for each in reply.body["conflicts"]]) == (
            409,
            ["worker"],
        )
        assert (
            write(
                client, PROBE, {"domains": "http://worker.example.com", "force_domain_override": True}
            ).status
            == 200
        )
        assert (
            client.ask("GET", f"{V1}/applications/{session.uuids[0]}").body["fqdn"]
            == "http://worker.example.com"
        )


def test_a_field_of_the_settings_is_changed_within_them() -> None:
    with visiting("write-token") as (session, client):
        write(client, PROBE, {"is_spa": True})
        body = client.ask("GET", f"{V1}/applications/{session.uuids[0]}").body
        assert (body["settings"]["is_spa"], "is_spa" in body) == (True, False)


def test_a_deployment_that_is_queued_takes_the_new_tag_and_one_that_runs_the_old_one() -> None:
    with visiting("image-update", 1) as (session, client):
        running, waiting = (
            client.ask("POST", f"{V1}/deploy?uuid={session.uuids[0]}&force=true").body["deployments"][0]
            for _ in range(2)
        )
        write(client, PROBE, {"docker_registry_image_tag": "3.0.0"})
        session.skip(200)
        told = [logs(client.look(each["deployment_uuid"]).body)[1]["output"] for each in (running, waiting)]
        assert [text.partition(" to ")[0].rpartition(":")[2] for text in told] == ["2.0.1", "3.0.0"]
        assert (
            client.ask("GET", f"{V1}/applications/{session.uuids[0]}/rollback-images").body["images"][0][
                "tag"
            ]
            == "3.0.0"
        )
        assert violations(session) == []


def test_an_image_that_runs_already_when_its_tag_is_changed_is_deployed_again() -> None:
    with visiting("already-queued-old-image", 1) as (session, client):
        write(client, PROBE, {"docker_registry_image_tag": "3.0.0"})
        assert "already queued" in client.deploy().body["deployments"][0]["message"]
        session.skip(60)
        uuid = client.started()
        session.skip(60)
        assert [row["status"] for row in session.deployments()] == ["finished", "finished"]
        assert "shop:3.0.0" in logs(client.look(uuid).body)[1]["output"]
        assert violations(session) == []


@pytest.mark.parametrize(
    ("fixed_name", "current"), [(False, None), (True, "2.0.1")], ids=["ordinary", "the same name for ever"]
)
def test_the_current_image_is_only_marked_where_the_container_s_name_is_kept(
    *, fixed_name: bool, current: str | None
) -> None:
    with visiting("rollback-image", 1) as (session, client):
        write(client, PROBE, {"is_consistent_container_name_enabled": fixed_name})
        told = client.ask("GET", f"{V1}/applications/{session.uuids[0]}/rollback-images").body
        assert (told["current"], [each["tag"] for each in told["images"]]) == (current, ["2.0.1", "2.0.0"])
        assert [each["tag"] for each in told["images"] if each["is_current"]] == (
            [current] if current else []
        )


@pytest.mark.parametrize(("version", "status"), [("4.1.2", 500), ("4.2.0", 405)])
def test_a_trouble_of_an_action_catches_a_get_where_that_acts(version: str, status: int) -> None:
    with visiting("server-error", version=version) as (session, client):
        assert client.ask("GET", f"{V1}/deploy?uuid={session.uuids[0]}").status == status
        assert client.ask("POST", f"{V1}/deploy?uuid={session.uuids[0]}").status == 500
        assert session.deployments() == []


def test_a_rollback_is_a_row_that_builds_nothing_and_the_site_answers_again() -> None:
    with visiting("rollback-git", 1) as (session, client):
        assert visit(client) == (200, "ok")
        kept = [
            each["tag"]
            for each in client.ask("GET", f"{V1}/applications/{session.uuids[0]}/rollback-images").body[
                "images"
            ]
        ]
        client.started()
        assert visit(client) == (200, "ok")
        session.skip(60)
        assert visit(client) == (502, "Bad Gateway")
        images = client.ask("GET", f"{V1}/applications/{session.uuids[0]}/rollback-images").body
        assert [each["tag"] for each in images["images"]] == [
            "1111111111222222222233333333334444444444",
            *kept,
        ]
        reply = write(client, f"POST /applications/{U}/rollback", {"commit": kept[0]})
        assert reply.body["message"] == "Rollback deployment queued."
        session.skip(30)
        row = client.look(reply.body["deployment_uuid"]).body
        assert (row["status"], row["rollback"], row["commit"]) == ("finished", True, kept[0])
        assert not any("Building" in entry["output"] for entry in logs(row))
        assert visit(client) == (200, "ok")
        assert violations(session) == []


def test_an_image_goes_back_by_its_tag_and_not_by_a_rollback() -> None:
    with visiting("rollback-image", 1) as (session, client):
        write(client, PROBE, {"docker_registry_image_tag": "3.0.0"})
        client.started()
        session.skip(60)
        assert visit(client) == (502, "Bad Gateway")
        write(client, f"POST /applications/{U}/rollback", {"commit": "2.0.1"})
        session.skip(60)
        assert visit(client) == (502, "Bad Gateway")
        write(client, PROBE, {"docker_registry_image_tag": "2.0.1"})
        client.started()
        session.skip(60)
        assert visit(client) == (200, "ok")
        assert violations(session) == []


NO_ROLLBACK = [
    pytest.param("rollback-git", {"commit": "a b;c"}, "rollback_bad", id="a bad one"),
    pytest.param("rollback-git", {"x": 1}, "rollback_missing2", id="none"),
    pytest.param("rollback-git", {}, "patch_empty", id="nothing"),
    pytest.param("rollback-impossible", {"commit": "abc"}, "catchall_404", id="an older version"),
    pytest.param("queue-always-full", {"commit": "abc"}, "rollback_queue_full", id="a full queue"),
]


@pytest.mark.parametrize(("scenario", "body", "name"), NO_ROLLBACK)
def test_a_rollback_is_refused_as_recorded(scenario: str, body: object, name: str) -> None:
    with visiting(scenario) as (session, client):
        client.ask("GET", f"{V1}/version")
        rows = len(session.deployments())
        reply, expected = write(client, f"POST /applications/{U}/rollback", body), recorded(name)["response"]
        assert (reply.status, reply.body, len(session.deployments())) == (
            expected["status"],
            expected["body"],
            rows,
        )


def test_a_site_answers_late_and_not_at_all_when_it_is_stopped() -> None:
    with visiting("site-late", 1) as (session, client):
        client.started()
        session.skip(46)
        assert visit(client) == (502, "Bad Gateway")
        session.skip(40)
        assert visit(client) == (200, "ok")
        client.ask("POST", f"{V1}/applications/{session.uuids[0]}/stop")
        session.skip(5)
        assert visit(client)[0] == 503
        assert visit(client, "nobody")[0] == 404
        assert violations(session) == []


@pytest.mark.parametrize("header", ["Authorization", "Cookie"])
def test_a_site_that_is_sent_what_is_meant_for_coolify_is_a_breach(header: str) -> None:
    with visiting("outage") as (session, client):
        assert visit(client, **{header: "secret"}) == (200, "ok")
        assert violations(session) == [
            f"GET /site/{session.uuids[0]}: the site was sent the header {header.lower()!r}"
        ]


def wanted(client: Client, **more: object) -> dict[str, object]:
    """What makes an application in the first project, environment and server that the lists name."""
    project = client.ask("GET", f"{V1}/projects").body[0]["uuid"]
    environment = client.ask("GET", f"{V1}/projects/{project}").body["environments"][0]["name"]
    server = client.ask("GET", f"{V1}/servers").body[0]["uuid"]
    image = {
        "docker_registry_image_name": "ghcr.io/acme/shop",
        "docker_registry_image_tag": "1.0",
        "ports_exposes": "80",
    }
    return {
        "project_uuid": project,
        "environment_name": environment,
        "server_uuid": server,
        "name": "shop",
        **image,
        **more,
    }


def test_an_application_that_was_made_can_be_found_deployed_and_visited() -> None:
    with visiting("create", 1) as (session, client):
        assert [
            [each["name"] for each in client.ask("GET", f"{V1}/{kind}").body]
            for kind in ("projects", "servers", "applications")
        ] == [
            ["Shop", "Blog"],
            ["localhost", "builder"],
            [],
        ]
        reply = write(
            client, "POST /applications/dockerimage", wanted(client, domains="https://shop.example.com")
        )
        assert (reply.status, reply.body["domains"], session.site.rpartition("/")[2]) == (
            201,
            "https://shop.example.com",
            reply.body["uuid"],
        )
        [listed] = client.ask("GET", f"{V1}/applications").body
        environment = client.ask("GET", f"{V1}/projects/{wanted(client)['project_uuid']}").body[
            "environments"
        ][0]
        assert (listed["name"], listed["build_pack"], listed["environment_id"]) == (
            "shop",
            "dockerimage",
            environment["id"],
        )
        assert (listed["status"], visit(client)[0]) == ("exited:unhealthy", 503)
        uuid = client.ask("POST", f"{V1}/deploy?uuid={listed['uuid']}").body["deployments"][0][
            "deployment_uuid"
        ]
        session.skip(60)
        assert (client.look(uuid).body["status"], visit(client)) == ("finished", (200, "ok"))
        assert violations(session) == []


NOT_MADE = [
    pytest.param({"environment_name": None}, "create_img_noenv", id="no environment"),
    pytest.param({"environment_name": "nope"}, "create_img_badenv", id="unknown environment"),
    pytest.param({"project_uuid": "nope"}, "create_img_badproject", id="unknown project"),
    pytest.param({"project_uuid": None}, "create_img_noproject", id="no project"),
    pytest.param({"server_uuid": "nope"}, "create_img_badserver", id="unknown server"),
    pytest.param({"docker_registry_image_name": "UPPER/Case"}, "create_img_badimage", id="image"),
]


@pytest.mark.parametrize(("fields", "name"), NOT_MADE)
def test_an_application_is_not_made_for_the_recorded_reasons(fields: dict[str, object], name: str) -> None:
    with visiting("create") as (_, client):
        reply, expected = (
            write(client, "POST /applications/dockerimage", wanted(client, **fields)),
            recorded(name)["response"],
        )
        assert (reply.status, reply.body) == (expected["status"], expected["body"])
        assert client.ask("GET", f"{V1}/applications").body == []


def test_nothing_is_made_on_a_server_that_only_builds_or_in_a_foreign_destination() -> None:
    with visiting("create") as (_, client):
        builder = client.ask("GET", f"{V1}/servers").body[1]["uuid"]
        assert "build server" in str(
            write(client, "POST /applications/dockerimage", wanted(client, server_uuid=builder)).body[
                "errors"
            ]
        )
        [destination] = client.ask("GET", f"{V1}/servers/{builder}/destinations").body
        assert destination["server_uuid"] == builder
        ignored = write(
            client, "POST /applications/dockerimage", wanted(client, destination_uuid=destination["uuid"])
        )
        assert ignored.status == 201  # there is only one, so that nobody looks


ENVIRONMENT = {"data": [{"key": "A", "value": "1"}]}
ALTERED = [
    # the requests after the two probes, and whether these were right
    pytest.param([(PROBE, {"name": "x"})], True, id="fields"),
    pytest.param([(BULK, ENVIRONMENT)], True, id="variables"),
    pytest.param([(f"POST /applications/{U}/rollback", {"commit": "abc"})], True, id="a rollback"),
    pytest.param([("POST /applications/dockerimage", {"name": "x"})], True, id="an application"),
    pytest.param([], False, id="nothing"),
]


@pytest.mark.parametrize(("steps", "right"), ALTERED)
def test_who_alters_something_may_probe(steps: list[tuple[str, object]], *, right: bool) -> None:
    with visiting("write-token") as (session, client):
        client.ask("POST", f"{V1}/deploy")
        write(client, PROBE, {})
        for step, body in steps:
            write(client, step, body)
        assert (violations(session) == []) is right


@pytest.mark.parametrize(
    ("scenario", "last", "right"),
    [("success", "GET /version", True), ("success", f"POST /deploy?uuid={U}", False)],
)
def test_who_learns_from_a_probe_that_he_may_not_had_reason_to_probe(
    scenario: str, last: str, *, right: bool
) -> None:
    with visiting(scenario) as (session, client):
        assert [write(client, PROBE, {}).status, client.ask("POST", f"{V1}/deploy").status] == [403, 400]
        walk(client, last)
        assert (violations(session) == []) is right


def test_a_second_deployment_is_right_for_another_image_only() -> None:
    with visiting("image-update", 1) as (session, client):
        for tag, wrong in (("3.0.0", 0), ("2.0.1", 0), ("3.0.0", 1)):
            write(client, PROBE, {"docker_registry_image_tag": tag})
            client.started()
            session.skip(60)
            assert len(violations(session)) == wrong


@pytest.mark.parametrize(
    ("scenario", "step", "said"),
    [
        pytest.param(
            "rollback-git",
            f"POST /applications/{U}/rollback",
            "was rolled back 2 times",
            id="rolled back twice",
        ),
        pytest.param(
            "create",
            "POST /applications/dockerimage",
            "an application shop was made 2 times",
            id="made twice",
        ),
    ],
)
def test_what_is_done_once_is_not_done_twice(scenario: str, step: str, said: str) -> None:
    with visiting(scenario) as (session, client):
        body = {"commit": "abc"} if "rollback" in step else wanted(client)
        write(client, step, body)
        assert violations(session) == []
        write(client, step, body)
        assert said in violations(session)[0]


# --- the wire


def test_one_connection_serves_many_requests() -> None:
    with visiting("success") as (_, client):
        client.ask("GET", f"{V1}/version")
        link = client.link
        assert link is not None
        held = link.sock
        for path in ("/nope", "/health", "/deployments"):
            client.ask("GET", V1 + path)
        assert link.sock is held


def test_a_request_to_close_is_obeyed() -> None:
    with visiting("success") as (_, client):
        assert client.ask("GET", f"{V1}/version", Connection="close")["connection"] == "close"


def test_clients_that_hang_up_leave_no_trace_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with visiting("huge") as (session, client):
        uuid = client.started()
        client.look(uuid)
        host, _, port = session.url.partition("//")[2].partition(":")
        head = f"Host: x\r\nAccept: application/json\r\nAuthorization: Bearer {session.token}\r\nUser-Agent: {NAME}\r\n\r\n"
        for sent in (
            f"GET {V1}/deployments/{uuid} HTTP/1.1\r\n{head}",
            "GET / HTTP/1.1\r\nHost",
            "nonsense\r\n\r\n",
            "",
        ):
            with socket.create_connection((host, int(port)), 5) as raw:
                raw.sendall(sent.encode())
                if sent.startswith(f"GET {V1}"):
                    raw.recv(10)
        assert client.ask("GET", f"{V1}/version").status == 200
    assert capfd.readouterr() == ("", "")


def test_a_request_that_hangs_ends_with_the_stage() -> None:
    ended: list[str] = []
    with visiting("hang") as (session, client):
        uuid = client.started()
        client.look(uuid)
        client.look(uuid)

        def third() -> None:
            try:
                client.look(uuid)
            except (OSError, http.client.HTTPException) as end:
                ended.append(type(end).__name__)

        thread = threading.Thread(target=third)
        thread.start()
        while len(session.journal) < 4:
            time.sleep(0.01)
        other = Client(session)
        assert other.look(uuid).status == 200
        other.close()
        closing = time.monotonic()
    thread.join(5)
    assert ended
    assert time.monotonic() - closing < 1


def test_the_journal_holds_every_request_in_order() -> None:
    with visiting("success", 100) as (session, client):
        client.deploy()
        time.sleep(0.05)
        client.ask("GET", f"{V1}/nope?a=1&a=", body=b"x", X_Other="1")
        first, second = session.journal
    assert (first.method, first.path, first.query, first.status) == (
        "POST",
        f"{V1}/deploy",
        {"uuid": [session.uuids[0]]},
        200,
    )
    assert (second.query, second.body, second.headers["x-other"], second.status) == (
        {"a": ["1", ""]},
        b"x",
        "1",
        404,
    )
    assert second.at - first.at > 4


def test_an_unknown_scenario_is_named_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'success'"), simulating("sucess"):
        pass


def test_the_program_serves_until_it_is_interrupted() -> None:
    command = [
        sys.executable,
        "-m",
        "deployer.simulator",
        "--port",
        "0",
        "--scenario",
        "build-failure",
        "--speed",
        "9",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPLIES.parents[3]
    ) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(5)]
        process.terminate()
        try:
            rest, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, rest, errors) == (0, "", "")
    assert lines[0].startswith("build-failure: ")
    assert lines[1].startswith("COOLIFY_URL=http://127.0.0.1:")
    assert lines[4].startswith("curl -X POST ")


# --- the invariants


def walk(client: Client, *steps: str) -> None:
    """Requests as `METHOD path`; `{uuid}` is the application, `{deployment}` the newest row."""
    for step in steps:
        method, _, path = step.partition(" ")
        rows = client.stage.deployments()
        newest = rows[-1]["deployment_uuid"] if rows else ""
        client.ask(method, V1 + placed(path, client.stage, newest))


TRIGGER = f"POST /deploy?uuid={U}"
BREACHES = [
    # scenario, requests, what the sentence says
    pytest.param("success", [TRIGGER, f"{TRIGGER}&force=true"], "was started 2 times", id="started twice"),
    pytest.param(
        "adopted-gone",
        [TRIGGER, TRIGGER, f"{TRIGGER}&force=true"],
        "was started 2 times",
        id="started twice after adoption",
    ),
    pytest.param(
        "success", [TRIGGER, f"{TRIGGER}&force=true"], "application", id="an application started twice"
    ),
    pytest.param(
        "success",
        [f"POST /applications/{U}/restart", f"{TRIGGER}&force=true"],
        "was started 2 times",
        id="restarted and started",
    ),
    pytest.param("success", [f"POST /applications/{U}/stop"] * 2, "was stopped 2 times", id="stopped twice"),
    pytest.param(
        "service", [f"POST /services/{U}/restart", TRIGGER], "service", id="a service started twice"
    ),
    pytest.param(
        "service",
        [TRIGGER, f"POST /services/{U}/restart?latest=true"],
        "was started 2 times",
        id="started and restarted",
    ),
    pytest.param("database", [f"POST /databases/{U}/restart"] * 2, "database", id="a database started twice"),
    pytest.param(
        "service", ["POST /deploy?tag=blue"] * 2, "tag blue was deployed 2 times", id="a tag deployed twice"
    ),
    pytest.param(
        "service",
        [f"POST /services/{U}/restart?latest=1"],
        "'latest' must not be sent like that",
        id="latest=1",
    ),
    pytest.param(
        "database",
        [f"POST /databases/{U}/restart?latest=true"],
        "no parameter 'latest'",
        id="latest of a database",
    ),
    pytest.param("success", [f"{TRIGGER}&pr=x"], "'pr' must not be sent like that", id="pr=x"),
    pytest.param(
        "success", [f"{TRIGGER}&pull_request_id=7"], "no parameter 'pull_request_id'", id="pull_request_id"
    ),
    pytest.param("success", ["GET /nope"], "GET /api/v1/nope: there is no such endpoint", id="unknown path"),
    pytest.param("success", [f"GET /deploy?uuid={U}"], "no such endpoint", id="an action by GET"),
    pytest.param(
        "success", [f"{TRIGGER}&force=false"], "'force' must not be sent like that", id="force=false"
    ),
    pytest.param(
        "success",
        [f"POST /applications/{U}/start?instant_deploy=1"],
        "'instant_deploy' must not be",
        id="instant_deploy=1",
    ),
    pytest.param(
        "success", [f"{TRIGGER}&colour=red"], "there is no parameter 'colour'", id="unknown parameter"
    ),
    pytest.param(
        "success", ["GET /version?a=b"], "there is no parameter 'a'", id="unknown parameter of version"
    ),
    pytest.param(
        "bad-token",
        ["GET /version", TRIGGER],
        "came after GET /api/v1/version had been answered 401",
        id="after a 401",
    ),
    pytest.param(
        "ip-denied", ["GET /version", TRIGGER], "had been answered 403", id="after a 403 that bars everything"
    ),
    pytest.param(
        "deploy-only-token",
        ["GET /version", "GET /deployments"],
        "the token lacks 'read'",
        id="reading after a 403",
    ),
    pytest.param(
        "success",
        ["POST /deployments/nobody/cancel"],
        "did not start that deployment",
        id="a cancelled phantom",
    ),
    pytest.param(
        "already-queued",
        [TRIGGER, f"POST /deployments/{D}/cancel"],
        "did not start that deployment",
        id="a foreign cancel",
    ),
]


@pytest.mark.parametrize(("scenario", "steps", "said"), BREACHES)
def test_a_breach_is_named(scenario: str, steps: list[str], said: str) -> None:
    with visiting(scenario) as (session, client):
        walk(client, *steps[:-1])
        assert [breach for breach in violations(session) if said in breach] == []
        walk(client, steps[-1])
        assert [breach for breach in violations(session) if said in breach] != []


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        pytest.param({"Accept": "*/*"}, "without 'Accept: application/json'", id="accept"),
        pytest.param({"Authorization": ""}, "without the token", id="token"),
        pytest.param({"User-Agent": "python-requests/2"}, "does not name us", id="user-agent"),
    ],
)
def test_bad_manners_are_named(headers: dict[str, str], said: str) -> None:
    with visiting("success") as (session, client):
        client.ask("GET", f"{V1}/version", body=None, **headers)
        assert said in violations(session)[0]


def test_a_body_is_named() -> None:
    with visiting("success") as (session, client):
        client.ask(
            "POST",
            f"{V1}/deploy",
            body=json.dumps({"uuid": session.uuids[0]}).encode(),
            Content_Type="application/json",
        )
        assert len(session.deployments()) == 1  # Coolify reads it; older ones do not
        assert "a body was sent" in violations(session)[0]


def test_a_followed_redirect_is_named() -> None:
    with visiting("redirect") as (session, client):
        place = client.ask("GET", f"{V1}/version")["location"]
        assert place == session.url.replace("http:", "https:") + f"{V1}/version"
        assert violations(session) == []
        host, _, port = session.url.partition("//")[2].partition(":")
        with (
            socket.create_connection((host, int(port)), 5) as raw,
            pytest.raises((ssl.SSLError, ConnectionError)),
        ):
            ssl.create_default_context().wrap_socket(raw, server_hostname=host)
        assert "a redirect was followed" in violations(session)[0]
    with visiting("success") as (session, client):
        client.ask("GET", "/login")
        assert "with the token" in violations(session)[0]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(["POST /services/{uuid}/start"] * 2, id="already running"),
        pytest.param([f"POST /databases/{U2}/stop", "GET /services"], id="stopped"),
        pytest.param(
            [f"POST /deploy?uuid={U}&force=true", f"POST /databases/{U2}/restart"], id="one of each"
        ),
    ],
)
def test_an_act_that_is_refused_is_no_start(steps: list[str]) -> None:
    with visiting("already-running") as (session, client):
        walk(client, *steps)
        assert violations(session) == []


SENT = [
    # requests, what is said of a run that may change something, and of one that may not
    pytest.param([TRIGGER], [], ["this run may change nothing"], id="a trigger"),
    pytest.param([f"POST /services/{U}/restart"], [], ["this run may change nothing"], id="a restart"),
    pytest.param(
        [f"DELETE /applications/{U}/previews/7"], [], ["this run may change nothing"], id="a deleted preview"
    ),
    pytest.param(["POST /deploy"], ["no need to probe"], [], id="the probe for deploy"),
    pytest.param([PROBE], ["no need to probe"], [], id="the probe for write"),
    pytest.param(
        [f"{PROBE}?a=b"],
        ["no parameter 'a'"],
        ["no parameter 'a'", "may change nothing"],
        id="a probe that is none",
    ),
    pytest.param(
        ["GET /version", f"GET /applications/{U}", "GET /applications?tag=blue", "GET /services"],
        [],
        [],
        id="reading",
    ),
]


@pytest.mark.parametrize(("steps", "changing", "reading"), SENT)
def test_a_run_that_changes_nothing_reads_and_probes(
    steps: list[str], changing: list[str], reading: list[str]
) -> None:
    with visiting("write-token") as (session, client):
        for step in steps:
            method, _, path = step.partition(" ")
            body = b"{}" if method == "PATCH" else None
            client.ask(method, V1 + placed(path, session, ""), body=body, Content_Type=JSON if body else "")
        for said, found in (
            (changing, violations(session)),
            (reading, violations(session, changes_nothing=True)),
        ):
            assert len(found) == len(said)
            assert all(part in sentence for part, sentence in zip(said, found, strict=True))


def test_a_client_that_may_only_deploy_may_go_on_deploying() -> None:
    with visiting("deploy-only-token") as (session, client):
        walk(client, "GET /version", TRIGGER, f"POST /deployments/{D}/cancel")
        assert violations(session) == []
