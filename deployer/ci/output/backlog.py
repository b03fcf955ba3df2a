"""What is still to be written to stdout, and the thread that does it: a stdout that nobody reads stops neither the run nor its signals."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue

from deployer.ci.output.outlet import Outlet, Stream

MAX_BYTES = 8 << 20
"""Bytes that may wait. More of the build log is not taken; everything else is, and is little."""

LINE_OVERHEAD_BYTES = 64
"""Bytes that each waiting line costs beside its text."""

STALL_SECONDS = 5.0
"""Seconds in which nothing at all is taken, after which nobody seems to read."""

SLOW_SECONDS = 60.0
"""Seconds that a run waits in all for a reader that is only slow, until the reader has caught up."""

LAST_STALL_SECONDS = 10.0
LAST_SECONDS = 60.0
"""The same two at the end of a run, which has nothing better to do."""

INTERRUPTED_STALL_SECONDS = 2.0
INTERRUPTED_SECONDS = 7.5
"""The same two once the job is being stopped, the second one counted from the signal: GitHub kills after ten (ci-formats 1.9)."""

_TICK_SECONDS = 0.1
"""Seconds until a wait looks again whether the job is being stopped."""


class Backlog:
    """A stream that takes everything at once. Lines leave it in the order in which they came.

    Why a thread, in a program that has no other: a pipe, a terminal or a socket that nobody reads blocks whoever writes to it. The flag
    that prevents it (O_NONBLOCK) belongs to all who share the stream, the user's own programs among them.
    """

    def __init__(
        self, stream: Stream, now: Callable[[], float], interrupted: Callable[[], float | None]
    ) -> None:
        """`now`: real seconds. `interrupted`: how many seconds ago the job was stopped; None if it was not."""
        self._stream = stream
        self._now = now
        self._interrupted = interrupted
        self._outlet = Outlet(stream, endless=True)
        # No lock of ours: a signal may raise anywhere in the main thread, and would leave it locked. Each count has one writer.
        self._waiting: SimpleQueue[bytes | None] = SimpleQueue()
        self._queued = 0
        self._written = 0
        self._moved = threading.Event()
        self._thread: threading.Thread | None = None
        self._patience = SLOW_SECONDS
        self._given_up = False

    def write(self, data: bytes) -> int:
        """Keep it until it can be written."""
        if self._started():
            self._waiting.put(data)
            self._queued += len(data) + LINE_OVERHEAD_BYTES
        else:
            self._outlet.send(data)
        return len(data)

    def flush(self) -> None:
        """Nothing: `drain` waits."""

    def fileno(self) -> int:
        return self._stream.fileno()

    def has_room(self) -> bool:
        """Whether more of the build log can be taken. A reader that is only slow is waited for."""
        if self._size() < MAX_BYTES // 2:
            self._given_up, self._patience = False, SLOW_SECONDS
        elif not self._given_up:
            began = self._now()
            self._given_up = not self._wait_until(
                lambda: self._size() < MAX_BYTES, STALL_SECONDS, self._patience
            )
            self._patience -= self._now() - began
        return not self._given_up

    def drain(self) -> None:
        """Wait until all is written, or nobody seems to read; then the thread ends as soon as it can."""
        if thread := self._thread:
            self._waiting.put(None)
            self._wait_until(lambda: not thread.is_alive(), LAST_STALL_SECONDS, LAST_SECONDS)
            self._thread = None

    def _size(self) -> int:
        return self._queued - self._written

    def _wait_until(self, done: Callable[[], bool], stall: float, seconds: float) -> bool:
        """Whether it came to that, before the stream took nothing for `stall` seconds, and before so many had passed."""
        began = moved = self._now()
        taken = self._outlet.taken
        while not done():
            now = self._now()
            if taken != self._outlet.taken:
                taken, moved = self._outlet.taken, now
            ago = self._interrupted()
            if ago is not None:
                stall = min(stall, INTERRUPTED_STALL_SECONDS)
            if now - moved >= stall or now - began >= seconds or (ago or 0) >= INTERRUPTED_SECONDS:
                return False
            self._moved.clear()
            self._moved.wait(_TICK_SECONDS)
        return True

    def _started(self) -> bool:
        """Whether the thread runs; where none can be had (a limit of processes), whoever writes does it himself."""
        if self._thread is None:
            thread = threading.Thread(
                target=self._run, name="stdout", daemon=True
            )  # not waited for when the process ends
            with contextlib.suppress(RuntimeError):
                thread.start()
                self._thread = thread
        return self._thread is not None

    def _run(self) -> None:
        if hasattr(signal, "pthread_sigmask"):  # not on Windows
            signal.pthread_sigmask(
                signal.SIG_BLOCK, signal.valid_signals()
            )  # they are for the main thread, which they wake
        while (data := self._waiting.get()) is not None:
            self._outlet.send(data)
            self._written += len(data) + LINE_OVERHEAD_BYTES
            self._moved.set()
        self._moved.set()
