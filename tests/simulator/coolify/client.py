"""A well-behaved client of a simulated Coolify, and what its answers are compared with."""

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.simulator import Session
from deployer.simulator.coolify.render_env import uuid_of
from tests.simulator.coolify.scenarios import simulating
from tests.simulator.coolify.scenarios_changes import ONLY_NEW

REPLIES = Path(__file__).parents[3] / "deployer" / "simulator" / "coolify" / "replies"
CONTRACT = Path(__file__).parents[2] / "contracts" / "coolify"
TERMINAL = {"finished", "failed", "cancelled-by-user"}
NAME = "deployer/0 (test)"
V1 = "/api/v1"
VARIABLE = ONLY_NEW[0]
FAST = 500.0  # simulated seconds in a real one


@dataclass
class Reply:
    """An answer as it came over the wire."""

    status: int
    headers: list[tuple[str, str]]
    raw: bytes

    @property
    def body(self) -> Any:
        try:
            return json.loads(self.raw)
        except ValueError:
            return self.raw.decode("utf-8", "replace")

    def __getitem__(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass
class Client:
    """A well-behaved client with one keep-alive connection; `timeout` in real seconds."""

    stage: Session
    timeout: float = 5
    link: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, *, body: bytes | None = None, **headers: str) -> Reply:
        if self.link is None:
            self.link = http.client.HTTPConnection(self.stage.url.partition("//")[2], timeout=self.timeout)
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        standard = {
            "Accept": "application/json",
            "Authorization": f"Bearer {self.stage.token}",
            "User-Agent": NAME,
        }
        sent = {key: value for key, value in (standard | named).items() if value}
        try:
            self.link.request(method, path, body=body, headers=sent)
            answer = self.link.getresponse()
            return Reply(answer.status, answer.getheaders(), answer.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self) -> None:
        if self.link:
            self.link.close()
            self.link = None

    def deploy(self, number: int = 0) -> Reply:
        return self.ask("POST", f"{V1}/deploy?uuid={self.stage.uuids[number]}")

    def started(self, number: int = 0) -> str:
        return str(self.deploy(number).body["deployments"][0]["deployment_uuid"])

    def look(self, uuid: str) -> Reply:
        return self.ask("GET", f"{V1}/deployments/{uuid}")


@contextlib.contextmanager
def visiting(
    scenario: str, speed: float = FAST, timeout: float = 5, version: str | None = None
) -> Iterator[tuple[Session, Client]]:
    with simulating(scenario, speed=speed, version=version) as session:
        client = Client(session, timeout)
        try:
            yield session, client
        finally:
            client.close()


def follow(client: Client, uuid: str, speed: float, step: float = 2) -> list[dict[str, Any]]:
    """Look until it is over and settled; answers that are no deployment are left out. `step` in simulated seconds."""
    seen: list[dict[str, Any]] = []
    until, over = time.monotonic() + 20, None
    while time.monotonic() < until:
        with contextlib.suppress(OSError, http.client.HTTPException):
            reply = client.look(uuid)
            if reply.status in {401, 403}:
                break
            if (
                reply.status == 200
                and isinstance(reply.body, dict)
                and isinstance(reply.body.get("status"), str)
            ):
                seen.append(reply.body)
        if seen and seen[-1]["status"] in TERMINAL:
            over = over or time.monotonic()
            if seen[-1].get("finished_at") or time.monotonic() > over + 12 / speed:
                return seen
        time.sleep(step / speed)
    return seen


def logs(row: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(row["logs"]) if row.get("logs") else []
    return found


def placed(path: str, session: Session, deployment: str) -> str:
    """A path with the stage's own uuids."""
    project = recorded("project")["response"]["body"]
    fixed = {
        D: deployment,
        "{project}": project["uuid"],
        "{environment}": project["environments"][0]["uuid"],
        "{host}": recorded("servers")["response"]["body"][0]["uuid"],
        "{variable}": uuid_of(session.uuids[0], VARIABLE),
    }
    for place, uuid in (*fixed.items(), *zip((U, U2, U3), session.uuids, strict=False)):
        path = path.replace(place, uuid)
    return path


def recorded(name: str) -> Any:
    return json.loads((REPLIES / f"{name}.json").read_text(encoding="utf-8"))


def fits(expected: Any, actual: Any, place: str = "body") -> list[str]:
    """Where two JSON values differ in keys or types. Null stands for any type; a list is known by its first item."""
    if expected is None or actual is None:
        return []
    if type(expected) is not type(actual):
        return [f"{place}: {type(actual).__name__} instead of {type(expected).__name__}"]
    if isinstance(expected, dict):
        wrong = (
            [f"{place}: {sorted(expected.keys() ^ actual.keys())}"]
            if expected.keys() != actual.keys()
            else []
        )
        return wrong + [
            fault
            for key in expected.keys() & actual.keys()
            for fault in fits(expected[key], actual[key], f"{place}.{key}")
        ]
    if isinstance(expected, list) and expected and actual:
        return fits(expected[0], actual[0], f"{place}[0]")
    return []


U, D = "{uuid}", "{deployment}"  # the stage's application and a deployment of it
U2, U3 = "{second}", "{third}"  # what else the stage has

JSON = "application/json"


def status_of(client: Client, uuid: str, kind: str) -> str:
    return str(client.ask("GET", f"{V1}/{kind}s/{uuid}").body["status"])


RUNS, STARTING, EXITED, DOWN = "running:healthy", "starting:unhealthy", "exited", "exited:unhealthy"


def write(client: Client, step: str, body: object) -> Reply:
    """A request with a JSON body; `{uuid}` is the application."""
    method, _, path = step.partition(" ")
    return client.ask(
        method, V1 + placed(path, client.stage, ""), body=json.dumps(body).encode(), Content_Type=JSON
    )


def visit(client: Client, uuid: str = "", **headers: str) -> tuple[int, str]:
    """What the site says to somebody without a token."""
    place = client.stage.site.removeprefix(client.stage.url) if not uuid else f"/site/{uuid}"
    reply = client.ask(
        "GET", place, body=None, **({"Authorization": "", "User_Agent": "", "Accept": ""} | headers)
    )
    return reply.status, reply.raw.decode()


PROBE = f"PATCH /applications/{U}"
BULK, ENVS = f"PATCH /applications/{U}/envs/bulk", f"GET /applications/{U}/envs"


def wanted(client: Client, **more: object) -> dict[str, object]:
    """What makes an application in the first project, environment and server that the lists name."""
    project = client.ask("GET", f"{V1}/projects").body[0]["uuid"]
    environment = client.ask("GET", f"{V1}/projects/{project}").body["environments"][0]["name"]
    server = client.ask("GET", f"{V1}/servers").body[0]["uuid"]
    image = {
        "docker_registry_image_name": "ghcr.io/acme/shop",
        "docker_registry_image_tag": "1.0",
        "ports_exposes": "80",
    }
    return {
        "project_uuid": project,
        "environment_name": environment,
        "server_uuid": server,
        "name": "shop",
        **image,
        **more,
    }


def walk(client: Client, *steps: str) -> None:
    """Requests as `METHOD path`; `{uuid}` is the application, `{deployment}` the newest row."""
    for step in steps:
        method, _, path = step.partition(" ")
        rows = client.stage.deployments()
        newest = rows[-1]["deployment_uuid"] if rows else ""
        client.ask(method, V1 + placed(path, client.stage, newest))
