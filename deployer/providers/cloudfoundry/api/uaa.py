"""UAA, the login server: gets a token, and renews it before it expires (cloudfoundry-api 2).

A wrong password is sent only once: five failures lock an account. https://docs.cloudfoundry.org/api/uaa/
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
from deployer.providers.cloudfoundry.api import responses

RENEW_AHEAD_SECONDS = 60.0
"""Seconds before its expiry at which a token is renewed; at most half of its lifetime."""

BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKENLIKE = re.compile(r"\S*[\w.~+/=-]{30}\S*")
"""A complete word that may be a token: a part of one could not be redacted."""

WRONG = (
    "the login server rejected `cf_username` and `cf_password` (tried only once: five failures lock an "
    "account). "
    "For a user of another identity provider set `cf_origin`; "
    "with single sign-on use `cf_assertion`, or a client (`cf_client_id` and `cf_client_secret`)"
)
LOCKED = "the account is locked after too many failed logins. Wait until it is unlocked, or ask an admin"
CLIENT = "the login server rejected `cf_client_id` and `cf_client_secret`"
IDENTITY = (
    "the login server rejected `cf_assertion`. Such a token expires within minutes, so it must be created "
    "in this job, "
    "and UAA must trust its issuer and audience"
)


@dataclass(frozen=True, slots=True)
class Login:
    """How the user logs in: a password, a client, or a token issued by the CI system."""

    username: str = ""
    password: str = field(default="", repr=False)
    origin: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    assertion: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """The request for a token."""

    form: dict[str, str] = field(repr=False)
    refusal: str
    """The message if it is rejected."""
    client: str = field(default="", repr=False)
    """The client as `id:secret`; empty if the form has it."""
    query: dict[str, str] = field(default_factory=dict)


def grant(login: Login) -> Grant:
    """PURE. The request for a token, by which fields of the login are set (cloudfoundry-api 2)."""
    client = f"{login.client_id or 'cf'}:{login.client_secret}"
    credentials = {"grant_type": "client_credentials", "client_id": login.client_id}
    if login.assertion and login.client_id and not login.client_secret:
        return Grant(
            {**credentials, "client_assertion": login.assertion, "client_assertion_type": ASSERTION}, IDENTITY
        )
    if login.assertion:
        return Grant({"grant_type": BEARER, "assertion": login.assertion}, IDENTITY, client)
    if login.client_id:
        return Grant({**credentials, "client_secret": login.client_secret}, CLIENT)
    query = (
        {"login_hint": json.dumps({"origin": login.origin}, separators=(",", ":"))} if login.origin else {}
    )
    return Grant(
        {"grant_type": "password", "username": login.username, "password": login.password},
        WRONG,
        "cf:",
        query,
    )


MAX_LOGIN_TRIES = 3
"""How many requests with a password may fail without a verdict.

Five wrong ones lock the account (cloudfoundry-api 2).
"""

UNANSWERED = (
    "the login server failed three times. The password is not sent again, because wrong ones lock the account"
)


class Uaa:
    """One login, renewed before it expires. `access`: the token. `scopes`: its scopes; empty if unknown."""

    def __init__(
        self,
        login: Login,
        opened: Callable[..., Http],
        *,
        now: Callable[[], float],
        hide: Callable[[str], None],
    ) -> None:
        self.access = ""
        self.scopes: frozenset[str] = frozenset()
        self._grant = grant(login)
        self._opened = opened
        self._now = now
        self._hide = hide
        self._http: Http | None = None
        self._refresh = ""
        self._renew_at = 0.0
        self._refused = ""
        self._accepted = False
        self._unanswered = 0

    def at(self, address: str) -> None:
        """Set the URL of the login server, which the API names."""
        basic = base64.b64encode(self._grant.client.encode()).decode() if self._grant.client else ""
        self._http = self._opened(address, token=basic, scheme="Basic")

    @property
    def claims(self) -> dict[str, Any]:
        """The claims of the token; empty if it is opaque."""
        return claims(self.access)

    def fresh(self, *, timeout: float | None = None, anew: bool = False) -> None:
        """Renew the token if it expires soon, or always with `anew`.

        Raises RefusedError and UnavailableError.
        """
        if self.access and not anew and self._now() < self._renew_at:
            return
        if self._refused:
            raise RefusedError(self._refused, token_wide=True)
        sent_at = self._now()
        if self._refresh:
            response = self._send(
                {"grant_type": "refresh_token", "refresh_token": self._refresh}, {}, timeout
            )
            if not (response.status in {400, 401} and _is_oauth(response)):
                self._take(token_or_raise(response, IDENTITY, once=False), sent_at)
                return
            self._refresh = ""  # expired or revoked: log in again
        # A password that was accepted before is right, and locks nothing.
        if self._unanswered >= MAX_LOGIN_TRIES and not self._accepted:
            raise RefusedError(UNANSWERED, token_wide=True)
        try:
            response = self._send(self._grant.form, self._grant.query, timeout)
            self._unanswered += response.status >= 500 and self._grant.form.get("grant_type") == "password"
            self._take(token_or_raise(response, self._grant.refusal, once=not self._accepted), sent_at)
            self._unanswered, self._accepted = 0, True
        except RefusedError as error:
            self._refused = error.reason
            raise

    def _send(self, form: dict[str, str], query: dict[str, str], timeout: float | None) -> Response:
        if self._http is None:
            raise UnavailableError("the URL of the login server is not known yet")
        try:
            return self._http.send("POST", "/oauth/token", query or None, form=form, timeout=timeout)
        except UnavailableError as error:
            self._unanswered += error.may_have_arrived and form.get("grant_type") == "password"
            kind = LateError if isinstance(error, LateError) else UnavailableError
            # Only the login was sent, so no response to a trigger was lost.
            raise kind(f"the login server: {error.reason}", permanent=error.permanent) from error

    def _take(self, data: dict[str, Any], sent_at: float) -> None:
        access, refresh = data["access_token"], data.get("refresh_token")
        self._hide(access)
        if isinstance(refresh, str) and refresh:
            self._hide(refresh)
            self._refresh = refresh
        self.access = access
        self.scopes = frozenset(str(data.get("scope") or "").split())
        lifetime = _lifetime_seconds(data)
        self._renew_at = sent_at + lifetime - min(RENEW_AHEAD_SECONDS, lifetime / 2)


def token_or_raise(response: Response, refusal: str, *, once: bool = True) -> dict[str, Any]:
    """PURE. The JSON of a response with a token (cloudfoundry-api 2).

    `once`: the password may be wrong, so a rejection that is not the login server's own also counts. Raises
    RefusedError and UnavailableError, without any text that may contain a token.
    """
    data = response.data
    if (
        response.status == 200
        and isinstance(data, dict)
        and isinstance(data.get("access_token"), str)
        and data["access_token"]
    ):
        return data
    if 300 <= response.status < 400:
        raise UnavailableError(
            "the login server redirects, so it is not a UAA. Check `cf_api`", permanent=True
        )
    wait = retry_after(response)
    if response.status == 429:
        raise UnavailableError(
            "rate limited by the login server (HTTP 429)",
            from_server=True,
            retry_after=wait or responses.LOGIN_RETRY_SECONDS,
        )
    # A second attempt with a wrong password could lock the account.
    if once and response.status in {400, 401, 403} and not _is_oauth(response):
        raise RefusedError(f"{refusal} (HTTP {response.status})", token_wide=True)
    if not _is_oauth(response) or response.status >= 500:
        raise UnavailableError(
            f"the login server returned an error (HTTP {response.status})",
            from_server=_is_oauth(response),
            retry_after=wait,
        )
    reason = _reason(data)
    if "locked" in reason:
        refusal = LOCKED
    elif data.get("error") == "invalid_client" and refusal != IDENTITY:
        refusal = CLIENT
    raise RefusedError(f"{refusal} ({reason})", token_wide=True)


def claims(token: str) -> dict[str, Any]:
    """PURE. The claims of a JWT, unverified; empty if it is opaque."""
    parts = token.split(".")
    try:
        data = untrusted_json.loads(base64.urlsafe_b64decode(parts[1] + "==").decode())
    except (IndexError, ValueError, binascii.Error):
        return {}
    return data if len(parts) == 3 and isinstance(data, dict) else {}


def _is_oauth(response: Response) -> bool:
    return (
        response.status >= 400
        and isinstance(response.data, dict)
        and isinstance(response.data.get("error"), str)
    )


def _reason(data: dict[str, Any]) -> str:
    """The server's reason, without any word that may be a token: a part of one could not be redacted."""
    kind, text = one_line(data["error"]), one_line(data.get("error_description"))
    return kind if kind == "invalid_token" or not text else f"{kind}: {TOKENLIKE.sub('…', text)}"


def _lifetime_seconds(data: dict[str, Any]) -> float:
    """The token's lifetime by the server's clock; infinite if unknown.

    Then it is renewed when it is rejected.
    """
    own = claims(data["access_token"])
    for end, begin in ((data.get("expires_in"), 0), (own.get("exp"), own.get("iat"))):
        if isinstance(end, int | float) and isinstance(begin, int | float) and end > begin:
            return float(end - begin)
    return math.inf
