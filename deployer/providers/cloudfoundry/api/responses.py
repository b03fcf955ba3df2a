"""PURE: whether a response is a success, a rejection, or not Cloud Foundry's own (cloudfoundry-api 3).

Error codes decide. Texts, which may change, only choose the fix.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from deployer.http.client import Response, retry_after
from deployer.http.redirects import Leads, redirect
from deployer.model import RefusedError, UnavailableError
from deployer.model.text import one_line, suffix
from deployer.providers import payload

INVALID_TOKEN, UNPROCESSABLE, NOT_FOUND, STAGING = 1000, 10008, 10010, 170017
STAGING_RETRY_SECONDS = 15.0
PASSING = {408, 425, 429}
"""Statuses below 500 with which a gateway responds only temporarily."""

LOGIN_RETRY_SECONDS = 15.0
"""Seconds until the next request to UAA if its rate limit does not say (cloudfoundry-api 2)."""

ROLES = "Space Developer, or Space Supporter without `image`"
GRANT = (
    "An org or space manager can grant it: `cf set-space-role USER ORG SPACE SpaceDeveloper` "
    "(with `--client` for a client)"
)

REFUSALS: dict[int, str] = {
    1000: "Cloud Foundry rejected a new token of its own login server. Check that `cf_api` is the same "
    "foundation",
    10002: "Cloud Foundry received no token. Check that proxies in front of it keep the Authorization header",
    10003: f"the login lacks the role in the space ({ROLES}) or the scope cloud_controller.write. {GRANT}",
    10005: "this Cloud Foundry does not support a parameter that Deployer needs: it is too old, or a Korifi",
    10000: "this Cloud Foundry does not support the request: it is too old, or `cf_api` is not the URL of "
    "its API",
    10010: f"it does not exist, or the login has no role in its space. {GRANT}",
    10017: "the organization is suspended, so nothing in it can be changed. Ask the operator of the "
    "foundation",
    10019: "the space is suspended, so nothing in it can be changed. Ask the operator of the foundation",
    10020: "its organization or space is being deleted",
    330002: "a feature is disabled on this foundation. For Docker images an admin runs `cf "
    "enable-feature-flag diego_docker`",
    390014: "rolling deployments are disabled on this foundation. Set `cf_strategy: restart`",
}

DETAILS: tuple[tuple[str, str], ...] = (
    (
        r"Assign a droplet|Invalid droplet",
        "the app has no droplet. Push it once with `cf push`, or set `image` if it is a Docker app",
    ),
    (
        r"support rolling deployments",
        "the quota does not allow an extra instance. Raise it, free some, or set `cf_strategy: restart`",
    ),
    (
        r"quota|exceeds .*(?:limit|memory|rate)",
        "a quota of the organization or space is used up. Raise it, or scale down or stop other apps in it",
    ),
    (
        r"Docker package for a buildpack app",
        "`image` is for Docker apps, and an app can't become one later. Remove `image`",
    ),
    (
        r"deployment in progress",
        "a rolling deployment of the app is in progress. Wait for it, or cancel it with `command: cancel`",
    ),
    (
        r"Ensure (?:it|that the \w+|the \w+) exists",
        f"it does not exist, or the login lacks the role ({ROLES}). {GRANT}",
    ),
)

WAITS: dict[int, str] = {
    20004: "Cloud Foundry can't reach its login server",
    10015: "Cloud Foundry can't reach its database",
    170015: "Cloud Foundry can't reach its runtime (Diego)",
    200002: "Cloud Foundry can't read the status of the instances at the moment",
}


@dataclass(frozen=True, slots=True)
class ApiError:
    """One of the errors in a response."""

    code: int
    title: str
    detail: str

    def __str__(self) -> str:
        return f"{self.detail.rstrip('.') or 'no reason given'} ({self.title or 'error'} {self.code})"


def json_or_raise(response: Response) -> Any:
    """The JSON of a successful response; None for an empty one.

    Raises RefusedError and UnavailableError for all others.
    """
    if response.status < 300 and (response.is_json or response.data == ""):
        return response.data if response.is_json else None
    raise error_for(response) if errors_of(response) else _foreign_error(response)


def _foreign_error(response: Response) -> UnavailableError:
    """The error for a response of a proxy or gateway, which may have passed the request on."""
    error = redirect_error(response) if 300 <= response.status < 400 else not_from_cloudfoundry(response)
    updating = response.headers.get("x-cf-routererror") == "unknown_route"
    gateway = response.status < 500 and response.status not in PASSING and not updating
    return replace(error, may_have_arrived=True, from_gateway=gateway)


def errors_of(response: Response) -> tuple[ApiError, ...]:
    """The errors in a response of the Cloud Controller; empty for any other.

    The type of its 429 is text (cloudfoundry-api 0).
    """
    rows = payload.records(response.data, "errors") if response.status >= 400 else []
    coded = [row for row in rows if type(row.get("code")) is int]
    return tuple(
        ApiError(row["code"], one_line(row.get("title")), one_line(row.get("detail"))) for row in coded
    )


def codes(response: Response) -> frozenset[int]:
    """The codes of its errors."""
    return frozenset(trouble.code for trouble in errors_of(response))


def error_for(response: Response) -> RefusedError | UnavailableError:
    """The error for an unsuccessful response of the Cloud Controller."""
    found = errors_of(response)
    known = [each.code for each in found]
    text = "; ".join(map(str, found[:5]))
    if STAGING in known:
        return UnavailableError(
            f"another build of the app is still being staged ({text})",
            from_server=True,
            retry_after=STAGING_RETRY_SECONDS,
        )
    if response.status == 429:
        return UnavailableError(
            f"rate limited by Cloud Foundry ({text})", from_server=True, retry_after=retry_after(response)
        )
    if response.status >= 500:
        what = next((WAITS[code] for code in known if code in WAITS), "Cloud Foundry returned an error")
        return UnavailableError(
            f"{what} ({text})",
            may_have_arrived=True,
            from_server=True,
            server_error=summary(response),
            retry_after=retry_after(response),
        )
    explanation = next((sentence for each in found if (sentence := _explanation(each))), "")
    reason = f"{explanation}. {summary(response)}" if explanation else summary(response)
    return RefusedError(reason, token_wide=response.status == 401)


def _explanation(error: ApiError) -> str:
    if error.code != UNPROCESSABLE:
        return REFUSALS.get(error.code, "")
    matching = (sentence for pattern, sentence in DETAILS if re.search(pattern, error.detail, re.IGNORECASE))
    return next(matching, "")


def summary(response: Response) -> str:
    """The status, errors and request id, by which an operator finds the request in the logs."""
    errors = "; ".join(map(str, errors_of(response)[:5]))
    request = suffix(", request {}", request_id(response))
    return f"Cloud Foundry responded with HTTP {response.status}{suffix(', {}', errors)}{request}"


def request_id(response: Response) -> str:
    """`X-Vcap-Request-Id`; empty if it is missing or malformed."""
    text = response.headers.get("x-vcap-request-id", "")
    return text if re.fullmatch(r"[\w:.-]{1,120}", text, re.ASCII) else ""


REDIRECTS = {
    Leads.NOWHERE: "HTTP {status}, a redirect without a location. Check `cf_api`",
    Leads.TO_OTHER_HOST: "`cf_api` redirects to another host, {host}; nothing was sent there. "
    "Set `cf_api` to what `cf api` shows",
    Leads.TO_CLEARTEXT: "the URL redirects from https to http. Correct this in the proxy in front of Cloud "
    "Foundry",
    Leads.TO_OTHER_ORIGIN: "the URL redirects. Set `cf_api` to the API's own URL, perhaps {origin}",
    Leads.TO_LOGIN: "a proxy in front of Cloud Foundry requires a login. Set `cf_api` to what `cf api` shows",
    Leads.TO_OTHER_PATH: "a proxy in front of Cloud Foundry redirects to another path. "
    "Set `cf_api` to what `cf api` shows",
}


def redirect_error(response: Response) -> UnavailableError:
    """The error for a redirect.

    None is followed: the token would be sent along, and a POST would become a GET.
    """
    to = redirect(response.url, response.headers)
    sentence = REDIRECTS[to.leads].format(status=response.status, host=to.host, origin=to.origin)
    return UnavailableError(sentence + response.through, permanent=True)


def not_from_cloudfoundry(response: Response) -> UnavailableError:
    """The error for a response that is not the Cloud Controller's (cloudfoundry-api 1 and 3)."""
    if response.headers.get("x-cf-routererror") == "unknown_route":
        what = (
            "the foundation's router does not know this host: `cf_api` is wrong, or the API is being updated"
        )
    elif response.is_json:
        what = "JSON that is not from Cloud Foundry: a gateway in front of it, or a wrong `cf_api`"
    elif "<html" in str(response.data)[:2000].lower() or response.kind == "text/html":
        what = "an HTML page instead of JSON: a proxy in front of Cloud Foundry, or a wrong `cf_api`"
    else:
        what = "a response that is not from Cloud Foundry: a proxy in front of it, or a wrong `cf_api`"
    return UnavailableError(
        f"HTTP {response.status}: {what}{response.through}", retry_after=retry_after(response)
    )
