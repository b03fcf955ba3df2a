"""What is deployed by a tag, and what the answer tells of it."""

import http.client

import pytest

from tests.simulator.coolify.client import STARTING, V1, status_of, visiting
from tests.simulator.coolify.invariants import violations


def test_a_tag_names_its_applications_with_their_deployments_and_its_services_in_prose() -> None:
    with visiting("tag") as (session, client):
        body = client.ask("POST", f"{V1}/deploy?tag={session.tag}").body
        assert [item["resource_uuid"] for item in body["details"]] == list(session.uuids[:2])
        assert [item["deployment_uuid"] for item in body["details"]] == [
            row["deployment_uuid"] for row in session.deployments()
        ]
        assert body["message"] == [
            "Application web deployment queued.",
            "Application worker deployment queued.",
            "Service stack started. It could take a while, be patient.",
        ]
        assert [app["name"] for app in client.ask("GET", f"{V1}/applications?tag=blue").body] == [
            "web",
            "worker",
        ]
        assert client.ask("GET", f"{V1}/applications?tag=nope").body == []
        assert [service["name"] for service in client.ask("GET", f"{V1}/services").body] == ["stack"]
        assert violations(session) == []


def test_what_is_skipped_by_tag_has_a_phantom() -> None:
    with visiting("tag-phantom") as (session, client):
        body = client.ask("POST", f"{V1}/deploy?tag=blue").body
        assert body["message"] == [
            "Deployment already queued for this commit.",
            "Application worker deployment queued.",
        ]
        assert [client.look(item["deployment_uuid"]).status for item in body["details"]] == [404, 200]
        assert [row["is_api"] for row in session.deployments()] == [False, True]


SILENT = [
    # scenario, tag, body: there are no details
    pytest.param("tag-empty", "blue", ["No resources found for tag blue."], id="tag-empty"),
    pytest.param(
        "service",
        "nope,blue",
        ["Service stack started. It could take a while, be patient."],
        id="unknown ones are silent",
    ),
    pytest.param(
        "service",
        "blue,blue",
        ["Service stack started. It could take a while, be patient."] * 2,
        id="a tag twice",
    ),
]


@pytest.mark.parametrize(("scenario", "tag", "said"), SILENT)
def test_a_tag_without_applications_has_no_details(scenario: str, tag: str, said: list[str]) -> None:
    with visiting(scenario) as (_, client):
        reply = client.ask("POST", f"{V1}/deploy?tag={tag}")
        assert (reply.status, reply.body) == (200, {"message": said})


@pytest.mark.parametrize(("scenario", "status", "rows"), [("tag-429", 429, 1), ("tag-500", 500, 2)])
def test_an_error_in_the_middle_of_a_tag_hides_what_was_queued(scenario: str, status: int, rows: int) -> None:
    with visiting(scenario) as (session, client):
        assert client.ask("POST", f"{V1}/deploy?tag=blue").status == status
        assert len(session.deployments()) == rows


def test_a_lost_answer_to_a_tag_may_have_deployed_all_of_it() -> None:
    with visiting("tag-lost", 1) as (session, client):
        with pytest.raises((OSError, http.client.HTTPException)):
            client.ask("POST", f"{V1}/deploy?tag=blue")
        assert len(session.deployments()) == 2
        assert status_of(client, session.uuids[2], "service") == STARTING


def test_two_services_of_one_name_cannot_be_told_apart_in_the_answer() -> None:
    with visiting("tag-service-twice") as (session, client):
        said = client.ask("POST", f"{V1}/deploy?tag=blue").body["message"]
        assert said[1] == said[2]
        assert len({service["uuid"] for service in client.ask("GET", f"{V1}/services").body}) == 2
        assert len(session.uuids) == 3
