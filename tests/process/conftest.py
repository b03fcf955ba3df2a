from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.program import UnrelatedHost


@pytest.fixture(scope="module")
def unrelated_host() -> Iterator[UnrelatedHost]:
    host = UnrelatedHost()
    yield host
    host.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The empty working directory of the program, writable for everybody."""
    work = tmp_path / "work"
    work.mkdir()
    work.chmod(0o777)
    return work
