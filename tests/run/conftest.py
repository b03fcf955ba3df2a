"""The loop is tested without jitter; tests/test_pace.py tests the pace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deployer import pace


@pytest.fixture(autouse=True, scope="module")
def no_jitter() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace, "JITTER_SHARE", 0)
        yield
