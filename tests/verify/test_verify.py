"""Does the site answer: the judge by rows, where it may go by rows, and one look against real servers on loopback."""

from __future__ import annotations

import gzip
import itertools
import socket
import ssl
import time
import tracemalloc
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from deployer import watch
from deployer.model import Handle, Phase, PollFailed, Snapshot, Stage
from deployer.settings.parsers import Statuses
from deployer.verify import Expectation, Page, Site, Verdict, judge
from deployer.verify.judge import MAX_QUOTED_CHARS, first_line, one_visible_line, shown
from deployer.verify.site import BODY_BYTES, REQUEST_SECONDS
from deployer.verify.where import asked, followed, inward
from tests.http.test_client import (
    CERTIFICATE,
    KEY,
    Script,
    Server,
    answer,
    early,
    free_port,
    hang,
    raw,
    reset,
    sent,
    trickle,
)

AGENT = "deployer/0 (+https://example.com)"
URL = "https://app.example.com/"
PUBLIC = "203.0.113.7"
CLOUD = "169.254.169.254"

STATUSES: TypeAdapter[tuple[tuple[int, int], ...]] = TypeAdapter(Statuses)
thoroughly = settings(derandomize=True, database=None, deadline=None, max_examples=300)


# --- statuses


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        pytest.param("200-399", ((200, 399),), id="a-range"),
        pytest.param("200", ((200, 200),), id="one"),
        pytest.param("200,204", ((200, 200), (204, 204)), id="several"),
        pytest.param(" 200-204 , 401 ", ((200, 204), (401, 401)), id="with-blanks"),
        pytest.param("404-404", ((404, 404),), id="a-range-of-one"),
    ],
)
def test_statuses_are_codes_and_ranges(text: str, ranges: tuple[tuple[int, int], ...]) -> None:
    assert STATUSES.validate_python(text) == ranges


@pytest.mark.parametrize(
    "text",
    ["", ",", "200,", "2xx", "20", "600", "099", "200-", "-399", "399-200", "200-300-400", "2٠٠", "200;204"],
)
def test_statuses_that_are_none_are_a_mistake(text: str) -> None:
    with pytest.raises(
        ValidationError, match=r"must be HTTP status codes: 200, 200-399, or several with commas \(200,204\)"
    ):
        STATUSES.validate_python(text)


# --- the judge


def expected(url: str = URL, contains: str = "", *, guarded: bool = False, statuses: str = "") -> Expectation:
    return Expectation(
        url, STATUSES.validate_python(statuses or "200-399"), contains, guarded, named=bool(statuses)
    )


GOOD = Verdict(good=True)
NOTHING = "another host proves nothing. If it is the right answer, set `verify_status: 302`"


def bad(reason: str, *, inconclusive: bool = False) -> Verdict:
    return Verdict(good=False, reason=reason, inconclusive=inconclusive)


def to(location: str, status: int = 302) -> Page:
    return Page(URL, status, onward=location)


@pytest.mark.parametrize(
    ("expectation", "page", "verdict"),
    [
        pytest.param(expected(), Page(URL, 200), GOOD, id="good"),
        pytest.param(expected(), Page(URL, 399), GOOD, id="the-last-of-the-range"),
        pytest.param(expected(), Page(URL, 400), bad(f"{URL} answered HTTP 400"), id="above-the-range"),
        pytest.param(expected(), Page(URL, 199), bad(f"{URL} answered HTTP 199"), id="below-the-range"),
        pytest.param(expected(statuses="200,204"), Page(URL, 204), GOOD, id="the-second-of-several"),
        pytest.param(
            expected(statuses="200,204"), Page(URL, 203), bad(f"{URL} answered HTTP 203"), id="between-two"
        ),
        pytest.param(
            expected(),
            Page(URL, 502, "\nBad Gateway\nmore"),
            bad(f"{URL} answered HTTP 502: Bad Gateway"),
            id="with-its-first-line",
        ),
        pytest.param(expected(contains="v1.2"), Page(URL, 200, "this is v1.2"), GOOD, id="holds-it"),
        pytest.param(
            expected(contains="v1.2"),
            Page(URL, 200, "this is v1.1"),
            bad(f"{URL} answered HTTP 200, without 'v1.2': this is v1.1"),
            id="lacks",
        ),
        pytest.param(
            expected(contains="v1.2"),
            Page(URL, 200, "x", cut=True),
            bad(f"{URL} answered HTTP 200, without 'v1.2' in its first MiB: x"),
            id="lacks-it-as-far-as-it-was-read",
        ),
        pytest.param(
            expected(contains="Gateway"),
            Page(URL, 502, "Gateway"),
            bad(f"{URL} answered HTTP 502: Gateway"),
            id="both-must-hold",
        ),
        pytest.param(
            expected(contains="\n" + "y" * 300),
            Page(URL, 200, "x"),
            bad(f"{URL} answered HTTP 200, without '{'y' * 199}…': x"),
            id="lacks-something-long",
        ),
        pytest.param(
            expected(),
            to("https://login.example.com/"),
            bad(
                f"{URL} answered HTTP 302, a redirect to https://login.example.com/ that is not followed: {NOTHING}",
                inconclusive=True,
            ),
            id="a-redirect-to-another-host-proves-nothing",
        ),
        pytest.param(
            expected(contains="v1"),
            to("https://login.example.com/?next=secret"),
            bad(
                f"{URL} answered HTTP 302, a redirect to https://login.example.com/?… that is not followed: {NOTHING}",
                inconclusive=True,
            ),
            id="a-redirect-to-another-host-of-which-something-is-looked-for",
        ),
        pytest.param(
            expected(),
            to("myapp://callback"),
            bad(
                f"{URL} answered HTTP 302, a redirect to myapp://callback that is not followed: {NOTHING}",
                inconclusive=True,
            ),
            id="a-redirect-to-what-cannot-be-asked",
        ),
        pytest.param(
            expected(),
            to("https://app.example.com@evil.example/", 308),
            bad(
                f"{URL} answered HTTP 308, a redirect to https://evil.example/ that is not followed: {NOTHING.replace('302', '308')}",
                inconclusive=True,
            ),
            id="a-redirect-to-a-host-that-looks-alike",
        ),
        pytest.param(
            expected(statuses="302"),
            to("https://login.example.com/"),
            GOOD,
            id="a-redirect-to-another-host-that-was-named",
        ),
        pytest.param(
            expected(statuses="200-399"), to("https://login.example.com/", 307), GOOD, id="named-by-a-range"
        ),
        pytest.param(
            expected(statuses="200,301"),
            to("https://login.example.com/"),
            bad(f"{URL} answered HTTP 302, a redirect to https://login.example.com/ that is not followed"),
            id="a-redirect-to-another-host-where-another-status-was-named",
        ),
        pytest.param(
            expected(contains="v1", statuses="302"),
            to("https://login.example.com/"),
            bad(
                f"{URL} answered HTTP 302, a redirect to https://login.example.com/ that is not followed, without 'v1'"
            ),
            id="named-but-without-what-it-must-hold",
        ),
        pytest.param(
            expected(), to("http://app.example.com/"), GOOD, id="a-redirect-of-its-own-that-is-not-followed"
        ),
        pytest.param(expected(), to("http://www.app.example.com/"), GOOD, id="the-same-with-www"),
        pytest.param(
            expected("http://app.example.com/"),
            Page(URL, 500),
            bad(f"{URL} answered HTTP 500"),
            id="the-address-that-answered-is-told",
        ),
        pytest.param(
            expected(),
            Page(URL, 502, "Bad Gateway", proxied=True),
            bad(
                f"{URL} answered HTTP 502, which may be the proxy's own answer: Bad Gateway",
                inconclusive=True,
            ),
            id="perhaps-a-proxy-s",
        ),
        pytest.param(
            expected(),
            Page(URL, 500, "Oops", proxied=True),
            bad(f"{URL} answered HTTP 500: Oops"),
            id="what-no-proxy-answers-by-itself",
        ),
        pytest.param(
            expected(),
            PollFailed("no answer in time"),
            bad(f"{URL}: no answer in time", inconclusive=True),
            id="no-answer",
        ),
    ],
)
def test_an_answer_is_judged_by_its_status_and_by_what_it_holds(
    expectation: Expectation, page: Page | PollFailed, verdict: Verdict
) -> None:
    assert judge(expectation, page) == verdict


SECRET = "hunter2 <b> hunter2"


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        pytest.param(
            Page(URL, 500, f"{'x' * 185} {SECRET}"), f"HTTP 500: {'x' * 185} ***", id="where-the-line-is-cut"
        ),
        pytest.param(Page(URL, 500, f"key={SECRET}"), "HTTP 500: key=***", id="with-a-tag-and-blanks-in-it"),
        pytest.param(
            Page(URL, 500, f"{' ' * 4090}x {SECRET}"), "HTTP 500: x ***", id="where-the-beginning-ends"
        ),
        pytest.param(
            Page(URL, 302, onward=f"https://login.example.com/{'x' * 165}{SECRET}"),
            f"HTTP 302, a redirect to https://login.example.com/{'x' * 165}*** that is not followed",
            id="where-it-sends-us",
        ),
        pytest.param(Page(f"{URL}{'x' * 170}{SECRET}", 500), "HTTP 500", id="where-we-were-sent"),
        pytest.param(PollFailed(f"{'x' * 390} {SECRET}"), f"{'x' * 390} ***", id="no-answer"),
        pytest.param(Page(URL, 200, SECRET), f"HTTP 200, without '{'x' * 180} ***'", id="what-is-looked-for"),
    ],
)
def test_what_is_told_is_redacted_before_it_is_cut(page: Page | PollFailed, reason: str) -> None:
    told = judge(
        expected(contains=f"{'x' * 180} {SECRET}", statuses="200"),
        page,
        lambda text: text.replace(SECRET, "***"),
    ).reason
    assert told.endswith(reason)
    assert "hunter" not in told


def test_what_it_must_hold_is_looked_for_in_the_whole_text() -> None:
    assert (
        judge(
            expected(contains="v1.2"),
            Page(URL, 200, "this is v1.2"),
            lambda text: text.replace("v1.2", "***"),
        )
        == GOOD
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param(" \r\n\t\n", "", id="blanks"),
        pytest.param(
            "<!DOCTYPE html>\n<html>\n<head><title>502 Bad Gateway</title></head>",
            "502 Bad Gateway",
            id="an-error-page",
        ),
        pytest.param('{\n  "message": "Server Error"\n}', '"message": "Server Error"', id="json"),
        pytest.param("a < b and b > c", "a < b and b > c", id="no-tags"),
        pytest.param(
            "no\x1b[31m\x00 \u202eserver\u2028 \u200bhere\x85next", "no [31m server", id="what-is-not-seen"
        ),
        pytest.param("x" * 201, "x" * 199 + "…", id="too-long"),
        pytest.param("x" * 200, "x" * 200, id="just-short-enough"),
        pytest.param("\n" * 5000 + "x", "", id="too-late"),
    ],
)
def test_the_first_line_is_the_first_that_says_something(text: str, line: str) -> None:
    assert first_line(text) == line


@pytest.mark.parametrize(
    "text",
    ["<" * BODY_BYTES, "<a" * (BODY_BYTES >> 1), "\x00" * BODY_BYTES, "<a>" * (BODY_BYTES // 3)],
    ids=["<", "<a", "0", "<a>"],
)
def test_hostile_text_costs_no_time(text: str) -> None:
    began = time.monotonic()
    first_line(text)
    assert time.monotonic() - began < 2


HOSTILE = st.text(
    st.one_of(st.characters(), st.sampled_from("\n\r\x1b\x00\u202e\u2066\u2028\u200b\ufeff<>{ ")),
    max_size=600,
)


@thoroughly
@given(HOSTILE)
def test_of_any_answer_one_short_line_is_told_in_which_nothing_is_hidden(text: str) -> None:
    for line in (
        first_line(text),
        one_visible_line(text),
        judge(expected(), Page(URL, 500, text)).reason.removeprefix(f"{URL} answered HTTP 500"),
    ):
        assert len(line) <= MAX_QUOTED_CHARS + 2
        assert not [each for each in line if each != " " and unicodedata.category(each)[0] in {"C", "Z"}]
        assert line.splitlines() == [line] * bool(line)


@thoroughly
@given(HOSTILE)
def test_whatever_is_told_is_one_line(text: str) -> None:
    rows: list[tuple[Expectation, Page | PollFailed]] = [
        (expected(contains=text), Page(URL, 500, text, onward=text)),
        (expected(contains="missing" + text), Page(URL, 200, text)),
        (expected(url=text), PollFailed(text)),
    ]
    for expectation, page in rows:
        reason = judge(expectation, page).reason
        assert reason.splitlines() == [reason]
        assert not [each for each in reason if unicodedata.category(each)[0] == "C"]


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://app.example.com/a/b", "https://app.example.com/a/b"),
        ("https://app.example.com/?key=hunter22#x", "https://app.example.com/?…"),
        ("https://somebody:hunter22@app.example.com/", "https://app.example.com/"),
        ("https://app.example.com/@hunter", "https://app.example.com/@hunter"),
        ("\x1b[1m\nhttps://app.example.com/", "[1m https://app.example.com/"),
    ],
)
def test_an_address_is_told_without_what_may_be_secret(url: str, text: str) -> None:
    assert shown(url) == text


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
    assert inward(address)


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
    assert not inward(address)


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
    assert followed(asked(url), location) == target


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param(
            "ftp://app.example.com/", "only an address with http:// or https:// can be asked", id="ftp"
        ),
        pytest.param(
            "file:///etc/passwd", "only an address with http:// or https:// can be asked", id="a-file"
        ),
        pytest.param("app.example.com", "this is no address", id="no-scheme"),
        pytest.param("https://", "this is no address", id="no-host"),
        pytest.param("https://[::1", "this is no address", id="half-an-address"),
        pytest.param(
            "https://somebody:hunter22@app.example.com/",
            "an address with a login in it is not asked",
            id="a-login",
        ),
    ],
)
def test_what_is_no_address_for_us_is_not_asked(url: str, reason: str) -> None:
    with responses.RequestsMock():
        assert look(expected(url), resolve=nobody) == Snapshot(
            Phase.RUNNING, "no answer", reason=f"{shown(url)}: {reason}"
        )


# --- one look


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


@pytest.fixture(name="tls", scope="module")
def _tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_text(KEY + CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


Resolve = Callable[[str, int], Iterable[str]]


def look(expectation: Expectation, now: Callable[[], float] = time.monotonic, **knobs: Any) -> Snapshot:
    return Site(agent=AGENT, now=now, **knobs).poll(expectation)


def names(**known: list[str]) -> Resolve:
    """A DNS: `app` stands for app.example.com, `www` for www.app.example.com."""
    table = {"app.example.com": known.get("app", []), "www.app.example.com": known.get("www", [])}

    def resolve(host: str, _port: int) -> list[str]:
        if not table.get(host):
            raise socket.gaierror(-2, "Name or service not known")
        return table[host]

    return resolve


def nobody(host: str, _port: int) -> list[str]:
    pytest.fail(f"{host} was looked up")


HERE = names(app=["127.0.0.1"], www=["127.0.0.1"])


def good(status: int = 200) -> Snapshot:
    return Snapshot(Phase.SUCCEEDED, f"HTTP {status}", stable_for=1.0, final=False)


def sent_on(url: str) -> Snapshot:
    return replace(good(302), raw_status=f"HTTP 302, a redirect to {url} that is not followed")


def in_vain(reason: str) -> Snapshot:
    return Snapshot(Phase.RUNNING, "no answer", reason=reason)


def test_a_good_answer_is_good_and_carries_nothing_of_ours(serve: Callable[..., Server]) -> None:
    server = serve(answer(b"this is v1.2"))
    assert look(expected(f"{server.url}/health?a=b", "v1.2")) == good()
    assert [head.partition("\r\n")[0] for head in server.heads] == ["GET /health?a=b HTTP/1.1"]
    assert sent(server.heads[0]) == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": AGENT,
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
    }


def test_interim_responses_are_skipped(serve: Callable[..., Server]) -> None:
    """One would be taken for the answer, and a healthy release be put back (notatallshaw/nab#1130)."""
    assert look(expected(serve(early(answer(b"v1.2"))).url, "v1.2")) == good()


def test_a_bad_answer_is_no_verdict_and_says_why(serve: Callable[..., Server]) -> None:
    server = serve(answer(b"<h1>no available server</h1>", "503 Service Unavailable"))
    reason = f"{server.url}/ answered HTTP 503: no available server"
    assert look(expected(server.url)) == Snapshot(
        Phase.RUNNING, "HTTP 503", shows_failure=True, reason=reason
    )


def test_the_second_good_look_in_a_row_is_believed_and_the_first_never_even_at_the_deadline() -> None:
    fresh = watch.Watch(Handle("web", ""), 0, 180, Stage.HEALTH)
    once, _ = watch.observe(fresh, good(), 10)
    twice, _ = watch.observe(once, good(), 11)
    late, _ = watch.observe(fresh, good(), 180)
    between, _ = watch.observe(once, Snapshot(Phase.RUNNING, "HTTP 502", reason="why"), 11)
    again, _ = watch.observe(between, good(), 12)
    ends = [each.result and each.result.end for each in (once, twice, late, between, again)]
    assert ends == [None, watch.End.SUCCEEDED, watch.End.TIMED_OUT, None, None]


def test_what_was_bad_to_the_last_is_the_reason_in_the_end() -> None:
    fresh = watch.Watch(Handle("web", ""), 0, 180, Stage.HEALTH)
    late, _ = watch.observe(fresh, Snapshot(Phase.RUNNING, "HTTP 502", reason="why"), 180)
    assert late.result == watch.WatchResult(watch.End.TIMED_OUT, "why")


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        pytest.param(requests.ConnectTimeout(), "no connection within 5 s", id="no-connection-in-time"),
        pytest.param(requests.ReadTimeout(), "no answer in time", id="no-answer-in-time"),
        pytest.param(
            requests.RequestException("whatever"), "the connection broke: whatever", id="whatever-else"
        ),
        pytest.param(
            requests.exceptions.SSLError(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version")),
            "the port does not speak TLS. If it speaks http, write http://app.example.com",
            id="tls",
        ),
    ],
)
def test_no_answer_is_told_in_words(raised: Exception, reason: str) -> None:
    with responses.RequestsMock() as wire:
        wire.get(URL, body=raised)
        assert look(expected(), resolve=names(app=[PUBLIC])) == in_vain(f"{URL}: {reason}")


def test_an_unknown_name_is_told_in_words() -> None:
    reason = f"{URL}: the name of the server is not known: Name or service not known"
    assert look(expected(), resolve=names()) == in_vain(reason)


def test_nobody_there_is_told_in_words() -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    snapshot = look(expected(url))
    assert (snapshot.phase, snapshot.reason.startswith(f"{url}: no connection: ")) == (Phase.RUNNING, True)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(reset, "the connection broke: Connection reset by peer", id="reset"),
        pytest.param(
            raw(b""),
            "the connection broke: Remote end closed connection without response",
            id="closed-without-a-word",
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),
            "HTTP 200, but the answer broke off in the middle",
            id="cut",
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
            "HTTP 200, but the answer broke off in the middle",
            id="no-gzip",
        ),
    ],
)
def test_an_answer_that_breaks_off_is_none(serve: Callable[..., Server], script: Script, reason: str) -> None:
    server = serve(script)
    assert look(expected(server.url)) == in_vain(f"{server.url}: {reason}")


# --- what is in it


@pytest.mark.parametrize(
    ("body", "kind", "contains", "holds"),
    [
        pytest.param("für".encode(), "text/plain", "für", True, id="utf-8-unasked"),
        pytest.param(
            "für".encode("latin-1"), "text/plain; charset=ISO-8859-1", "für", True, id="its-charset"
        ),
        pytest.param(
            "für".encode("latin-1"), 'text/plain; x=y; Charset="latin1"', "für", True, id="in-quotes"
        ),
        pytest.param("für".encode("utf-16"), "text/plain;charset=utf-16", "für", True, id="wide"),
        pytest.param(
            "für".encode("latin-1"), "text/plain", "f\N{REPLACEMENT CHARACTER}r", True, id="replaced"
        ),
        pytest.param("für".encode(), "text/plain; charset=no-such", "für", True, id="an-unknown-charset"),
        pytest.param(
            "für".encode(),
            "text/plain; charset=utf-no-such",
            "für",
            True,
            id="an-unknown-charset-of-a-known-kind",
        ),
        pytest.param(
            b"\\u0041", "text/plain; charset=unicode_escape", "A", False, id="a-charset-that-is-a-program"
        ),
        pytest.param(b"V1.2", "text/plain", "v1.2", False, id="another-case"),
        pytest.param(gzip.compress(b"v1.2"), "text/plain", "v1.2", False, id="packed-and-not-said"),
    ],
)
def test_the_text_is_searched_as_it_was_meant(
    serve: Callable[..., Server], body: bytes, kind: str, contains: str, *, holds: bool
) -> None:
    snapshot = look(expected(serve(answer(body, Content_Type=kind)).url, contains))
    assert (snapshot.phase is Phase.SUCCEEDED, snapshot.raw_status) == (holds, "HTTP 200")


def test_what_comes_packed_unasked_is_unpacked(serve: Callable[..., Server]) -> None:
    server = serve(answer(gzip.compress(b"this is v1.2"), Content_Encoding="gzip"))
    assert look(expected(server.url, "v1.2")) == good()


@pytest.mark.parametrize(("before", "holds"), [(BODY_BYTES - 4, True), (BODY_BYTES - 3, False)])
def test_a_large_answer_is_searched_to_its_first_mebibyte(
    serve: Callable[..., Server], before: int, *, holds: bool
) -> None:
    server = serve(answer(b"x" * before + b"v1.2" + b"x" * BODY_BYTES))
    snapshot = look(expected(server.url, "v1.2"))
    assert snapshot.phase is (Phase.SUCCEEDED if holds else Phase.RUNNING)
    assert (" without 'v1.2' in its first MiB: xxx" in snapshot.reason) is not holds


def test_a_packed_answer_is_read_no_further_either(serve: Callable[..., Server]) -> None:
    server = serve(answer(gzip.compress(bytes(64 << 20), compresslevel=1), Content_Encoding="gzip"))
    tracemalloc.start()
    try:
        assert look(expected(server.url)) == good()
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


# --- how long it takes


def jumping(left: float) -> Callable[[], float]:
    """A clock on which a look has so many seconds left as soon as it has begun."""
    began = time.monotonic()
    readings = itertools.count()
    return lambda: 0.0 if next(readings) == 0 else REQUEST_SECONDS - left + time.monotonic() - began


def half(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx")
    connection.recv(1)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = "HTTP 200, but the answer did not end within 15 s"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(hang, "no answer in time", id="silent"),
        pytest.param(half, ENDLESS, id="stuck"),
        pytest.param(trickle(b"", b"H"), "no answer in time", id="a-trickle-of-a-status"),
        pytest.param(
            trickle(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), "no answer in time", id="a-trickle-of-headers"
        ),
        pytest.param(trickle(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), ENDLESS, id="a-trickle-to-the-end"),
        pytest.param(
            trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"x"),
            ENDLESS,
            id="a-trickle-by-length",
        ),
        pytest.param(trickle(CHUNKED, b"1\r\nx\r\n"), ENDLESS, id="a-trickle-of-chunks"),
        pytest.param(trickle(CHUNKED, b"0"), ENDLESS, id="a-trickle-of-a-chunk-s-size"),
        pytest.param(trickle(CHUNKED + b"0\r\n", b"A: b\r\n"), ENDLESS, id="a-trickle-of-trailers"),
        pytest.param(trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "no answer in time", id="100-for-ever"),
        pytest.param(
            trickle(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), "no answer in time", id="103-for-ever"
        ),
    ],
)
def test_a_look_ends_in_time(serve: Callable[..., Server], script: Script, reason: str) -> None:
    server = serve(script)
    began = time.monotonic()
    assert look(expected(server.url), jumping(0.4)) == in_vain(f"{server.url}: {reason}")
    assert time.monotonic() - began < 2


def test_a_look_ends_in_time_with_tls_too(serve: Callable[..., Server], tls: ssl.SSLContext) -> None:
    server = serve(trickle(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), tls)
    assert look(expected(server.url), jumping(1), ca=CERTIFICATE) == in_vain(
        f"{server.url}: no answer in time"
    )


def test_redirects_share_the_time(serve: Callable[..., Server]) -> None:
    def slowly(connection: socket.socket) -> None:
        time.sleep(0.25)
        answer(b"", "302 Found", Location="/")(connection)

    server = serve(slowly)
    snapshot = look(expected(server.url), jumping(0.4))
    assert snapshot == in_vain(f"{server.url}: no answer in time")
    assert len(server.heads) == 2


@pytest.mark.parametrize(("left", "connect", "read"), [(15, 5, 15), (3, 3, 3)])
def test_a_connection_is_waited_for_five_seconds_and_no_longer_than_there_is_time(
    left: float, connect: float, read: float
) -> None:
    readings = itertools.count()
    with responses.RequestsMock() as wire:
        wire.get(URL)
        look(
            expected(),
            lambda: 0.0 if next(readings) == 0 else REQUEST_SECONDS - left,
            resolve=names(app=[PUBLIC]),
        )
        request: Any = wire.calls[0].request
    assert request.req_kwargs["timeout"] == (connect, read)


# --- redirects


def found(location: str, status: str = "302 Found") -> Script:
    return answer(b"", status, Location=location, Set_Cookie="session=hunter22; Path=/")


def in_turn(*scripts: Script) -> Script:
    """One script for each connection."""
    left = iter(scripts)

    def script(connection: socket.socket) -> None:
        next(left)(connection)

    return script


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
)
def test_a_redirect_on_the_same_host_is_followed_and_no_cookie_comes_along(
    serve: Callable[..., Server], status: str
) -> None:
    server = serve(in_turn(found("/login", status), answer(b"v1.2")))
    assert look(expected(server.url, "v1.2")) == good()
    assert [head.partition(" HTTP/")[0] for head in server.heads] == ["GET /", "GET /login"]
    assert "cookie" not in sent(server.heads[1])


def test_a_redirect_to_www_is_followed_where_that_name_leads(serve: Callable[..., Server]) -> None:
    second = serve(answer(b"v1.2"))
    first = serve(found(f"http://www.app.example.com:{second.port}/"))
    assert look(expected(f"http://app.example.com:{first.port}/", "v1.2"), resolve=HERE) == good()
    assert [sent(head)["host"] for head in (*first.heads, *second.heads)] == [
        f"app.example.com:{first.port}",
        f"www.app.example.com:{second.port}",
    ]


def test_five_redirects_are_followed_and_a_sixth_is_trouble(serve: Callable[..., Server]) -> None:
    server = serve(in_turn(*[found("/again")] * 5, answer(b"v1.2")))
    assert look(expected(server.url, "v1.2")) == good()
    circle = serve(found("/again"))
    assert look(expected(circle.url)) == in_vain(
        f"{circle.url}: more than 5 redirects, the last one to {circle.url}/again"
    )
    assert (len(server.heads), len(circle.heads)) == (6, 6)


@pytest.mark.parametrize(
    "status",
    ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent"],
)
def test_a_redirect_to_another_host_is_no_proof_unless_it_was_named(
    serve: Callable[..., Server], status: str
) -> None:
    elsewhere = serve(answer())
    onward = f"http://127.0.0.2:{elsewhere.port}/"
    server = serve(found(onward, status))
    shown = f"HTTP {status[:3]}, a redirect to {onward} that is not followed"
    reason = f"{server.url}/ answered {shown}: {NOTHING.replace('302', status[:3])}"
    assert look(expected(server.url)) == Snapshot(Phase.RUNNING, shown, reason=reason)
    assert look(expected(server.url, statuses="300-399")) == replace(good(), raw_status=shown)
    assert elsewhere.heads == []


def test_a_redirect_from_https_to_http_is_the_answer(
    serve: Callable[..., Server], tls: ssl.SSLContext
) -> None:
    elsewhere = serve(answer())
    server = serve(found(f"{elsewhere.url}/"), tls)
    assert look(expected(server.url), ca=CERTIFICATE) == sent_on(f"{elsewhere.url}/")
    assert elsewhere.heads == []


def test_a_look_tells_nothing_that_must_not_be_told(serve: Callable[..., Server]) -> None:
    circle = serve(found("/hunter2hunter2"))
    elsewhere = serve(found("http://127.0.0.2/hunter2hunter2"))
    for server in (circle, elsewhere, serve(answer(b"key=hunter2hunter2", "500 No"))):
        told = look(expected(server.url, "x"), redact=lambda text: text.replace("hunter2hunter2", "***"))
        assert ("***" in told.reason, "hunter" in told.reason + told.raw_status) == (True, False)


def test_a_redirect_without_an_address_and_an_address_without_a_redirect_are_answers(
    serve: Callable[..., Server],
) -> None:
    assert look(expected(serve(answer(b"", "302 Found")).url)) == good(302)
    assert look(expected(serve(answer(b"", "201 Created", Location="/new")).url)) == good(201)


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
    assert (snapshot.phase, snapshot.raw_status) == (Phase.RUNNING, "no answer")
    assert (
        " is this machine, its own link or a cloud's metadata, where `auto` never goes. If it is meant, give "
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
    assert ("where `auto` never goes" in snapshot.reason, server.heads) == (True, [])


def test_auto_is_never_led_inward_by_a_redirect() -> None:
    with responses.RequestsMock() as wire:
        wire.get("http://app.example.com/", status=302, headers={"Location": "http://www.app.example.com/"})
        snapshot = look(
            expected("http://app.example.com/", guarded=True), resolve=names(app=[PUBLIC], www=["127.0.0.1"])
        )
    reason = "http://app.example.com/: not asked: www.app.example.com (127.0.0.1) is this machine, its own link or a cloud's metadata, "
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
    assert look(expected(url), resolve=names(app=["127.0.0.1", "127.0.0.1"])).raw_status == "no answer"
    assert len(server.heads) == 1


# --- no login of anybody


def test_the_login_of_a_netrc_is_not_sent(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(
        "machine 127.0.0.1 login somebody password hunter22\ndefault login somebody password hunter22\n"
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(answer())
    assert look(expected(server.url)) == good()
    assert "authorization" not in sent(server.heads[0])


def test_looks_share_nothing(serve: Callable[..., Server]) -> None:
    server = serve(answer(Set_Cookie="session=hunter22; Path=/"))
    site = Site(agent=AGENT, now=time.monotonic)
    assert [site.poll(expected(server.url)) for _ in range(2)] == [good()] * 2
    heads = [sent(head) for head in server.heads]
    assert (heads[0], "cookie" in heads[1]) == (heads[1], False)


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
    reason = f"{URL}: the proxy in `https_proxy` refuses app.example.com (403 Forbidden). Allow it there, or add it to `NO_PROXY`"
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
    assert (snapshot.shows_failure, "which may be the proxy's own answer" in snapshot.reason) == (
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
        "For a private authority, set `ca_cert`" in reason,
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
    assert "the certificate is for another name than app.example.com" in reason
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
