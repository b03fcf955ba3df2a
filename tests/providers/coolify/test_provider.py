"""CoolifyProvider: what every request carries, the first response, and the rate limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
import requests
import responses

from deployer.model import AccessDenied, Certainty, Handle, RefusedError, Target, UnavailableError
from deployer.providers.coolify import provider
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.triggering import find_triggered
from tests.providers.coolify.support import (
    AGENT,
    API,
    BASE,
    READER,
    TOKEN,
    WEB,
    Row,
    about,
    body,
    connected,
    flags,
    listing,
    requests_sent,
    serve,
    server,
    tokens,
)

# --- what every request carries


def test_a_request_has_the_headers_of_the_contract_and_no_body(wire: responses.RequestsMock) -> None:
    serve(wire, "POST", "/deploy", "deploy_one")
    connected({"DEPLOYER_HEADERS": "CF-Access-Client-Id: abc.access"}).trigger(WEB)
    sent = wire.calls[0].request
    assert sent.body is None
    assert {
        name: sent.headers.get(name)
        for name in ("Accept", "Authorization", "User-Agent", "CF-Access-Client-Id", "Content-Type")
    } == {
        "Accept": "application/json",
        "Authorization": f"Bearer {TOKEN}",
        "User-Agent": AGENT,
        "CF-Access-Client-Id": "abc.access",
        "Content-Type": None,
    }


def everything(wire: responses.RequestsMock, **environ: str) -> list[tuple[str, str]]:
    """Call each method once: the HTTP method and the token of every request."""
    serve(wire, "GET", "/version", "version")
    serve(wire, "GET", f"/applications/{WEB}", "app_get_read")
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read")
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    serve(wire, "PATCH", f"/applications/{WEB}", "patch_probe_write")
    serve(wire, "POST", "/deploy", "deploy_one")
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing())
    serve(
        wire,
        "GET",
        "/deployments/abc",
        "deployment_get_queued",
        body=about(body("deployment_get_queued"), WEB),
    )
    serve(wire, "GET", "/deployments", "deployments_list_read")
    serve(wire, "POST", "/deployments/abc/cancel", "v4.3.6_cancel")
    serve(wire, "GET", "/deployments/abc", "v4.3.6_cancel_then_get")
    coolify = connected(environ)
    coolify.connect()
    coolify.resolve(WEB)
    coolify.abilities()
    coolify.trigger(WEB)
    coolify.find_triggered(WEB)
    coolify.poll(Handle(WEB, "abc"))
    coolify.active(WEB)
    coolify.cancel(Handle(WEB, "abc"))
    return [
        (line.partition(" ")[0], token) for line, token in zip(requests_sent(wire), tokens(wire), strict=True)
    ]


def test_the_read_token_is_used_for_reading_only(wire: responses.RequestsMock) -> None:
    sent = everything(wire, COOLIFY_READ_TOKEN=READER)
    assert set(sent) == {("GET", READER), ("POST", TOKEN), ("PATCH", TOKEN)}
    assert len(sent) == 11


def test_without_a_read_token_the_other_one_is_used_for_everything(wire: responses.RequestsMock) -> None:
    assert {token for _, token in everything(wire)} == {TOKEN}


def test_a_deploy_only_token_is_enough_with_a_read_token(wire: responses.RequestsMock) -> None:
    """Only the read token is checked for `read`."""
    wire.get(
        f"{API}/version",
        body="4.3.10",
        match=[responses.matchers.header_matcher({"Authorization": f"Bearer {READER}"})],
    )
    assert connected({"COOLIFY_READ_TOKEN": READER}).connect() == f"Coolify 4.3.10 at {BASE}"


def test_a_read_token_that_may_not_read_is_refused(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", "/version", "v4.0.0-beta.380_version_noread")
    with pytest.raises(RefusedError) as caught:
        connected({"COOLIFY_READ_TOKEN": READER}).connect()
    assert caught.value.token_wide is True


@pytest.mark.parametrize(
    ("path", "call"),
    [
        pytest.param("/version", lambda coolify: coolify.connect(), id="connect"),
        pytest.param(f"/applications/{WEB}", lambda coolify: coolify.resolve(WEB), id="resolve"),
        pytest.param("/deployments/abc", lambda coolify: coolify.poll(Handle(WEB, "abc")), id="poll"),
        pytest.param(
            f"/deployments/applications/{WEB}",
            lambda coolify: coolify.poll(Handle(WEB, "", Certainty.PHANTOM)),
            id="phantom",
        ),
        pytest.param("/deployments", lambda coolify: coolify.active(WEB), id="active"),
    ],
)
def test_a_rejected_read_token_is_named(
    wire: responses.RequestsMock, path: str, call: Callable[[Any], Any]
) -> None:
    serve(wire, "GET", path, "unauth_bad")
    with pytest.raises(RefusedError) as caught:
        call(connected({"COOLIFY_READ_TOKEN": READER}))
    assert "`read_token`: " in caught.value.reason
    assert caught.value.token_wide is True


def test_without_a_read_token_none_is_named(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/applications/{WEB}", "unauth_bad")
    with pytest.raises(RefusedError) as caught:
        connected({}).resolve(WEB)
    assert "read_token" not in caught.value.reason


def test_both_tokens_carry_the_extra_headers(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", "/version", "version")
    serve(wire, "POST", "/deploy", "deploy_one")
    coolify = connected({"COOLIFY_READ_TOKEN": READER, "DEPLOYER_HEADERS": "CF-Access-Client-Id: abc.access"})
    coolify.connect()
    coolify.trigger(WEB)
    assert [call.request.headers["CF-Access-Client-Id"] for call in wire.calls] == [
        "abc.access",
        "abc.access",
    ]
    assert [call.request.headers["User-Agent"] for call in wire.calls] == [AGENT, AGENT]


# --- the first response


@pytest.mark.parametrize(
    "version",
    [
        "4.3.10",
        "4.0.0-beta.380",
        "4.0.0-beta.420.7",
        "4.4-rc.1",
        "4.4-rc.1.1a2b3c4",
        "4.3.10-dev.1a2b3c4d5",
        "v4.3.10",
        " 4.3.10\n",
    ],
)
def test_connect_accepts_every_form_of_version(wire: responses.RequestsMock, version: str) -> None:
    serve(wire, "GET", "/version", "version", body=version)
    coolify = server(version="")
    assert coolify.connect() == f"Coolify {version.strip()} at {BASE}"
    assert coolify.lookup.version == Version(version.strip())
    assert requests_sent(wire) == ["GET /version"]


def test_connect_accepts_a_version_in_json(wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/version", json="4.0.0-beta.380")
    assert server().connect() == f"Coolify 4.0.0-beta.380 at {BASE}"


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        pytest.param(
            "api_root",
            {"status": 200},
            'a web page ("Redirecting to http://127.0.0.1/login") instead of JSON',
            id="html-200",
        ),
        pytest.param("version", {"body": "OK"}, "`coolify_url` is wrong", id="ok"),
        pytest.param("version", {"body": ""}, "`coolify_url` is wrong", id="empty"),
        pytest.param(
            "version", {"body": "4.3.10 ::error::x"}, "`coolify_url` is wrong", id="version-and-more-text"
        ),
        pytest.param(
            "deployments_list_empty",
            {},
            "not a version: `coolify_url` is not the address of a Coolify",
            id="list",
        ),
        pytest.param("app_get_read", {}, "not a version", id="object"),
        pytest.param(
            "app_get_read", {"body": {"version": "4.3.10"}}, "not a version", id="json-of-another-api"
        ),
        pytest.param("transport_proxy_traefik_404", {}, "404 page not found", id="traefik"),
        pytest.param("maintenance_503", {}, "Service Unavailable", id="maintenance"),
    ],
)
def test_connect_accepts_nothing_else(
    wire: responses.RequestsMock, name: str, changes: Row, words: str
) -> None:
    serve(wire, "GET", "/version", name, **changes)
    with pytest.raises(UnavailableError) as caught:
        server().connect()
    assert words in caught.value.reason
    assert caught.value.reason.startswith(f"{BASE}: ")
    assert caught.value.from_server is (name == "maintenance_503")
    assert caught.value.permanent is False


@pytest.mark.parametrize("name", ["v4.0.0-beta.380_version_noread", "transport_403_missing_permission_read"])
def test_a_token_without_read_is_refused_with_the_fix_if_the_run_waits(
    wire: responses.RequestsMock, name: str
) -> None:
    serve(wire, "GET", "/version", name)
    with pytest.raises(RefusedError) as caught:
        server().connect()
    assert (caught.value.reason, caught.value.token_wide) == (f"{BASE}: {provider.TOKEN_CANNOT_READ}", True)
    assert "tick deploy first, then read" in provider.TOKEN_CANNOT_READ
    assert "`wait: false`" in provider.TOKEN_CANNOT_READ


def test_a_token_without_read_is_enough_if_the_run_does_not_wait(
    wire: responses.RequestsMock,
) -> None:
    serve(wire, "GET", "/version", "v4.0.0-beta.380_version_noread")
    coolify = server(wait=False)
    assert (
        coolify.connect()
        == f"Coolify at {BASE} (the token may not read, so only the response to the trigger will be seen)"
    )
    assert coolify.resolve(WEB) == Target(WEB)
    assert coolify.find_triggered(WEB) == AccessDenied(find_triggered.CANNOT_TELL)
    with pytest.raises(RefusedError, match="the deployments to cancel can't be listed"):
        coolify.active(WEB)
    assert requests_sent(wire) == ["GET /version"]


def test_the_abilities_of_a_token_without_read_are_checked(wire: responses.RequestsMock) -> None:
    """`command: check` and `dry_run` report what it may do."""
    serve(wire, "GET", "/version", "v4.0.0-beta.380_version_noread")
    coolify = server(read_only=True)
    coolify.connect()
    assert coolify.lookup.write_only_token is True


def test_a_token_without_read_deploys_no_preview(wire: responses.RequestsMock) -> None:
    """Before beta.408 the application itself would be deployed, and the version can't be read."""
    serve(wire, "GET", "/version", "v4.0.0-beta.380_version_noread")
    coolify = server(wait=False, pr=7)
    coolify.connect()
    with pytest.raises(
        RefusedError, match=r"before 4\.0\.0-beta\.408 it would deploy the application itself"
    ):
        coolify.resolve(WEB)


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize(
    "name", ["unauth_bad", "left_team_401", "transport_api_disabled", "ip_denied", "member_deploy_version"]
)
def test_every_other_refusal_ends_the_run_whatever_wait_is(
    wire: responses.RequestsMock, name: str, *, wait: bool
) -> None:
    serve(wire, "GET", "/version", name)
    with pytest.raises(RefusedError) as caught:
        server(wait=wait).connect()
    assert caught.value.token_wide is True
    assert caught.value.reason.startswith(f"{BASE}: ")


def test_only_connect_names_the_address_and_only_once(wire: responses.RequestsMock) -> None:
    """A typo in the address is then easy to see; later errors are of the same server."""
    wire.get(f"{API}/version", body=requests.exceptions.ConnectTimeout())
    serve(wire, "GET", f"/applications/{WEB}", "unauth_bad")
    with pytest.raises(UnavailableError) as caught:
        server().connect()
    assert asdict(caught.value) == {"reason": f"{BASE}: could not connect within 5 s", **flags()}
    with pytest.raises(RefusedError) as later:
        server().resolve(WEB)
    assert BASE not in later.value.reason


# --- the rate limit


@pytest.mark.parametrize(
    ("text", "left"),
    [("187", 187), ("0", 0), ("", None), ("many", None), ("-1", None), ("99999999999", None)],
)
def test_the_remaining_requests_are_remembered(
    wire: responses.RequestsMock, text: str, left: int | None
) -> None:
    serve(wire, "GET", "/version", "version", headers={"X-RateLimit-Remaining": text})
    coolify = server()
    coolify.connect()
    assert coolify.budget.remaining == left


def test_without_the_header_the_last_known_remaining_requests_count(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", "/version", "version", headers={"X-RateLimit-Remaining": "3"})
    serve(wire, "GET", "/deployments/abc", "maintenance_503")
    coolify = server()
    coolify.connect()
    with pytest.raises(UnavailableError):
        coolify.poll(Handle(WEB, "abc"))
    assert coolify.budget.remaining == 3
