"""Signals before the program handles them: they are blocked from the first instruction, also for PID 1."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.simulator import Session
from tests.process.program import ENTRYPOINT, ROOT, github, login
from tests.simulator.coolify.scenarios import simulating

BLOCKED = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
AS_PID_1 = ("unshare", "--pid", "--fork", "--kill-child")
"""Run as PID 1 of a namespace, for which the kernel drops every signal without a handler."""

START = ROOT / "composite" / "start.py"
ENTRY: list[str] = json.loads(
    re.findall(r"^ENTRYPOINT (.*)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)[-1]
)
IMAGE_COMMAND = [*ENTRY[: ENTRY.index("/opt/deployer/bin/python")], sys.executable, str(ENTRYPOINT)]
ENTRYPOINTS = {
    "entrypoint": [sys.executable, str(ENTRYPOINT)],
    "module": [sys.executable, "-m", "deployer"],
    "command": [sys.executable, "-c", "import sys; from deployer.__main__ import run; sys.exit(run())"],
}

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux shows which signals are blocked"
)


def can_create_namespaces() -> bool:
    try:
        return (
            subprocess.run([*AS_PID_1, "true"], capture_output=True, check=False, timeout=30).returncode == 0
        )
    except OSError:
        return False


needs_namespaces = pytest.mark.skipif(
    not can_create_namespaces(), reason="only root can make a PID namespace, where it may at all"
)


@pytest.fixture
def session() -> Iterator[Session]:
    with simulating("hang-start", speed=1.0) as session:
        yield session


def reset_signals() -> None:
    """Undo what the parent of the tests may ignore: `nohup`, or a shell that runs them in the background."""
    for number in BLOCKED:
        signal.signal(number, signal.SIG_DFL)


def blocks_signals(pid: int) -> bool:
    """Whether the process blocks signals, by SIGHUP: `unshare` itself blocks others for a moment."""
    found = re.search(r"^SigBlk:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(found and int(found[1], 16) & (1 << signal.SIGHUP - 1))


def signal_early(command: list[str], environ: dict[str, str], number: signal.Signals) -> tuple[int, str]:
    """Start the command and send the signal as soon as it is blocked. Returns exit code and output."""
    pipes: dict[str, Any] = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "preexec_fn": reset_signals,
    }
    with subprocess.Popen(command, cwd=ROOT, env=environ, **pipes) as process:
        try:
            _send_early(process, number, as_pid_1=command[0] == AS_PID_1[0])
            out, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode, out.decode()


def _send_early(process: subprocess.Popen[bytes], number: signal.Signals, *, as_pid_1: bool) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "it ended before it blocked signals"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for pid in [int(child) for child in children] if as_pid_1 else [process.pid]:
            if blocks_signals(pid):
                subprocess.run(["kill", f"-{number.value}", str(pid)], check=True)
                return
        time.sleep(0.0005)
    pytest.fail("it never blocked signals")


def environ_of(session: Session, folder: Path) -> dict[str, str]:
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", **login(session, folder), **github(folder)}


def assert_nothing_started(
    session: Session, folder: Path, code: int, output: str, number: signal.Signals
) -> None:
    assert (code, "Traceback" in output) == (130, False), output
    assert f"the job is being cancelled ({number.name})" in output
    assert "interrupted" in (folder / "output").read_text()
    assert not any(row["is_api"] for row in session.deployments())


@pytest.mark.parametrize("number", BLOCKED, ids=lambda number: str(number.name))
@pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
def test_early_signal_ends_the_run_cleanly(
    entrypoint: str, number: signal.Signals, session: Session, tmp_path: Path
) -> None:
    code, output = signal_early(ENTRYPOINTS[entrypoint], environ_of(session, tmp_path), number)
    assert_nothing_started(session, tmp_path, code, output, number)


@needs_namespaces
@pytest.mark.parametrize("number", BLOCKED, ids=lambda number: str(number.name))
@pytest.mark.parametrize("command", [ENTRYPOINTS["entrypoint"], IMAGE_COMMAND], ids=["python", "image"])
def test_pid_1_loses_no_early_signal(
    command: list[str], number: signal.Signals, session: Session, tmp_path: Path
) -> None:
    code, output = signal_early([*AS_PID_1, *command], environ_of(session, tmp_path), number)
    assert_nothing_started(session, tmp_path, code, output, number)


def test_signal_before_blocking_is_kept(session: Session, tmp_path: Path) -> None:
    """Python's own handler of SIGINT raises KeyboardInterrupt at any point."""
    code = (
        "import _signal, sys; from deployer import __main__ as way_in; hold = way_in.hold_signals; "
        "raised = []\n"
    )
    code += (
        "def late():\n    if not raised:\n        raised.append(1)\n        raise KeyboardInterrupt\n   "
        " hold()\n"
    )
    command = [sys.executable, "-c", code + "way_in.hold_signals = late; sys.exit(way_in.run())"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environ_of(session, tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert_nothing_started(session, tmp_path, done.returncode, done.stdout + done.stderr, signal.SIGINT)


def test_nothing_is_imported_before_signals_are_blocked() -> None:
    program = (
        "import sys; before = set(sys.modules); import deployer.__main__; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == ["deployer", "deployer.__main__"]


@pytest.mark.parametrize("number", BLOCKED, ids=lambda number: str(number.name))
def test_early_signal_ends_the_composite_action_before_any_installation(
    number: signal.Signals, tmp_path: Path
) -> None:
    code, output = signal_early([sys.executable, "-I", str(START)], {"RUNNER_TEMP": str(tmp_path)}, number)
    assert (code, output, list(tmp_path.iterdir())) == (130, "", [])


def test_signals_stay_blocked_between_composite_action_and_program() -> None:
    """A blocked signal stays blocked and pending across `exec`."""
    print_blocked = (
        "import signal; print(*sorted(number.name for number in "
        "signal.pthread_sigmask(signal.SIG_BLOCK, [])))"
    )
    exec_program = (
        f"import sys; sys.path.insert(0, {str(START.parent)!r}); import start; "
        f"start.become([sys.executable, '-c', {print_blocked!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", exec_program], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == sorted(number.name for number in BLOCKED)
