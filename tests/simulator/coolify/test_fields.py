"""The fields of an application are changed and refused as coolify-api says."""

import pytest

from tests.simulator.coolify.client import PROBE, V1, logs, visiting, write
from tests.simulator.coolify.invariants import violations

REFUSED_FIELDS = [
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


@pytest.mark.parametrize(("body", "status", "errors"), REFUSED_FIELDS)
def test_fields_are_refused_in_all_shapes_and_nothing_is_changed(
    body: object, status: int, errors: object
) -> None:
    with visiting("patch-refused") as (session, client):
        place = f"{V1}/applications/{session.uuids[0]}"
        before = client.ask("GET", place).body
        reply = write(client, PROBE, body)
        assert (reply.status, reply.body["errors"]) == (status, errors)
        assert client.ask("GET", place).body == before


def test_an_address_that_another_application_has_is_a_conflict_unless_it_is_forced() -> None:
    with visiting("patch-refused") as (session, client):
        reply = write(client, PROBE, {"domains": "http://worker.example.com"})
        assert (reply.status, [each["resource_name"] for each in reply.body["conflicts"]]) == (
            409,
            ["worker"],
        )
        assert (
            write(
                client, PROBE, {"domains": "http://worker.example.com", "force_domain_override": True}
            ).status
            == 200
        )
        assert (
            client.ask("GET", f"{V1}/applications/{session.uuids[0]}").body["fqdn"]
            == "http://worker.example.com"
        )


def test_a_field_of_the_settings_is_changed_within_them() -> None:
    with visiting("write-token") as (session, client):
        write(client, PROBE, {"is_spa": True})
        body = client.ask("GET", f"{V1}/applications/{session.uuids[0]}").body
        assert (body["settings"]["is_spa"], "is_spa" in body) == (True, False)


def test_a_deployment_that_is_queued_takes_the_new_tag_and_one_that_runs_the_old_one() -> None:
    with visiting("image-update", 1) as (session, client):
        running, waiting = (
            client.ask("POST", f"{V1}/deploy?uuid={session.uuids[0]}&force=true").body["deployments"][0]
            for _ in range(2)
        )
        write(client, PROBE, {"docker_registry_image_tag": "3.0.0"})
        session.skip(200)
        told = [logs(client.look(each["deployment_uuid"]).body)[1]["output"] for each in (running, waiting)]
        assert [text.partition(" to ")[0].rpartition(":")[2] for text in told] == ["2.0.1", "3.0.0"]
        assert (
            client.ask("GET", f"{V1}/applications/{session.uuids[0]}/rollback-images").body["images"][0][
                "tag"
            ]
            == "3.0.0"
        )
        assert violations(session) == []


def test_an_image_that_runs_already_when_its_tag_is_changed_is_deployed_again() -> None:
    with visiting("already-queued-old-image", 1) as (session, client):
        write(client, PROBE, {"docker_registry_image_tag": "3.0.0"})
        assert "already queued" in client.deploy().body["deployments"][0]["message"]
        session.skip(60)
        uuid = client.started()
        session.skip(60)
        assert [row["status"] for row in session.deployments()] == ["finished", "finished"]
        assert "shop:3.0.0" in logs(client.look(uuid).body)[1]["output"]
        assert violations(session) == []


@pytest.mark.parametrize(
    ("fixed_name", "current"), [(False, None), (True, "2.0.1")], ids=["ordinary", "the same name for ever"]
)
def test_the_current_image_is_only_marked_where_the_container_s_name_is_kept(
    *, fixed_name: bool, current: str | None
) -> None:
    with visiting("rollback-image", 1) as (session, client):
        write(client, PROBE, {"is_consistent_container_name_enabled": fixed_name})
        told = client.ask("GET", f"{V1}/applications/{session.uuids[0]}/rollback-images").body
        assert (told["current"], [each["tag"] for each in told["images"]]) == (current, ["2.0.1", "2.0.0"])
        assert [each["tag"] for each in told["images"] if each["is_current"]] == (
            [current] if current else []
        )
