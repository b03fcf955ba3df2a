"""Before anything is sent that could start something: is the server there? (architecture, rule 10)"""

from __future__ import annotations

from deployer import watch as rules
from deployer.model import Outcome, Reached, RefusedError, UnavailableError, Wavered
from deployer.run.story import Scene, sleep
from deployer.watch import Final

RETRY = 5.0
"""Seconds until the same is tried again, where the server asks for no other time."""


def reach(scene: Scene) -> Final | None:
    """How every story ends because the server can't be used; None if it can. Patience is short until it has once answered as itself."""
    began = scene.clock.now()
    tries, trouble, met = 0, "", False
    while True:
        try:
            with scene.clock.interruptible():
                platform = scene.provider.reach()
        except RefusedError as error:
            return Final(Outcome.REFUSED, error.reason)
        except UnavailableError as error:
            tries, met = tries + 1, met or error.itself
            now = scene.clock.now()
            left = scene.plan.timeout - (now - began)
            again = min(max(error.wait, RETRY), left) if met else rules.reach_again(tries, began, now)
            if error.final:
                return Final(Outcome.UNREACHABLE, error.reason)
            if again is None:
                return Final(Outcome.UNREACHABLE, f"{error.reason} ({tries} tries in {now - began:.0f} s)")
            if met and left <= 0:
                return Final(Outcome.TIMED_OUT, f"nothing was started: {error.reason}")
            if error.reason != trouble:
                scene.report(Wavered("", error.reason))
                trouble = error.reason
            sleep(scene, again)
        else:
            scene.report(Reached(platform))
            return None
