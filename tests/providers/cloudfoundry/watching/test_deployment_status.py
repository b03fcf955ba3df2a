"""What the status of a rolling deployment means: a row per rule, and every recorded reply."""

from typing import Any

import pytest

from deployer.model import Phase, Snapshot
from deployer.providers.cloudfoundry.watching import deployment_status
from tests.providers.cloudfoundry.support import body, names
from tests.providers.cloudfoundry.watching.processes import CRASH, RUN, web

DEPLOYMENTS = [
    pytest.param("ACTIVE", "DEPLOYING", Phase.RUNNING, id="deploying"),
    pytest.param("ACTIVE", "PAUSED", Phase.RUNNING, id="paused"),
    pytest.param("ACTIVE", "CANCELING", Phase.RUNNING, id="canceling"),
    pytest.param("FINALIZED", "CANCELED", Phase.CANCELLED, id="canceled-is-not-a-success"),
    pytest.param("FINALIZED", "SUPERSEDED", Phase.SUPERSEDED, id="superseded-is-not-a-success"),
    pytest.param("FINALIZED", "", Phase.UNKNOWN, id="finalized-alone-is-not-a-success"),
    pytest.param("ACTIVE", "DREAMING", Phase.UNKNOWN, id="unknown"),
    pytest.param("DEPLOYED", "", Phase.UNKNOWN, id="unknown-value"),
]


@pytest.mark.parametrize(("value", "reason", "phase"), DEPLOYMENTS)
def test_the_phase_of_a_deployment_is_its_value_and_reason(value: str, reason: str, phase: Phase) -> None:
    row = {"status": {"value": value, "reason": reason}}
    assert deployment_status.snapshot_of(row).phase is phase
    assert not deployment_status.is_deployed(row)


def test_an_error_of_a_deployment_is_reported_and_not_final() -> None:
    found = deployment_status.snapshot_of(body("deployment-get-200-deploying-with-error"))
    assert found == Snapshot(
        Phase.RUNNING,
        "deploying",
        reason="its instances were still being replaced: memory quota_exceeded",
        warnings=("the deployment is not making progress: memory quota_exceeded",),
    )


@pytest.mark.parametrize(
    ("value", "reason", "phase"),
    [
        pytest.param("FINALIZED", "CANCELED", None, id="previous-version-restored"),
        pytest.param("FINALIZED", "DEPLOYED", Phase.FAILED, id="too-late"),
        pytest.param("ACTIVE", "CANCELING", Phase.RUNNING, id="being-cancelled"),
        pytest.param("ACTIVE", "DEPLOYING", Phase.RUNNING, id="not-yet"),
        pytest.param("FINALIZED", "SUPERSEDED", Phase.SUPERSEDED, id="superseded"),
    ],
)
def test_a_cancelled_deployment_is_followed_until_the_previous_version_is_restored(
    value: str, reason: str, phase: Phase | None
) -> None:
    found = deployment_status.reverted({"status": {"value": value, "reason": reason}})
    assert (found and found.phase) is phase


@pytest.mark.parametrize(
    ("rows", "phase"),
    [
        pytest.param([CRASH], Phase.FAILED, id="all-existing-ones-crash"),
        pytest.param([CRASH, RUN], Phase.RUNNING, id="one-runs"),
        pytest.param([], Phase.RUNNING, id="no-instances"),
    ],
)
def test_crashing_new_instances_fail_a_deployment_that_would_never_end(
    rows: list[dict[str, Any]], phase: Phase
) -> None:
    active = deployment_status.snapshot_of(body("deployment-get-200-deploying"))
    assert deployment_status.with_new_instances(active, [web(*rows)], "why").phase is phase


ROLLING: dict[str, Phase | None] = {
    "deployment-create-201-app-was-stopped": None,
    "deployment-create-201-canary-docs": Phase.RUNNING,
    "deployment-create-201-rolling": Phase.RUNNING,
    "deployment-get-200-canary-paused": Phase.RUNNING,
    "deployment-get-200-canceled": Phase.CANCELLED,
    "deployment-get-200-canceling": Phase.RUNNING,
    "deployment-get-200-deployed": None,
    "deployment-get-200-deploying": Phase.RUNNING,
    "deployment-get-200-deploying-with-error": Phase.RUNNING,
}
"""None: its instances are polled."""


def test_every_recorded_reply_has_a_row() -> None:
    assert set(ROLLING) == set(names("deployment-get-200", "deployment-create-201"))


@pytest.mark.parametrize("name", ROLLING)
def test_deployments_are_read(name: str) -> None:
    row, phase = body(name), ROLLING[name]
    assert deployment_status.is_deployed(row) is (phase is None)
    assert phase is None or deployment_status.snapshot_of(row).phase is phase
