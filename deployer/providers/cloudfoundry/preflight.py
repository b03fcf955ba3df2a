"""What the login may do, found out without touching anything, for `command: check` and `dry_run`."""

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
SCOPE_REMEDY = "An admin of the login server gives it to the user or the client"
ROLE_REMEDY = f"{responses.GRANT[0].upper()}{responses.GRANT[1:]}"
FLAG_REMEDY = "An admin allows it: `cf enable-feature-flag diego_docker`"


def abilities(api: Client, apps: list[Row], *, image: bool) -> tuple[Ability, ...]:
    """The scope, the role in each space, and the switch for Docker images. `image`: a new one is to be staged."""
    scopes = api.uaa.scopes
    held = bool(scopes & {SCOPE, ADMIN}) if scopes else None
    found = [Ability(SCOPE, held, "to change anything at all", needed=True, remedy=SCOPE_REMEDY)]
    role = "Space Developer" if image else "Space Developer or Space Supporter"
    purpose = "to stage an image and put it live" if image else "to start, restart and stop"
    spaces = list(dict.fromkeys(space for app in apps if (space := space_of(app))))
    for space in spaces:
        name = f"{role} in the space{f' {space}' if len(spaces) > 1 else ''}"
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
    """Whether the login has a role in the space that is enough; None where that can't be seen. An admin needs none."""
    claims = api.uaa.claims
    user = str(claims.get("user_id") or claims.get("client_id") or "")
    if ADMIN in api.uaa.scopes:
        return True
    roles = DEVELOPER if image else f"{DEVELOPER},{SUPPORTER}"
    params = {"types": roles, "space_guids": space, "user_guids": user}
    rows = _unless_refused(lambda: api.pages("/v3/roles", params)) if user else None
    return None if rows is None else bool(rows)


def switched_on(api: Client) -> bool | None:
    """Whether the foundation runs Docker images; None where that can't be seen."""
    flag: Row = _unless_refused(lambda: api.thing(f"/v3/feature_flags/{FLAG}")) or {}
    enabled = flag.get("enabled")
    return enabled if isinstance(enabled, bool) else None


def _unless_refused(ask: Callable[[], T]) -> T | None:
    """What is not told to everybody is not known; a refusal of the login itself is none of that."""
    try:
        return ask()
    except RefusedError as error:
        if error.token_wide:
            raise
        return None


def _is_docker(app: Row) -> bool:
    return payload.text(app, "lifecycle", "type") == "docker"
