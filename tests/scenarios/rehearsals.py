"""The real program on a clock that only moves when it sleeps, for the snippets and README's picture."""

from __future__ import annotations

import os
import re
import tempfile
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.main import main
from deployer.simulator.cloudfoundry import world as cloudfoundry
from deployer.simulator.coolify import server as coolify
from tests.fakes import FakeClock

PORT = re.compile(r"127\.0\.0\.1:\d+")


class StillClock(FakeClock):
    """A fake clock that leaves the signal handlers of the process alone."""

    def listen(self) -> None:
        """Nothing to listen to."""

    def ignore(self) -> None:
        """Nothing to ignore."""


@dataclass(frozen=True)
class RunResult:
    """How a run ended, and its output, in which the simulator's port, which varies, is 8000."""

    code: int
    output: str


def run_rehearsal(environ: Mapping[str, str]) -> RunResult:
    """Run the program in this folder and in this process. The simulator reads the same clock."""
    clock = StillClock()
    with tempfile.TemporaryFile() as file:
        with pytest.MonkeyPatch.context() as patch, _stdout(file.fileno()):
            for module in (coolify, cloudfoundry):
                patch.setattr(module, "time", types.SimpleNamespace(monotonic=clock.real))
            code = main([], environ, clock)  # type: ignore[arg-type]  # structural, as in all tests
        file.seek(0)
        output = file.read().decode("utf-8")
    return RunResult(code, PORT.sub("127.0.0.1:8000", output))


@contextmanager
def _stdout(target: int) -> Iterator[None]:
    """Redirect file descriptor 1, to which the program writes directly."""
    original = os.dup(1)
    os.dup2(target, 1)
    try:
        yield
    finally:
        os.dup2(original, 1)
        os.close(original)


def outputs(path: Path) -> dict[str, str]:
    """Read the outputs that a step has written to GITHUB_OUTPUT."""
    blocks = re.findall(
        r"^(\w+)<<(ghadelimiter_\S+)\n(.*?)\n\2$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return {name: value for name, _, value in blocks}
