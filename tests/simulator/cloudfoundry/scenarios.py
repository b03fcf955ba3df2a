"""The scenarios for the tests, beside those of `rehearse`: what a foundation may do, one thing at a time."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from math import inf
from types import MappingProxyType

from deployer.simulator import cloudfoundry
from deployer.simulator.cloudfoundry import Session
from deployer.simulator.cloudfoundry.scenario import BUILT, App, Grant, Login, Rolling, Scenario, Staging
from deployer.simulator.cloudfoundry.scenarios import IMAGE
from deployer.simulator.cloudfoundry.state.timelines import (
    CELL,
    CRASHING,
    LISTENS,
    WELL,
    Line,
    Process,
    State,
    Timeline,
    placed_after,
    slowly,
)
from deployer.simulator.serving.exchange import Fault, Response, Then

RUNS = App(started=True)
ROLLING = {"cf_strategy": "rolling"}
WITH_IMAGE = {"image": IMAGE}
# It answers for a moment each time before it exits.
FLAPPING = Timeline(
    (
        (0, State.DOWN),
        (1, State.STARTING),
        (6, State.RUNNING),
        (9, State.STARTING),
        (12, State.RUNNING),
        (15, State.STARTING),
        (18, State.RUNNING),
        (21, State.CRASHED),
    ),
    (CELL, Line(6, "Listening on 0.0.0.0:8080"), Line(9, "panic: no route to the database", error=True)),
    (9, 15, 21),
    2,
    "APP/PROC/WEB: Exited with status 2",
)
UNREADY = Timeline((*WELL.steps[:2], (8, State.UNREADY)), WELL.lines)
BLIND = Timeline((*WELL.steps[:2], (8, State.BLIND)), WELL.lines)
HOSTILE = replace(
    WELL,
    lines=(
        *WELL.lines,
        Line(9, "::error::not a CI command ✓", error=True),
        Line(9.5, "##vso[task.complete result=Failed]"),
    ),
)
LATE = replace(WELL, lines=(Line(6, "second in the list", late=2.5), Line(7, LISTENS.text)))


def of(process: Process, *, started: bool = False) -> tuple[App, ...]:
    """One app with this process."""
    return (App(processes=(process,), started=started),)


def elsewhere(response: Response) -> Response:
    """The same list where the link to the next page leads to a host of which nobody knows anything."""
    whole = b"".join(response.body).replace(
        b'"next":{"href":"http://127.0.0.1', b'"next":{"href":"http://localhost'
    )
    return replace(response, body=(whole,))


PAGED = tuple(App(name=f"web-{number}", route=f"web-{number}.apps.example.org") for number in range(5))
STATES = (
    Scenario("started", "the app runs already", apps=(RUNS,)),
    Scenario("restart", "the app runs, and is restarted", apps=(RUNS,), inputs={"cf_strategy": "restart"}),
    Scenario("one-crash", "one of two instances crashes", apps=of(Process(odd={1: CRASHING}))),
    Scenario(
        "flapping",
        "the instances answer for a moment each time before they crash",
        apps=of(Process(course=FLAPPING)),
    ),
    Scenario(
        "unready", "the instances run, but never get ready for requests", apps=of(Process(course=UNREADY))
    ),
    Scenario("zero", "the app has no instances", apps=of(Process(instances=0))),
    Scenario(
        "worker",
        "the app has a web and a worker process",
        apps=(App(processes=(Process(), Process("worker", 1))),),
    ),
    Scenario(
        "worker-crash",
        "of a web and a worker process the worker crashes",
        apps=(App(processes=(Process(), Process("worker", 1, CRASHING))),),
    ),
    Scenario("never-placed", "no cell ever has room", apps=of(Process(course=placed_after(inf)))),
    Scenario("blind", "the runtime does not know what the instances use", apps=of(Process(course=BLIND))),
    Scenario(
        "stats-away",
        "for a minute the statistics are not available",
        faults=(Fault(("stats",), Then.REPLY, reply="process-stats-503-unavailable", until=60),),
    ),
    Scenario(
        "outage",
        "for a minute nobody answers",
        faults=(Fault(("any",), Then.RESET, clock="trigger", since=2, until=62),),
    ),
    Scenario(
        "two-apps",
        "two apps are started",
        apps=(App(), App(name="worker", route="worker.apps.example.org")),
        targets=2,
    ),
    Scenario("paged", "lists come two rows at a time", apps=PAGED, targets=5, pages=2),
    Scenario(
        "lured",
        "lists come two rows at a time, and their links lead to another host",
        apps=PAGED,
        targets=5,
        pages=2,
        faults=(Fault(("processes", "apps"), Then.EDIT, edit=elsewhere),),
    ),
)
STAGED = (
    Scenario("image", "an image is staged, and the app restarted with it", apps=(RUNS,), inputs=WITH_IMAGE),
    Scenario("image-stopped", "an image is staged, and the stopped app started with it", inputs=WITH_IMAGE),
    Scenario(
        "image-rolling", "an image is staged, and rolled out", apps=(RUNS,), inputs=WITH_IMAGE | ROLLING
    ),
    Scenario(
        "image-crash",
        "an image is staged that crashes; what ran before would run again",
        apps=of(Process(course=CRASHING), started=True),
        inputs=WITH_IMAGE,
    ),
    Scenario(
        "image-sick",
        "an image is staged that runs and answers with an error; what ran before would answer well",
        apps=(App(started=True, site_response=(502, "Bad Gateway")),),
        inputs=WITH_IMAGE,
    ),
    Scenario(
        "registry", "the image's registry wants a login", apps=(RUNS,), inputs=WITH_IMAGE, registry=True
    ),
    Scenario(
        "buildpack",
        "an image is to be deployed on an app that is made of source",
        apps=(App(docker=False),),
        inputs=WITH_IMAGE,
    ),
    Scenario(
        "no-room",
        "there is no room to stage an image",
        apps=(
            App(
                started=True, staging=Staging(6, "InsufficientResources - Insufficient resources", BUILT[:1])
            ),
        ),
        inputs=WITH_IMAGE,
    ),
    Scenario(
        "build-busy",
        "at first another build of the app is staged",
        apps=(RUNS,),
        inputs=WITH_IMAGE,
        faults=(Fault(("stage",), Then.REPLY, reply="build-create-422-in-progress", nth=(1,)),),
    ),
    *(
        Scenario(
            f"{name}-lost",
            f"the answer to the {what} is lost, though it was done",
            apps=(RUNS,),
            inputs=inputs,
            faults=(Fault((name,), Then.CLOSE, acts=True, nth=(1,)),),
        )
        for name, what, inputs in (
            ("pack", "new package", WITH_IMAGE),
            ("stage", "new build", WITH_IMAGE),
            ("assign", "new droplet", WITH_IMAGE),
            ("deploy", "rolling deployment", ROLLING),
            ("restart", "restart", {"cf_strategy": "restart"}),
        )
    ),
    Scenario(
        "start-lost",
        "the answer to the start is lost, though it was done",
        faults=(Fault(("start",), Then.CLOSE, acts=True, nth=(1,)),),
    ),
    Scenario(
        "start-undone",
        "the first start is lost on its way",
        faults=(Fault(("start",), Then.CLOSE, nth=(1,)),),
    ),
)
ROLLED = (
    Scenario("rolling", "the app is deployed instance by instance", apps=(RUNS,), inputs=ROLLING),
    Scenario("rolling-stopped", "a stopped app is to be rolled out", inputs=ROLLING),
    Scenario(
        "rolling-stuck",
        "the new instances crash, and the deployment never ends",
        apps=of(Process(course=CRASHING), started=True),
        inputs=ROLLING,
    ),
    Scenario(
        "rolling-cancelled",
        "somebody cancels the deployment",
        apps=(RUNS,),
        inputs=ROLLING,
        rolling=Rolling(cancelled=20),
    ),
    Scenario(
        "rolling-quota",
        "the deployment has no room at first",
        apps=(RUNS,),
        inputs=ROLLING,
        rolling=Rolling(error="memory quota_exceeded", cleared=90),
    ),
    Scenario(
        "rolling-off",
        "the operators allow no rolling deployments",
        apps=(RUNS,),
        inputs=ROLLING,
        deployments=False,
    ),
    Scenario(
        "others", "a deployment of somebody else is under way", apps=(RUNS,), inputs=ROLLING, others=True
    ),
    Scenario(
        "cancel",
        "somebody's deployment is to be cancelled",
        apps=(RUNS,),
        others=True,
        may_cancel=True,
        inputs={"command": "cancel"},
    ),
)
LOGINS = (
    Scenario("client", "the login is a client's", login=Login(Grant.CLIENT)),
    Scenario(
        "user-assertion", "the login is a user's, by the CI system's token", login=Login(Grant.USER_ASSERTION)
    ),
    Scenario(
        "client-assertion",
        "the login is a client's, by the CI system's token",
        login=Login(Grant.CLIENT_ASSERTION),
    ),
    Scenario("origin", "another identity provider knows the user", login=Login(origin="ldap")),
    Scenario("wrong-password", "the password is wrong", login=Login(known=False)),
    Scenario("locked", "the account is locked", login=Login(locked=True)),
    Scenario("opaque", "tokens are opaque", login=Login(opaque=True)),
    Scenario(
        "client-expiry",
        "a client's token expires while the app comes up",
        apps=of(Process(course=slowly(300))),
        login=Login(Grant.CLIENT, validity=120),
    ),
    Scenario(
        "refresh-expired",
        "the refresh token is not taken any more",
        apps=of(Process(course=slowly(300))),
        login=Login(validity=120, refresh_expired=True),
    ),
    Scenario(
        "revoked",
        "all tokens are revoked while the app comes up",
        apps=of(Process(course=slowly(60))),
        login=Login(revoked=20),
    ),
    *(
        Scenario(
            f"uaa-away{name}",
            "all tokens are revoked while the app comes up, and the login server is away for a minute then",
            apps=of(Process(course=slowly(150))),
            login=replace(login, revoked=20),
            faults=(
                Fault(("token",), Then.RESET, since=15, until=40),
                Fault(("token",), Then.REPLY, reply="root-get-404-router-unknown-route", since=40, until=60),
                Fault(("token",), Then.CLOSE, since=60, until=80),
            ),
        )
        for name, login in (
            ("", Login()),
            ("-password", Login(refreshes=False)),
            ("-client", Login(Grant.CLIENT)),
        )
    ),
    Scenario(
        "uaa-limit",
        "the login server has too much to do at first",
        faults=(Fault(("token",), Then.REPLY, reply="uaa-token-429", nth=(1,)),),
    ),
)
REFUSED = (
    Scenario("auditor", "the user may only look", role="space_auditor"),
    Scenario(
        "supporter",
        "the user may start, but make no package",
        apps=(RUNS,),
        role="space_supporter",
        inputs=WITH_IMAGE,
    ),
    Scenario("suspended", "the organization is suspended", suspended=True),
    Scenario("no-docker", "images may not run here", docker=False),
    Scenario(
        "rolling-no-quota",
        "there is no memory for a rolling deployment",
        apps=(RUNS,),
        inputs=ROLLING,
        quota="memory quota_exceeded",
    ),
    Scenario("korifi", "it is a Korifi without a login server", korifi=True),
    Scenario(
        "limited",
        "the user has sent too many requests",
        faults=(Fault(("stats",), Then.REPLY, reply="request-429-rate-limit", nth=(2,)),),
    ),
    Scenario(
        "broken",
        "a start ends in an error of the server's own",
        faults=(Fault(("start",), Then.REPLY, reply="app-start-500-unknown"),),
    ),
    Scenario(
        "runner",
        "at first the runtime does not stop the app",
        apps=(RUNS,),
        inputs={"cf_strategy": "restart"},
        faults=(Fault(("restart",), Then.REPLY, reply="app-restart-503-runner", nth=(1,)),),
    ),
)
LOGGED = (
    Scenario("no-logs", "there is no log-cache", logs=False),
    Scenario(
        "logs-away",
        "the log-cache shows nothing",
        faults=(Fault(("log_read",), Then.REPLY, reply="log-cache-read-404-unauthorized-or-expired"),),
    ),
    Scenario("hostile", "the app logs commands of CI systems", apps=of(Process(instances=1, course=HOSTILE))),
    Scenario(
        "late-logs", "a line arrives after one that came later", apps=of(Process(instances=1, course=LATE))
    ),
)
FOR_TESTS = (*STATES, *STAGED, *ROLLED, *LOGINS, *REFUSED, *LOGGED)
SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {**cloudfoundry.SCENARIOS, **{scenario.name: scenario for scenario in FOR_TESTS}}
)


def simulating(
    scenario: str | Scenario, *, speed: float = 1.0, port: int = 0
) -> AbstractContextManager[Session]:
    """Serve a scenario, or one of these `SCENARIOS` by its name, as the package's `simulating` does."""
    named = SCENARIOS.get(scenario, scenario) if isinstance(scenario, str) else scenario
    return cloudfoundry.simulating(named, speed=speed, port=port)
