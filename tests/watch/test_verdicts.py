"""watch.py: what the end of a watch means for its target (architecture, rules 3, 6 and 7)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.model import (
    AccessDenied,
    Handle,
    Observation,
    Outcome,
    Owner,
    Phase,
    PollFailed,
    Snapshot,
    Stage,
)
from deployer.watch import (
    SITE_RESPONDS,
    Checks,
    End,
    NextStage,
    NextStep,
    QueueFull,
    Retrigger,
    Verdict,
    Watch,
    WatchResult,
    next_step,
    observe,
)
from tests.watch.builders import (
    ABSENT,
    ADOPTED,
    BROKEN,
    CANCELLED_BY_OTHERS,
    CONFIRMED,
    DEADLINE,
    DONE,
    FINISHED,
    FINISHED_WITH_HEALTH,
    FRESH,
    HEALTH,
    MAYBE_PHANTOM,
    NOT_FINISHED,
    OF_OTHERS,
    ON_BERLIN,
    ON_OTHER_SERVERS,
    PHANTOM,
    QUEUED,
    RUNNING,
    START,
    STATUS_UNREADABLE,
    UNCONFIRMED,
    UNSURE_OWNER,
    final_watch,
    final_watch_on,
    observe_all,
    result_of,
)

ENDED_BY_ITSELF = "0 cancelled, 1 ended by itself"


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(DONE, FINISHED, id="succeeded"),
        pytest.param(
            Snapshot(Phase.UNVERIFIED, reason="skipped"),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            id="unverified",
        ),
        pytest.param(replace(BROKEN, reason="exit 1"), Verdict(Outcome.FAILED, "exit 1"), id="failed"),
        pytest.param(
            Snapshot(Phase.CANCELLED, reason="by a user"),
            Verdict(Outcome.CANCELLED, "by a user"),
            id="cancelled",
        ),
        pytest.param(replace(ABSENT, reason="no row"), Verdict(Outcome.LOST, "no row"), id="absent"),
        pytest.param(AccessDenied("revoked"), Verdict(Outcome.LOST, "revoked"), id="access-denied"),
        pytest.param(RUNNING, Verdict(Outcome.TIMED_OUT, NOT_FINISHED), id="timed-out"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_the_end_of_a_deployment_is_its_verdict(last: Observation, final: Verdict, strict: bool) -> None:
    assert (
        next_step(Stage.DEPLOYMENT, (final_watch(last),), repeated=False, checks=Checks(strict=strict))
        == final
    )


@pytest.mark.parametrize(
    ("watch", "repeated", "step"),
    [
        pytest.param(
            final_watch(replace(ABSENT, reason="no row")),
            False,
            Verdict(Outcome.LOST, "no row"),
            id="confirmed-and-absent",
        ),
        pytest.param(
            final_watch(replace(ABSENT, reason="no row"), before=[(5, replace(RUNNING, link="https://x"))]),
            False,
            Verdict(Outcome.LOST, "no row"),
            id="confirmed-and-seen-before",
        ),
        pytest.param(
            final_watch(replace(ABSENT, reason="full queue"), handle=UNCONFIRMED),
            False,
            QueueFull(60, "full queue"),
            id="unconfirmed-and-absent",
        ),
        pytest.param(
            final_watch(replace(ABSENT, reason="full queue"), handle=UNCONFIRMED),
            True,
            QueueFull(60, "full queue"),
            id="unconfirmed-and-absent-again",
        ),
        pytest.param(
            final_watch(
                replace(ABSENT, reason="full queue"), handle=UNCONFIRMED, before=[(5, PollFailed("HTTP 502"))]
            ),
            False,
            QueueFull(60, "full queue"),
            id="unconfirmed-and-only-failed-polls",
        ),
        pytest.param(
            final_watch(ABSENT, handle=UNCONFIRMED, before=[(5, replace(RUNNING, link="https://x"))]),
            False,
            Verdict(Outcome.LOST, ""),
            id="unconfirmed-and-seen-before",
        ),
        pytest.param(
            final_watch(ABSENT, handle=UNCONFIRMED, before=[(5, RUNNING)]),
            False,
            Verdict(Outcome.LOST, ""),
            id="unconfirmed-and-seen-before-without-details",
        ),
        pytest.param(final_watch(DONE, handle=UNCONFIRMED), False, FINISHED, id="unconfirmed-and-succeeded"),
        pytest.param(
            final_watch(AccessDenied("revoked"), handle=UNCONFIRMED),
            False,
            Verdict(Outcome.LOST, "revoked"),
            id="unconfirmed-and-access-denied",
        ),
        pytest.param(
            final_watch(replace(ABSENT, reason="none any more"), handle=PHANTOM),
            False,
            Retrigger("none any more"),
            id="phantom-without-deployment",
        ),
        pytest.param(
            final_watch(replace(ABSENT, reason="none any more"), handle=PHANTOM),
            True,
            Verdict(Outcome.LOST, "none any more"),
            id="phantom-without-deployment-again",
        ),
        pytest.param(
            final_watch(replace(ABSENT, follow_ups=OF_OTHERS), handle=PHANTOM),
            False,
            NextStage(Stage.DEPLOYMENT, OF_OTHERS, DEADLINE),
            id="phantom-with-real-deployment",
        ),
        pytest.param(
            final_watch(replace(ABSENT, follow_ups=OF_OTHERS), handle=PHANTOM),
            True,
            NextStage(Stage.DEPLOYMENT, OF_OTHERS, DEADLINE),
            id="phantom-with-real-deployment-again",
        ),
        pytest.param(
            final_watch(replace(ABSENT, follow_ups=OF_OTHERS), handle=MAYBE_PHANTOM),
            False,
            NextStage(Stage.DEPLOYMENT, OF_OTHERS, DEADLINE),
            id="possible-phantom-with-real-deployment",
        ),
        pytest.param(
            final_watch(replace(ABSENT, reason="none any more"), handle=MAYBE_PHANTOM),
            False,
            Retrigger("none any more"),
            id="possible-phantom-without-deployment",
        ),
        pytest.param(
            final_watch(replace(ABSENT, reason="none any more"), handle=MAYBE_PHANTOM),
            True,
            Verdict(Outcome.LOST, "none any more"),
            id="possible-phantom-without-deployment-again",
        ),
        pytest.param(
            final_watch(replace(ABSENT, reason="no row"), handle=MAYBE_PHANTOM, before=[(5, RUNNING)]),
            False,
            Verdict(Outcome.LOST, "no row"),
            id="possible-phantom-seen-before",
        ),
        pytest.param(
            final_watch(
                replace(ABSENT, follow_ups=OF_OTHERS, reason="no row"),
                handle=MAYBE_PHANTOM,
                before=[(5, RUNNING)],
            ),
            False,
            Verdict(Outcome.LOST, "no row"),
            id="possible-phantom-seen-before-is-not-replaced",
        ),
        pytest.param(
            final_watch(DONE, handle=MAYBE_PHANTOM), False, FINISHED, id="possible-phantom-succeeded"
        ),
        pytest.param(
            final_watch(Snapshot(Phase.CANCELLED), handle=MAYBE_PHANTOM),
            False,
            Verdict(Outcome.CANCELLED, ""),
            id="possible-phantom-cancelled",
        ),
        pytest.param(
            final_watch(Snapshot(Phase.CANCELLED), handle=ADOPTED),
            False,
            Retrigger(CANCELLED_BY_OTHERS),
            id="adopted-and-cancelled",
        ),
        pytest.param(
            final_watch(Snapshot(Phase.CANCELLED, reason="by a user"), handle=ADOPTED),
            True,
            Verdict(Outcome.CANCELLED, "by a user"),
            id="adopted-and-cancelled-again",
        ),
        pytest.param(
            final_watch(replace(BROKEN, reason="exit 1"), handle=ADOPTED),
            False,
            Verdict(Outcome.FAILED, "exit 1"),
            id="adopted-failed",
        ),
        pytest.param(
            final_watch(Snapshot(Phase.CANCELLED, reason="by a user"), handle=UNSURE_OWNER),
            False,
            Verdict(Outcome.CANCELLED, "by a user"),
            id="unsure-owner-and-cancelled",
        ),
        pytest.param(final_watch(DONE, handle=ADOPTED), False, FINISHED, id="adopted-succeeded"),
        pytest.param(
            final_watch(Snapshot(Phase.CANCELLED)),
            False,
            Verdict(Outcome.CANCELLED, ""),
            id="own-and-cancelled",
        ),
        pytest.param(
            final_watch(replace(DONE, follow_ups=ON_OTHER_SERVERS)),
            False,
            NextStage(Stage.ADDITIONAL_SERVERS, ON_OTHER_SERVERS, DEADLINE, FINISHED),
            id="succeeded-with-additional-servers",
        ),
        pytest.param(
            final_watch(replace(DONE, follow_ups=ON_OTHER_SERVERS)),
            True,
            NextStage(Stage.ADDITIONAL_SERVERS, ON_OTHER_SERVERS, DEADLINE, FINISHED),
            id="succeeded-with-additional-servers-repeated",
        ),
        pytest.param(
            final_watch(replace(DONE, follow_ups=ON_OTHER_SERVERS, health_check=HEALTH)),
            False,
            NextStage(Stage.ADDITIONAL_SERVERS, ON_OTHER_SERVERS, DEADLINE, FINISHED_WITH_HEALTH),
            id="additional-servers-before-health",
        ),
        pytest.param(
            final_watch(Snapshot(Phase.UNVERIFIED, follow_ups=ON_OTHER_SERVERS, reason="skipped")),
            False,
            NextStage(
                Stage.ADDITIONAL_SERVERS, ON_OTHER_SERVERS, DEADLINE, Verdict(Outcome.UNVERIFIED, "skipped")
            ),
            id="unverified-with-additional-servers",
        ),
        pytest.param(
            final_watch(replace(BROKEN, follow_ups=ON_OTHER_SERVERS)),
            False,
            Verdict(Outcome.FAILED, ""),
            id="failed-with-additional-servers",
        ),
        pytest.param(
            final_watch(AccessDenied("revoked"), before=[(5, replace(RUNNING, follow_ups=ON_OTHER_SERVERS))]),
            False,
            Verdict(Outcome.LOST, STATUS_UNREADABLE),
            id="lost-with-additional-servers",
        ),
        pytest.param(
            final_watch(replace(DONE, health_check=HEALTH)),
            False,
            NextStage(Stage.HEALTH, (HEALTH,), DEADLINE, FINISHED_WITH_HEALTH),
            id="succeeded-with-health-check",
        ),
        pytest.param(
            final_watch(
                replace(DONE, health_check=HEALTH),
                before=[(93, replace(DONE, health_check=HEALTH, stable_for=20))],
            ),
            False,
            NextStage(Stage.HEALTH, (HEALTH,), START + 93, FINISHED_WITH_HEALTH),
            id="health-timeout-from-the-first-final-poll",
        ),
        pytest.param(
            final_watch(Snapshot(Phase.UNVERIFIED, reason="skipped", health_check=HEALTH)),
            False,
            Verdict(Outcome.UNVERIFIED, "skipped", HEALTH),
            id="unverified-is-not-checked-for-health",
        ),
        pytest.param(
            final_watch(replace(BROKEN, health_check=HEALTH)),
            False,
            Verdict(Outcome.FAILED, "", HEALTH),
            id="failure-is-not-checked-for-health",
        ),
    ],
)
def test_the_step_after_the_deployment_stage(watch: Watch, repeated: bool, step: NextStep) -> None:
    assert next_step(Stage.DEPLOYMENT, (watch,), repeated=repeated) == step


@pytest.mark.parametrize(
    ("watches", "so_far", "step"),
    [
        pytest.param((final_watch_on("berlin", DONE),), FINISHED, FINISHED, id="succeeded"),
        pytest.param(
            (final_watch_on("berlin", replace(BROKEN, reason="exit 1")),),
            FINISHED,
            Verdict(Outcome.FAILED, f"{ON_BERLIN}exit 1"),
            id="failed",
        ),
        pytest.param(
            (final_watch_on("berlin", BROKEN),),
            FINISHED,
            Verdict(Outcome.FAILED, f"{ON_BERLIN}failed"),
            id="failed-without-a-reason",
        ),
        pytest.param(
            (final_watch_on("berlin", Snapshot(Phase.UNVERIFIED, reason="skipped")),),
            FINISHED,
            Verdict(Outcome.UNVERIFIED, f"{ON_BERLIN}skipped"),
            id="unverified",
        ),
        pytest.param(
            (final_watch_on("berlin", Snapshot(Phase.CANCELLED, reason="by a user")),),
            FINISHED,
            Verdict(Outcome.CANCELLED, f"{ON_BERLIN}by a user"),
            id="cancelled",
        ),
        pytest.param(
            (final_watch_on("berlin", RUNNING),),
            FINISHED,
            Verdict(Outcome.TIMED_OUT, f"{ON_BERLIN}{NOT_FINISHED}"),
            id="timed-out",
        ),
        pytest.param(
            (final_watch(replace(ABSENT, reason="no row"), before=[(5, replace(RUNNING, server="berlin"))]),),
            FINISHED,
            Verdict(Outcome.LOST, f"{ON_BERLIN}no row"),
            id="absent",
        ),
        pytest.param(
            (final_watch(AccessDenied("revoked"), handle=Handle("web", "web-2", server="berlin")),),
            FINISHED,
            Verdict(Outcome.LOST, f"{ON_BERLIN}revoked"),
            id="access-denied-before-the-first-poll",
        ),
        pytest.param(
            (final_watch_on("berlin", replace(BROKEN, reason="exit 1", link="https://x")),),
            FINISHED,
            Verdict(Outcome.FAILED, "on the additional server berlin (https://x): exit 1"),
            id="with-a-link",
        ),
        pytest.param(
            (final_watch_on("paris", DONE), final_watch_on("berlin", replace(BROKEN, reason="exit 1"))),
            FINISHED,
            Verdict(Outcome.FAILED, f"{ON_BERLIN}exit 1"),
            id="worst-of-several",
        ),
        pytest.param(
            (
                final_watch_on("paris", RUNNING),
                final_watch_on("berlin", replace(BROKEN, reason="one")),
                final_watch_on("paris", replace(BROKEN, reason="two")),
            ),
            FINISHED,
            Verdict(Outcome.FAILED, f"{ON_BERLIN}one"),
            id="reason-of-the-first-of-the-worst",
        ),
        pytest.param(
            (final_watch_on("berlin", DONE),),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            id="unverified-is-kept",
        ),
        pytest.param(
            (final_watch_on("berlin", replace(BROKEN, reason="exit 1")),),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            Verdict(Outcome.FAILED, f"{ON_BERLIN}exit 1"),
            id="unverified-and-worse-elsewhere",
        ),
        pytest.param(
            (final_watch_on("berlin", RUNNING),),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            id="unverified-and-better-elsewhere",
        ),
        pytest.param(
            (final_watch_on("berlin", replace(DONE, follow_ups=OF_OTHERS)),),
            FINISHED,
            FINISHED,
            id="follow-ups-of-follow-ups-are-ignored",
        ),
        pytest.param(
            (final_watch(replace(ABSENT, follow_ups=OF_OTHERS, server="berlin"), handle=PHANTOM),),
            FINISHED,
            Verdict(Outcome.LOST, f"{ON_BERLIN}lost"),
            id="phantom-is-not-replaced",
        ),
        pytest.param(
            (final_watch(replace(ABSENT, server="berlin"), handle=UNCONFIRMED),),
            FINISHED,
            Verdict(Outcome.LOST, f"{ON_BERLIN}lost"),
            id="full-queue-is-not-retried",
        ),
        pytest.param(
            (final_watch_on("paris", DONE), final_watch(replace(ABSENT, server="berlin"), handle=PHANTOM)),
            FINISHED,
            Verdict(Outcome.LOST, f"{ON_BERLIN}lost"),
            id="phantom-counts-as-lost",
        ),
        pytest.param(
            (final_watch(Snapshot(Phase.CANCELLED, server="berlin"), handle=ADOPTED),),
            FINISHED,
            Verdict(Outcome.CANCELLED, f"{ON_BERLIN}cancelled"),
            id="adopted-and-cancelled-is-not-retriggered",
        ),
        pytest.param(
            (final_watch_on("berlin", DONE),),
            FINISHED_WITH_HEALTH,
            NextStage(Stage.HEALTH, (HEALTH,), DEADLINE, FINISHED_WITH_HEALTH),
            id="health-check-next",
        ),
        pytest.param(
            (final_watch_on("berlin", replace(DONE, health_check=HEALTH)),),
            FINISHED,
            NextStage(Stage.HEALTH, (HEALTH,), DEADLINE, FINISHED_WITH_HEALTH),
            id="health-check-of-an-additional-server",
        ),
        pytest.param(
            (
                final_watch(replace(DONE, health_check=HEALTH), before=[(50, replace(DONE, stable_for=99))]),
                final_watch(replace(DONE, health_check=HEALTH), before=[(70, replace(DONE, stable_for=99))]),
            ),
            FINISHED_WITH_HEALTH,
            NextStage(Stage.HEALTH, (HEALTH,), START + 70, FINISHED_WITH_HEALTH),
            id="health-timeout-from-the-last-final-poll",
        ),
        pytest.param(
            (final_watch_on("berlin", replace(BROKEN, reason="exit 1")),),
            FINISHED_WITH_HEALTH,
            Verdict(Outcome.FAILED, f"{ON_BERLIN}exit 1", HEALTH),
            id="no-health-check-after-a-failure",
        ),
        pytest.param(
            (final_watch_on("berlin", DONE),),
            Verdict(Outcome.UNVERIFIED, "skipped", HEALTH),
            Verdict(Outcome.UNVERIFIED, "skipped", HEALTH),
            id="no-health-check-after-unverified",
        ),
    ],
)
def test_the_worst_of_all_servers_counts_and_is_named(
    watches: tuple[Watch, ...], so_far: Verdict, step: NextStep
) -> None:
    assert next_step(Stage.ADDITIONAL_SERVERS, watches, repeated=False, so_far=so_far) == step


UNCHANGED = Snapshot(Phase.SUCCEEDED, "running:healthy", unseen="its status was not seen to change")


@pytest.mark.parametrize(
    ("checks", "step"),
    [
        pytest.param(Checks(), Verdict(Outcome.FINISHED, "", unseen=UNCHANGED.unseen), id="not-strict"),
        pytest.param(
            Checks(strict=True),
            Verdict(Outcome.UNVERIFIED, UNCHANGED.unseen),
            id="strict",
        ),
        pytest.param(
            Checks(strict=True, site=True),
            Verdict(Outcome.UNVERIFIED, UNCHANGED.unseen),
            id="strict-with-site",
        ),
        pytest.param(
            Checks(site=True),
            NextStage(
                Stage.VERIFY,
                (Handle("web", "", condition=SITE_RESPONDS),),
                DEADLINE,
                Verdict(Outcome.FINISHED, "", unseen=UNCHANGED.unseen),
            ),
            id="with-site",
        ),
    ],
)
def test_what_a_successful_check_could_not_see_is_reported(checks: Checks, step: NextStep) -> None:
    assert next_step(Stage.DEPLOYMENT, (final_watch(UNCHANGED),), repeated=False, checks=checks) == step


def test_what_could_not_be_seen_is_reported_although_the_site_responds() -> None:
    """The old containers may be the ones that respond."""
    so_far = Verdict(Outcome.FINISHED, "", warning="of another check", unseen=UNCHANGED.unseen)
    step = next_step(Stage.VERIFY, (final_watch(DONE),), repeated=False, so_far=so_far)
    assert step == Verdict(Outcome.FINISHED, "", unseen=UNCHANGED.unseen)


STUCK = Snapshot(Phase.STUCK, "queued", stable_for=10, final=False, reason="nothing will start it")


@pytest.mark.parametrize(
    ("handle", "final"),
    [
        pytest.param(ADOPTED, Verdict(Outcome.REFUSED, STUCK.reason), id="others"),
        pytest.param(CONFIRMED, Verdict(Outcome.LOST, STUCK.reason), id="own"),
        pytest.param(
            replace(ADOPTED, owner=Owner.UNSURE), Verdict(Outcome.LOST, STUCK.reason), id="unsure-owner"
        ),
    ],
)
def test_a_stuck_deployment_is_not_awaited(handle: Handle, final: Verdict) -> None:
    watch, _ = observe_all([(5, QUEUED), (6, STUCK), (15.9, STUCK)], replace(FRESH, handle=handle))
    assert watch.result is None
    watch, _ = observe(watch, STUCK, START + 16)
    assert next_step(Stage.DEPLOYMENT, (watch,), repeated=False) == final


def test_a_deployment_that_starts_after_all_is_not_stuck() -> None:
    assert result_of([(5, STUCK), (10, RUNNING), (16, STUCK), (20, RUNNING), (30, DONE)]) == WatchResult(
        End.SUCCEEDED
    )


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(
            Snapshot(Phase.CANCELLED, reason="by a user"),
            Verdict(Outcome.FINISHED, "1 cancelled"),
            id="cancelled",
        ),
        pytest.param(DONE, Verdict(Outcome.FINISHED, ENDED_BY_ITSELF), id="succeeded"),
        pytest.param(
            replace(BROKEN, reason="exit 1"), Verdict(Outcome.FINISHED, ENDED_BY_ITSELF), id="failed"
        ),
        pytest.param(
            Snapshot(Phase.UNVERIFIED, reason="skipped"),
            Verdict(Outcome.FINISHED, ENDED_BY_ITSELF),
            id="unverified",
        ),
        pytest.param(
            replace(ABSENT, reason="no row"), Verdict(Outcome.FINISHED, ENDED_BY_ITSELF), id="absent"
        ),
        pytest.param(AccessDenied("revoked"), Verdict(Outcome.LOST, "revoked"), id="access-denied"),
        pytest.param(RUNNING, Verdict(Outcome.TIMED_OUT, NOT_FINISHED), id="timed-out"),
    ],
)
@pytest.mark.parametrize(
    "handle",
    [CONFIRMED, ADOPTED, UNCONFIRMED, PHANTOM, MAYBE_PHANTOM],
    ids=["confirmed", "adopted", "unconfirmed", "phantom", "possible-phantom"],
)
def test_a_cancelled_deployment_only_has_to_be_final(
    last: Observation, final: Verdict, handle: Handle
) -> None:
    assert next_step(Stage.CANCELLATION, (final_watch(last, handle=handle),), repeated=False) == final


@pytest.mark.parametrize(
    ("watches", "final"),
    [
        pytest.param(
            (final_watch(Snapshot(Phase.CANCELLED)), final_watch(Snapshot(Phase.CANCELLED))),
            Verdict(Outcome.FINISHED, "2 cancelled"),
            id="all",
        ),
        pytest.param(
            (
                final_watch(Snapshot(Phase.CANCELLED)),
                final_watch(DONE),
                final_watch(replace(DONE, follow_ups=ON_OTHER_SERVERS, health_check=HEALTH)),
            ),
            Verdict(Outcome.FINISHED, "1 cancelled, 2 ended by itself", HEALTH),
            id="one-of-three",
        ),
        pytest.param(
            (final_watch(Snapshot(Phase.CANCELLED)), final_watch(RUNNING)),
            Verdict(Outcome.TIMED_OUT, NOT_FINISHED),
            id="one-still-running",
        ),
    ],
)
def test_each_of_several_cancelled_deployments_counts(watches: tuple[Watch, ...], final: Verdict) -> None:
    assert next_step(Stage.CANCELLATION, watches, repeated=False) == final
