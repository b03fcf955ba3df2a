"""All GETs of the Cloud Controller (cloudfoundry-api 1, 4, 6 to 8, 10)."""

from collections.abc import Callable

from deployer.simulator.cloudfoundry import render
from deployer.simulator.cloudfoundry.endpoints.lists import page, wanted, wanted_name
from deployer.simulator.cloudfoundry.names import ORGANIZATION, ORGANIZATION_NAME, SPACE, SPACE_NAME
from deployer.simulator.cloudfoundry.replies import filled, refused, reply
from deployer.simulator.cloudfoundry.state.apps import Live
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

Handler = Callable[[World, Request, str], Response]


def root(world: World, _request: Request, _one: str) -> Response:
    """The links to all servers; for Korifi, without a login server."""
    if world.scenario.korifi:
        return reply("root-get-200-korifi", render.recorded(world, "root-get-200-korifi"))
    body = render.recorded(world, "root-get-200-no-v2-no-logcache")
    places = world.addresses
    values = {
        "links.login.href": places["login"],
        "links.uaa.href": places["login"],
        "links.log_cache": {"href": places["logs"]} if world.scenario.logs else None,
        "links.cloud_controller_v3.meta.version": world.scenario.version,
    }
    return reply("root-get-200-no-v2-no-logcache", filled(body, values))


def info(world: World, _request: Request, _one: str) -> Response:
    here = {"links.self.href": f"{world.addresses['api']}/v3/info"}
    return reply("v3-info-get-200", filled(render.recorded(world, "v3-info-get-200"), here))


def organizations(world: World, request: Request, _one: str) -> Response:
    rows = render.recorded(world, "organizations-list-by-name-200")["resources"]
    return page(
        world,
        request,
        [
            filled(row, {"suspended": world.scenario.suspended})
            for row in rows
            if wanted_name(request, ORGANIZATION_NAME)
        ],
    )


def spaces(world: World, request: Request, _one: str) -> Response:
    rows = render.recorded(world, "spaces-list-by-name-200")["resources"]
    there = wanted_name(request, SPACE_NAME) and wanted(request, "organization_guids", ORGANIZATION)
    return page(world, request, rows if there else [])


def apps(world: World, request: Request, _one: str) -> Response:
    there = wanted(request, "space_guids", SPACE)
    found = [
        live
        for live in world.apps.values()
        if there and wanted_name(request, live.app.name) and wanted(request, "guids", live.guid)
    ]
    return page(world, request, [render.app(world, live) for live in found])


def of_app(response: Callable[[World, Request, Live], Response]) -> Handler:
    """The response for an app that exists."""

    def handle(world: World, request: Request, one: str) -> Response:
        live = world.apps.get(one)
        return response(world, request, live) if live else reply("app-get-404")

    return handle


def app(world: World, _request: Request, live: Live) -> Response:
    return reply("app-get-200-docker-started", render.app(world, live))


def routes(world: World, request: Request, live: Live) -> Response:
    return page(world, request, [render.route(world, live)] if live.app.route else [], "app-routes-list-200")


def all_routes(world: World, request: Request, _one: str) -> Response:
    """The routes of every app in the space."""
    there = wanted(request, "space_guids", SPACE) and wanted(request, "organization_guids", ORGANIZATION)
    found = [
        live
        for live in world.apps.values()
        if there and live.app.route and wanted(request, "app_guids", live.guid)
    ]
    return page(world, request, [render.route(world, live) for live in found], "app-routes-list-200")


def app_droplets(world: World, request: Request, live: Live) -> Response:
    """The staged droplets, oldest first; no others are kept."""
    found = sorted(
        (each for each in world.droplets.values() if each.app == live.guid), key=lambda each: each.created
    )
    return page(
        world, request, [render.droplet(world, each) for each in found if wanted(request, "states", "STAGED")]
    )


def current_droplet(world: World, _request: Request, live: Live) -> Response:
    droplet = world.droplets.get(live.droplet or "")
    if not droplet:
        return refused("app-get-404", "Droplet not found")
    return reply("droplet-get-200-docker", render.droplet(world, droplet))


def droplet(world: World, _request: Request, one: str) -> Response:
    found = world.droplets.get(one)
    return (
        reply("droplet-get-200-docker", render.droplet(world, found))
        if found
        else refused("app-get-404", "Droplet not found")
    )


def packages(world: World, request: Request, _one: str) -> Response:
    found = [each for each in world.packages.values() if wanted(request, "app_guids", each.app)]
    return page(world, request, [render.package(world, each) for each in found])


def package(world: World, _request: Request, one: str) -> Response:
    found = world.packages.get(one)
    return (
        reply("app-get-200-started", render.package(world, found))
        if found
        else refused("app-get-404", "Package not found")
    )


def package_droplets(world: World, request: Request, one: str) -> Response:
    built = [build.droplet for build in world.builds.values() if build.package.guid == one]
    return page(
        world,
        request,
        [render.droplet(world, world.droplets[each]) for each in built if each in world.droplets],
    )


def builds(world: World, request: Request, _one: str) -> Response:
    found = [
        each
        for each in world.builds.values()
        if wanted(request, "package_guids", each.package.guid)
        and wanted(request, "app_guids", each.package.app)
        and wanted(request, "states", each.state(world.now()))
    ]
    return page(world, request, [render.build(world, each) for each in found])


def build(world: World, _request: Request, one: str) -> Response:
    found = world.builds.get(one)
    return (
        reply("build-get-200-staging-docker", render.build(world, found))
        if found
        else refused("app-get-404", "Build not found")
    )


def deployments(world: World, request: Request, _one: str) -> Response:
    now = world.now()
    found = [
        each
        for each in world.deployments.values()
        if wanted(request, "app_guids", each.app)
        and wanted(request, "status_values", each.status(now)[0])
        and wanted(request, "status_reasons", each.status(now)[1])
    ]
    return page(world, request, [render.deployment(world, each) for each in found])


def deployment(world: World, _request: Request, one: str) -> Response:
    found = world.deployments.get(one)
    return (
        reply("deployment-get-200-deploying", render.deployment(world, found))
        if found
        else reply("deployment-get-404")
    )


def audit_events(world: World, request: Request, _one: str) -> Response:
    """The crashes of an app's instances, oldest first."""
    now = world.now()
    crashes = [
        (moment, live, run, index)
        for live in world.apps.values()
        if wanted(request, "target_guids", live.guid)
        for run in live.ran
        for moment, index in run.crashes(now)
    ]
    crashes.sort(key=lambda crash: (crash[0], crash[3]))
    there = wanted(request, "types", "audit.app.process.crash")
    rows = [render.crash(world, live, run, moment, index) for moment, live, run, index in crashes if there]
    return page(world, request, rows, "audit-events-crash-200")


def roles(world: World, request: Request, _one: str) -> Response:
    """The user's roles in the space."""
    row = render.recorded(world, "roles-list-200")["resources"][0]
    kind, user = world.scenario.role, world.tokens.user
    there = (
        wanted(request, "types", kind)
        and wanted(request, "space_guids", SPACE)
        and wanted(request, "user_guids", user)
    )
    rows = [filled(row, {"type": kind, "relationships.user.data.guid": user})] if there and kind else []
    return page(world, request, rows, "roles-list-200")


def feature_flag(world: World, _request: Request, one: str) -> Response:
    """The feature flag for Docker apps."""
    if one != "diego_docker":
        return refused("app-get-404", "Feature flag not found")
    body = render.recorded(world, "feature-flag-get-200")
    return reply("feature-flag-get-200", filled(body, {"enabled": world.scenario.docker}))
