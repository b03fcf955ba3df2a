"""PURE: the URLs of a Cloud Foundry, from `GET /` (cloudfoundry-api 1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from deployer.model import RefusedError, UnavailableError
from deployer.providers import payload

VERSION = re.compile(r"(\d{1,4}(?:\.\d{1,6}){1,3})(\+[\w.-]{1,30})?", re.ASCII)
KORIFI = (
    "this is a Korifi without UAA (`cf_on_k8s`), which requires Kubernetes credentials. "
    "Deployer does not support these: enable UAA in Korifi"
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """URLs without a trailing slash.

    `logs`: empty if there is no log-cache to which the token may be sent.
    """

    version: str = ""
    login: str = ""
    logs: str = ""
    korifi: bool = False


def read(data: Any, base: str) -> Endpoints:
    """The URLs.

    Raises UnavailableError for another server's response, and RefusedError if no login is possible.
    """
    links = payload.record(data, "links")
    if not isinstance(links.get("cloud_controller_v3"), dict):
        raise UnavailableError(
            "the response is JSON but not from Cloud Foundry (it has no v3 API). Check `cf_api`"
        )
    if data.get("cf_on_k8s") is True:
        raise RefusedError(KORIFI, token_wide=True)
    match = VERSION.fullmatch(str(payload.value(links, "cloud_controller_v3", "meta", "version")))
    named = payload.text(links, "login", "href") or payload.text(links, "uaa", "href") or base
    login, logs = _host(named, base), _host(payload.text(links, "log_cache", "href"), base)
    if not login:
        raise RefusedError(
            "the API names a login server whose URL is not https; nothing was sent to it",
            token_wide=True,
        )
    return Endpoints(
        match[0] if match else "unknown", login, logs, korifi=bool(match and "k8s" in (match[2] or ""))
    )


def beside(address: str, base: str) -> bool:
    """Whether a URL is on the API's host, or on one under the same parent domain.

    The user's headers are only sent there: they are secrets of a gateway in front of this API. A parent
    domain has at least two labels.
    """
    host, own = ((urlsplit(each).hostname or "").rstrip(".") for each in (address, base))
    parent = own.partition(".")[2]
    return host == own or ("." in parent and not re.fullmatch(r"[\d.]+", own) and host.endswith(f".{parent}"))


def _host(address: str, base: str) -> str:
    """The URL if secrets may be sent to it: a plain one, and https if the API's is; empty otherwise."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises ValueError if it is not a number
    except ValueError:
        return ""
    plain = parts.hostname and not re.search(r"[\s\\@?#\x00-\x1f\x7f]", address)
    safe = parts.scheme == "https" or (parts.scheme == "http" and urlsplit(base).scheme == "http")
    return address.rstrip("/") if plain and safe else ""
