"""What happened. The reporter hears these, in their order, and decides what is said."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.model.observation import Entry, Handle
from deployer.model.outcome import Outcome, Phase, Stage
from deployer.model.plan import Ability, Target


@dataclass(frozen=True, slots=True)
class Connected:
    """The server answered as itself."""

    platform: str


@dataclass(frozen=True, slots=True)
class TargetResolved:
    """The provider knows this target."""

    target: Target


@dataclass(frozen=True, slots=True)
class ChangeApplied:
    """Something on the server was changed before the start, because an input asked for it. `created`: the target itself was created."""

    target: str
    text: str
    created: bool = False


@dataclass(frozen=True, slots=True)
class AbilityChecked:
    """What the login may do, or may not."""

    ability: Ability


@dataclass(frozen=True, slots=True)
class TargetNote:
    """Something that is said of a target, and changes nothing."""

    target: str
    text: str


@dataclass(frozen=True, slots=True)
class Triggering:
    """The first trigger of this target is about to be sent."""

    target: str


@dataclass(frozen=True, slots=True)
class GroupExpanded:
    """A group turned out to be these targets, or a name this one. `gone`: there is nothing left to tell of the group or name itself."""

    target: str
    members: tuple[Target, ...]
    gone: bool


@dataclass(frozen=True, slots=True)
class Following:
    """From now on this deployment is watched."""

    target: str
    handle: Handle
    reason: str = ""
    stage: Stage = Stage.DEPLOYMENT


@dataclass(frozen=True, slots=True)
class TriggerDelayed:
    """It could not be started yet."""

    target: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class TriggerUncertain:
    """The answer to a trigger was lost: the server is asked what became of it before anything is sent again."""

    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Retriggering:
    """It is triggered once more."""

    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class LogLines:
    """New entries of the build log, from this server as far as it is known."""

    target: str
    entries: tuple[Entry, ...]
    server: str = ""


@dataclass(frozen=True, slots=True)
class LogUnavailable:
    """The build log can't be read."""

    target: str
    server: str = ""


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    """A new phase; or the `same` one, of which the server now says something else."""

    target: str
    phase: Phase
    raw_status: str
    server: str = ""
    stage: Stage = Stage.DEPLOYMENT
    same: bool = False


@dataclass(frozen=True, slots=True)
class DeploymentDetails:
    """Facts about the deployment that is followed, as far as they are known."""

    target: str
    link: str
    commit: str
    server: str
    stage: Stage = Stage.DEPLOYMENT


@dataclass(frozen=True, slots=True)
class PollFailing:
    """Looks fail, for a reason not told yet."""

    target: str
    reason: str
    server: str = ""


@dataclass(frozen=True, slots=True)
class PollRecovered:
    """Looks work again."""

    target: str
    failed_polls: int
    server: str = ""


@dataclass(frozen=True, slots=True)
class TargetWarning:
    """Something that people should know, told once."""

    target: str
    text: str
    server: str = ""


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing happened, and the loop sleeps again: a chance to say what is waited for."""


@dataclass(frozen=True, slots=True)
class RollingBack:
    """The new version does not run as it should: what ran before is about to be put back."""

    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class InterruptReceived:
    """The job is being cancelled."""

    signal: str


@dataclass(frozen=True, slots=True)
class CancelResult:
    """What became of a deployment of ours when we asked to stop it, or left it. `result` is a sentence."""

    target: str
    handle: Handle
    result: str


@dataclass(frozen=True, slots=True)
class TargetFinished:
    """The last event of a target's story."""

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
