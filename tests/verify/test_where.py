"""Which URLs are requested, and which redirects are followed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import responses

from deployer.model import Phase, Snapshot
from deployer.verify.judge import shown
from deployer.verify.where import checked, followed, is_internal
from tests.http.servers import Server, answer, reset, sent
from tests.verify.sites import (
    CLOUD,
    PUBLIC,
    URL,
    expected,
    good,
    in_turn,
    look,
    names,
    nobody,
)

# --- where we go


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
def test_an_address_of_this_machine_its_link_or_a_cloud_is_inward(address: str) -> None:
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
def test_any_other_is_not_a_private_one_included(address: str) -> None:
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
        pytest.param(URL, "https://APP.example.com./", "https://app.example.com./", id="spelled-otherwise"),
        pytest.param("http://app.example.com/", URL, URL, id="up-to-https"),
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
            id="another-spelling",
        ),
        pytest.param(URL, "/caf\xc3\xa9", "https://app.example.com/caf%C3%A9", id="raw-utf-8"),
        pytest.param(URL, "http://app.example.com/", "", id="down-to-http"),
        pytest.param(URL, "https://login.example.com/", "", id="another-host"),
        pytest.param(URL, "https://www.www.app.example.com/", "", id="another-www"),
        pytest.param(URL, "https://example.com/", "", id="a-parent"),
        pytest.param(URL, "https://app.example.com.evil.example/", "", id="a-longer-name"),
        pytest.param(URL, f"http://{CLOUD}/latest/meta-data/", "", id="a-cloud"),
        pytest.param(URL, "https://app.example.com@evil.example/", "", id="a-name-as-a-login"),
        pytest.param(URL, "https://evil.example\\@app.example.com/", "", id="a-backslash"),
        pytest.param(URL, "https://somebody:hunter22@app.example.com/", "", id="a-login"),
        pytest.param(URL, "file:///etc/passwd", "", id="a-file"),
        pytest.param(URL, "gopher://app.example.com/", "", id="another-scheme"),
        pytest.param(URL, "javascript:x", "", id="a-script"),
        pytest.param(URL, "https://[::1", "", id="no-address"),
        pytest.param(URL, "https://app.example.com:99999/", "", id="no-port"),
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
        pytest.param(
            "file:///etc/passwd", "only a URL with http:// or https:// can be requested", id="a-file"
        ),
        pytest.param("app.example.com", "this is not a valid URL", id="no-scheme"),
        pytest.param("https://", "this is not a valid URL", id="no-host"),
        pytest.param("https://[::1", "this is not a valid URL", id="half-an-address"),
        pytest.param(
            "https://somebody:hunter22@app.example.com/",
            "a URL with a login in it is not requested",
            id="a-login",
        ),
    ],
)
def test_what_is_no_address_for_us_is_not_asked(url: str, reason: str) -> None:
    with responses.RequestsMock():
        assert look(expected(url), resolve=nobody) == Snapshot(
            Phase.RUNNING, "no response", reason=f"{shown(url)}: {reason}"
        )


# --- what `auto` never asks


@pytest.mark.parametrize(
    ("host", "found"),
    [
        pytest.param("app.example.com", ["127.0.0.1"], id="a-name-that-leads-here"),
        pytest.param("app.example.com", [PUBLIC, "::1"], id="a-name-that-leads-here-among-others"),
        pytest.param("app.example.com", [CLOUD], id="a-name-that-leads-to-a-cloud"),
        pytest.param("app.example.com", ["fd00:ec2::254"], id="a-name-that-leads-to-a-cloud-by-ipv6"),
        pytest.param("metadata.google.internal", [PUBLIC], id="a-name-of-a-cloud"),
        pytest.param("METADATA.google.internal.", [PUBLIC], id="the-same-spelled-otherwise"),
        pytest.param("app.localhost", [PUBLIC], id="a-name-of-this-machine"),
    ],
)
def test_auto_is_never_led_inward_by_a_name(host: str, found: list[str]) -> None:
    with responses.RequestsMock():
        snapshot = look(expected(f"http://{host}/", guarded=True), resolve=lambda *_: found)
    assert (snapshot.phase, snapshot.raw_status) == (Phase.RUNNING, "no response")
    assert (
        " is this machine, a link-local address or a cloud metadata service, which `auto` never contacts. If it is intended, set "
        in snapshot.reason
    )


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"],
)
def test_auto_is_never_led_inward_however_the_address_is_spelled(
    serve: Callable[..., Server], host: str
) -> None:
    server = serve(answer())
    snapshot = look(expected(f"http://{host}:{server.port}/", guarded=True))
    assert ("which `auto` never contacts" in snapshot.reason, server.heads) == (True, [])


def test_auto_is_never_led_inward_by_a_redirect() -> None:
    with responses.RequestsMock() as wire:
        wire.get("http://app.example.com/", status=302, headers={"Location": "http://www.app.example.com/"})
        snapshot = look(
            expected("http://app.example.com/", guarded=True), resolve=names(app=[PUBLIC], www=["127.0.0.1"])
        )
    reason = "http://app.example.com/: not requested: www.app.example.com (127.0.0.1) is this machine, a link-local address or a cloud metadata service, "
    assert snapshot.reason.startswith(reason)


def test_auto_asks_any_other_address() -> None:
    with responses.RequestsMock() as wire:
        wire.get(URL)
        assert look(expected(guarded=True), resolve=names(app=["10.0.0.5"])) == good()


def test_an_address_that_the_user_named_is_asked_wherever_it_is(serve: Callable[..., Server]) -> None:
    assert (
        look(expected(f"http://localhost:{serve(answer()).port}/"), resolve=lambda *_: ["127.0.0.1"])
        == good()
    )


def test_the_connection_goes_to_the_address_that_was_checked_and_the_name_is_looked_up_once(
    serve: Callable[..., Server],
) -> None:
    """The name is known to nobody else: whoever looked it up again would fail."""
    server, asked_for = serve(answer()), []

    def resolve(host: str, port: int) -> list[str]:
        asked_for.append((host, port))
        return ["127.0.0.1"]

    assert look(expected(f"http://app.example.com:{server.port}/"), resolve=resolve) == good()
    assert (asked_for, sent(server.heads[0])["host"]) == (
        [("app.example.com", server.port)],
        f"app.example.com:{server.port}",
    )


@pytest.mark.parametrize(
    ("url", "port"), [("http://app.example.com/", 80), ("https://app.example.com/", 443)]
)
def test_the_usual_ports_are_known(url: str, port: int) -> None:
    ports: list[int] = []

    def resolve(_host: str, port: int) -> list[str]:
        ports.append(port)
        return [PUBLIC]

    with responses.RequestsMock() as wire:
        wire.get(url)
        look(expected(url), resolve=resolve)
    assert ports == [port]


def test_where_one_address_takes_no_connection_the_next_is_asked(serve: Callable[..., Server]) -> None:
    server = serve(answer())
    url = f"http://app.example.com:{server.port}/"
    assert look(expected(url), resolve=names(app=["127.0.0.2", "127.0.0.1"])) == good()


def test_where_one_address_took_the_request_no_other_is_asked(serve: Callable[..., Server]) -> None:
    server = serve(in_turn(reset, answer()))
    url = f"http://app.example.com:{server.port}/"
    assert look(expected(url), resolve=names(app=["127.0.0.1", "127.0.0.1"])).raw_status == "no response"
    assert len(server.heads) == 1
