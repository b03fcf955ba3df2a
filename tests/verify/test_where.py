"""Which URLs are requested, and which redirects are followed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import responses

from deployer.model import Phase, Snapshot
from deployer.verify.judge import shown
from deployer.verify.where import checked, followed, is_internal
from tests.http.servers import Server, headers_of, reset, response
from tests.verify.sites import (
    CLOUD_METADATA,
    PUBLIC,
    URL,
    dns,
    expectation_for,
    no_lookup,
    ok_snapshot,
    one_after_another,
    poll_site,
)

# --- internal addresses and redirects


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "169.254.170.2",
        "169.254.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "febf::1",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::169.254.169.254",
        "2002:7f00:1::",
        "2001:0:a9fe:a9fe::1",
    ],
)
def test_loopback_link_local_and_metadata_addresses_are_internal(address: str) -> None:
    assert is_internal(address)


@pytest.mark.parametrize(
    "address",
    [
        "203.0.113.7",
        "10.0.0.5",
        "192.168.1.10",
        "172.17.0.1",
        "100.64.0.1",
        "128.0.0.1",
        "169.253.0.1",
        "1.0.0.1",
        "2001:db8::1",
        "fd12:3456::1",
        "fec0::1",
        "::ffff:203.0.113.7",
        "64:ff9b::203.0.113.7",
        "2002:cb00:7107::",
    ],
)
def test_other_addresses_including_private_ones_are_not_internal(address: str) -> None:
    assert not is_internal(address)


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        pytest.param(URL, "/login", "https://app.example.com/login", id="relative"),
        pytest.param(URL, "//app.example.com/x", "https://app.example.com/x", id="without-scheme"),
        pytest.param(URL, "https://www.app.example.com/", "https://www.app.example.com/", id="with-www"),
        pytest.param(
            "https://www.example.com/", "https://example.com/", "https://example.com/", id="without-www"
        ),
        pytest.param(
            URL, "https://APP.example.com./", "https://app.example.com./", id="other-case-and-trailing-dot"
        ),
        pytest.param("http://app.example.com/", URL, URL, id="upgrade-to-https"),
        pytest.param(
            "http://app.example.com/",
            "http://app.example.com:8080/",
            "http://app.example.com:8080/",
            id="another-port",
        ),
        pytest.param(
            "https://bücher.example/",
            "https://xn--bcher-kva.example/x",
            "https://xn--bcher-kva.example/x",
            id="punycode",
        ),
        pytest.param(URL, "/caf\xc3\xa9", "https://app.example.com/caf%C3%A9", id="raw-utf-8"),
        pytest.param(URL, "http://app.example.com/", "", id="downgrade-to-http"),
        pytest.param(URL, "https://login.example.com/", "", id="another-host"),
        pytest.param(URL, "https://www.www.app.example.com/", "", id="double-www"),
        pytest.param(URL, "https://example.com/", "", id="parent-domain"),
        pytest.param(URL, "https://app.example.com.evil.example/", "", id="longer-name"),
        pytest.param(URL, f"http://{CLOUD_METADATA}/latest/meta-data/", "", id="cloud-metadata"),
        pytest.param(URL, "https://app.example.com@evil.example/", "", id="host-as-login"),
        pytest.param(URL, "https://evil.example\\@app.example.com/", "", id="backslash"),
        pytest.param(URL, "https://somebody:hunter22@app.example.com/", "", id="login"),
        pytest.param(URL, "file:///etc/passwd", "", id="file"),
        pytest.param(URL, "gopher://app.example.com/", "", id="another-scheme"),
        pytest.param(URL, "javascript:x", "", id="javascript"),
        pytest.param(URL, "https://[::1", "", id="invalid-address"),
        pytest.param(URL, "https://app.example.com:99999/", "", id="invalid-port"),
    ],
)
def test_a_redirect_is_followed_to_the_same_host_only(url: str, location: str, target: str) -> None:
    assert followed(checked(url), location) == target


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param(
            "ftp://app.example.com/", "only a URL with http:// or https:// can be requested", id="ftp"
        ),
        pytest.param("file:///etc/passwd", "only a URL with http:// or https:// can be requested", id="file"),
        pytest.param("app.example.com", "this is not a valid URL", id="no-scheme"),
        pytest.param("https://", "this is not a valid URL", id="no-host"),
        pytest.param("https://[::1", "this is not a valid URL", id="incomplete-address"),
        pytest.param(
            "https://somebody:hunter22@app.example.com/",
            "a URL with a login in it is not requested",
            id="login",
        ),
    ],
)
def test_invalid_urls_are_not_requested(url: str, reason: str) -> None:
    with responses.RequestsMock():
        assert poll_site(expectation_for(url), resolve=no_lookup) == Snapshot(
            Phase.RUNNING, "no response", reason=f"{shown(url)}: {reason}"
        )


# --- what `auto` never requests


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        pytest.param("app.example.com", ["127.0.0.1"], id="loopback"),
        pytest.param("app.example.com", [PUBLIC, "::1"], id="loopback-among-others"),
        pytest.param("app.example.com", [CLOUD_METADATA], id="cloud-metadata"),
        pytest.param("app.example.com", ["fd00:ec2::254"], id="cloud-metadata-by-ipv6"),
        pytest.param("metadata.google.internal", [PUBLIC], id="cloud-metadata-name"),
        pytest.param("METADATA.google.internal.", [PUBLIC], id="cloud-metadata-name-in-other-case"),
        pytest.param("app.localhost", [PUBLIC], id="localhost"),
    ],
)
def test_auto_requests_no_name_with_an_internal_address(host: str, addresses: list[str]) -> None:
    with responses.RequestsMock():
        snapshot = poll_site(expectation_for(f"http://{host}/", guarded=True), resolve=lambda *_: addresses)
    assert (snapshot.phase, snapshot.raw_status) == (Phase.RUNNING, "no response")
    assert (
        " is this machine, a link-local address or a cloud metadata service, which `auto` never "
        "contacts. If it is intended, set " in snapshot.reason
    )


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"],
)
def test_auto_requests_no_internal_address_in_any_spelling(serve: Callable[..., Server], host: str) -> None:
    server = serve(response())
    snapshot = poll_site(expectation_for(f"http://{host}:{server.port}/", guarded=True))
    assert ("which `auto` never contacts" in snapshot.reason, server.heads) == (True, [])


def test_auto_follows_no_redirect_to_an_internal_address() -> None:
    with responses.RequestsMock() as wire:
        wire.get("http://app.example.com/", status=302, headers={"Location": "http://www.app.example.com/"})
        snapshot = poll_site(
            expectation_for("http://app.example.com/", guarded=True),
            resolve=dns(app=[PUBLIC], www=["127.0.0.1"]),
        )
    reason = (
        "http://app.example.com/: not requested: www.app.example.com (127.0.0.1) is this machine, a "
        "link-local address or a cloud metadata service, "
    )
    assert snapshot.reason.startswith(reason)


def test_auto_requests_other_addresses() -> None:
    with responses.RequestsMock() as wire:
        wire.get(URL)
        assert poll_site(expectation_for(guarded=True), resolve=dns(app=["10.0.0.5"])) == ok_snapshot()


def test_an_explicit_url_is_requested_wherever_it_is(serve: Callable[..., Server]) -> None:
    assert (
        poll_site(
            expectation_for(f"http://localhost:{serve(response()).port}/"), resolve=lambda *_: ["127.0.0.1"]
        )
        == ok_snapshot()
    )


def test_the_connection_uses_the_checked_address_and_resolves_once(
    serve: Callable[..., Server],
) -> None:
    """Nothing else can resolve the name: a second lookup would fail."""
    server, lookups = serve(response()), []

    def resolve(host: str, port: int) -> list[str]:
        lookups.append((host, port))
        return ["127.0.0.1"]

    assert (
        poll_site(expectation_for(f"http://app.example.com:{server.port}/"), resolve=resolve) == ok_snapshot()
    )
    assert (lookups, headers_of(server.heads[0])["host"]) == (
        [("app.example.com", server.port)],
        f"app.example.com:{server.port}",
    )


@pytest.mark.parametrize(
    ("url", "port"), [("http://app.example.com/", 80), ("https://app.example.com/", 443)]
)
def test_default_ports(url: str, port: int) -> None:
    ports: list[int] = []

    def resolve(_host: str, port: int) -> list[str]:
        ports.append(port)
        return [PUBLIC]

    with responses.RequestsMock() as wire:
        wire.get(url)
        poll_site(expectation_for(url), resolve=resolve)
    assert ports == [port]


def test_if_an_address_refuses_the_connection_the_next_is_used(serve: Callable[..., Server]) -> None:
    server = serve(response())
    url = f"http://app.example.com:{server.port}/"
    assert poll_site(expectation_for(url), resolve=dns(app=["127.0.0.2", "127.0.0.1"])) == ok_snapshot()


def test_if_an_address_received_the_request_no_other_is_used(serve: Callable[..., Server]) -> None:
    server = serve(one_after_another(reset, response()))
    url = f"http://app.example.com:{server.port}/"
    assert (
        poll_site(expectation_for(url), resolve=dns(app=["127.0.0.1", "127.0.0.1"])).raw_status
        == "no response"
    )
    assert len(server.heads) == 1
