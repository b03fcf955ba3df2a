"""Scenarios about what is changed before a deployment, proven after it, and taken back."""

from dataclasses import replace
from typing import Any

from deployer.simulator.coolify.scenario import Other, Scenario
from deployer.simulator.coolify.scenarios import AS_WRITER, BAD, IMAGE, OLDER, STACK, WEB, WORKER
from deployer.simulator.coolify.state.deployments import App
from deployer.simulator.coolify.state.places import Host, Project
from deployer.simulator.coolify.state.variables import DAY, Variable, with_copy
from deployer.simulator.coolify.versions import VERSIONS
from deployer.simulator.serving.exchange import Fault, Then


def settled(*variables: Variable) -> tuple[Variable, ...]:
    """Variables of an application, with their copies for previews."""
    there: tuple[Variable, ...] = ()
    for each in variables:
        there = with_copy(there, each)
    return there


VARIABLES = (
    Variable("NODE_ENV", "production"),
    Variable("GREETING", "Hello $USER", literal=True, comment="for the front page"),
    Variable("SIGNING_KEY", "first line\nsecond line", multiline=True, shown_once=True, buildtime=False),
    Variable("EMPTY", None),
    Variable("NIXPACKS_NODE_VERSION", "22", runtime=False),
)
ONLY_NEW = (*settled(*VARIABLES), Variable("ONLY_PREVIEW", "1", preview=True))


def changing(name: str, summary: str, *apps: App, **more: Any) -> Scenario:
    """The client may change things, too."""
    return replace(Scenario(name, summary, apps=apps, abilities=AS_WRITER), **more)


def ran(*commits: str) -> tuple[Other, ...]:
    """Deployments of these commits, the newest first, that were over days ago."""
    return tuple(
        Other(age=DAY * age, over=True, commit=commit)
        for age, commit in reversed(tuple(enumerate(commits, start=1)))
    )


CHANGES = (
    changing("env-app", "The application has variables of every kind.", replace(WEB, variables=ONLY_NEW)),
    changing("env-service", "The service has variables.", resources=(replace(STACK, variables=VARIABLES),)),
    changing(
        "env-refused",
        "The application's fields can be changed, its variables are refused.",
        IMAGE,
        faults=(Fault(("application_envs_set",), Then.REPLY, reply="env_bulk_num"),),
    ),
    changing(
        "patch-refused",
        "What is not valid is refused, as is the address of the second application, http://worker.example.com, for the first one.",
        IMAGE,
        WORKER,
    ),
    changing(
        "site-down",
        "The deployment is finished, and its site answers 502 from then on.",
        replace(WEB, site=BAD),
    ),
    changing(
        "site-late",
        "The deployment is finished, and its site answers 502 for forty seconds, then well.",
        replace(WEB, site=(*BAD, (40, 200, "ok"))),
    ),
    changing(
        "rollback-git",
        "The deployment of a repository is finished, its site answers 502, and two images of what ran before are there.",
        replace(WEB, images=OLDER, site=BAD),
        others=ran(*OLDER),
    ),
    changing(
        "rollback-image",
        "The deployment of an image that did not run before is finished, its site answers 502, and two older tags are there.",
        replace(IMAGE, images=("2.0.1", "2.0.0"), site=BAD),
        others=(Other(age=DAY, over=True),),
    ),
    changing(
        "rollback-image-busy",
        "An image was deployed yesterday, an older tag is there, and somebody else's deployment is running.",
        replace(IMAGE, images=("2.0.1", "2.0.0")),
        others=(Other(age=DAY, over=True), Other(age=20)),
    ),
    changing(
        "rollback-impossible",
        "The deployment is finished, its site answers 502, and this version of Coolify knows no way back.",
        replace(WEB, site=BAD),
        others=ran(*OLDER),
        version=VERSIONS["4.1.2"],
    ),
    changing(
        "create",
        "There is no application yet, but two projects, and a server beside one that only builds.",
        targets=0,
        projects=(Project("Shop", ("production", "staging")), Project("Blog")),
        hosts=(Host(), Host("builder", builder=True)),
    ),
    changing("create-existing", "The application that is to be created, `shop`, is there already.", IMAGE),
    changing(
        "already-queued-old-image",
        "Somebody else's deployment of the image application is running, and has read the tag that it had before.",
        IMAGE,
        others=(Other(),),
    ),
)
