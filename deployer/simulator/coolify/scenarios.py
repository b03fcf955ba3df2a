"""The table of scenarios. To add one: a row in `public_scenarios.py` or one of `for_tests*.py`, made of what `scenario.py` offers."""

from collections.abc import Mapping
from types import MappingProxyType

from deployer.simulator.coolify.for_tests import FOR_TESTS
from deployer.simulator.coolify.for_tests_changes import CHANGES
from deployer.simulator.coolify.for_tests_queue import QUEUES
from deployer.simulator.coolify.for_tests_status import STATUSES
from deployer.simulator.coolify.for_tests_tags import TAGS
from deployer.simulator.coolify.public_scenarios import FOR_PEOPLE
from deployer.simulator.coolify.scenario import Scenario, tagged

# Whoever rehearses may name a tag, too.
SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        scenario.name: scenario
        for scenario in (*map(tagged, FOR_PEOPLE), *FOR_TESTS, *QUEUES, *STATUSES, *TAGS, *CHANGES)
    },
)
