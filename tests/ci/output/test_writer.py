"""The writer of stdout, and the status line."""

from __future__ import annotations

import errno
import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from deployer.ci.output import Redactor, Stream, Writer, lines
from tests.ci.decoders import Stdout
from tests.skips import needs_linux

# --- The fakes


class ScriptedStdout(Stdout):
    """A stdout with one result per write: the number of bytes it accepts, or an error."""

    def __init__(self, *results: int | OSError | ValueError) -> None:
        super().__init__()
        self.results = list(results)
        self.attempts = 0

    def write(self, data: Any, /) -> int:
        self.attempts += 1
        result = self.results.pop(0) if self.results else len(data)
        if not isinstance(result, int):
            raise result
        return super().write(data[:result])


# --- The writer


def test_a_line_is_printed_as_one_line() -> None:
    stdout = Stdout()
    Writer(stdout, Redactor()).line("a\r\nb\rc\nd\udcff é")
    assert stdout.writes == ["a b c d? é\n".encode()]


def test_a_closed_pipe_is_written_to_once() -> None:
    stdout = ScriptedStdout(BrokenPipeError())
    writer = Writer(stdout, Redactor())
    writer.line("a")
    writer.line("b")
    assert (stdout.attempts, stdout.writes) == (1, [])


def test_a_pipe_may_be_closed_by_its_reader() -> None:
    reader, write_end = os.pipe()
    with os.fdopen(write_end, "wb", buffering=0) as stdout:
        writer = Writer(stdout, Redactor())
        writer.line("a")
        os.close(reader)
        writer.line("b")
        writer.line("c")


@pytest.mark.parametrize(
    "result", [OSError(errno.ENOSPC, "full"), OSError(errno.EIO, "gone"), ValueError("closed file")], ids=str
)
def test_a_line_that_cannot_be_written_is_dropped(result: OSError | ValueError) -> None:
    stdout = ScriptedStdout(result)
    writer = Writer(stdout, Redactor())
    writer.line("a")
    writer.line("b")
    assert stdout.text == "b\n"


@needs_linux("/dev/full exists nowhere else")
def test_a_full_disk_raises_nothing() -> None:
    with Path("/dev/full").open("wb") as stdout:
        Writer(stdout, Redactor()).line("a")
        with pytest.raises(OSError, match="No space"):
            stdout.close()


def test_a_closed_stdout_raises_nothing() -> None:
    stdout = io.BytesIO()
    stdout.close()
    Writer(stdout, Redactor(), terminal=True).status("a")
    Writer(stdout, Redactor()).line("a")


def test_a_partial_write_is_completed() -> None:
    stdout = ScriptedStdout(2, 1)
    Writer(stdout, Redactor()).line("abcdef")
    assert stdout.writes == [b"ab", b"c", b"def\n"]


def test_after_a_partial_line_the_next_line_starts_anew() -> None:
    stdout = ScriptedStdout(2, OSError(errno.ENOSPC, "full"), OSError(errno.ENOSPC, "full"))
    writer = Writer(stdout, Redactor())
    writer.line("##")
    writer.line("lost")
    writer.line("[error]x")
    writer.line("y")
    assert stdout.text == "##\n[error]x\ny\n"


@pytest.mark.parametrize("buffering", [0, 1024], ids=["raw", "buffered"])
def test_a_non_blocking_stdout_is_awaited(buffering: int) -> None:
    reader, write_end = os.pipe()
    os.set_blocking(write_end, False)
    printed = [f"{number} {'x' * 3000}" for number in range(100)]
    received = bytearray()

    def listen() -> None:
        while part := os.read(reader, 5000):
            received.extend(part)

    listener = threading.Thread(target=listen)
    with os.fdopen(write_end, "wb", buffering=buffering) as stdout:
        writer = Writer(stdout, Redactor())
        writer.line(printed[0])
        listener.start()
        for line in printed[1:]:
            writer.line(line)
        os.set_blocking(write_end, True)
    listener.join()
    os.close(reader)
    assert lines(received.decode()) == printed


def test_a_stdout_that_is_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is awaited for five seconds once; later lines do not delay the run."""
    waits: list[float] = []
    monkeypatch.setattr("select.select", lambda *arguments: waits.append(arguments[3]))
    reader, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with os.fdopen(write_end, "wb", buffering=0) as stdout:
        while stdout.write(b"x" * 4096):
            pass
        writer = Writer(stdout, Redactor())
        for _ in range(3):
            writer.line("lost")
        assert waits == [1.0] * 5
        os.read(reader, 65536)
        writer.line("received")
    assert os.read(reader, 100) == b"received\n"
    os.close(reader)


# --- The status line


def terminal(stdout: Stream, columns: int = 80) -> Writer:
    return Writer(stdout, Redactor(), terminal=True, columns=lambda: columns)


def test_the_status_is_redrawn_and_cleared_before_each_line() -> None:
    stdout = Stdout()
    writer = terminal(stdout)
    writer.status("building")
    writer.status("still building")
    writer.line("a line")
    writer.line("another")
    writer.status("building")
    writer.line("the last")
    assert stdout.writes == [
        b"\r\x1b[2Kbuilding",
        b"\r\x1b[2Kstill building",
        b"\r\x1b[2Ka line\n",
        b"another\n",
        b"\r\x1b[2Kbuilding",
        b"\r\x1b[2Kthe last\n",
    ]


def test_without_a_terminal_there_is_no_status() -> None:
    stdout = Stdout()
    writer = Writer(stdout, Redactor())
    writer.status("building")
    assert stdout.writes == []


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        pytest.param("0123456789", 10, "012345678", id="one-column-stays-free"),
        pytest.param("中文字", 6, "中文", id="wide-characters"),
        pytest.param("e\u0301e\u0301e", 3, "e\u0301e\u0301", id="combining-characters-have-no-width"),
        pytest.param("a\x1b[2J\r\nb\u202ec\udcff", 80, "a[2J bc", id="controls-are-removed"),
    ],
)
def test_the_status_fits_in_one_line(text: str, columns: int, shown: str) -> None:
    stdout = Stdout()
    terminal(stdout, columns).status(text)
    assert stdout.text == f"\r\x1b[2K{shown}"


def test_a_secret_with_controls_in_it_is_redacted_in_the_status() -> None:
    stdout = Stdout()
    redact = Redactor()
    redact.add("s3cr3t-token")
    Writer(stdout, redact, terminal=True, columns=lambda: 12).status("ab s3cr3t\x00-to\x1bken")
    assert stdout.text == "\r\x1b[2Kab ***"


def test_without_a_terminal_width_the_default_is_used() -> None:
    stdout = Stdout()
    Writer(stdout, Redactor(), terminal=True).status("x" * 100)
    assert stdout.text == "\r\x1b[2K" + "x" * 79
