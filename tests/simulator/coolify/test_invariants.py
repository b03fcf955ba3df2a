"""`violations` reports what no client may do, and nothing else."""

import json
import socket
import ssl

import pytest

from tests.simulator.coolify.client import (
    BULK,
    JSON,
    U2,
    V1,
    WRITE_PROBE,
    D,
    U,
    connected_client,
    new_application,
    send_json,
    send_steps,
    visit,
    with_uuids,
)
from tests.simulator.coolify.invariants import violations

TRIGGER = f"POST /deploy?uuid={U}"
VIOLATIONS = [
    # scenario, requests, a part of the sentence
    pytest.param("success", [TRIGGER, f"{TRIGGER}&force=true"], "was started 2 times", id="started twice"),
    pytest.param(
        "adopted-gone",
        [TRIGGER, TRIGGER, f"{TRIGGER}&force=true"],
        "was started 2 times",
        id="started twice after adoption",
    ),
    pytest.param(
        "success", [TRIGGER, f"{TRIGGER}&force=true"], "application", id="application started twice"
    ),
    pytest.param(
        "success",
        [f"POST /applications/{U}/restart", f"{TRIGGER}&force=true"],
        "was started 2 times",
        id="restarted and started",
    ),
    pytest.param("success", [f"POST /applications/{U}/stop"] * 2, "was stopped 2 times", id="stopped twice"),
    pytest.param("service", [f"POST /services/{U}/restart", TRIGGER], "service", id="service started twice"),
    pytest.param(
        "service",
        [TRIGGER, f"POST /services/{U}/restart?latest=true"],
        "was started 2 times",
        id="started and restarted",
    ),
    pytest.param("database", [f"POST /databases/{U}/restart"] * 2, "database", id="database started twice"),
    pytest.param(
        "service", ["POST /deploy?tag=blue"] * 2, "tag blue was deployed 2 times", id="tag deployed twice"
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
        id="latest of database",
    ),
    pytest.param("success", [f"{TRIGGER}&pr=x"], "'pr' must not be sent like that", id="pr=x"),
    pytest.param(
        "success", [f"{TRIGGER}&pull_request_id=7"], "no parameter 'pull_request_id'", id="pull_request_id"
    ),
    pytest.param("success", ["GET /nope"], "GET /api/v1/nope: there is no such endpoint", id="unknown path"),
    pytest.param("success", [f"GET /deploy?uuid={U}"], "no such endpoint", id="action by GET"),
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
        "was sent after GET /api/v1/version had returned 401",
        id="after 401",
    ),
    pytest.param("ip-denied", ["GET /version", TRIGGER], "had returned 403", id="after 403 for everything"),
    pytest.param(
        "deploy-only-token",
        ["GET /version", "GET /deployments"],
        "the token lacks 'read'",
        id="reading after 403",
    ),
    pytest.param(
        "success",
        ["POST /deployments/nobody/cancel"],
        "did not start that deployment",
        id="cancelled phantom",
    ),
    pytest.param(
        "already-queued",
        [TRIGGER, f"POST /deployments/{D}/cancel"],
        "did not start that deployment",
        id="cancelled deployment of others",
    ),
]


@pytest.mark.parametrize(("scenario", "steps", "sentence_part"), VIOLATIONS)
def test_violation_is_reported(scenario: str, steps: list[str], sentence_part: str) -> None:
    with connected_client(scenario) as (session, client):
        send_steps(client, *steps[:-1])
        assert [violation for violation in violations(session) if sentence_part in violation] == []
        send_steps(client, steps[-1])
        assert [violation for violation in violations(session) if sentence_part in violation] != []


@pytest.mark.parametrize(
    ("headers", "sentence_part"),
    [
        pytest.param({"Accept": "*/*"}, "without 'Accept: application/json'", id="accept"),
        pytest.param({"Authorization": ""}, "without the token", id="token"),
        pytest.param({"User-Agent": "python-requests/2"}, "does not name us", id="user-agent"),
    ],
)
def test_wrong_headers_are_reported(headers: dict[str, str], sentence_part: str) -> None:
    with connected_client("success") as (session, client):
        client.send("GET", f"{V1}/version", body=None, **headers)
        assert sentence_part in violations(session)[0]


def test_body_of_a_trigger_is_reported() -> None:
    with connected_client("success") as (session, client):
        client.send(
            "POST",
            f"{V1}/deploy",
            body=json.dumps({"uuid": session.uuids[0]}).encode(),
            Content_Type="application/json",
        )
        assert len(session.deployments()) == 1  # this version reads it, older ones do not
        assert "a body was sent" in violations(session)[0]


def test_followed_redirect_is_reported() -> None:
    with connected_client("redirect") as (session, client):
        location = client.send("GET", f"{V1}/version")["location"]
        assert location == session.url.replace("http:", "https:") + f"{V1}/version"
        assert violations(session) == []
        host, _, port = session.url.partition("//")[2].partition(":")
        with (
            socket.create_connection((host, int(port)), 5) as connection,
            pytest.raises((ssl.SSLError, ConnectionError)),
        ):
            ssl.create_default_context().wrap_socket(connection, server_hostname=host)
        assert "a redirect was followed" in violations(session)[0]
    with connected_client("success") as (session, client):
        client.send("GET", "/login")
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
def test_rejected_request_is_not_a_start(steps: list[str]) -> None:
    with connected_client("already-running") as (session, client):
        send_steps(client, *steps)
        assert violations(session) == []


READ_ONLY_RUNS = [
    # requests, violations of a run that may change something, and of one that may not
    pytest.param([TRIGGER], [], ["this run may change nothing"], id="trigger"),
    pytest.param([f"POST /services/{U}/restart"], [], ["this run may change nothing"], id="restart"),
    pytest.param(
        [f"DELETE /applications/{U}/previews/7"], [], ["this run may change nothing"], id="deleted preview"
    ),
    pytest.param(["POST /deploy"], ["no need to probe"], [], id="probe for deploy"),
    pytest.param([WRITE_PROBE], ["no need to probe"], [], id="probe for write"),
    pytest.param(
        [f"{WRITE_PROBE}?a=b"],
        ["no parameter 'a'"],
        ["no parameter 'a'", "may change nothing"],
        id="invalid probe",
    ),
    pytest.param(
        ["GET /version", f"GET /applications/{U}", "GET /applications?tag=blue", "GET /services"],
        [],
        [],
        id="reading",
    ),
]


@pytest.mark.parametrize(("steps", "in_changing_run", "in_reading_run"), READ_ONLY_RUNS)
def test_run_that_changes_nothing_may_only_read_and_probe(
    steps: list[str], in_changing_run: list[str], in_reading_run: list[str]
) -> None:
    with connected_client("write-token") as (session, client):
        for step in steps:
            method, _, path = step.partition(" ")
            body = b"{}" if method == "PATCH" else None
            client.send(
                method, V1 + with_uuids(path, session, ""), body=body, Content_Type=JSON if body else ""
            )
        for sentence_part, found in (
            (in_changing_run, violations(session)),
            (in_reading_run, violations(session, changes_nothing=True)),
        ):
            assert len(found) == len(sentence_part)
            assert all(part in sentence for part, sentence in zip(sentence_part, found, strict=True))


def test_deploy_only_client_may_deploy_and_cancel() -> None:
    with connected_client("deploy-only-token") as (session, client):
        send_steps(client, "GET /version", TRIGGER, f"POST /deployments/{D}/cancel")
        assert violations(session) == []


ENVIRONMENT = {"data": [{"key": "A", "value": "1"}]}
CHANGES = [
    # the requests after the two probes, and whether the probes were allowed
    pytest.param([(WRITE_PROBE, {"name": "x"})], True, id="fields"),
    pytest.param([(BULK, ENVIRONMENT)], True, id="variables"),
    pytest.param([(f"POST /applications/{U}/rollback", {"commit": "abc"})], True, id="rollback"),
    pytest.param([("POST /applications/dockerimage", {"name": "x"})], True, id="application"),
    pytest.param([], False, id="nothing"),
]


@pytest.mark.parametrize(("steps", "allowed"), CHANGES)
def test_run_that_changes_something_may_probe(steps: list[tuple[str, object]], *, allowed: bool) -> None:
    with connected_client("write-token") as (session, client):
        client.send("POST", f"{V1}/deploy")
        send_json(client, WRITE_PROBE, {})
        for step, body in steps:
            send_json(client, step, body)
        assert (violations(session) == []) is allowed


@pytest.mark.parametrize(
    ("scenario", "last", "allowed"),
    [("success", "GET /version", True), ("success", f"POST /deploy?uuid={U}", False)],
)
def test_denied_probe_is_allowed(scenario: str, last: str, *, allowed: bool) -> None:
    with connected_client(scenario) as (session, client):
        assert [send_json(client, WRITE_PROBE, {}).status, client.send("POST", f"{V1}/deploy").status] == [
            403,
            400,
        ]
        send_steps(client, last)
        assert (violations(session) == []) is allowed


def test_second_deployment_is_allowed_for_another_image_only() -> None:
    with connected_client("image-update", 1) as (session, client):
        for tag, count in (("3.0.0", 0), ("2.0.1", 0), ("3.0.0", 1)):
            send_json(client, WRITE_PROBE, {"docker_registry_image_tag": tag})
            client.start_deployment()
            session.skip(60)
            assert len(violations(session)) == count


@pytest.mark.parametrize(
    ("scenario", "step", "sentence_part"),
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
            "an application shop was created 2 times",
            id="created twice",
        ),
    ],
)
def test_rollback_or_creation_twice_is_reported(scenario: str, step: str, sentence_part: str) -> None:
    with connected_client(scenario) as (session, client):
        body = {"commit": "abc"} if "rollback" in step else new_application(client)
        send_json(client, step, body)
        assert violations(session) == []
        send_json(client, step, body)
        assert sentence_part in violations(session)[0]


@pytest.mark.parametrize("header", ["Authorization", "Cookie"])
def test_headers_for_coolify_sent_to_a_site_are_reported(header: str) -> None:
    with connected_client("outage") as (session, client):
        assert visit(client, **{header: "secret"}) == (200, "ok")
        assert violations(session) == [
            f"GET /site/{session.uuids[0]}: the site was sent the header {header.lower()!r}"
        ]
