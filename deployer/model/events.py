"""What happened in a run. The reporter receives these in order, and decides what is printed."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.model.observation import Entry, Handle
from deployer.model.outcome import Outcome, Phase, Stage
from deployer.model.plan import Ability, Target


@dataclass(frozen=True, slots=True)
class Connected:
    """The server is reachable and is the platform that it should be."""

    platform: str


@dataclass(frozen=True, slots=True)
class TargetResolved:
    """The provider has found this target."""

    target: Target


@dataclass(frozen=True, slots=True)
class ChangeApplied:
    """Something on the server was changed before the trigger, because an input asked for it."""

    target: str
    text: str
    created: bool = False
    """The target itself was created."""


@dataclass(frozen=True, slots=True)
class AbilityChecked:
    """It was checked whether the token may do something."""

    ability: Ability


@dataclass(frozen=True, slots=True)
class TargetNote:
    """Information about a target, without consequences."""

    target: str
    text: str


@dataclass(frozen=True, slots=True)
class Triggering:
    """The first trigger request of this target is about to be sent."""

    target: str


@dataclass(frozen=True, slots=True)
class GroupExpanded:
    """A group was expanded to its members, or a name to the target that was created under it."""

    target: str
    members: tuple[Target, ...]
    gone: bool
    """Nothing more will be reported of the group or name itself."""


@dataclass(frozen=True, slots=True)
class Following:
    """From now on this deployment, or condition, is polled."""

    target: str
    handle: Handle
    reason: str = ""
    stage: Stage = Stage.DEPLOYMENT


@dataclass(frozen=True, slots=True)
class TriggerDelayed:
    """It could not be started yet; the trigger is repeated after `seconds`."""

    target: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class TriggerUncertain:
    """The response to a trigger was lost: the deployment is looked for before anything is sent again."""

    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Retriggering:
    """The target is triggered once more."""

    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class LogLines:
    """New entries of the build log."""

    target: str
    entries: tuple[Entry, ...]
    server: str = ""
    """Where they were written, if known."""


@dataclass(frozen=True, slots=True)
class LogUnavailable:
    """The build log can't be read."""

    target: str
    server: str = ""


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    """A new phase, or another `raw_status` in the same phase."""

    target: str
    phase: Phase
    raw_status: str
    server: str = ""
    stage: Stage = Stage.DEPLOYMENT
    same: bool = False
    """The phase is the previous one; only `raw_status` is new."""


@dataclass(frozen=True, slots=True)
class DeploymentDetails:
    """Facts about the deployment that is followed; empty where unknown."""

    target: str
    link: str
    commit: str
    server: str
    stage: Stage = Stage.DEPLOYMENT


@dataclass(frozen=True, slots=True)
class PollFailing:
    """Status requests fail, for a reason that was not reported yet."""

    target: str
    reason: str
    server: str = ""


@dataclass(frozen=True, slots=True)
class PollRecovered:
    """Status requests work again."""

    target: str
    failed_polls: int
    """How many failed before."""
    server: str = ""


@dataclass(frozen=True, slots=True)
class TargetWarning:
    """Something that the user should know, reported once."""

    target: str
    text: str
    server: str = ""


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing happened and the loop sleeps again: an opportunity to report progress."""


@dataclass(frozen=True, slots=True)
class RollingBack:
    """The new version does not run as it should: the previous one is about to be restored."""

    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class InterruptReceived:
    """The job is being cancelled."""

    signal: str
    """Its name, such as SIGTERM."""


@dataclass(frozen=True, slots=True)
class CancelResult:
    """What became of a deployment that was to be cancelled, or was left running."""

    target: str
    handle: Handle
    result: str
    """A sentence for people."""


@dataclass(frozen=True, slots=True)
class TargetFinished:
    """The last event of a target."""

    target: str
    outcome: Outcome
    reason: str = ""


Event = (
    Connected
    | TargetResolved
    | ChangeApplied
    | AbilityChecked
    | TargetNote
    | Triggering
    | GroupExpanded
    | Following
    | TriggerDelayed
    | TriggerUncertain
    | Retriggering
    | LogLines
    | LogUnavailable
    | PhaseChanged
    | DeploymentDetails
    | PollFailing
    | PollRecovered
    | TargetWarning
    | Idle
    | RollingBack
    | InterruptReceived
    | CancelResult
    | TargetFinished
)
