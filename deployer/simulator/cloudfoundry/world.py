"""The state of the simulated foundation.

Clock, apps, builds, deployments, tokens, and how time changes them.
"""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from math import inf
from threading import RLock

from deployer.simulator.cloudfoundry.names import APP, guid
from deployer.simulator.cloudfoundry.scenario import App, Scenario
from deployer.simulator.cloudfoundry.state.apps import Build, Droplet, Live, Package, Run
from deployer.simulator.cloudfoundry.state.deployments import (
    CANCELING,
    PLAIN,
    Deployment,
    Order,
    targets,
    turns,
)
from deployer.simulator.cloudfoundry.state.revisions import Revision, revised
from deployer.simulator.cloudfoundry.state.timelines import WELL, Line, Process
from deployer.simulator.cloudfoundry.state.tokens import Tokens
from deployer.simulator.serving.exchange import Fault
from deployer.simulator.serving.journal import Request

BEFORE = -100_000.0  # before the first request


class World:
    """The state of a running scenario. Callers hold `lock`.

    `addresses`: the URL of each server. `acts`: how often the client did what, with which app, and with which
    droplet or image of it.
    """

    def __init__(self, scenario: Scenario, speed: float) -> None:
        self.scenario = scenario
        self.speed = speed
        self.lock = RLock()
        self.addresses: dict[str, str] = {}
        self.journal: list[Request] = []
        self.faults: list[str] = []  # bugs of the simulator itself
        self.acts: Counter[tuple[str, ...]] = Counter()
        self.tokens = Tokens(scenario.login)
        self.apps: dict[str, Live] = {}
        self.droplets: dict[str, Droplet] = {}
        self.packages: dict[str, Package] = {}
        self.builds: dict[str, Build] = {}
        self.deployments: dict[str, Deployment] = {}
        self.jobs: list[str] = []
        self.denied: set[str] = set()  # packages whose registry rejects the login
        self.triggered = inf  # when the client's first write came
        self._zero: float | None = None
        self._epoch = datetime.now(UTC)
        self._seen: Counter[int] = Counter()  # how many requests met the conditions of each fault
        for app in scenario.apps:
            self._put(app)

    # --- time

    def now(self) -> float:
        """Simulated seconds since the first request, at which this starts to count."""
        real = time.monotonic()
        if self._zero is None:
            self._zero, self._epoch = real, datetime.now(UTC)
            self._others()
        now = (real - self._zero) * self.speed
        self._end_due(now)
        return now

    def skip(self, seconds: float) -> None:
        """Let simulated seconds pass at once."""
        self.now()
        self._zero = (self._zero or 0) - seconds / self.speed

    def wall(self, at: float | None = None) -> datetime:
        """The time of the server's clock, now or at a simulated second."""
        return self._epoch + timedelta(seconds=self.now() if at is None else at)

    def stamp(self, at: float) -> str:
        """A moment as Cloud Foundry writes it."""
        return self.wall(at).strftime("%Y-%m-%dT%H:%M:%SZ")

    # --- state

    def running(self, app: str) -> Deployment | None:
        """The deployment of an app that is in progress."""
        return next((each for each in self.deployments.values() if each.app == app and not each.over), None)

    def staging(self, app: str) -> Build | None:
        now = self.now()
        return next(
            (
                build
                for build in self.builds.values()
                if build.package.app == app and build.state(now) == "STAGING"
            ),
            None,
        )

    def run(self, process: str) -> tuple[Live, Run] | None:
        """The process of this guid, if it still exists, and its app."""
        now = self.now()
        return next(
            ((live, run) for live in self.apps.values() for run in live.runs(now) if run.guid == process),
            None,
        )

    def revision(self, one: str) -> Revision | None:
        return next(
            (each for live in self.apps.values() for each in live.revisions if each.guid == one), None
        )

    def trouble(self, name: str) -> Fault | None:
        """The scenario's first fault that applies to a request to this route now."""
        now = self.now()
        clocks = {"begin": 0.0, "trigger": self.triggered}
        caught = []
        for index, fault in enumerate(self.scenario.faults):
            passed = now - clocks[fault.clock]
            if (name in fault.on or "any" in fault.on) and fault.since <= passed < fault.until:
                self._seen[index] += 1
                caught += [fault] if not fault.nth or self._seen[index] in fault.nth else []
        return caught[0] if caught else None

    # --- actions

    def trigger(self) -> None:
        """Record the client's first request that changes something."""
        self.triggered = min(self.triggered, self.now())

    def start(self, live: Live, *, others_only: bool = False) -> None:
        """Restart every process, or every one except web. The runtime forgets the earlier runs."""
        now = self.now()
        for run in [run for run in live.runs(now) if not others_only or run.process.type != "web"]:
            run.ended, run.gone = min(run.ended, now), now
            live.ran.append(self._run(live, run.guid, self._process(live, run.process.type), now))

    def stop(self, live: Live) -> None:
        """Stop all processes. The runtime follows a little later."""
        now = self.now()
        for run in live.runs(now):
            run.ended = min(run.ended, now)

    def change(self, live: Live, state: str) -> None:
        """Set the desired state, which Cloud Foundry logs."""
        live.state = state
        live.logged.append(
            (self.now(), Line(0, f'Updated app with guid {live.guid} ({{"state"=>"{state}"}})', "API"))
        )

    def create(self, name: str) -> None:
        """Add an app that the client created, which does not run yet."""
        self._put(App(name, staged=False, older=0, route=f"{name}.apps.example.org"))

    def revise(self, live: Live, at: float, back: Revision | None = None) -> Revision | None:
        """The revision of an app as it is deployed now; None if it has no droplet."""
        if live.droplet is None:
            return None
        revision = revised(live.revisions, live.guid, live.droplet, at, back)
        if revision not in live.revisions:
            live.revisions.append(revision)
        return revision

    def deploy(self, live: Live, droplet: str, order: Order = PLAIN, *, mine: bool = True) -> Deployment:
        """Create a deployment, which supersedes an earlier one.

        A stopped app is simply started (cloudfoundry-api 7).
        """
        now, number = self.now(), len(self.deployments) + 1
        if before := self.running(live.guid):
            self._end(before, now, "SUPERSEDED")
        previous, live.droplet = live.droplet, droplet
        deployment = Deployment(
            guid(f"deployment {number}"), live.guid, droplet, previous, now, mine, None, order
        )
        deployment.revision = self.revise(live, now, order.back)
        self.deployments[deployment.guid] = deployment
        if live.state == "STOPPED":
            deployment.over = (now, "DEPLOYED")
            self.change(live, "STARTED")
            self.start(live)
            return deployment
        web = self._process(live, "web")
        web = web if mine else Process(web.type, web.instances, WELL)
        deployment.run = self._run(live, guid(f"web of deployment {number}"), web, now)
        if order.steps is not None:
            deployment.targets, deployment.held = targets(web.instances, order.steps), True
        deployment.run.turns = turns(
            web, now, order.in_flight, until=deployment.targets[0] if deployment.targets else None
        )
        live.ran.append(deployment.run)
        return deployment

    def cancel(self, deployment: Deployment) -> None:
        """Cancel: the previous droplet becomes current at once; the instances follow (cloudfoundry-api 7)."""
        deployment.cancelled = self.now()
        self.apps[deployment.app].droplet = deployment.previous

    def _end_due(self, now: float) -> None:
        """End deployments and builds whose time has come."""
        for build in [each for each in self.builds.values() if each.state(now) == "STAGED"]:
            staged = Droplet(
                build.droplet, build.package.app, build.package.image, build.created + build.staging.seconds
            )
            self.droplets.setdefault(build.droplet, staged)
        rolling = self.scenario.rolling
        for each in [each for each in self.deployments.values() if not each.over]:
            if each.mine and each.created + rolling.superseded <= now:
                self._end(each, each.created + rolling.superseded, "SUPERSEDED")
                self._foreign(self.apps[each.app])
            elif each.cancelled + CANCELING <= now:
                self._end(each, each.cancelled + CANCELING, "CANCELED")
            elif each.mine and each.created + rolling.cancelled <= now:
                each.cancelled = min(each.cancelled, each.created + rolling.cancelled)
                self.apps[each.app].droplet = each.previous
            elif (
                each.finish <= now
                and each.cancelled == inf
                and not (rolling.error and now < each.created + rolling.cleared)
            ):
                self._end(each, each.finish, "DEPLOYED")

    def _end(self, deployment: Deployment, at: float, reason: str) -> None:
        deployment.over = (at, reason)
        live = self.apps[deployment.app]
        done = reason == "DEPLOYED"
        for run in [
            run for run in live.runs(at) if run.process.type == "web" and done == (run is not deployment.run)
        ]:
            run.gone = at
        if done:
            self.start(live, others_only=True)

    # --- before the first request

    def _put(self, app: App) -> None:
        """Add an app from before the first request: each of its droplets was deployed once."""
        number = len(self.apps)
        one = guid(f"app {number}") if number else APP
        live = self.apps[one] = Live(one, app, "STARTED" if app.started else "STOPPED", None)
        for age in range(app.older, -1 if app.staged else 0, -1):
            image = f"{app.image}-before-{age}" if age else app.image
            live.droplet = self._droplet(guid(f"droplet {age} of app {number}"), one, image, BEFORE - age)
            self.revise(live, BEFORE - age)
        live.droplet = live.droplet if app.staged else None
        for process in app.processes:
            usual = Process(process.type, process.instances, WELL)
            run = Run(guid(f"{process.type} of app {number}"), usual, BEFORE, guid("the first version"))
            run.ended = inf if app.started else BEFORE
            live.ran.append(run)

    def _droplet(self, one: str, app: str, image: str, created: float) -> str:
        self.droplets[one] = Droplet(one, app, image, created, before=True)
        return one

    def _foreign(self, live: Live) -> None:
        """Somebody else deploys the app."""
        droplet = self._droplet(
            guid("somebody's droplet"), live.guid, "ghcr.io/acme/web:somebodys", self.now()
        )
        self.deploy(live, droplet, mine=False)

    def _others(self) -> None:
        if self.scenario.others:
            self._foreign(self.apps[APP])

    def _process(self, live: Live, kind: str) -> Process:
        """The course of a process with the app's current droplet.

        Without problems if it existed before the first request.
        """
        process = next(process for process in live.app.processes if process.type == kind)
        droplet = self.droplets.get(live.droplet or "")
        newer = any(each.app == live.guid and not each.before for each in self.droplets.values())
        return (
            Process(process.type, process.instances, WELL)
            if droplet and droplet.before and newer
            else process
        )

    def _run(self, live: Live, one: str, process: Process, now: float) -> Run:
        return Run(one, process, now, guid(f"version {len(live.ran)} of {one}"))
