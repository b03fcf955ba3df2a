"""Processes and their instances (cloudfoundry-api 8)."""

from collections.abc import Callable

from deployer.simulator.cloudfoundry import render
from deployer.simulator.cloudfoundry.endpoints.lists import page, wanted
from deployer.simulator.cloudfoundry.endpoints.read import Handler
from deployer.simulator.cloudfoundry.names import ORGANIZATION, PROCESS, SPACE
from deployer.simulator.cloudfoundry.replies import Body, reply
from deployer.simulator.cloudfoundry.state.apps import Live, Run
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request


def of_one_app(world: World, request: Request, live: Live) -> Response:
    rows = [render.process(world, live, run) for run in live.runs(world.now())]
    return page(world, request, rows, "app-processes-list-200")


def listed(world: World, request: Request, _one: str) -> Response:
    """The processes of every app in the space, with their instances if `embed` is set."""
    now, instances = world.now(), request.query.get("embed") == ["process_instances"]
    found = [
        (live, run)
        for live in world.apps.values()
        if wanted(request, "space_guids", SPACE)
        and wanted(request, "organization_guids", ORGANIZATION)
        and wanted(request, "app_guids", live.guid)
        for run in live.runs(now)
        if wanted(request, "guids", run.guid) and wanted(request, "types", run.process.type)
    ]
    rows = [
        {
            **render.process(world, live, run),
            **({"process_instances": render.embedded(run, now)} if instances else {}),
        }
        for live, run in found
    ]
    return page(world, request, rows, "app-processes-list-200")


def of_process(response: Callable[[World, Request, Live, Run], Response]) -> Handler:
    """The response for a process that exists.

    After a rolling deployment the old one does not (cloudfoundry-api 7).
    """

    def handle(world: World, request: Request, one: str) -> Response:
        found = world.run(one)
        return response(world, request, *found) if found else reply("process-stats-404")

    return handle


def process(world: World, _request: Request, live: Live, run: Run) -> Response:
    return reply("app-get-200-started", render.process(world, live, run))


def sidecars(world: World, request: Request, _live: Live, _run: Run) -> Response:
    return page(world, request, [])


def stats(world: World, _request: Request, _live: Live, run: Run) -> Response:
    now = world.now()
    rows: list[Body] = [render.instance(run, index, now) for index in range(run.wanted(now))]
    name = (
        "process-stats-200-metrics-unavailable-warning"
        if render.blind(run, now)
        else "process-stats-200-all-running"
    )
    return reply(name, {"resources": rows})


def process_instances(world: World, _request: Request, _live: Live, run: Run) -> Response:
    body = render.addressed(
        world, {**render.recorded(world, "process-instances-200"), "guid": PROCESS}, "processes", run.guid
    )
    return reply(
        "process-instances-200", {"resources": render.embedded(run, world.now()), "links": body["links"]}
    )
