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
from deployer.ci.output import Writer, append, one_line, read, size, visible_but_colors

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _DATA | {":": "%3A", ",": "%2C"}
# Python's white space is a little more than .NET's, which the runner trims. A BOM at the very beginning is dropped by its decoder.
_V2 = re.compile(r"^([\s\ufeff]*)(?=::)")
_NO_NAME = re.compile(r"^$|=|<<|[\r\n\0]")
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MAX_ANNOTATIONS = (
    8  # of each level; the runner shows ten in a step, and other commands of the step want some too
)
_EVENT_BYTES = 32 << 20
_SUMMARY_BYTES = (1 << 20) - (
    64 << 10
)  # at 1 MiB all of it is dropped, silently just below that (ci-formats 1.5.5)
_SUMMARY_CUT = b"\n\n*The rest is cut: GitHub shows one mebibyte.*\n"


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
        """Gitea and Forgejo say that they are GitHub too, and are not (ci-formats 1.1)."""
        relatives = ("GITEA_ACTIONS", "FORGEJO_ACTIONS")
        return environ.get("GITHUB_ACTIONS") == "true" and not any(
            environ.get(name) == "true" for name in relatives
        )

    @property
    def commit(self) -> str:
        """For a pull request the head's: `GITHUB_SHA` is a merge that nobody made (ci-formats 1.1)."""
        if not self._environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request"):
            return self._environ.get("GITHUB_SHA", "")
        try:
            sha = json.loads(read(Path(self._environ["GITHUB_EVENT_PATH"]), _EVENT_BYTES))["pull_request"][
                "head"
            ]["sha"]
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return ""
        return sha if isinstance(sha, str) and _SHA.fullmatch(sha) else ""

    def quote(self, line: str) -> str:
        """Break both syntaxes of commands: `::` where a line begins, `##[` anywhere (ci-formats 1.3.4). Of all controls, colors stay."""
        return _V2.sub(r"\1\\", visible_but_colors(one_line(line))).replace("##[", "##[\\")

    def group(self, title: str) -> None:
        self.endgroup()
        self._grouped = True
        self._writer.line(f"::group::{self._told(one_line(title), _DATA)}")

    def endgroup(self) -> None:
        if self._grouped:
            self._grouped = False
            self._writer.line("::endgroup::")

    def annotate(self, level: Level, title: str, message: str) -> None:
        """The runner cuts a message after 4096 UTF-16 units (ci-formats 1.6): the cause comes first in it. Too many are only said."""
        title = title.strip()
        if not message.strip():
            title, message = "", title  # a message of white space is no annotation
        if not message.strip():
            return
        if self._annotated[level] >= _MAX_ANNOTATIONS:
            super().annotate(level, title, message)
            return
        self._annotated[level] += 1
        named = f" title={self._told(title, _PROPERTY)}" if title else ""
        self._writer.line(f"::{level}{named}::{self._told(message, _DATA)}")

    def _told(self, text: str, escapes: Mapping[str, str]) -> str:
        return _escaped(visible_but_colors(self._writer.redact(text)), escapes)

    def mask(self, secret: str) -> None:
        """The runner makes a mask of each line too, however short: no value with a line such as `{` may come here (ci-formats 1.4)."""
        if secret.strip():
            self._writer.command(f"::add-mask::{_escaped(secret, _DATA)}")

    def output(self, name: str, value: str) -> None:
        if _NO_NAME.search(name):
            raise ValueError(f"{name!r} can't be the name of an output")
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
        """Append to the summary of the step; too large for what is left of it: cut after a line, and that is said."""
        if path := self._environ.get("GITHUB_STEP_SUMMARY"):
            text = self._writer.redact(markdown)
            text = text if text.endswith("\n") else text + "\n"
            append(
                Path(path), _fitted(text.encode("utf-8", "replace"), _SUMMARY_BYTES - size(Path(path)), path)
            )


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)


def _fitted(text: bytes, room: int, path: str) -> bytes:
    if len(text) <= room:
        return text
    if room <= len(_SUMMARY_CUT):
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
    kept = text[: room - len(_SUMMARY_CUT)]
    return kept[: kept.rfind(b"\n") + 1] + _SUMMARY_CUT
