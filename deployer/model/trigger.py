"""What was changed before a trigger, and what the trigger's response means."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.model.observation import Handle
from deployer.model.outcome import Outcome
from deployer.model.plan import Target


@dataclass(frozen=True, slots=True)
class Changes:
    """What was changed before the start, in sentences; what was not, because it is as it is wished; and what people should know of it.

    `created`: the id of what was missing and is there now: it is checked and prepared like any other then. `handles`: what must have
    succeeded before the start, which alone makes the change.
    """

    applied: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    created: str = ""
    handles: tuple[Handle, ...] = ()


@dataclass(frozen=True, slots=True)
class Started:
    """Accepted. Without handles there is nothing to follow, and `note` says why."""

    handles: tuple[Handle, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class GroupMember:
    """One member of a group that was started. Without a handle it is not known whether it was: it is looked for, and then triggered."""

    target: Target
    handle: Handle | None = None


@dataclass(frozen=True, slots=True)
class GroupStarted:
    """A group was started: from here on each part has a story of its own.

    `rest`: what is known of members that can't be followed, and `outcome` what that is called.
    """

    members: tuple[GroupMember, ...]
    rest: str = ""
    outcome: Outcome = Outcome.TRIGGERED


@dataclass(frozen=True, slots=True)
class AlreadyDone:
    """What was asked for is so already, and `note` says why: nothing was started."""

    note: str


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Not now: nothing was started, the same may be sent again after `seconds`."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """No: nothing was started, and asking again would not change it."""

    reason: str


TriggerResult = Started | GroupStarted | AlreadyDone | RetryLater | Rejected
