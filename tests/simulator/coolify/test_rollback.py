"""The simulated Coolify rolls back to an older image as in coolify-api."""

import pytest

from tests.simulator.coolify.client import (
    V1,
    WRITE_PROBE,
    U,
    connected_client,
    logs,
    recorded,
    send_json,
    visit,
)
from tests.simulator.coolify.invariants import violations


def test_rollback_is_a_deployment_without_build_and_the_site_responds_again() -> None:
    with connected_client("rollback-git", 1) as (session, client):
        assert visit(client) == (200, "ok")
        images_kept = [
            each["tag"]
            for each in client.send("GET", f"{V1}/applications/{session.uuids[0]}/rollback-images").body[
                "images"
            ]
        ]
        client.start_deployment()
        assert visit(client) == (200, "ok")
        session.skip(60)
        assert visit(client) == (502, "Bad Gateway")
        images = client.send("GET", f"{V1}/applications/{session.uuids[0]}/rollback-images").body
        assert [each["tag"] for each in images["images"]] == [
            "1111111111222222222233333333334444444444",
            *images_kept,
        ]
        reply = send_json(client, f"POST /applications/{U}/rollback", {"commit": images_kept[0]})
        assert reply.body["message"] == "Rollback deployment queued."
        session.skip(30)
        row = client.poll(reply.body["deployment_uuid"]).body
        assert (row["status"], row["rollback"], row["commit"]) == ("finished", True, images_kept[0])
        assert not any("Building" in entry["output"] for entry in logs(row))
        assert visit(client) == (200, "ok")
        assert violations(session) == []


def test_image_is_rolled_back_by_its_tag() -> None:
    with connected_client("rollback-image", 1) as (session, client):
        send_json(client, WRITE_PROBE, {"docker_registry_image_tag": "3.0.0"})
        client.start_deployment()
        session.skip(60)
        assert visit(client) == (502, "Bad Gateway")
        send_json(client, f"POST /applications/{U}/rollback", {"commit": "2.0.1"})
        session.skip(60)
        assert visit(client) == (502, "Bad Gateway")
        send_json(client, WRITE_PROBE, {"docker_registry_image_tag": "2.0.1"})
        client.start_deployment()
        session.skip(60)
        assert visit(client) == (200, "ok")
        assert violations(session) == []


NO_ROLLBACK = [
    pytest.param("rollback-git", {"commit": "a b;c"}, "rollback_bad", id="invalid commit"),
    pytest.param("rollback-git", {"x": 1}, "rollback_missing2", id="no commit"),
    pytest.param("rollback-git", {}, "patch_empty", id="nothing"),
    pytest.param("rollback-impossible", {"commit": "abc"}, "catchall_404", id="older version"),
    pytest.param("queue-always-full", {"commit": "abc"}, "rollback_queue_full", id="full queue"),
]


@pytest.mark.parametrize(("scenario", "body", "name"), NO_ROLLBACK)
def test_rollback_is_rejected_as_recorded(scenario: str, body: object, name: str) -> None:
    with connected_client(scenario) as (session, client):
        client.send("GET", f"{V1}/version")
        rows = len(session.deployments())
        reply, expected = (
            send_json(client, f"POST /applications/{U}/rollback", body),
            recorded(name)["response"],
        )
        assert (reply.status, reply.body, len(session.deployments())) == (
            expected["status"],
            expected["body"],
            rows,
        )
