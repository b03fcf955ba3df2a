"""What is changed before the trigger."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from deployer.model import (
    AccessDenied,
    ChangeApplied,
    Changes,
    Command,
    Event,
    Following,
    Outcome,
    Phase,
    PollFailing,
    RefusedError,
    Rejected,
    RetryLater,
    Snapshot,
    Started,
    Target,
    TargetFinished,
    TargetNote,
    TargetResolved,
    TargetWarning,
    Triggering,
    UnavailableError,
)
from deployer.run.interrupt import CHANGE_IN_FLIGHT
from tests.fakes import Act
from tests.run.scripted import (
    A1,
    A2,
    ADOPTED,
    BROKEN,
    CANCELLED,
    DONE,
    FAREWELL,
    GATEWAY,
    LOST_ANSWER,
    NO_LINE,
    REACHED,
    REVOKED,
    RUNNING,
    SIGNAL_AT_2,
    STOPPED_BY,
    Script,
    phase,
    tell,
)

KEEPS_A = "Changes that were applied before stay in effect: a is as it is wished"


def test_nothing_is_changed_before_every_target_was_checked() -> None:
    tale = tell({}, targets=("a", "b"), has_changes=True)
    assert [call for call in tale.sent if not call.startswith("look")] == [
        *("reach", "check a", "check b"),
        *("prepare a", "prepare b", "start a", "start b"),
    ]


def test_a_refused_target_keeps_the_others_from_being_changed() -> None:
    tale = tell({"check b": [RefusedError("no such app")]}, targets=("a", "b"), has_changes=True)
    assert tale.sent == ["reach", "check a", "check b"]
    assert tale.ends()[-1] == TargetFinished(
        "a", Outcome.REFUSED, "nothing was changed, because b was refused"
    )


READY: list[Event] = [REACHED, TargetResolved(Target("a"))]


IMAGE, ENV = "image: 1 → 2", "variables: 1 added (A), 0 changed, 0 unchanged"


PERHAPS_CHANGED = f"{IMAGE} (perhaps: no response)"


WELL = Changes((IMAGE,))


TRIGGERED: list[Event] = [
    Triggering("a"),
    Following("a", A1),
    phase(Phase.SUCCEEDED),
    TargetFinished("a", Outcome.FINISHED),
]


BUSY = UnavailableError("asked too often", from_server=True, retry_after=30)


@pytest.mark.parametrize(
    ("script", "events", "times"),
    [
        pytest.param(
            {
                "prepare a": [
                    Changes(
                        (IMAGE, ENV), ("it stays pinned", "blanks are cut off"), ("the rest is so already",)
                    )
                ]
            },
            [
                *(
                    ChangeApplied("a", IMAGE),
                    ChangeApplied("a", ENV),
                    TargetNote("a", "the rest is so already"),
                ),
                *(TargetWarning("a", "it stays pinned"), TargetWarning("a", "blanks are cut off")),
                *TRIGGERED,
            ],
            [0],
            id="what-was-changed-and-what-should-be-known",
        ),
        pytest.param(
            {"prepare a": [NO_LINE, NO_LINE, WELL]},
            [PollFailing("a", "no connection"), ChangeApplied("a", IMAGE), *TRIGGERED],
            [0, 5, 10],
            id="an-outage-is-waited-through",
        ),
        pytest.param(
            {
                "prepare a": [LOST_ANSWER, Changes((), unchanged=("all is as it is wished",))],
                "altered a": [(PERHAPS_CHANGED,)],
            },
            [
                PollFailing("a", "the response timed out"),
                TargetNote("a", "all is as it is wished"),
                *TRIGGERED,
            ],
            [0, 5],
            id="after-a-lost-answer-it-is-asked-again",
        ),
        pytest.param(
            {"prepare a": [BUSY, WELL]},
            [PollFailing("a", "asked too often"), ChangeApplied("a", IMAGE), *TRIGGERED],
            [0, 30],
            id="as-long-as-asked",
        ),
        pytest.param(
            {"prepare a": [NO_LINE, BUSY, NO_LINE, WELL]},
            [
                *(
                    PollFailing("a", "no connection"),
                    PollFailing("a", "asked too often"),
                    PollFailing("a", "no connection"),
                ),
                *(ChangeApplied("a", IMAGE), *TRIGGERED),
            ],
            [0, 5, 35, 40],
            id="each-trouble-is-told-when-it-comes",
        ),
        pytest.param(
            {"prepare a": [NO_LINE], "altered a": [(PERHAPS_CHANGED,)]},
            [
                PollFailing("a", "no connection"),
                ChangeApplied("a", PERHAPS_CHANGED),
                TargetFinished("a", Outcome.TIMED_OUT, "no connection"),
            ],
            [*range(0, 61, 5)],
            id="until-the-time-is-over",
        ),
        pytest.param(
            {"prepare a": [RefusedError("no such field")], "altered a": [(IMAGE,)]},
            [ChangeApplied("a", IMAGE), TargetFinished("a", Outcome.REFUSED, "no such field")],
            [0],
            id="refused-after-a-part-of-it",
        ),
        pytest.param(
            {"prepare a": [UnavailableError("the address redirects", permanent=True)]},
            [TargetFinished("a", Outcome.REFUSED, "the address redirects")],
            [0],
            id="a-redirect-is-final",
        ),
    ],
)
def test_what_becomes_of_a_change_before_the_start(
    script: Script, events: list[Event], times: list[float]
) -> None:
    tale = tell(script, has_changes=True, timeout=60)
    assert (tale.events, tale.times("prepare a")) == ([*READY, *events], times)


def test_the_time_runs_from_the_trigger_and_not_from_the_outage_before_it() -> None:
    tale = tell(
        {"prepare a": [NO_LINE] * 8 + [WELL], "look a-1": [RUNNING]},
        has_changes=True,
        timeout=60,
        poll_interval=60,
    )
    assert (tale.times("start a"), tale.times("look a-1")) == ([40], [40, 100])


def test_trouble_before_the_start_is_not_the_reason_of_what_comes_after() -> None:
    tale = tell({"prepare a": [NO_LINE, WELL], "start a": [NO_LINE]}, has_changes=True, timeout=20)
    assert [event for event in tale.events if isinstance(event, PollFailing)] == [
        PollFailing("a", "no connection")
    ] * 2


@pytest.mark.parametrize(
    ("script", "calls", "ends"),
    [
        pytest.param(
            {"prepare a": [RefusedError("no such field")]},
            ["prepare a"],
            [
                TargetFinished("a", Outcome.REFUSED, "no such field"),
                *(
                    TargetFinished(target, Outcome.REFUSED, "nothing was changed, because a was refused")
                    for target in "bc"
                ),
            ],
            id="the-first-is-refused",
        ),
        pytest.param(
            {"prepare b": [RefusedError("no such field")]},
            ["prepare a", "prepare b", "start a", "look a-1"],
            [
                TargetFinished("b", Outcome.REFUSED, "no such field"),
                TargetFinished("c", Outcome.REFUSED, "nothing was changed, because b was refused"),
                TargetFinished("a", Outcome.FINISHED),
            ],
            id="what-was-changed-before-is-deployed",
        ),
        pytest.param(
            {
                "prepare a": [LOST_ANSWER],
                "prepare b": [RefusedError("no such field")],
                "altered a": [(PERHAPS_CHANGED,)],
            },
            ["prepare a", "prepare b"],
            [
                TargetFinished("b", Outcome.REFUSED, "no such field"),
                TargetFinished("c", Outcome.REFUSED, "nothing was changed, because b was refused"),
                TargetFinished("a", Outcome.REFUSED, "nothing more was changed, because b was refused"),
            ],
            id="whose-answer-was-lost-is-not-asked-again",
        ),
        pytest.param(
            {"prepare a": [REVOKED]},
            ["prepare a"],
            [TargetFinished(target, Outcome.REFUSED, "the token is revoked") for target in "abc"],
            id="the-token-is-revoked",
        ),
        pytest.param(
            {"start a": [RefusedError("no server")]},
            ["prepare a", "prepare b", "prepare c", "start a", "start b", "start c", "look b-1", "look c-1"],
            [
                TargetFinished("a", Outcome.REFUSED, f"no server. {KEEPS_A}"),
                TargetFinished("b", Outcome.FINISHED),
                TargetFinished("c", Outcome.FINISHED),
            ],
            id="what-is-refused-when-all-are-changed-stops-nobody",
        ),
    ],
)
def test_a_refusal_keeps_the_others_from_being_changed(
    script: Script, calls: list[str], ends: list[TargetFinished]
) -> None:
    tale = tell(script, targets=("a", "b", "c"), has_changes=True)
    assert tale.sent == ["reach", "check a", "check b", "check c", *calls]
    assert tale.ends() == ends


def test_a_target_that_is_refused_late_does_not_stop_one_whose_change_comes_later() -> None:
    """Refused, but changed: that was no refusal of the change."""
    script: Script = {"start a": [RefusedError("no server")], "prepare b": [NO_LINE, WELL]}
    assert tell(script, targets=("a", "b"), has_changes=True).ends() == [
        TargetFinished("a", Outcome.REFUSED, f"no server. {KEEPS_A}"),
        TargetFinished("b", Outcome.FINISHED),
    ]


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        pytest.param({"start a": [Rejected("no server")]}, Outcome.REFUSED, id="refused"),
        pytest.param({"start a": [RetryLater(60, "full")]}, Outcome.TIMED_OUT, id="a-full-queue"),
        pytest.param(
            {"start a": [LOST_ANSWER], "find a": [AccessDenied("nobody can tell")]}, Outcome.LOST, id="lost"
        ),
        pytest.param({"start a": [GATEWAY]}, Outcome.REFUSED, id="kept-out-by-a-gateway"),
    ],
)
def test_what_was_changed_for_a_deployment_that_never_started_is_said_to_stay(
    script: Script, outcome: Outcome
) -> None:
    """The next deployment, a webhook's or somebody's, uses it."""
    tale = tell({"prepare a": [Changes((IMAGE, ENV))], **script}, has_changes=True, timeout=120)
    [end] = tale.ends()
    assert (end.outcome, end.reason.partition(". Changes that were applied")[2]) == (
        outcome,
        f" before stay in effect: {IMAGE}; {ENV}",
    )


@pytest.mark.parametrize("look", [BROKEN, CANCELLED, RUNNING])
def test_what_was_deployed_is_not_said_to_stay(look: Snapshot) -> None:
    tale = tell({"prepare a": [Changes((IMAGE,))], "look a-1": [look]}, has_changes=True, timeout=120)
    assert "stay in effect" not in tale.ends()[0].reason


def test_one_that_can_not_be_checked_in_time_does_not_keep_the_others_from_being_changed() -> None:
    tale = tell({"check a": [NO_LINE]}, targets=("a", "b"), has_changes=True, timeout=20)
    assert tale.ends() == [
        TargetFinished("a", Outcome.TIMED_OUT, "no connection"),
        TargetFinished("b", Outcome.FINISHED),
    ]
    assert tale.times("prepare b") == [20]


def test_nothing_is_changed_while_one_can_not_be_checked_yet() -> None:
    tale = tell({"check b": [NO_LINE, NO_LINE, Target("b")]}, targets=("a", "b"), has_changes=True)
    assert (tale.times("prepare a"), tale.times("prepare b")) == ([10], [10])


def test_it_is_changed_once_however_often_it_is_triggered() -> None:
    script: Script = {
        "start a": [RetryLater(9, "full"), Started((ADOPTED,)), Started((A2,))],
        "look a-1": [CANCELLED],
        "look a-2": [DONE],
    }
    tale = tell(script, has_changes=True)
    assert (tale.sent.count("prepare a"), tale.sent.count("start a"), tale.outcome) == (
        1,
        3,
        Outcome.FINISHED,
    )


@pytest.mark.parametrize(
    "plan", [{"dry_run": True}, {"command": Command.CHECK}, {"command": Command.CANCEL}], ids=str
)
def test_what_deploys_nothing_changes_nothing(plan: dict[str, Any]) -> None:
    assert "prepare a" not in tell({}, has_changes=True, **plan).sent


def unchanged(events: list[Event]) -> list[Event]:
    """Without what is said of the changes that stay."""
    return [
        replace(each, reason=each.reason.partition(". Changes that were applied")[0])
        if isinstance(each, TargetFinished)
        else each
        for each in events
    ]


@pytest.mark.parametrize(
    ("script", "told", "times"),
    [
        pytest.param(
            {"prepare a": [Act(WELL, takes=3.9)]},
            [ChangeApplied("a", IMAGE), Triggering("a")],
            [0],
            id="that-is-answered-in-two-seconds",
        ),
        pytest.param(
            {"prepare a": [Act(WELL, takes=9)], "altered a": [(PERHAPS_CHANGED,)]},
            [TargetWarning("a", CHANGE_IN_FLIGHT), ChangeApplied("a", PERHAPS_CHANGED)],
            [0],
            id="that-is-not",
        ),
        pytest.param(
            {
                "prepare a": [Act(WELL, takes=math.inf)],
                "altered a": [(IMAGE, f"{ENV} (perhaps: no response)")],
            },
            [
                TargetWarning("a", CHANGE_IN_FLIGHT),
                ChangeApplied("a", IMAGE),
                ChangeApplied("a", f"{ENV} (perhaps: no response)"),
            ],
            [0],
            id="that-hangs-after-a-part-of-it",
        ),
        pytest.param(
            {"prepare a": [LOST_ANSWER], "altered a": [(PERHAPS_CHANGED,)]},
            [
                PollFailing("a", "the response timed out"),
                TargetWarning("a", CHANGE_IN_FLIGHT),
                ChangeApplied("a", PERHAPS_CHANGED),
            ],
            [0],
            id="whose-answer-was-lost",
        ),
        pytest.param(
            {"prepare a": [NO_LINE]}, [PollFailing("a", "no connection")], [0], id="that-never-arrived"
        ),
        pytest.param(
            {"prepare a": [RefusedError("no")]},
            [TargetFinished("a", Outcome.REFUSED, "no")],
            [0],
            id="that-was-refused",
        ),
    ],
)
def test_a_signal_after_two_seconds_of_a_change(
    script: Script, told: list[Event], times: list[float]
) -> None:
    """What was changed, or perhaps was, is told before the run ends; and nothing is sent any more."""
    tale = tell(script, has_changes=True, signals=SIGNAL_AT_2)
    farewell = FAREWELL if told[-1] != TargetFinished("a", Outcome.REFUSED, "no") else []
    late = [
        event for event in told if "altered a" in script and isinstance(event, TargetWarning | ChangeApplied)
    ]
    early = [event for event in told if event not in late]
    assert unchanged(tale.events) == [*READY, *early, *farewell[:1], *late, *farewell[1:]]
    assert (tale.times("prepare a"), tale.sent[-1]) == (times, "prepare a")


def test_a_signal_while_a_change_is_told_starts_nothing() -> None:
    tale = tell({"prepare a": [Changes((IMAGE, ENV))]}, has_changes=True, signal_at=ChangeApplied("a", IMAGE))
    assert unchanged(tale.events) == [
        *READY,
        ChangeApplied("a", IMAGE),
        ChangeApplied("a", ENV),
        Triggering("a"),
        *FAREWELL,
    ]
    assert (
        tale.ends()[0].reason
        == f"{STOPPED_BY}. Changes that were applied before stay in effect: {IMAGE}; {ENV}"
    )
    assert "start a" not in tale.sent
