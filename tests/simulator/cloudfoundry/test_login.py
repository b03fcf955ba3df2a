"""Logging in at the simulated login server: every grant, wrong secrets, expiry, refresh, revocation."""

from __future__ import annotations

import base64
import json
import time

import pytest

from deployer.simulator.cloudfoundry.names import ASSERTION, CLIENT, CLIENT_SECRET, PASSWORD, USERNAME
from tests.simulator.cloudfoundry.client import reply_of, visiting


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
