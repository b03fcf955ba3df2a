"""Helpers of Coolify's tests.

Recorded replies, a provider on a mocked wire, and records like Coolify's.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import responses

from deployer.budget import Budget
from deployer.http.client import Http, Response
from deployer.providers.coolify.api.client import Client
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.inputs.fields import Coolify
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.provider import CoolifyProvider
from deployer.providers.coolify.resources import Resource
from deployer.providers.interface import ProviderContext
from deployer.settings import Common, look_up

RECORDINGS = Path(__file__).parents[2] / "contracts" / "coolify"
FOLDERS = ("captured", "captured-2", "fixtures", "derived")
TRANSPORT = {"content-type", "content-length", "transfer-encoding", "connection"}
"""Headers that belong to the connection over which a response was recorded."""

BASE = "https://coolify.example.com"
API = f"{BASE}/api/v1"
TOKEN = "7|mArKeDcoolifytoken0000000000000000000000000000000"
READER = "8|mArKeDreadertoken00000000000000000000000000000000"
AGENT = "deployer/0 (+https://example.com)"
WEB, IMG = "ptofe13hijui9bkafqyhz7yy", "p9gucyyywa3utcugsmjlr1bg"
WORKER, DOCS = "uxsxz29r05tyykmxfo6j5yyg", "ovamhowchuj3rlgcdqausrag"
STACK, PG = "3qh3mp6jonhvf2ksqqiuyega", "lyu0rj1vqtnuayeqp2xrswht"
OLD_WEB = "ewxy1xttarx64a41x0ae4vzd"
"""An application on beta.380."""

APP = "k4s8wk0c0ggw4kc8c4s0ko8o"
"""The application of the contract's fixtures."""

NEW = "4.3.10"
Row = dict[str, Any]


# --- replies


def recording(name: str) -> Any:
    """A file of `tests/contracts/coolify`. `v4.2.0_cancel` is `cancel` in the folder of that version."""
    inside = re.sub(r"^(v4[^_]*)_", r"\1/", name)
    places = [RECORDINGS / folder / f"{inside}.json" for folder in FOLDERS]
    return json.loads(_text(next((path for path in places if path.exists()), places[0])))


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")


def recorded(name: str) -> Row:
    """One exchange: the request, and the status, headers and body of the response."""
    found = recording(name)
    request, query = found["request"], found["request"].get("query") or ""
    request = {**request, "query": urlencode(query) if isinstance(query, dict) else query}
    return {"request": request, **found["response"], "headers": dict(found["response"]["headers"])}


def body(name: str) -> Any:
    return recorded(name)["body"]


def reply(name: str, **changes: Any) -> Response:
    """A recorded response, as http/client.py returns it."""
    record = {**recorded(name), **changes}
    headers = {key.lower(): value for key, value in record["headers"].items()}
    is_json = not isinstance(record["body"], str)
    return Response(
        record["status"],
        record["body"],
        is_json=is_json,
        headers=headers,
        url=f"{BASE}{record['request']['path']}",
    )


def polls(name: str) -> list[Row]:
    """The rows of a recorded sequence, in the order in which they were polled."""
    return [response["body"] for response in recording(name)["responses"]]


def entries(name: str) -> list[Row]:
    """Every log entry of a recorded sequence, once, in the order of first appearance.

    Equal entries of one poll are kept.
    """
    listed: list[Row] = []
    for row in polls(name):
        counts: Counter[str] = Counter()
        for entry in json.loads(row.get("logs") or "[]"):
            key = json.dumps(entry, sort_keys=True)
            counts[key] += 1
            known = [json.dumps(each, sort_keys=True) for each in listed].count(key)
            listed += [entry] * (counts[key] > known)
    return listed


# --- rows


def entry(text: str, number: int = 0, **changes: Any) -> Row:
    """A log entry, as Coolify writes it."""
    stamp = f"2026-08-20T10:11:12.{number:06d}Z"
    return {
        "command": None,
        "output": text,
        "type": "stdout",
        "timestamp": stamp,
        "hidden": False,
        "batch": 1,
        **changes,
    }


def ended(status: str, *texts: str | Row, **changes: Any) -> Row:
    """A deployment that has ended, with these entries."""
    listed = [
        entry(text, number) if isinstance(text, str) else {**text, "batch": number}
        for number, text in enumerate(texts)
    ]
    return {**body("deployment_get_finished"), "status": status, "logs": json.dumps(listed), **changes}


def finished(*texts: str | Row, **changes: Any) -> Row:
    return ended("finished", *texts, **changes)


def without(row: Row, *names: str) -> Row:
    return {key: value for key, value in row.items() if key not in names}


def listing(*listed: Any) -> Row:
    """An application's deployment history."""
    return {"count": len(listed), "deployments": list(listed)}


def deployed(number: int, **changes: Any) -> Row:
    """A record of the application's deployment history, as 4.3.10 returns it."""
    row = body("app_deployments_read")["deployments"][0]
    return {**row, "id": number, "deployment_uuid": f"d{number}", "force_rebuild": False, **changes}


def about(row: Row, target: str, deployment: str = "abc") -> Row:
    """A recorded deployment, changed to belong to another application: a poll checks that."""
    page = re.sub("/application/[^/]+/", f"/application/{target}/", row["deployment_url"])
    return {**row, "deployment_uuid": deployment, "deployment_url": page}


# --- the wire


def serve(wire: responses.RequestsMock, method: str, path: str, name: str, **changes: Any) -> None:
    """Respond with a recorded reply, with some of its fields changed."""
    record = {**recorded(name), **changes}
    text = record["body"] if isinstance(record["body"], str) else json.dumps(record["body"])
    headers = {key: value for key, value in record["headers"].items() if key.lower() not in TRANSPORT}
    kind = next(
        (value for key, value in record["headers"].items() if key.lower() == "content-type"), "text/plain"
    )
    wire.add(method, API + path, body=text, status=record["status"], headers=headers, content_type=kind)


def requests_sent(wire: responses.RequestsMock) -> list[str]:
    """Every request that was sent: method, path below the API's address, and query."""
    return [f"{call.request.method} {str(call.request.url).removeprefix(API)}" for call in wire.calls]


def tokens(wire: responses.RequestsMock) -> list[str]:
    """Which token each request carried."""
    return [str(call.request.headers.get("Authorization")).removeprefix("Bearer ") for call in wire.calls]


def server(
    *,
    version: str = NEW,
    write_only: bool = False,
    known: Mapping[str, Resource] | None = None,
    **options: Any,
) -> CoolifyProvider:
    """A connected provider. `known`: what `resolve` has found."""
    http = Http(API, token=TOKEN, user_agent=AGENT, monotonic=lambda: 0.0)
    coolify = CoolifyProvider(Client(http, http, Budget(lambda: 0.0)), BASE, Options(**options))
    coolify.lookup.version = Version(version)
    coolify.lookup.write_only_token = write_only
    coolify.lookup.resources.update(known or {})
    return coolify


def connected(environ: Mapping[str, str]) -> Any:
    """The provider for these environment variables, as `main` builds it."""
    raw = look_up(
        (Common, Coolify), {"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "DEPLOYER_UUID": WEB, **environ}
    )
    common, inputs = Common.read(raw), Coolify.read(raw)
    assert common is not None, raw.mistakes
    assert inputs is not None, raw.mistakes
    return inputs.build_provider(common, provider_context())


def provider_context() -> ProviderContext:
    """A context in which no time passes and the server issues no secret."""
    return ProviderContext(
        AGENT, monotonic=lambda: 0.0, now=lambda: 0.0, add_secret=lambda secret: None, no_proxy=True
    )


def flags(**on: Any) -> Row:
    """The fields of an UnavailableError besides its reason."""
    return {
        "may_have_arrived": False,
        "from_server": False,
        "server_error": "",
        "retry_after": 0,
        "permanent": False,
        "from_gateway": False,
        **on,
    }
