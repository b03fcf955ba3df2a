"""PURE: finds secrets in every encoding that servers and tools use.

Plain, URLs, JSON, HTML, GitHub commands, base64, hex.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
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
    """Finds every spelling of every secret. Hundreds of them cost hardly more than one.

    A text is sampled in steps: a spelling that starts anywhere has one of the parts of its beginning at some
    step, and the parts are in a table. Behind each part is a tree of the spellings that begin with it.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        spelled = {
            spelling: len(secret) for secret in sorted(secrets, key=len) for spelling in _spellings(secret)
        }
        self._trees: dict[str, _Tree] = {}
        """By the part with which a spelling begins."""
        self._parts: dict[str, set[int]] = {}
        """At which offsets from the beginning each part may occur."""
        for spelling, chars in spelled.items():
            for beginning, used in _beginnings(spelling):
                rest = _Rest(beginning[_PART_CHARS:], spelling, used, chars)
                self._trees.setdefault(beginning[:_PART_CHARS], _Tree(0)).add(rest)
                for offset in range(_STEP):
                    self._parts.setdefault(beginning[offset : offset + _PART_CHARS], set()).add(offset)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Every match, including overlapping ones; at each position that of the longest secret."""
        for start in range(0, len(text) - _PART_CHARS + 1, _CHUNK_CHARS):
            chunk = text[start : start + _CHUNK_CHARS]
            steps = _SLICES[: len(chunk) // _STEP]
            parts = list(map(chunk.__getitem__, steps))
            for part in self._parts.keys() & parts:
                for step, each in enumerate(parts):
                    if each == part:
                        for offset in self._parts[part]:
                            at = start + step * _STEP - offset
                            if end := self._end(text, at):
                                yield at, end

    def _end(self, text: str, at: int) -> int:
        """Where the longest secret that begins here ends; 0 if none begins here."""
        tree = self._trees.get(text[at : at + _PART_CHARS]) if at >= 0 else None
        return tree.end(text, at + _PART_CHARS) if tree else 0


class _Rest(NamedTuple):
    """What follows the first part of a spelling."""

    beginning: str
    """As text, which may be one of several ways to write the first characters."""
    spelling: Spelling
    used: int
    """How many characters of the secret the beginning covers."""
    chars: int
    """The length of the secret."""

    def choices(self, depth: int) -> tuple[str, ...] | None:
        """The alternatives at this depth of the tree; None behind the last one."""
        if depth == 0:
            return (self.beginning,)
        at = self.used + depth - 1
        return self.spelling.choices[at] if at < len(self.spelling.choices) else None


class _Tree:
    """What may follow a common beginning of several spellings.

    Each level is only built when a text first reaches it: few ever are.
    """

    __slots__ = ("branches", "complete", "depth", "rests")

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.rests: list[_Rest] = []
        self.complete: list[_Rest] = []
        self.branches: dict[tuple[str, ...], _Tree] = {}

    def add(self, rest: _Rest) -> None:
        """Add one more spelling, which has the same beginning."""
        self.rests.append(rest)

    def end(self, text: str, at: int) -> int:
        """Where the longest secret ends whose spelling continues here; 0 if none does."""
        longest = (0, 0, 0)
        reached: list[tuple[_Tree, int]] = [(self, at)]
        while reached:
            tree, at = reached.pop()
            tree.grow()
            for rest in tree.complete:
                if end := _tail_end(rest.spelling.tail, text, at):
                    longest = max(longest, (rest.chars, len(rest.spelling.choices), end))
            for choices, branch in tree.branches.items():
                reached += [(branch, at + len(each)) for each in choices if text.startswith(each, at)]
        return longest[-1]

    def grow(self) -> None:
        """Build this level: a branch for each way in which the spellings continue."""
        for rest in self.rests:
            choices = rest.choices(self.depth)
            if choices is None:
                self.complete.append(rest)
            else:
                self.branches.setdefault(choices, _Tree(self.depth + 1)).add(rest)
        self.rests = []


def _tail_end(tail: str, text: str, at: int) -> int:
    """Where the expression for the end of a spelling matches; 0 if it does not."""
    if not tail:
        return at
    match = re.compile(tail).match(text, at)
    return match.end() if match else 0


def _beginnings(spelling: Spelling) -> Iterator[tuple[str, int]]:
    """The texts that a spelling may start with, and how many characters of the secret each covers."""
    begun = [("", 0)]
    while begun:
        text, used = begun.pop()
        if len(text) < _BEGINNING:
            begun += [(text + each, used + 1) for each in spelling.choices[used]]
        else:
            yield text, used


def _either(expressions: Iterable[str]) -> str:
    several = tuple(expressions)
    return f"(?:{'|'.join(several)})" if len(several) > 1 else several[0]


def _spellings(secret: str) -> Iterator[Spelling]:
    """Every spelling uses one kind of escapes: mixing them would match in exponentially many ways."""
    yield Spelling(tuple((character,) for character in secret))
    for encode in (_url, _url_in_url, _json, _json_in_json, _html):
        yield Spelling(tuple(_choices(encode, character) for character in secret))
    raw = secret.encode("utf-8", "replace")
    yield from (Spelling(tuple((digit,) for digit in digits)) for digits in (raw.hex(), raw.hex().upper()))
    yield from (_base64(raw, offset) for offset in range(3))


@cache
def _choices(encode: Callable[[str], set[str]], character: str) -> tuple[str, ...]:
    """The ways in which one encoding writes a character, longest first."""
    return tuple(sorted(encode(character), key=lambda one: (-len(one), one)))


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
