"""Stages an image: a package, a build of it, and the droplet (cloudfoundry-api 6).

The running app is not affected.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from deployer.model import Changes, Handle, RefusedError, UnavailableError
from deployer.model.text import one_line
from deployer.providers import payload
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.app import AppState, Condition
from deployer.providers.cloudfoundry.options import Options

RETRY_SECONDS = 3.0
"""Seconds until a package is read again."""

DOCKER = "docker"
FIXES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"manifest unknown|name unknown|not found", re.IGNORECASE),
        "The registry does not have this image or tag. Check that it was pushed",
    ),
    (
        re.compile(r"unauthorized|authentication required|denied|forbidden", re.IGNORECASE),
        "The registry rejected the login. Set `cf_docker_username` and `cf_docker_password`",
    ),
)
"""The fix, by a text in the log of a failed staging."""

NO_ROOM = "No cell has room to stage it. Try again later, or ask the operator"


def full(image: str, current: str) -> str:
    """PURE. The complete image: `:tag` is another tag of the current one.

    Raises RefusedError if there is none.
    """
    if not image.startswith(":"):
        return image
    if not current:
        raise RefusedError("`image` is only a tag, but the app has no image yet. Set name:tag")
    head, slash, last = current.partition("@")[0].rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}{image}"


def changed(old: str, new: str) -> str:
    """PURE. The change of the image, as a phrase. The same tag may have another content."""
    if old == new:
        return f"image: {new} (staged again)"
    return f"image: {old} → {new}" if old else f"image: {new}"


def failure_reason(row: Any, errors: Sequence[str]) -> str:
    """PURE. Why a staging failed according to its log, and the fix. `errors`: the error lines of its log."""
    line = one_line(errors[-1]) if errors else ""
    fix = next((each for pattern, each in FIXES if pattern.search(line)), "")
    if "InsufficientResources" in str(payload.value(row, "error")):
        fix = NO_ROOM
    return ". ".join(filter(None, (f"Its log ends with: {line}" if line else "", fix)))


MAX_SERVER_ERRORS = 3
"""Failures of the server itself after which staging is given up, as for a trigger."""


@dataclass
class Stager:
    """Sends the requests for staging. There is never a second build of the same package."""

    api: Client
    options: Options

    def stage(self, target: str, app: AppState) -> Changes:
        """Start staging. Can be called again after an error. Raises RefusedError and UnavailableError."""
        image = full(self.options.image, app.before.image)
        try:
            self._post(image, app)
        except UnavailableError as error:
            app.staging.failures += bool(error.server_error or error.from_gateway)
            if app.staging.failures >= MAX_SERVER_ERRORS:
                what = error.server_error or error.reason
                raise RefusedError(
                    f"Cloud Foundry failed {MAX_SERVER_ERRORS} times to stage the image: {what}"
                ) from error
            raise
        return Changes(
            (changed(app.before.image, image),),
            unchanged=(f"the image {image} is being staged",),
            handles=(Handle(target, app.staging.build, condition=Condition.STAGED),),
        )

    def _post(self, image: str, app: AppState) -> None:
        if not app.staging.package:
            self._pack(image, app)
        if not app.staging.package_ready:
            self._wait_for_package(app)
        if not app.staging.build:
            self._build(app)

    def _pack(self, image: str, app: AppState) -> None:
        """Create a package. One whose response was lost is left alone: nothing will use it."""
        data = {"image": image}
        if self.options.docker_username:
            data |= {"username": self.options.docker_username, "password": self.options.docker_password}
        body = {"type": DOCKER, "relationships": {"app": {"data": {"guid": app.guid}}}, "data": data}
        row = self.api.json_or_raise(self.api.send("POST", "/v3/packages", body=body))
        app.staging.package = guid_of(row, "package")
        app.staging.package_ready = row.get("state") == "READY"

    def _wait_for_package(self, app: AppState) -> None:
        state = self.api.row(f"/v3/packages/{quote(app.staging.package, safe='')}").get("state")
        if state in {"FAILED", "EXPIRED"}:
            app.staging.package = ""
            raise RefusedError(f"the image can't be staged: its package is {state}")
        if state != "READY":
            raise UnavailableError(
                f"the package of the image is not ready yet ({one_line(state)})",
                from_server=True,
                retry_after=RETRY_SECONDS,
            )
        app.staging.package_ready = True

    def _build(self, app: AppState) -> None:
        """Create a build. After a lost response the builds of the package are read first."""
        if app.staging.build_requested:
            rows = self.api.pages("/v3/builds", {"package_guids": app.staging.package})
            if rows:
                app.staging.build = guid_of(rows[0], "build")
                return
        app.staging.build_requested = True
        response = self.api.send("POST", "/v3/builds", body={"package": {"guid": app.staging.package}})
        app.staging.build = guid_of(self.api.json_or_raise(response), "build")


def guid_of(row: Any, what: str) -> str:
    """PURE. The guid of a record. Raises UnavailableError for a response of another shape."""
    guid = row.get("guid") if isinstance(row, dict) else None
    if not isinstance(guid, str) or not guid:
        text = f"the response does not have the shape of a {what}"
        raise UnavailableError(text, may_have_arrived=True, from_server=True, server_error=text)
    return guid
