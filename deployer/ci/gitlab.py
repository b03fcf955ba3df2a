"""GitLab CI.

https://docs.gitlab.com/ci/jobs/job_logs/
https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar

from deployer.ci.base import CI, Level
from deployer.ci.output import Writer, is_plain, one_line, visible_but_colors

_ERASE = "\x1b[0K"
_RESET = "\x1b[0m"
_COLORS: Mapping[Level, str] = {"error": "\x1b[31;1m", "warning": "\x1b[33;1m", "notice": "\x1b[36;1m"}
_COLOR = re.compile(r"\x1b\[([0-9;]*)m")
_NAME = re.compile(r"[A-Za-z0-9_]{1,255}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class GitLab(CI):
    name: ClassVar[str] = "gitlab"
    output_file: ClassVar[str] = "deployer.env"
    log_limit: ClassVar[int | None] = 4 << 20
    debug_variables: ClassVar[Mapping[str, str]] = {**CI.debug_variables, "CI_DEBUG_TRACE": "true"}

    def __init__(self, environ: Mapping[str, str], writer: Writer, wall: Callable[[], float]) -> None:
        super().__init__(environ, writer, wall)
        self._sections = 0
        self._section = ""

    @staticmethod
    def detects(environ: Mapping[str, str]) -> bool:
        return environ.get("GITLAB_CI") == "true"

    @property
    def commit(self) -> str:
        """The head of the source branch, if `CI_COMMIT_SHA` is a temporary merge commit (ci-formats 2)."""
        return self._environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or self._environ.get(
            "CI_COMMIT_SHA", ""
        )

    def escape(self, line: str) -> str:
        """Leave no CR: section markers require one, and it would erase the line before it (ci-formats 2).

        Only colors stay. GitLab applies them until they are reset, so they are reset at the end of each line.
        """
        if is_plain(line):
            return line
        colors = _COLOR.findall(line)
        reset = _RESET if colors and colors[-1] not in {"", "0"} else ""
        return visible_but_colors(one_line(line)) + reset

    def group(self, title: str) -> None:
        self.endgroup()
        self._sections += 1
        self._section = f"deployer-{self._sections}"
        # Not `line`, which would replace the CR that makes it a marker.
        start = f"section_start:{self._now()}:{self._section}[collapsed=true]"
        self._writer.command(f"{_ERASE}{start}\r{_ERASE}{self._title(title)}")

    def endgroup(self) -> None:
        if self._section:
            self._writer.command(f"{_ERASE}section_end:{self._now()}:{self._section}\r{_ERASE}")
            self._section = ""

    def annotate(self, level: Level, title: str, message: str) -> None:
        """Print colored lines: GitLab has no annotations."""
        for line in self._annotation(level, title, message):
            self._writer.line(f"{_COLORS[level]}{line}{_RESET}")

    def dotenv(self, outputs: Mapping[str, str]) -> bytes:
        """One line without `=` invalidates the whole report.

        Quotes are kept, outer spaces are not, and the next runner expands `$`.
        """
        for name in outputs:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a valid variable name")
        return "".join(f"{name}={self._value(value)}\n" for name, value in outputs.items()).encode(
            "utf-8", "replace"
        )

    def _value(self, value: str) -> str:
        return _CONTROL.sub(" ", self._writer.redact(value)).strip().replace("$", "$$")

    def _now(self) -> int:
        return int(self._wall())
