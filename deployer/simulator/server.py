"""The simulated Coolify's memory: its clock, applications, deployments and queue, and what the first trigger sets going."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from math import inf
from threading import RLock
from typing import Any

from deployer.simulator.journal import Asked
from deployer.simulator.names import TOKEN, made_up
from deployer.simulator.paint import Painter
from deployer.simulator.replies import Answer, parsed
from deployer.simulator.rows import App, Row
from deployer.simulator.scenario import Scenario, Trouble
from deployer.simulator.script import TERMINAL

WINDOW, LIMIT = 60, 200  # requests per minute and user (contract 3.4)


class Server:
    """Everything that changes while a scenario is played. Callers hold `lock`."""

    def __init__(self, scenario: Scenario, speed: float) -> None:
        self.scenario = scenario
        self.speed = speed
        self.lock = RLock()
        self.apps: dict[str, App] = {made_up(f"application {number}"): app for number, app in enumerate(scenario.apps)}
        self.rows: list[Row] = []
        self.journal: list[Asked] = []
        self.faults: list[str] = []  # the simulator's own bugs
        self.triggered = inf  # when the first trigger came
        self._zero: float | None = None
        self._epoch = datetime.now(UTC)
        self._seen: Counter[int] = Counter()  # how many requests each trouble could have caught
        self._window = (0.0, 0)
        self._phantoms = 0
        self._vacant = scenario.vacant

    def now(self) -> float:
        """Simulated seconds since the first request, which this starts."""
        real = time.monotonic()
        if self._zero is None:
            self._zero, self._epoch = real, datetime.now(UTC)
            self._people()
        return (real - self._zero) * self.speed

    def wall(self) -> datetime:
        """What the server's own clock shows."""
        return self._epoch + timedelta(seconds=self.now())

    def painter(self, *, sensitive: bool | None = None) -> Painter:
        """Paints what the token may see, unless told otherwise."""
        may = "read:sensitive" in self.scenario.abilities if sensitive is None else sensitive
        return Painter(self.scenario.version.shapes, self._epoch, sensitive=may)

    def known(self, token: str) -> bool:
        """Whether Coolify knows it; the number before `|` may be missing (contract 3.1)."""
        return self.scenario.token_known and token in {TOKEN, TOKEN.partition("|")[2]}

    def left(self) -> int:
        """Requests that the user has left in this minute, after this one; negative: too many."""
        now = self.now()
        since, count = self._window
        self._window = (since, count + 1) if now < since + WINDOW else (now, 1)
        return LIMIT - self._window[1]

    def patience(self) -> int:
        """Simulated seconds until the minute is over."""
        return max(1, round(self._window[0] + WINDOW - self.now()))

    def trouble(self, name: str) -> Trouble | None:
        """The first trouble of the scenario that catches a request to this route now."""
        now = self.now()
        mine = [row.created for row in self.rows if row.mine]
        clocks = {"begin": 0.0, "trigger": self.triggered, "row": min(mine, default=inf)}
        caught = []
        for index, trouble in enumerate(self.scenario.troubles):
            passed = now - clocks[trouble.clock]
            if (name in trouble.on or "any" in trouble.on) and trouble.since <= passed < trouble.until:
                self._seen[index] += 1
                caught += [trouble] if not trouble.nth or self._seen[index] in trouble.nth else []
        return caught[0] if caught else None

    def row(self, uuid: str) -> Row | None:
        return next((row for row in self.rows if row.uuid == uuid), None)

    def of(self, app_uuid: str) -> list[Row]:
        """The rows of one application, newest first."""
        return [row for row in reversed(self.rows) if row.app_uuid == app_uuid]

    def active(self) -> list[Row]:
        return [row for row in self.rows if self.status(row) not in TERMINAL]

    def status(self, row: Row) -> str:
        return str(self.painter().row(row, self.now())["status"])

    def full(self) -> bool:
        return self.now() - min(self.triggered, self.now()) < self.scenario.full_until

    def phantom(self) -> str:
        """A uuid that no row has and none will have (contract 5.1 quirk 2)."""
        self._phantoms += 1
        return made_up(f"phantom {self._phantoms}")

    def trigger(self) -> None:
        """The client's first trigger: what stood still until now goes on."""
        if self.triggered != inf:
            return
        self.triggered = now = self.now()
        for row, other in zip(self.rows, self.scenario.others, strict=False):
            row.resumed = now
            row.cancelled = None if other.cancelled is None else now + other.cancelled

    def skipped(self, app_uuid: str) -> bool:
        """Whether a trigger is "already queued": another row of the same commit is not over (contract 5.1 quirk 3)."""
        if self._vacant > 0:
            self._vacant -= 1
            return True
        painter, now = self.painter(), self.now()
        rows = (painter.row(row, now) for row in self.of(app_uuid)) if self.scenario.version.skips else ()
        return any(row["commit"] == "HEAD" and row["status"] not in TERMINAL for row in rows)

    def enqueue(self, app_uuid: str, *, mine: bool = True, force: bool = False, instant: bool = False, created: float | None = None) -> Row:
        """A new row of this application, behind those that are not over."""
        app, now, number = self.apps[app_uuid], self.now(), len(self.rows) + 1
        row = Row(
            id=number,
            uuid=made_up(f"deployment {number}"),
            app=app,
            app_uuid=app_uuid,
            app_id=list(self.apps).index(app_uuid) + 1,
            script=app.script,
            created=now if created is None else created,
            mine=mine,
            force=force,
            instant=instant,
            follows=next((before for before in self.of(app_uuid) if before.over > now), None),
        )
        if mine and self.scenario.cancelled is not None and not any(before.mine for before in self.rows):
            row.cancelled = row.created + self.scenario.cancelled
        self.rows.append(row)
        return row

    def _people(self) -> None:
        for other in self.scenario.others:
            row = self.enqueue(list(self.apps)[other.app], mine=False, created=-other.age)
            row.stands = other.age


def message(answer: Answer) -> str:
    """The `message` of a refusal in JSON, or nothing."""
    if answer.status < 400:
        return ""
    try:
        body: Any = parsed(answer)
    except ValueError:
        return ""
    return str(body.get("message", "")) if isinstance(body, dict) else ""
