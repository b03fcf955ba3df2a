"""PURE: the public URL of an app, from its routes (cloudfoundry-api 10)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

PLAIN = re.compile(r"[A-Za-z0-9._-]{1,253}(?::\d{1,5})?(?:/[^\s?#\\]{0,500})?", re.ASCII)
"""A host, optionally with a path. A wildcard host has no URL."""


def address(rows: Iterable[dict[str, Any]]) -> str:
    """The first route that a browser can open; empty if there is none. A route's `url` has no scheme.

    Hosts that end in `.internal` are only for other apps, and TCP routes are not HTTP.
    """
    urls = (str(row.get("url") or "") for row in rows if row.get("protocol", "http") != "tcp")
    return next((f"https://{url}" for url in urls if PLAIN.fullmatch(url) and not _is_internal(url)), "")


def _is_internal(url: str) -> bool:
    return url.partition("/")[0].partition(":")[0].lower().endswith(".internal")
