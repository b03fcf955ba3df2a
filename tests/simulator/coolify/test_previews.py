"""The previews of pull requests in the simulated Coolify."""

from tests.simulator.coolify.client import FAST, V1, connected_client, follow


def test_preview_has_its_own_record_and_does_not_wait() -> None:
    with connected_client("preview") as (session, client):
        client.start_deployment()
        query = f"{V1}/deploy?uuid={session.uuids[0]}&pr=7"
        uuid = client.send("POST", query).body["deployments"][0]["deployment_uuid"]
        assert (
            client.send("POST", query).body["deployments"][0]["message"]
            == "Deployment already queued for this commit."
        )
        row = client.poll(uuid).body
        assert (row["pull_request_id"], row["status"]) == (7, "in_progress")
        assert follow(client, uuid, FAST)[-1]["status"] == "finished"


def test_preview_of_an_image_has_its_own_tag_and_can_be_deleted() -> None:
    with connected_client("write-token", 1) as (session, client):
        query = f"{V1}/deploy?uuid={session.uuids[0]}&pr=9&docker_tag="
        uuids = [
            client.send("POST", query + tag).body["deployments"][0]["deployment_uuid"]
            for tag in ("pr-9", "pr-9b")
        ]
        assert [client.poll(uuid).body["docker_registry_image_tag"] for uuid in uuids] == ["pr-9", "pr-9b"]
        deleted = [
            client.send("DELETE", f"{V1}/applications/{session.uuids[0]}/previews/9").status for _ in range(2)
        ]
        assert deleted == [200, 404]
        assert {client.poll(uuid).body["status"] for uuid in uuids} == {"cancelled-by-user"}
