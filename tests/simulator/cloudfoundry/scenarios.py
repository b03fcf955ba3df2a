"""The scenarios for the tests, in addition to those of `rehearse`: one special behavior each."""

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

STARTED_APP = App(started=True)
ROLLING = {"cf_strategy": "rolling"}
WITH_IMAGE = {"image": IMAGE}
# It responds for a moment each time before it exits.
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
WITHOUT_METRICS = Timeline((*WELL.steps[:2], (8, State.BLIND)), WELL.lines)
HOSTILE = replace(
    WELL,
    lines=(
        *WELL.lines,
        Line(9, "::error::not a CI command ✓", error=True),
        Line(9.5, "##vso[task.complete result=Failed]"),
    ),
)
LATE_LINE = replace(WELL, lines=(Line(6, "second in the list", late=2.5), Line(7, LISTENS.text)))


def app_with(process: Process, *, started: bool = False) -> tuple[App, ...]:
    """One app with this process."""
    return (App(processes=(process,), started=started),)


def links_to_other_host(response: Response) -> Response:
    """The same list with a link to the next page on another host."""
    body = b"".join(response.body).replace(
        b'"next":{"href":"http://127.0.0.1', b'"next":{"href":"http://localhost'
    )
    return replace(response, body=(body,))


PAGED = tuple(App(name=f"web-{number}", route=f"web-{number}.apps.example.org") for number in range(5))
STATES = (
    Scenario("started", "The app is already running.", apps=(STARTED_APP,)),
    Scenario(
        "restart",
        "The app is running, and is restarted.",
        apps=(STARTED_APP,),
        inputs={"cf_strategy": "restart"},
    ),
    Scenario("one-crash", "One of two instances crashes.", apps=app_with(Process(odd={1: CRASHING}))),
    Scenario(
        "flapping",
        "The instances respond for a moment each time before they crash.",
        apps=app_with(Process(course=FLAPPING)),
    ),
    Scenario("unready", "The instances run, but never become ready.", apps=app_with(Process(course=UNREADY))),
    Scenario("zero", "The app has no instances.", apps=app_with(Process(instances=0))),
    Scenario(
        "worker",
        "The app has a web and a worker process.",
        apps=(App(processes=(Process(), Process("worker", 1))),),
    ),
    Scenario(
        "worker-crash",
        "Of a web and a worker process, the worker crashes.",
        apps=(App(processes=(Process(), Process("worker", 1, CRASHING))),),
    ),
    Scenario("never-placed", "No cell ever has room.", apps=app_with(Process(course=placed_after(inf)))),
    Scenario(
        "blind",
        "The runtime does not know what the instances use.",
        apps=app_with(Process(course=WITHOUT_METRICS)),
    ),
    Scenario(
        "stats-away",
        "The statistics are unavailable for a minute.",
        faults=(Fault(("stats",), Then.REPLY, reply="process-stats-503-unavailable", until=60),),
    ),
    Scenario(
        "outage",
        "The server does not respond for a minute.",
        faults=(Fault(("any",), Then.RESET, clock="trigger", since=2, until=62),),
    ),
    Scenario(
        "two-apps",
        "Two apps are started.",
        apps=(App(), App(name="worker", route="worker.apps.example.org")),
        targets=2,
    ),
    Scenario("paged", "Lists have pages of two rows.", apps=PAGED, targets=5, pages=2),
    Scenario(
        "lured",
        "Lists have pages of two rows, and their links lead to another host.",
        apps=PAGED,
        targets=5,
        pages=2,
        faults=(Fault(("processes", "apps"), Then.EDIT, edit=links_to_other_host),),
    ),
)
STAGED = (
    Scenario(
        "image",
        "An image is staged, and the app is restarted with it.",
        apps=(STARTED_APP,),
        inputs=WITH_IMAGE,
    ),
    Scenario(
        "image-stopped", "An image is staged, and the stopped app is started with it.", inputs=WITH_IMAGE
    ),
    Scenario(
        "image-rolling",
        "An image is staged, and rolled out.",
        apps=(STARTED_APP,),
        inputs=WITH_IMAGE | ROLLING,
    ),
    Scenario(
        "image-crash",
        "A new image crashes; the previous version would run.",
        apps=app_with(Process(course=CRASHING), started=True),
        inputs=WITH_IMAGE,
    ),
    Scenario(
        "image-sick",
        "A new image runs and responds with an error; the previous version would respond well.",
        apps=(App(started=True, site_response=(502, "Bad Gateway")),),
        inputs=WITH_IMAGE,
    ),
    Scenario(
        "registry",
        "The image's registry requires a login.",
        apps=(STARTED_APP,),
        inputs=WITH_IMAGE,
        registry=True,
    ),
    Scenario(
        "buildpack",
        "An image is to be deployed to a buildpack app.",
        apps=(App(docker=False),),
        inputs=WITH_IMAGE,
    ),
    Scenario(
        "no-room",
        "There is not enough memory to stage an image.",
        apps=(
            App(
                started=True, staging=Staging(6, "InsufficientResources - Insufficient resources", BUILT[:1])
            ),
        ),
        inputs=WITH_IMAGE,
    ),
    Scenario(
        "build-busy",
        "Another build of the app is being staged at first.",
        apps=(STARTED_APP,),
        inputs=WITH_IMAGE,
        faults=(Fault(("stage",), Then.REPLY, reply="build-create-422-in-progress", nth=(1,)),),
    ),
    *(
        Scenario(
            f"{name}-lost",
            f"The response to the {what} is lost, although it worked.",
            apps=(STARTED_APP,),
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
        "The response to the start is lost, although it worked.",
        faults=(Fault(("start",), Then.CLOSE, acts=True, nth=(1,)),),
    ),
    Scenario(
        "start-undone",
        "The first start never arrives.",
        faults=(Fault(("start",), Then.CLOSE, nth=(1,)),),
    ),
)
ROLLING_DEPLOYMENTS = (
    Scenario("rolling", "The app is deployed instance by instance.", apps=(STARTED_APP,), inputs=ROLLING),
    Scenario("rolling-stopped", "A stopped app is to be rolled out.", inputs=ROLLING),
    Scenario(
        "rolling-stuck",
        "The new instances crash, and the deployment never ends.",
        apps=app_with(Process(course=CRASHING), started=True),
        inputs=ROLLING,
    ),
    Scenario(
        "rolling-cancelled",
        "Somebody cancels the deployment.",
        apps=(STARTED_APP,),
        inputs=ROLLING,
        rolling=Rolling(cancelled=20),
    ),
    Scenario(
        "rolling-quota",
        "The deployment exceeds the quota at first.",
        apps=(STARTED_APP,),
        inputs=ROLLING,
        rolling=Rolling(error="memory quota_exceeded", cleared=90),
    ),
    Scenario(
        "rolling-off",
        "Rolling deployments are disabled.",
        apps=(STARTED_APP,),
        inputs=ROLLING,
        deployments=False,
    ),
    Scenario(
        "others", "Somebody else's deployment is active.", apps=(STARTED_APP,), inputs=ROLLING, others=True
    ),
    Scenario(
        "cancel",
        "Somebody else's deployment is to be cancelled.",
        apps=(STARTED_APP,),
        others=True,
        may_cancel=True,
        inputs={"command": "cancel"},
    ),
)
LOGINS = (
    Scenario("client", "The login is that of a client.", login=Login(Grant.CLIENT)),
    Scenario(
        "user-assertion", "A user logs in with the CI system's token.", login=Login(Grant.USER_ASSERTION)
    ),
    Scenario(
        "client-assertion",
        "A client logs in with the CI system's token.",
        login=Login(Grant.CLIENT_ASSERTION),
    ),
    Scenario("origin", "The user is in another identity provider.", login=Login(origin="ldap")),
    Scenario("wrong-password", "The password is wrong.", login=Login(known=False)),
    Scenario("locked", "The account is locked.", login=Login(locked=True)),
    Scenario("opaque", "Tokens are opaque.", login=Login(opaque=True)),
    Scenario(
        "client-expiry",
        "A client's token expires while the app starts.",
        apps=app_with(Process(course=slowly(300))),
        login=Login(Grant.CLIENT, validity=120),
    ),
    Scenario(
        "refresh-expired",
        "The refresh token has expired.",
        apps=app_with(Process(course=slowly(300))),
        login=Login(validity=120, refresh_expired=True),
    ),
    Scenario(
        "revoked",
        "All tokens are revoked while the app starts.",
        apps=app_with(Process(course=slowly(60))),
        login=Login(revoked=20),
    ),
    *(
        Scenario(
            f"uaa-away{name}",
            "All tokens are revoked while the app starts, and the login server is then down for a minute.",
            apps=app_with(Process(course=slowly(150))),
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
        "The login server is overloaded at first.",
        faults=(Fault(("token",), Then.REPLY, reply="uaa-token-429", nth=(1,)),),
    ),
)
REJECTIONS = (
    Scenario("auditor", "The user may only read.", role="space_auditor"),
    Scenario(
        "supporter",
        "The user may start, but not create packages.",
        apps=(STARTED_APP,),
        role="space_supporter",
        inputs=WITH_IMAGE,
    ),
    Scenario("suspended", "The organization is suspended.", suspended=True),
    Scenario("no-docker", "Docker images are disabled.", docker=False),
    Scenario(
        "rolling-no-quota",
        "There is not enough memory for a rolling deployment.",
        apps=(STARTED_APP,),
        inputs=ROLLING,
        quota="memory quota_exceeded",
    ),
    Scenario("korifi", "Korifi without a login server.", korifi=True),
    Scenario(
        "limited",
        "The rate limit is reached.",
        faults=(Fault(("stats",), Then.REPLY, reply="request-429-rate-limit", nth=(2,)),),
    ),
    Scenario(
        "broken",
        "A start fails with an internal server error.",
        faults=(Fault(("start",), Then.REPLY, reply="app-start-500-unknown"),),
    ),
    Scenario(
        "runner",
        "The runtime does not stop the app at first.",
        apps=(STARTED_APP,),
        inputs={"cf_strategy": "restart"},
        faults=(Fault(("restart",), Then.REPLY, reply="app-restart-503-runner", nth=(1,)),),
    ),
)
LOGS = (
    Scenario("no-logs", "There is no log-cache.", logs=False),
    Scenario(
        "logs-away",
        "The log-cache returns nothing.",
        faults=(Fault(("log_read",), Then.REPLY, reply="log-cache-read-404-unauthorized-or-expired"),),
    ),
    Scenario(
        "hostile", "The app logs commands of CI systems.", apps=app_with(Process(instances=1, course=HOSTILE))
    ),
    Scenario("late-logs", "A log line arrives late.", apps=app_with(Process(instances=1, course=LATE_LINE))),
)
FOR_TESTS = (*STATES, *STAGED, *ROLLING_DEPLOYMENTS, *LOGINS, *REJECTIONS, *LOGS)
SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {**cloudfoundry.SCENARIOS, **{scenario.name: scenario for scenario in FOR_TESTS}}
)


def simulating(
    scenario: str | Scenario, *, speed: float = 1.0, port: int = 0
) -> AbstractContextManager[Session]:
    """Serve a scenario, or one of `SCENARIOS` by its name, like the package's `simulating`."""
    resolve = SCENARIOS.get(scenario, scenario) if isinstance(scenario, str) else scenario
    return cloudfoundry.simulating(resolve, speed=speed, port=port)
