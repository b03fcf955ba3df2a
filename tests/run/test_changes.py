"""Changes that are applied before the trigger."""

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
from tests.fakes import Reply
from tests.run.scripted import (
    A1,
    A2,
    ADOPTED,
    BROKEN,
    CANCELLED,
    CANCELLED_BY_SIGTERM,
    CONNECTED,
    DONE,
    GATEWAY,
    INTERRUPTED,
    LOST_RESPONSE,
    NO_CONNECTION,
    REVOKED,
    RUNNING,
    SIGNAL_AT_2,
    Script,
    phase,
    run_script,
)

CHANGES_OF_A_STAY = "Changes that were applied before stay in effect: a is up to date"


def test_nothing_is_changed_before_all_targets_are_resolved() -> None:
    result = run_script({}, targets=("a", "b"), has_changes=True)
    assert [call for call in result.sent if not call.startswith("poll")] == [
        *("connect", "resolve a", "resolve b"),
        *("change a", "change b", "trigger a", "trigger b"),
    ]


def test_a_target_that_does_not_resolve_prevents_all_changes() -> None:
    result = run_script({"resolve b": [RefusedError("no such app")]}, targets=("a", "b"), has_changes=True)
    assert result.sent == ["connect", "resolve a", "resolve b"]
    assert result.ends()[-1] == TargetFinished(
        "a", Outcome.REFUSED, "nothing was changed, because b was refused"
    )


RESOLVED: list[Event] = [CONNECTED, TargetResolved(Target("a"))]


IMAGE, ENV = "image: 1 → 2", "variables: 1 added (A), 0 changed, 0 unchanged"


IMAGE_UNCERTAIN = f"{IMAGE} (perhaps: no response)"


IMAGE_CHANGED = Changes((IMAGE,))


DEPLOYED: list[Event] = [
    Triggering("a"),
    Following("a", A1),
    phase(Phase.SUCCEEDED),
    TargetFinished("a", Outcome.FINISHED),
]


RATE_LIMITED = UnavailableError("rate limited", from_server=True, retry_after=30)


@pytest.mark.parametrize(
    ("script", "events", "times"),
    [
        pytest.param(
            {
                "change a": [
                    Changes(
                        (IMAGE, ENV),
                        ("it stays pinned", "whitespace was trimmed"),
                        ("the rest is unchanged",),
                    )
                ]
            },
            [
                *(
                    ChangeApplied("a", IMAGE),
                    ChangeApplied("a", ENV),
                    TargetNote("a", "the rest is unchanged"),
                ),
                *(TargetWarning("a", "it stays pinned"), TargetWarning("a", "whitespace was trimmed")),
                *DEPLOYED,
            ],
            [0],
            id="changes-notes-and-warnings",
        ),
        pytest.param(
            {"change a": [NO_CONNECTION, NO_CONNECTION, IMAGE_CHANGED]},
            [PollFailing("a", "no connection"), ChangeApplied("a", IMAGE), *DEPLOYED],
            [0, 5, 10],
            id="retried-after-an-outage",
        ),
        pytest.param(
            {
                "change a": [LOST_RESPONSE, Changes((), unchanged=("all is up to date",))],
                "changed a": [(IMAGE_UNCERTAIN,)],
            },
            [
                PollFailing("a", "the response timed out"),
                TargetNote("a", "all is up to date"),
                *DEPLOYED,
            ],
            [0, 5],
            id="retried-after-a-lost-response",
        ),
        pytest.param(
            {"change a": [RATE_LIMITED, IMAGE_CHANGED]},
            [PollFailing("a", "rate limited"), ChangeApplied("a", IMAGE), *DEPLOYED],
            [0, 30],
            id="retry-after",
        ),
        pytest.param(
            {"change a": [NO_CONNECTION, RATE_LIMITED, NO_CONNECTION, IMAGE_CHANGED]},
            [
                *(
                    PollFailing("a", "no connection"),
                    PollFailing("a", "rate limited"),
                    PollFailing("a", "no connection"),
                ),
                *(ChangeApplied("a", IMAGE), *DEPLOYED),
            ],
            [0, 5, 35, 40],
            id="each-new-error-is-reported",
        ),
        pytest.param(
            {"change a": [NO_CONNECTION], "changed a": [(IMAGE_UNCERTAIN,)]},
            [
                PollFailing("a", "no connection"),
                ChangeApplied("a", IMAGE_UNCERTAIN),
                TargetFinished("a", Outcome.TIMED_OUT, "no connection"),
            ],
            [*range(0, 61, 5)],
            id="timeout",
        ),
        pytest.param(
            {"change a": [RefusedError("no such field")], "changed a": [(IMAGE,)]},
            [ChangeApplied("a", IMAGE), TargetFinished("a", Outcome.REFUSED, "no such field")],
            [0],
            id="refused-after-a-partial-change",
        ),
        pytest.param(
            {"change a": [UnavailableError("the address redirects", permanent=True)]},
            [TargetFinished("a", Outcome.REFUSED, "the address redirects")],
            [0],
            id="redirect",
        ),
    ],
)
def test_a_change_is_retried_until_it_succeeds_is_refused_or_times_out(
    script: Script, events: list[Event], times: list[float]
) -> None:
    result = run_script(script, has_changes=True, timeout=60)
    assert (result.events, result.times("change a")) == ([*RESOLVED, *events], times)


def test_timeout_runs_from_the_trigger_not_from_an_outage_before_it() -> None:
    result = run_script(
        {"change a": [NO_CONNECTION] * 8 + [IMAGE_CHANGED], "poll a-1": [RUNNING]},
        has_changes=True,
        timeout=60,
        poll_interval=60,
    )
    assert (result.times("trigger a"), result.times("poll a-1")) == ([40], [40, 100])


def test_an_error_before_the_trigger_is_reported_again_after_it() -> None:
    result = run_script(
        {"change a": [NO_CONNECTION, IMAGE_CHANGED], "trigger a": [NO_CONNECTION]},
        has_changes=True,
        timeout=20,
    )
    assert [event for event in result.events if isinstance(event, PollFailing)] == [
        PollFailing("a", "no connection")
    ] * 2


@pytest.mark.parametrize(
    ("script", "calls", "ends"),
    [
        pytest.param(
            {"change a": [RefusedError("no such field")]},
            ["change a"],
            [
                TargetFinished("a", Outcome.REFUSED, "no such field"),
                *(
                    TargetFinished(target, Outcome.REFUSED, "nothing was changed, because a was refused")
                    for target in "bc"
                ),
            ],
            id="first-refused",
        ),
        pytest.param(
            {"change b": [RefusedError("no such field")]},
            ["change a", "change b", "trigger a", "poll a-1"],
            [
                TargetFinished("b", Outcome.REFUSED, "no such field"),
                TargetFinished("c", Outcome.REFUSED, "nothing was changed, because b was refused"),
                TargetFinished("a", Outcome.FINISHED),
            ],
            id="already-changed-targets-are-deployed",
        ),
        pytest.param(
            {
                "change a": [LOST_RESPONSE],
                "change b": [RefusedError("no such field")],
                "changed a": [(IMAGE_UNCERTAIN,)],
            },
            ["change a", "change b"],
            [
                TargetFinished("b", Outcome.REFUSED, "no such field"),
                TargetFinished("c", Outcome.REFUSED, "nothing was changed, because b was refused"),
                TargetFinished("a", Outcome.REFUSED, "nothing more was changed, because b was refused"),
            ],
            id="lost-change-is-not-retried-after-a-refusal",
        ),
        pytest.param(
            {"change a": [REVOKED]},
            ["change a"],
            [TargetFinished(target, Outcome.REFUSED, "the token is revoked") for target in "abc"],
            id="revoked-token",
        ),
        pytest.param(
            {"trigger a": [RefusedError("no server")]},
            [
                "change a",
                "change b",
                "change c",
                "trigger a",
                "trigger b",
                "trigger c",
                "poll b-1",
                "poll c-1",
            ],
            [
                TargetFinished("a", Outcome.REFUSED, f"no server. {CHANGES_OF_A_STAY}"),
                TargetFinished("b", Outcome.FINISHED),
                TargetFinished("c", Outcome.FINISHED),
            ],
            id="refused-trigger-after-all-changes",
        ),
    ],
)
def test_a_refused_change_prevents_later_changes(
    script: Script, calls: list[str], ends: list[TargetFinished]
) -> None:
    result = run_script(script, targets=("a", "b", "c"), has_changes=True)
    assert result.sent == ["connect", "resolve a", "resolve b", "resolve c", *calls]
    assert result.ends() == ends


def test_a_refused_trigger_does_not_prevent_a_later_change() -> None:
    """The target was changed; only its trigger was refused."""
    script: Script = {"trigger a": [RefusedError("no server")], "change b": [NO_CONNECTION, IMAGE_CHANGED]}
    assert run_script(script, targets=("a", "b"), has_changes=True).ends() == [
        TargetFinished("a", Outcome.REFUSED, f"no server. {CHANGES_OF_A_STAY}"),
        TargetFinished("b", Outcome.FINISHED),
    ]


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        pytest.param({"trigger a": [Rejected("no server")]}, Outcome.REFUSED, id="refused"),
        pytest.param({"trigger a": [RetryLater(60, "full")]}, Outcome.TIMED_OUT, id="full-queue"),
        pytest.param(
            {"trigger a": [LOST_RESPONSE], "find a": [AccessDenied("no permission to list deployments")]},
            Outcome.LOST,
            id="lost",
        ),
        pytest.param({"trigger a": [GATEWAY]}, Outcome.REFUSED, id="rejected-by-a-gateway"),
    ],
)
def test_changes_of_a_deployment_that_never_started_are_reported_as_staying(
    script: Script, outcome: Outcome
) -> None:
    """The next deployment, started by a webhook or a user, uses them."""
    result = run_script({"change a": [Changes((IMAGE, ENV))], **script}, has_changes=True, timeout=120)
    [end] = result.ends()
    assert (end.outcome, end.reason.partition(". Changes that were applied")[2]) == (
        outcome,
        f" before stay in effect: {IMAGE}; {ENV}",
    )


@pytest.mark.parametrize("poll", [BROKEN, CANCELLED, RUNNING])
def test_changes_of_a_started_deployment_are_not_reported_as_staying(poll: Snapshot) -> None:
    result = run_script({"change a": [Changes((IMAGE,))], "poll a-1": [poll]}, has_changes=True, timeout=120)
    assert "stay in effect" not in result.ends()[0].reason


def test_a_target_that_can_not_be_resolved_in_time_does_not_prevent_other_changes() -> None:
    result = run_script({"resolve a": [NO_CONNECTION]}, targets=("a", "b"), has_changes=True, timeout=20)
    assert result.ends() == [
        TargetFinished("a", Outcome.TIMED_OUT, "no connection"),
        TargetFinished("b", Outcome.FINISHED),
    ]
    assert result.times("change b") == [20]


def test_nothing_is_changed_while_a_target_is_still_being_resolved() -> None:
    result = run_script(
        {"resolve b": [NO_CONNECTION, NO_CONNECTION, Target("b")]}, targets=("a", "b"), has_changes=True
    )
    assert (result.times("change a"), result.times("change b")) == ([10], [10])


def test_changes_are_applied_once_even_if_the_trigger_is_repeated() -> None:
    script: Script = {
        "trigger a": [RetryLater(9, "full"), Started((ADOPTED,)), Started((A2,))],
        "poll a-1": [CANCELLED],
        "poll a-2": [DONE],
    }
    result = run_script(script, has_changes=True)
    assert (result.sent.count("change a"), result.sent.count("trigger a"), result.outcome) == (
        1,
        3,
        Outcome.FINISHED,
    )


@pytest.mark.parametrize(
    "plan", [{"dry_run": True}, {"command": Command.CHECK}, {"command": Command.CANCEL}], ids=str
)
def test_commands_that_deploy_nothing_change_nothing(plan: dict[str, Any]) -> None:
    assert "change a" not in run_script({}, has_changes=True, **plan).sent


def without_staying_changes(events: list[Event]) -> list[Event]:
    """Return the events without the sentence on changes that stay in effect."""
    return [
        replace(each, reason=each.reason.partition(". Changes that were applied")[0])
        if isinstance(each, TargetFinished)
        else each
        for each in events
    ]


@pytest.mark.parametrize(
    ("script", "expected", "times"),
    [
        pytest.param(
            {"change a": [Reply(IMAGE_CHANGED, takes=3.9)]},
            [ChangeApplied("a", IMAGE), Triggering("a")],
            [0],
            id="response-within-grace",
        ),
        pytest.param(
            {"change a": [Reply(IMAGE_CHANGED, takes=9)], "changed a": [(IMAGE_UNCERTAIN,)]},
            [TargetWarning("a", CHANGE_IN_FLIGHT), ChangeApplied("a", IMAGE_UNCERTAIN)],
            [0],
            id="no-response-within-grace",
        ),
        pytest.param(
            {
                "change a": [Reply(IMAGE_CHANGED, takes=math.inf)],
                "changed a": [(IMAGE, f"{ENV} (perhaps: no response)")],
            },
            [
                TargetWarning("a", CHANGE_IN_FLIGHT),
                ChangeApplied("a", IMAGE),
                ChangeApplied("a", f"{ENV} (perhaps: no response)"),
            ],
            [0],
            id="request-hangs-after-a-partial-change",
        ),
        pytest.param(
            {"change a": [LOST_RESPONSE], "changed a": [(IMAGE_UNCERTAIN,)]},
            [
                PollFailing("a", "the response timed out"),
                TargetWarning("a", CHANGE_IN_FLIGHT),
                ChangeApplied("a", IMAGE_UNCERTAIN),
            ],
            [0],
            id="lost-response",
        ),
        pytest.param(
            {"change a": [NO_CONNECTION]}, [PollFailing("a", "no connection")], [0], id="no-connection"
        ),
        pytest.param(
            {"change a": [RefusedError("no")]},
            [TargetFinished("a", Outcome.REFUSED, "no")],
            [0],
            id="refused",
        ),
    ],
)
def test_a_signal_during_a_change(script: Script, expected: list[Event], times: list[float]) -> None:
    """Applied and uncertain changes are reported before the run ends, and nothing else is sent."""
    result = run_script(script, has_changes=True, signals=SIGNAL_AT_2)
    interrupted = INTERRUPTED if expected[-1] != TargetFinished("a", Outcome.REFUSED, "no") else []
    late = [
        event
        for event in expected
        if "changed a" in script and isinstance(event, TargetWarning | ChangeApplied)
    ]
    early = [event for event in expected if event not in late]
    assert without_staying_changes(result.events) == [
        *RESOLVED,
        *early,
        *interrupted[:1],
        *late,
        *interrupted[1:],
    ]
    assert (result.times("change a"), result.sent[-1]) == (times, "change a")


def test_a_signal_while_a_change_is_reported_prevents_the_trigger() -> None:
    result = run_script(
        {"change a": [Changes((IMAGE, ENV))]}, has_changes=True, signal_at=ChangeApplied("a", IMAGE)
    )
    assert without_staying_changes(result.events) == [
        *RESOLVED,
        ChangeApplied("a", IMAGE),
        ChangeApplied("a", ENV),
        Triggering("a"),
        *INTERRUPTED,
    ]
    assert (
        result.ends()[0].reason
        == f"{CANCELLED_BY_SIGTERM}. Changes that were applied before stay in effect: {IMAGE}; {ENV}"
    )
    assert "trigger a" not in result.sent
