"""Architecture, promise 5, for every event and every output.

However a secret in a text is divided or cut, no part of it is shown.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
import types
import typing
from collections.abc import Hashable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.ci.output import Redactor
from deployer.model import Entry, Event, Idle, Outcome, Target
from deployer.report.untrusted import IDENTITY_FIELDS, OUTPUT_FIELDS
from tests.ci.decoders import executed
from tests.report.reports import HIDDEN, SECRET, SYSTEMS, report_in, until_running

ALL_SYSTEMS = (*SYSTEMS, "terminal")
EVENTS: tuple[type, ...] = typing.get_args(Event)
thoroughly = settings(derandomize=True, database=None, deadline=None, max_examples=10)

WELL_FORMED = [
    "\x1b[0m",
    "\x1b[1;38;5;9m",
    "\x1b[K",
    "\x1b[2K",
    "\x1b[0K",
    "\x9b31m",
    "\x9bK",
    "\x1b[2D",
    "\x1b]0;title\x07",
    "\x1b(B",
    "\x1b7",
]
WELL_FORMED += [
    "\x1b]8;;https://x.example\x1b\\",
    "\x1bP+q\x1b\\",
    "\x9d0;t\x9c",
    "\0",
    "\x07",
    "\b",
    "\x7f",
    "\x85",
    "\xad",
    "\u200b",
    "\u2060",
]
WELL_FORMED += [
    "\u034f",
    "\u115f",
    "\u17b4",
    "\u180f",
    "\u3164",
    "\uffa0",
    "\U0001d173",
    "\U000e0041",
    "\U000e0101",
]
WELL_FORMED += ["\ufeff", "\u202e", "\u2066", "\u200f", "\x0e", "\\u001b[31m", "\\x1b[0K", "\\033[1m"]
UNTERMINATED = ["\x1b", "\x1b[", "\x9b", "\x1b]"]
"""Sequences that never end: a terminal would take the next characters for the rest."""

EDGES = [0, 3, 30, 55, 72, 75, 190, 195, 290, 390, 395, 655, 660, 990, 3990]
"""Numbers of characters before a secret, so that every limit at which text is cut falls into it."""

COMMANDS = "\n::set-output name=url::https://evil.example\n##[add-matcher]x\n::add-mask::a\n\r::stop-commands::x\nend"


@st.composite
def divided(draw: st.DrawFn, secret: str) -> str:
    """Draw a text with the secret in it, perhaps with invisible characters inside."""
    kinds = draw(st.sampled_from([[""], WELL_FORMED, *([each] for each in UNTERMINATED)]))
    after = draw(st.sets(st.integers(1, len(secret) - 1), max_size=4))
    split = "".join(
        character + (draw(st.sampled_from(kinds)) if at + 1 in after else "")
        for at, character in enumerate(secret)
    )
    before = draw(st.sampled_from(EDGES)) + draw(st.integers(0, 12))
    after_secret = "." * draw(st.sampled_from([0, 5, 400, 3000]))
    return f"{'.' * before} {split} {after_secret}{draw(st.sampled_from(['', COMMANDS]))}"


def value(kind: Any, text: str, name: str, *, exact: bool) -> Any:  # noqa: PLR0911 -- one per kind of field
    """Return a value for a field of this type, with the text in every string of it.

    `exact`: also in the fields that outputs are made of.
    """
    if kind is str:
        return text if exact or name not in OUTPUT_FIELDS | IDENTITY_FIELDS else "web"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    if kind in {int, float, bool}:
        return kind(1)
    if kind is Hashable:
        return 1
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(
            **{
                field.name: value(hints[field.name], text, field.name, exact=exact)
                for field in dataclasses.fields(kind)
            }
        )  # type: ignore[operator]
    if typing.get_origin(kind) is tuple:
        return (value(typing.get_args(kind)[0], text, name, exact=exact),)
    if typing.get_origin(kind) in {types.UnionType, typing.Union}:
        return value(typing.get_args(kind)[0], text, name, exact=exact)
    raise AssertionError(f"a field of unknown kind: {kind}")


def variant(event: Event, data: st.DataObject) -> Event:
    """Return the event with any members in its enums, which change its message."""
    for field in dataclasses.fields(event):
        if isinstance(current := getattr(event, field.name), Enum):
            event = dataclasses.replace(event, **{field.name: data.draw(st.sampled_from(type(current)))})
    return event


def texts(report: Any) -> Iterator[str]:
    yield report.stdout.text
    yield from (path.read_text("utf-8") for path in report.folder.iterdir())
    yield json.dumps(report.result, ensure_ascii=False)
    if (report.folder / "output").exists():
        yield json.dumps(json.loads(report.outputs["result"]), ensure_ascii=False)


def fragments(secret: str, text: str) -> list[str]:
    """Return the parts of eight characters of the secret that a text contains."""
    both = f"{text}\n{unquote(text)}"
    return [secret[at : at + 8] for at in range(len(secret) - 7) if secret[at : at + 8] in both]


def leaked(event: Event, secret: str, system: str) -> list[str]:
    """Return what an event in the middle of a run shows of the secret, anywhere."""
    with tempfile.TemporaryDirectory() as name:
        folder, terminal = Path(name), system == "terminal"
        options: dict[str, Any] = {
            "log_file": str(folder / "log"),
            "output_file": str(folder / "env"),
            "hidden_logs": True,
            "preflight": True,
        }
        report = report_in(folder, "plain" if terminal else system, "web", terminal=terminal, **options)
        report.emit(*until_running("web"), event, 100.0, Idle())
        report.finish(Outcome.FAILED)
        allowed = {"group", "endgroup", "error", "warning", "notice", "start", "end"}
        assert terminal or set(executed(SYSTEMS[system], report.stdout.text)) <= allowed
        return [part for text in texts(report) for part in fragments(secret, text)]


def test_every_kind_of_event_is_tested() -> None:
    """New events and fields are found by their type."""
    assert len(EVENTS) > 20
    for kind in EVENTS:
        assert isinstance(value(kind, "x", "", exact=True), kind)


@pytest.mark.parametrize("system", ALL_SYSTEMS)
@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@thoroughly
@given(data=st.data())
def test_no_field_of_any_event_shows_a_secret(system: str, kind: type, data: st.DataObject) -> None:
    event = value(kind, data.draw(divided(SECRET)), "", exact=True)
    assert leaked(variant(event, data), SECRET, system) == []


@pytest.mark.parametrize("system", ALL_SYSTEMS)
@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@thoroughly
@given(data=st.data())
def test_a_variable_s_value_is_only_shown_in_output_fields(
    system: str, kind: type, data: st.DataObject
) -> None:
    event = value(kind, data.draw(divided(HIDDEN)), "", exact=False)
    if any(field.name == "target" and field.type == "str" for field in dataclasses.fields(event)):
        event = dataclasses.replace(event, target="web")
    assert leaked(variant(event, data), HIDDEN, system) == []


def test_the_fields_that_may_show_a_variable_s_value() -> None:
    """The list is short, and each name on it is that of a field."""
    fields = {field.name for kind in (*EVENTS, *(Target, Entry)) for field in dataclasses.fields(kind)} | {
        "id",
        "link",
    }
    assert fields >= (OUTPUT_FIELDS | IDENTITY_FIELDS)
    assert {"url", "before", "link", "commit"} == OUTPUT_FIELDS
    assert {"target", "id"} == IDENTITY_FIELDS


# --- cut


@thoroughly
@given(data=st.data(), limit=st.integers(0, 300), end=st.booleans())
def test_a_cut_shows_nothing_of_a_secret(data: st.DataObject, limit: int, end: bool) -> None:
    redact = Redactor()
    redact.add(SECRET)
    cut = redact.cut(data.draw(divided(SECRET)), limit, end=end)
    assert (len(cut) <= max(limit, 0), fragments(SECRET, cut)) == (True, [])


@pytest.mark.parametrize(
    ("text", "limit", "end", "cut"),
    [
        pytest.param("abcdef", 6, True, "abcdef", id="fits"),
        pytest.param("abcdefghij", 7, True, "abcd…ij", id="start-and-end"),
        pytest.param("abcdefghij", 1, True, "…", id="one"),
        pytest.param("abcdefghij", 0, True, "", id="none"),
        pytest.param("abcdefghij", 4, False, "abcd", id="start-only"),
        pytest.param(f"a {SECRET} b", 6, True, "a **…b", id="redacted-first"),
        pytest.param(f"a {SECRET} b", 7, True, "a *** b", id="fits-once-it-is-redacted"),
    ],
)
def test_cut(text: str, limit: int, end: bool, cut: str) -> None:
    redact = Redactor()
    redact.add(SECRET)
    assert redact.cut(text, limit, end=end) == cut


# --- divided secrets


@pytest.mark.parametrize("divider", [*WELL_FORMED, *UNTERMINATED], ids=ascii)
def test_a_divider_inside_a_secret_is_redacted_and_others_are_kept(divider: str) -> None:
    redact = Redactor()
    redact.add("s3cr3t-token")
    assert (
        redact(f"{divider}a s3c{divider}r3t-to{divider}{divider}ken b{divider}")
        == f"{divider}a *** b{divider}"
    )


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        pytest.param(
            "\x1b]8;;https://x/?t=s3cr3t-token\x07here\x1b]8;;\x07",
            "\x1b]8;;https://x/?t=***\x07here\x1b]8;;\x07",
            id="inside-a-link",
        ),
        pytest.param("\x1b]0;s3cr3t-\x1b[1mtoken\x07", "\x1b]0;***\x07", id="divided-inside-a-title"),
        pytest.param("s3cr3t-\ntoken s3cr3t-\ttoken", "s3cr3t-\ntoken s3cr3t-\ttoken", id="visible-dividers"),
        pytest.param("dTpzM2NyM3Q\x1b[0mtdG9rZW4=", "dTp***", id="base64"),
        pytest.param("s3cr3t%2\x1b[0mDtoken", "***", id="url"),
    ],
)
def test_other_divided_secrets(text: str, redacted: str) -> None:
    redact = Redactor()
    redact.add("s3cr3t-token")
    assert redact(text) == redacted


def test_hundreds_of_secrets_with_a_common_beginning_are_all_removed() -> None:
    redact = Redactor()
    secrets = [
        f"https://hooks.example.com/services/{number:04x}{'&' * (number % 3)}end" for number in range(300)
    ]
    for secret in secrets:
        redact.add(secret)
    for secret in secrets:
        for spelled in (secret, json.dumps(secret), quote(secret, safe=""), secret.encode().hex()):
            assert "end" not in redact(f"see {spelled}.").replace("%", ""), spelled


def test_the_longest_of_several_secrets_with_the_same_beginning_is_removed() -> None:
    redact = Redactor()
    for secret in ("password", "password-of-the-database", "password-of"):
        redact.add(secret)
    assert redact("password-of-the-database, password-of-all, password") == "***, ***-all, ***"
