"""Every known secret is taken out of text on its way out, and only what is redacted is ever cut."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

from deployer.ci.output.halves import Halves
from deployer.ci.output.spellings import Finder
from deployer.ci.output.text import lines

_MIN_SECRET_CHARS = 8
_STARS = "***"


class Redactor:
    """Replaces secrets by `***`, wherever they stand, however they are spelled, and whatever invisible divides them.

    CI systems mask too, but most only what they hold themselves, and none of them everything (ci-formats 0 rule 5).
    """

    def __init__(self) -> None:
        self._secrets = _Known()
        self._all = _Known()

    def add(self, secret: str) -> None:
        """Keep this secret from now on, and each of its lines. Shorter than eight characters is ignored: it would blank innocent words."""
        self._secrets.add(secret)
        self._all.add(secret)

    def hide(self, value: str) -> None:
        """The same, but only in what we pass on from outside: our own words and outputs may well hold it (a commit, an address)."""
        self._all.add(value)

    def __call__(self, text: str) -> str:
        return self._secrets.taken_out(text)

    def passed_on(self, text: str, *, head: int = 0, tail: int = 0) -> str:
        """Without the secrets, and without what is hidden in untrusted text; nor so many characters at either end: half a secret."""
        return self._all.taken_out(text, head, tail)

    def may_go_on(self, text: str) -> bool:
        """Whether the end of the text may be the first half of such a secret."""
        return self._all.halves().may_go_on(text)

    def cut_between(self, before: str, after: str) -> tuple[int, int]:
        """Characters at the end of one text and at the beginning of the next that are such a secret, cut in two; else none."""
        return self._all.halves().cut(before, after)

    def cut(self, text: str, limit: int, *, end: bool = True) -> str:
        """At most so many characters, redacted: of what is longer the beginning, and with `end` its end too.

        The one place where text is cut. Half a secret would be found by nobody who looks for it, so nothing is cut before it is redacted.
        """
        clean = self(text)
        if len(clean) <= limit:
            return clean
        if not end or limit < 1:
            return clean[: max(limit, 0)]
        kept = (limit - 1) // 3
        return f"{clean[: limit - 1 - kept]}…{clean[len(clean) - kept :]}"


class _Known:
    """Values to be taken out, and what finds them: made when it is first needed."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._finder: Finder | None = None
        self._halves: Halves | None = None

    def halves(self) -> Halves:
        self._halves = self._halves or Halves(self._values)
        return self._halves

    def add(self, secret: str) -> None:
        squeezed = " ".join(secret.split())  # as a sentence in one line holds it
        values = {
            value
            for value in (secret.strip(), squeezed, *map(str.strip, lines(secret)))
            if len(value) >= _MIN_SECRET_CHARS
        }
        if not values <= self._values:
            self._values |= values
            self._finder = self._halves = None

    def taken_out(self, text: str, head: int = 0, tail: int = 0) -> str:
        if not self._values or (len(text) < _MIN_SECRET_CHARS and not head and not tail):
            return text
        self._finder = self._finder or Finder(self._values)
        found = list(self._finder.spans(text))
        if _is_divided(text):
            found += _divided(self._finder, text)
        found += [each for each in ((0, head), (len(text) - tail, len(text))) if each[0] < each[1]]
        return _starred(text, found) if found else text


def _starred(text: str, found: list[tuple[int, int]]) -> str:
    """What overlaps becomes one mark: of two secrets that do, no tail may stay. What divided a secret goes with it."""
    parts: list[str] = []
    end = 0
    for begin, until in sorted(found):
        if begin >= end:
            parts += [text[end:begin], _STARS]
        end = max(end, until)
    return "".join((*parts, text[end:]))


# --- What divides a secret, and is not seen

_INVISIBLE = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Controls, and what has no width or turns the writing: Unicode's Default_Ignorable_Code_Point, too. Line breaks and tabs are seen."""

_DIVIDING = re.compile(f"[{_INVISIBLE}]")
_SPELLED = re.compile(r"\\(?:u001[bB]|x1[bB]|033|e)\[")
"""The beginning of a colour, as JSON and programs spell it."""

_BODY = "[0-?]*[ -/]*[@-~]"
_STRING = "[^\x07\x1b\x9c\r\n]*(?:\x07|\x1b\\\\|\x9c)"
_BEGINNING = rf"[\\{_INVISIBLE}]"  # one set of characters: what is no beginning is passed over quickly
_NONE_OF_THEM = r"(?<![\x1b\x9b\\])"
_SEQUENCE = rf"(?<=\x1b)(?:\[{_BODY}|[ -/]*[0-~])?|(?<=\x9b)(?:{_BODY})?|(?<=\\)(?:u001[bB]|x1[bB]|033|e)\[{_BODY}|{_NONE_OF_THEM}"
_COMMON = re.compile(r"\x1b\[[0-9;:]*[mK]")
"""Colors, and what erases the rest of a line: most logs hold nothing else."""

_READINGS = (
    re.compile(
        rf"{_BEGINNING}(?:(?<=\x1b)[\]PX^_]{_STRING}|(?<=[\x90\x98\x9d-\x9f]){_STRING}|{_SEQUENCE})"
    ),  # as a terminal does
    re.compile(f"{_BEGINNING}(?:{_SEQUENCE})"),  # a title or a link may hold a secret itself
    re.compile(
        rf"{_BEGINNING}(?:(?<=\x1b)(?:\[[0-?]*|\][0-9;]*)?|(?<=\x9b)[0-?]*|{_NONE_OF_THEM})"
    ),  # a sequence without its last letter
    re.compile(rf"{_BEGINNING}(?:(?<=\x1b)[\[\]]?|(?<=\x9b)|{_NONE_OF_THEM})"),  # and one that only begins
)
"""ECMA-48 (https://ecma-international.org/publications-and-standards/standards/ecma-48/), read in every way in which people might."""


def _divided(finder: Finder, text: str) -> Iterator[tuple[int, int]]:
    """Where secrets stand in the text, once what divides them is left out; in each way of reading that."""
    seen = {text}
    for reading in (_COMMON, _READINGS[-1]) if not _is_divided(_COMMON.sub("", text)) else _READINGS:
        bare = reading.sub("", text)
        if bare not in seen and (spans := list(finder.spans(bare))):
            origin = _origin(reading, text)
            yield from ((origin(begin), origin(end - 1) + 1) for begin, end in spans)
        seen.add(bare)


def _is_divided(text: str) -> bool:
    return bool(_DIVIDING.search(text) or _SPELLED.search(text))


def _origin(reading: re.Pattern[str], text: str) -> Callable[[int], int]:
    """Tells where a character stood before what divides was left out."""
    starts, removed = [0], [0]
    for match in reading.finditer(text):
        starts.append(match.start() - removed[-1])
        removed.append(match.end() - starts[-1])
    return lambda at: at + removed[bisect_right(starts, at) - 1]
