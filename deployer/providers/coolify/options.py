"""What the user wants of Coolify: the inputs that decide which request is sent, and what is read afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from deployer.model import Command

Verify = Literal["auto", "true", "false"]


@dataclass(frozen=True, slots=True)
class Options:
    """How things are to be done. Times in seconds; `pr` 0 is none; `read_only`: nothing is to be changed.

    `pinned`: the application is pinned to a commit before it is deployed, or its pin is ended. `hidden_logs`: the log's hidden lines are
    shown. `proven`: the site must answer with a text of the new version's (`verify_url` and `verify_contains`).
    """

    command: Command = Command.DEPLOY
    force: bool = False
    instant: bool = False
    wait: bool = True
    read_only: bool = False
    pr: int = 0
    docker_tag: str = ""
    pinned: bool = False
    pull_latest: bool = True
    tags: frozenset[str] = frozenset()
    verify_health: Verify = "auto"
    verify_timeout: float = 180
    rollback: bool = False
    hidden_logs: bool = False
    proven: bool = False

    @property
    def deploys(self) -> bool:
        """Whether an application gets a new deployment: to start one is to deploy it, and the doctor speaks of what `deploy` would do."""
        return self.command in {Command.DEPLOY, Command.START, Command.CHECK}
