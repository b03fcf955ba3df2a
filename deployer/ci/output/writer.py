"""The only writer of stdout: one redacted line at a time, as bytes (ci-formats 0 rules 1, 2).

Never raises.
"""

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
    """Writes lines to a stream.

    Never raises, since a closed or full stdout must not end a run: what can't be written is dropped.
    """

    def __init__(
        self,
        stream: Stream,
        redact: Redactor,
        *,
        terminal: bool = False,
        columns: Callable[[], int] | None = None,
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        """Prepare, without writing.

        terminal: draw a status line.
        columns: its width; by default that of the stream's terminal.
        has_room: whether the stream accepts more of the build log.
        """
        self.redact = redact
        self.has_room = has_room
        self._stream = stream
        self._outlet = Outlet(stream)
        self._terminal = terminal
        self._columns = columns or self._terminal_columns
        self._status_shown = False

    def line(self, text: str) -> None:
        """Write exactly one line, redacted. Line breaks become spaces."""
        self.command(one_line(self.redact(text)))

    def command(self, text: str) -> None:
        """Write our own line unredacted: a mask contains its secret, and GitLab's section marker a CR.

        LF becomes a space.
        """
        self._send(self._cleared() + text.replace("\n", " ") + "\n")

    def status(self, text: str) -> None:
        """Draw the live status line over the previous one, in a terminal only."""
        if self._terminal:
            line = self.redact(_printable(one_line(self.redact(text))))
            self._send(_CLEAR + _fitting(line, self._columns() - 1))
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


def _printable(text: str) -> str:
    """Remove what would move the cursor or change the writing direction."""
    return "".join(
        character
        for character in text
        if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    )


def _fitting(text: str, columns: int) -> str:
    """The part that fits: most East Asian characters take two columns, a combining accent none."""
    width = 0
    for at, character in enumerate(text):
        wide = unicodedata.east_asian_width(character) in "WF"
        width += 0 if unicodedata.category(character) in ("Mn", "Me") else 1 + wide
        if width > columns:
            return text[:at]
    return text
