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
from tests.fakes import Act
from tests.run.scripted import (
    BERLIN,
    BROKEN,
    CANCELLED,
    DONE,
    FOLLOWED,
    GONE,
    IN_BERLIN,
    IN_PARIS,
    LATE,
    NO_LINE,
    OPENING,
    PARIS,
    PROOF,
    PROVABLE,
    REVOKED,
    RUNNING,
    UNTIL_START,
    Script,
    Tale,
    phase,
    tell,
)

# --- Does it run? (architecture 2.2, `verify_health`)


UP = Snapshot(Phase.SUCCEEDED, "running:healthy", final=False)


STEADY = replace(UP, stable_for=60)


DOWN = Snapshot(
    Phase.FAILED, "exited:unhealthy", stable_for=90, final=False, reason="it does not run: exited for 90 s"
)


STARTING = Snapshot(Phase.RUNNING, "starting:unknown", reason="its status was still starting:unknown")


UNSEEN = "nobody could see whether it runs: "


def healthwise(seen: Snapshot) -> PhaseChanged:
    return PhaseChanged("a", seen.phase, seen.raw_status, stage=Stage.HEALTH)


def test_after_the_deployment_its_health_is_read() -> None:
    assert tell({"look a-1": [PROVABLE], "look a:healthy": [STARTING, UP]}) == Tale(
        Outcome.FINISHED,
        [
            *FOLLOWED,
            phase(Phase.SUCCEEDED),
            Following("a", PROOF, stage=Stage.HEALTH),
            healthwise(STARTING),
            healthwise(UP),
            TargetFinished("a", Outcome.FINISHED),
        ],
        [*UNTIL_START, (0, "look a-1"), (10, "look a:healthy"), (13, "look a:healthy")],
        2,
    )


@pytest.mark.parametrize(
    ("looks", "plan", "times", "ended"),
    [
        pytest.param([UP], {}, [10], TargetFinished("a", Outcome.FINISHED), id="it-runs"),
        pytest.param(
            [STARTING, DOWN, DOWN, UP],
            {},
            [10, 30, 50, 70],
            TargetFinished("a", Outcome.FINISHED),
            id="the-first-running-is-enough",
        ),
        pytest.param(
            [DOWN],
            {},
            [10, 30, 50, 70, 90, 110],
            TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
            id="ninety-seconds-down-are-enough",
        ),
        pytest.param(
            [DOWN, DOWN, STARTING, DOWN],
            {},
            [10, 30, 50, 70, 90, 110, 130, 150, 170],
            TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
            id="without-a-break",
        ),
        pytest.param(
            [STEADY],
            {"strict": True},
            [10, 30, 50, 70],
            TargetFinished("a", Outcome.FINISHED),
            id="proof-is-a-minute-long",
        ),
        pytest.param(
            [STEADY, STEADY, STARTING, STEADY],
            {"strict": True},
            [10, 30, 50, 70, 90, 110, 130],
            TargetFinished("a", Outcome.FINISHED),
            id="a-break-begins-it-anew",
        ),
        pytest.param(
            [STEADY, NO_LINE, STEADY],
            {"strict": True},
            [10, 30, 50, 70],
            TargetFinished("a", Outcome.FINISHED),
            id="a-failed-look-is-no-break",
        ),
        pytest.param(
            [STEADY, STEADY, DOWN],
            {"strict": True},
            [10, 30, 50, 70, 90, 110, 130, 150],
            TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
            id="it-ran-and-does-not-any-more",
        ),
        pytest.param(
            [DOWN, DOWN, DOWN, DOWN, DOWN, NO_LINE, DOWN],
            {},
            [10, 30, 50, 70, 90, 110, 130],
            TargetFinished("a", Outcome.UNVERIFIED, DOWN.reason),
            id="a-failed-look-is-no-break-for-what-is-down-either",
        ),
    ],
)
def test_what_is_seen_of_its_health_decides(
    looks: list[Any], plan: dict[str, Any], times: list[float], ended: TargetFinished
) -> None:
    tale = tell({"look a-1": [PROVABLE], "look a:healthy": looks}, poll_interval=20, **plan)
    assert (tale.times("look a:healthy"), tale.events[-1]) == (times, ended)
    assert TargetWarning not in {type(event) for event in tale.events}


@pytest.mark.parametrize(
    ("looks", "times", "why"),
    [
        pytest.param([STARTING], [10, 70, 130, 180], STARTING.reason, id="nothing-clear"),
        pytest.param(
            [NO_LINE],
            [10, 70, 130, 180],
            "no look at it ever worked; the last looks failed: no connection",
            id="never-seen",
        ),
        pytest.param([STARTING, RefusedError("not yours")], [10, 70], "not yours", id="barred"),
        pytest.param([REVOKED], [10], "the token is revoked", id="revoked"),
        pytest.param([replace(GONE, reason="no row")], [10], "no row", id="gone"),
    ],
)
def test_no_evidence_is_a_warning_unless_proof_was_asked_for(
    looks: list[Any], times: list[float], why: str
) -> None:
    """Never red: it is deployed."""
    script: Script = {"look a-1": [PROVABLE], "look a:healthy": looks}
    lenient, strict = (tell(script, poll_interval=60, strict=strict) for strict in (False, True))
    assert (lenient.times("look a:healthy"), strict.times("look a:healthy")) == (times, times)
    assert lenient.events[-2:] == [
        TargetWarning("a", f"deployed, but {UNSEEN}{why}"),
        TargetFinished("a", Outcome.FINISHED),
    ]
    assert strict.events[-1] == TargetFinished("a", Outcome.UNVERIFIED, f"{UNSEEN}{why}")
    assert TargetWarning not in {type(event) for event in strict.events}


@pytest.mark.parametrize(
    ("look", "plan", "times"),
    [
        pytest.param(PROVABLE, {"verify_timeout": 40}, [10, 40], id="its-own-limit"),
        pytest.param(PROVABLE, {"verify_timeout": 5}, [5], id="a-limit-before-the-first-look"),
        pytest.param(PROVABLE, {"timeout": 5}, [10, 70, 130, 180], id="not-the-deployment-s"),
        pytest.param(Act(PROVABLE, takes=30), {}, [40, 100, 160, 210], id="from-when-the-end-was-seen"),
        pytest.param(
            replace(PROVABLE, stable_for=4),
            {"poll_interval": 5},
            [*range(10, 181, 5)],
            id="seen-before-it-was-settled",
        ),
        pytest.param(
            replace(PROVABLE, stable_for=50), {}, [60, 120, 180], id="settled-after-the-first-look-was-due"
        ),
    ],
)
def test_its_health_has_a_time_of_its_own(look: Any, plan: dict[str, Any], times: list[float]) -> None:
    tale = tell({"look a-1": [look], "look a:healthy": [STARTING]}, **{"poll_interval": 60, **plan})
    assert (tale.times("look a:healthy"), tale.outcome) == (times, Outcome.FINISHED)


@pytest.mark.parametrize(
    ("looks", "strict", "outcome"),
    [
        pytest.param([STEADY], True, Outcome.FINISHED, id="it-runs"),
        pytest.param([DOWN], False, Outcome.UNVERIFIED, id="it-does-not"),
    ],
)
def test_a_long_post_deployment_command_takes_nothing_of_that_time(
    looks: list[Any], strict: bool, outcome: Outcome
) -> None:
    """A deployment whose command runs has not ended."""
    command = replace(PROVABLE, stable_for=math.inf)
    tale = tell(
        {"look a-1": [command] * 10 + [PROVABLE], "look a:healthy": looks}, poll_interval=30, strict=strict
    )
    assert tale.outcome is outcome


@pytest.mark.parametrize(
    ("last", "plan"),
    [
        pytest.param(replace(BROKEN, health_check=PROOF), {}, id="failed"),
        pytest.param(Snapshot(Phase.UNVERIFIED, health_check=PROOF), {}, id="unproven"),
        pytest.param(replace(CANCELLED, health_check=PROOF), {}, id="cancelled"),
        pytest.param(replace(GONE, health_check=PROOF), {}, id="gone"),
        pytest.param(replace(RUNNING, health_check=PROOF), {"timeout": 25}, id="late"),
        pytest.param(DONE, {}, id="nothing-to-be-read"),
        pytest.param(PROVABLE, {"wait": False}, id="not-waited-for"),
    ],
)
def test_only_after_a_success_health_is_read(last: Snapshot, plan: dict[str, Any]) -> None:
    assert (
        "look a:healthy" not in tell({"look a-1": [last], "look a:healthy": [UP]}, strict=True, **plan).sent
    )


@pytest.mark.parametrize(
    "plan", [{"cancel_on_timeout": True}, {"signals": [(50, "SIGTERM")]}], ids=["late", "signal"]
)
def test_what_is_deployed_is_not_cancelled_because_its_health_is_not_seen(plan: dict[str, Any]) -> None:
    tale = tell({"look a-1": [PROVABLE], "look a:healthy": [NO_LINE]}, strict=True, **plan)
    assert not [call for call in tale.sent if call.startswith("cancel")]
    assert CancelResult not in {type(event) for event in tale.events}


@pytest.mark.parametrize(
    ("seen", "health"),
    [
        pytest.param(replace(PROVABLE, stable_for=30), UP, id="before-its-health-is-read"),
        pytest.param(PROVABLE, STARTING, id="while-it-is-read"),
        pytest.param(PROVABLE, replace(DOWN, stable_for=50), id="before-what-is-down-is-believed"),
    ],
)
@pytest.mark.parametrize(
    ("strict", "outcome"), [(False, Outcome.FINISHED), (True, Outcome.UNVERIFIED)], ids=["auto", "strict"]
)
def test_what_is_deployed_stays_so_when_another_look_shows_that_the_token_is_revoked(
    seen: Snapshot,
    health: Snapshot,
    strict: bool,
    outcome: Outcome,
) -> None:
    script: Script = {"look a-1": [seen], "look a:healthy": [health], "look b-1": [RUNNING, RUNNING, REVOKED]}
    tale = tell(script, targets=("a", "b"), poll_interval=12, strict=strict)
    assert [event.outcome for event in tale.ends() if event.target == "a"] == [outcome]
    assert tale.sent[-1] == "look b-1"


# --- Additional servers


def test_the_others_are_followed_before_its_health_is_read() -> None:
    script: Script = {
        "look a-1": [replace(PROVABLE, follow_ups=(PARIS,))],
        "look a-2": [RUNNING, DONE],
        "look a:healthy": [UP],
    }
    assert tell(script, poll_interval=30) == Tale(
        Outcome.FINISHED,
        [
            *FOLLOWED,
            phase(Phase.SUCCEEDED),
            Following("a", PARIS, stage=Stage.ADDITIONAL_SERVERS),
            phase(Phase.RUNNING, stage=Stage.ADDITIONAL_SERVERS),
            phase(Phase.SUCCEEDED, stage=Stage.ADDITIONAL_SERVERS),
            Following("a", PROOF, stage=Stage.HEALTH),
            healthwise(UP),
            TargetFinished("a", Outcome.FINISHED),
        ],
        [*UNTIL_START, (0, "look a-1"), (0, "look a-2"), (30, "look a-2"), (40, "look a:healthy")],
        2,
    )


UNPROVEN = Snapshot(Phase.UNVERIFIED, reason="skipped", follow_ups=(PARIS, BERLIN), health_check=PROOF)


@pytest.mark.parametrize(
    ("main", "others", "ended"),
    [
        pytest.param(
            UNPROVEN,
            [DONE, DONE],
            TargetFinished("a", Outcome.UNVERIFIED, "skipped"),
            id="unproven-and-the-others-well",
        ),
        pytest.param(
            UNPROVEN,
            [DONE, replace(BROKEN, reason="exit 1")],
            TargetFinished("a", Outcome.FAILED, f"{IN_BERLIN}exit 1"),
            id="unproven-and-one-failed",
        ),
        pytest.param(
            UNPROVEN,
            [RUNNING, DONE],
            TargetFinished("a", Outcome.UNVERIFIED, "skipped"),
            id="unproven-and-one-late",
        ),
        pytest.param(
            replace(PROVABLE, follow_ups=(PARIS, BERLIN)),
            [CANCELLED, replace(BROKEN, reason="exit 1")],
            TargetFinished("a", Outcome.FAILED, f"{IN_BERLIN}exit 1"),
            id="the-worst-of-the-others",
        ),
        pytest.param(
            replace(PROVABLE, follow_ups=(PARIS, BERLIN)),
            [RefusedError("not yours"), DONE],
            TargetFinished("a", Outcome.LOST, f"{IN_PARIS}not yours"),
            id="barred",
        ),
        pytest.param(
            replace(PROVABLE, follow_ups=(PARIS, BERLIN)),
            [RUNNING, DONE],
            TargetFinished("a", Outcome.TIMED_OUT, f"{IN_PARIS}{LATE}"),
            id="late",
        ),
    ],
)
def test_whatever_the_others_come_to_counts_and_health_is_not_read(
    main: Snapshot, others: list[Any], ended: TargetFinished
) -> None:
    tale = tell({"look a-1": [main], "look a-2": [others[0]], "look a-3": [others[1]]})
    assert (tale.events[-1], tale.sent.count("look a-2") > 0, tale.sent.count("look a-3") > 0) == (
        ended,
        True,
        True,
    )
    assert "look a:healthy" not in tale.sent


def test_the_others_share_the_time_of_the_first() -> None:
    script: Script = {"look a-1": [RUNNING, replace(DONE, follow_ups=(PARIS,))], "look a-2": [RUNNING]}
    assert tell(script, timeout=100, poll_interval=60).times("look a-2") == [60, 100]


# --- A status that is followed, where there is no deployment


RESTARTED = Handle("a", "", condition="running")


STALE, BETWEEN = replace(UP, stable_for=15), replace(DOWN, stable_for=180, reason="it does not run")


@pytest.mark.parametrize(
    ("looks", "times", "outcome"),
    [
        pytest.param([STALE], [0, 10, 20], Outcome.FINISHED, id="running-is-believed-after-a-while"),
        pytest.param(
            [STALE, BETWEEN, STARTING, BETWEEN, STALE],
            [0, 10, 20, 30, 40, 50, 60],
            Outcome.FINISHED,
            id="whatever-is-in-between",
        ),
        pytest.param([STALE, BETWEEN], [*range(0, 191, 10)], Outcome.FAILED, id="unless-it-lasts"),
        pytest.param([STARTING], [*range(0, 301, 10)], Outcome.TIMED_OUT, id="never-up"),
        pytest.param(
            [STARTING] * 30 + [STALE],
            [*range(0, 301, 10)],
            Outcome.TIMED_OUT,
            id="not-believed-because-time-is-over",
        ),
        pytest.param(
            [STARTING] * 20 + [BETWEEN], [*range(0, 301, 10)], Outcome.TIMED_OUT, id="nor-taken-for-a-failure"
        ),
    ],
)
def test_a_status_is_followed_like_a_deployment(
    looks: list[Any], times: list[float], outcome: Outcome
) -> None:
    tale = tell({"start a": [Started((RESTARTED,))], "look a:running": looks}, poll_interval=10, timeout=300)
    assert (tale.times("look a:running"), tale.outcome) == (times, outcome)


@pytest.mark.parametrize("wait", [True, False])
def test_what_is_so_already_is_finished(wait: bool) -> None:
    tale = tell({"start a": [AlreadyDone("Service is already running")]}, wait=wait)
    assert (tale.events, tale.calls) == (
        [*OPENING, TargetFinished("a", Outcome.FINISHED, "Service is already running")],
        UNTIL_START,
    )
