"""The golden rows: the exact bytes for each CI system."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from deployer.ci.base import CI
from deployer.ci.github import GitHub
from deployer.ci.gitlab import GitLab
from deployer.ci.output import Redactor, Writer, lines
from deployer.ci.plain import Plain
from tests.ci.decoders import Command, Job, Stdout, parse_env_file, parse_line

GOLDEN = Path(__file__).parents[1] / "contracts" / "ci" / "golden.json"


BY_SYSTEM: Mapping[str, type[CI]] = {"github_actions": GitHub, "gitlab_ci": GitLab, "generic": Plain}


NOT_OURS = {
    "debug": "we say what a debugger wants to know as any other line",
    "set_env": "writing GITHUB_ENV is code execution (ci-formats 1.5.4)",
    "add_path": "the same",
    "save_state": "there is no second stage that would read it",
    "declare_artifact": "we build nothing",
    "stop_token_valid": "foreign lines are neutralised one by one (ci-formats 1.3.4), not bracketed",
    "input_env_name": "the settings read the inputs",
    "boolean_input": "the same",
    "link_annotation": "a report file that the user would have to declare; the link is an output",
    "outputs_json": "the result file is the reporter's",
}


Row = dict[str, Any]


# --- The golden rows


# The contract's rows pass foreign controls on; ours show all of them but colors.
ERASE, SHOWN, BELL, SHOWN_BELL = "\x1b[0K", "\\x1b[0K", "\x07", "\\x07"


def ours(row: Row) -> bool:
    """An annotation that points to a line of code is not ours: there is none to point to."""
    return (
        row["system"] in BY_SYSTEM
        and row["call"] not in NOT_OURS
        and (row["call"] != "annotation" or "line" not in row["input"])
    )


ROWS = [row for row in json.loads(GOLDEN.read_text("utf-8")) if ours(row)]


USED: set[tuple[str, str]] = set()


def golden(call: str, system: str) -> pytest.MarkDecorator:
    """The rows of a call and a CI system, one by one."""
    USED.add((call, system))
    found = [row for row in ROWS if (row["call"], row["system"]) == (call, system)]
    assert found, f"no golden row for {call} of {system}"
    return pytest.mark.parametrize("row", found, ids=[row["id"] for row in found])


def test_every_golden_row_is_used() -> None:
    assert {(row["call"], row["system"]) for row in ROWS} - USED == set()


@golden("oracle.parse_line", "github_actions")
def test_the_decoder_reads_lines_like_the_runner(row: Row) -> None:
    expected = row["expect"]
    if expected != "not_a_command":
        expected = Command(expected["command"], expected["via"], expected["data"], expected["properties"])
    assert parse_line(row["input"]["line"]) == (None if expected == "not_a_command" else expected)


@golden("oracle.parse_env_file", "github_actions")
def test_the_decoder_reads_output_files_like_the_runner(row: Row) -> None:
    assert parse_env_file(row["input"]["content"]) == (row["expect"]["pairs"], row["expect"]["error"])


@golden("annotation", "github_actions")
def test_github_annotations_have_the_golden_bytes(row: Row, job: Callable[..., Job]) -> None:
    speaker = job(GitHub)
    speaker.ci.annotate(row["input"]["level"], row["input"].get("title", ""), row["input"]["message"])
    assert speaker.text == (row["expected_bytes"] or "").replace(BELL, SHOWN_BELL)


@golden("annotation", "gitlab_ci")
def test_gitlab_annotations_have_the_golden_bytes(row: Row, job: Callable[..., Job]) -> None:
    speaker = job(GitLab)
    speaker.ci.annotate(row["input"]["level"], "", row["input"]["message"])
    assert speaker.text == row["expected_bytes"]


@golden("group_start", "github_actions")
def test_github_groups_begin_with_the_golden_bytes(row: Row, job: Callable[..., Job]) -> None:
    speaker = job(GitHub)
    speaker.ci.group(row["input"]["title"])
    assert speaker.text == row["expected_bytes"]


@golden("group_end", "github_actions")
def test_github_groups_end_with_the_golden_bytes(row: Row, job: Callable[..., Job]) -> None:
    speaker = job(GitHub)
    speaker.ci.group("any")
    speaker.ci.endgroup()
    assert speaker.stdout.writes[-1].decode() == row["expected_bytes"]


@golden("group_start", "gitlab_ci")
def test_gitlab_sections_begin_with_the_golden_bytes(row: Row, job: Callable[..., Job]) -> None:
    """Ours have names of their own, and are always collapsed."""
    speaker = job(GitLab)
    speaker.ci.group(row["input"]["header"])
    marker, _, title = row["expected_bytes"].partition("\r\x1b[0K")
    begun = re.sub(
        r"(?<=1560896352:)[^\r\[]*(\[collapsed=true\])?", "deployer-1[collapsed=true]", marker, count=1
    )
    assert speaker.text == f"{begun}\r\x1b[0K{title.replace(ERASE, SHOWN)}"


@golden("group_end", "gitlab_ci")
def test_gitlab_sections_end_with_the_golden_bytes(row: Row, job: Callable[..., Job]) -> None:
    speaker = job(GitLab)
    speaker.ci.group("any")
    speaker.ci.endgroup()
    assert speaker.stdout.writes[-1].decode() == row["expected_bytes"].replace(
        "my-first-section", "deployer-1"
    )


@golden("mask", "github_actions")
def test_github_masks_have_the_golden_bytes(row: Row, job: Callable[..., Job]) -> None:
    speaker = job(GitHub)
    speaker.redact.add(row["input"]["value"])
    speaker.ci.mask(row["input"]["value"])
    assert speaker.text == row["expected_bytes"]


@golden("mask", "gitlab_ci")
def test_gitlab_has_no_masks(row: Row, job: Callable[..., Job]) -> None:
    speaker = job(GitLab)
    speaker.ci.mask(row["input"]["value"])
    assert speaker.text == row["expected_bytes"]


@golden("set_output", "github_actions")
def test_github_outputs_have_the_golden_bytes(row: Row, tmp_path: Path) -> None:
    outputs = tmp_path / "output"
    already = row["input"].get("existing_file_content", "")
    outputs.write_text(already)
    fences = iter([row["input"].get("forced_delimiter", row.get("delimiter", "")), "ghadelimiter_another"])
    ci = GitHub(
        {"GITHUB_OUTPUT": str(outputs)},
        Writer(Stdout(), Redactor()),
        lambda: 0.0,
        delimiter=lambda: next(fences),
    )
    key, value = row["input"]["key"], row["input"]["value"]
    if row.get("expect") == "reject_key":
        with pytest.raises(ValueError, match="is not a valid output name"):
            ci.output(key, value)
    else:
        ci.output(key, value)
        expected = row["expected_bytes"] or f"{key}<<ghadelimiter_another\n{value}\nghadelimiter_another\n"
        assert outputs.read_bytes().decode() == already + expected


@golden("set_output", "gitlab_ci")
def test_gitlab_dotenv_has_the_golden_bytes(row: Row, job: Callable[..., Job]) -> None:
    """Names that GitLab refuses are refused; of values that it would refuse, we keep what it can take."""
    outputs = {row["input"]["key"]: row["input"]["value"]}
    made_to_fit = {"a\nb": "K=a b\n", "a\rb": "K=a b\n", " padded ": "K=padded\n"}.get(row["input"]["value"])
    if row.get("expect") == "reject" and made_to_fit is None:
        with pytest.raises(ValueError, match="is not a valid variable name"):
            job(GitLab).ci.dotenv(outputs)
    else:
        assert job(GitLab).ci.dotenv(outputs).decode() == (row["expected_bytes"] or made_to_fit)


@golden("outputs_file", "gitlab_ci")
def test_gitlab_dotenv_without_outputs_is_empty(row: Row, job: Callable[..., Job]) -> None:
    assert job(GitLab).ci.dotenv(row["input"]["outputs"]) == b""


@golden("set_output", "generic")
def test_plain_dotenv_has_the_golden_bytes(row: Row, job: Callable[..., Job]) -> None:
    assert (
        job(Plain).ci.dotenv({row["input"]["key"]: row["input"]["value"]}).decode() == row["expected_bytes"]
    )


@golden("summary_append", "github_actions")
def test_github_summaries_have_the_golden_bytes(row: Row, job: Callable[..., Job]) -> None:
    speaker = job(GitHub)
    already = b"\n" * row["input"].get("existing_size", 0)
    speaker.summary.write_bytes(already)
    if row.get("expect") == "truncate_below_limit":  # it is over the limit before we come
        with pytest.raises(OSError, match="too large"):
            speaker.ci.summarize(row["input"]["markdown"])
        assert speaker.summary.read_bytes() == already
    else:
        speaker.ci.summarize(row["input"]["markdown"])
        assert speaker.summary.read_bytes().decode() == row["expected_bytes"]


@golden("neutralise_line", "github_actions")
def test_github_quotes_with_the_golden_bytes(row: Row, job: Callable[..., Job]) -> None:
    assert job(GitHub).ci.escape(row["input"]["line"]) == row["expected_bytes"]


def test_github_quotes_every_sign_in_a_line(job: Callable[..., Job]) -> None:
    assert job(GitHub).ci.escape("##[a ##[error]b ##[") == "##[\\a ##[\\error]b ##[\\"


@golden("raw_output", "github_actions")
def test_github_says_no_command_of_others(row: Row, job: Callable[..., Job]) -> None:
    """The contract brackets these rows; our own way must leave none of their lines a command."""
    speaker = job(GitHub)
    speaker.ci.say(row["input"]["text"])
    assert [parse_line(line) for line in lines(speaker.text)] == [None] * len(lines(row["input"]["text"]))


@golden("raw_output", "gitlab_ci")
def test_gitlab_says_with_the_golden_bytes(row: Row, job: Callable[..., Job]) -> None:
    speaker = job(GitLab)
    speaker.ci.say(row["input"]["text"])
    assert speaker.text == row["expected_bytes"].replace(ERASE, SHOWN)  # to erase a line is no color
