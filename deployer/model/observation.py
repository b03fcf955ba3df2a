"""What is polled, and what one status request shows."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from deployer.model.outcome import Certainty, Phase


@dataclass(frozen=True, slots=True)
class Handle:
    """One thing that the provider can be asked about: a deployment, or another `condition` of the target, in the provider's words.

    `id`: the deployment's; empty where there is none. `adopted`: somebody else started it, and `started_by` says who, as far
    as it is known;
    `perhaps`: or we did, and nobody can tell.
    `link` and `server`: its page and where it goes on, where they are known.
    """

    target: str
    id: str
    certainty: Certainty = Certainty.CONFIRMED
    adopted: bool = False
    perhaps: bool = False
    condition: str = ""
    link: str = field(default="", compare=False)
    started_by: str = field(default="", compare=False)
    server: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a build log.

    `key` tells it from every other, whatever happens to the list. `from_platform`: the platform's own words, not the output of a command.
    `written`: nanoseconds of the platform's clock, where lines may arrive out of their order; 0 where the list itself is in order.
    """

    key: Hashable
    text: str
    hidden: bool = False
    from_platform: bool = True
    written: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look that worked.

    `log` is None where it can't be read. `stable_for` is how many seconds this phase must last before it is believed: 0 is final,
    `inf` only counts once it is replaced. `final`: an end that can't turn any more, so that it counts too if time runs out before.
    `follow_ups` are handles that only the provider knows of and that need no act; `health_check` is where it can be seen that
    the new version runs.
    `shows_failure`: the new version was seen not to do what it should; that nothing could be seen is none of that.
    `unseen`: what of a good end could not be seen at all: a warning with it, and no proof where one was asked for.
    """

    phase: Phase
    raw_status: str = ""
    log: tuple[Entry, ...] | None = ()
    stable_for: float = 0
    final: bool = True
    follow_ups: tuple[Handle, ...] = ()
    health_check: Handle | None = None
    shows_failure: bool = False
    unseen: str = ""
    reason: str = ""
    warnings: tuple[str, ...] = ()
    link: str = ""
    commit: str = ""
    server: str = ""


@dataclass(frozen=True, slots=True)
class PollFailed:
    """One look failed. The next one may well work; `retry_after` is how long the server asked us to stay away."""

    reason: str
    retry_after: float = 0


@dataclass(frozen=True, slots=True)
class AccessDenied:
    """We may not look any more, and asking again would only be refused again."""

    reason: str


Observation = Snapshot | PollFailed | AccessDenied
