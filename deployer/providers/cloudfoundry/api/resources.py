"""The requests about one app that are needed in several places: one function for each."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from deployer.model import RefusedError
from deployer.model.text import one_line
from deployer.providers.cloudfoundry.api.client import Client, require_app
from deployer.providers.cloudfoundry.api.guids import app_path
from deployer.providers.payload import Row

NEWEST_DEPLOYMENTS = 5
"""How many deployments are read to find the newest one, or one whose trigger had no response."""

MAX_DROPLETS = 50
"""How many droplets of an app are read to find the previous one, the newest first."""


def app_state(api: Client, app: str, *, timeout: float | None = None) -> Any:
    """The desired state of an app: STARTED or STOPPED."""
    return api.row(app_path(app), timeout=timeout).get("state")


def processes(api: Client, app: str, *, timeout: float | None = None) -> list[Row]:
    """All processes of an app. A rolling deployment replaces the web process (cloudfoundry-api 7)."""
    return require_app(app, api.pages(f"{app_path(app)}/processes", timeout=timeout))


def routes(api: Client, app: str) -> list[Row]:
    """The routes of an app; none if they may not be read."""
    try:
        return api.pages(f"{app_path(app)}/routes")
    except RefusedError:
        return []


def deployment(api: Client, guid: str, *, timeout: float | None = None) -> Row:
    """One rolling deployment."""
    return api.row(f"/v3/deployments/{quote(guid, safe='')}", timeout=timeout)


def newest_deployments(api: Client, app: str, *, timeout: float | None = None) -> list[Row]:
    """The newest rolling deployments of an app, the newest first."""
    params = {"app_guids": app, "order_by": "-created_at", "per_page": str(NEWEST_DEPLOYMENTS)}
    return require_app(app, api.page("/v3/deployments", params, timeout=timeout))


def image_of_droplet(api: Client, droplet: str) -> str:
    """The image that a droplet was staged from; empty if it can't be read, or if there is no droplet."""
    if not droplet:
        return ""
    try:
        return one_line(api.row(f"/v3/droplets/{quote(droplet, safe='')}").get("image"))
    except RefusedError:
        return ""


def staged_droplets(api: Client, app: str) -> list[str]:
    """The guids of an app's droplets, the newest first."""
    params = {"states": "STAGED", "order_by": "-created_at", "per_page": str(MAX_DROPLETS)}
    return [str(row.get("guid")) for row in api.page(f"{app_path(app)}/droplets", params)]


def assign_droplet(api: Client, app: str, droplet: str) -> None:
    """Assign a droplet to an app. What is running does not change before the next start."""
    path = f"{app_path(app)}/relationships/current_droplet"
    api.json_or_raise(api.send("PATCH", path, body={"data": {"guid": droplet}}))
