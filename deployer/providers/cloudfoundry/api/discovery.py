"""PURE: the endpoints of a Cloud Foundry, as `GET /` lists them (cloudfoundry-api 1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from deployer.model import RefusedError, UnavailableError
from deployer.providers import payload

VERSION = re.compile(r"(\d{1,4}(?:\.\d{1,6}){1,3})(\+[\w.-]{1,30})?", re.ASCII)
KORIFI_WITHOUT_UAA = (
    "this is a Korifi without UAA (`cf_on_k8s`): it only accepts certificates and tokens of its Kubernetes "
    "cluster, which Deployer does not support. Enable UAA in Korifi"
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The version of the API, and the addresses of the servers beside it, without a slash at the end."""

    version: str = ""
    login: str = ""
    """The login server."""
    logs: str = ""
    """The log-cache; empty if there is none, or none that the token may be sent to."""
    korifi: bool = False


def read(data: Any, base: str) -> Endpoints:
    """The endpoints, by the JSON of `GET /`.

    Args:
        data: the JSON.
        base: the address of the API.

    Raises:
        UnavailableError: if it is not Cloud Foundry's.
        RefusedError: if it is not possible to log in.
    """
    links = payload.record(data, "links")
    if not isinstance(links.get("cloud_controller_v3"), dict):
        raise UnavailableError("JSON that is not Cloud Foundry's (it names no v3 API). Check `cf_api`")
    if data.get("cf_on_k8s") is True:
        raise RefusedError(KORIFI_WITHOUT_UAA, token_wide=True)
    login = payload.text(links, "login", "href") or payload.text(links, "uaa", "href") or base
    login = _safe_address(login, base)
    if not login:
        raise RefusedError(
            "the API names a login server without a safe address (https), so that nothing was sent to it",
            token_wide=True,
        )
    match = VERSION.fullmatch(str(payload.value(links, "cloud_controller_v3", "meta", "version")))
    return Endpoints(
        match[0] if match else "unknown",
        login,
        _safe_address(payload.text(links, "log_cache", "href"), base),
        korifi=bool(match and "k8s" in (match[2] or "")),
    )


def shares_domain(address: str, base: str) -> bool:
    """Whether an address is on the API's own host, or below the same parent domain.

    For example `https://api.sys.example.com` and `https://uaa.sys.example.com`. The user's own headers are
    only sent there: they are secrets of a gateway in front of this API. A top-level domain is not a parent.
    """
    host, own = ((urlsplit(each).hostname or "").rstrip(".") for each in (address, base))
    parent = own.partition(".")[2]
    return host == own or ("." in parent and not re.fullmatch(r"[\d.]+", own) and host.endswith(f".{parent}"))


def _safe_address(address: str, base: str) -> str:
    """The address, if secrets may be sent to it; otherwise an empty text.

    It must be a plain one, and must not be less protected than that of the API.
    """
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises ValueError if it is not a number
    except ValueError:
        return ""
    plain = parts.hostname and not re.search(r"[\s\\@?#\x00-\x1f\x7f]", address)
    safe = parts.scheme == "https" or (parts.scheme == "http" and urlsplit(base).scheme == "http")
    return address.rstrip("/") if plain and safe else ""
