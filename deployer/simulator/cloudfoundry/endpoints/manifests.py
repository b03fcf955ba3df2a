"""Applies a manifest to a space, by a job. Only the apps' names are used (cloudfoundry-api 10)."""

import re

from deployer.simulator.cloudfoundry import render
from deployer.simulator.cloudfoundry.endpoints.actions import DEVELOPERS, denied
from deployer.simulator.cloudfoundry.names import SPACE, guid
from deployer.simulator.cloudfoundry.replies import filled, refused, reply
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

NAMED = re.compile(r"^- name: *(.+?) *$|^  name: *(.+?) *$", re.MULTILINE)


def apply(world: World, request: Request, one: str) -> Response:
    """Create the apps that do not exist, stopped and without a droplet."""
    if one != SPACE:
        return refused("app-get-404", "Space not found")
    if refusal := denied(world, DEVELOPERS):
        return refusal
    world.trigger()
    for match in NAMED.finditer(request.body.decode("utf-8", "replace")):
        name = (match[1] or match[2]).strip("\"'")
        if name not in {live.app.name for live in world.apps.values()}:
            world.create(name)
    made = guid(f"job {len(world.jobs) + 1}")
    world.jobs.append(made)
    return reply("manifest-apply-202", headers={"Location": f"{world.addresses['api']}/v3/jobs/{made}"})


def job(world: World, _request: Request, one: str) -> Response:
    """A job, which is always complete."""
    if one not in world.jobs:
        return refused("app-get-404", "Job not found")
    body = render.addressed(world, render.recorded(world, "job-get-200-complete"), "jobs", one)
    return reply("job-get-200-complete", filled(body, {"operation": "space.apply_manifest"}))
