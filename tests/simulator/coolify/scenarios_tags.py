"""Scenarios about deploying by tag."""

from dataclasses import replace

from deployer.simulator.coolify.scenario import TAG, Other, Scenario, tagged
from deployer.simulator.coolify.scenarios import IMAGE, STACK, WEB, WORKER
from deployer.simulator.serving.exchange import Fault, Then

PAIR = (WEB, WORKER)

TAGS = (
    tagged(
        Scenario(
            "tag-phantom",
            "One of two tagged applications is being deployed already, by somebody else.",
            apps=(IMAGE, WORKER),
            targets=2,
            others=(Other(),),
        )
    ),
    tagged(
        Scenario(
            "tag-429",
            "The queue has room for one of two tagged applications: it is queued, and the answer is 429.",
            apps=PAIR,
            targets=2,
            full_until=130,
            room=1,
        )
    ),
    tagged(
        Scenario(
            "tag-500",
            "The server of a tagged service is out of reach: the applications before it are queued, and the answer is 500.",
            apps=PAIR,
            targets=2,
            resources=(replace(STACK, reachable=False),),
        )
    ),
    tagged(
        Scenario(
            "tag-lost",
            "What carries the tag is deployed, but the connection closes before the answer.",
            apps=PAIR,
            targets=2,
            resources=(STACK,),
            faults=(Fault(("deploy",), Then.CLOSE, acts=True, nth=(1,)),),
        )
    ),
    tagged(
        Scenario(
            "tag-unseen",
            "Of an application and a service the service is starting for a moment, and runs as before.",
            apps=(WEB,),
            resources=(
                replace(
                    STACK, statuses_after={"deploy": ((0, "starting:unhealthy"), (1, "running:healthy"))}
                ),
            ),
        )
    ),
    tagged(
        Scenario(
            "tag-service-twice",
            "Two services of the same name carry the tag.",
            apps=(WEB,),
            resources=(STACK, STACK),
        )
    ),
    Scenario("tag-unknown", "There is no such tag.", apps=(WEB,)),
    Scenario("tag-empty", "The tag is there, but nothing carries it.", apps=(WEB,), tags=(TAG,)),
)
