"""The one way in which a file that was named to us is read: it is a regular one and not large, so that reading it comes to an end.

A FIFO waits for its other end, a terminal for its user, and `/dev/zero` has no end. https://cwe.mitre.org/data/definitions/400.html
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

KIB = 1024

# Without O_NONBLOCK, opening a FIFO would wait for its other end for ever. Windows knows only some of these.
_FLAGS = os.O_RDONLY
for _name in ("O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY", "O_BINARY"):
    _FLAGS |= getattr(os, _name, 0)


def read(path: Path, limit: int) -> bytes:
    """The whole content, at most `limit` bytes, whatever size the file claims to have.

    Raises OSError where the system can't read it, and ValueError where it is larger or no regular file: the text then reads on after
    the file's name, as in "is larger than 64 KiB".
    """
    number = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            message = "is no regular file"
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
