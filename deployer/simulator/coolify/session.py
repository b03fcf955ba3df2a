"""A scenario being played: where it listens, and what it was asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread
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
    """A running simulator. `url` has no trailing slash; `uuids`: what the client is to deploy; `tag`: what it may name instead, if any.

    `site`: where the first application answers, or the one that is made first. `server`: the whole state; hold its `lock` to read it.
    """

    def __init__(self, scenario: Scenario, coolify: Server, port: int) -> None:
        self.scenario = scenario
        self.url = f"http://127.0.0.1:{port}"
        self.token = TOKEN
        self.uuids = (*tuple(coolify.apps)[: scenario.targets], *coolify.resources) or (
            made_up("nobody's application"),
        )
        self.tag = TAG if coolify.carriers(TAG) else ""
        self.site = f"{self.url}{SITE}{next(iter(coolify.apps), coolify.next_uuid())}"
        self.server = coolify

    @property
    def inputs(self) -> dict[str, str]:
        """What a client is given to reach it, by the names of its inputs."""
        return {
            "coolify_url": self.url,
            "coolify_token": self.token,
            "uuid": ",".join(self.uuids),
            "tag": self.tag,
        }

    @property
    def journal(self) -> list[Request]:
        """Every request, in order."""
        return self.server.journal

    def skip(self, seconds: float) -> None:
        """So many simulated seconds pass at once: a test need not wait for them."""
        with self.server.lock:
            self.server.skip(seconds)

    def deployments(self) -> list[dict[str, Any]]:
        """Every row as it stands now, oldest first, whatever the token may see."""
        with self.server.lock:
            return [
                self.server.painter(sensitive=True).row(row, self.server.now()) for row in self.server.rows
            ]


@contextmanager
def simulating(
    scenario: str | Scenario, *, speed: float = 1.0, port: int = 0, version: str | None = None
) -> Iterator[Session]:
    """Serve a scenario, or one of `SCENARIOS` by its name, on loopback while the block runs.

    One simulated second takes 1/`speed` real ones; port 0: any free one.

    `version`: of which Coolify, by its name in `VERSIONS`, instead of the scenario's own.

    Raises ValueError for an unknown scenario or version, naming the nearest, or a speed that is not above 0, and OSError for a port that
    is taken.
    """
    played = scenario if isinstance(scenario, Scenario) else named("scenario", scenario, SCENARIOS)
    if version is not None:
        played = replace(played, version=named("version", version, VERSIONS))
    if speed <= 0:
        raise ValueError(f"time does not run at speed {speed}: it must be above 0")
    coolify = Server(played, speed)
    with Listener(port, coolify) as listener:
        thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield Session(played, coolify, listener.server_address[1])
        finally:
            listener.shutdown()
            listener.hang_up()
            thread.join(1)
