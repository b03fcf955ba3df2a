"""Coolify: what the status of a resource is worth, and for how long it must last (coolify-api 8; architecture 2.2)."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.model import Command, Handle, Phase, Snapshot, UnavailableError, VerifyHealth
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.trigger_requests import APPLICATION, DATABASE, SERVICE
from deployer.providers.coolify.watching import resource_status
from deployer.providers.coolify.watching.resource_status import RUNNING, STOPPED
from deployer.watch import End, Watch, observe
from tests.providers.coolify.support import NEW, STACK, Row, recording

OLD = "4.0.0-beta.444"
"""The last one before the words changed."""

RUNS, DOWN, NOTHING = (Phase.SUCCEEDED, 15.0), (Phase.FAILED, 180.0), (Phase.RUNNING, 0.0)
"""What a status says of a service or database that is to run: after how many seconds it is believed."""

STOPS, NOT_YET = (Phase.SUCCEEDED, 0.0), (Phase.RUNNING, 0.0)
HEALTHY, ILL, UNCLEAR = (Phase.SUCCEEDED, 0.0), (Phase.FAILED, 90.0), (Phase.RUNNING, 0.0)

# status; to run: since beta.445, before; to be stopped; after a deployment: without a health check, with one
WORDS = (
    ("running:healthy", RUNS, RUNS, NOT_YET, HEALTHY, HEALTHY),
    ("running:unhealthy", NOTHING, RUNS, NOT_YET, HEALTHY, UNCLEAR),
    ("running:unknown", RUNS, RUNS, NOT_YET, HEALTHY, HEALTHY),
    ("running:starting", NOTHING, NOTHING, NOT_YET, UNCLEAR, UNCLEAR),
    ("running", RUNS, RUNS, NOT_YET, HEALTHY, HEALTHY),
    ("running:healthy:excluded", RUNS, RUNS, NOT_YET, HEALTHY, HEALTHY),
    ("running:unknown:excluded", RUNS, RUNS, NOT_YET, HEALTHY, HEALTHY),
    ("running:excluded", RUNS, RUNS, NOT_YET, HEALTHY, HEALTHY),
    ("starting:unknown", NOTHING, NOTHING, NOT_YET, UNCLEAR, UNCLEAR),
    ("starting:unhealthy", NOTHING, NOTHING, NOT_YET, UNCLEAR, UNCLEAR),
    ("starting:excluded", NOTHING, NOTHING, NOT_YET, UNCLEAR, UNCLEAR),
    ("created:unhealthy", NOTHING, NOTHING, NOT_YET, UNCLEAR, UNCLEAR),
    ("paused:unknown", NOTHING, NOTHING, NOT_YET, UNCLEAR, UNCLEAR),
    ("restarting:unknown", DOWN, DOWN, NOT_YET, ILL, ILL),
    ("restarting:unhealthy", DOWN, DOWN, NOT_YET, ILL, ILL),
    ("degraded:unhealthy", DOWN, DOWN, NOT_YET, ILL, ILL),
    ("degraded:healthy", DOWN, DOWN, NOT_YET, ILL, ILL),
    ("degraded:excluded", DOWN, DOWN, NOT_YET, ILL, ILL),
    ("exited", DOWN, DOWN, STOPS, ILL, ILL),
    ("exited:unhealthy", DOWN, DOWN, STOPS, ILL, ILL),
    ("exited:healthy", DOWN, DOWN, STOPS, ILL, ILL),
    ("exited:exited", DOWN, DOWN, STOPS, ILL, ILL),
    ("exited:excluded", DOWN, DOWN, STOPS, ILL, ILL),
    ("dead:unhealthy", DOWN, DOWN, NOT_YET, ILL, ILL),
    ("removing:unhealthy", DOWN, DOWN, NOT_YET, ILL, ILL),
    ("unknown:unknown:excluded", NOTHING, NOTHING, NOT_YET, UNCLEAR, UNCLEAR),
    (":", NOTHING, NOTHING, NOT_YET, UNCLEAR, UNCLEAR),
    ("", NOTHING, NOTHING, NOT_YET, UNCLEAR, UNCLEAR),
    ("Up 3 minutes:unhealthy", NOTHING, NOTHING, NOT_YET, UNCLEAR, UNCLEAR),
    ("exploded:healthy", NOTHING, NOTHING, NOT_YET, UNCLEAR, UNCLEAR),
    ("RUNNING:healthy", NOTHING, NOTHING, NOT_YET, UNCLEAR, UNCLEAR),
)
TEXTS = [word[0] for word in WORDS]
Worth = tuple[Phase, float]


def worth(snapshot: Snapshot) -> Worth:
    """Of an end that may turn: no deadline cuts it short."""
    assert snapshot.final is (snapshot.phase is Phase.RUNNING), snapshot
    return snapshot.phase, snapshot.stable_for


@pytest.mark.parametrize(("text", "now", "before"), [word[:3] for word in WORDS], ids=TEXTS)
@pytest.mark.parametrize(
    ("version", "old"),
    [(OLD, True), ("4.0.0-beta.380", True), ("4.0.0-beta.445", False), (NEW, False), ("", False)],
)
def test_what_a_status_is_worth_of_what_is_to_run(
    text: str, now: Worth, before: Worth, version: str, *, old: bool
) -> None:
    """Before beta.445 `unhealthy` was also said of what has no health check."""
    seen = resource_status.resource({"status": text}, RUNNING, "exited", Version(version), changed=False)
    assert worth(seen) == (before if old else now)
    assert seen.raw_status == text


@pytest.mark.parametrize(("text", "stopped"), [(word[0], word[3]) for word in WORDS], ids=TEXTS)
def test_what_a_status_is_worth_of_what_is_to_be_stopped(text: str, stopped: Worth) -> None:
    seen = resource_status.resource({"status": text}, STOPPED, "running:healthy", Version(NEW), changed=False)
    assert worth(seen) == stopped
    assert seen.raw_status == text


@pytest.mark.parametrize("word", WORDS, ids=TEXTS)
@pytest.mark.parametrize(
    ("checks", "checked", "passed"),
    [
        pytest.param(
            {"health_check_enabled": False, "custom_healthcheck_found": False},
            False,
            False,
            id="no-health-check",
        ),
        pytest.param({}, False, False, id="none-that-is-known"),
        pytest.param({"health_check_enabled": True}, True, False, id="a-health-check"),
        pytest.param(
            {"health_check_enabled": False, "custom_healthcheck_found": True},
            True,
            False,
            id="the-image-s-own",
        ),
        pytest.param({"health_check_enabled": True}, False, True, id="a-health-check-that-passed"),
    ],
)
def test_what_a_status_is_worth_after_a_deployment(
    word: tuple[Any, ...], checks: Row, *, checked: bool, passed: bool
) -> None:
    text, *_, without, with_check = word
    seen = resource_status.health({"status": text, **checks}, Options(), passed=passed)
    assert worth(seen) == (with_check if checked else without)
    assert seen.raw_status == text


# --- how long


@pytest.mark.parametrize(
    ("verify", "timeout", "runs", "down"),
    [
        pytest.param("auto", 180, 0, 90, id="auto-believes-the-first"),
        pytest.param("true", 180, 60, 90, id="true-wants-a-minute"),
        pytest.param("true", 105, 60, 90, id="just-enough-for-both"),
        pytest.param("true", 80, 60, 65, id="bad-for-all-of-a-shorter-time"),
        pytest.param("auto", 60, 0, 45, id="auto-bad-for-all-of-a-shorter-time"),
        pytest.param("auto", 15, 0, 1, id="no-time-at-all"),
        pytest.param("auto", 5, 0, 1, id="less-than-the-margin"),
        pytest.param("true", 3600, 60, 90, id="much-time"),
    ],
)
def test_a_proof_must_last_as_long_as_its_time_allows(
    verify: VerifyHealth, timeout: float, runs: float, down: float
) -> None:
    """The minute is never cut short: less than 80 s for it is a mistake."""
    options = Options(verify_health=verify, verify_timeout=timeout)
    assert resource_status.health({"status": "running:unknown"}, options, passed=False).stable_for == runs
    assert resource_status.health({"status": "exited:unhealthy"}, options, passed=False).stable_for == down


@pytest.mark.parametrize(
    ("before", "moved", "hold"),
    [
        pytest.param("running:healthy", False, 75, id="as-before"),
        pytest.param("running:healthy", True, 15, id="it-was-seen-to-go-down"),
        pytest.param("running:unknown", False, 15, id="its-health-has-changed"),
        pytest.param("exited", False, 15, id="it-was-down"),
        pytest.param("starting:unhealthy", False, 75, id="somebody-had-just-started-it"),
        pytest.param("", False, 75, id="nobody-knows"),
        pytest.param("", True, 15, id="nobody-knows-but-it-was-seen-to-go-down"),
    ],
)
def test_running_as_before_may_be_stale_for_a_minute_and_is_no_proof(
    before: str, hold: float, *, moved: bool
) -> None:
    """Coolify looks at its containers once a minute (coolify-api 8 trap 4), and tells nowhere whether a pull failed (captured-2)."""
    seen = resource_status.resource(
        {"status": "running:healthy"}, RUNNING, before, Version(NEW), changed=moved
    )
    unseen = (
        resource_status.STATUS_UNCHANGED.format("running:healthy")
        if hold == resource_status.UNCHANGED_SECONDS
        else ""
    )
    assert (*worth(seen), seen.reason, seen.unseen) == (Phase.SUCCEEDED, hold, "", unseen)


@pytest.mark.parametrize(
    ("before", "now", "hold", "reason"),
    [
        pytest.param("running:healthy", "exited", 0, "", id="it-ran"),
        pytest.param("starting:unhealthy", "exited", 0, "", id="it-started"),
        pytest.param("", "exited:unhealthy", 0, "", id="nobody-knows"),
        pytest.param("exited", "exited:unhealthy", 10, "it was already stopped", id="it-was-stopped-already"),
        pytest.param(
            "exited:unhealthy",
            "exited",
            10,
            "it was already stopped",
            id="it-was-stopped-already-in-other-words",
        ),
    ],
)
def test_what_was_stopped_before_is_believed_a_little_later(
    before: str, now: str, hold: float, reason: str
) -> None:
    seen = resource_status.resource({"status": now}, STOPPED, before, Version(NEW), changed=False)
    assert (*worth(seen), seen.reason) == (Phase.SUCCEEDED, hold, reason)


@pytest.mark.parametrize(
    ("command", "before", "now", "phase"),
    [
        pytest.param(
            Command.RESTART,
            "exited:unhealthy",
            "exited:unhealthy",
            Phase.RUNNING,
            id="coolify-has-not-looked-anew",
        ),
        pytest.param(
            Command.RESTART, "running:healthy", "exited:unhealthy", Phase.FAILED, id="coolify-has-looked"
        ),
        pytest.param(
            Command.RESTART,
            "exited:unhealthy",
            "degraded:unhealthy",
            Phase.FAILED,
            id="coolify-has-looked-and-it-is-worse",
        ),
        pytest.param(
            Command.DEPLOY,
            "exited:unhealthy",
            "exited:unhealthy",
            Phase.FAILED,
            id="after-a-deployment-it-looks-anew",
        ),
        pytest.param(Command.RESTART, "running:healthy", "running:healthy", Phase.SUCCEEDED, id="it-runs"),
    ],
)
def test_after_a_mere_restart_the_old_status_says_nothing_bad(
    command: Command, before: str, now: str, phase: Phase
) -> None:
    """It refreshes no status (coolify-api 7.3)."""
    assert (
        resource_status.health({"status": now}, Options(command=command), passed=False, before=before).phase
        is phase
    )


@pytest.mark.parametrize(
    ("verify", "shaken", "hold"),
    [("auto", False, 0), ("auto", True, 15), ("true", False, 60), ("true", True, 60)],
)
def test_after_a_bad_status_one_good_reading_is_not_enough(
    verify: VerifyHealth, hold: float, *, shaken: bool
) -> None:
    """coolify-api 8: seen twice, fifteen seconds apart."""
    seen = resource_status.health(
        {"status": "running:unknown"}, Options(verify_health=verify), passed=False, was_down=shaken
    )
    assert (*worth(seen),) == (Phase.SUCCEEDED, hold)


# --- in words


def test_a_status_that_is_no_end_says_what_it_was() -> None:
    for text, told in (
        ("starting:unhealthy", "its status was still starting:unhealthy"),
        ("", "its status was still unknown"),
    ):
        assert (
            resource_status.resource({"status": text}, RUNNING, "", Version(NEW), changed=False).reason
            == told
        )
        assert resource_status.health({"status": text}, Options(), passed=False).reason == told
    assert resource_status.resource(
        {"status": "running:healthy"}, STOPPED, "", Version(NEW), changed=False
    ).reason == ("it did not stop: its status was still running:healthy")


def test_a_bad_status_says_what_it_is_and_where_to_look() -> None:
    assert resource_status.resource(
        {"status": "exited"}, RUNNING, "", Version(NEW), changed=False
    ).reason == ("it is not running: Coolify reports exited. See its logs in Coolify")
    assert resource_status.health({"status": "degraded:unhealthy"}, Options(), passed=False).reason == (
        "it is not running: Coolify reports degraded:unhealthy. See its logs in Coolify"
    )


def test_a_status_is_one_line() -> None:
    """However long: it is redacted, and cut then, by the reporter."""
    seen = resource_status.health({"status": "x\n" * 500}, Options(), passed=False)
    assert (seen.raw_status, seen.reason) == ("x " * 499 + "x", "its status was still " + "x " * 499 + "x")


@pytest.mark.parametrize(
    "row", [None, [], "running", {}, {"status": None}, {"status": 5}, {"status": ["running"]}]
)
def test_an_answer_without_a_status_is_no_news(row: object) -> None:
    for aspect in (RUNNING, STOPPED):
        with pytest.raises(UnavailableError):
            resource_status.resource(row, aspect, "", Version(NEW), changed=False)
    with pytest.raises(UnavailableError) as caught:
        resource_status.health(row, Options(), passed=False)
    assert (caught.value.from_server, caught.value.may_have_arrived) == (True, True)


@pytest.mark.parametrize(
    ("kind", "text", "told"),
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
def test_what_is_so_already_is_told_by_its_words(kind: str, text: str, told: str) -> None:
    assert resource_status.already_in_state(kind, text) == told


# --- whole stories

TO_RUN = Handle(STACK, "", condition=RUNNING)


def watched(changes: list[tuple[float, str]], before: str) -> tuple[End | None, int]:
    """A service looked at each second, whose status changes at these; how it ends, and when."""
    watch, moved = Watch(TO_RUN, began=0, deadline=1800), False
    for second in range(1000):
        text = next(word for since, word in reversed(changes) if since <= second)
        moved = moved or resource_status.split(text)[0] not in {"running", "starting"}
        watch, _ = observe(
            watch,
            resource_status.resource({"status": text}, RUNNING, before, Version(NEW), changed=moved),
            second,
        )
        if watch.result:
            return watch.result.end, second
    return None, 1000


def test_the_recorded_restart_of_a_service_is_seen_to_its_end() -> None:
    """As Coolify did it, twenty times slower; its last `exited` lasts for up to two minutes (coolify-api 8)."""
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
    assert watched([(0, "running:healthy"), *steps, (147, "running:healthy")], "running:healthy") == (
        End.SUCCEEDED,
        162,
    )


@pytest.mark.parametrize(
    ("before", "changes", "end"),
    [
        pytest.param(
            "running:healthy", [(0, "running:healthy")], (End.SUCCEEDED, 75), id="running-all-the-time"
        ),
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
            id="stale-for-a-minute",
        ),
        pytest.param(
            "exited",
            [(0, "starting:unhealthy"), (20, "running:unknown")],
            (End.SUCCEEDED, 35),
            id="it-was-down",
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
        pytest.param(
            "exited", [(0, "starting:unhealthy"), (30, "exited")], (End.FAILED, 210), id="it-never-came-up"
        ),
        pytest.param(
            "exited",
            [(0, "starting:unhealthy"), (30, "exited"), (209, "running:healthy")],
            (End.SUCCEEDED, 224),
            id="in-the-last-second",
        ),
        pytest.param(
            "exited",
            [(0, "starting:unhealthy"), (30, "degraded:unhealthy")],
            (End.FAILED, 210),
            id="a-part-never-came-up",
        ),
        pytest.param(
            "exited",
            [(0, "starting:unhealthy"), (30, "exited"), (150, "degraded:unhealthy")],
            (End.FAILED, 210),
            id="down-in-two-ways",
        ),
        pytest.param("exited", [(0, "starting:unhealthy")], (None, 1000), id="it-starts-for-ever"),
    ],
)
def test_what_is_started_is_believed_to_run_after_a_while(
    before: str, changes: list[tuple[float, str]], end: tuple[End | None, int]
) -> None:
    assert watched(changes, before) == end
