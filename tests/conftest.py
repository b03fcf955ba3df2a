"""What the tests of several files are handed, and what no test may do."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
import responses

from tests import skips


@pytest.fixture(name="wire")
def _wire() -> Iterator[responses.RequestsMock]:
    """No network: what is asked without an answer fails the test, and so does an answer that nobody asked for."""
    with responses.RequestsMock() as wire:
        yield wire


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    skips.refuse(report, item.path)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    skips.refuse(report, collector.path)
    return report
