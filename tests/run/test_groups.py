"""A group becomes its members, each a target of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.model import (
    AccessDenied,
    Certainty,
    Event,
    Following,
    GroupExpanded,
    GroupMember,
    GroupStarted,
    Handle,
    Outcome,
    Owner,
    Phase,
    Rejected,
    Retriggering,
    RetryLater,
    Started,
    Target,
    TargetFinished,
    TargetNote,
    TargetResolved,
    TriggerDelayed,
    Triggering,
    TriggerUncertain,
)
from tests.fakes import Reply
from tests.run.scripted import (
    A2,
    ABSENT,
    B1,
    BOTH_MEMBERS,
    BROKEN,
    C1,
    CANCELLED,
    DONE,
    GROUP_CALLS,
    LOST_RESPONSE,
    MAYBE_PHANTOM,
    NO_CONNECTION,
    NOTHING_FOUND,
    ONE_UNNAMED,
    QUEUE_FULL,
    QUEUED,
    REVOKED,
    RUNNING,
    SIGNAL_AT_2,
    UNCONFIRMED,
    UNTIL_GROUP_TRIGGER,
    Call,
    Script,
    expanded,
    followed,
    phase,
    run_script,
)

# --- One trigger, one run per member


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {
                "trigger t": [GroupStarted(BOTH_MEMBERS)],
                "poll b-1": [RUNNING, replace(BROKEN, reason="exit 1")],
            },
            [
                *UNTIL_GROUP_TRIGGER,
                expanded("a", "b"),
                *followed("a"),
                *followed("b"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                phase(Phase.RUNNING, "b"),
                phase(Phase.FAILED, "b"),
                TargetFinished("b", Outcome.FAILED, "exit 1"),
            ],
            [(0, "poll a-1"), (0, "poll b-1"), (1, "poll b-1")],
            id="members-are-independent",
        ),
        pytest.param(
            {"trigger t": [GroupStarted(ONE_UNNAMED)], "find b": [Started((B1,), "found")]},
            [
                *UNTIL_GROUP_TRIGGER,
                expanded("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                Following("b", B1, "found"),
                phase(Phase.SUCCEEDED, "b"),
                TargetFinished("b", Outcome.FINISHED),
            ],
            [(0, "poll a-1"), (0, "find b"), (0, "poll b-1")],
            id="unnamed-member-is-searched",
        ),
        pytest.param(
            {"trigger t": [GroupStarted(ONE_UNNAMED)]},
            [
                *UNTIL_GROUP_TRIGGER,
                expanded("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                Retriggering("b", NOTHING_FOUND),
                Following("b", B1),
                phase(Phase.SUCCEEDED, "b"),
                TargetFinished("b", Outcome.FINISHED),
            ],
            [(0, "poll a-1"), (0, "find b"), (5, "find b"), (5, "trigger b"), (5, "poll b-1")],
            id="unnamed-member-is-triggered",
        ),
        pytest.param(
            {
                "trigger t": [GroupStarted(ONE_UNNAMED)],
                "find b": [AccessDenied("no permission to list deployments")],
            },
            [
                *UNTIL_GROUP_TRIGGER,
                expanded("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                TargetFinished("b", Outcome.LOST, "no permission to list deployments"),
            ],
            [(0, "poll a-1"), (0, "find b")],
            id="unnamed-member-search-denied",
        ),
        pytest.param(
            {"trigger t": [LOST_RESPONSE], "find t": [GroupStarted(ONE_UNNAMED)]},
            [
                *UNTIL_GROUP_TRIGGER,
                TriggerUncertain("t", "the response timed out"),
                expanded("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                Retriggering("b", NOTHING_FOUND),
                Following("b", B1),
                phase(Phase.SUCCEEDED, "b"),
                TargetFinished("b", Outcome.FINISHED),
            ],
            [(0, "find t"), (0, "poll a-1"), (0, "find b"), (5, "find b"), (5, "trigger b"), (5, "poll b-1")],
            id="lost-group-trigger-is-not-repeated",
        ),
        pytest.param(
            {"trigger t": [RetryLater(9, "rate limited"), GroupStarted(BOTH_MEMBERS[:1])]},
            [
                *UNTIL_GROUP_TRIGGER,
                TriggerDelayed("t", 9, "rate limited"),
                expanded("a"),
                *followed("a"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(9, "resolve t"), (9, "trigger t"), (9, "poll a-1")],
            id="rate-limited",
        ),
        pytest.param(
            {"trigger t": [GroupStarted(BOTH_MEMBERS[:1], "service x: not followed")]},
            [
                *UNTIL_GROUP_TRIGGER,
                expanded("a", gone=False),
                *followed("a"),
                TargetFinished("t", Outcome.TRIGGERED, "service x: not followed"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "poll a-1")],
            id="rest-is-only-triggered",
        ),
        pytest.param(
            {
                "trigger t": [LOST_RESPONSE],
                "find t": [GroupStarted(BOTH_MEMBERS[:1], "others may not have been started", Outcome.LOST)],
            },
            [
                *UNTIL_GROUP_TRIGGER,
                TriggerUncertain("t", "the response timed out"),
                expanded("a", gone=False),
                *followed("a"),
                TargetFinished("t", Outcome.LOST, "others may not have been started"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find t"), (0, "poll a-1")],
            id="rest-may-be-lost",
        ),
        pytest.param(
            {"trigger t": [GroupStarted((), "service x: not followed")]},
            [
                *UNTIL_GROUP_TRIGGER,
                expanded(gone=False),
                TargetFinished("t", Outcome.TRIGGERED, "service x: not followed"),
            ],
            [],
            id="no-member-can-be-followed",
        ),
        pytest.param(
            {"trigger t": [LOST_RESPONSE], "find t": [GroupStarted((), "nothing was seen", Outcome.LOST)]},
            [
                *UNTIL_GROUP_TRIGGER,
                TriggerUncertain("t", "the response timed out"),
                expanded(gone=False),
                TargetFinished("t", Outcome.LOST, "nothing was seen"),
            ],
            [(0, "find t")],
            id="nothing-found",
        ),
        pytest.param(
            {"trigger t": [GroupStarted((), "")]},
            [*UNTIL_GROUP_TRIGGER, expanded(gone=False), TargetFinished("t", Outcome.TRIGGERED)],
            [],
            id="empty-group",
        ),
        pytest.param(
            {"trigger t": [GroupStarted(ONE_UNNAMED)], "find b": [None], "trigger b": [Rejected("no")]},
            [
                *UNTIL_GROUP_TRIGGER,
                expanded("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                Retriggering("b", NOTHING_FOUND),
                TargetFinished("b", Outcome.REFUSED, "no"),
            ],
            [(0, "poll a-1"), (0, "find b"), (5, "find b"), (5, "trigger b")],
            id="member-refused",
        ),
        pytest.param(
            {
                "trigger t": [GroupStarted(ONE_UNNAMED[1:])],
                "trigger b": [RetryLater(60, "full"), RetryLater(60, "full"), Started((B1,))],
            },
            [
                *UNTIL_GROUP_TRIGGER,
                expanded("b"),
                TargetResolved(Target("b")),
                Retriggering("b", NOTHING_FOUND),
                TriggerDelayed("b", 60, "full"),
                TargetResolved(Target("b")),
                TriggerDelayed("b", 60, "full"),
                Following("b", B1),
                phase(Phase.SUCCEEDED, "b"),
                TargetFinished("b", Outcome.FINISHED),
            ],
            [
                *[
                    (0, "find b"),
                    (5, "find b"),
                    (5, "trigger b"),
                    (65, "resolve b"),
                    (65, "trigger b"),
                    (125, "resolve b"),
                    (125, "trigger b"),
                ],
                (125, "poll b-1"),
            ],
            id="member-queue-full-ends-uncertainty",
        ),
        pytest.param(
            {
                "trigger t": [GroupStarted((GroupMember(Target("a"), UNCONFIRMED),))],
                "poll a-1": [QUEUE_FULL],
                "trigger a": [Started((A2,))],
            },
            [
                *UNTIL_GROUP_TRIGGER,
                expanded("a"),
                TargetResolved(Target("a")),
                Following("a", UNCONFIRMED),
                phase(Phase.ABSENT),
                TriggerDelayed("a", 60, "full queue"),
                Following("a", A2),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "poll a-1"), (2, "poll a-1"), (62, "resolve a"), (62, "trigger a"), (62, "poll a-2")],
            id="member-with-full-queue-is-triggered-alone",
        ),
    ],
)
def test_a_group_expands_to_its_members(script: Script, events: list[Event], calls: list[Call]) -> None:
    result = run_script(script, targets=("t",))
    assert (result.events, result.calls) == (events, [*GROUP_CALLS, *calls])


def test_without_wait_group_members_are_only_triggered() -> None:
    result = run_script(
        {"trigger t": [GroupStarted(ONE_UNNAMED, "service x: not followed")]}, targets=("t",), wait=False
    )
    assert result.events == [
        *UNTIL_GROUP_TRIGGER,
        expanded("a", "b", gone=False),
        *followed("a"),
        TargetFinished("a", Outcome.TRIGGERED),
        TargetResolved(Target("b")),
        TargetFinished("t", Outcome.TRIGGERED, "service x: not followed"),
        Retriggering("b", NOTHING_FOUND),
        Following("b", B1),
        TargetFinished("b", Outcome.TRIGGERED),
    ]


@pytest.mark.parametrize(
    ("members", "others"),
    [
        pytest.param(BOTH_MEMBERS, ("a",), id="one-of-two"),
        pytest.param(BOTH_MEMBERS[1:], (), id="only-member"),
        pytest.param(ONE_UNNAMED, ("a",), id="unnamed-member"),
    ],
)
@pytest.mark.parametrize("targets", [("t", "b"), ("b", "t")], ids=["later", "earlier"])
def test_a_member_that_is_also_a_target_is_not_followed_twice(
    members: tuple[GroupMember, ...], others: tuple[str, ...], targets: tuple[str, ...]
) -> None:
    result = run_script({"trigger t": [GroupStarted(members)], "poll b-1": [RUNNING, DONE]}, targets=targets)
    assert expanded(*others) in result.events
    starts = (
        0 if targets[0] == "t" and any(member.handle for member in members if member.target.id == "b") else 1
    )  # the group started it
    assert (result.sent.count("trigger b"), result.sent.count("poll b-1"), result.sent.count("find b")) == (
        starts,
        2,
        0,
    )
    assert {event.target for event in result.ends()} == {*others, "b"}


def test_a_member_of_two_groups_is_followed_once() -> None:
    result = run_script(
        {
            "trigger t": [GroupStarted(BOTH_MEMBERS)],
            "trigger u": [GroupStarted((*BOTH_MEMBERS, GroupMember(Target("c"), C1)))],
        },
        targets=("t", "u"),
    )
    assert [event for event in result.events if isinstance(event, GroupExpanded)] == [
        expanded("a", "b"),
        GroupExpanded("u", (Target("c"),), gone=True),
    ]
    assert sorted(call for call in result.sent if call.startswith("poll")) == [
        "poll a-1",
        "poll b-1",
        "poll c-1",
    ]


@pytest.mark.parametrize(
    ("targets", "refused"),
    [
        pytest.param(("web", "a"), "web", id="name-and-id"),
        pytest.param(("a", "web"), "web", id="id-and-name"),
        pytest.param(("web", "shop"), "shop", id="two-names"),
    ],
)
def test_a_target_given_by_two_names_is_triggered_once(targets: tuple[str, ...], refused: str) -> None:
    result = run_script(
        {"resolve web": [Target("a", "web")], "resolve shop": [Target("a", "web")]}, targets=targets
    )
    assert [end for end in result.ends() if end.outcome is not Outcome.FINISHED] == [
        TargetFinished(
            refused, Outcome.REFUSED, "it is the same as a, which is also a target. Remove one of them"
        )
    ]
    assert (result.outcome, result.sent.count("trigger a"), result.ends()[-1]) == (
        Outcome.REFUSED,
        1,
        TargetFinished("a", Outcome.FINISHED),
    )


B2 = Handle("b", "b-2")


SECOND_GROUP = GroupStarted((GroupMember(Target("b"), B2), GroupMember(Target("c"), C1)))


HEALTHY_B = Handle("b", "", condition="healthy")


@pytest.mark.parametrize(
    ("polls", "events", "calls"),
    [
        pytest.param(
            {},
            [phase(Phase.SUCCEEDED, "b"), TargetFinished("b", Outcome.FINISHED)],
            ["poll b-1", "poll b-2"],
            id="both-succeed",
        ),
        pytest.param(
            {"poll b-2": [RUNNING, replace(BROKEN, reason="exit 1")]},
            [
                phase(Phase.RUNNING, "b"),
                phase(Phase.FAILED, "b"),
                TargetFinished("b", Outcome.FAILED, "exit 1"),
            ],
            ["poll b-1", "poll b-2", "poll b-2"],
            id="worse-outcome-counts",
        ),
    ],
)
def test_a_second_group_s_deployment_of_a_member_joins_its_run(
    polls: Script, events: list[Event], calls: list[str]
) -> None:
    result = run_script(
        {"trigger t": [GroupStarted(BOTH_MEMBERS)], "trigger u": [SECOND_GROUP], **polls}, targets=("t", "u")
    )
    events_of_u = [event for event in result.events if getattr(event, "target", None) == "u"]
    assert events_of_u == [
        Triggering("u"),
        TargetNote("u", "it also deployed b: b-2"),
        GroupExpanded("u", (Target("c"),), gone=True),
    ]
    events_of_b = [event for event in result.events if getattr(event, "target", None) == "b"]
    assert events_of_b == [Following("b", B1), phase(Phase.SUCCEEDED, "b"), *events]
    assert [call for call in result.sent if call.startswith("poll b")] == calls


def test_a_second_group_s_phantom_of_a_followed_deployment_is_ignored() -> None:
    phantom = Handle("b", "b-p", Certainty.POSSIBLY_PHANTOM)
    script: Script = {
        "trigger t": [GroupStarted(BOTH_MEMBERS)],
        "trigger u": [GroupStarted((GroupMember(Target("b"), phantom), GroupMember(Target("c"), C1)))],
        "poll b-1": [RUNNING, DONE],
        "poll b-p": [replace(ABSENT, follow_ups=(replace(B1, owner=Owner.OTHERS),))],
    }
    result = run_script(script, targets=("t", "u"))
    assert result.outcome is Outcome.FINISHED
    assert (result.sent.count("poll b-p"), result.sent.count("poll b-1"), result.sent.count("trigger b")) == (
        1,
        2,
        0,
    )


def test_a_signal_cancels_both_deployments_of_a_member() -> None:
    script: Script = {
        "trigger t": [GroupStarted(BOTH_MEMBERS)],
        "trigger u": [SECOND_GROUP],
        "poll b-1": [QUEUED],
        "poll b-2": [RUNNING],
    }
    result = run_script(script, targets=("t", "u"), signals=SIGNAL_AT_2)
    assert [call for call in result.sent if call.startswith("cancel")] == [
        "cancel b-2 within 1 s",
        "cancel b-1 within 1 s",
    ]


RATE_LIMITED_FIRST = [RetryLater(60, "rate limited"), SECOND_GROUP]


@pytest.mark.parametrize(
    ("script", "last", "first_poll"),
    [
        pytest.param(
            {"poll b-2": [RUNNING, replace(BROKEN, reason="exit 1")]},
            TargetFinished("b", Outcome.FAILED, "exit 1"),
            60,
            id="second-fails",
        ),
        pytest.param({}, TargetFinished("b", Outcome.FINISHED), 60, id="both-succeed"),
        pytest.param(
            {"poll b-1": [replace(BROKEN, reason="exit 2")]},
            TargetFinished("b", Outcome.FAILED, "exit 2"),
            60,
            id="first-failed",
        ),
        pytest.param(
            {"poll b-2": [CANCELLED]},
            TargetFinished("b", Outcome.CANCELLED),
            60,
            id="second-cancelled",
        ),
        pytest.param(
            {"poll b-1": [replace(DONE, health_check=HEALTHY_B)], "poll b:healthy": [RUNNING]},
            TargetFinished("b", Outcome.FINISHED),
            60,
            id="during-health-checks-of-the-first",
        ),
        pytest.param(
            {
                "poll b-1": [replace(DONE, follow_ups=(Handle("b", "b-3", server="paris"),))],
                "poll b-3": [*[RUNNING] * 25, BROKEN],
            },
            TargetFinished("b", Outcome.FAILED, "on the additional server paris: failed"),
            87,
            id="during-additional-servers-of-the-first",
        ),
    ],
)
def test_a_second_group_s_deployment_is_followed_after_the_first_one_ended(
    script: Script, last: TargetFinished, first_poll: float
) -> None:
    """Two tags with `force`, the second trigger delayed: both deployments belong to this run."""
    result = run_script(
        {"trigger t": [GroupStarted(BOTH_MEMBERS)], "trigger u": RATE_LIMITED_FIRST, **script},
        targets=("t", "u"),
    )
    assert [end for end in result.ends() if end.target == "b"] == [last]
    assert result.outcome is last.outcome
    assert (result.times("poll b-1"), result.times("poll b-2")[0]) == ([0], first_poll)
    reported = [
        event
        for event in result.events
        if event in (TriggerDelayed("u", 60, "rate limited"), Following("b", B2), last)
    ]
    assert reported == [TriggerDelayed("u", 60, "rate limited"), Following("b", B2), last]
    assert TargetNote("u", "it also deployed b: b-2") in result.events


def test_held_verdicts_are_final_once_no_group_is_pending() -> None:
    """A verdict is only held until the last group was triggered or refused."""
    result = run_script(
        {
            "trigger t": [GroupStarted(BOTH_MEMBERS)],
            "trigger u": [RetryLater(60, "full"), Rejected("no such tag")],
        },
        targets=("t", "u"),
    )
    assert [end.target for end in result.ends()] == ["u", "a", "b"]
    assert result.outcome is Outcome.REFUSED


def test_without_wait_both_deployments_of_a_member_are_reported() -> None:
    result = run_script(
        {"trigger t": [GroupStarted(BOTH_MEMBERS)], "trigger u": RATE_LIMITED_FIRST},
        targets=("t", "u"),
        wait=False,
    )
    assert [
        event.handle for event in result.events if isinstance(event, Following) and event.target == "b"
    ] == [B1, B2]
    assert [end for end in result.ends() if end.target == "b"] == [TargetFinished("b", Outcome.TRIGGERED)]


def test_held_verdicts_are_kept_when_the_job_is_cancelled() -> None:
    result = run_script(
        {"trigger t": [GroupStarted(BOTH_MEMBERS)], "trigger u": RATE_LIMITED_FIRST},
        targets=("t", "u"),
        signals=[(10, "SIGTERM")],
    )
    ends = {end.target: end.outcome for end in result.ends()}
    assert ends == {"a": Outcome.FINISHED, "b": Outcome.FINISHED, "u": Outcome.INTERRUPTED}
    assert [call for call in result.sent if call.startswith("cancel")] == []


def test_held_verdicts_are_kept_when_the_token_is_revoked() -> None:
    result = run_script(
        {"trigger t": [GroupStarted(BOTH_MEMBERS)], "trigger u": [RetryLater(60, "full"), REVOKED]},
        targets=("t", "u"),
    )
    assert {end.target: end.outcome for end in result.ends()} == {
        "a": Outcome.FINISHED,
        "b": Outcome.FINISHED,
        "u": Outcome.REFUSED,
    }


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        pytest.param({}, Outcome.FINISHED, id="all-succeed"),
        pytest.param({"poll b-1": [BROKEN]}, Outcome.FAILED, id="one-member-failed"),
        pytest.param({"poll c-1": [CANCELLED]}, Outcome.CANCELLED, id="another-target-cancelled"),
        pytest.param(
            {"poll b-1": [BROKEN], "poll c-1": [CANCELLED]}, Outcome.FAILED, id="worst-of-all-targets"
        ),
        pytest.param(
            {"trigger t": [GroupStarted(BOTH_MEMBERS, "rest")]}, Outcome.TRIGGERED, id="rest-triggered"
        ),
        pytest.param(
            {"trigger t": [GroupStarted(BOTH_MEMBERS, "no", Outcome.REFUSED)]},
            Outcome.REFUSED,
            id="rest-refused",
        ),
        pytest.param(
            {"trigger t": [GroupStarted(BOTH_MEMBERS, "rest", Outcome.LOST)], "poll b-1": [CANCELLED]},
            Outcome.LOST,
            id="rest-lost",
        ),
    ],
)
def test_the_worst_outcome_of_a_group_counts(script: Script, outcome: Outcome) -> None:
    assert (
        run_script({"trigger t": [GroupStarted(BOTH_MEMBERS)], **script}, targets=("t", "c")).outcome
        is outcome
    )


@pytest.mark.parametrize(
    ("script", "call", "last"),
    [
        pytest.param(
            {"trigger t": [Reply(GroupStarted(BOTH_MEMBERS), takes=10)], "poll a-1": [RUNNING]},
            "poll a-1",
            60,
            id="member-running",
        ),
        pytest.param(
            {"trigger t": [Reply(GroupStarted(ONE_UNNAMED), takes=10)], "find b": [NO_CONNECTION]},
            "find b",
            60,
            id="member-being-searched",
        ),
        pytest.param(
            {
                "trigger t": [Reply(GroupStarted(ONE_UNNAMED), takes=10)],
                "trigger b": [RetryLater(30, "full")],
            },
            "resolve b",
            60,
            id="member-waiting",
        ),
    ],
)
def test_the_timeout_of_a_member_runs_from_the_group_s_trigger(
    script: Script, call: str, last: float
) -> None:
    result = run_script(script, targets=("t",), timeout=60)
    assert result.times(call)[-1] == last


# --- A tag's deployment may be a phantom: the response does not tell


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {},
            [phase(Phase.SUCCEEDED), TargetFinished("a", Outcome.FINISHED)],
            [(0, "poll a-1")],
            id="exists",
        ),
        pytest.param(
            {
                "poll a-1": [replace(ABSENT, follow_ups=(replace(A2, owner=Owner.OTHERS),))],
                "poll a-2": [RUNNING, DONE],
            },
            [
                phase(Phase.ABSENT),
                Following("a", replace(A2, owner=Owner.OTHERS)),
                phase(Phase.RUNNING),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "poll a-1"), (0, "poll a-2"), (1, "poll a-2")],
            id="real-deployment-is-adopted",
        ),
        pytest.param(
            {"poll a-1": [replace(ABSENT, reason="none any more")], "trigger a": [Started((A2,))]},
            [
                phase(Phase.ABSENT),
                Retriggering("a", "none any more"),
                TargetResolved(Target("a")),
                Following("a", A2),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "poll a-1"), (0, "resolve a"), (0, "trigger a"), (0, "poll a-2")],
            id="none-exists-so-triggered",
        ),
        pytest.param(
            {"poll a-1": [replace(ABSENT, reason="none any more")], "trigger a": [Started((MAYBE_PHANTOM,))]},
            [
                phase(Phase.ABSENT),
                Retriggering("a", "none any more"),
                TargetResolved(Target("a")),
                Following("a", MAYBE_PHANTOM),
                phase(Phase.ABSENT),
                TargetFinished("a", Outcome.LOST, "none any more"),
            ],
            [(0, "poll a-1"), (0, "resolve a"), (0, "trigger a"), (0, "poll a-1")],
            id="triggered-only-once",
        ),
        pytest.param(
            {"poll a-1": [RUNNING, replace(ABSENT, reason="no row")]},
            [phase(Phase.RUNNING), phase(Phase.ABSENT), TargetFinished("a", Outcome.LOST, "no row")],
            [(0, "poll a-1"), (1, "poll a-1")],
            id="seen-before-is-not-a-phantom",
        ),
        pytest.param(
            {
                "poll a-1": [
                    RUNNING,
                    replace(ABSENT, follow_ups=(replace(A2, owner=Owner.OTHERS),), reason="no row"),
                ]
            },
            [phase(Phase.RUNNING), phase(Phase.ABSENT), TargetFinished("a", Outcome.LOST, "no row")],
            [(0, "poll a-1"), (1, "poll a-1")],
            id="seen-before-is-not-replaced-by-another",
        ),
    ],
)
def test_a_member_s_deployment_may_be_a_phantom(
    script: Script, events: list[Event], calls: list[Call]
) -> None:
    result = run_script(
        {"trigger t": [GroupStarted((GroupMember(Target("a"), MAYBE_PHANTOM),))], **script}, targets=("t",)
    )
    assert result.events == [
        *UNTIL_GROUP_TRIGGER,
        expanded("a"),
        TargetResolved(Target("a")),
        Following("a", MAYBE_PHANTOM),
        *events,
    ]
    assert result.calls == [*GROUP_CALLS, *calls]
