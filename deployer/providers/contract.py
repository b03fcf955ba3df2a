"""What a provider is: the class that holds its inputs, and the calls that `run` makes. A provider never sleeps and never loops."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
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

    def reach(self) -> str:
        """Ask the one harmless question that shows whether the server is there; answers what it calls itself."""

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


class ProviderInputs(Inputs):
    """A provider's own inputs, and the way from them to the provider."""

    platform: ClassVar[str]
    """What the input `provider` calls it."""

    secret: ClassVar[str]
    """The input without which nothing can be done (`on_missing_secret`)."""

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
    def warnings(self) -> list[str]:
        """What is allowed but should be known."""

    @classmethod
    @abstractmethod
    def stage(cls, given: Given, url: str, token: str, targets: tuple[str, ...], group: str) -> list[str]:
        """Put a rehearsal's server in the place of the user's; the names of the inputs that are ignored therefore.

        `group`: the name that all its targets have in common, where the platform has such names.
        """

    @abstractmethod
    def connect(self, common: Common, *, agent: str, now: Callable[[], float], direct: bool) -> Provider:
        """The provider, without a request yet. `direct`: past every proxy."""
