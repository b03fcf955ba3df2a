"""Decoders that read output as the CI systems do, and jobs that collect it (ci-formats 1.2 and 1.5.1)."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployer.ci.base import CI
from deployer.ci.gitlab import GitLab
from deployer.ci.output import Redactor, lines

REGISTERED = {
    *(
        "debug",
        "notice",
        "warning",
        "error",
        "group",
        "endgroup",
        "add-mask",
        "add-matcher",
        "remove-matcher",
        "echo",
    ),
    *("stop-commands", "set-output", "save-state", "set-env", "add-path", "internal-set-repo-path"),
}


DOTNET_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)


V2_DATA = {"%0D": "\r", "%0A": "\n", "%25": "%"}


V2_PROPERTY = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}


V1 = {"%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]", "%25": "%"}


@dataclass(frozen=True)
class Command:
    name: str
    via: str
    data: str
    properties: dict[str, str] = field(default_factory=dict)


def parse_line(line: str) -> Command | None:
    """Return the command that GitHub's runner would execute, None for plain text."""
    return parse_v2(line.lstrip(DOTNET_SPACE)) or parse_v1(line)


def parse_v2(line: str) -> Command | None:
    end = line.find("::", 2)
    if not line.startswith("::") or end < 0:
        return None
    name, _, properties = line[2:end].partition(" ")
    if name.lower() not in REGISTERED:
        return None
    return Command(
        name,
        "v2",
        decoded(line[end + 2 :], V2_DATA),
        parse_properties(properties.strip(DOTNET_SPACE), ",", V2_PROPERTY),
    )


def parse_v1(line: str) -> Command | None:
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    name, _, properties = line[start + 3 : end].partition(" ")
    if name.lower() not in REGISTERED:
        return None
    return Command(name, "v1", decoded(line[end + 1 :], V1), parse_properties(properties, ";", V1))


def parse_properties(text: str, separator: str, escapes: Mapping[str, str]) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(separator))
    return {name: decoded(value, escapes) for name, _, value in pairs if name and value}


def decoded(text: str, escapes: Mapping[str, str]) -> str:
    for escape, character in escapes.items():
        text = text.replace(escape, character)
    return text


def parse_env_file(content: str) -> tuple[dict[str, str], str]:
    """Return the pairs that the runner reads from GITHUB_OUTPUT on Linux, and its error if there is one."""
    pairs: dict[str, str] = {}
    rows = iter(content.removeprefix("\ufeff").split("\n"))
    for row in rows:
        equals, fence_at = row.find("="), row.find("<<")
        if not row:
            continue
        if fence_at >= 0 and (equals < 0 or fence_at < equals):
            name, _, fence = row.partition("<<")
            value: list[str] = []
            for inner in rows:
                if inner == fence:
                    break
                value.append(inner)
            else:
                return pairs, f"Invalid value. Matching delimiter not found '{fence}'"
            if not name or not fence:
                return (
                    pairs,
                    f"Invalid format '{row}'. Name must not be empty and delimiter must not be empty",
                )
            pairs[name] = "\n".join(value)
        elif equals >= 0:
            name, _, pairs_value = row.partition("=")
            pairs[name] = pairs_value
        else:
            return pairs, f"Invalid format '{row}'"
    return pairs, ""


SECTION = re.compile(
    r"section_((?:start)|(?:end)):(\d+):([a-zA-Z0-9_.-]+)(\[(?:\w+=\w+)(?:, ?(?:\w+=\w+))*\])?\r\x1b\[0K"
)


def executed(system: type[CI], text: str) -> list[str]:
    """Return the names of the commands that the system would execute.

    `plain` is tested like GitHub: an unknown system may be compatible with it.
    """
    if system is GitLab:
        return [section[1] for section in SECTION.finditer(text)]
    return [command.name for line in lines(text) if (command := parse_line(line))]


class Stdout(io.RawIOBase):
    """A stdout that accepts everything, and records each write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.writes.append(bytes(data))
        return len(data)

    @property
    def text(self) -> str:
        return b"".join(self.writes).decode()


@dataclass
class Job:
    """One CI system, with everything it writes to."""

    ci: CI
    stdout: Stdout
    redact: Redactor
    outputs: Path
    summary: Path

    @property
    def text(self) -> str:
        return self.stdout.text
