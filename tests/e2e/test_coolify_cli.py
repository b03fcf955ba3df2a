"""The official `coolify` command line against the simulated Coolify. https://github.com/coollabsio/coolify-cli

No package registry that CI reaches has that client, so unlike other peers it may be missing there, too: then this is skipped, by name, and
`tests/simulator/coolify/test_official_client.py` asks what it would ask.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.simulator import Session
from deployer.simulator.coolify.scenarios import AS_WRITER
from tests.e2e.peers import Program, found
from tests.simulator.coolify.scenarios import SCENARIOS, simulating

ALL = replace(SCENARIOS["mixed"], abilities=AS_WRITER)
"""An application, a service and a database, and a token that may change them."""

SPEED = 20.0
KINDS = ("app", "service", "database")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where it is. It answers its version with `v` before it, and writes a file into its home for that."""
    path = found(("coolify",), "v1.", HOME=str(tmp_path_factory.mktemp("home")))
    return path or pytest.skip("NOT TESTED: the coolify command line 1.x is missing")


def told(client: str, session: Session, home: Path) -> Program:
    """It knows the stage, and nothing else."""
    program = Program(client, {"HOME": str(home)})
    program("context", "add", "simulated", session.url, session.token, "--default")
    return program


def read(said: str) -> Any:
    """Its JSON, which stands in the first line that begins with a bracket."""
    return json.loads(next(line for line in said.splitlines() if line[:1] in {"[", "{"}))


@pytest.mark.parametrize("version", ["4.0.0-beta.420", "4.0.0-beta.463", "4.1.2", "4.2.0", "4.3.10"])
def test_it_deploys_by_name_and_sees_the_end(client: str, version: str, tmp_path: Path) -> None:
    with simulating(ALL, speed=SPEED, version=version) as session:
        coolify = told(client, session, tmp_path)
        assert f"Coolify version: {version}" in coolify("context", "verify")
        [started] = read(coolify("deploy", "name", "web", "--format", "json"))["deployments"]
        assert started["message"] == "Application web deployment queued."
        uuid = started["deployment_uuid"]
        assert [row["deployment_uuid"] for row in read(coolify("deploy", "list", "--format", "json"))] == [
            uuid
        ]
        session.skip(60)
        assert read(coolify("deploy", "get", uuid, "--format", "json"))["status"] == "finished"
        assert uuid in coolify("app", "deployments", "list", session.uuids[0])
        assert "New container started." in coolify("app", "deployments", "logs", session.uuids[0], uuid)


def test_it_deploys_many_and_cancels_one(client: str, tmp_path: Path) -> None:
    with simulating(ALL, speed=1) as session:
        coolify = told(client, session, tmp_path)
        said = coolify("deploy", "batch", "web,stack,pg")
        assert "Service stack started. It could take a while, be patient." in said
        assert "3/3 succeeded" in said
        [row] = session.deployments()
        coolify("deploy", "cancel", row["deployment_uuid"], "--force")
        assert session.deployments()[0]["status"] == "cancelled-by-user"


def test_it_lists_what_there_is(client: str, tmp_path: Path) -> None:
    with simulating(ALL, speed=SPEED) as session:
        coolify = told(client, session, tmp_path)
        rows = read(coolify("resource", "list", "--format", "json"))
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
        [server] = read(coolify("server", "list", "--format", "json"))
        assert "localhost" in coolify("server", "get", server["uuid"])
        assert server["uuid"] in coolify("destination", "list")
        [project] = read(coolify("project", "list", "--format", "json"))
        assert "production" in coolify("project", "get", project["uuid"])


@pytest.mark.parametrize(("kind", "place"), [(kind, place) for place, kind in enumerate(KINDS)])
def test_it_restarts_stops_and_starts(client: str, kind: str, place: int, tmp_path: Path) -> None:
    with simulating(ALL, speed=SPEED) as session:
        coolify, uuid = told(client, session, tmp_path), session.uuids[place]
        for action in ("restart", "stop", "start"):
            assert "queued" in coolify(kind, action, uuid)
            session.skip(120)
        assert "running" in coolify(kind, "get", uuid)


@pytest.mark.parametrize(("kind", "place"), [(kind, place) for place, kind in enumerate(KINDS)])
def test_it_adds_changes_and_deletes_a_variable(client: str, kind: str, place: int, tmp_path: Path) -> None:
    with simulating(ALL, speed=SPEED) as session:
        coolify, uuid = told(client, session, tmp_path), session.uuids[place]

        def there() -> list[tuple[str, str]]:
            rows = read(coolify(kind, "env", "list", uuid, "--format", "json", "--show-sensitive"))
            return [(row["key"], row["value"]) for row in rows]

        coolify(kind, "env", "create", uuid, "--key", "FOO", "--value", "bar")
        assert "already exists" in coolify(
            kind, "env", "create", uuid, "--key", "FOO", "--value", "bar", code=1
        )
        assert there() == [("FOO", "bar")]
        coolify(kind, "env", "update", uuid, "FOO", "--value", "baz")
        assert there() == [("FOO", "baz")]
        [row] = read(coolify(kind, "env", "list", uuid, "--format", "json"))
        assert "not found" in coolify(kind, "env", "delete", uuid, "nobodys", "--force", code=1)
        coolify(kind, "env", "delete", uuid, row["uuid"], "--force")
        coolify(kind, "env", "create", uuid, "--key", "FOO", "--value", "again")
        assert there() == [("FOO", "again")]


def test_it_goes_back(client: str, tmp_path: Path) -> None:
    with simulating("rollback-git", speed=SPEED) as session:
        coolify, uuid = told(client, session, tmp_path), session.uuids[0]
        said = coolify("app", "rollback", "images", uuid)
        images = json.loads(said[said.index("{") :])
        assert (images["current"], len(images["images"])) == (None, 2)
        coolify("app", "rollback", "run", uuid, "--commit", images["images"][1]["tag"])
        assert [row["commit"] for row in session.deployments() if row["rollback"]] == [
            images["images"][1]["tag"]
        ]
