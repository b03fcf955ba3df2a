"""One target's way to each outcome, an unreachable server, and a rejected token (architecture, rules 3 and 10)."""

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
from tests.fakes import Act, FakeClock, Scripted
from tests.run.scripted import (
    A1,
    ADOPTED,
    BERLIN,
    BROKEN,
    CANCELLED,
    DONE,
    FOLLOWED,
    GOES_ON,
    GONE,
    IN_PARIS,
    LATE,
    LOST_ANSWER,
    NO_LINE,
    OPENING,
    PARIS,
    QUEUED,
    REACHED,
    REVOKED,
    RUNNING,
    SPOKEN,
    UNTIL_START,
    Script,
    Tale,
    phase,
    tell,
)

# --- One target's way to each outcome


@pytest.mark.parametrize(
    ("script", "outcome", "events"),
    [
        pytest.param(
            {},
            Outcome.FINISHED,
            [*FOLLOWED, phase(Phase.SUCCEEDED), TargetFinished("a", Outcome.FINISHED)],
            id="finished",
        ),
        pytest.param(
            {"look a-1": [replace(BROKEN, reason="exit 1")]},
            Outcome.FAILED,
            [*FOLLOWED, phase(Phase.FAILED), TargetFinished("a", Outcome.FAILED, "exit 1")],
            id="failed",
        ),
        pytest.param(
            {"look a-1": [Snapshot(Phase.UNVERIFIED, reason="skipped")]},
            Outcome.UNVERIFIED,
            [*FOLLOWED, phase(Phase.UNVERIFIED), TargetFinished("a", Outcome.UNVERIFIED, "skipped")],
            id="unverified",
        ),
        pytest.param(
            {"look a-1": [CANCELLED]},
            Outcome.CANCELLED,
            [*FOLLOWED, phase(Phase.CANCELLED), TargetFinished("a", Outcome.CANCELLED)],
            id="cancelled",
        ),
        pytest.param(
            {"look a-1": [replace(GONE, reason="no row")]},
            Outcome.LOST,
            [*FOLLOWED, phase(Phase.ABSENT), TargetFinished("a", Outcome.LOST, "no row")],
            id="lost-because-it-is-gone",
        ),
        pytest.param(
            {"look a-1": [RUNNING, RefusedError("not yours")]},
            Outcome.LOST,
            [*FOLLOWED, phase(Phase.RUNNING), TargetFinished("a", Outcome.LOST, f"{GOES_ON}not yours")],
            id="lost-because-we-may-not-look",
        ),
        pytest.param(
            {"look a-1": [QUEUED, RUNNING]},
            Outcome.TIMED_OUT,
            [
                *FOLLOWED,
                phase(Phase.QUEUED),
                phase(Phase.RUNNING),
                TargetFinished("a", Outcome.TIMED_OUT, LATE),
            ],
            id="timed-out",
        ),
        pytest.param(
            {"start a": [Rejected("full")]},
            Outcome.REFUSED,
            [*OPENING, TargetFinished("a", Outcome.REFUSED, "full")],
            id="refused",
        ),
        pytest.param(
            {"start a": [RefusedError("no right")]},
            Outcome.REFUSED,
            [*OPENING, TargetFinished("a", Outcome.REFUSED, "no right")],
            id="start-barred",
        ),
        pytest.param(
            {"check a": [RefusedError("unknown")]},
            Outcome.REFUSED,
            [REACHED, TargetFinished("a", Outcome.REFUSED, "unknown")],
            id="unknown",
        ),
        pytest.param(
            {"start a": [Started((), "nothing to follow")]},
            Outcome.TRIGGERED,
            [*OPENING, TargetFinished("a", Outcome.TRIGGERED, "nothing to follow")],
            id="triggered-without-a-handle",
        ),
        pytest.param(
            {"reach": [RefusedError("wrong token")]},
            Outcome.REFUSED,
            [TargetFinished("a", Outcome.REFUSED, "wrong token")],
            id="refused-by-the-server",
        ),
    ],
)
def test_one_target_s_way_to_each_outcome(script: Script, outcome: Outcome, events: list[Event]) -> None:
    tale = tell(script)
    assert (tale.outcome, tale.events) == (outcome, events)


def test_a_whole_story_with_its_log_its_facts_and_an_outage() -> None:
    one, two = Entry(1, "one"), Entry(2, "two")
    tale = tell(
        {
            "look a-1": [
                Snapshot(Phase.RUNNING, "in_progress", (one,), link="https://x"),
                UnavailableError("HTTP 502"),
                UnavailableError("HTTP 502"),
                Snapshot(Phase.SUCCEEDED, "finished", (one, two), stable_for=2, link="https://x"),
            ],
        },
    )
    assert tale == Tale(
        Outcome.FINISHED,
        [
            *FOLLOWED,
            DeploymentDetails("a", "https://x", "", ""),
            PhaseChanged("a", Phase.RUNNING, "in_progress"),
            LogLines("a", (one,)),
            PollFailing("a", "HTTP 502"),
            PollRecovered("a", 2),
            PhaseChanged("a", Phase.SUCCEEDED, "finished"),
            LogLines("a", (two,)),
            TargetFinished("a", Outcome.FINISHED),
        ],
        [*UNTIL_START, (0, "look a-1"), (1, "look a-1"), (4, "look a-1"), (10, "look a-1"), (12, "look a-1")],
        4,
    )


def test_the_pace_is_the_plan_s_and_the_last_look_is_at_the_deadline() -> None:
    tale = tell({"look a-1": [RUNNING]}, timeout=100, poll_interval=40)
    assert tale.times("look a-1") == [0, 40, 80, 100]


def test_scarce_requests_slow_the_looks_down() -> None:
    assert tell({"look a-1": [RUNNING, RUNNING, DONE]}, remaining=3).times("look a-1") == [0, 15, 30]


def test_retry_after_keeps_us_away() -> None:
    assert tell({"look a-1": [UnavailableError("HTTP 429", retry_after=50), DONE]}).times("look a-1") == [
        0,
        50,
    ]


def test_a_success_at_the_deadline_is_one() -> None:
    assert (
        tell({"look a-1": [RUNNING, RUNNING, DONE]}, timeout=60, poll_interval=30).outcome is Outcome.FINISHED
    )


def test_the_time_runs_from_the_first_trigger() -> None:
    tale = tell(
        {
            "check a": [Act(Target("a"), takes=30)],
            "start a": [Act(Started((A1,)), takes=10)],
            "look a-1": [RUNNING],
        },
        timeout=60,
    )
    assert (tale.times("start a"), tale.times("look a-1")[0], tale.times("look a-1")[-1]) == ([30], 40, 90)


class Timed(Scripted):
    """Notes how many seconds each call is allowed: so long may a request wait for its response."""

    def __init__(self, script: Script, clock: FakeClock) -> None:
        super().__init__(script, clock)
        self.clock = clock
        self.allowed: list[tuple[str, float]] = []

    def _answer(self, call: str, usual: Any, timeout: float | None) -> Any:
        self.allowed.append((call.partition(" ")[0], round(self.clock.time_left(), 1)))
        return super()._answer(call, usual, timeout)


def test_no_request_is_allowed_to_outlast_what_is_left_of_its_time() -> None:
    """The trigger has what is left of `timeout`, however often it is sent; each proof has its own `verify_timeout`."""
    clock = FakeClock()
    script: Script = {
        "reach": [Act(NO_LINE, takes=8), Act("Fake 1", takes=2)],
        "check a": [Act(Target("a"), takes=30)],
        "start a": [Act(LOST_ANSWER, takes=20), Started((A1,))],
        "find a": [None],
        "look a-1": [RUNNING, Act(replace(DONE, health_check=Handle("a", "", condition="health")), takes=5)],
    }
    provider = Timed(script, clock)
    plan = Plan(("a",), timeout=100, verify_timeout=50, poll_interval=40)
    assert run(plan, provider, lambda event: None, clock, provider.visit) is Outcome.FINISHED
    assert provider.allowed == [
        *[("reach", 100), ("reach", 85), ("check", 100), ("start", 100)],
        *[("find", 80), ("find", 75), ("start", 75)],
        *[("look", 75), ("look", 35)],
        *[("look", 40), ("visit", 50), ("visit", 10)],
    ]


# --- Architecture, rule 10: short patience with a stranger, long patience with an acquaintance


@pytest.mark.parametrize(
    ("script", "times", "last"),
    [
        pytest.param(
            {"reach": [NO_LINE]},
            [0, 15, 30],
            TargetFinished("a", Outcome.UNREACHABLE, "no connection (3 tries in 30 s)"),
            id="three-tries-in-thirty-seconds",
        ),
        pytest.param(
            {"reach": [Act(NO_LINE, takes=12)]},
            [0, 15, 30],
            TargetFinished("a", Outcome.UNREACHABLE, "no connection (3 tries in 42 s)"),
            id="however-long-each-takes",
        ),
        pytest.param(
            {"reach": [NO_LINE, "Fake 1"]},
            [0, 15],
            TargetFinished("a", Outcome.FINISHED),
            id="the-second-is-answered",
        ),
        pytest.param(
            {"reach": [NO_LINE, NO_LINE, "Fake 1"]},
            [0, 15, 30],
            TargetFinished("a", Outcome.FINISHED),
            id="the-third-is-answered",
        ),
        pytest.param(
            {"reach": [UnavailableError("it redirects", permanent=True)]},
            [0],
            TargetFinished("a", Outcome.UNREACHABLE, "it redirects"),
            id="a-redirect-at-once",
        ),
        pytest.param(
            {"reach": [NO_LINE, UnavailableError("it redirects", permanent=True)]},
            [0, 15],
            TargetFinished("a", Outcome.UNREACHABLE, "it redirects"),
            id="a-redirect-at-the-second-try",
        ),
        pytest.param(
            {"reach": [NO_LINE, RefusedError("wrong token")]},
            [0, 15],
            TargetFinished("a", Outcome.REFUSED, "wrong token"),
            id="refused",
        ),
        pytest.param(
            {"reach": [SPOKEN]},
            [0, 5, 10, 15, 20, 25, 30, 35, 40],
            TargetFinished("a", Outcome.TIMED_OUT, "nothing was started: HTTP 503"),
            id="the-server-itself-is-waited-for",
        ),
        pytest.param(
            {"reach": [SPOKEN, NO_LINE]},
            [0, 5, 10, 15, 20, 25, 30, 35, 40],
            TargetFinished("a", Outcome.TIMED_OUT, "nothing was started: no connection"),
            id="also-when-it-falls-silent",
        ),
        pytest.param(
            {"reach": [NO_LINE, SPOKEN, NO_LINE, NO_LINE, NO_LINE, "Fake 1"]},
            [0, 15, 20, 25, 30, 35],
            TargetFinished("a", Outcome.FINISHED),
            id="also-when-it-spoke-late",
        ),
        pytest.param(
            {"reach": [UnavailableError("HTTP 429", from_server=True, retry_after=20), "Fake 1"]},
            [0, 20],
            TargetFinished("a", Outcome.FINISHED),
            id="retry-after-is-obeyed",
        ),
        pytest.param(
            {"reach": [UnavailableError("HTTP 429", from_server=True, retry_after=86400)]},
            [0, 40],
            TargetFinished("a", Outcome.TIMED_OUT, "nothing was started: HTTP 429"),
            id="but-not-longer-than-the-time-given",
        ),
    ],
)
def test_patience_is_short_until_the_server_has_answered_as_itself(
    script: Script, times: list[float], last: TargetFinished
) -> None:
    tale = tell(script, timeout=40)
    assert (tale.times("reach"), tale.events[-1]) == (times, last)


HANGS = LateError("the response timed out", may_have_arrived=True)


WAITED = "the response timed out, although the server accepts connections: waiting up to {} s for its first response"


@pytest.mark.parametrize(
    ("reach", "timeout", "calls", "last"),
    [
        pytest.param(
            [Act(HANGS, takes=8), "Fake 1"],
            600,
            [(0, ""), (10, " within 30 s")],
            TargetFinished("a", Outcome.FINISHED),
            id="the-second-is-answered",
        ),
        pytest.param(
            [Act(HANGS, takes=8), Act(HANGS, takes=30), Act(HANGS, takes=20), "Fake 1"],
            600,
            [(0, ""), (10, " within 30 s"), (42, " within 30 s"), (64, " within 30 s")],
            TargetFinished("a", Outcome.FINISHED),
            id="it-hangs-for-a-minute",
        ),
        pytest.param(
            [Act(HANGS, takes=8), *[Act(HANGS, takes=30)] * 3, Act(HANGS, takes=14)],
            600,
            [
                (0, ""),
                (10, " within 30 s"),
                (42, " within 30 s"),
                (74, " within 30 s"),
                (106, " within 14 s"),
            ],
            TargetFinished("a", Outcome.UNREACHABLE, "the response timed out (5 tries in 120 s)"),
            id="but-not-for-more-than-two-minutes",
        ),
        pytest.param(
            [Act(HANGS, takes=8), Act(HANGS, takes=30)],
            40,
            [(0, ""), (10, " within 30 s")],
            TargetFinished("a", Outcome.UNREACHABLE, "the response timed out (2 tries in 40 s)"),
            id="nor-for-more-than-the-time-given",
        ),
        pytest.param(
            [Act(HANGS, takes=8), NO_LINE, NO_LINE, NO_LINE],
            600,
            [(0, ""), (10, " within 30 s"), (25, ""), (40, "")],
            TargetFinished("a", Outcome.UNREACHABLE, "no connection (4 tries in 40 s)"),
            id="a-server-that-goes-away-is-asked-three-times-from-then-on",
        ),
        pytest.param(
            [NO_LINE, Act(HANGS, takes=8), "Fake 1"],
            600,
            [(0, ""), (15, ""), (25, " within 30 s")],
            TargetFinished("a", Outcome.FINISHED),
            id="one-that-comes-up-and-is-busy",
        ),
    ],
)
def test_a_server_that_accepts_connections_is_waited_for_up_to_two_minutes(
    reach: list[Any], timeout: float, calls: list[tuple[float, str]], last: TargetFinished
) -> None:
    tale = tell({"reach": reach}, timeout=timeout)
    asked = [(at, call) for at, call in tale.calls if call.startswith("reach")]
    assert (asked, tale.events[-1]) == ([(at, f"reach{how}") for at, how in calls], last)
    assert PollFailing("", WAITED.format(min(120, timeout))) in tale.events


def test_nothing_is_asked_of_a_server_that_was_not_reached() -> None:
    tale = tell(
        {"reach": [NO_LINE, UnavailableError("HTTP 502"), UnavailableError("HTTP 502")]}, targets=("a", "b")
    )
    why = "HTTP 502 (3 tries in 30 s)"
    assert tale == Tale(
        Outcome.UNREACHABLE,
        [
            PollFailing("", "no connection"),
            PollFailing("", "HTTP 502"),
            TargetFinished("a", Outcome.UNREACHABLE, why),
            TargetFinished("b", Outcome.UNREACHABLE, why),
        ],
        [(0, "reach"), (15, "reach"), (30, "reach")],
        2,
    )


def test_the_same_trouble_is_told_once_while_the_server_is_not_reached() -> None:
    assert tell({"reach": [NO_LINE, NO_LINE, "Fake 1"]}).events[:2] == [
        PollFailing("", "no connection"),
        REACHED,
    ]


# --- Architecture, rule 3: what is refused to the token is not asked again


@pytest.mark.parametrize(
    ("script", "calls", "ends"),
    [
        pytest.param(
            {"check b": [REVOKED]},
            ["reach", "check a", "check b"],
            {"a": Outcome.REFUSED, "b": Outcome.REFUSED, "c": Outcome.REFUSED},
            id="at-a-check",
        ),
        pytest.param(
            {"start b": [REVOKED]},
            ["reach", "check a", "check b", "check c", "start a", "start b"],
            {"a": Outcome.LOST, "b": Outcome.REFUSED, "c": Outcome.REFUSED},
            id="at-a-start",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "start b": [REVOKED]},
            ["reach", "check a", "check b", "check c", "start a", "start b"],
            {"a": Outcome.LOST, "b": Outcome.REFUSED, "c": Outcome.REFUSED},
            id="at-a-start-while-one-is-in-doubt",
        ),
        pytest.param(
            {"start a": [RetryLater(9, "full")], "start b": [Rejected("full")], "look c-1": [REVOKED]},
            ["reach", "check a", "check b", "check c", "start a", "start b", "start c", "look c-1"],
            {"a": Outcome.REFUSED, "b": Outcome.REFUSED, "c": Outcome.LOST},
            id="at-a-look-while-one-must-wait",
        ),
        pytest.param(
            {"look b-1": [REVOKED]},
            [
                "reach",
                "check a",
                "check b",
                "check c",
                "start a",
                "start b",
                "start c",
                "look a-1",
                "look b-1",
            ],
            {"a": Outcome.FINISHED, "b": Outcome.LOST, "c": Outcome.LOST},
            id="at-a-look",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [REVOKED]},
            ["reach", "check a", "check b", "check c", "start a", "start b", "start c", "find a"],
            {"a": Outcome.LOST, "b": Outcome.LOST, "c": Outcome.LOST},
            id="at-a-find",
        ),
    ],
)
def test_a_revoked_token_ends_every_story_without_another_request(
    script: Script, calls: list[str], ends: Mapping[str, Outcome]
) -> None:
    tale = tell(script, targets=("a", "b", "c"))
    assert tale.sent == calls
    assert {event.target: event.outcome for event in tale.ends()} == ends


def test_a_revoked_token_is_not_asked_for_the_next_of_several_deployments_either() -> None:
    tale = tell({"look a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))], "look a-2": [REVOKED]})
    assert tale.sent == [*(call for _, call in UNTIL_START), "look a-1", "look a-2"]
    assert tale.outcome is Outcome.LOST


def test_a_failure_that_was_seen_counts_more_than_a_token_that_is_revoked_after_it() -> None:
    broken = replace(BROKEN, reason="exit 1", server="paris")
    tale = tell(
        {"look a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))], "look a-2": [broken], "look a-3": [REVOKED]}
    )
    assert tale.ends() == [TargetFinished("a", Outcome.FAILED, f"{IN_PARIS}exit 1")]


@pytest.mark.parametrize(
    ("last", "handle", "ended"),
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
def test_an_end_that_was_seen_counts_when_the_token_is_revoked(
    last: Snapshot, handle: Handle, ended: TargetFinished
) -> None:
    script: Script = {"start a": [Started((handle,))], "look a-1": [last], "look b-1": [RUNNING, REVOKED]}
    tale = tell(script, targets=("a", "b"), poll_interval=5)
    assert [event for event in tale.ends() if event.target == "a"] == [ended]
    assert Retriggering not in {type(event) for event in tale.events}
    assert tale.sent[-1] == "look b-1"


def test_others_that_can_not_be_seen_any_more_are_lost() -> None:
    script: Script = {
        "look a-1": [replace(DONE, stable_for=9, follow_ups=(PARIS,))],
        "look b-1": [RUNNING, REVOKED],
    }
    tale = tell(script, targets=("a", "b"), poll_interval=5)
    assert [event.outcome for event in tale.ends() if event.target == "a"] == [Outcome.LOST]
    assert tale.sent[-1] == "look b-1"


def test_a_token_that_may_not_cancel_any_more_is_not_used_again() -> None:
    script: Script = {"look a-1": [RUNNING], "look b-1": [RUNNING], "cancel a-1": [REVOKED]}
    tale = tell(script, targets=("a", "b"), timeout=25, poll_interval=25, cancel_on_timeout=True)
    assert tale.sent[-4:] == ["look a-1", "look b-1", "look a-1", "cancel a-1"]
    assert {event.target: event.outcome for event in tale.ends()} == {
        "a": Outcome.TIMED_OUT,
        "b": Outcome.LOST,
    }
