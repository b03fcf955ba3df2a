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
    answer,
    early,
    free_port,
    hang,
    raw,
    reset,
    sent,
    trickle,
)
from tests.verify.sites import (
    AGENT,
    HERE,
    NOTHING,
    PUBLIC,
    URL,
    expected,
    good,
    in_turn,
    in_vain,
    look,
    names,
)

# --- one look


def sent_on(url: str) -> Snapshot:
    return replace(good(302), raw_status=f"HTTP 302, a redirect to {url} that is not followed")


def test_a_good_answer_is_good_and_carries_nothing_of_ours(serve: Callable[..., Server]) -> None:
    server = serve(answer(b"this is v1.2"))
    assert look(expected(f"{server.url}/health?a=b", "v1.2")) == good()
    assert [head.partition("\r\n")[0] for head in server.heads] == ["GET /health?a=b HTTP/1.1"]
    assert sent(server.heads[0]) == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": AGENT,
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
    }


def test_interim_responses_are_skipped(serve: Callable[..., Server]) -> None:
    """One would be taken for the answer, and a healthy release be put back (notatallshaw/nab#1130)."""
    assert look(expected(serve(early(answer(b"v1.2"))).url, "v1.2")) == good()


def test_a_bad_answer_is_no_verdict_and_says_why(serve: Callable[..., Server]) -> None:
    server = serve(answer(b"<h1>no available server</h1>", "503 Service Unavailable"))
    reason = f"{server.url}/ responded with HTTP 503: no available server"
    assert look(expected(server.url)) == Snapshot(
        Phase.RUNNING, "HTTP 503", shows_failure=True, reason=reason
    )


def test_the_second_good_look_in_a_row_is_believed_and_the_first_never_even_at_the_deadline() -> None:
    fresh = watch.Watch(Handle("web", ""), 0, 180, Stage.HEALTH)
    once, _ = watch.observe(fresh, good(), 10)
    twice, _ = watch.observe(once, good(), 11)
    late, _ = watch.observe(fresh, good(), 180)
    between, _ = watch.observe(once, Snapshot(Phase.RUNNING, "HTTP 502", reason="why"), 11)
    again, _ = watch.observe(between, good(), 12)
    ends = [each.result and each.result.end for each in (once, twice, late, between, again)]
    assert ends == [None, watch.End.SUCCEEDED, watch.End.TIMED_OUT, None, None]


def test_what_was_bad_to_the_last_is_the_reason_in_the_end() -> None:
    fresh = watch.Watch(Handle("web", ""), 0, 180, Stage.HEALTH)
    late, _ = watch.observe(fresh, Snapshot(Phase.RUNNING, "HTTP 502", reason="why"), 180)
    assert late.result == watch.WatchResult(watch.End.TIMED_OUT, "why")


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        pytest.param(requests.ConnectTimeout(), "could not connect within 5 s", id="no-connection-in-time"),
        pytest.param(requests.ReadTimeout(), "the response timed out", id="no-answer-in-time"),
        pytest.param(requests.RequestException("whatever"), "connection lost: whatever", id="whatever-else"),
        pytest.param(
            requests.exceptions.SSLError(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version")),
            "the port does not use TLS. If it uses plain http, write http://app.example.com",
            id="tls",
        ),
    ],
)
def test_no_answer_is_told_in_words(raised: Exception, reason: str) -> None:
    with responses.RequestsMock() as wire:
        wire.get(URL, body=raised)
        assert look(expected(), resolve=names(app=[PUBLIC])) == in_vain(f"{URL}: {reason}")


def test_an_unknown_name_is_told_in_words() -> None:
    reason = f"{URL}: could not resolve host app.example.com: Name or service not known"
    assert look(expected(), resolve=names()) == in_vain(reason)


def test_nobody_there_is_told_in_words() -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    snapshot = look(expected(url))
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
            id="closed-without-a-word",
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),
            "HTTP 200, but the connection broke in the middle of the response",
            id="cut",
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
            "HTTP 200, but the connection broke in the middle of the response",
            id="no-gzip",
        ),
    ],
)
def test_an_answer_that_breaks_off_is_none(serve: Callable[..., Server], script: Script, reason: str) -> None:
    server = serve(script)
    assert look(expected(server.url)) == in_vain(f"{server.url}: {reason}")


# --- what is in it


@pytest.mark.parametrize(
    ("body", "kind", "contains", "holds"),
    [
        pytest.param("für".encode(), "text/plain", "für", True, id="utf-8-unasked"),
        pytest.param(
            "für".encode("latin-1"), "text/plain; charset=ISO-8859-1", "für", True, id="its-charset"
        ),
        pytest.param(
            "für".encode("latin-1"), 'text/plain; x=y; Charset="latin1"', "für", True, id="in-quotes"
        ),
        pytest.param("für".encode("utf-16"), "text/plain;charset=utf-16", "für", True, id="wide"),
        pytest.param(
            "für".encode("latin-1"), "text/plain", "f\N{REPLACEMENT CHARACTER}r", True, id="replaced"
        ),
        pytest.param("für".encode(), "text/plain; charset=no-such", "für", True, id="an-unknown-charset"),
        pytest.param(
            "für".encode(),
            "text/plain; charset=utf-no-such",
            "für",
            True,
            id="an-unknown-charset-of-a-known-kind",
        ),
        pytest.param(
            b"\\u0041", "text/plain; charset=unicode_escape", "A", False, id="a-charset-that-is-a-program"
        ),
        pytest.param(b"V1.2", "text/plain", "v1.2", False, id="another-case"),
        pytest.param(gzip.compress(b"v1.2"), "text/plain", "v1.2", False, id="packed-and-not-said"),
    ],
)
def test_the_text_is_searched_as_it_was_meant(
    serve: Callable[..., Server], body: bytes, kind: str, contains: str, *, holds: bool
) -> None:
    snapshot = look(expected(serve(answer(body, Content_Type=kind)).url, contains))
    assert (snapshot.phase is Phase.SUCCEEDED, snapshot.raw_status) == (holds, "HTTP 200")


def test_what_comes_packed_unasked_is_unpacked(serve: Callable[..., Server]) -> None:
    server = serve(answer(gzip.compress(b"this is v1.2"), Content_Encoding="gzip"))
    assert look(expected(server.url, "v1.2")) == good()


@pytest.mark.parametrize(("before", "holds"), [(BODY_BYTES - 4, True), (BODY_BYTES - 3, False)])
def test_a_large_answer_is_searched_to_its_first_mebibyte(
    serve: Callable[..., Server], before: int, *, holds: bool
) -> None:
    server = serve(answer(b"x" * before + b"v1.2" + b"x" * BODY_BYTES))
    snapshot = look(expected(server.url, "v1.2"))
    assert snapshot.phase is (Phase.SUCCEEDED if holds else Phase.RUNNING)
    assert (" without 'v1.2' in its first MiB: xxx" in snapshot.reason) is not holds


def test_a_packed_answer_is_read_no_further_either(serve: Callable[..., Server]) -> None:
    server = serve(answer(gzip.compress(bytes(64 << 20), compresslevel=1), Content_Encoding="gzip"))
    tracemalloc.start()
    try:
        assert look(expected(server.url)) == good()
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


# --- how long it takes


def jumping(left: float) -> Callable[[], float]:
    """A clock on which a look has so many seconds left as soon as it has begun."""
    began = time.monotonic()
    readings = itertools.count()
    return lambda: 0.0 if next(readings) == 0 else REQUEST_SECONDS - left + time.monotonic() - began


def half(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx")
    connection.recv(1)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


ENDLESS = "HTTP 200, but the response was not complete after 15 s"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(hang, "the response timed out", id="silent"),
        pytest.param(half, ENDLESS, id="stuck"),
        pytest.param(trickle(b"", b"H"), "the response timed out", id="a-trickle-of-a-status"),
        pytest.param(
            trickle(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), "the response timed out", id="a-trickle-of-headers"
        ),
        pytest.param(trickle(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), ENDLESS, id="a-trickle-to-the-end"),
        pytest.param(
            trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"x"),
            ENDLESS,
            id="a-trickle-by-length",
        ),
        pytest.param(trickle(CHUNKED, b"1\r\nx\r\n"), ENDLESS, id="a-trickle-of-chunks"),
        pytest.param(trickle(CHUNKED, b"0"), ENDLESS, id="a-trickle-of-a-chunk-s-size"),
        pytest.param(trickle(CHUNKED + b"0\r\n", b"A: b\r\n"), ENDLESS, id="a-trickle-of-trailers"),
        pytest.param(
            trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "the response timed out", id="100-for-ever"
        ),
        pytest.param(
            trickle(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), "the response timed out", id="103-for-ever"
        ),
    ],
)
def test_a_look_ends_in_time(serve: Callable[..., Server], script: Script, reason: str) -> None:
    server = serve(script)
    began = time.monotonic()
    assert look(expected(server.url), jumping(0.4)) == in_vain(f"{server.url}: {reason}")
    assert time.monotonic() - began < 2


def test_a_look_ends_in_time_with_tls_too(serve: Callable[..., Server], tls: ssl.SSLContext) -> None:
    server = serve(trickle(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), tls)
    assert look(expected(server.url), jumping(1), ca=CERTIFICATE) == in_vain(
        f"{server.url}: the response timed out"
    )


def test_redirects_share_the_time(serve: Callable[..., Server]) -> None:
    def slowly(connection: socket.socket) -> None:
        time.sleep(0.25)
        answer(b"", "302 Found", Location="/")(connection)

    server = serve(slowly)
    snapshot = look(expected(server.url), jumping(0.4))
    assert snapshot == in_vain(f"{server.url}: the response timed out")
    assert len(server.heads) == 2


@pytest.mark.parametrize(("left", "connect", "read"), [(15, 5, 15), (3, 3, 3)])
def test_a_connection_is_waited_for_five_seconds_and_no_longer_than_there_is_time(
    left: float, connect: float, read: float
) -> None:
    readings = itertools.count()
    with responses.RequestsMock() as wire:
        wire.get(URL)
        look(
            expected(),
            lambda: 0.0 if next(readings) == 0 else REQUEST_SECONDS - left,
            resolve=names(app=[PUBLIC]),
        )
        request: Any = wire.calls[0].request
    assert request.req_kwargs["timeout"] == (connect, read)


# --- redirects


def found(location: str, status: str = "302 Found") -> Script:
    return answer(b"", status, Location=location, Set_Cookie="session=hunter22; Path=/")


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
)
def test_a_redirect_on_the_same_host_is_followed_and_no_cookie_comes_along(
    serve: Callable[..., Server], status: str
) -> None:
    server = serve(in_turn(found("/login", status), answer(b"v1.2")))
    assert look(expected(server.url, "v1.2")) == good()
    assert [head.partition(" HTTP/")[0] for head in server.heads] == ["GET /", "GET /login"]
    assert "cookie" not in sent(server.heads[1])


def test_a_redirect_to_www_is_followed_where_that_name_leads(serve: Callable[..., Server]) -> None:
    second = serve(answer(b"v1.2"))
    first = serve(found(f"http://www.app.example.com:{second.port}/"))
    assert look(expected(f"http://app.example.com:{first.port}/", "v1.2"), resolve=HERE) == good()
    assert [sent(head)["host"] for head in (*first.heads, *second.heads)] == [
        f"app.example.com:{first.port}",
        f"www.app.example.com:{second.port}",
    ]


def test_five_redirects_are_followed_and_a_sixth_is_trouble(serve: Callable[..., Server]) -> None:
    server = serve(in_turn(*[found("/again")] * 5, answer(b"v1.2")))
    assert look(expected(server.url, "v1.2")) == good()
    circle = serve(found("/again"))
    assert look(expected(circle.url)) == in_vain(
        f"{circle.url}: more than 5 redirects, the last one to {circle.url}/again"
    )
    assert (len(server.heads), len(circle.heads)) == (6, 6)


@pytest.mark.parametrize(
    "status",
    ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent"],
)
def test_a_redirect_to_another_host_is_no_proof_unless_it_was_named(
    serve: Callable[..., Server], status: str
) -> None:
    elsewhere = serve(answer())
    onward = f"http://127.0.0.2:{elsewhere.port}/"
    server = serve(found(onward, status))
    shown = f"HTTP {status[:3]}, a redirect to {onward} that is not followed"
    reason = f"{server.url}/ responded with {shown}: {NOTHING.replace('302', status[:3])}"
    assert look(expected(server.url)) == Snapshot(Phase.RUNNING, shown, reason=reason)
    assert look(expected(server.url, statuses="300-399")) == replace(good(), raw_status=shown)
    assert elsewhere.heads == []


def test_a_redirect_from_https_to_http_is_the_answer(
    serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    elsewhere = serve(answer())
    server = serve(found(f"{elsewhere.url}/"), tls)
    assert look(expected(server.url), ca=CERTIFICATE) == sent_on(f"{elsewhere.url}/")
    assert elsewhere.heads == []


def test_a_look_tells_nothing_that_must_not_be_told(serve: Callable[..., Server]) -> None:
    circle = serve(found("/hunter2hunter2"))
    elsewhere = serve(found("http://127.0.0.2/hunter2hunter2"))
    for server in (circle, elsewhere, serve(answer(b"key=hunter2hunter2", "500 No"))):
        told = look(expected(server.url, "x"), redact=lambda text: text.replace("hunter2hunter2", "***"))
        assert ("***" in told.reason, "hunter" in told.reason + told.raw_status) == (True, False)


def test_a_redirect_without_an_address_and_an_address_without_a_redirect_are_answers(
    serve: Callable[..., Server],
) -> None:
    assert look(expected(serve(answer(b"", "302 Found")).url)) == good(302)
    assert look(expected(serve(answer(b"", "201 Created", Location="/new")).url)) == good(201)


# --- no login of anybody


def test_the_login_of_a_netrc_is_not_sent(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(
        "machine 127.0.0.1 login somebody password hunter22\ndefault login somebody password hunter22\n"
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(answer())
    assert look(expected(server.url)) == good()
    assert "authorization" not in sent(server.heads[0])


def test_looks_share_nothing(serve: Callable[..., Server]) -> None:
    server = serve(answer(Set_Cookie="session=hunter22; Path=/"))
    site = Site(agent=AGENT, now=time.monotonic)
    assert [site.poll(expected(server.url)) for _ in range(2)] == [good()] * 2
    heads = [sent(head) for head in server.heads]
    assert (heads[0], "cookie" in heads[1]) == (heads[1], False)
