"""The provider for Cloud Foundry. Pure functions choose and read the requests (cloudfoundry-api 4 to 9)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
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
from deployer.providers.cloudfoundry import newest, preflight, rollback, routes, trigger_requests
from deployer.providers.cloudfoundry.api import responses
from deployer.providers.cloudfoundry.api.client import WRONG_OBJECT, Client, of_app
from deployer.providers.cloudfoundry.app import (
    AppRecord,
    AppState,
    BeforeRun,
    Condition,
    Following,
    TriggerRequest,
)
from deployer.providers.cloudfoundry.lookup import AppLookup
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.watching import instance_status, staging
from deployer.providers.cloudfoundry.watching.logs import AppLog
from deployer.providers.cloudfoundry.watching.poll import Poller
from deployer.providers.cloudfoundry.watching.staging import Stager
from deployer.providers.payload import Row

CONNECT_READ_SECONDS = 8.0
"""Read timeout of the first request: three attempts fit into the thirty seconds of architecture, rule 10."""

TRIGGER_READ_SECONDS = 60.0
"""Read timeout of a trigger: a restart stops the app before it responds (cloudfoundry-api 5)."""

NEWEST_DEPLOYMENTS = 5
"""How many of the newest deployments are read."""

CANNOT_CANCEL = "Cannot cancel"
DROPLET_ASSIGNED = "Its new droplet is already assigned, so the next start will run it"
CANNOT_TELL = (
    "no response to the trigger, and this server does not report whether its processes were restarted"
)
CONTINUES: dict[str, str] = {
    Condition.STAGED: "left running: staging does not affect the running app",
    Condition.REVERTED: "left running: the previous version is being restored",
}
"""What is not cancelled, by condition."""

CANNOT_UNDO = "left running: Cloud Foundry can't cancel it"


class CloudFoundryProvider:
    """One Cloud Foundry, with one login. Remembers what the run knows about each app."""

    def __init__(self, api: Client, places: AppLookup, options: Options) -> None:
        self.api = api
        self.lookup = places
        self.options = options
        self.apps: dict[str, AppState] = {}
        self._poller = Poller(api, options)
        self._stager = Stager(api, options)

    @property
    def remaining(self) -> int | None:
        """Requests left in the server's rate limit window; None if unknown."""
        return self.api.remaining

    # --- before the trigger

    def connect(self, *, timeout: float | None = None) -> str:
        """The discovery and the login."""
        try:
            root = self.api.discover(timeout=timeout or CONNECT_READ_SECONDS)
        except (RefusedError, UnavailableError) as error:
            raise error.because(f"{self.api.base}: {error.reason}") from error
        what = "Korifi" if root.korifi else "Cloud Foundry"
        return f"{what} (API {root.version}) at {self.api.base}"

    def resolve(self, target: str) -> Target:
        """Read the app, and all that `find_triggered` and `rollback` will need.

        Raises RefusedError if it does not support the command.
        """
        row = self.lookup.app(target)
        app = self._remember(target, row)
        if (
            trigger_requests.rolls(self.options)
            or trigger_requests.stages(self.options)
            or self.options.command is Command.ROLLBACK
        ):
            newest.read(app, lambda: self._deployments(app), self.options)
        if problem := trigger_requests.unsupported(app, self.options):
            raise RefusedError(problem)
        if trigger_requests.stages(self.options) and not app.staging.droplet:
            app.before = replace(app.before, image=self._image(app.before.droplet))
            staging.full(self.options.image, app.before.image)
        self._read_versions(app)
        name, status = (
            one_line(row.get("name")),
            instance_status.lowered(one_line(row.get("state")), ("STARTED", "STOPPED")),
        )
        url, warnings = routes.address(self._routes(app)), newest.doubts(app, self.options)
        return Target(app.guid, name=name, kind="app", url=url, status=status, warnings=warnings)

    def _remember(self, target: str, row: Row) -> AppState:
        """Update the app's record. What it was before this run is only taken from the first one."""
        started = row.get("state") == "STARTED"
        guid = self.lookup.guid(target)
        app = self.apps.get(guid)
        if app is None:
            before = BeforeRun(started, _droplet(row))
            app = self.apps[guid] = AppState(guid, AppLog(self.api, guid), before=before)
        app.record = AppRecord(row, one_line(payload.value(row, "lifecycle", "type")), started)
        return app

    def _read_versions(self, app: AppState) -> None:
        """Remember the versions of its processes, which a restart changes."""
        rows = self._poller.processes(app)
        versions = {str(each.get("guid")): str(each.get("version") or "") for each in rows}
        app.before = replace(app.before, versions=versions)

    def _deployments(self, app: AppState, *, timeout: float | None = None) -> list[Row]:
        """The newest deployments of the app, newest first."""
        params = {"app_guids": app.guid, "order_by": "-created_at", "per_page": str(NEWEST_DEPLOYMENTS)}
        return of_app(app.guid, self.api.page("/v3/deployments", params, timeout=timeout))

    def _image(self, droplet: str) -> str:
        """The image of a droplet, as it was set; empty if it can't be read."""
        if not droplet:
            return ""
        try:
            return one_line(self.api.row(f"/v3/droplets/{quote(droplet, safe='')}").get("image"))
        except RefusedError:
            return ""

    def _routes(self, app: AppState) -> list[Row]:
        """The app's routes; none if they can't be read, which must not prevent a trigger."""
        try:
            return self.api.pages(f"/v3/apps/{quote(app.guid, safe='')}/routes")
        except RefusedError:
            return []

    def abilities(self) -> tuple[Ability, ...]:
        apps = [app.record.row for app in self.apps.values()]
        return preflight.abilities(self.api, apps, image=trigger_requests.stages(self.options))

    def describe(self, target: str) -> tuple[str, ...]:
        """What would be sent, and the server's warnings."""
        return (*self._intent(target), *self.api.warnings)

    def _intent(self, target: str) -> tuple[str, ...]:
        app = self._of(target)
        if self.options.command is Command.CANCEL:
            return tuple(f"would cancel deployment {each.id}" for each in self.active(target)) or (
                "nothing to cancel",
            )
        if self.options.command is Command.ROLLBACK:
            request = rollback.on_demand(self.api, app, self.options)
            if isinstance(request, Rejected):
                return (request.reason,)
            return (f"would {request.summary} (POST {request.path})", request.note)
        return (*trigger_requests.describe(app, self.options), *rollback.describe(app, self.options))

    def changes_made(self, target: str) -> tuple[str, ...]:  # noqa: ARG002 -- the same for every app
        """Nothing: a package and a build have no effect until the droplet is assigned."""
        return ()

    def apply_changes(self, target: str) -> Changes:
        """Stage the image. The running app is not affected."""
        app = self._of(target)
        if not trigger_requests.stages(self.options):
            return Changes(())
        app.log.begin()
        return self._stager.stage(target, app)

    # --- trigger

    def trigger(self, target: str) -> TriggerResult:
        """Assign the droplet if there is one, which starts nothing, then send one request that does."""
        app = self._of(target)
        with _nothing_started():
            if app.staging.droplet:
                self._read_anew(target, app)
                if app.following.request is None and (current := _droplet(app.record.row)) not in {
                    "",
                    app.staging.droplet,
                }:
                    # somebody else has deployed it while ours was being staged
                    app.before = replace(app.before, droplet=current)
            request = (
                rollback.on_demand(self.api, app, self.options)
                if self.options.command is Command.ROLLBACK
                else trigger_requests.request_for(app, self.options)
            )
        return self._do(target, app, request) if isinstance(request, TriggerRequest) else request

    def _read_anew(self, target: str, app: AppState) -> None:
        """Read the app again: if it was started during staging, a start would not pick up the droplet."""
        self._remember(target, self.lookup.app(target))
        if trigger_requests.rolls(self.options):
            newest.read(app, lambda: self._deployments(app), self.options)
        else:
            self._read_versions(app)

    def rollback(self, target: str, deployment: Handle) -> TriggerResult:
        app = self._of(target)
        request = rollback.after_failure(app, deployment, self.options)
        if isinstance(request, Rejected):
            return request
        if not request.deployment:
            with _nothing_started():
                self._read_anew(target, app)
            if _droplet(app.record.row) not in {"", app.staging.droplet, app.before.droplet}:
                return Rejected(rollback.ANOTHER_DROPLET)
        return self._do(target, app, request)

    def _do(self, target: str, app: AppState, request: TriggerRequest) -> TriggerResult:
        app.log.begin()
        if request.droplet:
            with _nothing_started():
                self._assign(app, request.droplet)
        app.following = Following(
            request, deployed=app.following.deployed, idle_polls=app.following.idle_polls
        )
        if request.deployment:
            self._end(request)
            return Started((Handle(target, request.deployment, condition=request.condition),), request.note)
        try:
            response = self.api.send("POST", request.path, body=request.body, timeout=TRIGGER_READ_SECONDS)
            return self._accepted(target, app, request, response)
        except (RefusedError, UnavailableError) as error:
            if not request.droplet:
                raise
            raise error.because(f"{error.reason}. {DROPLET_ASSIGNED}") from error

    def _assign(self, app: AppState, droplet: str) -> None:
        """Assign a droplet, which does not affect the running app."""
        path = f"/v3/apps/{quote(app.guid, safe='')}/relationships/current_droplet"
        self.api.json_or_raise(self.api.send("PATCH", path, body={"data": {"guid": droplet}}))

    def _accepted(self, target: str, app: AppState, request: TriggerRequest, response: Response) -> Started:
        """The result of a trigger.

        Raises UnavailableError for a successful response that names another app or no deployment: it may have
        been started.
        """
        row: Any = self.api.json_or_raise(response)
        # otherwise the first poll reports them
        warnings = () if self.options.wait else tuple(self.api.warnings)
        note = "; ".join(filter(None, (request.note, *warnings)))
        if request.condition != Condition.ROLLED_OUT:
            if staging.guid_of(row, "app") != app.guid:
                raise UnavailableError(
                    WRONG_OBJECT, may_have_arrived=True, from_server=True, server_error=WRONG_OBJECT
                )
            return Started((Handle(target, "", condition=request.condition),), note)
        guid = staging.guid_of(row, "deployment")
        return Started((Handle(target, guid, condition=Condition.ROLLED_OUT),), note)

    # --- a trigger without a response

    def find_triggered(
        self, target: str, *, timeout: float | None = None
    ) -> Started | GroupStarted | AccessDenied | None:
        """What a trigger without a response has started.

        What has changed since before it (cloudfoundry-api 3).
        """
        app = self._of(target)
        request = app.following.request
        if request is None:
            return None
        if request.condition == Condition.ROLLED_OUT:
            return self._found_rolling(target, request, timeout)
        if request.repeats:
            return self._found_restarted(target, timeout)
        if request.condition == Condition.REVERTED:
            row = self._poller.deployment(request.deployment, timeout=timeout)
            done = instance_status.ending(row) is not None
        else:
            state = self.api.row(f"/v3/apps/{quote(app.guid, safe='')}", timeout=timeout).get("state")
            done = state == ("STOPPED" if request.condition == Condition.STOPPED else "STARTED")
        return Started((Handle(target, request.deployment, condition=request.condition),)) if done else None

    def _found_rolling(
        self, target: str, request: TriggerRequest, timeout: float | None
    ) -> Started | AccessDenied | None:
        """A deployment that is newer than the newest before.

        Of several the oldest is followed, since ours is unknown.
        """
        app, droplet = self._of(target), instance_status.droplet(request.body or {})
        if newest.unrecognizable(app, droplet):
            return AccessDenied(newest.UNLISTED)
        newer: list[Row] = []
        for row in self._deployments(app, timeout=timeout):
            if row.get("guid") == app.newest.guid:
                break
            newer.append(row)
        matching = [row for row in newer if instance_status.droplet(row) == droplet or not droplet]
        if not matching:
            return None
        # Ours would deploy the current droplet again.
        other_droplet = not droplet and instance_status.droplet(matching[-1]) != app.before.droplet
        guid = staging.guid_of(matching[-1], "deployment")
        owner = Owner.UNSURE if other_droplet or len(matching) > 1 else Owner.OURS
        return Started((Handle(target, guid, condition=Condition.ROLLED_OUT, owner=owner),))

    def _found_restarted(self, target: str, timeout: float | None) -> Started | AccessDenied | None:
        """A restart, by the processes' versions, which only a start changes (cloudfoundry-api 0 fact 2)."""
        app = self._of(target)
        rows = self._poller.processes(app, timeout=timeout)
        if not all(row.get("version") and app.before.versions.get(str(row.get("guid")), "-") for row in rows):
            return AccessDenied(CANNOT_TELL)
        changed = any(app.before.versions.get(str(row.get("guid"))) != row["version"] for row in rows)
        if not changed:
            return None
        return Started((Handle(target, "", condition=Condition.RUNNING),), "its processes were restarted")

    # --- polling and cancelling

    def poll(self, handle: Handle) -> Snapshot:
        return self._poller.poll(self._of(handle.target), handle)

    def active(self, target: str) -> tuple[Handle, ...]:
        """The rolling deployment in progress, at most one. A start or restart can't be cancelled."""
        rows = [row for row in self._deployments(self._of(target)) if instance_status.is_active(row)]
        started_by = "somebody else started"
        return tuple(
            Handle(
                target,
                str(row.get("guid")),
                owner=Owner.OTHERS,
                condition=Condition.ROLLED_OUT,
                started_by=started_by,
            )
            for row in rows
        )

    def cancel(self, handle: Handle, *, timeout: float | None = None) -> str:
        """Cancel a rolling deployment, after which the server restores the previous version."""
        if handle.condition != Condition.ROLLED_OUT:
            return CONTINUES.get(handle.condition, CANNOT_UNDO)
        if self._end(trigger_requests.cancelling(handle.id), timeout):
            return "cancelled: Cloud Foundry restores the previous version"
        return "already finished: the new version stays deployed"

    def left_waiting(self, *, timeout: float | None = None) -> str:  # noqa: ARG002 -- there is no queue
        """Always empty: there is no queue."""
        return ""

    def _end(self, request: TriggerRequest, timeout: float | None = None) -> bool:
        """Cancel a deployment; False if it was already over.

        A successful response is empty although its type is JSON: then the deployment is read
        (cloudfoundry-api 7).
        """
        try:
            response = self.api.send("POST", request.path, timeout=timeout)
        except UnavailableError as error:
            ending = self._ending(request.deployment, timeout) if error.may_have_arrived else None
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
        """Whether a cancel without a response had an effect; None if not, or if unknown."""
        try:
            return instance_status.ending(self._poller.deployment(deployment, timeout=timeout))
        except UnavailableError:
            return None

    def _of(self, target: str) -> AppState:
        """The app of a target, with only its guid if it was not resolved."""
        guid = self.lookup.guid(target)
        return self.apps.setdefault(guid, AppState(guid, AppLog(self.api, guid)))


@contextmanager
def _nothing_started() -> Iterator[None]:
    """Errors in this block are before the trigger, so that the trigger may be sent again."""
    try:
        yield
    except UnavailableError as error:
        raise error.not_sent() from error


def _droplet(row: Row) -> str:
    """The guid of the assigned droplet; empty on old servers, which lack this key (cloudfoundry-api 4)."""
    return payload.text(row, "relationships", "current_droplet", "data", "guid")
