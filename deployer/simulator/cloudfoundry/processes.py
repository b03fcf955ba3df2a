"""Processes and their instances, as the Cloud Controller tells them (cloudfoundry-api 8)."""

from collections.abc import Callable

from deployer.simulator.cloudfoundry import paint
from deployer.simulator.cloudfoundry.lists import page, wanted
from deployer.simulator.cloudfoundry.names import ORGANIZATION, PROCESS, SPACE
from deployer.simulator.cloudfoundry.reading import Handler
from deployer.simulator.cloudfoundry.replies import Body, reply
from deployer.simulator.cloudfoundry.things import Live, Run
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.journal import Asked
from deployer.simulator.shared import Answer


def of_one_app(world: World, asked: Asked, live: Live) -> Answer:
    rows = [paint.process(world, live, run) for run in live.runs(world.now())]
    return page(world, asked, rows, "app-processes-list-200")


def listed(world: World, asked: Asked, _one: str) -> Answer:
    """Those of every app in the space; with `embed` each holds its instances."""
    now, instances = world.now(), asked.query.get("embed") == ["process_instances"]
    found = [
        (live, run)
        for live in world.apps.values()
        if wanted(asked, "space_guids", SPACE)
        and wanted(asked, "organization_guids", ORGANIZATION)
        and wanted(asked, "app_guids", live.guid)
        for run in live.runs(now)
        if wanted(asked, "guids", run.guid) and wanted(asked, "types", run.process.type)
    ]
    rows = [
        {**paint.process(world, live, run), **({"process_instances": paint.embedded(run, now)} if instances else {})} for live, run in found
    ]
    return page(world, asked, rows, "app-processes-list-200")


def of_process(answer: Callable[[World, Asked, Live, Run], Answer]) -> Handler:
    """The answer of a process that is still there: after a rolling deployment the old one is not (cloudfoundry-api 7)."""

    def answered(world: World, asked: Asked, one: str) -> Answer:
        found = world.run(one)
        return answer(world, asked, *found) if found else reply("process-stats-404")

    return answered


def process(world: World, _asked: Asked, live: Live, run: Run) -> Answer:
    return reply("app-get-200-started", paint.process(world, live, run))


def sidecars(world: World, asked: Asked, _live: Live, _run: Run) -> Answer:
    return page(world, asked, [])


def stats(world: World, _asked: Asked, _live: Live, run: Run) -> Answer:
    now = world.now()
    rows: list[Body] = [paint.instance(run, index, now) for index in range(run.wanted(now))]
    name = "process-stats-200-metrics-unavailable-warning" if paint.blind(run, now) else "process-stats-200-all-running"
    return reply(name, {"resources": rows})


def process_instances(world: World, _asked: Asked, _live: Live, run: Run) -> Answer:
    body = paint.addressed(world, {**paint.recorded(world, "process-instances-200"), "guid": PROCESS}, "processes", run.guid)
    return reply("process-instances-200", {"resources": paint.embedded(run, world.now()), "links": body["links"]})
