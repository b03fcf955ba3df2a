"""Reads files that an input names.

Completely, never one without an end, and with every failure as one sentence.
"""

from __future__ import annotations

from pathlib import Path

from deployer import regular_file

NOT_UTF_8 = "is not encoded in UTF-8"
UTF_16 = "is encoded in UTF-16. Save it as UTF-8"


def read_bytes(path: str, max_bytes: int) -> bytes:
    """The content of a regular file of at most `max_bytes`.

    Raises ValueError with a sentence for the user.
    """
    try:
        return regular_file.read(Path(path), max_bytes)
    except OSError as error:
        raise ValueError(f"could not be read: {error.strerror}") from error


def read_text(path: str, max_bytes: int) -> str:
    """The content of a regular file as UTF-8 text, without a byte order mark.

    Raises ValueError without any of the content.
    """
    data = read_bytes(path, max_bytes)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data:
        raise ValueError(UTF_16)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(NOT_UTF_8) from None
