"""What no client may do, checked in the journal (architecture 6).

Each check yields sentences that name the request.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from deployer.simulator import Session
from deployer.simulator.coolify.checks import abilities, name_of
from deployer.simulator.coolify.routes import ROUTES, found
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.deployments import Deployment
from deployer.simulator.serving.journal import TLS, Request

MISSING = "Missing required permissions: "
READ_METHODS = frozenset({"GET", "HEAD"})
WITH_BODY = frozenset({"create", "rollback"})
CHANGING = WITH_BODY | {"patch", "application_envs_set", "service_envs_set", "database_envs_set"}


def requests_to_coolify(server: Server) -> list[Request]:
    """The requests that were sent to Coolify."""
    return [request for request in server.journal if not request.of_site]


def violations(session: Session, *, changes_nothing: bool = False) -> list[str]:
    """One sentence for every violation, in the order of the checks.

    `changes_nothing`: the run may only read and probe. Other runs may probe only before they change
    something.
    """
    server, checks = session.server, (*CHECKS, writes if changes_nothing else probes)
    with server.lock:
        return [f"the simulator itself failed at {fault}" for fault in server.faults] + [
            sentence for check in checks for sentence in check(server)
        ]


def started_too_often(server: Server) -> Iterator[str]:
    """Nothing is deployed, started, stopped, rolled back or created twice (architecture, promise 3).

    Another image or commit is another deployment.
    """
    counts = Counter(
        (f"{resource_name(server, row.app_uuid)} was {action(row)}", *identity(row))
        for row in server.rows
        if row.mine
    )
    counts += Counter(
        (f"{resource_name(server, act.uuid)} was {'stopped' if act.name == 'stop' else 'started'}",)
        for act in server.acts
    )
    counts += Counter({(f"tag {tag} was deployed",): count for tag, count in server.tagged.items()})
    counts += Counter((f"an application {name} was created",) for name in server.created)
    for (what, *_), count in counts.items():
        if count > server.scenario.starts:
            yield f"{what} {count} times, {server.scenario.starts} expected"


def action(row: Deployment) -> str:
    return "rolled back" if row.options.rollback else "started"


def identity(row: Deployment) -> tuple[str, ...]:
    """What distinguishes one deployment of an application from another."""
    return (
        () if row.options.rollback else (str(row.app.fields.get("docker_registry_image_name")), row.release)
    )


def resource_name(server: Server, uuid: str) -> str:
    return f"{server.resources[uuid].kind if uuid in server.resources else 'application'} {uuid}"


def unknown_endpoints(server: Server) -> Iterator[str]:
    for request in requests_to_coolify(server):
        if request.path != TLS and name_of(request) == "other" and not request.path.endswith("/login"):
            yield f"{request}: there is no such endpoint"


def unknown_fields(server: Server) -> Iterator[str]:
    for request in requests_to_coolify(server):
        route = next((route for route in ROUTES if route.name == name_of(request)), None)
        for key, values in request.query.items() if route else ():
            allowed = (route and route.query) or {}
            pattern = allowed.get(key)
            if key not in allowed:
                yield f"{request}: there is no parameter {key!r} here"
            elif len(values) > 1 or (pattern and not pattern.fullmatch(values[0])):
                yield f"{request}: {key!r} must not be sent like that"


def bodies(server: Server) -> Iterator[str]:
    """Parameters go in the query string, which every version reads (coolify-api 5.1).

    Changes go in the body.
    """
    for request in requests_to_coolify(server):
        if request.body and request.method != "PATCH" and name_of(request) not in WITH_BODY:
            yield f"{request}: a body was sent, parameters belong in the query"


def writes(server: Server) -> Iterator[str]:
    """A run that changes nothing only reads and probes (architecture 4)."""
    for request in requests_to_coolify(server):
        if request.method not in READ_METHODS and request.path != TLS and not probing(request):
            yield f"{request}: this run may change nothing"


def probes(server: Server) -> Iterator[str]:
    """Only a run that changes something, or is denied it, probes the token's abilities.

    Before 4.3.0 the rollback of a repository changes something: such runs probe before the deployment.
    """
    changes = any(
        name_of(request) in CHANGING and not probing(request) for request in requests_to_coolify(server)
    ) or _only_pins(server)
    for request in () if changes or denied(server) else requests_to_coolify(server):
        if probing(request):
            yield f"{request}: this run had no need to probe what the token may do"


def _only_pins(server: Server) -> bool:
    return "rollback" in server.scenario.version.absent


def denied(server: Server) -> bool:
    """Whether a probe was denied, and nothing but probes and reads came after the first probe."""
    request = requests_to_coolify(server)
    first = next((index for index, each in enumerate(request) if probing(each)), len(request))
    after = request[first:]
    return any(each.status == 403 for each in after) and all(
        probing(each) or each.method in READ_METHODS for each in after
    )


def probing(request: Request) -> bool:
    """Whether this is one of the two requests that only show an ability (coolify-api 2)."""
    name = name_of(request)
    return not request.query and (
        (name == "deploy" and not request.body) or (name == "patch" and request.body.strip() == b"{}")
    )


def redirects(server: Server) -> Iterator[str]:
    for request in requests_to_coolify(server):
        if request.path == TLS:
            yield f"{TLS}: a redirect was followed"
        elif request.bearer and request.path.endswith("/login"):
            yield f"{request}: a redirect was followed with the token"


def after_a_refusal(server: Server) -> Iterator[str]:
    """Rejected requests are not followed by others (architecture, rule 3).

    A 401 or 403 ends everything, except that a 403 for an ability only ends what needs that ability.
    """
    rejected: Request | None = None
    lacking: dict[str, Request] = {}
    for request in requests_to_coolify(server):
        match = found(request.path, request.method)
        ability = ", ".join(abilities(server.scenario.version, match[0])) if match else ""
        if rejected:
            yield f"{request}: was sent after {rejected} had returned {rejected.status} {rejected.error}"
        elif ability in lacking:
            yield f"{request}: was sent after {lacking[ability]} had shown that the token lacks {ability!r}"
        if request.status == 401 or (request.status == 403 and not request.error.startswith(MISSING)):
            rejected = rejected or request
        elif request.status == 403 and ability:
            lacking.setdefault(ability, request)


def headers(server: Server) -> Iterator[str]:
    for request in requests_to_coolify(server):
        if request.path == TLS:
            continue
        if request.headers.get("accept") != "application/json":
            yield f"{request}: without 'Accept: application/json' Coolify responds with HTML"
        if not request.bearer:
            yield f"{request}: was sent without the token"
        if not request.headers.get("user-agent", "").startswith("deployer/"):
            yield f"{request}: the User-Agent does not name us"


def sites(server: Server) -> Iterator[str]:
    """A site is sent nothing that is meant for Coolify (architecture 5)."""
    for request in server.journal:
        for name in ("authorization", "cookie") if request.of_site else ():
            if name in request.headers:
                yield f"{request}: the site was sent the header {name!r}"


def cancels_of_others(server: Server) -> Iterator[str]:
    """Deployments of others are never cancelled (architecture, promise 4).

    Those on additional servers that follow from ours are ours.
    """
    own = {row.uuid for row in server.rows if row.mine or (row.main and row.main.mine)}
    for request in () if server.scenario.may_cancel else requests_to_coolify(server):
        match = found(request.path, request.method)
        if match and name_of(request) == "cancel" and match[1] not in own:
            yield f"{request}: this client did not start that deployment"


CHECKS: tuple[Callable[[Server], Iterator[str]], ...] = (
    started_too_often,
    unknown_endpoints,
    unknown_fields,
    bodies,
    redirects,
    after_a_refusal,
    headers,
    sites,
    cancels_of_others,
)
