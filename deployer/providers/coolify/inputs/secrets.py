"""PURE: what in the `settings` is taken out of all that comes back: secret fields and code, and the logins in addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from deployer.providers.coolify.changes.application_settings import SECRET

LOGIN = re.compile(r"(?://|[^\s/:@]+:)([^\s/]+)@")
"""Before a host, with a scheme or without one. What git calls an address may have none."""


def hidden(fields: Mapping[str, Any]) -> Iterator[str]:
    """Every such text, and of a login its password by itself."""
    for name, value in fields.items():
        for text in _texts(value):
            if SECRET.fullmatch(name):
                yield text
            for login in LOGIN.findall(text):
                yield from (login, login.partition(":")[2])


def _texts(value: Any) -> Iterator[str]:
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, (dict, list)):
            left += each.values() if isinstance(each, dict) else each
