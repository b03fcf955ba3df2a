"""PURE: what an answer of Coolify's API means before its content is read: good, refused, or no answer of Coolify's at all.

The bodies are those of coolify-api 3.3 and 3.5; the first row that fits counts.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from deployer.http.client import Response, retry_after
from deployer.http.redirects import Leads, redirect
from deployer.model import RefusedError, UnavailableError
from deployer.model.text import one_line
from deployer.providers import payload
from deployer.providers.coolify.api.authentic import DOCS, FOREIGN_CANCEL, MISSING, PERMISSIONS, is_own


def token_abilities_hint(more: str = "") -> str:
    """Where a token is made, and the order in which its boxes are ticked (coolify-api 4)."""
    then = f"read, then read:sensitive{f', then {more}' if more else ''}"
    return f"in Coolify under Keys & Tokens, API Tokens, tick deploy first, then {then}: ticking deploy clears the others"


TOKEN_ABILITIES_HINT = token_abilities_hint()

NO_POLICY = "You are not authorized to perform this action."
"""A policy of Coolify's says so: of all that the token's owner asks for, or of this one list alone."""

FORBIDDEN: dict[str, str] = {
    "API is disabled.": "Coolify's API is switched off. Switch it on in Coolify under Settings, Advanced, API Access",
    "You are not allowed to access the API.": "Coolify's list of allowed addresses does not hold this machine's. "
    "Add it in Coolify under Settings, Advanced, Allowed IPs for API Access",
    "This API token has permissions": "the token belongs to a member of the team, and members' tokens may only read. "
    "Make one as an admin or the owner of the team",
    "Missing required team role.": "the token belongs to a member of the team, and members' tokens may only read. "
    "Make one as an admin or the owner of the team",
    NO_POLICY: "the token's owner may not do this in the team. Use a token of an admin or the owner",
}

UNAUTHORIZED: dict[str, str] = {
    "Unauthenticated.": "Coolify does not accept the token (Unauthenticated): it is wrong, revoked or expired. Make a new one: "
    + TOKEN_ABILITIES_HINT,
    "Invalid token.": "the token's owner has left the team it was made for (Invalid token). Make a new one: "
    + TOKEN_ABILITIES_HINT,
}

PASSING = {408, 425, 429}
"""Statuses below 500 that a gateway gives for a while only."""

VERSION = re.compile(r"v?\d{1,6}\.\d{1,6}[0-9A-Za-z.-]{0,60}", re.ASCII)


class PolicyError(RefusedError):
    """Refused with `NO_POLICY`: of a list that is only read to be sure, this says nothing of the token."""


def json_or_raise(response: Response) -> Any:
    """The JSON of a good answer. Raises RefusedError and UnavailableError for every other."""
    if response.is_json and response.status < 300:
        return response.data
    if (
        response.is_json
        and response.status >= 400
        and is_own(response.status, response.data, message(response))
    ):
        raise error_for(response)
    raise _in_its_place(response)


def _in_its_place(response: Response) -> UnavailableError:
    """What something else has answered in Coolify's place: it may have passed the request on before that, so it always arrived."""
    error = (
        redirect_error(response)
        if 300 <= response.status < 400
        else not_coolifys(response)
        if response.is_json
        else not_from_coolify(response)
    )
    starting = response.kind == "text/plain" and "page not found" in str(response.data)
    gateway = response.status < 500 and response.status not in PASSING and not starting
    return replace(error, may_have_arrived=True, from_gateway=gateway)


def answered(response: Response) -> Any:
    """The JSON of a good response to a request that Coolify itself only ever refuses with 401, 403 or 404: any poll, and a cancel.

    Another 4xx comes from something in front of Coolify (408, 409, 425, 499, …) and says nothing, but for a validation error of a
    parameter (coolify-api 3.3, 422). Raises RefusedError and UnavailableError.
    """
    try:
        return json_or_raise(response)
    except RefusedError as error:
        if (
            response.status in {401, 403, 404}
            or message(response) in UNAUTHORIZED
            or (response.status == 422 and "errors" in response.data)
        ):
            raise
        what = f"{summary(response).rstrip('.')}. That is not Coolify's: a gateway in front of it, or a wrong `coolify_url`"
        raise UnavailableError(what, may_have_arrived=True, retry_after=retry_after(response)) from error


def message(response: Response) -> str:
    """What the server says, in one line."""
    return one_line(payload.value(response.data, "message"))


def error_for(response: Response) -> RefusedError | UnavailableError:
    """An answer of Coolify's own that is not good."""
    text = message(response)
    match response.status:
        case 401:
            return RefusedError(UNAUTHORIZED[text], token_wide=True)
        case 403:
            if text == NO_POLICY:
                return PolicyError(_forbidden(text), token_wide=True)
            of_one = (
                text.startswith(FOREIGN_CANCEL) or text == f"{PERMISSIONS}write"
            )  # not every kind of target needs that one
            return RefusedError(_forbidden(text), token_wide=not of_one)
        case 429:
            return UnavailableError(
                f"Coolify is asked too often ({text})", from_server=True, retry_after=retry_after(response)
            )
        case status if status >= 500:
            failure = summary(response)
            what = f"Coolify does not answer properly ({failure})"
            return UnavailableError(
                what,
                may_have_arrived=True,
                from_server=True,
                server_error=failure,
                retry_after=retry_after(response),
            )
        case status:
            return RefusedError(f"Coolify says: {text} (HTTP {status})")


def not_coolifys(response: Response) -> UnavailableError:
    """JSON, but not in Coolify's words (architecture, rule 3: of the right kind)."""
    text = message(response)
    said = f": {text}" if text else " with JSON"
    what = f"HTTP {response.status}{said}. That is not Coolify's: a gateway in front of it, or a wrong `coolify_url`"
    return UnavailableError(what, retry_after=retry_after(response))


def _forbidden(text: str) -> str:
    if text.startswith(PERMISSIONS):
        return f"the token lacks a right ({text}). Make a new one: {token_abilities_hint('write' if 'write' in text else '')}"
    return next(
        (f"{sentence} ({text})" for start, sentence in FORBIDDEN.items() if text.startswith(start)),
        f"Coolify says: {text} (HTTP 403)",
    )


def lacks_ability(response: Response, permission: str) -> bool:
    """Whether the answer is a 403 for want of one permission."""
    return (
        response.status == 403
        and message(response).startswith(PERMISSIONS)
        and permission in message(response)
    )


def summary(response: Response) -> str:
    """Status and words in short."""
    text = message(response)
    return f"HTTP {response.status}{f': {text}' if text else ''}"


def is_not_found(response: Response) -> bool:
    """Whether Coolify itself says that there is no such resource."""
    return response.status == 404 and response.is_json and MISSING.fullmatch(message(response)) is not None


def unknown_endpoint(response: Response) -> bool:
    """Whether this version of Coolify has no such endpoint: a resource's 404 has no `docs` (coolify-api 3.3)."""
    return (
        response.status == 404
        and isinstance(response.data, dict)
        and str(response.data.get("docs", "")).startswith(DOCS)
    )


REDIRECTS = {
    Leads.NOWHERE: "HTTP {status}, a redirect to nowhere: is `coolify_url` right?",
    Leads.TO_OTHER_HOST: "something in front of Coolify redirects to another host, {host}, as for a login; the token is not sent there. "
    "Let /api through without a login",
    Leads.TO_LOGIN: "something in front of Coolify asks for a login. Let /api through without one",
    Leads.TO_CLEARTEXT: "the address redirects from https to http. Correct that in the proxy in front of Coolify",
    Leads.TO_OTHER_ORIGIN: "the address redirects: set `coolify_url` to {origin}",
    Leads.TO_OTHER_PATH: "something in front of Coolify redirects its API to another path, as for a login. Let /api through as it is",
}


def redirect_error(response: Response) -> UnavailableError:
    """A redirect, which is never followed: the token would go along, and a POST would become a GET."""
    to = redirect(response.url, response.headers)
    if to.host.endswith(".cloudflareaccess.com"):
        return UnavailableError(
            "Cloudflare Access asks for a login: give CF-Access-Client-Id and CF-Access-Client-Secret as `headers`",
            permanent=True,
        )
    if to.leads is Leads.TO_LOGIN and to.path.rstrip("/") == "/login":
        return UnavailableError(
            "Coolify answers with its login page: `coolify_url` must be its plain address", permanent=True
        )
    said = REDIRECTS[to.leads].format(status=response.status, host=to.host, origin=to.origin)
    return UnavailableError(said + response.through, permanent=True)


def not_from_coolify(response: Response) -> UnavailableError:
    """Something that is no JSON, told as what it is (coolify-api 3.5; architecture, truth 24)."""
    text = str(response.data)
    if response.headers.get("cf-mitigated") == "challenge":
        what = "Cloudflare challenges this machine as a bot: allow it there, or give its headers as `headers`"
    elif "error code: 1010" in text or "Error 1010" in text:
        what = "Cloudflare refuses this client (error 1010): switch off its browser integrity check for /api"
    elif response.kind == "text/plain" and "page not found" in text:
        what = "the proxy knows no such address (404 page not found): Coolify is being started or updated, or `coolify_url` is wrong"
    elif "<html" in text.lower() or response.kind == "text/html":
        what = f"a page{_title(text)} instead of JSON: a proxy or Cloudflare in front of Coolify, or a wrong `coolify_url`"
    else:
        what = "an answer that is not Coolify's"
    return UnavailableError(
        f"HTTP {response.status}: {what}{response.through}", retry_after=retry_after(response)
    )


def _title(text: str) -> str:
    match = re.search(r"<title[^>]*>(.+?)(?:</title|\Z)", text, re.IGNORECASE | re.DOTALL)
    return f' ("{one_line(match[1])}")' if match else ""
