"""Whether a response is as expected."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from deployer.model import PollFailed
from deployer.verify import Expectation, Page, Verdict, judge
from deployer.verify.judge import MAX_QUOTED_CHARS, first_line, one_visible_line, shown
from deployer.verify.site import BODY_BYTES
from tests.verify.sites import (
    REDIRECT_HINT,
    STATUSES,
    URL,
    expectation_for,
)

thoroughly = settings(derandomize=True, database=None, deadline=None, max_examples=300)


# --- statuses


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        pytest.param("200-399", ((200, 399),), id="range"),
        pytest.param("200", ((200, 200),), id="single"),
        pytest.param("200,204", ((200, 200), (204, 204)), id="several"),
        pytest.param(" 200-204 , 401 ", ((200, 204), (401, 401)), id="with-spaces"),
        pytest.param("404-404", ((404, 404),), id="range-of-one"),
    ],
)
def test_statuses_are_codes_and_ranges(text: str, ranges: tuple[tuple[int, int], ...]) -> None:
    assert STATUSES.validate_python(text) == ranges


@pytest.mark.parametrize(
    "text",
    ["", ",", "200,", "2xx", "20", "600", "099", "200-", "-399", "399-200", "200-300-400", "2٠٠", "200;204"],
)
def test_invalid_statuses_are_an_input_error(text: str) -> None:
    with pytest.raises(
        ValidationError, match=r"must be HTTP status codes: 200, 200-399, or a list \(200,204\)"
    ):
        STATUSES.validate_python(text)


# --- judging a response


OK = Verdict(good=True)


def rejected(reason: str, *, inconclusive: bool = False) -> Verdict:
    return Verdict(good=False, reason=reason, inconclusive=inconclusive)


def redirect_to(location: str, status: int = 302) -> Page:
    return Page(URL, status, onward=location)


@pytest.mark.parametrize(
    ("expectation", "page", "verdict"),
    [
        pytest.param(expectation_for(), Page(URL, 200), OK, id="ok"),
        pytest.param(expectation_for(), Page(URL, 399), OK, id="end-of-the-range"),
        pytest.param(
            expectation_for(),
            Page(URL, 400),
            rejected(f"{URL} responded with HTTP 400"),
            id="above-the-range",
        ),
        pytest.param(
            expectation_for(),
            Page(URL, 199),
            rejected(f"{URL} responded with HTTP 199"),
            id="below-the-range",
        ),
        pytest.param(expectation_for(statuses="200,204"), Page(URL, 204), OK, id="second-of-several"),
        pytest.param(
            expectation_for(statuses="200,204"),
            Page(URL, 203),
            rejected(f"{URL} responded with HTTP 203"),
            id="between-two",
        ),
        pytest.param(
            expectation_for(),
            Page(URL, 502, "\nBad Gateway\nmore"),
            rejected(f"{URL} responded with HTTP 502: Bad Gateway"),
            id="with-its-first-line",
        ),
        pytest.param(expectation_for(contains="v1.2"), Page(URL, 200, "this is v1.2"), OK, id="contains"),
        pytest.param(
            expectation_for(contains="v1.2"),
            Page(URL, 200, "this is v1.1"),
            rejected(f"{URL} responded with HTTP 200, without 'v1.2': this is v1.1"),
            id="does-not-contain",
        ),
        pytest.param(
            expectation_for(contains="v1.2"),
            Page(URL, 200, "x", cut=True),
            rejected(f"{URL} responded with HTTP 200, without 'v1.2' in its first MiB: x"),
            id="does-not-contain-in-the-first-mebibyte",
        ),
        pytest.param(
            expectation_for(contains="Gateway"),
            Page(URL, 502, "Gateway"),
            rejected(f"{URL} responded with HTTP 502: Gateway"),
            id="status-counts-first",
        ),
        pytest.param(
            expectation_for(contains="\n" + "y" * 300),
            Page(URL, 200, "x"),
            rejected(f"{URL} responded with HTTP 200, without '{'y' * 199}…': x"),
            id="long-text-is-shortened",
        ),
        pytest.param(
            expectation_for(),
            redirect_to("https://login.example.com/"),
            rejected(
                f"{URL} responded with HTTP 302, a redirect to https://login.example.com/ that is not "
                f"followed: {REDIRECT_HINT}",
                inconclusive=True,
            ),
            id="redirect-to-another-host",
        ),
        pytest.param(
            expectation_for(contains="v1"),
            redirect_to("https://login.example.com/?next=secret"),
            rejected(
                f"{URL} responded with HTTP 302, a redirect to https://login.example.com/?… that is not "
                f"followed: {REDIRECT_HINT}",
                inconclusive=True,
            ),
            id="redirect-to-another-host-with-contains",
        ),
        pytest.param(
            expectation_for(),
            redirect_to("myapp://callback"),
            rejected(
                f"{URL} responded with HTTP 302, a redirect to myapp://callback that is not followed: "
                f"{REDIRECT_HINT}",
                inconclusive=True,
            ),
            id="redirect-to-another-scheme",
        ),
        pytest.param(
            expectation_for(),
            redirect_to("https://app.example.com@evil.example/", 308),
            rejected(
                f"{URL} responded with HTTP 308, a redirect to https://evil.example/ that is not "
                f"followed: {REDIRECT_HINT.replace('302', '308')}",
                inconclusive=True,
            ),
            id="redirect-to-a-similar-host",
        ),
        pytest.param(
            expectation_for(statuses="302"),
            redirect_to("https://login.example.com/"),
            OK,
            id="expected-redirect-to-another-host",
        ),
        pytest.param(
            expectation_for(statuses="200-399"),
            redirect_to("https://login.example.com/", 307),
            OK,
            id="expected-by-a-range",
        ),
        pytest.param(
            expectation_for(statuses="200,301"),
            redirect_to("https://login.example.com/"),
            rejected(
                f"{URL} responded with HTTP 302, a redirect to https://login.example.com/ that is not "
                "followed"
            ),
            id="redirect-with-another-expected-status",
        ),
        pytest.param(
            expectation_for(contains="v1", statuses="302"),
            redirect_to("https://login.example.com/"),
            rejected(
                f"{URL} responded with HTTP 302, a redirect to https://login.example.com/ that is not "
                "followed, without 'v1'"
            ),
            id="expected-redirect-without-the-text",
        ),
        pytest.param(
            expectation_for(), redirect_to("http://app.example.com/"), OK, id="redirect-on-the-same-host"
        ),
        pytest.param(expectation_for(), redirect_to("http://www.app.example.com/"), OK, id="redirect-to-www"),
        pytest.param(
            expectation_for("http://app.example.com/"),
            Page(URL, 500),
            rejected(f"{URL} responded with HTTP 500"),
            id="reason-has-the-url-that-responded",
        ),
        pytest.param(
            expectation_for(),
            Page(URL, 502, "Bad Gateway", proxied=True),
            rejected(
                f"{URL} responded with HTTP 502, perhaps from the proxy itself: Bad Gateway",
                inconclusive=True,
            ),
            id="perhaps-from-a-proxy",
        ),
        pytest.param(
            expectation_for(),
            Page(URL, 500, "Oops", proxied=True),
            rejected(f"{URL} responded with HTTP 500: Oops"),
            id="not-a-proxy-s-status",
        ),
        pytest.param(
            expectation_for(),
            PollFailed("the response timed out"),
            rejected(f"{URL}: the response timed out", inconclusive=True),
            id="no-response",
        ),
    ],
)
def test_a_response_is_judged_by_status_and_content(
    expectation: Expectation, page: Page | PollFailed, verdict: Verdict
) -> None:
    assert judge(expectation, page) == verdict


SECRET = "hunter2 <b> hunter2"


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        pytest.param(
            Page(URL, 500, f"{'x' * 185} {SECRET}"), f"HTTP 500: {'x' * 185} ***", id="at-the-end-of-the-line"
        ),
        pytest.param(Page(URL, 500, f"key={SECRET}"), "HTTP 500: key=***", id="with-a-tag-and-spaces"),
        pytest.param(
            Page(URL, 500, f"{' ' * 4090}x {SECRET}"), "HTTP 500: x ***", id="at-the-end-of-the-excerpt"
        ),
        pytest.param(
            Page(URL, 302, onward=f"https://login.example.com/{'x' * 165}{SECRET}"),
            f"HTTP 302, a redirect to https://login.example.com/{'x' * 165}*** that is not followed",
            id="in-the-location",
        ),
        pytest.param(Page(f"{URL}{'x' * 170}{SECRET}", 500), "HTTP 500", id="in-the-url"),
        pytest.param(PollFailed(f"{'x' * 390} {SECRET}"), f"{'x' * 390} ***", id="no-response"),
        pytest.param(
            Page(URL, 200, SECRET), f"HTTP 200, without '{'x' * 180} ***'", id="in-the-expected-text"
        ),
    ],
)
def test_reasons_are_redacted_before_they_are_cut(page: Page | PollFailed, reason: str) -> None:
    reported = judge(
        expectation_for(contains=f"{'x' * 180} {SECRET}", statuses="200"),
        page,
        lambda text: text.replace(SECRET, "***"),
    ).reason
    assert reported.endswith(reason)
    assert "hunter" not in reported


def test_contains_is_searched_in_the_unredacted_text() -> None:
    assert (
        judge(
            expectation_for(contains="v1.2"),
            Page(URL, 200, "this is v1.2"),
            lambda text: text.replace("v1.2", "***"),
        )
        == OK
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("", "", id="empty"),
        pytest.param(" \r\n\t\n", "", id="blank"),
        pytest.param(
            "<!DOCTYPE html>\n<html>\n<head><title>502 Bad Gateway</title></head>",
            "502 Bad Gateway",
            id="error-page",
        ),
        pytest.param('{\n  "message": "Server Error"\n}', '"message": "Server Error"', id="json"),
        pytest.param("a < b and b > c", "a < b and b > c", id="no-tags"),
        pytest.param(
            "no\x1b[31m\x00 \u202eserver\u2028 \u200bhere\x85next",
            "no [31m server",
            id="invisible-characters",
        ),
        pytest.param("x" * 201, "x" * 199 + "…", id="too-long"),
        pytest.param("x" * 200, "x" * 200, id="just-short-enough"),
        pytest.param("\n" * 5000 + "x", "", id="beyond-the-excerpt"),
    ],
)
def test_the_first_line_is_the_first_with_visible_text(text: str, line: str) -> None:
    assert first_line(text) == line


@pytest.mark.parametrize(
    "text",
    ["<" * BODY_BYTES, "<a" * (BODY_BYTES >> 1), "\x00" * BODY_BYTES, "<a>" * (BODY_BYTES // 3)],
    ids=["<", "<a", "0", "<a>"],
)
def test_hostile_text_is_processed_quickly(text: str) -> None:
    start = time.monotonic()
    first_line(text)
    assert time.monotonic() - start < 2


HOSTILE = st.text(
    st.one_of(st.characters(), st.sampled_from("\n\r\x1b\x00\u202e\u2066\u2028\u200b\ufeff<>{ ")),
    max_size=600,
)


@thoroughly
@given(HOSTILE)
def test_any_response_is_quoted_as_one_short_visible_line(text: str) -> None:
    for line in (
        first_line(text),
        one_visible_line(text),
        judge(expectation_for(), Page(URL, 500, text)).reason.removeprefix(f"{URL} responded with HTTP 500"),
    ):
        assert len(line) <= MAX_QUOTED_CHARS + 2
        assert not [each for each in line if each != " " and unicodedata.category(each)[0] in {"C", "Z"}]
        assert line.splitlines() == [line] * bool(line)


@thoroughly
@given(HOSTILE)
def test_any_reason_is_one_line(text: str) -> None:
    rows: list[tuple[Expectation, Page | PollFailed]] = [
        (expectation_for(contains=text), Page(URL, 500, text, onward=text)),
        (expectation_for(contains="missing" + text), Page(URL, 200, text)),
        (expectation_for(url=text), PollFailed(text)),
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
def test_a_url_is_shown_without_secrets(url: str, text: str) -> None:
    assert shown(url) == text
