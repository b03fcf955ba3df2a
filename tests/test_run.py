"""The loop: who is asked when, what is told, and how each story ends, with a clock that costs no time and a provider that plays rows.

Rules by number: design.md section 4. Times are real seconds since the run began.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.model import (
    Barred,
    Begun,
    Checked,
    Delayed,
    Doubted,
    Ended,
    Entry,
    Event,
    Followed,
    Handle,
    Known,
    Later,
    Logged,
    Moved,
    Outcome,
    Phase,
    Plan,
    Reached,
    Recovered,
    Refused,
    RefusedError,
    Repeated,
    Snapshot,
    Started,
    Stopped,
    Target,
    Trust,
    UnavailableError,
    Waited,
    Warned,
    Wavered,
    Withdrawn,
)
from deployer.run import run
from deployer.run.farewell import UNFOUND
from tests.fakes import BEGINNING, TICK, Act, FakeClock, Scripted

Script = Mapping[str, Sequence[Any]]
Call = tuple[float, str]

QUEUED, RUNNING, DONE, BROKEN = (Snapshot(phase) for phase in (Phase.QUEUED, Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED))
CANCELLED, GONE = Snapshot(Phase.CANCELLED), Snapshot(Phase.ABSENT)
A1, A2, A3, B1, C1 = (Handle(name[0], name) for name in ("a-1", "a-2", "a-3", "b-1", "c-1"))
ADOPTED = Handle("a", "a-1", adopted=True)
PHANTOM = Handle("a", "", Trust.PHANTOM)

REACHED = Reached("Fake 1")
SPOKEN = UnavailableError("HTTP 503", arrived=True, itself=True)
NO_LINE = UnavailableError("no connection")
LOST_ANSWER = UnavailableError("no answer in time", arrived=True)
OWN_FAILURE = UnavailableError("it failed (Whoops)", arrived=True, itself=True, failure="Whoops")
REVOKED = RefusedError("the token is revoked", everywhere=True)
NOTHING = "nothing was started by the trigger whose answer was lost"
SOMEBODY = "the deployment that we followed was cancelled by somebody else"
STOPPED_BY = "the job was stopped (SIGTERM)"
LATE = "it was still being built or started"


@dataclass(frozen=True)
class Tale:
    """What came of one run. `waits` is how often it told that nothing happens; those events are in no list."""

    outcome: Outcome
    events: list[Event]
    calls: list[Call]
    waits: int

    @property
    def sent(self) -> list[str]:
        return [call for _, call in self.calls]

    def times(self, call: str) -> list[float]:
        return [time for time, each in self.calls if each == call]

    def ends(self) -> list[Ended]:
        return [event for event in self.events if isinstance(event, Ended)]


def tell(  # noqa: PLR0913 -- the knobs of one run, each given by name
    script: Script | None = None,
    *,
    targets: tuple[str, ...] = ("a",),
    signals: Iterable[tuple[float, str]] = (),
    signal_at: Event | None = None,
    nth: int = 1,
    remaining: int | None = None,
    **plan: Any,
) -> Tale:
    """One run, and what holds for every one. `signal_at`: SIGTERM comes while this event is told for the nth time."""
    clock = FakeClock(signals)
    provider = Scripted(script or {}, clock, remaining=remaining)
    events: list[Event] = []
    stops: list[float] = []

    def report(event: Event) -> None:
        events.append(event)
        if event == signal_at and events.count(event) == nth:
            clock.signal("SIGTERM")
        if isinstance(event, Stopped):
            stops.append(clock.real() - clock.since_stop() - BEGINNING)

    outcome = run(Plan(targets, **plan), provider, report, clock)
    tale = Tale(outcome, [event for event in events if not isinstance(event, Waited)], provider.calls, events.count(Waited()))
    _holds_always(tale, targets)
    assert all(time < stops[0] + 5 for time, _ in tale.calls if stops), "five seconds after the signal nothing more is sent"
    return tale


def _holds_always(tale: Tale, targets: tuple[str, ...]) -> None:
    """Rule 6, and that what is not ours is not touched."""
    for target in targets:
        story = [event for event in tale.events if getattr(event, "target", None) == target]
        assert [type(event) for event in story].count(Ended) == 1, "every story ends once"
        assert isinstance(story[-1], Ended), "nothing is told of a story that is over"
    assert tale.outcome is Outcome.worst([event.outcome for event in tale.ends()])
    adopted = {event.handle.id for event in tale.events if isinstance(event, Followed) and event.handle.adopted}
    assert not adopted & {call.split()[1] for call in tale.sent if call.startswith("cancel ")}


def begun(target: str) -> list[Event]:
    return [Checked(Target(target)), Begun(target)]


OPENING: list[Event] = [REACHED, *begun("a")]
FOLLOWED: list[Event] = [*OPENING, Followed("a", A1)]
UNTIL_START: list[Call] = [(0, "reach"), (0, "check a"), (0, "start a")]


def phase(phase: Phase, target: str = "a") -> Moved:
    return Moved(target, phase, "")


# --- One target's way to each outcome


@pytest.mark.parametrize(
    ("script", "outcome", "events"),
    [
        pytest.param({}, Outcome.FINISHED, [*FOLLOWED, phase(Phase.SUCCEEDED), Ended("a", Outcome.FINISHED)], id="finished"),
        pytest.param(
            {"look a-1": [replace(BROKEN, reason="exit 1")]},
            Outcome.FAILED,
            [*FOLLOWED, phase(Phase.FAILED), Ended("a", Outcome.FAILED, "exit 1")],
            id="failed",
        ),
        pytest.param(
            {"look a-1": [Snapshot(Phase.UNPROVEN, reason="skipped")]},
            Outcome.UNVERIFIED,
            [*FOLLOWED, phase(Phase.UNPROVEN), Ended("a", Outcome.UNVERIFIED, "skipped")],
            id="unverified",
        ),
        pytest.param(
            {"look a-1": [CANCELLED]}, Outcome.CANCELLED, [*FOLLOWED, phase(Phase.CANCELLED), Ended("a", Outcome.CANCELLED)], id="cancelled"
        ),
        pytest.param(
            {"look a-1": [replace(GONE, reason="no row")]},
            Outcome.LOST,
            [*FOLLOWED, phase(Phase.ABSENT), Ended("a", Outcome.LOST, "no row")],
            id="lost-because-it-is-gone",
        ),
        pytest.param(
            {"look a-1": [RUNNING, RefusedError("not yours")]},
            Outcome.LOST,
            [*FOLLOWED, phase(Phase.RUNNING), Ended("a", Outcome.LOST, "not yours")],
            id="lost-because-we-may-not-look",
        ),
        pytest.param(
            {"look a-1": [QUEUED, RUNNING]},
            Outcome.TIMED_OUT,
            [*FOLLOWED, phase(Phase.QUEUED), phase(Phase.RUNNING), Ended("a", Outcome.TIMED_OUT, LATE)],
            id="timed-out",
        ),
        pytest.param({"start a": [Refused("full")]}, Outcome.REFUSED, [*OPENING, Ended("a", Outcome.REFUSED, "full")], id="refused"),
        pytest.param(
            {"start a": [RefusedError("no right")]}, Outcome.REFUSED, [*OPENING, Ended("a", Outcome.REFUSED, "no right")], id="start-barred"
        ),
        pytest.param(
            {"check a": [RefusedError("unknown")]}, Outcome.REFUSED, [REACHED, Ended("a", Outcome.REFUSED, "unknown")], id="unknown"
        ),
        pytest.param(
            {"start a": [Started((), "nothing to follow")]},
            Outcome.TRIGGERED,
            [*OPENING, Ended("a", Outcome.TRIGGERED, "nothing to follow")],
            id="triggered-without-a-handle",
        ),
        pytest.param(
            {"reach": [RefusedError("wrong token")]},
            Outcome.REFUSED,
            [Ended("a", Outcome.REFUSED, "wrong token")],
            id="refused-by-the-server",
        ),
    ],
)
def test_one_target_s_way_to_each_outcome(script: Script, outcome: Outcome, events: list[Event]) -> None:
    tale = tell(script)
    assert (tale.outcome, tale.events) == (outcome, events)


def test_a_whole_story_with_its_log_its_facts_and_an_outage() -> None:
    one, two = Entry(1, "one"), Entry(2, "two")
    tale = tell(
        {
            "look a-1": [
                Snapshot(Phase.RUNNING, "in_progress", (one,), link="https://x"),
                UnavailableError("HTTP 502"),
                UnavailableError("HTTP 502"),
                Snapshot(Phase.SUCCEEDED, "finished", (one, two), hold=2, link="https://x"),
            ],
        },
    )
    assert tale == Tale(
        Outcome.FINISHED,
        [
            *FOLLOWED,
            Known("a", "https://x", "", ""),
            Moved("a", Phase.RUNNING, "in_progress"),
            Logged("a", (one,)),
            Wavered("a", "HTTP 502"),
            Recovered("a", 2),
            Moved("a", Phase.SUCCEEDED, "finished"),
            Logged("a", (two,)),
            Ended("a", Outcome.FINISHED),
        ],
        [*UNTIL_START, (0, "look a-1"), (1, "look a-1"), (4, "look a-1"), (10, "look a-1"), (12, "look a-1")],
        4,
    )


def test_the_pace_is_the_plan_s_and_the_last_look_is_at_the_deadline() -> None:
    tale = tell({"look a-1": [RUNNING]}, timeout=100, poll_interval=40)
    assert tale.times("look a-1") == [0, 40, 80, 100]


def test_scarce_requests_slow_the_looks_down() -> None:
    assert tell({"look a-1": [RUNNING, RUNNING, DONE]}, remaining=3).times("look a-1") == [0, 15, 30]


def test_retry_after_keeps_us_away() -> None:
    assert tell({"look a-1": [UnavailableError("HTTP 429", wait=50), DONE]}).times("look a-1") == [0, 50]


def test_a_success_at_the_deadline_is_one() -> None:
    assert tell({"look a-1": [RUNNING, RUNNING, DONE]}, timeout=60, poll_interval=30).outcome is Outcome.FINISHED


def test_the_time_runs_from_the_first_trigger() -> None:
    tale = tell({"check a": [Act(Target("a"), takes=30)], "start a": [Act(Started((A1,)), takes=10)], "look a-1": [RUNNING]}, timeout=60)
    assert (tale.times("start a"), tale.times("look a-1")[0], tale.times("look a-1")[-1]) == ([30], 40, 90)


# --- Several targets


def test_targets_are_checked_first_then_started_then_looked_at_in_turn_and_the_worst_counts() -> None:
    tale = tell({"look a-1": [RUNNING, RUNNING, DONE], "look b-1": [BROKEN], "look c-1": [RUNNING, DONE]}, targets=("a", "b", "c"))
    assert tale == Tale(
        Outcome.FAILED,
        [
            REACHED,
            *(Checked(Target(target)) for target in "abc"),
            *(event for target in "abc" for event in (Begun(target), Followed(target, Handle(target, f"{target}-1")))),
            phase(Phase.RUNNING),
            phase(Phase.FAILED, "b"),
            Ended("b", Outcome.FAILED),
            phase(Phase.RUNNING, "c"),
            phase(Phase.SUCCEEDED, "c"),
            Ended("c", Outcome.FINISHED),
            phase(Phase.SUCCEEDED),
            Ended("a", Outcome.FINISHED),
        ],
        [
            (0, "reach"),
            *((0, f"check {target}") for target in "abc"),
            *((0, f"start {target}") for target in "abc"),
            *((0, f"look {target}-1") for target in "abc"),
            (2, "look c-1"),
            (3, "look a-1"),
            (4, "look a-1"),
        ],
        3,
    )


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        pytest.param({"check a": [RefusedError("unknown")]}, Outcome.REFUSED, id="one-is-unknown"),
        pytest.param({"start a": [Refused("full")]}, Outcome.REFUSED, id="one-is-refused"),
        pytest.param({"start a": [RefusedError("not yours")]}, Outcome.REFUSED, id="one-is-barred"),
        pytest.param({"start a": [LOST_ANSWER], "find a": [Barred("nobody can tell")]}, Outcome.LOST, id="one-is-lost"),
        pytest.param({"look a-1": [RefusedError("not yours")]}, Outcome.LOST, id="one-is-hidden"),
        pytest.param({"look a-1": [BROKEN]}, Outcome.FAILED, id="one-failed"),
        pytest.param({"look a-1": [RUNNING]}, Outcome.TIMED_OUT, id="one-is-late"),
        pytest.param({"start a": [Later(9, "full")]}, Outcome.TIMED_OUT, id="one-is-never-accepted"),
    ],
)
def test_one_target_s_end_stops_no_other(script: Script, outcome: Outcome) -> None:
    tale = tell({**script, "look b-1": [RUNNING] * 9 + [DONE]}, targets=("a", "b"))
    assert {event.target: event.outcome for event in tale.ends()} == {"a": outcome, "b": Outcome.FINISHED}
    assert tale.outcome is outcome


def test_a_target_that_must_wait_holds_up_no_other() -> None:
    tale = tell({"start a": [Later(30, "full"), Started((A1,))], "look b-1": [RUNNING, DONE]}, targets=("a", "b"))
    assert tale.events[3:] == [
        Begun("a"),
        Delayed("a", 30, "full"),
        Begun("b"),
        Followed("b", B1),
        phase(Phase.RUNNING, "b"),
        phase(Phase.SUCCEEDED, "b"),
        Ended("b", Outcome.FINISHED),
        Followed("a", A1),
        phase(Phase.SUCCEEDED),
        Ended("a", Outcome.FINISHED),
    ]
    assert tale.times("start a") == [0, 30]
    assert tale.times("look b-1") == [0, 1]


# --- `wait: false`


@pytest.mark.parametrize(
    ("script", "events"),
    [
        pytest.param({}, [*FOLLOWED, Ended("a", Outcome.TRIGGERED)], id="accepted"),
        pytest.param(
            {"start a": [Started((A1,), "a note")]},
            [*OPENING, Followed("a", A1, "a note"), Ended("a", Outcome.TRIGGERED, "a note")],
            id="accepted-with-a-note",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [Started((A1,), "found")]},
            [*OPENING, Doubted("a", "no answer in time"), Followed("a", A1, "found"), Ended("a", Outcome.TRIGGERED, "found")],
            id="found",
        ),
        pytest.param({"start a": [Refused("full")]}, [*OPENING, Ended("a", Outcome.REFUSED, "full")], id="refused"),
        pytest.param(
            {"start a": [Later(9, "full"), Started((A1,))]},
            [*OPENING, Delayed("a", 9, "full"), Followed("a", A1), Ended("a", Outcome.TRIGGERED)],
            id="accepted-later",
        ),
    ],
)
def test_without_waiting_the_story_ends_with_the_trigger(script: Script, events: list[Event]) -> None:
    tale = tell(script, wait=False)
    assert tale.events == events
    assert not [call for call in tale.sent if call.startswith("look")]


DOUBTFUL = replace(A1, trust=Trust.DOUBTFUL)


@pytest.mark.parametrize(
    ("looks", "events", "times"),
    [
        pytest.param([QUEUED], [phase(Phase.QUEUED), Ended("a", Outcome.TRIGGERED)], [0], id="it-is-there"),
        pytest.param(
            [NO_LINE, DONE],
            [Wavered("a", "no connection"), Recovered("a", 1), phase(Phase.SUCCEEDED), Ended("a", Outcome.TRIGGERED)],
            [0, 3],
            id="it-is-seen-late",
        ),
        pytest.param(
            [replace(GONE, hold=2, reason="full queue")],
            [phase(Phase.ABSENT), Ended("a", Outcome.REFUSED, "full queue")],
            [0, 2],
            id="it-was-never-there",
        ),
    ],
)
def test_a_doubtful_answer_is_looked_at_also_without_waiting(looks: list[Any], events: list[Event], times: list[float]) -> None:
    tale = tell({"start a": [Started((DOUBTFUL,))], "look a-1": looks}, wait=False)
    assert tale.events == [*OPENING, Followed("a", DOUBTFUL), *events]
    assert tale.times("look a-1") == times


# --- Rule 10: short patience with a stranger, long patience with an acquaintance


@pytest.mark.parametrize(
    ("script", "times", "last"),
    [
        pytest.param(
            {"reach": [NO_LINE]},
            [0, 15, 30],
            Ended("a", Outcome.UNREACHABLE, "no connection (3 tries in 30 s)"),
            id="three-tries-in-thirty-seconds",
        ),
        pytest.param(
            {"reach": [Act(NO_LINE, takes=12)]},
            [0, 15, 30],
            Ended("a", Outcome.UNREACHABLE, "no connection (3 tries in 42 s)"),
            id="however-long-each-takes",
        ),
        pytest.param({"reach": [NO_LINE, "Fake 1"]}, [0, 15], Ended("a", Outcome.FINISHED), id="the-second-is-answered"),
        pytest.param({"reach": [NO_LINE, NO_LINE, "Fake 1"]}, [0, 15, 30], Ended("a", Outcome.FINISHED), id="the-third-is-answered"),
        pytest.param(
            {"reach": [UnavailableError("it redirects", final=True)]},
            [0],
            Ended("a", Outcome.UNREACHABLE, "it redirects"),
            id="a-redirect-at-once",
        ),
        pytest.param(
            {"reach": [NO_LINE, UnavailableError("it redirects", final=True)]},
            [0, 15],
            Ended("a", Outcome.UNREACHABLE, "it redirects"),
            id="a-redirect-at-the-second-try",
        ),
        pytest.param({"reach": [NO_LINE, RefusedError("wrong token")]}, [0, 15], Ended("a", Outcome.REFUSED, "wrong token"), id="refused"),
        pytest.param(
            {"reach": [SPOKEN]},
            [0, 5, 10, 15, 20, 25, 30, 35, 40],
            Ended("a", Outcome.TIMED_OUT, "nothing was started: HTTP 503"),
            id="the-server-itself-is-waited-for",
        ),
        pytest.param(
            {"reach": [SPOKEN, NO_LINE]},
            [0, 5, 10, 15, 20, 25, 30, 35, 40],
            Ended("a", Outcome.TIMED_OUT, "nothing was started: no connection"),
            id="also-when-it-falls-silent",
        ),
        pytest.param(
            {"reach": [NO_LINE, SPOKEN, NO_LINE, NO_LINE, NO_LINE, "Fake 1"]},
            [0, 15, 20, 25, 30, 35],
            Ended("a", Outcome.FINISHED),
            id="also-when-it-spoke-late",
        ),
        pytest.param(
            {"reach": [UnavailableError("HTTP 429", itself=True, wait=20), "Fake 1"]},
            [0, 20],
            Ended("a", Outcome.FINISHED),
            id="retry-after-is-obeyed",
        ),
        pytest.param(
            {"reach": [UnavailableError("HTTP 429", itself=True, wait=86400)]},
            [0, 40],
            Ended("a", Outcome.TIMED_OUT, "nothing was started: HTTP 429"),
            id="but-not-longer-than-the-time-given",
        ),
    ],
)
def test_patience_is_short_until_the_server_has_answered_as_itself(script: Script, times: list[float], last: Ended) -> None:
    tale = tell(script, timeout=40)
    assert (tale.times("reach"), tale.events[-1]) == (times, last)


def test_nothing_is_asked_of_a_server_that_was_not_reached() -> None:
    tale = tell({"reach": [NO_LINE, UnavailableError("HTTP 502"), UnavailableError("HTTP 502")]}, targets=("a", "b"))
    why = "HTTP 502 (3 tries in 30 s)"
    assert tale == Tale(
        Outcome.UNREACHABLE,
        [
            Wavered("", "no connection"),
            Wavered("", "HTTP 502"),
            Ended("a", Outcome.UNREACHABLE, why),
            Ended("b", Outcome.UNREACHABLE, why),
        ],
        [(0, "reach"), (15, "reach"), (30, "reach")],
        2,
    )


def test_the_same_trouble_is_told_once_while_the_server_is_not_reached() -> None:
    assert tell({"reach": [NO_LINE, NO_LINE, "Fake 1"]}).events[:2] == [Wavered("", "no connection"), REACHED]


# --- Rule 3: what is refused to the token is not asked again


@pytest.mark.parametrize(
    ("script", "calls", "ends"),
    [
        pytest.param(
            {"check b": [REVOKED]},
            ["reach", "check a", "check b"],
            {"a": Outcome.REFUSED, "b": Outcome.REFUSED, "c": Outcome.REFUSED},
            id="at-a-check",
        ),
        pytest.param(
            {"start b": [REVOKED]},
            ["reach", "check a", "check b", "check c", "start a", "start b"],
            {"a": Outcome.LOST, "b": Outcome.REFUSED, "c": Outcome.REFUSED},
            id="at-a-start",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "start b": [REVOKED]},
            ["reach", "check a", "check b", "check c", "start a", "start b"],
            {"a": Outcome.LOST, "b": Outcome.REFUSED, "c": Outcome.REFUSED},
            id="at-a-start-while-one-is-in-doubt",
        ),
        pytest.param(
            {"start a": [Later(9, "full")], "start b": [Refused("full")], "look c-1": [REVOKED]},
            ["reach", "check a", "check b", "check c", "start a", "start b", "start c", "look c-1"],
            {"a": Outcome.REFUSED, "b": Outcome.REFUSED, "c": Outcome.LOST},
            id="at-a-look-while-one-must-wait",
        ),
        pytest.param(
            {"look b-1": [REVOKED]},
            ["reach", "check a", "check b", "check c", "start a", "start b", "start c", "look a-1", "look b-1"],
            {"a": Outcome.FINISHED, "b": Outcome.LOST, "c": Outcome.LOST},
            id="at-a-look",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [REVOKED]},
            ["reach", "check a", "check b", "check c", "start a", "start b", "start c", "find a"],
            {"a": Outcome.LOST, "b": Outcome.LOST, "c": Outcome.LOST},
            id="at-a-find",
        ),
    ],
)
def test_a_revoked_token_ends_every_story_without_another_request(script: Script, calls: list[str], ends: Mapping[str, Outcome]) -> None:
    tale = tell(script, targets=("a", "b", "c"))
    assert tale.sent == calls
    assert {event.target: event.outcome for event in tale.ends()} == ends


def test_a_revoked_token_is_not_asked_for_the_next_of_several_deployments_either() -> None:
    tale = tell({"look a-1": [replace(DONE, next=(A2, A3))], "look a-2": [REVOKED]})
    assert tale.sent == [*(call for _, call in UNTIL_START), "look a-1", "look a-2"]
    assert tale.outcome is Outcome.LOST


def test_a_failure_that_was_seen_counts_more_than_a_token_that_is_revoked_after_it() -> None:
    tale = tell({"look a-1": [replace(DONE, next=(A2, A3))], "look a-2": [replace(BROKEN, reason="exit 1")], "look a-3": [REVOKED]})
    assert tale.ends() == [Ended("a", Outcome.FAILED, "exit 1")]


@pytest.mark.parametrize(
    ("last", "handle", "ended"),
    [
        pytest.param(replace(DONE, hold=9), A1, Ended("a", Outcome.FINISHED), id="succeeded"),
        pytest.param(replace(BROKEN, hold=9, reason="exit 1"), A1, Ended("a", Outcome.FAILED, "exit 1"), id="failed"),
        pytest.param(replace(DONE, hold=9, next=(A2,)), A1, Ended("a", Outcome.LOST, "the token is revoked"), id="others-are-not-seen"),
        pytest.param(replace(CANCELLED, hold=9), ADOPTED, Ended("a", Outcome.CANCELLED), id="adopted-and-cancelled"),
    ],
)
def test_an_end_that_was_seen_counts_when_the_token_is_revoked(last: Snapshot, handle: Handle, ended: Ended) -> None:
    script: Script = {"start a": [Started((handle,))], "look a-1": [last], "look b-1": [RUNNING, REVOKED]}
    tale = tell(script, targets=("a", "b"), poll_interval=5)
    assert [event for event in tale.ends() if event.target == "a"] == [ended]
    assert Repeated not in {type(event) for event in tale.events}
    assert tale.sent[-1] == "look b-1"


def test_a_token_that_may_not_cancel_any_more_is_not_used_again() -> None:
    script: Script = {"look a-1": [RUNNING], "look b-1": [RUNNING], "cancel a-1": [REVOKED]}
    tale = tell(script, targets=("a", "b"), timeout=25, poll_interval=25, cancel_on_timeout=True)
    assert tale.sent[-4:] == ["look a-1", "look b-1", "look a-1", "cancel a-1"]
    assert {event.target: event.outcome for event in tale.ends()} == {"a": Outcome.TIMED_OUT, "b": Outcome.LOST}


# --- Rule 7: triggered once

IN_DOUBT: list[Event] = [*OPENING, Doubted("a", "no answer in time")]


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [Started((A1,), "found on the server")]},
            [*IN_DOUBT, Followed("a", A1, "found on the server"), phase(Phase.SUCCEEDED), Ended("a", Outcome.FINISHED)],
            [(0, "find a"), (0, "look a-1")],
            id="the-one-that-is-found-is-ours",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [None, Started((A1,), "found on the server")]},
            [*IN_DOUBT, Followed("a", A1, "found on the server"), phase(Phase.SUCCEEDED), Ended("a", Outcome.FINISHED)],
            [(0, "find a"), (5, "find a"), (5, "look a-1")],
            id="also-five-seconds-later",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER, Started((A1,))]},
            [*IN_DOUBT, Repeated("a", NOTHING), Followed("a", A1), phase(Phase.SUCCEEDED), Ended("a", Outcome.FINISHED)],
            [(0, "find a"), (5, "find a"), (5, "start a"), (5, "look a-1")],
            id="sent-again-when-two-searches-find-nothing",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER, LOST_ANSWER, Started((A1,))]},
            [
                *IN_DOUBT,
                Repeated("a", NOTHING),
                Doubted("a", "no answer in time"),
                Repeated("a", NOTHING),
                Followed("a", A1),
                phase(Phase.SUCCEEDED),
                Ended("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (5, "find a"), (5, "start a"), (5, "find a"), (10, "find a"), (10, "start a"), (10, "look a-1")],
            id="two-searches-each-time",
        ),
        pytest.param(
            {
                "start a": [LOST_ANSWER, Started((A1,))],
                "find a": [UnavailableError("HTTP 502"), None, UnavailableError("HTTP 503", wait=30), None],
            },
            [
                *IN_DOUBT,
                Wavered("a", "HTTP 502"),
                Wavered("a", "HTTP 503"),
                Repeated("a", NOTHING),
                Followed("a", A1),
                phase(Phase.SUCCEEDED),
                Ended("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (5, "find a"), (10, "find a"), (40, "find a"), (40, "start a"), (40, "look a-1")],
            id="a-search-that-fails-is-none",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [Barred("nobody can tell")]},
            [*IN_DOUBT, Ended("a", Outcome.LOST, "nobody can tell")],
            [(0, "find a")],
            id="where-nobody-can-tell-it-is-lost",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [None, Barred("nobody can tell")]},
            [*IN_DOUBT, Ended("a", Outcome.LOST, "nobody can tell")],
            [(0, "find a"), (5, "find a")],
            id="also-when-that-shows-late",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [RefusedError("not yours")]},
            [*IN_DOUBT, Ended("a", Outcome.LOST, "not yours")],
            [(0, "find a")],
            id="refused-is-lost",
        ),
        pytest.param(
            {"start a": [OWN_FAILURE]},
            [
                *OPENING,
                *[Doubted("a", "it failed (Whoops)"), Repeated("a", NOTHING)] * 2,
                Doubted("a", "it failed (Whoops)"),
                Ended("a", Outcome.REFUSED, "the server failed 3 times and started nothing: Whoops"),
            ],
            [(0, "find a"), (5, "find a"), (5, "start a"), (5, "find a"), (10, "find a"), (10, "start a"), (10, "find a"), (15, "find a")],
            id="three-failures-of-its-own-are-a-refusal",
        ),
        pytest.param(
            {"start a": [OWN_FAILURE, OWN_FAILURE, OWN_FAILURE], "find a": [None] * 4 + [UnavailableError("HTTP 502"), None]},
            [
                *OPENING,
                *[Doubted("a", "it failed (Whoops)"), Repeated("a", NOTHING)] * 2,
                Doubted("a", "it failed (Whoops)"),
                Wavered("a", "HTTP 502"),
                Ended("a", Outcome.REFUSED, "the server failed 3 times and started nothing: Whoops"),
            ],
            [
                *[(0, "find a"), (5, "find a"), (5, "start a"), (5, "find a"), (10, "find a"), (10, "start a"), (10, "find a")],
                *[(15, "find a"), (20, "find a")],
            ],
            id="told-with-its-own-text-whatever-the-search-met",
        ),
        pytest.param(
            {"start a": [OWN_FAILURE], "find a": [None] * 5 + [Started((A1,), "found")]},
            [
                *OPENING,
                *[Doubted("a", "it failed (Whoops)"), Repeated("a", NOTHING)] * 2,
                Doubted("a", "it failed (Whoops)"),
                Followed("a", A1, "found"),
                phase(Phase.SUCCEEDED),
                Ended("a", Outcome.FINISHED),
            ],
            [
                *[(0, "find a"), (5, "find a"), (5, "start a"), (5, "find a"), (10, "find a"), (10, "start a"), (10, "find a")],
                *[(15, "find a"), (15, "look a-1")],
            ],
            id="a-failure-that-started-one-is-none",
        ),
        pytest.param(
            {"start a": [NO_LINE, NO_LINE, Started((A1,))]},
            [*OPENING, Wavered("a", "no connection"), Followed("a", A1), phase(Phase.SUCCEEDED), Ended("a", Outcome.FINISHED)],
            [(5, "check a"), (5, "start a"), (10, "check a"), (10, "start a"), (10, "look a-1")],
            id="what-never-arrived-is-sent-again-without-a-search",
        ),
        pytest.param(
            {"start a": [UnavailableError("HTTP 429", wait=25), Started((A1,))]},
            [*OPENING, Wavered("a", "HTTP 429"), Followed("a", A1), phase(Phase.SUCCEEDED), Ended("a", Outcome.FINISHED)],
            [(25, "check a"), (25, "start a"), (25, "look a-1")],
            id="and-as-late-as-was-asked-for",
        ),
        pytest.param(
            {"start a": [Later(20, "asked too often"), Started((A1,))]},
            [*OPENING, Delayed("a", 20, "asked too often"), Followed("a", A1), phase(Phase.SUCCEEDED), Ended("a", Outcome.FINISHED)],
            [(20, "check a"), (20, "start a"), (20, "look a-1")],
            id="throttled",
        ),
        pytest.param(
            {"start a": [NO_LINE, LOST_ANSWER], "find a": [Started((A1,), "found")]},
            [
                *OPENING,
                Wavered("a", "no connection"),
                Doubted("a", "no answer in time"),
                Followed("a", A1, "found"),
                phase(Phase.SUCCEEDED),
                Ended("a", Outcome.FINISHED),
            ],
            [(5, "check a"), (5, "start a"), (5, "find a"), (5, "look a-1")],
            id="lost-at-the-second-try",
        ),
    ],
)
def test_an_answer_that_was_lost_is_looked_for_before_anything_is_sent_again(
    script: Script, events: list[Event], calls: list[Call]
) -> None:
    tale = tell(script)
    assert (tale.events, tale.calls) == (events, [*UNTIL_START, *calls])


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [Started((ADOPTED,), "the oldest of several")], "look a-1": [RUNNING, DONE]},
            [
                *IN_DOUBT,
                Followed("a", ADOPTED, "the oldest of several"),
                phase(Phase.RUNNING),
                phase(Phase.SUCCEEDED),
                Ended("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (0, "look a-1"), (1, "look a-1")],
            id="of-several-the-oldest-is-followed-as-adopted",
        ),
        pytest.param(
            {"start a": [Started((ADOPTED,)), Started((A2,))], "look a-1": [CANCELLED]},
            [
                *OPENING,
                Followed("a", ADOPTED),
                phase(Phase.CANCELLED),
                Repeated("a", SOMEBODY),
                Checked(Target("a")),
                Followed("a", A2),
                phase(Phase.SUCCEEDED),
                Ended("a", Outcome.FINISHED),
            ],
            [(0, "look a-1"), (0, "check a"), (0, "start a"), (0, "look a-2")],
            id="adopted-and-cancelled-ours-is-triggered",
        ),
        pytest.param(
            {
                "start a": [Started((ADOPTED,)), Started((Handle("a", "a-2", adopted=True),))],
                "look a-1": [CANCELLED],
                "look a-2": [CANCELLED],
            },
            [
                *OPENING,
                Followed("a", ADOPTED),
                phase(Phase.CANCELLED),
                Repeated("a", SOMEBODY),
                Checked(Target("a")),
                Followed("a", Handle("a", "a-2", adopted=True)),
                phase(Phase.CANCELLED),
                Ended("a", Outcome.CANCELLED),
            ],
            [(0, "look a-1"), (0, "check a"), (0, "start a"), (0, "look a-2")],
            id="but-only-once",
        ),
        pytest.param(
            {"start a": [Started((PHANTOM,)), Started((A1,))], "look ": [replace(GONE, reason="none any more")]},
            [
                *OPENING,
                Followed("a", PHANTOM),
                phase(Phase.ABSENT),
                Repeated("a", "none any more"),
                Checked(Target("a")),
                Followed("a", A1),
                phase(Phase.SUCCEEDED),
                Ended("a", Outcome.FINISHED),
            ],
            [(0, "look "), (0, "check a"), (0, "start a"), (0, "look a-1")],
            id="a-phantom-of-nothing-is-triggered-again",
        ),
        pytest.param(
            {"start a": [Started((PHANTOM,))], "look ": [replace(GONE, reason="none any more")]},
            [
                *OPENING,
                Followed("a", PHANTOM),
                phase(Phase.ABSENT),
                Repeated("a", "none any more"),
                Checked(Target("a")),
                Followed("a", PHANTOM),
                phase(Phase.ABSENT),
                Ended("a", Outcome.LOST, "none any more"),
            ],
            [(0, "look "), (0, "check a"), (0, "start a"), (0, "look ")],
            id="that-also-only-once",
        ),
        pytest.param(
            {
                "start a": [Started((PHANTOM,)), Started((A2,))],
                "look ": [replace(GONE, next=(ADOPTED,))],
                "look a-1": [RUNNING, CANCELLED],
            },
            [
                *OPENING,
                Followed("a", PHANTOM),
                phase(Phase.ABSENT),
                Followed("a", ADOPTED),
                phase(Phase.RUNNING),
                phase(Phase.CANCELLED),
                Repeated("a", SOMEBODY),
                Checked(Target("a")),
                Followed("a", A2),
                phase(Phase.SUCCEEDED),
                Ended("a", Outcome.FINISHED),
            ],
            [(0, "look "), (0, "look a-1"), (1, "look a-1"), (1, "check a"), (1, "start a"), (1, "look a-2")],
            id="behind-a-phantom-the-real-one-is-followed",
        ),
        pytest.param(
            {"look a-1": [replace(DONE, next=(A2, A3))], "look a-2": [DONE], "look a-3": [RUNNING, replace(BROKEN, reason="exit 1")]},
            [
                *FOLLOWED,
                phase(Phase.SUCCEEDED),
                Followed("a", A2),
                Followed("a", A3),
                phase(Phase.SUCCEEDED),
                phase(Phase.RUNNING),
                phase(Phase.FAILED),
                Ended("a", Outcome.FAILED, "exit 1"),
            ],
            [(0, "look a-1"), (0, "look a-2"), (0, "look a-3"), (2, "look a-3")],
            id="the-others-are-followed-together",
        ),
    ],
)
def test_what_is_followed_may_change(script: Script, events: list[Event], calls: list[Call]) -> None:
    tale = tell(script)
    assert (tale.events, tale.calls) == (events, [*UNTIL_START, *calls])


def test_retry_after_is_obeyed_for_each_of_several_deployments() -> None:
    tale = tell(
        {
            "look a-1": [replace(DONE, next=(A2, A3))],
            "look a-2": [UnavailableError("HTTP 429", wait=50), DONE],
            "look a-3": [RUNNING, RUNNING, DONE],
        },
    )
    assert (tale.times("look a-2"), tale.times("look a-3")) == ([0, 50], [0, 2, 4])


REDIRECTS = UnavailableError("it redirects", final=True)


@pytest.mark.parametrize(
    ("script", "ended", "calls"),
    [
        pytest.param({"check a": [REDIRECTS]}, Ended("a", Outcome.REFUSED, "it redirects"), UNTIL_START[:2], id="at-the-check"),
        pytest.param({"start a": [REDIRECTS]}, Ended("a", Outcome.REFUSED, "it redirects"), UNTIL_START, id="at-the-start"),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [REDIRECTS]},
            Ended("a", Outcome.LOST, "it redirects"),
            [*UNTIL_START, (0, "find a")],
            id="while-searching",
        ),
    ],
)
def test_what_no_repetition_can_mend_is_not_repeated(script: Script, ended: Ended, calls: list[Call]) -> None:
    tale = tell(script)
    assert (tale.events[-1], tale.calls) == (ended, calls)


def test_a_failure_that_asks_us_to_stay_away_is_searched_for_after_that() -> None:
    tale = tell({"start a": [replace(SPOKEN, wait=30)], "find a": [Started((A1,), "found")]})
    assert tale.times("find a") == [30]


def test_but_not_longer_than_the_time_given() -> None:
    tale = tell({"start a": [replace(SPOKEN, wait=86400)], "find a": [Started((A1,), "found")]}, timeout=25)
    assert (tale.times("find a"), tale.times("look a-1")) == ([25], [25])


def test_a_long_wait_is_not_silent() -> None:
    tale = tell({"look a-1": [RUNNING]}, timeout=100, poll_interval=100)
    assert (tale.times("look a-1"), tale.waits) == ([0, 100], 4)


# --- When the time is over


@pytest.mark.parametrize(
    ("script", "events", "call", "times"),
    [
        pytest.param(
            {"check a": [UnavailableError("HTTP 502")]},
            [REACHED, Wavered("a", "HTTP 502"), Ended("a", Outcome.TIMED_OUT, "HTTP 502")],
            "check a",
            [0, 5, 10, 15, 20, 25],
            id="never-checked",
        ),
        pytest.param(
            {"start a": [NO_LINE]},
            [*OPENING, Wavered("a", "no connection"), Ended("a", Outcome.TIMED_OUT, "no connection")],
            "start a",
            [0, 5, 10, 15, 20],
            id="never-reached",
        ),
        pytest.param(
            {"start a": [Later(20, "full")]},
            [*OPENING, Delayed("a", 20, "full"), Delayed("a", 5 - 3 * TICK, "full"), Ended("a", Outcome.TIMED_OUT, "full")],
            "start a",
            [0, 20],
            id="never-accepted",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [UnavailableError("HTTP 502", wait=9)]},
            [*IN_DOUBT, Wavered("a", "HTTP 502"), Ended("a", Outcome.LOST, "HTTP 502")],
            "find a",
            [0, 9, 18, 25],
            id="never-found-out",
        ),
        pytest.param(
            {"start a": [Act(LOST_ANSWER, takes=4)]},
            [
                *IN_DOUBT,
                *[Repeated("a", NOTHING), Doubted("a", "no answer in time")] * 2,
                Ended("a", Outcome.TIMED_OUT, "no answer in time"),
            ],
            "start a",
            [0, 9, 18],
            id="never-answered-and-never-there",
        ),
        pytest.param(
            {"look a-1": [UnavailableError("HTTP 502")]},
            [
                *FOLLOWED,
                Wavered("a", "HTTP 502"),
                Ended("a", Outcome.TIMED_OUT, "no look at it ever worked; the last looks failed: HTTP 502"),
            ],
            "look a-1",
            [0, 3, 9, 21, 25],
            id="never-seen",
        ),
    ],
)
def test_no_end_in_time_is_told_as_what_it_is(script: Script, events: list[Event], call: str, times: list[float]) -> None:
    tale = tell(script, timeout=25)
    assert (tale.events, tale.times(call)) == (events, times)


def test_trouble_that_is_over_is_told_again_when_it_comes_again() -> None:
    tale = tell({"check a": [NO_LINE, Target("a")], "start a": [NO_LINE, NO_LINE, Started((A1,))]})
    assert tale.events[:6] == [
        REACHED,
        Wavered("a", "no connection"),
        *begun("a"),
        Wavered("a", "no connection"),
        Followed("a", A1),
    ]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param({"start a": [Started((ADOPTED,))], "look a-1": [RUNNING, Act(CANCELLED, takes=2)]}, id="adopted-cancelled"),
        pytest.param({"start a": [Started((PHANTOM,))], "look ": [SPOKEN, Act(GONE, takes=2)]}, id="phantom-of-nothing"),
        pytest.param({"start a": [Act(LOST_ANSWER, takes=22)]}, id="lost"),
    ],
)
def test_nothing_is_triggered_when_the_time_is_over(script: Script) -> None:
    tale = tell(script, timeout=25, poll_interval=25)
    assert tale.times("start a") == [0]
    assert Repeated not in {type(event) for event in tale.events}
    assert tale.outcome.exit_code != 0


@pytest.mark.parametrize(
    ("script", "withdrawn", "reason"),
    [
        pytest.param({"look a-1": [RUNNING]}, [Withdrawn("a", A1, "cancelled")], LATE, id="running"),
        pytest.param(
            {"look a-1": [QUEUED]}, [Withdrawn("a", A1, "cancelled")], "it was still queued behind other deployments", id="queued"
        ),
        pytest.param(
            {"look a-1": [NO_LINE]},
            [Withdrawn("a", A1, "cancelled")],
            "no look at it ever worked; the last looks failed: no connection",
            id="never-seen",
        ),
        pytest.param(
            {"look a-1": [Snapshot(Phase.SUCCEEDED, hold=math.inf, reason="its command was not seen to end")]},
            [],
            "its command was not seen to end",
            id="deployed-and-its-post-command-runs",
        ),
        pytest.param({"start a": [Started((ADOPTED,))], "look a-1": [RUNNING]}, [], LATE, id="adopted"),
        pytest.param(
            {"start a": [Started((PHANTOM,))], "look ": [NO_LINE]},
            [],
            "no look at it ever worked; the last looks failed: no connection",
            id="phantom",
        ),
        pytest.param(
            {"look a-1": [replace(DONE, next=(A2, A3))], "look a-2": [CANCELLED], "look a-3": [RUNNING]},
            [Withdrawn("a", A3, "cancelled")],
            LATE,
            id="of-several-only-what-is-not-over",
        ),
        pytest.param(
            {"look a-1": [replace(DONE, next=(A2, A3))], "look a-2": [RUNNING], "look a-3": [RUNNING]},
            [Withdrawn("a", A2, "cancelled"), Withdrawn("a", A3, "cancelled")],
            LATE,
            id="all-that-are-late",
        ),
        pytest.param(
            {"look a-1": [RUNNING], "cancel a-1": [RefusedError("no right")]},
            [Withdrawn("a", A1, "it could not be cancelled: no right")],
            LATE,
            id="refused",
        ),
        pytest.param(
            {"look a-1": [RUNNING], "cancel a-1": [NO_LINE]},
            [Withdrawn("a", A1, "not reached (no connection): it may still be running")],
            LATE,
            id="not-reached",
        ),
        pytest.param(
            {"look a-1": [RUNNING], "cancel a-1": [LOST_ANSWER]},
            [Withdrawn("a", A1, "cancel sent, not confirmed")],
            LATE,
            id="not-answered",
        ),
    ],
)
def test_on_timeout_cancel_stops_what_is_ours_and_not_deployed_yet(script: Script, withdrawn: list[Withdrawn], reason: str) -> None:
    tale = tell(script, timeout=25, cancel_on_timeout=True)
    assert tale.events[-1 - len(withdrawn) :] == [*withdrawn, Ended("a", Outcome.TIMED_OUT, reason)]
    assert [call for call in tale.calls if call[1].startswith("cancel")] == [(25, f"cancel {event.handle.id}") for event in withdrawn]


def test_on_timeout_cancel_stops_what_is_late_also_when_another_one_failed() -> None:
    script: Script = {"look a-1": [replace(DONE, next=(A2, A3))], "look a-2": [BROKEN], "look a-3": [RUNNING]}
    tale = tell(script, timeout=25, cancel_on_timeout=True)
    assert tale.events[-2:] == [Withdrawn("a", A3, "cancelled"), Ended("a", Outcome.FAILED)]


def test_a_token_that_is_revoked_cancels_no_second_late_one() -> None:
    script: Script = {"look a-1": [replace(DONE, next=(A2, A3))], "look a-2": [RUNNING], "look a-3": [RUNNING], "cancel a-2": [REVOKED]}
    tale = tell(script, timeout=25, cancel_on_timeout=True)
    assert [call for call in tale.sent if call.startswith("cancel")] == ["cancel a-2"]
    assert tale.ends() == [Ended("a", Outcome.TIMED_OUT, LATE)]


def test_on_timeout_leave_cancels_nothing() -> None:
    tale = tell({"look a-1": [RUNNING]}, timeout=25)
    assert tale.events == [*FOLLOWED, phase(Phase.RUNNING), Ended("a", Outcome.TIMED_OUT, LATE)]
    assert "cancel a-1" not in tale.sent


@pytest.mark.parametrize(
    ("takes", "events", "cancels"),
    [
        pytest.param(
            1,
            [Withdrawn("a", A1, "cancelled"), Ended("a", Outcome.TIMED_OUT, LATE)],
            [(25, "cancel a-1")],
            id="answered-within-the-grace",
        ),
        pytest.param(
            9,
            [Stopped("SIGTERM"), Withdrawn("a", A1, "cancel sent, not confirmed"), Ended("a", Outcome.INTERRUPTED, STOPPED_BY)],
            [(25, "cancel a-1"), (27.5, "cancel a-1 within 1 s")],
            id="not-answered",
        ),
    ],
)
def test_a_signal_while_a_late_one_is_cancelled(takes: float, events: list[Event], cancels: list[Call]) -> None:
    script: Script = {"look a-1": [RUNNING], "cancel a-1": [Act("cancelled", takes=takes)]}
    tale = tell(script, timeout=25, cancel_on_timeout=True, signals=[(25.5, "SIGTERM")])
    assert tale.events == [*FOLLOWED, phase(Phase.RUNNING), *events]
    assert [call for call in tale.calls if call[1].startswith("cancel")] == cancels


# --- Rule 8: the job is stopped

SIGNAL_AT_2 = [(2.0, "SIGTERM")]
LISTED = (4, "find a within 1 s")
FAREWELL: list[Event] = [Stopped("SIGTERM"), Ended("a", Outcome.INTERRUPTED, STOPPED_BY)]
UNFOUND_ON_FAREWELL: list[Event] = [Stopped("SIGTERM"), Warned("a", UNFOUND), Ended("a", Outcome.INTERRUPTED, STOPPED_BY)]
CANCELLED_ON_FAREWELL: list[Event] = [
    Stopped("SIGTERM"),
    Withdrawn("a", A1, "cancelled"),
    Ended("a", Outcome.INTERRUPTED, STOPPED_BY),
]
FOUND_ON_FAREWELL: list[Event] = [
    Stopped("SIGTERM"),
    Followed("a", A1, "found"),
    Withdrawn("a", A1, "cancelled"),
    Ended("a", Outcome.INTERRUPTED, STOPPED_BY),
]


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param({"reach": [Act("Fake 1", takes=9)]}, FAREWELL, [(0, "reach")], id="while-reaching"),
        pytest.param({"reach": [NO_LINE]}, [Wavered("", "no connection"), *FAREWELL], [(0, "reach")], id="asleep-before-it-is-reached"),
        pytest.param({"check a": [Act(Target("a"), takes=9)]}, [REACHED, *FAREWELL], [(0, "reach"), (0, "check a")], id="while-checking"),
        pytest.param(
            {"check a": [NO_LINE]},
            [REACHED, Wavered("a", "no connection"), *FAREWELL],
            [(0, "reach"), (0, "check a")],
            id="asleep-before-it-is-checked",
        ),
        pytest.param(
            {"start a": [Later(9, "full")]}, [*OPENING, Delayed("a", 9, "full"), *FAREWELL], UNTIL_START, id="asleep-before-it-is-accepted"
        ),
        pytest.param(
            {"start a": [NO_LINE]}, [*OPENING, Wavered("a", "no connection"), *FAREWELL], UNTIL_START, id="asleep-before-it-arrives"
        ),
        pytest.param(
            {"look a-1": [replace(RUNNING, log=(Entry(1, "one"),))]},
            [*FOLLOWED, phase(Phase.RUNNING), Logged("a", (Entry(1, "one"),)), *CANCELLED_ON_FAREWELL],
            [*UNTIL_START, (0, "look a-1"), (1, "look a-1"), (2, "cancel a-1 within 1 s")],
            id="asleep-between-two-looks",
        ),
        pytest.param(
            {"look a-1": [Act(DONE, takes=9)]},
            [*FOLLOWED, *CANCELLED_ON_FAREWELL],
            [*UNTIL_START, (0, "look a-1"), (2, "cancel a-1 within 1 s")],
            id="while-looking",
        ),
        pytest.param(
            {"look a-1": [Act(RUNNING, takes=math.inf)]},
            [*FOLLOWED, *CANCELLED_ON_FAREWELL],
            [*UNTIL_START, (0, "look a-1"), (2, "cancel a-1 within 1 s")],
            id="while-a-look-hangs",
        ),
        pytest.param(
            {"start a": [Act(Started((A1,)), takes=3.9)]},
            [*FOLLOWED, *CANCELLED_ON_FAREWELL],
            [*UNTIL_START, (3.9, "cancel a-1 within 1 s")],
            id="during-a-start-that-is-answered-in-two-seconds",
        ),
        pytest.param(
            {"start a": [Act(Started((A1,)), takes=4.1)], "find a": [Started((A1,), "found")]},
            [*OPENING, *FOUND_ON_FAREWELL],
            [*UNTIL_START, LISTED, (4, "cancel a-1 within 1 s")],
            id="during-a-start-that-is-not",
        ),
        pytest.param(
            {"start a": [Act(Started((A1,)), takes=math.inf)]},
            [*OPENING, *UNFOUND_ON_FAREWELL],
            [*UNTIL_START, LISTED],
            id="during-a-start-that-hangs-and-started-nothing",
        ),
        pytest.param(
            {"start a": [Act(None, takes=9)], "find a": [Started((ADOPTED,), "of several")]},
            [*OPENING, Stopped("SIGTERM"), Followed("a", ADOPTED, "of several"), FAREWELL[-1]],
            [*UNTIL_START, LISTED],
            id="of-several-none-is-cancelled",
        ),
        pytest.param(
            {"start a": [Act(None, takes=9)], "find a": [Barred("nobody can tell")]},
            [*OPENING, *UNFOUND_ON_FAREWELL],
            [*UNTIL_START, LISTED],
            id="nobody-can-tell",
        ),
        pytest.param(
            {"start a": [Act(None, takes=9)], "find a": [NO_LINE]},
            [*OPENING, *UNFOUND_ON_FAREWELL],
            [*UNTIL_START, LISTED],
            id="the-list-fails",
        ),
        pytest.param(
            {"start a": [Act(None, takes=9)], "find a": [RefusedError("no right")]},
            [*OPENING, *UNFOUND_ON_FAREWELL],
            [*UNTIL_START, LISTED],
            id="the-list-is-refused",
        ),
        pytest.param(
            {"start a": [Act(None, takes=9)], "find a": [Act(None, takes=math.inf)]},
            [*OPENING, *UNFOUND_ON_FAREWELL],
            [*UNTIL_START, LISTED],
            id="the-list-hangs",
        ),
        pytest.param(
            {"start a": [Act(LOST_ANSWER, takes=3)], "find a": [Started((A1,), "found")]},
            [*IN_DOUBT, *FOUND_ON_FAREWELL],
            [*UNTIL_START, (3, "find a within 1 s"), (3, "cancel a-1 within 1 s")],
            id="during-a-start-whose-answer-is-lost",
        ),
        pytest.param(
            {"start a": [Act(NO_LINE, takes=3)]},
            [*OPENING, Wavered("a", "no connection"), *FAREWELL],
            UNTIL_START,
            id="during-a-start-that-never-arrives",
        ),
        pytest.param(
            {"start a": [Act(Later(9, "full"), takes=3)]},
            [*OPENING, Delayed("a", 9, "full"), *FAREWELL],
            UNTIL_START,
            id="during-a-start-that-must-wait",
        ),
        pytest.param(
            {"start a": [Act(Refused("full"), takes=3)]},
            [*OPENING, Ended("a", Outcome.REFUSED, "full")],
            UNTIL_START,
            id="during-a-start-that-is-refused",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [Act(None, takes=9), Started((A1,), "found")]},
            [*IN_DOUBT, *FOUND_ON_FAREWELL],
            [*UNTIL_START, (0, "find a"), (2, "find a within 1 s"), (2, "cancel a-1 within 1 s")],
            id="while-searching",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [None, Started((A1,), "found")]},
            [*IN_DOUBT, *FOUND_ON_FAREWELL],
            [*UNTIL_START, (0, "find a"), (2, "find a within 1 s"), (2, "cancel a-1 within 1 s")],
            id="asleep-between-two-searches",
        ),
        pytest.param(
            {"start a": [Started((ADOPTED,))], "look a-1": [RUNNING]},
            [*OPENING, Followed("a", ADOPTED), phase(Phase.RUNNING), *FAREWELL],
            [*UNTIL_START, (0, "look a-1"), (1, "look a-1")],
            id="adopted-is-never-cancelled",
        ),
        pytest.param(
            {"start a": [Started((PHANTOM,))], "look ": [Act(GONE, takes=9)]},
            [*OPENING, Followed("a", PHANTOM), *FAREWELL],
            [*UNTIL_START, (0, "look ")],
            id="nor-is-a-phantom",
        ),
        pytest.param(
            {"start a": [Started((replace(A1, trust=Trust.DOUBTFUL),))], "look a-1": [Act(DONE, takes=9)]},
            [
                *OPENING,
                Followed("a", replace(A1, trust=Trust.DOUBTFUL)),
                Stopped("SIGTERM"),
                Withdrawn("a", replace(A1, trust=Trust.DOUBTFUL), "cancelled"),
                FAREWELL[-1],
            ],
            [*UNTIL_START, (0, "look a-1"), (2, "cancel a-1 within 1 s")],
            id="a-doubtful-one-is",
        ),
        pytest.param(
            {"look a-1": [replace(DONE, next=(A2, A3))], "look a-2": [DONE], "look a-3": [RUNNING]},
            [
                *FOLLOWED,
                phase(Phase.SUCCEEDED),
                Followed("a", A2),
                Followed("a", A3),
                phase(Phase.SUCCEEDED),
                phase(Phase.RUNNING),
                Stopped("SIGTERM"),
                Withdrawn("a", A3, "cancelled"),
                FAREWELL[-1],
            ],
            [*UNTIL_START, *[(0, f"look a-{number}") for number in (1, 2, 3)], (2, "cancel a-3 within 1 s")],
            id="of-several-only-what-is-not-over",
        ),
    ],
)
def test_a_signal_after_two_seconds(script: Script, events: list[Event], calls: list[Call]) -> None:
    tale = tell(script, signals=SIGNAL_AT_2)
    assert (tale.events, tale.calls) == (events, calls)


@pytest.mark.parametrize(
    ("signal_at", "nth", "script", "calls"),
    [
        pytest.param(REACHED, 1, {}, [(0, "reach")], id="reached"),
        pytest.param(Checked(Target("a")), 1, {}, UNTIL_START[:2], id="checked"),
        pytest.param(Begun("a"), 1, {}, UNTIL_START[:2], id="just-before-the-start"),
        pytest.param(Followed("a", A1), 1, {}, [*UNTIL_START, (0, "cancel a-1 within 1 s")], id="just-started"),
        pytest.param(phase(Phase.RUNNING), 1, {}, [*UNTIL_START, (0, "look a-1"), (0, "cancel a-1 within 1 s")], id="just-seen"),
        pytest.param(
            Doubted("a", "no answer in time"), 1, {"start a": [LOST_ANSWER]}, [*UNTIL_START, (0, "find a within 1 s")], id="in-doubt"
        ),
        pytest.param(
            Repeated("a", NOTHING),
            1,
            {"start a": [LOST_ANSWER]},
            [*UNTIL_START, (0, "find a"), (5, "find a")],
            id="before-it-is-sent-again",
        ),
        pytest.param(
            Checked(Target("a")),
            2,
            {"start a": [Started((ADOPTED,))], "look a-1": [CANCELLED], "find a": [Started((A2,))]},
            [*UNTIL_START, (0, "look a-1"), (0, "check a")],
            id="before-ours-is-triggered-after-the-adopted-one",
        ),
    ],
)
def test_a_signal_while_something_is_told_is_remembered(signal_at: Event, nth: int, script: Script, calls: list[Call]) -> None:
    tale = tell({"look a-1": [RUNNING], **script}, signal_at=signal_at, nth=nth)
    assert (tale.outcome, tale.calls) == (Outcome.INTERRUPTED, calls)
    assert [type(event) for event in tale.events].count(Stopped) == 1


def test_a_signal_while_the_end_is_told_changes_nothing() -> None:
    assert tell(signal_at=Ended("a", Outcome.FINISHED)).outcome is Outcome.FINISHED


def test_running_ones_are_stopped_first_and_what_is_over_stays_as_it_is() -> None:
    script: Script = {"look a-1": [QUEUED], "look b-1": [RUNNING], "look d-1": [RUNNING]}
    tale = tell(script, targets=("a", "b", "c", "d", "e"), signals=[(3, "SIGINT")])
    why = "the job was stopped (SIGINT)"
    assert tale.events[-9:] == [
        phase(Phase.SUCCEEDED, "e"),
        Ended("e", Outcome.FINISHED),
        Stopped("SIGINT"),
        Withdrawn("b", B1, "cancelled"),
        Withdrawn("d", Handle("d", "d-1"), "cancelled"),
        Withdrawn("a", A1, "cancelled"),
        *(Ended(target, Outcome.INTERRUPTED, why) for target in "abd"),
    ]
    assert tale.calls[-3:] == [(3, f"cancel {target}-1 within 1 s") for target in "bda"]
    assert tale.outcome is Outcome.INTERRUPTED


def test_on_interrupt_leave_cancels_nothing_and_names_what_goes_on() -> None:
    script: Script = {"look a-1": [RUNNING], "start b": [Act(None, takes=9)], "find b": [Started((B1,), "found")]}
    tale = tell(script, targets=("a", "b"), signals=SIGNAL_AT_2, cancel_on_interrupt=False)
    left = "left running, as `on_interrupt: leave` says"
    assert tale.events[-6:] == [
        Stopped("SIGTERM"),
        Withdrawn("a", A1, left),
        Followed("b", B1, "found"),
        Withdrawn("b", B1, left),
        *(Ended(target, Outcome.INTERRUPTED, STOPPED_BY) for target in "ab"),
    ]
    assert tale.sent[-1] == "find b within 1 s"


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        pytest.param("already over (finished)", "already over (finished)", id="answered"),
        pytest.param(Act("cancelled", takes=0.9), "cancelled", id="answered-within-a-second"),
        pytest.param(Act("cancelled", takes=1.1), "cancel sent, not confirmed", id="not-answered-within-a-second"),
        pytest.param(LOST_ANSWER, "cancel sent, not confirmed", id="the-answer-is-lost"),
        pytest.param(OWN_FAILURE, "cancel sent, not confirmed", id="the-server-fails"),
        pytest.param(NO_LINE, "not reached (no connection): it may still be running", id="not-reached"),
        pytest.param(RefusedError("no right"), "it could not be cancelled: no right", id="refused"),
        pytest.param(Act("cancelled", takes=math.inf), "cancel sent, not confirmed", id="hanging"),
    ],
)
def test_what_became_of_the_cancel_is_told(answer: Any, how: str) -> None:
    tale = tell({"look a-1": [RUNNING], "cancel a-1": [answer]}, signals=SIGNAL_AT_2)
    assert tale.events == [*FOLLOWED, phase(Phase.RUNNING), Stopped("SIGTERM"), Withdrawn("a", A1, how), FAREWELL[-1]]
    assert tale.sent.count("cancel a-1 within 1 s") == 1


def test_a_cancel_that_fails_stops_no_other() -> None:
    no = RefusedError("no right")
    script: Script = {"look a-1": [RUNNING], "cancel a-1": [no], "look b-1": [RUNNING], "look c-1": [RUNNING], "cancel b-1": [NO_LINE]}
    tale = tell(script, targets=("a", "b", "c"), signals=SIGNAL_AT_2)
    assert tale.sent[-3:] == [f"cancel {target}-1 within 1 s" for target in "abc"]
    assert tale.events[-4] == Withdrawn("c", C1, "cancelled")


def test_a_token_that_is_revoked_cancels_nothing_more() -> None:
    script: Script = {"look a-1": [RUNNING], "cancel a-1": [REVOKED], "look b-1": [RUNNING]}
    tale = tell(script, targets=("a", "b"), signals=SIGNAL_AT_2)
    assert [call for call in tale.sent if call.startswith("cancel")] == ["cancel a-1 within 1 s"]
    hows = [event.how for event in tale.events if isinstance(event, Withdrawn)]
    assert hows == [f"it could not be cancelled: {REVOKED}"] * 2


def test_five_seconds_after_the_signal_nothing_more_is_sent_and_what_was_not_reached_is_named() -> None:
    targets = tuple("abcdefg")
    script: Script = {f"{call} {target}-1": answers for target in targets for call, answers in SLOW.items()}
    tale = tell(script, targets=targets, signals=[(9.5, "SIGTERM")])
    hows = ["cancel sent, not confirmed"] * 5 + ["not reached in time: it may still be running"] * 2
    assert [event for event in tale.events if isinstance(event, Withdrawn)] == [
        Withdrawn(target, Handle(target, f"{target}-1"), how) for target, how in zip(targets, hows, strict=True)
    ]
    assert [call for call in tale.calls if call[0] >= 9.5] == [(9.5 + nth, f"cancel {targets[nth]}-1 within 1 s") for nth in range(5)]
    assert [event.target for event in tale.ends()] == list(targets)


SLOW: Script = {"look": [RUNNING], "cancel": [Act("cancelled", takes=8)]}


def test_the_grace_of_a_start_counts_among_the_five_seconds() -> None:
    script: Script = {"look a-1": [RUNNING], "start b": [Act(None, takes=9)], "cancel a-1": [Act("cancelled", takes=math.inf)]}
    tale = tell({**script, "find b": [Started((B1,), "found")]}, targets=("a", "b"), signals=SIGNAL_AT_2)
    assert tale.calls[-1:] == [(4, "cancel a-1 within 1 s")]
    assert tale.events[-4:-2] == [Withdrawn("a", A1, "cancel sent, not confirmed"), Warned("b", UNFOUND)]


def test_what_is_known_is_cancelled_before_what_must_be_looked_for() -> None:
    slow: Script = {f"find {target}": [None, Act(None, takes=0.9)] for target in "bcdefg"}
    lost: Script = {f"start {target}": [LOST_ANSWER] for target in "bcdefg"}
    tale = tell({"look a-1": [RUNNING], **slow, **lost}, targets=tuple("bcdefga"), signals=SIGNAL_AT_2)
    assert next(call for _, call in tale.calls if "within" in call) == "cancel a-1 within 1 s"
    assert Withdrawn("a", A1, "cancelled") in tale.events


def test_a_token_that_is_revoked_searches_and_cancels_nothing_more() -> None:
    script: Script = {"start a": [LOST_ANSWER], "start b": [LOST_ANSWER], "find a": [None, REVOKED], "find b": [None]}
    tale = tell(script, targets=("a", "b"), signals=SIGNAL_AT_2)
    assert [call for _, call in tale.calls if "within" in call] == ["find a within 1 s"]


@pytest.mark.parametrize("then", [Later(9, "asked too often"), NO_LINE], ids=["throttled", "no-connection"])
def test_a_trigger_in_doubt_is_looked_for_as_long_as_another_is_to_be_sent(then: Any) -> None:
    """The row of the first may be seen late: the newest row must not be read anew, or it would be taken for somebody else's."""
    tale = tell({"start a": [LOST_ANSWER, then, Started((A2,))], "find a": [None, None, Started((A1,), "found")]})
    assert [call for _, call in tale.calls if call in {"check a", "start a", "find a"}] == [
        *("check a", "start a", "find a", "find a", "start a", "find a"),
    ]
    assert tale.ends() == [Ended("a", Outcome.FINISHED)]


def test_an_adopted_one_that_is_cancelled_when_the_time_is_over_is_cancelled() -> None:
    tale = tell({"start a": [Started((ADOPTED,))], "look a-1": [RUNNING, Act(CANCELLED, takes=2)]}, timeout=25, poll_interval=25)
    assert tale.ends() == [Ended("a", Outcome.CANCELLED)]


def test_no_list_is_read_either_when_the_five_seconds_are_over() -> None:
    script: Script = {f"{call} {target}": answers for target in "ab" for call, answers in HANGING.items()}
    tale = tell(script, targets=("a", "b"), signals=SIGNAL_AT_2)
    assert tale.calls[-3:] == [(0, "find a"), (0, "find b"), (2, "find a within 1 s")]
    assert tale.events[-4:] == [
        *(Warned(target, UNFOUND) for target in "ab"),
        *(Ended(target, Outcome.INTERRUPTED, STOPPED_BY) for target in "ab"),
    ]


HANGING: Script = {"start": [LOST_ANSWER], "find": [None, Act(None, takes=math.inf)]}


@pytest.mark.parametrize(
    "script",
    [
        pytest.param({"look a-1": [RUNNING], "cancel a-1": [Act("cancelled", takes=0.5)]}, id="while-cancelling"),
        pytest.param({"start a": [Act(Started((A1,)), takes=3)]}, id="during-the-grace"),
        pytest.param({"start a": [Act(None, takes=9)], "find a": [Act(Started((A1,)), takes=0.9)]}, id="while-the-list-is-read"),
    ],
)
@pytest.mark.parametrize("second", [2.1, 2.3, 2.9, 4.2])
def test_a_second_signal_changes_nothing(script: Script, second: float) -> None:
    assert tell(script, signals=[*SIGNAL_AT_2, (second, "SIGINT")]) == tell(script, signals=SIGNAL_AT_2)


def test_without_waiting_a_signal_starts_nothing_more() -> None:
    tale = tell({"start a": [Act(Started((A1,)), takes=3)]}, targets=("a", "b"), signals=SIGNAL_AT_2, wait=False)
    assert tale.ends() == [Ended("a", Outcome.TRIGGERED), Ended("b", Outcome.INTERRUPTED, STOPPED_BY)]
    assert tale.sent == ["reach", "check a", "check b", "start a"]


# --- Whatever the server and the signals do

TAKES = st.sampled_from([TICK, TICK, 0.4, 3])
HOLDS = st.sampled_from([0, 10, math.inf])
ERRORS = st.sampled_from([NO_LINE, SPOKEN, LOST_ANSWER, REVOKED, RefusedError("no")])


def rows(answers: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Act]]:
    return st.lists(st.builds(Act, answers | ERRORS, takes=TAKES), min_size=1, max_size=4)


def scripts(target: str) -> st.SearchStrategy[dict[str, list[Act]]]:
    one, two, three = (Handle(target, f"{target}-{number}") for number in (1, 2, 3))
    kinds = [one, replace(one, adopted=True), replace(one, trust=Trust.DOUBTFUL), Handle(target, f"{target}-p", Trust.PHANTOM)]
    begins = st.sampled_from([*(Started((kind,)) for kind in kinds), Started(()), Later(20, "full"), Refused("no"), OWN_FAILURE])
    finds = st.sampled_from([None, None, Started((one,)), Started((replace(one, adopted=True),)), Barred("blind")])
    seen = st.builds(Snapshot, st.sampled_from(Phase), hold=HOLDS)
    looks = rows(seen | st.sampled_from([replace(DONE, next=(two,)), replace(DONE, next=(two, three))]))
    cancels = rows(st.just("cancelled"))
    return st.fixed_dictionaries(
        {
            f"check {target}": rows(st.just(Target(target))),
            f"start {target}": rows(begins),
            f"find {target}": rows(finds),
            f"look {target}-p": rows(st.sampled_from([GONE, GONE, replace(GONE, next=(replace(two, adopted=True),))])),
            **{f"look {target}-{number}": looks for number in (1, 2, 3)},
            **{f"cancel {target}-{number}": cancels for number in (1, 2, 3)},
        },
    )


@settings(derandomize=True, database=None, deadline=None, max_examples=200)
@given(
    one=scripts("a"),
    two=scripts("b"),
    signals=st.lists(st.tuples(st.sampled_from([0, 0.2, 1.5, 7, 30, 61]), st.just("SIGTERM")), max_size=2),
    wait=st.sampled_from([True, True, True, False]),
    cancel_on_timeout=st.booleans(),
)
def test_whatever_happens_the_run_ends_and_sends_nothing_twice(
    one: Script, two: Script, signals: list[tuple[float, str]], *, wait: bool, cancel_on_timeout: bool
) -> None:
    clock = FakeClock(signals)
    provider = Scripted({**one, **two}, clock)
    events: list[Event] = []
    plan = Plan(("a", "b"), timeout=60, wait=wait, cancel_on_timeout=cancel_on_timeout)
    outcome = run(plan, provider, events.append, clock)
    tale = Tale(outcome, events, provider.calls, 0)
    _holds_always(tale, plan.targets)
    assert (outcome is Outcome.INTERRUPTED) <= bool(signals)
    for target in plan.targets:
        _started_once(target, tale, provider.said)
    revoked = [answer is REVOKED and "within" not in call for (_, call), answer in zip(tale.calls, provider.said, strict=True)]
    assert True not in revoked[:-1] or all("within" in call or call.startswith("cancel") for call in tale.sent[revoked.index(True) + 1 :])


def _started_once(target: str, tale: Tale, said: list[Any]) -> None:
    """A trigger follows another one only if that one certainly started nothing, or, once, if what it led to was cancelled or not there."""
    told = [(time, call, answer) for (time, call), answer in zip(tale.calls, said, strict=True) if target in call.split()[1:]]
    starts = [number for number, (_, call, _) in enumerate(told) if call.startswith("start")]
    again = 0
    for earlier, later in itertools.pairwise(starts):
        answer = told[earlier][2]
        searches = [each for _, call, each in told[earlier:later] if call.startswith("find")]
        sure = isinstance(answer, Later) or (isinstance(answer, UnavailableError) and not answer.arrived) or searches[-2:] == [None, None]
        again += not sure
    assert again <= 1
    assert all(told[number][0] <= told[starts[0]][0] + 60 + 12 for number in starts), "a last try at the deadline, behind the others' calls"
