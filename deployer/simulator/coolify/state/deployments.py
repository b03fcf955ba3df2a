"""Deployments and how far each has come at a given simulated second: a pure function of its script and of what was done to it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from deployer.simulator.coolify.replies import body_of, record
from deployer.simulator.coolify.state.resources import Statuses
from deployer.simulator.coolify.state.script import Change, Line, Script, and_then, before
from deployer.simulator.coolify.state.variables import Variable

LAST_WORDS = (
    4  # entries that the worker, and after it the web process, write once a running deployment was cancelled
)
TAG = "docker_registry_image_tag"
DYING = 1.5  # simulated seconds between a cancel and the worker's noticing it


@dataclass(frozen=True, slots=True)
class Extra:
    """An additional server of an application, and how its deployment goes (coolify-api 7.7)."""

    name: str
    script: Script


@dataclass(frozen=True, slots=True)
class App:
    """One application on the server. `fields` replace those of the recorded one.

    `restart`: how a restart goes; without one, like a deployment. `previews`: pull requests that have one. `statuses`: what `status` is
    from which second on after the newest deployment was finished. `images`: the tags that the server keeps of what ran before, the newest
    first; what runs of them answers well. `site`: from which second after that on with which status and body everything else answers.
    """

    script: Script
    name: str = "web"
    fqdn: str = "http://web.example.com"
    kind: str = "git"  # or "image": its rows keep the commit HEAD (coolify-api 5.1 quirk 3)
    fields: Mapping[str, Any] = field(default_factory=dict)
    restart: Script | None = None
    tags: tuple[str, ...] = ()
    previews: tuple[int, ...] = ()
    servers: tuple[Extra, ...] = ()
    statuses: Statuses = ()
    variables: tuple[Variable, ...] = ()
    images: tuple[str, ...] = ()
    site: tuple[tuple[float, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """What a deployment was asked to be. `instant`: it waits for no other one. `api`: its row tells that the API started it."""

    force: bool = False
    instant: bool = False
    restart: bool = False
    webhook: bool = False
    api: bool = True
    rollback: bool = False
    pr: int = 0
    docker_tag: str | None = None


@dataclass(slots=True)
class Deployment:
    """A deployment. Times are simulated seconds since the stage's first request; `cancelled` and `resumed` are set later.

    `mine`: a request of the client started it. `stranger`: it is another team's. `main`: the deployment on the main server that this one of
    an additional server follows.
    """

    id: int
    uuid: str
    app: App
    app_uuid: str
    app_id: int
    script: Script
    created: float
    mine: bool = True
    stranger: bool = False
    options: DeployOptions = DeployOptions()
    commit: str = "HEAD"  # until its script says otherwise
    pin: str = ""  # the commit that it is bound to, if any
    server: str = ""  # an additional one's name
    main: "Deployment | None" = None
    follows: "Deployment | None" = None
    cancelled: float | None = None
    stalled: float | None = None  # it should have begun then, but nothing started it (coolify-api 5.5) …
    freed: float = inf  # … until this moment
    stands: float = inf  # it stands still after so many seconds of its script …
    resumed: float = inf  # … until this moment

    @property
    def began(self) -> float:
        """When it left the queue; infinite while that is not known."""
        if self.stalled is not None:
            return self.freed
        return (
            self.created
            if self.follows is None or self.options.instant
            else max(self.created, self.follows.over)
        )

    @property
    def over(self) -> float:
        """When it made room for the next one of the same application; infinite while that is not known.

        One that was cancelled in the queue makes room when its turn comes.
        """
        began, end = self.began, self.script.end
        natural = (
            began + end if self.stands >= end else max(self.resumed, began + self.stands) + end - self.stands
        )
        return natural if self.cancelled is None else max(began, min(natural, self.cancelled))

    @property
    def stuck(self) -> bool:
        """Whether nothing will start it: it, or one that it waits for, is stalled."""
        if self.stalled is not None:
            return self.freed == inf
        return self.follows is not None and not self.options.instant and self.follows.stuck

    @property
    def columns(self) -> dict[str, Any]:
        """What of it never changes."""
        place = 1 + [extra.name for extra in self.app.servers].index(self.server) if self.server else 0
        elsewhere = (
            {"server_id": place + 1, "server_name": self.server, "destination_id": str(place + 2)}
            if self.server
            else {}
        )
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
        """What it puts up: an image's tag, or a commit. A rollback does not change the tag of an image application (coolify-api 5.3)."""
        return (
            str(self.app.fields.get(TAG) or "latest")
            if self.app.kind == "image"
            else self.pin or committed(self.script)
        )

    def finished(self, now: float) -> float:
        """When it was finished; infinite if it is not, or ended otherwise."""
        script, born, elapsed = self.at(now)
        return born + script.end if script.ending == "finished" and script.end <= elapsed else inf

    def elapsed(self, now: float) -> float:
        """Seconds of its script that have been played; negative while it is queued."""
        began = self.began
        passed = now - began
        return (
            passed
            if passed <= self.stands
            else self.stands + max(0.0, now - max(self.resumed, began + self.stands))
        )

    def at(self, now: float) -> tuple[Script, float, float]:
        """The script that it plays, the moment at which that script's second 0 was, and the seconds of it that have been played.

        These are negative while it is queued.
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
    """The commit that the row shows in the end."""
    return next(
        (str(change.fields["commit"]) for change in reversed(script.changes) if "commit" in change.fields),
        "HEAD",
    )


def spread(script: Script, servers: Sequence[tuple[str, str]]) -> Script:
    """The same where the line that names an additional server comes once for each of them, given as (name, uuid of its deployment)."""
    lines: list[Line] = []
    for line in script.lines:
        named = [line.output.replace("%server%", name).replace("%other%", uuid) for name, uuid in servers]
        lines += [replace(line, output=text) for text in named] if "%server%" in line.output else [line]
    return replace(script, lines=tuple(lines))


def with_cancel(script: Script, at: float) -> Script:
    """The same deployment, cancelled after so many seconds.

    Running: its next entry gets lost when the worker writes its own, the "not yet started" one comes last, `finished_at` is set.
    Queued (it has no lines), or not yet in a worker's hands: one entry, and `finished_at` stays null for ever
    (coolify-api 17.1 rows 6 and 7).
    """
    said = Line(at, **_said())
    if not script.lines or at < script.lines[0].at:
        return Script((said,), (Change(at, {"status": "cancelled-by-user"}),))
    tape = record("sequence_cancel_while_running")["entries"][-LAST_WORDS:]
    words = tuple(Line(**{**entry, "at": at + DYING + entry["at"] - tape[0]["at"]}) for entry in tape)
    so_far = before(script, at)
    ends = (Change(at, {"status": "cancelled-by-user"}), Change(words[-1].at, {"finished_at": True}))

    def shown(entries: list[dict[str, Any]], elapsed: float) -> list[dict[str, Any]]:
        lost = len(so_far.lines)
        return entries if elapsed < words[0].at else numbered(entries[:lost] + entries[lost + 1 :])

    played = and_then(so_far, (said, *words), ends)
    return Script(played.lines, played.changes, shown)


def _said() -> dict[str, Any]:
    entry = json.loads(body_of("deployment_cancelled")["logs"])[0]
    return {key: entry[key] for key in ("output", "command", "type", "hidden", "batch")}


def numbered(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries as they are written one after another: `order` is the place in the list, and the first has none (coolify-api 6.1)."""
    bare = [{key: value for key, value in entry.items() if key != "order"} for entry in entries]
    return [{**entry, "order": place} if place > 1 else entry for place, entry in enumerate(bare, start=1)]
