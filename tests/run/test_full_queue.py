"""A full queue is retried, like HTTP 429."""

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
    INTERRUPTED,
    LOST_RESPONSE,
    QUEUE_FULL,
    REVOKED,
    RUNNING,
    TRIGGER_CALLS,
    UNCONFIRMED,
    UNTIL_TRIGGER,
    Call,
    Script,
    phase,
    run_script,
)

QUEUE_WAS_FULL: list[Event] = [
    Following("a", UNCONFIRMED),
    phase(Phase.ABSENT),
    TriggerDelayed("a", 60, "full queue"),
]


@pytest.mark.parametrize(
    ("last", "polls", "wait", "events", "calls"),
    [
        pytest.param(
            A2,
            [DONE],
            True,
            [Following("a", A2), phase(Phase.SUCCEEDED), TargetFinished("a", Outcome.FINISHED)],
            [(124, "poll a-2")],
            id="until-accepted",
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
            [(124, "poll a-2"), (125, "poll a-2")],
            id="then-confirmed",
        ),
        pytest.param(
            A2,
            [],
            False,
            [Following("a", A2), TargetFinished("a", Outcome.TRIGGERED)],
            [],
            id="wait-false",
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
            [(124, "poll a-2")],
            id="wait-false-confirmed-by-one-poll",
        ),
    ],
)
def test_a_full_queue_is_retried_every_minute(
    last: Handle,
    polls: list[Any],
    wait: bool,
    events: list[Event],
    calls: list[Call],
) -> None:
    script: Script = {
        "trigger a": [*[Started((UNCONFIRMED,))] * 2, Started((last,))],
        "poll a-1": [QUEUE_FULL],
        **({"poll a-2": polls} if polls else {}),
    }
    result = run_script(script, wait=wait)
    assert result.events == [*UNTIL_TRIGGER, *QUEUE_WAS_FULL, *QUEUE_WAS_FULL, *events]
    attempts = [
        (62, "resolve a"),
        (62, "trigger a"),
        (62, "poll a-1"),
        (64, "poll a-1"),
        (124, "resolve a"),
        (124, "trigger a"),
    ]
    assert result.calls == [*TRIGGER_CALLS, (0, "poll a-1"), (2, "poll a-1"), *attempts, *calls]


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize(
    ("timeout", "starts"),
    [
        pytest.param(1, [0], id="one-attempt"),
        pytest.param(63, [0, 62], id="two-attempts"),
        pytest.param(150, [0, 62, 124], id="three-attempts"),
        pytest.param(1800, [62 * nth for nth in range(30)], id="thirty-minutes"),
    ],
)
def test_a_queue_that_stays_full_is_retried_until_the_timeout(
    timeout: float, starts: list[float], wait: bool
) -> None:
    result = run_script(
        {"trigger a": [Started((UNCONFIRMED,))], "poll a-1": [QUEUE_FULL]}, timeout=timeout, wait=wait
    )
    assert result.times("trigger a") == starts
    assert result.ends() == [TargetFinished("a", Outcome.TIMED_OUT, "full queue")]
    assert result.calls[-1][0] <= timeout


@pytest.mark.parametrize("at", [3, 61, 63.9, 65])
def test_a_signal_while_the_queue_is_full(at: float) -> None:
    """Only an unconfirmed deployment is cancelled; between two attempts there is none."""
    result = run_script(
        {"trigger a": [Started((UNCONFIRMED,))], "poll a-1": [QUEUE_FULL]}, signals=[(at, "SIGTERM")]
    )
    cancelled = [CancelResult("a", UNCONFIRMED, "cancelled")] if 62 <= at < 64 else []
    assert result.events[-2 - len(cancelled) :] == [INTERRUPTED[0], *cancelled, INTERRUPTED[1]]
    assert [call for call in result.sent if call.startswith(("find", "cancel"))] == [
        "cancel a-1 within 1 s"
    ] * len(cancelled)


def test_a_full_queue_does_not_delay_other_targets() -> None:
    script: Script = {
        "trigger a": [Started((UNCONFIRMED,)), Started((A2,))],
        "poll a-1": [QUEUE_FULL],
        "poll b-1": [RUNNING, RUNNING, DONE],
    }
    result = run_script(script, targets=("a", "b"))
    assert result.ends() == [TargetFinished("b", Outcome.FINISHED), TargetFinished("a", Outcome.FINISHED)]
    assert (result.times("poll b-1"), result.times("trigger a")) == ([0, 1, 2], [0, 62])


def test_a_full_queue_after_a_lost_response_is_retried_as_usual() -> None:
    script: Script = {
        "trigger a": [LOST_RESPONSE, Started((UNCONFIRMED,)), Started((A2,))],
        "poll a-1": [QUEUE_FULL],
    }
    searches: list[Call] = [(0, "find a"), (5, "find a"), (5, "trigger a"), (5, "poll a-1"), (7, "poll a-1")]
    assert run_script(script).calls == [
        *TRIGGER_CALLS,
        *searches,
        (67, "resolve a"),
        (67, "trigger a"),
        (67, "poll a-2"),
    ]


def test_a_target_whose_queue_was_full_is_refused_once_the_token_is_revoked() -> None:
    script: Script = {
        "trigger a": [Started((UNCONFIRMED,))],
        "poll a-1": [QUEUE_FULL],
        "poll b-1": [RUNNING, REVOKED],
    }
    result = run_script(script, targets=("a", "b"), poll_interval=20)
    assert {event.target: event.outcome for event in result.ends()} == {
        "a": Outcome.REFUSED,
        "b": Outcome.LOST,
    }
