"""The way back: what ran before is put back where it is seen that the new version does not run, or on demand; and never cancelled.

The rules by which that is decided have their rows in tests/watch/.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.model import (
    AccessDenied,
    CancelResult,
    Certainty,
    ChangeApplied,
    Changes,
    Command,
    DeploymentDetails,
    Event,
    Following,
    GroupExpanded,
    GroupMember,
    GroupStarted,
    Handle,
    InterruptReceived,
    Outcome,
    Owner,
    Phase,
    PhaseChanged,
    Plan,
    PollFailing,
    RefusedError,
    Rejected,
    Retriggering,
    RetryLater,
    RollingBack,
    Snapshot,
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
from deployer.run import run
from deployer.run.interrupt import TRIGGER_IN_FLIGHT
from deployer.watch import NO_EVIDENCE
from tests.fakes import Act, FakeClock, Scripted
from tests.run.scripted import (
    A1,
    DONE,
    FOLLOWED,
    GONE,
    LATE,
    LOST_ANSWER,
    NO_LINE,
    OPENING,
    OWN_FAILURE,
    PROOF,
    PROVABLE,
    REVOKED,
    RUNNING,
    SITE,
    STOPPED_BY,
    UNTIL_START,
    Call,
    Script,
    Tale,
    begun,
    holds_always,
    phase,
    rows,
    started_once,
    tell,
)

BACK = Handle("a", "a-back")
OTHER = Handle("a", "a-2", server="berlin")
DOWN = Snapshot(Phase.FAILED, "exited", stable_for=0, final=False, reason="it does not run")
UP = Snapshot(Phase.SUCCEEDED, "running", final=False)
BAD = Snapshot(Phase.RUNNING, "HTTP 502", shows_failure=True, reason="it responded with HTTP 502")
AGAIN = "it does not run. The previous version was restored"
NOT_BACK = "it does not run. The previous version was not restored: "
UNKNOWN = "it does not run. It is unknown whether the previous version was restored: "
UNSEEN = "it does not run. A rollback was started, but the previous version was not seen running"
GOES_ON = "left running: a rollback is never cancelled"
NONE_FOUND = "no deployment of it was found"

CRASHED: Script = {"look a-1": [PROVABLE], "look a:healthy": [DOWN]}
"""The deployment is finished, and ten seconds later it is seen that it does not run."""

TOLD: list[Event] = [
    *FOLLOWED,
    phase(Phase.SUCCEEDED),
    Following("a", PROOF, stage=Stage.HEALTH),
    PhaseChanged("a", Phase.FAILED, "exited", stage=Stage.HEALTH),
    RollingBack("a", DOWN.reason),
]
SENT: list[Call] = [
    *UNTIL_START[:-1],
    (0, "prepare a"),
    UNTIL_START[-1],
    (0, "look a-1"),
    (10, "look a:healthy"),
    (10, "check a"),
    (10, "undo a"),
]
UNDONE: list[Event] = [*TOLD, Following("a", BACK, stage=Stage.ROLLBACK)]


def back(seen: Phase, target: str = "a") -> PhaseChanged:
    return phase(seen, target, Stage.ROLLBACK)


def fallen(script: Script | None = None, **more: Any) -> Tale:
    """A run whose deployment is taken back; nothing is changed before it."""
    return tell({**CRASHED, "prepare a": [Changes(())], **(script or {})}, rollback=True, **more)


def test_what_ran_before_is_put_back_and_followed_to_its_end() -> None:
    tale = fallen()
    assert (tale.outcome, tale.events) == (
        Outcome.ROLLED_BACK,
        [*UNDONE, back(Phase.SUCCEEDED), TargetFinished("a", Outcome.ROLLED_BACK, AGAIN)],
    )
    assert tale.calls == [*SENT, (10, "look a-back")]


def test_what_runs_again_must_prove_it_and_no_site_is_asked() -> None:
    script: Script = {
        "check a": [Target("a", url=SITE)],
        "look a:healthy": [UP],
        f"visit {SITE}": [BAD],
        "look a-back": [replace(DONE, health_check=PROOF, follow_ups=(OTHER,))],
    }
    tale = fallen(script, visits=True, own_site=True, verify_timeout=30, poll_interval=30)
    assert tale.ends() == [
        TargetFinished(
            "a", Outcome.ROLLED_BACK, "it responded with HTTP 502. The previous version was restored"
        )
    ]
    assert tale.sent[4:] == [
        *("look a-1", "look a:healthy", f"visit {SITE}", f"visit {SITE}"),
        *("check a", "undo a", "look a-back", "look a-2", "look a:healthy"),
    ]
    assert [event.stage for event in tale.events if isinstance(event, Following)] == [
        *(Stage.DEPLOYMENT, Stage.HEALTH, Stage.VERIFY),
        *(Stage.ROLLBACK, Stage.ADDITIONAL_SERVERS, Stage.HEALTH),
    ]


@pytest.mark.parametrize(
    ("script", "ended"),
    [
        pytest.param(
            {"look a-back": [Snapshot(Phase.FAILED, reason="exit 1")]}, f"{UNSEEN}: exit 1", id="it-fails"
        ),
        pytest.param(
            {"look a-back": [Snapshot(Phase.CANCELLED, reason="by a user")]},
            f"{UNSEEN}: by a user",
            id="it-is-cancelled",
        ),
        pytest.param(
            {"look a-back": [Snapshot(Phase.ABSENT, reason="no row")]}, f"{UNSEEN}: no row", id="it-is-gone"
        ),
        pytest.param(
            {"look a-back": [RUNNING, REVOKED]}, f"{UNSEEN}: the token is revoked", id="the-token-is-revoked"
        ),
        pytest.param(
            {"look a-back": [PROVABLE]}, f"{AGAIN}, but it does not run", id="it-does-not-run-either"
        ),
        pytest.param(
            {
                "look a-back": [replace(DONE, follow_ups=(OTHER,))],
                "look a-2": [Snapshot(Phase.FAILED, reason="exit 1")],
            },
            f"{AGAIN}, but on the additional server berlin: exit 1",
            id="another-server-fails",
        ),
    ],
)
def test_a_way_back_with_a_bad_end_is_unverified_and_there_is_no_second_one(
    script: Script, ended: str
) -> None:
    tale = fallen(script)
    assert tale.ends() == [TargetFinished("a", Outcome.UNVERIFIED, ended)]
    assert tale.sent.count("undo a") == 1


@pytest.mark.parametrize(
    ("script", "plan", "ended"),
    [
        pytest.param(
            {},
            {"rollback": False},
            TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
            id="nobody-asked-for-it",
        ),
        pytest.param({"look a:healthy": [UP]}, {}, TargetFinished("a", Outcome.FINISHED), id="it-runs"),
        pytest.param(
            {"look a-1": [Snapshot(Phase.FAILED, reason="no")]},
            {},
            TargetFinished("a", Outcome.FAILED, "no"),
            id="it-failed",
        ),
        pytest.param(
            {"look a-1": [RUNNING]}, {}, TargetFinished("a", Outcome.TIMED_OUT, LATE), id="it-is-late"
        ),
    ],
)
def test_nothing_is_put_back_without_evidence(
    script: Script, plan: dict[str, Any], ended: TargetFinished
) -> None:
    tale = tell({**CRASHED, **script}, **{"rollback": True, **plan})
    assert tale.ends() == [ended]
    assert "undo a" not in tale.sent


def test_that_nobody_could_tell_puts_nothing_back_and_that_is_said() -> None:
    tale = fallen({"look a:healthy": [replace(DOWN, phase=Phase.RUNNING, reason="starting")]}, strict=True)
    assert tale.events[-2:] == [
        TargetWarning("a", NO_EVIDENCE),
        TargetFinished("a", Outcome.UNVERIFIED, "unknown whether it is running: starting"),
    ]


@pytest.mark.parametrize(
    ("handle", "why"),
    [
        pytest.param(
            replace(A1, owner=Owner.OTHERS), "the deployment was started by somebody else", id="adopted"
        ),
        pytest.param(replace(A1, owner=Owner.UNSURE), "the deployment may be somebody else's", id="perhaps"),
    ],
)
def test_somebody_else_s_deployment_is_not_taken_back_and_that_is_said(handle: Handle, why: str) -> None:
    tale = fallen({"start a": [Started((handle,))]})
    assert tale.events[-2:] == [
        TargetWarning("a", f"not rolled back: {why}"),
        TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
    ]
    assert "undo a" not in tale.sent


def test_the_real_one_behind_a_phantom_is_somebody_else_s() -> None:
    phantom, real = Handle("a", "", Certainty.PHANTOM), Handle("a", "a-1", owner=Owner.OTHERS)
    tale = fallen({"start a": [Started((phantom,))], "look ": [Snapshot(Phase.ABSENT, follow_ups=(real,))]})
    assert tale.events[-2] == TargetWarning(
        "a", "not rolled back: the deployment was started by somebody else"
    )


# --- what the way back meets


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"undo a": [Rejected("no way")]},
            [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_BACK}no way")],
            [],
            id="refused",
        ),
        pytest.param(
            {"undo a": [RefusedError("no way")]},
            [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_BACK}no way")],
            [],
            id="refused-by-the-server",
        ),
        pytest.param(
            {"check a": [Target("a"), RefusedError("deleted")]},
            [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_BACK}deleted")],
            None,
            id="it-is-not-there-any-more",
        ),
        pytest.param(
            {"undo a": [REVOKED]},
            [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_BACK}the token is revoked")],
            [],
            id="the-token-is-revoked",
        ),
        pytest.param(
            {"check a": [Target("a"), REVOKED]},
            [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_BACK}the token is revoked")],
            None,
            id="the-token-is-revoked-before-it",
        ),
        pytest.param(
            {"undo a": [RetryLater(60, "full"), Started((BACK,))]},
            [
                TriggerDelayed("a", 60, "full"),
                Following("a", BACK, stage=Stage.ROLLBACK),
                back(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.ROLLED_BACK, AGAIN),
            ],
            [(70, "check a"), (70, "undo a"), (70, "look a-back")],
            id="a-full-queue",
        ),
        pytest.param(
            {"undo a": [NO_LINE, Started((BACK,))]},
            [
                PollFailing("a", "no connection"),
                Following("a", BACK, stage=Stage.ROLLBACK),
                back(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.ROLLED_BACK, AGAIN),
            ],
            [(15, "check a"), (15, "undo a"), (15, "look a-back")],
            id="it-does-not-arrive",
        ),
        pytest.param(
            {"check a": [Target("a"), NO_LINE, Target("a")]},
            [
                PollFailing("a", "no connection"),
                Following("a", BACK, stage=Stage.ROLLBACK),
                back(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.ROLLED_BACK, AGAIN),
            ],
            None,
            id="an-outage-before-it",
        ),
        pytest.param(
            {"undo a": [LOST_ANSWER], "find a": [Started((BACK,), "found")]},
            [
                TriggerUncertain("a", "the response timed out"),
                Following("a", BACK, "found", Stage.ROLLBACK),
                back(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.ROLLED_BACK, AGAIN),
            ],
            [(10, "find a"), (10, "look a-back")],
            id="a-lost-answer-that-is-found",
        ),
        pytest.param(
            {"undo a": [LOST_ANSWER, Started((BACK,))]},
            [
                TriggerUncertain("a", "the response timed out"),
                Retriggering("a", NONE_FOUND),
                Following("a", BACK, stage=Stage.ROLLBACK),
                back(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.ROLLED_BACK, AGAIN),
            ],
            [(10, "find a"), (15, "find a"), (15, "undo a"), (15, "look a-back")],
            id="a-lost-answer-that-is-not-found",
        ),
        pytest.param(
            {"undo a": [LOST_ANSWER], "find a": [REVOKED]},
            [
                TriggerUncertain("a", "the response timed out"),
                TargetFinished("a", Outcome.UNVERIFIED, f"{UNKNOWN}the token is revoked"),
            ],
            [(10, "find a")],
            id="a-lost-answer-and-a-revoked-token",
        ),
        pytest.param(
            {"undo a": [OWN_FAILURE]},
            [
                TriggerUncertain("a", "it failed (Whoops)"),
                Retriggering("a", NONE_FOUND),
                TriggerUncertain("a", "it failed (Whoops)"),
                Retriggering("a", NONE_FOUND),
                TriggerUncertain("a", "it failed (Whoops)"),
                TargetFinished(
                    "a",
                    Outcome.UNVERIFIED,
                    f"{NOT_BACK}the server failed 3 times and started nothing: Whoops",
                ),
            ],
            [
                *((10, "find a"), (15, "find a"), (15, "undo a")),
                *((15, "find a"), (25, "find a"), (25, "undo a")),
                *((25, "find a"), (45, "find a")),
            ],
            id="the-server-fails",
        ),
    ],
)
def test_what_the_way_back_meets(script: Script, events: list[Event], calls: list[Call] | None) -> None:
    tale = fallen(script)
    assert tale.events == [*TOLD, *events]
    assert calls is None or tale.calls == [*SENT, *calls]


THERE, RETURNED = "image: 1 → 2", "image: 2 → 1"
PERHAPS = f"{RETURNED} (perhaps: no response)"


def changes(tale: Tale) -> list[str]:
    """What is told as changed, from the way back on."""
    began = next(index for index, event in enumerate(tale.events) if isinstance(event, RollingBack))
    return [event.text for event in tale.events[began:] if isinstance(event, ChangeApplied)]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        pytest.param({}, [RETURNED], id="it-goes-well"),
        pytest.param({"undo a": [Rejected("no")]}, [RETURNED], id="refused"),
        pytest.param({"undo a": [RefusedError("no")]}, [RETURNED], id="refused-by-the-server"),
        pytest.param({"undo a": [RetryLater(60, "full")]}, [RETURNED], id="a-full-queue"),
        pytest.param({"undo a": [LOST_ANSWER], "find a": [Started((BACK,))]}, [RETURNED], id="a-lost-answer"),
        pytest.param({"undo a": [OWN_FAILURE]}, [RETURNED], id="the-server-fails"),
        pytest.param(
            {"undo a": [NO_LINE], "altered a": [(THERE, PERHAPS)]}, [PERHAPS], id="the-change-is-lost"
        ),
        pytest.param({"undo a": [NO_LINE], "altered a": [(THERE,)]}, [], id="nothing-was-changed"),
    ],
)
def test_what_was_changed_to_go_back_is_told_once_however_that_ends(script: Script, told: list[str]) -> None:
    prepared: Script = {"prepare a": [Changes((THERE,))], "altered a": [(THERE, RETURNED)]}
    tale = fallen({**prepared, **script}, has_changes=True, timeout=100)
    assert changes(tale) == told
    assert [event.text for event in tale.events if isinstance(event, ChangeApplied)] == [THERE, *told]
    assert isinstance(tale.events[-1], TargetFinished)


def test_what_was_changed_to_go_back_is_told_before_the_deployment_that_it_is_for() -> None:
    tale = fallen({"altered a": [(RETURNED,)]})
    assert tale.events[len(TOLD) :] == [
        ChangeApplied("a", RETURNED),
        Following("a", BACK, stage=Stage.ROLLBACK),
        back(Phase.SUCCEEDED),
        TargetFinished("a", Outcome.ROLLED_BACK, AGAIN),
    ]


@pytest.mark.parametrize("at", [11, 99], ids=["before-it-is-sent-again", "while-it-is-sent"])
def test_what_was_perhaps_changed_is_told_when_the_job_is_stopped(at: float) -> None:
    undo = NO_LINE if at == 11 else Act(Started((BACK,)), takes=9, signal="SIGTERM")
    script: Script = {"undo a": [undo], "altered a": [(PERHAPS,)]}
    tale = fallen(script, signals=[(at, "SIGTERM")] if at == 11 else ())
    assert tale.outcome is Outcome.INTERRUPTED
    assert tale.events[-2] == ChangeApplied("a", PERHAPS)


def test_a_phantom_on_the_way_back_is_looked_behind() -> None:
    phantom, real = Handle("a", "", Certainty.PHANTOM), Handle("a", "a-2", owner=Owner.OTHERS)
    tale = fallen({"undo a": [Started((phantom,))], "look ": [Snapshot(Phase.ABSENT, follow_ups=(real,))]})
    assert tale.ends() == [TargetFinished("a", Outcome.ROLLED_BACK, AGAIN)]
    assert Following("a", real, stage=Stage.ROLLBACK) in tale.events


def test_a_phantom_of_nothing_is_put_back_once_more() -> None:
    phantom = Handle("a", "", Certainty.PHANTOM)
    tale = fallen(
        {
            "undo a": [Started((phantom,)), Started((BACK,))],
            "look ": [Snapshot(Phase.ABSENT, reason="none any more")],
        }
    )
    assert tale.ends() == [TargetFinished("a", Outcome.ROLLED_BACK, AGAIN)]
    assert tale.sent.count("undo a") == 2


def test_what_the_trigger_has_met_is_not_held_against_the_way_back() -> None:
    phantom = Handle("a", "", Certainty.PHANTOM)
    script: Script = {
        "start a": [OWN_FAILURE, OWN_FAILURE, Started((phantom,)), Started((A1,))],
        "look ": [Snapshot(Phase.ABSENT, reason="none any more")],
        "undo a": [Started((phantom,)), OWN_FAILURE, Started((BACK,))],
    }
    tale = fallen(script)
    assert tale.ends() == [TargetFinished("a", Outcome.ROLLED_BACK, AGAIN)]
    began = tale.times("undo a")[0]
    assert [time - began for time in tale.times("undo a")] == [0, 0, 5]
    assert tale.events.count(Retriggering("a", "none any more")) == 2


# --- its time


def test_it_has_the_time_of_a_deployment_anew() -> None:
    tale = fallen({"look a-back": [RUNNING]}, timeout=100, poll_interval=30)
    assert tale.times("look a-back") == [10, 40, 70, 100, 110]
    assert tale.ends() == [TargetFinished("a", Outcome.UNVERIFIED, f"{UNSEEN}: {LATE}")]


def test_a_queue_that_stays_full_is_tried_as_often_as_that_time_allows() -> None:
    tale = fallen({"undo a": [RetryLater(60, "full")]}, timeout=100)
    assert tale.times("undo a") == [10, 70]
    assert tale.ends() == [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_BACK}full")]


def test_an_outage_before_it_is_waited_through_as_long() -> None:
    tale = fallen({"check a": [Target("a"), NO_LINE]}, timeout=100)
    assert tale.calls[-1] == (110, "check a")
    assert tale.ends() == [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_BACK}no connection")]


def test_a_late_one_is_not_cancelled() -> None:
    tale = fallen({"look a-back": [RUNNING]}, timeout=100, cancel_on_timeout=True)
    assert not [call for call in tale.sent if call.startswith("cancel")]


# --- the job is stopped


@pytest.mark.parametrize(
    ("script", "at", "events", "calls"),
    [
        pytest.param(
            {"check a": [Target("a"), Act(Target("a"), takes=5)]},
            12,
            [
                InterruptReceived("SIGTERM"),
                TargetFinished("a", Outcome.INTERRUPTED, f"{NOT_BACK}{STOPPED_BY}"),
            ],
            [],
            id="before-it",
        ),
        pytest.param(
            {"undo a": [Act(Started((BACK,)), takes=1, signal="SIGTERM")]},
            99,
            [
                Following("a", BACK, stage=Stage.ROLLBACK),
                InterruptReceived("SIGTERM"),
                CancelResult("a", BACK, GOES_ON),
                TargetFinished("a", Outcome.INTERRUPTED, STOPPED_BY),
            ],
            [],
            id="in-its-request-which-is-answered",
        ),
        pytest.param(
            {
                "undo a": [Act(Started((BACK,)), takes=9, signal="SIGTERM")],
                "find a": [Started((BACK,), "found")],
            },
            99,
            [
                InterruptReceived("SIGTERM"),
                Following("a", BACK, "found", Stage.ROLLBACK),
                CancelResult("a", BACK, GOES_ON),
                TargetFinished("a", Outcome.INTERRUPTED, STOPPED_BY),
            ],
            ["find a within 1 s"],
            id="in-its-request-and-it-is-found",
        ),
        pytest.param(
            {"undo a": [Act(Started((BACK,)), takes=9, signal="SIGTERM")]},
            99,
            [
                InterruptReceived("SIGTERM"),
                TargetWarning("a", TRIGGER_IN_FLIGHT),
                TargetFinished("a", Outcome.INTERRUPTED, f"{UNKNOWN}{STOPPED_BY}"),
            ],
            ["find a within 1 s"],
            id="in-its-request-and-it-is-not-found",
        ),
        pytest.param(
            {"undo a": [LOST_ANSWER]},
            12,
            [
                TriggerUncertain("a", "the response timed out"),
                InterruptReceived("SIGTERM"),
                TargetWarning("a", TRIGGER_IN_FLIGHT),
                TargetFinished("a", Outcome.INTERRUPTED, f"{UNKNOWN}{STOPPED_BY}"),
            ],
            ["find a", "find a within 1 s"],
            id="after-a-lost-answer",
        ),
        pytest.param(
            {"undo a": [RetryLater(60, "full")]},
            12,
            [
                TriggerDelayed("a", 60, "full"),
                InterruptReceived("SIGTERM"),
                TargetFinished("a", Outcome.INTERRUPTED, f"{NOT_BACK}{STOPPED_BY}"),
            ],
            [],
            id="while-the-queue-is-full",
        ),
        pytest.param(
            {"look a-back": [RUNNING]},
            12,
            [
                Following("a", BACK, stage=Stage.ROLLBACK),
                back(Phase.RUNNING),
                InterruptReceived("SIGTERM"),
                CancelResult("a", BACK, GOES_ON),
                TargetFinished("a", Outcome.INTERRUPTED, STOPPED_BY),
            ],
            ["look a-back"] * 2,
            id="while-it-is-followed",
        ),
        pytest.param(
            {"look a-back": [PROVABLE]},
            12,
            [
                Following("a", BACK, stage=Stage.ROLLBACK),
                back(Phase.SUCCEEDED),
                Following("a", PROOF, stage=Stage.HEALTH),
                InterruptReceived("SIGTERM"),
                TargetFinished("a", Outcome.INTERRUPTED, STOPPED_BY),
            ],
            ["look a-back"],
            id="while-its-health-is-read",
        ),
    ],
)
def test_a_signal_cancels_no_way_back(
    script: Script, at: float, events: list[Event], calls: list[str]
) -> None:
    tale = fallen(script, signals=[(at, "SIGTERM")] if at < 99 else ())
    assert tale.outcome is Outcome.INTERRUPTED
    assert [event for event in tale.events[len(TOLD) :] if not isinstance(event, DeploymentDetails)] == events
    assert tale.events[: len(TOLD)] == TOLD
    sent = tale.sent[len(SENT) :]
    assert sent == calls


@pytest.mark.parametrize("plan", [{}, {"cancel_on_interrupt": False}], ids=["cancel", "leave"])
def test_its_page_is_told(plan: dict[str, Any]) -> None:
    tale = fallen(
        {"look a-back": [replace(RUNNING, link="https://coolify.example.com/back")]},
        signals=[(12, "SIGTERM")],
        **plan,
    )
    told = [event.handle.link for event in tale.events if isinstance(event, CancelResult)]
    assert told == ["https://coolify.example.com/back"]


# --- what it needs is known before


def test_what_would_keep_it_from_being_put_back_is_told_before_the_deployment() -> None:
    tale = tell({"prepare a": [Changes((), ("the token lacks write",))]}, rollback=True)
    assert tale.events[:4] == [*OPENING[:-1], TargetWarning("a", "the token lacks write"), Triggering("a")]
    assert tale.ends() == [TargetFinished("a", Outcome.FINISHED)]


@pytest.mark.parametrize(
    ("checked", "calls"),
    [
        pytest.param(
            NO_LINE, [(0, "prepare b"), (0, "start b"), (0, "look b-1"), (5, "check a")], id="not-known-yet"
        ),
        pytest.param(
            RefusedError("unknown"), [(0, "prepare b"), (0, "start b"), (0, "look b-1")], id="refused"
        ),
    ],
)
def test_nothing_is_changed_by_that_and_no_target_waits_for_another(
    checked: Exception, calls: list[Call]
) -> None:
    tale = tell(
        {"check a": [checked, Target("a")], "prepare b": [Changes(())]}, targets=("a", "b"), rollback=True
    )
    assert tale.calls[3 : 3 + len(calls)] == calls
    assert TargetFinished("b", Outcome.FINISHED) in tale.ends()


def test_a_signal_then_says_nothing_of_changes() -> None:
    tale = tell({"prepare a": [Act(Changes(()), takes=9, signal="SIGTERM")]}, rollback=True)
    assert tale.events[-2:] == [
        InterruptReceived("SIGTERM"),
        TargetFinished("a", Outcome.INTERRUPTED, STOPPED_BY),
    ]


# --- several targets


def test_one_target_is_put_back_while_another_goes_on() -> None:
    tale = fallen({"look b-1": [RUNNING, RUNNING, DONE]}, targets=("a", "b"), poll_interval=20)
    assert tale.ends() == [
        TargetFinished("a", Outcome.ROLLED_BACK, AGAIN),
        TargetFinished("b", Outcome.FINISHED),
    ]
    assert tale.outcome is Outcome.ROLLED_BACK
    assert "undo b" not in tale.sent


SITED: dict[str, Any] = {"check a": [Target("a", url=SITE)], f"visit {SITE}": [BAD]}


def test_a_token_that_another_target_s_look_shows_revoked_puts_nothing_back() -> None:
    script: Script = {"look a:healthy": [UP], "look b-1": [RUNNING, REVOKED], **SITED}
    tale = fallen(script, targets=("a", "b"), visits=True, verify_timeout=60)
    assert [
        event
        for event in tale.events
        if isinstance(event, TargetWarning | TargetFinished) and event.target == "a"
    ] == [
        TargetWarning("a", "not rolled back: the token is revoked"),
        TargetFinished("a", Outcome.UNVERIFIED, BAD.reason),
    ]
    assert "undo a" not in tale.sent


def test_a_part_of_a_group_is_put_back_by_itself() -> None:
    spread = GroupStarted((GroupMember(Target("a", "web"), A1), GroupMember(Target("c"), Handle("c", "c-1"))))
    tale = tell({**CRASHED, "start b": [spread]}, targets=("b",), rollback=True)
    assert tale.ends() == [
        TargetFinished("c", Outcome.FINISHED),
        TargetFinished("a", Outcome.ROLLED_BACK, AGAIN),
    ]
    assert [call for call in tale.sent if call.startswith(("prepare", "start", "undo"))] == [
        "prepare b",
        "start b",
        "undo a",
    ]
    assert GroupExpanded("b", (Target("a", "web"), Target("c")), gone=True) in tale.events


# --- on demand


def demanded(script: Script | None = None, signals: Iterable[tuple[float, str]] = (), **more: Any) -> Tale:
    return tell(script, command=Command.ROLLBACK, signals=signals, **more)


@pytest.mark.parametrize(
    ("script", "more", "end"),
    [
        pytest.param({}, {}, [phase(Phase.SUCCEEDED), TargetFinished("a", Outcome.FINISHED)], id="finished"),
        pytest.param({}, {"wait": False}, [TargetFinished("a", Outcome.TRIGGERED)], id="not-waited-for"),
        pytest.param(
            {"look a-1": [Snapshot(Phase.FAILED, reason="exit 1")]},
            {},
            [phase(Phase.FAILED), TargetFinished("a", Outcome.FAILED, "exit 1")],
            id="failed",
        ),
        pytest.param(
            {"look a-1": [RUNNING]},
            {"cancel_on_timeout": True},
            [phase(Phase.RUNNING), TargetFinished("a", Outcome.TIMED_OUT, LATE)],
            id="late-and-not-cancelled",
        ),
        pytest.param(
            {"look a-1": [RUNNING]},
            {"signals": [(2, "SIGTERM")]},
            [
                phase(Phase.RUNNING),
                InterruptReceived("SIGTERM"),
                CancelResult("a", A1, GOES_ON),
                TargetFinished("a", Outcome.INTERRUPTED, STOPPED_BY),
            ],
            id="interrupted-and-not-cancelled",
        ),
    ],
)
def test_on_demand_it_is_a_deployment_that_is_never_cancelled(
    script: Script, more: dict[str, Any], end: list[Event]
) -> None:
    tale = demanded(script, **more)
    assert tale.events == [*FOLLOWED, *end]
    assert not [call for call in tale.sent if call.startswith(("cancel", "undo"))]


def test_the_check_before_it_is_told_once() -> None:
    tale = fallen()
    assert [event for event in tale.events if isinstance(event, TargetResolved)] == begun("a")[:1]


# --- whatever the server and the signals do


PHANTOM = Handle("a", "a-p", Certainty.PHANTOM)


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(
    checks=rows(st.just(Target("a"))),
    undos=rows(
        st.sampled_from(
            [Started((BACK,)), Started((PHANTOM,)), RetryLater(20, "full"), Rejected("no"), OWN_FAILURE]
        )
    ),
    finds=rows(
        st.sampled_from(
            [
                None,
                None,
                Started((BACK,)),
                Started((replace(BACK, owner=Owner.UNSURE),)),
                AccessDenied("blind"),
            ]
        )
    ),
    phantoms=rows(st.sampled_from([GONE, replace(GONE, follow_ups=(replace(BACK, owner=Owner.OTHERS),))])),
    looks=rows(
        st.builds(Snapshot, st.sampled_from(Phase), stable_for=st.sampled_from([0, 10]))
        | st.sampled_from([PROVABLE, DONE])
    ),
    health=rows(st.sampled_from([DOWN, UP])),
    signals=st.lists(st.tuples(st.sampled_from([11, 11.5, 13, 20, 41, 71]), st.just("SIGTERM")), max_size=2),
    timeout=st.sampled_from([60, 150]),
)
def test_whatever_happens_it_is_put_back_once_and_never_cancelled(  # noqa: PLR0913, PLR0917 -- what may happen
    checks: list[Act],
    undos: list[Act],
    finds: list[Act],
    phantoms: list[Act],
    looks: list[Act],
    health: list[Act],
    signals: list[tuple[float, str]],
    timeout: float,
) -> None:
    script: Script = {
        **CRASHED,
        "check a": [Target("a"), *checks],
        "undo a": undos,
        "find a": finds,
        "look a-p": phantoms,
        "look a-back": looks,
        "look a:healthy": [DOWN, *health],
    }
    clock = FakeClock(signals)
    provider = Scripted(script, clock)
    events: list[Event] = []
    plan = Plan(("a",), rollback=True, timeout=timeout, cancel_on_timeout=True)
    tale = Tale(run(plan, provider, events.append, clock), events, provider.calls, 0)
    holds_always(tale, plan)
    started_once("a", tale, provider.said, timeout, by="undo")
    assert tale.outcome in {Outcome.ROLLED_BACK, Outcome.UNVERIFIED} | (
        {Outcome.INTERRUPTED} if signals else set()
    )
    assert not [call for call in tale.sent if call.startswith("cancel")]
    if "undo a" not in tale.sent:
        assert tale.ends()[0].reason.startswith(NOT_BACK)
