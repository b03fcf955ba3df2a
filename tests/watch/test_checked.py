"""watch.py: a status may be older than the end of the deployment (architecture 2.2, `verify_health`)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer import pace
from deployer.model import Handle, Observation, Phase, PollFailed, Snapshot, Stage
from deployer.pace import poll_delay
from deployer.watch import (
    End,
    Watch,
    WatchResult,
    first_poll,
    next_step,
    observe,
    undated_from,
)
from tests.watch.builders import (
    DONE,
    DOWN,
    FRESH,
    HEALTH,
    START,
    STARTING,
    final_watch,
    observe_all,
)

DATED = replace(HEALTH, ended="2026-12-01T02:08:56.000000Z")
WATCH = replace(FRESH, handle=DATED, stage=Stage.HEALTH, undated_from=START + 10, deadline=START + 180)
UP = Snapshot(Phase.SUCCEEDED, "running:unknown", stable_after_failure=15, final=False)
"""As `verify_health: auto` reads `running`."""
UP_FOR_A_MINUTE = replace(UP, stable_for=60)
"""As `verify_health: true` reads `running`."""
BAD = replace(DOWN, stable_for=90)

Poll = tuple[float, Snapshot | PollFailed, float | None]
"""Seconds after the end, what was read, and the seconds after the end to Coolify's own check."""


def watch_all(*polls: Poll) -> Watch:
    dated: list[tuple[float, Observation]] = [
        (at, replace(each, checked_after=checked) if isinstance(each, Snapshot) else each)
        for at, each, checked in polls
    ]
    return observe_all(dated, WATCH)[0]


@pytest.mark.parametrize(
    ("polls", "ended"),
    [
        pytest.param([(0, UP, 1)], True, id="checked-since"),
        pytest.param([(0, UP, None)], False, id="not-checked-since"),
        pytest.param([(0, UP, 0)], False, id="checked-in-the-second-of-the-end"),
        pytest.param([(0, UP, -200)], False, id="checked-before-the-end"),
        pytest.param([(9.9, UP, None)], False, id="not-checked-within-ten-seconds"),
        pytest.param([(10, UP, None)], True, id="not-checked-for-ten-seconds"),
        pytest.param([(0, UP, None), (1, UP, 1)], True, id="second-reading"),
        pytest.param([(0, BAD, None), (1, UP, 1)], True, id="old-container-was-down"),
        pytest.param([(0, UP, None), (5, STARTING, 1)], False, id="starting"),
        pytest.param([(0, UP, None), (1, BAD, 1), (2, BAD, 1)], False, id="old-one-ran-and-new-one-is-down"),
    ],
)
def test_old_status_never_counts_and_a_new_one_at_once(polls: list[Poll], *, ended: bool) -> None:
    assert watch_all(*polls).result == (WatchResult(End.SUCCEEDED) if ended else None)


def test_old_status_changes_nothing_and_is_not_reported() -> None:
    failed = replace(WATCH, failed_polls=2, poll_error="HTTP 502", reported_errors=frozenset({"HTTP 502"}))
    watch, events = observe(failed, replace(BAD, warnings=("a warning",)), START + 3)
    assert (watch, [type(event).__name__ for event in events]) == (WATCH, ["PollRecovered"])


@pytest.mark.parametrize(
    ("polls", "ended"),
    [
        pytest.param(
            [(1, BAD, 1), (20, UP, 18), (35, UP, 18), (60, UP, 18)], False, id="one-check-read-again"
        ),
        pytest.param([(1, BAD, 1), (20, UP, 18), (62, UP, 61)], True, id="newer-check"),
        pytest.param([(1, BAD, 1), (20, UP, 18), (34, UP, 61)], False, id="newer-check-too-soon"),
        pytest.param([(1, BAD, 1), (20, UP, 18), (62, UP, 32)], False, id="checks-close-to-each-other"),
        pytest.param([(1, BAD, 1), (20, UP, 18), (40, STARTING, 39), (62, UP, 61)], False, id="interrupted"),
        pytest.param([(10, BAD, None), (20, UP, None), (34, UP, None)], False, id="undated-too-soon"),
        pytest.param([(10, BAD, None), (20, UP, None), (35, UP, None)], True, id="undated"),
        pytest.param([(1, STARTING, 1), (40, UP, 39)], True, id="no-failure-before"),
    ],
)
def test_after_a_failure_a_newer_check_must_confirm_success(polls: list[Poll], *, ended: bool) -> None:
    assert (watch_all(*polls).result == WatchResult(End.SUCCEEDED)) is ended


@pytest.mark.parametrize(
    ("polls", "ended"),
    [
        pytest.param([(1, UP_FOR_A_MINUTE, 1), (61, UP_FOR_A_MINUTE, 60)], True, id="a-minute-after-the-end"),
        pytest.param([(1, UP_FOR_A_MINUTE, 1), (61, UP_FOR_A_MINUTE, 59)], False, id="a-second-less"),
        pytest.param([(1, UP_FOR_A_MINUTE, 1), (170, UP_FOR_A_MINUTE, 1)], False, id="one-check-read-again"),
        pytest.param(
            [(1, UP_FOR_A_MINUTE, 1), (60, UP_FOR_A_MINUTE, 3600)], False, id="clock-was-set-forward"
        ),
        pytest.param(
            [(10, UP_FOR_A_MINUTE, None), (70, UP_FOR_A_MINUTE, None)], True, id="undated-for-a-minute"
        ),
        pytest.param(
            [(10, UP_FOR_A_MINUTE, None), (69, UP_FOR_A_MINUTE, None)], False, id="undated-too-soon"
        ),
        pytest.param([(10, UP_FOR_A_MINUTE, None), (71, UP_FOR_A_MINUTE, 30)], False, id="dated-later"),
        pytest.param(
            [(1, BAD, 1), (20, UP_FOR_A_MINUTE, 18), (81, UP_FOR_A_MINUTE, 77)], False, id="down-at-first"
        ),
        pytest.param(
            [(1, BAD, 1), (20, UP_FOR_A_MINUTE, 18), (81, UP_FOR_A_MINUTE, 78)], True, id="up-since-then"
        ),
        pytest.param(
            [(1, UP_FOR_A_MINUTE, 1), (5, PollFailed("HTTP 502"), None), (61, UP_FOR_A_MINUTE, 60)],
            True,
            id="failed-poll-in-between",
        ),
    ],
)
def test_a_minute_must_be_confirmed_by_a_check_at_its_end(polls: list[Poll], *, ended: bool) -> None:
    assert (watch_all(*polls).result == WatchResult(End.SUCCEEDED)) is ended


def test_down_time_needs_no_newer_check() -> None:
    """Coolify does not date its checks of what has exited (coolify-api 18.7)."""
    assert watch_all((1, BAD, 1), (91, BAD, 1)).result == WatchResult(End.FAILED, DOWN.reason)
    assert watch_all((1, BAD, None), (10, BAD, None), (99, BAD, None)).result is None
    assert watch_all((1, BAD, None), (10, BAD, None), (100, BAD, None)).result is not None


def test_time_out_says_that_it_was_not_checked_again() -> None:
    assert watch_all((1, UP_FOR_A_MINUTE, 1), (180, UP_FOR_A_MINUTE, 1)).result == WatchResult(
        End.TIMED_OUT, "its status was running:unknown, but it was not checked again in time"
    )
    assert watch_all((130, UP_FOR_A_MINUTE, 129), (180, UP_FOR_A_MINUTE, 179)).result == WatchResult(
        End.TIMED_OUT, "its status was running:unknown, but not for long enough"
    )


@pytest.mark.parametrize(
    ("stage", "handles", "first", "undated"),
    [
        pytest.param(Stage.HEALTH, (DATED,), 100, 110, id="dated"),
        pytest.param(Stage.HEALTH, (HEALTH,), 110, 110, id="undated"),
        pytest.param(Stage.VERIFY, (HEALTH,), 100, 100, id="site"),
        pytest.param(Stage.DEPLOYMENT, (Handle("web", "web-1"),), 100, 100, id="deployment"),
    ],
)
def test_dated_status_is_polled_at_once(
    stage: Stage, handles: tuple[Handle, ...], first: float, undated: float
) -> None:
    assert undated_from(stage, 100, 500) == undated
    assert first_poll(handles, 100, undated) == first


def test_undated_status_counts_at_the_deadline() -> None:
    assert undated_from(Stage.HEALTH, 100, 105) == 105


@pytest.mark.parametrize(
    ("age", "fixed", "seconds"),
    [(0, None, 1), (5, None, 3), (8, None, 2), (9.5, None, 0.5), (10, None, 3), (8, 30, 30)],
)
def test_polled_when_an_undated_status_begins_to_count(
    monkeypatch: pytest.MonkeyPatch, age: float, fixed: float | None, seconds: float
) -> None:
    monkeypatch.setattr(pace, "JITTER_SHARE", 0)
    assert poll_delay(WATCH, START + age, fixed=fixed) == seconds


def test_end_of_one_of_several_deployments_dates_no_status() -> None:
    """Another one of them may have ended later."""
    ended = final_watch(replace(DONE, health_check=DATED))
    one = next_step(Stage.DEPLOYMENT, (ended,), repeated=False)
    two = next_step(Stage.DEPLOYMENT, (ended, ended), repeated=False)
    assert [handle.ended for step in (one, two) for handle in step.handles] == [DATED.ended, ""]  # type: ignore[union-attr]
