"""What no client of ours may do, checked against the journal: each check yields sentences that name the request (architecture 6)."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from deployer.simulator.cloudfoundry.checks import WAIT, hit, name_of, place_of, unknown_keys
from deployer.simulator.cloudfoundry.names import ASSERTION, CLIENT_SECRET, PASSWORD, REGISTRY_PASSWORD
from deployer.simulator.cloudfoundry.routes import STARTING, WRITES
from deployer.simulator.cloudfoundry.uaa import form_of
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.journal import TLS, Asked

SECRETS = (PASSWORD, CLIENT_SECRET, ASSERTION, REGISTRY_PASSWORD)
LIKE_CF = re.compile(r"[cC][fF][^/]*/\d+\.\d+\.\d+(\+|\s)")  # takes us for an outdated cf (cloudfoundry-api 3, the User-Agent)
AGAIN = frozenset({"1000 CF-InvalidAuthToken", "170017 CF-StagingInProgress"})  # refusals after which the same is sent again
OVERDUE = 5.0  # simulated seconds that a request may take to arrive


def violations(world: World, *, changes_nothing: bool) -> list[str]:
    """Every breach, in the order of the checks; empty for a client that behaved."""
    checks = (*CHECKS, *((writes,) if changes_nothing else ()))
    return [f"the simulator itself failed at {fault}" for fault in world.faults] + [said for check in checks for said in check(world)]


def done_too_often(world: World) -> Iterator[str]:
    """Architecture, promise 3: no droplet is put live twice, and no image is staged twice."""
    for (what, app, of), times in world.acts.items():
        if times > world.scenario.starts:
            yield f"app {app}: {of} was {what} {times} times, {world.scenario.starts} would have been right"


def started_again(world: World) -> Iterator[str]:
    """A start whose answer came needs no second one, even if it does nothing."""
    started: dict[str, Asked] = {}
    for asked in world.journal:
        there = hit(world, asked)
        if not there or there[0].name not in {"start", "stop", "restart", "assign"}:
            continue
        name, app = there[0].name, there[1]
        if name == "start" and app in started:
            yield f"{asked}: it was started already, and {started[app]} was answered"
        started.pop(app, None)
        if name == "start" and asked.status == 200:
            started[app] = asked


def unknown_places(world: World) -> Iterator[str]:
    for asked in world.journal:
        if asked.path == TLS:
            yield f"{TLS}: a request went to another scheme"
        elif name_of(world, asked) == "other":
            yield f"{asked}: there is no such endpoint on {place_of(world, asked)}"


def unknown_fields(world: World) -> Iterator[str]:
    for asked in world.journal:
        there = hit(world, asked)
        for key in unknown_keys(there[0], asked) if there else ():
            yield f"{asked}: {key!r} must not be sent like that"
        if there and there[0].name != "token" and asked.body:
            yield from (f"{asked}: there is no field {path!r} here" for path in sorted(paths(asked.body) - there[0].body))


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
    for asked in world.journal:
        place = place_of(world, asked)
        if asked.bearer and (place not in {"api", "logs"} or (place == "logs" and not world.scenario.logs)):
            yield f"{asked}: the token was sent to {place}"
        if asked.headers.get("authorization", "").lower().startswith("basic ") and place != "login":
            yield f"{asked}: the client's name was sent to {place}"
        if asked.of_site and "cookie" in asked.headers:
            yield f"{asked}: the site was sent a cookie"
        address = f"{asked} {' '.join(value for name, value in asked.headers.items() if name != 'authorization')}"
        if any(secret in address for secret in SECRETS):
            yield f"{asked.method} {asked.path}: a secret stands in the address or in a header"


def stale(world: World) -> Iterator[str]:
    """An expired token is renewed before it is sent; one that was refused is not sent again (cloudfoundry-api 2)."""
    refused: set[str] = set()
    for asked in world.journal:
        token = world.tokens.find(asked.bearer)
        if token and asked.at > token.expires + OVERDUE:
            yield f"{asked}: came with a token that had expired {asked.at - token.expires:.0f} s before"
        if asked.bearer in refused:
            yield f"{asked}: came with a token that had been refused"
        if asked.bearer and asked.status == 401:
            refused.add(asked.bearer)
        if asked.said == "10002 CF-NotAuthenticated":
            yield f"{asked}: came without a token"


def logins(world: World) -> Iterator[str]:
    """Five wrong passwords lock an account: one is enough to know (cloudfoundry-api 2)."""
    wrong: set[str] = set()
    for asked in world.journal:
        if name_of(world, asked) != "token":
            continue
        form = form_of(asked)
        grant = form.get("grant_type", "")
        if grant in wrong:
            yield f"{asked}: {grant} was refused before, and tried again"
        if asked.status == 401:
            wrong.add(grant)
        elif asked.status == 200 and grant != "refresh_token":
            wrong.discard("refresh_token")


def after_a_refusal(world: World) -> Iterator[str]:
    """Architecture, rule 3: what was refused is not sent again."""
    over: dict[tuple[str, str, bytes], Asked] = {}
    for asked in world.journal:
        same = (asked.method, str(asked), asked.body)
        if name_of(world, asked) in WRITES and same in over:
            yield f"{asked}: came after it had been answered {over[same].status} {over[same].said}"
        if 400 <= asked.status < 429 and asked.said not in AGAIN:
            over.setdefault(same, asked)


def impatience(world: World) -> Iterator[str]:
    """Who is told to wait waits."""
    until = 0.0
    for asked in world.journal:
        if asked.at + OVERDUE < until and place_of(world, asked) == "api":
            yield f"{asked}: came {until - asked.at:.0f} s before the time that the server had asked for"
        if asked.said == "10013 CF-RateLimitExceeded":
            until = asked.at + WAIT


def manners(world: World) -> Iterator[str]:
    for asked in world.journal:
        agent = asked.headers.get("user-agent", "")
        if asked.path == TLS or asked.of_site:
            continue
        if asked.headers.get("accept") != "application/json":
            yield f"{asked}: came without 'Accept: application/json'"
        if not agent.startswith("deployer/"):
            yield f"{asked}: the User-Agent does not name us"
        if LIKE_CF.search(agent):
            yield f"{asked}: the User-Agent looks like an old cf, and is warned of"


def foreign_cancels(world: World) -> Iterator[str]:
    """Architecture, promise 4: what somebody else started is never touched."""
    for asked in () if world.scenario.may_cancel else world.journal:
        there = hit(world, asked)
        deployment = world.deployments.get(there[1]) if there and there[0].name == "cancel" else None
        if deployment and not deployment.mine:
            yield f"{asked}: this client did not start that deployment"


def writes(world: World) -> Iterator[str]:
    for asked in world.journal:
        if name_of(world, asked) in WRITES:
            yield f"{asked}: this run may change nothing"


def idle_restarts(world: World) -> Iterator[str]:
    """After a request that starts something and whose answer was lost, somebody looks before it is sent again."""
    lost: dict[str, Asked] = {}
    for asked in world.journal:
        name = name_of(world, asked)
        if name in STARTING and name != "start" and str(asked) in lost:
            yield f"{asked}: was sent again, and nobody had looked what the first one did"
        if name in STARTING and (asked.status == 0 or asked.status >= 500):
            lost[str(asked)] = asked
        elif asked.method == "GET" and place_of(world, asked) == "api" and name != "root":
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
