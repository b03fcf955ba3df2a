"""The lines of a build log, redacted, also where a secret is cut in two: Coolify cuts output anywhere (coolify-api 6)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from deployer.ci import output
from deployer.ci.output import Redactor


@dataclass(frozen=True, slots=True)
class _Last:
    """The last entry. `head`: characters at its beginning that end a secret. `held`: its last line is not passed on yet."""

    text: str
    head: int
    held: bool


class Cuts:
    """Every entry's lines as they come. A last line that may end with half a secret waits for the entry after it."""

    def __init__(self, redact: Redactor) -> None:
        self._redact = redact
        self._last: dict[Hashable, _Last] = {}

    def lines(self, log: Hashable, texts: Iterable[str]) -> list[str]:
        """The next entries of one log."""
        found: list[str] = []
        for text in texts:
            last = self._last.get(log)
            tail, head = self._redact.cut_between(last.text, text) if last else (0, 0)
            found += self._held(last, tail)
            whole = output.lines(self._redact.passed_on(text, head=head))
            held = self._redact.may_go_on(text)
            found += whole[:-1] if held else whole
            self._last[log] = _Last(text if held else text[1 - output.MIN_HALF_CHARS :], head, held)
        return found

    def rest(self, log: Hashable) -> list[str]:
        """What waits for an entry that does not come."""
        return self._held(self._last.pop(log, None), 0)

    def _held(self, last: _Last | None, tail: int) -> list[str]:
        return (
            output.lines(self._redact.passed_on(last.text, head=last.head, tail=tail))[-1:]
            if last and last.held
            else []
        )
