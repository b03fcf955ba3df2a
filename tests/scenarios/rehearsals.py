"""The true program on a clock that only moves when it sleeps: what a snippet of the documentation does, and what README's picture shows."""

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
    """It takes no signal, and ends none."""

    def listen(self) -> None:
        """Nothing to listen to."""

    def ignore(self) -> None:
        """Nothing to ignore."""


@dataclass(frozen=True)
class Rehearsed:
    """How a run ended, and what it said; the simulator's port, which is another one each time, reads 8000."""

    code: int
    said: str


def rehearsed(environ: Mapping[str, str]) -> Rehearsed:
    """Run the program in this folder, in this process. The simulator reads the same clock."""
    clock = StillClock()
    with tempfile.TemporaryFile() as file:
        with pytest.MonkeyPatch.context() as patch, _stdout(file.fileno()):
            for simulated in (coolify, cloudfoundry):
                patch.setattr(simulated, "time", types.SimpleNamespace(monotonic=clock.real))
            code = main([], environ, clock)  # type: ignore[arg-type]  # by shape, as everywhere in the tests
        file.seek(0)
        said = file.read().decode("utf-8")
    return Rehearsed(code, PORT.sub("127.0.0.1:8000", said))


@contextmanager
def _stdout(other: int) -> Iterator[None]:
    """The program writes to the file descriptor itself."""
    kept = os.dup(1)
    os.dup2(other, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def outputs(path: Path) -> dict[str, str]:
    """What a step has written to GITHUB_OUTPUT."""
    blocks = re.findall(
        r"^(\w+)<<(ghadelimiter_\S+)\n(.*?)\n\2$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return {name: value for name, _, value in blocks}
