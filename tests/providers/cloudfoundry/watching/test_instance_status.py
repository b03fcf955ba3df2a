"""What instances, deployments and builds are taken for: a row per rule, and every recorded reply."""

from typing import Any

import pytest

from deployer.model import Phase, Snapshot, UnavailableError
from deployer.providers.cloudfoundry.options import Ready
from deployer.providers.cloudfoundry.watching import build_status, deployment_status, instance_status
from deployer.providers.cloudfoundry.watching.instance_status import Process
from tests.providers.cloudfoundry.support import DROPLET, body, instance, names

RUN, START, CRASH, DOWN = instance("RUNNING"), instance("STARTING"), instance("CRASHED"), instance("DOWN")
NO_ROOM = instance("DOWN", details="insufficient resources: memory")
UNREADY = instance("RUNNING", routable=False)
NO_READINESS = instance("RUNNING", routable=None)


def at(index: int, row: dict[str, Any]) -> dict[str, Any]:
    guid = f"i-{index}" if row["instance_guid"] else ""
    return {**row, "index": index, "instance_guid": guid}


def web(*rows: dict[str, Any], desired: int | None = None) -> Process:
    return Process(
        "web",
        len(rows) if desired is None else desired,
        tuple(at(index, row) for index, row in enumerate(rows)),
    )


def worker(*rows: dict[str, Any]) -> Process:
    return Process(
        "worker", len(rows), tuple({**at(index, row), "type": "worker"} for index, row in enumerate(rows))
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
        [web(START, START)], "any", Phase.RUNNING, 0, "0 of 2 running, 2 starting", id="none-is-not-any"
    ),
    pytest.param(
        [web(DOWN, DOWN)], "all", Phase.RUNNING, 0, "0 of 2 running, 2 down", id="down-is-no-failure"
    ),
    pytest.param(
        [web(NO_ROOM)],
        "all",
        Phase.RUNNING,
        0,
        "0 of 1 running, 1 down (insufficient resources: memory)",
        id="no-room-is-no-failure",
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
        id="any-knows-no-readiness",
    ),
    pytest.param(
        [web(NO_READINESS)], "all", Phase.SUCCEEDED, 0.5, "1 of 1 running", id="no-readiness-checks-there"
    ),
    pytest.param([web(desired=2)], "all", Phase.RUNNING, 0, "0 of 2 running", id="none-reported-yet"),
    pytest.param(
        [web(RUN, desired=2)], "all", Phase.RUNNING, 0, "1 of 2 running", id="fewer-reported-than-wanted"
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
        id="the-server-does-not-know",
    ),
    pytest.param(
        [web(instance("FLYING"))], "all", Phase.UNKNOWN, 0, "0 of 1 running, 1 FLYING", id="we-do-not-know"
    ),
    pytest.param([web(desired=0)], "all", Phase.SUCCEEDED, 0.5, "no instances", id="zero-instances"),
    pytest.param([], "all", Phase.UNKNOWN, 0, "no processes", id="no-process-is-named"),
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
        id="a-process-of-zero-instances-counts-for-nothing",
    ),
]


@pytest.mark.parametrize(("processes", "ready", "phase", "hold", "detail"), VERDICTS)
def test_a_verdict_is_made_of_the_instances(
    processes: list[Process], ready: Ready, phase: Phase, hold: float, detail: str
) -> None:
    found = instance_status.snapshot_of(processes, ready, {})
    assert (found.phase, found.stable_for, found.raw_status) == (phase, hold, detail)
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
        pytest.param(DOWN, RUN, Phase.SUCCEEDED, id="the-first-that-runs"),
    ],
)
def test_an_instance_that_crashes_between_two_looks_is_noticed(
    before: dict[str, Any], now: dict[str, Any], phase: Phase
) -> None:
    marks = Process("web", 1, (before,)).running
    assert instance_status.snapshot_of([Process("web", 1, (now,))], "all", marks).phase is phase


def test_success_is_only_believed_at_the_second_look_also_at_the_deadline() -> None:
    found = instance_status.snapshot_of([web(RUN)], "all", {})
    assert (found.final, found.stable_for) == (False, instance_status.SECOND_POLL_SECONDS)


def test_a_crash_is_told_with_its_reason() -> None:
    assert instance_status.snapshot_of([web(CRASH)], "all", {}, "Exited with status 1").reason == (
        "it crashes (0 of 1 running, 1 crashed): Exited with status 1"
    )


def test_what_is_told_along_the_way() -> None:
    assert instance_status.snapshot_of([web(NO_ROOM)], "all", {}).warnings == (
        "no place was found for an instance yet (insufficient resources: memory): the server goes on trying",
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
        pytest.param([web(START)], "not all of its instances ran: 0 of 1 running, 1 starting", id="starting"),
    ],
)
def test_the_limit_says_what_was_missing(processes: list[Process], reason: str) -> None:
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
def test_stopped_is_what_runs_nowhere_any_more(rows: list[dict[str, Any]], phase: Phase) -> None:
    assert instance_status.stopped([web(*rows)]).phase is phase


# --- rolling deployments

DEPLOYMENTS = [
    pytest.param("ACTIVE", "DEPLOYING", Phase.RUNNING, id="deploying"),
    pytest.param("ACTIVE", "PAUSED", Phase.RUNNING, id="paused"),
    pytest.param("ACTIVE", "CANCELING", Phase.RUNNING, id="canceling"),
    pytest.param("FINALIZED", "CANCELED", Phase.CANCELLED, id="canceled-is-no-success"),
    pytest.param("FINALIZED", "SUPERSEDED", Phase.SUPERSEDED, id="superseded-is-no-success"),
    pytest.param("FINALIZED", "", Phase.UNKNOWN, id="finalized-alone-is-no-success"),
    pytest.param("ACTIVE", "DREAMING", Phase.UNKNOWN, id="unknown"),
    pytest.param("DEPLOYED", "", Phase.UNKNOWN, id="unknown-value"),
]


@pytest.mark.parametrize(("value", "reason", "phase"), DEPLOYMENTS)
def test_a_deployment_is_read_by_both_its_words(value: str, reason: str, phase: Phase) -> None:
    row = {"status": {"value": value, "reason": reason}}
    assert deployment_status.snapshot_of(row).phase is phase
    assert not deployment_status.is_deployed(row)


def test_trouble_of_a_deployment_is_told_and_is_no_end() -> None:
    found = deployment_status.snapshot_of(body("deployment-get-200-deploying-with-error"))
    assert found == Snapshot(
        Phase.RUNNING,
        "deploying",
        reason="its instances were still being replaced: memory quota_exceeded",
        warnings=("the deployment does not get on: memory quota_exceeded",),
    )


@pytest.mark.parametrize(
    ("value", "reason", "phase"),
    [
        pytest.param("FINALIZED", "CANCELED", None, id="back"),
        pytest.param("FINALIZED", "DEPLOYED", Phase.FAILED, id="too-late"),
        pytest.param("ACTIVE", "CANCELING", Phase.RUNNING, id="on-its-way"),
        pytest.param("ACTIVE", "DEPLOYING", Phase.RUNNING, id="not-yet"),
        pytest.param("FINALIZED", "SUPERSEDED", Phase.SUPERSEDED, id="superseded"),
    ],
)
def test_a_deployment_that_we_cancel_is_followed_until_what_ran_before_is_back(
    value: str, reason: str, phase: Phase | None
) -> None:
    found = deployment_status.reverted({"status": {"value": value, "reason": reason}})
    assert (found and found.phase) is phase


@pytest.mark.parametrize(
    ("rows", "phase"),
    [
        pytest.param([CRASH], Phase.FAILED, id="all-that-are-there-crash"),
        pytest.param([CRASH, RUN], Phase.RUNNING, id="one-runs"),
        pytest.param([], Phase.RUNNING, id="none-there"),
    ],
)
def test_new_instances_that_crash_end_a_deployment_that_would_never_end(
    rows: list[dict[str, Any]], phase: Phase
) -> None:
    going = deployment_status.snapshot_of(body("deployment-get-200-deploying"))
    assert deployment_status.with_new_instances(going, [web(*rows)], "why").phase is phase


# --- builds


@pytest.mark.parametrize(
    ("state", "phase", "hold"),
    [
        pytest.param("STAGING", Phase.RUNNING, 0, id="staging"),
        pytest.param("STAGED", Phase.SUCCEEDED, 0, id="staged"),
        pytest.param("FAILED", Phase.FAILED, 3, id="failed"),
        pytest.param("BAKING", Phase.UNKNOWN, 0, id="unknown"),
    ],
)
def test_a_build_is_its_state(state: str, phase: Phase, hold: float) -> None:
    found = build_status.snapshot_of({"state": state, "droplet": {"guid": DROPLET}})
    assert (found.phase, found.stable_for) == (phase, hold)


def test_a_failed_staging_tells_what_its_log_says() -> None:
    row = body("build-get-200-failed-docker")
    assert build_status.snapshot_of(row, "Its log says: manifest unknown").reason == (
        "staging failed. Its log says: manifest unknown"
    )


# --- every reply, and what is none

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

ROLLING: dict[str, Phase | None] = {
    "deployment-create-201-app-was-stopped": None,
    "deployment-create-201-canary-docs": Phase.RUNNING,
    "deployment-create-201-rolling": Phase.RUNNING,
    "deployment-get-200-canary-paused": Phase.RUNNING,
    "deployment-get-200-canceled": Phase.CANCELLED,
    "deployment-get-200-canceling": Phase.RUNNING,
    "deployment-get-200-deployed": None,
    "deployment-get-200-deploying": Phase.RUNNING,
    "deployment-get-200-deploying-with-error": Phase.RUNNING,
}
"""None: its instances are looked at."""

BUILDS = {
    "build-create-201-staging-docker": Phase.RUNNING,
    "build-create-201-staging-docs": Phase.RUNNING,
    "build-get-200-failed-docker": Phase.FAILED,
    "build-get-200-failed-insufficient": Phase.FAILED,
    "build-get-200-staged-docker": Phase.SUCCEEDED,
    "build-get-200-staged-docs": Phase.SUCCEEDED,
    "build-get-200-staging-docker": Phase.RUNNING,
}


def test_every_reply_of_the_contract_has_a_row() -> None:
    assert set(STATS) == set(names("process-stats-200"))
    assert set(ROLLING) == set(names("deployment-get-200", "deployment-create-201"))
    assert set(BUILDS) == set(names("build-get-200", "build-create-201"))


@pytest.mark.parametrize("name", STATS)
def test_statistics_are_read(name: str) -> None:
    row = body("app-processes-list-200-web-2")["resources"][0]
    assert (
        instance_status.snapshot_of([instance_status.process(row, body(name))], "all", {}).phase
        is STATS[name]
    )


@pytest.mark.parametrize("name", ROLLING)
def test_deployments_are_read(name: str) -> None:
    row, phase = body(name), ROLLING[name]
    assert deployment_status.is_deployed(row) is (phase is None)
    assert phase is None or deployment_status.snapshot_of(row).phase is phase


@pytest.mark.parametrize("name", BUILDS)
def test_builds_are_read(name: str) -> None:
    assert build_status.snapshot_of(body(name)).phase is BUILDS[name]


@pytest.mark.parametrize("reply", [None, "text", [], {}, {"resources": {}}, {"status": 1}, {"state": None}])
def test_an_answer_of_another_shape_is_no_news(reply: Any) -> None:
    for read in (
        build_status.snapshot_of,
        deployment_status.snapshot_of,
        deployment_status.is_deployed,
        lambda data: instance_status.process({}, data),
    ):
        with pytest.raises(UnavailableError):
            read(reply)


def test_a_staged_build_without_a_droplet_is_no_news() -> None:
    with pytest.raises(UnavailableError):
        build_status.snapshot_of({"state": "STAGED", "droplet": None})


def test_what_the_server_says_is_one_line() -> None:
    found = build_status.snapshot_of({"state": "FAILED", "error": "a\nb" + "x" * 1000})
    assert found.reason == "staging failed: a b" + "x" * 1000


def test_no_state_that_we_do_not_know_changes_its_letters() -> None:
    """A secret in other letters would be known as none."""
    row = {"status": {"value": "ACTIVE", "reason": "SeCrEt"}}
    found = [deployment_status.snapshot_of(row), build_status.snapshot_of({"state": "SeCrEt"})]
    assert [("SeCrEt" in seen.raw_status, "SeCrEt" in seen.warnings[0]) for seen in found] == [
        (True, True)
    ] * 2
