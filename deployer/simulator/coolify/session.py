"""A running simulator: its address, inputs, and the requests it received."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from deployer.simulator.coolify.scenario import TAG, Scenario
from deployer.simulator.coolify.scenarios import SCENARIOS
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.versions import VERSIONS
from deployer.simulator.coolify.wire import Listener
from deployer.simulator.serving.exchange import named
from deployer.simulator.serving.journal import SITE, Request
from deployer.simulator.serving.made_up import TOKEN, made_up


class Session:
    """A running simulator.

    `url`: without a trailing slash. `uuids`: the targets to deploy. `tag`: what may be set instead; empty if
    nothing. `site`: the URL of the first application, or of the first one that is created. `server`: the
    state; read it with its `lock` held.
    """

    def __init__(self, scenario: Scenario, coolify: Server, port: int) -> None:
        self.scenario = scenario
        self.url = f"http://127.0.0.1:{port}"
        self.token = TOKEN
        self.uuids = (*tuple(coolify.apps)[: scenario.targets], *coolify.resources) or (
            made_up("nobody's application"),
        )
        self.tag = TAG if coolify.tagged_with(TAG) else ""
        self.site = f"{self.url}{SITE}{next(iter(coolify.apps), coolify.next_uuid())}"
        self.server = coolify

    @property
    def inputs(self) -> dict[str, str]:
        """The inputs with which a client reaches it, by name."""
        return {
            "coolify_url": self.url,
            "coolify_token": self.token,
            "uuid": ",".join(self.uuids),
            "tag": self.tag,
        }

    @property
    def journal(self) -> list[Request]:
        """All requests, in order."""
        return self.server.journal

    def skip(self, seconds: float) -> None:
        """Let simulated seconds pass at once, without waiting."""
        with self.server.lock:
            self.server.skip(seconds)

    def deployments(self) -> list[dict[str, Any]]:
        """All deployment records, oldest first, with all fields whatever the token may see."""
        with self.server.lock:
            return [
                self.server.renderer(sensitive=True).row(row, self.server.now()) for row in self.server.rows
            ]


@contextmanager
def simulating(
    scenario: str | Scenario, *, speed: float = 1.0, port: int = 0, version: str | None = None
) -> Iterator[Session]:
    """Serve a scenario, or one of `SCENARIOS` by name, on loopback while the block runs.

    `speed`: simulated seconds per real second. `port`: 0 for any free port. `version`: a name in `VERSIONS`,
    instead of the scenario's own version.

    Raises ValueError for an unknown scenario or version and for a speed that is not above 0, and OSError for
    a port that is in use.
    """
    chosen = scenario if isinstance(scenario, Scenario) else named("scenario", scenario, SCENARIOS)
    if version is not None:
        chosen = replace(chosen, version=named("version", version, VERSIONS))
    if speed <= 0:
        raise ValueError(f"time does not run at speed {speed}: it must be above 0")
    coolify = Server(chosen, speed)
    with Listener(port, coolify) as listener, listener.serving():
        yield Session(chosen, coolify, listener.server_address[1])
