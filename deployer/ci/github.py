"""GitHub Actions (https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands)."""

from __future__ import annotations

import errno
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

from deployer.ci.base import CI, Level
from deployer.ci.output import Writer, append, is_plain, one_line, read, size, visible_but_colors

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _DATA | {":": "%3A", ",": "%2C"}
# The runner trims .NET's white space, of which Python knows slightly more. Its decoder drops a BOM at the
# very beginning.
_COMMAND = re.compile(r"^([\s\ufeff]*)(?=::)")
_INVALID_NAME = re.compile(r"^$|=|<<|[\r\n\0]")
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MAX_ANNOTATIONS = 8
"""Per level. The runner shows ten per step, and other commands of the step need some as well."""
_MAX_EVENT_BYTES = 32 << 20
_MAX_SUMMARY_BYTES = (1 << 20) - (64 << 10)
"""At 1 MiB the whole summary is dropped, and just below that silently (ci-formats 1.5.5)."""
_TRUNCATED = b"\n\n*Truncated: GitHub shows at most 1 MiB.*\n"


class GitHub(CI):
    name: ClassVar[str] = "github"
    input_prefix: ClassVar[str] = "INPUT_"

    def __init__(
        self,
        environ: Mapping[str, str],
        writer: Writer,
        wall: Callable[[], float],
        *,
        delimiter: Callable[[], str] = lambda: f"ghadelimiter_{uuid4()}",
    ) -> None:
        super().__init__(environ, writer, wall)
        self._delimiter = delimiter
        self._grouped = False
        self._annotated: Counter[Level] = Counter()

    @staticmethod
    def detects(environ: Mapping[str, str]) -> bool:
        """Gitea and Forgejo also claim to be GitHub (ci-formats 1.1)."""
        relatives = ("GITEA_ACTIONS", "FORGEJO_ACTIONS")
        return environ.get("GITHUB_ACTIONS") == "true" and not any(
            environ.get(name) == "true" for name in relatives
        )

    @property
    def commit(self) -> str:
        """The head of a pull request: there, `GITHUB_SHA` is a temporary merge commit (ci-formats 1.1)."""
        if not self._environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request"):
            return self._environ.get("GITHUB_SHA", "")
        try:
            event = json.loads(read(Path(self._environ["GITHUB_EVENT_PATH"]), _MAX_EVENT_BYTES))
            sha = event["pull_request"]["head"]["sha"]
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return ""
        return sha if isinstance(sha, str) and _SHA.fullmatch(sha) else ""

    def escape(self, line: str) -> str:
        """Escape both command syntaxes: `::` at the beginning of a line, `##[` anywhere (ci-formats 1.3.4).

        Only colors stay.
        """
        if is_plain(line):
            return line
        return _COMMAND.sub(r"\1\\", visible_but_colors(one_line(line))).replace("##[", "##[\\")

    def group(self, title: str) -> None:
        self.endgroup()
        self._grouped = True
        self._writer.line(f"::group::{self._clean(one_line(title), _DATA)}")

    def endgroup(self) -> None:
        if self._grouped:
            self._grouped = False
            self._writer.line("::endgroup::")

    def annotate(self, level: Level, title: str, message: str) -> None:
        """The runner cuts a message after 4096 UTF-16 units (ci-formats 1.6), so the reason comes first.

        Beyond the limit, plain lines.
        """
        title = title.strip()
        if not message.strip():
            title, message = "", title  # the runner ignores a message of white space
        if not message.strip():
            return
        if self._annotated[level] >= _MAX_ANNOTATIONS:
            super().annotate(level, title, message)
            return
        self._annotated[level] += 1
        named = f" title={self._clean(title, _PROPERTY)}" if title else ""
        self._writer.line(f"::{level}{named}::{self._clean(message, _DATA)}")

    def _clean(self, text: str, escapes: Mapping[str, str]) -> str:
        return _escaped(visible_but_colors(self._writer.redact(text)), escapes)

    def mask(self, secret: str) -> None:
        """The runner also masks each line, however short.

        The value must not contain a line such as `{` (ci-formats 1.4).
        """
        if secret.strip():
            self._writer.command(f"::add-mask::{_escaped(secret, _DATA)}")

    def output(self, name: str, value: str) -> None:
        if _INVALID_NAME.search(name):
            raise ValueError(f"{name!r} is not a valid output name")
        value = self._writer.redact(value)
        fence = self._delimiter()
        while fence in value or fence in name:
            fence = self._delimiter()
        if path := self._environ.get("GITHUB_OUTPUT"):
            append(Path(path), f"{name}<<{fence}\n{value}\n{fence}\n".encode("utf-8", "replace"))

    @property
    def files(self) -> Mapping[str, str]:
        names = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
        return {name: self._environ[name] for name in names if self._environ.get(name)}

    @property
    def has_summary(self) -> bool:
        return bool(self._environ.get("GITHUB_STEP_SUMMARY"))

    def summarize(self, markdown: str) -> None:
        """Append to the step summary, truncated after a line if it would exceed the limit."""
        if path := self._environ.get("GITHUB_STEP_SUMMARY"):
            text = self._writer.redact(markdown)
            text = text if text.endswith("\n") else text + "\n"
            room = _MAX_SUMMARY_BYTES - size(Path(path))
            append(Path(path), _truncated(text.encode("utf-8", "replace"), room, path))


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)


def _truncated(text: bytes, room: int, path: str) -> bytes:
    if len(text) <= room:
        return text
    if room <= len(_TRUNCATED):
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
    kept = text[: room - len(_TRUNCATED)]
    return kept[: kept.rfind(b"\n") + 1] + _TRUNCATED
