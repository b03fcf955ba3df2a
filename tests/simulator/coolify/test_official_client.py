"""The simulator as the official `coolify` command line asks it (coolify-api 12): no Accept header, `/deploy` with a JSON body.

That client itself is not run here: it can't be had from the package registries that these tests may use. `tests/e2e/test_coolify_cli.py`
runs it where it is installed.
"""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Mapping
from typing import Any

import pytest

from deployer.simulator import Session
from deployer.simulator.coolify.versions import VERSIONS
from tests.simulator.coolify.scenarios import simulating

READS_BODY = list(VERSIONS)[list(VERSIONS).index("4.0.0-beta.418") :]
ROW = {
    "id": int,
    "deployment_uuid": str,
    "application_id": str,
    "status": str,
    "deployment_url": str,
    "created_at": str,
    "updated_at": str,
}
RESOURCE: dict[str, type] = {"uuid": str, "name": str, "type": str, "status": str}
ENTRY = {"output": str, "type": str, "timestamp": str, "hidden": bool, "batch": int}


def ask(session: Session, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """One request as Go's client sends it."""
    link = http.client.HTTPConnection(session.url.removeprefix("http://"))
    link.putrequest(method, f"/api/v1/{path}", skip_accept_encoding=True)
    data = b"" if body is None else json.dumps(body).encode()
    headers = {
        "Authorization": f"Bearer {session.token}",
        "User-Agent": "Go-http-client/1.1",
        "Accept-Encoding": "gzip",
    }
    headers |= {"Content-Type": "application/json"} if data else {}
    for name, value in {**headers, "Content-Length": str(len(data))}.items():
        link.putheader(name, value)
    link.endheaders(data)
    with contextlib.closing(link), link.getresponse() as reply:
        return reply.status, json.loads(reply.read())


def fits(found: dict[str, Any], shape: Mapping[str, type]) -> bool:
    """Whether a Go struct of this shape takes it: exactly these types."""
    return all(type(found[name]) is kind for name, kind in shape.items())


@pytest.mark.parametrize("version", READS_BODY)
def test_it_deploys_lists_reads_logs_and_sees_the_end(version: str) -> None:
    with simulating("success", version=version) as session:
        status, answer = ask(session, "POST", "deploy", {"uuid": session.uuids[0]})
        assert status == 200
        [item] = answer["deployments"]
        session.skip(30)
        status, going = ask(session, "GET", "deployments")
        assert isinstance(
            going, list
        )  # one row; several may be an object, which breaks that client (coolify-api 5.5)
        assert (status, [fits(row, ROW) for row in going]) == (200, [True])
        status, history = ask(session, "GET", f"deployments/applications/{session.uuids[0]}")
        assert (status, [row["deployment_uuid"] for row in history["deployments"]]) == (
            200,
            [item["deployment_uuid"]],
        )
        status, row = ask(session, "GET", f"deployments/{item['deployment_uuid']}")
        assert (status, fits(row, ROW)) == (200, True)
        entries = json.loads(row["logs"])
        assert len(entries) > 3
        assert all(fits(entry, ENTRY) for entry in entries)
        session.skip(60)
        assert ask(session, "GET", f"deployments/{item['deployment_uuid']}")[1]["status"] == "finished"


@pytest.mark.parametrize("version", ["4.0.0-beta.463", "4.3.6", "4.3.10"])
def test_it_cancels(version: str) -> None:
    with simulating("success", version=version) as session:
        uuid = ask(session, "POST", "deploy", {"uuid": session.uuids[0], "force": True})[1]["deployments"][0][
            "deployment_uuid"
        ]
        session.skip(10)
        assert ask(session, "POST", f"deployments/{uuid}/cancel")[0] == (
            500 if version == "4.3.6" else 200
        )  # coolify-api 17.1 row 5
        session.skip(10)
        assert ask(session, "GET", f"deployments/{uuid}")[1]["status"] == "cancelled-by-user"


@pytest.mark.parametrize("version", READS_BODY)
def test_it_finds_by_name_what_it_deploys(version: str) -> None:
    with simulating("mixed", version=version) as session:
        status, rows = ask(session, "GET", "resources")
        assert (status, [fits(row, RESOURCE) for row in rows]) == (200, [True, True, True])
        named = {row["name"]: row["uuid"] for row in rows}
        assert list(named.values()) == list(session.uuids)
        said = [
            ask(session, "POST", "deploy", {"uuid": named[name]})[1]["deployments"][0]["message"]
            for name in ("web", "stack", "pg")
        ]
        assert [text.partition(" ")[0] for text in said] == ["Application", "Service", "Database"]
        status, databases = ask(session, "GET", "databases")
        assert (status, [row["uuid"] for row in databases]) == (200, [named["pg"]])


def test_it_adds_changes_and_deletes_a_variable() -> None:
    with simulating("write-token") as session:
        path = f"applications/{session.uuids[0]}/envs"
        status, added = ask(session, "POST", path, {"key": "FOO", "value": "bar"})
        assert (status, added.keys()) == (201, {"uuid"})
        assert ask(session, "PATCH", path, {"key": "FOO", "value": "baz"})[1]["value"] == "baz"
        assert ask(session, "DELETE", f"{path}/{added['uuid']}")[0] == 200


def test_it_restarts_and_stops() -> None:
    with simulating("mixed") as session:
        app, service, database = session.uuids
        for path in (
            f"applications/{app}/restart",
            f"services/{service}/restart",
            f"databases/{database}/restart",
            f"applications/{app}/stop",
        ):
            status, answer = ask(session, "POST", path)
            assert (status, "queued" in answer["message"]) == (200, True)
