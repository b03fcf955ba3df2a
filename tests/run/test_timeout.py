"""What happens when `timeout` has passed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from deployer.model import (
    CancelResult,
    Command,
    Event,
    Following,
    InterruptReceived,
    Outcome,
    Owner,
    Phase,
    PollFailing,
    RefusedError,
    Retriggering,
    RetryLater,
    Snapshot,
    Started,
    Target,
    TargetFinished,
    TargetWarning,
    TriggerDelayed,
    TriggerUncertain,
    UnavailableError,
)
from tests.fakes import TICK, Reply
from tests.run.scripted import (
    A1,
    A2,
    A3,
    ABSENT,
    ADOPTED,
    BERLIN,
    BROKEN,
    CANCELLED,
    CANCELLED_BY_SIGTERM,
    CONNECTED,
    DONE,
    LOST_RESPONSE,
    NO_CONNECTION,
    NOT_FINISHED,
    NOTHING_FOUND,
    ON_BERLIN,
    ON_PARIS,
    PARIS,
    PHANTOM,
    QUEUED,
    REVOKED,
    RUNNING,
    SERVER_503,
    TRIGGER_LOST,
    UNSURE,
    UNTIL_FOLLOWED,
    UNTIL_TRIGGER,
    Call,
    Script,
    phase,
    resolved_and_triggered,
    run_script,
)


@pytest.mark.parametrize(
    ("script", "events", "call", "times"),
    [
        pytest.param(
            {"resolve a": [UnavailableError("HTTP 502")]},
            [CONNECTED, PollFailing("a", "HTTP 502"), TargetFinished("a", Outcome.TIMED_OUT, "HTTP 502")],
            "resolve a",
            [0, 5, 10, 15, 20, 25],
            id="never-resolved",
        ),
        pytest.param(
            {"trigger a": [NO_CONNECTION]},
            [
                *UNTIL_TRIGGER,
                PollFailing("a", "no connection"),
                TargetFinished("a", Outcome.TIMED_OUT, "no connection"),
            ],
            "trigger a",
            [0, 5, 10, 15, 20],
            id="trigger-never-arrived",
        ),
        pytest.param(
            {"trigger a": [RetryLater(20, "full")]},
            [
                *UNTIL_TRIGGER,
                TriggerDelayed("a", 20, "full"),
                TriggerDelayed("a", 5 - 3 * TICK, "full"),
                TargetFinished("a", Outcome.TIMED_OUT, "full"),
            ],
            "trigger a",
            [0, 20],
            id="queue-full",
        ),
        pytest.param(
            {"trigger a": [LOST_RESPONSE], "find a": [UnavailableError("HTTP 502", retry_after=9)]},
            [*TRIGGER_LOST, PollFailing("a", "HTTP 502"), TargetFinished("a", Outcome.LOST, "HTTP 502")],
            "find a",
            [0, 9, 18, 25],
            id="search-fails",
        ),
        pytest.param(
            {"trigger a": [Reply(LOST_RESPONSE, takes=4)]},
            [
                *TRIGGER_LOST,
                *[Retriggering("a", NOTHING_FOUND), TriggerUncertain("a", "the response timed out")] * 2,
                TargetFinished("a", Outcome.TIMED_OUT, "the response timed out"),
            ],
            "trigger a",
            [0, 9, 23],
            id="every-response-lost",
        ),
        pytest.param(
            {"poll a-1": [UnavailableError("HTTP 502")]},
            [
                *UNTIL_FOLLOWED,
                PollFailing("a", "HTTP 502"),
                TargetFinished(
                    "a",
                    Outcome.TIMED_OUT,
                    "its status could never be read; the last status checks failed: HTTP 502",
                ),
            ],
            "poll a-1",
            [0, 3, 9, 21, 25],
            id="never-polled",
        ),
    ],
)
def test_the_reason_for_a_timeout_is_reported(
    script: Script, events: list[Event], call: str, times: list[float]
) -> None:
    result = run_script(script, timeout=25)
    assert (result.events, result.times(call)) == (events, times)


def test_an_error_that_recurs_after_recovery_is_reported_again() -> None:
    result = run_script(
        {
            "resolve a": [NO_CONNECTION, Target("a")],
            "trigger a": [NO_CONNECTION, NO_CONNECTION, Started((A1,))],
        }
    )
    assert result.events[:6] == [
        CONNECTED,
        PollFailing("a", "no connection"),
        *resolved_and_triggered("a"),
        PollFailing("a", "no connection"),
        Following("a", A1),
    ]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            {"trigger a": [Started((ADOPTED,))], "poll a-1": [RUNNING, Reply(CANCELLED, takes=2)]},
            id="adopted-and-cancelled",
        ),
        pytest.param(
            {"trigger a": [Started((PHANTOM,))], "poll ": [SERVER_503, Reply(ABSENT, takes=2)]},
            id="phantom-without-deployment",
        ),
        pytest.param({"trigger a": [Reply(LOST_RESPONSE, takes=22)]}, id="lost-response"),
    ],
)
def test_nothing_is_triggered_after_the_timeout(script: Script) -> None:
    result = run_script(script, timeout=25, poll_interval=25)
    assert result.times("trigger a") == [0]
    assert Retriggering not in {type(event) for event in result.events}
    assert result.outcome.exit_code != 0


@pytest.mark.parametrize(
    ("script", "cancelled", "reason"),
    [
        pytest.param(
            {"poll a-1": [RUNNING]}, [CancelResult("a", A1, "cancelled")], NOT_FINISHED, id="running"
        ),
        pytest.param(
            {"poll a-1": [QUEUED]}, [CancelResult("a", A1, "cancelled")], "it was still queued", id="queued"
        ),
        pytest.param(
            {"poll a-1": [NO_CONNECTION]},
            [CancelResult("a", A1, "cancelled")],
            "its status could never be read; the last status checks failed: no connection",
            id="never-polled",
        ),
        pytest.param(
            {
                "poll a-1": [
                    Snapshot(Phase.SUCCEEDED, stable_for=math.inf, reason="its command was not seen to end")
                ]
            },
            [],
            "its command was not seen to end",
            id="post-deployment-command-running",
        ),
        pytest.param(
            {"trigger a": [Started((ADOPTED,))], "poll a-1": [RUNNING]}, [], NOT_FINISHED, id="adopted"
        ),
        pytest.param(
            {"trigger a": [Started((UNSURE,))], "poll a-1": [RUNNING]}, [], NOT_FINISHED, id="unsure-owner"
        ),
        pytest.param(
            {"trigger a": [Started((PHANTOM,))], "poll ": [NO_CONNECTION]},
            [],
            "its status could never be read; the last status checks failed: no connection",
            id="phantom",
        ),
        pytest.param(
            {
                "poll a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
                "poll a-2": [CANCELLED],
                "poll a-3": [RUNNING],
            },
            [CancelResult("a", A3, "cancelled")],
            f"{ON_BERLIN}{NOT_FINISHED}",
            id="only-unfinished-ones",
        ),
        pytest.param(
            {
                "poll a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
                "poll a-2": [RUNNING],
                "poll a-3": [RUNNING],
            },
            [CancelResult("a", A2, "cancelled"), CancelResult("a", A3, "cancelled")],
            f"{ON_PARIS}{NOT_FINISHED}",
            id="all-unfinished-ones",
        ),
        pytest.param(
            {"poll a-1": [RUNNING], "cancel a-1": [RefusedError("no right")]},
            [CancelResult("a", A1, "could not be cancelled: no right")],
            NOT_FINISHED,
            id="refused",
        ),
        pytest.param(
            {"poll a-1": [RUNNING], "cancel a-1": [NO_CONNECTION]},
            [CancelResult("a", A1, "could not be cancelled (no connection): it may still be running")],
            NOT_FINISHED,
            id="no-connection",
        ),
        pytest.param(
            {"poll a-1": [RUNNING], "cancel a-1": [LOST_RESPONSE]},
            [CancelResult("a", A1, "cancel sent, not confirmed")],
            NOT_FINISHED,
            id="lost-response",
        ),
    ],
)
def test_on_timeout_cancel_cancels_own_unfinished_deployments(
    script: Script, cancelled: list[CancelResult], reason: str
) -> None:
    result = run_script(script, timeout=25, cancel_on_timeout=True)
    assert result.events[-1 - len(cancelled) :] == [
        *cancelled,
        TargetFinished("a", Outcome.TIMED_OUT, reason),
    ]
    assert [call for call in result.calls if call[1].startswith("cancel")] == [
        (25, f"cancel {event.handle.id}") for event in cancelled
    ]


LEFT_QUEUED = "1 deployment is still queued, and nothing runs on that server"


@pytest.mark.parametrize(
    ("script", "plan", "signals", "expected", "call"),
    [
        pytest.param(
            {"poll a-1": [RUNNING]},
            {"timeout": 25, "cancel_on_timeout": True},
            (),
            [CancelResult("a", A1, "cancelled"), TargetWarning("a", LEFT_QUEUED)],
            "left waiting",
            id="on-timeout",
        ),
        pytest.param(
            {"poll a-1": [RUNNING]},
            {},
            [(3, "SIGTERM")],
            [CancelResult("a", A1, "cancelled"), TargetWarning("a", LEFT_QUEUED)],
            "left waiting within 1 s",
            id="interrupted",
        ),
        pytest.param(
            {"active a": [(replace(A1, owner=Owner.OTHERS),)], "poll a-1": [CANCELLED]},
            {"command": Command.CANCEL},
            (),
            [TargetWarning("a", LEFT_QUEUED)],
            "left waiting",
            id="command-cancel",
        ),
        pytest.param({"poll a-1": [DONE]}, {}, (), [], None, id="nothing-cancelled"),
        pytest.param(
            {"poll a-1": [RUNNING], "left waiting": [NO_CONNECTION]},
            {},
            [(3, "SIGTERM")],
            [],
            "left waiting within 1 s",
            id="request-fails",
        ),
    ],
)
def test_what_a_cancel_leaves_in_the_queue_is_reported(
    script: Script,
    plan: dict[str, Any],
    signals: list[tuple[float, str]],
    expected: list[Event],
    call: str | None,
) -> None:
    result = run_script({"left waiting": [LEFT_QUEUED], **script}, signals=signals, **plan)
    assert [event for event in result.events if event in expected] == expected
    assert (TargetWarning("a", LEFT_QUEUED) in result.events) is bool(expected)
    assert [call for call in result.sent if call.startswith("left")] == ([call] if call else [])


def test_on_timeout_cancel_applies_although_another_server_failed() -> None:
    script: Script = {
        "poll a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
        "poll a-2": [BROKEN],
        "poll a-3": [RUNNING],
    }
    result = run_script(script, timeout=25, cancel_on_timeout=True)
    assert result.events[-2:] == [
        CancelResult("a", A3, "cancelled"),
        TargetFinished("a", Outcome.FAILED, f"{ON_PARIS}failed"),
    ]


def test_after_a_revoked_token_no_further_deployment_is_cancelled() -> None:
    script: Script = {
        "poll a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
        "poll a-2": [RUNNING],
        "poll a-3": [RUNNING],
        "cancel a-2": [REVOKED],
    }
    result = run_script(script, timeout=25, cancel_on_timeout=True)
    assert [call for call in result.sent if call.startswith("cancel")] == ["cancel a-2"]
    assert result.ends() == [TargetFinished("a", Outcome.TIMED_OUT, f"{ON_PARIS}{NOT_FINISHED}")]


def test_on_timeout_leave_cancels_nothing() -> None:
    result = run_script({"poll a-1": [RUNNING]}, timeout=25)
    assert result.events == [
        *UNTIL_FOLLOWED,
        phase(Phase.RUNNING),
        TargetFinished("a", Outcome.TIMED_OUT, NOT_FINISHED),
    ]
    assert "cancel a-1" not in result.sent


@pytest.mark.parametrize(
    ("takes", "events", "cancels"),
    [
        pytest.param(
            1,
            [CancelResult("a", A1, "cancelled"), TargetFinished("a", Outcome.TIMED_OUT, NOT_FINISHED)],
            [(25, "cancel a-1")],
            id="response-within-grace",
        ),
        pytest.param(
            9,
            [
                InterruptReceived("SIGTERM"),
                CancelResult("a", A1, "cancel sent, not confirmed"),
                TargetFinished("a", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
            ],
            [(25, "cancel a-1"), (27.5, "cancel a-1 within 1 s")],
            id="lost-response",
        ),
    ],
)
def test_a_signal_during_a_cancel_on_timeout(takes: float, events: list[Event], cancels: list[Call]) -> None:
    script: Script = {"poll a-1": [RUNNING], "cancel a-1": [Reply("cancelled", takes=takes)]}
    result = run_script(script, timeout=25, cancel_on_timeout=True, signals=[(25.5, "SIGTERM")])
    assert result.events == [*UNTIL_FOLLOWED, phase(Phase.RUNNING), *events]
    assert [call for call in result.calls if call[1].startswith("cancel")] == cancels
