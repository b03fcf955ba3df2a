"""Helpers of the process tests: the expected result of each scenario, and signals."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from deployer.model import Outcome
from tests.process.program import FAST, ProcessResult, SimulatedRun, github, gitlab, plain

SYSTEMS = {"plain": plain, "github": github, "gitlab": gitlab}


SHORT_TIMEOUTS = """import deployer.http.client as http, deployer.providers.coolify.provider as provider
http.READ_SECONDS = provider.TRIGGER_READ_SECONDS = 1.0"""
"""Network timeouts are real seconds on any clock: these two would take 15 and 120 s."""


every_system = pytest.mark.parametrize("system", SYSTEMS)


@dataclass(frozen=True)
class Expected:
    """The expected result of a scenario. `speed` and `environ` shorten the scenarios that take 30 minutes."""

    outcome: Outcome
    starts: int = 1
    speed: float = FAST
    environ: Mapping[str, str] = field(default_factory=dict)
    before: str = ""


EXPECTED: dict[str, Expected] = {
    "success": Expected(Outcome.FINISHED),
    "build-failure": Expected(Outcome.FAILED),
    "cancelled": Expected(Outcome.CANCELLED),
    "already-queued": Expected(Outcome.FINISHED, starts=0, speed=30),
    "bad-token": Expected(Outcome.REFUSED, starts=0),
    "outage": Expected(Outcome.FINISHED),
    "post-command-endless": Expected(
        Outcome.TIMED_OUT, speed=FAST, environ={"DEPLOYER_TIMEOUT": "3m", "DEPLOYER_ON_TIMEOUT": "cancel"}
    ),
    "revoked": Expected(Outcome.LOST, speed=20),
    "hostile": Expected(Outcome.FAILED),
    "redirect": Expected(Outcome.UNREACHABLE, starts=0),
    "huge": Expected(Outcome.FINISHED),
    "malformed": Expected(Outcome.FINISHED),
    "hang": Expected(Outcome.FINISHED, before=SHORT_TIMEOUTS),
    "hang-start": Expected(Outcome.FINISHED, before=SHORT_TIMEOUTS),
    "two": Expected(Outcome.FAILED, starts=2),
    "old": Expected(Outcome.FINISHED),
}


REAL_TIME = 1.0
"""Signals are sent at real speed, so that the deployment is still active even on a busy machine."""


def interrupt(run: SimulatedRun, *numbers: signal.Signals, delay: float = 0.1) -> ProcessResult:
    """Send the signals. The run ends as interrupted, writes all files, and sends no request after 5.5 s."""
    for nth, number in enumerate(numbers):
        time.sleep(delay if nth else 0)
        run.program.send(number)
    result = run.end(timeout=30)
    assert result.code == 130, result.text
    assert result.outputs["status"] == "interrupted"
    assert "nterrupted" in result.read("summary")
    assert all(run.seconds_after_signal(request) < 5.5 for request in run.session.journal)
    return result


def polled(times: int) -> Any:
    return lambda run: len(run.requests("look")) >= times


def statuses(run: SimulatedRun) -> list[str]:
    return [row["status"] for row in run.session.deployments()]


TERM, INT, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGHUP


AS_OTHER_USER = """\
import encodings.ascii, encodings.idna, encodings.latin_1, encodings.utf_16_be, netrc, os
import deployer.simulator
os.setgroups([]), os.setgid(12345), os.setuid(12345)
os.environ.pop("HOME", None)
"""
"""Imports everything first: a developer's Python may be unreadable for other users.

The container's test starts as another user.
"""
