"""One poll of a handle: a deployment, a phantom, additional servers, or a resource status."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import responses

from deployer.budget import Budget
from deployer.http.client import Http, Response, TooLargeError
from deployer.model import Certainty, Command, Handle, Owner, Phase, RefusedError, Snapshot, UnavailableError
from deployer.providers.coolify.api.client import Client
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.history import application_of
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.provider import CoolifyProvider
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, DATABASE, SERVICE
from deployer.providers.coolify.watching import deployment, poll
from deployer.providers.coolify.watching.resource_status import HEALTH, RUNNING, STOPPED
from tests.providers.coolify.support import (
    AGENT,
    API,
    APP,
    BASE,
    NEW,
    OLD_WEB,
    PG,
    STACK,
    TOKEN,
    WEB,
    WORKER,
    Row,
    about,
    body,
    deployed,
    entry,
    finished,
    listing,
    polls,
    requests_sent,
    serve,
    server,
    without,
)

WITHOUT_HEALTH_CHECK = Options(verify_health="false")
"""Without a health check after the deployment."""


def serve_row(wire: responses.RequestsMock, name: str, of: str = APP, **changes: Any) -> None:
    """Serve a recorded record as deployment `abc` of this application."""
    serve(wire, "GET", "/deployments/abc", name, body=about(changes.pop("body", body(name)), of), **changes)


def test_poll_is_one_request(wire: responses.RequestsMock) -> None:
    serve_row(wire, "deployment_get_finished")
    assert server(verify_health="false").poll(Handle(APP, "abc")) == deployment.snapshot_of(
        body("deployment_get_finished"), BASE
    )
    assert requests_sent(wire) == ["GET /deployments/abc"]


def test_poll_remembers_the_post_deployment_command(wire: responses.RequestsMock) -> None:
    serve_row(wire, "deployment_get_finished_no_finished_at")
    assert (
        server(known={APP: Resource(APPLICATION, {"post_deployment_command": "migrate"})})
        .poll(Handle(APP, "abc"))
        .stable_for
        == math.inf
    )


def test_links_lead_to_pages_not_to_the_api(wire: responses.RequestsMock) -> None:
    http = Http(f"{BASE}/sub/api/v1", token=TOKEN, user_agent=AGENT, monotonic=lambda: 0.0)
    wire.get(f"{BASE}/sub/api/v1/deployments/abc", json=about(body("deployment_get_finished"), APP))
    link = (
        CoolifyProvider(Client(http, http, Budget(lambda: 0.0)), f"{BASE}/sub", WITHOUT_HEALTH_CHECK)
        .poll(Handle(APP, "abc"))
        .link
    )
    assert link == BASE + body("deployment_get_finished")["deployment_url"]


@pytest.mark.parametrize(
    ("certainty", "reason"),
    [
        pytest.param(Certainty.CONFIRMED, "this deployment no longer exists in Coolify", id="existed"),
        pytest.param(Certainty.UNCONFIRMED, poll.FULL_QUEUE, id="start-on-full-queue"),
    ],
)
def test_missing_deployment_is_absent(
    wire: responses.RequestsMock, certainty: Certainty, reason: str
) -> None:
    serve(wire, "GET", "/deployments/abc", "start_queue_full_phantom")
    assert server().poll(Handle(WEB, "abc", certainty)) == Snapshot(Phase.ABSENT, stable_for=2, reason=reason)


@pytest.mark.parametrize(
    "name",
    [
        "unauth_bad",
        "deployment_get_deployonly_403",
        "transport_404_unknown_endpoint",
        "transport_api_disabled",
    ],
)
def test_rejected_poll_is_refused(wire: responses.RequestsMock, name: str) -> None:
    serve(wire, "GET", "/deployments/abc", name)
    with pytest.raises(RefusedError):
        server().poll(Handle(WEB, "abc"))


@pytest.mark.parametrize(
    "name",
    ["transport_proxy_traefik_404", "maintenance_503", "maintenance_503_star", "ratelimit_429", "version"],
)
def test_poll_without_a_response_of_coolify_is_unavailable(wire: responses.RequestsMock, name: str) -> None:
    serve(wire, "GET", "/deployments/abc", name)
    with pytest.raises(UnavailableError):
        server().poll(Handle(WEB, "abc"))


# --- responses about something else


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"deployment_uuid": "another"}, id="another-deployment"),
        pytest.param({"deployment_uuid": None}, id="none"),
        pytest.param(
            {"deployment_url": "/project/p/environment/e/application/another/deployment/abc"},
            id="another-application",
        ),
    ],
)
@pytest.mark.parametrize("status", ["in_progress", "finished", "failed", "cancelled-by-user"])
def test_record_of_another_deployment_is_unavailable(
    wire: responses.RequestsMock, changes: Row, status: str
) -> None:
    """From a cache, or a gateway that mixes up its connections: it is ignored."""
    row = about(finished(), WEB)
    serve(
        wire,
        "GET",
        "/deployments/abc",
        "deployment_state_finished",
        body={**row, "status": status, **changes},
    )
    with pytest.raises(UnavailableError, match="about another deployment, or none"):
        server().poll(Handle(WEB, "abc"))


@pytest.mark.parametrize("condition", [HEALTH, STOPPED])
@pytest.mark.parametrize("uuid", [APP, None, ""])
def test_status_of_another_resource_is_unavailable(
    wire: responses.RequestsMock, condition: str, uuid: str | None
) -> None:
    serve(
        wire,
        "GET",
        f"/applications/{WEB}",
        "app_get_read",
        body={**body("app_get_read"), "uuid": uuid, "status": "exited"},
    )
    with pytest.raises(UnavailableError, match="about another application, or none"):
        server(known={WEB: Resource(APPLICATION)}).poll(Handle(WEB, "", condition=condition))


def test_large_record_of_another_deployment_is_unavailable() -> None:
    with pytest.raises(TooLargeError):
        poll_large({**LARGE_ROW, "deployment_uuid": "another"})


GATEWAYS = [
    *(
        (status, {"message": "Request Timeout"})
        for status in (400, 402, 405, 408, 409, 410, 413, 418, 421, 422, 425, 426, 428, 431, 451, 499)
    ),
    (404, {"message": "Not Found"}),
    (404, {"message": "no Route matched with those values"}),
    (403, {"message": "Forbidden"}),
    (401, {"message": "Unauthorized"}),
    (409, {"error": "conflict"}),
    (409, ["conflict"]),
]
"""JSON errors of gateways in front of Coolify: Kong, AWS and others."""


@pytest.mark.parametrize(("status", "text"), GATEWAYS)
@pytest.mark.parametrize(
    "handle", [Handle(WEB, "abc"), Handle(WEB, "", condition=HEALTH), Handle(WEB, "", Certainty.PHANTOM)]
)
def test_json_error_of_a_gateway_is_unavailable(
    wire: responses.RequestsMock, handle: Handle, status: int, text: Any
) -> None:
    wire.get(re.compile(f"{API}/.*"), json=text, status=status)
    with pytest.raises(
        UnavailableError, match=f"HTTP {status}.*That is not Coolify's response: a gateway is in front of it"
    ):
        server(known={WEB: Resource(APPLICATION)}).poll(handle)


@pytest.mark.parametrize(("status", "text"), GATEWAYS)
def test_json_error_of_a_gateway_does_not_mean_an_unknown_uuid(
    wire: responses.RequestsMock, status: int, text: Any
) -> None:
    wire.get(re.compile(f"{API}/.*"), json=text, status=status)
    with pytest.raises(UnavailableError, match="That is not Coolify's"):
        server().resolve(WEB)


# --- behind "already queued"

PHANTOM, POSSIBLY_PHANTOM = Handle(WEB, "", Certainty.PHANTOM), Handle(WEB, "abc", Certainty.POSSIBLY_PHANTOM)
NOTHING_BEHIND = Snapshot(
    Phase.ABSENT, reason="Coolify reported that a deployment was already queued, but there is none any more"
)
BY_API, BY_DASHBOARD, BY_WEBHOOK = (
    "somebody started through the API",
    "somebody started in Coolify",
    "a webhook started",
)


@pytest.mark.parametrize("handle", [PHANTOM, POSSIBLY_PHANTOM], ids=["phantom", "possible-phantom"])
@pytest.mark.parametrize(
    ("pr", "records", "adopted", "started_by"),
    [
        pytest.param(0, [deployed(3, status="in_progress")], "d3", BY_API, id="running"),
        pytest.param(
            0,
            [deployed(3, status="queued", is_api=False, is_webhook=True)],
            "d3",
            BY_WEBHOOK,
            id="queued-by-webhook",
        ),
        pytest.param(
            0, [deployed(3, status="queued", is_api=False)], "d3", BY_DASHBOARD, id="queued-in-dashboard"
        ),
        pytest.param(
            0,
            [deployed(3, status="finished"), deployed(2, status="in_progress")],
            "d2",
            BY_API,
            id="older-than-a-finished-one",
        ),
        pytest.param(
            0, [deployed(2, status="queued"), deployed(3, status="queued")], "d3", BY_API, id="newest"
        ),
        pytest.param(
            0,
            [deployed(3, status="queued", pull_request_id=7), deployed(2, status="in_progress")],
            "d2",
            BY_API,
            id="not-a-preview",
        ),
        pytest.param(
            7,
            [deployed(3, status="queued"), deployed(2, pull_request_id=7)],
            "d2",
            BY_API,
            id="same-pull-request",
        ),
        pytest.param(
            7, [deployed(3, pull_request_id=8), deployed(2)], "", "", id="none-for-this-pull-request"
        ),
        pytest.param(0, [deployed(3, pull_request_id=None)], "d3", BY_API, id="null-pull-request"),
        pytest.param(
            0,
            [deployed(3, status="finished"), deployed(2, status="exploded")],
            "",
            "",
            id="none-active",
        ),
        pytest.param(0, [], "", "", id="none"),
    ],
)
def test_already_queued_adopts_the_newest_active_deployment(  # noqa: PLR0913, PLR0917 -- a row of the table
    wire: responses.RequestsMock, handle: Handle, pr: int, records: list[Row], adopted: str, started_by: str
) -> None:
    if handle is POSSIBLY_PHANTOM:
        serve(wire, "GET", "/deployments/abc", "start_queue_full_phantom")
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(*records))
    serve(wire, "GET", "/deployments", "deployments_list_empty")
    wire.assert_all_requests_are_fired = False
    snapshot = server(pr=pr).poll(handle)
    assert snapshot == (
        Snapshot(Phase.ABSENT, follow_ups=(Handle(WEB, adopted, owner=Owner.OTHERS),))
        if adopted
        else NOTHING_BEHIND
    )
    pages = {str(row["deployment_uuid"]): BASE + row["deployment_url"] for row in records}
    assert [(each.started_by, each.link) for each in snapshot.follow_ups] == [
        (started_by, pages[each.id]) for each in snapshot.follow_ups
    ]
    assert f"GET /deployments/applications/{WEB}?take=10" in requests_sent(wire)


@pytest.mark.parametrize(
    ("pr", "records"),
    [
        pytest.param(
            0,
            [deployed(number, status="failed") for number in range(20, 10, -1)],
            id="ten-newer-ones-have-ended",
        ),
        pytest.param(
            7,
            [deployed(20, pull_request_id=8), deployed(19, status="finished")],
            id="only-another-preview-active",
        ),
    ],
)
def test_already_queued_adopts_an_old_stuck_deployment(
    wire: responses.RequestsMock, pr: int, records: list[Row]
) -> None:
    """A lost job stays `in_progress` (coolify-api 7.6)."""
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(*records))
    wire.assert_all_requests_are_fired = False
    stuck = [
        deployed(3, status="in_progress", pull_request_id=pr),
        deployed(4, status="in_progress", pull_request_id=9),
    ]
    serve(wire, "GET", "/deployments", "deployments_list_read", body=stuck)
    assert server(pr=pr).poll(PHANTOM) == Snapshot(
        Phase.ABSENT, follow_ups=(Handle(WEB, "d3", owner=Owner.OTHERS),)
    )


def test_existing_deployment_is_not_a_phantom(wire: responses.RequestsMock) -> None:
    serve_row(wire, "deployment_get_queued", WEB)
    assert server().poll(POSSIBLY_PHANTOM) == deployment.snapshot_of(
        about(body("deployment_get_queued"), WEB), BASE
    )
    assert requests_sent(wire) == ["GET /deployments/abc"]


def test_before_beta402_already_queued_searches_the_active_deployments(
    wire: responses.RequestsMock,
) -> None:
    serve(wire, "GET", f"/deployments/applications/{OLD_WEB}", "v4.0.0-beta.380_app_deployments")
    serve(wire, "GET", "/deployments", "v4.0.0-beta.380_deployments_list")
    newest = next(row for row in body("v4.0.0-beta.380_deployments_list").values() if row["id"] == 9)[
        "deployment_uuid"
    ]
    snapshot = server(version="4.0.0-beta.380").poll(Handle(OLD_WEB, "", Certainty.PHANTOM))
    assert snapshot == Snapshot(Phase.ABSENT, follow_ups=(Handle(OLD_WEB, newest, owner=Owner.OTHERS),))


# --- versions


@pytest.mark.parametrize(
    ("version", "stable_for"), [("4.0.0-beta.453", 10), ("4.0.0-beta.454", 0), (NEW, 0), ("", 0)]
)
def test_before_beta454_finished_may_turn(
    wire: responses.RequestsMock, version: str, stable_for: float
) -> None:
    serve_row(wire, "deployment_state_finished", WEB)
    assert server(version=version).poll(Handle(WEB, "abc")).stable_for == stable_for


# --- a webhook that also deploys

SHA = "1111111111222222222233333333334444444444"


ADOPTED = Handle(WEB, "abc", owner=Owner.OTHERS)
OURS = Handle(WEB, "abc")


@pytest.mark.parametrize(
    ("handle", "options", "webhooks", "changes", "expected"),
    [
        pytest.param(OURS, {}, {SHA}, {"commit": SHA}, poll.AUTO_DEPLOY, id="same-commit"),
        pytest.param(
            OURS,
            {"command": Command.START},
            {SHA},
            {"commit": SHA},
            poll.AUTO_DEPLOY,
            id="start",
        ),
        pytest.param(
            OURS,
            {"command": Command.RESTART},
            {SHA},
            {"commit": SHA},
            "",
            id="restart",
        ),
        pytest.param(OURS, {}, {"2" * 40}, {"commit": SHA}, "", id="another-commit"),
        pytest.param(OURS, {}, {"HEAD"}, {"commit": "HEAD"}, "", id="commit-unknown"),
        pytest.param(OURS, {}, set(), {"commit": SHA}, "", id="no-webhook"),
        pytest.param(
            OURS, {}, set(), {"is_webhook": True, "is_api": False}, "", id="ours-with-a-webhook-record"
        ),
        pytest.param(
            ADOPTED,
            {},
            set(),
            {"is_webhook": True, "is_api": False},
            poll.AUTO_ADOPTED,
            id="adopted-from-a-webhook",
        ),
        pytest.param(ADOPTED, {}, {SHA}, {"commit": SHA}, "", id="adopted-from-somebody-else"),
    ],
)
@pytest.mark.parametrize("status", ["queued", "in_progress", "finished", "failed"])
def test_deployment_that_a_webhook_also_starts_is_a_warning(  # noqa: PLR0913, PLR0917 -- a row of the table
    wire: responses.RequestsMock,
    handle: Handle,
    options: Row,
    webhooks: set[str],
    changes: Row,
    expected: str,
    status: str,
) -> None:
    serve_row(
        wire,
        "deployment_get_queued",
        WEB,
        body={**body("deployment_get_queued"), "status": status, **changes},
    )
    coolify = server(known={WEB: Resource(APPLICATION, webhook_commits=frozenset(webhooks))}, **options)
    warnings = coolify.poll(handle).warnings
    assert [each for each in warnings if "webhook" in each] == ([expected] if expected else [])


def test_webhook_warning_has_a_fix() -> None:
    for text in (poll.AUTO_DEPLOY, poll.AUTO_ADOPTED):
        assert [word for word in ("a webhook", "(in Coolify: ", "remove this step") if word not in text] == []


# --- a pinned commit

CAPTURED = (
    Path(__file__).parents[3]
    / "contracts"
    / "coolify"
    / "captured"
    / "v4.0.0-beta.463"
    / "sequence_pinned_commit.json"
)
HEAD_SHA, PIN = "1111111111222222222233333333334444444444", "abcdef1234567890abcdef1234567890abcdef12"
OLD_PIN: Row = json.loads(CAPTURED.read_text("utf-8"))["responses"][-1]["body"]
OLD_PIN_HANDLE = Handle(application_of(OLD_PIN), OLD_PIN["deployment_uuid"])


@pytest.mark.parametrize(
    ("row", "version", "options", "pin", "commit"),
    [
        pytest.param(OLD_PIN, "4.0.0-beta.463", {}, PIN, PIN, id="beta463-shows-the-head"),
        pytest.param(OLD_PIN, "4.0.0-beta.463", {}, "HEAD", HEAD_SHA, id="not-pinned"),
        pytest.param(OLD_PIN, "4.0.0-beta.463", {}, None, HEAD_SHA, id="pin-unknown"),
        pytest.param(OLD_PIN, "4.1.2", {}, PIN, HEAD_SHA, id="pin-ignored"),
        pytest.param({**OLD_PIN, "logs": "[]"}, "4.0.0-beta.463", {}, PIN, "", id="before-checkout"),
        pytest.param({**OLD_PIN, "commit": "HEAD"}, "4.0.0-beta.463", {}, PIN, "", id="before-git"),
        pytest.param(
            without(OLD_PIN, "logs"), "4.0.0-beta.463", {}, PIN, "", id="no-log-possibly-an-earlier-build"
        ),
        pytest.param(
            {**without(OLD_PIN, "logs"), "force_rebuild": True},
            "4.0.0-beta.463",
            {},
            PIN,
            PIN,
            id="no-log-without-cache",
        ),
        pytest.param(
            {**OLD_PIN, "pull_request_id": 7},
            "4.0.0-beta.463",
            {"pr": 7},
            PIN,
            HEAD_SHA,
            id="preview-without-pin",
        ),
    ],
)
@pytest.mark.parametrize("ours", [False, True], ids=["pinned-before", "pinned-by-this-run"])
def test_commit_is_the_one_that_was_checked_out(  # noqa: PLR0913, PLR0917 -- a row of the table
    wire: responses.RequestsMock,
    row: Row,
    version: str,
    options: Row,
    pin: str | None,
    commit: str,
    *,
    ours: bool,
) -> None:
    """Before beta.464 the record of a pinned commit shows the branch's head (coolify-api 17.2).

    The pinned one is built.
    """
    serve(wire, "GET", f"/deployments/{OLD_PIN_HANDLE.id}", "deployment_state_finished", body=row)
    coolify = server(
        version=version,
        known={OLD_PIN_HANDLE.target: Resource(APPLICATION, {} if ours else {"git_commit_sha": pin})},
        **options,
    )
    coolify.lookup.get(OLD_PIN_HANDLE.target).progress.pinned_commit = (pin or "") if ours else ""
    assert coolify.poll(OLD_PIN_HANDLE).commit == commit


# --- additional servers

LAST = polls("sequence_multiserver_main")[-1]
MAIN = Handle(WORKER, LAST["deployment_uuid"])
SECOND = next(row for row in body("app_deployments_multiserver")["deployments"] if row["id"] == 72)
MISSING_OTHERS = poll.MISSING_OTHERS


def poll_main(
    wire: responses.RequestsMock, row: Row, *, servers: int = 1, handle: Handle = MAIN, **fields: Any
) -> Snapshot:
    serve(wire, "GET", f"/deployments/{handle.id}", "deployment_state_finished", body=row)
    known = {WORKER: Resource(APPLICATION, {"additional_servers_count": servers}, has_history=True)}
    return server(known=known, **fields).poll(handle)


def follow_ups(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    return [(each.id, each.server, each.link) for each in snapshot.follow_ups]


SECOND_FOLLOW_UP = [(SECOND["deployment_uuid"], "second", BASE + SECOND["deployment_url"])]


def test_additional_servers_are_read_from_the_log(wire: responses.RequestsMock) -> None:
    snapshot = poll_main(wire, LAST)
    assert (follow_ups(snapshot), snapshot.warnings) == (SECOND_FOLLOW_UP, ())
    assert requests_sent(wire) == [f"GET /deployments/{MAIN.id}"]


def test_without_the_log_additional_servers_are_found_in_the_list(
    wire: responses.RequestsMock,
) -> None:
    """By another server, no owner, and creation at the end of the main deployment (coolify-api 7.7)."""
    serve(wire, "GET", f"/deployments/applications/{WORKER}", "app_deployments_multiserver")
    snapshot = poll_main(wire, without(LAST, "logs"))
    assert (follow_ups(snapshot), snapshot.warnings) == (SECOND_FOLLOW_UP, ())
    assert requests_sent(wire) == [
        f"GET /deployments/{MAIN.id}",
        f"GET /deployments/applications/{WORKER}?take=20",
    ]


@pytest.mark.parametrize("finished_at", [LAST["finished_at"], None])
def test_additional_servers_missing_in_the_log_are_found_in_the_list(
    wire: responses.RequestsMock, finished_at: str | None
) -> None:
    """Two processes write the log, so a line can be lost (coolify-api 6.1)."""
    serve(wire, "GET", f"/deployments/applications/{WORKER}", "app_deployments_multiserver")
    snapshot = poll_main(wire, {**LAST, "logs": "[]", "finished_at": finished_at})
    assert (follow_ups(snapshot), snapshot.warnings) == (SECOND_FOLLOW_UP, ())


def test_additional_server_in_both_log_and_list_is_followed_once(
    wire: responses.RequestsMock,
) -> None:
    records = body("app_deployments_multiserver")["deployments"]
    third = {**SECOND, "id": 73, "deployment_uuid": "third", "server_id": 7, "server_name": "third"}
    serve(
        wire,
        "GET",
        f"/deployments/applications/{WORKER}",
        "app_deployments_multiserver",
        body=listing(third, *records),
    )
    snapshot = poll_main(wire, LAST, servers=2)
    assert (follow_ups(snapshot), snapshot.warnings) == (
        [*SECOND_FOLLOW_UP, ("third", "third", BASE + third["deployment_url"])],
        (),
    )


@pytest.mark.parametrize(
    "name", ["maintenance_503", "app_deployments_unknown", "transport_proxy_traefik_404"]
)
def test_unreadable_list_does_not_hide_servers_in_the_log(wire: responses.RequestsMock, name: str) -> None:
    serve(wire, "GET", f"/deployments/applications/{WORKER}", name)
    serve(wire, "GET", "/deployments", "maintenance_503")
    wire.assert_all_requests_are_fired = False
    snapshot = poll_main(wire, LAST, servers=2)
    assert (follow_ups(snapshot), snapshot.warnings) == (SECOND_FOLLOW_UP, (MISSING_OTHERS.format(2, 1),))


def test_with_an_unreadable_list_additional_servers_are_found_among_active_deployments(
    wire: responses.RequestsMock,
) -> None:
    serve(wire, "GET", f"/deployments/applications/{WORKER}", "maintenance_503")
    serve(wire, "GET", "/deployments", "deployments_list_read", body=[SECOND])
    assert follow_ups(poll_main(wire, without(LAST, "logs"))) == SECOND_FOLLOW_UP


def test_only_records_from_this_deployment_are_additional_servers(
    wire: responses.RequestsMock,
) -> None:
    records = body("app_deployments_multiserver")["deployments"]
    earlier = {**SECOND, "id": 69, "deployment_uuid": "earlier", "created_at": "2026-11-21T05:41:55.000000Z"}
    later = {**records[1], "id": 73, "deployment_uuid": "later", "created_at": "2026-11-21T05:42:57.000000Z"}
    serve(
        wire,
        "GET",
        f"/deployments/applications/{WORKER}",
        "app_deployments_multiserver",
        body=listing(later, *records, earlier),
    )
    assert follow_ups(poll_main(wire, without(LAST, "logs"))) == SECOND_FOLLOW_UP


def test_missing_additional_servers_are_a_warning(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/deployments/applications/{WORKER}", "app_deployments_multiserver")
    snapshot = poll_main(wire, without(LAST, "logs"), servers=2)
    assert (follow_ups(snapshot), snapshot.warnings) == (SECOND_FOLLOW_UP, (MISSING_OTHERS.format(2, 1),))


def test_without_a_list_additional_servers_are_a_warning(
    wire: responses.RequestsMock,
) -> None:
    serve(wire, "GET", f"/deployments/applications/{WORKER}", "v4.0.0-beta.380_app_deployments")
    serve(wire, "GET", "/deployments", "deployments_list_empty")
    snapshot = poll_main(wire, without(LAST, "logs"), version="4.0.0-beta.400")
    assert (follow_ups(snapshot), snapshot.warnings) == ([], (MISSING_OTHERS.format(1, 0),))


@pytest.mark.parametrize(
    ("row", "servers", "warnings"),
    [
        pytest.param({**LAST, "logs": "[]"}, 0, (), id="no-servers"),
        pytest.param({**without(LAST, "logs"), "status": "in_progress"}, 1, (), id="not-finished"),
        pytest.param({**without(LAST, "logs"), "status": "failed"}, 1, (), id="failed"),
        pytest.param(without(LAST, "logs"), 0, (), id="no-servers-and-no-log"),
    ],
)
def test_additional_servers_are_searched_only_after_success(
    wire: responses.RequestsMock, row: Row, servers: int, warnings: tuple[str, ...]
) -> None:
    snapshot = poll_main(wire, row, servers=servers)
    assert (follow_ups(snapshot), snapshot.warnings) == ([], warnings)
    assert len(wire.calls) == 1


def test_additional_server_has_no_additional_servers(wire: responses.RequestsMock) -> None:
    handle = Handle(WORKER, SECOND["deployment_uuid"], server="second")
    snapshot = poll_main(wire, SECOND, handle=handle)
    assert (follow_ups(snapshot), snapshot.warnings, snapshot.server) == ([], (), "second")


def test_additional_servers_of_an_adopted_deployment_are_adopted(wire: responses.RequestsMock) -> None:
    """Deployments of others are never cancelled."""
    snapshot = poll_main(wire, LAST, handle=replace(MAIN, owner=Owner.OTHERS, started_by=BY_WEBHOOK))
    assert [(each.adopted, each.started_by, each.server) for each in snapshot.follow_ups] == [
        (True, BY_WEBHOOK, "second")
    ]


def test_preview_is_deployed_to_the_main_server_only(wire: responses.RequestsMock) -> None:
    snapshot = poll_main(wire, without(LAST, "logs"), pr=7)
    assert (follow_ups(snapshot), snapshot.warnings) == ([], ())


# --- the health check after a deployment


@pytest.mark.parametrize(
    ("texts", "options", "health_check"),
    [
        pytest.param([], {}, True, id="auto"),
        pytest.param([deployment.HEALTHY], {}, False, id="auto-and-checked-by-coolify"),
        pytest.param(
            [entry(deployment.HEALTHY, hidden=True)], {}, False, id="auto-and-checked-by-coolify-hidden"
        ),
        pytest.param(
            [entry(deployment.HEALTHY, command="npm run build")],
            {},
            True,
            id="auto-and-printed-by-a-build",
        ),
        pytest.param([f"{deployment.HEALTHY} Really."], {}, True, id="auto-and-other-words"),
        pytest.param([], {"verify_health": "true"}, True, id="true"),
        pytest.param([deployment.HEALTHY], {"verify_health": "true"}, True, id="true-and-checked-by-coolify"),
        pytest.param([], {"verify_health": "false"}, False, id="false"),
        pytest.param([], {"pr": 7}, False, id="preview"),
        pytest.param([], {"pr": 7, "verify_health": "true"}, False, id="preview-with-verify-health"),
        pytest.param([], {"wait": False}, False, id="without-waiting"),
        pytest.param([], {"command": Command.RESTART}, True, id="restart"),
    ],
)
def test_health_check_after_a_deployment(
    wire: responses.RequestsMock, texts: list[str | Row], options: Row, *, health_check: bool
) -> None:
    serve_row(wire, "deployment_state_finished", body=finished(*texts))
    snapshot = server(**options).poll(Handle(APP, "abc"))
    assert snapshot.health_check == (Handle(APP, "", condition=HEALTH) if health_check else None)


@pytest.mark.parametrize(
    ("version", "known", "on", "fields", "dated"),
    [
        pytest.param("4.3.10", {}, "", {}, True, id="newest"),
        pytest.param("4.0.0-beta.463", {}, "", {}, True, id="first-version"),
        pytest.param("", {}, "", {}, True, id="unknown-version"),
        pytest.param("4.0.0-beta.461", {}, "", {}, False, id="version-before"),
        pytest.param("4.0.0-beta.420", {}, "", {}, False, id="recorded-without"),
        pytest.param("4.3.10", {"additional_servers_count": 1}, "", {}, False, id="several-servers"),
        pytest.param("4.3.10", {}, "paris", {}, False, id="on-an-additional-server"),
        pytest.param("4.3.10", {}, "", {"restart_only": True}, False, id="restart"),
        pytest.param("4.3.10", {}, "", {"finished_at": None}, False, id="without-an-end"),
    ],
)
def test_health_check_knows_when_the_deployment_ended(  # noqa: PLR0913 -- the columns of the table
    wire: responses.RequestsMock, version: str, known: Row, on: str, fields: Row, *, dated: bool
) -> None:
    """Where Coolify checks the application right after it, and dates that check (coolify-api 18.7)."""
    row = {**finished(), **fields}
    serve_row(wire, "deployment_state_finished", body=row)
    if known:
        serve(wire, "GET", f"/deployments/applications/{APP}", "app_deployments_read")
    coolify = server(version=version, known={APP: Resource(APPLICATION, known)})
    check = coolify.poll(Handle(APP, "abc", server=on)).health_check
    assert check is not None
    assert check.ended == (row["finished_at"] if dated else "")


def test_report_of_the_server_counts_from_the_next_response_on(wire: responses.RequestsMock) -> None:
    """It may not be processed before (coolify-api 18.7)."""
    row = {**body("app_get_read"), "uuid": APP, "status": "running:unknown"}
    host = row["destination"]["server"]
    for checked, reported in (
        ("2026-12-01 02:08:55", "2026-12-01 02:08:58"),
        ("2026-12-01 02:08:57", "2026-12-01 02:09:58"),
        ("2026-12-01 02:08:57", "2026-12-01 02:10:58"),
        ("2026-12-01 02:11:00", "2026-12-01 02:10:58"),
    ):
        destination = {**row["destination"], "server": {**host, "sentinel_updated_at": reported}}
        shown = {**row, "last_online_at": checked, "destination": destination}
        serve(wire, "GET", f"/applications/{APP}", "app_get_read", body=shown)
    coolify = server(known={APP: Resource(APPLICATION, row)})
    check = Handle(APP, "", condition=HEALTH, ended="2026-12-01T02:08:56.000000Z")
    assert [coolify.poll(check).checked_after for _ in range(4)] == [None, 2, 62, 124]


@pytest.mark.parametrize("status", ["queued", "in_progress", "failed", "cancelled-by-user", "exploded"])
def test_unfinished_deployment_has_no_health_check(wire: responses.RequestsMock, status: str) -> None:
    serve_row(wire, "deployment_state_finished", body={**finished(), "status": status})
    assert server(verify_health="true").poll(Handle(APP, "abc")).health_check is None


def test_failed_post_deployment_command_has_no_health_check(wire: responses.RequestsMock) -> None:
    serve_row(wire, "deployment_state_finished", body=finished("Post-deployment command failed."))
    snapshot = server(verify_health="true").poll(Handle(APP, "abc"))
    assert (snapshot.phase, snapshot.health_check) == (Phase.UNVERIFIED, None)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"verify_health": "true", "pr": 7}, True),
        ({"verify_health": "true"}, False),
        ({"pr": 7}, False),
        ({"verify_health": "false", "pr": 7}, False),
    ],
)
def test_verify_health_of_a_preview_is_a_warning(
    wire: responses.RequestsMock, options: Row, *, expected: bool
) -> None:
    serve_row(wire, "deployment_get_queued")
    assert (
        poll.PREVIEW_STATUS_UNAVAILABLE in server(**options).poll(Handle(APP, "abc")).warnings
    ) is expected


# --- resource statuses


def test_passed_health_check_of_coolify_is_remembered(wire: responses.RequestsMock) -> None:
    """`running:unhealthy` right after it passed is not a failure (coolify-api 8 trap 2)."""
    row = {**body("app_get_read"), "uuid": APP, "status": "running:unhealthy", "health_check_enabled": True}
    for _ in range(2):
        serve(wire, "GET", f"/applications/{APP}", "app_get_read", body=row)
    serve_row(wire, "deployment_state_finished", body=finished(deployment.HEALTHY))
    coolify = server(verify_health="true")
    assert coolify.poll(Handle(APP, "", condition=HEALTH)).phase is Phase.RUNNING
    serve_row(wire, "deployment_state_finished", body=without(finished(), "logs"))
    for _ in range(2):
        coolify.poll(Handle(APP, "abc"))
    assert coolify.poll(Handle(APP, "", condition=HEALTH)).phase is Phase.SUCCEEDED


@pytest.mark.parametrize(
    ("kind", "uuid", "name", "condition", "phase"),
    [
        pytest.param(
            APPLICATION, WEB, "app_get_read", HEALTH, Phase.FAILED, id="application-after-its-deployment"
        ),
        pytest.param(
            APPLICATION, WEB, "app_get_read", STOPPED, Phase.SUCCEEDED, id="application-that-is-stopped"
        ),
        pytest.param(
            SERVICE, STACK, "service_after_deploy", RUNNING, Phase.RUNNING, id="service-that-starts"
        ),
        pytest.param(SERVICE, STACK, "service_get", STOPPED, Phase.SUCCEEDED, id="service-that-is-stopped"),
        pytest.param(DATABASE, PG, "database_get", RUNNING, Phase.FAILED, id="database-that-is-down"),
    ],
)
def test_status_is_requested_for_the_kind_of_the_resource(  # noqa: PLR0913, PLR0917 -- a row of the table
    wire: responses.RequestsMock, kind: str, uuid: str, name: str, condition: str, phase: Phase
) -> None:
    serve(wire, "GET", f"/{kind}s/{uuid}", name)
    snapshot = server(known={uuid: Resource(kind, {"status": "running:healthy"})}).poll(
        Handle(uuid, "", condition=condition)
    )
    assert (snapshot.phase, snapshot.raw_status) == (phase, body(name)["status"])
    assert requests_sent(wire) == [f"GET /{kind}s/{uuid}"]


def test_running_is_current_once_it_was_seen_down(wire: responses.RequestsMock) -> None:
    """Until then the status may be from before the restart."""
    for status in ("running:healthy", "starting:unhealthy", "running:healthy", "exited", "running:healthy"):
        serve(
            wire, "GET", f"/services/{STACK}", "service_get", body={**body("service_get"), "status": status}
        )
    coolify = server(known={STACK: Resource(SERVICE, {"status": "running:healthy"})})
    snapshot = [coolify.poll(Handle(STACK, "", condition=RUNNING)) for _ in range(5)]
    assert [(each.phase, each.stable_for) for each in snapshot] == [
        (Phase.SUCCEEDED, 75),
        (Phase.RUNNING, 0),
        (Phase.SUCCEEDED, 75),
        (Phase.FAILED, 180),
        (Phase.SUCCEEDED, 15),
    ]


@pytest.mark.parametrize("name", ["unauth_bad", "app_get_unknown", "service_404"])
def test_rejected_status_request_is_refused(wire: responses.RequestsMock, name: str) -> None:
    serve(wire, "GET", f"/services/{STACK}", name)
    with pytest.raises(RefusedError):
        server(known={STACK: Resource(SERVICE)}).poll(Handle(STACK, "", condition=RUNNING))


@pytest.mark.parametrize("text", [[], {}, {"status": None}, {"status": 5}])
@pytest.mark.parametrize("condition", [RUNNING, STOPPED, HEALTH])
def test_status_of_another_format_is_unavailable(
    wire: responses.RequestsMock, text: Any, condition: str
) -> None:
    wire.get(f"{API}/services/{STACK}", json=text)
    with pytest.raises(UnavailableError):
        server(known={STACK: Resource(SERVICE)}).poll(Handle(STACK, "", condition=condition))


# --- bodies that are too large


class Large(Http):
    """A server whose records are too large to be read completely: only both ends of their JSON are kept."""

    def __init__(self, row: Row) -> None:
        super().__init__(API, token=TOKEN, user_agent=AGENT, monotonic=lambda: 0.0)
        self._text = json.dumps(row, separators=(",", ":")).replace("/", "\\/")

    def send(
        self, method: str, path: str, params: Mapping[str, str] | None = None, **hidden_lines_hint: Any
    ) -> Response:
        if path != "/deployments/abc":
            return super().send(method, path, params, **hidden_lines_hint)
        error = TooLargeError("the response is larger than 64 MiB", may_have_arrived=True, from_server=True)
        error.head, error.tail = self._text[:8000], self._text[-8000:]
        raise error


def poll_large(row: Row, version: str = NEW, **snapshot: Any) -> Snapshot:
    http = Large(row)
    coolify = CoolifyProvider(Client(http, http, Budget(lambda: 0.0)), BASE, WITHOUT_HEALTH_CHECK)
    coolify.lookup.version = Version(version)
    coolify.lookup.resources[WEB] = Resource(APPLICATION, snapshot, has_history=True)
    return coolify.poll(Handle(WEB, "abc"))


LARGE_LOG = json.dumps([entry('"status":"failed" \\"status\\":\\"failed\\"' + "x" * 9000)])
LARGE_ROW = {
    **about(body("deployment_state_finished"), WEB),
    "finished_at": "2026-11-21T05:39:27.000000Z",
    "logs": LARGE_LOG,
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            {"status": "in_progress", "finished_at": None}, (Phase.RUNNING, "in_progress", 0), id="running"
        ),
        pytest.param({}, (Phase.SUCCEEDED, "finished", 0), id="finished"),
        pytest.param({"finished_at": None}, (Phase.SUCCEEDED, "finished", 10), id="finished-but-not-final"),
        pytest.param({"status": "failed"}, (Phase.FAILED, "failed", 0), id="failed"),
        pytest.param(
            {"status": "cancelled-by-user", "finished_at": None},
            (Phase.CANCELLED, "cancelled-by-user", 10),
            id="cancelled",
        ),
    ],
)
def test_status_in_a_large_body_is_read(fields: Row, expected: tuple[Phase, str, float]) -> None:
    snapshot = poll_large({**LARGE_ROW, **fields})
    assert (snapshot.phase, snapshot.raw_status, snapshot.stable_for, snapshot.warnings) == (
        *expected,
        (poll.LOG_TOO_LARGE,),
    )


def test_large_body_still_waits_for_the_post_deployment_command() -> None:
    assert (
        poll_large({**LARGE_ROW, "finished_at": None}, post_deployment_command="migrate").stable_for
        == math.inf
    )


def test_large_body_without_finished_at_is_final_after_10_seconds() -> None:
    assert poll_large(without(LARGE_ROW, "finished_at")).stable_for == 10


def test_large_body_may_turn_before_beta454() -> None:
    assert poll_large(LARGE_ROW, "4.0.0-beta.453").stable_for == 10


def test_large_body_reports_missing_additional_servers(
    wire: responses.RequestsMock,
) -> None:
    wire.assert_all_requests_are_fired = False
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_empty")
    assert MISSING_OTHERS.format(1, 0) in poll_large(LARGE_ROW, additional_servers_count=1).warnings


def test_large_body_without_a_deployment_is_unavailable() -> None:
    with pytest.raises(TooLargeError):
        poll_large({"x": "y" * 9000})
