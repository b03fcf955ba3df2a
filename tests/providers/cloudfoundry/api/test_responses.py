"""Cloud Foundry: what a response means before its content is read (cloudfoundry-api 3)."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from deployer.http.client import Response
from deployer.model import RefusedError, UnavailableError
from deployer.providers.cloudfoundry.api import responses as api_responses
from deployer.providers.cloudfoundry.api.client import MAX_WARNINGS, list_parameter
from tests.providers.cloudfoundry.support import (
    API,
    APP,
    answer,
    asked,
    body,
    connected,
    listing,
    names,
    recorded,
    serve,
)

ID = "d7a3f4b6-7a5f-4d3c-9a67-1c6f4b3f0b11"
PATH = "/v3/path"


def reply(name: str) -> Response:
    record = recorded(name)["response"]
    headers = {key.lower(): value for key, value in record["headers"].items()}
    return Response(
        record["status"],
        record["body"],
        is_json=not isinstance(record["body"], str),
        headers=headers,
        url=API,
    )


def error(
    code: int, detail: str = "Text.", title: str = "CF-Title", status: int = 422, **headers: str
) -> Response:
    data = {"errors": [{"detail": detail, "title": title, "code": code}]}
    return Response(
        status, data, is_json=True, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def raised_by(response: Response) -> RefusedError | UnavailableError:
    with pytest.raises((RefusedError, UnavailableError)) as caught:
        api_responses.json_or_raise(response)
    assert isinstance(caught.value, RefusedError | UnavailableError)
    return caught.value


REFUSED = {
    "app-get-404": "it does not exist, or the login may not see it",
    "app-start-401-expired-token": "does not accept the token that its own login server has just issued",
    "app-start-401-no-token": "A proxy in front of it drops the Authorization header",
    "app-start-403-docker-disabled": "`cf enable-feature-flag diego_docker`",
    "app-start-403-not-authorized": "the login lacks the role in the space (Space Developer",
    "app-start-403-org-suspended": "the organization is suspended",
    "app-start-404": "it does not exist, or the login may not see it",
    "app-start-422-log-rate-quota": "a quota of the organization or space is used up",
    "app-start-422-no-droplet": "the app has no droplet to run",
    "apps-list-400-bad-query": "does not support a parameter that Deployer sends",
    "build-create-400-package-not-ready": "HTTP 400, Bad request: Cannot stage package",
    "build-create-422-package": "it does not exist, or the login may not use it",
    "current-droplet-patch-422-deploying": "a rolling deployment of the app is in progress",
    "current-droplet-patch-422-not-assignable": "it does not exist, or the login may not use it",
    "deployment-cancel-422-final": "HTTP 422, Cannot cancel a deployment with status: FINALIZED",
    "deployment-create-403-disabled": "Use `cf_strategy: restart`",
    "deployment-create-422-app": "it does not exist, or the login may not use it",
    "deployment-create-422-no-droplet": "the app has no droplet to run",
    "deployment-create-422-quota": "does not allow the extra instance of a rolling deployment",
    "deployment-get-404": "it does not exist, or the login may not see it",
    "package-create-422-buildpack-app": "`image` requires a Docker app",
    "process-stats-404": "it does not exist, or the login may not see it",
}
UNAVAILABLE = {
    "app-start-500-unknown": "Cloud Foundry returned an error",
    "app-start-503-db": "Cloud Foundry can't reach its database",
    "build-create-422-in-progress": "another build of the app is still being staged",
    "process-stats-503-unavailable": "can't currently report the state of the instances",
}
NOT_CLOUD_CONTROLLER = {"root-get-404-router-unknown-route", "log-cache-read-404-unauthorized-or-expired"}


def test_every_recorded_error_response_has_a_row() -> None:
    bad = {
        name
        for name in names("")
        if recorded(name)["response"]["status"] >= 400 and not name.startswith("uaa-")
    }
    assert bad == REFUSED.keys() | UNAVAILABLE.keys() | NOT_CLOUD_CONTROLLER


@pytest.mark.parametrize(("name", "words"), REFUSED.items(), ids=REFUSED)
def test_a_refusal_contains_the_fix_the_servers_text_and_the_request_id(name: str, words: str) -> None:
    response = reply(name)
    raised = raised_by(response)
    first = response.data["errors"][0]
    assert isinstance(raised, RefusedError)
    assert words in raised.reason
    assert f"{first['detail'].rstrip('.')} ({first['title']} {first['code']})" in raised.reason
    assert raised.reason.endswith(f", request {ID}")
    assert raised.token_wide == (response.status == 401)


@pytest.mark.parametrize(("name", "words"), UNAVAILABLE.items(), ids=UNAVAILABLE)
def test_an_error_of_the_server_itself_may_be_retried(name: str, words: str) -> None:
    """Without the request's id, which differs each time: the same error is printed once."""
    response = reply(name)
    raised = raised_by(response)
    assert isinstance(raised, UnavailableError)
    assert words in raised.reason
    assert ID not in raised.reason
    broken = response.status >= 500
    assert (raised.from_server, raised.may_have_arrived, ID in raised.server_error) == (True, broken, broken)


def test_a_404_of_the_router_is_recognized() -> None:
    assert "no route for this address: `cf_api` is wrong" in str(
        raised_by(reply("root-get-404-router-unknown-route"))
    )


@pytest.mark.parametrize(
    ("response", "words"),
    [
        pytest.param(error(10019, status=403), "the space is suspended", id="space-suspended"),
        pytest.param(error(10020), "its organization or space is being deleted", id="being-deleted"),
        pytest.param(error(10000, status=404), "does not support this request", id="no-such-request"),
        pytest.param(
            error(10008, "memory quota_exceeded"), "a quota of the organization or space", id="org-memory"
        ),
        pytest.param(
            error(10008, "memory space_quota_exceeded"),
            "a quota of the organization or space",
            id="space-memory",
        ),
        pytest.param(
            error(330002, "our own words", status=403),
            "`cf enable-feature-flag diego_docker`",
            id="custom-text-of-an-operator",
        ),
        pytest.param(
            error(10008, "something new"),
            "Cloud Foundry says: HTTP 422, something new (CF-Title 10008)",
            id="unknown-text",
        ),
        pytest.param(
            error(42000, "not on Korifi", status=400),
            "HTTP 400, not on Korifi (CF-Title 42000)",
            id="unknown-code",
        ),
        pytest.param(
            error(10003, "Assign a droplet", status=403), "the login lacks the role", id="codes-decide"
        ),
    ],
)
def test_other_codes_of_the_table(response: Response, words: str) -> None:
    raised = raised_by(response)
    assert isinstance(raised, RefusedError)
    assert words in raised.reason


def test_several_errors_are_all_reported() -> None:
    errors = [
        {"detail": f"Wrong {number}.", "title": "CF-X", "code": code}
        for number, code in enumerate((1, 10017, 2), 1)
    ]
    raised = str(raised_by(Response(403, {"errors": errors}, is_json=True)))
    assert raised.startswith("the organization is suspended")
    assert raised.endswith("HTTP 403, Wrong 1 (CF-X 1); Wrong 2 (CF-X 10017); Wrong 3 (CF-X 2)")


@pytest.mark.parametrize(
    ("response", "words", "wait"),
    [
        pytest.param(
            error(10013, "Rate Limit Exceeded", status=429, retry_after="37"),
            "rate limited by Cloud Foundry (Rate Limit",
            37,
            id="limit-by-user",
        ),
        pytest.param(error(10014, status=429, retry_after="5"), "rate limited by", 5, id="limit-by-address"),
        pytest.param(error(20008, status=429), "rate limited by", 0, id="limit-of-uaa"),
        pytest.param(error(20004, status=502), "can't reach its login server", 0, id="uaa-unreachable"),
        pytest.param(error(170015, status=503), "can't reach the runtime of its apps", 0, id="restart"),
        pytest.param(
            error(10008, status=504, retry_after="soon"), "Cloud Foundry returned an error", 0, id="another"
        ),
    ],
)
def test_the_wait_is_what_the_server_asks_for(response: Response, words: str, wait: float) -> None:
    raised = raised_by(response)
    assert isinstance(raised, UnavailableError)
    assert words in raised.reason
    assert (raised.retry_after, raised.from_server, raised.may_have_arrived) == (
        wait,
        True,
        response.status >= 500,
    )


def test_the_json_of_a_rate_limit_is_read_although_its_type_is_text(wire: responses.RequestsMock) -> None:
    api = connected(wire)
    text = '{"errors":[{"detail":"Rate Limit Exceeded","title":"CF-RateLimitExceeded","code":10013}]}'
    headers = {"Retry-After": "12", "X-RateLimit-Remaining": "0"}
    wire.get(API + PATH, body=text, status=429, headers=headers, content_type="text/plain; charset=utf-8")
    with pytest.raises(UnavailableError) as caught:
        api.get(PATH)
    assert (
        caught.value.reason
        == "rate limited by Cloud Foundry (Rate Limit Exceeded (CF-RateLimitExceeded 10013))"
    )
    assert (caught.value.retry_after, caught.value.from_server, api.budget.remaining) == (12, True, 0)


@pytest.mark.parametrize(
    ("status", "data", "words", "gateway"),
    [
        pytest.param(403, {"message": "Forbidden"}, "JSON that is not Cloud Foundry's", True, id="a-gateway"),
        pytest.param(
            401, {"message": "Unauthorized"}, "JSON that is not Cloud Foundry's", True, id="a-gateway-s-401"
        ),
        pytest.param(422, {"errors": []}, "JSON that is not Cloud Foundry's", True, id="no-errors"),
        pytest.param(
            422,
            {"errors": ["x", {"code": "10008"}]},
            "JSON that is not Cloud Foundry's",
            True,
            id="other-errors",
        ),
        pytest.param(404, "<HTML><body>", "a web page instead of JSON", True, id="a-page"),
        pytest.param(
            503, "upstream connect error", "a response that is not Cloud Foundry's", False, id="a-balancer"
        ),
        pytest.param(200, "hello", "a response that is not Cloud Foundry's", True, id="a-text"),
        pytest.param(408, "<html>", "a web page instead of JSON", False, id="a-time-out"),
        pytest.param(429, {"message": "slow down"}, "JSON that is not Cloud Foundry's", False, id="a-limit"),
    ],
)
def test_a_response_in_another_format_is_not_a_refusal(
    status: int, data: Any, words: str, *, gateway: bool
) -> None:
    """A gateway may have passed the request on before it responded in Cloud Foundry's place."""
    raised = raised_by(Response(status, data, is_json=not isinstance(data, str)))
    assert isinstance(raised, UnavailableError)
    assert words in raised.reason
    assert (raised.from_server, raised.may_have_arrived, raised.from_gateway) == (False, True, gateway)


@pytest.mark.parametrize(
    ("data", "is_json", "value"), [({"a": 1}, True, {"a": 1}), ([], True, []), ("", False, None)]
)
def test_a_good_response_is_its_json_or_none(data: Any, value: Any, *, is_json: bool) -> None:
    assert api_responses.json_or_raise(Response(200, data, is_json=is_json)) == value


@pytest.mark.parametrize(
    ("location", "words"),
    [
        (f"http://john:pw@{API.partition('://')[2]}:8080/v3", "the address redirects from https to http"),
        (
            f"https://john:pw@{API.partition('://')[2]}:8443/v3",
            f"Set `cf_api` to the API's own address, perhaps {API}:8443",
        ),
        (
            "https://john:pw@other.example/v3",
            "`cf_api` redirects to another host, other.example, as for a login",
        ),
        ("/elsewhere", "something in front of Cloud Foundry redirects its API to another path"),
        ("/login", "something in front of Cloud Foundry requires a login"),
    ],
)
def test_a_redirect_is_never_followed(location: str, words: str) -> None:
    raised = raised_by(Response(307, "", is_json=False, headers={"location": location}, url=API))
    assert isinstance(raised, UnavailableError)
    assert (raised.permanent, words in raised.reason, "john" in raised.reason) == (True, True, False)
    assert "https://other" not in raised.reason
    assert isinstance(raised_by(Response(302, "", is_json=False)), UnavailableError)


def test_untrusted_texts_are_one_line() -> None:
    raised = str(
        raised_by(
            error(10008, "a\n::error::b\r" + "x" * 5000, title="T" * 500, x_vcap_request_id="a b\n::error::")
        )
    )
    assert "\n" not in raised
    assert "\r" not in raised
    assert "request" not in raised
    assert "x" * 5000 in raised  # it is redacted before it is cut, by the reporter


# --- the headers of every response


@pytest.mark.parametrize(
    ("header", "warnings"),
    [
        pytest.param("", [], id="none"),
        pytest.param(
            "Stats+server+temporarily+unavailable.", ["Stats server temporarily unavailable."], id="one"
        ),
        pytest.param("a%2C+b,c%0Ad", ["a, b", "c d"], id="two"),
        pytest.param("a, a,,b", ["a", "b"], id="twice"),
        pytest.param("%FF%zz", ["\ufffd%zz"], id="no-utf-8"),
        pytest.param("long+" + "x" * 999, ["long " + "x" * 999], id="never-cut-before-it-is-redacted"),
        pytest.param("x" * 70000, ["(70000 characters)"], id="too-long-to-be-kept"),
        pytest.param(
            ",".join(f"w{number}" for number in range(99)),
            [f"w{number}" for number in range(MAX_WARNINGS)],
            id="many",
        ),
    ],
)
def test_each_warning_is_kept_once(wire: responses.RequestsMock, header: str, warnings: list[str]) -> None:
    api = connected(wire)
    wire.get(API + PATH, json={}, headers={"X-Cf-Warnings": header})
    api.get(PATH)
    api.get(PATH)
    assert api.warnings == warnings


@pytest.mark.parametrize(
    ("text", "left"), [("18000", 18000), ("0", 0), ("", None), ("-1", None), ("many", None)]
)
def test_the_remaining_requests_are_those_of_the_last_response(
    wire: responses.RequestsMock, text: str, left: int | None
) -> None:
    api = connected(wire)
    wire.get(API + PATH, json={}, headers={"X-RateLimit-Remaining": text, "X-Vcap-Request-Id": f"ours::{ID}"})
    api.get(PATH)
    assert (api.budget.remaining, api.request_id) == (left, f"ours::{ID}")


# --- lists


def test_a_list_is_read_to_its_last_page(wire: responses.RequestsMock) -> None:
    api = connected(wire)
    serve(wire, "apps-list-200-page1of2")
    rows = body("apps-list-200-page1of2")["resources"]
    answer(wire, "GET", "/v3/apps", listing(rows[0]))
    assert api.pages("/v3/apps", {"per_page": "2"}) == [*rows, rows[0]]
    assert asked(wire) == ["GET /v3/apps?per_page=2", "GET /v3/apps?page=2&per_page=2"]


@pytest.mark.parametrize(
    "href",
    [
        "https://evil.example/v3/apps?page=2",
        "http://api.example.org/v3/apps?page=2",
        "//evil.example/?page=2",
        "?page=2",
        "https://a@evil.example:99999999/x?page=2",
    ],
)
def test_a_link_to_the_next_page_never_takes_the_token_to_another_host(
    wire: responses.RequestsMock, href: str
) -> None:
    api = connected(wire)
    first = listing({"guid": "1"})
    first["pagination"]["next"] = {"href": href}
    answer(wire, "GET", "/v3/apps", first)
    answer(wire, "GET", "/v3/apps", listing({"guid": "2"}))
    assert [row["guid"] for row in api.pages("/v3/apps")] == ["1", "2"]
    assert asked(wire) == ["GET /v3/apps", "GET /v3/apps?page=2"]


def test_a_list_that_links_to_itself_ends(wire: responses.RequestsMock) -> None:
    api = connected(wire)
    first = listing({"guid": "1"})
    first["pagination"]["next"] = {"href": f"{API}/v3/apps?page=2"}
    answer(wire, "GET", "/v3/apps", first)
    assert len(api.pages("/v3/apps")) == 2


@pytest.mark.parametrize("data", [[], {}, {"resources": None}, "text"])
def test_a_list_in_another_format_is_an_error(wire: responses.RequestsMock, data: Any) -> None:
    api = connected(wire)
    answer(wire, "GET", "/v3/apps", data)
    with pytest.raises(UnavailableError, match=r"^unrecognized response \(expected a list\)$"):
        api.pages("/v3/apps")


@pytest.mark.parametrize(
    ("found", "query"),
    [
        (("web",), "web"),
        (("a,b",), "a%252Cb"),
        (("a", "b"), "a%2Cb"),
        (("50% off",), "50%2525+off"),
    ],
)
def test_a_comma_in_a_name_is_escaped_twice(
    wire: responses.RequestsMock, found: tuple[str, ...], query: str
) -> None:
    api = connected(wire)
    answer(wire, "GET", "/v3/apps", listing())
    api.pages("/v3/apps", {"names": list_parameter(*found)})
    assert str(wire.calls[0].request.url) == f"{API}/v3/apps?names={query}"


def test_no_request_is_sent_without_a_log_cache(wire: responses.RequestsMock) -> None:
    assert connected(wire, root="root-get-200-no-v2-no-logcache").logs(f"/api/v1/read/{APP}") is None
    assert asked(wire) == []


def test_a_404_of_log_cache_is_returned_unchanged(wire: responses.RequestsMock) -> None:
    api = connected(wire)
    serve(wire, "log-cache-read-404-unauthorized-or-expired")
    found = api.logs(f"/api/v1/read/{APP}")
    assert found is not None
    assert (found.status, found.data) == (404, "")
