"""PURE: whether an answer is as it must be, and in which words it is told if not."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from deployer.model import Missed

TOLD = 200
"""Characters of a bad answer that people are shown."""

BEGINNING = 4096
"""Characters in which they are looked for."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must answer, and how. `statuses`: ranges with both ends. `guarded`: the user did not name this address himself."""

    url: str
    statuses: tuple[tuple[int, int], ...] = ((200, 399),)
    contains: str = ""
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What answered in the end. `onward`: where it sends us, if we don't follow; `cut`: the text is only its beginning."""

    url: str
    status: int
    text: str = ""
    onward: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is as expected, and if not, why."""

    good: bool
    reason: str = ""


def judge(expectation: Expectation, answer: Page | Missed) -> Verdict:
    """Whether this one answer is as it must be."""
    match answer:
        case Missed(reason):
            return Verdict(good=False, reason=f"{shown(expectation.url)}: {neutral(reason, 2 * TOLD)}")
        case Page(url, status, text, onward, cut):
            trouble = f"{shown(url)} answered HTTP {status}"
            if onward:
                trouble += f", a redirect to {shown(onward)} that is not followed"
            if any(low <= status <= high for low, high in expectation.statuses):
                if expectation.contains in text:
                    return Verdict(good=True)
                trouble += f", without {neutral(expectation.contains)!r}{' in its first MiB' if cut else ''}"
            words = first_line(text)
            return Verdict(good=False, reason=f"{trouble}: {words}" if words else trouble)


def neutral(text: str, told: int = TOLD) -> str:
    """One short line in which nothing is hidden and nothing turns the writing."""
    visible = "".join(" " if unicodedata.category(character) in _UNSEEN else character for character in text[:BEGINNING])
    line = " ".join(visible.split())
    return line if len(line) <= told else f"{line[: told - 1]}…"


def first_line(text: str) -> str:
    """The first line that says something: an error page begins with tags, and JSON with a brace."""
    plain = _TAG.sub(" ", text[:BEGINNING])
    return next((line for line in map(neutral, plain.splitlines()) if re.search(r"\w", line)), "")


def shown(url: str) -> str:
    """An address for people. What stands behind `?` may be a secret, and before `@`, too."""
    address, query, _ = neutral(url.partition("#")[0]).partition("?")
    scheme, slashes, rest = address.partition("//")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}{'?…' if query else ''}"


_UNSEEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}
_TAG = re.compile(r"<[!/?a-zA-Z][^>]*>")
