"""What must be remembered of one app from its first check to the end of the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from deployer.model.text import one_line
from deployer.providers import payload
from deployer.providers.cloudfoundry.api.guids import current_droplet_of
from deployer.providers.cloudfoundry.condition import Condition
from deployer.providers.cloudfoundry.watching.instance_status import RunningInstances, state_text
from deployer.providers.cloudfoundry.watching.logs import AppLog
from deployer.providers.payload import Row


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """One request that starts, stops or cancels something, and how its effect is followed."""

    path: str
    condition: Condition
    """What is polled once the request was accepted."""
    summary: str
    """What the request does, as a phrase for people."""
    body: dict[str, Any] | None = None
    droplet: str = ""
    """The droplet that is assigned before, which by itself starts nothing; empty if none is."""
    deployment: str = ""
    """The deployment that is cancelled; empty if the request cancels none."""
    repeats: bool = False
    """A second request would have the same effect once more, such as another restart."""
    note: str = ""
    """What people should know about it."""


@dataclass(frozen=True, slots=True)
class AtCheck:
    """An app as the latest check found it. Each check replaces it as a whole."""

    row: Row = field(default_factory=dict)
    """The app's JSON."""
    name: str = ""
    state: str = ""
    """Its desired state for people: `started` or `stopped`."""
    started: bool = False
    """Its desired state is STARTED."""
    lifecycle: str = ""
    """How it is staged: `docker`, `buildpack` or `cnb`."""
    droplet: str = ""
    """The guid of the droplet that is assigned to it; empty if none is."""

    @classmethod
    def of(cls, row: Row) -> Self:
        """What the JSON of an app says."""
        return cls(
            row,
            name=one_line(row.get("name")),
            state=state_text(one_line(row.get("state")), ("STARTED", "STOPPED")),
            started=row.get("state") == "STARTED",
            lifecycle=one_line(payload.value(row, "lifecycle", "type")),
            droplet=current_droplet_of(row),
        )


@dataclass(frozen=True, slots=True)
class PreviousVersion:
    """What ran before this run deploys: a rollback restores it."""

    started: bool = False
    """The app was started at the first check."""
    droplet: str = ""
    """The guid of its droplet; empty if there was none."""
    image: str = ""
    """The image of that droplet; empty if it is unknown, or if no image is to be deployed."""


@dataclass
class DeploymentList:
    """What the list of rolling deployments showed before the trigger. Written by deployment_list.py."""

    newest: str = ""
    """The guid of the newest deployment; empty if there was none."""
    active: bool = False
    """The newest deployment was in progress."""
    previous: str = ""
    """The droplet that the newest deployment has replaced by the current one; empty if unknown."""
    unread: str = ""
    """Why the list could not be read; empty if it could."""
    failures: int = 0
    """How often reading it failed."""


@dataclass
class Staging:
    """What this run has staged. Written by staging.py, and by the poll of the build."""

    package: str = ""
    """The guid of the package; empty before it was created."""
    package_ready: bool = False
    build: str = ""
    """The guid of the build; empty before it was created."""
    build_sent: bool = False
    """The request that creates the build was sent, perhaps without a response."""
    failures: int = 0
    """How often the server failed to stage."""
    droplet: str = ""
    """The guid of the droplet that the build has made; empty before that."""


@dataclass
class Following:
    """What polling has seen since the last trigger. Written by watching/poll.py."""

    processes: list[Row] | None = None
    """The app's processes; None if they must be listed again."""
    running: RunningInstances = field(default_factory=dict)
    """The instances that ran at the last poll."""
    deployed: str = ""
    """The deployment that has ended, so that only the instances are polled; empty before that."""
    crash: str = ""
    """Why its instances crashed, as the server's events say; empty before that was read."""
    idle_polls: int = 0
    """How many polls in a row showed no instance that is starting or running."""

    def start_over(self) -> None:
        """Forget what belongs to the version before a new trigger. What has ended stays known."""
        self.processes, self.running, self.crash = None, {}, ""

    def watch_instances(self, deployment: str) -> None:
        """From now on the instances are polled, because this deployment has ended."""
        self.deployed, self.processes, self.running = deployment, None, {}


@dataclass
class AppState:
    """What is remembered of one app."""

    guid: str
    log: AppLog
    at_check: AtCheck = AtCheck()
    before: PreviousVersion = PreviousVersion()
    versions: dict[str, str] = field(default_factory=dict)
    """The version of each process before the trigger, by guid: a restart changes them."""
    deployments: DeploymentList = field(default_factory=DeploymentList)
    staging: Staging = field(default_factory=Staging)
    sent: TriggerRequest | None = None
    """The last request that may have started something."""
    following: Following = field(default_factory=Following)
