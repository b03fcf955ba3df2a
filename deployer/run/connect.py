"""Before anything is sent that could start something: is the server there? (architecture, rule 10)"""

from __future__ import annotations

from dataclasses import dataclass

from deployer import watch as rules
from deployer.model import Connected, LateError, Outcome, PollFailing, RefusedError, UnavailableError
from deployer.run.target_run import RunContext, sleep
from deployer.watch import Verdict

RETRY_SECONDS = 5.0
"""Seconds until the same is tried again, where the server asks for no other time."""

LATE = "{}, although the server accepts connections: waiting up to {:.0f} s for its first response"


@dataclass
class Patience:
    """What is known of a server that has not answered yet. Times are the clock's, in seconds.

    `tries` that found nobody, `late` ones whose response did not come in time, and the seconds that those took: they do not count for
    the patience with a server that is not there. `met`: it has answered as itself. `read`: seconds to wait for the next response.
    """

    began: float
    timeout: float
    tries: int = 0
    late: int = 0
    lateness: float = 0
    met: bool = False
    read: float | None = None

    def again(self, error: UnavailableError, asked: float, now: float) -> float | None:
        """Seconds until the next try; None when patience is over."""
        slow = isinstance(error, LateError)
        self.met, self.read = self.met or error.from_server, None
        self.tries, self.late = self.tries + (not slow), self.late + slow
        if self.met:
            left = self.timeout - (now - self.began)
            return min(max(error.retry_after, RETRY_SECONDS), left) if left > 0 else None
        if not slow:
            return rules.connect_retry_delay(self.tries, self.began + self.lateness, now)
        if (following := rules.reach_late(self.began, now, self.timeout)) is None:
            return None
        pause, self.read = following
        self.lateness += now - asked + pause
        return pause

    def told(self, error: UnavailableError) -> str:
        """The trouble, and what is waited for."""
        limit = min(rules.LATE_PATIENCE, self.timeout)
        return (
            LATE.format(error.reason, limit)
            if isinstance(error, LateError) and not self.met
            else error.reason
        )


def connect(context: RunContext) -> Verdict | None:
    """How every story ends because the server can't be used; None if it can. Patience is short until it has once answered as itself."""
    began = context.clock.now()
    timeout, trouble = Patience(began, context.plan.timeout), ""
    while True:
        asked = context.clock.now()
        context.clock.set_deadline(context.plan.timeout - (asked - began))
        try:
            with context.clock.interruptible():
                platform = context.provider.connect(timeout=timeout.read)
        except RefusedError as error:
            return Verdict(Outcome.REFUSED, error.reason)
        except UnavailableError as error:
            now = context.clock.now()
            again = timeout.again(error, asked, now)
            if error.permanent:
                return Verdict(Outcome.UNREACHABLE, error.reason)
            if again is None and timeout.met:
                return Verdict(Outcome.TIMED_OUT, f"nothing was started: {error.reason}")
            if again is None:
                tries = timeout.tries + timeout.late
                return Verdict(Outcome.UNREACHABLE, f"{error.reason} ({tries} tries in {now - began:.0f} s)")
            if (told := timeout.told(error)) != trouble:
                context.report(PollFailing("", told))
                trouble = told
            sleep(context, again)
        else:
            context.report(Connected(platform))
            return None
