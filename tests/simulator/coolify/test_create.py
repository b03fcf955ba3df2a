"""An application is created, or rejected for the recorded reasons."""

import pytest

from tests.simulator.coolify.client import V1, connected_client, new_application, recorded, send_json, visit
from tests.simulator.coolify.invariants import violations


def test_created_application_can_be_found_deployed_and_requested() -> None:
    with connected_client("create", 1) as (session, client):
        assert [
            [each["name"] for each in client.send("GET", f"{V1}/{kind}").body]
            for kind in ("projects", "servers", "applications")
        ] == [
            ["Shop", "Blog"],
            ["localhost", "builder"],
            [],
        ]
        reply = send_json(
            client,
            "POST /applications/dockerimage",
            new_application(client, domains="https://shop.example.com"),
        )
        assert (reply.status, reply.body["domains"], session.site.rpartition("/")[2]) == (
            201,
            "https://shop.example.com",
            reply.body["uuid"],
        )
        [applications] = client.send("GET", f"{V1}/applications").body
        environment = client.send("GET", f"{V1}/projects/{new_application(client)['project_uuid']}").body[
            "environments"
        ][0]
        assert (applications["name"], applications["build_pack"], applications["environment_id"]) == (
            "shop",
            "dockerimage",
            environment["id"],
        )
        assert (applications["status"], visit(client)[0]) == ("exited:unhealthy", 503)
        uuid = client.send("POST", f"{V1}/deploy?uuid={applications['uuid']}").body["deployments"][0][
            "deployment_uuid"
        ]
        session.skip(60)
        assert (client.poll(uuid).body["status"], visit(client)) == ("finished", (200, "ok"))
        assert violations(session) == []


REJECTED = [
    pytest.param({"environment_name": None}, "create_img_noenv", id="no environment"),
    pytest.param({"environment_name": "nope"}, "create_img_badenv", id="unknown environment"),
    pytest.param({"project_uuid": "nope"}, "create_img_badproject", id="unknown project"),
    pytest.param({"project_uuid": None}, "create_img_noproject", id="no project"),
    pytest.param({"server_uuid": "nope"}, "create_img_badserver", id="unknown server"),
    pytest.param({"docker_registry_image_name": "UPPER/Case"}, "create_img_badimage", id="image"),
]


@pytest.mark.parametrize(("fields", "name"), REJECTED)
def test_creation_is_rejected_for_the_recorded_reasons(fields: dict[str, object], name: str) -> None:
    with connected_client("create") as (_, client):
        reply, expected = (
            send_json(client, "POST /applications/dockerimage", new_application(client, **fields)),
            recorded(name)["response"],
        )
        assert (reply.status, reply.body) == (expected["status"], expected["body"])
        assert client.send("GET", f"{V1}/applications").body == []


def test_creation_is_rejected_on_a_build_server_and_in_another_destination() -> None:
    with connected_client("create") as (_, client):
        builder = client.send("GET", f"{V1}/servers").body[1]["uuid"]
        assert "build server" in str(
            send_json(
                client, "POST /applications/dockerimage", new_application(client, server_uuid=builder)
            ).body["errors"]
        )
        [destination] = client.send("GET", f"{V1}/servers/{builder}/destinations").body
        assert destination["server_uuid"] == builder
        ignored = send_json(
            client,
            "POST /applications/dockerimage",
            new_application(client, destination_uuid=destination["uuid"]),
        )
        assert ignored.status == 201  # with only one destination, it is not checked
