"""Proxies and TLS on the way to the site."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from deployer.model import Phase
from tests.http.servers import CERTIFICATE, Server, answer, sent
from tests.verify.sites import (
    CLOUD,
    HERE,
    PUBLIC,
    URL,
    Resolve,
    expected,
    good,
    in_vain,
    look,
    names,
    nobody,
)

# --- proxies


def test_a_proxy_of_the_environment_is_used(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(answer())
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    assert look(expected("http://app.example.com/"), resolve=nobody) == good()
    assert proxy.heads[0].startswith("GET http://app.example.com/ HTTP/1.1\r\n")


@pytest.mark.parametrize(("guarded", "resolve"), [(False, nobody), (True, names(app=[PUBLIC]))])
def test_a_proxy_is_asked_for_the_name_never_for_an_address(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, resolve: Resolve, *, guarded: bool
) -> None:
    proxy = serve(answer(b"no", "403 Forbidden"))
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
    reason = f"{URL}: the proxy in `https_proxy` refuses to connect to app.example.com (403 Forbidden). Allow it there, or add app.example.com to `NO_PROXY`"
    assert look(expected(guarded=guarded), resolve=resolve) == in_vain(reason)
    assert [head.partition(" HTTP/")[0] for head in proxy.heads] == ["CONNECT app.example.com:443"]


def test_through_a_tunnel_the_site_itself_answers(
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
            answer(b"v1.2")(inner)

    proxy = serve(tunnel)
    monkeypatch.setenv("https_proxy", f"http://somebody:hunter22@127.0.0.1:{proxy.port}")
    assert look(expected("https://127.0.0.1:4443/", "v1.2"), ca=CERTIFICATE, resolve=nobody) == good()
    assert [head.partition(" HTTP/")[0] for head in (*proxy.heads, *inside)] == [
        "CONNECT 127.0.0.1:4443",
        "GET /",
    ]
    assert "proxy-authorization" not in sent(inside[0])


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("407 Proxy Authentication Required", False),
        ("502 Bad Gateway", False),
        ("503 No", False),
        ("504 No", False),
        ("500 No", True),
    ],
)
def test_what_may_be_the_proxy_s_own_answer_is_no_evidence(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, status: str, *, counts: bool
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{serve(answer(b'no', status)).port}")
    snapshot = look(expected("http://app.example.com/"), resolve=nobody)
    assert (snapshot.shows_failure, "perhaps from the proxy itself" in snapshot.reason) == (
        counts,
        not counts,
    )


def test_what_a_tunnel_carries_is_the_site_s_own_answer(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tunnel(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with tls.wrap_socket(connection, server_side=True) as inner:
            inner.recv(65536)
            answer(b"no", "502 Bad Gateway")(inner)

    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{serve(tunnel).port}")
    assert look(expected("https://127.0.0.1:4443/"), ca=CERTIFICATE, resolve=nobody).shows_failure


def test_direct_goes_past_every_proxy(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = serve(answer()), serve(answer())
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert look(expected(server.url), direct=True) == good()
    assert (len(server.heads), proxy.heads) == (1, [])


def test_a_name_that_needs_no_proxy_is_checked_and_connected_to_as_without_one(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = serve(answer()), serve(answer())
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("no_proxy", "app.example.com")
    assert look(expected(f"http://app.example.com:{server.port}/"), resolve=HERE) == good()
    assert (len(server.heads), proxy.heads) == (1, [])


@pytest.mark.parametrize(
    ("host", "resolve", "asks"),
    [
        pytest.param("app.example.com", names(), True, id="a-name-that-only-the-proxy-knows"),
        pytest.param("app.example.com", names(app=[PUBLIC]), True, id="a-name-that-leads-outside"),
        pytest.param("app.example.com", names(app=[CLOUD]), False, id="a-name-that-leads-inward"),
        pytest.param("metadata.google.internal", names(), False, id="a-name-of-a-cloud"),
        pytest.param("localhost", names(), False, id="a-name-of-this-machine"),
    ],
)
def test_auto_does_not_send_a_proxy_inward_either(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, host: str, resolve: Resolve, *, asks: bool
) -> None:
    proxy = serve(answer())
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("no_proxy", "nothing.example")
    snapshot = look(expected(f"http://{host}/", guarded=True), resolve=resolve)
    assert (snapshot.phase is Phase.SUCCEEDED, len(proxy.heads)) == (asks, int(asks))


# --- TLS


def test_a_certificate_of_nobody_is_told_with_the_way_out(
    serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    server = serve(answer(), tls)
    reason = look(expected(server.url)).reason
    assert (
        reason.startswith(f"{server.url}: TLS: "),
        "For a private CA, set `ca_cert`" in reason,
    ) == (True, True)
    assert server.heads == []


@pytest.mark.parametrize(
    "knobs", [{"ca": CERTIFICATE}, {"insecure": True}, {"insecure": True, "ca": CERTIFICATE}]
)
def test_an_own_authority_is_believed_and_insecure_asks_for_none(
    serve: Callable[..., Server], tls: ssl.SSLContext, knobs: Mapping[str, Any]
) -> None:
    assert look(expected(serve(answer(), tls).url), **knobs) == good()


def test_the_certificate_must_be_for_the_name_not_for_the_address_it_leads_to(
    serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    server = serve(answer(), tls)
    reason = look(expected(f"https://app.example.com:{server.port}/"), ca=CERTIFICATE, resolve=HERE).reason
    assert "the certificate is not valid for app.example.com" in reason
    assert server.heads == []


def test_the_server_is_told_the_name_that_is_meant(serve: Callable[..., Server], tls: ssl.SSLContext) -> None:
    told: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: told.append(name)
    try:
        server = serve(answer(), tls)
        assert (
            look(expected(f"https://app.example.com:{server.port}/"), insecure=True, resolve=HERE) == good()
        )
    finally:
        tls.sni_callback = None
    assert told == ["app.example.com"]


def test_a_bundle_of_the_environment_does_not_undo_insecure(
    serve: Callable[..., Server], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text(CERTIFICATE)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    server = serve(answer(), tls)
    assert look(expected(f"https://app.example.com:{server.port}/"), insecure=True, resolve=HERE) == good()
