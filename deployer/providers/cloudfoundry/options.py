"""The inputs that decide which request is sent, and what is read afterwards."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from deployer.model import Command, VerifyHealth

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
"""How Cloud Foundry identifies everything."""

Strategy = Literal["start", "restart", "rolling"]
Ready = Literal["all", "any"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked of Cloud Foundry."""

    command: Command = Command.DEPLOY
    strategy: Strategy = "start"
    """How `deploy` puts the app live."""
    ready: Ready = "all"
    """How many instances of each process must run."""
    image: str = ""
    """The image as the user wrote it, which may be only `:tag`; empty if the image is not changed."""
    docker_username: str = ""
    docker_password: str = field(default="", repr=False)
    verify_health: VerifyHealth = "auto"
    rollback: bool = False
    wait: bool = True
