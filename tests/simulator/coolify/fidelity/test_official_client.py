"""Requests as the official `coolify` command line sends them (coolify-api 12).

No Accept header, and `/deploy` with a JSON body. The client itself is not run here, because the package
registries of these tests do not have it: `tests/e2e/test_coolify_cli.py` runs it where it is installed.
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

BODY_VERSIONS = list(VERSIONS)[list(VERSIONS).index("4.0.0-beta.418") :]
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


def send(session: Session, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Send one request as Go's client does."""
    connection = http.client.HTTPConnection(session.url.removeprefix("http://"))
    connection.putrequest(method, f"/api/v1/{path}", skip_accept_encoding=True)
    data = b"" if body is None else json.dumps(body).encode()
    headers = {
        "Authorization": f"Bearer {session.token}",
        "User-Agent": "Go-http-client/1.1",
        "Accept-Encoding": "gzip",
    }
    headers |= {"Content-Type": "application/json"} if data else {}
    for name, value in {**headers, "Content-Length": str(len(data))}.items():
        connection.putheader(name, value)
    connection.endheaders(data)
    with contextlib.closing(connection), connection.getresponse() as reply:
        return reply.status, json.loads(reply.read())


def fits_struct(value: dict[str, Any], types: Mapping[str, type]) -> bool:
    """Whether it fits a Go struct with these fields and types."""
    return all(type(value[name]) is kind for name, kind in types.items())


@pytest.mark.parametrize("version", BODY_VERSIONS)
def test_deploy_list_and_logs(version: str) -> None:
    with simulating("success", version=version) as session:
        status, response = send(session, "POST", "deploy", {"uuid": session.uuids[0]})
        assert status == 200
        [item] = response["deployments"]
        session.skip(30)
        status, active = send(session, "GET", "deployments")
        assert isinstance(
            active, list
        )  # several rows may be an object, which breaks this client (coolify-api 5.5)
        assert (status, [fits_struct(row, ROW) for row in active]) == (200, [True])
        status, history = send(session, "GET", f"deployments/applications/{session.uuids[0]}")
        assert (status, [row["deployment_uuid"] for row in history["deployments"]]) == (
            200,
            [item["deployment_uuid"]],
        )
        status, row = send(session, "GET", f"deployments/{item['deployment_uuid']}")
        assert (status, fits_struct(row, ROW)) == (200, True)
        entries = json.loads(row["logs"])
        assert len(entries) > 3
        assert all(fits_struct(entry, ENTRY) for entry in entries)
        session.skip(60)
        assert send(session, "GET", f"deployments/{item['deployment_uuid']}")[1]["status"] == "finished"


@pytest.mark.parametrize("version", ["4.0.0-beta.463", "4.3.6", "4.3.10"])
def test_cancel(version: str) -> None:
    with simulating("success", version=version) as session:
        uuid = send(session, "POST", "deploy", {"uuid": session.uuids[0], "force": True})[1]["deployments"][
            0
        ]["deployment_uuid"]
        session.skip(10)
        assert send(session, "POST", f"deployments/{uuid}/cancel")[0] == (
            500 if version == "4.3.6" else 200
        )  # coolify-api 17.1 row 5
        session.skip(10)
        assert send(session, "GET", f"deployments/{uuid}")[1]["status"] == "cancelled-by-user"


@pytest.mark.parametrize("version", BODY_VERSIONS)
def test_find_by_name(version: str) -> None:
    with simulating("mixed", version=version) as session:
        status, rows = send(session, "GET", "resources")
        assert (status, [fits_struct(row, RESOURCE) for row in rows]) == (200, [True, True, True])
        by_name = {row["name"]: row["uuid"] for row in rows}
        assert list(by_name.values()) == list(session.uuids)
        messages = [
            send(session, "POST", "deploy", {"uuid": by_name[name]})[1]["deployments"][0]["message"]
            for name in ("web", "stack", "pg")
        ]
        assert [text.partition(" ")[0] for text in messages] == ["Application", "Service", "Database"]
        status, databases = send(session, "GET", "databases")
        assert (status, [row["uuid"] for row in databases]) == (200, [by_name["pg"]])


def test_create_update_and_delete_a_variable() -> None:
    with simulating("write-token") as session:
        path = f"applications/{session.uuids[0]}/envs"
        status, added = send(session, "POST", path, {"key": "FOO", "value": "bar"})
        assert (status, added.keys()) == (201, {"uuid"})
        assert send(session, "PATCH", path, {"key": "FOO", "value": "baz"})[1]["value"] == "baz"
        assert send(session, "DELETE", f"{path}/{added['uuid']}")[0] == 200


def test_restart_and_stop() -> None:
    with simulating("mixed") as session:
        app, service, database = session.uuids
        for path in (
            f"applications/{app}/restart",
            f"services/{service}/restart",
            f"databases/{database}/restart",
            f"applications/{app}/stop",
        ):
            status, response = send(session, "POST", path)
            assert (status, "queued" in response["message"]) == (200, True)
