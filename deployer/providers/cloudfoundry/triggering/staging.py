"""Stages an image: creates a package and a build of it (cloudfoundry-api 6). Nothing that runs is changed."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from deployer.model import Changes, Handle, RefusedError, UnavailableError
from deployer.model.text import one_line
from deployer.providers.cloudfoundry import images
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.api.guids import guid_of
from deployer.providers.cloudfoundry.app import AppState
from deployer.providers.cloudfoundry.condition import Condition
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.triggering.trigger_requests import DOCKER

PACKAGE_RETRY_SECONDS = 3.0
"""How long to wait before the status of a package is read again."""

MAX_SERVER_ERRORS = 3
"""Failures of the server itself after which staging is given up, as for a trigger."""


@dataclass
class Stager:
    """Creates packages and builds, and remembers them: a package never gets a second build."""

    api: Client
    options: Options

    def stage(self, target: str, app: AppState) -> Changes:
        """Stage the image. Safe to call again: what was created is not created again.

        Raises RefusedError and UnavailableError.
        """
        image = images.full_name(self.options.image, app.before.image)
        try:
            self._create_build(image, app)
        except UnavailableError as error:
            app.staging.failures += bool(error.server_error or error.from_gateway)
            if app.staging.failures >= MAX_SERVER_ERRORS:
                what = error.server_error or error.reason
                raise RefusedError(
                    f"Cloud Foundry failed to stage the image {MAX_SERVER_ERRORS} times: {what}"
                ) from error
            raise
        return Changes(
            (images.change(app.before.image, image),),
            unchanged=(f"the image {image} is being staged",),
            handles=(Handle(target, app.staging.build, condition=Condition.STAGED),),
        )

    def _create_build(self, image: str, app: AppState) -> None:
        if not app.staging.package:
            self._post_package(image, app)
        if not app.staging.package_ready:
            self._require_package_ready(app)
        if not app.staging.build:
            self._post_build(app)

    def _post_package(self, image: str, app: AppState) -> None:
        """Create a package. One whose response was lost is left alone: nothing ever uses it."""
        data = {"image": image}
        if self.options.docker_username:
            data |= {"username": self.options.docker_username, "password": self.options.docker_password}
        body = {"type": DOCKER, "relationships": {"app": {"data": {"guid": app.guid}}}, "data": data}
        row = self.api.json_or_raise(self.api.send("POST", "/v3/packages", body=body))
        app.staging.package = guid_of(row, "package")
        app.staging.package_ready = row.get("state") == "READY"

    def _require_package_ready(self, app: AppState) -> None:
        """Raises UnavailableError while the package is not ready, and RefusedError if it never will be."""
        state = self.api.row(f"/v3/packages/{quote(app.staging.package, safe='')}").get("state")
        if state in {"FAILED", "EXPIRED"}:
            app.staging.package = ""
            raise RefusedError(f"Cloud Foundry can't use the image (its package is {state})")
        if state != "READY":
            raise UnavailableError(
                f"the package of the image is not ready yet ({one_line(state)})",
                from_server=True,
                retry_after=PACKAGE_RETRY_SECONDS,
            )
        app.staging.package_ready = True

    def _post_build(self, app: AppState) -> None:
        """Create a build. If an earlier response may have been lost, its build is used if there is one."""
        if app.staging.build_sent:
            rows = self.api.pages("/v3/builds", {"package_guids": app.staging.package})
            if rows:
                app.staging.build = guid_of(rows[0], "build")
                return
        app.staging.build_sent = True
        response = self.api.send("POST", "/v3/builds", body={"package": {"guid": app.staging.package}})
        app.staging.build = guid_of(self.api.json_or_raise(response), "build")
