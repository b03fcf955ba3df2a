"""What the tests of several files are handed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses


@pytest.fixture(name="wire")
def _wire() -> Iterator[responses.RequestsMock]:
    """No network: what is asked without an answer fails the test, and so does an answer that nobody asked for."""
    with responses.RequestsMock() as wire:
        yield wire
