"""The queue, additional servers, and the deployments of others."""

import pytest

from tests.simulator.coolify.client import FAST, V1, D, U, follow, logs, placed, visiting, walk
from tests.simulator.coolify.invariants import violations


@pytest.mark.parametrize(
    ("scenario", "status"), [("two-servers", "finished"), ("other-server-fails", "failed")]
)
def test_an_additional_server_gets_a_deployment_once_the_main_one_is_finished(
    scenario: str, status: str
) -> None:
    with visiting(scenario, 1) as (session, client):
        uuid = client.started()
        body = client.ask("GET", f"{V1}/applications/{session.uuids[0]}").body
        assert (
            body["additional_servers_count"],
            [server["name"] for server in body["additional_servers"]],
        ) == (1, ["second"])
        session.skip(40)
        assert len(session.deployments()) == 1
        session.skip(6)
        other, main = client.ask("GET", f"{V1}/deployments/applications/{session.uuids[0]}").body[
            "deployments"
        ]
        assert (main["deployment_uuid"], main["status"], main["is_api"], main["server_id"]) == (
            uuid,
            "finished",
            True,
            0,
        )
        assert (other["status"], other["is_api"], other["server_id"], other["server_name"]) == (
            "in_progress",
            False,
            2,
            "second",
        )
        assert other["created_at"] == main["finished_at"]
        session.skip(1)
        told = f"/application/{session.uuids[0]}/deployment/{other['deployment_uuid']}"
        [line] = [
            entry
            for entry in logs(client.look(uuid).body)
            if entry["output"].startswith("Deployment to second. Logs: http://")
        ]
        assert line["output"].endswith(told)
        assert not line["hidden"]
        session.skip(50)
        assert client.look(other["deployment_uuid"]).body["status"] == status
        assert violations(session) == []


def test_a_deployment_on_an_additional_server_may_be_cancelled_by_who_started_the_main_one() -> None:
    with visiting("two-servers", 1) as (session, client):
        client.started()
        session.skip(50)
        walk(client, f"POST /deployments/{D}/cancel")
        assert [row["status"] for row in session.deployments()] == ["finished", "cancelled-by-user"]
        assert violations(session) == []


def test_a_webhooks_deployment_has_its_commit_from_the_beginning() -> None:
    with visiting("webhook-too") as (session, client):
        row = follow(client, client.started(), FAST)[-1]
        theirs = session.deployments()[0]
        assert (theirs["is_webhook"], theirs["is_api"], theirs["status"], theirs["commit"]) == (
            True,
            False,
            "finished",
            row["commit"],
        )
        assert (row["is_webhook"], row["is_api"]) == (False, True)


def test_a_webhooks_deployment_of_an_image_is_one_that_ours_is_skipped_for() -> None:
    with visiting("webhook-adopted") as (session, client):
        assert "already queued" in client.deploy().body["deployments"][0]["message"]
        assert [row["is_webhook"] for row in session.deployments()] == [True]


def test_the_deployments_of_others_may_be_cancelled_where_that_is_wished() -> None:
    with visiting("cancel-others", 1) as (session, client):
        rows = client.ask("GET", f"{V1}/deployments").body.values()
        assert [row["status"] for row in rows] == ["in_progress", "queued"]
        for row in rows:
            assert client.ask("POST", f"{V1}/deployments/{row['deployment_uuid']}/cancel").status == 200
        assert {row["status"] for row in session.deployments()} == {"cancelled-by-user"}
        assert violations(session) == []


def test_a_cancel_on_a_server_out_of_reach_says_so_and_works() -> None:
    with visiting("server-unreachable-cancel") as (_, client):
        uuid = client.started()
        reply = client.ask("POST", f"{V1}/deployments/{uuid}/cancel")
        assert (reply.status, reply.body["message"].partition(":")[0]) == (500, "Failed to cancel deployment")
        assert client.look(uuid).body["status"] == "cancelled-by-user"


FULL = [
    # scenario, request, what it answers while the queue is full: status, and whether it names a deployment
    pytest.param("queue-always-full", f"POST /deploy?uuid={U}", 429, False, id="deploy"),
    pytest.param("full-and-already", f"POST /deploy?uuid={U}", 429, False, id="full comes before skipped"),
    pytest.param("start-queue-full", f"POST /applications/{U}/start", 200, True, id="start"),
    pytest.param(
        "start-queue-full",
        f"POST /applications/{U}/start?instant_deploy=true",
        200,
        True,
        id="instant_deploy",
    ),
    pytest.param("start-queue-full", f"POST /applications/{U}/restart", 200, True, id="restart"),
]


@pytest.mark.parametrize(("scenario", "step", "status", "named"), FULL)
def test_a_full_queue_takes_nothing(scenario: str, step: str, status: int, *, named: bool) -> None:
    with visiting(scenario, 1) as (session, client):
        client.ask("GET", f"{V1}/version")
        before = len(session.deployments())
        method, _, path = step.partition(" ")
        for _ in range(2):
            reply = client.ask(method, V1 + placed(path, session, ""))
            assert (reply.status, "deployment_uuid" in reply.body) == (status, named)
            session.skip(100)
            if scenario != "queue-always-full":
                break
        assert len(session.deployments()) == before
        session.skip(40)
        again = client.ask(method, V1 + placed(path, session, ""))
        assert (again.status, len(session.deployments())) == (
            (429, before) if scenario == "queue-always-full" else (200, before + 1)
        )
        assert violations(session) == []
