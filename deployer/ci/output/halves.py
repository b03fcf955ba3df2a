"""PURE: finds secrets that are split between two texts.

One ends with the first part, the next one starts with the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MIN_HALF_CHARS = 6
"""A part of at least this length reveals a secret; two shorter ones do not."""


class Halves:
    """Finds the parts of the given secrets, unencoded.

    A text without any costs two searches in one string.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        # Each line of a secret with several is a secret of its own.
        self._secrets = [secret for secret in secrets if not {"\n", "\r"} & set(secret)]
        self._all = "\n".join(self._secrets)

    def may_continue(self, text: str) -> bool:
        """Whether the text ends with the beginning of a secret that is long enough to reveal it."""
        return any(True for _ in self._long(text))

    def cut(self, before: str, after: str) -> tuple[int, int]:
        """How many characters at the end of `before` and at the start of `after` are parts of one secret."""
        cuts = [
            (size, len(rest))
            for secret, size in self._begun(before, after)
            if after.startswith(rest := secret[size:].lstrip())
        ]
        return max((size for size, _ in cuts), default=0), max((size for _, size in cuts), default=0)

    def _begun(self, before: str, after: str) -> Iterator[tuple[str, int]]:
        """Secrets that a text may end with, and how much of each, if one of the parts is long enough."""
        yield from self._long(before)
        if len(after) >= MIN_HALF_CHARS and after[:MIN_HALF_CHARS] in self._all:
            yield from (
                (secret, size)
                for secret in self._secrets
                for size in range(1, MIN_HALF_CHARS)
                if before.endswith(secret[:size].rstrip())
            )

    def _long(self, text: str) -> Iterator[tuple[str, int]]:
        end = text[-MIN_HALF_CHARS:]
        if len(end) < MIN_HALF_CHARS or end not in self._all:
            return
        for secret in self._secrets:
            if end in secret:
                at = text.find(secret[:MIN_HALF_CHARS], max(0, len(text) - len(secret) + 1))
                while at >= 0:
                    if secret.startswith(text[at:]):
                        yield secret, len(text) - at
                    at = text.find(secret[:MIN_HALF_CHARS], at + 1)
