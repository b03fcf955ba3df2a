"""Files that other programs read are written safely."""

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
def test_a_file_is_created(write: Callable[[Path, bytes], None], tmp_path: Path) -> None:
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
@pytest.mark.parametrize("exists", [True, False], ids=["to-a-file", "dangling"])
def test_a_symbolic_link_is_not_followed(
    write: Callable[[Path, bytes], None], exists: bool, tmp_path: Path
) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    if exists:
        target.write_text("kept")
    link.symlink_to(target)
    with pytest.raises(OSError):  # noqa: PT011 — the message is the system's
        write(link, b"a")
    assert (target.exists(), target.read_text() if exists else "") == (exists, "kept" if exists else "")


@every_writer
@pytest.mark.parametrize("has_reader", [True, False], ids=["with-a-reader", "without"])
def test_a_fifo_is_refused_and_does_not_hang(
    write: Callable[[Path, bytes], None], has_reader: bool, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK) if has_reader else None
    with pytest.raises(OSError):  # noqa: PT011
        write(fifo, b"a")
    if reader is not None:
        os.close(reader)


@every_writer
@pytest.mark.parametrize("path", ["/dev/null", "/tmp", "/nowhere/at/all"])
def test_other_files_are_refused(write: Callable[[Path, bytes], None], path: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011
        write(Path(path), b"a")


@every_writer
@needs_root("only root can change owners")
@pytest.mark.parametrize(
    ("existing", "owner"), [(False, (1001, 127)), (True, (0, 0))], ids=["new", "existing"]
)
def test_root_gives_new_files_to_the_owner_of_the_folder(
    write: Callable[[Path, bytes], None],
    existing: bool,
    owner: tuple[int, int],
    tmp_path: Path,
) -> None:
    os.chown(tmp_path, 1001, 127)
    path = tmp_path / "file"
    if existing:
        path.touch()
        os.chown(path, 0, 0)
    write(path, b"a")
    assert (path.stat().st_uid, path.stat().st_gid) == owner


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        pytest.param(b"", b"k=v\n", id="empty"),
        pytest.param(b"prev=1", b"prev=1\nk=v\n", id="missing-line-break-is-added"),
        pytest.param(b"prev=1\n", b"prev=1\nk=v\n", id="with-a-line-break"),
    ],
)
def test_append(existing: bytes, expected: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(existing)
    append(path, b"k=v\n")
    assert path.read_bytes() == expected


def test_replace_overwrites_the_content_and_keeps_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a long text")
    inode = path.stat().st_ino
    replace(path, b"short")
    assert (path.read_bytes(), path.stat().st_ino) == (b"short", inode)


def test_a_log_file_starts_empty_and_keeps_every_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("of an earlier run")
    redact = Redactor()
    redact.add("s3cr3t-token")
    log = LogFile(path, redact)
    log.write(["a", "the s3cr3t-token"])
    log.write([])
    log.write(["\udcff é"])
    log.close()
    assert path.read_text("utf-8") == "a\nthe ***\n? é\n"


@pytest.mark.parametrize("write", [append, replace])
def test_a_partial_write_is_undone(
    write: Callable[[Path, bytes], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partial output fails the step on GitHub; a partial line invalidates GitLab's whole report."""
    path = tmp_path / "file"
    path.write_bytes(b"before\n")
    write_all = os.write

    def half(inode: int, data: bytes) -> int:
        if len(data) <= 2:
            raise OSError(errno.ENOSPC, "full")
        return write_all(inode, data[:2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="full"):
        write(path, b"k=v\n")
    assert path.read_bytes() == b"before\n"


@pytest.fixture
def full_disk() -> Iterator[Callable[[int], None]]:
    """Limit the size of files, so that a write fails halfway as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("write", [append, replace])
@pytest.mark.parametrize("room", [0, 3, 5000], ids=lambda room: f"room-for-{room}")
def test_a_full_disk_keeps_existing_content(
    write: Callable[[Path, bytes], None], room: int, full_disk: Callable[[int], None], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    before = b"OTHERS=1\n" * 1000
    path.write_bytes(before)
    full_disk(len(before) + room)
    with pytest.raises(OSError, match="large"):
        write(path, b"k=v\n" * 4000)
    assert path.read_bytes() == before


def test_replace_on_a_full_disk_may_shorten_a_file(full_disk: Callable[[int], None], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    full_disk(1000)
    replace(path, b"short")
    assert path.read_bytes() == b"short"


def test_content_appended_meanwhile_is_not_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before\n")
    write_all = os.write

    def half(inode: int, data: bytes) -> int:
        if data != b"status=finished\n":
            with path.open("ab") as others:
                others.write(b"OTHERS=1\n")
            raise OSError(errno.ENOSPC, "full")
        return write_all(inode, data[:2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="full"):
        append(path, b"status=finished\n")
    assert path.read_bytes() == b"before\nstOTHERS=1\n"


def test_reading_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    os.mkfifo(tmp_path / "fifo")
    assert (read(path, 5), size(path), size(tmp_path / "none")) == (b"12345", 5, 0)
    for path_refused, limit in ((path, 4), (tmp_path / "fifo", 4), (tmp_path / "none", 4)):
        with pytest.raises(OSError):  # noqa: PT011
            read(path_refused, limit)
