"""A well-behaved client of a simulated Coolify, and helpers to compare its responses."""

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.simulator import Session
from deployer.simulator.coolify.rendering.env import uuid_of
from tests.simulator.coolify.scenarios import simulating
from tests.simulator.coolify.scenarios.changes import ALL_VARIABLES

REPLIES = Path(__file__).parents[3] / "deployer" / "simulator" / "coolify" / "replies"
CONTRACTS = Path(__file__).parents[2] / "contracts" / "coolify"
TERMINAL = {"finished", "failed", "cancelled-by-user"}
NAME = "deployer/0 (test)"
V1 = "/api/v1"
VARIABLE = ALL_VARIABLES[0]
FAST = 500.0  # simulated seconds per real second


@dataclass
class Reply:
    """A response as received."""

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
    """A well-behaved client with one keep-alive connection. `timeout` is in real seconds."""

    session: Session
    timeout: float = 5
    connection: http.client.HTTPConnection | None = None

    def send(self, method: str, path: str, *, body: bytes | None = None, **headers: str) -> Reply:
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                self.session.url.partition("//")[2], timeout=self.timeout
            )
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        defaults = {
            "Accept": "application/json",
            "Authorization": f"Bearer {self.session.token}",
            "User-Agent": NAME,
        }
        sent = {key: value for key, value in (defaults | named).items() if value}
        try:
            self.connection.request(method, path, body=body, headers=sent)
            response = self.connection.getresponse()
            return Reply(response.status, response.getheaders(), response.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self) -> None:
        if self.connection:
            self.connection.close()
            self.connection = None

    def deploy(self, number: int = 0) -> Reply:
        return self.send("POST", f"{V1}/deploy?uuid={self.session.uuids[number]}")

    def start_deployment(self, number: int = 0) -> str:
        return str(self.deploy(number).body["deployments"][0]["deployment_uuid"])

    def poll(self, uuid: str) -> Reply:
        return self.send("GET", f"{V1}/deployments/{uuid}")


@contextlib.contextmanager
def connected_client(
    scenario: str, speed: float = FAST, timeout: float = 5, version: str | None = None
) -> Iterator[tuple[Session, Client]]:
    with simulating(scenario, speed=speed, version=version) as session:
        client = Client(session, timeout)
        try:
            yield session, client
        finally:
            client.close()


def follow(client: Client, uuid: str, speed: float, step: float = 2) -> list[dict[str, Any]]:
    """Poll until the deployment has ended and is final. Ignores other responses.

    `step` is in simulated seconds.
    """
    records: list[dict[str, Any]] = []
    deadline, ended_at = time.monotonic() + 20, None
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            reply = client.poll(uuid)
            if reply.status in {401, 403}:
                break
            if (
                reply.status == 200
                and isinstance(reply.body, dict)
                and isinstance(reply.body.get("status"), str)
            ):
                records.append(reply.body)
        if records and records[-1]["status"] in TERMINAL:
            ended_at = ended_at or time.monotonic()
            if records[-1].get("finished_at") or time.monotonic() > ended_at + 12 / speed:
                return records
        time.sleep(step / speed)
    return records


def logs(row: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(row["logs"]) if row.get("logs") else []
    return found


def with_uuids(path: str, session: Session, deployment: str) -> str:
    """Fill in the uuids of the session."""
    project = recorded("project")["response"]["body"]
    replacements = {
        D: deployment,
        "{project}": project["uuid"],
        "{environment}": project["environments"][0]["uuid"],
        "{host}": recorded("servers")["response"]["body"][0]["uuid"],
        "{variable}": uuid_of(session.uuids[0], VARIABLE),
    }
    for place, uuid in (*replacements.items(), *zip((U, U2, U3), session.uuids, strict=False)):
        path = path.replace(place, uuid)
    return path


def recorded(name: str) -> Any:
    return json.loads((REPLIES / f"{name}.json").read_text(encoding="utf-8"))


def differences_in(expected: Any, actual: Any, place: str = "body") -> list[str]:
    """Where two JSON values differ in keys or types.

    Null matches any type; of lists, the first items are compared.
    """
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
            difference
            for key in expected.keys() & actual.keys()
            for difference in differences_in(expected[key], actual[key], f"{place}.{key}")
        ]
    if isinstance(expected, list) and expected and actual:
        return differences_in(expected[0], actual[0], f"{place}[0]")
    return []


U, D = "{uuid}", "{deployment}"  # the session's first target and its newest deployment
U2, U3 = "{second}", "{third}"  # the session's other targets

JSON = "application/json"


def status_of(client: Client, uuid: str, kind: str) -> str:
    return str(client.send("GET", f"{V1}/{kind}s/{uuid}").body["status"])


RUNNING_HEALTHY, STARTING, EXITED, DOWN = (
    "running:healthy",
    "starting:unhealthy",
    "exited",
    "exited:unhealthy",
)


def send_json(client: Client, step: str, body: object) -> Reply:
    """Send a request with a JSON body. `{uuid}` is the application."""
    method, _, path = step.partition(" ")
    return client.send(
        method, V1 + with_uuids(path, client.session, ""), body=json.dumps(body).encode(), Content_Type=JSON
    )


def visit(client: Client, uuid: str = "", **headers: str) -> tuple[int, str]:
    """Request the application's site without a token."""
    place = client.session.site.removeprefix(client.session.url) if not uuid else f"/site/{uuid}"
    reply = client.send(
        "GET", place, body=None, **({"Authorization": "", "User_Agent": "", "Accept": ""} | headers)
    )
    return reply.status, reply.raw.decode()


WRITE_PROBE = f"PATCH /applications/{U}"
BULK, ENVS = f"PATCH /applications/{U}/envs/bulk", f"GET /applications/{U}/envs"


def new_application(client: Client, **more: object) -> dict[str, object]:
    """The body that creates an application in the first project, environment and server of the lists."""
    project = client.send("GET", f"{V1}/projects").body[0]["uuid"]
    environment = client.send("GET", f"{V1}/projects/{project}").body["environments"][0]["name"]
    server = client.send("GET", f"{V1}/servers").body[0]["uuid"]
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


def send_steps(client: Client, *steps: str) -> None:
    """Send `METHOD path` requests. `{uuid}` is the application, `{deployment}` the newest deployment."""
    for step in steps:
        method, _, path = step.partition(" ")
        rows = client.session.deployments()
        newest = rows[-1]["deployment_uuid"] if rows else ""
        client.send(method, V1 + with_uuids(path, client.session, newest))
