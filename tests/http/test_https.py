"""TLS: which certificates are trusted, and what is said of the others."""

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
    answer,
    arrived,
    failure,
    flags,
    free_port,
    http,
    raw,
    reset,
    sent,
)


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
        f"connection through the proxy in `http_proxy` lost: {how}",
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
        "connection through the proxy in `https_proxy` lost: Remote end closed connection without response",
        arrived(yes=True),
    )


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy"])
def test_a_proxy_that_is_not_there_never_got_the_request(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, f"http://127.0.0.1:{free_port()}")
    error = failure(http(f"{variable.partition('_')[0]}://coolify.example.com/api/v1"))
    assert (
        error.reason.startswith(f"connection through the proxy in `{variable}` lost: "),
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


REFUSES = "the proxy in `https_proxy` refuses to connect to coolify.example.com ({}). Allow it there, or add coolify.example.com to `NO_PROXY`"


ASKS = "the proxy in `{}` requires a login (HTTP 407). Write http://user:password@host:port there, or add coolify.example.com to `NO_PROXY`"


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


UNTRUSTED = "For a private CA, set `ca_cert`"


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
        == f"`{variable}` names a file that does not exist. Unset it, or set `ca_cert`, which replaces it"
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
        == f"`{variable}` does not name a regular file. Unset it, or set `ca_cert`, which replaces it"
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
        reason.endswith(". Certificate authorities are read from `REQUESTS_CA_BUNDLE`"),
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
    assert caught.value.reason == "the response contains more JSON values than any response of the platform"
    assert (caught.value.head[:20], caught.value.tail[-10:]) == ('{"status":"finished"', '0],"x":"y"}'[-10:])
    assert http(serve(answer(body, "404 No")).url).send("GET", "/version").is_json is False


def test_json_of_the_size_of_a_build_log_is_read_whole(serve: Callable[..., Server]) -> None:
    body = json.dumps({"logs": "línea\n" * 300_000}, ensure_ascii=False).encode()
    assert http(serve(answer(body)).url).send("GET", "/x").data == json.loads(body)
