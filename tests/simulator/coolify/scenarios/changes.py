"""Scenarios about changes before a deployment, verification after it, and rollbacks."""

from dataclasses import replace
from typing import Any

from deployer.simulator.coolify.scenario import Other, Scenario
from deployer.simulator.coolify.scenarios import AS_WRITER, BAD, IMAGE, OLDER, STACK, WEB, WORKER
from deployer.simulator.coolify.state.deployments import App
from deployer.simulator.coolify.state.places import Host, Project
from deployer.simulator.coolify.state.variables import DAY, Variable, with_copy
from deployer.simulator.coolify.versions import VERSIONS
from deployer.simulator.serving.exchange import Fault, Then


def with_copies(*variables: Variable) -> tuple[Variable, ...]:
    """Variables of an application, with their copies for previews."""
    result: tuple[Variable, ...] = ()
    for each in variables:
        result = with_copy(result, each)
    return result


VARIABLES = (
    Variable("NODE_ENV", "production"),
    Variable("GREETING", "Hello $USER", literal=True, comment="for the front page"),
    Variable("SIGNING_KEY", "first line\nsecond line", multiline=True, shown_once=True, buildtime=False),
    Variable("EMPTY", None),
    Variable("NIXPACKS_NODE_VERSION", "22", runtime=False),
)
ALL_VARIABLES = (*with_copies(*VARIABLES), Variable("ONLY_PREVIEW", "1", preview=True))


def with_write(name: str, summary: str, *apps: App, **fields: Any) -> Scenario:
    """A scenario in which the token may also write."""
    return replace(Scenario(name, summary, apps=apps, abilities=AS_WRITER), **fields)


def ended_deployments(*commits: str) -> tuple[Other, ...]:
    """Deployments of these commits, newest first, that ended days ago."""
    return tuple(
        Other(age=DAY * age, over=True, commit=commit)
        for age, commit in reversed(tuple(enumerate(commits, start=1)))
    )


CHANGES = (
    with_write(
        "env-app", "The application has variables of every kind.", replace(WEB, variables=ALL_VARIABLES)
    ),
    with_write("env-service", "The service has variables.", resources=(replace(STACK, variables=VARIABLES),)),
    with_write(
        "env-refused",
        "The application's fields can be changed, but its variables are rejected.",
        IMAGE,
        faults=(Fault(("application_envs_set",), Then.REPLY, reply="env_bulk_num"),),
    ),
    with_write(
        "patch-refused",
        "Invalid values are rejected, and so is the second application's domain for the first one.",
        IMAGE,
        WORKER,
    ),
    with_write(
        "site-down",
        "The deployment is finished, but its site responds with 502 from then on.",
        replace(WEB, site=BAD),
    ),
    with_write(
        "site-late",
        "The deployment is finished, and its site responds with 502 for 40 s, then with 200.",
        replace(WEB, site=(*BAD, (40, 200, "ok"))),
    ),
    with_write(
        "rollback-git",
        "The deployment of a repository is finished, its site responds with 502, and two older images exist.",
        replace(WEB, images=OLDER, site=BAD),
        others=ended_deployments(*OLDER),
    ),
    with_write(
        "rollback-image",
        "The deployment of a new image is finished, its site responds with 502, and two older tags exist.",
        replace(IMAGE, images=("2.0.1", "2.0.0"), site=BAD),
        others=(Other(age=DAY, over=True),),
    ),
    with_write(
        "rollback-image-busy",
        "An image was deployed yesterday, an older tag exists, and somebody else's deployment is running.",
        replace(IMAGE, images=("2.0.1", "2.0.0")),
        others=(Other(age=DAY, over=True), Other(age=20)),
    ),
    with_write(
        "rollback-impossible",
        "The deployment is finished, its site responds with 502, and this version of Coolify has no "
        "rollback.",
        replace(WEB, site=BAD),
        others=ended_deployments(*OLDER),
        version=VERSIONS["4.1.2"],
    ),
    with_write(
        "create",
        "There is no application yet, but two projects, a server and a build server.",
        targets=0,
        projects=(Project("Shop", ("production", "staging")), Project("Blog")),
        hosts=(Host(), Host("builder", builder=True)),
    ),
    with_write("create-existing", "The application `shop`, which is to be created, already exists.", IMAGE),
    with_write(
        "already-queued-old-image",
        "Somebody else's deployment of the image application is running, with the previous tag.",
        IMAGE,
        others=(Other(),),
    ),
)
