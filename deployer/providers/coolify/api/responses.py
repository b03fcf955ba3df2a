"""PURE: what a response of Coolify's API means, before its content is read.

It is good, a refusal, or not from Coolify at all. The bodies are those of coolify-api 3.3 and 3.5.
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
from deployer.providers.coolify.api.authentic import (
    CANCEL_FORBIDDEN,
    DOCS,
    MISSING_PERMISSIONS,
    NOT_FOUND,
    QUEUE_FULL,
    is_own,
)


def token_abilities_hint(more: str = "") -> str:
    """Where a token is created, and the order in which its abilities are ticked (coolify-api 4).

    `more`: an ability that is needed besides deploy, read and read:sensitive.
    """
    order = f"read, then read:sensitive, then {more}" if more else "read, then read:sensitive"
    return (
        f"in Coolify under Keys & Tokens, API Tokens, tick deploy first, then {order}: "
        "ticking deploy clears the others"
    )


TOKEN_ABILITIES_HINT = token_abilities_hint()

NO_POLICY = "You are not authorized to perform this action."
"""Refused by a policy of Coolify: everything that the token's owner requests, or one list only."""

MEMBER = (
    "the token belongs to a member of the team, and members' tokens may only read. "
    "Create it as an admin or the owner of the team"
)
FORBIDDEN: dict[str, str] = {
    "API is disabled.": "Coolify's API is disabled. "
    "Enable it in Coolify under Settings, Advanced, API Access",
    "You are not allowed to access the API.": "Coolify's list of allowed IPs lacks this machine's address. "
    "Add it in Coolify under Settings, Advanced, Allowed IPs for API Access",
    "This API token has permissions": MEMBER,
    "Missing required team role.": MEMBER,
    NO_POLICY: "the token's owner lacks the permission for this in the team. "
    "Use a token of an admin or the owner",
}
"""Explanations of a 403, by how its message begins."""

UNAUTHORIZED: dict[str, str] = {
    "Unauthenticated.": "Coolify does not accept the token (Unauthenticated): "
    f"it is wrong, revoked or expired. Make a new one: {TOKEN_ABILITIES_HINT}",
    "Invalid token.": "the token's owner has left the team that it was made for (Invalid token). "
    f"Make a new one: {TOKEN_ABILITIES_HINT}",
}
"""Explanations of a 401, by its message."""

TEMPORARY = {408, 425, 429}
"""Statuses below 500 that a gateway responds with for a while only."""

VERSION = re.compile(r"v?\d{1,6}\.\d{1,6}[0-9A-Za-z.-]{0,60}", re.ASCII)


class PolicyError(RefusedError):
    """Refused with `NO_POLICY`. If only a list was refused, this says nothing about the token."""


def json_or_raise(response: Response) -> Any:
    """The JSON of a good response. Raises RefusedError and UnavailableError for every other."""
    if response.is_json and response.status < 300:
        return response.data
    own = response.is_json and is_own(response.status, response.data, message(response))
    if own and response.status >= 400:
        raise error_for(response)
    raise _not_coolify(response)


def _not_coolify(response: Response) -> UnavailableError:
    """What a response means that something else has sent in Coolify's place.

    It may have passed the request on before that: so the request may always have arrived.
    """
    if 300 <= response.status < 400:
        error = redirect_error(response)
    elif response.is_json:
        error = _json_not_from_coolify(response)
    else:
        error = not_from_coolify(response)
    starting = response.kind == "text/plain" and "page not found" in str(response.data)
    from_gateway = response.status < 500 and response.status not in TEMPORARY and not starting
    return replace(error, may_have_arrived=True, from_gateway=from_gateway)


def read_json_or_raise(response: Response) -> Any:
    """The JSON of a good response to a request that only reads, or cancels.

    Coolify itself only refuses those with 401, 403, 404, or a validation error of a parameter (coolify-api
    3.3, 422). Any other 4xx (408, 409, 425, 499, …) is from something in front of Coolify and says nothing.

    Raises RefusedError and UnavailableError for every response that is not good.
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
        reason = gateway_reason(summary(response).rstrip("."))
        raise UnavailableError(reason, may_have_arrived=True, retry_after=retry_after(response)) from error


def message(response: Response) -> str:
    """The `message` of a JSON response, in one line; empty if there is none."""
    return one_line(payload.value(response.data, "message"))


def error_for(response: Response) -> RefusedError | UnavailableError:
    """The error that one of Coolify's own error responses means."""
    text = message(response)
    match response.status:
        case 401:
            return RefusedError(UNAUTHORIZED[text], token_wide=True)
        case 403:
            if text == NO_POLICY:
                return PolicyError(_forbidden(text), token_wide=True)
            # Not every kind of target needs `write`.
            one_target = text.startswith(CANCEL_FORBIDDEN) or text == f"{MISSING_PERMISSIONS}write"
            return RefusedError(_forbidden(text), token_wide=not one_target)
        case 429:
            return rate_limited(text, retry_after(response))
        case status if status >= 500:
            failure = summary(response)
            return UnavailableError(
                f"Coolify returned an error ({failure})",
                may_have_arrived=True,
                from_server=True,
                server_error=failure,
                retry_after=retry_after(response),
            )
        case status:
            return RefusedError(f"Coolify says: {text} (HTTP {status})")


def rate_limited(text: str, seconds: float) -> UnavailableError:
    """Too many requests; this one was not carried out.

    `text`: Coolify's words. `seconds`: how long to wait.
    """
    return UnavailableError(f"rate limited by Coolify ({text})", from_server=True, retry_after=seconds)


def blocked_seconds(response: Response) -> float:
    """Seconds in which the server wants no further request from anybody; 0 if it did not say.

    A full queue only concerns triggers.
    """
    concerns_all = response.status == 503 or (
        response.status == 429 and not message(response).startswith(QUEUE_FULL)
    )
    return retry_after(response) if concerns_all else 0


def gateway_reason(what: str) -> str:
    """The reason for a response from something in front of Coolify. `what`: the response in short."""
    return f"{what}. That is not Coolify's response: a gateway is in front of it, or `coolify_url` is wrong"


def _json_not_from_coolify(response: Response) -> UnavailableError:
    """JSON, but not in Coolify's words (architecture, rule 3)."""
    text = message(response)
    what = f"HTTP {response.status}: {text}" if text else f"HTTP {response.status} with JSON"
    return UnavailableError(gateway_reason(what), retry_after=retry_after(response))


def _forbidden(text: str) -> str:
    if text.startswith(MISSING_PERMISSIONS):
        hint = token_abilities_hint("write" if "write" in text else "")
        return f"the token lacks an ability ({text}). Make a new one: {hint}"
    for start, explanation in FORBIDDEN.items():
        if text.startswith(start):
            return f"{explanation} ({text})"
    return f"Coolify says: {text} (HTTP 403)"


def lacks_ability(response: Response, ability: str) -> bool:
    """Whether the request was refused because the token lacks this ability; any ability if it is empty."""
    text = message(response)
    return response.status == 403 and text.startswith(MISSING_PERMISSIONS) and ability in text


def summary(response: Response) -> str:
    """Status and message in short."""
    text = message(response)
    return f"HTTP {response.status}: {text}" if text else f"HTTP {response.status}"


def is_not_found(response: Response) -> bool:
    """Whether Coolify itself says that there is no such resource."""
    return response.status == 404 and response.is_json and NOT_FOUND.fullmatch(message(response)) is not None


def is_unknown_endpoint(response: Response) -> bool:
    """Whether this version of Coolify lacks the endpoint.

    The 404 of a missing resource has no `docs` (coolify-api 3.3).
    """
    if response.status != 404 or not isinstance(response.data, dict):
        return False
    return str(response.data.get("docs", "")).startswith(DOCS)


REDIRECTS = {
    Leads.NOWHERE: "HTTP {status}: a redirect without a valid destination. Check `coolify_url`",
    Leads.TO_OTHER_HOST: "something in front of Coolify redirects to another host, {host}, as for a login; "
    "the token is not sent there. Let /api through without a login",
    Leads.TO_LOGIN: "something in front of Coolify requires a login. Let /api through without a login",
    Leads.TO_CLEARTEXT: "the address redirects from https to http. "
    "Correct that in the proxy in front of Coolify",
    Leads.TO_OTHER_ORIGIN: "the address redirects: set `coolify_url` to {origin}",
    Leads.TO_OTHER_PATH: "something in front of Coolify redirects its API to another path, as for a login. "
    "Let /api through as it is",
}
"""What a redirect means, by where it leads."""


def redirect_error(response: Response) -> UnavailableError:
    """The error for a redirect. It is never followed: the token would go along, and a POST become a GET."""
    to = redirect(response.url, response.headers)
    if to.host.endswith(".cloudflareaccess.com"):
        return UnavailableError(
            "Cloudflare Access requires a login. "
            "Set CF-Access-Client-Id and CF-Access-Client-Secret in `headers`",
            permanent=True,
        )
    if to.leads is Leads.TO_LOGIN and to.path.rstrip("/") == "/login":
        return UnavailableError(
            "the address redirects to Coolify's login page. Set `coolify_url` to Coolify's plain address",
            permanent=True,
        )
    reason = REDIRECTS[to.leads].format(status=response.status, host=to.host, origin=to.origin)
    return UnavailableError(reason + response.through, permanent=True)


def not_from_coolify(response: Response) -> UnavailableError:
    """The error for a response that is not JSON, named as what it is.

    Source: coolify-api 3.5; architecture, truth 24.
    """
    text = str(response.data)
    if response.headers.get("cf-mitigated") == "challenge":
        what = (
            "Cloudflare challenges this machine as a bot. Exempt /api there, or set its headers in `headers`"
        )
    elif "error code: 1010" in text or "Error 1010" in text:
        what = "Cloudflare refuses this client (error 1010). Turn off its browser integrity check for /api"
    elif response.kind == "text/plain" and "page not found" in text:
        what = (
            "the proxy has no route for this address (404 page not found): "
            "Coolify is being started or updated, or `coolify_url` is wrong"
        )
    elif "<html" in text.lower() or response.kind == "text/html":
        what = (
            f"a web page{_title(text)} instead of JSON: "
            "a proxy or Cloudflare is in front of Coolify, or `coolify_url` is wrong"
        )
    else:
        what = "a response that is not Coolify's"
    reason = f"HTTP {response.status}: {what}{response.through}"
    return UnavailableError(reason, retry_after=retry_after(response))


def _title(text: str) -> str:
    match = re.search(r"<title[^>]*>(.+?)(?:</title|\Z)", text, re.IGNORECASE | re.DOTALL)
    return f' ("{one_line(match[1])}")' if match else ""
