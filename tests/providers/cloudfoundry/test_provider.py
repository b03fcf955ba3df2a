"""The calls on the wire: the whole list of what is asked, and what comes of the recorded replies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses

from deployer.model import (
    AccessDenied,
    AlreadyDone,
    Changes,
    Command,
    Handle,
    Owner,
    Phase,
    RefusedError,
    Rejected,
    Snapshot,
    Started,
    Target,
    TriggerResult,
    UnavailableError,
)
from deployer.providers.cloudfoundry import provider, rollback, trigger_requests
from deployer.providers.cloudfoundry.app import REVERTED, ROLLED_OUT, RUNNING, STAGED, STOPPED, TriggerRequest
from deployer.providers.cloudfoundry.trigger_requests import restart, rolling
from deployer.providers.cloudfoundry.watching import instance_status, poll
from tests.providers.cloudfoundry.support import (
    API,
    APP,
    BUILD,
    DEPLOYMENT,
    DROPLET,
    LOGS,
    NEW_WEB,
    OLD_DROPLET,
    PACKAGE,
    VERSION,
    WEB,
    answer,
    asked,
    bodies,
    body,
    instance,
    known,
    listing,
    serve,
    server,
)

IMAGE = "ghcr.io/acme/web:1.4.2"
V3APP = f"/v3/apps/{APP}"
NEWEST = f"GET /v3/deployments?app_guids={APP}&order_by=-created_at&per_page=5"
STATS, NEW_STATS = f"/v3/processes/{WEB}/stats", f"/v3/processes/{NEW_WEB}/stats"
CRASHES = (
    f"GET /v3/audit_events?order_by=-created_at&per_page=5&target_guids={APP}&types=audit.app.process.crash"
)
OOM = "APP/PROC/WEB: Exited with status 137 (out of memory). Give it more memory: `cf scale APP -m 1G`"
RUNS = Handle(APP, "", condition=RUNNING)
PERHAPS = Handle(APP, DEPLOYMENT, condition=ROLLED_OUT, owner=Owner.UNSURE)
ROLLS = Handle(APP, DEPLOYMENT, condition=ROLLED_OUT)


def deployment(value: str, reason: str, **more: Any) -> dict[str, Any]:
    row = body("deployment-get-200-deploying")
    return {**row, "status": {"value": value, "reason": reason}, **more}


def stats(*states_: str) -> dict[str, Any]:
    return {"resources": [instance(state, index) for index, state in enumerate(states_)]}


# --- reach


def test_it_is_reached_once_it_is_discovered_and_logged_in(wire: responses.RequestsMock) -> None:
    assert server(wire).connect() == "Cloud Foundry (API 3.228.0) at https://api.example.org"


# --- check


def test_a_check_finds_the_app_its_processes_and_its_address(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    for name in ("app-get-200-started", "app-processes-list-200-web-2", "app-routes-list-200"):
        serve(wire, name)
    assert cloud.resolve(APP) == Target(
        APP, "my_app", "app", "https://a-hostname.a-domain.com/some_path", "started"
    )
    assert asked(wire) == [f"GET {V3APP}", f"GET {V3APP}/processes", f"GET {V3APP}/routes"]
    seen = cloud.apps[APP]
    assert (seen.guid, seen.started, seen.droplet, seen.versions) == (APP, True, OLD_DROPLET, {WEB: VERSION})


def test_a_check_for_a_rolling_deployment_reads_the_newest_one(wire: responses.RequestsMock) -> None:
    cloud = server(wire, strategy="rolling")
    for name in ("app-get-200-started", "app-processes-list-200-web-2", "app-routes-list-200-none"):
        serve(wire, name)
    answer(wire, "GET", "/v3/deployments", listing(body("deployment-get-200-deploying")))
    cloud.resolve(APP)
    assert asked(wire) == [f"GET {V3APP}", NEWEST, f"GET {V3APP}/processes", f"GET {V3APP}/routes"]
    assert (cloud.apps[APP].newest, cloud.apps[APP].active) == (DEPLOYMENT, True)


def test_a_check_for_an_image_reads_which_one_is_there(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=":1.5.0")
    for name in ("app-get-200-docker-started", "app-processes-list-200-web-2", "app-routes-list-200"):
        serve(wire, name)
    droplet = {**body("droplet-get-200-docker"), "guid": OLD_DROPLET}
    serve(wire, "droplet-get-200-docker", path=f"/v3/droplets/{OLD_DROPLET}", body=droplet)
    answer(wire, "GET", "/v3/deployments", listing())
    cloud.resolve(APP)
    assert asked(wire) == [
        f"GET {V3APP}",
        NEWEST,
        f"GET /v3/droplets/{OLD_DROPLET}",
        f"GET {V3APP}/processes",
        f"GET {V3APP}/routes",
    ]
    assert cloud.apps[APP].image == IMAGE


def test_what_ran_before_is_what_the_first_check_saw(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    for name in (
        "app-get-200-stopped",
        "app-get-200-started",
        "app-processes-list-200-web-2",
        "app-routes-list-200",
    ):
        serve(wire, name)
    cloud.resolve(APP)
    cloud.resolve(APP)
    assert (cloud.apps[APP].was_started, cloud.apps[APP].started) == (False, True)


@pytest.mark.parametrize(
    ("app", "options", "sentence"),
    [
        pytest.param("app-get-200-no-droplet", {}, trigger_requests.NO_DROPLET, id="no-droplet"),
        pytest.param(
            "app-get-200-started",
            {"image": IMAGE},
            trigger_requests.NOT_DOCKER.format("buildpack"),
            id="no-docker-app",
        ),
        pytest.param(
            "app-get-200-docker-started",
            {"image": IMAGE},
            trigger_requests.IN_THE_WAY.format(DEPLOYMENT),
            id="a-deployment-in-the-way",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_sent(
    wire: responses.RequestsMock, app: str, options: dict[str, Any], sentence: str
) -> None:
    cloud = server(wire, **options)
    serve(wire, app)
    if options:
        answer(wire, "GET", "/v3/deployments", listing(body("deployment-get-200-deploying")))
    with pytest.raises(RefusedError) as refused:
        cloud.resolve(APP)
    assert str(refused.value) == sentence


def test_routes_that_may_not_be_read_are_no_reason_to_start_nothing(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    for name in ("app-get-200-started", "app-processes-list-200-web-2"):
        serve(wire, name)
    serve(wire, "app-start-403-not-authorized", "GET", f"{V3APP}/routes")
    assert cloud.resolve(APP).url == ""


# --- start

STARTS = [
    pytest.param(
        {},
        {"started": False},
        ["app-start-200"],
        [f"POST {V3APP}/actions/start"],
        Started((RUNS,)),
        id="start",
    ),
    pytest.param(
        {},
        {},
        ["app-start-200"],
        [f"POST {V3APP}/actions/start"],
        Started((RUNS,), trigger_requests.ALREADY),
        id="started-already",
    ),
    pytest.param(
        {"command": Command.RESTART},
        {},
        ["app-restart-200"],
        [f"POST {V3APP}/actions/restart"],
        Started((RUNS,)),
        id="restart",
    ),
    pytest.param(
        {"command": Command.STOP},
        {},
        ["app-stop-200"],
        [f"POST {V3APP}/actions/stop"],
        Started((Handle(APP, "", condition=STOPPED),)),
        id="stop",
    ),
    pytest.param(
        {"command": Command.STOP},
        {"started": False},
        [],
        [],
        AlreadyDone(trigger_requests.IS_STOPPED),
        id="stopped-already",
    ),
    pytest.param(
        {"strategy": "rolling"},
        {},
        ["deployment-create-201-rolling"],
        ["POST /v3/deployments"],
        Started((ROLLS,)),
        id="rolling",
    ),
    pytest.param(
        {"strategy": "rolling"},
        {"started": False},
        ["deployment-create-201-app-was-stopped"],
        ["POST /v3/deployments"],
        Started((ROLLS,)),
        id="rolling-of-a-stopped-app-is-looked-at-like-any",
    ),
    pytest.param(
        {"image": IMAGE},
        {"staged": DROPLET},
        [
            "app-get-200-docker-started",
            "app-processes-list-200-web-2",
            "current-droplet-patch-200",
            "app-restart-200",
        ],
        [
            f"GET {V3APP}",
            f"GET {V3APP}/processes",
            f"PATCH {V3APP}/relationships/current_droplet",
            f"POST {V3APP}/actions/restart",
        ],
        Started((RUNS,), trigger_requests.CARRIED_OUT),
        id="an-image-on-a-started-app",
    ),
    pytest.param(
        {"image": IMAGE},
        {"staged": DROPLET, "started": False},
        [
            "app-get-200-docker-started",
            "app-processes-list-200-web-2",
            "current-droplet-patch-200",
            "app-restart-200",
        ],
        [
            f"GET {V3APP}",
            f"GET {V3APP}/processes",
            f"PATCH {V3APP}/relationships/current_droplet",
            f"POST {V3APP}/actions/restart",
        ],
        Started((RUNS,), trigger_requests.CARRIED_OUT),
        id="an-app-that-was-started-while-it-was-staged",
    ),
]


@pytest.mark.parametrize(("options", "seen", "replies", "requests", "expected"), STARTS)
def test_a_start_is_one_request_that_starts_anything(  # noqa: PLR0913, PLR0917 -- the columns of a row
    wire: responses.RequestsMock,
    options: dict[str, Any],
    seen: dict[str, Any],
    replies: list[str],
    requests: list[str],
    expected: TriggerResult,
) -> None:
    cloud = server(wire, **options)
    known(cloud, **seen)
    for name in replies:
        serve(wire, name)
    assert cloud.trigger(APP) == expected
    assert asked(wire) == requests


def test_a_droplet_is_assigned_by_its_guid(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, staged=DROPLET)
    for name in (
        "app-get-200-stopped",
        "app-processes-list-200-web-2",
        "current-droplet-patch-200",
        "app-start-200",
    ):
        serve(wire, name)
    cloud.trigger(APP)
    assert bodies(wire) == [{"data": {"guid": DROPLET}}]


def test_a_rolling_deployment_brings_its_droplet_itself(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE, strategy="rolling")
    known(cloud, staged=DROPLET)
    serve(wire, "app-get-200-docker-started")
    serve(wire, "deployment-create-201-rolling")
    answer(wire, "GET", "/v3/deployments", listing())
    cloud.trigger(APP)
    assert asked(wire) == [f"GET {V3APP}", NEWEST, "POST /v3/deployments"]
    app = {"app": {"data": {"guid": APP}}}
    assert bodies(wire) == [{"strategy": "rolling", "relationships": app, "droplet": {"guid": DROPLET}}]


@pytest.mark.parametrize(
    "name", ["app-start-422-no-droplet", "app-start-422-log-rate-quota", "app-start-403-docker-disabled"]
)
def test_a_refusal_is_told_and_nothing_is_sent_again(wire: responses.RequestsMock, name: str) -> None:
    cloud = server(wire)
    known(cloud, started=False)
    serve(wire, name)
    with pytest.raises(RefusedError) as refused:
        cloud.trigger(APP)
    assert body(name)["errors"][0]["detail"].rstrip(".") in str(refused.value)
    assert len(asked(wire)) == 1


def test_a_refusal_after_the_droplet_was_assigned_says_so(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, staged=DROPLET)
    for name in (
        "app-get-200-stopped",
        "app-processes-list-200-web-2",
        "current-droplet-patch-200",
        "app-start-422-log-rate-quota",
    ):
        serve(wire, name)
    with pytest.raises(RefusedError, match=provider.DROPLET_ASSIGNED):
        cloud.trigger(APP)


@pytest.mark.parametrize(
    "name", ["current-droplet-patch-422-deploying", "current-droplet-patch-422-not-assignable"]
)
def test_a_droplet_that_cannot_be_assigned_is_not_started(wire: responses.RequestsMock, name: str) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, staged=DROPLET)
    for each in ("app-get-200-stopped", "app-processes-list-200-web-2", name):
        serve(wire, each)
    with pytest.raises(RefusedError):
        cloud.trigger(APP)
    assert asked(wire)[-1] == f"PATCH {V3APP}/relationships/current_droplet"


@pytest.mark.parametrize(
    ("broken", "arrived"),
    [
        pytest.param("app-start-503-db", True, id="the-trigger"),
        pytest.param("current-droplet-patch-200", False, id="the-assignment-starts-nothing"),
        pytest.param("app-processes-list-200-web-2", False, id="what-is-read-before"),
    ],
)
def test_only_a_lost_trigger_is_in_doubt(wire: responses.RequestsMock, broken: str, *, arrived: bool) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, staged=DROPLET)
    for name in (
        "app-get-200-stopped",
        "app-processes-list-200-web-2",
        "current-droplet-patch-200",
        "app-start-503-db",
    ):
        serve(wire, name, **({"status": 503, "body": body("app-start-503-db")} if name == broken else {}))
        if name == broken:
            break
    with pytest.raises(UnavailableError) as lost:
        cloud.trigger(APP)
    assert lost.value.may_have_arrived is arrived


@pytest.mark.parametrize("said", [{}, [], {"guid": "another"}, {"message": "OK"}, {"guid": None}])
@pytest.mark.parametrize(
    ("options", "path"),
    [({}, f"{V3APP}/actions/start"), ({"strategy": "restart"}, f"{V3APP}/actions/restart")],
    ids=["start", "restart"],
)
def test_a_good_answer_without_the_app_is_a_lost_one(
    wire: responses.RequestsMock, options: dict[str, Any], path: str, said: Any
) -> None:
    cloud = server(wire, **options)
    known(cloud)
    answer(wire, "POST", path, said)
    with pytest.raises(UnavailableError) as lost:
        cloud.trigger(APP)
    assert (lost.value.may_have_arrived, lost.value.server_error) == (True, lost.value.reason)


@pytest.mark.parametrize(
    ("what", "row"),
    [
        pytest.param(
            Handle(APP, DEPLOYMENT, condition=ROLLED_OUT), {"guid": "another"}, id="another-deployment"
        ),
        pytest.param(Handle(APP, DEPLOYMENT, condition=ROLLED_OUT), {}, id="none"),
        pytest.param(Handle(APP, DEPLOYMENT, condition=ROLLED_OUT), [], id="no-object"),
    ],
)
def test_a_look_that_is_answered_with_something_else_is_no_news(
    wire: responses.RequestsMock, what: Handle, row: Any
) -> None:
    """A cache, or a gateway that mixes up its connections."""
    cloud = server(wire)
    known(cloud)
    said = {**deployment("FINALIZED", "CANCELED"), **row} if row else row
    answer(wire, "GET", f"/v3/deployments/{DEPLOYMENT}", said)
    with pytest.raises(UnavailableError, match="about something else"):
        cloud.poll(what)


def test_processes_of_another_app_are_no_news(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    other = {**PROCESS, "relationships": {"app": {"data": {"guid": "another"}}}}
    answer(wire, "GET", f"{V3APP}/processes", listing(other))
    with pytest.raises(UnavailableError, match="about something else"):
        cloud.poll(RUNS)


def test_deployments_of_another_app_are_no_empty_list(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    seen = known(cloud, newest="before")
    seen.sent = rolling(seen, "")
    other = deployment("ACTIVE", "DEPLOYING", relationships={"app": {"data": {"guid": "another"}}})
    answer(wire, "GET", "/v3/deployments", listing(other))
    with pytest.raises(UnavailableError, match="about something else"):
        cloud.find_triggered(APP)


# --- a trigger without an answer

START_ACT = TriggerRequest(f"{V3APP}/actions/start", RUNNING, "start it")
STOP_ACT = TriggerRequest(f"{V3APP}/actions/stop", STOPPED, "stop it")
PROCESS = body("app-processes-list-200-web-2")["resources"][0]


def rolled(droplet: str = "") -> Callable[[Any], TriggerRequest]:
    return lambda seen: rolling(seen, droplet)


FOUND = [
    pytest.param(lambda _: START_ACT, ["app-get-200-started"], [], Started((RUNS,)), id="started"),
    pytest.param(lambda _: START_ACT, ["app-get-200-stopped"], [], None, id="not-started"),
    pytest.param(
        lambda _: STOP_ACT,
        ["app-get-200-stopped"],
        [],
        Started((Handle(APP, "", condition=STOPPED),)),
        id="stopped",
    ),
    pytest.param(lambda _: STOP_ACT, ["app-get-200-started"], [], None, id="not-stopped"),
    pytest.param(
        lambda seen: restart(seen, ""),
        [],
        [("processes", [{**PROCESS, "version": "another"}])],
        Started((RUNS,), "its processes were started anew"),
        id="restarted",
    ),
    pytest.param(lambda seen: restart(seen, ""), [], [("processes", [PROCESS])], None, id="not-restarted"),
    pytest.param(
        lambda seen: restart(seen, ""),
        [],
        [("processes", [{"guid": WEB}])],
        AccessDenied(provider.CANNOT_TELL),
        id="no-version-is-told",
    ),
    pytest.param(
        rolled(DROPLET), [], [("deployments", [deployment("ACTIVE", "DEPLOYING")])], Started((ROLLS,)), id="1"
    ),
    pytest.param(
        rolled(),
        [],
        [("deployments", [deployment("ACTIVE", "DEPLOYING")])],
        Started((PERHAPS,)),
        id="of-a-droplet-that-was-not-there",
    ),
    pytest.param(
        rolled(DROPLET),
        [],
        [("deployments", [deployment("FINALIZED", "DEPLOYED")])],
        Started((ROLLS,)),
        id="over",
    ),
    pytest.param(
        rolled(),
        [],
        [("deployments", [deployment("ACTIVE", "DEPLOYING", guid="before")])],
        None,
        id="only-the-one-before",
    ),
    pytest.param(rolled(), [], [("deployments", [])], None, id="none"),
    pytest.param(
        rolled("another"),
        [],
        [("deployments", [deployment("ACTIVE", "DEPLOYING")])],
        None,
        id="another-droplet",
    ),
    pytest.param(
        rolled(DROPLET),
        [],
        [
            (
                "deployments",
                [
                    deployment("ACTIVE", "DEPLOYING", guid="b"),
                    deployment("FINALIZED", "SUPERSEDED", guid="a"),
                ],
            )
        ],
        Started((Handle(APP, "a", condition=ROLLED_OUT, owner=Owner.UNSURE),)),
        id="several",
    ),
    pytest.param(
        lambda _: trigger_requests.cancelling(DEPLOYMENT),
        ["deployment-get-200-canceling"],
        [],
        Started((Handle(APP, DEPLOYMENT, condition=REVERTED),)),
        id="cancelled",
    ),
    pytest.param(
        lambda _: trigger_requests.cancelling(DEPLOYMENT),
        ["deployment-get-200-deploying"],
        [],
        None,
        id="not-cancelled",
    ),
]


@pytest.mark.parametrize(("sent", "replies", "lists", "expected"), FOUND)
def test_what_a_lost_trigger_has_done_is_seen_by_what_is_there_now(
    wire: responses.RequestsMock,
    sent: Callable[[Any], TriggerRequest],
    replies: list[str],
    lists: list[tuple[str, list[Any]]],
    expected: Any,
) -> None:
    cloud = server(wire)
    seen = known(cloud, newest="before")
    seen.sent = sent(seen)
    for name in replies:
        serve(wire, name)
    for what, rows in lists:
        answer(
            wire, "GET", f"{V3APP}/processes" if what == "processes" else "/v3/deployments", listing(*rows)
        )
    assert cloud.find_triggered(APP) == expected
    assert len(asked(wire)) == 1


def test_nothing_is_looked_for_that_was_never_sent(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    assert cloud.find_triggered(APP) is None
    assert asked(wire) == []


# --- looking at instances


def test_a_look_lists_the_processes_and_reads_each(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "app-processes-list-200-web-2")
    serve(wire, "process-stats-200-all-running")
    assert [cloud.poll(RUNS) for _ in range(2)] == [
        Snapshot(
            Phase.SUCCEEDED, "2 of 2 running", stable_for=instance_status.SECOND_POLL_SECONDS, final=False
        )
    ] * 2
    assert asked(wire) == [f"GET {V3APP}/processes", f"GET {STATS}", f"GET {STATS}"]


def test_a_process_of_zero_instances_is_not_asked_for(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "app-processes-list-200-web-0")
    found = cloud.poll(RUNS)
    assert (found.phase, found.warnings) == (Phase.SUCCEEDED, (instance_status.NOTHING_RUNS,))
    assert asked(wire) == [f"GET {V3APP}/processes"]


def test_an_app_that_is_scaled_to_nothing_meanwhile_is_seen_to_be(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "app-processes-list-200-web-2")
    serve(wire, "process-stats-200-zero-instances")
    serve(wire, "app-processes-list-200-web-0")
    assert [cloud.poll(RUNS).phase for _ in range(2)] == [Phase.RUNNING, Phase.SUCCEEDED]


@pytest.mark.parametrize(
    ("state", "phase"),
    [("app-get-200-stopped", Phase.CANCELLED), ("app-get-200-started", Phase.RUNNING)],
    ids=["stopped", "no-room"],
)
def test_where_no_instance_comes_it_is_read_whether_one_is_still_wanted(
    wire: responses.RequestsMock, state: str, phase: Phase
) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "app-processes-list-200-web-2")
    serve(wire, "process-stats-200-down-just-started")
    serve(wire, state)
    seen = [cloud.poll(RUNS) for _ in range(5)]
    assert [each.phase for each in seen] == [*[Phase.RUNNING] * 4, phase]
    assert (seen[-1].reason == poll.STOPPED_MEANWHILE) is (phase is Phase.CANCELLED)
    assert asked(wire)[-1] == f"GET {V3APP}"
    assert len([each for each in asked(wire) if each == f"GET {V3APP}"]) == 1


def test_statistics_that_are_away_for_a_while_are_no_news(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "app-processes-list-200-web-2")
    serve(wire, "process-stats-503-unavailable")
    with pytest.raises(UnavailableError):
        cloud.poll(RUNS)


def test_a_process_that_is_gone_has_been_replaced(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "app-processes-list-200-web-2")
    answer(wire, "GET", f"{V3APP}/processes", listing({**PROCESS, "guid": NEW_WEB}))
    serve(wire, "process-stats-404")
    serve(wire, "process-stats-200-all-running", path=NEW_STATS)
    with pytest.raises(UnavailableError):
        cloud.poll(RUNS)
    assert cloud.poll(RUNS).phase is Phase.SUCCEEDED
    assert asked(wire) == [
        f"GET {V3APP}/processes",
        f"GET {STATS}",
        f"GET {V3APP}/processes",
        f"GET {NEW_STATS}",
    ]


def test_an_app_that_is_scaled_meanwhile_is_counted_anew(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "app-processes-list-200-web-2")
    answer(wire, "GET", f"{V3APP}/processes", listing({**PROCESS, "instances": 1}))
    answer(wire, "GET", STATS, stats("RUNNING"))
    assert [cloud.poll(RUNS).phase for _ in range(2)] == [Phase.RUNNING, Phase.SUCCEEDED]


def test_a_crash_is_told_with_the_reason_of_its_event_which_is_read_once(
    wire: responses.RequestsMock,
) -> None:
    cloud = server(wire)
    known(cloud)
    for name in ("app-processes-list-200-web-2", "process-stats-200-all-crashed", "audit-events-crash-200"):
        serve(wire, name)
    found = [cloud.poll(RUNS) for _ in range(2)]
    assert [each.reason for each in found] == [f"it crashes (0 of 2 running, 2 crashed): {OOM}"] * 2
    assert (found[0].phase, found[0].shows_failure, found[0].stable_for) == (
        Phase.FAILED,
        True,
        instance_status.SECOND_POLL_SECONDS,
    )
    assert asked(wire) == [f"GET {V3APP}/processes", f"GET {STATS}", CRASHES, f"GET {STATS}"]


def test_events_that_may_not_be_read_leave_a_crash_a_crash(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    for name in ("app-processes-list-200-web-2", "process-stats-200-all-crashed"):
        serve(wire, name)
    serve(wire, "app-start-403-not-authorized", "GET", "/v3/audit_events")
    assert cloud.poll(RUNS).reason == "it crashes (0 of 2 running, 2 crashed)"


def test_an_instance_that_was_replaced_between_two_looks_starts_the_count_anew(
    wire: responses.RequestsMock,
) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "app-processes-list-200-web-2")
    answer(wire, "GET", STATS, stats("RUNNING", "RUNNING"))
    answer(
        wire,
        "GET",
        STATS,
        {"resources": [instance("RUNNING", 0), instance("RUNNING", 1, instance_guid="another")]},
    )
    assert [cloud.poll(RUNS).phase for _ in range(3)] == [Phase.SUCCEEDED, Phase.RUNNING, Phase.SUCCEEDED]


def test_a_stopped_app_is_looked_at_until_nothing_of_it_runs(wire: responses.RequestsMock) -> None:
    cloud = server(wire, command=Command.STOP)
    known(cloud)
    serve(wire, "app-processes-list-200-web-2")
    serve(wire, "process-stats-200-stopping")
    serve(wire, "process-stats-200-down-just-started")
    stopped = Handle(APP, "", condition=STOPPED)
    assert [cloud.poll(stopped).phase for _ in range(2)] == [Phase.RUNNING, Phase.SUCCEEDED]


def test_a_warning_of_the_server_is_handed_on_once(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "app-processes-list-200-web-2")
    serve(wire, "process-stats-200-metrics-unavailable-warning")
    assert [cloud.poll(RUNS).warnings for _ in range(2)] == [("Stats server temporarily unavailable.",), ()]


def test_a_look_shows_what_was_logged_since_the_last(wire: responses.RequestsMock) -> None:
    cloud = server(wire, logs=True)
    known(cloud).log.since = 0
    serve(wire, "app-processes-list-200-web-2")
    serve(wire, "process-stats-200-all-running")
    serve(wire, "log-cache-read-200", path=f"{LOGS}/api/v1/read/{APP}")
    found = [cloud.poll(RUNS).log for _ in range(2)]
    assert [len(each or ()) for each in found] == [4, 0]


# --- looking at a rolling deployment


def test_a_deployment_that_is_going_is_looked_at_with_its_new_instances(wire: responses.RequestsMock) -> None:
    cloud = server(wire, strategy="rolling")
    known(cloud)
    serve(wire, "deployment-get-200-deploying")
    answer(wire, "GET", NEW_STATS, stats("STARTING"))
    new = "0 of 1 running, 1 starting"
    reason = f"its instances were still being replaced (new ones: {new})"
    assert cloud.poll(ROLLS) == Snapshot(Phase.RUNNING, f"deploying; new instances: {new}", reason=reason)
    assert asked(wire) == [f"GET /v3/deployments/{DEPLOYMENT}", f"GET {NEW_STATS}"]


def test_new_instances_that_are_not_there_yet_are_no_trouble(wire: responses.RequestsMock) -> None:
    cloud = server(wire, strategy="rolling")
    known(cloud)
    serve(wire, "deployment-get-200-deploying")
    serve(wire, "process-stats-404", path=NEW_STATS)
    assert cloud.poll(ROLLS).phase is Phase.RUNNING


def test_a_deployment_whose_new_instances_crash_has_failed_although_it_goes_on(
    wire: responses.RequestsMock,
) -> None:
    cloud = server(wire, strategy="rolling")
    known(cloud)
    serve(wire, "deployment-get-200-deploying")
    answer(wire, "GET", NEW_STATS, stats("CRASHED"))
    events = body("audit-events-crash-200")
    events["resources"][0]["actor"]["guid"] = NEW_WEB
    serve(wire, "audit-events-crash-200", body=events)
    found = cloud.poll(ROLLS)
    assert (found.phase, found.shows_failure) == (Phase.FAILED, True)
    assert found.reason.startswith(
        f"it crashes (0 of 1 running, 1 crashed): {OOM}. The deployment goes on trying"
    )


def test_a_deployed_one_is_done_when_its_instances_run(wire: responses.RequestsMock) -> None:
    cloud = server(wire, strategy="rolling")
    known(cloud).processes = [PROCESS]
    serve(wire, "deployment-get-200-deployed")
    answer(wire, "GET", f"{V3APP}/processes", listing({**PROCESS, "guid": NEW_WEB}))
    answer(wire, "GET", NEW_STATS, stats("STARTING", "STARTING"))
    answer(wire, "GET", NEW_STATS, stats("RUNNING", "RUNNING"))
    assert [cloud.poll(ROLLS).phase for _ in range(2)] == [Phase.RUNNING, Phase.SUCCEEDED]
    assert asked(wire) == [
        f"GET /v3/deployments/{DEPLOYMENT}",
        f"GET {V3APP}/processes",
        f"GET {NEW_STATS}",
        f"GET {NEW_STATS}",
    ]


@pytest.mark.parametrize(
    ("reason", "phase"),
    [("CANCELED", Phase.CANCELLED), ("SUPERSEDED", Phase.SUPERSEDED)],
    ids=["cancelled", "superseded"],
)
def test_a_deployment_that_is_over_otherwise_is_told_apart(
    wire: responses.RequestsMock, reason: str, phase: Phase
) -> None:
    cloud = server(wire, strategy="rolling")
    known(cloud)
    serve(wire, "deployment-get-200-canceled", body=deployment("FINALIZED", reason))
    assert cloud.poll(ROLLS).phase is phase


# --- staging


def test_an_image_becomes_a_package_and_a_build(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, image="ghcr.io/acme/web:1.4.1")
    serve(wire, "package-create-docker-201-public")
    serve(wire, "build-create-201-staging-docker")
    assert cloud.apply_changes(APP) == Changes(
        (f"image: ghcr.io/acme/web:1.4.1 → {IMAGE}",),
        unchanged=(f"the image {IMAGE} is being staged",),
        handles=(Handle(APP, BUILD, condition=STAGED),),
    )
    assert asked(wire) == ["POST /v3/packages", "POST /v3/builds"]
    app = {"app": {"data": {"guid": APP}}}
    assert bodies(wire) == [
        {"type": "docker", "relationships": app, "data": {"image": IMAGE}},
        {"package": {"guid": PACKAGE}},
    ]


def test_the_registry_s_login_goes_along_with_the_image_and_into_no_sentence(
    wire: responses.RequestsMock,
) -> None:
    cloud = server(wire, image=IMAGE, docker_username="robot", docker_password="s3cret-of-the-registry")
    known(cloud)
    serve(wire, "package-create-docker-201")
    serve(wire, "build-create-201-staging-docker")
    prepared = cloud.apply_changes(APP)
    assert bodies(wire)[0]["data"] == {
        "image": IMAGE,
        "username": "robot",
        "password": "s3cret-of-the-registry",
    }
    assert "s3cret" not in repr((prepared, cloud.options, cloud.apps))


def test_a_second_try_posts_nothing_that_is_there(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, package=PACKAGE, packed=True, build=BUILD)
    assert cloud.apply_changes(APP).handles == (Handle(APP, BUILD, condition=STAGED),)
    assert asked(wire) == []


@pytest.mark.parametrize(
    ("built", "requests"),
    [
        pytest.param([{"guid": BUILD}], [f"GET /v3/builds?package_guids={PACKAGE}"], id="it-was-made"),
        pytest.param([], [f"GET /v3/builds?package_guids={PACKAGE}", "POST /v3/builds"], id="it-was-not"),
    ],
)
def test_a_build_whose_answer_was_lost_is_looked_for(
    wire: responses.RequestsMock, built: list[Any], requests: list[str]
) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, package=PACKAGE, packed=True)
    wire.add("POST", "https://api.example.org/v3/builds", status=502, body="bad gateway")
    with pytest.raises(UnavailableError):
        cloud.apply_changes(APP)
    wire.reset()
    answer(wire, "GET", "/v3/builds", listing(*built))
    if not built:
        serve(wire, "build-create-201-staging-docker")
    assert cloud.apply_changes(APP).handles == (Handle(APP, BUILD, condition=STAGED),)
    assert asked(wire) == requests


def test_another_build_of_the_app_is_waited_for(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, package=PACKAGE, packed=True)
    serve(wire, "build-create-422-in-progress")
    with pytest.raises(UnavailableError) as later:
        cloud.apply_changes(APP)
    assert later.value.retry_after > 0


def test_a_package_that_is_not_ready_at_once_is_waited_for(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud)
    serve(
        wire,
        "package-create-docker-201-public",
        body={**body("package-create-docker-201-public"), "state": "PROCESSING_UPLOAD"},
    )
    answer(wire, "GET", f"/v3/packages/{PACKAGE}", {"guid": PACKAGE, "state": "PROCESSING_UPLOAD"})
    with pytest.raises(UnavailableError):
        cloud.apply_changes(APP)
    wire.replace(
        "GET", f"https://api.example.org/v3/packages/{PACKAGE}", json={"guid": PACKAGE, "state": "READY"}
    )
    serve(wire, "build-create-201-staging-docker")
    assert cloud.apply_changes(APP).handles
    assert asked(wire) == ["POST /v3/packages", *[f"GET /v3/packages/{PACKAGE}"] * 2, "POST /v3/builds"]


@pytest.mark.parametrize("state", ["FAILED", "EXPIRED"])
def test_a_package_that_failed_is_refused(wire: responses.RequestsMock, state: str) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, package=PACKAGE)
    answer(wire, "GET", f"/v3/packages/{PACKAGE}", {"guid": PACKAGE, "state": state})
    with pytest.raises(RefusedError, match=state):
        cloud.apply_changes(APP)


@pytest.mark.parametrize(
    "name",
    ["package-create-422-buildpack-app", "build-create-400-package-not-ready", "build-create-422-package"],
)
def test_a_staging_that_is_refused_is_told(wire: responses.RequestsMock, name: str) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, package="" if name.startswith("package") else PACKAGE, packed=True)
    serve(wire, name)
    with pytest.raises(RefusedError):
        cloud.apply_changes(APP)


def test_a_staged_build_leaves_its_droplet_for_the_start(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    seen = known(cloud)
    serve(wire, "build-get-200-staging-docker")
    serve(wire, "build-get-200-staged-docker")
    build = Handle(APP, BUILD, condition=STAGED)
    assert [cloud.poll(build).phase for _ in range(2)] == [Phase.RUNNING, Phase.SUCCEEDED]
    assert seen.staged == DROPLET


def test_a_failed_staging_has_its_cause_from_the_log(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE, logs=True)
    known(cloud).log.since = 0
    serve(wire, "build-get-200-failed-docker")
    serve(wire, "log-cache-read-200-staging", path=f"{LOGS}/api/v1/read/{APP}")
    found = cloud.poll(Handle(APP, BUILD, condition=STAGED))
    assert found.phase is Phase.FAILED
    assert (
        "due to manifest unknown. The registry has no such image or no such tag: is it pushed already?"
        in found.reason
    )
    assert len(found.log or ()) == 3


def test_nothing_is_staged_without_an_image(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    assert cloud.apply_changes(APP) == Changes(())


# --- back


UNDOS = [
    pytest.param(
        {"staged": DROPLET, "was_started": False},
        RUNS,
        [],
        Rejected(rollback.STOPPED_BEFORE),
        id="it-was-stopped",
    ),
    pytest.param({}, RUNS, [], Rejected(rollback.SAME_DROPLET), id="the-same-droplet"),
    pytest.param({"staged": OLD_DROPLET}, RUNS, [], Rejected(rollback.SAME_DROPLET), id="staged-to-the-same"),
    pytest.param(
        {"staged": DROPLET, "droplet": ""}, RUNS, [], Rejected(rollback.SAME_DROPLET), id="none-before"
    ),
    pytest.param(
        {"staged": DROPLET},
        RUNS,
        [
            f"GET {V3APP}",
            f"GET {V3APP}/processes",
            f"PATCH {V3APP}/relationships/current_droplet",
            f"POST {V3APP}/actions/restart",
        ],
        Started((RUNS,), f"back to droplet {OLD_DROPLET}"),
        id="by-a-restart",
    ),
]


@pytest.mark.parametrize(("seen", "deployed", "requests", "expected"), UNDOS)
def test_what_ran_before_is_put_back_where_there_is_a_way(
    wire: responses.RequestsMock,
    seen: dict[str, Any],
    deployed: Handle,
    requests: list[str],
    expected: TriggerResult,
) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, **seen)
    if requests:
        for name in (
            "app-get-200-docker-started",
            "app-processes-list-200-web-2",
            "current-droplet-patch-200",
            "app-restart-200",
        ):
            serve(wire, name)
    assert cloud.rollback(APP, deployed) == expected
    assert asked(wire) == requests


def test_a_deployment_that_is_not_over_is_cancelled_and_followed_until_what_ran_before_is_back(
    wire: responses.RequestsMock,
) -> None:
    cloud = server(wire, strategy="rolling")
    known(cloud)
    for name in (
        "deployment-cancel-200",
        "deployment-get-200-canceling",
        "deployment-get-200-canceling",
        "deployment-get-200-canceled",
    ):
        serve(wire, name)
    back = Handle(APP, DEPLOYMENT, condition=REVERTED)
    assert cloud.rollback(APP, ROLLS) == Started((back,))
    serve(wire, "app-processes-list-200-web-2")
    serve(wire, "process-stats-200-all-running")
    assert [cloud.poll(back).phase for _ in range(2)] == [Phase.RUNNING, Phase.SUCCEEDED]
    cancel = f"/v3/deployments/{DEPLOYMENT}"
    assert asked(wire) == [
        f"POST {cancel}/actions/cancel",
        *[f"GET {cancel}"] * 3,
        f"GET {V3APP}/processes",
        f"GET {STATS}",
    ]


def test_a_deployed_one_is_rolled_back_by_another(wire: responses.RequestsMock) -> None:
    cloud = server(wire, strategy="rolling", image=IMAGE)
    known(cloud, staged=DROPLET, deployed=DEPLOYMENT)
    serve(wire, "app-get-200-docker-started")
    answer(wire, "GET", "/v3/deployments", listing(body("deployment-get-200-deployed")))
    answer(wire, "POST", "/v3/deployments", {"guid": "back"}, 201)
    assert cloud.rollback(APP, ROLLS) == Started(
        (Handle(APP, "back", condition=ROLLED_OUT),), f"back to droplet {OLD_DROPLET}"
    )
    assert bodies(wire)[-1]["droplet"] == {"guid": OLD_DROPLET}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        pytest.param("app-start-500-unknown", {}, id="its-own-failure"),
        pytest.param(
            "app-start-500-unknown", {"status": 403, "body": "<html>Blocked</html>"}, id="a-gateway-s-page"
        ),
        pytest.param("app-start-500-unknown", {"status": 201, "body": {"message": "OK"}}, id="another-shape"),
    ],
)
def test_a_server_that_breaks_is_not_asked_for_ever_to_stage(
    wire: responses.RequestsMock, name: str, changes: dict[str, Any]
) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud)
    for _ in range(3):
        serve(wire, name, "POST", "/v3/packages", **changes)
    for expected in (UnavailableError, UnavailableError, RefusedError):
        with pytest.raises(expected):
            cloud.apply_changes(APP)


@pytest.mark.parametrize("wait", [True, False])
def test_a_warning_is_told_where_no_look_follows(wire: responses.RequestsMock, *, wait: bool) -> None:
    cloud = server(wire, wait=wait)
    known(cloud)
    cloud.api.warnings.append("an old buildpack")
    serve(wire, "app-start-200")
    answered = cloud.trigger(APP)
    assert isinstance(answered, Started)
    assert answered.note.endswith("an old buildpack") is not wait
    assert cloud.describe(APP)[-1] == "an old buildpack"


def test_a_droplet_that_somebody_has_assigned_meanwhile_stays(wire: responses.RequestsMock) -> None:
    cloud = server(wire, image=IMAGE)
    known(cloud, staged="staged", droplet="before")
    serve(wire, "app-get-200-docker-started")
    answer(wire, "GET", f"{V3APP}/processes", listing())
    assert cloud.rollback(APP, Handle(APP, "", condition=RUNNING)) == Rejected(rollback.ANOTHER_DROPLET)


BACKS = [
    pytest.param(
        {"active": True, "newest": DEPLOYMENT},
        [],
        [f"POST /v3/deployments/{DEPLOYMENT}/actions/cancel", f"GET /v3/deployments/{DEPLOYMENT}"],
        None,
        id="what-is-going-is-cancelled",
    ),
    pytest.param(
        {"previous": "older"},
        [{"guid": OLD_DROPLET}, {"guid": "old"}, {"guid": "older"}],
        [
            f"GET {V3APP}/droplets?order_by=-created_at&per_page=50&states=STAGED",
            f"PATCH {V3APP}/relationships/current_droplet",
            f"POST {V3APP}/actions/restart",
        ],
        {"data": {"guid": "older"}},
        id="what-the-newest-deployment-replaced",
    ),
    pytest.param(
        {"previous": "newer"},
        [{"guid": "newer"}, {"guid": OLD_DROPLET}, {"guid": "older"}],
        [
            f"GET {V3APP}/droplets?order_by=-created_at&per_page=50&states=STAGED",
            f"PATCH {V3APP}/relationships/current_droplet",
            f"POST {V3APP}/actions/restart",
        ],
        {"data": {"guid": "older"}},
        id="never-forward-to-what-was-put-back",
    ),
    pytest.param(
        {},
        [{"guid": "newer"}, {"guid": OLD_DROPLET}, {"guid": "older"}],
        [
            f"GET {V3APP}/droplets?order_by=-created_at&per_page=50&states=STAGED",
            f"PATCH {V3APP}/relationships/current_droplet",
            f"POST {V3APP}/actions/restart",
        ],
        {"data": {"guid": "older"}},
        id="the-droplet-before",
    ),
]


@pytest.mark.parametrize(("seen", "droplets", "requests", "sent"), BACKS)
def test_a_rollback_on_demand_goes_back_by_one(
    wire: responses.RequestsMock, seen: dict[str, Any], droplets: list[Any], requests: list[str], sent: Any
) -> None:
    cloud = server(wire, command=Command.ROLLBACK)
    known(cloud, **seen)
    if droplets:
        answer(wire, "GET", f"{V3APP}/droplets", listing(*droplets))
    for name in (
        ("current-droplet-patch-200", "app-restart-200")
        if sent
        else ("deployment-cancel-200", "deployment-get-200-canceling")
    ):
        serve(wire, name)
    assert isinstance(cloud.trigger(APP), Started)
    assert asked(wire) == requests
    assert bodies(wire) == ([sent] if sent else [])


@pytest.mark.parametrize(
    "droplets",
    [[], [{"guid": "other"}], [{"guid": "newer"}, {"guid": OLD_DROPLET}]],
    ids=["none", "lost", "oldest"],
)
def test_a_rollback_on_demand_without_a_droplet_from_before_is_refused(
    wire: responses.RequestsMock, droplets: list[Any]
) -> None:
    cloud = server(wire, command=Command.ROLLBACK)
    known(cloud)
    answer(wire, "GET", f"{V3APP}/droplets", listing(*droplets))
    assert cloud.trigger(APP) == Rejected(rollback.NONE_BEFORE)


OF_OLD = {"droplet": {"guid": OLD_DROPLET}}


@pytest.mark.parametrize(
    ("newest", "active", "previous"),
    [
        pytest.param(
            deployment(
                "FINALIZED", "DEPLOYED", droplet={"guid": OLD_DROPLET}, previous_droplet={"guid": "p"}
            ),
            False,
            "p",
            id="it",
        ),
        pytest.param(
            deployment("FINALIZED", "DEPLOYED", previous_droplet={"guid": "p"}),
            False,
            "",
            id="another-droplet-is-there",
        ),
        pytest.param(deployment("FINALIZED", "CANCELED", **OF_OLD), False, "", id="cancelled"),
        pytest.param(deployment("ACTIVE", "DEPLOYING", **OF_OLD), True, "", id="going"),
    ],
)
def test_the_droplet_before_is_the_one_that_the_newest_deployment_replaced(
    wire: responses.RequestsMock, newest: dict[str, Any], *, active: bool, previous: str
) -> None:
    cloud = server(wire, command=Command.ROLLBACK)
    for name in ("app-get-200-started", "app-processes-list-200-web-2", "app-routes-list-200"):
        serve(wire, name)
    answer(wire, "GET", "/v3/deployments", listing(newest))
    cloud.resolve(APP)
    assert (cloud.apps[APP].active, cloud.apps[APP].previous) == (active, previous)


# --- cancelling


def test_only_a_deployment_that_is_not_over_is_going(wire: responses.RequestsMock) -> None:
    cloud = server(wire, command=Command.CANCEL)
    known(cloud)
    answer(
        wire,
        "GET",
        "/v3/deployments",
        listing(deployment("ACTIVE", "DEPLOYING"), deployment("FINALIZED", "SUPERSEDED", guid="b")),
    )
    assert cloud.active(APP) == (Handle(APP, DEPLOYMENT, owner=Owner.OTHERS, condition=ROLLED_OUT),)
    assert asked(wire) == [NEWEST]


CANCELLED, STAYS = "cancelled: the server puts back what ran before", "already over: what is deployed stays"
CANCEL, IT = f"POST /v3/deployments/{DEPLOYMENT}/actions/cancel", f"GET /v3/deployments/{DEPLOYMENT}"


@pytest.mark.parametrize(
    ("replies", "how", "requests"),
    [
        pytest.param(
            ["deployment-cancel-200", "deployment-get-200-canceling"],
            CANCELLED,
            [CANCEL, IT],
            id="an-empty-answer",
        ),
        pytest.param(["app-start-200"], CANCELLED, [CANCEL], id="any-good-answer"),
        pytest.param(["deployment-cancel-422-final"], STAYS, [CANCEL], id="over"),
    ],
)
def test_a_deployment_is_cancelled(
    wire: responses.RequestsMock, replies: list[str], how: str, requests: list[str]
) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, replies[0], "POST", f"/v3/deployments/{DEPLOYMENT}/actions/cancel")
    for name in replies[1:]:
        serve(wire, name)
    assert cloud.cancel(ROLLS) == how
    assert asked(wire) == requests


@pytest.mark.parametrize(
    ("value", "reason", "how"),
    [
        ("ACTIVE", "CANCELING", CANCELLED),
        ("FINALIZED", "CANCELED", CANCELLED),
        ("FINALIZED", "DEPLOYED", STAYS),
        ("FINALIZED", "SUPERSEDED", STAYS),
        ("ACTIVE", "DEPLOYING", None),
        ("ACTIVE", "PAUSED", None),
    ],
)
def test_a_cancel_without_a_usable_answer_is_what_the_deployment_says(
    wire: responses.RequestsMock, value: str, reason: str, how: str | None
) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "deployment-cancel-200")
    serve(wire, "deployment-get-200-deploying", body=deployment(value, reason))
    if how:
        assert cloud.cancel(ROLLS) == how
    else:
        with pytest.raises(UnavailableError) as lost:
            cloud.cancel(ROLLS)
        assert lost.value.may_have_arrived
    assert asked(wire) == [CANCEL, IT]


def test_a_cancel_that_was_sent_stays_sent_if_nobody_tells_what_became_of_it(
    wire: responses.RequestsMock,
) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "deployment-cancel-200")
    wire.get(f"{API}/v3/deployments/{DEPLOYMENT}", body=requests.exceptions.ConnectTimeout("gone"))
    with pytest.raises(UnavailableError) as lost:
        cloud.cancel(ROLLS)
    assert lost.value.may_have_arrived


@pytest.mark.parametrize(
    ("aspect", "how"),
    [
        pytest.param(RUNNING, provider.CANNOT_UNDO, id="a-start"),
        pytest.param(STOPPED, provider.CANNOT_UNDO, id="a-stop"),
        pytest.param(STAGED, provider.CONTINUES[STAGED], id="a-staging"),
        pytest.param(REVERTED, provider.CONTINUES[REVERTED], id="a-way-back"),
    ],
)
def test_what_cannot_be_taken_back_is_said_and_nothing_is_sent(
    wire: responses.RequestsMock, aspect: str, how: str
) -> None:
    cloud = server(wire)
    known(cloud)
    assert cloud.cancel(Handle(APP, "x", condition=aspect)) == how
    assert asked(wire) == []


def test_what_was_cancelled_is_over_without_a_look_at_its_instances(wire: responses.RequestsMock) -> None:
    cloud = server(wire, command=Command.CANCEL)
    known(cloud)
    serve(wire, "deployment-get-200-canceling")
    serve(wire, "deployment-get-200-canceled")
    assert [cloud.poll(ROLLS).phase for _ in range(2)] == [Phase.RUNNING, Phase.CANCELLED]
    assert asked(wire) == [f"GET /v3/deployments/{DEPLOYMENT}"] * 2
