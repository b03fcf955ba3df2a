"""Secrets that are cut into two log entries.

Coolify logs one entry per chunk of output, and a chunk may end anywhere (coolify-api 6).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployer.ci.output import Redactor
from deployer.model import Entry, LogLines, Outcome, TargetFinished
from deployer.report.cuts import Cuts
from tests.report.reports import HIDDEN, SECRET, log_lines, report_in, until_running

SIZES = range(1, len(SECRET))


def cuts(*secrets: str) -> Cuts:
    redact = Redactor()
    for secret in secrets or (SECRET,):
        redact.add(secret)
    return Cuts(redact)


@pytest.mark.parametrize("in_one_poll", [True, False], ids=["in-one-poll", "in-two-polls"])
@pytest.mark.parametrize("size", SIZES)
def test_both_halves_of_a_secret_are_redacted(size: int, in_one_poll: bool) -> None:
    """Up to five characters of the first half are shown: so few are not held."""
    report, texts = cuts(), [f"one\ntoken {SECRET[:size]}", f"{SECRET[size:]} two\nthree"]
    printed = (
        report.lines("web", texts)
        if in_one_poll
        else [*report.lines("web", texts[:1]), *report.lines("web", texts[1:])]
    )
    assert printed == ["one", f"token {SECRET[:size] if size < 6 else '***'}", "*** two", "three"]


@pytest.mark.parametrize(
    ("texts", "printed"),
    [
        pytest.param(["a Zq4w7-ma", "other"], ["a Zq4w7-ma", "other"], id="another-text"),
        pytest.param(["a Zq4w7-ma", "rked/secreX"], ["a Zq4w7-ma", "rked/secreX"], id="nearly-the-rest"),
        pytest.param(
            ["a Zq4w7-ma", "", "rked/secret"], ["a Zq4w7-ma", "", "rked/secret"], id="other-entry-in-between"
        ),
        pytest.param(
            ["a Zq4w7-ma\n", "rked/secret"], ["a Zq4w7-ma", "rked/secret"], id="line-break-in-the-text"
        ),
        pytest.param(["Zq4w7-marked/secret", "t"], ["***", "t"], id="whole"),
        pytest.param(["Zq4w", "7", "x\r\ny"], ["Zq4w", "7", "x", "y"], id="short-entries"),
        pytest.param(["rked/secret", "Zq4w7-ma"], ["rked/secret", "Zq4w7-ma"], id="wrong-order"),
    ],
)
def test_text_that_is_no_cut_secret_is_unchanged(texts: list[str], printed: list[str]) -> None:
    report = cuts()
    assert [*report.lines("web", texts), *report.rest("web")] == printed


@pytest.mark.parametrize(
    ("secrets", "texts", "printed"),
    [
        pytest.param(
            [],
            ["Zq4w7-ma", "rked/secret Zq4w7-m", "arked/secret"],
            ["***", "*** ***", "***"],
            id="two-in-a-row",
        ),
        pytest.param(
            ["7|abcdefghijkl", "abcdefghijkl"],
            ["t 7|abcdef", "ghijkl."],
            ["t ***", "***."],
            id="token-and-its-suffix",
        ),
        pytest.param(
            ["XYZ1-abcdef", "abcdefghijkl"],
            ["XYZ1-abcdef", "ghijkl"],
            ["***", "***"],
            id="half-within-another-secret",
        ),
        pytest.param(
            ["correct horse"],
            ["a correct", "horse b"],
            ["a ***", "*** b"],
            id="space-trimmed-at-the-cut",
        ),
        pytest.param(
            ["line-one\nline-two"], ["line-o", "ne\nline-two"], ["***", "***", "***"], id="several-lines"
        ),
    ],
)
def test_halves_next_to_other_secrets(secrets: list[str], texts: list[str], printed: list[str]) -> None:
    report = cuts(*secrets)
    assert [*report.lines("web", texts), *report.rest("web")] == printed


def test_a_half_is_held_until_the_next_entry_of_the_same_log() -> None:
    report = cuts()
    assert report.lines("web", ["one\nZq4w7-ma"]) == ["one"]
    assert report.lines("api", ["rked/secret"]) == ["rked/secret"]
    assert report.lines("web", []) == []
    assert (report.rest("web"), report.rest("web")) == (["Zq4w7-ma"], [])


@pytest.mark.parametrize("value", [SECRET, HIDDEN])
@pytest.mark.parametrize("logs", ["live", "failure"])
def test_neither_log_nor_log_file_shows_a_half(value: str, logs: str, tmp_path: Path) -> None:
    report = report_in(tmp_path, "plain", logs=logs, log_file=str(tmp_path / "log"))
    report.emit(
        *until_running("web"),
        LogLines("web", (Entry(1, f"a {value[:9]}"), Entry(2, "hidden", hidden=True))),
        5.0,
    )
    assert value[:9] not in report.stdout.text + report.read("log")
    report.emit(LogLines("web", (Entry(3, f"{value[9:]} b"),)), TargetFinished("web", Outcome.FAILED))
    assert "\na ***\n*** b\n" in report.stdout.text
    assert report.read("log") == "a ***\n*** b\n"


@pytest.mark.parametrize("outcome", [Outcome.FINISHED, Outcome.FAILED, Outcome.INTERRUPTED, None])
def test_held_text_is_shown_when_the_log_ends(outcome: Any, tmp_path: Path) -> None:
    """Before the target finishes, or when the run ends without that."""
    report = report_in(tmp_path, "plain", log_file=str(tmp_path / "log"))
    report.emit(
        *until_running("web"),
        log_lines("web", f"a {SECRET[:9]}"),
        *([TargetFinished("web", outcome)] if outcome else []),
    )
    printed = report.stdout.text
    report.finish(outcome or Outcome.INTERRUPTED)
    assert report.read("log") == f"a {SECRET[:9]}\n"
    assert (f"\na {SECRET[:9]}\n" in printed) is (outcome is not None)
    assert report.stdout.text.count(f"a {SECRET[:9]}\n") == 1
