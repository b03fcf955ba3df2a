"""The official `cf` command line, version 8 and 9, against the simulated Cloud Foundry.

https://github.com/cloudfoundry/cli

No package registry that CI can reach has this client, so unlike other peers it may be missing there: then
these tests are skipped by name. The same requests are sent by
`tests/simulator/cloudfoundry/fidelity/test_official_client.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.simulator.cloudfoundry import Session
from tests.e2e.peers import Program, find_program
from tests.simulator.cloudfoundry.scenarios import SCENARIOS, simulating

SPEED = 20.0
DAY_SECONDS = 86_400
"""Seconds that a login is valid.

The client reads the real clock, on which the simulated ten minutes are thirty seconds.
"""


@pytest.fixture(scope="module", params=["8", "9"])
def client(request: pytest.FixtureRequest) -> str:
    """The path of the client of this version."""
    return find_program((f"cf{request.param}", "cf"), f"version {request.param}.") or pytest.skip(
        f"NOT TESTED: cf {request.param} is missing"
    )


@contextmanager
def logged_in(client: str, scenario: str, home: Path) -> Iterator[tuple[Session, Program]]:
    """The session, and the client with its own home, logged in to the app's space."""
    template = SCENARIOS[scenario]
    with simulating(
        replace(template, login=replace(template.login, validity=DAY_SECONDS)), speed=SPEED
    ) as session:
        cf, inputs = Program(client, {"CF_HOME": str(home)}), session.inputs
        cf("api", session.url)
        cf("auth", CF_USERNAME=inputs["cf_username"], CF_PASSWORD=inputs["cf_password"])
        cf("target", "-o", inputs["cf_org"], "-s", inputs["cf_space"])
        yield session, cf


def test_login_target_start_restart_and_app(client: str, tmp_path: Path) -> None:
    with logged_in(client, "success", tmp_path) as (_, cf):
        assert "web:0/2" in cf("apps")
        assert "running" in cf("start", "web")
        assert "web.apps.example.org" in cf("app", "web")
        assert "web:2/2" in cf("apps")
        assert "running" in cf("restart", "web")
        assert "Listening on 0.0.0.0:8080" in cf("logs", "web", "--recent")


def test_rolling_restart(client: str, tmp_path: Path) -> None:
    with logged_in(client, "rolling", tmp_path) as (_, cf):
        assert "running" in cf("restart", "web", "--strategy", "rolling")


def test_cancel_deployment(client: str, tmp_path: Path) -> None:
    with logged_in(client, "others", tmp_path) as (session, cf):
        assert "OK" in cf("cancel-deployment", "web")
        session.skip(10)
        assert "No active deployment found" in cf("cancel-deployment", "web", code=1)


def test_restart_that_times_out_cancels_its_deployment(client: str, tmp_path: Path) -> None:
    with logged_in(client, "rolling-stuck", tmp_path) as (session, cf):
        cf("restart", "web", "--strategy", "rolling", code=1, CF_STARTUP_TIMEOUT="0.05")
        session.skip(10)
        assert "No active deployment found" in cf("cancel-deployment", "web", code=1)


def test_start_reports_a_crash(client: str, tmp_path: Path) -> None:
    with logged_in(client, "crash", tmp_path) as (_, cf):
        assert "crashed" in cf("start", "web", code=1).lower()


@pytest.mark.parametrize("strategy", [(), ("--strategy", "rolling")], ids=["restarted", "rolling"])
def test_push_image(client: str, strategy: tuple[str, ...], tmp_path: Path) -> None:
    with logged_in(client, "rolling", tmp_path) as (_, cf):
        output = cf("push", "web", "--docker-image", "ghcr.io/acme/web:2", *strategy)
        assert "ghcr.io/acme/web:2" in output
        assert "running" in output
        assert "3(deployed)" in cf("revisions", "web")


def test_push_new_app(client: str, tmp_path: Path) -> None:
    with logged_in(client, "success", tmp_path) as (_, cf):
        assert "running" in cf("push", "other", "--docker-image", "ghcr.io/acme/other:1")
        assert "other.apps.example.org" in cf("apps")


def test_rollback_to_a_revision(client: str, tmp_path: Path) -> None:
    with logged_in(client, "rolling", tmp_path) as (_, cf):
        assert "ghcr.io/acme/web:1.4.1-before-1" in cf("rollback", "web", "--version", "1", "-f")
        assert "Rolled back to revision 1." in cf("revisions", "web")
        assert "same as the deployed revision" in cf("rollback", "web", "--version", "1", "-f", code=1)


def test_continue_and_cancel_a_canary(client: str, tmp_path: Path) -> None:
    with logged_in(client, "rolling", tmp_path) as (_, cf):
        output = cf("restart", "web", "--strategy", "canary", "--instance-steps", "10,100")
        assert "PAUSED" in output
        assert "1/2" in output
        assert "2/2" in cf("continue-deployment", "web")
        cf("continue-deployment", "web")
        assert "Active deployment" not in cf("app", "web")
        assert "PAUSED" in cf("restart", "web", "--strategy", "canary")
        cf("cancel-deployment", "web")
        assert "PAUSED" not in cf("app", "web")
