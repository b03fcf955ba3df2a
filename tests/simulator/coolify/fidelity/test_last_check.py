"""The simulated Coolify dates its checks of an application like the real ones (coolify-api 18.7)."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from deployer.simulator import VERSIONS
from tests.simulator.coolify.fidelity.test_recorded_replies import AFTER_FINISHED, recorded
from tests.simulator.coolify.situations import APPS, DEPLOY_WEB, WEB, Visit

BUILD_SECONDS = 45
EVERY_VERSION = tuple(VERSIONS)
DATED = EVERY_VERSION[EVERY_VERSION.index("4.0.0-beta.463") :]


def form(text: str) -> str:
    """A time with every digit as 0."""
    return re.sub(r"\d", "0", text)


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later[:19]) - datetime.fromisoformat(earlier[:19])).total_seconds()


def shown(visit: Visit) -> tuple[str, str]:
    """The application's `last_online_at` and `status`."""
    body: dict[str, Any] = visit.read("GET /applications/{web}")
    return body["last_online_at"], body["status"]


def statuses(*steps: tuple[float, str], **overrides: Any) -> dict[str, Any]:
    """The application has these statuses after its deployment."""
    return {"apps": (replace(WEB, statuses=steps), *tuple(APPS.values())[1:]), **overrides}


def after_end(
    version: str, *seconds: float, step: str = DEPLOY_WEB[0], **overrides: Any
) -> list[tuple[float, str]]:
    """`last_online_at` as seconds after `finished_at`, and `status`, at these seconds after the end."""
    visit = Visit(version, **overrides)
    visit.send(step)
    visit.wait(BUILD_SECONDS)
    passed, found = 0.0, []
    ended = visit.row()["finished_at"]
    for at in seconds:
        checked, status = shown(visit.wait(at - passed))
        passed = at
        found.append((seconds_between(ended, checked), status))
    return found


@pytest.mark.parametrize("name", AFTER_FINISHED)
def test_application_is_dated_after_a_deployment_as_recorded(name: str) -> None:
    """In the same form, and later than `finished_at` on the same versions."""
    record = recorded(name)
    bodies = [poll["body"] for poll in record["responses"]]
    version, ended = record["coolify_version"], record["deployment"][-1]["seen"][1]
    visit = Visit(version)
    visit.send(*DEPLOY_WEB)
    before = shown(visit)[0]
    visit.wait(BUILD_SECONDS)
    row, at_end = visit.row(), shown(visit)[0]
    later = shown(visit.wait(2))[0]
    assert (row["status"], form(row["finished_at"])) == ("finished", form(ended))
    assert {form(each) for each in (before, at_end, later)} == {
        form(body["last_online_at"]) for body in bodies
    }
    assert before == at_end
    assert (later > at_end) == (bodies[-1]["last_online_at"] > bodies[0]["last_online_at"])
    real, simulated = (
        seconds_between(end, checked)
        for end, checked in ((ended, bodies[-1]["last_online_at"]), (row["finished_at"], later))
    )
    assert (real > 0, simulated > 0) == (version in DATED, version in DATED)


@pytest.mark.parametrize("version", EVERY_VERSION[1:])  # beta.380 has no `finished_at`
def test_only_versions_since_beta_463_date_the_check(version: str) -> None:
    assert (after_end(version, 2)[0][0] == 1) is (version in DATED)


def test_checks_come_a_second_after_the_end_and_then_each_minute() -> None:
    running = "running:unknown"
    found = after_end("4.3.10", 0, 0.9, 1, 60, 61, 120, 121)
    assert [status for _, status in found] == [running] * 7
    assert [at if at > 0 else None for at, _ in found] == [None, None, 1, 1, 61, 61, 121]


def test_sentinel_writes_only_a_changed_status() -> None:
    overrides = statuses((0, "restarting:unknown"), (20, "running:unknown"), sentinel=True)
    assert after_end("4.3.10", 1, 19, 20, 500, **overrides) == [
        (1, "restarting:unknown"),
        (1, "restarting:unknown"),
        (20, "running:unknown"),
        (20, "running:unknown"),
    ]


def test_old_status_is_shown_until_the_first_check() -> None:
    found = after_end("4.3.10", 0, 0.9, 1, **statuses((0, "degraded:unhealthy")))
    assert [status for _, status in found] == ["running:unknown"] * 2 + ["degraded:unhealthy"]


def test_date_stays_while_it_is_exited() -> None:
    found = after_end("4.3.10", 2, 70, 200, **statuses((0, "running:unknown"), (64, "exited:unhealthy")))
    assert found == [(1, "running:unknown"), (61, "exited:unhealthy"), (61, "exited:unhealthy")]
    never = after_end("4.3.10", 2, 200, **statuses((0, "exited:unhealthy")))
    assert [at > 0 for at, _ in never] == [False, False]


def test_nothing_is_checked_after_a_mere_restart() -> None:
    assert after_end("4.3.10", 200, step="POST /applications/{web}/restart")[0][0] < 0
