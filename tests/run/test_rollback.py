"""Rollbacks: automatic, if the new version is seen not to run, or on demand. They are never cancelled.

The rules that decide on a rollback are tested in tests/watch/.
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
from tests.fakes import FakeClock, Reply, Scripted
from tests.run.scripted import (
    A1,
    ABSENT,
    CANCELLED_BY_SIGTERM,
    DONE,
    DONE_WITH_HEALTH,
    HEALTH,
    LOST_RESPONSE,
    NO_CONNECTION,
    NOT_FINISHED,
    REVOKED,
    RUNNING,
    SERVER_ERROR,
    SITE,
    TRIGGER_CALLS,
    UNTIL_FOLLOWED,
    UNTIL_TRIGGER,
    Call,
    RunResult,
    Script,
    assert_invariants,
    assert_triggered_once,
    phase,
    replies,
    resolved_and_triggered,
    run_script,
)

ROLLBACK = Handle("a", "a-rollback")
OTHER_SERVER = Handle("a", "a-2", server="berlin")
DOWN = Snapshot(Phase.FAILED, "exited", stable_for=0, final=False, reason="it does not run")
UP = Snapshot(Phase.SUCCEEDED, "running", final=False)
HTTP_502 = Snapshot(Phase.RUNNING, "HTTP 502", shows_failure=True, reason="it responded with HTTP 502")
RESTORED = "it does not run. The previous version was restored. Fix the new one, then deploy again"
NOT_RESTORED = "it does not run. The previous version was not restored: "
MAYBE_RESTORED = "it does not run. It is unknown whether the previous version was restored: "
NOT_SEEN_RUNNING = "it does not run. A rollback was started, but the previous version was not seen running"
LEFT_RUNNING = "left running: a rollback is never cancelled"
NOTHING_FOUND = "no deployment was found"

DOWN_AFTER_DEPLOYMENT: Script = {"poll a-1": [DONE_WITH_HEALTH], "poll a:healthy": [DOWN]}
"""The deployment finishes, and a health check ten seconds later shows that it does not run."""

UNTIL_ROLLBACK: list[Event] = [
    *UNTIL_FOLLOWED,
    phase(Phase.SUCCEEDED),
    Following("a", HEALTH, stage=Stage.HEALTH),
    PhaseChanged("a", Phase.FAILED, "exited", stage=Stage.HEALTH),
    RollingBack("a", DOWN.reason),
]
ROLLBACK_CALLS: list[Call] = [
    *TRIGGER_CALLS[:-1],
    (0, "change a"),
    TRIGGER_CALLS[-1],
    (0, "poll a-1"),
    (10, "poll a:healthy"),
    (10, "resolve a"),
    (10, "rollback a"),
]
ROLLBACK_FOLLOWED: list[Event] = [*UNTIL_ROLLBACK, Following("a", ROLLBACK, stage=Stage.ROLLBACK)]


def rollback_phase(seen: Phase, target: str = "a") -> PhaseChanged:
    return phase(seen, target, Stage.ROLLBACK)


def run_rolled_back(script: Script | None = None, **options: Any) -> RunResult:
    """Run a deployment that is rolled back; nothing is changed before it."""
    return run_script(
        {**DOWN_AFTER_DEPLOYMENT, "change a": [Changes(())], **(script or {})}, rollback=True, **options
    )


def test_the_previous_version_is_restored_and_followed_until_final() -> None:
    result = run_rolled_back()
    assert (result.outcome, result.events) == (
        Outcome.ROLLED_BACK,
        [
            *ROLLBACK_FOLLOWED,
            rollback_phase(Phase.SUCCEEDED),
            TargetFinished("a", Outcome.ROLLED_BACK, RESTORED),
        ],
    )
    assert result.calls == [*ROLLBACK_CALLS, (10, "poll a-rollback")]


def test_a_rollback_is_checked_for_health_but_not_for_its_site() -> None:
    script: Script = {
        "resolve a": [Target("a", url=SITE)],
        "poll a:healthy": [UP],
        f"visit {SITE}": [HTTP_502],
        "poll a-rollback": [replace(DONE, health_check=HEALTH, follow_ups=(OTHER_SERVER,))],
    }
    result = run_rolled_back(script, visits=True, own_site=True, verify_timeout=30, poll_interval=30)
    assert result.ends() == [
        TargetFinished(
            "a",
            Outcome.ROLLED_BACK,
            "it responded with HTTP 502. The previous version was restored. "
            "Fix the new one, then deploy again",
        )
    ]
    assert result.sent[4:] == [
        *("poll a-1", "poll a:healthy", f"visit {SITE}", f"visit {SITE}"),
        *("resolve a", "rollback a", "poll a-rollback", "poll a-2", "poll a:healthy"),
    ]
    assert [event.stage for event in result.events if isinstance(event, Following)] == [
        *(Stage.DEPLOYMENT, Stage.HEALTH, Stage.VERIFY),
        *(Stage.ROLLBACK, Stage.ADDITIONAL_SERVERS, Stage.HEALTH),
    ]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            {"poll a-rollback": [Snapshot(Phase.FAILED, reason="exit 1")]},
            f"{NOT_SEEN_RUNNING}: exit 1",
            id="failed",
        ),
        pytest.param(
            {"poll a-rollback": [Snapshot(Phase.CANCELLED, reason="by a user")]},
            f"{NOT_SEEN_RUNNING}: by a user",
            id="cancelled",
        ),
        pytest.param(
            {"poll a-rollback": [Snapshot(Phase.ABSENT, reason="no row")]},
            f"{NOT_SEEN_RUNNING}: no row",
            id="absent",
        ),
        pytest.param(
            {"poll a-rollback": [RUNNING, REVOKED]},
            f"{NOT_SEEN_RUNNING}: the token is revoked",
            id="revoked-token",
        ),
        pytest.param(
            {"poll a-rollback": [DONE_WITH_HEALTH]},
            f"{RESTORED}, but it does not run",
            id="down-again",
        ),
        pytest.param(
            {
                "poll a-rollback": [replace(DONE, follow_ups=(OTHER_SERVER,))],
                "poll a-2": [Snapshot(Phase.FAILED, reason="exit 1")],
            },
            f"{RESTORED}, but on the additional server berlin: exit 1",
            id="additional-server-fails",
        ),
    ],
)
def test_a_failed_rollback_is_unverified_and_not_repeated(script: Script, expected: str) -> None:
    result = run_rolled_back(script)
    assert result.ends() == [TargetFinished("a", Outcome.UNVERIFIED, expected)]
    assert result.sent.count("rollback a") == 1


@pytest.mark.parametrize(
    ("script", "plan", "expected"),
    [
        pytest.param(
            {},
            {"rollback": False},
            TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
            id="rollback-not-requested",
        ),
        pytest.param({"poll a:healthy": [UP]}, {}, TargetFinished("a", Outcome.FINISHED), id="running"),
        pytest.param(
            {"poll a-1": [Snapshot(Phase.FAILED, reason="no")]},
            {},
            TargetFinished("a", Outcome.FAILED, "no"),
            id="deployment-failed",
        ),
        pytest.param(
            {"poll a-1": [RUNNING]}, {}, TargetFinished("a", Outcome.TIMED_OUT, NOT_FINISHED), id="timed-out"
        ),
    ],
)
def test_no_rollback_without_evidence(script: Script, plan: dict[str, Any], expected: TargetFinished) -> None:
    result = run_script({**DOWN_AFTER_DEPLOYMENT, **script}, **{"rollback": True, **plan})
    assert result.ends() == [expected]
    assert "rollback a" not in result.sent


def test_unknown_health_is_no_evidence_and_is_reported() -> None:
    result = run_rolled_back(
        {"poll a:healthy": [replace(DOWN, phase=Phase.RUNNING, reason="starting")]}, strict=True
    )
    assert result.events[-2:] == [
        TargetWarning("a", NO_EVIDENCE),
        TargetFinished("a", Outcome.UNVERIFIED, "unknown whether it is running: starting"),
    ]


@pytest.mark.parametrize(
    ("handle", "reason"),
    [
        pytest.param(
            replace(A1, owner=Owner.OTHERS), "the deployment was started by somebody else", id="adopted"
        ),
        pytest.param(
            replace(A1, owner=Owner.UNSURE), "the deployment may be somebody else's", id="unsure-owner"
        ),
    ],
)
def test_others_deployments_are_not_rolled_back_and_that_is_reported(handle: Handle, reason: str) -> None:
    result = run_rolled_back({"trigger a": [Started((handle,))]})
    assert result.events[-2:] == [
        TargetWarning("a", f"not rolled back: {reason}"),
        TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
    ]
    assert "rollback a" not in result.sent


def test_the_real_deployment_behind_a_phantom_is_not_rolled_back() -> None:
    phantom, real = Handle("a", "", Certainty.PHANTOM), Handle("a", "a-1", owner=Owner.OTHERS)
    result = run_rolled_back(
        {"trigger a": [Started((phantom,))], "poll ": [Snapshot(Phase.ABSENT, follow_ups=(real,))]}
    )
    assert result.events[-2] == TargetWarning(
        "a", "not rolled back: the deployment was started by somebody else"
    )


# --- the trigger of a rollback


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"rollback a": [Rejected("not supported")]},
            [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_RESTORED}not supported")],
            [],
            id="refused",
        ),
        pytest.param(
            {"rollback a": [RefusedError("not supported")]},
            [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_RESTORED}not supported")],
            [],
            id="refused-by-the-server",
        ),
        pytest.param(
            {"resolve a": [Target("a"), RefusedError("deleted")]},
            [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_RESTORED}deleted")],
            None,
            id="target-deleted",
        ),
        pytest.param(
            {"rollback a": [REVOKED]},
            [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_RESTORED}the token is revoked")],
            [],
            id="revoked-token",
        ),
        pytest.param(
            {"resolve a": [Target("a"), REVOKED]},
            [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_RESTORED}the token is revoked")],
            None,
            id="revoked-token-before-the-rollback",
        ),
        pytest.param(
            {"rollback a": [RetryLater(60, "full"), Started((ROLLBACK,))]},
            [
                TriggerDelayed("a", 60, "full"),
                Following("a", ROLLBACK, stage=Stage.ROLLBACK),
                rollback_phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.ROLLED_BACK, RESTORED),
            ],
            [(70, "resolve a"), (70, "rollback a"), (70, "poll a-rollback")],
            id="full-queue",
        ),
        pytest.param(
            {"rollback a": [NO_CONNECTION, Started((ROLLBACK,))]},
            [
                PollFailing("a", "no connection"),
                Following("a", ROLLBACK, stage=Stage.ROLLBACK),
                rollback_phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.ROLLED_BACK, RESTORED),
            ],
            [(15, "resolve a"), (15, "rollback a"), (15, "poll a-rollback")],
            id="no-connection",
        ),
        pytest.param(
            {"resolve a": [Target("a"), NO_CONNECTION, Target("a")]},
            [
                PollFailing("a", "no connection"),
                Following("a", ROLLBACK, stage=Stage.ROLLBACK),
                rollback_phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.ROLLED_BACK, RESTORED),
            ],
            None,
            id="outage-before-the-rollback",
        ),
        pytest.param(
            {"rollback a": [LOST_RESPONSE], "find a": [Started((ROLLBACK,), "found")]},
            [
                TriggerUncertain("a", "the response timed out"),
                Following("a", ROLLBACK, "found", Stage.ROLLBACK),
                rollback_phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.ROLLED_BACK, RESTORED),
            ],
            [(10, "find a"), (10, "poll a-rollback")],
            id="lost-response-and-found",
        ),
        pytest.param(
            {"rollback a": [LOST_RESPONSE, Started((ROLLBACK,))]},
            [
                TriggerUncertain("a", "the response timed out"),
                Retriggering("a", NOTHING_FOUND),
                Following("a", ROLLBACK, stage=Stage.ROLLBACK),
                rollback_phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.ROLLED_BACK, RESTORED),
            ],
            [(10, "find a"), (15, "find a"), (15, "rollback a"), (15, "poll a-rollback")],
            id="lost-response-and-not-found",
        ),
        pytest.param(
            {"rollback a": [LOST_RESPONSE], "find a": [REVOKED]},
            [
                TriggerUncertain("a", "the response timed out"),
                TargetFinished("a", Outcome.UNVERIFIED, f"{MAYBE_RESTORED}the token is revoked"),
            ],
            [(10, "find a")],
            id="lost-response-and-revoked-token",
        ),
        pytest.param(
            {"rollback a": [SERVER_ERROR]},
            [
                TriggerUncertain("a", "it failed (Whoops)"),
                Retriggering("a", NOTHING_FOUND),
                TriggerUncertain("a", "it failed (Whoops)"),
                Retriggering("a", NOTHING_FOUND),
                TriggerUncertain("a", "it failed (Whoops)"),
                TargetFinished(
                    "a",
                    Outcome.UNVERIFIED,
                    f"{NOT_RESTORED}the server failed 3 times and started nothing: Whoops",
                ),
            ],
            [
                *((10, "find a"), (15, "find a"), (15, "rollback a")),
                *((15, "find a"), (25, "find a"), (25, "rollback a")),
                *((25, "find a"), (45, "find a")),
            ],
            id="server-error",
        ),
    ],
)
def test_a_rollback_is_triggered_like_a_deployment(
    script: Script, events: list[Event], calls: list[Call] | None
) -> None:
    result = run_rolled_back(script)
    assert result.events == [*UNTIL_ROLLBACK, *events]
    assert calls is None or result.calls == [*ROLLBACK_CALLS, *calls]


IMAGE_SET, IMAGE_RESTORED = "image: 1 → 2", "image: 2 → 1"
RETURN_UNCERTAIN = f"{IMAGE_RESTORED} (perhaps: no response)"


def changes_reported(result: RunResult) -> list[str]:
    """Return the changes that are reported from the rollback on."""
    start = next(index for index, event in enumerate(result.events) if isinstance(event, RollingBack))
    return [event.text for event in result.events[start:] if isinstance(event, ChangeApplied)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param({}, [IMAGE_RESTORED], id="success"),
        pytest.param({"rollback a": [Rejected("no")]}, [IMAGE_RESTORED], id="refused"),
        pytest.param({"rollback a": [RefusedError("no")]}, [IMAGE_RESTORED], id="refused-by-the-server"),
        pytest.param({"rollback a": [RetryLater(60, "full")]}, [IMAGE_RESTORED], id="full-queue"),
        pytest.param(
            {"rollback a": [LOST_RESPONSE], "find a": [Started((ROLLBACK,))]},
            [IMAGE_RESTORED],
            id="lost-response",
        ),
        pytest.param({"rollback a": [SERVER_ERROR]}, [IMAGE_RESTORED], id="server-error"),
        pytest.param(
            {"rollback a": [NO_CONNECTION], "changed a": [(IMAGE_SET, RETURN_UNCERTAIN)]},
            [RETURN_UNCERTAIN],
            id="change-without-a-response",
        ),
        pytest.param(
            {"rollback a": [NO_CONNECTION], "changed a": [(IMAGE_SET,)]}, [], id="nothing-was-changed"
        ),
    ],
)
def test_changes_of_a_rollback_are_reported_once_whatever_its_outcome(
    script: Script, expected: list[str]
) -> None:
    prepared: Script = {"change a": [Changes((IMAGE_SET,))], "changed a": [(IMAGE_SET, IMAGE_RESTORED)]}
    result = run_rolled_back({**prepared, **script}, has_changes=True, timeout=100)
    assert changes_reported(result) == expected
    assert [event.text for event in result.events if isinstance(event, ChangeApplied)] == [
        IMAGE_SET,
        *expected,
    ]
    assert isinstance(result.events[-1], TargetFinished)


def test_changes_of_a_rollback_are_reported_before_its_deployment() -> None:
    result = run_rolled_back({"changed a": [(IMAGE_RESTORED,)]})
    assert result.events[len(UNTIL_ROLLBACK) :] == [
        ChangeApplied("a", IMAGE_RESTORED),
        Following("a", ROLLBACK, stage=Stage.ROLLBACK),
        rollback_phase(Phase.SUCCEEDED),
        TargetFinished("a", Outcome.ROLLED_BACK, RESTORED),
    ]


@pytest.mark.parametrize("at", [11, 99], ids=["before-it-is-retried", "during-its-request"])
def test_uncertain_changes_of_a_rollback_are_reported_when_the_job_is_cancelled(at: float) -> None:
    rollback_reply = NO_CONNECTION if at == 11 else Reply(Started((ROLLBACK,)), takes=9, signal="SIGTERM")
    script: Script = {"rollback a": [rollback_reply], "changed a": [(RETURN_UNCERTAIN,)]}
    result = run_rolled_back(script, signals=[(at, "SIGTERM")] if at == 11 else ())
    assert result.outcome is Outcome.INTERRUPTED
    assert result.events[-2] == ChangeApplied("a", RETURN_UNCERTAIN)


def test_the_real_deployment_behind_a_rollback_s_phantom_is_followed() -> None:
    phantom, real = Handle("a", "", Certainty.PHANTOM), Handle("a", "a-2", owner=Owner.OTHERS)
    result = run_rolled_back(
        {"rollback a": [Started((phantom,))], "poll ": [Snapshot(Phase.ABSENT, follow_ups=(real,))]}
    )
    assert result.ends() == [TargetFinished("a", Outcome.ROLLED_BACK, RESTORED)]
    assert Following("a", real, stage=Stage.ROLLBACK) in result.events


def test_a_rollback_is_repeated_if_its_phantom_has_no_deployment() -> None:
    phantom = Handle("a", "", Certainty.PHANTOM)
    result = run_rolled_back(
        {
            "rollback a": [Started((phantom,)), Started((ROLLBACK,))],
            "poll ": [Snapshot(Phase.ABSENT, reason="none any more")],
        }
    )
    assert result.ends() == [TargetFinished("a", Outcome.ROLLED_BACK, RESTORED)]
    assert result.sent.count("rollback a") == 2


def test_errors_of_the_trigger_do_not_count_for_the_rollback() -> None:
    phantom = Handle("a", "", Certainty.PHANTOM)
    script: Script = {
        "trigger a": [SERVER_ERROR, SERVER_ERROR, Started((phantom,)), Started((A1,))],
        "poll ": [Snapshot(Phase.ABSENT, reason="none any more")],
        "rollback a": [Started((phantom,)), SERVER_ERROR, Started((ROLLBACK,))],
    }
    result = run_rolled_back(script)
    assert result.ends() == [TargetFinished("a", Outcome.ROLLED_BACK, RESTORED)]
    first = result.times("rollback a")[0]
    assert [time - first for time in result.times("rollback a")] == [0, 0, 5]
    assert result.events.count(Retriggering("a", "none any more")) == 2


# --- timeout


def test_a_rollback_has_the_full_timeout_again() -> None:
    result = run_rolled_back({"poll a-rollback": [RUNNING]}, timeout=100, poll_interval=30)
    assert result.times("poll a-rollback") == [10, 40, 70, 100, 110]
    assert result.ends() == [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_SEEN_RUNNING}: {NOT_FINISHED}")]


def test_a_full_queue_is_retried_until_that_timeout() -> None:
    result = run_rolled_back({"rollback a": [RetryLater(60, "full")]}, timeout=100)
    assert result.times("rollback a") == [10, 70]
    assert result.ends() == [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_RESTORED}full")]


def test_an_outage_before_a_rollback_is_retried_until_that_timeout() -> None:
    result = run_rolled_back({"resolve a": [Target("a"), NO_CONNECTION]}, timeout=100)
    assert result.calls[-1] == (110, "resolve a")
    assert result.ends() == [TargetFinished("a", Outcome.UNVERIFIED, f"{NOT_RESTORED}no connection")]


def test_a_rollback_that_times_out_is_not_cancelled() -> None:
    result = run_rolled_back({"poll a-rollback": [RUNNING]}, timeout=100, cancel_on_timeout=True)
    assert not [call for call in result.sent if call.startswith("cancel")]


# --- the job is cancelled


@pytest.mark.parametrize(
    ("script", "at", "events", "calls"),
    [
        pytest.param(
            {"resolve a": [Target("a"), Reply(Target("a"), takes=5)]},
            12,
            [
                InterruptReceived("SIGTERM"),
                TargetFinished("a", Outcome.INTERRUPTED, f"{NOT_RESTORED}{CANCELLED_BY_SIGTERM}"),
            ],
            [],
            id="before-the-rollback",
        ),
        pytest.param(
            {"rollback a": [Reply(Started((ROLLBACK,)), takes=1, signal="SIGTERM")]},
            99,
            [
                Following("a", ROLLBACK, stage=Stage.ROLLBACK),
                InterruptReceived("SIGTERM"),
                CancelResult("a", ROLLBACK, LEFT_RUNNING),
                TargetFinished("a", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
            ],
            [],
            id="during-its-request-with-a-response",
        ),
        pytest.param(
            {
                "rollback a": [Reply(Started((ROLLBACK,)), takes=9, signal="SIGTERM")],
                "find a": [Started((ROLLBACK,), "found")],
            },
            99,
            [
                InterruptReceived("SIGTERM"),
                Following("a", ROLLBACK, "found", Stage.ROLLBACK),
                CancelResult("a", ROLLBACK, LEFT_RUNNING),
                TargetFinished("a", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
            ],
            ["find a within 1 s"],
            id="during-its-request-and-found",
        ),
        pytest.param(
            {"rollback a": [Reply(Started((ROLLBACK,)), takes=9, signal="SIGTERM")]},
            99,
            [
                InterruptReceived("SIGTERM"),
                TargetWarning("a", TRIGGER_IN_FLIGHT),
                TargetFinished("a", Outcome.INTERRUPTED, f"{MAYBE_RESTORED}{CANCELLED_BY_SIGTERM}"),
            ],
            ["find a within 1 s"],
            id="during-its-request-and-not-found",
        ),
        pytest.param(
            {"rollback a": [LOST_RESPONSE]},
            12,
            [
                TriggerUncertain("a", "the response timed out"),
                InterruptReceived("SIGTERM"),
                TargetWarning("a", TRIGGER_IN_FLIGHT),
                TargetFinished("a", Outcome.INTERRUPTED, f"{MAYBE_RESTORED}{CANCELLED_BY_SIGTERM}"),
            ],
            ["find a", "find a within 1 s"],
            id="after-a-lost-response",
        ),
        pytest.param(
            {"rollback a": [RetryLater(60, "full")]},
            12,
            [
                TriggerDelayed("a", 60, "full"),
                InterruptReceived("SIGTERM"),
                TargetFinished("a", Outcome.INTERRUPTED, f"{NOT_RESTORED}{CANCELLED_BY_SIGTERM}"),
            ],
            [],
            id="while-the-queue-is-full",
        ),
        pytest.param(
            {"poll a-rollback": [RUNNING]},
            12,
            [
                Following("a", ROLLBACK, stage=Stage.ROLLBACK),
                rollback_phase(Phase.RUNNING),
                InterruptReceived("SIGTERM"),
                CancelResult("a", ROLLBACK, LEFT_RUNNING),
                TargetFinished("a", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
            ],
            ["poll a-rollback"] * 2,
            id="while-polling",
        ),
        pytest.param(
            {"poll a-rollback": [DONE_WITH_HEALTH]},
            12,
            [
                Following("a", ROLLBACK, stage=Stage.ROLLBACK),
                rollback_phase(Phase.SUCCEEDED),
                Following("a", HEALTH, stage=Stage.HEALTH),
                InterruptReceived("SIGTERM"),
                TargetFinished("a", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
            ],
            ["poll a-rollback"],
            id="while-health-is-polled",
        ),
    ],
)
def test_a_signal_does_not_cancel_a_rollback(
    script: Script, at: float, events: list[Event], calls: list[str]
) -> None:
    result = run_rolled_back(script, signals=[(at, "SIGTERM")] if at < 99 else ())
    assert result.outcome is Outcome.INTERRUPTED
    assert [
        event for event in result.events[len(UNTIL_ROLLBACK) :] if not isinstance(event, DeploymentDetails)
    ] == events
    assert result.events[: len(UNTIL_ROLLBACK)] == UNTIL_ROLLBACK
    calls_made = result.sent[len(ROLLBACK_CALLS) :]
    assert calls_made == calls


@pytest.mark.parametrize("plan", [{}, {"cancel_on_interrupt": False}], ids=["cancel", "leave"])
def test_the_link_of_an_interrupted_rollback_is_reported(plan: dict[str, Any]) -> None:
    result = run_rolled_back(
        {"poll a-rollback": [replace(RUNNING, link="https://coolify.example.com/back")]},
        signals=[(12, "SIGTERM")],
        **plan,
    )
    expected = [event.handle.link for event in result.events if isinstance(event, CancelResult)]
    assert expected == ["https://coolify.example.com/back"]


# --- requirements are checked before the deployment


def test_what_would_prevent_a_rollback_is_reported_before_the_deployment() -> None:
    result = run_script({"change a": [Changes((), ("the token lacks write",))]}, rollback=True)
    assert result.events[:4] == [
        *UNTIL_TRIGGER[:-1],
        TargetWarning("a", "the token lacks write"),
        Triggering("a"),
    ]
    assert result.ends() == [TargetFinished("a", Outcome.FINISHED)]


@pytest.mark.parametrize(
    ("resolve_reply", "calls"),
    [
        pytest.param(
            NO_CONNECTION,
            [(0, "change b"), (0, "trigger b"), (0, "poll b-1"), (5, "resolve a")],
            id="not-resolved-yet",
        ),
        pytest.param(
            RefusedError("unknown"), [(0, "change b"), (0, "trigger b"), (0, "poll b-1")], id="refused"
        ),
    ],
)
def test_that_check_changes_nothing_and_does_not_delay_other_targets(
    resolve_reply: Exception, calls: list[Call]
) -> None:
    result = run_script(
        {"resolve a": [resolve_reply, Target("a")], "change b": [Changes(())]},
        targets=("a", "b"),
        rollback=True,
    )
    assert result.calls[3 : 3 + len(calls)] == calls
    assert TargetFinished("b", Outcome.FINISHED) in result.ends()


def test_a_signal_during_that_check_reports_no_changes() -> None:
    result = run_script({"change a": [Reply(Changes(()), takes=9, signal="SIGTERM")]}, rollback=True)
    assert result.events[-2:] == [
        InterruptReceived("SIGTERM"),
        TargetFinished("a", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
    ]


# --- several targets


def test_one_target_is_rolled_back_while_another_continues() -> None:
    result = run_rolled_back({"poll b-1": [RUNNING, RUNNING, DONE]}, targets=("a", "b"), poll_interval=20)
    assert result.ends() == [
        TargetFinished("a", Outcome.ROLLED_BACK, RESTORED),
        TargetFinished("b", Outcome.FINISHED),
    ]
    assert result.outcome is Outcome.ROLLED_BACK
    assert "rollback b" not in result.sent


SITE_DOWN: dict[str, Any] = {"resolve a": [Target("a", url=SITE)], f"visit {SITE}": [HTTP_502]}


def test_a_revoked_token_prevents_the_rollback() -> None:
    script: Script = {"poll a:healthy": [UP], "poll b-1": [RUNNING, REVOKED], **SITE_DOWN}
    result = run_rolled_back(script, targets=("a", "b"), visits=True, verify_timeout=60)
    assert [
        event
        for event in result.events
        if isinstance(event, TargetWarning | TargetFinished) and event.target == "a"
    ] == [
        TargetWarning("a", "not rolled back: the token is revoked"),
        TargetFinished("a", Outcome.UNVERIFIED, HTTP_502.reason),
    ]
    assert "rollback a" not in result.sent


def test_a_member_of_a_group_is_rolled_back_alone() -> None:
    group = GroupStarted((GroupMember(Target("a", "web"), A1), GroupMember(Target("c"), Handle("c", "c-1"))))
    result = run_script({**DOWN_AFTER_DEPLOYMENT, "trigger b": [group]}, targets=("b",), rollback=True)
    assert result.ends() == [
        TargetFinished("c", Outcome.FINISHED),
        TargetFinished("a", Outcome.ROLLED_BACK, RESTORED),
    ]
    assert [call for call in result.sent if call.startswith(("change", "trigger", "rollback"))] == [
        "change b",
        "trigger b",
        "rollback a",
    ]
    assert GroupExpanded("b", (Target("a", "web"), Target("c")), gone=True) in result.events


# --- on demand


def run_rollback_command(
    script: Script | None = None, signals: Iterable[tuple[float, str]] = (), **options: Any
) -> RunResult:
    return run_script(script, command=Command.ROLLBACK, signals=signals, **options)


@pytest.mark.parametrize(
    ("script", "options", "end"),
    [
        pytest.param({}, {}, [phase(Phase.SUCCEEDED), TargetFinished("a", Outcome.FINISHED)], id="finished"),
        pytest.param({}, {"wait": False}, [TargetFinished("a", Outcome.TRIGGERED)], id="wait-false"),
        pytest.param(
            {"poll a-1": [Snapshot(Phase.FAILED, reason="exit 1")]},
            {},
            [phase(Phase.FAILED), TargetFinished("a", Outcome.FAILED, "exit 1")],
            id="failed",
        ),
        pytest.param(
            {"poll a-1": [RUNNING]},
            {"cancel_on_timeout": True},
            [phase(Phase.RUNNING), TargetFinished("a", Outcome.TIMED_OUT, NOT_FINISHED)],
            id="timed-out-and-not-cancelled",
        ),
        pytest.param(
            {"poll a-1": [RUNNING]},
            {"signals": [(2, "SIGTERM")]},
            [
                phase(Phase.RUNNING),
                InterruptReceived("SIGTERM"),
                CancelResult("a", A1, LEFT_RUNNING),
                TargetFinished("a", Outcome.INTERRUPTED, CANCELLED_BY_SIGTERM),
            ],
            id="interrupted-and-not-cancelled",
        ),
    ],
)
def test_the_rollback_command_deploys_and_is_never_cancelled(
    script: Script, options: dict[str, Any], end: list[Event]
) -> None:
    result = run_rollback_command(script, **options)
    assert result.events == [*UNTIL_FOLLOWED, *end]
    assert not [call for call in result.sent if call.startswith(("cancel", "rollback"))]


def test_resolving_before_a_rollback_is_reported_once() -> None:
    result = run_rolled_back()
    assert [event for event in result.events if isinstance(event, TargetResolved)] == resolved_and_triggered(
        "a"
    )[:1]


# --- property


PHANTOM = Handle("a", "a-p", Certainty.PHANTOM)


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(
    resolve_replies=replies(st.just(Target("a"))),
    rollback_replies=replies(
        st.sampled_from(
            [Started((ROLLBACK,)), Started((PHANTOM,)), RetryLater(20, "full"), Rejected("no"), SERVER_ERROR]
        )
    ),
    find_replies=replies(
        st.sampled_from(
            [
                None,
                None,
                Started((ROLLBACK,)),
                Started((replace(ROLLBACK, owner=Owner.UNSURE),)),
                AccessDenied("blind"),
            ]
        )
    ),
    phantoms=replies(
        st.sampled_from([ABSENT, replace(ABSENT, follow_ups=(replace(ROLLBACK, owner=Owner.OTHERS),))])
    ),
    polls=replies(
        st.builds(Snapshot, st.sampled_from(Phase), stable_for=st.sampled_from([0, 10]))
        | st.sampled_from([DONE_WITH_HEALTH, DONE])
    ),
    health_polls=replies(st.sampled_from([DOWN, UP])),
    signals=st.lists(st.tuples(st.sampled_from([11, 11.5, 13, 20, 41, 71]), st.just("SIGTERM")), max_size=2),
    timeout=st.sampled_from([60, 150]),
)
def test_any_rollback_is_triggered_once_and_never_cancelled(  # noqa: PLR0913, PLR0917 -- by hypothesis
    resolve_replies: list[Reply],
    rollback_replies: list[Reply],
    find_replies: list[Reply],
    phantoms: list[Reply],
    polls: list[Reply],
    health_polls: list[Reply],
    signals: list[tuple[float, str]],
    timeout: float,
) -> None:
    script: Script = {
        **DOWN_AFTER_DEPLOYMENT,
        "resolve a": [Target("a"), *resolve_replies],
        "rollback a": rollback_replies,
        "find a": find_replies,
        "poll a-p": phantoms,
        "poll a-rollback": polls,
        "poll a:healthy": [DOWN, *health_polls],
    }
    clock = FakeClock(signals)
    provider = Scripted(script, clock)
    events: list[Event] = []
    plan = Plan(("a",), rollback=True, timeout=timeout, cancel_on_timeout=True)
    result = RunResult(run(plan, provider, events.append, clock), events, provider.calls, 0)
    assert_invariants(result, plan)
    assert_triggered_once("a", result, provider.results, timeout, by="rollback")
    assert result.outcome in {Outcome.ROLLED_BACK, Outcome.UNVERIFIED} | (
        {Outcome.INTERRUPTED} if signals else set()
    )
    assert not [call for call in result.sent if call.startswith("cancel")]
    if "rollback a" not in result.sent:
        assert result.ends()[0].reason.startswith(NOT_RESTORED)
