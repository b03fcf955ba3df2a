"""The real program as a real process against the simulated Cloud Foundry: exit code, outputs, annotations, and no token anywhere.

What a run must do there is in `tests/scenarios/cloudfoundry_truths.py`; what any process must do, in the files beside it.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.model import Outcome
from deployer.simulator.cloudfoundry.names import APP, guid
from tests.process.program import Ended, Stranger, cf_play, files, github, gitlab, plain

SYSTEMS = {"plain": plain, "github": github, "gitlab": gitlab}
URL = "https://web.apps.example.org"


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    other = Stranger()
    yield other
    other.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the program runs."""
    work = tmp_path / "work"
    work.mkdir()
    return work


@dataclass(frozen=True)
class Row:
    """What a scenario must come to, and what its error says. `tokens`: how many it was given, so that none of them may be told."""

    outcome: Outcome
    says: tuple[str, ...] = ()
    speed: float = 40
    tokens: int = 2


ROWS = {
    "success": Row(Outcome.FINISHED),
    "crash": Row(
        Outcome.FAILED, ("it crashes (0 of 2 running, 2 crashed)", "Exited with status 137 (out of memory)")
    ),
    "staging-failure": Row(
        Outcome.FAILED, ("staging failed", "The registry does not have this image or tag")
    ),
    "token-expiry": Row(Outcome.FINISHED, speed=60, tokens=12),
}
RUNS = [
    *((scenario, system) for scenario in ("success", "crash") for system in SYSTEMS),
    ("staging-failure", "github"),
    ("staging-failure", "gitlab"),
    ("token-expiry", "plain"),
]


@pytest.mark.parametrize(("scenario", "system"), RUNS)
def test_a_scenario_comes_to_its_verdict_in_a_ci_system(
    scenario: str, system: str, folder: Path, stranger: Stranger
) -> None:
    row = ROWS[scenario]
    environ = {**SYSTEMS[system](folder), **files()}
    with cf_play(scenario, folder, stranger, environ, speed=row.speed, in_file=system == "gitlab") as played:
        ended = played.end()
        assert len(played.stage.tokens) >= row.tokens
    assert (ended.code, ended.outputs["status"]) == (row.outcome.exit_code, row.outcome.status), ended.text
    known = {
        name: ended.outputs.get(name, "") for name in ("resource_uuid", "url", "deployment_uuid", "commit")
    }
    assert known == {"resource_uuid": APP, "url": URL, "deployment_uuid": "", "commit": ""}
    [target] = ended.result["targets"]
    assert (ended.result["status"], target["uuid"], target["name"], target["kind"]) == (
        row.outcome.status,
        APP,
        "web",
        "app",
    )
    annotated(row, system, ended)


def annotated(row: Row, system: str, ended: Ended) -> None:
    """One error for what ended badly, in the place where the CI system shows it, and nothing for what went well."""
    errors = ended.told("error")
    assert len(errors) == (row.outcome is not Outcome.FINISHED), ended.text
    assert [text for text in row.says if not any(text in error for error in errors)] == []
    assert ended.told("warning") == []
    if system == "github":
        assert json.loads(ended.outputs["result"]) == ended.result
        assert ended.read("summary").startswith("### ")
        assert all(text.split(" (")[0] in ended.read("summary") for text in row.says)


def test_a_signal_cancels_a_rolling_deployment(folder: Path, stranger: Stranger) -> None:
    with cf_play("rolling", folder, stranger, github(folder), speed=1) as played:
        played.wait_for("/stats")
        played.program.send(signal.SIGTERM)
        ended = played.end()
        assert [each["status"]["reason"] for each in played.stage.deployments()] == ["CANCELING"]
    assert (ended.code, ended.outputs["status"], ended.outputs["deployment_uuid"]) == (
        130,
        "interrupted",
        guid("deployment 1"),
    )
    assert (
        f"web: deployment {guid('deployment 1')}: cancelled: Cloud Foundry restores the previous version"
        in ended.text
    )
