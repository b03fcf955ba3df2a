"""A run over many targets on a still clock, and what it has sent; `tools/bench.py` prints that."""

from __future__ import annotations

import json
import types
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.main import main
from deployer.simulator.coolify import server as simulated
from deployer.simulator.coolify.scenario import Scenario
from deployer.simulator.coolify.session import simulating
from deployer.simulator.coolify.state.deployments import App
from deployer.simulator.coolify.state.places import Host
from deployer.simulator.coolify.state.script import Change, Line, Script
from deployer.simulator.serving.journal import Request
from tests.fakes import START_TIME
from tests.scenarios.rehearsals import StillClock
from tests.simulator.coolify.invariants import violations

TARGETS = 200
SECONDS = 100


def course(number: int) -> Script:
    """A deployment of one to three minutes; every twentieth fails."""
    end = SECONDS + number * 7 % 80
    failed = number % 20 == 19
    status = "failed" if failed else "finished"
    lines = (Line(1, "Deployment started."), Line(end - 5, "New container started."), Line(end, "Done."))
    changes = (
        Change(1, {"status": "in_progress"}),
        Change(end, {"status": status, "finished_at": True}),
    )
    return Script(lines, changes)


def scenario(targets: int, hosts: int, queue_limit: int = 25) -> Scenario:
    """Applications on several servers, which build two at a time."""
    return Scenario(
        "many",
        "Many applications on several servers.",
        apps=tuple(App(course(number), f"app-{number}", host=number % hosts) for number in range(targets)),
        hosts=tuple(Host(f"server-{number}") for number in range(hosts)),
        targets=targets,
        builders=2,
        queue_limit=queue_limit,
    )


@dataclass(frozen=True)
class Run:
    """What a run has sent and reported. Times are simulated seconds since its first request."""

    code: int
    statuses: dict[str, str]
    """By the name of the target."""
    seconds: float
    """How long the run took."""
    ended: float
    """When the last deployment ended."""
    journal: list[Request]

    def triggers(self, status: int = 200) -> list[float]:
        """When triggers were sent that got a response with this status."""
        return [each.at for each in self.journal if each.method == "POST" and each.status == status]

    def worst_minute(self, since: float, until: float) -> int:
        """The most requests in any sixty seconds between these moments."""
        times = [each.at for each in self.journal if since <= each.at <= until]
        return max(sum(begin <= time < begin + 60 for time in times) for begin in times)


def deploy_all(scenario: Scenario, **inputs: str) -> Run:
    """Deploy every application of the scenario, on the clock of the simulator."""
    clock = StillClock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated, "time", types.SimpleNamespace(monotonic=clock.real))
        with simulating(scenario) as session:
            environ = {
                "COOLIFY_URL": session.url,
                "COOLIFY_TOKEN": session.token,
                "COOLIFY_UUID": ",".join(session.uuids),
                "DEPLOYER_RESULT_FILE": "result.json",
                "DEPLOYER_LOGS": "none",
                **inputs,
            }
            code = main([], environ, clock)  # type: ignore[arg-type]  # structural, as in all tests
            assert violations(session) == []
            ended = max(row.began + row.script.end for row in session.server.rows)
    result = json.loads(Path("result.json").read_text("utf-8"))
    statuses = {each["name"]: each["status"] for each in result["targets"]}
    return Run(code, statuses, clock.now() - START_TIME, ended, session.journal)
