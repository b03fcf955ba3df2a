"""The log of an app and its staging, from log-cache (cloudfoundry-api 9). Failures never change a verdict."""

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
"""The largest number of envelopes in one response."""

MAX_PAGES = 5
"""How many full responses are read in one poll."""

OVERLAP_NANOSECONDS = 2_000_000_000
"""Nanoseconds that are read again each time, since lines of several cells arrive out of order."""

READ_SECONDS = 5.0
"""Read timeout: the log must not delay a poll."""

MAX_LOG_FAILURES = 5
"""Failures in a row after which the log is no longer read."""

MAX_ERROR_LINES = 5
"""How many error lines of a staging are kept for its reason."""

STAGING, PLATFORM, ROUTER = "STG", "API", "RTR"
GIVEN_UP = (
    "could not read the log {} times in a row ({}), so it is no longer shown. To see it, run `cf logs APP "
    "--recent`"
)
NO_LOGS = "no log is shown, because this Cloud Foundry has no log-cache"


@dataclass(frozen=True, slots=True)
class Line:
    """One log line."""

    time: int
    """Nanoseconds of the server's clock."""
    source: str
    instance: str
    process: str
    """The guid of the process that wrote it; empty if none did."""
    text: str
    error: bool

    @property
    def key(self) -> bytes:
        """A hash that only identical lines share."""
        parts = "\0".join((str(self.time), self.source, self.instance, str(self.error), self.text))
        return hashlib.blake2b(parts.encode("utf-8", "replace"), digest_size=16).digest()

    @property
    def shown(self) -> str:
        """The line as `cf logs` prints it, without the time."""
        return (
            f"[{self.source}/{self.instance}] {self.text}"
            if self.instance
            else f"[{self.source}] {self.text}"
        )


@dataclass(frozen=True, slots=True)
class Read:
    """The lines of one response in order of time.

    `full`: there may be more; unreadable envelopes count, too.
    """

    lines: list[Line]
    full: bool


def read(data: Any) -> Read | None:
    """PURE. The lines of a response; None for a response of another shape."""
    batch = payload.value(data, "envelopes", "batch")
    if not isinstance(batch, list):
        return None
    return Read(
        sorted((line for each in batch if (line := _line(each))), key=lambda line: line.time),
        len(batch) >= MAX_ENVELOPES,
    )


def _line(envelope: Any) -> Line | None:
    """One line; None if unreadable.

    Numbers are strings, but numbers on Korifi; `type` defaults to OUT (cloudfoundry-api 9).
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


Wanted = Callable[[Line], bool]


def of_staging(line: Line) -> bool:
    """PURE. Whether a line belongs to the staging rather than to the running app."""
    return line.source in {STAGING, PLATFORM}


def of_processes(guids: frozenset[str]) -> Wanted:
    """PURE. Selects lines of these processes, or of none, without the router's access log."""

    def wanted(line: Line) -> bool:
        return line.source != ROUTER and (
            line.source in {STAGING, PLATFORM} or not line.process or not guids or line.process in guids
        )

    return wanted


@dataclass
class AppLog:
    """Reads one app's log, each line once."""

    api: Client
    guid: str
    since: int | None = None
    """From where the log is read next, in nanoseconds of the server's clock; None: not known yet."""
    errors: list[str] = field(default_factory=list)
    """The last error lines of the staging, which alone have the reason if it fails."""
    _seen: dict[tuple[int, bytes], int] = field(default_factory=dict)
    _failures: int = 0
    _given_up: bool = False
    _warnings: tuple[str, ...] = ()

    def begin(self) -> None:
        """Start after the newest existing line, by the server's clock. Only the first call has an effect."""
        if self.since is None and (found := self._read({"limit": "1", "descending": "true"})) is not None:
            self.since = max((line.time for line in found.lines), default=-1) + 1

    def fresh(self, wanted: Wanted) -> tuple[Entry, ...]:
        """The new lines."""
        self.begin()
        entries: list[Entry] = []
        for _ in range(MAX_PAGES):
            if (
                self.since is None
                or (found := self._read({"start_time": str(self.since), "limit": str(MAX_ENVELOPES)})) is None
            ):
                break
            entries += self._new(found.lines, wanted)
            self._move_on(found)
            if not found.full:
                break
        return tuple(entries)

    def warnings(self) -> tuple[str, ...]:
        """New warnings, each only once."""
        warnings, self._warnings = self._warnings, ()
        return warnings

    def _new(self, found: list[Line], wanted: Wanted) -> list[Entry]:
        """The new entries. A key includes how many identical lines came before, which makes it unique."""
        counts: Counter[tuple[int, bytes]] = Counter()
        entries: list[Entry] = []
        for line in found:
            key = (line.time, line.key)
            counts[key] += 1
            if line.time < (self.since or 0) or counts[key] <= self._seen.get(key, 0):
                continue
            self._seen[key] = counts[key]
            if line.error and line.source == STAGING:
                self.errors = [*self.errors, line.text][-MAX_ERROR_LINES:]
            if wanted(line):
                entries.append(
                    Entry(
                        (*key, counts[key]),
                        line.shown,
                        from_platform=line.source in {STAGING, PLATFORM},
                        written=line.time,
                    )
                )
        return entries

    def _move_on(self, found: Read) -> None:
        """After a full response continue after its last line, even if there are more of the same moment."""
        since = self.since or 0
        last = max((line.time for line in found.lines), default=since)
        if found.full:
            self.since = last if last > since else since + 1
        else:
            self.since = max(since, last - OVERLAP_NANOSECONDS)
        self._seen = {key: count for key, count in self._seen.items() if key[0] >= self.since}

    def _read(self, params: dict[str, str]) -> Read | None:
        """Send one request. A 404 can mean anything, including an invalid token."""
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
    return f"HTTP {response.status}" if response.status != 200 else "a response of another shape"
