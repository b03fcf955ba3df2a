"""PURE: an image as people write it (https://github.com/distribution/reference). Which one the app has, only the server knows."""

from __future__ import annotations

import re

from deployer.settings import RawInputs

PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
NAME = re.compile(rf"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{{1,5}})?/)?{PART}(?:/{PART})*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
FORMS = "write name:tag, name@sha256:<64 hex digits>, or only :tag"


def mistakes(raw: RawInputs) -> list[str]:
    """What is wrong with `image`, in a sentence that does not hold it: a password may stand in it."""
    text = raw.text("image")
    wrong = _wrong(text) if text else ""
    return [f"{raw.as_typed('image')}: {wrong}"] if wrong else []


def _wrong(text: str) -> str:
    if "://" in text:
        return f"is an address, not an image: {FORMS}"
    named, at, digest = text.partition("@")
    folder, slash, last = named.rpartition("/")
    short, colon, tag = last.partition(":")  # a colon before the last slash belongs to the registry's port
    name = f"{folder}{slash}{short}"
    rows = (
        (bool(at) and not DIGEST.fullmatch(digest), "must end in @sha256: and 64 hex digits (0-9, a-f)"),
        (
            bool(colon) and not TAG.fullmatch(tag),
            "has a tag that is none: letters, digits and _.- only, at most 128",
        ),
        (not name and bool(at or slash), f"is no image: {FORMS}"),
        (bool(name) and not NAME.fullmatch(name), f"is no image: {FORMS}"),
        (not colon and not at, f"has no tag; `latest` must be written out, too: {FORMS}"),
    )
    return next((sentence for wrong, sentence in rows if wrong), "")
