"""Start, stop, restart, the current droplet, packages and builds (cloudfoundry-api 5 and 6)."""

import json
from typing import Any

from deployer.simulator.cloudfoundry import render
from deployer.simulator.cloudfoundry.endpoints.read import Handler
from deployer.simulator.cloudfoundry.names import REGISTRY_PASSWORD, REGISTRY_USERNAME, guid
from deployer.simulator.cloudfoundry.replies import Body, filled, refused, reply
from deployer.simulator.cloudfoundry.scenario import DENIED
from deployer.simulator.cloudfoundry.state.apps import Build, Live, Package
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

WRITERS = frozenset({"space_developer", "space_supporter"})
DEVELOPERS = frozenset({"space_developer"})
NO_APP = "App is invalid. Ensure it exists and you have access to it."


def denied(world: World, roles: frozenset[str] = WRITERS) -> Response | None:
    """The rejection; None if the user's role allows writes, and the organization is not suspended."""
    if world.scenario.role not in roles:
        return reply("app-start-403-not-authorized")
    return reply("app-start-403-org-suspended") if world.scenario.suspended else None


def undocked(world: World, live: Live) -> Response | None:
    """The rejection; None if apps of this kind may run here."""
    return reply("app-start-403-docker-disabled") if live.app.docker and not world.scenario.docker else None


def acted(name: str, state: str) -> Handler:
    """Start, stop or restart, with checks in the server's order (cloudfoundry-api 5)."""

    def handle(world: World, _request: Request, one: str) -> Response:
        live = world.apps.get(one)
        if not live:
            return reply("app-get-404")
        if state == "STARTED" and not live.droplet:
            return reply("app-start-422-no-droplet")
        if refusal := denied(world) or (starting(world, live) if state == "STARTED" else None):
            return refusal
        world.trigger()
        was = live.state
        world.change(live, state)
        if state == "STOPPED":
            world.stop(live)
        elif name == "app-restart-200" or was == "STOPPED":
            world.acts["put live", one, str(live.droplet)] += 1
            world.revise(live, world.now())
            world.start(live)
        return reply(name, render.app(world, live))

    return handle


def starting(world: World, live: Live) -> Response | None:
    """The rejection of a start; None if it only lacked a droplet."""
    if refusal := undocked(world, live):
        return refusal
    return refused("app-start-422-log-rate-quota", world.scenario.quota) if world.scenario.quota else None


def assign(world: World, request: Request, one: str) -> Response:
    live = world.apps.get(one)
    if not live:
        return reply("app-get-404")
    if refusal := denied(world):
        return refusal
    if world.running(one):
        return reply("current-droplet-patch-422-deploying")
    droplet = world.droplets.get(str(read(request, "data.guid")))
    if not droplet or droplet.app != one:
        return reply("current-droplet-patch-422-not-assignable")
    world.trigger()
    live.droplet = droplet.guid
    body = render.recorded(world, "current-droplet-patch-200", one)
    return reply("current-droplet-patch-200", filled(body, {"data.guid": droplet.guid}))


def pack(world: World, request: Request, _one: str) -> Response:
    """Create a package of an image. The response never has the password."""
    live = world.apps.get(str(read(request, "relationships.app.data.guid")))
    if not live:
        return refused("package-create-422-buildpack-app", NO_APP)
    if refusal := denied(world, DEVELOPERS) or undocked(world, live):
        return refusal
    if not live.app.docker:
        return reply("package-create-422-buildpack-app")
    world.trigger()
    image, number = str(read(request, "data.image")), len(world.packages) + 1
    username = read(request, "data.username")
    package = Package(guid(f"package {number}"), live.guid, image, username, world.now())
    world.packages[package.guid] = package
    if world.scenario.registry and (username, read(request, "data.password")) != (
        REGISTRY_USERNAME,
        REGISTRY_PASSWORD,
    ):
        world.denied.add(package.guid)
    return reply("package-create-docker-201", render.package(world, package))


def stage(world: World, request: Request, _one: str) -> Response:
    """Create a build of a package; only one at a time per app."""
    package = world.packages.get(str(read(request, "package.guid")))
    if not package:
        return reply("build-create-422-package")
    if refusal := denied(world):
        return refusal
    if world.staging(package.app):
        return reply("build-create-422-in-progress")
    world.trigger()
    number, live = len(world.builds) + 1, world.apps[package.app]
    staging = DENIED if package.guid in world.denied else live.app.staging
    build = Build(guid(f"build {number}"), package, world.now(), staging, guid(f"droplet of build {number}"))
    world.builds[build.guid] = build
    world.acts["staged", live.guid, package.image] += 1
    return reply("build-create-201-staging-docker", render.build(world, build))


def read(request: Request, path: str) -> Any:
    """The value at this path in a request's JSON; None if absent."""
    try:
        place: Body = json.loads(request.body)
    except ValueError:
        return None
    for step in path.split("."):
        place = place.get(step) if isinstance(place, dict) else None
    return place
