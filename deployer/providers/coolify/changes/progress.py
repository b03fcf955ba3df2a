"""PURE: what this run has changed on one target so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from deployer.providers.coolify.changes.application import Patch
from deployer.providers.coolify.changes.envs import EnvChange
from deployer.providers.payload import Row

NO_RESPONSE = "no response"


@dataclass
class ChangeProgress:
    """What this run has changed on one target so far. Changes are phrases such as `image: a → b`."""

    plan: tuple[Patch, EnvChange] | None = None
    """What is to be sent; None until it is known, and after a request without a response."""
    attempted: bool = False
    """A change was sent, or was about to be."""
    applied: list[str] = field(default_factory=list)
    """The changes that were made."""
    uncertain: tuple[str, ...] = ()
    """The changes whose request was sent and had no response."""
    server_errors: int = 0
    """How often the server itself, or a gateway in front of it, has failed at a change."""
    before: Row | None = None
    """The application before its fields were changed; None if they were not."""
    target_state: Row | None = None
    """The application after all requested changes of its fields; None if there are none."""

    @property
    def so_far(self) -> tuple[str, ...]:
        """The changes that were made or may have been made."""
        return (*self.applied, *(f"{change} (perhaps: {NO_RESPONSE})" for change in self.uncertain))
