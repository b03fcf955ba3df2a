"""The program as a process against the simulated Cloud Foundry.

Exit code, outputs, annotations, and no token in any of them. The end-to-end cases are in
`tests/scenarios/cloudfoundry_cases.py`, the tests of every process in the other files of this folder.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from deployer.model import Outcome
from deployer.simulator.cloudfoundry.names import APP, guid
from deployer.simulator.cloudfoundry.scenario import App
from deployer.simulator.cloudfoundry.state.timelines import Process, slowly
from tests.process.program import (
    ProcessResult,
    UnrelatedHost,
    github,
    gitlab,
    output_files,
    plain,
    run_against_cloud_foundry,
)
from tests.simulator.cloudfoundry import scenarios as cf_scenarios

SYSTEMS = {"plain": plain, "github": github, "gitlab": gitlab}
URL = "https://web.apps.example.org"


@pytest.fixture(scope="module")
def unrelated_host() -> Iterator[UnrelatedHost]:
    host = UnrelatedHost()
    yield host
    host.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The working directory of the program."""
    work = tmp_path / "work"
    work.mkdir()
    return work


@dataclass(frozen=True)
class Expected:
    """The expected result of a scenario.

    `says`: texts of its error. `tokens`: the least number of tokens that it receives, none of which may be
    disclosed.
    """

    outcome: Outcome
    says: tuple[str, ...] = ()
    speed: float = 40
    tokens: int = 2


EXPECTED = {
    "success": Expected(Outcome.FINISHED),
    "crash": Expected(
        Outcome.FAILED,
        ("the app crashes (0 of 2 running, 2 crashed)", "Exited with status 137 (out of memory)"),
    ),
    "staging-failure": Expected(
        Outcome.FAILED, ("staging failed", "The registry does not have this image or tag")
    ),
    "token-expiry": Expected(Outcome.FINISHED, speed=60, tokens=12),
}
CASES = [
    *((scenario, system) for scenario in ("success", "crash") for system in SYSTEMS),
    ("staging-failure", "github"),
    ("staging-failure", "gitlab"),
    ("token-expiry", "plain"),
]


SCENARIOS = {
    **cf_scenarios.SCENARIOS,
    # Long enough for six logins on a busy machine, too, where the polls and so the renewals come later.
    "token-expiry": replace(
        cf_scenarios.SCENARIOS["token-expiry"], apps=(App(processes=(Process(course=slowly(420)),)),)
    ),
}


@pytest.mark.parametrize(("scenario", "system"), CASES)
def test_scenario_in_a_ci_system(
    scenario: str, system: str, folder: Path, unrelated_host: UnrelatedHost
) -> None:
    expected = EXPECTED[scenario]
    environ = {**SYSTEMS[system](folder), **output_files()}
    with run_against_cloud_foundry(
        SCENARIOS[scenario],
        folder,
        unrelated_host,
        environ,
        speed=expected.speed,
        in_file=system == "gitlab",
    ) as run:
        result = run.end()
        assert len(run.session.tokens) >= expected.tokens
    assert (result.code, result.outputs["status"]) == (expected.outcome.exit_code, expected.outcome.status), (
        result.text
    )
    outputs = {
        name: result.outputs.get(name, "") for name in ("resource_uuid", "url", "deployment_uuid", "commit")
    }
    assert outputs == {"resource_uuid": APP, "url": URL, "deployment_uuid": "", "commit": ""}
    [target] = result.result_file["targets"]
    assert (result.result_file["status"], target["uuid"], target["name"], target["kind"]) == (
        expected.outcome.status,
        APP,
        "web",
        "app",
    )
    assert_annotations(expected, system, result)


def assert_annotations(expected: Expected, system: str, result: ProcessResult) -> None:
    """One error for a failure, as this CI system shows it, and nothing for a success."""
    errors = result.annotations("error")
    assert len(errors) == (expected.outcome is not Outcome.FINISHED), result.text
    assert [text for text in expected.says if not any(text in error for error in errors)] == []
    assert result.annotations("warning") == []
    if system == "github":
        assert json.loads(result.outputs["result"]) == result.result_file
        assert result.read("summary").startswith("### ")
        assert all(text.split(" (")[0] in result.read("summary") for text in expected.says)


def test_signal_cancels_a_rolling_deployment(folder: Path, unrelated_host: UnrelatedHost) -> None:
    with run_against_cloud_foundry("rolling", folder, unrelated_host, github(folder), speed=1) as run:
        run.wait_for("/stats")
        run.program.send(signal.SIGTERM)
        result = run.end()
        assert [each["status"]["reason"] for each in run.session.deployments()] == ["CANCELING"]
    assert (result.code, result.outputs["status"], result.outputs["deployment_uuid"]) == (
        130,
        "interrupted",
        guid("deployment 1"),
    )
    assert (
        f"web: deployment {guid('deployment 1')}: cancelled: Cloud Foundry restores the previous version"
        in result.text
    )
