"""Deployments and how far each has come at a given simulated second: a pure function of its script and of what was done to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from deployer.simulator.replies import body_of, record
from deployer.simulator.script import Change, Line, Script, and_then, before

LAST_WORDS = 4  # entries that the worker, and after it the web process, write once a running deployment was cancelled
DYING = 1.5  # simulated seconds between a cancel and the worker's noticing it


@dataclass(frozen=True, slots=True)
class App:
    """One application on the server. `fields` replace those of the recorded one."""

    script: Script
    name: str = "web"
    fqdn: str = "http://web.example.com"
    kind: str = "git"  # or "image": its rows keep the commit HEAD (contract 5.1 quirk 3)
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Row:
    """A deployment. Times are simulated seconds since the stage's first request; `cancelled` and `resumed` are set later."""

    id: int
    uuid: str
    app: App
    app_uuid: str
    app_id: int
    script: Script
    created: float
    mine: bool = True
    force: bool = False
    instant: bool = False
    follows: "Row | None" = None
    cancelled: float | None = None
    stands: float = inf  # it stands still after so many seconds of its script …
    resumed: float = inf  # … until this moment

    @property
    def began(self) -> float:
        """When it left the queue; infinite while that is not known."""
        return self.created if self.follows is None or self.instant else max(self.created, self.follows.over)

    @property
    def over(self) -> float:
        """When it made room for the next one of the same application; infinite while that is not known."""
        began, end = self.began, self.script.end
        natural = began + end if self.stands >= end else max(self.resumed, began + self.stands) + end - self.stands
        return natural if self.cancelled is None else min(natural, self.cancelled)

    def elapsed(self, now: float) -> float:
        """Seconds of its script that have been played; negative while it is queued."""
        began = self.began
        passed = now - began
        return passed if passed <= self.stands else self.stands + max(0.0, now - max(self.resumed, began + self.stands))

    def at(self, now: float) -> tuple[Script, float, float]:
        """The script that it plays, the moment at which that script's second 0 was, and the seconds of it that have been played.

        These are negative while it is queued.
        """
        if self.cancelled is None or self.cancelled > now:
            return self.script, self.began, self.elapsed(now)
        if self.cancelled < self.began:
            return with_cancel(Script((), ()), self.cancelled - self.created), self.created, now - self.created
        return with_cancel(self.script, self.elapsed(self.cancelled)), self.began, self.elapsed(now)


def with_cancel(script: Script, at: float) -> Script:
    """The same deployment, cancelled after so many seconds.

    Running: its next entry gets lost when the worker writes its own, the "not yet started" one comes last, `finished_at` is set.
    Queued (it has no lines), or not yet in a worker's hands: one entry, and `finished_at` stays null for ever (contract 17.1 rows 6 and 7).
    """
    said = Line(at, **_said())
    if not script.lines or at < script.lines[0].at:
        return Script((said,), (Change(at, {"status": "cancelled-by-user"}),))
    tape = record("sequence_cancel_while_running")["entries"][-LAST_WORDS:]
    words = tuple(Line(**{**entry, "at": at + DYING + entry["at"] - tape[0]["at"]}) for entry in tape)
    so_far = before(script, at)
    ends = (Change(at, {"status": "cancelled-by-user"}), Change(words[-1].at, {"finished_at": True}))

    def shown(entries: list[dict[str, Any]], elapsed: float) -> list[dict[str, Any]]:
        lost = len(so_far.lines)
        return entries if elapsed < words[0].at else numbered(entries[:lost] + entries[lost + 1 :])

    played = and_then(so_far, (said, *words), ends)
    return Script(played.lines, played.changes, shown)


def _said() -> dict[str, Any]:
    entry = json.loads(body_of("deployment_cancelled")["logs"])[0]
    return {key: entry[key] for key in ("output", "command", "type", "hidden", "batch")}


def numbered(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries as they are written one after another: `order` is the place in the list, and the first has none (contract 6.1)."""
    bare = [{key: value for key, value in entry.items() if key != "order"} for entry in entries]
    return [{**entry, "order": place} if place > 1 else entry for place, entry in enumerate(bare, start=1)]
