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
            "Somebody else is already deploying one of two tagged applications.",
            apps=(IMAGE, WORKER),
            targets=2,
            others=(Other(),),
        )
    ),
    tagged(
        Scenario(
            "tag-429",
            "The queue has room for one of two tagged applications: it is queued, and the response is 429.",
            apps=PAIR,
            targets=2,
            full_until=130,
            room=1,
        )
    ),
    tagged(
        Scenario(
            "tag-500",
            "The server of a tagged service is unreachable: the applications are queued, and the response "
            "is 500.",
            apps=PAIR,
            targets=2,
            resources=(replace(STACK, reachable=False),),
        )
    ),
    tagged(
        Scenario(
            "tag-lost",
            "Everything with the tag is deployed, but the connection closes before the response.",
            apps=PAIR,
            targets=2,
            resources=(STACK,),
            faults=(Fault(("deploy",), Then.CLOSE, acts=True, nth=(1,)),),
        )
    ),
    tagged(
        Scenario(
            "tag-unseen",
            "Of an application and a service, the service is starting for a moment, and runs as before.",
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
            "Two services of the same name have the tag.",
            apps=(WEB,),
            resources=(STACK, STACK),
        )
    ),
    Scenario("tag-unknown", "There is no such tag.", apps=(WEB,)),
    Scenario("tag-empty", "The tag exists, but nothing has it.", apps=(WEB,), tags=(TAG,)),
)
