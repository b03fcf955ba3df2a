"""What becomes of an application, a service or a database after it was started or stopped."""

import http.client

import pytest

from tests.simulator.coolify.client import (
    DOWN,
    EXITED,
    FAST,
    RUNS,
    STARTING,
    V1,
    U,
    follow,
    logs,
    status_of,
    visit,
    visiting,
    walk,
)
from tests.simulator.coolify.invariants import violations

COURSES = [
    # kind, scenario, request, statuses at seconds after it
    pytest.param(
        "service",
        "service",
        f"POST /services/{U}/restart",
        [(0, RUNS), (5, EXITED), (9, STARTING), (30, EXITED), (66, RUNS)],
        id="restart",
    ),
    pytest.param(
        "service",
        "service",
        f"POST /services/{U}/restart?latest=true",
        [(0, RUNS), (5, STARTING), (41, RUNS)],
        id="latest",
    ),
    pytest.param(
        "service", "service", f"POST /deploy?uuid={U}", [(0, STARTING), (21, EXITED), (61, RUNS)], id="deploy"
    ),
    pytest.param(
        "service",
        "already-stopped",
        f"POST /services/{U}/start",
        [(0, EXITED), (4, STARTING), (21, EXITED), (61, RUNS)],
        id="start",
    ),
    pytest.param(
        "service", "service", f"POST /services/{U}/stop", [(0, RUNS), (5, EXITED), (999, EXITED)], id="stop"
    ),
    pytest.param(
        "service",
        "service-stale",
        f"POST /services/{U}/restart",
        [(7, RUNS), (12, EXITED), (71, RUNS)],
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
        [(0, RUNS), (5, DOWN), (26, RUNS)],
        id="database: restart",
    ),
    pytest.param(
        "database", "database", f"POST /deploy?uuid={U}", [(3, DOWN), (26, RUNS)], id="database: deploy"
    ),
    pytest.param(
        "database",
        "database",
        f"POST /databases/{U}/stop",
        [(0, RUNS), (5, DOWN), (999, DOWN)],
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


@pytest.mark.parametrize(("kind", "scenario", "step", "course"), COURSES)
def test_a_status_follows_from_what_was_done_last(
    kind: str, scenario: str, step: str, course: list[tuple[float, str]]
) -> None:
    with visiting(scenario, 1) as (session, client):
        walk(client, step)
        passed, seen = 0.0, []
        for at, _ in course:
            session.skip(at - passed)
            passed = at
            seen.append((at, status_of(client, session.uuids[0], kind)))
        assert seen == course
        assert violations(session) == []


def test_a_health_check_is_configured_where_it_never_tells_anything_good() -> None:
    for scenario, configured in (("never-clear", True), ("unhealthy-without-check", False)):
        with visiting(scenario) as (session, client):
            assert (
                client.ask("GET", f"{V1}/applications/{session.uuids[0]}").body["health_check_enabled"]
                is configured
            )


def test_a_stopped_application_runs_once_a_newer_deployment_is_finished() -> None:
    with visiting("success", 1) as (session, client):
        walk(client, f"POST /applications/{U}/stop")
        session.skip(10)
        uuid = client.started()
        assert client.look(uuid).body["application"]["status"] == DOWN
        session.skip(46)
        assert client.look(uuid).body["application"]["status"] == "running:unknown"


def test_a_lost_answer_to_a_restart_leaves_a_service_that_is_restarted() -> None:
    with visiting("service-lost-answer", 1) as (session, client):
        with pytest.raises((OSError, http.client.HTTPException)):
            walk(client, f"POST /services/{U}/restart?latest=true")
        session.skip(5)
        assert status_of(client, session.uuids[0], "service") == STARTING


def test_a_restart_is_a_deployment_of_its_own_kind() -> None:
    with visiting("success") as (session, client):
        reply = client.ask("POST", f"{V1}/applications/{session.uuids[0]}/restart")
        row = follow(client, reply.body["deployment_uuid"], FAST)[-1]
        assert (row["status"], row["restart_only"], row["is_api"]) == ("finished", True, True)
        assert logs(row)[1]["output"] == "Restarting coollabsio/coolify-examples:main on localhost."


def test_a_site_answers_late_and_not_at_all_when_it_is_stopped() -> None:
    with visiting("site-late", 1) as (session, client):
        client.started()
        session.skip(46)
        assert visit(client) == (502, "Bad Gateway")
        session.skip(40)
        assert visit(client) == (200, "ok")
        client.ask("POST", f"{V1}/applications/{session.uuids[0]}/stop")
        session.skip(5)
        assert visit(client)[0] == 503
        assert visit(client, "nobody")[0] == 404
        assert violations(session) == []
