"""The checks before an endpoint handles a request, and the headers of responses (cloudfoundry-api 3)."""

from collections.abc import Mapping
from dataclasses import replace

from deployer.simulator.cloudfoundry.names import guid
from deployer.simulator.cloudfoundry.replies import error_of, record, refused, reply
from deployer.simulator.cloudfoundry.routes import Route, found
from deployer.simulator.cloudfoundry.site import nowhere
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.serving.exchange import Fault, Response, Then
from deployer.simulator.serving.journal import Request

WINDOW, LIMIT = 3600, 20_000
WAIT = int(
    record("request-429-rate-limit")["response"]["headers"]["Retry-After"]
)  # seconds between sent lines


def place_of(world: World, request: Request) -> str:
    """The server that received the request.

    `api`, `login`, `logs`, or `elsewhere`, to which nothing links.
    """
    host = request.headers.get("host", "")
    return next(
        (name for name, address in world.addresses.items() if address.partition("//")[2] == host), "elsewhere"
    )


def hit(world: World, request: Request) -> tuple[Route, str] | None:
    return found(place_of(world, request), request.path, request.method)


def name_of(world: World, request: Request) -> str:
    """The name of the route of a request; `other` if there is none."""
    there = hit(world, request)
    return there[0].name if there else "other"


def respond(world: World, request: Request) -> tuple[Response | None, Then | None]:
    """The response, with the scenario's faults applied."""
    fault = world.trouble(name_of(world, request))
    response = with_fault(world, request, fault) if fault else handle(world, request)
    if response:
        request.status, request.error = response.status, error_of(response)
        response = counted(world, request, response)
    return response, fault.then if fault else None


def handle(world: World, request: Request) -> Response:
    """The response of a healthy foundation: the router's 404, 401, 404, 400, then the endpoint."""
    place, there = place_of(world, request), hit(world, request)
    if place == "elsewhere" or (place != "api" and not there):
        return nowhere(world, request, "")
    route = there[0] if there else None
    if not (route and route.open):
        if not request.bearer:
            return reply("app-start-401-no-token")
        if not world.tokens.known(request.bearer, world.now()):
            return reply("app-start-401-expired-token")
    if not there or not route:
        return reply("request-404-unknown")
    if unknown := unknown_keys(route, request):
        return refused(
            "apps-list-400-bad-query",
            f"The query parameter is invalid: Unknown query parameter(s): '{unknown[0]}'",
        )
    return route.handler(world, request, there[1])


def unknown_keys(route: Route, request: Request) -> list[str]:
    known = route.query or {}
    return [
        key
        for key, values in request.query.items()
        if key not in known or not known[key].fullmatch(values[0])
    ]


def with_fault(world: World, request: Request, fault: Fault) -> Response | None:
    """The response that a fault gives to a request; None for no response."""
    response = handle(world, request) if fault.acts or fault.then in {Then.EDIT, Then.CUT} else None
    match fault.then:
        case Then.REPLY:
            return reply(fault.reply)
        case Then.EDIT:
            return fault.edit(response) if fault.edit and response else response
        case Then.CUT:
            return response and replace(response, cut=True)
        case Then.CLOSE | Then.RESET | Then.HANG:
            return None


def counted(world: World, request: Request, response: Response) -> Response:
    """The response with the request's id, and the user's remaining requests.

    An estimate in steps of a tenth.
    """
    number = len(world.journal)
    reset = int(world.wall().timestamp()) + WINDOW
    if response.status == 429:
        return with_headers(response, {"X-RateLimit-Reset": str(reset - WINDOW + WAIT)})
    theirs = request.headers.get("x-vcap-request-id") or request.headers.get("x-request-id")
    one = guid(f"request {number}")
    left = int((LIMIT - number) / LIMIT * 10) * LIMIT // 10
    return with_headers(
        response,
        {
            "X-VCAP-Request-ID": f"{theirs}::{one}" if theirs else one,
            "X-RateLimit-Limit": str(LIMIT),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(reset),
        },
    )


def with_headers(response: Response, values: Mapping[str, str]) -> Response:
    """The response with new values for headers that it has."""
    return replace(response, headers=tuple((key, values.get(key, value)) for key, value in response.headers))
