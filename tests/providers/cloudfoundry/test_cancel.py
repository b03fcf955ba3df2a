"""Cloud Foundry: cancelling rolling deployments."""

from __future__ import annotations

import pytest
import requests
import responses

from deployer.model import Command, Handle, Owner, Phase, UnavailableError
from deployer.providers.cloudfoundry import cancel
from deployer.providers.cloudfoundry.condition import Condition
from tests.providers.cloudfoundry.foundation import NEWEST, ROLLS, deployment
from tests.providers.cloudfoundry.support import (
    API,
    APP,
    DEPLOYMENT,
    answer,
    asked,
    known,
    listing,
    serve,
    server,
)


def test_only_a_deployment_in_progress_is_active(wire: responses.RequestsMock) -> None:
    cloud = server(wire, command=Command.CANCEL)
    known(cloud)
    answer(
        wire,
        "GET",
        "/v3/deployments",
        listing(deployment("ACTIVE", "DEPLOYING"), deployment("FINALIZED", "SUPERSEDED", guid="b")),
    )
    assert cloud.active(APP) == (Handle(APP, DEPLOYMENT, owner=Owner.OTHERS, condition=Condition.ROLLED_OUT),)
    assert asked(wire) == [NEWEST]


CANCELLED, STAYS = (
    "cancelled: Cloud Foundry restores the previous version",
    "already over: the new version stays deployed",
)


CANCEL, IT = f"POST /v3/deployments/{DEPLOYMENT}/actions/cancel", f"GET /v3/deployments/{DEPLOYMENT}"


@pytest.mark.parametrize(
    ("replies", "expected", "requests"),
    [
        pytest.param(
            ["deployment-cancel-200", "deployment-get-200-canceling"],
            CANCELLED,
            [CANCEL, IT],
            id="empty-response",
        ),
        pytest.param(["app-start-200"], CANCELLED, [CANCEL], id="other-good-response"),
        pytest.param(["deployment-cancel-422-final"], STAYS, [CANCEL], id="over"),
    ],
)
def test_a_deployment_is_cancelled(
    wire: responses.RequestsMock, replies: list[str], expected: str, requests: list[str]
) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, replies[0], "POST", f"/v3/deployments/{DEPLOYMENT}/actions/cancel")
    for name in replies[1:]:
        serve(wire, name)
    assert cloud.cancel(ROLLS) == expected
    assert asked(wire) == requests


@pytest.mark.parametrize(
    ("value", "reason", "expected"),
    [
        ("ACTIVE", "CANCELING", CANCELLED),
        ("FINALIZED", "CANCELED", CANCELLED),
        ("FINALIZED", "DEPLOYED", STAYS),
        ("FINALIZED", "SUPERSEDED", STAYS),
        ("ACTIVE", "DEPLOYING", None),
        ("ACTIVE", "PAUSED", None),
    ],
)
def test_the_result_of_a_cancel_without_a_usable_response_is_read_from_the_deployment(
    wire: responses.RequestsMock, value: str, reason: str, expected: str | None
) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "deployment-cancel-200")
    serve(wire, "deployment-get-200-deploying", body=deployment(value, reason))
    if expected:
        assert cloud.cancel(ROLLS) == expected
    else:
        with pytest.raises(UnavailableError) as lost:
            cloud.cancel(ROLLS)
        assert lost.value.may_have_arrived
    assert asked(wire) == [CANCEL, IT]


def test_a_cancel_may_have_arrived_if_its_result_cannot_be_read(
    wire: responses.RequestsMock,
) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "deployment-cancel-200")
    wire.get(f"{API}/v3/deployments/{DEPLOYMENT}", body=requests.exceptions.ConnectTimeout("gone"))
    with pytest.raises(UnavailableError) as lost:
        cloud.cancel(ROLLS)
    assert lost.value.may_have_arrived


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(Condition.RUNNING, cancel.CANNOT_UNDO, id="a-start"),
        pytest.param(Condition.STOPPED, cancel.CANNOT_UNDO, id="a-stop"),
        pytest.param(Condition.STAGED, cancel.CONTINUES[Condition.STAGED], id="a-staging"),
        pytest.param(Condition.REVERTED, cancel.CONTINUES[Condition.REVERTED], id="a-rollback"),
    ],
)
def test_what_cannot_be_cancelled_continues_without_a_request(
    wire: responses.RequestsMock, condition: str, expected: str
) -> None:
    cloud = server(wire)
    known(cloud)
    assert cloud.cancel(Handle(APP, "x", condition=condition)) == expected
    assert asked(wire) == []


def test_a_cancelled_deployment_is_followed_without_its_instances(wire: responses.RequestsMock) -> None:
    cloud = server(wire, command=Command.CANCEL)
    known(cloud)
    serve(wire, "deployment-get-200-canceling")
    serve(wire, "deployment-get-200-canceled")
    assert [cloud.poll(ROLLS).phase for _ in range(2)] == [Phase.RUNNING, Phase.CANCELLED]
    assert asked(wire) == [f"GET /v3/deployments/{DEPLOYMENT}"] * 2
