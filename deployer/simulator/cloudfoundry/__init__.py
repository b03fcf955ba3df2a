"""A simulated Cloud Foundry on loopback, for `rehearse` and the tests.

Login server, Cloud Controller, log-cache.
"""

from deployer.simulator.cloudfoundry.scenario import Scenario
from deployer.simulator.cloudfoundry.scenarios import SCENARIOS
from deployer.simulator.cloudfoundry.session import Session, simulating
from deployer.simulator.serving.journal import Request

__all__ = ["SCENARIOS", "Request", "Scenario", "Session", "simulating"]
