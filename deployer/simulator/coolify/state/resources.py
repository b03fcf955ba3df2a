"""Services and databases: they have no deployments, only a status that follows from what was last done to them (coolify-api 5.4 and 8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from deployer.simulator.coolify.state.variables import Variable

Statuses = tuple[tuple[float, str], ...]
"""Each counts from its simulated second on; before the first one the status is what it was."""

# Captured in sequence_service_restart_status, stretched to the seconds that coolify-api 8 tells.
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
    """A service or a database. `statuses_after` replaces what follows an act: `deploy`, `start`, `restart`, `latest` or `stop`.

    `latest` is a service's restart with newer images. `reachable`: whether its server is; /deploy starts it at once, and needs it.
    """

    kind: str = "service"  # or "database"
    name: str = "stack"
    tags: tuple[str, ...] = ()
    status: str = "running:healthy"
    statuses_after: Mapping[str, Statuses] = field(default_factory=dict)
    reachable: bool = True
    variables: tuple[Variable, ...] = ()

    def after(self, act: str) -> Statuses:
        return self.statuses_after.get(act) or (SERVICE if self.kind == "service" else DATABASE)[act]


@dataclass(frozen=True, slots=True)
class Act:
    """What was done to something at a simulated second; `before` is the status that it had then."""

    uuid: str
    name: str
    at: float
    before: str


def status_after(statuses: Statuses, elapsed: float, before: str) -> str:
    return next((status for since, status in reversed(statuses) if since <= elapsed), before)
