"""The truths that others get wrong (architecture 7 and 4), on the versions of Coolify on which they hold.

Each row is the whole program against the simulator, over real sockets, on a clock that only moves when the program sleeps: how
it ends, what the user reads, and what was sent. A scenario is what the server does; a version, how that Coolify speaks.
"""

from __future__ import annotations

import json
import types
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deployer.main import main
from deployer.simulator import Request, Session
from deployer.simulator.coolify import server as simulated
from deployer.simulator.coolify.checks import name_of
from deployer.simulator.coolify.versions import VERSIONS
from tests.fakes import BEGINNING
from tests.scenarios.test_transcripts import StillClock
from tests.simulator.coolify.invariants import violations
from tests.simulator.coolify.scenarios import simulating

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
READS = {
    "version",
    "application",
    "service",
    "database",
    "applications",
    "services",
    "look",
    "history",
    "list",
    "rollback_images",
} | {
    "application_envs",
    "service_envs",
    "projects",
    "project",
    "servers",
    "destinations",
}
"""What changes nothing."""


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
PHANTOM_FULL = "deployment queue is full: Coolify answered with a deployment that does not exist"
INSTANT = {"instant_deploy": "true"}
STARTS_BY_WRITE = before("4.0.0-beta.474")
BY_TAG = {"tag": "blue"}

CHANGING = ("4.0.0-beta.420", "4.0.0", "4.3.10")
"""An old, a middle and the newest one."""

CHANGED = {"patch": 1, "deploy": 1}
ENV = {"env": "NODE_ENV=production\nSECRET=hunter2000"}
ENV_TOLD = ("changed variables: 1 added (SECRET), 0 changed, 1 kept",)
ENVS = {"application_envs_set": 1, "deploy": 1}
ENV_REFUSED = {"patch": 1, "application_envs_set": 1}
SKIPS = since("4.0.0-beta.418")
OLDER = "is still going, and may not have read what was changed: it is triggered again when that is over"
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
    "what ran before is to be put back",
    f"(back to {EARLIER}",
    "answered HTTP 502: Bad Gateway. What ran before was put back",
)
STAYS_PINNED = f"(commit: HEAD → {EARLIER}); the application stays pinned to this commit"
IMAGE_BACK = (
    "(back to ghcr.io/acme/shop:2.0.1 (image: ghcr.io/acme/shop:2.1.0 → ghcr.io/acme/shop:2.0.1))",
    "What ran before was put back",
)
UNCLEAR_IMAGES = (
    "not clear what ran before",
    "There is 2.0.1, made 20",
    "the application's own tag; 2.0.0, made 20",
)
OLD_PINS = between("4.0.0-beta.407", "4.0.0-beta.474")
NO_PINS = between("4.0.0-beta.474", "4.2.0")
PINNED_TOLD = (f"changed commit: HEAD → {PINNED['commit']}", "the application stays pinned to this commit")

NOT_MOVED = "Coolify before 4.3.7 does not move its queue on after a cancel"
STUCK = (
    "an older deployment of the same commit is still queued",
    NOT_MOVED,
    "Deploy once with `force: true`, or clear the queue with",
)
NOT_SEEN = (
    "was not seen to change, and Coolify does not tell whether",
    "set `verify_url` and `verify_contains`",
)
SURE = {"verify_health": "true"}
BEHIND = ("behind other", "behind another")
STALLING = between("4.0.0-beta.454", "4.3.10")

TRUTHS = (
    # 1: POST, whatever the version
    Truth("1", "success", "finished", ("web: finished in",), versions=ALL),
    # 2: a refusal inside a 200
    Truth(
        "2",
        "preview-missing",
        "refused",
        ("There is no preview of pull request 7",),
        versions=since("4.0.0-beta.426"),
        inputs={"pr": "7"},
    ),
    # 3: unknown uuids vanish
    Truth(
        "3",
        "unknown-app",
        "refused",
        ("Coolify knows no application, service or database",),
        NOTHING,
        versions=ALL,
    ),
    # 4: one request per uuid
    Truth(
        "4",
        "two",
        "failed",
        ("web: the deployment failed", "worker: finished in"),
        {"deploy": 2},
        versions=ALL,
    ),
    # 5: the phantom behind "already queued"
    Truth(
        "5",
        "already-queued",
        "finished",
        ("an older deployment of the same commit is still going", "it is never cancelled by us"),
        versions=since("4.0.0-beta.418"),
    ),
    Truth("5", "adopted-gone", "finished", ("there is none any more; triggering once more",), {"deploy": 2}),
    Truth(
        "5",
        "adopted-cancelled",
        "finished",
        ("cancelled by somebody else; triggering once more",),
        {"deploy": 2},
    ),
    # 6: a full queue, told by /deploy and hidden by /start and /restart
    Truth(
        "6",
        "queue-full",
        "finished",
        (FULL, "trying again in 1m 00s"),
        {"deploy": 4},
        versions=since("4.0.0-beta.454"),
    ),
    Truth("6", "queue-full", "finished", (), versions=before("4.0.0-beta.454"), never=(FULL,)),
    Truth("6", "full-and-already", "finished", (FULL,), {"deploy": 4}),
    Truth("6", "start-queue-full", "finished", (PHANTOM_FULL,), {"start": 4}, inputs=INSTANT),
    Truth(
        "6", "start-queue-full", "finished", (PHANTOM_FULL,), {"restart": 4}, inputs={"command": "restart"}
    ),
    Truth(
        "6",
        "queue-always-full",
        "timed_out",
        (FULL,),
        {"deploy": 5},
        inputs={"timeout": "5m"},
        lasts=(295, 310),
    ),
    Truth(
        "6",
        "queue-always-full",
        "timed_out",
        (PHANTOM_FULL,),
        {"start": 5},
        inputs={"timeout": "5m"} | INSTANT,
        lasts=(295, 310),
    ),
    # 7: tags
    Truth(
        "7",
        "tag",
        "finished",
        ("blue: it is web, worker, stack", "stack: finished"),
        versions=ALL,
        inputs=BY_TAG,
    ),
    Truth(
        "7",
        "tag-phantom",
        "finished",
        ("which somebody started in Coolify",),
        versions=since("4.0.0-beta.418"),
        inputs=BY_TAG,
    ),
    Truth(
        "7",
        "tag-429",
        "finished",
        ("web: finished", "worker: finished"),
        {"deploy": 5},
        versions=since("4.0.0-beta.461"),
        inputs=BY_TAG,
    ),
    Truth(
        "7",
        "tag-429",
        "lost",
        ("web: finished", "applications that are not named here may not have been deployed"),
        versions=between("4.0.0-beta.454", "4.0.0-beta.461"),
        inputs=BY_TAG,
    ),
    Truth(
        "7",
        "tag-500",
        "lost",
        ("web: finished", "worker: finished", "services that carry the tag may not have been"),
        versions=since("4.0.0-beta.461"),
        inputs=BY_TAG,
    ),
    Truth(
        "7",
        "tag-lost",
        "lost",
        ("web: finished", "worker: finished"),
        versions=since("4.0.0-beta.461"),
        inputs=BY_TAG,
    ),
    Truth(
        "7",
        "tag-service-twice",
        "triggered",
        ("web: finished", "Coolify has 2 services of this name"),
        inputs=BY_TAG,
    ),
    Truth("7", "tag-unknown", "refused", ("No resources found with this tag",), versions=ALL, inputs=BY_TAG),
    Truth("7", "tag-empty", "refused", ("No resources found for tag blue",), versions=ALL, inputs=BY_TAG),
    # 8: what can't be combined is a mistake
    Truth("8", "success", "refused", ("can't both be given",), NOTHING, inputs={"tag": "blue", "uuid": "a1"}),
    Truth(
        "8",
        "success",
        "refused",
        ("needs one application's uuid, not a tag",),
        NOTHING,
        inputs={"tag": "blue", "pr": "7"},
    ),
    Truth(
        "8",
        "success",
        "refused",
        ("it is the image tag of a preview",),
        NOTHING,
        inputs={"docker_tag": "pr-7"},
    ),
    # 9: the post-deployment command
    Truth(
        "9",
        "post-command-failed",
        "unverified",
        ("its post-deployment command failed",),
        versions=since("4.0.0-beta.454"),
    ),
    Truth(
        "9",
        "post-command-skipped",
        "unverified",
        ("no running container was found",),
        versions=since("4.0.0-beta.454"),
    ),
    Truth("9", "post-command-skipped", "failed", (), versions=between("4.0.0-beta.400", "4.0.0-beta.454")),
    Truth("9", "finished-flips", "failed", (), versions=between("4.0.0-beta.400", "4.0.0-beta.454")),
    Truth(
        "9",
        "post-command-endless",
        "timed_out",
        ("deployed; its post-deployment command was not seen to end",),
    ),
    Truth("9", "post-command-slow", "finished", (), lasts=(130, 150)),
    # 10: the reason comes late
    Truth("10", "late-reason", "failed", ("failed to solve",), versions=since("4.0.0-beta.400")),
    # 11: additional servers
    Truth(
        "11",
        "two-servers",
        "finished",
        ("web on second: following deployment", "[second] New container started."),
        versions=ALL,
    ),
    Truth("11", "other-server-fails", "failed", ("on the additional server second",), versions=ALL),
    # 12: finished is not running
    Truth(
        "12",
        "crash-after-deploy",
        "unverified",
        ("it does not run: Coolify has reported exited",),
        versions=since("4.0.0-beta.463"),
    ),
    Truth("12", "crash-loop", "unverified", ("it does not run: Coolify has reported restarting",)),
    Truth("12", "degraded", "unverified", ("it does not run: Coolify has reported degraded",)),
    Truth("12", "degraded", "finished", (), inputs={"verify_health": "false"}),
    Truth("12", "never-clear", "finished", ("nobody could see whether it runs",), lasts=(220, 240)),
    Truth(
        "12",
        "never-clear",
        "unverified",
        ("nobody could see whether it runs",),
        inputs={"verify_health": "true"},
    ),
    Truth("12", "health-late", "finished", (), lasts=(80, 100)),
    Truth("12", "unhealthy-without-check", "finished", (), versions=ALL),
    Truth("12", "success", "finished", (), inputs={"verify_health": "true"}, lasts=(110, 130)),
    # 13: a status that nobody knows
    Truth("13", "unknown-status", "finished", ("a status that we do not know: 'paused'",)),
    # 14: the rate limit, and no storm of refused requests
    Truth("14", "throttled", "finished", ("Coolify is asked too often",), {"deploy": 2}),
    Truth("14", "revoked", "lost", ("Coolify does not accept the token",)),
    # 15: what a token may do
    Truth(
        "15",
        "deploy-only-token",
        "refused",
        ("tick deploy first, then read, then read:sensitive", "`wait: false`"),
        NOTHING,
        versions=ALL,
    ),
    Truth("15", "deploy-only-token", "triggered", (), inputs={"wait": "false"}, versions=ALL),
    Truth("15", "no-logs", "finished", ("the build log can't be shown",), versions=ALL),
    Truth("15", "read-only-token", "refused", ("Missing required permissions",), versions=ALL),
    # 16: five meanings of 403, two of 401
    Truth("16", "api-disabled", "refused", ("Coolify's API is switched off",), NOTHING),
    Truth("16", "ip-denied", "refused", ("list of allowed addresses",), NOTHING),
    Truth("16", "member-token", "refused", ("members' tokens may only read",), NOTHING),
    Truth("16", "bad-token", "refused", ("does not accept the token",), NOTHING),
    Truth("16", "left-team", "refused", ("has left the team",), NOTHING),
    # 17: the log is a list that changes
    Truth("17", "rewritten", "finished", ("New container started.",)),
    Truth("17", "no-logs", "finished", (), never=("New container started.",)),
    Truth("17", "unhealthy", "failed", ("New container is unhealthy.",), versions=ALL[1:]),
    # 19: the row of a deployment may go, or be out of bounds
    Truth("19", "vanished", "lost", ("Coolify no longer has this deployment",)),
    Truth("19", "forbidden", "lost", ("Missing required permissions: read",)),
    Truth("19", "cancelled-queued", "cancelled", ("it was cancelled in Coolify",), versions=ALL[3:]),
    Truth("19", "image", "finished", (), versions=ALL),
    # 18, 20: cancelling, with its list that may be an object; a 500 means "read it again"
    Truth(
        "18",
        "cancel-others",
        "finished",
        ("one that somebody started in Coolify", "2 cancelled"),
        {"cancel": 2},
        since("4.3.10"),
        {"command": "cancel"},
    ),
    Truth(
        "20",
        "success",
        "timed_out",
        (": cancelled http",),
        {"deploy": 1, "cancel": 1},
        between("4.0.0-beta.453", "4.3.10"),
        {"timeout": "20s", "on_timeout": "cancel"},
        ("does not move its queue on",),
    ),
    Truth(
        "20",
        "success",
        "timed_out",
        ("no way to cancel",),
        {"deploy": 1, "cancel": 1},
        before("4.0.0-beta.453"),
        {"timeout": "20s", "on_timeout": "cancel"},
    ),
    Truth(
        "20",
        "server-unreachable-cancel",
        "timed_out",
        (": cancelled",),
        {"deploy": 1, "cancel": 1},
        inputs={"timeout": "20s", "on_timeout": "cancel"},
    ),
    Truth(
        "20",
        "cancel-500",
        "timed_out",
        (": cancelled",),
        {"deploy": 1, "cancel": 1},
        inputs={"timeout": "20s", "on_timeout": "cancel"},
    ),
    Truth(
        "20",
        "cancel-others",
        "refused",
        ("no way to cancel a deployment",),
        NOTHING,
        before("4.0.0-beta.453"),
        {"command": "cancel"},
    ),
    Truth(
        "20",
        "success",
        "finished",
        ("nothing to cancel",),
        NOTHING,
        since("4.0.0-beta.453"),
        {"command": "cancel"},
    ),
    # 21: a cold build takes longer than five minutes
    Truth("21", "slow", "finished", (), lasts=(1200, 1260)),
    # 23: only one call pulls a service's images
    Truth(
        "23",
        "service",
        "finished",
        ("stack: finished",),
        {"service_restart": 1},
        versions=since("4.0.0-beta.474"),
    ),
    Truth(
        "23",
        "service",
        "finished",
        ("no call that pulls newer images",),
        {"deploy": 1},
        ("4.0.0-beta.400", "4.0.0-beta.407", "4.0.0-beta.418"),
    ),
    Truth("23", "service", "finished", (), {"deploy": 1}, ("4.0.0-beta.380",), never=("no call that pulls",)),
    Truth(
        "23",
        "service",
        "finished",
        (),
        {"deploy": 1},
        ALL,
        {"pull_latest": "false"},
        never=("no call that pulls",),
    ),
    # 24: what stands in front of Coolify
    Truth("24", "cloudflare", "unreachable", ("Cloudflare Access asks for a login",), NOTHING),
    Truth("24", "redirect", "unreachable", ("set `coolify_url` to https://",), NOTHING),
    Truth("24", "html", "unreachable", ("a page",), NOTHING),
    Truth("24", "proxy-404", "unreachable", ("the proxy knows no such address",), NOTHING),
    # a 4xx that is not Coolify's own is no news
    Truth(
        "11.6",
        "gateway-look",
        "finished",
        ("HTTP 499: Client Closed Request. That is not Coolify's", "after 8 failed looks"),
        versions=ALL,
    ),
    Truth(
        "11.6",
        "gateway-check",
        "finished",
        ("HTTP 404: Not Found. That is not Coolify's",),
        versions=ALL,
        never=("the uuid is wrong",),
    ),
    # the reason, where Coolify gives one
    Truth(
        "11.35",
        "health-starting",
        "failed",
        (
            "its health check was still starting after 3 attempts",
            "probe output starting",
            "app listening on 3000",
        ),
        versions=ALL[1:],
        never=("gave no reason",),
    ),
    Truth(
        "11.37",
        "post-command-says-why",
        "unverified",
        ("its post-deployment command failed. Its output:", "Connection refused"),
        versions=since("4.0.0-beta.454"),
    ),
    Truth("11.37", "build-failure", "failed", ("failed to solve",), versions=ALL, never=("gave no reason",)),
    Truth("11.37", "build-failure", "failed", ("set `hidden_logs: true`",)),
    Truth(
        "11.37", "build-failure", "failed", (), inputs={"hidden_logs": "true"}, never=("set `hidden_logs",)
    ),
    # the queue that stands still before 4.3.7
    Truth("11.33", "stuck-queue", "refused", STUCK, versions=STALLING, never=BEHIND, lasts=(5, 30)),
    Truth(
        "11.33", "stuck-queue", "refused", STUCK, versions=("4.0.0-beta.453",), never=BEHIND, lasts=(55, 90)
    ),
    Truth(
        "11.33",
        "stuck-queue",
        "finished",
        (),
        versions=STALLING,
        inputs={"force": "true"},
        never=("stuck", *BEHIND),
    ),
    Truth(
        "11.33",
        "stuck-queue",
        "finished",
        ("1 cancelled",),
        {"cancel": 1},
        STALLING,
        {"command": "cancel"},
        (NOT_MOVED,),
    ),
    Truth("11.33", "stuck-queue", "refused", STUCK, ENVS | {"deploy": 2}, STALLING, ENV, BEHIND, (25, 45)),
    Truth(
        "11.33",
        "stuck-queue",
        "finished",
        ("it is never cancelled by us",),
        versions=since("4.3.10"),
        never=(NOT_MOVED, *BEHIND),
    ),
    Truth(
        "11.33",
        "cancel-before-others",
        "finished",
        (NOT_MOVED,),
        {"cancel": 1},
        STALLING,
        {"command": "cancel"},
    ),
    Truth("11.33", "cancelled-queued", "cancelled", ("web: queued",), versions=ALL[3:], never=BEHIND),
    # after a bad status one good reading is not enough
    Truth(
        "11.10",
        "health-shaken",
        "finished",
        ("its status is restarting",),
        versions=since("4.0.0-beta.453"),
        lasts=(95, 110),
    ),
    Truth("11.10", "health-late", "finished", (), lasts=(80, 100)),
    # what of a service or a database nobody could see
    Truth("11.32", "service-unseen", "finished", NOT_SEEN, {"service_restart": 1}, since("4.0.0-beta.474")),
    Truth("11.32", "service-starting", "finished", NOT_SEEN, {"service_restart": 1}, since("4.0.0-beta.474")),
    Truth("11.32", "service-starting", "finished", NOT_SEEN, inputs={"pull_latest": "false"}, versions=ALL),
    Truth(
        "11.32",
        "service-starting",
        "unverified",
        NOT_SEEN,
        {"service_restart": 1},
        ALL[4:],
        SURE,
        ("finished in",),
    ),
    Truth("11.32", "service", "finished", NOT_SEEN, {"service_restart": 1}, ("4.1.2", NEW)),
    Truth("11.32", "service-stale", "finished", (), {"service_restart": 1}, ALL[4:], SURE, NOT_SEEN[:1]),
    Truth("11.32", "database-unseen", "finished", NOT_SEEN, versions=ALL),
    Truth("11.32", "database-unseen", "unverified", NOT_SEEN, versions=ALL, inputs=SURE),
    Truth("11.32", "tag-unseen", "finished", ("web: finished", *NOT_SEEN), versions=ALL, inputs=BY_TAG),
    Truth("11.32", "tag-unseen", "unverified", ("web: finished", *NOT_SEEN), inputs=BY_TAG | SURE),
    Truth("11.32", "tag", "finished", ("stack: finished",), versions=ALL, inputs=BY_TAG, never=NOT_SEEN[:1]),
    # a token revoked in the middle
    Truth(
        "11.37",
        "revoked",
        "lost",
        ("the deployment continues on the server, but its status can't be read any more: Coolify does not",),
    ),
    # services and databases
    Truth("services", "database", "finished", ("pg: finished",), versions=ALL),
    Truth(
        "services",
        "mixed",
        "finished",
        ("web: finished", "stack: finished", "pg: finished"),
        {"deploy": 3},
        ALL,
        {"pull_latest": "false"},
    ),
    Truth(
        "services",
        "already-running",
        "finished",
        ("Service is already running", "Database is already running"),
        {"service_start": 1, "database_start": 1},
        since("4.0.0-beta.474"),
        {"command": "start"},
    ),
    Truth(
        "services",
        "already-stopped",
        "finished",
        ("Service is already stopped", "Database is already stopped"),
        {"service_stop": 1, "database_stop": 1},
        since("4.0.0-beta.474"),
        {"command": "stop"},
    ),
    Truth(
        "services",
        "already-running",
        "refused",
        ("then read:sensitive, then write",),
        {"service_start": 1},
        ("4.0.0-beta.434",),
        {"command": "start"},
    ),
    Truth(
        "services",
        "mixed",
        "finished",
        ("web: finished", "stack: finished", "pg: finished"),
        {"stop": 1, "service_stop": 1, "database_stop": 1},
        since("4.0.0-beta.474"),
        {"command": "stop"},
    ),
    Truth(
        "services",
        "mixed",
        "finished",
        ("web: finished", "stack: finished", "pg: finished"),
        {"restart": 1, "service_restart": 1, "database_restart": 1},
        since("4.0.0-beta.474"),
        {"command": "restart"},
    ),
    Truth(
        "services",
        "success",
        "finished",
        ("an application is started by a new deployment",),
        {"deploy": 1},
        ALL,
        {"command": "start"},
    ),
    Truth("services", "service-stale", "finished", (), {"service_restart": 1}),
    Truth(
        "services",
        "service-never-up",
        "failed",
        ("it does not run: Coolify has reported exited. Its logs",),
        {"service_restart": 1},
    ),
    Truth("services", "service-degraded", "failed", ("has reported degraded",), {"service_restart": 1}),
    Truth("services", "service-lost-answer", "finished", ("its status has changed",), {"service_restart": 1}),
    Truth(
        "services",
        "service",
        "triggered",
        (),
        {"deploy": 1},
        inputs={"wait": "false", "pull_latest": "false"},
    ),
    # previews
    Truth(
        "previews",
        "preview",
        "finished",
        ("http://7.web.example.com",),
        versions=since("4.0.0-beta.418"),
        inputs={"pr": "7"},
    ),
    Truth(
        "previews",
        "preview",
        "refused",
        ("would deploy the application itself",),
        NOTHING,
        before("4.0.0-beta.418"),
        {"pr": "7"},
    ),
    Truth(
        "previews", "preview-on-service", "refused", ("a service has no previews",), NOTHING, ALL, {"pr": "7"}
    ),
    Truth(
        "previews",
        "write-token",
        "finished",
        (),
        inputs={"pr": "7", "docker_tag": "pr-7"},
        versions=since("4.0.0-beta.474"),
    ),
    Truth(
        "previews",
        "write-token",
        "refused",
        ("knows no `docker_tag`",),
        NOTHING,
        between("4.0.0-beta.418", "4.0.0-beta.474"),
        {"pr": "7", "docker_tag": "pr-7"},
    ),
    Truth(
        "previews",
        "preview",
        "refused",
        ("`docker_tag` is for applications made of a Docker image",),
        NOTHING,
        inputs={"pr": "7", "docker_tag": "pr-7"},
    ),
    Truth(
        "previews",
        "preview",
        "refused",
        ("then write",),
        {"preview_delete": 1},
        since("4.0.0-beta.474"),
        {"pr": "7", "command": "stop"},
    ),
    Truth(
        "previews",
        "write-token",
        "triggered",
        ("Coolify deletes the preview in the background",),
        {"preview_delete": 1},
        since("4.0.0-beta.474"),
        {"pr": "7", "command": "stop"},
    ),
    Truth(
        "previews",
        "write-token",
        "finished",
        ("there is no preview of pull request 8: nothing to delete",),
        {"preview_delete": 1},
        since("4.0.0-beta.474"),
        {"pr": "8", "command": "stop"},
    ),
    Truth(
        "previews",
        "preview",
        "refused",
        ("can't delete a preview",),
        NOTHING,
        between("4.0.0-beta.418", "4.0.0-beta.474"),
        {"pr": "7", "command": "stop"},
    ),
    # never twice
    Truth(
        "never twice",
        "lost-answer",
        "finished",
        ("it is not certain what the trigger has started", "found on the server"),
        versions=ALL,
    ),
    Truth("never twice", "lost-answer", "finished", ("found on the server",), inputs={"force": "true"}),
    Truth("never twice", "lost-answer", "finished", ("found on the server",), STARTED, inputs=INSTANT),
    Truth(
        "never twice",
        "lost-request",
        "finished",
        ("no deployment of it was found; triggering once more",),
        {"deploy": 2},
        since("4.0.0-beta.407"),
    ),
    Truth(
        "never twice",
        "lost-request",
        "lost",
        ("can't list deployments",),
        {"deploy": 1},
        before("4.0.0-beta.407"),
    ),
    Truth("never twice", "truncated", "finished", ("found on the server",), versions=ALL),
    Truth(
        "never twice",
        "server-error",
        "refused",
        ("the server failed 3 times and started nothing",),
        {"deploy": 3},
    ),
    # two deployments of one push
    Truth("auto-deploy", "webhook-too", "finished", ("a webhook deploys the same commit, too",)),
    Truth(
        "auto-deploy",
        "webhook-adopted",
        "finished",
        ("which a webhook started", "a webhook has started what this step triggers"),
    ),
    # a restart of Coolify
    Truth(
        "restart",
        "restarted",
        "failed",
        ("it was probably restarted or updated",),
        versions=since("4.0.0-beta.400"),
    ),
    # the doctor
    Truth(
        "doctor",
        "success",
        "finished",
        ("token: deploy: yes", "token: write: no", "would queue a deployment"),
        NOTHING,
        ALL,
        {"command": "check"},
    ),
    Truth(
        "doctor",
        "success",
        "skipped",
        ("would queue a deployment: nixpacks build of",),
        NOTHING,
        ALL,
        {"dry_run": "true"},
    ),
    Truth(
        "doctor",
        "read-only-token",
        "refused",
        ("token: deploy: no", "the token lacks deploy"),
        NOTHING,
        ALL,
        {"command": "check"},
    ),
    Truth(
        "doctor", "no-logs", "finished", ("token: read:sensitive: no",), NOTHING, ALL, {"command": "check"}
    ),
    Truth(
        "doctor",
        "write-token",
        "finished",
        ("token: write: yes", "Docker image ghcr.io/acme/shop:2.0.1"),
        NOTHING,
        ALL,
        {"command": "check"},
    ),
    Truth(
        "doctor",
        "mixed",
        "skipped",
        ("would queue", "pull newer images and restart the service", "start the database"),
        NOTHING,
        inputs={"dry_run": "true"},
    ),
    Truth(
        "doctor",
        "tag",
        "skipped",
        ("applications that carry it: web, worker",),
        NOTHING,
        since("4.0.0-beta.461"),
        {"dry_run": "true", "tag": "blue"},
    ),
    Truth(
        "doctor",
        "cancel-others",
        "skipped",
        ("would cancel deployment",),
        NOTHING,
        inputs={"dry_run": "true", "command": "cancel"},
    ),
    Truth(
        "doctor",
        "unknown-app",
        "refused",
        ("Coolify knows no application",),
        NOTHING,
        ALL,
        {"command": "check"},
    ),
    # what is changed before a deployment
    Truth(
        "image",
        "image-update",
        "finished",
        ("2.0.1 → ghcr.io/acme/shop:2.1.0",),
        CHANGED,
        CHANGING,
        {"image": ":2.1.0"},
    ),
    Truth(
        "image",
        "image-update",
        "finished",
        ("nothing is to be changed: all is as it is wished",),
        {"deploy": 1},
        inputs={"image": ":2.0.1"},
    ),
    Truth("image", "already-queued-old-image", "finished", (":2.1.0",), CHANGED, inputs={"image": ":2.1.0"}),
    Truth("image", "create-existing", "finished", (":2.1.0",), CHANGED, inputs={"image": ":2.1.0"}),
    Truth(
        "image",
        "success",
        "refused",
        ("`image` is only for Docker-image applications",),
        NOTHING,
        inputs={"image": ":2.1.0"},
    ),
    Truth(
        "doctor",
        "image-update",
        "skipped",
        ("would set image: ",),
        NOTHING,
        CHANGING,
        {"image": ":2.1.0", "dry_run": "true"},
    ),
    Truth("env", "env-app", "finished", ENV_TOLD, ENVS, CHANGING, ENV, never=("hunter2000",)),
    Truth(
        "env", "env-service", "finished", ENV_TOLD, {"service_envs_set": 1, "service_restart": 1}, inputs=ENV
    ),
    Truth(
        "env",
        "env-refused",
        "refused",
        ("Changed before that: image: ",),
        ENV_REFUSED,
        inputs=ENV | {"image": ":2.1.0"},
    ),
    Truth(
        "env", "success", "refused", ("the token lacks write, so nothing was changed",), NOTHING, inputs=ENV
    ),
    Truth("env", "already-queued-old-image", "finished", (OLDER, FOLLOWED), ENVS | {"deploy": 3}, SKIPS, ENV),
    Truth(
        "settings",
        "already-queued-old-image",
        "finished",
        (OLDER, FOLLOWED),
        CHANGED | {"deploy": 3},
        SKIPS,
        TAG_FIELD,
    ),
    Truth(
        "5",
        "already-queued-old-image",
        "finished",
        ("it is never cancelled by us",),
        versions=SKIPS,
        never=(OLDER,),
    ),
    Truth(
        "settings",
        "patch-refused",
        "refused",
        ("belongs to",),
        {"patch": 1},
        inputs={"settings": CONFLICT},
        never=("..",),
    ),
    Truth("commit", "env-app", "finished", PINNED_TOLD, CHANGED, since("4.2.0"), PINNED),
    Truth(
        "commit",
        "env-app",
        "finished",
        (*PINNED_TOLD, "is built without cache"),
        CHANGED,
        before("4.0.0-beta.474"),
        PINNED,
    ),
    Truth(
        "commit",
        "env-app",
        "refused",
        ("ignores a pinned commit",),
        NOTHING,
        between("4.0.0-beta.474", "4.2.0"),
        PINNED,
    ),
    Truth(
        "commit", "image-update", "refused", ("this one runs an image: use `image`",), NOTHING, inputs=PINNED
    ),
    Truth("create", "create", "refused", ("Coolify knows no application",), NOTHING),
    Truth(
        "create",
        "create",
        "finished",
        (CREATED, "shop: finished in"),
        {"create": 1, "deploy": 1},
        CHANGING,
        CREATE,
    ),
    Truth(
        "create",
        "create-existing",
        "finished",
        ("2.0.1 → ghcr.io/acme/shop:2.1.0",),
        CHANGED,
        CHANGING,
        CREATE,
        never=("created",),
    ),
    Truth(
        "create",
        "create",
        "refused",
        ('no project "nope": there are "Shop"',),
        NOTHING,
        CHANGING,
        CREATE | {"project": "nope"},
    ),
    Truth(
        "create",
        "create",
        "refused",
        ("`ports` is missing",),
        NOTHING,
        before("4.1.2"),
        CREATE | {"ports": ""},
    ),
    Truth(
        "create",
        "create",
        "finished",
        (CREATED,),
        {"create": 1, "deploy": 1},
        since("4.1.2"),
        CREATE | {"ports": ""},
    ),
    Truth(
        "create",
        "success",
        "refused",
        ("the token lacks write, so nothing was changed",),
        NOTHING,
        inputs=CREATE,
    ),
    Truth("doctor", "create", "skipped", (WOULD_CREATE,), NOTHING, CHANGING, CREATE | {"dry_run": "true"}),
    Truth("doctor", "create", "finished", (WOULD_CREATE,), NOTHING, CHANGING, CREATE | {"command": "check"}),
    Truth(
        "doctor",
        "create-existing",
        "skipped",
        ("would set image: ",),
        NOTHING,
        CHANGING,
        CREATE | {"dry_run": "true"},
    ),
    # whether its site answers
    Truth("site", "site-down", "unverified", ("answered HTTP 502",), inputs=SITE, lasts=(180, 400)),
    Truth(
        "site",
        "bad-release",
        "unverified",
        ("its site says HTTP 502", "answered HTTP 502"),
        inputs=SITE,
        lasts=(180, 400),
    ),
    Truth(
        "site", "bad-release", "finished", ("deployed, reading whether it runs",), never=("its site says",)
    ),
    Truth(
        "site",
        "site-late",
        "finished",
        ("its site says HTTP 502", "its site says HTTP 200"),
        inputs=SITE,
        lasts=(40, 400),
    ),
    Truth("site", "rollback-git", "unverified", ("answered HTTP 502",), inputs=SITE),
    Truth(
        "site",
        "rollback-image",
        "unverified",
        ("answered HTTP 502",),
        CHANGED,
        inputs=SITE | {"image": ":2.1.0"},
    ),
    Truth(
        "site", "rollback-impossible", "unverified", ("answered HTTP 502",), inputs=SITE, versions=("4.1.2",)
    ),
)

BACKS = (
    Truth("rollback", "rollback-git", "rolled_back", GONE_BACK, BY_CALL, since("4.3.6"), BACK),
    Truth(
        "rollback",
        "rollback-git",
        "rolled_back",
        (*GONE_BACK, STAYS_PINNED),
        {"patch": 1, "deploy": 2},
        ("4.2.0",),
        BACK,
    ),
    Truth(
        "rollback",
        "rollback-git",
        "rolled_back",
        (*GONE_BACK, STAYS_PINNED),
        {"patch": 1, "deploy": 2},
        OLD_PINS,
        BACK,
    ),
    Truth(
        "rollback",
        "rollback-git",
        "unverified",
        ("What ran before was not put back: Coolify 4.",),
        versions=NO_PINS,
        inputs=BACK,
    ),
    Truth(
        "rollback",
        "rollback-git",
        "unverified",
        ("has no list of its deployments",),
        versions=before("4.0.0-beta.407"),
        inputs=BACK,
    ),
    Truth(
        "rollback",
        "rollback-impossible",
        "unverified",
        ("Coolify 4.1.2 has no way back",),
        versions=("4.1.2",),
        inputs=BACK,
    ),
    Truth(
        "rollback",
        "rollback-image",
        "rolled_back",
        IMAGE_BACK,
        {"patch": 2, "deploy": 2},
        ALL,
        BACK | {"image": ":2.1.0"},
    ),
    Truth(
        "rollback",
        "success",
        "finished",
        ("what ran before can't be put back: the token lacks write",),
        versions=("4.2.0",),
        inputs=BACK,
    ),
    Truth("rollback", "site-late", "finished", ("its site says HTTP 200",), inputs=BACK, never=("put back",)),
    Truth(
        "rollback",
        "crash-after-deploy",
        "unverified",
        ("no earlier deployment of it that was finished",),
        inputs={"rollback": "true"},
    ),
    Truth(
        "rollback",
        "build-failure",
        "failed",
        (),
        inputs={"rollback": "true"},
        never=("put back", "rolled back"),
    ),
    Truth(
        "on demand",
        "rollback-git",
        "finished",
        ("(back to 3333333333", "web: finished"),
        {"rollback": 1},
        inputs=ON_DEMAND,
    ),
    Truth(
        "on demand",
        "rollback-git",
        "finished",
        (f"(back to {EARLIER}",),
        {"rollback": 1},
        inputs=ON_DEMAND | {"commit": EARLIER},
    ),
    Truth(
        "on demand",
        "rollback-git",
        "finished",
        ("(back to 3333333333",),
        {"patch": 1, "deploy": 1},
        ("4.2.0",),
        ON_DEMAND,
    ),
    Truth(
        "on demand", "rollback-git", "triggered", (), {"rollback": 1}, inputs=ON_DEMAND | {"wait": "false"}
    ),
    Truth("on demand", "rollback-git", "refused", ("has no way back",), NOTHING, NO_PINS, ON_DEMAND),
    Truth(
        "on demand",
        "rollback-image",
        "finished",
        ("shop:2.0.1 → ghcr.io/acme/shop:2.0.0",),
        CHANGED,
        inputs=ON_DEMAND,
    ),
    Truth(
        "on demand",
        "rollback-image",
        "refused",
        ("give the one to go back to as `image`",),
        NOTHING,
        ("4.2.0",),
        ON_DEMAND,
    ),
    Truth(
        "34",
        "rollback-image",
        "finished",
        ("(back to ghcr.io/acme/shop:2.0.0",),
        CHANGED,
        since("4.3.6"),
        ON_DEMAND,
    ),
    Truth("34", "image-update", "finished", ("(back to ghcr.io/acme/shop:2.0.0",), CHANGED, inputs=ON_DEMAND),
    Truth("34", "rollback-image-busy", "refused", UNCLEAR_IMAGES, NOTHING, since("4.3.6"), ON_DEMAND),
    Truth(
        "34", "rollback-image-busy", "finished", (":2.0.0",), CHANGED, inputs=ON_DEMAND | {"image": ":2.0.0"}
    ),
    Truth(
        "on demand", "rollback-image", "finished", (":2.0.0",), CHANGED, ALL, ON_DEMAND | {"image": ":2.0.0"}
    ),
    Truth(
        "on demand",
        "service",
        "refused",
        ("a service keeps nothing that could be gone back to",),
        NOTHING,
        inputs=ON_DEMAND,
    ),
    Truth(
        "doctor",
        "rollback-git",
        "skipped",
        (f"would be rolled back to {EARLIER}",),
        NOTHING,
        inputs={"rollback": "true", "dry_run": "true"},
    ),
    Truth(
        "doctor",
        "rollback-git",
        "skipped",
        ("would go back to 33", "could go back to 33"),
        NOTHING,
        inputs=ON_DEMAND | {"dry_run": "true"},
    ),
)
CASES = [(truth, version) for truth in (*TRUTHS, *BACKS) for version in truth.versions]


@pytest.fixture
def play(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[[Session, Mapping[str, str]], tuple[int, str, float]]:
    """Runs the program in an empty folder, on one clock with the simulator: exit code, what was said, seconds."""
    clock = StillClock()
    monkeypatch.setattr(simulated, "time", types.SimpleNamespace(monotonic=clock.real))
    monkeypatch.chdir(tmp_path)

    def run(session: Session, inputs: Mapping[str, str]) -> tuple[int, str, float]:
        code = main([], environ(session, inputs), clock)  # type: ignore[arg-type]  # by shape, as everywhere in the tests
        return code, capfdbinary.readouterr().out.decode(), clock.now() - BEGINNING

    return run


def changing(asked: list[Request]) -> dict[str, int]:
    """The requests that change something, but for the doctor's two probes."""
    probes = [
        each
        for each in asked
        if (each.method == "POST" and not each.query and name_of(each) == "deploy") or each.body == b"{}"
    ]
    coolify = [each for each in asked if not each.path.startswith("/site/")]
    return dict(
        Counter(name_of(each) for each in coolify if name_of(each) not in READS and each not in probes)
    )


def environ(session: Session, inputs: Mapping[str, str]) -> dict[str, str]:
    """What the job is given."""
    named = {f"INPUT_{name.upper()}": value.replace("{site}", session.site) for name, value in inputs.items()}
    target = {} if "tag" in inputs or "create" in inputs else {"COOLIFY_UUID": ",".join(session.uuids)}
    return {
        "COOLIFY_URL": session.url,
        "COOLIFY_TOKEN": session.token,
        "DEPLOYER_RESULT_FILE": "result.json",
        **target,
        **named,
    }


IDS = [
    f"{number}-{truth.number}-{truth.scenario}-{version}"
    for number, truth in enumerate((*TRUTHS, *BACKS))
    for version in truth.versions
]


def test_on_demand_what_was_put_back_is_not_put_up_again(
    play: Callable[[Session, Mapping[str, str]], tuple[int, str, float]],
) -> None:
    """The way back never leads forward again, to the release that has just been proven bad."""
    with simulating("rollback-image") as session:
        code, said, _ = play(session, BACK | {"image": ":2.1.0"})
        assert (code, "back to ghcr.io/acme/shop:2.0.1" in said) == (5, True), said
        code, said, _ = play(session, {"command": "rollback"})
        assert (code, "back to ghcr.io/acme/shop:2.0.0" in said) == (0, True), said
        assert violations(session) == []


def test_a_busy_server_is_waited_for(
    play: Callable[[Session, Mapping[str, str]], tuple[int, str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is accepted, and only the response is late."""
    monkeypatch.setattr("deployer.providers.coolify.provider.CONNECT_READ_SECONDS", 0.5)
    with simulating("hang-at-first") as session:
        code, said, _ = play(session, {"timeout": "10m"})
        told = "no answer in time, although the server accepts connections: waiting up to 120 s for its first response"
        assert (code, told in said, changing(session.journal)) == (0, True, {"deploy": 1}), said
        assert violations(session) == []


@pytest.mark.parametrize(("truth", "version"), CASES, ids=IDS)
def test_a_truth_holds(
    truth: Truth, version: str, play: Callable[[Session, Mapping[str, str]], tuple[int, str, float]]
) -> None:
    with simulating(truth.scenario, version=version) as session:
        code, said, seconds = play(session, truth.inputs)
        status = json.loads(Path("result.json").read_text("utf-8"))["status"]
        assert (status, code) == (truth.status, CODES[truth.status]), said
        assert [text for text in truth.says if text not in said] == [], said
        assert [text for text in truth.never if text in said] == [], said
        assert changing(session.journal) == dict(truth.sent), said
        assert truth.lasts[0] <= seconds <= truth.lasts[1], seconds
        assert violations(session, changes_nothing=truth.number == "doctor") == [], said


APP = "/api/v1/applications/{}"
PATCHED, PROBED = (
    "PATCH /api/v1/applications/{} ",
    ["PATCH /api/v1/applications/{} {}", "POST /api/v1/deploy "],
)
TO_20, TO_21 = ('{"docker_registry_image_tag": "' + tag + '"}' for tag in ("2.0.1", "2.1.0"))
SENT_BACK = [
    pytest.param(
        *("rollback-git", NEW, BACK),
        ["POST /api/v1/deploy?uuid={} ", f'POST {APP}/rollback {{"commit": "{EARLIER}"}}'],
        id="by-the-rollback-call",
    ),
    pytest.param(
        *("rollback-git", "4.2.0", BACK),
        [
            *PROBED,
            "POST /api/v1/deploy?uuid={} ",
            f'{PATCHED}{{"git_commit_sha": "{EARLIER}"}}',
            "POST /api/v1/deploy?uuid={} ",
        ],
        id="by-a-pin",
    ),
    pytest.param(
        *("rollback-git", "4.0.0-beta.463", BACK),
        [
            *PROBED,
            "POST /api/v1/deploy?uuid={} ",
            f'{PATCHED}{{"git_commit_sha": "{EARLIER}"}}',
            "POST /api/v1/deploy?uuid={}&force=true ",
        ],
        id="by-a-pin-without-cache",
    ),
    pytest.param(
        *("rollback-image", NEW, BACK | {"image": ":2.1.0"}),
        [
            *PROBED,
            PATCHED + TO_21,
            "POST /api/v1/deploy?uuid={}&force=true ",
            PATCHED + TO_20,
            "POST /api/v1/deploy?uuid={}&force=true ",
        ],
        id="by-the-image",
    ),
    pytest.param(
        *("rollback-git", NEW, ON_DEMAND),
        [f'POST {APP}/rollback {{"commit": "{"3" * 10}{"4" * 10}{"5" * 10}{"6" * 10}"}}'],
        id="demand",
    ),
]


@pytest.mark.parametrize(("scenario", "version", "inputs", "sent"), SENT_BACK)
def test_a_way_back_sends_this_and_nothing_else(
    scenario: str,
    version: str,
    inputs: Mapping[str, str],
    sent: list[str],
    play: Callable[[Session, Mapping[str, str]], tuple[int, str, float]],
) -> None:
    with simulating(scenario, version=version) as session:
        play(session, inputs)
        told = [f"{asked} {asked.body.decode()}" for asked in session.journal if asked.method != "GET"]
        assert told == [line.replace("{}", session.uuids[0], 1) for line in sent]
