"""PURE: what is redacted of `settings`: secret fields, code, and logins in URLs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from deployer.providers.coolify.changes.application_settings import SECRET

LOGIN = re.compile(r"(?://|[^\s/:@]+:)([^\s/]+)@")
"""A login before a host, with or without a scheme: the address of a Git repository may have none."""


def secret_texts(fields: Mapping[str, Any]) -> Iterator[str]:
    """Every text to redact. Of a login, also the password alone."""
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
