"""Writes the build log to the job log and to a file: folded, prefixed, limited, or kept until a failure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

from deployer.ci import output
from deployer.ci.base import CI
from deployer.ci.output import Redactor
from deployer.model import Entry
from deployer.model.text import suffix
from deployer.report.cuts import Cuts
from deployer.report.options import ReportOptions
from deployer.report.target_report import TargetReport

RESERVED_BYTES = 512 * 1024
"""The part of the CI system's log limit that is reserved for what follows the build log (ci-formats 2)."""

MAX_TAIL_LINES, MAX_TAIL_BYTES = 200, 128 * 1024
"""How much of the end of a log is printed if its middle has to be left out, for all targets together."""

BATCH_ENTRIES = 1000
"""Entries that are processed together."""

MAX_KEPT_LINES = 2000
"""Lines per target that are kept for `logs: failure`."""


class BuildLog:
    """Writes the build logs of all targets.

    `failed` is called with a file that can't be written, and the error.
    """

    def __init__(
        self, ci: CI, redact: Redactor, options: ReportOptions, failed: Callable[[str, OSError], None]
    ) -> None:
        self._ci = ci
        self._options = options
        self._failed = failed
        self._folded = False
        self._bytes_left = ci.log_limit - RESERVED_BYTES if ci.log_limit else None
        self._tails: dict[str, deque[str]] = {}
        """The last lines for which there was no room in the job log."""
        self._tail_bytes_left = MAX_TAIL_BYTES
        self._reader_behind = False
        self._kept: dict[str, list[str]] = {}
        self._redact = redact
        self._cuts = Cuts(redact)
        self._servers: dict[str, set[str]] = {}
        self._file: output.LogFile | None = None
        self.several = len(options.targets) > 1
        """There are several targets: each line names its own."""

    def open(self) -> str:
        """Create `log_file`, even if nothing will be built. Returns its name, or empty if there is none."""
        if not self._options.log_file:
            return ""
        try:
            self._file = output.LogFile(Path(self._options.log_file), self._redact)
        except OSError as error:
            self._failed(self._options.log_file, error)
            return ""
        return self._options.log_file

    def add(self, report: TargetReport, entries: tuple[Entry, ...], server: str = "") -> bool:
        """Write new entries of one target, from an additional server if one is named.

        Returns whether a line was printed.

        Hidden entries are only included on request: they may contain secrets.
        """
        shown = [entry.text for entry in entries if self._options.hidden_logs or not entry.hidden]
        self._servers.setdefault(report.target.id, set()).add(server)
        printed = False
        for start in range(0, len(shown), BATCH_ENTRIES):  # so that a large log is not in memory twice
            batch = shown[start : start + BATCH_ENTRIES]
            lines = self._cuts.lines((report.target.id, server), batch)
            printed = self._write(report, server, lines) or printed
        return printed

    def _write(self, report: TargetReport, server: str, whole: list[str]) -> bool:
        who = [name for name in (report.target.label if self.several else "", server) if name]
        prefix = f"[{' on '.join(who)}] " if who else ""
        self._write_file([prefix + line for line in whole] if prefix else whole)
        lines = [piece for line in whole for piece in output.pieces(line)]
        if prefix:
            lines = [prefix + line for line in lines]
        if self._options.logs == "live":
            self._say(report, lines)
            return bool(lines)
        if self._options.logs == "failure":
            kept = self._kept.setdefault(report.target.id, [])
            kept += lines
            del kept[:-MAX_KEPT_LINES]
        return False

    def end(self, report: TargetReport) -> None:
        """No further entries will come: write what was waiting for one."""
        for server in sorted(self._servers.pop(report.target.id, ())):
            self._write(report, server, self._cuts.rest((report.target.id, server)))
        self._say_tail(report)

    def show_kept(self, report: TargetReport) -> None:
        """Print what was kept for a failure."""
        self._say(report, self._kept.pop(report.target.id, []))

    def close(self) -> None:
        """End the folded section."""
        if self._folded:
            self._folded = False
            self._ci.endgroup()

    def finish(self) -> None:
        """End the folded section and close the file."""
        self.close()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _say(self, report: TargetReport, lines: list[str]) -> None:
        if lines and not self._folded and self._bytes_left != 0:
            self._folded = True
            self._ci.group("Build logs" if self.several else f"Build log of {report.target.label}")
        for place, line in enumerate(lines):
            if self._bytes_left is not None and not self._room_for(line, report):
                tail = self._tails.setdefault(report.target.id, deque(maxlen=MAX_TAIL_LINES))
                tail.extend(lines[place:])
                return
            if self._reader_keeps_up(report):
                self._ci.say(line)

    def _say_tail(self, report: TargetReport) -> None:
        """Print the end of a log for which there was no room: errors are usually there."""
        chosen: list[str] = []
        for line in reversed(self._tails.pop(report.target.id, ())):
            self._tail_bytes_left -= len(line.encode("utf-8", "replace")) + 1
            if self._tail_bytes_left < 0:
                break
            chosen.append(line)
        if chosen:
            self._ci.say(f"the last {len(chosen)} lines of the build log:")
        for line in reversed(chosen):
            self._ci.say(line)

    def _reader_keeps_up(self, report: TargetReport) -> bool:
        """Whether the job log is read fast enough for another line. A gap is marked once, where it begins."""
        was_behind, self._reader_behind = self._reader_behind, not self._ci.has_room()
        if self._reader_behind and not was_behind:
            missing = "build log lines were dropped here: the CI system reads this output too slowly"
            self._ci.say(f"{missing}{self._see(report)}")
        return not self._reader_behind

    def _room_for(self, line: str, report: TargetReport) -> bool:
        """Whether the CI system's log limit leaves room for another line.

        That it does not is printed once.
        """
        if not self._bytes_left:
            return False
        self._bytes_left = max(0, self._bytes_left - len(line.encode("utf-8", "replace")) - 1)
        if not self._bytes_left:
            self.close()
            self._ci.say(f"build log truncated: the CI job log is close to its size limit{self._see(report)}")
        return bool(self._bytes_left)

    def _see(self, report: TargetReport) -> str:
        """Where the complete log is."""
        return suffix(". See {}", self._options.log_file if self._file else report.link)

    def _write_file(self, lines: list[str]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(lines)
        except OSError as error:
            self._file.close()
            self._file = None
            self._failed(self._options.log_file, error)
