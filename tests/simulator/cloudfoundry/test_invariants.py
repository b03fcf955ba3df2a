"""What no client may do is told by `violations`, and what the contract allows is not."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable
from typing import Any

import pytest

from deployer.simulator.cloudfoundry.names import PASSWORD, USERNAME
from tests.simulator.cloudfoundry.client import Client, visiting
from tests.simulator.cloudfoundry.invariants import violations


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
