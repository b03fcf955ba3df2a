"""The simulated login server: every grant, wrong secrets, expiry, refresh, revocation."""

from __future__ import annotations

import base64
import json
import time

import pytest

from deployer.simulator.cloudfoundry.names import ASSERTION, CLIENT, CLIENT_SECRET, PASSWORD, USERNAME
from tests.simulator.cloudfoundry.client import connected_client, status_and_code


def test_every_grant_returns_a_token() -> None:
    client_login = f"Basic {base64.b64encode(f'{CLIENT}:{CLIENT_SECRET}'.encode()).decode()}"
    bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    with connected_client("success", logged_in=False) as client:
        replies = [
            client.grant(grant_type="password", username=USERNAME, password=PASSWORD),
            client.grant(grant_type=bearer, assertion=ASSERTION),
            client.grant(grant_type=bearer, assertion=ASSERTION, basic=client_login),
            client.grant(
                grant_type="client_credentials", client_id=CLIENT, client_secret=CLIENT_SECRET, basic=""
            ),
            client.grant(
                grant_type="client_credentials",
                client_id=CLIENT,
                client_assertion=ASSERTION,
                client_assertion_type=assertion_type,
                basic="",
            ),
        ]
        assert [reply.status for reply in replies] == [200] * 5
        assert ["refresh_token" in reply.body for reply in replies] == [True, True, True, False, False]
        for reply in replies:
            assert client.use_token(reply).get("/v3/apps")["pagination"]["total_results"] == 1


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
def test_invalid_login_returns_no_token(form: dict[str, str], basic: str, error: str) -> None:
    with connected_client("success", logged_in=False) as client:
        response = client.grant(basic=basic, **form)
        assert (response.status, response.body["error"]) == (401, error)


def test_fifth_wrong_password_locks_the_account() -> None:
    with connected_client("success", logged_in=False) as client:
        for _ in range(5):
            client.grant(grant_type="password", username=USERNAME, password="wrong")
        assert (
            "locked"
            in client.grant(grant_type="password", username=USERNAME, password=PASSWORD).body[
                "error_description"
            ]
        )


def test_user_of_another_identity_provider_must_name_it() -> None:
    form = {"grant_type": "password", "username": USERNAME, "password": PASSWORD}
    with connected_client("origin", logged_in=False) as client:
        assert client.grant(**form).status == 401
        assert client.grant(query="?login_hint=%7B%22origin%22%3A%22ldap%22%7D", **form).status == 200


def test_token_contains_its_expiry_and_is_then_rejected() -> None:
    with connected_client("token-expiry") as client:
        claims = json.loads(base64.urlsafe_b64decode(client.token.split(".")[1] + "=="))
        assert claims["exp"] - claims["iat"] == 120
        assert abs(claims["iat"] - time.time()) < 10
        client.session.skip(119)
        assert status_and_code(client, "GET", "/v3/apps") == (200, 0)
        client.session.skip(2)
        assert status_and_code(client, "GET", "/v3/apps") == (401, 1000)
        client.use_token(client.grant(grant_type="refresh_token", refresh_token=client.refresh))
        assert status_and_code(client, "GET", "/v3/apps") == (200, 0)


def test_refresh_token_works_once() -> None:
    with connected_client("success") as client:
        assert client.grant(grant_type="refresh_token", refresh_token=client.refresh).status == 200
        assert (
            client.grant(grant_type="refresh_token", refresh_token=client.refresh).body["error"]
            == "invalid_token"
        )


def test_opaque_tokens_contain_nothing() -> None:
    with connected_client("opaque") as client:
        assert "." not in client.token
        assert status_and_code(client, "GET", "/v3/apps") == (200, 0)


def test_revoked_tokens_are_rejected_and_new_ones_work() -> None:
    with connected_client("revoked") as client:
        client.session.skip(21)
        assert status_and_code(client, "GET", "/v3/apps") == (401, 1000)
        assert status_and_code(client.login(), "GET", "/v3/apps") == (200, 0)
