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


NOT_USED = {
    "debug": "debug information is printed like any other line",
    "set_env": "writing GITHUB_ENV is code execution (ci-formats 1.5.4)",
    "add_path": "as set_env",
    "save_state": "no later stage would read it",
    "declare_artifact": "there are no artifacts",
    "stop_token_valid": "untrusted lines are escaped one by one (ci-formats 1.3.4), not bracketed",
    "input_env_name": "the settings read the inputs",
    "boolean_input": "as input_env_name",
    "link_annotation": "a report file that users would have to declare; the link is an output",
    "outputs_json": "the reporter writes the result file",
}


Row = dict[str, Any]


# --- The golden rows


# The contract's rows keep control characters; Deployer escapes all of them but colors.
ERASE, ERASE_ESCAPED, BELL, BELL_ESCAPED = "\x1b[0K", "\\x1b[0K", "\x07", "\\x07"


def is_used(row: Row) -> bool:
    """Return whether Deployer has this call. Its annotations never point to a line of code."""
    return (
        row["system"] in BY_SYSTEM
        and row["call"] not in NOT_USED
        and (row["call"] != "annotation" or "line" not in row["input"])
    )


ROWS = [row for row in json.loads(GOLDEN.read_text("utf-8")) if is_used(row)]


USED: set[tuple[str, str]] = set()


def golden(call: str, system: str) -> pytest.MarkDecorator:
    """Parametrize a test with the rows of one call and CI system."""
    USED.add((call, system))
    rows = [row for row in ROWS if (row["call"], row["system"]) == (call, system)]
    assert rows, f"no golden row for {call} of {system}"
    return pytest.mark.parametrize("row", rows, ids=[row["id"] for row in rows])


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
def test_github_annotations_have_the_golden_bytes(row: Row, start_job: Callable[..., Job]) -> None:
    job = start_job(GitHub)
    job.ci.annotate(row["input"]["level"], row["input"].get("title", ""), row["input"]["message"])
    assert job.text == (row["expected_bytes"] or "").replace(BELL, BELL_ESCAPED)


@golden("annotation", "gitlab_ci")
def test_gitlab_annotations_have_the_golden_bytes(row: Row, start_job: Callable[..., Job]) -> None:
    job = start_job(GitLab)
    job.ci.annotate(row["input"]["level"], "", row["input"]["message"])
    assert job.text == row["expected_bytes"]


@golden("group_start", "github_actions")
def test_github_groups_begin_with_the_golden_bytes(row: Row, start_job: Callable[..., Job]) -> None:
    job = start_job(GitHub)
    job.ci.group(row["input"]["title"])
    assert job.text == row["expected_bytes"]


@golden("group_end", "github_actions")
def test_github_groups_end_with_the_golden_bytes(row: Row, start_job: Callable[..., Job]) -> None:
    job = start_job(GitHub)
    job.ci.group("any")
    job.ci.endgroup()
    assert job.stdout.writes[-1].decode() == row["expected_bytes"]


@golden("group_start", "gitlab_ci")
def test_gitlab_sections_begin_with_the_golden_bytes(row: Row, start_job: Callable[..., Job]) -> None:
    """Deployer's sections have their own names, and are always collapsed."""
    job = start_job(GitLab)
    job.ci.group(row["input"]["header"])
    marker, _, title = row["expected_bytes"].partition("\r\x1b[0K")
    start = re.sub(
        r"(?<=1560896352:)[^\r\[]*(\[collapsed=true\])?", "deployer-1[collapsed=true]", marker, count=1
    )
    assert job.text == f"{start}\r\x1b[0K{title.replace(ERASE, ERASE_ESCAPED)}"


@golden("group_end", "gitlab_ci")
def test_gitlab_sections_end_with_the_golden_bytes(row: Row, start_job: Callable[..., Job]) -> None:
    job = start_job(GitLab)
    job.ci.group("any")
    job.ci.endgroup()
    assert job.stdout.writes[-1].decode() == row["expected_bytes"].replace("my-first-section", "deployer-1")


@golden("mask", "github_actions")
def test_github_masks_have_the_golden_bytes(row: Row, start_job: Callable[..., Job]) -> None:
    job = start_job(GitHub)
    job.redact.add(row["input"]["value"])
    job.ci.mask(row["input"]["value"])
    assert job.text == row["expected_bytes"]


@golden("mask", "gitlab_ci")
def test_gitlab_has_no_masks(row: Row, start_job: Callable[..., Job]) -> None:
    job = start_job(GitLab)
    job.ci.mask(row["input"]["value"])
    assert job.text == row["expected_bytes"]


@golden("set_output", "github_actions")
def test_github_outputs_have_the_golden_bytes(row: Row, tmp_path: Path) -> None:
    outputs = tmp_path / "output"
    existing = row["input"].get("existing_file_content", "")
    outputs.write_text(existing)
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
        assert outputs.read_bytes().decode() == existing + expected


@golden("set_output", "gitlab_ci")
def test_gitlab_dotenv_has_the_golden_bytes(row: Row, start_job: Callable[..., Job]) -> None:
    """Names that GitLab refuses are refused; values that it would refuse are made to fit."""
    outputs = {row["input"]["key"]: row["input"]["value"]}
    fitted = {"a\nb": "K=a b\n", "a\rb": "K=a b\n", " padded ": "K=padded\n"}.get(row["input"]["value"])
    if row.get("expect") == "reject" and fitted is None:
        with pytest.raises(ValueError, match="is not a valid variable name"):
            start_job(GitLab).ci.dotenv(outputs)
    else:
        assert start_job(GitLab).ci.dotenv(outputs).decode() == (row["expected_bytes"] or fitted)


@golden("outputs_file", "gitlab_ci")
def test_gitlab_dotenv_without_outputs_is_empty(row: Row, start_job: Callable[..., Job]) -> None:
    assert start_job(GitLab).ci.dotenv(row["input"]["outputs"]) == b""


@golden("set_output", "generic")
def test_plain_dotenv_has_the_golden_bytes(row: Row, start_job: Callable[..., Job]) -> None:
    assert (
        start_job(Plain).ci.dotenv({row["input"]["key"]: row["input"]["value"]}).decode()
        == row["expected_bytes"]
    )


@golden("summary_append", "github_actions")
def test_github_summaries_have_the_golden_bytes(row: Row, start_job: Callable[..., Job]) -> None:
    job = start_job(GitHub)
    existing = b"\n" * row["input"].get("existing_size", 0)
    job.summary.write_bytes(existing)
    if row.get("expect") == "truncate_below_limit":  # over the limit already
        with pytest.raises(OSError, match="too large"):
            job.ci.summarize(row["input"]["markdown"])
        assert job.summary.read_bytes() == existing
    else:
        job.ci.summarize(row["input"]["markdown"])
        assert job.summary.read_bytes().decode() == row["expected_bytes"]


@golden("neutralise_line", "github_actions")
def test_github_escapes_lines_with_the_golden_bytes(row: Row, start_job: Callable[..., Job]) -> None:
    assert start_job(GitHub).ci.escape(row["input"]["line"]) == row["expected_bytes"]


def test_github_escapes_every_command_in_a_line(start_job: Callable[..., Job]) -> None:
    assert start_job(GitHub).ci.escape("##[a ##[error]b ##[") == "##[\\a ##[\\error]b ##[\\"


@golden("raw_output", "github_actions")
def test_github_prints_no_command_in_untrusted_text(row: Row, start_job: Callable[..., Job]) -> None:
    """The contract brackets these rows; escaping must leave no command in any of their lines."""
    job = start_job(GitHub)
    job.ci.say(row["input"]["text"])
    assert [parse_line(line) for line in lines(job.text)] == [None] * len(lines(row["input"]["text"]))


@golden("raw_output", "gitlab_ci")
def test_gitlab_prints_the_golden_bytes(row: Row, start_job: Callable[..., Job]) -> None:
    job = start_job(GitLab)
    job.ci.say(row["input"]["text"])
    assert job.text == row["expected_bytes"].replace(ERASE, ERASE_ESCAPED)  # erasing a line is not a color
