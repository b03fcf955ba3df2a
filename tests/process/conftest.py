from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.program import Stranger


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    other = Stranger()
    yield other
    other.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the program runs: empty, and writable for everybody."""
    work = tmp_path / "work"
    work.mkdir()
    work.chmod(0o777)
    return work
