"""What the states of instances mean: a row per rule, and every recorded reply."""

from typing import Any

import pytest

from deployer.model import Phase
from deployer.providers.cloudfoundry.options import Ready
from deployer.providers.cloudfoundry.watching import instance_status
from deployer.providers.cloudfoundry.watching.instance_status import Process
from tests.providers.cloudfoundry.support import body, instance, names
from tests.providers.cloudfoundry.watching.processes import (
    CRASH,
    DOWN,
    NO_READINESS,
    NO_ROOM,
    RUN,
    START,
    UNREADY,
    web,
    worker,
)

VERDICTS = [
    pytest.param([web(RUN, RUN)], "all", Phase.SUCCEEDED, 0.5, "2 of 2 running", id="all-run"),
    pytest.param(
        [web(RUN, START)], "all", Phase.RUNNING, 0, "1 of 2 running, 1 starting", id="one-of-two-is-not-all"
    ),
    pytest.param(
        [web(RUN, START)], "any", Phase.SUCCEEDED, 0.5, "1 of 2 running, 1 starting", id="one-of-two-is-any"
    ),
    pytest.param(
        [web(START, START)], "any", Phase.RUNNING, 0, "0 of 2 running, 2 starting", id="none-running"
    ),
    pytest.param(
        [web(DOWN, DOWN)], "all", Phase.RUNNING, 0, "0 of 2 running, 2 down", id="down-is-not-a-failure"
    ),
    pytest.param(
        [web(NO_ROOM)],
        "all",
        Phase.RUNNING,
        0,
        "0 of 1 running, 1 down (insufficient resources: memory)",
        id="no-capacity-is-not-a-failure",
    ),
    pytest.param(
        [web(CRASH, CRASH)], "all", Phase.FAILED, 0.5, "0 of 2 running, 2 crashed", id="all-crashed"
    ),
    pytest.param(
        [web(CRASH, CRASH)],
        "any",
        Phase.FAILED,
        0.5,
        "0 of 2 running, 2 crashed",
        id="all-crashed-fails-any-too",
    ),
    pytest.param(
        [web(RUN, CRASH)], "all", Phase.FAILED, 90, "1 of 2 running, 1 crashed", id="some-crashed-must-last"
    ),
    pytest.param(
        [web(RUN, CRASH)], "any", Phase.SUCCEEDED, 0.5, "1 of 2 running, 1 crashed", id="some-crashed-is-any"
    ),
    pytest.param(
        [web(START, CRASH)],
        "any",
        Phase.RUNNING,
        0,
        "0 of 2 running, 1 crashed, 1 starting",
        id="some-crashed-may-start",
    ),
    pytest.param(
        [web(UNREADY)], "all", Phase.RUNNING, 0, "1 of 1 running, 1 not ready", id="not-routable-is-not-ready"
    ),
    pytest.param(
        [web(UNREADY)],
        "any",
        Phase.SUCCEEDED,
        0.5,
        "1 of 1 running, 1 not ready",
        id="any-ignores-readiness",
    ),
    pytest.param(
        [web(NO_READINESS)], "all", Phase.SUCCEEDED, 0.5, "1 of 1 running", id="no-readiness-checks-there"
    ),
    pytest.param([web(desired=2)], "all", Phase.RUNNING, 0, "0 of 2 running", id="none-reported-yet"),
    pytest.param(
        [web(RUN, desired=2)], "all", Phase.RUNNING, 0, "1 of 2 running", id="fewer-reported-than-desired"
    ),
    pytest.param(
        [web(instance("STOPPING"))], "all", Phase.RUNNING, 0, "0 of 1 running, 1 stopping", id="stopping"
    ),
    pytest.param(
        [web(instance("UNKNOWN"))],
        "all",
        Phase.UNKNOWN,
        0,
        "0 of 1 running, 1 unknown",
        id="unknown-to-the-server",
    ),
    pytest.param(
        [web(instance("FLYING"))], "all", Phase.UNKNOWN, 0, "0 of 1 running, 1 FLYING", id="unknown-state"
    ),
    pytest.param([web(desired=0)], "all", Phase.SUCCEEDED, 0.5, "no instances", id="zero-instances"),
    pytest.param([], "all", Phase.UNKNOWN, 0, "no processes", id="no-processes"),
    pytest.param(
        [web(RUN), worker(START)],
        "all",
        Phase.RUNNING,
        0,
        "web: 1 of 1 running; worker: 0 of 1 running, 1 starting",
        id="every",
    ),
    pytest.param(
        [web(RUN), worker(START)],
        "any",
        Phase.RUNNING,
        0,
        "web: 1 of 1 running; worker: 0 of 1 running, 1 starting",
        id="each",
    ),
    pytest.param(
        [web(RUN), worker(CRASH)],
        "any",
        Phase.FAILED,
        0.5,
        "web: 1 of 1 running; worker: 0 of 1 running, 1 crashed",
        id="one",
    ),
    pytest.param(
        [web(RUN), worker()],
        "all",
        Phase.SUCCEEDED,
        0.5,
        "1 of 1 running",
        id="process-with-zero-instances-is-ignored",
    ),
]


@pytest.mark.parametrize(("processes", "ready", "phase", "stable_for", "detail"), VERDICTS)
def test_the_instances_decide_the_phase(
    processes: list[Process], ready: Ready, phase: Phase, stable_for: float, detail: str
) -> None:
    found = instance_status.snapshot_of(processes, ready, {})
    assert (found.phase, found.stable_for, found.raw_status) == (phase, stable_for, detail)
    assert found.shows_failure is (phase is Phase.FAILED)


@pytest.mark.parametrize(
    ("before", "now", "phase"),
    [
        pytest.param(RUN, RUN, Phase.SUCCEEDED, id="the-same"),
        pytest.param(RUN, {**RUN, "instance_guid": "another"}, Phase.RUNNING, id="another-instance"),
        pytest.param(
            {**RUN, "uptime": 9},
            {**RUN, "uptime": 2},
            Phase.SUCCEEDED,
            id="ages-of-the-same-are-not-compared",
        ),
        pytest.param(
            {"state": "RUNNING", "uptime": 9},
            {"state": "RUNNING", "uptime": 2},
            Phase.RUNNING,
            id="a-younger-one-on-korifi",
        ),
        pytest.param(
            {"state": "RUNNING", "uptime": 2},
            {"state": "RUNNING", "uptime": 9},
            Phase.SUCCEEDED,
            id="the-same-on-korifi",
        ),
        pytest.param(DOWN, RUN, Phase.SUCCEEDED, id="first-running-one"),
    ],
)
def test_an_instance_that_crashes_between_two_polls_is_noticed(
    before: dict[str, Any], now: dict[str, Any], phase: Phase
) -> None:
    marks = Process("web", 1, (before,)).running
    assert instance_status.snapshot_of([Process("web", 1, (now,))], "all", marks).phase is phase


def test_success_requires_a_second_poll_even_at_the_deadline() -> None:
    found = instance_status.snapshot_of([web(RUN)], "all", {})
    assert (found.final, found.stable_for) == (False, instance_status.SECOND_POLL_SECONDS)


def test_a_crash_is_reported_with_its_reason() -> None:
    assert instance_status.snapshot_of([web(CRASH)], "all", {}, "Exited with status 1").reason == (
        "the app crashes (0 of 1 running, 1 crashed): Exited with status 1"
    )


def test_warnings_about_instances() -> None:
    assert instance_status.snapshot_of([web(NO_ROOM)], "all", {}).warnings == (
        "an instance could not be placed yet (insufficient resources: memory): Cloud Foundry keeps trying",
    )
    assert instance_status.snapshot_of([web(desired=0)], "all", {}).warnings == (
        instance_status.NOTHING_RUNS,
    )
    assert "'FLYING'" in instance_status.snapshot_of([web(instance("FLYING"))], "all", {}).warnings[0]


@pytest.mark.parametrize(
    ("processes", "reason"),
    [
        pytest.param(
            [web(UNREADY)], f"{instance_status.UNROUTABLE} (1 of 1 running, 1 not ready)", id="not-ready"
        ),
        pytest.param(
            [web(START)], "not all of its instances were running: 0 of 1 running, 1 starting", id="starting"
        ),
    ],
)
def test_the_reason_of_a_timeout_says_what_was_missing(processes: list[Process], reason: str) -> None:
    assert instance_status.snapshot_of(processes, "all", {}).reason == reason


@pytest.mark.parametrize(
    ("rows", "phase"),
    [
        pytest.param([RUN], Phase.RUNNING, id="still-there"),
        pytest.param([instance("STOPPING")], Phase.RUNNING, id="stopping"),
        pytest.param([DOWN, DOWN], Phase.SUCCEEDED, id="down"),
        pytest.param([], Phase.SUCCEEDED, id="none"),
    ],
)
def test_an_app_is_stopped_once_no_instance_runs(rows: list[dict[str, Any]], phase: Phase) -> None:
    assert instance_status.stopped([web(*rows)]).phase is phase


STATS = {
    "process-stats-200-all-crashed": Phase.FAILED,
    "process-stats-200-all-running": Phase.SUCCEEDED,
    "process-stats-200-all-starting": Phase.RUNNING,
    "process-stats-200-down-just-started": Phase.RUNNING,
    "process-stats-200-down-placement-error": Phase.RUNNING,
    "process-stats-200-korifi": Phase.RUNNING,
    "process-stats-200-metrics-unavailable-warning": Phase.RUNNING,
    "process-stats-200-one-crashed-one-running": Phase.FAILED,
    "process-stats-200-partial": Phase.RUNNING,
    "process-stats-200-running-not-routable": Phase.RUNNING,
    "process-stats-200-stopping": Phase.RUNNING,
    "process-stats-200-zero-instances": Phase.RUNNING,
}
"""Of two instances, as `app-processes-list-200-web-2` wants."""


def test_every_recorded_reply_has_a_row() -> None:
    assert set(STATS) == set(names("process-stats-200"))


@pytest.mark.parametrize("name", STATS)
def test_statistics_are_read(name: str) -> None:
    row = body("app-processes-list-200-web-2")["resources"][0]
    assert (
        instance_status.snapshot_of([instance_status.process(row, body(name))], "all", {}).phase
        is STATS[name]
    )
