"""Rollbacks, since 4.3.0: the list of images, and the deployment of one (coolify-api 5.3)."""

import re

from deployer.simulator.coolify.endpoints.payload import invalid, objection, payload, unwanted
from deployer.simulator.coolify.replies import body_of, filled, reply
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.deployments import DeployOptions
from deployer.simulator.coolify.state.variables import DAY
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

REFERENCE = re.compile(r"[A-Za-z0-9._/-]+")
MADE = "%Y-%m-%d %H:%M:%S +0000 UTC"


def images(server: Server, _request: Request, uuid: str) -> Response:
    """The images that the server keeps, newest first; none if it is unreachable.

    A second deployment does not rebuild.

        Coolify looks for the current image in a container named like the uuid. It only finds it if container
        names are
        consistent, and otherwise marks none (captured-2/rollback_images_current_null).
    """
    if uuid not in server.apps:
        return reply("rollback_unknown")
    if not server.scenario.reachable:
        return reply("rollback_images_server_unreachable")
    ended = [(row.release, row.finished(server.now())) for row in server.ended(uuid)]
    kept = [(tag, -DAY * age) for age, tag in enumerate(server.apps[uuid].images, start=1)]
    made: dict[str, float] = {}
    for tag, at in (*ended, *kept):
        made[tag] = min(at, made.get(tag, at))
    current = (
        next(iter(made), None)
        if server.apps[uuid].fields.get("is_consistent_container_name_enabled")
        else None
    )
    order = sorted(made, key=lambda tag: -made[tag])
    recorded, renderer = body_of("rollback_images")["images"][0], server.renderer()
    shown = [
        {
            **recorded,
            "tag": tag,
            "created_at": renderer.moment(made[tag]).strftime(MADE),
            "is_current": tag == current,
        }
        for tag in order
    ]
    return filled("rollback_images", current=current, images=shown)


def rollback(server: Server, request: Request, uuid: str) -> Response:
    """Roll back. Never skipped; a full queue gives a 400."""
    sent = payload(server, request)
    if isinstance(sent, Response):
        return sent
    if uuid not in server.apps:
        return reply("rollback_unknown")
    commit = sent.get("commit")
    errors = {} if commit else {"commit": objection("rollback_missing2", "commit")}
    errors |= unwanted([field for field in (*request.query, *sent) if field != "commit"])
    if not errors and not isinstance(commit, str):
        errors["commit"] = objection("patch_type_error", "commit")
    if errors:
        return invalid(errors)
    if not REFERENCE.fullmatch(str(commit)):
        return reply("rollback_bad")
    server.trigger()
    if server.full(uuid):
        return reply("rollback_queue_full")
    row = server.enqueue(uuid, DeployOptions(rollback=True), commit=str(commit))
    return filled("v4.3.6_rollback", deployment_uuid=row.uuid)
