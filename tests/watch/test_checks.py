"""watch.py: health and site checks after the deployment (architecture 2.2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.model import AccessDenied, Observation, Outcome, PollFailed, Stage
from deployer.watch import Checks, End, NextStage, NextStep, Verdict, Watch, WatchResult, next_step
from tests.watch.builders import (
    ABSENT,
    BROKEN,
    DEADLINE,
    DONE,
    DOWN,
    ERROR_RESPONSE,
    FINISHED,
    FINISHED_WITH_HEALTH,
    FRESH,
    HEALTH,
    HEALTH_UNKNOWN,
    OK_RESPONSE,
    SITE_CONDITION,
    STARTING,
    UP,
    final_watch,
    health_watch,
    observe_all,
)

# --- Health checks (architecture 2.2, `verify_health`)


@pytest.mark.parametrize(
    ("watch", "lenient", "strict"),
    [
        pytest.param(health_watch((10, replace(UP, stable_for=0))), FINISHED, FINISHED, id="running"),
        pytest.param(health_watch((10, UP), (70, UP)), FINISHED, FINISHED, id="still-running"),
        pytest.param(
            health_watch((10, DOWN), (70, DOWN)),
            Verdict(Outcome.UNVERIFIED, DOWN.reason),
            Verdict(Outcome.UNVERIFIED, DOWN.reason),
            id="down",
        ),
        pytest.param(
            health_watch((10, STARTING), (100, STARTING)),
            replace(FINISHED, warning=f"deployed, but {HEALTH_UNKNOWN}{STARTING.reason}"),
            Verdict(Outcome.UNVERIFIED, f"{HEALTH_UNKNOWN}{STARTING.reason}"),
            id="inconclusive",
        ),
        pytest.param(
            health_watch((100, PollFailed("HTTP 502"))),
            replace(
                FINISHED,
                warning=(
                    f"deployed, but {HEALTH_UNKNOWN}its status could never be read; "
                    "the last status checks failed: HTTP 502"
                ),
            ),
            Verdict(
                Outcome.UNVERIFIED,
                f"{HEALTH_UNKNOWN}its status could never be read; the last status checks failed: HTTP 502",
            ),
            id="never-polled",
        ),
        pytest.param(
            health_watch((10, UP), (20, AccessDenied("revoked"))),
            replace(FINISHED, warning=f"deployed, but {HEALTH_UNKNOWN}revoked"),
            Verdict(Outcome.UNVERIFIED, f"{HEALTH_UNKNOWN}revoked"),
            id="access-denied",
        ),
        pytest.param(
            health_watch((10, replace(ABSENT, reason="no row"))),
            replace(FINISHED, warning=f"deployed, but {HEALTH_UNKNOWN}no row"),
            Verdict(Outcome.UNVERIFIED, f"{HEALTH_UNKNOWN}no row"),
            id="absent",
        ),
        pytest.param(
            health_watch((10, ABSENT)),
            replace(
                FINISHED,
                warning=f"deployed, but {HEALTH_UNKNOWN}its status was inconclusive until time ran out",
            ),
            Verdict(Outcome.UNVERIFIED, f"{HEALTH_UNKNOWN}its status was inconclusive until time ran out"),
            id="absent-without-a-reason",
        ),
    ],
)
def test_unknown_health_is_a_warning_unless_strict(watch: Watch, lenient: Verdict, strict: Verdict) -> None:
    """Only evidence that it does not run makes a deployed target unverified."""
    assert next_step(Stage.HEALTH, (watch,), repeated=False, so_far=FINISHED_WITH_HEALTH) == replace(
        lenient, health_check=HEALTH
    )
    assert next_step(
        Stage.HEALTH, (watch,), repeated=False, so_far=FINISHED_WITH_HEALTH, checks=Checks(strict=True)
    ) == replace(strict, health_check=HEALTH)


# --- Site checks


WITH_SITE = Checks(site=True)


@pytest.mark.parametrize(
    ("stage", "watch", "so_far", "step"),
    [
        pytest.param(
            Stage.DEPLOYMENT,
            final_watch(DONE),
            None,
            NextStage(Stage.VERIFY, (SITE_CONDITION,), DEADLINE, FINISHED),
            id="site-check-after-the-deployment",
        ),
        pytest.param(
            Stage.DEPLOYMENT,
            final_watch(replace(DONE, health_check=HEALTH)),
            None,
            NextStage(Stage.HEALTH, (HEALTH,), DEADLINE, FINISHED_WITH_HEALTH),
            id="health-check-first",
        ),
        pytest.param(
            Stage.HEALTH,
            health_watch((10, DONE)),
            FINISHED_WITH_HEALTH,
            NextStage(Stage.VERIFY, (SITE_CONDITION,), None, FINISHED_WITH_HEALTH),
            id="each-check-has-its-own-timeout",
        ),
        pytest.param(
            Stage.DEPLOYMENT,
            final_watch(replace(BROKEN, reason="no")),
            None,
            Verdict(Outcome.FAILED, "no"),
            id="no-site-check-after-a-failure",
        ),
    ],
)
def test_the_site_is_checked_last_after_success(
    stage: Stage, watch: Watch, so_far: Verdict | None, step: NextStep
) -> None:
    assert next_step(stage, (watch,), repeated=False, so_far=so_far, checks=WITH_SITE) == step


@pytest.mark.parametrize(
    ("polls", "result"),
    [
        pytest.param([(1, OK_RESPONSE), (2, OK_RESPONSE)], WatchResult(End.SUCCEEDED), id="two-in-a-row"),
        pytest.param(
            [(1, ERROR_RESPONSE), (2, OK_RESPONSE), (3, OK_RESPONSE)],
            WatchResult(End.SUCCEEDED),
            id="ok-after-errors",
        ),
        pytest.param([(1, OK_RESPONSE), (2, ERROR_RESPONSE), (3, OK_RESPONSE)], None, id="not-in-a-row"),
        pytest.param(
            [(1, OK_RESPONSE), (100, ERROR_RESPONSE)],
            WatchResult(End.TIMED_OUT, ERROR_RESPONSE.reason),
            id="error-at-the-end",
        ),
        pytest.param(
            [(1, ERROR_RESPONSE), (100, OK_RESPONSE)],
            WatchResult(
                End.TIMED_OUT,
                "its last response was OK (HTTP 200), but two consecutive OK responses are required "
                "and time ran out",
            ),
            id="ok-only-once",
        ),
        pytest.param(
            [(1, ERROR_RESPONSE), (99.5, OK_RESPONSE), (101, OK_RESPONSE)],
            WatchResult(End.SUCCEEDED),
            id="ok-after-the-deadline",
        ),
    ],
)
def test_two_consecutive_ok_responses_verify_a_site(
    polls: list[tuple[float, Observation]], result: WatchResult | None
) -> None:
    assert observe_all(polls, replace(FRESH, handle=SITE_CONDITION, stage=Stage.VERIFY))[0].result == result
