"""Proxies and TLS between Deployer and the site."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from deployer.model import Phase
from tests.http.servers import CERTIFICATE, Server, headers_of, response
from tests.verify.sites import (
    CLOUD_METADATA,
    ON_LOOPBACK,
    PUBLIC,
    URL,
    Resolve,
    dns,
    expectation_for,
    no_lookup,
    no_response,
    ok_snapshot,
    poll_site,
)

# --- proxies


def test_a_proxy_of_the_environment_is_used(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(response())
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    assert poll_site(expectation_for("http://app.example.com/"), resolve=no_lookup) == ok_snapshot()
    assert proxy.heads[0].startswith("GET http://app.example.com/ HTTP/1.1\r\n")


@pytest.mark.parametrize(("guarded", "resolve"), [(False, no_lookup), (True, dns(app=[PUBLIC]))])
def test_a_proxy_receives_the_host_name_not_an_address(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, resolve: Resolve, *, guarded: bool
) -> None:
    proxy = serve(response(b"no", "403 Forbidden"))
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
    reason = (
        f"{URL}: the proxy in `https_proxy` refuses to connect to app.example.com (403 Forbidden). "
        "Allow it there, or add app.example.com to `NO_PROXY`"
    )
    assert poll_site(expectation_for(guarded=guarded), resolve=resolve) == no_response(reason)
    assert [head.partition(" HTTP/")[0] for head in proxy.heads] == ["CONNECT app.example.com:443"]


def test_through_a_tunnel_the_site_itself_responds(
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
            response(b"v1.2")(inner)

    proxy = serve(tunnel)
    monkeypatch.setenv("https_proxy", f"http://somebody:hunter22@127.0.0.1:{proxy.port}")
    assert (
        poll_site(expectation_for("https://127.0.0.1:4443/", "v1.2"), ca=CERTIFICATE, resolve=no_lookup)
        == ok_snapshot()
    )
    assert [head.partition(" HTTP/")[0] for head in (*proxy.heads, *tunnelled)] == [
        "CONNECT 127.0.0.1:4443",
        "GET /",
    ]
    assert "proxy-authorization" not in headers_of(tunnelled[0])


@pytest.mark.parametrize(
    ("status", "is_evidence"),
    [
        ("407 Proxy Authentication Required", False),
        ("502 Bad Gateway", False),
        ("503 No", False),
        ("504 No", False),
        ("500 No", True),
    ],
)
def test_a_response_that_may_be_the_proxy_s_is_no_evidence(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, status: str, *, is_evidence: bool
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{serve(response(b'no', status)).port}")
    snapshot = poll_site(expectation_for("http://app.example.com/"), resolve=no_lookup)
    assert (snapshot.shows_failure, "perhaps from the proxy itself" in snapshot.reason) == (
        is_evidence,
        not is_evidence,
    )


def test_a_response_through_a_tunnel_is_the_site_s(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tunnel(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with tls.wrap_socket(connection, server_side=True) as inner:
            inner.recv(65536)
            response(b"no", "502 Bad Gateway")(inner)

    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{serve(tunnel).port}")
    assert poll_site(
        expectation_for("https://127.0.0.1:4443/"), ca=CERTIFICATE, resolve=no_lookup
    ).shows_failure


def test_direct_uses_no_proxy(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = serve(response()), serve(response())
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert poll_site(expectation_for(server.url), direct=True) == ok_snapshot()
    assert (len(server.heads), proxy.heads) == (1, [])


def test_a_host_in_no_proxy_is_checked_and_requested_directly(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = serve(response()), serve(response())
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("no_proxy", "app.example.com")
    assert (
        poll_site(expectation_for(f"http://app.example.com:{server.port}/"), resolve=ON_LOOPBACK)
        == ok_snapshot()
    )
    assert (len(server.heads), proxy.heads) == (1, [])


@pytest.mark.parametrize(
    ("host", "resolve", "requested"),
    [
        pytest.param("app.example.com", dns(), True, id="name-only-known-to-the-proxy"),
        pytest.param("app.example.com", dns(app=[PUBLIC]), True, id="public-address"),
        pytest.param("app.example.com", dns(app=[CLOUD_METADATA]), False, id="internal-address"),
        pytest.param("metadata.google.internal", dns(), False, id="cloud-metadata-name"),
        pytest.param("localhost", dns(), False, id="localhost"),
    ],
)
def test_auto_requests_nothing_internal_through_a_proxy(
    serve: Callable[..., Server],
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    resolve: Resolve,
    *,
    requested: bool,
) -> None:
    proxy = serve(response())
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("no_proxy", "nothing.example")
    snapshot = poll_site(expectation_for(f"http://{host}/", guarded=True), resolve=resolve)
    assert (snapshot.phase is Phase.SUCCEEDED, len(proxy.heads)) == (requested, int(requested))


# --- TLS


def test_an_untrusted_certificate_is_reported_with_a_hint(
    serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    server = serve(response(), tls)
    reason = poll_site(expectation_for(server.url)).reason
    assert (
        reason.startswith(f"{server.url}: TLS: "),
        "For a private CA, set `ca_cert`" in reason,
    ) == (True, True)
    assert server.heads == []


@pytest.mark.parametrize(
    "options", [{"ca": CERTIFICATE}, {"insecure": True}, {"insecure": True, "ca": CERTIFICATE}]
)
def test_a_private_ca_or_insecure_accepts_the_certificate(
    serve: Callable[..., Server], tls: ssl.SSLContext, options: Mapping[str, Any]
) -> None:
    assert poll_site(expectation_for(serve(response(), tls).url), **options) == ok_snapshot()


def test_the_certificate_must_match_the_host_name_not_its_address(
    serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    server = serve(response(), tls)
    reason = poll_site(
        expectation_for(f"https://app.example.com:{server.port}/"), ca=CERTIFICATE, resolve=ON_LOOPBACK
    ).reason
    assert "the certificate is not valid for app.example.com" in reason
    assert server.heads == []


def test_sni_contains_the_host_name(serve: Callable[..., Server], tls: ssl.SSLContext) -> None:
    server_names: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: server_names.append(name)
    try:
        server = serve(response(), tls)
        assert (
            poll_site(
                expectation_for(f"https://app.example.com:{server.port}/"), insecure=True, resolve=ON_LOOPBACK
            )
            == ok_snapshot()
        )
    finally:
        tls.sni_callback = None
    assert server_names == ["app.example.com"]


def test_the_bundle_of_the_environment_does_not_override_insecure(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text(CERTIFICATE)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    server = serve(response(), tls)
    assert (
        poll_site(
            expectation_for(f"https://app.example.com:{server.port}/"), insecure=True, resolve=ON_LOOPBACK
        )
        == ok_snapshot()
    )
