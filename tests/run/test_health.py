"""Health checks, additional servers, and conditions that are polled instead of a deployment."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from deployer.model import (
    AlreadyDone,
    CancelResult,
    Following,
    Handle,
    Outcome,
    Phase,
    PhaseChanged,
    RefusedError,
    Snapshot,
    Stage,
    Started,
    TargetFinished,
    TargetWarning,
)
from tests.fakes import Reply
from tests.run.scripted import (
    ABSENT,
    BERLIN,
    BROKEN,
    CANCELLED,
    DONE,
    DONE_WITH_HEALTH,
    HEALTH,
    NO_CONNECTION,
    NOT_FINISHED,
    ON_BERLIN,
    ON_PARIS,
    PARIS,
    REVOKED,
    RUNNING,
    TRIGGER_CALLS,
    UNTIL_FOLLOWED,
    UNTIL_TRIGGER,
    RunResult,
    Script,
    phase,
    run_script,
)

# --- Health checks (architecture 2.2, `verify_health`)


UP = Snapshot(Phase.SUCCEEDED, "running:healthy", final=False)


UP_FOR_A_MINUTE = replace(UP, stable_for=60)


DOWN = Snapshot(
    Phase.FAILED, "exited:unhealthy", stable_for=90, final=False, reason="it does not run: exited for 90 s"
)


STARTING = Snapshot(Phase.RUNNING, "starting:unknown", reason="its status was still starting:unknown")


HEALTH_UNKNOWN = "unknown whether it is running: "


def health_phase(last: Snapshot) -> PhaseChanged:
    return PhaseChanged("a", last.phase, last.raw_status, stage=Stage.HEALTH)


def test_health_is_polled_after_the_deployment() -> None:
    assert run_script({"poll a-1": [DONE_WITH_HEALTH], "poll a:healthy": [STARTING, UP]}) == RunResult(
        Outcome.FINISHED,
        [
            *UNTIL_FOLLOWED,
            phase(Phase.SUCCEEDED),
            Following("a", HEALTH, stage=Stage.HEALTH),
            health_phase(STARTING),
            health_phase(UP),
            TargetFinished("a", Outcome.FINISHED),
        ],
        [*TRIGGER_CALLS, (0, "poll a-1"), (10, "poll a:healthy"), (13, "poll a:healthy")],
        2,
    )


@pytest.mark.parametrize(
    ("polls", "plan", "times", "end"),
    [
        pytest.param([UP], {}, [10], TargetFinished("a", Outcome.FINISHED), id="running"),
        pytest.param(
            [STARTING, DOWN, DOWN, UP],
            {},
            [10, 30, 50, 70],
            TargetFinished("a", Outcome.FINISHED),
            id="first-running-status-is-enough",
        ),
        pytest.param(
            [DOWN],
            {},
            [10, 30, 50, 70, 90, 110],
            TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
            id="down-for-ninety-seconds",
        ),
        pytest.param(
            [DOWN, DOWN, STARTING, DOWN],
            {},
            [10, 30, 50, 70, 90, 110, 130, 150, 170],
            TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
            id="down-time-restarts-after-a-change",
        ),
        pytest.param(
            [UP_FOR_A_MINUTE],
            {"strict": True},
            [10, 30, 50, 70],
            TargetFinished("a", Outcome.FINISHED),
            id="strict-needs-a-minute",
        ),
        pytest.param(
            [UP_FOR_A_MINUTE, UP_FOR_A_MINUTE, STARTING, UP_FOR_A_MINUTE],
            {"strict": True},
            [10, 30, 50, 70, 90, 110, 130],
            TargetFinished("a", Outcome.FINISHED),
            id="strict-minute-restarts-after-a-change",
        ),
        pytest.param(
            [UP_FOR_A_MINUTE, NO_CONNECTION, UP_FOR_A_MINUTE],
            {"strict": True},
            [10, 30, 50, 70],
            TargetFinished("a", Outcome.FINISHED),
            id="failed-poll-does-not-restart-the-minute",
        ),
        pytest.param(
            [UP_FOR_A_MINUTE, UP_FOR_A_MINUTE, DOWN],
            {"strict": True},
            [10, 30, 50, 70, 90, 110, 130, 150],
            TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
            id="strict-down-after-running",
        ),
        pytest.param(
            [DOWN, DOWN, DOWN, DOWN, DOWN, NO_CONNECTION, DOWN],
            {},
            [10, 30, 50, 70, 90, 110, 130],
            TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
            id="failed-poll-does-not-restart-the-down-time",
        ),
    ],
)
def test_health_must_be_stable_to_count(
    polls: list[Any], plan: dict[str, Any], times: list[float], end: TargetFinished
) -> None:
    result = run_script({"poll a-1": [DONE_WITH_HEALTH], "poll a:healthy": polls}, poll_interval=20, **plan)
    assert (result.times("poll a:healthy"), result.events[-1]) == (times, end)
    assert TargetWarning not in {type(event) for event in result.events}


DATED_HEALTH = replace(HEALTH, ended="2026-12-01T02:08:56.000000Z")
"""The platform shows whether it has checked the status since then."""

UP_AT_ONCE = replace(UP, stable_after_failure=15)


def at(snapshot: Snapshot, checked: float | None) -> Snapshot:
    """A status that the platform checked so many seconds after the end of the deployment."""
    return replace(snapshot, checked_after=checked)


@pytest.mark.parametrize(
    ("polls", "plan", "times", "outcome"),
    [
        pytest.param([at(UP_AT_ONCE, 1)], {}, [0], Outcome.FINISHED, id="checked-already"),
        pytest.param(
            [at(UP_AT_ONCE, None), at(UP_AT_ONCE, 1)], {}, [0, 1], Outcome.FINISHED, id="checked-in-a-moment"
        ),
        pytest.param(
            [at(UP_AT_ONCE, None)], {}, [0, 1, 2, 3, 4, 5, 8, 10], Outcome.FINISHED, id="never-checked"
        ),
        pytest.param(
            [at(UP_AT_ONCE, None), at(DOWN, 1)],
            {"poll_interval": 45},
            [0, 45, 90, 135],
            Outcome.UNVERIFIED,
            id="only-the-old-one-runs",
        ),
        pytest.param(
            [at(UP_AT_ONCE, None), at(STARTING, 1), at(DOWN, 5), at(UP_AT_ONCE, 18), at(UP_AT_ONCE, 61)],
            {"poll_interval": 20},
            [0, 20, 40, 60, 80],
            Outcome.FINISHED,
            id="confirmed-after-a-failure",
        ),
        pytest.param(
            [at(UP_FOR_A_MINUTE, 1)] * 4 + [at(UP_FOR_A_MINUTE, 61)],
            {"strict": True, "poll_interval": 20},
            [0, 20, 40, 60, 80],
            Outcome.FINISHED,
            id="strict-needs-a-check-after-a-minute",
        ),
        pytest.param(
            [at(UP_FOR_A_MINUTE, 1)],
            {"strict": True, "poll_interval": 60},
            [0, 60, 120, 180],
            Outcome.UNVERIFIED,
            id="strict-and-never-checked-again",
        ),
        pytest.param(
            [at(UP_AT_ONCE, None)], {"verify_timeout": 5}, [0, 1, 2, 3, 4, 5], Outcome.FINISHED, id="deadline"
        ),
    ],
)
def test_status_that_was_checked_after_the_end_counts_at_once(
    polls: list[Any], plan: dict[str, Any], times: list[float], outcome: Outcome
) -> None:
    done = replace(DONE, health_check=DATED_HEALTH)
    result = run_script({"poll a-1": [done], "poll a:healthy": polls}, **plan)
    assert (result.times("poll a:healthy"), result.outcome) == (times, outcome)


@pytest.mark.parametrize(
    ("polls", "times", "reason"),
    [
        pytest.param([STARTING], [10, 70, 130, 180], STARTING.reason, id="inconclusive"),
        pytest.param(
            [NO_CONNECTION],
            [10, 70, 130, 180],
            "its status could never be read; the last status checks failed: no connection",
            id="never-polled",
        ),
        pytest.param([STARTING, RefusedError("not yours")], [10, 70], "not yours", id="access-denied"),
        pytest.param([REVOKED], [10], "the token is revoked", id="revoked-token"),
        pytest.param([replace(ABSENT, reason="no row")], [10], "no row", id="absent"),
    ],
)
def test_unknown_health_is_a_warning_unless_strict(polls: list[Any], times: list[float], reason: str) -> None:
    """The deployment itself succeeded."""
    script: Script = {"poll a-1": [DONE_WITH_HEALTH], "poll a:healthy": polls}
    lenient, strict = (run_script(script, poll_interval=60, strict=strict) for strict in (False, True))
    assert (lenient.times("poll a:healthy"), strict.times("poll a:healthy")) == (times, times)
    assert lenient.events[-2:] == [
        TargetWarning("a", f"deployed, but {HEALTH_UNKNOWN}{reason}"),
        TargetFinished("a", Outcome.FINISHED),
    ]
    assert strict.events[-1] == TargetFinished("a", Outcome.UNVERIFIED, f"{HEALTH_UNKNOWN}{reason}")
    assert TargetWarning not in {type(event) for event in strict.events}


@pytest.mark.parametrize(
    ("poll", "plan", "times"),
    [
        pytest.param(DONE_WITH_HEALTH, {"verify_timeout": 40}, [10, 40], id="verify_timeout"),
        pytest.param(DONE_WITH_HEALTH, {"verify_timeout": 5}, [5], id="verify_timeout-before-the-first-poll"),
        pytest.param(
            DONE_WITH_HEALTH,
            {"timeout": 5},
            [10, 70, 130, 180],
            id="timeout-of-the-deployment-does-not-count",
        ),
        pytest.param(
            Reply(DONE_WITH_HEALTH, takes=30), {}, [40, 100, 160, 210], id="from-the-first-final-poll"
        ),
        pytest.param(
            replace(DONE_WITH_HEALTH, stable_for=4),
            {"poll_interval": 5},
            [*range(10, 181, 5)],
            id="final-phase-seen-before-it-was-stable",
        ),
        pytest.param(
            replace(DONE_WITH_HEALTH, stable_for=50),
            {},
            [60, 120, 180],
            id="stable-after-the-first-health-poll-was-due",
        ),
    ],
)
def test_health_checks_have_their_own_timeout(poll: Any, plan: dict[str, Any], times: list[float]) -> None:
    result = run_script({"poll a-1": [poll], "poll a:healthy": [STARTING]}, **{"poll_interval": 60, **plan})
    assert (result.times("poll a:healthy"), result.outcome) == (times, Outcome.FINISHED)


@pytest.mark.parametrize(
    ("polls", "strict", "outcome"),
    [
        pytest.param([UP_FOR_A_MINUTE], True, Outcome.FINISHED, id="running"),
        pytest.param([DOWN], False, Outcome.UNVERIFIED, id="down"),
    ],
)
def test_a_long_post_deployment_command_does_not_use_up_verify_timeout(
    polls: list[Any], strict: bool, outcome: Outcome
) -> None:
    """A deployment is not final while its command runs."""
    command_running = replace(DONE_WITH_HEALTH, stable_for=math.inf)
    result = run_script(
        {"poll a-1": [command_running] * 10 + [DONE_WITH_HEALTH], "poll a:healthy": polls},
        poll_interval=30,
        strict=strict,
    )
    assert result.outcome is outcome


@pytest.mark.parametrize(
    ("last", "plan"),
    [
        pytest.param(replace(BROKEN, health_check=HEALTH), {}, id="failed"),
        pytest.param(Snapshot(Phase.UNVERIFIED, health_check=HEALTH), {}, id="unverified"),
        pytest.param(replace(CANCELLED, health_check=HEALTH), {}, id="cancelled"),
        pytest.param(replace(ABSENT, health_check=HEALTH), {}, id="absent"),
        pytest.param(replace(RUNNING, health_check=HEALTH), {"timeout": 25}, id="timed-out"),
        pytest.param(DONE, {}, id="no-health-check"),
        pytest.param(DONE_WITH_HEALTH, {"wait": False}, id="wait-false"),
    ],
)
def test_health_is_only_polled_after_success(last: Snapshot, plan: dict[str, Any]) -> None:
    assert (
        "poll a:healthy"
        not in run_script({"poll a-1": [last], "poll a:healthy": [UP]}, strict=True, **plan).sent
    )


@pytest.mark.parametrize(
    "plan", [{"cancel_on_timeout": True}, {"signals": [(50, "SIGTERM")]}], ids=["timed-out", "signal"]
)
def test_a_deployment_is_not_cancelled_because_its_health_is_unknown(plan: dict[str, Any]) -> None:
    result = run_script(
        {"poll a-1": [DONE_WITH_HEALTH], "poll a:healthy": [NO_CONNECTION]}, strict=True, **plan
    )
    assert not [call for call in result.sent if call.startswith("cancel")]
    assert CancelResult not in {type(event) for event in result.events}


@pytest.mark.parametrize(
    ("last", "health"),
    [
        pytest.param(replace(DONE_WITH_HEALTH, stable_for=30), UP, id="before-health-is-polled"),
        pytest.param(DONE_WITH_HEALTH, STARTING, id="while-health-is-polled"),
        pytest.param(DONE_WITH_HEALTH, replace(DOWN, stable_for=50), id="before-down-is-stable"),
    ],
)
@pytest.mark.parametrize(
    ("strict", "outcome"), [(False, Outcome.FINISHED), (True, Outcome.UNVERIFIED)], ids=["auto", "strict"]
)
def test_a_deployed_target_is_not_lost_when_the_token_is_revoked(
    last: Snapshot,
    health: Snapshot,
    strict: bool,
    outcome: Outcome,
) -> None:
    script: Script = {"poll a-1": [last], "poll a:healthy": [health], "poll b-1": [RUNNING, RUNNING, REVOKED]}
    result = run_script(script, targets=("a", "b"), poll_interval=12, strict=strict)
    assert [event.outcome for event in result.ends() if event.target == "a"] == [outcome]
    assert result.sent[-1] == "poll b-1"


# --- Additional servers


def test_additional_servers_are_followed_before_health_is_polled() -> None:
    script: Script = {
        "poll a-1": [replace(DONE_WITH_HEALTH, follow_ups=(PARIS,))],
        "poll a-2": [RUNNING, DONE],
        "poll a:healthy": [UP],
    }
    assert run_script(script, poll_interval=30) == RunResult(
        Outcome.FINISHED,
        [
            *UNTIL_FOLLOWED,
            phase(Phase.SUCCEEDED),
            Following("a", PARIS, stage=Stage.ADDITIONAL_SERVERS),
            phase(Phase.RUNNING, stage=Stage.ADDITIONAL_SERVERS),
            phase(Phase.SUCCEEDED, stage=Stage.ADDITIONAL_SERVERS),
            Following("a", HEALTH, stage=Stage.HEALTH),
            health_phase(UP),
            TargetFinished("a", Outcome.FINISHED),
        ],
        [*TRIGGER_CALLS, (0, "poll a-1"), (0, "poll a-2"), (30, "poll a-2"), (40, "poll a:healthy")],
        2,
    )


SKIPPED = Snapshot(Phase.UNVERIFIED, reason="skipped", follow_ups=(PARIS, BERLIN), health_check=HEALTH)


@pytest.mark.parametrize(
    ("main", "others", "end"),
    [
        pytest.param(
            SKIPPED,
            [DONE, DONE],
            TargetFinished("a", Outcome.UNVERIFIED, "skipped"),
            id="unverified-and-others-succeed",
        ),
        pytest.param(
            SKIPPED,
            [DONE, replace(BROKEN, reason="exit 1")],
            TargetFinished("a", Outcome.FAILED, f"{ON_BERLIN}exit 1"),
            id="unverified-and-one-failed",
        ),
        pytest.param(
            SKIPPED,
            [RUNNING, DONE],
            TargetFinished("a", Outcome.UNVERIFIED, "skipped"),
            id="unverified-and-one-timed-out",
        ),
        pytest.param(
            replace(DONE_WITH_HEALTH, follow_ups=(PARIS, BERLIN)),
            [CANCELLED, replace(BROKEN, reason="exit 1")],
            TargetFinished("a", Outcome.FAILED, f"{ON_BERLIN}exit 1"),
            id="worst-of-the-others",
        ),
        pytest.param(
            replace(DONE_WITH_HEALTH, follow_ups=(PARIS, BERLIN)),
            [RefusedError("not yours"), DONE],
            TargetFinished("a", Outcome.LOST, f"{ON_PARIS}not yours"),
            id="access-denied",
        ),
        pytest.param(
            replace(DONE_WITH_HEALTH, follow_ups=(PARIS, BERLIN)),
            [RUNNING, DONE],
            TargetFinished("a", Outcome.TIMED_OUT, f"{ON_PARIS}{NOT_FINISHED}"),
            id="timed-out",
        ),
    ],
)
def test_outcomes_of_additional_servers_count_and_health_is_not_polled(
    main: Snapshot, others: list[Any], end: TargetFinished
) -> None:
    result = run_script({"poll a-1": [main], "poll a-2": [others[0]], "poll a-3": [others[1]]})
    assert (result.events[-1], result.sent.count("poll a-2") > 0, result.sent.count("poll a-3") > 0) == (
        end,
        True,
        True,
    )
    assert "poll a:healthy" not in result.sent


def test_additional_servers_share_the_timeout_of_the_first() -> None:
    script: Script = {"poll a-1": [RUNNING, replace(DONE, follow_ups=(PARIS,))], "poll a-2": [RUNNING]}
    assert run_script(script, timeout=100, poll_interval=60).times("poll a-2") == [60, 100]


# --- A condition that is polled because there is no deployment


RUNNING_CONDITION = Handle("a", "", condition="running")


UP_BRIEFLY, DOWN_LONG = replace(UP, stable_for=15), replace(DOWN, stable_for=180, reason="it does not run")


@pytest.mark.parametrize(
    ("polls", "times", "outcome"),
    [
        pytest.param([UP_BRIEFLY], [0, 10, 20], Outcome.FINISHED, id="running-for-long-enough"),
        pytest.param(
            [UP_BRIEFLY, DOWN_LONG, STARTING, DOWN_LONG, UP_BRIEFLY],
            [0, 10, 20, 30, 40, 50, 60],
            Outcome.FINISHED,
            id="running-after-other-states",
        ),
        pytest.param([UP_BRIEFLY, DOWN_LONG], [*range(0, 191, 10)], Outcome.FAILED, id="down-for-too-long"),
        pytest.param([STARTING], [*range(0, 301, 10)], Outcome.TIMED_OUT, id="never-running"),
        pytest.param(
            [STARTING] * 30 + [UP_BRIEFLY],
            [*range(0, 301, 10)],
            Outcome.TIMED_OUT,
            id="running-too-late",
        ),
        pytest.param(
            [STARTING] * 20 + [DOWN_LONG], [*range(0, 301, 10)], Outcome.TIMED_OUT, id="down-too-late"
        ),
    ],
)
def test_a_condition_is_polled_like_a_deployment(
    polls: list[Any], times: list[float], outcome: Outcome
) -> None:
    result = run_script(
        {"trigger a": [Started((RUNNING_CONDITION,))], "poll a:running": polls}, poll_interval=10, timeout=300
    )
    assert (result.times("poll a:running"), result.outcome) == (times, outcome)


@pytest.mark.parametrize("wait", [True, False])
def test_a_target_in_the_requested_state_is_finished(wait: bool) -> None:
    result = run_script({"trigger a": [AlreadyDone("Service is already running")]}, wait=wait)
    assert (result.events, result.calls) == (
        [*UNTIL_TRIGGER, TargetFinished("a", Outcome.FINISHED, "Service is already running")],
        TRIGGER_CALLS,
    )
