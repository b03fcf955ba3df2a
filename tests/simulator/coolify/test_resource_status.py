"""The status of an application, a service or a database after it was started or stopped."""

import http.client

import pytest

from tests.simulator.coolify.client import (
    DOWN,
    EXITED,
    FAST,
    RUNNING_HEALTHY,
    STARTING,
    V1,
    U,
    connected_client,
    follow,
    logs,
    send_steps,
    status_of,
    visit,
)
from tests.simulator.coolify.invariants import violations

TIMELINES = [
    # kind, scenario, request, the statuses by seconds after it
    pytest.param(
        "service",
        "service",
        f"POST /services/{U}/restart",
        [(0, RUNNING_HEALTHY), (5, EXITED), (9, STARTING), (30, EXITED), (66, RUNNING_HEALTHY)],
        id="restart",
    ),
    pytest.param(
        "service",
        "service",
        f"POST /services/{U}/restart?latest=true",
        [(0, RUNNING_HEALTHY), (5, STARTING), (41, RUNNING_HEALTHY)],
        id="latest",
    ),
    pytest.param(
        "service",
        "service",
        f"POST /deploy?uuid={U}",
        [(0, STARTING), (21, EXITED), (61, RUNNING_HEALTHY)],
        id="deploy",
    ),
    pytest.param(
        "service",
        "already-stopped",
        f"POST /services/{U}/start",
        [(0, EXITED), (4, STARTING), (21, EXITED), (61, RUNNING_HEALTHY)],
        id="start",
    ),
    pytest.param(
        "service",
        "service",
        f"POST /services/{U}/stop",
        [(0, RUNNING_HEALTHY), (5, EXITED), (999, EXITED)],
        id="stop",
    ),
    pytest.param(
        "service",
        "service-stale",
        f"POST /services/{U}/restart",
        [(7, RUNNING_HEALTHY), (12, EXITED), (71, RUNNING_HEALTHY)],
        id="stale",
    ),
    pytest.param(
        "service",
        "service-never-up",
        f"POST /services/{U}/restart",
        [(5, STARTING), (26, EXITED), (999, EXITED)],
        id="never up",
    ),
    pytest.param(
        "service",
        "service-degraded",
        f"POST /deploy?uuid={U}",
        [(5, STARTING), (26, "degraded:unhealthy")],
        id="service-degraded",
    ),
    pytest.param(
        "database",
        "database",
        f"POST /databases/{U}/restart",
        [(0, RUNNING_HEALTHY), (5, DOWN), (26, RUNNING_HEALTHY)],
        id="database: restart",
    ),
    pytest.param(
        "database",
        "database",
        f"POST /deploy?uuid={U}",
        [(3, DOWN), (26, RUNNING_HEALTHY)],
        id="database: deploy",
    ),
    pytest.param(
        "database",
        "database",
        f"POST /databases/{U}/stop",
        [(0, RUNNING_HEALTHY), (5, DOWN), (999, DOWN)],
        id="database: stop",
    ),
    pytest.param(
        "application",
        "success",
        f"POST /applications/{U}/stop",
        [(0, "running:unknown"), (5, DOWN)],
        id="application: stop",
    ),
    pytest.param(
        "application", "success", f"POST /deploy?uuid={U}", [(999, "running:unknown")], id="application"
    ),
    pytest.param(
        "application",
        "crash-after-deploy",
        f"POST /deploy?uuid={U}",
        [(40, "running:unknown"), (66, DOWN), (999, DOWN)],
        id="crash-after-deploy",
    ),
    pytest.param(
        "application",
        "crash-loop",
        f"POST /deploy?uuid={U}",
        [(40, "running:unknown"), (46, "restarting:unknown")],
        id="crash-loop",
    ),
    pytest.param(
        "application", "degraded", f"POST /deploy?uuid={U}", [(46, "degraded:unhealthy")], id="degraded"
    ),
    pytest.param(
        "application", "never-clear", f"POST /deploy?uuid={U}", [(999, "running:unhealthy")], id="never-clear"
    ),
    pytest.param(
        "application",
        "health-late",
        f"POST /deploy?uuid={U}",
        [(46, "starting:unknown"), (86, "running:unknown")],
        id="health-late",
    ),
    pytest.param(
        "application",
        "unhealthy-without-check",
        f"POST /deploy?uuid={U}",
        [(46, "running:unhealthy")],
        id="without check",
    ),
]


@pytest.mark.parametrize(("kind", "scenario", "step", "timeline"), TIMELINES)
def test_status_follows_the_last_action(
    kind: str, scenario: str, step: str, timeline: list[tuple[float, str]]
) -> None:
    with connected_client(scenario, 1) as (session, client):
        send_steps(client, step)
        elapsed, actual = 0.0, []
        for at, _ in timeline:
            session.skip(at - elapsed)
            elapsed = at
            actual.append((at, status_of(client, session.uuids[0], kind)))
        assert actual == timeline
        assert violations(session) == []


def test_health_check_is_configured_in_its_scenarios() -> None:
    for scenario, configured in (("never-clear", True), ("unhealthy-without-check", False)):
        with connected_client(scenario) as (session, client):
            assert (
                client.send("GET", f"{V1}/applications/{session.uuids[0]}").body["health_check_enabled"]
                is configured
            )


def test_stopped_application_runs_after_a_newer_deployment() -> None:
    with connected_client("success", 1) as (session, client):
        send_steps(client, f"POST /applications/{U}/stop")
        session.skip(10)
        uuid = client.start_deployment()
        assert client.poll(uuid).body["application"]["status"] == DOWN
        session.skip(46)
        assert client.poll(uuid).body["application"]["status"] == "running:unknown"


def test_lost_response_to_a_restart_still_restarts_the_service() -> None:
    with connected_client("service-lost-answer", 1) as (session, client):
        with pytest.raises((OSError, http.client.HTTPException)):
            send_steps(client, f"POST /services/{U}/restart?latest=true")
        session.skip(5)
        assert status_of(client, session.uuids[0], "service") == STARTING


def test_restart_is_a_deployment_with_restart_only() -> None:
    with connected_client("success") as (session, client):
        reply = client.send("POST", f"{V1}/applications/{session.uuids[0]}/restart")
        row = follow(client, reply.body["deployment_uuid"], FAST)[-1]
        assert (row["status"], row["restart_only"], row["is_api"]) == ("finished", True, True)
        assert logs(row)[1]["output"] == "Restarting coollabsio/coolify-examples:main on localhost."


def test_site_responds_late_and_not_at_all_when_stopped() -> None:
    with connected_client("site-late", 1) as (session, client):
        client.start_deployment()
        session.skip(46)
        assert visit(client) == (502, "Bad Gateway")
        session.skip(40)
        assert visit(client) == (200, "ok")
        client.send("POST", f"{V1}/applications/{session.uuids[0]}/stop")
        session.skip(5)
        assert visit(client)[0] == 503
        assert visit(client, "nobody")[0] == 404
        assert violations(session) == []
