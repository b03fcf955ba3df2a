"""The image, built and started by a real Docker engine the way each CI system does it."""

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
FAREWELL = 8  # seconds: the design promises five, GitHub gives seven and a half before SIGTERM

# --- What is in it


def test_the_image_tells_its_inputs_and_its_version(docker: Docker, image: str) -> None:
    assert "coolify_url" in docker.ok("run", "--rm", image, "--help").lower()
    assert deployer.__version__ in docker.ok("run", "--rm", image, "--version")


def test_the_image_is_labelled(docker: Docker, image: str) -> None:
    labels = json.loads(docker.ok("inspect", "--format", "{{json .Config.Labels}}", image))
    ours = {name.removeprefix("org.opencontainers.image."): text for name, text in labels.items()}
    assert ours.pop("source").startswith("https://")
    assert ours.pop("version", deployer.__version__) == deployer.__version__  # a release has it
    assert {
        name: text for name, text in ours.items() if name != "revision" and not name.startswith("base.")
    } == {
        "title": "deployer",
        "description": "Triggers a Coolify deployment, follows it to its end and exits with the verdict",
        "licenses": "Apache-2.0",
    }


def test_the_layers_are_shown(docker: Docker, image: str, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        subprocess.run(
            [sys.executable, "-m", "tools.layers", image],
            cwd=ROOT,
            env=docker.environ,
            check=True,
            timeout=300,
        )


def test_nothing_is_left_that_is_for_other_programs(docker: Docker, image: str) -> None:
    """A type checker's, a browser's, a shell's, a developer's."""
    idle = (
        "*.pyi",
        "*/py.typed",
        "*/pydantic/v1",
        "*/pydantic/mypy.py",
        "*/emscripten",
        "*/dotenv/cli.py",
        "*/idna/cli.py",
    )
    paths = " -o ".join(f"-path '{path}'" for path in idle)
    assert docker.ok("run", "--rm", image, "sh", "-c", f"find /opt/deployer {paths}") == ""


def test_no_installer_and_no_compiler_is_left_behind(docker: Docker, image: str) -> None:
    programs = docker.ok("run", "--rm", image, "ls", "/opt/deployer/bin").split()
    assert all(program.startswith("python") for program in programs)
    assert docker.ok(
        "run", "--rm", image, "sh", "-c", "ls -d /opt/deployer/lib/python*/site-packages/pip* || true"
    ).startswith("ls:")
    assert not docker.ok("run", "--rm", image, "sh", "-c", "command -v cc gcc || true")


def test_every_module_has_bytecode_that_is_never_checked(docker: Docker, image: str) -> None:
    stale = """
import importlib.util, pathlib
for path in pathlib.Path("/opt/deployer/lib").rglob("*.py"):
    code = pathlib.Path(importlib.util.cache_from_source(path))
    if not code.exists() or code.read_bytes()[4:8] != bytes([1, 0, 0, 0]):
        print(path)
"""
    assert docker.ok("run", "--rm", image, "/opt/deployer/bin/python", "-c", stale) == ""


# --- What it does


def test_a_rehearsed_success_is_green(docker: Docker, image: str) -> None:
    done = docker("run", "--rm", "--env", REHEARSAL, image)
    assert done.returncode == 0, done.stdout
    assert "rehearsal" in done.stdout.splitlines()[0].lower()


def test_a_rehearsed_build_failure_is_red(docker: Docker, image: str) -> None:
    done = docker("run", "--rm", "--env", "INPUT_REHEARSE=build-failure", image)
    assert done.returncode == 1, done.stdout


def test_wrong_input_is_refused(docker: Docker, image: str) -> None:
    assert docker("run", "--rm", image).returncode == 2


def test_an_argument_that_is_no_program_is_a_mistake(docker: Docker, image: str) -> None:
    done = docker("run", "--rm", image, "deploy-please")
    assert done.returncode == 2
    assert "environment" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_run_changes_no_file_of_the_image(docker: Docker, image: str, name: str) -> None:
    docker.ok("run", "--name", name, "--env", REHEARSAL, image)
    assert docker.ok("diff", name) == ""


def test_a_run_needs_neither_a_known_user_nor_a_home_nor_a_writable_disk_nor_a_network(
    docker: Docker, image: str
) -> None:
    docker.ok(
        "run", "--rm", "--user", "12345:12345", "--read-only", "--network", "none", "--env", REHEARSAL, image
    )


def test_a_jobs_python_settings_do_not_reach_the_program(docker: Docker, image: str, tmp_path: Path) -> None:
    (tmp_path / "requests.py").write_text(
        "raise SystemExit('the job’s own requests.py was imported')", "utf-8"
    )
    where = [
        "--volume",
        f"{tmp_path}:/job",
        "--workdir",
        "/job",
        "--env",
        "PYTHONPATH=/job",
        "--env",
        "PYTHONHOME=/job",
    ]
    docker.ok("run", "--rm", *where, "--env", REHEARSAL, image)
    docker.ok("run", "--rm", *where, image, "deployer", "--version")


# --- How it is started


def test_github_gets_its_outputs_and_its_summary(docker: Docker, image: str, github: GitHub) -> None:
    done = docker(
        "run",
        "--rm",
        *github.options,
        "--env",
        "INPUT_REHEARSE",
        image,
        **github.environ,
        INPUT_REHEARSE="success",
    )
    assert done.returncode == 0, done.stdout
    assert "::warning" in done.stdout
    assert "finished" in github.outputs
    assert "deployment_uuid" in github.outputs
    assert '"rehearsal":true' in github.outputs
    assert "Rehearsal" in github.summary


def test_github_gets_its_outputs_of_a_failure_too(docker: Docker, image: str, github: GitHub) -> None:
    done = docker(
        "run",
        "--rm",
        *github.options,
        "--env",
        "INPUT_REHEARSE",
        image,
        **github.environ,
        INPUT_REHEARSE="build-failure",
    )
    assert done.returncode == 1, done.stdout
    assert "::error" in done.stdout
    assert "failed" in github.outputs
    assert "Rehearsal" in github.summary


@pytest.mark.parametrize(("scenario", "code"), [("success", 0), ("build-failure", 1)])
def test_gitlab_feeds_a_script_to_the_shell_that_it_starts(
    docker: Docker, image: str, scenario: str, code: int
) -> None:
    script = f"""
set -e
export CI=true GITLAB_CI=true DEPLOYER_REHEARSE={scenario}
mkdir -p /builds/octo/shop && cd /builds/octo/shop
deployer || code=$?
grep DEPLOYED_STATUS= deployer.env
exit ${{code:-0}}
"""
    done = docker(
        "run",
        "--rm",
        "--interactive",
        image,
        "sh",
        "-c",
        "if command -v bash; then exec bash; else exec sh; fi",
        stdin=script,
    )
    assert done.returncode == code, done.stdout
    assert "section_start:" in done.stdout
    assert f"DEPLOYED_STATUS={'failed' if code else 'finished'}" in done.stdout


@pytest.mark.parametrize(
    "start",
    [["IMAGE", "/bin/sh", "-c"], ["--entrypoint", "/bin/sh", "IMAGE", "-c"]],
    ids=["arguments", "entrypoint"],
)
def test_woodpecker_hands_over_an_encoded_script(docker: Docker, image: str, start: list[str]) -> None:
    script = base64.b64encode(b"cd /tmp\ndeployer\n").decode()
    words = [image if word == "IMAGE" else word for word in start]
    done = docker(
        "run",
        "--rm",
        "--env",
        f"CI_SCRIPT={script}",
        "--env",
        "CI=woodpecker",
        "--env",
        "PLUGIN_REHEARSE=success",
        *words,
        "echo $CI_SCRIPT | base64 -d | /bin/sh -e",
    )
    assert done.returncode == 0, done.stdout
    assert "rehearsal" in done.stdout.lower()


def test_jenkins_keeps_the_container_busy_and_executes_in_it(docker: Docker, image: str, name: str) -> None:
    docker.ok("run", "--detach", "--tty", "--user", "1000:1000", "--name", name, image, "cat")
    # Jenkins looks whether its `cat` really runs, and complains about the entrypoint if not.
    deadline = time.monotonic() + 5
    while docker.ok("exec", name, "cat", "/proc/1/cmdline") != "cat\0":
        assert time.monotonic() < deadline
    assert docker("exec", "--env", "DEPLOYER_REHEARSE=build-failure", name, "deployer").returncode == 1


# --- How it is stopped


def stop(docker: Docker, name: str, _: subprocess.Popen[str]) -> None:
    docker.ok("stop", "--time", "30", name)


def interrupt(docker: Docker, name: str, _: subprocess.Popen[str]) -> None:
    docker.ok("kill", "--signal", "INT", name)


def cancel_the_job(_: Docker, __: str, client: subprocess.Popen[str]) -> None:
    """GitHub signals the command line, which hands it on."""
    client.send_signal(signal.SIGINT)


@pytest.mark.parametrize("end", [stop, interrupt, cancel_the_job])
def test_a_stopped_job_stops_its_deployment(
    docker: Docker,
    image: str,
    name: str,
    github: GitHub,
    end: Callable[[Docker, str, subprocess.Popen[str]], None],
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
        signalled = time.monotonic()
        end(docker, name, client)
        said, _ = client.communicate(timeout=30)
    assert time.monotonic() - signalled < FAREWELL
    assert client.returncode == 130, said
    assert "cancel" in said.lower()
    assert "interrupted" in github.outputs


# --- How it is built


def test_any_checkout_any_builder_and_the_official_base_make_an_image_that_works(
    docker: Docker, image: str, tmp_path: Path, name: str
) -> None:
    """Read by nobody else, no BuildKit (as act and Gitea build an action), no bytecode, and a CMD in the base."""
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
