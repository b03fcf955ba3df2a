"""UAA, the login server: one way to a token, and a token that is renewed before it expires (cloudfoundry-api 2).

A wrong password is sent once: five failures lock an account. https://docs.cloudfoundry.org/api/uaa/
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
"""Seconds before its end at which a token is renewed; of a short life, half."""

BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKENLIKE = re.compile(r"\S*[\w.~+/=-]{30}\S*")
"""The whole word: what is left of a secret would be known as none."""

WRONG = (
    "the login server does not accept `cf_username` and `cf_password`; it was tried once, because five failures lock an account. A user of "
    "another identity provider needs `cf_origin`; where people log in by single sign-on, use `cf_assertion`, or a client "
    "(`cf_client_id`, `cf_client_secret`)"
)
LOCKED = "the account is locked after too many failed logins: wait until it is unlocked, or ask an admin; nothing more was tried"
CLIENT = "the login server does not accept `cf_client_id` and `cf_client_secret`"
IDENTITY = (
    "the login server does not accept `cf_assertion`. Such a token lives for minutes: it must be made in this job, just before; "
    "and UAA must trust who issues it, and its audience"
)


@dataclass(frozen=True, slots=True)
class Login:
    """How the user logs in: a password, a client, or a token that the CI system has issued."""

    username: str = ""
    password: str = field(default="", repr=False)
    origin: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    assertion: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What is sent for a token. `client`: who we say we are, `id:secret`; empty where the form says it. `refusal`: what a no means."""

    form: dict[str, str] = field(repr=False)
    refusal: str
    client: str = field(default="", repr=False)
    query: dict[str, str] = field(default_factory=dict)


def grant(login: Login) -> Grant:
    """PURE. The way that fits what was given; a client's own token is a client's login, a person's token needs no client of its own."""
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
"""Requests with a password that may end without the login server's own word: five wrong ones lock the account (cloudfoundry-api 2)."""

UNANSWERED = (
    "the login server failed three times: the password is not sent again, because wrong ones lock the account"
)


class Uaa:
    """One login, kept fresh. `access` is the token; `scopes` what it is for, as far as the server said."""

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
        """Where it is, as the API has named it."""
        basic = base64.b64encode(self._grant.client.encode()).decode() if self._grant.client else ""
        self._http = self._opened(address, token=basic, scheme="Basic")

    @property
    def claims(self) -> dict[str, Any]:
        """What the token says of itself; nothing where it is opaque."""
        return claims(self.access)

    def fresh(self, *, timeout: float | None = None, anew: bool = False) -> None:
        """See to it that the token holds for a while. `anew`: whatever its age. Raises RefusedError and UnavailableError."""
        if self.access and not anew and self._now() < self._renew_at:
            return
        if self._refused:
            raise RefusedError(self._refused, token_wide=True)
        asked = self._now()
        if self._refresh:
            response = self._ask({"grant_type": "refresh_token", "refresh_token": self._refresh}, {}, timeout)
            if not (response.status in {400, 401} and _is_oauth(response)):
                self._take(good(response, IDENTITY, once=False), asked)
                return
            self._refresh = ""  # expired or withdrawn: what worked at first may do so again
        if (
            self._unanswered >= MAX_LOGIN_TRIES and not self._accepted
        ):  # one that was accepted is right: it locks nothing
            raise RefusedError(UNANSWERED, token_wide=True)
        try:
            response = self._ask(self._grant.form, self._grant.query, timeout)
            self._unanswered += response.status >= 500 and self._grant.form.get("grant_type") == "password"
            self._take(good(response, self._grant.refusal, once=not self._accepted), asked)
            self._unanswered, self._accepted = 0, True
        except RefusedError as error:
            self._refused = error.reason
            raise

    def _ask(self, form: dict[str, str], query: dict[str, str], timeout: float | None) -> Response:
        if self._http is None:
            raise UnavailableError("the login server is not known yet")
        try:
            return self._http.send("POST", "/oauth/token", query or None, form=form, timeout=timeout)
        except UnavailableError as error:
            self._unanswered += error.may_have_arrived and form.get("grant_type") == "password"
            made = LateError if isinstance(error, LateError) else UnavailableError
            # Nothing else has been sent: it is no lost answer.
            raise made(f"the login server: {error.reason}", permanent=error.permanent) from error

    def _take(self, answer: dict[str, Any], asked: float) -> None:
        access, refresh = answer["access_token"], answer.get("refresh_token")
        self._hide(access)
        if isinstance(refresh, str) and refresh:
            self._hide(refresh)
            self._refresh = refresh
        self.access = access
        self.scopes = frozenset(str(answer.get("scope") or "").split())
        life = _life(answer)
        self._renew_at = asked + life - min(RENEW_AHEAD_SECONDS, life / 2)


def good(response: Response, refusal: str, *, once: bool = True) -> dict[str, Any]:
    """PURE. The answer with a token. Raises RefusedError and UnavailableError, never with what may hold a token (cloudfoundry-api 2).

    `once`: what was sent may be a wrong password, so that a refusal which is not the login server's own counts as one, too.
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
            "the login server redirects: it is not the one that gives tokens", permanent=True
        )
    wait = retry_after(response)
    if response.status == 429:
        raise UnavailableError(
            "the login server is asked too often (HTTP 429)",
            from_server=True,
            retry_after=wait or responses.LOGIN_RETRY_SECONDS,
        )
    if (
        once and response.status in {400, 401, 403} and not _is_oauth(response)
    ):  # asked again, a wrong password would lock the account
        raise RefusedError(f"{refusal} (HTTP {response.status})", token_wide=True)
    if not _is_oauth(response) or response.status >= 500:
        raise UnavailableError(
            f"the login server does not answer properly (HTTP {response.status})",
            from_server=_is_oauth(response),
            retry_after=wait,
        )
    said = _said(data)
    if "locked" in said:
        raise RefusedError(f"{LOCKED} ({said})", token_wide=True)
    raise RefusedError(
        f"{CLIENT if data.get('error') == 'invalid_client' and refusal != IDENTITY else refusal} ({said})",
        token_wide=True,
    )


def claims(token: str) -> dict[str, Any]:
    """PURE. The middle part of a JWT, unverified: only the server may believe it."""
    parts = token.split(".")
    try:
        read = (
            untrusted_json.loads(base64.urlsafe_b64decode(parts[1] + "==").decode())
            if len(parts) == 3
            else {}
        )
    except (ValueError, binascii.Error):
        return {}
    return read if isinstance(read, dict) else {}


def _is_oauth(response: Response) -> bool:
    return (
        response.status >= 400
        and isinstance(response.data, dict)
        and isinstance(response.data.get("error"), str)
    )


def _said(data: dict[str, Any]) -> str:
    """The server's reason without anything that may be a token: a part of one is not known as a secret any more."""
    kind, text = one_line(data["error"]), one_line(data.get("error_description"))
    return kind if kind == "invalid_token" or not text else f"{kind}: {TOKENLIKE.sub('…', text)}"


def _life(answer: dict[str, Any]) -> float:
    """Seconds that the token holds, by no clock but the server's; for ever where nothing tells: then a refusal says that it is over."""
    own = claims(answer["access_token"])
    for end, begin in ((answer.get("expires_in"), 0), (own.get("exp"), own.get("iat"))):
        if isinstance(end, int | float) and isinstance(begin, int | float) and end > begin:
            return float(end - begin)
    return math.inf
