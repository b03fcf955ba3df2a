"""The tokens that the login server issued, and when each is valid (cloudfoundry-api 2)."""

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
    """An access token, with the simulated seconds at which it was issued and expires."""

    text: str
    issued: float
    expires: float


@dataclass(slots=True)
class Tokens:
    """All issued tokens. `refresh`: the refresh tokens that are still valid.

    `texts`: all tokens of both kinds.
    """

    login: Login
    issued: list[Token] = field(default_factory=list)
    refresh: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    refused: int = 0  # number of wrong passwords
    jti: str = ""  # the id of the newest token

    @property
    def user(self) -> str:
        """The guid of the user, or the name of the client."""
        return CLIENT if self.login.grant in {Grant.CLIENT, Grant.CLIENT_ASSERTION} else guid("user")

    def give(self, now: float, wall: int, who: dict[str, Any]) -> str:
        """Issue an access token. `wall`: the server's clock, in seconds. `who`: claims."""
        number = len(self.issued) + 1
        self.jti = guid(f"token {number}")
        claims = {"jti": self.jti, "iat": wall, "exp": wall + self.login.validity, **who}
        text = made_up(f"opaque token {number}", 43) if self.login.opaque else jwt(claims)
        self.texts.append(text)
        self.issued.append(Token(text, now, now + self.login.validity))
        return text

    def give_refresh(self) -> str:
        """Issue a refresh token; earlier ones become invalid."""
        text = f"{made_up(f'refresh token {len(self.issued)}', 32)}-r"
        self.texts.append(text)
        self.refresh = {text}
        return text

    def find(self, text: str) -> Token | None:
        return next((token for token in self.issued if token.text == text), None)

    def known(self, text: str, now: float) -> bool:
        """Whether the Cloud Controller accepts the token now."""
        token = self.find(text)
        revoked = self.login.revoked if now >= self.login.revoked else -inf
        return token is not None and now < token.expires and token.issued >= revoked


def jwt(claims: dict[str, Any]) -> str:
    """A token with readable claims; its signature is never checked."""
    parts = ({"alg": "RS256", "kid": "key-1", "typ": "JWT"}, claims)
    head = ".".join(_part(json.dumps(part).encode()) for part in parts)
    return f"{head}.{_part(made_up(head, 64).encode())}"


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
