"""An image is staged and becomes the droplet, and the app answers with it."""

from __future__ import annotations

from tests.simulator.cloudfoundry.client import CURRENT, Client, logged, reply_of, visiting
from tests.simulator.cloudfoundry.invariants import violations


def test_an_image_is_staged_and_becomes_the_droplet() -> None:
    with visiting("image") as client:
        build = client.staged("ghcr.io/acme/web:2", seconds=5)
        assert (build["state"], build["droplet"]) == ("STAGING", None)
        package = {"package": {"guid": build["package"]["guid"]}}
        assert reply_of(client, "POST", "/v3/builds", package) == (422, 170017)
        client.stage.skip(8)
        build = client.get(f"/v3/builds/{build['guid']}")
        droplet = build["droplet"]["guid"]
        assert (build["state"], client.get(f"/v3/droplets/{droplet}")["image"]) == (
            "STAGED",
            "ghcr.io/acme/web:2",
        )
        assert (
            client.ask("PATCH", client.app + CURRENT, {"data": {"guid": droplet}}).body["data"]["guid"]
            == droplet
        )
        assert client.get(client.app)["relationships"]["current_droplet"]["data"]["guid"] == droplet
        assert client.states()["web"] == ["RUNNING", "RUNNING"]  # the one before goes on


def test_a_build_that_fails_tells_its_cause_only_in_the_log() -> None:
    with visiting("staging-failure") as client:
        build = client.staged()
        assert (build["state"], build["error"]) == ("FAILED", "StagingError - Staging error: staging failed")
        assert any("manifest unknown" in text for _, text in logged(client))


def test_a_private_registry_wants_its_login() -> None:
    with visiting("registry") as client:
        assert client.staged()["state"] == "FAILED"
        given = client.stage.inputs
        data = {
            "image": "a/b:1",
            "username": given["cf_docker_username"],
            "password": given["cf_docker_password"],
        }
        package = client.ask("POST", "/v3/packages", {"type": "docker", **client.of_app(), "data": data}).body
        assert package["data"] == {
            "image": "a/b:1",
            "username": given["cf_docker_username"],
            "password": "***",
        }
        build = client.ask("POST", "/v3/builds", {"package": {"guid": package["guid"]}}).body
        client.stage.skip(20)
        assert client.get(f"/v3/builds/{build['guid']}")["state"] == "STAGED"


def test_what_is_no_image_app_takes_no_image() -> None:
    with visiting("buildpack") as client:
        answer = client.ask(
            "POST", "/v3/packages", {"type": "docker", **client.of_app(), "data": {"image": "a/b"}}
        )
        assert (answer.status, answer.body["errors"][0]["detail"]) == (
            422,
            "Cannot create Docker package for a buildpack app.",
        )


def test_what_ran_before_the_image_that_crashes_runs_well_again() -> None:
    with visiting("image-crash") as client:
        before = client.get(client.app)["relationships"]["current_droplet"]["data"]["guid"]
        droplet = client.staged()["droplet"]["guid"]
        for each, states in ((droplet, ["CRASHED", "CRASHED"]), (before, ["RUNNING", "RUNNING"])):
            client.ask("PATCH", client.app + CURRENT, {"data": {"guid": each}})
            client.ask("POST", f"{client.app}/actions/restart")
            client.stage.skip(17)
            assert client.states()["web"] == states
        assert violations(client.stage) == []


def test_an_app_answers_the_world_while_it_runs() -> None:
    with visiting("image-sick") as client:
        assert visited(client) == (200, "ok")
        droplet = client.staged()["droplet"]["guid"]
        client.ask("PATCH", client.app + CURRENT, {"data": {"guid": droplet}})
        client.ask("POST", f"{client.app}/actions/restart")
        assert visited(client)[0] == 404
        client.stage.skip(15)
        assert visited(client) == (502, "Bad Gateway")
        assert violations(client.stage) == []


def visited(client: Client) -> tuple[int, str]:
    address, _, path = client.stage.site.partition("/site")
    answer = client.ask("GET", f"/site{path}", at=address, Authorization="")
    return answer.status, answer.body
