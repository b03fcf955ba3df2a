"""The order in which a request is checked before anything is done, and how its answer is addressed and counted (cloudfoundry-api 3)."""

from collections.abc import Mapping
from dataclasses import replace

from deployer.simulator.cloudfoundry.names import guid
from deployer.simulator.cloudfoundry.replies import record, refused, reply, titled
from deployer.simulator.cloudfoundry.routes import Route, found
from deployer.simulator.cloudfoundry.site import nowhere
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.journal import Asked
from deployer.simulator.shared import Answer, Then, Trouble

WINDOW, LIMIT = 3600, 20_000
WAIT = int(record("request-429-rate-limit")["response"]["headers"]["Retry-After"])  # seconds that are asked for


def place_of(world: World, asked: Asked) -> str:
    """On which of the servers a request came: `api`, `login`, `logs`, or `elsewhere`, which nothing names."""
    host = asked.headers.get("host", "")
    return next((name for name, address in world.addresses.items() if address.partition("//")[2] == host), "elsewhere")


def hit(world: World, asked: Asked) -> tuple[Route, str] | None:
    return found(place_of(world, asked), asked.path, asked.method)


def name_of(world: World, asked: Asked) -> str:
    """The route that a request is for; `other` if there is none."""
    there = hit(world, asked)
    return there[0].name if there else "other"


def respond(world: World, asked: Asked) -> tuple[Answer | None, Then | None]:
    """The answer, spoiled where the scenario says so."""
    trouble = world.trouble(name_of(world, asked))
    answer = spoiled(world, asked, trouble) if trouble else answered(world, asked)
    if answer:
        asked.status, asked.said = answer.status, titled(answer)
        answer = counted(world, asked, answer)
    return answer, trouble.then if trouble else None


def answered(world: World, asked: Asked) -> Answer:
    """What a healthy foundation answers: 404 of the router, 401, 404, 400, and only then the endpoint."""
    place, there = place_of(world, asked), hit(world, asked)
    if place == "elsewhere" or (place != "api" and not there):
        return nowhere(world, asked, "")
    route = there[0] if there else None
    if not (route and route.open):
        if not asked.bearer:
            return reply("app-start-401-no-token")
        if not world.tokens.known(asked.bearer, world.now()):
            return reply("app-start-401-expired-token")
    if not there or not route:
        return reply("request-404-unknown")
    if unknown := unknown_keys(route, asked):
        return refused("apps-list-400-bad-query", f"The query parameter is invalid: Unknown query parameter(s): '{unknown[0]}'")
    return route.answer(world, asked, there[1])


def unknown_keys(route: Route, asked: Asked) -> list[str]:
    known = route.query or {}
    return [key for key, values in asked.query.items() if key not in known or not known[key].fullmatch(values[0])]


def spoiled(world: World, asked: Asked, trouble: Trouble) -> Answer | None:
    """The answer that a trouble makes of a request; None where there is none."""
    answer = answered(world, asked) if trouble.acts or trouble.then in {Then.EDIT, Then.CUT} else None
    match trouble.then:
        case Then.REPLY:
            return reply(trouble.reply)
        case Then.EDIT:
            return trouble.edit(answer) if trouble.edit and answer else answer
        case Then.CUT:
            return answer and replace(answer, cut=True)
        case Then.CLOSE | Then.RESET | Then.HANG:
            return None


def counted(world: World, asked: Asked, answer: Answer) -> Answer:
    """The same with the request's own id, and what is left of the user's requests: an estimate in steps of a tenth."""
    number = len(world.journal)
    reset = int(world.wall().timestamp()) + WINDOW
    if answer.status == 429:
        return with_headers(answer, {"X-RateLimit-Reset": str(reset - WINDOW + WAIT)})
    theirs = asked.headers.get("x-vcap-request-id") or asked.headers.get("x-request-id")
    one = guid(f"request {number}")
    left = int((LIMIT - number) / LIMIT * 10) * LIMIT // 10
    return with_headers(
        answer,
        {
            "X-VCAP-Request-ID": f"{theirs}::{one}" if theirs else one,
            "X-RateLimit-Limit": str(LIMIT),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(reset),
        },
    )


def with_headers(answer: Answer, values: Mapping[str, str]) -> Answer:
    """The same with other values of headers that it has."""
    return replace(answer, headers=tuple((key, values.get(key, value)) for key, value in answer.headers))
