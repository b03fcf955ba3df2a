"""Redacts the lines of a build log, even if a secret is split between two entries.

Coolify splits output anywhere (coolify-api 6).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from deployer.ci import output
from deployer.ci.output import Redactor


@dataclass(frozen=True, slots=True)
class _Last:
    """The previous entry of a log."""

    text: str
    head: int
    """Characters at its beginning that are the end of a secret."""
    held: bool
    """Its last line is not passed on yet."""


class Cuts:
    """Passes on the lines of every entry.

    A last line that may end with the first part of a secret waits for the next entry.
    """

    def __init__(self, redact: Redactor) -> None:
        self._redact = redact
        self._last: dict[Hashable, _Last] = {}

    def lines(self, log: Hashable, texts: Iterable[str]) -> list[str]:
        """Redact the next entries of one log; the lines that can be passed on."""
        found: list[str] = []
        for text in texts:
            last = self._last.get(log)
            tail, head = self._redact.split_secret(last.text, text) if last else (0, 0)
            found += self._held(last, tail)
            whole = output.lines(self._redact.untrusted(text, head=head))
            held = self._redact.may_continue(text)
            found += whole[:-1] if held else whole
            self._last[log] = _Last(text if held else text[1 - output.MIN_HALF_CHARS :], head, held)
        return found

    def rest(self, log: Hashable) -> list[str]:
        """The line that was waiting, if no further entry comes."""
        return self._held(self._last.pop(log, None), 0)

    def _held(self, last: _Last | None, tail: int) -> list[str]:
        if not last or not last.held:
            return []
        return output.lines(self._redact.untrusted(last.text, head=last.head, tail=tail))[-1:]
