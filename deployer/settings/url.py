"""A platform's base URL, from what people paste."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
MAX_NAME_CHARS = 253
"""The longest host name that the DNS allows."""

HALF_SCHEME = re.compile(r"https?:(?!//)", re.IGNORECASE)
PATH = re.compile(r"[\w.~/%-]*", re.ASCII)


def address(text: str, tail: re.Pattern[str], example: str) -> str:
    """The base URL, without a query and without `tail`. Raises ValueError with a sentence for the user.

    The sentence shows nothing of the text: any part of it may be a token in the wrong place.
    """
    invalid = f"is not a valid URL. Write {example}"
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, _ = parts.hostname, parts.port  # either raises ValueError if it is invalid
    except ValueError:
        raise ValueError(invalid) from None
    if parts.scheme not in {"http", "https"}:
        raise ValueError("must start with https:// or http://")
    if parts.username is not None:
        raise ValueError("must not contain a user name or password")
    path = tail.sub("", parts.path)
    if (
        not host
        or not is_host(host)
        or HALF_SCHEME.match(text)
        or re.search(r"[\s\\\x00-\x1f]", text)
        or not PATH.fullmatch(path)
    ):
        raise ValueError(invalid)
    return f"{parts.scheme}://{parts.netloc}{path}"


def in_the_clear(base: str) -> list[str]:
    """The warning if the token would be sent over the internet unencrypted."""
    parts = urlsplit(base)
    if parts.scheme == "http" and _is_public(parts.hostname or ""):
        return [f"{base} is not encrypted: the token can be read in transit. Use https://"]
    return []


def is_host(host: str) -> bool:
    """Whether the text is a host name or an IP address.

    A token in the wrong place must not be looked up in the DNS.
    """
    if ":" in host:
        return True  # IPv6, already parsed by urlsplit
    return len(host) <= MAX_NAME_CHARS and all(map(_is_label, host.removesuffix(".").split(".")))


def _is_label(label: str) -> bool:
    """Whether the DNS allows this part of a name (RFC 1035): no hyphen at either end."""
    try:
        plain = label.encode("idna").decode()  # UnicodeError if it is empty or too long
    except UnicodeError:
        return False
    return LABEL.fullmatch(plain) is not None


def _is_public(host: str) -> bool:
    """Whether a host may be on the internet.

    A name with a dot outside of local domains, or a global IP address.
    """
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(
            (".local", ".internal", ".lan", ".localhost", ".test", ".home.arpa")
        )
