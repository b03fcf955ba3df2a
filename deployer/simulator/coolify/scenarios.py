"""The scenarios of `rehearse`, in the order in which they are listed."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from deployer.simulator.coolify.scenario import Other, Scenario, tagged
from deployer.simulator.coolify.state.deployments import App, Extra
from deployer.simulator.coolify.state.resources import Resource
from deployer.simulator.coolify.state.script import Line, Script, and_then, delayed, elsewhere, recorded
from deployer.simulator.serving.exchange import Fault, Then

SHOP = {"docker_registry_image_name": "ghcr.io/acme/shop", "docker_registry_image_tag": "2.0.1"}

BUILT = recorded("nixpacks_ok", 45)
BROKEN = recorded("nixpacks_buildfail", 40)
AGAIN = recorded("restart_only", 45)
WEB = App(BUILT, restart=AGAIN)
IMAGE = App(
    recorded("dockerimage_ok", 45),
    name="shop",
    fqdn="http://shop.example.com",
    kind="image",
    fields=SHOP,
    restart=recorded("restart_dockerimage", 45),
)
SICK = App(
    recorded("healthcheck_unhealthy", 45),
    name="shop",
    fqdn="http://shop.example.com",
    kind="image",
    fields=SHOP | {"health_check_enabled": True},
)
WORKER = App(BUILT, name="worker", fqdn="http://worker.example.com", restart=AGAIN)
MAIN = recorded("multiserver_main", 45)  # its log names the deployment on the additional server
STACK = Resource()
PG = Resource("database", "pg")
AS_WRITER = frozenset({"read", "read:sensitive", "deploy", "write"})
BAD = ((0, 502, "Bad Gateway"),)
OLDER = ("2222222222333333333344444444445555555555", "3333333333444444444455555555556666666666")
"""Earlier commits, newest first."""


def slowly(script: Script, minutes: int) -> Script:
    """The script with a build of this many minutes, which logs a step about once a minute."""
    started = next(
        line.at for line in script.lines if line.output.startswith("To check the current progress")
    )
    chunk = next(line for line in BROKEN.lines if line.output == "#1 step 1")
    wait = minutes * 60 - script.end
    steps = tuple(
        Line(
            started + wait * step / (minutes + 1),
            f"#{step} step {step}",
            chunk.command,
            chunk.type,
            batch=chunk.batch,
        )
        for step in range(1, minutes + 1)
    )
    return and_then(delayed(script, started + 0.001, wait), steps)


AWAY = (
    Fault(("any",), Then.REPLY, reply="maintenance_503", clock="trigger", since=5, until=20),
    Fault(("any",), Then.RESET, clock="trigger", since=20, until=40),
    Fault(("any",), Then.REPLY, reply="transport_proxy_traefik_404", clock="trigger", since=40, until=65),
)
# The queue of a server holds 25 deployments: one of somebody else runs, the others wait behind it.
CROWD = tuple(Other(app=1) for _ in range(26))

TABLE = (
    Scenario(
        "success",
        "The application is built and started; the deployment finishes after about 45 seconds.",
        apps=(WEB,),
    ),
    Scenario(
        "build-failure",
        "`npm run build` fails during the build, and Coolify logs the reason a moment later.",
        apps=(App(BROKEN),),
    ),
    Scenario(
        "unhealthy",
        "The new container never becomes healthy: Coolify keeps the old one, and the deployment fails.",
        apps=(SICK,),
    ),
    Scenario(
        "cancelled",
        "Somebody cancels the deployment in Coolify while it is running.",
        apps=(WEB,),
        cancelled=30,
    ),
    Scenario(
        "cancelled-queued",
        "The deployment is queued behind another one of the same application, and is cancelled there.",
        apps=(WEB,),
        others=(Other(age=20),),
        cancelled=12,
    ),
    Scenario(
        "slow",
        "The build takes twenty minutes and logs a step about once a minute.",
        apps=(App(slowly(BUILT, 20)),),
    ),
    Scenario(
        "queue-full",
        "The server's build queue is full for about two minutes.",
        apps=(WEB, WORKER),
        others=CROWD,
        full_until=130,
    ),
    Scenario(
        "already-queued",
        "Somebody else's deployment of the same commit is already running, and succeeds.",
        apps=(IMAGE,),
        others=(Other(),),
    ),
    Scenario("bad-token", "Coolify rejects the token: nothing is started.", apps=(WEB,), token_known=False),
    Scenario(
        "deploy-only-token",
        "The token can start deployments but lacks the read ability: their result can't be known.",
        apps=(WEB,),
        abilities=frozenset({"deploy"}),
    ),
    Scenario(
        "outage",
        "Coolify is unreachable for a minute after the trigger; the deployment continues and finishes.",
        apps=(App(recorded("nixpacks_ok", 80)),),
        faults=AWAY,
    ),
    Scenario("image", "A Docker image is pulled and started.", apps=(IMAGE,)),
    Scenario(
        "service",
        "A service is restarted with newer images, and is running again after about forty seconds.",
        resources=(STACK,),
    ),
    Scenario(
        "database",
        "A database is restarted, and is running again after about half a minute.",
        resources=(PG,),
    ),
    Scenario(
        "preview",
        "The application has a preview of pull request 7, which can be deployed.",
        apps=(replace(WEB, previews=(7,)),),
    ),
    Scenario(
        "two-servers",
        "The application has a second server: another deployment follows there after the first one, and "
        "both succeed.",
        apps=(App(MAIN, servers=(Extra("second", elsewhere(BUILT, "second")),)),),
    ),
    Scenario(
        "crash-after-deploy",
        "The deployment finishes, but a moment later the application exits for good.",
        apps=(replace(WEB, statuses=((0, "exited:unhealthy"),)),),
    ),
    Scenario(
        "tag",
        "Two applications and a service have the tag `blue`: all three are deployed by it.",
        apps=(WEB, WORKER),
        targets=2,
        resources=(STACK,),
    ),
    Scenario(
        "image-update",
        "The application's Docker image can be changed; the new one is deployed in about 45 seconds.",
        apps=(replace(IMAGE, images=("2.0.1", "2.0.0")),),
        others=(Other(age=86400, over=True),),
        abilities=AS_WRITER,
    ),
    Scenario(
        "bad-release",
        "The new version is deployed, but its site responds with 502, which `verify_url` detects.",
        apps=(replace(WEB, images=OLDER, site=BAD),),
        others=(Other(age=172800, over=True, commit=OLDER[1]), Other(age=86400, over=True, commit=OLDER[0])),
        abilities=AS_WRITER,
    ),
)
# A rehearsal may also deploy by tag.
SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {scenario.name: scenario for scenario in map(tagged, TABLE)}
)
