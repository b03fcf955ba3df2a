"""Which skips are expected: a test that can't run here says what it needs, and no other skip gets past CI."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

IN_CI = os.environ.get("CI") == "true"
IS_LINUX, IS_ROOT = sys.platform == "linux", os.geteuid() == 0
LINUX, ROOT, PEER = "needs Linux: ", "needs root: ", "NOT TESTED: "


def needs_linux(why: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not IS_LINUX, reason=LINUX + why)


def needs_root(why: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not IS_ROOT, reason=ROOT + why)


def expected(reason: str, path: Path) -> bool:
    """Whether a test may be skipped for this reason: a peer of `tests/e2e` that is missing, or a system that this one is not."""
    if reason.startswith(PEER):
        return "e2e" in path.parts
    return (reason.startswith(LINUX) and not IS_LINUX) or (reason.startswith(ROOT) and not IS_ROOT)


def refuse(report: pytest.TestReport | pytest.CollectReport, path: Path) -> None:
    """In CI, an unexpected skip is a failure: nobody reads a green job for what it did not do."""
    if not (IN_CI and report.skipped) or hasattr(report, "wasxfail"):
        return
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = said.removeprefix("Skipped: ")
    if not expected(reason, path):
        report.outcome = "failed"
        report.longrepr = (
            f"skipped in CI: {reason}. Make it run, or name what it needs as tests/skips.py does."
        )
