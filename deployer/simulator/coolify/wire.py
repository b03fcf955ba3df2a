"""Coolify's HTTP: responses as nginx and PHP send them, with the scenario's faults applied."""

from dataclasses import replace
from email.utils import format_datetime
from http import HTTPStatus

from deployer.simulator.coolify.checks import caught_as, counted, respond, shown, with_headers
from deployer.simulator.coolify.replies import message, reply
from deployer.simulator.coolify.server import Server
from deployer.simulator.serving import listener
from deployer.simulator.serving.exchange import Fault, Response, Then
from deployer.simulator.serving.journal import Request

ACTING = frozenset({Then.EDIT, Then.CUT})  # what needs the correct response first


class Listener(listener.Listener):
    """Listens for a simulated Coolify."""

    def __init__(self, port: int, coolify: Server) -> None:
        self.coolify = coolify
        super().__init__(port, coolify)

    def respond(self, request: Request) -> tuple[Response | None, Then | None]:
        coolify = self.coolify
        fault = None if request.of_site else coolify.trouble(caught_as(coolify.scenario.version, request))
        response = with_fault(coolify, request, fault) if fault else respond(coolify, request)
        if response:
            request.status, request.error = response.status, message(response)
            response = with_headers(
                shown(request, response), {"Date": format_datetime(coolify.wall(), usegmt=True)}
            )
        return response, fault.then if fault else None


def with_fault(coolify: Server, request: Request, fault: Fault) -> Response | None:
    """The response that a fault gives to a request; None for no response."""
    response = respond(coolify, request) if fault.acts or fault.then in ACTING else None
    match fault.then:
        case Then.REPLY:
            return at_this_time(coolify, request, reply(fault.reply))
        case Then.EDIT:
            return fault.edit(response) if fault.edit and response else response
        case Then.CUT:
            return response and replace(response, cut=True)
        case Then.CLOSE | Then.RESET | Then.HANG:
            return None


def at_this_time(coolify: Server, request: Request, plain: Response) -> Response:
    """A recorded reply with the address and times of this request."""
    if ("Location", "") in plain.headers:
        return with_headers(plain, {"Location": f"https://{request.headers.get('host', '')}{request.path}"})
    if plain.status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = int(dict(plain.headers)["Retry-After"])
        return with_headers(plain, {"X-RateLimit-Reset": str(int(coolify.wall().timestamp()) + wait)})
    limited = any(key == "X-RateLimit-Remaining" for key, _ in plain.headers)
    return counted(plain, coolify.throttle.left(coolify.now())) if limited else plain
