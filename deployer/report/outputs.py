"""Writes what later steps read: outputs, dotenv file, result and job summary, as soon as they are known."""

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
from deployer.report.options import ReportOptions
from deployer.report.summary import markdown
from deployer.report.target_report import (
    DOTENV_PREFIX,
    MAX_DOTENV_BYTES,
    TargetReport,
    compact,
    dotenv,
    outputs,
    result,
)

MAX_EXISTING_DOTENV_BYTES = 1 << 20


class Outputs:
    """Writes the outputs.

    A failure never changes the outcome: `failed` is called with what could not be written.
    """

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

    def update(self, reports: list[TargetReport], last: dict[str, str] | None = None) -> None:
        """Write the values that are new since the last call; `last`: the values of the verdict."""
        values = {
            name: self._redact(value)
            for name, value in {**outputs(reports, self.log_file), **(last or {})}.items()
        }
        new = {name: value for name, value in values.items() if value != self._written.get(name, "")}
        if not new:
            return
        self._written |= new
        for name, value in new.items():
            self._try("the step's outputs", partial(self._ci.output, name, value))
        if path := self._options.output_file or self._ci.output_file:
            self._try(path, lambda: self._write_dotenv(Path(path)))

    def finish(self, reports: list[TargetReport], outcome: Outcome, seconds: float) -> None:
        """Write the final outputs, the result and the summary."""
        whole = self._redacted(result(reports, outcome, seconds, rehearsal=self._options.rehearsal))
        last = {
            "status": outcome.status,
            "duration": str(round(seconds)),
            "timed_out": str(outcome is Outcome.TIMED_OUT).lower(),
        }
        self.update(reports, {**last, "result": compact(whole, self._redact.cut)})
        if path := self._options.result_file:
            text = json.dumps(whole, indent=2) + "\n"
            self._try(path, lambda: output.replace(Path(path), text.encode("utf-8", "replace")))
        if self._options.summary and self._ci.has_summary:
            self._try("the job summary", lambda: self._ci.summarize(self._summary(reports, outcome)))

    def _summary(self, reports: list[TargetReport], outcome: Outcome) -> str:
        return markdown(
            reports, outcome, self._options.timeout, self._redact.cut, rehearsal=self._options.rehearsal
        )

    def _write_dotenv(self, path: Path) -> None:
        """Replace our own lines in the dotenv file: an earlier step may have written others."""
        try:
            before = output.read(path, MAX_EXISTING_DOTENV_BYTES)
        except FileNotFoundError:
            before = b""
        prefix = DOTENV_PREFIX.encode()
        others = b"".join(
            line + b"\n" for line in before.split(b"\n") if line and not line.startswith(prefix)
        )
        ours = dotenv(self._written, self._redact.cut, MAX_DOTENV_BYTES - len(others))
        output.replace(path, others + self._ci.dotenv(ours))

    def _redacted(self, value: Any) -> Any:
        """The result with every text redacted: JSON would escape characters in the middle of a secret."""
        if isinstance(value, str):
            return self._redact(value)
        if isinstance(value, dict):
            return {name: self._redacted(each) for name, each in value.items()}
        return [self._redacted(each) for each in value] if isinstance(value, list) else value

    def _try(self, what: str, write: Callable[[], None]) -> None:
        try:
            write()
        except (OSError, ValueError) as error:
            self._failed(what, error)
