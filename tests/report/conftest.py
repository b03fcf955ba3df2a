from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.report.reports import Report, report_in


@pytest.fixture
def new_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def make(system: str = "github", *targets: str, terminal: bool = False, **options: Any) -> Report:
        return report_in(tmp_path, system, *targets, terminal=terminal, **options)

    return make
