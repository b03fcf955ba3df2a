"""Outputs, dotenv file, result and job summary."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.model import (
    Certainty,
    ChangeApplied,
    Connected,
    DeploymentDetails,
    Event,
    Following,
    Handle,
    Outcome,
    Owner,
    Phase,
    PhaseChanged,
    Target,
    TargetFinished,
    TargetResolved,
    TriggerDelayed,
    Triggering,
)
from tests.report.reports import LINK, REASON, SHA, SYSTEMS, URL, log_lines, until_running

# --- outputs


def test_outputs_are_written_once_known_and_only_when_they_change(new_report: Any) -> None:
    report = new_report(log_file="build.log", output_file="env")
    steps: list[tuple[Event, set[str]]] = [
        (Connected("Coolify"), {"resource_uuid", "log_file"}),
        (TargetResolved(Target("web", "web", "application", URL.format("web"))), {"url"}),
        (Triggering("web"), set()),
        (Following("web", Handle("web", "web-1")), {"deployment_uuid", "deployment_uuids"}),
        (DeploymentDetails("web", LINK.format("web"), "", ""), {"deployment_url"}),
        (DeploymentDetails("web", LINK.format("web"), SHA, "localhost"), {"commit"}),
        (DeploymentDetails("web", LINK.format("web"), SHA, "localhost"), set()),
        (TargetFinished("web", Outcome.FINISHED), set()),
    ]
    known: set[str] = set()
    for event, new in steps:
        report.emit(event)
        known |= new
        assert set(report.outputs) == known
        assert {line.partition("=")[0] for line in report.read("env").splitlines()} == {
            f"DEPLOYED_{name.upper()}" for name in known
        }
    report.finish(Outcome.FINISHED)
    assert set(report.outputs) - known == {"status", "duration", "timed_out", "result"}
    written = re.findall(r"^(\w+)<<ghadelimiter", report.read("output"), re.MULTILINE)
    assert sorted(written) == sorted(report.outputs)


def test_outputs_of_several_targets_follow_the_order_of_the_input(new_report: Any) -> None:
    report = new_report("github", "a", "b", "c")
    report.emit(*until_running("b"), *until_running("c"), *until_running("a"))
    report.emit(
        12.0,
        TargetFinished("a", Outcome.FINISHED),
        TargetFinished("b", Outcome.FAILED, REASON),
        7.6,
        TargetFinished("c", Outcome.TIMED_OUT),
    )
    report.finish(Outcome.FAILED)
    expected = {
        "status": "failed",
        "deployment_uuid": "a-1",
        "deployment_uuids": "a-1,b-1,c-1",
        "resource_uuid": "a",
        "timed_out": "false",
    }
    expected |= {"url": URL.format("a"), "deployment_url": LINK.format("a"), "duration": "20"}
    assert {name: report.outputs[name] for name in expected} == expected
    assert [target["uuid"] for target in report.result["targets"]] == ["a", "b", "c"]


def test_a_phantom_is_not_an_output(new_report: Any) -> None:
    report = new_report()
    report.emit(Triggering("web"), Following("web", Handle("web", "phantom", Certainty.PHANTOM)))
    assert set(report.outputs) == {"resource_uuid"}
    report.emit(Following("web", Handle("web", "real", owner=Owner.OTHERS)))
    assert report.outputs["deployment_uuid"] == "real"


def test_a_deployment_that_does_not_exist_is_not_an_output(new_report: Any) -> None:
    """`start` on a full queue returns a uuid that was never stored: later steps must not use it."""
    report = new_report("github", "a", "b", output_file="env")
    report.emit(*until_running("a"), *until_running("b"))
    assert report.outputs["deployment_uuids"] == "a-1,b-1"
    report.emit(
        TargetFinished("a", Outcome.REFUSED, "the queue is full"), TargetFinished("b", Outcome.FINISHED)
    )
    report.finish(Outcome.REFUSED)
    assert (report.outputs["deployment_uuid"], report.outputs["deployment_uuids"]) == ("", ",b-1")
    assert [target["deployment_uuid"] for target in report.result["targets"]] == ["", "b-1"]
    assert "a-1`" not in report.read("summary")
    assert "a-1" not in [line.partition("=")[2].strip('"') for line in report.read("env").splitlines()]


@pytest.mark.parametrize("certainty", [Certainty.UNCONFIRMED, Certainty.POSSIBLY_PHANTOM])
@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.INTERRUPTED, Outcome.LOST])
def test_an_unstored_deployment_is_not_an_output(
    new_report: Any, outcome: Outcome, certainty: Certainty
) -> None:
    """The trigger is repeated while the queue is full; the last response names no stored deployment."""
    report = new_report()
    report.emit(Triggering("web"))
    for number in range(2):
        report.emit(
            Following("web", Handle("web", f"unstored-{number}", certainty)),
            PhaseChanged("web", Phase.ABSENT, ""),
        )
        report.emit(2.0, TriggerDelayed("web", 60, "the server's deployment queue is full"), 60.0)
    report.emit(TargetFinished("web", outcome, "the server's deployment queue is full"))
    report.finish(outcome)
    assert (report.outputs["deployment_uuid"], report.outputs["deployment_uuids"]) == ("", "")
    assert report.result["targets"][0]["deployment_uuid"] == ""
    assert "unstored" not in report.read("summary")


def test_refused_targets_leave_the_list_of_deployments_empty(new_report: Any) -> None:
    report = new_report("github", "a", "b")
    report.emit(
        *until_running("a"),
        *until_running("b"),
        TargetFinished("a", Outcome.REFUSED, "full"),
        TargetFinished("b", Outcome.REFUSED, "full"),
    )
    assert (report.outputs["deployment_uuid"], report.outputs["deployment_uuids"]) == ("", "")


RESULT_FIELDS = {
    "version": int,
    "status": str,
    "exit_code": int,
    "duration": int,
    "rehearsal": bool,
    "targets": list,
}


TARGET_FIELDS = {
    **dict.fromkeys(
        (
            "uuid",
            "name",
            "kind",
            "status",
            "reason",
            "deployment_uuid",
            "deployment_url",
            "url",
            "commit",
            "server",
        ),
        str,
    ),
    "adopted": bool,
    "duration": int,
}


@pytest.mark.parametrize("rehearsal", [True, False])
def test_the_result_has_its_fields(new_report: Any, rehearsal: bool) -> None:
    report = new_report("github", "a", "b", rehearsal=rehearsal)
    report.emit(
        *until_running("a", adopted=True),
        DeploymentDetails("a", LINK.format("a"), SHA, "srv"),
        3.4,
        TargetFinished("a", Outcome.FAILED, REASON),
    )
    report.emit(TargetFinished("b", Outcome.REFUSED, "no"))
    report.finish(Outcome.FAILED)
    result = report.result
    assert json.loads(report.outputs["result"]) == result
    assert "\n" not in report.outputs["result"]
    assert {name: type(value) for name, value in result.items()} == RESULT_FIELDS
    assert [{name: type(value) for name, value in target.items()} for target in result["targets"]] == [
        TARGET_FIELDS
    ] * 2
    assert (result["version"], result["status"], result["exit_code"], result["rehearsal"]) == (
        1,
        "failed",
        1,
        rehearsal,
    )
    assert result["targets"][0] == {
        "uuid": "a",
        "name": "a",
        "kind": "application",
        "status": "failed",
        "reason": REASON,
        "deployment_uuid": "a-1",
        "adopted": True,
        "deployment_url": LINK.format("a"),
        "url": URL.format("a"),
        "commit": SHA,
        "server": "srv",
        "duration": 3,
    }


@pytest.mark.parametrize(
    "reason", ["x" * 5000, "\N{PILE OF POO}" * 5000, '"\\\n' * 2000], ids=["long", "wide", "escaped"]
)
def test_the_result_stays_under_32_kilobytes(new_report: Any, reason: str) -> None:
    names = tuple(f"{number:024}" for number in range(200))
    report = new_report("github", *names)
    report.emit(
        *(
            event
            for name in names
            for event in (*until_running(name), TargetFinished(name, Outcome.FAILED, reason))
        )
    )
    report.finish(Outcome.FAILED)
    text = report.outputs["result"]
    result = json.loads(text)
    assert len(text.encode()) < 32 * 1024
    assert result["omitted"] == 200 - len(result["targets"])
    assert [target["uuid"] for target in result["targets"]] == list(names[: len(result["targets"])])
    assert len(result["targets"]) > 5
    assert all(reason.startswith(target["reason"]) and target["reason"] for target in result["targets"])
    assert len(report.result["targets"]) == 200  # the file has no limit


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_dotenv_file_stays_under_5000_bytes(new_report: Any, system: str) -> None:
    """GitLab refuses the whole file at 5120 (ci-formats 2); the list is cut between two deployments."""
    names = tuple(f"{number:024}" for number in range(250))
    report = new_report(system, *names, output_file="env")
    report.emit(
        *(event for name in names for event in (*until_running(name), TargetFinished(name, Outcome.FINISHED)))
    )
    report.finish(Outcome.FINISHED)
    assert len(report.read("env").encode()) < 5000
    [listed] = re.findall(r'^DEPLOYED_DEPLOYMENT_UUIDS="?([^"\n]*)', report.read("env"), re.MULTILINE)
    assert listed.split(",") == [f"{name}-1" for name in names[: listed.count(",") + 1]]
    assert "DEPLOYED_STATUS" in report.read("env")
    assert "RESULT" not in report.read("env")


def test_other_lines_stay_in_the_output_file(new_report: Any, tmp_path: Path) -> None:
    (tmp_path / "env").write_text("VERSION=1.2\n# a comment\nDEPLOYED_STATUS=of an earlier run\nNAME=web")
    report = new_report("plain", output_file="env")
    report.emit(*until_running("web"), TargetFinished("web", Outcome.FINISHED))
    report.finish(Outcome.FINISHED)
    lines = report.read("env").splitlines()
    assert lines[:3] == ["VERSION=1.2", "# a comment", "NAME=web"]
    assert lines.count('DEPLOYED_STATUS="finished"') == 1
    assert [line for line in lines if "earlier" in line] == []


def test_a_value_cannot_inject_into_a_dotenv_file(new_report: Any) -> None:
    report = new_report("plain", output_file="env")
    report.emit(
        TargetResolved(
            Target("web", "web", "application", 'https://x/$(id)`id`"\nDEPLOYED_STATUS=finished\n')
        )
    )
    assert len(report.read("env").splitlines()) == 2
    assert re.search(r"(?<!\\)[$`]", report.read("env")) is None


@pytest.mark.parametrize("input_name", ["log_file", "output_file", "result_file"])
def test_a_file_that_cannot_be_written_is_one_warning(new_report: Any, input_name: str) -> None:
    report = new_report("github", **{input_name: "no/such/folder/file"})
    report.emit(
        *until_running("web"),
        log_lines("web", "a"),
        log_lines("web", "b"),
        TargetFinished("web", Outcome.FINISHED),
    )
    report.finish(Outcome.FINISHED)
    assert report.annotations("warning") == [
        ("", "could not write no/such/folder/file: No such file or directory")
    ]


def test_the_real_deployment_behind_a_phantom_is_an_output(new_report: Any) -> None:
    report = new_report()
    report.emit(Triggering("web"), Following("web", Handle("web", "unstored", Certainty.POSSIBLY_PHANTOM)))
    report.emit(
        PhaseChanged("web", Phase.ABSENT, ""),
        Following("web", Handle("web", "real", owner=Owner.OTHERS)),
        PhaseChanged("web", Phase.RUNNING, ""),
    )
    assert report.outputs["deployment_uuid"] == "real"


# --- the summary


def test_the_summary_is_a_table_with_reasons(new_report: Any) -> None:
    report = new_report("github", "a", "b", "c")
    report.emit(
        *until_running("a"), *until_running("b"), DeploymentDetails("a", LINK.format("a"), SHA, ""), 61.0
    )
    report.emit(
        TargetFinished("a", Outcome.FAILED, "one\ntwo"),
        TargetFinished("b", Outcome.FINISHED),
        TargetFinished("c", Outcome.REFUSED, "no"),
    )
    report.finish(Outcome.FAILED)
    assert report.read("summary").split("\n") == [
        "### The deployment failed",
        "",
        "| Target | Status | Deployment | Commit | Duration |",
        "|---|---|---|---|---|",
        f"| [`a`]({URL.format('a')}) | ❌ failed | [`a-1`]({LINK.format('a')}) | `{SHA[:12]}` | 1m 01s |",
        f"| [`b`]({URL.format('b')}) | ✅ finished | [`b-1`]({LINK.format('b')}) |  | 1m 01s |",
        "| `c` | ❌ refused |  |  |  |",
        "",
        "**Why `a` ended as failed**",
        "",
        "```text",
        "one",
        "two",
        "```",
        "",
        "**Why `c` ended as refused**",
        "",
        "```text",
        "no",
        "```",
        "",
    ]


def test_the_summary_marks_adopted_deployments(new_report: Any) -> None:
    report = new_report("github", "a", "b")
    report.emit(
        *until_running("a", adopted=True),
        *until_running("b"),
        TargetFinished("a", Outcome.FINISHED),
        TargetFinished("b", Outcome.FINISHED),
    )
    report.finish(Outcome.FINISHED)
    cells = [row.split(" | ")[1] for row in report.read("summary").split("\n") if row.startswith("| [")]
    assert cells == ["✅ finished (started by somebody else)", "✅ finished"]


@pytest.mark.parametrize(
    "error",
    [ValueError("odd"), UnicodeEncodeError("utf-8", "\ud800", 0, 1, "odd"), OSError(28, "No space left")],
)
def test_a_summary_that_cannot_be_made_is_one_warning(
    new_report: Any, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> str:
        raise error

    monkeypatch.setattr("deployer.report.outputs.markdown", broken)
    report = new_report()
    report.emit(*until_running("web"), TargetFinished("web", Outcome.FINISHED))
    report.finish(Outcome.FINISHED)
    [(title, message)] = report.annotations("warning")
    assert (title, message.partition(": ")[0]) == ("", "could not write the job summary")
    assert (report.outputs["status"], report.result["status"]) == ("finished", "finished")


def test_the_summary_contains_no_control_characters(new_report: Any) -> None:
    report = new_report()
    report.emit(
        TargetResolved(Target("web", "shop\u202e\x1b[8m", "application")),
        TargetFinished("web", Outcome.FAILED, "one\u2066\u200f\x9b two\r\nthree"),
    )
    report.finish(Outcome.FAILED)
    summary = report.read("summary")
    assert "| `shop [8m` | ❌ failed |" in summary
    assert "```text\none  two\nthree\n```" in summary


def test_lone_surrogates_are_replaced_in_the_summary(new_report: Any) -> None:
    report = new_report()
    url = "https://web.example.com/\ud800"
    report.emit(
        TargetResolved(Target("web", "\ud800", "application", url)),
        Following("web", Handle("web", "\ud800", link=url)),
    )
    report.emit(
        DeploymentDetails("web", url, "\ud800" * 12, "\ud800"),
        TargetFinished("web", Outcome.FAILED, "\ud800"),
    )
    report.finish(Outcome.FAILED)
    assert "](https://web.example.com/?)" in report.read("summary")
    assert [message for _, message in report.annotations("warning") if "can't be written" in message] == []
    assert report.outputs["status"] == "failed"


def test_the_summary_can_be_switched_off(new_report: Any) -> None:
    report = new_report("github", summary=False)
    report.emit(*until_running("web"), TargetFinished("web", Outcome.FINISHED))
    report.finish(Outcome.FINISHED)
    assert not (report.folder / "summary").exists()


HOSTILE = [
    "a|b",
    "a\\|b",
    "`code`",
    "``",
    "```\n</details>",
    "~~~~",
    "<img src=http://evil.example.com/a.png>",
    "![a](http://evil.example.com/b.png)",
    "[x](javascript:alert(1))",
    "@everyone #1 GH-1",
    "<!-- -->",
    "a\r\n\r\n# heading",
    "a\u2028b\x00c\x1b[31m",
    "&lt;script&gt;",
]


STATIC_TEXT = """### The deployment failed
| Target | Status | Deployment | Commit | Duration |
|---|---|---|---|---|
| | ❌ failed | | | |
**Changed on the server**
- :
**Why ended as failed**"""


def outside_code(markdown: str) -> str:
    """Return what GitHub reads as Markdown: everything but fences and code spans."""
    lines_outside, fence = [], ""
    for line in markdown.split("\n"):
        if fence:
            fence = "" if line.strip() == fence else fence
        elif opening := re.match(r"`{3,}", line):
            fence = opening[0]
        else:
            lines_outside.append(re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "CODE", line))
    assert fence == "", "a fence that is never closed"
    return "\n".join(lines_outside)


@pytest.mark.parametrize("text", HOSTILE)
def test_untrusted_text_in_the_summary_is_only_text(new_report: Any, text: str) -> None:
    """It creates no link, mention, image, heading or table cell."""
    report = new_report("github")
    url = f"https://web.example.com/{text}"
    report.emit(
        TargetResolved(Target("web", text, "application", url)),
        Following("web", Handle("web", text)),
        DeploymentDetails("web", LINK, text, ""),
    )
    report.emit(ChangeApplied("web", text), TargetFinished("web", Outcome.FAILED, text))
    report.finish(Outcome.FAILED)
    bare = outside_code(report.read("summary"))
    links = re.findall(r"\[CODE\]\(([^()\s]*)\)", bare)
    assert all(
        link.startswith(("https://web.example.com/", "https://coolify.example.com/")) for link in links
    )
    words = re.sub(r"\[CODE\]\([^()\s]*\)", "CODE", bare)
    assert re.sub(r"CODE|\s", "", html.unescape(words)) == re.sub(r"\s", "", STATIC_TEXT)


@pytest.mark.parametrize("count", [1, 3, 79, 80, 81, 100, 254, 255, 256, 1000])
def test_backticks_end_neither_a_span_nor_a_fence(new_report: Any, count: int) -> None:
    """Cmark recognizes no code span with more than 80, and stores the length of a fence in one byte."""
    report = new_report("github")
    evil = "![x](https://evil.example.com/a.png) @acme/security"
    text = f"{'`' * count} {evil}\n{'`' * count}\n{evil}"
    report.emit(
        TargetResolved(Target("web", text, "application")),
        Following("web", Handle("web", text)),
        DeploymentDetails("web", LINK, text, ""),
    )
    report.emit(ChangeApplied("web", text), TargetFinished("web", Outcome.FAILED, text))
    report.finish(Outcome.FAILED)
    summary = report.read("summary")
    assert max(map(len, re.findall("`+", summary))) < 80
    assert "evil" not in outside_code(summary)
    assert summary.count(evil) >= 4


# --- URLs that are only requested


REQUESTED = Target("web", "shop", "application", "https://new.example.com", before="https://old.example.com")


@pytest.mark.parametrize(
    ("events", "url"),
    [
        pytest.param([], "https://old.example.com", id="not-yet"),
        pytest.param(
            [TargetFinished("web", Outcome.REFUSED, REASON)], "https://old.example.com", id="refused"
        ),
        pytest.param(
            [Triggering("web"), TargetFinished("web", Outcome.LOST, REASON)],
            "https://old.example.com",
            id="lost",
        ),
        pytest.param(
            [Following("web", Handle("web", "x", Certainty.PHANTOM))],
            "https://old.example.com",
            id="phantom",
        ),
        pytest.param(
            [
                Following("web", Handle("web", "x", Certainty.UNCONFIRMED)),
                TargetFinished("web", Outcome.REFUSED, REASON),
            ],
            "https://old.example.com",
            id="unconfirmed",
        ),
        pytest.param([Following("web", Handle("web", "x"))], "https://new.example.com", id="started"),
        pytest.param(
            [Following("web", Handle("web", "x")), TargetFinished("web", Outcome.FAILED, REASON)],
            "https://new.example.com",
            id="failed",
        ),
    ],
)
@pytest.mark.parametrize("before", ["https://old.example.com", ""])
def test_a_url_that_is_only_requested_is_not_an_output(
    new_report: Any, events: list[Event], url: str, before: str
) -> None:
    report = new_report("github", output_file="env")
    report.emit(TargetResolved(replace(REQUESTED, before=before)), *events)
    url = url if url == REQUESTED.url else before
    assert report.outputs.get("url", "") == url
    report.finish(Outcome.FAILED)
    assert (report.outputs.get("url", ""), report.result["targets"][0]["url"]) == (url, url)
    if url != REQUESTED.url:
        everywhere = [report.stdout.text, *(path.read_text() for path in report.folder.iterdir())]
        assert [text for text in everywhere if REQUESTED.url in text] == []
