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
from deployer.run.loop import KEPT_OUT
from tests.fakes import BEGINNING, FakeClock, Scripted
from tests.run.scripted import (
    A1,
    A2,
    A3,
    ADOPTED,
    BERLIN,
    BROKEN,
    CANCELLED,
    DONE,
    FOLLOWED,
    GATEWAY,
    GONE,
    IN_BERLIN,
    IN_DOUBT,
    LOST_ANSWER,
    NO_LINE,
    NOTHING,
    OPENING,
    OWN_FAILURE,
    PARIS,
    PHANTOM,
    RUNNING,
    SPOKEN,
    UNSURE,
    UNTIL_START,
    Call,
    Script,
    phase,
    tell,
)

SOMEBODY = "the deployment that we followed was cancelled by somebody else"


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [Started((A1,), "found on the server")]},
            [
                *IN_DOUBT,
                Following("a", A1, "found on the server"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (0, "look a-1")],
            id="the-one-that-is-found-is-ours",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [None, Started((A1,), "found on the server")]},
            [
                *IN_DOUBT,
                Following("a", A1, "found on the server"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (5, "find a"), (5, "look a-1")],
            id="also-five-seconds-later",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER, Started((A1,))]},
            [
                *IN_DOUBT,
                Retriggering("a", NOTHING),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (5, "find a"), (5, "start a"), (5, "look a-1")],
            id="sent-again-when-two-searches-find-nothing",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER, LOST_ANSWER, Started((A1,))]},
            [
                *IN_DOUBT,
                Retriggering("a", NOTHING),
                TriggerUncertain("a", "the response timed out"),
                Retriggering("a", NOTHING),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [
                (0, "find a"),
                (5, "find a"),
                (5, "start a"),
                (5, "find a"),
                (15, "find a"),
                (15, "start a"),
                (15, "look a-1"),
            ],
            id="two-searches-each-time",
        ),
        pytest.param(
            {
                "start a": [LOST_ANSWER, Started((A1,))],
                "find a": [
                    UnavailableError("HTTP 502"),
                    None,
                    UnavailableError("HTTP 503", retry_after=30),
                    None,
                ],
            },
            [
                *IN_DOUBT,
                PollFailing("a", "HTTP 502"),
                PollFailing("a", "HTTP 503"),
                Retriggering("a", NOTHING),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (5, "find a"), (10, "find a"), (40, "find a"), (40, "start a"), (40, "look a-1")],
            id="a-search-that-fails-is-none",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [AccessDenied("nobody can tell")]},
            [*IN_DOUBT, TargetFinished("a", Outcome.LOST, "nobody can tell")],
            [(0, "find a")],
            id="where-nobody-can-tell-it-is-lost",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [None, AccessDenied("nobody can tell")]},
            [*IN_DOUBT, TargetFinished("a", Outcome.LOST, "nobody can tell")],
            [(0, "find a"), (5, "find a")],
            id="also-when-that-shows-late",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [RefusedError("not yours")]},
            [*IN_DOUBT, TargetFinished("a", Outcome.LOST, "not yours")],
            [(0, "find a")],
            id="refused-is-lost",
        ),
        pytest.param(
            {"start a": [OWN_FAILURE]},
            [
                *OPENING,
                *[TriggerUncertain("a", "it failed (Whoops)"), Retriggering("a", NOTHING)] * 2,
                TriggerUncertain("a", "it failed (Whoops)"),
                TargetFinished("a", Outcome.REFUSED, "the server failed 3 times and started nothing: Whoops"),
            ],
            [
                (0, "find a"),
                (5, "find a"),
                (5, "start a"),
                (5, "find a"),
                (15, "find a"),
                (15, "start a"),
                (15, "find a"),
                (35, "find a"),
            ],
            id="three-failures-of-its-own-are-a-refusal",
        ),
        pytest.param(
            {
                "start a": [OWN_FAILURE, OWN_FAILURE, OWN_FAILURE],
                "find a": [None] * 4 + [UnavailableError("HTTP 502"), None],
            },
            [
                *OPENING,
                *[TriggerUncertain("a", "it failed (Whoops)"), Retriggering("a", NOTHING)] * 2,
                TriggerUncertain("a", "it failed (Whoops)"),
                PollFailing("a", "HTTP 502"),
                TargetFinished("a", Outcome.REFUSED, "the server failed 3 times and started nothing: Whoops"),
            ],
            [
                *[
                    (0, "find a"),
                    (5, "find a"),
                    (5, "start a"),
                    (5, "find a"),
                    (15, "find a"),
                    (15, "start a"),
                    (15, "find a"),
                ],
                *[(20, "find a"), (40, "find a")],
            ],
            id="told-with-its-own-text-whatever-the-search-met",
        ),
        pytest.param(
            {"start a": [OWN_FAILURE], "find a": [None] * 5 + [Started((A1,), "found")]},
            [
                *OPENING,
                *[TriggerUncertain("a", "it failed (Whoops)"), Retriggering("a", NOTHING)] * 2,
                TriggerUncertain("a", "it failed (Whoops)"),
                Following("a", A1, "found"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [
                *[
                    (0, "find a"),
                    (5, "find a"),
                    (5, "start a"),
                    (5, "find a"),
                    (15, "find a"),
                    (15, "start a"),
                    (15, "find a"),
                ],
                *[(35, "find a"), (35, "look a-1")],
            ],
            id="a-failure-that-started-one-is-none",
        ),
        pytest.param(
            {"start a": [GATEWAY]},
            [
                *OPENING,
                *[TriggerUncertain("a", "HTTP 403: a page"), Retriggering("a", NOTHING)] * 2,
                TriggerUncertain("a", "HTTP 403: a page"),
                TargetFinished("a", Outcome.REFUSED, KEPT_OUT.format(3, "HTTP 403: a page")),
            ],
            [
                (0, "find a"),
                (5, "find a"),
                (5, "start a"),
                (5, "find a"),
                (15, "find a"),
                (15, "start a"),
                (15, "find a"),
                (35, "find a"),
            ],
            id="a-gateway-that-passes-none-on",
        ),
        pytest.param(
            {"start a": [GATEWAY], "find a": [None, None, Started((A1,), "found")]},
            [
                *OPENING,
                TriggerUncertain("a", "HTTP 403: a page"),
                Retriggering("a", NOTHING),
                TriggerUncertain("a", "HTTP 403: a page"),
                Following("a", A1, "found"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (5, "find a"), (5, "start a"), (5, "find a"), (5, "look a-1")],
            id="a-gateway-that-answers-in-the-platform-s-place",
        ),
        pytest.param(
            {"start a": [GATEWAY, OWN_FAILURE, GATEWAY]},
            [
                *OPENING,
                TriggerUncertain("a", "HTTP 403: a page"),
                Retriggering("a", NOTHING),
                TriggerUncertain("a", "it failed (Whoops)"),
                Retriggering("a", NOTHING),
                TriggerUncertain("a", "HTTP 403: a page"),
                TargetFinished("a", Outcome.REFUSED, KEPT_OUT.format(3, "HTTP 403: a page")),
            ],
            [
                (0, "find a"),
                (5, "find a"),
                (5, "start a"),
                (5, "find a"),
                (15, "find a"),
                (15, "start a"),
                (15, "find a"),
                (35, "find a"),
            ],
            id="both-count-together",
        ),
        pytest.param(
            {"start a": [NO_LINE, NO_LINE, Started((A1,))]},
            [
                *OPENING,
                PollFailing("a", "no connection"),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(5, "check a"), (5, "start a"), (10, "check a"), (10, "start a"), (10, "look a-1")],
            id="what-never-arrived-is-sent-again-without-a-search",
        ),
        pytest.param(
            {"start a": [UnavailableError("HTTP 429", retry_after=25), Started((A1,))]},
            [
                *OPENING,
                PollFailing("a", "HTTP 429"),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(25, "check a"), (25, "start a"), (25, "look a-1")],
            id="and-as-late-as-was-asked-for",
        ),
        pytest.param(
            {"start a": [RetryLater(20, "asked too often"), Started((A1,))]},
            [
                *OPENING,
                TriggerDelayed("a", 20, "asked too often"),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(20, "check a"), (20, "start a"), (20, "look a-1")],
            id="throttled",
        ),
        pytest.param(
            {"start a": [NO_LINE, LOST_ANSWER], "find a": [Started((A1,), "found")]},
            [
                *OPENING,
                PollFailing("a", "no connection"),
                TriggerUncertain("a", "the response timed out"),
                Following("a", A1, "found"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(5, "check a"), (5, "start a"), (5, "find a"), (5, "look a-1")],
            id="lost-at-the-second-try",
        ),
    ],
)
def test_an_answer_that_was_lost_is_looked_for_before_anything_is_sent_again(
    script: Script, events: list[Event], calls: list[Call]
) -> None:
    tale = tell(script)
    assert (tale.events, tale.calls) == (events, [*UNTIL_START, *calls])


def test_the_last_search_before_it_is_sent_again_comes_later_with_each_lost_answer() -> None:
    tale = tell({"start a": [*[LOST_ANSWER] * 8, Started((A1,))]})
    searches = tale.times("find a")
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
    assert tale.times("start a")[1:] == searches[1::2]


def test_no_pause_before_it_is_sent_again_outlasts_the_time_given() -> None:
    clock = FakeClock()
    provider = Scripted({"start a": [LOST_ANSWER]}, clock)
    assert run(Plan(("a",), timeout=120), provider, lambda _: None, clock) is Outcome.TIMED_OUT
    assert clock.real() - BEGINNING == pytest.approx(120, abs=0.1)


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {
                "start a": [LOST_ANSWER],
                "find a": [Started((ADOPTED,), "the oldest of several")],
                "look a-1": [RUNNING, DONE],
            },
            [
                *IN_DOUBT,
                Following("a", ADOPTED, "the oldest of several"),
                phase(Phase.RUNNING),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find a"), (0, "look a-1"), (1, "look a-1")],
            id="of-several-the-oldest-is-followed-as-adopted",
        ),
        pytest.param(
            {"start a": [Started((ADOPTED,)), Started((A2,))], "look a-1": [CANCELLED]},
            [
                *OPENING,
                Following("a", ADOPTED),
                phase(Phase.CANCELLED),
                Retriggering("a", SOMEBODY),
                TargetResolved(Target("a")),
                Following("a", A2),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "look a-1"), (0, "check a"), (0, "start a"), (0, "look a-2")],
            id="adopted-and-cancelled-ours-is-triggered",
        ),
        pytest.param(
            {
                "start a": [LOST_ANSWER],
                "find a": [Started((UNSURE,), "the oldest of several")],
                "look a-1": [replace(CANCELLED, reason="why")],
            },
            [
                *IN_DOUBT,
                Following("a", UNSURE, "the oldest of several"),
                phase(Phase.CANCELLED),
                TargetFinished("a", Outcome.CANCELLED, "why"),
            ],
            [(0, "find a"), (0, "look a-1")],
            id="what-may-be-ours-and-is-cancelled-is-not-triggered-again",
        ),
        pytest.param(
            {
                "start a": [Started((ADOPTED,)), Started((Handle("a", "a-2", owner=Owner.OTHERS),))],
                "look a-1": [CANCELLED],
                "look a-2": [CANCELLED],
            },
            [
                *OPENING,
                Following("a", ADOPTED),
                phase(Phase.CANCELLED),
                Retriggering("a", SOMEBODY),
                TargetResolved(Target("a")),
                Following("a", Handle("a", "a-2", owner=Owner.OTHERS)),
                phase(Phase.CANCELLED),
                TargetFinished("a", Outcome.CANCELLED),
            ],
            [(0, "look a-1"), (0, "check a"), (0, "start a"), (0, "look a-2")],
            id="but-only-once",
        ),
        pytest.param(
            {
                "start a": [Started((PHANTOM,)), Started((A1,))],
                "look ": [replace(GONE, reason="none any more")],
            },
            [
                *OPENING,
                Following("a", PHANTOM),
                phase(Phase.ABSENT),
                Retriggering("a", "none any more"),
                TargetResolved(Target("a")),
                Following("a", A1),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "look "), (0, "check a"), (0, "start a"), (0, "look a-1")],
            id="a-phantom-of-nothing-is-triggered-again",
        ),
        pytest.param(
            {"start a": [Started((PHANTOM,))], "look ": [replace(GONE, reason="none any more")]},
            [
                *OPENING,
                Following("a", PHANTOM),
                phase(Phase.ABSENT),
                Retriggering("a", "none any more"),
                TargetResolved(Target("a")),
                Following("a", PHANTOM),
                phase(Phase.ABSENT),
                TargetFinished("a", Outcome.LOST, "none any more"),
            ],
            [(0, "look "), (0, "check a"), (0, "start a"), (0, "look ")],
            id="that-also-only-once",
        ),
        pytest.param(
            {
                "start a": [Started((PHANTOM,)), Started((A2,))],
                "look ": [replace(GONE, follow_ups=(ADOPTED,))],
                "look a-1": [RUNNING, CANCELLED],
            },
            [
                *OPENING,
                Following("a", PHANTOM),
                phase(Phase.ABSENT),
                Following("a", ADOPTED),
                phase(Phase.RUNNING),
                phase(Phase.CANCELLED),
                Retriggering("a", SOMEBODY),
                TargetResolved(Target("a")),
                Following("a", A2),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "look "), (0, "look a-1"), (1, "look a-1"), (1, "check a"), (1, "start a"), (1, "look a-2")],
            id="behind-a-phantom-the-real-one-is-followed",
        ),
        pytest.param(
            {
                "look a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
                "look a-2": [replace(DONE, server="paris")],
                "look a-3": [
                    replace(RUNNING, server="berlin"),
                    replace(BROKEN, reason="exit 1", server="berlin"),
                ],
            },
            [
                *FOLLOWED,
                phase(Phase.SUCCEEDED),
                Following("a", A2, stage=Stage.ADDITIONAL_SERVERS),
                Following("a", A3, stage=Stage.ADDITIONAL_SERVERS),
                DeploymentDetails("a", "", "", "paris", Stage.ADDITIONAL_SERVERS),
                PhaseChanged("a", Phase.SUCCEEDED, "", "paris", Stage.ADDITIONAL_SERVERS),
                DeploymentDetails("a", "", "", "berlin", Stage.ADDITIONAL_SERVERS),
                PhaseChanged("a", Phase.RUNNING, "", "berlin", Stage.ADDITIONAL_SERVERS),
                PhaseChanged("a", Phase.FAILED, "", "berlin", Stage.ADDITIONAL_SERVERS),
                TargetFinished("a", Outcome.FAILED, f"{IN_BERLIN}exit 1"),
            ],
            [(0, "look a-1"), (0, "look a-2"), (0, "look a-3"), (2, "look a-3")],
            id="the-others-are-followed-together",
        ),
    ],
)
def test_what_is_followed_may_change(script: Script, events: list[Event], calls: list[Call]) -> None:
    tale = tell(script)
    assert (tale.events, tale.calls) == (events, [*UNTIL_START, *calls])


def test_retry_after_is_obeyed_for_each_of_several_deployments() -> None:
    tale = tell(
        {
            "look a-1": [replace(DONE, follow_ups=(PARIS, BERLIN))],
            "look a-2": [UnavailableError("HTTP 429", retry_after=50), DONE],
            "look a-3": [RUNNING, RUNNING, DONE],
        },
    )
    assert (tale.times("look a-2"), tale.times("look a-3")) == ([0, 50], [0, 2, 4])


REDIRECTS = UnavailableError("it redirects", permanent=True)


@pytest.mark.parametrize(
    ("script", "ended", "calls"),
    [
        pytest.param(
            {"check a": [REDIRECTS]},
            TargetFinished("a", Outcome.REFUSED, "it redirects"),
            UNTIL_START[:2],
            id="at-the-check",
        ),
        pytest.param(
            {"start a": [REDIRECTS]},
            TargetFinished("a", Outcome.REFUSED, "it redirects"),
            UNTIL_START,
            id="at-the-start",
        ),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [REDIRECTS, Started((A1,))]},
            TargetFinished("a", Outcome.FINISHED),
            [*UNTIL_START, (0, "find a"), (5, "find a"), (5, "look a-1")],
            id="but-while-searching-it-is-no-news",
        ),
    ],
)
def test_what_no_repetition_can_mend_is_not_repeated(
    script: Script, ended: TargetFinished, calls: list[Call]
) -> None:
    tale = tell(script)
    assert (tale.events[-1], tale.calls) == (ended, calls)


def test_a_failure_that_asks_us_to_stay_away_is_searched_for_after_that() -> None:
    tale = tell({"start a": [replace(SPOKEN, retry_after=30)], "find a": [Started((A1,), "found")]})
    assert tale.times("find a") == [30]


def test_but_not_longer_than_the_time_given() -> None:
    tale = tell(
        {"start a": [replace(SPOKEN, retry_after=86400)], "find a": [Started((A1,), "found")]}, timeout=25
    )
    assert (tale.times("find a"), tale.times("look a-1")) == ([25], [25])


def test_a_long_wait_is_not_silent() -> None:
    tale = tell({"look a-1": [RUNNING]}, timeout=100, poll_interval=100)
    assert (tale.times("look a-1"), tale.waits) == ([0, 100], 4)
