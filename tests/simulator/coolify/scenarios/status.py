"""Scenarios about the status of an application, a service or a database after it was started."""

from collections.abc import Mapping
from dataclasses import replace

from deployer.simulator.coolify.scenario import Scenario
from deployer.simulator.coolify.scenarios import PG, SICK, STACK, WEB
from deployer.simulator.coolify.state.deployments import App
from deployer.simulator.coolify.state.resources import Statuses
from deployer.simulator.coolify.state.script import Line, and_then, delayed, recorded
from deployer.simulator.coolify.versions import VERSIONS
from deployer.simulator.serving.exchange import Fault, Then
from tests.simulator.coolify.scenarios.failures import MIGRATES, SKIPPED

HEALTH_CHECK = {"health_check_enabled": True}
COMMAND_RESULT_AT = next(
    line.at for line in SKIPPED.lines if line.output.startswith("Post-deployment command")
)

COMMAND_FAILS = recorded("post_command_failed", 45)
FAILED_AT = next(
    line.at for line in COMMAND_FAILS.lines if line.output.startswith("Post-deployment command failed")
)


def after(name: str, summary: str, *statuses: tuple[float, str], **fields: object) -> Scenario:
    """The deployment succeeds, and then the application has these statuses."""
    return Scenario(name, summary, apps=(replace(WEB, statuses=statuses, fields=fields),))


def stack(name: str, summary: str, *faults: Fault, **statuses: Statuses) -> Scenario:
    """A service that has these statuses after each action."""
    return Scenario(name, summary, resources=(replace(STACK, statuses_after=statuses),), faults=faults)


def always(*statuses: tuple[float, str]) -> Mapping[str, Statuses]:
    """The same statuses after every kind of start."""
    return dict.fromkeys(("deploy", "start", "restart", "latest"), statuses)


STATUSES = (
    after(
        "crash-loop",
        "The deployment is finished, but its container restarts forever.",
        (0, "restarting:unknown"),
    ),
    Scenario(
        "sentinel",
        "The server reports its containers to Coolify once a minute, which writes only a changed status.",
        apps=(WEB,),
        sentinel=True,
    ),
    after(
        "crash-later",
        "The deployment is finished, and its container exits for good 20 s later.",
        (0, "running:unknown"),
        (20, "exited:unhealthy"),
    ),
    after(
        "degraded",
        "The deployment is finished, but only some of its containers run.",
        (0, "degraded:unhealthy"),
    ),
    after(
        "never-clear",
        "The deployment is finished, but its health check never succeeds.",
        (0, "running:unhealthy"),
        **HEALTH_CHECK,
    ),
    after(
        "health-shaken",
        "The container restarts for 20 s, runs for 8 s, restarts once more, and then runs.",
        (0, "restarting:unknown"),
        (20, "running:unknown"),
        (28, "restarting:unknown"),
        (36, "running:unknown"),
    ),
    after(
        "health-late",
        "The container needs 40 s to start.",
        (0, "starting:unknown"),
        (40, "running:unknown"),
    ),
    after(
        "unhealthy-without-check",
        "It runs, and is reported as unhealthy because it has no health check.",
        (0, "running:unhealthy"),
    ),
    Scenario(
        "health-starting",
        "The new container's health check stays starting: Coolify keeps the old one, and the deployment "
        "fails.",
        apps=(replace(SICK, script=recorded("health_starting", 45)),),
    ),
    Scenario(
        "post-command-says-why",
        "The deployment is finished, its post-deployment command fails, and Coolify shows its output.",
        apps=(
            App(
                and_then(
                    COMMAND_FAILS,
                    (Line(FAILED_AT + 0.01, "SQLSTATE[HY000] [2002] Connection refused", type="stderr"),),
                ),
                fields=MIGRATES,
            ),
        ),
    ),
    Scenario(
        "finished-flips",
        "On an old Coolify, the finished deployment turns to failed 4 s later.",
        apps=(
            App(delayed(SKIPPED, COMMAND_RESULT_AT, SKIPPED.end + 4 - COMMAND_RESULT_AT), fields=MIGRATES),
        ),
        version=VERSIONS["4.0.0-beta.434"],
    ),
    stack(
        "service-stale",
        "The service still shows as running for 10 s, before the restart takes it down.",
        **always((10, "exited"), (14, "starting:unhealthy"), (30, "exited"), (70, "running:healthy")),
    ),
    stack(
        "service-unseen",
        "The service always shows as running, whether or not it was restarted.",
        **always((0, "running:healthy")),
    ),
    stack(
        "service-starting",
        "The service is starting for a moment, and runs as before: its images could not be pulled.",
        **always((0, "starting:unhealthy"), (1, "running:healthy")),
    ),
    Scenario(
        "database-unseen",
        "The database always shows as running.",
        resources=(replace(PG, statuses_after=always((0, "running:healthy"))),),
    ),
    stack(
        "service-never-up",
        "The service exits and never comes up again.",
        **always((4, "starting:unhealthy"), (25, "exited")),
    ),
    stack(
        "service-degraded",
        "Only some of the service's containers come up.",
        **always((4, "starting:unhealthy"), (25, "degraded:unhealthy")),
    ),
    stack(
        "service-lost-answer",
        "The service is restarted, but the connection closes before the response.",
        Fault(("service_restart",), Then.CLOSE, acts=True, nth=(1,)),
    ),
    Scenario("already-running", "A service and a database are already running.", resources=(STACK, PG)),
    Scenario(
        "already-stopped",
        "A service and a database are stopped.",
        resources=(replace(STACK, status="exited"), replace(PG, status="exited:unhealthy")),
    ),
    Scenario("mixed", "An application, a service and a database.", apps=(WEB,), resources=(STACK, PG)),
)
