"""The state of the simulated Coolify.

Clock, applications, deployments, queue, and what the first trigger starts.
"""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from math import inf
from threading import RLock

from deployer.simulator.coolify.rendering.renderer import Renderer
from deployer.simulator.coolify.scenario import Scenario
from deployer.simulator.coolify.state.deployments import App, Deployment, DeployOptions, spread
from deployer.simulator.coolify.state.releases import course, wanted
from deployer.simulator.coolify.state.resources import Act, Resource
from deployer.simulator.coolify.state.script import TERMINAL
from deployer.simulator.coolify.state.throttle import Throttle
from deployer.simulator.serving.exchange import Fault
from deployer.simulator.serving.journal import Request
from deployer.simulator.serving.made_up import TOKEN, made_up


class Server:
    """The state of a running scenario. Callers hold `lock`."""

    def __init__(self, scenario: Scenario, speed: float) -> None:
        self.scenario = scenario
        self.speed = speed
        self.lock = RLock()
        self.apps: dict[str, App] = {
            made_up(f"application {number}"): app for number, app in enumerate(scenario.apps)
        }
        self.resources: dict[str, Resource] = {
            made_up(f"resource {number}"): each for number, each in enumerate(scenario.resources)
        }
        self.previews = {uuid: set(app.previews) for uuid, app in self.apps.items()}
        self.acts: list[Act] = []  # on resources; of applications only stops
        self.created: list[str] = []  # the names of applications
        self.tagged: Counter[str] = Counter()  # how often each tag was deployed
        self.rows: list[Deployment] = []
        self.journal: list[Request] = []
        self.faults: list[str] = []  # bugs of the simulator itself
        self.triggered = inf  # when the first trigger came
        self.throttle = Throttle()
        self._zero: float | None = None
        self._epoch = datetime.now(UTC)
        self._seen: Counter[int] = Counter()  # how many requests met the conditions of each fault
        self._phantoms = 0
        self._vacant = scenario.vacant

    def now(self) -> float:
        """Simulated seconds since the first request, at which this starts to count."""
        real = time.monotonic()
        if self._zero is None:
            self._zero, self._epoch = real, datetime.now(UTC)
            self._start_others()
        now = (real - self._zero) * self.speed
        self._resume_stalled(now)
        self._spread(now)
        return now

    def skip(self, seconds: float) -> None:
        """Let simulated seconds pass at once."""
        self.now()
        self._zero = (self._zero or 0) - seconds / self.speed

    def wall(self) -> datetime:
        """The time of the server's clock."""
        return self._epoch + timedelta(seconds=self.now())

    def renderer(self, *, sensitive: bool | None = None) -> Renderer:
        """A renderer of what the token may see, or with or without sensitive fields if set."""
        may = (
            not self.scenario.abilities.isdisjoint({"read:sensitive", "root"})
            if sensitive is None
            else sensitive
        )
        return Renderer(self.scenario.version, self._epoch, sensitive=may)

    def known(self, token: str) -> bool:
        """Whether the token is valid; the number before `|` may be missing (coolify-api 3.1)."""
        return self.scenario.token_known and token in {TOKEN, TOKEN.partition("|")[2]}

    def trouble(self, name: str) -> Fault | None:
        """The scenario's first fault that applies to a request to this route now."""
        now = self.now()
        mine = [row.created for row in self.rows if row.mine]
        clocks = {"begin": 0.0, "trigger": self.triggered, "row": min(mine, default=inf)}
        caught = []
        for index, fault in enumerate(self.scenario.faults):
            passed = now - clocks[fault.clock]
            if (name in fault.on or "any" in fault.on) and fault.since <= passed < fault.until:
                self._seen[index] += 1
                caught += [fault] if not fault.nth or self._seen[index] in fault.nth else []
        return caught[0] if caught else None

    def tagged_with(self, tag: str) -> list[str]:
        """The targets of this tag: applications, then services; never databases."""
        apps = [uuid for uuid, app in self.apps.items() if tag in app.tags]
        return apps + [
            uuid for uuid, each in self.resources.items() if tag in each.tags and each.kind == "service"
        ]

    def row(self, uuid: str) -> Deployment | None:
        return next((row for row in self.rows if row.uuid == uuid), None)

    def of(self, app_uuid: str) -> list[Deployment]:
        """The deployments of one application, newest first."""
        return [row for row in reversed(self.rows) if row.app_uuid == app_uuid]

    def ended(self, app_uuid: str) -> list[Deployment]:
        """Its finished deployments on the main server, without previews, the last one first."""
        now = self.now()
        mains = [
            row
            for row in self.of(app_uuid)
            if not row.options.pr and row.main is None and row.finished(now) <= now
        ]
        return sorted(mains, key=lambda row: -row.finished(now))

    def next_uuid(self) -> str:
        """The uuid of the next application that is created."""
        return made_up(f"application {len(self.apps)}")

    def add(self, uuid: str, app: App) -> None:
        """Add an application that the client created."""
        self.apps[uuid], self.previews[uuid] = app, set()
        self.created.append(app.name)

    def change(self, uuid: str, app: App) -> None:
        """Replace an application, also for queued deployments (coolify-api 5.1)."""
        now = self.now()
        self.apps[uuid] = app
        for row in self.of(uuid):
            row.app = app if row.began > now else row.app

    def active(self) -> list[Deployment]:
        return [row for row in self.rows if not row.stranger and self.status(row) not in TERMINAL]

    def status(self, row: Deployment) -> str:
        return str(self.renderer().row(row, self.now())["status"])

    def full(self, app_uuid: str) -> bool:
        """Whether the queue of this application's server is full.

        That is checked first of all (coolify-api 17.1 row 4).
        """
        if limit := self.scenario.queue_limit:
            host, now = self.apps[app_uuid].host, self.now()
            return sum(row.app.host == host and row.began > now for row in self.rows) >= limit
        passed = self.now() - min(self.triggered, self.now())
        taken = sum(row.mine for row in self.rows)
        return (
            self.scenario.version.limits_queue
            and passed < self.scenario.full_until
            and taken >= self.scenario.room
        )

    def cancel(self, row: Deployment) -> None:
        """Cancel it like the API does. Until 4.3.6 nothing then starts the next one in the queue."""
        row.cancelled = now = self.now()
        for waiting in self.rows if self.scenario.version.stalls and row.began <= now else ():
            if waiting.follows is row and not waiting.options.instant:
                waiting.stalled = now

    def _resume_stalled(self, now: float) -> None:
        """Stalled deployments resume when any other deployment ends (coolify-api 5.5)."""
        for row in [row for row in self.rows if row.stuck and row.stalled is not None]:
            since = row.stalled or 0
            row.freed = min(
                (ended.over for ended in self.rows if ended.cancelled is None and since < ended.over <= now),
                default=inf,
            )

    def phantom(self) -> str:
        """A uuid that no deployment has or will have (coolify-api 5.1 quirk 2)."""
        self._phantoms += 1
        return made_up(f"phantom {self._phantoms}")

    def trigger(self) -> None:
        """Record the client's first trigger: deployments that halted until then resume."""
        if self.triggered != inf:
            return
        self.triggered = now = self.now()
        for row, other in zip(self.rows, self.scenario.others, strict=False):
            row.resumed = now
            row.cancelled = row.cancelled if other.cancelled is None else now + other.cancelled

    def skipped(self, app_uuid: str, options: DeployOptions) -> bool:
        """Whether a trigger is "already queued".

        An equal deployment is not over (coolify-api 5.1 quirk 3).
        """
        if options.force or options.instant:
            return False
        if self._vacant > 0:
            self._vacant -= 1
            return True
        renderer, now = self.renderer(), self.now()
        same = [
            row
            for row in self.of(app_uuid)
            if (row.options.pr, row.options.docker_tag) == (options.pr, options.docker_tag)
        ]
        rows = (renderer.row(row, now) for row in same) if self.scenario.version.skips else ()
        commit = wanted(self.apps[app_uuid], self.scenario.version)
        return any(row["commit"] == commit and row["status"] not in TERMINAL for row in rows)

    def enqueue(
        self,
        app_uuid: str,
        options: DeployOptions,
        *,
        mine: bool = True,
        created: float | None = None,
        commit: str = "",
    ) -> Deployment:
        """Queue a new deployment behind those that are not over.

        `commit`: the one to deploy; empty for any.
        """
        app, now, number = self.apps[app_uuid], self.now(), len(self.rows) + 1
        uuid = made_up(f"deployment {number}")
        script, first, pin = course(app, options, self.scenario.version, commit)
        waiting = (
            row
            for row in self.of(app_uuid)
            if row.options.pr == options.pr and row.over > now and not row.stuck
        )
        row = Deployment(
            id=number,
            uuid=uuid,
            app=app,
            app_uuid=app_uuid,
            app_id=list(self.apps).index(app_uuid) + 1,
            script=spread(script, [(extra.name, elsewhere(uuid, extra.name)) for extra in app.servers]),
            created=now if created is None else created,
            mine=mine,
            options=options,
            commit=first,
            pin=pin,
            follows=next(waiting, None) or self._before_on_host(app.host, now),
            host=self.scenario.hosts[app.host].name if app.host else "",
        )
        if mine and self.scenario.cancelled is not None and not any(before.mine for before in self.rows):
            row.cancelled = row.created + self.scenario.cancelled
        self.rows.append(row)
        return row

    def _before_on_host(self, host: int, now: float) -> Deployment | None:
        """The deployment whose end lets the next one of this server begin; None if it begins at once."""
        active = sorted(row.over for row in self.rows if row.app.host == host and row.over > now)
        builders = self.scenario.builders
        if not builders or len(active) < builders:
            return None
        ends = active[-builders]
        return next(row for row in self.rows if row.app.host == host and row.over == ends)

    def _spread(self, now: float) -> None:
        """Start the deployments on additional servers once the main one has finished (coolify-api 7.7)."""
        for main in [
            row
            for row in self.rows
            if row.app.servers and row.main is None and not row.options.pr and row.finished(now) <= now
        ]:
            begun = {row.uuid for row in self.rows if row.main is main}
            for extra in main.app.servers:
                if (uuid := elsewhere(main.uuid, extra.name)) not in begun:
                    end, options = main.finished(now), DeployOptions(instant=True)
                    row = Deployment(
                        len(self.rows) + 1,
                        uuid,
                        main.app,
                        main.app_uuid,
                        main.app_id,
                        extra.script,
                        end,
                        mine=False,
                        options=options,
                    )
                    row.main, row.server = main, extra.name
                    self.rows.append(row)

    def _start_others(self) -> None:
        for other in self.scenario.others:
            options = DeployOptions(webhook=other.webhook, pr=other.pr)
            row = self.enqueue(
                list(self.apps)[other.app], options, mine=False, created=-other.age, commit=other.commit
            )
            row.stands = inf if other.over else other.age
            row.stalled = row.created if other.stuck and self.scenario.version.stalls else None
        for number in range(self.scenario.strangers):
            app, uuid = self.scenario.apps[0], made_up(f"another team's deployment {number}")
            row = Deployment(
                len(self.rows) + 1,
                uuid,
                app,
                made_up("another team's application"),
                0,
                app.script,
                0.0,
                mine=False,
                stranger=True,
            )
            self.rows.append(row)


def elsewhere(uuid: str, server: str) -> str:
    """The uuid of the deployment on an additional server after this one."""
    return made_up(f"{uuid} on {server}")
