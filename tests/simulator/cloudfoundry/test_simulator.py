"""The simulated Cloud Foundry fits cloudfoundry-api: its answers have the recorded shapes, its scenarios end, its checks can fail."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployer.simulator import cloudfoundry
from deployer.simulator.cloudfoundry.names import ASSERTION, CLIENT, CLIENT_SECRET, PASSWORD, SPACE, USERNAME
from deployer.simulator.cloudfoundry.replies import FOLDER, record
from deployer.simulator.cloudfoundry.routes import ROUTES, Route
from deployer.simulator.cloudfoundry.state.deployments import PACE
from tests.simulator.cloudfoundry.client import Client, Reply, described, misfits, resolved
from tests.simulator.cloudfoundry.invariants import violations
from tests.simulator.cloudfoundry.scenarios import SCENARIOS, simulating

FIXTURES = Path(__file__).parents[2] / "contracts" / "cloudfoundry" / "fixtures"
OURS = {
    "request-404-unknown",
    "request-429-rate-limit",
    "app-restart-503-runner",
    "roles-list-200",
    "feature-flag-get-200",
} | {
    "manifest-apply-202",
    "process-instances-200",
    "app-feature-get-200",
}
"""Replies for which cloudfoundry-api has the rule, but no fixture; each names the place."""

CURRENT = "/relationships/current_droplet"


@contextlib.contextmanager
def visiting(scenario: str, *, logged_in: bool = True) -> Iterator[Client]:
    """A client of a scenario whose clock hardly moves but by `skip`."""
    with simulating(scenario, speed=0.001) as session:
        client = Client(session)
        yield client.login() if logged_in else client


def reply_of(client: Client, *request: Any, **more: Any) -> tuple[int, int]:
    """The status of an answer, and the code of its error."""
    answer = client.ask(*request, **more)
    return answer.status, answer.code if answer.status >= 400 else 0


# --- the replies


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_a_reply_is_a_fixture_or_names_its_rule(path: Path) -> None:
    """The fixtures that the simulator ships exist once: in `tests/contracts` a link leads to them."""
    fixture = FIXTURES / path.name
    if path.stem in OURS:
        assert not fixture.exists()
        assert record(path.stem)["source"].startswith("[derived")
    else:
        assert fixture.is_symlink()
        assert fixture.samefile(path)


def test_no_reply_is_there_for_nothing() -> None:
    scenarios = Path(__file__).parent / "scenarios.py"
    code = "".join(path.read_text("utf-8") for path in (*FOLDER.parent.rglob("*.py"), scenarios))
    code += "".join(f'"build-get-200-{state}-docker"' for state in ("staging", "staged", "failed"))
    assert {path.stem for path in FOLDER.glob("*.json")} == {
        name for name in re.findall(r'"([a-z0-9-]+)"', code) if (FOLDER / f"{name}.json").exists()
    }


# --- the server's own document

PAGED = {"page", "per_page", "order_by"}
NOT_DESCRIBED = {"sidecars": PAGED, "revisions_deployed": PAGED, "all_processes": {"embed"}}
"""Parameters that a route has and the document does not name: every list has pages, and processes can embed (cloudfoundry-api 3 and 1)."""

NULL = re.compile(r"\.links\.log\w+: None|\.relationships\.(quota|organization)\.data: None")
"""Where the document has no null, and the server one (cloudfoundry-api 1, and recorded replies)."""


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.place == "api"], ids=lambda route: route.name
)
def test_a_route_stands_in_the_document_with_its_parameters_and_fields(route: Route) -> None:
    path = route.path.pattern.replace(r"([^/]+)", "x").replace("/?", "/")
    operation = described(route.method, path)
    assert operation, path
    named = {resolved(each)["name"] for each in operation["parameters"]}
    plain = {key.partition("[")[0] for key in route.query or {}}
    assert plain - named - NOT_DESCRIBED.get(route.name, set()) == set()
    for field in route.body:
        schema: Any = resolved(operation["requestBody"])["content"]["application/json"]["schema"]
        assert has(schema, field.split(".")), field


def has(schema: Any, way: list[str]) -> bool:
    """Whether a schema knows a field; one that says nothing of its fields knows all."""
    schema = resolved(schema)
    parts = [*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())]
    fields = schema.get("properties")
    if not way or (fields is None and not parts):
        return True
    return (fields is not None and way[0] in fields and has(fields[way[0]], way[1:])) or any(
        has(part, way) for part in parts
    )


def tour(client: Client) -> None:
    """Everything that a client of ours asks, in some order, and some refusals."""
    client.get("/v3/info")
    client.get("/v3/organizations", names="my-organization")
    client.get("/v3/spaces", names="my-space")
    client.get("/v3/apps", names="web")
    for path in ("", "/routes", "/droplets", "/droplets/current"):
        client.ask("GET", client.app + path)
    client.get("/v3/roles", types="space_developer")
    client.get("/v3/feature_flags/diego_docker")
    for action in ("start", "restart", "stop"):
        client.ask("POST", f"{client.app}/actions/{action}")
        client.stage.skip(5)
        client.states()
    client.ask("POST", f"{client.app}/actions/start")
    package = client.ask(
        "POST", "/v3/packages", {"type": "docker", **client.of_app(), "data": {"image": "a/b:1"}}
    ).body.get("guid", "none")
    build = client.ask("POST", "/v3/builds", {"package": {"guid": package}}).body.get("guid", "none")
    client.stage.skip(15)
    client.get("/v3/builds", package_guids=package)
    client.get("/v3/packages", app_guids=client.stage.guids[0])
    client.ask("GET", f"/v3/packages/{package}")
    client.ask("GET", f"/v3/packages/{package}/droplets")
    droplet = (client.ask("GET", f"/v3/builds/{build}").body.get("droplet") or {}).get("guid", "none")
    client.ask("GET", f"/v3/droplets/{droplet}")
    client.ask("PATCH", client.app + CURRENT, {"data": {"guid": droplet}})
    deployment = client.deployed(droplet)
    client.get("/v3/deployments", app_guids=client.stage.guids[0])
    for _ in range(4):
        client.stage.skip(20)
        client.states()
        if deployment.status == 201:
            client.get(f"/v3/deployments/{deployment.body['guid']}")
            client.ask("POST", f"/v3/deployments/{deployment.body['guid']}/actions/cancel")
    client.get("/v3/audit_events", types="audit.app.process.crash")
    client.ask("GET", "/v3/apps/nobodys")


@pytest.mark.parametrize(
    "scenario",
    [
        "success",
        "crash",
        "started",
        "staging-failure",
        "worker",
        "rolling-quota",
        "others",
        "auditor",
        "quota",
    ],
)
def test_every_answer_fits_the_document(scenario: str) -> None:
    with visiting(scenario) as client:
        tour(client)
        wrong = [
            f"{method} {path}: {said}"
            for method, path, reply in client.said
            for said in unfit(method, path, reply)
        ]
    assert [each for each in wrong if not NULL.search(each)] == []


def unfit(method: str, path: str, reply: Reply) -> Iterator[str]:
    """What of an answer is not as the document says. Of a refusal only the shape: the document lists few."""
    operation = described(method, path)
    assert operation, path
    if reply.status >= 400:
        yield from misfits(reply.body, {"$ref": "#/components/schemas/Errors"})
    elif str(reply.status) not in operation["responses"]:
        yield f"the document knows no {reply.status}"
    elif reply.raw:
        answer = resolved(operation["responses"][str(reply.status)])
        yield from misfits(reply.body, answer["content"]["application/json"]["schema"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"state": "RUNNING"}, ".state: 'RUNNING' is none of", id="enum"),
        pytest.param({"name": 7}, ".name: 7 is no string", id="kind"),
        pytest.param({"relationships": []}, ".relationships: [] is no object", id="deeper"),
    ],
)
def test_what_does_not_fit_the_document_is_seen(change: dict[str, Any], said: str) -> None:
    with visiting("success") as client:
        body = client.get(client.app)
    schema = {"$ref": "#/components/schemas/App"}
    assert list(misfits(body, schema)) == []
    assert any(said in each for each in misfits(body | change, schema))


# --- logging in


def test_every_way_to_log_in_gives_a_token() -> None:
    own = f"Basic {base64.b64encode(f'{CLIENT}:{CLIENT_SECRET}'.encode()).decode()}"
    bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    asserted = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    with visiting("success", logged_in=False) as client:
        ways = [
            client.grant(grant_type="password", username=USERNAME, password=PASSWORD),
            client.grant(grant_type=bearer, assertion=ASSERTION),
            client.grant(grant_type=bearer, assertion=ASSERTION, basic=own),
            client.grant(
                grant_type="client_credentials", client_id=CLIENT, client_secret=CLIENT_SECRET, basic=""
            ),
            client.grant(
                grant_type="client_credentials",
                client_id=CLIENT,
                client_assertion=ASSERTION,
                client_assertion_type=asserted,
                basic="",
            ),
        ]
        assert [way.status for way in ways] == [200] * 5
        assert ["refresh_token" in way.body for way in ways] == [True, True, True, False, False]
        for way in ways:
            assert client.took(way).get("/v3/apps")["pagination"]["total_results"] == 1


@pytest.mark.parametrize(
    ("form", "basic", "error"),
    [
        pytest.param(
            {"grant_type": "password", "username": USERNAME, "password": "wrong"},
            "Basic Y2Y6",
            "unauthorized",
            id="password",
        ),
        pytest.param(
            {"grant_type": "password", "username": USERNAME, "password": PASSWORD},
            "",
            "invalid_client",
            id="no-client",
        ),
        pytest.param(
            {"grant_type": "client_credentials", "client_id": CLIENT}, "", "invalid_client", id="no-secret"
        ),
        pytest.param(
            {"grant_type": "refresh_token", "refresh_token": "old"},
            "Basic Y2Y6",
            "invalid_token",
            id="refresh",
        ),
        pytest.param({"grant_type": "guess"}, "Basic Y2Y6", "invalid_client", id="unknown-grant"),
    ],
)
def test_what_is_wrong_gives_no_token(form: dict[str, str], basic: str, error: str) -> None:
    with visiting("success", logged_in=False) as client:
        answer = client.grant(basic=basic, **form)
        assert (answer.status, answer.body["error"]) == (401, error)


def test_the_fifth_wrong_password_locks_the_account() -> None:
    with visiting("success", logged_in=False) as client:
        for _ in range(5):
            client.grant(grant_type="password", username=USERNAME, password="wrong")
        assert (
            "locked"
            in client.grant(grant_type="password", username=USERNAME, password=PASSWORD).body[
                "error_description"
            ]
        )


def test_a_user_of_another_identity_provider_must_name_it() -> None:
    form = {"grant_type": "password", "username": USERNAME, "password": PASSWORD}
    with visiting("origin", logged_in=False) as client:
        assert client.grant(**form).status == 401
        assert client.grant(query="?login_hint=%7B%22origin%22%3A%22ldap%22%7D", **form).status == 200


def test_a_token_tells_when_it_expires_and_is_then_not_taken() -> None:
    with visiting("token-expiry") as client:
        claims = json.loads(base64.urlsafe_b64decode(client.token.split(".")[1] + "=="))
        assert claims["exp"] - claims["iat"] == 120
        assert abs(claims["iat"] - time.time()) < 10
        client.stage.skip(119)
        assert reply_of(client, "GET", "/v3/apps") == (200, 0)
        client.stage.skip(2)
        assert reply_of(client, "GET", "/v3/apps") == (401, 1000)
        client.took(client.grant(grant_type="refresh_token", refresh_token=client.refresh))
        assert reply_of(client, "GET", "/v3/apps") == (200, 0)


def test_a_refresh_token_is_taken_once() -> None:
    with visiting("success") as client:
        assert client.grant(grant_type="refresh_token", refresh_token=client.refresh).status == 200
        assert (
            client.grant(grant_type="refresh_token", refresh_token=client.refresh).body["error"]
            == "invalid_token"
        )


def test_opaque_tokens_say_nothing() -> None:
    with visiting("opaque") as client:
        assert "." not in client.token
        assert reply_of(client, "GET", "/v3/apps") == (200, 0)


def test_revoked_tokens_are_not_known_but_new_ones_are() -> None:
    with visiting("revoked") as client:
        client.stage.skip(21)
        assert reply_of(client, "GET", "/v3/apps") == (401, 1000)
        assert reply_of(client.login(), "GET", "/v3/apps") == (200, 0)


# --- what every answer has


def test_the_order_of_checks_is_the_servers_own() -> None:
    with visiting("no-droplet", logged_in=False) as client:
        assert reply_of(client, "POST", f"{client.app}/actions/start") == (401, 10002)
        assert reply_of(client, "POST", f"{client.app}/actions/start", Authorization="bearer guessed") == (
            401,
            1000,
        )
        client.login()
        assert reply_of(client, "POST", "/v3/apps/nobodys/actions/start") == (404, 10010)
        assert reply_of(client, "POST", f"{client.app}/actions/start") == (422, 10008)
        assert reply_of(client, "GET", "/v3/nothing") == (404, 10000)
        assert reply_of(client, "GET", "/v3/apps?name=web") == (400, 10005)


def test_an_answer_repeats_the_requests_own_id_and_counts() -> None:
    with visiting("success") as client:
        reply = client.ask("GET", "/v3/apps", X_Request_Id="mine")
        assert reply.headers["x-vcap-request-id"].startswith("mine::")
        assert int(reply.headers["x-ratelimit-remaining"]) % 2000 == 0
        assert int(reply.headers["x-ratelimit-reset"]) > time.time()


def test_too_many_requests_are_told_in_json_that_is_called_text() -> None:
    with visiting("limited") as client:
        client.ask("POST", f"{client.app}/actions/start")
        client.states()
        [process] = client.get(f"{client.app}/processes")["resources"]
        reply = client.ask("GET", f"/v3/processes/{process['guid']}/stats")
        assert (reply.status, reply.code, reply.headers["content-type"]) == (
            429,
            10013,
            "text/plain; charset=utf-8",
        )
        assert int(reply.headers["retry-after"]) == 30
        assert 0 < int(reply.headers["x-ratelimit-reset"]) - time.time() <= 31


def test_lists_are_turned_page_by_page() -> None:
    with visiting("paged") as client:
        first = client.get("/v3/apps", space_guids="2f35885d-0c9d-4423-83ad-fd05066f8576", per_page="50")
        assert (
            len(first["resources"]),
            first["pagination"]["total_pages"],
            first["pagination"]["previous"],
        ) == (2, 3, None)
        names, page = [row["name"] for row in first["resources"]], first
        while following := page["pagination"]["next"]:
            page = client.get(following["href"].removeprefix(client.stage.url))
            names += [row["name"] for row in page["resources"]]
        assert names == [f"web-{number}" for number in range(5)]


def test_a_comma_in_a_name_comes_encoded_twice_and_case_does_not_matter() -> None:
    with visiting("success") as client:
        assert len(client.get("/v3/apps?names=x%252Cy,WEB")["resources"]) == 1
        assert client.get("/v3/apps?names=web%252Cx")["resources"] == []


def test_the_discovery_leads_to_servers_of_their_own_and_may_lack_one() -> None:
    with visiting("success") as client:
        places = {client.stage.url, client.links["login"]["href"], client.links["log_cache"]["href"]}
        assert len(places) == 3
    with visiting("no-logs") as client:
        assert client.links["log_cache"] is None
    with visiting("korifi", logged_in=False) as client:
        body = client.get("/")
        assert (body["cf_on_k8s"], body["links"]["uaa"]) == (True, None)


def test_where_nothing_is_the_router_answers() -> None:
    with visiting("success") as client:
        reply = client.ask("GET", "/v3/apps", at=client.links["login"]["href"])
        assert (reply.status, reply.headers["x-cf-routererror"]) == (404, "unknown_route")


# --- start, stop, restart


def test_a_start_changes_the_wish_at_once_and_the_instances_one_after_the_other() -> None:
    with visiting("success") as client:
        started = client.ask("POST", f"{client.app}/actions/start").body
        assert started["state"] == "STARTED"
        seen = []
        for _ in range(5):
            seen.append(client.states()["web"])
            client.stage.skip(2.1)
        assert seen[0] == ["DOWN", "DOWN"]
        assert ["STARTING", "STARTING"] in seen
        assert client.states()["web"] == ["RUNNING", "RUNNING"]


def test_a_start_of_what_is_started_changes_nothing() -> None:
    with visiting("started") as client:
        before = client.get(f"{client.app}/processes")
        assert client.ask("POST", f"{client.app}/actions/start").body["state"] == "STARTED"
        assert client.get(f"{client.app}/processes") == before
        assert client.states()["web"] == ["RUNNING", "RUNNING"]


def test_a_restart_starts_the_same_processes_in_another_version() -> None:
    with visiting("restart") as client:
        before = client.get(f"{client.app}/processes")["resources"][0]
        client.ask("POST", f"{client.app}/actions/restart")
        after = client.get(f"{client.app}/processes")["resources"][0]
        assert (before["guid"], before["version"] != after["version"]) == (after["guid"], True)
        assert client.states()["web"] == ["DOWN", "DOWN"]


def test_a_stop_is_followed_a_little_later() -> None:
    with visiting("started") as client:
        assert client.ask("POST", f"{client.app}/actions/stop").body["state"] == "STOPPED"
        assert client.states()["web"] == ["RUNNING", "RUNNING"]
        client.stage.skip(4)
        assert client.states()["web"] == ["DOWN", "DOWN"]


def test_a_crash_is_one_from_the_third_time_on_and_each_is_an_event() -> None:
    with visiting("crash") as client:
        client.ask("POST", f"{client.app}/actions/start")
        client.stage.skip(10)
        assert client.states()["web"] == ["STARTING", "STARTING"]
        client.stage.skip(6)
        assert client.states()["web"] == ["CRASHED", "CRASHED"]
        events = client.get(
            "/v3/audit_events",
            types="audit.app.process.crash",
            target_guids=client.stage.guids[0],
            order_by="-created_at",
        )
        assert len(events["resources"]) == 6
        [process] = client.get(f"{client.app}/processes")["resources"]
        assert events["resources"][0]["data"]["version"] == process["version"]
        times = [event["created_at"] for event in events["resources"]]
        assert times == sorted(times, reverse=True)
        assert abs((datetime.fromisoformat(times[0]) - datetime.now(UTC)).total_seconds()) < 60
        client.stage.skip(30)
        assert client.states()["web"] == ["STARTING", "STARTING"]


@pytest.mark.parametrize(
    ("scenario", "seconds", "states"),
    [
        pytest.param("success", 15, ["RUNNING", "RUNNING"], id="success"),
        pytest.param("one-crash", 20, ["RUNNING", "CRASHED"], id="one-crash"),
        pytest.param("flapping", 13, ["RUNNING", "RUNNING"], id="flapping"),
        pytest.param("flapping", 30, ["CRASHED", "CRASHED"], id="flapped"),
        pytest.param("slow-placement", 60, ["DOWN", "DOWN"], id="slow-placement"),
        pytest.param("slow-placement", 100, ["RUNNING", "RUNNING"], id="slow-placement-over"),
        pytest.param("never-placed", 590, ["DOWN", "DOWN"], id="never-placed"),
        pytest.param("token-expiry", 100, ["STARTING", "STARTING"], id="token-expiry"),
        pytest.param("zero", 10, [], id="zero"),
    ],
)
def test_instances_come_up_as_the_scenario_says(scenario: str, seconds: float, states: list[str]) -> None:
    with visiting(scenario) as client:
        client.ask("POST", f"{client.app}/actions/start")
        client.stage.skip(seconds)
        assert client.states()["web"] == states


def test_an_instance_without_a_place_says_why_and_one_that_is_not_ready_says_so() -> None:
    for scenario, field, value in (
        ("never-placed", "details", "insufficient resources: memory"),
        ("unready", "routable", False),
    ):
        with visiting(scenario) as client:
            client.ask("POST", f"{client.app}/actions/start")
            client.stage.skip(20)
            [process] = client.get(f"{client.app}/processes")["resources"]
            rows = client.get(f"/v3/processes/{process['guid']}/stats")["resources"]
            assert [row[field] for row in rows] == [value, value]


def test_missing_metrics_are_a_warning() -> None:
    with visiting("blind") as client:
        client.ask("POST", f"{client.app}/actions/start")
        client.stage.skip(20)
        [process] = client.get(f"{client.app}/processes")["resources"]
        reply = client.ask("GET", f"/v3/processes/{process['guid']}/stats")
        assert (reply.headers["x-cf-warnings"], reply.body["resources"][0]["usage"]) == (
            "Stats+server+temporarily+unavailable.",
            {},
        )


@pytest.mark.parametrize(
    ("scenario", "request_", "answer"),
    [
        pytest.param("auditor", ("POST", "/actions/start"), (403, 10003), id="role"),
        pytest.param("suspended", ("POST", "/actions/start"), (403, 10017), id="suspended"),
        pytest.param("no-docker", ("POST", "/actions/start"), (403, 330002), id="docker"),
        pytest.param("quota", ("POST", "/actions/start"), (422, 10008), id="quota"),
        pytest.param("quota", ("POST", "/actions/restart"), (422, 10008), id="quota-restart"),
        pytest.param("no-droplet", ("POST", "/actions/restart"), (422, 10008), id="no-droplet"),
        pytest.param("no-droplet", ("GET", "/droplets/current"), (404, 10010), id="no-current-droplet"),
        pytest.param(
            "no-droplet", ("PATCH", CURRENT, {"data": {"guid": "x"}}), (422, 10008), id="unknown-droplet"
        ),
        pytest.param("others", ("PATCH", CURRENT, {"data": {"guid": "x"}}), (422, 10008), id="deploying"),
    ],
)
def test_a_refusal_has_its_code(scenario: str, request_: tuple[Any, ...], answer: tuple[int, int]) -> None:
    method, path, *body = request_
    with visiting(scenario) as client:
        assert reply_of(client, method, client.app + path, *body) == answer
        assert violations(client.stage) == []


# --- images


def test_an_image_is_staged_and_becomes_the_droplet() -> None:
    with visiting("image") as client:
        build = client.staged("ghcr.io/acme/web:2", seconds=5)
        assert (build["state"], build["droplet"]) == ("STAGING", None)
        package = {"package": {"guid": build["package"]["guid"]}}
        assert reply_of(client, "POST", "/v3/builds", package) == (422, 170017)
        client.stage.skip(8)
        build = client.get(f"/v3/builds/{build['guid']}")
        droplet = build["droplet"]["guid"]
        assert (build["state"], client.get(f"/v3/droplets/{droplet}")["image"]) == (
            "STAGED",
            "ghcr.io/acme/web:2",
        )
        assert (
            client.ask("PATCH", client.app + CURRENT, {"data": {"guid": droplet}}).body["data"]["guid"]
            == droplet
        )
        assert client.get(client.app)["relationships"]["current_droplet"]["data"]["guid"] == droplet
        assert client.states()["web"] == ["RUNNING", "RUNNING"]  # the one before goes on


def test_a_build_that_fails_tells_its_cause_only_in_the_log() -> None:
    with visiting("staging-failure") as client:
        build = client.staged()
        assert (build["state"], build["error"]) == ("FAILED", "StagingError - Staging error: staging failed")
        assert any("manifest unknown" in text for _, text in logged(client))


def test_a_private_registry_wants_its_login() -> None:
    with visiting("registry") as client:
        assert client.staged()["state"] == "FAILED"
        given = client.stage.inputs
        data = {
            "image": "a/b:1",
            "username": given["cf_docker_username"],
            "password": given["cf_docker_password"],
        }
        package = client.ask("POST", "/v3/packages", {"type": "docker", **client.of_app(), "data": data}).body
        assert package["data"] == {
            "image": "a/b:1",
            "username": given["cf_docker_username"],
            "password": "***",
        }
        build = client.ask("POST", "/v3/builds", {"package": {"guid": package["guid"]}}).body
        client.stage.skip(20)
        assert client.get(f"/v3/builds/{build['guid']}")["state"] == "STAGED"


def test_what_is_no_image_app_takes_no_image() -> None:
    with visiting("buildpack") as client:
        answer = client.ask(
            "POST", "/v3/packages", {"type": "docker", **client.of_app(), "data": {"image": "a/b"}}
        )
        assert (answer.status, answer.body["errors"][0]["detail"]) == (
            422,
            "Cannot create Docker package for a buildpack app.",
        )


def test_what_ran_before_the_image_that_crashes_runs_well_again() -> None:
    with visiting("image-crash") as client:
        before = client.get(client.app)["relationships"]["current_droplet"]["data"]["guid"]
        droplet = client.staged()["droplet"]["guid"]
        for each, states in ((droplet, ["CRASHED", "CRASHED"]), (before, ["RUNNING", "RUNNING"])):
            client.ask("PATCH", client.app + CURRENT, {"data": {"guid": each}})
            client.ask("POST", f"{client.app}/actions/restart")
            client.stage.skip(17)
            assert client.states()["web"] == states
        assert violations(client.stage) == []


def test_an_app_answers_the_world_while_it_runs() -> None:
    with visiting("image-sick") as client:
        assert visited(client) == (200, "ok")
        droplet = client.staged()["droplet"]["guid"]
        client.ask("PATCH", client.app + CURRENT, {"data": {"guid": droplet}})
        client.ask("POST", f"{client.app}/actions/restart")
        assert visited(client)[0] == 404
        client.stage.skip(15)
        assert visited(client) == (502, "Bad Gateway")
        assert violations(client.stage) == []


def visited(client: Client) -> tuple[int, str]:
    address, _, path = client.stage.site.partition("/site")
    answer = client.ask("GET", f"/site{path}", at=address, Authorization="")
    return answer.status, answer.body


# --- rolling deployments


def status(client: Client, deployment: str) -> str:
    found = client.get(f"/v3/deployments/{deployment}")["status"]
    return f"{found['value']} {found['reason']}"


def test_a_rolling_deployment_replaces_the_web_process_instance_by_instance() -> None:
    with visiting("rolling") as client:
        [old] = client.get(f"{client.app}/processes")["resources"]
        created = client.deployed()
        deployment = created.body["guid"]
        [new] = created.body["new_processes"]
        assert (created.status, status(client, deployment)) == (201, "ACTIVE DEPLOYING")
        client.stage.skip(PACE - 1)
        rows = client.get(f"{client.app}/processes")["resources"]
        assert [(row["guid"], row["instances"]) for row in rows] == [(old["guid"], 2), (new["guid"], 1)]
        client.stage.skip(PACE)
        assert [row["instances"] for row in client.get(f"{client.app}/processes")["resources"]] == [2, 2]
        client.stage.skip(2)
        assert status(client, deployment) == "FINALIZED DEPLOYED"
        assert [row["guid"] for row in client.get(f"{client.app}/processes")["resources"]] == [new["guid"]]
        assert reply_of(client, "GET", f"/v3/processes/{old['guid']}/stats") == (404, 10010)
        answer = client.ask("POST", f"/v3/deployments/{deployment}/actions/cancel")
        assert (
            answer.body["errors"][0]["detail"]
            == "Cannot cancel a deployment with status: FINALIZED and reason: DEPLOYED"
        )


def test_the_other_processes_are_restarted_when_it_is_over() -> None:
    with visiting("worker") as client:
        client.ask("POST", f"{client.app}/actions/start")
        client.stage.skip(20)
        deployment = client.deployed().body["guid"]
        client.stage.skip(2 * PACE - 1)
        assert client.states()["worker"] == ["RUNNING"]
        client.stage.skip(1.5)
        assert (status(client, deployment), client.states()["worker"]) == ("FINALIZED DEPLOYED", ["DOWN"])


def test_bad_code_leaves_it_active_for_ever_and_a_cancel_puts_back_what_ran() -> None:
    with visiting("rolling-stuck") as client:
        droplet = client.staged()["droplet"]["guid"]
        before = client.get(client.app)["relationships"]["current_droplet"]["data"]["guid"]
        deployment = client.deployed(droplet).body["guid"]
        assert client.get(client.app)["relationships"]["current_droplet"]["data"]["guid"] == droplet
        for _ in range(10):
            client.stage.skip(360)
            assert status(client.login(), deployment) == "ACTIVE DEPLOYING"
        answer = client.ask("POST", f"/v3/deployments/{deployment}/actions/cancel")
        assert (answer.status, answer.raw) == (200, b"")
        assert status(client, deployment) == "ACTIVE CANCELING"
        assert client.get(client.app)["relationships"]["current_droplet"]["data"]["guid"] == before
        client.stage.skip(10)
        assert (status(client, deployment), client.states()["web"]) == (
            "FINALIZED CANCELED",
            ["RUNNING", "RUNNING"],
        )


@pytest.mark.parametrize(
    ("scenario", "seconds", "seen"),
    [
        pytest.param("rolling-stopped", 0, "FINALIZED DEPLOYED", id="stopped"),
        pytest.param("superseded", 15, "ACTIVE DEPLOYING", id="not-yet-superseded"),
        pytest.param("superseded", 25, "FINALIZED SUPERSEDED", id="superseded"),
        pytest.param("rolling-cancelled", 22, "ACTIVE CANCELING", id="canceling"),
        pytest.param("rolling-cancelled", 30, "FINALIZED CANCELED", id="canceled"),
        pytest.param("rolling-quota", 80, "ACTIVE DEPLOYING", id="no-quota"),
        pytest.param("rolling-quota", 100, "FINALIZED DEPLOYED", id="quota-again"),
    ],
)
def test_a_deployment_goes_as_the_scenario_says(scenario: str, seconds: float, seen: str) -> None:
    with visiting(scenario) as client:
        deployment = client.deployed().body["guid"]
        client.stage.skip(seconds)
        assert status(client, deployment) == seen


def test_a_stopped_app_is_deployed_at_once_and_nothing_runs_yet() -> None:
    with visiting("rolling-stopped") as client:
        assert client.deployed().body["new_processes"] == []
        assert (client.get(client.app)["state"], client.states()["web"]) == ("STARTED", ["DOWN", "DOWN"])


def test_a_second_deployment_supersedes_the_first() -> None:
    with visiting("others") as client:
        [first] = client.get("/v3/deployments", status_values="ACTIVE")["resources"]
        second = client.deployed().body["guid"]
        assert (status(client, first["guid"]), status(client, second)) == (
            "FINALIZED SUPERSEDED",
            "ACTIVE DEPLOYING",
        )
        listed = client.get(
            "/v3/deployments", app_guids=client.stage.guids[0], order_by="-created_at", per_page="1"
        )
        assert [row["guid"] for row in listed["resources"]] == [second]


@pytest.mark.parametrize(
    ("scenario", "answer"),
    [
        pytest.param("rolling-off", (403, 390014), id="switched-off"),
        pytest.param("rolling-no-quota", (422, 10008), id="quota"),
        pytest.param("no-droplet", (422, 10008), id="no-droplet"),
        pytest.param("auditor", (422, 10008), id="role"),
    ],
)
def test_a_deployment_is_refused(scenario: str, answer: tuple[int, int]) -> None:
    with visiting(scenario) as client:
        refused = client.deployed()
        assert (refused.status, refused.code) == answer


# --- what the official command line asks for beside that


def deploying(client: Client, **body: Any) -> Reply:
    """One request for a deployment of the stage's first app."""
    return client.ask("POST", "/v3/deployments", {**client.of_app(), **body})


def web_instances(client: Client) -> list[int]:
    """How many instances each of its web processes has, the oldest first."""
    rows = client.get(f"{client.app}/processes")["resources"]
    return [row["instances"] for row in rows if row["type"] == "web"]


def applied(client: Client, *names: str) -> Reply:
    """A manifest that names these apps, as `cf push --docker-image` sends it."""
    lines = "".join(f"- name: {name}\n  docker:\n    image: a/b:1\n  default-route: true\n" for name in names)
    path = f"/v3/spaces/{SPACE}/actions/apply_manifest"
    return client.ask("POST", path, raw=f"applications:\n{lines}".encode(), Content_Type="application/x-yaml")


def test_processes_of_a_space_hold_their_instances_where_that_is_wanted() -> None:
    with visiting("started") as client:
        [plain] = client.get("/v3/processes", space_guids=SPACE)["resources"]
        [row] = client.get("/v3/processes", space_guids=SPACE, embed="process_instances")["resources"]
        assert "process_instances" not in plain
        assert [(each["index"], each["state"]) for each in row["process_instances"]] == [
            (0, "RUNNING"),
            (1, "RUNNING"),
        ]
        assert all(each["since"] > 0 for each in row["process_instances"])
        assert (
            client.get(f"/v3/processes/{row['guid']}/process_instances")["resources"]
            == row["process_instances"]
        )
        assert client.get("/v3/processes", app_guids="nobodys")["resources"] == []
        [route] = client.get("/v3/routes", app_guids=client.stage.guids[0])["resources"]
        assert route["url"] == "web.apps.example.org"


def test_a_manifest_is_applied_by_a_job_and_makes_an_app_that_is_not_there() -> None:
    with visiting("success") as client:
        reply = applied(client, "web", "other")
        assert (reply.status, reply.raw) == (202, b"")
        job = client.get(reply.headers["location"].removeprefix(client.stage.url))
        assert (job["state"], job["operation"], job["errors"]) == ("COMPLETE", "space.apply_manifest", [])
        assert [row["name"] for row in client.get("/v3/apps")["resources"]] == ["web", "other"]
        [other] = client.get("/v3/apps", names="other")["resources"]
        assert (other["state"], other["relationships"]["current_droplet"]["data"]) == (
            "STOPPED",
            {"guid": None},
        )
        assert reply_of(client, "POST", f"/v3/apps/{other['guid']}/actions/start") == (422, 10008)
        applied(client, "other")
        assert len(client.get("/v3/apps")["resources"]) == 2


@pytest.mark.parametrize(("scenario", "answer"), [("auditor", (403, 10003)), ("supporter", (403, 10003))])
def test_a_manifest_needs_a_developer(scenario: str, answer: tuple[int, int]) -> None:
    with visiting(scenario) as client:
        reply = applied(client, "web")
        assert (reply.status, reply.code) == answer
        assert reply_of(client, "GET", "/v3/jobs/nobodys") == (404, 10010)


def test_each_droplet_that_is_put_live_is_a_revision_and_one_can_be_gone_back_to() -> None:
    with visiting("rolling") as client:
        first, second = client.get(f"{client.app}/revisions")["resources"]
        assert [(each["version"], each["description"]) for each in (first, second)] == [
            (1, "Initial revision."),
            (2, "New droplet deployed."),
        ]
        assert client.get(f"{client.app}/revisions/deployed")["resources"] == [second]
        assert client.get(f"{client.app}/features/revisions")["enabled"] is True
        assert reply_of(client, "GET", f"{client.app}/features/nothing") == (404, 10010)
        same = deploying(client, strategy="rolling", revision={"guid": second["guid"]})
        assert (same.status, "is the same as the deployed revision" in same.body["errors"][0]["detail"]) == (
            422,
            True,
        )
        back = deploying(client, strategy="rolling", revision={"guid": first["guid"]})
        assert (back.status, back.body["droplet"], back.body["revision"]["version"]) == (
            201,
            first["droplet"],
            3,
        )
        [newest] = client.get(f"{client.app}/revisions", versions="3")["resources"]
        assert (newest["description"], newest["droplet"]) == (
            "New droplet deployed. Rolled back to revision 1.",
            first["droplet"],
        )
        assert client.get(f"/v3/revisions/{newest['guid']}") == newest
        assert client.get(f"{client.app}/revisions", order_by="-created_at")["resources"][0] == newest
        assert reply_of(client, "GET", "/v3/revisions/nobodys") == (404, 10010)


def test_a_canary_waits_after_its_first_instance_until_it_is_continued() -> None:
    with visiting("rolling") as client:
        reply = deploying(client, strategy="canary")
        guid = reply.body["guid"]
        assert (reply.body["strategy"], reply.body["status"]["canary"]) == (
            "canary",
            {"steps": {"current": 1, "total": 1}},
        )
        assert (reply.body["options"], "continue" in reply.body["links"]) == ({"max_in_flight": 1}, False)
        assert reply_of(client, "POST", f"/v3/deployments/{guid}/actions/continue") == (422, 10008)
        client.stage.skip(PACE + 1)
        paused = client.get(f"/v3/deployments/{guid}")
        assert (paused["status"]["value"], paused["status"]["reason"]) == ("ACTIVE", "PAUSED")
        assert paused["links"]["continue"]["href"].endswith(f"{guid}/actions/continue")
        client.stage.skip(300)
        assert (web_instances(client), client.get(f"/v3/deployments/{guid}")["status"]["reason"]) == (
            [2, 1],
            "PAUSED",
        )
        assert client.ask("POST", f"/v3/deployments/{guid}/actions/continue").status == 200
        assert client.get(f"/v3/deployments/{guid}")["status"]["reason"] == "DEPLOYING"
        client.stage.skip(PACE + 1)
        assert (web_instances(client), client.get(f"/v3/deployments/{guid}")["status"]["reason"]) == (
            [2],
            "DEPLOYED",
        )
        assert client.get(f"/v3/deployments/{guid}")["status"]["canary"] == {
            "steps": {"current": 1, "total": 1}
        }


def test_a_canary_with_steps_waits_after_each_and_can_be_cancelled() -> None:
    with visiting("rolling") as client:
        steps = [{"instance_weight": 10}, {"instance_weight": 100}]
        guid = deploying(client, strategy="canary", options={"canary": {"steps": steps}}).body["guid"]
        seen = []
        for _ in range(2):
            client.stage.skip(PACE + 1)
            shown = client.get(f"/v3/deployments/{guid}")
            seen.append(
                (shown["status"]["reason"], shown["status"]["canary"]["steps"], web_instances(client))
            )
            client.ask("POST", f"/v3/deployments/{guid}/actions/continue") if len(seen) == 1 else None
        assert seen == [
            ("PAUSED", {"current": 1, "total": 2}, [2, 1]),
            ("PAUSED", {"current": 2, "total": 2}, [2, 2]),
        ]
        assert shown["options"] == {"max_in_flight": 1, "canary": {"steps": steps}}
        assert client.ask("POST", f"/v3/deployments/{guid}/actions/cancel").status == 200
        client.stage.skip(10)
        assert (web_instances(client), client.get(f"/v3/deployments/{guid}")["status"]["reason"]) == (
            [2],
            "CANCELED",
        )


def test_a_canary_whose_instance_never_comes_up_is_never_paused() -> None:
    with visiting("rolling-stuck") as client:
        guid = deploying(client, strategy="canary").body["guid"]
        client.stage.skip(300)
        assert client.get(f"/v3/deployments/{guid}")["status"]["reason"] == "DEPLOYING"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"strategy": "blue-green"}, "Strategy 'blue-green' is not a supported deployment strategy"),
        (
            {"revision": {"guid": "a"}, "droplet": {"guid": "b"}},
            "Droplet Cannot set both fields 'droplet' and 'revision'",
        ),
        ({"revision": {"guid": "nobodys"}}, "The revision does not exist"),
        ({"options": [1]}, "Options must be an object"),
        ({"options": {"fast": True}}, "Options has unsupported key(s): fast"),
        ({"options": {"max_in_flight": 0}}, "Max in flight must be an integer greater than 0"),
        ({"options": {"canary": {"steps": []}}}, "Options canary are only valid for Canary deployments"),
        ({"strategy": "canary", "options": {"canary": 1}}, "Options canary must be an object"),
        (
            {"strategy": "canary", "options": {"canary": {"steps": [1]}}},
            "Options canary steps must be an array of objects",
        ),
        (
            {"strategy": "canary", "options": {"canary": {"steps": [{"instance_weight": 0}]}}},
            "Options canary steps instance weight must be an Integer between 1-100 (inclusive)",
        ),
        (
            {
                "strategy": "canary",
                "options": {"canary": {"steps": [{"instance_weight": 20}, {"instance_weight": 10}]}},
            },
            "Options canary steps instance weight must be sorted in ascending order",
        ),
    ],
)
def test_a_deployment_of_a_kind_that_is_none_is_refused(body: dict[str, Any], detail: str) -> None:
    with visiting("rolling") as client:
        reply = deploying(client, **body)
        assert (reply.status, reply.body["errors"][0]["detail"]) == (422, detail)
        assert client.get("/v3/deployments")["resources"] == []


def test_what_it_is_answered_fits_the_document() -> None:
    with visiting("rolling") as client:
        client.get("/v3/processes", space_guids=SPACE, embed="process_instances")
        client.get("/v3/routes", app_guids=client.stage.guids[0])
        [process, *_] = client.get(f"{client.app}/processes")["resources"]
        client.get(f"/v3/processes/{process['guid']}/process_instances")
        job = applied(client, "web")
        client.get(job.headers["location"].removeprefix(client.stage.url))
        [revision, *_] = client.get(f"{client.app}/revisions")["resources"]
        client.get(f"{client.app}/revisions/deployed")
        client.get(f"/v3/revisions/{revision['guid']}")
        canary = deploying(client, strategy="canary").body["guid"]
        client.stage.skip(PACE + 1)
        client.get(f"/v3/deployments/{canary}")
        client.ask("POST", f"/v3/deployments/{canary}/actions/continue")
        wrong = [
            f"{method} {path}: {said}"
            for method, path, reply in client.said
            for said in unfit(method, path, reply)
        ]
    assert [each for each in wrong if not NULL.search(each)] == []


# --- logs


def logged(client: Client, **query: str) -> list[tuple[str, str]]:
    """Source and text of what the log-cache gives."""
    pairs = "&".join(
        f"{name}={value}" for name, value in ({"envelope_types": "LOG", "limit": "1000"} | query).items()
    )
    reply = client.ask(
        "GET", f"/api/v1/read/{client.stage.guids[0]}?{pairs}", at=client.links["log_cache"]["href"]
    )
    assert reply.status == 200
    batch = reply.body["envelopes"]["batch"]
    return [
        (each["tags"]["source_type"], base64.b64decode(each["log"]["payload"]).decode()) for each in batch
    ]


def test_the_log_is_read_from_a_time_on_forwards_and_backwards() -> None:
    with visiting("success") as client:
        client.ask("POST", f"{client.app}/actions/start")
        client.stage.skip(20)
        every = logged(client)
        assert [source for source, _ in every] == ["API", "CELL", "CELL", "APP/PROC/WEB", "APP/PROC/WEB"]
        assert logged(client, descending="true", limit="2") == [every[4], every[3]]
        assert logged(client, limit="2") == every[:2]
        assert logged(client, start_time=str(int((time.time() + 3) * 1e9))) == every[3:]
        assert logged(client, end_time=str(int((time.time() - 3) * 1e9))) == []


def test_whoever_may_not_see_a_log_gets_a_bare_404() -> None:
    with visiting("success") as client:
        place = client.links["log_cache"]["href"]
        for path, token in ((client.stage.guids[0], "bearer guessed"), ("nobodys", f"bearer {client.token}")):
            reply = client.ask("GET", f"/api/v1/read/{path}", at=place, Authorization=token)
            assert (reply.status, reply.raw) == (404, b"")


def test_a_line_may_come_after_a_later_one() -> None:
    with visiting("late-logs") as client:
        client.ask("POST", f"{client.app}/actions/start")
        client.stage.skip(7.5)
        assert ("APP/PROC/WEB", "Listening on 0.0.0.0:8080") in logged(client)
        assert ("APP/PROC/WEB", "second in the list") not in logged(client)
        client.stage.skip(2)
        assert [text for source, text in logged(client) if source == "APP/PROC/WEB"] == [
            "second in the list",
            "Listening on 0.0.0.0:8080",
        ]


# --- what goes wrong on the way


@pytest.mark.parametrize(("scenario", "done"), [("start-lost", "STARTED"), ("start-undone", "STOPPED")])
def test_a_lost_answer_was_done_or_not(scenario: str, done: str) -> None:
    with visiting(scenario) as client:
        with pytest.raises(http.client.RemoteDisconnected):
            client.ask("POST", f"{client.app}/actions/start")
        assert client.get(client.app)["state"] == done


def test_the_statistics_may_be_away() -> None:
    with visiting("stats-away") as client:
        [process] = client.get(f"{client.app}/processes")["resources"]
        assert reply_of(client, "GET", f"/v3/processes/{process['guid']}/stats") == (503, 200002)
        client.stage.skip(61)
        assert reply_of(client, "GET", f"/v3/processes/{process['guid']}/stats") == (200, 0)


def test_a_link_may_lead_to_another_host() -> None:
    with visiting("lured") as client:
        assert client.get("/v3/apps")["pagination"]["next"]["href"].startswith("http://localhost")


# --- what no client of ours may do


def start_twice(client: Client) -> None:
    for action in ("start", "stop", "start"):
        client.ask("POST", f"{client.app}/actions/{action}")


def stage_twice(client: Client) -> None:
    client.staged("a/b:1")
    client.staged("a/b:1")


def restart_blindly(client: Client) -> None:
    for _ in range(2):
        with contextlib.suppress(http.client.RemoteDisconnected):
            client.ask("POST", f"{client.app}/actions/restart")


def expired(client: Client) -> None:
    client.stage.skip(700)
    client.ask("GET", "/v3/apps")


def refused_token(client: Client) -> None:
    client.token = "guessed"
    client.ask("GET", "/v3/apps")
    client.ask("GET", "/v3/apps")


def wrong_twice(client: Client) -> None:
    for _ in range(2):
        client.grant(grant_type="password", username=USERNAME, password="wrong")


def impatient(client: Client) -> None:
    [process] = client.get(f"{client.app}/processes")["resources"]
    for _ in range(3):
        client.ask("GET", f"/v3/processes/{process['guid']}/stats")


def cancelled(client: Client) -> None:
    [row] = client.get("/v3/deployments", status_values="ACTIVE")["resources"]
    client.ask("POST", f"/v3/deployments/{row['guid']}/actions/cancel")


BREACHES: list[Any] = [
    pytest.param("success", start_twice, "was put live 2 times, 1 would have been right", id="started-twice"),
    pytest.param("image", stage_twice, "was staged 2 times", id="staged-twice"),
    pytest.param(
        "started",
        lambda at: [at.ask("POST", f"{at.app}/actions/start") for _ in "ab"],
        "it was started already",
        id="again",
    ),
    pytest.param(
        "restart-lost", restart_blindly, "nobody had looked what the first one did", id="blind-restart"
    ),
    pytest.param(
        "success",
        lambda at: at.ask("GET", "/v3/nothing"),
        "there is no such endpoint on api",
        id="unknown-path",
    ),
    pytest.param(
        "success",
        lambda at: at.ask("GET", "/v3/apps?name=web"),
        "'name' must not be sent like that",
        id="unknown-parameter",
    ),
    pytest.param(
        "success",
        lambda at: at.ask("POST", "/v3/deployments", {**at.of_app(), "max_in_flight": 1}),
        "there is no field 'max_in_flight' here",
        id="unknown-field",
    ),
    pytest.param(
        "success",
        lambda at: at.ask("GET", "/v3/apps", at=at.links["login"]["href"]),
        "the token was sent to login",
        id="token-to-login",
    ),
    pytest.param(
        "success",
        lambda at: at.ask("GET", "/", at=elsewhere(at)),
        "the token was sent to elsewhere",
        id="token-elsewhere",
    ),
    pytest.param(
        "success",
        lambda at: at.ask("GET", "/", Authorization="Basic Y2Y6"),
        "the client's name was sent to api",
        id="basic",
    ),
    pytest.param(
        "success",
        lambda at: at.ask("GET", f"/v3/apps?names={PASSWORD}"),
        "a secret stands in the address",
        id="secret",
    ),
    pytest.param("success", expired, "came with a token that had expired 100 s before", id="expired"),
    pytest.param("success", refused_token, "came with a token that had been refused", id="refused-token"),
    pytest.param(
        "success",
        lambda at: at.ask("GET", "/v3/apps", Authorization=""),
        "came without a token",
        id="no-token",
    ),
    pytest.param(
        "success", wrong_twice, "password was refused before, and tried again", id="wrong-password-twice"
    ),
    pytest.param(
        "quota",
        lambda at: [at.ask("POST", f"{at.app}/actions/start") for _ in "ab"],
        "came after it had been answered 422 10008 CF-UnprocessableEntity",
        id="refused-twice",
    ),
    pytest.param("limited", impatient, "s before the time that the server had asked for", id="impatient"),
    pytest.param(
        "success",
        lambda at: at.ask("GET", "/v3/info", Accept="*/*"),
        "without 'Accept: application/json'",
        id="accept",
    ),
    pytest.param(
        "success", lambda at: at.ask("GET", "/v3/info", User_Agent="curl/8"), "does not name us", id="agent"
    ),
    pytest.param(
        "success",
        lambda at: at.ask("GET", "/", User_Agent="deployer/cf/1.0.0 (x)"),
        "looks like an old cf",
        id="like-cf",
    ),
    pytest.param("others", cancelled, "this client did not start that deployment", id="foreign-cancel"),
    pytest.param(
        "success",
        lambda at: at.ask("GET", site(at)[1], at=site(at)[0]),
        "the token was sent to site",
        id="token-to-the-site",
    ),
]


def elsewhere(client: Client) -> str:
    return client.stage.world.addresses["elsewhere"]


def site(client: Client) -> tuple[str, str]:
    address, _, path = client.stage.site.partition("/site")
    return address, f"/site{path}"


@pytest.mark.parametrize(("scenario", "misbehave", "said"), BREACHES)
def test_a_breach_is_told(scenario: str, misbehave: Callable[[Client], Any], said: str) -> None:
    with visiting(scenario) as client:
        assert violations(client.stage) == []
        misbehave(client)
        assert any(said in each for each in violations(client.stage)), violations(client.stage)


def test_a_run_that_changes_nothing_writes_nothing() -> None:
    with visiting("success") as client:
        assert violations(client.stage, changes_nothing=True) == []
        client.ask("POST", f"{client.app}/actions/start")
        assert violations(client.stage) == []
        assert violations(client.stage, changes_nothing=True) == [
            f"POST {client.app}/actions/start: this run may change nothing",
        ]


def test_what_the_contract_allows_is_no_breach() -> None:
    with visiting("start-undone") as client:
        with contextlib.suppress(http.client.RemoteDisconnected):
            client.ask("POST", f"{client.app}/actions/start")
        client.ask("POST", f"{client.app}/actions/start")
        client.stage.skip(530)
        client.took(client.grant(grant_type="refresh_token", refresh_token=client.refresh))
        client.get("/v3/apps")
        assert violations(client.stage) == []


# --- the stage


def test_the_inputs_are_what_a_client_needs() -> None:
    with simulating("success") as session:
        assert set(session.inputs) == {"cf_api", "cf_username", "cf_password", "cf_org", "cf_space", "cf_app"}
        assert session.inputs["cf_api"] == session.url
    with simulating("two-apps") as session:
        assert session.inputs["cf_app"] == "web,worker"
    with simulating("client-assertion") as session:
        assert {"cf_client_id", "cf_assertion"} <= set(session.inputs)


def test_every_scenario_has_a_sentence_and_people_get_the_first_eight() -> None:
    people = [
        "success",
        "crash",
        "staging-failure",
        "no-droplet",
        "quota",
        "slow-placement",
        "superseded",
        "token-expiry",
    ]
    assert list(cloudfoundry.SCENARIOS) == people == list(SCENARIOS)[: len(people)]
    assert all(scenario.summary and scenario.name == name for name, scenario in SCENARIOS.items())


def test_a_wrong_name_or_speed_is_told() -> None:
    with pytest.raises(ValueError, match="did you mean 'success'"), simulating("succes"):
        pass
    with pytest.raises(ValueError, match="must be above 0"), simulating("success", speed=0):
        pass


@pytest.mark.parametrize("scenario", list(SCENARIOS))
def test_every_scenario_answers_a_client_that_only_looks(scenario: str) -> None:
    with simulating(scenario, speed=0.001) as session:
        client = Client(session)
        client.ask("GET", "/")
        assert session.apps()
        assert session.deployments() == [] or SCENARIOS[scenario].others
        assert violations(session) == []
