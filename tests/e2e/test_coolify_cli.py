"""The official `coolify` command line against the simulated Coolify.

https://github.com/coollabsio/coolify-cli

No package registry that CI can reach has this client, so unlike other peers it may be missing there: then
these tests are skipped by name. The same requests are sent by
`tests/simulator/coolify/fidelity/test_official_client.py`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.simulator import Session
from deployer.simulator.coolify.scenarios import AS_WRITER
from tests.e2e.peers import Program, find_program
from tests.simulator.coolify.scenarios import SCENARIOS, simulating

THREE_KINDS = replace(SCENARIOS["mixed"], abilities=AS_WRITER)
"""An application, a service and a database, and a token that can change them."""

SPEED = 20.0
KINDS = ("app", "service", "database")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of the client. It prints its version with a `v`, and writes a file into its home."""
    path = find_program(("coolify",), "v1.", HOME=str(tmp_path_factory.mktemp("home")))
    return path or pytest.skip("NOT TESTED: the coolify command line 1.x is missing")


def with_context(client: str, session: Session, home: Path) -> Program:
    """The client, with the session as its only context."""
    program = Program(client, {"HOME": str(home)})
    program("context", "add", "simulated", session.url, session.token, "--default")
    return program


def parse_json(output: str) -> Any:
    """Parse the JSON in the output: the first line that begins with a bracket."""
    return json.loads(next(line for line in output.splitlines() if line[:1] in {"[", "{"}))


@pytest.mark.parametrize("version", ["4.0.0-beta.420", "4.0.0-beta.463", "4.1.2", "4.2.0", "4.3.10"])
def test_deploy_by_name(client: str, version: str, tmp_path: Path) -> None:
    # In real time: the deployment must not end before it is listed.
    with simulating(THREE_KINDS, speed=1, version=version) as session:
        coolify = with_context(client, session, tmp_path)
        assert f"Coolify version: {version}" in coolify("context", "verify")
        [started] = parse_json(coolify("deploy", "name", "web", "--format", "json"))["deployments"]
        assert started["message"] == "Application web deployment queued."
        uuid = started["deployment_uuid"]
        assert [
            row["deployment_uuid"] for row in parse_json(coolify("deploy", "list", "--format", "json"))
        ] == [uuid]
        session.skip(60)
        assert parse_json(coolify("deploy", "get", uuid, "--format", "json"))["status"] == "finished"
        assert uuid in coolify("app", "deployments", "list", session.uuids[0])
        assert "New container started." in coolify("app", "deployments", "logs", session.uuids[0], uuid)


def test_deploy_batch_and_cancel(client: str, tmp_path: Path) -> None:
    with simulating(THREE_KINDS, speed=1) as session:
        coolify = with_context(client, session, tmp_path)
        output = coolify("deploy", "batch", "web,stack,pg")
        assert "Service stack started. It could take a while, be patient." in output
        assert "3/3 succeeded" in output
        [row] = session.deployments()
        coolify("deploy", "cancel", row["deployment_uuid"], "--force")
        assert session.deployments()[0]["status"] == "cancelled-by-user"


def test_lists(client: str, tmp_path: Path) -> None:
    with simulating(THREE_KINDS, speed=SPEED) as session:
        coolify = with_context(client, session, tmp_path)
        rows = parse_json(coolify("resource", "list", "--format", "json"))
        assert [(row["name"], row["type"]) for row in rows] == [
            ("web", "application"),
            ("stack", "service"),
            ("pg", "standalone-postgresql"),
        ]
        assert [row["uuid"] for row in rows] == list(session.uuids)
        for kind, uuid in zip(KINDS, session.uuids, strict=True):
            assert uuid in coolify(kind, "list")
            assert uuid in coolify(kind, "get", uuid)
        assert "app listening on 3000" in coolify("app", "logs", session.uuids[0])
        [server] = parse_json(coolify("server", "list", "--format", "json"))
        assert "localhost" in coolify("server", "get", server["uuid"])
        assert server["uuid"] in coolify("destination", "list")
        [project] = parse_json(coolify("project", "list", "--format", "json"))
        assert "production" in coolify("project", "get", project["uuid"])


@pytest.mark.parametrize(("kind", "index"), [(kind, index) for index, kind in enumerate(KINDS)])
def test_restart_stop_and_start(client: str, kind: str, index: int, tmp_path: Path) -> None:
    with simulating(THREE_KINDS, speed=SPEED) as session:
        coolify, uuid = with_context(client, session, tmp_path), session.uuids[index]
        for action in ("restart", "stop", "start"):
            assert "queued" in coolify(kind, action, uuid)
            session.skip(120)
        assert "running" in coolify(kind, "get", uuid)


@pytest.mark.parametrize(("kind", "index"), [(kind, index) for index, kind in enumerate(KINDS)])
def test_create_update_and_delete_a_variable(client: str, kind: str, index: int, tmp_path: Path) -> None:
    with simulating(THREE_KINDS, speed=SPEED) as session:
        coolify, uuid = with_context(client, session, tmp_path), session.uuids[index]

        def variables() -> list[tuple[str, str]]:
            rows = parse_json(coolify(kind, "env", "list", uuid, "--format", "json", "--show-sensitive"))
            return [(row["key"], row["value"]) for row in rows]

        coolify(kind, "env", "create", uuid, "--key", "FOO", "--value", "bar")
        assert "already exists" in coolify(
            kind, "env", "create", uuid, "--key", "FOO", "--value", "bar", code=1
        )
        assert variables() == [("FOO", "bar")]
        coolify(kind, "env", "update", uuid, "FOO", "--value", "baz")
        assert variables() == [("FOO", "baz")]
        [row] = parse_json(coolify(kind, "env", "list", uuid, "--format", "json"))
        assert "not found" in coolify(kind, "env", "delete", uuid, "unknown", "--force", code=1)
        coolify(kind, "env", "delete", uuid, row["uuid"], "--force")
        coolify(kind, "env", "create", uuid, "--key", "FOO", "--value", "again")
        assert variables() == [("FOO", "again")]


def test_rollback(client: str, tmp_path: Path) -> None:
    with simulating("rollback-git", speed=SPEED) as session:
        coolify, uuid = with_context(client, session, tmp_path), session.uuids[0]
        output = coolify("app", "rollback", "images", uuid)
        images = json.loads(output[output.index("{") :])
        assert (images["current"], len(images["images"])) == (None, 2)
        coolify("app", "rollback", "run", uuid, "--commit", images["images"][1]["tag"])
        assert [row["commit"] for row in session.deployments() if row["rollback"]] == [
            images["images"][1]["tag"]
        ]
