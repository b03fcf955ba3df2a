"""What was asked of the simulator, request by request."""

from dataclasses import dataclass, field

TLS = "(a TLS handshake)"  # the `path` of a request that nobody could read: somebody followed a redirect to https

SITE = "/site/"  # below it there is no Coolify, but what it has deployed


@dataclass(slots=True)
class Request:
    """One request. `headers` have lower-case names, `at` is in simulated seconds, `status` is 0 where no answer was sent."""

    method: str
    path: str
    query: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    at: float = 0.0
    status: int = 0
    said: str = ""  # the `message` of a refusal

    @property
    def of_site(self) -> bool:
        """Whether it went to an application, not to Coolify."""
        return self.path.startswith(SITE)

    @property
    def bearer(self) -> str:
        """The token sent, or an empty string."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def __str__(self) -> str:
        query = "&".join(f"{key}={value}" for key, values in self.query.items() for value in values)
        return f"{self.method} {self.path}" + (f"?{query}" if query else "")
