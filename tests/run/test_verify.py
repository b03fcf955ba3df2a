"""Whether the site responds as expected."""

from __future__ import annotations

import pytest

from deployer import watch as rules
from deployer.model import (
    Following,
    GroupMember,
    GroupStarted,
    Handle,
    Outcome,
    Phase,
    PhaseChanged,
    Snapshot,
    Stage,
    Target,
    TargetFinished,
    TargetResolved,
    TargetWarning,
    Triggering,
)
from tests.run.scripted import (
    A1,
    BOTH,
    BROKEN,
    CANCELLED,
    FAREWELL,
    GOES_ON,
    GONE,
    REACHED,
    REVOKED,
    RUNNING,
    SIGNAL_AT_2,
    Script,
    phase,
    tell,
)

ADDRESS = "https://a.example.com"


MINE = Target("a", url=ADDRESS)


VISITED = Handle("a", "", condition=rules.SITE_RESPONDS)


SAYS_502 = Snapshot(Phase.RUNNING, "HTTP 502", reason="it responded with HTTP 502")


SAYS_200 = Snapshot(Phase.SUCCEEDED, "HTTP 200", stable_for=1, final=False)


def answered(detail: str, phase: Phase = Phase.RUNNING, target: str = "a") -> PhaseChanged:
    return PhaseChanged(target, phase, detail, stage=Stage.VERIFY)


def test_two_good_answers_in_a_row_count() -> None:
    tale = tell(
        {"check a": [MINE], f"visit {ADDRESS}": [SAYS_502, SAYS_200, SAYS_502, SAYS_200]},
        visits=True,
        own_site=True,
        poll_interval=5,
    )
    assert tale.events == [
        *(
            REACHED,
            TargetResolved(MINE),
            Triggering("a"),
            Following("a", A1),
            phase(Phase.SUCCEEDED),
            Following("a", VISITED, stage=Stage.VERIFY),
        ),
        *(
            answered("HTTP 502"),
            answered("HTTP 200", Phase.SUCCEEDED),
            answered("HTTP 502"),
            answered("HTTP 200", Phase.SUCCEEDED),
        ),
        TargetFinished("a", Outcome.FINISHED),
    ]
    assert tale.times(f"visit {ADDRESS}") == [0, 5, 10, 15, 20]


def test_what_does_not_answer_well_in_time_is_not_proven() -> None:
    tale = tell({"visit ": [SAYS_502]}, visits=True, verify_timeout=20, poll_interval=15)
    assert tale.ends() == [TargetFinished("a", Outcome.UNVERIFIED, "it responded with HTTP 502")]
    assert tale.times("visit ") == [0, 15, 20]


def test_an_application_without_an_address_of_its_own_is_refused_before_anything_is_changed() -> None:
    tale = tell({}, targets=("a", "b"), visits=True, own_site=True, has_changes=True)
    assert tale.ends() == [
        TargetFinished(
            target, Outcome.REFUSED, "`verify_url: auto`: no address of it is known. Give the address itself"
        )
        for target in "ab"
    ]
    assert tale.sent == ["reach", "check a", "check b"]


def test_a_member_of_a_tag_without_an_address_is_not_asked_and_that_is_said() -> None:
    parts = (GroupMember(MINE, A1), BOTH[1])
    tale = tell(
        {"check t": [Target("t", group=True)], "start t": [GroupStarted(parts)]},
        targets=("t",),
        visits=True,
        own_site=True,
    )
    assert [event for event in tale.events if isinstance(event, TargetWarning)] == [
        TargetWarning("b", "`verify_url: auto`: no address of it is known, so that nothing is asked")
    ]
    assert {call for call in tale.sent if call.startswith("visit")} == {f"visit {ADDRESS}"}
    assert sorted(event.target for event in tale.ends()) == ["a", "b"]
    assert tale.outcome is Outcome.FINISHED


def test_a_revoked_token_does_not_keep_a_site_from_being_asked() -> None:
    script: Script = {"visit ": [SAYS_502, SAYS_502, SAYS_200], "look b-1": [RUNNING, REVOKED]}
    tale = tell(script, targets=("a", "b"), visits=True, poll_interval=5)
    assert tale.ends() == [
        TargetFinished("b", Outcome.LOST, f"{GOES_ON}the token is revoked"),
        TargetFinished("a", Outcome.FINISHED),
    ]
    assert tale.sent[-3:] == ["visit ", "visit ", "visit "]


def test_a_revoked_token_is_no_evidence_against_a_site() -> None:
    script: Script = {"visit ": [SAYS_502], "look b-1": [RUNNING, REVOKED]}
    tale = tell(script, targets=("a", "b"), visits=True, poll_interval=5, verify_timeout=30)
    assert tale.ends()[-1] == TargetFinished("a", Outcome.UNVERIFIED, "it responded with HTTP 502")
    assert tale.times("visit ")[-1] == 30


@pytest.mark.parametrize(
    "last", [BROKEN, CANCELLED, GONE, Snapshot(Phase.UNVERIFIED)], ids=lambda last: last.phase.value
)
def test_only_what_was_deployed_is_asked(last: Snapshot) -> None:
    assert "visit " not in tell({"look a-1": [last]}, visits=True).sent


def test_a_signal_while_a_site_is_asked_cancels_nothing() -> None:
    tale = tell({"visit ": [SAYS_502]}, visits=True, signals=SIGNAL_AT_2)
    assert tale.events[-2:] == FAREWELL
    assert not [call for call in tale.sent if call.startswith("cancel")]
