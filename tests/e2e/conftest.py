"""Finds the real peers of these tests. One that is missing is skipped, by name; in CI it is an error."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Never

import pytest

from tests.e2e.peers import ROOT, Docker, GitHub, engine

RUNNER = 1001  # who owns the files that a hosted runner mounts


def missing(peer: str) -> Never:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{peer} is missing, and CI must not pass without it")
    pytest.skip(f"NOT TESTED: {peer} is missing")


@pytest.fixture(scope="session")
def docker() -> Docker:
    return engine() or missing("a Docker engine")


@pytest.fixture(scope="session")
def image(docker: Docker) -> str:
    """The image as users build it."""
    docker.ok("build", "--tag", "deployer:e2e", "--build-arg", "SOURCE=https://example.com/deployer", ROOT)
    return "deployer:e2e"


@pytest.fixture
def name(docker: Docker) -> Iterator[str]:
    """The name of a container that does not outlive its test."""
    name = f"deployer-e2e-{uuid.uuid4().hex[:8]}"
    yield name
    docker("rm", "--force", "--volumes", name)


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    for name in ("workspace", "home", "file_commands"):
        (tmp_path / name).mkdir(mode=0o755)
    for name in ("set_output_1", "step_summary_1"):
        file = tmp_path / "file_commands" / name
        file.touch(0o644)
        if os.geteuid() == 0:
            os.chown(file, RUNNER, RUNNER)
    return GitHub(tmp_path)
