"""The tokens that the login server gave, and what each is worth at a given simulated second (cloudfoundry-api 2)."""

import base64
import json
from dataclasses import dataclass, field
from math import inf
from typing import Any

from deployer.simulator.cloudfoundry.names import CLIENT, guid
from deployer.simulator.cloudfoundry.scenario import Grant, Login
from deployer.simulator.serving.made_up import made_up


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, by the simulated seconds in which it was given and in which it expires."""

    text: str
    given: float
    expires: float


@dataclass(slots=True)
class Tokens:
    """Everything that was given. `refresh`: the refresh tokens that are still taken; `texts`: all tokens of both kinds."""

    login: Login
    given: list[Token] = field(default_factory=list)
    refresh: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    refused: int = 0  # passwords that were wrong
    jti: str = ""  # the newest token's own name

    @property
    def user(self) -> str:
        """The guid of who logs in: of a client its name."""
        return CLIENT if self.login.grant in {Grant.CLIENT, Grant.CLIENT_ASSERTION} else guid("user")

    def give(self, now: float, wall: int, who: dict[str, Any]) -> str:
        """A new access token. `wall`: the server's clock, in seconds; `who`: claims."""
        number = len(self.given) + 1
        self.jti = guid(f"token {number}")
        claims = {"jti": self.jti, "iat": wall, "exp": wall + self.login.validity, **who}
        text = made_up(f"opaque token {number}", 43) if self.login.opaque else jwt(claims)
        self.texts.append(text)
        self.given.append(Token(text, now, now + self.login.validity))
        return text

    def give_refresh(self) -> str:
        """A new refresh token; the ones before it are not taken any more."""
        text = f"{made_up(f'refresh token {len(self.given)}', 32)}-r"
        self.texts.append(text)
        self.refresh = {text}
        return text

    def find(self, text: str) -> Token | None:
        return next((token for token in self.given if token.text == text), None)

    def known(self, text: str, now: float) -> bool:
        """Whether the Cloud Controller takes it now."""
        token = self.find(text)
        revoked = self.login.revoked if now >= self.login.revoked else -inf
        return token is not None and now < token.expires and token.given >= revoked


def jwt(claims: dict[str, Any]) -> str:
    """Claims as every client can read them; nobody here checks the signature."""
    parts = ({"alg": "RS256", "kid": "key-1", "typ": "JWT"}, claims)
    head = ".".join(_part(json.dumps(part).encode()) for part in parts)
    return f"{head}.{_part(made_up(head, 64).encode())}"


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
