"""A group, such as all that carries a tag, becomes the stories of its parts."""

from __future__ import annotations

from deployer.model import GroupMember, GroupStarted, Stage
from deployer.run.target_run import Step, TargetRun


def split_group(runs: list[TargetRun], group: TargetRun, result: GroupStarted) -> None:
    """What was started is known from here on, whatever a signal does; nothing is said yet."""
    there = {story.target: story for story in runs}
    for part in result.members:
        run = there.get(part.target.id)
        if run is None:
            there[part.target.id] = child = group.member_run(part)
            group.members = (*group.members, child)
        elif part.handle and run.step in {
            Step.RESOLVE,
            Step.TRIGGER,
            Step.FIND,
        }:  # it is started now, in whichever way
            run.trigger_sent = True
            run.watch(Stage.DEPLOYMENT, (part.handle,))
        elif part.handle:
            run.also(part.handle)
    place = runs.index(group)
    runs[place:place] = group.members


def shared_members(
    runs: list[TargetRun], group: TargetRun, result: GroupStarted
) -> list[tuple[GroupMember, TargetRun]]:
    """What another group of this run has deployed, too."""
    mine = {child.target for child in group.members}
    there = {story.target: story for story in runs}
    return [
        (part, there[part.target.id])
        for part in result.members
        if part.target.id not in mine and part.handle and part.handle.id
    ]
