"""Cloud Foundry: finding an app by guid or by name (cloudfoundry-api 4)."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from deployer.model import RefusedError, UnavailableError
from deployer.providers.cloudfoundry.api.guids import space_of
from deployer.providers.cloudfoundry.lookup import AppLookup
from tests.providers.cloudfoundry.support import APP, answer, asked, body, connected, listing, serve

ORG, SPACE = "24637893-3b77-489d-bb79-8466f0d88b52", "2f35885d-0c9d-4423-83ad-fd05066f8576"
UNKNOWN = "00000000-0000-0000-0000-000000000000"
BY_ORG = "GET /v3/organizations?names=my-organization"
BY_SPACE = f"GET /v3/spaces?names=my-space&organization_guids={ORG}"


def by_name(app: str) -> str:
    return f"GET /v3/apps?names={app}&space_guids={SPACE}"


def lookup(wire: responses.RequestsMock, org: str = "my-organization", space: str = "my-space") -> AppLookup:
    return AppLookup(connected(wire), org, space)


def named(name: str, guid: str = "g-1") -> dict[str, Any]:
    return {**body("app-get-200-started"), "name": name, "guid": guid}


def refusal(found: AppLookup, target: str) -> str:
    with pytest.raises(RefusedError) as caught:
        found.app(target)
    assert not caught.value.token_wide
    return caught.value.reason


def test_an_app_by_guid_needs_neither_organization_nor_space(wire: responses.RequestsMock) -> None:
    found = lookup(wire, "", "")
    serve(wire, "app-get-200-started")
    assert found.app(APP) == body("app-get-200-started")
    assert asked(wire) == [f"GET /v3/apps/{APP}"]
    assert found.guid(APP) == APP


def test_an_app_by_name_is_found_in_three_lists(wire: responses.RequestsMock) -> None:
    """Only with parameters that Korifi supports, too."""
    found = lookup(wire)
    serve(wire, "organizations-list-by-name-200")
    serve(wire, "spaces-list-by-name-200")
    serve(wire, "apps-list-by-name-200-one")
    assert found.app("my_app") == body("apps-list-by-name-200-one")["resources"][0]
    assert asked(wire) == [BY_ORG, BY_SPACE, by_name("my_app")]
    assert found.guid("my_app") == APP


def test_the_space_is_requested_once_and_a_found_app_by_its_guid(
    wire: responses.RequestsMock,
) -> None:
    found = lookup(wire)
    serve(wire, "organizations-list-by-name-200")
    serve(wire, "spaces-list-by-name-200")
    answer(wire, "GET", "/v3/apps", listing(named("one")))
    answer(wire, "GET", "/v3/apps", listing(named("two", "g-2")))
    answer(wire, "GET", "/v3/apps/g-1", named("one"))
    assert [found.app(name)["guid"] for name in ("one", "two", "one")] == ["g-1", "g-2", "g-1"]
    assert asked(wire) == [BY_ORG, BY_SPACE, by_name("one"), by_name("two"), "GET /v3/apps/g-1"]


@pytest.mark.parametrize(
    ("rows", "guid"),
    [
        pytest.param([named("Web", "other"), named("web", "exact")], "exact", id="the-exact-one"),
        pytest.param([named("WEB", "like")], "like", id="different-case"),
        pytest.param([named("website", "no"), named("web", "exact")], "exact", id="never-a-longer-one"),
    ],
)
def test_case_only_matters_if_several_names_match(
    wire: responses.RequestsMock, rows: list[Any], guid: str
) -> None:
    found = lookup(wire)
    serve(wire, "organizations-list-by-name-200")
    serve(wire, "spaces-list-by-name-200")
    answer(wire, "GET", "/v3/apps", listing(*rows))
    assert found.app("web")["guid"] == guid


# --- what is missing


@pytest.mark.parametrize(
    ("org", "space", "app", "expected"),
    [
        pytest.param(
            [],
            None,
            None,
            "organization 'my-organization' not found: the name is wrong, or the login has no role there",
            id="org",
        ),
        pytest.param(
            ["my-organization"],
            [],
            None,
            "space 'my-space' not found in the organization 'my-organization': "
            "the name is wrong, or the login has no role there",
            id="space",
        ),
        pytest.param(
            ["my-organization"],
            ["my-space"],
            [],
            "app 'web' not found in the space 'my-space' (organization 'my-organization')",
            id="app",
        ),
        pytest.param(
            ["my-organization-2"],
            None,
            None,
            "organization 'my-organization' not found: the name is wrong",
            id="response-about-another-one",
        ),
    ],
)
def test_what_is_missing_is_named(
    wire: responses.RequestsMock,
    org: list[str],
    space: list[str] | None,
    app: list[str] | None,
    expected: str,
) -> None:
    found = lookup(wire)
    for path, listed, guid in (("organizations", org, ORG), ("spaces", space, SPACE), ("apps", app, APP)):
        if listed is not None:
            answer(wire, "GET", f"/v3/{path}", listing(*({"name": name, "guid": guid} for name in listed)))
    assert refusal(found, "web").startswith(expected)


def test_an_empty_list_means_that_the_app_does_not_exist(wire: responses.RequestsMock) -> None:
    found = lookup(wire)
    serve(wire, "organizations-list-by-name-200")
    serve(wire, "spaces-list-by-name-200")
    serve(wire, "apps-list-by-name-200-none")
    assert (
        refusal(found, "nope")
        == "app 'nope' not found in the space 'my-space' (organization 'my-organization')"
    )


def test_an_unknown_guid_is_reported_with_both_possible_reasons(wire: responses.RequestsMock) -> None:
    found = lookup(wire, "", "")
    serve(wire, "app-get-404")
    assert refusal(found, UNKNOWN) == (
        f"app {UNKNOWN} not found: the guid is wrong, or the login has no role in its space"
    )


def test_what_looks_like_a_guid_may_be_a_name(wire: responses.RequestsMock) -> None:
    found = lookup(wire)
    serve(wire, "app-get-404")
    serve(wire, "organizations-list-by-name-200")
    serve(wire, "spaces-list-by-name-200")
    answer(wire, "GET", "/v3/apps", listing(named(UNKNOWN)))
    assert found.app(UNKNOWN)["guid"] == "g-1"


def test_an_app_that_was_found_by_name_is_also_found_by_its_guid(wire: responses.RequestsMock) -> None:
    found = lookup(wire)
    serve(wire, "organizations-list-by-name-200")
    serve(wire, "spaces-list-by-name-200")
    serve(wire, "apps-list-by-name-200-one")
    guid = str(found.app("my_app")["guid"])
    assert (found.guid("my_app"), found.guid(guid)) == (guid, guid)
    serve(wire, "app-get-200-started", "GET", f"/v3/apps/{guid}")
    assert found.app(guid)["guid"]


def test_a_server_error_does_not_mean_that_the_app_is_missing(wire: responses.RequestsMock) -> None:
    found = lookup(wire, "", "")
    serve(wire, "app-start-503-db", "GET", f"/v3/apps/{APP}")
    with pytest.raises(UnavailableError):
        found.app(APP)
    assert found.found == {}


@pytest.mark.parametrize(
    ("app", "space"),
    [
        (body("app-get-200-started"), SPACE),
        ({}, ""),
        ({"relationships": None}, ""),
        ({"relationships": {"space": None}}, ""),
        ({"relationships": {"space": {"data": None}}}, ""),
    ],
)
def test_the_space_of_an_app_is_its_relation(app: dict[str, Any], space: str) -> None:
    assert space_of(app) == space
