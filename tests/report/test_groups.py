"""How a group and its members are reported."""

from __future__ import annotations

from typing import Any

from deployer.model import (
    CancelResult,
    Following,
    GroupExpanded,
    Handle,
    InterruptReceived,
    Outcome,
    Target,
    TargetFinished,
    TargetNote,
    TargetResolved,
    Triggering,
)
from tests.report.desk import LINK, URL, WHY, logged, started

BLUE = Target("blue", kind="tag", group=True)


def parts(*names: str) -> tuple[Target, ...]:
    return tuple(Target(name, name, "application", URL.format(name)) for name in names)


def test_a_group_gives_way_to_its_parts_in_their_order(desk: Any) -> None:
    told = desk("github", "first", "blue", "last")
    told.hear(*(Triggering(name) for name in ("first", "blue", "last")))
    assert told.hear(12.0, GroupExpanded("blue", parts("b", "a"), gone=True)) == ["blue: targets: b, a"]
    for name in ("first", "a", "b", "last"):
        told.hear(Following(name, Handle(name, f"{name}-1")), TargetFinished(name, Outcome.FINISHED))
    told.finish(Outcome.FINISHED)
    assert [target["uuid"] for target in told.result["targets"]] == ["first", "b", "a", "last"]
    assert told.outputs["deployment_uuids"] == "first-1,b-1,a-1,last-1"
    assert [target["duration"] for target in told.result["targets"]] == [12, 12, 12, 12]


def test_a_group_of_one_that_is_gone_is_its_part(desk: Any) -> None:
    told = desk("github", "blue")
    told.hear(
        Triggering("blue"),
        GroupExpanded("blue", parts("a"), gone=True),
        TargetResolved(parts("a")[0]),
        Following("a", Handle("a", "a-1")),
    )
    assert told.outputs["resource_uuid"] == "a"
    assert told.outputs["url"] == URL.format("a")
    assert told.hear(logged("a", "a line")) == ["::group::Build log of a", "a line"]


def test_the_lines_of_a_group_s_parts_say_whose_they_are(desk: Any) -> None:
    told = desk("plain", "blue")
    told.hear(Triggering("blue"), GroupExpanded("blue", parts("a", "b"), gone=True))
    assert told.hear(logged("a", "of a"), logged("b", "of b")) == [
        "=== Build logs ===",
        "[a] of a",
        "[b] of b",
    ]


def test_a_group_of_which_something_is_left_keeps_its_own_end(desk: Any) -> None:
    told = desk("github", "blue")
    told.hear(
        TargetResolved(BLUE),
        Triggering("blue"),
        GroupExpanded("blue", parts("a"), gone=False),
        Following("a", Handle("a", "a-1")),
    )
    told.hear(
        3.0,
        TargetFinished("blue", Outcome.TRIGGERED, "service stack: started, not followed"),
        TargetFinished("a", Outcome.FAILED, WHY),
    )
    told.finish(Outcome.FAILED)
    ends = [(target["uuid"], target["status"], target["duration"]) for target in told.result["targets"]]
    assert ends == [("a", "failed", 3), ("blue", "triggered", 3)]
    assert (told.outputs["deployment_uuids"], told.outputs["resource_uuid"]) == ("a-1", "a")


def test_a_group_of_which_nothing_can_be_followed_says_so(desk: Any) -> None:
    told = desk("github", "blue")
    said = told.hear(
        TargetResolved(BLUE),
        Triggering("blue"),
        GroupExpanded("blue", (), gone=False),
        TargetFinished("blue", Outcome.LOST, "nobody can tell"),
    )
    assert said[2] == "blue: none of its targets can be followed"
    assert told.finish(Outcome.LOST) == []
    assert (told.outputs["status"], "resource_uuid" in told.outputs, "deployment_uuids" in told.outputs) == (
        "lost",
        False,
        False,
    )


def test_a_group_is_no_output_before_it_is_known_what_it_is(desk: Any) -> None:
    told = desk("github", "blue", "web")
    told.hear(TargetResolved(BLUE), *started("web"))
    assert (
        told.outputs["resource_uuid"],
        told.outputs["deployment_uuid"],
        told.outputs["deployment_uuids"],
    ) == ("web", "web-1", "web-1")


def test_who_was_never_introduced_is_told_all_the_same(desk: Any) -> None:
    """The job is stopped just after the answer to a group: its parts have stories, and nobody has heard of them."""
    told = desk("github", "blue")
    ours = Handle("a", "a-1", link=LINK.format("a"))
    said = told.hear(
        Triggering("blue"),
        InterruptReceived("SIGTERM"),
        CancelResult("a", ours, "cancelled"),
        TargetFinished("a", Outcome.INTERRUPTED, "stopped"),
    )
    assert f"a: deployment a-1: cancelled {LINK.format('a')}" in said
    assert [title for title, _ in told.told("warning")] == ["a: interrupted"]
    told.finish(Outcome.INTERRUPTED)
    assert [(target["uuid"], target["status"]) for target in told.result["targets"]] == [
        ("blue", ""),
        ("a", "interrupted"),
    ]


def test_two_parts_of_the_same_name_are_called_by_uuid(desk: Any) -> None:
    twins = (Target("a", "web", "application"), Target("b", "web", "application"))
    told = desk("plain", "blue")
    told.hear(
        Triggering("blue"), GroupExpanded("blue", twins, gone=True), *(TargetResolved(twin) for twin in twins)
    )
    assert told.hear(TargetNote("a", "x"), TargetNote("b", "x")) in (["a: x", "web: x"], ["web: x", "b: x"])
