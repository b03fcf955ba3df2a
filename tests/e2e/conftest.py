"""Finds the real peers of these tests. A missing peer is skipped by name; in CI it is an error.

Except for the platforms' own command lines: no package registry that CI can reach has them, so that they may
be missing there, too.
"""

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Never

import pytest

from tests.e2e.peers import ROOT, Docker, GitHub, engine

FOLDER = Path(__file__).parent
RUNNER = 1001  # the owner of the files that a hosted runner mounts


def missing(peer: str) -> Never:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{peer} is missing, and CI must not pass without it")
    pytest.skip(f"NOT TESTED: {peer} is missing")


@pytest.fixture(scope="session")
def docker() -> Docker:
    return engine() or missing("a Docker engine")


@pytest.fixture(scope="session")
def image(docker: Docker) -> str:
    """The image as users build it, or the one in E2E_IMAGE, which a release tests."""
    if image := os.environ.get("E2E_IMAGE"):
        docker.ok("pull", image)
        return image
    docker.ok("build", "--tag", "deployer:e2e", "--build-arg", "SOURCE=https://example.com/deployer", ROOT)
    return "deployer:e2e"


@pytest.fixture
def name(docker: Docker) -> Iterator[str]:
    """The name of a container that is removed after the test."""
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


@pytest.fixture(scope="session")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A copy of a folder beside this file, with its locked packages installed."""

    def install(name: str) -> Path:
        if not (shutil.which("node") and shutil.which("npm")):
            missing("Node.js with npm")
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(FOLDER / name, folder, dirs_exist_ok=True)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        completed = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
        )
        if completed.returncode:
            missing(f"{name} (npm ci: {completed.stderr.strip()[-500:]})")
        return folder

    return install


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """The program of a Go module, built from the versions in the folder's go.sum.

    The first build takes a minute.
    """

    def build(name: str, package: str) -> Path:
        if not shutil.which("go"):
            missing("Go")
        program = tmp_path_factory.mktemp(name) / name
        command = ["go", "build", "-mod=readonly", "-o", str(program), package]
        completed = subprocess.run(
            command, cwd=FOLDER / name, capture_output=True, text=True, timeout=600, check=False
        )
        if completed.returncode:
            missing(f"{name} (go build: {completed.stderr.strip()[-500:]})")
        return program

    return build
