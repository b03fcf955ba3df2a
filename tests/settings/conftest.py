from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.environments import TOKEN


@pytest.fixture(name="secret")
def _secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(TOKEN)
    return path
