"""The job is stopped: find what was just started, stop what is ours, running ones first, and name what was not reached.

Source: architecture, rule 8.
"""

from __future__ import annotations

from deployer.model import (
    Expired,
    Followed,
    Leg,
    Outcome,
    Phase,
    RefusedError,
    Spread,
    Started,
    Stopped,
    UnavailableError,
    Warned,
    Withdrawn,
)
from deployer.run.story import Scene, Stage, Story, going, ours, shown, stop, waiting
from deployer.watch import Watch, rest

SECONDS = 5.0
"""Real seconds after the signal in which we still send anything: GitHub kills after ten (ci-formats 1.9)."""

UNFOUND = "the job was stopped before the trigger was answered, and no deployment of it was found: one may still be started"

UNPREPARED = "the job was stopped before what is to be changed or created was answered: it may be so by now, or not"

UNREACHED = "not reached in time: it may still be running"

PATIENCE = 1.0
"""Seconds for an answer: the server marks the row before its slow work, so sent is enough (coolify-api 16)."""


def farewell(scene: Scene, stories: list[Story], signal: str) -> None:
    """End every story that is not over as interrupted. What is known is stopped before what must be looked for."""
    scene.report(Stopped(signal))
    unfinished = [story for story in stories if story.stage is not Stage.OVER]
    for event in (event for story in unfinished for watch in story.watches for event in rest(watch)):
        scene.report(event)
    _tell_cancels(scene, unfinished)
    refused = _stop_all(scene, unfinished, "")
    for story in unfinished:
        if story.sent and story.stage in {Stage.START, Stage.FIND}:
            refused = _find_once(scene, story, refused)
            refused = _stop_all(scene, [story], refused)
    if unfinished and not refused:
        _tell_waiting(scene, unfinished[0].target)
    for story in unfinished:
        if story.stage is Stage.HELD:
            story.release()
            continue
        if story.preparing:
            scene.report(Warned(story.target, UNPREPARED))
        story.end(Outcome.INTERRUPTED, f"the job was stopped ({signal})")


def _stop_all(scene: Scene, stories: list[Story], refused: str) -> str:
    """`refused`: why the token must not be used any more; the same is answered."""
    stoppable = [(story, watch) for story in stories for watch in story.watches if going(watch) and ours(watch)]
    stoppable = [(story, watch) for story, watch in stoppable if watch.leg not in {Leg.HEALTH, Leg.VERIFY}]  # that is deployed already
    for story, watch in sorted(stoppable, key=lambda pair: pair[1].phase is not Phase.RUNNING):
        how = f"it could not be cancelled: {refused}"
        if story.returns:
            how = "it goes on: what ran before is being put back, and that is never cancelled"
        elif not refused:
            how, refused = _withdraw(scene, watch)
        scene.report(Withdrawn(story.target, shown(watch), how))
    return refused


def _tell_cancels(scene: Scene, stories: list[Story]) -> None:
    """`command: cancel`: what was being cancelled, and what was not reached any more."""
    for story in stories:
        for handle in story.going if story.stage is Stage.CANCEL else ():
            if not story.asked.get(handle):
                scene.report(Withdrawn(story.target, handle, "cancel sent, not confirmed" if handle in story.asked else UNREACHED))


def _left(scene: Scene) -> float:
    return SECONDS - scene.clock.since_stop()


def _tell_waiting(scene: Scene, target: str) -> None:
    try:
        if _left(scene) > 0:
            with scene.clock.limit(_left(scene)):
                if left := waiting(scene, patience=PATIENCE):
                    scene.report(Warned(target, left))
    except Expired:
        pass


def _find_once(scene: Scene, story: Story, refused: str) -> str:
    """One list is read for the row of a trigger without an answer, and nothing is sent again."""
    found = None
    try:
        if _left(scene) > 0 and not refused:
            with scene.clock.limit(_left(scene)):
                found = scene.provider.find(story.target, patience=PATIENCE)
    except RefusedError as error:
        refused = error.reason if error.everywhere else ""
    except (UnavailableError, Expired):
        pass
    handles = found.handles if isinstance(found, Started) else ()
    if isinstance(found, Spread):
        handles = tuple(part.handle for part in found.parts if part.handle)
    if handles:
        story.follow(story.first_leg, handles)
        for handle in handles:
            scene.report(Followed(story.target, handle, found.note if isinstance(found, Started) else "", story.leg))
    else:
        story.doubted = True
        scene.report(Warned(story.target, UNFOUND))
    return refused


def _withdraw(scene: Scene, watch: Watch) -> tuple[str, str]:
    if watch.handle.aspect and not watch.handle.id:
        return "what was asked for goes on: it can't be taken back", ""
    if not scene.plan.cancel_on_interrupt:
        return "left running, as `on_interrupt: leave` says", ""
    if _left(scene) <= 0:
        return UNREACHED, ""
    try:
        with scene.clock.limit(_left(scene)):
            return stop(scene, watch, patience=PATIENCE)
    except Expired:
        return "cancel sent, not confirmed", ""
