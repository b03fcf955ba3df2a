"""Every CI file keeps the contract and its golden bytes; the writer and the files survive what the world does to them."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import resource
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployer.ci import NAMES, SYSTEMS, detect
from deployer.ci.base import CI
from deployer.ci.github import GitHub
from deployer.ci.gitlab import GitLab
from deployer.ci.output import LogFile, Redactor, Stream, Writer, append, lines, read, replace, size
from deployer.ci.plain import Plain
from tests.skips import needs_linux, needs_root

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


# --- The decoders: what GitHub's runner would do with our bytes (ci-formats 1.2 and 1.5.1)

REGISTERED = {
    *(
        "debug",
        "notice",
        "warning",
        "error",
        "group",
        "endgroup",
        "add-mask",
        "add-matcher",
        "remove-matcher",
        "echo",
    ),
    *("stop-commands", "set-output", "save-state", "set-env", "add-path", "internal-set-repo-path"),
}
DOTNET_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)
V2_DATA = {"%0D": "\r", "%0A": "\n", "%25": "%"}
V2_PROPERTY = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}
V1 = {"%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]", "%25": "%"}


@dataclass(frozen=True)
class Command:
    name: str
    via: str
    data: str
    properties: dict[str, str] = field(default_factory=dict)


def parse_line(line: str) -> Command | None:
    """The command that the runner would obey, None for plain text."""
    return _parse_v2(line.lstrip(DOTNET_SPACE)) or _parse_v1(line)


def _parse_v2(line: str) -> Command | None:
    end = line.find("::", 2)
    if not line.startswith("::") or end < 0:
        return None
    name, _, properties = line[2:end].partition(" ")
    if name.lower() not in REGISTERED:
        return None
    return Command(
        name,
        "v2",
        _decoded(line[end + 2 :], V2_DATA),
        _properties(properties.strip(DOTNET_SPACE), ",", V2_PROPERTY),
    )


def _parse_v1(line: str) -> Command | None:
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    name, _, properties = line[start + 3 : end].partition(" ")
    if name.lower() not in REGISTERED:
        return None
    return Command(name, "v1", _decoded(line[end + 1 :], V1), _properties(properties, ";", V1))


def _properties(text: str, separator: str, escapes: Mapping[str, str]) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(separator))
    return {name: _decoded(value, escapes) for name, _, value in pairs if name and value}


def _decoded(text: str, escapes: Mapping[str, str]) -> str:
    for escape, character in escapes.items():
        text = text.replace(escape, character)
    return text


def parse_env_file(content: str) -> tuple[dict[str, str], str]:
    """The pairs that the runner reads from GITHUB_OUTPUT on Linux, and the error with which it fails the step."""
    pairs: dict[str, str] = {}
    rows = iter(content.removeprefix("\ufeff").split("\n"))
    for row in rows:
        equals, fence_at = row.find("="), row.find("<<")
        if not row:
            continue
        if fence_at >= 0 and (equals < 0 or fence_at < equals):
            name, _, fence = row.partition("<<")
            value: list[str] = []
            for inner in rows:
                if inner == fence:
                    break
                value.append(inner)
            else:
                return pairs, f"Invalid value. Matching delimiter not found '{fence}'"
            if not name or not fence:
                return (
                    pairs,
                    f"Invalid format '{row}'. Name must not be empty and delimiter must not be empty",
                )
            pairs[name] = "\n".join(value)
        elif equals >= 0:
            name, _, pairs_value = row.partition("=")
            pairs[name] = pairs_value
        else:
            return pairs, f"Invalid format '{row}'"
    return pairs, ""


SECTION = re.compile(
    r"section_((?:start)|(?:end)):(\d+):([a-zA-Z0-9_.-]+)(\[(?:\w+=\w+)(?:, ?(?:\w+=\w+))*\])?\r\x1b\[0K"
)


def obeyed(system: type[CI], text: str) -> list[str]:
    """The names of what the system would do on reading this. Plain text may be read by a relative of GitHub that we don't know."""
    if system is GitLab:
        return [found[1] for found in SECTION.finditer(text)]
    return [command.name for line in lines(text) if (command := parse_line(line))]


# --- The fakes


class Stdout(io.RawIOBase):
    """A stdout that takes everything, and remembers each write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.writes.append(bytes(data))
        return len(data)

    @property
    def text(self) -> str:
        return b"".join(self.writes).decode()


class Scripted(Stdout):
    """A stdout that meets one fate per write: it takes so many bytes, or raises."""

    def __init__(self, *fates: int | OSError | ValueError) -> None:
        super().__init__()
        self.fates = list(fates)
        self.asked = 0

    def write(self, data: Any, /) -> int:
        self.asked += 1
        fate = self.fates.pop(0) if self.fates else len(data)
        if not isinstance(fate, int):
            raise fate
        return super().write(data[:fate])


@dataclass
class Job:
    """One CI system with all that it writes to."""

    ci: CI
    stdout: Stdout
    redact: Redactor
    outputs: Path
    summary: Path

    @property
    def text(self) -> str:
        return self.stdout.text


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Job]:
    def start(system: type[CI], **environ: str) -> Job:
        stdout, redact = Stdout(), Redactor()
        outputs, summary = tmp_path / "output", tmp_path / "summary"
        known = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary)} | environ
        return Job(
            system(known, Writer(stdout, redact), lambda: 1560896352.9), stdout, redact, outputs, summary
        )

    return start


every_system = pytest.mark.parametrize("system", SYSTEMS, ids=NAMES)


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
        with pytest.raises(ValueError, match="can't be the name of an output"):
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
        with pytest.raises(ValueError, match="can't be the name of a variable"):
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
    assert job(GitHub).ci.quote(row["input"]["line"]) == row["expected_bytes"]


def test_github_quotes_every_sign_in_a_line(job: Callable[..., Job]) -> None:
    assert job(GitHub).ci.quote("##[a ##[error]b ##[") == "##[\\a ##[\\error]b ##[\\"


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


# --- Which system it is


@pytest.mark.parametrize(
    ("environ", "named", "found"),
    [
        pytest.param({}, "", Plain, id="nothing-known"),
        pytest.param({"CI": "true"}, "", Plain, id="ci-alone-proves-nothing"),
        pytest.param({"GITHUB_ACTIONS": "true", "CI": "true"}, "", GitHub, id="github"),
        pytest.param({"GITHUB_ACTIONS": "false"}, "", Plain, id="values-are-compared"),
        pytest.param(
            {"GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true"}, "", Plain, id="gitea-is-not-github"
        ),
        pytest.param(
            {"GITHUB_ACTIONS": "true", "FORGEJO_ACTIONS": "true"}, "", Plain, id="forgejo-is-not-github"
        ),
        pytest.param({"GITLAB_CI": "true", "CI": "true"}, "", GitLab, id="gitlab"),
        pytest.param({}, "github", GitHub, id="named-where-detection-cannot-see-it"),
        pytest.param({"GITHUB_ACTIONS": "true"}, "plain", Plain, id="named-beats-detected"),
        pytest.param({"GITHUB_ACTIONS": "true"}, " GitLab ", GitLab, id="names-are-forgiving"),
        pytest.param({"GITLAB_CI": "true"}, "gtilab", GitLab, id="a-wrong-name-falls-back"),
    ],
)
def test_the_system_is_found(environ: dict[str, str], named: str, found: type[CI]) -> None:
    assert detect(environ, named) is found


def test_names_are_unique_and_plain_is_the_last() -> None:
    assert NAMES == ("github", "gitlab", "plain")


def test_what_the_settings_and_the_reporter_ask_of_a_class() -> None:
    assert {
        system.name: (system.input_prefix, system.output_file, system.log_limit) for system in SYSTEMS
    } == {
        "github": ("INPUT_", "", None),
        "gitlab": ("", "deployer.env", 4194304),
        "plain": ("", "", None),
    }


SHA, HEAD = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("system", "environ", "commit"),
    [
        pytest.param(GitHub, {"GITHUB_SHA": SHA, "GITHUB_EVENT_NAME": "push"}, SHA, id="github-push"),
        pytest.param(GitHub, {}, "", id="github-unknown"),
        pytest.param(
            GitHub,
            {"GITHUB_SHA": SHA, "GITHUB_EVENT_NAME": "pull_request"},
            "",
            id="github-merge-commit-is-nobody's",
        ),
        pytest.param(GitLab, {"CI_COMMIT_SHA": SHA}, SHA, id="gitlab"),
        pytest.param(
            GitLab,
            {"CI_COMMIT_SHA": SHA, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": ""},
            SHA,
            id="gitlab-empty-is-not-merged",
        ),
        pytest.param(
            GitLab,
            {"CI_COMMIT_SHA": SHA, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD},
            HEAD,
            id="gitlab-merged-results",
        ),
        pytest.param(Plain, {"GITHUB_SHA": SHA, "CI_COMMIT_SHA": SHA}, "", id="plain-knows-none"),
    ],
)
def test_the_commit_of_the_run(
    system: type[CI], environ: dict[str, str], commit: str, job: Callable[..., Job]
) -> None:
    assert job(system, **environ).ci.commit == commit


@pytest.mark.parametrize(
    ("event", "commit"),
    [
        pytest.param(json.dumps({"pull_request": {"head": {"sha": HEAD}}}), HEAD, id="the-head"),
        pytest.param('{"pull_request": {"head": {"sha": 7}}}', "", id="no-text"),
        pytest.param('{"pull_request": {"head": {"sha": "::error::x"}}}', "", id="no-sha"),
        pytest.param('{"pull_request": null}', "", id="null"),
        pytest.param("[]", "", id="a-list"),
        pytest.param("{", "", id="cut-off"),
        pytest.param("[" * 100_000, "", id="too-deep"),
        pytest.param("\udcff", "", id="not-utf-8"),
    ],
)
def test_a_pull_request_is_known_by_its_head(
    event: str, commit: str, job: Callable[..., Job], tmp_path: Path
) -> None:
    path = tmp_path / "event.json"
    path.write_text(event, "utf-8", errors="surrogateescape")
    environ = {"GITHUB_EVENT_NAME": "pull_request_target", "GITHUB_EVENT_PATH": str(path), "GITHUB_SHA": SHA}
    assert job(GitHub, **environ).ci.commit == commit


@pytest.mark.parametrize(
    ("environ", "debugged"),
    [
        pytest.param({}, "", id="nobody-asked"),
        pytest.param({"RUNNER_DEBUG": "1"}, "github gitlab plain", id="github's-sign"),
        pytest.param({"DEPLOYER_DEBUG": "1"}, "github gitlab plain", id="our-own"),
        pytest.param({"CI_DEBUG_TRACE": "true"}, "gitlab", id="gitlab's-sign"),
        pytest.param({"RUNNER_DEBUG": "0", "CI_DEBUG_TRACE": "false"}, "", id="values-are-compared"),
    ],
)
def test_who_debugs(environ: dict[str, str], debugged: str, job: Callable[..., Job]) -> None:
    assert " ".join(system.name for system in SYSTEMS if job(system, **environ).ci.debug) == debugged


# --- The contract, for every system

HOSTILE = [
    "::error::x",
    "  \t::add-mask::a",
    "\x0b\u3000::stop-commands::",
    "\ufeff::warning::a BOM that the decoder drops",
    "npm ##[set-output name=url]https://evil",
    "##[##[error]x",
    "\x1b[0Ksection_end:1:deployer-1\r\x1b[0K",
    "a\r::error::after a bare CR",
    "##vso[task.complete result=Failed]x",
    "##teamcity[buildStop]",
]


@every_system
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("times", [1, 2])
def test_no_foreign_text_is_a_command(
    system: type[CI], text: str, times: int, job: Callable[..., Job]
) -> None:
    speaker = job(system)
    quoted = text
    for _ in range(times):
        quoted = "\n".join(speaker.ci.quote(line) for line in lines(quoted))
    speaker.ci.say(quoted)
    assert (obeyed(system, speaker.text), "\r" in speaker.text) == ([], False)
    assert len(lines(speaker.text)) == len(lines(text))


@every_system
@pytest.mark.parametrize(
    "text", ["", "plain", "a\n\nb", "C++ std::cout << x;", "tab\there", "✓ 🚀", "a\r\nb\rc\n"]
)
def test_harmless_lines_are_said_as_they_are(system: type[CI], text: str, job: Callable[..., Job]) -> None:
    speaker = job(system)
    speaker.ci.say(text)
    assert speaker.text == "".join(f"{line}\n" for line in lines(text))


@every_system
def test_a_line_is_one_write(system: type[CI], job: Callable[..., Job]) -> None:
    speaker = job(system)
    speaker.ci.say("a\nb")
    assert speaker.stdout.writes == [b"a\n", b"b\n"]


@pytest.mark.parametrize(
    ("system", "said"),
    [
        pytest.param(GitHub, "::group::Build\nx\n::endgroup::\n::group::Next\n::endgroup::\n", id="github"),
        pytest.param(
            GitLab,
            "\x1b[0Ksection_start:1560896352:deployer-1[collapsed=true]\r\x1b[0KBuild\nx\n"
            "\x1b[0Ksection_end:1560896352:deployer-1\r\x1b[0K\n"
            "\x1b[0Ksection_start:1560896352:deployer-2[collapsed=true]\r\x1b[0KNext\n"
            "\x1b[0Ksection_end:1560896352:deployer-2\r\x1b[0K\n",
            id="gitlab",
        ),
        pytest.param(Plain, "=== Build ===\nx\n=== Next ===\n", id="plain"),
    ],
)
def test_groups_are_balanced_whatever_the_caller_forgets(
    system: type[CI], said: str, job: Callable[..., Job]
) -> None:
    speaker = job(system)
    speaker.ci.endgroup()
    speaker.ci.group("Build")
    speaker.ci.say("x")
    speaker.ci.group("Next")
    speaker.ci.endgroup()
    speaker.ci.endgroup()
    assert speaker.text == said


@every_system
def test_a_hostile_title_opens_one_group_and_nothing_else(system: type[CI], job: Callable[..., Job]) -> None:
    speaker = job(system)
    speaker.ci.group("a\n::error::b\r\x1b[0Ksection_end:1:x\r\x1b[0K")
    speaker.ci.endgroup()
    assert (
        obeyed(system, speaker.text)
        == {GitHub: ["group", "endgroup"], GitLab: ["start", "end"], Plain: []}[system]
    )


@pytest.mark.parametrize(
    ("system", "said"),
    [
        pytest.param(GitHub, "::warning title=web%3A odd::it took%0Along, 100%25\n", id="github"),
        pytest.param(
            GitLab, "\x1b[33;1mWARNING: web: odd: it took\x1b[0m\n\x1b[33;1mlong, 100%\x1b[0m\n", id="gitlab"
        ),
        pytest.param(Plain, "WARNING: web: odd: it took\n  long, 100%\n", id="plain"),
    ],
)
def test_annotations(system: type[CI], said: str, job: Callable[..., Job]) -> None:
    speaker = job(system)
    speaker.ci.annotate("warning", "web: odd", "it took\nlong, 100%")
    assert speaker.text == said


@every_system
def test_an_annotation_without_text_is_none(system: type[CI], job: Callable[..., Job]) -> None:
    speaker = job(system)
    speaker.ci.annotate("error", "", " \n ")
    assert speaker.text == ""


@every_system
def test_a_title_alone_is_still_told(system: type[CI], job: Callable[..., Job]) -> None:
    speaker = job(system)
    speaker.ci.annotate("error", "no answer", "")
    assert "no answer" in speaker.text


@every_system
def test_a_hostile_annotation_is_one_annotation(system: type[CI], job: Callable[..., Job]) -> None:
    speaker = job(system)
    speaker.ci.annotate("error", "a,file=x::b", "\n".join(HOSTILE))
    assert obeyed(system, speaker.text) == (["error"] if system is GitHub else [])


def test_github_is_told_every_character_of_an_annotation(job: Callable[..., Job]) -> None:
    speaker = job(GitHub)
    speaker.ci.annotate("error", "a,file=x::b", "\n".join(HOSTILE))
    message = "\n".join(HOSTILE).replace("\v", "\\x0b").replace("\x1b", "\\x1b")
    assert parse_line(speaker.text.removesuffix("\n")) == Command(
        "error", "v2", message, {"title": "a,file=x::b"}
    )


def test_github_shows_eight_annotations_of_a_level_and_says_the_others(job: Callable[..., Job]) -> None:
    speaker = job(GitHub)
    for number in range(1, 10):
        speaker.ci.annotate("error", "web", f"{number}\n::warning::x")
    speaker.ci.annotate("notice", "web", "still told")
    assert lines(speaker.text)[7:] == [
        "::error title=web::8%0A::warning::x",
        "ERROR: web: 9",
        "  \\::warning::x",
        "::notice title=web::still told",
    ]


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        pytest.param("\x1b[31mred\x1b[0m \x1b[1;38:5:9mx", "red x", id="colours-are-dropped"),
        pytest.param("a\x1b]0;title\x07b\x9b2J", "a\\x1b]0;title\\x07b\\x9b2J", id="controls-are-shown"),
        pytest.param("\x1b\x1b[0m[2Jx", "\\x1b[2Jx", id="dropping-makes-no-new-sequence"),
        pytest.param(
            "user\u202exe\u2066.\u200f", "user\\u202exe\\u2066.\\u200f", id="nothing-turns-the-writing"
        ),
        pytest.param("a\u2028b\x85c\rd", "a\\u2028b\\x85c\\x0dd", id="no-other-line-breaks"),
        pytest.param("tab\t中文 é", "tab\t中文 é", id="text-stays"),
        pytest.param(
            "  ::error::x ##[group]", "  \\::error::x ##\\[group]", id="commands-of-systems-that-we-may-be-in"
        ),
    ],
)
def test_plain_shows_what_a_terminal_would_obey(line: str, quoted: str, job: Callable[..., Job]) -> None:
    assert job(Plain).ci.quote(line) == quoted


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        pytest.param("\x1b[8mhidden", "\x1b[8mhidden\x1b[0m", id="no-colour-outlives-its-line"),
        pytest.param("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m", id="what-is-taken-back-stays"),
        pytest.param("\x1b[31mred\x1b[m", "\x1b[31mred\x1b[m", id="taken-back-in-short"),
        pytest.param("section_end:1:x\r\x1b[0K", "section_end:1:x \\x1b[0K", id="no-cr-remains"),
    ],
)
def test_gitlab_quotes_what_would_outlast_a_line(line: str, quoted: str, job: Callable[..., Job]) -> None:
    assert job(GitLab).ci.quote(line) == quoted


@pytest.mark.parametrize("system", [GitHub, GitLab])
@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        pytest.param(
            "\x1b[31mred\x1b[0m \x1b[1;38:5:9mx\x1b[m",
            "\x1b[31mred\x1b[0m \x1b[1;38:5:9mx\x1b[m",
            id="colors-stay",
        ),
        pytest.param("a\x1b]0;title\x07b", "a\\x1b]0;title\\x07b", id="title-and-bell"),
        pytest.param(
            "\x1b]8;;https://evil.example/\x1b\\x\x1b]8;;\x1b\\",
            "\\x1b]8;;https://evil.example/\\x1b\\x\\x1b]8;;\\x1b\\",
            id="link",
        ),
        pytest.param(
            "50%\x1b[2K\x1b[1G\x1b[10;10H\x1b[?25l\b\b",
            "50%\\x1b[2K\\x1b[1G\\x1b[10;10H\\x1b[?25l\\x08\\x08",
            id="cursor",
        ),
        pytest.param("a\x9b31mb\x9d0;t\x9c\x85", "a\\x9b31mb\\x9d0;t\\x9c\\x85", id="controls-of-one-byte"),
        pytest.param(
            "user\u202exe\u2066.\u200f\u061c\u2028",
            "user\\u202exe\\u2066.\\u200f\\u061c\\u2028",
            id="nothing-turns-the-writing",
        ),
        pytest.param(
            "\x1b(0lqk\x0e\x0f\0\x7f\v\f", "\\x1b(0lqk\\x0e\\x0f\\x00\\x7f\\x0b\\x0c", id="other-alphabets"
        ),
        pytest.param("tab\t中文 é \U0001f680", "tab\t中文 é \U0001f680", id="text-stays"),
    ],
)
def test_of_all_controls_only_colors_are_passed_on(
    system: type[CI], line: str, quoted: str, job: Callable[..., Job]
) -> None:
    """Also in the title of a group, and in an annotation: people read both in the log."""
    speaker = job(system)
    assert speaker.ci.quote(line) == quoted
    speaker.ci.group(line)
    assert quoted in speaker.text.replace("%25", "%")
    speaker.ci.annotate("warning", "", line)
    assert quoted in speaker.text.split("\n")[-2].replace("%25", "%")


def test_gitlab_dotenv_doubles_what_the_next_runner_expands(job: Callable[..., Job]) -> None:
    outputs = {"DEPLOYED_URL": "https://x/?a=$HOME", "DEPLOYED_STATUS": "finished", "DEPLOYED_COMMIT": ""}
    assert (
        job(GitLab).ci.dotenv(outputs)
        == b"DEPLOYED_URL=https://x/?a=$$HOME\nDEPLOYED_STATUS=finished\nDEPLOYED_COMMIT=\n"
    )


def test_plain_dotenv_keeps_line_breaks_as_escapes(job: Callable[..., Job]) -> None:
    assert job(Plain).ci.dotenv({"A": "1\n2", "B": "\udcff"}) == b'A="1\\n2"\nB="?"\n'


@every_system
def test_where_there_is_no_way_outputs_and_summaries_are_nothing(
    system: type[CI], job: Callable[..., Job]
) -> None:
    speaker = job(system, GITHUB_OUTPUT="", GITHUB_STEP_SUMMARY="")
    speaker.ci.output("url", "x")
    speaker.ci.summarize("x")
    speaker.ci.status("x")
    assert (speaker.text, speaker.ci.has_summary, speaker.outputs.exists(), speaker.summary.exists()) == (
        "",
        False,
        False,
        False,
    )


def test_github_outputs_and_summaries_are_appended(job: Callable[..., Job]) -> None:
    speaker = job(GitHub)
    speaker.summary.write_text("of others")
    speaker.ci.output("status", "failed")
    speaker.ci.output("status", "finished")
    speaker.ci.summarize("a\n")
    speaker.ci.summarize("b")
    assert parse_env_file(speaker.outputs.read_text()) == ({"status": "finished"}, "")
    assert (speaker.ci.has_summary, speaker.summary.read_text()) == (True, "of others\na\nb\n")


def test_github_fences_are_never_guessed(job: Callable[..., Job]) -> None:
    speaker = job(GitHub)
    speaker.ci.output("a", "1")
    speaker.ci.output("b", "2")
    fences = re.findall(
        r"^ghadelimiter_[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$",
        speaker.outputs.read_text(),
        re.MULTILINE,
    )
    assert (len(fences), len(set(fences))) == (2, 2)


def test_github_cuts_a_summary_after_a_line(job: Callable[..., Job]) -> None:
    speaker = job(GitHub)
    speaker.summary.write_text("x" * 500_000 + "\n")
    speaker.ci.summarize("é" * 49 + "\n" + ("0123456789" * 10 + "\n") * 10_000)
    added = speaker.summary.read_text()[500_001:]
    assert speaker.summary.stat().st_size <= (1 << 20) - (64 << 10)
    assert added.endswith("0123456789\n\n\n*The rest is cut: GitHub shows one mebibyte.*\n")


@pytest.mark.parametrize(
    "act", [lambda ci: ci.output("a", "b"), lambda ci: ci.summarize("a")], ids=["output", "summary"]
)
def test_github_files_that_cannot_be_written_are_an_oserror(
    act: Callable[[CI], None], job: Callable[..., Job], tmp_path: Path
) -> None:
    with pytest.raises(OSError, match="directory"):
        act(job(GitHub, GITHUB_OUTPUT=str(tmp_path), GITHUB_STEP_SUMMARY=str(tmp_path)).ci)


SECRET = "1|s3cr3t: 100%/é"


@every_system
def test_a_secret_leaves_nowhere(system: type[CI], job: Callable[..., Job]) -> None:
    speaker = job(system)
    speaker.redact.add(SECRET)
    speaker.ci.say(f"a {SECRET}\n{SECRET} b")
    speaker.ci.group(SECRET)
    speaker.ci.annotate("error", SECRET, f"the token {SECRET} was refused")
    speaker.ci.output("url", SECRET)
    speaker.ci.summarize(SECRET)
    files = [path.read_text() for path in (speaker.outputs, speaker.summary) if path.exists()]
    told = [speaker.text, *files, speaker.ci.dotenv({"URL": SECRET}).decode()]
    assert [text for text in told if "s3cr3t" in text] == []
    assert all("***" in text for text in told)


@every_system
def test_a_secret_that_is_spelled_twice_leaves_nowhere(system: type[CI], job: Callable[..., Job]) -> None:
    """As JSON, which the commands of GitHub and the marks of `quote` then spell once more."""
    speaker = job(system)
    speaker.redact.add('p"100%"::##[x')
    for spelled in (r"p\"100%\"::##[x", r"p\u0022100%\u0022::##[x"):
        speaker.ci.annotate("error", spelled, spelled)
        speaker.ci.group(spelled)
        speaker.ci.say(spelled)
    assert "100%" not in speaker.text


def test_only_a_mask_tells_github_the_secret(job: Callable[..., Job]) -> None:
    speaker = job(GitHub)
    speaker.redact.add(SECRET)
    speaker.ci.mask(SECRET)
    speaker.ci.say(SECRET)
    assert speaker.text == "::add-mask::1|s3cr3t: 100%25/é\n***\n"


# --- Secrets


@pytest.mark.parametrize(
    ("secret", "text", "redacted"),
    [
        pytest.param("  s3cr3t-token\n", "<s3cr3t-token>", "<***>", id="stripped"),
        pytest.param("short77", "<short77>", "<short77>", id="seven-characters-are-no-secret"),
        pytest.param("eight888", "<eight888>", "<***>", id="eight-are"),
        pytest.param(
            "abcdefgh\nshort\nijklmnop",
            "ijklmnop short abcdefgh",
            "*** short ***",
            id="each-line-that-is-long-enough",
        ),
        pytest.param("abc\ndef\nghi", "<abc\ndef\nghi>", "<***>", id="all-lines-together"),
        pytest.param("a/b c:d?é", "<a%2Fb%20c%3Ad%3F%C3%A9> <a/b+c%3ad%3f%c3%a9>", "<***> <***>", id="url"),
        pytest.param(
            'p"w\\d/é<x',
            '{"a": "p\\"w\\\\d/\\u00e9<x", "b": "p\\"w\\\\d\\/é\\u003Cx"}',
            '{"a": "***", "b": "***"}',
            id="json",
        ),
        pytest.param("p\"w\\d'12", "'p\"w\\\\d\\'12'", "'***'", id="quoted-by-python"),
        pytest.param(
            "a/b c%d?é",
            "<a%252Fb%2520c%2525d%253F%25C3%25A9> a%252fb+c%2525d%253f%25c3%25a9",
            "<***> ***",
            id="url-in-a-url",
        ),
        pytest.param(
            "p&w'<d>\"x", '<p&amp;w&#x27;&lt;d&gt;&quot;x> <p&amp;w&#039;&lt;d>"x>', "<***> <***>", id="html"
        ),
        pytest.param("50%:a,b\nc", "<50%25:a,b%0Ac> <50%25%3Aa%2Cb%0Ac>", "<***> <***>", id="github"),
        pytest.param(
            "s3cr3t-token", "Basic dTpzM2NyM3QtdG9rZW4=", "Basic dTp***", id="base64-with-something-before"
        ),
        pytest.param(
            "s3cr3t-token", "7333637233742d746f6b656e 7333637233742D746F6B656E", "*** ***", id="hex"
        ),
        pytest.param('p"w\\d/é<x', json.dumps(json.dumps('p"w\\d/é<x')), r'"\"***\""', id="json-in-json"),
        pytest.param(
            "??????>>>?",
            "Pz8%2FPz8%2fPj4%2BPw%3D%3D Pz8\\/Pz8\\/Pj4+Pw==",
            "*** ***",
            id="base64-in-a-url-and-in-php-s-json",
        ),
        pytest.param("??????>>>", "Pz8/Pz8/Pj4+ Pz8_Pz8_Pj4-", "*** ***", id="both-alphabets-of-base64"),
    ],
)
def test_redaction(secret: str, text: str, redacted: str) -> None:
    redact = Redactor()
    redact.add(secret)
    assert redact(text) == redacted


@pytest.mark.parametrize("colour", ["\x1b[1m", "\x1b[0;31m", "\x9b4:3m"])
def test_a_secret_that_colours_divide_is_redacted(colour: str) -> None:
    redact = Redactor()
    redact.add("s3cr3t-token")
    assert redact(f"{colour}a s3cr3t-{colour}token b{colour}") == f"{colour}a *** b{colour}"
    assert redact(f"{colour}a s3cr3t-token") == f"{colour}a ***"


def test_what_is_hidden_is_only_taken_out_of_what_is_passed_on() -> None:
    redact = Redactor()
    redact.hide("production")
    redact.add("s3cr3t-token")
    redact.hide("s3cr3t-token-and-more")
    assert redact("production s3cr3t-token s3cr3t-token-and-more") == "production *** ***-and-more"
    assert redact.passed_on("production s3cr3t-token s3cr3t-token-and-more") == "*** *** ***"


def test_a_secret_that_is_known_later_is_redacted_too() -> None:
    redact = Redactor()
    redact.add("s3cr3t-token")
    assert redact("s3cr3t-token another1") == "*** another1"
    redact.add("another1")
    assert redact("s3cr3t-token another1") == "*** ***"


def test_hundreds_of_secrets_cost_no_time() -> None:
    redact, began = Redactor(), time.monotonic()
    for number in range(300):
        redact.hide(f"{number:040}")
    assert redact.passed_on(f"<{7:040}>") == "<***>"
    assert time.monotonic() - began < 3


def test_of_two_secrets_the_longer_one_is_redacted_whole() -> None:
    redact = Redactor()
    for secret in ("abcd/efgh", "abcd/efghXYZ", "efghXYZ?"):
        redact.add(secret)
    assert redact("<abcd/efghXYZ> <abcd%2FefghXYZ> <abcd/efgh>") == "<***> <***> <***>"


def test_without_secrets_nothing_changes() -> None:
    assert Redactor()("*** a") == "*** a"


@pytest.mark.parametrize(
    ("text", "split"),
    [
        pytest.param("", [""], id="empty"),
        pytest.param("a\n", ["a"], id="a-break-at-the-end-begins-no-line"),
        pytest.param("\n\n", ["", ""], id="blank-lines"),
        pytest.param("a\r\nb\rc\nd", ["a", "b", "c", "d"], id="all-three-breaks"),
        pytest.param(
            "a\x0bb\x0cc\x1dd\x85e\u2028f", ["a\x0bb\x0cc\x1dd\x85e\u2028f"], id="nothing-else-breaks"
        ),
    ],
)
def test_lines(text: str, split: list[str]) -> None:
    assert lines(text) == split


# --- The writer


def test_a_line_stays_one_line() -> None:
    stdout = Stdout()
    Writer(stdout, Redactor()).line("a\r\nb\rc\nd\udcff é")
    assert stdout.writes == ["a b c d? é\n".encode()]


def test_a_closed_pipe_is_written_to_once() -> None:
    stdout = Scripted(BrokenPipeError())
    writer = Writer(stdout, Redactor())
    writer.line("a")
    writer.line("b")
    assert (stdout.asked, stdout.writes) == (1, [])


def test_the_reader_of_a_real_pipe_may_leave() -> None:
    reader, ours = os.pipe()
    with os.fdopen(ours, "wb", buffering=0) as stdout:
        writer = Writer(stdout, Redactor())
        writer.line("a")
        os.close(reader)
        writer.line("b")
        writer.line("c")


@pytest.mark.parametrize(
    "fate", [OSError(errno.ENOSPC, "full"), OSError(errno.EIO, "gone"), ValueError("closed file")], ids=str
)
def test_what_cannot_be_written_is_dropped_and_the_next_line_is_tried(fate: OSError | ValueError) -> None:
    stdout = Scripted(fate)
    writer = Writer(stdout, Redactor())
    writer.line("a")
    writer.line("b")
    assert stdout.text == "b\n"


@needs_linux("nothing else has /dev/full")
def test_a_full_disk_is_survived() -> None:
    with Path("/dev/full").open("wb") as stdout:
        Writer(stdout, Redactor()).line("a")
        with pytest.raises(OSError, match="No space"):
            stdout.close()


def test_a_closed_stdout_is_survived() -> None:
    stdout = io.BytesIO()
    stdout.close()
    Writer(stdout, Redactor(), terminal=True).status("a")
    Writer(stdout, Redactor()).line("a")


def test_what_was_taken_in_part_is_finished() -> None:
    stdout = Scripted(2, 1)
    Writer(stdout, Redactor()).line("abcdef")
    assert stdout.writes == [b"ab", b"c", b"def\n"]


def test_after_half_a_line_the_next_one_begins_a_line() -> None:
    stdout = Scripted(2, OSError(errno.ENOSPC, "full"), OSError(errno.ENOSPC, "full"))
    writer = Writer(stdout, Redactor())
    writer.line("##")
    writer.line("lost")
    writer.line("[error]x")
    writer.line("y")
    assert stdout.text == "##\n[error]x\ny\n"


@pytest.mark.parametrize("buffering", [0, 1024], ids=["raw", "buffered"])
def test_a_stdout_that_does_not_block_is_waited_for(buffering: int) -> None:
    reader, ours = os.pipe()
    os.set_blocking(ours, False)
    said = [f"{number} {'x' * 3000}" for number in range(100)]
    heard = bytearray()

    def listen() -> None:
        while part := os.read(reader, 5000):
            heard.extend(part)

    listener = threading.Thread(target=listen)
    with os.fdopen(ours, "wb", buffering=buffering) as stdout:
        writer = Writer(stdout, Redactor())
        writer.line(said[0])
        listener.start()
        for line in said[1:]:
            writer.line(line)
        os.set_blocking(ours, True)
    listener.join()
    os.close(reader)
    assert lines(heard.decode()) == said


def test_a_stdout_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is waited for, five times for a second; afterwards the watch is not held up."""
    waits: list[float] = []
    monkeypatch.setattr("select.select", lambda *given: waits.append(given[3]))
    reader, ours = os.pipe()
    os.set_blocking(ours, False)
    with os.fdopen(ours, "wb", buffering=0) as stdout:
        while stdout.write(b"x" * 4096):
            pass
        writer = Writer(stdout, Redactor())
        for _ in range(3):
            writer.line("lost")
        assert waits == [1.0] * 5
        os.read(reader, 65536)
        writer.line("heard")
    assert os.read(reader, 100) == b"heard\n"
    os.close(reader)


# --- The status line


def terminal(stdout: Stream, columns: int = 80) -> Writer:
    return Writer(stdout, Redactor(), terminal=True, columns=lambda: columns)


def test_the_status_is_redrawn_and_cleared_before_each_line() -> None:
    stdout = Stdout()
    writer = terminal(stdout)
    writer.status("building")
    writer.status("still building")
    writer.line("a line")
    writer.line("another")
    writer.status("building")
    writer.line("the last")
    assert stdout.writes == [
        b"\r\x1b[2Kbuilding",
        b"\r\x1b[2Kstill building",
        b"\r\x1b[2Ka line\n",
        b"another\n",
        b"\r\x1b[2Kbuilding",
        b"\r\x1b[2Kthe last\n",
    ]


def test_without_a_terminal_there_is_no_status() -> None:
    stdout = Stdout()
    writer = Writer(stdout, Redactor())
    writer.status("building")
    assert stdout.writes == []


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        pytest.param("0123456789", 10, "012345678", id="one-column-stays-free"),
        pytest.param("中文字", 6, "中文", id="wide-characters"),
        pytest.param("e\u0301e\u0301e", 3, "e\u0301e\u0301", id="accents-take-no-room"),
        pytest.param("a\x1b[2J\r\nb\u202ec\udcff", 80, "a[2J bc", id="nothing-moves-the-cursor"),
    ],
)
def test_the_status_fits_and_keeps_still(text: str, columns: int, shown: str) -> None:
    stdout = Stdout()
    terminal(stdout, columns).status(text)
    assert stdout.text == f"\r\x1b[2K{shown}"


def test_a_secret_is_not_in_the_status_even_if_controls_divide_it() -> None:
    stdout = Stdout()
    redact = Redactor()
    redact.add("s3cr3t-token")
    Writer(stdout, redact, terminal=True, columns=lambda: 12).status("ab s3cr3t\x00-to\x1bken")
    assert stdout.text == "\r\x1b[2Kab ***"


def test_the_width_of_what_is_no_terminal_is_the_usual_one() -> None:
    stdout = Stdout()
    Writer(stdout, Redactor(), terminal=True).status("x" * 100)
    assert stdout.text == "\r\x1b[2K" + "x" * 79


# --- Files


def _log(path: Path, data: bytes) -> None:
    log = LogFile(path)
    try:
        log.write([data.decode()])
    finally:
        log.close()


every_writer = pytest.mark.parametrize("write", [append, replace, _log], ids=["append", "replace", "log"])


@every_writer
def test_a_file_is_made(write: Callable[[Path, bytes], None], tmp_path: Path) -> None:
    previous = os.umask(0o022)
    try:
        write(tmp_path / "new", b"a")
    finally:
        os.umask(previous)
    assert ((tmp_path / "new").read_text().strip(), stat.S_IMODE((tmp_path / "new").stat().st_mode)) == (
        "a",
        0o644,
    )


@every_writer
@pytest.mark.parametrize("there", [True, False], ids=["to-a-file", "to-nothing"])
def test_a_symbolic_link_is_never_written_through(
    write: Callable[[Path, bytes], None], there: bool, tmp_path: Path
) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    if there:
        target.write_text("kept")
    link.symlink_to(target)
    with pytest.raises(OSError):  # noqa: PT011 — the words are the system's
        write(link, b"a")
    assert (target.exists(), target.read_text() if there else "") == (there, "kept" if there else "")


@every_writer
@pytest.mark.parametrize("read_by_somebody", [True, False], ids=["with-a-reader", "without"])
def test_a_fifo_is_refused_and_does_not_hang(
    write: Callable[[Path, bytes], None], read_by_somebody: bool, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK) if read_by_somebody else None
    with pytest.raises(OSError):  # noqa: PT011
        write(fifo, b"a")
    if reader is not None:
        os.close(reader)


@every_writer
@pytest.mark.parametrize("path", ["/dev/null", "/tmp", "/nowhere/at/all"])
def test_what_is_no_regular_file_is_refused(write: Callable[[Path, bytes], None], path: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011
        write(Path(path), b"a")


@every_writer
@needs_root("nobody else can give files away")
@pytest.mark.parametrize(
    ("already", "owner"), [(False, (1001, 127)), (True, (0, 0))], ids=["made-by-us", "already-there"]
)
def test_root_gives_what_it_makes_to_the_owner_of_the_folder(
    write: Callable[[Path, bytes], None],
    already: bool,
    owner: tuple[int, int],
    tmp_path: Path,
) -> None:
    os.chown(tmp_path, 1001, 127)
    path = tmp_path / "file"
    if already:
        path.touch()
        os.chown(path, 0, 0)
    write(path, b"a")
    assert (path.stat().st_uid, path.stat().st_gid) == owner


@pytest.mark.parametrize(
    ("already", "then"),
    [
        pytest.param(b"", b"k=v\n", id="empty"),
        pytest.param(b"prev=1", b"prev=1\nk=v\n", id="a-missing-line-break-is-mended"),
        pytest.param(b"prev=1\n", b"prev=1\nk=v\n", id="nothing-to-mend"),
    ],
)
def test_append(already: bytes, then: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(already)
    append(path, b"k=v\n")
    assert path.read_bytes() == then


def test_replace_leaves_nothing_of_the_old_and_keeps_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a long text")
    number = path.stat().st_ino
    replace(path, b"short")
    assert (path.read_bytes(), path.stat().st_ino) == (b"short", number)


def test_a_log_begins_empty_and_keeps_every_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("of yesterday")
    redact = Redactor()
    redact.add("s3cr3t-token")
    log = LogFile(path, redact)
    log.write(["a", "the s3cr3t-token"])
    log.write([])
    log.write(["\udcff é"])
    log.close()
    assert path.read_text("utf-8") == "a\nthe ***\n? é\n"


@pytest.mark.parametrize("write", [append, replace])
def test_half_a_write_is_taken_back(
    write: Callable[[Path, bytes], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an output fails the step on GitHub; half a line spoils GitLab's whole report."""
    path = tmp_path / "file"
    path.write_bytes(b"before\n")
    whole = os.write

    def half(number: int, data: bytes) -> int:
        if len(data) <= 2:
            raise OSError(errno.ENOSPC, "full")
        return whole(number, data[:2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="full"):
        write(path, b"k=v\n")
    assert path.read_bytes() == b"before\n"


@pytest.fixture
def full_disk() -> Iterator[Callable[[int], None]]:
    """No file may become larger than so many bytes: the kernel refuses as a full disk does, in the middle of a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("write", [append, replace])
@pytest.mark.parametrize("room", [0, 3, 5000], ids=lambda room: f"room-for-{room}")
def test_a_full_disk_leaves_what_others_wrote(
    write: Callable[[Path, bytes], None], room: int, full_disk: Callable[[int], None], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    before = b"OTHERS=1\n" * 1000
    path.write_bytes(before)
    full_disk(len(before) + room)
    with pytest.raises(OSError, match="large"):
        write(path, b"k=v\n" * 4000)
    assert path.read_bytes() == before


def test_a_full_disk_takes_what_is_not_longer_than_before(
    full_disk: Callable[[int], None], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    full_disk(1000)
    replace(path, b"short")
    assert path.read_bytes() == b"short"


def test_what_others_append_meanwhile_is_not_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before\n")
    whole = os.write

    def half(number: int, data: bytes) -> int:
        if data != b"status=finished\n":
            with path.open("ab") as others:
                others.write(b"OTHERS=1\n")
            raise OSError(errno.ENOSPC, "full")
        return whole(number, data[:2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="full"):
        append(path, b"status=finished\n")
    assert path.read_bytes() == b"before\nstOTHERS=1\n"


def test_reading_has_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    os.mkfifo(tmp_path / "fifo")
    assert (read(path, 5), size(path), size(tmp_path / "none")) == (b"12345", 5, 0)
    for wrong, limit in ((path, 4), (tmp_path / "fifo", 4), (tmp_path / "none", 4)):
        with pytest.raises(OSError):  # noqa: PT011
            read(wrong, limit)
