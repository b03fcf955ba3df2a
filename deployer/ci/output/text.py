"""PURE: splits text into lines, and makes control characters visible."""

from __future__ import annotations

import re

_BREAK = re.compile(r"\r\n|\n|\r")

COLOR = re.compile(r"(?:\x1b\[|\x9b)[0-9;:]*m")

# Control characters except tab, and those that change the writing direction (https://trojansource.codes).
_CONTROLS = "\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_INVISIBLE = re.compile(f"[\n\r{_CONTROLS}]")
_INVISIBLE_BUT_COLORS = re.compile(rf"\x1b\[[0-9;:]*m|[{_CONTROLS}]")


def is_plain(line: str) -> bool:
    """Whether a line has nothing that any CI system would interpret. True for most lines, and cheap."""
    return line.isascii() and line.isprintable() and "::" not in line and "##" not in line


def visible(line: str) -> str:
    r"""Replace invisible characters, including line breaks, by visible escapes: ESC becomes `\x1b`."""
    return _INVISIBLE.sub(_shown, line)


def visible_but_colors(text: str) -> str:
    """Replace invisible characters by visible escapes, except line breaks and colors that start with ESC.

    Color sequences that start with the single byte 0x9B are replaced as well: no log interprets them.
    """
    return _INVISIBLE_BUT_COLORS.sub(lambda found: found[0] if len(found[0]) > 1 else _shown(found), text)


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 -- the last one-byte character


def lines(text: str) -> list[str]:
    r"""Split as CI systems do: at `\n`, `\r\n` and a bare `\r` only (ci-formats 0 rule 3).

    A final line break starts no new line.

        `str.splitlines` would also split at form feeds and U+2028, which no CI system does.
    """
    if "\n" not in text and "\r" not in text:
        return [text]
    parts = _BREAK.split(text)
    return parts[:-1] if len(parts) > 1 and not parts[-1] else parts


def one_line(text: str) -> str:
    """Replace line breaks by single spaces."""
    return re.sub(r"[\r\n]+", " ", text) if "\n" in text or "\r" in text else text
