"""What all simulated platforms share: responses, faults, and the lookup of scenarios by name."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Response:
    """What goes over the wire."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: Iterable[bytes]
    """The chunks, in the order in which they are sent."""
    cut: bool = False
    """The connection breaks in the middle of the body."""
    otherwise: str = ""
    """The recorded reply for clients that do not ask for JSON (coolify-api 3.1)."""


class Then(Enum):
    """How a request ends that a `Fault` applies to."""

    REPLY = auto()  # with the recorded `reply`
    EDIT = auto()  # with the correct response, changed by `edit`
    CUT = auto()  # with half of the correct response, then the connection closes
    CLOSE = auto()  # the connection closes without a response
    RESET = auto()  # the connection is reset
    HANG = auto()  # never; the connection stays open until the simulator closes


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with certain requests.

    It applies to those that meet all of its conditions.
    """

    on: tuple[str, ...]
    """Names of routes (`routes.py`), or `any`."""
    then: Then
    reply: str = ""
    """The recorded reply for `Then.REPLY`."""
    edit: Callable[[Response], Response] | None = None
    """Changes the correct response, for `Then.EDIT`."""
    acts: bool = False
    """The server still does what was requested."""
    nth: tuple[int, ...] = ()
    """Which of the requests that meet all other conditions, counted from 1; empty: all of them."""
    clock: str = "begin"
    """What `since` and `until` are counted from.

    The first request (`begin`), `trigger`, or the client's first `row`.
    """
    since: float = 0
    """Simulated seconds."""
    until: float = inf
    """Simulated seconds."""


def named(kind: str, name: str, table: Mapping[str, T]) -> T:
    """The entry of this name. Raises ValueError for an unknown name, with the nearest one, or with all."""
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, 1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Available: {', '.join(table)}"
    raise ValueError(f"unknown {kind} {name!r}. {hint}")


def copied(value: Any) -> Any:
    """A copy of JSON values: several times as fast as writing and parsing them, or as `copy.deepcopy`."""
    if isinstance(value, dict):
        return {name: copied(each) for name, each in value.items()}
    return [copied(each) for each in value] if isinstance(value, list) else value
