"""What the status of a resource means, and for how long it must be stable (coolify-api 8.

Architecture 2.2).
"""

from __future__ import annotations

from typing import Any

import pytest

from deployer.model import Command, Handle, Phase, Snapshot, UnavailableError, VerifyHealth
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, DATABASE, SERVICE
from deployer.providers.coolify.watching import resource_status
from deployer.providers.coolify.watching.resource_status import RUNNING, STOPPED
from deployer.watch import End, Watch, observe
from tests.providers.coolify.support import NEW, STACK, Row, recording

OLD = "4.0.0-beta.444"
"""The last version before the statuses changed."""

UP, DOWN, UNDECIDED = (Phase.SUCCEEDED, 15.0), (Phase.FAILED, 180.0), (Phase.RUNNING, 0.0)
"""The phase of a service or database that should run, and the seconds for which it must be stable."""

STOPS, STILL_RUNNING = (Phase.SUCCEEDED, 0.0), (Phase.RUNNING, 0.0)
HEALTHY, UNHEALTHY, UNCLEAR = (Phase.SUCCEEDED, 0.0), (Phase.FAILED, 90.0), (Phase.RUNNING, 0.0)

# status; should run: since beta.445, before; should be stopped; after a deployment: without a health check,
# with one
STATUSES = (
    ("running:healthy", UP, UP, STILL_RUNNING, HEALTHY, HEALTHY),
    ("running:unhealthy", UNDECIDED, UP, STILL_RUNNING, HEALTHY, UNCLEAR),
    ("running:unknown", UP, UP, STILL_RUNNING, HEALTHY, HEALTHY),
    ("running:starting", UNDECIDED, UNDECIDED, STILL_RUNNING, UNCLEAR, UNCLEAR),
    ("running", UP, UP, STILL_RUNNING, HEALTHY, HEALTHY),
    ("running:healthy:excluded", UP, UP, STILL_RUNNING, HEALTHY, HEALTHY),
    ("running:unknown:excluded", UP, UP, STILL_RUNNING, HEALTHY, HEALTHY),
    ("running:excluded", UP, UP, STILL_RUNNING, HEALTHY, HEALTHY),
    ("starting:unknown", UNDECIDED, UNDECIDED, STILL_RUNNING, UNCLEAR, UNCLEAR),
    ("starting:unhealthy", UNDECIDED, UNDECIDED, STILL_RUNNING, UNCLEAR, UNCLEAR),
    ("starting:excluded", UNDECIDED, UNDECIDED, STILL_RUNNING, UNCLEAR, UNCLEAR),
    ("created:unhealthy", UNDECIDED, UNDECIDED, STILL_RUNNING, UNCLEAR, UNCLEAR),
    ("paused:unknown", UNDECIDED, UNDECIDED, STILL_RUNNING, UNCLEAR, UNCLEAR),
    ("restarting:unknown", DOWN, DOWN, STILL_RUNNING, UNHEALTHY, UNHEALTHY),
    ("restarting:unhealthy", DOWN, DOWN, STILL_RUNNING, UNHEALTHY, UNHEALTHY),
    ("degraded:unhealthy", DOWN, DOWN, STILL_RUNNING, UNHEALTHY, UNHEALTHY),
    ("degraded:healthy", DOWN, DOWN, STILL_RUNNING, UNHEALTHY, UNHEALTHY),
    ("degraded:excluded", DOWN, DOWN, STILL_RUNNING, UNHEALTHY, UNHEALTHY),
    ("exited", DOWN, DOWN, STOPS, UNHEALTHY, UNHEALTHY),
    ("exited:unhealthy", DOWN, DOWN, STOPS, UNHEALTHY, UNHEALTHY),
    ("exited:healthy", DOWN, DOWN, STOPS, UNHEALTHY, UNHEALTHY),
    ("exited:exited", DOWN, DOWN, STOPS, UNHEALTHY, UNHEALTHY),
    ("exited:excluded", DOWN, DOWN, STOPS, UNHEALTHY, UNHEALTHY),
    ("dead:unhealthy", DOWN, DOWN, STILL_RUNNING, UNHEALTHY, UNHEALTHY),
    ("removing:unhealthy", DOWN, DOWN, STILL_RUNNING, UNHEALTHY, UNHEALTHY),
    ("unknown:unknown:excluded", UNDECIDED, UNDECIDED, STILL_RUNNING, UNCLEAR, UNCLEAR),
    (":", UNDECIDED, UNDECIDED, STILL_RUNNING, UNCLEAR, UNCLEAR),
    ("", UNDECIDED, UNDECIDED, STILL_RUNNING, UNCLEAR, UNCLEAR),
    ("Up 3 minutes:unhealthy", UNDECIDED, UNDECIDED, STILL_RUNNING, UNCLEAR, UNCLEAR),
    ("exploded:healthy", UNDECIDED, UNDECIDED, STILL_RUNNING, UNCLEAR, UNCLEAR),
    ("RUNNING:healthy", UNDECIDED, UNDECIDED, STILL_RUNNING, UNCLEAR, UNCLEAR),
)
TEXTS = [row[0] for row in STATUSES]
Rating = tuple[Phase, float]


def rating(snapshot: Snapshot) -> Rating:
    """The phase and its stable time. A phase that may turn is not final."""
    assert snapshot.final is (snapshot.phase is Phase.RUNNING), snapshot
    return snapshot.phase, snapshot.stable_for


@pytest.mark.parametrize(("text", "now", "before"), [row[:3] for row in STATUSES], ids=TEXTS)
@pytest.mark.parametrize(
    ("version", "old"),
    [(OLD, True), ("4.0.0-beta.380", True), ("4.0.0-beta.445", False), (NEW, False), ("", False)],
)
def test_status_of_what_should_run(
    text: str, now: Rating, before: Rating, version: str, *, old: bool
) -> None:
    """Before beta.445 `unhealthy` was also the status without a health check."""
    snapshot = resource_status.resource({"status": text}, RUNNING, "exited", Version(version), changed=False)
    assert rating(snapshot) == (before if old else now)
    assert snapshot.raw_status == text


@pytest.mark.parametrize(("text", "stopped"), [(row[0], row[3]) for row in STATUSES], ids=TEXTS)
def test_status_of_what_should_be_stopped(text: str, stopped: Rating) -> None:
    snapshot = resource_status.resource(
        {"status": text}, STOPPED, "running:healthy", Version(NEW), changed=False
    )
    assert rating(snapshot) == stopped
    assert snapshot.raw_status == text


@pytest.mark.parametrize("row", STATUSES, ids=TEXTS)
@pytest.mark.parametrize(
    ("fields", "has_check", "passed"),
    [
        pytest.param(
            {"health_check_enabled": False, "custom_healthcheck_found": False},
            False,
            False,
            id="no-health-check",
        ),
        pytest.param({}, False, False, id="unknown-health-check"),
        pytest.param({"health_check_enabled": True}, True, False, id="health-check"),
        pytest.param(
            {"health_check_enabled": False, "custom_healthcheck_found": True},
            True,
            False,
            id="health-check-of-the-image",
        ),
        pytest.param({"health_check_enabled": True}, False, True, id="health-check-that-passed"),
    ],
)
def test_status_after_a_deployment(
    row: tuple[Any, ...], fields: Row, *, has_check: bool, passed: bool
) -> None:
    text, *_, without, with_check = row
    snapshot = resource_status.health({"status": text, **fields}, Options(), passed=passed)
    assert rating(snapshot) == (with_check if has_check else without)
    assert snapshot.raw_status == text


# --- stable times


@pytest.mark.parametrize(
    ("verify", "timeout", "runs", "down"),
    [
        pytest.param("auto", 180, 0, 90, id="auto"),
        pytest.param("true", 180, 60, 90, id="true"),
        pytest.param("true", 105, 60, 90, id="shortest-timeout-for-both"),
        pytest.param("true", 80, 60, 65, id="true-down-with-a-short-timeout"),
        pytest.param("auto", 60, 0, 45, id="auto-down-with-a-short-timeout"),
        pytest.param("auto", 15, 0, 1, id="very-short-timeout"),
        pytest.param("auto", 5, 0, 1, id="timeout-below-the-margin"),
        pytest.param("true", 3600, 60, 90, id="long-timeout"),
    ],
)
def test_stable_time_depends_on_verify_health_and_verify_timeout(
    verify: VerifyHealth, timeout: float, runs: float, down: float
) -> None:
    """The minute is never shortened: a timeout below 80 s is rejected."""
    options = Options(verify_health=verify, verify_timeout=timeout)
    assert resource_status.health({"status": "running:unknown"}, options, passed=False).stable_for == runs
    assert resource_status.health({"status": "exited:unhealthy"}, options, passed=False).stable_for == down


@pytest.mark.parametrize(
    ("before", "seen_down", "stable_for"),
    [
        pytest.param("running:healthy", False, 75, id="unchanged"),
        pytest.param("running:healthy", True, 15, id="seen-down"),
        pytest.param("running:unknown", False, 15, id="health-changed"),
        pytest.param("exited", False, 15, id="was-down"),
        pytest.param("starting:unhealthy", False, 75, id="starting-before"),
        pytest.param("", False, 75, id="unknown"),
        pytest.param("", True, 15, id="unknown-but-seen-down"),
    ],
)
def test_unchanged_running_may_be_stale_for_a_minute_and_is_not_verified(
    before: str, stable_for: float, *, seen_down: bool
) -> None:
    """Coolify checks its containers once a minute (coolify-api 8 trap 4).

    It never reports a failed pull (captured-2).
    """
    snapshot = resource_status.resource(
        {"status": "running:healthy"}, RUNNING, before, Version(NEW), changed=seen_down
    )
    unseen = (
        resource_status.STATUS_UNCHANGED.format("running:healthy")
        if stable_for == resource_status.UNCHANGED_SECONDS
        else ""
    )
    assert (*rating(snapshot), snapshot.reason, snapshot.unseen) == (Phase.SUCCEEDED, stable_for, "", unseen)


@pytest.mark.parametrize(
    ("before", "now", "stable_for", "reason"),
    [
        pytest.param("running:healthy", "exited", 0, "", id="was-running"),
        pytest.param("starting:unhealthy", "exited", 0, "", id="was-starting"),
        pytest.param("", "exited:unhealthy", 0, "", id="unknown"),
        pytest.param("exited", "exited:unhealthy", 10, "it was already stopped", id="already-stopped"),
        pytest.param(
            "exited:unhealthy",
            "exited",
            10,
            "it was already stopped",
            id="already-stopped-other-status",
        ),
    ],
)
def test_already_stopped_must_be_stable_longer(before: str, now: str, stable_for: float, reason: str) -> None:
    snapshot = resource_status.resource({"status": now}, STOPPED, before, Version(NEW), changed=False)
    assert (*rating(snapshot), snapshot.reason) == (Phase.SUCCEEDED, stable_for, reason)


@pytest.mark.parametrize(
    ("command", "before", "now", "phase"),
    [
        pytest.param(
            Command.RESTART,
            "exited:unhealthy",
            "exited:unhealthy",
            Phase.RUNNING,
            id="not-refreshed",
        ),
        pytest.param(Command.RESTART, "running:healthy", "exited:unhealthy", Phase.FAILED, id="refreshed"),
        pytest.param(
            Command.RESTART,
            "exited:unhealthy",
            "degraded:unhealthy",
            Phase.FAILED,
            id="refreshed-and-worse",
        ),
        pytest.param(
            Command.DEPLOY,
            "exited:unhealthy",
            "exited:unhealthy",
            Phase.FAILED,
            id="deployment-refreshes",
        ),
        pytest.param(Command.RESTART, "running:healthy", "running:healthy", Phase.SUCCEEDED, id="running"),
    ],
)
def test_after_a_restart_an_unchanged_bad_status_is_no_failure(
    command: Command, before: str, now: str, phase: Phase
) -> None:
    """A restart refreshes no status (coolify-api 7.3)."""
    assert (
        resource_status.health({"status": now}, Options(command=command), passed=False, before=before).phase
        is phase
    )


@pytest.mark.parametrize(
    ("verify", "stable_for"),
    [("auto", 0), ("true", 60)],
)
def test_after_a_bad_status_one_good_poll_is_not_enough(verify: VerifyHealth, stable_for: float) -> None:
    """It must be seen twice, 15 s apart (coolify-api 8)."""
    snapshot = resource_status.health(
        {"status": "running:unknown"}, Options(verify_health=verify), passed=False
    )
    assert (*rating(snapshot), snapshot.stable_after_failure) == (Phase.SUCCEEDED, stable_for, 15)


# --- texts


def test_timeout_names_the_last_status() -> None:
    for text, expected in (
        ("starting:unhealthy", "its status was still starting:unhealthy"),
        ("", "its status was still unknown"),
    ):
        assert (
            resource_status.resource({"status": text}, RUNNING, "", Version(NEW), changed=False).reason
            == expected
        )
        assert resource_status.health({"status": text}, Options(), passed=False).reason == expected
    assert resource_status.resource(
        {"status": "running:healthy"}, STOPPED, "", Version(NEW), changed=False
    ).reason == ("it did not stop: its status was still running:healthy")


def test_bad_status_has_a_reason_and_a_fix() -> None:
    assert resource_status.resource(
        {"status": "exited"}, RUNNING, "", Version(NEW), changed=False
    ).reason == (
        "the new version is not running: Coolify reports exited. For the cause, open its logs in Coolify"
    )
    assert resource_status.health({"status": "degraded:unhealthy"}, Options(), passed=False).reason == (
        "the new version is not running: Coolify reports degraded:unhealthy. "
        "For the cause, open its logs in Coolify"
    )


def test_status_is_one_line() -> None:
    """It is not truncated here: the reporter redacts it first."""
    snapshot = resource_status.health({"status": "x\n" * 500}, Options(), passed=False)
    assert (snapshot.raw_status, snapshot.reason) == (
        "x " * 499 + "x",
        "its status was still " + "x " * 499 + "x",
    )


@pytest.mark.parametrize(
    "row", [None, [], "running", {}, {"status": None}, {"status": 5}, {"status": ["running"]}]
)
def test_response_without_a_status_is_unavailable(row: object) -> None:
    for condition in (RUNNING, STOPPED):
        with pytest.raises(UnavailableError):
            resource_status.resource(row, condition, "", Version(NEW), changed=False)
    with pytest.raises(UnavailableError) as caught:
        resource_status.health(row, Options(), passed=False)
    assert (caught.value.from_server, caught.value.may_have_arrived) == (True, True)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (SERVICE, "Service is already running.", "Service is already running"),
        (SERVICE, "Service is already stopped.", "Service is already stopped"),
        (DATABASE, "Database is already running.", "Database is already running"),
        (DATABASE, "Database is already stopped.", "Database is already stopped"),
        (APPLICATION, "Application is already running.", ""),
        (SERVICE, "Server is not functional.", ""),
        (SERVICE, "The service is already running. Or not", ""),
        (SERVICE, "", ""),
    ],
)
def test_already_in_the_state_is_recognized_by_its_message(kind: str, text: str, expected: str) -> None:
    assert resource_status.already_in_state(kind, text) == expected


# --- whole sequences

RUNNING_SERVICE = Handle(STACK, "", condition=RUNNING)


def watch_all(changes: list[tuple[float, str]], before: str) -> tuple[End | None, int]:
    """Poll a service each second, whose status changes at these times. Returns its end, and when."""
    watch, seen_down = Watch(RUNNING_SERVICE, began=0, deadline=1800), False
    for second in range(1000):
        text = next(row for since, row in reversed(changes) if since <= second)
        seen_down = seen_down or resource_status.split(text)[0] not in {"running", "starting"}
        watch, _ = observe(
            watch,
            resource_status.resource({"status": text}, RUNNING, before, Version(NEW), changed=seen_down),
            second,
        )
        if watch.result:
            return watch.result.end, second
    return None, 1000


def test_recorded_restart_of_a_service_is_watched_to_its_end() -> None:
    """The recording, 20 times slower. Its last `exited` lasts for up to two minutes (coolify-api 8)."""
    steps = [
        (20 * step["t"], step["status"]) for step in recording("sequence_service_restart_status")["statuses"]
    ]
    assert [text for _, text in steps] == [
        "starting:unhealthy",
        "running:healthy",
        "exited",
        "starting:unhealthy",
        "exited",
    ]
    assert watch_all([(0, "running:healthy"), *steps, (147, "running:healthy")], "running:healthy") == (
        End.SUCCEEDED,
        162,
    )


@pytest.mark.parametrize(
    ("before", "changes", "end"),
    [
        pytest.param("running:healthy", [(0, "running:healthy")], (End.SUCCEEDED, 75), id="always-running"),
        pytest.param(
            "running:healthy",
            [(0, "running:healthy"), (20, "starting:unhealthy"), (40, "running:healthy")],
            (End.SUCCEEDED, 115),
            id="with-latest",
        ),
        pytest.param(
            "running:healthy",
            [(0, "running:healthy"), (60, "exited"), (90, "running:healthy")],
            (End.SUCCEEDED, 105),
            id="stale-for-minute",
        ),
        pytest.param(
            "exited",
            [(0, "starting:unhealthy"), (20, "running:unknown")],
            (End.SUCCEEDED, 35),
            id="was-down",
        ),
        pytest.param(
            "running:healthy",
            [
                (0, "running:healthy"),
                (10, "exited"),
                (20, "starting:unhealthy"),
                (40, "exited"),
                (160, "running:healthy"),
            ],
            (End.SUCCEEDED, 175),
            id="down-and-up-again",
        ),
        pytest.param("exited", [(0, "starting:unhealthy"), (30, "exited")], (End.FAILED, 210), id="never-up"),
        pytest.param(
            "exited",
            [(0, "starting:unhealthy"), (30, "exited"), (209, "running:healthy")],
            (End.SUCCEEDED, 224),
            id="in-last-second",
        ),
        pytest.param(
            "exited",
            [(0, "starting:unhealthy"), (30, "degraded:unhealthy")],
            (End.FAILED, 210),
            id="degraded",
        ),
        pytest.param(
            "exited",
            [(0, "starting:unhealthy"), (30, "exited"), (150, "degraded:unhealthy")],
            (End.FAILED, 210),
            id="exited-then-degraded",
        ),
        pytest.param("exited", [(0, "starting:unhealthy")], (None, 1000), id="starting-forever"),
    ],
)
def test_started_service_is_running_after_a_stable_time(
    before: str, changes: list[tuple[float, str]], end: tuple[End | None, int]
) -> None:
    assert watch_all(changes, before) == end
