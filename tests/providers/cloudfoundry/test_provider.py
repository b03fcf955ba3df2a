"""Cloud Foundry: connecting, and resolving an app."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from deployer.model import RefusedError, Target
from deployer.providers.cloudfoundry.triggering import trigger_requests
from tests.providers.cloudfoundry.foundation import IMAGE, NEWEST, V3APP
from tests.providers.cloudfoundry.support import (
    APP,
    DEPLOYMENT,
    OLD_DROPLET,
    VERSION,
    WEB,
    answer,
    asked,
    body,
    listing,
    serve,
    server,
)

# --- connecting


def test_connecting_discovers_the_endpoints_and_logs_in(wire: responses.RequestsMock) -> None:
    assert server(wire).connect() == "Cloud Foundry (API 3.228.0) at https://api.example.org"


# --- resolving


def test_a_check_finds_the_app_its_processes_and_its_address(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    for name in ("app-get-200-started", "app-processes-list-200-web-2", "app-routes-list-200"):
        serve(wire, name)
    assert cloud.resolve(APP) == Target(
        APP, "my_app", "app", "https://a-hostname.a-domain.com/some_path", "started"
    )
    assert asked(wire) == [f"GET {V3APP}", f"GET {V3APP}/processes", f"GET {V3APP}/routes"]
    seen = cloud.apps[APP]
    assert (seen.guid, seen.at_check.started, seen.before.droplet, seen.versions) == (
        APP,
        True,
        OLD_DROPLET,
        {WEB: VERSION},
    )


def test_a_check_for_a_rolling_deployment_reads_the_newest_one(wire: responses.RequestsMock) -> None:
    cloud = server(wire, strategy="rolling")
    for name in ("app-get-200-started", "app-processes-list-200-web-2", "app-routes-list-200-none"):
        serve(wire, name)
    answer(wire, "GET", "/v3/deployments", listing(body("deployment-get-200-deploying")))
    cloud.resolve(APP)
    assert asked(wire) == [f"GET {V3APP}", NEWEST, f"GET {V3APP}/processes", f"GET {V3APP}/routes"]
    assert (cloud.apps[APP].deployments.newest, cloud.apps[APP].deployments.active) == (DEPLOYMENT, True)


def test_a_check_for_an_image_reads_which_one_is_there(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=":1.5.0")
    for name in ("app-get-200-docker-started", "app-processes-list-200-web-2", "app-routes-list-200"):
        serve(wire, name)
    droplet = {**body("droplet-get-200-docker"), "guid": OLD_DROPLET}
    serve(wire, "droplet-get-200-docker", path=f"/v3/droplets/{OLD_DROPLET}", body=droplet)
    answer(wire, "GET", "/v3/deployments", listing())
    cloud.resolve(APP)
    assert asked(wire) == [
        f"GET {V3APP}",
        NEWEST,
        f"GET /v3/droplets/{OLD_DROPLET}",
        f"GET {V3APP}/processes",
        f"GET {V3APP}/routes",
    ]
    assert cloud.apps[APP].before.image == IMAGE


def test_the_previous_version_is_what_the_first_check_found(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    for name in (
        "app-get-200-stopped",
        "app-get-200-started",
        "app-processes-list-200-web-2",
        "app-routes-list-200",
    ):
        serve(wire, name)
    cloud.resolve(APP)
    cloud.resolve(APP)
    assert (cloud.apps[APP].before.started, cloud.apps[APP].at_check.started) == (False, True)


@pytest.mark.parametrize(
    ("app", "options", "sentence"),
    [
        pytest.param("app-get-200-no-droplet", {}, trigger_requests.NO_DROPLET, id="no-droplet"),
        pytest.param(
            "app-get-200-started",
            {"image": IMAGE},
            trigger_requests.NOT_DOCKER.format("buildpack"),
            id="not-a-docker-app",
        ),
        pytest.param(
            "app-get-200-docker-started",
            {"image": IMAGE},
            trigger_requests.IN_THE_WAY.format(DEPLOYMENT),
            id="deployment-in-progress",
        ),
    ],
)
def test_what_is_not_supported_is_refused_before_anything_is_changed(
    wire: responses.RequestsMock, app: str, options: dict[str, Any], sentence: str
) -> None:
    cloud = server(wire, **options)
    serve(wire, app)
    if options:
        answer(wire, "GET", "/v3/deployments", listing(body("deployment-get-200-deploying")))
    with pytest.raises(RefusedError) as refused:
        cloud.resolve(APP)
    assert str(refused.value) == sentence


def test_unreadable_routes_do_not_prevent_a_deployment(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    for name in ("app-get-200-started", "app-processes-list-200-web-2"):
        serve(wire, name)
    serve(wire, "app-start-403-not-authorized", "GET", f"{V3APP}/routes")
    assert cloud.resolve(APP).url == ""
