"""PURE: what an answer of Coolify's API means before its content is read: good, refused, or no answer of Coolify's at all.

The bodies are those of coolify-api 3.3 and 3.5; the first row that fits counts.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin, urlsplit

from deployer.http import Reply
from deployer.model import RefusedError, UnavailableError


def boxes(more: str = "") -> str:
    """Where a token is made, and the order in which its boxes are ticked (coolify-api 4)."""
    then = f"read, then read:sensitive{f', then {more}' if more else ''}"
    return f"in Coolify under Keys & Tokens, API Tokens, tick deploy first, then {then}: ticking deploy clears the others"


BOXES = boxes()

FORBIDDEN: dict[str, str] = {
    "API is disabled.": "Coolify's API is switched off. Switch it on in Coolify under Settings, Advanced, API Access",
    "You are not allowed to access the API.": "Coolify's list of allowed addresses does not hold this machine's. "
    "Add it in Coolify under Settings, Advanced, Allowed IPs for API Access",
    "This API token has permissions": "the token belongs to a member of the team, and members' tokens may only read. "
    "Make one as an admin or the owner of the team",
    "Missing required team role.": "the token belongs to a member of the team, and members' tokens may only read. "
    "Make one as an admin or the owner of the team",
    "You are not authorized to perform this action.": "the token's owner may not do this in the team. Use a token of an admin or the owner",
}

UNAUTHORIZED: dict[str, str] = {
    "Unauthenticated.": "Coolify does not accept the token (Unauthenticated): it is wrong, revoked or expired. Make a new one: " + BOXES,
    "Invalid token.": "the token's owner has left the team it was made for (Invalid token). Make a new one: " + BOXES,
}

FOREIGN_CANCEL = "You do not have permission to cancel this deployment."
MISSING = re.compile(r".{0,60}not found\.?|No resources found.*|No query results for model .*", re.IGNORECASE)
"""What Coolify's own 404 say, beside those with a `docs` key."""

PERMISSIONS = "Missing required permissions: "
QUEUE_FULL = "Deployment queue is full"
VERSION = re.compile(r"v?\d+\.\d+[0-9A-Za-z.-]*")


def good(reply: Reply) -> Any:
    """The JSON of a good answer. Raises RefusedError and UnavailableError for every other."""
    if 300 <= reply.status < 400:
        raise redirected(reply)
    if not reply.is_json:
        raise foreign(reply)
    if reply.status < 300:
        return reply.data
    raise refusal(reply)


def message(reply: Reply) -> str:
    """What the server says, in one line and not too long."""
    text = reply.data.get("message") if isinstance(reply.data, dict) else None
    return " ".join(text.split())[:500] if isinstance(text, str) else ""


def refusal(reply: Reply) -> RefusedError | UnavailableError:
    """An answer in JSON that is not good."""
    text = message(reply)
    if not text or not _is_coolifys(reply, text):
        said = f": {text}" if text else " with JSON"
        what = f"HTTP {reply.status}{said}. That is not Coolify's: a gateway in front of it, or a wrong `coolify_url`"
        return UnavailableError(what, arrived=reply.status not in {401, 403, 404}, wait=seconds(reply))
    match reply.status:
        case 401:
            return RefusedError(UNAUTHORIZED[text], everywhere=True)
        case 403:
            of_one = text.startswith(FOREIGN_CANCEL) or text == f"{PERMISSIONS}write"  # not every kind of target needs that one
            return RefusedError(_forbidden(text), everywhere=not of_one)
        case 429:
            return UnavailableError(f"Coolify is asked too often ({text})", itself=True, wait=seconds(reply))
        case status if status >= 500:
            failure = told(reply)
            what = f"Coolify does not answer properly ({failure})"
            return UnavailableError(what, arrived=True, itself=True, failure=failure, wait=seconds(reply))
        case status:
            return RefusedError(f"Coolify says: {text} (HTTP {status})")


def _is_coolifys(reply: Reply, text: str) -> bool:
    """Whether a refusal is in Coolify's own words (architecture, rule 3: of the right kind). Gateways and firewalls answer in JSON, too."""
    match reply.status:
        case 401:
            return text in UNAUTHORIZED
        case 403:
            return text.startswith((*FORBIDDEN, PERMISSIONS, FOREIGN_CANCEL))
        case 404:
            return MISSING.fullmatch(text) is not None or "docs" in reply.data
        case _:
            return True


def _forbidden(text: str) -> str:
    if text.startswith(PERMISSIONS):
        return f"the token lacks a right ({text}). Make a new one: {boxes('write' if 'write' in text else '')}"
    return next(
        (f"{sentence} ({text})" for start, sentence in FORBIDDEN.items() if text.startswith(start)), f"Coolify says: {text} (HTTP 403)"
    )


def lacks(reply: Reply, permission: str) -> bool:
    """Whether the answer is a 403 for want of one permission."""
    return reply.status == 403 and message(reply).startswith(PERMISSIONS) and permission in message(reply)


def told(reply: Reply) -> str:
    """Status and words in short."""
    text = message(reply)
    return f"HTTP {reply.status}{f': {text}' if text else ''}"


def is_missing(reply: Reply) -> bool:
    """Whether Coolify itself says that there is no such resource."""
    return reply.status == 404 and reply.is_json and MISSING.fullmatch(message(reply)) is not None


def unknown_endpoint(reply: Reply) -> bool:
    """Whether this version of Coolify has no such endpoint: a resource's 404 has no `docs` (coolify-api 3.3)."""
    return reply.status == 404 and isinstance(reply.data, dict) and "docs" in reply.data


def seconds(reply: Reply) -> float:
    """Retry-After in seconds; nothing where it says none."""
    text = reply.headers.get("retry-after", "")
    return float(text) if re.fullmatch(r"\d{1,6}", text) else 0


def redirected(reply: Reply) -> UnavailableError:
    """A redirect, which is never followed: the token would go along, and a POST would become a GET."""
    try:
        parts = urlsplit(urljoin(reply.url, reply.headers["location"]))
    except (KeyError, ValueError):
        return UnavailableError(f"HTTP {reply.status}, a redirect to nowhere: is `coolify_url` right?", final=True)
    if (parts.hostname or "").endswith(".cloudflareaccess.com"):
        return UnavailableError(
            "Cloudflare Access asks for a login: give CF-Access-Client-Id and CF-Access-Client-Secret as `headers`", final=True
        )
    if parts.path.rstrip("/").endswith("/login"):
        return UnavailableError("Coolify answers with its login page: `coolify_url` must be its plain address", final=True)
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return UnavailableError(f"the address redirects: set `coolify_url` to {origin}", final=True)


def foreign(reply: Reply) -> UnavailableError:
    """Something that is no JSON, told as what it is (coolify-api 3.5; architecture, truth 24)."""
    text = str(reply.data)
    lost = reply.status >= 500 or reply.status < 300
    if reply.headers.get("cf-mitigated") == "challenge":
        what = "Cloudflare challenges this machine as a bot: allow it there, or give its headers as `headers`"
    elif "error code: 1010" in text or "Error 1010" in text:
        what = "Cloudflare refuses this client (error 1010): switch off its browser integrity check for /api"
    elif reply.kind == "text/plain" and "page not found" in text:
        what = "the proxy knows no such address (404 page not found): Coolify is being started or updated, or `coolify_url` is wrong"
    elif "<html" in text.lower() or reply.kind == "text/html":
        what = f"a page{_title(text)} instead of JSON: a proxy or Cloudflare in front of Coolify, or a wrong `coolify_url`"
    else:
        what = "an answer that is not Coolify's"
    return UnavailableError(f"HTTP {reply.status}: {what}", arrived=lost, wait=seconds(reply))


def _title(text: str) -> str:
    match = re.search(r"<title[^>]*>([^<]{1,80})", text, re.IGNORECASE)
    return f' ("{" ".join(match[1].split())}")' if match else ""
