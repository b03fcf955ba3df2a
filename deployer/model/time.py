"""The interface of the clock, which passes in time and signals."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Clock(Protocol):
    """Time, and the signals that end a job."""

    def now(self) -> float:
        """Monotonic seconds since an arbitrary moment."""

    def real(self) -> float:
        """Monotonic real seconds since an arbitrary moment: a rehearsal's clock is faster."""

    def set_deadline(self, seconds: float) -> None:
        """From here on no request waits longer for its response than until `seconds` have passed."""

    def since_stop(self) -> float:
        """Real seconds since the signal."""

    def sleep(self, seconds: float) -> None:
        """Wait. Raises Interrupted at once when the job is cancelled."""

    def interruptible(self) -> AbstractContextManager[None]:
        """Within this block a signal raises Interrupted at once, also one received earlier.

        Outside of it a signal is only remembered.
        """

    def grace(self, seconds: float) -> AbstractContextManager[None]:
        """Within this block a signal raises Interrupted after `seconds` real seconds.

        One received earlier raises it on entry.
        """

    def limit(self, seconds: float) -> AbstractContextManager[None]:
        """Within this block Expired is raised after so many real seconds."""
