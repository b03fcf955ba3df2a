"""PURE: where a Cloud Foundry keeps what, as `GET /` says (cloudfoundry-api 1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from deployer.model import RefusedError, UnavailableError
from deployer.providers import payload

VERSION = re.compile(r"(\d{1,4}(?:\.\d{1,6}){1,3})(\+[\w.-]{1,30})?", re.ASCII)
KORIFI = (
    "this is a Korifi without UAA (`cf_on_k8s`): it takes the certificates and tokens of its Kubernetes, which Deployer can't give. "
    "With UAA switched on there, it can log in"
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses without a trailing slash; `logs` is empty where no log-cache is named that the token may be sent to."""

    version: str = ""
    login: str = ""
    logs: str = ""
    korifi: bool = False


def read(data: Any, base: str) -> Endpoints:
    """Raises UnavailableError for what is no Cloud Foundry's, and RefusedError where nobody can log in."""
    links = payload.record(data, "links")
    if not isinstance(links.get("cloud_controller_v3"), dict):
        raise UnavailableError(
            "an answer in JSON, but not Cloud Foundry's (it names no v3 API): is `cf_api` right?"
        )
    if data.get("cf_on_k8s") is True:
        raise RefusedError(KORIFI, token_wide=True)
    match = VERSION.fullmatch(str(payload.value(links, "cloud_controller_v3", "meta", "version")))
    named = payload.text(links, "login", "href") or payload.text(links, "uaa", "href") or base
    login, logs = _host(named, base), _host(payload.text(links, "log_cache", "href"), base)
    if not login:
        raise RefusedError(
            "the API names a login server without a safe address (https): nothing was sent to it",
            token_wide=True,
        )
    return Endpoints(
        match[0] if match else "unknown", login, logs, korifi=bool(match and "k8s" in (match[2] or ""))
    )


def beside(address: str, base: str) -> bool:
    """Whether an address is on the API's own host, or on one under the same parent domain (`api.sys.example.com`, `uaa.sys.example.com`).

    Only there the user's own headers go: they are secrets of a gateway in front of this API. A parent of one label is none.
    """
    host, own = ((urlsplit(each).hostname or "").rstrip(".") for each in (address, base))
    parent = own.partition(".")[2]
    return host == own or ("." in parent and not re.fullmatch(r"[\d.]+", own) and host.endswith(f".{parent}"))


def _host(address: str, base: str) -> str:
    """An address that secrets may be sent to: a plain one, and never less protected than the API's own. Else nothing."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises ValueError where it is no number
    except ValueError:
        return ""
    plain = parts.hostname and not re.search(r"[\s\\@?#\x00-\x1f\x7f]", address)
    safe = parts.scheme == "https" or (parts.scheme == "http" and urlsplit(base).scheme == "http")
    return address.rstrip("/") if plain and safe else ""
