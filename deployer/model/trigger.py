"""What was changed before a trigger, and what the trigger's response means."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.model.observation import Handle
from deployer.model.outcome import Outcome
from deployer.model.plan import Target


@dataclass(frozen=True, slots=True)
class Changes:
    """What the inputs changed on the server before the trigger. All texts are sentences for people."""

    applied: tuple[str, ...]
    """What was changed."""
    warnings: tuple[str, ...] = ()
    """What the user should know about the changes."""
    unchanged: tuple[str, ...] = ()
    """What already was as requested."""
    created: str = ""
    """The id of the target that was created: from here on it is resolved and changed like any other."""
    handles: tuple[Handle, ...] = ()
    """What must have succeeded before the trigger, such as staging."""


@dataclass(frozen=True, slots=True)
class Started:
    """The trigger was accepted."""

    handles: tuple[Handle, ...]
    """What to follow; without any, `note` says why."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class GroupMember:
    """One target of a group that was started."""

    target: Target
    handle: Handle | None = None
    """None: unknown whether it was started. Its deployment is looked for, and triggered if there is none."""


@dataclass(frozen=True, slots=True)
class GroupStarted:
    """A group was started. From here on each member is a target of its own."""

    members: tuple[GroupMember, ...]
    rest: str = ""
    """What is known of members that can't be followed; empty if there are none."""
    outcome: Outcome = Outcome.TRIGGERED
    """The outcome that `rest` amounts to."""


@dataclass(frozen=True, slots=True)
class AlreadyDone:
    """The target already is as requested: nothing was started."""

    note: str
    """Why."""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Not possible now: nothing was started, and the same trigger may be sent again."""

    seconds: float
    """How long to wait before that."""
    reason: str
    queue_full: bool = False
    """The queue of the target's server is full: no other target of that server would be accepted either."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Nothing was started, and a retry would be rejected as well."""

    reason: str


TriggerResult = Started | GroupStarted | AlreadyDone | RetryLater | Rejected
"""What the response to a trigger means."""
