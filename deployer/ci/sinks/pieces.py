"""A line that is too long for a CI system's log, in pieces."""

from __future__ import annotations

import re

LONGEST = 8192
"""Characters of one line: GitHub's runner hangs on one of megabytes (actions/runner#3582). Escaped, each may become six."""

_COLOUR = 32
"""Characters at the end of a piece in which the beginning of a colour sequence is looked for."""

_UNFINISHED = re.compile(r"(?:\x1b\[?|\x9b)[0-9;:]*$")


def pieces(line: str) -> list[str]:
    """Cut it, but not within a colour sequence. The line must be redacted: half a secret is no longer recognized."""
    found, at = [], 0
    while len(line) - at > LONGEST:
        unfinished = _UNFINISHED.search(line, at + LONGEST - _COLOUR, at + LONGEST)
        end = unfinished.start() if unfinished else at + LONGEST
        found.append(line[at:end])
        at = end
    return [*found, line[at:]]
