"""Reads a file that an input names: only a regular one, and up to a limit, so that reading it ends.

A FIFO would wait for its other end, a terminal for its user, and `/dev/zero` has no end.
https://cwe.mitre.org/data/definitions/400.html
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

KIB = 1024

# Without O_NONBLOCK, opening a FIFO would block. Windows only has some of these flags.
_FLAGS = os.O_RDONLY
for _name in ("O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY", "O_BINARY"):
    _FLAGS |= getattr(os, _name, 0)


def read(path: Path, limit: int) -> bytes:
    """The whole content, at most `limit` bytes, whatever size the file claims to have.

    Raises OSError if the system can't read it, and ValueError if it is larger or not a regular file; its text
    continues a sentence after the file's name, such as "is larger than 64 KiB".
    """
    number = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            message = "is not a regular file"
            raise ValueError(message)
        data = b""
        while part := os.read(number, limit + 1 - len(data)):
            data += part
            if len(data) > limit:
                message = f"is larger than {limit // KIB} KiB"
                raise ValueError(message)
        return data
    finally:
        os.close(number)
