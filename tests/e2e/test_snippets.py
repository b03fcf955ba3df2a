"""The README's snippets for GitLab and for `docker run`, followed literally: only the image behind the name has a rehearsal built in."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import missing
from tests.e2e.peers import ROOT, Docker
from tools import docs

README = (ROOT / "README.md").read_text("utf-8")
RELEASED = f"{docs.IMAGE}:0"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
GITLAB = [
    text
    for language, text in BLOCKS
    if language == "yaml" and f"image: {RELEASED}" in text and "script:" in text
]
LATER = f"""
later:
  stage: later
  image: {RELEASED}
  script: [ 'echo "later: <$DEPLOYED_STATUS> <$DEPLOYED_URL>"' ]
"""
RUNS = [
    command
    for language, text in BLOCKS
    if language == "sh"
    for command in re.split(r"\n(?!\s)", text.replace("\\\n", ""))
    if command.startswith("docker run") and RELEASED in command
]


@pytest.fixture(scope="module")
def released(docker: Docker, image: str) -> Iterator[str]:
    """The image under its public name, with what a user's secret settings would be."""
    docker.ok("build", "--tag", RELEASED, "-", stdin=f"FROM {image}\nENV DEPLOYER_REHEARSE=success\n")
    yield RELEASED
    docker("rmi", RELEASED)  # nobody should meet it under that name


def run(docker: Docker, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = docker.environ | {"COOLIFY_TOKEN": "1|made-up-token-of-a-test"}
    return subprocess.run(
        words, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=300
    )


def test_the_readme_has_them() -> None:
    assert GITLAB
    assert RUNS


@pytest.mark.parametrize("command", RUNS, ids=range(len(RUNS)))
def test_docker_run_does_what_the_readme_says(
    docker: Docker, released: str, tmp_path: Path, command: str
) -> None:
    assert released in command
    done = run(docker, tmp_path, "bash", "-c", command.partition(" #")[0])
    failing = re.search(r"DEPLOYER_REHEARSE=(\S+)", command)
    assert done.returncode == (1 if failing else 0), done.stdout + done.stderr
    if "DEPLOYER_OUTPUT_FILE=deployer.env" in command:
        assert 'DEPLOYED_STATUS="finished"' in (tmp_path / "deployer.env").read_text("utf-8")
    assert "made-up-token" not in done.stdout + done.stderr


@pytest.fixture(scope="module")
def helper(docker: Docker) -> str:
    """What gitlab-ci-local copies artifacts with, in the place of an image of its own that is not at hand."""
    rsync = "RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends rsync >/dev/null"
    docker.ok("build", "--tag", "deployer-e2e-rsync", "-", stdin=f"FROM python:3.13-slim\n{rsync}\n")
    return "deployer-e2e-rsync"


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize("snippet", GITLAB, ids=range(len(GITLAB)))
def test_the_gitlab_job_runs_as_it_stands(
    docker: Docker, helper: str, npm: Callable[[str], Path], tmp_path: Path, snippet: str
) -> None:
    """And a later job gets its dotenv report."""
    program = npm("gitlab_ci_local") / "node_modules" / ".bin" / "gitlab-ci-local"
    if not shutil.which("rsync"):
        missing("rsync, which gitlab-ci-local copies with")
    (tmp_path / ".gitlab-ci.yml").write_text(f"stages: [deploy, later]\n{snippet}{LATER}", "utf-8")
    author = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    remote = ["remote", "add", "origin", "git@gitlab.example.com:octo/shop.git"]
    for words in (["init", "-q", "-b", "main"], remote, ["add", "-A"], [*author, "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    # It calls itself no GitLab (`GITLAB_CI=false`), which every real one is.
    options = [
        "--variable",
        "GITLAB_CI=true",
        "--pull-policy",
        "if-not-present",
        "--helper-image",
        helper,
        "--home",
        str(tmp_path / "home"),
    ]
    done = run(docker, tmp_path, str(program), *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "later: <finished> <http://web.example.com>" in done.stdout
    assert "made-up-token" not in done.stdout + done.stderr
