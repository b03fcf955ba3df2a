"""Workflows that need no GitHub service, run by nektos/act.

One that uses the action by path, and the selftest.
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.peers import ROOT, Docker

BASE = "python:3.13-slim"  # in place of ubuntu-latest: the action needs only bash and Python
WORKFLOW = """
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

    def run(repository: Path, *arguments: str) -> str:
        for git in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "x"]):
            subprocess.run(
                ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *git],
                cwd=repository,
                check=True,
            )
        # Nothing is pulled, and the job does not get the engine's socket: an action needs neither.
        common = ["-P", f"ubuntu-latest={BASE}", "--pull=false", "--container-daemon-socket", "-"]
        command = [str(program), *arguments, *common]
        completed = subprocess.run(
            command,
            cwd=repository,
            env=docker.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed.stdout

    return run


def copy_tree(where: Path) -> None:
    """Copy the files that git tracks, or would track after `git add`."""
    files = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    ).stdout
    for name in filter(None, files.decode().split("\0")):
        if (ROOT / name).is_file():
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, where / name)


@pytest.mark.parametrize("where", ["deployer", "deployer/composite"])
def test_action_works_by_its_path(act: Callable[..., str], tmp_path: Path, where: str) -> None:
    copy_tree(tmp_path / "deployer")
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "deploy.yml").write_text(WORKFLOW.replace("WHERE", where), "utf-8")
    assert "<success finished http://web.example.com> <failure failed false>" in act(tmp_path, "push")


@pytest.mark.parametrize("job", ["docker", "composite"])
def test_selftest_passes(act: Callable[..., str], tmp_path: Path, job: str) -> None:
    """On ubuntu-latest.

    Its third job needs actions/setup-python, which is downloaded from GitHub: test_package.py covers it
    instead.
    """
    copy_tree(tmp_path)
    arguments = [
        "workflow_dispatch",
        "--workflows",
        ".github/workflows/selftest.yml",
        "--job",
        job,
        "--matrix",
        "system:ubuntu-latest",
    ]
    assert "Job succeeded" in act(tmp_path, *arguments)
