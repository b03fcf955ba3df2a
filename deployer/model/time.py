"""Time and signals, as everybody takes them: as an argument. clock.py has the real ones, a test its own."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Clock(Protocol):
    """Seconds that pass, and the signals that end a job."""

    def now(self) -> float:
        """Seconds since some moment in the past."""

    def set_deadline(self, seconds: float) -> None:
        """What is done from here on must end within so many seconds: no request waits longer for its response."""

    def since_stop(self) -> float:
        """Real seconds since the signal."""

    def sleep(self, seconds: float) -> None:
        """Wait, unless the job is stopped: then raise `Interrupted` at once."""

    def interruptible(self) -> AbstractContextManager[None]:
        """In here a signal raises `Interrupted` at once, also one that came before; anywhere else it is remembered."""

    def grace(self, seconds: float) -> AbstractContextManager[None]:
        """In here a signal raises `Interrupted` only after so many real seconds more; one that came before, at entry."""

    def limit(self, seconds: float) -> AbstractContextManager[None]:
        """In here `Expired` is raised after so many real seconds."""
