"""What happens when `timeout` is over."""

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
from tests.fakes import TICK, Act
from tests.run.scripted import (
    A1,
    A2,
    A3,
    ADOPTED,
    BERLIN,
    BROKEN,
    CANCELLED,
    DONE,
    FOLLOWED,
    GONE,
    IN_BERLIN,
    IN_DOUBT,
    IN_PARIS,
    LATE,
    LOST_ANSWER,
    NO_LINE,
    NOTHING,
    OPENING,
    PARIS,
    PHANTOM,
    QUEUED,
    REACHED,
    REVOKED,
    RUNNING,
    SPOKEN,
    STOPPED_BY,
    UNSURE,
    Call,
    Script,
    begun,
    phase,
    tell,
)


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
                *[Retriggering("a", NOTHING), TriggerUncertain("a", "the response timed out")] * 2,
                TargetFinished("a", Outcome.TIMED_OUT, "the response timed out"),
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
