"""What can go wrong, by two questions: can the user act on it? May asking again help? And what stops a run from outside."""

from __future__ import annotations

from dataclasses import dataclass, field


class DeployerError(Exception):
    """The user can act on it: the text says what happened, what it usually means, what to do."""


@dataclass(eq=False)
class InvalidInputsError(DeployerError):
    """The inputs are wrong. All mistakes at once."""

    mistakes: tuple[str, ...]

    def __str__(self) -> str:
        """One mistake a line."""
        return "\n".join(self.mistakes)


@dataclass(eq=False)
class RefusedError(DeployerError):
    """The server said no, and asking again would not change it. `token_wide`: it says so of the token, not of one target."""

    reason: str
    token_wide: bool = False

    def __str__(self) -> str:
        """The reason."""
        return self.reason


@dataclass(eq=False)
class UnavailableError(DeployerError):
    """No usable answer this time; asking again may help.

    `may_have_arrived`: the request may have reached the server. `from_server`: the server itself spoke, not a proxy in front of it.
    `server_error`: the server's own words where it broke (a 5xx). `retry_after`: seconds it asked us to stay away.
    `permanent`: asking again is
    pointless although it is no refusal (a redirect). `from_gateway`: something in front of the server answered in its place, and will
    probably answer the same again; whether it passed the request on before that, nobody knows.
    """

    reason: str
    may_have_arrived: bool = False
    from_server: bool = False
    server_error: str = ""
    retry_after: float = 0
    permanent: bool = field(default=False)
    from_gateway: bool = False

    def __str__(self) -> str:
        """The reason."""
        return self.reason


class LateError(UnavailableError):
    """The connection was accepted, and only the response did not come in time: the server is there, and busy."""


class Interrupted(
    BaseException
):  # like KeyboardInterrupt: no error, and no `except Exception` may swallow it
    """The job was told to stop."""


class Expired(BaseException):
    """The seconds of `Clock.limit` are over."""
