"""Revisions of an app: what each version consists of (cloudfoundry-api 7)."""

from deployer.simulator.cloudfoundry import render
from deployer.simulator.cloudfoundry.endpoints.lists import page, wanted
from deployer.simulator.cloudfoundry.replies import body_of, refused, reply
from deployer.simulator.cloudfoundry.state.apps import Live
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

FEATURE = "revisions"


def listed(world: World, request: Request, live: Live) -> Response:
    """The revisions, oldest first; all, or those in `versions`."""
    rows = [
        render.revision(world, each)
        for each in live.revisions
        if wanted(request, "versions", str(each.version))
    ]
    return page(world, request, rows, "app-revisions-deployed-200")


def deployed(world: World, request: Request, live: Live) -> Response:
    """The revision that is running, if the app is started."""
    newest = live.revisions[-1:] if live.state == "STARTED" else []
    return page(
        world, request, [render.revision(world, each) for each in newest], "app-revisions-deployed-200"
    )


def revision(world: World, _request: Request, one: str) -> Response:
    found = world.revision(one)
    return (
        reply("app-revisions-deployed-200", render.revision(world, found))
        if found
        else refused("app-get-404", "Revision not found")
    )


def feature(_world: World, request: Request, _live: Live) -> Response:
    """Whether revisions are enabled for an app, which they always are here."""
    if request.path.rpartition("/")[2] != FEATURE:
        return refused("app-get-404", "Feature not found")
    return reply("app-feature-get-200", body_of("app-feature-get-200"))
