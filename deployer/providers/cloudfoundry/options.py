"""The inputs that decide which requests are sent to Cloud Foundry, and what is read afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from deployer.model import Command

Strategy = Literal["start", "restart", "rolling"]
Ready = Literal["all", "any"]


@dataclass(frozen=True, slots=True)
class Options:
    """The inputs that the requests depend on."""

    command: Command = Command.DEPLOY
    strategy: Strategy = "start"
    """`cf_strategy`: how a new version is deployed."""
    ready: Ready = "all"
    """`cf_ready`: how many instances of each process must be running."""
    image: str = ""
    """As the user wrote it; may be only `:tag`."""
    docker_username: str = ""
    docker_password: str = field(default="", repr=False)
    verify_health: bool = False
    """Its instances must keep running for a while (`verify_health: true`)."""
    rollback: bool = False
    wait: bool = True
    read_only: bool = False
    """Nothing may be changed: `command: check` or `dry_run`."""
