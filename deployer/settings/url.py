"""A platform's address, from what people paste to what is asked."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
LONGEST_NAME = 253
"""Characters that a name may have in the DNS."""

HALF_SCHEME = re.compile(r"https?:(?!//)", re.IGNORECASE)
PATH = re.compile(r"[\w.~/%-]*", re.ASCII)


def address(text: str, tail: re.Pattern[str], example: str) -> str:
    """`https://host[:port]`, without a query and without `tail`. Raises ValueError with the sentence for people.

    Nothing of what was given is shown: any part of it may be a token, in the wrong place or behind a colon.
    """
    no_address = f"is no address: write {example}"
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, _ = parts.hostname, parts.port  # either raises ValueError where it is none
    except ValueError:
        raise ValueError(no_address) from None
    if parts.scheme not in {"http", "https"}:
        raise ValueError("must begin with https:// or http://")
    if parts.username is not None:
        raise ValueError("must not hold a user or a password")
    path = tail.sub("", parts.path)
    if (
        not host
        or not is_host(host)
        or HALF_SCHEME.match(text)
        or re.search(r"[\s\\\x00-\x1f]", text)
        or not PATH.fullmatch(path)
    ):
        raise ValueError(no_address)
    return f"{parts.scheme}://{parts.netloc}{path}"


def in_the_clear(base: str) -> list[str]:
    """The warning where a token would cross the internet without encryption."""
    parts = urlsplit(base)
    if parts.scheme == "http" and _is_public(parts.hostname or ""):
        return [f"{base} is not encrypted: everybody on the way can read the token. Use https://"]
    return []


def is_host(host: str) -> bool:
    """A name or an IP address; a token that was given as the address must not be looked up in the DNS."""
    if ":" in host:
        return True  # IPv6, which urlsplit has read
    return len(host) <= LONGEST_NAME and all(map(_is_label, host.removesuffix(".").split(".")))


def _is_label(label: str) -> bool:
    """One part of a name, as the DNS can hold it (RFC 1035): a hyphen never stands at its ends."""
    try:
        plain = label.encode("idna").decode()  # UnicodeError where it is empty or too long
    except UnicodeError:
        return False
    return LABEL.fullmatch(plain) is not None


def _is_public(host: str) -> bool:
    """Whether a host may be on the internet: a name with a dot that is not the local network's, or a global address."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(
            (".local", ".internal", ".lan", ".localhost", ".test", ".home.arpa")
        )
