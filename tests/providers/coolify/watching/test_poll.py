"""Coolify: one look, and what stands behind a handle: a deployment, a phantom, additional servers, a status."""

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

from deployer.http.client import Http, Response, TooLargeError
from deployer.model import Certainty, Command, Handle, Owner, Phase, RefusedError, Snapshot, UnavailableError
from deployer.providers.coolify.api.client import Client
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.history import application_of
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.provider import CoolifyProvider
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.trigger_requests import APPLICATION, DATABASE, SERVICE
from deployer.providers.coolify.watching import deployment, poll, resource_status
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
    asked,
    body,
    deployed,
    entry,
    finished,
    listing,
    polls,
    serve,
    server,
    without,
)

QUIET = Options(verify_health="false")
"""Nothing is asked of the application afterwards."""


def serve_row(wire: responses.RequestsMock, name: str, of: str = APP, **changes: Any) -> None:
    """The row of deployment `abc` of this application, where the recorded one is another's."""
    serve(wire, "GET", "/deployments/abc", name, body=about(changes.pop("body", body(name)), of), **changes)


def test_a_look_is_one_question(wire: responses.RequestsMock) -> None:
    serve_row(wire, "deployment_get_finished")
    assert server(verify_health="false").poll(Handle(APP, "abc")) == deployment.snapshot_of(
        body("deployment_get_finished"), BASE
    )
    assert asked(wire) == ["GET /deployments/abc"]


def test_a_look_remembers_the_post_deployment_command(wire: responses.RequestsMock) -> None:
    serve_row(wire, "deployment_get_finished_no_finished_at")
    assert (
        server(known={APP: Resource(APPLICATION, {"post_deployment_command": "migrate"})})
        .poll(Handle(APP, "abc"))
        .stable_for
        == math.inf
    )


def test_links_lead_to_the_pages_not_to_the_path_of_the_api(wire: responses.RequestsMock) -> None:
    http = Http(f"{BASE}/sub/api/v1", token=TOKEN, user_agent=AGENT, monotonic=lambda: 0.0)
    wire.get(f"{BASE}/sub/api/v1/deployments/abc", json=about(body("deployment_get_finished"), APP))
    link = CoolifyProvider(Client(http, http), f"{BASE}/sub", QUIET).poll(Handle(APP, "abc")).link
    assert link == BASE + body("deployment_get_finished")["deployment_url"]


@pytest.mark.parametrize(
    ("trust", "reason"),
    [
        pytest.param(Certainty.CONFIRMED, "this deployment no longer exists in Coolify", id="it-was-there"),
        pytest.param(Certainty.UNCONFIRMED, poll.FULL_QUEUE, id="start-on-a-full-queue"),
    ],
)
def test_a_deployment_that_is_not_there_is_absent(
    wire: responses.RequestsMock, trust: Certainty, reason: str
) -> None:
    serve(wire, "GET", "/deployments/abc", "start_queue_full_phantom")
    assert server().poll(Handle(WEB, "abc", trust)) == Snapshot(Phase.ABSENT, stable_for=2, reason=reason)


@pytest.mark.parametrize(
    "name",
    [
        "unauth_bad",
        "deployment_get_deployonly_403",
        "transport_404_unknown_endpoint",
        "transport_api_disabled",
    ],
)
def test_a_look_that_is_refused_is_refused(wire: responses.RequestsMock, name: str) -> None:
    serve(wire, "GET", "/deployments/abc", name)
    with pytest.raises(RefusedError):
        server().poll(Handle(WEB, "abc"))


@pytest.mark.parametrize(
    "name",
    ["transport_proxy_traefik_404", "maintenance_503", "maintenance_503_star", "ratelimit_429", "version"],
)
def test_a_look_that_gets_no_answer_of_coolify_is_no_news(wire: responses.RequestsMock, name: str) -> None:
    serve(wire, "GET", "/deployments/abc", name)
    with pytest.raises(UnavailableError):
        server().poll(Handle(WEB, "abc"))


# --- an answer to another question


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
def test_a_row_of_something_else_is_no_news(wire: responses.RequestsMock, changes: Row, status: str) -> None:
    """A cache, or a gateway that mixes up its connections: nothing is concluded from it."""
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


@pytest.mark.parametrize("aspect", [HEALTH, STOPPED])
@pytest.mark.parametrize("uuid", [APP, None, ""])
def test_a_status_of_something_else_is_no_news(
    wire: responses.RequestsMock, aspect: str, uuid: str | None
) -> None:
    serve(
        wire,
        "GET",
        f"/applications/{WEB}",
        "app_get_read",
        body={**body("app_get_read"), "uuid": uuid, "status": "exited"},
    )
    with pytest.raises(UnavailableError, match="about another application, or none"):
        server(known={WEB: Resource(APPLICATION)}).poll(Handle(WEB, "", condition=aspect))


def test_a_large_row_of_something_else_is_no_news() -> None:
    with pytest.raises(TooLargeError):
        looked_at_large({**LARGE_ROW, "deployment_uuid": "another"})


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
"""The JSON of what stands in front of Coolify: Kong's and AWS's shape, and others."""


@pytest.mark.parametrize(("status", "said"), GATEWAYS)
@pytest.mark.parametrize(
    "handle", [Handle(WEB, "abc"), Handle(WEB, "", condition=HEALTH), Handle(WEB, "", Certainty.PHANTOM)]
)
def test_a_refusal_in_json_that_is_not_coolify_s_is_no_news(
    wire: responses.RequestsMock, handle: Handle, status: int, said: Any
) -> None:
    wire.get(re.compile(f"{API}/.*"), json=said, status=status)
    with pytest.raises(
        UnavailableError, match=f"HTTP {status}.*That is not Coolify's response: a gateway is in front of it"
    ):
        server(known={WEB: Resource(APPLICATION)}).poll(handle)


@pytest.mark.parametrize(("status", "said"), GATEWAYS)
def test_a_refusal_in_json_that_is_not_coolify_s_does_not_make_the_uuid_wrong(
    wire: responses.RequestsMock, status: int, said: Any
) -> None:
    wire.get(re.compile(f"{API}/.*"), json=said, status=status)
    with pytest.raises(UnavailableError, match="That is not Coolify's"):
        server().resolve(WEB)


# --- behind "already queued"

PHANTOM, LISTED = Handle(WEB, "", Certainty.PHANTOM), Handle(WEB, "abc", Certainty.POSSIBLY_PHANTOM)
NOTHING_BEHIND = Snapshot(
    Phase.ABSENT, reason="Coolify reported that a deployment was already queued, but there is none any more"
)
SOMEBODY, IN_COOLIFY, WEBHOOK = (
    "somebody started through the API",
    "somebody started in Coolify",
    "a webhook started",
)


@pytest.mark.parametrize("handle", [PHANTOM, LISTED], ids=["phantom", "listed"])
@pytest.mark.parametrize(
    ("pr", "listed", "real", "whose"),
    [
        pytest.param(0, [deployed(3, status="in_progress")], "d3", SOMEBODY, id="running"),
        pytest.param(
            0,
            [deployed(3, status="queued", is_api=False, is_webhook=True)],
            "d3",
            WEBHOOK,
            id="queued-by-a-webhook",
        ),
        pytest.param(
            0, [deployed(3, status="queued", is_api=False)], "d3", IN_COOLIFY, id="queued-in-the-dashboard"
        ),
        pytest.param(
            0,
            [deployed(3, status="finished"), deployed(2, status="in_progress")],
            "d2",
            SOMEBODY,
            id="behind-one-that-is-over",
        ),
        pytest.param(
            0, [deployed(2, status="queued"), deployed(3, status="queued")], "d3", SOMEBODY, id="the-newest"
        ),
        pytest.param(
            0,
            [deployed(3, status="queued", pull_request_id=7), deployed(2, status="in_progress")],
            "d2",
            SOMEBODY,
            id="no-pull-request-s",
        ),
        pytest.param(
            7,
            [deployed(3, status="queued"), deployed(2, pull_request_id=7)],
            "d2",
            SOMEBODY,
            id="of-the-same-pull-request",
        ),
        pytest.param(
            7, [deployed(3, pull_request_id=8), deployed(2)], "", "", id="none-of-this-pull-request"
        ),
        pytest.param(0, [deployed(3, pull_request_id=None)], "d3", SOMEBODY, id="no-pull-request-at-all"),
        pytest.param(
            0,
            [deployed(3, status="finished"), deployed(2, status="exploded")],
            "",
            "",
            id="none-that-is-going",
        ),
        pytest.param(0, [], "", "", id="none"),
    ],
)
def test_behind_already_queued_is_the_newest_one_that_is_going_and_it_is_adopted(  # noqa: PLR0913, PLR0917 -- a row of the table
    wire: responses.RequestsMock, handle: Handle, pr: int, listed: list[Row], real: str, whose: str
) -> None:
    if handle is LISTED:
        serve(wire, "GET", "/deployments/abc", "start_queue_full_phantom")
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(*listed))
    serve(wire, "GET", "/deployments", "deployments_list_empty")
    wire.assert_all_requests_are_fired = False
    seen = server(pr=pr).poll(handle)
    assert seen == (
        Snapshot(Phase.ABSENT, follow_ups=(Handle(WEB, real, owner=Owner.OTHERS),))
        if real
        else NOTHING_BEHIND
    )
    pages = {str(row["deployment_uuid"]): BASE + row["deployment_url"] for row in listed}
    assert [(each.started_by, each.link) for each in seen.follow_ups] == [
        (whose, pages[each.id]) for each in seen.follow_ups
    ]
    assert f"GET /deployments/applications/{WEB}?take=10" in asked(wire)


@pytest.mark.parametrize(
    ("pr", "listed"),
    [
        pytest.param(
            0,
            [deployed(number, status="failed") for number in range(20, 10, -1)],
            id="ten-newer-ones-are-over",
        ),
        pytest.param(
            7,
            [deployed(20, pull_request_id=8), deployed(19, status="finished")],
            id="only-another-preview-is-going",
        ),
    ],
)
def test_behind_already_queued_may_be_one_that_is_stuck_for_days(
    wire: responses.RequestsMock, pr: int, listed: list[Row]
) -> None:
    """A lost job stays `in_progress` (coolify-api 7.6)."""
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(*listed))
    wire.assert_all_requests_are_fired = False
    stuck = [
        deployed(3, status="in_progress", pull_request_id=pr),
        deployed(4, status="in_progress", pull_request_id=9),
    ]
    serve(wire, "GET", "/deployments", "deployments_list_read", body=stuck)
    assert server(pr=pr).poll(PHANTOM) == Snapshot(
        Phase.ABSENT, follow_ups=(Handle(WEB, "d3", owner=Owner.OTHERS),)
    )


def test_one_that_is_there_is_no_phantom(wire: responses.RequestsMock) -> None:
    serve_row(wire, "deployment_get_queued", WEB)
    assert server().poll(LISTED) == deployment.snapshot_of(about(body("deployment_get_queued"), WEB), BASE)
    assert asked(wire) == ["GET /deployments/abc"]


def test_behind_already_queued_before_beta402_is_what_all_that_are_going_show(
    wire: responses.RequestsMock,
) -> None:
    serve(wire, "GET", f"/deployments/applications/{OLD_WEB}", "v4.0.0-beta.380_app_deployments")
    serve(wire, "GET", "/deployments", "v4.0.0-beta.380_deployments_list")
    newest = next(row for row in body("v4.0.0-beta.380_deployments_list").values() if row["id"] == 9)[
        "deployment_uuid"
    ]
    seen = server(version="4.0.0-beta.380").poll(Handle(OLD_WEB, "", Certainty.PHANTOM))
    assert seen == Snapshot(Phase.ABSENT, follow_ups=(Handle(OLD_WEB, newest, owner=Owner.OTHERS),))


# --- versions


@pytest.mark.parametrize(
    ("version", "hold"), [("4.0.0-beta.453", 10), ("4.0.0-beta.454", 0), (NEW, 0), ("", 0)]
)
def test_before_beta454_finished_may_still_turn(
    wire: responses.RequestsMock, version: str, hold: float
) -> None:
    serve_row(wire, "deployment_state_finished", WEB)
    assert server(version=version).poll(Handle(WEB, "abc")).stable_for == hold


# --- a webhook that deploys, too

SHA = "1111111111222222222233333333334444444444"


ADOPTED = Handle(WEB, "abc", owner=Owner.OTHERS)
OURS = Handle(WEB, "abc")


@pytest.mark.parametrize(
    ("handle", "options", "webhooks", "changes", "told"),
    [
        pytest.param(OURS, {}, {SHA}, {"commit": SHA}, poll.AUTO_DEPLOY, id="the-same-commit"),
        pytest.param(
            OURS,
            {"command": Command.START},
            {SHA},
            {"commit": SHA},
            poll.AUTO_DEPLOY,
            id="start-is-to-deploy",
        ),
        pytest.param(
            OURS,
            {"command": Command.RESTART},
            {SHA},
            {"commit": SHA},
            "",
            id="a-restart-deploys-nothing-twice",
        ),
        pytest.param(OURS, {}, {"2" * 40}, {"commit": SHA}, "", id="another-commit"),
        pytest.param(OURS, {}, {"HEAD"}, {"commit": "HEAD"}, "", id="not-known-yet"),
        pytest.param(OURS, {}, set(), {"commit": SHA}, "", id="no-webhook"),
        pytest.param(
            OURS, {}, set(), {"is_webhook": True, "is_api": False}, "", id="ours-whatever-the-row-says"
        ),
        pytest.param(
            ADOPTED,
            {},
            set(),
            {"is_webhook": True, "is_api": False},
            poll.AUTO_ADOPTED,
            id="a-webhook-was-quicker",
        ),
        pytest.param(ADOPTED, {}, {SHA}, {"commit": SHA}, "", id="somebody-was-quicker"),
    ],
)
@pytest.mark.parametrize("status", ["queued", "in_progress", "finished", "failed"])
def test_who_deploys_what_a_webhook_deploys_too_is_told(  # noqa: PLR0913, PLR0917 -- a row of the table
    wire: responses.RequestsMock,
    handle: Handle,
    options: Row,
    webhooks: set[str],
    changes: Row,
    told: str,
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
    assert [each for each in warnings if "webhook" in each] == ([told] if told else [])


def test_who_deploys_what_a_webhook_deploys_too_is_told_what_to_do() -> None:
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
OF_OLD_PIN = Handle(application_of(OLD_PIN), OLD_PIN["deployment_uuid"])


@pytest.mark.parametrize(
    ("row", "version", "options", "pin", "commit"),
    [
        pytest.param(OLD_PIN, "4.0.0-beta.463", {}, PIN, PIN, id="beta463-shows-the-branch-s-head"),
        pytest.param(OLD_PIN, "4.0.0-beta.463", {}, "HEAD", HEAD_SHA, id="nothing-is-pinned"),
        pytest.param(OLD_PIN, "4.0.0-beta.463", {}, None, HEAD_SHA, id="nothing-is-known-of-a-pin"),
        pytest.param(OLD_PIN, "4.1.2", {}, PIN, HEAD_SHA, id="where-a-pin-is-ignored-the-head-is-built"),
        pytest.param(
            {**OLD_PIN, "logs": "[]"}, "4.0.0-beta.463", {}, PIN, "", id="nothing-was-checked-out-yet"
        ),
        pytest.param(
            {**OLD_PIN, "commit": "HEAD"}, "4.0.0-beta.463", {}, PIN, "", id="git-was-not-asked-yet"
        ),
        pytest.param(
            without(OLD_PIN, "logs"), "4.0.0-beta.463", {}, PIN, "", id="no-log-and-perhaps-an-earlier-build"
        ),
        pytest.param(
            {**without(OLD_PIN, "logs"), "force_rebuild": True},
            "4.0.0-beta.463",
            {},
            PIN,
            PIN,
            id="no-log-but-no-cache",
        ),
        pytest.param(
            {**OLD_PIN, "pull_request_id": 7},
            "4.0.0-beta.463",
            {"pr": 7},
            PIN,
            HEAD_SHA,
            id="a-preview-has-no-pin",
        ),
    ],
)
@pytest.mark.parametrize("ours", [False, True], ids=["it-was-pinned-before", "this-run-has-pinned-it"])
def test_the_commit_is_the_one_that_was_checked_out(  # noqa: PLR0913, PLR0917 -- a row of the table
    wire: responses.RequestsMock,
    row: Row,
    version: str,
    options: Row,
    pin: str | None,
    commit: str,
    *,
    ours: bool,
) -> None:
    """coolify-api 17.2: before beta.464 the row of a pinned commit shows the branch's head, but the pinned one is checked out."""
    serve(wire, "GET", f"/deployments/{OF_OLD_PIN.id}", "deployment_state_finished", body=row)
    coolify = server(
        version=version,
        known={OF_OLD_PIN.target: Resource(APPLICATION, {} if ours else {"git_commit_sha": pin})},
        **options,
    )
    coolify.lookup.get(OF_OLD_PIN.target).progress.pinned_commit = (pin or "") if ours else ""
    assert coolify.poll(OF_OLD_PIN).commit == commit


# --- additional servers

LAST = polls("sequence_multiserver_main")[-1]
MAIN = Handle(WORKER, LAST["deployment_uuid"])
SECOND = next(row for row in body("app_deployments_multiserver")["deployments"] if row["id"] == 72)
MISSING = poll.MISSING_OTHERS


def looked_at_main(
    wire: responses.RequestsMock, row: Row, *, servers: int = 1, handle: Handle = MAIN, **fields: Any
) -> Snapshot:
    serve(wire, "GET", f"/deployments/{handle.id}", "deployment_state_finished", body=row)
    known = {WORKER: Resource(APPLICATION, {"additional_servers_count": servers}, has_history=True)}
    return server(known=known, **fields).poll(handle)


def found(seen: Snapshot) -> list[tuple[str, str, str]]:
    return [(each.id, each.server, each.link) for each in seen.follow_ups]


THE_SECOND = [(SECOND["deployment_uuid"], "second", BASE + SECOND["deployment_url"])]


def test_additional_servers_are_read_in_the_log(wire: responses.RequestsMock) -> None:
    seen = looked_at_main(wire, LAST)
    assert (found(seen), seen.warnings) == (THE_SECOND, ())
    assert asked(wire) == [f"GET /deployments/{MAIN.id}"]


def test_additional_servers_are_found_in_the_list_by_who_may_not_read_the_log(
    wire: responses.RequestsMock,
) -> None:
    """coolify-api 7.7: other server, nobody's, born with the end of the first one."""
    serve(wire, "GET", f"/deployments/applications/{WORKER}", "app_deployments_multiserver")
    seen = looked_at_main(wire, without(LAST, "logs"))
    assert (found(seen), seen.warnings) == (THE_SECOND, ())
    assert asked(wire) == [f"GET /deployments/{MAIN.id}", f"GET /deployments/applications/{WORKER}?take=20"]


@pytest.mark.parametrize("finished_at", [LAST["finished_at"], None])
def test_additional_servers_that_the_log_does_not_name_are_found_in_the_list(
    wire: responses.RequestsMock, finished_at: str | None
) -> None:
    """Two processes write the log, and a line may be lost (coolify-api 6.1)."""
    serve(wire, "GET", f"/deployments/applications/{WORKER}", "app_deployments_multiserver")
    seen = looked_at_main(wire, {**LAST, "logs": "[]", "finished_at": finished_at})
    assert (found(seen), seen.warnings) == (THE_SECOND, ())


def test_of_two_additional_servers_the_one_that_the_log_names_is_followed_once(
    wire: responses.RequestsMock,
) -> None:
    listed = body("app_deployments_multiserver")["deployments"]
    third = {**SECOND, "id": 73, "deployment_uuid": "third", "server_id": 7, "server_name": "third"}
    serve(
        wire,
        "GET",
        f"/deployments/applications/{WORKER}",
        "app_deployments_multiserver",
        body=listing(third, *listed),
    )
    seen = looked_at_main(wire, LAST, servers=2)
    assert (found(seen), seen.warnings) == (
        [*THE_SECOND, ("third", "third", BASE + third["deployment_url"])],
        (),
    )


@pytest.mark.parametrize(
    "name", ["maintenance_503", "app_deployments_unknown", "transport_proxy_traefik_404"]
)
def test_a_list_that_can_not_be_read_hides_no_additional_server_that_the_log_names(
    wire: responses.RequestsMock, name: str
) -> None:
    serve(wire, "GET", f"/deployments/applications/{WORKER}", name)
    serve(wire, "GET", "/deployments", "maintenance_503")
    wire.assert_all_requests_are_fired = False
    seen = looked_at_main(wire, LAST, servers=2)
    assert (found(seen), seen.warnings) == (THE_SECOND, (MISSING.format(2, 1),))


def test_where_the_list_can_not_be_read_additional_servers_are_found_among_all_that_are_going(
    wire: responses.RequestsMock,
) -> None:
    serve(wire, "GET", f"/deployments/applications/{WORKER}", "maintenance_503")
    serve(wire, "GET", "/deployments", "deployments_list_read", body=[SECOND])
    assert found(looked_at_main(wire, without(LAST, "logs"))) == THE_SECOND


def test_of_the_list_only_what_came_of_this_deployment_is_an_additional_server_s(
    wire: responses.RequestsMock,
) -> None:
    listed = body("app_deployments_multiserver")["deployments"]
    earlier = {**SECOND, "id": 69, "deployment_uuid": "earlier", "created_at": "2026-11-21T05:41:55.000000Z"}
    later = {**listed[1], "id": 73, "deployment_uuid": "later", "created_at": "2026-11-21T05:42:57.000000Z"}
    serve(
        wire,
        "GET",
        f"/deployments/applications/{WORKER}",
        "app_deployments_multiserver",
        body=listing(later, *listed, earlier),
    )
    assert found(looked_at_main(wire, without(LAST, "logs"))) == THE_SECOND


def test_additional_servers_that_are_not_found_are_told(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/deployments/applications/{WORKER}", "app_deployments_multiserver")
    seen = looked_at_main(wire, without(LAST, "logs"), servers=2)
    assert (found(seen), seen.warnings) == (THE_SECOND, (MISSING.format(2, 1),))


def test_where_there_is_no_list_additional_servers_are_told_and_not_followed(
    wire: responses.RequestsMock,
) -> None:
    serve(wire, "GET", f"/deployments/applications/{WORKER}", "v4.0.0-beta.380_app_deployments")
    serve(wire, "GET", "/deployments", "deployments_list_empty")
    seen = looked_at_main(wire, without(LAST, "logs"), version="4.0.0-beta.400")
    assert (found(seen), seen.warnings) == ([], (MISSING.format(1, 0),))


@pytest.mark.parametrize(
    ("row", "servers", "warnings"),
    [
        pytest.param({**LAST, "logs": "[]"}, 0, (), id="there-are-none"),
        pytest.param({**without(LAST, "logs"), "status": "in_progress"}, 1, (), id="it-is-not-finished"),
        pytest.param({**without(LAST, "logs"), "status": "failed"}, 1, (), id="it-failed"),
        pytest.param(without(LAST, "logs"), 0, (), id="there-are-none-and-no-log"),
    ],
)
def test_additional_servers_are_looked_for_once_they_can_be_there(
    wire: responses.RequestsMock, row: Row, servers: int, warnings: tuple[str, ...]
) -> None:
    seen = looked_at_main(wire, row, servers=servers)
    assert (found(seen), seen.warnings) == ([], warnings)
    assert len(wire.calls) == 1


def test_an_additional_server_has_none_of_its_own(wire: responses.RequestsMock) -> None:
    handle = Handle(WORKER, SECOND["deployment_uuid"], server="second")
    seen = looked_at_main(wire, SECOND, handle=handle)
    assert (found(seen), seen.warnings, seen.server) == ([], (), "second")


def test_the_additional_servers_of_an_adopted_one_are_adopted_too(wire: responses.RequestsMock) -> None:
    """Nothing of somebody else's is ever cancelled."""
    seen = looked_at_main(wire, LAST, handle=replace(MAIN, owner=Owner.OTHERS, started_by=WEBHOOK))
    assert [(each.adopted, each.started_by, each.server) for each in seen.follow_ups] == [
        (True, WEBHOOK, "second")
    ]


def test_a_preview_is_deployed_to_the_first_server_only(wire: responses.RequestsMock) -> None:
    seen = looked_at_main(wire, without(LAST, "logs"), pr=7)
    assert (found(seen), seen.warnings) == ([], ())


# --- what is asked of the application afterwards


@pytest.mark.parametrize(
    ("texts", "options", "proof"),
    [
        pytest.param([], {}, True, id="auto"),
        pytest.param([resource_status.HEALTHY], {}, False, id="auto-and-coolify-checked"),
        pytest.param(
            [entry(resource_status.HEALTHY, hidden=True)], {}, False, id="auto-and-coolify-checked-hidden"
        ),
        pytest.param(
            [entry(resource_status.HEALTHY, command="npm run build")], {}, True, id="auto-and-a-build-says-so"
        ),
        pytest.param([f"{resource_status.HEALTHY} Really."], {}, True, id="auto-and-other-words"),
        pytest.param([], {"verify_health": "true"}, True, id="true"),
        pytest.param(
            [resource_status.HEALTHY], {"verify_health": "true"}, True, id="true-although-coolify-checked"
        ),
        pytest.param([], {"verify_health": "false"}, False, id="false"),
        pytest.param([], {"pr": 7}, False, id="a-preview-has-no-status"),
        pytest.param(
            [], {"pr": 7, "verify_health": "true"}, False, id="a-preview-has-no-status-whatever-is-asked"
        ),
        pytest.param([], {"wait": False}, False, id="nobody-waits"),
        pytest.param([], {"command": Command.RESTART}, True, id="a-restart"),
    ],
)
def test_after_a_deployment_the_application_s_status_is_the_proof(
    wire: responses.RequestsMock, texts: list[str | Row], options: Row, *, proof: bool
) -> None:
    serve_row(wire, "deployment_state_finished", body=finished(*texts))
    seen = server(**options).poll(Handle(APP, "abc"))
    assert seen.health_check == (Handle(APP, "", condition=HEALTH) if proof else None)


@pytest.mark.parametrize("status", ["queued", "in_progress", "failed", "cancelled-by-user", "exploded"])
def test_nothing_is_proven_of_what_did_not_finish(wire: responses.RequestsMock, status: str) -> None:
    serve_row(wire, "deployment_state_finished", body={**finished(), "status": status})
    assert server(verify_health="true").poll(Handle(APP, "abc")).health_check is None


def test_nothing_is_proven_after_a_post_deployment_command_that_failed(wire: responses.RequestsMock) -> None:
    serve_row(wire, "deployment_state_finished", body=finished("Post-deployment command failed."))
    seen = server(verify_health="true").poll(Handle(APP, "abc"))
    assert (seen.phase, seen.health_check) == (Phase.UNVERIFIED, None)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"verify_health": "true", "pr": 7}, True),
        ({"verify_health": "true"}, False),
        ({"pr": 7}, False),
        ({"verify_health": "false", "pr": 7}, False),
    ],
)
def test_who_asks_for_the_proof_of_a_preview_is_told_that_there_is_none(
    wire: responses.RequestsMock, options: Row, *, told: bool
) -> None:
    serve_row(wire, "deployment_get_queued")
    assert (poll.PREVIEW_STATUS_UNAVAILABLE in server(**options).poll(Handle(APP, "abc")).warnings) is told


# --- a status


def test_what_coolify_s_own_health_check_said_is_remembered(wire: responses.RequestsMock) -> None:
    """`running:unhealthy` right after it passed is no failure (coolify-api 8 trap 2)."""
    row = {**body("app_get_read"), "uuid": APP, "status": "running:unhealthy", "health_check_enabled": True}
    for _ in range(2):
        serve(wire, "GET", f"/applications/{APP}", "app_get_read", body=row)
    serve_row(wire, "deployment_state_finished", body=finished(resource_status.HEALTHY))
    coolify = server(verify_health="true")
    assert coolify.poll(Handle(APP, "", condition=HEALTH)).phase is Phase.RUNNING
    serve_row(wire, "deployment_state_finished", body=without(finished(), "logs"))
    for _ in range(2):
        coolify.poll(Handle(APP, "abc"))
    assert coolify.poll(Handle(APP, "", condition=HEALTH)).phase is Phase.SUCCEEDED


@pytest.mark.parametrize(
    ("kind", "uuid", "name", "aspect", "phase"),
    [
        pytest.param(
            APPLICATION, WEB, "app_get_read", HEALTH, Phase.FAILED, id="an-application-after-its-deployment"
        ),
        pytest.param(
            APPLICATION, WEB, "app_get_read", STOPPED, Phase.SUCCEEDED, id="an-application-that-is-stopped"
        ),
        pytest.param(
            SERVICE, STACK, "service_after_deploy", RUNNING, Phase.RUNNING, id="a-service-that-starts"
        ),
        pytest.param(SERVICE, STACK, "service_get", STOPPED, Phase.SUCCEEDED, id="a-service-that-is-stopped"),
        pytest.param(DATABASE, PG, "database_get", RUNNING, Phase.FAILED, id="a-database-that-is-down"),
    ],
)
def test_a_status_is_read_of_the_resource_s_own_kind(  # noqa: PLR0913, PLR0917 -- a row of the table
    wire: responses.RequestsMock, kind: str, uuid: str, name: str, aspect: str, phase: Phase
) -> None:
    serve(wire, "GET", f"/{kind}s/{uuid}", name)
    seen = server(known={uuid: Resource(kind, {"status": "running:healthy"})}).poll(
        Handle(uuid, "", condition=aspect)
    )
    assert (seen.phase, seen.raw_status) == (phase, body(name)["status"])
    assert asked(wire) == [f"GET /{kind}s/{uuid}"]


def test_running_is_fresh_once_it_was_seen_to_go_down(wire: responses.RequestsMock) -> None:
    """Until then it may be what was known before the restart."""
    for status in ("running:healthy", "starting:unhealthy", "running:healthy", "exited", "running:healthy"):
        serve(
            wire, "GET", f"/services/{STACK}", "service_get", body={**body("service_get"), "status": status}
        )
    coolify = server(known={STACK: Resource(SERVICE, {"status": "running:healthy"})})
    seen = [coolify.poll(Handle(STACK, "", condition=RUNNING)) for _ in range(5)]
    assert [(each.phase, each.stable_for) for each in seen] == [
        (Phase.SUCCEEDED, 75),
        (Phase.RUNNING, 0),
        (Phase.SUCCEEDED, 75),
        (Phase.FAILED, 180),
        (Phase.SUCCEEDED, 15),
    ]


@pytest.mark.parametrize("name", ["unauth_bad", "app_get_unknown", "service_404"])
def test_a_status_that_is_refused_is_refused(wire: responses.RequestsMock, name: str) -> None:
    serve(wire, "GET", f"/services/{STACK}", name)
    with pytest.raises(RefusedError):
        server(known={STACK: Resource(SERVICE)}).poll(Handle(STACK, "", condition=RUNNING))


@pytest.mark.parametrize("text", [[], {}, {"status": None}, {"status": 5}])
@pytest.mark.parametrize("aspect", [RUNNING, STOPPED, HEALTH])
def test_a_status_of_another_shape_is_no_news(wire: responses.RequestsMock, text: Any, aspect: str) -> None:
    wire.get(f"{API}/services/{STACK}", json=text)
    with pytest.raises(UnavailableError):
        server(known={STACK: Resource(SERVICE)}).poll(Handle(STACK, "", condition=aspect))


# --- a body that is too large


class Large(Http):
    """A server whose deployments are too large to be read: of each only the ends of PHP's JSON are there."""

    def __init__(self, row: Row) -> None:
        super().__init__(API, token=TOKEN, user_agent=AGENT, monotonic=lambda: 0.0)
        self._text = json.dumps(row, separators=(",", ":")).replace("/", "\\/")

    def send(self, method: str, path: str, params: Mapping[str, str] | None = None, **more: Any) -> Response:
        if path != "/deployments/abc":
            return super().send(method, path, params, **more)
        error = TooLargeError("the response is larger than 64 MiB", may_have_arrived=True, from_server=True)
        error.head, error.tail = self._text[:8000], self._text[-8000:]
        raise error


def looked_at_large(row: Row, version: str = NEW, **seen: Any) -> Snapshot:
    http = Large(row)
    coolify = CoolifyProvider(Client(http, http), BASE, QUIET)
    coolify.lookup.version = Version(version)
    coolify.lookup.resources[WEB] = Resource(APPLICATION, seen, has_history=True)
    return coolify.poll(Handle(WEB, "abc"))


TALKATIVE = json.dumps([entry('"status":"failed" \\"status\\":\\"failed\\"' + "x" * 9000)])
LARGE_ROW = {
    **about(body("deployment_state_finished"), WEB),
    "finished_at": "2026-11-21T05:39:27.000000Z",
    "logs": TALKATIVE,
}


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        pytest.param(
            {"status": "in_progress", "finished_at": None}, (Phase.RUNNING, "in_progress", 0), id="running"
        ),
        pytest.param({}, (Phase.SUCCEEDED, "finished", 0), id="finished"),
        pytest.param({"finished_at": None}, (Phase.SUCCEEDED, "finished", 10), id="finished-and-not-settled"),
        pytest.param({"status": "failed"}, (Phase.FAILED, "failed", 0), id="failed"),
        pytest.param(
            {"status": "cancelled-by-user", "finished_at": None},
            (Phase.CANCELLED, "cancelled-by-user", 10),
            id="cancelled",
        ),
    ],
)
def test_of_a_body_that_is_too_large_the_status_still_counts(
    fields: Row, seen: tuple[Phase, str, float]
) -> None:
    snapshot = looked_at_large({**LARGE_ROW, **fields})
    assert (snapshot.phase, snapshot.raw_status, snapshot.stable_for, snapshot.warnings) == (
        *seen,
        (poll.LOG_TOO_LARGE,),
    )


def test_a_body_that_is_too_large_does_not_end_the_wait_for_the_post_deployment_command() -> None:
    assert (
        looked_at_large({**LARGE_ROW, "finished_at": None}, post_deployment_command="migrate").stable_for
        == math.inf
    )


def test_a_body_that_is_too_large_on_a_version_without_an_end_is_believed_after_ten_seconds() -> None:
    assert looked_at_large(without(LARGE_ROW, "finished_at")).stable_for == 10


def test_a_body_that_is_too_large_may_still_turn_before_beta454() -> None:
    assert looked_at_large(LARGE_ROW, "4.0.0-beta.453").stable_for == 10


def test_a_body_that_is_too_large_does_not_hide_that_there_are_additional_servers(
    wire: responses.RequestsMock,
) -> None:
    wire.assert_all_requests_are_fired = False
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_empty")
    assert MISSING.format(1, 0) in looked_at_large(LARGE_ROW, additional_servers_count=1).warnings


def test_a_body_that_is_too_large_and_no_deployment_is_no_news() -> None:
    with pytest.raises(TooLargeError):
        looked_at_large({"x": "y" * 9000})
