"""What no client of ours may do, checked against the journal: each check yields sentences that name the request (design.md section 6)."""

from collections import Counter
from collections.abc import Callable, Iterator

from deployer.simulator.checks import abilities, name_of
from deployer.simulator.journal import TLS, Asked
from deployer.simulator.routes import ROUTES, found
from deployer.simulator.server import Server

MISSING = "Missing required permissions: "
READING = frozenset({"GET", "HEAD"})


def violations(server: Server, *, changes_nothing: bool) -> list[str]:
    """Every breach, in the order of the checks; empty for a client that behaved."""
    checks = (*CHECKS, writes if changes_nothing else probes)
    return [f"the simulator itself failed at {fault}" for fault in server.faults] + [said for check in checks for said in check(server)]


def started_too_often(server: Server) -> Iterator[str]:
    """Promise 3: nothing is deployed twice, nor started or stopped twice."""
    done = Counter(f"{named(server, row.app_uuid)} was started" for row in server.rows if row.mine)
    done += Counter(f"{named(server, act.uuid)} was {'stopped' if act.name == 'stop' else 'started'}" for act in server.acts)
    done += Counter({f"tag {tag} was deployed": times for tag, times in server.tagged.items()})
    for what, times in done.items():
        if times > server.scenario.starts:
            yield f"{what} {times} times, {server.scenario.starts} would have been right"


def named(server: Server, uuid: str) -> str:
    return f"{server.resources[uuid].kind if uuid in server.resources else 'application'} {uuid}"


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
    """Parameters go in the query string: the one way that every version reads (contract 5.1). Only PATCH has its fields in the body."""
    for asked in server.journal:
        if asked.body and asked.method != "PATCH":
            yield f"{asked}: a body was sent, parameters belong into the query"


def writes(server: Server) -> Iterator[str]:
    """A run that changes nothing reads and probes (design.md section 4)."""
    for asked in server.journal:
        if asked.method not in READING and asked.path != TLS and not probing(asked):
            yield f"{asked}: this run may change nothing"


def probes(server: Server) -> Iterator[str]:
    for asked in server.journal:
        if probing(asked):
            yield f"{asked}: this run had no need to probe what the token may do"


def probing(asked: Asked) -> bool:
    """One of the two requests that show an ability and do nothing (contract 2)."""
    name = name_of(asked)
    return not asked.query and ((name == "deploy" and not asked.body) or (name == "patch" and asked.body.strip() == b"{}"))


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
        hit = found(asked.path, asked.method)
        ability = ", ".join(abilities(server.scenario.version, hit[0])) if hit else ""
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
    """Promise 4: what somebody else started is never touched. What follows on additional servers from ours is ours."""
    mine = {row.uuid for row in server.rows if row.mine or (row.main and row.main.mine)}
    for asked in () if server.scenario.may_cancel else server.journal:
        hit = found(asked.path, asked.method)
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
