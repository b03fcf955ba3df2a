"""A well-behaved client of a simulated Cloud Foundry, and the server's OpenAPI document."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from deployer.simulator.cloudfoundry import Session
from tests.simulator.cloudfoundry.scenarios import simulating

DOCUMENT = Path(__file__).parents[2] / "contracts" / "openapi" / "capi-3.228.0.json"
NAME = "deployer/0 (test)"
FORM = "application/x-www-form-urlencoded"
CF = "Basic Y2Y6"


@dataclass
class Reply:
    """A response as received."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        try:
            return json.loads(self.raw)
        except ValueError:
            return self.raw.decode("utf-8", "replace")

    @property
    def code(self) -> int:
        """The code of the server's first error."""
        return int(self.body["errors"][0]["code"])


@dataclass
class Client:
    """A client that logs in with the session's inputs."""

    session: Session
    token: str = ""
    """The token of every request."""
    refresh: str = ""
    links: dict[str, Any] = field(default_factory=dict)
    responses: list[tuple[str, str, Reply]] = field(default_factory=list)
    """Method, path and response of every request to the API."""

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        at: str = "",
        raw: bytes | None = None,
        **headers: str,
    ) -> Reply:
        """Send one request on its own connection. Empty headers are not sent.

        `at`: another server than the API.
        """
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        defaults = {
            "Accept": "application/json",
            "User-Agent": NAME,
            "Authorization": f"bearer {self.token}" if self.token else "",
        }
        defaults |= {"Content-Type": "application/json"} if body is not None else {}
        sent = {
            name: value
            for name, value in (
                defaults | {key.replace("_", "-"): value for key, value in headers.items()}
            ).items()
            if value
        }
        connection = http.client.HTTPConnection((at or self.session.url).partition("//")[2], timeout=5)
        try:
            connection.request(method, path, body=data, headers=sent)
            response = connection.getresponse()
            reply = Reply(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()
        if not at:
            self.responses.append((method, path.partition("?")[0], reply))
        return reply

    def get(self, path: str, **query: str) -> Any:
        reply = self.send("GET", path + (f"?{urlencode(query, safe=',')}" if query else ""))
        assert reply.status == 200, reply.raw
        return reply.body

    def root(self) -> dict[str, Any]:
        self.links = self.links or self.send("GET", "/", Authorization="").body["links"]
        return self.links

    def grant(self, *, query: str = "", basic: str = CF, **form: str) -> Reply:
        """Request a token."""
        at = self.root()["login"]["href"]
        return self.send(
            "POST",
            f"/oauth/token{query}",
            at=at,
            raw=urlencode(form).encode(),
            Authorization=basic,
            Content_Type=FORM,
        )

    def login(self) -> Client:
        """Log in with user name and password."""
        inputs = self.session.inputs
        reply = self.grant(
            grant_type="password", username=inputs["cf_username"], password=inputs["cf_password"]
        )
        assert reply.status == 200, reply.raw
        return self.use_token(reply)

    def use_token(self, reply: Reply) -> Client:
        self.token, self.refresh = reply.body["access_token"], reply.body.get("refresh_token", "")
        return self

    @property
    def app(self) -> str:
        return f"/v3/apps/{self.session.guids[0]}"

    def states(self) -> dict[str, list[str]]:
        """The states of every instance of the newest process of each type."""
        rows = self.get(f"{self.app}/processes")["resources"]
        return {
            row["type"]: [
                each["state"] for each in self.get(f"/v3/processes/{row['guid']}/stats")["resources"]
            ]
            for row in rows
        }

    def stage_image(self, image: str = "ghcr.io/acme/web:1.4.2", *, seconds: float = 15) -> dict[str, Any]:
        """Create a package, build it, and return the build at its end."""
        package = self.send(
            "POST", "/v3/packages", {"type": "docker", **self.app_relationship(), "data": {"image": image}}
        ).body
        build = self.send("POST", "/v3/builds", {"package": {"guid": package["guid"]}}).body
        self.session.skip(seconds)
        build_at_end: dict[str, Any] = self.get(f"/v3/builds/{build['guid']}")
        return build_at_end

    def deploy_rolling(self, droplet: str = "") -> Reply:
        """Create a rolling deployment."""
        body = {
            "strategy": "rolling",
            **self.app_relationship(),
            **({"droplet": {"guid": droplet}} if droplet else {}),
        }
        return self.send("POST", "/v3/deployments", body)

    def app_relationship(self) -> dict[str, Any]:
        return {"relationships": {"app": {"data": {"guid": self.session.guids[0]}}}}


# --- the OpenAPI document


@cache
def document() -> Any:
    return json.loads(DOCUMENT.read_text("utf-8"))


def resolve(value: Any) -> Any:
    """Resolve a reference."""
    while isinstance(value, dict) and "$ref" in value:
        part = document()
        for step in value["$ref"].removeprefix("#/").split("/"):
            part = part[step.replace("~1", "/").replace("~0", "~")]
        value = part
    return value


def operation_of(method: str, path: str) -> Any | None:
    """The operation of a request in the document, or None."""
    for pattern, methods in document()["paths"].items():
        if method.lower() in methods and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", pattern), path):
            shared = methods.get("parameters", [])
            return {
                **methods[method.lower()],
                "parameters": [*methods[method.lower()].get("parameters", []), *shared],
            }
    return None


KINDS: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def schema_differences(value: Any, schema: Any, path: str = "") -> Iterator[str]:
    """Yield where a value does not match a schema. Fields that are not in the schema are allowed."""
    schema = resolve(schema)
    for subschema in schema.get("allOf", ()):
        yield from schema_differences(value, subschema, path)
    if (alternatives := schema.get("oneOf") or schema.get("anyOf")) and all(
        list(schema_differences(value, alternative, path)) for alternative in alternatives
    ):
        yield f"{path}: {value!r} matches none of {len(alternatives)} alternatives"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(
        isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
        for kind in kinds
    ):
        yield f"{path}: {value!r} is not of type {' or '.join(kinds)}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of {schema['enum']}"
    if isinstance(value, dict):
        yield from (
            f"{path}: {name!r} is missing" for name in schema.get("required", ()) if name not in value
        )
        for name, subvalue in schema.get("properties", {}).items():
            if name in value:
                yield from schema_differences(value[name], subvalue, f"{path}.{name}")
    if isinstance(value, list) and "items" in schema:
        for each in value:
            yield from schema_differences(each, schema["items"], f"{path}[]")


CURRENT = "/relationships/current_droplet"


@contextlib.contextmanager
def connected_client(scenario: str, *, logged_in: bool = True) -> Iterator[Client]:
    """A client of a scenario whose clock hardly moves except by `skip`."""
    with simulating(scenario, speed=0.001) as session:
        client = Client(session)
        yield client.login() if logged_in else client


def status_and_code(client: Client, *request: Any, **fields: Any) -> tuple[int, int]:
    """Send a request, and return the status of the response and the code of its error."""
    response = client.send(*request, **fields)
    return response.status, response.code if response.status >= 400 else 0


NULL_ON_SERVER = re.compile(r"\.links\.log\w+: None|\.relationships\.(quota|organization)\.data: None")
"""Values that are null on the server, but not in the document (cloudfoundry-api 1, and recorded replies)."""


def response_differences(method: str, path: str, reply: Reply) -> Iterator[str]:
    """Yield where a response does not match the document.

    Of errors, which it hardly lists, only the format.
    """
    operation = operation_of(method, path)
    assert operation, path
    if reply.status >= 400:
        yield from schema_differences(reply.body, {"$ref": "#/components/schemas/Errors"})
    elif str(reply.status) not in operation["responses"]:
        yield f"the document has no status {reply.status}"
    elif reply.raw:
        response = resolve(operation["responses"][str(reply.status)])
        yield from schema_differences(reply.body, response["content"]["application/json"]["schema"])


def log_lines(client: Client, **query: str) -> list[tuple[str, str]]:
    """Source and text of the lines in the log-cache."""
    pairs = "&".join(
        f"{name}={value}" for name, value in ({"envelope_types": "LOG", "limit": "1000"} | query).items()
    )
    reply = client.send(
        "GET", f"/api/v1/read/{client.session.guids[0]}?{pairs}", at=client.links["log_cache"]["href"]
    )
    assert reply.status == 200
    batch = reply.body["envelopes"]["batch"]
    return [
        (each["tags"]["source_type"], base64.b64decode(each["log"]["payload"]).decode()) for each in batch
    ]
