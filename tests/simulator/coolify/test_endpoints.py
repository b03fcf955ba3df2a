"""The simulated Coolify responds as in coolify-api: status, headers and keys are the recorded ones."""

import http.client
import json
import time

import pytest

from deployer.simulator.coolify.routes import ROUTES, Route
from tests.simulator.coolify.client import (
    CONTRACTS,
    JSON,
    U2,
    U3,
    V1,
    D,
    U,
    connected_client,
    differences_in,
    recorded,
    with_uuids,
)

READ_DENIED, DEPLOY_DENIED = "deployment_get_deployonly_403", "app_start_read403"
RESPONSES = [
    # recorded response, scenario, method, path; `after`: a deployment was started before
    pytest.param("version", "success", "GET", "/version", False, id="version"),
    pytest.param("version", "success", "GET", "/version/", False, id="trailing slash"),
    pytest.param("health_api_disabled", "success", "GET", "/health", False, id="health"),
    pytest.param("deploy_one", "success", "POST", f"/deploy?uuid={U}", False, id="deploy"),
    pytest.param(
        "deploy_one", "success", "POST", f"/deploy/?uuid={U}&force=true", True, id="deploy with force"
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
    pytest.param("deploy_no_uuids", "success", "POST", "/deploy?uuid=,", False, id="deploy comma"),
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
    pytest.param("deploy_skipped", "image", "POST", f"/deploy?uuid={U}", True, id="image is skipped"),
    pytest.param(
        "deploy_one", "image", "POST", f"/deploy?uuid={U}&pr=9&docker_tag=pr-9", True, id="docker_tag"
    ),
    pytest.param(
        "deploy_pr_unknown", "image", "POST", f"/deploy?uuid={U}&pr=9", False, id="no preview of image"
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
        id="docker_tag of repository",
    ),
    pytest.param(
        "deploy_pr_db", "preview-on-service", "POST", f"/deploy?uuid={U}&pr=7", False, id="preview-on-service"
    ),
    pytest.param(
        "deploy_pr_db", "database", "POST", f"/deploy?uuid={U}&pr=7", False, id="preview of database"
    ),
    pytest.param("deploy_service", "service", "POST", f"/deploy?uuid={U}", False, id="deploy service"),
    pytest.param(
        "deploy_mixed",
        "mixed",
        "POST",
        f"/deploy?uuid={U},{U3},nope",
        False,
        id="deploy application and database",
    ),
    pytest.param(
        "deploy_service_server_unreachable_500",
        "tag-500",
        "POST",
        f"/deploy?uuid={U3}",
        False,
        id="unreachable",
    ),
    pytest.param("deploy_tag_blue", "tag", "POST", "/deploy?tag=blue", False, id="tag"),
    pytest.param("deploy_tag_unknown", "tag-unknown", "POST", "/deploy?tag=blue", False, id="tag-unknown"),
    pytest.param("deploy_tag_unknown", "tag", "POST", "/deploy?tag=BLUE", False, id="tags are lower-case"),
    pytest.param("deploy_tag_commas", "tag", "POST", "/deploy?tag=,", False, id="tag comma"),
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
    pytest.param("deployment_get_sensitive", "success", "GET", f"/deployments/{D}", True, id="deployment"),
    pytest.param(
        "deployment_unknown", "success", "GET", "/deployments/nobody", False, id="deployment unknown"
    ),
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
        id="delete preview",
    ),
    pytest.param(
        "preview_delete_404",
        "write-token",
        "DELETE",
        f"/applications/{U}/previews/77",
        False,
        id="delete missing preview",
    ),
    pytest.param(
        "preview_delete_422",
        "write-token",
        "DELETE",
        f"/applications/{U}/previews/x",
        False,
        id="delete preview x",
    ),
    pytest.param(
        "app_start_unknown",
        "write-token",
        "DELETE",
        "/applications/nobody/previews/7",
        False,
        id="delete unknown preview",
    ),
    pytest.param(
        "catchall_404", "success", "GET", f"/applications/{U}/previews/7", False, id="preview can't be read"
    ),
    pytest.param("services_list", "service", "GET", "/services", False, id="services"),
    pytest.param("service_get", "service", "GET", f"/services/{U}", False, id="service"),
    pytest.param("service_unknown", "database", "GET", f"/services/{U}", False, id="database as service"),
    pytest.param(
        "service_restart",
        "service",
        "POST",
        f"/services/{U}/restart?latest=true",
        False,
        id="restart service",
    ),
    pytest.param(
        "service_start_running",
        "already-running",
        "POST",
        f"/services/{U}/start",
        False,
        id="start running service",
    ),
    pytest.param("service_stop", "already-running", "POST", f"/services/{U}/stop", False, id="stop service"),
    pytest.param(
        "service_start", "already-stopped", "POST", f"/services/{U}/start", False, id="start service"
    ),
    pytest.param(
        "service_stop_exited",
        "already-stopped",
        "POST",
        f"/services/{U}/stop",
        False,
        id="stop stopped service",
    ),
    pytest.param(
        "service_unknown", "success", "POST", "/services/nobody/restart", False, id="restart unknown service"
    ),
    pytest.param(
        "deploy_get_405", "service", "GET", f"/services/{U}/restart", False, id="restart service by GET"
    ),
    pytest.param("database_get", "database", "GET", f"/databases/{U}", False, id="database"),
    pytest.param(
        "database_unknown", "success", "GET", f"/databases/{U}", False, id="application as database"
    ),
    pytest.param(
        "database_restart", "database", "POST", f"/databases/{U}/restart", False, id="restart database"
    ),
    pytest.param(
        "database_start_running",
        "already-running",
        "POST",
        f"/databases/{U2}/start",
        False,
        id="start running database",
    ),
    pytest.param(
        "database_stop", "already-running", "POST", f"/databases/{U2}/stop", False, id="stop database"
    ),
    pytest.param(
        "database_start", "already-stopped", "POST", f"/databases/{U2}/start", False, id="start database"
    ),
    pytest.param(
        "database_stop_exited",
        "already-stopped",
        "POST",
        f"/databases/{U2}/stop",
        False,
        id="stop stopped database",
    ),
    pytest.param(
        "database_unknown", "service", "POST", f"/databases/{U}/start", False, id="service as database"
    ),
    pytest.param(
        "deploy_get_405", "database", "GET", f"/databases/{U}/stop", False, id="stop database by GET"
    ),
    pytest.param("resources", "mixed", "GET", "/resources", False, id="resources"),
    pytest.param("databases_list", "mixed", "GET", "/databases", False, id="databases"),
    pytest.param(
        "app_logs_200",
        "success",
        "GET",
        f"/applications/{U}/logs?lines=20",
        False,
        id="application's logs",
    ),
    pytest.param(
        "app_logs_200", "no-logs", "GET", f"/applications/{U}/logs", False, id="logs need only read"
    ),
    pytest.param("app_get_unknown", "success", "GET", "/applications/nobody/logs", False, id="logs unknown"),
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
        id="delete variable",
    ),
    pytest.param(
        "env_patch_404",
        "env-app",
        "DELETE",
        f"/applications/{U}/envs/none",
        False,
        id="delete missing variable",
    ),
    pytest.param(
        "patch_unknown_app",
        "write-token",
        "DELETE",
        "/applications/nobody/envs/none",
        False,
        id="delete unknown variable",
    ),
    pytest.param(
        "project_environments",
        "success",
        "GET",
        "/projects/{project}/environments",
        False,
        id="project's environments",
    ),
    pytest.param(
        "project_environment", "mixed", "GET", "/projects/{project}/production", False, id="environment"
    ),
    pytest.param(
        "project_environment",
        "mixed",
        "GET",
        "/projects/{project}/{environment}",
        False,
        id="environment by its uuid",
    ),
    pytest.param("create_img_badenv", "mixed", "GET", "/projects/{project}/nope", False, id="no environment"),
    pytest.param(
        "create_img_badproject",
        "mixed",
        "GET",
        "/projects/nope/production",
        False,
        id="environment of unknown project",
    ),
    pytest.param(
        "create_img_badproject",
        "mixed",
        "GET",
        "/projects/nope/environments",
        False,
        id="environments of unknown project",
    ),
    pytest.param("server", "success", "GET", "/servers/{host}", False, id="server"),
    pytest.param("create_img_badserver", "success", "GET", "/servers/nope", False, id="unknown server"),
    pytest.param(
        "all_destinations", "success", "GET", "/destinations", False, id="every server's destinations"
    ),
    pytest.param("teams_current", "success", "GET", "/teams/current", False, id="team"),
    pytest.param(
        "rollback_images", "rollback-image", "GET", f"/applications/{U}/rollback-images", False, id="images"
    ),
    pytest.param("catchall_404", "success", "GET", "/nope", False, id="no such endpoint"),
    pytest.param("catchall_404", "success", "GET", "//version", False, id="double slash inside"),
    pytest.param("catchall_404", "success", "GET", f"/deployments/{D}/cancel", True, id="cancel by GET"),
    pytest.param("catchall_404", "success", "DELETE", "/deploy", False, id="deploy by DELETE"),
    pytest.param("unauth_bad", "bad-token", "GET", "/version", False, id="bad-token"),
    pytest.param(READ_DENIED, "deploy-only-token", "GET", "/version", False, id="deploy-only-token: version"),
    pytest.param(
        READ_DENIED, "deploy-only-token", "GET", "/deployments", False, id="deploy-only-token: list"
    ),
    pytest.param(DEPLOY_DENIED, "read-only-token", "POST", f"/deploy?uuid={U}", False, id="read-only-token"),
    pytest.param(DEPLOY_DENIED, "read-only-token", "GET", f"/deploy?uuid={U}", False, id="403 beats 405"),
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
    pytest.param(
        "v4.0.0-beta.380_deployment_logs", "old", "GET", f"/deployments/{D}", True, id="old: deployment"
    ),
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
VARYING_HEADERS = {
    "date",
    "x-ratelimit-remaining",
    "location",
    "retry-after",
    "x-ratelimit-reset",
    "content-length",
    "set-cookie",
}


@pytest.mark.parametrize(("name", "scenario", "method", "path", "after"), RESPONSES)
def test_response_has_status_headers_and_keys_of_the_recorded_one(
    name: str,
    scenario: str,
    method: str,
    path: str,
    *,
    after: bool,
) -> None:
    with connected_client(scenario, 1) as (session, client):
        deployment_uuid = client.start_deployment() if after else ""
        reply = client.send(method, V1 + with_uuids(path, session, deployment_uuid))
        expected = recorded(name)["response"]
    pairs = expected["headers"].items() if isinstance(expected["headers"], dict) else expected["headers"]
    assert reply.status == expected["status"]
    expected_headers = {key.lower(): value for key, value in pairs if key.lower() not in VARYING_HEADERS}
    assert {
        key.lower(): value for key, value in reply.headers if key.lower() not in VARYING_HEADERS
    } == expected_headers
    assert {key.lower() for key, _ in pairs} - {key.lower() for key, _ in reply.headers} == set()
    assert {key.lower() for key, _ in reply.headers} - {key.lower() for key, _ in pairs} <= {"content-length"}
    body = expected["body"]
    if name == "deployments_list_rs":
        body, actual_headers = next(iter(body.values())), reply.body["0"]
        assert differences_in(body, actual_headers) == []
    else:
        assert differences_in(body, reply.body) == []
        if isinstance(body, str) or (
            isinstance(body, dict) and body.keys() <= {"message", "docs", "success", "errors"}
        ):
            assert reply.body == body or "nope" in path or "Current status" in str(body)


PATCHES = [
    # recorded response, scenario, path, content type, body
    pytest.param("patch_empty", "write-token", f"/applications/{U}", JSON, "{}", id="probe"),
    pytest.param(
        "patch_empty", "write-token", "/applications/nobody", JSON, "{}", id="probe of unknown uuid"
    ),
    pytest.param("patch_nobody", "write-token", f"/applications/{U}", "", "", id="no content type"),
    pytest.param("patch_list", "write-token", f"/applications/{U}", JSON, "[]", id="list"),
    pytest.param("patch_list", "write-token", f"/applications/{U}", JSON, "", id="nothing"),
    pytest.param(
        "patch_unknown_app", "write-token", "/applications/nobody", JSON, '{"name": "x"}', id="unknown uuid"
    ),
    pytest.param(
        "patch_unknown_field", "write-token", f"/applications/{U}", JSON, '{"nope": 1}', id="unknown field"
    ),
    pytest.param("patch_ok", "write-token", f"/applications/{U}", JSON, '{"name": "x"}', id="field"),
]


@pytest.mark.parametrize(("name", "scenario", "path", "kind", "body"), PATCHES)
def test_response_to_a_patch_is_the_recorded_one(
    name: str, scenario: str, path: str, kind: str, body: str
) -> None:
    with connected_client(scenario) as (session, client):
        reply = client.send(
            "PATCH", V1 + with_uuids(path, session, ""), body=body.encode() or None, Content_Type=kind
        )
        expected = recorded(name)["response"]
        assert (reply.status, reply.body) == (
            expected["status"],
            {**expected["body"], **({"uuid": session.uuids[0]} if name == "patch_ok" else {})},
        )


def test_patch_changes_fields_and_reads_its_query() -> None:
    with connected_client("write-token") as (session, client):
        path = f"{V1}/applications/{session.uuids[0]}"
        client.send(
            "PATCH",
            path,
            body=b'{"docker_registry_image_tag": "3.0", "domains": "http://new.example.com"}',
            Content_Type=JSON,
        )
        body = client.send("GET", path).body
        assert (body["docker_registry_image_tag"], body["fqdn"]) == ("3.0", "http://new.example.com")
        rejected = client.send("PATCH", f"{path}?uuid=x", body=b'{"name": "x"}', Content_Type=JSON)
        assert (rejected.status, rejected.body["errors"]) == (422, {"uuid": ["This field is not allowed."]})
        assert client.send("GET", path).body["name"] == "shop"


@pytest.mark.parametrize("request_line", [f"PATCH /applications/{U}", f"DELETE /applications/{U}/previews/7"])
def test_changes_need_the_ability_write(request_line: str) -> None:
    with connected_client("success") as (session, client):
        method, _, path = request_line.partition(" ")
        reply = client.send(method, V1 + with_uuids(path, session, ""))
        assert (reply.status, reply.body) == (403, {"message": "Missing required permissions: write"})


def test_health_needs_no_token_and_has_its_own_rate_limit() -> None:
    with connected_client("bad-token", 1) as (_, client):
        reply = client.send("GET", "/api/health", Authorization="")
        assert (reply.status, reply.body, reply["x-ratelimit-limit"]) == (200, "OK", "1000")


def test_double_slash_leads_to_the_login_page() -> None:
    with connected_client("success") as (session, _):
        connection = http.client.HTTPConnection(session.url.partition("//")[2], timeout=5)
        connection.putrequest("GET", "//api/v1/version")
        connection.endheaders()
        response = connection.getresponse()
        assert (response.status, response.getheader("Location")) == (302, f"{session.url}/login")
        assert b"<!DOCTYPE html>" in response.read()
        assert {key for key, _ in response.getheaders()} == {
            key for key, _ in recorded("api_root")["response"]["headers"]
        }
        connection.close()


def test_bodies_are_encoded_as_by_php_and_laravel() -> None:
    with connected_client("success") as (_, client):
        assert b'"docs":"https:\\/\\/coolify.io\\/docs"' in client.send("GET", f"{V1}/nope").raw
    with connected_client("server-error") as (_, client):
        assert client.deploy().raw == b'{\n    "message": "Server Error"\n}'
    with connected_client("success", 1000) as (_, client):
        uuid = client.start_deployment()
        time.sleep(0.05)
        raw = client.poll(uuid).raw
        assert raw.isascii()
        assert b"\\\\\\/artifacts" in raw  # a string inside a string


def test_only_rate_limited_endpoints_have_the_remaining_requests() -> None:
    with connected_client("bad-token") as (_, client):
        assert client.send("GET", f"{V1}/version")["x-ratelimit-limit"] is None
    with connected_client("success", 1) as (_, client):
        assert [client.send("GET", f"{V1}/version")["x-ratelimit-remaining"] for _ in range(3)] == [
            "199",
            "198",
            "197",
        ]


def test_rate_limit_of_200_requests_per_minute() -> None:
    with connected_client("success", 1) as (_, client):
        replies = [client.send("GET", f"{V1}/nope") for _ in range(201)]
        assert [reply.status for reply in replies] == [404] * 200 + [429]
        assert 50 < int(replies[-1]["retry-after"] or 0) <= 60
        assert replies[-1].raw == b'{\n    "message": "Too Many Attempts."\n}'
        assert client.send("GET", f"{V1}/version", Authorization="Bearer nobody").status == 401


def test_head_has_the_headers_of_get_without_a_body() -> None:
    with connected_client("success") as (_, client):
        reply = client.send("HEAD", f"{V1}/version")
        assert (reply.status, reply.raw, reply["transfer-encoding"]) == (200, b"", None)
        assert client.send("GET", f"{V1}/version").body == "4.3.10"


def test_image_application_differs_like_the_recorded_one() -> None:
    with connected_client("image") as (session, client):
        body = client.send("GET", f"{V1}/applications/{session.uuids[0]}").body
        image = recorded("create_img_get")["response"]["body"]
        assert [body[key] for key in ("build_pack", "git_repository", "ports_exposes", "source_type")] == [
            image[key] for key in ("build_pack", "git_repository", "ports_exposes", "source_type")
        ]
        assert body["docker_registry_image_name"] == "ghcr.io/acme/shop"


def test_token_works_without_its_number_and_with_any_case_of_bearer() -> None:
    with connected_client("success") as (session, client):
        assert (
            client.send(
                "GET", f"{V1}/version", Authorization=f"bearer {session.token.partition('|')[2]}"
            ).status
            == 200
        )


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.name not in {"health_of_all", "team"}],
    ids=lambda route: route.name,
)
def test_endpoints_are_in_the_openapi_document(route: Route) -> None:
    paths = json.loads((CONTRACTS.parent / "openapi" / "coolify-v4.4-rc.1.json").read_text(encoding="utf-8"))[
        "paths"
    ]
    [described] = [
        methods
        for path, methods in paths.items()
        if route.path.fullmatch(V1 + path) and route.method.lower() in methods
    ]
    route_names = {parameter["name"] for parameter in described[route.method.lower()].get("parameters", [])}
    assert set(route.query or ()) <= route_names
