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
from tests.fakes import Act
from tests.run.scripted import (
    A2,
    B1,
    BOTH,
    BROKEN,
    C1,
    CANCELLED,
    DONE,
    DOUBTFUL,
    FULL,
    GONE,
    GROUP,
    GROUP_STARTED,
    HALF,
    LOST_ANSWER,
    NO_LINE,
    NOTHING,
    PERHAPS,
    QUEUED,
    REVOKED,
    RUNNING,
    SIGNAL_AT_2,
    Call,
    Script,
    followed,
    phase,
    split,
    tell,
)

# --- A group: from one trigger many stories


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {"start t": [GroupStarted(BOTH)], "look b-1": [RUNNING, replace(BROKEN, reason="exit 1")]},
            [
                *GROUP,
                split("a", "b"),
                *followed("a"),
                *followed("b"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                phase(Phase.RUNNING, "b"),
                phase(Phase.FAILED, "b"),
                TargetFinished("b", Outcome.FAILED, "exit 1"),
            ],
            [(0, "look a-1"), (0, "look b-1"), (1, "look b-1")],
            id="each-part-goes-its-own-way",
        ),
        pytest.param(
            {"start t": [GroupStarted(HALF)], "find b": [Started((B1,), "found")]},
            [
                *GROUP,
                split("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                Following("b", B1, "found"),
                phase(Phase.SUCCEEDED, "b"),
                TargetFinished("b", Outcome.FINISHED),
            ],
            [(0, "look a-1"), (0, "find b"), (0, "look b-1")],
            id="a-part-that-is-not-named-is-looked-for",
        ),
        pytest.param(
            {"start t": [GroupStarted(HALF)]},
            [
                *GROUP,
                split("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                Retriggering("b", NOTHING),
                Following("b", B1),
                phase(Phase.SUCCEEDED, "b"),
                TargetFinished("b", Outcome.FINISHED),
            ],
            [(0, "look a-1"), (0, "find b"), (5, "find b"), (5, "start b"), (5, "look b-1")],
            id="and-then-triggered",
        ),
        pytest.param(
            {"start t": [GroupStarted(HALF)], "find b": [AccessDenied("nobody can tell")]},
            [
                *GROUP,
                split("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                TargetFinished("b", Outcome.LOST, "nobody can tell"),
            ],
            [(0, "look a-1"), (0, "find b")],
            id="unless-nobody-can-tell",
        ),
        pytest.param(
            {"start t": [LOST_ANSWER], "find t": [GroupStarted(HALF)]},
            [
                *GROUP,
                TriggerUncertain("t", "the response timed out"),
                split("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                Retriggering("b", NOTHING),
                Following("b", B1),
                phase(Phase.SUCCEEDED, "b"),
                TargetFinished("b", Outcome.FINISHED),
            ],
            [(0, "find t"), (0, "look a-1"), (0, "find b"), (5, "find b"), (5, "start b"), (5, "look b-1")],
            id="a-lost-answer-of-a-group-is-looked-for-and-it-is-not-sent-again",
        ),
        pytest.param(
            {"start t": [RetryLater(9, "asked too often"), GroupStarted(BOTH[:1])]},
            [
                *GROUP,
                TriggerDelayed("t", 9, "asked too often"),
                split("a"),
                *followed("a"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(9, "check t"), (9, "start t"), (9, "look a-1")],
            id="a-group-that-must-wait",
        ),
        pytest.param(
            {"start t": [GroupStarted(BOTH[:1], "service x: not followed")]},
            [
                *GROUP,
                split("a", gone=False),
                *followed("a"),
                TargetFinished("t", Outcome.TRIGGERED, "service x: not followed"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "look a-1")],
            id="what-can-not-be-followed-is-triggered",
        ),
        pytest.param(
            {
                "start t": [LOST_ANSWER],
                "find t": [GroupStarted(BOTH[:1], "others may not have been started", Outcome.LOST)],
            },
            [
                *GROUP,
                TriggerUncertain("t", "the response timed out"),
                split("a", gone=False),
                *followed("a"),
                TargetFinished("t", Outcome.LOST, "others may not have been started"),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "find t"), (0, "look a-1")],
            id="or-lost-where-nobody-can-tell",
        ),
        pytest.param(
            {"start t": [GroupStarted((), "service x: not followed")]},
            [*GROUP, split(gone=False), TargetFinished("t", Outcome.TRIGGERED, "service x: not followed")],
            [],
            id="nothing-can-be-followed",
        ),
        pytest.param(
            {"start t": [LOST_ANSWER], "find t": [GroupStarted((), "nothing was seen", Outcome.LOST)]},
            [
                *GROUP,
                TriggerUncertain("t", "the response timed out"),
                split(gone=False),
                TargetFinished("t", Outcome.LOST, "nothing was seen"),
            ],
            [(0, "find t")],
            id="nothing-is-known",
        ),
        pytest.param(
            {"start t": [GroupStarted((), "")]},
            [*GROUP, split(gone=False), TargetFinished("t", Outcome.TRIGGERED)],
            [],
            id="a-group-without-parts-has-an-end-of-its-own",
        ),
        pytest.param(
            {"start t": [GroupStarted(HALF)], "find b": [None], "start b": [Rejected("no")]},
            [
                *GROUP,
                split("a", "b"),
                *followed("a"),
                TargetResolved(Target("b")),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
                Retriggering("b", NOTHING),
                TargetFinished("b", Outcome.REFUSED, "no"),
            ],
            [(0, "look a-1"), (0, "find b"), (5, "find b"), (5, "start b")],
            id="a-part-that-is-refused",
        ),
        pytest.param(
            {
                "start t": [GroupStarted(HALF[1:])],
                "start b": [RetryLater(60, "full"), RetryLater(60, "full"), Started((B1,))],
            },
            [
                *GROUP,
                split("b"),
                TargetResolved(Target("b")),
                Retriggering("b", NOTHING),
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
                    (5, "start b"),
                    (65, "check b"),
                    (65, "start b"),
                    (125, "check b"),
                    (125, "start b"),
                ],
                (125, "look b-1"),
            ],
            id="a-part-that-waits-for-room-is-in-doubt-no-more",
        ),
        pytest.param(
            {
                "start t": [GroupStarted((GroupMember(Target("a"), DOUBTFUL),))],
                "look a-1": [FULL],
                "start a": [Started((A2,))],
            },
            [
                *GROUP,
                split("a"),
                TargetResolved(Target("a")),
                Following("a", DOUBTFUL),
                phase(Phase.ABSENT),
                TriggerDelayed("a", 60, "full queue"),
                Following("a", A2),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "look a-1"), (2, "look a-1"), (62, "check a"), (62, "start a"), (62, "look a-2")],
            id="a-part-without-room-is-triggered-by-itself",
        ),
    ],
)
def test_a_group_becomes_stories_of_its_parts(script: Script, events: list[Event], calls: list[Call]) -> None:
    tale = tell(script, targets=("t",))
    assert (tale.events, tale.calls) == (events, [*GROUP_STARTED, *calls])


def test_the_parts_of_a_group_are_only_triggered_without_waiting() -> None:
    tale = tell({"start t": [GroupStarted(HALF, "service x: not followed")]}, targets=("t",), wait=False)
    assert tale.events == [
        *GROUP,
        split("a", "b", gone=False),
        *followed("a"),
        TargetFinished("a", Outcome.TRIGGERED),
        TargetResolved(Target("b")),
        TargetFinished("t", Outcome.TRIGGERED, "service x: not followed"),
        Retriggering("b", NOTHING),
        Following("b", B1),
        TargetFinished("b", Outcome.TRIGGERED),
    ]


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        pytest.param(BOTH, ("a",), id="one-of-two"),
        pytest.param(BOTH[1:], (), id="the-only-one"),
        pytest.param(HALF, ("a",), id="also-unnamed"),
    ],
)
@pytest.mark.parametrize("targets", [("t", "b"), ("b", "t")], ids=["later", "earlier"])
def test_a_part_that_has_a_story_already_is_not_followed_twice(
    parts: tuple[GroupMember, ...], told: tuple[str, ...], targets: tuple[str, ...]
) -> None:
    tale = tell({"start t": [GroupStarted(parts)], "look b-1": [RUNNING, DONE]}, targets=targets)
    assert split(*told) in tale.events
    starts = (
        0 if targets[0] == "t" and any(part.handle for part in parts if part.target.id == "b") else 1
    )  # it is started already
    assert (tale.sent.count("start b"), tale.sent.count("look b-1"), tale.sent.count("find b")) == (
        starts,
        2,
        0,
    )
    assert {event.target for event in tale.ends()} == {*told, "b"}


def test_a_part_of_two_groups_is_followed_once() -> None:
    tale = tell(
        {"start t": [GroupStarted(BOTH)], "start u": [GroupStarted((*BOTH, GroupMember(Target("c"), C1)))]},
        targets=("t", "u"),
    )
    assert [event for event in tale.events if isinstance(event, GroupExpanded)] == [
        split("a", "b"),
        GroupExpanded("u", (Target("c"),), gone=True),
    ]
    assert sorted(call for call in tale.sent if call.startswith("look")) == [
        "look a-1",
        "look b-1",
        "look c-1",
    ]


@pytest.mark.parametrize(
    ("targets", "refused"),
    [
        pytest.param(("web", "a"), "web", id="name-and-id"),
        pytest.param(("a", "web"), "web", id="id-and-name"),
        pytest.param(("web", "shop"), "shop", id="two-names"),
    ],
)
def test_one_target_by_two_names_is_started_once(targets: tuple[str, ...], refused: str) -> None:
    tale = tell({"check web": [Target("a", "web")], "check shop": [Target("a", "web")]}, targets=targets)
    assert [end for end in tale.ends() if end.outcome is not Outcome.FINISHED] == [
        TargetFinished(refused, Outcome.REFUSED, "it is a, which is given, too: give it once")
    ]
    assert (tale.outcome, tale.sent.count("start a"), tale.ends()[-1]) == (
        Outcome.REFUSED,
        1,
        TargetFinished("a", Outcome.FINISHED),
    )


B2 = Handle("b", "b-2")


SECOND = GroupStarted((GroupMember(Target("b"), B2), GroupMember(Target("c"), C1)))


HEALTHY_B = Handle("b", "", condition="healthy")


@pytest.mark.parametrize(
    ("looks", "events", "calls"),
    [
        pytest.param(
            {},
            [phase(Phase.SUCCEEDED, "b"), TargetFinished("b", Outcome.FINISHED)],
            ["look b-1", "look b-2"],
            id="both-are-well",
        ),
        pytest.param(
            {"look b-2": [RUNNING, replace(BROKEN, reason="exit 1")]},
            [
                phase(Phase.RUNNING, "b"),
                phase(Phase.FAILED, "b"),
                TargetFinished("b", Outcome.FAILED, "exit 1"),
            ],
            ["look b-1", "look b-2", "look b-2"],
            id="the-worse-counts",
        ),
    ],
)
def test_what_a_second_group_deploys_of_a_part_joins_its_story(
    looks: Script, events: list[Event], calls: list[str]
) -> None:
    tale = tell({"start t": [GroupStarted(BOTH)], "start u": [SECOND], **looks}, targets=("t", "u"))
    of_u = [event for event in tale.events if getattr(event, "target", None) == "u"]
    assert of_u == [
        Triggering("u"),
        TargetNote("u", "it has deployed b, too: b-2"),
        GroupExpanded("u", (Target("c"),), gone=True),
    ]
    of_b = [event for event in tale.events if getattr(event, "target", None) == "b"]
    assert of_b == [Following("b", B1), phase(Phase.SUCCEEDED, "b"), *events]
    assert [call for call in tale.sent if call.startswith("look b")] == calls


def test_a_second_group_s_phantom_of_what_is_followed_already_counts_as_nothing() -> None:
    phantom = Handle("b", "b-p", Certainty.POSSIBLY_PHANTOM)
    script: Script = {
        "start t": [GroupStarted(BOTH)],
        "start u": [GroupStarted((GroupMember(Target("b"), phantom), GroupMember(Target("c"), C1)))],
        "look b-1": [RUNNING, DONE],
        "look b-p": [replace(GONE, follow_ups=(replace(B1, owner=Owner.OTHERS),))],
    }
    tale = tell(script, targets=("t", "u"))
    assert tale.outcome is Outcome.FINISHED
    assert (tale.sent.count("look b-p"), tale.sent.count("look b-1"), tale.sent.count("start b")) == (1, 2, 0)


def test_both_deployments_of_a_part_are_stopped() -> None:
    script: Script = {
        "start t": [GroupStarted(BOTH)],
        "start u": [SECOND],
        "look b-1": [QUEUED],
        "look b-2": [RUNNING],
    }
    tale = tell(script, targets=("t", "u"), signals=SIGNAL_AT_2)
    assert [call for call in tale.sent if call.startswith("cancel")] == [
        "cancel b-2 within 1 s",
        "cancel b-1 within 1 s",
    ]


LATER = [RetryLater(60, "asked too often"), SECOND]


@pytest.mark.parametrize(
    ("script", "ended", "first_look"),
    [
        pytest.param(
            {"look b-2": [RUNNING, replace(BROKEN, reason="exit 1")]},
            TargetFinished("b", Outcome.FAILED, "exit 1"),
            60,
            id="the-second-fails",
        ),
        pytest.param({}, TargetFinished("b", Outcome.FINISHED), 60, id="both-are-well"),
        pytest.param(
            {"look b-1": [replace(BROKEN, reason="exit 2")]},
            TargetFinished("b", Outcome.FAILED, "exit 2"),
            60,
            id="the-first-failed",
        ),
        pytest.param(
            {"look b-2": [CANCELLED]},
            TargetFinished("b", Outcome.CANCELLED),
            60,
            id="the-second-is-cancelled",
        ),
        pytest.param(
            {"look b-1": [replace(DONE, health_check=HEALTHY_B)], "look b:healthy": [RUNNING]},
            TargetFinished("b", Outcome.FINISHED),
            60,
            id="while-the-first-one-s-health-is-read",
        ),
        pytest.param(
            {
                "look b-1": [replace(DONE, follow_ups=(Handle("b", "b-3", server="paris"),))],
                "look b-3": [*[RUNNING] * 25, BROKEN],
            },
            TargetFinished("b", Outcome.FAILED, "on the additional server paris: failed"),
            87,
            id="while-the-first-one-s-additional-server-is-followed",
        ),
    ],
)
def test_what_a_second_group_deploys_of_a_target_is_followed_although_its_first_deployment_is_over(
    script: Script, ended: TargetFinished, first_look: float
) -> None:
    """Two tags, `force`, and the second trigger came late: the second deployment is ours as much as the first."""
    tale = tell({"start t": [GroupStarted(BOTH)], "start u": LATER, **script}, targets=("t", "u"))
    assert [end for end in tale.ends() if end.target == "b"] == [ended]
    assert tale.outcome is ended.outcome
    assert (tale.times("look b-1"), tale.times("look b-2")[0]) == ([0], first_look)
    told = [
        event
        for event in tale.events
        if event in (TriggerDelayed("u", 60, "asked too often"), Following("b", B2), ended)
    ]
    assert told == [TriggerDelayed("u", 60, "asked too often"), Following("b", B2), ended]
    assert TargetNote("u", "it has deployed b, too: b-2") in tale.events


def test_only_what_another_group_may_still_deploy_is_held() -> None:
    """What ends meanwhile ends when the last group is triggered, or given up."""
    tale = tell(
        {"start t": [GroupStarted(BOTH)], "start u": [RetryLater(60, "full"), Rejected("no such tag")]},
        targets=("t", "u"),
    )
    assert [end.target for end in tale.ends()] == ["u", "a", "b"]
    assert tale.outcome is Outcome.REFUSED


def test_without_waiting_too_both_deployments_are_told() -> None:
    tale = tell({"start t": [GroupStarted(BOTH)], "start u": LATER}, targets=("t", "u"), wait=False)
    assert [
        event.handle for event in tale.events if isinstance(event, Following) and event.target == "b"
    ] == [B1, B2]
    assert [end for end in tale.ends() if end.target == "b"] == [TargetFinished("b", Outcome.TRIGGERED)]


def test_what_is_held_keeps_what_it_has_come_to_when_the_job_is_stopped() -> None:
    tale = tell(
        {"start t": [GroupStarted(BOTH)], "start u": LATER}, targets=("t", "u"), signals=[(10, "SIGTERM")]
    )
    ends = {end.target: end.outcome for end in tale.ends()}
    assert ends == {"a": Outcome.FINISHED, "b": Outcome.FINISHED, "u": Outcome.INTERRUPTED}
    assert [call for call in tale.sent if call.startswith("cancel")] == []


def test_a_revoked_token_ends_what_is_held_as_what_it_has_come_to() -> None:
    tale = tell(
        {"start t": [GroupStarted(BOTH)], "start u": [RetryLater(60, "full"), REVOKED]}, targets=("t", "u")
    )
    assert {end.target: end.outcome for end in tale.ends()} == {
        "a": Outcome.FINISHED,
        "b": Outcome.FINISHED,
        "u": Outcome.REFUSED,
    }


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        pytest.param({}, Outcome.FINISHED, id="all-well"),
        pytest.param({"look b-1": [BROKEN]}, Outcome.FAILED, id="one-part-failed"),
        pytest.param({"look c-1": [CANCELLED]}, Outcome.CANCELLED, id="another-target-was-cancelled"),
        pytest.param({"look b-1": [BROKEN], "look c-1": [CANCELLED]}, Outcome.FAILED, id="the-worst-of-all"),
        pytest.param({"start t": [GroupStarted(BOTH, "rest")]}, Outcome.TRIGGERED, id="the-group-s-rest"),
        pytest.param(
            {"start t": [GroupStarted(BOTH, "no", Outcome.REFUSED)]},
            Outcome.REFUSED,
            id="what-the-group-was-refused",
        ),
        pytest.param(
            {"start t": [GroupStarted(BOTH, "rest", Outcome.LOST)], "look b-1": [CANCELLED]},
            Outcome.LOST,
            id="the-group-s-losses",
        ),
    ],
)
def test_the_worst_of_a_group_s_parts_counts(script: Script, outcome: Outcome) -> None:
    assert tell({"start t": [GroupStarted(BOTH)], **script}, targets=("t", "c")).outcome is outcome


@pytest.mark.parametrize(
    ("script", "call", "last"),
    [
        pytest.param(
            {"start t": [Act(GroupStarted(BOTH), takes=10)], "look a-1": [RUNNING]},
            "look a-1",
            60,
            id="a-part-that-runs",
        ),
        pytest.param(
            {"start t": [Act(GroupStarted(HALF), takes=10)], "find b": [NO_LINE]},
            "find b",
            60,
            id="a-part-that-is-looked-for",
        ),
        pytest.param(
            {"start t": [Act(GroupStarted(HALF), takes=10)], "start b": [RetryLater(30, "full")]},
            "check b",
            60,
            id="a-part-that-must-wait",
        ),
    ],
)
def test_the_time_of_a_part_runs_from_the_trigger_of_its_group(
    script: Script, call: str, last: float
) -> None:
    tale = tell(script, targets=("t",), timeout=60)
    assert tale.times(call)[-1] == last


# --- A tag's deployment may be a phantom: its answer does not tell


@pytest.mark.parametrize(
    ("script", "events", "calls"),
    [
        pytest.param(
            {},
            [phase(Phase.SUCCEEDED), TargetFinished("a", Outcome.FINISHED)],
            [(0, "look a-1")],
            id="it-is-there",
        ),
        pytest.param(
            {
                "look a-1": [replace(GONE, follow_ups=(replace(A2, owner=Owner.OTHERS),))],
                "look a-2": [RUNNING, DONE],
            },
            [
                phase(Phase.ABSENT),
                Following("a", replace(A2, owner=Owner.OTHERS)),
                phase(Phase.RUNNING),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "look a-1"), (0, "look a-2"), (1, "look a-2")],
            id="the-real-one-is-adopted",
        ),
        pytest.param(
            {"look a-1": [replace(GONE, reason="none any more")], "start a": [Started((A2,))]},
            [
                phase(Phase.ABSENT),
                Retriggering("a", "none any more"),
                TargetResolved(Target("a")),
                Following("a", A2),
                phase(Phase.SUCCEEDED),
                TargetFinished("a", Outcome.FINISHED),
            ],
            [(0, "look a-1"), (0, "check a"), (0, "start a"), (0, "look a-2")],
            id="there-is-none-so-it-is-triggered",
        ),
        pytest.param(
            {"look a-1": [replace(GONE, reason="none any more")], "start a": [Started((PERHAPS,))]},
            [
                phase(Phase.ABSENT),
                Retriggering("a", "none any more"),
                TargetResolved(Target("a")),
                Following("a", PERHAPS),
                phase(Phase.ABSENT),
                TargetFinished("a", Outcome.LOST, "none any more"),
            ],
            [(0, "look a-1"), (0, "check a"), (0, "start a"), (0, "look a-1")],
            id="but-only-once",
        ),
        pytest.param(
            {"look a-1": [RUNNING, replace(GONE, reason="no row")]},
            [phase(Phase.RUNNING), phase(Phase.ABSENT), TargetFinished("a", Outcome.LOST, "no row")],
            [(0, "look a-1"), (1, "look a-1")],
            id="one-that-was-there-is-no-phantom",
        ),
        pytest.param(
            {
                "look a-1": [
                    RUNNING,
                    replace(GONE, follow_ups=(replace(A2, owner=Owner.OTHERS),), reason="no row"),
                ]
            },
            [phase(Phase.RUNNING), phase(Phase.ABSENT), TargetFinished("a", Outcome.LOST, "no row")],
            [(0, "look a-1"), (1, "look a-1")],
            id="and-what-is-somebody-else-s-does-not-take-its-place",
        ),
    ],
)
def test_a_listed_deployment_may_be_a_phantom(script: Script, events: list[Event], calls: list[Call]) -> None:
    tale = tell({"start t": [GroupStarted((GroupMember(Target("a"), PERHAPS),))], **script}, targets=("t",))
    assert tale.events == [*GROUP, split("a"), TargetResolved(Target("a")), Following("a", PERHAPS), *events]
    assert tale.calls == [*GROUP_STARTED, *calls]
