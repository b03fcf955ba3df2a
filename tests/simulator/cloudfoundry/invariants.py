"""What no client of ours may do, checked against the journal: each check yields sentences that name the request (architecture 6)."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from deployer.simulator.cloudfoundry import Session
from deployer.simulator.cloudfoundry.checks import WAIT, hit, name_of, place_of, unknown_keys
from deployer.simulator.cloudfoundry.endpoints.uaa import form_of
from deployer.simulator.cloudfoundry.names import ASSERTION, CLIENT_SECRET, PASSWORD, REGISTRY_PASSWORD
from deployer.simulator.cloudfoundry.routes import ROUTES
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.serving.journal import TLS, Request

WRITES = frozenset(route.name for route in ROUTES if route.method != "GET" and route.place == "api")
STARTING = frozenset({"start", "restart", "deploy"})
SECRETS = (PASSWORD, CLIENT_SECRET, ASSERTION, REGISTRY_PASSWORD)
LIKE_CF = re.compile(
    r"[cC][fF][^/]*/\d+\.\d+\.\d+(\+|\s)"
)  # takes us for an outdated cf (cloudfoundry-api 3, the User-Agent)
AGAIN = frozenset(
    {"1000 CF-InvalidAuthToken", "170017 CF-StagingInProgress"}
)  # refusals after which the same is sent again
OVERDUE = 5.0  # simulated seconds that a request may take to arrive


def violations(session: Session, *, changes_nothing: bool = False) -> list[str]:
    """Every breach, a sentence each, in the order of the checks; empty for a client that behaved.

    `changes_nothing`: the run was one that may only read.
    """
    world, checks = session.world, (*CHECKS, *((writes,) if changes_nothing else ()))
    with world.lock:
        return [f"the simulator itself failed at {fault}" for fault in world.faults] + [
            said for check in checks for said in check(world)
        ]


def done_too_often(world: World) -> Iterator[str]:
    """Architecture, promise 3: no droplet is put live twice, and no image is staged twice."""
    for (what, app, of), times in world.acts.items():
        if times > world.scenario.starts:
            yield f"app {app}: {of} was {what} {times} times, {world.scenario.starts} would have been right"


def started_again(world: World) -> Iterator[str]:
    """A start whose answer came needs no second one, even if it does nothing."""
    started: dict[str, Request] = {}
    for request in world.journal:
        there = hit(world, request)
        if not there or there[0].name not in {"start", "stop", "restart", "assign"}:
            continue
        name, app = there[0].name, there[1]
        if name == "start" and app in started:
            yield f"{request}: it was started already, and {started[app]} was answered"
        started.pop(app, None)
        if name == "start" and request.status == 200:
            started[app] = request


def unknown_places(world: World) -> Iterator[str]:
    for request in world.journal:
        if request.path == TLS:
            yield f"{TLS}: a request went to another scheme"
        elif name_of(world, request) == "other":
            yield f"{request}: there is no such endpoint on {place_of(world, request)}"


def unknown_fields(world: World) -> Iterator[str]:
    for request in world.journal:
        there = hit(world, request)
        for key in unknown_keys(there[0], request) if there else ():
            yield f"{request}: {key!r} must not be sent like that"
        if there and there[0].name != "token" and request.body:
            yield from (
                f"{request}: there is no field {path!r} here"
                for path in sorted(paths(request.body) - there[0].body)
            )


def paths(body: bytes) -> set[str]:
    """Every field of a JSON body, with dots for deeper ones; notes may have any names."""

    def of(value: Any, way: str) -> Iterator[str]:
        for key, inner in value.items() if isinstance(value, dict) else ():
            yield f"{way}{key}"
            if way != "metadata.":
                yield from of(inner, f"{way}{key}.")

    try:
        return set(of(json.loads(body), ""))
    except ValueError:
        return {"(not JSON)"}


def strays(world: World) -> Iterator[str]:
    """A token goes to the Cloud Controller and the log-cache that the foundation named, no secret into any address."""
    for request in world.journal:
        place = place_of(world, request)
        if request.bearer and (place not in {"api", "logs"} or (place == "logs" and not world.scenario.logs)):
            yield f"{request}: the token was sent to {place}"
        if request.headers.get("authorization", "").lower().startswith("basic ") and place != "login":
            yield f"{request}: the client's name was sent to {place}"
        if request.of_site and "cookie" in request.headers:
            yield f"{request}: the site was sent a cookie"
        address = f"{request} {' '.join(value for name, value in request.headers.items() if name != 'authorization')}"
        if any(secret in address for secret in SECRETS):
            yield f"{request.method} {request.path}: a secret stands in the address or in a header"


def stale(world: World) -> Iterator[str]:
    """An expired token is renewed before it is sent; one that was refused is not sent again (cloudfoundry-api 2)."""
    refused: set[str] = set()
    for request in world.journal:
        token = world.tokens.find(request.bearer)
        if token and request.at > token.expires + OVERDUE:
            yield f"{request}: came with a token that had expired {request.at - token.expires:.0f} s before"
        if request.bearer in refused:
            yield f"{request}: came with a token that had been refused"
        if request.bearer and request.status == 401:
            refused.add(request.bearer)
        if request.error == "10002 CF-NotAuthenticated":
            yield f"{request}: came without a token"


def logins(world: World) -> Iterator[str]:
    """Five wrong passwords lock an account: one is enough to know (cloudfoundry-api 2)."""
    wrong: set[str] = set()
    for request in world.journal:
        if name_of(world, request) != "token":
            continue
        form = form_of(request)
        grant = form.get("grant_type", "")
        if grant in wrong:
            yield f"{request}: {grant} was refused before, and tried again"
        if request.status == 401:
            wrong.add(grant)
        elif request.status == 200 and grant != "refresh_token":
            wrong.discard("refresh_token")


def after_a_refusal(world: World) -> Iterator[str]:
    """Architecture, rule 3: what was refused is not sent again."""
    over: dict[tuple[str, str, bytes], Request] = {}
    for request in world.journal:
        same = (request.method, str(request), request.body)
        if name_of(world, request) in WRITES and same in over:
            yield f"{request}: came after it had been answered {over[same].status} {over[same].error}"
        if 400 <= request.status < 429 and request.error not in AGAIN:
            over.setdefault(same, request)


def impatience(world: World) -> Iterator[str]:
    """Who is told to wait waits."""
    until = 0.0
    for request in world.journal:
        if request.at + OVERDUE < until and place_of(world, request) == "api":
            yield f"{request}: came {until - request.at:.0f} s before the time that the server had asked for"
        if request.error == "10013 CF-RateLimitExceeded":
            until = request.at + WAIT


def manners(world: World) -> Iterator[str]:
    for request in world.journal:
        agent = request.headers.get("user-agent", "")
        if request.path == TLS or request.of_site:
            continue
        if request.headers.get("accept") != "application/json":
            yield f"{request}: came without 'Accept: application/json'"
        if not agent.startswith("deployer/"):
            yield f"{request}: the User-Agent does not name us"
        if LIKE_CF.search(agent):
            yield f"{request}: the User-Agent looks like an old cf, and is warned of"


def foreign_cancels(world: World) -> Iterator[str]:
    """Architecture, promise 4: what somebody else started is never touched."""
    for request in () if world.scenario.may_cancel else world.journal:
        there = hit(world, request)
        deployment = world.deployments.get(there[1]) if there and there[0].name == "cancel" else None
        if deployment and not deployment.mine:
            yield f"{request}: this client did not start that deployment"


def writes(world: World) -> Iterator[str]:
    for request in world.journal:
        if name_of(world, request) in WRITES:
            yield f"{request}: this run may change nothing"


def idle_restarts(world: World) -> Iterator[str]:
    """After a request that starts something and whose answer was lost, somebody looks before it is sent again."""
    lost: dict[str, Request] = {}
    for request in world.journal:
        name = name_of(world, request)
        if name in STARTING and name != "start" and str(request) in lost:
            yield f"{request}: was sent again, and nobody had looked what the first one did"
        if name in STARTING and (request.status == 0 or request.status >= 500):
            lost[str(request)] = request
        elif request.method == "GET" and place_of(world, request) == "api" and name != "root":
            lost.clear()


CHECKS: tuple[Callable[[World], Iterator[str]], ...] = (
    done_too_often,
    started_again,
    unknown_places,
    unknown_fields,
    strays,
    stale,
    logins,
    after_a_refusal,
    impatience,
    manners,
    foreign_cancels,
    idle_restarts,
)
