"""Interim responses, and responses that are too slow or too large."""

from __future__ import annotations

import gzip
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest
import responses

from deployer.http import client as module
from deployer.http.client import TooLargeError
from tests.http.servers import (
    BASE,
    CERTIFICATE,
    HEAD,
    Server,
    answer,
    arrived,
    early,
    failure,
    flags,
    http,
    hundredfold,
    large,
    raw,
    trickle,
)

# --- interim responses


@pytest.mark.parametrize(
    "hints",
    [
        pytest.param(b"", id="several"),
        pytest.param(b"HTTP/1.1 103\r\n\r\n", id="without-a-phrase"),
        pytest.param(b"HTTP/1.0 199 Whatever\nA: b\n\n", id="a-later-one"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 50, id="fifty"),
        pytest.param(
            b"HTTP/1.1 104 Upload Resumption Supported\r\n" + b"X: y\r\n" * 90 + b"\r\n",
            id="with-many-headers",
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_interim_responses_are_skipped(serve: Callable[..., Server], hints: bytes, method: str) -> None:
    server = serve(early(answer(b'{"a": 1}', X_RateLimit_Remaining="7"), hints))
    reply = http(server.url).send(method, "/version")
    assert (reply.status, reply.data, reply.headers["x-ratelimit-remaining"]) == (200, {"a": 1}, "7")
    assert ("link" in reply.headers, len(server.heads)) == (False, 1)


def test_an_answer_that_switches_protocols_is_the_answer(serve: Callable[..., Server]) -> None:
    """Nobody has asked for it, and nothing that follows is HTTP."""
    assert (
        http(serve(raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")).url)
        .send("GET", "/version")
        .status
        == 101
    )


# --- too slow, too large


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        pytest.param(b"", b"H", id="the-status"),
        pytest.param(HEAD, b"X", id="one-header"),
        pytest.param(HEAD, b"A: b\r\n", id="headers"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="100-for-ever"),
        pytest.param(b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", id="103-for-ever"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n", b"X", id="the-head-of-an-interim-one"),
    ],
)
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_a_head_that_trickles_is_given_up_in_time(
    serve: Callable[..., Server], tls: ssl.SSLContext, begin: bytes, piece: bytes, *, secure: bool
) -> None:
    """20 s of the clock, of which 100 pass in one: a connection's 5, and the usual 15 for the head."""
    began = time.monotonic()
    server = serve(trickle(begin, piece), tls if secure else None)
    error = failure(http(server.url, hundredfold, ca=CERTIFICATE if secure else ""))
    assert (error.reason, flags(error)) == ("the response timed out", arrived(yes=True))
    assert 0.1 < time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("timeout", "left", "wait"),
    [
        pytest.param(None, 1000, 15, id="as-usual"),
        pytest.param(8, 1000, 8, id="little-patience"),
        pytest.param(120, 1000, 120, id="a-trigger"),
        pytest.param(120, 40, 40, id="a-trigger-ends-with-timeout"),
        pytest.param(120, 7, 7, id="a-trigger-just-before-timeout"),
        pytest.param(120, -3, 1, id="a-trigger-after-timeout"),
        pytest.param(None, 7, 15, id="a-look-just-before-timeout"),
        pytest.param(None, 0, 15, id="the-last-look"),
        pytest.param(None, -5, 10, id="the-last-look-s-second-request"),
        pytest.param(None, -99, 1, id="every-request-gets-a-second"),
        pytest.param(1, -99, 1, id="little-patience-after-timeout"),
    ],
)
def test_no_request_outlasts_timeout(timeout: float | None, left: float, wait: float) -> None:
    """`left`: seconds until `timeout` is over. `wait`: for the head."""
    with responses.RequestsMock() as wire:
        wire.post(f"{BASE}/deploy", json={})
        http(time_left=lambda: left).send("POST", "/deploy", timeout=timeout)
        request: Any = wire.calls[0].request
    assert request.req_kwargs["timeout"] == (min(5, wait), wait)


@pytest.mark.parametrize(("left", "seconds"), [(1000, 60), (5, 20), (0, 15), (-5, 10)])
def test_a_body_that_trickles_ends_with_timeout(
    serve: Callable[..., Server], left: float, seconds: float
) -> None:
    began = hundredfold()
    error = failure(http(serve(trickle(HEAD + b"\r\n", b"x")).url, hundredfold, time_left=lambda: left))
    assert (error.reason, flags(error)) == (
        f"the response was not complete after {seconds} s",
        arrived(yes=True),
    )
    assert hundredfold() - began < seconds + 100


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n", b"0", id="a-chunk-s-size"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n2;", b"x", id="a-chunk-s-extension"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"A: b\r\n", id="trailers"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nA", b"b", id="one-trailer"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", id="chunked"),
        pytest.param(b"Content-Length: 100000\r\n\r\n", b"x", id="by-length"),
        pytest.param(b"Connection: close\r\n\r\n", b"x", id="to-the-end"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\nffff\r\n", b"x", id="within-one-chunk"),
    ],
)
def test_a_trickle_is_given_up_after_a_minute(
    serve: Callable[..., Server], head: bytes, piece: bytes
) -> None:
    began = time.monotonic()
    error = failure(http(serve(trickle(HEAD + head, piece)).url, hundredfold))
    assert (error.reason, flags(error)) == ("the response was not complete after 60 s", arrived(yes=True))
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("chunked", [False, True])
def test_of_a_body_above_the_limit_the_two_ends_are_kept(
    serve: Callable[..., Server], *, chunked: bool
) -> None:
    server = serve(
        large(b'{"finished_at":null,"logs":"', module.BODY_BYTES, b'","status":"finished"}', chunked=chunked)
    )
    with pytest.raises(TooLargeError) as caught:
        http(server.url).send("GET", "/deployments/abc")
    error = caught.value
    assert (error.reason, flags(error)) == (
        "the response is larger than 64 MiB",
        {**arrived(yes=True), "from_server": True},
    )
    assert error.head.startswith('{"finished_at":null,"logs":"xxx')
    assert error.tail.endswith('xxx","status":"finished"}')
    assert max(len(error.head), len(error.tail)) <= 2 * module.KEPT_END_BYTES


def test_a_small_body_that_unpacks_to_a_large_one_is_above_the_limit(serve: Callable[..., Server]) -> None:
    packed = gzip.compress(b'{"logs":"' + bytes(module.BODY_BYTES) + b'"}', compresslevel=1)
    with pytest.raises(TooLargeError):
        http(serve(answer(packed, Content_Encoding="gzip")).url).send("GET", "/x")


def test_a_body_just_below_the_limit_is_read(serve: Callable[..., Server]) -> None:
    before, after = b'{"logs":"', b'"}'
    size = module.BODY_BYTES - (1 << 20)
    reply = http(serve(large(before, size, after)).url).send("GET", "/x")
    assert len(reply.data["logs"]) == size
