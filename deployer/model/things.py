"""What is asked for, what a start answers, and what a look sees."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from deployer.model.outcome import Phase, Trust


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is asked to do, whatever the provider. Times in seconds."""

    targets: tuple[str, ...]
    wait: bool = True
    timeout: float = 1800
    poll_interval: float | None = None
    cancel_on_timeout: bool = False
    cancel_on_interrupt: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to deploy: as the user named it, and as the provider knows it."""

    id: str
    name: str = ""
    kind: str = ""
    url: str = ""

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.id


@dataclass(frozen=True, slots=True)
class Handle:
    """One deployment that the provider can be asked about. `id` is empty where a phantom has none; `link`: its page, where it is known."""

    target: str
    id: str
    trust: Trust = Trust.SURE
    adopted: bool = False
    link: str = field(default="", compare=False)


# --- what a start answers


@dataclass(frozen=True, slots=True)
class Started:
    """Accepted. Without handles there is nothing to follow, and `note` says why."""

    handles: tuple[Handle, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: nothing was started, the same may be sent again after `seconds`."""

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """No: nothing was started, and asking again would not change it."""

    why: str


# --- what a look sees


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a build log.

    `key` tells it from every other, whatever happens to the list. `own`: the platform's own words, not the output of a command.
    """

    key: Hashable
    text: str
    hidden: bool = False
    own: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look that worked.

    `log` is None where it can't be read. `hold` is how many seconds this phase must last before it is believed: 0 is final,
    `inf` only counts once it is replaced. `next` are handles that only the provider knows of and that need no act.
    """

    phase: Phase
    detail: str = ""
    log: tuple[Entry, ...] | None = ()
    hold: float = 0
    next: tuple[Handle, ...] = ()
    reason: str = ""
    warning: str = ""
    link: str = ""
    commit: str = ""
    server: str = ""


@dataclass(frozen=True, slots=True)
class Missed:
    """One look failed. The next one may well work; `wait` is how long the server asked us to stay away."""

    reason: str
    wait: float = 0


@dataclass(frozen=True, slots=True)
class Barred:
    """We may not look any more, and asking again would only be refused again."""

    reason: str


Sight = Snapshot | Missed | Barred
