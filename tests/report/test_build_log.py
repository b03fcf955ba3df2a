"""How the build log is shown, stored, folded and limited."""

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
from tests.report.reports import LINK, REASON, SECRET, SYSTEMS, log_lines, until_running

# --- the build log


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.FINISHED])
@pytest.mark.parametrize("logs", ["live", "failure", "none"])
def test_logs_decides_when_the_build_log_is_shown(
    new_report: Any, system: str, outcome: Outcome, logs: str
) -> None:
    report = new_report(system, logs=logs, log_file="log")
    report.emit(*until_running("web"))
    running = report.emit(log_lines("web", "line one"), log_lines("web", "line two"))
    ended = report.emit(TargetFinished("web", outcome))
    report.finish(outcome)
    live, after_the_end = (sum(line.startswith("line ") for line in printed) for printed in (running, ended))
    assert (live, after_the_end) == {
        "live": (2, 0),
        "failure": (0, 2 * (outcome is Outcome.FAILED)),
        "none": (0, 0),
    }[logs]
    assert report.read("log") == "line one\nline two\n"


def test_hidden_entries_are_shown_only_on_request(new_report: Any) -> None:
    for input_name in (False, True):
        report = new_report("plain", hidden_logs=input_name, log_file="log")
        report.emit(
            *until_running("web"), log_lines("web", "compiler", hidden=True), log_lines("web", "visible")
        )
        assert ("compiler" in report.stdout.text, "compiler" in report.read("log")) == (
            input_name,
            input_name,
        )


def test_empty_lines_are_kept(new_report: Any) -> None:
    report = new_report("plain")
    assert report.emit(*until_running("web"), log_lines("web", "a\n\nb", ""))[-4:] == ["a", "", "b", ""]


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_only_the_build_log_is_folded(new_report: Any, system: str) -> None:
    report = new_report(system)
    report.emit(
        *until_running("web"),
        log_lines("web", "folded 1"),
        TargetWarning("web", "open 1"),
        log_lines("web", "folded 2"),
        PollFailing("web", "open 2"),
    )
    report.emit(
        PollRecovered("web", 1), log_lines("web", "folded 3"), TargetFinished("web", Outcome.FAILED, "open 3")
    )
    report.finish(Outcome.FAILED)
    depth, places = 0, {}
    for line in report.stdout.text.split("\n"):
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


def test_sections_of_gitlab_never_share_a_name(new_report: Any) -> None:
    report = new_report("gitlab")
    report.emit(
        *until_running("web"),
        log_lines("web", "a"),
        TargetWarning("web", "b"),
        log_lines("web", "c"),
        TargetFinished("web", Outcome.FINISHED),
    )
    marks = [(mark[1], mark[3]) for mark in SECTION.finditer(report.stdout.text)]
    assert marks == [
        ("start", "deployer-1"),
        ("end", "deployer-1"),
        ("start", "deployer-2"),
        ("end", "deployer-2"),
    ]


def test_gitlab_s_limit_leaves_room_for_the_outcome(new_report: Any) -> None:
    """GitLab cuts a job's log at 4 MiB; the outcome must not be cut."""
    report = new_report("gitlab", log_file="log")
    report.emit(*until_running("web"))
    for number in range(60):
        report.emit(LogLines("web", (Entry(number, "é" * 50_000),)))
    report.emit(TargetFinished("web", Outcome.FAILED, REASON))
    printed = report.stdout.text
    assert printed.count("build log truncated") == 1
    assert "close to its size limit. See log\n" in printed
    assert len(printed.encode()) < (4 << 20) - 100_000
    assert REASON in printed
    assert len(report.read("log")) == 60 * 50_001
    assert len(re.findall("section_start", printed)) == 1
    before = printed[: printed.index("build log truncated")]
    assert [mark[1] for mark in SECTION.finditer(before)] == [
        "start",
        "end",
    ]  # not inside a folded section


@pytest.mark.parametrize(("log_file", "see"), [("", LINK.format("web")), ("log", "log")])
def test_above_the_limit_the_end_of_the_log_is_printed(new_report: Any, log_file: str, see: str) -> None:
    report = new_report("gitlab", log_file=log_file)
    report.emit(*until_running("web"))
    lines = [f"line {number} ".ljust(1000, "x") for number in range(6000)]
    report.emit(LogLines("web", tuple(Entry(number, line) for number, line in enumerate(lines))))
    report.emit(TargetFinished("web", Outcome.FAILED, REASON))
    printed = report.stdout.text
    before, marker, after = printed.partition("the last 130 lines of the build log:\n")
    assert marker
    assert f"close to its size limit. See {see}\n" in before
    assert after.splitlines()[:130] == lines[-130:]
    assert len(printed.encode()) < (4 << 20)
    assert REASON in after


def test_lines_after_the_limit_are_printed_once(new_report: Any) -> None:
    report = new_report("gitlab")
    report.emit(*until_running("web"), LogLines("web", (Entry(0, "x" * 4_000_000),)))
    report.emit(log_lines("web", "one"), log_lines("web", "two"))
    report.emit(TargetFinished("web", Outcome.FINISHED))
    printed = report.stdout.text
    marker = re.search(r"the last \d+ lines of the build log:\n", printed)
    assert marker
    assert printed[marker.end() :].count("\none\ntwo\n") == printed.count("\none\n") == 1


def test_a_log_for_failures_keeps_its_end(new_report: Any) -> None:
    report = new_report("plain", logs="failure")
    report.emit(*until_running("web"), *(log_lines("web", f"line {number}") for number in range(5000)))
    printed = report.emit(TargetFinished("web", Outcome.FAILED, REASON))
    lines = [line for line in printed if line.startswith("line ")]
    assert (lines[-1], 100 < len(lines) < 5000) == ("line 4999", True)


# --- unreadable build logs


def test_unreadable_build_logs_are_reported_once(new_report: Any) -> None:
    report = new_report("plain", "a", "b")
    report.emit(*until_running("a"), *until_running("b"))
    printed = report.emit(LogUnavailable("a"), LogUnavailable("b"), LogUnavailable("a", "paris"))
    assert len(printed) == 1
    assert printed[0].startswith("a: the build log can't be shown: the token may not read it.")


# --- output that is not read fast enough, and huge lines


def test_log_lines_left_out_for_a_slow_reader_are_marked(
    new_report: Any,
) -> None:
    report = new_report("plain", log_file="build.log")
    report.emit(*until_running("web"))
    has_room = iter([True, False, False, True, False])
    report.reporter._ci._writer.has_room = lambda: next(has_room)
    printed = report.emit(log_lines("web", "one", "two", "three", "four", "five"))
    printed += report.emit(TargetFinished("web", Outcome.FAILED, "the build failed"))
    missing = "build log lines were dropped here: the CI system reads this output too slowly. See build.log"
    assert printed[:5] == ["=== Build log of web ===", "one", missing, "four", missing]
    assert "the build failed" in printed[5]
    assert report.read("build.log") == "one\ntwo\nthree\nfour\nfive\n"


@pytest.mark.parametrize("logs", ["live", "failure"])
def test_a_huge_line_is_printed_in_pieces_and_whole_in_the_log_file(new_report: Any, logs: str) -> None:
    report = new_report("github", "web", "api", logs=logs, log_file="build.log")
    huge = "::error::" + "x" * 100_000 + SECRET + "::error::" * 20_000
    report.emit(*until_running("web"), log_lines("web", huge))
    report.emit(TargetFinished("web", Outcome.FAILED, "the build failed"))
    pieces = [line for line in report.stdout.text.split("\n") if line.startswith("[web] ")]
    expected = "[web] " + huge.replace(SECRET, "***")
    assert max(map(len, report.stdout.text.split("\n"))) < 64 * 1024
    assert "".join(piece.removeprefix("[web] ") for piece in pieces) == expected.removeprefix("[web] ")
    assert report.read("build.log") == expected + "\n"
