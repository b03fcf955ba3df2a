"""The official `cf` command line, version 8 and 9, against the simulated Cloud Foundry. https://github.com/cloudfoundry/cli

No package registry that CI reaches has that client, so unlike other peers it may be missing there, too: then this is skipped, by name, and
`tests/simulator/cloudfoundry/test_official_client.py` asks what it would ask.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.simulator.cloudfoundry import Session
from tests.e2e.peers import Program, found
from tests.simulator.cloudfoundry.scenarios import SCENARIOS, simulating

SPEED = 20.0
DAY = 86_400
"""Seconds that a login holds: the client looks at its own clock, on which the simulated ten minutes are thirty seconds."""


@pytest.fixture(scope="module", params=["8", "9"])
def client(request: pytest.FixtureRequest) -> str:
    """Where the one of this version is."""
    return found((f"cf{request.param}", "cf"), f"version {request.param}.") or pytest.skip(
        f"NOT TESTED: cf {request.param} is missing"
    )


@contextmanager
def told(client: str, scenario: str, home: Path) -> Iterator[tuple[Session, Program]]:
    """The stage, and the client with a home of its own, logged in and at the app's space."""
    played = SCENARIOS[scenario]
    with simulating(replace(played, login=replace(played.login, validity=DAY)), speed=SPEED) as session:
        cf, given = Program(client, {"CF_HOME": str(home)}), session.inputs
        cf("api", session.url)
        cf("auth", CF_USERNAME=given["cf_username"], CF_PASSWORD=given["cf_password"])
        cf("target", "-o", given["cf_org"], "-s", given["cf_space"])
        yield session, cf


def test_it_logs_in_targets_starts_restarts_and_sees_the_app(client: str, tmp_path: Path) -> None:
    with told(client, "success", tmp_path) as (_, cf):
        assert "web:0/2" in cf("apps")
        assert "running" in cf("start", "web")
        assert "web.apps.example.org" in cf("app", "web")
        assert "web:2/2" in cf("apps")
        assert "running" in cf("restart", "web")
        assert "Listening on 0.0.0.0:8080" in cf("logs", "web", "--recent")


def test_it_restarts_instance_by_instance(client: str, tmp_path: Path) -> None:
    with told(client, "rolling", tmp_path) as (_, cf):
        assert "running" in cf("restart", "web", "--strategy", "rolling")


def test_it_cancels_a_deployment(client: str, tmp_path: Path) -> None:
    with told(client, "others", tmp_path) as (session, cf):
        assert "OK" in cf("cancel-deployment", "web")
        session.skip(10)
        assert "No active deployment found" in cf("cancel-deployment", "web", code=1)


def test_it_cancels_its_own_deployment_that_does_not_come_up_in_time(client: str, tmp_path: Path) -> None:
    with told(client, "rolling-stuck", tmp_path) as (session, cf):
        cf("restart", "web", "--strategy", "rolling", code=1, CF_STARTUP_TIMEOUT="0.05")
        session.skip(10)
        assert "No active deployment found" in cf("cancel-deployment", "web", code=1)


def test_it_sees_a_crash(client: str, tmp_path: Path) -> None:
    with told(client, "crash", tmp_path) as (_, cf):
        assert "crashed" in cf("start", "web", code=1).lower()


@pytest.mark.parametrize("strategy", [(), ("--strategy", "rolling")], ids=["restarted", "rolling"])
def test_it_pushes_an_image(client: str, strategy: tuple[str, ...], tmp_path: Path) -> None:
    with told(client, "rolling", tmp_path) as (_, cf):
        said = cf("push", "web", "--docker-image", "ghcr.io/acme/web:2", *strategy)
        assert "ghcr.io/acme/web:2" in said
        assert "running" in said
        assert "3(deployed)" in cf("revisions", "web")


def test_it_pushes_an_app_that_is_not_there(client: str, tmp_path: Path) -> None:
    with told(client, "success", tmp_path) as (_, cf):
        assert "running" in cf("push", "other", "--docker-image", "ghcr.io/acme/other:1")
        assert "other.apps.example.org" in cf("apps")


def test_it_goes_back_to_a_revision(client: str, tmp_path: Path) -> None:
    with told(client, "rolling", tmp_path) as (_, cf):
        assert "ghcr.io/acme/web:1.4.1-before-1" in cf("rollback", "web", "--version", "1", "-f")
        assert "Rolled back to revision 1." in cf("revisions", "web")
        assert "same as the deployed revision" in cf("rollback", "web", "--version", "1", "-f", code=1)


def test_it_continues_and_cancels_a_canary(client: str, tmp_path: Path) -> None:
    with told(client, "rolling", tmp_path) as (_, cf):
        said = cf("restart", "web", "--strategy", "canary", "--instance-steps", "10,100")
        assert "PAUSED" in said
        assert "1/2" in said
        assert "2/2" in cf("continue-deployment", "web")
        cf("continue-deployment", "web")
        assert "Active deployment" not in cf("app", "web")
        assert "PAUSED" in cf("restart", "web", "--strategy", "canary")
        cf("cancel-deployment", "web")
        assert "PAUSED" not in cf("app", "web")
