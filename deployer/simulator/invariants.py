"""What no client of ours may do, checked against the journal: each check yields sentences that name the request (architecture 6)."""

from collections import Counter
from collections.abc import Callable, Iterator

from deployer.simulator.checks import abilities, name_of
from deployer.simulator.journal import TLS, Asked
from deployer.simulator.routes import ROUTES, found
from deployer.simulator.rows import Row
from deployer.simulator.server import Server

MISSING = "Missing required permissions: "
READING = frozenset({"GET", "HEAD"})
WRITTEN = frozenset({"create", "rollback"})
ALTERING = WRITTEN | {"patch", "application_envs_set", "service_envs_set", "database_envs_set"}


def sent(server: Server) -> list[Asked]:
    """What was asked of Coolify."""
    return [asked for asked in server.journal if not asked.of_site]


def violations(server: Server, *, changes_nothing: bool) -> list[str]:
    """Every breach, in the order of the checks; empty for a client that behaved."""
    checks = (*CHECKS, writes if changes_nothing else probes)
    return [f"the simulator itself failed at {fault}" for fault in server.faults] + [said for check in checks for said in check(server)]


def started_too_often(server: Server) -> Iterator[str]:
    """Nothing is deployed, started, stopped, rolled back or made twice. Another image or commit is another deployment.

    Source: architecture, promise 3.
    """
    done = Counter((f"{named(server, row.app_uuid)} was {deed(row)}", *release(row)) for row in server.rows if row.mine)
    done += Counter((f"{named(server, act.uuid)} was {'stopped' if act.name == 'stop' else 'started'}",) for act in server.acts)
    done += Counter({(f"tag {tag} was deployed",): times for tag, times in server.tagged.items()})
    done += Counter((f"an application {name} was made",) for name in server.created)
    for (what, *_), times in done.items():
        if times > server.scenario.starts:
            yield f"{what} {times} times, {server.scenario.starts} would have been right"


def deed(row: Row) -> str:
    return "rolled back" if row.wish.rollback else "started"


def release(row: Row) -> tuple[str, ...]:
    """What tells one deployment of an application from another."""
    return () if row.wish.rollback else (str(row.app.fields.get("docker_registry_image_name")), row.release)


def named(server: Server, uuid: str) -> str:
    return f"{server.resources[uuid].kind if uuid in server.resources else 'application'} {uuid}"


def unknown_places(server: Server) -> Iterator[str]:
    for asked in sent(server):
        if asked.path != TLS and name_of(asked) == "other" and not asked.path.endswith("/login"):
            yield f"{asked}: there is no such endpoint"


def unknown_fields(server: Server) -> Iterator[str]:
    for asked in sent(server):
        route = next((route for route in ROUTES if route.name == name_of(asked)), None)
        for key, values in asked.query.items() if route else ():
            allowed = (route and route.query) or {}
            pattern = allowed.get(key)
            if key not in allowed:
                yield f"{asked}: there is no parameter {key!r} here"
            elif len(values) > 1 or (pattern and not pattern.fullmatch(values[0])):
                yield f"{asked}: {key!r} must not be sent like that"


def bodies(server: Server) -> Iterator[str]:
    """Parameters go in the query string: the one way that every version reads (coolify-api 5.1). What is written goes in the body."""
    for asked in sent(server):
        if asked.body and asked.method != "PATCH" and name_of(asked) not in WRITTEN:
            yield f"{asked}: a body was sent, parameters belong into the query"


def writes(server: Server) -> Iterator[str]:
    """A run that changes nothing reads and probes (architecture 4)."""
    for asked in sent(server):
        if asked.method not in READING and asked.path != TLS and not probing(asked):
            yield f"{asked}: this run may change nothing"


def probes(server: Server) -> Iterator[str]:
    """Who alters something, or tries to, looks first whether it may; and so does who then learns that it may not.

    Before 4.3.0 the way back of a repository alters something: who wants to have one looks before the deployment.
    """
    alters = any(name_of(asked) in ALTERING and not probing(asked) for asked in sent(server)) or _only_pins(server)
    for asked in () if alters or denied(server) else sent(server):
        if probing(asked):
            yield f"{asked}: this run had no need to probe what the token may do"


def _only_pins(server: Server) -> bool:
    return "rollback" in server.scenario.version.absent


def denied(server: Server) -> bool:
    """Whether a probe was answered that the token lacks an ability, and nothing but probes came after the first of them."""
    asked = sent(server)
    first = next((place for place, each in enumerate(asked) if probing(each)), len(asked))
    rest = asked[first:]
    return any(each.status == 403 for each in rest) and all(probing(each) or each.method in READING for each in rest)


def probing(asked: Asked) -> bool:
    """One of the two requests that show an ability and do nothing (coolify-api 2)."""
    name = name_of(asked)
    return not asked.query and ((name == "deploy" and not asked.body) or (name == "patch" and asked.body.strip() == b"{}"))


def redirects(server: Server) -> Iterator[str]:
    for asked in sent(server):
        if asked.path == TLS:
            yield f"{TLS}: a redirect was followed"
        elif asked.bearer and asked.path.endswith("/login"):
            yield f"{asked}: a redirect was followed with the token"


def after_a_refusal(server: Server) -> Iterator[str]:
    """Architecture, rule 3: a 401 ends everything, a 403 for an ability ends what needs that ability, any other 403 ends everything."""
    over: Asked | None = None
    lacking: dict[str, Asked] = {}
    for asked in sent(server):
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
    for asked in sent(server):
        if asked.path == TLS:
            continue
        if asked.headers.get("accept") != "application/json":
            yield f"{asked}: without 'Accept: application/json' Coolify answers HTML"
        if not asked.bearer:
            yield f"{asked}: came without the token"
        if not asked.headers.get("user-agent", "").startswith("deployer/"):
            yield f"{asked}: the User-Agent does not name us"


def sites(server: Server) -> Iterator[str]:
    """An application is no Coolify: it gets nothing that is meant for that (architecture 5)."""
    for asked in server.journal:
        for name in ("authorization", "cookie") if asked.of_site else ():
            if name in asked.headers:
                yield f"{asked}: the site was sent the header {name!r}"


def foreign_cancels(server: Server) -> Iterator[str]:
    """Architecture, promise 4: what somebody else started is never touched. What follows on additional servers from ours is ours."""
    mine = {row.uuid for row in server.rows if row.mine or (row.main and row.main.mine)}
    for asked in () if server.scenario.may_cancel else sent(server):
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
    sites,
    foreign_cancels,
)
