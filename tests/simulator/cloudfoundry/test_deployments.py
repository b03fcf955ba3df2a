"""Rolling deployments of the simulated Cloud Foundry."""

from __future__ import annotations

import pytest

from deployer.simulator.cloudfoundry.state.deployments import PACE
from tests.simulator.cloudfoundry.client import Client, connected_client, status_and_code


def status(client: Client, deployment: str) -> str:
    current = client.get(f"/v3/deployments/{deployment}")["status"]
    return f"{current['value']} {current['reason']}"


def test_rolling_deployment_replaces_the_web_process_instance_by_instance() -> None:
    with connected_client("rolling") as client:
        [old] = client.get(f"{client.app}/processes")["resources"]
        created = client.deploy_rolling()
        deployment = created.body["guid"]
        [new] = created.body["new_processes"]
        assert (created.status, status(client, deployment)) == (201, "ACTIVE DEPLOYING")
        client.session.skip(PACE - 1)
        rows = client.get(f"{client.app}/processes")["resources"]
        assert [(row["guid"], row["instances"]) for row in rows] == [(old["guid"], 2), (new["guid"], 1)]
        client.session.skip(PACE)
        assert [row["instances"] for row in client.get(f"{client.app}/processes")["resources"]] == [2, 2]
        client.session.skip(2)
        assert status(client, deployment) == "FINALIZED DEPLOYED"
        assert [row["guid"] for row in client.get(f"{client.app}/processes")["resources"]] == [new["guid"]]
        assert status_and_code(client, "GET", f"/v3/processes/{old['guid']}/stats") == (404, 10010)
        expected = client.send("POST", f"/v3/deployments/{deployment}/actions/cancel")
        assert (
            expected.body["errors"][0]["detail"]
            == "Cannot cancel a deployment with status: FINALIZED and reason: DEPLOYED"
        )


def test_other_processes_are_restarted_at_the_end() -> None:
    with connected_client("worker") as client:
        client.send("POST", f"{client.app}/actions/start")
        client.session.skip(20)
        deployment = client.deploy_rolling().body["guid"]
        client.session.skip(2 * PACE - 1)
        assert client.states()["worker"] == ["RUNNING"]
        client.session.skip(1.5)
        assert (status(client, deployment), client.states()["worker"]) == ("FINALIZED DEPLOYED", ["DOWN"])


def test_crashing_deployment_stays_active_and_a_cancel_restores_the_previous_droplet() -> None:
    with connected_client("rolling-stuck") as client:
        droplet = client.stage_image()["droplet"]["guid"]
        before = client.get(client.app)["relationships"]["current_droplet"]["data"]["guid"]
        deployment = client.deploy_rolling(droplet).body["guid"]
        assert client.get(client.app)["relationships"]["current_droplet"]["data"]["guid"] == droplet
        for _ in range(10):
            client.session.skip(360)
            assert status(client.login(), deployment) == "ACTIVE DEPLOYING"
        expected = client.send("POST", f"/v3/deployments/{deployment}/actions/cancel")
        assert (expected.status, expected.raw) == (200, b"")
        assert status(client, deployment) == "ACTIVE CANCELING"
        assert client.get(client.app)["relationships"]["current_droplet"]["data"]["guid"] == before
        client.session.skip(10)
        assert (status(client, deployment), client.states()["web"]) == (
            "FINALIZED CANCELED",
            ["RUNNING", "RUNNING"],
        )


@pytest.mark.parametrize(
    ("scenario", "seconds", "expected"),
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
def test_status_of_a_deployment_follows_the_scenario(scenario: str, seconds: float, expected: str) -> None:
    with connected_client(scenario) as client:
        deployment = client.deploy_rolling().body["guid"]
        client.session.skip(seconds)
        assert status(client, deployment) == expected


def test_stopped_app_is_deployed_at_once_and_not_running_yet() -> None:
    with connected_client("rolling-stopped") as client:
        assert client.deploy_rolling().body["new_processes"] == []
        assert (client.get(client.app)["state"], client.states()["web"]) == ("STARTED", ["DOWN", "DOWN"])


def test_second_deployment_supersedes_the_first() -> None:
    with connected_client("others") as client:
        [first] = client.get("/v3/deployments", status_values="ACTIVE")["resources"]
        second = client.deploy_rolling().body["guid"]
        assert (status(client, first["guid"]), status(client, second)) == (
            "FINALIZED SUPERSEDED",
            "ACTIVE DEPLOYING",
        )
        deployments = client.get(
            "/v3/deployments", app_guids=client.session.guids[0], order_by="-created_at", per_page="1"
        )
        assert [row["guid"] for row in deployments["resources"]] == [second]


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        pytest.param("rolling-off", (403, 390014), id="disabled"),
        pytest.param("rolling-no-quota", (422, 10008), id="quota"),
        pytest.param("no-droplet", (422, 10008), id="no-droplet"),
        pytest.param("auditor", (422, 10008), id="role"),
    ],
)
def test_deployment_is_rejected(scenario: str, expected: tuple[int, int]) -> None:
    with connected_client(scenario) as client:
        rejected = client.deploy_rolling()
        assert (rejected.status, rejected.code) == expected
