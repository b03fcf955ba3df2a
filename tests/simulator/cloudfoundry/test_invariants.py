"""`violations` reports what no client may do, and nothing that is allowed."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable
from typing import Any

import pytest

from deployer.simulator.cloudfoundry.names import PASSWORD, USERNAME
from tests.simulator.cloudfoundry.client import Client, connected_client
from tests.simulator.cloudfoundry.invariants import violations


def start_twice(client: Client) -> None:
    for action in ("start", "stop", "start"):
        client.send("POST", f"{client.app}/actions/{action}")


def stage_twice(client: Client) -> None:
    client.stage_image("a/b:1")
    client.stage_image("a/b:1")


def restart_blindly(client: Client) -> None:
    for _ in range(2):
        with contextlib.suppress(http.client.RemoteDisconnected):
            client.send("POST", f"{client.app}/actions/restart")


def send_expired_token(client: Client) -> None:
    client.session.skip(700)
    client.send("GET", "/v3/apps")


def send_rejected_token(client: Client) -> None:
    client.token = "guessed"
    client.send("GET", "/v3/apps")
    client.send("GET", "/v3/apps")


def send_wrong_password_twice(client: Client) -> None:
    for _ in range(2):
        client.grant(grant_type="password", username=USERNAME, password="wrong")


def ignore_rate_limit(client: Client) -> None:
    [process] = client.get(f"{client.app}/processes")["resources"]
    for _ in range(3):
        client.send("GET", f"/v3/processes/{process['guid']}/stats")


def cancel_deployment_of_others(client: Client) -> None:
    [row] = client.get("/v3/deployments", status_values="ACTIVE")["resources"]
    client.send("POST", f"/v3/deployments/{row['guid']}/actions/cancel")


VIOLATIONS: list[Any] = [
    pytest.param("success", start_twice, "was put live 2 times, 1 expected", id="started-twice"),
    pytest.param("image", stage_twice, "was staged 2 times", id="staged-twice"),
    pytest.param(
        "started",
        lambda at: [at.send("POST", f"{at.app}/actions/start") for _ in "ab"],
        "it was already started",
        id="started-again",
    ),
    pytest.param(
        "restart-lost", restart_blindly, "without reading what the first one did", id="blind-restart"
    ),
    pytest.param(
        "success",
        lambda at: at.send("GET", "/v3/nothing"),
        "there is no such endpoint on api",
        id="unknown-path",
    ),
    pytest.param(
        "success",
        lambda at: at.send("GET", "/v3/apps?name=web"),
        "'name' must not be sent like that",
        id="unknown-parameter",
    ),
    pytest.param(
        "success",
        lambda at: at.send("POST", "/v3/deployments", {**at.app_relationship(), "max_in_flight": 1}),
        "there is no field 'max_in_flight' here",
        id="unknown-field",
    ),
    pytest.param(
        "success",
        lambda at: at.send("GET", "/v3/apps", at=at.links["login"]["href"]),
        "the token was sent to login",
        id="token-to-login",
    ),
    pytest.param(
        "success",
        lambda at: at.send("GET", "/", at=other_host(at)),
        "the token was sent to elsewhere",
        id="token-elsewhere",
    ),
    pytest.param(
        "success",
        lambda at: at.send("GET", "/", Authorization="Basic Y2Y6"),
        "the client's name was sent to api",
        id="basic",
    ),
    pytest.param(
        "success",
        lambda at: at.send("GET", f"/v3/apps?names={PASSWORD}"),
        "a secret is in the address",
        id="secret",
    ),
    pytest.param(
        "success", send_expired_token, "was sent with a token that had expired 100 s before", id="expired"
    ),
    pytest.param(
        "success", send_rejected_token, "was sent with a token that had been rejected", id="rejected-token"
    ),
    pytest.param(
        "success",
        lambda at: at.send("GET", "/v3/apps", Authorization=""),
        "was sent without a token",
        id="no-token",
    ),
    pytest.param(
        "success",
        send_wrong_password_twice,
        "password was rejected before, and tried again",
        id="wrong-password-twice",
    ),
    pytest.param(
        "quota",
        lambda at: [at.send("POST", f"{at.app}/actions/start") for _ in "ab"],
        "was sent after it had returned 422 10008 CF-UnprocessableEntity",
        id="rejected-twice",
    ),
    pytest.param(
        "limited", ignore_rate_limit, "s before the time that the server had requested", id="rate-limit"
    ),
    pytest.param(
        "success",
        lambda at: at.send("GET", "/v3/info", Accept="*/*"),
        "without 'Accept: application/json'",
        id="accept",
    ),
    pytest.param(
        "success", lambda at: at.send("GET", "/v3/info", User_Agent="curl/8"), "does not name us", id="agent"
    ),
    pytest.param(
        "success",
        lambda at: at.send("GET", "/", User_Agent="deployer/cf/1.0.0 (x)"),
        "looks like an old cf",
        id="like-cf",
    ),
    pytest.param(
        "others",
        cancel_deployment_of_others,
        "this client did not start that deployment",
        id="cancel-of-others",
    ),
    pytest.param(
        "success",
        lambda at: at.send("GET", site_address(at)[1], at=site_address(at)[0]),
        "the token was sent to site",
        id="token-to-site",
    ),
]


def other_host(client: Client) -> str:
    return client.session.world.addresses["elsewhere"]


def site_address(client: Client) -> tuple[str, str]:
    address, _, path = client.session.site.partition("/site")
    return address, f"/site{path}"


@pytest.mark.parametrize(("scenario", "misbehave", "sentence_part"), VIOLATIONS)
def test_violation_is_reported(scenario: str, misbehave: Callable[[Client], Any], sentence_part: str) -> None:
    with connected_client(scenario) as client:
        assert violations(client.session) == []
        misbehave(client)
        assert any(sentence_part in each for each in violations(client.session)), violations(client.session)


def test_run_that_changes_nothing_may_only_read() -> None:
    with connected_client("success") as client:
        assert violations(client.session, changes_nothing=True) == []
        client.send("POST", f"{client.app}/actions/start")
        assert violations(client.session) == []
        assert violations(client.session, changes_nothing=True) == [
            f"POST {client.app}/actions/start: this run may change nothing",
        ]


def test_repeated_start_and_token_refresh_are_allowed() -> None:
    with connected_client("start-undone") as client:
        with contextlib.suppress(http.client.RemoteDisconnected):
            client.send("POST", f"{client.app}/actions/start")
        client.send("POST", f"{client.app}/actions/start")
        client.session.skip(530)
        client.use_token(client.grant(grant_type="refresh_token", refresh_token=client.refresh))
        client.get("/v3/apps")
        assert violations(client.session) == []
