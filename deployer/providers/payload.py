"""PURE: reads JSON of any shape.

What is missing or has another type reads as empty. Whether that is an error is for the caller to decide.
"""

from __future__ import annotations

import re
from typing import Any

from deployer.http.client import Response

Row = dict[str, Any]
"""One JSON object of a response."""


def value(data: Any, *keys: str) -> Any:
    """The value at this path of nested keys; None if a key is missing or its parent is not an object."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def record(data: Any, *keys: str) -> Row:
    """The object at this path; an empty one for anything else."""
    found = value(data, *keys)
    return found if isinstance(found, dict) else {}


def records(data: Any, *keys: str) -> list[Row]:
    """The objects in the list at this path; an empty list for anything else."""
    found = value(data, *keys)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def text(data: Any, *keys: str) -> str:
    """The text at this path, unchanged; empty for anything else."""
    found = value(data, *keys)
    return found if isinstance(found, str) else ""


def header_number(response: Response, name: str) -> int | None:
    """The number in a header, whose name is in lower case; None for anything else."""
    found = response.headers.get(name, "")
    return int(found) if re.fullmatch(r"\d{1,9}", found, re.ASCII) else None
