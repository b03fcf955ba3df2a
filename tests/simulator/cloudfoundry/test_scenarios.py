"""Every scenario has a name and a summary, has the inputs of a client, and behaves as described."""

from __future__ import annotations

import http.client

import pytest

from deployer.simulator import cloudfoundry
from tests.simulator.cloudfoundry.client import Client, connected_client, status_and_code
from tests.simulator.cloudfoundry.invariants import violations
from tests.simulator.cloudfoundry.scenarios import SCENARIOS, simulating


@pytest.mark.parametrize(("scenario", "state"), [("start-lost", "STARTED"), ("start-undone", "STOPPED")])
def test_request_with_a_lost_response_worked_or_not(scenario: str, state: str) -> None:
    with connected_client(scenario) as client:
        with pytest.raises(http.client.RemoteDisconnected):
            client.send("POST", f"{client.app}/actions/start")
        assert client.get(client.app)["state"] == state


def test_statistics_may_be_unavailable() -> None:
    with connected_client("stats-away") as client:
        [process] = client.get(f"{client.app}/processes")["resources"]
        assert status_and_code(client, "GET", f"/v3/processes/{process['guid']}/stats") == (503, 200002)
        client.session.skip(61)
        assert status_and_code(client, "GET", f"/v3/processes/{process['guid']}/stats") == (200, 0)


def test_link_may_lead_to_another_host() -> None:
    with connected_client("lured") as client:
        assert client.get("/v3/apps")["pagination"]["next"]["href"].startswith("http://localhost")


# --- the session


def test_inputs_are_those_of_a_client() -> None:
    with simulating("success") as session:
        assert set(session.inputs) == {"cf_api", "cf_username", "cf_password", "cf_org", "cf_space", "cf_app"}
        assert session.inputs["cf_api"] == session.url
    with simulating("two-apps") as session:
        assert session.inputs["cf_app"] == "web,worker"
    with simulating("client-assertion") as session:
        assert {"cf_client_id", "cf_assertion"} <= set(session.inputs)


def test_scenarios_have_a_summary_and_the_first_eight_are_public() -> None:
    public = [
        "success",
        "crash",
        "staging-failure",
        "no-droplet",
        "quota",
        "slow-placement",
        "superseded",
        "token-expiry",
    ]
    assert list(cloudfoundry.SCENARIOS) == public == list(SCENARIOS)[: len(public)]
    assert all(scenario.summary and scenario.name == name for name, scenario in SCENARIOS.items())


def test_unknown_name_or_invalid_speed_is_an_error() -> None:
    with pytest.raises(ValueError, match="Did you mean 'success'"), simulating("succes"):
        pass
    with pytest.raises(ValueError, match="must be above 0"), simulating("success", speed=0):
        pass


@pytest.mark.parametrize("scenario", list(SCENARIOS))
def test_every_scenario_responds_to_a_reading_client(scenario: str) -> None:
    with simulating(scenario, speed=0.001) as session:
        client = Client(session)
        client.send("GET", "/")
        assert session.apps()
        assert session.deployments() == [] or SCENARIOS[scenario].others
        assert violations(session) == []
