"""A line that is too long for a CI system's log, in pieces."""

from __future__ import annotations

import re

MAX_PIECE_CHARS = 8192
"""Characters of one line: GitHub's runner hangs on one of megabytes (actions/runner#3582). Escaped, each may become six."""

_MAX_COLOR_CHARS = 32
"""Characters at the end of a piece in which the beginning of a colour sequence is looked for."""

_UNFINISHED = re.compile(r"(?:\x1b\[?|\x9b)[0-9;:]*$")


def pieces(line: str) -> list[str]:
    """Cut it, but not within a colour sequence. The line must be redacted: half a secret is no longer recognized."""
    found, at = [], 0
    while len(line) - at > MAX_PIECE_CHARS:
        unfinished = _UNFINISHED.search(line, at + MAX_PIECE_CHARS - _MAX_COLOR_CHARS, at + MAX_PIECE_CHARS)
        end = unfinished.start() if unfinished else at + MAX_PIECE_CHARS
        found.append(line[at:end])
        at = end
    return [*found, line[at:]]
