"""Servers that are unreachable, or that close the connection."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from http.client import RemoteDisconnected
from typing import Any

import pytest
import requests
import responses
import urllib3

from tests.http.servers import (
    BASE,
    HEAD,
    Script,
    Server,
    arrived,
    failure,
    flags,
    free_port,
    hang,
    http,
    raw,
    reset,
)

# --- nobody there


def test_a_refused_connection_never_arrived() -> None:
    error = failure(http(f"http://127.0.0.1:{free_port()}"))
    assert (error.reason.startswith("could not connect: "), error.reason.endswith("Connection refused")) == (
        True,
        True,
    )
    assert flags(error) == arrived(yes=False)


POOL = urllib3.HTTPSConnectionPool("coolify.example.com", 443)


CONNECTION = urllib3.connection.HTTPSConnection("coolify.example.com", 443)


def wrapped(cause: Exception) -> urllib3.exceptions.MaxRetryError:
    """As urllib3 hands it to requests."""
    return urllib3.exceptions.MaxRetryError(POOL, "/api/v1/deploy?uuid=abc", cause)


def through_proxy(cause: Exception) -> requests.exceptions.ProxyError:
    """What urllib3 calls every connection that breaks, once a proxy is used."""
    return requests.exceptions.ProxyError(
        wrapped(urllib3.exceptions.ProxyError("Unable to connect to proxy", cause))
    )


@pytest.mark.parametrize(
    ("raised", "reason", "sent"),
    [
        pytest.param(
            requests.ConnectionError(
                wrapped(
                    urllib3.exceptions.NameResolutionError(
                        "coolify.example.com", CONNECTION, socket.gaierror(-2, "Name unknown")
                    )
                )
            ),
            "could not resolve host coolify.example.com",
            False,
            id="an-unknown-name",
        ),
        pytest.param(
            requests.ConnectionError(
                wrapped(urllib3.exceptions.NewConnectionError(CONNECTION, "Network is unreachable"))
            ),
            "could not connect: Network is unreachable",
            False,
            id="no-way-there",
        ),
        pytest.param(
            requests.ConnectTimeout(), "could not connect within 5 s", False, id="no-connection-in-time"
        ),
        pytest.param(requests.ReadTimeout(), "the response timed out", True, id="no-answer-in-time"),
        pytest.param(
            through_proxy(OSError("Tunnel connection failed: 403 Forbidden")),
            "the proxy in the environment refuses to connect to coolify.example.com (403 Forbidden). Allow it there, or add coolify.example.com to `NO_PROXY`",
            False,
            id="a-proxy-that-refuses-the-tunnel",
        ),
        pytest.param(
            through_proxy(
                urllib3.exceptions.NewConnectionError(
                    CONNECTION, "Failed to establish a new connection: Connection refused"
                )
            ),
            "connection through the proxy in the environment lost: Failed to establish a new connection: Connection refused",
            False,
            id="a-proxy-that-is-not-there",
        ),
        pytest.param(
            through_proxy(
                urllib3.exceptions.NameResolutionError(
                    "proxy.example.com", CONNECTION, socket.gaierror(-2, "Name unknown")
                )
            ),
            "connection through the proxy in the environment lost: ",
            False,
            id="a-proxy-of-an-unknown-name",
        ),
        pytest.param(
            through_proxy(ConnectionResetError(104, "Connection reset by peer")),
            "connection through the proxy in the environment lost: Connection reset by peer",
            True,
            id="a-proxy-that-breaks-off",
        ),
        pytest.param(
            through_proxy(RemoteDisconnected("Remote end closed connection without response")),
            "connection through the proxy in the environment lost: Remote end closed connection without response",
            True,
            id="a-proxy-that-says-nothing",
        ),
        pytest.param(
            requests.exceptions.SSLError(
                wrapped(
                    urllib3.exceptions.SSLError(ssl.SSLCertVerificationError(1, "self-signed certificate"))
                )
            ),
            "TLS: the certificate of coolify.example.com is refused: self-signed certificate",
            False,
            id="a-certificate-of-nobody",
        ),
        pytest.param(
            requests.exceptions.SSLError(
                wrapped(
                    urllib3.exceptions.SSLError(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version"))
                )
            ),
            "the port does not use TLS. If it uses plain http, write http://coolify.example.com",
            True,
            id="no-tls-at-all",
        ),
        pytest.param(
            requests.exceptions.InvalidURL("no host given"),
            "the address is not valid",
            False,
            id="no-address",
        ),
        pytest.param(
            urllib3.exceptions.LocationParseError("a..b, label empty or too long"),
            "the address is not valid",
            False,
            id="a-host-of-empty-labels",
        ),
        pytest.param(
            requests.ConnectionError(
                urllib3.exceptions.ProtocolError(
                    "Connection aborted.", ConnectionResetError(104, "reset by peer")
                )
            ),
            "connection lost: reset by peer",
            True,
            id="a-reset",
        ),
        pytest.param(
            requests.RequestException("whatever"), "connection lost: whatever", True, id="whatever-else"
        ),
    ],
)
def test_each_failure_says_what_it_is_and_whether_the_request_may_have_arrived(
    raised: Exception, reason: str, *, sent: bool
) -> None:
    with responses.RequestsMock() as wire:
        wire.post(f"{BASE}/deploy", body=raised)
        error = failure(http())
    at_once = (
        "the address is not valid",
        "TLS: the certificate of",
        "the port does not use TLS",
        "the proxy in the environment refuses to connect to coolify",
    )
    final = reason.startswith(at_once)  # no repetition would change that
    assert (error.reason[: len(reason)], flags(error)) == (reason, {**arrived(yes=sent), "permanent": final})
    assert "0x" not in error.reason
    assert "uuid=abc" not in error.reason


def test_a_shorter_patience_is_told_as_it_was() -> None:
    with responses.RequestsMock() as wire:
        wire.post(f"{BASE}/deploy", body=requests.ConnectTimeout())
        assert failure(http(), timeout=1).reason == "could not connect within 1 s"


@pytest.mark.parametrize(
    ("patience", "timeout"),
    [
        pytest.param(None, (5, 15), id="the-usual"),
        pytest.param(1, (1, 1), id="shorter-than-both"),
        pytest.param(8, (5, 8), id="shorter-than-one"),
        pytest.param(120, (5, 120), id="longer"),
    ],
)
def test_patience_is_for_the_answer_and_never_longer_for_the_connection(
    patience: float | None, timeout: tuple[float, float]
) -> None:
    with responses.RequestsMock() as wire:
        wire.post(f"{BASE}/deploy", json={})
        http().send("POST", "/deploy", timeout=patience)
        request: Any = wire.calls[0].request
    assert request.req_kwargs == {
        "timeout": timeout,
        "stream": True,
        "verify": True,
        "cert": None,
        "proxies": {},
    }


def test_a_server_that_does_not_take_the_connection_is_given_up_in_time(full: int) -> None:
    error = failure(http(f"http://127.0.0.1:{full}"), timeout=0.2)
    assert flags(error) == arrived(yes=False)
    assert error.reason.startswith("could not connect within")


# --- somebody there who breaks off


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(hang, "the response timed out", id="silent"),
        pytest.param(reset, "connection lost: Connection reset by peer", id="reset"),
        pytest.param(
            raw(b""),
            "connection lost: Remote end closed connection without response",
            id="closed-without-a-word",
        ),
        pytest.param(raw(b"\x16\x03\x01 what?\r\n\r\n"), "connection lost: ", id="no-http"),
        pytest.param(
            raw(HEAD + b'Content-Length: 99\r\n\r\n{"deployments":['),
            "the connection broke in the middle of the response",
            id="cut-by-length",
        ),
        pytest.param(
            raw(HEAD + b'Transfer-Encoding: chunked\r\n\r\n10\r\n{"deployments":['),
            "the connection broke in the middle of the response",
            id="cut-in-a-chunk",
        ),
        pytest.param(
            raw(HEAD + b'Transfer-Encoding: chunked\r\n\r\n2\r\n{"\r\n'),
            "the connection broke in the middle of the response",
            id="cut-between-chunks",
        ),
        pytest.param(
            raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
            "the connection broke in the middle of the response",
            id="a-chunk-of-no-size",
        ),
        pytest.param(
            raw(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
            "the connection broke in the middle of the response",
            id="no-gzip",
        ),
    ],
)
def test_an_answer_that_breaks_off_may_have_arrived_and_is_asked_for_once(
    serve: Callable[..., Server], script: Script, reason: str
) -> None:
    server = serve(script)
    error = failure(http(server.url), timeout=0.2)
    assert (error.reason[: len(reason)], flags(error)) == (reason, arrived(yes=True))
    assert [head.partition("\r\n")[0] for head in server.heads] == ["POST /deploy?uuid=abc HTTP/1.1"]


def test_a_body_that_hangs_is_given_up_in_time(serve: Callable[..., Server]) -> None:
    def half(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Length: 99\r\n\r\n{")
        connection.recv(1)

    began = time.monotonic()
    assert flags(failure(http(serve(half).url), timeout=0.2)) == arrived(yes=True)
    assert time.monotonic() - began < 2
