"""Cloud Foundry: a package is staged before it is deployed."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from deployer.model import Changes, Handle, Phase, RefusedError, UnavailableError
from deployer.providers.cloudfoundry.condition import Condition
from tests.providers.cloudfoundry.foundation import IMAGE
from tests.providers.cloudfoundry.support import (
    APP,
    BUILD,
    DROPLET,
    LOGS,
    PACKAGE,
    answer,
    asked,
    bodies,
    body,
    known,
    listing,
    serve,
    server,
)


def test_an_image_becomes_a_package_and_a_build(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, image="ghcr.io/acme/web:1.4.1")
    serve(wire, "package-create-docker-201-public")
    serve(wire, "build-create-201-staging-docker")
    assert cloud.apply_changes(APP) == Changes(
        (f"image: ghcr.io/acme/web:1.4.1 → {IMAGE}",),
        unchanged=(f"the image {IMAGE} is being staged",),
        handles=(Handle(APP, BUILD, condition=Condition.STAGED),),
    )
    assert asked(wire) == ["POST /v3/packages", "POST /v3/builds"]
    app = {"app": {"data": {"guid": APP}}}
    assert bodies(wire) == [
        {"type": "docker", "relationships": app, "data": {"image": IMAGE}},
        {"package": {"guid": PACKAGE}},
    ]


def test_the_registrys_login_is_sent_with_the_image_and_never_printed(
    wire: responses.RequestsMock,
) -> None:
    cloud = server(wire, image=IMAGE, docker_username="robot", docker_password="s3cret-of-the-registry")
    known(cloud)
    serve(wire, "package-create-docker-201")
    serve(wire, "build-create-201-staging-docker")
    prepared = cloud.apply_changes(APP)
    assert bodies(wire)[0]["data"] == {
        "image": IMAGE,
        "username": "robot",
        "password": "s3cret-of-the-registry",
    }
    assert "s3cret" not in repr((prepared, cloud.options, cloud.apps))


def test_a_retry_does_not_create_anything_twice(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, package=PACKAGE, packed=True, build=BUILD)
    assert cloud.apply_changes(APP).handles == (Handle(APP, BUILD, condition=Condition.STAGED),)
    assert asked(wire) == []


@pytest.mark.parametrize(
    ("built", "requests"),
    [
        pytest.param([{"guid": BUILD}], [f"GET /v3/builds?package_guids={PACKAGE}"], id="it-was-made"),
        pytest.param([], [f"GET /v3/builds?package_guids={PACKAGE}", "POST /v3/builds"], id="it-was-not"),
    ],
)
def test_a_build_whose_response_was_lost_is_searched_for(
    wire: responses.RequestsMock, built: list[Any], requests: list[str]
) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, package=PACKAGE, packed=True)
    wire.add("POST", "https://api.example.org/v3/builds", status=502, body="bad gateway")
    with pytest.raises(UnavailableError):
        cloud.apply_changes(APP)
    wire.reset()
    answer(wire, "GET", "/v3/builds", listing(*built))
    if not built:
        serve(wire, "build-create-201-staging-docker")
    assert cloud.apply_changes(APP).handles == (Handle(APP, BUILD, condition=Condition.STAGED),)
    assert asked(wire) == requests


def test_another_build_of_the_app_is_waited_for(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, package=PACKAGE, packed=True)
    serve(wire, "build-create-422-in-progress")
    with pytest.raises(UnavailableError) as later:
        cloud.apply_changes(APP)
    assert later.value.retry_after > 0


def test_a_package_that_is_not_ready_at_once_is_waited_for(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud)
    serve(
        wire,
        "package-create-docker-201-public",
        body={**body("package-create-docker-201-public"), "state": "PROCESSING_UPLOAD"},
    )
    answer(wire, "GET", f"/v3/packages/{PACKAGE}", {"guid": PACKAGE, "state": "PROCESSING_UPLOAD"})
    with pytest.raises(UnavailableError):
        cloud.apply_changes(APP)
    wire.replace(
        "GET", f"https://api.example.org/v3/packages/{PACKAGE}", json={"guid": PACKAGE, "state": "READY"}
    )
    serve(wire, "build-create-201-staging-docker")
    assert cloud.apply_changes(APP).handles
    assert asked(wire) == ["POST /v3/packages", *[f"GET /v3/packages/{PACKAGE}"] * 2, "POST /v3/builds"]


@pytest.mark.parametrize("state", ["FAILED", "EXPIRED"])
def test_a_package_that_failed_is_refused(wire: responses.RequestsMock, state: str) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, package=PACKAGE)
    answer(wire, "GET", f"/v3/packages/{PACKAGE}", {"guid": PACKAGE, "state": state})
    with pytest.raises(RefusedError, match=state):
        cloud.apply_changes(APP)


@pytest.mark.parametrize(
    "name",
    ["package-create-422-buildpack-app", "build-create-400-package-not-ready", "build-create-422-package"],
)
def test_a_refused_staging_is_reported(wire: responses.RequestsMock, name: str) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, package="" if name.startswith("package") else PACKAGE, packed=True)
    serve(wire, name)
    with pytest.raises(RefusedError):
        cloud.apply_changes(APP)


def test_the_droplet_of_a_build_is_remembered_for_the_start(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    seen = known(cloud)
    serve(wire, "build-get-200-staging-docker")
    serve(wire, "build-get-200-staged-docker")
    build = Handle(APP, BUILD, condition=Condition.STAGED)
    assert [cloud.poll(build).phase for _ in range(2)] == [Phase.RUNNING, Phase.SUCCEEDED]
    assert seen.staging.droplet == DROPLET


def test_the_reason_of_a_failed_staging_is_read_from_the_log(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE, logs=True)
    known(cloud).log.since = 0
    serve(wire, "build-get-200-failed-docker")
    serve(wire, "log-cache-read-200-staging", path=f"{LOGS}/api/v1/read/{APP}")
    found = cloud.poll(Handle(APP, BUILD, condition=Condition.STAGED))
    assert found.phase is Phase.FAILED
    assert (
        "due to manifest unknown. The registry does not have this image or tag. "
        "Check its name, and that it was pushed before the deployment" in found.reason
    )
    assert len(found.log or ()) == 3


def test_nothing_is_staged_without_an_image(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    assert cloud.apply_changes(APP) == Changes(())


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        pytest.param("app-start-500-unknown", {}, id="its-own-failure"),
        pytest.param(
            "app-start-500-unknown", {"status": 403, "body": "<html>Blocked</html>"}, id="a-gateway-s-page"
        ),
        pytest.param(
            "app-start-500-unknown", {"status": 201, "body": {"message": "OK"}}, id="another-format"
        ),
    ],
)
def test_staging_is_given_up_after_several_server_errors(
    wire: responses.RequestsMock, name: str, changes: dict[str, Any]
) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud)
    for _ in range(3):
        serve(wire, name, "POST", "/v3/packages", **changes)
    for expected in (UnavailableError, UnavailableError, RefusedError):
        with pytest.raises(expected):
            cloud.apply_changes(APP)
