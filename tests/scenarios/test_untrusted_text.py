"""Architecture, promise 5, for any text: no command is obeyed, no line is lost, no secret leaves, and what we write can be read again."""

from __future__ import annotations

import base64
import html
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.ci import NAMES, SYSTEMS
from deployer.ci.base import CI
from deployer.ci.github import GitHub
from deployer.ci.gitlab import GitLab
from deployer.ci.output import LogFile, Redactor, Writer, lines
from deployer.ci.plain import Plain
from tests.ci.decoders import Command, Stdout, executed, parse_env_file, parse_line

# The same examples in every run: a test that fails only now and then is read by nobody.
thoroughly = settings(derandomize=True, database=None, deadline=None, max_examples=100)
every_system = pytest.mark.parametrize("system", SYSTEMS, ids=NAMES)

SIGNS = [
    *(
        "::",
        "::error::",
        "::add-mask::",
        "::stop-commands::",
        "::set-output name=x::",
        "##[",
        "##[error]",
        "##[add-matcher]",
        "]",
        "[",
        "##",
        "#",
        ":",
    ),
    *(
        "section_start:1:a",
        "section_end:1:deployer-1",
        "[collapsed=true]",
        "\r\x1b[0K",
        "\x1b[0K",
        "\x1b[31m",
        "\x1b[0m",
        "\x1b[",
        "\x1b]0;",
        "\x9b8m",
    ),
    *(
        "\r",
        "\n",
        "\r\n",
        " ",
        "\t",
        "\v",
        "\f",
        "\x1c",
        "\x85",
        "\xa0",
        "\u2028",
        "\u3000",
        "\ufeff",
        "\u200b",
        "\u202e",
        "\u2066",
        "\0",
        "\x7f",
        "\b",
    ),
    *(
        "\\",
        "\\x1b",
        "%0A",
        "%",
        "$",
        "$$",
        "`",
        '"',
        "'",
        "=",
        "<<",
        "<<EOF",
        "EOF",
        "ghadelimiter_",
        "***",
        "\udcff",
        "é",
        "\U0001f680",
    ),
]
texts = st.lists(st.sampled_from(SIGNS) | st.text(max_size=6), max_size=12).map("".join)
names = st.from_regex(r"[A-Z][A-Z_]{0,8}", fullmatch=True)
outputs = st.dictionaries(names, texts, max_size=5)
# Without the asterisk: text around `***` could be a secret by itself, and nobody could take it out.
secrets = (
    st.text(st.sampled_from("aZ9 |/+%:,;=&<>\"'\\?#~$[]{}\n\r\té中\U0001f680-_.!()"), min_size=8, max_size=30)
    .map(str.strip)
    .filter(lambda secret: len(secret) >= 8)
)


def speaker(system: type[CI], redact: Redactor | None = None, **environ: str) -> tuple[CI, Stdout]:
    stdout = Stdout()
    return system(environ, Writer(stdout, redact or Redactor()), lambda: 1.0), stdout


def as_written(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


# --- No command is obeyed


@every_system
@thoroughly
@given(text=texts)
def test_nothing_that_is_said_is_obeyed(system: type[CI], text: str) -> None:
    ci, stdout = speaker(system)
    ci.say(text)
    assert executed(system, stdout.text) == []


@every_system
@thoroughly
@given(title=texts, message=texts)
def test_a_group_and_an_annotation_are_obeyed_as_nothing_else(
    system: type[CI], title: str, message: str
) -> None:
    ci, stdout = speaker(system)
    ci.group(title)
    ci.endgroup()
    ci.annotate("error", title, message)
    told = ["error"] if title.strip() or message.strip() else []
    assert (
        executed(system, stdout.text)
        == {GitHub: ["group", "endgroup", *told], GitLab: ["start", "end"], Plain: []}[system]
    )


@pytest.mark.parametrize("system", [GitHub, GitLab])
@thoroughly
@given(text=texts)
def test_of_all_controls_only_colors_are_sent(system: type[CI], text: str) -> None:
    ci, stdout = speaker(system)
    ci.say(text)
    ci.annotate("error", text, text)
    assert re.findall(CONTROL, re.sub(r"\x1b\[[0-9;:]*m", "", stdout.text)) == []


@thoroughly
@given(text=texts)
def test_plain_sends_no_control_character_to_a_terminal(text: str) -> None:
    ci, stdout = speaker(Plain)
    ci.say(text)
    ci.group(text)
    ci.annotate("error", text, text)
    assert (
        re.findall("[^\t\n\x20-\x7e\xa0-\U0010ffff]|[\u200e\u200f\u2028-\u202e\u2066-\u2069]", stdout.text)
        == []
    )


@thoroughly
@given(text=texts, columns=st.integers(1, 20))
def test_the_status_line_never_moves_the_cursor_by_foreign_means(text: str, columns: int) -> None:
    stdout = Stdout()
    Writer(stdout, Redactor(), terminal=True, columns=lambda: columns).status(text)
    shown = stdout.text.removeprefix("\r\x1b[2K")
    assert re.findall(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", shown) == []


# --- No line is lost


COLOUR = re.compile(r"(?:\x1b\[|\x9b)[0-9;:]*m")
CONTROL = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"


def seen(text: str) -> str:
    """What stands for the controls in a log that shows colors, and nothing else that is invisible."""
    escaped = (
        ascii(part)[1:-1] if re.fullmatch(CONTROL, part) else part
        for part in re.split(rf"(\x1b\[[0-9;:]*m|{CONTROL})", text)
    )
    return "".join(escaped)


RECOVERED: dict[type[CI], Callable[[str], str]] = {
    GitHub: lambda line: seen(line).replace("\\", ""),
    GitLab: lambda line: re.sub(r"\x1b\[[0-9;:]*m", "", seen(line)),
    Plain: lambda line: re.sub(
        r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})",
        lambda found: chr(int(found[1] or found[2], 16)),
        COLOUR.sub("", line),
    ).replace("\\", ""),
}


@every_system
@thoroughly
@given(text=texts)
def test_every_line_is_said_with_all_that_it_says(system: type[CI], text: str) -> None:
    """Apart from the marks that break commands, and from colours."""
    ci, stdout = speaker(system)
    ci.say(text)
    recovered = [RECOVERED[system](line) for line in stdout.text.removesuffix("\n").split("\n")]
    assert recovered == [RECOVERED[system](as_written(line)) for line in lines(text)]


@thoroughly
@given(title=texts, message=texts)
def test_github_reads_an_annotation_as_it_was_meant(title: str, message: str) -> None:
    ci, stdout = speaker(GitHub)
    ci.annotate("warning", title, message)
    if message.strip():
        properties = {"title": seen(as_written(title.strip()))} if title.strip() else {}
        assert parse_line(stdout.text[:-1]) == Command("warning", "v2", seen(as_written(message)), properties)


# --- What we write can be read again


@thoroughly
@given(
    written=outputs,
    before=st.sampled_from([("", {}), ("prev=1", {"prev": "1"}), ("prev<<E\nx\nE", {"prev": "x"})]),
)
def test_github_reads_back_every_output(written: dict[str, str], before: tuple[str, dict[str, str]]) -> None:
    """Also behind a writer that forgot its last line break."""
    already, prev = before
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "output")
        path.write_text(already)
        ci, _ = speaker(GitHub, GITHUB_OUTPUT=str(path))
        for name, value in written.items():
            ci.output(name, value)
        expected = prev | {name: as_written(value) for name, value in written.items()}
        assert parse_env_file(path.read_bytes().decode()) == (expected, "")


@thoroughly
@given(written=outputs)
def test_gitlab_takes_every_dotenv_file(written: dict[str, str]) -> None:
    ci, _ = speaker(GitLab)
    content = ci.dotenv(written).decode()
    rows = [re.fullmatch(r"(.*?)=(.*)", row) for row in content.split("\n")[:-1]]
    assert [row and row[1].strip() for row in rows] == list(written)
    expanded = [row[2].strip().replace("$$", "$") for row in rows if row]
    assert expanded == [
        re.sub(r"[\x00-\x1f\x7f]+", " ", as_written(value)).strip() for value in written.values()
    ]


@thoroughly
@given(written=outputs)
def test_a_dotenv_file_reads_back(written: dict[str, str]) -> None:
    ci, _ = speaker(Plain)
    rows = [
        re.fullmatch(r'(\w+)="((?:[^"\\$`]|\\.)*)"', row, re.DOTALL)
        for row in ci.dotenv(written).decode().split("\n")[:-1]
    ]
    escapes = {"n": "\n", "r": "\r"}
    read = {
        row[1]: re.sub(r"\\(.)", lambda found: escapes.get(found[1], found[1]), row[2]) for row in rows if row
    }
    assert read == {name: as_written(value) for name, value in written.items()}


# --- No secret leaves


def spellings(secret: str) -> Iterator[str]:
    """How servers and tools spell it, by other code than ours."""
    data = secret.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    plain_json = json.dumps(secret, ensure_ascii=False)[1:-1]
    urls = [
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        quote(secret, safe="!'()*"),
        quote(secret, safe=";/?:@&=+$,#!'()*"),
    ]
    yield from (secret, *urls, *(re.sub("%..", lambda found: found[0].lower(), url) for url in urls))
    yield from (
        plain_json,
        json.dumps(secret)[1:-1],
        plain_json.replace("/", "\\/"),
        json.dumps(secret)[1:-1].replace("/", "\\/"),
    )
    yield re.sub("[<>&']", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(secret)[1:-1])
    yield from (
        html.escape(secret),
        html.escape(secret, quote=False),
        html.escape(secret).replace("&#x27;", "&#039;"),
    )
    yield from (data, data.replace(":", "%3A").replace(",", "%2C"))
    yield from (secret.encode().hex(), secret.encode().hex().upper())
    for before in (b"", b"u", b"u:"):
        for after in (b"", b"x", b"xy"):
            yield base64.b64encode(before + secret.encode() + after).decode()
            yield base64.urlsafe_b64encode(before + secret.encode() + after).decode()


def leaks(secret: str, text: str) -> list[str]:
    """Every way in which the text still holds the secret. Base64 is decoded, wherever it may begin."""
    found = [spelled for spelled in list(spellings(secret))[:-18] if spelled in text]
    for run in re.findall(r"[A-Za-z0-9+/_-]{8,}", text):
        standard = run.translate(str.maketrans("-_", "+/"))
        for start in range(4):
            whole = standard[start : start + (len(standard) - start) // 4 * 4]
            found += [run] if secret.encode() in base64.b64decode(whole) else []
    return found


@every_system
@thoroughly
@given(data=st.data(), secret=secrets, before=texts, after=texts)
def test_no_secret_leaves(
    system: type[CI], data: st.DataObject, secret: str, before: str, after: str
) -> None:
    redact = Redactor()
    redact.add(secret)
    spelled = data.draw(st.sampled_from(list(spellings(secret))))
    text = f"{before}\n{spelled}\n{after}" if data.draw(st.booleans()) else f"{before} {spelled} {after}"
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder, name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "log")}
        ci, stdout = speaker(system, redact, **{name: str(path) for name, path in files.items()})
        ci.say(text)
        ci.group(text)
        ci.annotate("error", text, text)
        ci.output("url", text)
        ci.summarize(text)
        log = LogFile(files["log"], redact)
        log.write([text])
        log.close()
        left = [
            stdout.text,
            ci.dotenv({"URL": text}).decode(),
            *(path.read_bytes().decode() for path in files.values() if path.exists()),
        ]
    assert [leak for text in left for leak in leaks(secret, text)] == []


@thoroughly
@given(known=st.lists(secrets, min_size=2, max_size=4), context=texts)
def test_secrets_that_stand_in_each_other_leave_nothing(known: list[str], context: str) -> None:
    known.append(known[0] + known[1])
    redact = Redactor()
    for secret in known:
        redact.add(secret)
    assert (
        redact(f"{context} {' '.join(known)} {context}")
        == f"{redact(context + ' ')}{' '.join(['***'] * len(known))}{redact(' ' + context)}"
    )
