"""watch.py: how long to wait between two polls (architecture, rules 9 and 10)."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from deployer.model import Phase, Snapshot
from deployer.watch import Watch, connect_retry_delay, poll_delay
from tests.watch.builders import DOWN, FRESH, QUEUED, RUNNING, START, UNKNOWN, UP, snapshot

# --- Architecture, rule 9: polling is cheap


FAR_DEADLINE = replace(FRESH, deadline=START + 3600)


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
@pytest.mark.parametrize(
    "last", [None, QUEUED, RUNNING, UNKNOWN, snapshot(Phase.SUCCEEDED, math.inf), UP, DOWN], ids=str
)
def test_polling_is_fast_at_first_and_slower_later(age: float, seconds: float, last: Snapshot | None) -> None:
    assert poll_delay(replace(FAR_DEADLINE, last_snapshot=last), START + age, targets=1) == seconds


@pytest.mark.parametrize(
    "phase", [Phase.SUCCEEDED, Phase.UNVERIFIED, Phase.FAILED, Phase.CANCELLED, Phase.ABSENT]
)
@pytest.mark.parametrize("age", [0, 3000])
def test_a_final_phase_that_is_not_stable_yet_is_polled_fast(phase: Phase, age: float) -> None:
    assert poll_delay(replace(FAR_DEADLINE, last_snapshot=snapshot(phase)), START + age, targets=1) == 2


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
    assert (
        poll_delay(replace(FAR_DEADLINE, failed_polls=failures, last_snapshot=last), START, targets=1)
        == seconds
    )


@pytest.mark.parametrize(
    ("targets", "age", "seconds"),
    [
        pytest.param(2, 0, 2, id="two-at-first"),
        pytest.param(2, 10, 3, id="two-later"),
        pytest.param(10, 10, 10, id="ten"),
        pytest.param(10, 600, 10, id="ten-much-later"),
        pytest.param(90, 600, 90, id="ninety"),
    ],
)
def test_many_targets_share_sixty_polls_a_minute(targets: int, age: float, seconds: float) -> None:
    assert poll_delay(FAR_DEADLINE, START + age, targets=targets) == seconds


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
    assert poll_delay(watch, START, targets=90, fixed=fixed) == fixed


@pytest.mark.parametrize(
    ("remaining", "fixed", "seconds"),
    [
        pytest.param(None, None, 1, id="unknown"),
        pytest.param(20, None, 1, id="enough"),
        pytest.param(19, None, 15, id="few"),
        pytest.param(0, None, 15, id="none"),
        pytest.param(19, 7, 15, id="few-with-a-fixed-interval"),
        pytest.param(19, 60, 60, id="few-with-a-slower-interval"),
        pytest.param(20, 7, 7, id="enough-with-a-fixed-interval"),
    ],
)
def test_few_remaining_requests_slow_polling_down(
    remaining: int | None, fixed: float | None, seconds: float
) -> None:
    assert poll_delay(FAR_DEADLINE, START, targets=1, fixed=fixed, remaining=remaining) == seconds


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
    assert (
        poll_delay(replace(FAR_DEADLINE, failed_polls=1, retry_after=wait), START, targets=1, fixed=fixed)
        == seconds
    )


@pytest.mark.parametrize(
    ("watch", "seconds_left", "fixed", "remaining", "seconds"),
    [
        pytest.param(FAR_DEADLINE, 4, None, None, 4, id="last-poll-at-the-deadline"),
        pytest.param(FAR_DEADLINE, 4, 60, None, 4, id="with-a-fixed-interval"),
        pytest.param(FAR_DEADLINE, 4, None, 0, 4, id="with-few-remaining-requests"),
        pytest.param(
            replace(FAR_DEADLINE, failed_polls=1, retry_after=60),
            4,
            None,
            None,
            4,
            id="before-retry-after-has-passed",
        ),
        pytest.param(replace(FAR_DEADLINE, failed_polls=9), 4, None, None, 4, id="after-failed-polls"),
        pytest.param(FAR_DEADLINE, 0, None, None, 0, id="at-the-deadline"),
        pytest.param(FAR_DEADLINE, -3, None, None, 0, id="after-the-deadline"),
        pytest.param(FAR_DEADLINE, 3600, None, None, 1, id="far-from-the-deadline"),
    ],
)
def test_the_last_poll_is_at_the_deadline(
    watch: Watch, seconds_left: float, fixed: float | None, remaining: int | None, seconds: float
) -> None:
    assert (
        poll_delay(watch, watch.deadline - seconds_left, targets=1, fixed=fixed, remaining=remaining)
        == seconds
    )


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
