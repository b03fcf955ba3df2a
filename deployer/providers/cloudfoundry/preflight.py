"""What the login may do, found out without changing anything, for `command: check` and `dry_run`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from deployer.model import Ability, RefusedError
from deployer.providers import payload
from deployer.providers.cloudfoundry.api import responses
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.lookup import space_of
from deployer.providers.payload import Row

T = TypeVar("T")

DEVELOPER, SUPPORTER = "space_developer", "space_supporter"
SCOPE, ADMIN = "cloud_controller.write", "cloud_controller.admin"
FLAG = "diego_docker"
SCOPE_REMEDY = "Ask an admin of the login server to grant it to the user or client"
ROLE_REMEDY = responses.GRANT
FLAG_REMEDY = "An admin can enable it: `cf enable-feature-flag diego_docker`"


def abilities(api: Client, apps: list[Row], *, image: bool) -> tuple[Ability, ...]:
    """The scope, the role in each space, and the feature flag for Docker images.

    `image`: a new one will be staged.
    """
    scopes = api.uaa.scopes
    held = bool(scopes & {SCOPE, ADMIN}) if scopes else None
    found = [Ability(SCOPE, held, "to change anything", needed=True, remedy=SCOPE_REMEDY)]
    role = "Space Developer" if image else "Space Developer or Space Supporter"
    purpose = "to stage and deploy an image" if image else "to start, restart and stop"
    spaces = list(dict.fromkeys(space for app in apps if (space := space_of(app))))
    for space in spaces:
        name = f"{role} in space {space}" if len(spaces) > 1 else f"{role} in the space"
        found.append(Ability(name, can(api, space, image=image), purpose, needed=True, remedy=ROLE_REMEDY))
    if image or any(_is_docker(app) for app in apps):
        found.append(
            Ability(
                FLAG,
                switched_on(api),
                "to run Docker images on this foundation",
                needed=True,
                remedy=FLAG_REMEDY,
            )
        )
    return tuple(found)


def can(api: Client, space: str, *, image: bool) -> bool | None:
    """Whether the login has a sufficient role in the space; None if unknown. An admin needs none."""
    claims = api.uaa.claims
    user = str(claims.get("user_id") or claims.get("client_id") or "")
    if ADMIN in api.uaa.scopes:
        return True
    roles = DEVELOPER if image else f"{DEVELOPER},{SUPPORTER}"
    params = {"types": roles, "space_guids": space, "user_guids": user}
    rows = _unless_refused(lambda: api.pages("/v3/roles", params)) if user else None
    return None if rows is None else bool(rows)


def switched_on(api: Client) -> bool | None:
    """Whether the foundation runs Docker images; None if unknown."""
    flag: Row = _unless_refused(lambda: api.record(f"/v3/feature_flags/{FLAG}")) or {}
    enabled = flag.get("enabled")
    return enabled if isinstance(enabled, bool) else None


def _unless_refused(ask: Callable[[], T]) -> T | None:
    """The result; None if this request is refused. Raises RefusedError if the login itself is."""
    try:
        return ask()
    except RefusedError as error:
        if error.token_wide:
            raise
        return None


def _is_docker(app: Row) -> bool:
    return payload.text(app, "lifecycle", "type") == "docker"
