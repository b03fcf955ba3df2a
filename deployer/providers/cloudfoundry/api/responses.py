"""PURE: what a response of the Cloud Controller means, before its content is read.

It is good, a refusal, or not from Cloud Foundry at all. The tables are those of cloudfoundry-api 3: codes
decide, and texts, which may change, only choose the remedy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from deployer.http.client import Response, retry_after
from deployer.http.redirects import Leads, redirect
from deployer.model import RefusedError, UnavailableError
from deployer.model.text import one_line
from deployer.providers import payload

INVALID_TOKEN, UNPROCESSABLE, NOT_FOUND, STAGING_IN_PROGRESS = 1000, 10008, 10010, 170017
STAGING_RETRY_SECONDS = 15.0
"""How long to wait while another build of the app is in progress."""

TEMPORARY = {408, 425, 429}
"""Statuses below 500 that a gateway responds with for a while only."""

MAX_ERRORS = 5
"""How many errors of one response are printed."""

HTML_SEARCH_CHARS = 2000
"""How many characters of a response are searched for `<html`."""

ROLES = "Space Developer, or Space Supporter without `image`"
GRANT = (
    "An org or space manager grants it with `cf set-space-role USER ORG SPACE SpaceDeveloper` "
    "(for a client, with `--client`)"
)

REFUSALS: dict[int, str] = {
    1000: "Cloud Foundry does not accept the token that its own login server has just issued. "
    "Check that `cf_api` belongs to the same foundation",
    10002: "Cloud Foundry received no token. A proxy in front of it drops the Authorization header: "
    "let that header through",
    10003: f"the login lacks the role in the space ({ROLES}) or the scope cloud_controller.write. {GRANT}",
    10005: "this Cloud Foundry does not support a parameter that Deployer sends: "
    "it is too old, or it is Korifi, which supports fewer",
    10000: "this Cloud Foundry does not support this request: "
    "it is too old, or `cf_api` is not the address of its API",
    10010: f"it does not exist, or the login may not see it, which requires a role in its space. {GRANT}",
    10017: "the organization is suspended: nothing in it can be changed. Ask the foundation's operator",
    10019: "the space is suspended: nothing in it can be changed. Ask the foundation's operator",
    10020: "its organization or space is being deleted",
    330002: "a feature is disabled on this foundation. "
    "For Docker images, an admin must run `cf enable-feature-flag diego_docker`",
    390014: "rolling deployments are disabled on this foundation. Use `cf_strategy: restart`",
}
"""What a refusal means, by the code of the error."""

DETAILS: tuple[tuple[str, str], ...] = (
    (
        r"Assign a droplet|Invalid droplet",
        "the app has no droplet to run. Push it once (`cf push`), or set `image` if it is a Docker app",
    ),
    (
        r"support rolling deployments",
        (
            "the quota does not allow the extra instance of a rolling deployment. "
            "Increase it, free some, or use `cf_strategy: restart`"
        ),
    ),
    (
        r"quota|exceeds .*(?:limit|memory|rate)",
        (
            "a quota of the organization or space is used up. "
            "Increase it, or scale down or stop other apps in it"
        ),
    ),
    (
        r"Docker package for a buildpack app",
        "`image` requires a Docker app, and this one was created as a buildpack app. Remove `image`",
    ),
    (
        r"deployment in progress",
        "a rolling deployment of the app is in progress. Wait for it, or cancel it with `command: cancel`",
    ),
    (
        r"Ensure (?:it|that the \w+|the \w+) exists",
        f"it does not exist, or the login may not use it, which requires the role {ROLES}. {GRANT}",
    ),
)
"""What an unprocessable request (code 10008) means, by the error's detail."""

TEMPORARY_ERRORS: dict[int, str] = {
    20004: "Cloud Foundry can't reach its login server",
    10015: "Cloud Foundry can't reach its database",
    170015: "Cloud Foundry can't reach the runtime of its apps",
    200002: "Cloud Foundry can't currently report the state of the instances",
}
"""What a server error means, by its code."""


@dataclass(frozen=True, slots=True)
class ApiError:
    """One error of a response."""

    code: int
    title: str
    detail: str

    def __str__(self) -> str:
        return f"{self.detail.rstrip('.') or 'no reason given'} ({self.title or 'error'} {self.code})"


def json_or_raise(response: Response) -> Any:
    """The JSON of a good response; None if it is empty.

    Raises RefusedError and UnavailableError for any other response.
    """
    if response.status < 300 and (response.is_json or response.data == ""):
        return response.data if response.is_json else None
    raise error_for(response) if errors_of(response) else _not_cloudfoundry(response)


def _not_cloudfoundry(response: Response) -> UnavailableError:
    """What a response means that something else has sent in Cloud Foundry's place.

    It may have passed the request on before that: so the request may always have arrived.
    """
    error = redirect_error(response) if 300 <= response.status < 400 else not_from_cloudfoundry(response)
    from_gateway = (
        response.status < 500 and response.status not in TEMPORARY and not _is_unknown_route(response)
    )
    return replace(error, may_have_arrived=True, from_gateway=from_gateway)


def _is_unknown_route(response: Response) -> bool:
    """Whether the foundation's router has no app for the address."""
    return response.headers.get("x-cf-routererror") == "unknown_route"


def errors_of(response: Response) -> tuple[ApiError, ...]:
    """The errors of a response of the Cloud Controller; empty if it has none.

    The type of a 429 is text, although it is JSON (cloudfoundry-api 0).
    """
    rows = payload.records(response.data, "errors") if response.status >= 400 else []
    return tuple(
        ApiError(row["code"], one_line(row.get("title")), one_line(row.get("detail")))
        for row in rows
        if type(row.get("code")) is int
    )


def codes(response: Response) -> frozenset[int]:
    """The codes of a response's errors."""
    return frozenset(error.code for error in errors_of(response))


def is_invalid_token(response: Response) -> bool:
    """Whether the token was refused, perhaps because it has expired."""
    return INVALID_TOKEN in codes(response)


def error_for(response: Response) -> RefusedError | UnavailableError:
    """The error that a response with errors of the Cloud Controller means."""
    errors = errors_of(response)
    text = _error_text(errors)
    if STAGING_IN_PROGRESS in codes(response):
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
        known = (TEMPORARY_ERRORS[error.code] for error in errors if error.code in TEMPORARY_ERRORS)
        what = next(known, "Cloud Foundry returned an error")
        return UnavailableError(
            f"{what} ({text})",
            may_have_arrived=True,
            from_server=True,
            server_error=summary(response),
            retry_after=retry_after(response),
        )
    explanation = next((found for error in errors if (found := _explanation(error))), "")
    reason = f"{explanation}. {summary(response)}" if explanation else summary(response)
    return RefusedError(reason, token_wide=response.status == 401)


def _explanation(error: ApiError) -> str:
    """What a refusal means, and what to do; empty if it is unknown."""
    if error.code != UNPROCESSABLE:
        return REFUSALS.get(error.code, "")
    matches = (text for pattern, text in DETAILS if re.search(pattern, error.detail, re.IGNORECASE))
    return next(matches, "")


def _error_text(errors: tuple[ApiError, ...]) -> str:
    return "; ".join(str(error) for error in errors[:MAX_ERRORS])


def summary(response: Response) -> str:
    """Status and errors, and the request's id, by which an operator finds it in the logs."""
    parts = [f"HTTP {response.status}"]
    if errors := _error_text(errors_of(response)):
        parts.append(errors)
    if identifier := request_id(response):
        parts.append(f"request {identifier}")
    return f"Cloud Foundry says: {', '.join(parts)}"


def request_id(response: Response) -> str:
    """The id in `X-Vcap-Request-Id`; empty if it is missing, or has another format."""
    text = response.headers.get("x-vcap-request-id", "")
    return text if re.fullmatch(r"[\w:.-]{1,120}", text, re.ASCII) else ""


def blocked_seconds(response: Response) -> float:
    """Seconds in which the server wants no further request: its rate limit is used up. Otherwise 0."""
    return retry_after(response) if response.status == 429 else 0


REDIRECTS = {
    Leads.NOWHERE: "HTTP {status}: a redirect without a valid destination. Check `cf_api`",
    Leads.TO_OTHER_HOST: "`cf_api` redirects to another host, {host}, as for a login; "
    "nothing was sent there. Set it to what `cf api` shows",
    Leads.TO_CLEARTEXT: "the address redirects from https to http. "
    "Correct that in the proxy in front of Cloud Foundry",
    Leads.TO_OTHER_ORIGIN: "the address redirects. Set `cf_api` to the API's own address, perhaps {origin}",
    Leads.TO_LOGIN: "something in front of Cloud Foundry requires a login. "
    "Set `cf_api` to what `cf api` shows",
    Leads.TO_OTHER_PATH: "something in front of Cloud Foundry redirects its API to another path. "
    "Set `cf_api` to what `cf api` shows",
}
"""What a redirect means, by where it leads."""


def redirect_error(response: Response) -> UnavailableError:
    """The error for a redirect. It is never followed: the token would go along, and a POST become a GET."""
    to = redirect(response.url, response.headers)
    reason = REDIRECTS[to.leads].format(status=response.status, host=to.host, origin=to.origin)
    return UnavailableError(reason + response.through, permanent=True)


def not_from_cloudfoundry(response: Response) -> UnavailableError:
    """The error for a response that is not in the Cloud Controller's format, named as what it is.

    Source: cloudfoundry-api 1 and 3.
    """
    if _is_unknown_route(response):
        what = (
            "the foundation's router has no route for this address: "
            "`cf_api` is wrong, or the API is being updated"
        )
    elif response.is_json:
        what = "JSON that is not Cloud Foundry's: a gateway is in front of it, or `cf_api` is wrong"
    elif "<html" in str(response.data)[:HTML_SEARCH_CHARS].lower() or response.kind == "text/html":
        what = "a web page instead of JSON: a proxy is in front of Cloud Foundry, or `cf_api` is wrong"
    else:
        what = "a response that is not Cloud Foundry's: a proxy is in front of it, or `cf_api` is wrong"
    reason = f"HTTP {response.status}: {what}{response.through}"
    return UnavailableError(reason, retry_after=retry_after(response))
