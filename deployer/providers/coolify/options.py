"""The inputs that decide which request is sent, and how its effect is followed."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.model import Command, VerifyHealth


@dataclass(frozen=True, slots=True)
class Options:
    """What the user wants from Coolify, apart from changes. Times are in seconds."""

    command: Command = Command.DEPLOY
    force: bool = False
    """Build without cache, even if the same commit is already being deployed."""
    instant: bool = False
    """Start at once, without waiting for other builds (`instant_deploy`); a full queue still rejects it."""
    wait: bool = True
    """Follow the deployment to its end."""
    read_only: bool = False
    """Nothing is to be changed (`command: check`, `dry_run`)."""
    pr: int = 0
    """The number of the pull request whose preview is meant; 0 for the application itself."""
    docker_tag: str = ""
    """The image tag of a preview."""
    pinned: bool = False
    """The application is pinned to a commit before it is deployed, or its pin is removed."""
    pull_latest: bool = True
    """Pull newer images of a service."""
    tags: frozenset[str] = frozenset()
    """The targets that are tags, not uuids."""
    verify_health: VerifyHealth = "auto"
    verify_timeout: float = 180
    rollback: bool = False
    """Restore the previous version if the new one is seen not to run."""
    hidden_logs: bool = False
    """Print the log lines that Coolify hides."""
    site_shows_version: bool = False
    """The site shows whether the new version runs (`verify_url` and `verify_contains`)."""

    @property
    def deploys(self) -> bool:
        """Whether an application gets a new deployment.

        To start an application is to deploy it, and `command: check` reports on what `deploy` would do.
        """
        return self.command in {Command.DEPLOY, Command.START, Command.CHECK}
