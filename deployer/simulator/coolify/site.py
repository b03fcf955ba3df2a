"""The deployed application itself, which is not part of Coolify: on the same port, under `/site/<uuid>`."""

from deployer.simulator.coolify.replies import reply
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.conditions import condition
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

WELL, DOWN = (200, "ok"), (503, "no available server")


def visited(server: Server, request: Request) -> Response:
    """The application's response. It was not recorded: any application may respond like this."""
    uuid = request.path.split("/")[2]
    if uuid not in server.apps:
        return reply("transport_proxy_traefik_404")
    status, text = state(server, uuid)
    return Response(
        status,
        (("Content-Type", "text/plain; charset=utf-8"), ("Connection", "keep-alive")),
        (text.encode(),),
    )


def state(server: Server, uuid: str) -> tuple[int, str]:
    """Status and body of the newest finished release. An earlier release responds with 200."""
    app, now = server.apps[uuid], server.now()
    if condition(server, uuid).startswith("exited"):
        return DOWN
    ended = server.ended(uuid)
    if not ended or ended[0].release in app.images:
        return WELL
    elapsed = now - ended[0].finished(now)
    return next(((status, text) for since, status, text in reversed(app.site) if since <= elapsed), WELL)
