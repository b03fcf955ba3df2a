"""The workflows that need no service of GitHub's, run by nektos/act: a consumer's, by path, and our own selftest."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.peers import ROOT, Docker

BASE = "python:3.13-slim"  # stands for ubuntu-latest: bash and a Python are all that the action asks for
CONSUMER = """
on: push
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - id: green
        uses: ./WHERE
        with:
          rehearse: success
          log_file: build.log
          verify_contains: '"; touch hacked; $(touch hacked) `touch hacked`'
      - id: red
        continue-on-error: true
        uses: ./WHERE
        with: { rehearse: build-failure, logs: failure }
      - if: always()
        shell: bash
        env:
          GREEN: ${{ steps.green.outcome }} ${{ steps.green.outputs.status }} ${{ steps.green.outputs.url }}
          RED: ${{ steps.red.outcome }} ${{ steps.red.outputs.status }} ${{ steps.red.outputs.timed_out }}
        run: |
          echo "<$GREEN> <$RED>"
          test "$GREEN" = "success finished http://web.example.com"
          test "$RED" = "failure failed false"
          test -s build.log
          test ! -e hacked
"""


@pytest.fixture(scope="session")
def act(docker: Docker, go: Callable[[str, str], Path]) -> Callable[..., str]:
    program = go("act", "github.com/nektos/act")

    def run(repository: Path, *words: str) -> str:
        for git in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "x"]):
            subprocess.run(
                ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *git],
                cwd=repository,
                check=True,
            )
        # Nothing is pulled, and the job does not get the engine's socket: an action needs neither.
        common = ["-P", f"ubuntu-latest={BASE}", "--pull=false", "--container-daemon-socket", "-"]
        command = [str(program), *words, *common]
        done = subprocess.run(
            command,
            cwd=repository,
            env=docker.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def checkout(where: Path) -> None:
    """What git knows of this tree, or would after `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, where / name)


@pytest.mark.parametrize("where", ["deployer", "deployer/composite"])
def test_a_consumer_uses_the_action_by_its_path(act: Callable[..., str], tmp_path: Path, where: str) -> None:
    checkout(tmp_path / "deployer")
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "deploy.yml").write_text(CONSUMER.replace("WHERE", where), "utf-8")
    assert "<success finished http://web.example.com> <failure failed false>" in act(tmp_path, "push")


@pytest.mark.parametrize("job", ["docker", "composite"])
def test_our_own_selftest_passes(act: Callable[..., str], tmp_path: Path, job: str) -> None:
    """On ubuntu-latest. Its third job needs actions/setup-python, which is fetched from GitHub; test_package.py does the same here."""
    checkout(tmp_path)
    words = [
        "workflow_dispatch",
        "--workflows",
        ".github/workflows/selftest.yml",
        "--job",
        job,
        "--matrix",
        "system:ubuntu-latest",
    ]
    assert "Job succeeded" in act(tmp_path, *words)
