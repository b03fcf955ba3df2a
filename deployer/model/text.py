"""PURE: untrusted text as it is kept: whole. What of it is shown is redacted first and cut then, by the reporter; nobody cuts before."""

from __future__ import annotations

from typing import Any

MAX_CHARS = 1 << 16
"""Characters: no message of a server is so long, and a longer one is not kept."""


def bounded(text: str, max_chars: int = MAX_CHARS) -> str:
    """The text; of a longer one only how long it is: a part of it could hold half a secret, which nobody would recognize."""
    return text if len(text) <= max_chars else f"({len(text)} characters)"


def one_line(value: Any) -> str:
    """A server's words in one line; nothing for what is no text."""
    return bounded(" ".join(value.split())) if isinstance(value, str) else ""
