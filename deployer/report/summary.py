"""PURE: the job summary, in GitHub's Markdown. Every foreign word stands in a code span or a fence; a link is one that we have checked."""

from __future__ import annotations

import re
from urllib.parse import quote

from deployer.model import Outcome, Owner
from deployer.report.phrases import SUCCESSES, duration, headline
from deployer.report.target_report import Cut, TargetReport

CELL, CHANGE, COMMIT, REASON = 200, 1000, 12, 4000
"""Characters that are shown."""

UNSEEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
"""Controls, and what turns the writing (https://trojansource.codes): nobody can see them."""

TICKS = 40
"""Backticks in a row: behind more than 80 GitHub's Markdown sees no code span, and behind more than 255 it loses count of a fence."""


def markdown(
    facts: list[TargetReport], outcome: Outcome, timeout: float, cut: Cut, *, rehearsal: bool
) -> str:
    """The whole summary: a table of the targets, what was changed on the server, and why the bad ones are bad."""

    def code(text: str, limit: int = CELL) -> str:
        return _code(cut(text, limit))

    title = headline(outcome, None, timeout)
    if rehearsal:
        title = f"Rehearsal: nothing was deployed ({title})"
    lines = [f"### {title[0].upper()}{title[1:]}", ""]
    if facts:
        lines += [
            "| Target | Status | Deployment | Commit | Duration |",
            "|---|---|---|---|---|",
            *(_row(each, cut) for each in facts),
            "",
        ]
    if changes := [(each.target.label, change) for each in facts for change in each.changes]:
        lines += [
            "**Changed on the server**",
            "",
            *(f"- {code(label)}: {code(change, CHANGE)}" for label, change in changes),
            "",
        ]
    for each in facts:
        if each.outcome not in SUCCESSES and each.reason:
            status = each.outcome.status if each.outcome else "?"
            lines += [
                f"**Why {code(each.target.label)} ended as {status}**",
                "",
                _fence(cut(each.reason, REASON)),
                "",
            ]
    return "\n".join(lines)


def _row(facts: TargetReport, cut: Cut) -> str:
    name = _code(cut(facts.target.label, CELL))
    cells = (
        _link(name, facts.url),
        f"{'✅' if facts.outcome in SUCCESSES else '❌'} {facts.outcome.status if facts.outcome else ''}"
        + (" (started by somebody else)" if facts.handle and facts.handle.owner is Owner.OTHERS else ""),
        _link(_code(cut(facts.deployment, CELL)), facts.link) if facts.deployment else "",
        _code(cut(facts.commit, COMMIT, end=False)) if facts.commit else "",
        duration(facts.seconds) if facts.seconds is not None else "",
    )
    return "| {} |".format(" | ".join(cell.replace("|", "\\|") for cell in cells))


def _code(text: str) -> str:
    """A code span that its own text cannot end."""
    flat = _few_ticks(UNSEEN.sub(" ", text).strip()) or " "
    ticks = _ticks(flat, 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}"


def _link(text: str, url: str) -> str:
    """A link, if the address is one of ours to make; what could end it is percent-encoded."""
    if not url.startswith(("https://", "http://")):
        return text
    return f"[{text}]({quote(url.encode('utf-8', 'replace'), safe=':/?#@!$&+,;=%~-._')})"


def _fence(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    clean = _few_ticks("\n".join(UNSEEN.sub(" ", line) for line in lines))
    ticks = _ticks(clean, 3)
    return f"{ticks}text\n{clean}\n{ticks}"


def _few_ticks(text: str) -> str:
    return re.sub(f"`{{{TICKS + 1},}}", "`" * TICKS + "…", text)


def _ticks(text: str, least: int) -> str:
    """More of them in a row than the text has."""
    return "`" * max(least, max(map(len, re.findall("`+", text)), default=0) + 1)
