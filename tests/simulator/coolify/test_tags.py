"""Deployments by tag, and what the response contains of them."""

import http.client

import pytest

from tests.simulator.coolify.client import STARTING, V1, connected_client, status_of
from tests.simulator.coolify.invariants import violations


def test_response_names_applications_with_deployments_and_services_in_prose() -> None:
    with connected_client("tag") as (session, client):
        body = client.send("POST", f"{V1}/deploy?tag={session.tag}").body
        assert [item["resource_uuid"] for item in body["details"]] == list(session.uuids[:2])
        assert [item["deployment_uuid"] for item in body["details"]] == [
            row["deployment_uuid"] for row in session.deployments()
        ]
        assert body["message"] == [
            "Application web deployment queued.",
            "Application worker deployment queued.",
            "Service stack started. It could take a while, be patient.",
        ]
        assert [app["name"] for app in client.send("GET", f"{V1}/applications?tag=blue").body] == [
            "web",
            "worker",
        ]
        assert client.send("GET", f"{V1}/applications?tag=nope").body == []
        assert [service["name"] for service in client.send("GET", f"{V1}/services").body] == ["stack"]
        assert violations(session) == []


def test_skipped_deployment_has_a_phantom() -> None:
    with connected_client("tag-phantom") as (session, client):
        body = client.send("POST", f"{V1}/deploy?tag=blue").body
        assert body["message"] == [
            "Deployment already queued for this commit.",
            "Application worker deployment queued.",
        ]
        assert [client.poll(item["deployment_uuid"]).status for item in body["details"]] == [404, 200]
        assert [row["is_api"] for row in session.deployments()] == [False, True]


WITHOUT_DETAILS = [
    # scenario, tag, body: there are no details
    pytest.param("tag-empty", "blue", ["No resources found for tag blue."], id="tag-empty"),
    pytest.param(
        "service",
        "nope,blue",
        ["Service stack started. It could take a while, be patient."],
        id="unknown tag among others",
    ),
    pytest.param(
        "service",
        "blue,blue",
        ["Service stack started. It could take a while, be patient."] * 2,
        id="tag twice",
    ),
]


@pytest.mark.parametrize(("scenario", "tag", "message"), WITHOUT_DETAILS)
def test_tag_without_applications_has_no_details(scenario: str, tag: str, message: list[str]) -> None:
    with connected_client(scenario) as (_, client):
        reply = client.send("POST", f"{V1}/deploy?tag={tag}")
        assert (reply.status, reply.body) == (200, {"message": message})


@pytest.mark.parametrize(("scenario", "status", "rows"), [("tag-429", 429, 1), ("tag-500", 500, 2)])
def test_error_hides_the_queued_deployments_of_a_tag(scenario: str, status: int, rows: int) -> None:
    with connected_client(scenario) as (session, client):
        assert client.send("POST", f"{V1}/deploy?tag=blue").status == status
        assert len(session.deployments()) == rows


def test_lost_response_may_have_deployed_everything() -> None:
    with connected_client("tag-lost", 1) as (session, client):
        with pytest.raises((OSError, http.client.HTTPException)):
            client.send("POST", f"{V1}/deploy?tag=blue")
        assert len(session.deployments()) == 2
        assert status_of(client, session.uuids[2], "service") == STARTING


def test_two_services_of_one_name_are_indistinguishable_in_the_response() -> None:
    with connected_client("tag-service-twice") as (session, client):
        message = client.send("POST", f"{V1}/deploy?tag=blue").body["message"]
        assert message[1] == message[2]
        assert len({service["uuid"] for service in client.send("GET", f"{V1}/services").body}) == 2
        assert len(session.uuids) == 3
