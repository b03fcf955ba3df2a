"""Is the server there? Checked before anything is sent that could start something (architecture, rule 10)."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.model import Connected, LateError, Outcome, PollFailing, RefusedError, UnavailableError
from deployer.pace import SLOW_SERVER_SECONDS, connect_retry_delay, slow_retry_delay
from deployer.run.target_run import RunContext, sleep
from deployer.watch import Verdict

RETRY_SECONDS = 5.0
"""How long to wait before a retry, unless the server asks for more."""

SLOW = "{}, although the server accepts connections: waiting up to {:.0f} s for its first response"


@dataclass
class ConnectProgress:
    """What is known of a server that has not responded yet. Times are the clock's, in seconds."""

    began: float
    timeout: float
    tries: int = 0
    """Tries that could not connect."""
    slow_tries: int = 0
    """Tries whose response timed out."""
    slow_seconds: float = 0
    """How long those took: that does not count against a server that could not be connected to."""
    responded: bool = False
    """The platform itself has responded, if only with an error."""
    read_seconds: float | None = None
    """The read timeout of the next try; None: the usual one."""

    def retry_delay(self, error: UnavailableError, sent: float, now: float) -> float | None:
        """Seconds until the next try; None to give up. `sent`: when the failed request was sent."""
        slow = isinstance(error, LateError)
        self.responded, self.read_seconds = self.responded or error.from_server, None
        self.tries, self.slow_tries = self.tries + (not slow), self.slow_tries + slow
        if self.responded:
            left = self.timeout - (now - self.began)
            return min(max(error.retry_after, RETRY_SECONDS), left) if left > 0 else None
        if not slow:
            return connect_retry_delay(self.tries, self.began + self.slow_seconds, now)
        if (following := slow_retry_delay(self.began, now, self.timeout)) is None:
            return None
        delay, self.read_seconds = following
        self.slow_seconds += now - sent + delay
        return delay

    def problem(self, error: UnavailableError) -> str:
        """The error, and how long a slow server is waited for."""
        if not isinstance(error, LateError) or self.responded:
            return error.reason
        return SLOW.format(error.reason, min(SLOW_SERVER_SECONDS, self.timeout))


def connect(context: RunContext) -> Verdict | None:
    """The verdict for all targets if the server can't be used; None if it can.

    A server that never responded is given up early.
    """
    began = context.clock.now()
    progress, reported = ConnectProgress(began, context.plan.timeout), ""
    while True:
        sent = context.clock.now()
        context.clock.set_deadline(context.plan.timeout - (sent - began))
        try:
            with context.clock.interruptible():
                platform = context.provider.connect(timeout=progress.read_seconds)
        except RefusedError as error:
            return Verdict(Outcome.REFUSED, error.reason)
        except UnavailableError as error:
            now = context.clock.now()
            delay = progress.retry_delay(error, sent, now)
            if error.permanent:
                return Verdict(Outcome.UNREACHABLE, error.reason)
            if delay is None and progress.responded:
                return Verdict(Outcome.TIMED_OUT, f"nothing was started: {error.reason}")
            if delay is None:
                tries = progress.tries + progress.slow_tries
                return Verdict(Outcome.UNREACHABLE, f"{error.reason} ({tries} tries in {now - began:.0f} s)")
            if (problem := progress.problem(error)) != reported:
                context.report(PollFailing("", problem))
                reported = problem
            sleep(context, delay)
        else:
            context.report(Connected(platform))
            return None
