"""PURE: environment variables: from dotenv text to the one request that sets them, and what is said of it. Never a value.

Source: coolify-api 5.9.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dotenv.parser import Binding, parse_stream
from pydantic import SecretStr

from deployer.model import RefusedError
from deployer.providers.coolify.api.versions import Version
from deployer.providers.payload import Row

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
NEWLINE = re.compile(r"\r\n|\n|\r")
CUT_OFF = re.compile(r"""\s*(?:export\s+)?[^=\s]+\s*=[^\S\n]*[^\s'"#][^\n]*?\s(#.*)""")
PART_OF_VALUE = re.compile(r"""#\S|["'}\])]""")
MAX_LISTED_ERRORS = 10
"""Mistakes; who has more has given the wrong file."""

DATABASES = "4.0.0-beta.469"
FLAGS_KEPT = "4.0.0-beta.435"
"""Before it the flags of a multi-line variable are lost on their way, and the server answers 500 (coolify-api 5.9 quirk 1)."""

FLAGS = ("is_literal", "is_multiline", "is_shown_once")
BUILD_FLAGS = ("is_buildtime", "is_build_time")
"""One flag, under the new and the old name: bulk ignores the one that it does not know (coolify-api 5.9 quirk 2)."""


# --- from text


def parse(text: str) -> dict[str, SecretStr]:
    """Each key with its value; nothing is expanded. Raises ValueError with every mistake, by line number and without any of the text."""
    first: dict[str, int] = {}
    values: dict[str, SecretStr] = {}
    mistakes: list[str] = []
    for line, binding in _numbered(text.removeprefix("\ufeff")):
        mistake = _mistake(binding)
        key = binding.key or ""
        if not mistake and key in first:
            mistake = f"has the same key as line {first[key]}"
        if mistake:
            mistakes.append(f"line {line} {mistake}")
            continue
        first[key], values[key] = line, SecretStr(binding.value or "")
    if mistakes:
        more = f"; and {len(mistakes) - MAX_LISTED_ERRORS} more" if len(mistakes) > MAX_LISTED_ERRORS else ""
        raise ValueError("; ".join(mistakes[:MAX_LISTED_ERRORS]) + more)
    return values


def cut_off(text: str, *, surely: bool = False) -> list[int]:
    """The lines whose unquoted value ends before a ` #`, because what follows is a comment.

    `surely`: only where the comment looks like a part of the value: nothing but a letter follows the `#`, or it holds a quote or bracket.
    """
    found = [
        (line, CUT_OFF.match(binding.original.string))
        for line, binding in _numbered(text.removeprefix("\ufeff"))
    ]
    return [line for line, match in found if match and (not surely or PART_OF_VALUE.search(match[1]))]


def _numbered(text: str) -> Iterator[tuple[int, Binding]]:
    """Every assignment and mistake, with the line where it begins: the parser's own count takes in the empty lines before it."""
    line, counted, position = 1, 0, 0
    for binding in parse_stream(io.StringIO(text)):
        string = binding.original.string
        start = position + len(string) - len(string.lstrip())
        line += len(NEWLINE.findall(text, counted, start))
        counted, position = start, position + len(string)
        if binding.key is not None or binding.error:
            yield line, binding


def _mistake(binding: Binding) -> str:
    if binding.error or binding.key is None or binding.value is None:
        return "is no KEY=value (a value of several lines must stand in quotes)"
    if not KEY.fullmatch(binding.key):
        return "has a key that Coolify refuses: letters, digits, _ and . only, and no digit first"
    if "\0" in binding.value:
        return "has a value with a NUL character, which no variable can hold"
    if any("\ud800" <= character <= "\udfff" for character in binding.value):
        return "has a value that is not UTF-8"
    return ""


# --- to what is sent


@dataclass(frozen=True, slots=True)
class EnvChange:
    """One bulk request. Without `body` there is nothing to send."""

    body: dict[str, list[Row]] = field(default_factory=dict, repr=False)
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    preview: bool = False
    note: str = ""

    @property
    def summary(self) -> str:
        """How many, and which; what stays is only counted."""
        counts = (("added", self.added), ("changed", self.changed))
        parts = [f"{len(keys)} {word}" + (f" ({', '.join(keys)})" if keys else "") for word, keys in counts]
        return f"{'preview ' if self.preview else ''}variables: {', '.join(parts)}, {len(self.unchanged)} kept{self.note}"


def plan(
    wished: Mapping[str, SecretStr],
    rows: Iterable[Row],
    kind: str,
    version: Version,
    *,
    preview: bool = False,
) -> EnvChange:
    """What is to be sent, from what the resource has. Raises RefusedError where this version can't do it."""
    _check(kind, version, preview=preview)
    there = {
        row["key"]: row
        for row in rows
        if isinstance(row.get("key"), str) and bool(row.get("is_preview")) is preview
    }
    sorts: dict[str, list[str]] = {"added": [], "changed": [], "kept": []}
    items: list[Row] = []
    for key, secret in wished.items():
        value, row = secret.get_secret_value(), there.get(key)
        sort = (
            "added"
            if row is None
            else "kept"
            if "value" in row and stored(row["value"]) == stored(value)
            else "changed"
        )
        sorts[sort].append(key)
        if sort != "kept":
            items.append(_item(key, value, row or {}, kind, preview=preview))
    if kind == "application" and version.before(FLAGS_KEPT):
        _check_flags(items)
    warnings = [*_mangled(wished, items), *_unseen([there[key] for key in sorts["changed"]])]
    copied = kind == "application" and not preview and bool(sorts["added"])
    note = "; Coolify makes a copy of each new one for previews" if copied else ""
    added, changed, kept = (tuple(sorts[name]) for name in ("added", "changed", "kept"))
    return EnvChange({"data": items} if items else {}, added, changed, kept, tuple(warnings), preview, note)


def stored(value: Any) -> str | None:
    """What the server makes of a value: trimmed, and nothing of an empty one (coolify-api 5.9 quirk 6)."""
    return str(value).strip() or None if value is not None else None


def _check(kind: str, version: Version, *, preview: bool) -> None:
    if preview and kind != "application":
        raise RefusedError(f"a {kind} has no preview, and so no preview variables: leave `pr` or `env` away")
    if kind == "database" and version.before(DATABASES):
        raise RefusedError(
            f"Coolify {version.text} can't set a database's variables through its API: that came with {DATABASES}"
        )


def _check_flags(items: Iterable[Row]) -> None:
    """Also of new ones, and of those that have several lines only now."""
    if marked := [item["key"] for item in items if item["is_multiline"] or item["is_shown_once"]]:
        raise RefusedError(
            f"Coolify before {FLAGS_KEPT} can't set a variable that is multi-line or shown only once through its API: "
            f"set {', '.join(marked)} in Coolify, or update Coolify"
        )


def _item(key: str, value: str, row: Row, kind: str, *, preview: bool) -> Row:
    """One entry with every flag as it is: what is left out is reset, or breaks the server (coolify-api 5.9 quirk 1)."""
    item: Row = {"key": key, "value": value, **{flag: bool(row.get(flag)) for flag in FLAGS}}
    item["is_multiline"] = item["is_multiline"] or len(value.strip().splitlines()) > 1
    if kind != "application":
        return item
    item["is_preview"] = preview
    build = next((row[flag] for flag in BUILD_FLAGS if row.get(flag) is not None), None)
    if build is not None:
        item |= dict.fromkeys(BUILD_FLAGS, bool(build))
    if row.get("is_runtime") is not None:
        item["is_runtime"] = bool(row["is_runtime"])
    return item if row.get("comment") is None else {**item, "comment": row["comment"]}


def _mangled(wished: Mapping[str, SecretStr], items: Iterable[Row]) -> list[str]:
    sent = [(item["key"], wished[item["key"]].get_secret_value()) for item in items]
    empty = [key for key, value in sent if not value.strip()]
    edged = [key for key, value in sent if value.strip() and value != value.strip()]
    told = []
    if edged:
        told.append(
            f"{', '.join(edged)}: Coolify cuts blanks and line breaks off both ends of a value (a key file loses its last one)"
        )
    if empty:
        told.append(f"{', '.join(empty)}: Coolify keeps an empty value as none at all")
    return told


def _unseen(rows: list[Row]) -> list[str]:
    """Why some count as changed although they may be the same."""
    once = [row["key"] for row in rows if "value" not in row and row.get("is_shown_once")]
    unread = [row["key"] for row in rows if "value" not in row and not row.get("is_shown_once")]
    told = []
    if unread:
        told.append(
            f"{', '.join(unread)}: counted as changed, because the token may not read what is there (read:sensitive)"
        )
    if once:
        told.append(f"{', '.join(once)}: counted as changed, because Coolify shows such a value only once")
    return told
