"""Further endpoints of the official command line: processes of a space, manifests, revisions, canaries."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.simulator.cloudfoundry.names import SPACE
from deployer.simulator.cloudfoundry.state.deployments import PACE
from tests.simulator.cloudfoundry.client import (
    NULL_ON_SERVER,
    Client,
    Reply,
    connected_client,
    response_differences,
    status_and_code,
)


def deploy(client: Client, **body: Any) -> Reply:
    """Request a deployment of the session's first app."""
    return client.send("POST", "/v3/deployments", {**client.app_relationship(), **body})


def web_instances(client: Client) -> list[int]:
    """The number of instances of each web process, oldest first."""
    rows = client.get(f"{client.app}/processes")["resources"]
    return [row["instances"] for row in rows if row["type"] == "web"]


def apply_manifest(client: Client, *names: str) -> Reply:
    """Apply a manifest with these apps, as `cf push --docker-image` does."""
    lines = "".join(f"- name: {name}\n  docker:\n    image: a/b:1\n  default-route: true\n" for name in names)
    path = f"/v3/spaces/{SPACE}/actions/apply_manifest"
    return client.send(
        "POST", path, raw=f"applications:\n{lines}".encode(), Content_Type="application/x-yaml"
    )


def test_processes_of_a_space_embed_their_instances_on_request() -> None:
    with connected_client("started") as client:
        [without_instances] = client.get("/v3/processes", space_guids=SPACE)["resources"]
        [row] = client.get("/v3/processes", space_guids=SPACE, embed="process_instances")["resources"]
        assert "process_instances" not in without_instances
        assert [(each["index"], each["state"]) for each in row["process_instances"]] == [
            (0, "RUNNING"),
            (1, "RUNNING"),
        ]
        assert all(each["since"] > 0 for each in row["process_instances"])
        assert (
            client.get(f"/v3/processes/{row['guid']}/process_instances")["resources"]
            == row["process_instances"]
        )
        assert client.get("/v3/processes", app_guids="nobodys")["resources"] == []
        [route] = client.get("/v3/routes", app_guids=client.session.guids[0])["resources"]
        assert route["url"] == "web.apps.example.org"


def test_manifest_is_applied_by_a_job_and_creates_missing_apps() -> None:
    with connected_client("success") as client:
        reply = apply_manifest(client, "web", "other")
        assert (reply.status, reply.raw) == (202, b"")
        job = client.get(reply.headers["location"].removeprefix(client.session.url))
        assert (job["state"], job["operation"], job["errors"]) == ("COMPLETE", "space.apply_manifest", [])
        assert [row["name"] for row in client.get("/v3/apps")["resources"]] == ["web", "other"]
        [other] = client.get("/v3/apps", names="other")["resources"]
        assert (other["state"], other["relationships"]["current_droplet"]["data"]) == (
            "STOPPED",
            {"guid": None},
        )
        assert status_and_code(client, "POST", f"/v3/apps/{other['guid']}/actions/start") == (422, 10008)
        apply_manifest(client, "other")
        assert len(client.get("/v3/apps")["resources"]) == 2


@pytest.mark.parametrize(("scenario", "expected"), [("auditor", (403, 10003)), ("supporter", (403, 10003))])
def test_manifest_requires_a_developer(scenario: str, expected: tuple[int, int]) -> None:
    with connected_client(scenario) as client:
        reply = apply_manifest(client, "web")
        assert (reply.status, reply.code) == expected
        assert status_and_code(client, "GET", "/v3/jobs/nobodys") == (404, 10010)


def test_each_live_droplet_is_a_revision_that_can_be_rolled_back_to() -> None:
    with connected_client("rolling") as client:
        first, second = client.get(f"{client.app}/revisions")["resources"]
        assert [(each["version"], each["description"]) for each in (first, second)] == [
            (1, "Initial revision."),
            (2, "New droplet deployed."),
        ]
        assert client.get(f"{client.app}/revisions/deployed")["resources"] == [second]
        assert client.get(f"{client.app}/features/revisions")["enabled"] is True
        assert status_and_code(client, "GET", f"{client.app}/features/nothing") == (404, 10010)
        same_revision = deploy(client, strategy="rolling", revision={"guid": second["guid"]})
        assert (
            same_revision.status,
            "is the same as the deployed revision" in same_revision.body["errors"][0]["detail"],
        ) == (
            422,
            True,
        )
        rollback = deploy(client, strategy="rolling", revision={"guid": first["guid"]})
        assert (rollback.status, rollback.body["droplet"], rollback.body["revision"]["version"]) == (
            201,
            first["droplet"],
            3,
        )
        [newest] = client.get(f"{client.app}/revisions", versions="3")["resources"]
        assert (newest["description"], newest["droplet"]) == (
            "New droplet deployed. Rolled back to revision 1.",
            first["droplet"],
        )
        assert client.get(f"/v3/revisions/{newest['guid']}") == newest
        assert client.get(f"{client.app}/revisions", order_by="-created_at")["resources"][0] == newest
        assert status_and_code(client, "GET", "/v3/revisions/nobodys") == (404, 10010)


def test_canary_pauses_after_its_first_instance_until_it_is_continued() -> None:
    with connected_client("rolling") as client:
        reply = deploy(client, strategy="canary")
        guid = reply.body["guid"]
        assert (reply.body["strategy"], reply.body["status"]["canary"]) == (
            "canary",
            {"steps": {"current": 1, "total": 1}},
        )
        assert (reply.body["options"], "continue" in reply.body["links"]) == ({"max_in_flight": 1}, False)
        assert status_and_code(client, "POST", f"/v3/deployments/{guid}/actions/continue") == (422, 10008)
        client.session.skip(PACE + 1)
        paused = client.get(f"/v3/deployments/{guid}")
        assert (paused["status"]["value"], paused["status"]["reason"]) == ("ACTIVE", "PAUSED")
        assert paused["links"]["continue"]["href"].endswith(f"{guid}/actions/continue")
        client.session.skip(300)
        assert (web_instances(client), client.get(f"/v3/deployments/{guid}")["status"]["reason"]) == (
            [2, 1],
            "PAUSED",
        )
        assert client.send("POST", f"/v3/deployments/{guid}/actions/continue").status == 200
        assert client.get(f"/v3/deployments/{guid}")["status"]["reason"] == "DEPLOYING"
        client.session.skip(PACE + 1)
        assert (web_instances(client), client.get(f"/v3/deployments/{guid}")["status"]["reason"]) == (
            [2],
            "DEPLOYED",
        )
        assert client.get(f"/v3/deployments/{guid}")["status"]["canary"] == {
            "steps": {"current": 1, "total": 1}
        }


def test_canary_with_steps_pauses_after_each_and_can_be_cancelled() -> None:
    with connected_client("rolling") as client:
        steps = [{"instance_weight": 10}, {"instance_weight": 100}]
        guid = deploy(client, strategy="canary", options={"canary": {"steps": steps}}).body["guid"]
        steps_seen = []
        for _ in range(2):
            client.session.skip(PACE + 1)
            deployment = client.get(f"/v3/deployments/{guid}")
            steps_seen.append(
                (
                    deployment["status"]["reason"],
                    deployment["status"]["canary"]["steps"],
                    web_instances(client),
                )
            )
            client.send("POST", f"/v3/deployments/{guid}/actions/continue") if len(steps_seen) == 1 else None
        assert steps_seen == [
            ("PAUSED", {"current": 1, "total": 2}, [2, 1]),
            ("PAUSED", {"current": 2, "total": 2}, [2, 2]),
        ]
        assert deployment["options"] == {"max_in_flight": 1, "canary": {"steps": steps}}
        assert client.send("POST", f"/v3/deployments/{guid}/actions/cancel").status == 200
        client.session.skip(10)
        assert (web_instances(client), client.get(f"/v3/deployments/{guid}")["status"]["reason"]) == (
            [2],
            "CANCELED",
        )


def test_canary_whose_instance_never_runs_is_never_paused() -> None:
    with connected_client("rolling-stuck") as client:
        guid = deploy(client, strategy="canary").body["guid"]
        client.session.skip(300)
        assert client.get(f"/v3/deployments/{guid}")["status"]["reason"] == "DEPLOYING"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"strategy": "blue-green"}, "Strategy 'blue-green' is not a supported deployment strategy"),
        (
            {"revision": {"guid": "a"}, "droplet": {"guid": "b"}},
            "Droplet Cannot set both fields 'droplet' and 'revision'",
        ),
        ({"revision": {"guid": "nobodys"}}, "The revision does not exist"),
        ({"options": [1]}, "Options must be an object"),
        ({"options": {"fast": True}}, "Options has unsupported key(s): fast"),
        ({"options": {"max_in_flight": 0}}, "Max in flight must be an integer greater than 0"),
        ({"options": {"canary": {"steps": []}}}, "Options canary are only valid for Canary deployments"),
        ({"strategy": "canary", "options": {"canary": 1}}, "Options canary must be an object"),
        (
            {"strategy": "canary", "options": {"canary": {"steps": [1]}}},
            "Options canary steps must be an array of objects",
        ),
        (
            {"strategy": "canary", "options": {"canary": {"steps": [{"instance_weight": 0}]}}},
            "Options canary steps instance weight must be an Integer between 1-100 (inclusive)",
        ),
        (
            {
                "strategy": "canary",
                "options": {"canary": {"steps": [{"instance_weight": 20}, {"instance_weight": 10}]}},
            },
            "Options canary steps instance weight must be sorted in ascending order",
        ),
    ],
)
def test_invalid_deployment_is_rejected(body: dict[str, Any], detail: str) -> None:
    with connected_client("rolling") as client:
        reply = deploy(client, **body)
        assert (reply.status, reply.body["errors"][0]["detail"]) == (422, detail)
        assert client.get("/v3/deployments")["resources"] == []


def test_responses_match_the_document() -> None:
    with connected_client("rolling") as client:
        client.get("/v3/processes", space_guids=SPACE, embed="process_instances")
        client.get("/v3/routes", app_guids=client.session.guids[0])
        [process, *_] = client.get(f"{client.app}/processes")["resources"]
        client.get(f"/v3/processes/{process['guid']}/process_instances")
        job = apply_manifest(client, "web")
        client.get(job.headers["location"].removeprefix(client.session.url))
        [revision, *_] = client.get(f"{client.app}/revisions")["resources"]
        client.get(f"{client.app}/revisions/deployed")
        client.get(f"/v3/revisions/{revision['guid']}")
        canary = deploy(client, strategy="canary").body["guid"]
        client.session.skip(PACE + 1)
        client.get(f"/v3/deployments/{canary}")
        client.send("POST", f"/v3/deployments/{canary}/actions/continue")
        differences = [
            f"{method} {path}: {difference}"
            for method, path, reply in client.responses
            for difference in response_differences(method, path, reply)
        ]
    assert [each for each in differences if not NULL_ON_SERVER.search(each)] == []
