"""Writes bytes to a stream that may be closed, full or slow, and never raises (ci-formats 0 rule 1)."""

from __future__ import annotations

import select
from typing import Protocol

_MAX_SECONDS = 5
"""If a non-blocking stream accepts nothing for so long, the data is dropped."""

_CHUNK_BYTES = 4096
"""How much is written at once: a pipe accepts that much completely or not at all."""


class Stream(Protocol):
    """Should be unbuffered: a buffered stream retries failed writes at exit, which changes the exit code."""

    def write(self, data: bytes, /) -> int | None: ...
    def flush(self) -> object: ...
    def fileno(self) -> int: ...


class Outlet:
    """Writes whole lines. Never raises: what can't be written is dropped, and the next line is tried."""

    def __init__(self, stream: Stream, *, endless: bool = False) -> None:
        """`endless`: wait for a non-blocking stream as long as it takes, as a thread of its own can."""
        self.accepted = 0
        """Bytes that the stream has accepted so far."""
        self._stream = stream
        self._endless = endless
        self._line_open = False
        self._closed = False
        self._seconds_left = _MAX_SECONDS

    def send(self, data: bytes) -> None:
        """Write the data, or as much as the stream accepts."""
        if self._closed:
            return
        # After a partial line, the next one must not complete it: `##` and `[error]` would be a command.
        data = rest = (b"\n" if self._line_open else b"") + data
        try:
            while rest:
                accepted = self._write(rest[:_CHUNK_BYTES])
                self.accepted += accepted
                rest = rest[accepted:]
            self._stream.flush()
        except BrokenPipeError:
            self._closed = True
        except (OSError, ValueError):  # full or closed: the next write may succeed
            pass
        finally:
            self._line_open = self._line_open if rest == data else bool(rest)

    def _write(self, data: bytes) -> int:
        """The number of bytes accepted.

        Unbuffered streams may accept a part, and non-blocking ones nothing for a while.
        """
        while not (accepted := self._try(data)):
            if not self._seconds_left:  # nobody reads: do not wait as long for the next lines
                raise TimeoutError
            self._seconds_left -= not self._endless
            select.select([], [self._stream], [], 1.0)
        self._seconds_left = _MAX_SECONDS
        return accepted

    def _try(self, data: bytes) -> int:
        try:
            return self._stream.write(data) or 0
        except BlockingIOError as full:
            return getattr(full, "characters_written", 0)
