"""What a run is given in place of the world: a clock that only moves when time is spent, and a provider that answers from rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deployer.model import (
    Ability,
    AccessDenied,
    Changes,
    Expired,
    GroupStarted,
    Handle,
    Interrupted,
    Phase,
    Snapshot,
    Started,
    Target,
    TriggerResult,
    UnavailableError,
)

BEGINNING = 1000.0
"""No clock of ours begins at zero: that nothing takes 0 for "now" is part of what is tested."""

TICK = 2**-20
"""What the quickest call takes: who is asked next must not hang on a tie. A power of two, so that sums stay exact."""

ENOUGH = 2000
"""Calls after which a run is taken for endless."""


class FakeClock:
    """`deployer.clock.Clock` without the waiting: test_clock.py holds both to the same rows.

    `signals`: seconds since the beginning, and the name of the signal that comes then.
    """

    def __init__(self, signals: Iterable[tuple[float, str]] = (), *, speed: float = 1) -> None:
        self.speed = speed
        self.stopped = ""
        self._time = BEGINNING
        self._coming = sorted((BEGINNING + after, name) for after, name in signals)
        self._stopped_at = 0.0
        self._open = False
        self._grace: float | None = None
        self._limited = False
        self._alarm = self._deadline = math.inf

    def now(self) -> float:
        return self._time * self.speed

    def real(self) -> float:
        return self._time

    def wall(self) -> float:
        return 1_700_000_000.0 + self._time

    def set_deadline(self, seconds: float) -> None:
        self._deadline = self.now() + seconds

    def time_left(self) -> float:
        return (self._deadline - self.now()) / self.speed

    def since_stop(self) -> float:
        return self._time - self._stopped_at

    def sleep(self, seconds: float) -> None:
        with self.interruptible():
            self.spend(max(0.0, seconds) / self.speed)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        self._open = True
        try:
            self.spend(0)
            if self.stopped:
                raise Interrupted(self.stopped)
            yield
        finally:
            self._open = False

    @contextmanager
    def grace(self, seconds: float) -> Iterator[None]:
        self._grace = seconds
        try:
            self.spend(0)
            if self.stopped:
                raise Interrupted(self.stopped)
            yield
        finally:
            self._grace, self._alarm = None, math.inf

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        self._limited, self._alarm = True, self._time + max(seconds, 0.001)
        try:
            yield
        finally:
            self._limited, self._alarm = False, math.inf

    # --- what a test does with it

    def spend(self, seconds: float) -> None:
        """So many real seconds pass, with all that happens in them."""
        end = self._time + seconds
        while True:
            signal = self._coming[0][0] if self._coming else math.inf
            moment = min(signal, self._alarm)
            if moment > end:
                break
            assert moment < math.inf, "this would hang for ever"
            self._time = max(self._time, moment)
            if signal <= self._alarm:
                self.signal(self._coming.pop(0)[1])
            else:
                self._ring()
        self._time = end

    def expect(self, after: float, name: str) -> None:
        """One comes in so many real seconds."""
        self._coming = sorted([*self._coming, (self._time + after, name)])

    def signal(self, name: str) -> None:
        """One comes now."""
        if self.stopped:
            return
        self.stopped, self._stopped_at = name, self._time
        if self._open:
            self._open = False
            raise Interrupted(name)
        if self._grace is not None:
            self._alarm = self._time + self._grace

    def _ring(self) -> None:
        self._alarm = math.inf
        if self._limited:
            self._limited = False
            raise Expired
        if self._grace is not None:
            self._grace = None
            raise Interrupted(self.stopped)


@dataclass(frozen=True)
class Act:
    """One answer, or what is raised instead of it, and what happens meanwhile.

    `takes`: real seconds; `inf` hangs where no time-out reaches, as a name look-up does. `signal`: comes just after the call began.
    """

    answer: Any
    takes: float = TICK
    signal: str = ""


class Scripted:
    """A provider that answers from rows: `{"look a-1": [running, UnavailableError("HTTP 502"), done]}`.

    The last answer of a row is repeated. What has no row goes well: the deployment of `a` is `a-1`, and succeeds at the first look;
    the login may do all that is needed, and nothing is going that could be cancelled. A look at another aspect of `a` is
    `look a:running`.
    `calls` are the real seconds since the beginning, and the call as it is spelled in the rows, with the patience where it is given;
    `said` is what came of each: the answer, or what was raised.
    """

    def __init__(
        self, script: Mapping[str, Sequence[Any]], clock: FakeClock, *, remaining: int | None = None
    ) -> None:
        self.remaining = remaining
        self.calls: list[tuple[float, str]] = []
        self.said: list[Any] = []
        self._script = script
        self._clock = clock
        self._played: dict[str, int] = {}

    def connect(self, *, timeout: float | None = None) -> str:
        return str(self._answer("reach", "Fake 1", timeout))

    def resolve(self, target: str) -> Target:
        answer: Target = self._answer(f"check {target}", Target(target), None)
        return answer

    def abilities(self) -> tuple[Ability, ...]:
        answer: tuple[Ability, ...] = self._answer("rights", (), None)
        return answer

    def describe(self, target: str) -> tuple[str, ...]:
        answer: tuple[str, ...] = self._answer(f"intent {target}", (), None)
        return answer

    def apply_changes(self, target: str) -> Changes:
        answer: Changes = self._answer(f"prepare {target}", Changes((f"{target} is as it is wished",)), None)
        return answer

    def changes_made(self, target: str) -> tuple[str, ...]:
        answer: tuple[str, ...] = self._script.get(f"altered {target}", [()])[-1]  # it is no request
        return answer

    def trigger(self, target: str) -> TriggerResult:
        answer: TriggerResult = self._answer(
            f"start {target}", Started((Handle(target, f"{target}-1"),)), None
        )
        return answer

    def rollback(self, target: str, deployment: Handle) -> TriggerResult:
        answer: TriggerResult = self._answer(
            f"undo {target}", Started((Handle(target, f"{target}-back"),)), None
        )
        return answer

    def find_triggered(
        self, target: str, *, timeout: float | None = None
    ) -> Started | GroupStarted | AccessDenied | None:
        answer: Started | GroupStarted | AccessDenied | None = self._answer(f"find {target}", None, timeout)
        return answer

    def poll(self, handle: Handle) -> Snapshot:
        what = f"{handle.target}:{handle.condition}" if handle.condition else handle.id
        answer: Snapshot = self._answer(f"look {what}", Snapshot(Phase.SUCCEEDED), None)
        return answer

    def visit(self, address: str) -> Snapshot:
        """One look at a site, in the place of `deployer.verify`."""
        usual = Snapshot(Phase.SUCCEEDED, "HTTP 200", stable_for=1, final=False)
        answer: Snapshot = self._answer(f"visit {address}", usual, None)
        return answer

    def active(self, target: str) -> tuple[Handle, ...]:
        answer: tuple[Handle, ...] = self._answer(f"going {target}", (), None)
        return answer

    def cancel(self, handle: Handle, *, timeout: float | None = None) -> str:
        return str(self._answer(f"cancel {handle.id}", "cancelled", timeout))

    def left_waiting(self, *, timeout: float | None = None) -> str:
        return str(self._answer("left waiting", "", timeout)) if "left waiting" in self._script else ""

    def _answer(self, call: str, usual: Any, timeout: float | None) -> Any:
        told = call if timeout is None else f"{call} within {timeout:g} s"
        self.calls.append((round(self._clock.real() - BEGINNING, 3), told))
        assert len(self.calls) < ENOUGH, "this run does not end"
        try:
            self.said.append(self._act(call, usual, timeout))
        except BaseException as error:
            self.said.append(error)
            raise
        return self.said[-1]

    def _act(self, call: str, usual: Any, timeout: float | None) -> Any:
        row = self._script.get(call, [usual])
        nth = self._played[call] = self._played.get(call, -1) + 1
        act = row[min(nth, len(row) - 1)]
        act = act if isinstance(act, Act) else Act(act)
        if act.signal:
            self._clock.signal(act.signal)
        if timeout is not None and timeout < act.takes < math.inf:
            self._clock.spend(timeout)
            raise UnavailableError("the response timed out", may_have_arrived=True)
        self._clock.spend(act.takes)
        if isinstance(act.answer, BaseException):
            raise act.answer
        return act.answer
