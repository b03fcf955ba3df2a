"""PURE: finds secrets in every encoding that servers and tools use.

Plain, URLs, JSON, HTML, GitHub commands, base64, hex.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_PART_CHARS = _STEP = 4
_BEGINNING = _STEP - 1 + _PART_CHARS
"""Shorter than any spelling, and long enough to contain a whole part at some step, wherever it starts."""

_CHUNK_CHARS = 4096
_SLICES = [slice(at, at + _PART_CHARS) for at in range(0, _CHUNK_CHARS, _STEP)]


class Spelling(NamedTuple):
    """One encoding of a secret: the alternatives for each position, and an expression for what may follow."""

    choices: tuple[tuple[str, ...], ...]
    tail: str = ""


class Finder:
    """Finds every spelling of every secret. Thousands of them cost hardly more than one.

    A text is sampled in steps: a spelling that starts anywhere has one of the parts of its beginning at some
    step, and the parts are in a table.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        spelled = {
            spelling: len(secret)
            for secret in sorted(secrets, key=lambda one: (len(one), one))
            for spelling in _spellings(secret)
        }
        self._tails: dict[str, dict[str, None]] = {}
        self._patterns: dict[str, re.Pattern[str]] = {}
        self._parts: dict[str, set[int]] = {}
        """At which offsets from the beginning each part may occur."""
        for spelling in sorted(spelled, key=lambda each: (spelled[each], len(each.choices)), reverse=True):
            for beginning, rest in _begun(spelling):
                self._tails.setdefault(beginning[:_PART_CHARS], {})[
                    re.escape(beginning[_PART_CHARS:]) + rest
                ] = None
                for offset in range(_STEP):
                    self._parts.setdefault(beginning[offset : offset + _PART_CHARS], set()).add(offset)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Every match, including overlapping ones; at each position that of the longest secret."""
        for start in range(0, len(text) - _PART_CHARS + 1, _CHUNK_CHARS):
            chunk = text[start : start + _CHUNK_CHARS]
            steps = _SLICES[: len(chunk) // _STEP]
            if self._parts.keys().isdisjoint(map(chunk.__getitem__, steps)):
                continue
            for step in steps:
                for offset in self._parts.get(chunk[step], ()):
                    if match := self._matched(text, start + step.start - offset):
                        yield match.span()

    def _matched(self, text: str, at: int) -> re.Match[str] | None:
        head = text[max(at, 0) : at + _PART_CHARS]
        if head in self._tails and head not in self._patterns:
            self._patterns[head] = re.compile(re.escape(head) + _either(self._tails[head]))
        return self._patterns[head].match(text, at) if head in self._patterns else None


def _begun(spelling: Spelling) -> Iterator[tuple[str, str]]:
    """The texts that a spelling may start with, each with the expression for the rest."""
    begun = [("", 0)]
    while begun:
        text, used = begun.pop()
        if len(text) < _BEGINNING:
            begun += [(text + each, used + 1) for each in spelling.choices[used]]
        else:
            yield (
                text,
                "".join(_either(map(re.escape, texts)) for texts in spelling.choices[used:]) + spelling.tail,
            )


def _either(expressions: Iterable[str]) -> str:
    several = tuple(expressions)
    return f"(?:{'|'.join(several)})" if len(several) > 1 else several[0]


def _spellings(secret: str) -> Iterator[Spelling]:
    """Every spelling uses one kind of escapes: mixing them would match in exponentially many ways."""
    yield Spelling(tuple((character,) for character in secret))
    for spelled in (_url, _url_in_url, _json, _json_in_json, _html):
        yield Spelling(
            tuple(tuple(sorted(spelled(character), key=lambda one: (-len(one), one))) for character in secret)
        )
    raw = secret.encode("utf-8", "replace")
    yield from (Spelling(tuple((digit,) for digit in digits)) for digits in (raw.hex(), raw.hex().upper()))
    yield from (_base64(raw, offset) for offset in range(3))


def _is_plain(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _url(character: str) -> set[str]:
    """Percent-encoded, with digits in both cases.

    Encoders differ in what they leave unencoded; GitHub's commands escape very little.
    """
    upper = "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))
    if character == "%":
        return {upper}
    if _is_plain(character):
        return {character}
    return {character, upper, upper.lower()} | ({"+"} if character == " " else set())


def _url_in_url(character: str) -> set[str]:
    """Percent-encoded twice, as in the query of a login page."""
    return {once.replace("%", "%25") for once in _url(character)}


_JSON = {'"': {'\\"', '"'}, "'": {"'", "\\'"}, "\\": {"\\\\"}, "/": {"/", "\\/"}}
_JSON |= {"\n": {"\\n"}, "\r": {"\\r"}, "\t": {"\\t"}, "\b": {"\\b"}, "\f": {"\\f"}}


def _json(character: str) -> set[str]:
    r"""JSON escapes, also PHP's `\/`, the `\u0026` of Go and PHP, and Python's escaped quotes."""
    if _is_plain(character):
        return {character}
    units = character.encode("utf-16-be", "surrogatepass").hex()
    escaped = {re.sub("....", r"\\u\g<0>", cased) for cased in (units, units.upper())}
    return _JSON.get(character, {character}) | escaped


def _json_in_json(character: str) -> set[str]:
    """JSON inside of a JSON string, as in structured logs."""
    return {once.replace("\\", "\\\\").replace('"', '\\"') for once in _json(character)}


_HTML = {
    "&": {"&amp;"},
    "<": {"&lt;"},
    ">": {">", "&gt;"},
    '"': {'"', "&quot;"},
    "'": {"'", "&apos;", "&#039;"},
}


def _html(character: str) -> set[str]:
    if _is_plain(character):
        return {character}
    code = ord(character)
    return _HTML.get(character, {character}) | {f"&#{code};", f"&#x{code:x};", f"&#x{code:X};"}


_BASE64 = {"+": ("+", "-", "%2B", "%2b"), "/": ("/", "_", "\\/", "%2F", "%2f")}
"""Both alphabets, and how URLs and PHP's JSON encode the first one."""


def _base64(raw: bytes, offset: int) -> Spelling:
    """The base64 that only depends on this secret, if it starts `offset` bytes into a group of three."""
    code = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")[(0, 2, 3)[offset] :]
    choices = tuple(_BASE64.get(each, (each,)) for each in code)
    if (offset + len(raw)) % 3 == 0:
        return Spelling(choices)
    return Spelling(choices[:-1], f"(?:{_either(map(re.escape, choices[-1]))}(?:=|%3[Dd])*)?")
