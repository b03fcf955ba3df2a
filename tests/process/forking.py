"""Starts the program as a process by a fork of one that has already imported it.

Most of the CPU time of a short run is Python's start and its imports. A fork has its own memory, signals,
descriptors, user and exit code, like any process. What is decided while Python starts (the locale, the
variables `PYTHON*`, a missing descriptor) needs a start of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MESSAGE_BYTES = 1 << 17
NUMBER_BYTES = 16
"""Each number has this length: the second may be written before the first is read."""

MAX_DESCRIPTOR = 256
"""More than that process ever has open."""

IMPORTED = (
    "deployer.main",
    "deployer.providers.cloudfoundry.provider",
    "deployer.providers.coolify.provider",
    "deployer.simulator",
    "encodings.idna",
)
DESCRIPTORS = 4
"""stdin, stdout, stderr, and the pipe that receives the process id and the exit code."""


class ForkedProcess:
    """A process like one of `subprocess.Popen`, as far as tests use it."""

    def __init__(
        self, driver: str, folder: Path, environ: Mapping[str, str], pipes: Mapping[str, Any]
    ) -> None:
        """Start it. `driver`: the Python code to run. `pipes`: as for Popen."""
        self.returncode: int | None = None
        self.stdout, out = _pipe(pipes["stdout"])
        self.stderr, err = _pipe(pipes["stderr"])
        self._status, status = os.pipe()
        message = json.dumps({"driver": driver, "folder": str(folder), "environ": dict(environ)}).encode()
        with Path(os.devnull).open("rb") as nothing:
            socket.send_fds(_server(), [message], [nothing.fileno(), out, err, status])
        for descriptor, given in ((out, pipes["stdout"]), (err, pipes["stderr"]), (status, subprocess.PIPE)):
            if given == subprocess.PIPE:
                os.close(descriptor)
        self.pid = int(os.read(self._status, NUMBER_BYTES))

    def poll(self) -> int | None:
        """The exit code (negative: the signal that ended it); None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises TimeoutExpired if the process runs for longer than `timeout` seconds."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("the program", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = 60) -> tuple[bytes, bytes]:
        """Read both pipes to their ends, and wait. Raises TimeoutExpired after `timeout` seconds."""
        end = time.monotonic() + timeout
        received = {file: b"" for file in (self.stdout, self.stderr) if file}
        unread = list(received)
        while unread:
            ready, _, _ = select.select(unread, [], [], max(0, end - time.monotonic()))
            if not ready:
                raise subprocess.TimeoutExpired("the program", timeout)
            for file in ready:
                part = os.read(file.fileno(), 1 << 16)
                received[file] += part
                if not part:
                    unread.remove(file)
        self.wait(max(0, end - time.monotonic()))
        out, err = (received[file] if file else b"" for file in (self.stdout, self.stderr))
        return out, err

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = int(os.read(self._status, NUMBER_BYTES))
            os.close(self._status)
        return self.returncode


def _pipe(given: Any) -> tuple[Any, int]:
    """The end that we read (None: not a pipe of ours), and the descriptor for the process."""
    if given != subprocess.PIPE:
        return None, given if isinstance(given, int) else given.fileno()
    read_end, write_end = os.pipe()
    return os.fdopen(read_end, "rb", buffering=0), write_end


# --- the process that is forked


@cache
def _server() -> socket.socket:
    """The connection to the process that is forked: one for all tests of this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            [sys.executable, __file__], stdin=theirs.fileno(), cwd=ROOT, start_new_session=True
        )

    def close() -> None:
        ours.close()
        server.wait(30)

    atexit.register(close)
    return ours


def serve() -> str:
    """Fork a process for each message. Returns in each of them, with the code that it must run."""
    connection = socket.socket(fileno=0)
    running: dict[int, tuple[int, int]] = {}
    while True:
        for ready in select.select([connection.fileno(), *running], [], [])[0]:
            if ready in running:
                _report_end(ready, *running.pop(ready))
                continue
            message, descriptors, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, DESCRIPTORS)
            if not message:
                sys.exit(0)
            pid = os.fork()
            if not pid:
                connection.detach()
                return _become(json.loads(message), descriptors)
            *pipes, status = descriptors
            for each in pipes:
                os.close(each)
            os.write(status, b"%*d" % (NUMBER_BYTES, pid))
            running[os.pidfd_open(pid)] = (pid, status)


def _report_end(descriptor: int, pid: int, status: int) -> None:
    os.close(descriptor)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(status, b"%*d" % (NUMBER_BYTES, code))
    os.close(status)


def _become(message: dict[str, Any], descriptors: list[int]) -> str:
    """Take over the descriptors, folder and environment of the new process."""
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    os.closerange(3, MAX_DESCRIPTOR)
    os.chdir(message["folder"])
    os.environ.clear()
    os.environ.update(message["environ"])
    return str(message["driver"])


def prepare() -> None:
    """Import what a run imports, and undo what the parent of the tests may ignore (`nohup`)."""
    sys.path[0] = str(ROOT)
    for name in IMPORTED:
        importlib.import_module(name)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    sys.argv = ["-c"]
    gc.freeze()


if __name__ == "__main__":
    prepare()
    exec(serve(), {"__name__": "__main__"})
