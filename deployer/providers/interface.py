"""What a provider is: the class that holds its inputs, and the calls that `run` makes. A provider never sleeps and never loops."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from deployer.model import (
    Ability,
    AccessDenied,
    Changes,
    GroupStarted,
    Handle,
    Snapshot,
    Started,
    Target,
    TriggerResult,
)
from deployer.settings import Common, Inputs, RawInputs


class Provider(Protocol):
    """One platform, spoken to with one login.

    Every call may raise `UnavailableError` (asking again may help) and `RefusedError` (it will not).
    """

    @property
    def remaining(self) -> int | None:
        """Requests that the server still grants in this window, as far as it says so."""

    def connect(self, *, timeout: float | None = None) -> str:
        """Ask the one harmless question that shows whether the server is there; answers what it calls itself.

        `timeout`: seconds to wait for the response instead of the usual ones.
        """

    def resolve(self, target: str) -> Target:
        """Find the target and remember what `find_triggered` needs, changing nothing. One that was named is answered with its own id."""

    def abilities(self) -> tuple[Ability, ...]:
        """What the login may do, found out without touching anything, after the targets were checked."""

    def describe(self, target: str) -> tuple[str, ...]:
        """What `trigger` would do with this target, in sentences; only after `resolve`."""

    def apply_changes(self, target: str) -> Changes:
        """Change what the run was asked to change before the start. May be called again: what is as it is wished is left alone."""

    def changes_made(self, target: str) -> tuple[str, ...]:
        """What a `apply_changes` that has not come to its end has changed, or perhaps has, in sentences. Asks nothing, raises nothing."""

    def trigger(self, target: str) -> TriggerResult:
        """Do what the run is asked to do with this target. Sends at most one request that can start anything.

        `UnavailableError.arrived` says whether it may have reached the server; then `find_triggered` is asked before it is sent again.
        """

    def rollback(self, target: str, deployment: Handle) -> TriggerResult:
        """Put back what ran before a deployment that was seen not to run. Starts at most one thing, as `trigger` does."""

    def find_triggered(
        self, target: str, *, timeout: float | None = None
    ) -> Started | GroupStarted | AccessDenied | None:
        """What a `trigger` or `rollback` without an answer has started. None: there is nothing (yet); AccessDenied: nobody can tell."""

    def poll(self, handle: Handle) -> Snapshot:
        """One look. Never causes anything on the server."""

    def active(self, target: str) -> tuple[Handle, ...]:
        """Every deployment of the target that is not over, whoever started it, the running ones first."""

    def cancel(self, handle: Handle, *, timeout: float | None = None) -> str:
        """Ask to stop it; answers what is known of the effect, as a sentence. `timeout`: seconds to wait for an answer."""

    def left_waiting(self, *, timeout: float | None = None) -> str:
        """What the cancels of this run have left in the queue with nothing to start it, in a sentence; empty where nothing is so left."""


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What a provider is given of the world.

    `user_agent`: what we call ourselves. `monotonic`: real seconds; `now`: the run's, which pass faster in a rehearsal.
    `no_proxy`: past every proxy.
    `add_secret`: is told a secret that the server has given, before anything else is said. `time_left`: real seconds until
    `timeout` is over
    for what is being done, negative after it.
    """

    user_agent: str
    monotonic: Callable[[], float]
    now: Callable[[], float]
    add_secret: Callable[[str], None]
    no_proxy: bool = False
    time_left: Callable[[], float] = lambda: math.inf


class ProviderInputs(Inputs):
    """A provider's own inputs, and the way from them to the provider."""

    platform: ClassVar[str]
    """What the input `provider` calls it."""

    credentials: ClassVar[tuple[str, ...]]
    """The secret inputs of which one is needed for anything at all (`on_missing_secret`), the best way first."""

    detected_by: ClassVar[tuple[str, ...]]
    """The inputs that say that this platform is meant; other variables of its kind may be there for other programs."""

    @property
    @abstractmethod
    def targets(self) -> tuple[str, ...]:
        """What is to be deployed, each once, in the user's order."""

    @property
    @abstractmethod
    def by_name(self) -> bool:
        """Whether the targets are names: their ids are only found, or made, by the run."""

    @property
    @abstractmethod
    def has_changes(self) -> bool:
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
    def use_simulator(cls, raw: RawInputs, inputs: Mapping[str, str]) -> list[str]:
        """Put a rehearsal's server in the place of the user's; the names of the inputs that are ignored therefore.

        `inputs`: what to give to reach it, by the inputs' names.
        """

    @abstractmethod
    def build_provider(self, common: Common, context: ProviderContext) -> Provider:
        """The provider, without a request yet."""
