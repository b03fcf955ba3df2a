"""What a run is asked to do, to which targets, and what its token must be allowed to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from deployer.model.outcome import Command

VerifyHealth = Literal["auto", "true", "false"]
"""`verify_health`: check it unless the platform did (`auto`), always and longer (`true`), or never."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is asked to do, whatever the provider. Times are in seconds."""

    targets: tuple[str, ...]
    """As the user named them: uuids, app names, or one tag."""
    command: Command = Command.DEPLOY
    dry_run: bool = False
    """Report what would be done, and change nothing."""
    has_changes: bool = False
    """Something is changed before the trigger: `image`, `env`, `settings`, `commit`, `create`."""
    own_site: bool = False
    """The site to verify is the target's own (`verify_url: auto`); otherwise it is `site`."""
    site: str = ""
    """The URL that must respond after the deployment; empty if none is verified."""
    answer: str = ""
    """What that URL must respond with, as a phrase for people."""
    rollback: bool = False
    """Restore the previous version if the new one is seen not to run."""
    wait: bool = True
    """Follow each deployment to its end, instead of ending after the trigger."""
    timeout: float = 1800
    """Seconds from a target's first trigger to the end of its deployment."""
    poll_interval: float | None = None
    """Seconds between two polls of one target; None: adaptive."""
    verify_timeout: float = 180
    """Seconds that verification may take, counted from the deployment's end."""
    strict: bool = False
    """A check that is inconclusive when its time is over has failed (`verify_health: true`)."""
    cancel_on_timeout: bool = False
    """Cancel our own deployment when `timeout` is over."""
    cancel_on_interrupt: bool = True
    """Cancel our own deployment when the job is cancelled."""

    @property
    def changes(self) -> bool:
        """Whether this run may change anything on the server."""
        return not self.dry_run and self.command is not Command.CHECK


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that the user asked to deploy: an application, service, database, tag or app."""

    id: str
    """As the user named it; for one that is still to be created, the name that it will have."""
    name: str = ""
    """Its name on the platform, if known."""
    kind: str = ""
    """`application`, `service`, `database`, `tag` or `app`."""
    url: str = ""
    """Where its site responds, if known."""
    status: str = ""
    """Its status as the platform writes it."""
    group: bool = False
    """Not one target but several, such as a tag."""
    missing: bool = False
    """It does not exist yet: `create` will make it."""
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What the user should know before it is triggered."""
    durations: tuple[float, ...] | None = field(default=None, compare=False)
    """Seconds that earlier deployments of it took; None if the platform does not tell."""
    server: str = field(default="", compare=False)
    """The name of the server that it is deployed to, if known."""
    before: str | None = None
    """Its URL until the platform has accepted `url`, which this run requests; None if `url` is in effect."""

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.id


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing that the token may or may not do."""

    name: str
    """The platform's own word: `read`, `read:sensitive`, `deploy`, `write`; a role on Cloud Foundry."""
    granted: bool | None
    """None: it could not be determined."""
    purpose: str
    """What Deployer uses it for."""
    needed: bool = False
    """This run can't do without it."""
    remedy: str = ""
    """How to grant it."""
