"""A simulated Coolify on loopback, for `rehearse` and the tests.

It shares no code, and so no mistake, with the client.
"""

from deployer.simulator.coolify.scenario import Scenario
from deployer.simulator.coolify.scenarios import SCENARIOS
from deployer.simulator.coolify.session import Session, simulating
from deployer.simulator.coolify.versions import VERSIONS
from deployer.simulator.serving.journal import Request

__all__ = ["SCENARIOS", "VERSIONS", "Request", "Scenario", "Session", "simulating"]
