"""The official `cf` command line against the simulated Cloud Foundry. https://github.com/cloudfoundry/cli

No package registry that CI reaches has that client, so unlike other peers it may be missing there, too: then this is skipped, by name, and
`tests/test_cf_official_client.py` asks what it would ask.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.simulator.cloudfoundry import Stage, playing

SPEED = 20.0
Cf = Callable[..., str]
CLIENT = shutil.which("cf") or ""
pytestmark = pytest.mark.skipif(not CLIENT, reason="NOT TESTED: the cf command line is missing")


def told(stage: Stage, home: Path) -> Cf:
    """Runs `cf` with a home of its own, logged in and at the app's space; what it says."""

    def cf(*words: str, code: int = 0, **secrets: str) -> str:
        environ = {"PATH": os.environ["PATH"], "CF_HOME": str(home), "NO_PROXY": "127.0.0.1", "LANG": "C.UTF-8", **secrets}
        done = subprocess.run(
            [CLIENT, *words], check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ, timeout=120
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    given = stage.inputs
    cf("api", stage.url)
    cf("auth", CF_USERNAME=given["cf_username"], CF_PASSWORD=given["cf_password"])
    cf("target", "-o", given["cf_org"], "-s", given["cf_space"])
    return cf


def test_it_logs_in_targets_starts_restarts_and_sees_the_app(tmp_path: Path) -> None:
    with playing("success", speed=SPEED) as stage:
        cf = told(stage, tmp_path)
        assert "running" in cf("start", "web")
        assert "web.apps.example.org" in cf("app", "web")
        assert "running" in cf("restart", "web")
        assert "Listening on 0.0.0.0:8080" in cf("logs", "web", "--recent")


def test_it_restarts_instance_by_instance(tmp_path: Path) -> None:
    with playing("rolling", speed=SPEED) as stage:
        assert "running" in told(stage, tmp_path)("restart", "web", "--strategy", "rolling")


def test_it_sees_a_crash(tmp_path: Path) -> None:
    with playing("crash", speed=SPEED) as stage:
        assert "crashed" in told(stage, tmp_path)("start", "web", code=1).lower()
