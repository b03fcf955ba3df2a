"""Before anything is sent that could start something: is the server there? (rule 10)"""

from __future__ import annotations

from deployer import watch as rules
from deployer.model import LateError, Outcome, Reached, RefusedError, UnavailableError, Wavered
from deployer.run.story import Scene, sleep
from deployer.watch import Final

RETRY = 5.0
"""Seconds until the same is tried again, where the server asks for no other time."""

LATE = "{}, although the server accepts connections: waiting up to {:.0f} s for its first response"


def reach(scene: Scene) -> Final | None:
    """How every story ends because the server can't be used; None if it can. Patience is short until it has once answered as itself.

    The time that was spent on late responses does not count for the patience with a server that is not there.
    """
    began = asked = scene.clock.now()
    tries, late, lateness, trouble, met = 0, 0, 0.0, "", False
    patience: float | None = None
    while True:
        try:
            with scene.clock.interruptible():
                platform = scene.provider.reach(patience=patience) if patience else scene.provider.reach()
        except RefusedError as error:
            return Final(Outcome.REFUSED, error.reason)
        except UnavailableError as error:
            now, met, patience = scene.clock.now(), met or error.itself, None
            slow = isinstance(error, LateError)
            tries, late = tries + (not slow), late + slow
            left = scene.plan.timeout - (now - began)
            if error.final:
                return Final(Outcome.UNREACHABLE, error.reason)
            if met and left <= 0:
                return Final(Outcome.TIMED_OUT, f"nothing was started: {error.reason}")
            again: float | None
            if met:
                again = min(max(error.wait, RETRY), left)
            elif slow and (next_try := rules.reach_late(began, now, scene.plan.timeout)):
                again, patience = next_try
                lateness += now - asked + again
            else:
                again = None if slow else rules.reach_again(tries, began + lateness, now)
            if again is None:
                return Final(Outcome.UNREACHABLE, f"{error.reason} ({tries + late} tries in {now - began:.0f} s)")
            told = LATE.format(error.reason, min(rules.LATE_PATIENCE, scene.plan.timeout)) if slow and not met else error.reason
            if told != trouble:
                scene.report(Wavered("", told))
                trouble = told
            sleep(scene, again)
            asked = scene.clock.now()
        else:
            scene.report(Reached(platform))
            return None
