"""Lookup: what exists before the trigger, what is remembered of it, and what is not supported."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests
import responses

from deployer.http.client import TooLargeError
from deployer.model import AccessDenied, Command, RefusedError, Target, UnavailableError
from deployer.providers.coolify import resources
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.provider import CoolifyProvider
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.triggering import find_triggered, trigger_requests
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, DATABASE, KINDS, SERVICE, TAG
from tests.providers.coolify.support import (
    API,
    APP,
    IMG,
    NEW,
    OLD_WEB,
    PG,
    STACK,
    WEB,
    Row,
    about,
    body,
    deployed,
    listing,
    requests_sent,
    serve,
    server,
)

WEB_TARGET = Target(WEB, "web", APPLICATION, "http://web.example.com", "exited:unhealthy")
GIT, IMAGE = body("app_get_read"), body("apps_tagged")[0]
IMG_TARGET = Target(IMG, "img", APPLICATION, "", "exited:unhealthy")


def absent(wire: responses.RequestsMock, uuid: str, *kinds: str) -> None:
    """There is no resource with this uuid of these kinds."""
    names = {APPLICATION: "app_get_unknown", SERVICE: "service_404", DATABASE: "database_404"}
    for kind in kinds:
        serve(wire, "GET", f"/{kind}s/{uuid}", names[kind])


# --- what a uuid is


def test_resolve_reads_the_application_and_its_newest_record(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/applications/{WEB}", "app_get_read")
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read")
    coolify = server()
    assert coolify.resolve(WEB) == WEB_TARGET
    assert coolify.lookup.resources == {
        WEB: Resource(APPLICATION, body("app_get_read"), newest_id=6, has_history=True)
    }
    assert requests_sent(wire) == [f"GET /applications/{WEB}", f"GET /deployments/applications/{WEB}?take=1"]
    assert coolify.budget.remaining is not None


@pytest.mark.parametrize(
    ("kind", "name", "target"),
    [
        pytest.param(SERVICE, "service_get", Target(STACK, "stack", SERVICE, "", "exited"), id="service"),
        pytest.param(
            DATABASE, "database_get", Target(PG, "pg", DATABASE, "", "exited:unhealthy"), id="database"
        ),
    ],
)
def test_a_uuid_is_looked_up_as_each_kind_in_turn(
    wire: responses.RequestsMock, kind: str, name: str, target: Target
) -> None:
    """Cheaper than the one list of all (coolify-api 5.10). These kinds have no deployments."""
    before = KINDS[: KINDS.index(kind)]
    absent(wire, target.id, *before)
    serve(wire, "GET", f"/{kind}s/{target.id}", name)
    coolify = server()
    assert coolify.resolve(target.id) == target
    assert coolify.lookup.resources == {target.id: Resource(kind, body(name))}
    assert requests_sent(wire) == [f"GET /{each}s/{target.id}" for each in (*before, kind)]


def test_an_unknown_uuid_refuses_only_that_target(wire: responses.RequestsMock) -> None:
    absent(wire, WEB, *KINDS)
    with pytest.raises(RefusedError) as caught:
        server().resolve(WEB)
    assert caught.value.token_wide is False
    assert [
        word
        for word in (WEB, "no application, service or database", "uuid is wrong", "another team")
        if word not in str(caught.value)
    ] == []
    assert len(wire.calls) == 3


@pytest.mark.parametrize(
    "name",
    ["unauth_bad", "left_team_401", "deployment_get_deployonly_403", "transport_api_disabled", "ip_denied"],
)
def test_a_rejected_token_is_not_reported_as_an_unknown_uuid(wire: responses.RequestsMock, name: str) -> None:
    serve(wire, "GET", f"/applications/{WEB}", name)
    with pytest.raises(RefusedError) as caught:
        server().resolve(WEB)
    assert caught.value.token_wide is True
    assert len(wire.calls) == 1


@pytest.mark.parametrize(
    "name", ["maintenance_503", "transport_proxy_traefik_404", "ratelimit_429", "api_root"]
)
def test_a_failed_request_is_not_reported_as_an_unknown_uuid(wire: responses.RequestsMock, name: str) -> None:
    serve(wire, "GET", f"/applications/{WEB}", name)
    with pytest.raises(UnavailableError):
        server().resolve(WEB)
    assert len(wire.calls) == 1


def test_a_uuid_is_escaped_in_the_path(wire: responses.RequestsMock) -> None:
    absent(wire, "..%2Fservers%3Fx", *KINDS)
    with pytest.raises(RefusedError):
        server().resolve("../servers?x")
    assert [line.partition("%2F")[0] for line in requests_sent(wire)] == [
        f"GET /{kind}s/.." for kind in KINDS
    ]


# --- what is remembered of an application


def test_an_application_that_was_never_deployed_has_no_newest_record(
    wire: responses.RequestsMock,
) -> None:
    row = {**body("app_get_read"), "post_deployment_command": "migrate", "additional_servers_count": 2}
    serve(wire, "GET", f"/applications/{WEB}", "app_get_read", body=row)
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_empty")
    coolify = server()
    assert coolify.resolve(WEB) == WEB_TARGET
    resource = coolify.lookup.resources[WEB]
    assert resource == Resource(APPLICATION, row, has_history=True)
    assert (resource.post_command, resource.servers, resource.status) == (True, 2, "exited:unhealthy")


def test_the_newest_record_has_the_highest_id_and_webhooks_are_remembered(
    wire: responses.RequestsMock,
) -> None:
    """Records of the same second come in any order."""
    history = [
        deployed(4, commit="b" * 40),
        deployed(6, is_webhook=True, commit="a" * 40),
        deployed(5, is_webhook=False, commit="c" * 40),
    ]
    serve(wire, "GET", f"/applications/{WEB}", "app_get_read")
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(*history))
    coolify = server()
    coolify.resolve(WEB)
    assert coolify.lookup.resources[WEB] == Resource(
        APPLICATION,
        body("app_get_read"),
        newest_id=6,
        has_history=True,
        webhook_commits=frozenset({"a" * 40}),
    )


@pytest.mark.parametrize(("pr", "remembered"), [(0, {"a" * 40}), (7, {"b" * 40})])
def test_a_webhook_deployment_of_another_pull_request_does_not_count(
    wire: responses.RequestsMock, pr: int, remembered: set[str]
) -> None:
    """After a fast-forward merge, the branch has the same commit as the preview."""
    history = [
        deployed(4, is_webhook=True, commit="a" * 40, pull_request_id=None),
        deployed(5, is_webhook=True, commit="b" * 40, pull_request_id=7),
        deployed(6, is_webhook=True, commit="c" * 40, pull_request_id=8),
    ]
    serve(wire, "GET", f"/applications/{WEB}", "app_get_read")
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(*history))
    coolify = server(pr=pr)
    coolify.resolve(WEB)
    assert coolify.lookup.resources[WEB].webhook_commits == remembered


def test_before_beta402_the_active_deployments_are_remembered(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/applications/{OLD_WEB}", "v4.0.0-beta.380_app_get")
    serve(wire, "GET", f"/deployments/applications/{OLD_WEB}", "v4.0.0-beta.380_app_deployments")
    serve(wire, "GET", "/deployments", "v4.0.0-beta.380_deployments_list")
    coolify = server(version="4.0.0-beta.380")
    coolify.resolve(OLD_WEB)
    mine = [
        row
        for row in body("v4.0.0-beta.380_deployments_list").values()
        if f"/application/{OLD_WEB}/" in row["deployment_url"]
    ]
    assert len(mine) == 6
    running = frozenset(row["deployment_uuid"] for row in mine)
    assert coolify.lookup.resources == {
        OLD_WEB: Resource(APPLICATION, body("v4.0.0-beta.380_app_get"), running_before=running)
    }


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param({}, ("", False, 0, None), id="empty"),
        pytest.param(
            {"status": None, "post_deployment_command": "", "additional_servers_count": None},
            ("", False, 0, False),
            id="nulls",
        ),
        pytest.param({"additional_servers_count": "1"}, ("", False, 0, False), id="invalid-count"),
        pytest.param(
            {"status": "running:healthy", "post_deployment_command": "x", "additional_servers_count": 1},
            ("running:healthy", True, 1, False),
            id="all",
        ),
        pytest.param(
            body("app_get_multiserver"),
            ("exited:exited", False, 1, False),
            id="as-recorded-with-additional-server",
        ),
        pytest.param({"custom_labels": None}, ("", False, 0, True), id="sensitive-field"),
    ],
)
def test_the_fields_of_an_application_are_read(
    row: Row, expected: tuple[str, bool, int, bool | None]
) -> None:
    one = Resource(APPLICATION, row)
    assert (one.status, one.post_command, one.servers, one.shows_sensitive) == expected


@pytest.mark.parametrize(("name", "sensitive"), [("app_get_read", False), ("app_get_sensitive", True)])
def test_an_application_shows_whether_the_token_has_read_sensitive(name: str, *, sensitive: bool) -> None:
    assert Resource(APPLICATION, body(name)).shows_sensitive is sensitive
    assert Resource(SERVICE, body(name)).shows_sensitive is None
    assert Resource(APPLICATION, body(name), from_list=True).shows_sensitive is None


@pytest.mark.parametrize(
    ("resource", "resolved"),
    [
        (Resource(APPLICATION), False),
        (Resource(APPLICATION, GIT), True),
        (Resource(SERVICE), False),
        (Resource(TAG), True),
        (Resource(TAG, members=()), True),
    ],
)
def test_a_resource_that_was_not_read_is_not_resolved(resource: Resource, *, resolved: bool) -> None:
    assert resource.is_resolved is resolved


def test_an_unresolved_target_may_be_an_application() -> None:
    coolify = server()
    assert coolify.lookup.get("x") == Resource(APPLICATION)
    assert coolify.lookup.get("x") is coolify.lookup.resources["x"]


# --- what a tag is


def test_resolve_reads_the_members_of_a_tag_and_the_active_deployments(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", "/applications", "apps_tagged")
    for uuid in (IMG, WEB):
        serve(
            wire,
            "GET",
            f"/deployments/applications/{uuid}",
            "app_deployments_empty" if uuid == IMG else "app_deployments_read",
        )
    serve(wire, "GET", "/deployments", "deployments_list_read")
    coolify = server(tags=frozenset({"blue"}))
    assert coolify.resolve("blue") == Target("blue", kind=TAG, group=True)
    img, web = body("apps_tagged")
    assert coolify.lookup.resources == {
        IMG: Resource(APPLICATION, img, has_history=True, from_list=True),
        WEB: Resource(APPLICATION, web, newest_id=6, has_history=True, from_list=True),
        "blue": Resource(TAG, newest_id=10, members=(IMG_TARGET, replace(WEB_TARGET, status=web["status"]))),
    }
    lists = [f"GET /deployments/applications/{uuid}?take=1" for uuid in (IMG, WEB)]
    assert requests_sent(wire) == ["GET /applications?tag=blue", *lists, "GET /deployments"]


@pytest.mark.parametrize(("count", "known"), [(20, True), (21, False)])
def test_the_newest_records_of_more_than_twenty_members_are_not_read(
    wire: responses.RequestsMock, count: int, *, known: bool
) -> None:
    """That would take longer, and more requests, than the deployment itself."""
    rows = [{**body("apps_tagged")[0], "uuid": f"a{number}"} for number in range(count)]
    serve(wire, "GET", "/applications", "apps_tagged", body=rows)
    for row in rows if known else []:
        serve(wire, "GET", f"/deployments/applications/{row['uuid']}", "app_deployments_empty")
    serve(wire, "GET", "/deployments", "deployments_list_read")
    coolify = server(tags=frozenset({"blue"}))
    coolify.resolve("blue")
    members = coolify.lookup.resources["blue"].members
    assert (members is not None, len(members or ()), len(wire.calls)) == (
        known,
        count * known,
        count * known + 2,
    )


def test_a_tag_without_applications_may_be_a_service_s(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", "/applications", "apps_tagged", body=[])
    serve(wire, "GET", "/deployments", "deployments_list_empty")
    coolify = server(tags=frozenset({"onlysvc"}))
    coolify.resolve("onlysvc")
    assert coolify.lookup.resources == {"onlysvc": Resource(TAG, members=())}


def test_before_beta461_the_members_of_a_tag_are_unknown(wire: responses.RequestsMock) -> None:
    """Those versions ignore the parameter `tag` and list every application of the team."""
    serve(wire, "GET", "/deployments", "deployments_list_read")
    coolify = server(version="4.0.0-beta.460", tags=frozenset({"blue"}))
    assert coolify.resolve("blue") == Target("blue", kind=TAG, group=True)
    assert coolify.lookup.resources == {"blue": Resource(TAG, newest_id=10, members=None)}
    assert requests_sent(wire) == ["GET /deployments"]


# --- what is not supported


SERVICE_ROW, DATABASE_ROW = body("service_get"), body("database_get")
BUILT = "`docker_tag` is only for applications that run a Docker image; this one is built by nixpacks"
LEAVE_OUT = "has no previews. Remove `pr`, or set the uuid of an application"


@pytest.mark.parametrize(
    ("kind", "row", "options", "version", "expected"),
    [
        pytest.param(APPLICATION, GIT, {"pr": 7}, NEW, "", id="preview"),
        pytest.param(APPLICATION, GIT, {"pr": 7}, "4.0.0-beta.408", "", id="preview-beta408"),
        pytest.param(
            APPLICATION,
            GIT,
            {"pr": 7},
            "4.0.0-beta.407",
            "Coolify 4.0.0-beta.407 would deploy the application itself: previews need 4.0.0-beta.408",
            id="preview-beta407",
        ),
        pytest.param(APPLICATION, GIT, {}, "4.0.0-beta.380", "", id="no-preview-beta380"),
        pytest.param(SERVICE, SERVICE_ROW, {"pr": 7}, NEW, f"a service {LEAVE_OUT}", id="preview-of-service"),
        pytest.param(
            DATABASE, DATABASE_ROW, {"pr": 7}, NEW, f"a database {LEAVE_OUT}", id="preview-of-database"
        ),
        pytest.param(
            SERVICE,
            SERVICE_ROW,
            {"pr": 7, "command": Command.STOP},
            NEW,
            f"a service {LEAVE_OUT}",
            id="to-delete-preview-of-service",
        ),
        pytest.param(
            APPLICATION,
            GIT,
            {"pr": 7, "command": Command.STOP},
            "4.0.0-beta.474",
            "",
            id="to-delete-preview-beta474",
        ),
        pytest.param(
            APPLICATION,
            GIT,
            {"pr": 7, "command": Command.STOP},
            "4.0.0-beta.473",
            "Coolify 4.0.0-beta.473 can't delete a preview: that needs 4.0.0-beta.474",
            id="to-delete-preview-beta473",
        ),
        pytest.param(
            APPLICATION, IMAGE, {"pr": 7, "docker_tag": "x"}, "4.0.0-beta.471", "", id="docker-tag-beta471"
        ),
        pytest.param(
            APPLICATION,
            IMAGE,
            {"pr": 7, "docker_tag": "x"},
            "4.0.0-beta.470",
            "Coolify 4.0.0-beta.470 does not support `docker_tag`: that needs 4.0.0-beta.471",
            id="docker-tag-beta470",
        ),
        pytest.param(
            APPLICATION,
            GIT,
            {"pr": 7, "docker_tag": "x"},
            NEW,
            BUILT,
            id="docker-tag-on-git",
        ),
        pytest.param(
            APPLICATION,
            {},
            {"pr": 7, "docker_tag": "x"},
            NEW,
            "",
            id="docker-tag-with-unknown-build-pack",
        ),
        pytest.param(APPLICATION, GIT, {"pr": 7, "docker_tag": "x"}, "", BUILT, id="unknown-version"),
        pytest.param(
            APPLICATION,
            GIT,
            {"command": Command.STOP},
            "4.0.0-beta.473",
            "",
            id="to-stop-application-itself",
        ),
        pytest.param(
            SERVICE,
            SERVICE_ROW,
            {"force": True, "instant": True},
            NEW,
            "",
            id="flags-without-effect-are-accepted",
        ),
    ],
)
def test_what_is_not_supported_is_refused_before_the_trigger(
    kind: str, row: Row, options: dict[str, Any], version: str, expected: str
) -> None:
    reason = trigger_requests.unsupported(kind, row, Options(**options), Version(version))
    assert reason == expected


@pytest.mark.parametrize(
    ("uuid", "kind", "name"), [(STACK, SERVICE, "service_get"), (PG, DATABASE, "database_get")]
)
def test_a_preview_of_a_service_refuses_only_that_target(
    wire: responses.RequestsMock, uuid: str, kind: str, name: str
) -> None:
    """The server would respond with 500 (coolify-api 17.1 row 15)."""
    absent(wire, uuid, *KINDS[: KINDS.index(kind)])
    serve(wire, "GET", f"/{kind}s/{uuid}", name)
    with pytest.raises(RefusedError, match=f"a {kind} has no previews") as caught:
        server(pr=7).resolve(uuid)
    assert caught.value.token_wide is False
    assert {line.partition(" ")[0] for line in requests_sent(wire)} == {"GET"}


# --- its address


@pytest.mark.parametrize(
    ("fqdn", "url"),
    [
        pytest.param("https://good@evil/", "", id="user-before-host"),
        pytest.param("https://good.example.com:x@evil.example/a", "", id="password-too"),
        pytest.param("https://@evil.example", "", id="empty-user"),
        pytest.param("https:///a", "", id="no-host"),
        pytest.param("https://web.example.com/@scope", "https://web.example.com/@scope", id="at-after-host"),
        ("https://a.example.com,https://b.example.com", "https://a.example.com"),
        ("https://a.example.com:8080/x", "https://a.example.com/x"),
        ("http://a.example.com:3000", "http://a.example.com"),
        ("http://[2001:db8::1]:3000/x", "http://[2001:db8::1]/x"),
        ("http://[2001:db8::1]", "http://[2001:db8::1]"),
        ("https://a.example.com/x:3000", "https://a.example.com/x:3000"),
        (None, ""),
        ("", ""),
        (5, ""),
        ("javascript:alert(1)", ""),
        ("https://a\n::error::x", ""),
        ('https://a"><img>', ""),
        ("https://a\ud800.example.com", ""),
    ],
)
def test_the_address_of_an_application_is_its_first_one_if_it_is_valid(fqdn: Any, url: str) -> None:
    assert resources.target(APPLICATION, WEB, {**GIT, "fqdn": fqdn}, Options()).url == url


STANDARD = "{{pr_id}}.{{domain}}"


@pytest.mark.parametrize(
    ("fqdn", "template", "url"),
    [
        pytest.param("http://web.example.com", STANDARD, "http://7.web.example.com", id="default"),
        pytest.param(
            "https://web.example.com:8443", STANDARD, "https://7.web.example.com", id="container-s-port"
        ),
        pytest.param("https://web.example.com/shop", STANDARD, "https://7.web.example.com/shop", id="path"),
        pytest.param(
            "https://web.example.com:8443/shop/x",
            STANDARD,
            "https://7.web.example.com/shop/x",
            id="port-and-path",
        ),
        pytest.param(
            "https://a.example.com,https://b.example.com",
            STANDARD,
            "https://7.a.example.com",
            id="first-of-two",
        ),
        pytest.param(
            "https://web.example.com",
            "pr-{{pr_id}}-{{domain}}",
            "https://pr-7-web.example.com",
            id="another-template",
        ),
        pytest.param(
            "https://web.example.com",
            "{{pr_id}}.previews.example.org",
            "https://7.previews.example.org",
            id="without-domain",
        ),
        pytest.param("https://web.example.com", "{{random}}.{{domain}}", "", id="random"),
        pytest.param(
            "https://web.example.com", "{{pr_id}}-{{random}}.{{domain}}", "", id="random-and-number"
        ),
        pytest.param("https://web.example.com", None, "https://7.web.example.com", id="no-template"),
        pytest.param("https://web.example.com", "", "https://7.web.example.com", id="empty-template"),
        pytest.param(
            "https://web.example.com",
            '{{pr_id}}"><img>.{{domain}}',
            "",
            id="template-of-invalid-address",
        ),
        pytest.param(
            "https://web.example.com", "{{pr_id}}\n::error::{{domain}}", "", id="template-of-many-lines"
        ),
        pytest.param(None, STANDARD, "", id="no-address"),
    ],
)
def test_the_address_of_a_preview_is_made_from_the_application_s(fqdn: Any, template: Any, url: str) -> None:
    """No endpoint returns it (coolify-api 5.10)."""
    row = {**GIT, "fqdn": fqdn, "preview_url_template": template}
    found = resources.target(APPLICATION, WEB, row, Options(pr=7))
    assert (found.url, found.before) == (url, "")  # the preview does not exist before it is started


def test_a_preview_that_is_deleted_has_no_address() -> None:
    row = {**GIT, "fqdn": "https://web.example.com"}
    assert resources.target(APPLICATION, WEB, row, Options(pr=7, command=Command.STOP)).url == ""


def test_the_target_of_a_preview_has_the_address_of_the_preview(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/applications/{WEB}", "app_get_read")
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read")
    assert server(pr=7).resolve(WEB).url == "http://7.web.example.com"


# --- how it is described


@pytest.mark.parametrize(
    ("row", "text"),
    [
        pytest.param(GIT, "nixpacks build of coollabsio/coolify-examples, branch main", id="git"),
        pytest.param(
            {**GIT, "git_commit_sha": "1a2b3c4"},
            "nixpacks build of coollabsio/coolify-examples, branch main, pinned to 1a2b3c4",
            id="pinned-commit",
        ),
        pytest.param(
            {**GIT, "git_repository": "https://x-access-token:mArKeD@git.example.com/a/b"},
            "nixpacks build of https://git.example.com/a/b, branch main",
            id="without-token-in-address",
        ),
        pytest.param(
            {**GIT, "git_commit_sha": None},
            "nixpacks build of coollabsio/coolify-examples, branch main",
            id="no-commit",
        ),
        pytest.param(
            {"build_pack": "dockerfile"},
            "dockerfile build of its repository, branch ?",
            id="unknown",
        ),
        pytest.param(IMAGE, "Docker image ghcr.io/acme/shop:1.0.0", id="image"),
        pytest.param(
            {**IMAGE, "docker_registry_image_tag": None},
            "Docker image ghcr.io/acme/shop:latest",
            id="image-without-tag",
        ),
    ],
)
def test_what_would_be_deployed_is_described(row: Row, text: str) -> None:
    """The `git_repository` of a Docker-image application is a placeholder (coolify-api 5.6)."""
    assert resources.description(row) == text


@pytest.mark.parametrize("text", [[], 5, "text", {}, {"uuid": None}, {"uuid": APP}])
def test_a_response_of_another_format_or_about_another_resource_is_not_accepted(
    wire: responses.RequestsMock, text: Any
) -> None:
    wire.get(f"{API}/applications/{WEB}", json=text)
    with pytest.raises(UnavailableError):
        server().resolve(WEB)


# --- lists that only serve a lost response

LIST = f"/deployments/applications/{WEB}"


def too_large(wire: responses.RequestsMock, path: str) -> None:
    """Three logs of 22 MB each."""
    wire.get(
        API + path,
        body=TooLargeError("the response is larger than 64 MiB", may_have_arrived=True, from_server=True),
    )


def slow(wire: responses.RequestsMock, path: str) -> None:
    wire.get(API + path, body=requests.exceptions.ReadTimeout())


def broken(name: str) -> Callable[[responses.RequestsMock, str], None]:
    return lambda wire, path: serve(wire, "GET", path, name)


UNREADABLE: dict[str, Callable[[responses.RequestsMock, str], None]] = {
    "500": broken("deploy_body_list_500"),
    "a-page": broken("deploy_body_list_500_star"),
    "refused": broken("app_deployments_unknown"),
    "not-authorized": broken("transport_403_policy_denied"),
    "slow": slow,
    "heavy": too_large,
    "shapeless": lambda wire, path: serve(
        wire, "GET", path, "app_deployments_read", body={"deployments": None}
    ),
    "another-s": lambda wire, path: serve(
        wire, "GET", path, "app_deployments_read", body=listing(about(deployed(3), APP))
    ),
}
NOT_RETRIED = ("refused", "not-authorized", "heavy")
"""Failures that a retry would not change."""


def resolve_twice(coolify: CoolifyProvider, target: str = WEB) -> Target:
    """Resolve it, a second time if the first one asks for a retry."""
    try:
        return coolify.resolve(target)
    except UnavailableError:
        return coolify.resolve(target)


@pytest.mark.parametrize("failure", UNREADABLE)
def test_an_unreadable_history_does_not_prevent_the_trigger(
    wire: responses.RequestsMock, failure: str
) -> None:
    """It is tried twice, then reported as a warning; the active deployments are remembered instead."""
    for _ in range(3):
        serve(wire, "GET", f"/applications/{WEB}", "app_get_read")
    wire.assert_all_requests_are_fired = False
    UNREADABLE[failure](wire, LIST)
    serve(wire, "GET", "/deployments", "deployments_list_read", body=[deployed(9)])
    coolify = server()
    for _ in range(
        2
    ):  # a full queue: resolved again before the next trigger, without requesting the list again
        found = resolve_twice(coolify)
        assert found == WEB_TARGET
        assert [warning.partition(" (")[0] for warning in found.warnings] == [
            "could not read the list of its deployments"
        ]
    assert (coolify.lookup.resources[WEB].has_history, coolify.lookup.resources[WEB].running_before) == (
        False,
        frozenset({"d9"}),
    )
    assert requests_sent(wire).count(f"GET {LIST}?take=1") == (1 if failure in NOT_RETRIED else 2)


def test_a_history_that_can_be_read_at_the_second_try_is_used(wire: responses.RequestsMock) -> None:
    for name in ("maintenance_503", "app_deployments_read"):
        serve(wire, "GET", f"/applications/{WEB}", "app_get_read")
        serve(wire, "GET", LIST, name)
    coolify = server()
    assert resolve_twice(coolify).warnings == ()
    assert coolify.lookup.resources[WEB] == Resource(
        APPLICATION, body("app_get_read"), newest_id=6, has_history=True
    )


def test_a_rejected_token_is_refused(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/applications/{WEB}", "app_get_read")
    serve(wire, "GET", LIST, "app_deployments_deployonly")
    with pytest.raises(RefusedError):
        server().resolve(WEB)


@pytest.mark.parametrize("failure", ["500", "slow", "heavy"])
def test_without_both_lists_a_lost_response_can_not_be_made_up_for(
    wire: responses.RequestsMock, failure: str
) -> None:
    wire.assert_all_requests_are_fired = False
    for _ in range(3):
        serve(wire, "GET", f"/applications/{WEB}", "app_get_read")
    for path in (LIST, "/deployments"):
        UNREADABLE[failure](wire, path)
    coolify = server()
    for _ in range(2):
        with contextlib.suppress(UnavailableError):
            coolify.resolve(WEB)
    assert coolify.resolve(WEB).warnings != ()
    assert coolify.lookup.resources[WEB].running_before is None
    assert coolify.find_triggered(WEB) == AccessDenied(find_triggered.UNLISTED)


@pytest.mark.parametrize("failure", ["500", "slow", "heavy"])
@pytest.mark.parametrize("path", ["/applications", f"/deployments/applications/{IMG}", "/deployments"])
def test_an_unreadable_list_does_not_prevent_the_trigger_of_a_tag(
    wire: responses.RequestsMock, failure: str, path: str
) -> None:
    wire.assert_all_requests_are_fired = False
    UNREADABLE[failure](wire, path)
    for index, name in (
        ("/applications", "apps_tagged"),
        (f"/deployments/applications/{IMG}", "app_deployments_empty"),
        (f"/deployments/applications/{WEB}", "app_deployments_read"),
        ("/deployments", "deployments_list_read"),
    ):
        if index != path:
            serve(wire, "GET", index, name)
    coolify = server(tags=frozenset({"blue"}))
    found = resolve_twice(coolify, "blue")
    assert (found, bool(found.warnings)) == (Target("blue", kind=TAG, group=True), path != "/applications")
    if path == "/deployments":
        assert coolify.find_triggered("blue") == AccessDenied(find_triggered.UNLISTED)
