"""PURE: where a redirect leads.

None is followed: the token would be sent along, and a POST would become a GET.

Whoever follows the advice "set the address to …" sends the token there: so only addresses on the requested
host are suggested.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import SplitResult, urljoin, urlsplit

HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
LOGIN = re.compile(
    r"/(?:login|log-in|signin|sign-in|sso|saml2?|oauth2?|oidc|_oauth|authelia|outpost\.goauthentik\.io|realms|adfs|\.auth|auth|authorize"
    r"|cdn-cgi/access)(?:/|$)",
    re.IGNORECASE,
)
"""Paths of login pages: Coolify's own, and those of the products that people put in front of it."""


class Leads(Enum):
    """The kinds of redirects.

    `TO_OTHER_HOST` may be a login page, a parked domain or a moved server; nothing tells which.
    """

    NOWHERE = "nowhere"
    TO_OTHER_HOST = "another host"
    TO_LOGIN = "a login page on the same host"
    TO_CLEARTEXT = "from https to http"
    TO_OTHER_ORIGIN = "another scheme or port of the same host"
    TO_OTHER_PATH = "another path of the same address"


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where a redirect leads."""

    leads: Leads
    host: str = ""
    origin: str = ""
    """Scheme, host and port, without a login."""
    path: str = ""
    """Must not be shown: it may contain a secret."""


def redirect(url: str, headers: Mapping[str, str]) -> Redirect:
    """Where the response to a request to `url` redirects to.

    A host counts as the same with and without `www.`.
    """
    try:
        requested, parts = urlsplit(url), urlsplit(urljoin(url, headers["location"]))
        host, here, there = parts.hostname or "", _origin(requested), _origin(parts)
        known = bool(HOST.fullmatch(host)) and parts.scheme in {"http", "https"}
    except (KeyError, ValueError):
        return Redirect(Leads.NOWHERE)
    if not known:
        return Redirect(Leads.NOWHERE)
    if host.removeprefix("www.") != (requested.hostname or "").removeprefix("www."):
        leads = Leads.TO_OTHER_HOST
    elif LOGIN.search(parts.path):
        leads = Leads.TO_LOGIN
    elif requested.scheme == "https" and parts.scheme == "http":
        leads = Leads.TO_CLEARTEXT
    else:
        leads = Leads.TO_OTHER_PATH if here == there else Leads.TO_OTHER_ORIGIN
    return Redirect(leads, host, f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", parts.path)


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    """Scheme, host and port. Raises ValueError if the port is not a number."""
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
