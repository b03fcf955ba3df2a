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
    ADOPTED,
    BEGAN,
    BROKEN,
    DEADLINE,
    DONE,
    DOUBTFUL,
    FINE,
    FRESH,
    GOES_ON,
    GONE,
    HERE,
    LATE,
    LISTED,
    OTHERS,
    PERHAPS_OURS,
    PHANTOM,
    PROOF,
    PROVABLE,
    QUEUED,
    REAL,
    RUNNING,
    SOMEBODY,
    SURE,
    ended,
    on,
    over,
    played,
)

ENDED_BEFORE = "0 cancelled, 1 ended by itself"


@pytest.mark.parametrize(
    ("last", "final"),
    [
        pytest.param(DONE, FINE, id="succeeded"),
        pytest.param(
            Snapshot(Phase.UNVERIFIED, reason="skipped"),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            id="unproven",
        ),
        pytest.param(replace(BROKEN, reason="exit 1"), Verdict(Outcome.FAILED, "exit 1"), id="failed"),
        pytest.param(
            Snapshot(Phase.CANCELLED, reason="by a user"),
            Verdict(Outcome.CANCELLED, "by a user"),
            id="cancelled",
        ),
        pytest.param(replace(GONE, reason="no row"), Verdict(Outcome.LOST, "no row"), id="gone"),
        pytest.param(AccessDenied("revoked"), Verdict(Outcome.LOST, "revoked"), id="barred"),
        pytest.param(RUNNING, Verdict(Outcome.TIMED_OUT, LATE), id="late"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_a_deployment_s_end_has_one_name(last: Observation, final: Verdict, strict: bool) -> None:
    assert next_step(Stage.DEPLOYMENT, (over(last),), repeated=False, aims=Checks(strict=strict)) == final


@pytest.mark.parametrize(
    ("watch", "repeated", "then"),
    [
        pytest.param(
            over(replace(GONE, reason="no row")),
            False,
            Verdict(Outcome.LOST, "no row"),
            id="sure-and-never-seen",
        ),
        pytest.param(
            over(replace(GONE, reason="no row"), before=[(5, replace(RUNNING, link="https://x"))]),
            False,
            Verdict(Outcome.LOST, "no row"),
            id="sure-and-seen-before",
        ),
        pytest.param(
            over(replace(GONE, reason="full queue"), handle=DOUBTFUL),
            False,
            QueueFull(60, "full queue"),
            id="doubtful-and-never-seen",
        ),
        pytest.param(
            over(replace(GONE, reason="full queue"), handle=DOUBTFUL),
            True,
            QueueFull(60, "full queue"),
            id="doubtful-and-never-seen-as-often-as-it-takes",
        ),
        pytest.param(
            over(replace(GONE, reason="full queue"), handle=DOUBTFUL, before=[(5, PollFailed("HTTP 502"))]),
            False,
            QueueFull(60, "full queue"),
            id="doubtful-and-only-failed-looks",
        ),
        pytest.param(
            over(GONE, handle=DOUBTFUL, before=[(5, replace(RUNNING, link="https://x"))]),
            False,
            Verdict(Outcome.LOST, ""),
            id="doubtful-and-seen-before",
        ),
        pytest.param(
            over(GONE, handle=DOUBTFUL, before=[(5, RUNNING)]),
            False,
            Verdict(Outcome.LOST, ""),
            id="doubtful-and-seen-before-without-any-fact",
        ),
        pytest.param(over(DONE, handle=DOUBTFUL), False, FINE, id="doubtful-and-there"),
        pytest.param(
            over(AccessDenied("revoked"), handle=DOUBTFUL),
            False,
            Verdict(Outcome.LOST, "revoked"),
            id="doubtful-and-barred",
        ),
        pytest.param(
            over(replace(GONE, reason="none any more"), handle=PHANTOM),
            False,
            Retrigger("none any more"),
            id="phantom-of-nothing",
        ),
        pytest.param(
            over(replace(GONE, reason="none any more"), handle=PHANTOM),
            True,
            Verdict(Outcome.LOST, "none any more"),
            id="phantom-of-nothing-again",
        ),
        pytest.param(
            over(replace(GONE, follow_ups=REAL), handle=PHANTOM),
            False,
            NextStage(Stage.DEPLOYMENT, REAL, DEADLINE),
            id="phantom-of-another-s",
        ),
        pytest.param(
            over(replace(GONE, follow_ups=REAL), handle=PHANTOM),
            True,
            NextStage(Stage.DEPLOYMENT, REAL, DEADLINE),
            id="phantom-of-another-s-again",
        ),
        pytest.param(
            over(replace(GONE, follow_ups=REAL), handle=LISTED),
            False,
            NextStage(Stage.DEPLOYMENT, REAL, DEADLINE),
            id="listed-another-s",
        ),
        pytest.param(
            over(replace(GONE, reason="none any more"), handle=LISTED),
            False,
            Retrigger("none any more"),
            id="listed-phantom-of-nothing",
        ),
        pytest.param(
            over(replace(GONE, reason="none any more"), handle=LISTED),
            True,
            Verdict(Outcome.LOST, "none any more"),
            id="listed-phantom-of-nothing-again",
        ),
        pytest.param(
            over(replace(GONE, reason="no row"), handle=LISTED, before=[(5, RUNNING)]),
            False,
            Verdict(Outcome.LOST, "no row"),
            id="listed-and-seen-before",
        ),
        pytest.param(
            over(replace(GONE, follow_ups=REAL, reason="no row"), handle=LISTED, before=[(5, RUNNING)]),
            False,
            Verdict(Outcome.LOST, "no row"),
            id="listed-and-seen-before-is-not-replaced-by-another-s",
        ),
        pytest.param(over(DONE, handle=LISTED), False, FINE, id="listed-and-there"),
        pytest.param(
            over(Snapshot(Phase.CANCELLED), handle=LISTED),
            False,
            Verdict(Outcome.CANCELLED, ""),
            id="listed-and-cancelled",
        ),
        pytest.param(
            over(Snapshot(Phase.CANCELLED), handle=ADOPTED),
            False,
            Retrigger(SOMEBODY),
            id="adopted-and-cancelled",
        ),
        pytest.param(
            over(Snapshot(Phase.CANCELLED, reason="by a user"), handle=ADOPTED),
            True,
            Verdict(Outcome.CANCELLED, "by a user"),
            id="adopted-and-cancelled-again",
        ),
        pytest.param(
            over(replace(BROKEN, reason="exit 1"), handle=ADOPTED),
            False,
            Verdict(Outcome.FAILED, "exit 1"),
            id="adopted-failed",
        ),
        pytest.param(
            over(Snapshot(Phase.CANCELLED, reason="by a user"), handle=PERHAPS_OURS),
            False,
            Verdict(Outcome.CANCELLED, "by a user"),
            id="perhaps-ours-and-cancelled",
        ),
        pytest.param(over(DONE, handle=ADOPTED), False, FINE, id="adopted-succeeded"),
        pytest.param(
            over(Snapshot(Phase.CANCELLED)), False, Verdict(Outcome.CANCELLED, ""), id="ours-and-cancelled"
        ),
        pytest.param(
            over(replace(DONE, follow_ups=OTHERS)),
            False,
            NextStage(Stage.ADDITIONAL_SERVERS, OTHERS, DEADLINE, FINE),
            id="succeeded-with-others",
        ),
        pytest.param(
            over(replace(DONE, follow_ups=OTHERS)),
            True,
            NextStage(Stage.ADDITIONAL_SERVERS, OTHERS, DEADLINE, FINE),
            id="also-when-repeated",
        ),
        pytest.param(
            over(replace(DONE, follow_ups=OTHERS, health_check=PROOF)),
            False,
            NextStage(Stage.ADDITIONAL_SERVERS, OTHERS, DEADLINE, PROVABLE),
            id="the-others-come-before-the-proof",
        ),
        pytest.param(
            over(Snapshot(Phase.UNVERIFIED, follow_ups=OTHERS, reason="skipped")),
            False,
            NextStage(Stage.ADDITIONAL_SERVERS, OTHERS, DEADLINE, Verdict(Outcome.UNVERIFIED, "skipped")),
            id="unproven-with-others",
        ),
        pytest.param(
            over(replace(BROKEN, follow_ups=OTHERS)),
            False,
            Verdict(Outcome.FAILED, ""),
            id="failed-with-others",
        ),
        pytest.param(
            over(AccessDenied("revoked"), before=[(5, replace(RUNNING, follow_ups=OTHERS))]),
            False,
            Verdict(Outcome.LOST, GOES_ON),
            id="lost-with-others",
        ),
        pytest.param(
            over(replace(DONE, health_check=PROOF)),
            False,
            NextStage(Stage.HEALTH, (PROOF,), DEADLINE, PROVABLE),
            id="succeeded-with-a-proof",
        ),
        pytest.param(
            over(
                replace(DONE, health_check=PROOF),
                before=[(93, replace(DONE, health_check=PROOF, stable_for=20))],
            ),
            False,
            NextStage(Stage.HEALTH, (PROOF,), BEGAN + 93, PROVABLE),
            id="from-when-the-end-was-seen-not-from-when-it-was-settled",
        ),
        pytest.param(
            over(Snapshot(Phase.UNVERIFIED, reason="skipped", health_check=PROOF)),
            False,
            Verdict(Outcome.UNVERIFIED, "skipped", PROOF),
            id="unproven-is-not-proved-by-its-health",
        ),
        pytest.param(
            over(replace(BROKEN, health_check=PROOF)),
            False,
            Verdict(Outcome.FAILED, "", PROOF),
            id="nor-is-a-failure",
        ),
    ],
)
def test_what_comes_after_the_deployment(watch: Watch, repeated: bool, then: NextStep) -> None:
    assert next_step(Stage.DEPLOYMENT, (watch,), repeated=repeated) == then


@pytest.mark.parametrize(
    ("watches", "so_far", "then"),
    [
        pytest.param((on("berlin", DONE),), FINE, FINE, id="succeeded"),
        pytest.param(
            (on("berlin", replace(BROKEN, reason="exit 1")),),
            FINE,
            Verdict(Outcome.FAILED, f"{HERE}exit 1"),
            id="failed",
        ),
        pytest.param(
            (on("berlin", BROKEN),),
            FINE,
            Verdict(Outcome.FAILED, f"{HERE}failed"),
            id="failed-without-a-reason",
        ),
        pytest.param(
            (on("berlin", Snapshot(Phase.UNVERIFIED, reason="skipped")),),
            FINE,
            Verdict(Outcome.UNVERIFIED, f"{HERE}skipped"),
            id="unproven",
        ),
        pytest.param(
            (on("berlin", Snapshot(Phase.CANCELLED, reason="by a user")),),
            FINE,
            Verdict(Outcome.CANCELLED, f"{HERE}by a user"),
            id="cancelled",
        ),
        pytest.param((on("berlin", RUNNING),), FINE, Verdict(Outcome.TIMED_OUT, f"{HERE}{LATE}"), id="late"),
        pytest.param(
            (over(replace(GONE, reason="no row"), before=[(5, replace(RUNNING, server="berlin"))]),),
            FINE,
            Verdict(Outcome.LOST, f"{HERE}no row"),
            id="gone",
        ),
        pytest.param(
            (over(AccessDenied("revoked"), handle=Handle("web", "web-2", server="berlin")),),
            FINE,
            Verdict(Outcome.LOST, f"{HERE}revoked"),
            id="never-seen-but-known-to-be-there",
        ),
        pytest.param(
            (on("berlin", replace(BROKEN, reason="exit 1", link="https://x")),),
            FINE,
            Verdict(Outcome.FAILED, "on the additional server berlin (https://x): exit 1"),
            id="with-the-page-of-its-deployment",
        ),
        pytest.param(
            (on("paris", DONE), on("berlin", replace(BROKEN, reason="exit 1"))),
            FINE,
            Verdict(Outcome.FAILED, f"{HERE}exit 1"),
            id="the-worst-of-several",
        ),
        pytest.param(
            (
                on("paris", RUNNING),
                on("berlin", replace(BROKEN, reason="one")),
                on("paris", replace(BROKEN, reason="two")),
            ),
            FINE,
            Verdict(Outcome.FAILED, f"{HERE}one"),
            id="the-first-of-the-worst-speaks",
        ),
        pytest.param(
            (on("berlin", DONE),),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            id="what-was-unproven-stays-so",
        ),
        pytest.param(
            (on("berlin", replace(BROKEN, reason="exit 1")),),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            Verdict(Outcome.FAILED, f"{HERE}exit 1"),
            id="unless-another-one-is-worse",
        ),
        pytest.param(
            (on("berlin", RUNNING),),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            Verdict(Outcome.UNVERIFIED, "skipped"),
            id="and-not-when-it-is-better",
        ),
        pytest.param(
            (on("berlin", replace(DONE, follow_ups=REAL)),), FINE, FINE, id="others-of-others-are-none"
        ),
        pytest.param(
            (over(replace(GONE, follow_ups=REAL, server="berlin"), handle=PHANTOM),),
            FINE,
            Verdict(Outcome.LOST, f"{HERE}lost"),
            id="nothing-is-looked-for",
        ),
        pytest.param(
            (over(replace(GONE, server="berlin"), handle=DOUBTFUL),),
            FINE,
            Verdict(Outcome.LOST, f"{HERE}lost"),
            id="nothing-waits",
        ),
        pytest.param(
            (on("paris", DONE), over(replace(GONE, server="berlin"), handle=PHANTOM)),
            FINE,
            Verdict(Outcome.LOST, f"{HERE}lost"),
            id="a-phantom-counts-there",
        ),
        pytest.param(
            (over(Snapshot(Phase.CANCELLED, server="berlin"), handle=ADOPTED),),
            FINE,
            Verdict(Outcome.CANCELLED, f"{HERE}cancelled"),
            id="nothing-is-triggered-again",
        ),
        pytest.param(
            (on("berlin", DONE),),
            PROVABLE,
            NextStage(Stage.HEALTH, (PROOF,), DEADLINE, PROVABLE),
            id="then-comes-the-proof",
        ),
        pytest.param(
            (on("berlin", replace(DONE, health_check=PROOF)),),
            FINE,
            NextStage(Stage.HEALTH, (PROOF,), DEADLINE, PROVABLE),
            id="whoever-names-it",
        ),
        pytest.param(
            (
                over(replace(DONE, health_check=PROOF), before=[(50, replace(DONE, stable_for=99))]),
                over(replace(DONE, health_check=PROOF), before=[(70, replace(DONE, stable_for=99))]),
            ),
            PROVABLE,
            NextStage(Stage.HEALTH, (PROOF,), BEGAN + 70, PROVABLE),
            id="from-when-the-last-end-was-seen",
        ),
        pytest.param(
            (on("berlin", replace(BROKEN, reason="exit 1")),),
            PROVABLE,
            Verdict(Outcome.FAILED, f"{HERE}exit 1", PROOF),
            id="not-after-a-failure",
        ),
        pytest.param(
            (on("berlin", DONE),),
            Verdict(Outcome.UNVERIFIED, "skipped", PROOF),
            Verdict(Outcome.UNVERIFIED, "skipped", PROOF),
            id="nor-after-what-was-unproven",
        ),
    ],
)
def test_the_worst_of_all_servers_counts_and_is_named(
    watches: tuple[Watch, ...], so_far: Verdict, then: NextStep
) -> None:
    assert next_step(Stage.ADDITIONAL_SERVERS, watches, repeated=False, so_far=so_far) == then


UNCHANGED = Snapshot(Phase.SUCCEEDED, "running:healthy", unseen="its status was not seen to change")


@pytest.mark.parametrize(
    ("aims", "then"),
    [
        pytest.param(Checks(), Verdict(Outcome.FINISHED, "", unseen=UNCHANGED.unseen), id="a-warning"),
        pytest.param(
            Checks(strict=True),
            Verdict(Outcome.UNVERIFIED, UNCHANGED.unseen),
            id="no-proof-where-one-was-asked-for",
        ),
        pytest.param(
            Checks(strict=True, site=True),
            Verdict(Outcome.UNVERIFIED, UNCHANGED.unseen),
            id="whatever-the-site-says",
        ),
        pytest.param(
            Checks(site=True),
            NextStage(
                Stage.VERIFY,
                (Handle("web", "", condition=SITE_RESPONDS),),
                DEADLINE,
                Verdict(Outcome.FINISHED, "", unseen=UNCHANGED.unseen),
            ),
            id="the-site-is-asked",
        ),
    ],
)
def test_what_could_not_be_seen_of_a_good_end_is_told(aims: Checks, then: NextStep) -> None:
    assert next_step(Stage.DEPLOYMENT, (over(UNCHANGED),), repeated=False, aims=aims) == then


def test_what_could_not_be_seen_is_told_after_a_site_that_answers_too() -> None:
    """The old containers may be the ones that answer."""
    so_far = Verdict(Outcome.FINISHED, "", warning="of another proof", unseen=UNCHANGED.unseen)
    then = next_step(Stage.VERIFY, (over(DONE),), repeated=False, so_far=so_far)
    assert then == Verdict(Outcome.FINISHED, "", unseen=UNCHANGED.unseen)


STUCK = Snapshot(Phase.STUCK, "queued", stable_for=10, final=False, reason="nothing will start it")


@pytest.mark.parametrize(
    ("handle", "final"),
    [
        pytest.param(ADOPTED, Verdict(Outcome.REFUSED, STUCK.reason), id="somebody-else-s"),
        pytest.param(SURE, Verdict(Outcome.LOST, STUCK.reason), id="ours"),
        pytest.param(
            replace(ADOPTED, owner=Owner.UNSURE), Verdict(Outcome.LOST, STUCK.reason), id="perhaps-ours"
        ),
    ],
)
def test_what_nothing_will_start_is_not_waited_for(handle: Handle, final: Verdict) -> None:
    watch, _ = played([(5, QUEUED), (6, STUCK), (15.9, STUCK)], replace(FRESH, handle=handle))
    assert watch.result is None
    watch, _ = observe(watch, STUCK, BEGAN + 16)
    assert next_step(Stage.DEPLOYMENT, (watch,), repeated=False) == final


def test_what_is_started_after_all_is_not_stuck() -> None:
    assert ended([(5, STUCK), (10, RUNNING), (16, STUCK), (20, RUNNING), (30, DONE)]) == WatchResult(
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
        pytest.param(DONE, Verdict(Outcome.FINISHED, ENDED_BEFORE), id="succeeded"),
        pytest.param(replace(BROKEN, reason="exit 1"), Verdict(Outcome.FINISHED, ENDED_BEFORE), id="failed"),
        pytest.param(
            Snapshot(Phase.UNVERIFIED, reason="skipped"),
            Verdict(Outcome.FINISHED, ENDED_BEFORE),
            id="unproven",
        ),
        pytest.param(replace(GONE, reason="no row"), Verdict(Outcome.FINISHED, ENDED_BEFORE), id="gone"),
        pytest.param(AccessDenied("revoked"), Verdict(Outcome.LOST, "revoked"), id="barred"),
        pytest.param(RUNNING, Verdict(Outcome.TIMED_OUT, LATE), id="late"),
    ],
)
@pytest.mark.parametrize(
    "handle",
    [SURE, ADOPTED, DOUBTFUL, PHANTOM, LISTED],
    ids=["sure", "adopted", "doubtful", "phantom", "listed"],
)
def test_what_was_to_be_cancelled_only_has_to_be_over(
    last: Observation, final: Verdict, handle: Handle
) -> None:
    assert next_step(Stage.CANCELLATION, (over(last, handle=handle),), repeated=False) == final


@pytest.mark.parametrize(
    ("watches", "final"),
    [
        pytest.param(
            (over(Snapshot(Phase.CANCELLED)), over(Snapshot(Phase.CANCELLED))),
            Verdict(Outcome.FINISHED, "2 cancelled"),
            id="all",
        ),
        pytest.param(
            (
                over(Snapshot(Phase.CANCELLED)),
                over(DONE),
                over(replace(DONE, follow_ups=OTHERS, health_check=PROOF)),
            ),
            Verdict(Outcome.FINISHED, "1 cancelled, 2 ended by itself", PROOF),
            id="one-of-three",
        ),
        pytest.param(
            (over(Snapshot(Phase.CANCELLED)), over(RUNNING)),
            Verdict(Outcome.TIMED_OUT, LATE),
            id="one-goes-on",
        ),
    ],
)
def test_of_several_that_were_to_be_cancelled_each_counts(watches: tuple[Watch, ...], final: Verdict) -> None:
    assert next_step(Stage.CANCELLATION, watches, repeated=False) == final
