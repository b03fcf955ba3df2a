"""Time and signals. Nothing else may sleep or install a signal handler, so that tests can replace both."""

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
"""GitHub sends SIGINT and 7.5 s later SIGTERM, GitLab and `docker stop` only SIGTERM (ci-formats 1.9, 2).

A closed terminal sends SIGHUP.

Windows has no SIGHUP.
"""

HAS_MASK = hasattr(signal, "pthread_sigmask")
"""Windows can't block a signal."""

HAS_ALARM = hasattr(signal, "setitimer")
"""Windows has no interval timer: there, a call that hangs ends by its own timeout."""


ALARM_SECONDS = 0.5
"""Real seconds between two alarms."""


class Clock:
    """The real clock, `speed` times as fast as real time (for rehearsals), and the signals that cancel a job.

    A signal raises `Interrupted` only inside `interruptible`; anywhere else it is remembered until then, so
    that it can neither leave a file half written nor lose a deployment that was just started. Only the first
    signal counts.
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
        """Handle the signals that cancel a job, also those received while blocked (`__main__.py`).

        A SIGHUP that is ignored stays ignored, as `nohup` needs it.
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
        """Restore the signals that Python ignores, before another program replaces this one."""
        for name in ("SIGPIPE", "SIGXFSZ"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_DFL)

    def ignore(self) -> None:
        """Ignore signals from here on: one that ends the interpreter would change the exit code."""
        self._disarm()
        for number in (*SIGNALS, *((signal.SIGALRM,) if HAS_ALARM else ())):
            signal.signal(number, signal.SIG_IGN)

    def now(self) -> float:
        """Monotonic seconds since an arbitrary moment, at the clock's speed."""
        return time.monotonic() * self.speed

    def real(self) -> float:
        """Monotonic real seconds, for the network."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970, for dates."""
        return time.time()

    def set_deadline(self, seconds: float) -> None:
        """From here on, requests must end within `seconds` of `now`."""
        self._deadline = self.now() + seconds

    def time_left(self) -> float:
        """Real seconds until the deadline; negative after it."""
        return (self._deadline - self.now()) / self.speed

    def since_stop(self) -> float:
        """Real seconds since the signal: a CI system's grace period is not faster in a rehearsal."""
        return time.monotonic() - self._stopped_at

    def sleep(self, seconds: float) -> None:
        """Wait. Raises Interrupted at once when the job is cancelled."""
        with self.interruptible():
            time.sleep(max(0.0, seconds) / self.speed)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Within this block a signal raises Interrupted at once, also one received earlier."""
        try:
            self._open = True
            self._arm(ALARM_SECONDS)
            if self.stopped:
                raise Interrupted(self.stopped)
            yield
        finally:
            self._open = False
            self._disarm()

    @contextmanager
    def grace(self, seconds: float) -> Iterator[None]:
        """Within this block a signal raises Interrupted `seconds` real seconds later: for a response.

        One received earlier raises on entry: nothing new is started.
        """
        try:
            self._grace = seconds
            self._arm(ALARM_SECONDS)
            if self.stopped:
                raise Interrupted(self.stopped)
            yield
        finally:
            self._grace = None
            self._disarm()

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Within this block Expired is raised after so many real seconds.

        (Python can't interrupt a DNS lookup: it ends first.)
        """
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
            self._arm(self._grace)  # exactly then, not at the next alarm

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        if self._limited:
            self._limited = False
            raise Expired
        if self._grace is not None and self.stopped and self.since_stop() >= self._grace:
            self._grace = None
            raise Interrupted(self.stopped)

    def _arm(self, seconds: float) -> None:
        """Set a repeating alarm, to handle a signal that is received just before a call blocks."""
        if self._listening:
            signal.setitimer(signal.ITIMER_REAL, seconds, ALARM_SECONDS)

    def _disarm(self) -> None:
        if self._listening:
            signal.setitimer(signal.ITIMER_REAL, 0)
