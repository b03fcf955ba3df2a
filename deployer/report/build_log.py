"""The build log on its way to the job's log and to a file: folded, prefixed, limited; or kept back until it is wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from deployer.ci import output
from deployer.ci.base import CI
from deployer.ci.output import Redactor
from deployer.model import Entry
from deployer.report.cuts import Cuts
from deployer.report.options import ReportOptions
from deployer.report.target_report import TargetReport

RESERVED_BYTES = 512 * 1024
"""Bytes of the CI system's limit that are kept for the end of the story (ci-formats 2)."""

MAX_KEPT_LINES = 2000
"""Lines of one target that are kept for `logs: failure`."""


class BuildLog:
    """The build logs of all targets. `failed` hears once of a file that can't be written; `many`: a line must say whose it is."""

    def __init__(
        self, ci: CI, redact: Redactor, options: ReportOptions, failed: Callable[[str, OSError], None]
    ) -> None:
        self._ci = ci
        self._options = options
        self._failed = failed
        self._folded = False
        self._left = ci.log_limit - RESERVED_BYTES if ci.log_limit else None
        self._behind = False
        self._kept: dict[str, list[str]] = {}
        self._redact = redact
        self._cuts = Cuts(redact)
        self._servers: dict[str, set[str]] = {}
        self._file: output.LogFile | None = None
        self.many = len(options.targets) > 1

    def open(self) -> str:
        """Make the file, if one is wanted: a user looks for it also when nothing was built. Answers its name if it is there."""
        if not self._options.log_file:
            return ""
        try:
            self._file = output.LogFile(Path(self._options.log_file), self._redact)
        except OSError as error:
            self._failed(self._options.log_file, error)
            return ""
        return self._options.log_file

    def add(self, facts: TargetReport, entries: tuple[Entry, ...], server: str = "") -> bool:
        """New entries of one target, and the additional server that they are from; whether a line was said.

        Hidden ones count only on request: they may hold secrets.
        """
        shown = [entry.text for entry in entries if self._options.hidden_logs or not entry.hidden]
        self._servers.setdefault(facts.target.id, set()).add(server)
        return self._pass_on(facts, server, self._cuts.lines((facts.target.id, server), shown))

    def _pass_on(self, facts: TargetReport, server: str, whole: list[str]) -> bool:
        who = [name for name in (facts.target.label if self.many else "", server) if name]
        prefix = f"[{' on '.join(who)}] " if who else ""
        self._write([prefix + line for line in whole])
        lines = [prefix + piece for line in whole for piece in output.pieces(line)]
        if self._options.logs == "live":
            self._say(facts, lines)
            return bool(lines)
        if self._options.logs == "failure":
            kept = self._kept.setdefault(facts.target.id, [])
            kept += lines
            del kept[:-MAX_KEPT_LINES]
        return False

    def end(self, facts: TargetReport) -> None:
        """No entry may come any more: what waits for one is passed on."""
        for server in sorted(self._servers.pop(facts.target.id, ())):
            self._pass_on(facts, server, self._cuts.rest((facts.target.id, server)))

    def bad_end(self, facts: TargetReport) -> None:
        """What was kept back for a failure."""
        self._say(facts, self._kept.pop(facts.target.id, []))

    def close(self) -> None:
        """End the folded part: what follows is for everybody."""
        if self._folded:
            self._folded = False
            self._ci.endgroup()

    def finish(self) -> None:
        """Nothing comes any more: end the folded part, and let go of the file."""
        self.close()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _say(self, facts: TargetReport, lines: list[str]) -> None:
        if lines and not self._folded and self._left != 0:
            self._folded = True
            self._ci.group("Build logs" if self.many else f"Build log of {facts.target.label}")
        for line in lines:
            if self._left is not None and not self._room_for(line, facts):
                return
            if self._is_read(facts):
                self._ci.say(line)

    def _is_read(self, facts: TargetReport) -> bool:
        """Whether the job's log is read quickly enough to take one line more; that it is not is said where the gap is."""
        behind, self._behind = self._behind, not self._ci.has_room()
        if self._behind and not behind:
            at = f" See {facts.link}" if facts.link else ""
            self._ci.say(
                f"build log lines are missing here: nothing reads this output, or not fast enough.{at}"
            )
        return not self._behind

    def _room_for(self, line: str, facts: TargetReport) -> bool:
        """Whether the CI system's limit still leaves room for the end of the story; that it does not is said once."""
        if not self._left:
            return False
        self._left = max(0, self._left - len(line.encode("utf-8", "replace")) - 1)
        if not self._left:
            at = f": see {facts.link}" if facts.link else ""
            self.close()
            self._ci.say(
                f"the rest of the build log is left out, because this CI system cuts its job's log soon{at}"
            )
        return bool(self._left)

    def _write(self, lines: list[str]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(lines)
        except OSError as error:
            self._file.close()
            self._file = None
            self._failed(self._options.log_file, error)
