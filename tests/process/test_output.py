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
from tests.process.program import QUICK, Stranger, files, github, plain, play
from tests.process.scenarios import REAL, ROWS, SOMEBODY, SYSTEMS, TERM, interrupted, looked, statuses
from tests.simulator.coolify.invariants import violations
from tests.skips import needs_linux

FULL_DISK = Path("/dev/full")


# --- a stdout that nobody reads


@pytest.mark.parametrize("system", ["plain", "github"])
def test_a_closed_stdout_does_not_end_the_watch(system: str, folder: Path, stranger: Stranger) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with play("success", folder, stranger, SYSTEMS[system](folder), speed=QUICK, stdout=theirs) as played:
        os.close(theirs)
        ended = played.end()
        assert (ended.code, ended.outputs["status"], statuses(played)) == (0, "finished", ["finished"])


@pytest.mark.parametrize("scenario", ["success", "build-failure"])
@needs_linux("nothing else has /dev/full")
def test_a_full_disk_does_not_end_the_watch(scenario: str, folder: Path, stranger: Stranger) -> None:
    with (
        FULL_DISK.open("wb") as full,
        play(scenario, folder, stranger, github(folder), speed=QUICK, stdout=full) as played,
    ):
        ended = played.end()
        assert (ended.code, ended.outputs["status"]) == (
            ROWS[scenario].outcome.exit_code,
            ROWS[scenario].outcome.status,
        )


def test_no_stdout_at_all_does_not_end_the_watch(folder: Path, stranger: Stranger) -> None:
    """`>&-`: the number 1 is free for whatever is opened next, and nothing may be said into that."""
    with play(
        "success", folder, stranger, {**plain(folder), **files()}, speed=QUICK, preexec_fn=lambda: os.close(1)
    ) as played:
        ended = played.end()
        assert (ended.code, ended.outputs["status"]) == (0, "finished")
        assert "triggering" not in ended.read("build.log")


@pytest.fixture
def unread() -> Iterator[Callable[..., tuple[int, int]]]:
    """A stdout of each kind that is full before the program begins: where it is read, and where it is written."""
    numbers: list[int] = []

    def make(kind: Callable[[], tuple[int, int]]) -> tuple[int, int]:
        numbers[:] = kind()
        _, ours = numbers
        os.set_blocking(ours, False)
        with contextlib.suppress(BlockingIOError):
            while os.write(ours, b"-" * 64):
                pass
        os.set_blocking(ours, True)
        return numbers[0], ours

    yield make
    for number in numbers:
        os.close(number)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_a_stdout_that_nobody_reads_stops_neither_the_watch_nor_the_signals(
    kind: Any, unread: Callable[..., tuple[int, int]], folder: Path, stranger: Stranger
) -> None:
    _, ours = unread(kind)
    environ = github(folder, DEPLOYER_LOG_FILE="build.log", DEPLOYER_POLL_INTERVAL="1")
    with play("slow", folder, stranger, environ, speed=REAL, stdout=ours) as played:
        played.wait_for(looked(3))
        sent = time.monotonic()
        ended = interrupted(played, TERM)
        assert time.monotonic() - sent < 15
        assert statuses(played) == ["cancelled-by-user"]
    assert ended.text == ""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_what_is_only_read_late_is_all_there(
    kind: Any, unread: Callable[..., tuple[int, int]], folder: Path, stranger: Stranger
) -> None:
    """The runner's reader has stalled until the verdict was there."""
    theirs, ours = unread(kind)
    with play(
        "build-failure", folder, stranger, {**github(folder), **files()}, speed=QUICK, stdout=ours
    ) as played:
        played.wait_for(
            lambda _: "status<<" in (folder / "output").read_text() if (folder / "output").exists() else False
        )
        heard = b""
        while not re.search(rb"::error [^\n]*\n", heard):
            heard += os.read(theirs, 65536)
        played.end()
    masks, _, rest = heard.replace(b"\r\n", b"\n").lstrip(b"-").partition(b"::group::")
    assert all(line.startswith(b"::add-mask::") for line in masks.split(b"\n")[:2])
    log = (folder / "build.log").read_bytes().splitlines()
    assert [line for line in rest.split(b"\n") if line in log] == log


# --- could not write files that


PLACES = {
    "GITHUB_OUTPUT": "the step's outputs",
    "GITHUB_STEP_SUMMARY": "the job summary",
    "DEPLOYER_LOG_FILE": "{path}",
    "DEPLOYER_RESULT_FILE": "{path}",
    "DEPLOYER_OUTPUT_FILE": "{path}",
}


def missing(path: Path) -> Path:
    return path / "no" / "such" / "folder"


def linked(path: Path) -> Path:
    path.with_suffix(".precious").write_text("precious")
    path.symlink_to(path.with_suffix(".precious"))
    return path


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def read_only(path: Path) -> Path:
    """A file that may not be written. Root may write it all the same: then the program runs as somebody else."""
    path.write_text("")
    path.chmod(0o444)
    return path


def a_folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    "make", [missing, linked, fifo, read_only, a_folder], ids=lambda make: str(make.__name__)
)
def test_a_file_that_cannot_be_written_is_one_warning(make: Any, folder: Path, stranger: Stranger) -> None:
    paths = {name: make(folder / name.lower()).relative_to(folder) for name in PLACES}
    environ = {**github(folder), **{name: str(path) for name, path in paths.items()}}
    before = SOMEBODY if make is read_only and os.geteuid() == 0 else ""
    with play("build-failure", folder, stranger, environ, speed=QUICK, before=before) as played:
        ended = played.end()
    assert ended.code == 1
    warnings = ended.told("warning")
    for name, path in paths.items():
        assert len([each for each in warnings if PLACES[name].format(path=path) in each]) == 1, (
            name,
            warnings,
        )
    assert len(warnings) == len(PLACES)
    assert {path.read_text() for path in folder.glob("*.precious")} <= {"precious"}


@pytest.mark.parametrize("device", ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1", "/dev/stderr"])
def test_our_own_stdout_as_a_file_is_told(device: str, folder: Path, stranger: Stranger) -> None:
    environ = {**github(folder), **dict.fromkeys(PLACES, device)}
    with play("success", folder, stranger, environ, speed=QUICK) as played:
        ended = played.end()
    warnings = ended.told("warning")
    assert (ended.code, len(warnings)) == (0, 3), warnings
    assert all(
        "can't be written: not a regular file (a link, a pipe or a device)" in warning for warning in warnings
    )


def test_a_log_file_on_a_full_disk_is_one_warning(folder: Path, stranger: Stranger) -> None:
    with play("success", folder, stranger, github(folder, INPUT_LOG_FILE="/dev/full"), speed=QUICK) as played:
        ended = played.end()
    assert (ended.code, len(ended.told("warning"))) == (0, 1)


def test_a_log_file_that_was_not_written_is_no_output(folder: Path, stranger: Stranger) -> None:
    with play(
        "success", folder, stranger, github(folder, INPUT_LOG_FILE="no/such/folder/log"), speed=QUICK
    ) as played:
        assert "log_file" not in played.end().outputs


# --- a terminal


CLEAR = "\r\x1b[2K"


@dataclass
class Screen:
    """What a person saw: the lines that stayed, and every state of the live one."""

    raw: str
    lines: list[str] = field(default_factory=list)
    drawn: list[str] = field(default_factory=list)
    left: str = ""

    def __post_init__(self) -> None:
        for line in self.raw.split("\n"):
            *gone, stays = line.split(CLEAR)
            self.drawn += [each for each in gone if each]
            self.lines.append(stays)
        self.left = self.lines.pop()


COLUMNS = 60


def on_a_terminal(scenario: str, folder: Path, stranger: Stranger, **environ: str) -> Screen:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    with play(
        scenario, folder, stranger, {"TERM": "xterm-256color", **plain(folder), **environ}, stdout=theirs
    ) as played:
        os.close(theirs)
        data = b""
        with contextlib.suppress(OSError):  # EIO: the other side is closed
            while part := os.read(ours, 1 << 16):
                data += part
        played.program.process.wait(30)
        played.program.check(data)
        assert played.program.process.returncode == ROWS[scenario].outcome.exit_code
        assert violations(played.stage) == []
    os.close(ours)
    return Screen(data.decode())


@pytest.mark.parametrize("scenario", ["build-failure", "already-queued"])
def test_a_person_sees_one_live_line_that_is_cleared_before_every_other(
    scenario: str, folder: Path, stranger: Stranger
) -> None:
    screen = on_a_terminal(scenario, folder, stranger)
    assert len(set(screen.drawn)) > 3
    assert [
        each for each in screen.drawn if "since the trigger" not in each and len(each) < COLUMNS - 1
    ] == []
    assert max(map(len, screen.drawn)) < COLUMNS
    assert [
        line for line in screen.lines if "since the trigger" in line or "\r" in line or "\x1b" in line
    ] == []
    assert screen.left == ""


@pytest.mark.parametrize(
    "environ", [{"CI": "true"}, {"TERM": "dumb"}, {"TERM": ""}, {"DEPLOYER_CI": "github"}], ids=str
)
def test_there_is_no_live_line_where_nobody_sits(
    environ: dict[str, str], folder: Path, stranger: Stranger
) -> None:
    screen = on_a_terminal("bad-token", folder, stranger, **environ)
    assert "\x1b" not in screen.raw
    assert "\r" not in screen.raw


def test_there_is_no_live_line_in_a_pipe(folder: Path, stranger: Stranger) -> None:
    with play("success", folder, stranger, {"TERM": "xterm", **plain(folder)}, speed=QUICK) as played:
        assert b"\r" not in played.end().out
