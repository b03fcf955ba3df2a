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
    ABSENT,
    BOTH_MEMBERS,
    BROKEN,
    CANCELLED,
    CONNECTED,
    INTERRUPTED,
    REVOKED,
    RUNNING,
    SIGNAL_AT_2,
    STATUS_UNREADABLE,
    Script,
    phase,
    run_script,
)

ADDRESS = "https://a.example.com"


TARGET_WITH_URL = Target("a", url=ADDRESS)


SITE_CONDITION = Handle("a", "", condition=rules.SITE_RESPONDS)


HTTP_502 = Snapshot(Phase.RUNNING, "HTTP 502", reason="it responded with HTTP 502")


HTTP_200 = Snapshot(Phase.SUCCEEDED, "HTTP 200", stable_for=1, final=False)


def verify_phase(detail: str, phase: Phase = Phase.RUNNING, target: str = "a") -> PhaseChanged:
    return PhaseChanged(target, phase, detail, stage=Stage.VERIFY)


def test_two_consecutive_ok_responses_verify_a_site() -> None:
    result = run_script(
        {"resolve a": [TARGET_WITH_URL], f"visit {ADDRESS}": [HTTP_502, HTTP_200, HTTP_502, HTTP_200]},
        visits=True,
        own_site=True,
        poll_interval=5,
    )
    assert result.events == [
        *(
            CONNECTED,
            TargetResolved(TARGET_WITH_URL),
            Triggering("a"),
            Following("a", A1),
            phase(Phase.SUCCEEDED),
            Following("a", SITE_CONDITION, stage=Stage.VERIFY),
        ),
        *(
            verify_phase("HTTP 502"),
            verify_phase("HTTP 200", Phase.SUCCEEDED),
            verify_phase("HTTP 502"),
            verify_phase("HTTP 200", Phase.SUCCEEDED),
        ),
        TargetFinished("a", Outcome.FINISHED),
    ]
    assert result.times(f"visit {ADDRESS}") == [0, 5, 10, 15, 20]


def test_a_site_without_ok_responses_in_time_is_unverified() -> None:
    result = run_script({"visit ": [HTTP_502]}, visits=True, verify_timeout=20, poll_interval=15)
    assert result.ends() == [TargetFinished("a", Outcome.UNVERIFIED, "it responded with HTTP 502")]
    assert result.times("visit ") == [0, 15, 20]


def test_verify_url_auto_without_a_url_is_refused_before_any_change() -> None:
    result = run_script({}, targets=("a", "b"), visits=True, own_site=True, has_changes=True)
    assert result.ends() == [
        TargetFinished(
            target,
            Outcome.REFUSED,
            "`verify_url: auto`: its address is unknown. Set `verify_url` to the address",
        )
        for target in "ab"
    ]
    assert result.sent == ["connect", "resolve a", "resolve b"]


def test_a_group_member_without_a_url_is_not_verified_and_that_is_reported() -> None:
    parts = (GroupMember(TARGET_WITH_URL, A1), BOTH_MEMBERS[1])
    result = run_script(
        {"resolve t": [Target("t", group=True)], "trigger t": [GroupStarted(parts)]},
        targets=("t",),
        visits=True,
        own_site=True,
    )
    assert [event for event in result.events if isinstance(event, TargetWarning)] == [
        TargetWarning("b", "`verify_url: auto`: its address is unknown, so no site is verified")
    ]
    assert {call for call in result.sent if call.startswith("visit")} == {f"visit {ADDRESS}"}
    assert sorted(event.target for event in result.ends()) == ["a", "b"]
    assert result.outcome is Outcome.FINISHED


def test_a_revoked_token_does_not_stop_site_checks() -> None:
    script: Script = {"visit ": [HTTP_502, HTTP_502, HTTP_200], "poll b-1": [RUNNING, REVOKED]}
    result = run_script(script, targets=("a", "b"), visits=True, poll_interval=5)
    assert result.ends() == [
        TargetFinished("b", Outcome.LOST, f"{STATUS_UNREADABLE}the token is revoked"),
        TargetFinished("a", Outcome.FINISHED),
    ]
    assert result.sent[-3:] == ["visit ", "visit ", "visit "]


def test_a_site_check_continues_until_its_timeout_after_a_revoked_token() -> None:
    script: Script = {"visit ": [HTTP_502], "poll b-1": [RUNNING, REVOKED]}
    result = run_script(script, targets=("a", "b"), visits=True, poll_interval=5, verify_timeout=30)
    assert result.ends()[-1] == TargetFinished("a", Outcome.UNVERIFIED, "it responded with HTTP 502")
    assert result.times("visit ")[-1] == 30


@pytest.mark.parametrize(
    "last", [BROKEN, CANCELLED, ABSENT, Snapshot(Phase.UNVERIFIED)], ids=lambda last: last.phase.value
)
def test_only_deployed_targets_are_verified(last: Snapshot) -> None:
    assert "visit " not in run_script({"poll a-1": [last]}, visits=True).sent


def test_a_signal_during_site_checks_cancels_nothing() -> None:
    result = run_script({"visit ": [HTTP_502]}, visits=True, signals=SIGNAL_AT_2)
    assert result.events[-2:] == INTERRUPTED
    assert not [call for call in result.sent if call.startswith("cancel")]
