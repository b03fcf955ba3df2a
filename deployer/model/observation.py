"""What is polled, and what one status request shows."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from deployer.model.outcome import Certainty, Owner, Phase


@dataclass(frozen=True, slots=True)
class Handle:
    """What is polled: a deployment, or a condition of a target such as running or stopped."""

    target: str
    id: str
    """The deployment's id; empty where there is none."""
    certainty: Certainty = Certainty.CONFIRMED
    """What the response that named it is worth."""
    owner: Owner = Owner.OURS
    """Who started it."""
    condition: str = ""
    """The condition that is polled, in the provider's own words; empty for a deployment."""
    link: str = field(default="", compare=False)
    """The page of the deployment, if known."""
    started_by: str = field(default="", compare=False)
    """Who started it, as the beginning of a sentence, if known and not this run."""
    server: str = field(default="", compare=False)
    """Where it runs, if known."""
    ended: str = field(default="", compare=False)
    """Of a condition: when the deployment before it ended, in the platform's own words.

    Empty where the platform does not show when it has checked the condition since.
    """

    @property
    def adopted(self) -> bool:
        """Whether it is followed although this run did not start it, or perhaps did not."""
        return self.owner is not Owner.OURS


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a build log."""

    key: Hashable
    """Identifies the entry, however the list around it changes."""
    text: str
    hidden: bool = False
    """The platform hides it unless debug logs are shown."""
    from_platform: bool = True
    """Written by the platform itself; False: output of a command."""
    starts_container: bool = False
    """The platform is replacing the old container by the new one: the end is near."""
    written: int = 0
    """Nanoseconds of the platform's clock if entries may arrive out of order; 0 if the list is in order."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One status request that worked."""

    phase: Phase
    raw_status: str = ""
    """The status as the platform writes it."""
    log: tuple[Entry, ...] | None = ()
    """The build log; None where it can't be read."""
    stable_for: float = 0
    """Seconds that the phase must last before it counts.

    0: at once; `inf`: until another phase replaces it.
    """
    stable_after_failure: float = 0
    """Seconds that the phase must last if a failure was seen before; `stable_for` counts as well."""
    checked_after: float | None = None
    """Seconds from the end of the deployment to when the platform itself last checked this.

    Both by the platform's clock. None where it does not show that, or has not checked since.
    """
    final: bool = True
    """The phase can't change any more: it also counts if time runs out before `stable_for` is over."""
    follow_ups: tuple[Handle, ...] = ()
    """What only the provider knows of and what is to be followed next, without another trigger."""
    health_check: Handle | None = None
    """Where to see whether the new version runs."""
    shows_failure: bool = False
    """The new version was seen not to do what it should. Not set where nothing could be seen."""
    unseen: str = ""
    """What could not be checked of a success: a warning, and not enough where a check is required."""
    reason: str = ""
    """Why it is in this phase."""
    warnings: tuple[str, ...] = ()
    link: str = ""
    """The page of the deployment, if known."""
    commit: str = ""
    """The commit that is deployed, if known."""
    server: str = ""
    """Where it runs, if known."""


@dataclass(frozen=True, slots=True)
class PollFailed:
    """One status request failed. The next one may work."""

    reason: str
    retry_after: float = 0
    """Seconds that the server asked clients to wait; 0 if it did not say."""


@dataclass(frozen=True, slots=True)
class AccessDenied:
    """The status may not be read any more, and a retry would be refused as well."""

    reason: str


Observation = Snapshot | PollFailed | AccessDenied
"""The result of one poll."""
