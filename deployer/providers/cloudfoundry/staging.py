"""An image on its way to a droplet: a package, a build of it, and why it failed (cloudfoundry-api 6). Nothing that runs is touched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from deployer.model import Changes, Handle, RefusedError, UnavailableError
from deployer.model.text import one_line
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.app import STAGED, AppState
from deployer.providers.cloudfoundry.options import Options

RETRY_SECONDS = 3.0
"""Seconds until a package is looked at again."""

DOCKER = "docker"
CAUSES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"manifest unknown|name unknown|not found", re.IGNORECASE),
        "The registry has no such image or no such tag: is it pushed already?",
    ),
    (
        re.compile(r"unauthorized|authentication required|denied|forbidden", re.IGNORECASE),
        "The registry does not let Cloud Foundry in: set `cf_docker_username` and `cf_docker_password`",
    ),
)
"""By what the log of a failed staging holds."""

NO_ROOM = "No cell has room to stage it: try again later, or ask the operators"


def full(wished: str, current: str) -> str:
    """PURE. The image by its whole name: `:tag` is another tag of the one that the app has. Raises RefusedError."""
    if not wished.startswith(":"):
        return wished
    if not current:
        raise RefusedError("`image` names only a tag, and the app has no image yet: give name:tag")
    head, slash, last = current.partition("@")[0].rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}{wished}"


def changed(old: str, new: str) -> str:
    """PURE. What the start will have changed. The same tag may hold something else by now."""
    if old == new:
        return f"image: {new}, staged anew"
    return f"image: {old} → {new}" if old else f"image: {new}"


def cause(row: Any, errors: Sequence[str]) -> str:
    """PURE. What the log says of a failed staging, and what to do. `errors`: the lines that staging wrote as errors."""
    said = one_line(errors[-1]) if errors else ""
    remedy = next((each for form, each in CAUSES if form.search(said)), "")
    if "InsufficientResources" in str(row.get("error") if isinstance(row, dict) else ""):
        remedy = NO_ROOM
    return ". ".join(filter(None, (f"Its log says: {said}" if said else "", remedy)))


MAX_SERVER_ERRORS = 3
"""Answers in which the server itself breaks, after which nothing more is sent; as for a trigger."""


@dataclass
class Stager:
    """Posts what is to be staged, and remembers it: there is never a second build of the same package."""

    api: Client
    options: Options

    def stage(self, target: str, seen: AppState) -> Changes:
        """May be called again: what was posted is not posted again. Raises RefusedError and UnavailableError."""
        image = full(self.options.image, seen.image)
        try:
            self._post(image, seen)
        except UnavailableError as error:
            seen.failures += bool(error.server_error or error.from_gateway)
            if seen.failures >= MAX_SERVER_ERRORS:
                what = error.server_error or error.reason
                raise RefusedError(
                    f"Cloud Foundry failed {MAX_SERVER_ERRORS} times to stage the image: {what}"
                ) from error
            raise
        told = changed(seen.image, image)
        return Changes(
            (told,),
            unchanged=(f"the image {image} is being staged",),
            handles=(Handle(target, seen.build, condition=STAGED),),
        )

    def _post(self, image: str, seen: AppState) -> None:
        if not seen.package:
            self._pack(image, seen)
        if not seen.packed:
            self._wait_for_package(seen)
        if not seen.build:
            self._build(seen)

    def _pack(self, image: str, seen: AppState) -> None:
        """A package of an answer that was lost is left alone: nothing ever uses it."""
        data = {"image": image}
        if self.options.docker_username:
            data |= {"username": self.options.docker_username, "password": self.options.docker_password}
        body = {"type": DOCKER, "relationships": {"app": {"data": {"guid": seen.guid}}}, "data": data}
        row = self.api.json_or_raise(self.api.send("POST", "/v3/packages", body=body))
        seen.package = guid_of(row, "package")
        seen.packed = row.get("state") == "READY"

    def _wait_for_package(self, seen: AppState) -> None:
        state = self.api.row(f"/v3/packages/{quote(seen.package, safe='')}").get("state")
        if state in {"FAILED", "EXPIRED"}:
            seen.package = ""
            raise RefusedError(f"the image can't be used: its package is {state}")
        if state != "READY":
            raise UnavailableError(
                f"the package of the image is not ready yet ({one_line(state)})",
                from_server=True,
                retry_after=RETRY_SECONDS,
            )
        seen.packed = True

    def _build(self, seen: AppState) -> None:
        """After an answer that was lost, the builds of the package are read first."""
        if seen.building:
            rows = self.api.pages("/v3/builds", {"package_guids": seen.package})
            if rows:
                seen.build = guid_of(rows[0], "build")
                return
        seen.building = True
        response = self.api.send("POST", "/v3/builds", body={"package": {"guid": seen.package}})
        seen.build = guid_of(self.api.json_or_raise(response), "build")


def guid_of(row: Any, what: str) -> str:
    """PURE. Raises UnavailableError for an answer of another shape."""
    guid = row.get("guid") if isinstance(row, dict) else None
    if not isinstance(guid, str) or not guid:
        text = f"the answer has not the shape of a {what}"
        raise UnavailableError(text, may_have_arrived=True, from_server=True, server_error=text)
    return guid
