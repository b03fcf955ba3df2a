"""Several targets at once, and `wait: false`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.model import (
    AccessDenied,
    Certainty,
    Event,
    Following,
    Handle,
    Outcome,
    Phase,
    PollFailing,
    PollRecovered,
    RefusedError,
    Rejected,
    Retriggering,
    RetryLater,
    Started,
    Target,
    TargetFinished,
    TargetResolved,
    TriggerDelayed,
    Triggering,
    TriggerUncertain,
    UnavailableError,
)
from tests.run.scripted import (
    A1,
    ADOPTED,
    B1,
    BROKEN,
    DONE,
    DOUBTFUL,
    FOLLOWED,
    GONE,
    LOST_ANSWER,
    NO_LINE,
    OPENING,
    PHANTOM,
    QUEUED,
    REACHED,
    RUNNING,
    UNTIL_START,
    Call,
    Script,
    Tale,
    phase,
    tell,
)

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
                TriggerUncertain("a", "the response timed out"),
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
