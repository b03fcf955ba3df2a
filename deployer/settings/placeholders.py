"""PURE: recognizes texts that can't be a secret.

One in quotes, an unexpanded variable, or the asterisks of a log.

Sent to a server, they would be refused as "wrong, revoked or expired", and a password would count as a failed
login.
"""

from __future__ import annotations

import re

QUOTES = ('""', "''", "``", "\u201c\u201d", "\u2018\u2019", "\u201e\u201c", "\u00ab\u00bb")
QUOTED = "includes its quotes (`docker run --env-file` keeps them). Remove them"
UNFILLED = "is an unexpanded variable. Check its name, and that this job may read it"
MASKED = "is the placeholder that a log shows for a secret. Set the secret itself"

VARIABLE = re.compile(
    # $X of shells and GitLab; a password may begin with $: "$ecret1"
    r"\$(?:[A-Z_][A-Z0-9_]*|[A-Za-z]\w*_\w*|env:\w+)"
    r"|\$\{.*\}|\$\(.*\)|\$\[.*\]"  # ${X}, ${{ … }}, Azure's $(X) and $[…]
    r"|#?\{\{.*\}\}|#\{.*\}#?|%\w+%|<%.*%>|<[^<>]+>"  # templates, cmd.exe, and the placeholders of manuals
    r"|null|undefined",
    re.DOTALL,
)
STARS = re.compile(
    r"[*\u2022\u25cf\u2026]+|[\[(<](?:masked|redacted|filtered|secure|secret|hidden)[\])>]", re.IGNORECASE
)


def unfilled(text: str) -> str:
    """Why the text can't be a secret, as the end of a sentence that does not show it.

    Empty if it may be one.
    """
    text = text.strip()
    if STARS.fullmatch(text):
        return MASKED
    if VARIABLE.fullmatch(text):
        return UNFILLED
    return ""


def no_secret(text: str) -> str:
    """Why the text can't be a secret, quotes included, as the end of a sentence; empty if it may be one."""
    text = text.strip()
    inner = text[1:-1] if len(text) > 1 and text[0] + text[-1] in QUOTES else ""
    return (unfilled(inner) or QUOTED) if inner else unfilled(text)
