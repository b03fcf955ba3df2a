"""Every scenario by its name: those of `rehearse`, and those for the tests (`scenarios_*.py`)."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType

from deployer import simulator
from deployer.simulator import Scenario, Session
from tests.simulator.coolify.scenarios.changes import CHANGES
from tests.simulator.coolify.scenarios.failures import FAILURES
from tests.simulator.coolify.scenarios.queue import QUEUES
from tests.simulator.coolify.scenarios.status import STATUSES
from tests.simulator.coolify.scenarios.tags import TAGS

FOR_TESTS = (*FAILURES, *QUEUES, *STATUSES, *TAGS, *CHANGES)
SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {**simulator.SCENARIOS, **{scenario.name: scenario for scenario in FOR_TESTS}}
)


def simulating(
    scenario: str | Scenario, *, speed: float = 1.0, port: int = 0, version: str | None = None
) -> AbstractContextManager[Session]:
    """Serve a scenario, or one of `SCENARIOS` by its name, like the package's `simulating`."""
    resolved = SCENARIOS.get(scenario, scenario) if isinstance(scenario, str) else scenario
    return simulator.simulating(resolved, speed=speed, port=port, version=version)
