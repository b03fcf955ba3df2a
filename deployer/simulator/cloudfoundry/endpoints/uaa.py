"""The login server: `POST /oauth/token` for every grant type (cloudfoundry-api 2)."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from deployer.simulator.cloudfoundry.names import ASSERTION, CLIENT, CLIENT_SECRET, PASSWORD, USERNAME, guid
from deployer.simulator.cloudfoundry.replies import body_of, filled, record, reply
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request

Form = Mapping[str, str]
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LOCKED_AFTER = 5  # wrong passwords (cloudfoundry-api 2, Errors)
CF = "Basic " + base64.b64encode(b"cf:").decode()  # the public client, without a secret
OWN = "Basic " + base64.b64encode(f"{CLIENT}:{CLIENT_SECRET}".encode()).decode()


def token(world: World, request: Request, _one: str) -> Response:
    """The login server's response to a request for a token."""
    form = form_of(request)
    grant = GRANTS.get(form.get("grant_type", ""))
    return grant(world, request, form) if grant else invalid_client()


def form_of(request: Request) -> dict[str, str]:
    """The fields of a form-encoded body."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    return {
        key: values[-1]
        for key, values in parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True).items()
    }


def password(world: World, request: Request, form: Form) -> Response:
    login, tokens = world.scenario.login, world.tokens
    if request.headers.get("authorization") != CF:
        return invalid_client()
    if login.locked or tokens.refused >= LOCKED_AFTER:
        return reply("uaa-token-password-401-locked")
    right = (
        login.known
        and (form.get("username"), form.get("password")) == (USERNAME, PASSWORD)
        and origin(request) == login.origin
    )
    if not right:
        tokens.refused += 1
        return reply("uaa-token-password-401-bad-credentials")
    return issue(world, "uaa-token-password-200", user=True)


def origin(request: Request) -> str:
    """The identity provider in `login_hint`."""
    try:
        hint: Any = json.loads(request.query.get("login_hint", ["{}"])[0])
    except ValueError:
        return "(not JSON)"
    return str(hint.get("origin", "")) if isinstance(hint, dict) else "(not an object)"


def client_credentials(world: World, _request: Request, form: Form) -> Response:
    """Log in a client by its secret, or by a token of the CI system. It gets no refresh token."""
    asserts = (form.get("client_assertion_type"), form.get("client_assertion")) == (
        CLIENT_ASSERTION,
        ASSERTION,
    )
    right = asserts or ("client_assertion" not in form and form.get("client_secret") == CLIENT_SECRET)
    if not right or form.get("client_id") != CLIENT or not world.scenario.login.known:
        return invalid_client()
    return issue(
        world, "uaa-token-client-assertion-200" if asserts else "uaa-token-client-credentials-200", user=False
    )


def refresh(world: World, request: Request, form: Form) -> Response:
    if request.headers.get("authorization") not in {CF, OWN}:
        return invalid_client()
    if form.get("refresh_token") not in world.tokens.refresh or world.scenario.login.refresh_expired:
        return reply("uaa-token-refresh-401-expired")
    return issue(world, "uaa-token-refresh-200", user=True)


def jwt_bearer(world: World, request: Request, form: Form) -> Response:
    """Log in a user by a token of the CI system, through the public client or one of their own."""
    if request.headers.get("authorization") not in {CF, OWN}:
        return invalid_client()
    if form.get("assertion") != ASSERTION or not world.scenario.login.known:
        return reply("uaa-token-password-401-bad-credentials")
    return issue(world, "uaa-token-password-200", user=True)


def issue(world: World, name: str, *, user: bool) -> Response:
    """A recorded reply with new tokens; without a refresh token if users get none."""
    who: dict[str, Any] = {
        "client_id": "cf" if user else CLIENT,
        "scope": record(name)["response"]["body"]["scope"].split(),
    }
    if user:
        who |= {
            "user_id": guid("user"),
            "user_name": USERNAME,
            "origin": world.scenario.login.origin or "uaa",
        }
    access = world.tokens.give(world.now(), int(world.wall().timestamp()), who)
    body = filled(
        body_of(name),
        {"access_token": access, "expires_in": world.scenario.login.validity - 1, "jti": world.tokens.jti},
    )
    if "refresh_token" in body and world.scenario.login.refreshes:
        body["refresh_token"] = world.tokens.give_refresh()
    else:
        body.pop("refresh_token", None)
    return reply(name, body)


def invalid_client() -> Response:
    """The rejection of an unknown client, or a wrong secret (cloudfoundry-api 2, Errors)."""
    name = "uaa-token-password-401-bad-credentials"
    return reply(name, filled(body_of(name), {"error": "invalid_client"}))


GRANTS: Mapping[str, Callable[[World, Request, Form], Response]] = {
    "password": password,
    "client_credentials": client_credentials,
    "refresh_token": refresh,
    JWT_BEARER: jwt_bearer,
}
