"""What a trigger without a response has started (architecture, rule 7)."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import responses

from deployer.http.client import TooLargeError
from deployer.model import AccessDenied, Command, Handle, Owner, RefusedError, Started, UnavailableError
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.triggering import find_triggered
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, DATABASE, SERVICE
from deployer.providers.coolify.watching.resource_status import RUNNING, STOPPED
from tests.providers.coolify.support import (
    API,
    APP,
    BASE,
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

START, RESTART, STOP = Command.START, Command.RESTART, Command.STOP
KNOWN = {WEB: Resource(APPLICATION, newest_id=10, has_history=True)}
"""Record 10 was the newest before the trigger."""

# --- in the application's deployment history

OURS = Started((Handle(WEB, "d11"),), "found on the server")
UNKNOWN_OWNER = "found on the server; this version of Coolify does not say who started it"
SEVERAL = "several were started at once: the oldest is followed"


@pytest.mark.parametrize(
    ("options", "records", "found"),
    [
        pytest.param({}, [deployed(11), deployed(10)], OURS, id="one"),
        pytest.param({}, [deployed(11, status="finished")], OURS, id="one-that-has-ended"),
        pytest.param(
            {},
            [deployed(13), deployed(12), deployed(11)],
            Started((Handle(WEB, "d11", owner=Owner.UNSURE),), SEVERAL),
            id="several",
        ),
        pytest.param({}, [], None, id="none"),
        pytest.param({}, [deployed(10), deployed(9)], None, id="none-newer"),
        pytest.param({}, [deployed(11, is_api=False, is_webhook=True)], None, id="webhook"),
        pytest.param({}, [deployed(11, is_api=False)], None, id="started-in-dashboard"),
        pytest.param(
            {},
            [deployed(12, pull_request_id=7), deployed(11), deployed(13, is_api=False)],
            OURS,
            id="one-among-others",
        ),
        pytest.param({}, [None, 5, deployed(11)], OURS, id="among-invalid-records"),
        pytest.param(
            {},
            [deployed(11), {**deployed(12), "id": "13"}, {**deployed(12), "id": None}],
            OURS,
            id="among-records-without-id",
        ),
        pytest.param({"force": True}, [deployed(11, force_rebuild=True)], OURS, id="force"),
        pytest.param({"force": True}, [deployed(11)], None, id="force-and-one-without"),
        pytest.param({}, [deployed(11, force_rebuild=True)], None, id="without-force-and-one-with"),
        pytest.param({"instant": True}, [deployed(11, status="in_progress")], OURS, id="instant"),
        pytest.param(
            {"instant": True, "force": True}, [deployed(11, force_rebuild=True)], OURS, id="instant-and-force"
        ),
        pytest.param({"command": START}, [deployed(11)], OURS, id="start"),
        pytest.param(
            {"command": START, "force": True}, [deployed(11, force_rebuild=True)], OURS, id="start-and-force"
        ),
        pytest.param({"command": RESTART}, [deployed(11, restart_only=True)], OURS, id="restart"),
        pytest.param(
            {"command": RESTART, "force": True},
            [deployed(11, restart_only=True)],
            OURS,
            id="restart-has-no-force",
        ),
        pytest.param({"command": RESTART}, [deployed(11)], None, id="restart-and-deployment"),
        pytest.param({}, [deployed(11, restart_only=True)], None, id="deployment-and-restart"),
        pytest.param({"pr": 7}, [deployed(11, pull_request_id=7)], OURS, id="preview"),
        pytest.param({"pr": 7}, [deployed(11, pull_request_id=8)], None, id="another-preview"),
        pytest.param({"pr": 7}, [deployed(11)], None, id="preview-and-application-itself"),
        pytest.param(
            {"pr": 7},
            [deployed(11, pull_request_id=7, is_api=False, is_webhook=True)],
            None,
            id="webhook-for-preview",
        ),
        pytest.param({}, [deployed(11, pull_request_id=7)], None, id="application-itself-and-preview"),
        pytest.param({}, [deployed(11, pull_request_id=None)], OURS, id="pull-request-null"),
    ],
)
def test_a_lost_trigger_is_found_among_newer_records_like_ours(
    wire: responses.RequestsMock, options: Row, records: list[Any], found: Started | None
) -> None:
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(*records))
    assert server(known=KNOWN, **options).find_triggered(WEB) == found
    assert requests_sent(wire) == [f"GET /deployments/applications/{WEB}?take=10"]


@pytest.mark.parametrize("version", ["4.0.0-beta.420", "4.0.0-beta.434"])
def test_a_lost_trigger_is_found_on_versions_that_do_not_mark_the_api(
    wire: responses.RequestsMock, version: str
) -> None:
    """`POST /deploy` has started record 3, but its `is_api` is false.

    Taken for somebody else's, it would be started twice.
    """
    response = body(f"v{version}_deploy_one")["deployments"][0]
    target, ours = response["resource_uuid"], response["deployment_uuid"]
    row = next(
        row for row in body(f"v{version}_app_deployments")["deployments"] if row["deployment_uuid"] == ours
    )
    assert (row["id"], row["is_api"], row["is_webhook"]) == (3, False, False)
    serve(
        wire,
        "GET",
        f"/applications/{target}",
        "v4.0.0-beta.380_app_get",
        body={**body("v4.0.0-beta.380_app_get"), "uuid": target},
    )
    older = listing({**row, "id": 2, "deployment_uuid": "older", "status": "finished"})
    for records in (older, listing(row, *older["deployments"])):
        serve(wire, "GET", f"/deployments/applications/{target}", f"v{version}_app_deployments", body=records)
    coolify = server(version=version)
    coolify.resolve(target)
    found = coolify.find_triggered(target)
    assert isinstance(found, Started)
    assert found == Started((Handle(target, ours, owner=Owner.UNSURE),), UNKNOWN_OWNER)
    assert [handle.link for handle in found.handles] == [BASE + row["deployment_url"]]


@pytest.mark.parametrize(
    ("version", "marks"),
    [
        ("4.0.0-beta.462", False),
        ("4.0.0-beta.463", True),
        ("4.0.0", True),
        ("4.3.10", True),
        ("4.4-rc.1", True),
        ("", True),
    ],
)
def test_on_versions_that_mark_the_api_the_only_record_is_ours(
    wire: responses.RequestsMock, version: str, *, marks: bool
) -> None:
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(deployed(11)))
    found = server(version=version, known=KNOWN).find_triggered(WEB)
    assert found == (OURS if marks else Started((Handle(WEB, "d11", owner=Owner.UNSURE),), UNKNOWN_OWNER))
    assert isinstance(found, Started)
    assert found.handles[0].link == BASE + deployed(11)["deployment_url"]


def test_several_records_are_reported_as_several_on_versions_that_do_not_mark_the_api(
    wire: responses.RequestsMock,
) -> None:
    active = [deployed(number, is_api=False) for number in (12, 11, 10)]
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=listing(*active))
    found = server(version="4.0.0-beta.462", known=KNOWN).find_triggered(WEB)
    assert found == Started((Handle(WEB, "d11", owner=Owner.UNSURE),), SEVERAL)


OLD_ROWS: list[Row] = list(body("v4.0.0-beta.380_deployments_list").values())


def old(number: int, **changes: Any) -> Row:
    """A record of `GET /deployments` as beta.380 returns it; `POST /deploy` has started record 2."""
    row = next(row for row in OLD_ROWS if row["id"] == 2)
    return {**row, "id": number, "deployment_uuid": f"d{number}", **changes}


OLD_OURS = Started((Handle(OLD_WEB, "d11", owner=Owner.UNSURE),), UNKNOWN_OWNER)
OTHER = old(12, deployment_url=old(12)["deployment_url"].replace(OLD_WEB, APP))


@pytest.mark.parametrize(
    ("active", "found"),
    [
        pytest.param([old(10), old(11)], OLD_OURS, id="one-in-array"),
        pytest.param({"1": old(11), "0": old(10)}, OLD_OURS, id="one-in-object"),
        pytest.param(
            {"0": old(12), "3": old(11), "1": old(10)},
            Started((Handle(OLD_WEB, "d11", owner=Owner.UNSURE),), SEVERAL),
            id="several",
        ),
        pytest.param([old(10)], AccessDenied(find_triggered.CANNOT_TELL), id="none-new"),
        pytest.param([], AccessDenied(find_triggered.CANNOT_TELL), id="none"),
        pytest.param([OTHER], AccessDenied(find_triggered.CANNOT_TELL), id="another-application"),
        pytest.param([OTHER, old(10), old(11)], OLD_OURS, id="one-among-another-application"),
        pytest.param([old(11, is_webhook=True)], AccessDenied(find_triggered.CANNOT_TELL), id="webhook"),
        pytest.param([old(11, pull_request_id=7)], AccessDenied(find_triggered.CANNOT_TELL), id="preview"),
        pytest.param(
            [old(11, force_rebuild=True)], AccessDenied(find_triggered.CANNOT_TELL), id="another-force"
        ),
    ],
)
def test_a_lost_trigger_before_beta402_is_found_among_active_deployments(
    wire: responses.RequestsMock, active: Any, found: Started
) -> None:
    serve(wire, "GET", "/deployments", "v4.0.0-beta.380_deployments_list", body=active)
    result = server(
        version="4.0.0-beta.380", known={OLD_WEB: Resource(APPLICATION, running_before=frozenset({"d10"}))}
    ).find_triggered(OLD_WEB)
    assert result == found
    if isinstance(result, Started):
        assert [handle.link for handle in result.handles] == [BASE + old(11)["deployment_url"]]
    assert requests_sent(wire) == ["GET /deployments"]


@pytest.mark.parametrize(
    ("options", "row"),
    [
        pytest.param({"command": RESTART}, {"restart_only": True}, id="restart"),
        pytest.param({"force": True}, {"force_rebuild": True}, id="force"),
        pytest.param({"pinned": True}, {"force_rebuild": True}, id="pinned"),
        pytest.param({"instant": True}, {"status": "in_progress"}, id="instant"),
    ],
)
def test_before_beta402_only_records_like_ours_are_found(
    wire: responses.RequestsMock, options: Row, row: Row
) -> None:
    serve(
        wire,
        "GET",
        "/deployments",
        "v4.0.0-beta.380_deployments_list",
        body=[old(11, **row), old(12, restart_only="force" in options)],
    )
    known = {OLD_WEB: Resource(APPLICATION, running_before=frozenset({"d12"}))}
    assert server(version="4.0.0-beta.380", known=known, **options).find_triggered(OLD_WEB) == OLD_OURS


# --- a history that is too large, or can't be read any more


def pages(wire: responses.RequestsMock, *records: Row | None) -> None:
    """The history can only be read one record at a time; None: not even that."""
    path = f"{API}/deployments/applications/{WEB}"
    too_large = TooLargeError("the response is larger than 64 MiB", may_have_arrived=True, from_server=True)
    matching = responses.matchers.query_param_matcher
    wire.get(path, body=too_large, match=[matching({"take": "10"})])
    for skip, row in enumerate(records):
        query = {"take": "1", **({"skip": str(skip)} if skip else {})}
        reply: Any = {"body": too_large} if row is None else {"json": listing(row)}
        wire.get(path, match=[matching(query)], **reply)
    wire.get(path, json=listing(), match=[matching({"take": "1", "skip": str(len(records))})])


ENDED = {"status": "finished"}


@pytest.mark.parametrize(
    ("records", "found", "read"),
    [
        pytest.param(
            [deployed(11), *(deployed(number, **ENDED) for number in (10, 9, 8, 7, 6))],
            OURS,
            4,
            id="ours-and-three-older-ones",
        ),
        pytest.param(
            [deployed(10, **ENDED), deployed(11), deployed(9), deployed(8)],
            OURS,
            4,
            id="of-same-second-in-any-order",
        ),
        pytest.param([deployed(number, **ENDED) for number in (10, 9, 8, 7)], None, 3, id="none-new"),
        pytest.param([deployed(11)], OURS, 2, id="first-deployment"),
    ],
)
def test_a_history_that_is_too_large_is_read_one_record_at_a_time(
    wire: responses.RequestsMock, records: list[Row], found: Started | None, read: int
) -> None:
    wire.assert_all_requests_are_fired = False
    pages(wire, *records)
    assert server(known=KNOWN).find_triggered(WEB) == found
    assert len(wire.calls) == 1 + read


@pytest.mark.parametrize(
    ("active", "found"),
    [
        pytest.param([deployed(11, status="in_progress"), deployed(9, status="queued")], OURS, id="active"),
        pytest.param(
            [deployed(9, status="in_progress")],
            AccessDenied(find_triggered.UNLISTED),
            id="not-active",
        ),
    ],
)
def test_if_one_record_is_too_large_active_deployments_are_searched(
    wire: responses.RequestsMock, active: list[Row], found: Any
) -> None:
    """Reading the same megabytes again would not help."""
    wire.assert_all_requests_are_fired = False
    pages(wire, deployed(12, pull_request_id=7), None)
    serve(wire, "GET", "/deployments", "deployments_list_read", body=active)
    assert server(known=KNOWN).find_triggered(WEB) == found


@pytest.mark.parametrize(
    "name", ["maintenance_503", "deploy_body_list_500_star", "transport_proxy_traefik_404"]
)
def test_an_unreadable_history_is_requested_again_unless_the_deployment_is_active(
    wire: responses.RequestsMock, name: str
) -> None:
    for active in ([], [deployed(11)]):
        serve(wire, "GET", f"/deployments/applications/{WEB}", name)
        serve(wire, "GET", "/deployments", "deployments_list_read", body=active)
    coolify = server(known=KNOWN)
    with pytest.raises(UnavailableError):
        coolify.find_triggered(WEB)
    assert coolify.find_triggered(WEB) == OURS


@pytest.mark.parametrize(
    ("running", "active", "found"),
    [
        pytest.param(frozenset({"d9"}), [deployed(11), deployed(9)], OURS, id="one-new"),
        pytest.param(
            frozenset({"d11"}), [deployed(11)], AccessDenied(find_triggered.UNLISTED), id="none-new"
        ),
        pytest.param(
            None,
            [deployed(11)],
            AccessDenied(find_triggered.UNLISTED),
            id="earlier-active-ones-are-unknown",
        ),
    ],
)
def test_without_a_history_only_new_active_deployments_are_found(
    wire: responses.RequestsMock, running: frozenset[str] | None, active: list[Row], found: Any
) -> None:
    wire.assert_all_requests_are_fired = False
    serve(wire, "GET", "/deployments", "deployments_list_read", body=active)
    known = {WEB: Resource(APPLICATION, running_before=running, unread="HTTP 500")}
    assert server(known=known).find_triggered(WEB) == found
    assert set(requests_sent(wire)) <= {"GET /deployments"}


def test_a_history_of_another_application_is_not_an_empty_one(wire: responses.RequestsMock) -> None:
    """An empty one would mean: trigger again, and start it twice."""
    others = listing(about(deployed(11), APP), deployed(10))
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=others)
    serve(wire, "GET", "/deployments", "deployments_list_empty")
    with pytest.raises(UnavailableError):
        server(known=KNOWN).find_triggered(WEB)


# --- what can not be determined


def test_nothing_is_found_for_a_target_that_was_not_resolved() -> None:
    assert server().find_triggered(WEB) == AccessDenied(find_triggered.CANNOT_TELL)


def test_nothing_is_found_without_read() -> None:
    assert server(wait=False, write_only=True, known=KNOWN).find_triggered(WEB) == AccessDenied(
        find_triggered.CANNOT_TELL
    )


def test_a_token_that_lost_read_is_refused(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_deployonly")
    with pytest.raises(RefusedError) as caught:
        server(known={WEB: Resource(APPLICATION, has_history=True)}).find_triggered(WEB)
    assert caught.value.token_wide is True


@pytest.mark.parametrize("text", [None, [], {}, {"deployments": {}}, {"deployments": None}])
def test_a_list_of_another_format_is_not_an_empty_list(wire: responses.RequestsMock, text: Any) -> None:
    """An empty list would mean: trigger again."""
    serve(wire, "GET", f"/deployments/applications/{WEB}", "app_deployments_read", body=text)
    serve(wire, "GET", "/deployments", "deployments_list_empty")
    with pytest.raises(UnavailableError):
        server(known={WEB: Resource(APPLICATION, has_history=True)}).find_triggered(WEB)


def test_the_timeout_is_used(wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/deployments/applications/{WEB}", body=requests.exceptions.ReadTimeout())
    with pytest.raises(UnavailableError):
        server(known={WEB: Resource(APPLICATION, has_history=True)}).find_triggered(WEB, timeout=1)
    assert wire.calls[0].request.req_kwargs["timeout"] == (1, 1)  # type: ignore[attr-defined]


# --- by the status: services, databases, and what is being stopped

NAMES = {APPLICATION: "app_get_read", SERVICE: "service_get", DATABASE: "database_get"}
UUIDS = {APPLICATION: WEB, SERVICE: STACK, DATABASE: PG}


def changed(kind: str, status: str, condition: str = RUNNING) -> Started:
    return Started((Handle(UUIDS[kind], "", condition=condition),), f"its status has changed to {status}")


def unchanged(status: str) -> AccessDenied:
    return AccessDenied(
        f"the response to the trigger was lost, and the status is still {status}: "
        "it may or may not have been started again"
    )


@pytest.mark.parametrize(
    ("kind", "options", "before", "now", "results"),
    [
        pytest.param(
            SERVICE,
            {},
            "running:healthy",
            "starting:unhealthy",
            [changed(SERVICE, "starting:unhealthy")],
            id="starting",
        ),
        pytest.param(
            SERVICE,
            {},
            "starting:unhealthy",
            "starting:unhealthy",
            [None, unchanged("starting:unhealthy")],
            id="was-starting-before",
        ),
        pytest.param(
            SERVICE,
            {},
            "running:healthy",
            "running:unhealthy",
            [None, unchanged("running:unhealthy")],
            id="only-health-has-changed",
        ),
        pytest.param(
            SERVICE,
            {"command": STOP},
            "running:healthy",
            "degraded:unhealthy",
            [None, None],
            id="stop-and-another-state",
        ),
        pytest.param(SERVICE, {}, "running:healthy", "exited", [changed(SERVICE, "exited")], id="exited"),
        pytest.param(
            SERVICE,
            {},
            "running:healthy",
            "running:healthy",
            [None, unchanged("running:healthy")],
            id="unchanged",
        ),
        pytest.param(
            SERVICE,
            {"pull_latest": False},
            "exited",
            "exited",
            [None, unchanged("exited")],
            id="unchanged-after-deploy",
        ),
        pytest.param(
            SERVICE,
            {"command": RESTART},
            "exited",
            "exited",
            [None, unchanged("exited"), unchanged("exited")],
            id="restart",
        ),
        pytest.param(
            SERVICE,
            {"command": START},
            "exited",
            "exited",
            [None, None, None],
            id="start-may-be-sent-again",
        ),
        pytest.param(
            SERVICE,
            {"command": START},
            "exited",
            "running:healthy",
            [changed(SERVICE, "running:healthy")],
            id="start-worked",
        ),
        pytest.param(
            SERVICE,
            {"command": STOP},
            "running:healthy",
            "running:healthy",
            [None, None, None],
            id="stop-may-be-sent-again",
        ),
        pytest.param(
            SERVICE,
            {"command": STOP},
            "running:healthy",
            "exited",
            [changed(SERVICE, "exited", STOPPED)],
            id="stop-worked",
        ),
        pytest.param(
            DATABASE,
            {},
            "exited:unhealthy",
            "running:healthy",
            [changed(DATABASE, "running:healthy")],
            id="database-runs",
        ),
        pytest.param(
            DATABASE,
            {},
            "exited:unhealthy",
            "exited:unhealthy",
            [None, unchanged("exited:unhealthy")],
            id="database-is-still-stopped",
        ),
        pytest.param(
            DATABASE,
            {"command": STOP},
            "running:healthy",
            "running:healthy",
            [None, None],
            id="database-still-runs",
        ),
        pytest.param(
            APPLICATION,
            {"command": STOP},
            "running:healthy",
            "exited:unhealthy",
            [changed(APPLICATION, "exited:unhealthy", STOPPED)],
            id="application-has-stopped",
        ),
        pytest.param(
            APPLICATION,
            {"command": STOP},
            "running:healthy",
            "running:healthy",
            [None, None],
            id="application-still-runs",
        ),
        pytest.param(
            APPLICATION,
            {"command": STOP, "pr": 7},
            "running:healthy",
            "running:unhealthy",
            [None, None],
            id="deletion-of-preview-may-be-sent-again",
        ),
        pytest.param(SERVICE, {}, "", None, [None, unchanged("unknown")], id="no-status-before-and-after"),
    ],
)
def test_without_deployments_a_lost_trigger_is_found_by_the_status(  # noqa: PLR0913, PLR0917 -- a row of the table
    wire: responses.RequestsMock, kind: str, options: Row, before: str, now: str | None, results: list[Any]
) -> None:
    """A request that has no effect when repeated may be sent again; a restart may not."""
    uuid = UUIDS[kind]
    wire.assert_all_requests_are_fired = False
    serve(wire, "GET", f"/{kind}s/{uuid}", NAMES[kind], body={**body(NAMES[kind]), "status": now})
    coolify = server(known={uuid: Resource(kind, {"status": before})}, **options)
    assert [coolify.find_triggered(uuid) for _ in results] == results
    assert {line.partition(" ")[0] for line in requests_sent(wire)} <= {"GET"}


def test_the_timeout_is_used_for_the_status(wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/services/{STACK}", body=requests.exceptions.ReadTimeout())
    with pytest.raises(UnavailableError):
        server(known={STACK: Resource(SERVICE)}).find_triggered(STACK, timeout=1)
    assert wire.calls[0].request.req_kwargs["timeout"] == (1, 1)  # type: ignore[attr-defined]
