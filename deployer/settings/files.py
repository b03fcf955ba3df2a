"""Files that the user names: read whole, but never one that has no end, and with every failure as one sentence."""

from __future__ import annotations

import os
import stat
from pathlib import Path

NOT_UTF_8 = "is not written in UTF-8"
UTF_16 = "is written in UTF-16. Save it as UTF-8"


def read_bytes(path: str, largest: int) -> bytes:
    """A regular file of at most `largest` bytes. Raises ValueError with the sentence for people; a pipe or device is not opened."""
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("is no regular file")
        if status.st_size > largest:
            raise ValueError(f"is larger than {largest // 1024} KiB")
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            return file.read(largest + 1)[:largest]  # it may have become another file since
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error


def read_text(path: str, largest: int) -> str:
    """The same as text in UTF-8, with or without its mark at the beginning. Raises ValueError, never with any of the text."""
    data = read_bytes(path, largest)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data:
        raise ValueError(UTF_16)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(NOT_UTF_8) from None
