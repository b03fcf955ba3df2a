"""What can go wrong, by two questions: can the user act on it, and may a retry help?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self


class DeployerError(Exception):
    """An error that the user can act on. Its text says what happened, what it means, and the fix."""


@dataclass(eq=False)
class InvalidInputsError(DeployerError):
    """The inputs are invalid. All mistakes are reported together, before any request."""

    mistakes: tuple[str, ...]
    """One sentence per mistake, each ending in the fix."""

    def __str__(self) -> str:
        """One mistake per line."""
        return "\n".join(self.mistakes)


@dataclass(eq=False)
class RefusedError(DeployerError):
    """The platform refused the request, and a retry would be refused as well. Never changed once raised."""

    reason: Final[str]
    """What was refused and how to fix it, in one line."""
    token_wide: Final[bool] = False
    """The token was rejected, not only this target: every further request will be refused, too."""

    def __str__(self) -> str:
        """The reason."""
        return self.reason

    def because(self, reason: str) -> Self:
        """A copy of this error with another reason."""
        return replace(self, reason=reason)


@dataclass(eq=False)
class UnavailableError(DeployerError):
    """No usable response this time; a retry may help. Never changed once raised."""

    reason: Final[str]
    """What went wrong and how to fix it, in one line."""
    may_have_arrived: Final[bool] = False
    """The request may have reached the platform, and may have been carried out."""
    from_server: Final[bool] = False
    """The response came from the platform, not from a proxy or gateway in front of it."""
    server_error: Final[str] = ""
    """The platform's own text where it failed (HTTP 5xx); empty otherwise."""
    retry_after: Final[float] = 0
    """Seconds that the server asked clients to wait; 0 if it did not say."""
    permanent: Final[bool] = False
    """A retry would fail the same way although nothing was refused, such as a redirect."""
    from_gateway: Final[bool] = False
    """A proxy or gateway responded in the platform's place, and will probably do so again.

    Whether it passed the request on is unknown.
    """

    def __str__(self) -> str:
        """The reason."""
        return self.reason

    def because(self, reason: str) -> Self:
        """A copy of this error with another reason."""
        return replace(self, reason=reason)

    def not_sent(self) -> Self:
        """A copy of this error for a request that was never sent, because one before it failed."""
        return replace(self, may_have_arrived=False)


class LateError(UnavailableError):
    """The connection was accepted, but the response timed out: the server is there, and busy."""


class Interrupted(
    BaseException
):  # like KeyboardInterrupt: no error, and no `except Exception` may swallow it
    """The job is being cancelled: SIGINT, SIGTERM or SIGHUP was received."""


class Expired(BaseException):
    """The seconds of a `Clock.limit` have passed."""
