"""The outcomes of one target, an unreachable server, and a rejected token (architecture, rules 3 and 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from deployer.model import (
    DeploymentDetails,
    Entry,
    Event,
    Handle,
    LateError,
    LogLines,
    Outcome,
    Phase,
    PhaseChanged,
    Plan,
    PollFailing,
    PollRecovered,
    RefusedError,
    Rejected,
    Retriggering,
    RetryLater,
    Snapshot,
    Started,
    Target,
    TargetFinished,
    UnavailableError,
)
from deployer.run import run
from tests.fakes import FakeClock, Reply, Scripted
from tests.run.scripted import (
    A1,
    ABSENT,
    ADOPTED,
    BERLIN,
    BROKEN,
    CANCELLED,
    CONNECTED,
    DONE,
    LOST_RESPONSE,
    NO_CONNECTION,
    NOT_FINISHED,
    ON_PARIS,
    PARIS,
    QUEUED,
    REVOKED,
    RUNNING,
    SERVER_503,
    STATUS_UNREADABLE,
    TRIGGER_CALLS,
    UNTIL_FOLLOWED,
    UNTIL_TRIGGER,
    RunResult,
    Script,
    phase,
    run_script,
)

# --- The outcomes of one target


@pytest.mark.parametrize(
    ("script", "outcome", "events"),
    [
        pytest.param(
            {},
            Outcome.FINISHED,
            [*UNTIL_FOLLOWED, phase(Phase.SUCCEEDED), TargetFinished("a", Outcome.FINISHED)],
            id="finished",
        ),
        pytest.param(
            {"poll a-1": [replace(BROKEN, reason="exit 1")]},
            Outcome.FAILED,
            [*UNTIL_FOLLOWED, phase(Phase.FAILED), TargetFinished("a", Outcome.FAILED, "exit 1")],
            id="failed",
        ),
        pytest.param(
            {"poll a-1": [Snapshot(Phase.UNVERIFIED, reason="skipped")]},
            Outcome.UNVERIFIED,
            [*UNTIL_FOLLOWED, phase(Phase.UNVERIFIED), TargetFinished("a", Outcome.UNVERIFIED, "skipped")],
            id="unverified",
        ),
        pytest.param(
            {"poll a-1": [CANCELLED]},
            Outcome.CANCELLED,
            [*UNTIL_FOLLOWED, phase(Phase.CANCELLED), TargetFinished("a", Outcome.CANCELLED)],
            id="cancelled",
        ),
        pytest.param(
            {"poll a-1": [replace(ABSENT, reason="no row")]},
            Outcome.LOST,
            [*UNTIL_FOLLOWED, phase(Phase.ABSENT), TargetFinished("a", Outcome.LOST, "no row")],
            id="lost-because-absent",
        ),
        pytest.param(
            {"poll a-1": [RUNNING, RefusedError("not yours")]},
            Outcome.LOST,
            [
                *UNTIL_FOLLOWED,
                phase(Phase.RUNNING),
                TargetFinished("a", Outcome.LOST, f"{STATUS_UNREADABLE}not yours"),
            ],
            id="lost-because-access-denied",
        ),
        pytest.param(
            {"poll a-1": [QUEUED, RUNNING]},
            Outcome.TIMED_OUT,
            [
                *UNTIL_FOLLOWED,
                phase(Phase.QUEUED),
                phase(Phase.RUNNING),
                TargetFinished("a", Outcome.TIMED_OUT, NOT_FINISHED),
            ],
            id="timed-out",
        ),
        pytest.param(
            {"trigger a": [Rejected("full")]},
            Outcome.REFUSED,
            [*UNTIL_TRIGGER, TargetFinished("a", Outcome.REFUSED, "full")],
            id="refused",
        ),
        pytest.param(
            {"trigger a": [RefusedError("no right")]},
            Outcome.REFUSED,
            [*UNTIL_TRIGGER, TargetFinished("a", Outcome.REFUSED, "no right")],
            id="trigger-refused",
        ),
        pytest.param(
            {"resolve a": [RefusedError("unknown")]},
            Outcome.REFUSED,
            [CONNECTED, TargetFinished("a", Outcome.REFUSED, "unknown")],
            id="unknown-target",
        ),
        pytest.param(
            {"trigger a": [Started((), "nothing to follow")]},
            Outcome.TRIGGERED,
            [*UNTIL_TRIGGER, TargetFinished("a", Outcome.TRIGGERED, "nothing to follow")],
            id="triggered-without-a-handle",
        ),
        pytest.param(
            {"connect": [RefusedError("wrong token")]},
            Outcome.REFUSED,
            [TargetFinished("a", Outcome.REFUSED, "wrong token")],
            id="refused-by-the-server",
        ),
    ],
)
def test_the_outcome_of_one_target(script: Script, outcome: Outcome, events: list[Event]) -> None:
    result = run_script(script)
    assert (result.outcome, result.events) == (outcome, events)


def test_a_complete_run_with_log_details_and_an_outage() -> None:
    one, two = Entry(1, "one"), Entry(2, "two")
    result = run_script(
        {
            "poll a-1": [
                Snapshot(Phase.RUNNING, "in_progress", (one,), link="https://x"),
                UnavailableError("HTTP 502"),
                UnavailableError("HTTP 502"),
                Snapshot(Phase.SUCCEEDED, "finished", (one, two), stable_for=2, link="https://x"),
            ],
        },
    )
    assert result == RunResult(
        Outcome.FINISHED,
        [
            *UNTIL_FOLLOWED,
            DeploymentDetails("a", "https://x", "", ""),
            PhaseChanged("a", Phase.RUNNING, "in_progress"),
            LogLines("a", (one,)),
            PollFailing("a", "HTTP 502"),
            PollRecovered("a", 2),
            PhaseChanged("a", Phase.SUCCEEDED, "finished"),
            LogLines("a", (two,)),
            TargetFinished("a", Outcome.FINISHED),
        ],
        [
            *TRIGGER_CALLS,
            (0, "poll a-1"),
            (1, "poll a-1"),
            (4, "poll a-1"),
            (10, "poll a-1"),
            (12, "poll a-1"),
        ],
        4,
    )


def test_poll_interval_is_used_and_the_last_poll_is_at_the_deadline() -> None:
    result = run_script({"poll a-1": [RUNNING]}, timeout=100, poll_interval=40)
    assert result.times("poll a-1") == [0, 40, 80, 100]


def test_retry_after_delays_the_next_poll() -> None:
    assert run_script({"poll a-1": [UnavailableError("HTTP 429", retry_after=50), DONE]}).times(
        "poll a-1"
    ) == [
        0,
        50,
    ]


def test_success_at_the_deadline_counts() -> None:
    assert (
        run_script({"poll a-1": [RUNNING, RUNNING, DONE]}, timeout=60, poll_interval=30).outcome
        is Outcome.FINISHED
    )


def test_the_timeout_runs_from_the_first_trigger() -> None:
    result = run_script(
        {
            "resolve a": [Reply(Target("a"), takes=30)],
            "trigger a": [Reply(Started((A1,)), takes=10)],
            "poll a-1": [RUNNING],
        },
        timeout=60,
    )
    assert (result.times("trigger a"), result.times("poll a-1")[0], result.times("poll a-1")[-1]) == (
        [30],
        40,
        90,
    )


class Timed(Scripted):
    """Records how many seconds the clock leaves for each call, which limits how long a request waits."""

    def __init__(self, script: Script, clock: FakeClock) -> None:
        super().__init__(script, clock)
        self.clock = clock
        self.time_allowed: list[tuple[str, float]] = []

    def _reply(self, call: str, default: Any, timeout: float | None) -> Any:
        self.time_allowed.append((call.partition(" ")[0], round(self.clock.time_left(), 1)))
        return super()._reply(call, default, timeout)


def test_no_request_may_take_longer_than_the_time_left() -> None:
    """All triggers share `timeout`; each check has its own `verify_timeout`."""
    clock = FakeClock()
    script: Script = {
        "connect": [Reply(NO_CONNECTION, takes=8), Reply("Fake 1", takes=2)],
        "resolve a": [Reply(Target("a"), takes=30)],
        "trigger a": [Reply(LOST_RESPONSE, takes=20), Started((A1,))],
        "find a": [None],
        "poll a-1": [
            RUNNING,
            Reply(replace(DONE, health_check=Handle("a", "", condition="health")), takes=5),
        ],
    }
    provider = Timed(script, clock)
    plan = Plan(("a",), timeout=100, verify_timeout=50, poll_interval=40)
    assert run(plan, provider, lambda event: None, clock, provider.visit) is Outcome.FINISHED
    assert provider.time_allowed == [
        *[("connect", 100), ("connect", 85), ("resolve", 100), ("trigger", 100)],
        *[("find", 80), ("find", 75), ("trigger", 75)],
        *[("poll", 75), ("poll", 35)],
        *[("poll", 40), ("visit", 50), ("visit", 10)],
    ]


# --- Architecture, rule 10: give up early on a server that never responded


@pytest.mark.parametrize(
    ("script", "times", "last"),
    [
        pytest.param(
            {"connect": [NO_CONNECTION]},
            [0, 15, 30],
            TargetFinished("a", Outcome.UNREACHABLE, "no connection (3 tries in 30 s)"),
            id="three-attempts-in-thirty-seconds",
        ),
        pytest.param(
            {"connect": [Reply(NO_CONNECTION, takes=12)]},
            [0, 15, 30],
            TargetFinished("a", Outcome.UNREACHABLE, "no connection (3 tries in 42 s)"),
            id="slow-attempts",
        ),
        pytest.param(
            {"connect": [NO_CONNECTION, "Fake 1"]},
            [0, 15],
            TargetFinished("a", Outcome.FINISHED),
            id="second-attempt-succeeds",
        ),
        pytest.param(
            {"connect": [NO_CONNECTION, NO_CONNECTION, "Fake 1"]},
            [0, 15, 30],
            TargetFinished("a", Outcome.FINISHED),
            id="third-attempt-succeeds",
        ),
        pytest.param(
            {"connect": [UnavailableError("it redirects", permanent=True)]},
            [0],
            TargetFinished("a", Outcome.UNREACHABLE, "it redirects"),
            id="redirect",
        ),
        pytest.param(
            {"connect": [NO_CONNECTION, UnavailableError("it redirects", permanent=True)]},
            [0, 15],
            TargetFinished("a", Outcome.UNREACHABLE, "it redirects"),
            id="redirect-at-the-second-attempt",
        ),
        pytest.param(
            {"connect": [NO_CONNECTION, RefusedError("wrong token")]},
            [0, 15],
            TargetFinished("a", Outcome.REFUSED, "wrong token"),
            id="refused",
        ),
        pytest.param(
            {"connect": [SERVER_503]},
            [0, 5, 10, 15, 20, 25, 30, 35, 40],
            TargetFinished("a", Outcome.TIMED_OUT, "nothing was started: HTTP 503"),
            id="server-itself-responded",
        ),
        pytest.param(
            {"connect": [SERVER_503, NO_CONNECTION]},
            [0, 5, 10, 15, 20, 25, 30, 35, 40],
            TargetFinished("a", Outcome.TIMED_OUT, "nothing was started: no connection"),
            id="server-responded-then-silent",
        ),
        pytest.param(
            {"connect": [NO_CONNECTION, SERVER_503, NO_CONNECTION, NO_CONNECTION, NO_CONNECTION, "Fake 1"]},
            [0, 15, 20, 25, 30, 35],
            TargetFinished("a", Outcome.FINISHED),
            id="server-responded-late",
        ),
        pytest.param(
            {"connect": [UnavailableError("HTTP 429", from_server=True, retry_after=20), "Fake 1"]},
            [0, 20],
            TargetFinished("a", Outcome.FINISHED),
            id="retry-after",
        ),
        pytest.param(
            {"connect": [UnavailableError("HTTP 429", from_server=True, retry_after=86400)]},
            [0, 40],
            TargetFinished("a", Outcome.TIMED_OUT, "nothing was started: HTTP 429"),
            id="retry-after-beyond-the-timeout",
        ),
    ],
)
def test_connecting_is_given_up_early_until_the_server_itself_responded(
    script: Script, times: list[float], last: TargetFinished
) -> None:
    result = run_script(script, timeout=40)
    assert (result.times("connect"), result.events[-1]) == (times, last)


TIMED_OUT = LateError("the response timed out", may_have_arrived=True)


WAITING = (
    "the response timed out, although the server accepts connections: "
    "waiting up to {} s for its first response"
)


@pytest.mark.parametrize(
    ("connect", "timeout", "calls", "last"),
    [
        pytest.param(
            [Reply(TIMED_OUT, takes=8), "Fake 1"],
            600,
            [(0, ""), (10, " within 30 s")],
            TargetFinished("a", Outcome.FINISHED),
            id="second-attempt-succeeds",
        ),
        pytest.param(
            [Reply(TIMED_OUT, takes=8), Reply(TIMED_OUT, takes=30), Reply(TIMED_OUT, takes=20), "Fake 1"],
            600,
            [(0, ""), (10, " within 30 s"), (42, " within 30 s"), (64, " within 30 s")],
            TargetFinished("a", Outcome.FINISHED),
            id="hangs-for-a-minute",
        ),
        pytest.param(
            [Reply(TIMED_OUT, takes=8), *[Reply(TIMED_OUT, takes=30)] * 3, Reply(TIMED_OUT, takes=14)],
            600,
            [
                (0, ""),
                (10, " within 30 s"),
                (42, " within 30 s"),
                (74, " within 30 s"),
                (106, " within 14 s"),
            ],
            TargetFinished("a", Outcome.UNREACHABLE, "the response timed out (5 tries in 120 s)"),
            id="hangs-for-two-minutes",
        ),
        pytest.param(
            [Reply(TIMED_OUT, takes=8), Reply(TIMED_OUT, takes=30)],
            40,
            [(0, ""), (10, " within 30 s")],
            TargetFinished("a", Outcome.UNREACHABLE, "the response timed out (2 tries in 40 s)"),
            id="hangs-until-the-timeout",
        ),
        pytest.param(
            [Reply(TIMED_OUT, takes=8), NO_CONNECTION, NO_CONNECTION, NO_CONNECTION],
            600,
            [(0, ""), (10, " within 30 s"), (25, ""), (40, "")],
            TargetFinished("a", Outcome.UNREACHABLE, "no connection (4 tries in 40 s)"),
            id="goes-away-after-hanging",
        ),
        pytest.param(
            [NO_CONNECTION, Reply(TIMED_OUT, takes=8), "Fake 1"],
            600,
            [(0, ""), (15, ""), (25, " within 30 s")],
            TargetFinished("a", Outcome.FINISHED),
            id="hangs-after-no-connection",
        ),
    ],
)
def test_a_server_that_accepts_connections_gets_up_to_two_minutes(
    connect: list[Any], timeout: float, calls: list[tuple[float, str]], last: TargetFinished
) -> None:
    result = run_script({"connect": connect}, timeout=timeout)
    connects = [(time, call) for time, call in result.calls if call.startswith("connect")]
    assert (connects, result.events[-1]) == ([(time, f"connect{suffix}") for time, suffix in calls], last)
    assert PollFailing("", WAITING.format(min(120, timeout))) in result.events


def test_nothing_is_sent_to_an_unreachable_server() -> None:
    result = run_script(
        {"connect": [NO_CONNECTION, UnavailableError("HTTP 502"), UnavailableError("HTTP 502")]},
        targets=("a", "b"),
    )
    reason = "HTTP 502 (3 tries in 30 s)"
    assert result == RunResult(
        Outcome.UNREACHABLE,
        [
            PollFailing("", "no connection"),
            PollFailing("", "HTTP 502"),
            TargetFinished("a", Outcome.UNREACHABLE, reason),
            TargetFinished("b", Outcome.UNREACHABLE, reason),
        ],
        [(0, "connect"), (15, "connect"), (30, "connect")],
        2,
    )


def test_the_same_connection_error_is_reported_once() -> None:
    assert run_script({"connect": [NO_CONNECTION, NO_CONNECTION, "Fake 1"]}).events[:2] == [
        PollFailing("", "no connection"),
        CONNECTED,
    ]


# --- Architecture, rule 3: a rejected token is not used again


@pytest.mark.parametrize(
    ("script", "calls", "ends"),
    [
        pytest.param(
            {"resolve b": [REVOKED]},
            ["connect", "resolve a", "trigger a", "resolve b"],
            {"a": Outcome.LOST, "b": Outcome.REFUSED, "c": Outcome.REFUSED},
            id="at-resolve",
        ),
        pytest.param(
            {"trigger b": [REVOKED]},
            ["connect", "resolve a", "trigger a", "resolve b", "trigger b"],
            {"a": Outcome.LOST, "b": Outcome.REFUSED, "c": Outcome.REFUSED},
            id="at-trigger",
        ),
        pytest.param(
            {"trigger a": [LOST_RESPONSE], "trigger b": [REVOKED]},
            ["connect", "resolve a", "trigger a", "resolve b", "trigger b"],
            {"a": Outcome.LOST, "b": Outcome.REFUSED, "c": Outcome.REFUSED},
            id="at-trigger-while-one-is-uncertain",
        ),
        pytest.param(
            {"trigger a": [RetryLater(9, "full")], "trigger b": [Rejected("full")], "poll c-1": [REVOKED]},
            [
                "connect",
                "resolve a",
                "trigger a",
                "resolve b",
                "trigger b",
                "resolve c",
                "trigger c",
                "poll c-1",
            ],
            {"a": Outcome.REFUSED, "b": Outcome.REFUSED, "c": Outcome.LOST},
            id="at-poll-while-one-is-delayed",
        ),
        pytest.param(
            {"poll b-1": [REVOKED]},
            [
                "connect",
                "resolve a",
                "trigger a",
                "resolve b",
                "trigger b",
                "resolve c",
                "trigger c",
                "poll a-1",
                "poll b-1",
            ],
            {"a": Outcome.FINISHED, "b": Outcome.LOST, "c": Outcome.LOST},
            id="at-poll",
        ),
        pytest.param(
            {"trigger a": [LOST_RESPONSE], "find a": [REVOKED]},
            [
                "connect",
                "resolve a",
                "trigger a",
                "resolve b",
                "trigger b",
                "resolve c",
                "trigger c",
                "find a",
            ],
            {"a": Outcome.LOST, "b": Outcome.LOST, "c": Outcome.LOST},
            id="at-search",
        ),
    ],
)
def test_a_revoked_token_finishes_every_target_without_another_request(
    script: Script, calls: list[str], ends: Mapping[str, Outcome]
) -> None:
    result = run_script(script, targets=("a", "b", "c"))
    assert result.sent == calls
    assert {event.target: event.outcome for event in result.ends()} == ends


def test_after_a_revoked_token_no_additional_server_is_polled() -> None:
    result = run_script({"poll a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))], "poll a-2": [REVOKED]})
    assert result.sent == [*(call for _, call in TRIGGER_CALLS), "poll a-1", "poll a-2"]
    assert result.outcome is Outcome.LOST


def test_a_known_failure_outweighs_a_token_revoked_later() -> None:
    failed = replace(BROKEN, reason="exit 1", server="paris")
    result = run_script(
        {"poll a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))], "poll a-2": [failed], "poll a-3": [REVOKED]}
    )
    assert result.ends() == [TargetFinished("a", Outcome.FAILED, f"{ON_PARIS}exit 1")]


@pytest.mark.parametrize(
    ("last", "handle", "last_event"),
    [
        pytest.param(replace(DONE, stable_for=9), A1, TargetFinished("a", Outcome.FINISHED), id="succeeded"),
        pytest.param(
            replace(BROKEN, stable_for=9, reason="exit 1"),
            A1,
            TargetFinished("a", Outcome.FAILED, "exit 1"),
            id="failed",
        ),
        pytest.param(
            replace(CANCELLED, stable_for=9),
            ADOPTED,
            TargetFinished("a", Outcome.CANCELLED),
            id="adopted-and-cancelled",
        ),
    ],
)
def test_a_final_phase_counts_although_the_token_is_revoked_before_it_is_stable(
    last: Snapshot, handle: Handle, last_event: TargetFinished
) -> None:
    script: Script = {"trigger a": [Started((handle,))], "poll a-1": [last], "poll b-1": [RUNNING, REVOKED]}
    result = run_script(script, targets=("a", "b"), poll_interval=5)
    assert [event for event in result.ends() if event.target == "a"] == [last_event]
    assert Retriggering not in {type(event) for event in result.events}
    assert result.sent[-1] == "poll b-1"


def test_additional_servers_are_lost_when_the_token_is_revoked() -> None:
    script: Script = {
        "poll a-1": [replace(DONE, stable_for=9, follow_ups=(PARIS,))],
        "poll b-1": [RUNNING, REVOKED],
    }
    result = run_script(script, targets=("a", "b"), poll_interval=5)
    assert [event.outcome for event in result.ends() if event.target == "a"] == [Outcome.LOST]
    assert result.sent[-1] == "poll b-1"


def test_after_a_cancel_with_a_revoked_token_nothing_is_sent() -> None:
    script: Script = {"poll a-1": [RUNNING], "poll b-1": [RUNNING], "cancel a-1": [REVOKED]}
    result = run_script(script, targets=("a", "b"), timeout=25, poll_interval=25, cancel_on_timeout=True)
    assert result.sent[-4:] == ["poll a-1", "poll b-1", "poll a-1", "cancel a-1"]
    assert {event.target: event.outcome for event in result.ends()} == {
        "a": Outcome.TIMED_OUT,
        "b": Outcome.LOST,
    }
