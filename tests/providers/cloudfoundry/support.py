"""What the tests of Cloud Foundry share: recorded replies, and a provider that has logged in."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import responses

from deployer.http.client import Http
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.api.uaa import Login
from deployer.providers.cloudfoundry.app import (
    AppState,
    AtCheck,
    DeploymentList,
    Following,
    PreviousVersion,
    Staging,
)
from deployer.providers.cloudfoundry.lookup import AppLookup
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.provider import CloudFoundryProvider
from deployer.providers.cloudfoundry.watching.logs import AppLog

REPLIES = Path(__file__).parents[2] / "contracts" / "cloudfoundry" / "fixtures"
API, LOGIN, LOGS = "https://api.example.org", "https://login.example.org", "https://log-cache.example.org"
AGENT = "deployer/0 (+https://example.com)"

APP = "1cb006ee-fb05-47e1-b541-c34179ddc446"
WEB, NEW_WEB = "6a901b7c-9417-4dc1-8189-d3234aa0ab82", "fd5d3e60-f88c-4c37-b1ae-667cfc65a856"
OLD_DROPLET, DROPLET = "585bc3c1-3743-497d-88b0-403ad6b56d16", "44ccfa61-dbcf-4a0d-82fe-f668e9d2a962"
DEPLOYMENT = "59c3d133-2b83-46f3-960e-7765a129aea4"
PACKAGE, BUILD = "4cb65058-f04f-458f-aca1-5f4e43de6407", "585bc3c1-3743-497d-88b0-403ad6b56d16"
VERSION = "e9df685c-0464-4aa7-b5f0-8ed843077c13"
Row = dict[str, Any]


@cache
def recorded(name: str) -> Any:
    return json.loads((REPLIES / f"{name}.json").read_text("utf-8"))


def body(name: str) -> Any:
    """A copy of a reply's body, which a test may change."""
    return json.loads(json.dumps(recorded(name)["response"]["body"]))


def names(*beginnings: str) -> list[str]:
    """The names of the replies that start with one of these."""
    return sorted(path.stem for path in REPLIES.glob("*.json") if path.stem.startswith(beginnings))


def listing(*rows: Row) -> Row:
    return {
        "pagination": {"total_results": len(rows), "total_pages": 1, "next": None},
        "resources": list(rows),
    }


def instance(state: str, index: int = 0, **more: Any) -> Row:
    """One instance of a response to `/stats`."""
    guid = f"i-{index}" if state in {"RUNNING", "STARTING"} else ""
    return {
        "type": "web",
        "index": index,
        "state": state,
        "routable": state == "RUNNING",
        "instance_guid": guid,
        "uptime": 5,
        **more,
    }


# --- the wire


def serve(wire: responses.RequestsMock, name: str, method: str = "", path: str = "", **changes: Any) -> None:
    """Respond with a recorded reply, perhaps to another request, and with its `status` or `body` changed."""
    record = recorded(name)
    request, reply = record["request"], {**record["response"], **changes}
    url = API + path if path.startswith("/") else path or request["url"].partition("?")[0]
    text = "" if reply["body"] is None else reply["body"]
    if not isinstance(text, str):
        text = json.dumps(text)
    headers = dict(reply.get("headers") or {})
    kind = headers.pop("Content-Type", "application/json")
    wire.add(
        method or request["method"],
        url,
        body=text,
        status=reply["status"],
        headers=headers,
        content_type=kind,
    )


def answer(wire: responses.RequestsMock, method: str, path: str, data: Any, status: int = 200) -> None:
    """Respond with JSON that is not recorded, but has the same format."""
    wire.add(method, path if path.startswith("https") else API + path, json=data, status=status)


def asked(wire: responses.RequestsMock) -> list[str]:
    """Every request that was sent: method, path (with `logs` before those of log-cache), and sorted query."""
    sent = []
    for call in wire.calls:
        parts = urlsplit(str(call.request.url))
        host = {urlsplit(LOGS).netloc: "logs ", urlsplit(LOGIN).netloc: "login "}.get(parts.netloc, "")
        query = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(parts.query)))
        line = f"{host}{call.request.method} {parts.path}"
        sent.append(f"{line}?{query}" if query else line)
    return sent


def bodies(wire: responses.RequestsMock) -> list[Any]:
    """The JSON of every request that has some."""
    return [json.loads(call.request.body) for call in wire.calls if call.request.body]


def connected(wire: responses.RequestsMock, *, root: str = "root-get-200") -> Client:
    """A client that is logged in. `asked` does not list the requests for that."""

    def opened(base: str, *, token: Any, scheme: str = "Bearer") -> Http:
        return Http(base, token=token, scheme=scheme, user_agent=AGENT, monotonic=lambda: 0.0)

    serve(wire, root, path=f"{API}/")
    serve(wire, "uaa-token-password-200", path=f"{LOGIN}/oauth/token")
    api = Client(API, Login("user", "password"), opened, now=lambda: 0.0, add_secret=lambda _: None)
    api.discover()
    wire.calls.reset()
    return api


def server(wire: responses.RequestsMock, *, logs: bool = False, **options: Any) -> CloudFoundryProvider:
    """A connected provider. Without `logs` the foundation has no log-cache."""
    api = connected(wire, root="root-get-200" if logs else "root-get-200-no-v2-no-logcache")
    return CloudFoundryProvider(api, AppLookup(api), Options(**options))


STATE: dict[str, tuple[str, str]] = {
    "started": ("at_check", "started"),
    "lifecycle": ("at_check", "lifecycle"),
    "was_started": ("before", "started"),
    "droplet": ("before", "droplet"),
    "image": ("before", "image"),
    "newest": ("deployments", "newest"),
    "active": ("deployments", "active"),
    "previous": ("deployments", "previous"),
    "package": ("staging", "package"),
    "packed": ("staging", "package_ready"),
    "build": ("staging", "build"),
    "staged": ("staging", "droplet"),
    "deployed": ("following", "deployed"),
}
"""Where each keyword of `app_state` is kept: the part of the state, and its field."""


def app_state(log: Any = None, versions: dict[str, str] | None = None, **changes: Any) -> AppState:
    """A started app made of a Docker image, with no deployment in progress; with these changes."""
    usual = {"started": True, "was_started": True, "droplet": OLD_DROPLET, "lifecycle": "docker"}
    parts: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, value in {**usual, **changes}.items():
        part, field = STATE[name]
        parts[part][field] = value
    return AppState(
        APP,
        log,
        at_check=AtCheck(**parts["at_check"]),
        before=PreviousVersion(**parts["before"]),
        versions=versions or {},
        deployments=DeploymentList(**parts["deployments"]),
        staging=Staging(**parts["staging"]),
        following=Following(**parts["following"]),
    )


def known(cloud: CloudFoundryProvider, **changes: Any) -> AppState:
    """The app, as a check has found it."""
    cloud.lookup.found[APP] = APP
    log = AppLog(cloud.api, APP, _given_up=not cloud.api.logs_base)
    cloud.apps[APP] = app_state(log, {WEB: VERSION}, **changes)
    return cloud.apps[APP]
