"""Text on its way out, split into lines."""

from __future__ import annotations

import re

_BREAK = re.compile(r"\r\n|\n|\r")

COLOR = re.compile(r"(?:\x1b\[|\x9b)[0-9;:]*m")

# What a terminal would obey, and what turns the writing (https://trojansource.codes). Tabs may stay.
_OBEYED = "\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_UNSEEN = re.compile(f"[\n\r{_OBEYED}]")
_UNSEEN_BUT_COLORS = re.compile(rf"\x1b\[[0-9;:]*m|[{_OBEYED}]")


def visible(line: str) -> str:
    r"""Show what nobody would see (ESC reads `\x1b`), line breaks too."""
    return _UNSEEN.sub(_shown, line)


def visible_but_colors(text: str) -> str:
    """The same for a log that shows colors; line breaks may stay. Colors of one byte (C1) are shown as the others: no log knows them."""
    return _UNSEEN_BUT_COLORS.sub(lambda found: found[0] if len(found[0]) > 1 else _shown(found), text)


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 — the last of the one-byte characters


def lines(text: str) -> list[str]:
    r"""Split as CI systems do: on `\n`, `\r\n` and a bare `\r`, on nothing else (ci-formats 0 rule 3). A break at the end begins no line.

    `str.splitlines` would also split on form feeds and U+2028, where no CI system does.
    """
    parts = _BREAK.split(text)
    return parts[:-1] if len(parts) > 1 and not parts[-1] else parts


def one_line(text: str) -> str:
    """Join with one space what line breaks divide."""
    return re.sub(r"[\r\n]+", " ", text)
