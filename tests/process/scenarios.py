"""What the process tests share."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from deployer.model import Outcome
from tests.process.program import QUICK, Ended, Play, github, gitlab, plain

SYSTEMS = {"plain": plain, "github": github, "gitlab": gitlab}


IMPATIENT = """import deployer.http.client as http, deployer.providers.coolify.provider as provider
http.READ_SECONDS = provider.TRIGGER_READ_SECONDS = 1.0"""
"""Time-outs of the network are real seconds, on whatever clock: these two would be waited for in full (15 and 120 s)."""


every_system = pytest.mark.parametrize("system", SYSTEMS)


@dataclass(frozen=True)
class Row:
    """What a scenario must come to. `speed` and `more` only where 30 minutes would be waited for."""

    outcome: Outcome
    starts: int = 1
    speed: float = 40
    more: Mapping[str, str] = field(default_factory=dict)
    before: str = ""


ROWS: dict[str, Row] = {
    "success": Row(Outcome.FINISHED),
    "build-failure": Row(Outcome.FAILED),
    "cancelled": Row(Outcome.CANCELLED),
    "already-queued": Row(Outcome.FINISHED, starts=0, speed=10),
    "bad-token": Row(Outcome.REFUSED, starts=0),
    "outage": Row(Outcome.FINISHED),
    "post-command-endless": Row(
        Outcome.TIMED_OUT, speed=QUICK, more={"DEPLOYER_TIMEOUT": "3m", "DEPLOYER_ON_TIMEOUT": "cancel"}
    ),
    "revoked": Row(Outcome.LOST, speed=20),
    "hostile": Row(Outcome.FAILED),
    "redirect": Row(Outcome.UNREACHABLE, starts=0),
    "huge": Row(Outcome.FINISHED),
    "malformed": Row(Outcome.FINISHED),
    "hang": Row(Outcome.FINISHED, before=IMPATIENT),
    "hang-start": Row(Outcome.FINISHED, before=IMPATIENT),
    "two": Row(Outcome.FAILED, starts=2),
    "old": Row(Outcome.FINISHED),
}


REAL = 1.0
"""Signals are sent on the real clock: whatever the machine is busy with, the deployment is still going."""


def interrupted(played: Play, *numbers: signal.Signals, apart: float = 0.1) -> Ended:
    """Send the signals; the run ends as interrupted, everything is written, and what is sent is sent in five seconds."""
    for nth, number in enumerate(numbers):
        time.sleep(apart if nth else 0)
        played.program.send(number)
    ended = played.end(timeout=30)
    assert ended.code == 130, ended.text
    assert ended.outputs["status"] == "interrupted"
    assert "nterrupted" in ended.read("summary")
    assert all(played.real_seconds_after_the_signal(asked) < 5.5 for asked in played.stage.journal)
    return ended


def looked(times: int) -> Any:
    return lambda played: len(played.asked("look")) >= times


def statuses(played: Play) -> list[str]:
    return [row["status"] for row in played.stage.deployments()]


TERM, INT, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGHUP


SOMEBODY = """\
import encodings.ascii, encodings.idna, encodings.latin_1, encodings.utf_16_be, netrc, os
import deployer.simulator
os.setgroups([]), os.setgid(12345), os.setuid(12345)
os.environ.pop("HOME", None)
"""
"""Everything is imported before: a developer's Python may lie where nobody else may read. The container's test starts as another user."""
