"""What happens when the job is cancelled (architecture, rule 8)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from deployer.model import (
    AccessDenied,
    CancelResult,
    Certainty,
    Entry,
    Event,
    Following,
    GroupMember,
    GroupStarted,
    Handle,
    InterruptReceived,
    LogLines,
    Outcome,
    Owner,
    Phase,
    PollFailing,
    RefusedError,
    Rejected,
    Retriggering,
    RetryLater,
    Stage,
    Started,
    Target,
    TargetFinished,
    TargetResolved,
    TargetWarning,
    TriggerDelayed,
    Triggering,
    TriggerUncertain,
)
from deployer.run.interrupt import TRIGGER_IN_FLIGHT
from tests.fakes import Act
from tests.run.scripted import (
    A1,
    A2,
    A3,
    ADOPTED,
    B1,
    BERLIN,
    BOTH,
    C1,
    CANCELLED,
    DONE,
    FAREWELL,
    FOLLOWED,
    GONE,
    GROUP,
    GROUP_STARTED,
    HALF,
    IN_DOUBT,
    LOST_ANSWER,
    NO_LINE,
    NOTHING,
    OPENING,
    OWN_FAILURE,
    PARIS,
    PERHAPS,
    PHANTOM,
    QUEUED,
    REACHED,
    REVOKED,
    RUNNING,
    SIGNAL_AT_2,
    STOPPED_BY,
    UNSURE,
    UNTIL_START,
    Call,
    Script,
    followed,
    phase,
    split,
    tell,
)

# --- Architecture, rule 8: the job is stopped


LISTED = (4, "find a within 1 s")


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
            TriggerUncertain("a", "the response timed out"),
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
                TriggerUncertain("t", "the response timed out"),
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
