"""Cloud Foundry: its endpoints, and how a token is requested and renewed (cloudfoundry-api 1 and 2)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
import responses

from deployer.http.client import Http
from deployer.model import RefusedError, UnavailableError
from deployer.providers.cloudfoundry.api import discovery, uaa
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.api.discovery import Endpoints
from deployer.providers.cloudfoundry.api.uaa import Login
from tests.providers.cloudfoundry.support import (
    AGENT,
    API,
    APP,
    LOGIN,
    LOGS,
    answer,
    asked,
    body,
    recorded,
    serve,
)

TOKEN_URL = f"{LOGIN}/oauth/token"
JOHN = Login("<USERNAME>", "<PASSWORD>")
ROBOT = Login(client_id="<CLIENT_ID>", client_secret="<CLIENT_SECRET>")
CI_CLIENT = Login(client_id="<CLIENT_ID>", assertion="<CI_ID_TOKEN>")
CI_USER = Login(assertion="<CI_ID_TOKEN>")
ASKED_FOR_APP = f"GET /v3/apps/{APP}"
LOGGED_IN = "login POST /oauth/token"
FIRST = ["GET /", LOGGED_IN]


class Time:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Secrets(list[str]):
    """What was registered as a secret."""


def api(
    login: Login = JOHN,
    *,
    now: Callable[[], float] = lambda: 0.0,
    add_secret: Callable[[str], None] = lambda _: None,
) -> Client:
    return Client(
        API, login, partial(Http, user_agent=AGENT, monotonic=lambda: 0.0), now=now, add_secret=add_secret
    )


def discovery_document(wire: responses.RequestsMock, name: str = "root-get-200") -> None:
    serve(wire, name, path=f"{API}/")


def app(wire: responses.RequestsMock) -> None:
    serve(wire, "app-get-200-started")


def form(call: Any) -> dict[str, str]:
    return dict(parse_qsl(call.request.body))


def sent_tokens(wire: responses.RequestsMock) -> list[str | None]:
    return [call.request.headers.get("Authorization") for call in wire.calls]


def jwt(**claims: Any) -> str:
    return ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=")
        for part in (b"{}", json.dumps(claims).encode(), b"signature")
    )


# --- which request


@pytest.mark.parametrize(
    ("login", "name"),
    [
        pytest.param(JOHN, "uaa-token-password-200", id="password"),
        pytest.param(ROBOT, "uaa-token-client-credentials-200", id="client"),
        pytest.param(CI_CLIENT, "uaa-token-client-assertion-200", id="client-with-an-identity-token"),
    ],
)
def test_a_login_request_matches_the_recorded_one(
    wire: responses.RequestsMock, login: Login, name: str
) -> None:
    discovery_document(wire)
    serve(wire, name)
    api(login).discover()
    request, wanted = wire.calls[1].request, recorded(name)["request"]
    assert (request.method, request.url) == (wanted["method"], wanted["url"])
    assert dict(parse_qsl(str(request.body))) == dict(parse_qsl(wanted["body"]))
    assert {name: request.headers.get(name) for name in ("Accept", "Authorization", "Content-Type")} == {
        "Authorization": None,
        **wanted["headers"],
    }


@pytest.mark.parametrize(
    ("login", "client"),
    [
        pytest.param(CI_USER, b"cf:", id="the-common-client"),
        pytest.param(
            Login(assertion="<CI_ID_TOKEN>", client_id="ci", client_secret="s3"), b"ci:s3", id="own-client"
        ),
    ],
)
def test_a_users_identity_token_is_sent_as_jwt_bearer(
    wire: responses.RequestsMock, login: Login, client: bytes
) -> None:
    discovery_document(wire)
    serve(wire, "uaa-token-password-200")
    api(login).discover()
    assert form(wire.calls[1]) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": "<CI_ID_TOKEN>",
    }
    assert wire.calls[1].request.headers["Authorization"] == f"Basic {base64.b64encode(client).decode()}"


def test_the_origin_is_sent_as_a_login_hint(wire: responses.RequestsMock) -> None:
    discovery_document(wire)
    serve(wire, "uaa-token-password-200")
    api(Login("<USERNAME>", "<PASSWORD>", origin="ORIGIN")).discover()
    assert str(wire.calls[1].request.url).partition("?")[2] == "login_hint=%7B%22origin%22%3A%22ORIGIN%22%7D"


def test_the_token_is_only_sent_to_the_api_and_its_log_cache(
    wire: responses.RequestsMock,
) -> None:
    discovery_document(wire)
    serve(wire, "uaa-token-password-200")
    app(wire)
    serve(wire, "log-cache-read-200", path=f"{LOGS}/api/v1/read/{APP}")
    foundation = api()
    foundation.get(f"/v3/apps/{APP}")
    foundation.logs(f"/api/v1/read/{APP}")
    assert asked(wire) == [*FIRST, ASKED_FOR_APP, f"logs GET /api/v1/read/{APP}"]
    assert sent_tokens(wire) == [None, "Basic Y2Y6", "bearer <ACCESS_TOKEN_JWT>", "bearer <ACCESS_TOKEN_JWT>"]


def test_every_token_is_registered_as_a_secret_before_it_is_used(wire: responses.RequestsMock) -> None:
    discovery_document(wire)
    serve(wire, "uaa-token-password-200")
    serve(wire, "uaa-token-refresh-200")
    time, hidden = Time(), Secrets()
    foundation = api(now=time, add_secret=hidden.append)
    foundation.discover()
    time.now += 600
    foundation.discover()
    assert hidden == [
        "<ACCESS_TOKEN_JWT>",
        "<REFRESH_TOKEN>",
        "<NEW_ACCESS_TOKEN_JWT>",
        "<NEW_REFRESH_TOKEN>",
    ]


def test_the_repr_of_a_login_contains_no_secret() -> None:
    login = Login("john", "mArKeD", client_secret="mArKeD", assertion="mArKeD")
    assert "mArKeD" not in repr((login, uaa.grant_for(login), uaa.grant_for(Login("john", "mArKeD"))))


# --- kept fresh


@pytest.mark.parametrize(("seconds", "renewed"), [(0, False), (538, False), (539, True), (5000, True)])
def test_a_token_is_renewed_a_minute_before_it_expires(
    wire: responses.RequestsMock, *, seconds: float, renewed: bool
) -> None:
    """The recorded token is valid for 599 s. A renewed one counts from the renewal."""
    discovery_document(wire)
    serve(wire, "uaa-token-password-200")
    if renewed:
        serve(wire, "uaa-token-refresh-200")
    app(wire)
    time = Time()
    foundation = api(now=time)
    foundation.discover()
    time.now += seconds
    foundation.get(f"/v3/apps/{APP}")
    foundation.get(f"/v3/apps/{APP}")
    assert asked(wire) == [*FIRST, *[LOGGED_IN] * renewed, ASKED_FOR_APP, ASKED_FOR_APP]
    token = "bearer <NEW_ACCESS_TOKEN_JWT>" if renewed else "bearer <ACCESS_TOKEN_JWT>"
    assert sent_tokens(wire)[-2:] == [token, token]
    if renewed:
        assert form(wire.calls[2]) == {"grant_type": "refresh_token", "refresh_token": "<REFRESH_TOKEN>"}
        assert wire.calls[2].request.headers["Authorization"] == "Basic Y2Y6"


@pytest.mark.parametrize(
    ("second", "third"),
    [
        pytest.param({}, "<NEW_REFRESH_TOKEN>", id="a-new-one"),
        pytest.param({"refresh_token": None}, "<REFRESH_TOKEN>", id="none"),
        pytest.param({"refresh_token": ""}, "<REFRESH_TOKEN>", id="an-empty-one"),
    ],
)
def test_the_latest_refresh_token_is_used(
    wire: responses.RequestsMock, second: Mapping[str, Any], third: str
) -> None:
    discovery_document(wire)
    serve(wire, "uaa-token-password-200")
    answer(wire, "POST", TOKEN_URL, {**body("uaa-token-refresh-200"), **second})
    serve(wire, "uaa-token-refresh-200")
    time = Time()
    foundation = api(now=time)
    for _ in range(3):
        foundation.discover()
        time.now += 600
    assert form(wire.calls[3])["refresh_token"] == third


@pytest.mark.parametrize("login", [ROBOT, CI_CLIENT])
def test_without_a_refresh_token_the_login_is_repeated(wire: responses.RequestsMock, login: Login) -> None:
    discovery_document(wire)
    serve(wire, "uaa-token-client-credentials-200")
    time = Time()
    foundation = api(login, now=time)
    foundation.discover()
    time.now += 600
    foundation.discover()
    assert asked(wire) == [*FIRST, LOGGED_IN]
    assert form(wire.calls[1]) == form(wire.calls[2])


def test_an_expired_refresh_token_leads_to_one_new_login(wire: responses.RequestsMock) -> None:
    discovery_document(wire)
    serve(wire, "uaa-token-password-200")
    serve(wire, "uaa-token-refresh-401-expired")
    serve(wire, "uaa-token-password-401-bad-credentials")
    time = Time()
    foundation = api(now=time)
    foundation.discover()
    time.now += 600
    for _ in range(3):
        with pytest.raises(RefusedError) as caught:
            foundation.get(f"/v3/apps/{APP}")
        assert caught.value.token_wide
    assert asked(wire) == [*FIRST, LOGGED_IN, LOGGED_IN]


@pytest.mark.parametrize(
    ("response", "renewed_after"),
    [
        pytest.param({"expires_in": 1199}, 1139, id="lifetime-of-cf-deployment"),
        pytest.param({"expires_in": 40}, 20, id="a-short-one"),
        pytest.param({"expires_in": 43199}, 43139, id="lifetime-of-a-client"),
        pytest.param({"expires_in": None, "access_token": jwt(iat=7, exp=607)}, 540, id="only-in-the-token"),
    ],
)
def test_the_lifetime_of_a_token_is_what_the_server_says(
    wire: responses.RequestsMock, response: Mapping[str, Any], renewed_after: float
) -> None:
    discovery_document(wire)
    answer(wire, "POST", TOKEN_URL, {**body("uaa-token-client-credentials-200"), **response})
    time = Time()
    foundation = api(ROBOT, now=time)
    foundation.discover()
    time.now += renewed_after - 1
    foundation.discover()
    assert asked(wire) == FIRST
    time.now += 1
    foundation.discover()
    assert asked(wire) == [*FIRST, LOGGED_IN]


@pytest.mark.parametrize("expires", [None, 0, -5, "soon"])
def test_a_token_without_a_lifetime_is_used_until_it_is_refused(
    wire: responses.RequestsMock, expires: object
) -> None:
    discovery_document(wire)
    answer(wire, "POST", TOKEN_URL, {**body("uaa-token-client-credentials-200"), "expires_in": expires})
    time = Time()
    foundation = api(ROBOT, now=time)
    foundation.discover()
    time.now += 1e6
    foundation.discover()
    assert asked(wire) == FIRST


# --- a token that is refused


def test_a_refused_token_is_renewed_and_the_request_repeated_once(wire: responses.RequestsMock) -> None:
    discovery_document(wire)
    serve(wire, "uaa-token-password-200")
    serve(wire, "app-start-401-expired-token")
    serve(wire, "uaa-token-refresh-200")
    serve(wire, "app-start-200")
    foundation = api()
    assert foundation.send("POST", f"/v3/apps/{APP}/actions/start").status == 200
    start = f"POST /v3/apps/{APP}/actions/start"
    assert asked(wire) == [*FIRST, start, LOGGED_IN, start]
    assert sent_tokens(wire)[2:] == [
        "bearer <ACCESS_TOKEN_JWT>",
        "Basic Y2Y6",
        "bearer <NEW_ACCESS_TOKEN_JWT>",
    ]


def test_a_new_token_that_is_refused_ends_the_run_for_every_target(wire: responses.RequestsMock) -> None:
    discovery_document(wire)
    serve(wire, "uaa-token-password-200")
    serve(wire, "app-start-401-expired-token", "GET", f"/v3/apps/{APP}")
    serve(wire, "uaa-token-refresh-200")
    foundation = api()
    for _ in range(3):
        with pytest.raises(RefusedError) as caught:
            foundation.get(f"/v3/apps/{APP}")
        assert caught.value.token_wide
        assert "Check that `cf_api` belongs to the same foundation" in caught.value.reason
    assert asked(wire) == [*FIRST, ASKED_FOR_APP, LOGGED_IN, ASKED_FOR_APP]


def test_the_number_of_renewals_in_a_row_is_limited(
    wire: responses.RequestsMock,
) -> None:
    discovery_document(wire)
    serve(wire, "uaa-token-password-200")
    foundation = api()
    for _ in range(3):
        serve(wire, "app-start-401-expired-token", "GET", f"/v3/apps/{APP}")
        serve(wire, "uaa-token-refresh-200")
        serve(wire, "app-get-200-started")
        assert foundation.get(f"/v3/apps/{APP}")
    serve(wire, "app-start-401-expired-token", "GET", f"/v3/apps/{APP}")
    with pytest.raises(RefusedError):
        foundation.get(f"/v3/apps/{APP}")
    with pytest.raises(RefusedError):
        foundation.get(f"/v3/apps/{APP}")
    assert len(asked(wire)) == len(FIRST) + 3 * 3 + 1


def test_a_missing_token_does_not_cause_another_login(wire: responses.RequestsMock) -> None:
    discovery_document(wire)
    serve(wire, "uaa-token-password-200")
    serve(wire, "app-start-401-no-token", "GET", f"/v3/apps/{APP}")
    with pytest.raises(RefusedError) as caught:
        api().get(f"/v3/apps/{APP}")
    assert asked(wire) == [*FIRST, ASKED_FOR_APP]
    assert caught.value.token_wide


# --- a login that is refused


@pytest.mark.parametrize(
    ("login", "name", "words"),
    [
        pytest.param(
            JOHN,
            "uaa-token-password-401-bad-credentials",
            "does not accept `cf_username` and `cf_password`",
            id="password",
        ),
        pytest.param(JOHN, "uaa-token-password-401-locked", "the account is locked", id="locked"),
        pytest.param(
            CI_USER,
            "uaa-token-password-401-bad-credentials",
            "does not accept `cf_assertion`",
            id="identity-token",
        ),
        pytest.param(
            CI_CLIENT,
            "uaa-token-password-401-bad-credentials",
            "does not accept `cf_assertion`",
            id="client-identity-token",
        ),
        pytest.param(
            ROBOT, "uaa-token-password-401-bad-credentials", "does not accept `cf_client_id`", id="client"
        ),
    ],
)
def test_a_rejected_login_is_sent_only_once(
    wire: responses.RequestsMock, login: Login, name: str, words: str
) -> None:
    """Five failures lock an account."""
    discovery_document(wire)
    serve(wire, name)
    foundation = api(login)
    for _ in range(3):
        with pytest.raises(RefusedError) as caught:
            foundation.get(f"/v3/apps/{APP}")
        assert (caught.value.token_wide, words in caught.value.reason) == (True, True)
    assert asked(wire) == FIRST


def test_a_wrong_client_secret_is_reported_as_such(wire: responses.RequestsMock) -> None:
    discovery_document(wire)
    answer(wire, "POST", TOKEN_URL, {"error": "invalid_client", "error_description": "Bad credentials"}, 401)
    with pytest.raises(
        RefusedError,
        match=r"does not accept `cf_client_id` and `cf_client_secret` \(invalid_client: Bad credentials\)",
    ):
        api(ROBOT).discover()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            {"error": "invalid_token", "error_description": "The token expired: mArKeDsecret"},
            id="its-own-kind",
        ),
        pytest.param(
            {"error": "unauthorized", "error_description": f"no such token: {'mArKeDsecret' * 40}"},
            id="a-long-one",
        ),
        pytest.param(
            {
                "error": "unauthorized",
                "error_description": f"{jwt(sub='x' * 40, name='mArKeDsecret')} is over",
            },
            id="a-jwt",
        ),
    ],
)
def test_no_part_of_a_token_is_in_the_message(wire: responses.RequestsMock, data: object) -> None:
    discovery_document(wire)
    answer(wire, "POST", TOKEN_URL, data, 401)
    with pytest.raises(RefusedError) as caught:
        api(CI_USER).discover()
    assert "mArKeDsecret" not in caught.value.reason
    assert jwt(sub="x" * 40, name="mArKeDsecret")[10:40] not in caught.value.reason


@pytest.mark.parametrize(
    ("reply", "words", "wait"),
    [
        pytest.param(recorded("uaa-token-429")["response"], "rate limited by", 15, id="rate-limit"),
        pytest.param(
            {"status": 429, "headers": {"Retry-After": "40"}},
            "rate limited by",
            40,
            id="rate-limit-with-a-time",
        ),
        pytest.param(
            {"status": 500, "body": {"error": "server_error"}},
            "the login server returned no token (HTTP 500)",
            0,
            id="broken",
        ),
        pytest.param(
            {"status": 503, "body": {"error": "x"}, "headers": {"Retry-After": "7"}},
            "(HTTP 503)",
            7,
            id="away",
        ),
        pytest.param(
            {"status": 404, "body": {"message": "no"}},
            "the login server returned no token (HTTP 404)",
            0,
            id="something-else",
        ),
        pytest.param(
            {"status": 200, "body": {"token": "x"}},
            "the login server returned no token (HTTP 200)",
            0,
            id="no-token",
        ),
        pytest.param(
            {"status": 200, "body": {"access_token": 7}},
            "the login server returned no token (HTTP 200)",
            0,
            id="a-number",
        ),
        pytest.param(
            {"status": 200, "body": []}, "the login server returned no token (HTTP 200)", 0, id="a-list"
        ),
    ],
)
def test_a_failing_login_server_is_retried(
    wire: responses.RequestsMock, reply: Mapping[str, Any], words: str, wait: float
) -> None:
    discovery_document(wire)
    headers = {name: value for name, value in reply.get("headers", {}).items() if name != "Content-Type"}
    wire.post(TOKEN_URL, json=reply.get("body"), status=reply["status"], headers=headers)
    serve(wire, "uaa-token-password-200")
    foundation = api()
    with pytest.raises(UnavailableError) as caught:
        foundation.discover()
    assert words in caught.value.reason
    assert (caught.value.retry_after, caught.value.may_have_arrived) == (wait, False)
    assert foundation.discover().version == "3.90.0"
    assert asked(wire) == [*FIRST, LOGGED_IN]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("<html>no</html>", id="a-page"),
        pytest.param('{"message": "Bad credentials"}', id="json-in-another-format"),
    ],
)
def test_a_rejection_in_another_format_counts_as_well(wire: responses.RequestsMock, body: str) -> None:
    """If it were retried, a wrong password would lock the account."""
    discovery_document(wire)
    wire.post(TOKEN_URL, body=body, status=401)
    foundation = api()
    for _ in range(3):
        with pytest.raises(RefusedError):
            foundation.discover()
    assert asked(wire) == FIRST


def test_a_password_is_sent_to_a_failing_server_only_a_few_times(wire: responses.RequestsMock) -> None:
    discovery_document(wire)
    foundation = api()
    for status in (500, 502, 500):
        wire.post(TOKEN_URL, json={"error": "server_error"}, status=status)
        with pytest.raises(UnavailableError):
            foundation.discover()
    with pytest.raises(RefusedError) as caught:
        foundation.discover()
    assert (caught.value.token_wide, caught.value.reason) == (True, uaa.NOT_SENT_AGAIN)


@pytest.mark.parametrize("login", [JOHN, ROBOT], ids=["password", "client"])
@pytest.mark.parametrize("refreshes", [True, False], ids=["refresh-token", "no-refresh-token"])
def test_an_unreachable_login_server_is_retried_when_a_token_must_be_renewed(
    wire: responses.RequestsMock, login: Login, *, refreshes: bool
) -> None:
    """A login that was accepted once can't lock the account.

    A renewal without a response does not mean that the token was refused.
    """
    discovery_document(wire)
    name = "uaa-token-password-200" if login is JOHN else "uaa-token-client-credentials-200"
    reply = recorded(name)["response"]["body"]
    first = (
        {**reply, "refresh_token": "r"}
        if refreshes
        else {key: value for key, value in reply.items() if key != "refresh_token"}
    )
    serve(wire, name, body=first)
    foundation = api(login)
    foundation.discover()
    expired = {"path": f"/v3/apps/{APP}", "method": "GET"}
    for status, text in (
        (502, "<html>"),
        (404, "404 Not Found: Requested route does not exist."),
        (403, "<html>"),
        (503, ""),
    ) * 3:
        wire.reset()
        serve(wire, "app-start-401-expired-token", **expired)
        wire.post(TOKEN_URL, body=text, status=status)
        with pytest.raises(UnavailableError, match="the login server"):
            foundation.get(f"/v3/apps/{APP}")
    wire.reset()
    serve(wire, "app-start-401-expired-token", **expired)
    app(wire)
    serve(wire, name)
    assert foundation.get(f"/v3/apps/{APP}")["guid"]


def test_a_login_server_that_redirects_is_not_followed(wire: responses.RequestsMock) -> None:
    discovery_document(wire)
    wire.post(TOKEN_URL, status=302, headers={"Location": "https://sso.example.org/"})
    with pytest.raises(UnavailableError) as caught:
        api().discover()
    assert caught.value.permanent
    assert asked(wire) == FIRST


def test_a_lost_response_to_a_login_is_not_a_lost_response_to_a_start(wire: responses.RequestsMock) -> None:
    """The start itself was never sent."""
    discovery_document(wire)
    wire.post(TOKEN_URL, body=requests.exceptions.ReadTimeout("slow"))
    with pytest.raises(UnavailableError) as caught:
        api().send("POST", f"/v3/apps/{APP}/actions/start")
    assert not caught.value.may_have_arrived
    assert caught.value.reason.startswith("the login server: ")


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(False, id="ahead-of-its-end"),
        pytest.param(True, id="after-the-server-has-called-it-expired"),
    ],
)
def test_a_failed_refresh_is_not_a_lost_response_to_a_start(
    wire: responses.RequestsMock, *, refused: bool
) -> None:
    """A request with the response 401 had no effect."""
    discovery_document(wire)
    serve(wire, "uaa-token-password-200")
    time, start = Time(), f"/v3/apps/{APP}/actions/start"
    foundation = api(now=time)
    foundation.discover()
    time.now += 0 if refused else 10_000
    wire.replace("POST", TOKEN_URL, body=requests.exceptions.ReadTimeout("slow"))
    if refused:
        serve(wire, "app-start-401-expired-token", path=start)
    with pytest.raises(UnavailableError) as caught:
        foundation.send("POST", start)
    assert not caught.value.may_have_arrived
    assert asked(wire) == [*FIRST, *([f"POST {start}"] if refused else []), LOGGED_IN]


# --- where it is


def links(**changed: object) -> Any:
    data = body("root-get-200")
    data["links"] |= changed
    return data


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(body("root-get-200"), Endpoints("3.90.0", LOGIN, LOGS), id="as-documented"),
        pytest.param(
            body("root-get-200-no-v2-no-logcache"), Endpoints("3.228.0", LOGIN, ""), id="without-logs"
        ),
        pytest.param(links(login=None), Endpoints("3.90.0", "https://uaa.example.org", LOGS), id="only-uaa"),
        pytest.param(links(login=None, uaa=None), Endpoints("3.90.0", API, LOGS), id="unknown-name"),
        pytest.param(links(login={"href": f"{LOGIN}/"}), Endpoints("3.90.0", LOGIN, LOGS), id="a-slash"),
        pytest.param(
            links(login={"href": "https://api.example.org:8443/uaa"}),
            Endpoints("3.90.0", f"{API}:8443/uaa", LOGS),
            id="a-path",
        ),
        pytest.param(
            links(log_cache={"href": "http://log-cache.example.org"}),
            Endpoints("3.90.0", LOGIN, ""),
            id="logs-in-the-clear",
        ),
        pytest.param(
            links(log_cache={"href": "https://a@evil.example"}),
            Endpoints("3.90.0", LOGIN, ""),
            id="logs-with-a-user",
        ),
        pytest.param(
            links(log_cache={"href": "https://log-cache.example.org:x"}),
            Endpoints("3.90.0", LOGIN, ""),
            id="no-port",
        ),
        pytest.param(
            links(cloud_controller_v3={"href": f"{API}/v3", "meta": {"version": "3.117.0+cf-k8s"}}),
            Endpoints("3.117.0+cf-k8s", LOGIN, LOGS, korifi=True),
            id="korifi-with-uaa",
        ),
        pytest.param(
            links(cloud_controller_v3={"href": f"{API}/v3"}),
            Endpoints("unknown", LOGIN, LOGS),
            id="no-version",
        ),
    ],
)
def test_the_root_names_the_endpoints(data: Any, found: Endpoints) -> None:
    assert discovery.read(data, API) == found


@pytest.mark.parametrize(
    ("base", "login", "safe"),
    [
        (API, "http://login.example.org", False),
        (API, "https://login.example.org", True),
        ("http://api.local", "http://login.local", True),
        ("http://api.local", "https://login.local", True),
        (API, "https://john:pw@login.example.org", False),
        (API, "https://login.example.org\\@evil.example", False),
        (API, "ftp://login.example.org", False),
        (API, "//login.example.org", False),
        (API, "https://", False),
        (API, "https://login.example.org?x=", False),
    ],
)
def test_a_password_is_never_sent_to_a_less_protected_address(base: str, login: str, *, safe: bool) -> None:
    if safe:
        assert discovery.read(links(login={"href": login}), base).login == login
    else:
        with pytest.raises(RefusedError, match="nothing was sent to it"):
            discovery.read(links(login={"href": login}), base)


def test_korifi_without_uaa_is_refused_before_a_login(wire: responses.RequestsMock) -> None:
    discovery_document(wire, "root-get-200-korifi")
    with pytest.raises(RefusedError, match="Korifi without UAA") as caught:
        api().discover()
    assert caught.value.token_wide
    assert asked(wire) == ["GET /"]


@pytest.mark.parametrize(
    ("reply", "words", "final"),
    [
        pytest.param(
            {
                "status": 404,
                "body": "404 Not Found: Requested route ('x') does not exist.",
                "headers": {"X-Cf-RouterError": "unknown_route"},
            },
            "HTTP 404: the foundation's router has no route for this address",
            False,
            id="no-such-route",
        ),
        pytest.param(
            {"status": 200, "json": {"hello": "world"}}, "it names no v3 API", False, id="another-api"
        ),
        pytest.param({"status": 200, "json": []}, "it names no v3 API", False, id="a-list"),
        pytest.param(
            {"status": 200, "json": {"links": {"cloud_controller_v3": None}}},
            "it names no v3 API",
            False,
            id="no-v3",
        ),
        pytest.param(
            {"status": 200, "body": "<html>hi"}, "HTTP 200: a web page instead of JSON", False, id="a-page"
        ),
        pytest.param(
            {"status": 502, "body": "bad gateway"},
            "HTTP 502: a response that is not Cloud Foundry's",
            False,
            id="a-proxy",
        ),
        pytest.param(
            {"status": 301, "headers": {"Location": "https://console.example.org/x"}},
            "`cf_api` redirects to another host, console.example.org, as for a login; nothing was sent there",
            True,
            id="a-redirect",
        ),
    ],
)
def test_a_response_that_is_not_cloud_foundrys_is_named_as_what_it_is(
    wire: responses.RequestsMock, reply: Mapping[str, Any], words: str, *, final: bool
) -> None:
    wire.get(f"{API}/", **reply)
    with pytest.raises(UnavailableError) as caught:
        api().discover()
    assert words in caught.value.reason
    assert (caught.value.permanent, caught.value.from_server) == (final, False)
    assert sent_tokens(wire) == [None]


def test_discovery_and_login_happen_once(wire: responses.RequestsMock) -> None:
    discovery_document(wire)
    serve(wire, "uaa-token-password-200")
    foundation = api()
    assert (foundation.discover(), foundation.discover()) == (
        Endpoints("3.90.0", LOGIN, LOGS),
        Endpoints("3.90.0", LOGIN, LOGS),
    )
    assert (asked(wire), foundation.logs_base) == (FIRST, LOGS)


@pytest.mark.parametrize(
    "token",
    ["", "opaque", "a.b", "a.b.c", "a.e30", "....", f"a.{base64.urlsafe_b64encode(b'[1]').decode()}.c"],
)
def test_an_opaque_token_has_no_claims(token: str) -> None:
    assert uaa.claims(token) == {}
