"""Before anything is sent that could start something: is the server there? (architecture, rule 10)"""

from __future__ import annotations

from dataclasses import dataclass

from deployer import watch as rules
from deployer.model import LateError, Outcome, Reached, RefusedError, UnavailableError, Wavered
from deployer.run.story import Scene, sleep
from deployer.watch import Final

RETRY = 5.0
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
        self.met, self.read = self.met or error.itself, None
        self.tries, self.late = self.tries + (not slow), self.late + slow
        if self.met:
            left = self.timeout - (now - self.began)
            return min(max(error.wait, RETRY), left) if left > 0 else None
        if not slow:
            return rules.reach_again(self.tries, self.began + self.lateness, now)
        if (following := rules.reach_late(self.began, now, self.timeout)) is None:
            return None
        pause, self.read = following
        self.lateness += now - asked + pause
        return pause

    def told(self, error: UnavailableError) -> str:
        """The trouble, and what is waited for."""
        limit = min(rules.LATE_PATIENCE, self.timeout)
        return LATE.format(error.reason, limit) if isinstance(error, LateError) and not self.met else error.reason


def reach(scene: Scene) -> Final | None:
    """How every story ends because the server can't be used; None if it can. Patience is short until it has once answered as itself."""
    began = scene.clock.now()
    patience, trouble = Patience(began, scene.plan.timeout), ""
    while True:
        asked = scene.clock.now()
        scene.clock.set_deadline(scene.plan.timeout - (asked - began))
        try:
            with scene.clock.interruptible():
                platform = scene.provider.reach(patience=patience.read)
        except RefusedError as error:
            return Final(Outcome.REFUSED, error.reason)
        except UnavailableError as error:
            now = scene.clock.now()
            again = patience.again(error, asked, now)
            if error.final:
                return Final(Outcome.UNREACHABLE, error.reason)
            if again is None and patience.met:
                return Final(Outcome.TIMED_OUT, f"nothing was started: {error.reason}")
            if again is None:
                tries = patience.tries + patience.late
                return Final(Outcome.UNREACHABLE, f"{error.reason} ({tries} tries in {now - began:.0f} s)")
            if (told := patience.told(error)) != trouble:
                scene.report(Wavered("", told))
                trouble = told
            sleep(scene, again)
        else:
            scene.report(Reached(platform))
            return None
