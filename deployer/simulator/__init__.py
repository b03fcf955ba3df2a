"""A Coolify on loopback that plays scenarios, for `rehearse` and for the tests. It shares no code, and so no mistake, with the client."""

from deployer.simulator.journal import Asked
from deployer.simulator.scenario import Scenario
from deployer.simulator.scenarios import SCENARIOS
from deployer.simulator.stage import Stage, playing
from deployer.simulator.versions import VERSIONS

__all__ = ["SCENARIOS", "VERSIONS", "Asked", "Scenario", "Stage", "playing"]
