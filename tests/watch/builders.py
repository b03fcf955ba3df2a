"""Watches and snapshots, as the tests of watch.py need them."""

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


BEGAN, DEADLINE = 1000.0, 1100.0


FRESH = Watch(HANDLE, began=BEGAN, deadline=DEADLINE)


QUEUED, RUNNING, UNKNOWN = Snapshot(Phase.QUEUED), Snapshot(Phase.RUNNING), Snapshot(Phase.UNKNOWN)


DONE, BROKEN, GONE = Snapshot(Phase.SUCCEEDED), Snapshot(Phase.FAILED), Snapshot(Phase.ABSENT)


ONE, TWO, THREE, FOUR = (Entry(key, f"line {key}") for key in "1234")


def moved(*phases: Phase) -> list[Event]:
    return [PhaseChanged("web", phase, "") for phase in phases]


def played(looks: list[tuple[float, Observation]], watch: Watch = FRESH) -> tuple[Watch, list[Event]]:
    """What a row of looks makes of a watch. The times are seconds since it began."""
    told: list[Event] = []
    for after_seconds, observation in looks:
        assert watch.result is None, "an ended watch is not looked at"
        watch, events = observe(watch, observation, BEGAN + after_seconds)
        told += events
    return watch, told


def ended(looks: list[tuple[float, Observation]]) -> WatchResult | None:
    return played(looks)[0].result


GOES_ON = "the deployment continues on the server, but its status can't be read any more: revoked"


def held(phase: Phase, hold: float = 10, reason: str = "") -> Snapshot:
    return Snapshot(phase, stable_for=hold, reason=reason)


UP = Snapshot(Phase.SUCCEEDED, "running:healthy", stable_for=60, final=False)


DOWN = Snapshot(
    Phase.FAILED, "exited:unhealthy", stable_for=60, final=False, reason="it does not run: exited:unhealthy"
)


STARTING = Snapshot(Phase.RUNNING, "starting:unknown", reason="its status was still starting:unknown")


SURE, DOUBTFUL, PHANTOM, LISTED = (
    Handle("web", "web-1", trust)
    for trust in (Certainty.CONFIRMED, Certainty.UNCONFIRMED, Certainty.PHANTOM, Certainty.POSSIBLY_PHANTOM)
)


ADOPTED = Handle("web", "web-1", owner=Owner.OTHERS)


PERHAPS_OURS = replace(ADOPTED, owner=Owner.UNSURE)


REAL = (Handle("web", "web-2", owner=Owner.OTHERS),)


OTHERS = (Handle("web", "web-2"), Handle("web", "web-3"))


PROOF = Handle("web", "", condition="healthy")


SOMEBODY = "the deployment that we followed was cancelled by somebody else"


FINE = Verdict(Outcome.FINISHED, "")


PROVABLE = Verdict(Outcome.FINISHED, "", PROOF)


LATE = "it was still being built or started"


def over(
    last: Observation, *, handle: Handle = SURE, before: list[tuple[float, Observation]] | None = None
) -> Watch:
    """A watch that has come to its end by a look at the deadline."""
    return played([*(before or []), (100, last)], replace(FRESH, handle=handle))[0]


def on(server: str, last: Snapshot) -> Watch:
    """The watch of an additional server's deployment."""
    return over(replace(last, server=server))


HERE = "on the additional server berlin: "


def health(*looks: tuple[float, Observation]) -> Watch:
    return played(list(looks), replace(FRESH, handle=PROOF, stage=Stage.HEALTH))[0]


UNSEEN = "nobody could see whether it runs: "


GOOD_ANSWER = Snapshot(Phase.SUCCEEDED, "HTTP 200", stable_for=1, final=False)


BAD_ANSWER = Snapshot(Phase.RUNNING, "HTTP 502", reason="https://web.example.com responded with HTTP 502")


VISITED = Handle("web", "", condition=SITE_RESPONDS)
