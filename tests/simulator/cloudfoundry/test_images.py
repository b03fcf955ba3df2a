"""Images are staged and become the droplet of an app, whose site responds."""

from __future__ import annotations

from tests.simulator.cloudfoundry.client import CURRENT, Client, connected_client, log_lines, status_and_code
from tests.simulator.cloudfoundry.invariants import violations


def test_image_is_staged_and_becomes_the_droplet() -> None:
    with connected_client("image") as client:
        build = client.stage_image("ghcr.io/acme/web:2", seconds=5)
        assert (build["state"], build["droplet"]) == ("STAGING", None)
        package = {"package": {"guid": build["package"]["guid"]}}
        assert status_and_code(client, "POST", "/v3/builds", package) == (422, 170017)
        client.session.skip(8)
        build = client.get(f"/v3/builds/{build['guid']}")
        droplet = build["droplet"]["guid"]
        assert (build["state"], client.get(f"/v3/droplets/{droplet}")["image"]) == (
            "STAGED",
            "ghcr.io/acme/web:2",
        )
        assert (
            client.send("PATCH", client.app + CURRENT, {"data": {"guid": droplet}}).body["data"]["guid"]
            == droplet
        )
        assert client.get(client.app)["relationships"]["current_droplet"]["data"]["guid"] == droplet
        assert client.states()["web"] == ["RUNNING", "RUNNING"]  # still the previous version


def test_reason_of_a_failed_build_is_only_in_the_log() -> None:
    with connected_client("staging-failure") as client:
        build = client.stage_image()
        assert (build["state"], build["error"]) == ("FAILED", "StagingError - Staging error: staging failed")
        assert any("manifest unknown" in text for _, text in log_lines(client))


def test_private_registry_requires_a_login() -> None:
    with connected_client("registry") as client:
        assert client.stage_image()["state"] == "FAILED"
        inputs = client.session.inputs
        data = {
            "image": "a/b:1",
            "username": inputs["cf_docker_username"],
            "password": inputs["cf_docker_password"],
        }
        package = client.send(
            "POST", "/v3/packages", {"type": "docker", **client.app_relationship(), "data": data}
        ).body
        assert package["data"] == {
            "image": "a/b:1",
            "username": inputs["cf_docker_username"],
            "password": "***",
        }
        build = client.send("POST", "/v3/builds", {"package": {"guid": package["guid"]}}).body
        client.session.skip(20)
        assert client.get(f"/v3/builds/{build['guid']}")["state"] == "STAGED"


def test_buildpack_app_rejects_an_image() -> None:
    with connected_client("buildpack") as client:
        response = client.send(
            "POST", "/v3/packages", {"type": "docker", **client.app_relationship(), "data": {"image": "a/b"}}
        )
        assert (response.status, response.body["errors"][0]["detail"]) == (
            422,
            "Cannot create Docker package for a buildpack app.",
        )


def test_previous_droplet_runs_again_after_a_crashing_image() -> None:
    with connected_client("image-crash") as client:
        before = client.get(client.app)["relationships"]["current_droplet"]["data"]["guid"]
        droplet = client.stage_image()["droplet"]["guid"]
        for each, states in ((droplet, ["CRASHED", "CRASHED"]), (before, ["RUNNING", "RUNNING"])):
            client.send("PATCH", client.app + CURRENT, {"data": {"guid": each}})
            client.send("POST", f"{client.app}/actions/restart")
            client.session.skip(17)
            assert client.states()["web"] == states
        assert violations(client.session) == []


def test_site_responds_while_the_app_runs() -> None:
    with connected_client("image-sick") as client:
        assert get_site(client) == (200, "ok")
        droplet = client.stage_image()["droplet"]["guid"]
        client.send("PATCH", client.app + CURRENT, {"data": {"guid": droplet}})
        client.send("POST", f"{client.app}/actions/restart")
        assert get_site(client)[0] == 404
        client.session.skip(15)
        assert get_site(client) == (502, "Bad Gateway")
        assert violations(client.session) == []


def get_site(client: Client) -> tuple[int, str]:
    address, _, path = client.session.site.partition("/site")
    response = client.send("GET", f"/site{path}", at=address, Authorization="")
    return response.status, response.body
