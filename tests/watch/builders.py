"""Watches and snapshots for the tests of watch.py."""

from __future__ import annotations

from dataclasses import replace

from deployer.model import (
    Certainty,
    Entry,
    Event,
    Handle,
    Observation,
    Outcome,
    Owner,
    Phase,
    PhaseChanged,
    Snapshot,
    Stage,
)
from deployer.watch import SITE_RESPONDS, Verdict, Watch, WatchResult, observe

HANDLE = Handle("web", "web-1")


START, DEADLINE = 1000.0, 1100.0


FRESH = Watch(HANDLE, began=START, deadline=DEADLINE)


QUEUED, RUNNING, UNKNOWN = Snapshot(Phase.QUEUED), Snapshot(Phase.RUNNING), Snapshot(Phase.UNKNOWN)


DONE, BROKEN, ABSENT = Snapshot(Phase.SUCCEEDED), Snapshot(Phase.FAILED), Snapshot(Phase.ABSENT)


ONE, TWO, THREE, FOUR = (Entry(key, f"line {key}") for key in "1234")


def phase_changes(*phases: Phase) -> list[Event]:
    return [PhaseChanged("web", phase, "") for phase in phases]


def observe_all(polls: list[tuple[float, Observation]], watch: Watch = FRESH) -> tuple[Watch, list[Event]]:
    """Return the watch after these polls, with its events. Times are seconds since its start."""
    reported: list[Event] = []
    for after_seconds, observation in polls:
        assert watch.result is None, "a watch that has ended is not polled"
        watch, events = observe(watch, observation, START + after_seconds)
        reported += events
    return watch, reported


def result_of(polls: list[tuple[float, Observation]]) -> WatchResult | None:
    return observe_all(polls)[0].result


STATUS_UNREADABLE = "the deployment continues on the server, but its status can no longer be read: revoked"


def snapshot(phase: Phase, stable_for: float = 10, reason: str = "") -> Snapshot:
    """Return a snapshot whose phase counts once it is stable for so many seconds."""
    return Snapshot(phase, stable_for=stable_for, reason=reason)


UP = Snapshot(Phase.SUCCEEDED, "running:healthy", stable_for=60, final=False)


DOWN = Snapshot(
    Phase.FAILED, "exited:unhealthy", stable_for=60, final=False, reason="it does not run: exited:unhealthy"
)


STARTING = Snapshot(Phase.RUNNING, "starting:unknown", reason="its status was still starting:unknown")


CONFIRMED, UNCONFIRMED, PHANTOM, MAYBE_PHANTOM = (
    Handle("web", "web-1", certainty)
    for certainty in (
        Certainty.CONFIRMED,
        Certainty.UNCONFIRMED,
        Certainty.PHANTOM,
        Certainty.POSSIBLY_PHANTOM,
    )
)


ADOPTED = Handle("web", "web-1", owner=Owner.OTHERS)


UNSURE_OWNER = replace(ADOPTED, owner=Owner.UNSURE)


OF_OTHERS = (Handle("web", "web-2", owner=Owner.OTHERS),)


ON_OTHER_SERVERS = (Handle("web", "web-2"), Handle("web", "web-3"))


HEALTH = Handle("web", "", condition="healthy")


CANCELLED_BY_OTHERS = "the deployment that was followed was cancelled by somebody else"


FINISHED = Verdict(Outcome.FINISHED, "")


FINISHED_WITH_HEALTH = Verdict(Outcome.FINISHED, "", HEALTH)


NOT_FINISHED = "it was still being built or started"


def final_watch(
    last: Observation, *, handle: Handle = CONFIRMED, before: list[tuple[float, Observation]] | None = None
) -> Watch:
    """Return a watch that ended with a poll at the deadline."""
    return observe_all([*(before or []), (100, last)], replace(FRESH, handle=handle))[0]


def final_watch_on(server: str, last: Snapshot) -> Watch:
    """Return the ended watch of a deployment on an additional server."""
    return final_watch(replace(last, server=server))


ON_BERLIN = "on the additional server berlin: "


def health_watch(*polls: tuple[float, Observation]) -> Watch:
    return observe_all(list(polls), replace(FRESH, handle=HEALTH, stage=Stage.HEALTH))[0]


HEALTH_UNKNOWN = "unknown whether it is running: "


OK_RESPONSE = Snapshot(Phase.SUCCEEDED, "HTTP 200", stable_for=1, final=False)


ERROR_RESPONSE = Snapshot(Phase.RUNNING, "HTTP 502", reason="https://web.example.com responded with HTTP 502")


SITE_CONDITION = Handle("web", "", condition=SITE_RESPONDS)
