"""What is asked for, what a start answers, and what a look sees."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from deployer.model.outcome import Certainty, Command, Outcome, Phase


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is asked to do, whatever the provider. Times in seconds.

    `dry_run`: say what would be done, and do nothing. `has_changes`: things are changed before the start. `strict`: a proof that says
    nothing clear in time has failed; `own_site`: the address that must answer is the target's own, otherwise it is `site`;
    `answer`: what it must answer, in words; `rollback`: what ran before is put back where the new version is seen not to run.
    """

    targets: tuple[str, ...]
    command: Command = Command.DEPLOY
    dry_run: bool = False
    has_changes: bool = False
    own_site: bool = False
    site: str = ""
    answer: str = ""
    rollback: bool = False
    wait: bool = True
    timeout: float = 1800
    poll_interval: float | None = None
    verify_timeout: float = 180
    strict: bool = False
    cancel_on_timeout: bool = False
    cancel_on_interrupt: bool = True

    @property
    def changes(self) -> bool:
        """Whether anything on the server is to be touched."""
        return not self.dry_run and self.command is not Command.CHECK


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to deploy: as the user named it, and as the provider knows it.

    `group`: no thing itself, but several. `missing`: it is still to be made, and `id` is only the name that it will have. `warnings`: what
    people should know before it is triggered. `before`: `url` is only asked for, and what it answers at until the server has accepted
    that; None where `url` is a fact.
    """

    id: str
    name: str = ""
    kind: str = ""
    url: str = ""
    status: str = ""
    group: bool = False
    missing: bool = False
    warnings: tuple[str, ...] = field(default=(), compare=False)
    before: str | None = None

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.id


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


# --- what a start answers


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

# --- what a check finds


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing that the login may do, or may not. None: it could not be found out. `needed`: for what this run is asked to do."""

    name: str
    granted: bool | None
    purpose: str
    needed: bool = False
    remedy: str = ""


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


# --- what a look sees


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
