"""Servers on real sockets, and helpers for requests to them."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from deployer.http import environment
from deployer.http.client import Http
from deployer.model import UnavailableError

BASE = "https://coolify.example.com/api/v1"


TOKEN = "7|mArKeDcoolifytoken0000000000000000000000000000000"


AGENT = "deployer/0 (+https://example.com)"


Script = Callable[[socket.socket], None]


# Made for these tests: a self-signed certificate for 127.0.0.1, valid from 2024 to 2124.
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
    """A server on loopback that runs its script on each connection, after reading the head of the request."""

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
                    self._accept(connection)

    def _accept(self, connection: socket.socket) -> None:
        if self._tls:
            with self._tls.wrap_socket(connection, server_side=True) as inner:
                self._respond(inner)
        else:
            self._respond(connection)

    def _respond(self, connection: socket.socket) -> None:
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


@contextlib.contextmanager
def running_servers() -> Iterator[Callable[..., Server]]:
    """Yield a function that starts a server; all of them are closed at the end."""
    servers: list[Server] = []

    def serve(script: Script, tls: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(script, tls))
        return servers[-1]

    try:
        yield serve
    finally:
        for server in servers:
            server.close()


def tls_context(folder: Path) -> ssl.SSLContext:
    """Return the TLS context of a server for 127.0.0.1, whose CA is `CERTIFICATE`."""
    path = folder / "both.pem"
    path.write_text(KEY + CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def isolate_environment(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Hide the proxies, certificates, `.netrc` and container of the machine that runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(folder / "no-netrc"))
    monkeypatch.setattr(environment, "CONTAINERS", ())
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def http(base: str = BASE, now: Callable[[], float] = lambda: 0.0, **options: Any) -> Http:
    return Http(base, token=TOKEN, user_agent=AGENT, monotonic=now, **options)


def response(body: bytes = b"{}", status: str = "200 OK", **headers: str) -> Script:
    """Return a script that sends a complete response and closes the connection."""
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return raw(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)


def raw(data: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        connection.sendall(data)

    return script


def unavailable_error(sender: Http, *, timeout: float | None = None) -> UnavailableError:
    with pytest.raises(UnavailableError) as caught:
        sender.send("POST", "/deploy", {"uuid": "abc"}, timeout=timeout)
    assert TOKEN not in str(caught.value)
    return caught.value


def flags(error: UnavailableError) -> dict[str, Any]:
    """Return the fields of an error besides its reason."""
    fields = asdict(error)
    del fields["reason"]
    return fields


def expected_flags(*, arrived: bool) -> dict[str, Any]:
    return {
        "may_have_arrived": arrived,
        "from_server": False,
        "server_error": "",
        "retry_after": 0,
        "permanent": False,
        "from_gateway": False,
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def full_port() -> Iterator[int]:
    """Yield a port whose listener accepts no further connection."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):  # the kernel accepts these by itself
            client = stack.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


def serve_once(listener: socket.socket, data: bytes) -> threading.Thread:
    """Start a thread that responds to the first bytes of one connection, whatever they are."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(data)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def hang(connection: socket.socket) -> None:
    connection.recv(1)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def trickle(start_bytes: bytes, piece: bytes) -> Script:
    """Return a script that sends the start at once, and then a piece every 50 ms."""

    def script(connection: socket.socket) -> None:
        connection.sendall(start_bytes)
        for _ in range(60):
            connection.sendall(piece)
            time.sleep(0.05)

    return script


def with_interim_responses(script: Script, hints: bytes = b"") -> Script:
    """Return a script that sends interim responses first (RFC 9110 section 15.2; 103 is in RFC 8297)."""
    link = b"Link: </app.css>; rel=preload; as=style\r\n"
    interim = (
        b"HTTP/1.1 102 Processing\r\n\r\n"
        + 2 * (b"HTTP/1.1 103 Early Hints\r\n" + link + b"\r\n")
        + b"HTTP/1.1 100 \r\n\r\n"
    )

    def send(connection: socket.socket) -> None:
        connection.sendall(hints or interim)
        script(connection)

    return send


def hundred_times_faster() -> float:
    """A clock on which a minute passes in 0.6 s."""
    return time.monotonic() * 100


def large_response(before: bytes, size: int, after: bytes, *, chunked: bool = False) -> Script:
    """Return a script that sends a body with so many filler bytes between two ends."""
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


def headers_of(head: str) -> Mapping[str, str]:
    """Return the headers of a request, by their names in lower case."""
    pairs = (line.partition(": ") for line in head.split("\r\n")[1:] if line)
    return {name.lower(): value for name, _, value in pairs}
