"""Coolify: the requests that change a resource before its deployment (coolify-api 5.7, 5.9)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
import requests
import responses

from deployer.model import (
    Certainty,
    Changes,
    Handle,
    Interrupted,
    RefusedError,
    RetryLater,
    Started,
    TriggerResult,
    UnavailableError,
)
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.changes.apply import NO_CHANGES, PARTLY_APPLIED
from deployer.providers.coolify.provider import OLDER_DEPLOYMENT, CoolifyProvider
from deployer.providers.coolify.triggering import trigger
from tests.providers.coolify import support as shared
from tests.providers.coolify.support import (
    API,
    IMG,
    NEW,
    PG,
    STACK,
    WEB,
    Row,
    body,
    connected,
    recorded,
    requests_sent,
)

MARKED = "mArKeDvalue"
SHOP = {
    "docker_registry_image_name": "ghcr.io/acme/shop",
    "docker_registry_image_tag": "2.0.1",
    "fqdn": "http://shop.example.com",
}
APP, ENVS, BULK = (f"/applications/{IMG}{end}" for end in ("", "/envs", "/envs/bulk"))
CHECKED = [f"GET {APP}", f"GET /deployments/applications/{IMG}?take=1"]
LIST_VARIABLES = f"GET {ENVS}"
PROBED = [f"PATCH {APP}", "POST /deploy"]
IMAGE_CHANGED = "image: ghcr.io/acme/shop:2.0.1 → ghcr.io/acme/shop:2.1.0"
COPIES = "; Coolify also creates a copy of each new one for previews"
FOO = {
    "is_preview": False,
    "is_literal": False,
    "is_multiline": False,
    "is_shown_once": False,
    "is_buildtime": True,
    "is_build_time": True,
}
NEW_FLAGS = {"is_literal": False, "is_multiline": False, "is_shown_once": False}


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def serve(wire: responses.RequestsMock, method: str, path: str, name: str, **changes: Any) -> None:
    """Serve a recorded response; some recordings contain its headers as a list."""
    shared.serve(wire, method, path, name, **{"headers": dict(recorded(name)["headers"]), **changes})


def coolify(version: str = NEW, **inputs: str) -> CoolifyProvider:
    """A provider that is connected, with these inputs."""
    provider: CoolifyProvider = connected(
        {f"INPUT_{name.upper()}": value for name, value in {"uuid": IMG, **inputs}.items()}
    )
    provider.lookup.version = Version(version)
    return provider


def application(wire: responses.RequestsMock, uuid: str = IMG, **changes: Any) -> None:
    """Serve an application that exists and was never deployed."""
    serve(
        wire,
        "GET",
        f"/applications/{uuid}",
        "create_img_get",
        body={**body("create_img_get"), "uuid": uuid, **SHOP, **changes},
    )
    serve(wire, "GET", f"/deployments/applications/{uuid}", "app_deployments_empty")


def variables(wire: responses.RequestsMock, *rows: Row, path: str = ENVS) -> None:
    serve(wire, "GET", path, "env_list_sensitive", body=list(rows))


def variable(key: str, value: str, **changes: Any) -> Row:
    row = next(row for row in body("env_list_sensitive") if row["key"] == "FOO" and not row["is_preview"])
    return {**row, "key": key, "value": value, "real_value": value, **changes}


def serve_probes(
    wire: responses.RequestsMock,
    uuid: str = IMG,
    *,
    write: str = "patch_probe_write",
    deploy: str = "deploy_probe_deploy",
) -> None:
    serve(wire, "PATCH", f"/applications/{uuid}", write)
    serve(wire, "POST", "/deploy", deploy)


def accept_change(wire: responses.RequestsMock, uuid: str = IMG) -> None:
    """Accept a change of its fields, as in captured/v4.4-rc.1/patch_ok."""
    wire.add("PATCH", f"{API}/applications/{uuid}", json={"uuid": uuid})


def accept_variables(wire: responses.RequestsMock, path: str = BULK) -> None:
    """Accept variables, as in captured/v4.4-rc.1/env_bulk: a 201 with the variables."""
    serve(wire, "PATCH", path, "env_list_sensitive", status=201)


def bodies(wire: responses.RequestsMock) -> list[Any]:
    """The bodies of all PATCH requests, including the empty object of the probe."""
    return [
        json.loads(call.request.body)
        for call in wire.calls
        if call.request.method == "PATCH" and call.request.body
    ]


def apply_changes(wire: responses.RequestsMock, server: CoolifyProvider, target: str = IMG) -> Changes:
    """Resolve a target and apply the changes."""
    server.resolve(target)
    changes = server.apply_changes(target)
    assert MARKED not in str(changes)
    return changes


def refused(server: CoolifyProvider, target: str = IMG) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        server.apply_changes(target)
    assert MARKED not in caught.value.reason
    return caught.value


def unavailable(server: CoolifyProvider, target: str = IMG) -> UnavailableError:
    with pytest.raises(UnavailableError) as caught:
        server.apply_changes(target)
    assert MARKED not in caught.value.reason
    return caught.value


# --- what is sent


def test_nothing_is_sent_if_everything_is_up_to_date(wire: responses.RequestsMock) -> None:
    application(wire)
    variables(wire, variable("A", "1"))
    changes = apply_changes(
        wire, coolify(image="ghcr.io/acme/shop:2.0.1", env="A=1", settings='{"base_directory": "/"}')
    )
    assert changes == Changes((), unchanged=("variables: 0 added, 0 changed, 1 unchanged",))
    assert requests_sent(wire) == [*CHECKED, LIST_VARIABLES]


def test_it_is_reported_that_nothing_differs(wire: responses.RequestsMock) -> None:
    application(wire)
    assert apply_changes(wire, coolify(image=":2.0.1")) == Changes((), unchanged=(NO_CHANGES,))
    assert requests_sent(wire) == CHECKED


def test_abilities_are_probed_before_the_first_change(wire: responses.RequestsMock) -> None:
    application(wire)
    serve_probes(wire)
    accept_change(wire)
    assert apply_changes(wire, coolify(image=":2.1.0")) == Changes((IMAGE_CHANGED,))
    assert requests_sent(wire) == [*CHECKED, *PROBED, f"PATCH {APP}"]
    assert bodies(wire) == [{}, {"docker_registry_image_tag": "2.1.0"}]


def test_the_fields_are_sent_in_one_request_and_the_variables_in_another(
    wire: responses.RequestsMock,
) -> None:
    application(wire)
    variables(
        wire,
        variable("A", "old", is_literal=True, comment="mine"),
        variable("A", "old", is_preview=True),
        variable("B", "2"),
    )
    serve_probes(wire)
    accept_change(wire)
    accept_variables(wire)
    changes = apply_changes(
        wire, coolify(image=":2.1.0", settings='{"health_check_enabled": true}', env=f"A={MARKED}\nB=2\nC= x")
    )
    assert changes.applied == (
        IMAGE_CHANGED,
        "health_check_enabled: false → true",
        f"variables: 1 added (C), 1 changed (A), 1 unchanged{COPIES}",
    )
    assert requests_sent(wire) == [*CHECKED, LIST_VARIABLES, *PROBED, f"PATCH {APP}", f"PATCH {BULK}"]
    assert bodies(wire)[1:] == [
        {"docker_registry_image_tag": "2.1.0", "health_check_enabled": True},
        {
            "data": [
                {
                    "key": "A",
                    "value": MARKED,
                    **FOO,
                    "is_literal": True,
                    "is_runtime": True,
                    "comment": "mine",
                },
                {"key": "C", "value": "x", **NEW_FLAGS, "is_preview": False},
            ]
        },
    ]


def test_the_oldest_version_is_sent_its_domains_as_well(wire: responses.RequestsMock) -> None:
    application(wire)
    serve_probes(wire)
    accept_change(wire)
    apply_changes(wire, coolify("4.0.0-beta.380", image=":2.1.0"))
    assert bodies(wire)[1:] == [{"docker_registry_image_tag": "2.1.0", "domains": "http://shop.example.com"}]


def test_a_preview_has_variables_of_its_own(wire: responses.RequestsMock) -> None:
    application(wire)
    variables(wire, variable("A", "production"), variable("A", "old", is_preview=True))
    serve_probes(wire)
    accept_variables(wire)
    changes = apply_changes(wire, coolify(pr="7", env="A=new\nB=2"))
    assert changes.applied == ("preview variables: 1 added (B), 1 changed (A), 0 unchanged",)
    [sent] = bodies(wire)[1:]
    assert [(item["key"], item["is_preview"]) for item in sent["data"]] == [("A", True), ("B", True)]


@pytest.mark.parametrize(
    ("kind", "uuid", "row", "listed"),
    [
        ("service", STACK, "service_get", "services_env_list"),
        ("database", PG, "database_get", "databases_env_list"),
    ],
)
def test_services_and_databases_have_variables_too(
    wire: responses.RequestsMock, kind: str, uuid: str, row: str, listed: str
) -> None:
    for other in ("application", "service"):
        serve(
            wire, "GET", f"/{other}s/{uuid}", "app_get_unknown" if other == "application" else f"{other}_404"
        )
    wire.remove("GET", f"{API}/{kind}s/{uuid}")
    serve(wire, "GET", f"/{kind}s/{uuid}", row)
    serve(wire, "GET", f"/{kind}s/{uuid}/envs", listed)
    serve_probes(wire, uuid)
    accept_variables(wire, f"/{kind}s/{uuid}/envs/bulk")
    changes = apply_changes(wire, coolify(uuid=uuid, env=f"ADDED_BY_US={MARKED}"), uuid)
    assert changes.applied == ("variables: 1 added (ADDED_BY_US), 0 changed, 0 unchanged",)
    assert requests_sent(wire)[-4:] == [
        f"GET /{kind}s/{uuid}/envs",
        f"PATCH /applications/{uuid}",
        "POST /deploy",
        f"PATCH /{kind}s/{uuid}/envs/bulk",
    ]
    assert bodies(wire)[1:] == [{"data": [{"key": "ADDED_BY_US", "value": MARKED, **NEW_FLAGS}]}]


def test_several_targets_are_probed_once(wire: responses.RequestsMock) -> None:
    for uuid in (IMG, WEB):
        application(wire, uuid)
    serve_probes(wire)
    accept_change(wire)
    accept_change(wire, WEB)
    server = coolify(uuid=f"{IMG},{WEB}", image=":2.1.0")
    for uuid in (IMG, WEB):
        apply_changes(wire, server, uuid)
    assert requests_sent(wire).count("POST /deploy") == 1
    assert bodies(wire) == [{}, *[{"docker_registry_image_tag": "2.1.0"}] * 2]


def test_a_secret_in_a_rejection_is_removed_before_the_text_is_shortened(
    wire: responses.RequestsMock,
) -> None:
    """Half a secret would not be recognized as one."""
    application(wire)
    variables(wire)
    serve_probes(wire)
    wire.add("PATCH", API + BULK, json={"message": f"{'x' * 495}{MARKED}"}, status=500)
    server = coolify(env=f"A={MARKED}")
    server.resolve(IMG)
    assert unavailable(server).reason == f"Coolify returned an error (HTTP 500: {'x' * 495}***)"


# --- what is refused before anything is sent


@pytest.mark.parametrize(
    ("write", "deploy", "lacks"),
    [
        ("patch_probe_deploy", "deploy_probe_deploy", "write"),
        ("patch_probe_write", "deploy_probe_write", "deploy"),
        ("patch_probe_deploy", "deploy_probe_read", "write and deploy"),
    ],
)
def test_a_token_that_lacks_an_ability_changes_nothing(
    wire: responses.RequestsMock, write: str, deploy: str, lacks: str
) -> None:
    """This includes `deploy`: a change that is not deployed would go live later, by itself."""
    application(wire)
    serve_probes(wire, write=write, deploy=deploy)
    server = coolify(image=":2.1.0")
    server.resolve(IMG)
    error = refused(server)
    assert error.reason.startswith(f"the token lacks {lacks}, so nothing was changed. Make a new one: ")
    assert error.token_wide
    assert requests_sent(wire) == [*CHECKED, *PROBED]
    assert server.changes_made(IMG) == ()


def test_a_token_that_may_not_read_changes_nothing(wire: responses.RequestsMock) -> None:
    server = coolify(wait="false", image=":2.1.0")
    server.lookup.write_only_token = True
    with pytest.raises(RefusedError, match="the token lacks read, which is needed before a change"):
        server.resolve(IMG)
    assert requests_sent(wire) == []


def test_a_service_has_no_image(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/applications/{STACK}", "app_get_unknown")
    serve(wire, "GET", f"/services/{STACK}", "service_get")
    with pytest.raises(
        RefusedError, match="`image`, `commit` and `settings` are for applications, and this is a service"
    ):
        coolify(uuid=STACK, image=":2.1.0").resolve(STACK)


def test_an_application_built_from_source_has_no_image(wire: responses.RequestsMock) -> None:
    application(wire, build_pack="nixpacks")
    with pytest.raises(RefusedError, match="`image` is only for Docker-image applications"):
        coolify(image=":2.1.0").resolve(IMG)
    assert requests_sent(wire) == CHECKED


# --- what the server rejects


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "patch_unknown_and_invalid",
            (
                "name: The name field must be a string; nope: Coolify 4.3.10 has no such field, or does not "
                "allow changing it"
            ),
        ),
        (
            "patch_image_name_tagged",
            "docker_registry_image_name: The docker registry image name field format is invalid",
        ),
        ("app_patch_409_domain_conflict", "domains: https://x.example.com already belongs to"),
        ("patch_badjson", "Coolify rejected the change: "),
        ("patch_unknown_app", "Application not found"),
    ],
)
def test_a_rejection_is_reported_and_that_nothing_was_changed(
    wire: responses.RequestsMock, name: str, reason: str
) -> None:
    application(wire)
    serve_probes(wire)
    serve(wire, "PATCH", APP, name)
    server = coolify(image=":2.1.0")
    server.resolve(IMG)
    error = refused(server)
    assert reason in error.reason
    assert error.reason.endswith(". Nothing was changed")
    assert ".." not in error.reason
    assert not error.token_wide
    assert server.changes_made(IMG) == ()


def test_changes_before_a_rejection_are_reported(wire: responses.RequestsMock) -> None:
    application(wire)
    variables(wire)
    serve_probes(wire)
    accept_change(wire)
    serve(wire, "PATCH", BULK, "env_bulk_partial")
    server = coolify(image=":2.1.0", env=f"A={MARKED}")
    server.resolve(IMG)
    assert refused(server).reason == (
        "Coolify rejected the change: value: The value field must be a string. Changed before that: "
        f"{IMAGE_CHANGED}"
    )
    assert server.changes_made(IMG) == (IMAGE_CHANGED,)


def test_some_variables_may_be_set_although_one_is_rejected(wire: responses.RequestsMock) -> None:
    """coolify-api 5.9 quirk 3: bulk is not transactional."""
    application(wire)
    variables(wire)
    serve_probes(wire)
    serve(wire, "PATCH", BULK, "env_bulk_partial")
    server = coolify(env="A=1\nB=2")
    server.resolve(IMG)
    assert refused(server).reason.endswith(f"must be a string. {PARTLY_APPLIED}")
    assert server.changes_made(IMG) == (
        f"variables: 2 added (A, B), 0 changed, 0 unchanged{COPIES} (perhaps, or partly)",
    )


# --- lost responses

LOST = requests.exceptions.ReadTimeout()
CUT = requests.exceptions.ConnectionError("cut")


def lose_response(wire: responses.RequestsMock, path: str, error: Exception = LOST) -> None:
    wire.add("PATCH", API + path, body=error)


def test_after_a_lost_response_a_change_that_was_made_is_found_by_reading(
    wire: responses.RequestsMock,
) -> None:
    application(wire)
    serve_probes(wire)
    lose_response(wire, APP)
    server = coolify(image=":2.1.0")
    server.resolve(IMG)
    assert unavailable(server).may_have_arrived
    assert server.changes_made(IMG) == (f"{IMAGE_CHANGED} (perhaps: no response)",)
    wire.remove("GET", API + APP)
    application(wire, docker_registry_image_tag="2.1.0")
    assert server.apply_changes(IMG) == Changes((IMAGE_CHANGED,))
    assert requests_sent(wire) == [*CHECKED, *PROBED, f"PATCH {APP}", f"GET {APP}"]
    assert server.changes_made(IMG) == (IMAGE_CHANGED,)


def test_after_a_lost_response_a_change_that_was_not_made_is_sent_again_and_reported_once(
    wire: responses.RequestsMock,
) -> None:
    application(wire)
    serve_probes(wire)
    lose_response(wire, APP)
    accept_change(wire)
    server = coolify(image=":2.1.0")
    server.resolve(IMG)
    unavailable(server)
    assert server.apply_changes(IMG) == Changes((IMAGE_CHANGED,))
    assert requests_sent(wire) == [*CHECKED, *PROBED, f"PATCH {APP}", f"GET {APP}", f"PATCH {APP}"]


def test_changes_made_before_a_lost_response_are_not_sent_again(wire: responses.RequestsMock) -> None:
    application(wire)
    variables(wire)
    serve_probes(wire)
    accept_change(wire)
    lose_response(wire, BULK)
    server = coolify(image=":2.1.0", env="A=1")
    server.resolve(IMG)
    added = f"variables: 1 added (A), 0 changed, 0 unchanged{COPIES}"
    assert unavailable(server).reason.endswith(f". Changed before that: {IMAGE_CHANGED}")
    assert server.changes_made(IMG) == (IMAGE_CHANGED, f"{added} (perhaps: no response)")
    wire.remove("GET", API + APP)
    wire.remove("GET", API + ENVS)
    application(wire, docker_registry_image_tag="2.1.0")
    variables(wire, variable("A", "1"))
    assert server.apply_changes(IMG) == Changes((IMAGE_CHANGED, added))
    assert requests_sent(wire) == [
        *CHECKED,
        LIST_VARIABLES,
        *PROBED,
        f"PATCH {APP}",
        f"PATCH {BULK}",
        f"GET {APP}",
        LIST_VARIABLES,
    ]


def test_a_request_that_never_arrived_changed_nothing(wire: responses.RequestsMock) -> None:
    application(wire)
    serve_probes(wire)
    lose_response(wire, APP, requests.exceptions.ConnectTimeout())
    accept_change(wire)
    server = coolify(image=":2.1.0")
    server.resolve(IMG)
    assert not unavailable(server).may_have_arrived
    assert server.changes_made(IMG) == ()
    assert server.apply_changes(IMG) == Changes((IMAGE_CHANGED,))


def test_a_rate_limit_says_how_long_to_wait(wire: responses.RequestsMock) -> None:
    application(wire)
    serve_probes(wire)
    serve(wire, "PATCH", APP, "ratelimit_429")
    server = coolify(image=":2.1.0")
    server.resolve(IMG)
    error = unavailable(server)
    assert (error.may_have_arrived, error.retry_after > 0) == (False, True)
    assert server.changes_made(IMG) == ()


def test_an_uncertain_change_is_remembered_until_it_can_be_read(wire: responses.RequestsMock) -> None:
    application(wire)
    serve_probes(wire)
    lose_response(wire, APP)
    server = coolify(image=":2.1.0")
    server.resolve(IMG)
    unavailable(server)
    wire.remove("GET", API + APP)
    serve(wire, "GET", APP, "maintenance_503")
    unavailable(server)
    assert server.changes_made(IMG) == (f"{IMAGE_CHANGED} (perhaps: no response)",)


def test_a_change_at_which_the_server_fails_is_not_sent_forever(wire: responses.RequestsMock) -> None:
    """coolify-api 5.9 quirk 1: a flag that Coolify loses causes a 500 every time."""
    application(wire)
    serve_probes(wire)
    for _ in range(3):
        wire.add("PATCH", API + APP, json={"message": "Server Error"}, status=500)
    server = coolify(image=":2.1.0")
    server.resolve(IMG)
    assert [unavailable(server).server_error for _ in range(2)] == ["HTTP 500: Server Error"] * 2
    assert refused(server).reason == (
        f"the server failed 3 times at the change: HTTP 500: Server Error. Changed: {IMAGE_CHANGED} "
        "(perhaps: no response)"
    )
    assert requests_sent(wire).count(f"PATCH {APP}") == 1 + 3


def test_an_interrupted_change_is_remembered_as_sent(wire: responses.RequestsMock) -> None:
    def interrupt(_request: requests.PreparedRequest) -> NoReturn:
        raise Interrupted("SIGTERM")

    application(wire)
    variables(wire)
    serve_probes(wire)
    accept_change(wire)
    wire.add_callback("PATCH", API + BULK, interrupt)
    server = coolify(image=":2.1.0", env=f"A={MARKED}")
    server.resolve(IMG)
    with pytest.raises(Interrupted):
        server.apply_changes(IMG)
    assert server.changes_made(IMG) == (
        IMAGE_CHANGED,
        f"variables: 1 added (A), 0 changed, 0 unchanged{COPIES} (perhaps: no response)",
    )


# --- already queued


SKIPPED = {"deployments": [{**body("deploy_skipped")["deployments"][0], "resource_uuid": IMG}]}


@pytest.mark.parametrize(
    ("inputs", "result"),
    [
        pytest.param({"env": "A=new"}, RetryLater(30, OLDER_DEPLOYMENT), id="a-variable"),
        pytest.param(
            {"pr": "7", "env": "A=new"}, RetryLater(30, OLDER_DEPLOYMENT), id="a-preview-s-variable"
        ),
        pytest.param(
            {"settings": '{"docker_registry_image_tag": "2.1.0"}'},
            RetryLater(30, OLDER_DEPLOYMENT),
            id="a-field",
        ),
        pytest.param(
            {"env": "A=old"},
            Started((Handle(IMG, "", Certainty.PHANTOM),), trigger.ALREADY_QUEUED),
            id="unchanged",
        ),
        pytest.param(
            {}, Started((Handle(IMG, "", Certainty.PHANTOM),), trigger.ALREADY_QUEUED), id="nothing"
        ),
    ],
)
def test_an_older_deployment_does_not_count_as_having_the_changes(
    wire: responses.RequestsMock, inputs: dict[str, str], result: TriggerResult
) -> None:
    """coolify-api 5.1 quirk 3: a deployment in progress may have read everything before the change."""
    application(wire)
    variables(wire, variable("A", "old"), variable("A", "old", is_preview=True))
    serve_probes(wire)
    accept_change(wire)
    accept_variables(wire)
    server = coolify(**inputs)
    apply_changes(wire, server)
    wire.replace("POST", f"{API}/deploy", json=SKIPPED)
    assert server.trigger(IMG) == result


# --- its URL


@pytest.mark.parametrize(
    ("inputs", "url"),
    [
        pytest.param({}, "http://shop.example.com", id="unchanged"),
        pytest.param({"settings": '{"limits_memory": "1G"}'}, "http://shop.example.com", id="not-mentioned"),
        pytest.param(
            {"settings": '{"domains": "https://new.example.com,https://b.example.com"}'},
            "https://new.example.com",
            id="changed",
        ),
        pytest.param({"settings": '{"domains": null}'}, "", id="removed"),
        pytest.param(
            {"settings": '{"domains": "https://new.example.com"}', "dry_run": "true"},
            "http://shop.example.com",
            id="dry-run",
        ),
        pytest.param(
            {"settings": '{"domains": "https://new.example.com"}', "command": "check"},
            "http://shop.example.com",
            id="check",
        ),
    ],
)
def test_an_application_whose_domain_changes_is_verified_at_the_new_one(
    wire: responses.RequestsMock, inputs: dict[str, str], url: str
) -> None:
    """The URL is an output, and what `verify_url: auto` requests.

    By then, the old one no longer leads there.
    """
    application(wire)
    target = coolify(**inputs).resolve(IMG)
    changes = url != "http://shop.example.com"
    assert target.before == ("http://shop.example.com" if changes else None)  # until Coolify has accepted it
    assert (target.url, target.name, target.kind) == (url, body("create_img_get")["name"], "application")
