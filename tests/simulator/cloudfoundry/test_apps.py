"""An app of the simulated Cloud Foundry is started, stopped and restarted, and its instances come up or crash."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.simulator.cloudfoundry.client import CURRENT, reply_of, visiting
from tests.simulator.cloudfoundry.invariants import violations


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
