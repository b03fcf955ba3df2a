"""One request budget for a whole run (architecture, rule 9), and what the server says about its own limit.

The client of a provider counts every request; `run` waits before those that are not urgent. So nothing has to
sleep in the middle of a step, and a trigger, a cancel and the last poll at a deadline are never held back.
"""

from __future__ import annotations

from collections.abc import Callable

REQUESTS_PER_MINUTE = 50
"""Once everything is triggered: well below the 200 that a user has for all jobs (coolify-api 3.4)."""

BURST = 10
"""How many requests may follow each other at once; with the rate above, 60 in the worst minute."""

STARTING_PER_MINUTE = 100
"""As long as some target is not triggered yet."""

STARTING_BURST = 15

MAX_SHARE = 0.5
"""Of a lower limit of the server, the run uses at most this share."""

FEW_REMAINING = 20
"""With fewer requests left in the server's window, other jobs of the same user are busy: polls slow down."""

FEW_REMAINING_SECONDS = 15.0
"""Seconds between two requests then."""

WINDOW_SECONDS = 60.0
"""Coolify counts by the minute: after that, what it said is outdated, and each target waits for itself."""


class Budget:
    """A token bucket. Times are in seconds of `now`."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.starting = True
        """Some target is not triggered yet."""
        self.remaining: int | None = None
        """How many requests the server still allows, as it said last; None if it never did."""
        self._left = float(STARTING_BURST)
        self._updated = now()
        self._blocked_until = self._slow_until = 0.0
        self._last_request = 0.0
        self._limit: int | None = None

    @property
    def per_minute(self) -> float:
        """How many requests that are not urgent may be sent in a minute."""
        rate = STARTING_PER_MINUTE if self.starting else REQUESTS_PER_MINUTE
        return rate if self._limit is None else min(rate, max(self._limit * MAX_SHARE, 1.0))

    def _refill(self) -> None:
        now, burst = self._now(), STARTING_BURST if self.starting else BURST
        self._left = min(burst, self._left + (now - self._updated) * self.per_minute / 60)
        self._updated = now

    def spend(self) -> None:
        """Count one request, which is sent now. Urgent ones may overdraw the budget."""
        self._refill()
        self._left -= 1
        self._last_request = self._now()

    def responded(
        self, remaining: int | None, *, per_minute: int | None = None, blocked_for: float = 0
    ) -> None:
        """Note what a response says about the server's limit; what it does not say stays as it was.

        remaining: how many requests the server still allows in its current window.
        per_minute: how many it allows in a minute.
        blocked_for: seconds in which it wants no further request; 0 if it did not say.
        """
        now = self._now()
        if per_minute:
            self._limit = per_minute
        if remaining is not None:
            self.remaining = remaining
            self._slow_until = now + WINDOW_SECONDS if remaining < FEW_REMAINING else 0.0
        if blocked_for:
            self._blocked_until = max(self._blocked_until, now + min(blocked_for, WINDOW_SECONDS))

    @property
    def ready_at(self) -> float:
        """When the next request that is not urgent may be sent; in the past if at once."""
        self._refill()
        ready = self._updated
        if self._left < 1:
            ready += (1 - self._left) * 60 / self.per_minute
        if self._updated < self._slow_until:
            ready = max(ready, min(self._last_request + FEW_REMAINING_SECONDS, self._slow_until))
        return max(ready, self._blocked_until)
