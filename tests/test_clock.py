"""Time and signals: what the real clock does with real signals, and that the clock of the other tests does the same."""

from __future__ import annotations

import math
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from deployer.clock import SIGNALS, Clock
from deployer.model import Expired, Interrupted
from tests.fakes import FakeClock

HANDLED = (*SIGNALS, signal.SIGALRM)


@pytest.fixture(autouse=True)
def _handlers_are_restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in HANDLED}
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


class Real:
    """The real clock, real seconds and real signals. A signal in the future is sent by a thread; it is the main one that gets it."""

    exact = False

    def __init__(self) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever started the tests may ignore it: `nohup`
        self.clock = Clock()
        self.clock.listen()
        self._timers: list[threading.Timer] = []

    def spend(self, seconds: float) -> None:
        time.sleep(seconds)

    def signal(self, name: str = "SIGTERM", after: float = 0) -> None:
        number = signal.Signals[name]
        if not after:
            os.kill(os.getpid(), number)
            return
        self._timers.append(threading.Timer(after, os.kill, (os.getpid(), number)))
        self._timers[-1].start()

    def close(self) -> None:
        for timer in self._timers:
            timer.join()


class Fake:
    """The clock of the other tests, which should do the same in no time."""

    exact = True

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.spend = self.clock.spend

    def signal(self, name: str = "SIGTERM", after: float = 0) -> None:
        if after:
            self.clock.expect(after, name)
        else:
            self.clock.signal(name)

    def close(self) -> None:
        """Nothing is open."""


World = Real | Fake


@pytest.fixture(params=[Real, Fake], ids=["real", "fake"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    each: World = request.param()
    yield each
    each.close()


class Lap:
    """How long something took, and whether that is what it should have taken."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._began = world.clock.real()

    def took(self, seconds: float) -> bool:
        lasted = self._world.clock.real() - self._began
        return (
            lasted == pytest.approx(seconds) if self._world.exact else seconds - 0.001 <= lasted < seconds + 1
        )


# --- the deadline


def test_the_time_left_is_told_in_real_seconds_and_is_negative_after_the_deadline(world: World) -> None:
    assert world.clock.time_left() == math.inf
    world.clock.set_deadline(0.02)
    assert 0 < world.clock.time_left() <= 0.02
    world.spend(0.03)
    assert world.clock.time_left() < 0
    world.clock.speed = 20
    world.clock.set_deadline(40)
    assert 1.9 < world.clock.time_left() <= 2


# --- `interruptible` and `sleep`


def test_without_a_signal_nothing_is_raised(world: World) -> None:
    lap = Lap(world)
    with world.clock.interruptible():
        world.spend(0.02)
    with world.clock.grace(0.01):
        world.spend(0.02)
    with world.clock.limit(0.5):
        world.spend(0.02)
    world.clock.sleep(0.02)
    assert lap.took(0.08)
    assert not world.clock.stopped


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_interrupts_at_once(world: World, name: str) -> None:
    lap = Lap(world)
    world.signal(name, 0.05)
    with pytest.raises(Interrupted, match=name), world.clock.interruptible():
        world.spend(5)
    assert lap.took(0.05)
    assert world.clock.stopped == name


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_wakes_the_sleeper(world: World, name: str) -> None:
    lap = Lap(world)
    world.signal(name, 0.05)
    with pytest.raises(Interrupted, match=name):
        world.clock.sleep(5)
    assert lap.took(0.05)


def test_a_sighup_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    clock = Clock()
    clock.listen()
    clock.listen()
    os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert not clock.stopped


def test_a_signal_that_was_blocked_is_heard_when_the_clock_listens() -> None:
    """As PID 1 of a container it would be lost otherwise."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    signal.raise_signal(
        signal.SIGTERM
    )  # to this thread alone: another one of the test's process would die of it
    clock = Clock()
    clock.listen()
    assert clock.stopped == "SIGTERM"
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & set(SIGNALS)


def test_a_signal_outside_is_remembered(world: World) -> None:
    lap = Lap(world)
    world.signal(after=0.02)
    world.spend(0.04)
    assert world.clock.stopped == "SIGTERM"
    with pytest.raises(Interrupted, match="SIGTERM"), world.clock.interruptible():
        pytest.fail("nothing is begun")
    assert lap.took(0.04)


def test_a_signal_between_two_interruptible_parts_is_remembered(world: World) -> None:
    with world.clock.interruptible():
        world.spend(0.01)
    world.signal()
    with pytest.raises(Interrupted):
        world.clock.sleep(5)


def test_a_signal_after_an_error_in_an_interruptible_part_is_remembered(world: World) -> None:
    with pytest.raises(KeyError), world.clock.interruptible():
        raise KeyError
    world.signal()
    assert world.clock.stopped


def test_once_stopped_nothing_sleeps_again(world: World) -> None:
    world.signal()
    lap = Lap(world)
    for _ in range(3):
        with pytest.raises(Interrupted):
            world.clock.sleep(5)
    assert lap.took(0)


# --- `grace`


def test_a_signal_in_grace_leaves_time_to_end_well(world: World) -> None:
    lap = Lap(world)
    world.signal(after=0.02)
    with world.clock.grace(0.2):
        world.spend(0.06)
    assert lap.took(0.06)
    assert world.clock.stopped == "SIGTERM"


def test_and_raises_when_its_seconds_are_over(world: World) -> None:
    lap = Lap(world)
    world.signal(after=0.05)
    with pytest.raises(Interrupted, match="SIGTERM"), world.clock.grace(0.1):
        world.spend(5)
    assert lap.took(0.15)


def test_its_seconds_count_from_the_signal_not_from_the_entry(world: World) -> None:
    world.signal(after=0.15)
    with world.clock.grace(0.2):
        world.spend(0.25)
    assert world.clock.stopped


def test_a_signal_before_the_grace_raises_at_its_entry(world: World) -> None:
    world.signal()
    with pytest.raises(Interrupted, match="SIGTERM"), world.clock.grace(0.1):
        pytest.fail("nothing is begun")


@pytest.mark.parametrize("entered", [True, False], ids=["that-was-answered-in-time", "that-was-not-entered"])
def test_nothing_is_raised_after_a_grace(world: World, *, entered: bool) -> None:
    world.signal(after=0.01)
    if entered:
        with world.clock.grace(0.15):
            world.spend(0.03)
    else:
        world.spend(0.03)
        with pytest.raises(Interrupted), world.clock.grace(0.15):
            pytest.fail("nothing is begun")
    world.spend(0.2)


def test_an_error_within_a_grace_comes_through_and_disarms_it(world: World) -> None:
    def fail() -> None:
        with world.clock.grace(0.1):
            world.signal()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    world.spend(0.15)


# --- `limit`


def test_a_limit_ends_what_hangs(world: World) -> None:
    lap = Lap(world)
    with pytest.raises(Expired), world.clock.limit(0.05):
        world.spend(5)
    assert lap.took(0.05)


@pytest.mark.parametrize("seconds", [0, -3])
def test_a_limit_that_is_over_already_ends_at_once(world: World, seconds: float) -> None:
    lap = Lap(world)
    with pytest.raises(Expired), world.clock.limit(seconds):
        world.spend(5)
    assert lap.took(0.001)


def test_a_limit_that_was_kept_raises_nothing_afterwards(world: World) -> None:
    with world.clock.limit(0.15):
        world.spend(0.01)
    world.spend(0.2)


def test_after_the_signal_limits_still_hold(world: World) -> None:
    world.signal()
    with world.clock.limit(0.5):
        world.spend(0.01)
    lap = Lap(world)
    with pytest.raises(Expired), world.clock.limit(0.03):
        world.spend(5)
    assert lap.took(0.03)


def test_a_limit_that_was_kept_leaves_nothing_to_the_grace_after_it(world: World) -> None:
    with world.clock.limit(0.15):
        world.spend(0.01)
    with world.clock.grace(0.05):
        world.spend(0.2)
    lap = Lap(world)
    world.signal(after=0.01)
    with pytest.raises(Interrupted), world.clock.grace(0.02):
        world.spend(5)
    assert lap.took(0.03)


def test_a_limit_after_a_grace_that_ran_out_is_its_own(world: World) -> None:
    world.signal(after=0.01)
    with pytest.raises(Interrupted), world.clock.grace(0.02):
        world.spend(5)
    with pytest.raises(Expired), world.clock.limit(0.02):
        world.spend(5)


# --- Signals after the first


def test_a_second_signal_changes_nothing(world: World) -> None:
    world.signal("SIGTERM")
    lap = Lap(world)
    world.signal("SIGINT", 0.02)
    with world.clock.limit(0.5):
        world.spend(0.05)
    assert world.clock.stopped == "SIGTERM"
    assert lap.took(0.05)


def test_a_second_signal_does_not_move_the_end_of_a_grace(world: World) -> None:
    lap = Lap(world)
    world.signal("SIGTERM", 0.02)
    world.signal("SIGINT", 0.08)
    with pytest.raises(Interrupted, match="SIGTERM"), world.clock.grace(0.1):
        world.spend(5)
    assert lap.took(0.12)


def test_the_seconds_since_the_stop_count_from_the_first_signal(world: World) -> None:
    world.signal()
    world.spend(0.03)
    world.signal("SIGINT")
    world.spend(0.02)
    assert world.clock.since_stop() == pytest.approx(0.05, abs=1e-9 if world.exact else 1)


# --- Time


def test_a_rehearsal_s_clock_is_faster_but_not_for_the_network_and_not_for_the_ci_system(
    world: World,
) -> None:
    world.clock.speed = 100
    began, real = world.clock.now(), world.clock.real()
    world.clock.sleep(3)
    passed = world.clock.real() - real
    assert 0.03 - 0.001 <= passed < 1
    assert world.clock.now() - began == pytest.approx(100 * passed, rel=0.5)
    lap = Lap(world)
    world.signal(after=0.01)
    with pytest.raises(Interrupted), world.clock.grace(0.04):
        world.spend(5)
    assert lap.took(0.05)
    assert 0.04 - 0.001 <= world.clock.since_stop() < 1
    lap = Lap(world)
    with pytest.raises(Expired), world.clock.limit(0.05):
        world.spend(5)
    assert lap.took(0.05)


def test_a_negative_sleep_is_none(world: World) -> None:
    lap = Lap(world)
    world.clock.sleep(-3)
    assert lap.took(0)


def test_the_wall_clock_is_the_date() -> None:
    assert Clock().wall() == pytest.approx(time.time(), abs=5)


# --- What only the real world has


@pytest.fixture
def real() -> Iterator[Real]:
    each = Real()
    yield each
    each.close()


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A connection on which nothing ever comes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        yield ours


def test_a_hanging_read_is_interrupted_at_once(real: Real, silent: socket.socket) -> None:
    lap = Lap(real)
    real.signal(after=0.05)
    with pytest.raises(Interrupted), real.clock.interruptible():
        silent.recv(1)
    assert lap.took(0.05)


def test_a_hanging_read_goes_on_while_a_signal_is_only_remembered(real: Real, silent: socket.socket) -> None:
    lap = Lap(real)
    real.signal(after=0.02)
    silent.settimeout(0.1)
    with pytest.raises(TimeoutError):
        silent.recv(1)
    assert lap.took(0.1)
    assert real.clock.stopped == "SIGTERM"


def test_a_hanging_read_is_ended_by_the_grace(real: Real, silent: socket.socket) -> None:
    lap = Lap(real)
    real.signal(after=0.02)
    with pytest.raises(Interrupted), real.clock.grace(0.05):
        silent.recv(1)
    assert lap.took(0.07)


def test_a_hanging_read_is_ended_by_the_limit(real: Real, silent: socket.socket) -> None:
    lap = Lap(real)
    with pytest.raises(Expired), real.clock.limit(0.05):
        silent.recv(1)
    assert lap.took(0.05)


def test_an_alarm_rings_until_it_is_heard(real: Real) -> None:
    """One that comes just before a call blocks is only seen by Python after that call: it must come again to end it."""
    with real.clock.limit(5):
        assert signal.getitimer(signal.ITIMER_REAL)[1] > 0
    with real.clock.grace(5):
        real.signal()
        assert signal.getitimer(signal.ITIMER_REAL)[1] > 0


def test_while_it_can_be_interrupted_the_clock_ticks(real: Real) -> None:
    """For the same reason: a signal just before a call blocks is heard with the next tick."""
    with real.clock.interruptible():
        assert signal.getitimer(signal.ITIMER_REAL)[1] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def ring() -> None:
    os.kill(os.getpid(), signal.SIGALRM)


def test_a_tick_is_no_signal(real: Real) -> None:
    with real.clock.grace(1):
        pass
    with real.clock.limit(1):
        pass
    with real.clock.interruptible():
        ring()
    ring()


def test_an_alarm_is_raised_once_however_often_it_rings(real: Real) -> None:
    with real.clock.limit(1):
        with pytest.raises(Expired):
            ring()
        ring()
    with real.clock.grace(0.02):
        real.signal()
        with pytest.raises(Interrupted):
            time.sleep(0.2)
        ring()


def test_a_tick_before_its_time_ends_no_grace(real: Real) -> None:
    with real.clock.grace(1):
        real.signal()
        ring()


def test_the_clock_ticks_in_the_grace_too(real: Real) -> None:
    """A signal that comes just before the trigger's answer is waited for is heard with the next tick, not with the answer."""
    with real.clock.grace(1):
        assert signal.getitimer(signal.ITIMER_REAL)[1] > 0


def test_no_alarm_is_left_behind(real: Real) -> None:
    with real.clock.limit(1):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    with real.clock.grace(1):
        real.signal()
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_clock_that_does_not_listen_rings_no_alarm() -> None:
    """Nobody would hear it, and the process would die of it."""
    clock = Clock()
    for part in (clock.limit(1), clock.interruptible()):
        with part:
            assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_at_the_end_signals_are_ignored(real: Real, name: str) -> None:
    real.clock.ignore()
    real.signal(name)
    with real.clock.interruptible():
        time.sleep(0.01)
    assert not real.clock.stopped


def test_many_signals_at_any_moment_raise_exactly_once(real: Real) -> None:
    """Between any two steps of the clock's own code a signal is either raised or remembered, and it leaves no timer behind."""

    def run(clock: Clock) -> None:
        for _ in range(1_000_000):
            with clock.interruptible():
                pass
            with clock.grace(0.001):
                pass

    for moment in range(40):
        clock = Clock()
        clock.listen()
        timer = threading.Timer(moment / 40_000, os.kill, (os.getpid(), signal.SIGTERM))
        timer.start()
        with pytest.raises(Interrupted, match="SIGTERM"):
            run(clock)
        timer.join()
        assert clock.stopped == "SIGTERM"
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        time.sleep(0.002)
