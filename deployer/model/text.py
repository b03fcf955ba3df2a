"""PURE: small functions on text.

Untrusted text is kept whole until the reporter has redacted it: cutting it earlier could leave half a secret.
"""

from __future__ import annotations

from typing import Any

MAX_CHARS = 1 << 16
"""No message of a server is that long; a longer text is not kept."""


def bounded(text: str, max_chars: int = MAX_CHARS) -> str:
    """The text, or only its length if it is longer: a part could contain half a secret."""
    return text if len(text) <= max_chars else f"({len(text)} characters)"


def one_line(value: Any) -> str:
    """The text with runs of white space replaced by single spaces; empty for anything but a string."""
    return bounded(" ".join(value.split())) if isinstance(value, str) else ""


def suffix(form: str, text: str) -> str:
    """The form with the text in place of its `{}`; empty if the text is empty."""
    return form.format(text) if text else ""
