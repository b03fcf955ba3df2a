"""PURE: the job summary, in GitHub's Markdown.

Untrusted text only appears in code spans and fences, and links are checked.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from deployer.model import Outcome, Owner
from deployer.report.phrases import SUCCESSES, duration, headline
from deployer.report.target_report import Cut, TargetReport

MAX_CELL_CHARS, MAX_CHANGE_CHARS, COMMIT_CHARS, MAX_REASON_CHARS = 200, 1000, 12, 4000

INVISIBLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
"""Control characters, and those that change the writing direction (https://trojansource.codes)."""

MAX_TICKS = 40
"""Backticks in a row.

GitHub's Markdown does not recognize a code span after more than 80, or a fence after more than 255.
"""


def markdown(
    reports: list[TargetReport], outcome: Outcome, timeout: float, cut: Cut, *, rehearsal: bool
) -> str:
    """The whole summary: a table of the targets, what was changed on the server, and why targets failed."""

    def code(text: str, limit: int = MAX_CELL_CHARS) -> str:
        return _code(cut(text, limit))

    title = headline(outcome, None, timeout)
    if rehearsal:
        title = f"Rehearsal: nothing was deployed ({title})"
    lines = [f"### {title[0].upper()}{title[1:]}", ""]
    if reports:
        lines += [
            "| Target | Status | Deployment | Commit | Duration |",
            "|---|---|---|---|---|",
            *(_row(each, cut) for each in reports),
            "",
        ]
    if changes := [(each.target.label, change) for each in reports for change in each.changes]:
        lines += [
            "**Changed on the server**",
            "",
            *(f"- {code(label)}: {code(change, MAX_CHANGE_CHARS)}" for label, change in changes),
            "",
        ]
    for each in reports:
        if each.outcome not in SUCCESSES and each.reason:
            status = each.outcome.status if each.outcome else "?"
            lines += [
                f"**Why {code(each.target.label)} ended as {status}**",
                "",
                _fence(cut(each.reason, MAX_REASON_CHARS)),
                "",
            ]
    return "\n".join(lines)


def _row(report: TargetReport, cut: Cut) -> str:
    name = _code(cut(report.target.label, MAX_CELL_CHARS))
    status = "✅ " if report.outcome in SUCCESSES else "❌ "
    status += report.outcome.status if report.outcome else ""
    if report.handle and report.handle.owner is Owner.OTHERS:
        status += " (started by somebody else)"
    cells = (
        _link(name, report.url),
        status,
        _link(_code(cut(report.deployment, MAX_CELL_CHARS)), report.link) if report.deployment else "",
        _code(cut(report.commit, COMMIT_CHARS, end=False)) if report.commit else "",
        duration(report.seconds) if report.seconds is not None else "",
    )
    return "| {} |".format(" | ".join(cell.replace("|", "\\|") for cell in cells))


def _code(text: str) -> str:
    """A code span that the text can't close."""
    flat = _few_ticks(INVISIBLE.sub(" ", text).strip()) or " "
    ticks = _ticks(flat, 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}"


def _link(text: str, url: str) -> str:
    """A link, if the URL has a safe scheme. Characters that could end the link are percent-encoded."""
    if not url.startswith(("https://", "http://")):
        return text
    return f"[{text}]({quote(url.encode('utf-8', 'replace'), safe=':/?#@!$&+,;=%~-._')})"


def _fence(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    clean = _few_ticks("\n".join(INVISIBLE.sub(" ", line) for line in lines))
    ticks = _ticks(clean, 3)
    return f"{ticks}text\n{clean}\n{ticks}"


def _few_ticks(text: str) -> str:
    return re.sub(f"`{{{MAX_TICKS + 1},}}", "`" * MAX_TICKS + "…", text)


def _ticks(text: str, least: int) -> str:
    """More backticks in a row than the text contains, and at least `least`."""
    return "`" * max(least, max(map(len, re.findall("`+", text)), default=0) + 1)
