"""Staging: a stage before the trigger, which does not touch the running version."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.model import (
    CancelResult,
    ChangeApplied,
    Changes,
    Connected,
    Entry,
    Following,
    Handle,
    LogLines,
    Outcome,
    Phase,
    PhaseChanged,
    RefusedError,
    Rejected,
    Snapshot,
    Stage,
    Started,
    Target,
    TargetFinished,
    TargetResolved,
    TargetWarning,
    Triggering,
    UnavailableError,
)
from deployer.watch import StartNow, Verdict, Watch, next_step, observe
from tests.run.scripted import A1, DONE, NOT_FINISHED, RUNNING, Script, run_script

STAGING_CONDITION = Handle("a", "build", condition="staged")
CHANGES = Changes(("image: 1 → 2",), ("slow",), handles=(STAGING_CONDITION,))
STAGED, BROKEN = (
    Snapshot(Phase.SUCCEEDED, "staged"),
    Snapshot(Phase.FAILED, "failed", reason="manifest unknown"),
)


def test_the_trigger_comes_after_staging() -> None:
    line = Entry("k", "Staging...")
    result = run_script(
        {"change a": [CHANGES], "poll a:staged": [Snapshot(Phase.RUNNING, "staging", log=(line,)), STAGED]},
        has_changes=True,
    )
    assert result.outcome is Outcome.FINISHED
    assert result.events == [
        Connected("Fake 1"),
        TargetResolved(Target("a")),
        TargetWarning("a", "slow"),
        Triggering("a"),
        Following("a", STAGING_CONDITION, stage=Stage.STAGING),
        PhaseChanged("a", Phase.RUNNING, "staging", stage=Stage.STAGING),
        LogLines("a", (line,)),
        PhaseChanged("a", Phase.SUCCEEDED, "staged", stage=Stage.STAGING),
        ChangeApplied("a", "image: 1 → 2"),
        Following("a", A1),
        PhaseChanged("a", Phase.SUCCEEDED, ""),
        TargetFinished("a", Outcome.FINISHED),
    ]
    assert result.sent == [
        "connect",
        "resolve a",
        "change a",
        "poll a:staged",
        "poll a:staged",
        "trigger a",
        "poll a-1",
    ]


STAGED_SCRIPT: Script = {"change a": [CHANGES], "poll a:staged": [STAGED]}


@pytest.mark.parametrize(
    ("script", "reported"),
    [
        pytest.param({}, 1, id="started"),
        pytest.param({"trigger a": [Started((), "accepted")]}, 1, id="accepted"),
        pytest.param(
            {"trigger a": [UnavailableError("cut", may_have_arrived=True)], "find a": [Started((A1,))]},
            1,
            id="lost-response-and-found",
        ),
        pytest.param({"trigger a": [UnavailableError("cut"), Started((A1,))]}, 1, id="second-attempt"),
        pytest.param({"trigger a": [Rejected("quota")]}, 0, id="refused"),
        pytest.param({"poll a:staged": [BROKEN]}, 0, id="staging-failed"),
        pytest.param({"poll a:staged": [RUNNING]}, 0, id="staging-timed-out"),
    ],
)
def test_changes_made_by_the_trigger_are_reported_after_it(script: Script, reported: int) -> None:
    result = run_script({**STAGED_SCRIPT, **script}, has_changes=True)
    assert result.events.count(ChangeApplied("a", "image: 1 → 2")) == reported


def test_failed_staging_prevents_the_trigger() -> None:
    result = run_script({"change a": [CHANGES], "poll a:staged": [BROKEN]}, has_changes=True)
    assert result.ends() == [TargetFinished("a", Outcome.FAILED, "manifest unknown")]
    assert "trigger a" not in result.sent


def test_staging_that_times_out_prevents_the_trigger() -> None:
    result = run_script({"change a": [CHANGES], "poll a:staged": [RUNNING]}, has_changes=True, timeout=60)
    assert result.ends() == [TargetFinished("a", Outcome.TIMED_OUT, NOT_FINISHED)]
    assert result.times("poll a:staged")[-1] == pytest.approx(60, abs=1)
    assert "trigger a" not in result.sent


def test_staging_and_deployment_share_the_timeout() -> None:
    polls = [*[RUNNING] * 20, STAGED]
    result = run_script(
        {"change a": [CHANGES], "poll a:staged": polls, "poll a-1": [RUNNING]},
        has_changes=True,
        timeout=120,
    )
    assert result.outcome is Outcome.TIMED_OUT
    assert result.times("poll a-1")[-1] == pytest.approx(120, abs=1)


def test_without_wait_staging_is_still_awaited() -> None:
    result = run_script(
        {"change a": [CHANGES], "poll a:staged": [RUNNING, STAGED]}, has_changes=True, wait=False
    )
    assert result.outcome is Outcome.TRIGGERED
    assert result.sent[-3:] == ["poll a:staged", "poll a:staged", "trigger a"]


def test_staging_of_one_target_does_not_delay_another() -> None:
    script: Script = {
        "change a": [CHANGES],
        "change b": [Changes(())],
        "poll a:staged": [*[RUNNING] * 5, STAGED],
    }
    result = run_script(script, targets=("a", "b"), has_changes=True)
    assert result.sent.index("trigger b") < result.sent.index("trigger a")
    assert result.outcome is Outcome.FINISHED


def test_a_signal_during_staging_cancels_it_and_reports_the_result() -> None:
    script: Script = {
        "change a": [CHANGES],
        "poll a:staged": [RUNNING],
        "cancel build": ["staging continues"],
    }
    result = run_script(script, has_changes=True, signals=[(5, "SIGTERM")])
    assert result.outcome is Outcome.INTERRUPTED
    assert (
        CancelResult("a", replace(STAGING_CONDITION, id=""), "staging continues") in result.events
    )  # not a deployment
    assert "trigger a" not in result.sent


def test_a_revoked_token_during_staging_prevents_the_trigger() -> None:
    result = run_script(
        {"change a": [CHANGES], "poll a:staged": [RefusedError("revoked", token_wide=True)]},
        has_changes=True,
    )
    assert result.ends() == [TargetFinished("a", Outcome.LOST, "revoked")]


@pytest.mark.parametrize(
    ("snapshots", "expected"),
    [
        pytest.param([STAGED], StartNow(), id="all-succeed"),
        pytest.param([STAGED, BROKEN], Verdict(Outcome.FAILED, "manifest unknown"), id="one-failed"),
    ],
)
def test_staging_succeeds_when_all_its_watches_do(
    snapshots: list[Snapshot], expected: StartNow | Verdict
) -> None:
    watches = tuple(
        observe(Watch(STAGING_CONDITION, 0, 60, stage=Stage.STAGING), snapshot, 1)[0]
        for snapshot in snapshots
    )
    assert next_step(Stage.STAGING, watches, repeated=False) == expected


def test_a_deployment_replaced_by_a_later_one_is_superseded() -> None:
    result = run_script({"poll a-1": [RUNNING, Snapshot(Phase.SUPERSEDED, reason="a later one")]})
    assert result.ends() == [TargetFinished("a", Outcome.SUPERSEDED, "a later one")]


def test_a_phase_that_must_be_stable_is_polled_twice() -> None:
    briefly = Snapshot(Phase.SUCCEEDED, "2 of 2 running", stable_for=0.5, final=False)
    result = run_script({"poll a-1": [briefly]})
    assert result.sent[-2:] == ["poll a-1", "poll a-1"]
    assert result.outcome is Outcome.FINISHED
    assert DONE.stable_for == 0
