"""watch.py: every log entry is passed on once, in order (architecture, rule 5)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.model import (
    AccessDenied,
    DeploymentDetails,
    Entry,
    Event,
    LogLines,
    LogUnavailable,
    Observation,
    Phase,
    PhaseChanged,
    PollFailed,
    PollFailing,
    PollRecovered,
    Snapshot,
    Stage,
    TargetWarning,
)
from deployer.watch import new_entries
from tests.watch.builders import (
    DONE,
    FOUR,
    FRESH,
    ONE,
    QUEUED,
    RUNNING,
    START,
    THREE,
    TWO,
    observe_all,
    phase_changes,
)

# The same examples in every run, so that no test is flaky.
thoroughly = settings(derandomize=True, database=None, deadline=None, max_examples=300)


# --- Architecture, rule 5: every log entry once, in order


@pytest.mark.parametrize(
    ("logs", "shown"),
    [
        pytest.param([()], [], id="empty"),
        pytest.param([(ONE,)], [(ONE,)], id="one"),
        pytest.param(
            [(ONE,), (ONE, TWO), (ONE, TWO, THREE, FOUR)], [(ONE,), (TWO,), (THREE, FOUR)], id="growing"
        ),
        pytest.param([(ONE,), (ONE,)], [(ONE,)], id="nothing-new"),
        pytest.param([(ONE, TWO, THREE), (THREE,), (THREE, FOUR)], [(ONE, TWO, THREE), (FOUR,)], id="shrunk"),
        pytest.param([(ONE, TWO), ()], [(ONE, TWO)], id="emptied"),
        pytest.param([(ONE, TWO), (), (ONE, TWO, THREE)], [(ONE, TWO), (THREE,)], id="emptied-and-refilled"),
        pytest.param([(ONE, TWO), (TWO, THREE, ONE)], [(ONE, TWO), (THREE,)], id="re-ordered"),
        pytest.param([(ONE, TWO), (THREE, ONE, TWO)], [(ONE, TWO), (THREE,)], id="late-entry-at-the-front"),
        pytest.param(
            [(ONE, TWO), (THREE, FOUR)],
            [(ONE, TWO), (THREE, FOUR)],
            id="replaced-with-another-of-the-same-length",
        ),
        pytest.param(
            [(ONE, TWO, THREE), (ONE, FOUR)], [(ONE, TWO, THREE), (FOUR,)], id="replaced-with-a-shorter-one"
        ),
        pytest.param([(ONE, ONE)], [(ONE, ONE)], id="identical-entries-both-count"),
        pytest.param([(ONE,), (ONE, ONE)], [(ONE,), (ONE,)], id="second-identical-entry-later"),
        pytest.param(
            [(ONE, TWO, ONE), (ONE, ONE, TWO), (ONE,), (ONE, TWO, ONE, ONE)],
            [(ONE, TWO, ONE), (ONE,)],
            id="three-identical-entries",
        ),
        pytest.param(
            [(replace(ONE, hidden=True),), (replace(ONE, hidden=True), TWO)],
            [(replace(ONE, hidden=True),), (TWO,)],
            id="hidden-entries",
        ),
        pytest.param(
            [(ONE, Entry("2", "one text")), (ONE, Entry("2", "another"))],
            [(ONE, Entry("2", "one text"))],
            id="same-key-is-the-same-entry",
        ),
    ],
)
def test_every_log_entry_is_reported_once_and_in_order(
    logs: list[tuple[Entry, ...]], shown: list[tuple[Entry, ...]]
) -> None:
    _, events = observe_all([(5 + number, replace(RUNNING, log=log)) for number, log in enumerate(logs)])
    assert events == [*phase_changes(Phase.RUNNING), *(LogLines("web", entries) for entries in shown)]


@thoroughly
@given(logs=st.lists(st.lists(st.sampled_from([ONE, TWO, THREE]), max_size=6).map(tuple), max_size=8))
def test_any_sequence_of_logs_shows_every_entry_once(
    logs: list[tuple[Entry, ...]],
) -> None:
    snapshot: frozenset[tuple[object, int]] = frozenset()
    shown: list[Entry] = []
    for log in logs:
        fresh, snapshot = new_entries(log, snapshot)
        rest = iter(log)
        assert all(entry in rest for entry in fresh), "in the order of the list"
        shown += fresh
    most: Counter[object] = Counter()
    for log in logs:
        most |= Counter(entry.key for entry in log)
    assert Counter(entry.key for entry in shown) == most
    assert snapshot == {(key, nth) for key, count in most.items() for nth in range(count)}


@pytest.mark.parametrize(
    ("polls", "events"),
    [
        pytest.param(
            [
                (5, replace(RUNNING, log=None)),
                (6, replace(RUNNING, log=None)),
                (7, replace(QUEUED, log=None)),
            ],
            [*phase_changes(Phase.RUNNING), LogUnavailable("web"), *phase_changes(Phase.QUEUED)],
            id="unreadable-is-reported-once",
        ),
        pytest.param(
            [(5, replace(RUNNING, log=()))], phase_changes(Phase.RUNNING), id="empty-is-not-unreadable"
        ),
        pytest.param(
            [
                (5, replace(RUNNING, log=(ONE,))),
                (6, replace(RUNNING, log=None)),
                (7, replace(RUNNING, log=(ONE, TWO))),
            ],
            [
                *phase_changes(Phase.RUNNING),
                LogLines("web", (ONE,)),
                LogUnavailable("web"),
                LogLines("web", (TWO,)),
            ],
            id="readable-again-continues",
        ),
        pytest.param(
            [
                (5, replace(RUNNING, raw_status="0 of 2")),
                (6, replace(RUNNING, raw_status="1 of 2")),
                (7, replace(RUNNING, raw_status="1 of 2")),
            ],
            [
                PhaseChanged("web", Phase.RUNNING, "0 of 2"),
                PhaseChanged("web", Phase.RUNNING, "1 of 2", same=True),
            ],
            id="new-status-text-in-the-same-phase",
        ),
        pytest.param(
            [
                (5, replace(RUNNING, raw_status="1 of 2")),
                (6, PollFailed("HTTP 502")),
                (7, replace(RUNNING, raw_status="1 of 2")),
            ],
            [
                PhaseChanged("web", Phase.RUNNING, "1 of 2"),
                PollFailing("web", "HTTP 502"),
                PollRecovered("web", 1),
            ],
            id="same-status-after-a-failed-poll",
        ),
        pytest.param(
            [(5, replace(RUNNING, link="https://x", commit="abc", server="s"))] * 2,
            [DeploymentDetails("web", "https://x", "abc", "s"), PhaseChanged("web", Phase.RUNNING, "", "s")],
            id="details-reported-once",
        ),
        pytest.param(
            [(5, replace(RUNNING, link="https://x")), (6, replace(RUNNING, link="https://x", commit="abc"))],
            [
                DeploymentDetails("web", "https://x", "", ""),
                *phase_changes(Phase.RUNNING),
                DeploymentDetails("web", "https://x", "abc", ""),
            ],
            id="details-again-when-complete",
        ),
        pytest.param(
            [(5, replace(RUNNING, commit="abc"))],
            [DeploymentDetails("web", "", "abc", ""), *phase_changes(Phase.RUNNING)],
            id="commit-reported-once",
        ),
        pytest.param(
            [(5, replace(RUNNING, server="s"))],
            [DeploymentDetails("web", "", "", "s"), PhaseChanged("web", Phase.RUNNING, "", "s")],
            id="server-reported-once",
        ),
        pytest.param(
            [(5, replace(RUNNING, link="https://x")), (6, RUNNING), (7, replace(RUNNING, link="https://x"))],
            [DeploymentDetails("web", "https://x", "", ""), *phase_changes(Phase.RUNNING)],
            id="known-link-is-kept",
        ),
        pytest.param(
            [
                (5, PollFailed("HTTP 502")),
                (6, Snapshot(Phase.RUNNING, "in_progress", log=(ONE,), link="https://x", warnings=("odd",))),
            ],
            [
                PollFailing("web", "HTTP 502"),
                PollRecovered("web", 1),
                DeploymentDetails("web", "https://x", "", ""),
                PhaseChanged("web", Phase.RUNNING, "in_progress"),
                LogLines("web", (ONE,)),
                TargetWarning("web", "odd"),
            ],
            id="order-within-one-poll",
        ),
    ],
)
def test_every_fact_is_reported_once(polls: list[tuple[float, Observation]], events: list[Event]) -> None:
    assert observe_all(polls)[1] == events


def test_events_of_an_additional_server_carry_its_name_and_stage() -> None:
    snapshot = Snapshot(Phase.RUNNING, "in_progress", log=(ONE,), link="https://x", server="berlin")
    assert observe_all([(5, snapshot)], replace(FRESH, stage=Stage.ADDITIONAL_SERVERS))[1] == [
        DeploymentDetails("web", "https://x", "", "berlin", Stage.ADDITIONAL_SERVERS),
        PhaseChanged("web", Phase.RUNNING, "in_progress", "berlin", Stage.ADDITIONAL_SERVERS),
        LogLines("web", (ONE,), "berlin"),
    ]


@pytest.mark.parametrize("log", [(ONE,), None], ids=["readable", "unreadable"])
def test_no_log_is_reported_while_cancelling(log: tuple[Entry, ...] | None) -> None:
    assert observe_all([(5, replace(RUNNING, log=log))], replace(FRESH, stage=Stage.CANCELLATION))[1] == [
        PhaseChanged("web", Phase.RUNNING, "", stage=Stage.CANCELLATION)
    ]


# --- Architecture, rule 5: lines of several machines arrive out of order


def line(second: float, name: str = "") -> Entry:
    return Entry((second, name), f"line {second}{name}", written=int((1_700_000_000 + second) * 1e9))


def lines_shown(polls: list[tuple[float, Observation]]) -> list[tuple[str, ...]]:
    _, reported = observe_all(polls)
    return [
        tuple(entry.text.removeprefix("line ") for entry in event.entries)
        for event in reported
        if isinstance(event, LogLines)
    ]


def snapshot_with(*entries: Entry) -> Snapshot:
    return replace(RUNNING, log=entries)


@pytest.mark.parametrize(
    ("polls", "shown"),
    [
        pytest.param([(5, snapshot_with(line(1)))], [], id="newest-line-is-held"),
        pytest.param([(5, snapshot_with(line(1))), (6.9, snapshot_with())], [], id="held-for-two-seconds"),
        pytest.param(
            [(5, snapshot_with(line(1))), (7, snapshot_with())], [("1",)], id="released-after-two-seconds"
        ),
        pytest.param(
            [(5, snapshot_with(line(1), line(2), line(3)))],
            [("1",)],
            id="two-seconds-older-than-the-newest",
        ),
        pytest.param(
            [(5, snapshot_with(line(1), line(2))), (6, snapshot_with(line(1.5))), (8, snapshot_with())],
            [("1", "1.5", "2")],
            id="late-line-is-sorted-in",
        ),
        pytest.param(
            [(5, snapshot_with(line(1), line(2))), (7, snapshot_with(line(1.5)))],
            [("1", "1.5", "2")],
            id="late-line-in-the-releasing-poll",
        ),
        pytest.param(
            [
                (5, snapshot_with(line(1))),
                (7, snapshot_with()),
                (8, snapshot_with(line(0.5))),
                (10, snapshot_with()),
            ],
            [("1",), ("0.5",)],
            id="too-late-to-be-sorted",
        ),
        pytest.param(
            [(5, snapshot_with(line(1, "b"), line(1, "a"))), (7, snapshot_with())],
            [("1b", "1a")],
            id="equal-times-keep-their-order",
        ),
        pytest.param([(5, replace(DONE, log=(line(2), line(1))))], [("1", "2")], id="released-at-the-end"),
        pytest.param(
            [(99, snapshot_with(line(1))), (100, PollFailed("HTTP 502"))],
            [("1",)],
            id="released-at-the-deadline",
        ),
        pytest.param(
            [(5, snapshot_with(line(1))), (6, AccessDenied("revoked"))],
            [("1",)],
            id="released-when-access-is-denied",
        ),
        pytest.param(
            [(5, replace(RUNNING, log=(ONE, TWO)))],
            [("1", "2")],
            id="lines-without-a-time-are-not-held",
        ),
    ],
)
def test_late_log_lines_are_sorted(
    polls: list[tuple[float, Observation]], shown: list[tuple[str, ...]]
) -> None:
    assert lines_shown(polls) == shown


@thoroughly
@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0, 2)), max_size=30),
    st.lists(st.floats(0.1, 3), min_size=10, max_size=30),
)
def test_lines_at_most_two_seconds_late_are_all_shown_once_in_order(
    written: list[tuple[float, float]], pauses: list[float]
) -> None:
    """At any poll interval: each poll sees the lines that arrived since the previous one."""
    entries = [
        (second + delay, line(round(second, 3), f"-{number}"))
        for number, (second, delay) in enumerate(written)
    ]
    polls: list[tuple[float, Observation]] = []
    now = 0.0
    for pause in pauses:
        polls.append(
            (
                now + pause,
                snapshot_with(*(entry for arrived, entry in entries if now <= arrived < now + pause)),
            )
        )
        now += pause
    polls.append((now + 99, replace(DONE, log=tuple(entry for arrived, entry in entries if arrived >= now))))
    _, reported = observe_all(polls, replace(FRESH, deadline=START + 1000))
    listed = [entry for event in reported if isinstance(event, LogLines) for entry in event.entries]
    assert sorted(entry.text for entry in listed) == sorted(entry.text for _, entry in entries)
    assert [entry.written for entry in listed] == sorted(entry.written for entry in listed)
