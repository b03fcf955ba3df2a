"""Apps of the simulated Cloud Foundry: start, stop, restart, and the states of their instances."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.simulator.cloudfoundry.client import CURRENT, connected_client, status_and_code
from tests.simulator.cloudfoundry.invariants import violations


def test_start_sets_the_state_at_once_and_the_instances_follow() -> None:
    with connected_client("success") as client:
        started_app = client.send("POST", f"{client.app}/actions/start").body
        assert started_app["state"] == "STARTED"
        states = []
        for _ in range(5):
            states.append(client.states()["web"])
            client.session.skip(2.1)
        assert states[0] == ["DOWN", "DOWN"]
        assert ["STARTING", "STARTING"] in states
        assert client.states()["web"] == ["RUNNING", "RUNNING"]


def test_start_of_a_started_app_changes_nothing() -> None:
    with connected_client("started") as client:
        before = client.get(f"{client.app}/processes")
        assert client.send("POST", f"{client.app}/actions/start").body["state"] == "STARTED"
        assert client.get(f"{client.app}/processes") == before
        assert client.states()["web"] == ["RUNNING", "RUNNING"]


def test_restart_starts_another_version_of_the_same_processes() -> None:
    with connected_client("restart") as client:
        before = client.get(f"{client.app}/processes")["resources"][0]
        client.send("POST", f"{client.app}/actions/restart")
        after = client.get(f"{client.app}/processes")["resources"][0]
        assert (before["guid"], before["version"] != after["version"]) == (after["guid"], True)
        assert client.states()["web"] == ["DOWN", "DOWN"]


def test_instances_stop_after_a_moment() -> None:
    with connected_client("started") as client:
        assert client.send("POST", f"{client.app}/actions/stop").body["state"] == "STOPPED"
        assert client.states()["web"] == ["RUNNING", "RUNNING"]
        client.session.skip(4)
        assert client.states()["web"] == ["DOWN", "DOWN"]


def test_instance_is_crashed_from_the_third_crash_on_and_each_crash_is_an_event() -> None:
    with connected_client("crash") as client:
        client.send("POST", f"{client.app}/actions/start")
        client.session.skip(10)
        assert client.states()["web"] == ["STARTING", "STARTING"]
        client.session.skip(6)
        assert client.states()["web"] == ["CRASHED", "CRASHED"]
        events = client.get(
            "/v3/audit_events",
            types="audit.app.process.crash",
            target_guids=client.session.guids[0],
            order_by="-created_at",
        )
        assert len(events["resources"]) == 6
        [process] = client.get(f"{client.app}/processes")["resources"]
        assert events["resources"][0]["data"]["version"] == process["version"]
        times = [event["created_at"] for event in events["resources"]]
        assert times == sorted(times, reverse=True)
        assert abs((datetime.fromisoformat(times[0]) - datetime.now(UTC)).total_seconds()) < 60
        client.session.skip(30)
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
def test_states_of_the_instances_follow_the_scenario(
    scenario: str, seconds: float, states: list[str]
) -> None:
    with connected_client(scenario) as client:
        client.send("POST", f"{client.app}/actions/start")
        client.session.skip(seconds)
        assert client.states()["web"] == states


def test_unplaced_instance_has_details_and_unready_instance_is_not_routable() -> None:
    for scenario, field, value in (
        ("never-placed", "details", "insufficient resources: memory"),
        ("unready", "routable", False),
    ):
        with connected_client(scenario) as client:
            client.send("POST", f"{client.app}/actions/start")
            client.session.skip(20)
            [process] = client.get(f"{client.app}/processes")["resources"]
            rows = client.get(f"/v3/processes/{process['guid']}/stats")["resources"]
            assert [row[field] for row in rows] == [value, value]


def test_missing_metrics_are_a_warning() -> None:
    with connected_client("blind") as client:
        client.send("POST", f"{client.app}/actions/start")
        client.session.skip(20)
        [process] = client.get(f"{client.app}/processes")["resources"]
        reply = client.send("GET", f"/v3/processes/{process['guid']}/stats")
        assert (reply.headers["x-cf-warnings"], reply.body["resources"][0]["usage"]) == (
            "Stats+server+temporarily+unavailable.",
            {},
        )


@pytest.mark.parametrize(
    ("scenario", "request_", "expected"),
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
def test_rejection_has_its_code(scenario: str, request_: tuple[Any, ...], expected: tuple[int, int]) -> None:
    method, path, *body = request_
    with connected_client(scenario) as client:
        assert status_and_code(client, method, client.app + path, *body) == expected
        assert violations(client.session) == []
