"""The vocabulary that every part shares: phases, outcomes, what was seen, what happened, what can go wrong. No behaviour of its own."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum


class Outcome(Enum):
    """How one target's story ends, worst first: (status, exit code, when)."""

    INTERRUPTED = ("interrupted", 130, "the job was stopped (SIGINT or SIGTERM)")
    FAILED = ("failed", 1, "the deployment ended badly")
    UNVERIFIED = ("unverified", 5, "deployed, but the proof that it runs failed (a post-deployment command that failed or was skipped)")
    LOST = (
        "lost",
        3,
        "started, or perhaps started, and we can no longer see it (token revoked, row gone, an answer lost with a token that can't list)",
    )
    TIMED_OUT = ("timed_out", 3, "no end in time (the story says whether it was building, queued, or never accepted)")
    CANCELLED = ("cancelled", 4, "somebody else ended it")
    REFUSED = ("refused", 2, "this target was not started: wrong input, unknown uuid, missing right, a refusal inside a 200")
    UNREACHABLE = ("unreachable", 6, "the server never gave an answer of its own; nothing was sent that could have started anything")
    TRIGGERED = ("triggered", 0, "accepted, not waited for")
    FINISHED = ("finished", 0, "what was asked for is done and every proof held")
    SKIPPED = ("skipped", 0, "nothing was started or changed, on request (`on_missing_secret: skip`)")

    def __init__(self, status: str, exit_code: int, meaning: str) -> None:
        self.status = status
        self.exit_code = exit_code
        self.meaning = meaning

    @classmethod
    def worst(cls, outcomes: list[Outcome]) -> Outcome:
        """The one that counts for the whole run."""
        return next(outcome for outcome in cls if outcome in outcomes)


class Phase(Enum):
    """Where a deployment stands, in the words of no provider."""

    ABSENT = "absent"
    QUEUED = "queued"
    RUNNING = "running"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    UNPROVEN = "unproven"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Leg(Enum):
    """A stretch of a target's story; watch.py says what limits each and what its end is called."""

    DEPLOYMENT = "deployment"
    OTHERS = "others"


class Trust(Enum):
    """What the answer that gave a handle is worth."""

    SURE = "sure"
    DOUBTFUL = "doubtful"
    PHANTOM = "phantom"


# --- what is asked for


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
    """One deployment that the provider can be asked about. `id` is empty where a phantom has none."""

    target: str
    id: str
    trust: Trust = Trust.SURE
    adopted: bool = False


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


# --- what happened: the reporter hears these, in this order, and decides what is said


@dataclass(frozen=True, slots=True)
class Reached:
    """The server answered as itself."""

    platform: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The provider knows this target."""

    target: Target


@dataclass(frozen=True, slots=True)
class Begun:
    """The first trigger of this target is about to be sent."""

    target: str


@dataclass(frozen=True, slots=True)
class Followed:
    """From now on this deployment is watched."""

    target: str
    handle: Handle
    why: str = ""


@dataclass(frozen=True, slots=True)
class Delayed:
    """It could not be started yet."""

    target: str
    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Doubted:
    """The answer to a trigger was lost: the server is asked what became of it before anything is sent again."""

    target: str
    why: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """It is triggered once more."""

    target: str
    why: str


@dataclass(frozen=True, slots=True)
class Logged:
    """New entries of the build log."""

    target: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Unlogged:
    """The build log can't be read."""

    target: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A new phase."""

    target: str
    phase: Phase
    detail: str


@dataclass(frozen=True, slots=True)
class Known:
    """Facts about the deployment that is followed, as far as they are known."""

    target: str
    link: str
    commit: str
    server: str


@dataclass(frozen=True, slots=True)
class Wavered:
    """Looks fail, for a reason not told yet."""

    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """Looks work again."""

    target: str
    missed: int


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that people should know, told once."""

    target: str
    text: str


@dataclass(frozen=True, slots=True)
class Waited:
    """Nothing happened, and the loop sleeps again: a chance to say what is waited for."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The job is being cancelled."""

    signal: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What became of a deployment of ours when we asked to stop it, or left it. `how` is a sentence."""

    target: str
    handle: Handle
    how: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event of a target's story."""

    target: str
    outcome: Outcome
    reason: str = ""


Event = (
    Reached
    | Checked
    | Begun
    | Followed
    | Delayed
    | Doubted
    | Repeated
    | Logged
    | Unlogged
    | Moved
    | Known
    | Wavered
    | Recovered
    | Warned
    | Waited
    | Stopped
    | Withdrawn
    | Ended
)


# --- what can go wrong


class DeployerError(Exception):
    """The user can act on it: the text says what happened, what it usually means, what to do."""


@dataclass(eq=False)
class MistakesError(DeployerError):
    """The inputs are wrong. All mistakes at once."""

    mistakes: tuple[str, ...]

    def __str__(self) -> str:
        """One mistake a line."""
        return "\n".join(self.mistakes)


@dataclass(eq=False)
class RefusedError(DeployerError):
    """The server said no, and asking again would not change it. `everywhere`: it says so of the token, not of one target."""

    reason: str
    everywhere: bool = False

    def __str__(self) -> str:
        """The reason."""
        return self.reason


@dataclass(eq=False)
class UnavailableError(DeployerError):
    """No usable answer this time; asking again may help.

    `arrived`: the request may have reached the server. `itself`: the server itself spoke, not a proxy in front of it.
    `failure`: the server's own words where it broke (a 5xx). `wait`: seconds it asked us to stay away. `final`: asking again is
    pointless although it is no refusal (a redirect).
    """

    reason: str
    arrived: bool = False
    itself: bool = False
    failure: str = ""
    wait: float = 0
    final: bool = field(default=False)

    def __str__(self) -> str:
        """The reason."""
        return self.reason
