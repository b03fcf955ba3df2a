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
    BEGAN,
    BROKEN,
    DEADLINE,
    DONE,
    DOWN,
    FRESH,
    GOES_ON,
    GONE,
    ONE,
    QUEUED,
    RUNNING,
    STARTING,
    TWO,
    UNKNOWN,
    UP,
    ended,
    held,
    moved,
    played,
)

# --- Architecture, rule 1: what was seen is judged before the deadline


@pytest.mark.parametrize(
    ("at", "observation", "ending"),
    [
        pytest.param(0, DONE, WatchResult(End.SUCCEEDED), id="success-at-the-first-look"),
        pytest.param(99.9, DONE, WatchResult(End.SUCCEEDED), id="success-at-the-last-second"),
        pytest.param(100, DONE, WatchResult(End.SUCCEEDED), id="success-at-the-deadline"),
        pytest.param(
            107, DONE, WatchResult(End.SUCCEEDED), id="success-in-a-look-that-came-back-after-the-deadline"
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
            id="unproven-at-the-deadline",
        ),
        pytest.param(
            100, Snapshot(Phase.CANCELLED), WatchResult(End.CANCELLED), id="cancelled-at-the-deadline"
        ),
        pytest.param(100, GONE, WatchResult(End.GONE), id="gone-at-the-deadline"),
        pytest.param(
            100,
            AccessDenied("no right"),
            WatchResult(End.ACCESS_DENIED, "no right"),
            id="barred-at-the-deadline",
        ),
        pytest.param(99.9, QUEUED, None, id="queued-at-the-last-second-goes-on"),
        pytest.param(99.9, RUNNING, None, id="running-at-the-last-second-goes-on"),
        pytest.param(99.9, UNKNOWN, None, id="unknown-at-the-last-second-goes-on"),
        pytest.param(99.9, PollFailed("HTTP 502"), None, id="missed-at-the-last-second-goes-on"),
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
            WatchResult(End.TIMED_OUT, "its status was none that we know"),
            id="unknown-at-the-deadline",
        ),
        pytest.param(
            100,
            replace(RUNNING, reason="waits for a worker"),
            WatchResult(End.TIMED_OUT, "waits for a worker"),
            id="late-with-own-reason",
        ),
        pytest.param(
            100,
            PollFailed("HTTP 502"),
            WatchResult(End.TIMED_OUT, "no look at it ever worked; the last looks failed: HTTP 502"),
            id="missed-at-the-deadline",
        ),
    ],
)
def test_what_was_seen_is_judged_before_the_deadline(
    at: float, observation: Observation, ending: WatchResult | None
) -> None:
    assert ended([(at, observation)]) == ending


@pytest.mark.parametrize(
    ("looks", "reason"),
    [
        pytest.param(
            [(50, RUNNING), (100, PollFailed("HTTP 502"))],
            "it was still being built or started; the last looks failed: HTTP 502",
            id="what-was-seen-last-and-the-trouble-since",
        ),
        pytest.param(
            [
                (50, replace(RUNNING, reason="waits for a worker")),
                (90, PollFailed("HTTP 502")),
                (100, PollFailed("HTTP 503")),
            ],
            "waits for a worker; the last looks failed: HTTP 503",
            id="own-reason-and-the-last-trouble",
        ),
        pytest.param(
            [(90, replace(GONE, stable_for=30)), (100, PollFailed("HTTP 502"))],
            "it was not there; the last looks failed: HTTP 502",
            id="not-there-and-then-out-of-sight",
        ),
        pytest.param(
            [(50, PollFailed("HTTP 502")), (100, QUEUED)],
            "it was still queued",
            id="trouble-that-is-over-is-not-told",
        ),
    ],
)
def test_a_late_one_says_what_was_seen_last(looks: list[tuple[float, Observation]], reason: str) -> None:
    assert ended(looks) == WatchResult(End.TIMED_OUT, reason)


def test_the_last_log_lines_are_told_with_the_end() -> None:
    last = replace(DONE, log=(ONE, TWO))
    assert played([(50, replace(RUNNING, log=(ONE,))), (100, last)]) == (
        replace(
            FRESH,
            phase=Phase.SUCCEEDED,
            appeared=True,
            phase_since=DEADLINE,
            shown_entries=frozenset({("1", 0), ("2", 0)}),
            last_snapshot=last,
            result=WatchResult(End.SUCCEEDED),
        ),
        [*moved(Phase.RUNNING), LogLines("web", (ONE,)), *moved(Phase.SUCCEEDED), LogLines("web", (TWO,))],
    )


# --- Architecture, rule 2: a failed look is no news, and an unknown status neither


@pytest.mark.parametrize(
    ("looks", "events"),
    [
        pytest.param([(5, PollFailed("HTTP 502"))], [PollFailing("web", "HTTP 502")], id="trouble-is-told"),
        pytest.param(
            [(5, PollFailed("HTTP 502")), (6, PollFailed("HTTP 502"))],
            [PollFailing("web", "HTTP 502")],
            id="the-same-trouble-once",
        ),
        pytest.param(
            [(5, PollFailed("HTTP 502")), (6, PollFailed("no connection")), (7, PollFailed("no connection"))],
            [PollFailing("web", "HTTP 502"), PollFailing("web", "no connection")],
            id="other-trouble-again",
        ),
        pytest.param(
            [
                (5 + number, PollFailed(reason))
                for number, reason in enumerate(["HTTP 502", "no connection", "HTTP 502", "no connection"])
            ],
            [PollFailing("web", "HTTP 502"), PollFailing("web", "no connection")],
            id="two-that-take-turns-once-each",
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
            [*moved(Phase.RUNNING), PollFailing("web", "HTTP 502"), PollRecovered("web", 3)],
            id="its-end-is-told-once-and-no-phase-is-new",
        ),
        pytest.param(
            [(5, PollFailed("HTTP 502")), (6, RUNNING), (7, PollFailed("HTTP 502")), (8, RUNNING)],
            [
                PollFailing("web", "HTTP 502"),
                PollRecovered("web", 1),
                *moved(Phase.RUNNING),
                PollFailing("web", "HTTP 502"),
                PollRecovered("web", 1),
            ],
            id="the-same-trouble-again-after-its-end",
        ),
        pytest.param([(5, UNKNOWN), (50, UNKNOWN)], moved(Phase.UNKNOWN), id="unknown-is-named-once"),
        pytest.param(
            [
                (5, replace(UNKNOWN, warnings=("odd",))),
                (6, replace(UNKNOWN, warnings=("odd",))),
                (7, RUNNING),
                (8, replace(UNKNOWN, warnings=("odd",))),
            ],
            [*moved(Phase.UNKNOWN), TargetWarning("web", "odd"), *moved(Phase.RUNNING, Phase.UNKNOWN)],
            id="a-warning-is-told-once-also-when-it-comes-again",
        ),
        pytest.param(
            [
                (5 + number, replace(UNKNOWN, warnings=(text,)))
                for number, text in enumerate(["odd", "odder", "odd", "odder"])
            ],
            [*moved(Phase.UNKNOWN), TargetWarning("web", "odd"), TargetWarning("web", "odder")],
            id="another-warning-is-told",
        ),
        pytest.param(
            [
                (5, replace(UNKNOWN, warnings=("odd", "odder"))),
                (6, replace(UNKNOWN, warnings=("odder", "oddest"))),
            ],
            [
                *moved(Phase.UNKNOWN),
                TargetWarning("web", "odd"),
                TargetWarning("web", "odder"),
                TargetWarning("web", "oddest"),
            ],
            id="each-of-several-warnings-is-told-once",
        ),
        pytest.param([(5, RUNNING), (6, RUNNING)], moved(Phase.RUNNING), id="a-phase-is-told-once"),
        pytest.param([(5, AccessDenied("no right"))], [], id="what-bars-us-is-told-as-the-end"),
    ],
)
def test_no_news_is_told_once_and_ends_nothing(
    looks: list[tuple[float, Observation]], events: list[Event]
) -> None:
    watch, told = played(looks)
    assert told == events
    assert watch.result is None or watch.result == WatchResult(End.ACCESS_DENIED, "no right")


def test_a_failed_look_changes_nothing_but_the_count_of_failed_looks() -> None:
    before, _ = played([(5, replace(RUNNING, log=(ONE,), link="https://x"))])
    after_one, _ = observe(before, PollFailed("HTTP 429", retry_after=20), BEGAN + 10)
    after_two, _ = observe(after_one, PollFailed("HTTP 502"), BEGAN + 30)
    assert after_one == replace(
        before, poll_error="HTTP 429", reported_errors=frozenset({"HTTP 429"}), failed_polls=1, retry_after=20
    )
    assert after_two == replace(
        before, poll_error="HTTP 502", reported_errors=frozenset({"HTTP 429", "HTTP 502"}), failed_polls=2
    )


def test_a_look_that_works_forgets_the_trouble() -> None:
    before, _ = played([(5, RUNNING)])
    assert played([(5, RUNNING), (6, PollFailed("HTTP 429", retry_after=20)), (7, RUNNING)])[0] == before


def test_an_unknown_status_is_followed_to_what_comes_after_it() -> None:
    assert ended([(5, UNKNOWN), (50, UNKNOWN), (60, DONE)]) == WatchResult(End.SUCCEEDED)


# --- Architecture, rule 3: what ends the watch at once


@pytest.mark.parametrize(
    ("earlier", "watch", "reason"),
    [
        pytest.param([], FRESH, "revoked", id="never-seen"),
        pytest.param([(5, RUNNING)], FRESH, GOES_ON, id="seen-before"),
        pytest.param([(5, QUEUED), (6, PollFailed("HTTP 502"))], FRESH, GOES_ON, id="seen-queued"),
        pytest.param(
            [(5, RUNNING)],
            replace(FRESH, stage=Stage.ADDITIONAL_SERVERS),
            GOES_ON,
            id="on-an-additional-server",
        ),
        pytest.param([(5, RUNNING)], replace(FRESH, stage=Stage.HEALTH), "revoked", id="deployed-already"),
        pytest.param(
            [(5, RUNNING)],
            replace(FRESH, handle=Handle("web", "", condition="running")),
            GOES_ON.replace("the deployment", "what was asked for"),
            id="no-deployment",
        ),
    ],
)
def test_being_barred_ends_the_watch_at_once(
    earlier: list[tuple[float, Observation]], watch: Watch, reason: str
) -> None:
    before, _ = played(earlier, watch)
    assert observe(before, AccessDenied("revoked"), BEGAN + 6) == (
        replace(before, result=WatchResult(End.ACCESS_DENIED, reason)),
        [],
    )


@pytest.mark.parametrize(
    ("last", "ending"),
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
            id="but-not-what-may-still-turn",
        ),
        pytest.param(
            Snapshot(Phase.ABSENT, stable_for=10), WatchResult(End.ACCESS_DENIED, "revoked"), id="nor-absence"
        ),
    ],
)
def test_an_end_that_was_seen_is_not_lost_when_we_are_barred_before_it_is_settled(
    last: Snapshot, ending: WatchResult
) -> None:
    assert ended([(5, last), (7, AccessDenied("revoked"))]) == ending


# --- Architecture, rule 4: an end is looked at again until it is settled


@pytest.mark.parametrize(
    ("looks", "ending"),
    [
        pytest.param([(5, held(Phase.FAILED, 0))], WatchResult(End.FAILED), id="final-at-once"),
        pytest.param([(5, held(Phase.FAILED))], None, id="not-at-once"),
        pytest.param(
            [(5, held(Phase.FAILED)), (14.9, held(Phase.FAILED))], None, id="not-before-its-seconds-are-over"
        ),
        pytest.param(
            [(5, held(Phase.FAILED)), (15, held(Phase.FAILED))],
            WatchResult(End.FAILED),
            id="when-they-are-over",
        ),
        pytest.param([(5, held(Phase.ABSENT)), (14, held(Phase.ABSENT))], None, id="absent-not-before"),
        pytest.param(
            [(5, held(Phase.ABSENT)), (15, held(Phase.ABSENT))],
            WatchResult(End.GONE),
            id="absent-when-they-are-over",
        ),
        pytest.param(
            [(5, held(Phase.FAILED)), (8, held(Phase.FAILED, 0, "exit 1"))],
            WatchResult(End.FAILED, "exit 1"),
            id="a-reason-that-comes-late",
        ),
        pytest.param(
            [
                (5, held(Phase.FAILED)),
                (8, held(Phase.FAILED)),
                (11, held(Phase.FAILED)),
                (15, held(Phase.FAILED, reason="exit 1")),
            ],
            WatchResult(End.FAILED, "exit 1"),
            id="every-look-counts-from-the-first",
        ),
        pytest.param(
            [(5, held(Phase.FAILED)), (10, PollFailed("HTTP 502")), (15, held(Phase.FAILED))],
            WatchResult(End.FAILED),
            id="a-failed-look-in-between-changes-nothing",
        ),
        pytest.param(
            [(5, held(Phase.FAILED)), (10, RUNNING), (12, held(Phase.FAILED)), (21, held(Phase.FAILED))],
            None,
            id="another-phase-in-between-begins-it-anew",
        ),
        pytest.param(
            [(5, held(Phase.FAILED)), (10, RUNNING), (12, held(Phase.FAILED)), (22, held(Phase.FAILED))],
            WatchResult(End.FAILED),
            id="anew-means-all-its-seconds",
        ),
        pytest.param(
            [(5, held(Phase.SUCCEEDED)), (13, held(Phase.FAILED)), (15, held(Phase.FAILED))],
            None,
            id="finished-that-turns-to-failed-is-not-believed-early",
        ),
        pytest.param(
            [(5, held(Phase.SUCCEEDED)), (13, held(Phase.FAILED)), (23, held(Phase.FAILED))],
            WatchResult(End.FAILED),
            id="finished-that-turns-to-failed-is-failed",
        ),
        pytest.param(
            [(5, held(Phase.SUCCEEDED, math.inf)), (50, held(Phase.SUCCEEDED, math.inf))],
            None,
            id="a-post-command-may-run-as-long-as-it-likes",
        ),
        pytest.param(
            [(5, held(Phase.SUCCEEDED, math.inf)), (50, held(Phase.SUCCEEDED, 0))],
            WatchResult(End.SUCCEEDED),
            id="until-it-has-ended",
        ),
        pytest.param(
            [
                (5, held(Phase.SUCCEEDED, math.inf)),
                (50, held(Phase.UNVERIFIED)),
                (59, held(Phase.UNVERIFIED)),
            ],
            None,
            id="a-failed-post-command-is-a-new-phase",
        ),
        pytest.param(
            [
                (5, held(Phase.SUCCEEDED, math.inf)),
                (50, held(Phase.UNVERIFIED)),
                (60, held(Phase.UNVERIFIED, reason="its command failed")),
            ],
            WatchResult(End.UNVERIFIED, "its command failed"),
            id="and-settles-as-such",
        ),
        pytest.param([(99.9, held(Phase.FAILED))], None, id="still-settling-at-the-last-second"),
        pytest.param(
            [(100, held(Phase.FAILED, reason="exit 1"))],
            WatchResult(End.FAILED, "exit 1"),
            id="the-deadline-cuts-it-short",
        ),
        pytest.param(
            [(95, held(Phase.SUCCEEDED)), (100, held(Phase.SUCCEEDED))],
            WatchResult(End.SUCCEEDED),
            id="for-success-too",
        ),
        pytest.param(
            [(95, held(Phase.ABSENT)), (100, held(Phase.ABSENT))], WatchResult(End.GONE), id="for-absence-too"
        ),
        pytest.param(
            [
                (5, held(Phase.SUCCEEDED, math.inf)),
                (100, held(Phase.SUCCEEDED, math.inf, "its command was not seen to end")),
            ],
            WatchResult(End.TIMED_OUT, "its command was not seen to end"),
            id="but-not-what-may-still-turn",
        ),
        pytest.param(
            [(5, held(Phase.SUCCEEDED, math.inf, "not seen to end")), (100, PollFailed("HTTP 502"))],
            WatchResult(End.TIMED_OUT, "not seen to end; the last looks failed: HTTP 502"),
            id="nor-when-it-is-out-of-sight",
        ),
        pytest.param(
            [(97, held(Phase.FAILED, reason="exit 1")), (100, PollFailed("HTTP 502"))],
            WatchResult(End.FAILED, "exit 1"),
            id="an-end-that-was-seen-is-not-lost-in-a-failed-last-look",
        ),
        pytest.param(
            [(97, held(Phase.SUCCEEDED)), (100, PollFailed("HTTP 502"))],
            WatchResult(End.SUCCEEDED),
            id="nor-is-success",
        ),
    ],
)
def test_an_end_is_looked_at_until_it_is_settled(
    looks: list[tuple[float, Observation]], ending: WatchResult | None
) -> None:
    assert ended(looks) == ending


@pytest.mark.parametrize(
    ("looks", "ending"),
    [
        pytest.param(
            [(5, replace(UP, stable_for=0))],
            WatchResult(End.SUCCEEDED),
            id="what-needs-no-time-is-believed-at-once",
        ),
        pytest.param([(5, UP), (64.9, UP)], None, id="not-before-its-seconds-are-over"),
        pytest.param([(5, UP), (65, UP)], WatchResult(End.SUCCEEDED), id="when-they-are-over"),
        pytest.param(
            [(5, UP), (30, PollFailed("HTTP 502")), (65, UP)],
            WatchResult(End.SUCCEEDED),
            id="a-failed-look-is-no-break",
        ),
        pytest.param([(5, UP), (60, STARTING), (62, UP), (65, UP)], None, id="a-break-begins-it-anew"),
        pytest.param([(5, UP), (60, DOWN), (62, UP), (65, UP)], None, id="whatever-the-break-is"),
        pytest.param(
            [(5, UP), (20, STARTING), (22, UP), (82, UP)],
            WatchResult(End.SUCCEEDED),
            id="anew-means-all-its-seconds",
        ),
        pytest.param(
            [(5, DOWN), (65, DOWN)], WatchResult(End.FAILED, DOWN.reason), id="a-bad-end-like-any-other"
        ),
        pytest.param(
            [(40, DOWN), (100, DOWN)],
            WatchResult(End.FAILED, DOWN.reason),
            id="its-seconds-are-over-at-the-deadline",
        ),
        pytest.param(
            [(5, UP), (7, AccessDenied("revoked"))],
            WatchResult(End.ACCESS_DENIED, "revoked"),
            id="barred-before-they-are-over",
        ),
        pytest.param(
            [(95, STARTING), (100, STARTING)], WatchResult(End.TIMED_OUT, STARTING.reason), id="nothing-clear"
        ),
    ],
)
def test_an_end_that_may_still_turn_is_believed_after_its_seconds(
    looks: list[tuple[float, Observation]], ending: WatchResult | None
) -> None:
    assert ended(looks) == ending


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([(100, UP)], id="seen-at-the-deadline"),
        pytest.param([(50, UP), (100, UP)], id="up-before-it"),
        pytest.param([(50, DOWN), (100, DOWN)], id="down-before-it"),
        pytest.param([(50, UP), (100, PollFailed("HTTP 502"))], id="out-of-sight-at-the-deadline"),
        pytest.param([(50, UP), (107, PollFailed("HTTP 502"))], id="and-after-it"),
    ],
)
def test_the_deadline_cuts_nothing_short_that_may_still_turn(looks: list[tuple[float, Observation]]) -> None:
    ending = ended(looks)
    assert ending is not None
    assert ending.end is End.TIMED_OUT


@pytest.mark.parametrize("last", [UP, DOWN], ids=["up", "down"])
def test_what_did_not_last_long_enough_is_told_as_what_it_was(last: Snapshot) -> None:
    """With its own reason, and not without any."""
    ending = ended([(90, last), (100, last)])
    assert ending == WatchResult(
        End.TIMED_OUT, last.reason or f"its status was {last.raw_status}, too short to be believed"
    )
    assert last.raw_status in ending.reason
