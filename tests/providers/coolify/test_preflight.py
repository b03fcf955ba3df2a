"""What a token may do, determined without changing anything, and what a run would do (coolify-api 2, 4)."""

from __future__ import annotations

import pytest
import responses

from deployer.model import Ability, Command, RefusedError, Target, UnavailableError
from deployer.providers.coolify.api import responses as api_responses
from deployer.providers.coolify.provider import CoolifyProvider
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.triggering import trigger_requests
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, DATABASE, SERVICE, TAG
from tests.providers.coolify.support import (
    NEW,
    PG,
    STACK,
    WEB,
    Row,
    body,
    deployed,
    requests_sent,
    serve,
    server,
)

START, RESTART, STOP, CANCEL, CHECK = (
    Command.START,
    Command.RESTART,
    Command.STOP,
    Command.CANCEL,
    Command.CHECK,
)
GIT, SENSITIVE, IMAGE = body("app_get_read"), body("app_get_sensitive"), body("apps_tagged")[0]


# --- abilities


def found_abilities(
    wire: responses.RequestsMock,
    coolify: CoolifyProvider,
    deploy: str = "deploy_probe_deploy",
    patch: str = "",
) -> tuple[Ability, ...]:
    """The abilities that are found. `patch`: the recorded response to the second request."""
    serve(wire, "POST", "/deploy", deploy)
    if patch:
        serve(wire, "PATCH", f"/applications/{WEB}", patch)
    return coolify.abilities()


def granted_by_name(abilities: tuple[Ability, ...]) -> dict[str, bool | None]:
    return {ability.name: ability.granted for ability in abilities}


def needed(abilities: tuple[Ability, ...]) -> set[str]:
    return {ability.name for ability in abilities if ability.needed}


def test_every_ability_has_a_purpose(wire: responses.RequestsMock) -> None:
    coolify = server(known={WEB: Resource(APPLICATION, SENSITIVE)})
    fix = f"Make a new one: {api_responses.TOKEN_ABILITIES_HINT}"
    assert found_abilities(wire, coolify, patch="patch_probe_deploy") == (
        Ability("read", granted=True, purpose="to follow what was started", needed=True, remedy=fix),
        Ability("read:sensitive", granted=True, purpose="to show build logs and why a deployment failed"),
        Ability(
            "deploy", granted=True, purpose="to start, restart, stop and cancel", needed=True, remedy=fix
        ),
        Ability("write", granted=False, purpose="to change an application; not needed here", remedy=fix),
    )


def test_the_fix_names_every_ability_that_the_run_needs(wire: responses.RequestsMock) -> None:
    coolify = server(version="4.0.0-beta.463", command=RESTART, known={WEB: Resource(APPLICATION, GIT)})
    abilities = found_abilities(wire, coolify, patch="patch_probe_deploy")
    assert {ability.remedy for ability in abilities} == {
        "",
        f"Make a new one: {api_responses.token_abilities_hint('write')}",
    }


def test_the_checks_start_and_change_nothing(wire: responses.RequestsMock) -> None:
    """No parameters, and an empty object: Coolify rejects both before it does anything (coolify-api 2)."""
    coolify = server(
        known={"blue": Resource(TAG), WEB: Resource(APPLICATION, GIT), "other": Resource(APPLICATION, GIT)}
    )
    found_abilities(wire, coolify, patch="patch_probe_write")
    assert requests_sent(wire) == ["POST /deploy", f"PATCH /applications/{WEB}"]
    deploy, patch = (call.request for call in wire.calls)
    assert (deploy.body, patch.body, patch.headers["Content-Type"]) == (None, b"{}", "application/json")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("deploy_probe_deploy", True, id="deploy"),
        pytest.param("deploy_probe_root", True, id="root"),
        pytest.param("deploy_probe_read", False, id="read"),
        pytest.param("deploy_probe_write", False, id="write"),
        pytest.param("v4.0.0-beta.380_deploy_probe_empty", True, id="beta380-deploy"),
        pytest.param("v4.0.0-beta.380_deploy_probe_write", True, id="beta380-write-may-deploy"),
        pytest.param("v4.0.0-beta.380_deploy_probe_read", False, id="beta380-read"),
        pytest.param("v4.0.0-beta.420_deploy_probe_write", False, id="beta420-write-may-not-deploy"),
        pytest.param("deploy_one", None, id="inconclusive"),
    ],
)
def test_the_response_shows_whether_a_token_may_deploy(
    wire: responses.RequestsMock, name: str, *, expected: bool | None
) -> None:
    assert granted_by_name(found_abilities(wire, server(), name))["deploy"] is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("patch_probe_write", True, id="write"),
        pytest.param("patch_probe_deploy", False, id="deploy"),
        pytest.param("v4.0.0-beta.380_patch_empty", True, id="beta380-write"),
        pytest.param("v4.0.0-beta.420_patch_empty", True, id="beta420-write"),
    ],
)
def test_the_response_shows_whether_a_token_may_write(
    wire: responses.RequestsMock, name: str, *, expected: bool
) -> None:
    assert (
        granted_by_name(found_abilities(wire, server(known={WEB: Resource(APPLICATION, GIT)}), patch=name))[
            "write"
        ]
        is expected
    )


@pytest.mark.parametrize("known", [{}, {"blue": Resource(TAG)}], ids=["none", "a-tag"])
def test_without_a_uuid_it_is_unknown_whether_a_token_may_write(
    wire: responses.RequestsMock, known: dict[str, Resource]
) -> None:
    abilities = found_abilities(wire, server(known=known))
    assert (granted_by_name(abilities)["write"], granted_by_name(abilities)["read:sensitive"]) == (None, None)
    assert requests_sent(wire) == ["POST /deploy"]


@pytest.mark.parametrize(("name", "expected"), [("patch_unknown_app", True), ("patch_probe_deploy", False)])
@pytest.mark.parametrize(("kind", "uuid"), [(SERVICE, STACK), (DATABASE, PG)])
def test_the_uuid_of_another_kind_shows_it_as_well(
    wire: responses.RequestsMock, kind: str, uuid: str, name: str, *, expected: bool
) -> None:
    """Coolify checks the ability before it looks for the application (coolify-api 3.2)."""
    serve(wire, "POST", "/deploy", "deploy_probe_deploy")
    serve(wire, "PATCH", f"/applications/{uuid}", name)
    assert granted_by_name(server(known={uuid: Resource(kind)}).abilities())["write"] is expected


@pytest.mark.parametrize(
    "name",
    [
        "unauth_bad",
        "left_team_401",
        "member_deploy_version",
        "v4.2.0_member_deploy",
        "ip_denied",
        "transport_api_disabled_deploy",
    ],
)
def test_a_rejected_token_is_refused(wire: responses.RequestsMock, name: str) -> None:
    with pytest.raises(RefusedError) as caught:
        found_abilities(wire, server(), name)
    assert caught.value.token_wide is True


@pytest.mark.parametrize(
    "name",
    [
        "maintenance_503",
        "maintenance_503_star",
        "ratelimit_429_deploy",
        "transport_proxy_traefik_404",
        "api_root",
    ],
)
def test_a_failed_check_is_unavailable(wire: responses.RequestsMock, name: str) -> None:
    with pytest.raises(UnavailableError):
        found_abilities(wire, server(), name)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param({WEB: Resource(APPLICATION, GIT)}, False, id="no"),
        pytest.param({WEB: Resource(APPLICATION, SENSITIVE)}, True, id="yes"),
        pytest.param(
            {WEB: Resource(APPLICATION, SENSITIVE), STACK: Resource(SERVICE, body("service_get"))},
            True,
            id="unknown-of-service",
        ),
        pytest.param(
            {WEB: Resource(APPLICATION, GIT, from_list=True), "x": Resource(APPLICATION, SENSITIVE)},
            True,
            id="unknown-of-list",
        ),
    ],
)
def test_an_application_shows_whether_the_token_has_read_sensitive(
    wire: responses.RequestsMock, known: dict[str, Resource], *, expected: bool
) -> None:
    assert (
        granted_by_name(found_abilities(wire, server(known=known), patch="patch_probe_deploy"))[
            "read:sensitive"
        ]
        is expected
    )


ONE_APPLICATION, ONE_SERVICE, ONE_DATABASE = (
    {WEB: Resource(APPLICATION, GIT)},
    {STACK: Resource(SERVICE)},
    {PG: Resource(DATABASE)},
)
OLD = "4.0.0-beta.463"


@pytest.mark.parametrize(
    ("known", "version", "options", "expected"),
    [
        pytest.param(ONE_APPLICATION, NEW, {}, {"read", "deploy"}, id="deploy"),
        pytest.param(ONE_APPLICATION, NEW, {"wait": False}, {"deploy"}, id="deploy-without-waiting"),
        pytest.param(ONE_APPLICATION, OLD, {}, {"read", "deploy"}, id="deploy-beta463"),
        pytest.param(ONE_APPLICATION, OLD, {"instant": True}, {"read", "write"}, id="instant-beta463"),
        pytest.param(ONE_APPLICATION, NEW, {"instant": True}, {"read", "deploy"}, id="instant"),
        pytest.param(ONE_APPLICATION, OLD, {"command": RESTART}, {"read", "write"}, id="restart-beta463"),
        pytest.param(ONE_APPLICATION, NEW, {"command": STOP}, {"read", "deploy"}, id="stop"),
        pytest.param(
            ONE_APPLICATION, NEW, {"command": STOP, "pr": 7}, {"read", "write"}, id="to-delete-preview"
        ),
        pytest.param(ONE_SERVICE, OLD, {}, {"read", "write"}, id="service-beta463"),
        pytest.param(
            ONE_SERVICE, OLD, {"pull_latest": False}, {"read", "deploy"}, id="service-without-pull-beta463"
        ),
        pytest.param(
            {**ONE_APPLICATION, **ONE_SERVICE}, OLD, {}, {"read", "deploy", "write"}, id="both-beta463"
        ),
        pytest.param(ONE_DATABASE, OLD, {}, {"read", "deploy"}, id="database-beta463"),
        pytest.param(
            ONE_DATABASE, OLD, {"command": START}, {"read", "write"}, id="database-that-is-started-beta463"
        ),
        pytest.param(ONE_APPLICATION, OLD, {"command": CANCEL}, {"read", "deploy"}, id="cancel-beta463"),
        pytest.param(ONE_APPLICATION, NEW, {"command": CHECK}, {"read", "deploy"}, id="check"),
        pytest.param({"blue": Resource(TAG)}, OLD, {}, {"read", "deploy"}, id="tag"),
        pytest.param({}, NEW, {"wait": False, "write_only": True}, {"deploy"}, id="without-read"),
    ],
)
def test_the_needed_abilities_depend_on_the_command_and_the_version(
    wire: responses.RequestsMock, known: dict[str, Resource], version: str, options: Row, expected: set[str]
) -> None:
    for uuid in [uuid for uuid, resource in known.items() if resource.kind != TAG][:1]:
        serve(wire, "PATCH", f"/applications/{uuid}", "patch_probe_write")
    abilities = found_abilities(wire, server(version=version, known=known, **options))
    assert needed(abilities) == expected
    assert granted_by_name(abilities)["read"] is not options.get("write_only", False)
    purpose = next(ability.purpose for ability in abilities if ability.name == "write")
    assert purpose == (
        "for this command on this version of Coolify"
        if "write" in expected
        else "to change an application; not needed here"
    )


# --- what a run would do


@pytest.mark.parametrize(
    ("known", "options", "sentences"),
    [
        pytest.param(
            Resource(APPLICATION, GIT),
            {},
            (
                (
                    "would queue a deployment: nixpacks build of coollabsio/coolify-examples, branch main "
                    "(POST /deploy?uuid=x)"
                ),
            ),
            id="git",
        ),
        pytest.param(
            Resource(APPLICATION, IMAGE),
            {"force": True},
            (
                (
                    "would queue a deployment: Docker image ghcr.io/acme/shop:1.0.0 (POST "
                    "/deploy?uuid=x&force=true)"
                ),
            ),
            id="image-and-force",
        ),
        pytest.param(
            Resource(APPLICATION, IMAGE),
            {"instant": True},
            (
                (
                    "would deploy at once: Docker image ghcr.io/acme/shop:1.0.0 (POST "
                    "/applications/x/start?instant_deploy=true)"
                ),
            ),
            id="instant",
        ),
        pytest.param(
            Resource(APPLICATION, IMAGE),
            {"command": CHECK},
            ("would queue a deployment: Docker image ghcr.io/acme/shop:1.0.0 (POST /deploy?uuid=x)",),
            id="check-describes-deployment",
        ),
        pytest.param(
            Resource(APPLICATION, IMAGE),
            {"command": START},
            (
                "would queue a deployment: Docker image ghcr.io/acme/shop:1.0.0 (POST /deploy?uuid=x)",
                "Coolify starts an application by deploying it",
            ),
            id="start",
        ),
        pytest.param(
            Resource(APPLICATION, GIT),
            {"command": RESTART},
            ("would restart the application (POST /applications/x/restart)",),
            id="restart",
        ),
        pytest.param(
            Resource(APPLICATION, GIT),
            {"command": STOP},
            ("would stop the application (POST /applications/x/stop)",),
            id="stop",
        ),
        pytest.param(
            Resource(APPLICATION, GIT),
            {"command": STOP, "pr": 7},
            ("would delete the preview of pull request 7 (DELETE /applications/x/previews/7)",),
            id="to-delete-preview",
        ),
        pytest.param(
            Resource(APPLICATION),
            {},
            ("the token may not read, so it is unknown whether x exists",),
            id="not-resolved",
        ),
        pytest.param(
            Resource(SERVICE, body("service_get")),
            {},
            ("would pull newer images and restart the service (POST /services/x/restart?latest=true)",),
            id="service",
        ),
        pytest.param(
            Resource(SERVICE, body("service_get")),
            {"version": "4.0.0-beta.418"},
            ("would start the service again (POST /deploy?uuid=x)", trigger_requests.NO_PULL_API),
            id="service-beta418",
        ),
        pytest.param(
            Resource(DATABASE, body("database_get")),
            {},
            ("would start the database (POST /deploy?uuid=x)",),
            id="database",
        ),
        pytest.param(
            Resource(TAG, members=(Target("a", "img"), Target("b"))),
            {},
            (
                "would deploy everything with the tag (POST /deploy?tag=x)",
                "applications with the tag: img, b; Coolify does not list services by tag",
            ),
            id="tag",
        ),
        pytest.param(
            Resource(TAG, members=()),
            {"force": True},
            (
                "would deploy everything with the tag (POST /deploy?tag=x&force=true)",
                "applications with the tag: none; Coolify does not list services by tag",
            ),
            id="tag-without-applications",
        ),
        pytest.param(
            Resource(TAG),
            {"version": "4.0.0-beta.460"},
            (
                "would deploy everything with the tag (POST /deploy?tag=x)",
                (
                    "applications with the tag: unknown before Coolify 4.0.0-beta.461; Coolify does not list "
                    "services by tag"
                ),
            ),
            id="tag-beta460",
        ),
    ],
)
def test_what_would_be_done_is_described_with_its_request(
    known: Resource, options: Row, sentences: tuple[str, ...]
) -> None:
    assert server(known={"x": known}, **options).describe("x") == sentences


@pytest.mark.parametrize(
    ("row", "options", "line", "absent"),
    [
        pytest.param(GIT, {"pr": 7}, "(POST /deploy?uuid=x&pr=7)", "branch main", id="git"),
        pytest.param(
            IMAGE,
            {"pr": 7, "docker_tag": "pr-7"},
            "(POST /deploy?uuid=x&pr=7&docker_tag=pr-7)",
            "ghcr.io/acme/shop:1.0.0",
            id="image",
        ),
    ],
)
def test_a_preview_is_not_described_as_the_application(
    row: Row, options: Row, line: str, absent: str
) -> None:
    """A preview is built from the pull request, or runs `docker_tag`."""
    (sentence,) = server(known={"x": Resource(APPLICATION, row)}, **options).describe("x")
    assert sentence.startswith("would deploy the preview of pull request 7")
    assert sentence.endswith(line)
    assert absent not in sentence


def test_what_would_be_cancelled_is_described_with_who_started_it(wire: responses.RequestsMock) -> None:
    active = [deployed(3), deployed(4, status="in_progress", is_api=False, is_webhook=True)]
    serve(wire, "GET", "/deployments", "deployments_list_read", body=active)
    assert server(command=CANCEL, known={WEB: Resource(APPLICATION, GIT)}).describe(WEB) == (
        "would cancel deployment d4, which a webhook started",
        "would cancel deployment d3, which somebody started through the API",
    )
    assert requests_sent(wire) == ["GET /deployments"]


def test_without_active_deployments_there_is_nothing_to_cancel(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", "/deployments", "deployments_list_empty")
    assert server(command=CANCEL, known={WEB: Resource(APPLICATION, GIT)}).describe(WEB) == (
        "nothing to cancel",
    )


def test_a_dry_run_of_what_can_not_be_cancelled_is_refused() -> None:
    with pytest.raises(RefusedError):
        server(command=CANCEL, known={STACK: Resource(SERVICE)}).describe(STACK)
