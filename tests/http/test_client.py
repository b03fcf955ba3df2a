"""One HTTP request: what is sent, where the token goes, and how a response is read."""

from __future__ import annotations

import socket
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.http import client as module
from deployer.http.client import Http, Response, TooLargeError, retry_after
from tests.http.servers import (
    AGENT,
    BASE,
    CERTIFICATE,
    HEAD,
    TOKEN,
    Script,
    Server,
    expected_flags,
    flags,
    headers_of,
    http,
    hundred_times_faster,
    large_response,
    response,
    trickle,
    unavailable_error,
)

EPOCH = "Thu, 01 Jan 1970 00:00:00 GMT"


# --- the body of a response


@pytest.mark.parametrize(
    ("body", "kind", "data", "is_json"),
    [
        pytest.param(b'{"a": 1}', "application/json", {"a": 1}, True, id="json"),
        pytest.param(
            b'{\n    "message": "Server Error"\n}',
            "application/json",
            {"message": "Server Error"},
            True,
            id="pretty",
        ),
        pytest.param(b'{"a": 1}', "Application/JSON; Charset=UTF-8", {"a": 1}, True, id="capitals"),
        pytest.param(b'{"a": 1}', "application/problem+json", {"a": 1}, True, id="json-suffix"),
        pytest.param(b" [1]", "text/html; charset=UTF-8", [1], True, id="json-as-html"),
        pytest.param(b'{"a": 1}', "", {"a": 1}, True, id="json-without-a-type"),
        pytest.param(b'"4.3.10"', "application/json", "4.3.10", True, id="json-string"),
        pytest.param(b"4.3.10", "text/html; charset=UTF-8", "4.3.10", False, id="version-as-html"),
        pytest.param(b"{not json", "text/plain", "{not json", False, id="text-that-starts-like-json"),
        pytest.param(b"[" * 100_000, "text/plain", "[" * 100_000, False, id="deep-text"),
        pytest.param(b"", "text/plain", "", False, id="empty"),
        pytest.param(b"<html>", "text/html", "<html>", False, id="html"),
        pytest.param(
            '{"a": "é"}'.encode(),
            "application/json; charset=iso-8859-1",
            {"a": "é"},
            True,
            id="wrong-charset",
        ),
        pytest.param(
            '{"a": "é"}'.encode(),
            "application/json; charset=no-such-thing",
            {"a": "é"},
            True,
            id="unknown-charset",
        ),
        pytest.param(
            b'{"a": "\xff"}', "application/json", {"a": "\N{REPLACEMENT CHARACTER}"}, True, id="not-utf-8"
        ),
        pytest.param(
            b"\xff\xfe<\x00",
            "text/html; charset=utf-16",
            "\N{REPLACEMENT CHARACTER}" * 2 + "<\0",
            False,
            id="utf-16",
        ),
    ],
)
def test_a_body_is_json_or_text(body: bytes, kind: str, data: Any, *, is_json: bool) -> None:
    with responses.RequestsMock() as wire:
        wire.get(f"{BASE}/version", body=body, content_type=kind)
        reply = http().send("GET", "/version")
    assert (reply.status, reply.data, reply.is_json) == (200, data, is_json)


UNREADABLE = [
    pytest.param(b'{"a": ', id="broken"),
    pytest.param(b"", id="empty"),
    pytest.param(b"<html>", id="html"),
    pytest.param(b"[" * 100_000, id="too-deep"),
    pytest.param(b'{"a":' * 100_000, id="object-too-deep"),
]


@pytest.mark.parametrize("status", [200, 201, 299])
@pytest.mark.parametrize("body", UNREADABLE)
def test_unparseable_json_is_an_error_of_that_request(body: bytes, status: int) -> None:
    with responses.RequestsMock() as wire:
        wire.post(f"{BASE}/deploy", body=body, status=status, content_type="application/json")
        error = unavailable_error(http())
    assert (error.reason, flags(error)) == (
        f"HTTP {status} with JSON that could not be parsed",
        expected_flags(arrived=True),
    )


@pytest.mark.parametrize("status", [300, 301, 302, 308, 400, 401, 404, 429, 500, 503])
@pytest.mark.parametrize("body", UNREADABLE)
def test_of_other_responses_only_status_and_headers_count(body: bytes, status: int) -> None:
    with responses.RequestsMock() as wire:
        headers = {"Retry-After": "60", "Location": "https://other.example.com/"}
        wire.post(
            f"{BASE}/deploy", body=body, status=status, content_type="application/json", headers=headers
        )
        reply = http().send("POST", "/deploy")
    assert (reply.status, reply.data, reply.is_json, reply.kind) == (
        status,
        body.decode(),
        False,
        "application/json",
    )
    assert (reply.headers["retry-after"], reply.headers["location"]) == ("60", "https://other.example.com/")


def test_header_names_are_lower_case_and_the_url_is_the_requested_one(
    serve: Callable[..., Server],
) -> None:
    server = serve(response(b'{"a": 1}', "429 Too Many Requests", RETRY_after="6", X_RateLimit_Remaining="0"))
    reply = http(server.url, wall=lambda: 0.0).send("GET", "/version", {"take": "1"})
    expected = {
        "content-type": "application/json",
        "content-length": "8",
        "connection": "close",
        "retry-after": "6",
        "date": EPOCH,
    }
    assert reply == Response(
        429,
        {"a": 1},
        True,  # noqa: FBT003 - the tuple's own order
        {**expected, "x-ratelimit-remaining": "0"},
        f"{server.url}/version?take=1",
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("60", 60, id="seconds"),
        pytest.param(" 6 ", 6, id="spaces"),
        pytest.param("0", 0, id="zero"),
        pytest.param("1.5", 1.5, id="fraction"),
        pytest.param("30.", 30, id="trailing-dot"),
        pytest.param("999999999", 1e6, id="limited"),
        pytest.param("Thu, 20 Aug 2026 10:12:12 GMT", 60, id="date"),
        pytest.param("Thursday, 20-Aug-26 10:12:12 GMT", 60, id="date-in-rfc-850-format"),
        pytest.param("Thu Aug 20 10:12:12 2026", 60, id="date-in-asctime-format"),
        pytest.param("Thu, 20 Aug 2026 12:12:12 +0200", 60, id="date-with-offset"),
        pytest.param("Thu, 20 Aug 2026 10:11:12 GMT", 0, id="now"),
        pytest.param("Thu, 20 Aug 2026 10:11:11 GMT", 0, id="date-in-the-past"),
        pytest.param("Fri, 20 Aug 9999 10:11:12 GMT", 1e6, id="date-far-away"),
        pytest.param("Thu, 99 Aug 2026 10:12:12 GMT", 0, id="invalid-date"),
        pytest.param("Thu, 20 Aug 99999999999999999999 10:12:12 GMT", 0, id="invalid-year"),
        *[
            pytest.param(text, 0, id=repr(text))
            for text in ("", "-5", "soon", "1e9", "9999999999", "inf", "nan", "٣", ".5", "1,5", "5 s")
        ],
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float) -> None:
    """A date is relative to the server's own, so that clocks need not agree."""
    headers = {"retry-after": text, "date": "Thu, 20 Aug 2026 10:11:12 GMT"}
    assert retry_after(Response(429, {}, is_json=True, headers=headers)) == seconds


def test_a_response_without_a_date_is_dated_when_received(serve: Callable[..., Server]) -> None:
    """RFC 9110 section 6.6.1."""
    server = serve(response(b"{}", "503 Away", Retry_After="Thu, 01 Jan 1970 00:01:30 GMT"))
    assert retry_after(http(server.url, wall=lambda: 30.9).send("GET", "/version")) == 60


@given(
    st.text(max_size=60)
    | st.from_regex(
        r"\A[A-Z][a-z]{2}, \d{1,9} [A-Z][a-z]{2} \d{1,9} \d{1,9}:\d{1,3}:\d{1,3} (GMT|[+-]\d{1,9})\Z"
    )
)
@settings(derandomize=True, database=None, deadline=None, max_examples=300)
def test_any_retry_after_is_accepted(text: str) -> None:
    for headers in ({"retry-after": text, "date": EPOCH}, {"retry-after": EPOCH, "date": text}):
        assert 0 <= retry_after(Response(429, {}, is_json=True, headers=headers)) <= 1e6


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("text/HTML; charset=UTF-8", "text/html"),
        (" application/json ", "application/json"),
        ("", ""),
        (None, ""),
    ],
)
def test_the_kind_is_the_content_type_without_its_parameters(header: str | None, kind: str) -> None:
    assert (
        Response(200, "", is_json=False, headers={} if header is None else {"content-type": header}).kind
        == kind
    )


# --- where the token is sent


def test_a_request_sends_the_token_the_user_agent_and_accepts_json(serve: Callable[..., Server]) -> None:
    server = serve(response())
    http(server.url, headers={"CF-Access-Client-Id": "abc", "User-Agent-Hint": "x"}).send(
        "POST", "/deploy", {"uuid": "a b&c"}
    )
    assert server.heads[0].startswith("POST /deploy?uuid=a+b%26c HTTP/1.1\r\n")
    assert headers_of(server.heads[0]) == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": AGENT,
        "accept-encoding": headers_of(server.heads[0])["accept-encoding"],
        "accept": "application/json",
        "connection": "keep-alive",
        "cf-access-client-id": "abc",
        "user-agent-hint": "x",
        "content-length": "0",
        "authorization": f"Bearer {TOKEN}",
    }


@pytest.mark.parametrize(
    "status",
    [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_is_not_followed_and_the_token_is_not_sent_elsewhere(
    serve: Callable[..., Server], status: str, method: str
) -> None:
    other = serve(response())
    server = serve(response(b"", status, Location=f"{other.url}/api/v1/version", Content_Type="text/html"))
    reply = http(server.url).send(method, "/version")
    assert (reply.status, reply.headers["location"]) == (int(status[:3]), f"{other.url}/api/v1/version")
    assert (len(server.heads), other.heads) == (1, [])


REDIRECT = "302 Found"


@pytest.mark.parametrize(
    "location",
    [
        "",
        "https://[::1",
        "http://[x]/",
        "//",
        "https://:99999999/",
        "\x80\xff",
        "http://a b/",
        "https://127.0.0.1:port/",
        "javascript:x",
        "..//..",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_location_of_a_redirect_is_returned_unparsed(
    serve: Callable[..., Server], location: str, method: str
) -> None:
    """`requests` would parse it even if it is not followed, and raise."""
    server = serve(response(b"", REDIRECT, Location=location, Content_Type="text/html"))
    reply = http(server.url).send(method, "/version")
    assert (reply.status, reply.data, len(server.heads)) == (302, "", 1)
    assert reply.headers["location"].encode("latin-1") == location.encode()


def test_a_redirect_without_a_location_is_a_response(serve: Callable[..., Server]) -> None:
    reply = http(serve(response(b"", REDIRECT)).url).send("POST", "/deploy")
    assert (reply.status, reply.data, reply.is_json, "location" in reply.headers) == (302, "", False, False)


def test_a_redirect_with_json_type_and_no_body_is_a_response(serve: Callable[..., Server]) -> None:
    reply = http(serve(response(b"", REDIRECT, Location="https://x.example.com/login")).url).send(
        "POST", "/deploy"
    )
    assert (reply.status, reply.data, reply.is_json, reply.kind) == (302, "", False, "application/json")
    assert reply.headers["location"] == "https://x.example.com/login"


def redirecting(script: Script) -> Script:
    """Return a script that sends the same response as a redirect."""

    class Redirecting:
        def __init__(self, connection: socket.socket) -> None:
            self._connection = connection

        def sendall(self, data: bytes) -> None:
            self._connection.sendall(
                data.replace(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n", 1)
            )

    return lambda connection: script(Redirecting(connection))  # type: ignore[arg-type]


def test_the_huge_body_of_a_redirect_is_not_kept_in_memory(serve: Callable[..., Server]) -> None:
    """`requests` would read all of it into memory, without any limit."""
    server = serve(redirecting(large_response(b"", module.BODY_BYTES + (16 << 20), b"x")))
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            http(server.url).send("GET", "/version")
        assert tracemalloc.get_traced_memory()[1] < 2 * module.BODY_BYTES
    finally:
        tracemalloc.stop()


def test_a_redirect_with_a_large_body_is_returned(serve: Callable[..., Server]) -> None:
    reply = http(serve(redirecting(large_response(b"", 4 << 20, b""))).url).send("GET", "/version")
    assert (reply.status, reply.headers["location"], len(reply.data)) == (302, "/elsewhere", 4 << 20)


def test_an_endless_body_of_a_redirect_is_given_up_after_a_minute(serve: Callable[..., Server]) -> None:
    start_bytes = HEAD.replace(b"200 OK", b"302 Found") + b"Location: /elsewhere\r\nConnection: close\r\n\r\n"
    start = time.monotonic()
    assert (
        unavailable_error(http(serve(trickle(start_bytes, b"x")).url, hundred_times_faster)).reason
        == "the response was not complete after 60 s"
    )
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("direct", [False, True])
def test_netrc_does_not_replace_the_token(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, direct: bool
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(
        "machine 127.0.0.1 login somebody password hunter22\ndefault login somebody password hunter22\n"
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(response())
    http(server.url, no_proxy=direct).send("GET", "/version")
    assert headers_of(server.heads[0])["authorization"] == f"Bearer {TOKEN}"


def test_a_rehearsal_uses_no_proxy(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = serve(response()), serve(response())
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://somebody:hunter22@127.0.0.1:{proxy.port}")
    http(server.url, no_proxy=True).send("GET", "/version")
    assert (len(server.heads), proxy.heads) == (1, [])


def test_otherwise_the_proxy_of_the_environment_is_used(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(response())
    monkeypatch.setenv("http_proxy", f"http://somebody:hunter22@127.0.0.1:{proxy.port}")
    http("http://coolify.example.com/api/v1").send("GET", "/version")
    assert proxy.heads[0].startswith("GET http://coolify.example.com/api/v1/version HTTP/1.1\r\n")
    assert headers_of(proxy.heads[0])["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("ca", ["", CERTIFICATE])
def test_a_proxy_does_not_receive_the_token_of_a_tls_request(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, ca: str
) -> None:
    proxy = serve(response(b"no", "403 Forbidden"))
    monkeypatch.setenv("https_proxy", f"http://somebody:hunter22@127.0.0.1:{proxy.port}")
    error = unavailable_error(http(ca=ca))
    assert (error.reason, flags(error)) == (
        (
            "the proxy in `https_proxy` refuses to connect to coolify.example.com (403 Forbidden). Allow it "
            "there, or add coolify.example.com to `NO_PROXY`"
        ),
        {**expected_flags(arrived=False), "permanent": True},
    )
    assert [head.partition(" HTTP/")[0] for head in proxy.heads] == ["CONNECT coolify.example.com:443"]
    assert TOKEN not in proxy.heads[0]


# --- authentication and forms


@pytest.mark.parametrize(
    ("token", "scheme", "header"),
    [
        pytest.param("abc", "Bearer", "Bearer abc", id="token"),
        pytest.param("Y2Y6", "Basic", "Basic Y2Y6", id="other-scheme"),
        pytest.param(lambda: "fresh", "bearer", "bearer fresh", id="token-function"),
        pytest.param("", "Bearer", None, id="zero"),
        pytest.param(lambda: "", "Bearer", None, id="token-function-empty"),
    ],
)
def test_the_authorization_header_of_a_request(
    wire: responses.RequestsMock, token: str | Callable[[], str], scheme: str, header: str | None
) -> None:
    wire.get(f"{BASE}/version", json={})
    Http(BASE, token=token, scheme=scheme, user_agent=AGENT, monotonic=lambda: 0.0).send("GET", "/version")
    assert wire.calls[0].request.headers.get("Authorization") == header


def test_without_a_token_netrc_is_not_used(
    wire: responses.RequestsMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine coolify.example.com login somebody password hunter22\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    wire.get(f"{BASE}/version", json={})
    Http(BASE, token="", user_agent=AGENT, monotonic=lambda: 0.0).send("GET", "/version")
    assert "Authorization" not in wire.calls[0].request.headers


def test_a_token_function_is_called_for_each_request(wire: responses.RequestsMock) -> None:
    wire.get(f"{BASE}/version", json={})
    tokens = iter(("one", "two"))
    sender = Http(BASE, token=lambda: next(tokens), user_agent=AGENT, monotonic=lambda: 0.0)
    for _ in range(2):
        sender.send("GET", "/version")
    assert [call.request.headers["Authorization"] for call in wire.calls] == ["Bearer one", "Bearer two"]


def test_a_form_is_sent_url_encoded(wire: responses.RequestsMock) -> None:
    wire.post(f"{BASE}/token", json={})
    http().send("POST", "/token", form={"a": "1 & 2", "b": "ü="})
    request = wire.calls[0].request
    assert (request.headers["Content-Type"], request.body) == (
        "application/x-www-form-urlencoded",
        "a=1+%26+2&b=%C3%BC%3D",
    )
