"""What each response to a trigger means (coolify-api 5.1, 5.2, 5.4, 5.10 and 17.1)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
import responses

from deployer.model import (
    AlreadyDone,
    Certainty,
    Command,
    Handle,
    RefusedError,
    Rejected,
    RetryLater,
    Started,
    TriggerResult,
    UnavailableError,
)
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.triggering import trigger, trigger_requests
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, DATABASE, KINDS, SERVICE
from deployer.providers.coolify.watching.resource_status import RUNNING, STOPPED
from tests.providers.coolify.support import (
    APP,
    IMG,
    OLD_WEB,
    PG,
    STACK,
    WEB,
    WORKER,
    Row,
    flags,
    recorded,
    requests_sent,
    serve,
    server,
)

DEPLOY, START, RESTART, STOP = Command.DEPLOY, Command.START, Command.RESTART, Command.STOP


def started(
    uuid: str, deployment: str, certainty: Certainty = Certainty.CONFIRMED, note: str = ""
) -> Started:
    return Started((Handle(uuid, deployment, certainty),), note)


def skipped(uuid: str) -> Started:
    return Started((Handle(uuid, "", Certainty.PHANTOM),), trigger.ALREADY_QUEUED)


def by_status(uuid: str, condition: str = RUNNING, note: str = "") -> Started:
    return Started((Handle(uuid, "", condition=condition),), note)


# --- POST /deploy

QUEUE_IS_FULL = "Coolify says: Deployment queue is full. Please wait for existing deployments to complete."
RATE_LIMITED = "rate limited by Coolify (Too Many Attempts.)"
UNAUTHORIZED = {
    "deployments": [{"message": "Unauthorized to deploy this application.", "resource_uuid": WEB}]
}
ALREADY_QUEUED_NAME = {
    "deployments": [
        {
            "message": "Application already queued deployment queued.",
            "resource_uuid": WEB,
            "deployment_uuid": "abc",
        }
    ]
}
QUEUED_380, QUEUED_WEB = "o110v3pnbqabbkb2j8ewhc4p", "5msmrq1qozglmuj8ixfn8kpf"


@pytest.mark.parametrize(
    ("target", "name", "changes", "result"),
    [
        pytest.param(WEB, "deploy_one", {}, started(WEB, QUEUED_WEB), id="queued"),
        pytest.param(
            OLD_WEB, "v4.0.0-beta.380_deploy_one", {}, started(OLD_WEB, QUEUED_380), id="queued-beta380"
        ),
        pytest.param(WEB, "deploy_skipped", {}, skipped(WEB), id="already-queued"),
        pytest.param(IMG, "deploy_many", {}, started(IMG, "ka6hsgolnhecmaw6jewt2yf3"), id="one-of-many"),
        pytest.param(WORKER, "deploy_many", {}, skipped(WORKER), id="another-of-many"),
        pytest.param(
            WEB, "deploy_duplicate_uuid", {}, started(WEB, "yyu7s8hwk8pzvhrckljljnc8"), id="first-of-two"
        ),
        pytest.param(
            WEB,
            "deploy_queue_full_429",
            {},
            RetryLater(60, QUEUE_IS_FULL, queue_full=True),
            id="queue-is-full",
        ),
        pytest.param(
            WEB,
            "v4.0.0-beta.463_deploy_queue_full",
            {},
            RetryLater(60, QUEUE_IS_FULL, queue_full=True),
            id="queue-is-full-beta463",
        ),
        pytest.param(
            WEB,
            "deploy_queue_full_429_skippable",
            {},
            RetryLater(60, QUEUE_IS_FULL, queue_full=True),
            id="full-comes-before-already-queued",
        ),
        pytest.param(
            WEB,
            "deploy_queue_full_429",
            {"headers": {"Content-Type": "application/json", "Retry-After": "7"}},
            RetryLater(7, QUEUE_IS_FULL, queue_full=True),
            id="queue-is-full-with-retry-after",
        ),
        pytest.param(
            WEB,
            "deploy_queue_full_429",
            {"headers": {"Content-Type": "application/json"}},
            RetryLater(60, QUEUE_IS_FULL, queue_full=True),
            id="queue-is-full-without-retry-after",
        ),
        pytest.param(
            WEB,
            "deploy_one",
            {"body": UNAUTHORIZED},
            Rejected("Coolify says: Unauthorized to deploy this application."),
            id="unauthorized",
        ),
        pytest.param(
            WEB,
            "deploy_one",
            {"body": ALREADY_QUEUED_NAME},
            started(WEB, "abc"),
            id="application-named-already-queued",
        ),
    ],
)
def test_each_response_of_deploy_is_read_for_its_own_target(
    wire: responses.RequestsMock, target: str, name: str, changes: Row, result: TriggerResult
) -> None:
    serve(wire, "POST", "/deploy", name, **changes)
    assert server(known={target: Resource(APPLICATION)}).trigger(target) == result
    assert requests_sent(wire) == [f"POST /deploy?uuid={target}"]


@pytest.mark.parametrize(
    ("changes", "wait"), [({}, 6), ({"headers": {"Content-Type": "application/json"}}, 60)]
)
def test_the_rate_limit_starts_nothing(wire: responses.RequestsMock, changes: Row, wait: float) -> None:
    """Coolify checks the limit first: an earlier trigger that is uncertain stays so."""
    serve(wire, "POST", "/deploy", "ratelimit_429_deploy", **changes)
    with pytest.raises(UnavailableError) as caught:
        server(known={WEB: Resource(APPLICATION)}).trigger(WEB)
    assert (caught.value.reason, caught.value.may_have_arrived, caught.value.retry_after) == (
        RATE_LIMITED,
        False,
        wait,
    )


@pytest.mark.parametrize(
    ("kind", "target", "name", "options"),
    [
        pytest.param(SERVICE, STACK, "deploy_service", {"pull_latest": False}, id="service"),
        pytest.param(DATABASE, PG, "deploy_mixed", {}, id="database"),
    ],
)
def test_what_has_no_deployments_is_followed_by_its_status(
    wire: responses.RequestsMock, kind: str, target: str, name: str, options: Row
) -> None:
    serve(wire, "POST", "/deploy", name)
    assert server(known={target: Resource(kind)}, **options).trigger(target) == by_status(target)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param(SERVICE, "Unauthorized to deploy this service.", id="service"),
        pytest.param(DATABASE, "Unauthorized to start this database.", id="database"),
    ],
)
def test_what_was_refused_is_not_followed_by_its_status(
    wire: responses.RequestsMock, kind: str, text: str
) -> None:
    """A refusal in a 200 (coolify-api 5.1)."""
    serve(
        wire,
        "POST",
        "/deploy",
        "deploy_one",
        body={"deployments": [{"message": text, "resource_uuid": STACK}]},
    )
    assert server(pull_latest=False, known={STACK: Resource(kind)}).trigger(STACK) == Rejected(
        f"Coolify says: {text}"
    )


def test_what_the_request_can_not_do_is_noted(wire: responses.RequestsMock) -> None:
    """From beta.391 to beta.418, no request pulls newer images of a service."""
    serve(wire, "POST", "/deploy", "deploy_service")
    coolify = server(version="4.0.0-beta.418", known={STACK: Resource(SERVICE)})
    assert coolify.trigger(STACK) == by_status(STACK, note=trigger_requests.NO_PULL_API)


def test_starting_an_application_is_noted_as_a_deployment(wire: responses.RequestsMock) -> None:
    serve(wire, "POST", "/deploy", "deploy_one")
    note = "Coolify starts an application by deploying it"
    assert server(command=START, known={WEB: Resource(APPLICATION)}).trigger(WEB) == started(
        WEB, QUEUED_WEB, note=note
    )


# --- previews

NO_PREVIEW = (
    "There is no preview of pull request 7: Coolify creates one when the pull request is opened "
    "and Preview Deployments are enabled; for a Docker-image application, `docker_tag` creates one"
)


@pytest.mark.parametrize(
    ("target", "name", "options", "line", "result"),
    [
        pytest.param(
            WEB,
            "deploy_pr_unknown",
            {"pr": 7},
            f"?uuid={WEB}&pr=7",
            Rejected(f"Coolify says: Pull request 7 not found for this resource. {NO_PREVIEW}"),
            id="no-preview",
        ),
        pytest.param(
            "mfnuiwlhfoneck26kpbwsobn",
            "v4.0.0-beta.434_deploy_pr",
            {"pr": 7},
            "?uuid=mfnuiwlhfoneck26kpbwsobn&pr=7",
            Rejected(f"Coolify says: Pull request 7 not found for this resource. {NO_PREVIEW}"),
            id="no-preview-beta434",
        ),
        pytest.param(
            "c92z8bkjuhmphp3ptalirjmc",
            "v4.0.0-beta.420_deploy_pr",
            {"pr": 7},
            "?uuid=c92z8bkjuhmphp3ptalirjmc&pr=7",
            Rejected(
                f"{NO_PREVIEW}. "
                "Coolify queued a deployment anyway, which will never run. Cancel it in Coolify"
            ),
            id="no-preview-but-record-beta420",
        ),
        pytest.param(
            IMG,
            "deploy_pr_dockerimage_tag",
            {"pr": 9, "docker_tag": "pr-9"},
            f"?uuid={IMG}&pr=9&docker_tag=pr-9",
            started(IMG, "zeyaks5diyvqhxs6ehwgl94g"),
            id="docker-tag-creates-one",
        ),
        pytest.param(
            IMG,
            "deploy_pr_dockerimage_nopreview",
            {"pr": 8},
            f"?uuid={IMG}&pr=8",
            Rejected(
                f"Coolify says: Pull request 8 not found for this resource. {NO_PREVIEW.replace('7', '8')}"
            ),
            id="image-without-docker-tag",
        ),
        pytest.param(
            APP,
            "deploy_uuid_docker_tag_wrong_buildpack_200",
            {"pr": 42, "docker_tag": "pr-42"},
            f"?uuid={APP}&pr=42&docker_tag=pr-42",
            Rejected("Coolify says: docker_tag can only be used with Docker Image applications."),
            id="docker-tag-on-git",
        ),
    ],
)
def test_each_response_for_a_preview_is_read(  # noqa: PLR0913, PLR0917 -- a row of the table
    wire: responses.RequestsMock, target: str, name: str, options: Row, line: str, result: TriggerResult
) -> None:
    serve(wire, "POST", "/deploy", name)
    assert server(known={target: Resource(APPLICATION)}, **options).trigger(target) == result
    assert requests_sent(wire) == [f"POST /deploy{line}"]
    assert recorded(name)["request"]["query"] == line.removeprefix("?")


@pytest.mark.parametrize(
    ("name", "result"),
    [
        pytest.param("preview_delete_200", Started((), trigger.PREVIEW_DELETION), id="accepted"),
        pytest.param(
            "preview_delete_404",
            AlreadyDone("there is no preview of pull request 7: nothing to delete"),
            id="no-preview",
        ),
        pytest.param(
            "catchall_404",
            Rejected(
                "this version of Coolify can't delete the preview of pull request 7: "
                f"it does not support DELETE /applications/{WEB}/previews/7"
            ),
            id="before-beta474",
        ),
    ],
)
@pytest.mark.parametrize("write_only", [False, True])
def test_each_response_to_the_deletion_of_a_preview_is_read(
    wire: responses.RequestsMock, name: str, result: TriggerResult, *, write_only: bool
) -> None:
    """A token without `read` can't tell the kind of a uuid, but only applications have previews."""
    serve(wire, "DELETE", f"/applications/{WEB}/previews/7", name)
    known = {} if write_only else {WEB: Resource(APPLICATION)}
    assert (
        server(command=STOP, pr=7, wait=not write_only, write_only=write_only, known=known).trigger(WEB)
        == result
    )
    assert requests_sent(wire) == [f"DELETE /applications/{WEB}/previews/7"]


def test_an_invalid_pull_request_number_is_refused(wire: responses.RequestsMock) -> None:
    serve(wire, "DELETE", f"/applications/{WEB}/previews/7", "preview_delete_422")
    with pytest.raises(RefusedError, match="Invalid pull_request_id"):
        server(command=STOP, pr=7, known={WEB: Resource(APPLICATION)}).trigger(WEB)


# --- start, restart and stop


def recorded_case(kind: str, name: str, **options: Any) -> Any:
    """A case: the recorded response to this request."""
    return pytest.param(kind, name, options, id=f"{name}-{kind}")


UNCONFIRMED = Certainty.UNCONFIRMED
PHANTOMS = {
    "start_queue_full": "ochclfhbeum8xh9vvoxlhlrf",
    "restart_queue_full": "vhoi72umhnwkrl0gyejl0iey",
    "v4.0.0-beta.463_start_queue_full": "mpqd31kysf040ssz3r7scf9n",
    "v4.0.0_start_queue_full": "ph10jnsbp9ob4l3pjk2x0lqd",
    "v4.4-rc.1_start_queue_full": "ymjblythtdiyoydhtfgbi5xu",
}


def replay(wire: responses.RequestsMock, name: str) -> str:
    """Serve a recorded response for the request that it was recorded for; the uuid of that resource."""
    path = recorded(name)["request"]["path"].removeprefix("/api/v1")
    serve(wire, "POST", path, name)
    return str(path.split("/")[2])


def triggered(
    wire: responses.RequestsMock, kind: str, name: str, **options: Any
) -> tuple[TriggerResult, str]:
    """The result of a trigger, and the uuid of the resource."""
    uuid = replay(wire, name)
    result = server(known={uuid: Resource(kind)}, **options).trigger(uuid)
    request = recorded(name)["request"]
    assert requests_sent(wire)[0].partition("?")[0] == f"POST {request['path'].removeprefix('/api/v1')}"
    assert len(wire.calls) == 1
    return result, uuid


@pytest.mark.parametrize(
    ("name", "options", "deployment"),
    [
        pytest.param("app_start", {"instant": True}, "xjemuoltk5f3ayvgpvock9rs", id="start"),
        pytest.param(
            "v4.0.0-beta.380_app_start_write",
            {"instant": True},
            "uwioxvl1cznfsq637ayo6uq9",
            id="start-beta380",
        ),
        pytest.param(
            "v4.0.0-beta.380_app_restart",
            {"command": RESTART},
            "yo57lxipyovv86f2d8v0b1oy",
            id="restart-beta380",
        ),
        pytest.param("app_restart_queued", {"command": RESTART}, "vgs4k8c0ws0cwg4o8kc0s4gk", id="restart"),
        *(
            pytest.param(
                name, {"command": RESTART} if "restart" in name else {"instant": True}, phantom, id=name
            )
            for name, phantom in PHANTOMS.items()
        ),
    ],
)
def test_a_deployment_that_start_or_restart_names_may_not_exist(
    wire: responses.RequestsMock, name: str, options: Row, deployment: str
) -> None:
    """With a full queue, the response is the same (coolify-api 5.2, 17.1 row 3)."""
    result, uuid = triggered(wire, APPLICATION, name, **options)
    assert result == started(uuid, deployment, UNCONFIRMED)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("start_skipped", {"instant": True}, id="start"),
        pytest.param("v4.0.0_app_start", {"instant": True}, id="start-4.0.0"),
        pytest.param("v4.0.0-beta.420_app_restart", {"command": RESTART}, id="restart"),
    ],
)
def test_already_queued_names_no_deployment(wire: responses.RequestsMock, name: str, options: Row) -> None:
    result, uuid = triggered(wire, APPLICATION, name, **options)
    assert result == skipped(uuid)


@pytest.mark.parametrize(
    ("kind", "name", "options"),
    [
        recorded_case(SERVICE, "services_start", command=START),
        recorded_case(SERVICE, "v4.0.0-beta.380_service_start", command=START),
        recorded_case(SERVICE, "services_restart", command=RESTART),
        recorded_case(SERVICE, "v4.0.0-beta.380_service_restart", command=RESTART),
        recorded_case(SERVICE, "services_restart_latest"),
        recorded_case(DATABASE, "databases_start", command=START),
        recorded_case(DATABASE, "v4.0.0-beta.380_database_start", command=START),
        recorded_case(DATABASE, "databases_restart", command=RESTART),
    ],
)
def test_a_service_or_database_that_was_started_is_followed_by_its_status(
    wire: responses.RequestsMock, kind: str, name: str, options: Row
) -> None:
    result, uuid = triggered(wire, kind, name, **options)
    assert result == by_status(uuid)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (APPLICATION, "app_stop"),
        (SERVICE, "services_stop_running"),
        (SERVICE, "v4.0.0-beta.420_service_stop"),
        (DATABASE, "database_stop_200"),
    ],
)
def test_what_is_being_stopped_is_followed_by_its_status(
    wire: responses.RequestsMock, kind: str, name: str
) -> None:
    result, uuid = triggered(wire, kind, name, command=STOP)
    assert result == by_status(uuid, STOPPED)


@pytest.mark.parametrize(
    ("kind", "name", "command", "note"),
    [
        (SERVICE, "services_start_running", START, "Service is already running"),
        (SERVICE, "services_stop_exited", STOP, "Service is already stopped"),
        (SERVICE, "v4.0.0-beta.380_service_stop", STOP, "Service is already stopped"),
        (DATABASE, "databases_start_running", START, "Database is already running"),
        (DATABASE, "databases_stop_exited", STOP, "Database is already stopped"),
    ],
)
def test_what_is_already_running_or_stopped_is_done(
    wire: responses.RequestsMock, kind: str, name: str, command: Command, note: str
) -> None:
    assert triggered(wire, kind, name, command=command)[0] == AlreadyDone(note)


def test_another_400_is_a_refusal(wire: responses.RequestsMock) -> None:
    serve(
        wire,
        "POST",
        f"/services/{STACK}/start",
        "services_start_running",
        body={"message": "Server is not functional."},
    )
    with pytest.raises(RefusedError, match="Server is not functional"):
        server(command=START, known={STACK: Resource(SERVICE)}).trigger(STACK)


@pytest.mark.parametrize(
    ("kind", "name"), [(APPLICATION, "app_restart_foreign"), (DATABASE, "databases_start_unknown")]
)
def test_what_was_deleted_since_resolve_is_refused_in_coolify_s_words(
    wire: responses.RequestsMock, kind: str, name: str
) -> None:
    command = START if kind == DATABASE else RESTART
    with pytest.raises(RefusedError, match=f"{kind.capitalize()} not found") as caught:
        triggered(wire, kind, name, command=command)
    assert caught.value.token_wide is False


# --- a token that may not read


def test_without_read_each_kind_is_tried_and_a_404_starts_nothing(
    wire: responses.RequestsMock,
) -> None:
    serve(wire, "POST", f"/applications/{PG}/restart", "app_restart_foreign")
    serve(wire, "POST", f"/services/{PG}/restart", "service_404")
    serve(wire, "POST", f"/databases/{PG}/restart", "databases_restart")
    note = (
        "Coolify says: Database restarting request queued. The token may not read, and there is no "
        "deployment to follow"
    )
    assert server(command=RESTART, wait=False, write_only=True).trigger(PG) == Started((), note)
    assert requests_sent(wire) == [f"POST /{kind}s/{PG}/restart" for kind in KINDS]


def test_without_read_start_tries_an_application_last(wire: responses.RequestsMock) -> None:
    """To start an application is to deploy it, and `/deploy` starts any kind of resource."""
    serve(wire, "POST", f"/databases/{WEB}/start", "databases_start_unknown")
    serve(wire, "POST", f"/services/{WEB}/start", "service_404")
    serve(wire, "POST", "/deploy", "deploy_one")
    note = "Coolify starts an application by deploying it"
    assert server(command=START, wait=False, write_only=True).trigger(WEB) == started(
        WEB, QUEUED_WEB, note=note
    )
    assert requests_sent(wire) == [
        f"POST /databases/{WEB}/start",
        f"POST /services/{WEB}/start",
        f"POST /deploy?uuid={WEB}",
    ]


def test_without_read_an_unknown_uuid_is_refused(wire: responses.RequestsMock) -> None:
    for kind, name in (
        ("applications", "app_restart_foreign"),
        ("services", "service_404"),
        ("databases", "databases_start_unknown"),
    ):
        serve(wire, "POST", f"/{kind}/{PG}/restart", name)
    with pytest.raises(RefusedError, match="not found"):
        server(command=RESTART, wait=False, write_only=True).trigger(PG)
    assert len(wire.calls) == 3


def test_without_read_a_missing_ability_is_refused_at_the_first_kind(wire: responses.RequestsMock) -> None:
    """A request that needs a missing ability is sent once."""
    serve(wire, "POST", f"/applications/{WEB}/restart", "deploy_probe_read")
    with pytest.raises(RefusedError) as caught:
        server(command=RESTART, wait=False, write_only=True).trigger(WEB)
    assert (caught.value.token_wide, len(wire.calls)) == (True, 1)


def test_without_read_a_404_of_a_proxy_is_not_taken_for_coolify_s(wire: responses.RequestsMock) -> None:
    """Coolify is being restarted: the next response could be about the wrong kind."""
    serve(wire, "POST", f"/applications/{WEB}/restart", "transport_proxy_traefik_404")
    with pytest.raises(UnavailableError) as caught:
        server(command=RESTART, wait=False, write_only=True).trigger(WEB)
    assert (caught.value.may_have_arrived, len(wire.calls)) == (True, 1)


def test_without_read_a_tag_is_deployed_as_a_tag(wire: responses.RequestsMock) -> None:
    serve(wire, "POST", "/deploy", "deploy_tag_solo")
    server(wait=False, write_only=True, tags=frozenset({"solo"})).trigger("solo")
    assert requests_sent(wire) == ["POST /deploy?tag=solo"]


@pytest.mark.parametrize(
    ("target", "name", "note"),
    [
        pytest.param(
            STACK,
            "deploy_service",
            "Coolify says: Service stack started. It could take a while, be patient. "
            "Nothing newer was pulled, and there is no deployment to follow",
            id="service",
        ),
        pytest.param(
            PG,
            "deploy_mixed",
            "Coolify says: Database pg started. Nothing newer was pulled, and there is no deployment to "
            "follow",
            id="database",
        ),
    ],
)
def test_without_read_the_response_shows_that_there_is_no_deployment(
    wire: responses.RequestsMock, target: str, name: str, note: str
) -> None:
    serve(wire, "POST", "/deploy", name)
    assert server(wait=False, write_only=True).trigger(target) == Started((), note)
    assert requests_sent(wire) == [f"POST /deploy?uuid={target}"]


@pytest.mark.parametrize(
    ("name", "certainty", "write_only", "note"),
    [
        pytest.param("app_start_instant", Certainty.UNCONFIRMED, False, "", id="with-read"),
        pytest.param("app_start_instant", Certainty.CONFIRMED, True, trigger.UNVERIFIABLE, id="without-read"),
        pytest.param(
            "start_queue_full",
            Certainty.CONFIRMED,
            True,
            trigger.UNVERIFIABLE,
            id="without-read-and-perhaps-phantom",
        ),
    ],
)
def test_what_can_not_be_checked_is_accepted_with_a_note(
    wire: responses.RequestsMock, name: str, certainty: Certainty, *, write_only: bool, note: str
) -> None:
    serve(wire, "POST", f"/applications/{WEB}/start", name)
    result = server(instant=True, wait=False, write_only=write_only).trigger(WEB)
    assert isinstance(result, Started)
    assert ([handle.certainty for handle in result.handles], result.note) == ([certainty], note)
    assert "can't be checked" in trigger.UNVERIFIABLE


@pytest.mark.parametrize(("name", "options"), [("deploy_skipped", {}), ("start_skipped", {"instant": True})])
def test_without_read_an_older_deployment_is_not_followed(
    wire: responses.RequestsMock, name: str, options: Row
) -> None:
    serve(wire, "POST", f"/applications/{WEB}/start" if options else "/deploy", name)
    assert server(wait=False, write_only=True, **options).trigger(WEB) == Started((), trigger.ALREADY_QUEUED)


def test_without_read_deploy_needs_no_note(wire: responses.RequestsMock) -> None:
    serve(wire, "POST", "/deploy", "deploy_one")
    assert server(wait=False, write_only=True).trigger(WEB) == started(WEB, QUEUED_WEB)


# --- unrecognized responses


@pytest.mark.parametrize("instant", [False, True])
@pytest.mark.parametrize("uuid", ["", 5, 0, False, [], ["abc"], {"uuid": "abc"}, 1.5], ids=repr)
def test_an_unknown_deployment_uuid_format_is_uncertain(
    wire: responses.RequestsMock, uuid: Any, *, instant: bool
) -> None:
    """A deployment was probably started: it must be looked for, not triggered again."""
    item = {"message": "Deployment request queued.", "resource_uuid": WEB, "deployment_uuid": uuid}
    path = f"/applications/{WEB}/start" if instant else "/deploy"
    serve(wire, "POST", path, "deploy_one", body=item if instant else {"deployments": [item]})
    with pytest.raises(UnavailableError) as caught:
        server(instant=instant).trigger(WEB)
    assert asdict(caught.value) == {
        "reason": (text := "unrecognized response to the trigger (unknown deployment_uuid format)"),
        **flags(may_have_arrived=True, from_server=True, server_error=text),
    }


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([], id="empty"),
        pytest.param([None, 5, "text", [], {}], id="no-objects"),
        pytest.param(
            [{"message": "Application a deployment queued.", "resource_uuid": APP, "deployment_uuid": "d"}],
            id="another-resource",
        ),
        pytest.param(
            [{"message": "Application a deployment queued.", "resource_uuid": None, "deployment_uuid": "d"}],
            id="no-resource",
        ),
        pytest.param(
            [{"message": "Application a deployment queued.", "resource_uuid": WEB, "deployment_uuid": None}],
            id="deployment-null",
        ),
        pytest.param(
            [{"message": "Application a deployment queued.", "resource_uuid": WEB}], id="no-deployment"
        ),
        pytest.param([{"message": "", "resource_uuid": WEB}], id="empty-message"),
        pytest.param([{"message": None, "resource_uuid": WEB, "deployment_uuid": "d"}], id="no-message"),
        pytest.param([{"message": "Not today.", "resource_uuid": WEB}], id="another-message"),
    ],
)
def test_a_good_response_that_does_not_name_the_target_is_uncertain(
    wire: responses.RequestsMock, items: list[Any]
) -> None:
    """The target exists: that it is not named is not a refusal."""
    serve(wire, "POST", "/deploy", "deploy_one", body={"deployments": items})
    with pytest.raises(UnavailableError) as caught:
        server(known={WEB: Resource(APPLICATION)}).trigger(WEB)
    assert (caught.value.may_have_arrived, caught.value.server_error) == (True, caught.value.reason)


@pytest.mark.parametrize(
    ("kind", "path", "options"),
    [
        (APPLICATION, f"/applications/{WEB}/start", {"instant": True}),
        (APPLICATION, f"/applications/{WEB}/restart", {"command": RESTART}),
        (APPLICATION, f"/applications/{WEB}/stop", {"command": STOP}),
        (SERVICE, f"/services/{WEB}/restart", {}),
        (DATABASE, f"/databases/{WEB}/stop", {"command": STOP}),
    ],
)
@pytest.mark.parametrize("text", ["Not today.", "OK", ""])
def test_a_message_that_is_not_coolify_s_is_uncertain(
    wire: responses.RequestsMock, kind: str, path: str, options: Row, text: str
) -> None:
    serve(wire, "POST", path, "app_start", body={"message": text})
    with pytest.raises(UnavailableError) as caught:
        server(known={WEB: Resource(kind)}, **options).trigger(WEB)
    assert (caught.value.may_have_arrived, caught.value.server_error) == (True, caught.value.reason)


def test_a_deletion_with_another_message_is_uncertain(wire: responses.RequestsMock) -> None:
    serve(wire, "DELETE", f"/applications/{WEB}/previews/7", "preview_delete_200", body={"message": "OK"})
    with pytest.raises(UnavailableError) as caught:
        server(command=STOP, pr=7, known={WEB: Resource(APPLICATION)}).trigger(WEB)
    assert caught.value.may_have_arrived is True


@pytest.mark.parametrize("instant", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        None,
        [],
        "text",
        5,
        {},
        {"deployments": None},
        {"deployments": {}},
        {"deployments": "x"},
        {"details": []},
    ],
)
def test_a_response_of_another_format_is_uncertain(
    wire: responses.RequestsMock, text: Any, *, instant: bool
) -> None:
    """It may have started something: with `may_have_arrived`, that is looked for (architecture, rule 7)."""
    serve(wire, "POST", f"/applications/{WEB}/start" if instant else "/deploy", "deploy_one", body=text)
    with pytest.raises(UnavailableError) as caught:
        server(instant=instant).trigger(WEB)
    assert caught.value.may_have_arrived is True


@pytest.mark.parametrize(
    ("name", "token_wide", "words"),
    [
        pytest.param(
            "deploy_probe_read", True, ("lacks an ability", "tick deploy first"), id="without-deploy"
        ),
        pytest.param(
            "v4.0.0-beta.380_deploy_probe_read",
            True,
            ("lacks an ability", "tick deploy first"),
            id="without-deploy-beta380",
        ),
        pytest.param("unauth_bad", True, ("Unauthenticated",), id="revoked"),
        pytest.param("deploy_unknown", False, ("No resources found.",), id="unknown"),
    ],
)
def test_a_refused_trigger_has_a_reason(
    wire: responses.RequestsMock, name: str, *, token_wide: bool, words: tuple[str, ...]
) -> None:
    serve(wire, "POST", "/deploy", name)
    with pytest.raises(RefusedError) as caught:
        server().trigger(WEB)
    assert caught.value.token_wide is token_wide
    assert [word for word in words if word not in str(caught.value)] == []


def test_start_on_an_old_version_names_the_missing_ability(wire: responses.RequestsMock) -> None:
    """Before beta.464, start needs `write` (coolify-api 4): ticking `deploy` again would not help."""
    serve(wire, "POST", f"/applications/{WEB}/start", "v4.0.0-beta.380_app_start")
    with pytest.raises(RefusedError) as caught:
        server(instant=True).trigger(WEB)
    assert "write" in str(caught.value).partition("Make a new one")[2]


# --- a missing ability


def test_a_request_that_needs_a_missing_ability_is_not_sent_again(wire: responses.RequestsMock) -> None:
    """No storm of refused requests (architecture, rule 3). What needs another ability may work."""
    uuids = ("one", "two")
    serve(wire, "POST", "/services/one/restart", "v4.0.0-beta.380_app_start")
    serve(wire, "POST", "/deploy", "v4.0.0-beta.380_deploy_one")
    known = {**{uuid: Resource(SERVICE) for uuid in uuids}, OLD_WEB: Resource(APPLICATION)}
    coolify = server(version="4.0.0-beta.419", known=known)
    with pytest.raises(RefusedError) as caught:
        coolify.trigger("one")
    assert caught.value.token_wide is False
    assert coolify.trigger("two") == Rejected(caught.value.reason)
    assert coolify.trigger(OLD_WEB) == started(OLD_WEB, QUEUED_380)
    assert requests_sent(wire) == ["POST /services/one/restart?latest=true", f"POST /deploy?uuid={OLD_WEB}"]


@pytest.mark.parametrize("name", ["deploy_unknown", "maintenance_503"])
def test_what_was_refused_for_another_reason_is_sent_again(wire: responses.RequestsMock, name: str) -> None:
    for recording in (name, "deploy_one"):
        serve(wire, "POST", "/deploy", recording)
    coolify = server(known={WEB: Resource(APPLICATION)})
    with pytest.raises((RefusedError, UnavailableError)):
        coolify.trigger(WEB)
    assert coolify.trigger(WEB) == started(WEB, QUEUED_WEB)


# --- responses that are not Coolify's


GATEWAYS = (400, 401, 402, 403, 404, 406, 408, 409, 413, 418, 422, 425, 426, 429, 451, 499)


@pytest.mark.parametrize(
    ("name", "gateway", "changes"),
    [
        pytest.param("deploy_service_server_unreachable_500", False, {}, id="500-may-have-started-it"),
        pytest.param("maintenance_503", False, {}, id="503-json"),
        pytest.param("deploy_body_list_500_star", False, {}, id="500-html"),
        pytest.param("transport_proxy_traefik_404", False, {}, id="proxy-without-backend"),
        pytest.param("transport_proxy_cloudflare_access_302", True, {}, id="redirect"),
        pytest.param("api_root", True, {"status": 200}, id="page-with-200"),
        *(
            pytest.param(
                "unauth_bad",
                status not in {408, 425, 429},
                {"status": status, "body": text},
                id=f"{status}-{kind}-of-a-gateway",
            )
            for status in GATEWAYS
            for kind, text in {
                "json": {"message": "Blocked"},
                "page": "<html>Blocked</html>",
                "shapeless": {"error": "x"},
            }.items()
        ),
        pytest.param(
            "unauth_bad",
            True,
            {"status": 404, "body": {"message": "Not Found"}},
            id="404-in-nearly-coolify-s-words",
        ),
        pytest.param(
            "unauth_bad",
            True,
            {"status": 404, "body": {"message": "Resource not found"}},
            id="404-of-another-api",
        ),
        pytest.param(
            "unauth_bad",
            False,
            {"status": 429, "body": {"message": "API rate limit exceeded"}},
            id="429-of-gateway",
        ),
    ],
)
def test_a_response_that_is_not_coolify_s_is_uncertain(
    wire: responses.RequestsMock, name: str, changes: Row, *, gateway: bool
) -> None:
    """A gateway may have passed the request on before it responded (architecture, rule 7)."""
    serve(wire, "POST", "/deploy", name, **changes)
    with pytest.raises(UnavailableError) as caught:
        server().trigger(WEB)
    assert (caught.value.may_have_arrived, caught.value.from_gateway) == (True, gateway)
