"""What the tests of Coolify share: the recorded replies, a server that is asked over a wire of `responses`, and rows like its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import responses

from deployer.http import Http, Reply
from deployer.providers.contract import Surroundings
from deployer.providers.coolify.api import Api
from deployer.providers.coolify.calls import CoolifyServer
from deployer.providers.coolify.inputs import Coolify
from deployer.providers.coolify.known import Known
from deployer.providers.coolify.versions import Version
from deployer.providers.coolify.wish import Wish
from deployer.settings import Common, look_up

REPLIES = Path(__file__).parent / "replies"
BASE = "https://coolify.example.com"
API = f"{BASE}/api/v1"
TOKEN = "7|mArKeDcoolifytoken0000000000000000000000000000000"
READER = "8|mArKeDreadertoken00000000000000000000000000000000"
AGENT = "deployer/0 (+https://example.com)"
WEB, IMG = "ptofe13hijui9bkafqyhz7yy", "p9gucyyywa3utcugsmjlr1bg"
WORKER, DOCS = "uxsxz29r05tyykmxfo6j5yyg", "ovamhowchuj3rlgcdqausrag"
STACK, PG = "3qh3mp6jonhvf2ksqqiuyega", "lyu0rj1vqtnuayeqp2xrswht"
OLD_WEB = "ewxy1xttarx64a41x0ae4vzd"
"""On beta.380."""

APP = "k4s8wk0c0ggw4kc8c4s0ko8o"
"""Of the contract's fixtures."""

NEW = "4.3.10"
Row = dict[str, Any]


# --- replies


def recorded(name: str) -> Any:
    return json.loads((REPLIES / f"{name}.json").read_text("utf-8"))


def body(name: str) -> Any:
    return recorded(name)["body"]


def reply(name: str, **changes: Any) -> Reply:
    """A recorded answer as http.py hands it on."""
    record = {**recorded(name), **changes}
    headers = {key.lower(): value for key, value in record["headers"].items()}
    is_json = not isinstance(record["body"], str)
    return Reply(record["status"], record["body"], is_json=is_json, headers=headers, url=f"{BASE}{record['request']['path']}")


def polls(name: str) -> list[Row]:
    """The rows of a recorded sequence, in the order in which they were polled."""
    record = recorded(name)
    row, listed = dict(record["row"]), []
    for poll in record["polls"]:
        row = {**row, **poll["changes"]}
        log = poll["log"]
        logs = json.dumps([record["entries"][index] for index in log]) if isinstance(log, list) else log
        listed.append(row if log == "ABSENT" else {**row, "logs": logs})
    return listed


# --- rows


def entry(text: str, number: int = 0, **changes: Any) -> Row:
    """One of a log, as Coolify itself writes it."""
    stamp = f"2026-08-20T10:11:12.{number:06d}Z"
    return {"command": None, "output": text, "type": "stdout", "timestamp": stamp, "hidden": False, "batch": 1, **changes}


def ended(status: str, *texts: str | Row, **changes: Any) -> Row:
    """A deployment that has ended, with these entries."""
    listed = [entry(text, number) if isinstance(text, str) else {**text, "batch": number} for number, text in enumerate(texts)]
    return {**body("deployment_get_finished"), "status": status, "logs": json.dumps(listed), **changes}


def finished(*texts: str | Row, **changes: Any) -> Row:
    return ended("finished", *texts, **changes)


def without(row: Row, *names: str) -> Row:
    return {key: value for key, value in row.items() if key not in names}


def listing(*listed: Any) -> Row:
    """An application's list."""
    return {"count": len(listed), "deployments": list(listed)}


def deployed(number: int, **changes: Any) -> Row:
    """A row of the application's list as 4.3.10 gives it."""
    row = body("app_deployments_read")["deployments"][0]
    return {**row, "id": number, "deployment_uuid": f"d{number}", "force_rebuild": False, **changes}


def about(row: Row, target: str, deployment: str = "abc") -> Row:
    """A recorded deployment as that of another application: a look does not believe an answer that is about another one."""
    page = re.sub("/application/[^/]+/", f"/application/{target}/", row["deployment_url"])
    return {**row, "deployment_uuid": deployment, "deployment_url": page}


# --- the wire


def serve(wire: responses.RequestsMock, method: str, path: str, name: str, **changes: Any) -> None:
    """Answer with a recorded reply, or with one of its fields changed."""
    record = {**recorded(name), **changes}
    text = record["body"] if isinstance(record["body"], str) else json.dumps(record["body"])
    headers = {key: value for key, value in record["headers"].items() if key.lower() != "content-type"}
    kind = next((value for key, value in record["headers"].items() if key.lower() == "content-type"), "text/plain")
    wire.add(method, API + path, body=text, status=record["status"], headers=headers, content_type=kind)


def asked(wire: responses.RequestsMock) -> list[str]:
    """Every request that was sent: method, path below the API's address, and query."""
    return [f"{call.request.method} {str(call.request.url).removeprefix(API)}" for call in wire.calls]


def tokens(wire: responses.RequestsMock) -> list[str]:
    """Which token each request carried."""
    return [str(call.request.headers.get("Authorization")).removeprefix("Bearer ") for call in wire.calls]


def server(*, version: str = NEW, blind: bool = False, known: Mapping[str, Known] | None = None, **wish: Any) -> CoolifyServer:
    """One that has been reached, with what a check has seen."""
    http = Http(API, token=TOKEN, agent=AGENT, now=lambda: 0.0)
    coolify = CoolifyServer(Api(http, http), BASE, Wish(**wish))
    coolify.survey.version = Version(version)
    coolify.survey.blind = blind
    coolify.survey.known.update(known or {})
    return coolify


def connected(environ: Mapping[str, str]) -> Any:
    """The provider behind these variables, as `main` makes it."""
    given = look_up((Common, Coolify), {"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "DEPLOYER_UUID": WEB, **environ})
    everyone, inputs = Common.read(given), Coolify.read(given)
    assert everyone is not None, given.mistakes
    assert inputs is not None, given.mistakes
    return inputs.connect(everyone, around())


def around() -> Surroundings:
    """No time passes, and nothing is given that would have to be hidden."""
    return Surroundings(AGENT, real=lambda: 0.0, now=lambda: 0.0, hide=lambda secret: None, direct=True)


def flags(**on: Any) -> Row:
    """What an UnavailableError says beside its reason."""
    return {"arrived": False, "itself": False, "failure": "", "wait": 0, "final": False, "from_gateway": False, **on}
