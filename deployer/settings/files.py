"""Files that the user names: read whole, but never one that has no end, and with every failure as one sentence."""

from __future__ import annotations

from pathlib import Path

from deployer import regular_file

NOT_UTF_8 = "is not written in UTF-8"
UTF_16 = "is written in UTF-16. Save it as UTF-8"


def read_bytes(path: str, largest: int) -> bytes:
    """A regular file of at most `largest` bytes. Raises ValueError with the sentence for people."""
    try:
        return regular_file.read(Path(path), largest)
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
