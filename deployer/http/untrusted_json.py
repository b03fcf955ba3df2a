"""PURE: JSON that somebody else wrote, with limits: what is read holds no value that Python's own functions choke on.

`json.loads` takes more than JSON allows and hands on what fails much later: half surrogate pairs that can't be encoded, `NaN`, numbers
that no float holds, a nesting too deep for `str()`, millions of empty objects in a few megabytes. https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

MAX_VALUES = 2_000_000
"""Commas and opening brackets of one text, outside of its strings. A build log of 22 MB in its smallest entries has 1.5 million."""

MAX_DEPTH = 100
"""Levels of lists and objects. The platforms' own responses have less than ten; Python's recursion limit is 1000."""

MAX_DIGITS = 25
"""Digits of a whole number. Times in nanoseconds have 19."""

REPLACEMENT = "\ufffd"


class TooManyValuesError(ValueError):
    """The text holds more values than `MOST_VALUES` allows: reading them would take too much memory."""


def loads(text: str, make: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """The value of a JSON text. Raises ValueError for anything that is not JSON or goes beyond a limit, TooManyValuesError for the first.

    Half a surrogate pair becomes U+FFFD. `NaN`, `Infinity` and numbers that are out of all range become None, as if nothing was
    said. `make` is called with each object, the innermost first, and its result stands in the place of the object.
    """
    if _values(text) > MAX_VALUES:
        message = "too many values"
        raise TooManyValuesError(message)
    mend = _HALF_ESCAPED.search(text) is not None
    hook = _mended(make) if mend else make
    try:
        value = json.loads(text, object_hook=hook, parse_int=_int, parse_float=_float, parse_constant=_none)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    if mend and isinstance(value, str):
        return _whole(value)
    _check(value, mend=mend)
    return value


_TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"

_HALF = re.compile("[\ud800-\udfff]")
_HALF_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")

# Possessive throughout, and a string without an end matches as well: the time is proportional to the text, whatever it holds.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_STEP = 1000
_BEGINNINGS = re.compile(rf"(?:(?:{_STRING}|[^\"\[{{,]++)*+[\[{{,]){{{_STEP}}}+", re.DOTALL)
"""So many commas and opening brackets outside of strings."""


def _values(text: str) -> int:
    """What `MOST_VALUES` limits. Exact to a thousand, and counted no further than to the limit."""
    count = sum(map(text.count, ",[{"))
    if count <= MAX_VALUES:
        return count
    count, at = 0, 0
    while count <= MAX_VALUES and (
        found := _BEGINNINGS.match(text, at)
    ):  # a search would begin anew behind each character
        count, at = count + _STEP, found.end()
    return count


def _int(text: str) -> int | None:
    return int(text) if len(text) <= MAX_DIGITS else None


def _float(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _none(_constant: str) -> None:
    """What is no number in JSON either."""


def _whole(text: str) -> str:
    return _HALF.sub(REPLACEMENT, text)


def _mended(make: Callable[[dict[str, Any]], Any] | None) -> Callable[[dict[str, Any]], Any]:
    def mended(raw: dict[str, Any]) -> Any:
        whole = {
            _whole(name): _whole(value) if isinstance(value, str) else value for name, value in raw.items()
        }
        return make(whole) if make else whole

    return mended


def _check(value: Any, *, mend: bool) -> None:
    """Level by level, without recursion. Raises ValueError for what is nested too deep; mends the strings in lists."""
    level: Iterable[Any] = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for each in level:
            if isinstance(each, list):
                if mend:
                    each[:] = [_whole(one) if isinstance(one, str) else one for one in each]
                below += [one for one in each if isinstance(one, (list, dict))]
            elif isinstance(each, dict):
                below += [one for one in each.values() if isinstance(one, (list, dict))]
        if not below:
            return
        level = below
    raise ValueError(_TOO_DEEP)
