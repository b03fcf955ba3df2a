"""How the build log is shown, kept, folded and limited."""

from __future__ import annotations

import re
from typing import Any

import pytest

from deployer.model import (
    Entry,
    LogLines,
    LogUnavailable,
    Outcome,
    PollFailing,
    PollRecovered,
    TargetFinished,
    TargetWarning,
)
from tests.ci.decoders import SECTION
from tests.report.desk import LINK, SECRET, SYSTEMS, WHY, logged, started

# --- the build log


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.FINISHED])
@pytest.mark.parametrize("logs", ["live", "failure", "none"])
def test_the_build_log_is_shown_as_wished(desk: Any, system: str, outcome: Outcome, logs: str) -> None:
    told = desk(system, logs=logs, log_file="log")
    told.hear(*started("web"))
    first = told.hear(logged("web", "line one"), logged("web", "line two"))
    last = told.hear(TargetFinished("web", outcome))
    told.finish(outcome)
    live, late = (sum(line.startswith("line ") for line in said) for said in (first, last))
    assert (live, late) == {"live": (2, 0), "failure": (0, 2 * (outcome is Outcome.FAILED)), "none": (0, 0)}[
        logs
    ]
    assert told.read("log") == "line one\nline two\n"


def test_hidden_entries_are_shown_only_on_request(desk: Any) -> None:
    for wish in (False, True):
        told = desk("plain", hidden_logs=wish, log_file="log")
        told.hear(*started("web"), logged("web", "compiler", hidden=True), logged("web", "visible"))
        assert ("compiler" in told.stdout.text, "compiler" in told.read("log")) == (wish, wish)


def test_an_empty_line_stays_one(desk: Any) -> None:
    told = desk("plain")
    assert told.hear(*started("web"), logged("web", "a\n\nb", ""))[-4:] == ["a", "", "b", ""]


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_only_the_build_log_is_folded(desk: Any, system: str) -> None:
    told = desk(system)
    told.hear(
        *started("web"),
        logged("web", "folded 1"),
        TargetWarning("web", "open 1"),
        logged("web", "folded 2"),
        PollFailing("web", "open 2"),
    )
    told.hear(
        PollRecovered("web", 1), logged("web", "folded 3"), TargetFinished("web", Outcome.FAILED, "open 3")
    )
    told.finish(Outcome.FAILED)
    depth, places = 0, {}
    for line in told.stdout.text.split("\n"):
        opened = line.startswith("::group::") or "section_start" in line
        closed = line.startswith("::endgroup::") or "section_end" in line
        depth += opened - closed
        assert depth in {0, 1}
        for word in re.findall(r"(?:folded|open) \d", line):
            places[word] = depth
    assert depth == 0
    assert places == {f"folded {number}": 1 for number in (1, 2, 3)} | {
        f"open {number}": 0 for number in (1, 2, 3)
    }


def test_sections_of_gitlab_never_share_a_name(desk: Any) -> None:
    told = desk("gitlab")
    told.hear(
        *started("web"),
        logged("web", "a"),
        TargetWarning("web", "b"),
        logged("web", "c"),
        TargetFinished("web", Outcome.FINISHED),
    )
    marks = [(mark[1], mark[3]) for mark in SECTION.finditer(told.stdout.text)]
    assert marks == [
        ("start", "deployer-1"),
        ("end", "deployer-1"),
        ("start", "deployer-2"),
        ("end", "deployer-2"),
    ]


def test_gitlab_s_limit_leaves_room_for_the_end_of_the_story(desk: Any) -> None:
    """Beyond 4 MiB the job's log is cut: the verdict would be lost."""
    told = desk("gitlab", log_file="log")
    told.hear(*started("web"))
    for number in range(60):
        told.hear(LogLines("web", (Entry(number, "é" * 50_000),)))
    told.hear(TargetFinished("web", Outcome.FAILED, WHY))
    said = told.stdout.text
    assert said.count("build log truncated") == 1
    assert f"See {LINK.format('web')}" in said
    assert len(said.encode()) < (4 << 20) - 100_000
    assert WHY in said
    assert len(told.read("log")) == 60 * 50_001
    assert len(re.findall("section_start", said)) == 1
    before = said[: said.index("build log truncated")]
    assert [mark[1] for mark in SECTION.finditer(before)] == [
        "start",
        "end",
    ]  # outside: folded away nobody would read it


def test_of_a_log_for_failures_the_end_is_kept(desk: Any) -> None:
    told = desk("plain", logs="failure")
    told.hear(*started("web"), *(logged("web", f"line {number}") for number in range(5000)))
    said = told.hear(TargetFinished("web", Outcome.FAILED, WHY))
    lines = [line for line in said if line.startswith("line ")]
    assert (lines[-1], 100 < len(lines) < 5000) == ("line 4999", True)


# --- the build log that can't be read


def test_that_no_build_log_can_be_read_is_said_once_for_all(desk: Any) -> None:
    told = desk("plain", "a", "b")
    told.hear(*started("a"), *started("b"))
    said = told.hear(LogUnavailable("a"), LogUnavailable("b"), LogUnavailable("a", "paris"))
    assert len(said) == 1
    assert said[0].startswith("a: the build log can't be shown: the token may not read it.")


# --- a job's log that is not read, and lines that it can't take


def test_build_log_lines_that_nobody_reads_are_left_out_and_that_is_said_where_they_are_missing(
    desk: Any,
) -> None:
    told = desk("plain", log_file="build.log")
    told.hear(*started("web"))
    room = iter([True, False, False, True, False])
    told.reporter._ci._writer.has_room = lambda: next(room)
    said = told.hear(logged("web", "one", "two", "three", "four", "five"))
    said += told.hear(TargetFinished("web", Outcome.FAILED, "it broke"))
    missing = (
        f"build log lines are missing here: this output is not read fast enough. See {LINK.format('web')}"
    )
    assert said[:5] == ["=== Build log of web ===", "one", missing, "four", missing]
    assert "it broke" in said[5]
    assert told.read("build.log") == "one\ntwo\nthree\nfour\nfive\n"


@pytest.mark.parametrize("logs", ["live", "failure"])
def test_a_huge_line_is_passed_on_in_pieces_and_is_whole_in_the_log_file(desk: Any, logs: str) -> None:
    told = desk("github", "web", "api", logs=logs, log_file="build.log")
    huge = "::error::" + "x" * 100_000 + SECRET + "::error::" * 20_000
    told.hear(*started("web"), logged("web", huge))
    told.hear(TargetFinished("web", Outcome.FAILED, "it broke"))
    pieces = [line for line in told.stdout.text.split("\n") if line.startswith("[web] ")]
    whole = "[web] " + huge.replace(SECRET, "***")
    assert max(map(len, told.stdout.text.split("\n"))) < 64 * 1024
    assert "".join(piece.removeprefix("[web] ") for piece in pieces) == whole.removeprefix("[web] ")
    assert told.read("build.log") == whole + "\n"
