"""Removes every known secret from a text. Only redacted text is ever cut."""

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
    """Replaces secrets by `***`, however they are encoded, and whatever invisible characters split them.

    CI systems also mask, but most only their own secrets, and none in every encoding (ci-formats 0 rule 5).
    """

    def __init__(self) -> None:
        self._secrets = _Known()
        self._all = _Known()

    def add(self, secret: str) -> None:
        """Redact this secret from now on, and each of its lines.

        Anything below eight characters is ignored: it would blank innocent words.
        """
        self._secrets.add(secret)
        self._all.add(secret)

    def add_for_untrusted(self, value: str) -> None:
        """Redact this value in untrusted text only.

        Our own messages and outputs may contain it (a commit, a URL).
        """
        self._all.add(value)

    def __call__(self, text: str) -> str:
        return self._secrets.removed_from(text)

    def untrusted(self, text: str, *, head: int = 0, tail: int = 0) -> str:
        """Untrusted text without secrets and hidden values.

        `head` and `tail` characters at its ends are removed as well: they are parts of a split secret.
        """
        return self._all.removed_from(text, head, tail)

    def may_continue(self, text: str) -> bool:
        """Whether the end of the text may be the first part of a secret."""
        return self._all.halves().may_continue(text)

    def split_secret(self, before: str, after: str) -> tuple[int, int]:
        """How many characters at the end of `before` and at the start of `after` belong to one secret."""
        return self._all.halves().cut(before, after)

    def cut(self, text: str, limit: int, *, end: bool = True) -> str:
        """The text redacted, and at most `limit` characters: the beginning, and with `end` also the end.

        The only place where text is cut: redaction would miss half a secret.
        """
        clean = self(text)
        if len(clean) <= limit:
            return clean
        if not end or limit < 1:
            return clean[: max(limit, 0)]
        kept = (limit - 1) // 3
        return f"{clean[: limit - 1 - kept]}…{clean[len(clean) - kept :]}"


class _Known:
    """Values to remove, and their finder, which is created when it is first needed."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._finder: Finder | None = None
        self._halves: Halves | None = None

    def halves(self) -> Halves:
        self._halves = self._halves or Halves(self._values)
        return self._halves

    def add(self, secret: str) -> None:
        squeezed = " ".join(secret.split())  # as it appears in a message of one line
        values = {
            value
            for value in (secret.strip(), squeezed, *map(str.strip, lines(secret)))
            if len(value) >= _MIN_SECRET_CHARS
        }
        if not values <= self._values:
            self._values |= values
            self._finder = self._halves = None

    def removed_from(self, text: str, head: int = 0, tail: int = 0) -> str:
        if not self._values or (len(text) < _MIN_SECRET_CHARS and not head and not tail):
            return text
        self._finder = self._finder or Finder(self._values)
        found = list(self._finder.spans(text))
        if _is_split(text):
            found += _split_secrets(self._finder, text)
        found += [each for each in ((0, head), (len(text) - tail, len(text))) if each[0] < each[1]]
        return _starred(text, found) if found else text


def _starred(text: str, found: list[tuple[int, int]]) -> str:
    """Overlapping matches become one mark, so that no part of either remains.

    Characters that split a secret are removed with it.
    """
    parts: list[str] = []
    end = 0
    for begin, until in sorted(found):
        if begin >= end:
            parts += [text[end:begin], _STARS]
        end = max(end, until)
    return "".join((*parts, text[end:]))


# --- Secrets that are split by invisible characters

_INVISIBLE = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Control characters, zero-width ones, and those that change the writing direction.

Includes Unicode's Default_Ignorable_Code_Point, but not line breaks and tabs, which are visible.
"""

_SPLITTING = re.compile(f"[{_INVISIBLE}]")
_SPELLED = re.compile(r"\\(?:u001[bB]|x1[bB]|033|e)\[")
"""The beginning of a color sequence, as JSON and programs escape it."""

_BODY = "[0-?]*[ -/]*[@-~]"
_STRING = "[^\x07\x1b\x9c\r\n]*(?:\x07|\x1b\\\\|\x9c)"
_BEGINNING = rf"[\\{_INVISIBLE}]"  # a single character class, so that anything else is skipped quickly
_NONE_OF_THEM = r"(?<![\x1b\x9b\\])"
_SEQUENCE = (
    rf"(?<=\x1b)(?:\[{_BODY}|[ "
    rf"-/]*[0-~])?|(?<=\x9b)(?:{_BODY})?|(?<=\\)(?:u001[bB]|x1[bB]|033|e)\[{_BODY}|{_NONE_OF_THEM}"
)
_COMMON = re.compile(r"\x1b\[[0-9;:]*[mK]")
"""Colors, and erasing the rest of a line: most logs contain nothing else."""

_READINGS = (
    # As a terminal reads it.
    re.compile(rf"{_BEGINNING}(?:(?<=\x1b)[\]PX^_]{_STRING}|(?<=[\x90\x98\x9d-\x9f]){_STRING}|{_SEQUENCE})"),
    # A title or a link may contain a secret itself.
    re.compile(f"{_BEGINNING}(?:{_SEQUENCE})"),
    # A sequence without its final character.
    re.compile(rf"{_BEGINNING}(?:(?<=\x1b)(?:\[[0-?]*|\][0-9;]*)?|(?<=\x9b)[0-?]*|{_NONE_OF_THEM})"),
    # Only the beginning of a sequence.
    re.compile(rf"{_BEGINNING}(?:(?<=\x1b)[\[\]]?|(?<=\x9b)|{_NONE_OF_THEM})"),
)
"""The ways in which control sequences may be read.

https://ecma-international.org/publications-and-standards/standards/ecma-48/
"""


def _split_secrets(finder: Finder, text: str) -> Iterator[tuple[int, int]]:
    """Where secrets are in the text if invisible characters are ignored, for each way of reading those."""
    seen = {text}
    for reading in (_COMMON, _READINGS[-1]) if not _is_split(_COMMON.sub("", text)) else _READINGS:
        bare = reading.sub("", text)
        if bare not in seen and (spans := list(finder.spans(bare))):
            origin = _origin(reading, text)
            yield from ((origin(begin), origin(end - 1) + 1) for begin, end in spans)
        seen.add(bare)


def _is_split(text: str) -> bool:
    return bool(_SPLITTING.search(text) or _SPELLED.search(text))


def _origin(reading: re.Pattern[str], text: str) -> Callable[[int], int]:
    """A function from positions in the text without invisible characters to positions in the original."""
    starts, removed = [0], [0]
    for match in reading.finditer(text):
        starts.append(match.start() - removed[-1])
        removed.append(match.end() - starts[-1])
    return lambda at: at + removed[bisect_right(starts, at) - 1]
