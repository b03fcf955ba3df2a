"""Writes files that others read: only regular ones, never through a link, owned like their folder.

https://cwe.mitre.org/data/definitions/59
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from deployer import regular_file

# Without O_NONBLOCK, opening a FIFO would block. Windows only has some of these flags.
_FLAGS = (
    getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_IRREGULAR = "not a regular file (a link, a pipe or a device)"


def append(path: Path, data: bytes) -> None:
    """Append the data on a line of its own, even if the file does not end in a line break (ci-formats 1.5.3).

    Raises OSError.

        Everything or nothing: half an output would fail the whole step on GitHub. What others append
        meanwhile stays.
    """
    with _Open(path, os.O_RDWR | os.O_APPEND) as file:
        if end := os.fstat(file.number).st_size:
            data = data if file.read(end - 1, 1) == b"\n" else b"\n" + data
        file.append(data)


def replace(path: Path, data: bytes) -> None:
    """Replace the whole content in place.

    A file that is mounted into a container can't be replaced by renaming.

        Raises OSError, and leaves the old content as it was.
    """
    with _Open(path, os.O_RDWR) as file:
        end = os.fstat(file.number).st_size
        old = file.read(0, min(end, len(data)))
        try:
            # First what needs more room, since that is what fails on a full disk.
            file.write(data[len(old) :], at=len(old))
            file.write(data[: len(old)], at=0)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file.number, end)
                file.write(old, at=0)
            raise
        os.ftruncate(file.number, len(data))


def read(path: Path, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes. Raises OSError, also if it is larger."""
    try:
        return regular_file.read(path, limit)
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error), str(path)) from error


def size(path: Path) -> int:
    """The size of the file in bytes; 0 if it does not exist. Raises OSError."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


class LogFile:
    """Writes the build log as it arrives, to a file that starts empty. All methods raise OSError."""

    def __init__(self, path: Path, redact: Callable[[str], str] = str) -> None:
        """Open the file. `redact`: removes secrets from each line."""
        self._redact = redact
        self._file = _Open(path, os.O_WRONLY)
        os.ftruncate(self._file.number, 0)

    def write(self, lines: Iterable[str]) -> None:
        self._file.write("".join(f"{self._redact(line)}\n" for line in lines).encode("utf-8", "replace"))

    def close(self) -> None:
        self._file.close()


class _Open:
    """A regular file that is open for writing; it is created if it does not exist."""

    def __init__(self, path: Path, flags: int) -> None:
        self.path = path
        created = False
        try:
            self.number = os.open(path, flags | _FLAGS | _NO_LINK)
        except FileNotFoundError:
            # O_EXCL: do not take over a file that somebody else creates meanwhile. It refuses symbolic links
            # as well.
            self.number = os.open(path, flags | _FLAGS | _NO_LINK | os.O_CREAT | os.O_EXCL, 0o644)
            created = True
        except OSError as error:
            # A link, which may be /dev/stdout, or a pipe that nobody reads.
            if error.errno in {errno.ELOOP, errno.ENXIO}:
                raise OSError(error.errno, _IRREGULAR, str(path)) from None
            raise
        try:
            _must_be_regular(self.number, path)
            if created:
                _own_like_its_folder(self.number, path)
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, at: int, count: int) -> bytes:
        """`count` bytes from position `at` on; fewer at the end of the file."""
        os.lseek(self.number, at, os.SEEK_SET)
        data = b""
        while len(data) < count and (part := os.read(self.number, count - len(data))):
            data += part
        return data

    def write(self, data: bytes, *, at: int | None = None) -> None:
        """Write all data at position `at`, or where the last write ended."""
        if at is not None:
            os.lseek(self.number, at, os.SEEK_SET)
        while data:
            data = data[os.write(self.number, data) :]

    def append(self, data: bytes) -> None:
        """Write all data at the end (O_APPEND).

        On failure, remove what was written, unless somebody has written after it.
        """
        written = 0
        try:
            while written < len(data):
                written += os.write(self.number, data[written:])
        except OSError:
            with contextlib.suppress(OSError):
                here = os.lseek(self.number, 0, os.SEEK_CUR)
                if written and os.fstat(self.number).st_size == here:
                    os.ftruncate(self.number, here - written)
            raise

    def close(self) -> None:
        os.close(self.number)


def _must_be_regular(number: int, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(number).st_mode):
        raise OSError(errno.EINVAL, _IRREGULAR, str(path))


def _own_like_its_folder(number: int, path: Path) -> None:
    """Give the file the owner of its folder.

    The owner of a workspace must be able to delete what root creates (ci-formats 1.8).
    """
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        with contextlib.suppress(OSError):
            folder = path.parent.stat()
            os.fchown(number, folder.st_uid, folder.st_gid)
