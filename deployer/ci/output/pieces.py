"""Splits lines that are too long for a CI system's log."""

from __future__ import annotations

import re

MAX_PIECE_CHARS = 8192
"""The longest line: GitHub's runner hangs on lines of megabytes (actions/runner#3582).

Escaping can make each character six.
"""

_MAX_COLOR_CHARS = 32
"""How much of the end of a piece is searched for the beginning of a color sequence."""

_UNFINISHED = re.compile(r"(?:\x1b\[?|\x9b)[0-9;:]*$")


def pieces(line: str) -> list[str]:
    """Split a line, but never inside of a color sequence.

    It must be redacted already: redaction would miss half a secret.
    """
    if len(line) <= MAX_PIECE_CHARS:
        return [line]
    found, at = [], 0
    while len(line) - at > MAX_PIECE_CHARS:
        unfinished = _UNFINISHED.search(line, at + MAX_PIECE_CHARS - _MAX_COLOR_CHARS, at + MAX_PIECE_CHARS)
        end = unfinished.start() if unfinished else at + MAX_PIECE_CHARS
        found.append(line[at:end])
        at = end
    return [*found, line[at:]]
