"""What no client of ours may do, checked against the journal: each check yields sentences that name the request (architecture 6)."""

from collections import Counter
from collections.abc import Callable, Iterator

from deployer.simulator import Session
from deployer.simulator.coolify.checks import abilities, name_of
from deployer.simulator.coolify.routes import ROUTES, found
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.deployments import Deployment
from deployer.simulator.serving.journal import TLS, Request

MISSING = "Missing required permissions: "
READING = frozenset({"GET", "HEAD"})
WRITTEN = frozenset({"create", "rollback"})
ALTERING = WRITTEN | {"patch", "application_envs_set", "service_envs_set", "database_envs_set"}


def sent(server: Server) -> list[Request]:
    """What was asked of Coolify."""
    return [asked for asked in server.journal if not asked.of_site]


def violations(session: Session, *, changes_nothing: bool = False) -> list[str]:
    """Every breach, a sentence each, in the order of the checks; empty for a client that behaved.

    `changes_nothing`: the run was one that may only read and probe; another one needs the probes only before it alters something.
    """
    server, checks = session.server, (*CHECKS, writes if changes_nothing else probes)
    with server.lock:
        return [f"the simulator itself failed at {fault}" for fault in server.faults] + [
            said for check in checks for said in check(server)
        ]


def started_too_often(server: Server) -> Iterator[str]:
    """Nothing is deployed, started, stopped, rolled back or made twice. Another image or commit is another deployment.

    Source: architecture, promise 3.
    """
    done = Counter(
        (f"{named(server, row.app_uuid)} was {deed(row)}", *release(row)) for row in server.rows if row.mine
    )
    done += Counter(
        (f"{named(server, act.uuid)} was {'stopped' if act.name == 'stop' else 'started'}",)
        for act in server.acts
    )
    done += Counter({(f"tag {tag} was deployed",): times for tag, times in server.tagged.items()})
    done += Counter((f"an application {name} was made",) for name in server.created)
    for (what, *_), times in done.items():
        if times > server.scenario.starts:
            yield f"{what} {times} times, {server.scenario.starts} would have been right"


def deed(row: Deployment) -> str:
    return "rolled back" if row.options.rollback else "started"


def release(row: Deployment) -> tuple[str, ...]:
    """What tells one deployment of an application from another."""
    return (
        () if row.options.rollback else (str(row.app.fields.get("docker_registry_image_name")), row.release)
    )


def named(server: Server, uuid: str) -> str:
    return f"{server.resources[uuid].kind if uuid in server.resources else 'application'} {uuid}"


def unknown_places(server: Server) -> Iterator[str]:
    for request in sent(server):
        if request.path != TLS and name_of(request) == "other" and not request.path.endswith("/login"):
            yield f"{request}: there is no such endpoint"


def unknown_fields(server: Server) -> Iterator[str]:
    for request in sent(server):
        route = next((route for route in ROUTES if route.name == name_of(request)), None)
        for key, values in request.query.items() if route else ():
            allowed = (route and route.query) or {}
            pattern = allowed.get(key)
            if key not in allowed:
                yield f"{request}: there is no parameter {key!r} here"
            elif len(values) > 1 or (pattern and not pattern.fullmatch(values[0])):
                yield f"{request}: {key!r} must not be sent like that"


def bodies(server: Server) -> Iterator[str]:
    """Parameters go in the query string: the one way that every version reads (coolify-api 5.1). What is written goes in the body."""
    for request in sent(server):
        if request.body and request.method != "PATCH" and name_of(request) not in WRITTEN:
            yield f"{request}: a body was sent, parameters belong into the query"


def writes(server: Server) -> Iterator[str]:
    """A run that changes nothing reads and probes (architecture 4)."""
    for request in sent(server):
        if request.method not in READING and request.path != TLS and not probing(request):
            yield f"{request}: this run may change nothing"


def probes(server: Server) -> Iterator[str]:
    """Who alters something, or tries to, looks first whether it may; and so does who then learns that it may not.

    Before 4.3.0 the way back of a repository alters something: who wants to have one looks before the deployment.
    """
    alters = any(name_of(asked) in ALTERING and not probing(asked) for asked in sent(server)) or _only_pins(
        server
    )
    for request in () if alters or denied(server) else sent(server):
        if probing(request):
            yield f"{request}: this run had no need to probe what the token may do"


def _only_pins(server: Server) -> bool:
    return "rollback" in server.scenario.version.absent


def denied(server: Server) -> bool:
    """Whether a probe was answered that the token lacks an ability, and nothing but probes came after the first of them."""
    request = sent(server)
    first = next((place for place, each in enumerate(request) if probing(each)), len(request))
    rest = request[first:]
    return any(each.status == 403 for each in rest) and all(
        probing(each) or each.method in READING for each in rest
    )


def probing(request: Request) -> bool:
    """One of the two requests that show an ability and do nothing (coolify-api 2)."""
    name = name_of(request)
    return not request.query and (
        (name == "deploy" and not request.body) or (name == "patch" and request.body.strip() == b"{}")
    )


def redirects(server: Server) -> Iterator[str]:
    for request in sent(server):
        if request.path == TLS:
            yield f"{TLS}: a redirect was followed"
        elif request.bearer and request.path.endswith("/login"):
            yield f"{request}: a redirect was followed with the token"


def after_a_refusal(server: Server) -> Iterator[str]:
    """Architecture, rule 3: a 401 ends everything, a 403 for an ability ends what needs that ability, any other 403 ends everything."""
    over: Request | None = None
    lacking: dict[str, Request] = {}
    for request in sent(server):
        hit = found(request.path, request.method)
        ability = ", ".join(abilities(server.scenario.version, hit[0])) if hit else ""
        if over:
            yield f"{request}: came after {over} had been answered {over.status} {over.error}"
        elif ability in lacking:
            yield f"{request}: came after {lacking[ability]} had been answered that the token lacks {ability!r}"
        if request.status == 401 or (request.status == 403 and not request.error.startswith(MISSING)):
            over = over or request
        elif request.status == 403 and ability:
            lacking.setdefault(ability, request)


def manners(server: Server) -> Iterator[str]:
    for request in sent(server):
        if request.path == TLS:
            continue
        if request.headers.get("accept") != "application/json":
            yield f"{request}: without 'Accept: application/json' Coolify answers HTML"
        if not request.bearer:
            yield f"{request}: came without the token"
        if not request.headers.get("user-agent", "").startswith("deployer/"):
            yield f"{request}: the User-Agent does not name us"


def sites(server: Server) -> Iterator[str]:
    """An application is no Coolify: it gets nothing that is meant for that (architecture 5)."""
    for request in server.journal:
        for name in ("authorization", "cookie") if request.of_site else ():
            if name in request.headers:
                yield f"{request}: the site was sent the header {name!r}"


def foreign_cancels(server: Server) -> Iterator[str]:
    """Architecture, promise 4: what somebody else started is never touched. What follows on additional servers from ours is ours."""
    mine = {row.uuid for row in server.rows if row.mine or (row.main and row.main.mine)}
    for request in () if server.scenario.may_cancel else sent(server):
        hit = found(request.path, request.method)
        if hit and name_of(request) == "cancel" and hit[1] not in mine:
            yield f"{request}: this client did not start that deployment"


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
