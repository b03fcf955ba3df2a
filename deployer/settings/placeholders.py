"""PURE: a secret that is none: in quotes that became a part of it, a variable that nobody filled in, or the stars of a log.

Such a text would be sent, and the refusal told as "wrong, revoked or expired"; a password would count as a failed login.
"""

from __future__ import annotations

import re

QUOTES = ('""', "''", "``", "\u201c\u201d", "\u2018\u2019", "\u201e\u201c", "\u00ab\u00bb")
QUOTED = "stands in quotes, which became a part of it (`docker run --env-file` keeps them). Leave them out"
UNFILLED = "is a variable that was not filled in. Check its name, and that this job may read it"
MASKED = "is what a log shows in the place of a secret. Set the secret itself"

VARIABLE = re.compile(
    r"\$(?:[A-Z_][A-Z0-9_]*|[A-Za-z]\w*_\w*|env:\w+)"  # $X of shells and GitLab; a password may begin with $, as in "$ecret1"
    r"|\$\{.*\}|\$\(.*\)|\$\[.*\]"  # ${X}, ${{ … }}, Azure's $(X) and $[…]
    r"|#?\{\{.*\}\}|#\{.*\}#?|%\w+%|<%.*%>|<[^<>]+>"  # templates, cmd.exe, and what manuals print
    r"|null|undefined",
    re.DOTALL,
)
STARS = re.compile(
    r"[*\u2022\u25cf\u2026]+|[\[(<](?:masked|redacted|filtered|secure|secret|hidden)[\])>]", re.IGNORECASE
)


def unfilled(text: str) -> str:
    """What is wrong with a secret, as the end of a sentence, which shows nothing of it; empty where it may be one."""
    text = text.strip()
    if STARS.fullmatch(text):
        return MASKED
    if VARIABLE.fullmatch(text):
        return UNFILLED
    return ""


def no_secret(text: str) -> str:
    """The same, and whether it stands in quotes."""
    text = text.strip()
    inner = text[1:-1] if len(text) > 1 and text[0] + text[-1] in QUOTES else ""
    return (unfilled(inner) or QUOTED) if inner else unfilled(text)
