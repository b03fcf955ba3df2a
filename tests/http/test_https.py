"""TLS: which certificates are trusted, and how the others are reported."""

from __future__ import annotations

import json
import os
import socket
import ssl
import time
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import certifi
import pytest

from deployer.http.client import TooLargeError
from tests.http.servers import (
    BASE,
    CERTIFICATE,
    HEAD,
    Script,
    Server,
    expected_flags,
    flags,
    free_port,
    headers_of,
    http,
    raw,
    reset,
    response,
    unavailable_error,
)


def closed(_connection: socket.socket) -> None:
    """Close without a response."""


BROKEN_CONNECTIONS = [
    pytest.param(closed, "Remote end closed connection without response", id="closed"),
    pytest.param(reset, "Connection reset by peer", id="reset"),
]


@pytest.mark.parametrize(("script", "reason"), BROKEN_CONNECTIONS)
def test_after_a_proxy_broke_off_the_request_may_have_arrived(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, script: Script, reason: str
) -> None:
    """Without TLS a proxy may have forwarded it: the trigger must not be sent again."""
    proxy = serve(script)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    error = unavailable_error(http("http://coolify.example.com/api/v1"))
    assert [head.partition("\r\n")[0] for head in proxy.heads] == [
        "POST http://coolify.example.com/api/v1/deploy?uuid=abc HTTP/1.1"
    ]
    assert (error.reason, flags(error)) == (
        f"connection through the proxy in `http_proxy` lost: {reason}",
        expected_flags(arrived=True),
    )


def test_after_a_tunnel_broke_the_request_may_have_arrived(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunnelled: list[str] = []

    def tunnel(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with tls.wrap_socket(connection, server_side=True) as inner:
            head = b""
            while b"\r\n\r\n" not in head:
                head += inner.recv(65536)
            tunnelled.append(head.decode("latin-1"))

    proxy = serve(tunnel)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
    error = unavailable_error(http("https://127.0.0.1:4443/api/v1", ca=CERTIFICATE))
    assert [head.partition(" HTTP/")[0] for head in proxy.heads] == ["CONNECT 127.0.0.1:4443"]
    assert [head.partition("\r\n")[0] for head in tunnelled] == ["POST /api/v1/deploy?uuid=abc HTTP/1.1"]
    assert (error.reason, flags(error)) == (
        "connection through the proxy in `https_proxy` lost: Remote end closed connection without response",
        expected_flags(arrived=True),
    )


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy"])
def test_through_an_unreachable_proxy_the_request_never_arrived(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, f"http://127.0.0.1:{free_port()}")
    error = unavailable_error(http(f"{variable.partition('_')[0]}://coolify.example.com/api/v1"))
    assert (
        error.reason.startswith(f"connection through the proxy in `{variable}` lost: "),
        flags(error),
    ) == (
        True,
        expected_flags(arrived=False),
    )
    assert error.reason.endswith("Connection refused")


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy"])
def test_through_a_proxy_that_does_not_accept_the_request_never_arrived(
    full: int, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, f"http://127.0.0.1:{full}")
    sender = http(f"{variable.partition('_')[0]}://coolify.example.com/api/v1")
    errors = [unavailable_error(sender, timeout=0.2) for _ in range(2)]
    assert [flags(error) for error in errors] == [expected_flags(arrived=False)] * 2
    assert errors[0].reason == errors[1].reason  # so that the same error is reported once
    assert "0x" not in errors[0].reason


REFUSES = (
    "the proxy in `https_proxy` refuses to connect to coolify.example.com ({}). Allow it there, or "
    "add coolify.example.com to `NO_PROXY`"
)


LOGIN_REQUIRED = (
    "the proxy in `{}` requires a login (HTTP 407). Write http://user:password@host:port "
    "there, or add coolify.example.com to `NO_PROXY`"
)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("407 Proxy Authentication Required", LOGIN_REQUIRED.format("https_proxy")),
        ("403 Forbidden", REFUSES.format("403 Forbidden")),
        ("501 Unsupported method", REFUSES.format("501 Unsupported method")),
        ("502 Bad Gateway", REFUSES.format("502 Bad Gateway")),
    ],
)
@pytest.mark.parametrize("ca", ["", CERTIFICATE], ids=["public", "own"])
def test_through_a_refused_tunnel_the_request_never_arrived(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, status: str, reason: str, ca: str
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{serve(response(b'no', status)).port}")
    error = unavailable_error(http(ca=ca))
    assert (error.reason, flags(error)) == (
        reason,
        {**expected_flags(arrived=False), "permanent": status != "502 Bad Gateway"},
    )  # 502 may be temporary


UNTRUSTED = "For a private CA, set `ca_cert`"


def test_an_untrusted_certificate_is_refused_with_a_hint(
    serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    server = serve(response(), tls)
    error = unavailable_error(http(server.url))
    assert (error.reason.startswith("TLS: "), UNTRUSTED in error.reason) == (True, True)
    assert flags(error) == {**expected_flags(arrived=False), "permanent": True}
    assert server.heads == []


def test_a_private_ca_is_trusted(serve: Callable[..., Server], tls: ssl.SSLContext) -> None:
    assert http(serve(response(), tls).url, ca=CERTIFICATE).send("GET", "/version").status == 200


def test_a_private_ca_is_added_to_the_public_ones() -> None:
    public = ssl.create_default_context(cafile=certifi.where()).cert_store_stats()["x509_ca"]
    adapter: Any = http(ca=CERTIFICATE)._session.get_adapter(BASE)
    context = adapter.poolmanager.connection_pool_kw["ssl_context"]
    assert public > 50
    assert context.cert_store_stats()["x509_ca"] == public + 1
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_private_ca_does_not_disable_the_host_name_check(
    serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    server = serve(response(), tls)
    error = unavailable_error(http(f"https://localhost:{server.port}", ca=CERTIFICATE))
    assert error.reason.startswith("TLS: ")
    assert server.heads == []


def test_insecure_accepts_any_certificate(serve: Callable[..., Server], tls: ssl.SSLContext) -> None:
    assert http(serve(response(), tls).url, insecure=True).send("GET", "/version").status == 200


@pytest.mark.parametrize(
    "options", [{"insecure": True}, {"ca": CERTIFICATE}, {"ca": CERTIFICATE, "insecure": True}]
)
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_insecure_and_ca_cert_override_the_bundle_of_the_environment(
    serve: Callable[..., Server],
    tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    options: Mapping[str, Any],
    variable: str,
) -> None:
    monkeypatch.setenv(variable, certifi.where())
    assert http(serve(response(), tls).url, **options).send("GET", "/version").status == 200


def test_the_bundle_of_the_environment_is_trusted(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bundle.pem").write_text(CERTIFICATE)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "bundle.pem"))
    assert http(serve(response(), tls).url).send("GET", "/version").status == 200


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_missing_bundle_of_the_environment_is_named(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """It may exist in the job's image, while this container only has the variable."""
    monkeypatch.setenv(variable, "/no/such/bundle.pem")
    server = serve(response(), tls)
    error = unavailable_error(http(server.url))
    assert (
        error.reason
        == f"`{variable}` names a file that does not exist. Unset it, or set `ca_cert`, which replaces it"
    )
    assert (flags(error), server.heads) == ({**expected_flags(arrived=False), "permanent": True}, [])
    for options in ({"ca": CERTIFICATE}, {"insecure": True}):
        assert http(server.url, **options).send("GET", "/version").status == 200
    assert http(serve(response()).url).send("GET", "/version").status == 200  # not read without TLS


@pytest.mark.parametrize(
    ("variable", "device"), [("REQUESTS_CA_BUNDLE", "fifo"), ("CURL_CA_BUNDLE", "/dev/zero")]
)
def test_an_endless_bundle_of_the_environment_is_not_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, device: str
) -> None:
    """OpenSSL would read it forever, beyond every timeout."""
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setenv(variable, str(tmp_path / device))
    error = unavailable_error(http("https://127.0.0.1:9"))
    assert (
        error.reason
        == f"`{variable}` does not name a regular file. Unset it, or set `ca_cert`, which replaces it"
    )
    assert flags(error) == {**expected_flags(arrived=False), "permanent": True}


def test_a_bundle_of_the_environment_without_a_certificate_is_an_error(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bundle.pem").write_text("no certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "bundle.pem"))
    reason = unavailable_error(http(serve(response(), tls).url)).reason
    assert (
        reason.startswith("TLS: "),
        reason.endswith(". Certificate authorities are read from `REQUESTS_CA_BUNDLE`"),
    ) == (True, True)


def test_a_session_reconnects_after_the_server_closed_its_connection(serve: Callable[..., Server]) -> None:
    server = serve(raw(HEAD + b"Content-Length: 2\r\n\r\n{}"))  # keep-alive, but it closes
    sender = http(server.url)
    for _ in range(3):
        assert sender.send("GET", "/version").data == {}
        time.sleep(0.02)
    assert len(server.heads) == 3


def test_cookies_are_not_kept(serve: Callable[..., Server]) -> None:
    """Each response could make every later request larger."""
    server = serve(response(Set_Cookie="session=hunter22; Path=/"))
    sender = http(server.url)
    for _ in range(2):
        sender.send("GET", "/version")
    assert "cookie" not in headers_of(server.heads[1])


def test_a_response_with_too_many_json_values_is_not_parsed(serve: Callable[..., Server]) -> None:
    """Both ends are kept, as of a response that is too large."""
    body = b'{"status":"finished","logs":[' + b"[]," * 2_000_000 + b'0],"x":"y"}'
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError) as caught:
            http(serve(response(body)).url).send("GET", "/version")
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.reason == "the response contains more JSON values than any response of the platform"
    assert (caught.value.head[:20], caught.value.tail[-10:]) == ('{"status":"finished"', '0],"x":"y"}'[-10:])
    assert http(serve(response(body, "404 No")).url).send("GET", "/version").is_json is False


def test_json_of_the_size_of_a_build_log_is_read_whole(serve: Callable[..., Server]) -> None:
    body = json.dumps({"logs": "línea\n" * 300_000}, ensure_ascii=False).encode()
    assert http(serve(response(body)).url).send("GET", "/x").data == json.loads(body)
