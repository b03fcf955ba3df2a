"""What the user wants of Cloud Foundry: the inputs that decide which request is sent, and what is read afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from deployer.model import Command

Strategy = Literal["start", "restart", "rolling"]
Ready = Literal["all", "any"]


@dataclass(frozen=True, slots=True)
class Options:
    """How things are to be done. `read_only`: nothing is to be changed; `image`: as the user wrote it, `:tag` without a name too.

    `verify_health`: its instances must go on running (`verify_health: true`).
    """

    command: Command = Command.DEPLOY
    strategy: Strategy = "start"
    ready: Ready = "all"
    image: str = ""
    docker_username: str = ""
    docker_password: str = field(default="", repr=False)
    verify_health: bool = False
    rollback: bool = False
    wait: bool = True
    read_only: bool = False
