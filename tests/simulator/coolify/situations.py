"""A simulated Coolify of any version that is asked without a socket, and the situations in which it is asked."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from deployer.simulator import VERSIONS, Request, Scenario
from deployer.simulator.coolify.checks import caught_as, respond, shown
from deployer.simulator.coolify.render_env import uuid_of
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

CONTRACT = Path(__file__).parents[2] / "contracts" / "coolify"
CAPTURED = CONTRACT / "captured"
FOLDERS = {"": "4.3.10"} | {f"v{name}": name for name in VERSIONS if (CAPTURED / f"v{name}").exists()}
STILL, LATE = 1e-9, 1e12  # simulated seconds in a real one: no time passes, or all of it
HOUR = 3600
JSON = {"accept": "application/json"}


# --- the server, and what it says


WEB = App(BUILT, tags=("blue",))
WORKER = App(BUILT, name="worker", fqdn="http://worker.example.com")
DOCS = App(BUILT, name="docs", fqdn="http://docs.example.com", tags=("solo",))
IMG = replace(IMAGE, name="img", tags=("blue",))
STACK, PG = Resource(tags=("blue",)), Resource("database", name="pg", status="exited:unhealthy")
APPS, RESOURCES = {"web": WEB, "worker": WORKER, "docs": DOCS, "img": IMG}, {"stack": STACK, "pg": PG}
EVERYBODY = Scenario(
    "everybody",
    "What the captured servers had.",
    apps=tuple(APPS.values()),
    resources=tuple(RESOURCES.values()),
    tags=("lonely",),
    abilities=frozenset({"root"}),
)


def said(server: Server, asked: Request) -> Response:
    """What goes over the wire."""
    asked.at = server.now()
    trouble = server.trouble(caught_as(server.scenario.version, asked))
    answer = with_fault(server, asked, trouble) if trouble else respond(server, asked)
    assert answer
    return shown(asked, answer)


def read(answer: Response) -> Any:
    text = b"".join(answer.body).decode()
    return json.loads(text) if dict(answer.headers)["Content-Type"] == "application/json" else text


class Visit:
    """A client of a server that stands still. A step is a method and a path; `{web}` and the like stand for uuids."""

    def __init__(self, version: str, **world: Any) -> None:
        self.server = Server(replace(EVERYBODY, version=VERSIONS[version], **world), STILL)
        self.uuids = dict(zip((*APPS, *RESOURCES), (*self.server.apps, *self.server.resources), strict=True))
        self.uuids |= {"project": body_of("project")["uuid"], "host": body_of("servers")[0]["uuid"]}
        self.uuids |= {f"foo_of_{who}": uuid_of(self.uuids[who], FOO) for who in ("web", "stack", "pg")}
        self.server.now()  # others' deployments are there from the first moment on
        self.uuids["last"] = self.server.rows[-1].uuid if self.server.rows else ""

    def ask(self, step: str, body: str = "", **headers: str) -> Response:
        """The answer; the last deployment that it names is `{last}` from now on."""
        method, _, place = step.format(**self.uuids).partition(" ")
        path, _, query = place.partition("?")
        with_token = JSON | {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"} | headers
        answer = said(
            self.server, Request(method, f"/api/v1{path}", parse_qs(query), with_token, body.encode())
        )
        named: list[bytes] = re.findall(rb'"deployment_uuid":"(\w+)"', b"".join(answer.body))
        self.uuids["last"] = named[-1].decode() if named else self.uuids["last"]
        return answer

    def told(self, step: str, body: str = "", **headers: str) -> Any:
        return read(self.ask(step, body, **headers))

    def wait(self, seconds: float) -> "Visit":
        """So much later."""
        assert self.server._zero is not None
        self.server._zero -= seconds / self.server.speed
        return self

    def row(self) -> dict[str, Any]:
        """The deployment named last."""
        body: dict[str, Any] = self.told("GET /deployments/{last}")
        return body

    def done(self, *steps: str) -> Response:
        """The answer to the last of them."""
        return [self.ask(step) for step in steps][-1]

    def may(self, *abilities: str) -> "Visit":
        self.server.scenario = replace(self.server.scenario, abilities=frozenset(abilities))
        return self


World = dict[str, Any]

WEB_RUNS, WORKER_RUNS, DOCS_RUNS, IMG_RUNS = ((f"POST /deploy?uuid={{{who}}}",) for who in APPS)
CANCELLED = (*WEB_RUNS, "POST /deployments/{last}/cancel")
PREVIEW = ("POST /deploy?uuid={img}&pr=9&docker_tag=pr-9",)
TOO_MANY = ("GET /nope",) * 200


def going(script: str) -> World:
    """Every deployment goes like the recorded one."""
    return {"apps": tuple(replace(app, script=recorded(script, 45)) for app in APPS.values())}


def standing(stack: str, pg: str) -> World:
    return {"resources": (replace(STACK, status=stack), replace(PG, status=pg))}


def with_variables(*variables: Variable) -> World:
    return {
        "apps": tuple(replace(app, variables=variables) for app in APPS.values()),
        "resources": tuple(replace(each, variables=variables) for each in RESOURCES.values()),
    }


def barred(bar: str) -> World:
    return {"bar": bar}


RUNNING, EXITED = standing("running:healthy", "running:healthy"), standing("exited", "exited:unhealthy")
FULL_QUEUE: World = {"full_until": float("inf")}
CUT_OFF: World = {"reachable": False}
STRANGERS: World = {"strangers": 1}
SERVERS: World = {"apps": (WEB, replace(WORKER, script=MAIN, servers=(Extra("second", BUILT),)), DOCS, IMG)}
RESTARTED: World = {"apps": SCENARIOS["restarted"].apps * len(APPS)}
AWAY: World = {"faults": (Fault(("any",), Then.REPLY, reply="maintenance_503"),)}
TAKEN: World = {
    "apps": (
        replace(WEB, fqdn="https://web.example.com"),
        WORKER,
        replace(DOCS, name="docker-image-e8gu7q2lwu1ii6w4tlw1noea", fqdn="https://new.example.com"),
        IMG,
    )
}
DESTINATIONS: World = {"hosts": (Host(destinations=("coolify", "second")),)}
FOO, FOO2 = Variable("FOO", "bar"), Variable("FOO2", "bar")
SHOWN_ONCE = Variable("ML", "a\nb", literal=True, multiline=True, shown_once=True)
UNREACHABLE: World = {"resources": (replace(STACK, reachable=False), PG)}


def plain(body: Any) -> Any:
    """GET /deployments is a list even where PHP made an object of it (coolify-api 5.5)."""
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
