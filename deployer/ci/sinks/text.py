"""Text on its way out: split into lines, and stripped of every known secret."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator

_BREAK = re.compile(r"\r\n|\n|\r")
_SHORTEST = 8

COLOUR = re.compile(r"(?:\x1b\[|\x9b)[0-9;:]*m")


def lines(text: str) -> list[str]:
    r"""Split as CI systems do: on `\n`, `\r\n` and a bare `\r`, on nothing else (ci-formats 0 rule 3). A break at the end begins no line.

    `str.splitlines` would also split on form feeds and U+2028, where no CI system does.
    """
    parts = _BREAK.split(text)
    return parts[:-1] if len(parts) > 1 and not parts[-1] else parts


def one_line(text: str) -> str:
    """Join with one space what line breaks divide."""
    return re.sub(r"[\r\n]+", " ", text)


class Redactor:
    """Replaces secrets by `***`, wherever they stand: as they are, or as URLs, JSON, HTML, GitHub's commands, base64 or hex spell them.

    CI systems mask too, but most only what they hold themselves, and none of them everything (ci-formats 0 rule 5).
    """

    def __init__(self) -> None:
        self._secrets = _Known()
        self._all = _Known()

    def add(self, secret: str) -> None:
        """Keep this secret from now on, and each of its lines. Shorter than eight characters is ignored: it would blank innocent words."""
        self._secrets.add(secret)
        self._all.add(secret)

    def hide(self, value: str) -> None:
        """The same, but only in what we pass on from outside: our own words and outputs may well hold it (a commit, an address)."""
        self._all.add(value)

    def __call__(self, text: str) -> str:
        return self._secrets.taken_out(text)

    def passed_on(self, text: str) -> str:
        """Without the secrets, and without what is hidden in foreign text."""
        return self._all.taken_out(text)


class _Known:
    """Values to be taken out, and the one pattern that finds them: made when it is first needed, for it is slow."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        squeezed = " ".join(secret.split())  # as a sentence in one line holds it
        values = {value for value in (secret.strip(), squeezed, *map(str.strip, lines(secret))) if len(value) >= _SHORTEST}
        if not values <= self._values:
            self._values |= values
            self._pattern = None

    def taken_out(self, text: str) -> str:
        if not self._values:
            return text
        self._pattern = self._pattern or _pattern(self._values)
        clean = self._pattern.sub("***", text)
        # Colours are shown or dropped, and what they divide reads as one word in either case.
        bare = COLOUR.sub("", clean)
        return self._pattern.sub("***", bare) if bare != clean and self._pattern.search(bare) else clean


def _pattern(secrets: Iterable[str]) -> re.Pattern[str]:
    """The longest first: of a secret that begins like another one, no tail may stay."""
    spelled = {spelling: len(secret) for secret in sorted(secrets, key=lambda one: (len(one), one)) for spelling in _spellings(secret)}
    return re.compile("|".join(sorted(spelled, key=lambda spelling: (spelled[spelling], len(spelling)), reverse=True)))


def _spellings(secret: str) -> Iterator[str]:
    """Regular expressions for one secret. Every spelling is one family of escapes: mixing them would match in exponentially many ways."""
    yield re.escape(secret)
    for spelled in (_url, _json, _html):
        yield "".join(_choice(spelled(character)) for character in secret)
    raw = secret.encode("utf-8", "replace")
    yield f"(?i:{raw.hex()})"
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield from (_base64(encode, raw, offset) for offset in range(3))


def _choice(spelled: set[str]) -> str:
    choices = "|".join(re.escape(one) for one in sorted(spelled, key=lambda one: (-len(one), one)))
    return f"(?:{choices})" if len(spelled) > 1 else choices


def _url(character: str) -> set[str]:
    """Percent-encoded, in both cases of the digits. Encoders differ in what they leave as it is; GitHub's commands escape but a few."""
    upper = "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))
    if character == "%":
        return {upper}
    if character.isascii() and character.isalnum():
        return {character}
    return {character, upper, upper.lower()} | ({"+"} if character == " " else set())


_JSON = {'"': {'\\"'}, "\\": {"\\\\"}, "/": {"/", "\\/"}, "\n": {"\\n"}, "\r": {"\\r"}, "\t": {"\\t"}, "\b": {"\\b"}, "\f": {"\\f"}}


def _json(character: str) -> set[str]:
    r"""Also PHP's `\/`, and the `\u0026` with which Go and PHP keep HTML out of JSON."""
    if character.isascii() and character.isalnum():
        return {character}
    units = character.encode("utf-16-be", "surrogatepass").hex()
    escaped = {re.sub("....", r"\\u\g<0>", cased) for cased in (units, units.upper())}
    return _JSON.get(character, {character}) | escaped


_HTML = {"&": {"&amp;"}, "<": {"&lt;"}, ">": {">", "&gt;"}, '"': {'"', "&quot;"}, "'": {"'", "&apos;", "&#039;"}}


def _html(character: str) -> set[str]:
    if character.isascii() and character.isalnum():
        return {character}
    code = ord(character)
    return _HTML.get(character, {character}) | {f"&#{code};", f"&#x{code:x};", f"&#x{code:X};"}


def _base64(encode: Callable[[bytes], bytes], raw: bytes, offset: int) -> str:
    """Match what this secret alone decides, when it begins so many bytes after a group of three; and its end with the padding."""
    code = encode(b"\0" * offset + raw).decode().rstrip("=")
    undecided_before = (0, 2, 3)[offset]
    if (offset + len(raw)) % 3 == 0:
        return re.escape(code[undecided_before:])
    return f"{re.escape(code[undecided_before:-1])}(?:{re.escape(code[-1])}=*)?"
