"""Secrets that Coolify's log cuts into two entries: one entry per chunk of output, and a chunk may end anywhere (coolify-api 6)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployer.ci.output import Redactor
from deployer.model import Entry, LogLines, Outcome, TargetFinished
from deployer.report.cuts import Cuts
from tests.report.desk import HIDDEN, SECRET, at_desk, logged, started

SIZES = range(1, len(SECRET))


def cuts(*secrets: str) -> Cuts:
    redact = Redactor()
    for secret in secrets or (SECRET,):
        redact.add(secret)
    return Cuts(redact)


@pytest.mark.parametrize("together", [True, False], ids=["in-one-look", "in-two-looks"])
@pytest.mark.parametrize("size", SIZES)
def test_both_halves_of_a_secret_are_taken_out(size: int, together: bool) -> None:
    """Of the first half five characters may have been passed on before the second one came: nothing waits for so few."""
    told, texts = cuts(), [f"one\ntoken {SECRET[:size]}", f"{SECRET[size:]} two\nthree"]
    said = (
        told.lines("web", texts)
        if together
        else [*told.lines("web", texts[:1]), *told.lines("web", texts[1:])]
    )
    assert said == ["one", f"token {SECRET[:size] if size < 6 else '***'}", "*** two", "three"]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        pytest.param(["a Zq4w7-ma", "other"], ["a Zq4w7-ma", "other"], id="another-text"),
        pytest.param(["a Zq4w7-ma", "rked/secreX"], ["a Zq4w7-ma", "rked/secreX"], id="nearly-the-rest"),
        pytest.param(
            ["a Zq4w7-ma", "", "rked/secret"], ["a Zq4w7-ma", "", "rked/secret"], id="not-the-next-entry"
        ),
        pytest.param(
            ["a Zq4w7-ma\n", "rked/secret"], ["a Zq4w7-ma", "rked/secret"], id="a-line-break-that-is-there"
        ),
        pytest.param(["Zq4w7-marked/secret", "t"], ["***", "t"], id="whole"),
        pytest.param(["Zq4w", "7", "x\r\ny"], ["Zq4w", "7", "x", "y"], id="short-ones"),
        pytest.param(["rked/secret", "Zq4w7-ma"], ["rked/secret", "Zq4w7-ma"], id="the-wrong-order"),
    ],
)
def test_what_is_no_secret_cut_in_two_stays_in_its_order(texts: list[str], said: list[str]) -> None:
    told = cuts()
    assert [*told.lines("web", texts), *told.rest("web")] == said


@pytest.mark.parametrize(
    ("secrets", "texts", "said"),
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
            id="a-token-and-its-part",
        ),
        pytest.param(
            ["XYZ1-abcdef", "abcdefghijkl"],
            ["XYZ1-abcdef", "ghijkl"],
            ["***", "***"],
            id="a-half-within-another-secret",
        ),
        pytest.param(
            ["correct horse"],
            ["a correct", "horse b"],
            ["a ***", "*** b"],
            id="a-blank-that-the-cut-has-trimmed",
        ),
        pytest.param(
            ["line-one\nline-two"], ["line-o", "ne\nline-two"], ["***", "***", "***"], id="of-several-lines"
        ),
    ],
)
def test_halves_beside_others(secrets: list[str], texts: list[str], said: list[str]) -> None:
    told = cuts(*secrets)
    assert [*told.lines("web", texts), *told.rest("web")] == said


def test_a_half_waits_for_the_next_entry_of_its_own_log() -> None:
    told = cuts()
    assert told.lines("web", ["one\nZq4w7-ma"]) == ["one"]
    assert told.lines("api", ["rked/secret"]) == ["rked/secret"]
    assert told.lines("web", []) == []
    assert (told.rest("web"), told.rest("web")) == (["Zq4w7-ma"], [])


@pytest.mark.parametrize("value", [SECRET, HIDDEN])
@pytest.mark.parametrize("logs", ["live", "failure"])
def test_the_log_and_its_file_show_no_half(value: str, logs: str, tmp_path: Path) -> None:
    told = at_desk(tmp_path, "plain", logs=logs, log_file=str(tmp_path / "log"))
    told.hear(
        *started("web"), LogLines("web", (Entry(1, f"a {value[:9]}"), Entry(2, "hidden", hidden=True))), 5.0
    )
    assert value[:9] not in told.stdout.text + told.read("log")
    told.hear(LogLines("web", (Entry(3, f"{value[9:]} b"),)), TargetFinished("web", Outcome.FAILED))
    assert "\na ***\n*** b\n" in told.stdout.text
    assert told.read("log") == "a ***\n*** b\n"


@pytest.mark.parametrize("outcome", [Outcome.FINISHED, Outcome.FAILED, Outcome.INTERRUPTED, None])
def test_what_waited_is_shown_when_nothing_more_comes(outcome: Any, tmp_path: Path) -> None:
    """Before the end is told; and when the run is over without one."""
    told = at_desk(tmp_path, "plain", log_file=str(tmp_path / "log"))
    told.hear(
        *started("web"),
        logged("web", f"a {SECRET[:9]}"),
        *([TargetFinished("web", outcome)] if outcome else []),
    )
    said = told.stdout.text
    told.finish(outcome or Outcome.INTERRUPTED)
    assert told.read("log") == f"a {SECRET[:9]}\n"
    assert (f"\na {SECRET[:9]}\n" in said) is (outcome is not None)
    assert told.stdout.text.count(f"a {SECRET[:9]}\n") == 1
