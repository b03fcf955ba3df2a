"""Cloud Foundry: polling instances and rolling deployments."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from deployer.model import Command, Handle, Phase, Snapshot, UnavailableError
from deployer.providers.cloudfoundry.condition import Condition
from deployer.providers.cloudfoundry.watching import instance_status, poll
from tests.providers.cloudfoundry.foundation import NEW_STATS, PROCESS, ROLLS, RUNS, STATS, V3APP, deployment
from tests.providers.cloudfoundry.support import (
    APP,
    DEPLOYMENT,
    LOGS,
    NEW_WEB,
    answer,
    asked,
    body,
    instance,
    known,
    listing,
    serve,
    server,
)

CRASHES = (
    f"GET /v3/audit_events?order_by=-created_at&per_page=5&target_guids={APP}&types=audit.app.process.crash"
)


OOM = "APP/PROC/WEB: Exited with status 137 (out of memory). Increase its memory: `cf scale APP -m 1G`"


def stats(*states_: str) -> dict[str, Any]:
    return {"resources": [instance(state, index) for index, state in enumerate(states_)]}


# --- instances


def test_a_poll_lists_the_processes_and_reads_each(wire: responses.RequestsMock) -> None:
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


def test_a_process_with_zero_instances_needs_no_request(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "app-processes-list-200-web-0")
    found = cloud.poll(RUNS)
    assert (found.phase, found.warnings) == (Phase.SUCCEEDED, (instance_status.NOTHING_RUNS,))
    assert asked(wire) == [f"GET {V3APP}/processes"]


def test_scaling_to_zero_instances_is_noticed(wire: responses.RequestsMock) -> None:
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
def test_without_any_instance_the_desired_state_is_read(
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


def test_unavailable_statistics_are_an_error(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "app-processes-list-200-web-2")
    serve(wire, "process-stats-503-unavailable")
    with pytest.raises(UnavailableError):
        cloud.poll(RUNS)


def test_a_missing_process_was_replaced(wire: responses.RequestsMock) -> None:
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


def test_the_processes_of_a_scaled_app_are_listed_again(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "app-processes-list-200-web-2")
    answer(wire, "GET", f"{V3APP}/processes", listing({**PROCESS, "instances": 1}))
    answer(wire, "GET", STATS, stats("RUNNING"))
    assert [cloud.poll(RUNS).phase for _ in range(2)] == [Phase.RUNNING, Phase.SUCCEEDED]


def test_a_crash_is_reported_with_the_reason_of_its_event_which_is_read_once(
    wire: responses.RequestsMock,
) -> None:
    cloud = server(wire)
    known(cloud)
    for name in ("app-processes-list-200-web-2", "process-stats-200-all-crashed", "audit-events-crash-200"):
        serve(wire, name)
    found = [cloud.poll(RUNS) for _ in range(2)]
    assert [each.reason for each in found] == [f"the app crashes (0 of 2 running, 2 crashed): {OOM}"] * 2
    assert (found[0].phase, found[0].shows_failure, found[0].stable_for) == (
        Phase.FAILED,
        True,
        instance_status.SECOND_POLL_SECONDS,
    )
    assert asked(wire) == [f"GET {V3APP}/processes", f"GET {STATS}", CRASHES, f"GET {STATS}"]


def test_a_crash_without_readable_events_is_still_a_crash(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    for name in ("app-processes-list-200-web-2", "process-stats-200-all-crashed"):
        serve(wire, name)
    serve(wire, "app-start-403-not-authorized", "GET", "/v3/audit_events")
    assert cloud.poll(RUNS).reason == "the app crashes (0 of 2 running, 2 crashed)"


def test_an_instance_that_was_replaced_between_two_polls_restarts_the_count(
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


def test_a_stopped_app_is_polled_until_no_instance_runs(wire: responses.RequestsMock) -> None:
    cloud = server(wire, command=Command.STOP)
    known(cloud)
    serve(wire, "app-processes-list-200-web-2")
    serve(wire, "process-stats-200-stopping")
    serve(wire, "process-stats-200-down-just-started")
    stopped = Handle(APP, "", condition=Condition.STOPPED)
    assert [cloud.poll(stopped).phase for _ in range(2)] == [Phase.RUNNING, Phase.SUCCEEDED]


def test_a_warning_of_the_server_is_reported_once(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    serve(wire, "app-processes-list-200-web-2")
    serve(wire, "process-stats-200-metrics-unavailable-warning")
    assert [cloud.poll(RUNS).warnings for _ in range(2)] == [("Stats server temporarily unavailable.",), ()]


def test_a_poll_returns_the_lines_since_the_previous_one(wire: responses.RequestsMock) -> None:
    cloud = server(wire, logs=True)
    known(cloud).log.since = 0
    serve(wire, "app-processes-list-200-web-2")
    serve(wire, "process-stats-200-all-running")
    serve(wire, "log-cache-read-200", path=f"{LOGS}/api/v1/read/{APP}")
    found = [cloud.poll(RUNS).log for _ in range(2)]
    assert [len(each or ()) for each in found] == [4, 0]


# --- rolling deployments


def test_a_deployment_in_progress_is_polled_with_its_new_instances(wire: responses.RequestsMock) -> None:
    cloud = server(wire, strategy="rolling")
    known(cloud)
    serve(wire, "deployment-get-200-deploying")
    answer(wire, "GET", NEW_STATS, stats("STARTING"))
    new = "0 of 1 running, 1 starting"
    reason = f"its instances were still being replaced (new ones: {new})"
    assert cloud.poll(ROLLS) == Snapshot(Phase.RUNNING, f"deploying; new instances: {new}", reason=reason)
    assert asked(wire) == [f"GET /v3/deployments/{DEPLOYMENT}", f"GET {NEW_STATS}"]


def test_missing_new_instances_are_not_an_error(wire: responses.RequestsMock) -> None:
    cloud = server(wire, strategy="rolling")
    known(cloud)
    serve(wire, "deployment-get-200-deploying")
    serve(wire, "process-stats-404", path=NEW_STATS)
    assert cloud.poll(ROLLS).phase is Phase.RUNNING


def test_a_deployment_whose_new_instances_crash_has_failed(
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
        f"the app crashes (0 of 1 running, 1 crashed): {OOM}. Cloud Foundry keeps trying"
    )


def test_a_deployment_has_succeeded_once_its_instances_run(wire: responses.RequestsMock) -> None:
    cloud = server(wire, strategy="rolling")
    known(cloud).following.processes = [PROCESS]
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
def test_a_deployment_that_ended_otherwise_is_distinguished(
    wire: responses.RequestsMock, reason: str, phase: Phase
) -> None:
    cloud = server(wire, strategy="rolling")
    known(cloud)
    serve(wire, "deployment-get-200-canceled", body=deployment("FINALIZED", reason))
    assert cloud.poll(ROLLS).phase is phase


@pytest.mark.parametrize(
    ("what", "row"),
    [
        pytest.param(
            Handle(APP, DEPLOYMENT, condition=Condition.ROLLED_OUT),
            {"guid": "another"},
            id="another-deployment",
        ),
        pytest.param(Handle(APP, DEPLOYMENT, condition=Condition.ROLLED_OUT), {}, id="none"),
        pytest.param(Handle(APP, DEPLOYMENT, condition=Condition.ROLLED_OUT), [], id="not-an-object"),
    ],
)
def test_a_response_about_another_deployment_is_an_error(
    wire: responses.RequestsMock, what: Handle, row: Any
) -> None:
    """A cache, or a gateway that mixes up its connections."""
    cloud = server(wire)
    known(cloud)
    data = {**deployment("FINALIZED", "CANCELED"), **row} if row else row
    answer(wire, "GET", f"/v3/deployments/{DEPLOYMENT}", data)
    with pytest.raises(UnavailableError, match="about something else"):
        cloud.poll(what)


def test_processes_of_another_app_are_an_error(wire: responses.RequestsMock) -> None:
    cloud = server(wire)
    known(cloud)
    other = {**PROCESS, "relationships": {"app": {"data": {"guid": "another"}}}}
    answer(wire, "GET", f"{V3APP}/processes", listing(other))
    with pytest.raises(UnavailableError, match="about something else"):
        cloud.poll(RUNS)
