"""PURE: environment variables, from dotenv text to the request that sets them (coolify-api 5.9).

No summary, warning or error ever shows a value.
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
"""With more mistakes, it is probably the wrong file."""

DATABASES_SINCE = "4.0.0-beta.469"
"""The first version that sets the variables of a database."""

FLAGS_SINCE = "4.0.0-beta.435"
"""The first version that keeps the flags of a multi-line variable.

Before, they are lost and the server responds with a 500 (coolify-api 5.9 quirk 1).
"""

FLAGS = ("is_literal", "is_multiline", "is_shown_once")
BUILD_FLAGS = ("is_buildtime", "is_build_time")
"""One flag under its new and old name: Coolify ignores the one it does not know (coolify-api 5.9 quirk 2)."""

CHANGES = ("added", "changed", "unchanged")
"""What can happen to a variable."""

# --- parsing


def parse(text: str) -> dict[str, SecretStr]:
    """The variables by key, without expansion.

    Raises ValueError with all mistakes, by line number and without any of the text.
    """
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


def cut_off(text: str, *, suspicious: bool = False) -> list[int]:
    """The lines whose unquoted value ends before a ` #`, because the rest is a comment.

    `suspicious`: only those whose comment looks like part of the value: no space follows the `#`, or it
    contains a quote or a bracket.
    """
    found = [
        (line, CUT_OFF.match(binding.original.string))
        for line, binding in _numbered(text.removeprefix("\ufeff"))
    ]
    return [line for line, match in found if match and (not suspicious or PART_OF_VALUE.search(match[1]))]


def _numbered(text: str) -> Iterator[tuple[int, Binding]]:
    """Every assignment and mistake, with the number of the line where it starts.

    The parser's own number is that of the first empty line before it.
    """
    line, counted, position = 1, 0, 0
    for binding in parse_stream(io.StringIO(text)):
        string = binding.original.string
        start = position + len(string) - len(string.lstrip())
        line += len(NEWLINE.findall(text, counted, start))
        counted, position = start, position + len(string)
        if binding.key is not None or binding.error:
            yield line, binding


def _mistake(binding: Binding) -> str:
    """What is wrong with a line; empty if it is valid."""
    if binding.error or binding.key is None or binding.value is None:
        return "is not KEY=value (a value of several lines must be quoted)"
    if not KEY.fullmatch(binding.key):
        return "has an invalid key: only letters, digits, _ and . are allowed, and no digit first"
    if "\0" in binding.value:
        return "has a value with a NUL character, which is not allowed"
    if any("\ud800" <= character <= "\udfff" for character in binding.value):
        return "has a value that is not UTF-8"
    return ""


# --- the request


@dataclass(frozen=True, slots=True)
class EnvChange:
    """The one bulk request that sets variables, and the keys by what happens to them."""

    body: dict[str, list[Row]] = field(default_factory=dict, repr=False)
    """What is sent; empty if nothing differs."""
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """What the user should know before it is sent."""
    preview: bool = False
    """They are the variables of previews."""
    note: str = ""
    """What else Coolify does, as the end of the summary."""

    @property
    def summary(self) -> str:
        """How many variables, and which; unchanged ones are only counted."""
        parts = []
        for word, keys in (("added", self.added), ("changed", self.changed)):
            names = f" ({', '.join(keys)})" if keys else ""
            parts.append(f"{len(keys)} {word}{names}")
        what = "preview variables" if self.preview else "variables"
        return f"{what}: {', '.join(parts)}, {len(self.unchanged)} unchanged{self.note}"


def plan(
    requested: Mapping[str, SecretStr],
    rows: Iterable[Row],
    kind: str,
    version: Version,
    *,
    preview: bool = False,
) -> EnvChange:
    """What is to be sent, compared with the variables that the resource has (`rows`).

    Raises RefusedError if this version or kind of resource does not support it.
    """
    _check(kind, version, preview=preview)
    current = {
        row["key"]: row
        for row in rows
        if isinstance(row.get("key"), str) and bool(row.get("is_preview")) is preview
    }
    changes = {key: _change(value.get_secret_value(), current.get(key)) for key, value in requested.items()}
    added, changed, unchanged = (
        tuple(key for key, each in changes.items() if each == change) for change in CHANGES
    )
    items = [
        _item(key, requested[key].get_secret_value(), current.get(key, {}), kind, preview=preview)
        for key in requested
        if key not in unchanged
    ]
    if kind == "application" and version.before(FLAGS_SINCE):
        _check_flags(items)
    warnings = (*_altered_values(requested, items), *_unreadable([current[key] for key in changed]))
    note = ""
    if kind == "application" and not preview and added:
        note = "; Coolify also creates a copy of each new one for previews"
    body = {"data": items} if items else {}
    return EnvChange(body, added, changed, unchanged, warnings, preview=preview, note=note)


def _change(value: str, row: Row | None) -> str:
    """What happens to a variable with this `row`, None if there is none, when it is set. One of CHANGES."""
    if row is None:
        return "added"
    return "unchanged" if "value" in row and stored(row["value"]) == stored(value) else "changed"


def stored(value: Any) -> str | None:
    """A value as Coolify stores it: trimmed, and null instead of an empty text (coolify-api 5.9 quirk 6)."""
    return str(value).strip() or None if value is not None else None


def _check(kind: str, version: Version, *, preview: bool) -> None:
    """Raises RefusedError if the variables of this kind of resource can't be set."""
    if preview and kind != "application":
        raise RefusedError(f"a {kind} has no previews, and so no preview variables. Remove `pr` or `env`")
    if kind == "database" and version.before(DATABASES_SINCE):
        raise RefusedError(
            f"Coolify {version.text} can't set the variables of a database through its API: "
            f"that requires {DATABASES_SINCE}"
        )


def _check_flags(items: Iterable[Row]) -> None:
    """Raises RefusedError if a variable would lose its flags."""
    if marked := [item["key"] for item in items if item["is_multiline"] or item["is_shown_once"]]:
        raise RefusedError(
            f"Coolify before {FLAGS_SINCE} can't set variables that are multi-line or shown only once "
            f"through its API. Set {', '.join(marked)} in Coolify, or update Coolify"
        )


def _item(key: str, value: str, row: Row, kind: str, *, preview: bool) -> Row:
    """One entry of the bulk request, with all flags unchanged.

    Coolify resets a missing flag, or fails because of it (coolify-api 5.9 quirk 1).
    """
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


def _altered_values(requested: Mapping[str, SecretStr], items: Iterable[Row]) -> list[str]:
    """Warnings about values that Coolify stores differently."""
    sent = [(item["key"], requested[item["key"]].get_secret_value()) for item in items]
    empty = [key for key, value in sent if not value.strip()]
    edged = [key for key, value in sent if value.strip() and value != value.strip()]
    warnings = []
    if edged:
        warnings.append(
            f"{', '.join(edged)}: Coolify removes spaces and line breaks at both ends of a value "
            "(a key file loses its last one)"
        )
    if empty:
        warnings.append(f"{', '.join(empty)}: Coolify stores an empty value as no value")
    return warnings


def _unreadable(rows: list[Row]) -> list[str]:
    """Warnings about variables that count as changed, although their values may be equal."""
    once = [row["key"] for row in rows if "value" not in row and row.get("is_shown_once")]
    unread = [row["key"] for row in rows if "value" not in row and not row.get("is_shown_once")]
    warnings = []
    if unread:
        warnings.append(
            f"{', '.join(unread)}: counted as changed, because the token may not read the current value "
            "(read:sensitive)"
        )
    if once:
        warnings.append(f"{', '.join(once)}: counted as changed, because Coolify shows the value only once")
    return warnings
