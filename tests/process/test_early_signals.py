"""Signals that come before the program listens: they are kept from the first instruction on, also for the first process of a container."""

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

HELD = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
FIRST = ("unshare", "--pid", "--fork", "--kill-child")
"""The first process of a PID namespace: the kernel drops every signal that it has no handler for."""

START = ROOT / "composite" / "start.py"
ENTRY: list[str] = json.loads(
    re.findall(r"^ENTRYPOINT (.*)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)[-1]
)
IN_THE_IMAGE = [*ENTRY[: ENTRY.index("/opt/deployer/bin/python")], sys.executable, str(ENTRYPOINT)]
WAYS_IN = {
    "entrypoint": [sys.executable, str(ENTRYPOINT)],
    "module": [sys.executable, "-m", "deployer"],
    "command": [sys.executable, "-c", "import sys; from deployer.__main__ import run; sys.exit(run())"],
}

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux tells which signals are blocked"
)


def namespaces() -> bool:
    try:
        return subprocess.run([*FIRST, "true"], capture_output=True, check=False, timeout=30).returncode == 0
    except OSError:
        return False


in_a_namespace = pytest.mark.skipif(
    not namespaces(), reason="only root can make a PID namespace, where it may at all"
)


@pytest.fixture
def session() -> Iterator[Session]:
    with simulating("hang-start", speed=1.0) as session:
        yield session


def usual_signals() -> None:
    """Whoever started the tests may ignore some: `nohup`, or a shell that runs them in the background."""
    for number in HELD:
        signal.signal(number, signal.SIG_DFL)


def holds(pid: int) -> bool:
    """Whether the process holds signals back. `unshare` itself does for a moment, but never SIGHUP. False once it is over."""
    found = re.search(r"^SigBlk:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(found and int(found[1], 16) & (1 << signal.SIGHUP - 1))


def signalled_early(command: list[str], environ: dict[str, str], number: signal.Signals) -> tuple[int, str]:
    """Start it, send the signal as soon as it would be held back; the exit code, and all that was said."""
    pipes: dict[str, Any] = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "preexec_fn": usual_signals,
    }
    with subprocess.Popen(command, cwd=ROOT, env=environ, **pipes) as process:
        try:
            _send_early(process, number, first=command[0] == FIRST[0])
            out, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode, out.decode()


def _send_early(process: subprocess.Popen[bytes], number: signal.Signals, *, first: bool) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert process.poll() is None, "it ended before it held signals back"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for pid in [int(child) for child in children] if first else [process.pid]:
            if holds(pid):
                subprocess.run(["kill", f"-{number.value}", str(pid)], check=True)
                return
        time.sleep(0.0005)
    pytest.fail("it never held signals back")


def environ_of(session: Session, folder: Path) -> dict[str, str]:
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", **login(session, folder), **github(folder)}


def nothing_was_started(session: Session, folder: Path, code: int, said: str, number: signal.Signals) -> None:
    assert (code, "Traceback" in said) == (130, False), said
    assert f"the job is being cancelled ({number.name})" in said
    assert "interrupted" in (folder / "output").read_text()
    assert not any(row["is_api"] for row in session.deployments())


@pytest.mark.parametrize("number", HELD, ids=lambda number: str(number.name))
@pytest.mark.parametrize("way", WAYS_IN)
def test_an_early_signal_ends_the_run_in_order(
    way: str, number: signal.Signals, session: Session, tmp_path: Path
) -> None:
    code, said = signalled_early(WAYS_IN[way], environ_of(session, tmp_path), number)
    nothing_was_started(session, tmp_path, code, said, number)


@in_a_namespace
@pytest.mark.parametrize("number", HELD, ids=lambda number: str(number.name))
@pytest.mark.parametrize("command", [WAYS_IN["entrypoint"], IN_THE_IMAGE], ids=["python", "as-in-the-image"])
def test_the_first_process_of_a_container_loses_no_early_signal(
    command: list[str], number: signal.Signals, session: Session, tmp_path: Path
) -> None:
    code, said = signalled_early([*FIRST, *command], environ_of(session, tmp_path), number)
    nothing_was_started(session, tmp_path, code, said, number)


def test_a_signal_that_came_before_python_could_hold_it_back_is_kept(
    session: Session, tmp_path: Path
) -> None:
    """Python's own handler of SIGINT raises KeyboardInterrupt, wherever we are by then."""
    early = "import _signal, sys; from deployer import __main__ as way_in; hold = way_in.hold_signals; raised = []\n"
    early += "def late():\n    if not raised:\n        raised.append(1)\n        raise KeyboardInterrupt\n    hold()\n"
    command = [sys.executable, "-c", early + "way_in.hold_signals = late; sys.exit(way_in.run())"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environ_of(session, tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    nothing_was_started(session, tmp_path, done.returncode, done.stdout + done.stderr, signal.SIGINT)


def test_the_way_in_imports_nothing_before_it_holds_signals_back() -> None:
    program = "import sys; before = set(sys.modules); import deployer.__main__; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == ["deployer", "deployer.__main__"]


@pytest.mark.parametrize("number", HELD, ids=lambda number: str(number.name))
def test_an_early_signal_ends_the_composite_action_before_anything_is_installed(
    number: signal.Signals, tmp_path: Path
) -> None:
    code, said = signalled_early([sys.executable, "-I", str(START)], {"RUNNER_TEMP": str(tmp_path)}, number)
    assert (code, said, list(tmp_path.iterdir())) == (130, "", [])


def test_what_comes_between_the_composite_action_and_the_program_is_kept() -> None:
    """A blocked signal stays blocked, and is kept, over `exec`."""
    shown = "import signal; print(*sorted(number.name for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])))"
    become = f"import sys; sys.path.insert(0, {str(START.parent)!r}); import start; start.become([sys.executable, '-c', {shown!r}])"
    done = subprocess.run(
        [sys.executable, "-c", become], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == sorted(number.name for number in HELD)
