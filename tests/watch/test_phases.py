"""watch.py: when a phase counts (architecture, rules 1 to 4)."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from deployer.model import (
    AccessDenied,
    Event,
    Handle,
    LogLines,
    Observation,
    Phase,
    PollFailed,
    PollFailing,
    PollRecovered,
    Snapshot,
    Stage,
    TargetWarning,
)
from deployer.watch import End, Watch, WatchResult, observe
from tests.watch.builders import (
    ABSENT,
    BROKEN,
    DEADLINE,
    DONE,
    DOWN,
    FRESH,
    ONE,
    QUEUED,
    RUNNING,
    START,
    STARTING,
    STATUS_UNREADABLE,
    TWO,
    UNKNOWN,
    UP,
    observe_all,
    phase_changes,
    result_of,
    snapshot,
)

# --- Architecture, rule 1: a poll counts before the deadline does


@pytest.mark.parametrize(
    ("at", "observation", "result"),
    [
        pytest.param(0, DONE, WatchResult(End.SUCCEEDED), id="success-at-the-first-poll"),
        pytest.param(99.9, DONE, WatchResult(End.SUCCEEDED), id="success-at-the-last-second"),
        pytest.param(100, DONE, WatchResult(End.SUCCEEDED), id="success-at-the-deadline"),
        pytest.param(
            107, DONE, WatchResult(End.SUCCEEDED), id="success-in-a-poll-that-returned-after-the-deadline"
        ),
        pytest.param(
            100,
            replace(BROKEN, reason="exit 1"),
            WatchResult(End.FAILED, "exit 1"),
            id="failure-at-the-deadline",
        ),
        pytest.param(
            100,
            Snapshot(Phase.UNVERIFIED, reason="skipped"),
            WatchResult(End.UNVERIFIED, "skipped"),
            id="unverified-at-the-deadline",
        ),
        pytest.param(
            100, Snapshot(Phase.CANCELLED), WatchResult(End.CANCELLED), id="cancelled-at-the-deadline"
        ),
        pytest.param(100, ABSENT, WatchResult(End.GONE), id="absent-at-the-deadline"),
        pytest.param(
            100,
            AccessDenied("no right"),
            WatchResult(End.ACCESS_DENIED, "no right"),
            id="access-denied-at-the-deadline",
        ),
        pytest.param(99.9, QUEUED, None, id="queued-at-the-last-second-continues"),
        pytest.param(99.9, RUNNING, None, id="running-at-the-last-second-continues"),
        pytest.param(99.9, UNKNOWN, None, id="unknown-at-the-last-second-continues"),
        pytest.param(99.9, PollFailed("HTTP 502"), None, id="failed-poll-at-the-last-second-continues"),
        pytest.param(
            100, QUEUED, WatchResult(End.TIMED_OUT, "it was still queued"), id="queued-at-the-deadline"
        ),
        pytest.param(
            100,
            RUNNING,
            WatchResult(End.TIMED_OUT, "it was still being built or started"),
            id="running-at-the-deadline",
        ),
        pytest.param(
            101,
            RUNNING,
            WatchResult(End.TIMED_OUT, "it was still being built or started"),
            id="running-after-the-deadline",
        ),
        pytest.param(
            100,
            UNKNOWN,
            WatchResult(End.TIMED_OUT, "it had an unknown status"),
            id="unknown-at-the-deadline",
        ),
        pytest.param(
            100,
            replace(RUNNING, reason="waits for a worker"),
            WatchResult(End.TIMED_OUT, "waits for a worker"),
            id="timed-out-with-its-own-reason",
        ),
        pytest.param(
            100,
            PollFailed("HTTP 502"),
            WatchResult(
                End.TIMED_OUT, "its status could never be read; the last status checks failed: HTTP 502"
            ),
            id="failed-poll-at-the-deadline",
        ),
    ],
)
def test_a_poll_counts_before_the_deadline_does(
    at: float, observation: Observation, result: WatchResult | None
) -> None:
    assert result_of([(at, observation)]) == result


@pytest.mark.parametrize(
    ("polls", "reason"),
    [
        pytest.param(
            [(50, RUNNING), (100, PollFailed("HTTP 502"))],
            "it was still being built or started; the last status checks failed: HTTP 502",
            id="last-phase-and-later-errors",
        ),
        pytest.param(
            [
                (50, replace(RUNNING, reason="waits for a worker")),
                (90, PollFailed("HTTP 502")),
                (100, PollFailed("HTTP 503")),
            ],
            "waits for a worker; the last status checks failed: HTTP 503",
            id="own-reason-and-the-last-error",
        ),
        pytest.param(
            [(90, replace(ABSENT, stable_for=30)), (100, PollFailed("HTTP 502"))],
            "it did not exist; the last status checks failed: HTTP 502",
            id="absent-and-later-errors",
        ),
        pytest.param(
            [(50, PollFailed("HTTP 502")), (100, QUEUED)],
            "it was still queued",
            id="resolved-errors-are-left-out",
        ),
    ],
)
def test_the_reason_of_a_timeout_is_the_last_known_phase(
    polls: list[tuple[float, Observation]], reason: str
) -> None:
    assert result_of(polls) == WatchResult(End.TIMED_OUT, reason)


def test_the_last_log_lines_are_reported_with_the_end() -> None:
    last = replace(DONE, log=(ONE, TWO))
    assert observe_all([(50, replace(RUNNING, log=(ONE,))), (100, last)]) == (
        replace(
            FRESH,
            phase=Phase.SUCCEEDED,
            appeared=True,
            phase_since=DEADLINE,
            shown_entries=frozenset({("1", 0), ("2", 0)}),
            last_snapshot=last,
            result=WatchResult(End.SUCCEEDED),
        ),
        [
            *phase_changes(Phase.RUNNING),
            LogLines("web", (ONE,)),
            *phase_changes(Phase.SUCCEEDED),
            LogLines("web", (TWO,)),
        ],
    )


# --- Architecture, rule 2: neither a failed poll nor an unknown status ends anything


@pytest.mark.parametrize(
    ("polls", "events"),
    [
        pytest.param([(5, PollFailed("HTTP 502"))], [PollFailing("web", "HTTP 502")], id="error"),
        pytest.param(
            [(5, PollFailed("HTTP 502")), (6, PollFailed("HTTP 502"))],
            [PollFailing("web", "HTTP 502")],
            id="same-error-once",
        ),
        pytest.param(
            [(5, PollFailed("HTTP 502")), (6, PollFailed("no connection")), (7, PollFailed("no connection"))],
            [PollFailing("web", "HTTP 502"), PollFailing("web", "no connection")],
            id="other-error",
        ),
        pytest.param(
            [
                (5 + number, PollFailed(reason))
                for number, reason in enumerate(["HTTP 502", "no connection", "HTTP 502", "no connection"])
            ],
            [PollFailing("web", "HTTP 502"), PollFailing("web", "no connection")],
            id="alternating-errors-once-each",
        ),
        pytest.param(
            [
                (5, RUNNING),
                (6, PollFailed("HTTP 502")),
                (7, PollFailed("HTTP 502")),
                (8, PollFailed("HTTP 502")),
                (9, RUNNING),
                (10, RUNNING),
            ],
            [*phase_changes(Phase.RUNNING), PollFailing("web", "HTTP 502"), PollRecovered("web", 3)],
            id="recovery-once-and-no-new-phase",
        ),
        pytest.param(
            [(5, PollFailed("HTTP 502")), (6, RUNNING), (7, PollFailed("HTTP 502")), (8, RUNNING)],
            [
                PollFailing("web", "HTTP 502"),
                PollRecovered("web", 1),
                *phase_changes(Phase.RUNNING),
                PollFailing("web", "HTTP 502"),
                PollRecovered("web", 1),
            ],
            id="same-error-after-recovery",
        ),
        pytest.param([(5, UNKNOWN), (50, UNKNOWN)], phase_changes(Phase.UNKNOWN), id="unknown-status-once"),
        pytest.param(
            [
                (5, replace(UNKNOWN, warnings=("odd",))),
                (6, replace(UNKNOWN, warnings=("odd",))),
                (7, RUNNING),
                (8, replace(UNKNOWN, warnings=("odd",))),
            ],
            [
                *phase_changes(Phase.UNKNOWN),
                TargetWarning("web", "odd"),
                *phase_changes(Phase.RUNNING, Phase.UNKNOWN),
            ],
            id="same-warning-once",
        ),
        pytest.param(
            [
                (5 + number, replace(UNKNOWN, warnings=(text,)))
                for number, text in enumerate(["odd", "odder", "odd", "odder"])
            ],
            [*phase_changes(Phase.UNKNOWN), TargetWarning("web", "odd"), TargetWarning("web", "odder")],
            id="alternating-warnings-once-each",
        ),
        pytest.param(
            [
                (5, replace(UNKNOWN, warnings=("odd", "odder"))),
                (6, replace(UNKNOWN, warnings=("odder", "oddest"))),
            ],
            [
                *phase_changes(Phase.UNKNOWN),
                TargetWarning("web", "odd"),
                TargetWarning("web", "odder"),
                TargetWarning("web", "oddest"),
            ],
            id="each-of-several-warnings-once",
        ),
        pytest.param([(5, RUNNING), (6, RUNNING)], phase_changes(Phase.RUNNING), id="same-phase-once"),
        pytest.param([(5, AccessDenied("no right"))], [], id="access-denied-is-no-event"),
    ],
)
def test_errors_and_unknown_statuses_are_reported_once_and_end_nothing(
    polls: list[tuple[float, Observation]], events: list[Event]
) -> None:
    watch, reported = observe_all(polls)
    assert reported == events
    assert watch.result is None or watch.result == WatchResult(End.ACCESS_DENIED, "no right")


def test_a_failed_poll_only_changes_the_error_state() -> None:
    before, _ = observe_all([(5, replace(RUNNING, log=(ONE,), link="https://x"))])
    after_one, _ = observe(before, PollFailed("HTTP 429", retry_after=20), START + 10)
    after_two, _ = observe(after_one, PollFailed("HTTP 502"), START + 30)
    assert after_one == replace(
        before, poll_error="HTTP 429", reported_errors=frozenset({"HTTP 429"}), failed_polls=1, retry_after=20
    )
    assert after_two == replace(
        before, poll_error="HTTP 502", reported_errors=frozenset({"HTTP 429", "HTTP 502"}), failed_polls=2
    )


def test_a_successful_poll_resets_the_error_state() -> None:
    before, _ = observe_all([(5, RUNNING)])
    assert observe_all([(5, RUNNING), (6, PollFailed("HTTP 429", retry_after=20)), (7, RUNNING)])[0] == before


def test_polling_continues_after_an_unknown_status() -> None:
    assert result_of([(5, UNKNOWN), (50, UNKNOWN), (60, DONE)]) == WatchResult(End.SUCCEEDED)


# --- Architecture, rule 3: denied access ends the watch at once


@pytest.mark.parametrize(
    ("earlier", "watch", "reason"),
    [
        pytest.param([], FRESH, "revoked", id="never-polled"),
        pytest.param([(5, RUNNING)], FRESH, STATUS_UNREADABLE, id="polled-before"),
        pytest.param(
            [(5, QUEUED), (6, PollFailed("HTTP 502"))], FRESH, STATUS_UNREADABLE, id="queued-before"
        ),
        pytest.param(
            [(5, RUNNING)],
            replace(FRESH, stage=Stage.ADDITIONAL_SERVERS),
            STATUS_UNREADABLE,
            id="on-an-additional-server",
        ),
        pytest.param([(5, RUNNING)], replace(FRESH, stage=Stage.HEALTH), "revoked", id="deployed-already"),
        pytest.param(
            [(5, RUNNING)],
            replace(FRESH, handle=Handle("web", "", condition="running")),
            STATUS_UNREADABLE.replace("the deployment", "the request"),
            id="no-deployment",
        ),
    ],
)
def test_denied_access_ends_the_watch_at_once(
    earlier: list[tuple[float, Observation]], watch: Watch, reason: str
) -> None:
    before, _ = observe_all(earlier, watch)
    assert observe(before, AccessDenied("revoked"), START + 6) == (
        replace(before, result=WatchResult(End.ACCESS_DENIED, reason)),
        [],
    )


@pytest.mark.parametrize(
    ("last", "result"),
    [
        pytest.param(
            Snapshot(Phase.FAILED, stable_for=10, reason="exit 1"),
            WatchResult(End.FAILED, "exit 1"),
            id="failed",
        ),
        pytest.param(Snapshot(Phase.SUCCEEDED, stable_for=10), WatchResult(End.SUCCEEDED), id="succeeded"),
        pytest.param(
            Snapshot(Phase.SUCCEEDED, stable_for=math.inf),
            WatchResult(End.ACCESS_DENIED, "revoked"),
            id="success-that-may-still-change",
        ),
        pytest.param(
            Snapshot(Phase.ABSENT, stable_for=10), WatchResult(End.ACCESS_DENIED, "revoked"), id="absent"
        ),
    ],
)
def test_a_final_phase_counts_when_access_is_denied_before_it_is_stable(
    last: Snapshot, result: WatchResult
) -> None:
    assert result_of([(5, last), (7, AccessDenied("revoked"))]) == result


# --- Architecture, rule 4: a final phase is polled until it is stable


@pytest.mark.parametrize(
    ("polls", "result"),
    [
        pytest.param([(5, snapshot(Phase.FAILED, 0))], WatchResult(End.FAILED), id="final-at-once"),
        pytest.param([(5, snapshot(Phase.FAILED))], None, id="not-at-once"),
        pytest.param(
            [(5, snapshot(Phase.FAILED)), (14.9, snapshot(Phase.FAILED))], None, id="before-it-is-stable"
        ),
        pytest.param(
            [(5, snapshot(Phase.FAILED)), (15, snapshot(Phase.FAILED))],
            WatchResult(End.FAILED),
            id="once-stable",
        ),
        pytest.param(
            [(5, snapshot(Phase.ABSENT)), (14, snapshot(Phase.ABSENT))], None, id="absent-before-it-is-stable"
        ),
        pytest.param(
            [(5, snapshot(Phase.ABSENT)), (15, snapshot(Phase.ABSENT))],
            WatchResult(End.GONE),
            id="absent-once-stable",
        ),
        pytest.param(
            [(5, snapshot(Phase.FAILED)), (8, snapshot(Phase.FAILED, 0, "exit 1"))],
            WatchResult(End.FAILED, "exit 1"),
            id="late-reason",
        ),
        pytest.param(
            [
                (5, snapshot(Phase.FAILED)),
                (8, snapshot(Phase.FAILED)),
                (11, snapshot(Phase.FAILED)),
                (15, snapshot(Phase.FAILED, reason="exit 1")),
            ],
            WatchResult(End.FAILED, "exit 1"),
            id="time-counts-from-the-first-poll",
        ),
        pytest.param(
            [(5, snapshot(Phase.FAILED)), (10, PollFailed("HTTP 502")), (15, snapshot(Phase.FAILED))],
            WatchResult(End.FAILED),
            id="failed-poll-in-between",
        ),
        pytest.param(
            [
                (5, snapshot(Phase.FAILED)),
                (10, RUNNING),
                (12, snapshot(Phase.FAILED)),
                (21, snapshot(Phase.FAILED)),
            ],
            None,
            id="other-phase-restarts-the-time",
        ),
        pytest.param(
            [
                (5, snapshot(Phase.FAILED)),
                (10, RUNNING),
                (12, snapshot(Phase.FAILED)),
                (22, snapshot(Phase.FAILED)),
            ],
            WatchResult(End.FAILED),
            id="full-time-after-a-restart",
        ),
        pytest.param(
            [(5, snapshot(Phase.SUCCEEDED)), (13, snapshot(Phase.FAILED)), (15, snapshot(Phase.FAILED))],
            None,
            id="finished-then-failed-before-it-is-stable",
        ),
        pytest.param(
            [(5, snapshot(Phase.SUCCEEDED)), (13, snapshot(Phase.FAILED)), (23, snapshot(Phase.FAILED))],
            WatchResult(End.FAILED),
            id="finished-then-failed-once-stable",
        ),
        pytest.param(
            [(5, snapshot(Phase.SUCCEEDED, math.inf)), (50, snapshot(Phase.SUCCEEDED, math.inf))],
            None,
            id="post-deployment-command-running",
        ),
        pytest.param(
            [(5, snapshot(Phase.SUCCEEDED, math.inf)), (50, snapshot(Phase.SUCCEEDED, 0))],
            WatchResult(End.SUCCEEDED),
            id="post-deployment-command-ended",
        ),
        pytest.param(
            [
                (5, snapshot(Phase.SUCCEEDED, math.inf)),
                (50, snapshot(Phase.UNVERIFIED)),
                (59, snapshot(Phase.UNVERIFIED)),
            ],
            None,
            id="post-deployment-command-failed-before-stable",
        ),
        pytest.param(
            [
                (5, snapshot(Phase.SUCCEEDED, math.inf)),
                (50, snapshot(Phase.UNVERIFIED)),
                (60, snapshot(Phase.UNVERIFIED, reason="its command failed")),
            ],
            WatchResult(End.UNVERIFIED, "its command failed"),
            id="post-deployment-command-failed-once-stable",
        ),
        pytest.param([(99.9, snapshot(Phase.FAILED))], None, id="not-stable-at-the-last-second"),
        pytest.param(
            [(100, snapshot(Phase.FAILED, reason="exit 1"))],
            WatchResult(End.FAILED, "exit 1"),
            id="deadline-makes-failure-final",
        ),
        pytest.param(
            [(95, snapshot(Phase.SUCCEEDED)), (100, snapshot(Phase.SUCCEEDED))],
            WatchResult(End.SUCCEEDED),
            id="deadline-makes-success-final",
        ),
        pytest.param(
            [(95, snapshot(Phase.ABSENT)), (100, snapshot(Phase.ABSENT))],
            WatchResult(End.GONE),
            id="deadline-makes-absence-final",
        ),
        pytest.param(
            [
                (5, snapshot(Phase.SUCCEEDED, math.inf)),
                (100, snapshot(Phase.SUCCEEDED, math.inf, "its command was not seen to end")),
            ],
            WatchResult(End.TIMED_OUT, "its command was not seen to end"),
            id="success-that-may-still-change",
        ),
        pytest.param(
            [(5, snapshot(Phase.SUCCEEDED, math.inf, "not seen to end")), (100, PollFailed("HTTP 502"))],
            WatchResult(End.TIMED_OUT, "not seen to end; the last status checks failed: HTTP 502"),
            id="command-running-and-errors-at-the-deadline",
        ),
        pytest.param(
            [(97, snapshot(Phase.FAILED, reason="exit 1")), (100, PollFailed("HTTP 502"))],
            WatchResult(End.FAILED, "exit 1"),
            id="failure-kept-when-the-last-poll-fails",
        ),
        pytest.param(
            [(97, snapshot(Phase.SUCCEEDED)), (100, PollFailed("HTTP 502"))],
            WatchResult(End.SUCCEEDED),
            id="success-kept-when-the-last-poll-fails",
        ),
    ],
)
def test_a_final_phase_is_polled_until_it_is_stable(
    polls: list[tuple[float, Observation]], result: WatchResult | None
) -> None:
    assert result_of(polls) == result


@pytest.mark.parametrize(
    ("polls", "result"),
    [
        pytest.param(
            [(5, replace(UP, stable_for=0))],
            WatchResult(End.SUCCEEDED),
            id="needs-no-time",
        ),
        pytest.param([(5, UP), (64.9, UP)], None, id="before-it-is-stable"),
        pytest.param([(5, UP), (65, UP)], WatchResult(End.SUCCEEDED), id="once-stable"),
        pytest.param(
            [(5, UP), (30, PollFailed("HTTP 502")), (65, UP)],
            WatchResult(End.SUCCEEDED),
            id="failed-poll-does-not-restart-the-time",
        ),
        pytest.param([(5, UP), (60, STARTING), (62, UP), (65, UP)], None, id="starting-restarts-the-time"),
        pytest.param([(5, UP), (60, DOWN), (62, UP), (65, UP)], None, id="down-restarts-the-time"),
        pytest.param(
            [(5, UP), (20, STARTING), (22, UP), (82, UP)],
            WatchResult(End.SUCCEEDED),
            id="full-time-after-a-restart",
        ),
        pytest.param([(5, DOWN), (65, DOWN)], WatchResult(End.FAILED, DOWN.reason), id="down-once-stable"),
        pytest.param(
            [(40, DOWN), (100, DOWN)],
            WatchResult(End.FAILED, DOWN.reason),
            id="stable-at-the-deadline",
        ),
        pytest.param(
            [(5, UP), (7, AccessDenied("revoked"))],
            WatchResult(End.ACCESS_DENIED, "revoked"),
            id="access-denied-before-stable",
        ),
        pytest.param(
            [(95, STARTING), (100, STARTING)], WatchResult(End.TIMED_OUT, STARTING.reason), id="inconclusive"
        ),
    ],
)
def test_a_phase_that_may_change_counts_once_stable(
    polls: list[tuple[float, Observation]], result: WatchResult | None
) -> None:
    assert result_of(polls) == result


@pytest.mark.parametrize(
    "polls",
    [
        pytest.param([(100, UP)], id="first-poll-at-the-deadline"),
        pytest.param([(50, UP), (100, UP)], id="up-before-the-deadline"),
        pytest.param([(50, DOWN), (100, DOWN)], id="down-before-the-deadline"),
        pytest.param([(50, UP), (100, PollFailed("HTTP 502"))], id="failed-poll-at-the-deadline"),
        pytest.param([(50, UP), (107, PollFailed("HTTP 502"))], id="failed-poll-after-the-deadline"),
    ],
)
def test_the_deadline_does_not_make_a_phase_final_that_may_change(
    polls: list[tuple[float, Observation]],
) -> None:
    result = result_of(polls)
    assert result is not None
    assert result.end is End.TIMED_OUT


@pytest.mark.parametrize("last", [UP, DOWN], ids=["up", "down"])
def test_a_phase_that_was_not_stable_in_time_is_the_reason(last: Snapshot) -> None:
    """With its own reason, or with its status."""
    result = result_of([(90, last), (100, last)])
    assert result == WatchResult(
        End.TIMED_OUT, last.reason or f"its status was {last.raw_status}, but not for long enough"
    )
    assert last.raw_status in result.reason
