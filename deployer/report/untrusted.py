"""PURE: what an event says, without secrets and in lines of a bearable length, before anything is made of it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from deployer.ci.output import Redactor
from deployer.model import Entry, Event

LINE = 1000
"""Characters of a line: the beginning and the end of a longer one are shown. Build logs are passed on whole."""

IDENTITY = frozenset({"target", "id"})
"""Fields by which targets and deployments are told apart: they stay as they are, and are redacted where they are written."""

FACTS = frozenset({"url", "before", "link", "commit"})
"""Fields that become outputs. They may hold the value of a variable (an address, a commit), but no secret."""


def redacted(event: Event, redact: Redactor) -> Event:
    """The same event: every text is redacted, but for those of the fields above; a new field of any event as well."""
    said: Event = _redacted(event, redact)
    return said


def _redacted(value: Any, redact: Redactor, name: str = "") -> Any:
    if isinstance(value, Enum | Entry):  # of a build log only what is shown is redacted: it is large
        return value
    if isinstance(value, str):
        return (
            value
            if name in IDENTITY
            else redact(value)
            if name in FACTS
            else _lines(redact.passed_on(value), redact)
        )
    if isinstance(value, tuple):
        return tuple(_redacted(each, redact) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value,
            **{
                field.name: _redacted(getattr(value, field.name), redact, field.name)
                for field in fields(value)
            },
        )
    return value


def _lines(text: str, redact: Redactor) -> str:
    return "\n".join(redact.cut(line, LINE) for line in text.split("\n"))
