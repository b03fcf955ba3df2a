"""`command: cancel`."""

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
    Handle,
    InterruptReceived,
    Outcome,
    Owner,
    Phase,
    PhaseChanged,
    PollFailing,
    RefusedError,
    Stage,
    TargetFinished,
)
from deployer.run.interrupt import OUT_OF_TIME
from tests.fakes import Reply
from tests.run.scripted import (
    ABSENT,
    B1,
    BROKEN,
    CANCELLED,
    DONE,
    INTERRUPTED,
    LOST_RESPONSE,
    NO_CONNECTION,
    NOT_FINISHED,
    QUEUED,
    REVOKED,
    RUNNING,
    SIGNAL_AT_2,
    UNTIL_TRIGGER,
    Call,
    Script,
    run_script,
)

OF_WEBHOOK = Handle("a", "a-1", owner=Owner.OTHERS, started_by="a webhook started")


OF_UNKNOWN = Handle("a", "a-2", owner=Owner.OTHERS)


BOTH_CANCELLED: list[Event] = [
    CancelResult("a", OF_WEBHOOK, "cancelled (one that a webhook started)"),
    CancelResult("a", OF_UNKNOWN, "cancelled"),
]


BOTH_FOLLOWED: list[Event] = [
    Following("a", OF_WEBHOOK, stage=Stage.CANCELLATION),
    Following("a", OF_UNKNOWN, stage=Stage.CANCELLATION),
]


UNTIL_CANCEL: list[Call] = [(0, "connect"), (0, "resolve a"), (0, "active a")]


BOTH_SENT: list[Call] = [(0, "cancel a-1"), (0, "cancel a-2")]


def cancellation_phase(phase: Phase, target: str = "a") -> PhaseChanged:
    return PhaseChanged(target, phase, "", stage=Stage.CANCELLATION)


@pytest.mark.parametrize(
    ("script", "plan", "events", "calls"),
    [
        pytest.param(
            {"active a": [()]},
            {},
            [TargetFinished("a", Outcome.FINISHED, "nothing to cancel: no deployment was queued or running")],
            [],
            id="nothing-active",
        ),
        pytest.param(
            {"poll a-1": [RUNNING, CANCELLED], "poll a-2": [CANCELLED]},
            {},
            [
                *BOTH_CANCELLED,
                *BOTH_FOLLOWED,
                cancellation_phase(Phase.RUNNING),
                cancellation_phase(Phase.CANCELLED),
                cancellation_phase(Phase.CANCELLED),
                TargetFinished("a", Outcome.FINISHED, "2 cancelled"),
            ],
            [*BOTH_SENT, (0, "poll a-1"), (0, "poll a-2"), (1, "poll a-1")],
            id="all-active-ones-polled-until-final",
        ),
        pytest.param(
            {"cancel a-1": ["already over (finished)"], "poll a-1": [DONE], "poll a-2": [CANCELLED]},
            {},
            [
                CancelResult("a", OF_WEBHOOK, "already over (finished) (one that a webhook started)"),
                BOTH_CANCELLED[1],
                *BOTH_FOLLOWED,
                cancellation_phase(Phase.SUCCEEDED),
                cancellation_phase(Phase.CANCELLED),
                TargetFinished("a", Outcome.FINISHED, "1 cancelled, 1 ended by itself"),
            ],
            [*BOTH_SENT, (0, "poll a-1"), (0, "poll a-2")],
            id="one-finished-first",
        ),
        pytest.param(
            {"poll a-1": [BROKEN], "poll a-2": [ABSENT]},
            {},
            [
                *BOTH_CANCELLED,
                *BOTH_FOLLOWED,
                cancellation_phase(Phase.FAILED),
                cancellation_phase(Phase.ABSENT),
                TargetFinished("a", Outcome.FINISHED, "0 cancelled, 2 ended by itself"),
            ],
            [*BOTH_SENT, (0, "poll a-1"), (0, "poll a-2")],
            id="failed-and-absent-count-as-ended",
        ),
        pytest.param(
            {"poll a-1": [RUNNING], "poll a-2": [CANCELLED]},
            {"timeout": 50, "poll_interval": 40, "cancel_on_timeout": True},
            [
                *BOTH_CANCELLED,
                *BOTH_FOLLOWED,
                cancellation_phase(Phase.RUNNING),
                cancellation_phase(Phase.CANCELLED),
                TargetFinished("a", Outcome.TIMED_OUT, NOT_FINISHED),
            ],
            [*BOTH_SENT, (0, "poll a-1"), (0, "poll a-2"), (40, "poll a-1"), (50, "poll a-1")],
            id="one-times-out",
        ),
        pytest.param(
            {"poll a-1": [RefusedError("not yours")], "poll a-2": [CANCELLED]},
            {},
            [
                *BOTH_CANCELLED,
                *BOTH_FOLLOWED,
                cancellation_phase(Phase.CANCELLED),
                TargetFinished("a", Outcome.LOST, "not yours"),
            ],
            [*BOTH_SENT, (0, "poll a-1"), (0, "poll a-2")],
            id="one-poll-denied",
        ),
        pytest.param(
            {},
            {"wait": False},
            [*BOTH_CANCELLED, TargetFinished("a", Outcome.TRIGGERED)],
            BOTH_SENT,
            id="wait-false",
        ),
        pytest.param(
            {
                "active a": [(OF_WEBHOOK, OF_UNKNOWN), (OF_UNKNOWN,)],
                "cancel a-1": [LOST_RESPONSE],
                "cancel a-2": [NO_CONNECTION, "cancelled"],
            },
            {"wait": False},
            [
                CancelResult("a", OF_WEBHOOK, "cancel sent, not confirmed (one that a webhook started)"),
                PollFailing("a", "no connection"),
                CancelResult("a", OF_UNKNOWN, "cancelled"),
                TargetFinished("a", Outcome.TRIGGERED),
            ],
            [*BOTH_SENT, (5, "active a"), (5, "cancel a-2")],
            id="unconfirmed-and-retried",
        ),
        pytest.param(
            {
                "active a": [(OF_WEBHOOK, OF_UNKNOWN), (OF_UNKNOWN,)],
                "cancel a-2": [NO_CONNECTION, "cancelled"],
                "poll a-1": [CANCELLED],
                "poll a-2": [DONE],
            },
            {},
            [
                BOTH_CANCELLED[0],
                PollFailing("a", "no connection"),
                BOTH_CANCELLED[1],
                *BOTH_FOLLOWED,
                cancellation_phase(Phase.CANCELLED),
                cancellation_phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED, "1 cancelled, 1 ended by itself"),
            ],
            [*BOTH_SENT, (5, "active a"), (5, "cancel a-2"), (5, "poll a-1"), (5, "poll a-2")],
            id="first-result-kept-while-second-is-retried",
        ),
        pytest.param(
            {
                "active a": [(OF_WEBHOOK, OF_UNKNOWN), (OF_WEBHOOK, OF_UNKNOWN)],
                "cancel a-1": [LOST_RESPONSE],
                "cancel a-2": [NO_CONNECTION, "cancelled"],
            },
            {"wait": False},
            [
                CancelResult("a", OF_WEBHOOK, "cancel sent, not confirmed (one that a webhook started)"),
                PollFailing("a", "no connection"),
                BOTH_CANCELLED[1],
                TargetFinished("a", Outcome.TRIGGERED),
            ],
            [*BOTH_SENT, (5, "active a"), (5, "cancel a-2")],
            id="lost-response-is-not-retried",
        ),
        pytest.param(
            {"cancel a-1": [RefusedError("no right")]},
            {},
            [BOTH_CANCELLED[1], TargetFinished("a", Outcome.REFUSED, "no right")],
            BOTH_SENT,
            id="one-refused-other-cancelled",
        ),
        pytest.param(
            {"cancel a-1": [RefusedError("no right")], "cancel a-2": [NO_CONNECTION, "cancelled"]},
            {},
            [
                PollFailing("a", "no connection"),
                BOTH_CANCELLED[1],
                TargetFinished("a", Outcome.REFUSED, "no right"),
            ],
            [*BOTH_SENT, (5, "active a"), (5, "cancel a-2")],
            id="refusal-kept-while-other-is-retried",
        ),
        pytest.param(
            {"cancel a-1": [REVOKED]},
            {},
            [TargetFinished("a", Outcome.REFUSED, "the token is revoked")],
            BOTH_SENT[:1],
            id="revoked-token-stops-the-rest",
        ),
        pytest.param(
            {"active a": [RefusedError("a service has no deployments")]},
            {},
            [TargetFinished("a", Outcome.REFUSED, "a service has no deployments")],
            [],
            id="refused",
        ),
        pytest.param(
            {"active a": [NO_CONNECTION, ()]},
            {},
            [
                PollFailing("a", "no connection"),
                TargetFinished(
                    "a", Outcome.FINISHED, "nothing to cancel: no deployment was queued or running"
                ),
            ],
            [(5, "active a")],
            id="list-is-retried",
        ),
        pytest.param(
            {"active a": [NO_CONNECTION]},
            {"timeout": 7},
            [PollFailing("a", "no connection"), TargetFinished("a", Outcome.TIMED_OUT, "no connection")],
            [(5, "active a"), (7, "active a")],
            id="list-times-out",
        ),
    ],
)
def test_active_deployments_are_cancelled_whoever_started_them(
    script: Script, plan: dict[str, Any], events: list[Event], calls: list[Call]
) -> None:
    result = run_script({"active a": [(OF_WEBHOOK, OF_UNKNOWN)], **script}, command=Command.CANCEL, **plan)
    assert (result.events, result.calls) == ([*UNTIL_TRIGGER, *events], [*UNTIL_CANCEL, *calls])


def test_deployments_of_all_targets_are_cancelled_and_the_worst_outcome_counts() -> None:
    script: Script = {
        "active a": [(OF_WEBHOOK,)],
        "poll a-1": [CANCELLED],
        "active b": [(replace(B1, owner=Owner.OTHERS),)],
        "cancel b-1": [REVOKED],
    }
    result = run_script(script, targets=("a", "b", "c"), command=Command.CANCEL)
    assert result.sent == [
        "connect",
        "resolve a",
        "active a",
        "cancel a-1",
        "resolve b",
        "active b",
        "cancel b-1",
    ]
    assert {event.target: event.outcome for event in result.ends()} == {
        "a": Outcome.LOST,
        "b": Outcome.REFUSED,
        "c": Outcome.REFUSED,
    }


def test_cancel_triggers_nothing() -> None:
    result = run_script(
        {"active a": [(OF_WEBHOOK,)], "poll a-1": [ABSENT, CANCELLED]}, command=Command.CANCEL
    )
    assert not [call for call in result.sent if call.startswith(("trigger", "find"))]


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"active a": [Reply((OF_WEBHOOK, OF_UNKNOWN), takes=9)]},
            [InterruptReceived("SIGTERM")],
            [],
            id="during-the-list-request",
        ),
        pytest.param(
            {"active a": [NO_CONNECTION]},
            [PollFailing("a", "no connection"), InterruptReceived("SIGTERM")],
            [],
            id="before-the-list-is-retried",
        ),
        pytest.param(
            {"cancel a-1": [Reply("cancelled", takes=3)]},
            [*BOTH_CANCELLED[:1], InterruptReceived("SIGTERM"), CancelResult("a", OF_UNKNOWN, OUT_OF_TIME)],
            BOTH_SENT[:1],
            id="cancel-response-within-grace",
        ),
        pytest.param(
            {"cancel a-1": [Reply("cancelled", takes=math.inf)]},
            [
                InterruptReceived("SIGTERM"),
                CancelResult("a", OF_WEBHOOK, "cancel sent, not confirmed"),
                CancelResult("a", OF_UNKNOWN, OUT_OF_TIME),
            ],
            BOTH_SENT[:1],
            id="cancel-request-hangs",
        ),
        pytest.param(
            {"cancel a-2": [NO_CONNECTION]},
            [
                *BOTH_CANCELLED[:1],
                PollFailing("a", "no connection"),
                InterruptReceived("SIGTERM"),
                CancelResult("a", OF_UNKNOWN, OUT_OF_TIME),
            ],
            BOTH_SENT,
            id="before-the-cancel-is-retried",
        ),
        pytest.param(
            {"poll a-1": [RUNNING], "poll a-2": [QUEUED]},
            [
                *BOTH_CANCELLED,
                *BOTH_FOLLOWED,
                cancellation_phase(Phase.RUNNING),
                cancellation_phase(Phase.QUEUED),
                InterruptReceived("SIGTERM"),
            ],
            [*BOTH_SENT, (0, "poll a-1"), (0, "poll a-2")],
            id="while-polling",
        ),
    ],
)
def test_after_a_signal_no_further_deployment_of_others_is_cancelled(
    script: Script, events: list[Event], calls: list[Call]
) -> None:
    """Those that were not sent a cancel yet are named; an interrupt only cancels what this run started."""
    result = run_script(
        {"active a": [(OF_WEBHOOK, OF_UNKNOWN)], **script},
        command=Command.CANCEL,
        signals=SIGNAL_AT_2,
        poll_interval=5,
    )
    assert (result.events, result.calls) == (
        [*UNTIL_TRIGGER, *events, INTERRUPTED[-1]],
        [*UNTIL_CANCEL, *calls],
    )
