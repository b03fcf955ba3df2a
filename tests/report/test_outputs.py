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
from tests.report.desk import LINK, SHA, SYSTEMS, URL, WHY, logged, started

# --- outputs


def test_outputs_are_written_as_soon_as_they_are_known_and_only_when_they_change(desk: Any) -> None:
    told = desk(log_file="build.log", output_file="env")
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
    for event, fresh in steps:
        told.hear(event)
        known |= fresh
        assert set(told.outputs) == known
        assert {line.partition("=")[0] for line in told.read("env").splitlines()} == {
            f"DEPLOYED_{name.upper()}" for name in known
        }
    told.finish(Outcome.FINISHED)
    assert set(told.outputs) - known == {"status", "duration", "timed_out", "result"}
    named = re.findall(r"^(\w+)<<ghadelimiter", told.read("output"), re.MULTILINE)
    assert sorted(named) == sorted(told.outputs)


def test_the_outputs_of_several_targets_are_the_first_s_in_the_order_of_the_input(desk: Any) -> None:
    told = desk("github", "a", "b", "c")
    told.hear(*started("b"), *started("c"), *started("a"))
    told.hear(
        12.0,
        TargetFinished("a", Outcome.FINISHED),
        TargetFinished("b", Outcome.FAILED, WHY),
        7.6,
        TargetFinished("c", Outcome.TIMED_OUT),
    )
    told.finish(Outcome.FAILED)
    wanted = {
        "status": "failed",
        "deployment_uuid": "a-1",
        "deployment_uuids": "a-1,b-1,c-1",
        "resource_uuid": "a",
        "timed_out": "false",
    }
    wanted |= {"url": URL.format("a"), "deployment_url": LINK.format("a"), "duration": "20"}
    assert {name: told.outputs[name] for name in wanted} == wanted
    assert [target["uuid"] for target in told.result["targets"]] == ["a", "b", "c"]


def test_a_phantom_is_no_output(desk: Any) -> None:
    told = desk()
    told.hear(Triggering("web"), Following("web", Handle("web", "phantom", Certainty.PHANTOM)))
    assert set(told.outputs) == {"resource_uuid"}
    told.hear(Following("web", Handle("web", "real", owner=Owner.OTHERS)))
    assert told.outputs["deployment_uuid"] == "real"


def test_a_deployment_that_does_not_exist_is_no_output(desk: Any) -> None:
    """`start` on a full queue names one that was never made: later steps must not look for it."""
    told = desk("github", "a", "b", output_file="env")
    told.hear(*started("a"), *started("b"))
    assert told.outputs["deployment_uuids"] == "a-1,b-1"
    told.hear(
        TargetFinished("a", Outcome.REFUSED, "the queue is full"), TargetFinished("b", Outcome.FINISHED)
    )
    told.finish(Outcome.REFUSED)
    assert (told.outputs["deployment_uuid"], told.outputs["deployment_uuids"]) == ("", ",b-1")
    assert [target["deployment_uuid"] for target in told.result["targets"]] == ["", "b-1"]
    assert "a-1`" not in told.read("summary")
    assert "a-1" not in [line.partition("=")[2].strip('"') for line in told.read("env").splitlines()]


@pytest.mark.parametrize("trust", [Certainty.UNCONFIRMED, Certainty.POSSIBLY_PHANTOM])
@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.INTERRUPTED, Outcome.LOST])
def test_a_deployment_that_was_only_made_up_is_no_output(
    desk: Any, outcome: Outcome, trust: Certainty
) -> None:
    """It is sent again as long as the queue is full: what the last answer named was never made either."""
    told = desk()
    told.hear(Triggering("web"))
    for number in range(2):
        told.hear(
            Following("web", Handle("web", f"made-up-{number}", trust)), PhaseChanged("web", Phase.ABSENT, "")
        )
        told.hear(2.0, TriggerDelayed("web", 60, "the server's deployment queue is full"), 60.0)
    told.hear(TargetFinished("web", outcome, "the server's deployment queue is full"))
    told.finish(outcome)
    assert (told.outputs["deployment_uuid"], told.outputs["deployment_uuids"]) == ("", "")
    assert told.result["targets"][0]["deployment_uuid"] == ""
    assert "made-up" not in told.read("summary")


def test_only_refused_ones_leave_no_list_of_deployments(desk: Any) -> None:
    told = desk("github", "a", "b")
    told.hear(
        *started("a"),
        *started("b"),
        TargetFinished("a", Outcome.REFUSED, "full"),
        TargetFinished("b", Outcome.REFUSED, "full"),
    )
    assert (told.outputs["deployment_uuid"], told.outputs["deployment_uuids"]) == ("", "")


FIELDS = {
    "version": int,
    "status": str,
    "exit_code": int,
    "duration": int,
    "rehearsal": bool,
    "targets": list,
}


OF_TARGET = {
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
def test_the_result_has_its_fields(desk: Any, rehearsal: bool) -> None:
    told = desk("github", "a", "b", rehearsal=rehearsal)
    told.hear(
        *started("a", adopted=True),
        DeploymentDetails("a", LINK.format("a"), SHA, "srv"),
        3.4,
        TargetFinished("a", Outcome.FAILED, WHY),
    )
    told.hear(TargetFinished("b", Outcome.REFUSED, "no"))
    told.finish(Outcome.FAILED)
    whole = told.result
    assert json.loads(told.outputs["result"]) == whole
    assert "\n" not in told.outputs["result"]
    assert {name: type(value) for name, value in whole.items()} == FIELDS
    assert [{name: type(value) for name, value in target.items()} for target in whole["targets"]] == [
        OF_TARGET
    ] * 2
    assert (whole["version"], whole["status"], whole["exit_code"], whole["rehearsal"]) == (
        1,
        "failed",
        1,
        rehearsal,
    )
    assert whole["targets"][0] == {
        "uuid": "a",
        "name": "a",
        "kind": "application",
        "status": "failed",
        "reason": WHY,
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
def test_the_result_stays_under_32_kilobytes(desk: Any, reason: str) -> None:
    names = tuple(f"{number:024}" for number in range(200))
    told = desk("github", *names)
    told.hear(
        *(event for name in names for event in (*started(name), TargetFinished(name, Outcome.FAILED, reason)))
    )
    told.finish(Outcome.FAILED)
    text = told.outputs["result"]
    whole = json.loads(text)
    assert len(text.encode()) < 32 * 1024
    assert whole["omitted"] == 200 - len(whole["targets"])
    assert [target["uuid"] for target in whole["targets"]] == list(names[: len(whole["targets"])])
    assert len(whole["targets"]) > 5
    assert all(reason.startswith(target["reason"]) and target["reason"] for target in whole["targets"])
    assert len(told.result["targets"]) == 200  # the file has no limit


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_dotenv_file_stays_under_5000_bytes(desk: Any, system: str) -> None:
    """GitLab refuses the whole file at 5120 (ci-formats 2); the list is cut between two deployments."""
    names = tuple(f"{number:024}" for number in range(400))
    told = desk(system, *names, output_file="env")
    told.hear(
        *(event for name in names for event in (*started(name), TargetFinished(name, Outcome.FINISHED)))
    )
    told.finish(Outcome.FINISHED)
    assert len(told.read("env").encode()) < 5000
    [listed] = re.findall(r'^DEPLOYED_DEPLOYMENT_UUIDS="?([^"\n]*)', told.read("env"), re.MULTILINE)
    assert listed.split(",") == [f"{name}-1" for name in names[: listed.count(",") + 1]]
    assert "DEPLOYED_STATUS" in told.read("env")
    assert "RESULT" not in told.read("env")


def test_lines_of_others_stay_in_the_output_file(desk: Any, tmp_path: Path) -> None:
    (tmp_path / "env").write_text("VERSION=1.2\n# a comment\nDEPLOYED_STATUS=of an earlier run\nNAME=web")
    told = desk("plain", output_file="env")
    told.hear(*started("web"), TargetFinished("web", Outcome.FINISHED))
    told.finish(Outcome.FINISHED)
    lines = told.read("env").splitlines()
    assert lines[:3] == ["VERSION=1.2", "# a comment", "NAME=web"]
    assert lines.count('DEPLOYED_STATUS="finished"') == 1
    assert [line for line in lines if "earlier" in line] == []


def test_a_value_in_a_dotenv_file_is_only_a_value(desk: Any) -> None:
    told = desk("plain", output_file="env")
    told.hear(
        TargetResolved(
            Target("web", "web", "application", 'https://x/$(id)`id`"\nDEPLOYED_STATUS=finished\n')
        )
    )
    assert len(told.read("env").splitlines()) == 2
    assert re.search(r"(?<!\\)[$`]", told.read("env")) is None


@pytest.mark.parametrize("wish", ["log_file", "output_file", "result_file"])
def test_a_file_that_cannot_be_written_is_warned_of_once(desk: Any, wish: str) -> None:
    told = desk("github", **{wish: "no/such/folder/file"})
    told.hear(
        *started("web"), logged("web", "a"), logged("web", "b"), TargetFinished("web", Outcome.FINISHED)
    )
    told.finish(Outcome.FINISHED)
    assert told.told("warning") == [("", "could not write no/such/folder/file: No such file or directory")]


def test_behind_what_was_only_made_up_stands_what_is_an_output(desk: Any) -> None:
    told = desk()
    told.hear(Triggering("web"), Following("web", Handle("web", "made-up", Certainty.POSSIBLY_PHANTOM)))
    told.hear(
        PhaseChanged("web", Phase.ABSENT, ""),
        Following("web", Handle("web", "real", owner=Owner.OTHERS)),
        PhaseChanged("web", Phase.RUNNING, ""),
    )
    assert told.outputs["deployment_uuid"] == "real"


# --- the summary


def test_the_summary_is_a_table_and_the_reasons(desk: Any) -> None:
    told = desk("github", "a", "b", "c")
    told.hear(*started("a"), *started("b"), DeploymentDetails("a", LINK.format("a"), SHA, ""), 61.0)
    told.hear(
        TargetFinished("a", Outcome.FAILED, "one\ntwo"),
        TargetFinished("b", Outcome.FINISHED),
        TargetFinished("c", Outcome.REFUSED, "no"),
    )
    told.finish(Outcome.FAILED)
    assert told.read("summary").split("\n") == [
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


def test_the_summary_says_whose_deployment_it_was(desk: Any) -> None:
    told = desk("github", "a", "b")
    told.hear(
        *started("a", adopted=True),
        *started("b"),
        TargetFinished("a", Outcome.FINISHED),
        TargetFinished("b", Outcome.FINISHED),
    )
    told.finish(Outcome.FINISHED)
    cells = [row.split(" | ")[1] for row in told.read("summary").split("\n") if row.startswith("| [")]
    assert cells == ["✅ finished (started by somebody else)", "✅ finished"]


@pytest.mark.parametrize(
    "error",
    [ValueError("odd"), UnicodeEncodeError("utf-8", "\ud800", 0, 1, "odd"), OSError(28, "No space left")],
)
def test_a_summary_that_cannot_be_made_is_one_warning(
    desk: Any, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> str:
        raise error

    monkeypatch.setattr("deployer.report.outputs.markdown", broken)
    told = desk()
    told.hear(*started("web"), TargetFinished("web", Outcome.FINISHED))
    told.finish(Outcome.FINISHED)
    [(title, message)] = told.told("warning")
    assert (title, message.partition(": ")[0]) == ("", "could not write the job summary")
    assert (told.outputs["status"], told.result["status"]) == ("finished", "finished")


def test_nothing_in_the_summary_turns_the_writing_or_hides(desk: Any) -> None:
    told = desk()
    told.hear(
        TargetResolved(Target("web", "shop\u202e\x1b[8m", "application")),
        TargetFinished("web", Outcome.FAILED, "one\u2066\u200f\x9b two\r\nthree"),
    )
    told.finish(Outcome.FAILED)
    summary = told.read("summary")
    assert "| `shop [8m` | ❌ failed |" in summary
    assert "```text\none  two\nthree\n```" in summary


def test_lone_surrogates_are_no_trouble_for_the_summary(desk: Any) -> None:
    told = desk()
    url = "https://web.example.com/\ud800"
    told.hear(
        TargetResolved(Target("web", "\ud800", "application", url)),
        Following("web", Handle("web", "\ud800", link=url)),
    )
    told.hear(
        DeploymentDetails("web", url, "\ud800" * 12, "\ud800"),
        TargetFinished("web", Outcome.FAILED, "\ud800"),
    )
    told.finish(Outcome.FAILED)
    assert "](https://web.example.com/?)" in told.read("summary")
    assert [message for _, message in told.told("warning") if "can't be written" in message] == []
    assert told.outputs["status"] == "failed"


def test_the_summary_can_be_switched_off(desk: Any) -> None:
    told = desk("github", summary=False)
    told.hear(*started("web"), TargetFinished("web", Outcome.FINISHED))
    told.finish(Outcome.FINISHED)
    assert not (told.folder / "summary").exists()


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


OURS = """### The deployment failed
| Target | Status | Deployment | Commit | Duration |
|---|---|---|---|---|
| | ❌ failed | | | |
**Changed on the server**
- :
**Why ended as failed**"""


def outside_of_code(markdown: str) -> str:
    """What GitHub would read as Markdown: everything but fences and code spans. A `|` that a table cell holds is escaped there."""
    kept, fence = [], ""
    for line in markdown.split("\n"):
        if fence:
            fence = "" if line.strip() == fence else fence
        elif opening := re.match(r"`{3,}", line):
            fence = opening[0]
        else:
            kept.append(re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "CODE", line))
    assert fence == "", "a fence that is never closed"
    return "\n".join(kept)


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_words_in_the_summary_are_only_words(desk: Any, text: str) -> None:
    """No link, mention, image, heading or cell that is not ours."""
    told = desk("github")
    url = f"https://web.example.com/{text}"
    told.hear(
        TargetResolved(Target("web", text, "application", url)),
        Following("web", Handle("web", text)),
        DeploymentDetails("web", LINK, text, ""),
    )
    told.hear(ChangeApplied("web", text), TargetFinished("web", Outcome.FAILED, text))
    told.finish(Outcome.FAILED)
    bare = outside_of_code(told.read("summary"))
    links = re.findall(r"\[CODE\]\(([^()\s]*)\)", bare)
    assert all(
        link.startswith(("https://web.example.com/", "https://coolify.example.com/")) for link in links
    )
    words = re.sub(r"\[CODE\]\([^()\s]*\)", "CODE", bare)
    assert re.sub(r"CODE|\s", "", html.unescape(words)) == re.sub(r"\s", "", OURS)


@pytest.mark.parametrize("count", [1, 3, 79, 80, 81, 100, 254, 255, 256, 1000])
def test_no_run_of_backticks_ends_a_span_or_a_fence(desk: Any, count: int) -> None:
    """Cmark sees no code span behind more than 80, and keeps the length of a fence in one byte."""
    told = desk("github")
    evil = "![x](https://evil.example.com/a.png) @acme/security"
    text = f"{'`' * count} {evil}\n{'`' * count}\n{evil}"
    told.hear(
        TargetResolved(Target("web", text, "application")),
        Following("web", Handle("web", text)),
        DeploymentDetails("web", LINK, text, ""),
    )
    told.hear(ChangeApplied("web", text), TargetFinished("web", Outcome.FAILED, text))
    told.finish(Outcome.FAILED)
    summary = told.read("summary")
    assert max(map(len, re.findall("`+", summary))) < 80
    assert "evil" not in outside_of_code(summary)
    assert summary.count(evil) >= 4


# --- addresses that are only asked for


ASKED_FOR = Target("web", "shop", "application", "https://new.example.com", before="https://old.example.com")


@pytest.mark.parametrize(
    ("events", "url"),
    [
        pytest.param([], "https://old.example.com", id="not-yet"),
        pytest.param([TargetFinished("web", Outcome.REFUSED, WHY)], "https://old.example.com", id="refused"),
        pytest.param(
            [Triggering("web"), TargetFinished("web", Outcome.LOST, WHY)],
            "https://old.example.com",
            id="lost",
        ),
        pytest.param(
            [Following("web", Handle("web", "x", Certainty.PHANTOM))],
            "https://old.example.com",
            id="only-made-up",
        ),
        pytest.param(
            [
                Following("web", Handle("web", "x", Certainty.UNCONFIRMED)),
                TargetFinished("web", Outcome.REFUSED, WHY),
            ],
            "https://old.example.com",
            id="doubtful",
        ),
        pytest.param([Following("web", Handle("web", "x"))], "https://new.example.com", id="started"),
        pytest.param(
            [Following("web", Handle("web", "x")), TargetFinished("web", Outcome.FAILED, WHY)],
            "https://new.example.com",
            id="failed",
        ),
    ],
)
@pytest.mark.parametrize("before", ["https://old.example.com", ""])
def test_an_address_that_is_only_asked_for_is_no_output(
    desk: Any, events: list[Event], url: str, before: str
) -> None:
    told = desk("github", output_file="env")
    told.hear(TargetResolved(replace(ASKED_FOR, before=before)), *events)
    url = url if url == ASKED_FOR.url else before
    assert told.outputs.get("url", "") == url
    told.finish(Outcome.FAILED)
    assert (told.outputs.get("url", ""), told.result["targets"][0]["url"]) == (url, url)
    if url != ASKED_FOR.url:
        everywhere = [told.stdout.text, *(path.read_text() for path in told.folder.iterdir())]
        assert [text for text in everywhere if ASKED_FOR.url in text] == []
