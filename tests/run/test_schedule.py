"""Full queues: one target of each server tries again, and the others wait for it."""

from __future__ import annotations

import pytest

from deployer.model import (
    Event,
    GroupStarted,
    Handle,
    Outcome,
    Rejected,
    RetryLater,
    Started,
    Target,
    TargetFinished,
    TargetNote,
)
from deployer.run.schedule import WAITS_FOR_QUEUE
from tests.run.scripted import DONE, RUNNING, Script, run_script

FULL = RetryLater(60, "full", queue_full=True)
TARGETS = ("a", "b", "c")


def on(server: str, *names: str) -> Script:
    return {f"resolve {name}": [Target(name, server=server)] for name in names}


def started(name: str) -> Started:
    return Started((Handle(name, f"{name}-1"),))


def test_the_others_wait_until_the_first_one_is_accepted() -> None:
    script: Script = {**on("paris", *TARGETS), "trigger a": [FULL, FULL, started("a")]}
    result = run_script(script, targets=TARGETS)
    assert result.outcome is Outcome.FINISHED
    assert [result.times(f"trigger {name}") for name in TARGETS] == [[0, 60, 120], [120], [120]]
    # Resolved once at first, and once more before the trigger.
    assert [result.sent.count(f"resolve {name}") for name in TARGETS] == [3, 2, 2]
    notes: list[Event] = [event for event in result.events if isinstance(event, TargetNote)]
    assert notes == [TargetNote(name, WAITS_FOR_QUEUE.format("the server paris", "a")) for name in "bc"]


def test_a_target_on_another_server_does_not_wait() -> None:
    script: Script = {**on("paris", "a", "b"), **on("rome", "c"), "trigger a": [FULL, started("a")]}
    result = run_script(script, targets=TARGETS)
    assert [result.times(f"trigger {name}") for name in TARGETS] == [[0, 60], [60], [0]]


def test_when_a_deployment_of_the_server_has_ended_the_queue_is_tried_at_once() -> None:
    script: Script = {
        **on("paris", *TARGETS),
        "poll a-1": [*[RUNNING] * 3, DONE],
        "trigger b": [FULL, started("b")],
    }
    result = run_script(script, targets=TARGETS)
    [ended] = [time for time in result.times("poll a-1") if time == 3]
    assert [result.times(f"trigger {name}") for name in "bc"] == [[0, ended], [ended]]


def test_the_next_one_tries_if_the_first_one_is_rejected() -> None:
    script: Script = {**on("paris", *TARGETS), "trigger a": [FULL, Rejected("no")]}
    result = run_script(script, targets=TARGETS)
    assert [result.times(f"trigger {name}") for name in TARGETS] == [[0, 60], [60], [60]]
    assert result.outcome is Outcome.REFUSED


def test_those_that_wait_end_at_their_timeout() -> None:
    script: Script = {**on("paris", *TARGETS), "trigger a": [FULL]}
    result = run_script(script, targets=TARGETS, timeout=150)
    assert [result.times(f"trigger {name}") for name in TARGETS] == [[0, 60, 120], [], []]
    assert result.ends() == [TargetFinished(name, Outcome.TIMED_OUT, "full") for name in TARGETS]
    assert result.calls[-1][0] <= 150


def test_the_rate_limit_is_not_a_full_queue() -> None:
    script: Script = {**on("paris", *TARGETS), "trigger a": [RetryLater(60, "later"), started("a")]}
    result = run_script(script, targets=TARGETS)
    assert [result.times(f"trigger {name}") for name in TARGETS] == [[0, 60], [0], [0]]


@pytest.mark.parametrize("signal", [(30, "SIGTERM")])
def test_a_signal_ends_those_that_wait(signal: tuple[float, str]) -> None:
    script: Script = {**on("paris", *TARGETS), "trigger a": [FULL]}
    result = run_script(script, targets=TARGETS, signals=[signal])
    assert {event.outcome for event in result.ends()} == {Outcome.INTERRUPTED}
    assert [call for call in result.sent if call.startswith(("find", "cancel"))] == []


def test_a_group_that_meets_a_full_queue_delays_no_other_server() -> None:
    script: Script = {
        "resolve t": [Target("t", group=True)],
        "trigger t": [GroupStarted(())],
        **on("paris", "a"),
    }
    assert run_script(script, targets=("t", "a")).times("trigger a") == [0]


def test_requests_that_are_not_urgent_wait_for_the_budget() -> None:
    names = tuple("abcdefghijklmnopqrst")
    result = run_script({}, targets=names, counted=True)
    assert result.outcome is Outcome.FINISHED
    for name in names:
        [resolved], [triggered] = result.times(f"resolve {name}"), result.times(f"trigger {name}")
        assert triggered - resolved < 0.01  # a trigger never waits
    times = [time for time, _ in result.calls]
    assert max(sum(begin <= time < begin + 60 for time in times) for begin in times) <= 115
    assert times[-1] > 5


def test_the_last_poll_at_a_deadline_is_never_held_back() -> None:
    names = tuple("abcdefghijklmnopqrst")
    script: Script = {f"poll {name}-1": [RUNNING] for name in names}
    result = run_script(script, targets=names, counted=True, timeout=30)
    ends = {event.target: event.outcome for event in result.ends()}
    assert set(ends.values()) == {Outcome.TIMED_OUT}
    for name in names:
        assert result.times(f"poll {name}-1")[-1] == pytest.approx(result.times(f"trigger {name}")[0] + 30)
