"""How we speak to a CI system, and the plain way of doing it: each system's own file says what it does differently."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from deployer.ci.output import COLOR, Writer, lines, one_line, visible

Level = Literal["error", "warning", "notice"]

# Plain is also what an unknown system gets, and a container that was not told in which job it runs: the signs by which the
# known ones (GitHub and its relatives, Azure, TeamCity) find their commands are broken here too.
_COMMAND = re.compile(r"^([\s\ufeff]*)(?=::)|(##)(?=\[|vso\[|teamcity\[)")
_DOTENV = {"\\": "\\\\", '"': '\\"', "$": "\\$", "`": "\\`", "\n": "\\n", "\r": "\\r"}


class CI:
    """Plain text for people, in a terminal or in a log that nobody interprets."""

    name: ClassVar[str] = "plain"
    input_prefix: ClassVar[str] = ""
    """What the system puts before the names of inputs that its users type."""
    output_file: ClassVar[str] = ""
    """The dotenv file that is written when the user names none."""
    log_limit: ClassVar[int | None] = None
    """Bytes of job log after which the system cuts it off."""
    debug_signs: ClassVar[Mapping[str, str]] = {"RUNNER_DEBUG": "1", "DEPLOYER_DEBUG": "1"}

    def __init__(self, environ: Mapping[str, str], writer: Writer, wall: Callable[[], float]) -> None:
        """`wall` tells the seconds since 1970: GitLab's sections carry them."""
        self._environ = environ
        self._writer = writer
        self._wall = wall

    @staticmethod
    def detects(environ: Mapping[str, str]) -> bool:
        """Is this the system that we run in? Values are compared: `GITHUB_ACTIONS=false` is not GitHub (ci-formats 4)."""
        raise NotImplementedError

    @property
    def commit(self) -> str:
        """The sha that the CI run is for; empty if it is not known."""
        return ""

    @property
    def debug(self) -> bool:
        return any(self._environ.get(name) == value for name, value in self.debug_signs.items())

    def quote(self, line: str) -> str:
        r"""Make one foreign line harmless: nothing in it is obeyed, and nothing is hidden (ESC reads `\x1b`). Colours are dropped."""
        return _COMMAND.sub(r"\1\2\\", visible(COLOR.sub("", line)))

    def say(self, text: str) -> None:
        """Write every line of the text, quoted and redacted. Safe for any text from anywhere."""
        # Redacted before quoting, which may put a mark into a secret, and by the writer after it, when colours no longer divide one.
        for line in lines(self._writer.redact(text)):
            self._writer.line(self.quote(line))

    def has_room(self) -> bool:
        """Whether stdout takes more of what may be left out: the build log. Waits a little where the reader is only slow."""
        return self._writer.has_room()

    def status(self, text: str) -> None:
        """Draw the live status line. Nothing without a terminal."""
        self._writer.status(text)

    def group(self, title: str) -> None:
        """Begin a part of the log that can be folded away, where the system can. Groups don't nest: an open one is closed."""
        self._writer.line(f"=== {self._title(title)} ===")

    def endgroup(self) -> None:
        """End the group; nothing if none is open."""

    def annotate(self, level: Level, title: str, message: str) -> None:
        """Tell something where people look first. Without any text: nothing."""
        for at, line in enumerate(self._annotation(level, title, message)):
            self._writer.line(f"  {line}" if at else line)

    @property
    def files(self) -> Mapping[str, str]:
        """The files of the system's own that are written, by the variables that name them."""
        return {}

    def mask(self, secret: str) -> None:
        """Have the system blank this in the job's log, where it can. To be said before the secret may be."""

    def output(self, name: str, value: str) -> None:
        """Hand a value to later steps, where the system has a way of its own. Raises OSError; ValueError for a name that can't be one."""

    @property
    def has_summary(self) -> bool:
        return False

    def summarize(self, markdown: str) -> None:
        """Add to the job's summary, where there is one. Raises OSError."""

    def dotenv(self, outputs: Mapping[str, str]) -> bytes:
        """Spell the outputs as the dotenv file that the system reads (ci-formats 3.15). Raises ValueError for a name that can't be one."""
        return "".join(f'{name}="{self._value(value)}"\n' for name, value in outputs.items()).encode(
            "utf-8", "replace"
        )

    def _value(self, value: str) -> str:
        return "".join(_DOTENV.get(character, character) for character in self._writer.redact(value))

    def _title(self, title: str) -> str:
        return self.quote(one_line(self._writer.redact(title)))

    def _annotation(self, level: Level, title: str, message: str) -> list[str]:
        """`ERROR: title: message`, as quoted lines; none if there is no text."""
        parts = [part for part in (one_line(title), message) if part.strip()]
        text = self._writer.redact(": ".join([level.upper(), *parts]))
        return [self.quote(line) for line in lines(text)] if parts else []
