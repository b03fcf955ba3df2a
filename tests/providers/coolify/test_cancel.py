"""Active deployments, and how each version responds to a cancel (coolify-api 5.5, 17.1)."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import responses

from deployer.model import Handle, RefusedError, UnavailableError
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.triggering import trigger_requests
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, DATABASE, SERVICE
from deployer.providers.coolify.watching.resource_status import HEALTH, RUNNING, STOPPED
from tests.providers.coolify.support import (
    API,
    BASE,
    DOCS,
    IMG,
    NEW,
    PG,
    STACK,
    WEB,
    WORKER,
    Row,
    body,
    deployed,
    requests_sent,
    serve,
    server,
)

# --- active deployments

ACTIVE = {row["id"]: row for row in body("deployments_list_read").values()}


def ids(*numbers: int) -> list[str]:
    return [ACTIVE[number]["deployment_uuid"] for number in numbers]


@pytest.mark.parametrize(
    ("uuid", "numbers"),
    [
        pytest.param(WEB, (1, 2, 3, 4, 5, 6), id="one-running-and-five-queued"),
        pytest.param(WORKER, (7,), id="one-running"),
        pytest.param(IMG, (8, 9), id="two-queued"),
        pytest.param(DOCS, (10,), id="one-queued"),
        pytest.param(PG, (), id="none"),
    ],
)
def test_only_the_application_s_own_deployments_are_listed(
    wire: responses.RequestsMock, uuid: str, numbers: tuple[int, ...]
) -> None:
    """The recorded list is an object whose keys are out of order (coolify-api 5.5)."""
    serve(wire, "GET", "/deployments", "deployments_list_read")
    found = server(known={uuid: Resource(APPLICATION)}).active(uuid)
    assert [handle.id for handle in found] == ids(*numbers)
    assert {(handle.target, handle.adopted, handle.started_by) for handle in found} <= {
        (uuid, True, "somebody started through the API")
    }
    assert [handle.link for handle in found] == [
        BASE + ACTIVE[number]["deployment_url"] for number in numbers
    ]
    assert requests_sent(wire) == ["GET /deployments"]


@pytest.mark.parametrize(
    ("pr", "records", "found"),
    [
        pytest.param(
            0,
            [deployed(3), deployed(9, status="in_progress"), deployed(2), deployed(8, status="in_progress")],
            ["d8", "d9", "d2", "d3"],
            id="running-first-then-oldest",
        ),
        pytest.param(0, [deployed(3), deployed(4, pull_request_id=7)], ["d3", "d4"], id="with-previews"),
        pytest.param(
            7,
            [deployed(3), deployed(4, pull_request_id=7), deployed(5, pull_request_id=8)],
            ["d4"],
            id="only-this-preview",
        ),
        pytest.param(0, [None, 5, {}, deployed(3)], ["d3"], id="among-invalid-records"),
        pytest.param(0, {"1": deployed(3), "0": deployed(4)}, ["d3", "d4"], id="object"),
        pytest.param(0, [], [], id="none"),
    ],
)
def test_deployments_are_cancelled_in_this_order(
    wire: responses.RequestsMock, pr: int, records: Any, found: list[str]
) -> None:
    serve(wire, "GET", "/deployments", "deployments_list_read", body=records)
    assert [handle.id for handle in server(pr=pr).active(WEB)] == found


@pytest.mark.parametrize(
    ("changes", "started_by"),
    [
        ({}, "somebody started through the API"),
        ({"is_api": False}, "somebody started in Coolify"),
        ({"is_api": False, "is_webhook": True}, "a webhook started"),
    ],
)
def test_each_deployment_says_who_started_it(
    wire: responses.RequestsMock, changes: Row, started_by: str
) -> None:
    serve(wire, "GET", "/deployments", "deployments_list_read", body=[deployed(3, **changes)])
    assert [handle.started_by for handle in server().active(WEB)] == [started_by]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param(
            {"known": {WEB: Resource(SERVICE)}},
            "a service has no deployments to cancel; `command: stop` stops it",
            id="service",
        ),
        pytest.param({"known": {WEB: Resource(DATABASE)}}, "a database has no deployments", id="database"),
        pytest.param(
            {"wait": False, "write_only": True},
            "the deployments to cancel can't be listed: the token may not read",
            id="token-without-read",
        ),
    ],
)
def test_if_nothing_can_be_cancelled_no_request_is_sent(
    wire: responses.RequestsMock, fields: Row, words: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        server(**fields).active(WEB)
    assert words in caught.value.reason
    assert caught.value.token_wide is False
    assert len(wire.calls) == 0


@pytest.mark.parametrize(
    ("version", "can"),
    [("4.0.0-beta.435", False), ("4.0.0-beta.436", True), ("4.0.0", True), (NEW, True), ("", True)],
)
def test_before_beta436_active_deployments_can_not_be_cancelled(
    wire: responses.RequestsMock, version: str, *, can: bool
) -> None:
    serve(wire, "GET", "/deployments", "deployments_list_read")
    if can:
        assert len(server(version=version).active(DOCS)) == 1
        return
    with pytest.raises(RefusedError) as caught:
        server(version=version).active(DOCS)
    assert (caught.value.reason, caught.value.token_wide) == (trigger_requests.NO_CANCEL, False)


@pytest.mark.parametrize("version", ["4.0.0-beta.380", "4.0.0-beta.435", NEW])
def test_without_active_deployments_there_is_nothing_to_cancel_on_any_version(
    wire: responses.RequestsMock, version: str
) -> None:
    serve(wire, "GET", "/deployments", "deployments_list_empty")
    assert server(version=version).active(WEB) == ()


def test_a_failed_request_is_not_an_empty_list(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", "/deployments", "maintenance_503")
    with pytest.raises(UnavailableError):
        server().active(WEB)


# --- the cancel

CANCELLED = "cancelled"


@pytest.mark.parametrize(
    ("version", "name", "then", "result"),
    [
        pytest.param("4.0.0-beta.463", "v4.0.0-beta.463_cancel", "", CANCELLED, id="beta463"),
        pytest.param(
            "4.0.0-beta.463",
            "v4.0.0-beta.463_cancel_server_unreachable",
            "v4.0.0-beta.463_cancel_server_unreachable_then_get",
            CANCELLED,
            id="beta463-no-ssh",
        ),
        pytest.param("4.0.0", "v4.0.0_cancel", "", CANCELLED, id="4.0.0"),
        pytest.param(
            "4.0.0",
            "v4.0.0_cancel_server_unreachable",
            "v4.0.0_cancel_server_unreachable_then_get",
            CANCELLED,
            id="4.0.0-no-ssh",
        ),
        pytest.param(
            "4.0.0", "v4.0.0_cancel_again", "", "already over (cancelled-by-user)", id="4.0.0-again"
        ),
        pytest.param(
            "4.1.2", "v4.1.2_cancel", "v4.1.2_cancel_then_get", CANCELLED, id="4.1.2-undefined-variable"
        ),
        pytest.param(
            "4.1.2",
            "v4.1.2_cancel_server_unreachable",
            "v4.1.2_cancel_server_unreachable_then_get",
            CANCELLED,
            id="4.1.2-no-ssh",
        ),
        pytest.param(
            "4.2.0", "v4.2.0_cancel", "v4.2.0_cancel_then_get", CANCELLED, id="4.2.0-undefined-variable"
        ),
        pytest.param(
            "4.3.6", "v4.3.6_cancel", "v4.3.6_cancel_then_get", CANCELLED, id="4.3.6-undefined-variable"
        ),
        pytest.param(
            "4.3.6",
            "v4.3.6_cancel_server_unreachable",
            "v4.3.6_cancel_server_unreachable_then_get",
            CANCELLED,
            id="4.3.6-no-ssh",
        ),
        pytest.param(
            "4.3.6", "v4.3.6_cancel_again", "", "already over (cancelled-by-user)", id="4.3.6-again"
        ),
        pytest.param("4.3.7", "cancel_queued_200", "", CANCELLED, id="4.3.7-starts-next-one"),
        pytest.param(NEW, "cancel_queued_200", "", CANCELLED, id="queued"),
        pytest.param(NEW, "cancel_in_progress_200", "", CANCELLED, id="handed-to-worker"),
        pytest.param(NEW, "cancel_in_progress_ssh", "", CANCELLED, id="while-ssh-worked"),
        pytest.param(NEW, "cancel_while_running", "", CANCELLED, id="running"),
        pytest.param(NEW, "cancel_server_unreachable_200", "", CANCELLED, id="no-ssh"),
        pytest.param(
            NEW, "cancel_terminal_400", "", "already over (cancelled-by-user)", id="already-cancelled"
        ),
        pytest.param(NEW, "cancel_again_400", "", "already over (cancelled-by-user)", id="twice"),
        pytest.param("4.4-rc.1", "v4.4-rc.1_cancel", "", CANCELLED, id="4.4-rc.1"),
        pytest.param("4.4-rc.1", "v4.4-rc.1_cancel_server_unreachable", "", CANCELLED, id="4.4-rc.1-no-ssh"),
        pytest.param(
            "4.4-rc.1", "v4.4-rc.1_cancel_again", "", "already over (cancelled-by-user)", id="4.4-rc.1-again"
        ),
        pytest.param("", "cancel_queued_200", "", CANCELLED, id="unknown-version"),
        pytest.param(
            "4.3.6", "deploy_body_list_500_star", "v4.3.6_cancel_then_get", CANCELLED, id="500-in-html"
        ),
    ],
)
def test_the_response_of_each_version_to_a_cancel_is_read(
    wire: responses.RequestsMock, version: str, name: str, then: str, result: str
) -> None:
    """After a 500 the status is read: it was set before the slow work. Before 4.3.7, the queue stalls."""
    serve(wire, "POST", "/deployments/abc/cancel", name)
    if then:
        serve(wire, "GET", "/deployments/abc", then)
    assert server(version=version).cancel(Handle(WEB, "abc"), timeout=1) == result
    assert requests_sent(wire) == [
        "POST /deployments/abc/cancel",
        *(["GET /deployments/abc"] if then else []),
    ]
    assert {call.request.req_kwargs["timeout"] for call in wire.calls} == {(1, 1)}  # type: ignore[attr-defined]
    assert wire.calls[0].request.body is None


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        pytest.param(
            "v4.3.6_cancel",
            {},
            "(HTTP 500: Failed to cancel deployment: Undefined variable $application)",
            id="500",
        ),
        pytest.param("maintenance_503", {}, "(HTTP 503: Service Unavailable)", id="503"),
        pytest.param("deploy_body_list_500_star", {}, "(HTTP 500)", id="500-in-html"),
    ],
)
@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_after_a_500_an_active_deployment_was_not_cancelled(
    wire: responses.RequestsMock, name: str, changes: Row, words: str, status: str
) -> None:
    """Coolify sets the status first: if it is not set, nothing was cancelled."""
    serve(wire, "POST", "/deployments/abc/cancel", name, **changes)
    serve(
        wire,
        "GET",
        "/deployments/abc",
        "deployment_get_queued",
        body={**body("deployment_get_queued"), "status": status},
    )
    with pytest.raises(UnavailableError) as caught:
        server().cancel(Handle(WEB, "abc"))
    assert caught.value.reason == f"Coolify did not cancel it {words}"
    assert (caught.value.from_server, caught.value.may_have_arrived) == (True, False)


@pytest.mark.parametrize("status", ["finished", "failed", "exploded"])
def test_after_a_500_another_final_status_does_not_confirm_the_cancel(
    wire: responses.RequestsMock, status: str
) -> None:
    serve(wire, "POST", "/deployments/abc/cancel", "v4.3.6_cancel")
    serve(
        wire,
        "GET",
        "/deployments/abc",
        "deployment_get_queued",
        body={**body("deployment_get_queued"), "status": status},
    )
    assert server().cancel(Handle(WEB, "abc")) == "cancel sent, not confirmed"


def test_a_deployment_that_does_not_exist_needs_no_cancel(wire: responses.RequestsMock) -> None:
    """Probably a phantom: nothing of ours is running."""
    serve(wire, "POST", "/deployments/abc/cancel", "cancel_deploytoken_404")
    assert (
        server().cancel(Handle(WEB, "abc"))
        == "the deployment does not exist: it was never started, or it was deleted"
    )


def test_a_cancel_has_the_default_timeout(wire: responses.RequestsMock) -> None:
    serve(wire, "POST", "/deployments/abc/cancel", "cancel_queued_200")
    server().cancel(Handle(WEB, "abc"))
    assert wire.calls[0].request.req_kwargs["timeout"] == (5, 15)  # type: ignore[attr-defined]


QUEUE_STALLED = (
    "{} queued, although nothing is running on that server: "
    "after a cancel, Coolify before 4.3.7 does not start the next deployment. "
    "Deploy once with `force: true`, or clear the queue with `command: cancel`"
)
ONE, TWO = QUEUE_STALLED.format("1 deployment is still"), QUEUE_STALLED.format("2 deployments are still")


@pytest.mark.parametrize(
    ("version", "active", "sentence"),
    [
        pytest.param("4.1.2", [{"status": "queued"}], ONE, id="one-queued"),
        pytest.param(
            "4.3.6", [{"status": "queued"}, {"status": "queued", "server_id": 9}], TWO, id="on-two-servers"
        ),
        pytest.param("4.1.2", [], "", id="no-deployments"),
        pytest.param("4.1.2", [{"status": "in_progress"}], "", id="none-queued"),
        pytest.param(
            "4.1.2",
            [{"status": "queued"}, {"status": "in_progress"}],
            "",
            id="another-one-runs-on-that-server",
        ),
        pytest.param(
            "4.1.2",
            [{"status": "queued"}, {"status": "in_progress", "server_id": 9}],
            ONE,
            id="another-one-runs-elsewhere",
        ),
        pytest.param("4.3.7", [{"status": "queued"}], "", id="4.3.7-starts-next-one"),
        pytest.param("", [{"status": "queued"}], "", id="unknown-version"),
    ],
)
def test_a_stalled_queue_is_reported_once_if_something_is_queued(
    wire: responses.RequestsMock, version: str, active: list[Row], sentence: str
) -> None:
    serve(wire, "POST", "/deployments/abc/cancel", "cancel_queued_200")
    if version in {"4.1.2", "4.3.6"}:
        serve(
            wire,
            "GET",
            "/deployments",
            "deployments_list_read",
            body=[{**deployed(number), **row} for number, row in enumerate(active)],
        )
    coolify = server(version=version)
    assert coolify.left_waiting() == ""
    coolify.cancel(Handle(WEB, "abc"))
    assert coolify.left_waiting(timeout=1) == sentence
    coolify.cancel(Handle(WEB, "abc"))
    assert coolify.left_waiting() == ""


@pytest.mark.parametrize("version", ["4.0.0-beta.380", "4.0.0-beta.420", "4.0.0-beta.434"])
def test_before_beta436_nothing_can_be_cancelled(wire: responses.RequestsMock, version: str) -> None:
    serve(wire, "POST", "/deployments/abc/cancel", f"v{version}_cancel")
    with pytest.raises(RefusedError) as caught:
        server(version=version).cancel(Handle(WEB, "abc"))
    assert (caught.value.reason, caught.value.token_wide) == (trigger_requests.NO_CANCEL, False)
    assert (
        "can't cancel a deployment through its API (that needs 4.0.0-beta.436)" in trigger_requests.NO_CANCEL
    )


@pytest.mark.parametrize("condition", [RUNNING, STOPPED, HEALTH])
@pytest.mark.parametrize("uuid", [STACK, PG, WEB])
def test_what_is_not_a_deployment_can_not_be_cancelled(
    wire: responses.RequestsMock, uuid: str, condition: str
) -> None:
    assert server().cancel(Handle(uuid, "", condition=condition)) == "it continues: Coolify can't cancel it"
    assert len(wire.calls) == 0


def test_a_uuid_is_escaped_in_the_path(wire: responses.RequestsMock) -> None:
    serve(wire, "POST", "/deployments/..%2Fx/cancel", "cancel_queued_200")
    assert server().cancel(Handle(WEB, "../x")) == CANCELLED


@pytest.mark.parametrize("name", ["v4.3.6_cancel", "maintenance_503_star"])
@pytest.mark.parametrize(
    ("then", "changes"),
    [
        pytest.param("unauth_bad", {}, id="token-is-revoked"),
        pytest.param("deployment_get_deployonly_403", {}, id="token-may-not-read"),
        pytest.param("deployment_unknown", {}, id="not-found"),
        pytest.param("maintenance_503", {}, id="503"),
        pytest.param("maintenance_503_star", {}, id="503-html"),
        pytest.param("ratelimit_429", {}, id="429"),
        pytest.param("api_root", {}, id="redirect"),
        pytest.param("version", {}, id="text"),
        pytest.param("deployments_list_empty", {}, id="list"),
        pytest.param("deployment_get_cancelled", {"body": {"status": None}}, id="another-format"),
    ],
)
def test_a_failed_cancel_is_not_confirmed_if_the_status_can_not_be_read(
    wire: responses.RequestsMock, name: str, then: str, changes: Row
) -> None:
    """The cancel was sent: this is neither a refusal nor "not reached"."""
    serve(wire, "POST", "/deployments/abc/cancel", name)
    serve(wire, "GET", "/deployments/abc", then, **changes)
    assert server().cancel(Handle(WEB, "abc")) == "cancel sent, not confirmed"
    assert len(wire.calls) == 2


@pytest.mark.parametrize(
    "broken",
    [requests.exceptions.ConnectTimeout(), requests.exceptions.ReadTimeout(), requests.ConnectionError()],
    ids=repr,
)
def test_a_failed_cancel_is_not_confirmed_if_the_network_fails(
    wire: responses.RequestsMock, broken: Exception
) -> None:
    serve(wire, "POST", "/deployments/abc/cancel", "v4.3.6_cancel")
    wire.get(f"{API}/deployments/abc", body=broken)
    assert server().cancel(Handle(WEB, "abc"), timeout=1) == "cancel sent, not confirmed"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param(
            "cancel_other_team",
            "You do not have permission to cancel this deployment.",
            id="403-another-team",
        ),
        pytest.param("cancel_read_403", "Missing required permissions: deploy", id="403-missing-ability"),
    ],
)
def test_a_refused_cancel_has_a_reason(wire: responses.RequestsMock, name: str, words: str) -> None:
    serve(wire, "POST", "/deployments/abc/cancel", name)
    with pytest.raises(RefusedError) as caught:
        server().cancel(Handle(WEB, "abc"))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [{"status": 200}, {"status": 403}, {"status": 302}, {"status": 403, "body": {"message": "Forbidden"}}],
)
@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("cancelled-by-user", "cancelled"),
        ("finished", "cancel sent, not confirmed"),
        ("in_progress", None),
        ("queued", None),
    ],
)
def test_after_a_response_of_a_gateway_the_status_is_read(
    wire: responses.RequestsMock, changes: Row, status: str, result: str | None
) -> None:
    """It may have passed the cancel on; a deployment that is still active is cancelled again."""
    serve(wire, "POST", "/deployments/abc/cancel", "api_root", **changes)
    serve(
        wire,
        "GET",
        "/deployments/abc",
        "deployment_get_queued",
        body={**body("deployment_get_queued"), "status": status},
    )
    if result:
        assert server().cancel(Handle(WEB, "abc")) == result
    else:
        with pytest.raises(UnavailableError) as caught:
            server().cancel(Handle(WEB, "abc"))
        assert caught.value.may_have_arrived is False
