"""Files that others read are written safely."""

from __future__ import annotations

import errno
import os
import resource
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployer.ci.output import LogFile, Redactor, append, read, replace, size
from tests.skips import needs_root


def _log(path: Path, data: bytes) -> None:
    log = LogFile(path)
    try:
        log.write([data.decode()])
    finally:
        log.close()


every_writer = pytest.mark.parametrize("write", [append, replace, _log], ids=["append", "replace", "log"])


@every_writer
def test_a_file_is_made(write: Callable[[Path, bytes], None], tmp_path: Path) -> None:
    previous = os.umask(0o022)
    try:
        write(tmp_path / "new", b"a")
    finally:
        os.umask(previous)
    assert ((tmp_path / "new").read_text().strip(), stat.S_IMODE((tmp_path / "new").stat().st_mode)) == (
        "a",
        0o644,
    )


@every_writer
@pytest.mark.parametrize("there", [True, False], ids=["to-a-file", "to-nothing"])
def test_a_symbolic_link_is_never_written_through(
    write: Callable[[Path, bytes], None], there: bool, tmp_path: Path
) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    if there:
        target.write_text("kept")
    link.symlink_to(target)
    with pytest.raises(OSError):  # noqa: PT011 — the words are the system's
        write(link, b"a")
    assert (target.exists(), target.read_text() if there else "") == (there, "kept" if there else "")


@every_writer
@pytest.mark.parametrize("read_by_somebody", [True, False], ids=["with-a-reader", "without"])
def test_a_fifo_is_refused_and_does_not_hang(
    write: Callable[[Path, bytes], None], read_by_somebody: bool, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK) if read_by_somebody else None
    with pytest.raises(OSError):  # noqa: PT011
        write(fifo, b"a")
    if reader is not None:
        os.close(reader)


@every_writer
@pytest.mark.parametrize("path", ["/dev/null", "/tmp", "/nowhere/at/all"])
def test_what_is_no_regular_file_is_refused(write: Callable[[Path, bytes], None], path: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011
        write(Path(path), b"a")


@every_writer
@needs_root("nobody else can give files away")
@pytest.mark.parametrize(
    ("already", "owner"), [(False, (1001, 127)), (True, (0, 0))], ids=["made-by-us", "already-there"]
)
def test_root_gives_what_it_makes_to_the_owner_of_the_folder(
    write: Callable[[Path, bytes], None],
    already: bool,
    owner: tuple[int, int],
    tmp_path: Path,
) -> None:
    os.chown(tmp_path, 1001, 127)
    path = tmp_path / "file"
    if already:
        path.touch()
        os.chown(path, 0, 0)
    write(path, b"a")
    assert (path.stat().st_uid, path.stat().st_gid) == owner


@pytest.mark.parametrize(
    ("already", "then"),
    [
        pytest.param(b"", b"k=v\n", id="empty"),
        pytest.param(b"prev=1", b"prev=1\nk=v\n", id="a-missing-line-break-is-mended"),
        pytest.param(b"prev=1\n", b"prev=1\nk=v\n", id="nothing-to-mend"),
    ],
)
def test_append(already: bytes, then: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(already)
    append(path, b"k=v\n")
    assert path.read_bytes() == then


def test_replace_leaves_nothing_of_the_old_and_keeps_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a long text")
    number = path.stat().st_ino
    replace(path, b"short")
    assert (path.read_bytes(), path.stat().st_ino) == (b"short", number)


def test_a_log_begins_empty_and_keeps_every_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("of yesterday")
    redact = Redactor()
    redact.add("s3cr3t-token")
    log = LogFile(path, redact)
    log.write(["a", "the s3cr3t-token"])
    log.write([])
    log.write(["\udcff é"])
    log.close()
    assert path.read_text("utf-8") == "a\nthe ***\n? é\n"


@pytest.mark.parametrize("write", [append, replace])
def test_half_a_write_is_taken_back(
    write: Callable[[Path, bytes], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an output fails the step on GitHub; half a line spoils GitLab's whole report."""
    path = tmp_path / "file"
    path.write_bytes(b"before\n")
    whole = os.write

    def half(number: int, data: bytes) -> int:
        if len(data) <= 2:
            raise OSError(errno.ENOSPC, "full")
        return whole(number, data[:2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="full"):
        write(path, b"k=v\n")
    assert path.read_bytes() == b"before\n"


@pytest.fixture
def full_disk() -> Iterator[Callable[[int], None]]:
    """No file may become larger than so many bytes: the kernel refuses as a full disk does, in the middle of a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("write", [append, replace])
@pytest.mark.parametrize("room", [0, 3, 5000], ids=lambda room: f"room-for-{room}")
def test_a_full_disk_leaves_what_others_wrote(
    write: Callable[[Path, bytes], None], room: int, full_disk: Callable[[int], None], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    before = b"OTHERS=1\n" * 1000
    path.write_bytes(before)
    full_disk(len(before) + room)
    with pytest.raises(OSError, match="large"):
        write(path, b"k=v\n" * 4000)
    assert path.read_bytes() == before


def test_a_full_disk_takes_what_is_not_longer_than_before(
    full_disk: Callable[[int], None], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    full_disk(1000)
    replace(path, b"short")
    assert path.read_bytes() == b"short"


def test_what_others_append_meanwhile_is_not_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before\n")
    whole = os.write

    def half(number: int, data: bytes) -> int:
        if data != b"status=finished\n":
            with path.open("ab") as others:
                others.write(b"OTHERS=1\n")
            raise OSError(errno.ENOSPC, "full")
        return whole(number, data[:2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="full"):
        append(path, b"status=finished\n")
    assert path.read_bytes() == b"before\nstOTHERS=1\n"


def test_reading_has_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    os.mkfifo(tmp_path / "fifo")
    assert (read(path, 5), size(path), size(tmp_path / "none")) == (b"12345", 5, 0)
    for wrong, limit in ((path, 4), (tmp_path / "fifo", 4), (tmp_path / "none", 4)):
        with pytest.raises(OSError):  # noqa: PT011
            read(wrong, limit)
