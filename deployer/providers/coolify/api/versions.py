"""PURE: since which version Coolify can what (coolify-api 1), and how its version strings are ordered (coolify-api 13)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

VERSION_FORM = re.compile(
    r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:-(alpha|beta|rc|dev|nightly)\.?([0-9a-z.]*))?.*", re.IGNORECASE
)
RANKS = {"alpha": 0, "beta": 1, "rc": 2, "dev": 4, "nightly": 4}
RELEASED = 3

Key = tuple[int, int, int, int, tuple[int, ...]]


def _key(text: str) -> Key | None:
    match = VERSION_FORM.fullmatch(text.strip())
    if match is None:
        return None
    major, minor, patch, rank, suffix = match.groups()
    numbers = tuple(int(part) for part in (suffix or "").split(".") if part.isdecimal())
    return int(major), int(minor), int(patch or 0), RANKS[rank.lower()] if rank else RELEASED, numbers


class Feature(Enum):
    """What came with which version; each is exact to the tag."""

    PREVIEWS = "4.0.0-beta.408"
    PULL_LATEST = "4.0.0-beta.419"
    CANCEL = "4.0.0-beta.436"
    STATES = "4.0.0-beta.445"
    FINISHED_STAYS = "4.0.0-beta.454"
    BY_TAG = "4.0.0-beta.461"
    MARKS_API = "4.0.0-beta.463"
    DEPLOY_STARTS = "4.0.0-beta.464"
    DOCKER_TAG = "4.0.0-beta.471"
    PREVIEW_DELETE = "4.0.0-beta.474"
    ROLLBACK = "4.3.0"
    QUEUE_MOVES_ON = "4.3.7"


SERVICES_PULLED = "4.0.0-beta.391"
"""Before it every start of a service pulled newer images."""

PIN_LOST, PIN_KEPT = "4.0.0-beta.464", "4.2.0"
"""From the first to before the second a deployment takes the branch's head, whatever is pinned."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version as `/version` tells it. One that can't be read, or is not told, is taken for the newest (coolify-api 5.10)."""

    text: str = ""

    def has(self, feature: Feature) -> bool:
        """Whether this version has it."""
        return not self.before(feature.value)

    def before(self, other: str) -> bool:
        """Whether it is surely older."""
        mine, theirs = _key(self.text), _key(other)
        return mine is not None and theirs is not None and mine < theirs
