"""Fixtures for all tests, and the rule that CI skips nothing unexpected."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
import responses

from tests import skips


@pytest.fixture(name="wire")
def _wire() -> Iterator[responses.RequestsMock]:
    """No network: an unexpected request fails the test, and so does a response that is never requested."""
    with responses.RequestsMock() as wire:
        yield wire


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    skips.refuse_skip(report, item.path)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    skips.refuse_skip(report, collector.path)
    return report
