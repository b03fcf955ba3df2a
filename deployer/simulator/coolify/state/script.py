"""The course of one deployment: its log lines and record over time, from `replies/sequence_*.json`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from deployer.simulator.coolify.replies import record

TERMINAL = frozenset({"finished", "failed", "cancelled-by-user"})  # coolify-api 6


@dataclass(frozen=True, slots=True)
class Line:
    """One log entry (coolify-api 6.1). `at`: simulated seconds since the worker started the deployment."""

    at: float
    output: str
    command: str | None = None
    type: str = "stdout"
    hidden: bool = False
    batch: int = 1


@dataclass(frozen=True, slots=True)
class Change:
    """New values of the record's fields at `at`. `finished_at: True` stands for that moment."""

    at: float
    fields: Mapping[str, Any] = field(default_factory=dict)


def as_written(entries: list[dict[str, Any]], _elapsed: float) -> list[dict[str, Any]]:
    """The log entries unchanged, as real servers return them."""
    return entries


@dataclass(frozen=True, slots=True)
class Script:
    """A deployment from start to end.

    `shown` may change the list of log entries, given the elapsed seconds.
    """

    lines: tuple[Line, ...]
    changes: tuple[Change, ...]
    shown: Callable[[list[dict[str, Any]], float], list[dict[str, Any]]] = as_written

    @property
    def end(self) -> float:
        """When the status becomes terminal; infinite if it never does."""
        return min(
            (change.at for change in self.changes if change.fields.get("status") in TERMINAL), default=inf
        )

    @property
    def ending(self) -> str:
        """The terminal status; empty if there is none."""
        return next(
            (
                str(change.fields["status"])
                for change in self.changes
                if change.fields.get("status") in TERMINAL
            ),
            "",
        )


def recorded(name: str, seconds: float) -> Script:
    """The recorded deployment `sequence_<name>`, stretched to end after this many simulated seconds."""
    tape = record(f"sequence_{name}")
    plain = Script(
        tuple(
            Line(**{key: value for key, value in entry.items() if key != "derived"})
            for entry in tape["entries"]
        ),
        tuple(Change(change["at"], change["fields"]) for change in tape["changes"]),
    )
    factor = seconds / plain.end
    return Script(
        tuple(replace(line, at=line.at * factor) for line in plain.lines),
        tuple(replace(change, at=change.at * factor) for change in plain.changes),
    )


def before(script: Script, at: float) -> Script:
    """The script up to `at`, where the deployment halts."""
    return replace(
        script,
        lines=tuple(line for line in script.lines if line.at <= at),
        changes=tuple(change for change in script.changes if change.at <= at),
    )


def and_then(script: Script, lines: tuple[Line, ...] = (), changes: tuple[Change, ...] = ()) -> Script:
    """The script with more lines and changes, in order of time."""
    return replace(
        script,
        lines=tuple(sorted((*script.lines, *lines), key=lambda line: line.at)),
        changes=tuple(sorted((*script.changes, *changes), key=lambda change: change.at)),
    )


def delayed(script: Script, since: float, seconds: float) -> Script:
    """The script with everything from `since` on that many seconds later."""
    return replace(
        script,
        lines=tuple(
            replace(line, at=line.at + seconds) if line.at >= since else line for line in script.lines
        ),
        changes=tuple(
            replace(change, at=change.at + seconds) if change.at >= since else change
            for change in script.changes
        ),
    )


def elsewhere(script: Script, server: str) -> Script:
    """The script on another server than the main one, which is called localhost."""
    return replace(
        script,
        lines=tuple(replace(line, output=line.output.replace("localhost", server)) for line in script.lines),
    )
