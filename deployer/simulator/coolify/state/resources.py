"""Services and databases: no deployments, only a status after each action (coolify-api 5.4 and 8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from deployer.simulator.coolify.state.variables import Variable

Statuses = tuple[tuple[float, str], ...]
"""Statuses, each with the simulated second from which it applies.

Before the first, the status does not change.
"""

# Captured in sequence_service_restart_status, stretched to the seconds of coolify-api 8.
SERVICE: Mapping[str, Statuses] = MappingProxyType({
    "deploy": ((0, "starting:unhealthy"), (20, "exited"), (60, "running:healthy")),
    "start": ((3, "starting:unhealthy"), (20, "exited"), (60, "running:healthy")),
    "restart": ((4, "exited"), (8, "starting:unhealthy"), (25, "exited"), (65, "running:healthy")),
    "latest": ((4, "starting:unhealthy"), (40, "running:healthy")),
    "stop": ((4, "exited"),),
})  # fmt: skip
DATABASE: Mapping[str, Statuses] = MappingProxyType({
    "deploy": ((2, "exited:unhealthy"), (25, "running:healthy")),
    "start": ((25, "running:healthy"),),
    "restart": ((4, "exited:unhealthy"), (25, "running:healthy")),
    "stop": ((4, "exited:unhealthy"),),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resource:
    """A service or a database."""

    kind: str = "service"
    """`service` or `database`."""
    name: str = "stack"
    tags: tuple[str, ...] = ()
    status: str = "running:healthy"
    statuses_after: Mapping[str, Statuses] = field(default_factory=dict)
    """The statuses after `deploy`, `start`, `restart`, `stop`, and `latest`: a restart with newer images."""
    reachable: bool = True
    """Whether Coolify reaches the server, which /deploy requires: it starts the resource at once."""
    variables: tuple[Variable, ...] = ()

    def after(self, act: str) -> Statuses:
        return self.statuses_after.get(act) or (SERVICE if self.kind == "service" else DATABASE)[act]


@dataclass(frozen=True, slots=True)
class Act:
    """An action on a resource at a simulated second. `before`: its status at that time."""

    uuid: str
    name: str
    at: float
    before: str


def status_after(statuses: Statuses, elapsed: float, before: str) -> str:
    return next((status for since, status in reversed(statuses) if since <= elapsed), before)
