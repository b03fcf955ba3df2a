"""Output that is not written yet: nothing is lost while stdout is read, and a stalled reader is given up."""

from __future__ import annotations

import array
import fcntl
import io
import os
import pty
import select
import signal
import socket
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest

from deployer.ci.output import Backlog, Stream, backlog, pieces
from deployer.ci.output.pieces import MAX_PIECE_CHARS

LINE = b"x" * 1000 + b"\n"


def pipe() -> tuple[int, int]:
    return os.pipe()


def terminal() -> tuple[int, int]:
    reader, writer = pty.openpty()
    tty.setraw(writer)
    return reader, writer


def unix_socket() -> tuple[int, int]:
    reader, writer = socket.socketpair()
    return reader.detach(), writer.detach()


KINDS = [pipe, terminal, unix_socket]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))


@dataclass
class Stdout:
    """A backlog in front of a stdout that is not read yet, with a clock that advances by itself."""

    reader: int
    stream: io.RawIOBase
    tick: float = 0.0
    """Seconds that pass with each reading of the clock."""
    now: float = 1000.0
    stopped_at: float | None = None
    received: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.backlog = Backlog(cast("Stream", self.stream), self.clock, self.interrupted)

    def clock(self) -> float:
        self.now += self.tick
        return self.now

    def interrupted(self) -> float | None:
        return None if self.stopped_at is None else self.now - self.stopped_at

    def seconds_of(self, call: Callable[[], object]) -> float:
        """Return how many of its seconds a call took."""
        start = self.now
        call()
        return self.now - start

    def read(self, size: int) -> None:
        """Read until so many bytes were received."""
        while len(self.received) < size:
            part = os.read(self.reader, 65536)
            assert part
            self.received += part

    def reading(self, size: int) -> threading.Thread:
        thread = threading.Thread(target=self.read, args=(size,))
        thread.start()
        return thread


@pytest.fixture
def make_stdout() -> Iterator[Callable[..., Stdout]]:
    opened: list[Stdout] = []

    def make(kind: Callable[[], tuple[int, int]] = pipe, tick: float = 0.0) -> Stdout:
        reader, writer = kind()
        stream = os.fdopen(writer, "wb", buffering=0)
        stdout = Stdout(reader, stream, tick)
        opened.append(stdout)
        return stdout

    yield make
    for stdout in opened:
        os.close(stdout.reader)  # ends a thread that still writes
        stdout.backlog.drain()
        for thread in [thread for thread in threading.enumerate() if thread.name == "stdout"]:
            thread.join(30)
            assert not thread.is_alive()
        stdout.stream.close()


def write_lines(stdout: Stdout, size: int) -> bytes:
    """Write distinct lines of so many bytes in all, which are not read."""
    lines = [str(number).encode().rjust(1000) + b"\n" for number in range(size // len(LINE))]
    for line in lines:
        assert stdout.backlog.write(line) == len(line)
    full = select.poll()
    full.register(stdout.stream, select.POLLOUT)
    while full.poll(0):  # until the thread has written all that it can
        time.sleep(0.001)
    return b"".join(lines)


@every_kind
def test_output_that_is_not_read_yet_is_kept_in_order(
    kind: Callable[[], tuple[int, int]], make_stdout: Callable[..., Stdout]
) -> None:
    stdout = make_stdout(kind)
    printed = write_lines(stdout, 1 << 20)
    reader = stdout.reading(len(printed))
    stdout.backlog.drain()
    reader.join()
    assert stdout.received == printed


@every_kind
def test_output_that_is_never_read_delays_the_end_only_briefly(
    kind: Callable[[], tuple[int, int]], make_stdout: Callable[..., Stdout]
) -> None:
    stdout = make_stdout(kind, tick=1.0)
    write_lines(stdout, 1 << 20)
    assert stdout.seconds_of(stdout.backlog.drain) == pytest.approx(backlog.LAST_STALL_SECONDS, abs=3)


def test_the_flags_of_a_shared_stdout_are_unchanged(make_stdout: Callable[..., Stdout]) -> None:
    stdout = make_stdout(tick=1.0)
    before = fcntl.fcntl(stdout.backlog.fileno(), fcntl.F_GETFL)
    write_lines(stdout, 1 << 20)
    assert fcntl.fcntl(stdout.backlog.fileno(), fcntl.F_GETFL) == before


def test_a_slow_reader_is_awaited_at_the_end(
    make_stdout: Callable[..., Stdout],
) -> None:
    stdout = make_stdout(tick=0.1)
    printed = write_lines(stdout, 256 * 1024)

    def read_slowly() -> None:
        while len(stdout.received) < len(printed):
            time.sleep(0.002)
            stdout.received.extend(os.read(stdout.reader, 16384))

    reader = threading.Thread(target=read_slowly)
    reader.start()
    stdout.backlog.drain()
    reader.join()
    assert stdout.received == printed


def test_a_very_slow_reader_is_not_awaited_forever(
    make_stdout: Callable[..., Stdout], monkeypatch: pytest.MonkeyPatch
) -> None:
    stdout = make_stdout(tick=1.0)
    write_lines(stdout, 1 << 20)
    monkeypatch.setattr(stdout.backlog, "_progress", threading.Event())

    def read_a_little(_: float) -> None:
        os.read(stdout.reader, 8192)
        # On a busy machine the writing thread may not run for a while: that is no stall.
        until = time.monotonic() + 1
        while _unread(stdout.reader) < PIPE_FILLED_BYTES and time.monotonic() < until:
            os.sched_yield()

    monkeypatch.setattr(stdout.backlog._progress, "wait", read_a_little)
    assert stdout.seconds_of(stdout.backlog.drain) == pytest.approx(backlog.LAST_SECONDS, abs=3)


PIPE_FILLED_BYTES = 48 * 1024
"""Most of a pipe's buffer."""


def _unread(pipe: int) -> int:
    """How many bytes are waiting in a pipe."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


@pytest.mark.parametrize(
    ("since_signal", "takes"), [(0.0, backlog.INTERRUPTED_STALL_SECONDS), (7.0, 0.5), (60.0, 0.0)]
)
def test_a_cancelled_job_waits_only_for_the_time_it_has_left(
    since_signal: float, takes: float, make_stdout: Callable[..., Stdout]
) -> None:
    stdout = make_stdout(tick=0.25)
    write_lines(stdout, 1 << 20)
    stdout.stopped_at = stdout.now - since_signal
    assert stdout.seconds_of(stdout.backlog.drain) == pytest.approx(takes, abs=0.8)


def test_the_backlog_is_bounded_and_a_stall_is_awaited_once(make_stdout: Callable[..., Stdout]) -> None:
    stdout = make_stdout(tick=0.5)
    assert stdout.seconds_of(lambda: write_lines(stdout, backlog.MAX_BYTES)) == 0
    write_lines(stdout, 1 << 20)
    assert stdout.seconds_of(stdout.backlog.has_room) == pytest.approx(backlog.STALL_SECONDS, abs=1.5)
    assert not stdout.backlog.has_room()
    assert stdout.seconds_of(stdout.backlog.has_room) == 0


def test_there_is_room_again_once_half_was_read(make_stdout: Callable[..., Stdout]) -> None:
    stdout = make_stdout(tick=0.5)
    printed = write_lines(stdout, backlog.MAX_BYTES + (1 << 20))
    assert not stdout.backlog.has_room()
    stdout.read(len(printed) // 4)
    assert not stdout.backlog.has_room()
    stdout.read(len(printed) * 3 // 4)
    assert stdout.backlog.has_room()


def test_a_slow_reader_is_awaited_for_room(make_stdout: Callable[..., Stdout]) -> None:
    stdout = make_stdout(tick=0.001)
    printed = write_lines(stdout, backlog.MAX_BYTES + (1 << 20))
    reader = stdout.reading(len(printed))
    assert stdout.backlog.has_room()
    reader.join()
    stdout.backlog.drain()
    assert stdout.received == printed


def test_a_cancelled_job_does_not_wait_for_room(make_stdout: Callable[..., Stdout]) -> None:
    stdout = make_stdout(tick=0.25)
    write_lines(stdout, backlog.MAX_BYTES + (1 << 20))
    stdout.stopped_at = stdout.now - 60
    assert stdout.seconds_of(stdout.backlog.has_room) <= 1


def test_the_thread_ends_once_all_is_written_and_starts_again(make_stdout: Callable[..., Stdout]) -> None:
    stdout = make_stdout()
    for _ in range(2):
        before = threading.active_count()
        stdout.backlog.write(b"a\n")
        assert threading.active_count() == before + 1
        stdout.backlog.drain()
        assert threading.active_count() == before
    assert os.read(stdout.reader, 100) == b"a\na\n"


def test_without_a_thread_output_is_written_directly(
    make_stdout: Callable[..., Stdout], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    stdout = make_stdout()
    stdout.backlog.write(b"a\n")
    assert os.read(stdout.reader, 100) == b"a\n"
    stdout.backlog.drain()


def test_signals_are_left_to_the_main_thread(make_stdout: Callable[..., Stdout]) -> None:
    """A signal in the other thread would not interrupt a sleep or a read in the main thread."""
    stdout, masks = make_stdout(), []

    class Recording:
        def write(self, data: bytes) -> int:
            masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))
            return len(data)

        def flush(self) -> None: ...
        def fileno(self) -> int:
            return 1

    recording = Backlog(Recording(), stdout.clock, stdout.interrupted)
    recording.write(b"a\n")
    recording.drain()
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM} <= set(masks[0])


# --- lines that are too long


@pytest.mark.parametrize(
    "length", [0, 1, MAX_PIECE_CHARS, MAX_PIECE_CHARS + 1, 3 * MAX_PIECE_CHARS, 5_000_000]
)
def test_a_long_line_is_cut_into_pieces_without_loss(length: int) -> None:
    line = ("0123456789" * (length // 10 + 1))[:length]
    cut = pieces(line)
    assert ("".join(cut), max(map(len, cut)) <= MAX_PIECE_CHARS, len(cut)) == (
        line,
        True,
        max(1, -(-length // MAX_PIECE_CHARS)),
    )


@pytest.mark.parametrize("color", ["\x1b[31m", "\x1b[0m", "\x9b4:3m", "\x1b[38;2;255;100;0m"])
def test_a_color_sequence_is_not_cut(color: str) -> None:
    for before in range(len(color) + 1):
        line = "x" * (MAX_PIECE_CHARS - before) + color + "y" * MAX_PIECE_CHARS
        cut = pieces(line)
        assert "".join(cut) == line
        assert sum(color in piece for piece in cut) == 1


@pytest.mark.parametrize("line", ["\x1b[" + "1" * 100_000, "\x1b" * 100_000, "\x1b[;" * 100_000])
def test_other_sequences_are_cut(line: str) -> None:
    cut = pieces(line)
    assert ("".join(cut), max(map(len, cut)) <= MAX_PIECE_CHARS) == (line, True)
