"""Deployments: create, cancel, continue; rolling, canary, and to a revision (cloudfoundry-api 7)."""

from collections.abc import Iterator
from typing import Any

from deployer.simulator.cloudfoundry import render
from deployer.simulator.cloudfoundry.endpoints.actions import WRITERS, denied, read
from deployer.simulator.cloudfoundry.replies import refused, reply
from deployer.simulator.cloudfoundry.state.apps import Droplet, Live
from deployer.simulator.cloudfoundry.state.deployments import Order
from deployer.simulator.cloudfoundry.state.revisions import Revision
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

CANARY = "canary"
STRATEGIES = (None, "rolling", CANARY)
OPTIONS = (
    "canary",
    "max_in_flight",
    "web_instances",
    "memory_in_mb",
    "disk_in_mb",
    "log_rate_limit_in_bytes_per_second",
)
SAME = (
    "Unable to rollback. The code and configuration you are rolling back to is the same as the deployed "
    "revision."
)
WEIGHT = "Options canary steps instance weight must be"
HEAVIEST = 100


def create(world: World, request: Request, _one: str) -> Response:
    """Create a deployment, with checks in the server's order."""
    if not world.scenario.deployments:
        return reply("deployment-create-403-disabled")
    if errors := ", ".join(mistakes(request)):
        return unusable(errors)
    live = world.apps.get(str(read(request, "relationships.app.data.guid")))
    if not live or world.scenario.role not in WRITERS:
        return reply("deployment-create-422-app")
    if refusal := denied(world):
        return refusal
    named = read(request, "revision.guid")
    back = next((each for each in live.revisions if each.guid == named), None)
    droplet = str(back.droplet if back else read(request, "droplet.guid") or live.droplet)
    if refusal := impossible(world, live, droplet, back, named):
        return refusal
    world.trigger()
    world.acts["put live", live.guid, droplet] += 1
    weights = tuple(step["instance_weight"] for step in read(request, "options.canary.steps") or ())
    canary = read(request, "strategy") == CANARY
    order = Order(read(request, "options.max_in_flight") or 1, weights if canary else None, back)
    deployment = world.deploy(live, droplet, order)
    name = "deployment-create-201-app-was-stopped" if deployment.over else "deployment-create-201-rolling"
    return reply(name, render.deployment(world, deployment))


def impossible(
    world: World, live: Live, droplet: str, back: Revision | None, named: str | None
) -> Response | None:
    """The rejection; None if this droplet of the app can be deployed.

    `back`: the revision that is `named`, if any.
    """
    if named and not back:
        return unusable("The revision does not exist")
    if world.droplets.get(droplet, Droplet("", "", "", 0)).app != live.guid:
        return reply("deployment-create-422-no-droplet")
    if world.scenario.quota:
        return reply("deployment-create-422-quota")
    return unusable(SAME) if back and live.revisions[-1].droplet == droplet else None


def mistakes(request: Request) -> Iterator[str]:
    """Errors in the body that do not depend on the app."""
    strategy, options = read(request, "strategy"), read(request, "options") or {}
    if strategy not in STRATEGIES:
        yield f"Strategy '{strategy}' is not a supported deployment strategy"
    if read(request, "revision") and read(request, "droplet"):
        yield "Droplet Cannot set both fields 'droplet' and 'revision'"
    if not isinstance(options, dict):
        yield "Options must be an object"
        return
    if unknown := [key for key in options if key not in OPTIONS]:
        yield f"Options has unsupported key(s): {', '.join(unknown)}"
    at_once = options.get("max_in_flight")
    if at_once is not None and (not whole(at_once) or at_once < 1):
        yield "Max in flight must be an integer greater than 0"
    if canary := options.get("canary"):
        yield from (
            mistakes_of(canary)
            if strategy == CANARY
            else ("Options canary are only valid for Canary deployments",)
        )


def mistakes_of(canary: Any) -> Iterator[str]:
    """Errors in the steps of a canary."""
    if not isinstance(canary, dict):
        yield "Options canary must be an object"
        return
    steps = canary.get("steps") or []
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        yield "Options canary steps must be an array of objects"
        return
    weights = [step.get("instance_weight") for step in steps]
    if not all(whole(weight) and 1 <= weight <= HEAVIEST for weight in weights):
        yield f"{WEIGHT} an Integer between 1-100 (inclusive)"
    elif weights != sorted(weights):
        yield f"{WEIGHT} sorted in ascending order"


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def unusable(detail: str) -> Response:
    return refused("deployment-create-422-app", detail)


def cancel(world: World, _request: Request, one: str) -> Response:
    """Cancel a deployment that is in progress or paused."""
    deployment = world.deployments.get(one)
    if not deployment:
        return reply("deployment-get-404")
    if refusal := denied(world):
        return refusal
    value, reason = deployment.status(world.now())
    if value != "ACTIVE":
        return refused(
            "deployment-cancel-422-final",
            f"Cannot cancel a deployment with status: {value} and reason: {reason}",
        )
    world.trigger()
    world.cancel(deployment)
    return reply("deployment-cancel-200")


def resume(world: World, _request: Request, one: str) -> Response:
    """Continue a paused canary; nothing else can be continued."""
    deployment = world.deployments.get(one)
    if not deployment:
        return reply("deployment-get-404")
    if refusal := denied(world):
        return refusal
    value, reason = deployment.status(world.now())
    if reason != "PAUSED":
        return refused(
            "deployment-cancel-422-final",
            f"Cannot continue a deployment with status: {value} and reason: {reason}",
        )
    world.trigger()
    deployment.proceed(world.now())
    return reply("deployment-cancel-200")
