"""The table of scenarios. To add one: a row in `public_scenarios.py` or `for_tests.py`, made of what `scenario.py` offers."""

from collections.abc import Mapping
from types import MappingProxyType

from deployer.simulator.cloudfoundry.for_tests import FOR_TESTS
from deployer.simulator.cloudfoundry.public_scenarios import FOR_PEOPLE
from deployer.simulator.cloudfoundry.scenario import Scenario

SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {scenario.name: scenario for scenario in (*FOR_PEOPLE, *FOR_TESTS)}
)
