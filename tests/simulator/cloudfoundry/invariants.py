"""What no client may do, checked in the journal (architecture 6).

Each check yields sentences that name the request.
"""

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
# A User-Agent that the server takes for an outdated cf (cloudfoundry-api 3).
LIKE_CF = re.compile(r"[cC][fF][^/]*/\d+\.\d+\.\d+(\+|\s)")
# Errors after which the same request is sent again.
AGAIN = frozenset({"1000 CF-InvalidAuthToken", "170017 CF-StagingInProgress"})
OVERDUE = 5.0  # simulated seconds that a request may take to arrive


def violations(session: Session, *, changes_nothing: bool = False) -> list[str]:
    """One sentence for every violation, in the order of the checks.

    `changes_nothing`: the run may only read.
    """
    world, checks = session.world, (*CHECKS, *((writes,) if changes_nothing else ()))
    with world.lock:
        return [f"the simulator itself failed at {fault}" for fault in world.faults] + [
            sentence for check in checks for sentence in check(world)
        ]


def repeated_actions(world: World) -> Iterator[str]:
    """No droplet is put live twice, and no image is staged twice (architecture, promise 3)."""
    for (what, app, item), count in world.acts.items():
        if count > world.scenario.starts:
            yield f"app {app}: {item} was {what} {count} times, {world.scenario.starts} expected"


def repeated_starts(world: World) -> Iterator[str]:
    """A start with a response is not repeated, even if that would do nothing."""
    started: dict[str, Request] = {}
    for request in world.journal:
        match = hit(world, request)
        if not match or match[0].name not in {"start", "stop", "restart", "assign"}:
            continue
        name, app = match[0].name, match[1]
        if name == "start" and app in started:
            yield f"{request}: it was already started, and {started[app]} had a response"
        started.pop(app, None)
        if name == "start" and request.status == 200:
            started[app] = request


def unknown_endpoints(world: World) -> Iterator[str]:
    for request in world.journal:
        if request.path == TLS:
            yield f"{TLS}: a request went to another scheme"
        elif name_of(world, request) == "other":
            yield f"{request}: there is no such endpoint on {place_of(world, request)}"


def unknown_fields(world: World) -> Iterator[str]:
    for request in world.journal:
        match = hit(world, request)
        for key in unknown_keys(match[0], request) if match else ():
            yield f"{request}: {key!r} must not be sent like that"
        if match and match[0].name != "token" and request.body:
            yield from (
                f"{request}: there is no field {path!r} here"
                for path in sorted(paths(request.body) - match[0].body)
            )


def paths(body: bytes) -> set[str]:
    """Every field of a JSON body, with dots for nested ones. Metadata may have any names."""

    def item(value: Any, prefix: str) -> Iterator[str]:
        for key, nested in value.items() if isinstance(value, dict) else ():
            yield f"{prefix}{key}"
            if prefix != "metadata.":
                yield from item(nested, f"{prefix}{key}.")

    try:
        return set(item(json.loads(body), ""))
    except ValueError:
        return {"(not JSON)"}


def misdirected_secrets(world: World) -> Iterator[str]:
    """Tokens are only sent to the Cloud Controller and the log-cache, and no secret is in a URL."""
    for request in world.journal:
        server = place_of(world, request)
        if request.bearer and (
            server not in {"api", "logs"} or (server == "logs" and not world.scenario.logs)
        ):
            yield f"{request}: the token was sent to {server}"
        if request.headers.get("authorization", "").lower().startswith("basic ") and server != "login":
            yield f"{request}: the client's name was sent to {server}"
        if request.of_site and "cookie" in request.headers:
            yield f"{request}: the site was sent a cookie"
        address = (
            f"{request} "
            f"{' '.join(value for name, value in request.headers.items() if name != 'authorization')}"
        )
        if any(secret in address for secret in SECRETS):
            yield f"{request.method} {request.path}: a secret is in the address or in a header"


def rejected_tokens(world: World) -> Iterator[str]:
    """Expired tokens are renewed, and rejected tokens are not sent again (cloudfoundry-api 2)."""
    rejected: set[str] = set()
    for request in world.journal:
        token = world.tokens.find(request.bearer)
        if token and request.at > token.expires + OVERDUE:
            yield (
                f"{request}: was sent with a token that had expired {request.at - token.expires:.0f} s before"
            )
        if request.bearer in rejected:
            yield f"{request}: was sent with a token that had been rejected"
        if request.bearer and request.status == 401:
            rejected.add(request.bearer)
        if request.error == "10002 CF-NotAuthenticated":
            yield f"{request}: was sent without a token"


def logins(world: World) -> Iterator[str]:
    """A wrong password is not sent twice: five of them lock the account (cloudfoundry-api 2)."""
    failed: set[str] = set()
    for request in world.journal:
        if name_of(world, request) != "token":
            continue
        form = form_of(request)
        grant = form.get("grant_type", "")
        if grant in failed:
            yield f"{request}: {grant} was rejected before, and tried again"
        if request.status == 401:
            failed.add(grant)
        elif request.status == 200 and grant != "refresh_token":
            failed.discard("refresh_token")


def after_a_refusal(world: World) -> Iterator[str]:
    """Rejected requests are not sent again (architecture, rule 3)."""
    rejected: dict[tuple[str, str, bytes], Request] = {}
    for request in world.journal:
        identity = (request.method, str(request), request.body)
        if name_of(world, request) in WRITES and identity in rejected:
            yield (
                f"{request}: was sent after it had returned {rejected[identity].status} "
                f"{rejected[identity].error}"
            )
        if 400 <= request.status < 429 and request.error not in AGAIN:
            rejected.setdefault(identity, request)


def early_requests(world: World) -> Iterator[str]:
    """After a rate limit, no request is sent before its end."""
    not_before = 0.0
    for request in world.journal:
        if request.at + OVERDUE < not_before and place_of(world, request) == "api":
            yield (
                f"{request}: was sent {not_before - request.at:.0f} s before the time that the server had "
                "requested"
            )
        if request.error == "10013 CF-RateLimitExceeded":
            not_before = request.at + WAIT


def headers(world: World) -> Iterator[str]:
    for request in world.journal:
        agent = request.headers.get("user-agent", "")
        if request.path == TLS or request.of_site:
            continue
        if request.headers.get("accept") != "application/json":
            yield f"{request}: was sent without 'Accept: application/json'"
        if not agent.startswith("deployer/"):
            yield f"{request}: the User-Agent does not name us"
        if LIKE_CF.search(agent):
            yield f"{request}: the User-Agent looks like an old cf, which causes a warning"


def cancels_of_others(world: World) -> Iterator[str]:
    """Deployments of others are never cancelled (architecture, promise 4)."""
    for request in () if world.scenario.may_cancel else world.journal:
        match = hit(world, request)
        deployment = world.deployments.get(match[1]) if match and match[0].name == "cancel" else None
        if deployment and not deployment.mine:
            yield f"{request}: this client did not start that deployment"


def writes(world: World) -> Iterator[str]:
    for request in world.journal:
        if name_of(world, request) in WRITES:
            yield f"{request}: this run may change nothing"


def blind_repeats(world: World) -> Iterator[str]:
    """After a lost response to a start, the state is read before the request is repeated."""
    lost: dict[str, Request] = {}
    for request in world.journal:
        name = name_of(world, request)
        if name in STARTING and name != "start" and str(request) in lost:
            yield f"{request}: was sent again without reading what the first one did"
        if name in STARTING and (request.status == 0 or request.status >= 500):
            lost[str(request)] = request
        elif request.method == "GET" and place_of(world, request) == "api" and name != "root":
            lost.clear()


CHECKS: tuple[Callable[[World], Iterator[str]], ...] = (
    repeated_actions,
    repeated_starts,
    unknown_endpoints,
    unknown_fields,
    misdirected_secrets,
    rejected_tokens,
    logins,
    after_a_refusal,
    early_requests,
    headers,
    cancels_of_others,
    blind_repeats,
)
