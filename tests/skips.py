"""Which skips are expected: a test that can't run here names what it needs. CI fails for any other skip."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

IN_CI = os.environ.get("CI") == "true"
IS_LINUX, IS_ROOT = sys.platform == "linux", os.geteuid() == 0
LINUX, ROOT, PEER = "needs Linux: ", "needs root: ", "NOT TESTED: "


def needs_linux(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not IS_LINUX, reason=LINUX + reason)


def needs_root(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not IS_ROOT, reason=ROOT + reason)


def expected(reason: str, path: Path) -> bool:
    """Return whether a skip is expected: a missing peer of `tests/e2e`, or another system or user."""
    if reason.startswith(PEER):
        return "e2e" in path.parts
    return (reason.startswith(LINUX) and not IS_LINUX) or (reason.startswith(ROOT) and not IS_ROOT)


def refuse_skip(report: pytest.TestReport | pytest.CollectReport, path: Path) -> None:
    """Turn an unexpected skip into a failure in CI, where skips in a green job would go unnoticed."""
    if not (IN_CI and report.skipped) or hasattr(report, "wasxfail"):
        return
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = text.removeprefix("Skipped: ")
    if not expected(reason, path):
        report.outcome = "failed"
        report.longrepr = (
            f"skipped in CI: {reason}. Make it run, or name what it needs as tests/skips.py does."
        )
