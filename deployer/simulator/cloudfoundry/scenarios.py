"""The scenarios of `rehearse`, in the order in which they are listed."""

from collections.abc import Mapping
from types import MappingProxyType

from deployer.simulator.cloudfoundry.scenario import App, Login, Rolling, Scenario, failed
from deployer.simulator.cloudfoundry.state.timelines import CRASHING, Process, placed_after, slowly

IMAGE = "ghcr.io/acme/web:1.4.2"
NO_SUCH_TAG = (
    "failed to fetch metadata from [acme/web] with tag [1.4.2] and insecure registries [] due to "
    "manifest unknown"
)

TABLE = (
    Scenario("success", "An app is started, and both of its instances come up."),
    Scenario(
        "crash",
        "An app is started, and its instances run out of memory and crash.",
        apps=(App(processes=(Process(course=CRASHING),)),),
    ),
    Scenario(
        "staging-failure",
        "An image is to be deployed, but its tag does not exist in the registry.",
        apps=(App(started=True, staging=failed(NO_SUCH_TAG)),),
        inputs={"image": IMAGE},
    ),
    Scenario(
        "no-droplet", "An app is to be started that was never staged.", apps=(App(staged=False, older=0),)
    ),
    Scenario(
        "quota",
        "An app is to be started, but the organization's memory quota is used up.",
        quota="memory quota_exceeded",
    ),
    Scenario(
        "slow-placement",
        "No cell has room for the app for a minute and a half; then it comes up.",
        apps=(App(processes=(Process(course=placed_after(90)),)),),
    ),
    Scenario(
        "superseded",
        "A rolling deployment is superseded by somebody else's deployment.",
        apps=(App(started=True),),
        inputs={"cf_strategy": "rolling"},
        rolling=Rolling(superseded=20),
    ),
    Scenario(
        "token-expiry",
        "The app takes five minutes to come up, and the access token expires after two.",
        apps=(App(processes=(Process(course=slowly(300)),)),),
        login=Login(validity=120),
    ),
)
SCENARIOS: Mapping[str, Scenario] = MappingProxyType({scenario.name: scenario for scenario in TABLE})
