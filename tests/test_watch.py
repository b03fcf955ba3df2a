"""Every rule about when a deployment is over, and what comes next: a row for each rule and each of its edges (architecture 4)."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.model import (
    Barred,
    Entry,
    Event,
    Handle,
    Known,
    Leg,
    Logged,
    Missed,
    Moved,
    Outcome,
    Phase,
    Recovered,
    Sight,
    Snapshot,
    Trust,
    Unlogged,
    Warned,
    Wavered,
)
from deployer.watch import (
    SITE,
    TURNED,
    UNPROVEN,
    Again,
    Aims,
    Back,
    End,
    Ending,
    Final,
    Full,
    Next,
    Onward,
    Watch,
    after,
    observe,
    pause,
    reach_again,
    unseen,
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
    return [Moved("web", phase, "") for phase in phases]


def played(looks: list[tuple[float, Sight]], watch: Watch = FRESH) -> tuple[Watch, list[Event]]:
    """What a row of looks makes of a watch. The times are seconds since it began."""
    told: list[Event] = []
    for after_seconds, sight in looks:
        assert watch.ending is None, "an ended watch is not looked at"
        watch, events = observe(watch, sight, BEGAN + after_seconds)
        told += events
    return watch, told


def ended(looks: list[tuple[float, Sight]]) -> Ending | None:
    return played(looks)[0].ending


# --- Architecture, rule 1: what was seen is judged before the deadline


@pytest.mark.parametrize(
    ("at", "sight", "ending"),
    [
        pytest.param(0, DONE, Ending(End.SUCCEEDED), id="success-at-the-first-look"),
        pytest.param(99.9, DONE, Ending(End.SUCCEEDED), id="success-at-the-last-second"),
        pytest.param(100, DONE, Ending(End.SUCCEEDED), id="success-at-the-deadline"),
        pytest.param(107, DONE, Ending(End.SUCCEEDED), id="success-in-a-look-that-came-back-after-the-deadline"),
        pytest.param(100, replace(BROKEN, reason="exit 1"), Ending(End.FAILED, "exit 1"), id="failure-at-the-deadline"),
        pytest.param(100, Snapshot(Phase.UNPROVEN, reason="skipped"), Ending(End.UNPROVEN, "skipped"), id="unproven-at-the-deadline"),
        pytest.param(100, Snapshot(Phase.CANCELLED), Ending(End.CANCELLED), id="cancelled-at-the-deadline"),
        pytest.param(100, GONE, Ending(End.GONE), id="gone-at-the-deadline"),
        pytest.param(100, Barred("no right"), Ending(End.BARRED, "no right"), id="barred-at-the-deadline"),
        pytest.param(99.9, QUEUED, None, id="queued-at-the-last-second-goes-on"),
        pytest.param(99.9, RUNNING, None, id="running-at-the-last-second-goes-on"),
        pytest.param(99.9, UNKNOWN, None, id="unknown-at-the-last-second-goes-on"),
        pytest.param(99.9, Missed("HTTP 502"), None, id="missed-at-the-last-second-goes-on"),
        pytest.param(100, QUEUED, Ending(End.LATE, "it was still queued"), id="queued-at-the-deadline"),
        pytest.param(100, RUNNING, Ending(End.LATE, "it was still being built or started"), id="running-at-the-deadline"),
        pytest.param(101, RUNNING, Ending(End.LATE, "it was still being built or started"), id="running-after-the-deadline"),
        pytest.param(100, UNKNOWN, Ending(End.LATE, "its status was none that we know"), id="unknown-at-the-deadline"),
        pytest.param(100, replace(RUNNING, reason="waits for a worker"), Ending(End.LATE, "waits for a worker"), id="late-with-own-reason"),
        pytest.param(
            100,
            Missed("HTTP 502"),
            Ending(End.LATE, "no look at it ever worked; the last looks failed: HTTP 502"),
            id="missed-at-the-deadline",
        ),
    ],
)
def test_what_was_seen_is_judged_before_the_deadline(at: float, sight: Sight, ending: Ending | None) -> None:
    assert ended([(at, sight)]) == ending


@pytest.mark.parametrize(
    ("looks", "reason"),
    [
        pytest.param(
            [(50, RUNNING), (100, Missed("HTTP 502"))],
            "it was still being built or started; the last looks failed: HTTP 502",
            id="what-was-seen-last-and-the-trouble-since",
        ),
        pytest.param(
            [(50, replace(RUNNING, reason="waits for a worker")), (90, Missed("HTTP 502")), (100, Missed("HTTP 503"))],
            "waits for a worker; the last looks failed: HTTP 503",
            id="own-reason-and-the-last-trouble",
        ),
        pytest.param(
            [(90, replace(GONE, hold=30)), (100, Missed("HTTP 502"))],
            "it was not there; the last looks failed: HTTP 502",
            id="not-there-and-then-out-of-sight",
        ),
        pytest.param(
            [(50, Missed("HTTP 502")), (100, QUEUED)],
            "it was still queued",
            id="trouble-that-is-over-is-not-told",
        ),
    ],
)
def test_a_late_one_says_what_was_seen_last(looks: list[tuple[float, Sight]], reason: str) -> None:
    assert ended(looks) == Ending(End.LATE, reason)


def test_the_last_log_lines_are_told_with_the_end() -> None:
    last = replace(DONE, log=(ONE, TWO))
    assert played([(50, replace(RUNNING, log=(ONE,))), (100, last)]) == (
        replace(
            FRESH,
            phase=Phase.SUCCEEDED,
            met=True,
            since=DEADLINE,
            seen=frozenset({("1", 0), ("2", 0)}),
            last=last,
            ending=Ending(End.SUCCEEDED),
        ),
        [*moved(Phase.RUNNING), Logged("web", (ONE,)), *moved(Phase.SUCCEEDED), Logged("web", (TWO,))],
    )


# --- Architecture, rule 2: a failed look is no news, and an unknown status neither


@pytest.mark.parametrize(
    ("looks", "events"),
    [
        pytest.param([(5, Missed("HTTP 502"))], [Wavered("web", "HTTP 502")], id="trouble-is-told"),
        pytest.param([(5, Missed("HTTP 502")), (6, Missed("HTTP 502"))], [Wavered("web", "HTTP 502")], id="the-same-trouble-once"),
        pytest.param(
            [(5, Missed("HTTP 502")), (6, Missed("no connection")), (7, Missed("no connection"))],
            [Wavered("web", "HTTP 502"), Wavered("web", "no connection")],
            id="other-trouble-again",
        ),
        pytest.param(
            [(5 + number, Missed(reason)) for number, reason in enumerate(["HTTP 502", "no connection", "HTTP 502", "no connection"])],
            [Wavered("web", "HTTP 502"), Wavered("web", "no connection")],
            id="two-that-take-turns-once-each",
        ),
        pytest.param(
            [(5, RUNNING), (6, Missed("HTTP 502")), (7, Missed("HTTP 502")), (8, Missed("HTTP 502")), (9, RUNNING), (10, RUNNING)],
            [*moved(Phase.RUNNING), Wavered("web", "HTTP 502"), Recovered("web", 3)],
            id="its-end-is-told-once-and-no-phase-is-new",
        ),
        pytest.param(
            [(5, Missed("HTTP 502")), (6, RUNNING), (7, Missed("HTTP 502")), (8, RUNNING)],
            [Wavered("web", "HTTP 502"), Recovered("web", 1), *moved(Phase.RUNNING), Wavered("web", "HTTP 502"), Recovered("web", 1)],
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
            [*moved(Phase.UNKNOWN), Warned("web", "odd"), *moved(Phase.RUNNING, Phase.UNKNOWN)],
            id="a-warning-is-told-once-also-when-it-comes-again",
        ),
        pytest.param(
            [(5 + number, replace(UNKNOWN, warnings=(text,))) for number, text in enumerate(["odd", "odder", "odd", "odder"])],
            [*moved(Phase.UNKNOWN), Warned("web", "odd"), Warned("web", "odder")],
            id="another-warning-is-told",
        ),
        pytest.param(
            [(5, replace(UNKNOWN, warnings=("odd", "odder"))), (6, replace(UNKNOWN, warnings=("odder", "oddest")))],
            [*moved(Phase.UNKNOWN), Warned("web", "odd"), Warned("web", "odder"), Warned("web", "oddest")],
            id="each-of-several-warnings-is-told-once",
        ),
        pytest.param([(5, RUNNING), (6, RUNNING)], moved(Phase.RUNNING), id="a-phase-is-told-once"),
        pytest.param([(5, Barred("no right"))], [], id="what-bars-us-is-told-as-the-end"),
    ],
)
def test_no_news_is_told_once_and_ends_nothing(looks: list[tuple[float, Sight]], events: list[Event]) -> None:
    watch, told = played(looks)
    assert told == events
    assert watch.ending is None or watch.ending == Ending(End.BARRED, "no right")


def test_a_failed_look_changes_nothing_but_the_count_of_failed_looks() -> None:
    before, _ = played([(5, replace(RUNNING, log=(ONE,), link="https://x"))])
    after_one, _ = observe(before, Missed("HTTP 429", wait=20), BEGAN + 10)
    after_two, _ = observe(after_one, Missed("HTTP 502"), BEGAN + 30)
    assert after_one == replace(before, trouble="HTTP 429", troubles=frozenset({"HTTP 429"}), missed=1, wait=20)
    assert after_two == replace(before, trouble="HTTP 502", troubles=frozenset({"HTTP 429", "HTTP 502"}), missed=2)


def test_a_look_that_works_forgets_the_trouble() -> None:
    before, _ = played([(5, RUNNING)])
    assert played([(5, RUNNING), (6, Missed("HTTP 429", wait=20)), (7, RUNNING)])[0] == before


def test_an_unknown_status_is_followed_to_what_comes_after_it() -> None:
    assert ended([(5, UNKNOWN), (50, UNKNOWN), (60, DONE)]) == Ending(End.SUCCEEDED)


# --- Architecture, rule 3: what ends the watch at once


GOES_ON = "the deployment continues on the server, but its status can't be read any more: revoked"


@pytest.mark.parametrize(
    ("earlier", "watch", "reason"),
    [
        pytest.param([], FRESH, "revoked", id="never-seen"),
        pytest.param([(5, RUNNING)], FRESH, GOES_ON, id="seen-before"),
        pytest.param([(5, QUEUED), (6, Missed("HTTP 502"))], FRESH, GOES_ON, id="seen-queued"),
        pytest.param([(5, RUNNING)], replace(FRESH, leg=Leg.OTHERS), GOES_ON, id="on-an-additional-server"),
        pytest.param([(5, RUNNING)], replace(FRESH, leg=Leg.HEALTH), "revoked", id="deployed-already"),
        pytest.param(
            [(5, RUNNING)],
            replace(FRESH, handle=Handle("web", "", aspect="running")),
            GOES_ON.replace("the deployment", "what was asked for"),
            id="no-deployment",
        ),
    ],
)
def test_being_barred_ends_the_watch_at_once(earlier: list[tuple[float, Sight]], watch: Watch, reason: str) -> None:
    before, _ = played(earlier, watch)
    assert observe(before, Barred("revoked"), BEGAN + 6) == (replace(before, ending=Ending(End.BARRED, reason)), [])


@pytest.mark.parametrize(
    ("last", "ending"),
    [
        pytest.param(Snapshot(Phase.FAILED, hold=10, reason="exit 1"), Ending(End.FAILED, "exit 1"), id="failed"),
        pytest.param(Snapshot(Phase.SUCCEEDED, hold=10), Ending(End.SUCCEEDED), id="succeeded"),
        pytest.param(Snapshot(Phase.SUCCEEDED, hold=math.inf), Ending(End.BARRED, "revoked"), id="but-not-what-may-still-turn"),
        pytest.param(Snapshot(Phase.ABSENT, hold=10), Ending(End.BARRED, "revoked"), id="nor-absence"),
    ],
)
def test_an_end_that_was_seen_is_not_lost_when_we_are_barred_before_it_is_settled(last: Snapshot, ending: Ending) -> None:
    assert ended([(5, last), (7, Barred("revoked"))]) == ending


# --- Architecture, rule 4: an end is looked at again until it is settled


def held(phase: Phase, hold: float = 10, reason: str = "") -> Snapshot:
    return Snapshot(phase, hold=hold, reason=reason)


@pytest.mark.parametrize(
    ("looks", "ending"),
    [
        pytest.param([(5, held(Phase.FAILED, 0))], Ending(End.FAILED), id="final-at-once"),
        pytest.param([(5, held(Phase.FAILED))], None, id="not-at-once"),
        pytest.param([(5, held(Phase.FAILED)), (14.9, held(Phase.FAILED))], None, id="not-before-its-seconds-are-over"),
        pytest.param([(5, held(Phase.FAILED)), (15, held(Phase.FAILED))], Ending(End.FAILED), id="when-they-are-over"),
        pytest.param([(5, held(Phase.ABSENT)), (14, held(Phase.ABSENT))], None, id="absent-not-before"),
        pytest.param([(5, held(Phase.ABSENT)), (15, held(Phase.ABSENT))], Ending(End.GONE), id="absent-when-they-are-over"),
        pytest.param(
            [(5, held(Phase.FAILED)), (8, held(Phase.FAILED, 0, "exit 1"))],
            Ending(End.FAILED, "exit 1"),
            id="a-reason-that-comes-late",
        ),
        pytest.param(
            [(5, held(Phase.FAILED)), (8, held(Phase.FAILED)), (11, held(Phase.FAILED)), (15, held(Phase.FAILED, reason="exit 1"))],
            Ending(End.FAILED, "exit 1"),
            id="every-look-counts-from-the-first",
        ),
        pytest.param(
            [(5, held(Phase.FAILED)), (10, Missed("HTTP 502")), (15, held(Phase.FAILED))],
            Ending(End.FAILED),
            id="a-failed-look-in-between-changes-nothing",
        ),
        pytest.param(
            [(5, held(Phase.FAILED)), (10, RUNNING), (12, held(Phase.FAILED)), (21, held(Phase.FAILED))],
            None,
            id="another-phase-in-between-begins-it-anew",
        ),
        pytest.param(
            [(5, held(Phase.FAILED)), (10, RUNNING), (12, held(Phase.FAILED)), (22, held(Phase.FAILED))],
            Ending(End.FAILED),
            id="anew-means-all-its-seconds",
        ),
        pytest.param(
            [(5, held(Phase.SUCCEEDED)), (13, held(Phase.FAILED)), (15, held(Phase.FAILED))],
            None,
            id="finished-that-turns-to-failed-is-not-believed-early",
        ),
        pytest.param(
            [(5, held(Phase.SUCCEEDED)), (13, held(Phase.FAILED)), (23, held(Phase.FAILED))],
            Ending(End.FAILED),
            id="finished-that-turns-to-failed-is-failed",
        ),
        pytest.param(
            [(5, held(Phase.SUCCEEDED, math.inf)), (50, held(Phase.SUCCEEDED, math.inf))],
            None,
            id="a-post-command-may-run-as-long-as-it-likes",
        ),
        pytest.param(
            [(5, held(Phase.SUCCEEDED, math.inf)), (50, held(Phase.SUCCEEDED, 0))],
            Ending(End.SUCCEEDED),
            id="until-it-has-ended",
        ),
        pytest.param(
            [(5, held(Phase.SUCCEEDED, math.inf)), (50, held(Phase.UNPROVEN)), (59, held(Phase.UNPROVEN))],
            None,
            id="a-failed-post-command-is-a-new-phase",
        ),
        pytest.param(
            [(5, held(Phase.SUCCEEDED, math.inf)), (50, held(Phase.UNPROVEN)), (60, held(Phase.UNPROVEN, reason="its command failed"))],
            Ending(End.UNPROVEN, "its command failed"),
            id="and-settles-as-such",
        ),
        pytest.param([(99.9, held(Phase.FAILED))], None, id="still-settling-at-the-last-second"),
        pytest.param([(100, held(Phase.FAILED, reason="exit 1"))], Ending(End.FAILED, "exit 1"), id="the-deadline-cuts-it-short"),
        pytest.param([(95, held(Phase.SUCCEEDED)), (100, held(Phase.SUCCEEDED))], Ending(End.SUCCEEDED), id="for-success-too"),
        pytest.param([(95, held(Phase.ABSENT)), (100, held(Phase.ABSENT))], Ending(End.GONE), id="for-absence-too"),
        pytest.param(
            [(5, held(Phase.SUCCEEDED, math.inf)), (100, held(Phase.SUCCEEDED, math.inf, "its command was not seen to end"))],
            Ending(End.LATE, "its command was not seen to end"),
            id="but-not-what-may-still-turn",
        ),
        pytest.param(
            [(5, held(Phase.SUCCEEDED, math.inf, "not seen to end")), (100, Missed("HTTP 502"))],
            Ending(End.LATE, "not seen to end; the last looks failed: HTTP 502"),
            id="nor-when-it-is-out-of-sight",
        ),
        pytest.param(
            [(97, held(Phase.FAILED, reason="exit 1")), (100, Missed("HTTP 502"))],
            Ending(End.FAILED, "exit 1"),
            id="an-end-that-was-seen-is-not-lost-in-a-failed-last-look",
        ),
        pytest.param(
            [(97, held(Phase.SUCCEEDED)), (100, Missed("HTTP 502"))],
            Ending(End.SUCCEEDED),
            id="nor-is-success",
        ),
    ],
)
def test_an_end_is_looked_at_until_it_is_settled(looks: list[tuple[float, Sight]], ending: Ending | None) -> None:
    assert ended(looks) == ending


UP = Snapshot(Phase.SUCCEEDED, "running:healthy", hold=60, settled=False)
DOWN = Snapshot(Phase.FAILED, "exited:unhealthy", hold=60, settled=False, reason="it does not run: exited:unhealthy")
STARTING = Snapshot(Phase.RUNNING, "starting:unknown", reason="its status was still starting:unknown")


@pytest.mark.parametrize(
    ("looks", "ending"),
    [
        pytest.param([(5, replace(UP, hold=0))], Ending(End.SUCCEEDED), id="what-needs-no-time-is-believed-at-once"),
        pytest.param([(5, UP), (64.9, UP)], None, id="not-before-its-seconds-are-over"),
        pytest.param([(5, UP), (65, UP)], Ending(End.SUCCEEDED), id="when-they-are-over"),
        pytest.param([(5, UP), (30, Missed("HTTP 502")), (65, UP)], Ending(End.SUCCEEDED), id="a-failed-look-is-no-break"),
        pytest.param([(5, UP), (60, STARTING), (62, UP), (65, UP)], None, id="a-break-begins-it-anew"),
        pytest.param([(5, UP), (60, DOWN), (62, UP), (65, UP)], None, id="whatever-the-break-is"),
        pytest.param([(5, UP), (20, STARTING), (22, UP), (82, UP)], Ending(End.SUCCEEDED), id="anew-means-all-its-seconds"),
        pytest.param([(5, DOWN), (65, DOWN)], Ending(End.FAILED, DOWN.reason), id="a-bad-end-like-any-other"),
        pytest.param([(40, DOWN), (100, DOWN)], Ending(End.FAILED, DOWN.reason), id="its-seconds-are-over-at-the-deadline"),
        pytest.param([(5, UP), (7, Barred("revoked"))], Ending(End.BARRED, "revoked"), id="barred-before-they-are-over"),
        pytest.param([(95, STARTING), (100, STARTING)], Ending(End.LATE, STARTING.reason), id="nothing-clear"),
    ],
)
def test_an_end_that_may_still_turn_is_believed_after_its_seconds(looks: list[tuple[float, Sight]], ending: Ending | None) -> None:
    assert ended(looks) == ending


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([(100, UP)], id="seen-at-the-deadline"),
        pytest.param([(50, UP), (100, UP)], id="up-before-it"),
        pytest.param([(50, DOWN), (100, DOWN)], id="down-before-it"),
        pytest.param([(50, UP), (100, Missed("HTTP 502"))], id="out-of-sight-at-the-deadline"),
        pytest.param([(50, UP), (107, Missed("HTTP 502"))], id="and-after-it"),
    ],
)
def test_the_deadline_cuts_nothing_short_that_may_still_turn(looks: list[tuple[float, Sight]]) -> None:
    ending = ended(looks)
    assert ending is not None
    assert ending.end is End.LATE


@pytest.mark.parametrize("last", [UP, DOWN], ids=["up", "down"])
def test_what_did_not_last_long_enough_is_told_as_what_it_was(last: Snapshot) -> None:
    """With its own reason, and not without any."""
    ending = ended([(90, last), (100, last)])
    assert ending == Ending(End.LATE, last.reason or f"its status was {last.detail}, too short to be believed")
    assert last.detail in ending.reason


# --- Architecture, rule 5: every entry of the log once, in order


@pytest.mark.parametrize(
    ("logs", "shown"),
    [
        pytest.param([()], [], id="empty"),
        pytest.param([(ONE,)], [(ONE,)], id="one"),
        pytest.param([(ONE,), (ONE, TWO), (ONE, TWO, THREE, FOUR)], [(ONE,), (TWO,), (THREE, FOUR)], id="growing"),
        pytest.param([(ONE,), (ONE,)], [(ONE,)], id="nothing-new"),
        pytest.param([(ONE, TWO, THREE), (THREE,), (THREE, FOUR)], [(ONE, TWO, THREE), (FOUR,)], id="shrunk"),
        pytest.param([(ONE, TWO), ()], [(ONE, TWO)], id="emptied"),
        pytest.param([(ONE, TWO), (), (ONE, TWO, THREE)], [(ONE, TWO), (THREE,)], id="emptied-and-back"),
        pytest.param([(ONE, TWO), (TWO, THREE, ONE)], [(ONE, TWO), (THREE,)], id="re-ordered"),
        pytest.param([(ONE, TWO), (THREE, ONE, TWO)], [(ONE, TWO), (THREE,)], id="a-late-entry-at-the-front"),
        pytest.param([(ONE, TWO), (THREE, FOUR)], [(ONE, TWO), (THREE, FOUR)], id="replaced-with-another-of-the-same-length"),
        pytest.param([(ONE, TWO, THREE), (ONE, FOUR)], [(ONE, TWO, THREE), (FOUR,)], id="replaced-with-a-shorter-one"),
        pytest.param([(ONE, ONE)], [(ONE, ONE)], id="identical-entries-are-two"),
        pytest.param([(ONE,), (ONE, ONE)], [(ONE,), (ONE,)], id="the-second-identical-one-comes-later"),
        pytest.param([(ONE, TWO, ONE), (ONE, ONE, TWO), (ONE,), (ONE, TWO, ONE, ONE)], [(ONE, TWO, ONE), (ONE,)], id="identical-thrice"),
        pytest.param(
            [(replace(ONE, hidden=True),), (replace(ONE, hidden=True), TWO)],
            [(replace(ONE, hidden=True),), (TWO,)],
            id="hidden-ones-like-any-other",
        ),
        pytest.param([(ONE, Entry("2", "one text")), (ONE, Entry("2", "another"))], [(ONE, Entry("2", "one text"))], id="known-by-its-key"),
    ],
)
def test_every_entry_is_told_once_and_in_order(logs: list[tuple[Entry, ...]], shown: list[tuple[Entry, ...]]) -> None:
    _, events = played([(5 + number, replace(RUNNING, log=log)) for number, log in enumerate(logs)])
    assert events == [*moved(Phase.RUNNING), *(Logged("web", entries) for entries in shown)]


@thoroughly
@given(logs=st.lists(st.lists(st.sampled_from([ONE, TWO, THREE]), max_size=6).map(tuple), max_size=8))
def test_whatever_the_server_does_to_its_list_every_entry_is_shown_once(logs: list[tuple[Entry, ...]]) -> None:
    seen: frozenset[tuple[object, int]] = frozenset()
    shown: list[Entry] = []
    for log in logs:
        fresh, seen = unseen(log, seen)
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
            [(5, replace(RUNNING, log=None)), (6, replace(RUNNING, log=None)), (7, replace(QUEUED, log=None))],
            [*moved(Phase.RUNNING), Unlogged("web"), *moved(Phase.QUEUED)],
            id="unreadable-is-told-once",
        ),
        pytest.param([(5, replace(RUNNING, log=()))], moved(Phase.RUNNING), id="empty-is-not-unreadable"),
        pytest.param(
            [(5, replace(RUNNING, log=(ONE,))), (6, replace(RUNNING, log=None)), (7, replace(RUNNING, log=(ONE, TWO)))],
            [*moved(Phase.RUNNING), Logged("web", (ONE,)), Unlogged("web"), Logged("web", (TWO,))],
            id="readable-again-goes-on-where-it-was",
        ),
        pytest.param(
            [(5, replace(RUNNING, detail="0 of 2")), (6, replace(RUNNING, detail="1 of 2")), (7, replace(RUNNING, detail="1 of 2"))],
            [Moved("web", Phase.RUNNING, "0 of 2"), Moved("web", Phase.RUNNING, "1 of 2", same=True)],
            id="other-words-for-the-same-phase-are-known",
        ),
        pytest.param(
            [(5, replace(RUNNING, detail="1 of 2")), (6, Missed("HTTP 502")), (7, replace(RUNNING, detail="1 of 2"))],
            [Moved("web", Phase.RUNNING, "1 of 2"), Wavered("web", "HTTP 502"), Recovered("web", 1)],
            id="the-same-words-after-a-failed-look-are-no-news",
        ),
        pytest.param(
            [(5, replace(RUNNING, link="https://x", commit="abc", server="s"))] * 2,
            [Known("web", "https://x", "abc", "s"), Moved("web", Phase.RUNNING, "", "s")],
            id="facts-are-told-once",
        ),
        pytest.param(
            [(5, replace(RUNNING, link="https://x")), (6, replace(RUNNING, link="https://x", commit="abc"))],
            [Known("web", "https://x", "", ""), *moved(Phase.RUNNING), Known("web", "https://x", "abc", "")],
            id="again-when-there-is-more-of-them",
        ),
        pytest.param([(5, replace(RUNNING, commit="abc"))], [Known("web", "", "abc", ""), *moved(Phase.RUNNING)], id="a-commit-is-enough"),
        pytest.param(
            [(5, replace(RUNNING, server="s"))], [Known("web", "", "", "s"), Moved("web", Phase.RUNNING, "", "s")], id="so-is-a-server"
        ),
        pytest.param(
            [(5, replace(RUNNING, link="https://x")), (6, RUNNING), (7, replace(RUNNING, link="https://x"))],
            [Known("web", "https://x", "", ""), *moved(Phase.RUNNING)],
            id="what-is-known-stays-known",
        ),
        pytest.param(
            [(5, Missed("HTTP 502")), (6, Snapshot(Phase.RUNNING, "in_progress", log=(ONE,), link="https://x", warnings=("odd",)))],
            [
                Wavered("web", "HTTP 502"),
                Recovered("web", 1),
                Known("web", "https://x", "", ""),
                Moved("web", Phase.RUNNING, "in_progress"),
                Logged("web", (ONE,)),
                Warned("web", "odd"),
            ],
            id="the-order-within-one-look",
        ),
    ],
)
def test_what_is_known_is_told_once(looks: list[tuple[float, Sight]], events: list[Event]) -> None:
    assert played(looks)[1] == events


def test_every_line_of_an_additional_server_names_it_and_its_leg() -> None:
    seen = Snapshot(Phase.RUNNING, "in_progress", log=(ONE,), link="https://x", server="berlin")
    assert played([(5, seen)], replace(FRESH, leg=Leg.OTHERS))[1] == [
        Known("web", "https://x", "", "berlin", Leg.OTHERS),
        Moved("web", Phase.RUNNING, "in_progress", "berlin", Leg.OTHERS),
        Logged("web", (ONE,), "berlin"),
    ]


@pytest.mark.parametrize("log", [(ONE,), None], ids=["readable", "unreadable"])
def test_nobody_asked_for_the_log_of_what_is_only_to_be_cancelled(log: tuple[Entry, ...] | None) -> None:
    assert played([(5, replace(RUNNING, log=log))], replace(FRESH, leg=Leg.ENDING))[1] == [Moved("web", Phase.RUNNING, "", leg=Leg.ENDING)]


# --- Architecture, rule 5, where lines of several machines arrive out of their order


def line(second: float, name: str = "") -> Entry:
    return Entry((second, name), f"line {second}{name}", written=int((1_700_000_000 + second) * 1e9))


def lines_shown(looks: list[tuple[float, Sight]]) -> list[tuple[str, ...]]:
    _, told = played(looks)
    return [tuple(entry.text.removeprefix("line ") for entry in event.entries) for event in told if isinstance(event, Logged)]


def reads(*entries: Entry) -> Snapshot:
    return replace(RUNNING, log=entries)


@pytest.mark.parametrize(
    ("looks", "shown"),
    [
        pytest.param([(5, reads(line(1)))], [], id="the-newest-is-held-back"),
        pytest.param([(5, reads(line(1))), (6.9, reads())], [], id="not-for-less-than-two-seconds"),
        pytest.param([(5, reads(line(1))), (7, reads())], [("1",)], id="for-two-seconds"),
        pytest.param([(5, reads(line(1), line(2), line(3)))], [("1",)], id="what-is-two-seconds-older-than-the-newest-is-shown"),
        pytest.param(
            [(5, reads(line(1), line(2))), (6, reads(line(1.5))), (8, reads())], [("1", "1.5", "2")], id="a-late-line-finds-its-place"
        ),
        pytest.param(
            [(5, reads(line(1), line(2))), (7, reads(line(1.5)))], [("1", "1.5", "2")], id="also-in-the-look-that-shows-the-others"
        ),
        pytest.param([(5, reads(line(1))), (7, reads()), (8, reads(line(0.5))), (10, reads())], [("1",), ("0.5",)], id="too-late-is-late"),
        pytest.param([(5, reads(line(1, "b"), line(1, "a"))), (7, reads())], [("1b", "1a")], id="of-one-moment-as-they-came"),
        pytest.param([(5, replace(DONE, log=(line(2), line(1))))], [("1", "2")], id="the-end-shows-what-was-held-back"),
        pytest.param([(99, reads(line(1))), (100, Missed("HTTP 502"))], [("1",)], id="and-so-does-the-deadline"),
        pytest.param([(5, reads(line(1))), (6, Barred("revoked"))], [("1",)], id="and-what-bars-us"),
        pytest.param([(5, replace(RUNNING, log=(ONE, TWO)))], [("1", "2")], id="what-is-in-order-by-itself-is-shown-at-once"),
    ],
)
def test_lines_that_arrive_late_keep_their_order(looks: list[tuple[float, Sight]], shown: list[tuple[str, ...]]) -> None:
    assert lines_shown(looks) == shown


@thoroughly
@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 2)), max_size=30), st.lists(st.floats(0.1, 3), min_size=10, max_size=30))
def test_lines_that_are_at_most_two_seconds_late_are_all_shown_once_in_their_order(
    written: list[tuple[float, float]], pauses: list[float]
) -> None:
    """Whatever the pace of the looks: each sees what has arrived since the one before."""
    entries = [(second + late, line(round(second, 3), f"-{number}")) for number, (second, late) in enumerate(written)]
    looks: list[tuple[float, Sight]] = []
    at = 0.0
    for pause_ in pauses:
        looks.append((at + pause_, reads(*(entry for arrived, entry in entries if at <= arrived < at + pause_))))
        at += pause_
    looks.append((at + 99, replace(DONE, log=tuple(entry for arrived, entry in entries if arrived >= at))))
    _, told = played(looks, replace(FRESH, deadline=BEGAN + 1000))
    listed = [entry for event in told if isinstance(event, Logged) for entry in event.entries]
    assert sorted(entry.text for entry in listed) == sorted(entry.text for _, entry in entries)
    assert [entry.written for entry in listed] == sorted(entry.written for entry in listed)


# --- Architecture, rules 3, 6 and 7: what an ending means for the target

SURE, DOUBTFUL, PHANTOM, LISTED = (Handle("web", "web-1", trust) for trust in (Trust.SURE, Trust.DOUBTFUL, Trust.PHANTOM, Trust.LISTED))
ADOPTED = Handle("web", "web-1", adopted=True)
PERHAPS_OURS = replace(ADOPTED, perhaps=True)
REAL = (Handle("web", "web-2", adopted=True),)
OTHERS = (Handle("web", "web-2"), Handle("web", "web-3"))
PROOF = Handle("web", "", aspect="healthy")
SOMEBODY = "the deployment that we followed was cancelled by somebody else"
FINE = Final(Outcome.FINISHED, "")
PROVABLE = Final(Outcome.FINISHED, "", PROOF)
LATE = "it was still being built or started"
ENDED_BEFORE = "0 cancelled, 1 ended by itself"


def over(last: Sight, *, handle: Handle = SURE, before: list[tuple[float, Sight]] | None = None) -> Watch:
    """A watch that has come to its end by a look at the deadline."""
    return played([*(before or []), (100, last)], replace(FRESH, handle=handle))[0]


def on(server: str, last: Snapshot) -> Watch:
    """The watch of an additional server's deployment."""
    return over(replace(last, server=server))


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(DONE, FINE, id="succeeded"),
        pytest.param(Snapshot(Phase.UNPROVEN, reason="skipped"), Final(Outcome.UNVERIFIED, "skipped"), id="unproven"),
        pytest.param(replace(BROKEN, reason="exit 1"), Final(Outcome.FAILED, "exit 1"), id="failed"),
        pytest.param(Snapshot(Phase.CANCELLED, reason="by a user"), Final(Outcome.CANCELLED, "by a user"), id="cancelled"),
        pytest.param(replace(GONE, reason="no row"), Final(Outcome.LOST, "no row"), id="gone"),
        pytest.param(Barred("revoked"), Final(Outcome.LOST, "revoked"), id="barred"),
        pytest.param(RUNNING, Final(Outcome.TIMED_OUT, LATE), id="late"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_a_deployment_s_end_has_one_name(last: Sight, final: Final, strict: bool) -> None:  # noqa: FBT001 -- a column
    assert after(Leg.DEPLOYMENT, (over(last),), repeated=False, aims=Aims(strict=strict)) == final


@pytest.mark.parametrize(
    ("watch", "repeated", "then"),
    [
        pytest.param(over(replace(GONE, reason="no row")), False, Final(Outcome.LOST, "no row"), id="sure-and-never-seen"),
        pytest.param(
            over(replace(GONE, reason="no row"), before=[(5, replace(RUNNING, link="https://x"))]),
            False,
            Final(Outcome.LOST, "no row"),
            id="sure-and-seen-before",
        ),
        pytest.param(
            over(replace(GONE, reason="full queue"), handle=DOUBTFUL), False, Full(60, "full queue"), id="doubtful-and-never-seen"
        ),
        pytest.param(
            over(replace(GONE, reason="full queue"), handle=DOUBTFUL),
            True,
            Full(60, "full queue"),
            id="doubtful-and-never-seen-as-often-as-it-takes",
        ),
        pytest.param(
            over(replace(GONE, reason="full queue"), handle=DOUBTFUL, before=[(5, Missed("HTTP 502"))]),
            False,
            Full(60, "full queue"),
            id="doubtful-and-only-failed-looks",
        ),
        pytest.param(
            over(GONE, handle=DOUBTFUL, before=[(5, replace(RUNNING, link="https://x"))]),
            False,
            Final(Outcome.LOST, ""),
            id="doubtful-and-seen-before",
        ),
        pytest.param(
            over(GONE, handle=DOUBTFUL, before=[(5, RUNNING)]),
            False,
            Final(Outcome.LOST, ""),
            id="doubtful-and-seen-before-without-any-fact",
        ),
        pytest.param(over(DONE, handle=DOUBTFUL), False, FINE, id="doubtful-and-there"),
        pytest.param(over(Barred("revoked"), handle=DOUBTFUL), False, Final(Outcome.LOST, "revoked"), id="doubtful-and-barred"),
        pytest.param(over(replace(GONE, reason="none any more"), handle=PHANTOM), False, Again("none any more"), id="phantom-of-nothing"),
        pytest.param(
            over(replace(GONE, reason="none any more"), handle=PHANTOM),
            True,
            Final(Outcome.LOST, "none any more"),
            id="phantom-of-nothing-again",
        ),
        pytest.param(
            over(replace(GONE, next=REAL), handle=PHANTOM), False, Onward(Leg.DEPLOYMENT, REAL, DEADLINE), id="phantom-of-another-s"
        ),
        pytest.param(
            over(replace(GONE, next=REAL), handle=PHANTOM), True, Onward(Leg.DEPLOYMENT, REAL, DEADLINE), id="phantom-of-another-s-again"
        ),
        pytest.param(over(replace(GONE, next=REAL), handle=LISTED), False, Onward(Leg.DEPLOYMENT, REAL, DEADLINE), id="listed-another-s"),
        pytest.param(
            over(replace(GONE, reason="none any more"), handle=LISTED), False, Again("none any more"), id="listed-phantom-of-nothing"
        ),
        pytest.param(
            over(replace(GONE, reason="none any more"), handle=LISTED),
            True,
            Final(Outcome.LOST, "none any more"),
            id="listed-phantom-of-nothing-again",
        ),
        pytest.param(
            over(replace(GONE, reason="no row"), handle=LISTED, before=[(5, RUNNING)]),
            False,
            Final(Outcome.LOST, "no row"),
            id="listed-and-seen-before",
        ),
        pytest.param(
            over(replace(GONE, next=REAL, reason="no row"), handle=LISTED, before=[(5, RUNNING)]),
            False,
            Final(Outcome.LOST, "no row"),
            id="listed-and-seen-before-is-not-replaced-by-another-s",
        ),
        pytest.param(over(DONE, handle=LISTED), False, FINE, id="listed-and-there"),
        pytest.param(over(Snapshot(Phase.CANCELLED), handle=LISTED), False, Final(Outcome.CANCELLED, ""), id="listed-and-cancelled"),
        pytest.param(over(Snapshot(Phase.CANCELLED), handle=ADOPTED), False, Again(SOMEBODY), id="adopted-and-cancelled"),
        pytest.param(
            over(Snapshot(Phase.CANCELLED, reason="by a user"), handle=ADOPTED),
            True,
            Final(Outcome.CANCELLED, "by a user"),
            id="adopted-and-cancelled-again",
        ),
        pytest.param(over(replace(BROKEN, reason="exit 1"), handle=ADOPTED), False, Final(Outcome.FAILED, "exit 1"), id="adopted-failed"),
        pytest.param(
            over(Snapshot(Phase.CANCELLED, reason="by a user"), handle=PERHAPS_OURS),
            False,
            Final(Outcome.CANCELLED, "by a user"),
            id="perhaps-ours-and-cancelled",
        ),
        pytest.param(over(DONE, handle=ADOPTED), False, FINE, id="adopted-succeeded"),
        pytest.param(over(Snapshot(Phase.CANCELLED)), False, Final(Outcome.CANCELLED, ""), id="ours-and-cancelled"),
        pytest.param(over(replace(DONE, next=OTHERS)), False, Onward(Leg.OTHERS, OTHERS, DEADLINE, FINE), id="succeeded-with-others"),
        pytest.param(over(replace(DONE, next=OTHERS)), True, Onward(Leg.OTHERS, OTHERS, DEADLINE, FINE), id="also-when-repeated"),
        pytest.param(
            over(replace(DONE, next=OTHERS, proof=PROOF)),
            False,
            Onward(Leg.OTHERS, OTHERS, DEADLINE, PROVABLE),
            id="the-others-come-before-the-proof",
        ),
        pytest.param(
            over(Snapshot(Phase.UNPROVEN, next=OTHERS, reason="skipped")),
            False,
            Onward(Leg.OTHERS, OTHERS, DEADLINE, Final(Outcome.UNVERIFIED, "skipped")),
            id="unproven-with-others",
        ),
        pytest.param(over(replace(BROKEN, next=OTHERS)), False, Final(Outcome.FAILED, ""), id="failed-with-others"),
        pytest.param(
            over(Barred("revoked"), before=[(5, replace(RUNNING, next=OTHERS))]),
            False,
            Final(Outcome.LOST, GOES_ON),
            id="lost-with-others",
        ),
        pytest.param(
            over(replace(DONE, proof=PROOF)), False, Onward(Leg.HEALTH, (PROOF,), DEADLINE, PROVABLE), id="succeeded-with-a-proof"
        ),
        pytest.param(
            over(replace(DONE, proof=PROOF), before=[(93, replace(DONE, proof=PROOF, hold=20))]),
            False,
            Onward(Leg.HEALTH, (PROOF,), BEGAN + 93, PROVABLE),
            id="from-when-the-end-was-seen-not-from-when-it-was-settled",
        ),
        pytest.param(
            over(Snapshot(Phase.UNPROVEN, reason="skipped", proof=PROOF)),
            False,
            Final(Outcome.UNVERIFIED, "skipped", PROOF),
            id="unproven-is-not-proved-by-its-health",
        ),
        pytest.param(over(replace(BROKEN, proof=PROOF)), False, Final(Outcome.FAILED, "", PROOF), id="nor-is-a-failure"),
    ],
)
def test_what_comes_after_the_deployment(watch: Watch, repeated: bool, then: Next) -> None:  # noqa: FBT001 -- a column
    assert after(Leg.DEPLOYMENT, (watch,), repeated=repeated) == then


HERE = "on the additional server berlin: "


@pytest.mark.parametrize(
    ("watches", "so_far", "then"),
    [
        pytest.param((on("berlin", DONE),), FINE, FINE, id="succeeded"),
        pytest.param((on("berlin", replace(BROKEN, reason="exit 1")),), FINE, Final(Outcome.FAILED, f"{HERE}exit 1"), id="failed"),
        pytest.param((on("berlin", BROKEN),), FINE, Final(Outcome.FAILED, f"{HERE}failed"), id="failed-without-a-reason"),
        pytest.param(
            (on("berlin", Snapshot(Phase.UNPROVEN, reason="skipped")),), FINE, Final(Outcome.UNVERIFIED, f"{HERE}skipped"), id="unproven"
        ),
        pytest.param(
            (on("berlin", Snapshot(Phase.CANCELLED, reason="by a user")),),
            FINE,
            Final(Outcome.CANCELLED, f"{HERE}by a user"),
            id="cancelled",
        ),
        pytest.param((on("berlin", RUNNING),), FINE, Final(Outcome.TIMED_OUT, f"{HERE}{LATE}"), id="late"),
        pytest.param(
            (over(replace(GONE, reason="no row"), before=[(5, replace(RUNNING, server="berlin"))]),),
            FINE,
            Final(Outcome.LOST, f"{HERE}no row"),
            id="gone",
        ),
        pytest.param(
            (over(Barred("revoked"), handle=Handle("web", "web-2", server="berlin")),),
            FINE,
            Final(Outcome.LOST, f"{HERE}revoked"),
            id="never-seen-but-known-to-be-there",
        ),
        pytest.param(
            (on("berlin", replace(BROKEN, reason="exit 1", link="https://x")),),
            FINE,
            Final(Outcome.FAILED, "on the additional server berlin (https://x): exit 1"),
            id="with-the-page-of-its-deployment",
        ),
        pytest.param(
            (on("paris", DONE), on("berlin", replace(BROKEN, reason="exit 1"))),
            FINE,
            Final(Outcome.FAILED, f"{HERE}exit 1"),
            id="the-worst-of-several",
        ),
        pytest.param(
            (on("paris", RUNNING), on("berlin", replace(BROKEN, reason="one")), on("paris", replace(BROKEN, reason="two"))),
            FINE,
            Final(Outcome.FAILED, f"{HERE}one"),
            id="the-first-of-the-worst-speaks",
        ),
        pytest.param(
            (on("berlin", DONE),),
            Final(Outcome.UNVERIFIED, "skipped"),
            Final(Outcome.UNVERIFIED, "skipped"),
            id="what-was-unproven-stays-so",
        ),
        pytest.param(
            (on("berlin", replace(BROKEN, reason="exit 1")),),
            Final(Outcome.UNVERIFIED, "skipped"),
            Final(Outcome.FAILED, f"{HERE}exit 1"),
            id="unless-another-one-is-worse",
        ),
        pytest.param(
            (on("berlin", RUNNING),),
            Final(Outcome.UNVERIFIED, "skipped"),
            Final(Outcome.UNVERIFIED, "skipped"),
            id="and-not-when-it-is-better",
        ),
        pytest.param((on("berlin", replace(DONE, next=REAL)),), FINE, FINE, id="others-of-others-are-none"),
        pytest.param(
            (over(replace(GONE, next=REAL, server="berlin"), handle=PHANTOM),),
            FINE,
            Final(Outcome.LOST, f"{HERE}lost"),
            id="nothing-is-looked-for",
        ),
        pytest.param(
            (over(replace(GONE, server="berlin"), handle=DOUBTFUL),), FINE, Final(Outcome.LOST, f"{HERE}lost"), id="nothing-waits"
        ),
        pytest.param(
            (on("paris", DONE), over(replace(GONE, server="berlin"), handle=PHANTOM)),
            FINE,
            Final(Outcome.LOST, f"{HERE}lost"),
            id="a-phantom-counts-there",
        ),
        pytest.param(
            (over(Snapshot(Phase.CANCELLED, server="berlin"), handle=ADOPTED),),
            FINE,
            Final(Outcome.CANCELLED, f"{HERE}cancelled"),
            id="nothing-is-triggered-again",
        ),
        pytest.param((on("berlin", DONE),), PROVABLE, Onward(Leg.HEALTH, (PROOF,), DEADLINE, PROVABLE), id="then-comes-the-proof"),
        pytest.param(
            (on("berlin", replace(DONE, proof=PROOF)),), FINE, Onward(Leg.HEALTH, (PROOF,), DEADLINE, PROVABLE), id="whoever-names-it"
        ),
        pytest.param(
            (
                over(replace(DONE, proof=PROOF), before=[(50, replace(DONE, hold=99))]),
                over(replace(DONE, proof=PROOF), before=[(70, replace(DONE, hold=99))]),
            ),
            PROVABLE,
            Onward(Leg.HEALTH, (PROOF,), BEGAN + 70, PROVABLE),
            id="from-when-the-last-end-was-seen",
        ),
        pytest.param(
            (on("berlin", replace(BROKEN, reason="exit 1")),),
            PROVABLE,
            Final(Outcome.FAILED, f"{HERE}exit 1", PROOF),
            id="not-after-a-failure",
        ),
        pytest.param(
            (on("berlin", DONE),),
            Final(Outcome.UNVERIFIED, "skipped", PROOF),
            Final(Outcome.UNVERIFIED, "skipped", PROOF),
            id="nor-after-what-was-unproven",
        ),
    ],
)
def test_the_worst_of_all_servers_counts_and_is_named(watches: tuple[Watch, ...], so_far: Final, then: Next) -> None:
    assert after(Leg.OTHERS, watches, repeated=False, so_far=so_far) == then


UNCHANGED = Snapshot(Phase.SUCCEEDED, "running:healthy", unseen="its status was not seen to change")


@pytest.mark.parametrize(
    ("aims", "then"),
    [
        pytest.param(Aims(), Final(Outcome.FINISHED, "", unseen=UNCHANGED.unseen), id="a-warning"),
        pytest.param(Aims(strict=True), Final(Outcome.UNVERIFIED, UNCHANGED.unseen), id="no-proof-where-one-was-asked-for"),
        pytest.param(Aims(strict=True, site=True), Final(Outcome.UNVERIFIED, UNCHANGED.unseen), id="whatever-the-site-says"),
        pytest.param(
            Aims(site=True),
            Onward(Leg.VERIFY, (Handle("web", "", aspect=SITE),), DEADLINE, Final(Outcome.FINISHED, "", unseen=UNCHANGED.unseen)),
            id="the-site-is-asked",
        ),
    ],
)
def test_what_could_not_be_seen_of_a_good_end_is_told(aims: Aims, then: Next) -> None:
    assert after(Leg.DEPLOYMENT, (over(UNCHANGED),), repeated=False, aims=aims) == then


def test_what_could_not_be_seen_is_told_after_a_site_that_answers_too() -> None:
    """The old containers may be the ones that answer."""
    so_far = Final(Outcome.FINISHED, "", warning="of another proof", unseen=UNCHANGED.unseen)
    then = after(Leg.VERIFY, (over(DONE),), repeated=False, so_far=so_far)
    assert then == Final(Outcome.FINISHED, "", unseen=UNCHANGED.unseen)


STUCK = Snapshot(Phase.STUCK, "queued", hold=10, settled=False, reason="nothing will start it")


@pytest.mark.parametrize(
    ("handle", "final"),
    [
        pytest.param(ADOPTED, Final(Outcome.REFUSED, STUCK.reason), id="somebody-else-s"),
        pytest.param(SURE, Final(Outcome.LOST, STUCK.reason), id="ours"),
        pytest.param(replace(ADOPTED, perhaps=True), Final(Outcome.LOST, STUCK.reason), id="perhaps-ours"),
    ],
)
def test_what_nothing_will_start_is_not_waited_for(handle: Handle, final: Final) -> None:
    watch, _ = played([(5, QUEUED), (6, STUCK), (15.9, STUCK)], replace(FRESH, handle=handle))
    assert watch.ending is None
    watch, _ = observe(watch, STUCK, BEGAN + 16)
    assert after(Leg.DEPLOYMENT, (watch,), repeated=False) == final


def test_what_is_started_after_all_is_not_stuck() -> None:
    assert ended([(5, STUCK), (10, RUNNING), (16, STUCK), (20, RUNNING), (30, DONE)]) == Ending(End.SUCCEEDED)


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(Snapshot(Phase.CANCELLED, reason="by a user"), Final(Outcome.FINISHED, "1 cancelled"), id="cancelled"),
        pytest.param(DONE, Final(Outcome.FINISHED, ENDED_BEFORE), id="succeeded"),
        pytest.param(replace(BROKEN, reason="exit 1"), Final(Outcome.FINISHED, ENDED_BEFORE), id="failed"),
        pytest.param(Snapshot(Phase.UNPROVEN, reason="skipped"), Final(Outcome.FINISHED, ENDED_BEFORE), id="unproven"),
        pytest.param(replace(GONE, reason="no row"), Final(Outcome.FINISHED, ENDED_BEFORE), id="gone"),
        pytest.param(Barred("revoked"), Final(Outcome.LOST, "revoked"), id="barred"),
        pytest.param(RUNNING, Final(Outcome.TIMED_OUT, LATE), id="late"),
    ],
)
@pytest.mark.parametrize("handle", [SURE, ADOPTED, DOUBTFUL, PHANTOM, LISTED], ids=["sure", "adopted", "doubtful", "phantom", "listed"])
def test_what_was_to_be_cancelled_only_has_to_be_over(last: Sight, final: Final, handle: Handle) -> None:
    assert after(Leg.ENDING, (over(last, handle=handle),), repeated=False) == final


@pytest.mark.parametrize(
    ("watches", "final"),
    [
        pytest.param((over(Snapshot(Phase.CANCELLED)), over(Snapshot(Phase.CANCELLED))), Final(Outcome.FINISHED, "2 cancelled"), id="all"),
        pytest.param(
            (over(Snapshot(Phase.CANCELLED)), over(DONE), over(replace(DONE, next=OTHERS, proof=PROOF))),
            Final(Outcome.FINISHED, "1 cancelled, 2 ended by itself", PROOF),
            id="one-of-three",
        ),
        pytest.param((over(Snapshot(Phase.CANCELLED)), over(RUNNING)), Final(Outcome.TIMED_OUT, LATE), id="one-goes-on"),
    ],
)
def test_of_several_that_were_to_be_cancelled_each_counts(watches: tuple[Watch, ...], final: Final) -> None:
    assert after(Leg.ENDING, watches, repeated=False) == final


# --- What proves that it runs (architecture 2.2, `verify_health`)


def health(*looks: tuple[float, Sight]) -> Watch:
    return played(list(looks), replace(FRESH, handle=PROOF, leg=Leg.HEALTH))[0]


UNSEEN = "nobody could see whether it runs: "


@pytest.mark.parametrize(
    ("watch", "lenient", "strict"),
    [
        pytest.param(health((10, replace(UP, hold=0))), FINE, FINE, id="it-runs"),
        pytest.param(health((10, UP), (70, UP)), FINE, FINE, id="and-goes-on-running"),
        pytest.param(
            health((10, DOWN), (70, DOWN)), Final(Outcome.UNVERIFIED, DOWN.reason), Final(Outcome.UNVERIFIED, DOWN.reason), id="it-does-not"
        ),
        pytest.param(
            health((10, STARTING), (100, STARTING)),
            replace(FINE, warning=f"deployed, but {UNSEEN}{STARTING.reason}"),
            Final(Outcome.UNVERIFIED, f"{UNSEEN}{STARTING.reason}"),
            id="nothing-clear",
        ),
        pytest.param(
            health((100, Missed("HTTP 502"))),
            replace(FINE, warning=f"deployed, but {UNSEEN}no look at it ever worked; the last looks failed: HTTP 502"),
            Final(Outcome.UNVERIFIED, f"{UNSEEN}no look at it ever worked; the last looks failed: HTTP 502"),
            id="never-seen",
        ),
        pytest.param(
            health((10, UP), (20, Barred("revoked"))),
            replace(FINE, warning=f"deployed, but {UNSEEN}revoked"),
            Final(Outcome.UNVERIFIED, f"{UNSEEN}revoked"),
            id="barred",
        ),
        pytest.param(
            health((10, replace(GONE, reason="no row"))),
            replace(FINE, warning=f"deployed, but {UNSEEN}no row"),
            Final(Outcome.UNVERIFIED, f"{UNSEEN}no row"),
            id="gone",
        ),
        pytest.param(
            health((10, GONE)),
            replace(FINE, warning=f"deployed, but {UNSEEN}its status said nothing clear in time"),
            Final(Outcome.UNVERIFIED, f"{UNSEEN}its status said nothing clear in time"),
            id="gone-without-a-reason",
        ),
    ],
)
def test_only_evidence_is_held_against_what_is_deployed(watch: Watch, lenient: Final, strict: Final) -> None:
    """No evidence is a warning; it only counts as a failed proof where a proof was asked for."""
    assert after(Leg.HEALTH, (watch,), repeated=False, so_far=PROVABLE) == replace(lenient, proof=PROOF)
    assert after(Leg.HEALTH, (watch,), repeated=False, so_far=PROVABLE, aims=Aims(strict=True)) == replace(strict, proof=PROOF)


# --- whether its site answers

GOOD_ANSWER = Snapshot(Phase.SUCCEEDED, "HTTP 200", hold=1, settled=False)
BAD_ANSWER = Snapshot(Phase.RUNNING, "HTTP 502", reason="https://web.example.com answered HTTP 502")
WITH_SITE = Aims(site=True)
VISITED = Handle("web", "", aspect=SITE)


@pytest.mark.parametrize(
    ("leg", "watch", "so_far", "then"),
    [
        pytest.param(Leg.DEPLOYMENT, over(DONE), None, Onward(Leg.VERIFY, (VISITED,), DEADLINE, FINE), id="from-the-deployment-s-end"),
        pytest.param(
            Leg.DEPLOYMENT, over(replace(DONE, proof=PROOF)), None, Onward(Leg.HEALTH, (PROOF,), DEADLINE, PROVABLE), id="its-status-first"
        ),
        pytest.param(
            Leg.HEALTH, health((10, DONE)), PROVABLE, Onward(Leg.VERIFY, (VISITED,), None, PROVABLE), id="each-proof-has-its-own-time"
        ),
        pytest.param(Leg.DEPLOYMENT, over(replace(BROKEN, reason="no")), None, Final(Outcome.FAILED, "no"), id="not-of-what-failed"),
    ],
)
def test_a_site_is_asked_after_all_else_went_well(leg: Leg, watch: Watch, so_far: Final | None, then: Next) -> None:
    assert after(leg, (watch,), repeated=False, so_far=so_far, aims=WITH_SITE) == then


@pytest.mark.parametrize(
    ("looks", "ending"),
    [
        pytest.param([(1, GOOD_ANSWER), (2, GOOD_ANSWER)], Ending(End.SUCCEEDED), id="two-in-a-row"),
        pytest.param([(1, BAD_ANSWER), (2, GOOD_ANSWER), (3, GOOD_ANSWER)], Ending(End.SUCCEEDED), id="late"),
        pytest.param([(1, GOOD_ANSWER), (2, BAD_ANSWER), (3, GOOD_ANSWER)], None, id="not-in-a-row"),
        pytest.param([(1, GOOD_ANSWER), (100, BAD_ANSWER)], Ending(End.LATE, BAD_ANSWER.reason), id="bad-at-the-end"),
        pytest.param(
            [(1, BAD_ANSWER), (100, GOOD_ANSWER)],
            Ending(End.LATE, "its last answer was good (HTTP 200), but two in a row count, and there was no time for a second"),
            id="good-only-once",
        ),
        pytest.param([(1, BAD_ANSWER), (99.5, GOOD_ANSWER), (101, GOOD_ANSWER)], Ending(End.SUCCEEDED), id="good-at-the-last-moment"),
    ],
)
def test_two_good_answers_in_a_row_are_the_proof(looks: list[tuple[float, Sight]], ending: Ending | None) -> None:
    assert played(looks, replace(FRESH, handle=VISITED, leg=Leg.VERIFY))[0].ending == ending


# --- Back to what ran before

SAID_BAD = replace(BAD_ANSWER, bad=True)
NO_ANSWER = Snapshot(Phase.RUNNING, "no answer", reason="https://web.example.com: no connection")
GO_BACK = Aims(rollback=True)


def visit(*looks: tuple[float, Sight]) -> Watch:
    return played(list(looks), replace(FRESH, handle=VISITED, leg=Leg.VERIFY))[0]


@pytest.mark.parametrize(
    ("leg", "watch", "then"),
    [
        pytest.param(Leg.HEALTH, health((10, DOWN), (70, DOWN)), Back(Final(Outcome.UNVERIFIED, DOWN.reason, PROOF)), id="it-is-down"),
        pytest.param(
            Leg.VERIFY, visit((1, SAID_BAD), (100, SAID_BAD)), Back(Final(Outcome.UNVERIFIED, SAID_BAD.reason, PROOF)), id="a-bad-answer"
        ),
        pytest.param(Leg.HEALTH, health((10, replace(UP, hold=0))), PROVABLE, id="not-when-it-runs"),
        pytest.param(Leg.VERIFY, visit((1, GOOD_ANSWER), (2, GOOD_ANSWER)), PROVABLE, id="not-when-it-answers"),
        pytest.param(Leg.VERIFY, visit((1, SAID_BAD), (2, GOOD_ANSWER), (3, GOOD_ANSWER)), PROVABLE, id="not-when-it-answers-late"),
        pytest.param(
            Leg.VERIFY,
            visit((1, SAID_BAD), (100, NO_ANSWER)),
            Final(Outcome.UNVERIFIED, NO_ANSWER.reason, PROOF, TURNED),
            id="not-when-nothing-answers-in-the-end",
        ),
        pytest.param(
            Leg.VERIFY,
            visit((1, NO_ANSWER), (100, NO_ANSWER)),
            Final(Outcome.UNVERIFIED, NO_ANSWER.reason, PROOF, UNPROVEN),
            id="not-when-nothing-ever-answers",
        ),
        pytest.param(
            Leg.VERIFY,
            visit((1, SAID_BAD), (100, GOOD_ANSWER)),
            Final(
                Outcome.UNVERIFIED,
                "its last answer was good (HTTP 200), but two in a row count, and there was no time for a second",
                PROOF,
                TURNED,
            ),
            id="not-when-the-last-answer-was-good",
        ),
        pytest.param(
            Leg.HEALTH,
            health((90, DOWN), (100, DOWN)),
            replace(PROVABLE, warning=f"deployed, but not seen for long enough to be sure: {DOWN.reason}"),
            id="not-when-it-was-down-too-short",
        ),
        pytest.param(
            Leg.HEALTH,
            health((10, STARTING), (100, STARTING)),
            replace(PROVABLE, warning=f"deployed, but {UNSEEN}{STARTING.reason}"),
            id="not-when-nobody-could-tell",
        ),
    ],
)
def test_only_what_was_seen_not_to_run_is_taken_back(leg: Leg, watch: Watch, then: Next) -> None:
    assert after(leg, (watch,), repeated=False, so_far=PROVABLE, aims=GO_BACK) == then


@pytest.mark.parametrize(
    ("leg", "watch"),
    [
        pytest.param(Leg.HEALTH, health((10, DOWN), (70, DOWN)), id="its-health"),
        pytest.param(Leg.VERIFY, visit((1, SAID_BAD), (100, SAID_BAD)), id="its-site"),
    ],
)
def test_nothing_is_taken_back_unasked_nor_a_second_time(leg: Leg, watch: Watch) -> None:
    assert isinstance(after(leg, (watch,), repeated=False, so_far=PROVABLE), Final)


@pytest.mark.parametrize(
    ("watch", "warning"),
    [
        pytest.param(health((10, STARTING), (100, STARTING)), UNPROVEN, id="not-clear"),
        pytest.param(health((10, UP), (20, Barred("revoked"))), UNPROVEN, id="barred"),
        pytest.param(health((100, Missed("HTTP 502"))), UNPROVEN, id="never-seen"),
    ],
)
def test_that_nobody_could_tell_takes_nothing_back_and_that_is_said(watch: Watch, warning: str) -> None:
    final = after(Leg.HEALTH, (watch,), repeated=False, so_far=PROVABLE, aims=Aims(strict=True, rollback=True))
    assert isinstance(final, Final)
    assert (final.outcome, final.warning) == (Outcome.UNVERIFIED, warning)


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(DONE, FINE, id="succeeded"),
        pytest.param(replace(BROKEN, reason="exit 1"), Final(Outcome.FAILED, "exit 1"), id="failed"),
        pytest.param(Snapshot(Phase.CANCELLED), Final(Outcome.CANCELLED, ""), id="cancelled"),
        pytest.param(replace(GONE, reason="no row"), Final(Outcome.LOST, "no row"), id="gone"),
        pytest.param(RUNNING, Final(Outcome.TIMED_OUT, LATE), id="late"),
        pytest.param(
            Snapshot(Phase.UNPROVEN, reason="its post-deployment command failed"),
            Final(Outcome.UNVERIFIED, "its post-deployment command failed", warning=UNPROVEN),
            id="a-command-that-failed-is-no-evidence-and-that-is-said",
        ),
    ],
)
def test_a_deployment_s_own_end_takes_nothing_back(last: Snapshot, final: Final) -> None:
    assert after(Leg.DEPLOYMENT, (over(last),), repeated=False, aims=GO_BACK) == final


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(replace(BROKEN, reason="exit 1"), Final(Outcome.FAILED, f"{HERE}exit 1"), id="failed"),
        pytest.param(
            Snapshot(Phase.UNPROVEN, reason="skipped"), Final(Outcome.UNVERIFIED, f"{HERE}skipped", warning=UNPROVEN), id="unproven"
        ),
    ],
)
def test_nor_does_another_server_s(last: Snapshot, final: Final) -> None:
    assert after(Leg.OTHERS, (on("berlin", last),), repeated=False, so_far=FINE, aims=GO_BACK) == final


DOWN_AGAIN = Final(Outcome.UNVERIFIED, "it does not run", PROOF)
BACK_AGAIN = Final(Outcome.ROLLED_BACK, "it does not run. What ran before was put back")
BACK_PROVABLE = replace(BACK_AGAIN, proof=PROOF)
NOT_BACK = "it does not run. What ran before was to be put back, but was not seen to run again"


@pytest.mark.parametrize(
    ("watch", "repeated", "then"),
    [
        pytest.param(over(DONE), False, BACK_AGAIN, id="put-back"),
        pytest.param(
            over(replace(DONE, proof=PROOF)), False, Onward(Leg.HEALTH, (PROOF,), DEADLINE, BACK_PROVABLE), id="its-health-is-read"
        ),
        pytest.param(
            over(replace(DONE, proof=PROOF, next=OTHERS)),
            False,
            Onward(Leg.OTHERS, OTHERS, DEADLINE, BACK_PROVABLE),
            id="its-others-are-followed-first",
        ),
        pytest.param(
            over(Snapshot(Phase.UNPROVEN, reason="skipped", next=OTHERS, proof=PROOF)),
            False,
            Final(Outcome.UNVERIFIED, f"{NOT_BACK}: skipped", PROOF),
            id="unproven",
        ),
        pytest.param(over(replace(BROKEN, reason="exit 1")), False, Final(Outcome.UNVERIFIED, f"{NOT_BACK}: exit 1"), id="failed"),
        pytest.param(over(BROKEN), False, Final(Outcome.UNVERIFIED, NOT_BACK), id="failed-without-a-reason"),
        pytest.param(over(Snapshot(Phase.CANCELLED, reason="x")), False, Final(Outcome.UNVERIFIED, f"{NOT_BACK}: x"), id="cancelled"),
        pytest.param(
            over(Snapshot(Phase.CANCELLED, reason="x"), handle=ADOPTED),
            False,
            Final(Outcome.UNVERIFIED, f"{NOT_BACK}: x"),
            id="nor-again-where-somebody-cancels-somebody-else-s",
        ),
        pytest.param(over(replace(GONE, reason="no row")), False, Final(Outcome.UNVERIFIED, f"{NOT_BACK}: no row"), id="gone"),
        pytest.param(over(Barred("revoked")), False, Final(Outcome.UNVERIFIED, f"{NOT_BACK}: revoked"), id="barred"),
        pytest.param(over(RUNNING), False, Final(Outcome.UNVERIFIED, f"{NOT_BACK}: {LATE}"), id="late"),
        pytest.param(
            over(replace(GONE, next=REAL), handle=PHANTOM),
            True,
            Onward(Leg.ROLLBACK, REAL, DEADLINE, DOWN_AGAIN),
            id="a-phantom-of-another-s",
        ),
        pytest.param(over(replace(GONE, reason="none"), handle=PHANTOM), False, Again("none"), id="a-phantom-of-nothing"),
        pytest.param(
            over(replace(GONE, reason="none"), handle=PHANTOM),
            True,
            Final(Outcome.UNVERIFIED, f"{NOT_BACK}: none"),
            id="a-phantom-of-nothing-again",
        ),
    ],
)
@pytest.mark.parametrize("aims", [Aims(), Aims(site=True), Aims(strict=True)], ids=["", "site", "strict"])
def test_what_is_put_back_is_followed_to_its_end(watch: Watch, repeated: bool, then: Next, aims: Aims) -> None:  # noqa: FBT001
    assert after(Leg.ROLLBACK, (watch,), repeated=repeated, so_far=DOWN_AGAIN, aims=aims) == then


@pytest.mark.parametrize(
    ("leg", "watch", "aims", "then"),
    [
        pytest.param(Leg.OTHERS, on("berlin", DONE), Aims(site=True), Onward(Leg.HEALTH, (PROOF,), DEADLINE, BACK_PROVABLE), id="others"),
        pytest.param(
            Leg.OTHERS,
            on("berlin", replace(BROKEN, reason="exit 1")),
            Aims(site=True),
            Final(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but {HERE}exit 1"),
            id="others-that-fail",
        ),
        pytest.param(
            Leg.OTHERS,
            on("berlin", RUNNING),
            Aims(),
            Final(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but {HERE}{LATE}"),
            id="others-that-are-late",
        ),
        pytest.param(Leg.HEALTH, health((10, replace(UP, hold=0))), Aims(site=True), BACK_PROVABLE, id="it-runs-and-no-site-is-asked"),
        pytest.param(
            Leg.HEALTH,
            health((10, DOWN), (70, DOWN)),
            Aims(),
            Final(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but {DOWN.reason}"),
            id="it-does-not-run-either",
        ),
        pytest.param(
            Leg.HEALTH,
            health((10, replace(DOWN, reason="")), (70, replace(DOWN, reason=""))),
            Aims(),
            Final(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but unverified"),
            id="and-nobody-says-why",
        ),
        pytest.param(
            Leg.HEALTH,
            health((10, STARTING), (100, STARTING)),
            Aims(),
            replace(BACK_PROVABLE, warning=f"deployed, but {UNSEEN}{STARTING.reason}"),
            id="nobody-could-tell",
        ),
        pytest.param(
            Leg.HEALTH,
            health((10, STARTING), (100, STARTING)),
            Aims(strict=True),
            Final(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but {UNSEEN}{STARTING.reason}"),
            id="proof-was-asked-for",
        ),
    ],
)
def test_what_runs_again_must_prove_it_too(leg: Leg, watch: Watch, aims: Aims, then: Next) -> None:
    assert after(leg, (watch,), repeated=False, so_far=BACK_PROVABLE, aims=aims) == then


@pytest.mark.parametrize(
    ("watches", "final"),
    [
        pytest.param((over(DONE), over(DONE)), FINE, id="all-well"),
        pytest.param((over(DONE), over(replace(BROKEN, reason="exit 1"))), Final(Outcome.FAILED, "exit 1"), id="the-second-failed"),
        pytest.param(
            (over(RUNNING), over(replace(BROKEN, reason="one")), over(replace(BROKEN, reason="two"))),
            Final(Outcome.FAILED, "one"),
            id="the-first-of-the-worst-speaks",
        ),
        pytest.param((over(Snapshot(Phase.CANCELLED)), over(Barred("revoked"))), Final(Outcome.LOST, "revoked"), id="lost-beats-cancelled"),
        pytest.param(
            (over(replace(DONE, next=OTHERS)), over(replace(BROKEN, reason="exit 1"))),
            Final(Outcome.FAILED, "exit 1"),
            id="no-success-hides-it",
        ),
        pytest.param(
            (over(replace(DONE, next=REAL)), over(replace(DONE, next=OTHERS))),
            Onward(Leg.OTHERS, (*REAL, *OTHERS), DEADLINE, FINE),
            id="all-their-others",
        ),
        pytest.param((over(DONE), over(replace(DONE, next=OTHERS))), Onward(Leg.OTHERS, OTHERS, DEADLINE, FINE), id="the-second-s-others"),
        pytest.param((over(GONE, handle=PHANTOM), over(BROKEN)), Final(Outcome.FAILED, ""), id="one-is-gone-and-one-failed"),
        pytest.param((over(GONE, handle=PHANTOM), over(DONE)), FINE, id="a-phantom-counts-as-nothing"),
        pytest.param((over(DONE), over(replace(GONE, reason="none any more"), handle=LISTED)), FINE, id="a-listed-one-too"),
        pytest.param((over(replace(GONE, next=REAL), handle=LISTED), over(DONE)), FINE, id="also-with-another-s-behind-it"),
        pytest.param(
            (over(replace(GONE, reason="no row"), handle=LISTED, before=[(5, RUNNING)]), over(DONE)),
            Final(Outcome.LOST, "no row"),
            id="but-not-one-that-was-there",
        ),
        pytest.param((over(replace(GONE, reason="no row")), over(DONE)), Final(Outcome.LOST, "no row"), id="nor-a-sure-one"),
        pytest.param(
            (over(GONE, handle=LISTED), over(Snapshot(Phase.CANCELLED), handle=ADOPTED)), Again(SOMEBODY), id="what-is-left-is-judged-alone"
        ),
        pytest.param(
            (over(replace(GONE, reason="none any more"), handle=LISTED), over(GONE, handle=PHANTOM)),
            Again("none any more"),
            id="two-phantoms-of-nothing",
        ),
        pytest.param(
            (over(replace(GONE, next=REAL), handle=LISTED), over(replace(GONE, next=REAL), handle=LISTED)),
            Onward(Leg.DEPLOYMENT, REAL, DEADLINE),
            id="two-phantoms-of-the-same-are-one",
        ),
        pytest.param(
            (over(Snapshot(Phase.CANCELLED), handle=PERHAPS_OURS), over(Snapshot(Phase.CANCELLED))),
            Final(Outcome.CANCELLED, ""),
            id="both-are-cancelled-and-one-is-perhaps-ours",
        ),
        pytest.param((over(Snapshot(Phase.CANCELLED), handle=ADOPTED), over(BROKEN)), Final(Outcome.FAILED, ""), id="one-is-cancelled"),
    ],
)
def test_several_deployments_at_once_are_judged_together(watches: tuple[Watch, ...], final: Next) -> None:
    assert after(Leg.DEPLOYMENT, watches, repeated=False) == final


@pytest.mark.parametrize("watches", [(FRESH,), (over(DONE), FRESH), (FRESH, over(DONE))], ids=["none", "first", "second"])
def test_a_leg_that_is_not_over_is_not_judged(watches: tuple[Watch, ...]) -> None:
    with pytest.raises(ValueError, match="only after all its watches have ended"):
        after(Leg.DEPLOYMENT, watches, repeated=False)


def test_the_outcomes_go_from_worst_to_best() -> None:
    statuses = (
        "interrupted failed unverified rolled_back lost timed_out cancelled superseded refused unreachable triggered finished skipped"
    )
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
@pytest.mark.parametrize("last", [None, QUEUED, RUNNING, UNKNOWN, held(Phase.SUCCEEDED, math.inf), UP, DOWN], ids=str)
def test_looks_are_quick_at_first_and_slower_later(age: float, seconds: float, last: Snapshot | None) -> None:
    assert pause(replace(LONG, last=last), BEGAN + age, targets=1) == seconds


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.UNPROVEN, Phase.FAILED, Phase.CANCELLED, Phase.ABSENT])
@pytest.mark.parametrize("age", [0, 3000])
def test_an_end_that_settles_is_looked_at_quickly(phase: Phase, age: float) -> None:
    assert pause(replace(LONG, last=held(phase)), BEGAN + age, targets=1) == 2


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
    assert pause(replace(LONG, missed=missed, last=last), BEGAN, targets=1) == seconds


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
    assert pause(LONG, BEGAN + age, targets=targets) == seconds


@pytest.mark.parametrize(
    "watch",
    [
        pytest.param(LONG, id="at-first"),
        pytest.param(replace(LONG, missed=5), id="after-failed-looks"),
        pytest.param(replace(LONG, last=held(Phase.FAILED)), id="settling"),
    ],
)
@pytest.mark.parametrize("fixed", [0.5, 7, 60])
def test_a_fixed_pace_is_kept(watch: Watch, fixed: float) -> None:
    assert pause(watch, BEGAN, targets=90, fixed=fixed) == fixed


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
    assert pause(LONG, BEGAN, targets=1, fixed=fixed, remaining=remaining) == seconds


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
    assert pause(replace(LONG, missed=1, wait=wait), BEGAN, targets=1, fixed=fixed) == seconds


@pytest.mark.parametrize(
    ("watch", "left", "fixed", "remaining", "seconds"),
    [
        pytest.param(LONG, 4, None, None, 4, id="one-last-look-at-the-deadline"),
        pytest.param(LONG, 4, 60, None, 4, id="also-at-a-fixed-pace"),
        pytest.param(LONG, 4, None, 0, 4, id="also-when-requests-are-scarce"),
        pytest.param(replace(LONG, missed=1, wait=60), 4, None, None, 4, id="also-before-retry-after-is-over"),
        pytest.param(replace(LONG, missed=9), 4, None, None, 4, id="also-after-failed-looks"),
        pytest.param(LONG, 0, None, None, 0, id="at-the-deadline"),
        pytest.param(LONG, -3, None, None, 0, id="never-less-than-none"),
        pytest.param(LONG, 3600, None, None, 1, id="far-away"),
    ],
)
def test_the_last_look_is_at_the_deadline(watch: Watch, left: float, fixed: float | None, remaining: int | None, seconds: float) -> None:
    assert pause(watch, watch.deadline - left, targets=1, fixed=fixed, remaining=remaining) == seconds


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
def test_a_silent_server_is_asked_three_times_in_thirty_seconds(tries: int, age: float, seconds: float | None) -> None:
    assert reach_again(tries, BEGAN, BEGAN + age) == seconds
