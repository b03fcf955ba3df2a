"""Many targets in one run: requests per minute, triggers, and verdicts (architecture, rule 9)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.many_targets import TARGETS, deploy_all, scenario

EXPECTED = {f"app-{number}": "failed" if number % 20 == 19 else "finished" for number in range(TARGETS)}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_200_targets_on_200_servers() -> None:
    run = deploy_all(scenario(TARGETS, hosts=TARGETS), DEPLOYER_TIMEOUT="30m")
    assert (run.code, run.statuses) == (1, EXPECTED)
    assert (len(run.triggers()), run.triggers(429)) == (TARGETS, [])
    started = max(run.triggers())
    assert run.worst_minute(0, run.seconds) <= 120
    assert run.worst_minute(started, run.seconds) <= 60


def test_a_full_queue_is_tried_by_one_target_of_each_server() -> None:
    targets, hosts = 60, 3
    run = deploy_all(scenario(targets, hosts, queue_limit=4), DEPLOYER_TIMEOUT="2h")
    assert run.statuses == {name: EXPECTED[name] for name in run.statuses}
    assert len(run.statuses) == targets
    assert len(run.triggers()) == targets
    assert run.worst_minute(0, run.seconds) <= 120
    assert run.worst_minute(max(run.triggers()), run.seconds) <= 60
    # After each end of a deployment, and otherwise once a minute: never by every target that waits.
    assert len(run.triggers(429)) <= targets + hosts * max(run.triggers()) / 60


def test_50_targets_are_reported_soon_after_the_last_one_has_ended() -> None:
    run = deploy_all(scenario(50, hosts=25), DEPLOYER_TIMEOUT="30m")
    assert run.code == 1
    assert run.worst_minute(max(run.triggers()), run.seconds) <= 60
    assert run.seconds - run.ended <= 5
