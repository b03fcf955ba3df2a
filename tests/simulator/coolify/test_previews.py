"""The previews of pull requests in the simulated Coolify."""

from tests.simulator.coolify.client import FAST, V1, follow, visiting


def test_a_preview_is_a_row_of_its_own_and_waits_for_no_other() -> None:
    with visiting("preview") as (session, client):
        client.started()
        asked = f"{V1}/deploy?uuid={session.uuids[0]}&pr=7"
        uuid = client.ask("POST", asked).body["deployments"][0]["deployment_uuid"]
        assert (
            client.ask("POST", asked).body["deployments"][0]["message"]
            == "Deployment already queued for this commit."
        )
        row = client.look(uuid).body
        assert (row["pull_request_id"], row["status"]) == (7, "in_progress")
        assert follow(client, uuid, FAST)[-1]["status"] == "finished"


def test_a_preview_of_an_image_has_its_own_tag_and_can_be_deleted() -> None:
    with visiting("write-token", 1) as (session, client):
        asked = f"{V1}/deploy?uuid={session.uuids[0]}&pr=9&docker_tag="
        uuids = [
            client.ask("POST", asked + tag).body["deployments"][0]["deployment_uuid"]
            for tag in ("pr-9", "pr-9b")
        ]
        assert [client.look(uuid).body["docker_registry_image_tag"] for uuid in uuids] == ["pr-9", "pr-9b"]
        deleted = [
            client.ask("DELETE", f"{V1}/applications/{session.uuids[0]}/previews/9").status for _ in range(2)
        ]
        assert deleted == [200, 404]
        assert {client.look(uuid).body["status"] for uuid in uuids} == {"cancelled-by-user"}
