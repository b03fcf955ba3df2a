"""The case of Coolify's end-to-end tests, and the versions, texts and requests that cases share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.simulator.coolify.versions import VERSIONS

EVERY_VERSION = tuple(VERSIONS)
CAPTURED = (
    "4.0.0-beta.380",
    "4.0.0-beta.420",
    "4.0.0-beta.434",
    "4.0.0-beta.463",
    "4.0.0",
    "4.1.2",
    "4.2.0",
    "4.3.6",
    "4.3.10",
    "4.4-rc.1",
)
"""The versions with captured responses.

The others are next to a boundary (coolify-api 1), and are simulated where it matters.
"""

NEW = "4.3.10"


def since(first: str) -> tuple[str, ...]:
    """Return this version and the later ones, in the table's order."""
    return EVERY_VERSION[EVERY_VERSION.index(first) :]


def before(last: str) -> tuple[str, ...]:
    return EVERY_VERSION[: EVERY_VERSION.index(last)]


def between(first: str, last: str) -> tuple[str, ...]:
    return tuple(version for version in since(first) if version in before(last))


@dataclass(frozen=True)
class Case:
    """One run of the program against a scenario, and its expected result."""

    topic: str
    """The row of architecture 7, the item of the issue, or the feature."""
    scenario: str
    status: str
    prints: tuple[str, ...] = ()
    """Texts that the output contains."""
    sent: Mapping[str, int] = field(default_factory=lambda: {"deploy": 1})
    """The requests that change something, by the simulator's route names."""
    versions: tuple[str, ...] = (NEW,)
    inputs: Mapping[str, str] = field(default_factory=dict)
    never_prints: tuple[str, ...] = ()
    """Texts that the output does not contain."""
    duration: tuple[float, float] = (0, 1e9)
    """The least and the most seconds that the run takes."""


NO_CHANGES: Mapping[str, int] = {}
START_REQUEST = {"start": 1}
CODES = {
    "finished": 0,
    "triggered": 0,
    "skipped": 0,
    "failed": 1,
    "refused": 2,
    "timed_out": 3,
    "lost": 3,
    "cancelled": 4,
    "unverified": 5,
    "rolled_back": 5,
    "unreachable": 6,
}
QUEUE_FULL = "Deployment queue is full"
PHANTOM_FULL = "deployment queue is full: Coolify responded with a deployment that does not exist"
INSTANT = {"instant_deploy": "true"}
NEEDS_WRITE_TO_START = before("4.0.0-beta.474")
BY_TAG = {"tag": "blue"}

CHANGE_VERSIONS = ("4.0.0-beta.420", "4.0.0", "4.3.10")
"""The versions against which changes are tested: an old, a middle and the newest one."""

PATCH_AND_DEPLOY = {"patch": 1, "deploy": 1}
ENV = {"env": "NODE_ENV=production\nSECRET=hunter2000"}
ENV_CHANGES = ("changed variables: 1 added (SECRET), 0 changed, 1 unchanged",)
SET_ENVS_AND_DEPLOY = {"application_envs_set": 1, "deploy": 1}
PATCH_AND_SET_ENVS = {"patch": 1, "application_envs_set": 1}
SKIPS_DUPLICATES = since("4.0.0-beta.418")
OLDER_DEPLOYMENT_FOLLOWED = (
    "is still in progress, and may not include the changes of this run: triggering again once it has ended"
)
FOLLOWING = "shop: following deployment"
IMAGE_TAG_SETTING = {"settings": '{"docker_registry_image_tag": "2.1.0"}'}
CONFLICTING_DOMAINS = '{"domains": "http://worker.example.com"}'
VERIFY_SITE = {"verify_url": "{site}"}
CREATE = {
    "create": "true",
    "name": "shop",
    "image": "ghcr.io/acme/shop:2.1.0",
    "project": "shop",
    "environment": "production",
}
CREATE |= {"ports": "80"}
CREATED = "created in project Shop, environment production, on server localhost, from ghcr.io/acme/shop:2.1.0"
WOULD_CREATE = CREATED.replace("created", "would create it")
COMMIT_INPUT = {"commit": "2222222222333333333344444444445555555555"}
ROLLBACK = VERIFY_SITE | {"rollback": "true"}
ROLLBACK_COMMAND = {"command": "rollback"}
DEPLOY_AND_ROLLBACK = {"deploy": 1, "rollback": 1}
EARLIER_COMMIT = "2222222222333333333344444444445555555555"
ROLLED_BACK = (
    "rolling back to the previous version",
    f"(back to {EARLIER_COMMIT}",
    "responded with HTTP 502: Bad Gateway. The previous version was restored",
)
STAYS_PINNED = f"(commit: HEAD → {EARLIER_COMMIT}); the application stays pinned to this commit"
IMAGE_ROLLED_BACK = (
    "(back to ghcr.io/acme/shop:2.0.1 (image: ghcr.io/acme/shop:2.1.0 → ghcr.io/acme/shop:2.0.1))",
    "The previous version was restored",
)
UNCLEAR_IMAGES = (
    "can't tell which version ran previously",
    "Available: 2.0.1, built 20",
    "the application's own tag; 2.0.0, built 20",
)
EARLY_PIN_VERSIONS = between("4.0.0-beta.407", "4.0.0-beta.474")
NO_PIN_VERSIONS = between("4.0.0-beta.474", "4.2.0")
PINNED = (f"changed commit: HEAD → {COMMIT_INPUT['commit']}", "the application stays pinned to this commit")

QUEUE_NOT_RESUMED = "after a cancel, Coolify before 4.3.7 does not start the next deployment"
STUCK_QUEUE = (
    "an older deployment of the same commit is still queued",
    QUEUE_NOT_RESUMED,
    "Deploy once with `force: true`, or clear the queue with",
)
STATUS_UNCHANGED = (
    "but not whether images were pulled or containers replaced",
    "set `verify_url` and `verify_contains`",
)
VERIFY_HEALTH = {"verify_health": "true"}
QUEUED_BEHIND = ("behind other", "behind another")
STALLING_VERSIONS = between("4.0.0-beta.454", "4.3.10")
