"""The calls to one Cloud Foundry: each is a few requests, read by the pure functions beside it (cloudfoundry-api 4 to 9)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from deployer.http.client import Response
from deployer.model import (
    Ability,
    AccessDenied,
    Changes,
    Command,
    GroupStarted,
    Handle,
    Owner,
    RefusedError,
    Rejected,
    Snapshot,
    Started,
    Target,
    TriggerResult,
    UnavailableError,
)
from deployer.model.text import one_line
from deployer.providers import payload
from deployer.providers.cloudfoundry import (
    deployment_list,
    preflight,
    rollback,
    routes,
    staging,
    trigger_requests,
)
from deployer.providers.cloudfoundry.api import responses
from deployer.providers.cloudfoundry.api.client import ANOTHER, Client, of_app
from deployer.providers.cloudfoundry.app import (
    REVERTED,
    ROLLED_OUT,
    RUNNING,
    STAGED,
    STOPPED,
    AppState,
    TriggerRequest,
)
from deployer.providers.cloudfoundry.lookup import AppLookup
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.staging import Stager
from deployer.providers.cloudfoundry.watching import instance_status
from deployer.providers.cloudfoundry.watching.logs import AppLog
from deployer.providers.cloudfoundry.watching.poll import Poller
from deployer.providers.payload import Row

CONNECT_READ_SECONDS = 8.0
"""Seconds for the first answer: three tries fit into the thirty seconds of architecture, rule 10."""

TRIGGER_READ_SECONDS = 60.0
"""Seconds for the answer to a trigger: a restart stops the app before it answers (cloudfoundry-api 5)."""

NEWEST_DEPLOYMENTS = 5
"""Deployments that are read for the newest, and for one whose trigger had no answer."""

CANNOT_CANCEL = "Cannot cancel"
DROPLET_ASSIGNED = "Its new droplet is assigned already: the next start runs it"
CANNOT_TELL = "the answer was lost, and this server does not tell whether its processes were started anew"
CONTINUES = {
    STAGED: "the staging goes on by itself, and touches nothing that runs: there is nothing to stop",
    REVERTED: "what ran before is being put back, and that goes on",
}
"""By aspect: what can't be taken back."""

CANNOT_UNDO = "it goes on: what was asked of Cloud Foundry can't be taken back"


class CloudFoundryProvider:
    """One Cloud Foundry, one login. Keeps what the API makes a client remember, nothing else."""

    def __init__(self, api: Client, places: AppLookup, options: Options) -> None:
        self.api = api
        self.lookup = places
        self.options = options
        self.apps: dict[str, AppState] = {}
        self._poller = Poller(api, options)
        self._stager = Stager(api, options)

    @property
    def remaining(self) -> int | None:
        """Requests that the server still grants in this window."""
        return self.api.remaining

    # --- before anything is started

    def connect(self, *, timeout: float | None = None) -> str:
        """The discovery and the login."""
        try:
            root = self.api.discover(timeout=timeout or CONNECT_READ_SECONDS)
        except (RefusedError, UnavailableError) as error:
            raise error.because(f"{self.api.base}: {error.reason}") from error
        what = "Korifi" if root.korifi else "Cloud Foundry"
        return f"{what} (API {root.version}) at {self.api.base}"

    def resolve(self, target: str) -> Target:
        """What the app is, and all that `find_triggered` and `rollback` will need. Raises RefusedError for what can't be done with it."""
        row = self.lookup.app(target)
        seen = self._remember(target, row)
        if (
            trigger_requests.rolls(self.options)
            or trigger_requests.stages(self.options)
            or self.options.command is Command.ROLLBACK
        ):
            deployment_list.read(seen, lambda: self._deployments(seen), self.options)
        if problem := trigger_requests.unsupported(seen, self.options):
            raise RefusedError(problem)
        if trigger_requests.stages(self.options) and not seen.staged:
            seen.image = self._image(seen.droplet)
            staging.full(self.options.image, seen.image)
        self._read_versions(seen)
        name, status = (
            one_line(row.get("name")),
            instance_status.lowered(one_line(row.get("state")), ("STARTED", "STOPPED")),
        )
        url, warnings = routes.address(self._routes(seen)), deployment_list.doubts(seen, self.options)
        return Target(seen.guid, name=name, kind="app", url=url, status=status, warnings=warnings)

    def _remember(self, target: str, row: Row) -> AppState:
        """What ran before is what the first check saw."""
        started, droplet = row.get("state") == "STARTED", _droplet(row)
        guid = self.lookup.guid(target)
        seen = self.apps.get(guid)
        if seen is None:
            seen = self.apps[guid] = AppState(
                guid, AppLog(self.api, guid), was_started=started, droplet=droplet
            )
        seen.row, seen.started = row, started
        seen.lifecycle = one_line(payload.value(row, "lifecycle", "type"))
        return seen

    def _read_versions(self, seen: AppState) -> None:
        """After a restart they are others."""
        seen.versions = {
            str(each.get("guid")): str(each.get("version") or "") for each in self._poller.processes(seen)
        }

    def _deployments(self, seen: AppState, *, timeout: float | None = None) -> list[Row]:
        """Only the newest ones: the first page."""
        params = {"app_guids": seen.guid, "order_by": "-created_at", "per_page": str(NEWEST_DEPLOYMENTS)}
        return of_app(seen.guid, self.api.page("/v3/deployments", params, timeout=timeout))

    def _image(self, droplet: str) -> str:
        """The image of a droplet, as it was given; empty where it can't be read."""
        try:
            return (
                one_line(self.api.row(f"/v3/droplets/{quote(droplet, safe='')}").get("image"))
                if droplet
                else ""
            )
        except RefusedError:
            return ""

    def _routes(self, seen: AppState) -> list[Row]:
        """No address is no reason to start nothing."""
        try:
            return self.api.pages(f"/v3/apps/{quote(seen.guid, safe='')}/routes")
        except RefusedError:
            return []

    def abilities(self) -> tuple[Ability, ...]:
        """See preflight.py."""
        apps = [seen.row for seen in self.apps.values()]
        return preflight.abilities(self.api, apps, image=trigger_requests.stages(self.options))

    def describe(self, target: str) -> tuple[str, ...]:
        """What would be sent, and what that would do; and the server's warnings, which no look follows to tell."""
        return (*self._intent(target), *self.api.warnings)

    def _intent(self, target: str) -> tuple[str, ...]:
        seen = self._of(target)
        if self.options.command is Command.CANCEL:
            return tuple(f"would cancel deployment {each.id}" for each in self.active(target)) or (
                "nothing to cancel",
            )
        if self.options.command is Command.ROLLBACK:
            way = rollback.on_demand(self.api, seen, self.options)
            return (
                (way.reason,)
                if isinstance(way, Rejected)
                else (f"would {way.summary} (POST {way.path})", way.note)
            )
        return (*trigger_requests.describe(seen, self.options), *rollback.describe(seen, self.options))

    def changes_made(self, target: str) -> tuple[str, ...]:  # noqa: ARG002 -- the answer is the same for every app
        """Nothing that runs: a package and a build are only used once they are assigned."""
        return ()

    def apply_changes(self, target: str) -> Changes:
        """The image on its way to a droplet. Nothing of what runs is touched."""
        seen = self._of(target)
        if not trigger_requests.stages(self.options):
            return Changes(())
        seen.log.begin()
        return self._stager.stage(target, seen)

    # --- starting

    def trigger(self, target: str) -> TriggerResult:
        """At most a droplet is assigned, which starts nothing; then one request that does."""
        seen = self._of(target)
        with _nothing_started():
            if seen.staged:
                self._read_anew(target, seen)
                if seen.sent is None and (there := _droplet(seen.row)) not in {"", seen.staged}:
                    seen.droplet = (
                        there  # somebody has put it live while ours was staged: it is what runs before ours
                    )
            act = (
                rollback.on_demand(self.api, seen, self.options)
                if self.options.command is Command.ROLLBACK
                else trigger_requests.request_for(seen, self.options)
            )
        return self._do(target, seen, act) if isinstance(act, TriggerRequest) else act

    def _read_anew(self, target: str, seen: AppState) -> None:
        """Staging takes minutes: who starts the app meanwhile would leave us with a start that picks up nothing."""
        self._remember(target, self.lookup.app(target))
        if trigger_requests.rolls(self.options):
            deployment_list.read(seen, lambda: self._deployments(seen), self.options)
        else:
            self._read_versions(seen)

    def rollback(self, target: str, deployment: Handle) -> TriggerResult:
        """See rollback.py."""
        seen = self._of(target)
        act = rollback.after_failure(seen, deployment, self.options)
        if isinstance(act, Rejected):
            return act
        if not act.deployment:
            with _nothing_started():
                self._read_anew(target, seen)
            if _droplet(seen.row) not in {"", seen.staged, seen.droplet}:
                return Rejected(rollback.ANOTHER_DROPLET)
        return self._do(target, seen, act)

    def _do(self, target: str, seen: AppState, act: TriggerRequest) -> TriggerResult:
        seen.log.begin()
        if act.droplet:
            with _nothing_started():
                self._assign(seen, act.droplet)
        seen.sent, seen.processes, seen.marks, seen.crash = act, None, {}, ""
        if act.deployment:
            self._end(act)
            return Started((Handle(target, act.deployment, condition=act.condition),), act.note)
        try:
            response = self.api.send("POST", act.path, body=act.body, timeout=TRIGGER_READ_SECONDS)
            return self._accepted(target, seen, act, response)
        except (RefusedError, UnavailableError) as error:
            if not act.droplet:
                raise
            raise error.because(f"{error.reason}. {DROPLET_ASSIGNED}") from error

    def _assign(self, seen: AppState, droplet: str) -> None:
        """Nothing runs differently for that."""
        path = f"/v3/apps/{quote(seen.guid, safe='')}/relationships/current_droplet"
        self.api.json_or_raise(self.api.send("PATCH", path, body={"data": {"guid": droplet}}))

    def _accepted(self, target: str, seen: AppState, act: TriggerRequest, response: Response) -> Started:
        """Raises UnavailableError for a good status without the app, or the deployment, that was asked for: it may be started."""
        row: Any = self.api.json_or_raise(response)
        untold = () if self.options.wait else tuple(self.api.warnings)  # a look would tell them
        note = "; ".join(filter(None, (act.note, *untold)))
        if act.condition != ROLLED_OUT:
            if staging.guid_of(row, "app") != seen.guid:
                raise UnavailableError(ANOTHER, may_have_arrived=True, from_server=True, server_error=ANOTHER)
            return Started((Handle(target, "", condition=act.condition),), note)
        guid = staging.guid_of(row, "deployment")
        return Started((Handle(target, guid, condition=ROLLED_OUT),), note)

    # --- a trigger without an answer

    def find_triggered(
        self, target: str, *, timeout: float | None = None
    ) -> Started | GroupStarted | AccessDenied | None:
        """What it has done, by what is there now and was not before (cloudfoundry-api 3)."""
        seen = self._of(target)
        act = seen.sent
        if act is None:
            return None
        if act.condition == ROLLED_OUT:
            return self._found_rolling(target, act, timeout)
        if act.repeats:
            return self._found_restarted(target, timeout)
        if act.condition == REVERTED:
            done = (
                instance_status.ending(self._poller.deployment(act.deployment, timeout=timeout)) is not None
            )
        else:
            state = self.api.row(f"/v3/apps/{quote(seen.guid, safe='')}", timeout=timeout).get("state")
            done = state == ("STOPPED" if act.condition == STOPPED else "STARTED")
        return Started((Handle(target, act.deployment, condition=act.condition),)) if done else None

    def _found_rolling(
        self, target: str, act: TriggerRequest, timeout: float | None
    ) -> Started | AccessDenied | None:
        """What is newer than the newest before. If there are several, nobody can tell which is ours: the oldest is followed."""
        seen, droplet = self._of(target), instance_status.droplet(act.body or {})
        if deployment_list.untold(seen, droplet):
            return AccessDenied(deployment_list.UNLISTED)
        newer: list[Row] = []
        for row in self._deployments(seen, timeout=timeout):
            if row.get("guid") == seen.newest:
                break
            newer.append(row)
        alike = [row for row in newer if instance_status.droplet(row) == droplet or not droplet]
        if not alike:
            return None
        strange = (
            not droplet and instance_status.droplet(alike[-1]) != seen.droplet
        )  # ours would deploy the droplet that was there
        guid, doubt = staging.guid_of(alike[-1], "deployment"), strange or len(alike) > 1
        owner = Owner.UNSURE if doubt else Owner.OURS
        return Started((Handle(target, guid, condition=ROLLED_OUT, owner=owner),))

    def _found_restarted(self, target: str, timeout: float | None) -> Started | AccessDenied | None:
        """A process gets another version only when it is started (cloudfoundry-api 0 fact 2)."""
        seen = self._of(target)
        rows = self._poller.processes(seen, timeout=timeout)
        if not all(row.get("version") and seen.versions.get(str(row.get("guid")), "-") for row in rows):
            return AccessDenied(CANNOT_TELL)
        changed = any(seen.versions.get(str(row.get("guid"))) != row["version"] for row in rows)
        return (
            Started((Handle(target, "", condition=RUNNING),), "its processes were started anew")
            if changed
            else None
        )

    # --- looking, and cancelling

    def poll(self, handle: Handle) -> Snapshot:
        """See watching/poll.py."""
        return self._poller.poll(self._of(handle.target), handle)

    def active(self, target: str) -> tuple[Handle, ...]:
        """The rolling deployment that is not over: there is one at most. A start or a restart is nothing that could be cancelled."""
        rows = [row for row in self._deployments(self._of(target)) if instance_status.is_active(row)]
        whose = "somebody else started"
        return tuple(
            Handle(target, str(row.get("guid")), owner=Owner.OTHERS, condition=ROLLED_OUT, started_by=whose)
            for row in rows
        )

    def cancel(self, handle: Handle, *, timeout: float | None = None) -> str:
        """Only a rolling deployment can be cancelled; the server then puts back what ran before."""
        if handle.condition != ROLLED_OUT:
            return CONTINUES.get(handle.condition, CANNOT_UNDO)
        if self._end(trigger_requests.cancelling(handle.id), timeout):
            return "cancelled: the server puts back what ran before"
        return "already over: what is deployed stays"

    def left_waiting(self, *, timeout: float | None = None) -> str:  # noqa: ARG002 -- nothing to ask
        """Nothing: there is no queue."""
        return ""

    def _end(self, act: TriggerRequest, timeout: float | None = None) -> bool:
        """False: it was over. An answer that was good is empty, though announced as JSON: then the deployment tells.

        Source: cloudfoundry-api 7.
        """
        try:
            response = self.api.send("POST", act.path, timeout=timeout)
        except UnavailableError as error:
            ending = self._ending(act.deployment, timeout) if error.may_have_arrived else None
            if ending is None:
                raise
            return ending
        if response.status == 422 and any(
            CANNOT_CANCEL in trouble.detail for trouble in responses.errors_of(response)
        ):
            return False
        self.api.json_or_raise(response)
        return True

    def _ending(self, deployment: str, timeout: float | None) -> bool | None:
        """What became of a cancel of which nothing is known; None: it did nothing, or nobody can tell."""
        try:
            return instance_status.ending(self._poller.deployment(deployment, timeout=timeout))
        except UnavailableError:
            return None

    def _of(self, target: str) -> AppState:
        """What is known of a target; of one that nobody has checked, its guid."""
        guid = self.lookup.guid(target)
        return self.apps.setdefault(guid, AppState(guid, AppLog(self.api, guid)))


@contextmanager
def _nothing_started() -> Iterator[None]:
    """What is lost in here is no trigger in doubt: the same may be sent again."""
    try:
        yield
    except UnavailableError as error:
        raise error.not_sent() from error


def _droplet(row: Row) -> str:
    """The guid of the droplet that is assigned; an old server has no such key (cloudfoundry-api 4)."""
    return payload.text(row, "relationships", "current_droplet", "data", "guid")
