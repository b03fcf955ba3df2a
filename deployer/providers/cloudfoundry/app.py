"""What the run knows about one app: one record per concern, each written in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from deployer.providers.cloudfoundry.watching.instance_status import Marks
from deployer.providers.cloudfoundry.watching.logs import AppLog
from deployer.providers.payload import Row


class Condition(StrEnum):
    """The conditions of an app that are polled. Messages name them: "waiting until it is running"."""

    RUNNING = "running"
    """Its instances are running."""
    STOPPED = "stopped"
    ROLLED_OUT = "rolled out"
    """A rolling deployment has replaced its instances, and they are running."""
    REVERTED = "rolled back"
    """A rolling deployment was cancelled, and the previous version is running."""
    STAGED = "staged"
    """A build has produced a droplet."""
    STAYS_UP = "still running"
    """Its instances keep running for a while (`verify_health: true`)."""


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """One request that starts or ends something."""

    path: str
    condition: Condition
    """What is polled afterwards."""
    summary: str
    """What it does, as a phrase."""
    body: dict[str, Any] | None = None
    droplet: str = ""
    """The droplet to assign before, which by itself starts nothing; empty for none."""
    deployment: str = ""
    """The guid of the deployment that it cancels; empty if it cancels none."""
    repeats: bool = False
    """Sending it twice would do it twice."""
    note: str = ""
    """What the user should know."""


@dataclass(frozen=True, slots=True)
class AppRecord:
    """The app as it was last read. Written by the provider."""

    row: Row = field(default_factory=dict)
    lifecycle: str = ""
    """`docker`, `buildpack` or `cnb`."""
    started: bool = False
    """Its desired state is STARTED."""


@dataclass(frozen=True, slots=True)
class BeforeRun:
    """The app before this run. Written by the provider, until the trigger."""

    started: bool = False
    droplet: str = ""
    """The guid of its droplet; empty if none was assigned."""
    image: str = ""
    """The image of that droplet; empty if unknown."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """The version of each process, by its guid. A restart changes them."""


@dataclass
class NewestDeployment:
    """The newest deployment before the trigger. Written by `newest`."""

    guid: str = ""
    """Empty if the app has no deployments."""
    active: bool = False
    """It is in progress."""
    previous_droplet: str = ""
    """The droplet that it replaced by the current one; empty if unknown."""
    unread: str = ""
    """Why the list of deployments could not be read; empty if it was."""
    failures: int = 0
    """How often reading the list has failed."""


@dataclass
class Staging:
    """What this run has staged. Written by `staging.Stager`, and `droplet` by the poller."""

    package: str = ""
    package_ready: bool = False
    build: str = ""
    build_requested: bool = False
    """A build was requested, perhaps without a response."""
    failures: int = 0
    """How often the server itself, or a gateway in front of it, has failed."""
    droplet: str = ""
    """The result; empty until the build is staged."""


@dataclass
class Following:
    """What was triggered last, and what polls have seen of it.

    Started by the provider, written by the poller.
    """

    request: TriggerRequest | None = None
    processes: list[Row] | None = None
    """None until they are read, and when they have changed."""
    marks: Marks = field(default_factory=dict)
    """The running instances of the last poll."""
    deployed: str = ""
    """The guid of the deployment that has finished; empty until then."""
    crash: str = ""
    """Why instances crashed; empty if unknown."""
    idle_polls: int = 0
    """How many polls in a row have seen no instance at all."""


@dataclass
class AppState:
    """Everything that the run knows about one app."""

    guid: str
    log: AppLog
    record: AppRecord = field(default_factory=AppRecord)
    before: BeforeRun = field(default_factory=BeforeRun)
    newest: NewestDeployment = field(default_factory=NewestDeployment)
    staging: Staging = field(default_factory=Staging)
    following: Following = field(default_factory=Following)
