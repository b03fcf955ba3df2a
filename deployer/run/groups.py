"""A group, such as all that carries a tag, becomes the stories of its parts."""

from __future__ import annotations

from deployer.model import Leg, Part, Spread
from deployer.run.story import Stage, Story


def part_ways(stories: list[Story], group: Story, answer: Spread) -> None:
    """What was started is known from here on, whatever a signal does; nothing is said yet."""
    there = {story.target: story for story in stories}
    for part in answer.parts:
        story = there.get(part.target.id)
        if story is None:
            there[part.target.id] = child = group.child(part)
            group.children = (*group.children, child)
        elif part.handle and story.stage in {Stage.CHECK, Stage.START, Stage.FIND}:  # it is started now, in whichever way
            story.sent = True
            story.follow(Leg.DEPLOYMENT, (part.handle,))
        elif part.handle:
            story.also(part.handle)
    place = stories.index(group)
    stories[place:place] = group.children


def shared(stories: list[Story], group: Story, answer: Spread) -> list[tuple[Part, Story]]:
    """What another group of this run has deployed, too."""
    mine = {child.target for child in group.children}
    there = {story.target: story for story in stories}
    return [(part, there[part.target.id]) for part in answer.parts if part.target.id not in mine and part.handle and part.handle.id]
