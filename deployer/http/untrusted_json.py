"""PURE: parses untrusted JSON, with limits, into values that can't break Python's own functions later.

`json.loads` accepts more than JSON allows, and values that fail much later: lone surrogates that can't be
encoded, `NaN`, numbers beyond any float, nesting too deep for `str()`, millions of empty objects in a few
megabytes. https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

MAX_VALUES = 2_000_000
"""Commas and opening brackets outside of strings.

A build log of 22 MB with the smallest possible entries has 1.5 million.
"""

MAX_DEPTH = 100
"""Nested lists and objects.

The platforms' own responses have less than ten levels; Python's recursion limit is 1000.
"""

MAX_DIGITS = 25
"""The longest integer that is read. Times in nanoseconds have 19 digits."""

REPLACEMENT = "\ufffd"


class TooManyValuesError(ValueError):
    """The text contains more than `MAX_VALUES` values: parsing it would take too much memory."""


def loads(text: str, make: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """The value of a JSON text.

    A lone surrogate becomes U+FFFD. `NaN`, `Infinity` and numbers beyond any float become None. `make` is
    called with each object, the innermost first, and its result replaces the object. Raises
    TooManyValuesError above `MAX_VALUES`, and ValueError for any other limit and for text that is not JSON.
    """
    if _values(text) > MAX_VALUES:
        message = "too many values"
        raise TooManyValuesError(message)
    repair = _HALF_ESCAPED.search(text) is not None
    hook = _repaired(make) if repair else make
    try:
        value = json.loads(text, object_hook=hook, parse_int=_int, parse_float=_float, parse_constant=_none)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    if repair and isinstance(value, str):
        return _whole(value)
    _check(value, repair=repair)
    return value


_TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"

_HALF = re.compile("[\ud800-\udfff]")
_HALF_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")

# Possessive throughout, and an unterminated string matches as well: the time is proportional to the text,
# whatever it contains.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_STEP = 1000
_BEGINNINGS = re.compile(rf"(?:(?:{_STRING}|[^\"\[{{,]++)*+[\[{{,]){{{_STEP}}}+", re.DOTALL)
"""The text up to `_STEP` commas and opening brackets outside of strings."""


def _values(text: str) -> int:
    """The number that `MAX_VALUES` limits, accurate to a thousand and counted no further than the limit."""
    count = sum(map(text.count, ",[{"))
    if count <= MAX_VALUES:
        return count
    count, at = 0, 0
    # Not re.search: that would start again after each character.
    while count <= MAX_VALUES and (found := _BEGINNINGS.match(text, at)):
        count, at = count + _STEP, found.end()
    return count


def _int(text: str) -> int | None:
    return int(text) if len(text) <= MAX_DIGITS else None


def _float(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _none(_constant: str) -> None:
    """`NaN` and `Infinity` are not numbers in JSON."""


def _whole(text: str) -> str:
    return _HALF.sub(REPLACEMENT, text)


def _repaired(make: Callable[[dict[str, Any]], Any] | None) -> Callable[[dict[str, Any]], Any]:
    def repaired(raw: dict[str, Any]) -> Any:
        whole = {
            _whole(name): _whole(value) if isinstance(value, str) else value for name, value in raw.items()
        }
        return make(whole) if make else whole

    return repaired


def _check(value: Any, *, repair: bool) -> None:
    """Check the nesting level by level, without recursion, and repair strings in lists.

    Raises ValueError beyond `MAX_DEPTH`.
    """
    level: Iterable[Any] = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for each in level:
            if isinstance(each, list):
                if repair:
                    each[:] = [_whole(one) if isinstance(one, str) else one for one in each]
                below += [one for one in each if isinstance(one, (list, dict))]
            elif isinstance(each, dict):
                below += [one for one in each.values() if isinstance(one, (list, dict))]
        if not below:
            return
        level = below
    raise ValueError(_TOO_DEEP)
