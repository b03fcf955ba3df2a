"""What a provider is: the class that holds its inputs, and the calls that `run` makes. A provider never sleeps and never loops."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from deployer.model import Answer, Barred, Handle, Prepared, Right, Snapshot, Spread, Started, Target
from deployer.settings import Common, Given, Inputs


class Provider(Protocol):
    """One platform, spoken to with one login.

    Every call may raise `UnavailableError` (asking again may help) and `RefusedError` (it will not).
    """

    @property
    def remaining(self) -> int | None:
        """Requests that the server still grants in this window, as far as it says so."""

    def reach(self, *, patience: float | None = None) -> str:
        """Ask the one harmless question that shows whether the server is there; answers what it calls itself.

        `patience`: seconds to wait for the response instead of the usual ones.
        """

    def check(self, target: str) -> Target:
        """Find the target and remember what `find` needs, changing nothing. One that was named is answered with its own id."""

    def rights(self) -> tuple[Right, ...]:
        """What the login may do, found out without touching anything, after the targets were checked."""

    def intent(self, target: str) -> tuple[str, ...]:
        """What `start` would do with this target, in sentences; only after `check`."""

    def prepare(self, target: str) -> Prepared:
        """Change what the run was asked to change before the start. May be called again: what is as it is wished is left alone."""

    def altered(self, target: str) -> tuple[str, ...]:
        """What a `prepare` that has not come to its end has changed, or perhaps has, in sentences. Asks nothing, raises nothing."""

    def start(self, target: str) -> Answer:
        """Do what the run is asked to do with this target. Sends at most one request that can start anything.

        `UnavailableError.arrived` says whether it may have reached the server; then `find` is asked before it is sent again.
        """

    def undo(self, target: str, deployed: Handle) -> Answer:
        """Put back what ran before a deployment that was seen not to run. Sends at most one request that can start anything, as `start`."""

    def find(self, target: str, *, patience: float | None = None) -> Started | Spread | Barred | None:
        """What a `start` or `undo` without an answer has started. None: there is nothing (yet); Barred: nobody can tell."""

    def look(self, handle: Handle) -> Snapshot:
        """One look. Never causes anything on the server."""

    def going(self, target: str) -> tuple[Handle, ...]:
        """Every deployment of the target that is not over, whoever started it, the running ones first."""

    def cancel(self, handle: Handle, *, patience: float | None = None) -> str:
        """Ask to stop it; answers what is known of the effect, as a sentence. `patience`: seconds to wait for an answer."""

    def left_waiting(self, *, patience: float | None = None) -> str:
        """What the cancels of this run have left in the queue with nothing to start it, in a sentence; empty where nothing is so left."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a provider is given of the world.

    `agent`: what we call ourselves. `real`: real seconds; `now`: the run's, which pass faster in a rehearsal. `direct`: past every proxy.
    `hide`: is told a secret that the server has given, before anything else is said. `time_left`: real seconds until `timeout` is over
    for what is being done, negative after it.
    """

    agent: str
    real: Callable[[], float]
    now: Callable[[], float]
    hide: Callable[[str], None]
    direct: bool = False
    time_left: Callable[[], float] = lambda: math.inf


class ProviderInputs(Inputs):
    """A provider's own inputs, and the way from them to the provider."""

    platform: ClassVar[str]
    """What the input `provider` calls it."""

    logins: ClassVar[tuple[str, ...]]
    """The secret inputs of which one is needed for anything at all (`on_missing_secret`), the best way first."""

    signs: ClassVar[tuple[str, ...]]
    """The inputs that say that this platform is meant; other variables of its kind may be there for other programs."""

    @property
    @abstractmethod
    def targets(self) -> tuple[str, ...]:
        """What is to be deployed, each once, in the user's order."""

    @property
    @abstractmethod
    def named(self) -> bool:
        """Whether the targets are names: their ids are only found, or made, by the run."""

    @property
    @abstractmethod
    def alters(self) -> bool:
        """Whether something is to be changed before the start."""

    @property
    @abstractmethod
    def address(self) -> str:
        """The address that every run asks first."""

    @property
    @abstractmethod
    def warnings(self) -> list[str]:
        """What is allowed but should be known."""

    @classmethod
    @abstractmethod
    def stage(cls, given: Given, inputs: Mapping[str, str]) -> list[str]:
        """Put a rehearsal's server in the place of the user's; the names of the inputs that are ignored therefore.

        `inputs`: what to give to reach it, by the inputs' names.
        """

    @abstractmethod
    def connect(self, common: Common, around: Surroundings) -> Provider:
        """The provider, without a request yet."""
