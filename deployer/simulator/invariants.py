"""What no client of ours may do, checked against the journal: each check yields sentences that name the request (design.md section 6)."""

from collections import Counter
from collections.abc import Callable, Iterator

from deployer.simulator.checks import name_of
from deployer.simulator.journal import TLS, Asked
from deployer.simulator.routes import ROUTES, found
from deployer.simulator.server import Server

MISSING = "Missing required permissions: "


def violations(server: Server) -> list[str]:
    """Every breach, in the order of the checks; empty for a client that behaved."""
    return [f"the simulator itself failed at {fault}" for fault in server.faults] + [said for check in CHECKS for said in check(server)]


def started_too_often(server: Server) -> Iterator[str]:
    """Promise 3: nothing is deployed twice."""
    for uuid, times in Counter(row.app_uuid for row in server.rows if row.mine).items():
        if times > server.scenario.starts:
            yield f"application {uuid} was started {times} times, {server.scenario.starts} would have been right"


def unknown_places(server: Server) -> Iterator[str]:
    for asked in server.journal:
        if asked.path != TLS and name_of(asked) == "other" and not asked.path.endswith("/login"):
            yield f"{asked}: there is no such endpoint"


def unknown_fields(server: Server) -> Iterator[str]:
    for asked in server.journal:
        route = next((route for route in ROUTES if route.name == name_of(asked)), None)
        for key, values in asked.query.items() if route else ():
            allowed = (route and route.query) or {}
            pattern = allowed.get(key)
            if key not in allowed:
                yield f"{asked}: there is no parameter {key!r} here"
            elif len(values) > 1 or (pattern and not pattern.fullmatch(values[0])):
                yield f"{asked}: {key!r} must not be sent like that"


def bodies(server: Server) -> Iterator[str]:
    """Parameters go in the query string: the one way that every version reads (contract 5.1)."""
    for asked in server.journal:
        if asked.body:
            yield f"{asked}: a body was sent, parameters belong into the query"


def redirects(server: Server) -> Iterator[str]:
    for asked in server.journal:
        if asked.path == TLS:
            yield f"{TLS}: a redirect was followed"
        elif asked.bearer and asked.path.endswith("/login"):
            yield f"{asked}: a redirect was followed with the token"


def after_a_refusal(server: Server) -> Iterator[str]:
    """Rule 3: a 401 ends everything, a 403 for an ability ends what needs that ability, any other 403 ends everything."""
    over: Asked | None = None
    lacking: dict[str, Asked] = {}
    for asked in server.journal:
        hit = found(asked.path)
        ability = hit[0].ability if hit else ""
        if over:
            yield f"{asked}: came after {over} had been answered {over.status} {over.said}"
        elif ability in lacking:
            yield f"{asked}: came after {lacking[ability]} had been answered that the token lacks {ability!r}"
        if asked.status == 401 or (asked.status == 403 and not asked.said.startswith(MISSING)):
            over = over or asked
        elif asked.status == 403 and ability:
            lacking.setdefault(ability, asked)


def manners(server: Server) -> Iterator[str]:
    for asked in server.journal:
        if asked.path == TLS:
            continue
        if asked.headers.get("accept") != "application/json":
            yield f"{asked}: without 'Accept: application/json' Coolify answers HTML"
        if not asked.bearer:
            yield f"{asked}: came without the token"
        if not asked.headers.get("user-agent", "").startswith("deployer/"):
            yield f"{asked}: the User-Agent does not name us"


def foreign_cancels(server: Server) -> Iterator[str]:
    """Promise 4: what somebody else started is never touched."""
    mine = {row.uuid for row in server.rows if row.mine}
    for asked in server.journal:
        hit = found(asked.path)
        if hit and name_of(asked) == "cancel" and hit[1] not in mine:
            yield f"{asked}: this client did not start that deployment"


CHECKS: tuple[Callable[[Server], Iterator[str]], ...] = (
    started_too_often,
    unknown_places,
    unknown_fields,
    bodies,
    redirects,
    after_a_refusal,
    manners,
    foreign_cancels,
)
