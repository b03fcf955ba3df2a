"""What must have succeeded before the start: a leg of its own, in which nothing that runs is touched."""

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
from tests.run.scripted import A1, DONE, LATE, RUNNING, Script, tell

BUILD = Handle("a", "build", condition="staged")
PREPARED = Changes(("image: 1 → 2",), ("slow",), handles=(BUILD,))
STAGED, BROKEN = (
    Snapshot(Phase.SUCCEEDED, "staged"),
    Snapshot(Phase.FAILED, "failed", reason="manifest unknown"),
)


def test_the_start_comes_after_the_staging() -> None:
    line = Entry("k", "Staging...")
    tale = tell(
        {"prepare a": [PREPARED], "look a:staged": [Snapshot(Phase.RUNNING, "staging", log=(line,)), STAGED]},
        has_changes=True,
    )
    assert tale.outcome is Outcome.FINISHED
    assert tale.events == [
        Connected("Fake 1"),
        TargetResolved(Target("a")),
        TargetWarning("a", "slow"),
        Triggering("a"),
        Following("a", BUILD, stage=Stage.STAGING),
        PhaseChanged("a", Phase.RUNNING, "staging", stage=Stage.STAGING),
        LogLines("a", (line,)),
        PhaseChanged("a", Phase.SUCCEEDED, "staged", stage=Stage.STAGING),
        ChangeApplied("a", "image: 1 → 2"),
        Following("a", A1),
        PhaseChanged("a", Phase.SUCCEEDED, ""),
        TargetFinished("a", Outcome.FINISHED),
    ]
    assert tale.sent == [
        "reach",
        "check a",
        "prepare a",
        "look a:staged",
        "look a:staged",
        "start a",
        "look a-1",
    ]


STAGING: Script = {"prepare a": [PREPARED], "look a:staged": [STAGED]}


@pytest.mark.parametrize(
    ("script", "changes"),
    [
        pytest.param({}, 1, id="started"),
        pytest.param({"start a": [Started((), "accepted")]}, 1, id="accepted"),
        pytest.param(
            {"start a": [UnavailableError("cut", may_have_arrived=True)], "find a": [Started((A1,))]},
            1,
            id="lost-and-found",
        ),
        pytest.param({"start a": [UnavailableError("cut"), Started((A1,))]}, 1, id="at-the-second-try"),
        pytest.param({"start a": [Rejected("quota")]}, 0, id="refused"),
        pytest.param({"look a:staged": [BROKEN]}, 0, id="not-staged"),
        pytest.param({"look a:staged": [RUNNING]}, 0, id="never-staged"),
    ],
)
def test_what_only_the_start_changes_is_told_once_it_is_started(script: Script, changes: int) -> None:
    tale = tell({**STAGING, **script}, has_changes=True)
    assert tale.events.count(ChangeApplied("a", "image: 1 → 2")) == changes


def test_a_failed_staging_starts_nothing() -> None:
    tale = tell({"prepare a": [PREPARED], "look a:staged": [BROKEN]}, has_changes=True)
    assert tale.ends() == [TargetFinished("a", Outcome.FAILED, "manifest unknown")]
    assert "start a" not in tale.sent


def test_a_staging_without_end_is_over_at_the_limit_and_starts_nothing() -> None:
    tale = tell({"prepare a": [PREPARED], "look a:staged": [RUNNING]}, has_changes=True, timeout=60)
    assert tale.ends() == [TargetFinished("a", Outcome.TIMED_OUT, LATE)]
    assert tale.times("look a:staged")[-1] == pytest.approx(60, abs=1)
    assert "start a" not in tale.sent


def test_the_limit_holds_for_staging_and_deployment_together() -> None:
    looks = [*[RUNNING] * 20, STAGED]
    tale = tell(
        {"prepare a": [PREPARED], "look a:staged": looks, "look a-1": [RUNNING]},
        has_changes=True,
        timeout=120,
    )
    assert tale.outcome is Outcome.TIMED_OUT
    assert tale.times("look a-1")[-1] == pytest.approx(120, abs=1)


def test_who_does_not_wait_waits_for_the_staging_all_the_same() -> None:
    tale = tell({"prepare a": [PREPARED], "look a:staged": [RUNNING, STAGED]}, has_changes=True, wait=False)
    assert tale.outcome is Outcome.TRIGGERED
    assert tale.sent[-3:] == ["look a:staged", "look a:staged", "start a"]


def test_one_target_s_staging_does_not_keep_another_from_being_started() -> None:
    script: Script = {
        "prepare a": [PREPARED],
        "prepare b": [Changes(())],
        "look a:staged": [*[RUNNING] * 5, STAGED],
    }
    tale = tell(script, targets=("a", "b"), has_changes=True)
    assert tale.sent.index("start b") < tale.sent.index("start a")
    assert tale.outcome is Outcome.FINISHED


def test_a_job_that_is_stopped_while_it_is_staged_says_what_becomes_of_it() -> None:
    script: Script = {
        "prepare a": [PREPARED],
        "look a:staged": [RUNNING],
        "cancel build": ["it goes on by itself"],
    }
    tale = tell(script, has_changes=True, signals=[(5, "SIGTERM")])
    assert tale.outcome is Outcome.INTERRUPTED
    assert (
        CancelResult("a", replace(BUILD, id=""), "it goes on by itself") in tale.events
    )  # it is no deployment
    assert "start a" not in tale.sent


def test_a_login_that_is_taken_away_while_it_is_staged_starts_nothing() -> None:
    tale = tell(
        {"prepare a": [PREPARED], "look a:staged": [RefusedError("revoked", token_wide=True)]},
        has_changes=True,
    )
    assert tale.ends() == [TargetFinished("a", Outcome.LOST, "revoked")]


@pytest.mark.parametrize(
    ("sights", "expected"),
    [
        pytest.param([STAGED], StartNow(), id="all-well"),
        pytest.param([STAGED, BROKEN], Verdict(Outcome.FAILED, "manifest unknown"), id="one-failed"),
    ],
)
def test_a_staging_is_over_well_when_all_of_it_is(
    sights: list[Snapshot], expected: StartNow | Verdict
) -> None:
    watches = tuple(observe(Watch(BUILD, 0, 60, stage=Stage.STAGING), sight, 1)[0] for sight in sights)
    assert next_step(Stage.STAGING, watches, repeated=False) == expected


def test_a_deployment_whose_place_was_taken_is_superseded() -> None:
    tale = tell({"look a-1": [RUNNING, Snapshot(Phase.SUPERSEDED, reason="a later one")]})
    assert tale.ends() == [TargetFinished("a", Outcome.SUPERSEDED, "a later one")]


def test_a_second_look_is_taken_at_what_must_last() -> None:
    once = Snapshot(Phase.SUCCEEDED, "2 of 2 running", stable_for=0.5, final=False)
    tale = tell({"look a-1": [once]})
    assert tale.sent[-2:] == ["look a-1", "look a-1"]
    assert tale.outcome is Outcome.FINISHED
    assert DONE.stable_for == 0
