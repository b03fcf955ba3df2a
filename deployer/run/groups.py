"""Expands a group, such as a tag, to its members: each becomes a target of its own."""

from __future__ import annotations

from deployer.model import GroupMember, GroupStarted, Stage
from deployer.run.target_run import Step, TargetRun


def split_group(runs: list[TargetRun], group: TargetRun, result: GroupStarted) -> None:
    """Add the members to the runs: from here on a signal can't lose them. Nothing is reported yet."""
    known = {run.target: run for run in runs}
    for member in result.members:
        run = known.get(member.target.id)
        if run is None:
            known[member.target.id] = child = group.member_run(member)
            group.group.members = (*group.group.members, child)
        elif member.handle and run.step in {
            Step.RESOLVE,
            Step.TRIGGER,
            Step.FIND,
        }:  # the group has started it
            run.trigger.sent = True
            run.watch(Stage.DEPLOYMENT, (member.handle,))
        elif member.handle:
            run.follow_also(member.handle)
    place = runs.index(group)
    runs[place:place] = group.group.members


def shared_members(
    runs: list[TargetRun], group: TargetRun, result: GroupStarted
) -> list[tuple[GroupMember, TargetRun]]:
    """Members that another group of this run has also deployed."""
    own = {child.target for child in group.group.members}
    known = {run.target: run for run in runs}
    return [
        (member, known[member.target.id])
        for member in result.members
        if member.target.id not in own and member.handle and member.handle.id
    ]
