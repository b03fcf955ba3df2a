"""Every scenario has a name and a sentence, gives a client what it needs, and goes wrong on the way as it says."""

from __future__ import annotations

import http.client

import pytest

from deployer.simulator import cloudfoundry
from tests.simulator.cloudfoundry.client import Client, reply_of, visiting
from tests.simulator.cloudfoundry.invariants import violations
from tests.simulator.cloudfoundry.scenarios import SCENARIOS, simulating


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
    with pytest.raises(ValueError, match="Did you mean 'success'"), simulating("succes"):
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
