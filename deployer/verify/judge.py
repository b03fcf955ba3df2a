"""PURE: whether an answer is as it must be, and in which words it is told if not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from deployer.model import PollFailed
from deployer.verify.where import leaves

MAX_QUOTED_CHARS = 200
"""Characters of a bad answer that people are shown."""

MAX_LINE_CHARS = 4096
"""Characters in which they are looked for."""

ELSEWHERE = "another host proves nothing. If it is the right answer, set `verify_status: {}`"
"""A parked domain, or the login page of something in front of the application."""

OF_PROXIES = {407, 502, 503, 504}
"""What a proxy answers by itself, where it does not let a request through, or reaches nobody."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must answer, and how. `statuses`: ranges with both ends. `guarded`: the user did not name this address himself.

    `named`: the user has named the statuses, so that a redirect to another host is good if its status is among them.
    """

    url: str
    statuses: tuple[tuple[int, int], ...] = ((200, 399),)
    contains: str = ""
    guarded: bool = False
    named: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What answered in the end.

    `onward`: where it sends us, if we don't follow; `cut`: the text is only its beginning; `proxied`: a proxy has read and passed it on.
    """

    url: str
    status: int
    text: str = ""
    onward: str = ""
    cut: bool = False
    proxied: bool = False

    @property
    def doubtful(self) -> bool:
        """Whether it may be no word of the site's at all."""
        return self.proxied and self.status in OF_PROXIES


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is as expected, and if not, why. `inconclusive`: nor is it evidence that the new version does not run."""

    good: bool
    reason: str = ""
    inconclusive: bool = False


def judge(expectation: Expectation, answer: Page | PollFailed, redact: Callable[[str], str] = str) -> Verdict:
    """Whether this one answer is as it must be. It is told redacted, and that before it is cut: half a secret would be found by nobody."""
    match answer:
        case PollFailed(reason):
            said = (
                f"{shown(redact(expectation.url))}: {one_visible_line(redact(reason), 2 * MAX_QUOTED_CHARS)}"
            )
            return Verdict(good=False, reason=said, inconclusive=True)
        case Page(url, status, text, cut=cut):
            trouble = f"{shown(redact(url))} answered {heard(answer, redact)}"
            if any(low <= status <= high for low, high in expectation.statuses):
                if answer.onward and not expectation.named and leaves(url, answer.onward):
                    return Verdict(
                        good=False, reason=f"{trouble}: {ELSEWHERE.format(status)}", inconclusive=True
                    )
                if expectation.contains in text:
                    return Verdict(good=True)
                trouble += f", without {one_visible_line(redact(expectation.contains))!r}{' in its first MiB' if cut else ''}"
            words = first_line(redact(text))
            return Verdict(
                good=False, reason=f"{trouble}: {words}" if words else trouble, inconclusive=answer.doubtful
            )


def wanted(expectation: Expectation) -> str:
    """What it must answer, in words."""
    statuses = ",".join(str(low) if low == high else f"{low}-{high}" for low, high in expectation.statuses)
    contains = one_visible_line(
        expectation.contains, len(expectation.contains)
    )  # whole: it is not redacted yet
    return f"{statuses} twice in a row{f', with {contains!r} in it' if contains else ''}"


def heard(page: Page, redact: Callable[[str], str] = str) -> str:
    """Its status, and what must be known of that."""
    onward = f", a redirect to {shown(redact(page.onward))} that is not followed" if page.onward else ""
    doubt = ", which may be the proxy's own answer" if page.doubtful else ""
    return f"HTTP {page.status}{onward}{doubt}"


def one_visible_line(text: str, told: int = MAX_QUOTED_CHARS) -> str:
    """One short line in which nothing is hidden and nothing turns the writing."""
    visible = "".join(
        " " if unicodedata.category(character) in _UNSEEN else character
        for character in text[:MAX_LINE_CHARS]
    )
    line = " ".join(visible.split())
    return line if len(line) <= told else f"{line[: told - 1]}…"


def first_line(text: str) -> str:
    """The first line that says something: an error page begins with tags, and JSON with a brace."""
    plain = _TAG.sub(" ", text[:MAX_LINE_CHARS])
    return next((line for line in map(one_visible_line, plain.splitlines()) if re.search(r"\w", line)), "")


def shown(url: str) -> str:
    """An address for people. What stands behind `?` may be a secret, and before `@`, too."""
    address, query, _ = one_visible_line(url.partition("#")[0]).partition("?")
    scheme, slashes, rest = address.partition("//")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}{'?…' if query else ''}"


_UNSEEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}
_TAG = re.compile(r"<[!/?a-zA-Z][^>]*>")
