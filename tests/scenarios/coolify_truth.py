"""What a row about Coolify is made of: the versions, the exit codes, and texts and requests that several rows share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.simulator.coolify.versions import VERSIONS

EVERY = tuple(VERSIONS)
ALL = (
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
"""Those that were captured; the others stand beside a boundary (coolify-api 1), and are played where that counts."""

NEW = "4.3.10"


def since(first: str) -> tuple[str, ...]:
    """The versions from this one on, in the table's order."""
    return EVERY[EVERY.index(first) :]


def before(last: str) -> tuple[str, ...]:
    return EVERY[: EVERY.index(last)]


def between(first: str, last: str) -> tuple[str, ...]:
    return tuple(version for version in since(first) if version in before(last))


@dataclass(frozen=True)
class Truth:
    """`number`: the row of architecture 7, or the item of the issue. `sent`: requests that change something, by the simulator's names."""

    number: str
    scenario: str
    status: str
    says: tuple[str, ...] = ()
    sent: Mapping[str, int] = field(default_factory=lambda: {"deploy": 1})
    versions: tuple[str, ...] = (NEW,)
    inputs: Mapping[str, str] = field(default_factory=dict)
    never: tuple[str, ...] = ()
    lasts: tuple[float, float] = (0, 1e9)


NOTHING: Mapping[str, int] = {}
STARTED = {"start": 1}
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
FULL = "Deployment queue is full"
PHANTOM_FULL = "deployment queue is full: Coolify responded with a deployment that does not exist"
INSTANT = {"instant_deploy": "true"}
STARTS_BY_WRITE = before("4.0.0-beta.474")
BY_TAG = {"tag": "blue"}

CHANGING = ("4.0.0-beta.420", "4.0.0", "4.3.10")
"""An old, a middle and the newest one."""

CHANGED = {"patch": 1, "deploy": 1}
ENV = {"env": "NODE_ENV=production\nSECRET=hunter2000"}
ENV_TOLD = ("changed variables: 1 added (SECRET), 0 changed, 1 unchanged",)
ENVS = {"application_envs_set": 1, "deploy": 1}
ENV_REFUSED = {"patch": 1, "application_envs_set": 1}
SKIPS = since("4.0.0-beta.418")
OLDER = (
    "is still in progress, and may not include the changes of this run: triggering again once it has ended"
)
FOLLOWED = "shop: following deployment"
TAG_FIELD = {"settings": '{"docker_registry_image_tag": "2.1.0"}'}
CONFLICT = '{"domains": "http://worker.example.com"}'
SITE = {"verify_url": "{site}"}
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
PINNED = {"commit": "2222222222333333333344444444445555555555"}
BACK = SITE | {"rollback": "true"}
ON_DEMAND = {"command": "rollback"}
BY_CALL = {"deploy": 1, "rollback": 1}
EARLIER = "2222222222333333333344444444445555555555"
GONE_BACK = (
    "rolling back to the previous version",
    f"(back to {EARLIER}",
    "responded with HTTP 502: Bad Gateway. The previous version was restored",
)
STAYS_PINNED = f"(commit: HEAD → {EARLIER}); the application stays pinned to this commit"
IMAGE_BACK = (
    "(back to ghcr.io/acme/shop:2.0.1 (image: ghcr.io/acme/shop:2.1.0 → ghcr.io/acme/shop:2.0.1))",
    "The previous version was restored",
)
UNCLEAR_IMAGES = (
    "can't tell which version ran previously",
    "Available: 2.0.1, built 20",
    "the application's own tag; 2.0.0, built 20",
)
OLD_PINS = between("4.0.0-beta.407", "4.0.0-beta.474")
NO_PINS = between("4.0.0-beta.474", "4.2.0")
PINNED_TOLD = (f"changed commit: HEAD → {PINNED['commit']}", "the application stays pinned to this commit")

NOT_MOVED = "after a cancel, Coolify before 4.3.7 does not start the next deployment"
STUCK = (
    "an older deployment of the same commit is still queued",
    NOT_MOVED,
    "Deploy once with `force: true`, or clear the queue with",
)
NOT_SEEN = (
    "did not change, and Coolify does not report whether",
    "set `verify_url` and `verify_contains`",
)
SURE = {"verify_health": "true"}
BEHIND = ("behind other", "behind another")
STALLING = between("4.0.0-beta.454", "4.3.10")
