"""PURE: whether a response is as expected, and how that is explained if not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from deployer.model import PollFailed
from deployer.verify.where import leaves

MAX_QUOTED_CHARS = 200
"""How much of an unexpected response is shown."""

MAX_LINE_CHARS = 4096
"""How much of it is searched for a line worth showing."""

ELSEWHERE = (
    "a redirect to another host does not count. If it is the expected response, set `verify_status: {}`"
)
"""It may lead to a parked domain, or to the login page of something in front of the application."""

OF_PROXIES = {407, 502, 503, 504}
"""What a proxy itself responds if it refuses a request, or can't reach the server."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Which URL must respond, and with what."""

    url: str
    statuses: tuple[tuple[int, int], ...] = ((200, 399),)
    """Ranges, both ends included."""
    contains: str = ""
    """Text that the body must contain."""
    guarded: bool = False
    """The user did not name this URL (`verify_url: auto`): it must not lead to internal addresses."""
    named: bool = False
    """The user named the statuses: then a redirect to another host is good if its status is among them."""


@dataclass(frozen=True, slots=True)
class Page:
    """The final response, after redirects that were followed."""

    url: str
    status: int
    text: str = ""
    onward: str = ""
    """The target of a redirect that is not followed; empty without one."""
    cut: bool = False
    """`text` is only the beginning of the body."""
    proxied: bool = False
    """It passed through a proxy that can read and change it."""

    @property
    def doubtful(self) -> bool:
        """Whether the proxy may have responded instead of the site."""
        return self.proxied and self.status in OF_PROXIES


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the response is as expected."""

    good: bool
    reason: str = ""
    """Why not."""
    inconclusive: bool = False
    """Not as expected, but no evidence either that the new version is down."""


def judge(
    expectation: Expectation, response: Page | PollFailed, redact: Callable[[str], str] = str
) -> Verdict:
    """Whether one response is as expected.

    What is quoted of it is redacted first and cut then: redaction would miss half a secret.
    """
    match response:
        case PollFailed(reason):
            what = one_visible_line(redact(reason), 2 * MAX_QUOTED_CHARS)
            return Verdict(good=False, reason=f"{shown(redact(expectation.url))}: {what}", inconclusive=True)
        case Page(url, status, text, cut=cut):
            problem = f"{shown(redact(url))} responded with {described(response, redact)}"
            if any(low <= status <= high for low, high in expectation.statuses):
                if response.onward and not expectation.named and leaves(url, response.onward):
                    reason = f"{problem}: {ELSEWHERE.format(status)}"
                    return Verdict(good=False, reason=reason, inconclusive=True)
                if expectation.contains in text:
                    return Verdict(good=True)
                problem += f", without {one_visible_line(redact(expectation.contains))!r}"
                problem += " in its first MiB" if cut else ""
            line = first_line(redact(text))
            reason = f"{problem}: {line}" if line else problem
            return Verdict(good=False, reason=reason, inconclusive=response.doubtful)


def wanted(expectation: Expectation) -> str:
    """What is expected, as a phrase."""
    statuses = ",".join(str(low) if low == high else f"{low}-{high}" for low, high in expectation.statuses)
    contains = one_visible_line(expectation.contains, len(expectation.contains))  # uncut: not redacted yet
    phrase = f"{statuses} twice in a row"
    return f"{phrase}, containing {contains!r}" if contains else phrase


def described(page: Page, redact: Callable[[str], str] = str) -> str:
    """The status, and what restricts its meaning."""
    onward = f", a redirect to {shown(redact(page.onward))} that is not followed" if page.onward else ""
    doubt = ", perhaps from the proxy itself" if page.doubtful else ""
    return f"HTTP {page.status}{onward}{doubt}"


def one_visible_line(text: str, max_chars: int = MAX_QUOTED_CHARS) -> str:
    """One short line without invisible characters and without changes of the writing direction."""
    visible = "".join(
        " " if unicodedata.category(character) in _UNSEEN else character
        for character in text[:MAX_LINE_CHARS]
    )
    line = " ".join(visible.split())
    return line if len(line) <= max_chars else f"{line[: max_chars - 1]}…"


def first_line(text: str) -> str:
    """The first line with a word in it: an error page begins with tags, and JSON with a brace."""
    plain = _TAG.sub(" ", text[:MAX_LINE_CHARS])
    return next((line for line in map(one_visible_line, plain.splitlines()) if re.search(r"\w", line)), "")


def shown(url: str) -> str:
    """A URL for messages, without its query and its login: both may contain secrets."""
    address, query, _ = one_visible_line(url.partition("#")[0]).partition("?")
    scheme, slashes, rest = address.partition("//")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}{'?…' if query else ''}"


_UNSEEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}
_TAG = re.compile(r"<[!/?a-zA-Z][^>]*>")
