"""What a client must remember of one app, from its check to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from deployer.providers.cloudfoundry.watching.instance_status import Marks
from deployer.providers.cloudfoundry.watching.logs import AppLog
from deployer.providers.payload import Row

RUNNING, STOPPED, ROLLED_OUT, REVERTED, STAGED, STAYS_UP = (
    "running",
    "stopped",
    "rolled out",
    "put back",
    "staged",
    "running on",
)
"""The aspects of a target that are looked at: its instances, a rolling deployment, one on its way back, a build, and its instances once
they run. People read them."""


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """One request that starts or ends something, and as what it is followed. `summary`: the same for people.

    `droplet`: is assigned before it, which by itself starts nothing. `deployment`: the one that it cancels. `repeats`: to send it twice
    would do it twice. `note`: what people should know.
    """

    path: str
    condition: str
    summary: str
    body: dict[str, Any] | None = None
    droplet: str = ""
    deployment: str = ""
    repeats: bool = False
    note: str = ""


@dataclass
class AppState:
    """One app. `row`: as it was last read; `started`: its desired state then; `was_started`: when it was read for the first time.

    `versions`: its processes' before the trigger. `droplet`: what ran before this run, and `image` its image. `newest`: its newest
    deployment, `active`: whether that was going, `previous`: the droplet that it has replaced by the one that is there.
    `unread`: why the list of its deployments could not be read; `unlisted`: how often it could not be. `package`,
    `build` and `staged` (a droplet) are this run's; `building`: a build was posted, or perhaps. `sent`: the last act. What looks have
    seen: `processes`, `marks`, a deployment that was `deployed`, why it crashed, and how often in a row nothing of it was there (`idle`).
    """

    guid: str
    log: AppLog
    row: Row = field(default_factory=dict)
    lifecycle: str = ""
    started: bool = False
    was_started: bool = False
    droplet: str = ""
    image: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    newest: str = ""
    active: bool = False
    previous: str = ""
    unread: str = ""
    unlisted: int = 0
    package: str = ""
    packed: bool = False
    build: str = ""
    building: bool = False
    failures: int = 0
    staged: str = ""
    sent: TriggerRequest | None = None
    processes: list[Row] | None = None
    marks: Marks = field(default_factory=dict)
    deployed: str = ""
    crash: str = ""
    idle: int = 0
