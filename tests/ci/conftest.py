from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.ci.base import CI
from deployer.ci.output import Redactor, Writer
from tests.ci.decoders import Job, Stdout


@pytest.fixture
def start_job(tmp_path: Path) -> Callable[..., Job]:
    def start(system: type[CI], **environ: str) -> Job:
        stdout, redact = Stdout(), Redactor()
        outputs, summary = tmp_path / "output", tmp_path / "summary"
        known = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary)} | environ
        return Job(
            system(known, Writer(stdout, redact), lambda: 1560896352.9), stdout, redact, outputs, summary
        )

    return start
