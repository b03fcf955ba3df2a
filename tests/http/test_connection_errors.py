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
    expected_flags,
    flags,
    free_port,
    hang,
    http,
    raw,
    reset,
    unavailable_error,
)

# --- no connection


def test_a_refused_connection_never_arrived() -> None:
    error = unavailable_error(http(f"http://127.0.0.1:{free_port()}"))
    assert (error.reason.startswith("could not connect: "), error.reason.endswith("Connection refused")) == (
        True,
        True,
    )
    assert flags(error) == expected_flags(arrived=False)


POOL = urllib3.HTTPSConnectionPool("coolify.example.com", 443)


CONNECTION = urllib3.connection.HTTPSConnection("coolify.example.com", 443)


def wrapped(error: Exception) -> urllib3.exceptions.MaxRetryError:
    """Wrap an error as urllib3 passes it to requests."""
    return urllib3.exceptions.MaxRetryError(POOL, "/api/v1/deploy?uuid=abc", error)


def through_proxy(error: Exception) -> requests.exceptions.ProxyError:
    """Wrap an error as urllib3 does for every broken connection through a proxy."""
    return requests.exceptions.ProxyError(
        wrapped(urllib3.exceptions.ProxyError("Unable to connect to proxy", error))
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
            id="unknown-host",
        ),
        pytest.param(
            requests.ConnectionError(
                wrapped(urllib3.exceptions.NewConnectionError(CONNECTION, "Network is unreachable"))
            ),
            "could not connect: Network is unreachable",
            False,
            id="network-unreachable",
        ),
        pytest.param(requests.ConnectTimeout(), "could not connect within 5 s", False, id="connect-timeout"),
        pytest.param(requests.ReadTimeout(), "the response timed out", True, id="read-timeout"),
        pytest.param(
            through_proxy(OSError("Tunnel connection failed: 403 Forbidden")),
            "the proxy in the environment refuses to connect to coolify.example.com (403 Forbidden). "
            "Allow it there, or add coolify.example.com to `NO_PROXY`",
            False,
            id="proxy-refuses-the-tunnel",
        ),
        pytest.param(
            through_proxy(
                urllib3.exceptions.NewConnectionError(
                    CONNECTION, "Failed to establish a new connection: Connection refused"
                )
            ),
            "connection through the proxy in the environment lost: Failed to establish a new connection: "
            "Connection refused",
            False,
            id="proxy-unreachable",
        ),
        pytest.param(
            through_proxy(
                urllib3.exceptions.NameResolutionError(
                    "proxy.example.com", CONNECTION, socket.gaierror(-2, "Name unknown")
                )
            ),
            "connection through the proxy in the environment lost: ",
            False,
            id="proxy-unknown-host",
        ),
        pytest.param(
            through_proxy(ConnectionResetError(104, "Connection reset by peer")),
            "connection through the proxy in the environment lost: Connection reset by peer",
            True,
            id="proxy-resets",
        ),
        pytest.param(
            through_proxy(RemoteDisconnected("Remote end closed connection without response")),
            "connection through the proxy in the environment lost: Remote end closed connection without "
            "response",
            True,
            id="proxy-closes",
        ),
        pytest.param(
            requests.exceptions.SSLError(
                wrapped(
                    urllib3.exceptions.SSLError(ssl.SSLCertVerificationError(1, "self-signed certificate"))
                )
            ),
            "TLS: the certificate of coolify.example.com is refused: self-signed certificate",
            False,
            id="untrusted-certificate",
        ),
        pytest.param(
            requests.exceptions.SSLError(
                wrapped(
                    urllib3.exceptions.SSLError(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version"))
                )
            ),
            "the port does not use TLS. If it uses plain http, write http://coolify.example.com",
            True,
            id="no-tls",
        ),
        pytest.param(
            requests.exceptions.InvalidURL("no host given"),
            "the address is not valid",
            False,
            id="invalid-url",
        ),
        pytest.param(
            urllib3.exceptions.LocationParseError("a..b, label empty or too long"),
            "the address is not valid",
            False,
            id="host-with-empty-label",
        ),
        pytest.param(
            requests.ConnectionError(
                urllib3.exceptions.ProtocolError(
                    "Connection aborted.", ConnectionResetError(104, "reset by peer")
                )
            ),
            "connection lost: reset by peer",
            True,
            id="reset",
        ),
        pytest.param(
            requests.RequestException("whatever"), "connection lost: whatever", True, id="other-error"
        ),
    ],
)
def test_each_error_has_a_reason_and_says_whether_the_request_may_have_arrived(
    raised: Exception, reason: str, *, sent: bool
) -> None:
    with responses.RequestsMock() as wire:
        wire.post(f"{BASE}/deploy", body=raised)
        error = unavailable_error(http())
    permanent = (
        "the address is not valid",
        "TLS: the certificate of",
        "the port does not use TLS",
        "the proxy in the environment refuses to connect to coolify",
    )
    final = reason.startswith(permanent)  # a retry would not help
    assert (error.reason[: len(reason)], flags(error)) == (
        reason,
        {**expected_flags(arrived=sent), "permanent": final},
    )
    assert "0x" not in error.reason
    assert "uuid=abc" not in error.reason


def test_a_shorter_timeout_is_in_the_reason() -> None:
    with responses.RequestsMock() as wire:
        wire.post(f"{BASE}/deploy", body=requests.ConnectTimeout())
        assert unavailable_error(http(), timeout=1).reason == "could not connect within 1 s"


@pytest.mark.parametrize(
    ("read_timeout", "timeout"),
    [
        pytest.param(None, (5, 15), id="default"),
        pytest.param(1, (1, 1), id="shorter-than-both"),
        pytest.param(8, (5, 8), id="shorter-than-one"),
        pytest.param(120, (5, 120), id="longer"),
    ],
)
def test_the_connect_timeout_is_never_longer_than_the_read_timeout(
    read_timeout: float | None, timeout: tuple[float, float]
) -> None:
    with responses.RequestsMock() as wire:
        wire.post(f"{BASE}/deploy", json={})
        http().send("POST", "/deploy", timeout=read_timeout)
        request: Any = wire.calls[0].request
    assert request.req_kwargs == {
        "timeout": timeout,
        "stream": True,
        "verify": True,
        "cert": None,
        "proxies": {},
    }


def test_a_server_that_does_not_accept_connections_times_out(full: int) -> None:
    error = unavailable_error(http(f"http://127.0.0.1:{full}"), timeout=0.2)
    assert flags(error) == expected_flags(arrived=False)
    assert error.reason.startswith("could not connect within")


# --- broken connections


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(hang, "the response timed out", id="silent"),
        pytest.param(reset, "connection lost: Connection reset by peer", id="reset"),
        pytest.param(
            raw(b""),
            "connection lost: Remote end closed connection without response",
            id="closed",
        ),
        pytest.param(raw(b"\x16\x03\x01 what?\r\n\r\n"), "connection lost: ", id="not-http"),
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
            id="invalid-chunk-size",
        ),
        pytest.param(
            raw(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
            "the connection broke in the middle of the response",
            id="invalid-gzip",
        ),
    ],
)
def test_after_a_broken_response_the_request_may_have_arrived_and_is_not_repeated(
    serve: Callable[..., Server], script: Script, reason: str
) -> None:
    server = serve(script)
    error = unavailable_error(http(server.url), timeout=0.2)
    assert (error.reason[: len(reason)], flags(error)) == (reason, expected_flags(arrived=True))
    assert [head.partition("\r\n")[0] for head in server.heads] == ["POST /deploy?uuid=abc HTTP/1.1"]


def test_a_body_that_hangs_times_out(serve: Callable[..., Server]) -> None:
    def half(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Length: 99\r\n\r\n{")
        connection.recv(1)

    start = time.monotonic()
    assert flags(unavailable_error(http(serve(half).url), timeout=0.2)) == expected_flags(arrived=True)
    assert time.monotonic() - start < 2
