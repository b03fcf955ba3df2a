"""PURE: secrets that are cut in two: the first half ends one text, the second one begins the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MIN_HALF_CHARS = 6
"""Characters of a half that give a secret away: of two shorter ones neither does."""


class Halves:
    """Finds the halves of the given secrets, as they are written. What holds none costs two searches in one string."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = [
            secret for secret in secrets if not {"\n", "\r"} & set(secret)
        ]  # each line of the others is one of its own
        self._all = "\n".join(self._secrets)

    def may_go_on(self, text: str) -> bool:
        """Whether the text ends with the beginning of a secret, and that shows enough to give it away."""
        return any(True for _ in self._long(text))

    def cut(self, before: str, after: str) -> tuple[int, int]:
        """How many characters at the end of one text, and at the beginning of the next, are one secret's."""
        cuts = [
            (size, len(rest))
            for secret, size in self._begun(before, after)
            if after.startswith(rest := secret[size:].lstrip())
        ]
        return max((size for size, _ in cuts), default=0), max((size for _, size in cuts), default=0)

    def _begun(self, before: str, after: str) -> Iterator[tuple[str, int]]:
        """Secrets with which a text may end, and how much of each, if enough is shown of one half."""
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
