"""What a response means before its content is read (coolify-api 3.3 and 3.5)."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from deployer.http.client import Response
from deployer.model import RefusedError, UnavailableError
from deployer.providers.coolify.api import responses as api_responses
from tests.providers.coolify.support import Row, flags, reply


def refused(reply: Response) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        api_responses.json_or_raise(reply)
    return caught.value


def unavailable(reply: Response) -> Row:
    with pytest.raises(UnavailableError) as caught:
        api_responses.json_or_raise(reply)
    return asdict(caught.value)


@pytest.mark.parametrize(
    ("name", "token_wide", "words"),
    [
        pytest.param(
            "unauth_bad",
            True,
            ("Unauthenticated", "revoked or expired", "tick deploy first"),
            id="401-unauthenticated",
        ),
        pytest.param(
            "transport_401_unauthenticated",
            True,
            ("Unauthenticated", "Make a new one"),
            id="401-unauthenticated-derived",
        ),
        pytest.param("left_team_401", True, ("left the team", "Make a new one"), id="401-left-team"),
        pytest.param(
            "transport_401_invalid_token_team",
            True,
            ("left the team", "Make a new one"),
            id="401-left-team-derived",
        ),
        pytest.param(
            "transport_api_disabled",
            True,
            ("is disabled. Enable it", "Settings, Advanced, API Access"),
            id="403-api-off-with-success-true",
        ),
        pytest.param(
            "ip_denied", True, ("allowed IPs lacks this machine's address", "Allowed IPs"), id="403-address"
        ),
        pytest.param(
            "transport_403_ip_not_allowed",
            True,
            ("allowed IPs lacks this machine's address", "Allowed IPs"),
            id="403-address-derived",
        ),
        pytest.param(
            "deploy_probe_read", True, ("permissions: deploy", "tick deploy first"), id="403-deploy"
        ),
        pytest.param(
            "v4.0.0-beta.380_deploy_probe_read",
            True,
            ("permissions: write, deploy", "tick deploy first"),
            id="403-write-or-deploy",
        ),
        pytest.param(
            "deployment_get_deployonly_403", True, ("permissions: read", "then read"), id="403-read"
        ),
        pytest.param(
            "transport_403_missing_permission_read",
            True,
            ("permissions: read", "then read"),
            id="403-read-derived",
        ),
        pytest.param(
            "transport_403_member_token_abilities",
            True,
            ("member of the team", "admin or the owner"),
            id="403-member",
        ),
        pytest.param(
            "member_deploy_version", True, ("member of the team", "admin or the owner"), id="403-role"
        ),
        pytest.param(
            "transport_403_missing_team_role",
            True,
            ("member of the team", "admin or the owner"),
            id="403-role-derived",
        ),
        pytest.param(
            "transport_403_policy_denied", True, ("not authorized", "admin or the owner"), id="403-policy"
        ),
        pytest.param(
            "deployment_cancel_403",
            False,
            ("You do not have permission to cancel this deployment.", "403"),
            id="403-for-one-deployment",
        ),
        pytest.param(
            "v4.0.0-beta.380_app_start",
            False,
            ("permissions: write", "read:sensitive, then write: "),
            id="403-write",
        ),
        pytest.param("app_get_unknown", False, ("Application not found.", "404"), id="404-application"),
        pytest.param(
            "app_deployments_unknown", False, ("Application not found", "404"), id="404-without-dot"
        ),
        pytest.param("deployment_unknown", False, ("Deployment not found.", "404"), id="404-deployment"),
        pytest.param("deploy_unknown", False, ("No resources found.", "404"), id="404-resources"),
        pytest.param("catchall_404", False, ("Not found.", "404"), id="404-endpoint"),
        pytest.param(
            "transport_404_unknown_endpoint", False, ("Not found.", "404"), id="404-endpoint-derived"
        ),
        pytest.param(
            "v4.0.0-beta.420_deploy_pr", False, ("No query results for model", "404"), id="404-model"
        ),
        pytest.param("deploy_get_405", False, ("changed to a POST request", "405"), id="405"),
        pytest.param(
            "transport_405_post_required", False, ("changed to a POST request", "405"), id="405-derived"
        ),
        pytest.param("app_patch_409_domain_conflict", False, ("Domain conflicts detected", "409"), id="409"),
        pytest.param("app_patch_422_list", False, ("Validation failed", "422"), id="422-of-coolify"),
        pytest.param(
            "app_deployments_take0", False, ("take field must be at least 1", "422"), id="422-of-laravel"
        ),
        pytest.param("deploy_probe_deploy", False, ("You must provide uuid or tag.", "400"), id="400"),
        pytest.param(
            "transport_400_invalid_token_team",
            False,
            ("Invalid token.", "400"),
            id="400-token-without-team",
        ),
        pytest.param("deploy_both", False, ("uuid or tag, not both", "400"), id="400-both"),
    ],
)
def test_a_refusal_names_its_reason_and_the_fix(
    name: str, *, token_wide: bool, words: tuple[str, ...]
) -> None:
    error = refused(reply(name))
    assert error.token_wide is token_wide
    assert [word for word in words if word not in str(error)] == []


@pytest.mark.parametrize(
    ("response", "expected", "words"),
    [
        pytest.param(
            reply("ratelimit_429"),
            flags(from_server=True, retry_after=6),
            ("rate limited by Coolify", "Too Many Attempts."),
            id="429",
        ),
        pytest.param(
            reply("transport_429_rate_limit"),
            flags(from_server=True, retry_after=37),
            ("rate limited by Coolify",),
            id="429-derived",
        ),
        pytest.param(
            reply("deploy_body_list_500"),
            flags(may_have_arrived=True, from_server=True, server_error="HTTP 500: Server Error"),
            ("Coolify returned an error (HTTP 500: Server Error)",),
            id="500",
        ),
        pytest.param(
            reply("maintenance_503"),
            flags(
                may_have_arrived=True,
                from_server=True,
                server_error="HTTP 503: Service Unavailable",
                retry_after=60,
            ),
            ("Coolify returned an error (HTTP 503: Service Unavailable)",),
            id="503-maintenance",
        ),
        pytest.param(
            reply("transport_503_maintenance"),
            flags(may_have_arrived=True, from_server=True, server_error="HTTP 503: Service Unavailable"),
            ("Coolify returned an error (HTTP 503: Service Unavailable)",),
            id="503-derived",
        ),
        pytest.param(
            reply("deploy_body_list_500", body={"message": "a\n::error::b " + "x" * 900}),
            flags(
                may_have_arrived=True, from_server=True, server_error=f"HTTP 500: a ::error::b {'x' * 900}"
            ),
            (),
            id="500-with-long-text-of-many-lines",
        ),
        pytest.param(
            reply("deploy_body_list_500_star"),
            flags(may_have_arrived=True),
            ("HTTP 500", "instead of JSON", "proxy or Cloudflare"),
            id="500-html",
        ),
        pytest.param(
            reply("maintenance_503_star"),
            flags(may_have_arrived=True, retry_after=60),
            ("HTTP 503", "instead of JSON"),
            id="503-html",
        ),
        pytest.param(
            reply("ratelimit_429_star"),
            flags(may_have_arrived=True, retry_after=6),
            ("HTTP 429", "instead of JSON"),
            id="429-html",
        ),
        pytest.param(
            reply("transport_proxy_traefik_404"),
            flags(may_have_arrived=True),
            ("404 page not found", "being started or updated", "`coolify_url` is wrong"),
            id="404-traefik",
        ),
        pytest.param(
            reply("transport_proxy_cloudflare_access_302"),
            flags(may_have_arrived=True, permanent=True, from_gateway=True),
            ("Cloudflare Access", "CF-Access-Client-Id and CF-Access-Client-Secret in `headers`"),
            id="302-cloudflare-access",
        ),
        pytest.param(
            replace(reply("api_root"), url="http://127.0.0.1:8000/api"),
            flags(may_have_arrived=True, permanent=True, from_gateway=True),
            ("login page", "`coolify_url`", "plain address"),
            id="302-login",
        ),
        pytest.param(
            replace(reply("accept_422_star"), url="http://127.0.0.1:8000/api/v1/deployments"),
            flags(may_have_arrived=True, permanent=True, from_gateway=True),
            ("set `coolify_url` to http://127.0.0.1",),
            id="302-another-port",
        ),
        pytest.param(
            reply(
                "api_root",
                headers={"location": "https://user:hunter22@coolify.example.com:8443/api/v1/version?token=x"},
            ),
            flags(may_have_arrived=True, permanent=True, from_gateway=True),
            ("set `coolify_url` to https://coolify.example.com:8443",),
            id="301-without-secrets",
        ),
        pytest.param(
            reply("api_root", headers={"location": "https://www.coolify.example.com/api/v1/version"}),
            flags(may_have_arrived=True, permanent=True, from_gateway=True),
            ("set `coolify_url` to https://www.coolify.example.com",),
            id="301-to-www",
        ),
        *(
            pytest.param(
                reply("api_root", headers=headers),
                flags(may_have_arrived=True, permanent=True, from_gateway=True),
                ("HTTP 302: a redirect without a valid destination. Check `coolify_url`",),
                id=name,
            )
            for name, headers in {
                "302-without-location": {},
                "302-to-half-an-address": {"location": "https://[::1"},
                "302-to-no-address": {"location": "//[x]/"},
            }.items()
        ),
        pytest.param(
            reply("api_root", status=403, headers={"cf-mitigated": "challenge"}),
            flags(may_have_arrived=True, from_gateway=True),
            ("challenges this machine", "Exempt /api"),
            id="cf-challenge",
        ),
        pytest.param(
            reply("api_root", status=403, body="error code: 1010"),
            flags(may_have_arrived=True, from_gateway=True),
            ("error 1010", "browser integrity check"),
            id="cf-1010",
        ),
        pytest.param(
            reply("api_root", status=502, body="<html><title>502 Bad\n Gateway</title></html>"),
            flags(may_have_arrived=True),
            ('HTTP 502: a web page ("502 Bad Gateway") instead of JSON',),
            id="502-of-proxy",
        ),
        pytest.param(
            reply("api_root", status=200),
            flags(may_have_arrived=True, from_gateway=True),
            ("HTTP 200", "instead of JSON", "`coolify_url` is wrong"),
            id="200-html",
        ),
        pytest.param(
            reply("version"), flags(may_have_arrived=True, from_gateway=True), ("HTTP 200",), id="200-text"
        ),
        *(
            pytest.param(
                reply("unauth_bad", status=status, body=body),
                flags(may_have_arrived=True, from_gateway=status < 500),
                (
                    (
                        f"HTTP {status}{text}. That is not Coolify's response: "
                        "a gateway is in front of it, or `coolify_url` is wrong"
                    ),
                ),
                id=f"{status}-{name}",
            )
            for status, name, body, text in (
                (401, "without-a-message", {"error": "denied"}, " with JSON"),
                (401, "with-a-list", [], " with JSON"),
                (
                    401,
                    "in-other-words",
                    {"message": "No API key found in request"},
                    ": No API key found in request",
                ),
                (
                    401,
                    "in-nearly-its-words",
                    {"message": "Unauthenticated. Log in"},
                    ": Unauthenticated. Log in",
                ),
                (403, "in-other-words", {"message": "Forbidden\nby policy"}, ": Forbidden by policy"),
                (403, "without-a-message", {"message": None}, " with JSON"),
                (
                    404,
                    "in-other-words",
                    {"message": "no Route matched with those values"},
                    ": no Route matched with those values",
                ),
                (404, "of-nearly-its-words", {"message": "Not found."}, ": Not found."),
                (
                    404,
                    "of-another-api-s",
                    {"message": "Not found.", "docs": "https://example.com"},
                    ": Not found.",
                ),
                (409, "in-other-words", {"message": "Conflict"}, ": Conflict"),
                (418, "in-its-words", {"message": "Not found."}, ": Not found."),
                (404, "without-a-message", {"docs": "https://coolify.io/docs"}, " with JSON"),
                (404, "of-long-words", {"message": "x" * 61 + "not found"}, f": {'x' * 61}not found"),
                (400, "without-a-message", {}, " with JSON"),
                (422, "with-a-list", [1], " with JSON"),
                (500, "without-a-message", {"error": "x"}, " with JSON"),
            )
        ),
        pytest.param(
            reply("ratelimit_429", body={"error": "slow down"}),
            flags(may_have_arrived=True, retry_after=6),
            ("HTTP 429 with JSON. That is not Coolify's",),
            id="429-of-gateway",
        ),
    ],
)
def test_an_unusable_response_is_named_as_what_it_is(
    response: Response, expected: Row, words: tuple[str, ...]
) -> None:
    actual = unavailable(response)
    reason = actual.pop("reason")
    assert actual == expected
    assert [word for word in words if word not in reason] == []
    assert "hunter22" not in reason
    assert "\n" not in reason


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        pytest.param("Not found.", {"docs": "https://coolify.io/docs"}, id="not-found"),
        pytest.param("Environment variable not found.", {}, id="variable"),
        pytest.param("Project not found", {}, id="without-dot"),
        pytest.param("No resources found with this tag.", {}, id="no-resources"),
        pytest.param("No query results for model [App\\Models\\Application].", {}, id="model"),
        pytest.param("whatever it says one day", {"docs": "https://coolify.io/docs"}, id="by-its-docs"),
    ],
)
def test_a_404_in_coolify_s_own_words_is_a_refusal(text: str, fields: Row) -> None:
    error = refused(reply("unauth_bad", status=404, body={"message": text, **fields}))
    assert (error.reason, error.token_wide) == (f"Coolify says: {text} (HTTP 404)", False)


@pytest.mark.parametrize(
    ("listed", "token_wide"), [("write", False), ("write, deploy", True), ("deploy", True), ("read", True)]
)
def test_only_a_missing_write_concerns_one_target(listed: str, *, token_wide: bool) -> None:
    """A run may need `write` for one kind of target, and not for another."""
    error = refused(
        reply("unauth_bad", status=403, body={"message": f"Missing required permissions: {listed}"})
    )
    assert error.token_wide is token_wide


@pytest.mark.parametrize(
    ("listed", "also"),
    [("deploy", False), ("read", False), ("read:sensitive", False), ("write", True), ("write, deploy", True)],
)
def test_the_fix_names_write_if_it_is_missing(listed: str, *, also: bool) -> None:
    error = refused(
        reply("unauth_bad", status=403, body={"message": f"Missing required permissions: {listed}"})
    )
    assert error.reason.endswith(
        f"Make a new one: {api_responses.token_abilities_hint('write' if also else '')}"
    )
    assert api_responses.token_abilities_hint() == api_responses.TOKEN_ABILITIES_HINT
    assert api_responses.token_abilities_hint("write") == api_responses.TOKEN_ABILITIES_HINT.replace(
        "read:sensitive:", "read:sensitive, then write:"
    )


@pytest.mark.parametrize(
    ("name", "permission", "lacked"),
    [
        pytest.param("v4.0.0-beta.380_version_noread", "read", True, id="read"),
        pytest.param("deploy_probe_read", "deploy", True, id="deploy"),
        pytest.param("v4.0.0-beta.380_deploy_probe_read", "deploy", True, id="one-of-two"),
        pytest.param("patch_probe_deploy", "write", True, id="write"),
        pytest.param("patch_probe_deploy", "", True, id="any"),
        pytest.param("patch_probe_deploy", "deploy", False, id="another"),
        pytest.param("ip_denied", "", False, id="403-for-another-reason"),
        pytest.param("patch_probe_write", "", False, id="400"),
        pytest.param("unauth_bad", "", False, id="401"),
    ],
)
def test_a_missing_ability_differs_from_every_other_refusal(
    name: str, permission: str, *, lacked: bool
) -> None:
    assert api_responses.lacks_ability(reply(name), permission) is lacked


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        pytest.param("catchall_404", True, id="4.3.10"),
        pytest.param("v4.0.0-beta.434_cancel", True, id="beta434"),
        pytest.param("v4.0.0-beta.380_app_deployments", True, id="beta380"),
        pytest.param("deployment_unknown", False, id="resource"),
        pytest.param("app_deployments_unknown", False, id="application"),
        pytest.param("transport_proxy_traefik_404", False, id="proxy"),
        pytest.param("preview_delete_422", False, id="another-status"),
    ],
)
def test_a_missing_endpoint_differs_from_a_missing_resource(name: str, *, unknown: bool) -> None:
    assert api_responses.is_unknown_endpoint(reply(name)) is unknown


@pytest.mark.parametrize("status", [300, 304, 307, 308])
def test_every_redirect_is_permanent(status: int) -> None:
    assert unavailable(reply("api_root", status=status))["permanent"] is True


LOGINS = [
    "https://auth.example.com/?rd=https%3A%2F%2Fcoolify.example.com%2Fapi%2Fv1%2Fversion&rm=GET",
    "https://sso.example.com/login",
    "https://coolify.example.com.evil.example/api/v1/version",
    "https://id.example.com/application/o/authorize/?client_id=x&redirect_uri=https%3A%2F%2Fcoolify.example.com%2Fcallback",
    "https://login.microsoftonline.com/common/oauth2/v2.0/authorize?client_id=x",
    "//auth.example.com/api/v1/version",
    "http://new.example.com/api/v1/version",
    "https://127.0.0.1/api/v1/version",
]


@pytest.mark.parametrize("location", LOGINS)
def test_a_redirect_to_another_host_does_not_suggest_its_address(location: str) -> None:
    error = unavailable(reply("api_root", headers={"location": location}))
    assert (error["permanent"], "set `coolify_url`" in error["reason"]) == (True, False)
    assert "redirects to another host, " in error["reason"]
    assert error["reason"].endswith("Let /api through without a login")
    assert "://" not in error["reason"]


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("/oauth2/start?rd=%2Fapi", "something in front of Coolify requires a login"),
        ("/outpost.goauthentik.io/start", "something in front of Coolify requires a login"),
        ("/cdn-cgi/access/login/x", "something in front of Coolify requires a login"),
        ("/elsewhere", "redirects its API to another path"),
        ("https://coolify.example.com", "redirects its API to another path"),
        ("http://coolify.example.com/api/v1/version", "redirects from https to http"),
        ("javascript:alert(1)", "a redirect without a valid destination"),
    ],
)
def test_a_redirect_on_the_same_host_is_named_as_what_it_is(location: str, words: str) -> None:
    error = unavailable(reply("api_root", headers={"location": location}))
    assert (error["permanent"], words in error["reason"], "set `coolify_url`" in error["reason"]) == (
        True,
        True,
        False,
    )


def test_a_page_through_a_proxy_names_its_variable() -> None:
    page = replace(reply("transport_proxy_traefik_404"), proxy="`HTTP_PROXY`")
    assert unavailable(page)["reason"].endswith(" (through the proxy in `HTTP_PROXY`)")
