from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.report.desk import Desk, at_desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def make(system: str = "github", *targets: str, terminal: bool = False, **options: Any) -> Desk:
        return at_desk(tmp_path, system, *targets, terminal=terminal, **options)

    return make
