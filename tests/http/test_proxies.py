"""Which proxy a request uses, and how invalid proxy variables are reported."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.http import environment, proxies
from deployer.http.connection_errors import Attempt, unavailable
from deployer.main import main
from deployer.model import UnavailableError
from deployer.simulator import simulating
from tests.http.servers import (
    BASE,
    CERTIFICATE,
    Server,
    free_port,
    headers_of,
    http,
    response,
    serve_once,
    unavailable_error,
)
from tests.process.program import login
from tests.scenarios.test_transcripts import StillClock

# --- NO_PROXY


@pytest.mark.parametrize(
    ("url", "no_proxy"),
    [
        ("http://[::1]:8000/api", "[::1]"),
        ("http://[::1]:8000/api", "::1"),
        ("http://[::1]:8000/api", "::1/128"),
        ("http://[::1]:8000/api", "[::1]:8000"),
        ("http://[::1]:8000/api", "[::1]/128"),
        ("http://[::1]:8000/api", "0:0:0:0:0:0:0:1"),
        ("http://[fd00::12]/api", "example.org, fd00::/8"),
        ("http://10.1.2.3:8000/api", "10.1.2.3"),
        ("http://10.1.2.3:8000/api", "10.1.2.3:8000"),
        ("http://10.1.2.3:8000/api", "10.0.0.0/8"),
        ("http://10.1.2.3:8000/api", "10.0.0.0/8:8000"),
        ("http://10.1.2.3/api", "10.1.2.3:80"),
        ("https://10.1.2.3/api", "10.1.2.3:443"),
        ("http://[::ffff:10.1.2.3]/api", "10.0.0.0/8"),
        ("https://coolify.example.com/api", "coolify.example.com:443"),
        ("https://coolify.example.com/api", "localhost,.example.com"),
        ("https://coolify.example.com/api", "*.example.com"),
        ("https://coolify.example.com/api", "example.com"),
        ("https://Coolify.Example.com./api", "COOLIFY.example.com"),
        ("https://coolify.example.com:8443/api", "localhost coolify.example.com:8443"),
        ("https://coolify.example.com/api", "*"),
    ],
)
def test_hosts_in_no_proxy_are_requested_directly(
    url: str, no_proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert environment.route(url).proxy == ""


@pytest.mark.parametrize(
    ("url", "no_proxy"),
    [
        ("http://[::1]:8000/api", "[::2]"),
        ("http://[::1]:8000/api", "[::1]:80"),
        ("http://[::1]:8000/api", "127.0.0.1"),
        ("http://10.1.2.3:8000/api", "10.1.2.3:80"),
        ("http://10.1.2.3:8000/api", "10.2.0.0/16"),
        ("http://10.1.2.3:8000/api", "10.1.2"),
        ("https://coolify.example.com/api", "coolify.example.com:8443"),
        ("https://notexample.com/api", "example.com"),
        ("https://notexample.com/api", "*.example.com"),
        ("https://example.com.evil.example/api", "example.com"),
        ("https://coolify.example.com/api", ", ,:443"),
    ],
)
def test_other_hosts_are_requested_through_the_proxy(
    url: str, no_proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert environment.route(url).proxy == "http://proxy.example:3128"


def test_the_token_is_not_sent_to_a_proxy_excluded_by_no_proxy(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = serve(response()), serve(response())
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("no_proxy", f"127.0.0.0/8:{server.port}")
    http(server.url).send("GET", "/version")
    assert (len(server.heads), proxy.heads) == (1, [])


# --- which variable


@pytest.mark.parametrize(
    ("names", "url", "source"),
    [
        (("HTTP_PROXY",), "http://a.example", "`HTTP_PROXY`"),
        (("http_proxy",), "http://a.example", "`http_proxy`"),
        (("HTTP_PROXY", "http_proxy"), "http://a.example", "`http_proxy`"),
        (("HTTPS_PROXY", "ALL_PROXY"), "https://a.example", "`HTTPS_PROXY`"),
        (("HTTPS_PROXY", "ALL_PROXY"), "http://a.example", "`ALL_PROXY`"),
        (("HTTPS_PROXY",), "http://a.example", ""),
    ],
)
def test_the_variable_is_named_as_the_environment_spells_it(
    names: tuple[str, ...], url: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names:
        monkeypatch.setenv(name, f"http://{name.lower()}.example:3128".replace("_", "-"))
    assert environment.route(url).source == source


INVALID = [
    "http://produser:HashTagLong#Password1@127.0.0.1:3128",
    "http://produser:HashTagLong?Password1@127.0.0.1:3128",
    "http://produser:HashTagLong/Password1@127.0.0.1:3128",
    "http://produser:123/HashTagLong@127.0.0.1:3128",
    "http://produser:[HashTagLongPassword]@127.0.0.1:3128",
    "http://produser:HashTagLong Password@127.0.0.1:3128",
    "produser:HashTagLong#Password1@127.0.0.1:3128",
    "http://127.0.0.1:HashTagLongPassword",
    "ftp://HashTagLongPassword:x@127.0.0.1:3128",
    "http://HashTagLongPassword@",
    "http://[HashTagLongPassword",
]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("value", INVALID)
def test_an_invalid_proxy_is_an_input_error_and_not_shown(
    value: str,
    variable: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)
    with simulating("success") as session:
        code = main([], {**login(session, tmp_path), variable: value}, StillClock())  # type: ignore[arg-type]  # by shape
        assert session.journal == []
    printed = capfdbinary.readouterr().out.decode()
    assert (code, f"`{variable}` {proxies.NOT_VALID}" in printed) == (2, True)
    assert [part for part in ("HashTag", "Password1", "produser") if part in printed] == []


def test_an_invalid_proxy_is_an_error_of_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", INVALID[0])
    error = unavailable_error(http())
    assert (error.reason, error.permanent, error.may_have_arrived) == (
        f"`HTTPS_PROXY` {proxies.NOT_VALID}",
        True,
        False,
    )


def test_an_invalid_proxy_that_is_not_used_is_ignored(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", INVALID[0])
    monkeypatch.setenv("HTTP_PROXY", INVALID[0])
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert http(serve(response()).url).send("GET", "/version").status == 200


@pytest.mark.parametrize(
    ("value", "secrets"),
    [
        ("http://user:pa%3Ass%40WORD%2112345@proxy:3128", {"pa%3Ass%40WORD%2112345", "pa:ss@WORD!12345"}),
        ("user:pa:ss@word@proxy:3128", {"pa:ss@word"}),
        ("http://ghp_token%21@proxy", {"ghp_token%21", "ghp_token!"}),
        ("http://ghp_token:@proxy", {"ghp_token"}),
        ("http://ghp_token:x-oauth-basic@proxy", {"ghp_token"}),
        ("http://produser:HashTagLong#Password1@127.0.0.1:3128", {"HashTagLong#Password1"}),
        ("http://proxy:3128", set()),
    ],
)
def test_the_secrets_of_a_proxy_are_its_password_or_a_lone_user(value: str, secrets: set[str]) -> None:
    assert set(proxies.secrets({"https_proxy": value, "PATH": "a@b"})) == secrets


# --- responses of the proxy itself


@pytest.mark.parametrize("body", [b"<html><title>Login</title></html>", b'{"message": "no"}'])
def test_a_proxy_that_requires_a_login_is_an_error_at_once(
    body: bytes, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "HTTP_PROXY", f"http://127.0.0.1:{serve(response(body, '407 Proxy Authentication Required')).port}"
    )
    error = unavailable_error(http("http://coolify.example.com/api/v1"))
    assert error.reason == (
        "the proxy in `HTTP_PROXY` requires a login (HTTP 407). Write http://user:password@host:port there, "
        "or add coolify.example.com to `NO_PROXY`"
    )
    assert (error.permanent, error.may_have_arrived) == (True, False)


def test_a_response_through_a_proxy_without_tls_names_the_proxy(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{serve(response(b'<html>', '403 Forbidden')).port}")
    reply = http("http://coolify.example.com/api/v1").send("GET", "/version")
    assert (reply.status, reply.proxy, reply.through) == (
        403,
        "`HTTP_PROXY`",
        " (through the proxy in `HTTP_PROXY`)",
    )
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert http(serve(response()).url).send("GET", "/version").proxy == ""


def test_an_http_proxy_with_an_https_url_is_an_error_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{listener.getsockname()[1]}")
        proxy = serve_once(listener, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        error = unavailable_error(http())
        proxy.join()
    assert (error.reason, error.permanent) == (
        "the proxy in `HTTPS_PROXY` uses http, not https. Write http:// there",
        True,
    )


# --- SOCKS


def test_a_socks_proxy_without_pysocks_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("ALL_PROXY", "socks5h://127.0.0.1:1080")
    error = unavailable_error(http())
    assert (error.reason, error.permanent, error.may_have_arrived) == (
        f"`ALL_PROXY` {proxies.NO_SOCKS}",
        True,
        False,
    )


@pytest.mark.parametrize("login", ["", "user:pa%24s@"])
def test_a_socks_proxy_receives_the_host_name_and_the_request(
    login: str, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("socks", reason="PySocks is in requirements-dev.txt")
    handshake: list[bytes] = []

    class Socks(Server):
        """The tunnel, and the server at its end (RFC 1928, RFC 1929)."""

        def _respond(self, connection: socket.socket) -> None:
            connection.recv(262)
            connection.sendall(b"\x05\x02" if login else b"\x05\x00")
            if login:
                handshake.append(connection.recv(513))
                connection.sendall(b"\x01\x00")
            handshake.append(connection.recv(262))
            connection.sendall(b"\x05\x00\x00\x01" + bytes(4) + struct.pack(">H", 80))
            super()._respond(connection)

    proxy = Socks(response(json.dumps({"a": 1}).encode()))
    try:
        monkeypatch.setenv("ALL_PROXY", f"socks5h://{login}127.0.0.1:{proxy.port}")
        assert http("http://coolify.example.com/api/v1").send("GET", "/version").data == {"a": 1}
    finally:
        proxy.close()
    assert handshake[-1] == b"\x05\x01\x00\x03" + bytes(
        [len("coolify.example.com")]
    ) + b"coolify.example.com" + struct.pack(">H", 80)
    assert handshake[:-1] == ([b"\x01\x04user\x04pa$s"] if login else [])
    assert proxy.heads[0].startswith("GET /api/v1/version HTTP/1.1\r\n")
    assert "authorization" in headers_of(proxy.heads[0])


@pytest.mark.parametrize("ca", ["", CERTIFICATE])
def test_an_unreachable_socks_proxy_is_named(ca: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("socks", reason="PySocks is in requirements-dev.txt")
    monkeypatch.setenv("ALL_PROXY", f"socks5h://127.0.0.1:{free_port()}")
    error = unavailable_error(http(ca=ca))
    assert (
        error.reason.startswith("the proxy in `ALL_PROXY`: could not connect: "),
        error.may_have_arrived,
    ) == (
        True,
        False,
    )


# --- this container


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "127.8.8.8", "coolify.localhost", "0.0.0.0"]
)
@pytest.mark.parametrize("in_container", [True, False])
def test_an_error_for_localhost_in_a_container_has_a_hint(host: str, *, in_container: bool) -> None:
    error = unavailable(
        ConnectionRefusedError(111, "Connection refused"),
        Attempt(f"http://{host}:8000", 5, contained=in_container),
    )
    hint = f"Inside this container, {host.strip('[]')} is the container itself. Use `host.docker.internal`"
    assert (hint in error.reason, "--network host" in error.reason) == (in_container, in_container)
    assert (error.reason.startswith("could not connect: Connection refused"), error.permanent) == (
        True,
        False,
    )


def test_an_error_for_another_host_has_no_container_hint() -> None:
    error = unavailable(ConnectionRefusedError(111, "Connection refused"), Attempt(BASE, 5, contained=True))
    assert error.reason == "could not connect: Connection refused"


@pytest.mark.parametrize("exists", [True, False])
def test_a_container_is_detected_by_its_engine_s_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, exists: bool
) -> None:
    monkeypatch.setattr(environment, "CONTAINERS", (str(tmp_path / "mark"),))
    if exists:
        (tmp_path / "mark").touch()
    with contextlib.suppress(UnavailableError):
        http(f"http://127.0.0.1:{free_port()}").send("GET", "/version")
    assert (
        "is the container itself" in unavailable_error(http(f"http://127.0.0.1:{free_port()}")).reason
    ) is exists
