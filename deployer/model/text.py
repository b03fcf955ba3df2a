"""PURE: how untrusted text is kept: whole. The reporter redacts it first and cuts it then; cutting earlier could leave half a secret."""

from __future__ import annotations

from typing import Any

MAX_CHARS = 1 << 16
"""No message of a server is that long; a longer text is not kept."""


def bounded(text: str, max_chars: int = MAX_CHARS) -> str:
    """The text, or only its length if it is longer: a part of it could hold half a secret, which redaction would miss."""
    return text if len(text) <= max_chars else f"({len(text)} characters)"


def one_line(value: Any) -> str:
    """The text with all white space runs replaced by single spaces; empty for anything that is not a string."""
    return bounded(" ".join(value.split())) if isinstance(value, str) else ""
