"""How certificate errors and wrong schemes are reported, with real handshakes.

The certificates are those of `tests/tls`, which its script creates.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certifi
import pytest
import urllib3

from deployer.http import tls
from deployer.main import _tls_warnings
from deployer.settings import Common
from tests.http.servers import CERTIFICATE, Server, http, raw, response, serve_once, unavailable_error
from tests.verify.sites import expectation_for, poll_site

CERTIFICATES = Path(__file__).parents[1] / "tls"
AUTHORITY = (CERTIFICATES / "authority.pem").read_text()


def server_tls(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    return context


@pytest.fixture(name="strict", params=[False, True], ids=["lenient", "strict"])
def _strict(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """A Python that sets VERIFY_X509_STRICT by default, as 3.13 and later do, and one that does not."""

    def patched(make: Callable[..., ssl.SSLContext]) -> Callable[..., ssl.SSLContext]:
        def made(*args: Any, **options: Any) -> ssl.SSLContext:
            context = make(*args, **options)
            flags = context.verify_flags & ~ssl.VERIFY_X509_STRICT & ~ssl.VERIFY_X509_PARTIAL_CHAIN
            context.verify_flags = flags | (
                ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN if request.param else 0
            )
            return context

        return made

    monkeypatch.setattr(ssl, "create_default_context", patched(ssl.create_default_context))
    monkeypatch.setattr(
        "urllib3.connection.create_urllib3_context", patched(urllib3.util.ssl_.create_urllib3_context)
    )
    return bool(request.param)


@pytest.mark.usefixtures("strict")
def test_a_private_ca_that_curl_accepts_is_accepted(serve: Callable[..., Server]) -> None:
    server = serve(response(), server_tls("server"))
    assert http(server.url, ca=AUTHORITY).send("GET", "/version").status == 200
    assert "HTTP 200" in poll_site(expectation_for(server.url), ca=AUTHORITY).raw_status


@pytest.mark.usefixtures("strict")
def test_the_server_s_own_certificate_may_be_the_ca(serve: Callable[..., Server]) -> None:
    """As with curl, a chain may end at any trusted certificate."""
    leaf = "-----BEGIN CERT" + (CERTIFICATES / "server.pem").read_text().partition("-----BEGIN CERT")[2]
    assert http(serve(response(), server_tls("server")).url, ca=leaf).send("GET", "/version").status == 200


def test_without_ca_cert_a_missing_key_identifier_is_an_error_of_a_strict_python(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, *, strict: bool
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "authority.pem"))
    server = serve(response(), server_tls("server"))
    if not strict:
        assert http(server.url).send("GET", "/version").status == 200
        return
    error = unavailable_error(http(server.url))
    assert error.reason == (
        "TLS: the certificate of 127.0.0.1 fails the strict checks of this Python (Missing Authority Key "
        "Identifier). "
        "Set `ca_cert` to its CA to relax them"
    )
    assert (error.permanent, error.may_have_arrived, server.heads) == (True, False, [])


TLS_INPUTS = ((AUTHORITY, False), ("", False), (AUTHORITY, True))


def test_a_warning_says_that_ca_cert_relaxes_the_strict_checks(*, strict: bool) -> None:
    warnings = [
        list(_tls_warnings(Common.model_construct(ca_cert=ca, insecure=insecure)))
        for ca, insecure in TLS_INPUTS
    ]
    assert [[text == tls.LENIENT for text in texts] for texts in warnings] == [
        [True] if strict else [],
        [],
        [False],
    ]


@pytest.mark.parametrize("ca", [AUTHORITY, ""], ids=["with-ca_cert", "with-a-bundle"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "expired",
            "TLS: the certificate of 127.0.0.1, or of its CA, has expired. Renew it on the server",
        ),
        (
            "future",
            "TLS: the certificate of 127.0.0.1 is not valid yet. Check both clocks",
        ),
        (
            "elsewhere",
            (
                "TLS: the certificate is not valid for 127.0.0.1. Use a name that it contains, or renew it "
                "for this one"
            ),
        ),
    ],
)
def test_an_invalid_certificate_is_an_error_at_once_without_a_hint_at_ca_cert(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, name: str, reason: str, ca: str
) -> None:
    """Dates are checked before the rules of a strict Python."""
    bundle = CERTIFICATES / "authority.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file" if ca else str(bundle))
    monkeypatch.setattr(urllib3.util.ssl_, "VERIFY_X509_STRICT", 0)
    server = serve(response(), server_tls(name))
    error = unavailable_error(http(server.url, ca=ca))
    assert (error.reason, error.permanent, error.may_have_arrived) == (reason, True, False)
    assert ("ca_cert" in error.reason, server.heads) == (False, [])


@pytest.mark.parametrize("variable", ["", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_an_unknown_ca_is_reported_with_the_bundle_that_was_used(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    if variable:
        monkeypatch.setenv(variable, certifi.where())
    server = serve(response(), server_tls("server"))
    monkeypatch.setenv("SSL_CERT_DIR", "/no/such/folder")
    assert unavailable_error(http(server.url)).reason.endswith(
        "For a private CA, set `ca_cert` (`SSL_CERT_DIR` is not supported)"
    )
    monkeypatch.delenv("SSL_CERT_DIR")
    reason = unavailable_error(http(server.url)).reason
    where = f" in `{variable}`" if variable else ""
    assert reason.startswith(f"TLS: the certificate of 127.0.0.1 is not signed by a trusted CA{where} (")
    assert reason.endswith("For a private CA, set `ca_cert`")
    error_with_ca = unavailable_error(http(server.url, ca=CERTIFICATE))
    assert error_with_ca.reason.startswith(
        "TLS: the certificate of 127.0.0.1 is signed neither by `ca_cert` nor by a public CA ("
    )
    assert error_with_ca.reason.endswith("Check that `ca_cert` is the CA that signed it")
    assert error_with_ca.permanent


# --- the wrong scheme


def test_http_on_an_https_url_is_an_error_with_the_right_url() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = serve_once(listener, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        error = unavailable_error(http(f"https://127.0.0.1:{listener.getsockname()[1]}/api/v1"))
        server.join()
    port = error.reason.rpartition(":")[2]
    assert (error.reason, error.permanent) == (
        f"the port does not use TLS. If it uses plain http, write http://127.0.0.1:{port}",
        True,
    )


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(b"Client sent an HTTP request to an HTTPS server.\n", id="go"),
        pytest.param(
            b"<html><center>The plain HTTP request was sent to HTTPS port</center><hr>nginx</html>",
            id="nginx",
        ),
        pytest.param(b"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />", id="apache"),
        pytest.param(b"Bad Request\r\nThis combination of host and port requires TLS.\r\n", id="tomcat"),
    ],
)
def test_https_on_an_http_url_is_an_error_with_the_right_url(
    serve: Callable[..., Server], page: bytes
) -> None:
    server = serve(response(page, "400 Bad Request", Content_Type="text/html"))
    error = unavailable_error(http(f"{server.url}/api/v1"))
    assert (error.reason, error.permanent, error.may_have_arrived) == (
        f"the port uses https, not http. Write https://127.0.0.1:{server.port}",
        True,
        False,
    )


def test_https_that_closes_plain_http_is_detected(
    serve: Callable[..., Server],
) -> None:
    server = serve(response(), server_tls("server"))
    error = unavailable_error(http(f"http://127.0.0.1:{server.port}"))
    assert (error.reason, error.permanent) == (
        f"the port uses https, not http. Write https://127.0.0.1:{server.port}",
        True,
    )
    assert server.heads == []


def test_a_server_that_responded_before_is_not_probed_for_tls(serve: Callable[..., Server]) -> None:
    """After a restart in the middle of a run, the connection was just lost."""
    sender = http(serve(response()).url)
    sender.send("GET", "/version")
    sender.base = f"http://127.0.0.1:{serve(response(), server_tls('server')).port}"
    assert unavailable_error(sender).reason.startswith("connection lost: ")


def test_a_tls_alert_on_an_http_url_is_detected(serve: Callable[..., Server]) -> None:
    server = serve(raw(b"\x15\x03\x01\x00\x02\x02\x46"))  # fatal, protocol_version: RFC 8446 section 6
    error = unavailable_error(http(server.url))
    assert (error.reason, error.permanent) == (
        f"the port uses https, not http. Write https://127.0.0.1:{server.port}",
        True,
    )


def test_a_page_that_only_mentions_https_is_a_response(serve: Callable[..., Server]) -> None:
    page = b"Client sent an HTTP request to an HTTPS server."
    assert (
        http(serve(response(page, Content_Type="text/plain")).url).send("GET", "/version").data
        == page.decode()
    )
