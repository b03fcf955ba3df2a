"""Start, restart, stop, cancel, and the deletion of a preview (coolify-api 5.2, 5.4, 5.5)."""

from collections.abc import Callable

from deployer.simulator.coolify.endpoints.parameters import inputs, text, true
from deployer.simulator.coolify.replies import filled, reply
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.conditions import act, condition
from deployer.simulator.coolify.state.deployments import DeployOptions
from deployer.simulator.coolify.state.script import TERMINAL
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request


def start(server: Server, request: Request, uuid: str) -> Response:
    """`instant_deploy` does not wait for other builds, but for a full queue (coolify-api 17.1 row 3)."""
    reads = server.scenario.version.start_reads
    sent = inputs(request, body=reads)
    force, instant = (true(sent.get(key), strict=reads) for key in ("force", "instant_deploy"))
    return queued(
        server, text(sent.get("uuid")) or uuid, DeployOptions(force=force, instant=instant), "app_start"
    )


def restart(server: Server, request: Request, uuid: str) -> Response:
    sent = inputs(request, body=server.scenario.version.start_reads)
    return queued(server, text(sent.get("uuid")) or uuid, DeployOptions(restart=True), "restart_queue_full")


def queued(server: Server, uuid: str, options: DeployOptions, name: str) -> Response:
    """A full queue gives a phantom in a 200; a skipped deployment has no uuid (coolify-api 5.2)."""
    if uuid not in server.apps:
        return reply("app_start_unknown")
    server.trigger()
    if server.full(uuid):
        return filled(name, deployment_uuid=server.phantom())
    if server.skipped(uuid, options):
        return reply("start_skipped")
    return filled(name, deployment_uuid=server.enqueue(uuid, options).uuid)


def stop(server: Server, request: Request, uuid: str) -> Response:
    uuid = text(inputs(request).get("uuid")) or uuid
    if uuid not in server.apps:
        return reply("app_start_unknown")
    server.trigger()
    act(server, uuid, "stop")
    return reply("app_stop")


def acting(kind: str, name: str) -> Callable[[Server, Request, str], Response]:
    """The endpoint that starts, restarts or stops a service or database. A job does it some seconds later."""

    def handle(server: Server, request: Request, uuid: str) -> Response:
        sent, version = inputs(request), server.scenario.version
        uuid = text(sent.get("uuid")) or uuid  # an input named `uuid` takes precedence over the path
        resource = server.resources.get(uuid)
        if resource is None or resource.kind != kind:
            return reply(f"{kind}_unknown")
        state = condition(server, uuid).partition(":")[0]
        if (name, state) in {("start", "running"), ("stop", "exited")}:
            return reply(f"{kind}_{name}_{state}")
        server.trigger()
        latest = kind == "service" and name == "restart" and true(sent.get("latest")) and version.latest
        act(server, uuid, "latest" if latest else name)
        return reply(f"{kind}_{name}")

    return handle


def cancel(server: Server, _request: Request, uuid: str) -> Response:
    row = server.row(uuid)
    if row is None:
        return reply("cancel_deploytoken_404")
    if row.stranger:
        return reply("cancel_other_team")
    if (status := server.status(row)) in TERMINAL:
        return filled(
            "cancel_terminal_400", message=f"Deployment cannot be cancelled. Current status: {status}"
        )
    server.cancel(row)
    scenario = server.scenario
    if scenario.version.shows_ssh_error and not scenario.reachable:
        return reply("v4.0.0_cancel_server_unreachable")
    name = scenario.version.cancelled
    return filled(name, deployment_uuid=uuid) if name == "cancel_queued_200" else reply(name)


def preview_delete(server: Server, request: Request, uuid: str) -> Response:
    """Deletes the preview and cancels its deployments (coolify-api 7.1)."""
    pr = request.path.rstrip("/").rpartition("/")[2]
    if uuid not in server.apps:
        return reply("app_start_unknown")
    if not pr.isdecimal() or int(pr) < 1:
        return reply("preview_delete_422")
    if int(pr) not in server.previews[uuid]:
        return reply("preview_delete_404")
    server.trigger()
    server.previews[uuid].remove(int(pr))
    for row in server.active():
        if row.app_uuid == uuid and row.options.pr == int(pr):
            server.cancel(row)
    return reply("preview_delete_200")
