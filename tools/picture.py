"""Draw docs/picture.svg: a terminal with the output of a rehearsal.

`python -m tools.picture` writes the file; `--check` only compares. Lines are cut at the terminal's right
edge; nothing else is left out, and only the two commands are added.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import chdir
from enum import Enum
from html import escape

from tests.scenarios.rehearsals import run_rehearsal
from tools import docs

FILE = docs.ROOT / "docs" / "picture.svg"
SCENARIO = "build-failure"
COMMAND = f"docker run --rm -e DEPLOYER_REHEARSE={SCENARIO} {docs.IMAGE}:0"
COLUMNS, LETTER, LINE, EDGE, BAR = 112, 7.8, 17, 18, 34
CUT = "…"


class Paint(Enum):
    """The kind of a line: its class in the style sheet below."""

    TYPED = "typed"
    OUTPUT = "output"
    LOG = "log"
    TITLE = "title"
    WARNING = "warning"
    ERROR = "error"


BEGINNINGS = {
    "ERROR: Rehearsal: ": Paint.ERROR,
    "WARNING: ": Paint.WARNING,
    "=== ": Paint.TITLE,
    "web: ": Paint.OUTPUT,
    "$ ": Paint.TYPED,
}
AFTER = {Paint.TITLE: Paint.LOG, Paint.TYPED: Paint.OUTPUT, Paint.WARNING: Paint.OUTPUT}
"""The kind of a line with none of those beginnings, by the kind of the line before it."""

STYLE = """
  .ground { fill: #0d1117; stroke: #30363d } .bar { fill: #161b22 } .dot { fill: #30363d }
  text {
    font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre
  }
  .typed { fill: #f0f6fc; font-weight: bold } .output { fill: #d1d7e0 } .log { fill: #8b949e }
  .title { fill: #58a6ff } .warning { fill: #d29922 } .error { fill: #ff7b72 }
  @media (prefers-color-scheme: light) {
    .ground { fill: #ffffff; stroke: #d0d7de } .bar { fill: #f6f8fa } .dot { fill: #d0d7de }
    .typed { fill: #1f2328 } .output { fill: #32383f } .log { fill: #6e7781 }
    .title { fill: #0969da } .warning { fill: #9a6700 } .error { fill: #cf222e }
  }
"""


def lines() -> list[str]:
    """The lines of the terminal."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        run = run_rehearsal({"DEPLOYER_REHEARSE": SCENARIO})
    return [f"$ {COMMAND}", *run.output.splitlines(), "$ echo $?", str(run.code)]


def painted(shown: list[str]) -> list[tuple[Paint, str]]:
    """Each line with its kind, cut at the right edge."""
    result = []
    paint = Paint.OUTPUT
    for line in shown:
        paint = next(
            (found for start, found in BEGINNINGS.items() if line.startswith(start)), AFTER.get(paint, paint)
        )
        result.append((paint, line if len(line) <= COLUMNS else line[: COLUMNS - 1] + CUT))
    return result


def picture() -> str:
    """The whole file."""
    rows = painted(lines())
    width, height = round(COLUMNS * LETTER) + 2 * EDGE, BAR + LINE * len(rows) + 2 * EDGE
    text = [
        f'<text class="{paint.value}" x="{EDGE}" y="{BAR + EDGE + LINE * at}" xml:space="preserve">'
        f"{escape(line, quote=False)}</text>"
        for at, (paint, line) in enumerate(rows, 1)
    ]
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            "<!-- Drawn by `make picture` from a real rehearsal. -->",
            f"<title>{escape(COMMAND)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="ground" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
            f'<path class="bar" d="M1 {BAR}V9a8 8 0 0 1 8-8H{width - 9}a8 8 0 0 1 8 8V{BAR}Z"/>',
            *(f'<circle class="dot" cx="{EDGE + 4 + 20 * at}" cy="17" r="6"/>' for at in range(3)),
            *text,
            "</svg>",
            "",
        ]
    )


def main(argv: list[str]) -> int:
    drawn = picture()
    if "--check" in argv:
        stale = not FILE.exists() or FILE.read_text("utf-8") != drawn
        if stale:
            print("docs/picture.svg is out of date. Run `make picture`, and look at it.")
        return int(stale)
    FILE.write_text(drawn, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
