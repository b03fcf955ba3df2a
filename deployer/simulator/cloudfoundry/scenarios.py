"""The scenarios that `rehearse` offers, in the order in which they are listed. Each is made of what `scenario.py` offers."""

from collections.abc import Mapping
from types import MappingProxyType

from deployer.simulator.cloudfoundry.scenario import App, Login, Rolling, Scenario, failed
from deployer.simulator.cloudfoundry.state.timelines import CRASHING, Process, placed_after, slowly

IMAGE = "ghcr.io/acme/web:1.4.2"
NO_SUCH_TAG = "failed to fetch metadata from [acme/web] with tag [1.4.2] and insecure registries [] due to manifest unknown"

TABLE = (
    Scenario("success", "an app is started, and both of its instances come up"),
    Scenario(
        "crash",
        "an app is started, and its instances run out of memory and crash",
        apps=(App(processes=(Process(course=CRASHING),)),),
    ),
    Scenario(
        "staging-failure",
        "an image is to be deployed, and its tag does not exist in the registry",
        apps=(App(started=True, staging=failed(NO_SUCH_TAG)),),
        inputs={"image": IMAGE},
    ),
    Scenario(
        "no-droplet", "an app is to be started that was never staged", apps=(App(staged=False, older=0),)
    ),
    Scenario(
        "quota",
        "an app is to be started, and the organization's memory is used up",
        quota="memory quota_exceeded",
    ),
    Scenario(
        "slow-placement",
        "for a minute and a half no cell has room for the app, then it comes up",
        apps=(App(processes=(Process(course=placed_after(90)),)),),
    ),
    Scenario(
        "superseded",
        "an app is deployed instance by instance, and a deployment of somebody else takes its place",
        apps=(App(started=True),),
        inputs={"cf_strategy": "rolling"},
        rolling=Rolling(superseded=20),
    ),
    Scenario(
        "token-expiry",
        "the app takes five minutes to come up, and the login's token holds for two",
        apps=(App(processes=(Process(course=slowly(300)),)),),
        login=Login(validity=120),
    ),
)
SCENARIOS: Mapping[str, Scenario] = MappingProxyType({scenario.name: scenario for scenario in TABLE})
