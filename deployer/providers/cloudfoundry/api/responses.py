"""PURE: what an answer of the Cloud Controller means before its content is read: good, refused, or no answer of its own at all.

The rows are those of cloudfoundry-api 3. Codes decide; a text only chooses the remedy, because texts may change.
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

INVALID_TOKEN, UNPROCESSABLE, NOT_FOUND, STAGING = 1000, 10008, 10010, 170017
STAGING_RETRY_SECONDS = 15.0
PASSING = {408, 425, 429}
"""Statuses below 500 that a gateway gives for a while only."""

LOGIN_RETRY_SECONDS = 15.0
"""Seconds until UAA is asked again where its rate limit names none (cloudfoundry-api 2)."""

ROLES = "Space Developer, or Space Supporter where no `image` is given"
GRANT = "an org or space manager gives it: `cf set-space-role USER ORG SPACE SpaceDeveloper`, with `--client` for a client"

REFUSALS: dict[int, str] = {
    1000: "Cloud Foundry does not accept the token that its own login server has just given: is `cf_api` of the same foundation?",
    10002: "Cloud Foundry saw no token: a proxy in front of it drops the Authorization header",
    10003: f"the login may not do this: it lacks the role in the space ({ROLES}; {GRANT}) or the scope cloud_controller.write",
    10005: "this Cloud Foundry does not know a parameter of Deployer's: it is too old, or no Cloud Controller (Korifi knows fewer)",
    10000: "this Cloud Foundry has no such request: it is too old, or `cf_api` is not the address of its API",
    10010: f"it does not exist, or the login may not see it: that needs a role in its space ({GRANT})",
    10017: "the organization is suspended, and nothing in it can be changed: ask the operator of the foundation",
    10019: "the space is suspended, and nothing in it can be changed: ask the operator of the foundation",
    10020: "its organization or space is being deleted",
    330002: "a feature is switched off on this foundation. Docker images need `cf enable-feature-flag diego_docker`, by an admin",
    390014: "rolling deployments are switched off on this foundation: use `cf_strategy: restart`",
}

DETAILS: tuple[tuple[str, str], ...] = (
    (
        r"Assign a droplet|Invalid droplet",
        "the app has nothing to run: push it once (`cf push`), or give `image` for a docker app",
    ),
    (
        r"support rolling deployments",
        "the quota has no room for the extra instance of a rolling deployment: raise it, free some, or use `cf_strategy: restart`",
    ),
    (
        r"quota|exceeds .*(?:limit|memory|rate)",
        "a quota of the organization or space is used up: raise it, or scale down or stop other apps in it",
    ),
    (
        r"Docker package for a buildpack app",
        "`image` is for docker apps, and what an app is was decided when it was made: leave `image` out",
    ),
    (
        r"deployment in progress",
        "a rolling deployment of the app is going on: wait for its end, or stop it with `command: cancel`",
    ),
    (
        r"Ensure (?:it|that the \w+|the \w+) exists",
        f"it does not exist, or the login may not use it: that needs the role {ROLES} ({GRANT})",
    ),
)

WAITS: dict[int, str] = {
    20004: "Cloud Foundry can't reach its login server",
    10015: "Cloud Foundry can't reach its database",
    170015: "Cloud Foundry can't reach what runs the apps",
    200002: "Cloud Foundry can't tell at the moment how the instances are",
}


@dataclass(frozen=True, slots=True)
class ApiError:
    """One of the errors that an answer holds."""

    code: int
    title: str
    detail: str

    def __str__(self) -> str:
        return f"{self.detail.rstrip('.') or 'no reason given'} ({self.title or 'error'} {self.code})"


def json_or_raise(response: Response) -> Any:
    """The JSON of a good answer; nothing for an empty one. Raises RefusedError and UnavailableError for every other."""
    if response.status < 300 and (response.is_json or response.data == ""):
        return response.data if response.is_json else None
    raise error_for(response) if errors_of(response) else _in_its_place(response)


def _in_its_place(response: Response) -> UnavailableError:
    """What something else has answered in Cloud Foundry's place: it may have passed the request on before that, so it always arrived."""
    error = redirect_error(response) if 300 <= response.status < 400 else not_from_cloudfoundry(response)
    updating = response.headers.get("x-cf-routererror") == "unknown_route"
    gateway = response.status < 500 and response.status not in PASSING and not updating
    return replace(error, may_have_arrived=True, from_gateway=gateway)


def errors_of(response: Response) -> tuple[ApiError, ...]:
    """What an answer of the Cloud Controller says is wrong; nothing if it is none. Its 429 is announced as text (cloudfoundry-api 0)."""
    rows = payload.records(response.data, "errors") if response.status >= 400 else []
    coded = [row for row in rows if type(row.get("code")) is int]
    return tuple(
        ApiError(row["code"], one_line(row.get("title")), one_line(row.get("detail"))) for row in coded
    )


def codes(response: Response) -> frozenset[int]:
    """The codes of its errors."""
    return frozenset(trouble.code for trouble in errors_of(response))


def error_for(response: Response) -> RefusedError | UnavailableError:
    """An answer of the Cloud Controller that is not good."""
    found = errors_of(response)
    known = [trouble.code for trouble in found]
    said = "; ".join(str(trouble) for trouble in found[:5])
    if STAGING in known:
        return UnavailableError(
            f"another build of the app is still being staged ({said})",
            from_server=True,
            retry_after=STAGING_RETRY_SECONDS,
        )
    if response.status == 429:
        return UnavailableError(
            f"Cloud Foundry is asked too often ({said})", from_server=True, retry_after=retry_after(response)
        )
    if response.status >= 500:
        what = next(
            (WAITS[code] for code in known if code in WAITS), "Cloud Foundry does not answer properly"
        )
        return UnavailableError(
            f"{what} ({said})",
            may_have_arrived=True,
            from_server=True,
            server_error=summary(response),
            retry_after=retry_after(response),
        )
    remedy = next((sentence for trouble in found if (sentence := _remedy(trouble))), "")
    return RefusedError(
        f"{remedy}. {summary(response)}" if remedy else summary(response), token_wide=response.status == 401
    )


def _remedy(trouble: ApiError) -> str:
    by_text = next(
        (sentence for pattern, sentence in DETAILS if re.search(pattern, trouble.detail, re.IGNORECASE)), ""
    )
    return by_text if trouble.code == UNPROCESSABLE else REFUSALS.get(trouble.code, "")


def summary(response: Response) -> str:
    """Status, words and the request's id, by which an operator finds it in the logs."""
    what = "; ".join(str(trouble) for trouble in errors_of(response)[:5])
    number = request_id(response)
    return f"Cloud Foundry says: HTTP {response.status}{f', {what}' if what else ''}{f', request {number}' if number else ''}"


def request_id(response: Response) -> str:
    """`X-Vcap-Request-Id`, if it looks like one."""
    text = response.headers.get("x-vcap-request-id", "")
    return text if re.fullmatch(r"[\w:.-]{1,120}", text, re.ASCII) else ""


REDIRECTS = {
    Leads.NOWHERE: "HTTP {status}, a redirect to nowhere: is `cf_api` right?",
    Leads.TO_OTHER_HOST: "`cf_api` redirects to another host, {host}, as for a login; nothing was sent there. Set it to what "
    "`cf api` shows",
    Leads.TO_CLEARTEXT: "the address redirects from https to http. Correct that in the proxy in front of Cloud Foundry",
    Leads.TO_OTHER_ORIGIN: "the address redirects: set `cf_api` to the API's own address, perhaps {origin}",
    Leads.TO_LOGIN: "something in front of Cloud Foundry asks for a login. Set `cf_api` to what `cf api` shows",
    Leads.TO_OTHER_PATH: "something in front of Cloud Foundry redirects its API to another path. Set `cf_api` to what `cf api` shows",
}


def redirect_error(response: Response) -> UnavailableError:
    """A redirect, which is never followed: the token would go along, and a POST would become a GET."""
    to = redirect(response.url, response.headers)
    said = REDIRECTS[to.leads].format(status=response.status, host=to.host, origin=to.origin)
    return UnavailableError(said + response.through, permanent=True)


def not_from_cloudfoundry(response: Response) -> UnavailableError:
    """Something that is not in the Cloud Controller's shape, told as what it is (cloudfoundry-api 1 and 3)."""
    if response.headers.get("x-cf-routererror") == "unknown_route":
        what = "the foundation's router knows no such address: `cf_api` is wrong, or the API is being updated"
    elif response.is_json:
        what = "JSON that is not Cloud Foundry's: a gateway in front of it, or a wrong `cf_api`"
    elif "<html" in str(response.data)[:2000].lower() or response.kind == "text/html":
        what = "a page instead of JSON: a proxy in front of Cloud Foundry, or a wrong `cf_api`"
    else:
        what = "an answer that is not Cloud Foundry's: a proxy in front of it, or a wrong `cf_api`"
    return UnavailableError(
        f"HTTP {response.status}: {what}{response.through}", retry_after=retry_after(response)
    )
