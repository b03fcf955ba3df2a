"""PURE: which version of Coolify supports what, and how versions are ordered (coolify-api 1, 13)."""

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
    """What not every version supports, and the exact version that introduced it."""

    PREVIEWS = "4.0.0-beta.408"
    """Deploying the preview of a pull request."""
    PULL_LATEST = "4.0.0-beta.419"
    """Restarting a service with newer images."""
    CANCEL = "4.0.0-beta.436"
    """Cancelling a deployment."""
    STATES = "4.0.0-beta.445"
    """Reporting `running:unknown` for a container without a health check, not `running:unhealthy`."""
    FINISHED_STAYS = "4.0.0-beta.454"
    """A deployment that is finished no longer turns to failed."""
    BY_TAG = "4.0.0-beta.461"
    """Listing the applications with a tag."""
    MARKS_API = "4.0.0-beta.463"
    """Marking the deployments that the API has started."""
    DEPLOY_STARTS = "4.0.0-beta.464"
    """Starting, restarting and stopping with the ability `deploy` instead of `write`."""
    DOCKER_TAG = "4.0.0-beta.471"
    """Previews of Docker-image applications."""
    PREVIEW_DELETE = "4.0.0-beta.474"
    """Deleting a preview."""
    ROLLBACK = "4.3.0"
    """Rolling back, and listing the images to roll back to."""
    QUEUE_MOVES_ON = "4.3.7"
    """Starting the next deployment in the queue after a cancel."""


SERVICES_PULLED = "4.0.0-beta.391"
"""Before this version, every start of a service pulls newer images."""

DATED_CHECKS = "4.0.0-beta.463"
"""From this version on, Coolify is known to date its check right after a deployment (coolify-api 18.7)."""

PIN_LOST = "4.0.0-beta.464"
"""From this version until before `PIN_KEPT`, a deployment ignores the pinned commit."""

PIN_KEPT = "4.2.0"
"""From this version on, a deployment takes the pinned commit."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version as `/version` returns it.

    One that is unknown or can't be parsed counts as the newest (coolify-api 5.10).
    """

    text: str = ""

    def has(self, feature: Feature) -> bool:
        """Whether this version supports the feature."""
        return not self.before(feature.value)

    def before(self, other: str) -> bool:
        """Whether this version is certainly older than the other one."""
        mine, theirs = _key(self.text), _key(other)
        return mine is not None and theirs is not None and mine < theirs
