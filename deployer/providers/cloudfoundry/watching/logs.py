"""The log of an app and of its staging, from log-cache (cloudfoundry-api 9). Best effort: nothing that fails here changes a verdict."""

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
"""Envelopes of one answer: the most that there are."""

MAX_PAGES = 5
"""Full answers that are read in one look."""

OVERLAP_NANOSECONDS = 2_000_000_000
"""Nanoseconds that are read again each time: lines of several cells arrive out of their order."""

READ_SECONDS = 5.0
"""Seconds for an answer: a log must not hold up a look."""

MAX_LOG_FAILURES = 5
"""In a row, after which it is given up."""

MAX_ERROR_LINES = 5
"""Lines of a staging's errors that are kept for its reason."""

STAGING, PLATFORM, ROUTER = "STG", "API", "RTR"
GIVEN_UP = "the log could not be read {} times in a row ({}): it is not shown any more. `cf logs APP --recent` has it"
NO_LOGS = "this Cloud Foundry has no log-cache: no log is shown"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log. `time`: nanoseconds of the server's clock; `process`: the guid of the process that wrote it, if any did."""

    time: int
    source: str
    instance: str
    process: str
    text: str
    error: bool

    @property
    def key(self) -> bytes:
        """What tells it from every other but its doubles."""
        parts = "\0".join((str(self.time), self.source, self.instance, str(self.error), self.text))
        return hashlib.blake2b(parts.encode("utf-8", "replace"), digest_size=16).digest()

    @property
    def shown(self) -> str:
        """As `cf logs` writes it, without the time."""
        return (
            f"[{self.source}/{self.instance}] {self.text}"
            if self.instance
            else f"[{self.source}] {self.text}"
        )


@dataclass(frozen=True, slots=True)
class Read:
    """The lines of one answer by their time. `full`: there are more behind them; what can't be read counts for that, too."""

    lines: list[Line]
    full: bool


def read(data: Any) -> Read | None:
    """PURE. None for an answer of another shape."""
    batch = payload.value(data, "envelopes", "batch")
    if not isinstance(batch, list):
        return None
    return Read(
        sorted((line for each in batch if (line := _line(each))), key=lambda line: line.time),
        len(batch) >= MAX_ENVELOPES,
    )


def _line(envelope: Any) -> Line | None:
    """Numbers come as strings, from a Korifi as numbers; `type` may be missing, which is OUT (cloudfoundry-api 9)."""
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
    """PURE. What belongs to a staging; what runs meanwhile goes on writing."""
    return line.source in {STAGING, PLATFORM}


def of_processes(guids: frozenset[str]) -> Wanted:
    """PURE. What belongs to these processes, or to none; the requests that the router has seen are not of interest."""

    def wanted(line: Line) -> bool:
        return line.source != ROUTER and (
            line.source in {STAGING, PLATFORM} or not line.process or not guids or line.process in guids
        )

    return wanted


@dataclass
class AppLog:
    """Where one app's log has been read to. `since` is a time of the server's clock; None: not known yet.

    `errors`: the last lines that staging wrote as errors; they alone say why it failed.
    """

    api: Client
    guid: str
    since: int | None = None
    errors: list[str] = field(default_factory=list)
    _seen: dict[tuple[int, bytes], int] = field(default_factory=dict)
    _failures: int = 0
    _given_up: bool = False
    _news: tuple[str, ...] = ()

    def begin(self) -> None:
        """From the newest line on that there is now, by the server's clock; only once."""
        if self.since is None and (found := self._read({"limit": "1", "descending": "true"})) is not None:
            self.since = max((line.time for line in found.lines), default=-1) + 1

    def fresh(self, wanted: Wanted) -> tuple[Entry, ...]:
        """The lines that were not read yet, each once."""
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

    def trouble(self) -> tuple[str, ...]:
        """What people should know of it, told once."""
        news, self._news = self._news, ()
        return news

    def _new(self, found: list[Line], wanted: Wanted) -> list[Entry]:
        """An entry's key holds how many of its doubles came before it: it is alone in all that is ever shown."""
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
        """A full answer is followed by what comes after it, however much there is of the same moment."""
        since = self.since or 0
        last = max((line.time for line in found.lines), default=since)
        if found.full:
            self.since = last if last > since else since + 1
        else:
            self.since = max(since, last - OVERLAP_NANOSECONDS)
        self._seen = {key: count for key, count in self._seen.items() if key[0] >= self.since}

    def _read(self, params: dict[str, str]) -> Read | None:
        """One question. Its 404 means anything, also a token that is not taken."""
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
            self._failed(_said(response))
        else:
            self._failures = 0
        return found

    def _failed(self, why: str) -> None:
        self._failures += 1
        if self._failures >= MAX_LOG_FAILURES:
            self._give_up(GIVEN_UP.format(MAX_LOG_FAILURES, why))

    def _give_up(self, why: str) -> None:
        self._given_up, self._news = True, (why,)


def _said(response: Response) -> str:
    return f"HTTP {response.status}" if response.status != 200 else "an answer of another shape"
