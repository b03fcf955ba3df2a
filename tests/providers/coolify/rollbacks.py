"""What the tests of rollbacks share: deployment records, images and requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses

from deployer.model import Handle, TriggerResult
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.provider import CoolifyProvider
from tests.providers.coolify.support import (
    API,
    IMG,
    NEW,
    WEB,
    Row,
    about,
    body,
    connected,
    deployed,
    listing,
    requests_sent,
    serve,
)

NOW, BEFORE, OLDER, OLDEST = (digit * 40 for digit in "4321")


PINNED_NOTE = (
    "the application stays pinned to this commit, also for later deployments and webhooks, until "
    "`commit: HEAD` ends that"
)


SHOP = {
    "docker_registry_image_name": "ghcr.io/acme/shop",
    "docker_registry_image_tag": "2.0.1",
    "fqdn": "http://shop.example.com",
}


OURS = Handle(WEB, "d4")


@pytest.fixture(name="wire")
def _wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def done(number: int, commit: str, **changes: Any) -> Row:
    """The record of a finished deployment."""
    return deployed(
        number, commit=commit, status="finished", finished_at="2026-11-21T05:20:00.000000Z", **changes
    )


RAN = (done(4, NOW), done(3, BEFORE), done(2, OLDER))


def coolify(version: str = NEW, uuid: str = WEB, **inputs: str) -> CoolifyProvider:
    """A provider that is connected, with these inputs."""
    provider: CoolifyProvider = connected(
        {f"INPUT_{name.upper()}": value for name, value in {"uuid": uuid, **inputs}.items()}
    )
    provider.lookup.version = Version(version)
    return provider


def serve_repository(wire: responses.RequestsMock, *listed: Row, **changes: Any) -> None:
    """Serve an application that is built from a repository, with these deployment records."""
    serve(wire, "GET", f"/applications/{WEB}", "app_get_read", body={**body("app_get_read"), **changes})
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(*listed))


def serve_image(
    wire: responses.RequestsMock, *tags: str, listed: tuple[Row, ...] = (done(4, "HEAD"),)
) -> None:
    """Serve an application that runs an image: its tag, at each request, and its deployment records."""
    for tag in tags or ("2.0.1",):
        row = {**body("create_img_get"), "uuid": IMG, **SHOP, "docker_registry_image_tag": tag}
        wire.add("GET", f"{API}/applications/{IMG}", json=row)
    wire.add(
        "GET",
        f"{API}/deployments/applications/{IMG}",
        json=listing(*(about(row, IMG, row["deployment_uuid"]) for row in listed)),
    )


def allow_changes(wire: responses.RequestsMock, uuid: str = WEB) -> None:
    """The token may change and deploy, and every change is accepted."""
    serve(wire, "PATCH", f"/applications/{uuid}", "patch_probe_write")
    wire.add("PATCH", f"{API}/applications/{uuid}", json={"uuid": uuid})


def serve_deploy(wire: responses.RequestsMock, uuid: str = WEB) -> None:
    """Serve the response to the probe, and then that a deployment was queued."""
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    item = {"message": "Application web deployment queued.", "resource_uuid": uuid, "deployment_uuid": "d5"}
    wire.add("POST", f"{API}/deploy", json={"deployments": [item]})


def sent(wire: responses.RequestsMock, since: int) -> list[str]:
    """The requests after this many, with the bodies of those that have one."""
    lines = requests_sent(wire)
    bodies = [call.request.body for call in wire.calls]
    return [
        f"{line} {json.dumps(json.loads(text))}" if text else line
        for line, text in zip(lines, bodies, strict=True)
    ][since:]


def roll_back(
    server: CoolifyProvider, wire: responses.RequestsMock, handle: Handle = OURS
) -> tuple[TriggerResult, list[str]]:
    """Resolve the target and roll back: the result, and the requests that were sent."""
    server.resolve(handle.target)
    before = len(wire.calls)
    return server.rollback(handle.target, handle), sent(wire, before)


ROLLBACK = f"POST /applications/{WEB}/rollback"


HISTORY_IMG = f"GET /deployments/applications/{IMG}?take=10"


TAG_BACK = f'PATCH /applications/{IMG} {{"docker_registry_image_tag": "2.0.1"}}'


FORCED = f"POST /deploy?uuid={IMG}&force=true"


def serve_kept_images(wire: responses.RequestsMock, *images: tuple[str, str, bool], uuid: str = WEB) -> None:
    """Serve the images that the server keeps: tag, day, and whether it is the current one."""
    listed = [
        {"tag": tag, "created_at": f"2026-08-{day} 10:11:12 +0000 UTC", "is_current": current}
        for tag, day, current in images
    ]
    changed = {**body("app_rollback_images_200"), "images": listed}
    serve(wire, "GET", f"/applications/{uuid}/rollback-images", "app_rollback_images_200", body=changed)
