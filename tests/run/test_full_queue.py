"""A full queue is waited for, like a 429."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.model import (
    CancelResult,
    Certainty,
    Event,
    Following,
    Handle,
    Outcome,
    Phase,
    Started,
    TargetFinished,
    TriggerDelayed,
)
from tests.run.scripted import (
    A2,
    DONE,
    DOUBTFUL,
    FAREWELL,
    FULL,
    LOST_ANSWER,
    OPENING,
    REVOKED,
    RUNNING,
    UNTIL_START,
    Call,
    Script,
    phase,
    tell,
)

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
