"""The loop: who is asked when, what is told, and how each story ends, with a clock that costs no time and a provider that plays rows.

Rules by number: architecture 4. Times are real seconds since the run began.
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

from deployer import watch as rules
from deployer.model import (
    Ability,
    AbilityChecked,
    AccessDenied,
    AlreadyDone,
    CancelResult,
    Certainty,
    ChangeApplied,
    Changes,
    Command,
    Connected,
    DeploymentDetails,
    Entry,
    Event,
    Following,
    GroupExpanded,
    GroupMember,
    GroupStarted,
    Handle,
    Idle,
    InterruptReceived,
    LateError,
    LogLines,
    Outcome,
    Owner,
    Phase,
    PhaseChanged,
    Plan,
    PollFailing,
    PollRecovered,
    RefusedError,
    Rejected,
    Retriggering,
    RetryLater,
    RollingBack,
    Snapshot,
    Stage,
    Started,
    Target,
    TargetFinished,
    TargetNote,
    TargetResolved,
    TargetWarning,
    TriggerDelayed,
    Triggering,
    TriggerUncertain,
    UnavailableError,
)
from deployer.run import run
from deployer.run.interrupt import CHANGE_IN_FLIGHT, OUT_OF_TIME, TRIGGER_IN_FLIGHT
from deployer.run.loop import KEPT_OUT
from tests.fakes import BEGINNING, TICK, Act, FakeClock, Scripted

Script = Mapping[str, Sequence[Any]]
Call = tuple[float, str]

QUEUED, RUNNING, DONE, BROKEN = (
    Snapshot(phase) for phase in (Phase.QUEUED, Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED)
)
CANCELLED, GONE = Snapshot(Phase.CANCELLED), Snapshot(Phase.ABSENT)
A1, A2, A3, B1, C1 = (Handle(name[0], name) for name in ("a-1", "a-2", "a-3", "b-1", "c-1"))
PARIS, BERLIN = (Handle("a", name, server=server) for name, server in (("a-2", "paris"), ("a-3", "berlin")))
ADOPTED = Handle("a", "a-1", owner=Owner.OTHERS)
UNSURE = Handle("a", "a-1", owner=Owner.UNSURE)
PHANTOM = Handle("a", "", Certainty.PHANTOM)

REACHED = Connected("Fake 1")
GOES_ON = "the deployment continues on the server, but its status can't be read any more: "
SPOKEN = UnavailableError("HTTP 503", may_have_arrived=True, from_server=True)
NO_LINE = UnavailableError("no connection")
LOST_ANSWER = UnavailableError("no answer in time", may_have_arrived=True)
OWN_FAILURE = UnavailableError(
    "it failed (Whoops)", may_have_arrived=True, from_server=True, server_error="Whoops"
)
GATEWAY = UnavailableError("HTTP 403: a page", may_have_arrived=True, from_gateway=True)
REVOKED = RefusedError("the token is revoked", token_wide=True)
NOTHING = "no deployment of it was found"
SOMEBODY = "the deployment that we followed was cancelled by somebody else"
STOPPED_BY = "the job was stopped (SIGTERM)"
SITE = "https://a.example.com"
LATE = "it was still being built or started"
KEEPS_A = "What was changed before stays: a is as it is wished"
IN_PARIS, IN_BERLIN = (f"on the additional server {server}: " for server in ("paris", "berlin"))


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

    def ends(self) -> list[TargetFinished]:
        return [event for event in self.events if isinstance(event, TargetFinished)]


def tell(  # noqa: PLR0913 -- the knobs of one run, each given by name
    script: Script | None = None,
    *,
    targets: tuple[str, ...] = ("a",),
    signals: Iterable[tuple[float, str]] = (),
    signal_at: Event | None = None,
    nth: int = 1,
    remaining: int | None = None,
    visits: bool = False,
    **plan: Any,
) -> Tale:
    """One run, and what holds for every one. `signal_at`: SIGTERM comes while this event is told for the nth time.

    `visits`: a site must answer.
    """
    clock = FakeClock(signals)
    provider = Scripted(script or {}, clock, remaining=remaining)
    events: list[Event] = []
    stops: list[float] = []
    after: list[float] = []

    def report(event: Event) -> None:
        events.append(event)
        if event == signal_at and events.count(event) == nth:
            clock.signal("SIGTERM")
        if isinstance(event, InterruptReceived):
            stops.append(clock.real() - clock.since_stop() - BEGINNING)
            after.append(clock.since_stop())

    whole = Plan(targets, **plan)
    outcome = run(whole, provider, report, clock, provider.visit if visits else None)
    tale = Tale(
        outcome,
        [event for event in events if not isinstance(event, Idle)],
        provider.calls,
        events.count(Idle()),
    )
    holds_always(tale, whole)
    assert all(seconds <= 2 for seconds in after), "no act gets more than two seconds more"
    assert all(time < stops[0] + 5 for time, _ in tale.calls if stops), (
        "five seconds after the signal nothing more is sent"
    )
    return tale


def holds_always(tale: Tale, plan: Plan) -> None:
    """Architecture, rule 6, that what is not ours is not touched, and that nothing is when nothing is to be changed."""
    splits = [event for event in tale.events if isinstance(event, GroupExpanded)]
    gone = {event.target for event in splits if event.gone}
    for target in {*plan.targets, *(part.id for event in splits for part in event.members)} - gone:
        run = [event for event in tale.events if getattr(event, "target", None) == target]
        assert [type(event) for event in run].count(TargetFinished) == 1, "every story ends once"
        assert isinstance(run[-1], TargetFinished), "nothing is told of a story that is over"
    for target in gone:
        assert isinstance(
            [event for event in tale.events if getattr(event, "target", None) == target][-1], GroupExpanded
        )
    assert tale.outcome is Outcome.worst([event.outcome for event in tale.ends()])
    adopted = {
        event.handle.id for event in tale.events if isinstance(event, Following) and event.handle.adopted
    }
    asked = plan.changes and plan.command is Command.CANCEL
    cancels = [
        call.split()[1]
        for call in tale.sent
        if call.startswith("cancel ") and ("within" in call or not asked)
    ]
    assert not adopted & set(cancels)
    back = {
        event.handle.id
        for event in tale.events
        if isinstance(event, Following) and event.stage is Stage.ROLLBACK
    }
    assert not back & set(cancels), "what puts something back is never cancelled"
    assert not cancels or plan.command is not Command.ROLLBACK
    undone = {call.split()[1] for call in tale.sent if call.startswith("undo")}
    assert (
        undone <= {event.target for event in tale.events if isinstance(event, RollingBack)}
        if plan.rollback
        else not undone
    )
    assert plan.changes or not [
        call for call in tale.sent if call.startswith(("start", "undo", "find", "look", "cancel"))
    ]


def begun(target: str) -> list[Event]:
    return [TargetResolved(Target(target)), Triggering(target)]


OPENING: list[Event] = [REACHED, *begun("a")]
FOLLOWED: list[Event] = [*OPENING, Following("a", A1)]
UNTIL_START: list[Call] = [(0, "reach"), (0, "check a"), (0, "start a")]


def phase(phase: Phase, target: str = "a", stage: Stage = Stage.DEPLOYMENT) -> PhaseChanged:
    return PhaseChanged(target, phase, "", stage=stage)


# --- One target's way to each outcome


@pytest.mark.parametrize(
    ("script", "outcome", "events"),
    [
        pytest.param(
            {},
            Outcome.FINISHED,
            [*FOLLOWED, phase(Phase.SUCCEEDED), TargetFinished("a", Outcome.FINISHED)],
            id="finished",
        ),
        pytest.param(
            {"look a-1": [replace(BROKEN, reason="exit 1")]},
            Outcome.FAILED,
            [*FOLLOWED, phase(Phase.FAILED), TargetFinished("a", Outcome.FAILED, "exit 1")],
            id="failed",
        ),
        pytest.param(
            {"look a-1": [Snapshot(Phase.UNVERIFIED, reason="skipped")]},
            Outcome.UNVERIFIED,
            [*FOLLOWED, phase(Phase.UNVERIFIED), TargetFinished("a", Outcome.UNVERIFIED, "skipped")],
            id="unverified",
        ),
        pytest.param(
            {"look a-1": [CANCELLED]},
            Outcome.CANCELLED,
            [*FOLLOWED, phase(Phase.CANCELLED), TargetFinished("a", Outcome.CANCELLED)],
            id="cancelled",
        ),
        pytest.param(
            {"look a-1": [replace(GONE, reason="no row")]},
            Outcome.LOST,
            [*FOLLOWED, phase(Phase.ABSENT), TargetFinished("a", Outcome.LOST, "no row")],
            id="lost-because-it-is-gone",
        ),
        pytest.param(
            {"look a-1": [RUNNING, RefusedError("not yours")]},
            Outcome.LOST,
            [*FOLLOWED, phase(Phase.RUNNING), TargetFinished("a", Outcome.LOST, f"{GOES_ON}not yours")],
            id="lost-because-we-may-not-look",
        ),
        pytest.param(
            {"look a-1": [QUEUED, RUNNING]},
            Outcome.TIMED_OUT,
            [
                *FOLLOWED,
                phase(Phase.QUEUED),
                phase(Phase.RUNNING),
                TargetFinished("a", Outcome.TIMED_OUT, LATE),
            ],
            id="timed-out",
        ),
        pytest.param(
            {"start a": [Rejected("full")]},
            Outcome.REFUSED,
            [*OPENING, TargetFinished("a", Outcome.REFUSED, "full")],
            id="refused",
        ),
        pytest.param(
            {"start a": [RefusedError("no right")]},
            Outcome.REFUSED,
            [*OPENING, TargetFinished("a", Outcome.REFUSED, "no right")],
            id="start-barred",
        ),
        pytest.param(
            {"check a": [RefusedError("unknown")]},
            Outcome.REFUSED,
            [REACHED, TargetFinished("a", Outcome.REFUSED, "unknown")],
            id="unknown",
        ),
        pytest.param(
            {"start a": [Started((), "nothing to follow")]},
            Outcome.TRIGGERED,
            [*OPENING, TargetFinished("a", Outcome.TRIGGERED, "nothing to follow")],
            id="triggered-without-a-handle",
        ),
        pytest.param(
            {"reach": [RefusedError("wrong token")]},
            Outcome.REFUSED,
            [TargetFinished("a", Outcome.REFUSED, "wrong token")],
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
                Snapshot(Phase.SUCCEEDED, "finished", (one, two), stable_for=2, link="https://x"),
            ],
        },
    )
    assert tale == Tale(
        Outcome.FINISHED,
        [
            *FOLLOWED,
            DeploymentDetails("a", "https://x", "", ""),
            PhaseChanged("a", Phase.RUNNING, "in_progress"),
            LogLines("a", (one,)),
            PollFailing("a", "HTTP 502"),
            PollRecovered("a", 2),
            PhaseChanged("a", Phase.SUCCEEDED, "finished"),
            LogLines("a", (two,)),
            TargetFinished("a", Outcome.FINISHED),
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
    assert tell({"look a-1": [UnavailableError("HTTP 429", retry_after=50), DONE]}).times("look a-1") == [
        0,
        50,
    ]


def test_a_success_at_the_deadline_is_one() -> None:
    assert (
        tell({"look a-1": [RUNNING, RUNNING, DONE]}, timeout=60, poll_interval=30).outcome is Outcome.FINISHED
    )


def test_the_time_runs_from_the_first_trigger() -> None:
    tale = tell(
        {
            "check a": [Act(Target("a"), takes=30)],
            "start a": [Act(Started((A1,)), takes=10)],
            "look a-1": [RUNNING],
        },
        timeout=60,
    )
    assert (tale.times("start a"), tale.times("look a-1")[0], tale.times("look a-1")[-1]) == ([30], 40, 90)


class Timed(Scripted):
    """Notes how many seconds each call is allowed: so long may a request wait for its response."""

    def __init__(self, script: Script, clock: FakeClock) -> None:
        super().__init__(script, clock)
        self.clock = clock
        self.allowed: list[tuple[str, float]] = []

    def _answer(self, call: str, usual: Any, timeout: float | None) -> Any:
        self.allowed.append((call.partition(" ")[0], round(self.clock.time_left(), 1)))
        return super()._answer(call, usual, timeout)


def test_no_request_is_allowed_to_outlast_what_is_left_of_its_time() -> None:
    """The trigger has what is left of `timeout`, however often it is sent; each proof has its own `verify_timeout`."""
    clock = FakeClock()
    script: Script = {
        "reach": [Act(NO_LINE, takes=8), Act("Fake 1", takes=2)],
        "check a": [Act(Target("a"), takes=30)],
        "start a": [Act(LOST_ANSWER, takes=20), Started((A1,))],
        "find a": [None],
        "look a-1": [RUNNING, Act(replace(DONE, health_check=Handle("a", "", condition="health")), takes=5)],
    }
    provider = Timed(script, clock)
    plan = Plan(("a",), timeout=100, verify_timeout=50, poll_interval=40)
    assert run(plan, provider, lambda event: None, clock, provider.visit) is Outcome.FINISHED
    assert provider.allowed == [
        *[("reach", 100), ("reach", 85), ("check", 100), ("start", 100)],
        *[("find", 80), ("find", 75), ("start", 75)],
        *[("look", 75), ("look", 35)],
        *[("look", 40), ("visit", 50), ("visit", 10)],
    ]


# --- Several targets


def test_targets_are_checked_first_then_started_then_looked_at_in_turn_and_the_worst_counts() -> None:
    tale = tell(
        {"look a-1": [RUNNING, RUNNING, DONE], "look b-1": [BROKEN], "look c-1": [RUNNING, DONE]},
        targets=("a", "b", "c"),
    )
    assert tale == Tale(
        Outcome.FAILED,
        [
            REACHED,
            *(TargetResolved(Target(target)) for target in "abc"),
            *(
                event
                for target in "abc"
                for event in (Triggering(target), Following(target, Handle(target, f"{target}-1")))
            ),
            phase(Phase.RUNNING),
            phase(Phase.FAILED, "b"),
            TargetFinished("b", Outcome.FAILED),
            phase(Phase.RUNNING, "c"),
            phase(Phase.SUCCEEDED, "c"),
            TargetFinished("c", Outcome.FINISHED),
            phase(Phase.SUCCEEDED),
            TargetFinished("a", Outcome.FINISHED),
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
        pytest.param({"start a": [Rejected("full")]}, Outcome.REFUSED, id="one-is-refused"),
        pytest.param({"start a": [RefusedError("not yours")]}, Outcome.REFUSED, id="one-is-barred"),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [AccessDenied("nobody can tell")]},
            Outcome.LOST,
            id="one-is-lost",
        ),
        pytest.param({"look a-1": [RefusedError("not yours")]}, Outcome.LOST, id="one-is-hidden"),
        pytest.param({"look a-1": [BROKEN]}, Outcome.FAILED, id="one-failed"),
        pytest.param({"look a-1": [RUNNING]}, Outcome.TIMED_OUT, id="one-is-late"),
        pytest.param({"start a": [RetryLater(9, "full")]}, Outcome.TIMED_OUT, id="one-is-never-accepted"),
    ],
)
def test_one_target_s_end_stops_no_other(script: Script, outcome: Outcome) -> None:
    tale = tell({**script, "look b-1": [RUNNING] * 9 + [DONE]}, targets=("a", "b"))
    assert {event.target: event.outcome for event in tale.ends()} == {"a": outcome, "b": Outcome.FINISHED}
    assert tale.outcome is outcome


def test_a_target_that_must_wait_holds_up_no_other() -> None:
    tale = tell(
        {"start a": [RetryLater(30, "full"), Started((A1,))], "look b-1": [RUNNING, DONE]}, targets=("a", "b")
    )
    assert tale.events[3:] == [
        Triggering("a"),
        TriggerDelayed("a", 30, "full"),
        Triggering("b"),
        Following("b", B1),
        phase(Phase.RUNNING, "b"),
        phase(Phase.SUCCEEDED, "b"),
        TargetFinished("b", Outcome.FINISHED),
        Following("a", A1),
        phase(Phase.SUCCEEDED),
        TargetFinished("a", Outcome.FINISHED),
    ]
    assert tale.times("start a") == [0, 30]
    assert tale.times("look b-1") == [0, 1]


# --- `wait: false`


@pytest.mark.parametrize(
    ("script", "events"),
    [
        pytest.param({}, [*FOLLOWED, TargetFinished("a", Outcome.TRIGGERED)], id="accepted"),
        pytest.param(
            {"start a": [Started((A1,), "a note")]},
            [*OPENING, Following("a", A1, "a note"), TargetFinished("a", Outcome.TRIGGERED, "a note")],
            id="accepted-with-a-note",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [Started((A1,), "found")]},
            [
                *OPENING,
                TriggerUncertain("a", "no answer in time"),
                Following("a", A1, "found"),
                TargetFinished("a", Outcome.TRIGGERED, "found"),
            ],
            id="found",
        ),
        pytest.param(
            {"start a": [Rejected("full")]},
            [*OPENING, TargetFinished("a", Outcome.REFUSED, "full")],
            id="refused",
        ),
        pytest.param(
            {"start a": [RetryLater(9, "full"), Started((A1,))]},
            [
                *OPENING,
                TriggerDelayed("a", 9, "full"),
                Following("a", A1),
                TargetFinished("a", Outcome.TRIGGERED),
            ],
            id="accepted-later",
        ),
    ],
)
def test_without_waiting_the_story_ends_with_the_trigger(script: Script, events: list[Event]) -> None:
    tale = tell(script, wait=False)
    assert tale.events == events
    assert not [call for call in tale.sent if call.startswith("look")]


DOUBTFUL = replace(A1, certainty=Certainty.UNCONFIRMED)


@pytest.mark.parametrize("handle", [DOUBTFUL, PHANTOM])
def test_without_waiting_looks_that_fail_are_not_repeated_until_the_end_of_the_time(handle: Handle) -> None:
    """Three in a row are enough: nobody asked to wait."""
    tale = tell(
        {"start a": [Started((handle,))], f"look {handle.id}": [UnavailableError("HTTP 502")]}, wait=False
    )
    assert tale.ends() == [
        TargetFinished("a", Outcome.TRIGGERED, "could not confirm that the deployment exists: HTTP 502")
    ]
    assert len(tale.times(f"look {handle.id}")) == 3
    assert tale.calls[-1][0] < 30


@pytest.mark.parametrize(
    ("looks", "events", "times"),
    [
        pytest.param(
            [QUEUED], [phase(Phase.QUEUED), TargetFinished("a", Outcome.TRIGGERED)], [0], id="it-is-there"
        ),
        pytest.param(
            [NO_LINE, DONE],
            [
                PollFailing("a", "no connection"),
                PollRecovered("a", 1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.TRIGGERED),
            ],
            [0, 3],
            id="it-is-seen-late",
        ),
    ],
)
def test_a_doubtful_answer_is_looked_at_also_without_waiting(
    looks: list[Any], events: list[Event], times: list[float]
) -> None:
    tale = tell({"start a": [Started((DOUBTFUL,))], "look a-1": looks}, wait=False)
    assert tale.events == [*OPENING, Following("a", DOUBTFUL), *events]
    assert tale.times("look a-1") == times


@pytest.mark.parametrize("trust", [Certainty.PHANTOM, Certainty.POSSIBLY_PHANTOM])
@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"look a-p": [replace(GONE, follow_ups=(ADOPTED,))], "look a-1": [RUNNING]},
            [
                phase(Phase.ABSENT),
                Following("a", ADOPTED),
                phase(Phase.RUNNING),
                TargetFinished("a", Outcome.TRIGGERED),
            ],
            [(0, "look a-p"), (0, "look a-1")],
            id="until-the-real-one-is-met",
        ),
        pytest.param(
            {"look a-p": [replace(GONE, reason="none any more")]},
            [
                phase(Phase.ABSENT),
                Retriggering("a", "none any more"),
                TargetResolved(Target("a")),
                Following("a", A1),
                TargetFinished("a", Outcome.TRIGGERED),
            ],
            [(0, "look a-p"), (0, "check a"), (0, "start a")],
            id="or-it-is-triggered",
        ),
        pytest.param(
            {"look a-p": [QUEUED]},
            [phase(Phase.QUEUED), TargetFinished("a", Outcome.TRIGGERED)],
            [(0, "look a-p")],
            id="or-it-is-there",
        ),
    ],
)
def test_what_may_be_a_phantom_is_looked_at_also_without_waiting(
    trust: Certainty, script: Script, events: list[Event], calls: list[Call]
) -> None:
    handle = Handle("a", "a-p", trust)
    tale = tell({"start a": [Started((handle,)), Started((A1,))], **script}, wait=False)
    assert (tale.events, tale.calls) == ([*OPENING, Following("a", handle), *events], [*UNTIL_START, *calls])


# --- Architecture, rule 10: short patience with a stranger, long patience with an acquaintance


@pytest.mark.parametrize(
    ("script", "times", "last"),
    [
        pytest.param(
            {"reach": [NO_LINE]},
            [0, 15, 30],
            TargetFinished("a", Outcome.UNREACHABLE, "no connection (3 tries in 30 s)"),
            id="three-tries-in-thirty-seconds",
        ),
        pytest.param(
            {"reach": [Act(NO_LINE, takes=12)]},
            [0, 15, 30],
            TargetFinished("a", Outcome.UNREACHABLE, "no connection (3 tries in 42 s)"),
            id="however-long-each-takes",
        ),
        pytest.param(
            {"reach": [NO_LINE, "Fake 1"]},
            [0, 15],
            TargetFinished("a", Outcome.FINISHED),
            id="the-second-is-answered",
        ),
        pytest.param(
            {"reach": [NO_LINE, NO_LINE, "Fake 1"]},
            [0, 15, 30],
            TargetFinished("a", Outcome.FINISHED),
            id="the-third-is-answered",
        ),
        pytest.param(
            {"reach": [UnavailableError("it redirects", permanent=True)]},
            [0],
            TargetFinished("a", Outcome.UNREACHABLE, "it redirects"),
            id="a-redirect-at-once",
        ),
        pytest.param(
            {"reach": [NO_LINE, UnavailableError("it redirects", permanent=True)]},
            [0, 15],
            TargetFinished("a", Outcome.UNREACHABLE, "it redirects"),
            id="a-redirect-at-the-second-try",
        ),
        pytest.param(
            {"reach": [NO_LINE, RefusedError("wrong token")]},
            [0, 15],
            TargetFinished("a", Outcome.REFUSED, "wrong token"),
            id="refused",
        ),
        pytest.param(
            {"reach": [SPOKEN]},
            [0, 5, 10, 15, 20, 25, 30, 35, 40],
            TargetFinished("a", Outcome.TIMED_OUT, "nothing was started: HTTP 503"),
            id="the-server-itself-is-waited-for",
        ),
        pytest.param(
            {"reach": [SPOKEN, NO_LINE]},
            [0, 5, 10, 15, 20, 25, 30, 35, 40],
            TargetFinished("a", Outcome.TIMED_OUT, "nothing was started: no connection"),
            id="also-when-it-falls-silent",
        ),
        pytest.param(
            {"reach": [NO_LINE, SPOKEN, NO_LINE, NO_LINE, NO_LINE, "Fake 1"]},
            [0, 15, 20, 25, 30, 35],
            TargetFinished("a", Outcome.FINISHED),
            id="also-when-it-spoke-late",
        ),
        pytest.param(
            {"reach": [UnavailableError("HTTP 429", from_server=True, retry_after=20), "Fake 1"]},
            [0, 20],
            TargetFinished("a", Outcome.FINISHED),
            id="retry-after-is-obeyed",
        ),
        pytest.param(
            {"reach": [UnavailableError("HTTP 429", from_server=True, retry_after=86400)]},
            [0, 40],
            TargetFinished("a", Outcome.TIMED_OUT, "nothing was started: HTTP 429"),
            id="but-not-longer-than-the-time-given",
        ),
    ],
)
def test_patience_is_short_until_the_server_has_answered_as_itself(
    script: Script, times: list[float], last: TargetFinished
) -> None:
    tale = tell(script, timeout=40)
    assert (tale.times("reach"), tale.events[-1]) == (times, last)


HANGS = LateError("no answer in time", may_have_arrived=True)
WAITED = (
    "no answer in time, although the server accepts connections: waiting up to {} s for its first response"
)


@pytest.mark.parametrize(
    ("reach", "timeout", "calls", "last"),
    [
        pytest.param(
            [Act(HANGS, takes=8), "Fake 1"],
            600,
            [(0, ""), (10, " within 30 s")],
            TargetFinished("a", Outcome.FINISHED),
            id="the-second-is-answered",
        ),
        pytest.param(
            [Act(HANGS, takes=8), Act(HANGS, takes=30), Act(HANGS, takes=20), "Fake 1"],
            600,
            [(0, ""), (10, " within 30 s"), (42, " within 30 s"), (64, " within 30 s")],
            TargetFinished("a", Outcome.FINISHED),
            id="it-hangs-for-a-minute",
        ),
        pytest.param(
            [Act(HANGS, takes=8), *[Act(HANGS, takes=30)] * 3, Act(HANGS, takes=14)],
            600,
            [
                (0, ""),
                (10, " within 30 s"),
                (42, " within 30 s"),
                (74, " within 30 s"),
                (106, " within 14 s"),
            ],
            TargetFinished("a", Outcome.UNREACHABLE, "no answer in time (5 tries in 120 s)"),
            id="but-not-for-more-than-two-minutes",
        ),
        pytest.param(
            [Act(HANGS, takes=8), Act(HANGS, takes=30)],
            40,
            [(0, ""), (10, " within 30 s")],
            TargetFinished("a", Outcome.UNREACHABLE, "no answer in time (2 tries in 40 s)"),
            id="nor-for-more-than-the-time-given",
        ),
        pytest.param(
            [Act(HANGS, takes=8), NO_LINE, NO_LINE, NO_LINE],
            600,
            [(0, ""), (10, " within 30 s"), (25, ""), (40, "")],
            TargetFinished("a", Outcome.UNREACHABLE, "no connection (4 tries in 40 s)"),
            id="a-server-that-goes-away-is-asked-three-times-from-then-on",
        ),
        pytest.param(
            [NO_LINE, Act(HANGS, takes=8), "Fake 1"],
            600,
            [(0, ""), (15, ""), (25, " within 30 s")],
            TargetFinished("a", Outcome.FINISHED),
            id="one-that-comes-up-and-is-busy",
        ),
    ],
)
def test_a_server_that_accepts_connections_is_waited_for_up_to_two_minutes(
    reach: list[Any], timeout: float, calls: list[tuple[float, str]], last: TargetFinished
) -> None:
    tale = tell({"reach": reach}, timeout=timeout)
    asked = [(at, call) for at, call in tale.calls if call.startswith("reach")]
    assert (asked, tale.events[-1]) == ([(at, f"reach{how}") for at, how in calls], last)
    assert PollFailing("", WAITED.format(min(120, timeout))) in tale.events


def test_nothing_is_asked_of_a_server_that_was_not_reached() -> None:
    tale = tell(
        {"reach": [NO_LINE, UnavailableError("HTTP 502"), UnavailableError("HTTP 502")]}, targets=("a", "b")
    )
    why = "HTTP 502 (3 tries in 30 s)"
    assert tale == Tale(
        Outcome.UNREACHABLE,
        [
            PollFailing("", "no connection"),
            PollFailing("", "HTTP 502"),
            TargetFinished("a", Outcome.UNREACHABLE, why),
            TargetFinished("b", Outcome.UNREACHABLE, why),
        ],
        [(0, "reach"), (15, "reach"), (30, "reach")],
        2,
    )


def test_the_same_trouble_is_told_once_while_the_server_is_not_reached() -> None:
    assert tell({"reach": [NO_LINE, NO_LINE, "Fake 1"]}).events[:2] == [
        PollFailing("", "no connection"),
        REACHED,
    ]


# --- Architecture, rule 3: what is refused to the token is not asked again


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
            {"start a": [RetryLater(9, "full")], "start b": [Rejected("full")], "look c-1": [REVOKED]},
            ["reach", "check a", "check b", "check c", "start a", "start b", "start c", "look c-1"],
            {"a": Outcome.REFUSED, "b": Outcome.REFUSED, "c": Outcome.LOST},
            id="at-a-look-while-one-must-wait",
        ),
        pytest.param(
            {"look b-1": [REVOKED]},
            [
                "reach",
                "check a",
                "check b",
                "check c",
                "start a",
                "start b",
                "start c",
                "look a-1",
                "look b-1",
            ],
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
def test_a_revoked_token_ends_every_story_without_another_request(
    script: Script, calls: list[str], ends: Mapping[str, Outcome]
) -> None:
    tale = tell(script, targets=("a", "b", "c"))
    assert tale.sent == calls
    assert {event.target: event.outcome for event in tale.ends()} == ends


def test_a_revoked_token_is_not_asked_for_the_next_of_several_deployments_either() -> None:
    tale = tell({"look a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))], "look a-2": [REVOKED]})
    assert tale.sent == [*(call for _, call in UNTIL_START), "look a-1", "look a-2"]
    assert tale.outcome is Outcome.LOST


def test_a_failure_that_was_seen_counts_more_than_a_token_that_is_revoked_after_it() -> None:
    broken = replace(BROKEN, reason="exit 1", server="paris")
    tale = tell(
        {"look a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))], "look a-2": [broken], "look a-3": [REVOKED]}
    )
    assert tale.ends() == [TargetFinished("a", Outcome.FAILED, f"{IN_PARIS}exit 1")]


@pytest.mark.parametrize(
    ("last", "handle", "ended"),
    [
        pytest.param(replace(DONE, stable_for=9), A1, TargetFinished("a", Outcome.FINISHED), id="succeeded"),
        pytest.param(
            replace(BROKEN, stable_for=9, reason="exit 1"),
            A1,
            TargetFinished("a", Outcome.FAILED, "exit 1"),
            id="failed",
        ),
        pytest.param(
            replace(CANCELLED, stable_for=9),
            ADOPTED,
            TargetFinished("a", Outcome.CANCELLED),
            id="adopted-and-cancelled",
        ),
    ],
)
def test_an_end_that_was_seen_counts_when_the_token_is_revoked(
    last: Snapshot, handle: Handle, ended: TargetFinished
) -> None:
    script: Script = {"start a": [Started((handle,))], "look a-1": [last], "look b-1": [RUNNING, REVOKED]}
    tale = tell(script, targets=("a", "b"), poll_interval=5)
    assert [event for event in tale.ends() if event.target == "a"] == [ended]
    assert Retriggering not in {type(event) for event in tale.events}
    assert tale.sent[-1] == "look b-1"


def test_others_that_can_not_be_seen_any_more_are_lost() -> None:
    script: Script = {
        "look a-1": [replace(DONE, stable_for=9, follow_ups=(PARIS,))],
        "look b-1": [RUNNING, REVOKED],
    }
    tale = tell(script, targets=("a", "b"), poll_interval=5)
    assert [event.outcome for event in tale.ends() if event.target == "a"] == [Outcome.LOST]
    assert tale.sent[-1] == "look b-1"


def test_a_token_that_may_not_cancel_any_more_is_not_used_again() -> None:
    script: Script = {"look a-1": [RUNNING], "look b-1": [RUNNING], "cancel a-1": [REVOKED]}
    tale = tell(script, targets=("a", "b"), timeout=25, poll_interval=25, cancel_on_timeout=True)
    assert tale.sent[-4:] == ["look a-1", "look b-1", "look a-1", "cancel a-1"]
    assert {event.target: event.outcome for event in tale.ends()} == {
        "a": Outcome.TIMED_OUT,
        "b": Outcome.LOST,
    }


# --- Architecture, rule 7: triggered once

IN_DOUBT: list[Event] = [*OPENING, TriggerUncertain("a", "no answer in time")]


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [Started((A1,), "found on the server")]},
            [
                *IN_DOUBT,
                Following("a", A1, "found on the server"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (0, "look a-1")],
            id="the-one-that-is-found-is-ours",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [None, Started((A1,), "found on the server")]},
            [
                *IN_DOUBT,
                Following("a", A1, "found on the server"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (5, "find a"), (5, "look a-1")],
            id="also-five-seconds-later",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER, Started((A1,))]},
            [
                *IN_DOUBT,
                Retriggering("a", NOTHING),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (5, "find a"), (5, "start a"), (5, "look a-1")],
            id="sent-again-when-two-searches-find-nothing",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER, LOST_ANSWER, Started((A1,))]},
            [
                *IN_DOUBT,
                Retriggering("a", NOTHING),
                TriggerUncertain("a", "no answer in time"),
                Retriggering("a", NOTHING),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [
                (0, "find a"),
                (5, "find a"),
                (5, "start a"),
                (5, "find a"),
                (15, "find a"),
                (15, "start a"),
                (15, "look a-1"),
            ],
            id="two-searches-each-time",
        ),
        pytest.param(
            {
                "start a": [LOST_ANSWER, Started((A1,))],
                "find a": [
                    UnavailableError("HTTP 502"),
                    None,
                    UnavailableError("HTTP 503", retry_after=30),
                    None,
                ],
            },
            [
                *IN_DOUBT,
                PollFailing("a", "HTTP 502"),
                PollFailing("a", "HTTP 503"),
                Retriggering("a", NOTHING),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (5, "find a"), (10, "find a"), (40, "find a"), (40, "start a"), (40, "look a-1")],
            id="a-search-that-fails-is-none",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [AccessDenied("nobody can tell")]},
            [*IN_DOUBT, TargetFinished("a", Outcome.LOST, "nobody can tell")],
            [(0, "find a")],
            id="where-nobody-can-tell-it-is-lost",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [None, AccessDenied("nobody can tell")]},
            [*IN_DOUBT, TargetFinished("a", Outcome.LOST, "nobody can tell")],
            [(0, "find a"), (5, "find a")],
            id="also-when-that-shows-late",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [RefusedError("not yours")]},
            [*IN_DOUBT, TargetFinished("a", Outcome.LOST, "not yours")],
            [(0, "find a")],
            id="refused-is-lost",
        ),
        pytest.param(
            {"start a": [OWN_FAILURE]},
            [
                *OPENING,
                *[TriggerUncertain("a", "it failed (Whoops)"), Retriggering("a", NOTHING)] * 2,
                TriggerUncertain("a", "it failed (Whoops)"),
                TargetFinished("a", Outcome.REFUSED, "the server failed 3 times and started nothing: Whoops"),
            ],
            [
                (0, "find a"),
                (5, "find a"),
                (5, "start a"),
                (5, "find a"),
                (15, "find a"),
                (15, "start a"),
                (15, "find a"),
                (35, "find a"),
            ],
            id="three-failures-of-its-own-are-a-refusal",
        ),
        pytest.param(
            {
                "start a": [OWN_FAILURE, OWN_FAILURE, OWN_FAILURE],
                "find a": [None] * 4 + [UnavailableError("HTTP 502"), None],
            },
            [
                *OPENING,
                *[TriggerUncertain("a", "it failed (Whoops)"), Retriggering("a", NOTHING)] * 2,
                TriggerUncertain("a", "it failed (Whoops)"),
                PollFailing("a", "HTTP 502"),
                TargetFinished("a", Outcome.REFUSED, "the server failed 3 times and started nothing: Whoops"),
            ],
            [
                *[
                    (0, "find a"),
                    (5, "find a"),
                    (5, "start a"),
                    (5, "find a"),
                    (15, "find a"),
                    (15, "start a"),
                    (15, "find a"),
                ],
                *[(20, "find a"), (40, "find a")],
            ],
            id="told-with-its-own-text-whatever-the-search-met",
        ),
        pytest.param(
            {"start a": [OWN_FAILURE], "find a": [None] * 5 + [Started((A1,), "found")]},
            [
                *OPENING,
                *[TriggerUncertain("a", "it failed (Whoops)"), Retriggering("a", NOTHING)] * 2,
                TriggerUncertain("a", "it failed (Whoops)"),
                Following("a", A1, "found"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [
                *[
                    (0, "find a"),
                    (5, "find a"),
                    (5, "start a"),
                    (5, "find a"),
                    (15, "find a"),
                    (15, "start a"),
                    (15, "find a"),
                ],
                *[(35, "find a"), (35, "look a-1")],
            ],
            id="a-failure-that-started-one-is-none",
        ),
        pytest.param(
            {"start a": [GATEWAY]},
            [
                *OPENING,
                *[TriggerUncertain("a", "HTTP 403: a page"), Retriggering("a", NOTHING)] * 2,
                TriggerUncertain("a", "HTTP 403: a page"),
                TargetFinished("a", Outcome.REFUSED, KEPT_OUT.format(3, "HTTP 403: a page")),
            ],
            [
                (0, "find a"),
                (5, "find a"),
                (5, "start a"),
                (5, "find a"),
                (15, "find a"),
                (15, "start a"),
                (15, "find a"),
                (35, "find a"),
            ],
            id="a-gateway-that-passes-none-on",
        ),
        pytest.param(
            {"start a": [GATEWAY], "find a": [None, None, Started((A1,), "found")]},
            [
                *OPENING,
                TriggerUncertain("a", "HTTP 403: a page"),
                Retriggering("a", NOTHING),
                TriggerUncertain("a", "HTTP 403: a page"),
                Following("a", A1, "found"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (5, "find a"), (5, "start a"), (5, "find a"), (5, "look a-1")],
            id="a-gateway-that-answers-in-the-platform-s-place",
        ),
        pytest.param(
            {"start a": [GATEWAY, OWN_FAILURE, GATEWAY]},
            [
                *OPENING,
                TriggerUncertain("a", "HTTP 403: a page"),
                Retriggering("a", NOTHING),
                TriggerUncertain("a", "it failed (Whoops)"),
                Retriggering("a", NOTHING),
                TriggerUncertain("a", "HTTP 403: a page"),
                TargetFinished("a", Outcome.REFUSED, KEPT_OUT.format(3, "HTTP 403: a page")),
            ],
            [
                (0, "find a"),
                (5, "find a"),
                (5, "start a"),
                (5, "find a"),
                (15, "find a"),
                (15, "start a"),
                (15, "find a"),
                (35, "find a"),
            ],
            id="both-count-together",
        ),
        pytest.param(
            {"start a": [NO_LINE, NO_LINE, Started((A1,))]},
            [
                *OPENING,
                PollFailing("a", "no connection"),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(5, "check a"), (5, "start a"), (10, "check a"), (10, "start a"), (10, "look a-1")],
            id="what-never-arrived-is-sent-again-without-a-search",
        ),
        pytest.param(
            {"start a": [UnavailableError("HTTP 429", retry_after=25), Started((A1,))]},
            [
                *OPENING,
                PollFailing("a", "HTTP 429"),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(25, "check a"), (25, "start a"), (25, "look a-1")],
            id="and-as-late-as-was-asked-for",
        ),
        pytest.param(
            {"start a": [RetryLater(20, "asked too often"), Started((A1,))]},
            [
                *OPENING,
                TriggerDelayed("a", 20, "asked too often"),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(20, "check a"), (20, "start a"), (20, "look a-1")],
            id="throttled",
        ),
        pytest.param(
            {"start a": [NO_LINE, LOST_ANSWER], "find a": [Started((A1,), "found")]},
            [
                *OPENING,
                PollFailing("a", "no connection"),
                TriggerUncertain("a", "no answer in time"),
                Following("a", A1, "found"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
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


def test_the_last_search_before_it_is_sent_again_comes_later_with_each_lost_answer() -> None:
    tale = tell({"start a": [*[LOST_ANSWER] * 8, Started((A1,))]})
    searches = tale.times("find a")
    assert [second - first for first, second in zip(searches[::2], searches[1::2], strict=True)] == [
        5,
        10,
        20,
        40,
        60,
        60,
        60,
        60,
    ]
    assert tale.times("start a")[1:] == searches[1::2]


def test_no_pause_before_it_is_sent_again_outlasts_the_time_given() -> None:
    clock = FakeClock()
    provider = Scripted({"start a": [LOST_ANSWER]}, clock)
    assert run(Plan(("a",), timeout=120), provider, lambda _: None, clock) is Outcome.TIMED_OUT
    assert clock.real() - BEGINNING == pytest.approx(120, abs=0.1)


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {
                "start a": [LOST_ANSWER],
                "find a": [Started((ADOPTED,), "the oldest of several")],
                "look a-1": [RUNNING, DONE],
            },
            [
                *IN_DOUBT,
                Following("a", ADOPTED, "the oldest of several"),
                phase(Phase.RUNNING),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (0, "look a-1"), (1, "look a-1")],
            id="of-several-the-oldest-is-followed-as-adopted",
        ),
        pytest.param(
            {"start a": [Started((ADOPTED,)), Started((A2,))], "look a-1": [CANCELLED]},
            [
                *OPENING,
                Following("a", ADOPTED),
                phase(Phase.CANCELLED),
                Retriggering("a", SOMEBODY),
                TargetResolved(Target("a")),
                Following("a", A2),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "look a-1"), (0, "check a"), (0, "start a"), (0, "look a-2")],
            id="adopted-and-cancelled-ours-is-triggered",
        ),
        pytest.param(
            {
                "start a": [LOST_ANSWER],
                "find a": [Started((UNSURE,), "the oldest of several")],
                "look a-1": [replace(CANCELLED, reason="why")],
            },
            [
                *IN_DOUBT,
                Following("a", UNSURE, "the oldest of several"),
                phase(Phase.CANCELLED),
                TargetFinished("a", Outcome.CANCELLED, "why"),
            ],
            [(0, "find a"), (0, "look a-1")],
            id="what-may-be-ours-and-is-cancelled-is-not-triggered-again",
        ),
        pytest.param(
            {
                "start a": [Started((ADOPTED,)), Started((Handle("a", "a-2", owner=Owner.OTHERS),))],
                "look a-1": [CANCELLED],
                "look a-2": [CANCELLED],
            },
            [
                *OPENING,
                Following("a", ADOPTED),
                phase(Phase.CANCELLED),
                Retriggering("a", SOMEBODY),
                TargetResolved(Target("a")),
                Following("a", Handle("a", "a-2", owner=Owner.OTHERS)),
                phase(Phase.CANCELLED),
                TargetFinished("a", Outcome.CANCELLED),
            ],
            [(0, "look a-1"), (0, "check a"), (0, "start a"), (0, "look a-2")],
            id="but-only-once",
        ),
        pytest.param(
            {
                "start a": [Started((PHANTOM,)), Started((A1,))],
                "look ": [replace(GONE, reason="none any more")],
            },
            [
                *OPENING,
                Following("a", PHANTOM),
                phase(Phase.ABSENT),
                Retriggering("a", "none any more"),
                TargetResolved(Target("a")),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "look "), (0, "check a"), (0, "start a"), (0, "look a-1")],
            id="a-phantom-of-nothing-is-triggered-again",
        ),
        pytest.param(
            {"start a": [Started((PHANTOM,))], "look ": [replace(GONE, reason="none any more")]},
            [
                *OPENING,
                Following("a", PHANTOM),
                phase(Phase.ABSENT),
                Retriggering("a", "none any more"),
                TargetResolved(Target("a")),
                Following("a", PHANTOM),
                phase(Phase.ABSENT),
                TargetFinished("a", Outcome.LOST, "none any more"),
            ],
            [(0, "look "), (0, "check a"), (0, "start a"), (0, "look ")],
            id="that-also-only-once",
        ),
        pytest.param(
            {
                "start a": [Started((PHANTOM,)), Started((A2,))],
                "look ": [replace(GONE, follow_ups=(ADOPTED,))],
                "look a-1": [RUNNING, CANCELLED],
            },
            [
                *OPENING,
                Following("a", PHANTOM),
                phase(Phase.ABSENT),
                Following("a", ADOPTED),
                phase(Phase.RUNNING),
                phase(Phase.CANCELLED),
                Retriggering("a", SOMEBODY),
                TargetResolved(Target("a")),
                Following("a", A2),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "look "), (0, "look a-1"), (1, "look a-1"), (1, "check a"), (1, "start a"), (1, "look a-2")],
            id="behind-a-phantom-the-real-one-is-followed",
        ),
        pytest.param(
            {
                "look a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
                "look a-2": [replace(DONE, server="paris")],
                "look a-3": [
                    replace(RUNNING, server="berlin"),
                    replace(BROKEN, reason="exit 1", server="berlin"),
                ],
            },
            [
                *FOLLOWED,
                phase(Phase.SUCCEEDED),
                Following("a", A2, stage=Stage.ADDITIONAL_SERVERS),
                Following("a", A3, stage=Stage.ADDITIONAL_SERVERS),
                DeploymentDetails("a", "", "", "paris", Stage.ADDITIONAL_SERVERS),
                PhaseChanged("a", Phase.SUCCEEDED, "", "paris", Stage.ADDITIONAL_SERVERS),
                DeploymentDetails("a", "", "", "berlin", Stage.ADDITIONAL_SERVERS),
                PhaseChanged("a", Phase.RUNNING, "", "berlin", Stage.ADDITIONAL_SERVERS),
                PhaseChanged("a", Phase.FAILED, "", "berlin", Stage.ADDITIONAL_SERVERS),
                TargetFinished("a", Outcome.FAILED, f"{IN_BERLIN}exit 1"),
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
            "look a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
            "look a-2": [UnavailableError("HTTP 429", retry_after=50), DONE],
            "look a-3": [RUNNING, RUNNING, DONE],
        },
    )
    assert (tale.times("look a-2"), tale.times("look a-3")) == ([0, 50], [0, 2, 4])


REDIRECTS = UnavailableError("it redirects", permanent=True)


@pytest.mark.parametrize(
    ("script", "ended", "calls"),
    [
        pytest.param(
            {"check a": [REDIRECTS]},
            TargetFinished("a", Outcome.REFUSED, "it redirects"),
            UNTIL_START[:2],
            id="at-the-check",
        ),
        pytest.param(
            {"start a": [REDIRECTS]},
            TargetFinished("a", Outcome.REFUSED, "it redirects"),
            UNTIL_START,
            id="at-the-start",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [REDIRECTS, Started((A1,))]},
            TargetFinished("a", Outcome.FINISHED),
            [*UNTIL_START, (0, "find a"), (5, "find a"), (5, "look a-1")],
            id="but-while-searching-it-is-no-news",
        ),
    ],
)
def test_what_no_repetition_can_mend_is_not_repeated(
    script: Script, ended: TargetFinished, calls: list[Call]
) -> None:
    tale = tell(script)
    assert (tale.events[-1], tale.calls) == (ended, calls)


def test_a_failure_that_asks_us_to_stay_away_is_searched_for_after_that() -> None:
    tale = tell({"start a": [replace(SPOKEN, retry_after=30)], "find a": [Started((A1,), "found")]})
    assert tale.times("find a") == [30]


def test_but_not_longer_than_the_time_given() -> None:
    tale = tell(
        {"start a": [replace(SPOKEN, retry_after=86400)], "find a": [Started((A1,), "found")]}, timeout=25
    )
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
            [REACHED, PollFailing("a", "HTTP 502"), TargetFinished("a", Outcome.TIMED_OUT, "HTTP 502")],
            "check a",
            [0, 5, 10, 15, 20, 25],
            id="never-checked",
        ),
        pytest.param(
            {"start a": [NO_LINE]},
            [
                *OPENING,
                PollFailing("a", "no connection"),
                TargetFinished("a", Outcome.TIMED_OUT, "no connection"),
            ],
            "start a",
            [0, 5, 10, 15, 20],
            id="never-reached",
        ),
        pytest.param(
            {"start a": [RetryLater(20, "full")]},
            [
                *OPENING,
                TriggerDelayed("a", 20, "full"),
                TriggerDelayed("a", 5 - 3 * TICK, "full"),
                TargetFinished("a", Outcome.TIMED_OUT, "full"),
            ],
            "start a",
            [0, 20],
            id="never-accepted",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [UnavailableError("HTTP 502", retry_after=9)]},
            [*IN_DOUBT, PollFailing("a", "HTTP 502"), TargetFinished("a", Outcome.LOST, "HTTP 502")],
            "find a",
            [0, 9, 18, 25],
            id="never-found-out",
        ),
        pytest.param(
            {"start a": [Act(LOST_ANSWER, takes=4)]},
            [
                *IN_DOUBT,
                *[Retriggering("a", NOTHING), TriggerUncertain("a", "no answer in time")] * 2,
                TargetFinished("a", Outcome.TIMED_OUT, "no answer in time"),
            ],
            "start a",
            [0, 9, 23],
            id="never-answered-and-never-there",
        ),
        pytest.param(
            {"look a-1": [UnavailableError("HTTP 502")]},
            [
                *FOLLOWED,
                PollFailing("a", "HTTP 502"),
                TargetFinished(
                    "a", Outcome.TIMED_OUT, "no look at it ever worked; the last looks failed: HTTP 502"
                ),
            ],
            "look a-1",
            [0, 3, 9, 21, 25],
            id="never-seen",
        ),
    ],
)
def test_no_end_in_time_is_told_as_what_it_is(
    script: Script, events: list[Event], call: str, times: list[float]
) -> None:
    tale = tell(script, timeout=25)
    assert (tale.events, tale.times(call)) == (events, times)


def test_trouble_that_is_over_is_told_again_when_it_comes_again() -> None:
    tale = tell({"check a": [NO_LINE, Target("a")], "start a": [NO_LINE, NO_LINE, Started((A1,))]})
    assert tale.events[:6] == [
        REACHED,
        PollFailing("a", "no connection"),
        *begun("a"),
        PollFailing("a", "no connection"),
        Following("a", A1),
    ]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            {"start a": [Started((ADOPTED,))], "look a-1": [RUNNING, Act(CANCELLED, takes=2)]},
            id="adopted-cancelled",
        ),
        pytest.param(
            {"start a": [Started((PHANTOM,))], "look ": [SPOKEN, Act(GONE, takes=2)]}, id="phantom-of-nothing"
        ),
        pytest.param({"start a": [Act(LOST_ANSWER, takes=22)]}, id="lost"),
    ],
)
def test_nothing_is_triggered_when_the_time_is_over(script: Script) -> None:
    tale = tell(script, timeout=25, poll_interval=25)
    assert tale.times("start a") == [0]
    assert Retriggering not in {type(event) for event in tale.events}
    assert tale.outcome.exit_code != 0


@pytest.mark.parametrize(
    ("script", "withdrawn", "reason"),
    [
        pytest.param({"look a-1": [RUNNING]}, [CancelResult("a", A1, "cancelled")], LATE, id="running"),
        pytest.param(
            {"look a-1": [QUEUED]}, [CancelResult("a", A1, "cancelled")], "it was still queued", id="queued"
        ),
        pytest.param(
            {"look a-1": [NO_LINE]},
            [CancelResult("a", A1, "cancelled")],
            "no look at it ever worked; the last looks failed: no connection",
            id="never-seen",
        ),
        pytest.param(
            {
                "look a-1": [
                    Snapshot(Phase.SUCCEEDED, stable_for=math.inf, reason="its command was not seen to end")
                ]
            },
            [],
            "its command was not seen to end",
            id="deployed-and-its-post-command-runs",
        ),
        pytest.param({"start a": [Started((ADOPTED,))], "look a-1": [RUNNING]}, [], LATE, id="adopted"),
        pytest.param({"start a": [Started((UNSURE,))], "look a-1": [RUNNING]}, [], LATE, id="perhaps-ours"),
        pytest.param(
            {"start a": [Started((PHANTOM,))], "look ": [NO_LINE]},
            [],
            "no look at it ever worked; the last looks failed: no connection",
            id="phantom",
        ),
        pytest.param(
            {
                "look a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
                "look a-2": [CANCELLED],
                "look a-3": [RUNNING],
            },
            [CancelResult("a", A3, "cancelled")],
            f"{IN_BERLIN}{LATE}",
            id="of-several-only-what-is-not-over",
        ),
        pytest.param(
            {
                "look a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
                "look a-2": [RUNNING],
                "look a-3": [RUNNING],
            },
            [CancelResult("a", A2, "cancelled"), CancelResult("a", A3, "cancelled")],
            f"{IN_PARIS}{LATE}",
            id="all-that-are-late",
        ),
        pytest.param(
            {"look a-1": [RUNNING], "cancel a-1": [RefusedError("no right")]},
            [CancelResult("a", A1, "it could not be cancelled: no right")],
            LATE,
            id="refused",
        ),
        pytest.param(
            {"look a-1": [RUNNING], "cancel a-1": [NO_LINE]},
            [CancelResult("a", A1, "not reached (no connection): it may still be running")],
            LATE,
            id="not-reached",
        ),
        pytest.param(
            {"look a-1": [RUNNING], "cancel a-1": [LOST_ANSWER]},
            [CancelResult("a", A1, "cancel sent, not confirmed")],
            LATE,
            id="not-answered",
        ),
    ],
)
def test_on_timeout_cancel_stops_what_is_ours_and_not_deployed_yet(
    script: Script, withdrawn: list[CancelResult], reason: str
) -> None:
    tale = tell(script, timeout=25, cancel_on_timeout=True)
    assert tale.events[-1 - len(withdrawn) :] == [*withdrawn, TargetFinished("a", Outcome.TIMED_OUT, reason)]
    assert [call for call in tale.calls if call[1].startswith("cancel")] == [
        (25, f"cancel {event.handle.id}") for event in withdrawn
    ]


LEFT = "1 deployment is still queued, and nothing runs on that server"


@pytest.mark.parametrize(
    ("script", "plan", "signals", "told", "asked"),
    [
        pytest.param(
            {"look a-1": [RUNNING]},
            {"timeout": 25, "cancel_on_timeout": True},
            (),
            [CancelResult("a", A1, "cancelled"), TargetWarning("a", LEFT)],
            "left waiting",
            id="on-timeout",
        ),
        pytest.param(
            {"look a-1": [RUNNING]},
            {},
            [(3, "SIGTERM")],
            [CancelResult("a", A1, "cancelled"), TargetWarning("a", LEFT)],
            "left waiting within 1 s",
            id="interrupted",
        ),
        pytest.param(
            {"going a": [(replace(A1, owner=Owner.OTHERS),)], "look a-1": [CANCELLED]},
            {"command": Command.CANCEL},
            (),
            [TargetWarning("a", LEFT)],
            "left waiting",
            id="command-cancel",
        ),
        pytest.param({"look a-1": [DONE]}, {}, (), [], None, id="nothing-was-cancelled"),
        pytest.param(
            {"look a-1": [RUNNING], "left waiting": [NO_LINE]},
            {},
            [(3, "SIGTERM")],
            [],
            "left waiting within 1 s",
            id="not-to-be-read",
        ),
    ],
)
def test_what_a_cancel_leaves_in_the_queue_is_told(
    script: Script,
    plan: dict[str, Any],
    signals: list[tuple[float, str]],
    told: list[Event],
    asked: str | None,
) -> None:
    tale = tell({"left waiting": [LEFT], **script}, signals=signals, **plan)
    assert [event for event in tale.events if event in told] == told
    assert (TargetWarning("a", LEFT) in tale.events) is bool(told)
    assert [call for call in tale.sent if call.startswith("left")] == ([asked] if asked else [])


def test_on_timeout_cancel_stops_what_is_late_also_when_another_one_failed() -> None:
    script: Script = {
        "look a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
        "look a-2": [BROKEN],
        "look a-3": [RUNNING],
    }
    tale = tell(script, timeout=25, cancel_on_timeout=True)
    assert tale.events[-2:] == [
        CancelResult("a", A3, "cancelled"),
        TargetFinished("a", Outcome.FAILED, f"{IN_PARIS}failed"),
    ]


def test_a_token_that_is_revoked_cancels_no_second_late_one() -> None:
    script: Script = {
        "look a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
        "look a-2": [RUNNING],
        "look a-3": [RUNNING],
        "cancel a-2": [REVOKED],
    }
    tale = tell(script, timeout=25, cancel_on_timeout=True)
    assert [call for call in tale.sent if call.startswith("cancel")] == ["cancel a-2"]
    assert tale.ends() == [TargetFinished("a", Outcome.TIMED_OUT, f"{IN_PARIS}{LATE}")]


def test_on_timeout_leave_cancels_nothing() -> None:
    tale = tell({"look a-1": [RUNNING]}, timeout=25)
    assert tale.events == [*FOLLOWED, phase(Phase.RUNNING), TargetFinished("a", Outcome.TIMED_OUT, LATE)]
    assert "cancel a-1" not in tale.sent


@pytest.mark.parametrize(
    ("takes", "events", "cancels"),
    [
        pytest.param(
            1,
            [CancelResult("a", A1, "cancelled"), TargetFinished("a", Outcome.TIMED_OUT, LATE)],
            [(25, "cancel a-1")],
            id="answered-within-the-grace",
        ),
        pytest.param(
            9,
            [
                InterruptReceived("SIGTERM"),
                CancelResult("a", A1, "cancel sent, not confirmed"),
                TargetFinished("a", Outcome.INTERRUPTED, STOPPED_BY),
            ],
            [(25, "cancel a-1"), (27.5, "cancel a-1 within 1 s")],
            id="not-answered",
        ),
    ],
)
def test_a_signal_while_a_late_one_is_cancelled(
    takes: float, events: list[Event], cancels: list[Call]
) -> None:
    script: Script = {"look a-1": [RUNNING], "cancel a-1": [Act("cancelled", takes=takes)]}
    tale = tell(script, timeout=25, cancel_on_timeout=True, signals=[(25.5, "SIGTERM")])
    assert tale.events == [*FOLLOWED, phase(Phase.RUNNING), *events]
    assert [call for call in tale.calls if call[1].startswith("cancel")] == cancels


# --- Architecture, rule 8: the job is stopped

SIGNAL_AT_2 = [(2.0, "SIGTERM")]
LISTED = (4, "find a within 1 s")
FAREWELL: list[Event] = [InterruptReceived("SIGTERM"), TargetFinished("a", Outcome.INTERRUPTED, STOPPED_BY)]
UNFOUND_ON_FAREWELL: list[Event] = [
    InterruptReceived("SIGTERM"),
    TargetWarning("a", TRIGGER_IN_FLIGHT),
    TargetFinished("a", Outcome.INTERRUPTED, STOPPED_BY),
]
CANCELLED_ON_FAREWELL: list[Event] = [
    InterruptReceived("SIGTERM"),
    CancelResult("a", A1, "cancelled"),
    TargetFinished("a", Outcome.INTERRUPTED, STOPPED_BY),
]
FOUND_ON_FAREWELL: list[Event] = [
    InterruptReceived("SIGTERM"),
    Following("a", A1, "found"),
    CancelResult("a", A1, "cancelled"),
    TargetFinished("a", Outcome.INTERRUPTED, STOPPED_BY),
]


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param({"reach": [Act("Fake 1", takes=9)]}, FAREWELL, [(0, "reach")], id="while-reaching"),
        pytest.param(
            {"reach": [NO_LINE]},
            [PollFailing("", "no connection"), *FAREWELL],
            [(0, "reach")],
            id="asleep-before-it-is-reached",
        ),
        pytest.param(
            {"check a": [Act(Target("a"), takes=9)]},
            [REACHED, *FAREWELL],
            [(0, "reach"), (0, "check a")],
            id="while-checking",
        ),
        pytest.param(
            {"check a": [NO_LINE]},
            [REACHED, PollFailing("a", "no connection"), *FAREWELL],
            [(0, "reach"), (0, "check a")],
            id="asleep-before-it-is-checked",
        ),
        pytest.param(
            {"start a": [RetryLater(9, "full")]},
            [*OPENING, TriggerDelayed("a", 9, "full"), *FAREWELL],
            UNTIL_START,
            id="asleep-before-it-is-accepted",
        ),
        pytest.param(
            {"start a": [NO_LINE]},
            [*OPENING, PollFailing("a", "no connection"), *FAREWELL],
            UNTIL_START,
            id="asleep-before-it-arrives",
        ),
        pytest.param(
            {"look a-1": [replace(RUNNING, log=(Entry(1, "one"),))]},
            [*FOLLOWED, phase(Phase.RUNNING), LogLines("a", (Entry(1, "one"),)), *CANCELLED_ON_FAREWELL],
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
            [*OPENING, InterruptReceived("SIGTERM"), Following("a", ADOPTED, "of several"), FAREWELL[-1]],
            [*UNTIL_START, LISTED],
            id="of-several-none-is-cancelled",
        ),
        pytest.param(
            {"start a": [Act(None, takes=9)], "find a": [AccessDenied("nobody can tell")]},
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
            [*OPENING, PollFailing("a", "no connection"), *FAREWELL],
            UNTIL_START,
            id="during-a-start-that-never-arrives",
        ),
        pytest.param(
            {"start a": [Act(RetryLater(9, "full"), takes=3)]},
            [*OPENING, TriggerDelayed("a", 9, "full"), *FAREWELL],
            UNTIL_START,
            id="during-a-start-that-must-wait",
        ),
        pytest.param(
            {"start a": [Act(Rejected("full"), takes=3)]},
            [*OPENING, TargetFinished("a", Outcome.REFUSED, "full")],
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
            [*OPENING, Following("a", ADOPTED), phase(Phase.RUNNING), *FAREWELL],
            [*UNTIL_START, (0, "look a-1"), (1, "look a-1")],
            id="adopted-is-never-cancelled",
        ),
        pytest.param(
            {"start a": [Started((UNSURE,))], "look a-1": [RUNNING]},
            [*OPENING, Following("a", UNSURE), phase(Phase.RUNNING), *FAREWELL],
            [*UNTIL_START, (0, "look a-1"), (1, "look a-1")],
            id="not-even-where-it-may-be-ours",
        ),
        pytest.param(
            {"start a": [Started((PHANTOM,))], "look ": [Act(GONE, takes=9)]},
            [*OPENING, Following("a", PHANTOM), *FAREWELL],
            [*UNTIL_START, (0, "look ")],
            id="nor-is-a-phantom",
        ),
        pytest.param(
            {
                "start a": [Started((replace(A1, certainty=Certainty.UNCONFIRMED),))],
                "look a-1": [Act(DONE, takes=9)],
            },
            [
                *OPENING,
                Following("a", replace(A1, certainty=Certainty.UNCONFIRMED)),
                InterruptReceived("SIGTERM"),
                CancelResult("a", replace(A1, certainty=Certainty.UNCONFIRMED), "cancelled"),
                FAREWELL[-1],
            ],
            [*UNTIL_START, (0, "look a-1"), (2, "cancel a-1 within 1 s")],
            id="a-doubtful-one-is",
        ),
        pytest.param(
            {
                "look a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
                "look a-2": [DONE],
                "look a-3": [RUNNING],
            },
            [
                *FOLLOWED,
                phase(Phase.SUCCEEDED),
                Following("a", A2, stage=Stage.ADDITIONAL_SERVERS),
                Following("a", A3, stage=Stage.ADDITIONAL_SERVERS),
                phase(Phase.SUCCEEDED, stage=Stage.ADDITIONAL_SERVERS),
                phase(Phase.RUNNING, stage=Stage.ADDITIONAL_SERVERS),
                InterruptReceived("SIGTERM"),
                CancelResult("a", A3, "cancelled"),
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
        pytest.param(TargetResolved(Target("a")), 1, {}, UNTIL_START[:2], id="checked"),
        pytest.param(Triggering("a"), 1, {}, UNTIL_START[:2], id="just-before-the-start"),
        pytest.param(
            Following("a", A1), 1, {}, [*UNTIL_START, (0, "cancel a-1 within 1 s")], id="just-started"
        ),
        pytest.param(
            phase(Phase.RUNNING),
            1,
            {},
            [*UNTIL_START, (0, "look a-1"), (0, "cancel a-1 within 1 s")],
            id="just-seen",
        ),
        pytest.param(
            TriggerUncertain("a", "no answer in time"),
            1,
            {"start a": [LOST_ANSWER]},
            [*UNTIL_START, (0, "find a within 1 s")],
            id="in-doubt",
        ),
        pytest.param(
            Retriggering("a", NOTHING),
            1,
            {"start a": [LOST_ANSWER]},
            [*UNTIL_START, (0, "find a"), (5, "find a")],
            id="before-it-is-sent-again",
        ),
        pytest.param(
            TargetResolved(Target("a")),
            2,
            {"start a": [Started((ADOPTED,))], "look a-1": [CANCELLED], "find a": [Started((A2,))]},
            [*UNTIL_START, (0, "look a-1"), (0, "check a")],
            id="before-ours-is-triggered-after-the-adopted-one",
        ),
    ],
)
def test_a_signal_while_something_is_told_is_remembered(
    signal_at: Event, nth: int, script: Script, calls: list[Call]
) -> None:
    tale = tell({"look a-1": [RUNNING], **script}, signal_at=signal_at, nth=nth)
    assert (tale.outcome, tale.calls) == (Outcome.INTERRUPTED, calls)
    assert [type(event) for event in tale.events].count(InterruptReceived) == 1


def test_a_signal_while_the_end_is_told_changes_nothing() -> None:
    assert tell(signal_at=TargetFinished("a", Outcome.FINISHED)).outcome is Outcome.FINISHED


@pytest.mark.parametrize("leave", [False, True], ids=["cancel", "leave"])
def test_what_is_no_deployment_goes_on_and_that_is_said(leave: bool) -> None:
    """There is no request that takes back the start of a service, whatever `on_interrupt` says."""
    stack = Handle("a", "", condition="running")
    tale = tell(
        {"start a": [Started((stack,))], "look a:running": [RUNNING]},
        signals=SIGNAL_AT_2,
        poll_interval=5,
        cancel_on_interrupt=not leave,
    )
    goes_on = CancelResult("a", stack, "what was asked for goes on: it can't be taken back")
    assert tale.events[-3:] == [InterruptReceived("SIGTERM"), goes_on, FAREWELL[-1]]
    assert not [call for call in tale.sent if call.startswith("cancel")]


def test_running_ones_are_stopped_first_and_what_is_over_stays_as_it_is() -> None:
    script: Script = {"look a-1": [QUEUED], "look b-1": [RUNNING], "look d-1": [RUNNING]}
    tale = tell(script, targets=("a", "b", "c", "d", "e"), signals=[(3, "SIGINT")])
    why = "the job was stopped (SIGINT)"
    assert tale.events[-9:] == [
        phase(Phase.SUCCEEDED, "e"),
        TargetFinished("e", Outcome.FINISHED),
        InterruptReceived("SIGINT"),
        CancelResult("b", B1, "cancelled"),
        CancelResult("d", Handle("d", "d-1"), "cancelled"),
        CancelResult("a", A1, "cancelled"),
        *(TargetFinished(target, Outcome.INTERRUPTED, why) for target in "abd"),
    ]
    assert tale.calls[-3:] == [(3, f"cancel {target}-1 within 1 s") for target in "bda"]
    assert tale.outcome is Outcome.INTERRUPTED


def test_on_interrupt_leave_cancels_nothing_and_names_what_goes_on() -> None:
    script: Script = {
        "look a-1": [RUNNING],
        "start b": [Act(None, takes=9)],
        "find b": [Started((B1,), "found")],
    }
    tale = tell(script, targets=("a", "b"), signals=SIGNAL_AT_2, cancel_on_interrupt=False)
    left = "left running, as `on_interrupt: leave` says"
    assert tale.events[-6:] == [
        InterruptReceived("SIGTERM"),
        CancelResult("a", A1, left),
        Following("b", B1, "found"),
        CancelResult("b", B1, left),
        *(TargetFinished(target, Outcome.INTERRUPTED, STOPPED_BY) for target in "ab"),
    ]
    assert tale.sent[-1] == "find b within 1 s"


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        pytest.param("already over (finished)", "already over (finished)", id="answered"),
        pytest.param(Act("cancelled", takes=0.9), "cancelled", id="answered-within-a-second"),
        pytest.param(
            Act("cancelled", takes=1.1), "cancel sent, not confirmed", id="not-answered-within-a-second"
        ),
        pytest.param(LOST_ANSWER, "cancel sent, not confirmed", id="the-answer-is-lost"),
        pytest.param(OWN_FAILURE, "cancel sent, not confirmed", id="the-server-fails"),
        pytest.param(NO_LINE, "not reached (no connection): it may still be running", id="not-reached"),
        pytest.param(RefusedError("no right"), "it could not be cancelled: no right", id="refused"),
        pytest.param(Act("cancelled", takes=math.inf), "cancel sent, not confirmed", id="hanging"),
    ],
)
def test_what_became_of_the_cancel_is_told(answer: Any, how: str) -> None:
    tale = tell({"look a-1": [RUNNING], "cancel a-1": [answer]}, signals=SIGNAL_AT_2)
    assert tale.events == [
        *FOLLOWED,
        phase(Phase.RUNNING),
        InterruptReceived("SIGTERM"),
        CancelResult("a", A1, how),
        FAREWELL[-1],
    ]
    assert tale.sent.count("cancel a-1 within 1 s") == 1


def test_a_cancel_that_fails_stops_no_other() -> None:
    no = RefusedError("no right")
    script: Script = {
        "look a-1": [RUNNING],
        "cancel a-1": [no],
        "look b-1": [RUNNING],
        "look c-1": [RUNNING],
        "cancel b-1": [NO_LINE],
    }
    tale = tell(script, targets=("a", "b", "c"), signals=SIGNAL_AT_2)
    assert tale.sent[-3:] == [f"cancel {target}-1 within 1 s" for target in "abc"]
    assert tale.events[-4] == CancelResult("c", C1, "cancelled")


def test_a_token_that_is_revoked_cancels_nothing_more() -> None:
    script: Script = {"look a-1": [RUNNING], "cancel a-1": [REVOKED], "look b-1": [RUNNING]}
    tale = tell(script, targets=("a", "b"), signals=SIGNAL_AT_2)
    assert [call for call in tale.sent if call.startswith("cancel")] == ["cancel a-1 within 1 s"]
    hows = [event.result for event in tale.events if isinstance(event, CancelResult)]
    assert hows == [f"it could not be cancelled: {REVOKED}"] * 2


def test_five_seconds_after_the_signal_nothing_more_is_sent_and_what_was_not_reached_is_named() -> None:
    targets = tuple("abcdefg")
    script: Script = {f"{call} {target}-1": answers for target in targets for call, answers in SLOW.items()}
    tale = tell(script, targets=targets, signals=[(9.5, "SIGTERM")])
    hows = ["cancel sent, not confirmed"] * 5 + ["not reached in time: it may still be running"] * 2
    assert [event for event in tale.events if isinstance(event, CancelResult)] == [
        CancelResult(target, Handle(target, f"{target}-1"), how)
        for target, how in zip(targets, hows, strict=True)
    ]
    assert [call for call in tale.calls if call[0] >= 9.5] == [
        (9.5 + nth, f"cancel {targets[nth]}-1 within 1 s") for nth in range(5)
    ]
    assert [event.target for event in tale.ends()] == list(targets)


SLOW: Script = {"look": [RUNNING], "cancel": [Act("cancelled", takes=8)]}


def test_the_grace_of_a_start_counts_among_the_five_seconds() -> None:
    script: Script = {
        "look a-1": [RUNNING],
        "start b": [Act(None, takes=9)],
        "cancel a-1": [Act("cancelled", takes=math.inf)],
    }
    tale = tell({**script, "find b": [Started((B1,), "found")]}, targets=("a", "b"), signals=SIGNAL_AT_2)
    assert tale.calls[-1:] == [(4, "cancel a-1 within 1 s")]
    assert tale.events[-4:-2] == [
        CancelResult("a", A1, "cancel sent, not confirmed"),
        TargetWarning("b", TRIGGER_IN_FLIGHT),
    ]


def test_what_is_known_is_cancelled_before_what_must_be_looked_for() -> None:
    slow: Script = {f"find {target}": [None, Act(None, takes=0.9)] for target in "bcdefg"}
    lost: Script = {f"start {target}": [LOST_ANSWER] for target in "bcdefg"}
    tale = tell({"look a-1": [RUNNING], **slow, **lost}, targets=tuple("bcdefga"), signals=SIGNAL_AT_2)
    assert next(call for _, call in tale.calls if "within" in call) == "cancel a-1 within 1 s"
    assert CancelResult("a", A1, "cancelled") in tale.events


def test_a_token_that_is_revoked_searches_and_cancels_nothing_more() -> None:
    script: Script = {
        "start a": [LOST_ANSWER],
        "start b": [LOST_ANSWER],
        "find a": [None, REVOKED],
        "find b": [None],
    }
    tale = tell(script, targets=("a", "b"), signals=SIGNAL_AT_2)
    assert [call for _, call in tale.calls if "within" in call] == ["find a within 1 s"]


@pytest.mark.parametrize(
    ("then", "calls"),
    [
        pytest.param(NO_LINE, ["find a"], id="no-connection"),
        pytest.param(
            RetryLater(9, "asked too often"), ["check a", "start a"], id="but-an-answer-ends-the-doubt"
        ),
    ],
)
def test_a_trigger_in_doubt_is_looked_for_as_long_as_another_does_not_arrive(
    then: Any, calls: list[str]
) -> None:
    """The row of the first may be seen late: the newest row must not be read anew, or it would be taken for somebody else's."""
    tale = tell(
        {"start a": [LOST_ANSWER, then, Started((A2,))], "find a": [None, None, Started((A1,), "found")]}
    )
    sent = [call for _, call in tale.calls if call in {"check a", "start a", "find a"}]
    assert sent == ["check a", "start a", "find a", "find a", "start a", *calls]
    assert tale.ends() == [TargetFinished("a", Outcome.FINISHED)]


def test_an_adopted_one_that_is_cancelled_when_the_time_is_over_is_cancelled() -> None:
    tale = tell(
        {"start a": [Started((ADOPTED,))], "look a-1": [RUNNING, Act(CANCELLED, takes=2)]},
        timeout=25,
        poll_interval=25,
    )
    assert tale.ends() == [TargetFinished("a", Outcome.CANCELLED)]


def test_no_list_is_read_either_when_the_five_seconds_are_over() -> None:
    script: Script = {f"{call} {target}": answers for target in "ab" for call, answers in HANGING.items()}
    tale = tell(script, targets=("a", "b"), signals=SIGNAL_AT_2)
    assert tale.calls[-3:] == [(0, "find a"), (0, "find b"), (2, "find a within 1 s")]
    assert tale.events[-4:] == [
        *(TargetWarning(target, TRIGGER_IN_FLIGHT) for target in "ab"),
        *(TargetFinished(target, Outcome.INTERRUPTED, STOPPED_BY) for target in "ab"),
    ]


HANGING: Script = {"start": [LOST_ANSWER], "find": [None, Act(None, takes=math.inf)]}


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            {"look a-1": [RUNNING], "cancel a-1": [Act("cancelled", takes=0.5)]}, id="while-cancelling"
        ),
        pytest.param({"start a": [Act(Started((A1,)), takes=3)]}, id="during-the-grace"),
        pytest.param(
            {"start a": [Act(None, takes=9)], "find a": [Act(Started((A1,)), takes=0.9)]},
            id="while-the-list-is-read",
        ),
    ],
)
@pytest.mark.parametrize("second", [2.1, 2.3, 2.9, 4.2])
def test_a_second_signal_changes_nothing(script: Script, second: float) -> None:
    assert tell(script, signals=[*SIGNAL_AT_2, (second, "SIGINT")]) == tell(script, signals=SIGNAL_AT_2)


def test_without_waiting_a_signal_starts_nothing_more() -> None:
    tale = tell(
        {"start a": [Act(Started((A1,)), takes=3)]}, targets=("a", "b"), signals=SIGNAL_AT_2, wait=False
    )
    assert tale.ends() == [
        TargetFinished("a", Outcome.TRIGGERED),
        TargetFinished("b", Outcome.INTERRUPTED, STOPPED_BY),
    ]
    assert tale.sent == ["reach", "check a", "check b", "start a"]


# --- A full queue: `/start` and `/restart` name a deployment that does not exist, and it waits like a 429

FULL = replace(GONE, stable_for=2, reason="full queue")
WAITS: list[Event] = [Following("a", DOUBTFUL), phase(Phase.ABSENT), TriggerDelayed("a", 60, "full queue")]


@pytest.mark.parametrize(
    ("last", "looks", "wait", "events", "calls"),
    [
        pytest.param(
            A2,
            [DONE],
            True,
            [Following("a", A2), phase(Phase.SUCCEEDED), TargetFinished("a", Outcome.FINISHED)],
            [(124, "look a-2")],
            id="until-there-is-room",
        ),
        pytest.param(
            replace(A2, certainty=Certainty.UNCONFIRMED),
            [RUNNING, DONE],
            True,
            [
                Following("a", replace(A2, certainty=Certainty.UNCONFIRMED)),
                phase(Phase.RUNNING),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(124, "look a-2"), (125, "look a-2")],
            id="and-the-doubt-is-over",
        ),
        pytest.param(
            A2,
            [],
            False,
            [Following("a", A2), TargetFinished("a", Outcome.TRIGGERED)],
            [],
            id="also-without-waiting",
        ),
        pytest.param(
            replace(A2, certainty=Certainty.UNCONFIRMED),
            [RUNNING],
            False,
            [
                Following("a", replace(A2, certainty=Certainty.UNCONFIRMED)),
                phase(Phase.RUNNING),
                TargetFinished("a", Outcome.TRIGGERED),
            ],
            [(124, "look a-2")],
            id="without-waiting-one-look-ends-the-doubt",
        ),
    ],
)
def test_a_full_queue_is_tried_again_every_minute(
    last: Handle,
    looks: list[Any],
    wait: bool,
    events: list[Event],
    calls: list[Call],
) -> None:
    script: Script = {
        "start a": [*[Started((DOUBTFUL,))] * 2, Started((last,))],
        "look a-1": [FULL],
        **({"look a-2": looks} if looks else {}),
    }
    tale = tell(script, wait=wait)
    assert tale.events == [*OPENING, *WAITS, *WAITS, *events]
    tries = [
        (62, "check a"),
        (62, "start a"),
        (62, "look a-1"),
        (64, "look a-1"),
        (124, "check a"),
        (124, "start a"),
    ]
    assert tale.calls == [*UNTIL_START, (0, "look a-1"), (2, "look a-1"), *tries, *calls]


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize(
    ("timeout", "starts"),
    [
        pytest.param(1, [0], id="no-second"),
        pytest.param(63, [0, 62], id="one-more"),
        pytest.param(150, [0, 62, 124], id="two-more"),
        pytest.param(1800, [62 * nth for nth in range(30)], id="half-an-hour"),
    ],
)
def test_a_queue_that_stays_full_is_tried_as_often_as_the_time_allows(
    timeout: float, starts: list[float], wait: bool
) -> None:
    tale = tell({"start a": [Started((DOUBTFUL,))], "look a-1": [FULL]}, timeout=timeout, wait=wait)
    assert tale.times("start a") == starts
    assert tale.ends() == [TargetFinished("a", Outcome.TIMED_OUT, "full queue")]
    assert tale.calls[-1][0] <= timeout


@pytest.mark.parametrize("at", [3, 61, 63.9, 65])
def test_a_signal_while_a_full_queue_is_waited_for_has_nothing_to_stop(at: float) -> None:
    """In between there is nothing; only while the answer is still in doubt the one that it named is cancelled."""
    tale = tell({"start a": [Started((DOUBTFUL,))], "look a-1": [FULL]}, signals=[(at, "SIGTERM")])
    doubt = [CancelResult("a", DOUBTFUL, "cancelled")] if 62 <= at < 64 else []
    assert tale.events[-2 - len(doubt) :] == [FAREWELL[0], *doubt, FAREWELL[1]]
    assert [call for call in tale.sent if call.startswith(("find", "cancel"))] == [
        "cancel a-1 within 1 s"
    ] * len(doubt)


def test_a_full_queue_holds_up_no_other() -> None:
    script: Script = {
        "start a": [Started((DOUBTFUL,)), Started((A2,))],
        "look a-1": [FULL],
        "look b-1": [RUNNING, RUNNING, DONE],
    }
    tale = tell(script, targets=("a", "b"))
    assert tale.ends() == [TargetFinished("b", Outcome.FINISHED), TargetFinished("a", Outcome.FINISHED)]
    assert (tale.times("look b-1"), tale.times("start a")) == ([0, 2, 3], [0, 62])


def test_room_is_waited_for_as_before_when_an_earlier_answer_was_lost() -> None:
    script: Script = {"start a": [LOST_ANSWER, Started((DOUBTFUL,)), Started((A2,))], "look a-1": [FULL]}
    searches: list[Call] = [(0, "find a"), (5, "find a"), (5, "start a"), (5, "look a-1"), (7, "look a-1")]
    assert tell(script).calls == [*UNTIL_START, *searches, (67, "check a"), (67, "start a"), (67, "look a-2")]


def test_what_never_found_room_is_refused_when_the_token_is_revoked() -> None:
    script: Script = {"start a": [Started((DOUBTFUL,))], "look a-1": [FULL], "look b-1": [RUNNING, REVOKED]}
    tale = tell(script, targets=("a", "b"), poll_interval=20)
    assert {event.target: event.outcome for event in tale.ends()} == {"a": Outcome.REFUSED, "b": Outcome.LOST}


# --- Does it run? (architecture 2.2, `verify_health`)

PROOF = Handle("a", "", condition="healthy")
PROVABLE = replace(DONE, health_check=PROOF)
UP = Snapshot(Phase.SUCCEEDED, "running:healthy", final=False)
STEADY = replace(UP, stable_for=60)
DOWN = Snapshot(
    Phase.FAILED, "exited:unhealthy", stable_for=90, final=False, reason="it does not run: exited for 90 s"
)
STARTING = Snapshot(Phase.RUNNING, "starting:unknown", reason="its status was still starting:unknown")
UNSEEN = "nobody could see whether it runs: "


def healthwise(seen: Snapshot) -> PhaseChanged:
    return PhaseChanged("a", seen.phase, seen.raw_status, stage=Stage.HEALTH)


def test_after_the_deployment_its_health_is_read() -> None:
    assert tell({"look a-1": [PROVABLE], "look a:healthy": [STARTING, UP]}) == Tale(
        Outcome.FINISHED,
        [
            *FOLLOWED,
            phase(Phase.SUCCEEDED),
            Following("a", PROOF, stage=Stage.HEALTH),
            healthwise(STARTING),
            healthwise(UP),
            TargetFinished("a", Outcome.FINISHED),
        ],
        [*UNTIL_START, (0, "look a-1"), (10, "look a:healthy"), (13, "look a:healthy")],
        2,
    )


@pytest.mark.parametrize(
    ("looks", "plan", "times", "ended"),
    [
        pytest.param([UP], {}, [10], TargetFinished("a", Outcome.FINISHED), id="it-runs"),
        pytest.param(
            [STARTING, DOWN, DOWN, UP],
            {},
            [10, 30, 50, 70],
            TargetFinished("a", Outcome.FINISHED),
            id="the-first-running-is-enough",
        ),
        pytest.param(
            [DOWN],
            {},
            [10, 30, 50, 70, 90, 110],
            TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
            id="ninety-seconds-down-are-enough",
        ),
        pytest.param(
            [DOWN, DOWN, STARTING, DOWN],
            {},
            [10, 30, 50, 70, 90, 110, 130, 150, 170],
            TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
            id="without-a-break",
        ),
        pytest.param(
            [STEADY],
            {"strict": True},
            [10, 30, 50, 70],
            TargetFinished("a", Outcome.FINISHED),
            id="proof-is-a-minute-long",
        ),
        pytest.param(
            [STEADY, STEADY, STARTING, STEADY],
            {"strict": True},
            [10, 30, 50, 70, 90, 110, 130],
            TargetFinished("a", Outcome.FINISHED),
            id="a-break-begins-it-anew",
        ),
        pytest.param(
            [STEADY, NO_LINE, STEADY],
            {"strict": True},
            [10, 30, 50, 70],
            TargetFinished("a", Outcome.FINISHED),
            id="a-failed-look-is-no-break",
        ),
        pytest.param(
            [STEADY, STEADY, DOWN],
            {"strict": True},
            [10, 30, 50, 70, 90, 110, 130, 150],
            TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
            id="it-ran-and-does-not-any-more",
        ),
        pytest.param(
            [DOWN, DOWN, DOWN, DOWN, DOWN, NO_LINE, DOWN],
            {},
            [10, 30, 50, 70, 90, 110, 130],
            TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
            id="a-failed-look-is-no-break-for-what-is-down-either",
        ),
    ],
)
def test_what_is_seen_of_its_health_decides(
    looks: list[Any], plan: dict[str, Any], times: list[float], ended: TargetFinished
) -> None:
    tale = tell({"look a-1": [PROVABLE], "look a:healthy": looks}, poll_interval=20, **plan)
    assert (tale.times("look a:healthy"), tale.events[-1]) == (times, ended)
    assert TargetWarning not in {type(event) for event in tale.events}


@pytest.mark.parametrize(
    ("looks", "times", "why"),
    [
        pytest.param([STARTING], [10, 70, 130, 180], STARTING.reason, id="nothing-clear"),
        pytest.param(
            [NO_LINE],
            [10, 70, 130, 180],
            "no look at it ever worked; the last looks failed: no connection",
            id="never-seen",
        ),
        pytest.param([STARTING, RefusedError("not yours")], [10, 70], "not yours", id="barred"),
        pytest.param([REVOKED], [10], "the token is revoked", id="revoked"),
        pytest.param([replace(GONE, reason="no row")], [10], "no row", id="gone"),
    ],
)
def test_no_evidence_is_a_warning_unless_proof_was_asked_for(
    looks: list[Any], times: list[float], why: str
) -> None:
    """Never red: it is deployed."""
    script: Script = {"look a-1": [PROVABLE], "look a:healthy": looks}
    lenient, strict = (tell(script, poll_interval=60, strict=strict) for strict in (False, True))
    assert (lenient.times("look a:healthy"), strict.times("look a:healthy")) == (times, times)
    assert lenient.events[-2:] == [
        TargetWarning("a", f"deployed, but {UNSEEN}{why}"),
        TargetFinished("a", Outcome.FINISHED),
    ]
    assert strict.events[-1] == TargetFinished("a", Outcome.UNVERIFIED, f"{UNSEEN}{why}")
    assert TargetWarning not in {type(event) for event in strict.events}


@pytest.mark.parametrize(
    ("look", "plan", "times"),
    [
        pytest.param(PROVABLE, {"verify_timeout": 40}, [10, 40], id="its-own-limit"),
        pytest.param(PROVABLE, {"verify_timeout": 5}, [5], id="a-limit-before-the-first-look"),
        pytest.param(PROVABLE, {"timeout": 5}, [10, 70, 130, 180], id="not-the-deployment-s"),
        pytest.param(Act(PROVABLE, takes=30), {}, [40, 100, 160, 210], id="from-when-the-end-was-seen"),
        pytest.param(
            replace(PROVABLE, stable_for=4),
            {"poll_interval": 5},
            [*range(10, 181, 5)],
            id="seen-before-it-was-settled",
        ),
        pytest.param(
            replace(PROVABLE, stable_for=50), {}, [60, 120, 180], id="settled-after-the-first-look-was-due"
        ),
    ],
)
def test_its_health_has_a_time_of_its_own(look: Any, plan: dict[str, Any], times: list[float]) -> None:
    tale = tell({"look a-1": [look], "look a:healthy": [STARTING]}, **{"poll_interval": 60, **plan})
    assert (tale.times("look a:healthy"), tale.outcome) == (times, Outcome.FINISHED)


@pytest.mark.parametrize(
    ("looks", "strict", "outcome"),
    [
        pytest.param([STEADY], True, Outcome.FINISHED, id="it-runs"),
        pytest.param([DOWN], False, Outcome.UNVERIFIED, id="it-does-not"),
    ],
)
def test_a_long_post_deployment_command_takes_nothing_of_that_time(
    looks: list[Any], strict: bool, outcome: Outcome
) -> None:
    """A deployment whose command runs has not ended."""
    command = replace(PROVABLE, stable_for=math.inf)
    tale = tell(
        {"look a-1": [command] * 10 + [PROVABLE], "look a:healthy": looks}, poll_interval=30, strict=strict
    )
    assert tale.outcome is outcome


@pytest.mark.parametrize(
    ("last", "plan"),
    [
        pytest.param(replace(BROKEN, health_check=PROOF), {}, id="failed"),
        pytest.param(Snapshot(Phase.UNVERIFIED, health_check=PROOF), {}, id="unproven"),
        pytest.param(replace(CANCELLED, health_check=PROOF), {}, id="cancelled"),
        pytest.param(replace(GONE, health_check=PROOF), {}, id="gone"),
        pytest.param(replace(RUNNING, health_check=PROOF), {"timeout": 25}, id="late"),
        pytest.param(DONE, {}, id="nothing-to-be-read"),
        pytest.param(PROVABLE, {"wait": False}, id="not-waited-for"),
    ],
)
def test_only_after_a_success_health_is_read(last: Snapshot, plan: dict[str, Any]) -> None:
    assert (
        "look a:healthy" not in tell({"look a-1": [last], "look a:healthy": [UP]}, strict=True, **plan).sent
    )


@pytest.mark.parametrize(
    "plan", [{"cancel_on_timeout": True}, {"signals": [(50, "SIGTERM")]}], ids=["late", "signal"]
)
def test_what_is_deployed_is_not_cancelled_because_its_health_is_not_seen(plan: dict[str, Any]) -> None:
    tale = tell({"look a-1": [PROVABLE], "look a:healthy": [NO_LINE]}, strict=True, **plan)
    assert not [call for call in tale.sent if call.startswith("cancel")]
    assert CancelResult not in {type(event) for event in tale.events}


@pytest.mark.parametrize(
    ("seen", "health"),
    [
        pytest.param(replace(PROVABLE, stable_for=30), UP, id="before-its-health-is-read"),
        pytest.param(PROVABLE, STARTING, id="while-it-is-read"),
        pytest.param(PROVABLE, replace(DOWN, stable_for=50), id="before-what-is-down-is-believed"),
    ],
)
@pytest.mark.parametrize(
    ("strict", "outcome"), [(False, Outcome.FINISHED), (True, Outcome.UNVERIFIED)], ids=["auto", "strict"]
)
def test_what_is_deployed_stays_so_when_another_look_shows_that_the_token_is_revoked(
    seen: Snapshot,
    health: Snapshot,
    strict: bool,
    outcome: Outcome,
) -> None:
    script: Script = {"look a-1": [seen], "look a:healthy": [health], "look b-1": [RUNNING, RUNNING, REVOKED]}
    tale = tell(script, targets=("a", "b"), poll_interval=12, strict=strict)
    assert [event.outcome for event in tale.ends() if event.target == "a"] == [outcome]
    assert tale.sent[-1] == "look b-1"


# --- Additional servers


def test_the_others_are_followed_before_its_health_is_read() -> None:
    script: Script = {
        "look a-1": [replace(PROVABLE, follow_ups=(PARIS,))],
        "look a-2": [RUNNING, DONE],
        "look a:healthy": [UP],
    }
    assert tell(script, poll_interval=30) == Tale(
        Outcome.FINISHED,
        [
            *FOLLOWED,
            phase(Phase.SUCCEEDED),
            Following("a", PARIS, stage=Stage.ADDITIONAL_SERVERS),
            phase(Phase.RUNNING, stage=Stage.ADDITIONAL_SERVERS),
            phase(Phase.SUCCEEDED, stage=Stage.ADDITIONAL_SERVERS),
            Following("a", PROOF, stage=Stage.HEALTH),
            healthwise(UP),
            TargetFinished("a", Outcome.FINISHED),
        ],
        [*UNTIL_START, (0, "look a-1"), (0, "look a-2"), (30, "look a-2"), (40, "look a:healthy")],
        2,
    )


UNPROVEN = Snapshot(Phase.UNVERIFIED, reason="skipped", follow_ups=(PARIS, BERLIN), health_check=PROOF)


@pytest.mark.parametrize(
    ("main", "others", "ended"),
    [
        pytest.param(
            UNPROVEN,
            [DONE, DONE],
            TargetFinished("a", Outcome.UNVERIFIED, "skipped"),
            id="unproven-and-the-others-well",
        ),
        pytest.param(
            UNPROVEN,
            [DONE, replace(BROKEN, reason="exit 1")],
            TargetFinished("a", Outcome.FAILED, f"{IN_BERLIN}exit 1"),
            id="unproven-and-one-failed",
        ),
        pytest.param(
            UNPROVEN,
            [RUNNING, DONE],
            TargetFinished("a", Outcome.UNVERIFIED, "skipped"),
            id="unproven-and-one-late",
        ),
        pytest.param(
            replace(PROVABLE, follow_ups=(PARIS, BERLIN)),
            [CANCELLED, replace(BROKEN, reason="exit 1")],
            TargetFinished("a", Outcome.FAILED, f"{IN_BERLIN}exit 1"),
            id="the-worst-of-the-others",
        ),
        pytest.param(
            replace(PROVABLE, follow_ups=(PARIS, BERLIN)),
            [RefusedError("not yours"), DONE],
            TargetFinished("a", Outcome.LOST, f"{IN_PARIS}not yours"),
            id="barred",
        ),
        pytest.param(
            replace(PROVABLE, follow_ups=(PARIS, BERLIN)),
            [RUNNING, DONE],
            TargetFinished("a", Outcome.TIMED_OUT, f"{IN_PARIS}{LATE}"),
            id="late",
        ),
    ],
)
def test_whatever_the_others_come_to_counts_and_health_is_not_read(
    main: Snapshot, others: list[Any], ended: TargetFinished
) -> None:
    tale = tell({"look a-1": [main], "look a-2": [others[0]], "look a-3": [others[1]]})
    assert (tale.events[-1], tale.sent.count("look a-2") > 0, tale.sent.count("look a-3") > 0) == (
        ended,
        True,
        True,
    )
    assert "look a:healthy" not in tale.sent


def test_the_others_share_the_time_of_the_first() -> None:
    script: Script = {"look a-1": [RUNNING, replace(DONE, follow_ups=(PARIS,))], "look a-2": [RUNNING]}
    assert tell(script, timeout=100, poll_interval=60).times("look a-2") == [60, 100]


# --- A status that is followed, where there is no deployment

RESTARTED = Handle("a", "", condition="running")
STALE, BETWEEN = replace(UP, stable_for=15), replace(DOWN, stable_for=180, reason="it does not run")


@pytest.mark.parametrize(
    ("looks", "times", "outcome"),
    [
        pytest.param([STALE], [0, 10, 20], Outcome.FINISHED, id="running-is-believed-after-a-while"),
        pytest.param(
            [STALE, BETWEEN, STARTING, BETWEEN, STALE],
            [0, 10, 20, 30, 40, 50, 60],
            Outcome.FINISHED,
            id="whatever-is-in-between",
        ),
        pytest.param([STALE, BETWEEN], [*range(0, 191, 10)], Outcome.FAILED, id="unless-it-lasts"),
        pytest.param([STARTING], [*range(0, 301, 10)], Outcome.TIMED_OUT, id="never-up"),
        pytest.param(
            [STARTING] * 30 + [STALE],
            [*range(0, 301, 10)],
            Outcome.TIMED_OUT,
            id="not-believed-because-time-is-over",
        ),
        pytest.param(
            [STARTING] * 20 + [BETWEEN], [*range(0, 301, 10)], Outcome.TIMED_OUT, id="nor-taken-for-a-failure"
        ),
    ],
)
def test_a_status_is_followed_like_a_deployment(
    looks: list[Any], times: list[float], outcome: Outcome
) -> None:
    tale = tell({"start a": [Started((RESTARTED,))], "look a:running": looks}, poll_interval=10, timeout=300)
    assert (tale.times("look a:running"), tale.outcome) == (times, outcome)


@pytest.mark.parametrize("wait", [True, False])
def test_what_is_so_already_is_finished(wait: bool) -> None:
    tale = tell({"start a": [AlreadyDone("Service is already running")]}, wait=wait)
    assert (tale.events, tale.calls) == (
        [*OPENING, TargetFinished("a", Outcome.FINISHED, "Service is already running")],
        UNTIL_START,
    )


# --- A group: from one trigger many stories

BOTH = (GroupMember(Target("a"), A1), GroupMember(Target("b"), B1))
HALF = (GroupMember(Target("a"), A1), GroupMember(Target("b")))
GROUP: list[Event] = [REACHED, *begun("t")]
GROUP_STARTED: list[Call] = [(0, "reach"), (0, "check t"), (0, "start t")]


def split(*targets: str, gone: bool = True) -> GroupExpanded:
    return GroupExpanded("t", tuple(Target(target) for target in targets), gone=gone)


def followed(target: str) -> list[Event]:
    return [TargetResolved(Target(target)), Following(target, Handle(target, f"{target}-1"))]


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"start t": [GroupStarted(BOTH)], "look b-1": [RUNNING, replace(BROKEN, reason="exit 1")]},
            [
                *GROUP,
                split("a", "b"),
                *followed("a"),
                *followed("b"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                phase(Phase.RUNNING, "b"),
                phase(Phase.FAILED, "b"),
                TargetFinished("b", Outcome.FAILED, "exit 1"),
            ],
            [(0, "look a-1"), (0, "look b-1"), (1, "look b-1")],
            id="each-part-goes-its-own-way",
        ),
        pytest.param(
            {"start t": [GroupStarted(HALF)], "find b": [Started((B1,), "found")]},
            [
                *GROUP,
                split("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                Following("b", B1, "found"),
                phase(Phase.SUCCEEDED, "b"),
                TargetFinished("b", Outcome.FINISHED),
            ],
            [(0, "look a-1"), (0, "find b"), (0, "look b-1")],
            id="a-part-that-is-not-named-is-looked-for",
        ),
        pytest.param(
            {"start t": [GroupStarted(HALF)]},
            [
                *GROUP,
                split("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                Retriggering("b", NOTHING),
                Following("b", B1),
                phase(Phase.SUCCEEDED, "b"),
                TargetFinished("b", Outcome.FINISHED),
            ],
            [(0, "look a-1"), (0, "find b"), (5, "find b"), (5, "start b"), (5, "look b-1")],
            id="and-then-triggered",
        ),
        pytest.param(
            {"start t": [GroupStarted(HALF)], "find b": [AccessDenied("nobody can tell")]},
            [
                *GROUP,
                split("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                TargetFinished("b", Outcome.LOST, "nobody can tell"),
            ],
            [(0, "look a-1"), (0, "find b")],
            id="unless-nobody-can-tell",
        ),
        pytest.param(
            {"start t": [LOST_ANSWER], "find t": [GroupStarted(HALF)]},
            [
                *GROUP,
                TriggerUncertain("t", "no answer in time"),
                split("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                Retriggering("b", NOTHING),
                Following("b", B1),
                phase(Phase.SUCCEEDED, "b"),
                TargetFinished("b", Outcome.FINISHED),
            ],
            [(0, "find t"), (0, "look a-1"), (0, "find b"), (5, "find b"), (5, "start b"), (5, "look b-1")],
            id="a-lost-answer-of-a-group-is-looked-for-and-it-is-not-sent-again",
        ),
        pytest.param(
            {"start t": [RetryLater(9, "asked too often"), GroupStarted(BOTH[:1])]},
            [
                *GROUP,
                TriggerDelayed("t", 9, "asked too often"),
                split("a"),
                *followed("a"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(9, "check t"), (9, "start t"), (9, "look a-1")],
            id="a-group-that-must-wait",
        ),
        pytest.param(
            {"start t": [GroupStarted(BOTH[:1], "service x: not followed")]},
            [
                *GROUP,
                split("a", gone=False),
                *followed("a"),
                TargetFinished("t", Outcome.TRIGGERED, "service x: not followed"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "look a-1")],
            id="what-can-not-be-followed-is-triggered",
        ),
        pytest.param(
            {
                "start t": [LOST_ANSWER],
                "find t": [GroupStarted(BOTH[:1], "others may not have been started", Outcome.LOST)],
            },
            [
                *GROUP,
                TriggerUncertain("t", "no answer in time"),
                split("a", gone=False),
                *followed("a"),
                TargetFinished("t", Outcome.LOST, "others may not have been started"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find t"), (0, "look a-1")],
            id="or-lost-where-nobody-can-tell",
        ),
        pytest.param(
            {"start t": [GroupStarted((), "service x: not followed")]},
            [*GROUP, split(gone=False), TargetFinished("t", Outcome.TRIGGERED, "service x: not followed")],
            [],
            id="nothing-can-be-followed",
        ),
        pytest.param(
            {"start t": [LOST_ANSWER], "find t": [GroupStarted((), "nothing was seen", Outcome.LOST)]},
            [
                *GROUP,
                TriggerUncertain("t", "no answer in time"),
                split(gone=False),
                TargetFinished("t", Outcome.LOST, "nothing was seen"),
            ],
            [(0, "find t")],
            id="nothing-is-known",
        ),
        pytest.param(
            {"start t": [GroupStarted((), "")]},
            [*GROUP, split(gone=False), TargetFinished("t", Outcome.TRIGGERED)],
            [],
            id="a-group-without-parts-has-an-end-of-its-own",
        ),
        pytest.param(
            {"start t": [GroupStarted(HALF)], "find b": [None], "start b": [Rejected("no")]},
            [
                *GROUP,
                split("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                Retriggering("b", NOTHING),
                TargetFinished("b", Outcome.REFUSED, "no"),
            ],
            [(0, "look a-1"), (0, "find b"), (5, "find b"), (5, "start b")],
            id="a-part-that-is-refused",
        ),
        pytest.param(
            {
                "start t": [GroupStarted(HALF[1:])],
                "start b": [RetryLater(60, "full"), RetryLater(60, "full"), Started((B1,))],
            },
            [
                *GROUP,
                split("b"),
                TargetResolved(Target("b")),
                Retriggering("b", NOTHING),
                TriggerDelayed("b", 60, "full"),
                TargetResolved(Target("b")),
                TriggerDelayed("b", 60, "full"),
                Following("b", B1),
                phase(Phase.SUCCEEDED, "b"),
                TargetFinished("b", Outcome.FINISHED),
            ],
            [
                *[
                    (0, "find b"),
                    (5, "find b"),
                    (5, "start b"),
                    (65, "check b"),
                    (65, "start b"),
                    (125, "check b"),
                    (125, "start b"),
                ],
                (125, "look b-1"),
            ],
            id="a-part-that-waits-for-room-is-in-doubt-no-more",
        ),
        pytest.param(
            {
                "start t": [GroupStarted((GroupMember(Target("a"), DOUBTFUL),))],
                "look a-1": [FULL],
                "start a": [Started((A2,))],
            },
            [
                *GROUP,
                split("a"),
                TargetResolved(Target("a")),
                Following("a", DOUBTFUL),
                phase(Phase.ABSENT),
                TriggerDelayed("a", 60, "full queue"),
                Following("a", A2),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "look a-1"), (2, "look a-1"), (62, "check a"), (62, "start a"), (62, "look a-2")],
            id="a-part-without-room-is-triggered-by-itself",
        ),
    ],
)
def test_a_group_becomes_stories_of_its_parts(script: Script, events: list[Event], calls: list[Call]) -> None:
    tale = tell(script, targets=("t",))
    assert (tale.events, tale.calls) == (events, [*GROUP_STARTED, *calls])


def test_the_parts_of_a_group_are_only_triggered_without_waiting() -> None:
    tale = tell({"start t": [GroupStarted(HALF, "service x: not followed")]}, targets=("t",), wait=False)
    assert tale.events == [
        *GROUP,
        split("a", "b", gone=False),
        *followed("a"),
        TargetFinished("a", Outcome.TRIGGERED),
        TargetResolved(Target("b")),
        TargetFinished("t", Outcome.TRIGGERED, "service x: not followed"),
        Retriggering("b", NOTHING),
        Following("b", B1),
        TargetFinished("b", Outcome.TRIGGERED),
    ]


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        pytest.param(BOTH, ("a",), id="one-of-two"),
        pytest.param(BOTH[1:], (), id="the-only-one"),
        pytest.param(HALF, ("a",), id="also-unnamed"),
    ],
)
@pytest.mark.parametrize("targets", [("t", "b"), ("b", "t")], ids=["later", "earlier"])
def test_a_part_that_has_a_story_already_is_not_followed_twice(
    parts: tuple[GroupMember, ...], told: tuple[str, ...], targets: tuple[str, ...]
) -> None:
    tale = tell({"start t": [GroupStarted(parts)], "look b-1": [RUNNING, DONE]}, targets=targets)
    assert split(*told) in tale.events
    starts = (
        0 if targets[0] == "t" and any(part.handle for part in parts if part.target.id == "b") else 1
    )  # it is started already
    assert (tale.sent.count("start b"), tale.sent.count("look b-1"), tale.sent.count("find b")) == (
        starts,
        2,
        0,
    )
    assert {event.target for event in tale.ends()} == {*told, "b"}


def test_a_part_of_two_groups_is_followed_once() -> None:
    tale = tell(
        {"start t": [GroupStarted(BOTH)], "start u": [GroupStarted((*BOTH, GroupMember(Target("c"), C1)))]},
        targets=("t", "u"),
    )
    assert [event for event in tale.events if isinstance(event, GroupExpanded)] == [
        split("a", "b"),
        GroupExpanded("u", (Target("c"),), gone=True),
    ]
    assert sorted(call for call in tale.sent if call.startswith("look")) == [
        "look a-1",
        "look b-1",
        "look c-1",
    ]


@pytest.mark.parametrize(
    ("targets", "refused"),
    [
        pytest.param(("web", "a"), "web", id="name-and-id"),
        pytest.param(("a", "web"), "web", id="id-and-name"),
        pytest.param(("web", "shop"), "shop", id="two-names"),
    ],
)
def test_one_target_by_two_names_is_started_once(targets: tuple[str, ...], refused: str) -> None:
    tale = tell({"check web": [Target("a", "web")], "check shop": [Target("a", "web")]}, targets=targets)
    assert [end for end in tale.ends() if end.outcome is not Outcome.FINISHED] == [
        TargetFinished(refused, Outcome.REFUSED, "it is a, which is given, too: give it once")
    ]
    assert (tale.outcome, tale.sent.count("start a"), tale.ends()[-1]) == (
        Outcome.REFUSED,
        1,
        TargetFinished("a", Outcome.FINISHED),
    )


B2 = Handle("b", "b-2")
SECOND = GroupStarted((GroupMember(Target("b"), B2), GroupMember(Target("c"), C1)))
HEALTHY_B = Handle("b", "", condition="healthy")


@pytest.mark.parametrize(
    ("looks", "events", "calls"),
    [
        pytest.param(
            {},
            [phase(Phase.SUCCEEDED, "b"), TargetFinished("b", Outcome.FINISHED)],
            ["look b-1", "look b-2"],
            id="both-are-well",
        ),
        pytest.param(
            {"look b-2": [RUNNING, replace(BROKEN, reason="exit 1")]},
            [
                phase(Phase.RUNNING, "b"),
                phase(Phase.FAILED, "b"),
                TargetFinished("b", Outcome.FAILED, "exit 1"),
            ],
            ["look b-1", "look b-2", "look b-2"],
            id="the-worse-counts",
        ),
    ],
)
def test_what_a_second_group_deploys_of_a_part_joins_its_story(
    looks: Script, events: list[Event], calls: list[str]
) -> None:
    tale = tell({"start t": [GroupStarted(BOTH)], "start u": [SECOND], **looks}, targets=("t", "u"))
    of_u = [event for event in tale.events if getattr(event, "target", None) == "u"]
    assert of_u == [
        Triggering("u"),
        TargetNote("u", "it has deployed b, too: b-2"),
        GroupExpanded("u", (Target("c"),), gone=True),
    ]
    of_b = [event for event in tale.events if getattr(event, "target", None) == "b"]
    assert of_b == [Following("b", B1), phase(Phase.SUCCEEDED, "b"), *events]
    assert [call for call in tale.sent if call.startswith("look b")] == calls


def test_a_second_group_s_phantom_of_what_is_followed_already_counts_as_nothing() -> None:
    phantom = Handle("b", "b-p", Certainty.POSSIBLY_PHANTOM)
    script: Script = {
        "start t": [GroupStarted(BOTH)],
        "start u": [GroupStarted((GroupMember(Target("b"), phantom), GroupMember(Target("c"), C1)))],
        "look b-1": [RUNNING, DONE],
        "look b-p": [replace(GONE, follow_ups=(replace(B1, owner=Owner.OTHERS),))],
    }
    tale = tell(script, targets=("t", "u"))
    assert tale.outcome is Outcome.FINISHED
    assert (tale.sent.count("look b-p"), tale.sent.count("look b-1"), tale.sent.count("start b")) == (1, 2, 0)


def test_both_deployments_of_a_part_are_stopped() -> None:
    script: Script = {
        "start t": [GroupStarted(BOTH)],
        "start u": [SECOND],
        "look b-1": [QUEUED],
        "look b-2": [RUNNING],
    }
    tale = tell(script, targets=("t", "u"), signals=SIGNAL_AT_2)
    assert [call for call in tale.sent if call.startswith("cancel")] == [
        "cancel b-2 within 1 s",
        "cancel b-1 within 1 s",
    ]


LATER = [RetryLater(60, "asked too often"), SECOND]


@pytest.mark.parametrize(
    ("script", "ended", "first_look"),
    [
        pytest.param(
            {"look b-2": [RUNNING, replace(BROKEN, reason="exit 1")]},
            TargetFinished("b", Outcome.FAILED, "exit 1"),
            60,
            id="the-second-fails",
        ),
        pytest.param({}, TargetFinished("b", Outcome.FINISHED), 60, id="both-are-well"),
        pytest.param(
            {"look b-1": [replace(BROKEN, reason="exit 2")]},
            TargetFinished("b", Outcome.FAILED, "exit 2"),
            60,
            id="the-first-failed",
        ),
        pytest.param(
            {"look b-2": [CANCELLED]},
            TargetFinished("b", Outcome.CANCELLED),
            60,
            id="the-second-is-cancelled",
        ),
        pytest.param(
            {"look b-1": [replace(DONE, health_check=HEALTHY_B)], "look b:healthy": [RUNNING]},
            TargetFinished("b", Outcome.FINISHED),
            60,
            id="while-the-first-one-s-health-is-read",
        ),
        pytest.param(
            {
                "look b-1": [replace(DONE, follow_ups=(Handle("b", "b-3", server="paris"),))],
                "look b-3": [*[RUNNING] * 25, BROKEN],
            },
            TargetFinished("b", Outcome.FAILED, "on the additional server paris: failed"),
            87,
            id="while-the-first-one-s-additional-server-is-followed",
        ),
    ],
)
def test_what_a_second_group_deploys_of_a_target_is_followed_although_its_first_deployment_is_over(
    script: Script, ended: TargetFinished, first_look: float
) -> None:
    """Two tags, `force`, and the second trigger came late: the second deployment is ours as much as the first."""
    tale = tell({"start t": [GroupStarted(BOTH)], "start u": LATER, **script}, targets=("t", "u"))
    assert [end for end in tale.ends() if end.target == "b"] == [ended]
    assert tale.outcome is ended.outcome
    assert (tale.times("look b-1"), tale.times("look b-2")[0]) == ([0], first_look)
    told = [
        event
        for event in tale.events
        if event in (TriggerDelayed("u", 60, "asked too often"), Following("b", B2), ended)
    ]
    assert told == [TriggerDelayed("u", 60, "asked too often"), Following("b", B2), ended]
    assert TargetNote("u", "it has deployed b, too: b-2") in tale.events


def test_only_what_another_group_may_still_deploy_is_held() -> None:
    """What ends meanwhile ends when the last group is triggered, or given up."""
    tale = tell(
        {"start t": [GroupStarted(BOTH)], "start u": [RetryLater(60, "full"), Rejected("no such tag")]},
        targets=("t", "u"),
    )
    assert [end.target for end in tale.ends()] == ["u", "a", "b"]
    assert tale.outcome is Outcome.REFUSED


def test_without_waiting_too_both_deployments_are_told() -> None:
    tale = tell({"start t": [GroupStarted(BOTH)], "start u": LATER}, targets=("t", "u"), wait=False)
    assert [
        event.handle for event in tale.events if isinstance(event, Following) and event.target == "b"
    ] == [B1, B2]
    assert [end for end in tale.ends() if end.target == "b"] == [TargetFinished("b", Outcome.TRIGGERED)]


def test_what_is_held_keeps_what_it_has_come_to_when_the_job_is_stopped() -> None:
    tale = tell(
        {"start t": [GroupStarted(BOTH)], "start u": LATER}, targets=("t", "u"), signals=[(10, "SIGTERM")]
    )
    ends = {end.target: end.outcome for end in tale.ends()}
    assert ends == {"a": Outcome.FINISHED, "b": Outcome.FINISHED, "u": Outcome.INTERRUPTED}
    assert [call for call in tale.sent if call.startswith("cancel")] == []


def test_a_revoked_token_ends_what_is_held_as_what_it_has_come_to() -> None:
    tale = tell(
        {"start t": [GroupStarted(BOTH)], "start u": [RetryLater(60, "full"), REVOKED]}, targets=("t", "u")
    )
    assert {end.target: end.outcome for end in tale.ends()} == {
        "a": Outcome.FINISHED,
        "b": Outcome.FINISHED,
        "u": Outcome.REFUSED,
    }


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        pytest.param({}, Outcome.FINISHED, id="all-well"),
        pytest.param({"look b-1": [BROKEN]}, Outcome.FAILED, id="one-part-failed"),
        pytest.param({"look c-1": [CANCELLED]}, Outcome.CANCELLED, id="another-target-was-cancelled"),
        pytest.param({"look b-1": [BROKEN], "look c-1": [CANCELLED]}, Outcome.FAILED, id="the-worst-of-all"),
        pytest.param({"start t": [GroupStarted(BOTH, "rest")]}, Outcome.TRIGGERED, id="the-group-s-rest"),
        pytest.param(
            {"start t": [GroupStarted(BOTH, "no", Outcome.REFUSED)]},
            Outcome.REFUSED,
            id="what-the-group-was-refused",
        ),
        pytest.param(
            {"start t": [GroupStarted(BOTH, "rest", Outcome.LOST)], "look b-1": [CANCELLED]},
            Outcome.LOST,
            id="the-group-s-losses",
        ),
    ],
)
def test_the_worst_of_a_group_s_parts_counts(script: Script, outcome: Outcome) -> None:
    assert tell({"start t": [GroupStarted(BOTH)], **script}, targets=("t", "c")).outcome is outcome


@pytest.mark.parametrize(
    ("script", "call", "last"),
    [
        pytest.param(
            {"start t": [Act(GroupStarted(BOTH), takes=10)], "look a-1": [RUNNING]},
            "look a-1",
            60,
            id="a-part-that-runs",
        ),
        pytest.param(
            {"start t": [Act(GroupStarted(HALF), takes=10)], "find b": [NO_LINE]},
            "find b",
            60,
            id="a-part-that-is-looked-for",
        ),
        pytest.param(
            {"start t": [Act(GroupStarted(HALF), takes=10)], "start b": [RetryLater(30, "full")]},
            "check b",
            60,
            id="a-part-that-must-wait",
        ),
    ],
)
def test_the_time_of_a_part_runs_from_the_trigger_of_its_group(
    script: Script, call: str, last: float
) -> None:
    tale = tell(script, targets=("t",), timeout=60)
    assert tale.times(call)[-1] == last


# --- A tag's deployment may be a phantom: its answer does not tell

PERHAPS = replace(A1, certainty=Certainty.POSSIBLY_PHANTOM)


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {},
            [phase(Phase.SUCCEEDED), TargetFinished("a", Outcome.FINISHED)],
            [(0, "look a-1")],
            id="it-is-there",
        ),
        pytest.param(
            {
                "look a-1": [replace(GONE, follow_ups=(replace(A2, owner=Owner.OTHERS),))],
                "look a-2": [RUNNING, DONE],
            },
            [
                phase(Phase.ABSENT),
                Following("a", replace(A2, owner=Owner.OTHERS)),
                phase(Phase.RUNNING),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "look a-1"), (0, "look a-2"), (1, "look a-2")],
            id="the-real-one-is-adopted",
        ),
        pytest.param(
            {"look a-1": [replace(GONE, reason="none any more")], "start a": [Started((A2,))]},
            [
                phase(Phase.ABSENT),
                Retriggering("a", "none any more"),
                TargetResolved(Target("a")),
                Following("a", A2),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "look a-1"), (0, "check a"), (0, "start a"), (0, "look a-2")],
            id="there-is-none-so-it-is-triggered",
        ),
        pytest.param(
            {"look a-1": [replace(GONE, reason="none any more")], "start a": [Started((PERHAPS,))]},
            [
                phase(Phase.ABSENT),
                Retriggering("a", "none any more"),
                TargetResolved(Target("a")),
                Following("a", PERHAPS),
                phase(Phase.ABSENT),
                TargetFinished("a", Outcome.LOST, "none any more"),
            ],
            [(0, "look a-1"), (0, "check a"), (0, "start a"), (0, "look a-1")],
            id="but-only-once",
        ),
        pytest.param(
            {"look a-1": [RUNNING, replace(GONE, reason="no row")]},
            [phase(Phase.RUNNING), phase(Phase.ABSENT), TargetFinished("a", Outcome.LOST, "no row")],
            [(0, "look a-1"), (1, "look a-1")],
            id="one-that-was-there-is-no-phantom",
        ),
        pytest.param(
            {
                "look a-1": [
                    RUNNING,
                    replace(GONE, follow_ups=(replace(A2, owner=Owner.OTHERS),), reason="no row"),
                ]
            },
            [phase(Phase.RUNNING), phase(Phase.ABSENT), TargetFinished("a", Outcome.LOST, "no row")],
            [(0, "look a-1"), (1, "look a-1")],
            id="and-what-is-somebody-else-s-does-not-take-its-place",
        ),
    ],
)
def test_a_listed_deployment_may_be_a_phantom(script: Script, events: list[Event], calls: list[Call]) -> None:
    tale = tell({"start t": [GroupStarted((GroupMember(Target("a"), PERHAPS),))], **script}, targets=("t",))
    assert tale.events == [*GROUP, split("a"), TargetResolved(Target("a")), Following("a", PERHAPS), *events]
    assert tale.calls == [*GROUP_STARTED, *calls]


# --- `command: cancel`

THEIRS = Handle("a", "a-1", owner=Owner.OTHERS, started_by="a webhook started")
NOBODYS = Handle("a", "a-2", owner=Owner.OTHERS)
WITHDRAWN: list[Event] = [
    CancelResult("a", THEIRS, "cancelled (one that a webhook started)"),
    CancelResult("a", NOBODYS, "cancelled"),
]
FOLLOWED_OUT: list[Event] = [
    Following("a", THEIRS, stage=Stage.CANCELLATION),
    Following("a", NOBODYS, stage=Stage.CANCELLATION),
]
UNTIL_CANCEL: list[Call] = [(0, "reach"), (0, "check a"), (0, "going a")]
BOTH_SENT: list[Call] = [(0, "cancel a-1"), (0, "cancel a-2")]


def ending(phase: Phase, target: str = "a") -> PhaseChanged:
    return PhaseChanged(target, phase, "", stage=Stage.CANCELLATION)


@pytest.mark.parametrize(
    ("script", "plan", "events", "calls"),
    [
        pytest.param(
            {"going a": [()]},
            {},
            [TargetFinished("a", Outcome.FINISHED, "nothing to cancel: no deployment was queued or running")],
            [],
            id="nothing",
        ),
        pytest.param(
            {"look a-1": [RUNNING, CANCELLED], "look a-2": [CANCELLED]},
            {},
            [
                *WITHDRAWN,
                *FOLLOWED_OUT,
                ending(Phase.RUNNING),
                ending(Phase.CANCELLED),
                ending(Phase.CANCELLED),
                TargetFinished("a", Outcome.FINISHED, "2 cancelled"),
            ],
            [*BOTH_SENT, (0, "look a-1"), (0, "look a-2"), (2, "look a-1")],
            id="all-that-is-going-and-looked-at-until-it-is-over",
        ),
        pytest.param(
            {"cancel a-1": ["already over (finished)"], "look a-1": [DONE], "look a-2": [CANCELLED]},
            {},
            [
                CancelResult("a", THEIRS, "already over (finished) (one that a webhook started)"),
                WITHDRAWN[1],
                *FOLLOWED_OUT,
                ending(Phase.SUCCEEDED),
                ending(Phase.CANCELLED),
                TargetFinished("a", Outcome.FINISHED, "1 cancelled, 1 ended by itself"),
            ],
            [*BOTH_SENT, (0, "look a-1"), (0, "look a-2")],
            id="one-was-quicker",
        ),
        pytest.param(
            {"look a-1": [BROKEN], "look a-2": [GONE]},
            {},
            [
                *WITHDRAWN,
                *FOLLOWED_OUT,
                ending(Phase.FAILED),
                ending(Phase.ABSENT),
                TargetFinished("a", Outcome.FINISHED, "0 cancelled, 2 ended by itself"),
            ],
            [*BOTH_SENT, (0, "look a-1"), (0, "look a-2")],
            id="however-it-ends",
        ),
        pytest.param(
            {"look a-1": [RUNNING], "look a-2": [CANCELLED]},
            {"timeout": 50, "poll_interval": 40, "cancel_on_timeout": True},
            [
                *WITHDRAWN,
                *FOLLOWED_OUT,
                ending(Phase.RUNNING),
                ending(Phase.CANCELLED),
                TargetFinished("a", Outcome.TIMED_OUT, LATE),
            ],
            [*BOTH_SENT, (0, "look a-1"), (0, "look a-2"), (40, "look a-1"), (50, "look a-1")],
            id="one-goes-on",
        ),
        pytest.param(
            {"look a-1": [RefusedError("not yours")], "look a-2": [CANCELLED]},
            {},
            [
                *WITHDRAWN,
                *FOLLOWED_OUT,
                ending(Phase.CANCELLED),
                TargetFinished("a", Outcome.LOST, "not yours"),
            ],
            [*BOTH_SENT, (0, "look a-1"), (0, "look a-2")],
            id="one-is-out-of-sight",
        ),
        pytest.param(
            {},
            {"wait": False},
            [*WITHDRAWN, TargetFinished("a", Outcome.TRIGGERED)],
            BOTH_SENT,
            id="not-waited-for",
        ),
        pytest.param(
            {
                "going a": [(THEIRS, NOBODYS), (NOBODYS,)],
                "cancel a-1": [LOST_ANSWER],
                "cancel a-2": [NO_LINE, "cancelled"],
            },
            {"wait": False},
            [
                CancelResult("a", THEIRS, "cancel sent, not confirmed (one that a webhook started)"),
                PollFailing("a", "no connection"),
                CancelResult("a", NOBODYS, "cancelled"),
                TargetFinished("a", Outcome.TRIGGERED),
            ],
            [*BOTH_SENT, (5, "going a"), (5, "cancel a-2")],
            id="what-became-of-each-is-told",
        ),
        pytest.param(
            {
                "going a": [(THEIRS, NOBODYS), (NOBODYS,)],
                "cancel a-2": [NO_LINE, "cancelled"],
                "look a-1": [CANCELLED],
                "look a-2": [DONE],
            },
            {},
            [
                WITHDRAWN[0],
                PollFailing("a", "no connection"),
                WITHDRAWN[1],
                *FOLLOWED_OUT,
                ending(Phase.CANCELLED),
                ending(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED, "1 cancelled, 1 ended by itself"),
            ],
            [*BOTH_SENT, (5, "going a"), (5, "cancel a-2"), (5, "look a-1"), (5, "look a-2")],
            id="what-was-cancelled-stays-known-when-another-must-be-asked-again",
        ),
        pytest.param(
            {
                "going a": [(THEIRS, NOBODYS), (THEIRS, NOBODYS)],
                "cancel a-1": [LOST_ANSWER],
                "cancel a-2": [NO_LINE, "cancelled"],
            },
            {"wait": False},
            [
                CancelResult("a", THEIRS, "cancel sent, not confirmed (one that a webhook started)"),
                PollFailing("a", "no connection"),
                WITHDRAWN[1],
                TargetFinished("a", Outcome.TRIGGERED),
            ],
            [*BOTH_SENT, (5, "going a"), (5, "cancel a-2")],
            id="what-may-have-arrived-is-not-asked-again",
        ),
        pytest.param(
            {"cancel a-1": [RefusedError("no right")]},
            {},
            [WITHDRAWN[1], TargetFinished("a", Outcome.REFUSED, "no right")],
            BOTH_SENT,
            id="one-is-refused-and-the-other-still-sent",
        ),
        pytest.param(
            {"cancel a-1": [RefusedError("no right")], "cancel a-2": [NO_LINE, "cancelled"]},
            {},
            [
                PollFailing("a", "no connection"),
                WITHDRAWN[1],
                TargetFinished("a", Outcome.REFUSED, "no right"),
            ],
            [*BOTH_SENT, (5, "going a"), (5, "cancel a-2")],
            id="one-is-refused-and-stays-so-when-another-must-be-asked-again",
        ),
        pytest.param(
            {"cancel a-1": [REVOKED]},
            {},
            [TargetFinished("a", Outcome.REFUSED, "the token is revoked")],
            BOTH_SENT[:1],
            id="a-revoked-token-sends-no-other",
        ),
        pytest.param(
            {"going a": [RefusedError("a service has no deployments")]},
            {},
            [TargetFinished("a", Outcome.REFUSED, "a service has no deployments")],
            [],
            id="refused",
        ),
        pytest.param(
            {"going a": [NO_LINE, ()]},
            {},
            [
                PollFailing("a", "no connection"),
                TargetFinished(
                    "a", Outcome.FINISHED, "nothing to cancel: no deployment was queued or running"
                ),
            ],
            [(5, "going a")],
            id="a-list-that-fails-is-read-again",
        ),
        pytest.param(
            {"going a": [NO_LINE]},
            {"timeout": 7},
            [PollFailing("a", "no connection"), TargetFinished("a", Outcome.TIMED_OUT, "no connection")],
            [(5, "going a"), (7, "going a")],
            id="as-long-as-there-is-time",
        ),
    ],
)
def test_what_is_going_is_cancelled_whoever_started_it(
    script: Script, plan: dict[str, Any], events: list[Event], calls: list[Call]
) -> None:
    tale = tell({"going a": [(THEIRS, NOBODYS)], **script}, command=Command.CANCEL, **plan)
    assert (tale.events, tale.calls) == ([*OPENING, *events], [*UNTIL_CANCEL, *calls])


def test_every_target_s_deployments_are_cancelled_and_the_worst_counts() -> None:
    script: Script = {
        "going a": [(THEIRS,)],
        "look a-1": [CANCELLED],
        "going b": [(replace(B1, owner=Owner.OTHERS),)],
        "cancel b-1": [REVOKED],
    }
    tale = tell(script, targets=("a", "b", "c"), command=Command.CANCEL)
    assert tale.sent == [
        "reach",
        "check a",
        "check b",
        "check c",
        "going a",
        "cancel a-1",
        "going b",
        "cancel b-1",
    ]
    assert {event.target: event.outcome for event in tale.ends()} == {
        "a": Outcome.LOST,
        "b": Outcome.REFUSED,
        "c": Outcome.REFUSED,
    }


def test_a_command_that_is_to_cancel_starts_nothing() -> None:
    tale = tell({"going a": [(THEIRS,)], "look a-1": [GONE, CANCELLED]}, command=Command.CANCEL)
    assert not [call for call in tale.sent if call.startswith(("start", "find"))]


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"going a": [Act((THEIRS, NOBODYS), takes=9)]},
            [InterruptReceived("SIGTERM")],
            [],
            id="while-the-list-is-read",
        ),
        pytest.param(
            {"going a": [NO_LINE]},
            [PollFailing("a", "no connection"), InterruptReceived("SIGTERM")],
            [],
            id="asleep-before-it-is-read",
        ),
        pytest.param(
            {"cancel a-1": [Act("cancelled", takes=3)]},
            [*WITHDRAWN[:1], InterruptReceived("SIGTERM"), CancelResult("a", NOBODYS, OUT_OF_TIME)],
            BOTH_SENT[:1],
            id="a-cancel-is-answered-in-two-seconds",
        ),
        pytest.param(
            {"cancel a-1": [Act("cancelled", takes=math.inf)]},
            [
                InterruptReceived("SIGTERM"),
                CancelResult("a", THEIRS, "cancel sent, not confirmed"),
                CancelResult("a", NOBODYS, OUT_OF_TIME),
            ],
            BOTH_SENT[:1],
            id="a-cancel-hangs",
        ),
        pytest.param(
            {"cancel a-2": [NO_LINE]},
            [
                *WITHDRAWN[:1],
                PollFailing("a", "no connection"),
                InterruptReceived("SIGTERM"),
                CancelResult("a", NOBODYS, OUT_OF_TIME),
            ],
            BOTH_SENT,
            id="asleep-before-a-cancel-is-sent-again",
        ),
        pytest.param(
            {"look a-1": [RUNNING], "look a-2": [QUEUED]},
            [
                *WITHDRAWN,
                *FOLLOWED_OUT,
                ending(Phase.RUNNING),
                ending(Phase.QUEUED),
                InterruptReceived("SIGTERM"),
            ],
            [*BOTH_SENT, (0, "look a-1"), (0, "look a-2")],
            id="while-they-end",
        ),
    ],
)
def test_a_signal_cancels_nothing_of_somebody_else_s(
    script: Script, events: list[Event], calls: list[Call]
) -> None:
    """What the command has sent is sent, and what it has not is named; a farewell only stops what we started."""
    tale = tell(
        {"going a": [(THEIRS, NOBODYS)], **script},
        command=Command.CANCEL,
        signals=SIGNAL_AT_2,
        poll_interval=5,
    )
    assert (tale.events, tale.calls) == ([*OPENING, *events, FAREWELL[-1]], [*UNTIL_CANCEL, *calls])


# --- Nothing is to be changed: `command: check` and `dry_run`

HELD = Ability("read", purpose="to follow a deployment", granted=True, needed=True)
UNNEEDED = Ability("write", purpose="to change settings", granted=False)
UNKNOWN_RIGHT = Ability("deploy", purpose="to deploy", granted=None, needed=True)
LACKS = tuple(
    Ability(name, purpose=why, granted=False, needed=True, remedy=f"Make one that has {name}")
    for name, why in (("deploy", "to deploy"), ("read:sensitive", "to show logs"))
)
CHECKED = "everything that this run needs is there; nothing was changed"
DRY = "dry run"
LACKING = "the token lacks deploy and read:sensitive. Make one that has deploy"


@pytest.mark.parametrize(
    ("rights", "plan", "outcome", "reason"),
    [
        pytest.param((HELD, UNNEEDED), {"command": Command.CHECK}, Outcome.FINISHED, CHECKED, id="check"),
        pytest.param(
            (HELD, UNNEEDED),
            {"command": Command.CHECK, "dry_run": True},
            Outcome.FINISHED,
            CHECKED,
            id="a-dry-check-is-a-check",
        ),
        *(
            pytest.param(
                (HELD, UNNEEDED),
                {"command": command, "dry_run": True},
                Outcome.SKIPPED,
                DRY,
                id=f"dry-{command.value}",
            )
            for command in Command
            if command is not Command.CHECK
        ),
        pytest.param(
            (HELD, *LACKS),
            {"command": Command.CHECK},
            Outcome.REFUSED,
            LACKING,
            id="check-and-what-is-needed-is-missing",
        ),
        pytest.param(
            (HELD, *LACKS),
            {"dry_run": True},
            Outcome.REFUSED,
            LACKING,
            id="dry-and-what-is-needed-is-missing",
        ),
        pytest.param(
            (UNKNOWN_RIGHT,),
            {"dry_run": True},
            Outcome.SKIPPED,
            DRY,
            id="what-could-not-be-found-out-is-not-missing",
        ),
        pytest.param((), {"dry_run": True, "wait": False}, Outcome.SKIPPED, DRY, id="without-waiting"),
    ],
)
def test_nothing_is_changed_and_the_rights_are_told_once(
    rights: tuple[Ability, ...], plan: dict[str, Any], outcome: Outcome, reason: str
) -> None:
    script: Script = {
        "rights": [rights],
        "intent a": [("would queue a deployment", "of its branch")],
        "intent b": [("would restart it",)],
    }
    assert tell(script, targets=("a", "b"), **plan) == Tale(
        outcome,
        [
            REACHED,
            TargetResolved(Target("a")),
            TargetResolved(Target("b")),
            *(AbilityChecked(right) for right in rights),
            TargetNote("a", "would queue a deployment"),
            TargetNote("a", "of its branch"),
            TargetFinished("a", outcome, reason),
            TargetNote("b", "would restart it"),
            TargetFinished("b", outcome, reason),
        ],
        [(0, call) for call in ("reach", "check a", "check b", "rights", "intent a", "intent b")],
        0,
    )


@pytest.mark.parametrize(
    ("script", "plan", "told"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param(
            {},
            {"site": "https://x", "answer": "200"},
            ["https://x once it is deployed, until it answers 200"],
            id="as-given",
        ),
        pytest.param(
            {"check a": [Target("a", url="https://a")]},
            {"own_site": True, "answer": "200"},
            ["https://a once it is deployed, until it answers 200"],
            id="its-own",
        ),
        pytest.param(
            {"check a": [Target("a", group=True)]},
            {"own_site": True, "answer": "200"},
            ["its own address once it is deployed, until it answers 200"],
            id="of-each-part-its-own",
        ),
    ],
)
@pytest.mark.parametrize("how", [{"dry_run": True}, {"command": Command.CHECK}], ids=["dry", "check"])
def test_what_would_be_asked_of_its_site_is_said(
    script: Script, plan: dict[str, Any], told: list[str], how: dict[str, Any]
) -> None:
    tale = tell({**script, "rights": [()], "intent a": [("would deploy",)]}, **plan, **how)
    said = [event.text for event in tale.events if isinstance(event, TargetNote)]
    assert said == ["would deploy", *(f"would ask {each}" for each in told)]


def test_an_unknown_target_is_refused_while_the_other_is_examined() -> None:
    tale = tell(
        {"check a": [RefusedError("unknown")], "intent b": [("would restart it",)]},
        targets=("a", "b"),
        dry_run=True,
    )
    assert tale == Tale(
        Outcome.REFUSED,
        [
            REACHED,
            TargetFinished("a", Outcome.REFUSED, "unknown"),
            TargetResolved(Target("b")),
            TargetNote("b", "would restart it"),
            TargetFinished("b", Outcome.SKIPPED, DRY),
        ],
        [(0, call) for call in ("reach", "check a", "check b", "rights", "intent b")],
        0,
    )


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"rights": [NO_LINE, (HELD,)]},
            [
                PollFailing("a", "no connection"),
                AbilityChecked(HELD),
                TargetFinished("a", Outcome.FINISHED, CHECKED),
            ],
            [(0, "rights"), (5, "check a"), (5, "rights"), (5, "intent a")],
            id="rights-that-could-not-be-read-yet",
        ),
        pytest.param(
            {"rights": [(HELD,)], "intent a": [NO_LINE, ("would deploy",)]},
            [
                AbilityChecked(HELD),
                PollFailing("a", "no connection"),
                TargetNote("a", "would deploy"),
                TargetFinished("a", Outcome.FINISHED, CHECKED),
            ],
            [(0, "rights"), (0, "intent a"), (5, "check a"), (5, "intent a")],
            id="they-are-told-once-whatever-comes-after",
        ),
        pytest.param(
            {"rights": [RefusedError("not allowed")]},
            [TargetFinished("a", Outcome.REFUSED, "not allowed")],
            [(0, "rights")],
            id="rights-refused",
        ),
        pytest.param(
            {"intent a": [RefusedError("can't be done")]},
            [TargetFinished("a", Outcome.REFUSED, "can't be done")],
            [(0, "rights"), (0, "intent a")],
            id="intent-refused",
        ),
        pytest.param(
            {"rights": [NO_LINE]},
            [PollFailing("a", "no connection"), TargetFinished("a", Outcome.TIMED_OUT, "no connection")],
            [(0, "rights"), (5, "check a"), (5, "rights"), (7, "check a"), (7, "rights")],
            id="never-found-out",
        ),
        pytest.param({"rights": [Act((), takes=9)]}, FAREWELL, [(0, "rights")], id="a-signal"),
        pytest.param(
            {"intent a": [Act((), takes=9)]}, FAREWELL, [(0, "rights"), (0, "intent a")], id="a-signal-later"
        ),
    ],
)
def test_a_check_that_does_not_go_well(script: Script, events: list[Event], calls: list[Call]) -> None:
    signals = SIGNAL_AT_2 if events is FAREWELL else []
    tale = tell(script, command=Command.CHECK, timeout=7, signals=signals)
    assert tale.events == [REACHED, TargetResolved(Target("a")), *events]
    assert tale.calls == [*UNTIL_START[:2], *calls]


def test_a_revoked_token_is_not_asked_about_the_next_target() -> None:
    tale = tell({"intent a": [REVOKED]}, targets=("a", "b"), command=Command.CHECK)
    assert tale.sent == ["reach", "check a", "check b", "rights", "intent a"]
    assert {event.target: event.outcome for event in tale.ends()} == {
        "a": Outcome.REFUSED,
        "b": Outcome.REFUSED,
    }


# --- A group, when the job is stopped


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"start t": [GroupStarted(BOTH)], "look a-1": [QUEUED], "look b-1": [RUNNING]},
            [
                *GROUP,
                split("a", "b"),
                *followed("a"),
                *followed("b"),
                phase(Phase.QUEUED),
                phase(Phase.RUNNING, "b"),
                InterruptReceived("SIGTERM"),
                CancelResult("b", B1, "cancelled"),
                CancelResult("a", A1, "cancelled"),
                *(TargetFinished(target, Outcome.INTERRUPTED, STOPPED_BY) for target in "ab"),
            ],
            [(0, "look a-1"), (0, "look b-1"), (2, "cancel b-1 within 1 s"), (2, "cancel a-1 within 1 s")],
            id="while-the-parts-run",
        ),
        pytest.param(
            {"start t": [Act(GroupStarted(HALF), takes=3.9)], "find b": [Started((B1,), "found")]},
            [
                *GROUP,
                split("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                InterruptReceived("SIGTERM"),
                CancelResult("a", A1, "cancelled"),
                Following("b", B1, "found"),
                CancelResult("b", B1, "cancelled"),
                *(TargetFinished(target, Outcome.INTERRUPTED, STOPPED_BY) for target in "ab"),
            ],
            [(3.9, "cancel a-1 within 1 s"), (3.9, "find b within 1 s"), (3.9, "cancel b-1 within 1 s")],
            id="during-a-start-that-is-answered-in-two-seconds",
        ),
        pytest.param(
            {"start t": [Act(GroupStarted(BOTH), takes=9)], "find t": [GroupStarted(HALF)]},
            [
                *GROUP,
                InterruptReceived("SIGTERM"),
                Following("t", A1),
                CancelResult("t", A1, "cancelled"),
                TargetFinished("t", Outcome.INTERRUPTED, STOPPED_BY),
            ],
            [(4, "find t within 1 s"), (4, "cancel a-1 within 1 s")],
            id="during-a-start-that-is-not",
        ),
        pytest.param(
            {
                "start t": [Act(GroupStarted(BOTH), takes=9)],
                "find t": [
                    GroupStarted((GroupMember(Target("a"), replace(A1, owner=Owner.OTHERS)), BOTH[1]))
                ],
            },
            [
                *GROUP,
                InterruptReceived("SIGTERM"),
                Following("t", replace(A1, owner=Owner.OTHERS)),
                Following("t", B1),
                CancelResult("t", B1, "cancelled"),
                TargetFinished("t", Outcome.INTERRUPTED, STOPPED_BY),
            ],
            [(4, "find t within 1 s"), (4, "cancel b-1 within 1 s")],
            id="and-one-may-be-somebody-else-s",
        ),
        pytest.param(
            {"start t": [Act(GroupStarted(BOTH), takes=9)], "find t": [GroupStarted(HALF[1:])]},
            [
                *GROUP,
                InterruptReceived("SIGTERM"),
                TargetWarning("t", TRIGGER_IN_FLIGHT),
                TargetFinished("t", Outcome.INTERRUPTED, STOPPED_BY),
            ],
            [(4, "find t within 1 s")],
            id="and-nothing-is-found",
        ),
        pytest.param(
            {"start t": [LOST_ANSWER], "find t": [NO_LINE, GroupStarted(BOTH)]},
            [
                *GROUP,
                TriggerUncertain("t", "no answer in time"),
                PollFailing("t", "no connection"),
                InterruptReceived("SIGTERM"),
                Following("t", A1),
                Following("t", B1),
                CancelResult("t", A1, "cancelled"),
                CancelResult("t", B1, "cancelled"),
                TargetFinished("t", Outcome.INTERRUPTED, STOPPED_BY),
            ],
            [
                (0, "find t"),
                (2, "find t within 1 s"),
                (2, "cancel a-1 within 1 s"),
                (2, "cancel b-1 within 1 s"),
            ],
            id="while-the-group-is-looked-for",
        ),
        pytest.param(
            {"start t": [GroupStarted(HALF[1:])], "find b": [None, Started((B1,), "found")]},
            [
                *GROUP,
                split("b"),
                TargetResolved(Target("b")),
                InterruptReceived("SIGTERM"),
                Following("b", B1, "found"),
                CancelResult("b", B1, "cancelled"),
                TargetFinished("b", Outcome.INTERRUPTED, STOPPED_BY),
            ],
            [(0, "find b"), (2, "find b within 1 s"), (2, "cancel b-1 within 1 s")],
            id="while-a-part-is-looked-for",
        ),
        pytest.param(
            {"start t": [GroupStarted(HALF[1:], "service x: not followed")], "find b": [None]},
            [
                *GROUP,
                split("b", gone=False),
                TargetResolved(Target("b")),
                TargetFinished("t", Outcome.TRIGGERED, "service x: not followed"),
                InterruptReceived("SIGTERM"),
                TargetWarning("b", TRIGGER_IN_FLIGHT),
                TargetFinished("b", Outcome.INTERRUPTED, STOPPED_BY),
            ],
            [(0, "find b"), (2, "find b within 1 s")],
            id="the-group-itself-is-over",
        ),
        pytest.param(
            {
                "start t": [GroupStarted((GroupMember(Target("a"), PERHAPS),))],
                "look a-1": [replace(GONE, follow_ups=(replace(A2, owner=Owner.OTHERS),))],
                "look a-2": [RUNNING],
            },
            [
                *GROUP,
                split("a"),
                TargetResolved(Target("a")),
                Following("a", PERHAPS),
                phase(Phase.ABSENT),
                Following("a", replace(A2, owner=Owner.OTHERS)),
                phase(Phase.RUNNING),
                *FAREWELL,
            ],
            [(0, "look a-1"), (0, "look a-2"), (1, "look a-2")],
            id="behind-a-phantom-is-somebody-else-s",
        ),
        pytest.param(
            {"start t": [GroupStarted((GroupMember(Target("a"), PERHAPS),))], "look a-1": [RUNNING]},
            [
                *GROUP,
                split("a"),
                TargetResolved(Target("a")),
                Following("a", PERHAPS),
                phase(Phase.RUNNING),
                InterruptReceived("SIGTERM"),
                CancelResult("a", PERHAPS, "cancelled"),
                FAREWELL[-1],
            ],
            [(0, "look a-1"), (1, "look a-1"), (2, "cancel a-1 within 1 s")],
            id="one-that-is-no-phantom-is-ours",
        ),
    ],
)
def test_a_signal_after_two_seconds_of_a_group(
    script: Script, events: list[Event], calls: list[Call]
) -> None:
    tale = tell(script, targets=("t",), signals=SIGNAL_AT_2)
    assert (tale.events, tale.calls) == (events, [*GROUP_STARTED, *calls])


def test_the_parts_of_a_group_take_its_place() -> None:
    tale = tell(
        {
            "start t": [GroupStarted(BOTH)],
            "look a-1": [RUNNING],
            "look b-1": [RUNNING],
            "look c-1": [RUNNING],
        },
        targets=("t", "c"),
        signals=SIGNAL_AT_2,
    )
    assert [event.target for event in tale.ends()] == ["a", "b", "c"]
    assert tale.sent[-3:] == [f"cancel {target}-1 within 1 s" for target in "abc"]


@pytest.mark.parametrize(
    "told",
    [split("a", "b"), TargetResolved(Target("a")), TargetResolved(Target("b"))],
    ids=["split", "the-first", "the-second"],
)
def test_a_signal_while_a_group_s_parts_are_told_is_remembered(told: Event) -> None:
    tale = tell({"start t": [GroupStarted(BOTH)]}, targets=("t",), signal_at=told)
    assert tale.calls == [*GROUP_STARTED, (0, "cancel a-1 within 1 s"), (0, "cancel b-1 within 1 s")]
    assert tale.ends() == [TargetFinished(target, Outcome.INTERRUPTED, STOPPED_BY) for target in "ab"]


# --- Whatever the server and the signals do

TAKES = st.sampled_from([TICK, TICK, 0.4, 3])
HOLDS = st.sampled_from([0, 10, math.inf])
ERRORS = st.sampled_from([NO_LINE, SPOKEN, LOST_ANSWER, REVOKED, RefusedError("no")])
GROUPS = (
    GroupStarted((GroupMember(Target("c"), C1),)),
    GroupStarted((GroupMember(Target("c"), replace(C1, owner=Owner.OTHERS)),)),
    GroupStarted(
        (
            GroupMember(Target("c"), Handle("c", "c-p", Certainty.POSSIBLY_PHANTOM)),
            GroupMember(Target("a"), A1),
        ),
        "one more",
    ),
    GroupStarted((GroupMember(Target("c")),), "and perhaps more", Outcome.LOST),
    GroupStarted((), "nothing that can be followed"),
)


def rows(answers: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Act]]:
    return st.lists(st.builds(Act, answers | ERRORS, takes=TAKES), min_size=1, max_size=4)


def scripts(target: str, *groups: GroupStarted) -> st.SearchStrategy[dict[str, list[Any]]]:
    one, two, three = (Handle(target, f"{target}-{number}") for number in (1, 2, 3))
    theirs, proof = replace(two, owner=Owner.OTHERS), Handle(target, "", condition="healthy")
    perhaps = [
        Handle(target, f"{target}-p", trust)
        for trust in (Certainty.UNCONFIRMED, Certainty.PHANTOM, Certainty.POSSIBLY_PHANTOM)
    ]
    unsure = replace(one, owner=Owner.UNSURE)
    kinds = [one, replace(one, owner=Owner.OTHERS), *perhaps]
    begins = [
        *(Started((kind,)) for kind in kinds),
        Started(()),
        RetryLater(20, "full"),
        Rejected("no"),
        AlreadyDone("so already"),
        OWN_FAILURE,
        *groups,
    ]
    backs = [
        Started((Handle(target, f"{target}-back"),)),
        *(Started((each,)) for each in perhaps[1:]),
        RetryLater(20, "full"),
        Rejected("no"),
        OWN_FAILURE,
    ]
    finds = [None, None, Started((one,)), Started((unsure,)), AccessDenied("blind"), *groups]
    seen = st.builds(Snapshot, st.sampled_from(Phase), stable_for=HOLDS)
    onward = [
        replace(DONE, follow_ups=(two,)),
        Snapshot(Phase.UNVERIFIED, follow_ups=(two, three), health_check=proof),
        replace(DONE, health_check=proof),
    ]
    looks = rows(seen | st.sampled_from(onward))
    cancels = rows(st.just("cancelled"))
    return st.fixed_dictionaries(
        {
            f"check {target}": rows(st.sampled_from([Target(target, url=SITE), Target(target)])),
            f"start {target}": rows(st.sampled_from(begins)),
            f"undo {target}": rows(st.sampled_from(backs)),
            f"look {target}-back": looks,
            f"find {target}": rows(st.sampled_from(finds)),
            f"look {target}-p": rows(
                st.sampled_from([GONE, GONE, replace(GONE, follow_ups=(theirs,)), RUNNING, DONE])
            ),
            **{f"look {target}-{number}": looks for number in (1, 2, 3)},
            f"look {target}:healthy": rows(
                st.builds(Snapshot, st.sampled_from(Phase), stable_for=HOLDS, final=st.booleans())
            ),
            f"going {target}": rows(
                st.sampled_from([(), (theirs,), (theirs, replace(three, owner=Owner.OTHERS))])
            ),
            **{f"cancel {target}-{number}": cancels for number in (1, 2, 3, "p")},
            f"intent {target}": rows(st.just(("would start it",))),
            f"prepare {target}": rows(st.just(Changes(("image: 1 → 2",)))),
            f"altered {target}": st.just([("image: 1 → 2",)]),
        },
    )


SITES = st.lists(
    st.builds(
        Act,
        st.builds(
            Snapshot,
            st.sampled_from([Phase.SUCCEEDED, Phase.RUNNING]),
            stable_for=st.just(1),
            shows_failure=st.booleans(),
        ),
        takes=TAKES,
    ),
    min_size=1,
    max_size=4,
)
PLANS = st.builds(
    Plan,
    st.just(("a", "b")),
    command=st.sampled_from(
        [Command.DEPLOY, Command.DEPLOY, Command.DEPLOY, Command.ROLLBACK, Command.CANCEL, Command.CHECK]
    ),
    rollback=st.booleans(),
    dry_run=st.sampled_from([False, False, False, True]),
    timeout=st.sampled_from([60, 150]),
    has_changes=st.booleans(),
    own_site=st.booleans(),
    wait=st.sampled_from([True, True, True, False]),
    strict=st.booleans(),
    cancel_on_timeout=st.booleans(),
)


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(
    one=scripts("a"),
    two=scripts("b", *GROUPS),
    three=scripts("c"),
    rights=rows(st.sampled_from([(HELD,), LACKS])),
    signals=st.lists(st.tuples(st.sampled_from([0, 0.2, 1.5, 7, 30, 61]), st.just("SIGTERM")), max_size=2),
    plan=PLANS,
    sites=SITES,
    visits=st.booleans(),
)
def test_whatever_happens_the_run_ends_and_sends_nothing_twice(  # noqa: PLR0913, PLR0917 -- what may happen
    one: Script,
    two: Script,
    three: Script,
    rights: list[Act],
    signals: list[tuple[float, str]],
    plan: Plan,
    sites: list[Act],
    visits: bool,
) -> None:
    clock = FakeClock(signals)
    plan = replace(plan, own_site=plan.own_site and visits)
    provider = Scripted(
        {**one, **two, **three, "rights": rights, f"visit {SITE}": sites, "visit ": sites}, clock
    )
    events: list[Event] = []
    outcome = run(plan, provider, events.append, clock, provider.visit if visits else None)
    tale = Tale(outcome, events, provider.calls, 0)
    holds_always(tale, plan)
    assert visits or not [call for call in tale.sent if call.startswith("visit")]
    assert (outcome is Outcome.INTERRUPTED) <= bool(signals)
    for target in "abc":
        started_once(target, tale, provider.said, plan.timeout)
        started_once(target, tale, provider.said, plan.timeout, by="undo")
    revoked = [
        answer is REVOKED and "within" not in call
        for (_, call), answer in zip(tale.calls, provider.said, strict=True)
    ]
    assert True not in revoked[:-1] or all(
        "within" in call or call.startswith(("cancel", "visit"))
        for call in tale.sent[revoked.index(True) + 1 :]
    )


def started_once(target: str, tale: Tale, said: list[Any], timeout: float, by: str = "start") -> None:
    """A trigger follows another one only if that one certainly started nothing, or, once, if what it led to was cancelled or not there."""
    told = [
        (time, call, answer)
        for (time, call), answer in zip(tale.calls, said, strict=True)
        if target in call.split()[1:]
    ]
    told = _started_with_its_group(target, tale, said) + told
    looks = [
        (time, answer)
        for (time, call), answer in zip(tale.calls, said, strict=True)
        if call == f"look {target}-p"
    ]
    starts = [number for number, (_, call, _) in enumerate(told) if call.startswith(by)]
    again = 0
    for earlier, later in itertools.pairwise(starts):
        begun, _, answer = told[earlier]
        searches = [each for _, call, each in told[earlier:later] if call.startswith("find")]
        seen = [look for time, look in looks if begun <= time <= told[later][0]]
        full = isinstance(answer, Started) and any(
            handle.certainty is Certainty.UNCONFIRMED for handle in answer.handles
        )
        sure = (
            isinstance(answer, RetryLater)
            or (isinstance(answer, UnavailableError) and not answer.may_have_arrived)
            or searches[-2:] == [None, None]
        )
        sure |= full and all(isinstance(look, BaseException) or look.phase is Phase.ABSENT for look in seen)
        again += not sure
    assert again <= 1
    assert all(told[number][0] <= told[starts[0]][0] + timeout + 12 for number in starts), (
        "a last try, behind the others' calls"
    )


def _started_with_its_group(target: str, tale: Tale, said: list[Any]) -> list[tuple[float, str, Any]]:
    """The trigger of the group is the first one of its parts, if it is not known that it left this one out."""
    began = [time for time, call in tale.calls if call == "start b"]
    for call, answer in zip(tale.sent, said, strict=True):
        for part in (
            answer.members if call in {"start b", "find b"} and isinstance(answer, GroupStarted) else ()
        ):
            if part.target.id == target != "a":
                return [
                    (began[0], f"start {target}", Started((part.handle,)) if part.handle else LOST_ANSWER)
                ]
    return []


# --- what is changed before the start


def test_nothing_is_changed_before_every_target_was_checked() -> None:
    tale = tell({}, targets=("a", "b"), has_changes=True)
    assert [call for call in tale.sent if not call.startswith("look")] == [
        *("reach", "check a", "check b"),
        *("prepare a", "prepare b", "start a", "start b"),
    ]


def test_a_refused_target_keeps_the_others_from_being_changed() -> None:
    tale = tell({"check b": [RefusedError("no such app")]}, targets=("a", "b"), has_changes=True)
    assert tale.sent == ["reach", "check a", "check b"]
    assert tale.ends()[-1] == TargetFinished(
        "a", Outcome.REFUSED, "nothing was changed, because b was refused"
    )


READY: list[Event] = [REACHED, TargetResolved(Target("a"))]
IMAGE, ENV = "image: 1 → 2", "variables: 1 added (A), 0 changed, 0 kept"
PERHAPS_CHANGED = f"{IMAGE} (perhaps: no answer came)"
WELL = Changes((IMAGE,))
TRIGGERED: list[Event] = [
    Triggering("a"),
    Following("a", A1),
    phase(Phase.SUCCEEDED),
    TargetFinished("a", Outcome.FINISHED),
]
BUSY = UnavailableError("asked too often", from_server=True, retry_after=30)


@pytest.mark.parametrize(
    ("script", "events", "times"),
    [
        pytest.param(
            {
                "prepare a": [
                    Changes(
                        (IMAGE, ENV), ("it stays pinned", "blanks are cut off"), ("the rest is so already",)
                    )
                ]
            },
            [
                *(
                    ChangeApplied("a", IMAGE),
                    ChangeApplied("a", ENV),
                    TargetNote("a", "the rest is so already"),
                ),
                *(TargetWarning("a", "it stays pinned"), TargetWarning("a", "blanks are cut off")),
                *TRIGGERED,
            ],
            [0],
            id="what-was-changed-and-what-should-be-known",
        ),
        pytest.param(
            {"prepare a": [NO_LINE, NO_LINE, WELL]},
            [PollFailing("a", "no connection"), ChangeApplied("a", IMAGE), *TRIGGERED],
            [0, 5, 10],
            id="an-outage-is-waited-through",
        ),
        pytest.param(
            {
                "prepare a": [LOST_ANSWER, Changes((), unchanged=("all is as it is wished",))],
                "altered a": [(PERHAPS_CHANGED,)],
            },
            [PollFailing("a", "no answer in time"), TargetNote("a", "all is as it is wished"), *TRIGGERED],
            [0, 5],
            id="after-a-lost-answer-it-is-asked-again",
        ),
        pytest.param(
            {"prepare a": [BUSY, WELL]},
            [PollFailing("a", "asked too often"), ChangeApplied("a", IMAGE), *TRIGGERED],
            [0, 30],
            id="as-long-as-asked",
        ),
        pytest.param(
            {"prepare a": [NO_LINE, BUSY, NO_LINE, WELL]},
            [
                *(
                    PollFailing("a", "no connection"),
                    PollFailing("a", "asked too often"),
                    PollFailing("a", "no connection"),
                ),
                *(ChangeApplied("a", IMAGE), *TRIGGERED),
            ],
            [0, 5, 35, 40],
            id="each-trouble-is-told-when-it-comes",
        ),
        pytest.param(
            {"prepare a": [NO_LINE], "altered a": [(PERHAPS_CHANGED,)]},
            [
                PollFailing("a", "no connection"),
                ChangeApplied("a", PERHAPS_CHANGED),
                TargetFinished("a", Outcome.TIMED_OUT, "no connection"),
            ],
            [*range(0, 61, 5)],
            id="until-the-time-is-over",
        ),
        pytest.param(
            {"prepare a": [RefusedError("no such field")], "altered a": [(IMAGE,)]},
            [ChangeApplied("a", IMAGE), TargetFinished("a", Outcome.REFUSED, "no such field")],
            [0],
            id="refused-after-a-part-of-it",
        ),
        pytest.param(
            {"prepare a": [UnavailableError("the address redirects", permanent=True)]},
            [TargetFinished("a", Outcome.REFUSED, "the address redirects")],
            [0],
            id="a-redirect-is-final",
        ),
    ],
)
def test_what_becomes_of_a_change_before_the_start(
    script: Script, events: list[Event], times: list[float]
) -> None:
    tale = tell(script, has_changes=True, timeout=60)
    assert (tale.events, tale.times("prepare a")) == ([*READY, *events], times)


def test_the_time_runs_from_the_trigger_and_not_from_the_outage_before_it() -> None:
    tale = tell(
        {"prepare a": [NO_LINE] * 8 + [WELL], "look a-1": [RUNNING]},
        has_changes=True,
        timeout=60,
        poll_interval=60,
    )
    assert (tale.times("start a"), tale.times("look a-1")) == ([40], [40, 100])


def test_trouble_before_the_start_is_not_the_reason_of_what_comes_after() -> None:
    tale = tell({"prepare a": [NO_LINE, WELL], "start a": [NO_LINE]}, has_changes=True, timeout=20)
    assert [event for event in tale.events if isinstance(event, PollFailing)] == [
        PollFailing("a", "no connection")
    ] * 2


@pytest.mark.parametrize(
    ("script", "calls", "ends"),
    [
        pytest.param(
            {"prepare a": [RefusedError("no such field")]},
            ["prepare a"],
            [
                TargetFinished("a", Outcome.REFUSED, "no such field"),
                *(
                    TargetFinished(target, Outcome.REFUSED, "nothing was changed, because a was refused")
                    for target in "bc"
                ),
            ],
            id="the-first-is-refused",
        ),
        pytest.param(
            {"prepare b": [RefusedError("no such field")]},
            ["prepare a", "prepare b", "start a", "look a-1"],
            [
                TargetFinished("b", Outcome.REFUSED, "no such field"),
                TargetFinished("c", Outcome.REFUSED, "nothing was changed, because b was refused"),
                TargetFinished("a", Outcome.FINISHED),
            ],
            id="what-was-changed-before-is-deployed",
        ),
        pytest.param(
            {
                "prepare a": [LOST_ANSWER],
                "prepare b": [RefusedError("no such field")],
                "altered a": [(PERHAPS_CHANGED,)],
            },
            ["prepare a", "prepare b"],
            [
                TargetFinished("b", Outcome.REFUSED, "no such field"),
                TargetFinished("c", Outcome.REFUSED, "nothing was changed, because b was refused"),
                TargetFinished("a", Outcome.REFUSED, "nothing more was changed, because b was refused"),
            ],
            id="whose-answer-was-lost-is-not-asked-again",
        ),
        pytest.param(
            {"prepare a": [REVOKED]},
            ["prepare a"],
            [TargetFinished(target, Outcome.REFUSED, "the token is revoked") for target in "abc"],
            id="the-token-is-revoked",
        ),
        pytest.param(
            {"start a": [RefusedError("no server")]},
            ["prepare a", "prepare b", "prepare c", "start a", "start b", "start c", "look b-1", "look c-1"],
            [
                TargetFinished("a", Outcome.REFUSED, f"no server. {KEEPS_A}"),
                TargetFinished("b", Outcome.FINISHED),
                TargetFinished("c", Outcome.FINISHED),
            ],
            id="what-is-refused-when-all-are-changed-stops-nobody",
        ),
    ],
)
def test_a_refusal_keeps_the_others_from_being_changed(
    script: Script, calls: list[str], ends: list[TargetFinished]
) -> None:
    tale = tell(script, targets=("a", "b", "c"), has_changes=True)
    assert tale.sent == ["reach", "check a", "check b", "check c", *calls]
    assert tale.ends() == ends


def test_a_target_that_is_refused_late_does_not_stop_one_whose_change_comes_later() -> None:
    """Refused, but changed: that was no refusal of the change."""
    script: Script = {"start a": [RefusedError("no server")], "prepare b": [NO_LINE, WELL]}
    assert tell(script, targets=("a", "b"), has_changes=True).ends() == [
        TargetFinished("a", Outcome.REFUSED, f"no server. {KEEPS_A}"),
        TargetFinished("b", Outcome.FINISHED),
    ]


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        pytest.param({"start a": [Rejected("no server")]}, Outcome.REFUSED, id="refused"),
        pytest.param({"start a": [RetryLater(60, "full")]}, Outcome.TIMED_OUT, id="a-full-queue"),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [AccessDenied("nobody can tell")]}, Outcome.LOST, id="lost"
        ),
        pytest.param({"start a": [GATEWAY]}, Outcome.REFUSED, id="kept-out-by-a-gateway"),
    ],
)
def test_what_was_changed_for_a_deployment_that_never_started_is_said_to_stay(
    script: Script, outcome: Outcome
) -> None:
    """The next deployment, a webhook's or somebody's, uses it."""
    tale = tell({"prepare a": [Changes((IMAGE, ENV))], **script}, has_changes=True, timeout=120)
    [end] = tale.ends()
    assert (end.outcome, end.reason.partition(". What was")[2]) == (
        outcome,
        f" changed before stays: {IMAGE}; {ENV}",
    )


@pytest.mark.parametrize("look", [BROKEN, CANCELLED, RUNNING])
def test_what_was_deployed_is_not_said_to_stay(look: Snapshot) -> None:
    tale = tell({"prepare a": [Changes((IMAGE,))], "look a-1": [look]}, has_changes=True, timeout=120)
    assert "stays" not in tale.ends()[0].reason


def test_one_that_can_not_be_checked_in_time_does_not_keep_the_others_from_being_changed() -> None:
    tale = tell({"check a": [NO_LINE]}, targets=("a", "b"), has_changes=True, timeout=20)
    assert tale.ends() == [
        TargetFinished("a", Outcome.TIMED_OUT, "no connection"),
        TargetFinished("b", Outcome.FINISHED),
    ]
    assert tale.times("prepare b") == [20]


def test_nothing_is_changed_while_one_can_not_be_checked_yet() -> None:
    tale = tell({"check b": [NO_LINE, NO_LINE, Target("b")]}, targets=("a", "b"), has_changes=True)
    assert (tale.times("prepare a"), tale.times("prepare b")) == ([10], [10])


def test_it_is_changed_once_however_often_it_is_triggered() -> None:
    script: Script = {
        "start a": [RetryLater(9, "full"), Started((ADOPTED,)), Started((A2,))],
        "look a-1": [CANCELLED],
        "look a-2": [DONE],
    }
    tale = tell(script, has_changes=True)
    assert (tale.sent.count("prepare a"), tale.sent.count("start a"), tale.outcome) == (
        1,
        3,
        Outcome.FINISHED,
    )


@pytest.mark.parametrize(
    "plan", [{"dry_run": True}, {"command": Command.CHECK}, {"command": Command.CANCEL}], ids=str
)
def test_what_deploys_nothing_changes_nothing(plan: dict[str, Any]) -> None:
    assert "prepare a" not in tell({}, has_changes=True, **plan).sent


def unchanged(events: list[Event]) -> list[Event]:
    """Without what is said of the changes that stay."""
    return [
        replace(each, reason=each.reason.partition(". What was")[0])
        if isinstance(each, TargetFinished)
        else each
        for each in events
    ]


@pytest.mark.parametrize(
    ("script", "told", "times"),
    [
        pytest.param(
            {"prepare a": [Act(WELL, takes=3.9)]},
            [ChangeApplied("a", IMAGE), Triggering("a")],
            [0],
            id="that-is-answered-in-two-seconds",
        ),
        pytest.param(
            {"prepare a": [Act(WELL, takes=9)], "altered a": [(PERHAPS_CHANGED,)]},
            [TargetWarning("a", CHANGE_IN_FLIGHT), ChangeApplied("a", PERHAPS_CHANGED)],
            [0],
            id="that-is-not",
        ),
        pytest.param(
            {
                "prepare a": [Act(WELL, takes=math.inf)],
                "altered a": [(IMAGE, f"{ENV} (perhaps: no answer came)")],
            },
            [
                TargetWarning("a", CHANGE_IN_FLIGHT),
                ChangeApplied("a", IMAGE),
                ChangeApplied("a", f"{ENV} (perhaps: no answer came)"),
            ],
            [0],
            id="that-hangs-after-a-part-of-it",
        ),
        pytest.param(
            {"prepare a": [LOST_ANSWER], "altered a": [(PERHAPS_CHANGED,)]},
            [
                PollFailing("a", "no answer in time"),
                TargetWarning("a", CHANGE_IN_FLIGHT),
                ChangeApplied("a", PERHAPS_CHANGED),
            ],
            [0],
            id="whose-answer-was-lost",
        ),
        pytest.param(
            {"prepare a": [NO_LINE]}, [PollFailing("a", "no connection")], [0], id="that-never-arrived"
        ),
        pytest.param(
            {"prepare a": [RefusedError("no")]},
            [TargetFinished("a", Outcome.REFUSED, "no")],
            [0],
            id="that-was-refused",
        ),
    ],
)
def test_a_signal_after_two_seconds_of_a_change(
    script: Script, told: list[Event], times: list[float]
) -> None:
    """What was changed, or perhaps was, is told before the run ends; and nothing is sent any more."""
    tale = tell(script, has_changes=True, signals=SIGNAL_AT_2)
    farewell = FAREWELL if told[-1] != TargetFinished("a", Outcome.REFUSED, "no") else []
    late = [
        event for event in told if "altered a" in script and isinstance(event, TargetWarning | ChangeApplied)
    ]
    early = [event for event in told if event not in late]
    assert unchanged(tale.events) == [*READY, *early, *farewell[:1], *late, *farewell[1:]]
    assert (tale.times("prepare a"), tale.sent[-1]) == (times, "prepare a")


def test_a_signal_while_a_change_is_told_starts_nothing() -> None:
    tale = tell({"prepare a": [Changes((IMAGE, ENV))]}, has_changes=True, signal_at=ChangeApplied("a", IMAGE))
    assert unchanged(tale.events) == [
        *READY,
        ChangeApplied("a", IMAGE),
        ChangeApplied("a", ENV),
        Triggering("a"),
        *FAREWELL,
    ]
    assert tale.ends()[0].reason == f"{STOPPED_BY}. What was changed before stays: {IMAGE}; {ENV}"
    assert "start a" not in tale.sent


# --- whether its site answers

ADDRESS = "https://a.example.com"
MINE = Target("a", url=ADDRESS)
VISITED = Handle("a", "", condition=rules.SITE_RESPONDS)
SAYS_502 = Snapshot(Phase.RUNNING, "HTTP 502", reason="it answered HTTP 502")
SAYS_200 = Snapshot(Phase.SUCCEEDED, "HTTP 200", stable_for=1, final=False)


def answered(detail: str, phase: Phase = Phase.RUNNING, target: str = "a") -> PhaseChanged:
    return PhaseChanged(target, phase, detail, stage=Stage.VERIFY)


def test_two_good_answers_in_a_row_count() -> None:
    tale = tell(
        {"check a": [MINE], f"visit {ADDRESS}": [SAYS_502, SAYS_200, SAYS_502, SAYS_200]},
        visits=True,
        own_site=True,
        poll_interval=5,
    )
    assert tale.events == [
        *(
            REACHED,
            TargetResolved(MINE),
            Triggering("a"),
            Following("a", A1),
            phase(Phase.SUCCEEDED),
            Following("a", VISITED, stage=Stage.VERIFY),
        ),
        *(
            answered("HTTP 502"),
            answered("HTTP 200", Phase.SUCCEEDED),
            answered("HTTP 502"),
            answered("HTTP 200", Phase.SUCCEEDED),
        ),
        TargetFinished("a", Outcome.FINISHED),
    ]
    assert tale.times(f"visit {ADDRESS}") == [0, 5, 10, 15, 20]


def test_what_does_not_answer_well_in_time_is_not_proven() -> None:
    tale = tell({"visit ": [SAYS_502]}, visits=True, verify_timeout=20, poll_interval=15)
    assert tale.ends() == [TargetFinished("a", Outcome.UNVERIFIED, "it answered HTTP 502")]
    assert tale.times("visit ") == [0, 15, 20]


def test_an_application_without_an_address_of_its_own_is_refused_before_anything_is_changed() -> None:
    tale = tell({}, targets=("a", "b"), visits=True, own_site=True, has_changes=True)
    assert tale.ends() == [
        TargetFinished(
            target, Outcome.REFUSED, "`verify_url: auto`: no address of it is known. Give the address itself"
        )
        for target in "ab"
    ]
    assert tale.sent == ["reach", "check a", "check b"]


def test_a_member_of_a_tag_without_an_address_is_not_asked_and_that_is_said() -> None:
    parts = (GroupMember(MINE, A1), BOTH[1])
    tale = tell(
        {"check t": [Target("t", group=True)], "start t": [GroupStarted(parts)]},
        targets=("t",),
        visits=True,
        own_site=True,
    )
    assert [event for event in tale.events if isinstance(event, TargetWarning)] == [
        TargetWarning("b", "`verify_url: auto`: no address of it is known, so that nothing is asked")
    ]
    assert {call for call in tale.sent if call.startswith("visit")} == {f"visit {ADDRESS}"}
    assert sorted(event.target for event in tale.ends()) == ["a", "b"]
    assert tale.outcome is Outcome.FINISHED


def test_a_revoked_token_does_not_keep_a_site_from_being_asked() -> None:
    script: Script = {"visit ": [SAYS_502, SAYS_502, SAYS_200], "look b-1": [RUNNING, REVOKED]}
    tale = tell(script, targets=("a", "b"), visits=True, poll_interval=5)
    assert tale.ends() == [
        TargetFinished("b", Outcome.LOST, f"{GOES_ON}the token is revoked"),
        TargetFinished("a", Outcome.FINISHED),
    ]
    assert tale.sent[-3:] == ["visit ", "visit ", "visit "]


def test_a_revoked_token_is_no_evidence_against_a_site() -> None:
    script: Script = {"visit ": [SAYS_502], "look b-1": [RUNNING, REVOKED]}
    tale = tell(script, targets=("a", "b"), visits=True, poll_interval=5, verify_timeout=30)
    assert tale.ends()[-1] == TargetFinished("a", Outcome.UNVERIFIED, "it answered HTTP 502")
    assert tale.times("visit ")[-1] == 30


@pytest.mark.parametrize(
    "last", [BROKEN, CANCELLED, GONE, Snapshot(Phase.UNVERIFIED)], ids=lambda last: last.phase.value
)
def test_only_what_was_deployed_is_asked(last: Snapshot) -> None:
    assert "visit " not in tell({"look a-1": [last]}, visits=True).sent


def test_a_signal_while_a_site_is_asked_cancels_nothing() -> None:
    tale = tell({"visit ": [SAYS_502]}, visits=True, signals=SIGNAL_AT_2)
    assert tale.events[-2:] == FAREWELL
    assert not [call for call in tale.sent if call.startswith("cancel")]
