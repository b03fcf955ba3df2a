"""GitHub's own @actions/core writes the same bytes.

https://github.com/actions/toolkit/tree/main/packages/core
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from deployer.ci.github import GitHub
from deployer.ci.output import Redactor, Writer, visible_but_colors
from tests.ci.decoders import Stdout

FENCE = "ghadelimiter_00000000-0000-4000-8000-000000000000"
Call = tuple[str, ...]

TEXTS = {
    "plain": "Deployed",
    "percent": "100% and %0A and %25",
    "line-breaks": "a\nb\r\nc\rd",
    "trailing-line-breaks": "a\n\n",
    "property-separators": "a:b, c=d;e]f",
    "commands": "::error title=x::y\n##[add-mask]z\n::stop-commands::",
    "spaces": "  a\t b  ",
    "unicode": "é ✓ 🚀 中文 \u2028 \u202e \ufeff",
    "controls": "\x1b[31mred\x1b[0m \x07 \x0b",
    "delimiters": "EOF\nk<<EOF\n=v",
    "json": '{"version":1,"targets":[{"reason":"a \\"b\\""}]}',
    "long": "x" * 5000,
}


class Written(NamedTuple):
    stdout: bytes
    outputs: bytes
    summary: bytes


@pytest.fixture(scope="session")
def toolkit(npm: Callable[[str], Path]) -> Path:
    """A folder in which the locked version of @actions/core is installed."""
    return npm("actions_core")


def output_files(folder: Path, name: str) -> tuple[Path, Path]:
    paths = folder / f"{name}-output", folder / f"{name}-summary"
    for path in paths:
        path.touch()  # as the runner does: the toolkit rejects a missing file
    return paths


def written_by_toolkit(toolkit: Path, folder: Path, calls: list[Call]) -> Written:
    outputs, summary = output_files(folder, "toolkit")
    environ = {"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary)}
    node = ["node", "play.js"]
    completed = subprocess.run(
        node,
        cwd=toolkit,
        env=environ,
        input=json.dumps(calls).encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    return Written(completed.stdout, outputs.read_bytes(), summary.read_bytes())


def written_by_us(folder: Path, calls: list[Call]) -> Written:
    outputs, summary = output_files(folder, "ours")
    stdout = Stdout()
    environ = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary)}
    ci = GitHub(environ, Writer(stdout, Redactor()), lambda: 0.0, delimiter=lambda: FENCE)
    for call, *arguments in calls:
        getattr(ci, call)(*arguments)
    return Written(b"".join(stdout.writes), outputs.read_bytes(), summary.read_bytes())


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_calls_write_the_same_bytes(text: str, toolkit: Path, tmp_path: Path) -> None:
    """Leaves out what differs on purpose.

    Line breaks and outer spaces of titles, blank masks, and a summary that ends with a line break. The
    toolkit writes control characters unchanged; we escape all but colors, so it gets our escaped text.
    """
    assert written_by_us(tmp_path, calls_with(text, " ".join(text.split()))) == written_by_toolkit(
        toolkit, tmp_path, calls_with(text, " ".join(text.split()), shown=visible_but_colors)
    )


def calls_with(text: str, title: str, shown: Callable[[str], str] = str) -> list[Call]:
    """Every call with this text. `shown` transforms what goes to the log."""
    message, label = shown(text), shown(title)
    return [
        *(("annotate", level, "", message) for level in ("error", "warning", "notice")),
        *(("annotate", level, label, message) for level in ("error", "warning", "notice")),
        ("annotate", "error", f"two\nlines {label}", message),
        ("group", label),
        ("endgroup",),
        ("mask", text),
        ("output", "first", text),
        ("output", "second-output_2", text),
        ("output", "empty", ""),
        ("summarize", text.rstrip("\n")),
        ("summarize", "| a |\n|---|"),
    ]
