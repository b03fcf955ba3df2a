"""Revisions of an app: what each version of it was made of, and the way back to one (cloudfoundry-api 7)."""

from deployer.simulator.cloudfoundry import paint
from deployer.simulator.cloudfoundry.lists import page, wanted
from deployer.simulator.cloudfoundry.replies import body_of, refused, reply
from deployer.simulator.cloudfoundry.things import Live
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.journal import Asked
from deployer.simulator.shared import Answer

FEATURE = "revisions"


def listed(world: World, asked: Asked, live: Live) -> Answer:
    """All of them, the oldest first; `versions` names some."""
    rows = [paint.revision(world, each) for each in live.revisions if wanted(asked, "versions", str(each.version))]
    return page(world, asked, rows, "app-revisions-deployed-200")


def deployed(world: World, asked: Asked, live: Live) -> Answer:
    """The one that runs, if the app is started."""
    newest = live.revisions[-1:] if live.state == "STARTED" else []
    return page(world, asked, [paint.revision(world, each) for each in newest], "app-revisions-deployed-200")


def revision(world: World, _asked: Asked, one: str) -> Answer:
    found = world.revision(one)
    return reply("app-revisions-deployed-200", paint.revision(world, found)) if found else refused("app-get-404", "Revision not found")


def feature(_world: World, asked: Asked, _live: Live) -> Answer:
    """Whether an app has revisions: it has them unless somebody switches them off, which nobody does here."""
    if asked.path.rpartition("/")[2] != FEATURE:
        return refused("app-get-404", "Feature not found")
    return reply("app-feature-get-200", body_of("app-feature-get-200"))
