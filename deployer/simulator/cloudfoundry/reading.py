"""What the Cloud Controller tells: every GET (cloudfoundry-api 1, 4, 6 to 8, 10)."""

from collections.abc import Callable

from deployer.simulator.cloudfoundry import paint
from deployer.simulator.cloudfoundry.lists import page, wanted, wanted_name
from deployer.simulator.cloudfoundry.names import ORGANIZATION, ORGANIZATION_NAME, SPACE, SPACE_NAME
from deployer.simulator.cloudfoundry.replies import filled, refused, reply
from deployer.simulator.cloudfoundry.things import Live
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.journal import Asked
from deployer.simulator.shared import Answer

Handler = Callable[[World, Asked, str], Answer]


def root(world: World, _asked: Asked, _one: str) -> Answer:
    """Where everything is; of a Korifi, that there is no login server at all."""
    if world.scenario.korifi:
        return reply("root-get-200-korifi", paint.recorded(world, "root-get-200-korifi"))
    body = paint.recorded(world, "root-get-200-no-v2-no-logcache")
    places = world.addresses
    values = {
        "links.login.href": places["login"],
        "links.uaa.href": places["login"],
        "links.log_cache": {"href": places["logs"]} if world.scenario.logs else None,
        "links.cloud_controller_v3.meta.version": world.scenario.version,
    }
    return reply("root-get-200-no-v2-no-logcache", filled(body, values))


def info(world: World, _asked: Asked, _one: str) -> Answer:
    here = {"links.self.href": f"{world.addresses['api']}/v3/info"}
    return reply("v3-info-get-200", filled(paint.recorded(world, "v3-info-get-200"), here))


def organizations(world: World, asked: Asked, _one: str) -> Answer:
    rows = paint.recorded(world, "organizations-list-by-name-200")["resources"]
    return page(
        world, asked, [filled(row, {"suspended": world.scenario.suspended}) for row in rows if wanted_name(asked, ORGANIZATION_NAME)]
    )


def spaces(world: World, asked: Asked, _one: str) -> Answer:
    rows = paint.recorded(world, "spaces-list-by-name-200")["resources"]
    there = wanted_name(asked, SPACE_NAME) and wanted(asked, "organization_guids", ORGANIZATION)
    return page(world, asked, rows if there else [])


def apps(world: World, asked: Asked, _one: str) -> Answer:
    there = wanted(asked, "space_guids", SPACE)
    found = [live for live in world.apps.values() if there and wanted_name(asked, live.app.name) and wanted(asked, "guids", live.guid)]
    return page(world, asked, [paint.app(world, live) for live in found])


def of_app(answer: Callable[[World, Asked, Live], Answer]) -> Handler:
    """The answer of an app that is there."""

    def answered(world: World, asked: Asked, one: str) -> Answer:
        live = world.apps.get(one)
        return answer(world, asked, live) if live else reply("app-get-404")

    return answered


def app(world: World, _asked: Asked, live: Live) -> Answer:
    return reply("app-get-200-docker-started", paint.app(world, live))


def routes(world: World, asked: Asked, live: Live) -> Answer:
    return page(world, asked, [paint.route(world, live)] if live.app.route else [], "app-routes-list-200")


def all_routes(world: World, asked: Asked, _one: str) -> Answer:
    """Those of every app in the space."""
    there = wanted(asked, "space_guids", SPACE) and wanted(asked, "organization_guids", ORGANIZATION)
    found = [live for live in world.apps.values() if there and live.app.route and wanted(asked, "app_guids", live.guid)]
    return page(world, asked, [paint.route(world, live) for live in found], "app-routes-list-200")


def app_droplets(world: World, asked: Asked, live: Live) -> Answer:
    """Those that are staged; the world keeps no others. The oldest first."""
    found = sorted((each for each in world.droplets.values() if each.app == live.guid), key=lambda each: each.created)
    return page(world, asked, [paint.droplet(world, each) for each in found if wanted(asked, "states", "STAGED")])


def current_droplet(world: World, _asked: Asked, live: Live) -> Answer:
    droplet = world.droplets.get(live.droplet or "")
    if not droplet:
        return refused("app-get-404", "Droplet not found")
    return reply("droplet-get-200-docker", paint.droplet(world, droplet))


def droplet(world: World, _asked: Asked, one: str) -> Answer:
    found = world.droplets.get(one)
    return reply("droplet-get-200-docker", paint.droplet(world, found)) if found else refused("app-get-404", "Droplet not found")


def packages(world: World, asked: Asked, _one: str) -> Answer:
    found = [each for each in world.packages.values() if wanted(asked, "app_guids", each.app)]
    return page(world, asked, [paint.package(world, each) for each in found])


def package(world: World, _asked: Asked, one: str) -> Answer:
    found = world.packages.get(one)
    return reply("app-get-200-started", paint.package(world, found)) if found else refused("app-get-404", "Package not found")


def package_droplets(world: World, asked: Asked, one: str) -> Answer:
    built = [build.droplet for build in world.builds.values() if build.package.guid == one]
    return page(world, asked, [paint.droplet(world, world.droplets[each]) for each in built if each in world.droplets])


def builds(world: World, asked: Asked, _one: str) -> Answer:
    found = [
        each
        for each in world.builds.values()
        if wanted(asked, "package_guids", each.package.guid)
        and wanted(asked, "app_guids", each.package.app)
        and wanted(asked, "states", each.state(world.now()))
    ]
    return page(world, asked, [paint.build(world, each) for each in found])


def build(world: World, _asked: Asked, one: str) -> Answer:
    found = world.builds.get(one)
    return reply("build-get-200-staging-docker", paint.build(world, found)) if found else refused("app-get-404", "Build not found")


def deployments(world: World, asked: Asked, _one: str) -> Answer:
    now = world.now()
    found = [
        each
        for each in world.deployments.values()
        if wanted(asked, "app_guids", each.app)
        and wanted(asked, "status_values", each.status(now)[0])
        and wanted(asked, "status_reasons", each.status(now)[1])
    ]
    return page(world, asked, [paint.deployment(world, each) for each in found])


def deployment(world: World, _asked: Asked, one: str) -> Answer:
    found = world.deployments.get(one)
    return reply("deployment-get-200-deploying", paint.deployment(world, found)) if found else reply("deployment-get-404")


def audit_events(world: World, asked: Asked, _one: str) -> Answer:
    """The crashes of an app's instances, the oldest first."""
    now = world.now()
    crashes = [
        (moment, live, run, index)
        for live in world.apps.values()
        if wanted(asked, "target_guids", live.guid)
        for run in live.ran
        for moment, index in run.crashes(now)
    ]
    crashes.sort(key=lambda crash: (crash[0], crash[3]))
    there = wanted(asked, "types", "audit.app.process.crash")
    rows = [paint.crash(world, live, run, moment, index) for moment, live, run, index in crashes if there]
    return page(world, asked, rows, "audit-events-crash-200")


def roles(world: World, asked: Asked, _one: str) -> Answer:
    """Those that the user has in the space."""
    row = paint.recorded(world, "roles-list-200")["resources"][0]
    kind, user = world.scenario.role, world.tokens.user
    there = wanted(asked, "types", kind) and wanted(asked, "space_guids", SPACE) and wanted(asked, "user_guids", user)
    rows = [filled(row, {"type": kind, "relationships.user.data.guid": user})] if there and kind else []
    return page(world, asked, rows, "roles-list-200")


def feature_flag(world: World, _asked: Asked, one: str) -> Answer:
    """The one that matters here."""
    if one != "diego_docker":
        return refused("app-get-404", "Feature flag not found")
    body = paint.recorded(world, "feature-flag-get-200")
    return reply("feature-flag-get-200", filled(body, {"enabled": world.scenario.docker}))
