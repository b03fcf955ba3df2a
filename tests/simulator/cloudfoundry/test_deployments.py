"""Rolling deployments of the simulated Cloud Foundry."""

from __future__ import annotations

import pytest

from deployer.simulator.cloudfoundry.state.deployments import PACE
from tests.simulator.cloudfoundry.client import Client, reply_of, visiting


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
