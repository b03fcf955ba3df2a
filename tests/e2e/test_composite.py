"""The composite action, started as a runner on Linux starts it: one process from bash to the program."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.peers import ROOT

MAX_SHUTDOWN_SECONDS = 8  # as in test_container.py
ACTION = ROOT / "composite"


@dataclass(frozen=True)
class Runner:
    """The environment of a step of a composite action, as a runner sets it."""

    temp: Path
    work: Path

    @property
    def outputs(self) -> Path:
        return self.work / "output"

    @contextmanager
    def step(self, **inputs: str) -> Iterator[subprocess.Popen[str]]:
        self.outputs.touch()
        environ = {
            "PATH": os.environ["PATH"],
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(self.outputs),
        }
        environ |= {
            "GITHUB_ACTION_PATH": str(ACTION),
            "RUNNER_TEMP": str(self.temp),
            "PYTHONPATH": str(self.work),
        }
        environ |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        environ |= {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        (self.work / "requests.py").write_text(
            "raise SystemExit('the job’s own requests.py was imported')", "utf-8"
        )
        script = self.work / "script.sh"
        script.write_text('exec bash "$GITHUB_ACTION_PATH/start.sh"\n', "utf-8")
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
        with subprocess.Popen(
            command, cwd=self.work, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, **inputs: str) -> tuple[int, str]:
        with self.step(**inputs) as process:
            output, _ = process.communicate(timeout=300)
        return process.returncode, output


@pytest.fixture(scope="module")
def temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The RUNNER_TEMP of one job: the packages are downloaded once."""
    return tmp_path_factory.mktemp("runner_temp")


@pytest.fixture
def runner(temp: Path, tmp_path: Path) -> Runner:
    return Runner(temp, tmp_path)


@pytest.mark.parametrize(
    ("scenario", "code", "status"), [("success", 0, "finished"), ("build-failure", 1, "failed")]
)
def test_exit_code_and_outputs(runner: Runner, scenario: str, code: int, status: str) -> None:
    exit_code, output = runner.run(rehearse=scenario)
    assert exit_code == code, output
    outputs = runner.outputs.read_text("utf-8")
    assert f'"status":"{status}"' in outputs
    assert "deployment_uuid<<" in outputs


def test_second_step_of_a_job_installs_nothing(runner: Runner) -> None:
    runner.run(rehearse="success")
    before = sorted((path, path.stat().st_mtime_ns) for path in runner.temp.rglob("*"))
    assert runner.run(rehearse="success")[0] == 0
    assert sorted((path, path.stat().st_mtime_ns) for path in runner.temp.rglob("*")) == before


def test_inputs_are_not_executed(runner: Runner) -> None:
    hostile = '"; touch hacked; $(touch hacked) `touch hacked`\n${{ github.token }}'
    exit_code, output = runner.run(rehearse=hostile, uuid=hostile)
    assert not (runner.work / "hacked").exists()
    assert exit_code == 2, output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_of_the_runner_reaches_the_program(runner: Runner, number: signal.Signals) -> None:
    """The runner signals only the process that it has started (ci-formats 1.9)."""
    with runner.step(rehearse="slow") as process:
        deadline = time.monotonic() + 60
        while "deployment_uuid" not in runner.outputs.read_text("utf-8"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        signalled_at = time.monotonic()
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    assert time.monotonic() - signalled_at < MAX_SHUTDOWN_SECONDS
    assert process.returncode == 130, output
    assert "cancel" in output.lower()
    assert "interrupted" in runner.outputs.read_text("utf-8")


def test_missing_python_is_an_error_with_a_fix(tmp_path: Path) -> None:
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(f"/bin/{name}")
    start = ["/bin/bash", str(ACTION / "start.sh")]
    completed = subprocess.run(
        start, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 2
    assert "actions/setup-python" in completed.stdout


def test_python_in_the_tool_cache_is_found(tmp_path: Path, temp: Path) -> None:
    (tmp_path / "path").mkdir()
    for name in ("bash", "dirname"):
        (tmp_path / "path" / name).symlink_to(f"/bin/{name}")
    cached = (
        tmp_path / "tools" / "Python" / f"{sys.version_info.major}.{sys.version_info.minor}.0" / "x64" / "bin"
    )
    cached.mkdir(parents=True)
    (cached / "python3").write_text(f'#!/bin/bash\nexec "{sys.executable}" "$@"\n', "utf-8")
    (cached / "python3").chmod(0o755)
    environ = {
        "PATH": str(tmp_path / "path"),
        "RUNNER_TOOL_CACHE": str(tmp_path / "tools"),
        "RUNNER_TEMP": str(temp),
    }
    environ |= {"INPUT_REHEARSE": "success"} | {
        name: value for name, value in os.environ.items() if name.startswith("PIP_")
    }
    completed = subprocess.run(
        ["/bin/bash", str(ACTION / "start.sh")],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_fallback_step_names_running_deployments_without_commands() -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "DEPLOYMENTS": "a,b",
        "DEPLOYMENT_URL": "https://x.example/50%\r\n::set-output name=a::b",
    }
    completed = subprocess.run(
        ["bash", str(ACTION / "report-killed.sh")], env=environ, capture_output=True, text=True, check=True
    )
    assert completed.stdout.splitlines()[0].endswith("See https://x.example/50%25::set-output name=a::b")
    assert len(completed.stdout.splitlines()) == 1
