"""Cloud Foundry: the requests that start something, and what their responses mean."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from deployer.model import (
    AlreadyDone,
    Command,
    Handle,
    RefusedError,
    Started,
    TriggerResult,
    UnavailableError,
)
from deployer.providers.cloudfoundry import provider
from deployer.providers.cloudfoundry.condition import Condition
from deployer.providers.cloudfoundry.triggering import trigger_requests
from tests.providers.cloudfoundry.foundation import IMAGE, NEWEST, ROLLS, RUNS, V3APP
from tests.providers.cloudfoundry.support import (
    APP,
    DROPLET,
    answer,
    asked,
    bodies,
    body,
    known,
    listing,
    serve,
    server,
)

STARTS = [
    pytest.param(
        {},
        {"started": False},
        ["app-start-200"],
        [f"POST {V3APP}/actions/start"],
        Started((RUNS,)),
        id="start",
    ),
    pytest.param(
        {},
        {},
        ["app-start-200"],
        [f"POST {V3APP}/actions/start"],
        Started((RUNS,), trigger_requests.ALREADY),
        id="started-already",
    ),
    pytest.param(
        {"command": Command.RESTART},
        {},
        ["app-restart-200"],
        [f"POST {V3APP}/actions/restart"],
        Started((RUNS,)),
        id="restart",
    ),
    pytest.param(
        {"command": Command.STOP},
        {},
        ["app-stop-200"],
        [f"POST {V3APP}/actions/stop"],
        Started((Handle(APP, "", condition=Condition.STOPPED),)),
        id="stop",
    ),
    pytest.param(
        {"command": Command.STOP},
        {"started": False},
        [],
        [],
        AlreadyDone(trigger_requests.IS_STOPPED),
        id="stopped-already",
    ),
    pytest.param(
        {"strategy": "rolling"},
        {},
        ["deployment-create-201-rolling"],
        ["POST /v3/deployments"],
        Started((ROLLS,)),
        id="rolling",
    ),
    pytest.param(
        {"strategy": "rolling"},
        {"started": False},
        ["deployment-create-201-app-was-stopped"],
        ["POST /v3/deployments"],
        Started((ROLLS,)),
        id="rolling-of-a-stopped-app",
    ),
    pytest.param(
        {"image": IMAGE},
        {"staged": DROPLET},
        [
            "app-get-200-docker-started",
            "app-processes-list-200-web-2",
            "current-droplet-patch-200",
            "app-restart-200",
        ],
        [
            f"GET {V3APP}",
            f"GET {V3APP}/processes",
            f"PATCH {V3APP}/relationships/current_droplet",
            f"POST {V3APP}/actions/restart",
        ],
        Started((RUNS,), trigger_requests.RESTARTED_FOR_IMAGE),
        id="an-image-on-a-started-app",
    ),
    pytest.param(
        {"image": IMAGE},
        {"staged": DROPLET, "started": False},
        [
            "app-get-200-docker-started",
            "app-processes-list-200-web-2",
            "current-droplet-patch-200",
            "app-restart-200",
        ],
        [
            f"GET {V3APP}",
            f"GET {V3APP}/processes",
            f"PATCH {V3APP}/relationships/current_droplet",
            f"POST {V3APP}/actions/restart",
        ],
        Started((RUNS,), trigger_requests.RESTARTED_FOR_IMAGE),
        id="app-was-started-during-staging",
    ),
]


@pytest.mark.parametrize(("options", "seen", "replies", "requests", "expected"), STARTS)
def test_a_trigger_sends_one_request_that_starts_something(  # noqa: PLR0913, PLR0917 -- the columns of a row
    wire: responses.RequestsMock,
    options: dict[str, Any],
    seen: dict[str, Any],
    replies: list[str],
    requests: list[str],
    expected: TriggerResult,
) -> None:
    cloud = server(wire, **options)
    known(cloud, **seen)
    for name in replies:
        serve(wire, name)
    assert cloud.trigger(APP) == expected
    assert asked(wire) == requests


def test_a_droplet_is_assigned_by_its_guid(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, staged=DROPLET)
    for name in (
        "app-get-200-stopped",
        "app-processes-list-200-web-2",
        "current-droplet-patch-200",
        "app-start-200",
    ):
        serve(wire, name)
    cloud.trigger(APP)
    assert bodies(wire) == [{"data": {"guid": DROPLET}}]


def test_a_rolling_deployment_assigns_its_droplet_itself(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE, strategy="rolling")
    known(cloud, staged=DROPLET)
    serve(wire, "app-get-200-docker-started")
    serve(wire, "deployment-create-201-rolling")
    answer(wire, "GET", "/v3/deployments", listing())
    cloud.trigger(APP)
    assert asked(wire) == [f"GET {V3APP}", NEWEST, "POST /v3/deployments"]
    app = {"app": {"data": {"guid": APP}}}
    assert bodies(wire) == [{"strategy": "rolling", "relationships": app, "droplet": {"guid": DROPLET}}]


@pytest.mark.parametrize(
    "name", ["app-start-422-no-droplet", "app-start-422-log-rate-quota", "app-start-403-docker-disabled"]
)
def test_a_refusal_is_reported_and_not_retried(wire: responses.RequestsMock, name: str) -> None:
    cloud = server(wire)
    known(cloud, started=False)
    serve(wire, name)
    with pytest.raises(RefusedError) as refused:
        cloud.trigger(APP)
    assert body(name)["errors"][0]["detail"].rstrip(".") in str(refused.value)
    assert len(asked(wire)) == 1


def test_a_refusal_after_the_droplet_was_assigned_says_so(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, staged=DROPLET)
    for name in (
        "app-get-200-stopped",
        "app-processes-list-200-web-2",
        "current-droplet-patch-200",
        "app-start-422-log-rate-quota",
    ):
        serve(wire, name)
    with pytest.raises(RefusedError, match=provider.DROPLET_ASSIGNED):
        cloud.trigger(APP)


@pytest.mark.parametrize(
    "name", ["current-droplet-patch-422-deploying", "current-droplet-patch-422-not-assignable"]
)
def test_a_droplet_that_cannot_be_assigned_is_not_started(wire: responses.RequestsMock, name: str) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, staged=DROPLET)
    for each in ("app-get-200-stopped", "app-processes-list-200-web-2", name):
        serve(wire, each)
    with pytest.raises(RefusedError):
        cloud.trigger(APP)
    assert asked(wire)[-1] == f"PATCH {V3APP}/relationships/current_droplet"


@pytest.mark.parametrize(
    ("broken", "arrived"),
    [
        pytest.param("app-start-503-db", True, id="the-trigger"),
        pytest.param("current-droplet-patch-200", False, id="the-assignment-starts-nothing"),
        pytest.param("app-processes-list-200-web-2", False, id="requests-before"),
    ],
)
def test_only_a_lost_trigger_may_have_started_something(
    wire: responses.RequestsMock, broken: str, *, arrived: bool
) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, staged=DROPLET)
    for name in (
        "app-get-200-stopped",
        "app-processes-list-200-web-2",
        "current-droplet-patch-200",
        "app-start-503-db",
    ):
        serve(wire, name, **({"status": 503, "body": body("app-start-503-db")} if name == broken else {}))
        if name == broken:
            break
    with pytest.raises(UnavailableError) as lost:
        cloud.trigger(APP)
    assert lost.value.may_have_arrived is arrived


@pytest.mark.parametrize("data", [{}, [], {"guid": "another"}, {"message": "OK"}, {"guid": None}])
@pytest.mark.parametrize(
    ("options", "path"),
    [({}, f"{V3APP}/actions/start"), ({"strategy": "restart"}, f"{V3APP}/actions/restart")],
    ids=["start", "restart"],
)
def test_a_good_response_without_the_app_counts_as_lost(
    wire: responses.RequestsMock, options: dict[str, Any], path: str, data: Any
) -> None:
    cloud = server(wire, **options)
    known(cloud)
    answer(wire, "POST", path, data)
    with pytest.raises(UnavailableError) as lost:
        cloud.trigger(APP)
    assert (lost.value.may_have_arrived, lost.value.server_error) == (True, lost.value.reason)


@pytest.mark.parametrize("wait", [True, False])
def test_warnings_are_reported_with_the_trigger_if_no_poll_follows(
    wire: responses.RequestsMock, *, wait: bool
) -> None:
    cloud = server(wire, wait=wait)
    known(cloud)
    cloud.api.warnings.append("an old buildpack")
    serve(wire, "app-start-200")
    result = cloud.trigger(APP)
    assert isinstance(result, Started)
    assert result.note.endswith("an old buildpack") is not wait
    assert cloud.describe(APP)[-1] == "an old buildpack"
