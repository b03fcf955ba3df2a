"""Deployments, and their state at a given simulated second: a pure function of script and actions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from deployer.simulator.coolify.replies import body_of, record
from deployer.simulator.coolify.state.resources import Statuses
from deployer.simulator.coolify.state.script import Change, Line, Script, and_then, before
from deployer.simulator.coolify.state.variables import Variable

LAST_WORDS = 4
"""Log entries that the worker, and then the web process, add when a running deployment is cancelled."""
TAG = "docker_registry_image_tag"
DYING = 1.5
"""Simulated seconds until the worker notices that the deployment was cancelled."""


@dataclass(frozen=True, slots=True)
class Extra:
    """An additional server of an application, and the script of its deployment (coolify-api 7.7)."""

    name: str
    script: Script


@dataclass(frozen=True, slots=True)
class App:
    """One application on the server."""

    script: Script
    """The course of its deployments."""
    name: str = "web"
    fqdn: str = "http://web.example.com"
    kind: str = "git"
    """`git` or `image`. The records of an image keep the commit HEAD (coolify-api 5.1 quirk 3)."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Replace those of the recorded application."""
    restart: Script | None = None
    """The course of a restart; None for that of a deployment."""
    tags: tuple[str, ...] = ()
    previews: tuple[int, ...] = ()
    """The pull requests that have a preview."""
    host: int = 0
    """The index of its server in `Scenario.hosts`."""
    servers: tuple[Extra, ...] = ()
    statuses: Statuses = ()
    """The statuses after the newest deployment has finished, with the seconds from which they apply."""
    variables: tuple[Variable, ...] = ()
    images: tuple[str, ...] = ()
    """The image tags of earlier versions that the server keeps, newest first.

    Their site responds with 200.
    """
    site: tuple[tuple[float, int, str], ...] = ()
    """The site's responses for all other versions.

    Seconds after the deployment has finished, status, and body.
    """


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """How a deployment was requested."""

    force: bool = False
    instant: bool = False
    """It does not wait for other deployments."""
    restart: bool = False
    webhook: bool = False
    api: bool = True
    """Its record says that it was started through the API."""
    rollback: bool = False
    pr: int = 0
    docker_tag: str | None = None


@dataclass(slots=True)
class Deployment:
    """A deployment. Times are simulated seconds since the first request."""

    id: int
    uuid: str
    app: App
    app_uuid: str
    app_id: int
    script: Script
    created: float
    mine: bool = True
    """It was started by a request of the client."""
    stranger: bool = False
    """It belongs to another team."""
    options: DeployOptions = DeployOptions()
    commit: str = "HEAD"
    """The commit until the script sets one."""
    pin: str = ""
    """The commit that it is bound to; empty if none."""
    host: str = ""
    """The name of the main server, if it is not the recorded one."""
    server: str = ""
    """The name of the additional server; empty for the main server."""
    main: "Deployment | None" = None
    """For an additional server: the deployment on the main server that it follows."""
    follows: "Deployment | None" = None
    """The deployment behind which it is queued."""
    cancelled: float | None = None
    stalled: float | None = None
    """When it should have begun, but nothing started it until `freed` (coolify-api 5.5)."""
    freed: float = inf
    stands: float = inf
    """Seconds of its script after which it halts until `resumed`."""
    resumed: float = inf

    @property
    def began(self) -> float:
        """When it left the queue; infinite while unknown."""
        if self.stalled is not None:
            return self.freed
        if self.follows is None or self.options.instant:
            return self.created
        return max(self.created, self.follows.over)

    @property
    def over(self) -> float:
        """When the next one of the same application could begin; infinite while unknown.

        One that was cancelled in the queue still holds its place until its turn.
        """
        began, end = self.began, self.script.end
        natural = (
            began + end if self.stands >= end else max(self.resumed, began + self.stands) + end - self.stands
        )
        return natural if self.cancelled is None else max(began, min(natural, self.cancelled))

    @property
    def stuck(self) -> bool:
        """Whether nothing will start it, because it or one that it waits for is stalled."""
        if self.stalled is not None:
            return self.freed == inf
        return self.follows is not None and not self.options.instant and self.follows.stuck

    @property
    def columns(self) -> dict[str, Any]:
        """The columns that never change."""
        elsewhere: dict[str, Any] = {}
        if self.server:
            place = 1 + [extra.name for extra in self.app.servers].index(self.server)
            elsewhere = {"server_id": place + 1, "server_name": self.server, "destination_id": str(place + 2)}
        elif self.host:
            elsewhere = {"server_id": self.app.host, "server_name": self.host}
        return {
            "force_rebuild": self.options.force,
            "is_api": self.mine and self.options.api,
            "is_webhook": self.options.webhook,
            "pull_request_id": self.options.pr,
            "restart_only": self.options.restart,
            "rollback": self.options.rollback,
            "docker_registry_image_tag": self.options.docker_tag,
            **elsewhere,
        }

    @property
    def release(self) -> str:
        """The version it starts: an image tag or a commit.

        A rollback does not change the tag of an image (coolify-api 5.3).
        """
        return (
            str(self.app.fields.get(TAG) or "latest")
            if self.app.kind == "image"
            else self.pin or committed(self.script)
        )

    def finished(self, now: float) -> float:
        """When it finished; infinite if it has not, or ended otherwise."""
        script, born, elapsed = self.at(now)
        return born + script.end if script.ending == "finished" and script.end <= elapsed else inf

    def elapsed(self, now: float) -> float:
        """Elapsed seconds of its script; negative while it is queued."""
        began = self.began
        passed = now - began
        return (
            passed
            if passed <= self.stands
            else self.stands + max(0.0, now - max(self.resumed, began + self.stands))
        )

    def at(self, now: float) -> tuple[Script, float, float]:
        """Its current script, the moment of that script's second 0, and the elapsed seconds of it.

        The elapsed seconds are negative while it is queued.
        """
        if self.cancelled is None or self.cancelled > now:
            return self.script, self.began, self.elapsed(now)
        if self.cancelled < self.began:
            return (
                with_cancel(Script((), ()), self.cancelled - self.created),
                self.created,
                now - self.created,
            )
        return with_cancel(self.script, self.elapsed(self.cancelled)), self.began, self.elapsed(now)


def committed(script: Script) -> str:
    """The commit that the record shows in the end."""
    return next(
        (str(change.fields["commit"]) for change in reversed(script.changes) if "commit" in change.fields),
        "HEAD",
    )


def spread(script: Script, servers: Sequence[tuple[str, str]]) -> Script:
    """The script with the line that names an additional server once for each (name, deployment uuid)."""
    lines: list[Line] = []
    for line in script.lines:
        named = [line.output.replace("%server%", name).replace("%other%", uuid) for name, uuid in servers]
        lines += [replace(line, output=text) for text in named] if "%server%" in line.output else [line]
    return replace(script, lines=tuple(lines))


def with_cancel(script: Script, at: float) -> Script:
    """The script, cancelled after this many seconds (coolify-api 17.1 rows 6 and 7).

    Running: its next entry is lost when the worker writes its own, "not yet started" comes last, and
        `finished_at` is set.
    Queued (without lines), or not yet taken by a worker: one entry, and `finished_at` stays null.
    """
    entry = Line(at, **_cancel_entry())
    if not script.lines or at < script.lines[0].at:
        return Script((entry,), (Change(at, {"status": "cancelled-by-user"}),))
    tape = record("sequence_cancel_while_running")["entries"][-LAST_WORDS:]
    words = tuple(Line(**{**entry, "at": at + DYING + entry["at"] - tape[0]["at"]}) for entry in tape)
    so_far = before(script, at)
    ends = (Change(at, {"status": "cancelled-by-user"}), Change(words[-1].at, {"finished_at": True}))

    def shown(entries: list[dict[str, Any]], elapsed: float) -> list[dict[str, Any]]:
        lost = len(so_far.lines)
        return entries if elapsed < words[0].at else numbered(entries[:lost] + entries[lost + 1 :])

    ended = and_then(so_far, (entry, *words), ends)
    return Script(ended.lines, ended.changes, shown)


def _cancel_entry() -> dict[str, Any]:
    entry = json.loads(body_of("deployment_cancelled")["logs"])[0]
    return {key: entry[key] for key in ("output", "command", "type", "hidden", "batch")}


def numbered(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries in the order in which they are written.

    `order` is the index, and the first has none (coolify-api 6.1).
    """
    bare = [{key: value for key, value in entry.items() if key != "order"} for entry in entries]
    return [{**entry, "order": place} if place > 1 else entry for place, entry in enumerate(bare, start=1)]
