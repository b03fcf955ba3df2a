"""PURE: the grammar of image references, as users write them in `image`.

https://github.com/distribution/reference
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
NAME = re.compile(rf"(?:{_HOST}(?:\.{_HOST})*(?::\d{{1,5}})?/)?{_PART}(?:/{_PART})*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"[0-9a-f]{64}")
"""What follows `sha256:`, the only algorithm in use."""
FORMS = "write name:tag, name@sha256:<64 hex digits>, or only :tag"


@dataclass(frozen=True, slots=True)
class Reference:
    """One image reference, split into its parts."""

    name: str
    """With the registry and its port; empty for `:tag` alone."""
    tag: str = ""
    digest: str = ""
    """64 hex digits, without `sha256:`. A tag beside it has no effect, as in Docker."""


def parse(text: str) -> Reference:
    """The parts of an image reference.

    Raises ValueError with a sentence that does not repeat the text, which may be a pasted password.
    """
    text = text.strip()
    if "://" in text:
        raise ValueError(f"must be an image, not a URL: {FORMS}")
    named, at, after = text.partition("@")
    name, tag = split(named)
    algorithm, _, digest = after.partition(":")
    if at and not (algorithm == "sha256" and DIGEST.fullmatch(digest)):
        raise ValueError("must end in 64 hex digits (0-9, a-f) after @sha256:")
    if tag is not None and not TAG.fullmatch(tag):
        raise ValueError(
            "has an invalid tag: only letters, digits and _.- are allowed, at most 128 characters"
        )
    if not name and tag and not at:
        return Reference("", tag)
    if not NAME.fullmatch(name):
        problem = "must be lower case" if NAME.fullmatch(name.lower()) else "is not a valid image"
        raise ValueError(f"{problem}: {FORMS}")
    if tag is None and not at:
        raise ValueError(f"has no tag (`latest` must be explicit): {FORMS}")
    return Reference(name, tag or "", digest)


def split(text: str) -> tuple[str, str | None]:
    """Name and tag of a reference without a digest; None without a tag.

    A colon before the last slash is the registry's port.
    """
    head, slash, last = text.rpartition("/")
    name, colon, tag = last.partition(":")
    return head + slash + name, tag if colon else None
