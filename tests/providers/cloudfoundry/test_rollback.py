"""Cloud Foundry: rolling back."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from deployer.model import (
    Command,
    Handle,
    Phase,
    Rejected,
    Started,
    TriggerResult,
)
from deployer.providers.cloudfoundry import rollback
from deployer.providers.cloudfoundry.condition import Condition
from tests.providers.cloudfoundry.foundation import IMAGE, ROLLS, RUNS, STATS, V3APP, deployment
from tests.providers.cloudfoundry.support import (
    APP,
    DEPLOYMENT,
    DROPLET,
    OLD_DROPLET,
    answer,
    asked,
    bodies,
    body,
    known,
    listing,
    serve,
    server,
)

AFTER_FAILURE = [
    pytest.param(
        {"staged": DROPLET, "was_started": False},
        RUNS,
        [],
        Rejected(rollback.STOPPED_BEFORE),
        id="was-stopped-before",
    ),
    pytest.param({}, RUNS, [], Rejected(rollback.SAME_DROPLET), id="the-same-droplet"),
    pytest.param({"staged": OLD_DROPLET}, RUNS, [], Rejected(rollback.SAME_DROPLET), id="staged-to-the-same"),
    pytest.param(
        {"staged": DROPLET, "droplet": ""}, RUNS, [], Rejected(rollback.SAME_DROPLET), id="none-before"
    ),
    pytest.param(
        {"staged": DROPLET},
        RUNS,
        [
            f"GET {V3APP}",
            f"GET {V3APP}/processes",
            f"PATCH {V3APP}/relationships/current_droplet",
            f"POST {V3APP}/actions/restart",
        ],
        Started((RUNS,), f"back to droplet {OLD_DROPLET}"),
        id="by-a-restart",
    ),
]


@pytest.mark.parametrize(("seen", "deployed", "requests", "expected"), AFTER_FAILURE)
def test_the_previous_version_is_restored_if_there_is_one(
    wire: responses.RequestsMock,
    seen: dict[str, Any],
    deployed: Handle,
    requests: list[str],
    expected: TriggerResult,
) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, **seen)
    if requests:
        for name in (
            "app-get-200-docker-started",
            "app-processes-list-200-web-2",
            "current-droplet-patch-200",
            "app-restart-200",
        ):
            serve(wire, name)
    assert cloud.rollback(APP, deployed) == expected
    assert asked(wire) == requests


def test_a_deployment_in_progress_is_cancelled_and_followed_until_the_previous_version_runs(
    wire: responses.RequestsMock,
) -> None:
    cloud = server(wire, strategy="rolling")
    known(cloud)
    for name in (
        "deployment-cancel-200",
        "deployment-get-200-canceling",
        "deployment-get-200-canceling",
        "deployment-get-200-canceled",
    ):
        serve(wire, name)
    back = Handle(APP, DEPLOYMENT, condition=Condition.REVERTED)
    assert cloud.rollback(APP, ROLLS) == Started((back,))
    serve(wire, "app-processes-list-200-web-2")
    serve(wire, "process-stats-200-all-running")
    assert [cloud.poll(back).phase for _ in range(2)] == [Phase.RUNNING, Phase.SUCCEEDED]
    cancel = f"/v3/deployments/{DEPLOYMENT}"
    assert asked(wire) == [
        f"POST {cancel}/actions/cancel",
        *[f"GET {cancel}"] * 3,
        f"GET {V3APP}/processes",
        f"GET {STATS}",
    ]


def test_a_finished_deployment_is_rolled_back_by_another_one(wire: responses.RequestsMock) -> None:
    cloud = server(wire, strategy="rolling", image=IMAGE)
    known(cloud, staged=DROPLET, deployed=DEPLOYMENT)
    serve(wire, "app-get-200-docker-started")
    answer(wire, "GET", "/v3/deployments", listing(body("deployment-get-200-deployed")))
    answer(wire, "POST", "/v3/deployments", {"guid": "back"}, 201)
    assert cloud.rollback(APP, ROLLS) == Started(
        (Handle(APP, "back", condition=Condition.ROLLED_OUT),), f"back to droplet {OLD_DROPLET}"
    )
    assert bodies(wire)[-1]["droplet"] == {"guid": OLD_DROPLET}


def test_a_droplet_that_somebody_else_has_assigned_is_not_replaced(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, staged="staged", droplet="before")
    serve(wire, "app-get-200-docker-started")
    answer(wire, "GET", f"{V3APP}/processes", listing())
    assert cloud.rollback(APP, Handle(APP, "", condition=Condition.RUNNING)) == Rejected(
        rollback.ANOTHER_DROPLET
    )


ON_DEMAND = [
    pytest.param(
        {"active": True, "newest": DEPLOYMENT},
        [],
        [f"POST /v3/deployments/{DEPLOYMENT}/actions/cancel", f"GET /v3/deployments/{DEPLOYMENT}"],
        None,
        id="deployment-in-progress-is-cancelled",
    ),
    pytest.param(
        {"previous": "older"},
        [{"guid": OLD_DROPLET}, {"guid": "old"}, {"guid": "older"}],
        [
            f"GET {V3APP}/droplets?order_by=-created_at&per_page=50&states=STAGED",
            f"PATCH {V3APP}/relationships/current_droplet",
            f"POST {V3APP}/actions/restart",
        ],
        {"data": {"guid": "older"}},
        id="what-the-newest-deployment-replaced",
    ),
    pytest.param(
        {"previous": "newer"},
        [{"guid": "newer"}, {"guid": OLD_DROPLET}, {"guid": "older"}],
        [
            f"GET {V3APP}/droplets?order_by=-created_at&per_page=50&states=STAGED",
            f"PATCH {V3APP}/relationships/current_droplet",
            f"POST {V3APP}/actions/restart",
        ],
        {"data": {"guid": "older"}},
        id="never-to-a-newer-droplet",
    ),
    pytest.param(
        {},
        [{"guid": "newer"}, {"guid": OLD_DROPLET}, {"guid": "older"}],
        [
            f"GET {V3APP}/droplets?order_by=-created_at&per_page=50&states=STAGED",
            f"PATCH {V3APP}/relationships/current_droplet",
            f"POST {V3APP}/actions/restart",
        ],
        {"data": {"guid": "older"}},
        id="the-droplet-before",
    ),
]


@pytest.mark.parametrize(("seen", "droplets", "requests", "sent"), ON_DEMAND)
def test_a_rollback_on_demand_restores_the_previous_version(
    wire: responses.RequestsMock, seen: dict[str, Any], droplets: list[Any], requests: list[str], sent: Any
) -> None:
    cloud = server(wire, command=Command.ROLLBACK)
    known(cloud, **seen)
    if droplets:
        answer(wire, "GET", f"{V3APP}/droplets", listing(*droplets))
    for name in (
        ("current-droplet-patch-200", "app-restart-200")
        if sent
        else ("deployment-cancel-200", "deployment-get-200-canceling")
    ):
        serve(wire, name)
    assert isinstance(cloud.trigger(APP), Started)
    assert asked(wire) == requests
    assert bodies(wire) == ([sent] if sent else [])


@pytest.mark.parametrize(
    "droplets",
    [[], [{"guid": "other"}], [{"guid": "newer"}, {"guid": OLD_DROPLET}]],
    ids=["none", "lost", "oldest"],
)
def test_a_rollback_on_demand_without_an_older_droplet_is_rejected(
    wire: responses.RequestsMock, droplets: list[Any]
) -> None:
    cloud = server(wire, command=Command.ROLLBACK)
    known(cloud)
    answer(wire, "GET", f"{V3APP}/droplets", listing(*droplets))
    assert cloud.trigger(APP) == Rejected(rollback.NONE_BEFORE)


OLD = {"droplet": {"guid": OLD_DROPLET}}


@pytest.mark.parametrize(
    ("newest", "active", "previous"),
    [
        pytest.param(
            deployment(
                "FINALIZED", "DEPLOYED", droplet={"guid": OLD_DROPLET}, previous_droplet={"guid": "p"}
            ),
            False,
            "p",
            id="replaced-by-the-newest-deployment",
        ),
        pytest.param(
            deployment("FINALIZED", "DEPLOYED", previous_droplet={"guid": "p"}),
            False,
            "",
            id="another-droplet-is-there",
        ),
        pytest.param(deployment("FINALIZED", "CANCELED", **OLD), False, "", id="cancelled"),
        pytest.param(deployment("ACTIVE", "DEPLOYING", **OLD), True, "", id="in-progress"),
    ],
)
def test_the_previous_droplet_is_the_one_that_the_newest_deployment_replaced(
    wire: responses.RequestsMock, newest: dict[str, Any], *, active: bool, previous: str
) -> None:
    cloud = server(wire, command=Command.ROLLBACK)
    for name in ("app-get-200-started", "app-processes-list-200-web-2", "app-routes-list-200"):
        serve(wire, name)
    answer(wire, "GET", "/v3/deployments", listing(newest))
    cloud.resolve(APP)
    assert (cloud.apps[APP].deployments.active, cloud.apps[APP].deployments.previous) == (active, previous)
