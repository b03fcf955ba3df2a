"""The only writer of stdout, and the status line."""

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


class Scripted(Stdout):
    """A stdout that meets one fate per write: it takes so many bytes, or raises."""

    def __init__(self, *fates: int | OSError | ValueError) -> None:
        super().__init__()
        self.fates = list(fates)
        self.asked = 0

    def write(self, data: Any, /) -> int:
        self.asked += 1
        fate = self.fates.pop(0) if self.fates else len(data)
        if not isinstance(fate, int):
            raise fate
        return super().write(data[:fate])


# --- The writer


def test_a_line_stays_one_line() -> None:
    stdout = Stdout()
    Writer(stdout, Redactor()).line("a\r\nb\rc\nd\udcff é")
    assert stdout.writes == ["a b c d? é\n".encode()]


def test_a_closed_pipe_is_written_to_once() -> None:
    stdout = Scripted(BrokenPipeError())
    writer = Writer(stdout, Redactor())
    writer.line("a")
    writer.line("b")
    assert (stdout.asked, stdout.writes) == (1, [])


def test_the_reader_of_a_real_pipe_may_leave() -> None:
    reader, ours = os.pipe()
    with os.fdopen(ours, "wb", buffering=0) as stdout:
        writer = Writer(stdout, Redactor())
        writer.line("a")
        os.close(reader)
        writer.line("b")
        writer.line("c")


@pytest.mark.parametrize(
    "fate", [OSError(errno.ENOSPC, "full"), OSError(errno.EIO, "gone"), ValueError("closed file")], ids=str
)
def test_what_cannot_be_written_is_dropped_and_the_next_line_is_tried(fate: OSError | ValueError) -> None:
    stdout = Scripted(fate)
    writer = Writer(stdout, Redactor())
    writer.line("a")
    writer.line("b")
    assert stdout.text == "b\n"


@needs_linux("nothing else has /dev/full")
def test_a_full_disk_is_survived() -> None:
    with Path("/dev/full").open("wb") as stdout:
        Writer(stdout, Redactor()).line("a")
        with pytest.raises(OSError, match="No space"):
            stdout.close()


def test_a_closed_stdout_is_survived() -> None:
    stdout = io.BytesIO()
    stdout.close()
    Writer(stdout, Redactor(), terminal=True).status("a")
    Writer(stdout, Redactor()).line("a")


def test_what_was_taken_in_part_is_finished() -> None:
    stdout = Scripted(2, 1)
    Writer(stdout, Redactor()).line("abcdef")
    assert stdout.writes == [b"ab", b"c", b"def\n"]


def test_after_half_a_line_the_next_one_begins_a_line() -> None:
    stdout = Scripted(2, OSError(errno.ENOSPC, "full"), OSError(errno.ENOSPC, "full"))
    writer = Writer(stdout, Redactor())
    writer.line("##")
    writer.line("lost")
    writer.line("[error]x")
    writer.line("y")
    assert stdout.text == "##\n[error]x\ny\n"


@pytest.mark.parametrize("buffering", [0, 1024], ids=["raw", "buffered"])
def test_a_stdout_that_does_not_block_is_waited_for(buffering: int) -> None:
    reader, ours = os.pipe()
    os.set_blocking(ours, False)
    said = [f"{number} {'x' * 3000}" for number in range(100)]
    heard = bytearray()

    def listen() -> None:
        while part := os.read(reader, 5000):
            heard.extend(part)

    listener = threading.Thread(target=listen)
    with os.fdopen(ours, "wb", buffering=buffering) as stdout:
        writer = Writer(stdout, Redactor())
        writer.line(said[0])
        listener.start()
        for line in said[1:]:
            writer.line(line)
        os.set_blocking(ours, True)
    listener.join()
    os.close(reader)
    assert lines(heard.decode()) == said


def test_a_stdout_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is waited for, five times for a second; afterwards the watch is not held up."""
    waits: list[float] = []
    monkeypatch.setattr("select.select", lambda *given: waits.append(given[3]))
    reader, ours = os.pipe()
    os.set_blocking(ours, False)
    with os.fdopen(ours, "wb", buffering=0) as stdout:
        while stdout.write(b"x" * 4096):
            pass
        writer = Writer(stdout, Redactor())
        for _ in range(3):
            writer.line("lost")
        assert waits == [1.0] * 5
        os.read(reader, 65536)
        writer.line("heard")
    assert os.read(reader, 100) == b"heard\n"
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
        pytest.param("e\u0301e\u0301e", 3, "e\u0301e\u0301", id="accents-take-no-room"),
        pytest.param("a\x1b[2J\r\nb\u202ec\udcff", 80, "a[2J bc", id="nothing-moves-the-cursor"),
    ],
)
def test_the_status_fits_and_keeps_still(text: str, columns: int, shown: str) -> None:
    stdout = Stdout()
    terminal(stdout, columns).status(text)
    assert stdout.text == f"\r\x1b[2K{shown}"


def test_a_secret_is_not_in_the_status_even_if_controls_divide_it() -> None:
    stdout = Stdout()
    redact = Redactor()
    redact.add("s3cr3t-token")
    Writer(stdout, redact, terminal=True, columns=lambda: 12).status("ab s3cr3t\x00-to\x1bken")
    assert stdout.text == "\r\x1b[2Kab ***"


def test_the_width_of_what_is_no_terminal_is_the_usual_one() -> None:
    stdout = Stdout()
    Writer(stdout, Redactor(), terminal=True).status("x" * 100)
    assert stdout.text == "\r\x1b[2K" + "x" * 79
