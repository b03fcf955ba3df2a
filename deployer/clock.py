"""Time and signals: everything about the outer world's clock that a test wants to replace. Nothing else may sleep or install a handler."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from deployer.model import Expired, Interrupted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""GitHub sends the first and 7.5 s later the second, GitLab and `docker stop` only the second (ci-formats 1.9, 2)."""

HAS_ALARM = hasattr(signal, "setitimer")
"""Windows has no interval timer: there a call that hangs ends by its own time-out."""


TICK = 0.5
"""Real seconds between two rings of an alarm."""


class Clock:
    """The real one: seconds that pass `speed` times as fast as real ones (a rehearsal's do), and the signals that end a job.

    A signal may raise `Interrupted` inside `interruptible` only; anywhere else it is remembered until then, so that it can neither
    tear a file nor lose a deployment that was just started. Signals after the first change nothing.
    """

    def __init__(self, speed: float = 1) -> None:
        self.speed = speed
        self.stopped = ""
        self._stopped_at = 0.0
        self._open = False
        self._grace: float | None = None
        self._limited = False
        self._listening = False

    def listen(self) -> None:
        """Take charge of SIGINT and SIGTERM. As PID 1 of a container an unhandled SIGTERM would be ignored by the kernel."""
        for number in SIGNALS:
            signal.signal(number, self._on_signal)
        if HAS_ALARM:
            signal.signal(signal.SIGALRM, self._on_alarm)
            self._listening = True

    def hand_over(self) -> None:
        """Before another program takes the place of this one: what Python ignores would stay ignored in it."""
        for name in ("SIGPIPE", "SIGXFSZ"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_DFL)

    def ignore(self) -> None:
        """From here on signals change nothing, also while the interpreter ends: it would die by them and lose the exit code."""
        self._disarm()
        for number in (*SIGNALS, *((signal.SIGALRM,) if HAS_ALARM else ())):
            signal.signal(number, signal.SIG_IGN)

    def now(self) -> float:
        """Seconds since some moment in the past. Never the wall clock: that one jumps."""
        return time.monotonic() * self.speed

    def real(self) -> float:
        """The same in real seconds, for what the network does."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970, for those who print a date."""
        return time.time()

    def since_stop(self) -> float:
        """Real seconds since the signal: the CI system's patience does not run faster in a rehearsal."""
        return time.monotonic() - self._stopped_at

    def sleep(self, seconds: float) -> None:
        """Wait, unless the job is stopped: then raise `Interrupted` at once."""
        with self.interruptible():
            time.sleep(max(0.0, seconds) / self.speed)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """In here a signal raises `Interrupted` at once, also one that came before."""
        try:
            self._open = True
            self._arm(TICK)
            if self.stopped:
                raise Interrupted(self.stopped)
            yield
        finally:
            self._open = False
            self._disarm()

    @contextmanager
    def grace(self, seconds: float) -> Iterator[None]:
        """In here a signal raises `Interrupted` only after so many real seconds more: time for an answer that is under way.

        One that came before raises at entry: nothing new is begun.
        """
        try:
            self._grace = seconds
            self._arm(TICK)
            if self.stopped:
                raise Interrupted(self.stopped)
            yield
        finally:
            self._grace = None
            self._disarm()

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """In here `Expired` is raised after so many real seconds. A name look-up under way ends first: Python can't interrupt it."""
        self._limited = True
        self._arm(max(seconds, 0.001))
        try:
            yield
        finally:
            self._limited = False
            self._disarm()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.stopped:
            return
        self.stopped = signal.Signals(number).name
        self._stopped_at = time.monotonic()
        if self._open:
            self._open = False
            raise Interrupted(self.stopped)
        if self._grace is not None:
            self._arm(self._grace)  # on time, not at the next tick

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        if self._limited:
            self._limited = False
            raise Expired
        if self._grace is not None and self.stopped and self.since_stop() >= self._grace:
            self._grace = None
            raise Interrupted(self.stopped)

    def _arm(self, seconds: float) -> None:
        """Ring after so many seconds, and again and again: a signal that comes just before a call blocks is only heard with the next."""
        if self._listening:
            signal.setitimer(signal.ITIMER_REAL, seconds, TICK)

    def _disarm(self) -> None:
        if self._listening:
            signal.setitimer(signal.ITIMER_REAL, 0)
