"""Buffers what is written to stdout, and writes it in a thread.

A stdout that nobody reads must not block the run or its signals.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue

from deployer.ci.output.outlet import Outlet, Stream

MAX_BYTES = 8 << 20
"""How much may wait. Beyond that, build log lines are dropped; everything else is small, and is kept."""

LINE_OVERHEAD_BYTES = 64
"""What each waiting line costs besides its text."""

STALL_SECONDS = 5.0
"""If the stream accepts nothing for so long, nobody seems to read it."""

SLOW_SECONDS = 60.0
"""How long a run waits in total for a slow reader, until the reader has caught up."""

LAST_STALL_SECONDS = 10.0
LAST_SECONDS = 60.0
"""Both limits at the end of a run."""

INTERRUPTED_STALL_SECONDS = 2.0
INTERRUPTED_SECONDS = 7.5
"""Both limits once the job is being cancelled, the second one counted from the signal.

GitHub kills after 10 s (ci-formats 1.9).
"""

_TICK_SECONDS = 0.1
"""How often a wait checks whether the job is being cancelled."""


class Backlog:
    """A stream that accepts everything at once, and writes it in the same order.

    Why a thread, in a program without any other: a pipe, terminal or socket that nobody reads blocks whoever
    writes to it. The flag against that (O_NONBLOCK) would affect every process that shares the stream,
    including the user's own.
    """

    def __init__(
        self, stream: Stream, now: Callable[[], float], interrupted: Callable[[], float | None]
    ) -> None:
        """`now`: real seconds. `interrupted`: seconds since the job was cancelled; None if it was not."""
        self._stream = stream
        self._now = now
        self._interrupted = interrupted
        self._outlet = Outlet(stream, endless=True)
        # No lock of our own: a signal may raise anywhere in the main thread, and would leave it locked. Each
        # counter has one writer.
        self._waiting: SimpleQueue[bytes | None] = SimpleQueue()
        self._queued = 0
        self._written = 0
        self._progress = threading.Event()
        self._thread: threading.Thread | None = None
        self._seconds_left = SLOW_SECONDS
        self._given_up = False

    def write(self, data: bytes) -> int:
        """Queue the data for writing."""
        if self._started():
            self._waiting.put(data)
            self._queued += len(data) + LINE_OVERHEAD_BYTES
        else:
            self._outlet.send(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: `drain` waits."""

    def fileno(self) -> int:
        return self._stream.fileno()

    def has_room(self) -> bool:
        """Whether more of the build log can be accepted. Waits for a slow reader."""
        if self._size() < MAX_BYTES // 2:
            self._given_up, self._seconds_left = False, SLOW_SECONDS
        elif not self._given_up:
            began = self._now()
            self._given_up = not self._wait_until(
                lambda: self._size() < MAX_BYTES, STALL_SECONDS, self._seconds_left
            )
            self._seconds_left -= self._now() - began
        return not self._given_up

    def drain(self) -> None:
        """Wait until everything is written, or nobody seems to read; then let the thread end."""
        if thread := self._thread:
            self._waiting.put(None)
            self._wait_until(lambda: not thread.is_alive(), LAST_STALL_SECONDS, LAST_SECONDS)
            self._thread = None

    def _size(self) -> int:
        return self._queued - self._written

    def _wait_until(self, done: Callable[[], bool], stall: float, seconds: float) -> bool:
        """Whether `done` became true within `seconds`, and without a pause of `stall` seconds in writing."""
        began = moved = self._now()
        accepted = self._outlet.accepted
        while not done():
            now = self._now()
            if accepted != self._outlet.accepted:
                accepted, moved = self._outlet.accepted, now
            ago = self._interrupted()
            if ago is not None:
                stall = min(stall, INTERRUPTED_STALL_SECONDS)
            if now - moved >= stall or now - began >= seconds or (ago or 0) >= INTERRUPTED_SECONDS:
                return False
            self._progress.clear()
            self._progress.wait(_TICK_SECONDS)
        return True

    def _started(self) -> bool:
        """Whether the thread is running.

        If none can be started (a process limit), data is written directly.
        """
        if self._thread is None:
            # A daemon: the process does not wait for it when it ends.
            thread = threading.Thread(target=self._run, name="stdout", daemon=True)
            with contextlib.suppress(RuntimeError):
                thread.start()
                self._thread = thread
        return self._thread is not None

    def _run(self) -> None:
        if hasattr(signal, "pthread_sigmask"):  # not on Windows
            # Signals must reach the main thread, which they wake.
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while (data := self._waiting.get()) is not None:
            self._outlet.send(data)
            self._written += len(data) + LINE_OVERHEAD_BYTES
            self._progress.set()
        self._progress.set()
