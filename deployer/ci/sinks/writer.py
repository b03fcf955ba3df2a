"""The one writer of stdout: a line at a time, as bytes, without secrets, and never an error of its own (ci-formats 0 rules 1, 2)."""

from __future__ import annotations

import os
import select
import unicodedata
from collections.abc import Callable
from typing import Protocol

from deployer.ci.sinks.text import Redactor, one_line

_CLEAR = "\r\x1b[2K"
_PATIENCE = 5  # seconds that a stdout which does not block may take nothing at all, before the line is given up
_USUAL_WIDTH = 80


class Stream(Protocol):
    """Best a raw one: what a buffered one could not write is tried again when the process ends, and turns a good exit code into 120."""

    def write(self, data: bytes, /) -> int | None: ...
    def flush(self) -> object: ...
    def fileno(self) -> int: ...


class Writer:
    """Lines to a stream. A stdout that is closed or full must not end the watch: nothing here raises, what can't be written is dropped."""

    def __init__(self, stream: Stream, redact: Redactor, *, terminal: bool = False, columns: Callable[[], int] | None = None) -> None:
        """With `terminal` there is a status line, as wide as `columns` says (by default: as the stream's terminal says)."""
        self.redact = redact
        self._stream = stream
        self._terminal = terminal
        self._columns = columns or self._terminal_columns
        self._status_shown = False
        self._torn = False
        self._gone = False
        self._patience = _PATIENCE

    def line(self, text: str) -> None:
        """Write exactly one line, redacted. Line breaks inside become spaces."""
        self.command(one_line(self.redact(text)))

    def command(self, text: str) -> None:
        """Write a line of our own making as it is: a mask holds its secret, GitLab's section marker its CR. Only LF becomes a space."""
        self._send(self._cleared() + text.replace("\n", " ") + "\n")

    def status(self, text: str) -> None:
        """Draw the live status line, over the one before. Nothing without a terminal."""
        if self._terminal:
            self._send(_CLEAR + _cut(self.redact(_still(one_line(text))), self._columns() - 1))
            self._status_shown = True

    def _cleared(self) -> str:
        shown, self._status_shown = self._status_shown, False
        return _CLEAR if shown else ""

    def _send(self, text: str) -> None:
        if self._gone:
            return
        # After half a line, the next one must not be read as its end: `##` and `[error]` would be a command.
        data = rest = (b"\n" if self._torn else b"") + text.encode("utf-8", "replace")
        try:
            while rest:
                rest = rest[self._taken(rest) :]
            self._stream.flush()
        except BrokenPipeError:
            self._gone = True
        except (OSError, ValueError):  # full, or closed: it may be better next time
            pass
        finally:
            self._torn = self._torn if rest == data else bool(rest)

    def _taken(self, data: bytes) -> int:
        """How much of it the stream took: raw ones may take a part, and those that don't block nothing for a while."""
        for seconds_left in range(self._patience, -1, -1):
            try:
                taken = self._stream.write(data)
            except BlockingIOError as full:
                taken = getattr(full, "characters_written", 0)
            if taken:
                self._patience = _PATIENCE
                return taken
            if seconds_left:
                select.select([], [self._stream], [], 1.0)
        self._patience = 0  # nobody reads: the next lines must not cost the watch as much again
        raise TimeoutError

    def _terminal_columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or _USUAL_WIDTH
        except (OSError, ValueError):
            return _USUAL_WIDTH


def _still(text: str) -> str:
    """Take out what would move the cursor or turn the writing."""
    return "".join(character for character in text if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))


def _cut(text: str, columns: int) -> str:
    """Keep what fits: most of what China, Japan and Korea write takes two columns, an accent none."""
    width = 0
    for at, character in enumerate(text):
        wide = unicodedata.east_asian_width(character) in "WF"
        width += 0 if unicodedata.category(character) in ("Mn", "Me") else 1 + wide
        if width > columns:
            return text[:at]
    return text
