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
    ABSENT,
    ADOPTED,
    B1,
    BROKEN,
    CONNECTED,
    DONE,
    LOST_RESPONSE,
    NO_CONNECTION,
    PHANTOM,
    QUEUED,
    RUNNING,
    TRIGGER_CALLS,
    UNCONFIRMED,
    UNTIL_FOLLOWED,
    UNTIL_TRIGGER,
    Call,
    RunResult,
    Script,
    phase,
    run_script,
)

# --- Several targets


def test_targets_are_triggered_one_after_another_then_polled_and_the_worst_outcome_counts() -> None:
    result = run_script(
        {"poll a-1": [RUNNING, RUNNING, DONE], "poll b-1": [BROKEN], "poll c-1": [RUNNING, DONE]},
        targets=("a", "b", "c"),
    )
    assert result == RunResult(
        Outcome.FAILED,
        [
            CONNECTED,
            *(
                event
                for target in "abc"
                for event in (
                    TargetResolved(Target(target)),
                    Triggering(target),
                    Following(target, Handle(target, f"{target}-1")),
                )
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
            (0, "connect"),
            *((0, f"{call} {target}") for target in "abc" for call in ("resolve", "trigger")),
            *((0, f"poll {target}-1") for target in "abc"),
            (1, "poll a-1"),
            (1, "poll c-1"),
            (2, "poll a-1"),
        ],
        3,
    )


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        pytest.param({"resolve a": [RefusedError("unknown")]}, Outcome.REFUSED, id="unknown"),
        pytest.param({"trigger a": [Rejected("full")]}, Outcome.REFUSED, id="rejected"),
        pytest.param({"trigger a": [RefusedError("not yours")]}, Outcome.REFUSED, id="trigger-refused"),
        pytest.param(
            {"trigger a": [LOST_RESPONSE], "find a": [AccessDenied("no permission to list deployments")]},
            Outcome.LOST,
            id="lost",
        ),
        pytest.param({"poll a-1": [RefusedError("not yours")]}, Outcome.LOST, id="poll-refused"),
        pytest.param({"poll a-1": [BROKEN]}, Outcome.FAILED, id="failed"),
        pytest.param({"poll a-1": [RUNNING]}, Outcome.TIMED_OUT, id="timed-out"),
        pytest.param({"trigger a": [RetryLater(9, "full")]}, Outcome.TIMED_OUT, id="queue-full"),
    ],
)
def test_the_end_of_one_target_does_not_affect_another(script: Script, outcome: Outcome) -> None:
    result = run_script({**script, "poll b-1": [RUNNING] * 9 + [DONE]}, targets=("a", "b"))
    assert {event.target: event.outcome for event in result.ends()} == {"a": outcome, "b": Outcome.FINISHED}
    assert result.outcome is outcome


def test_a_delayed_target_does_not_delay_another() -> None:
    result = run_script(
        {"trigger a": [RetryLater(30, "full"), Started((A1,))], "poll b-1": [RUNNING, DONE]},
        targets=("a", "b"),
    )
    assert result.events[2:] == [
        Triggering("a"),
        TriggerDelayed("a", 30, "full"),
        TargetResolved(Target("b")),
        Triggering("b"),
        Following("b", B1),
        phase(Phase.RUNNING, "b"),
        phase(Phase.SUCCEEDED, "b"),
        TargetFinished("b", Outcome.FINISHED),
        Following("a", A1),
        phase(Phase.SUCCEEDED),
        TargetFinished("a", Outcome.FINISHED),
    ]
    assert result.times("trigger a") == [0, 30]
    assert result.times("poll b-1") == [0, 1]


# --- `wait: false`


@pytest.mark.parametrize(
    ("script", "events"),
    [
        pytest.param({}, [*UNTIL_FOLLOWED, TargetFinished("a", Outcome.TRIGGERED)], id="accepted"),
        pytest.param(
            {"trigger a": [Started((A1,), "a note")]},
            [*UNTIL_TRIGGER, Following("a", A1, "a note"), TargetFinished("a", Outcome.TRIGGERED, "a note")],
            id="accepted-with-a-note",
        ),
        pytest.param(
            {"trigger a": [LOST_RESPONSE], "find a": [Started((A1,), "found")]},
            [
                *UNTIL_TRIGGER,
                TriggerUncertain("a", "the response timed out"),
                Following("a", A1, "found"),
                TargetFinished("a", Outcome.TRIGGERED, "found"),
            ],
            id="found",
        ),
        pytest.param(
            {"trigger a": [Rejected("full")]},
            [*UNTIL_TRIGGER, TargetFinished("a", Outcome.REFUSED, "full")],
            id="refused",
        ),
        pytest.param(
            {"trigger a": [RetryLater(9, "full"), Started((A1,))]},
            [
                *UNTIL_TRIGGER,
                TriggerDelayed("a", 9, "full"),
                Following("a", A1),
                TargetFinished("a", Outcome.TRIGGERED),
            ],
            id="accepted-later",
        ),
    ],
)
def test_without_wait_the_run_ends_with_the_trigger(script: Script, events: list[Event]) -> None:
    result = run_script(script, wait=False)
    assert result.events == events
    assert not [call for call in result.sent if call.startswith("poll")]


@pytest.mark.parametrize("handle", [UNCONFIRMED, PHANTOM])
def test_without_wait_failed_polls_are_retried_only_twice(handle: Handle) -> None:
    """Three in a row are enough without `wait`."""
    result = run_script(
        {"trigger a": [Started((handle,))], f"poll {handle.id}": [UnavailableError("HTTP 502")]}, wait=False
    )
    assert result.ends() == [
        TargetFinished("a", Outcome.TRIGGERED, "could not confirm that the deployment exists: HTTP 502")
    ]
    assert len(result.times(f"poll {handle.id}")) == 3
    assert result.calls[-1][0] < 30


@pytest.mark.parametrize(
    ("polls", "events", "times"),
    [
        pytest.param(
            [QUEUED], [phase(Phase.QUEUED), TargetFinished("a", Outcome.TRIGGERED)], [0], id="exists"
        ),
        pytest.param(
            [NO_CONNECTION, DONE],
            [
                PollFailing("a", "no connection"),
                PollRecovered("a", 1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.TRIGGERED),
            ],
            [0, 3],
            id="exists-after-a-failed-poll",
        ),
    ],
)
def test_without_wait_an_unconfirmed_deployment_is_still_polled(
    polls: list[Any], events: list[Event], times: list[float]
) -> None:
    result = run_script({"trigger a": [Started((UNCONFIRMED,))], "poll a-1": polls}, wait=False)
    assert result.events == [*UNTIL_TRIGGER, Following("a", UNCONFIRMED), *events]
    assert result.times("poll a-1") == times


@pytest.mark.parametrize("certainty", [Certainty.PHANTOM, Certainty.POSSIBLY_PHANTOM])
@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"poll a-p": [replace(ABSENT, follow_ups=(ADOPTED,))], "poll a-1": [RUNNING]},
            [
                phase(Phase.ABSENT),
                Following("a", ADOPTED),
                phase(Phase.RUNNING),
                TargetFinished("a", Outcome.TRIGGERED),
            ],
            [(0, "poll a-p"), (0, "poll a-1")],
            id="real-deployment-found",
        ),
        pytest.param(
            {"poll a-p": [replace(ABSENT, reason="none any more")]},
            [
                phase(Phase.ABSENT),
                Retriggering("a", "none any more"),
                TargetResolved(Target("a")),
                Following("a", A1),
                TargetFinished("a", Outcome.TRIGGERED),
            ],
            [(0, "poll a-p"), (0, "resolve a"), (0, "trigger a")],
            id="none-exists-so-triggered",
        ),
        pytest.param(
            {"poll a-p": [QUEUED]},
            [phase(Phase.QUEUED), TargetFinished("a", Outcome.TRIGGERED)],
            [(0, "poll a-p")],
            id="exists",
        ),
    ],
)
def test_without_wait_a_possible_phantom_is_still_polled(
    certainty: Certainty, script: Script, events: list[Event], calls: list[Call]
) -> None:
    handle = Handle("a", "a-p", certainty)
    result = run_script({"trigger a": [Started((handle,)), Started((A1,))], **script}, wait=False)
    assert (result.events, result.calls) == (
        [*UNTIL_TRIGGER, Following("a", handle), *events],
        [*TRIGGER_CALLS, *calls],
    )
