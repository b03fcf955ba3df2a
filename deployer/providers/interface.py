"""What every provider implements: its inputs, and the calls that `run` makes.

A provider never sleeps and never loops; when to retry is decided by `run`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from deployer.budget import Budget
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
    """One platform with one login.

    Every method that sends requests raises `UnavailableError` if there was no usable response and a retry
    may help, and `RefusedError` if the platform refused and a retry would be refused as well. A `target` is
    what the user named, or the id that `resolve` or `apply_changes` returned for it.
    """

    @property
    def budget(self) -> Budget:
        """Counts every request, and says when the next one may be sent that is not urgent."""

    def connect(self, *, timeout: float | None = None) -> str:
        """Check that the address responds as this platform, with one harmless request.

        Called before everything else, and again until it succeeds.

        Args:
            timeout: seconds to wait for the response instead of the default.

        Returns:
            The platform with its version and address, as a phrase for people.
        """

    def resolve(self, target: str) -> Target:
        """Find out what the target is, and remember what `find_triggered` needs. Changes nothing.

        Called before `apply_changes` and `trigger`, and perhaps again before a repeated trigger.

        Args:
            target: as the user named it.

        Returns:
            What is known of the target. Its `id` is another one if the user gave a name.

        Raises:
            RefusedError: if the target does not exist, or can't have what the inputs ask for.
        """

    def abilities(self) -> tuple[Ability, ...]:
        """What the login may do, determined without changing anything.

        Called once, by `command: check` and `dry_run`, after every target was resolved.
        """

    def describe(self, target: str) -> tuple[str, ...]:
        """What `apply_changes` and `trigger` would do with the target, as sentences for people.

        Called by `command: check` and `dry_run`, after `resolve`. Changes nothing.

        Raises:
            RefusedError: if they would be refused.
        """

    def apply_changes(self, target: str) -> Changes:
        """Change what the inputs ask for before the trigger: image, env, settings, commit, create.

        Safe to call again after an error: what already is as requested is left alone.

        Returns:
            What was changed. If the target was created, its id: that one is to be resolved next.

        Raises:
            UnavailableError: with `may_have_arrived` if a change may have been made.
        """

    def changes_made(self, target: str) -> tuple[str, ...]:
        """What an unfinished `apply_changes` or `rollback` has changed, or may have changed, as sentences.

        Sends no request and raises nothing.
        """

    def trigger(self, target: str) -> TriggerResult:
        """Carry out the command for the target. Sends at most one request that can start anything.

        Returns:
            What the response means.

        Raises:
            UnavailableError: with `may_have_arrived` if something may have been started. Then
                `find_triggered` must be called before the trigger is sent again.
        """

    def rollback(self, target: str, deployment: Handle) -> TriggerResult:
        """Restore the version that ran before a deployment of this run, which was seen not to run.

        Sends at most one request that can start anything, like `trigger`; whatever must be changed for it is
        changed before.

        Args:
            target: the target that was deployed.
            deployment: the deployment that is to be rolled back.

        Raises:
            RefusedError: if there is no previous version, or somebody else has deployed since.
            UnavailableError: as for `trigger`.
        """

    def find_triggered(
        self, target: str, *, timeout: float | None = None
    ) -> Started | GroupStarted | AccessDenied | None:
        """Find what was started by a `trigger` or `rollback` whose response was lost.

        Args:
            target: the target that was triggered.
            timeout: seconds to wait for each response instead of the default. Set when the job is about to
                end: then names are not looked up.

        Returns:
            What was started; None if there is nothing (yet); AccessDenied if that can't be determined.
        """

    def poll(self, handle: Handle) -> Snapshot:
        """Read the status once. Never changes anything on the server."""

    def poll_active(self, handles: tuple[Handle, ...]) -> Mapping[Handle, Snapshot] | None:
        """Read the status of many deployments with one request.

        Returns:
            What is seen of each; those that are missing must be polled one by one. None if the platform has
            no such list, or it is not worth its size: then it is not called again.
        """

    def active(self, target: str) -> tuple[Handle, ...]:
        """Every queued or running deployment of the target, whoever started it, the running ones first.

        Raises:
            RefusedError: if the target has no deployments that could be cancelled, or they can't be listed.
        """

    def cancel(self, handle: Handle, *, timeout: float | None = None) -> str:
        """Ask the platform to cancel a deployment.

        Args:
            handle: the deployment.
            timeout: seconds to wait for the response instead of the default.

        Returns:
            What is known of the effect, as a phrase for people.
        """

    def left_waiting(self, *, timeout: float | None = None) -> str:
        """Deployments that stay queued because of this run's cancels, with nothing that would start them.

        Args:
            timeout: seconds to wait for the response instead of the default.

        Returns:
            A sentence for people; empty if there are none, or they were reported before.
        """


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What a provider needs from the run around it."""

    user_agent: str
    """The User-Agent of every request."""
    monotonic: Callable[[], float]
    """Real time in seconds, for time-outs of requests."""
    now: Callable[[], float]
    """The run's time in seconds, which passes faster in a rehearsal."""
    add_secret: Callable[[str], None]
    """Redacts a secret that the server has issued, from now on. Called before it could be printed."""
    no_proxy: bool = False
    """Ignore every proxy of the environment."""
    time_left: Callable[[], float] = lambda: math.inf
    """Real seconds until `timeout` is over for the current target; negative after that."""


class ProviderInputs(Inputs):
    """A provider's own inputs, which build the provider."""

    platform: ClassVar[str]
    """The value of the input `provider` that selects this platform."""

    credentials: ClassVar[tuple[str, ...]]
    """The secret inputs of which at least one is required (`on_missing_secret`), the preferred one first."""

    detected_by: ClassVar[tuple[str, ...]]
    """The inputs that select this platform if `provider` is not set.

    Its other variables may be there for other programs.
    """

    @property
    @abstractmethod
    def targets(self) -> tuple[str, ...]:
        """What is to be deployed, each once, in the user's order."""

    @property
    @abstractmethod
    def by_name(self) -> bool:
        """Whether the targets are names, whose ids are only found or created by the run."""

    @property
    @abstractmethod
    def has_changes(self) -> bool:
        """Whether something is changed on the server before the trigger."""

    @property
    @abstractmethod
    def address(self) -> str:
        """The address that every run connects to first."""

    @property
    @abstractmethod
    def warnings(self) -> list[str]:
        """What is allowed, but risky."""

    @classmethod
    @abstractmethod
    def use_simulator(cls, raw: RawInputs, inputs: Mapping[str, str]) -> list[str]:
        """Replace the user's server by the simulator of a rehearsal.

        Args:
            raw: the user's inputs, which are changed in place.
            inputs: the values that connect to the simulator, by the names of the inputs.

        Returns:
            The names of the user's inputs that are ignored because of that.
        """

    @abstractmethod
    def build_provider(self, common: Common, context: ProviderContext) -> Provider:
        """The provider for these inputs. Sends no request yet."""
