"""An application is made, or refused for the recorded reasons."""

import pytest

from tests.simulator.coolify.client import V1, recorded, visit, visiting, wanted, write
from tests.simulator.coolify.invariants import violations


def test_an_application_that_was_made_can_be_found_deployed_and_visited() -> None:
    with visiting("create", 1) as (session, client):
        assert [
            [each["name"] for each in client.ask("GET", f"{V1}/{kind}").body]
            for kind in ("projects", "servers", "applications")
        ] == [
            ["Shop", "Blog"],
            ["localhost", "builder"],
            [],
        ]
        reply = write(
            client, "POST /applications/dockerimage", wanted(client, domains="https://shop.example.com")
        )
        assert (reply.status, reply.body["domains"], session.site.rpartition("/")[2]) == (
            201,
            "https://shop.example.com",
            reply.body["uuid"],
        )
        [listed] = client.ask("GET", f"{V1}/applications").body
        environment = client.ask("GET", f"{V1}/projects/{wanted(client)['project_uuid']}").body[
            "environments"
        ][0]
        assert (listed["name"], listed["build_pack"], listed["environment_id"]) == (
            "shop",
            "dockerimage",
            environment["id"],
        )
        assert (listed["status"], visit(client)[0]) == ("exited:unhealthy", 503)
        uuid = client.ask("POST", f"{V1}/deploy?uuid={listed['uuid']}").body["deployments"][0][
            "deployment_uuid"
        ]
        session.skip(60)
        assert (client.look(uuid).body["status"], visit(client)) == ("finished", (200, "ok"))
        assert violations(session) == []


NOT_MADE = [
    pytest.param({"environment_name": None}, "create_img_noenv", id="no environment"),
    pytest.param({"environment_name": "nope"}, "create_img_badenv", id="unknown environment"),
    pytest.param({"project_uuid": "nope"}, "create_img_badproject", id="unknown project"),
    pytest.param({"project_uuid": None}, "create_img_noproject", id="no project"),
    pytest.param({"server_uuid": "nope"}, "create_img_badserver", id="unknown server"),
    pytest.param({"docker_registry_image_name": "UPPER/Case"}, "create_img_badimage", id="image"),
]


@pytest.mark.parametrize(("fields", "name"), NOT_MADE)
def test_an_application_is_not_made_for_the_recorded_reasons(fields: dict[str, object], name: str) -> None:
    with visiting("create") as (_, client):
        reply, expected = (
            write(client, "POST /applications/dockerimage", wanted(client, **fields)),
            recorded(name)["response"],
        )
        assert (reply.status, reply.body) == (expected["status"], expected["body"])
        assert client.ask("GET", f"{V1}/applications").body == []


def test_nothing_is_made_on_a_server_that_only_builds_or_in_a_foreign_destination() -> None:
    with visiting("create") as (_, client):
        builder = client.ask("GET", f"{V1}/servers").body[1]["uuid"]
        assert "build server" in str(
            write(client, "POST /applications/dockerimage", wanted(client, server_uuid=builder)).body[
                "errors"
            ]
        )
        [destination] = client.ask("GET", f"{V1}/servers/{builder}/destinations").body
        assert destination["server_uuid"] == builder
        ignored = write(
            client, "POST /applications/dockerimage", wanted(client, destination_uuid=destination["uuid"])
        )
        assert ignored.status == 201  # there is only one, so that nobody looks
