"""The calls to one Cloud Foundry: each is a few requests, read by the pure functions beside it (cloudfoundry-api 4 to 9)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from deployer.http import Reply
from deployer.model import (
    Answer,
    Barred,
    Command,
    Handle,
    Prepared,
    Refused,
    RefusedError,
    Right,
    Snapshot,
    Spread,
    Started,
    Target,
    UnavailableError,
)
from deployer.model.text import one_line
from deployer.providers.cloudfoundry import acts, answers, back, doctor, newest, routes, staging, states
from deployer.providers.cloudfoundry.api import ANOTHER, Api, Row, of_app
from deployer.providers.cloudfoundry.known import RETURNED, ROLLED, RUNNING, STAGED, STOPPED, Act, Known
from deployer.providers.cloudfoundry.logs import AppLog
from deployer.providers.cloudfoundry.looks import Looks
from deployer.providers.cloudfoundry.places import Places
from deployer.providers.cloudfoundry.staging import Stager
from deployer.providers.cloudfoundry.wish import Wish

REACH_READ = 8.0
"""Seconds for the first answer: three tries fit into the thirty seconds of architecture, rule 10."""

START_READ = 60.0
"""Seconds for the answer to a trigger: a restart stops the app before it answers (cloudfoundry-api 5)."""

NEWEST = 5
"""Deployments that are read for the newest, and for one whose trigger had no answer."""

OVER = "Cannot cancel"
ASSIGNED = "Its new droplet is assigned already: the next start runs it"
SAME_VERSION = "the answer was lost, and this server does not tell whether its processes were started anew"
GOES_ON = {
    STAGED: "the staging goes on by itself, and touches nothing that runs: there is nothing to stop",
    RETURNED: "what ran before is being put back, and that goes on",
}
"""By aspect: what can't be taken back."""

IRREVOCABLE = "it goes on: what was asked of Cloud Foundry can't be taken back"


class CloudFoundryServer:
    """One Cloud Foundry, one login. Keeps what the API makes a client remember, nothing else."""

    def __init__(self, api: Api, places: Places, wish: Wish) -> None:
        self.api = api
        self.places = places
        self.wish = wish
        self.known: dict[str, Known] = {}
        self._looks = Looks(api, wish)
        self._stager = Stager(api, wish)

    @property
    def remaining(self) -> int | None:
        """Requests that the server still grants in this window."""
        return self.api.remaining

    # --- before anything is started

    def reach(self, *, patience: float | None = None) -> str:
        """The discovery and the login."""
        try:
            root = self.api.reach(patience=patience or REACH_READ)
        except (RefusedError, UnavailableError) as error:
            error.reason = f"{self.api.base}: {error.reason}"
            raise
        what = "Korifi" if root.korifi else "Cloud Foundry"
        return f"{what} (API {root.version}) at {self.api.base}"

    def check(self, target: str) -> Target:
        """What the app is, and all that `find` and `undo` will need. Raises RefusedError for what can't be done with it."""
        row = self.places.app(target)
        seen = self._remember(target, row)
        if acts.rolls(self.wish) or acts.stages(self.wish) or self.wish.command is Command.ROLLBACK:
            newest.read(seen, lambda: self._deployments(seen), self.wish)
        if problem := acts.impossible(seen, self.wish):
            raise RefusedError(problem)
        if acts.stages(self.wish) and not seen.staged:
            seen.image = self._image(seen.droplet)
            staging.full(self.wish.image, seen.image)
        self._read_versions(seen)
        name, status = one_line(row.get("name")), states.lowered(one_line(row.get("state")), ("STARTED", "STOPPED"))
        url, warnings = routes.address(self._routes(seen)), newest.doubts(seen, self.wish)
        return Target(seen.guid, name=name, kind="app", url=url, status=status, warnings=warnings)

    def _remember(self, target: str, row: Row) -> Known:
        """What ran before is what the first check saw."""
        started, droplet = row.get("state") == "STARTED", _droplet(row)
        lifecycle = row.get("lifecycle")
        guid = self.places.guid(target)
        seen = self.known.get(guid)
        if seen is None:
            seen = self.known[guid] = Known(guid, AppLog(self.api, guid), was_started=started, droplet=droplet)
        seen.row, seen.started = row, started
        seen.lifecycle = one_line(lifecycle.get("type")) if isinstance(lifecycle, dict) else ""
        return seen

    def _read_versions(self, seen: Known) -> None:
        """After a restart they are others."""
        seen.versions = {str(each.get("guid")): str(each.get("version") or "") for each in self._looks.processes(seen)}

    def _deployments(self, seen: Known, *, patience: float | None = None) -> list[Row]:
        """Only the newest ones: the first page."""
        params = {"app_guids": seen.guid, "order_by": "-created_at", "per_page": str(NEWEST)}
        return of_app(seen.guid, self.api.page("/v3/deployments", params, patience=patience))

    def _image(self, droplet: str) -> str:
        """The image of a droplet, as it was given; empty where it can't be read."""
        try:
            return one_line(self.api.row(f"/v3/droplets/{quote(droplet, safe='')}").get("image")) if droplet else ""
        except RefusedError:
            return ""

    def _routes(self, seen: Known) -> list[Row]:
        """No address is no reason to start nothing."""
        try:
            return self.api.pages(f"/v3/apps/{quote(seen.guid, safe='')}/routes")
        except RefusedError:
            return []

    def rights(self) -> tuple[Right, ...]:
        """See doctor.py."""
        apps = [seen.row for seen in self.known.values()]
        return doctor.rights(self.api, apps, image=acts.stages(self.wish))

    def intent(self, target: str) -> tuple[str, ...]:
        """What would be sent, and what that would do; and the server's warnings, which no look follows to tell."""
        return (*self._intent(target), *self.api.warnings)

    def _intent(self, target: str) -> tuple[str, ...]:
        seen = self._of(target)
        if self.wish.command is Command.CANCEL:
            return tuple(f"would cancel deployment {each.id}" for each in self.going(target)) or ("nothing to cancel",)
        if self.wish.command is Command.ROLLBACK:
            way = back.on_demand(self.api, seen, self.wish)
            return (way.why,) if isinstance(way, Refused) else (f"would {way.says} (POST {way.path})", way.note)
        return (*acts.intent(seen, self.wish), *back.intent(seen, self.wish))

    def altered(self, target: str) -> tuple[str, ...]:  # noqa: ARG002 -- the answer is the same for every app
        """Nothing that runs: a package and a build are only used once they are assigned."""
        return ()

    def prepare(self, target: str) -> Prepared:
        """The image on its way to a droplet. Nothing of what runs is touched."""
        seen = self._of(target)
        if not acts.stages(self.wish):
            return Prepared(())
        seen.log.begin()
        return self._stager.stage(target, seen)

    # --- starting

    def start(self, target: str) -> Answer:
        """At most a droplet is assigned, which starts nothing; then one request that does."""
        seen = self._of(target)
        with _nothing_started():
            if seen.staged:
                self._read_anew(target, seen)
                if seen.sent is None and (there := _droplet(seen.row)) not in {"", seen.staged}:
                    seen.droplet = there  # somebody has put it live while ours was staged: it is what runs before ours
            act = back.on_demand(self.api, seen, self.wish) if self.wish.command is Command.ROLLBACK else acts.act(seen, self.wish)
        return self._do(target, seen, act) if isinstance(act, Act) else act

    def _read_anew(self, target: str, seen: Known) -> None:
        """Staging takes minutes: who starts the app meanwhile would leave us with a start that picks up nothing."""
        self._remember(target, self.places.app(target))
        if acts.rolls(self.wish):
            newest.read(seen, lambda: self._deployments(seen), self.wish)
        else:
            self._read_versions(seen)

    def undo(self, target: str, deployed: Handle) -> Answer:
        """See back.py."""
        seen = self._of(target)
        act = back.after(seen, deployed, self.wish)
        if isinstance(act, Refused):
            return act
        if not act.deployment:
            with _nothing_started():
                self._read_anew(target, seen)
            if _droplet(seen.row) not in {"", seen.staged, seen.droplet}:
                return Refused(back.ANOTHER)
        return self._do(target, seen, act)

    def _do(self, target: str, seen: Known, act: Act) -> Answer:
        seen.log.begin()
        if act.droplet:
            with _nothing_started():
                self._assign(seen, act.droplet)
        seen.sent, seen.processes, seen.marks, seen.crash = act, None, {}, ""
        if act.deployment:
            self._end(act)
            return Started((Handle(target, act.deployment, aspect=act.aspect),), act.note)
        try:
            reply = self.api.send("POST", act.path, body=act.body, patience=START_READ)
            return self._accepted(target, seen, act, reply)
        except (RefusedError, UnavailableError) as error:
            error.reason += f". {ASSIGNED}" if act.droplet else ""
            raise

    def _assign(self, seen: Known, droplet: str) -> None:
        """Nothing runs differently for that."""
        path = f"/v3/apps/{quote(seen.guid, safe='')}/relationships/current_droplet"
        self.api.good(self.api.send("PATCH", path, body={"data": {"guid": droplet}}))

    def _accepted(self, target: str, seen: Known, act: Act, reply: Reply) -> Started:
        """Raises UnavailableError for a good status without the app, or the deployment, that was asked for: it may be started."""
        row: Any = self.api.good(reply)
        untold = () if self.wish.wait else tuple(self.api.warnings)  # a look would tell them
        note = "; ".join(filter(None, (act.note, *untold)))
        if act.aspect != ROLLED:
            if staging.guid_of(row, "app") != seen.guid:
                raise UnavailableError(ANOTHER, arrived=True, itself=True, failure=ANOTHER)
            return Started((Handle(target, "", aspect=act.aspect),), note)
        guid = staging.guid_of(row, "deployment")
        return Started((Handle(target, guid, aspect=ROLLED),), note)

    # --- a trigger without an answer

    def find(self, target: str, *, patience: float | None = None) -> Started | Spread | Barred | None:
        """What it has done, by what is there now and was not before (cloudfoundry-api 3)."""
        seen = self._of(target)
        act = seen.sent
        if act is None:
            return None
        if act.aspect == ROLLED:
            return self._found_rolling(target, act, patience)
        if act.anew:
            return self._found_restarted(target, patience)
        if act.aspect == RETURNED:
            done = states.ending(self._looks.deployment(act.deployment, patience=patience)) is not None
        else:
            state = self.api.row(f"/v3/apps/{quote(seen.guid, safe='')}", patience=patience).get("state")
            done = state == ("STOPPED" if act.aspect == STOPPED else "STARTED")
        return Started((Handle(target, act.deployment, aspect=act.aspect),)) if done else None

    def _found_rolling(self, target: str, act: Act, patience: float | None) -> Started | Barred | None:
        """What is newer than the newest before. If there are several, nobody can tell which is ours: the oldest is followed."""
        seen, droplet = self._of(target), states.droplet(act.body or {})
        if newest.untold(seen, droplet):
            return Barred(newest.UNLISTED)
        newer: list[Row] = []
        for row in self._deployments(seen, patience=patience):
            if row.get("guid") == seen.newest:
                break
            newer.append(row)
        alike = [row for row in newer if states.droplet(row) == droplet or not droplet]
        if not alike:
            return None
        strange = not droplet and states.droplet(alike[-1]) != seen.droplet  # ours would deploy the droplet that was there
        guid, doubt = staging.guid_of(alike[-1], "deployment"), strange or len(alike) > 1
        return Started((Handle(target, guid, aspect=ROLLED, adopted=doubt, perhaps=doubt),))

    def _found_restarted(self, target: str, patience: float | None) -> Started | Barred | None:
        """A process gets another version only when it is started (cloudfoundry-api 0 fact 2)."""
        seen = self._of(target)
        rows = self._looks.processes(seen, patience=patience)
        if not all(row.get("version") and seen.versions.get(str(row.get("guid")), "-") for row in rows):
            return Barred(SAME_VERSION)
        changed = any(seen.versions.get(str(row.get("guid"))) != row["version"] for row in rows)
        return Started((Handle(target, "", aspect=RUNNING),), "its processes were started anew") if changed else None

    # --- looking, and cancelling

    def look(self, handle: Handle) -> Snapshot:
        """See looks.py."""
        return self._looks.look(self._of(handle.target), handle)

    def going(self, target: str) -> tuple[Handle, ...]:
        """The rolling deployment that is not over: there is one at most. A start or a restart is nothing that could be cancelled."""
        rows = [row for row in self._deployments(self._of(target)) if states.is_active(row)]
        whose = "somebody else started"
        return tuple(Handle(target, str(row.get("guid")), adopted=True, aspect=ROLLED, whose=whose) for row in rows)

    def cancel(self, handle: Handle, *, patience: float | None = None) -> str:
        """Only a rolling deployment can be cancelled; the server then puts back what ran before."""
        if handle.aspect != ROLLED:
            return GOES_ON.get(handle.aspect, IRREVOCABLE)
        if self._end(acts.cancelling(handle.id), patience):
            return "cancelled: the server puts back what ran before"
        return "already over: what is deployed stays"

    def left_waiting(self, *, patience: float | None = None) -> str:  # noqa: ARG002 -- nothing to ask
        """Nothing: there is no queue."""
        return ""

    def _end(self, act: Act, patience: float | None = None) -> bool:
        """False: it was over. An answer that was good is empty, though announced as JSON: then the deployment tells.

        Source: cloudfoundry-api 7.
        """
        try:
            reply = self.api.send("POST", act.path, patience=patience)
        except UnavailableError as error:
            ending = self._ending(act.deployment, patience) if error.arrived else None
            if ending is None:
                raise
            return ending
        if reply.status == 422 and any(OVER in trouble.detail for trouble in answers.troubles(reply)):
            return False
        self.api.good(reply)
        return True

    def _ending(self, deployment: str, patience: float | None) -> bool | None:
        """What became of a cancel of which nothing is known; None: it did nothing, or nobody can tell."""
        try:
            return states.ending(self._looks.deployment(deployment, patience=patience))
        except UnavailableError:
            return None

    def _of(self, target: str) -> Known:
        """What is known of a target; of one that nobody has checked, its guid."""
        guid = self.places.guid(target)
        return self.known.setdefault(guid, Known(guid, AppLog(self.api, guid)))


@contextmanager
def _nothing_started() -> Iterator[None]:
    """What is lost in here is no trigger in doubt: the same may be sent again."""
    try:
        yield
    except UnavailableError as error:
        error.arrived = False
        raise


def _droplet(row: Row) -> str:
    """The guid of the droplet that is assigned; an old server has no such key (cloudfoundry-api 4)."""
    found: Any = row.get("relationships")
    for name in ("current_droplet", "data"):
        found = found.get(name) if isinstance(found, dict) else None
    return str(found.get("guid") or "") if isinstance(found, dict) else ""
