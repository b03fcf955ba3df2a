"""What must have succeeded before the start: a leg of its own, in which nothing that runs is touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.model import (
    Begun,
    Changed,
    Checked,
    Ended,
    Entry,
    Followed,
    Handle,
    Leg,
    Logged,
    Moved,
    Outcome,
    Phase,
    Prepared,
    Reached,
    Refused,
    RefusedError,
    Snapshot,
    Started,
    Target,
    UnavailableError,
    Warned,
    Withdrawn,
)
from deployer.watch import Final, Ready, Watch, after, observe
from tests.test_run import A1, DONE, LATE, RUNNING, Script, tell

BUILD = Handle("a", "build", aspect="staged")
PREPARED = Prepared(("image: 1 → 2",), ("slow",), handles=(BUILD,))
STAGED, BROKEN = Snapshot(Phase.SUCCEEDED, "staged"), Snapshot(Phase.FAILED, "failed", reason="manifest unknown")


def test_the_start_comes_after_the_staging() -> None:
    line = Entry("k", "Staging...")
    tale = tell({"prepare a": [PREPARED], "look a:staged": [Snapshot(Phase.RUNNING, "staging", log=(line,)), STAGED]}, alters=True)
    assert tale.outcome is Outcome.FINISHED
    assert tale.events == [
        Reached("Fake 1"),
        Checked(Target("a")),
        Warned("a", "slow"),
        Begun("a"),
        Followed("a", BUILD, leg=Leg.STAGING),
        Moved("a", Phase.RUNNING, "staging", leg=Leg.STAGING),
        Logged("a", (line,)),
        Moved("a", Phase.SUCCEEDED, "staged", leg=Leg.STAGING),
        Changed("a", "image: 1 → 2"),
        Followed("a", A1),
        Moved("a", Phase.SUCCEEDED, ""),
        Ended("a", Outcome.FINISHED),
    ]
    assert tale.sent == ["reach", "check a", "prepare a", "look a:staged", "look a:staged", "start a", "look a-1"]


STAGING: Script = {"prepare a": [PREPARED], "look a:staged": [STAGED]}


@pytest.mark.parametrize(
    ("script", "changes"),
    [
        pytest.param({}, 1, id="started"),
        pytest.param({"start a": [Started((), "accepted")]}, 1, id="accepted"),
        pytest.param({"start a": [UnavailableError("cut", arrived=True)], "find a": [Started((A1,))]}, 1, id="lost-and-found"),
        pytest.param({"start a": [UnavailableError("cut"), Started((A1,))]}, 1, id="at-the-second-try"),
        pytest.param({"start a": [Refused("quota")]}, 0, id="refused"),
        pytest.param({"look a:staged": [BROKEN]}, 0, id="not-staged"),
        pytest.param({"look a:staged": [RUNNING]}, 0, id="never-staged"),
    ],
)
def test_what_only_the_start_changes_is_told_once_it_is_started(script: Script, changes: int) -> None:
    tale = tell({**STAGING, **script}, alters=True)
    assert tale.events.count(Changed("a", "image: 1 → 2")) == changes


def test_a_failed_staging_starts_nothing() -> None:
    tale = tell({"prepare a": [PREPARED], "look a:staged": [BROKEN]}, alters=True)
    assert tale.ends() == [Ended("a", Outcome.FAILED, "manifest unknown")]
    assert "start a" not in tale.sent


def test_a_staging_without_end_is_over_at_the_limit_and_starts_nothing() -> None:
    tale = tell({"prepare a": [PREPARED], "look a:staged": [RUNNING]}, alters=True, timeout=60)
    assert tale.ends() == [Ended("a", Outcome.TIMED_OUT, LATE)]
    assert tale.times("look a:staged")[-1] == pytest.approx(60, abs=1)
    assert "start a" not in tale.sent


def test_the_limit_holds_for_staging_and_deployment_together() -> None:
    looks = [*[RUNNING] * 20, STAGED]
    tale = tell({"prepare a": [PREPARED], "look a:staged": looks, "look a-1": [RUNNING]}, alters=True, timeout=120)
    assert tale.outcome is Outcome.TIMED_OUT
    assert tale.times("look a-1")[-1] == pytest.approx(120, abs=1)


def test_who_does_not_wait_waits_for_the_staging_all_the_same() -> None:
    tale = tell({"prepare a": [PREPARED], "look a:staged": [RUNNING, STAGED]}, alters=True, wait=False)
    assert tale.outcome is Outcome.TRIGGERED
    assert tale.sent[-3:] == ["look a:staged", "look a:staged", "start a"]


def test_one_target_s_staging_does_not_keep_another_from_being_started() -> None:
    script: Script = {
        "prepare a": [PREPARED],
        "prepare b": [Prepared(())],
        "look a:staged": [*[RUNNING] * 5, STAGED],
    }
    tale = tell(script, targets=("a", "b"), alters=True)
    assert tale.sent.index("start b") < tale.sent.index("start a")
    assert tale.outcome is Outcome.FINISHED


def test_a_job_that_is_stopped_while_it_is_staged_says_what_becomes_of_it() -> None:
    script: Script = {"prepare a": [PREPARED], "look a:staged": [RUNNING], "cancel build": ["it goes on by itself"]}
    tale = tell(script, alters=True, signals=[(5, "SIGTERM")])
    assert tale.outcome is Outcome.INTERRUPTED
    assert Withdrawn("a", replace(BUILD, id=""), "it goes on by itself") in tale.events  # it is no deployment
    assert "start a" not in tale.sent


def test_a_login_that_is_taken_away_while_it_is_staged_starts_nothing() -> None:
    tale = tell({"prepare a": [PREPARED], "look a:staged": [RefusedError("revoked", everywhere=True)]}, alters=True)
    assert tale.ends() == [Ended("a", Outcome.LOST, "revoked")]


@pytest.mark.parametrize(
    ("sights", "expected"),
    [
        pytest.param([STAGED], Ready(), id="all-well"),
        pytest.param([STAGED, BROKEN], Final(Outcome.FAILED, "manifest unknown"), id="one-failed"),
    ],
)
def test_a_staging_is_over_well_when_all_of_it_is(sights: list[Snapshot], expected: Ready | Final) -> None:
    watches = tuple(observe(Watch(BUILD, 0, 60, leg=Leg.STAGING), sight, 1)[0] for sight in sights)
    assert after(Leg.STAGING, watches, repeated=False) == expected


def test_a_deployment_whose_place_was_taken_is_superseded() -> None:
    tale = tell({"look a-1": [RUNNING, Snapshot(Phase.SUPERSEDED, reason="a later one")]})
    assert tale.ends() == [Ended("a", Outcome.SUPERSEDED, "a later one")]


def test_a_second_look_is_taken_at_what_must_last() -> None:
    once = Snapshot(Phase.SUCCEEDED, "2 of 2 running", hold=0.5, settled=False)
    tale = tell({"look a-1": [once]})
    assert tale.sent[-2:] == ["look a-1", "look a-1"]
    assert tale.outcome is Outcome.FINISHED
    assert DONE.hold == 0
