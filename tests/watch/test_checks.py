"""watch.py: health and site checks after the deployment (architecture 2.2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.model import AccessDenied, Observation, Outcome, PollFailed, Stage
from deployer.watch import Checks, End, NextStage, NextStep, Verdict, Watch, WatchResult, next_step
from tests.watch.builders import (
    BAD_ANSWER,
    BROKEN,
    DEADLINE,
    DONE,
    DOWN,
    FINE,
    FRESH,
    GONE,
    GOOD_ANSWER,
    PROOF,
    PROVABLE,
    STARTING,
    UNSEEN,
    UP,
    VISITED,
    health,
    over,
    played,
)

# --- What proves that it runs (architecture 2.2, `verify_health`)


@pytest.mark.parametrize(
    ("watch", "lenient", "strict"),
    [
        pytest.param(health((10, replace(UP, stable_for=0))), FINE, FINE, id="it-runs"),
        pytest.param(health((10, UP), (70, UP)), FINE, FINE, id="and-goes-on-running"),
        pytest.param(
            health((10, DOWN), (70, DOWN)),
            Verdict(Outcome.UNVERIFIED, DOWN.reason),
            Verdict(Outcome.UNVERIFIED, DOWN.reason),
            id="it-does-not",
        ),
        pytest.param(
            health((10, STARTING), (100, STARTING)),
            replace(FINE, warning=f"deployed, but {UNSEEN}{STARTING.reason}"),
            Verdict(Outcome.UNVERIFIED, f"{UNSEEN}{STARTING.reason}"),
            id="nothing-clear",
        ),
        pytest.param(
            health((100, PollFailed("HTTP 502"))),
            replace(
                FINE,
                warning=f"deployed, but {UNSEEN}no look at it ever worked; the last looks failed: HTTP 502",
            ),
            Verdict(
                Outcome.UNVERIFIED, f"{UNSEEN}no look at it ever worked; the last looks failed: HTTP 502"
            ),
            id="never-seen",
        ),
        pytest.param(
            health((10, UP), (20, AccessDenied("revoked"))),
            replace(FINE, warning=f"deployed, but {UNSEEN}revoked"),
            Verdict(Outcome.UNVERIFIED, f"{UNSEEN}revoked"),
            id="barred",
        ),
        pytest.param(
            health((10, replace(GONE, reason="no row"))),
            replace(FINE, warning=f"deployed, but {UNSEEN}no row"),
            Verdict(Outcome.UNVERIFIED, f"{UNSEEN}no row"),
            id="gone",
        ),
        pytest.param(
            health((10, GONE)),
            replace(FINE, warning=f"deployed, but {UNSEEN}its status said nothing clear in time"),
            Verdict(Outcome.UNVERIFIED, f"{UNSEEN}its status said nothing clear in time"),
            id="gone-without-a-reason",
        ),
    ],
)
def test_only_evidence_is_held_against_what_is_deployed(
    watch: Watch, lenient: Verdict, strict: Verdict
) -> None:
    """No evidence is a warning; it only counts as a failed proof where a proof was asked for."""
    assert next_step(Stage.HEALTH, (watch,), repeated=False, so_far=PROVABLE) == replace(
        lenient, health_check=PROOF
    )
    assert next_step(
        Stage.HEALTH, (watch,), repeated=False, so_far=PROVABLE, aims=Checks(strict=True)
    ) == replace(strict, health_check=PROOF)


# --- whether its site answers


WITH_SITE = Checks(site=True)


@pytest.mark.parametrize(
    ("leg", "watch", "so_far", "then"),
    [
        pytest.param(
            Stage.DEPLOYMENT,
            over(DONE),
            None,
            NextStage(Stage.VERIFY, (VISITED,), DEADLINE, FINE),
            id="from-the-deployment-s-end",
        ),
        pytest.param(
            Stage.DEPLOYMENT,
            over(replace(DONE, health_check=PROOF)),
            None,
            NextStage(Stage.HEALTH, (PROOF,), DEADLINE, PROVABLE),
            id="its-status-first",
        ),
        pytest.param(
            Stage.HEALTH,
            health((10, DONE)),
            PROVABLE,
            NextStage(Stage.VERIFY, (VISITED,), None, PROVABLE),
            id="each-proof-has-its-own-time",
        ),
        pytest.param(
            Stage.DEPLOYMENT,
            over(replace(BROKEN, reason="no")),
            None,
            Verdict(Outcome.FAILED, "no"),
            id="not-of-what-failed",
        ),
    ],
)
def test_a_site_is_asked_after_all_else_went_well(
    leg: Stage, watch: Watch, so_far: Verdict | None, then: NextStep
) -> None:
    assert next_step(leg, (watch,), repeated=False, so_far=so_far, aims=WITH_SITE) == then


@pytest.mark.parametrize(
    ("looks", "ending"),
    [
        pytest.param([(1, GOOD_ANSWER), (2, GOOD_ANSWER)], WatchResult(End.SUCCEEDED), id="two-in-a-row"),
        pytest.param(
            [(1, BAD_ANSWER), (2, GOOD_ANSWER), (3, GOOD_ANSWER)], WatchResult(End.SUCCEEDED), id="late"
        ),
        pytest.param([(1, GOOD_ANSWER), (2, BAD_ANSWER), (3, GOOD_ANSWER)], None, id="not-in-a-row"),
        pytest.param(
            [(1, GOOD_ANSWER), (100, BAD_ANSWER)],
            WatchResult(End.TIMED_OUT, BAD_ANSWER.reason),
            id="bad-at-the-end",
        ),
        pytest.param(
            [(1, BAD_ANSWER), (100, GOOD_ANSWER)],
            WatchResult(
                End.TIMED_OUT,
                "its last answer was good (HTTP 200), but two in a row count, and there was no time for a second",
            ),
            id="good-only-once",
        ),
        pytest.param(
            [(1, BAD_ANSWER), (99.5, GOOD_ANSWER), (101, GOOD_ANSWER)],
            WatchResult(End.SUCCEEDED),
            id="good-at-the-last-moment",
        ),
    ],
)
def test_two_good_answers_in_a_row_are_the_proof(
    looks: list[tuple[float, Observation]], ending: WatchResult | None
) -> None:
    assert played(looks, replace(FRESH, handle=VISITED, stage=Stage.VERIFY))[0].result == ending
