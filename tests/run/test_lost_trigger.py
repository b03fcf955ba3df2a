"""A target is triggered once, even if the response is lost (architecture, rule 7)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.model import (
    AccessDenied,
    DeploymentDetails,
    Event,
    Following,
    Handle,
    Outcome,
    Owner,
    Phase,
    PhaseChanged,
    Plan,
    PollFailing,
    RefusedError,
    Retriggering,
    RetryLater,
    Stage,
    Started,
    Target,
    TargetFinished,
    TargetResolved,
    TriggerDelayed,
    TriggerUncertain,
    UnavailableError,
)
from deployer.run import run
from deployer.run.loop import GATEWAY_RESPONDED
from tests.fakes import START_TIME, FakeClock, Scripted
from tests.run.scripted import (
    A1,
    A2,
    A3,
    ABSENT,
    ADOPTED,
    BERLIN,
    BROKEN,
    CANCELLED,
    DONE,
    GATEWAY,
    LOST_RESPONSE,
    NO_CONNECTION,
    NOTHING_FOUND,
    ON_BERLIN,
    PARIS,
    PHANTOM,
    RUNNING,
    SERVER_503,
    SERVER_ERROR,
    TRIGGER_CALLS,
    TRIGGER_LOST,
    UNSURE,
    UNTIL_FOLLOWED,
    UNTIL_TRIGGER,
    Call,
    Script,
    phase,
    run_script,
)

CANCELLED_BY_OTHERS = "the deployment that was followed was cancelled by somebody else"


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"trigger a": [LOST_RESPONSE], "find a": [Started((A1,), "found on the server")]},
            [
                *TRIGGER_LOST,
                Following("a", A1, "found on the server"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (0, "poll a-1")],
            id="found",
        ),
        pytest.param(
            {"trigger a": [LOST_RESPONSE], "find a": [None, Started((A1,), "found on the server")]},
            [
                *TRIGGER_LOST,
                Following("a", A1, "found on the server"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (5, "find a"), (5, "poll a-1")],
            id="found-by-the-second-search",
        ),
        pytest.param(
            {"trigger a": [LOST_RESPONSE, Started((A1,))]},
            [
                *TRIGGER_LOST,
                Retriggering("a", NOTHING_FOUND),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (5, "find a"), (5, "trigger a"), (5, "poll a-1")],
            id="retriggered-after-two-searches",
        ),
        pytest.param(
            {"trigger a": [LOST_RESPONSE, LOST_RESPONSE, Started((A1,))]},
            [
                *TRIGGER_LOST,
                Retriggering("a", NOTHING_FOUND),
                TriggerUncertain("a", "the response timed out"),
                Retriggering("a", NOTHING_FOUND),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [
                (0, "find a"),
                (5, "find a"),
                (5, "trigger a"),
                (5, "find a"),
                (15, "find a"),
                (15, "trigger a"),
                (15, "poll a-1"),
            ],
            id="two-searches-before-each-retrigger",
        ),
        pytest.param(
            {
                "trigger a": [LOST_RESPONSE, Started((A1,))],
                "find a": [
                    UnavailableError("HTTP 502"),
                    None,
                    UnavailableError("HTTP 503", retry_after=30),
                    None,
                ],
            },
            [
                *TRIGGER_LOST,
                PollFailing("a", "HTTP 502"),
                PollFailing("a", "HTTP 503"),
                Retriggering("a", NOTHING_FOUND),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [
                (0, "find a"),
                (5, "find a"),
                (10, "find a"),
                (40, "find a"),
                (40, "trigger a"),
                (40, "poll a-1"),
            ],
            id="failed-search-does-not-count",
        ),
        pytest.param(
            {"trigger a": [LOST_RESPONSE], "find a": [AccessDenied("no permission to list deployments")]},
            [*TRIGGER_LOST, TargetFinished("a", Outcome.LOST, "no permission to list deployments")],
            [(0, "find a")],
            id="search-denied",
        ),
        pytest.param(
            {
                "trigger a": [LOST_RESPONSE],
                "find a": [None, AccessDenied("no permission to list deployments")],
            },
            [*TRIGGER_LOST, TargetFinished("a", Outcome.LOST, "no permission to list deployments")],
            [(0, "find a"), (5, "find a")],
            id="second-search-denied",
        ),
        pytest.param(
            {"trigger a": [LOST_RESPONSE], "find a": [RefusedError("not yours")]},
            [*TRIGGER_LOST, TargetFinished("a", Outcome.LOST, "not yours")],
            [(0, "find a")],
            id="search-refused",
        ),
        pytest.param(
            {"trigger a": [SERVER_ERROR]},
            [
                *UNTIL_TRIGGER,
                *[TriggerUncertain("a", "it failed (Whoops)"), Retriggering("a", NOTHING_FOUND)] * 2,
                TriggerUncertain("a", "it failed (Whoops)"),
                TargetFinished("a", Outcome.REFUSED, "the server failed 3 times and started nothing: Whoops"),
            ],
            [
                (0, "find a"),
                (5, "find a"),
                (5, "trigger a"),
                (5, "find a"),
                (15, "find a"),
                (15, "trigger a"),
                (15, "find a"),
                (35, "find a"),
            ],
            id="three-server-errors",
        ),
        pytest.param(
            {
                "trigger a": [SERVER_ERROR, SERVER_ERROR, SERVER_ERROR],
                "find a": [None] * 4 + [UnavailableError("HTTP 502"), None],
            },
            [
                *UNTIL_TRIGGER,
                *[TriggerUncertain("a", "it failed (Whoops)"), Retriggering("a", NOTHING_FOUND)] * 2,
                TriggerUncertain("a", "it failed (Whoops)"),
                PollFailing("a", "HTTP 502"),
                TargetFinished("a", Outcome.REFUSED, "the server failed 3 times and started nothing: Whoops"),
            ],
            [
                *[
                    (0, "find a"),
                    (5, "find a"),
                    (5, "trigger a"),
                    (5, "find a"),
                    (15, "find a"),
                    (15, "trigger a"),
                    (15, "find a"),
                ],
                *[(20, "find a"), (40, "find a")],
            ],
            id="server-error-reported-despite-a-failed-search",
        ),
        pytest.param(
            {"trigger a": [SERVER_ERROR], "find a": [None] * 5 + [Started((A1,), "found")]},
            [
                *UNTIL_TRIGGER,
                *[TriggerUncertain("a", "it failed (Whoops)"), Retriggering("a", NOTHING_FOUND)] * 2,
                TriggerUncertain("a", "it failed (Whoops)"),
                Following("a", A1, "found"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [
                *[
                    (0, "find a"),
                    (5, "find a"),
                    (5, "trigger a"),
                    (5, "find a"),
                    (15, "find a"),
                    (15, "trigger a"),
                    (15, "find a"),
                ],
                *[(35, "find a"), (35, "poll a-1")],
            ],
            id="found-after-server-errors",
        ),
        pytest.param(
            {"trigger a": [GATEWAY]},
            [
                *UNTIL_TRIGGER,
                *[TriggerUncertain("a", "HTTP 403: a page"), Retriggering("a", NOTHING_FOUND)] * 2,
                TriggerUncertain("a", "HTTP 403: a page"),
                TargetFinished("a", Outcome.REFUSED, GATEWAY_RESPONDED.format(3, "HTTP 403: a page")),
            ],
            [
                (0, "find a"),
                (5, "find a"),
                (5, "trigger a"),
                (5, "find a"),
                (15, "find a"),
                (15, "trigger a"),
                (15, "find a"),
                (35, "find a"),
            ],
            id="gateway-blocks-every-trigger",
        ),
        pytest.param(
            {"trigger a": [GATEWAY], "find a": [None, None, Started((A1,), "found")]},
            [
                *UNTIL_TRIGGER,
                TriggerUncertain("a", "HTTP 403: a page"),
                Retriggering("a", NOTHING_FOUND),
                TriggerUncertain("a", "HTTP 403: a page"),
                Following("a", A1, "found"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (5, "find a"), (5, "trigger a"), (5, "find a"), (5, "poll a-1")],
            id="found-behind-a-gateway",
        ),
        pytest.param(
            {"trigger a": [GATEWAY, SERVER_ERROR, GATEWAY]},
            [
                *UNTIL_TRIGGER,
                TriggerUncertain("a", "HTTP 403: a page"),
                Retriggering("a", NOTHING_FOUND),
                TriggerUncertain("a", "it failed (Whoops)"),
                Retriggering("a", NOTHING_FOUND),
                TriggerUncertain("a", "HTTP 403: a page"),
                TargetFinished("a", Outcome.REFUSED, GATEWAY_RESPONDED.format(3, "HTTP 403: a page")),
            ],
            [
                (0, "find a"),
                (5, "find a"),
                (5, "trigger a"),
                (5, "find a"),
                (15, "find a"),
                (15, "trigger a"),
                (15, "find a"),
                (35, "find a"),
            ],
            id="gateway-and-server-errors-count-together",
        ),
        pytest.param(
            {"trigger a": [NO_CONNECTION, NO_CONNECTION, Started((A1,))]},
            [
                *UNTIL_TRIGGER,
                PollFailing("a", "no connection"),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(5, "resolve a"), (5, "trigger a"), (10, "resolve a"), (10, "trigger a"), (10, "poll a-1")],
            id="no-connection-needs-no-search",
        ),
        pytest.param(
            {"trigger a": [UnavailableError("HTTP 429", retry_after=25), Started((A1,))]},
            [
                *UNTIL_TRIGGER,
                PollFailing("a", "HTTP 429"),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(25, "resolve a"), (25, "trigger a"), (25, "poll a-1")],
            id="retry-after",
        ),
        pytest.param(
            {"trigger a": [RetryLater(20, "rate limited"), Started((A1,))]},
            [
                *UNTIL_TRIGGER,
                TriggerDelayed("a", 20, "rate limited"),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(20, "resolve a"), (20, "trigger a"), (20, "poll a-1")],
            id="rate-limited",
        ),
        pytest.param(
            {"trigger a": [NO_CONNECTION, LOST_RESPONSE], "find a": [Started((A1,), "found")]},
            [
                *UNTIL_TRIGGER,
                PollFailing("a", "no connection"),
                TriggerUncertain("a", "the response timed out"),
                Following("a", A1, "found"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(5, "resolve a"), (5, "trigger a"), (5, "find a"), (5, "poll a-1")],
            id="lost-at-the-second-attempt",
        ),
    ],
)
def test_after_a_lost_response_the_deployment_is_searched_before_a_retrigger(
    script: Script, events: list[Event], calls: list[Call]
) -> None:
    result = run_script(script)
    assert (result.events, result.calls) == (events, [*TRIGGER_CALLS, *calls])


def test_the_delay_before_a_retrigger_grows_with_each_lost_response() -> None:
    result = run_script({"trigger a": [*[LOST_RESPONSE] * 8, Started((A1,))]})
    searches = result.times("find a")
    assert [second - first for first, second in zip(searches[::2], searches[1::2], strict=True)] == [
        5,
        10,
        20,
        40,
        60,
        60,
        60,
        60,
    ]
    assert result.times("trigger a")[1:] == searches[1::2]


def test_no_delay_before_a_retrigger_exceeds_the_timeout() -> None:
    clock = FakeClock()
    provider = Scripted({"trigger a": [LOST_RESPONSE]}, clock)
    assert run(Plan(("a",), timeout=120), provider, lambda _: None, clock) is Outcome.TIMED_OUT
    assert clock.real() - START_TIME == pytest.approx(120, abs=0.1)


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {
                "trigger a": [LOST_RESPONSE],
                "find a": [Started((ADOPTED,), "the oldest of several")],
                "poll a-1": [RUNNING, DONE],
            },
            [
                *TRIGGER_LOST,
                Following("a", ADOPTED, "the oldest of several"),
                phase(Phase.RUNNING),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (0, "poll a-1"), (1, "poll a-1")],
            id="oldest-of-several-is-adopted",
        ),
        pytest.param(
            {"trigger a": [Started((ADOPTED,)), Started((A2,))], "poll a-1": [CANCELLED]},
            [
                *UNTIL_TRIGGER,
                Following("a", ADOPTED),
                phase(Phase.CANCELLED),
                Retriggering("a", CANCELLED_BY_OTHERS),
                TargetResolved(Target("a")),
                Following("a", A2),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "poll a-1"), (0, "resolve a"), (0, "trigger a"), (0, "poll a-2")],
            id="adopted-and-cancelled-retriggers",
        ),
        pytest.param(
            {
                "trigger a": [LOST_RESPONSE],
                "find a": [Started((UNSURE,), "the oldest of several")],
                "poll a-1": [replace(CANCELLED, reason="by a user")],
            },
            [
                *TRIGGER_LOST,
                Following("a", UNSURE, "the oldest of several"),
                phase(Phase.CANCELLED),
                TargetFinished("a", Outcome.CANCELLED, "by a user"),
            ],
            [(0, "find a"), (0, "poll a-1")],
            id="unsure-owner-cancelled-does-not-retrigger",
        ),
        pytest.param(
            {
                "trigger a": [Started((ADOPTED,)), Started((Handle("a", "a-2", owner=Owner.OTHERS),))],
                "poll a-1": [CANCELLED],
                "poll a-2": [CANCELLED],
            },
            [
                *UNTIL_TRIGGER,
                Following("a", ADOPTED),
                phase(Phase.CANCELLED),
                Retriggering("a", CANCELLED_BY_OTHERS),
                TargetResolved(Target("a")),
                Following("a", Handle("a", "a-2", owner=Owner.OTHERS)),
                phase(Phase.CANCELLED),
                TargetFinished("a", Outcome.CANCELLED),
            ],
            [(0, "poll a-1"), (0, "resolve a"), (0, "trigger a"), (0, "poll a-2")],
            id="adopted-and-cancelled-retriggers-once",
        ),
        pytest.param(
            {
                "trigger a": [Started((PHANTOM,)), Started((A1,))],
                "poll ": [replace(ABSENT, reason="none any more")],
            },
            [
                *UNTIL_TRIGGER,
                Following("a", PHANTOM),
                phase(Phase.ABSENT),
                Retriggering("a", "none any more"),
                TargetResolved(Target("a")),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "poll "), (0, "resolve a"), (0, "trigger a"), (0, "poll a-1")],
            id="phantom-without-deployment-retriggers",
        ),
        pytest.param(
            {"trigger a": [Started((PHANTOM,))], "poll ": [replace(ABSENT, reason="none any more")]},
            [
                *UNTIL_TRIGGER,
                Following("a", PHANTOM),
                phase(Phase.ABSENT),
                Retriggering("a", "none any more"),
                TargetResolved(Target("a")),
                Following("a", PHANTOM),
                phase(Phase.ABSENT),
                TargetFinished("a", Outcome.LOST, "none any more"),
            ],
            [(0, "poll "), (0, "resolve a"), (0, "trigger a"), (0, "poll ")],
            id="phantom-without-deployment-retriggers-once",
        ),
        pytest.param(
            {
                "trigger a": [Started((PHANTOM,)), Started((A2,))],
                "poll ": [replace(ABSENT, follow_ups=(ADOPTED,))],
                "poll a-1": [RUNNING, CANCELLED],
            },
            [
                *UNTIL_TRIGGER,
                Following("a", PHANTOM),
                phase(Phase.ABSENT),
                Following("a", ADOPTED),
                phase(Phase.RUNNING),
                phase(Phase.CANCELLED),
                Retriggering("a", CANCELLED_BY_OTHERS),
                TargetResolved(Target("a")),
                Following("a", A2),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [
                (0, "poll "),
                (0, "poll a-1"),
                (1, "poll a-1"),
                (1, "resolve a"),
                (1, "trigger a"),
                (1, "poll a-2"),
            ],
            id="real-deployment-behind-a-phantom",
        ),
        pytest.param(
            {
                "poll a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
                "poll a-2": [replace(DONE, server="paris")],
                "poll a-3": [
                    replace(RUNNING, server="berlin"),
                    replace(BROKEN, reason="exit 1", server="berlin"),
                ],
            },
            [
                *UNTIL_FOLLOWED,
                phase(Phase.SUCCEEDED),
                Following("a", A2, stage=Stage.ADDITIONAL_SERVERS),
                Following("a", A3, stage=Stage.ADDITIONAL_SERVERS),
                DeploymentDetails("a", "", "", "paris", Stage.ADDITIONAL_SERVERS),
                PhaseChanged("a", Phase.SUCCEEDED, "", "paris", Stage.ADDITIONAL_SERVERS),
                DeploymentDetails("a", "", "", "berlin", Stage.ADDITIONAL_SERVERS),
                PhaseChanged("a", Phase.RUNNING, "", "berlin", Stage.ADDITIONAL_SERVERS),
                PhaseChanged("a", Phase.FAILED, "", "berlin", Stage.ADDITIONAL_SERVERS),
                TargetFinished("a", Outcome.FAILED, f"{ON_BERLIN}exit 1"),
            ],
            [(0, "poll a-1"), (0, "poll a-2"), (0, "poll a-3"), (1, "poll a-3")],
            id="additional-servers",
        ),
    ],
)
def test_what_is_followed_can_change(script: Script, events: list[Event], calls: list[Call]) -> None:
    result = run_script(script)
    assert (result.events, result.calls) == (events, [*TRIGGER_CALLS, *calls])


def test_retry_after_is_respected_per_deployment() -> None:
    result = run_script(
        {
            "poll a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
            "poll a-2": [UnavailableError("HTTP 429", retry_after=50), DONE],
            "poll a-3": [RUNNING, RUNNING, DONE],
        },
    )
    assert (result.times("poll a-2"), result.times("poll a-3")) == ([0, 50], [0, 1, 2])


REDIRECTS = UnavailableError("it redirects", permanent=True)


@pytest.mark.parametrize(
    ("script", "last", "calls"),
    [
        pytest.param(
            {"resolve a": [REDIRECTS]},
            TargetFinished("a", Outcome.REFUSED, "it redirects"),
            TRIGGER_CALLS[:2],
            id="resolve",
        ),
        pytest.param(
            {"trigger a": [REDIRECTS]},
            TargetFinished("a", Outcome.REFUSED, "it redirects"),
            TRIGGER_CALLS,
            id="trigger",
        ),
        pytest.param(
            {"trigger a": [LOST_RESPONSE], "find a": [REDIRECTS, Started((A1,))]},
            TargetFinished("a", Outcome.FINISHED),
            [*TRIGGER_CALLS, (0, "find a"), (5, "find a"), (5, "poll a-1")],
            id="search-is-retried",
        ),
    ],
)
def test_permanent_errors_are_not_retried(script: Script, last: TargetFinished, calls: list[Call]) -> None:
    result = run_script(script)
    assert (result.events[-1], result.calls) == (last, calls)


def test_the_search_waits_for_retry_after() -> None:
    result = run_script(
        {"trigger a": [replace(SERVER_503, retry_after=30)], "find a": [Started((A1,), "found")]}
    )
    assert result.times("find a") == [30]


def test_retry_after_never_delays_the_search_past_the_timeout() -> None:
    result = run_script(
        {"trigger a": [replace(SERVER_503, retry_after=86400)], "find a": [Started((A1,), "found")]},
        timeout=25,
    )
    assert (result.times("find a"), result.times("poll a-1")) == ([25], [25])


def test_a_long_wait_reports_that_it_is_idle() -> None:
    result = run_script({"poll a-1": [RUNNING]}, timeout=100, poll_interval=100)
    assert (result.times("poll a-1"), result.waits) == ([0, 100], 4)
