"""A Cloud Foundry on loopback that plays scenarios, for `rehearse` and for the tests: login server, Cloud Controller, log-cache."""

from deployer.simulator.cloudfoundry.scenario import Scenario
from deployer.simulator.cloudfoundry.scenarios import SCENARIOS
from deployer.simulator.cloudfoundry.stage import Stage, playing
from deployer.simulator.journal import Asked

__all__ = ["SCENARIOS", "Asked", "Scenario", "Stage", "playing"]
