"""Fixtures of the site tests: none of them sees the environment of the machine that runs them."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.http.servers import Server, isolate_environment, running_servers, tls_context


@pytest.fixture(autouse=True)
def _isolated_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate_environment(monkeypatch, tmp_path)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    with running_servers() as start:
        yield start


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return tls_context(tmp_path_factory.mktemp("tls"))
