"""The log of an app and of its staging, from log-cache (cloudfoundry-api 9).

Best effort: a failure in here never changes a verdict.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from deployer.http.client import Response
from deployer.model import Entry, RefusedError, UnavailableError
from deployer.model.text import one_line
from deployer.providers import payload
from deployer.providers.cloudfoundry.api.client import Client

MAX_ENVELOPES = 1000
"""Envelopes of one response: the most that log-cache sends."""

MAX_PAGES = 5
"""How many full responses one poll reads."""

OVERLAP_NANOSECONDS = 2_000_000_000
"""What is read again by each poll: lines of several cells arrive out of order."""

READ_SECONDS = 5.0
"""How long to wait for a response: a log must not delay a poll."""

MAX_LOG_FAILURES = 5
"""Failures in a row after which the log is given up."""

MAX_ERROR_LINES = 5
"""How many error lines of a staging are kept for its failure reason."""

STAGING, PLATFORM, ROUTER = "STG", "API", "RTR"
GIVEN_UP = (
    "could not read the log {} times in a row ({}): it is no longer printed. "
    "To read it, run `cf logs APP --recent`"
)
NO_LOGS = "this Cloud Foundry has no log-cache: no log is printed"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log."""

    time: int
    """Nanoseconds of the server's clock."""
    source: str
    """What wrote it, such as `APP/PROC/WEB`, `CELL` or `STG`."""
    instance: str
    """The index of the instance that wrote it; empty if none did."""
    process: str
    """The guid of the process that wrote it; empty if none did."""
    text: str
    error: bool
    """Written to stderr."""

    @property
    def key(self) -> bytes:
        """Identifies the line among all others, except for its duplicates."""
        parts = "\0".join((str(self.time), self.source, self.instance, str(self.error), self.text))
        return hashlib.blake2b(parts.encode("utf-8", "replace"), digest_size=16).digest()

    @property
    def shown(self) -> str:
        """As `cf logs` prints it, without the time."""
        source = f"{self.source}/{self.instance}" if self.instance else self.source
        return f"[{source}] {self.text}"

    @property
    def from_platform(self) -> bool:
        """Written by the platform itself, or by a staging."""
        return self.source in {STAGING, PLATFORM}


@dataclass(frozen=True, slots=True)
class Batch:
    """The lines of one response, in the order of their time."""

    lines: list[Line]
    full: bool
    """There may be more lines after these. Envelopes that can't be read count, too."""


def read(data: Any) -> Batch | None:
    """PURE. The lines of a response; None if it has another format."""
    envelopes = payload.value(data, "envelopes", "batch")
    if not isinstance(envelopes, list):
        return None
    lines = [line for each in envelopes if (line := _line(each))]
    return Batch(sorted(lines, key=lambda line: line.time), len(envelopes) >= MAX_ENVELOPES)


def _line(envelope: Any) -> Line | None:
    """The line of an envelope; None if it has none that can be read.

    Numbers are strings, but not in Korifi; a missing `type` means OUT (cloudfoundry-api 9).
    """
    log = envelope.get("log") if isinstance(envelope, dict) else None
    if not isinstance(log, dict):
        return None
    tags = payload.record(envelope, "tags")
    try:
        time = int(str(envelope.get("timestamp"))[:30])
        text = base64.b64decode(str(log.get("payload") or "")).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return None
    source, instance = one_line(tags.get("source_type")) or "LOG", one_line(envelope.get("instance_id"))
    return Line(
        time, source, instance, one_line(tags.get("process_id")), text, error=log.get("type") in ("ERR", 1)
    )


LineFilter = Callable[[Line], bool]


def of_staging(line: Line) -> bool:
    """PURE. Whether a line belongs to a staging. What runs meanwhile keeps writing lines as well."""
    return line.from_platform


def of_processes(guids: frozenset[str]) -> LineFilter:
    """PURE. Selects the lines of these processes, and those of no process, but not the router's requests."""

    def selects(line: Line) -> bool:
        if line.source == ROUTER:
            return False
        return line.from_platform or not line.process or not guids or line.process in guids

    return selects


@dataclass
class AppLog:
    """Reads one app's log, each line once."""

    api: Client
    guid: str
    """The guid of the app."""
    since: int | None = None
    """Up to which time of the server's clock the log was read; None if it is unknown yet."""
    staging_errors: list[str] = field(default_factory=list)
    """The last lines that a staging wrote as errors: only they name the reason of its failure."""
    _counts: dict[tuple[int, bytes], int] = field(default_factory=dict)
    """How many duplicates of each line were read, for the lines that are read again."""
    _failures: int = 0
    _given_up: bool = False
    _warnings: tuple[str, ...] = ()
    """Warnings that were not reported yet."""

    def begin(self) -> None:
        """Skip what was logged so far, by the server's clock. Only the first call has an effect."""
        if self.since is not None:
            return
        found = self._read({"limit": "1", "descending": "true"})
        if found is not None:
            self.since = max((line.time for line in found.lines), default=-1) + 1

    def new_entries(self, selects: LineFilter) -> tuple[Entry, ...]:
        """The selected lines that were not read before."""
        self.begin()
        entries: list[Entry] = []
        for _ in range(MAX_PAGES):
            if self.since is None:
                break
            found = self._read({"start_time": str(self.since), "limit": str(MAX_ENVELOPES)})
            if found is None:
                break
            entries += [self._entry(line, count) for line, count in self._unread(found) if selects(line)]
            self._advance(found)
            if not found.full:
                break
        return tuple(entries)

    def take_warnings(self) -> tuple[str, ...]:
        """What people should know about the log; each warning is returned once."""
        warnings, self._warnings = self._warnings, ()
        return warnings

    def _unread(self, found: Batch) -> list[tuple[Line, int]]:
        """The lines that were not read before, each with how many duplicates there are up to it."""
        counts: Counter[tuple[int, bytes]] = Counter()
        unread: list[tuple[Line, int]] = []
        for line in found.lines:
            key = (line.time, line.key)
            counts[key] += 1
            if line.time < (self.since or 0) or counts[key] <= self._counts.get(key, 0):
                continue
            self._counts[key] = counts[key]
            if line.error and line.source == STAGING:
                self.staging_errors = [*self.staging_errors, line.text][-MAX_ERROR_LINES:]
            unread.append((line, counts[key]))
        return unread

    @staticmethod
    def _entry(line: Line, count: int) -> Entry:
        """With `count`, the key is unique among all entries that are ever shown."""
        key = (line.time, line.key, count)
        return Entry(key, line.shown, from_platform=line.from_platform, written=line.time)

    def _advance(self, found: Batch) -> None:
        """Continue after a full response; otherwise read the last lines again.

        If a full response has only lines of the same time, the rest of that time is skipped.
        """
        since = self.since or 0
        last = max((line.time for line in found.lines), default=since)
        if found.full:
            self.since = last if last > since else since + 1
        else:
            self.since = max(since, last - OVERLAP_NANOSECONDS)
        self._counts = {key: count for key, count in self._counts.items() if key[0] >= self.since}

    def _read(self, params: dict[str, str]) -> Batch | None:
        """One request; None if there is no usable response."""
        if self._given_up:
            return None
        try:
            response = self.api.logs(
                f"/api/v1/read/{quote(self.guid, safe='')}",
                {**params, "envelope_types": "LOG"},
                timeout=READ_SECONDS,
            )
        except (RefusedError, UnavailableError) as error:
            self._failed(error.reason)
            return None
        if response is None:
            self._give_up(NO_LOGS)
            return None
        found = read(response.data) if response.status == 200 else None
        if found is None:
            self._failed(_problem(response))
        else:
            self._failures = 0
        return found

    def _failed(self, reason: str) -> None:
        self._failures += 1
        if self._failures >= MAX_LOG_FAILURES:
            self._give_up(GIVEN_UP.format(MAX_LOG_FAILURES, reason))

    def _give_up(self, warning: str) -> None:
        self._given_up, self._warnings = True, (warning,)


def _problem(response: Response) -> str:
    return f"HTTP {response.status}" if response.status != 200 else "unrecognized response"
