"""Polls a build, a rolling deployment, or the instances of an app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from deployer.model import Command, Handle, Phase, RefusedError, Snapshot, UnavailableError
from deployer.providers import payload
from deployer.providers.cloudfoundry.api.client import Client, of_app
from deployer.providers.cloudfoundry.app import AppState, Condition
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.watching import crash_events, instance_status, logs, staging
from deployer.providers.cloudfoundry.watching.instance_status import Process
from deployer.providers.payload import Row

REPLACED = "its processes are being replaced"
STOPPED_MEANWHILE = "somebody stopped the app meanwhile"

MAX_IDLE_POLLS = 5
"""Polls in a row without any instance after which the app's desired state is read."""


@dataclass
class Poller:
    """Polls the apps of one Cloud Foundry."""

    api: Client
    options: Options
    _reported: int = 0
    """How many of the server's warnings were reported."""

    def poll(self, app: AppState, handle: Handle) -> Snapshot:
        """The result of one poll, with new log lines and new warnings of the server."""
        kinds: dict[str, Callable[[AppState, Handle], Snapshot]] = {
            Condition.STAGED: self._staging,
            Condition.ROLLED_OUT: self._rolling,
            Condition.REVERTED: self._returning,
            Condition.STOPPED: self._stopping,
        }
        found = kinds.get(handle.condition, self._running)(app, handle)
        fresh, self._reported = self.api.warnings[self._reported :], len(self.api.warnings)
        return replace(found, warnings=(*found.warnings, *fresh, *app.log.warnings()))

    def deployment(self, guid: str, *, timeout: float | None = None) -> Row:
        """One rolling deployment."""
        return self.api.row(f"/v3/deployments/{quote(guid, safe='')}", timeout=timeout)

    def processes(self, app: AppState, *, timeout: float | None = None) -> list[Row]:
        """All processes of an app. A rolling deployment replaces the web process (cloudfoundry-api 7)."""
        return of_app(
            app.guid, self.api.pages(f"/v3/apps/{quote(app.guid, safe='')}/processes", timeout=timeout)
        )

    # --- a build

    def _staging(self, app: AppState, handle: Handle) -> Snapshot:
        row = self.api.row(f"/v3/builds/{quote(handle.id, safe='')}")
        log = app.log.fresh(logs.of_staging)
        found = instance_status.build(row, staging.failure_reason(row, app.log.errors))
        if found.phase is Phase.SUCCEEDED:
            app.staging.droplet = instance_status.droplet(row)
        return replace(found, log=log)

    # --- a rolling deployment

    def _rolling(self, app: AppState, handle: Handle) -> Snapshot:
        """A deployment, and once it is over its instances, which may not run yet (cloudfoundry-api 7)."""
        if app.following.deployed == handle.id:
            return self._running(app, handle)
        row = self.deployment(handle.id)
        if instance_status.is_deployed(row):
            if self.options.command is Command.CANCEL:
                return Snapshot(Phase.SUCCEEDED, "over")
            app.following.deployed, app.following.processes, app.following.marks = handle.id, None, {}
            return self._running(app, handle)
        found = instance_status.deployment(row)
        guids = _new(row)
        if found.phase is Phase.RUNNING and self.options.command is not Command.CANCEL:
            found = self._with_new_instances(app, found, guids)
        if self.options.command is Command.CANCEL:
            return found
        return replace(found, log=app.log.fresh(logs.of_processes(guids)))

    def _with_new_instances(self, app: AppState, found: Snapshot, guids: frozenset[str]) -> Snapshot:
        """The deployment with its new instances, which do not exist at first, nor after a cancel."""
        try:
            new = [
                instance_status.process(
                    {"type": "web"}, self.api.get(f"/v3/processes/{quote(guid, safe='')}/stats")
                )
                for guid in sorted(guids)
            ]
        except (RefusedError, UnavailableError):
            return found
        new = [replace(each, desired=len(each.instances)) for each in new]
        shown = instance_status.of_new_instances(found, new) if new else found
        if not shown.shows_failure:
            return shown
        return instance_status.of_new_instances(
            found, new, self._crash(app, guids), "" if self.options.rollback else instance_status.ADVICE
        )

    def _returning(self, app: AppState, handle: Handle) -> Snapshot:
        if app.following.deployed != handle.id:
            if found := instance_status.returned(self.deployment(handle.id)):
                return found
            app.following.deployed, app.following.processes, app.following.marks = handle.id, None, {}
        return self._running(app, handle)

    # --- instances

    def _running(self, app: AppState, handle: Handle) -> Snapshot:
        found = self._stats(app)
        guids = frozenset(str(row.get("guid")) for row in app.following.processes or ())
        log = app.log.fresh(logs.of_processes(guids))
        before, app.following.marks = (
            app.following.marks,
            {key: mark for each in found for key, mark in each.marks.items()},
        )
        shown = instance_status.instances(found, self.options.ready, before)
        if shown.shows_failure:
            versions = frozenset(
                str(row["version"]) for row in app.following.processes or () if row.get("version")
            )
            shown = instance_status.instances(
                found, self.options.ready, before, self._crash(app, guids, versions)
            )
        self._forget(app, found)
        if self._was_stopped(app, found, shown):
            shown = Snapshot(Phase.CANCELLED, "stopped", reason=STOPPED_MEANWHILE)
        if self.options.verify_health:
            shown = _with_health_check(shown, handle)
        return replace(shown, log=log)

    def _was_stopped(self, app: AppState, found: list[Process], shown: Snapshot) -> bool:
        """Whether somebody stopped the app: DOWN can also mean that an instance waits for a place."""
        there = any(
            row.get("state") not in instance_status.STOPPED_STATES for each in found for row in each.instances
        )
        app.following.idle_polls = (
            0 if there or shown.phase is not Phase.RUNNING else app.following.idle_polls + 1
        )
        if not app.following.idle_polls or app.following.idle_polls % MAX_IDLE_POLLS:
            return False
        return bool(self.api.row(f"/v3/apps/{quote(app.guid, safe='')}").get("state") == "STOPPED")

    def _stopping(self, app: AppState, _handle: Handle) -> Snapshot:
        return replace(
            instance_status.stopped(self._stats(app)), log=app.log.fresh(logs.of_processes(frozenset()))
        )

    def _stats(self, app: AppState) -> list[Process]:
        """All processes with their instances.

        If one no longer exists, the list is read again in the next poll.
        """
        if app.following.processes is None:
            app.following.processes = self.processes(app)
        return [self._process(app, row) for row in app.following.processes]

    def _process(self, app: AppState, row: Row) -> Process:
        wanted = row.get("instances")
        if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 0:
            raise UnavailableError(
                "the response does not say how many instances a process has",
                may_have_arrived=True,
                from_server=True,
            )
        if not wanted:
            return instance_status.process(row, {"resources": []})
        response = self.api.send("GET", f"/v3/processes/{quote(str(row.get('guid')), safe='')}/stats")
        if response.status == 404 and response.is_json:
            app.following.processes = None
            raise UnavailableError(REPLACED, from_server=True)
        return instance_status.process(row, self.api.json_or_raise(response))

    def _forget(self, app: AppState, found: list[Process]) -> None:
        """Read the list of processes again if the number of instances differs.

        Somebody is scaling the app.
        """
        if any(each.desired and len(each.instances) != each.desired for each in found):
            app.following.processes = None

    def _crash(self, app: AppState, guids: frozenset[str], versions: frozenset[str] = frozenset()) -> str:
        """Why the app crashed, if the events can be read and have it. Read until found."""
        if not app.following.crash:
            try:
                data: Any = self.api.get("/v3/audit_events", crash_events.params(app.guid))
            except (RefusedError, UnavailableError):
                return ""
            app.following.crash = crash_events.reason(payload.records(data, "resources"), guids, versions)
        return app.following.crash


def _with_health_check(shown: Snapshot, handle: Handle) -> Snapshot:
    """PURE.

    For `verify_health: true`: polled until it has run for long enough; unverified if nothing is running.
    """
    if shown.phase is not Phase.SUCCEEDED:
        return shown
    if handle.condition == Condition.STAYS_UP:
        return replace(shown, stable_for=instance_status.STEADY_SECONDS)
    if instance_status.NOTHING_RUNS in shown.warnings:
        return replace(shown, phase=Phase.UNVERIFIED, reason=instance_status.NOTHING_RUNS, warnings=())
    return replace(shown, health_check=Handle(handle.target, "", condition=Condition.STAYS_UP))


def _new(row: Row) -> frozenset[str]:
    """The guids of the new processes of a deployment."""
    return frozenset(
        str(each.get("guid")) for each in payload.records(row, "new_processes") if each.get("guid")
    )
