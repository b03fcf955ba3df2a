"""The requests that the simulator received."""

from dataclasses import dataclass, field

TLS = "(a TLS handshake)"
"""The `path` of a request that could not be read, because the client followed a redirect to https."""

SITE = "/site/"
"""The paths of the deployed applications themselves, rather than of the platform."""


@dataclass(slots=True)
class Request:
    """One request."""

    method: str
    path: str
    query: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    """Under lower-case names."""
    body: bytes = b""
    at: float = 0.0
    """Simulated seconds since the first request."""
    status: int = 0
    """The status of the response; 0 if none was sent."""
    error: str = ""
    """The `message` of a rejection."""

    @property
    def of_site(self) -> bool:
        """Whether it went to a deployed application rather than to the platform."""
        return self.path.startswith(SITE)

    @property
    def bearer(self) -> str:
        """The token that was sent; empty if there was none."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def __str__(self) -> str:
        query = "&".join(f"{key}={value}" for key, values in self.query.items() for value in values)
        return f"{self.method} {self.path}" + (f"?{query}" if query else "")
