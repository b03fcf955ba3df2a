"""Bytes to a stream that may be closed, full, or slow: never an error of its own (ci-formats 0 rule 1)."""

from __future__ import annotations

import select
from typing import Protocol

_MAX_SECONDS = 5
"""Seconds that a stream which does not block may take nothing at all, before what is written is given up."""

_PIECE_BYTES = 4096
"""Bytes that are written at once: a pipe takes so many as a whole, or none of them."""


class Stream(Protocol):
    """Best a raw one: what a buffered one could not write is tried again when the process ends, and turns a good exit code into 120."""

    def write(self, data: bytes, /) -> int | None: ...
    def flush(self) -> object: ...
    def fileno(self) -> int: ...


class Outlet:
    """Writes whole lines. Nothing here raises; what can't be written is dropped, and the next line is tried."""

    def __init__(self, stream: Stream, *, endless: bool = False) -> None:
        """With `endless` a stream that does not block is waited for as long as it takes: for a thread that has nothing else to do."""
        self.taken = 0
        """Bytes that the stream has taken so far."""
        self._stream = stream
        self._endless = endless
        self._torn = False
        self._gone = False
        self._patience = _MAX_SECONDS

    def send(self, data: bytes) -> None:
        """Write all of it, or as much as the stream takes."""
        if self._gone:
            return
        # After half a line, the next one must not be read as its end: `##` and `[error]` would be a command.
        data = rest = (b"\n" if self._torn else b"") + data
        try:
            while rest:
                taken = self._write(rest[:_PIECE_BYTES])
                self.taken += taken
                rest = rest[taken:]
            self._stream.flush()
        except BrokenPipeError:
            self._gone = True
        except (OSError, ValueError):  # full, or closed: it may be better next time
            pass
        finally:
            self._torn = self._torn if rest == data else bool(rest)

    def _write(self, data: bytes) -> int:
        """How much of it the stream took: raw ones may take a part, and those that don't block nothing for a while."""
        while not (taken := self._try(data)):
            if not self._patience:  # nobody reads: the next lines must not cost as much again
                raise TimeoutError
            self._patience -= not self._endless
            select.select([], [self._stream], [], 1.0)
        self._patience = _MAX_SECONDS
        return taken

    def _try(self, data: bytes) -> int:
        try:
            return self._stream.write(data) or 0
        except BlockingIOError as full:
            return getattr(full, "characters_written", 0)
