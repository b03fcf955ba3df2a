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
    NOTHING,
    STATUSES,
    URL,
    expected,
)

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
        ValidationError, match=r"must be HTTP status codes: 200, 200-399, or a list \(200,204\)"
    ):
        STATUSES.validate_python(text)


# --- the judge


GOOD = Verdict(good=True)


def bad(reason: str, *, inconclusive: bool = False) -> Verdict:
    return Verdict(good=False, reason=reason, inconclusive=inconclusive)


def to(location: str, status: int = 302) -> Page:
    return Page(URL, status, onward=location)


@pytest.mark.parametrize(
    ("expectation", "page", "verdict"),
    [
        pytest.param(expected(), Page(URL, 200), GOOD, id="good"),
        pytest.param(expected(), Page(URL, 399), GOOD, id="the-last-of-the-range"),
        pytest.param(expected(), Page(URL, 400), bad(f"{URL} responded with HTTP 400"), id="above-the-range"),
        pytest.param(expected(), Page(URL, 199), bad(f"{URL} responded with HTTP 199"), id="below-the-range"),
        pytest.param(expected(statuses="200,204"), Page(URL, 204), GOOD, id="the-second-of-several"),
        pytest.param(
            expected(statuses="200,204"),
            Page(URL, 203),
            bad(f"{URL} responded with HTTP 203"),
            id="between-two",
        ),
        pytest.param(
            expected(),
            Page(URL, 502, "\nBad Gateway\nmore"),
            bad(f"{URL} responded with HTTP 502: Bad Gateway"),
            id="with-its-first-line",
        ),
        pytest.param(expected(contains="v1.2"), Page(URL, 200, "this is v1.2"), GOOD, id="holds-it"),
        pytest.param(
            expected(contains="v1.2"),
            Page(URL, 200, "this is v1.1"),
            bad(f"{URL} responded with HTTP 200, without 'v1.2': this is v1.1"),
            id="lacks",
        ),
        pytest.param(
            expected(contains="v1.2"),
            Page(URL, 200, "x", cut=True),
            bad(f"{URL} responded with HTTP 200, without 'v1.2' in its first MiB: x"),
            id="lacks-it-as-far-as-it-was-read",
        ),
        pytest.param(
            expected(contains="Gateway"),
            Page(URL, 502, "Gateway"),
            bad(f"{URL} responded with HTTP 502: Gateway"),
            id="both-must-hold",
        ),
        pytest.param(
            expected(contains="\n" + "y" * 300),
            Page(URL, 200, "x"),
            bad(f"{URL} responded with HTTP 200, without '{'y' * 199}…': x"),
            id="lacks-something-long",
        ),
        pytest.param(
            expected(),
            to("https://login.example.com/"),
            bad(
                f"{URL} responded with HTTP 302, a redirect to https://login.example.com/ that is not followed: {NOTHING}",
                inconclusive=True,
            ),
            id="a-redirect-to-another-host-proves-nothing",
        ),
        pytest.param(
            expected(contains="v1"),
            to("https://login.example.com/?next=secret"),
            bad(
                f"{URL} responded with HTTP 302, a redirect to https://login.example.com/?… that is not followed: {NOTHING}",
                inconclusive=True,
            ),
            id="a-redirect-to-another-host-of-which-something-is-looked-for",
        ),
        pytest.param(
            expected(),
            to("myapp://callback"),
            bad(
                f"{URL} responded with HTTP 302, a redirect to myapp://callback that is not followed: {NOTHING}",
                inconclusive=True,
            ),
            id="a-redirect-to-what-cannot-be-asked",
        ),
        pytest.param(
            expected(),
            to("https://app.example.com@evil.example/", 308),
            bad(
                f"{URL} responded with HTTP 308, a redirect to https://evil.example/ that is not followed: {NOTHING.replace('302', '308')}",
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
            bad(
                f"{URL} responded with HTTP 302, a redirect to https://login.example.com/ that is not followed"
            ),
            id="a-redirect-to-another-host-where-another-status-was-named",
        ),
        pytest.param(
            expected(contains="v1", statuses="302"),
            to("https://login.example.com/"),
            bad(
                f"{URL} responded with HTTP 302, a redirect to https://login.example.com/ that is not followed, without 'v1'"
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
            bad(f"{URL} responded with HTTP 500"),
            id="the-address-that-answered-is-told",
        ),
        pytest.param(
            expected(),
            Page(URL, 502, "Bad Gateway", proxied=True),
            bad(
                f"{URL} responded with HTTP 502, perhaps from the proxy itself: Bad Gateway",
                inconclusive=True,
            ),
            id="perhaps-a-proxy-s",
        ),
        pytest.param(
            expected(),
            Page(URL, 500, "Oops", proxied=True),
            bad(f"{URL} responded with HTTP 500: Oops"),
            id="what-no-proxy-answers-by-itself",
        ),
        pytest.param(
            expected(),
            PollFailed("the response timed out"),
            bad(f"{URL}: the response timed out", inconclusive=True),
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
        judge(expected(), Page(URL, 500, text)).reason.removeprefix(f"{URL} responded with HTTP 500"),
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
