"""Fakes for a run: a clock that only moves when time is spent, and a provider that replies from a script."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deployer.budget import Budget
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

START_TIME = 1000.0
"""Not zero, so that code that takes 0 for "now" fails a test."""

TICK = 2**-20
"""Seconds that the quickest call takes, so that no two calls tie. A power of two, so that sums stay exact."""

MAX_CALLS = 2000
"""A run with more calls than this is considered endless."""


class FakeClock:
    """`deployer.clock.Clock` without the waiting; test_clock.py runs the same tests on both.

    `signals`: seconds since the start, and the name of the signal that is received then.
    """

    def __init__(self, signals: Iterable[tuple[float, str]] = (), *, speed: float = 1) -> None:
        self.speed = speed
        self.stopped = ""
        self._time = START_TIME
        self._scheduled = sorted((START_TIME + after, name) for after, name in signals)
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

    # --- for tests

    def spend(self, seconds: float) -> None:
        """Let real seconds pass, with the signals and alarms that fall into them."""
        end = self._time + seconds
        while True:
            signal = self._scheduled[0][0] if self._scheduled else math.inf
            moment = min(signal, self._alarm)
            if moment > end:
                break
            assert moment < math.inf, "this would hang forever"
            self._time = max(self._time, moment)
            if signal <= self._alarm:
                self.signal(self._scheduled.pop(0)[1])
            else:
                self._ring()
        self._time = end

    def expect(self, after: float, name: str) -> None:
        """Schedule a signal in `after` real seconds."""
        self._scheduled = sorted([*self._scheduled, (self._time + after, name)])

    def signal(self, name: str) -> None:
        """Receive a signal now."""
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
class Reply:
    """What a call returns or raises, and what happens meanwhile."""

    value: Any
    """Returned, or raised if it is an exception."""
    takes: float = TICK
    """Real seconds; `inf` hangs beyond any timeout, as a DNS lookup can."""
    signal: str = ""
    """A signal that is received just after the call began."""


class Scripted:
    """A provider that replies from a script: `{"poll a-1": [running, UnavailableError("HTTP 502"), done]}`.

    The last reply of a call is repeated. A call that is not in the script succeeds: the deployment of `a` is
    `a-1` and succeeds at the first poll, the token lacks nothing, and no deployment is active. A poll of a
    condition of `a` is `poll a:running`. `counted`: every call except `visit` is a request of the budget.
    """

    def __init__(
        self, script: Mapping[str, Sequence[Any]], clock: FakeClock, *, counted: bool = False
    ) -> None:
        self.budget = Budget(clock.now)
        self._counted = counted
        self.calls: list[tuple[float, str]] = []
        """Real seconds since the start, and the call as in the script, with its timeout if it has one."""
        self.results: list[Any] = []
        """What each call returned or raised."""
        self._script = script
        self._clock = clock
        self._played: dict[str, int] = {}

    def connect(self, *, timeout: float | None = None) -> str:
        return str(self._reply("connect", "Fake 1", timeout))

    def resolve(self, target: str) -> Target:
        result: Target = self._reply(f"resolve {target}", Target(target), None)
        return result

    def abilities(self) -> tuple[Ability, ...]:
        result: tuple[Ability, ...] = self._reply("abilities", (), None)
        return result

    def describe(self, target: str) -> tuple[str, ...]:
        result: tuple[str, ...] = self._reply(f"describe {target}", (), None)
        return result

    def apply_changes(self, target: str) -> Changes:
        result: Changes = self._reply(f"change {target}", Changes((f"{target} is up to date",)), None)
        return result

    def changes_made(self, target: str) -> tuple[str, ...]:
        result: tuple[str, ...] = self._script.get(f"changed {target}", [()])[-1]  # not a request
        return result

    def trigger(self, target: str) -> TriggerResult:
        result: TriggerResult = self._reply(
            f"trigger {target}", Started((Handle(target, f"{target}-1"),)), None
        )
        return result

    def rollback(self, target: str, deployment: Handle) -> TriggerResult:
        result: TriggerResult = self._reply(
            f"rollback {target}", Started((Handle(target, f"{target}-rollback"),)), None
        )
        return result

    def find_triggered(
        self, target: str, *, timeout: float | None = None
    ) -> Started | GroupStarted | AccessDenied | None:
        result: Started | GroupStarted | AccessDenied | None = self._reply(f"find {target}", None, timeout)
        return result

    def poll(self, handle: Handle) -> Snapshot:
        what = f"{handle.target}:{handle.condition}" if handle.condition else handle.id
        result: Snapshot = self._reply(f"poll {what}", Snapshot(Phase.SUCCEEDED), None)
        return result

    def poll_active(self, handles: tuple[Handle, ...]) -> Mapping[Handle, Snapshot] | None:
        """As in the script: what the list shows by the deployment's id."""
        if "list" not in self._script:
            return None
        found: Mapping[str, Snapshot] | None = self._reply("list", {}, None)
        if found is None:
            return None
        return {handle: found[handle.id] for handle in handles if handle.id in found}

    def visit(self, address: str) -> Snapshot:
        """Poll a site, in place of `deployer.verify`."""
        default = Snapshot(Phase.SUCCEEDED, "HTTP 200", stable_for=1, final=False)
        result: Snapshot = self._reply(f"visit {address}", default, None)
        return result

    def active(self, target: str) -> tuple[Handle, ...]:
        result: tuple[Handle, ...] = self._reply(f"active {target}", (), None)
        return result

    def cancel(self, handle: Handle, *, timeout: float | None = None) -> str:
        return str(self._reply(f"cancel {handle.id}", "cancelled", timeout))

    def left_waiting(self, *, timeout: float | None = None) -> str:
        return str(self._reply("left waiting", "", timeout)) if "left waiting" in self._script else ""

    def _reply(self, call: str, default: Any, timeout: float | None) -> Any:
        if self._counted and not call.startswith("visit"):
            self.budget.spend()
        text = call if timeout is None else f"{call} within {timeout:g} s"
        self.calls.append((round(self._clock.real() - START_TIME, 3), text))
        assert len(self.calls) < MAX_CALLS, "this run does not end"
        try:
            self.results.append(self._play(call, default, timeout))
        except BaseException as error:
            self.results.append(error)
            raise
        return self.results[-1]

    def _play(self, call: str, default: Any, timeout: float | None) -> Any:
        replies = self._script.get(call, [default])
        nth = self._played[call] = self._played.get(call, -1) + 1
        reply = replies[min(nth, len(replies) - 1)]
        reply = reply if isinstance(reply, Reply) else Reply(reply)
        if reply.signal:
            self._clock.signal(reply.signal)
        if timeout is not None and timeout < reply.takes < math.inf:
            self._clock.spend(timeout)
            raise UnavailableError("the response timed out", may_have_arrived=True)
        self._clock.spend(reply.takes)
        if isinstance(reply.value, BaseException):
            raise reply.value
        return reply.value
