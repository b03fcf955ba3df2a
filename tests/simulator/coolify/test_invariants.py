"""What no client may do is told by `violations`, and what it may do is not."""

import json
import socket
import ssl

import pytest

from tests.simulator.coolify.client import (
    BULK,
    JSON,
    PROBE,
    U2,
    V1,
    D,
    U,
    placed,
    visit,
    visiting,
    walk,
    wanted,
    write,
)
from tests.simulator.coolify.invariants import violations

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


@pytest.mark.parametrize("header", ["Authorization", "Cookie"])
def test_a_site_that_is_sent_what_is_meant_for_coolify_is_a_breach(header: str) -> None:
    with visiting("outage") as (session, client):
        assert visit(client, **{header: "secret"}) == (200, "ok")
        assert violations(session) == [
            f"GET /site/{session.uuids[0]}: the site was sent the header {header.lower()!r}"
        ]
