"""PURE: removes secrets from every text of an event and shortens its lines, before anything is printed."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from deployer.ci.output import Redactor
from deployer.model import Entry, Event

MAX_LINE_CHARS = 1000
"""Of a longer line, the beginning and the end are shown. Build logs are passed on whole."""

IDENTITY_FIELDS = frozenset({"target", "id"})
"""Fields that identify targets and deployments.

They stay as they are, and are redacted where they are printed.
"""

OUTPUT_FIELDS = frozenset({"url", "before", "link", "commit"})
"""Fields that become outputs.

They may contain the value of an `env` variable (a URL, a commit), but no secret.
"""


def redacted(event: Event, redact: Redactor) -> Event:
    """A copy of the event with every text redacted. New fields are redacted unless they are listed above."""
    clean: Event = _redacted(event, redact)
    return clean


def _redacted(value: Any, redact: Redactor, name: str = "") -> Any:
    if isinstance(value, Enum | Entry):  # build logs are large: only what is shown of them is redacted
        return value
    if isinstance(value, str):
        return _text(value, redact, name)
    if isinstance(value, tuple):
        return tuple(_redacted(each, redact) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value)]
        return replace(value, **{each: _redacted(getattr(value, each), redact, each) for each in names})
    return value


def _text(text: str, redact: Redactor, name: str) -> str:
    if name in IDENTITY_FIELDS:
        return text
    if name in OUTPUT_FIELDS:
        return redact(text)
    return "\n".join(redact.cut(line, MAX_LINE_CHARS) for line in redact.untrusted(text).split("\n"))
