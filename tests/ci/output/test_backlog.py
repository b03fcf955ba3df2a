"""What is still to be written to stdout: nothing is lost while somebody reads, and nobody waits for long where nobody does."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import select
import signal
import socket
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


def a_pipe() -> tuple[int, int]:
    return os.pipe()


def a_terminal() -> tuple[int, int]:
    reader, writer = pty.openpty()
    tty.setraw(writer)
    return reader, writer


def a_socket() -> tuple[int, int]:
    reader, writer = socket.socketpair()
    return reader.detach(), writer.detach()


KINDS = [a_pipe, a_terminal, a_socket]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))


@dataclass
class Scene:
    """A backlog before a stdout that nobody reads yet, on a clock that runs by itself."""

    reader: int
    stream: io.RawIOBase
    passing: float = 0.0
    """Seconds that pass whenever somebody looks at the clock."""
    now: float = 1000.0
    stopped_at: float | None = None
    heard: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.backlog = Backlog(cast("Stream", self.stream), self.clock, self.interrupted)

    def clock(self) -> float:
        self.now += self.passing
        return self.now

    def interrupted(self) -> float | None:
        return None if self.stopped_at is None else self.now - self.stopped_at

    def took(self, act: Callable[[], object]) -> float:
        """How many of its seconds something took."""
        began = self.now
        act()
        return self.now - began

    def read(self, least: int) -> None:
        """Until so many bytes were heard."""
        while len(self.heard) < least:
            part = os.read(self.reader, 65536)
            assert part
            self.heard += part

    def reading(self, least: int) -> threading.Thread:
        thread = threading.Thread(target=self.read, args=(least,))
        thread.start()
        return thread


@pytest.fixture
def scene_of() -> Iterator[Callable[..., Scene]]:
    scenes: list[Scene] = []

    def make(kind: Callable[[], tuple[int, int]] = a_pipe, passing: float = 0.0) -> Scene:
        reader, writer = kind()
        stream = os.fdopen(writer, "wb", buffering=0)
        context = Scene(reader, stream, passing)
        scenes.append(context)
        return context

    yield make
    for context in scenes:
        os.close(context.reader)  # then nobody will ever read, and a thread that still writes ends
        context.backlog.drain()
        for thread in [thread for thread in threading.enumerate() if thread.name == "stdout"]:
            thread.join(30)
            assert not thread.is_alive()
        context.stream.close()


def fill(context: Scene, size: int) -> bytes:
    """Lines of so many bytes in all, which nobody reads; each can be told from the others."""
    lines = [str(number).encode().rjust(1000) + b"\n" for number in range(size // len(LINE))]
    for line in lines:
        assert context.backlog.write(line) == len(line)
    full = select.poll()
    full.register(context.stream, select.POLLOUT)
    while full.poll(
        0
    ):  # until the thread has written all that it can: on a busy machine it may not have begun yet
        time.sleep(0.001)
    return b"".join(lines)


@every_kind
def test_what_nobody_reads_yet_is_kept_in_order(
    kind: Callable[[], tuple[int, int]], scene_of: Callable[..., Scene]
) -> None:
    context = scene_of(kind)
    said = fill(context, 1 << 20)
    reader = context.reading(len(said))
    context.backlog.drain()
    reader.join()
    assert context.heard == said


@every_kind
def test_what_nobody_ever_reads_holds_nobody_up_for_long(
    kind: Callable[[], tuple[int, int]], scene_of: Callable[..., Scene]
) -> None:
    context = scene_of(kind, passing=1.0)
    fill(context, 1 << 20)
    assert context.took(context.backlog.drain) == pytest.approx(backlog.LAST_STALL_SECONDS, abs=3)


def test_the_flags_of_a_stdout_that_others_share_are_left_alone(scene_of: Callable[..., Scene]) -> None:
    context = scene_of(passing=1.0)
    before = fcntl.fcntl(context.backlog.fileno(), fcntl.F_GETFL)
    fill(context, 1 << 20)
    assert fcntl.fcntl(context.backlog.fileno(), fcntl.F_GETFL) == before


def test_a_reader_that_takes_a_little_now_and_then_is_waited_for_at_the_end(
    scene_of: Callable[..., Scene],
) -> None:
    context = scene_of(passing=0.1)
    said = fill(context, 256 * 1024)

    def read_slowly() -> None:
        while len(context.heard) < len(said):
            time.sleep(0.002)
            context.heard.extend(os.read(context.reader, 16384))

    reader = threading.Thread(target=read_slowly)
    reader.start()
    context.backlog.drain()
    reader.join()
    assert context.heard == said


def test_a_reader_that_takes_next_to_nothing_is_not_waited_for_for_ever(
    scene_of: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = scene_of(passing=1.0)
    fill(context, 1 << 20)
    monkeypatch.setattr(context.backlog, "_progress", threading.Event())
    monkeypatch.setattr(context.backlog._progress, "wait", lambda _: os.read(context.reader, 8192))
    assert context.took(context.backlog.drain) == pytest.approx(backlog.LAST_SECONDS, abs=3)


@pytest.mark.parametrize(
    ("ago", "takes"), [(0.0, backlog.INTERRUPTED_STALL_SECONDS), (7.0, 0.5), (60.0, 0.0)]
)
def test_a_job_that_is_being_stopped_waits_as_long_as_it_may(
    ago: float, takes: float, scene_of: Callable[..., Scene]
) -> None:
    context = scene_of(passing=0.25)
    fill(context, 1 << 20)
    context.stopped_at = context.now - ago
    assert context.took(context.backlog.drain) == pytest.approx(takes, abs=0.8)


def test_what_waits_is_bounded_and_nobody_waits_for_it_twice(scene_of: Callable[..., Scene]) -> None:
    context = scene_of(passing=0.5)
    assert context.took(lambda: fill(context, backlog.MAX_BYTES)) == 0
    fill(context, 1 << 20)
    assert context.took(context.backlog.has_room) == pytest.approx(backlog.STALL_SECONDS, abs=1.5)
    assert not context.backlog.has_room()
    assert context.took(context.backlog.has_room) == 0


def test_there_is_room_again_when_half_of_it_was_read(scene_of: Callable[..., Scene]) -> None:
    context = scene_of(passing=0.5)
    said = fill(context, backlog.MAX_BYTES + (1 << 20))
    assert not context.backlog.has_room()
    context.read(len(said) // 4)
    assert not context.backlog.has_room()
    context.read(len(said) * 3 // 4)
    assert context.backlog.has_room()


def test_a_reader_that_is_only_slow_is_waited_for(scene_of: Callable[..., Scene]) -> None:
    context = scene_of(passing=0.001)
    said = fill(context, backlog.MAX_BYTES + (1 << 20))
    reader = context.reading(len(said))
    assert context.backlog.has_room()
    reader.join()
    context.backlog.drain()
    assert context.heard == said


def test_a_stopped_job_does_not_wait_for_room(scene_of: Callable[..., Scene]) -> None:
    context = scene_of(passing=0.25)
    fill(context, backlog.MAX_BYTES + (1 << 20))
    context.stopped_at = context.now - 60
    assert context.took(context.backlog.has_room) <= 1


def test_the_thread_ends_with_what_it_had_to_write_and_begins_anew(scene_of: Callable[..., Scene]) -> None:
    context = scene_of()
    for _ in range(2):
        before = threading.active_count()
        context.backlog.write(b"a\n")
        assert threading.active_count() == before + 1
        context.backlog.drain()
        assert threading.active_count() == before
    assert os.read(context.reader, 100) == b"a\na\n"


def test_where_no_thread_can_be_had_it_is_written_at_once(
    scene_of: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    context = scene_of()
    context.backlog.write(b"a\n")
    assert os.read(context.reader, 100) == b"a\n"
    context.backlog.drain()


def test_signals_are_left_to_the_main_thread(scene_of: Callable[..., Scene]) -> None:
    """One that the other thread got would not wake whoever sleeps or reads."""
    context, masks = scene_of(), []

    class Asked:
        def write(self, data: bytes) -> int:
            masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))
            return len(data)

        def flush(self) -> None: ...
        def fileno(self) -> int:
            return 1

    asked = Backlog(Asked(), context.clock, context.interrupted)
    asked.write(b"a\n")
    asked.drain()
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM} <= set(masks[0])


# --- a line that is too long


@pytest.mark.parametrize(
    "length", [0, 1, MAX_PIECE_CHARS, MAX_PIECE_CHARS + 1, 3 * MAX_PIECE_CHARS, 5_000_000]
)
def test_a_long_line_is_cut_into_pieces_and_nothing_is_lost(length: int) -> None:
    line = ("0123456789" * (length // 10 + 1))[:length]
    cut = pieces(line)
    assert ("".join(cut), max(map(len, cut)) <= MAX_PIECE_CHARS, len(cut)) == (
        line,
        True,
        max(1, -(-length // MAX_PIECE_CHARS)),
    )


@pytest.mark.parametrize("colour", ["\x1b[31m", "\x1b[0m", "\x9b4:3m", "\x1b[38;2;255;100;0m"])
def test_a_colour_is_not_cut(colour: str) -> None:
    for before in range(len(colour) + 1):
        line = "x" * (MAX_PIECE_CHARS - before) + colour + "y" * MAX_PIECE_CHARS
        cut = pieces(line)
        assert "".join(cut) == line
        assert sum(colour in piece for piece in cut) == 1


@pytest.mark.parametrize("line", ["\x1b[" + "1" * 100_000, "\x1b" * 100_000, "\x1b[;" * 100_000])
def test_what_is_no_colour_is_cut_all_the_same(line: str) -> None:
    cut = pieces(line)
    assert ("".join(cut), max(map(len, cut)) <= MAX_PIECE_CHARS) == (line, True)
