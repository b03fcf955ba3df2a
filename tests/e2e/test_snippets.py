"""The README's snippets for GitLab and `docker run`, run literally.

Only the image behind the name is replaced by one with a built-in rehearsal.
"""

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
PUBLIC_NAME = f"{docs.IMAGE}:0"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
GITLAB_JOBS = [
    text
    for language, text in BLOCKS
    if language == "yaml" and f"image: {PUBLIC_NAME}" in text and "script:" in text
]
LATER_JOB = f"""
later:
  stage: later
  image: {PUBLIC_NAME}
  script: [ 'echo "later: <$DEPLOYED_STATUS> <$DEPLOYED_URL>"' ]
"""
DOCKER_RUN = [
    command
    for language, text in BLOCKS
    if language == "sh"
    for command in re.split(r"\n(?!\s)", text.replace("\\\n", ""))
    if command.startswith("docker run") and PUBLIC_NAME in command
]


@pytest.fixture(scope="module")
def public_image(docker: Docker, image: str) -> Iterator[str]:
    """The image under its public name, with a rehearsal in place of a user's server."""
    docker.ok("build", "--tag", PUBLIC_NAME, "-", stdin=f"FROM {image}\nENV DEPLOYER_REHEARSE=success\n")
    yield PUBLIC_NAME
    docker("rmi", PUBLIC_NAME)  # nothing else may use it under this name


def run(docker: Docker, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environ = docker.environ | {"COOLIFY_TOKEN": "1|made-up-token-of-a-test"}
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=300
    )


def test_readme_has_these_snippets() -> None:
    assert GITLAB_JOBS
    assert DOCKER_RUN


@pytest.mark.parametrize("command", DOCKER_RUN, ids=range(len(DOCKER_RUN)))
def test_docker_run_of_the_readme(docker: Docker, public_image: str, tmp_path: Path, command: str) -> None:
    assert public_image in command
    completed = run(docker, tmp_path, "bash", "-c", command.partition(" #")[0])
    failing = re.search(r"DEPLOYER_REHEARSE=(\S+)", command)
    assert completed.returncode == (1 if failing else 0), completed.stdout + completed.stderr
    if "DEPLOYER_OUTPUT_FILE=deployer.env" in command:
        assert 'DEPLOYED_STATUS="finished"' in (tmp_path / "deployer.env").read_text("utf-8")
    assert "made-up-token" not in completed.stdout + completed.stderr


@pytest.fixture(scope="module")
def helper_image(docker: Docker) -> str:
    """An image with rsync, in place of the helper image with which gitlab-ci-local copies artifacts."""
    rsync = "RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends rsync >/dev/null"
    docker.ok("build", "--tag", "deployer-e2e-rsync", "-", stdin=f"FROM python:3.13-slim\n{rsync}\n")
    return "deployer-e2e-rsync"


@pytest.mark.usefixtures("public_image")
@pytest.mark.parametrize("snippet", GITLAB_JOBS, ids=range(len(GITLAB_JOBS)))
def test_gitlab_job_of_the_readme(
    docker: Docker, helper_image: str, npm: Callable[[str], Path], tmp_path: Path, snippet: str
) -> None:
    """A later job receives its dotenv report."""
    program = npm("gitlab_ci_local") / "node_modules" / ".bin" / "gitlab-ci-local"
    if not shutil.which("rsync"):
        missing("rsync, which gitlab-ci-local needs")
    (tmp_path / ".gitlab-ci.yml").write_text(f"stages: [deploy, later]\n{snippet}{LATER_JOB}", "utf-8")
    author = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    remote = ["remote", "add", "origin", "git@gitlab.example.com:octo/shop.git"]
    for command in (["init", "-q", "-b", "main"], remote, ["add", "-A"], [*author, "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    # It sets `GITLAB_CI=false`, unlike a real GitLab.
    options = [
        "--variable",
        "GITLAB_CI=true",
        "--pull-policy",
        "if-not-present",
        "--helper-image",
        helper_image,
        "--home",
        str(tmp_path / "home"),
    ]
    completed = run(docker, tmp_path, str(program), *options)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "later: <finished> <http://web.example.com>" in completed.stdout
    assert "made-up-token" not in completed.stdout + completed.stderr
