"""PURE: the public address of an app, from its routes (cloudfoundry-api 10)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from deployer.providers.payload import Row

PUBLIC = re.compile(r"[A-Za-z0-9._-]{1,253}(?::\d{1,5})?(?:/[^\s?#\\]{0,500})?", re.ASCII)
"""A host, perhaps with a port and a path. A host with a wildcard is not an address."""


def address(rows: Iterable[Row]) -> str:
    """The first route that a browser can open; empty if there is none. A route's `url` has no scheme.

    A route below `.internal` is for other apps only, and a TCP route does not serve HTTP.
    """
    urls = (str(row.get("url") or "") for row in rows if row.get("protocol", "http") != "tcp")
    return next((f"https://{url}" for url in urls if PUBLIC.fullmatch(url) and not _is_internal(url)), "")


def _is_internal(url: str) -> bool:
    return url.partition("/")[0].partition(":")[0].lower().endswith(".internal")
