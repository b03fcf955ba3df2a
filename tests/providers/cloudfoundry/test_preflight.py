"""Cloud Foundry: what the login may do, determined by reading only.

Roles and feature flags are those of the server's OpenAPI document.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import responses

from deployer.model import Ability, RefusedError
from deployer.providers.cloudfoundry import preflight
from deployer.providers.cloudfoundry.api.client import Client
from tests.providers.cloudfoundry.support import answer, asked, body, connected, listing, serve

SPACE, OTHER = "2f35885d-0c9d-4423-83ad-fd05066f8576", "00000000-0000-0000-0000-00000000000b"
ME = "5d1e4ab8-0000-4c5d-9d0c-0f0f0f0f0f0f"
BUILDPACK = body("app-get-200-started")
DOCKER = body("app-get-200-docker-started")
ROLES, FLAG = "/v3/roles", "/v3/feature_flags/diego_docker"
ROLE = {
    "guid": "r-1",
    "type": "space_developer",
    "relationships": {"user": {"data": {"guid": ME}}, "space": {"data": {"guid": SPACE}}},
}
SCOPES = frozenset({"cloud_controller.read", "cloud_controller.write"})


def api(wire: responses.RequestsMock, scopes: frozenset[str] = SCOPES, **claims: Any) -> Client:
    """A client whose token has these claims."""
    found = connected(wire)
    found.uaa.scopes = scopes
    found.uaa.access_token = (
        f"a.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c"
    )
    return found


def granted(abilities: tuple[Ability, ...]) -> dict[str, bool | None]:
    return {ability.name: ability.granted for ability in abilities}


def test_a_developers_abilities_are_determined_by_reading_only(wire: responses.RequestsMock) -> None:
    found = api(wire, user_id=ME)
    answer(wire, "GET", ROLES, listing(ROLE))
    abilities = preflight.abilities(found, [BUILDPACK], image=False)
    assert granted(abilities) == {
        "cloud_controller.write": True,
        "Space Developer or Space Supporter in the space": True,
    }
    assert all(ability.needed for ability in abilities)
    assert asked(wire) == [
        f"GET /v3/roles?space_guids={SPACE}&types=space_developer,space_supporter&user_guids={ME}"
    ]


def test_an_image_requires_a_developer_and_the_feature_flag(wire: responses.RequestsMock) -> None:
    found = api(wire, user_id=ME)
    answer(wire, "GET", ROLES, listing())
    answer(wire, "GET", FLAG, {"name": "diego_docker", "enabled": False})
    abilities = preflight.abilities(found, [DOCKER], image=True)
    assert granted(abilities) == {
        "cloud_controller.write": True,
        "Space Developer in the space": False,
        "diego_docker": False,
    }
    assert asked(wire) == [
        f"GET /v3/roles?space_guids={SPACE}&types=space_developer&user_guids={ME}",
        f"GET {FLAG}",
    ]
    assert "cf set-space-role" in abilities[1].remedy
    assert "cf enable-feature-flag diego_docker" in abilities[2].remedy


def test_a_docker_app_requires_the_feature_flag_to_start(wire: responses.RequestsMock) -> None:
    found = api(wire, user_id=ME)
    answer(wire, "GET", ROLES, listing(ROLE))
    answer(wire, "GET", FLAG, {"name": "diego_docker", "enabled": True})
    assert granted(preflight.abilities(found, [DOCKER], image=False))["diego_docker"] is True


def test_the_roles_of_a_client_are_read_by_its_id(wire: responses.RequestsMock) -> None:
    found = api(wire, client_id="ci")
    answer(wire, "GET", ROLES, listing(ROLE))
    preflight.abilities(found, [BUILDPACK], image=False)
    assert asked(wire) == [
        "GET /v3/roles?space_guids=" + SPACE + "&types=space_developer,space_supporter&user_guids=ci"
    ]


def test_every_space_is_checked_once_and_named(wire: responses.RequestsMock) -> None:
    found = api(wire, user_id=ME)
    answer(wire, "GET", ROLES, listing(ROLE))
    elsewhere = {**BUILDPACK, "relationships": {"space": {"data": {"guid": OTHER}}}}
    abilities = preflight.abilities(found, [BUILDPACK, BUILDPACK, elsewhere], image=False)
    role = "Space Developer or Space Supporter in the space"
    assert granted(abilities) == {
        "cloud_controller.write": True,
        f"{role} {SPACE}": True,
        f"{role} {OTHER}": True,
    }
    assert len(asked(wire)) == 2


def test_an_admin_needs_no_role(wire: responses.RequestsMock) -> None:
    found = api(wire, frozenset({"cloud_controller.admin"}), user_id=ME)
    assert set(granted(preflight.abilities(found, [BUILDPACK], image=False)).values()) == {True}
    assert asked(wire) == []


@pytest.mark.parametrize(
    ("scopes", "may"), [(frozenset({"cloud_controller.read"}), False), (frozenset(), None)]
)
def test_without_the_scope_nothing_can_be_changed(
    wire: responses.RequestsMock, scopes: frozenset[str], *, may: bool | None
) -> None:
    found = api(wire, scopes)
    assert granted(preflight.abilities(found, [BUILDPACK], image=False))["cloud_controller.write"] is may


def test_an_ability_that_cannot_be_read_is_unknown(wire: responses.RequestsMock) -> None:
    """An opaque token has no user id, and another platform may not have this list."""
    found = api(wire, user_id=ME)
    serve(wire, "app-start-403-not-authorized", "GET", ROLES)
    serve(wire, "app-get-404", "GET", FLAG)
    assert granted(preflight.abilities(found, [DOCKER], image=False)) == {
        "cloud_controller.write": True,
        "Space Developer or Space Supporter in the space": None,
        "diego_docker": None,
    }
    found.uaa.access_token = "opaque"
    assert preflight.has_role(found, SPACE, image=False) is None


def test_an_invalid_login_is_a_token_wide_refusal(wire: responses.RequestsMock) -> None:
    found = api(wire, user_id=ME)
    serve(wire, "app-start-401-no-token", "GET", ROLES)
    with pytest.raises(RefusedError) as caught:
        preflight.abilities(found, [BUILDPACK], image=False)
    assert caught.value.token_wide
