"""`command: cancel`: every deployment of a target that is not over is asked to end, whoever started it; each once."""

from __future__ import annotations

from deployer.model import Followed, Handle, Leg, Outcome, RefusedError, UnavailableError, Warned, Withdrawn
from deployer.run.story import GRACE, Scene, Story, waiting


def cancel_all(scene: Scene, story: Story) -> str:
    """Ask all of them that were not asked yet; answers why the token must not be used any more, if so.

    Raises UnavailableError where one was not cancelled: then this is called again, and what was asked stays known.
    """
    with scene.clock.interruptible():
        going = scene.provider.going(story.target)
    story.going = tuple(dict.fromkeys((*story.going, *going)))
    for handle in story.going:
        if handle not in story.asked and (closed := _cancel(scene, story, handle)):
            return closed
    return ""


def _cancel(scene: Scene, story: Story, handle: Handle) -> str:
    try:
        with scene.clock.grace(GRACE):
            story.asked[handle] = ""
            story.asked[handle] = scene.provider.cancel(handle)
    except RefusedError as error:
        story.asked[handle], story.refusal = "refused", story.refusal or error.reason
        return error.reason if error.everywhere else ""
    except UnavailableError as error:
        if not error.arrived:
            del story.asked[handle]
            raise
        story.asked[handle] = "cancel sent, not confirmed"
    whose = f" (one that {handle.whose})" if handle.whose else ""
    scene.report(Withdrawn(story.target, handle, story.asked[handle] + whose))
    return ""


def go_on(scene: Scene, story: Story) -> None:
    """All were asked: they are looked at until they are over."""
    with scene.clock.interruptible():
        left = waiting(scene) if story.going else ""
    if left:
        scene.report(Warned(story.target, left))
    if not story.going:
        story.end(Outcome.FINISHED, "nothing to cancel: no deployment was queued or running")
    elif story.refusal:
        story.end(Outcome.REFUSED, story.refusal)
    elif not scene.plan.wait:
        story.end(Outcome.TRIGGERED)
    else:
        story.follow(Leg.ENDING, story.going)
        for handle in story.going:
            scene.report(Followed(story.target, handle, leg=Leg.ENDING))
