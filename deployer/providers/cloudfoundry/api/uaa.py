"""UAA, the login server: gets a token, and renews it before it expires (cloudfoundry-api 2).

A wrong password is sent only once: five failures lock the account. https://docs.cloudfoundry.org/api/uaa/
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from deployer.http import untrusted_json
from deployer.http.client import Http, Response, retry_after
from deployer.model import LateError, RefusedError, UnavailableError
from deployer.model.text import one_line

RENEW_AHEAD_SECONDS = 60.0
"""How long before its end a token is renewed; at most half of its lifetime."""

LOGIN_RETRY_SECONDS = 15.0
"""How long to wait after UAA's rate limit if it does not say (cloudfoundry-api 2)."""

MAX_LOGIN_TRIES = 3
"""How often a password is sent without a response of the login server itself.

Five wrong ones lock the account (cloudfoundry-api 2).
"""

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKENLIKE = re.compile(r"\S*[\w.~+/=-]{30}\S*")
"""A word that may contain a token. The whole word: the rest of a secret would not be redacted."""

USER_REJECTED = (
    "the login server does not accept `cf_username` and `cf_password`. "
    "They were sent only once, because five failures lock an account. "
    "For a user of another identity provider, set `cf_origin`; where users log in by single sign-on, "
    "use `cf_assertion`, or a client (`cf_client_id`, `cf_client_secret`)"
)
LOCKED = "the account is locked after too many failed logins. Wait until it is unlocked, or ask an admin"
CLIENT_REJECTED = "the login server does not accept `cf_client_id` and `cf_client_secret`"
ASSERTION_REJECTED = (
    "the login server does not accept `cf_assertion`. Such a token is only valid for minutes: "
    "create it in this job, right before this step. UAA must also trust its issuer and audience"
)
NOT_SENT_AGAIN = (
    f"the login server failed {MAX_LOGIN_TRIES} times: "
    "the password is not sent again, because wrong ones lock the account"
)


@dataclass(frozen=True, slots=True)
class Login:
    """How the user logs in: with a password, as a client, or with a token that the CI system has issued."""

    username: str = ""
    password: str = field(default="", repr=False)
    origin: str = ""
    """The identity provider of the user; empty for the foundation's own."""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    assertion: str = field(default="", repr=False)
    """The identity token of the CI system."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The request for a token."""

    form: dict[str, str] = field(repr=False)
    rejection: str
    """What it means if the login is rejected."""
    client: str = field(default="", repr=False)
    """The client's `id:secret` for basic authentication; empty if the form contains the client."""
    query: dict[str, str] = field(default_factory=dict)


def grant_for(login: Login) -> Grant:
    """PURE. The request for a token that fits the login.

    A client's identity token logs in the client; a user's needs no client of its own.
    """
    client = f"{login.client_id or 'cf'}:{login.client_secret}"
    as_client = {"grant_type": "client_credentials", "client_id": login.client_id}
    if login.assertion and login.client_id and not login.client_secret:
        assertion = {"client_assertion": login.assertion, "client_assertion_type": CLIENT_ASSERTION}
        return Grant(as_client | assertion, ASSERTION_REJECTED)
    if login.assertion:
        form = {"grant_type": JWT_BEARER, "assertion": login.assertion}
        return Grant(form, ASSERTION_REJECTED, client)
    if login.client_id:
        return Grant({**as_client, "client_secret": login.client_secret}, CLIENT_REJECTED)
    form = {"grant_type": "password", "username": login.username, "password": login.password}
    query = {}
    if login.origin:
        query = {"login_hint": json.dumps({"origin": login.origin}, separators=(",", ":"))}
    return Grant(form, USER_REJECTED, "cf:", query)


class Uaa:
    """One login, whose token is kept valid."""

    def __init__(
        self,
        login: Login,
        open_http: Callable[..., Http],
        *,
        now: Callable[[], float],
        add_secret: Callable[[str], None],
    ) -> None:
        self.access_token = ""
        self.scopes: frozenset[str] = frozenset()
        """What the token may be used for; empty if the server does not say."""
        self._grant = grant_for(login)
        self._open_http = open_http
        self._now = now
        self._add_secret = add_secret
        self._http: Http | None = None
        self._refresh_token = ""
        self._renew_at = 0.0
        self._rejection = ""
        """Why the login was rejected; then it is not tried again."""
        self._accepted = False
        """The login was accepted once, so that it can't be wrong."""
        self._unanswered = 0
        """How often the password was sent without a response of the login server itself."""

    def open(self, address: str) -> None:
        """Use the login server at this address, which the API has named. Sends no request."""
        basic = base64.b64encode(self._grant.client.encode()).decode() if self._grant.client else ""
        self._http = self._open_http(address, token=basic, scheme="Basic")

    @property
    def claims(self) -> dict[str, Any]:
        """What the token says about itself; empty if it is opaque."""
        return claims(self.access_token)

    def ensure_token(self, *, timeout: float | None = None, force: bool = False) -> None:
        """Get a token unless there is one that is still valid for a while.

        `force`: get another one in any case. Raises RefusedError and UnavailableError.
        """
        if self.access_token and not force and self._now() < self._renew_at:
            return
        if self._rejection:
            raise RefusedError(self._rejection, token_wide=True)
        sent_at = self._now()
        if not self._refresh(timeout, sent_at):
            self._log_in(timeout, sent_at)

    def _refresh(self, timeout: float | None, sent_at: float) -> bool:
        """Use the refresh token; False if there is none, or if it has expired or was revoked."""
        if not self._refresh_token:
            return False
        form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        response = self._request(form, {}, timeout)
        if response.status in {400, 401} and _is_oauth_error(response):
            self._refresh_token = ""
            return False
        self._take(token_or_raise(response, ASSERTION_REJECTED, may_lock=False), sent_at)
        return True

    def _log_in(self, timeout: float | None, sent_at: float) -> None:
        if self._unanswered >= MAX_LOGIN_TRIES and not self._accepted:
            raise RefusedError(NOT_SENT_AGAIN, token_wide=True)
        try:
            response = self._request(self._grant.form, self._grant.query, timeout)
            self._unanswered += response.status >= 500 and _has_password(self._grant.form)
            self._take(token_or_raise(response, self._grant.rejection, may_lock=not self._accepted), sent_at)
            self._unanswered, self._accepted = 0, True
        except RefusedError as error:
            self._rejection = error.reason
            raise

    def _request(self, form: dict[str, str], query: dict[str, str], timeout: float | None) -> Response:
        """Send a request for a token.

        Its UnavailableError never says that something may have arrived: no request to the API was sent.
        """
        if self._http is None:
            raise UnavailableError("the login server is unknown yet")
        try:
            return self._http.send("POST", "/oauth/token", query or None, form=form, timeout=timeout)
        except UnavailableError as error:
            self._unanswered += error.may_have_arrived and _has_password(form)
            error_class = LateError if isinstance(error, LateError) else UnavailableError
            raise error_class(f"the login server: {error.reason}", permanent=error.permanent) from error

    def _take(self, data: dict[str, Any], sent_at: float) -> None:
        """Use the tokens of a response. Its lifetime counts from when the request was sent."""
        access, refresh = data["access_token"], data.get("refresh_token")
        self._add_secret(access)
        if isinstance(refresh, str) and refresh:
            self._add_secret(refresh)
            self._refresh_token = refresh
        self.access_token = access
        self.scopes = frozenset(str(data.get("scope") or "").split())
        lifetime = _lifetime_seconds(data)
        self._renew_at = sent_at + lifetime - min(RENEW_AHEAD_SECONDS, lifetime / 2)


def _has_password(form: dict[str, str]) -> bool:
    return form.get("grant_type") == "password"


def token_or_raise(response: Response, rejection: str, *, may_lock: bool = True) -> dict[str, Any]:
    """PURE. The JSON of a response with a token (cloudfoundry-api 2).

    Args:
        response: to the request for a token.
        rejection: what it means if the login is rejected.
        may_lock: the login may be wrong, so that repeating it could lock the account: then any rejection
            counts, even if it is not the login server's own.

    Raises:
        RefusedError: if the login was rejected.
        UnavailableError: for any other response. The message never contains what may be a token.
    """
    data = response.data
    if response.status == 200 and isinstance(data, dict):
        token = data.get("access_token")
        if isinstance(token, str) and token:
            return data
    if 300 <= response.status < 400:
        raise UnavailableError(
            "the login server redirects, so that it is not the one that issues tokens", permanent=True
        )
    if response.status == 429:
        raise UnavailableError(
            "rate limited by the login server (HTTP 429)",
            from_server=True,
            retry_after=retry_after(response) or LOGIN_RETRY_SECONDS,
        )
    if may_lock and response.status in {400, 401, 403} and not _is_oauth_error(response):
        raise RefusedError(f"{rejection} (HTTP {response.status})", token_wide=True)
    if not _is_oauth_error(response) or response.status >= 500:
        raise UnavailableError(
            f"the login server returned no token (HTTP {response.status})",
            from_server=_is_oauth_error(response),
            retry_after=retry_after(response),
        )
    text = _error_text(data)
    if "locked" in text:
        rejection = LOCKED
    elif data.get("error") == "invalid_client" and rejection != ASSERTION_REJECTED:
        rejection = CLIENT_REJECTED
    raise RefusedError(f"{rejection} ({text})", token_wide=True)


def claims(token: str) -> dict[str, Any]:
    """PURE. The claims of a JWT, which are not verified; empty if it is not a JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = untrusted_json.loads(base64.urlsafe_b64decode(parts[1] + "==").decode())
    except (ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}


def _is_oauth_error(response: Response) -> bool:
    """Whether it is an error of the login server itself."""
    data = response.data
    return response.status >= 400 and isinstance(data, dict) and isinstance(data.get("error"), str)


def _error_text(data: dict[str, Any]) -> str:
    """The server's reason without anything that may be a token: a part of one would not be redacted."""
    kind, text = one_line(data["error"]), one_line(data.get("error_description"))
    return kind if kind == "invalid_token" or not text else f"{kind}: {TOKENLIKE.sub('…', text)}"


def _lifetime_seconds(data: dict[str, Any]) -> float:
    """How long the token is valid, by the server's clock only.

    Infinite if nothing says so: then it is used until it is refused.
    """
    own = claims(data["access_token"])
    for end, begin in ((data.get("expires_in"), 0), (own.get("exp"), own.get("iat"))):
        if isinstance(end, int | float) and isinstance(begin, int | float) and end > begin:
            return float(end - begin)
    return math.inf
