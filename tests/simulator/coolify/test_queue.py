"""The queue, additional servers, and the deployments of others."""

import pytest

from tests.simulator.coolify.client import (
    FAST,
    V1,
    D,
    U,
    connected_client,
    follow,
    logs,
    send_steps,
    with_uuids,
)
from tests.simulator.coolify.invariants import violations


@pytest.mark.parametrize(
    ("scenario", "status"), [("two-servers", "finished"), ("other-server-fails", "failed")]
)
def test_additional_server_gets_a_deployment_once_the_main_one_is_finished(
    scenario: str, status: str
) -> None:
    with connected_client(scenario, 1) as (session, client):
        uuid = client.start_deployment()
        body = client.send("GET", f"{V1}/applications/{session.uuids[0]}").body
        assert (
            body["additional_servers_count"],
            [server["name"] for server in body["additional_servers"]],
        ) == (1, ["second"])
        session.skip(40)
        assert len(session.deployments()) == 1
        session.skip(6)
        other, main = client.send("GET", f"{V1}/deployments/applications/{session.uuids[0]}").body[
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
        line_texts = f"/application/{session.uuids[0]}/deployment/{other['deployment_uuid']}"
        [line] = [
            entry
            for entry in logs(client.poll(uuid).body)
            if entry["output"].startswith("Deployment to second. Logs: http://")
        ]
        assert line["output"].endswith(line_texts)
        assert not line["hidden"]
        session.skip(50)
        assert client.poll(other["deployment_uuid"]).body["status"] == status
        assert violations(session) == []


def test_deployment_on_an_additional_server_may_be_cancelled_by_its_owner() -> None:
    with connected_client("two-servers", 1) as (session, client):
        client.start_deployment()
        session.skip(50)
        send_steps(client, f"POST /deployments/{D}/cancel")
        assert [row["status"] for row in session.deployments()] == ["finished", "cancelled-by-user"]
        assert violations(session) == []


def test_deployment_of_a_webhook_has_its_commit_from_the_beginning() -> None:
    with connected_client("webhook-too") as (session, client):
        row = follow(client, client.start_deployment(), FAST)[-1]
        other_row = session.deployments()[0]
        assert (other_row["is_webhook"], other_row["is_api"], other_row["status"], other_row["commit"]) == (
            True,
            False,
            "finished",
            row["commit"],
        )
        assert (row["is_webhook"], row["is_api"]) == (False, True)


def test_our_deployment_is_skipped_after_one_of_a_webhook() -> None:
    with connected_client("webhook-adopted") as (session, client):
        assert "already queued" in client.deploy().body["deployments"][0]["message"]
        assert [row["is_webhook"] for row in session.deployments()] == [True]


def test_deployments_of_others_may_be_cancelled_with_may_cancel() -> None:
    with connected_client("cancel-others", 1) as (session, client):
        rows = client.send("GET", f"{V1}/deployments").body.values()
        assert [row["status"] for row in rows] == ["in_progress", "queued"]
        for row in rows:
            assert client.send("POST", f"{V1}/deployments/{row['deployment_uuid']}/cancel").status == 200
        assert {row["status"] for row in session.deployments()} == {"cancelled-by-user"}
        assert violations(session) == []


def test_cancel_on_an_unreachable_server_works() -> None:
    with connected_client("server-unreachable-cancel") as (_, client):
        uuid = client.start_deployment()
        reply = client.send("POST", f"{V1}/deployments/{uuid}/cancel")
        assert (reply.status, reply.body["message"].partition(":")[0]) == (500, "Failed to cancel deployment")
        assert client.poll(uuid).body["status"] == "cancelled-by-user"


FULL_QUEUE = [
    # scenario, request, the response while the queue is full: its status, and whether it names a deployment
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


@pytest.mark.parametrize(("scenario", "step", "status", "names_deployment"), FULL_QUEUE)
def test_full_queue_accepts_nothing(scenario: str, step: str, status: int, *, names_deployment: bool) -> None:
    with connected_client(scenario, 1) as (session, client):
        client.send("GET", f"{V1}/version")
        before = len(session.deployments())
        method, _, path = step.partition(" ")
        for _ in range(2):
            reply = client.send(method, V1 + with_uuids(path, session, ""))
            assert (reply.status, "deployment_uuid" in reply.body) == (status, names_deployment)
            session.skip(100)
            if scenario != "queue-always-full":
                break
        assert len(session.deployments()) == before
        session.skip(40)
        retried = client.send(method, V1 + with_uuids(path, session, ""))
        assert (retried.status, len(session.deployments())) == (
            (429, before) if scenario == "queue-always-full" else (200, before + 1)
        )
        assert violations(session) == []
