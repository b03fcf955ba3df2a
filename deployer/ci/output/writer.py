"""The one writer of stdout: a line at a time, as bytes, without secrets, and never an error of its own (ci-formats 0 rules 1, 2)."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable

from deployer.ci.output.outlet import Outlet, Stream
from deployer.ci.output.redact import Redactor
from deployer.ci.output.text import one_line

_CLEAR = "\r\x1b[2K"
_DEFAULT_COLUMNS = 80


class Writer:
    """Lines to a stream. A stdout that is closed or full must not end the watch: nothing here raises, what can't be written is dropped."""

    def __init__(
        self,
        stream: Stream,
        redact: Redactor,
        *,
        terminal: bool = False,
        columns: Callable[[], int] | None = None,
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        """With `terminal` there is a status line, as wide as `columns` says (by default: as the stream's terminal says).

        `has_room`: whether the stream takes more of what may be left out.
        """
        self.redact = redact
        self.has_room = has_room
        self._stream = stream
        self._outlet = Outlet(stream)
        self._terminal = terminal
        self._columns = columns or self._terminal_columns
        self._status_shown = False

    def line(self, text: str) -> None:
        """Write exactly one line, redacted. Line breaks inside become spaces."""
        self.command(one_line(self.redact(text)))

    def command(self, text: str) -> None:
        """Write a line of our own making as it is: a mask holds its secret, GitLab's section marker its CR. Only LF becomes a space."""
        self._send(self._cleared() + text.replace("\n", " ") + "\n")

    def status(self, text: str) -> None:
        """Draw the live status line, over the one before. Nothing without a terminal."""
        if self._terminal:
            self._send(_CLEAR + _cut(self.redact(_still(one_line(self.redact(text)))), self._columns() - 1))
            self._status_shown = True

    def _cleared(self) -> str:
        shown, self._status_shown = self._status_shown, False
        return _CLEAR if shown else ""

    def _send(self, text: str) -> None:
        self._outlet.send(text.encode("utf-8", "replace"))

    def _terminal_columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or _DEFAULT_COLUMNS
        except (OSError, ValueError):
            return _DEFAULT_COLUMNS


def _still(text: str) -> str:
    """Take out what would move the cursor or turn the writing."""
    return "".join(
        character
        for character in text
        if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    )


def _cut(text: str, columns: int) -> str:
    """Keep what fits: most of what China, Japan and Korea write takes two columns, an accent none."""
    width = 0
    for at, character in enumerate(text):
        wide = unicodedata.east_asian_width(character) in "WF"
        width += 0 if unicodedata.category(character) in ("Mn", "Me") else 1 + wide
        if width > columns:
            return text[:at]
    return text
