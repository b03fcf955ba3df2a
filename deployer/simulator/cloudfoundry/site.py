"""The deployed app itself, under `/site/<guid>` of a server of its own."""

from deployer.simulator.cloudfoundry.replies import body_of, reply
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

UNKNOWN = "root-get-404-router-unknown-route"
WELL = (200, "ok")


def visited(world: World, request: Request, one: str) -> Response:
    """The app's response, or the router's if no instance is running.

    Not recorded: any app may respond like this.
    """
    now, live = world.now(), world.apps.get(one)
    webs = [run for run in live.runs(now) if run.process.type == "web" and run.running(now)] if live else []
    if not live or not webs:
        return nowhere(world, request, one)
    status, text = (
        live.app.site_response
        if any(run.process is each for run in webs for each in live.app.processes)
        else WELL
    )
    return Response(status, (("Content-Type", "text/plain; charset=utf-8"),), (text.encode(),))


def nowhere(_world: World, request: Request, _one: str) -> Response:
    """The router's response for an unknown route."""
    return reply(UNKNOWN, body_of(UNKNOWN).replace("api.wrong.example.org", request.headers.get("host", "")))
