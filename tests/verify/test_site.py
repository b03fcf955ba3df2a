"""One request to the site."""

from __future__ import annotations

import gzip
import itertools
import socket
import ssl
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from deployer import watch
from deployer.model import Handle, Phase, Snapshot, Stage
from deployer.verify import Site
from deployer.verify.site import BODY_BYTES, REQUEST_SECONDS
from tests.http.servers import (
    CERTIFICATE,
    Script,
    Server,
    free_port,
    hang,
    headers_of,
    raw,
    reset,
    response,
    trickle,
    with_interim_responses,
)
from tests.verify.sites import (
    AGENT,
    ON_LOOPBACK,
    PUBLIC,
    REDIRECT_HINT,
    URL,
    dns,
    expectation_for,
    no_response,
    ok_snapshot,
    one_after_another,
    poll_site,
)

# --- one poll


def not_followed(url: str) -> Snapshot:
    return replace(ok_snapshot(302), raw_status=f"HTTP 302, a redirect to {url} that is not followed")


def test_an_ok_response_counts_and_the_request_has_no_credentials(serve: Callable[..., Server]) -> None:
    server = serve(response(b"this is v1.2"))
    assert poll_site(expectation_for(f"{server.url}/health?a=b", "v1.2")) == ok_snapshot()
    assert [head.partition("\r\n")[0] for head in server.heads] == ["GET /health?a=b HTTP/1.1"]
    assert headers_of(server.heads[0]) == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": AGENT,
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
    }


def test_interim_responses_are_skipped(serve: Callable[..., Server]) -> None:
    """Otherwise a healthy release would be rolled back (notatallshaw/nab#1130)."""
    assert (
        poll_site(expectation_for(serve(with_interim_responses(response(b"v1.2"))).url, "v1.2"))
        == ok_snapshot()
    )


def test_an_error_response_is_not_final_and_has_a_reason(serve: Callable[..., Server]) -> None:
    server = serve(response(b"<h1>no available server</h1>", "503 Service Unavailable"))
    reason = f"{server.url}/ responded with HTTP 503: no available server"
    assert poll_site(expectation_for(server.url)) == Snapshot(
        Phase.RUNNING, "HTTP 503", shows_failure=True, reason=reason
    )


def test_two_consecutive_ok_responses_are_final_and_one_is_not_even_at_the_deadline() -> None:
    fresh = watch.Watch(Handle("web", ""), 0, 180, Stage.HEALTH)
    once, _ = watch.observe(fresh, ok_snapshot(), 10)
    twice, _ = watch.observe(once, ok_snapshot(), 11)
    late, _ = watch.observe(fresh, ok_snapshot(), 180)
    between, _ = watch.observe(once, Snapshot(Phase.RUNNING, "HTTP 502", reason="a reason"), 11)
    again, _ = watch.observe(between, ok_snapshot(), 12)
    ends = [each.result and each.result.end for each in (once, twice, late, between, again)]
    assert ends == [None, watch.End.SUCCEEDED, watch.End.TIMED_OUT, None, None]


def test_the_last_error_response_is_the_reason_of_a_timeout() -> None:
    fresh = watch.Watch(Handle("web", ""), 0, 180, Stage.HEALTH)
    late, _ = watch.observe(fresh, Snapshot(Phase.RUNNING, "HTTP 502", reason="a reason"), 180)
    assert late.result == watch.WatchResult(watch.End.TIMED_OUT, "a reason")


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        pytest.param(requests.ConnectTimeout(), "could not connect within 5 s", id="connect-timeout"),
        pytest.param(requests.ReadTimeout(), "the response timed out", id="read-timeout"),
        pytest.param(requests.RequestException("whatever"), "connection lost: whatever", id="other-error"),
        pytest.param(
            requests.exceptions.SSLError(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version")),
            "the port does not use TLS. If it uses plain http, write http://app.example.com",
            id="tls",
        ),
    ],
)
def test_no_response_has_a_reason(raised: Exception, reason: str) -> None:
    with responses.RequestsMock() as wire:
        wire.get(URL, body=raised)
        assert poll_site(expectation_for(), resolve=dns(app=[PUBLIC])) == no_response(f"{URL}: {reason}")


def test_an_unknown_host_has_a_reason() -> None:
    reason = f"{URL}: could not resolve host app.example.com: Name or service not known"
    assert poll_site(expectation_for(), resolve=dns()) == no_response(reason)


def test_a_refused_connection_has_a_reason() -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    snapshot = poll_site(expectation_for(url))
    assert (snapshot.phase, snapshot.reason.startswith(f"{url}: could not connect: ")) == (
        Phase.RUNNING,
        True,
    )


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(reset, "connection lost: Connection reset by peer", id="reset"),
        pytest.param(
            raw(b""),
            "connection lost: Remote end closed connection without response",
            id="closed",
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),
            "HTTP 200, but the connection broke in the middle of the response",
            id="cut",
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
            "HTTP 200, but the connection broke in the middle of the response",
            id="invalid-gzip",
        ),
    ],
)
def test_a_broken_response_is_no_response(serve: Callable[..., Server], script: Script, reason: str) -> None:
    server = serve(script)
    assert poll_site(expectation_for(server.url)) == no_response(f"{server.url}: {reason}")


# --- content


@pytest.mark.parametrize(
    ("body", "kind", "contains", "found"),
    [
        pytest.param("für".encode(), "text/plain", "für", True, id="utf-8-by-default"),
        pytest.param("für".encode("latin-1"), "text/plain; charset=ISO-8859-1", "für", True, id="charset"),
        pytest.param(
            "für".encode("latin-1"), 'text/plain; x=y; Charset="latin1"', "für", True, id="quoted-charset"
        ),
        pytest.param("für".encode("utf-16"), "text/plain;charset=utf-16", "für", True, id="utf-16"),
        pytest.param(
            "für".encode("latin-1"), "text/plain", "f\N{REPLACEMENT CHARACTER}r", True, id="invalid-utf-8"
        ),
        pytest.param("für".encode(), "text/plain; charset=no-such", "für", True, id="unknown-charset"),
        pytest.param(
            "für".encode(),
            "text/plain; charset=utf-no-such",
            "für",
            True,
            id="unknown-utf-charset",
        ),
        pytest.param(
            b"\\u0041", "text/plain; charset=unicode_escape", "A", False, id="codec-that-is-not-a-charset"
        ),
        pytest.param(b"V1.2", "text/plain", "v1.2", False, id="other-case"),
        pytest.param(gzip.compress(b"v1.2"), "text/plain", "v1.2", False, id="compressed-but-not-declared"),
    ],
)
def test_the_text_is_decoded_before_it_is_searched(
    serve: Callable[..., Server], body: bytes, kind: str, contains: str, *, found: bool
) -> None:
    snapshot = poll_site(expectation_for(serve(response(body, Content_Type=kind)).url, contains))
    assert (snapshot.phase is Phase.SUCCEEDED, snapshot.raw_status) == (found, "HTTP 200")


def test_an_unrequested_compression_is_decompressed(serve: Callable[..., Server]) -> None:
    server = serve(response(gzip.compress(b"this is v1.2"), Content_Encoding="gzip"))
    assert poll_site(expectation_for(server.url, "v1.2")) == ok_snapshot()


@pytest.mark.parametrize(("before", "found"), [(BODY_BYTES - 4, True), (BODY_BYTES - 3, False)])
def test_only_the_first_mebibyte_is_searched(
    serve: Callable[..., Server], before: int, *, found: bool
) -> None:
    server = serve(response(b"x" * before + b"v1.2" + b"x" * BODY_BYTES))
    snapshot = poll_site(expectation_for(server.url, "v1.2"))
    assert snapshot.phase is (Phase.SUCCEEDED if found else Phase.RUNNING)
    assert (" without 'v1.2' in its first MiB: xxx" in snapshot.reason) is not found


def test_decompression_is_limited_to_the_first_mebibyte(serve: Callable[..., Server]) -> None:
    server = serve(response(gzip.compress(bytes(64 << 20), compresslevel=1), Content_Encoding="gzip"))
    tracemalloc.start()
    try:
        assert poll_site(expectation_for(server.url)) == ok_snapshot()
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


# --- time limits


def clock_with(time_left: float) -> Callable[[], float]:
    """Return a clock that leaves a poll so many seconds once it has started."""
    start = time.monotonic()
    readings = itertools.count()
    return lambda: 0.0 if next(readings) == 0 else REQUEST_SECONDS - time_left + time.monotonic() - start


def half(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx")
    connection.recv(1)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


NOT_COMPLETE = "HTTP 200, but the response was not complete after 15 s"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(hang, "the response timed out", id="silent"),
        pytest.param(half, NOT_COMPLETE, id="hangs"),
        pytest.param(trickle(b"", b"H"), "the response timed out", id="trickling-status-line"),
        pytest.param(
            trickle(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), "the response timed out", id="trickling-headers"
        ),
        pytest.param(
            trickle(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), NOT_COMPLETE, id="trickling-body-until-close"
        ),
        pytest.param(
            trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"x"),
            NOT_COMPLETE,
            id="trickling-body-with-length",
        ),
        pytest.param(trickle(CHUNKED, b"1\r\nx\r\n"), NOT_COMPLETE, id="trickling-chunks"),
        pytest.param(trickle(CHUNKED, b"0"), NOT_COMPLETE, id="trickling-chunk-size"),
        pytest.param(trickle(CHUNKED + b"0\r\n", b"A: b\r\n"), NOT_COMPLETE, id="trickling-trailers"),
        pytest.param(
            trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "the response timed out", id="endless-100"
        ),
        pytest.param(
            trickle(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), "the response timed out", id="endless-103"
        ),
    ],
)
def test_a_poll_times_out(serve: Callable[..., Server], script: Script, reason: str) -> None:
    server = serve(script)
    start = time.monotonic()
    assert poll_site(expectation_for(server.url), clock_with(0.4)) == no_response(f"{server.url}: {reason}")
    assert time.monotonic() - start < 2


def test_a_poll_with_tls_times_out(serve: Callable[..., Server], tls: ssl.SSLContext) -> None:
    server = serve(trickle(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), tls)
    assert poll_site(expectation_for(server.url), clock_with(1), ca=CERTIFICATE) == no_response(
        f"{server.url}: the response timed out"
    )


def test_redirects_share_the_timeout(serve: Callable[..., Server]) -> None:
    def slowly(connection: socket.socket) -> None:
        time.sleep(0.25)
        response(b"", "302 Found", Location="/")(connection)

    server = serve(slowly)
    snapshot = poll_site(expectation_for(server.url), clock_with(0.4))
    assert snapshot == no_response(f"{server.url}: the response timed out")
    assert len(server.heads) == 2


@pytest.mark.parametrize(("time_left", "connect", "read"), [(15, 5, 15), (3, 3, 3)])
def test_the_connect_timeout_is_five_seconds_or_the_time_left(
    time_left: float, connect: float, read: float
) -> None:
    readings = itertools.count()
    with responses.RequestsMock() as wire:
        wire.get(URL)
        poll_site(
            expectation_for(),
            lambda: 0.0 if next(readings) == 0 else REQUEST_SECONDS - time_left,
            resolve=dns(app=[PUBLIC]),
        )
        request: Any = wire.calls[0].request
    assert request.req_kwargs["timeout"] == (connect, read)


# --- redirects


def redirect(location: str, status: str = "302 Found") -> Script:
    return response(b"", status, Location=location, Set_Cookie="session=hunter22; Path=/")


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
)
def test_a_redirect_on_the_same_host_is_followed_without_cookies(
    serve: Callable[..., Server], status: str
) -> None:
    server = serve(one_after_another(redirect("/login", status), response(b"v1.2")))
    assert poll_site(expectation_for(server.url, "v1.2")) == ok_snapshot()
    assert [head.partition(" HTTP/")[0] for head in server.heads] == ["GET /", "GET /login"]
    assert "cookie" not in headers_of(server.heads[1])


def test_a_redirect_to_www_is_resolved_and_followed(serve: Callable[..., Server]) -> None:
    second = serve(response(b"v1.2"))
    first = serve(redirect(f"http://www.app.example.com:{second.port}/"))
    assert (
        poll_site(expectation_for(f"http://app.example.com:{first.port}/", "v1.2"), resolve=ON_LOOPBACK)
        == ok_snapshot()
    )
    assert [headers_of(head)["host"] for head in (*first.heads, *second.heads)] == [
        f"app.example.com:{first.port}",
        f"www.app.example.com:{second.port}",
    ]


def test_five_redirects_are_followed_and_a_sixth_is_an_error(serve: Callable[..., Server]) -> None:
    server = serve(one_after_another(*[redirect("/again")] * 5, response(b"v1.2")))
    assert poll_site(expectation_for(server.url, "v1.2")) == ok_snapshot()
    loop = serve(redirect("/again"))
    assert poll_site(expectation_for(loop.url)) == no_response(
        f"{loop.url}: more than 5 redirects, the last one to {loop.url}/again"
    )
    assert (len(server.heads), len(loop.heads)) == (6, 6)


@pytest.mark.parametrize(
    "status",
    ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent"],
)
def test_a_redirect_to_another_host_only_counts_if_expected(
    serve: Callable[..., Server], status: str
) -> None:
    other = serve(response())
    location = f"http://127.0.0.2:{other.port}/"
    server = serve(redirect(location, status))
    shown = f"HTTP {status[:3]}, a redirect to {location} that is not followed"
    reason = f"{server.url}/ responded with {shown}: {REDIRECT_HINT.replace('302', status[:3])}"
    assert poll_site(expectation_for(server.url)) == Snapshot(Phase.RUNNING, shown, reason=reason)
    assert poll_site(expectation_for(server.url, statuses="300-399")) == replace(
        ok_snapshot(), raw_status=shown
    )
    assert other.heads == []


def test_a_redirect_from_https_to_http_is_not_followed(
    serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    other = serve(response())
    server = serve(redirect(f"{other.url}/"), tls)
    assert poll_site(expectation_for(server.url), ca=CERTIFICATE) == not_followed(f"{other.url}/")
    assert other.heads == []


def test_a_poll_redacts_secrets(serve: Callable[..., Server]) -> None:
    loop = serve(redirect("/hunter2hunter2"))
    other = serve(redirect("http://127.0.0.2/hunter2hunter2"))
    for server in (loop, other, serve(response(b"key=hunter2hunter2", "500 No"))):
        reported = poll_site(
            expectation_for(server.url, "x"), redact=lambda text: text.replace("hunter2hunter2", "***")
        )
        assert ("***" in reported.reason, "hunter" in reported.reason + reported.raw_status) == (True, False)


def test_a_redirect_without_a_location_and_a_location_without_a_redirect_count(
    serve: Callable[..., Server],
) -> None:
    assert poll_site(expectation_for(serve(response(b"", "302 Found")).url)) == ok_snapshot(302)
    assert poll_site(
        expectation_for(serve(response(b"", "201 Created", Location="/new")).url)
    ) == ok_snapshot(201)


# --- credentials


def test_netrc_is_not_used(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(
        "machine 127.0.0.1 login somebody password hunter22\ndefault login somebody password hunter22\n"
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(response())
    assert poll_site(expectation_for(server.url)) == ok_snapshot()
    assert "authorization" not in headers_of(server.heads[0])


def test_polls_share_no_state(serve: Callable[..., Server]) -> None:
    server = serve(response(Set_Cookie="session=hunter22; Path=/"))
    site = Site(agent=AGENT, now=time.monotonic)
    assert [site.poll(expectation_for(server.url)) for _ in range(2)] == [ok_snapshot()] * 2
    heads = [headers_of(head) for head in server.heads]
    assert (heads[0], "cookie" in heads[1]) == (heads[1], False)
