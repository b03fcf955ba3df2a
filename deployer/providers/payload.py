"""PURE: reads JSON of any shape. What is missing or of another type reads as nothing; whether that is an error, the caller decides."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]
"""One JSON object of a response."""


def value(data: Any, *keys: str) -> Any:
    """What these keys lead to, one inside the other; None where one of them is missing or what holds it is not an object."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def record(data: Any, *keys: str) -> Row:
    """The object that these keys lead to; an empty one for anything else."""
    found = value(data, *keys)
    return found if isinstance(found, dict) else {}


def records(data: Any, *keys: str) -> list[Row]:
    """The objects of the list that these keys lead to; an empty list for anything else."""
    found = value(data, *keys)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def text(data: Any, *keys: str) -> str:
    """The text that these keys lead to, as it stands; empty for anything else."""
    found = value(data, *keys)
    return found if isinstance(found, str) else ""
