"""Determines what the login may do, without changing anything, for `command: check` and `dry_run`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from deployer.model import Ability, RefusedError
from deployer.providers import payload
from deployer.providers.cloudfoundry.api import responses
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.api.guids import space_of
from deployer.providers.cloudfoundry.triggering.trigger_requests import DOCKER
from deployer.providers.payload import Row

T = TypeVar("T")

DEVELOPER, SUPPORTER = "space_developer", "space_supporter"
WRITE, ADMIN = "cloud_controller.write", "cloud_controller.admin"
DOCKER_FLAG = "diego_docker"
SCOPE_REMEDY = "An admin of the login server grants it to the user or the client"
ROLE_REMEDY = responses.GRANT
FLAG_REMEDY = "An admin enables it with `cf enable-feature-flag diego_docker`"


def abilities(api: Client, apps: list[Row], *, image: bool) -> tuple[Ability, ...]:
    """The scope, the role in each space, and the feature flag for Docker images.

    `apps`: the JSON of the targets. `image`: an image is to be staged.
    """
    return (
        _write_scope(api),
        *_roles(api, apps, image=image),
        *_docker_flag(api, apps, image=image),
    )


def _write_scope(api: Client) -> Ability:
    scopes = api.uaa.scopes
    granted = bool(scopes & {WRITE, ADMIN}) if scopes else None
    return Ability(WRITE, granted, "to change anything at all", needed=True, remedy=SCOPE_REMEDY)


def _roles(api: Client, apps: list[Row], *, image: bool) -> Iterator[Ability]:
    role = "Space Developer" if image else "Space Developer or Space Supporter"
    purpose = "to stage an image and put it live" if image else "to start, restart and stop"
    spaces = list(dict.fromkeys(space for app in apps if (space := space_of(app))))
    for space in spaces:
        name = f"{role} in the space"
        if len(spaces) > 1:
            name += f" {space}"
        granted = has_role(api, space, image=image)
        yield Ability(name, granted, purpose, needed=True, remedy=ROLE_REMEDY)


def _docker_flag(api: Client, apps: list[Row], *, image: bool) -> Iterator[Ability]:
    if image or any(payload.text(app, "lifecycle", "type") == DOCKER for app in apps):
        purpose = "to run Docker images on this foundation"
        yield Ability(DOCKER_FLAG, docker_enabled(api), purpose, needed=True, remedy=FLAG_REMEDY)


def has_role(api: Client, space: str, *, image: bool) -> bool | None:
    """Whether the login has a sufficient role in the space; None if that can't be read. Admins need none."""
    claims = api.uaa.claims
    user = str(claims.get("user_id") or claims.get("client_id") or "")
    if ADMIN in api.uaa.scopes:
        return True
    roles = DEVELOPER if image else f"{DEVELOPER},{SUPPORTER}"
    params = {"types": roles, "space_guids": space, "user_guids": user}
    rows = _unless_refused(lambda: api.pages("/v3/roles", params)) if user else None
    return None if rows is None else bool(rows)


def docker_enabled(api: Client) -> bool | None:
    """Whether the foundation runs Docker images; None if that can't be read."""
    flag: Row = _unless_refused(lambda: api.record(f"/v3/feature_flags/{DOCKER_FLAG}")) or {}
    enabled = flag.get("enabled")
    return enabled if isinstance(enabled, bool) else None


def _unless_refused(request: Callable[[], T]) -> T | None:
    """The response; None if only this request was refused. Raises RefusedError if the login itself was."""
    try:
        return request()
    except RefusedError as error:
        if error.token_wide:
            raise
        return None
