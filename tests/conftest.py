"""Fixtures for all tests, and the rule that CI skips nothing unexpected."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator

import pytest
import responses

from tests import skips


@pytest.fixture(name="wire")
def _wire() -> Iterator[responses.RequestsMock]:
    """No network: an unexpected request fails the test, and so does a response that is never requested."""
    with responses.RequestsMock() as wire:
        yield wire


def pytest_collection() -> None:
    """Search no garbage while tests are collected: there is none, and a search visits all of them."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Exclude the tests from all later searches for garbage."""
    gc.freeze()
    gc.enable()


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
