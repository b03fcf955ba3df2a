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
from tests.fakes import Act
from tests.run.scripted import (
    B1,
    BROKEN,
    CANCELLED,
    DONE,
    FAREWELL,
    GONE,
    LATE,
    LOST_ANSWER,
    NO_LINE,
    OPENING,
    QUEUED,
    REVOKED,
    RUNNING,
    SIGNAL_AT_2,
    Call,
    Script,
    tell,
)

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
