"""PURE: which parts of `settings` are redacted: secret fields, code, and logins in URLs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from deployer.providers.coolify.changes.application_settings import SECRET

LOGIN = re.compile(r"(?://|[^\s/:@]+:)([^\s/]+)@")
"""A login before a host, with or without a scheme: a Git URL may have none."""


def secret_texts(fields: Mapping[str, Any]) -> Iterator[str]:
    """Every such text, and the password of each login."""
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
