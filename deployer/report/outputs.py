"""What later steps get: the step's outputs, the dotenv file, the result and the job summary, written as soon as they are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from deployer.ci import output
from deployer.ci.base import CI
from deployer.ci.output import Redactor
from deployer.model import Outcome
from deployer.report import target_report as known
from deployer.report.options import ReportOptions
from deployer.report.summary import markdown
from deployer.report.target_report import TargetReport

DOTENV_READ = 1 << 20


class Outputs:
    """Nothing that fails here changes the outcome: `failed` hears of it once."""

    def __init__(
        self,
        ci: CI,
        redact: Redactor,
        options: ReportOptions,
        failed: Callable[[str, OSError | ValueError], None],
    ) -> None:
        self._ci = ci
        self._redact = redact
        self._options = options
        self._failed = failed
        self._written: dict[str, str] = {}
        self.log_file = ""

    def update(self, facts: list[TargetReport], last: dict[str, str] | None = None) -> None:
        """Write what has become known since the last time."""
        values = {
            name: self._redact(value)
            for name, value in {**known.outputs(facts, self.log_file), **(last or {})}.items()
        }
        fresh = {name: value for name, value in values.items() if value != self._written.get(name, "")}
        if not fresh:
            return
        self._written |= fresh
        for name, value in fresh.items():
            self._try("the step's outputs", partial(self._ci.output, name, value))
        if path := self._options.output_file or self._ci.output_file:
            self._try(path, lambda: self._write_dotenv(Path(path)))

    def finish(self, facts: list[TargetReport], outcome: Outcome, seconds: float) -> None:
        """The verdict's outputs, the result and the summary."""
        whole = self._redacted(known.result(facts, outcome, seconds, rehearsal=self._options.rehearsal))
        last = {
            "status": outcome.status,
            "duration": str(round(seconds)),
            "timed_out": str(outcome is Outcome.TIMED_OUT).lower(),
        }
        self.update(facts, {**last, "result": known.compact(whole, self._redact.cut)})
        if path := self._options.result_file:
            text = json.dumps(whole, indent=2) + "\n"
            self._try(path, lambda: output.replace(Path(path), text.encode("utf-8", "replace")))
        if self._options.summary and self._ci.has_summary:
            self._try("the job summary", lambda: self._ci.summarize(self._summary(facts, outcome)))

    def _summary(self, facts: list[TargetReport], outcome: Outcome) -> str:
        return markdown(
            facts, outcome, self._options.timeout, self._redact.cut, rehearsal=self._options.rehearsal
        )

    def _write_dotenv(self, path: Path) -> None:
        """The whole file anew, but for the lines of others: an earlier step may have written there."""
        try:
            before = output.read(path, DOTENV_READ)
        except FileNotFoundError:
            before = b""
        prefix = known.DOTENV_PREFIX.encode()
        others = b"".join(
            line + b"\n" for line in before.split(b"\n") if line and not line.startswith(prefix)
        )
        output.replace(
            path,
            others
            + self._ci.dotenv(
                known.dotenv(self._written, self._redact.cut, known.DOTENV_BYTES - len(others))
            ),
        )

    def _redacted(self, value: Any) -> Any:
        """The result with every text redacted, before JSON spells it: quotes and controls are escaped there, and divide a secret."""
        if isinstance(value, str):
            return self._redact(value)
        if isinstance(value, dict):
            return {name: self._redacted(each) for name, each in value.items()}
        return [self._redacted(each) for each in value] if isinstance(value, list) else value

    def _try(self, what: str, act: Callable[[], None]) -> None:
        try:
            act()
        except (OSError, ValueError) as error:
            self._failed(what, error)
