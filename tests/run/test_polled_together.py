"""Many deployments are polled with one request; what that does not show is polled one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.model import (
    Entry,
    LogLines,
    Outcome,
    PollFailing,
    RefusedError,
    TargetFinished,
    TargetWarning,
    UnavailableError,
)
from deployer.run.polling import SLOWER
from tests.run.scripted import (
    BROKEN,
    DONE,
    QUEUED,
    REVOKED,
    RUNNING,
    STATUS_UNREADABLE,
    Script,
    run_script,
)

THREE = ("a", "b", "c")
ALL_RUNNING = {f"{name}-1": RUNNING for name in THREE}


def test_active_deployments_are_polled_together_and_the_others_one_by_one() -> None:
    script: Script = {
        "list": [
            ALL_RUNNING,
            {**ALL_RUNNING, "a-1": QUEUED},
            {"a-1": RUNNING, "b-1": RUNNING},
        ],
        "poll c-1": [BROKEN],
        "poll a-1": [RUNNING, DONE],
    }
    result = run_script(script, targets=THREE)
    assert {event.target: event.outcome for event in result.ends()} == {
        "a": Outcome.FINISHED,
        "b": Outcome.FINISHED,
        "c": Outcome.FAILED,
    }
    assert result.times("list") == [0, 2.5, 5]
    # The third list lacks c-1, which has ended; two deployments are not worth a list.
    assert [call for call in result.calls if call[1].startswith("poll")][:1] == [(5, "poll c-1")]
    assert (result.sent.count("poll c-1"), result.sent.count("poll b-1")) == (1, 1)


def test_two_deployments_are_polled_one_by_one() -> None:
    result = run_script({"list": [ALL_RUNNING]}, targets=("a", "b"))
    assert (result.times("list"), result.sent.count("poll a-1")) == ([], 1)


def test_without_a_list_deployments_are_polled_one_by_one_from_then_on() -> None:
    result = run_script({"list": [None], "poll a-1": [RUNNING, DONE]}, targets=THREE)
    assert (result.outcome, result.times("list")) == (Outcome.FINISHED, [0])
    assert [result.times(f"poll {name}-1") for name in THREE] == [[0, 1], [0], [0]]


def test_a_failed_list_is_a_failed_poll_of_each_deployment() -> None:
    script: Script = {"list": [UnavailableError("HTTP 502", retry_after=9), ALL_RUNNING, {}]}
    result = run_script(script, targets=THREE)
    assert (result.outcome, result.times("list")[:2]) == (Outcome.FINISHED, [0, 9])
    assert [event for event in result.events if isinstance(event, PollFailing)] == [
        PollFailing(name, "HTTP 502") for name in THREE
    ]


def test_a_token_that_is_rejected_at_the_list_ends_every_target() -> None:
    result = run_script({"list": [ALL_RUNNING, REVOKED]}, targets=THREE)
    reason = f"{STATUS_UNREADABLE}{REVOKED.reason}"
    assert result.ends() == [TargetFinished(name, Outcome.LOST, reason) for name in THREE]
    assert result.sent[-1] == "list"


def test_log_lines_of_the_list_and_of_single_polls_are_shown_once() -> None:
    first, second = Entry("1", "one"), Entry("2", "two")
    shown = {**ALL_RUNNING, "c-1": replace(RUNNING, log=(first,))}
    script: Script = {"list": [shown, {}], "poll c-1": [replace(DONE, log=(first, second))]}
    result = run_script(script, targets=THREE)
    assert [event for event in result.events if isinstance(event, LogLines)] == [
        LogLines("c", (first,)),
        LogLines("c", (second,)),
    ]


def test_a_deployment_that_the_list_never_shows_is_polled_at_its_own_pace() -> None:
    others = {"a-1": RUNNING, "b-1": RUNNING, "c-1": RUNNING}
    script: Script = {"list": [*[others] * 4, {}], "poll d-1": [RUNNING, RUNNING, RUNNING, DONE]}
    result = run_script(script, targets=(*THREE, "d"))
    # It is in the second list for the first time.
    assert result.times("poll d-1") == [2.5, 3.5, 4.5, 5.5]
    assert result.times("list")[:3] == [0, 2.5, 5]


def test_a_refusal_that_concerns_only_the_list_is_the_providers_affair() -> None:
    """The provider returns None then; an error without `token_wide` ends only these watches."""
    result = run_script({"list": [RefusedError("not for you")]}, targets=THREE)
    assert {event.outcome for event in result.ends()} == {Outcome.LOST}


@pytest.mark.parametrize(("targets", "warned"), [(("a",), False), (tuple("abcdefghijklmnopq"), True)])
def test_a_poll_interval_that_the_budget_does_not_allow_is_reported_once(
    targets: tuple[str, ...], warned: bool
) -> None:
    polls: Script = {f"poll {name}-1": [*[RUNNING] * 5, DONE] for name in targets}
    result = run_script(polls, targets=targets, poll_interval=5, counted=True)
    warnings = [event for event in result.events if isinstance(event, TargetWarning)]
    assert [event.text for event in warnings] == ([SLOWER.format(50)] if warned else [])
