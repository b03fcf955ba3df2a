"""GitHub's own @actions/core says the same bytes as we do (https://github.com/actions/toolkit/tree/main/packages/core)."""

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
    "at-the-end": "a\n\n",
    "property-signs": "a:b, c=d;e]f",
    "commands": "::error title=x::y\n##[add-mask]z\n::stop-commands::",
    "blanks": "  a\t b  ",
    "unicode": "é ✓ 🚀 中文 \u2028 \u202e \ufeff",
    "controls": "\x1b[31mred\x1b[0m \x07 \x0b",
    "fences": "EOF\nk<<EOF\n=v",
    "json": '{"version":1,"targets":[{"reason":"a \\"b\\""}]}',
    "long": "x" * 5000,
}


class Told(NamedTuple):
    stdout: bytes
    outputs: bytes
    summary: bytes


@pytest.fixture(scope="session")
def oracle(npm: Callable[[str], Path]) -> Path:
    """A folder with @actions/core in it, in the locked version."""
    return npm("actions_core")


def files(folder: Path, name: str) -> tuple[Path, Path]:
    paths = folder / f"{name}-output", folder / f"{name}-summary"
    for path in paths:
        path.touch()  # as the runner does: the toolkit refuses a file that is not there
    return paths


def told_by_the_toolkit(oracle: Path, folder: Path, calls: list[Call]) -> Told:
    outputs, summary = files(folder, "theirs")
    environ = {"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary)}
    node = ["node", "play.js"]
    done = subprocess.run(
        node,
        cwd=oracle,
        env=environ,
        input=json.dumps(calls).encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    return Told(done.stdout, outputs.read_bytes(), summary.read_bytes())


def told_by_us(folder: Path, calls: list[Call]) -> Told:
    outputs, summary = files(folder, "ours")
    stdout = Stdout()
    environ = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary)}
    ci = GitHub(environ, Writer(stdout, Redactor()), lambda: 0.0, delimiter=lambda: FENCE)
    for call, *given in calls:
        getattr(ci, call)(*given)
    return Told(b"".join(stdout.writes), outputs.read_bytes(), summary.read_bytes())


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_call_has_the_same_bytes(text: str, oracle: Path, tmp_path: Path) -> None:
    """Left out is what differs on purpose: line breaks and outer blanks of titles, blank masks, a summary that ends with a line break.

    The toolkit passes control characters on to the log as they are; we make all but colors visible, so it is given what we show.
    """
    assert told_by_us(tmp_path, calls_with(text, " ".join(text.split()))) == told_by_the_toolkit(
        oracle, tmp_path, calls_with(text, " ".join(text.split()), shown=visible_but_colors)
    )


def calls_with(text: str, title: str, shown: Callable[[str], str] = str) -> list[Call]:
    """Every call with this text. `shown`: what the toolkit is given of what goes to the log."""
    said, named = shown(text), shown(title)
    return [
        *(("annotate", level, "", said) for level in ("error", "warning", "notice")),
        *(("annotate", level, named, said) for level in ("error", "warning", "notice")),
        ("annotate", "error", f"two\nlines {named}", said),
        ("group", named),
        ("endgroup",),
        ("mask", text),
        ("output", "first", text),
        ("output", "second-output_2", text),
        ("output", "empty", ""),
        ("summarize", text.rstrip("\n")),
        ("summarize", "| a |\n|---|"),
    ]
