"""How Coolify checks a request before the endpoint handles it, in this order (coolify-api 3.2)."""

from collections.abc import Mapping
from dataclasses import replace

from deployer.simulator.coolify.replies import body_of, filled, reply
from deployer.simulator.coolify.routes import ACTIONS, Route, found
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.site import visited
from deployer.simulator.coolify.versions import Version
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request


def respond(server: Server, request: Request) -> Response:
    """The response of a healthy server.

    401, throttle, team and role, API off, ability, 405, then the endpoint.
    """
    if request.path.startswith("//") or not request.path.startswith("/api/"):
        return visited(server, request) if request.of_site else login(request)
    hit = found(request.path, request.method)
    known = (
        hit is not None
        and hit[0].name not in server.scenario.version.absent
        and _reached(hit[0], request.method)
    )
    if hit and known and hit[0].ability and not server.known(request.bearer):
        return reply("unauth_bad")
    if hit and known and hit[0].name == "health_of_all":  # it has its own throttle (coolify-api 3.4)
        return hit[0].handler(server, request, "")
    left = server.throttle.left(server.now())
    if left < 0:
        return throttled(server)
    if not hit or not known:
        return counted(reply("catchall_404"), left)
    return counted(_refused(server, hit[0]) or _done(server, hit[0], request, hit[1]), left)


def name_of(request: Request) -> str:
    """The name of the route of a request, by path and method; `other` if there is none."""
    hit = found(request.path, request.method)
    return hit[0].name if hit and request.method == hit[0].method else "other"


def caught_as(version: Version, request: Request) -> str:
    """The name of the route by which faults are chosen.

    Until 4.1.2 a GET on an action performs it as well.
    """
    hit = found(request.path, request.method)
    acts = hit is not None and request.method == "GET" and hit[0].name in ACTIONS and not version.post_only
    return hit[0].name if hit and acts else name_of(request)


def _reached(route: Route, method: str) -> bool:
    getting = method in {"GET", "HEAD"}
    return method == route.method or (getting and (route.method == "GET" or route.name in ACTIONS))


def _refused(server: Server, route: Route) -> Response | None:
    """The rejection; None if the token may do this."""
    scenario = server.scenario
    if not route.ability:
        return None
    if bar := scenario.version.bars.get(scenario.bar, scenario.bar):
        return reply(bar)
    wanted = abilities(scenario.version, route)
    if scenario.abilities.isdisjoint({*wanted, "root"}):
        return filled("app_start_read403", message=f"Missing required permissions: {', '.join(wanted)}")
    return None


def abilities(version: Version, route: Route) -> tuple[str, ...]:
    """The abilities of which the route requires one (coolify-api 4)."""
    if route.name == "deploy":
        return version.deploy_abilities
    return (version.start_ability if route.name in ACTIONS else route.ability,)


def _done(server: Server, route: Route, request: Request, uuid: str) -> Response:
    if route.name in ACTIONS and request.method != "POST" and server.scenario.version.post_only:
        return reply("deploy_get_405")
    return route.handler(server, request, uuid)


def login(request: Request) -> Response:
    """Outside of the API: the dashboard, which redirects to its login page (coolify-api 17.1 row 28)."""
    recorded = "http://127.0.0.1/login"
    place = f"http://{request.headers.get('host', '127.0.0.1')}/login"
    return reply("api_root", body_of("api_root").replace(recorded, place), {"Location": place})


def throttled(server: Server) -> Response:
    seconds = server.throttle.patience(server.now())
    reset = int(server.wall().timestamp()) + seconds
    return reply("ratelimit_429", headers={"Retry-After": str(seconds), "X-RateLimit-Reset": str(reset)})


def counted(response: Response, left: int) -> Response:
    """The response with the number of requests left, if the recorded one has it."""
    return with_headers(response, {"X-RateLimit-Remaining": str(left)})


def with_headers(response: Response, values: Mapping[str, str]) -> Response:
    """The response with new values for headers that it has, in any case (coolify-api 17.1 row 11)."""
    known = {key.lower(): value for key, value in values.items()}
    return replace(
        response, headers=tuple((key, known.get(key.lower(), value)) for key, value in response.headers)
    )


def shown(request: Request, response: Response) -> Response:
    """The response for a client that does not ask for JSON.

    A page for Laravel's errors, a redirect for its validation (coolify-api 3.1).
    """
    if not response.otherwise or wants_json(request):
        return response
    host = request.headers.get("host", "127.0.0.1")
    page = reply(
        response.otherwise, body_of(response.otherwise).replace("http://127.0.0.1", f"http://{host}")
    )
    headers = {
        key.lower(): value
        for key, value in response.headers
        if key.lower().startswith(("retry-", "x-ratelimit-"))
    }
    return with_headers(page, {**headers, "Location": f"http://{host}"})


def wants_json(request: Request) -> bool:
    """Whether Laravel takes it as asking for JSON.

    The first accepted type, or XMLHttpRequest (coolify-api 3.1, 17.2).
    """
    types = [part.strip() for part in request.headers.get("accept", "").split(",")]
    script = request.headers.get("x-requested-with") == "XMLHttpRequest"
    return "/json" in types[0] or "+json" in types[0] or (script and types[0] in {"", "*/*"})
