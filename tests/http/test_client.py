"""One request, whatever the network does to it: `responses` for what can be said in a line, small real servers for the rest."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import select
import socket
import ssl
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from http.client import RemoteDisconnected
from pathlib import Path
from typing import Any

import certifi
import pytest
import requests
import responses
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.http import client as module
from deployer.http import environment
from deployer.http.client import Http, Response, TooLargeError, retry_after
from deployer.model import UnavailableError

BASE = "https://coolify.example.com/api/v1"
TOKEN = "7|mArKeDcoolifytoken0000000000000000000000000000000"
AGENT = "deployer/0 (+https://example.com)"
EPOCH = "Thu, 01 Jan 1970 00:00:00 GMT"
Script = Callable[[socket.socket], None]

# Made for these tests and nothing else: a certificate for 127.0.0.1 that is its own authority, valid from 2024 to 2124.
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfgDke8JPLHalXUls
uYtfanc1pd6xU0oVStPWDXiE64ehRANCAASK1BYkuS5Aws24h/KKbl+ESt/1r2Is
dcZMwxFH8nqGvX0GpIaWP/3KwhmqiIMwJBWn+sn83SN4b0T6/1M2/MMe
-----END PRIVATE KEY-----
"""
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBhzCCAS2gAwIBAgIUOl8fwA2ADGNikrE/V6RMUn8UtS4wCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNRGVwbG95ZXIgdGVzdDAgFw0yNDAxMDEwMDAwMDBaGA8yMTI0
MDEwMTAwMDAwMFowGDEWMBQGA1UEAwwNRGVwbG95ZXIgdGVzdDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABIrUFiS5LkDCzbiH8opuX4RK3/WvYix1xkzDEUfyeoa9
fQakhpY//crCGaqIgzAkFaf6yfzdI3hvRPr/Uzb8wx6jUzBRMA8GA1UdEwEB/wQF
MAMBAf8wDgYDVR0PAQH/BAQDAgKEMB0GA1UdDgQWBBQEUGjdG1zSFfYsxz6dBL1b
Mup3rjAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUCICm+5NaPdjnm
BhrqwfIjOQH9YlhHDV7BfnYGp4EgIc6vAiEAluyKr4XCkz3cb9FjFw4cRImMlGcV
Llk1Me6vZl5EDyU=
-----END CERTIFICATE-----
"""


class Server:
    """A server on loopback that does to each connection what its script says, after it has read the head of the request."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[str] = []
        self._script, self._tls = script, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed = threading.Event()
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def _serve(self) -> None:
        while not self._closed.is_set():
            if select.select([self._listener], [], [], 0.02)[0]:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(5)
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        if self._tls:
            with self._tls.wrap_socket(connection, server_side=True) as inner:
                self._one(inner)
        else:
            self._one(connection)

    def _one(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(65536)
            if not part:
                return
            head += part
        self.heads.append(head.decode("latin-1"))
        self._script(connection)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._listener.close()


@pytest.fixture(name="serve")
def _serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def serve(script: Script, tls: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(script, tls))
        return servers[-1]

    yield serve
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the proxies, the certificates nor the `.netrc` of the machine that runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    monkeypatch.setattr(environment, "CONTAINERS", ())
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def http(base: str = BASE, now: Callable[[], float] = lambda: 0.0, **knobs: Any) -> Http:
    return Http(base, token=TOKEN, user_agent=AGENT, monotonic=now, **knobs)


def answer(body: bytes = b"{}", status: str = "200 OK", **headers: str) -> Script:
    """A whole and honest answer, and the end of the connection."""
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return raw(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)


def raw(data: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        connection.sendall(data)

    return script


def failure(sender: Http, *, timeout: float | None = None) -> UnavailableError:
    with pytest.raises(UnavailableError) as caught:
        sender.send("POST", "/deploy", {"uuid": "abc"}, timeout=timeout)
    assert TOKEN not in str(caught.value)
    return caught.value


def flags(error: UnavailableError) -> dict[str, Any]:
    """What the error says beside its reason."""
    fields = asdict(error)
    del fields["reason"]
    return fields


def arrived(*, yes: bool) -> dict[str, Any]:
    return {
        "may_have_arrived": yes,
        "from_server": False,
        "server_error": "",
        "retry_after": 0,
        "permanent": False,
        "from_gateway": False,
    }


# --- nobody there


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_refused_connection_never_arrived() -> None:
    error = failure(http(f"http://127.0.0.1:{free_port()}"))
    assert (error.reason.startswith("no connection: "), error.reason.endswith("Connection refused")) == (
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
            "the name of the server is not known",
            False,
            id="an-unknown-name",
        ),
        pytest.param(
            requests.ConnectionError(
                wrapped(urllib3.exceptions.NewConnectionError(CONNECTION, "Network is unreachable"))
            ),
            "no connection: Network is unreachable",
            False,
            id="no-way-there",
        ),
        pytest.param(
            requests.ConnectTimeout(), "no connection within 5 s", False, id="no-connection-in-time"
        ),
        pytest.param(requests.ReadTimeout(), "no answer in time", True, id="no-answer-in-time"),
        pytest.param(
            through_proxy(OSError("Tunnel connection failed: 403 Forbidden")),
            "the proxy in the environment refuses coolify.example.com (403 Forbidden). Allow it there, or add it to `NO_PROXY`",
            False,
            id="a-proxy-that-refuses-the-tunnel",
        ),
        pytest.param(
            through_proxy(
                urllib3.exceptions.NewConnectionError(
                    CONNECTION, "Failed to establish a new connection: Connection refused"
                )
            ),
            "the connection through the proxy in the environment broke: Failed to establish a new connection: Connection refused",
            False,
            id="a-proxy-that-is-not-there",
        ),
        pytest.param(
            through_proxy(
                urllib3.exceptions.NameResolutionError(
                    "proxy.example.com", CONNECTION, socket.gaierror(-2, "Name unknown")
                )
            ),
            "the connection through the proxy in the environment broke: ",
            False,
            id="a-proxy-of-an-unknown-name",
        ),
        pytest.param(
            through_proxy(ConnectionResetError(104, "Connection reset by peer")),
            "the connection through the proxy in the environment broke: Connection reset by peer",
            True,
            id="a-proxy-that-breaks-off",
        ),
        pytest.param(
            through_proxy(RemoteDisconnected("Remote end closed connection without response")),
            "the connection through the proxy in the environment broke: Remote end closed connection without response",
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
            "the port does not speak TLS. If it speaks http, write http://coolify.example.com",
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
            "the connection broke: reset by peer",
            True,
            id="a-reset",
        ),
        pytest.param(
            requests.RequestException("whatever"), "the connection broke: whatever", True, id="whatever-else"
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
        "the port does not speak TLS",
        "the proxy in the environment refuses coolify",
    )
    final = reason.startswith(at_once)  # no repetition would change that
    assert (error.reason[: len(reason)], flags(error)) == (reason, {**arrived(yes=sent), "permanent": final})
    assert "0x" not in error.reason
    assert "uuid=abc" not in error.reason


def test_a_shorter_patience_is_told_as_it_was() -> None:
    with responses.RequestsMock() as wire:
        wire.post(f"{BASE}/deploy", body=requests.ConnectTimeout())
        assert failure(http(), timeout=1).reason == "no connection within 1 s"


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


@pytest.fixture(name="full")
def _full() -> Iterator[int]:
    """A port whose owner takes no connection any more."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):  # what the kernel takes by itself
            client = stack.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


def test_a_server_that_does_not_take_the_connection_is_given_up_in_time(full: int) -> None:
    error = failure(http(f"http://127.0.0.1:{full}"), timeout=0.2)
    assert flags(error) == arrived(yes=False)
    assert error.reason.startswith("no connection within")


# --- somebody there who breaks off


def hang(connection: socket.socket) -> None:
    connection.recv(1)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(hang, "no answer in time", id="silent"),
        pytest.param(reset, "the connection broke: Connection reset by peer", id="reset"),
        pytest.param(
            raw(b""),
            "the connection broke: Remote end closed connection without response",
            id="closed-without-a-word",
        ),
        pytest.param(raw(b"\x16\x03\x01 what?\r\n\r\n"), "the connection broke: ", id="no-http"),
        pytest.param(
            raw(HEAD + b'Content-Length: 99\r\n\r\n{"deployments":['),
            "the answer broke off in the middle",
            id="cut-by-length",
        ),
        pytest.param(
            raw(HEAD + b'Transfer-Encoding: chunked\r\n\r\n10\r\n{"deployments":['),
            "the answer broke off in the middle",
            id="cut-in-a-chunk",
        ),
        pytest.param(
            raw(HEAD + b'Transfer-Encoding: chunked\r\n\r\n2\r\n{"\r\n'),
            "the answer broke off in the middle",
            id="cut-between-chunks",
        ),
        pytest.param(
            raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
            "the answer broke off in the middle",
            id="a-chunk-of-no-size",
        ),
        pytest.param(
            raw(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
            "the answer broke off in the middle",
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


def trickle(begin: bytes, piece: bytes) -> Script:
    """A beginning at once, and then a piece now and then."""

    def script(connection: socket.socket) -> None:
        connection.sendall(begin)
        for _ in range(60):
            connection.sendall(piece)
            time.sleep(0.05)

    return script


# --- interim responses


def early(script: Script, hints: bytes = b"") -> Script:
    """The same answer after several interim ones (RFC 9110 section 15.2; `103 Early Hints` is RFC 8297's)."""
    link = b"Link: </app.css>; rel=preload; as=style\r\n"
    several = (
        b"HTTP/1.1 102 Processing\r\n\r\n"
        + 2 * (b"HTTP/1.1 103 Early Hints\r\n" + link + b"\r\n")
        + b"HTTP/1.1 100 \r\n\r\n"
    )

    def answered(connection: socket.socket) -> None:
        connection.sendall(hints or several)
        script(connection)

    return answered


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


def hundredfold() -> float:
    """A clock on which a minute passes in 0.6 s."""
    return time.monotonic() * 100


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
    assert (error.reason, flags(error)) == ("no answer in time", arrived(yes=True))
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
    assert (error.reason, flags(error)) == (f"the answer did not end within {seconds} s", arrived(yes=True))
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
    assert (error.reason, flags(error)) == ("the answer did not end within 60 s", arrived(yes=True))
    assert time.monotonic() - began < 2


def large(before: bytes, size: int, after: bytes, *, chunked: bool = False) -> Script:
    """A body of that many filler bytes between two ends."""
    block = b"x" * (1 << 20)

    def script(connection: socket.socket) -> None:
        if chunked:
            connection.sendall(HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        else:
            connection.sendall(
                HEAD
                + b"Connection: close\r\n"
                + f"Content-Length: {len(before) + size + len(after)}\r\n\r\n".encode()
            )
        for part in (before, *[block] * (size >> 20), after):
            connection.sendall(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
        if chunked:
            connection.sendall(b"0\r\n\r\n")

    return script


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
        "the answer is larger than 64 MiB",
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


# --- what the body is


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
        pytest.param(b'{"a": 1}', "application/problem+json", {"a": 1}, True, id="a-kind-of-json"),
        pytest.param(b" [1]", "text/html; charset=UTF-8", [1], True, id="json-that-is-not-announced"),
        pytest.param(b'{"a": 1}', "", {"a": 1}, True, id="json-without-a-type"),
        pytest.param(b'"4.3.10"', "application/json", "4.3.10", True, id="a-string"),
        pytest.param(b"4.3.10", "text/html; charset=UTF-8", "4.3.10", False, id="a-version"),
        pytest.param(b"{not json", "text/plain", "{not json", False, id="text-that-begins-as-json"),
        pytest.param(b"[" * 100_000, "text/plain", "[" * 100_000, False, id="deep-text"),
        pytest.param(b"", "text/plain", "", False, id="nothing"),
        pytest.param(b"<html>", "text/html", "<html>", False, id="html"),
        pytest.param(
            '{"a": "é"}'.encode(),
            "application/json; charset=iso-8859-1",
            {"a": "é"},
            True,
            id="a-wrong-charset",
        ),
        pytest.param(
            '{"a": "é"}'.encode(),
            "application/json; charset=no-such-thing",
            {"a": "é"},
            True,
            id="an-unknown-charset",
        ),
        pytest.param(
            b'{"a": "\xff"}', "application/json", {"a": "\N{REPLACEMENT CHARACTER}"}, True, id="no-utf-8"
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
    pytest.param(b"", id="nothing"),
    pytest.param(b"<html>", id="html"),
    pytest.param(b"[" * 100_000, id="too-deep"),
    pytest.param(b'{"a":' * 100_000, id="too-deep-an-object"),
]


@pytest.mark.parametrize("status", [200, 201, 299])
@pytest.mark.parametrize("body", UNREADABLE)
def test_json_that_cannot_be_read_is_trouble_of_that_request(body: bytes, status: int) -> None:
    with responses.RequestsMock() as wire:
        wire.post(f"{BASE}/deploy", body=body, status=status, content_type="application/json")
        error = failure(http())
    assert (error.reason, flags(error)) == (f"HTTP {status} with JSON that cannot be read", arrived(yes=True))


@pytest.mark.parametrize("status", [300, 301, 302, 308, 400, 401, 404, 429, 500, 503])
@pytest.mark.parametrize("body", UNREADABLE)
def test_of_any_other_answer_the_status_counts_and_what_its_headers_say(body: bytes, status: int) -> None:
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


def test_header_names_are_lower_cased_and_the_address_is_the_one_that_was_asked(
    serve: Callable[..., Server],
) -> None:
    server = serve(answer(b'{"a": 1}', "429 Too Many Requests", RETRY_after="6", X_RateLimit_Remaining="0"))
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
        pytest.param(" 6 ", 6, id="with-blanks"),
        pytest.param("0", 0, id="none"),
        pytest.param("1.5", 1.5, id="a-fraction"),
        pytest.param("30.", 30, id="a-fraction-of-nothing"),
        pytest.param("999999999", 1e6, id="longer-than-any-timeout"),
        pytest.param("Thu, 20 Aug 2026 10:12:12 GMT", 60, id="a-date"),
        pytest.param("Thursday, 20-Aug-26 10:12:12 GMT", 60, id="a-date-of-rfc-850"),
        pytest.param("Thu Aug 20 10:12:12 2026", 60, id="a-date-of-asctime"),
        pytest.param("Thu, 20 Aug 2026 12:12:12 +0200", 60, id="a-date-elsewhere"),
        pytest.param("Thu, 20 Aug 2026 10:11:12 GMT", 0, id="now"),
        pytest.param("Thu, 20 Aug 2026 10:11:11 GMT", 0, id="a-date-that-is-over"),
        pytest.param("Fri, 20 Aug 9999 10:11:12 GMT", 1e6, id="a-date-far-away"),
        pytest.param("Thu, 99 Aug 2026 10:12:12 GMT", 0, id="no-date"),
        pytest.param("Thu, 20 Aug 99999999999999999999 10:12:12 GMT", 0, id="no-year"),
        *[
            pytest.param(text, 0, id=repr(text))
            for text in ("", "-5", "soon", "1e9", "9999999999", "inf", "nan", "٣", ".5", "1,5", "5 s")
        ],
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float) -> None:
    """A date is seen from the server's own: no clocks are compared."""
    headers = {"retry-after": text, "date": "Thu, 20 Aug 2026 10:11:12 GMT"}
    assert retry_after(Response(429, {}, is_json=True, headers=headers)) == seconds


def test_an_answer_without_a_date_is_of_the_moment_at_which_it_came(serve: Callable[..., Server]) -> None:
    """RFC 9110 section 6.6.1."""
    server = serve(answer(b"{}", "503 Away", Retry_After="Thu, 01 Jan 1970 00:01:30 GMT"))
    assert retry_after(http(server.url, wall=lambda: 30.9).send("GET", "/version")) == 60


@given(
    st.text(max_size=60)
    | st.from_regex(
        r"\A[A-Z][a-z]{2}, \d{1,9} [A-Z][a-z]{2} \d{1,9} \d{1,9}:\d{1,3}:\d{1,3} (GMT|[+-]\d{1,9})\Z"
    )
)
@settings(derandomize=True, database=None, deadline=None, max_examples=300)
def test_no_retry_after_is_a_crash(text: str) -> None:
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


# --- where the token goes


def sent(head: str) -> Mapping[str, str]:
    """The headers of a request, by their names in small letters."""
    pairs = (line.partition(": ") for line in head.split("\r\n")[1:] if line)
    return {name.lower(): value for name, _, value in pairs}


def test_the_request_carries_the_bearer_our_name_and_the_wish_for_json(serve: Callable[..., Server]) -> None:
    server = serve(answer())
    http(server.url, headers={"CF-Access-Client-Id": "abc", "User-Agent-Hint": "x"}).send(
        "POST", "/deploy", {"uuid": "a b&c"}
    )
    assert server.heads[0].startswith("POST /deploy?uuid=a+b%26c HTTP/1.1\r\n")
    assert sent(server.heads[0]) == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": AGENT,
        "accept-encoding": sent(server.heads[0])["accept-encoding"],
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
def test_a_redirect_is_not_followed_and_the_token_goes_nowhere_else(
    serve: Callable[..., Server], status: str, method: str
) -> None:
    elsewhere = serve(answer())
    server = serve(answer(b"", status, Location=f"{elsewhere.url}/api/v1/version", Content_Type="text/html"))
    reply = http(server.url).send(method, "/version")
    assert (reply.status, reply.headers["location"]) == (int(status[:3]), f"{elsewhere.url}/api/v1/version")
    assert (len(server.heads), elsewhere.heads) == (1, [])


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
def test_the_address_of_a_redirect_is_handed_on_unread(
    serve: Callable[..., Server], location: str, method: str
) -> None:
    """`requests` would parse it, followed or not, and raise of its own accord."""
    server = serve(answer(b"", REDIRECT, Location=location, Content_Type="text/html"))
    reply = http(server.url).send(method, "/version")
    assert (reply.status, reply.data, len(server.heads)) == (302, "", 1)
    assert reply.headers["location"].encode("latin-1") == location.encode()


def test_a_redirect_without_an_address_is_an_answer(serve: Callable[..., Server]) -> None:
    reply = http(serve(answer(b"", REDIRECT)).url).send("POST", "/deploy")
    assert (reply.status, reply.data, reply.is_json, "location" in reply.headers) == (302, "", False, False)


def test_a_redirect_that_announces_json_and_has_none_is_an_answer(serve: Callable[..., Server]) -> None:
    reply = http(serve(answer(b"", REDIRECT, Location="https://x.example.com/login")).url).send(
        "POST", "/deploy"
    )
    assert (reply.status, reply.data, reply.is_json, reply.kind) == (302, "", False, "application/json")
    assert reply.headers["location"] == "https://x.example.com/login"


def redirecting(script: Script) -> Script:
    """The same body, as that of a redirect."""

    class Redirecting:
        def __init__(self, connection: socket.socket) -> None:
            self._connection = connection

        def sendall(self, data: bytes) -> None:
            self._connection.sendall(
                data.replace(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n", 1)
            )

    return lambda connection: script(Redirecting(connection))  # type: ignore[arg-type]


def test_the_huge_body_of_a_redirect_is_never_held_whole(serve: Callable[..., Server]) -> None:
    """`requests` would read all of it into memory, without an end and without a time."""
    server = serve(redirecting(large(b"", module.BODY_BYTES + (16 << 20), b"x")))
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            http(server.url).send("GET", "/version")
        assert tracemalloc.get_traced_memory()[1] < 2 * module.BODY_BYTES
    finally:
        tracemalloc.stop()


def test_the_large_body_of_a_redirect_does_not_hide_it(serve: Callable[..., Server]) -> None:
    reply = http(serve(redirecting(large(b"", 4 << 20, b""))).url).send("GET", "/version")
    assert (reply.status, reply.headers["location"], len(reply.data)) == (302, "/elsewhere", 4 << 20)


def test_the_endless_body_of_a_redirect_is_given_up_after_a_minute(serve: Callable[..., Server]) -> None:
    begin = HEAD.replace(b"200 OK", b"302 Found") + b"Location: /elsewhere\r\nConnection: close\r\n\r\n"
    began = time.monotonic()
    assert (
        failure(http(serve(trickle(begin, b"x")).url, hundredfold)).reason
        == "the answer did not end within 60 s"
    )
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("direct", [False, True])
def test_the_login_of_a_netrc_does_not_replace_the_bearer(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, direct: bool
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(
        "machine 127.0.0.1 login somebody password hunter22\ndefault login somebody password hunter22\n"
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(answer())
    http(server.url, no_proxy=direct).send("GET", "/version")
    assert sent(server.heads[0])["authorization"] == f"Bearer {TOKEN}"


def test_a_rehearsal_goes_past_every_proxy(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = serve(answer()), serve(answer())
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://somebody:hunter22@127.0.0.1:{proxy.port}")
    http(server.url, no_proxy=True).send("GET", "/version")
    assert (len(server.heads), proxy.heads) == (1, [])


def test_a_proxy_of_the_environment_is_used_otherwise(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(answer())
    monkeypatch.setenv("http_proxy", f"http://somebody:hunter22@127.0.0.1:{proxy.port}")
    http("http://coolify.example.com/api/v1").send("GET", "/version")
    assert proxy.heads[0].startswith("GET http://coolify.example.com/api/v1/version HTTP/1.1\r\n")
    assert sent(proxy.heads[0])["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("ca", ["", CERTIFICATE])
def test_a_proxy_sees_no_token_on_the_way_to_a_server_with_tls(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, ca: str
) -> None:
    proxy = serve(answer(b"no", "403 Forbidden"))
    monkeypatch.setenv("https_proxy", f"http://somebody:hunter22@127.0.0.1:{proxy.port}")
    error = failure(http(ca=ca))
    assert (error.reason, flags(error)) == (
        "the proxy in `https_proxy` refuses coolify.example.com (403 Forbidden). Allow it there, or add it to `NO_PROXY`",
        {**arrived(yes=False), "permanent": True},
    )
    assert [head.partition(" HTTP/")[0] for head in proxy.heads] == ["CONNECT coolify.example.com:443"]
    assert TOKEN not in proxy.heads[0]


# --- TLS


@pytest.fixture(name="tls", scope="module")
def _tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_text(KEY + CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def closed(_connection: socket.socket) -> None:
    """Without a word."""


BROKEN_OFF = [
    pytest.param(closed, "Remote end closed connection without response", id="closed"),
    pytest.param(reset, "Connection reset by peer", id="reset"),
]


@pytest.mark.parametrize(("script", "how"), BROKEN_OFF)
def test_a_proxy_that_took_the_request_and_broke_off_may_have_passed_it_on(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, script: Script, how: str
) -> None:
    """Without TLS a proxy forwards: taken for "never sent", the trigger would be sent twice."""
    proxy = serve(script)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    error = failure(http("http://coolify.example.com/api/v1"))
    assert [head.partition("\r\n")[0] for head in proxy.heads] == [
        "POST http://coolify.example.com/api/v1/deploy?uuid=abc HTTP/1.1"
    ]
    assert (error.reason, flags(error)) == (
        f"the connection through the proxy in `http_proxy` broke: {how}",
        arrived(yes=True),
    )


def test_a_tunnel_that_broke_after_the_request_may_have_passed_it_on(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[str] = []

    def tunnel(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with tls.wrap_socket(connection, server_side=True) as inner:
            head = b""
            while b"\r\n\r\n" not in head:
                head += inner.recv(65536)
            inside.append(head.decode("latin-1"))

    proxy = serve(tunnel)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
    error = failure(http("https://127.0.0.1:4443/api/v1", ca=CERTIFICATE))
    assert [head.partition(" HTTP/")[0] for head in proxy.heads] == ["CONNECT 127.0.0.1:4443"]
    assert [head.partition("\r\n")[0] for head in inside] == ["POST /api/v1/deploy?uuid=abc HTTP/1.1"]
    assert (error.reason, flags(error)) == (
        "the connection through the proxy in `https_proxy` broke: Remote end closed connection without response",
        arrived(yes=True),
    )


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy"])
def test_a_proxy_that_is_not_there_never_got_the_request(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, f"http://127.0.0.1:{free_port()}")
    error = failure(http(f"{variable.partition('_')[0]}://coolify.example.com/api/v1"))
    assert (
        error.reason.startswith(f"the connection through the proxy in `{variable}` broke: "),
        flags(error),
    ) == (
        True,
        arrived(yes=False),
    )
    assert error.reason.endswith("Connection refused")


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy"])
def test_a_proxy_that_does_not_take_the_connection_never_got_the_request(
    full: int, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, f"http://127.0.0.1:{full}")
    sender = http(f"{variable.partition('_')[0]}://coolify.example.com/api/v1")
    errors = [failure(sender, timeout=0.2) for _ in range(2)]
    assert [flags(error) for error in errors] == [arrived(yes=False)] * 2
    assert errors[0].reason == errors[1].reason  # the same trouble is told once
    assert "0x" not in errors[0].reason


REFUSES = (
    "the proxy in `https_proxy` refuses coolify.example.com ({}). Allow it there, or add it to `NO_PROXY`"
)
ASKS = "the proxy in `{}` asks for a login (HTTP 407). Write http://user:password@host:port there, or add coolify.example.com to `NO_PROXY`"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("407 Proxy Authentication Required", ASKS.format("https_proxy")),
        ("403 Forbidden", REFUSES.format("403 Forbidden")),
        ("501 Unsupported method", REFUSES.format("501 Unsupported method")),
        ("502 Bad Gateway", REFUSES.format("502 Bad Gateway")),
    ],
)
@pytest.mark.parametrize("ca", ["", CERTIFICATE], ids=["public", "own"])
def test_a_tunnel_that_is_refused_never_carried_the_request(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, status: str, reason: str, ca: str
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{serve(answer(b'no', status)).port}")
    error = failure(http(ca=ca))
    assert (error.reason, flags(error)) == (
        reason,
        {**arrived(yes=False), "permanent": status != "502 Bad Gateway"},
    )  # that may pass


UNTRUSTED = "For a private authority, set `ca_cert`"


def test_a_certificate_of_nobody_is_refused_with_the_way_out(
    serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    server = serve(answer(), tls)
    error = failure(http(server.url))
    assert (error.reason.startswith("TLS: "), UNTRUSTED in error.reason) == (True, True)
    assert flags(error) == {**arrived(yes=False), "permanent": True}
    assert server.heads == []


def test_an_own_authority_is_believed(serve: Callable[..., Server], tls: ssl.SSLContext) -> None:
    assert http(serve(answer(), tls).url, ca=CERTIFICATE).send("GET", "/version").status == 200


def test_an_own_authority_is_added_to_the_public_ones() -> None:
    public = ssl.create_default_context(cafile=certifi.where()).cert_store_stats()["x509_ca"]
    adapter: Any = http(ca=CERTIFICATE)._session.get_adapter(BASE)
    context = adapter.poolmanager.connection_pool_kw["ssl_context"]
    assert public > 50
    assert context.cert_store_stats()["x509_ca"] == public + 1
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_an_own_authority_does_not_make_another_name_right(
    serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    server = serve(answer(), tls)
    error = failure(http(f"https://localhost:{server.port}", ca=CERTIFICATE))
    assert error.reason.startswith("TLS: ")
    assert server.heads == []


def test_insecure_checks_nothing(serve: Callable[..., Server], tls: ssl.SSLContext) -> None:
    assert http(serve(answer(), tls).url, insecure=True).send("GET", "/version").status == 200


@pytest.mark.parametrize(
    "knobs", [{"insecure": True}, {"ca": CERTIFICATE}, {"ca": CERTIFICATE, "insecure": True}]
)
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_of_the_environment_beats_neither_insecure_nor_an_own_authority(
    serve: Callable[..., Server],
    tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    knobs: Mapping[str, Any],
    variable: str,
) -> None:
    monkeypatch.setenv(variable, certifi.where())
    assert http(serve(answer(), tls).url, **knobs).send("GET", "/version").status == 200


def test_a_bundle_of_the_environment_is_believed(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bundle.pem").write_text(CERTIFICATE)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "bundle.pem"))
    assert http(serve(answer(), tls).url).send("GET", "/version").status == 200


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_of_the_environment_that_is_not_there_is_named_and_beats_nothing(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """It stands in the image of the job, and this container knows only the variable."""
    monkeypatch.setenv(variable, "/no/such/bundle.pem")
    server = serve(answer(), tls)
    error = failure(http(server.url))
    assert (
        error.reason
        == f"`{variable}` names a file that is not here. Unset it, or set `ca_cert`, which takes its place"
    )
    assert (flags(error), server.heads) == ({**arrived(yes=False), "permanent": True}, [])
    for knobs in ({"ca": CERTIFICATE}, {"insecure": True}):
        assert http(server.url, **knobs).send("GET", "/version").status == 200
    assert http(serve(answer()).url).send("GET", "/version").status == 200  # without TLS nobody reads it


@pytest.mark.parametrize(
    ("variable", "device"), [("REQUESTS_CA_BUNDLE", "fifo"), ("CURL_CA_BUNDLE", "/dev/zero")]
)
def test_a_bundle_of_the_environment_that_never_ends_is_not_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, device: str
) -> None:
    """OpenSSL would wait in it for ever, past every time limit."""
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setenv(variable, str(tmp_path / device))
    error = failure(http("https://127.0.0.1:9"))
    assert (
        error.reason
        == f"`{variable}` names no regular file. Unset it, or set `ca_cert`, which takes its place"
    )
    assert flags(error) == {**arrived(yes=False), "permanent": True}


def test_a_bundle_of_the_environment_that_holds_no_certificate_is_trouble(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bundle.pem").write_text("no certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "bundle.pem"))
    reason = failure(http(serve(answer(), tls).url)).reason
    assert (
        reason.startswith("TLS: "),
        reason.endswith(". Certificates are read from `REQUESTS_CA_BUNDLE`"),
    ) == (True, True)


def test_a_session_goes_on_after_the_server_has_closed_its_connection(serve: Callable[..., Server]) -> None:
    server = serve(raw(HEAD + b"Content-Length: 2\r\n\r\n{}"))  # says keep-alive, and closes
    sender = http(server.url)
    for _ in range(3):
        assert sender.send("GET", "/version").data == {}
        time.sleep(0.02)
    assert len(server.heads) == 3


def test_no_cookie_is_kept(serve: Callable[..., Server]) -> None:
    """Each answer could make every later request larger."""
    server = serve(answer(Set_Cookie="session=hunter22; Path=/"))
    sender = http(server.url)
    for _ in range(2):
        sender.send("GET", "/version")
    assert "cookie" not in sent(server.heads[1])


def test_an_answer_of_too_many_values_is_not_read(serve: Callable[..., Server]) -> None:
    """The two ends are kept, as of one that is too large."""
    body = b'{"status":"finished","logs":[' + b"[]," * 2_000_000 + b'0],"x":"y"}'
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError) as caught:
            http(serve(answer(body)).url).send("GET", "/version")
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.reason == "the answer holds more values than any of the platform's"
    assert (caught.value.head[:20], caught.value.tail[-10:]) == ('{"status":"finished"', '0],"x":"y"}'[-10:])
    assert http(serve(answer(body, "404 No")).url).send("GET", "/version").is_json is False


def test_json_of_the_size_of_a_build_log_is_read_whole(serve: Callable[..., Server]) -> None:
    body = json.dumps({"logs": "línea\n" * 300_000}, ensure_ascii=False).encode()
    assert http(serve(answer(body)).url).send("GET", "/x").data == json.loads(body)


# --- who we say we are, and what we send


@pytest.mark.parametrize(
    ("token", "scheme", "header"),
    [
        pytest.param("abc", "Bearer", "Bearer abc", id="a-token"),
        pytest.param("Y2Y6", "Basic", "Basic Y2Y6", id="another-scheme"),
        pytest.param(lambda: "fresh", "bearer", "bearer fresh", id="a-token-of-this-moment"),
        pytest.param("", "Bearer", None, id="none"),
        pytest.param(lambda: "", "Bearer", None, id="none-yet"),
    ],
)
def test_the_login_of_a_request_is_what_was_given(
    wire: responses.RequestsMock, token: str | Callable[[], str], scheme: str, header: str | None
) -> None:
    wire.get(f"{BASE}/version", json={})
    Http(BASE, token=token, scheme=scheme, user_agent=AGENT, monotonic=lambda: 0.0).send("GET", "/version")
    assert wire.calls[0].request.headers.get("Authorization") == header


def test_without_a_token_the_login_of_a_netrc_is_not_taken(
    wire: responses.RequestsMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine coolify.example.com login somebody password hunter22\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    wire.get(f"{BASE}/version", json={})
    Http(BASE, token="", user_agent=AGENT, monotonic=lambda: 0.0).send("GET", "/version")
    assert "Authorization" not in wire.calls[0].request.headers


def test_a_token_is_asked_for_before_each_request(wire: responses.RequestsMock) -> None:
    wire.get(f"{BASE}/version", json={})
    tokens = iter(("one", "two"))
    sender = Http(BASE, token=lambda: next(tokens), user_agent=AGENT, monotonic=lambda: 0.0)
    for _ in range(2):
        sender.send("GET", "/version")
    assert [call.request.headers["Authorization"] for call in wire.calls] == ["Bearer one", "Bearer two"]


def test_a_form_goes_as_one(wire: responses.RequestsMock) -> None:
    wire.post(f"{BASE}/token", json={})
    http().send("POST", "/token", form={"a": "1 & 2", "b": "ü="})
    request = wire.calls[0].request
    assert (request.headers["Content-Type"], request.body) == (
        "application/x-www-form-urlencoded",
        "a=1+%26+2&b=%C3%BC%3D",
    )
