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
    ABSENT,
    ADOPTED,
    BROKEN,
    CANCELLED_BY_OTHERS,
    DEADLINE,
    DONE,
    DOWN,
    ERROR_RESPONSE,
    FINISHED,
    FINISHED_WITH_HEALTH,
    FRESH,
    HEALTH,
    HEALTH_UNKNOWN,
    MAYBE_PHANTOM,
    NOT_FINISHED,
    OF_OTHERS,
    OK_RESPONSE,
    ON_BERLIN,
    ON_OTHER_SERVERS,
    PHANTOM,
    RUNNING,
    SITE_CONDITION,
    STARTING,
    UNSURE_OWNER,
    UP,
    final_watch,
    final_watch_on,
    health_watch,
    observe_all,
)

FAILURE_RESPONSE = replace(ERROR_RESPONSE, shows_failure=True)


NO_RESPONSE = Snapshot(Phase.RUNNING, "no response", reason="https://web.example.com: no connection")


ROLLBACK_ENABLED = Checks(rollback=True)


def site_watch(*polls: tuple[float, Observation]) -> Watch:
    return observe_all(list(polls), replace(FRESH, handle=SITE_CONDITION, stage=Stage.VERIFY))[0]


@pytest.mark.parametrize(
    ("stage", "watch", "step"),
    [
        pytest.param(
            Stage.HEALTH,
            health_watch((10, DOWN), (70, DOWN)),
            RollBack(Verdict(Outcome.UNVERIFIED, DOWN.reason, HEALTH)),
            id="down",
        ),
        pytest.param(
            Stage.VERIFY,
            site_watch((1, FAILURE_RESPONSE), (100, FAILURE_RESPONSE)),
            RollBack(Verdict(Outcome.UNVERIFIED, FAILURE_RESPONSE.reason, HEALTH)),
            id="error-response",
        ),
        pytest.param(
            Stage.HEALTH, health_watch((10, replace(UP, stable_for=0))), FINISHED_WITH_HEALTH, id="running"
        ),
        pytest.param(
            Stage.VERIFY,
            site_watch((1, OK_RESPONSE), (2, OK_RESPONSE)),
            FINISHED_WITH_HEALTH,
            id="ok-responses",
        ),
        pytest.param(
            Stage.VERIFY,
            site_watch((1, FAILURE_RESPONSE), (2, OK_RESPONSE), (3, OK_RESPONSE)),
            FINISHED_WITH_HEALTH,
            id="ok-responses-after-an-error",
        ),
        pytest.param(
            Stage.VERIFY,
            site_watch((1, FAILURE_RESPONSE), (100, NO_RESPONSE)),
            Verdict(Outcome.UNVERIFIED, NO_RESPONSE.reason, HEALTH, LAST_CHECK_INCONCLUSIVE),
            id="no-response-at-the-end",
        ),
        pytest.param(
            Stage.VERIFY,
            site_watch((1, NO_RESPONSE), (100, NO_RESPONSE)),
            Verdict(Outcome.UNVERIFIED, NO_RESPONSE.reason, HEALTH, NO_EVIDENCE),
            id="never-a-response",
        ),
        pytest.param(
            Stage.VERIFY,
            site_watch((1, FAILURE_RESPONSE), (100, OK_RESPONSE)),
            Verdict(
                Outcome.UNVERIFIED,
                "its last response was OK (HTTP 200), but two consecutive OK responses are required "
                "and time ran out",
                HEALTH,
                LAST_CHECK_INCONCLUSIVE,
            ),
            id="last-response-ok",
        ),
        pytest.param(
            Stage.HEALTH,
            health_watch((90, DOWN), (100, DOWN)),
            replace(
                FINISHED_WITH_HEALTH,
                warning=f"deployed, but not down for long enough to be sure: {DOWN.reason}",
            ),
            id="down-too-briefly",
        ),
        pytest.param(
            Stage.HEALTH,
            health_watch((10, STARTING), (100, STARTING)),
            replace(FINISHED_WITH_HEALTH, warning=f"deployed, but {HEALTH_UNKNOWN}{STARTING.reason}"),
            id="inconclusive",
        ),
    ],
)
def test_only_evidence_of_a_failure_triggers_a_rollback(stage: Stage, watch: Watch, step: NextStep) -> None:
    assert (
        next_step(stage, (watch,), repeated=False, so_far=FINISHED_WITH_HEALTH, checks=ROLLBACK_ENABLED)
        == step
    )


@pytest.mark.parametrize(
    ("stage", "watch"),
    [
        pytest.param(Stage.HEALTH, health_watch((10, DOWN), (70, DOWN)), id="health"),
        pytest.param(Stage.VERIFY, site_watch((1, FAILURE_RESPONSE), (100, FAILURE_RESPONSE)), id="site"),
    ],
)
def test_no_rollback_unless_enabled(stage: Stage, watch: Watch) -> None:
    assert isinstance(next_step(stage, (watch,), repeated=False, so_far=FINISHED_WITH_HEALTH), Verdict)


@pytest.mark.parametrize(
    ("watch", "warning"),
    [
        pytest.param(health_watch((10, STARTING), (100, STARTING)), NO_EVIDENCE, id="inconclusive"),
        pytest.param(health_watch((10, UP), (20, AccessDenied("revoked"))), NO_EVIDENCE, id="access-denied"),
        pytest.param(health_watch((100, PollFailed("HTTP 502"))), NO_EVIDENCE, id="never-polled"),
    ],
)
def test_unknown_health_does_not_trigger_a_rollback_and_is_reported(watch: Watch, warning: str) -> None:
    final = next_step(
        Stage.HEALTH,
        (watch,),
        repeated=False,
        so_far=FINISHED_WITH_HEALTH,
        checks=Checks(strict=True, rollback=True),
    )
    assert isinstance(final, Verdict)
    assert (final.outcome, final.warning) == (Outcome.UNVERIFIED, warning)


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(DONE, FINISHED, id="succeeded"),
        pytest.param(replace(BROKEN, reason="exit 1"), Verdict(Outcome.FAILED, "exit 1"), id="failed"),
        pytest.param(Snapshot(Phase.CANCELLED), Verdict(Outcome.CANCELLED, ""), id="cancelled"),
        pytest.param(replace(ABSENT, reason="no row"), Verdict(Outcome.LOST, "no row"), id="absent"),
        pytest.param(RUNNING, Verdict(Outcome.TIMED_OUT, NOT_FINISHED), id="timed-out"),
        pytest.param(
            Snapshot(Phase.UNVERIFIED, reason="its post-deployment command failed"),
            Verdict(Outcome.UNVERIFIED, "its post-deployment command failed", warning=NO_EVIDENCE),
            id="failed-command-is-no-evidence-and-is-reported",
        ),
    ],
)
def test_the_end_of_a_deployment_triggers_no_rollback(last: Snapshot, final: Verdict) -> None:
    assert next_step(Stage.DEPLOYMENT, (final_watch(last),), repeated=False, checks=ROLLBACK_ENABLED) == final


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(
            replace(BROKEN, reason="exit 1"), Verdict(Outcome.FAILED, f"{ON_BERLIN}exit 1"), id="failed"
        ),
        pytest.param(
            Snapshot(Phase.UNVERIFIED, reason="skipped"),
            Verdict(Outcome.UNVERIFIED, f"{ON_BERLIN}skipped", warning=NO_EVIDENCE),
            id="unverified",
        ),
    ],
)
def test_the_end_on_an_additional_server_triggers_no_rollback(last: Snapshot, final: Verdict) -> None:
    assert (
        next_step(
            Stage.ADDITIONAL_SERVERS,
            (final_watch_on("berlin", last),),
            repeated=False,
            so_far=FINISHED,
            checks=ROLLBACK_ENABLED,
        )
        == final
    )


NEW_VERSION_DOWN = Verdict(Outcome.UNVERIFIED, "it does not run", HEALTH)


RESTORED = Verdict(
    Outcome.ROLLED_BACK,
    "it does not run. The previous version was restored. Fix the new one, then deploy again",
)


RESTORED_WITH_HEALTH = replace(RESTORED, health_check=HEALTH)


NOT_SEEN_RUNNING = "it does not run. A rollback was started, but the previous version was not seen running"


@pytest.mark.parametrize(
    ("watch", "repeated", "step"),
    [
        pytest.param(final_watch(DONE), False, RESTORED, id="succeeded"),
        pytest.param(
            final_watch(replace(DONE, health_check=HEALTH)),
            False,
            NextStage(Stage.HEALTH, (HEALTH,), DEADLINE, RESTORED_WITH_HEALTH),
            id="succeeded-with-health-check",
        ),
        pytest.param(
            final_watch(replace(DONE, health_check=HEALTH, follow_ups=ON_OTHER_SERVERS)),
            False,
            NextStage(Stage.ADDITIONAL_SERVERS, ON_OTHER_SERVERS, DEADLINE, RESTORED_WITH_HEALTH),
            id="succeeded-with-additional-servers",
        ),
        pytest.param(
            final_watch(
                Snapshot(Phase.UNVERIFIED, reason="skipped", follow_ups=ON_OTHER_SERVERS, health_check=HEALTH)
            ),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_SEEN_RUNNING}: skipped", HEALTH),
            id="unverified",
        ),
        pytest.param(
            final_watch(replace(BROKEN, reason="exit 1")),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_SEEN_RUNNING}: exit 1"),
            id="failed",
        ),
        pytest.param(
            final_watch(BROKEN),
            False,
            Verdict(Outcome.UNVERIFIED, NOT_SEEN_RUNNING),
            id="failed-without-a-reason",
        ),
        pytest.param(
            final_watch(Snapshot(Phase.CANCELLED, reason="x")),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_SEEN_RUNNING}: x"),
            id="cancelled",
        ),
        pytest.param(
            final_watch(Snapshot(Phase.CANCELLED, reason="x"), handle=ADOPTED),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_SEEN_RUNNING}: x"),
            id="adopted-and-cancelled",
        ),
        pytest.param(
            final_watch(replace(ABSENT, reason="no row")),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_SEEN_RUNNING}: no row"),
            id="absent",
        ),
        pytest.param(
            final_watch(AccessDenied("revoked")),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_SEEN_RUNNING}: revoked"),
            id="access-denied",
        ),
        pytest.param(
            final_watch(RUNNING),
            False,
            Verdict(Outcome.UNVERIFIED, f"{NOT_SEEN_RUNNING}: {NOT_FINISHED}"),
            id="timed-out",
        ),
        pytest.param(
            final_watch(replace(ABSENT, follow_ups=OF_OTHERS), handle=PHANTOM),
            True,
            NextStage(Stage.ROLLBACK, OF_OTHERS, DEADLINE, NEW_VERSION_DOWN),
            id="phantom-with-real-deployment",
        ),
        pytest.param(
            final_watch(replace(ABSENT, reason="none"), handle=PHANTOM),
            False,
            Retrigger("none"),
            id="phantom-without-deployment",
        ),
        pytest.param(
            final_watch(replace(ABSENT, reason="none"), handle=PHANTOM),
            True,
            Verdict(Outcome.UNVERIFIED, f"{NOT_SEEN_RUNNING}: none"),
            id="phantom-without-deployment-again",
        ),
    ],
)
@pytest.mark.parametrize(
    "checks", [Checks(), Checks(site=True), Checks(strict=True)], ids=["", "site", "strict"]
)
def test_a_rollback_is_followed_until_final(
    watch: Watch, repeated: bool, step: NextStep, checks: Checks
) -> None:
    assert (
        next_step(Stage.ROLLBACK, (watch,), repeated=repeated, so_far=NEW_VERSION_DOWN, checks=checks) == step
    )


@pytest.mark.parametrize(
    ("stage", "watch", "checks", "step"),
    [
        pytest.param(
            Stage.ADDITIONAL_SERVERS,
            final_watch_on("berlin", DONE),
            Checks(site=True),
            NextStage(Stage.HEALTH, (HEALTH,), DEADLINE, RESTORED_WITH_HEALTH),
            id="additional-servers-succeed",
        ),
        pytest.param(
            Stage.ADDITIONAL_SERVERS,
            final_watch_on("berlin", replace(BROKEN, reason="exit 1")),
            Checks(site=True),
            Verdict(Outcome.UNVERIFIED, f"{RESTORED.reason}, but {ON_BERLIN}exit 1"),
            id="additional-server-fails",
        ),
        pytest.param(
            Stage.ADDITIONAL_SERVERS,
            final_watch_on("berlin", RUNNING),
            Checks(),
            Verdict(Outcome.UNVERIFIED, f"{RESTORED.reason}, but {ON_BERLIN}{NOT_FINISHED}"),
            id="additional-server-times-out",
        ),
        pytest.param(
            Stage.HEALTH,
            health_watch((10, replace(UP, stable_for=0))),
            Checks(site=True),
            RESTORED_WITH_HEALTH,
            id="running-and-no-site-check",
        ),
        pytest.param(
            Stage.HEALTH,
            health_watch((10, DOWN), (70, DOWN)),
            Checks(),
            Verdict(Outcome.UNVERIFIED, f"{RESTORED.reason}, but {DOWN.reason}"),
            id="down-again",
        ),
        pytest.param(
            Stage.HEALTH,
            health_watch((10, replace(DOWN, reason="")), (70, replace(DOWN, reason=""))),
            Checks(),
            Verdict(Outcome.UNVERIFIED, f"{RESTORED.reason}, but unverified"),
            id="down-without-a-reason",
        ),
        pytest.param(
            Stage.HEALTH,
            health_watch((10, STARTING), (100, STARTING)),
            Checks(),
            replace(RESTORED_WITH_HEALTH, warning=f"deployed, but {HEALTH_UNKNOWN}{STARTING.reason}"),
            id="inconclusive",
        ),
        pytest.param(
            Stage.HEALTH,
            health_watch((10, STARTING), (100, STARTING)),
            Checks(strict=True),
            Verdict(Outcome.UNVERIFIED, f"{RESTORED.reason}, but {HEALTH_UNKNOWN}{STARTING.reason}"),
            id="inconclusive-and-strict",
        ),
    ],
)
def test_a_restored_version_is_checked_too(
    stage: Stage, watch: Watch, checks: Checks, step: NextStep
) -> None:
    assert next_step(stage, (watch,), repeated=False, so_far=RESTORED_WITH_HEALTH, checks=checks) == step


@pytest.mark.parametrize(
    ("watches", "final"),
    [
        pytest.param((final_watch(DONE), final_watch(DONE)), FINISHED, id="all-succeed"),
        pytest.param(
            (final_watch(DONE), final_watch(replace(BROKEN, reason="exit 1"))),
            Verdict(Outcome.FAILED, "exit 1"),
            id="second-failed",
        ),
        pytest.param(
            (
                final_watch(RUNNING),
                final_watch(replace(BROKEN, reason="one")),
                final_watch(replace(BROKEN, reason="two")),
            ),
            Verdict(Outcome.FAILED, "one"),
            id="reason-of-the-first-of-the-worst",
        ),
        pytest.param(
            (final_watch(Snapshot(Phase.CANCELLED)), final_watch(AccessDenied("revoked"))),
            Verdict(Outcome.LOST, "revoked"),
            id="lost-outweighs-cancelled",
        ),
        pytest.param(
            (
                final_watch(replace(DONE, follow_ups=ON_OTHER_SERVERS)),
                final_watch(replace(BROKEN, reason="exit 1")),
            ),
            Verdict(Outcome.FAILED, "exit 1"),
            id="failure-outweighs-success",
        ),
        pytest.param(
            (
                final_watch(replace(DONE, follow_ups=OF_OTHERS)),
                final_watch(replace(DONE, follow_ups=ON_OTHER_SERVERS)),
            ),
            NextStage(Stage.ADDITIONAL_SERVERS, (*OF_OTHERS, *ON_OTHER_SERVERS), DEADLINE, FINISHED),
            id="additional-servers-of-both",
        ),
        pytest.param(
            (final_watch(DONE), final_watch(replace(DONE, follow_ups=ON_OTHER_SERVERS))),
            NextStage(Stage.ADDITIONAL_SERVERS, ON_OTHER_SERVERS, DEADLINE, FINISHED),
            id="additional-servers-of-the-second",
        ),
        pytest.param(
            (final_watch(ABSENT, handle=PHANTOM), final_watch(BROKEN)),
            Verdict(Outcome.FAILED, ""),
            id="phantom-and-failure",
        ),
        pytest.param(
            (final_watch(ABSENT, handle=PHANTOM), final_watch(DONE)), FINISHED, id="phantom-is-ignored"
        ),
        pytest.param(
            (final_watch(DONE), final_watch(replace(ABSENT, reason="none any more"), handle=MAYBE_PHANTOM)),
            FINISHED,
            id="possible-phantom-is-ignored",
        ),
        pytest.param(
            (final_watch(replace(ABSENT, follow_ups=OF_OTHERS), handle=MAYBE_PHANTOM), final_watch(DONE)),
            FINISHED,
            id="possible-phantom-with-real-deployment-is-ignored",
        ),
        pytest.param(
            (
                final_watch(replace(ABSENT, reason="no row"), handle=MAYBE_PHANTOM, before=[(5, RUNNING)]),
                final_watch(DONE),
            ),
            Verdict(Outcome.LOST, "no row"),
            id="seen-before-is-not-a-phantom",
        ),
        pytest.param(
            (final_watch(replace(ABSENT, reason="no row")), final_watch(DONE)),
            Verdict(Outcome.LOST, "no row"),
            id="confirmed-is-not-a-phantom",
        ),
        pytest.param(
            (
                final_watch(ABSENT, handle=MAYBE_PHANTOM),
                final_watch(Snapshot(Phase.CANCELLED), handle=ADOPTED),
            ),
            Retrigger(CANCELLED_BY_OTHERS),
            id="rest-is-judged-alone",
        ),
        pytest.param(
            (
                final_watch(replace(ABSENT, reason="none any more"), handle=MAYBE_PHANTOM),
                final_watch(ABSENT, handle=PHANTOM),
            ),
            Retrigger("none any more"),
            id="two-phantoms-without-deployment",
        ),
        pytest.param(
            (
                final_watch(replace(ABSENT, follow_ups=OF_OTHERS), handle=MAYBE_PHANTOM),
                final_watch(replace(ABSENT, follow_ups=OF_OTHERS), handle=MAYBE_PHANTOM),
            ),
            NextStage(Stage.DEPLOYMENT, OF_OTHERS, DEADLINE),
            id="two-phantoms-with-the-same-real-deployment",
        ),
        pytest.param(
            (
                final_watch(Snapshot(Phase.CANCELLED), handle=UNSURE_OWNER),
                final_watch(Snapshot(Phase.CANCELLED)),
            ),
            Verdict(Outcome.CANCELLED, ""),
            id="both-cancelled-and-one-owner-unsure",
        ),
        pytest.param(
            (final_watch(Snapshot(Phase.CANCELLED), handle=ADOPTED), final_watch(BROKEN)),
            Verdict(Outcome.FAILED, ""),
            id="adopted-cancelled-and-one-failed",
        ),
    ],
)
def test_several_deployments_are_judged_together(watches: tuple[Watch, ...], final: NextStep) -> None:
    assert next_step(Stage.DEPLOYMENT, watches, repeated=False) == final


@pytest.mark.parametrize(
    "watches",
    [(FRESH,), (final_watch(DONE), FRESH), (FRESH, final_watch(DONE))],
    ids=["none", "first", "second"],
)
def test_a_stage_with_active_watches_is_not_judged(watches: tuple[Watch, ...]) -> None:
    with pytest.raises(ValueError, match="only after all its watches have ended"):
        next_step(Stage.DEPLOYMENT, watches, repeated=False)


def test_outcomes_are_ordered_from_worst_to_best() -> None:
    statuses = [
        *("interrupted", "failed", "unverified", "rolled_back", "lost", "timed_out", "cancelled"),
        *("superseded", "refused", "unreachable", "triggered", "finished", "skipped"),
    ]
    assert [outcome.status for outcome in Outcome] == statuses
    assert [Outcome.worst(list(Outcome)[number:][::-1]) for number in range(len(Outcome))] == list(Outcome)
