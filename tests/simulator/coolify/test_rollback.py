"""The simulated Coolify goes back to an older image as coolify-api says."""

import pytest

from tests.simulator.coolify.client import PROBE, V1, U, logs, recorded, visit, visiting, write
from tests.simulator.coolify.invariants import violations


def test_a_rollback_is_a_row_that_builds_nothing_and_the_site_answers_again() -> None:
    with visiting("rollback-git", 1) as (session, client):
        assert visit(client) == (200, "ok")
        kept = [
            each["tag"]
            for each in client.ask("GET", f"{V1}/applications/{session.uuids[0]}/rollback-images").body[
                "images"
            ]
        ]
        client.started()
        assert visit(client) == (200, "ok")
        session.skip(60)
        assert visit(client) == (502, "Bad Gateway")
        images = client.ask("GET", f"{V1}/applications/{session.uuids[0]}/rollback-images").body
        assert [each["tag"] for each in images["images"]] == [
            "1111111111222222222233333333334444444444",
            *kept,
        ]
        reply = write(client, f"POST /applications/{U}/rollback", {"commit": kept[0]})
        assert reply.body["message"] == "Rollback deployment queued."
        session.skip(30)
        row = client.look(reply.body["deployment_uuid"]).body
        assert (row["status"], row["rollback"], row["commit"]) == ("finished", True, kept[0])
        assert not any("Building" in entry["output"] for entry in logs(row))
        assert visit(client) == (200, "ok")
        assert violations(session) == []


def test_an_image_goes_back_by_its_tag_and_not_by_a_rollback() -> None:
    with visiting("rollback-image", 1) as (session, client):
        write(client, PROBE, {"docker_registry_image_tag": "3.0.0"})
        client.started()
        session.skip(60)
        assert visit(client) == (502, "Bad Gateway")
        write(client, f"POST /applications/{U}/rollback", {"commit": "2.0.1"})
        session.skip(60)
        assert visit(client) == (502, "Bad Gateway")
        write(client, PROBE, {"docker_registry_image_tag": "2.0.1"})
        client.started()
        session.skip(60)
        assert visit(client) == (200, "ok")
        assert violations(session) == []


NO_ROLLBACK = [
    pytest.param("rollback-git", {"commit": "a b;c"}, "rollback_bad", id="a bad one"),
    pytest.param("rollback-git", {"x": 1}, "rollback_missing2", id="none"),
    pytest.param("rollback-git", {}, "patch_empty", id="nothing"),
    pytest.param("rollback-impossible", {"commit": "abc"}, "catchall_404", id="an older version"),
    pytest.param("queue-always-full", {"commit": "abc"}, "rollback_queue_full", id="a full queue"),
]


@pytest.mark.parametrize(("scenario", "body", "name"), NO_ROLLBACK)
def test_a_rollback_is_refused_as_recorded(scenario: str, body: object, name: str) -> None:
    with visiting(scenario) as (session, client):
        client.ask("GET", f"{V1}/version")
        rows = len(session.deployments())
        reply, expected = write(client, f"POST /applications/{U}/rollback", body), recorded(name)["response"]
        assert (reply.status, reply.body, len(session.deployments())) == (
            expected["status"],
            expected["body"],
            rows,
        )
