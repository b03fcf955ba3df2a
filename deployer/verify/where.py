"""PURE: which URLs are requested at all, and which redirects are followed (architecture 5)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urljoin, urlsplit

import requests

INTERNAL = tuple(
    ipaddress.ip_network(each)
    for each in (
        "0.0.0.0/8",  # this machine, on Linux
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata service of most clouds, which hands out credentials
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure
        "192.0.0.192/32",  # Oracle
        "fe80::/10",
        "fd00:ec2::/32",  # AWS
        "fd20:ce::/32",  # Google
    )
)
"""Addresses of this machine, link-local ones, and those of cloud metadata services."""

INTERNAL_NAMES = re.compile(
    r"(?:.+\.)?localhost|metadata(?:\.google\.internal|\.goog)?|instance-data(?:\..+)?"
)
"""Host names of these addresses, for a proxy that would resolve them itself."""

# The first turns `::` into 0.0.0.0 and `::1` into 0.0.0.1.
_EMBEDDING = tuple(
    ipaddress.IPv6Network(each) for each in ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/96")
)


def is_internal(address: str) -> bool:
    """Whether an IP address is one of `INTERNAL`, also as an IPv4 address embedded in an IPv6 one."""
    whole = ipaddress.ip_address(address)
    inner = [whole]
    if isinstance(whole, ipaddress.IPv6Address):
        inner += [each for each in (whole.sixtofour, *(whole.teredo or ())) if each]
        inner += [
            ipaddress.IPv4Address(int(whole) & 0xFFFFFFFF) for network in _EMBEDDING if whole in network
        ]
    return any(each in network for each in inner for network in INTERNAL)


def checked(url: str) -> str:
    """The URL exactly as it will be requested, so that both are parsed alike. Raises ValueError."""
    try:
        canonical = str(requests.Request("GET", url).prepare().url)
        parts = urlsplit(canonical)
    except ValueError as error:  # its text contains the URL, with any secret in it
        message = "this is not a valid URL"
        raise ValueError(message) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = "only a URL with http:// or https:// can be requested"
        raise ValueError(message)
    if "@" in parts.netloc:
        message = "a URL with a login in it is not requested"
        raise ValueError(message)
    return canonical


def followed(url: str, location: str) -> str:
    """The target of a redirect if it may be followed, or empty.

    The same host, and never from https to http.
    """
    target = _target(url, location)
    if not target or leaves(url, location):
        return ""
    return target if (urlsplit(url).scheme, urlsplit(target).scheme) != ("https", "http") else ""


def leaves(url: str, location: str) -> bool:
    """Whether a redirect leads to another host, or to an invalid URL.

    Then it says nothing of what runs at `url`.
    """
    return _host(urlsplit(_target(url, location)).hostname) != _host(urlsplit(url).hostname)


def _target(url: str, location: str) -> str:
    """The absolute URL of a redirect; empty if it can't be requested."""
    try:
        return checked(urljoin(url, location.encode("latin-1", "replace").decode("utf-8", "replace")))
    except ValueError:
        return ""


def _host(name: str | None) -> str:
    return (name or "").lower().rstrip(".").removeprefix("www.")
