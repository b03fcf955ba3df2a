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
    expected_flags,
    flags,
    http,
    hundred_times_faster,
    large_response,
    raw,
    response,
    trickle,
    unavailable_error,
    with_interim_responses,
)

# --- interim responses


@pytest.mark.parametrize(
    "hints",
    [
        pytest.param(b"", id="several"),
        pytest.param(b"HTTP/1.1 103\r\n\r\n", id="without-a-reason-phrase"),
        pytest.param(b"HTTP/1.0 199 Whatever\nA: b\n\n", id="unknown-status"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 50, id="fifty"),
        pytest.param(
            b"HTTP/1.1 104 Upload Resumption Supported\r\n" + b"X: y\r\n" * 90 + b"\r\n",
            id="with-many-headers",
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_interim_responses_are_skipped(serve: Callable[..., Server], hints: bytes, method: str) -> None:
    server = serve(with_interim_responses(response(b'{"a": 1}', X_RateLimit_Remaining="7"), hints))
    reply = http(server.url).send(method, "/version")
    assert (reply.status, reply.data, reply.headers["x-ratelimit-remaining"]) == (200, {"a": 1}, "7")
    assert ("link" in reply.headers, len(server.heads)) == (False, 1)


def test_status_101_is_the_response(serve: Callable[..., Server]) -> None:
    """It was not requested, and nothing that follows is HTTP."""
    assert (
        http(serve(raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")).url)
        .send("GET", "/version")
        .status
        == 101
    )


# --- too slow, too large


@pytest.mark.parametrize(
    ("start_bytes", "piece"),
    [
        pytest.param(b"", b"H", id="status-line"),
        pytest.param(HEAD, b"X", id="one-header"),
        pytest.param(HEAD, b"A: b\r\n", id="headers"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="endless-100"),
        pytest.param(b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", id="endless-103"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n", b"X", id="head-of-an-interim-response"),
    ],
)
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_a_trickling_head_times_out(
    serve: Callable[..., Server], tls: ssl.SSLContext, start_bytes: bytes, piece: bytes, *, secure: bool
) -> None:
    """After 20 s of a clock that runs 100 times faster: 5 s to connect and 15 s for the head."""
    start = time.monotonic()
    server = serve(trickle(start_bytes, piece), tls if secure else None)
    error = unavailable_error(http(server.url, hundred_times_faster, ca=CERTIFICATE if secure else ""))
    assert (error.reason, flags(error)) == ("the response timed out", expected_flags(arrived=True))
    assert 0.1 < time.monotonic() - start < 1.5


@pytest.mark.parametrize(
    ("timeout", "time_left", "read_timeout"),
    [
        pytest.param(None, 1000, 15, id="default"),
        pytest.param(8, 1000, 8, id="short-timeout"),
        pytest.param(120, 1000, 120, id="trigger"),
        pytest.param(120, 40, 40, id="trigger-ends-with-timeout"),
        pytest.param(120, 7, 7, id="trigger-just-before-timeout"),
        pytest.param(120, -3, 1, id="trigger-after-timeout"),
        pytest.param(None, 7, 15, id="poll-just-before-timeout"),
        pytest.param(None, 0, 15, id="last-poll"),
        pytest.param(None, -5, 10, id="second-request-of-the-last-poll"),
        pytest.param(None, -99, 1, id="at-least-a-second"),
        pytest.param(1, -99, 1, id="short-timeout-after-timeout"),
    ],
)
def test_no_request_takes_longer_than_timeout(
    timeout: float | None, time_left: float, read_timeout: float
) -> None:
    """`time_left`: seconds until the run's `timeout` is over."""
    with responses.RequestsMock() as wire:
        wire.post(f"{BASE}/deploy", json={})
        http(time_left=lambda: time_left).send("POST", "/deploy", timeout=timeout)
        request: Any = wire.calls[0].request
    assert request.req_kwargs["timeout"] == (min(5, read_timeout), read_timeout)


@pytest.mark.parametrize(("time_left", "seconds"), [(1000, 60), (5, 20), (0, 15), (-5, 10)])
def test_a_trickling_body_ends_with_timeout(
    serve: Callable[..., Server], time_left: float, seconds: float
) -> None:
    start = hundred_times_faster()
    error = unavailable_error(
        http(serve(trickle(HEAD + b"\r\n", b"x")).url, hundred_times_faster, time_left=lambda: time_left)
    )
    assert (error.reason, flags(error)) == (
        f"the response was not complete after {seconds} s",
        expected_flags(arrived=True),
    )
    assert hundred_times_faster() - start < seconds + 100


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n", b"0", id="chunk-size"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n2;", b"x", id="chunk-extension"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"A: b\r\n", id="trailers"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nA", b"b", id="one-trailer"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", id="chunked"),
        pytest.param(b"Content-Length: 100000\r\n\r\n", b"x", id="by-length"),
        pytest.param(b"Connection: close\r\n\r\n", b"x", id="until-close"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\nffff\r\n", b"x", id="within-one-chunk"),
    ],
)
def test_a_trickling_body_is_given_up_after_a_minute(
    serve: Callable[..., Server], head: bytes, piece: bytes
) -> None:
    start = time.monotonic()
    error = unavailable_error(http(serve(trickle(HEAD + head, piece)).url, hundred_times_faster))
    assert (error.reason, flags(error)) == (
        "the response was not complete after 60 s",
        expected_flags(arrived=True),
    )
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("chunked", [False, True])
def test_both_ends_of_a_body_above_the_limit_are_kept(serve: Callable[..., Server], *, chunked: bool) -> None:
    server = serve(
        large_response(
            b'{"finished_at":null,"logs":"', module.BODY_BYTES, b'","status":"finished"}', chunked=chunked
        )
    )
    with pytest.raises(TooLargeError) as caught:
        http(server.url).send("GET", "/deployments/abc")
    error = caught.value
    assert (error.reason, flags(error)) == (
        "the response is larger than 64 MiB",
        {**expected_flags(arrived=True), "from_server": True},
    )
    assert error.head.startswith('{"finished_at":null,"logs":"xxx')
    assert error.tail.endswith('xxx","status":"finished"}')
    assert max(len(error.head), len(error.tail)) <= 2 * module.KEPT_END_BYTES


def test_the_limit_applies_to_the_decompressed_body(serve: Callable[..., Server]) -> None:
    packed = gzip.compress(b'{"logs":"' + bytes(module.BODY_BYTES) + b'"}', compresslevel=1)
    with pytest.raises(TooLargeError):
        http(serve(response(packed, Content_Encoding="gzip")).url).send("GET", "/x")


def test_a_body_just_below_the_limit_is_read(serve: Callable[..., Server]) -> None:
    before, after = b'{"logs":"', b'"}'
    size = module.BODY_BYTES - (1 << 20)
    reply = http(serve(large_response(before, size, after)).url).send("GET", "/x")
    assert len(reply.data["logs"]) == size
