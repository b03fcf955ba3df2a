"""A scenario being played: where it listens, what it was asked, and whether the client behaved."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from deployer.simulator.invariants import violations
from deployer.simulator.journal import Asked
from deployer.simulator.names import TOKEN, made_up
from deployer.simulator.scenario import Scenario
from deployer.simulator.scenarios import SCENARIOS
from deployer.simulator.server import Server
from deployer.simulator.wire import Listener


class Stage:
    """A running simulator. `url` has no trailing slash; `uuids` are the applications that the client is to deploy."""

    def __init__(self, scenario: Scenario, coolify: Server, port: int) -> None:
        self.scenario = scenario
        self.url = f"http://127.0.0.1:{port}"
        self.token = TOKEN
        self.uuids = tuple(coolify.apps)[: scenario.targets] or (made_up("nobody's application"),)
        self._coolify = coolify

    @property
    def journal(self) -> list[Asked]:
        """Every request, in order."""
        return self._coolify.journal

    def violations(self) -> list[str]:
        """What the client did that no client of ours may do, a sentence each (design.md section 6)."""
        with self._coolify.lock:
            return violations(self._coolify)

    def deployments(self) -> list[dict[str, Any]]:
        """Every row as it stands now, oldest first, whatever the token may see."""
        with self._coolify.lock:
            return [self._coolify.painter(sensitive=True).row(row, self._coolify.now()) for row in self._coolify.rows]


@contextmanager
def playing(scenario: str, *, speed: float = 1.0, port: int = 0) -> Iterator[Stage]:
    """Serve a scenario on loopback while the block runs. One simulated second takes 1/`speed` real ones; port 0: any free one.

    Raises ValueError for an unknown scenario, naming the nearest, or a speed that is not above 0, and OSError for a port that is taken.
    """
    if scenario not in SCENARIOS:
        near = difflib.get_close_matches(scenario, SCENARIOS, 1)
        hint = f"did you mean {near[0]!r}?" if near else "one of " + ", ".join(name for name, each in SCENARIOS.items() if each.public)
        raise ValueError(f"there is no scenario {scenario!r}: {hint}")
    if speed <= 0:
        raise ValueError(f"time does not run at speed {speed}: it must be above 0")
    coolify = Server(SCENARIOS[scenario], speed)
    with Listener(port, coolify) as listener:
        thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield Stage(SCENARIOS[scenario], coolify, listener.server_address[1])
        finally:
            listener.shutdown()
            listener.hang_up()
            thread.join(1)
