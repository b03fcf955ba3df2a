"""Which proxy a request goes through, which variable says so, and whether that variable is valid.

`requests` supports fewer forms of `NO_PROXY`, and would send everything else to the proxy, with the token
(https://requests.readthedocs.io/en/latest/user/advanced/#proxies).
"""

from __future__ import annotations

import importlib.util
import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from requests.utils import get_environ_proxies, select_proxy

PORTS = {"http": 80, "https": 443}
SCHEMES = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"}
WITHOUT_PASSWORD = {"", "x", "x-oauth-basic"}
"""Placeholders for the password where the user name is the token."""

NOT_VALID = (
    "is not a valid proxy address. Write http://user:password@host:port, with special characters in the "
    "password percent-encoded (# is %23, / is %2F, ? is %3F, @ is %40)"
)
NO_SOCKS = (
    "names a SOCKS proxy, which requires the Python package PySocks. "
    "Install it, or add the host to `NO_PROXY`"
)


@dataclass(frozen=True, slots=True)
class Route:
    """How a request leaves this machine."""

    proxy: str = field(default="", repr=False)
    """The proxy's URL; empty for a direct connection."""
    source: str = ""
    """The variable that names the proxy, for messages."""


def route(url: str, environ: Mapping[str, str]) -> Route:
    """The route to a URL.

    Raises ValueError with a sentence that names the variable and never its value, which may contain a
    password.
    """
    if bypassed(url, environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
        return Route()
    proxy = select_proxy(url, get_environ_proxies(url)) or ""
    if not proxy:
        return Route()
    source = _source(urlsplit(url).scheme, environ)
    if problem := _problem(proxy):
        raise ValueError(f"{source} {problem}")
    return Route(proxy, source)


def bypassed(url: str, no_proxy: str) -> bool:
    """Whether `NO_PROXY` covers the URL.

    An entry is a domain (with its subdomains), an IP address or a network, each with an optional port.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or PORTS.get(parts.scheme)
    return any(_covers(entry.lower(), host, port) for entry in re.split(r"[,\s]+", no_proxy) if entry)


def _covers(entry: str, host: str, port: int | None) -> bool:
    bracketed = re.fullmatch(r"\[([^]]+)\](/\d+)?(?::(\d+))?", entry)
    if bracketed:
        name, wanted = bracketed[1] + (bracketed[2] or ""), bracketed[3]
    elif entry.count(":") == 1:
        name, _, wanted = entry.partition(":")
    else:
        name, wanted = entry, None
    if wanted and wanted != str(port):
        return False
    if name == "*":
        return True
    try:
        network = ipaddress.ip_network(name, strict=False)
    except ValueError:
        name = name.removeprefix("*").strip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address in network or (mapped is not None and mapped in network)


def secrets(environ: Mapping[str, str]) -> Iterator[str]:
    """The passwords in the proxy variables, raw and percent-decoded.

    A user name without a password counts as a token.
    """
    for name, value in environ.items():
        login = (value.partition("://")[2] or value).rpartition("@")[0]
        if login and name.lower().endswith("_proxy"):
            user, _, password = login.partition(":")
            secret = user if password.lower() in WITHOUT_PASSWORD else password
            yield from {secret, unquote(secret)}


def _source(scheme: str, environ: Mapping[str, str]) -> str:
    """The variable as the environment spells it; lower case takes precedence, as in `requests`."""
    for wanted in (f"{scheme}_proxy", "all_proxy"):
        names = sorted(
            (name for name, value in environ.items() if value and name.lower() == wanted), reverse=True
        )
        if names:
            return f"`{names[0]}`"
    return "the proxy setting of this system"


def _problem(proxy: str) -> str:
    address = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port  # either raises ValueError if it is invalid
    except ValueError:
        return NOT_VALID
    login = parts.netloc.rpartition("@")[0]
    beyond = parts.path + parts.query + parts.fragment
    if parts.scheme not in SCHEMES or not host or not re.fullmatch(r"[\w.-]+|[0-9a-f:.]+(%\w+)?", host):
        return NOT_VALID
    if "@" in beyond or re.search(r"[\s\\\x00-\x1f]", address) or re.search(r"[\[\]]", login):
        return NOT_VALID
    if parts.scheme.startswith("socks") and importlib.util.find_spec("socks") is None:
        return NO_SOCKS
    return ""
