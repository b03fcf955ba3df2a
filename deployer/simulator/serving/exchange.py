"""What every simulated platform is made of, whichever it is: an answer, what can go wrong with it, and a table that knows its names."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Response:
    """What goes over the wire: `body` is sent in chunks; `cut` means that the connection breaks in its middle.

    `otherwise`: the reply that those get who do not ask for JSON (coolify-api 3.1).
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: Iterable[bytes]
    cut: bool = False
    otherwise: str = ""


class Then(Enum):
    """How a request ends that a `Trouble` catches."""

    REPLY = auto()  # with the recorded `reply`
    EDIT = auto()  # with the right answer, changed by `edit`
    CUT = auto()  # with half of the right answer, then the connection closes
    CLOSE = auto()  # the connection closes without an answer
    RESET = auto()  # the connection is reset
    HANG = auto()  # never; the connection stays open until the stage closes


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with certain requests. All of its limits must fit.

    `on`: names of routes (`routes.py`), or `any`. `acts`: the server still does what it was asked for.
    `nth`: which of the requests that fit otherwise, counted from 1 (empty: all).
    `since`, `until`: simulated seconds after the first request, or after the first `trigger`, or after the client's first `row`.
    """

    on: tuple[str, ...]
    then: Then
    reply: str = ""
    edit: Callable[[Response], Response] | None = None
    acts: bool = False
    nth: tuple[int, ...] = ()
    clock: str = "begin"
    since: float = 0
    until: float = inf


def named(kind: str, name: str, table: Mapping[str, T]) -> T:
    """What the table has under this name.

    Raises ValueError if it has nothing there, naming the nearest, or all.
    """
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, 1)
    raise ValueError(
        f"there is no {kind} {name!r}: "
        + (f"did you mean {near[0]!r}?" if near else f"one of {', '.join(table)}")
    )
