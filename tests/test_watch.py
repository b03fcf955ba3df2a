"""Every rule about when a deployment is over, and what comes next: a row for each rule and each of its edges (architecture 4)."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.model import (
    AccessDenied,
    Certainty,
    DeploymentDetails,
    Entry,
    Event,
    Handle,
    LogLines,
    LogUnavailable,
    Observation,
    Outcome,
    Owner,
    Phase,
    PhaseChanged,
    PollFailed,
    PollFailing,
    PollRecovered,
    Snapshot,
    Stage,
    TargetWarning,
)
from deployer.watch import (
    LAST_CHECK_INCONCLUSIVE,
    NO_EVIDENCE,
    SITE_RESPONDS,
    Checks,
    End,
    NextStage,
    NextStep,
    QueueFull,
    Retrigger,
    RollBack,
    Verdict,
    Watch,
    WatchResult,
    connect_retry_delay,
    new_entries,
    next_step,
    observe,
    poll_delay,
)

# The same examples in every run: a test that fails only now and then is read by nobody.
thoroughly = settings(derandomize=True, database=None, deadline=None, max_examples=300)

HANDLE = Handle("web", "web-1")
BEGAN, DEADLINE = 1000.0, 1100.0
FRESH = Watch(HANDLE, began=BEGAN, deadline=DEADLINE)

QUEUED, RUNNING, UNKNOWN = Snapshot(Phase.QUEUED), Snapshot(Phase.RUNNING), Snapshot(Phase.UNKNOWN)
DONE, BROKEN, GONE = Snapshot(Phase.SUCCEEDED), Snapshot(Phase.FAILED), Snapshot(Phase.ABSENT)
ONE, TWO, THREE, FOUR = (Entry(key, f"line {key}") for key in "1234")


def moved(*phases: Phase) -> list[Event]:
    return [PhaseChanged("web", phase, "") for phase in phases]


def played(looks: list[tuple[float, Observation]], watch: Watch = FRESH) -> tuple[Watch, list[Event]]:
    """What a row of looks makes of a watch. The times are seconds since it began."""
    told: list[Event] = []
    for after_seconds, observation in looks:
        assert watch.result is None, "an ended watch is not looked at"
        watch, events = observe(watch, observation, BEGAN + after_seconds)
        told += events
    return watch, told


def ended(looks: list[tuple[float, Observation]]) -> WatchResult | None:
    return played(looks)[0].result


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


GOES_ON = "the deployment continues on the server, but its status can't be read any more: revoked"


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


def held(phase: Phase, hold: float = 10, reason: str = "") -> Snapshot:
    return Snapshot(phase, stable_for=hold, reason=reason)


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


UP = Snapshot(Phase.SUCCEEDED, "running:healthy", stable_for=60, final=False)
DOWN = Snapshot(
    Phase.FAILED, "exited:unhealthy", stable_for=60, final=False, reason="it does not run: exited:unhealthy"
)
STARTING = Snapshot(Phase.RUNNING, "starting:unknown", reason="its status was still starting:unknown")


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


# --- Architecture, rule 5: every entry of the log once, in order


@pytest.mark.parametrize(
    ("logs", "shown"),
    [
        pytest.param([()], [], id="empty"),
        pytest.param([(ONE,)], [(ONE,)], id="one"),
        pytest.param(
            [(ONE,), (ONE, TWO), (ONE, TWO, THREE, FOUR)], [(ONE,), (TWO,), (THREE, FOUR)], id="growing"
        ),
        pytest.param([(ONE,), (ONE,)], [(ONE,)], id="nothing-new"),
        pytest.param([(ONE, TWO, THREE), (THREE,), (THREE, FOUR)], [(ONE, TWO, THREE), (FOUR,)], id="shrunk"),
        pytest.param([(ONE, TWO), ()], [(ONE, TWO)], id="emptied"),
        pytest.param([(ONE, TWO), (), (ONE, TWO, THREE)], [(ONE, TWO), (THREE,)], id="emptied-and-back"),
        pytest.param([(ONE, TWO), (TWO, THREE, ONE)], [(ONE, TWO), (THREE,)], id="re-ordered"),
        pytest.param([(ONE, TWO), (THREE, ONE, TWO)], [(ONE, TWO), (THREE,)], id="a-late-entry-at-the-front"),
        pytest.param(
            [(ONE, TWO), (THREE, FOUR)],
            [(ONE, TWO), (THREE, FOUR)],
            id="replaced-with-another-of-the-same-length",
        ),
        pytest.param(
            [(ONE, TWO, THREE), (ONE, FOUR)], [(ONE, TWO, THREE), (FOUR,)], id="replaced-with-a-shorter-one"
        ),
        pytest.param([(ONE, ONE)], [(ONE, ONE)], id="identical-entries-are-two"),
        pytest.param([(ONE,), (ONE, ONE)], [(ONE,), (ONE,)], id="the-second-identical-one-comes-later"),
        pytest.param(
            [(ONE, TWO, ONE), (ONE, ONE, TWO), (ONE,), (ONE, TWO, ONE, ONE)],
            [(ONE, TWO, ONE), (ONE,)],
            id="identical-thrice",
        ),
        pytest.param(
            [(replace(ONE, hidden=True),), (replace(ONE, hidden=True), TWO)],
            [(replace(ONE, hidden=True),), (TWO,)],
            id="hidden-ones-like-any-other",
        ),
        pytest.param(
            [(ONE, Entry("2", "one text")), (ONE, Entry("2", "another"))],
            [(ONE, Entry("2", "one text"))],
            id="known-by-its-key",
        ),
    ],
)
def test_every_entry_is_told_once_and_in_order(
    logs: list[tuple[Entry, ...]], shown: list[tuple[Entry, ...]]
) -> None:
    _, events = played([(5 + number, replace(RUNNING, log=log)) for number, log in enumerate(logs)])
    assert events == [*moved(Phase.RUNNING), *(LogLines("web", entries) for entries in shown)]


@thoroughly
@given(logs=st.lists(st.lists(st.sampled_from([ONE, TWO, THREE]), max_size=6).map(tuple), max_size=8))
def test_whatever_the_server_does_to_its_list_every_entry_is_shown_once(
    logs: list[tuple[Entry, ...]],
) -> None:
    seen: frozenset[tuple[object, int]] = frozenset()
    shown: list[Entry] = []
    for log in logs:
        fresh, seen = new_entries(log, seen)
        rest = iter(log)
        assert all(entry in rest for entry in fresh), "in the order of the list"
        shown += fresh
    most: Counter[object] = Counter()
    for log in logs:
        most |= Counter(entry.key for entry in log)
    assert Counter(entry.key for entry in shown) == most
    assert seen == {(key, nth) for key, count in most.items() for nth in range(count)}


@pytest.mark.parametrize(
    ("looks", "events"),
    [
        pytest.param(
            [
                (5, replace(RUNNING, log=None)),
                (6, replace(RUNNING, log=None)),
                (7, replace(QUEUED, log=None)),
            ],
            [*moved(Phase.RUNNING), LogUnavailable("web"), *moved(Phase.QUEUED)],
            id="unreadable-is-told-once",
        ),
        pytest.param([(5, replace(RUNNING, log=()))], moved(Phase.RUNNING), id="empty-is-not-unreadable"),
        pytest.param(
            [
                (5, replace(RUNNING, log=(ONE,))),
                (6, replace(RUNNING, log=None)),
                (7, replace(RUNNING, log=(ONE, TWO))),
            ],
            [*moved(Phase.RUNNING), LogLines("web", (ONE,)), LogUnavailable("web"), LogLines("web", (TWO,))],
            id="readable-again-goes-on-where-it-was",
        ),
        pytest.param(
            [
                (5, replace(RUNNING, raw_status="0 of 2")),
                (6, replace(RUNNING, raw_status="1 of 2")),
                (7, replace(RUNNING, raw_status="1 of 2")),
            ],
            [
                PhaseChanged("web", Phase.RUNNING, "0 of 2"),
                PhaseChanged("web", Phase.RUNNING, "1 of 2", same=True),
            ],
            id="other-words-for-the-same-phase-are-known",
        ),
        pytest.param(
            [
                (5, replace(RUNNING, raw_status="1 of 2")),
                (6, PollFailed("HTTP 502")),
                (7, replace(RUNNING, raw_status="1 of 2")),
            ],
            [
                PhaseChanged("web", Phase.RUNNING, "1 of 2"),
                PollFailing("web", "HTTP 502"),
                PollRecovered("web", 1),
            ],
            id="the-same-words-after-a-failed-look-are-no-news",
        ),
        pytest.param(
            [(5, replace(RUNNING, link="https://x", commit="abc", server="s"))] * 2,
            [DeploymentDetails("web", "https://x", "abc", "s"), PhaseChanged("web", Phase.RUNNING, "", "s")],
            id="facts-are-told-once",
        ),
        pytest.param(
            [(5, replace(RUNNING, link="https://x")), (6, replace(RUNNING, link="https://x", commit="abc"))],
            [
                DeploymentDetails("web", "https://x", "", ""),
                *moved(Phase.RUNNING),
                DeploymentDetails("web", "https://x", "abc", ""),
            ],
            id="again-when-there-is-more-of-them",
        ),
        pytest.param(
            [(5, replace(RUNNING, commit="abc"))],
            [DeploymentDetails("web", "", "abc", ""), *moved(Phase.RUNNING)],
            id="a-commit-is-enough",
        ),
        pytest.param(
            [(5, replace(RUNNING, server="s"))],
            [DeploymentDetails("web", "", "", "s"), PhaseChanged("web", Phase.RUNNING, "", "s")],
            id="so-is-a-server",
        ),
        pytest.param(
            [(5, replace(RUNNING, link="https://x")), (6, RUNNING), (7, replace(RUNNING, link="https://x"))],
            [DeploymentDetails("web", "https://x", "", ""), *moved(Phase.RUNNING)],
            id="what-is-known-stays-known",
        ),
        pytest.param(
            [
                (5, PollFailed("HTTP 502")),
                (6, Snapshot(Phase.RUNNING, "in_progress", log=(ONE,), link="https://x", warnings=("odd",))),
            ],
            [
                PollFailing("web", "HTTP 502"),
                PollRecovered("web", 1),
                DeploymentDetails("web", "https://x", "", ""),
                PhaseChanged("web", Phase.RUNNING, "in_progress"),
                LogLines("web", (ONE,)),
                TargetWarning("web", "odd"),
            ],
            id="the-order-within-one-look",
        ),
    ],
)
def test_what_is_known_is_told_once(looks: list[tuple[float, Observation]], events: list[Event]) -> None:
    assert played(looks)[1] == events


def test_every_line_of_an_additional_server_names_it_and_its_leg() -> None:
    seen = Snapshot(Phase.RUNNING, "in_progress", log=(ONE,), link="https://x", server="berlin")
    assert played([(5, seen)], replace(FRESH, stage=Stage.ADDITIONAL_SERVERS))[1] == [
        DeploymentDetails("web", "https://x", "", "berlin", Stage.ADDITIONAL_SERVERS),
        PhaseChanged("web", Phase.RUNNING, "in_progress", "berlin", Stage.ADDITIONAL_SERVERS),
        LogLines("web", (ONE,), "berlin"),
    ]


@pytest.mark.parametrize("log", [(ONE,), None], ids=["readable", "unreadable"])
def test_nobody_asked_for_the_log_of_what_is_only_to_be_cancelled(log: tuple[Entry, ...] | None) -> None:
    assert played([(5, replace(RUNNING, log=log))], replace(FRESH, stage=Stage.CANCELLATION))[1] == [
        PhaseChanged("web", Phase.RUNNING, "", stage=Stage.CANCELLATION)
    ]


# --- Architecture, rule 5, where lines of several machines arrive out of their order


def line(second: float, name: str = "") -> Entry:
    return Entry((second, name), f"line {second}{name}", written=int((1_700_000_000 + second) * 1e9))


def lines_shown(looks: list[tuple[float, Observation]]) -> list[tuple[str, ...]]:
    _, told = played(looks)
    return [
        tuple(entry.text.removeprefix("line ") for entry in event.entries)
        for event in told
        if isinstance(event, LogLines)
    ]


def reads(*entries: Entry) -> Snapshot:
    return replace(RUNNING, log=entries)


@pytest.mark.parametrize(
    ("looks", "shown"),
    [
        pytest.param([(5, reads(line(1)))], [], id="the-newest-is-held-back"),
        pytest.param([(5, reads(line(1))), (6.9, reads())], [], id="not-for-less-than-two-seconds"),
        pytest.param([(5, reads(line(1))), (7, reads())], [("1",)], id="for-two-seconds"),
        pytest.param(
            [(5, reads(line(1), line(2), line(3)))],
            [("1",)],
            id="what-is-two-seconds-older-than-the-newest-is-shown",
        ),
        pytest.param(
            [(5, reads(line(1), line(2))), (6, reads(line(1.5))), (8, reads())],
            [("1", "1.5", "2")],
            id="a-late-line-finds-its-place",
        ),
        pytest.param(
            [(5, reads(line(1), line(2))), (7, reads(line(1.5)))],
            [("1", "1.5", "2")],
            id="also-in-the-look-that-shows-the-others",
        ),
        pytest.param(
            [(5, reads(line(1))), (7, reads()), (8, reads(line(0.5))), (10, reads())],
            [("1",), ("0.5",)],
            id="too-late-is-late",
        ),
        pytest.param(
            [(5, reads(line(1, "b"), line(1, "a"))), (7, reads())],
            [("1b", "1a")],
            id="of-one-moment-as-they-came",
        ),
        pytest.param(
            [(5, replace(DONE, log=(line(2), line(1))))], [("1", "2")], id="the-end-shows-what-was-held-back"
        ),
        pytest.param(
            [(99, reads(line(1))), (100, PollFailed("HTTP 502"))], [("1",)], id="and-so-does-the-deadline"
        ),
        pytest.param([(5, reads(line(1))), (6, AccessDenied("revoked"))], [("1",)], id="and-what-bars-us"),
        pytest.param(
            [(5, replace(RUNNING, log=(ONE, TWO)))],
            [("1", "2")],
            id="what-is-in-order-by-itself-is-shown-at-once",
        ),
    ],
)
def test_lines_that_arrive_late_keep_their_order(
    looks: list[tuple[float, Observation]], shown: list[tuple[str, ...]]
) -> None:
    assert lines_shown(looks) == shown


@thoroughly
@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0, 2)), max_size=30),
    st.lists(st.floats(0.1, 3), min_size=10, max_size=30),
)
def test_lines_that_are_at_most_two_seconds_late_are_all_shown_once_in_their_order(
    written: list[tuple[float, float]], pauses: list[float]
) -> None:
    """Whatever the pace of the looks: each sees what has arrived since the one before."""
    entries = [
        (second + late, line(round(second, 3), f"-{number}")) for number, (second, late) in enumerate(written)
    ]
    looks: list[tuple[float, Observation]] = []
    at = 0.0
    for pause_ in pauses:
        looks.append(
            (at + pause_, reads(*(entry for arrived, entry in entries if at <= arrived < at + pause_)))
        )
        at += pause_
    looks.append((at + 99, replace(DONE, log=tuple(entry for arrived, entry in entries if arrived >= at))))
    _, told = played(looks, replace(FRESH, deadline=BEGAN + 1000))
    listed = [entry for event in told if isinstance(event, LogLines) for entry in event.entries]
    assert sorted(entry.text for entry in listed) == sorted(entry.text for _, entry in entries)
    assert [entry.written for entry in listed] == sorted(entry.written for entry in listed)


# --- Architecture, rules 3, 6 and 7: what an ending means for the target

SURE, DOUBTFUL, PHANTOM, LISTED = (
    Handle("web", "web-1", trust)
    for trust in (Certainty.CONFIRMED, Certainty.UNCONFIRMED, Certainty.PHANTOM, Certainty.POSSIBLY_PHANTOM)
)
ADOPTED = Handle("web", "web-1", owner=Owner.OTHERS)
PERHAPS_OURS = replace(ADOPTED, owner=Owner.UNSURE)
REAL = (Handle("web", "web-2", owner=Owner.OTHERS),)
OTHERS = (Handle("web", "web-2"), Handle("web", "web-3"))
PROOF = Handle("web", "", condition="healthy")
SOMEBODY = "the deployment that we followed was cancelled by somebody else"
FINE = Verdict(Outcome.FINISHED, "")
PROVABLE = Verdict(Outcome.FINISHED, "", PROOF)
LATE = "it was still being built or started"
ENDED_BEFORE = "0 cancelled, 1 ended by itself"


def over(
    last: Observation, *, handle: Handle = SURE, before: list[tuple[float, Observation]] | None = None
) -> Watch:
    """A watch that has come to its end by a look at the deadline."""
    return played([*(before or []), (100, last)], replace(FRESH, handle=handle))[0]


def on(server: str, last: Snapshot) -> Watch:
    """The watch of an additional server's deployment."""
    return over(replace(last, server=server))


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(DONE, FINE, id="succeeded"),
        pytest.param(
            Snapshot(Phase.UNVERIFIED, reason="skipped"),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            id="unproven",
        ),
        pytest.param(replace(BROKEN, reason="exit 1"), Verdict(Outcome.FAILED, "exit 1"), id="failed"),
        pytest.param(
            Snapshot(Phase.CANCELLED, reason="by a user"),
            Verdict(Outcome.CANCELLED, "by a user"),
            id="cancelled",
        ),
        pytest.param(replace(GONE, reason="no row"), Verdict(Outcome.LOST, "no row"), id="gone"),
        pytest.param(AccessDenied("revoked"), Verdict(Outcome.LOST, "revoked"), id="barred"),
        pytest.param(RUNNING, Verdict(Outcome.TIMED_OUT, LATE), id="late"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_a_deployment_s_end_has_one_name(last: Observation, final: Verdict, strict: bool) -> None:
    assert next_step(Stage.DEPLOYMENT, (over(last),), repeated=False, aims=Checks(strict=strict)) == final


@pytest.mark.parametrize(
    ("watch", "repeated", "then"),
    [
        pytest.param(
            over(replace(GONE, reason="no row")),
            False,
            Verdict(Outcome.LOST, "no row"),
            id="sure-and-never-seen",
        ),
        pytest.param(
            over(replace(GONE, reason="no row"), before=[(5, replace(RUNNING, link="https://x"))]),
            False,
            Verdict(Outcome.LOST, "no row"),
            id="sure-and-seen-before",
        ),
        pytest.param(
            over(replace(GONE, reason="full queue"), handle=DOUBTFUL),
            False,
            QueueFull(60, "full queue"),
            id="doubtful-and-never-seen",
        ),
        pytest.param(
            over(replace(GONE, reason="full queue"), handle=DOUBTFUL),
            True,
            QueueFull(60, "full queue"),
            id="doubtful-and-never-seen-as-often-as-it-takes",
        ),
        pytest.param(
            over(replace(GONE, reason="full queue"), handle=DOUBTFUL, before=[(5, PollFailed("HTTP 502"))]),
            False,
            QueueFull(60, "full queue"),
            id="doubtful-and-only-failed-looks",
        ),
        pytest.param(
            over(GONE, handle=DOUBTFUL, before=[(5, replace(RUNNING, link="https://x"))]),
            False,
            Verdict(Outcome.LOST, ""),
            id="doubtful-and-seen-before",
        ),
        pytest.param(
            over(GONE, handle=DOUBTFUL, before=[(5, RUNNING)]),
            False,
            Verdict(Outcome.LOST, ""),
            id="doubtful-and-seen-before-without-any-fact",
        ),
        pytest.param(over(DONE, handle=DOUBTFUL), False, FINE, id="doubtful-and-there"),
        pytest.param(
            over(AccessDenied("revoked"), handle=DOUBTFUL),
            False,
            Verdict(Outcome.LOST, "revoked"),
            id="doubtful-and-barred",
        ),
        pytest.param(
            over(replace(GONE, reason="none any more"), handle=PHANTOM),
            False,
            Retrigger("none any more"),
            id="phantom-of-nothing",
        ),
        pytest.param(
            over(replace(GONE, reason="none any more"), handle=PHANTOM),
            True,
            Verdict(Outcome.LOST, "none any more"),
            id="phantom-of-nothing-again",
        ),
        pytest.param(
            over(replace(GONE, follow_ups=REAL), handle=PHANTOM),
            False,
            NextStage(Stage.DEPLOYMENT, REAL, DEADLINE),
            id="phantom-of-another-s",
        ),
        pytest.param(
            over(replace(GONE, follow_ups=REAL), handle=PHANTOM),
            True,
            NextStage(Stage.DEPLOYMENT, REAL, DEADLINE),
            id="phantom-of-another-s-again",
        ),
        pytest.param(
            over(replace(GONE, follow_ups=REAL), handle=LISTED),
            False,
            NextStage(Stage.DEPLOYMENT, REAL, DEADLINE),
            id="listed-another-s",
        ),
        pytest.param(
            over(replace(GONE, reason="none any more"), handle=LISTED),
            False,
            Retrigger("none any more"),
            id="listed-phantom-of-nothing",
        ),
        pytest.param(
            over(replace(GONE, reason="none any more"), handle=LISTED),
            True,
            Verdict(Outcome.LOST, "none any more"),
            id="listed-phantom-of-nothing-again",
        ),
        pytest.param(
            over(replace(GONE, reason="no row"), handle=LISTED, before=[(5, RUNNING)]),
            False,
            Verdict(Outcome.LOST, "no row"),
            id="listed-and-seen-before",
        ),
        pytest.param(
            over(replace(GONE, follow_ups=REAL, reason="no row"), handle=LISTED, before=[(5, RUNNING)]),
            False,
            Verdict(Outcome.LOST, "no row"),
            id="listed-and-seen-before-is-not-replaced-by-another-s",
        ),
        pytest.param(over(DONE, handle=LISTED), False, FINE, id="listed-and-there"),
        pytest.param(
            over(Snapshot(Phase.CANCELLED), handle=LISTED),
            False,
            Verdict(Outcome.CANCELLED, ""),
            id="listed-and-cancelled",
        ),
        pytest.param(
            over(Snapshot(Phase.CANCELLED), handle=ADOPTED),
            False,
            Retrigger(SOMEBODY),
            id="adopted-and-cancelled",
        ),
        pytest.param(
            over(Snapshot(Phase.CANCELLED, reason="by a user"), handle=ADOPTED),
            True,
            Verdict(Outcome.CANCELLED, "by a user"),
            id="adopted-and-cancelled-again",
        ),
        pytest.param(
            over(replace(BROKEN, reason="exit 1"), handle=ADOPTED),
            False,
            Verdict(Outcome.FAILED, "exit 1"),
            id="adopted-failed",
        ),
        pytest.param(
            over(Snapshot(Phase.CANCELLED, reason="by a user"), handle=PERHAPS_OURS),
            False,
            Verdict(Outcome.CANCELLED, "by a user"),
            id="perhaps-ours-and-cancelled",
        ),
        pytest.param(over(DONE, handle=ADOPTED), False, FINE, id="adopted-succeeded"),
        pytest.param(
            over(Snapshot(Phase.CANCELLED)), False, Verdict(Outcome.CANCELLED, ""), id="ours-and-cancelled"
        ),
        pytest.param(
            over(replace(DONE, follow_ups=OTHERS)),
            False,
            NextStage(Stage.ADDITIONAL_SERVERS, OTHERS, DEADLINE, FINE),
            id="succeeded-with-others",
        ),
        pytest.param(
            over(replace(DONE, follow_ups=OTHERS)),
            True,
            NextStage(Stage.ADDITIONAL_SERVERS, OTHERS, DEADLINE, FINE),
            id="also-when-repeated",
        ),
        pytest.param(
            over(replace(DONE, follow_ups=OTHERS, health_check=PROOF)),
            False,
            NextStage(Stage.ADDITIONAL_SERVERS, OTHERS, DEADLINE, PROVABLE),
            id="the-others-come-before-the-proof",
        ),
        pytest.param(
            over(Snapshot(Phase.UNVERIFIED, follow_ups=OTHERS, reason="skipped")),
            False,
            NextStage(Stage.ADDITIONAL_SERVERS, OTHERS, DEADLINE, Verdict(Outcome.UNVERIFIED, "skipped")),
            id="unproven-with-others",
        ),
        pytest.param(
            over(replace(BROKEN, follow_ups=OTHERS)),
            False,
            Verdict(Outcome.FAILED, ""),
            id="failed-with-others",
        ),
        pytest.param(
            over(AccessDenied("revoked"), before=[(5, replace(RUNNING, follow_ups=OTHERS))]),
            False,
            Verdict(Outcome.LOST, GOES_ON),
            id="lost-with-others",
        ),
        pytest.param(
            over(replace(DONE, health_check=PROOF)),
            False,
            NextStage(Stage.HEALTH, (PROOF,), DEADLINE, PROVABLE),
            id="succeeded-with-a-proof",
        ),
        pytest.param(
            over(
                replace(DONE, health_check=PROOF),
                before=[(93, replace(DONE, health_check=PROOF, stable_for=20))],
            ),
            False,
            NextStage(Stage.HEALTH, (PROOF,), BEGAN + 93, PROVABLE),
            id="from-when-the-end-was-seen-not-from-when-it-was-settled",
        ),
        pytest.param(
            over(Snapshot(Phase.UNVERIFIED, reason="skipped", health_check=PROOF)),
            False,
            Verdict(Outcome.UNVERIFIED, "skipped", PROOF),
            id="unproven-is-not-proved-by-its-health",
        ),
        pytest.param(
            over(replace(BROKEN, health_check=PROOF)),
            False,
            Verdict(Outcome.FAILED, "", PROOF),
            id="nor-is-a-failure",
        ),
    ],
)
def test_what_comes_after_the_deployment(watch: Watch, repeated: bool, then: NextStep) -> None:
    assert next_step(Stage.DEPLOYMENT, (watch,), repeated=repeated) == then


HERE = "on the additional server berlin: "


@pytest.mark.parametrize(
    ("watches", "so_far", "then"),
    [
        pytest.param((on("berlin", DONE),), FINE, FINE, id="succeeded"),
        pytest.param(
            (on("berlin", replace(BROKEN, reason="exit 1")),),
            FINE,
            Verdict(Outcome.FAILED, f"{HERE}exit 1"),
            id="failed",
        ),
        pytest.param(
            (on("berlin", BROKEN),),
            FINE,
            Verdict(Outcome.FAILED, f"{HERE}failed"),
            id="failed-without-a-reason",
        ),
        pytest.param(
            (on("berlin", Snapshot(Phase.UNVERIFIED, reason="skipped")),),
            FINE,
            Verdict(Outcome.UNVERIFIED, f"{HERE}skipped"),
            id="unproven",
        ),
        pytest.param(
            (on("berlin", Snapshot(Phase.CANCELLED, reason="by a user")),),
            FINE,
            Verdict(Outcome.CANCELLED, f"{HERE}by a user"),
            id="cancelled",
        ),
        pytest.param((on("berlin", RUNNING),), FINE, Verdict(Outcome.TIMED_OUT, f"{HERE}{LATE}"), id="late"),
        pytest.param(
            (over(replace(GONE, reason="no row"), before=[(5, replace(RUNNING, server="berlin"))]),),
            FINE,
            Verdict(Outcome.LOST, f"{HERE}no row"),
            id="gone",
        ),
        pytest.param(
            (over(AccessDenied("revoked"), handle=Handle("web", "web-2", server="berlin")),),
            FINE,
            Verdict(Outcome.LOST, f"{HERE}revoked"),
            id="never-seen-but-known-to-be-there",
        ),
        pytest.param(
            (on("berlin", replace(BROKEN, reason="exit 1", link="https://x")),),
            FINE,
            Verdict(Outcome.FAILED, "on the additional server berlin (https://x): exit 1"),
            id="with-the-page-of-its-deployment",
        ),
        pytest.param(
            (on("paris", DONE), on("berlin", replace(BROKEN, reason="exit 1"))),
            FINE,
            Verdict(Outcome.FAILED, f"{HERE}exit 1"),
            id="the-worst-of-several",
        ),
        pytest.param(
            (
                on("paris", RUNNING),
                on("berlin", replace(BROKEN, reason="one")),
                on("paris", replace(BROKEN, reason="two")),
            ),
            FINE,
            Verdict(Outcome.FAILED, f"{HERE}one"),
            id="the-first-of-the-worst-speaks",
        ),
        pytest.param(
            (on("berlin", DONE),),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            id="what-was-unproven-stays-so",
        ),
        pytest.param(
            (on("berlin", replace(BROKEN, reason="exit 1")),),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            Verdict(Outcome.FAILED, f"{HERE}exit 1"),
            id="unless-another-one-is-worse",
        ),
        pytest.param(
            (on("berlin", RUNNING),),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            id="and-not-when-it-is-better",
        ),
        pytest.param(
            (on("berlin", replace(DONE, follow_ups=REAL)),), FINE, FINE, id="others-of-others-are-none"
        ),
        pytest.param(
            (over(replace(GONE, follow_ups=REAL, server="berlin"), handle=PHANTOM),),
            FINE,
            Verdict(Outcome.LOST, f"{HERE}lost"),
            id="nothing-is-looked-for",
        ),
        pytest.param(
            (over(replace(GONE, server="berlin"), handle=DOUBTFUL),),
            FINE,
            Verdict(Outcome.LOST, f"{HERE}lost"),
            id="nothing-waits",
        ),
        pytest.param(
            (on("paris", DONE), over(replace(GONE, server="berlin"), handle=PHANTOM)),
            FINE,
            Verdict(Outcome.LOST, f"{HERE}lost"),
            id="a-phantom-counts-there",
        ),
        pytest.param(
            (over(Snapshot(Phase.CANCELLED, server="berlin"), handle=ADOPTED),),
            FINE,
            Verdict(Outcome.CANCELLED, f"{HERE}cancelled"),
            id="nothing-is-triggered-again",
        ),
        pytest.param(
            (on("berlin", DONE),),
            PROVABLE,
            NextStage(Stage.HEALTH, (PROOF,), DEADLINE, PROVABLE),
            id="then-comes-the-proof",
        ),
        pytest.param(
            (on("berlin", replace(DONE, health_check=PROOF)),),
            FINE,
            NextStage(Stage.HEALTH, (PROOF,), DEADLINE, PROVABLE),
            id="whoever-names-it",
        ),
        pytest.param(
            (
                over(replace(DONE, health_check=PROOF), before=[(50, replace(DONE, stable_for=99))]),
                over(replace(DONE, health_check=PROOF), before=[(70, replace(DONE, stable_for=99))]),
            ),
            PROVABLE,
            NextStage(Stage.HEALTH, (PROOF,), BEGAN + 70, PROVABLE),
            id="from-when-the-last-end-was-seen",
        ),
        pytest.param(
            (on("berlin", replace(BROKEN, reason="exit 1")),),
            PROVABLE,
            Verdict(Outcome.FAILED, f"{HERE}exit 1", PROOF),
            id="not-after-a-failure",
        ),
        pytest.param(
            (on("berlin", DONE),),
            Verdict(Outcome.UNVERIFIED, "skipped", PROOF),
            Verdict(Outcome.UNVERIFIED, "skipped", PROOF),
            id="nor-after-what-was-unproven",
        ),
    ],
)
def test_the_worst_of_all_servers_counts_and_is_named(
    watches: tuple[Watch, ...], so_far: Verdict, then: NextStep
) -> None:
    assert next_step(Stage.ADDITIONAL_SERVERS, watches, repeated=False, so_far=so_far) == then


UNCHANGED = Snapshot(Phase.SUCCEEDED, "running:healthy", unseen="its status was not seen to change")


@pytest.mark.parametrize(
    ("aims", "then"),
    [
        pytest.param(Checks(), Verdict(Outcome.FINISHED, "", unseen=UNCHANGED.unseen), id="a-warning"),
        pytest.param(
            Checks(strict=True),
            Verdict(Outcome.UNVERIFIED, UNCHANGED.unseen),
            id="no-proof-where-one-was-asked-for",
        ),
        pytest.param(
            Checks(strict=True, site=True),
            Verdict(Outcome.UNVERIFIED, UNCHANGED.unseen),
            id="whatever-the-site-says",
        ),
        pytest.param(
            Checks(site=True),
            NextStage(
                Stage.VERIFY,
                (Handle("web", "", condition=SITE_RESPONDS),),
                DEADLINE,
                Verdict(Outcome.FINISHED, "", unseen=UNCHANGED.unseen),
            ),
            id="the-site-is-asked",
        ),
    ],
)
def test_what_could_not_be_seen_of_a_good_end_is_told(aims: Checks, then: NextStep) -> None:
    assert next_step(Stage.DEPLOYMENT, (over(UNCHANGED),), repeated=False, aims=aims) == then


def test_what_could_not_be_seen_is_told_after_a_site_that_answers_too() -> None:
    """The old containers may be the ones that answer."""
    so_far = Verdict(Outcome.FINISHED, "", warning="of another proof", unseen=UNCHANGED.unseen)
    then = next_step(Stage.VERIFY, (over(DONE),), repeated=False, so_far=so_far)
    assert then == Verdict(Outcome.FINISHED, "", unseen=UNCHANGED.unseen)


STUCK = Snapshot(Phase.STUCK, "queued", stable_for=10, final=False, reason="nothing will start it")


@pytest.mark.parametrize(
    ("handle", "final"),
    [
        pytest.param(ADOPTED, Verdict(Outcome.REFUSED, STUCK.reason), id="somebody-else-s"),
        pytest.param(SURE, Verdict(Outcome.LOST, STUCK.reason), id="ours"),
        pytest.param(
            replace(ADOPTED, owner=Owner.UNSURE), Verdict(Outcome.LOST, STUCK.reason), id="perhaps-ours"
        ),
    ],
)
def test_what_nothing_will_start_is_not_waited_for(handle: Handle, final: Verdict) -> None:
    watch, _ = played([(5, QUEUED), (6, STUCK), (15.9, STUCK)], replace(FRESH, handle=handle))
    assert watch.result is None
    watch, _ = observe(watch, STUCK, BEGAN + 16)
    assert next_step(Stage.DEPLOYMENT, (watch,), repeated=False) == final


def test_what_is_started_after_all_is_not_stuck() -> None:
    assert ended([(5, STUCK), (10, RUNNING), (16, STUCK), (20, RUNNING), (30, DONE)]) == WatchResult(
        End.SUCCEEDED
    )


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(
            Snapshot(Phase.CANCELLED, reason="by a user"),
            Verdict(Outcome.FINISHED, "1 cancelled"),
            id="cancelled",
        ),
        pytest.param(DONE, Verdict(Outcome.FINISHED, ENDED_BEFORE), id="succeeded"),
        pytest.param(replace(BROKEN, reason="exit 1"), Verdict(Outcome.FINISHED, ENDED_BEFORE), id="failed"),
        pytest.param(
            Snapshot(Phase.UNVERIFIED, reason="skipped"),
            Verdict(Outcome.FINISHED, ENDED_BEFORE),
            id="unproven",
        ),
        pytest.param(replace(GONE, reason="no row"), Verdict(Outcome.FINISHED, ENDED_BEFORE), id="gone"),
        pytest.param(AccessDenied("revoked"), Verdict(Outcome.LOST, "revoked"), id="barred"),
        pytest.param(RUNNING, Verdict(Outcome.TIMED_OUT, LATE), id="late"),
    ],
)
@pytest.mark.parametrize(
    "handle",
    [SURE, ADOPTED, DOUBTFUL, PHANTOM, LISTED],
    ids=["sure", "adopted", "doubtful", "phantom", "listed"],
)
def test_what_was_to_be_cancelled_only_has_to_be_over(
    last: Observation, final: Verdict, handle: Handle
) -> None:
    assert next_step(Stage.CANCELLATION, (over(last, handle=handle),), repeated=False) == final


@pytest.mark.parametrize(
    ("watches", "final"),
    [
        pytest.param(
            (over(Snapshot(Phase.CANCELLED)), over(Snapshot(Phase.CANCELLED))),
            Verdict(Outcome.FINISHED, "2 cancelled"),
            id="all",
        ),
        pytest.param(
            (
                over(Snapshot(Phase.CANCELLED)),
                over(DONE),
                over(replace(DONE, follow_ups=OTHERS, health_check=PROOF)),
            ),
            Verdict(Outcome.FINISHED, "1 cancelled, 2 ended by itself", PROOF),
            id="one-of-three",
        ),
        pytest.param(
            (over(Snapshot(Phase.CANCELLED)), over(RUNNING)),
            Verdict(Outcome.TIMED_OUT, LATE),
            id="one-goes-on",
        ),
    ],
)
def test_of_several_that_were_to_be_cancelled_each_counts(watches: tuple[Watch, ...], final: Verdict) -> None:
    assert next_step(Stage.CANCELLATION, watches, repeated=False) == final


# --- What proves that it runs (architecture 2.2, `verify_health`)


def health(*looks: tuple[float, Observation]) -> Watch:
    return played(list(looks), replace(FRESH, handle=PROOF, stage=Stage.HEALTH))[0]


UNSEEN = "nobody could see whether it runs: "


@pytest.mark.parametrize(
    ("watch", "lenient", "strict"),
    [
        pytest.param(health((10, replace(UP, stable_for=0))), FINE, FINE, id="it-runs"),
        pytest.param(health((10, UP), (70, UP)), FINE, FINE, id="and-goes-on-running"),
        pytest.param(
            health((10, DOWN), (70, DOWN)),
            Verdict(Outcome.UNVERIFIED, DOWN.reason),
            Verdict(Outcome.UNVERIFIED, DOWN.reason),
            id="it-does-not",
        ),
        pytest.param(
            health((10, STARTING), (100, STARTING)),
            replace(FINE, warning=f"deployed, but {UNSEEN}{STARTING.reason}"),
            Verdict(Outcome.UNVERIFIED, f"{UNSEEN}{STARTING.reason}"),
            id="nothing-clear",
        ),
        pytest.param(
            health((100, PollFailed("HTTP 502"))),
            replace(
                FINE,
                warning=f"deployed, but {UNSEEN}no look at it ever worked; the last looks failed: HTTP 502",
            ),
            Verdict(
                Outcome.UNVERIFIED, f"{UNSEEN}no look at it ever worked; the last looks failed: HTTP 502"
            ),
            id="never-seen",
        ),
        pytest.param(
            health((10, UP), (20, AccessDenied("revoked"))),
            replace(FINE, warning=f"deployed, but {UNSEEN}revoked"),
            Verdict(Outcome.UNVERIFIED, f"{UNSEEN}revoked"),
            id="barred",
        ),
        pytest.param(
            health((10, replace(GONE, reason="no row"))),
            replace(FINE, warning=f"deployed, but {UNSEEN}no row"),
            Verdict(Outcome.UNVERIFIED, f"{UNSEEN}no row"),
            id="gone",
        ),
        pytest.param(
            health((10, GONE)),
            replace(FINE, warning=f"deployed, but {UNSEEN}its status said nothing clear in time"),
            Verdict(Outcome.UNVERIFIED, f"{UNSEEN}its status said nothing clear in time"),
            id="gone-without-a-reason",
        ),
    ],
)
def test_only_evidence_is_held_against_what_is_deployed(
    watch: Watch, lenient: Verdict, strict: Verdict
) -> None:
    """No evidence is a warning; it only counts as a failed proof where a proof was asked for."""
    assert next_step(Stage.HEALTH, (watch,), repeated=False, so_far=PROVABLE) == replace(
        lenient, health_check=PROOF
    )
    assert next_step(
        Stage.HEALTH, (watch,), repeated=False, so_far=PROVABLE, aims=Checks(strict=True)
    ) == replace(strict, health_check=PROOF)


# --- whether its site answers

GOOD_ANSWER = Snapshot(Phase.SUCCEEDED, "HTTP 200", stable_for=1, final=False)
BAD_ANSWER = Snapshot(Phase.RUNNING, "HTTP 502", reason="https://web.example.com answered HTTP 502")
WITH_SITE = Checks(site=True)
VISITED = Handle("web", "", condition=SITE_RESPONDS)


@pytest.mark.parametrize(
    ("leg", "watch", "so_far", "then"),
    [
        pytest.param(
            Stage.DEPLOYMENT,
            over(DONE),
            None,
            NextStage(Stage.VERIFY, (VISITED,), DEADLINE, FINE),
            id="from-the-deployment-s-end",
        ),
        pytest.param(
            Stage.DEPLOYMENT,
            over(replace(DONE, health_check=PROOF)),
            None,
            NextStage(Stage.HEALTH, (PROOF,), DEADLINE, PROVABLE),
            id="its-status-first",
        ),
        pytest.param(
            Stage.HEALTH,
            health((10, DONE)),
            PROVABLE,
            NextStage(Stage.VERIFY, (VISITED,), None, PROVABLE),
            id="each-proof-has-its-own-time",
        ),
        pytest.param(
            Stage.DEPLOYMENT,
            over(replace(BROKEN, reason="no")),
            None,
            Verdict(Outcome.FAILED, "no"),
            id="not-of-what-failed",
        ),
    ],
)
def test_a_site_is_asked_after_all_else_went_well(
    leg: Stage, watch: Watch, so_far: Verdict | None, then: NextStep
) -> None:
    assert next_step(leg, (watch,), repeated=False, so_far=so_far, aims=WITH_SITE) == then


@pytest.mark.parametrize(
    ("looks", "ending"),
    [
        pytest.param([(1, GOOD_ANSWER), (2, GOOD_ANSWER)], WatchResult(End.SUCCEEDED), id="two-in-a-row"),
        pytest.param(
            [(1, BAD_ANSWER), (2, GOOD_ANSWER), (3, GOOD_ANSWER)], WatchResult(End.SUCCEEDED), id="late"
        ),
        pytest.param([(1, GOOD_ANSWER), (2, BAD_ANSWER), (3, GOOD_ANSWER)], None, id="not-in-a-row"),
        pytest.param(
            [(1, GOOD_ANSWER), (100, BAD_ANSWER)],
            WatchResult(End.TIMED_OUT, BAD_ANSWER.reason),
            id="bad-at-the-end",
        ),
        pytest.param(
            [(1, BAD_ANSWER), (100, GOOD_ANSWER)],
            WatchResult(
                End.TIMED_OUT,
                "its last answer was good (HTTP 200), but two in a row count, and there was no time for a second",
            ),
            id="good-only-once",
        ),
        pytest.param(
            [(1, BAD_ANSWER), (99.5, GOOD_ANSWER), (101, GOOD_ANSWER)],
            WatchResult(End.SUCCEEDED),
            id="good-at-the-last-moment",
        ),
    ],
)
def test_two_good_answers_in_a_row_are_the_proof(
    looks: list[tuple[float, Observation]], ending: WatchResult | None
) -> None:
    assert played(looks, replace(FRESH, handle=VISITED, stage=Stage.VERIFY))[0].result == ending


# --- Back to what ran before

SAID_BAD = replace(BAD_ANSWER, shows_failure=True)
NO_ANSWER = Snapshot(Phase.RUNNING, "no answer", reason="https://web.example.com: no connection")
GO_BACK = Checks(rollback=True)


def visit(*looks: tuple[float, Observation]) -> Watch:
    return played(list(looks), replace(FRESH, handle=VISITED, stage=Stage.VERIFY))[0]


@pytest.mark.parametrize(
    ("leg", "watch", "then"),
    [
        pytest.param(
            Stage.HEALTH,
            health((10, DOWN), (70, DOWN)),
            RollBack(Verdict(Outcome.UNVERIFIED, DOWN.reason, PROOF)),
            id="it-is-down",
        ),
        pytest.param(
            Stage.VERIFY,
            visit((1, SAID_BAD), (100, SAID_BAD)),
            RollBack(Verdict(Outcome.UNVERIFIED, SAID_BAD.reason, PROOF)),
            id="a-bad-answer",
        ),
        pytest.param(Stage.HEALTH, health((10, replace(UP, stable_for=0))), PROVABLE, id="not-when-it-runs"),
        pytest.param(
            Stage.VERIFY, visit((1, GOOD_ANSWER), (2, GOOD_ANSWER)), PROVABLE, id="not-when-it-answers"
        ),
        pytest.param(
            Stage.VERIFY,
            visit((1, SAID_BAD), (2, GOOD_ANSWER), (3, GOOD_ANSWER)),
            PROVABLE,
            id="not-when-it-answers-late",
        ),
        pytest.param(
            Stage.VERIFY,
            visit((1, SAID_BAD), (100, NO_ANSWER)),
            Verdict(Outcome.UNVERIFIED, NO_ANSWER.reason, PROOF, LAST_CHECK_INCONCLUSIVE),
            id="not-when-nothing-answers-in-the-end",
        ),
        pytest.param(
            Stage.VERIFY,
            visit((1, NO_ANSWER), (100, NO_ANSWER)),
            Verdict(Outcome.UNVERIFIED, NO_ANSWER.reason, PROOF, NO_EVIDENCE),
            id="not-when-nothing-ever-answers",
        ),
        pytest.param(
            Stage.VERIFY,
            visit((1, SAID_BAD), (100, GOOD_ANSWER)),
            Verdict(
                Outcome.UNVERIFIED,
                "its last answer was good (HTTP 200), but two in a row count, and there was no time for a second",
                PROOF,
                LAST_CHECK_INCONCLUSIVE,
            ),
            id="not-when-the-last-answer-was-good",
        ),
        pytest.param(
            Stage.HEALTH,
            health((90, DOWN), (100, DOWN)),
            replace(PROVABLE, warning=f"deployed, but not seen for long enough to be sure: {DOWN.reason}"),
            id="not-when-it-was-down-too-short",
        ),
        pytest.param(
            Stage.HEALTH,
            health((10, STARTING), (100, STARTING)),
            replace(PROVABLE, warning=f"deployed, but {UNSEEN}{STARTING.reason}"),
            id="not-when-nobody-could-tell",
        ),
    ],
)
def test_only_what_was_seen_not_to_run_is_taken_back(leg: Stage, watch: Watch, then: NextStep) -> None:
    assert next_step(leg, (watch,), repeated=False, so_far=PROVABLE, aims=GO_BACK) == then


@pytest.mark.parametrize(
    ("leg", "watch"),
    [
        pytest.param(Stage.HEALTH, health((10, DOWN), (70, DOWN)), id="its-health"),
        pytest.param(Stage.VERIFY, visit((1, SAID_BAD), (100, SAID_BAD)), id="its-site"),
    ],
)
def test_nothing_is_taken_back_unasked_nor_a_second_time(leg: Stage, watch: Watch) -> None:
    assert isinstance(next_step(leg, (watch,), repeated=False, so_far=PROVABLE), Verdict)


@pytest.mark.parametrize(
    ("watch", "warning"),
    [
        pytest.param(health((10, STARTING), (100, STARTING)), NO_EVIDENCE, id="not-clear"),
        pytest.param(health((10, UP), (20, AccessDenied("revoked"))), NO_EVIDENCE, id="barred"),
        pytest.param(health((100, PollFailed("HTTP 502"))), NO_EVIDENCE, id="never-seen"),
    ],
)
def test_that_nobody_could_tell_takes_nothing_back_and_that_is_said(watch: Watch, warning: str) -> None:
    final = next_step(
        Stage.HEALTH, (watch,), repeated=False, so_far=PROVABLE, aims=Checks(strict=True, rollback=True)
    )
    assert isinstance(final, Verdict)
    assert (final.outcome, final.warning) == (Outcome.UNVERIFIED, warning)


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(DONE, FINE, id="succeeded"),
        pytest.param(replace(BROKEN, reason="exit 1"), Verdict(Outcome.FAILED, "exit 1"), id="failed"),
        pytest.param(Snapshot(Phase.CANCELLED), Verdict(Outcome.CANCELLED, ""), id="cancelled"),
        pytest.param(replace(GONE, reason="no row"), Verdict(Outcome.LOST, "no row"), id="gone"),
        pytest.param(RUNNING, Verdict(Outcome.TIMED_OUT, LATE), id="late"),
        pytest.param(
            Snapshot(Phase.UNVERIFIED, reason="its post-deployment command failed"),
            Verdict(Outcome.UNVERIFIED, "its post-deployment command failed", warning=NO_EVIDENCE),
            id="a-command-that-failed-is-no-evidence-and-that-is-said",
        ),
    ],
)
def test_a_deployment_s_own_end_takes_nothing_back(last: Snapshot, final: Verdict) -> None:
    assert next_step(Stage.DEPLOYMENT, (over(last),), repeated=False, aims=GO_BACK) == final


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(replace(BROKEN, reason="exit 1"), Verdict(Outcome.FAILED, f"{HERE}exit 1"), id="failed"),
        pytest.param(
            Snapshot(Phase.UNVERIFIED, reason="skipped"),
            Verdict(Outcome.UNVERIFIED, f"{HERE}skipped", warning=NO_EVIDENCE),
            id="unproven",
        ),
    ],
)
def test_nor_does_another_server_s(last: Snapshot, final: Verdict) -> None:
    assert (
        next_step(Stage.ADDITIONAL_SERVERS, (on("berlin", last),), repeated=False, so_far=FINE, aims=GO_BACK)
        == final
    )


DOWN_AGAIN = Verdict(Outcome.UNVERIFIED, "it does not run", PROOF)
BACK_AGAIN = Verdict(Outcome.ROLLED_BACK, "it does not run. What ran before was put back")
BACK_PROVABLE = replace(BACK_AGAIN, health_check=PROOF)
NOT_BACK = "it does not run. What ran before was to be put back, but was not seen to run again"


@pytest.mark.parametrize(
    ("watch", "repeated", "then"),
    [
        pytest.param(over(DONE), False, BACK_AGAIN, id="put-back"),
        pytest.param(
            over(replace(DONE, health_check=PROOF)),
            False,
            NextStage(Stage.HEALTH, (PROOF,), DEADLINE, BACK_PROVABLE),
            id="its-health-is-read",
        ),
        pytest.param(
            over(replace(DONE, health_check=PROOF, follow_ups=OTHERS)),
            False,
            NextStage(Stage.ADDITIONAL_SERVERS, OTHERS, DEADLINE, BACK_PROVABLE),
            id="its-others-are-followed-first",
        ),
        pytest.param(
            over(Snapshot(Phase.UNVERIFIED, reason="skipped", follow_ups=OTHERS, health_check=PROOF)),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: skipped", PROOF),
            id="unproven",
        ),
        pytest.param(
            over(replace(BROKEN, reason="exit 1")),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: exit 1"),
            id="failed",
        ),
        pytest.param(
            over(BROKEN), False, Verdict(Outcome.UNVERIFIED, NOT_BACK), id="failed-without-a-reason"
        ),
        pytest.param(
            over(Snapshot(Phase.CANCELLED, reason="x")),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: x"),
            id="cancelled",
        ),
        pytest.param(
            over(Snapshot(Phase.CANCELLED, reason="x"), handle=ADOPTED),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: x"),
            id="nor-again-where-somebody-cancels-somebody-else-s",
        ),
        pytest.param(
            over(replace(GONE, reason="no row")),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: no row"),
            id="gone",
        ),
        pytest.param(
            over(AccessDenied("revoked")),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: revoked"),
            id="barred",
        ),
        pytest.param(over(RUNNING), False, Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: {LATE}"), id="late"),
        pytest.param(
            over(replace(GONE, follow_ups=REAL), handle=PHANTOM),
            True,
            NextStage(Stage.ROLLBACK, REAL, DEADLINE, DOWN_AGAIN),
            id="a-phantom-of-another-s",
        ),
        pytest.param(
            over(replace(GONE, reason="none"), handle=PHANTOM),
            False,
            Retrigger("none"),
            id="a-phantom-of-nothing",
        ),
        pytest.param(
            over(replace(GONE, reason="none"), handle=PHANTOM),
            True,
            Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: none"),
            id="a-phantom-of-nothing-again",
        ),
    ],
)
@pytest.mark.parametrize(
    "aims", [Checks(), Checks(site=True), Checks(strict=True)], ids=["", "site", "strict"]
)
def test_what_is_put_back_is_followed_to_its_end(
    watch: Watch, repeated: bool, then: NextStep, aims: Checks
) -> None:
    assert next_step(Stage.ROLLBACK, (watch,), repeated=repeated, so_far=DOWN_AGAIN, aims=aims) == then


@pytest.mark.parametrize(
    ("leg", "watch", "aims", "then"),
    [
        pytest.param(
            Stage.ADDITIONAL_SERVERS,
            on("berlin", DONE),
            Checks(site=True),
            NextStage(Stage.HEALTH, (PROOF,), DEADLINE, BACK_PROVABLE),
            id="others",
        ),
        pytest.param(
            Stage.ADDITIONAL_SERVERS,
            on("berlin", replace(BROKEN, reason="exit 1")),
            Checks(site=True),
            Verdict(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but {HERE}exit 1"),
            id="others-that-fail",
        ),
        pytest.param(
            Stage.ADDITIONAL_SERVERS,
            on("berlin", RUNNING),
            Checks(),
            Verdict(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but {HERE}{LATE}"),
            id="others-that-are-late",
        ),
        pytest.param(
            Stage.HEALTH,
            health((10, replace(UP, stable_for=0))),
            Checks(site=True),
            BACK_PROVABLE,
            id="it-runs-and-no-site-is-asked",
        ),
        pytest.param(
            Stage.HEALTH,
            health((10, DOWN), (70, DOWN)),
            Checks(),
            Verdict(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but {DOWN.reason}"),
            id="it-does-not-run-either",
        ),
        pytest.param(
            Stage.HEALTH,
            health((10, replace(DOWN, reason="")), (70, replace(DOWN, reason=""))),
            Checks(),
            Verdict(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but unverified"),
            id="and-nobody-says-why",
        ),
        pytest.param(
            Stage.HEALTH,
            health((10, STARTING), (100, STARTING)),
            Checks(),
            replace(BACK_PROVABLE, warning=f"deployed, but {UNSEEN}{STARTING.reason}"),
            id="nobody-could-tell",
        ),
        pytest.param(
            Stage.HEALTH,
            health((10, STARTING), (100, STARTING)),
            Checks(strict=True),
            Verdict(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but {UNSEEN}{STARTING.reason}"),
            id="proof-was-asked-for",
        ),
    ],
)
def test_what_runs_again_must_prove_it_too(leg: Stage, watch: Watch, aims: Checks, then: NextStep) -> None:
    assert next_step(leg, (watch,), repeated=False, so_far=BACK_PROVABLE, aims=aims) == then


@pytest.mark.parametrize(
    ("watches", "final"),
    [
        pytest.param((over(DONE), over(DONE)), FINE, id="all-well"),
        pytest.param(
            (over(DONE), over(replace(BROKEN, reason="exit 1"))),
            Verdict(Outcome.FAILED, "exit 1"),
            id="the-second-failed",
        ),
        pytest.param(
            (over(RUNNING), over(replace(BROKEN, reason="one")), over(replace(BROKEN, reason="two"))),
            Verdict(Outcome.FAILED, "one"),
            id="the-first-of-the-worst-speaks",
        ),
        pytest.param(
            (over(Snapshot(Phase.CANCELLED)), over(AccessDenied("revoked"))),
            Verdict(Outcome.LOST, "revoked"),
            id="lost-beats-cancelled",
        ),
        pytest.param(
            (over(replace(DONE, follow_ups=OTHERS)), over(replace(BROKEN, reason="exit 1"))),
            Verdict(Outcome.FAILED, "exit 1"),
            id="no-success-hides-it",
        ),
        pytest.param(
            (over(replace(DONE, follow_ups=REAL)), over(replace(DONE, follow_ups=OTHERS))),
            NextStage(Stage.ADDITIONAL_SERVERS, (*REAL, *OTHERS), DEADLINE, FINE),
            id="all-their-others",
        ),
        pytest.param(
            (over(DONE), over(replace(DONE, follow_ups=OTHERS))),
            NextStage(Stage.ADDITIONAL_SERVERS, OTHERS, DEADLINE, FINE),
            id="the-second-s-others",
        ),
        pytest.param(
            (over(GONE, handle=PHANTOM), over(BROKEN)),
            Verdict(Outcome.FAILED, ""),
            id="one-is-gone-and-one-failed",
        ),
        pytest.param((over(GONE, handle=PHANTOM), over(DONE)), FINE, id="a-phantom-counts-as-nothing"),
        pytest.param(
            (over(DONE), over(replace(GONE, reason="none any more"), handle=LISTED)),
            FINE,
            id="a-listed-one-too",
        ),
        pytest.param(
            (over(replace(GONE, follow_ups=REAL), handle=LISTED), over(DONE)),
            FINE,
            id="also-with-another-s-behind-it",
        ),
        pytest.param(
            (over(replace(GONE, reason="no row"), handle=LISTED, before=[(5, RUNNING)]), over(DONE)),
            Verdict(Outcome.LOST, "no row"),
            id="but-not-one-that-was-there",
        ),
        pytest.param(
            (over(replace(GONE, reason="no row")), over(DONE)),
            Verdict(Outcome.LOST, "no row"),
            id="nor-a-sure-one",
        ),
        pytest.param(
            (over(GONE, handle=LISTED), over(Snapshot(Phase.CANCELLED), handle=ADOPTED)),
            Retrigger(SOMEBODY),
            id="what-is-left-is-judged-alone",
        ),
        pytest.param(
            (over(replace(GONE, reason="none any more"), handle=LISTED), over(GONE, handle=PHANTOM)),
            Retrigger("none any more"),
            id="two-phantoms-of-nothing",
        ),
        pytest.param(
            (
                over(replace(GONE, follow_ups=REAL), handle=LISTED),
                over(replace(GONE, follow_ups=REAL), handle=LISTED),
            ),
            NextStage(Stage.DEPLOYMENT, REAL, DEADLINE),
            id="two-phantoms-of-the-same-are-one",
        ),
        pytest.param(
            (over(Snapshot(Phase.CANCELLED), handle=PERHAPS_OURS), over(Snapshot(Phase.CANCELLED))),
            Verdict(Outcome.CANCELLED, ""),
            id="both-are-cancelled-and-one-is-perhaps-ours",
        ),
        pytest.param(
            (over(Snapshot(Phase.CANCELLED), handle=ADOPTED), over(BROKEN)),
            Verdict(Outcome.FAILED, ""),
            id="one-is-cancelled",
        ),
    ],
)
def test_several_deployments_at_once_are_judged_together(watches: tuple[Watch, ...], final: NextStep) -> None:
    assert next_step(Stage.DEPLOYMENT, watches, repeated=False) == final


@pytest.mark.parametrize(
    "watches", [(FRESH,), (over(DONE), FRESH), (FRESH, over(DONE))], ids=["none", "first", "second"]
)
def test_a_leg_that_is_not_over_is_not_judged(watches: tuple[Watch, ...]) -> None:
    with pytest.raises(ValueError, match="only after all its watches have ended"):
        next_step(Stage.DEPLOYMENT, watches, repeated=False)


def test_the_outcomes_go_from_worst_to_best() -> None:
    statuses = "interrupted failed unverified rolled_back lost timed_out cancelled superseded refused unreachable triggered finished skipped"
    assert [outcome.status for outcome in Outcome] == statuses.split()
    assert [Outcome.worst(list(Outcome)[number:][::-1]) for number in range(len(Outcome))] == list(Outcome)


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
