"""The interface to a CI system, with plain text as the default.

Each system's own file overrides what it does differently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from deployer.ci.output import COLOR, Writer, is_plain, lines, one_line, visible

Level = Literal["error", "warning", "notice"]

# Unknown systems get plain text, too, and so does a container that does not know in which job it runs: the
# command syntaxes of GitHub and its relatives, Azure and TeamCity are escaped here as well.
_COMMAND = re.compile(r"^([\s\ufeff]*)(?=::)|(##)(?=\[|vso\[|teamcity\[)")
_DOTENV = {"\\": "\\\\", '"': '\\"', "$": "\\$", "`": "\\`", "\n": "\\n", "\r": "\\r"}


class CI:
    """Plain text, for a terminal or a log that interprets nothing."""

    name: ClassVar[str] = "plain"
    input_prefix: ClassVar[str] = ""
    """What the system puts in front of the input names that its users type."""
    output_file: ClassVar[str] = ""
    """The dotenv file that is written by default."""
    log_limit: ClassVar[int | None] = None
    """The size in bytes at which the system truncates a job log; None: no limit."""
    debug_variables: ClassVar[Mapping[str, str]] = {"RUNNER_DEBUG": "1", "DEPLOYER_DEBUG": "1"}
    """Variables that turn on debug output, with the value that does."""

    def __init__(self, environ: Mapping[str, str], writer: Writer, wall: Callable[[], float]) -> None:
        """`wall`: seconds since 1970, for GitLab's section markers."""
        self._environ = environ
        self._writer = writer
        self._wall = wall

    @staticmethod
    def detects(environ: Mapping[str, str]) -> bool:
        """Whether this is the system that the job runs in.

        Values are compared: `GITHUB_ACTIONS=false` is not GitHub (ci-formats 4).
        """
        raise NotImplementedError

    @property
    def commit(self) -> str:
        """The commit that the CI run is for; empty if unknown."""
        return ""

    @property
    def debug(self) -> bool:
        return any(self._environ.get(name) == value for name, value in self.debug_variables.items())

    def escape(self, line: str) -> str:
        r"""Make one untrusted line harmless.

        No command is obeyed, nothing is invisible (ESC is shown as `\x1b`). Colors are dropped.
        """
        if is_plain(line):
            return line
        return _COMMAND.sub(r"\1\2\\", visible(COLOR.sub("", line)))

    def say(self, text: str) -> None:
        """Print every line of the text, redacted and escaped. Safe for any text."""
        # Redacted before escaping, which may change a secret, and by the writer again, when colors no longer
        # split one.
        for line in lines(self._writer.redact(text)):
            escaped = self.escape(line)
            self._writer.line(line if escaped == line else escaped)

    def has_room(self) -> bool:
        """Whether stdout accepts more of the build log, which may be incomplete.

        Waits a little for a slow reader.
        """
        return self._writer.has_room()

    def status(self, text: str) -> None:
        """Draw the live status line, in a terminal only."""
        self._writer.status(text)

    def group(self, title: str) -> None:
        """Start a section of the log that can be folded, if the system supports it.

        Sections don't nest: an open one is closed.
        """
        self._writer.line(f"=== {self._title(title)} ===")

    def endgroup(self) -> None:
        """End the section, if one is open."""

    def annotate(self, level: Level, title: str, message: str) -> None:
        """Report something where people look first. Does nothing without any text."""
        for number, line in enumerate(self._annotation(level, title, message)):
            self._writer.line(f"  {line}" if number else line)

    @property
    def files(self) -> Mapping[str, str]:
        """The CI system's own files that are written, by the variables that name them."""
        return {}

    def mask(self, secret: str) -> None:
        """Ask the system to mask this in the job log, if it can.

        Must be called before the secret can appear.
        """

    def output(self, name: str, value: str) -> None:
        """Set an output for later steps, if the system has them.

        Raises OSError, and ValueError for an invalid name.
        """

    @property
    def has_summary(self) -> bool:
        return False

    def summarize(self, markdown: str) -> None:
        """Append to the job summary, if there is one. Raises OSError."""

    def dotenv(self, outputs: Mapping[str, str]) -> bytes:
        """Format the outputs as the dotenv file that the system reads (ci-formats 3.15).

        Raises ValueError for an invalid name.
        """
        return "".join(f'{name}="{self._value(value)}"\n' for name, value in outputs.items()).encode(
            "utf-8", "replace"
        )

    def _value(self, value: str) -> str:
        return "".join(_DOTENV.get(character, character) for character in self._writer.redact(value))

    def _title(self, title: str) -> str:
        return self.escape(one_line(self._writer.redact(title)))

    def _annotation(self, level: Level, title: str, message: str) -> list[str]:
        """`ERROR: title: message`, as escaped lines; none without any text."""
        parts = [part for part in (one_line(title), message) if part.strip()]
        text = self._writer.redact(": ".join([level.upper(), *parts]))
        return [self.escape(line) for line in lines(text)] if parts else []
