"""How instances come up or crash, as pure functions of time (cloudfoundry-api 8 and 9)."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import inf


class State(Enum):
    """The states of an instance, each with a recorded reply that shows it."""

    DOWN = "process-stats-200-down-just-started"
    UNPLACED = "process-stats-200-down-placement-error"
    STARTING = "process-stats-200-all-starting"
    RUNNING = "process-stats-200-all-running"
    UNREADY = "process-stats-200-running-not-routable"
    BLIND = "process-stats-200-metrics-unavailable-warning"  # it is running, but its metrics are unavailable
    CRASHED = "process-stats-200-all-crashed"


UP = frozenset({State.RUNNING, State.BLIND})


@dataclass(frozen=True, slots=True)
class Line:
    """One log line, `at` seconds after the start of its build or instance.

    `late`: seconds until the log-cache has it.
    """

    at: float
    text: str
    source: str = "APP/PROC/WEB"
    error: bool = False
    late: float = 0


@dataclass(frozen=True, slots=True)
class Timeline:
    """The course of one instance. `steps`: states, with the seconds from which they apply.

    `crashes`: when it exits, each an event.
    """

    steps: tuple[tuple[float, State], ...]
    lines: tuple[Line, ...] = ()
    crashes: tuple[float, ...] = ()
    exit_status: int = 137
    exit_description: str = "APP/PROC/WEB: Exited with status 137 (out of memory)"

    def at(self, elapsed: float) -> tuple[State, float]:
        """The state, and for how many seconds."""
        place = bisect_right([second for second, _ in self.steps], max(elapsed, 0)) - 1
        since, state = self.steps[place]
        return state, max(elapsed - since, 0)

    @property
    def up(self) -> float:
        """The second from which it keeps running; infinite if it never does."""
        second, last = self.steps[-1]
        return second if last in UP else inf


CELL = Line(0.5, "Cell 25ff8468 creating container for instance e49f448e", "CELL")
LISTENS = Line(7, "Listening on 0.0.0.0:8080")
WELL = Timeline(((0, State.DOWN), (1, State.STARTING), (8, State.RUNNING)), (CELL, LISTENS))
# The first two times it is restarted at once; from the third crash on it is CRASHED for 30 s, then a minute,
# and so on (cloudfoundry-api 8).
CRASHING = Timeline(
    (
        (0, State.DOWN),
        (1, State.STARTING),
        (14, State.CRASHED),
        (44, State.STARTING),
        (48, State.CRASHED),
        (108, State.STARTING),
        (112, State.CRASHED),
    ),
    (CELL, Line(3, "Loading the whole catalogue into memory"), Line(5, "Killed", error=True)),
    (5, 9, 14, 48, 112),
)


def placed_after(seconds: float) -> Timeline:
    """No cell has room for it for this many seconds; infinite: never."""
    wait = ((0.0, State.DOWN), (3.0, State.UNPLACED))
    come = () if seconds == inf else ((seconds, State.STARTING), (seconds + 7, State.RUNNING))
    return Timeline(
        (*wait, *come),
        () if seconds == inf else (Line(seconds, CELL.text, "CELL"), Line(seconds + 6, LISTENS.text)),
    )


def slowly(seconds: float) -> Timeline:
    """It takes this many seconds to start."""
    return Timeline(
        ((0, State.DOWN), (1, State.STARTING), (seconds, State.RUNNING)),
        (CELL, Line(seconds - 1, LISTENS.text)),
    )


@dataclass(frozen=True, slots=True)
class Process:
    """One process type of an app. `odd`: instances with another course, by index."""

    type: str = "web"
    instances: int = 2
    course: Timeline = WELL
    odd: Mapping[int, Timeline] = field(default_factory=dict)

    def of(self, index: int) -> Timeline:
        return self.odd.get(index, self.course)


STAGGER = 0.7
"""Seconds from the start of one instance to the next."""
