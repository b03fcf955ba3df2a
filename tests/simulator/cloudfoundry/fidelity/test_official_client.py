"""Requests as the official `cf` command line sends them.

Log in, target, start, app, restart, deploy an image.

In the order and with the parameters of its sources. The client itself is not run here, because the package
registries of these tests do not have it: `tests/e2e/test_cf_cli.py` runs it where it is installed.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.simulator.cloudfoundry.client import Client, Reply
from tests.simulator.cloudfoundry.scenarios import simulating

AGENT = "cf/8.18.0 (go1.26.0; amd64 linux)"
INSTANCE = {"index": int, "state": str, "uptime": int, "type": str}
USAGE = {"cpu": (int, float), "mem": int, "disk": int, "log_rate": int}


class CfCommandLine:
    """Sends requests in the order and format of the command line."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.inputs = client.session.inputs

    def get(self, path: str) -> Any:
        reply = self.client.send("GET", path, User_Agent=AGENT)
        assert reply.status == 200, (path, reply.raw)
        return reply.body

    def post(self, path: str, body: Any = None) -> Reply:
        return self.client.send("POST", path, body, User_Agent=AGENT)

    def auth(self) -> dict[str, Any]:
        """`cf api`, `cf auth`: the claims of the token."""
        links = self.get("/")["links"]
        assert all(
            isinstance(links[name]["href"], str)
            for name in ("self", "login", "uaa", "log_cache", "network_policy_v1", "routing")
        )
        major, minor, _ = (int(part) for part in links["cloud_controller_v3"]["meta"]["version"].split("."))
        assert (major, minor) >= (3, 160)  # the least that cf 9 requires
        self.client.login()
        header, claims, signature = (
            base64.urlsafe_b64decode(part + "==") for part in self.client.token.split(".")
        )
        assert json.loads(header)["alg"] == "RS256"
        assert signature
        result: dict[str, Any] = json.loads(claims)
        return result

    def target(self) -> str:
        """`cf target -o … -s …`: the guid of the space."""
        [organization] = self.get(f"/v3/organizations?names={self.inputs['cf_org']}&page=1&per_page=1")[
            "resources"
        ]
        spaces = f"/v3/spaces?names={self.inputs['cf_space']}&organization_guids={organization['guid']}"
        [space] = self.get(spaces)["resources"]
        return str(space["guid"])

    def app(self, space: str) -> dict[str, Any]:
        [app] = self.get(f"/v3/apps?names={self.inputs['cf_app']}&space_guids={space}")["resources"]
        result: dict[str, Any] = app
        return result

    def newest_package(self, app: str) -> list[Any]:
        """`cf start` stages the newest package if it has no droplet."""
        packages = self.get(f"/v3/packages?app_guids={app}&order_by=-created_at&per_page=1")["resources"]
        unstaged: list[Any] = []
        for package in packages:
            droplets = self.get(f"/v3/packages/{package['guid']}/droplets?states=STAGED&per_page=1")[
                "resources"
            ]
            unstaged += [] if droplets else [package]
        return unstaged

    def poll(self, app: str) -> None:
        """Poll until one instance of every process runs."""
        processes = self.get(f"/v3/apps/{app}/processes")["resources"]
        for _ in range(60):
            rows = [self.get(f"/v3/processes/{process['guid']}/stats")["resources"] for process in processes]
            assert not any(row and all(each["state"] == "CRASHED" for each in row) for row in rows), (
                "Start unsuccessful"
            )
            if all(not row or any(each["state"] == "RUNNING" for each in row) for row in rows):
                return
            self.client.session.skip(1)
        pytest.fail("Start app timeout")

    def summary(self, space: str) -> dict[str, Any]:
        """`cf app`."""
        app = self.app(space)
        for process in self.get(f"/v3/apps/{app['guid']}/processes")["resources"]:
            summary = self.get(f"/v3/processes/{process['guid']}")
            assert (summary["type"], summary["instances"]) == (process["type"], process["instances"])
            assert self.get(f"/v3/processes/{process['guid']}/sidecars")["resources"] == []
            for row in self.get(f"/v3/processes/{process['guid']}/stats")["resources"]:
                assert fits_struct(row, INSTANCE)
                assert row["state"] != "RUNNING" or fits_struct(row["usage"], USAGE)
        [route] = self.get(f"/v3/apps/{app['guid']}/routes")["resources"]
        droplet = self.get(f"/v3/apps/{app['guid']}/droplets/current")
        active = self.get(
            f"/v3/deployments?app_guids={app['guid']}&status_values=ACTIVE&order_by=-created_at&per_page=1"
        )
        return {
            "state": app["state"],
            "url": route["url"],
            "image": droplet["image"],
            "deployments": len(active["resources"]),
        }

    def logs(self, app: str) -> list[str]:
        """`cf logs --recent`."""
        at = self.client.root()["log_cache"]["href"]
        assert isinstance(self.client.send("GET", "/api/v1/info", at=at).body["version"], str)
        query = "descending=true&envelope_types=LOG&limit=1000&start_time=-6795364578871345152"
        batch = self.client.send("GET", f"/api/v1/read/{app}?{query}", at=at).body["envelopes"]["batch"]
        assert all(
            isinstance(each["timestamp"], str) and each["log"]["type"] in {"OUT", "ERR"} for each in batch
        )
        return [base64.b64decode(each["log"]["payload"]).decode() for each in reversed(batch)]


def fits_struct(result: dict[str, Any], types: dict[str, Any]) -> bool:
    """Whether it fits a Go struct with these fields and types."""
    return all(isinstance(result[name], kind) for name, kind in types.items())


@pytest.mark.parametrize("scenario", ["success", "worker"])
def test_login_target_start_and_app(scenario: str) -> None:
    with simulating(scenario, speed=0.001) as session:
        cf = CfCommandLine(Client(session))
        claims = cf.auth()
        assert (claims["user_name"], claims["origin"]) == (session.inputs["cf_username"], "uaa")
        assert claims["user_id"]
        space = cf.target()
        app = cf.app(space)
        assert (app["state"], cf.newest_package(app["guid"])) == ("STOPPED", [])
        assert cf.post(f"/v3/apps/{app['guid']}/actions/start").body["state"] == "STARTED"
        cf.poll(app["guid"])
        assert cf.summary(space) == {
            "state": "STARTED",
            "url": "web.apps.example.org",
            "image": "ghcr.io/acme/web:1.4.1",
            "deployments": 0,
        }
        assert "Listening on 0.0.0.0:8080" in cf.logs(app["guid"])


def test_restart_by_stop_and_start() -> None:
    with simulating("restart", speed=0.001) as session:
        cf = CfCommandLine(Client(session))
        cf.auth()
        space = cf.target()
        app = cf.app(space)
        assert cf.newest_package(app["guid"]) == []
        for action, state in (("stop", "STOPPED"), ("start", "STARTED")):
            assert cf.post(f"/v3/apps/{app['guid']}/actions/{action}").body["state"] == state
        cf.poll(app["guid"])
        assert cf.summary(space)["state"] == "STARTED"


def test_rolling_restart() -> None:
    with simulating("rolling", speed=0.001) as session:
        cf = CfCommandLine(Client(session))
        cf.auth()
        space = cf.target()
        app = cf.app(space)
        body = {
            "droplet": {"guid": app["relationships"]["current_droplet"]["data"]["guid"]},
            "options": {"max_in_flight": 1},
            "strategy": "rolling",
            "relationships": {"app": {"data": {"guid": app["guid"]}}},
        }
        deployment = cf.post("/v3/deployments", body).body
        assert cf.summary(space)["deployments"] == 1
        for _ in range(40):
            status = cf.get(f"/v3/deployments/{deployment['guid']}")["status"]
            if (status["value"], status["reason"]) == ("FINALIZED", "DEPLOYED"):
                break
            session.skip(3)
        cf.poll(app["guid"])
        assert cf.summary(space)["deployments"] == 0


def test_push_of_a_crashing_image() -> None:
    with simulating("image-crash", speed=0.001) as session:
        cf = CfCommandLine(Client(session))
        cf.auth()
        app = cf.app(cf.target())["guid"]
        package = cf.post(
            "/v3/packages",
            {"type": "docker", "data": {"image": "ghcr.io/acme/web:2"}, **cf.client.app_relationship()},
        ).body
        assert cf.newest_package(app) == [cf.get(f"/v3/packages/{package['guid']}")]
        build = cf.post("/v3/builds", {"package": {"guid": package["guid"]}}).body
        while build["state"] == "STAGING":
            session.skip(3)
            build = cf.get(f"/v3/builds/{build['guid']}")
        assert cf.newest_package(app) == []
        droplet = {"data": {"guid": build["droplet"]["guid"]}}
        assert (
            cf.client.send(
                "PATCH", f"/v3/apps/{app}/relationships/current_droplet", droplet, User_Agent=AGENT
            ).status
            == 200
        )
        assert cf.post(f"/v3/apps/{app}/actions/restart").status == 200
        with pytest.raises(AssertionError, match="Start unsuccessful"):
            cf.poll(app)
