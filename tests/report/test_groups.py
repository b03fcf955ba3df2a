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
from tests.report.reports import LINK, REASON, URL, log_lines, until_running

BLUE = Target("blue", kind="tag", group=True)


def members(*names: str) -> tuple[Target, ...]:
    return tuple(Target(name, name, "application", URL.format(name)) for name in names)


def test_a_group_is_replaced_by_its_members_in_order(new_report: Any) -> None:
    report = new_report("github", "first", "blue", "last")
    report.emit(*(Triggering(name) for name in ("first", "blue", "last")))
    assert report.emit(12.0, GroupExpanded("blue", members("b", "a"), gone=True)) == ["blue: targets: b, a"]
    for name in ("first", "a", "b", "last"):
        report.emit(Following(name, Handle(name, f"{name}-1")), TargetFinished(name, Outcome.FINISHED))
    report.finish(Outcome.FINISHED)
    assert [target["uuid"] for target in report.result["targets"]] == ["first", "b", "a", "last"]
    assert report.outputs["deployment_uuids"] == "first-1,b-1,a-1,last-1"
    assert [target["duration"] for target in report.result["targets"]] == [12, 12, 12, 12]


def test_a_group_of_one_is_reported_as_its_member(new_report: Any) -> None:
    report = new_report("github", "blue")
    report.emit(
        Triggering("blue"),
        GroupExpanded("blue", members("a"), gone=True),
        TargetResolved(members("a")[0]),
        Following("a", Handle("a", "a-1")),
    )
    assert report.outputs["resource_uuid"] == "a"
    assert report.outputs["url"] == URL.format("a")
    assert report.emit(log_lines("a", "a line")) == ["::group::Build log of a", "a line"]


def test_log_lines_of_group_members_are_labelled(new_report: Any) -> None:
    report = new_report("plain", "blue")
    report.emit(Triggering("blue"), GroupExpanded("blue", members("a", "b"), gone=True))
    assert report.emit(log_lines("a", "of a"), log_lines("b", "of b")) == [
        "=== Build logs ===",
        "[a] of a",
        "[b] of b",
    ]


def test_a_group_with_an_unfollowed_rest_has_its_own_outcome(new_report: Any) -> None:
    report = new_report("github", "blue")
    report.emit(
        TargetResolved(BLUE),
        Triggering("blue"),
        GroupExpanded("blue", members("a"), gone=False),
        Following("a", Handle("a", "a-1")),
    )
    report.emit(
        3.0,
        TargetFinished("blue", Outcome.TRIGGERED, "service stack: started, not followed"),
        TargetFinished("a", Outcome.FAILED, REASON),
    )
    report.finish(Outcome.FAILED)
    ends = [(target["uuid"], target["status"], target["duration"]) for target in report.result["targets"]]
    assert ends == [("a", "failed", 3), ("blue", "triggered", 3)]
    assert (report.outputs["deployment_uuids"], report.outputs["resource_uuid"]) == ("a-1", "a")


def test_a_group_without_followed_members_is_reported(new_report: Any) -> None:
    report = new_report("github", "blue")
    printed = report.emit(
        TargetResolved(BLUE),
        Triggering("blue"),
        GroupExpanded("blue", (), gone=False),
        TargetFinished("blue", Outcome.LOST, "no permission to list deployments"),
    )
    assert printed[2] == "blue: none of its targets can be followed"
    assert report.finish(Outcome.LOST) == []
    assert (
        report.outputs["status"],
        "resource_uuid" in report.outputs,
        "deployment_uuids" in report.outputs,
    ) == (
        "lost",
        False,
        False,
    )


def test_a_group_is_not_an_output_before_it_is_expanded(new_report: Any) -> None:
    report = new_report("github", "blue", "web")
    report.emit(TargetResolved(BLUE), *until_running("web"))
    assert (
        report.outputs["resource_uuid"],
        report.outputs["deployment_uuid"],
        report.outputs["deployment_uuids"],
    ) == ("web", "web-1", "web-1")


def test_events_of_an_unannounced_member_are_reported(new_report: Any) -> None:
    """The job is cancelled right after the response to a group trigger: its members were not reported yet."""
    report = new_report("github", "blue")
    handle = Handle("a", "a-1", link=LINK.format("a"))
    printed = report.emit(
        Triggering("blue"),
        InterruptReceived("SIGTERM"),
        CancelResult("a", handle, "cancelled"),
        TargetFinished("a", Outcome.INTERRUPTED, "stopped"),
    )
    assert f"a: deployment a-1: cancelled {LINK.format('a')}" in printed
    assert [title for title, _ in report.annotations("warning")] == ["a: interrupted"]
    report.finish(Outcome.INTERRUPTED)
    assert [(target["uuid"], target["status"]) for target in report.result["targets"]] == [
        ("blue", ""),
        ("a", "interrupted"),
    ]


def test_members_with_the_same_name_are_identified_by_uuid(new_report: Any) -> None:
    twins = (Target("a", "web", "application"), Target("b", "web", "application"))
    report = new_report("plain", "blue")
    report.emit(
        Triggering("blue"), GroupExpanded("blue", twins, gone=True), *(TargetResolved(twin) for twin in twins)
    )
    assert report.emit(TargetNote("a", "x"), TargetNote("b", "x")) in (["a: x", "web: x"], ["web: x", "b: x"])
