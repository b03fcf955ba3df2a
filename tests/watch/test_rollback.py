"""watch.py: when a target is rolled back, and what that ends in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.model import AccessDenied, Observation, Outcome, Phase, PollFailed, Snapshot, Stage
from deployer.watch import (
    LAST_CHECK_INCONCLUSIVE,
    NO_EVIDENCE,
    Checks,
    NextStage,
    NextStep,
    Retrigger,
    RollBack,
    Verdict,
    Watch,
    next_step,
)
from tests.watch.builders import (
    ADOPTED,
    BAD_ANSWER,
    BROKEN,
    DEADLINE,
    DONE,
    DOWN,
    FINE,
    FRESH,
    GONE,
    GOOD_ANSWER,
    HERE,
    LATE,
    LISTED,
    OTHERS,
    PERHAPS_OURS,
    PHANTOM,
    PROOF,
    PROVABLE,
    REAL,
    RUNNING,
    SOMEBODY,
    STARTING,
    UNSEEN,
    UP,
    VISITED,
    health,
    on,
    over,
    played,
)

SAID_BAD = replace(BAD_ANSWER, shows_failure=True)


NO_ANSWER = Snapshot(Phase.RUNNING, "no response", reason="https://web.example.com: no connection")


GO_BACK = Checks(rollback=True)


def visit(*looks: tuple[float, Observation]) -> Watch:
    return played(list(looks), replace(FRESH, handle=VISITED, stage=Stage.VERIFY))[0]


@pytest.mark.parametrize(
    ("leg", "watch", "then"),
    [
        pytest.param(
            Stage.HEALTH,
            health((10, DOWN), (70, DOWN)),
            RollBack(Verdict(Outcome.UNVERIFIED, DOWN.reason, PROOF)),
            id="it-is-down",
        ),
        pytest.param(
            Stage.VERIFY,
            visit((1, SAID_BAD), (100, SAID_BAD)),
            RollBack(Verdict(Outcome.UNVERIFIED, SAID_BAD.reason, PROOF)),
            id="a-bad-answer",
        ),
        pytest.param(Stage.HEALTH, health((10, replace(UP, stable_for=0))), PROVABLE, id="not-when-it-runs"),
        pytest.param(
            Stage.VERIFY, visit((1, GOOD_ANSWER), (2, GOOD_ANSWER)), PROVABLE, id="not-when-it-answers"
        ),
        pytest.param(
            Stage.VERIFY,
            visit((1, SAID_BAD), (2, GOOD_ANSWER), (3, GOOD_ANSWER)),
            PROVABLE,
            id="not-when-it-answers-late",
        ),
        pytest.param(
            Stage.VERIFY,
            visit((1, SAID_BAD), (100, NO_ANSWER)),
            Verdict(Outcome.UNVERIFIED, NO_ANSWER.reason, PROOF, LAST_CHECK_INCONCLUSIVE),
            id="not-when-nothing-answers-in-the-end",
        ),
        pytest.param(
            Stage.VERIFY,
            visit((1, NO_ANSWER), (100, NO_ANSWER)),
            Verdict(Outcome.UNVERIFIED, NO_ANSWER.reason, PROOF, NO_EVIDENCE),
            id="not-when-nothing-ever-answers",
        ),
        pytest.param(
            Stage.VERIFY,
            visit((1, SAID_BAD), (100, GOOD_ANSWER)),
            Verdict(
                Outcome.UNVERIFIED,
                "its last answer was good (HTTP 200), but two in a row count, and there was no time for a second",
                PROOF,
                LAST_CHECK_INCONCLUSIVE,
            ),
            id="not-when-the-last-answer-was-good",
        ),
        pytest.param(
            Stage.HEALTH,
            health((90, DOWN), (100, DOWN)),
            replace(PROVABLE, warning=f"deployed, but not seen for long enough to be sure: {DOWN.reason}"),
            id="not-when-it-was-down-too-short",
        ),
        pytest.param(
            Stage.HEALTH,
            health((10, STARTING), (100, STARTING)),
            replace(PROVABLE, warning=f"deployed, but {UNSEEN}{STARTING.reason}"),
            id="not-when-nobody-could-tell",
        ),
    ],
)
def test_only_what_was_seen_not_to_run_is_taken_back(leg: Stage, watch: Watch, then: NextStep) -> None:
    assert next_step(leg, (watch,), repeated=False, so_far=PROVABLE, aims=GO_BACK) == then


@pytest.mark.parametrize(
    ("leg", "watch"),
    [
        pytest.param(Stage.HEALTH, health((10, DOWN), (70, DOWN)), id="its-health"),
        pytest.param(Stage.VERIFY, visit((1, SAID_BAD), (100, SAID_BAD)), id="its-site"),
    ],
)
def test_nothing_is_taken_back_unasked_nor_a_second_time(leg: Stage, watch: Watch) -> None:
    assert isinstance(next_step(leg, (watch,), repeated=False, so_far=PROVABLE), Verdict)


@pytest.mark.parametrize(
    ("watch", "warning"),
    [
        pytest.param(health((10, STARTING), (100, STARTING)), NO_EVIDENCE, id="not-clear"),
        pytest.param(health((10, UP), (20, AccessDenied("revoked"))), NO_EVIDENCE, id="barred"),
        pytest.param(health((100, PollFailed("HTTP 502"))), NO_EVIDENCE, id="never-seen"),
    ],
)
def test_that_nobody_could_tell_takes_nothing_back_and_that_is_said(watch: Watch, warning: str) -> None:
    final = next_step(
        Stage.HEALTH, (watch,), repeated=False, so_far=PROVABLE, aims=Checks(strict=True, rollback=True)
    )
    assert isinstance(final, Verdict)
    assert (final.outcome, final.warning) == (Outcome.UNVERIFIED, warning)


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(DONE, FINE, id="succeeded"),
        pytest.param(replace(BROKEN, reason="exit 1"), Verdict(Outcome.FAILED, "exit 1"), id="failed"),
        pytest.param(Snapshot(Phase.CANCELLED), Verdict(Outcome.CANCELLED, ""), id="cancelled"),
        pytest.param(replace(GONE, reason="no row"), Verdict(Outcome.LOST, "no row"), id="gone"),
        pytest.param(RUNNING, Verdict(Outcome.TIMED_OUT, LATE), id="late"),
        pytest.param(
            Snapshot(Phase.UNVERIFIED, reason="its post-deployment command failed"),
            Verdict(Outcome.UNVERIFIED, "its post-deployment command failed", warning=NO_EVIDENCE),
            id="a-command-that-failed-is-no-evidence-and-that-is-said",
        ),
    ],
)
def test_a_deployment_s_own_end_takes_nothing_back(last: Snapshot, final: Verdict) -> None:
    assert next_step(Stage.DEPLOYMENT, (over(last),), repeated=False, aims=GO_BACK) == final


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(replace(BROKEN, reason="exit 1"), Verdict(Outcome.FAILED, f"{HERE}exit 1"), id="failed"),
        pytest.param(
            Snapshot(Phase.UNVERIFIED, reason="skipped"),
            Verdict(Outcome.UNVERIFIED, f"{HERE}skipped", warning=NO_EVIDENCE),
            id="unproven",
        ),
    ],
)
def test_nor_does_another_server_s(last: Snapshot, final: Verdict) -> None:
    assert (
        next_step(Stage.ADDITIONAL_SERVERS, (on("berlin", last),), repeated=False, so_far=FINE, aims=GO_BACK)
        == final
    )


DOWN_AGAIN = Verdict(Outcome.UNVERIFIED, "it does not run", PROOF)


BACK_AGAIN = Verdict(Outcome.ROLLED_BACK, "it does not run. What ran before was put back")


BACK_PROVABLE = replace(BACK_AGAIN, health_check=PROOF)


NOT_BACK = "it does not run. What ran before was to be put back, but was not seen to run again"


@pytest.mark.parametrize(
    ("watch", "repeated", "then"),
    [
        pytest.param(over(DONE), False, BACK_AGAIN, id="put-back"),
        pytest.param(
            over(replace(DONE, health_check=PROOF)),
            False,
            NextStage(Stage.HEALTH, (PROOF,), DEADLINE, BACK_PROVABLE),
            id="its-health-is-read",
        ),
        pytest.param(
            over(replace(DONE, health_check=PROOF, follow_ups=OTHERS)),
            False,
            NextStage(Stage.ADDITIONAL_SERVERS, OTHERS, DEADLINE, BACK_PROVABLE),
            id="its-others-are-followed-first",
        ),
        pytest.param(
            over(Snapshot(Phase.UNVERIFIED, reason="skipped", follow_ups=OTHERS, health_check=PROOF)),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: skipped", PROOF),
            id="unproven",
        ),
        pytest.param(
            over(replace(BROKEN, reason="exit 1")),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: exit 1"),
            id="failed",
        ),
        pytest.param(
            over(BROKEN), False, Verdict(Outcome.UNVERIFIED, NOT_BACK), id="failed-without-a-reason"
        ),
        pytest.param(
            over(Snapshot(Phase.CANCELLED, reason="x")),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: x"),
            id="cancelled",
        ),
        pytest.param(
            over(Snapshot(Phase.CANCELLED, reason="x"), handle=ADOPTED),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: x"),
            id="nor-again-where-somebody-cancels-somebody-else-s",
        ),
        pytest.param(
            over(replace(GONE, reason="no row")),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: no row"),
            id="gone",
        ),
        pytest.param(
            over(AccessDenied("revoked")),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: revoked"),
            id="barred",
        ),
        pytest.param(over(RUNNING), False, Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: {LATE}"), id="late"),
        pytest.param(
            over(replace(GONE, follow_ups=REAL), handle=PHANTOM),
            True,
            NextStage(Stage.ROLLBACK, REAL, DEADLINE, DOWN_AGAIN),
            id="a-phantom-of-another-s",
        ),
        pytest.param(
            over(replace(GONE, reason="none"), handle=PHANTOM),
            False,
            Retrigger("none"),
            id="a-phantom-of-nothing",
        ),
        pytest.param(
            over(replace(GONE, reason="none"), handle=PHANTOM),
            True,
            Verdict(Outcome.UNVERIFIED, f"{NOT_BACK}: none"),
            id="a-phantom-of-nothing-again",
        ),
    ],
)
@pytest.mark.parametrize(
    "aims", [Checks(), Checks(site=True), Checks(strict=True)], ids=["", "site", "strict"]
)
def test_what_is_put_back_is_followed_to_its_end(
    watch: Watch, repeated: bool, then: NextStep, aims: Checks
) -> None:
    assert next_step(Stage.ROLLBACK, (watch,), repeated=repeated, so_far=DOWN_AGAIN, aims=aims) == then


@pytest.mark.parametrize(
    ("leg", "watch", "aims", "then"),
    [
        pytest.param(
            Stage.ADDITIONAL_SERVERS,
            on("berlin", DONE),
            Checks(site=True),
            NextStage(Stage.HEALTH, (PROOF,), DEADLINE, BACK_PROVABLE),
            id="others",
        ),
        pytest.param(
            Stage.ADDITIONAL_SERVERS,
            on("berlin", replace(BROKEN, reason="exit 1")),
            Checks(site=True),
            Verdict(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but {HERE}exit 1"),
            id="others-that-fail",
        ),
        pytest.param(
            Stage.ADDITIONAL_SERVERS,
            on("berlin", RUNNING),
            Checks(),
            Verdict(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but {HERE}{LATE}"),
            id="others-that-are-late",
        ),
        pytest.param(
            Stage.HEALTH,
            health((10, replace(UP, stable_for=0))),
            Checks(site=True),
            BACK_PROVABLE,
            id="it-runs-and-no-site-is-asked",
        ),
        pytest.param(
            Stage.HEALTH,
            health((10, DOWN), (70, DOWN)),
            Checks(),
            Verdict(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but {DOWN.reason}"),
            id="it-does-not-run-either",
        ),
        pytest.param(
            Stage.HEALTH,
            health((10, replace(DOWN, reason="")), (70, replace(DOWN, reason=""))),
            Checks(),
            Verdict(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but unverified"),
            id="and-nobody-says-why",
        ),
        pytest.param(
            Stage.HEALTH,
            health((10, STARTING), (100, STARTING)),
            Checks(),
            replace(BACK_PROVABLE, warning=f"deployed, but {UNSEEN}{STARTING.reason}"),
            id="nobody-could-tell",
        ),
        pytest.param(
            Stage.HEALTH,
            health((10, STARTING), (100, STARTING)),
            Checks(strict=True),
            Verdict(Outcome.UNVERIFIED, f"{BACK_AGAIN.reason}, but {UNSEEN}{STARTING.reason}"),
            id="proof-was-asked-for",
        ),
    ],
)
def test_what_runs_again_must_prove_it_too(leg: Stage, watch: Watch, aims: Checks, then: NextStep) -> None:
    assert next_step(leg, (watch,), repeated=False, so_far=BACK_PROVABLE, aims=aims) == then


@pytest.mark.parametrize(
    ("watches", "final"),
    [
        pytest.param((over(DONE), over(DONE)), FINE, id="all-well"),
        pytest.param(
            (over(DONE), over(replace(BROKEN, reason="exit 1"))),
            Verdict(Outcome.FAILED, "exit 1"),
            id="the-second-failed",
        ),
        pytest.param(
            (over(RUNNING), over(replace(BROKEN, reason="one")), over(replace(BROKEN, reason="two"))),
            Verdict(Outcome.FAILED, "one"),
            id="the-first-of-the-worst-speaks",
        ),
        pytest.param(
            (over(Snapshot(Phase.CANCELLED)), over(AccessDenied("revoked"))),
            Verdict(Outcome.LOST, "revoked"),
            id="lost-beats-cancelled",
        ),
        pytest.param(
            (over(replace(DONE, follow_ups=OTHERS)), over(replace(BROKEN, reason="exit 1"))),
            Verdict(Outcome.FAILED, "exit 1"),
            id="no-success-hides-it",
        ),
        pytest.param(
            (over(replace(DONE, follow_ups=REAL)), over(replace(DONE, follow_ups=OTHERS))),
            NextStage(Stage.ADDITIONAL_SERVERS, (*REAL, *OTHERS), DEADLINE, FINE),
            id="all-their-others",
        ),
        pytest.param(
            (over(DONE), over(replace(DONE, follow_ups=OTHERS))),
            NextStage(Stage.ADDITIONAL_SERVERS, OTHERS, DEADLINE, FINE),
            id="the-second-s-others",
        ),
        pytest.param(
            (over(GONE, handle=PHANTOM), over(BROKEN)),
            Verdict(Outcome.FAILED, ""),
            id="one-is-gone-and-one-failed",
        ),
        pytest.param((over(GONE, handle=PHANTOM), over(DONE)), FINE, id="a-phantom-counts-as-nothing"),
        pytest.param(
            (over(DONE), over(replace(GONE, reason="none any more"), handle=LISTED)),
            FINE,
            id="a-listed-one-too",
        ),
        pytest.param(
            (over(replace(GONE, follow_ups=REAL), handle=LISTED), over(DONE)),
            FINE,
            id="also-with-another-s-behind-it",
        ),
        pytest.param(
            (over(replace(GONE, reason="no row"), handle=LISTED, before=[(5, RUNNING)]), over(DONE)),
            Verdict(Outcome.LOST, "no row"),
            id="but-not-one-that-was-there",
        ),
        pytest.param(
            (over(replace(GONE, reason="no row")), over(DONE)),
            Verdict(Outcome.LOST, "no row"),
            id="nor-a-sure-one",
        ),
        pytest.param(
            (over(GONE, handle=LISTED), over(Snapshot(Phase.CANCELLED), handle=ADOPTED)),
            Retrigger(SOMEBODY),
            id="what-is-left-is-judged-alone",
        ),
        pytest.param(
            (over(replace(GONE, reason="none any more"), handle=LISTED), over(GONE, handle=PHANTOM)),
            Retrigger("none any more"),
            id="two-phantoms-of-nothing",
        ),
        pytest.param(
            (
                over(replace(GONE, follow_ups=REAL), handle=LISTED),
                over(replace(GONE, follow_ups=REAL), handle=LISTED),
            ),
            NextStage(Stage.DEPLOYMENT, REAL, DEADLINE),
            id="two-phantoms-of-the-same-are-one",
        ),
        pytest.param(
            (over(Snapshot(Phase.CANCELLED), handle=PERHAPS_OURS), over(Snapshot(Phase.CANCELLED))),
            Verdict(Outcome.CANCELLED, ""),
            id="both-are-cancelled-and-one-is-perhaps-ours",
        ),
        pytest.param(
            (over(Snapshot(Phase.CANCELLED), handle=ADOPTED), over(BROKEN)),
            Verdict(Outcome.FAILED, ""),
            id="one-is-cancelled",
        ),
    ],
)
def test_several_deployments_at_once_are_judged_together(watches: tuple[Watch, ...], final: NextStep) -> None:
    assert next_step(Stage.DEPLOYMENT, watches, repeated=False) == final


@pytest.mark.parametrize(
    "watches", [(FRESH,), (over(DONE), FRESH), (FRESH, over(DONE))], ids=["none", "first", "second"]
)
def test_a_leg_that_is_not_over_is_not_judged(watches: tuple[Watch, ...]) -> None:
    with pytest.raises(ValueError, match="only after all its watches have ended"):
        next_step(Stage.DEPLOYMENT, watches, repeated=False)


def test_the_outcomes_go_from_worst_to_best() -> None:
    statuses = "interrupted failed unverified rolled_back lost timed_out cancelled superseded refused unreachable triggered finished skipped"
    assert [outcome.status for outcome in Outcome] == statuses.split()
    assert [Outcome.worst(list(Outcome)[number:][::-1]) for number in range(len(Outcome))] == list(Outcome)
