"""A simulated Coolify of any version without a socket, and situations in which requests are sent to it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from deployer.simulator import VERSIONS, Request, Scenario
from deployer.simulator.coolify.checks import caught_as, respond, shown
from deployer.simulator.coolify.rendering.env import uuid_of
from deployer.simulator.coolify.replies import body_of
from deployer.simulator.coolify.scenarios import BUILT, IMAGE, MAIN
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.deployments import App, Extra
from deployer.simulator.coolify.state.places import Host
from deployer.simulator.coolify.state.resources import Resource
from deployer.simulator.coolify.state.script import recorded
from deployer.simulator.coolify.state.variables import Variable
from deployer.simulator.coolify.wire import with_fault
from deployer.simulator.serving.exchange import Fault, Response, Then
from deployer.simulator.serving.made_up import TOKEN
from tests.simulator.coolify.scenarios import SCENARIOS

CONTRACTS = Path(__file__).parents[2] / "contracts" / "coolify"
CAPTURED = CONTRACTS / "captured"
FOLDERS = {"": "4.3.10"} | {f"v{name}": name for name in VERSIONS if (CAPTURED / f"v{name}").exists()}
STOPPED_CLOCK, ALL_TIME = 1e-9, 1e12  # speeds: the clock stands still, or all time has passed
HOUR = 3600
JSON = {"accept": "application/json"}


# --- the server and its responses


WEB = App(BUILT, tags=("blue",))
WORKER = App(BUILT, name="worker", fqdn="http://worker.example.com")
DOCS = App(BUILT, name="docs", fqdn="http://docs.example.com", tags=("solo",))
IMG = replace(IMAGE, name="img", tags=("blue",))
STACK, PG = Resource(tags=("blue",)), Resource("database", name="pg", status="exited:unhealthy")
APPS, RESOURCES = {"web": WEB, "worker": WORKER, "docs": DOCS, "img": IMG}, {"stack": STACK, "pg": PG}
ALL_RESOURCES = Scenario(
    "everybody",
    "The resources of the captured servers.",
    apps=tuple(APPS.values()),
    resources=tuple(RESOURCES.values()),
    tags=("lonely",),
    abilities=frozenset({"root"}),
)


def wire_response(server: Server, asked: Request) -> Response:
    """The response as it is sent."""
    asked.at = server.now()
    fault = server.trouble(caught_as(server.scenario.version, asked))
    response = with_fault(server, asked, fault) if fault else respond(server, asked)
    assert response
    return shown(asked, response)


def parse_body(response: Response) -> Any:
    text = b"".join(response.body).decode()
    return json.loads(text) if dict(response.headers)["Content-Type"] == "application/json" else text


class Visit:
    """A client of a server whose clock stands still.

    A step is a method and a path, in which `{web}` and so on are replaced by uuids.
    """

    def __init__(self, version: str, **overrides: Any) -> None:
        self.server = Server(replace(ALL_RESOURCES, version=VERSIONS[version], **overrides), STOPPED_CLOCK)
        self.uuids = dict(zip((*APPS, *RESOURCES), (*self.server.apps, *self.server.resources), strict=True))
        self.uuids |= {"project": body_of("project")["uuid"], "host": body_of("servers")[0]["uuid"]}
        self.uuids |= {f"foo_of_{name}": uuid_of(self.uuids[name], FOO) for name in ("web", "stack", "pg")}
        self.server.now()  # creates the deployments of others
        self.uuids["last"] = self.server.rows[-1].uuid if self.server.rows else ""

    def send(self, step: str, body: str = "", **headers: str) -> Response:
        """Send a request. The last deployment that the response names is `{last}` from then on."""
        method, _, place = step.format(**self.uuids).partition(" ")
        path, _, query = place.partition("?")
        with_token = JSON | {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"} | headers
        response = wire_response(
            self.server, Request(method, f"/api/v1{path}", parse_qs(query), with_token, body.encode())
        )
        uuids: list[bytes] = re.findall(rb'"deployment_uuid":"(\w+)"', b"".join(response.body))
        self.uuids["last"] = uuids[-1].decode() if uuids else self.uuids["last"]
        return response

    def read(self, step: str, body: str = "", **headers: str) -> Any:
        return parse_body(self.send(step, body, **headers))

    def wait(self, seconds: float) -> "Visit":
        """Let simulated seconds pass."""
        assert self.server._zero is not None
        self.server._zero -= seconds / self.server.speed
        return self

    def row(self) -> dict[str, Any]:
        """The record of the deployment that was named last."""
        body: dict[str, Any] = self.read("GET /deployments/{last}")
        return body

    def send_all(self, *steps: str) -> Response:
        """Send several requests, and return the last response."""
        return [self.send(step) for step in steps][-1]

    def with_abilities(self, *abilities: str) -> "Visit":
        self.server.scenario = replace(self.server.scenario, abilities=frozenset(abilities))
        return self


Overrides = dict[str, Any]

DEPLOY_WEB, DEPLOY_WORKER, DEPLOY_DOCS, DEPLOY_IMG = ((f"POST /deploy?uuid={{{name}}}",) for name in APPS)
DEPLOY_AND_CANCEL = (*DEPLOY_WEB, "POST /deployments/{last}/cancel")
DEPLOY_PREVIEW = ("POST /deploy?uuid={img}&pr=9&docker_tag=pr-9",)
OVER_RATE_LIMIT = ("GET /nope",) * 200


def with_script(script: str) -> Overrides:
    """Every deployment follows the recorded one."""
    return {"apps": tuple(replace(app, script=recorded(script, 45)) for app in APPS.values())}


def with_statuses(stack: str, pg: str) -> Overrides:
    return {"resources": (replace(STACK, status=stack), replace(PG, status=pg))}


def with_variables(*variables: Variable) -> Overrides:
    return {
        "apps": tuple(replace(app, variables=variables) for app in APPS.values()),
        "resources": tuple(replace(each, variables=variables) for each in RESOURCES.values()),
    }


def blocked(bar: str) -> Overrides:
    return {"bar": bar}


RUNNING, EXITED = (
    with_statuses("running:healthy", "running:healthy"),
    with_statuses("exited", "exited:unhealthy"),
)
FULL_QUEUE: Overrides = {"full_until": float("inf")}
SERVER_UNREACHABLE: Overrides = {"reachable": False}
STRANGERS: Overrides = {"strangers": 1}
SERVERS: Overrides = {
    "apps": (WEB, replace(WORKER, script=MAIN, servers=(Extra("second", BUILT),)), DOCS, IMG)
}
RESTARTED: Overrides = {"apps": SCENARIOS["restarted"].apps * len(APPS)}
MAINTENANCE: Overrides = {"faults": (Fault(("any",), Then.REPLY, reply="maintenance_503"),)}
TAKEN_DOMAINS: Overrides = {
    "apps": (
        replace(WEB, fqdn="https://web.example.com"),
        WORKER,
        replace(DOCS, name="docker-image-e8gu7q2lwu1ii6w4tlw1noea", fqdn="https://new.example.com"),
        IMG,
    )
}
DESTINATIONS: Overrides = {"hosts": (Host(destinations=("coolify", "second")),)}
FOO, FOO2 = Variable("FOO", "bar"), Variable("FOO2", "bar")
SHOWN_ONCE = Variable("ML", "a\nb", literal=True, multiline=True, shown_once=True)
UNREACHABLE: Overrides = {"resources": (replace(STACK, reachable=False), PG)}


def plain(body: Any) -> Any:
    """Turn an object with numbers as keys, as of GET /deployments, into a list (coolify-api 5.5)."""
    return (
        list(body.values())
        if isinstance(body, dict) and body and all(key.isdecimal() for key in body)
        else body
    )


BODIES = {
    "patch": '{"description": "x"}',
    "rollback": '{"commit": "x"}',
    "create": json.dumps(
        {
            "project_uuid": body_of("project")["uuid"],
            "server_uuid": body_of("servers")[0]["uuid"],
            "environment_name": "production",
            "docker_registry_image_name": "nginx",
            "ports_exposes": "80",
        }
    ),
    **dict.fromkeys(
        ("application_envs_set", "service_envs_set", "database_envs_set"),
        '{"data": [{"key": "FOO", "value": "x"}]}',
    ),
    **dict.fromkeys(
        ("application_env_add", "service_env_add", "database_env_add"), '{"key": "NEW", "value": "x"}'
    ),
    **dict.fromkeys(
        ("application_env_change", "service_env_change", "database_env_change"),
        '{"key": "FOO", "value": "x"}',
    ),
}
