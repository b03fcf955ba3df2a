"""PURE: which addresses are asked at all, and which redirects are followed (architecture 5)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urljoin, urlsplit

import requests

INWARD = tuple(
    ipaddress.ip_network(each)
    for each in (
        "0.0.0.0/8",  # on Linux this machine
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and where most clouds tell a machine its credentials
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure
        "192.0.0.192/32",  # Oracle
        "fe80::/10",
        "fd00:ec2::/32",  # AWS
        "fd20:ce::/32",  # Google
    )
)
"""Addresses of this machine, of its own link, and of clouds' metadata."""

INWARD_NAMES = re.compile(r"(?:.+\.)?localhost|metadata(?:\.google\.internal|\.goog)?|instance-data(?:\..+)?")
"""Names of the same, for a proxy that would look them up."""

# The first makes 0.0.0.0 of `::` and 0.0.0.1 of `::1`.
_EMBEDDING = tuple(
    ipaddress.IPv6Network(each) for each in ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/96")
)


def inward(address: str) -> bool:
    """Whether an IP address is one of these, also as an IPv4 address within an IPv6 one."""
    whole = ipaddress.ip_address(address)
    inner = [whole]
    if isinstance(whole, ipaddress.IPv6Address):
        inner += [each for each in (whole.sixtofour, *(whole.teredo or ())) if each]
        inner += [
            ipaddress.IPv4Address(int(whole) & 0xFFFFFFFF) for network in _EMBEDDING if whole in network
        ]
    return any(each in network for each in inner for network in INWARD)


def asked(url: str) -> str:
    """The address as it will be asked, so that what is checked and what is asked are read by the same rules. Raises ValueError."""
    try:
        canonical = str(requests.Request("GET", url).prepare().url)
        parts = urlsplit(canonical)
    except ValueError as error:  # its words hold the address, with all that is secret in it
        message = "this is no address"
        raise ValueError(message) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = "only an address with http:// or https:// can be asked"
        raise ValueError(message)
    if "@" in parts.netloc:
        message = "an address with a login in it is not asked"
        raise ValueError(message)
    return canonical


def followed(url: str, location: str) -> str:
    """The address that a redirect leads to, if it may be followed: the same host, and never from https back to http."""
    target = _target(url, location)
    if not target or leaves(url, location):
        return ""
    return target if (urlsplit(url).scheme, urlsplit(target).scheme) != ("https", "http") else ""


def leaves(url: str, location: str) -> bool:
    """Whether a redirect leads to another host, or to nothing that could be asked: then it says nothing of what runs at `url`."""
    return _host(urlsplit(_target(url, location)).hostname) != _host(urlsplit(url).hostname)


def _target(url: str, location: str) -> str:
    """Empty where it is no address that could be asked."""
    try:
        return asked(urljoin(url, location.encode("latin-1", "replace").decode("utf-8", "replace")))
    except ValueError:
        return ""


def _host(name: str | None) -> str:
    return (name or "").lower().rstrip(".").removeprefix("www.")
