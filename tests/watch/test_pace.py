"""watch.py: how long to wait between two polls (architecture, rules 9 and 10)."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from deployer.model import Phase, Snapshot
from deployer.watch import Watch, connect_retry_delay, poll_delay
from tests.watch.builders import BEGAN, DOWN, FRESH, QUEUED, RUNNING, UNKNOWN, UP, held

# --- Architecture, rule 9: waiting costs little


LONG = replace(FRESH, deadline=BEGAN + 3600)


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
        pytest.param(3000, 10, id="and-for-ever"),
    ],
)
@pytest.mark.parametrize(
    "last", [None, QUEUED, RUNNING, UNKNOWN, held(Phase.SUCCEEDED, math.inf), UP, DOWN], ids=str
)
def test_looks_are_quick_at_first_and_slower_later(age: float, seconds: float, last: Snapshot | None) -> None:
    assert poll_delay(replace(LONG, last_snapshot=last), BEGAN + age, targets=1) == seconds


@pytest.mark.parametrize(
    "phase", [Phase.SUCCEEDED, Phase.UNVERIFIED, Phase.FAILED, Phase.CANCELLED, Phase.ABSENT]
)
@pytest.mark.parametrize("age", [0, 3000])
def test_an_end_that_settles_is_looked_at_quickly(phase: Phase, age: float) -> None:
    assert poll_delay(replace(LONG, last_snapshot=held(phase)), BEGAN + age, targets=1) == 2


@pytest.mark.parametrize(
    ("missed", "seconds"),
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
@pytest.mark.parametrize("last", [None, RUNNING, held(Phase.FAILED)], ids=str)
def test_failed_looks_become_rarer(missed: int, seconds: float, last: Snapshot | None) -> None:
    assert poll_delay(replace(LONG, failed_polls=missed, last_snapshot=last), BEGAN, targets=1) == seconds


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
def test_many_targets_share_sixty_looks_a_minute(targets: int, age: float, seconds: float) -> None:
    assert poll_delay(LONG, BEGAN + age, targets=targets) == seconds


@pytest.mark.parametrize(
    "watch",
    [
        pytest.param(LONG, id="at-first"),
        pytest.param(replace(LONG, failed_polls=5), id="after-failed-looks"),
        pytest.param(replace(LONG, last_snapshot=held(Phase.FAILED)), id="settling"),
    ],
)
@pytest.mark.parametrize("fixed", [0.5, 7, 60])
def test_a_fixed_pace_is_kept(watch: Watch, fixed: float) -> None:
    assert poll_delay(watch, BEGAN, targets=90, fixed=fixed) == fixed


@pytest.mark.parametrize(
    ("remaining", "fixed", "seconds"),
    [
        pytest.param(None, None, 1, id="not-told"),
        pytest.param(20, None, 1, id="enough"),
        pytest.param(19, None, 15, id="scarce"),
        pytest.param(0, None, 15, id="none"),
        pytest.param(19, 7, 15, id="scarce-beats-a-fixed-pace"),
        pytest.param(19, 60, 60, id="a-slower-pace-stays"),
        pytest.param(20, 7, 7, id="enough-for-a-fixed-pace"),
    ],
)
def test_scarce_requests_are_spared(remaining: int | None, fixed: float | None, seconds: float) -> None:
    assert poll_delay(LONG, BEGAN, targets=1, fixed=fixed, remaining=remaining) == seconds


@pytest.mark.parametrize(
    ("wait", "fixed", "seconds"),
    [
        pytest.param(20, None, 20, id="longer-than-ours"),
        pytest.param(2, None, 3, id="shorter-than-ours"),
        pytest.param(20, 7, 20, id="longer-than-a-fixed-pace"),
        pytest.param(2, 7, 7, id="shorter-than-a-fixed-pace"),
    ],
)
def test_retry_after_is_obeyed(wait: float, fixed: float | None, seconds: float) -> None:
    assert (
        poll_delay(replace(LONG, failed_polls=1, retry_after=wait), BEGAN, targets=1, fixed=fixed) == seconds
    )


@pytest.mark.parametrize(
    ("watch", "left", "fixed", "remaining", "seconds"),
    [
        pytest.param(LONG, 4, None, None, 4, id="one-last-look-at-the-deadline"),
        pytest.param(LONG, 4, 60, None, 4, id="also-at-a-fixed-pace"),
        pytest.param(LONG, 4, None, 0, 4, id="also-when-requests-are-scarce"),
        pytest.param(
            replace(LONG, failed_polls=1, retry_after=60),
            4,
            None,
            None,
            4,
            id="also-before-retry-after-is-over",
        ),
        pytest.param(replace(LONG, failed_polls=9), 4, None, None, 4, id="also-after-failed-looks"),
        pytest.param(LONG, 0, None, None, 0, id="at-the-deadline"),
        pytest.param(LONG, -3, None, None, 0, id="never-less-than-none"),
        pytest.param(LONG, 3600, None, None, 1, id="far-away"),
    ],
)
def test_the_last_look_is_at_the_deadline(
    watch: Watch, left: float, fixed: float | None, remaining: int | None, seconds: float
) -> None:
    assert poll_delay(watch, watch.deadline - left, targets=1, fixed=fixed, remaining=remaining) == seconds


# --- Architecture, rule 10: short patience with a server that has never answered


@pytest.mark.parametrize(
    ("tries", "age", "seconds"),
    [
        pytest.param(1, 0, 15, id="the-second-at-fifteen-seconds"),
        pytest.param(1, 10, 5, id="however-long-the-first-took"),
        pytest.param(1, 20, 0, id="at-once-when-it-took-longer"),
        pytest.param(2, 15, 15, id="the-third-at-thirty"),
        pytest.param(2, 28, 2, id="however-long-the-second-took"),
        pytest.param(3, 30, None, id="no-fourth"),
        pytest.param(3, 0, None, id="not-even-early"),
        pytest.param(4, 60, None, id="never"),
    ],
)
def test_a_silent_server_is_asked_three_times_in_thirty_seconds(
    tries: int, age: float, seconds: float | None
) -> None:
    assert connect_retry_delay(tries, BEGAN, BEGAN + age) == seconds
