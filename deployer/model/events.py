"""What happened. The reporter hears these, in their order, and decides what is said."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.model.outcome import Leg, Outcome, Phase
from deployer.model.things import Entry, Handle, Right, Target


@dataclass(frozen=True, slots=True)
class Reached:
    """The server answered as itself."""

    platform: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The provider knows this target."""

    target: Target


@dataclass(frozen=True, slots=True)
class Changed:
    """Something on the server was changed before the start, because an input asked for it. `made`: the target itself was created."""

    target: str
    text: str
    made: bool = False


@dataclass(frozen=True, slots=True)
class Entitled:
    """What the login may do, or may not."""

    right: Right


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that is said of a target, and changes nothing."""

    target: str
    text: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The first trigger of this target is about to be sent."""

    target: str


@dataclass(frozen=True, slots=True)
class Split:
    """A group turned out to be these targets, or a name this one. `gone`: there is nothing left to tell of the group or name itself."""

    target: str
    parts: tuple[Target, ...]
    gone: bool


@dataclass(frozen=True, slots=True)
class Followed:
    """From now on this deployment is watched."""

    target: str
    handle: Handle
    why: str = ""
    leg: Leg = Leg.DEPLOYMENT


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
    """New entries of the build log, from this server as far as it is known."""

    target: str
    entries: tuple[Entry, ...]
    server: str = ""


@dataclass(frozen=True, slots=True)
class Unlogged:
    """The build log can't be read."""

    target: str
    server: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """A new phase; or the `same` one, of which the server now says something else."""

    target: str
    phase: Phase
    detail: str
    server: str = ""
    leg: Leg = Leg.DEPLOYMENT
    same: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """Facts about the deployment that is followed, as far as they are known."""

    target: str
    link: str
    commit: str
    server: str
    leg: Leg = Leg.DEPLOYMENT


@dataclass(frozen=True, slots=True)
class Wavered:
    """Looks fail, for a reason not told yet."""

    target: str
    reason: str
    server: str = ""


@dataclass(frozen=True, slots=True)
class Recovered:
    """Looks work again."""

    target: str
    missed: int
    server: str = ""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that people should know, told once."""

    target: str
    text: str
    server: str = ""


@dataclass(frozen=True, slots=True)
class Waited:
    """Nothing happened, and the loop sleeps again: a chance to say what is waited for."""


@dataclass(frozen=True, slots=True)
class Returned:
    """The new version does not run as it should: what ran before is about to be put back."""

    target: str
    why: str


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
    | Changed
    | Entitled
    | Noted
    | Begun
    | Split
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
    | Returned
    | Stopped
    | Withdrawn
    | Ended
)
