"""The loop is tested at a pace of round numbers; tests/test_pace.py tests the real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deployer import pace
from deployer.watch import Watch


@pytest.fixture(autouse=True, scope="module")
def round_pace() -> Iterator[None]:
    """Deployments are polled like everything else, and without jitter."""

    def deployment_delay(watch: Watch, now: float) -> float:
        return pace.by_age(now - watch.began)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace, "_deployment_delay", deployment_delay)
        patch.setattr(pace, "JITTER_SHARE", 0)
        yield
