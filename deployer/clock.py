"""Time and signals: everything about the outer world's clock that a test wants to replace. Nothing else may sleep or install a handler."""

from __future__ import annotations

import math
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from deployer.model import Expired, Interrupted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""GitHub sends the first and 7.5 s later the second, GitLab and `docker stop` only the second (ci-formats 1.9, 2), a terminal that is
closed the third, which Windows does not have."""

HAS_MASK = hasattr(signal, "pthread_sigmask")
"""Windows can't block a signal."""

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
        self._deadline = math.inf

    def listen(self) -> None:
        """Take charge of the signals that end a job, and hear those that came while they were blocked (`__main__.py`).

        A SIGHUP that is ignored stays ignored: that is how `nohup` works.
        """
        for number in SIGNALS:
            if number.name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        if HAS_ALARM:
            signal.signal(signal.SIGALRM, self._on_alarm)
            self._listening = True
        if HAS_MASK:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

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

    def set_deadline(self, seconds: float) -> None:
        """What is done from here on must end within so many seconds (of `now`)."""
        self._deadline = self.now() + seconds

    def time_left(self) -> float:
        """Real seconds until the deadline, negative after it: for those who wait for the network."""
        return (self._deadline - self.now()) / self.speed

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
