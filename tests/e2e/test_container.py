"""The image, built and started by a real Docker engine as each CI system does it."""

import base64
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import deployer
from tests.e2e.peers import ROOT, Docker, GitHub

REHEARSAL = "INPUT_REHEARSE=success"
MAX_SHUTDOWN_SECONDS = 8  # documented: within 5 s; GitHub sends SIGTERM after 7.5

# --- Contents


def test_help_and_version(docker: Docker, image: str) -> None:
    assert "coolify_url" in docker.ok("run", "--rm", image, "--help").lower()
    assert deployer.__version__ in docker.ok("run", "--rm", image, "--version")


def test_labels(docker: Docker, image: str) -> None:
    labels = json.loads(docker.ok("inspect", "--format", "{{json .Config.Labels}}", image))
    own_labels = {name.removeprefix("org.opencontainers.image."): text for name, text in labels.items()}
    assert own_labels.pop("source").startswith("https://")
    assert own_labels.pop("version", deployer.__version__) == deployer.__version__  # set in a release
    assert {
        name: text for name, text in own_labels.items() if name != "revision" and not name.startswith("base.")
    } == {
        "title": "deployer",
        "description": "Triggers a Coolify deployment, follows it to its end and exits with the verdict",
        "licenses": "Apache-2.0",
    }


def test_layers_are_shown(docker: Docker, image: str, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        subprocess.run(
            [sys.executable, "-m", "tools.layers", image],
            cwd=ROOT,
            env=docker.environ,
            check=True,
            timeout=300,
        )


def test_unused_files_are_removed(docker: Docker, image: str) -> None:
    """Files for type checkers, browsers, shells and developers."""
    unused = (
        "*.pyi",
        "*/py.typed",
        "*/pydantic/v1",
        "*/pydantic/mypy.py",
        "*/emscripten",
        "*/dotenv/cli.py",
        "*/idna/cli.py",
    )
    paths = " -o ".join(f"-path '{path}'" for path in unused)
    assert docker.ok("run", "--rm", image, "sh", "-c", f"find /opt/deployer {paths}") == ""


def test_installers_and_compilers_are_removed(docker: Docker, image: str) -> None:
    programs = docker.ok("run", "--rm", image, "ls", "/opt/deployer/bin").split()
    assert all(program.startswith("python") for program in programs)
    assert docker.ok(
        "run", "--rm", image, "sh", "-c", "ls -d /opt/deployer/lib/python*/site-packages/pip* || true"
    ).startswith("ls:")
    assert not docker.ok("run", "--rm", image, "sh", "-c", "command -v cc gcc || true")


def test_modules_have_unchecked_bytecode(docker: Docker, image: str) -> None:
    check_bytecode = """
import importlib.util, pathlib
for path in pathlib.Path("/opt/deployer/lib").rglob("*.py"):
    code = pathlib.Path(importlib.util.cache_from_source(path))
    if not code.exists() or code.read_bytes()[4:8] != bytes([1, 0, 0, 0]):
        print(path)
"""
    assert docker.ok("run", "--rm", image, "/opt/deployer/bin/python", "-c", check_bytecode) == ""


# --- Behavior


def test_rehearsed_success_exits_with_0(docker: Docker, image: str) -> None:
    completed = docker("run", "--rm", "--env", REHEARSAL, image)
    assert completed.returncode == 0, completed.stdout
    assert "rehearsal" in completed.stdout.splitlines()[0].lower()


def test_rehearsed_build_failure_exits_with_1(docker: Docker, image: str) -> None:
    completed = docker("run", "--rm", "--env", "INPUT_REHEARSE=build-failure", image)
    assert completed.returncode == 1, completed.stdout


def test_invalid_input_exits_with_2(docker: Docker, image: str) -> None:
    assert docker("run", "--rm", image).returncode == 2


def test_unknown_argument_is_an_error(docker: Docker, image: str) -> None:
    completed = docker("run", "--rm", image, "deploy-please")
    assert completed.returncode == 2
    assert "environment" in completed.stdout
    assert "Traceback" not in completed.stdout


def test_run_changes_no_file_of_the_image(docker: Docker, image: str, name: str) -> None:
    docker.ok("run", "--name", name, "--env", REHEARSAL, image)
    assert docker.ok("diff", name) == ""


def test_run_needs_no_known_user_home_writable_disk_or_network(docker: Docker, image: str) -> None:
    docker.ok(
        "run", "--rm", "--user", "12345:12345", "--read-only", "--network", "none", "--env", REHEARSAL, image
    )


def test_python_settings_of_the_job_are_ignored(docker: Docker, image: str, tmp_path: Path) -> None:
    (tmp_path / "requests.py").write_text(
        "raise SystemExit('the job’s own requests.py was imported')", "utf-8"
    )
    options = [
        "--volume",
        f"{tmp_path}:/job",
        "--workdir",
        "/job",
        "--env",
        "PYTHONPATH=/job",
        "--env",
        "PYTHONHOME=/job",
    ]
    docker.ok("run", "--rm", *options, "--env", REHEARSAL, image)
    docker.ok("run", "--rm", *options, image, "deployer", "--version")


# --- How CI systems start it


def test_github_receives_outputs_and_summary(docker: Docker, image: str, github: GitHub) -> None:
    completed = docker(
        "run",
        "--rm",
        *github.options,
        "--env",
        "INPUT_REHEARSE",
        image,
        **github.environ,
        INPUT_REHEARSE="success",
    )
    assert completed.returncode == 0, completed.stdout
    assert "::warning" in completed.stdout
    assert "finished" in github.outputs
    assert "deployment_uuid" in github.outputs
    assert '"rehearsal":true' in github.outputs
    assert "Rehearsal" in github.summary


def test_github_receives_outputs_of_a_failure(docker: Docker, image: str, github: GitHub) -> None:
    completed = docker(
        "run",
        "--rm",
        *github.options,
        "--env",
        "INPUT_REHEARSE",
        image,
        **github.environ,
        INPUT_REHEARSE="build-failure",
    )
    assert completed.returncode == 1, completed.stdout
    assert "::error" in completed.stdout
    assert "failed" in github.outputs
    assert "Rehearsal" in github.summary


@pytest.mark.parametrize(("scenario", "code"), [("success", 0), ("build-failure", 1)])
def test_gitlab_passes_a_script_to_a_shell(docker: Docker, image: str, scenario: str, code: int) -> None:
    script = f"""
set -e
export CI=true GITLAB_CI=true DEPLOYER_REHEARSE={scenario}
mkdir -p /builds/octo/shop && cd /builds/octo/shop
deployer || code=$?
grep DEPLOYED_STATUS= deployer.env
exit ${{code:-0}}
"""
    completed = docker(
        "run",
        "--rm",
        "--interactive",
        image,
        "sh",
        "-c",
        "if command -v bash; then exec bash; else exec sh; fi",
        stdin=script,
    )
    assert completed.returncode == code, completed.stdout
    assert "section_start:" in completed.stdout
    assert f"DEPLOYED_STATUS={'failed' if code else 'finished'}" in completed.stdout


@pytest.mark.parametrize(
    "start",
    [["IMAGE", "/bin/sh", "-c"], ["--entrypoint", "/bin/sh", "IMAGE", "-c"]],
    ids=["arguments", "entrypoint"],
)
def test_woodpecker_passes_an_encoded_script(docker: Docker, image: str, start: list[str]) -> None:
    script = base64.b64encode(b"cd /tmp\ndeployer\n").decode()
    arguments = [image if word == "IMAGE" else word for word in start]
    completed = docker(
        "run",
        "--rm",
        "--env",
        f"CI_SCRIPT={script}",
        "--env",
        "CI=woodpecker",
        "--env",
        "PLUGIN_REHEARSE=success",
        *arguments,
        "echo $CI_SCRIPT | base64 -d | /bin/sh -e",
    )
    assert completed.returncode == 0, completed.stdout
    assert "rehearsal" in completed.stdout.lower()


def test_jenkins_executes_in_a_running_container(docker: Docker, image: str, name: str) -> None:
    docker.ok("run", "--detach", "--tty", "--user", "1000:1000", "--name", name, image, "cat")
    # Jenkins checks that its `cat` runs, and otherwise complains about the entrypoint.
    deadline = time.monotonic() + 5
    while docker.ok("exec", name, "cat", "/proc/1/cmdline") != "cat\0":
        assert time.monotonic() < deadline
    assert docker("exec", "--env", "DEPLOYER_REHEARSE=build-failure", name, "deployer").returncode == 1


# --- How CI systems stop it


def stop(docker: Docker, name: str, _: subprocess.Popen[str]) -> None:
    docker.ok("stop", "--time", "30", name)


def interrupt(docker: Docker, name: str, _: subprocess.Popen[str]) -> None:
    docker.ok("kill", "--signal", "INT", name)


def cancel_the_job(_: Docker, __: str, client: subprocess.Popen[str]) -> None:
    """GitHub signals the Docker client, which forwards the signal."""
    client.send_signal(signal.SIGINT)


@pytest.mark.parametrize("stop_job", [stop, interrupt, cancel_the_job])
def test_stopped_job_cancels_its_deployment(
    docker: Docker,
    image: str,
    name: str,
    github: GitHub,
    stop_job: Callable[[Docker, str, subprocess.Popen[str]], None],
) -> None:
    environ = github.environ | {"INPUT_REHEARSE": "slow"}
    with docker.attached(
        "run", "--name", name, *github.options, "--env", "INPUT_REHEARSE", image, **environ
    ) as client:
        deadline = time.monotonic() + 30
        while "deployment_uuid" not in github.outputs:  # written as soon as it is known
            assert client.poll() is None, docker("logs", name).stdout
            assert time.monotonic() < deadline, docker("logs", name).stdout
            time.sleep(0.1)
        signalled_at = time.monotonic()
        stop_job(docker, name, client)
        output, _ = client.communicate(timeout=30)
    assert time.monotonic() - signalled_at < MAX_SHUTDOWN_SECONDS
    assert client.returncode == 130, output
    assert "cancel" in output.lower()
    assert "interrupted" in github.outputs


# --- Build


def test_image_from_any_checkout_builder_and_base_works(
    docker: Docker, image: str, tmp_path: Path, name: str
) -> None:
    """Files readable by the owner only, no BuildKit (as in act and Gitea), no bytecode, a CMD in the base."""
    assert image
    shutil.copytree(ROOT / "deployer", tmp_path / "deployer", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("Dockerfile", ".dockerignore", "LICENSE", "entrypoint.py", "requirements.txt"):
        shutil.copy(ROOT / file, tmp_path)
    for path in tmp_path.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    base = (
        'FROM python:3.13-slim\nRUN find / -xdev -name "*.pyc" -delete\nENV LANG=C.UTF-8\nCMD ["python3"]\n'
    )
    docker.ok("build", "--tag", "deployer-e2e-base", "-", stdin=base)
    docker.ok(
        "build",
        "--tag",
        "deployer:e2e-classic",
        "--build-arg",
        "BASE=deployer-e2e-base",
        tmp_path,
        DOCKER_BUILDKIT="0",
    )
    docker.ok("run", "--name", name, "--env", REHEARSAL, "deployer:e2e-classic")
    assert docker.ok("diff", name) == ""
    docker.ok("run", "--rm", "--user", "12345", "--read-only", "--env", REHEARSAL, "deployer:e2e-classic")
