"""A well-behaved client of a simulated Cloud Foundry, and what the server's OpenAPI document says of its requests."""

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
    """An answer as it came over the wire."""

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
    """Logs in as the stage's inputs say; `token` is what it sends. `said`: every answer of the API, with its request."""

    stage: Session
    token: str = ""
    refresh: str = ""
    links: dict[str, Any] = field(default_factory=dict)
    said: list[tuple[str, str, Reply]] = field(default_factory=list)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        at: str = "",
        raw: bytes | None = None,
        **headers: str,
    ) -> Reply:
        """One request on a connection of its own. `at`: another server than the API. A header that is empty is not sent."""
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        usual = {
            "Accept": "application/json",
            "User-Agent": NAME,
            "Authorization": f"bearer {self.token}" if self.token else "",
        }
        usual |= {"Content-Type": "application/json"} if body is not None else {}
        sent = {
            name: value
            for name, value in (
                usual | {key.replace("_", "-"): value for key, value in headers.items()}
            ).items()
            if value
        }
        link = http.client.HTTPConnection((at or self.stage.url).partition("//")[2], timeout=5)
        try:
            link.request(method, path, body=data, headers=sent)
            answer = link.getresponse()
            reply = Reply(
                answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
            )
        finally:
            link.close()
        if not at:
            self.said.append((method, path.partition("?")[0], reply))
        return reply

    def get(self, path: str, **query: str) -> Any:
        reply = self.ask("GET", path + (f"?{urlencode(query, safe=',')}" if query else ""))
        assert reply.status == 200, reply.raw
        return reply.body

    def root(self) -> dict[str, Any]:
        self.links = self.links or self.ask("GET", "/", Authorization="").body["links"]
        return self.links

    def grant(self, *, query: str = "", basic: str = CF, **form: str) -> Reply:
        """One request for a token."""
        at = self.root()["login"]["href"]
        return self.ask(
            "POST",
            f"/oauth/token{query}",
            at=at,
            raw=urlencode(form).encode(),
            Authorization=basic,
            Content_Type=FORM,
        )

    def login(self) -> Client:
        """In, by user name and password."""
        given = self.stage.inputs
        reply = self.grant(
            grant_type="password", username=given["cf_username"], password=given["cf_password"]
        )
        assert reply.status == 200, reply.raw
        return self.took(reply)

    def took(self, reply: Reply) -> Client:
        self.token, self.refresh = reply.body["access_token"], reply.body.get("refresh_token", "")
        return self

    @property
    def app(self) -> str:
        return f"/v3/apps/{self.stage.guids[0]}"

    def states(self) -> dict[str, list[str]]:
        """The states of every instance, by process type; the newest process of a type."""
        rows = self.get(f"{self.app}/processes")["resources"]
        return {
            row["type"]: [
                each["state"] for each in self.get(f"/v3/processes/{row['guid']}/stats")["resources"]
            ]
            for row in rows
        }

    def staged(self, image: str = "ghcr.io/acme/web:1.4.2", *, seconds: float = 15) -> dict[str, Any]:
        """A package and its build, at its end."""
        package = self.ask(
            "POST", "/v3/packages", {"type": "docker", **self.of_app(), "data": {"image": image}}
        ).body
        build = self.ask("POST", "/v3/builds", {"package": {"guid": package["guid"]}}).body
        self.stage.skip(seconds)
        found: dict[str, Any] = self.get(f"/v3/builds/{build['guid']}")
        return found

    def deployed(self, droplet: str = "") -> Reply:
        """A rolling deployment."""
        body = {"strategy": "rolling", **self.of_app(), **({"droplet": {"guid": droplet}} if droplet else {})}
        return self.ask("POST", "/v3/deployments", body)

    def of_app(self) -> dict[str, Any]:
        return {"relationships": {"app": {"data": {"guid": self.stage.guids[0]}}}}


# --- the OpenAPI document


@cache
def document() -> Any:
    return json.loads(DOCUMENT.read_text("utf-8"))


def resolved(value: Any) -> Any:
    """What a reference leads to."""
    while isinstance(value, dict) and "$ref" in value:
        place = document()
        for step in value["$ref"].removeprefix("#/").split("/"):
            place = place[step.replace("~1", "/").replace("~0", "~")]
        value = place
    return value


def described(method: str, path: str) -> Any | None:
    """The operation of a request."""
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


def misfits(value: Any, schema: Any, where: str = "") -> Iterator[str]:
    """What of a value is not as a schema says; fields of which it says nothing may be there."""
    schema = resolved(schema)
    for part in schema.get("allOf", ()):
        yield from misfits(value, part, where)
    if (ways := schema.get("oneOf") or schema.get("anyOf")) and all(
        list(misfits(value, way, where)) for way in ways
    ):
        yield f"{where}: {value!r} fits none of {len(ways)} ways"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(
        isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
        for kind in kinds
    ):
        yield f"{where}: {value!r} is no {' or '.join(kinds)}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    if isinstance(value, dict):
        yield from (
            f"{where}: {name!r} is missing" for name in schema.get("required", ()) if name not in value
        )
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from misfits(value[name], inner, f"{where}.{name}")
    if isinstance(value, list) and "items" in schema:
        for each in value:
            yield from misfits(each, schema["items"], f"{where}[]")


CURRENT = "/relationships/current_droplet"


@contextlib.contextmanager
def visiting(scenario: str, *, logged_in: bool = True) -> Iterator[Client]:
    """A client of a scenario whose clock hardly moves but by `skip`."""
    with simulating(scenario, speed=0.001) as session:
        client = Client(session)
        yield client.login() if logged_in else client


def reply_of(client: Client, *request: Any, **more: Any) -> tuple[int, int]:
    """The status of an answer, and the code of its error."""
    answer = client.ask(*request, **more)
    return answer.status, answer.code if answer.status >= 400 else 0


NULL = re.compile(r"\.links\.log\w+: None|\.relationships\.(quota|organization)\.data: None")
"""Where the document has no null, and the server one (cloudfoundry-api 1, and recorded replies)."""


def unfit(method: str, path: str, reply: Reply) -> Iterator[str]:
    """What of an answer is not as the document says. Of a refusal only the shape: the document lists few."""
    operation = described(method, path)
    assert operation, path
    if reply.status >= 400:
        yield from misfits(reply.body, {"$ref": "#/components/schemas/Errors"})
    elif str(reply.status) not in operation["responses"]:
        yield f"the document knows no {reply.status}"
    elif reply.raw:
        answer = resolved(operation["responses"][str(reply.status)])
        yield from misfits(reply.body, answer["content"]["application/json"]["schema"])


def logged(client: Client, **query: str) -> list[tuple[str, str]]:
    """Source and text of what the log-cache gives."""
    pairs = "&".join(
        f"{name}={value}" for name, value in ({"envelope_types": "LOG", "limit": "1000"} | query).items()
    )
    reply = client.ask(
        "GET", f"/api/v1/read/{client.stage.guids[0]}?{pairs}", at=client.links["log_cache"]["href"]
    )
    assert reply.status == 200
    batch = reply.body["envelopes"]["batch"]
    return [
        (each["tags"]["source_type"], base64.b64decode(each["log"]["payload"]).decode()) for each in batch
    ]
