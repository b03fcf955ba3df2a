"""A running simulator: its servers, login, and the requests it received."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from deployer.simulator.cloudfoundry import render
from deployer.simulator.cloudfoundry.checks import respond
from deployer.simulator.cloudfoundry.names import (
    ASSERTION,
    CLIENT,
    CLIENT_SECRET,
    ORGANIZATION_NAME,
    PASSWORD,
    REGISTRY_PASSWORD,
    REGISTRY_USERNAME,
    SPACE_NAME,
    USERNAME,
)
from deployer.simulator.cloudfoundry.scenario import Grant, Scenario
from deployer.simulator.cloudfoundry.scenarios import SCENARIOS
from deployer.simulator.cloudfoundry.world import World
from deployer.simulator.serving import listener
from deployer.simulator.serving.exchange import Response, Then, named
from deployer.simulator.serving.journal import SITE, Request

LOGINS: Mapping[Grant, Mapping[str, str]] = {
    Grant.PASSWORD: {"cf_username": USERNAME, "cf_password": PASSWORD},
    Grant.CLIENT: {"cf_client_id": CLIENT, "cf_client_secret": CLIENT_SECRET},
    Grant.USER_ASSERTION: {"cf_assertion": ASSERTION},
    Grant.CLIENT_ASSERTION: {"cf_client_id": CLIENT, "cf_assertion": ASSERTION},
}
REGISTRY = {"cf_docker_username": REGISTRY_USERNAME, "cf_docker_password": REGISTRY_PASSWORD}
# besides the API; nothing links to the last one except a trap
PLACES = ("login", "logs", "site", "elsewhere")


class Listener(listener.Listener):
    """Listens for one server of a foundation."""

    def __init__(self, port: int, world: World) -> None:
        self.foundation = world
        super().__init__(port, world)

    def respond(self, request: Request) -> tuple[Response | None, Then | None]:
        return respond(self.foundation, request)


class Session:
    """A running foundation.

    `url`: of its API, without a trailing slash. `inputs`: those with which a client reaches it, by name.
    `guids`: the apps to deploy. `site`: the URL of the first of them. `world`: the state; read it with its
    `lock` held.
    """

    def __init__(self, scenario: Scenario, world: World) -> None:
        self.scenario = scenario
        self.url = world.addresses["api"]
        self.guids = tuple(world.apps)[: scenario.targets]
        self.site = f"{world.addresses['site']}{SITE}{self.guids[0]}"
        self.inputs: Mapping[str, str] = {
            "cf_api": self.url,
            **LOGINS[scenario.login.grant],
            **({"cf_origin": scenario.login.origin} if scenario.login.origin else {}),
            "cf_org": ORGANIZATION_NAME,
            "cf_space": SPACE_NAME,
            "cf_app": ",".join(app.name for app in scenario.apps[: scenario.targets]),
            **(REGISTRY if scenario.registry else {}),
            **scenario.inputs,
        }
        self.world = world

    @property
    def journal(self) -> list[Request]:
        """All requests to all servers, in order."""
        return self.world.journal

    @property
    def tokens(self) -> tuple[str, ...]:
        """All tokens that the login server has issued so far. They are secrets."""
        with self.world.lock:
            return tuple(self.world.tokens.texts)

    def skip(self, seconds: float) -> None:
        """Let simulated seconds pass at once, without waiting."""
        with self.world.lock:
            self.world.skip(seconds)

    def apps(self) -> list[dict[str, Any]]:
        """All apps in their current state."""
        with self.world.lock:
            self.world.now()
            return [render.app(self.world, live) for live in self.world.apps.values()]

    def deployments(self) -> list[dict[str, Any]]:
        """All deployments in their current state, oldest first."""
        with self.world.lock:
            self.world.now()
            return [render.deployment(self.world, each) for each in self.world.deployments.values()]


@contextmanager
def simulating(scenario: str | Scenario, *, speed: float = 1.0, port: int = 0) -> Iterator[Session]:
    """Serve a scenario, or one of `SCENARIOS` by name, on loopback while the block runs.

    `speed`: simulated seconds per real second. `port`: of the API, 0 for any free port; the login server and
    the log-cache listen on free ports.

    Raises ValueError for an unknown scenario and for a speed that is not above 0, and OSError for a port that
    is in use.
    """
    chosen = scenario if isinstance(scenario, Scenario) else named("scenario", scenario, SCENARIOS)
    if speed <= 0:
        raise ValueError(f"time does not run at speed {speed}: it must be above 0")
    world = World(chosen, speed)
    with ExitStack() as stack:
        for place in ("api", *PLACES):
            listener = stack.enter_context(Listener(port if place == "api" else 0, world))
            world.addresses[place] = f"http://127.0.0.1:{listener.server_address[1]}"
            stack.enter_context(listener.serving())
        yield Session(chosen, world)
