"""The program as a process: stdout and files."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import termios
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.ci.output.test_backlog import KINDS
from tests.process.program import FAST, UnrelatedHost, github, output_files, plain, run_against
from tests.process.scenarios import (
    AS_OTHER_USER,
    EXPECTED,
    REAL_TIME,
    SYSTEMS,
    TERM,
    interrupt,
    polled,
    statuses,
)
from tests.simulator.coolify.invariants import violations
from tests.skips import needs_linux

FULL_DISK = Path("/dev/full")


# --- a stdout that is closed, full or not read


@pytest.mark.parametrize("system", ["plain", "github"])
def test_closed_stdout_does_not_end_the_run(system: str, folder: Path, unrelated_host: UnrelatedHost) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with run_against(
        "success", folder, unrelated_host, SYSTEMS[system](folder), speed=FAST, stdout=write_end
    ) as run:
        os.close(write_end)
        result = run.end()
        assert (result.code, result.outputs["status"], statuses(run)) == (0, "finished", ["finished"])


@pytest.mark.parametrize("scenario", ["success", "build-failure"])
@needs_linux("nothing else has /dev/full")
def test_stdout_on_a_full_disk_does_not_end_the_run(
    scenario: str, folder: Path, unrelated_host: UnrelatedHost
) -> None:
    with (
        FULL_DISK.open("wb") as full,
        run_against(scenario, folder, unrelated_host, github(folder), speed=FAST, stdout=full) as run,
    ):
        result = run.end()
        assert (result.code, result.outputs["status"]) == (
            EXPECTED[scenario].outcome.exit_code,
            EXPECTED[scenario].outcome.status,
        )


def test_missing_stdout_does_not_end_the_run(folder: Path, unrelated_host: UnrelatedHost) -> None:
    """`>&-`: the next file that is opened gets descriptor 1, and no output may be written to it."""
    with run_against(
        "success",
        folder,
        unrelated_host,
        {**plain(folder), **output_files()},
        speed=FAST,
        preexec_fn=lambda: os.close(1),
    ) as run:
        result = run.end()
        assert (result.code, result.outputs["status"]) == (0, "finished")
        assert "triggering" not in result.read("build.log")


@pytest.fixture
def full_stdout() -> Iterator[Callable[..., tuple[int, int]]]:
    """Makes a stdout that is full before the program starts. Returns its read end and its write end."""
    descriptors: list[int] = []

    def make(kind: Callable[[], tuple[int, int]]) -> tuple[int, int]:
        read_end, write_end = descriptors[:] = kind()
        os.set_blocking(write_end, False)
        with contextlib.suppress(BlockingIOError):
            while os.write(write_end, b"-" * 64):
                pass
        os.set_blocking(write_end, True)
        return read_end, write_end

    yield make
    for descriptor in descriptors:
        os.close(descriptor)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_blocked_stdout_delays_neither_polls_nor_signals(
    kind: Any, full_stdout: Callable[..., tuple[int, int]], folder: Path, unrelated_host: UnrelatedHost
) -> None:
    _, write_end = full_stdout(kind)
    environ = github(folder, DEPLOYER_LOG_FILE="build.log", DEPLOYER_POLL_INTERVAL="1")
    with run_against("slow", folder, unrelated_host, environ, speed=REAL_TIME, stdout=write_end) as run:
        run.wait_for(polled(3))
        signalled_at = time.monotonic()
        result = interrupt(run, TERM)
        assert time.monotonic() - signalled_at < 15
        assert statuses(run) == ["cancelled-by-user"]
    assert result.text == ""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_output_that_is_read_late_is_complete(
    kind: Any, full_stdout: Callable[..., tuple[int, int]], folder: Path, unrelated_host: UnrelatedHost
) -> None:
    """The runner reads nothing until the run has ended."""
    read_end, write_end = full_stdout(kind)
    with run_against(
        "build-failure",
        folder,
        unrelated_host,
        {**github(folder), **output_files()},
        speed=FAST,
        stdout=write_end,
    ) as run:
        run.wait_for(
            lambda _: "status<<" in (folder / "output").read_text() if (folder / "output").exists() else False
        )
        received = b""
        while not re.search(rb"::error [^\n]*\n", received):
            received += os.read(read_end, 65536)
        run.end()
    masks, _, rest = received.replace(b"\r\n", b"\n").lstrip(b"-").partition(b"::group::")
    assert all(line.startswith(b"::add-mask::") for line in masks.split(b"\n")[:2])
    log = (folder / "build.log").read_bytes().splitlines()
    assert [line for line in rest.split(b"\n") if line in log] == log


# --- files that can't be written


FILES = {
    "GITHUB_OUTPUT": "the step's outputs",
    "GITHUB_STEP_SUMMARY": "the job summary",
    "DEPLOYER_LOG_FILE": "{path}",
    "DEPLOYER_RESULT_FILE": "{path}",
    "DEPLOYER_OUTPUT_FILE": "{path}",
}


def missing(path: Path) -> Path:
    return path / "no" / "such" / "folder"


def link(path: Path) -> Path:
    path.with_suffix(".precious").write_text("precious")
    path.symlink_to(path.with_suffix(".precious"))
    return path


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def read_only(path: Path) -> Path:
    """A read-only file. Root can write it anyway, so that the program then runs as another user."""
    path.write_text("")
    path.chmod(0o444)
    return path


def folder_instead(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    "make", [missing, link, fifo, read_only, folder_instead], ids=lambda make: str(make.__name__)
)
def test_unwritable_file_is_one_warning(make: Any, folder: Path, unrelated_host: UnrelatedHost) -> None:
    paths = {name: make(folder / name.lower()).relative_to(folder) for name in FILES}
    environ = {**github(folder), **{name: str(path) for name, path in paths.items()}}
    before = AS_OTHER_USER if make is read_only and os.geteuid() == 0 else ""
    with run_against("build-failure", folder, unrelated_host, environ, speed=FAST, before=before) as run:
        result = run.end()
    assert result.code == 1
    warnings = result.annotations("warning")
    for name, path in paths.items():
        assert len([each for each in warnings if FILES[name].format(path=path) in each]) == 1, (
            name,
            warnings,
        )
    assert len(warnings) == len(FILES)
    assert {path.read_text() for path in folder.glob("*.precious")} <= {"precious"}


@pytest.mark.parametrize("device", ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1", "/dev/stderr"])
def test_stdout_as_an_output_file_is_a_warning(
    device: str, folder: Path, unrelated_host: UnrelatedHost
) -> None:
    environ = {**github(folder), **dict.fromkeys(FILES, device)}
    with run_against("success", folder, unrelated_host, environ, speed=FAST) as run:
        result = run.end()
    warnings = result.annotations("warning")
    assert (result.code, len(warnings)) == (0, 3), warnings
    assert all(
        "could not write" in warning and "not a regular file (a link, a pipe or a device)" in warning
        for warning in warnings
    )


def test_log_file_on_a_full_disk_is_one_warning(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against(
        "success", folder, unrelated_host, github(folder, INPUT_LOG_FILE="/dev/full"), speed=FAST
    ) as run:
        result = run.end()
    assert (result.code, len(result.annotations("warning"))) == (0, 1)


def test_unwritten_log_file_is_not_an_output(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against(
        "success", folder, unrelated_host, github(folder, INPUT_LOG_FILE="no/such/folder/log"), speed=FAST
    ) as run:
        assert "log_file" not in run.end().outputs


# --- a terminal


CLEAR_LINE = "\r\x1b[2K"


@dataclass
class Screen:
    """What a person sees: the permanent lines, and every state of the live line."""

    raw: str
    lines: list[str] = field(default_factory=list)
    live_lines: list[str] = field(default_factory=list)
    rest_of_line: str = ""

    def __post_init__(self) -> None:
        for line in self.raw.split("\n"):
            *live, permanent = line.split(CLEAR_LINE)
            self.live_lines += [each for each in live if each]
            self.lines.append(permanent)
        self.rest_of_line = self.lines.pop()


COLUMNS = 60


def run_on_terminal(scenario: str, folder: Path, unrelated_host: UnrelatedHost, **environ: str) -> Screen:
    controller, terminal = pty.openpty()
    tty.setraw(terminal)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    with run_against(
        scenario,
        folder,
        unrelated_host,
        {"TERM": "xterm-256color", **plain(folder), **environ},
        stdout=terminal,
    ) as run:
        os.close(terminal)
        data = b""
        with contextlib.suppress(OSError):  # EIO: the other end is closed
            while part := os.read(controller, 1 << 16):
                data += part
        run.program.process.wait(30)
        run.program.check(data)
        assert run.program.process.returncode == EXPECTED[scenario].outcome.exit_code
        assert violations(run.session) == []
    os.close(controller)
    return Screen(data.decode())


@pytest.mark.parametrize("scenario", ["build-failure", "already-queued"])
def test_terminal_shows_one_live_line(scenario: str, folder: Path, unrelated_host: UnrelatedHost) -> None:
    screen = run_on_terminal(scenario, folder, unrelated_host)
    assert len(set(screen.live_lines)) > 3
    assert [
        each for each in screen.live_lines if "since the trigger" not in each and len(each) < COLUMNS - 1
    ] == []
    assert max(map(len, screen.live_lines)) < COLUMNS
    assert [
        line for line in screen.lines if "since the trigger" in line or "\r" in line or "\x1b" in line
    ] == []
    assert screen.rest_of_line == ""


@pytest.mark.parametrize(
    "environ", [{"CI": "true"}, {"TERM": "dumb"}, {"TERM": ""}, {"DEPLOYER_CI": "github"}], ids=str
)
def test_no_live_line_without_a_person(
    environ: dict[str, str], folder: Path, unrelated_host: UnrelatedHost
) -> None:
    screen = run_on_terminal("bad-token", folder, unrelated_host, **environ)
    assert "\x1b" not in screen.raw
    assert "\r" not in screen.raw


def test_no_live_line_in_a_pipe(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against(
        "success", folder, unrelated_host, {"TERM": "xterm", **plain(folder)}, speed=FAST
    ) as run:
        assert b"\r" not in run.end().out
