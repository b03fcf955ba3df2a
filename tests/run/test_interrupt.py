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
from tests.fakes import Reply
from tests.run.scripted import (
    A1,
    A2,
    A3,
    ABSENT,
    ADOPTED,
    B1,
    BERLIN,
    BOTH_MEMBERS,
    C1,
    CANCELLED,
    CANCELLED_BY_SIGTERM,
    CONNECTED,
    DONE,
    GROUP_CALLS,
    INTERRUPTED,
    LOST_RESPONSE,
    MAYBE_PHANTOM,
    NO_CONNECTION,
    NOTHING_FOUND,
    ONE_UNNAMED,
    PARIS,
    PHANTOM,
    QUEUED,
    REVOKED,
    RUNNING,
    SERVER_ERROR,
    SIGNAL_AT_2,
    TRIGGER_CALLS,
    TRIGGER_LOST,
    UNSURE,
    UNTIL_FOLLOWED,
    UNTIL_GROUP_TRIGGER,
    UNTIL_TRIGGER,
    Call,
    Script,
    expanded,
    followed,
    phase,
    run_script,
)

# --- Architecture, rule 8


LAST_SEARCH = (4, "find a within 1 s")


INTERRUPTED_NOT_FOUND: list[Event] = [
    InterruptReceived("SIGTERM"),
    TargetWarning("a", TRIGGER_IN_FLIGHT),
    TargetFinished("a", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
]


INTERRUPTED_CANCELLED: list[Event] = [
    InterruptReceived("SIGTERM"),
    CancelResult("a", A1, "cancelled"),
    TargetFinished("a", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
]


INTERRUPTED_FOUND: list[Event] = [
    InterruptReceived("SIGTERM"),
    Following("a", A1, "found"),
    CancelResult("a", A1, "cancelled"),
    TargetFinished("a", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
]


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"connect": [Reply("Fake 1", takes=9)]}, INTERRUPTED, [(0, "connect")], id="during-connect"
        ),
        pytest.param(
            {"connect": [NO_CONNECTION]},
            [PollFailing("", "no connection"), *INTERRUPTED],
            [(0, "connect")],
            id="before-connect-is-retried",
        ),
        pytest.param(
            {"resolve a": [Reply(Target("a"), takes=9)]},
            [CONNECTED, *INTERRUPTED],
            [(0, "connect"), (0, "resolve a")],
            id="during-resolve",
        ),
        pytest.param(
            {"resolve a": [NO_CONNECTION]},
            [CONNECTED, PollFailing("a", "no connection"), *INTERRUPTED],
            [(0, "connect"), (0, "resolve a")],
            id="before-resolve-is-retried",
        ),
        pytest.param(
            {"trigger a": [RetryLater(9, "full")]},
            [*UNTIL_TRIGGER, TriggerDelayed("a", 9, "full"), *INTERRUPTED],
            TRIGGER_CALLS,
            id="before-a-delayed-trigger",
        ),
        pytest.param(
            {"trigger a": [NO_CONNECTION]},
            [*UNTIL_TRIGGER, PollFailing("a", "no connection"), *INTERRUPTED],
            TRIGGER_CALLS,
            id="before-the-trigger-is-retried",
        ),
        pytest.param(
            {"poll a-1": [replace(RUNNING, log=(Entry(1, "one"),))]},
            [
                *UNTIL_FOLLOWED,
                phase(Phase.RUNNING),
                LogLines("a", (Entry(1, "one"),)),
                *INTERRUPTED_CANCELLED,
            ],
            [*TRIGGER_CALLS, (0, "poll a-1"), (1, "poll a-1"), (2, "cancel a-1 within 1 s")],
            id="between-two-polls",
        ),
        pytest.param(
            {"poll a-1": [Reply(DONE, takes=9)]},
            [*UNTIL_FOLLOWED, *INTERRUPTED_CANCELLED],
            [*TRIGGER_CALLS, (0, "poll a-1"), (2, "cancel a-1 within 1 s")],
            id="during-a-poll",
        ),
        pytest.param(
            {"poll a-1": [Reply(RUNNING, takes=math.inf)]},
            [*UNTIL_FOLLOWED, *INTERRUPTED_CANCELLED],
            [*TRIGGER_CALLS, (0, "poll a-1"), (2, "cancel a-1 within 1 s")],
            id="during-a-poll-that-hangs",
        ),
        pytest.param(
            {"trigger a": [Reply(Started((A1,)), takes=3.9)]},
            [*UNTIL_FOLLOWED, *INTERRUPTED_CANCELLED],
            [*TRIGGER_CALLS, (3.9, "cancel a-1 within 1 s")],
            id="trigger-response-within-grace",
        ),
        pytest.param(
            {"trigger a": [Reply(Started((A1,)), takes=4.1)], "find a": [Started((A1,), "found")]},
            [*UNTIL_TRIGGER, *INTERRUPTED_FOUND],
            [*TRIGGER_CALLS, LAST_SEARCH, (4, "cancel a-1 within 1 s")],
            id="no-trigger-response-within-grace",
        ),
        pytest.param(
            {"trigger a": [Reply(Started((A1,)), takes=math.inf)]},
            [*UNTIL_TRIGGER, *INTERRUPTED_NOT_FOUND],
            [*TRIGGER_CALLS, LAST_SEARCH],
            id="trigger-hangs-and-nothing-is-found",
        ),
        pytest.param(
            {"trigger a": [Reply(None, takes=9)], "find a": [Started((ADOPTED,), "of several")]},
            [
                *UNTIL_TRIGGER,
                InterruptReceived("SIGTERM"),
                Following("a", ADOPTED, "of several"),
                INTERRUPTED[-1],
            ],
            [*TRIGGER_CALLS, LAST_SEARCH],
            id="one-of-several-found-is-not-cancelled",
        ),
        pytest.param(
            {
                "trigger a": [Reply(None, takes=9)],
                "find a": [AccessDenied("no permission to list deployments")],
            },
            [*UNTIL_TRIGGER, *INTERRUPTED_NOT_FOUND],
            [*TRIGGER_CALLS, LAST_SEARCH],
            id="search-denied",
        ),
        pytest.param(
            {"trigger a": [Reply(None, takes=9)], "find a": [NO_CONNECTION]},
            [*UNTIL_TRIGGER, *INTERRUPTED_NOT_FOUND],
            [*TRIGGER_CALLS, LAST_SEARCH],
            id="search-fails",
        ),
        pytest.param(
            {"trigger a": [Reply(None, takes=9)], "find a": [RefusedError("no right")]},
            [*UNTIL_TRIGGER, *INTERRUPTED_NOT_FOUND],
            [*TRIGGER_CALLS, LAST_SEARCH],
            id="search-refused",
        ),
        pytest.param(
            {"trigger a": [Reply(None, takes=9)], "find a": [Reply(None, takes=math.inf)]},
            [*UNTIL_TRIGGER, *INTERRUPTED_NOT_FOUND],
            [*TRIGGER_CALLS, LAST_SEARCH],
            id="search-hangs",
        ),
        pytest.param(
            {"trigger a": [Reply(LOST_RESPONSE, takes=3)], "find a": [Started((A1,), "found")]},
            [*TRIGGER_LOST, *INTERRUPTED_FOUND],
            [*TRIGGER_CALLS, (3, "find a within 1 s"), (3, "cancel a-1 within 1 s")],
            id="trigger-response-lost",
        ),
        pytest.param(
            {"trigger a": [Reply(NO_CONNECTION, takes=3)]},
            [*UNTIL_TRIGGER, PollFailing("a", "no connection"), *INTERRUPTED],
            TRIGGER_CALLS,
            id="trigger-never-arrived",
        ),
        pytest.param(
            {"trigger a": [Reply(RetryLater(9, "full"), takes=3)]},
            [*UNTIL_TRIGGER, TriggerDelayed("a", 9, "full"), *INTERRUPTED],
            TRIGGER_CALLS,
            id="trigger-delayed",
        ),
        pytest.param(
            {"trigger a": [Reply(Rejected("full"), takes=3)]},
            [*UNTIL_TRIGGER, TargetFinished("a", Outcome.REFUSED, "full")],
            TRIGGER_CALLS,
            id="trigger-refused",
        ),
        pytest.param(
            {"trigger a": [LOST_RESPONSE], "find a": [Reply(None, takes=9), Started((A1,), "found")]},
            [*TRIGGER_LOST, *INTERRUPTED_FOUND],
            [*TRIGGER_CALLS, (0, "find a"), (2, "find a within 1 s"), (2, "cancel a-1 within 1 s")],
            id="during-a-search",
        ),
        pytest.param(
            {"trigger a": [LOST_RESPONSE], "find a": [None, Started((A1,), "found")]},
            [*TRIGGER_LOST, *INTERRUPTED_FOUND],
            [*TRIGGER_CALLS, (0, "find a"), (2, "find a within 1 s"), (2, "cancel a-1 within 1 s")],
            id="between-two-searches",
        ),
        pytest.param(
            {"trigger a": [Started((ADOPTED,))], "poll a-1": [RUNNING]},
            [*UNTIL_TRIGGER, Following("a", ADOPTED), phase(Phase.RUNNING), *INTERRUPTED],
            [*TRIGGER_CALLS, (0, "poll a-1"), (1, "poll a-1")],
            id="adopted-is-not-cancelled",
        ),
        pytest.param(
            {"trigger a": [Started((UNSURE,))], "poll a-1": [RUNNING]},
            [*UNTIL_TRIGGER, Following("a", UNSURE), phase(Phase.RUNNING), *INTERRUPTED],
            [*TRIGGER_CALLS, (0, "poll a-1"), (1, "poll a-1")],
            id="unsure-owner-is-not-cancelled",
        ),
        pytest.param(
            {"trigger a": [Started((PHANTOM,))], "poll ": [Reply(ABSENT, takes=9)]},
            [*UNTIL_TRIGGER, Following("a", PHANTOM), *INTERRUPTED],
            [*TRIGGER_CALLS, (0, "poll ")],
            id="phantom-is-not-cancelled",
        ),
        pytest.param(
            {
                "trigger a": [Started((replace(A1, certainty=Certainty.UNCONFIRMED),))],
                "poll a-1": [Reply(DONE, takes=9)],
            },
            [
                *UNTIL_TRIGGER,
                Following("a", replace(A1, certainty=Certainty.UNCONFIRMED)),
                InterruptReceived("SIGTERM"),
                CancelResult("a", replace(A1, certainty=Certainty.UNCONFIRMED), "cancelled"),
                INTERRUPTED[-1],
            ],
            [*TRIGGER_CALLS, (0, "poll a-1"), (2, "cancel a-1 within 1 s")],
            id="unconfirmed-is-cancelled",
        ),
        pytest.param(
            {
                "poll a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
                "poll a-2": [DONE],
                "poll a-3": [RUNNING],
            },
            [
                *UNTIL_FOLLOWED,
                phase(Phase.SUCCEEDED),
                Following("a", A2, stage=Stage.ADDITIONAL_SERVERS),
                Following("a", A3, stage=Stage.ADDITIONAL_SERVERS),
                phase(Phase.SUCCEEDED, stage=Stage.ADDITIONAL_SERVERS),
                phase(Phase.RUNNING, stage=Stage.ADDITIONAL_SERVERS),
                InterruptReceived("SIGTERM"),
                CancelResult("a", A3, "cancelled"),
                INTERRUPTED[-1],
            ],
            [
                *TRIGGER_CALLS,
                *[(0, f"poll a-{number}") for number in (1, 2, 3)],
                (1, "poll a-3"),
                (2, "cancel a-3 within 1 s"),
            ],
            id="only-unfinished-ones-are-cancelled",
        ),
    ],
)
def test_a_signal_cancels_what_this_run_started(
    script: Script, events: list[Event], calls: list[Call]
) -> None:
    result = run_script(script, signals=SIGNAL_AT_2)
    assert (result.events, result.calls) == (events, calls)


@pytest.mark.parametrize(
    ("signal_at", "nth", "script", "calls"),
    [
        pytest.param(CONNECTED, 1, {}, [(0, "connect")], id="connected"),
        pytest.param(TargetResolved(Target("a")), 1, {}, TRIGGER_CALLS[:2], id="resolved"),
        pytest.param(Triggering("a"), 1, {}, TRIGGER_CALLS[:2], id="before-the-trigger"),
        pytest.param(
            Following("a", A1), 1, {}, [*TRIGGER_CALLS, (0, "cancel a-1 within 1 s")], id="following"
        ),
        pytest.param(
            phase(Phase.RUNNING),
            1,
            {},
            [*TRIGGER_CALLS, (0, "poll a-1"), (0, "cancel a-1 within 1 s")],
            id="first-phase",
        ),
        pytest.param(
            TriggerUncertain("a", "the response timed out"),
            1,
            {"trigger a": [LOST_RESPONSE]},
            [*TRIGGER_CALLS, (0, "find a within 1 s")],
            id="uncertain",
        ),
        pytest.param(
            Retriggering("a", NOTHING_FOUND),
            1,
            {"trigger a": [LOST_RESPONSE]},
            [*TRIGGER_CALLS, (0, "find a"), (5, "find a")],
            id="before-the-retrigger",
        ),
        pytest.param(
            TargetResolved(Target("a")),
            2,
            {"trigger a": [Started((ADOPTED,))], "poll a-1": [CANCELLED], "find a": [Started((A2,))]},
            [*TRIGGER_CALLS, (0, "poll a-1"), (0, "resolve a")],
            id="before-the-retrigger-after-an-adopted-one",
        ),
    ],
)
def test_a_signal_during_a_report_takes_effect_after_it(
    signal_at: Event, nth: int, script: Script, calls: list[Call]
) -> None:
    result = run_script({"poll a-1": [RUNNING], **script}, signal_at=signal_at, nth=nth)
    assert (result.outcome, result.calls) == (Outcome.INTERRUPTED, calls)
    assert [type(event) for event in result.events].count(InterruptReceived) == 1


def test_a_signal_during_the_last_report_changes_nothing() -> None:
    assert run_script(signal_at=TargetFinished("a", Outcome.FINISHED)).outcome is Outcome.FINISHED


@pytest.mark.parametrize("leave", [False, True], ids=["cancel", "leave"])
def test_a_condition_is_not_cancelled_and_reported_as_left_running(leave: bool) -> None:
    """No request cancels the start of a service, whatever `on_interrupt` is."""
    service = Handle("a", "", condition="running")
    result = run_script(
        {"trigger a": [Started((service,))], "poll a:running": [RUNNING]},
        signals=SIGNAL_AT_2,
        poll_interval=5,
        cancel_on_interrupt=not leave,
    )
    left_running = CancelResult("a", service, "left running: it can't be cancelled")
    assert result.events[-3:] == [InterruptReceived("SIGTERM"), left_running, INTERRUPTED[-1]]
    assert not [call for call in result.sent if call.startswith("cancel")]


def test_running_deployments_are_cancelled_first_and_finished_ones_stay() -> None:
    script: Script = {"poll a-1": [QUEUED], "poll b-1": [RUNNING], "poll d-1": [RUNNING]}
    result = run_script(script, targets=("a", "b", "c", "d", "e"), signals=[(3, "SIGINT")])
    reason = "the job was cancelled (SIGINT)"
    assert result.events[-9:] == [
        phase(Phase.SUCCEEDED, "e"),
        TargetFinished("e", Outcome.FINISHED),
        InterruptReceived("SIGINT"),
        CancelResult("b", B1, "cancelled"),
        CancelResult("d", Handle("d", "d-1"), "cancelled"),
        CancelResult("a", A1, "cancelled"),
        *(TargetFinished(target, Outcome.INTERRUPTED, reason) for target in "abd"),
    ]
    assert result.calls[-3:] == [(3, f"cancel {target}-1 within 1 s") for target in "bda"]
    assert result.outcome is Outcome.INTERRUPTED


def test_on_interrupt_leave_cancels_nothing_and_reports_what_keeps_running() -> None:
    script: Script = {
        "poll a-1": [RUNNING],
        "trigger b": [Reply(None, takes=9)],
        "find b": [Started((B1,), "found")],
    }
    result = run_script(script, targets=("a", "b"), signals=SIGNAL_AT_2, cancel_on_interrupt=False)
    left_running = "left running (`on_interrupt: leave`)"
    assert result.events[-6:] == [
        InterruptReceived("SIGTERM"),
        CancelResult("a", A1, left_running),
        Following("b", B1, "found"),
        CancelResult("b", B1, left_running),
        *(TargetFinished(target, Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM) for target in "ab"),
    ]
    assert result.sent[-1] == "find b within 1 s"


@pytest.mark.parametrize(
    ("reply", "cancel_result"),
    [
        pytest.param("already over (finished)", "already over (finished)", id="response"),
        pytest.param(Reply("cancelled", takes=0.9), "cancelled", id="response-within-a-second"),
        pytest.param(
            Reply("cancelled", takes=1.1), "cancel sent, not confirmed", id="no-response-within-a-second"
        ),
        pytest.param(LOST_RESPONSE, "cancel sent, not confirmed", id="lost-response"),
        pytest.param(SERVER_ERROR, "cancel sent, not confirmed", id="server-error"),
        pytest.param(
            NO_CONNECTION,
            "could not be cancelled (no connection): it may still be running",
            id="no-connection",
        ),
        pytest.param(RefusedError("no right"), "could not be cancelled: no right", id="refused"),
        pytest.param(Reply("cancelled", takes=math.inf), "cancel sent, not confirmed", id="hangs"),
    ],
)
def test_the_result_of_the_cancel_is_reported(reply: Any, cancel_result: str) -> None:
    result = run_script({"poll a-1": [RUNNING], "cancel a-1": [reply]}, signals=SIGNAL_AT_2)
    assert result.events == [
        *UNTIL_FOLLOWED,
        phase(Phase.RUNNING),
        InterruptReceived("SIGTERM"),
        CancelResult("a", A1, cancel_result),
        INTERRUPTED[-1],
    ]
    assert result.sent.count("cancel a-1 within 1 s") == 1


def test_a_failed_cancel_does_not_prevent_the_others() -> None:
    refused = RefusedError("no right")
    script: Script = {
        "poll a-1": [RUNNING],
        "cancel a-1": [refused],
        "poll b-1": [RUNNING],
        "poll c-1": [RUNNING],
        "cancel b-1": [NO_CONNECTION],
    }
    result = run_script(script, targets=("a", "b", "c"), signals=SIGNAL_AT_2)
    assert result.sent[-3:] == [f"cancel {target}-1 within 1 s" for target in "abc"]
    assert result.events[-4] == CancelResult("c", C1, "cancelled")


def test_after_a_revoked_token_nothing_else_is_cancelled() -> None:
    script: Script = {"poll a-1": [RUNNING], "cancel a-1": [REVOKED], "poll b-1": [RUNNING]}
    result = run_script(script, targets=("a", "b"), signals=SIGNAL_AT_2)
    assert [call for call in result.sent if call.startswith("cancel")] == ["cancel a-1 within 1 s"]
    cancel_results = [event.result for event in result.events if isinstance(event, CancelResult)]
    assert cancel_results == [f"could not be cancelled: {REVOKED}"] * 2


def test_nothing_is_sent_five_seconds_after_the_signal_and_the_rest_is_reported() -> None:
    targets = tuple("abcdefg")
    script: Script = {
        f"{call} {target}-1": replies for target in targets for call, replies in SLOW_CANCEL.items()
    }
    result = run_script(script, targets=targets, signals=[(9.5, "SIGTERM")])
    cancel_results = ["cancel sent, not confirmed"] * 5 + [
        "no time was left to cancel it: it may still be running"
    ] * 2
    assert [event for event in result.events if isinstance(event, CancelResult)] == [
        CancelResult(target, Handle(target, f"{target}-1"), cancel_result)
        for target, cancel_result in zip(targets, cancel_results, strict=True)
    ]
    assert [call for call in result.calls if call[0] >= 9.5] == [
        (9.5 + nth, f"cancel {targets[nth]}-1 within 1 s") for nth in range(5)
    ]
    assert [event.target for event in result.ends()] == list(targets)


SLOW_CANCEL: Script = {"poll": [RUNNING], "cancel": [Reply("cancelled", takes=8)]}


def test_the_grace_of_a_trigger_counts_towards_the_five_seconds() -> None:
    script: Script = {
        "poll a-1": [RUNNING],
        "trigger b": [Reply(None, takes=9)],
        "cancel a-1": [Reply("cancelled", takes=math.inf)],
    }
    result = run_script(
        {**script, "find b": [Started((B1,), "found")]}, targets=("a", "b"), signals=SIGNAL_AT_2
    )
    assert result.calls[-1:] == [(4, "cancel a-1 within 1 s")]
    assert result.events[-4:-2] == [
        CancelResult("a", A1, "cancel sent, not confirmed"),
        TargetWarning("b", TRIGGER_IN_FLIGHT),
    ]


def test_known_deployments_are_cancelled_before_searching_for_others() -> None:
    slow_searches: Script = {f"find {target}": [None, Reply(None, takes=0.9)] for target in "bcdefg"}
    lost_triggers: Script = {f"trigger {target}": [LOST_RESPONSE] for target in "bcdefg"}
    result = run_script(
        {"poll a-1": [RUNNING], **slow_searches, **lost_triggers},
        targets=tuple("bcdefga"),
        signals=SIGNAL_AT_2,
    )
    assert next(call for _, call in result.calls if "within" in call) == "cancel a-1 within 1 s"
    assert CancelResult("a", A1, "cancelled") in result.events


def test_after_a_revoked_token_nothing_else_is_searched_or_cancelled() -> None:
    script: Script = {
        "trigger a": [LOST_RESPONSE],
        "trigger b": [LOST_RESPONSE],
        "find a": [None, REVOKED],
        "find b": [None],
    }
    result = run_script(script, targets=("a", "b"), signals=SIGNAL_AT_2)
    assert [call for _, call in result.calls if "within" in call] == ["find a within 1 s"]


@pytest.mark.parametrize(
    ("second_reply", "calls"),
    [
        pytest.param(NO_CONNECTION, ["find a"], id="no-connection"),
        pytest.param(
            RetryLater(9, "rate limited"), ["resolve a", "trigger a"], id="response-ends-the-search"
        ),
    ],
)
def test_an_uncertain_trigger_is_searched_until_a_later_one_gets_a_response(
    second_reply: Any, calls: list[str]
) -> None:
    """The first deployment may be listed late.

    If the newest one were read again, the first would seem to be someone else's.
    """
    result = run_script(
        {
            "trigger a": [LOST_RESPONSE, second_reply, Started((A2,))],
            "find a": [None, None, Started((A1,), "found")],
        }
    )
    sent = [call for _, call in result.calls if call in {"resolve a", "trigger a", "find a"}]
    assert sent == ["resolve a", "trigger a", "find a", "find a", "trigger a", *calls]
    assert result.ends() == [TargetFinished("a", Outcome.FINISHED)]


def test_an_adopted_deployment_cancelled_at_the_deadline_is_cancelled() -> None:
    result = run_script(
        {"trigger a": [Started((ADOPTED,))], "poll a-1": [RUNNING, Reply(CANCELLED, takes=2)]},
        timeout=25,
        poll_interval=25,
    )
    assert result.ends() == [TargetFinished("a", Outcome.CANCELLED)]


def test_no_search_starts_after_the_five_seconds() -> None:
    script: Script = {
        f"{call} {target}": replies for target in "ab" for call, replies in HANGING_SEARCH.items()
    }
    result = run_script(script, targets=("a", "b"), signals=SIGNAL_AT_2)
    assert result.calls[-3:] == [(0, "find a"), (0, "find b"), (2, "find a within 1 s")]
    assert result.events[-4:] == [
        *(TargetWarning(target, TRIGGER_IN_FLIGHT) for target in "ab"),
        *(TargetFinished(target, Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM) for target in "ab"),
    ]


HANGING_SEARCH: Script = {"trigger": [LOST_RESPONSE], "find": [None, Reply(None, takes=math.inf)]}


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            {"poll a-1": [RUNNING], "cancel a-1": [Reply("cancelled", takes=0.5)]}, id="during-a-cancel"
        ),
        pytest.param({"trigger a": [Reply(Started((A1,)), takes=3)]}, id="during-the-grace-period"),
        pytest.param(
            {"trigger a": [Reply(None, takes=9)], "find a": [Reply(Started((A1,)), takes=0.9)]},
            id="during-a-search",
        ),
    ],
)
@pytest.mark.parametrize("second", [2.1, 2.3, 2.9, 4.2])
def test_a_second_signal_changes_nothing(script: Script, second: float) -> None:
    assert run_script(script, signals=[*SIGNAL_AT_2, (second, "SIGINT")]) == run_script(
        script, signals=SIGNAL_AT_2
    )


def test_without_wait_a_signal_prevents_further_triggers() -> None:
    result = run_script(
        {"trigger a": [Reply(Started((A1,)), takes=3)]}, targets=("a", "b"), signals=SIGNAL_AT_2, wait=False
    )
    assert result.ends() == [
        TargetFinished("a", Outcome.TRIGGERED),
        TargetFinished("b", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
    ]
    assert result.sent == ["connect", "resolve a", "trigger a"]


# --- A group


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"trigger t": [GroupStarted(BOTH_MEMBERS)], "poll a-1": [QUEUED], "poll b-1": [RUNNING]},
            [
                *UNTIL_GROUP_TRIGGER,
                expanded("a", "b"),
                *followed("a"),
                *followed("b"),
                phase(Phase.QUEUED),
                phase(Phase.RUNNING, "b"),
                InterruptReceived("SIGTERM"),
                CancelResult("b", B1, "cancelled"),
                CancelResult("a", A1, "cancelled"),
                *(TargetFinished(target, Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM) for target in "ab"),
            ],
            [
                *[(second, f"poll {name}-1") for second in (0, 1) for name in "ab"],
                (2, "cancel b-1 within 1 s"),
                (2, "cancel a-1 within 1 s"),
            ],
            id="members-running",
        ),
        pytest.param(
            {"trigger t": [Reply(GroupStarted(ONE_UNNAMED), takes=3.9)], "find b": [Started((B1,), "found")]},
            [
                *UNTIL_GROUP_TRIGGER,
                expanded("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                InterruptReceived("SIGTERM"),
                CancelResult("a", A1, "cancelled"),
                Following("b", B1, "found"),
                CancelResult("b", B1, "cancelled"),
                *(TargetFinished(target, Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM) for target in "ab"),
            ],
            [(3.9, "cancel a-1 within 1 s"), (3.9, "find b within 1 s"), (3.9, "cancel b-1 within 1 s")],
            id="trigger-response-within-grace",
        ),
        pytest.param(
            {
                "trigger t": [Reply(GroupStarted(BOTH_MEMBERS), takes=9)],
                "find t": [GroupStarted(ONE_UNNAMED)],
            },
            [
                *UNTIL_GROUP_TRIGGER,
                InterruptReceived("SIGTERM"),
                Following("t", A1),
                CancelResult("t", A1, "cancelled"),
                TargetFinished("t", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
            ],
            [(4, "find t within 1 s"), (4, "cancel a-1 within 1 s")],
            id="no-trigger-response-within-grace",
        ),
        pytest.param(
            {
                "trigger t": [Reply(GroupStarted(BOTH_MEMBERS), takes=9)],
                "find t": [
                    GroupStarted((GroupMember(Target("a"), replace(A1, owner=Owner.OTHERS)), BOTH_MEMBERS[1]))
                ],
            },
            [
                *UNTIL_GROUP_TRIGGER,
                InterruptReceived("SIGTERM"),
                Following("t", replace(A1, owner=Owner.OTHERS)),
                Following("t", B1),
                CancelResult("t", B1, "cancelled"),
                TargetFinished("t", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
            ],
            [(4, "find t within 1 s"), (4, "cancel b-1 within 1 s")],
            id="one-found-is-owned-by-others",
        ),
        pytest.param(
            {
                "trigger t": [Reply(GroupStarted(BOTH_MEMBERS), takes=9)],
                "find t": [GroupStarted(ONE_UNNAMED[1:])],
            },
            [
                *UNTIL_GROUP_TRIGGER,
                InterruptReceived("SIGTERM"),
                TargetWarning("t", TRIGGER_IN_FLIGHT),
                TargetFinished("t", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
            ],
            [(4, "find t within 1 s")],
            id="nothing-found",
        ),
        pytest.param(
            {"trigger t": [LOST_RESPONSE], "find t": [NO_CONNECTION, GroupStarted(BOTH_MEMBERS)]},
            [
                *UNTIL_GROUP_TRIGGER,
                TriggerUncertain("t", "the response timed out"),
                PollFailing("t", "no connection"),
                InterruptReceived("SIGTERM"),
                Following("t", A1),
                Following("t", B1),
                CancelResult("t", A1, "cancelled"),
                CancelResult("t", B1, "cancelled"),
                TargetFinished("t", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
            ],
            [
                (0, "find t"),
                (2, "find t within 1 s"),
                (2, "cancel a-1 within 1 s"),
                (2, "cancel b-1 within 1 s"),
            ],
            id="during-the-search-for-the-group",
        ),
        pytest.param(
            {"trigger t": [GroupStarted(ONE_UNNAMED[1:])], "find b": [None, Started((B1,), "found")]},
            [
                *UNTIL_GROUP_TRIGGER,
                expanded("b"),
                TargetResolved(Target("b")),
                InterruptReceived("SIGTERM"),
                Following("b", B1, "found"),
                CancelResult("b", B1, "cancelled"),
                TargetFinished("b", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
            ],
            [(0, "find b"), (2, "find b within 1 s"), (2, "cancel b-1 within 1 s")],
            id="during-the-search-for-a-member",
        ),
        pytest.param(
            {"trigger t": [GroupStarted(ONE_UNNAMED[1:], "service x: not followed")], "find b": [None]},
            [
                *UNTIL_GROUP_TRIGGER,
                expanded("b", gone=False),
                TargetResolved(Target("b")),
                TargetFinished("t", Outcome.TRIGGERED, "service x: not followed"),
                InterruptReceived("SIGTERM"),
                TargetWarning("b", TRIGGER_IN_FLIGHT),
                TargetFinished("b", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
            ],
            [(0, "find b"), (2, "find b within 1 s")],
            id="group-itself-finished",
        ),
        pytest.param(
            {
                "trigger t": [GroupStarted((GroupMember(Target("a"), MAYBE_PHANTOM),))],
                "poll a-1": [replace(ABSENT, follow_ups=(replace(A2, owner=Owner.OTHERS),))],
                "poll a-2": [RUNNING],
            },
            [
                *UNTIL_GROUP_TRIGGER,
                expanded("a"),
                TargetResolved(Target("a")),
                Following("a", MAYBE_PHANTOM),
                phase(Phase.ABSENT),
                Following("a", replace(A2, owner=Owner.OTHERS)),
                phase(Phase.RUNNING),
                *INTERRUPTED,
            ],
            [(0, "poll a-1"), (0, "poll a-2"), (1, "poll a-2")],
            id="real-deployment-behind-a-phantom-is-not-cancelled",
        ),
        pytest.param(
            {"trigger t": [GroupStarted((GroupMember(Target("a"), MAYBE_PHANTOM),))], "poll a-1": [RUNNING]},
            [
                *UNTIL_GROUP_TRIGGER,
                expanded("a"),
                TargetResolved(Target("a")),
                Following("a", MAYBE_PHANTOM),
                phase(Phase.RUNNING),
                InterruptReceived("SIGTERM"),
                CancelResult("a", MAYBE_PHANTOM, "cancelled"),
                INTERRUPTED[-1],
            ],
            [(0, "poll a-1"), (1, "poll a-1"), (2, "cancel a-1 within 1 s")],
            id="existing-deployment-is-cancelled",
        ),
    ],
)
def test_a_signal_cancels_the_members_of_a_group(
    script: Script, events: list[Event], calls: list[Call]
) -> None:
    result = run_script(script, targets=("t",), signals=SIGNAL_AT_2)
    assert (result.events, result.calls) == (events, [*GROUP_CALLS, *calls])


def test_members_of_a_group_take_its_place_in_the_order() -> None:
    result = run_script(
        {
            "trigger t": [GroupStarted(BOTH_MEMBERS)],
            "poll a-1": [RUNNING],
            "poll b-1": [RUNNING],
            "poll c-1": [RUNNING],
        },
        targets=("t", "c"),
        signals=SIGNAL_AT_2,
    )
    assert [event.target for event in result.ends()] == ["a", "b", "c"]
    assert result.sent[-3:] == [f"cancel {target}-1 within 1 s" for target in "abc"]


@pytest.mark.parametrize(
    "signal_at",
    [expanded("a", "b"), TargetResolved(Target("a")), TargetResolved(Target("b"))],
    ids=["expanded", "first-member", "second-member"],
)
def test_a_signal_while_group_members_are_reported_takes_effect_after_them(signal_at: Event) -> None:
    result = run_script({"trigger t": [GroupStarted(BOTH_MEMBERS)]}, targets=("t",), signal_at=signal_at)
    assert result.calls == [*GROUP_CALLS, (0, "cancel a-1 within 1 s"), (0, "cancel b-1 within 1 s")]
    assert result.ends() == [
        TargetFinished(target, Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM) for target in "ab"
    ]
