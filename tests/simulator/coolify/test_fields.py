"""The fields of an application are changed and rejected as in coolify-api."""

import pytest

from tests.simulator.coolify.client import V1, WRITE_PROBE, connected_client, logs, send_json
from tests.simulator.coolify.invariants import violations

REJECTED_FIELDS = [
    pytest.param(
        {"nope": 1, "name": 5},
        422,
        {"nope": ["This field is not allowed."], "name": ["The name field must be a string."]},
        id="dict of lists",
    ),
    pytest.param(
        {"ports_exposes": ""},
        422,
        {"ports_exposes": "The ports_exposes should be a comma separated list of numbers."},
        id="dict of texts",
    ),
    pytest.param(
        {"custom_nginx_configuration": "ä"},
        422,
        {"custom_nginx_configuration": "The custom_nginx_configuration should be base64 encoded."},
        id="base64",
    ),
    pytest.param({"domains": "http://a.example.com,b"}, 422, ["Invalid URL: b"], id="list"),
    pytest.param(
        {"docker_registry_image_name": "nginx:1"},
        422,
        {"docker_registry_image_name": ["The docker registry image name field format is invalid."]},
        id="image",
    ),
]


@pytest.mark.parametrize(("body", "status", "errors"), REJECTED_FIELDS)
def test_invalid_fields_are_rejected_and_nothing_is_changed(
    body: object, status: int, errors: object
) -> None:
    with connected_client("patch-refused") as (session, client):
        path = f"{V1}/applications/{session.uuids[0]}"
        before = client.send("GET", path).body
        reply = send_json(client, WRITE_PROBE, body)
        assert (reply.status, reply.body["errors"]) == (status, errors)
        assert client.send("GET", path).body == before


def test_domain_of_another_application_is_a_conflict_unless_forced() -> None:
    with connected_client("patch-refused") as (session, client):
        reply = send_json(client, WRITE_PROBE, {"domains": "http://worker.example.com"})
        assert (reply.status, [each["resource_name"] for each in reply.body["conflicts"]]) == (
            409,
            ["worker"],
        )
        assert (
            send_json(
                client, WRITE_PROBE, {"domains": "http://worker.example.com", "force_domain_override": True}
            ).status
            == 200
        )
        assert (
            client.send("GET", f"{V1}/applications/{session.uuids[0]}").body["fqdn"]
            == "http://worker.example.com"
        )


def test_field_of_the_settings_is_changed_there() -> None:
    with connected_client("write-token") as (session, client):
        send_json(client, WRITE_PROBE, {"is_spa": True})
        body = client.send("GET", f"{V1}/applications/{session.uuids[0]}").body
        assert (body["settings"]["is_spa"], "is_spa" in body) == (True, False)


def test_queued_deployment_uses_the_new_tag_and_a_running_one_the_old_tag() -> None:
    with connected_client("image-update", 1) as (session, client):
        running, waiting = (
            client.send("POST", f"{V1}/deploy?uuid={session.uuids[0]}&force=true").body["deployments"][0]
            for _ in range(2)
        )
        send_json(client, WRITE_PROBE, {"docker_registry_image_tag": "3.0.0"})
        session.skip(200)
        outputs = [
            logs(client.poll(each["deployment_uuid"]).body)[1]["output"] for each in (running, waiting)
        ]
        assert [text.partition(" to ")[0].rpartition(":")[2] for text in outputs] == [
            "2.0.1",
            "3.0.0",
        ]
        assert (
            client.send("GET", f"{V1}/applications/{session.uuids[0]}/rollback-images").body["images"][0][
                "tag"
            ]
            == "3.0.0"
        )
        assert violations(session) == []


def test_new_tag_is_deployed_although_the_old_one_runs() -> None:
    with connected_client("already-queued-old-image", 1) as (session, client):
        send_json(client, WRITE_PROBE, {"docker_registry_image_tag": "3.0.0"})
        assert "already queued" in client.deploy().body["deployments"][0]["message"]
        session.skip(60)
        uuid = client.start_deployment()
        session.skip(60)
        assert [row["status"] for row in session.deployments()] == ["finished", "finished"]
        assert "shop:3.0.0" in logs(client.poll(uuid).body)[1]["output"]
        assert violations(session) == []


@pytest.mark.parametrize(
    ("fixed_name", "current"), [(False, None), (True, "2.0.1")], ids=["ordinary", "fixed container name"]
)
def test_current_image_is_marked_only_with_a_fixed_container_name(
    *, fixed_name: bool, current: str | None
) -> None:
    with connected_client("rollback-image", 1) as (session, client):
        send_json(client, WRITE_PROBE, {"is_consistent_container_name_enabled": fixed_name})
        listed = client.send("GET", f"{V1}/applications/{session.uuids[0]}/rollback-images").body
        assert (listed["current"], [each["tag"] for each in listed["images"]]) == (
            current,
            ["2.0.1", "2.0.0"],
        )
        assert [each["tag"] for each in listed["images"] if each["is_current"]] == (
            [current] if current else []
        )
