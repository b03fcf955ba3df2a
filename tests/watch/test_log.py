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
from tests.watch.builders import BEGAN, DONE, FOUR, FRESH, ONE, QUEUED, RUNNING, THREE, TWO, moved, played

# The same examples in every run: a test that fails only now and then is read by nobody.
thoroughly = settings(derandomize=True, database=None, deadline=None, max_examples=300)


# --- Architecture, rule 5: every entry of the log once, in order


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
        pytest.param([(ONE, TWO), (), (ONE, TWO, THREE)], [(ONE, TWO), (THREE,)], id="emptied-and-back"),
        pytest.param([(ONE, TWO), (TWO, THREE, ONE)], [(ONE, TWO), (THREE,)], id="re-ordered"),
        pytest.param([(ONE, TWO), (THREE, ONE, TWO)], [(ONE, TWO), (THREE,)], id="a-late-entry-at-the-front"),
        pytest.param(
            [(ONE, TWO), (THREE, FOUR)],
            [(ONE, TWO), (THREE, FOUR)],
            id="replaced-with-another-of-the-same-length",
        ),
        pytest.param(
            [(ONE, TWO, THREE), (ONE, FOUR)], [(ONE, TWO, THREE), (FOUR,)], id="replaced-with-a-shorter-one"
        ),
        pytest.param([(ONE, ONE)], [(ONE, ONE)], id="identical-entries-are-two"),
        pytest.param([(ONE,), (ONE, ONE)], [(ONE,), (ONE,)], id="the-second-identical-one-comes-later"),
        pytest.param(
            [(ONE, TWO, ONE), (ONE, ONE, TWO), (ONE,), (ONE, TWO, ONE, ONE)],
            [(ONE, TWO, ONE), (ONE,)],
            id="identical-thrice",
        ),
        pytest.param(
            [(replace(ONE, hidden=True),), (replace(ONE, hidden=True), TWO)],
            [(replace(ONE, hidden=True),), (TWO,)],
            id="hidden-ones-like-any-other",
        ),
        pytest.param(
            [(ONE, Entry("2", "one text")), (ONE, Entry("2", "another"))],
            [(ONE, Entry("2", "one text"))],
            id="known-by-its-key",
        ),
    ],
)
def test_every_entry_is_told_once_and_in_order(
    logs: list[tuple[Entry, ...]], shown: list[tuple[Entry, ...]]
) -> None:
    _, events = played([(5 + number, replace(RUNNING, log=log)) for number, log in enumerate(logs)])
    assert events == [*moved(Phase.RUNNING), *(LogLines("web", entries) for entries in shown)]


@thoroughly
@given(logs=st.lists(st.lists(st.sampled_from([ONE, TWO, THREE]), max_size=6).map(tuple), max_size=8))
def test_whatever_the_server_does_to_its_list_every_entry_is_shown_once(
    logs: list[tuple[Entry, ...]],
) -> None:
    seen: frozenset[tuple[object, int]] = frozenset()
    shown: list[Entry] = []
    for log in logs:
        fresh, seen = new_entries(log, seen)
        rest = iter(log)
        assert all(entry in rest for entry in fresh), "in the order of the list"
        shown += fresh
    most: Counter[object] = Counter()
    for log in logs:
        most |= Counter(entry.key for entry in log)
    assert Counter(entry.key for entry in shown) == most
    assert seen == {(key, nth) for key, count in most.items() for nth in range(count)}


@pytest.mark.parametrize(
    ("looks", "events"),
    [
        pytest.param(
            [
                (5, replace(RUNNING, log=None)),
                (6, replace(RUNNING, log=None)),
                (7, replace(QUEUED, log=None)),
            ],
            [*moved(Phase.RUNNING), LogUnavailable("web"), *moved(Phase.QUEUED)],
            id="unreadable-is-told-once",
        ),
        pytest.param([(5, replace(RUNNING, log=()))], moved(Phase.RUNNING), id="empty-is-not-unreadable"),
        pytest.param(
            [
                (5, replace(RUNNING, log=(ONE,))),
                (6, replace(RUNNING, log=None)),
                (7, replace(RUNNING, log=(ONE, TWO))),
            ],
            [*moved(Phase.RUNNING), LogLines("web", (ONE,)), LogUnavailable("web"), LogLines("web", (TWO,))],
            id="readable-again-goes-on-where-it-was",
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
            id="other-words-for-the-same-phase-are-known",
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
            id="the-same-words-after-a-failed-look-are-no-news",
        ),
        pytest.param(
            [(5, replace(RUNNING, link="https://x", commit="abc", server="s"))] * 2,
            [DeploymentDetails("web", "https://x", "abc", "s"), PhaseChanged("web", Phase.RUNNING, "", "s")],
            id="facts-are-told-once",
        ),
        pytest.param(
            [(5, replace(RUNNING, link="https://x")), (6, replace(RUNNING, link="https://x", commit="abc"))],
            [
                DeploymentDetails("web", "https://x", "", ""),
                *moved(Phase.RUNNING),
                DeploymentDetails("web", "https://x", "abc", ""),
            ],
            id="again-when-there-is-more-of-them",
        ),
        pytest.param(
            [(5, replace(RUNNING, commit="abc"))],
            [DeploymentDetails("web", "", "abc", ""), *moved(Phase.RUNNING)],
            id="a-commit-is-enough",
        ),
        pytest.param(
            [(5, replace(RUNNING, server="s"))],
            [DeploymentDetails("web", "", "", "s"), PhaseChanged("web", Phase.RUNNING, "", "s")],
            id="so-is-a-server",
        ),
        pytest.param(
            [(5, replace(RUNNING, link="https://x")), (6, RUNNING), (7, replace(RUNNING, link="https://x"))],
            [DeploymentDetails("web", "https://x", "", ""), *moved(Phase.RUNNING)],
            id="what-is-known-stays-known",
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
            id="the-order-within-one-look",
        ),
    ],
)
def test_what_is_known_is_told_once(looks: list[tuple[float, Observation]], events: list[Event]) -> None:
    assert played(looks)[1] == events


def test_every_line_of_an_additional_server_names_it_and_its_leg() -> None:
    seen = Snapshot(Phase.RUNNING, "in_progress", log=(ONE,), link="https://x", server="berlin")
    assert played([(5, seen)], replace(FRESH, stage=Stage.ADDITIONAL_SERVERS))[1] == [
        DeploymentDetails("web", "https://x", "", "berlin", Stage.ADDITIONAL_SERVERS),
        PhaseChanged("web", Phase.RUNNING, "in_progress", "berlin", Stage.ADDITIONAL_SERVERS),
        LogLines("web", (ONE,), "berlin"),
    ]


@pytest.mark.parametrize("log", [(ONE,), None], ids=["readable", "unreadable"])
def test_nobody_asked_for_the_log_of_what_is_only_to_be_cancelled(log: tuple[Entry, ...] | None) -> None:
    assert played([(5, replace(RUNNING, log=log))], replace(FRESH, stage=Stage.CANCELLATION))[1] == [
        PhaseChanged("web", Phase.RUNNING, "", stage=Stage.CANCELLATION)
    ]


# --- Architecture, rule 5, where lines of several machines arrive out of their order


def line(second: float, name: str = "") -> Entry:
    return Entry((second, name), f"line {second}{name}", written=int((1_700_000_000 + second) * 1e9))


def lines_shown(looks: list[tuple[float, Observation]]) -> list[tuple[str, ...]]:
    _, told = played(looks)
    return [
        tuple(entry.text.removeprefix("line ") for entry in event.entries)
        for event in told
        if isinstance(event, LogLines)
    ]


def reads(*entries: Entry) -> Snapshot:
    return replace(RUNNING, log=entries)


@pytest.mark.parametrize(
    ("looks", "shown"),
    [
        pytest.param([(5, reads(line(1)))], [], id="the-newest-is-held-back"),
        pytest.param([(5, reads(line(1))), (6.9, reads())], [], id="not-for-less-than-two-seconds"),
        pytest.param([(5, reads(line(1))), (7, reads())], [("1",)], id="for-two-seconds"),
        pytest.param(
            [(5, reads(line(1), line(2), line(3)))],
            [("1",)],
            id="what-is-two-seconds-older-than-the-newest-is-shown",
        ),
        pytest.param(
            [(5, reads(line(1), line(2))), (6, reads(line(1.5))), (8, reads())],
            [("1", "1.5", "2")],
            id="a-late-line-finds-its-place",
        ),
        pytest.param(
            [(5, reads(line(1), line(2))), (7, reads(line(1.5)))],
            [("1", "1.5", "2")],
            id="also-in-the-look-that-shows-the-others",
        ),
        pytest.param(
            [(5, reads(line(1))), (7, reads()), (8, reads(line(0.5))), (10, reads())],
            [("1",), ("0.5",)],
            id="too-late-is-late",
        ),
        pytest.param(
            [(5, reads(line(1, "b"), line(1, "a"))), (7, reads())],
            [("1b", "1a")],
            id="of-one-moment-as-they-came",
        ),
        pytest.param(
            [(5, replace(DONE, log=(line(2), line(1))))], [("1", "2")], id="the-end-shows-what-was-held-back"
        ),
        pytest.param(
            [(99, reads(line(1))), (100, PollFailed("HTTP 502"))], [("1",)], id="and-so-does-the-deadline"
        ),
        pytest.param([(5, reads(line(1))), (6, AccessDenied("revoked"))], [("1",)], id="and-what-bars-us"),
        pytest.param(
            [(5, replace(RUNNING, log=(ONE, TWO)))],
            [("1", "2")],
            id="what-is-in-order-by-itself-is-shown-at-once",
        ),
    ],
)
def test_lines_that_arrive_late_keep_their_order(
    looks: list[tuple[float, Observation]], shown: list[tuple[str, ...]]
) -> None:
    assert lines_shown(looks) == shown


@thoroughly
@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0, 2)), max_size=30),
    st.lists(st.floats(0.1, 3), min_size=10, max_size=30),
)
def test_lines_that_are_at_most_two_seconds_late_are_all_shown_once_in_their_order(
    written: list[tuple[float, float]], pauses: list[float]
) -> None:
    """Whatever the pace of the looks: each sees what has arrived since the one before."""
    entries = [
        (second + late, line(round(second, 3), f"-{number}")) for number, (second, late) in enumerate(written)
    ]
    looks: list[tuple[float, Observation]] = []
    at = 0.0
    for pause_ in pauses:
        looks.append(
            (at + pause_, reads(*(entry for arrived, entry in entries if at <= arrived < at + pause_)))
        )
        at += pause_
    looks.append((at + 99, replace(DONE, log=tuple(entry for arrived, entry in entries if arrived >= at))))
    _, told = played(looks, replace(FRESH, deadline=BEGAN + 1000))
    listed = [entry for event in told if isinstance(event, LogLines) for entry in event.entries]
    assert sorted(entry.text for entry in listed) == sorted(entry.text for _, entry in entries)
    assert [entry.written for entry in listed] == sorted(entry.written for entry in listed)
