"""What every CI system guarantees: untrusted text executes no command, and no secret is shown."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.ci import NAMES, SYSTEMS
from deployer.ci.base import CI
from deployer.ci.github import GitHub
from deployer.ci.gitlab import GitLab
from deployer.ci.output import Redactor, lines
from deployer.ci.plain import Plain
from tests.ci.decoders import Command, Job, executed, parse_env_file, parse_line

every_system = pytest.mark.parametrize("system", SYSTEMS, ids=NAMES)


# --- Every system


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
def test_untrusted_text_is_never_a_command(
    system: type[CI], text: str, times: int, start_job: Callable[..., Job]
) -> None:
    job = start_job(system)
    escaped = text
    for _ in range(times):
        escaped = "\n".join(job.ci.escape(line) for line in lines(escaped))
    job.ci.say(escaped)
    assert (executed(system, job.text), "\r" in job.text) == ([], False)
    assert len(lines(job.text)) == len(lines(text))


@every_system
@pytest.mark.parametrize(
    "text", ["", "plain", "a\n\nb", "C++ std::cout << x;", "tab\there", "✓ 🚀", "a\r\nb\rc\n"]
)
def test_harmless_lines_are_printed_unchanged(
    system: type[CI], text: str, start_job: Callable[..., Job]
) -> None:
    job = start_job(system)
    job.ci.say(text)
    assert job.text == "".join(f"{line}\n" for line in lines(text))


@every_system
def test_a_line_is_one_write(system: type[CI], start_job: Callable[..., Job]) -> None:
    job = start_job(system)
    job.ci.say("a\nb")
    assert job.stdout.writes == [b"a\n", b"b\n"]


@pytest.mark.parametrize(
    ("system", "printed"),
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
def test_groups_are_always_balanced(system: type[CI], printed: str, start_job: Callable[..., Job]) -> None:
    job = start_job(system)
    job.ci.endgroup()
    job.ci.group("Build")
    job.ci.say("x")
    job.ci.group("Next")
    job.ci.endgroup()
    job.ci.endgroup()
    assert job.text == printed


@every_system
def test_a_hostile_title_opens_one_group_and_nothing_else(
    system: type[CI], start_job: Callable[..., Job]
) -> None:
    job = start_job(system)
    job.ci.group("a\n::error::b\r\x1b[0Ksection_end:1:x\r\x1b[0K")
    job.ci.endgroup()
    assert (
        executed(system, job.text)
        == {GitHub: ["group", "endgroup"], GitLab: ["start", "end"], Plain: []}[system]
    )


@pytest.mark.parametrize(
    ("system", "printed"),
    [
        pytest.param(GitHub, "::warning title=web%3A odd::it took%0Along, 100%25\n", id="github"),
        pytest.param(
            GitLab, "\x1b[33;1mWARNING: web: odd: it took\x1b[0m\n\x1b[33;1mlong, 100%\x1b[0m\n", id="gitlab"
        ),
        pytest.param(Plain, "WARNING: web: odd: it took\n  long, 100%\n", id="plain"),
    ],
)
def test_annotations(system: type[CI], printed: str, start_job: Callable[..., Job]) -> None:
    job = start_job(system)
    job.ci.annotate("warning", "web: odd", "it took\nlong, 100%")
    assert job.text == printed


@every_system
def test_an_annotation_without_text_is_not_printed(system: type[CI], start_job: Callable[..., Job]) -> None:
    job = start_job(system)
    job.ci.annotate("error", "", " \n ")
    assert job.text == ""


@every_system
def test_an_annotation_may_have_only_a_title(system: type[CI], start_job: Callable[..., Job]) -> None:
    job = start_job(system)
    job.ci.annotate("error", "no response", "")
    assert "no response" in job.text


@every_system
def test_a_hostile_annotation_is_one_annotation(system: type[CI], start_job: Callable[..., Job]) -> None:
    job = start_job(system)
    job.ci.annotate("error", "a,file=x::b", "\n".join(HOSTILE))
    assert executed(system, job.text) == (["error"] if system is GitHub else [])


def test_github_receives_every_character_of_an_annotation(start_job: Callable[..., Job]) -> None:
    job = start_job(GitHub)
    job.ci.annotate("error", "a,file=x::b", "\n".join(HOSTILE))
    message = "\n".join(HOSTILE).replace("\v", "\\x0b").replace("\x1b", "\\x1b")
    assert parse_line(job.text.removesuffix("\n")) == Command(
        "error", "v2", message, {"title": "a,file=x::b"}
    )


def test_github_shows_eight_annotations_per_level_and_prints_the_others(
    start_job: Callable[..., Job],
) -> None:
    job = start_job(GitHub)
    for number in range(1, 10):
        job.ci.annotate("error", "web", f"{number}\n::warning::x")
    job.ci.annotate("notice", "web", "another level")
    assert lines(job.text)[7:] == [
        "::error title=web::8%0A::warning::x",
        "ERROR: web: 9",
        "  \\::warning::x",
        "::notice title=web::another level",
    ]


@pytest.mark.parametrize(
    ("line", "escaped"),
    [
        pytest.param("\x1b[31mred\x1b[0m \x1b[1;38:5:9mx", "red x", id="colors-are-dropped"),
        pytest.param("a\x1b]0;title\x07b\x9b2J", "a\\x1b]0;title\\x07b\\x9b2J", id="controls-are-escaped"),
        pytest.param("\x1b\x1b[0m[2Jx", "\\x1b[2Jx", id="dropping-makes-no-new-sequence"),
        pytest.param(
            "user\u202exe\u2066.\u200f", "user\\u202exe\\u2066.\\u200f", id="bidi-controls-are-escaped"
        ),
        pytest.param("a\u2028b\x85c\rd", "a\\u2028b\\x85c\\x0dd", id="line-breaks-are-escaped"),
        pytest.param("tab\t中文 é", "tab\t中文 é", id="text-is-kept"),
        pytest.param(
            "  ::error::x ##[group]", "  \\::error::x ##\\[group]", id="commands-of-possible-systems"
        ),
    ],
)
def test_plain_escapes_terminal_controls(line: str, escaped: str, start_job: Callable[..., Job]) -> None:
    assert start_job(Plain).ci.escape(line) == escaped


@pytest.mark.parametrize(
    ("line", "escaped"),
    [
        pytest.param("\x1b[8mhidden", "\x1b[8mhidden\x1b[0m", id="color-is-reset-at-the-line-end"),
        pytest.param("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m", id="reset-is-kept"),
        pytest.param("\x1b[31mred\x1b[m", "\x1b[31mred\x1b[m", id="short-reset-is-kept"),
        pytest.param("section_end:1:x\r\x1b[0K", "section_end:1:x \\x1b[0K", id="cr-is-replaced"),
    ],
)
def test_gitlab_escapes_what_would_affect_later_lines(
    line: str, escaped: str, start_job: Callable[..., Job]
) -> None:
    assert start_job(GitLab).ci.escape(line) == escaped


@pytest.mark.parametrize("system", [GitHub, GitLab])
@pytest.mark.parametrize(
    ("line", "escaped"),
    [
        pytest.param(
            "\x1b[31mred\x1b[0m \x1b[1;38:5:9mx\x1b[m",
            "\x1b[31mred\x1b[0m \x1b[1;38:5:9mx\x1b[m",
            id="colors-are-kept",
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
        pytest.param("a\x9b31mb\x9d0;t\x9c\x85", "a\\x9b31mb\\x9d0;t\\x9c\\x85", id="single-byte-controls"),
        pytest.param(
            "user\u202exe\u2066.\u200f\u061c\u2028",
            "user\\u202exe\\u2066.\\u200f\\u061c\\u2028",
            id="bidi-controls-are-escaped",
        ),
        pytest.param(
            "\x1b(0lqk\x0e\x0f\0\x7f\v\f",
            "\\x1b(0lqk\\x0e\\x0f\\x00\\x7f\\x0b\\x0c",
            id="character-set-controls",
        ),
        pytest.param("tab\t中文 é \U0001f680", "tab\t中文 é \U0001f680", id="text-is-kept"),
    ],
)
def test_of_all_controls_only_colors_are_kept(
    system: type[CI], line: str, escaped: str, start_job: Callable[..., Job]
) -> None:
    """Also in the title of a group and in an annotation, which are part of the log."""
    job = start_job(system)
    assert job.ci.escape(line) == escaped
    job.ci.group(line)
    assert escaped in job.text.replace("%25", "%")
    job.ci.annotate("warning", "", line)
    assert escaped in job.text.split("\n")[-2].replace("%25", "%")


def test_gitlab_dotenv_doubles_dollar_signs(start_job: Callable[..., Job]) -> None:
    outputs = {"DEPLOYED_URL": "https://x/?a=$HOME", "DEPLOYED_STATUS": "finished", "DEPLOYED_COMMIT": ""}
    assert (
        start_job(GitLab).ci.dotenv(outputs)
        == b"DEPLOYED_URL=https://x/?a=$$HOME\nDEPLOYED_STATUS=finished\nDEPLOYED_COMMIT=\n"
    )


def test_plain_dotenv_keeps_line_breaks_as_escapes(start_job: Callable[..., Job]) -> None:
    assert start_job(Plain).ci.dotenv({"A": "1\n2", "B": "\udcff"}) == b'A="1\\n2"\nB="?"\n'


@every_system
def test_unsupported_outputs_and_summaries_do_nothing(
    system: type[CI], start_job: Callable[..., Job]
) -> None:
    job = start_job(system, GITHUB_OUTPUT="", GITHUB_STEP_SUMMARY="")
    job.ci.output("url", "x")
    job.ci.summarize("x")
    job.ci.status("x")
    assert (job.text, job.ci.has_summary, job.outputs.exists(), job.summary.exists()) == (
        "",
        False,
        False,
        False,
    )


def test_github_outputs_and_summaries_are_appended(start_job: Callable[..., Job]) -> None:
    job = start_job(GitHub)
    job.summary.write_text("of others")
    job.ci.output("status", "failed")
    job.ci.output("status", "finished")
    job.ci.summarize("a\n")
    job.ci.summarize("b")
    assert parse_env_file(job.outputs.read_text()) == ({"status": "finished"}, "")
    assert (job.ci.has_summary, job.summary.read_text()) == (True, "of others\na\nb\n")


def test_github_delimiters_are_random(start_job: Callable[..., Job]) -> None:
    job = start_job(GitHub)
    job.ci.output("a", "1")
    job.ci.output("b", "2")
    delimiters = re.findall(
        r"^ghadelimiter_[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$",
        job.outputs.read_text(),
        re.MULTILINE,
    )
    assert (len(delimiters), len(set(delimiters))) == (2, 2)


def test_github_truncates_a_summary_after_a_line(start_job: Callable[..., Job]) -> None:
    job = start_job(GitHub)
    job.summary.write_text("x" * 500_000 + "\n")
    job.ci.summarize("é" * 49 + "\n" + ("0123456789" * 10 + "\n") * 10_000)
    added = job.summary.read_text()[500_001:]
    assert job.summary.stat().st_size <= (1 << 20) - (64 << 10)
    assert added.endswith("0123456789\n\n\n*Truncated: GitHub shows at most 1 MiB.*\n")


@pytest.mark.parametrize(
    "write", [lambda ci: ci.output("a", "b"), lambda ci: ci.summarize("a")], ids=["output", "summary"]
)
def test_github_files_that_cannot_be_written_raise_oserror(
    write: Callable[[CI], None], start_job: Callable[..., Job], tmp_path: Path
) -> None:
    with pytest.raises(OSError, match="directory"):
        write(start_job(GitHub, GITHUB_OUTPUT=str(tmp_path), GITHUB_STEP_SUMMARY=str(tmp_path)).ci)


SECRET = "1|s3cr3t: 100%/é"


@every_system
def test_no_output_contains_a_secret(system: type[CI], start_job: Callable[..., Job]) -> None:
    job = start_job(system)
    job.redact.add(SECRET)
    job.ci.say(f"a {SECRET}\n{SECRET} b")
    job.ci.group(SECRET)
    job.ci.annotate("error", SECRET, f"the token {SECRET} was refused")
    job.ci.output("url", SECRET)
    job.ci.summarize(SECRET)
    files = [path.read_text() for path in (job.outputs, job.summary) if path.exists()]
    outputs_made = [job.text, *files, job.ci.dotenv({"URL": SECRET}).decode()]
    assert [text for text in outputs_made if "s3cr3t" in text] == []
    assert all("***" in text for text in outputs_made)


@every_system
def test_no_output_contains_a_json_encoded_secret(system: type[CI], start_job: Callable[..., Job]) -> None:
    """GitHub's commands and `escape` encode the JSON once more."""
    job = start_job(system)
    job.redact.add('p"100%"::##[x')
    for spelled in (r"p\"100%\"::##[x", r"p\u0022100%\u0022::##[x"):
        job.ci.annotate("error", spelled, spelled)
        job.ci.group(spelled)
        job.ci.say(spelled)
    assert "100%" not in job.text


def test_only_a_mask_contains_the_secret(start_job: Callable[..., Job]) -> None:
    job = start_job(GitHub)
    job.redact.add(SECRET)
    job.ci.mask(SECRET)
    job.ci.say(SECRET)
    assert job.text == "::add-mask::1|s3cr3t: 100%25/é\n***\n"


# --- Secrets


@pytest.mark.parametrize(
    ("secret", "text", "redacted"),
    [
        pytest.param("  s3cr3t-token\n", "<s3cr3t-token>", "<***>", id="stripped"),
        pytest.param("short77", "<short77>", "<short77>", id="seven-characters-are-not-redacted"),
        pytest.param("eight888", "<eight888>", "<***>", id="eight-characters-are-redacted"),
        pytest.param(
            "abcdefgh\nshort\nijklmnop",
            "ijklmnop short abcdefgh",
            "*** short ***",
            id="each-line-of-eight-characters",
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
        pytest.param("s3cr3t-token", "Basic dTpzM2NyM3QtdG9rZW4=", "Basic dTp***", id="base64-with-a-prefix"),
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


@pytest.mark.parametrize("color", ["\x1b[1m", "\x1b[0;31m", "\x9b4:3m"])
def test_a_secret_with_colors_in_it_is_redacted(color: str) -> None:
    redact = Redactor()
    redact.add("s3cr3t-token")
    assert redact(f"{color}a s3cr3t-{color}token b{color}") == f"{color}a *** b{color}"
    assert redact(f"{color}a s3cr3t-token") == f"{color}a ***"


def test_hidden_values_are_only_redacted_in_text_from_outside() -> None:
    redact = Redactor()
    redact.add_for_untrusted("production")
    redact.add("s3cr3t-token")
    redact.add_for_untrusted("s3cr3t-token-and-more")
    assert redact("production s3cr3t-token s3cr3t-token-and-more") == "production *** ***-and-more"
    assert redact.untrusted("production s3cr3t-token s3cr3t-token-and-more") == "*** *** ***"


def test_a_secret_added_later_is_redacted() -> None:
    redact = Redactor()
    redact.add("s3cr3t-token")
    assert redact("s3cr3t-token another1") == "*** another1"
    redact.add("another1")
    assert redact("s3cr3t-token another1") == "*** ***"


def test_hundreds_of_secrets_are_redacted_quickly() -> None:
    redact, start = Redactor(), time.monotonic()
    for number in range(300):
        redact.add_for_untrusted(f"{number:040}")
    assert redact.untrusted(f"<{7:040}>") == "<***>"
    assert time.monotonic() - start < 3


def test_of_overlapping_secrets_the_longer_one_is_redacted() -> None:
    redact = Redactor()
    for secret in ("abcd/efgh", "abcd/efghXYZ", "efghXYZ?"):
        redact.add(secret)
    assert redact("<abcd/efghXYZ> <abcd%2FefghXYZ> <abcd/efgh>") == "<***> <***> <***>"


def test_without_secrets_text_is_unchanged() -> None:
    assert Redactor()("*** a") == "*** a"


@pytest.mark.parametrize(
    ("text", "split"),
    [
        pytest.param("", [""], id="empty"),
        pytest.param("a\n", ["a"], id="trailing-line-break"),
        pytest.param("\n\n", ["", ""], id="blank-lines"),
        pytest.param("a\r\nb\rc\nd", ["a", "b", "c", "d"], id="cr-lf-and-crlf"),
        pytest.param("a\x0bb\x0cc\x1dd\x85e\u2028f", ["a\x0bb\x0cc\x1dd\x85e\u2028f"], id="other-separators"),
    ],
)
def test_lines(text: str, split: list[str]) -> None:
    assert lines(text) == split
