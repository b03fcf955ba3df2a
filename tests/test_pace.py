"""pace.py: how long to wait between two polls (architecture, rules 9 and 10)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from deployer import pace
from deployer.model import Entry, Phase, Snapshot
from deployer.pace import (
    building_delay,
    by_age,
    connect_retry_delay,
    container_delay,
    poll_delay,
    queued_delay,
    usual,
)
from deployer.watch import Watch, observe
from tests.watch.builders import DOWN, FRESH, QUEUED, RUNNING, START, UNKNOWN, UP, snapshot

# --- Architecture, rule 9: polling is cheap


FAR_DEADLINE = replace(FRESH, deadline=START + 3600, durations=())


@pytest.fixture(autouse=True, scope="module")
def no_jitter() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace, "JITTER_SHARE", 0)
        yield


@pytest.mark.parametrize(
    ("age", "seconds"),
    [
        pytest.param(0, 1, id="at-first"),
        pytest.param(4.9, 1, id="within-five-seconds"),
        pytest.param(5, 3, id="from-five-seconds"),
        pytest.param(29.9, 3, id="within-half-a-minute"),
        pytest.param(30, 5, id="from-half-a-minute"),
        pytest.param(299.9, 5, id="within-five-minutes"),
        pytest.param(300, 10, id="from-five-minutes"),
        pytest.param(3000, 10, id="much-later"),
    ],
)
@pytest.mark.parametrize("last", [None, UNKNOWN, snapshot(Phase.SUCCEEDED, math.inf), UP, DOWN], ids=str)
def test_polling_is_fast_at_first_and_slower_later(age: float, seconds: float, last: Snapshot | None) -> None:
    assert poll_delay(replace(FAR_DEADLINE, last_snapshot=last), START + age) == by_age(age) == seconds


@pytest.mark.parametrize(
    ("age", "seconds"),
    [(0, 5), (19, 5), (40, 10), (60, 15), (3000, 15)],
)
def test_a_queued_deployment_is_polled_every_5_to_15_seconds(age: float, seconds: float) -> None:
    watch = seen(QUEUED)
    assert poll_delay(watch, START + age) == queued_delay(age) == seconds


def seen(last: Snapshot, **fields: Any) -> Watch:
    """The watch of a deployment that was in this phase at first."""
    return replace(observe(replace(FAR_DEADLINE, **fields), last, START)[0])


BUILDING_ROWS = [
    # Without any history: a deployment of two minutes is usual, and anything is possible.
    pytest.param((), 0, 5.7, id="no-history-at-first"),
    pytest.param((), 60, 4.69, id="no-history-after-a-minute"),
    pytest.param((), 600, 8.57, id="no-history-after-ten-minutes"),
    # Ten deployments of about a minute: rarely polled before, often at that age.
    pytest.param((60.0,) * 10, 10, 10.16, id="one-minute-at-first"),
    pytest.param((60.0,) * 10, 55, 2.0, id="one-minute-when-the-end-is-due"),
    pytest.param((60.0,) * 10, 300, 10.98, id="one-minute-overdue"),
    pytest.param((1200.0,) * 10, 60, 15.0, id="twenty-minutes-at-first"),
]


@pytest.mark.parametrize(("durations", "age", "seconds"), BUILDING_ROWS)
def test_a_deployment_is_polled_when_its_end_is_likely(
    durations: tuple[float, ...], age: float, seconds: float
) -> None:
    watch = seen(RUNNING, durations=durations)
    assert poll_delay(watch, START + age) == pytest.approx(seconds, abs=0.05)
    assert poll_delay(watch, START + age) == building_delay(age, usual(durations))


def test_the_age_of_a_deployment_counts_from_when_it_left_the_queue() -> None:
    queued = seen(QUEUED, durations=(60.0,) * 10)
    running = observe(queued, RUNNING, START + 500)[0]
    assert poll_delay(running, START + 500) == building_delay(0, usual((60.0,) * 10))


def test_a_platform_that_tells_no_durations_is_polled_by_age() -> None:
    watch = seen(RUNNING, durations=None)
    assert [poll_delay(watch, START + age) for age in (0, 10, 100, 1000)] == [1, 3, 5, 10]


def test_without_a_log_a_deployment_is_polled_more_often() -> None:
    readable, hidden = (seen(replace(RUNNING, log=log)) for log in ((), None))
    assert poll_delay(hidden, START + 5) < poll_delay(readable, START + 5) / 2


@pytest.mark.parametrize(("after", "seconds"), [(0, 1), (20, 1), (80, 2), (500, 5)])
def test_a_new_container_is_awaited_with_short_intervals(after: float, seconds: float) -> None:
    started = replace(RUNNING, log=(Entry("1", "New container started.", starts_container=True),))
    watch = observe(seen(RUNNING, durations=(1200.0,) * 10), started, START + 30)[0]
    later = observe(watch, started, START + 31)[0]
    assert poll_delay(later, START + 30 + after) == container_delay(after) == seconds


def test_earlier_durations_narrow_the_estimate() -> None:
    spreads = [usual(durations).spread for durations in ((), (60.0,), (60.0,) * 3, (60.0,) * 20)]
    assert spreads == sorted(spreads, reverse=True)
    assert usual((30.0, 60.0, 600.0)).median == pytest.approx(math.log(60))
    assert usual((0.0, -5.0)) == usual(())


@pytest.mark.parametrize("age", [0, 1, 4.9, 5, 3599, 3600, 3601, 1e5, 1e9])
@pytest.mark.parametrize("durations", [(), (1e-3,), (60.0,) * 50, (1e6, 1e6)])
def test_every_age_has_an_interval_within_bounds(age: float, durations: tuple[float, ...]) -> None:
    for readable in (True, False):
        assert 2 <= building_delay(age, usual(durations), log_readable=readable) <= 15


@pytest.mark.parametrize(("cost", "seconds"), [(0.01, 2), (0.2, 2), (0.5, 5), (30, 300)])
def test_an_expensive_poll_is_rare(cost: float, seconds: float) -> None:
    stabilizing = replace(FAR_DEADLINE, last_snapshot=snapshot(Phase.FAILED))
    assert poll_delay(stabilizing, START, cost=cost) == seconds


def test_intervals_vary_by_ten_percent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "JITTER_SHARE", 0.1)
    delays = [poll_delay(FAR_DEADLINE, START + 600 + second) for second in range(500)]
    assert 9 <= min(delays) < 9.1
    assert 10.9 < max(delays) <= 11
    assert poll_delay(FAR_DEADLINE, START, fixed=7) == 7


@pytest.mark.parametrize(
    "phase", [Phase.SUCCEEDED, Phase.UNVERIFIED, Phase.FAILED, Phase.CANCELLED, Phase.ABSENT]
)
@pytest.mark.parametrize("age", [0, 3000])
def test_a_final_phase_that_is_not_stable_yet_is_polled_fast(phase: Phase, age: float) -> None:
    assert poll_delay(replace(FAR_DEADLINE, last_snapshot=snapshot(phase)), START + age) == 2


@pytest.mark.parametrize(("age", "seconds"), [(40, 5), (46, 4), (49.5, 0.5), (50, 5), (60, 5)])
def test_an_end_that_may_turn_is_polled_when_it_counts(age: float, seconds: float) -> None:
    may_turn = replace(snapshot(Phase.SUCCEEDED, 10), final=False)
    watch = replace(FAR_DEADLINE, phase=Phase.SUCCEEDED, phase_since=START + 40, last_snapshot=may_turn)
    assert poll_delay(watch, START + age) == seconds


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [
        pytest.param(1, 3, id="one"),
        pytest.param(2, 6, id="two"),
        pytest.param(3, 12, id="three"),
        pytest.param(4, 24, id="four"),
        pytest.param(5, 30, id="five"),
        pytest.param(6, 30, id="six"),
        pytest.param(100_000, 30, id="very-many"),
    ],
)
@pytest.mark.parametrize("last", [None, RUNNING, snapshot(Phase.FAILED)], ids=str)
def test_failed_polls_back_off(failures: int, seconds: float, last: Snapshot | None) -> None:
    assert poll_delay(replace(FAR_DEADLINE, failed_polls=failures, last_snapshot=last), START) == seconds


@pytest.mark.parametrize(
    "watch",
    [
        pytest.param(FAR_DEADLINE, id="at-first"),
        pytest.param(replace(FAR_DEADLINE, failed_polls=5), id="after-failed-polls"),
        pytest.param(replace(FAR_DEADLINE, last_snapshot=snapshot(Phase.FAILED)), id="stabilizing"),
    ],
)
@pytest.mark.parametrize("fixed", [0.5, 7, 60])
def test_a_fixed_poll_interval_is_used(watch: Watch, fixed: float) -> None:
    assert poll_delay(watch, START, fixed=fixed) == fixed


@pytest.mark.parametrize(
    ("wait", "fixed", "seconds"),
    [
        pytest.param(20, None, 20, id="longer-than-the-default"),
        pytest.param(2, None, 3, id="shorter-than-the-default"),
        pytest.param(20, 7, 20, id="longer-than-a-fixed-interval"),
        pytest.param(2, 7, 7, id="shorter-than-a-fixed-interval"),
    ],
)
def test_retry_after_is_respected(wait: float, fixed: float | None, seconds: float) -> None:
    assert poll_delay(replace(FAR_DEADLINE, failed_polls=1, retry_after=wait), START, fixed=fixed) == seconds


@pytest.mark.parametrize(
    ("watch", "seconds_left", "fixed", "seconds"),
    [
        pytest.param(FAR_DEADLINE, 4, None, 4, id="last-poll-at-the-deadline"),
        pytest.param(FAR_DEADLINE, 4, 60, 4, id="with-a-fixed-interval"),
        pytest.param(
            replace(FAR_DEADLINE, failed_polls=1, retry_after=60),
            4,
            None,
            4,
            id="before-retry-after-has-passed",
        ),
        pytest.param(replace(FAR_DEADLINE, failed_polls=9), 4, None, 4, id="after-failed-polls"),
        pytest.param(FAR_DEADLINE, 0, None, 0, id="at-the-deadline"),
        pytest.param(FAR_DEADLINE, -3, None, 0, id="after-the-deadline"),
        pytest.param(FAR_DEADLINE, 3600, None, 1, id="far-from-the-deadline"),
    ],
)
def test_the_last_poll_is_at_the_deadline(
    watch: Watch, seconds_left: float, fixed: float | None, seconds: float
) -> None:
    assert poll_delay(watch, watch.deadline - seconds_left, fixed=fixed) == seconds


# --- Architecture, rule 10: give up early on a server that never responded


@pytest.mark.parametrize(
    ("tries", "age", "seconds"),
    [
        pytest.param(1, 0, 15, id="second-after-fifteen-seconds"),
        pytest.param(1, 10, 5, id="second-after-a-slow-first"),
        pytest.param(1, 20, 0, id="second-at-once-after-a-very-slow-first"),
        pytest.param(2, 15, 15, id="third-after-thirty-seconds"),
        pytest.param(2, 28, 2, id="third-after-a-slow-second"),
        pytest.param(3, 30, None, id="no-fourth"),
        pytest.param(3, 0, None, id="no-fourth-even-if-early"),
        pytest.param(4, 60, None, id="never"),
    ],
)
def test_a_silent_server_gets_three_attempts_in_thirty_seconds(
    tries: int, age: float, seconds: float | None
) -> None:
    assert connect_retry_delay(tries, START, START + age) == seconds
