"""Time and signals: the real clock with real signals, and that the fake clock behaves the same."""

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
    """The real clock, with real seconds and signals. A thread sends later signals to the main thread."""

    exact = False

    def __init__(self) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup` may have set it to be ignored
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
    """The fake clock of the other tests, which behaves the same without waiting."""

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
        """Nothing to close."""


ClockUnderTest = Real | Fake


@pytest.fixture(params=[Real, Fake], ids=["real", "fake"])
def under_test(request: pytest.FixtureRequest) -> Iterator[ClockUnderTest]:
    each: ClockUnderTest = request.param()
    yield each
    each.close()


class Stopwatch:
    """Measures real seconds, and compares them with an expectation."""

    def __init__(self, under_test: ClockUnderTest) -> None:
        self._world = under_test
        self._start = under_test.clock.real()

    def took(self, seconds: float) -> bool:
        seconds_passed = self._world.clock.real() - self._start
        return (
            seconds_passed == pytest.approx(seconds)
            if self._world.exact
            else seconds - 0.001 <= seconds_passed < seconds + 1
        )


# --- the deadline


def test_the_time_left_is_in_real_seconds_and_negative_after_the_deadline(under_test: ClockUnderTest) -> None:
    assert under_test.clock.time_left() == math.inf
    under_test.clock.set_deadline(0.02)
    assert 0 < under_test.clock.time_left() <= 0.02
    under_test.spend(0.03)
    assert under_test.clock.time_left() < 0
    under_test.clock.speed = 20
    under_test.clock.set_deadline(40)
    assert 1.9 < under_test.clock.time_left() <= 2


# --- `interruptible` and `sleep`


def test_without_a_signal_nothing_is_raised(under_test: ClockUnderTest) -> None:
    stopwatch = Stopwatch(under_test)
    with under_test.clock.interruptible():
        under_test.spend(0.02)
    with under_test.clock.grace(0.01):
        under_test.spend(0.02)
    with under_test.clock.limit(0.5):
        under_test.spend(0.02)
    under_test.clock.sleep(0.02)
    assert stopwatch.took(0.08)
    assert not under_test.clock.stopped


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_interrupts_at_once(under_test: ClockUnderTest, name: str) -> None:
    stopwatch = Stopwatch(under_test)
    under_test.signal(name, 0.05)
    with pytest.raises(Interrupted, match=name), under_test.clock.interruptible():
        under_test.spend(5)
    assert stopwatch.took(0.05)
    assert under_test.clock.stopped == name


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_sleep(under_test: ClockUnderTest, name: str) -> None:
    stopwatch = Stopwatch(under_test)
    under_test.signal(name, 0.05)
    with pytest.raises(Interrupted, match=name):
        under_test.clock.sleep(5)
    assert stopwatch.took(0.05)


def test_an_ignored_sighup_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    clock = Clock()
    clock.listen()
    clock.listen()
    os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert not clock.stopped


def test_a_blocked_signal_is_received_when_the_clock_listens() -> None:
    """As PID 1 of a container it would be lost otherwise."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    signal.raise_signal(signal.SIGTERM)  # only to this thread: it would end another one of this process
    clock = Clock()
    clock.listen()
    assert clock.stopped == "SIGTERM"
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & set(SIGNALS)


def test_a_signal_outside_of_interruptible_is_remembered(under_test: ClockUnderTest) -> None:
    stopwatch = Stopwatch(under_test)
    under_test.signal(after=0.02)
    under_test.spend(0.04)
    assert under_test.clock.stopped == "SIGTERM"
    with pytest.raises(Interrupted, match="SIGTERM"), under_test.clock.interruptible():
        pytest.fail("the block must not be entered")
    assert stopwatch.took(0.04)


def test_a_signal_between_two_interruptible_parts_is_remembered(under_test: ClockUnderTest) -> None:
    with under_test.clock.interruptible():
        under_test.spend(0.01)
    under_test.signal()
    with pytest.raises(Interrupted):
        under_test.clock.sleep(5)


def test_a_signal_after_an_error_in_an_interruptible_part_is_remembered(under_test: ClockUnderTest) -> None:
    with pytest.raises(KeyError), under_test.clock.interruptible():
        raise KeyError
    under_test.signal()
    assert under_test.clock.stopped


def test_after_a_signal_every_sleep_is_interrupted(under_test: ClockUnderTest) -> None:
    under_test.signal()
    stopwatch = Stopwatch(under_test)
    for _ in range(3):
        with pytest.raises(Interrupted):
            under_test.clock.sleep(5)
    assert stopwatch.took(0)


# --- `grace`


def test_a_signal_during_grace_allows_its_seconds(under_test: ClockUnderTest) -> None:
    stopwatch = Stopwatch(under_test)
    under_test.signal(after=0.02)
    with under_test.clock.grace(0.2):
        under_test.spend(0.06)
    assert stopwatch.took(0.06)
    assert under_test.clock.stopped == "SIGTERM"


def test_grace_raises_when_its_seconds_have_passed(under_test: ClockUnderTest) -> None:
    stopwatch = Stopwatch(under_test)
    under_test.signal(after=0.05)
    with pytest.raises(Interrupted, match="SIGTERM"), under_test.clock.grace(0.1):
        under_test.spend(5)
    assert stopwatch.took(0.15)


def test_grace_counts_from_the_signal_not_from_the_entry(under_test: ClockUnderTest) -> None:
    under_test.signal(after=0.15)
    with under_test.clock.grace(0.2):
        under_test.spend(0.25)
    assert under_test.clock.stopped


def test_a_signal_before_grace_raises_at_its_entry(under_test: ClockUnderTest) -> None:
    under_test.signal()
    with pytest.raises(Interrupted, match="SIGTERM"), under_test.clock.grace(0.1):
        pytest.fail("the block must not be entered")


@pytest.mark.parametrize("entered", [True, False], ids=["completed", "not-entered"])
def test_nothing_is_raised_after_grace(under_test: ClockUnderTest, *, entered: bool) -> None:
    under_test.signal(after=0.01)
    if entered:
        with under_test.clock.grace(0.15):
            under_test.spend(0.03)
    else:
        under_test.spend(0.03)
        with pytest.raises(Interrupted), under_test.clock.grace(0.15):
            pytest.fail("the block must not be entered")
    under_test.spend(0.2)


def test_an_error_during_grace_is_raised_and_disarms_it(under_test: ClockUnderTest) -> None:
    def fail() -> None:
        with under_test.clock.grace(0.1):
            under_test.signal()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    under_test.spend(0.15)


# --- `limit`


def test_a_limit_ends_what_hangs(under_test: ClockUnderTest) -> None:
    stopwatch = Stopwatch(under_test)
    with pytest.raises(Expired), under_test.clock.limit(0.05):
        under_test.spend(5)
    assert stopwatch.took(0.05)


@pytest.mark.parametrize("seconds", [0, -3])
def test_a_limit_that_has_passed_already_ends_at_once(under_test: ClockUnderTest, seconds: float) -> None:
    stopwatch = Stopwatch(under_test)
    with pytest.raises(Expired), under_test.clock.limit(seconds):
        under_test.spend(5)
    assert stopwatch.took(0.001)


def test_a_limit_that_was_met_raises_nothing_afterwards(under_test: ClockUnderTest) -> None:
    with under_test.clock.limit(0.15):
        under_test.spend(0.01)
    under_test.spend(0.2)


def test_limits_still_apply_after_a_signal(under_test: ClockUnderTest) -> None:
    under_test.signal()
    with under_test.clock.limit(0.5):
        under_test.spend(0.01)
    stopwatch = Stopwatch(under_test)
    with pytest.raises(Expired), under_test.clock.limit(0.03):
        under_test.spend(5)
    assert stopwatch.took(0.03)


def test_a_limit_that_was_met_does_not_affect_a_later_grace(under_test: ClockUnderTest) -> None:
    with under_test.clock.limit(0.15):
        under_test.spend(0.01)
    with under_test.clock.grace(0.05):
        under_test.spend(0.2)
    stopwatch = Stopwatch(under_test)
    under_test.signal(after=0.01)
    with pytest.raises(Interrupted), under_test.clock.grace(0.02):
        under_test.spend(5)
    assert stopwatch.took(0.03)


def test_a_limit_after_an_expired_grace_still_applies(under_test: ClockUnderTest) -> None:
    under_test.signal(after=0.01)
    with pytest.raises(Interrupted), under_test.clock.grace(0.02):
        under_test.spend(5)
    with pytest.raises(Expired), under_test.clock.limit(0.02):
        under_test.spend(5)


# --- Signals after the first


def test_a_second_signal_changes_nothing(under_test: ClockUnderTest) -> None:
    under_test.signal("SIGTERM")
    stopwatch = Stopwatch(under_test)
    under_test.signal("SIGINT", 0.02)
    with under_test.clock.limit(0.5):
        under_test.spend(0.05)
    assert under_test.clock.stopped == "SIGTERM"
    assert stopwatch.took(0.05)


def test_a_second_signal_does_not_extend_grace(under_test: ClockUnderTest) -> None:
    stopwatch = Stopwatch(under_test)
    under_test.signal("SIGTERM", 0.02)
    under_test.signal("SIGINT", 0.08)
    with pytest.raises(Interrupted, match="SIGTERM"), under_test.clock.grace(0.1):
        under_test.spend(5)
    assert stopwatch.took(0.12)


def test_since_stop_counts_from_the_first_signal(under_test: ClockUnderTest) -> None:
    under_test.signal()
    under_test.spend(0.03)
    under_test.signal("SIGINT")
    under_test.spend(0.02)
    assert under_test.clock.since_stop() == pytest.approx(0.05, abs=1e-9 if under_test.exact else 1)


# --- Time


def test_a_fast_clock_only_scales_now_and_sleep(
    under_test: ClockUnderTest,
) -> None:
    under_test.clock.speed = 100
    start, real = under_test.clock.now(), under_test.clock.real()
    under_test.clock.sleep(3)
    passed = under_test.clock.real() - real
    assert 0.03 - 0.001 <= passed < 1
    assert under_test.clock.now() - start == pytest.approx(100 * passed, rel=0.5)
    stopwatch = Stopwatch(under_test)
    under_test.signal(after=0.01)
    with pytest.raises(Interrupted), under_test.clock.grace(0.04):
        under_test.spend(5)
    assert stopwatch.took(0.05)
    assert 0.04 - 0.001 <= under_test.clock.since_stop() < 1
    stopwatch = Stopwatch(under_test)
    with pytest.raises(Expired), under_test.clock.limit(0.05):
        under_test.spend(5)
    assert stopwatch.took(0.05)


def test_a_negative_sleep_returns_at_once(under_test: ClockUnderTest) -> None:
    stopwatch = Stopwatch(under_test)
    under_test.clock.sleep(-3)
    assert stopwatch.took(0)


def test_the_wall_clock_is_the_date() -> None:
    assert Clock().wall() == pytest.approx(time.time(), abs=5)


# --- The real clock only


@pytest.fixture
def real() -> Iterator[Real]:
    each = Real()
    yield each
    each.close()


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A connection on which nothing is ever received."""
    near_end, far_end = socket.socketpair()
    with near_end, far_end:
        near_end.settimeout(5)
        yield near_end


def test_a_hanging_read_is_interrupted_at_once(real: Real, silent: socket.socket) -> None:
    stopwatch = Stopwatch(real)
    real.signal(after=0.05)
    with pytest.raises(Interrupted), real.clock.interruptible():
        silent.recv(1)
    assert stopwatch.took(0.05)


def test_a_remembered_signal_does_not_interrupt_a_read(real: Real, silent: socket.socket) -> None:
    stopwatch = Stopwatch(real)
    real.signal(after=0.02)
    silent.settimeout(0.1)
    with pytest.raises(TimeoutError):
        silent.recv(1)
    assert stopwatch.took(0.1)
    assert real.clock.stopped == "SIGTERM"


def test_grace_ends_a_hanging_read(real: Real, silent: socket.socket) -> None:
    stopwatch = Stopwatch(real)
    real.signal(after=0.02)
    with pytest.raises(Interrupted), real.clock.grace(0.05):
        silent.recv(1)
    assert stopwatch.took(0.07)


def test_a_limit_ends_a_hanging_read(real: Real, silent: socket.socket) -> None:
    stopwatch = Stopwatch(real)
    with pytest.raises(Expired), real.clock.limit(0.05):
        silent.recv(1)
    assert stopwatch.took(0.05)


def test_an_alarm_repeats_until_it_is_handled(real: Real) -> None:
    """Python handles one that comes just before a call blocks only after that call, so it must repeat."""
    with real.clock.limit(5):
        assert signal.getitimer(signal.ITIMER_REAL)[1] > 0
    with real.clock.grace(5):
        real.signal()
        assert signal.getitimer(signal.ITIMER_REAL)[1] > 0


def test_the_alarm_repeats_while_the_clock_is_interruptible(real: Real) -> None:
    """A signal just before a call blocks is handled with the next alarm."""
    with real.clock.interruptible():
        assert signal.getitimer(signal.ITIMER_REAL)[1] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def send_alarm() -> None:
    os.kill(os.getpid(), signal.SIGALRM)


def test_an_alarm_outside_of_its_block_is_ignored(real: Real) -> None:
    with real.clock.grace(1):
        pass
    with real.clock.limit(1):
        pass
    with real.clock.interruptible():
        send_alarm()
    send_alarm()


def test_a_repeated_alarm_raises_once(real: Real) -> None:
    with real.clock.limit(1):
        with pytest.raises(Expired):
            send_alarm()
        send_alarm()
    with real.clock.grace(0.02):
        real.signal()
        with pytest.raises(Interrupted):
            time.sleep(0.2)
        send_alarm()


def test_an_early_alarm_does_not_end_grace(real: Real) -> None:
    with real.clock.grace(1):
        real.signal()
        send_alarm()


def test_the_alarm_repeats_during_grace(real: Real) -> None:
    """A signal just before the trigger's response is read is handled with the next alarm."""
    with real.clock.grace(1):
        assert signal.getitimer(signal.ITIMER_REAL)[1] > 0


def test_no_alarm_is_left_armed(real: Real) -> None:
    with real.clock.limit(1):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    with real.clock.grace(1):
        real.signal()
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_clock_that_does_not_listen_arms_no_alarm() -> None:
    """Without a handler, the alarm would end the process."""
    clock = Clock()
    for part in (clock.limit(1), clock.interruptible()):
        with part:
            assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_are_ignored_after_ignore(real: Real, name: str) -> None:
    real.clock.ignore()
    real.signal(name)
    with real.clock.interruptible():
        time.sleep(0.01)
    assert not real.clock.stopped


def test_a_signal_at_any_moment_raises_exactly_once(real: Real) -> None:
    """Between any two steps of the clock a signal is raised or remembered, and no timer is left armed."""

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
