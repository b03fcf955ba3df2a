"""What holds for every CI system: nothing untrusted is obeyed, and no secret is shown."""

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
from tests.ci.decoders import Command, Job, obeyed, parse_env_file, parse_line

# --- The fakes


every_system = pytest.mark.parametrize("system", SYSTEMS, ids=NAMES)


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
        quoted = "\n".join(speaker.ci.escape(line) for line in lines(quoted))
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
    speaker.ci.annotate("error", "no response", "")
    assert "no response" in speaker.text


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
    assert job(Plain).ci.escape(line) == quoted


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
    assert job(GitLab).ci.escape(line) == quoted


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
    assert speaker.ci.escape(line) == quoted
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
    assert added.endswith("0123456789\n\n\n*Truncated: GitHub shows at most 1 MiB.*\n")


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
