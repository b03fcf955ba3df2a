"""One poll of a build, a rolling deployment, or the instances of an app."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from deployer.model import Command, Handle, Phase, RefusedError, Snapshot, UnavailableError
from deployer.providers import payload
from deployer.providers.cloudfoundry.api import resources
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.api.guids import droplet_of
from deployer.providers.cloudfoundry.app import AppState
from deployer.providers.cloudfoundry.condition import Condition
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.watching import (
    build_status,
    crash_events,
    deployment_status,
    instance_status,
    logs,
)
from deployer.providers.cloudfoundry.watching.instance_status import Process
from deployer.providers.payload import Row

REPLACED = "its processes are being replaced"
OVER = "over"
STOPPED_MEANWHILE = "somebody stopped the app in the meantime"

MAX_IDLE_POLLS = 5
"""Polls in a row without an instance that runs, after which the app's desired state is read."""


@dataclass
class Poller:
    """Polls what a handle stands for."""

    api: Client
    options: Options
    _reported_warnings: int = 0
    """How many of the server's warnings were reported."""

    def poll(self, app: AppState, handle: Handle) -> Snapshot:
        """The current status, with what was logged and warned of since the previous poll.

        Raises RefusedError and UnavailableError.
        """
        found = self._poll(app, handle)
        new = self.api.warnings[self._reported_warnings :]
        self._reported_warnings = len(self.api.warnings)
        return replace(found, warnings=(*found.warnings, *new, *app.log.take_warnings()))

    def _poll(self, app: AppState, handle: Handle) -> Snapshot:
        match handle.condition:
            case Condition.STAGED:
                return self._build(app, handle)
            case Condition.ROLLED_OUT:
                return self._deployment(app, handle)
            case Condition.REVERTED:
                return self._cancelled_deployment(app, handle)
            case Condition.STOPPED:
                return self._stop(app)
            case _:
                return self._instances(app, handle)

    # --- a build

    def _build(self, app: AppState, handle: Handle) -> Snapshot:
        row = self.api.row(f"/v3/builds/{quote(handle.id, safe='')}")
        log = app.log.new_entries(logs.of_staging)
        found = build_status.snapshot_of(row, build_status.failure_reason(row, app.log.staging_errors))
        if found.phase is Phase.SUCCEEDED:
            app.staging.droplet = droplet_of(row)
        return replace(found, log=log)

    # --- a rolling deployment

    def _deployment(self, app: AppState, handle: Handle) -> Snapshot:
        """Once it is deployed, its instances are polled: they may not run yet (cloudfoundry-api 7)."""
        if app.following.deployed == handle.id:
            return self._instances(app, handle)
        cancelling = self.options.command is Command.CANCEL
        row = resources.deployment(self.api, handle.id)
        if deployment_status.is_deployed(row):
            if cancelling:
                return Snapshot(Phase.SUCCEEDED, OVER)
            app.following.watch_instances(handle.id)
            return self._instances(app, handle)
        found = deployment_status.snapshot_of(row)
        if cancelling:
            return found
        new = deployment_status.new_processes(row)
        if found.phase is Phase.RUNNING:
            found = self._with_new_instances(app, found, new)
        return replace(found, log=app.log.new_entries(logs.of_processes(frozenset(new))))

    def _with_new_instances(self, app: AppState, found: Snapshot, guids: Sequence[str]) -> Snapshot:
        """The deployment with its new instances, unless they are not there yet, or not any more."""
        try:
            new = [self._new_process(guid) for guid in guids]
        except (RefusedError, UnavailableError):
            return found
        if not new:
            return found
        shown = deployment_status.with_new_instances(found, new)
        if not shown.shows_failure:
            return shown
        crash = self._crash_reason(app, frozenset(guids))
        advice = "" if self.options.rollback else deployment_status.ADVICE
        return deployment_status.with_new_instances(found, new, crash, advice)

    def _new_process(self, guid: str) -> Process:
        """A process with as many instances as it has now: they are added one after another."""
        stats = self.api.get(f"/v3/processes/{quote(guid, safe='')}/stats")
        found = instance_status.process({"type": "web"}, stats)
        return replace(found, desired=len(found.instances))

    def _cancelled_deployment(self, app: AppState, handle: Handle) -> Snapshot:
        """A deployment that this run has cancelled; then the instances that the server restores."""
        if app.following.deployed != handle.id:
            if found := deployment_status.reverted(resources.deployment(self.api, handle.id)):
                return found
            app.following.watch_instances(handle.id)
        return self._instances(app, handle)

    # --- instances

    def _instances(self, app: AppState, handle: Handle) -> Snapshot:
        following, ready = app.following, self.options.ready
        found = self._processes(app)
        rows = following.processes or ()
        guids = instance_status.guids_of(rows)
        log = app.log.new_entries(logs.of_processes(guids))
        before = following.running
        following.running = {key: each for process in found for key, each in process.running.items()}
        shown = instance_status.snapshot_of(found, ready, before)
        if shown.shows_failure:
            crash = self._crash_reason(app, guids, instance_status.versions_of(rows))
            shown = instance_status.snapshot_of(found, ready, before, crash)
        if any(each.desired and len(each.instances) != each.desired for each in found):
            following.processes = None  # somebody scales the app
        if self._is_stopped(app, found, shown):
            shown = Snapshot(Phase.CANCELLED, "stopped", reason=STOPPED_MEANWHILE)
        if self.options.verify_health == "true":
            shown = _verified(shown, handle)
        return replace(shown, log=log)

    def _is_stopped(self, app: AppState, found: Sequence[Process], shown: Snapshot) -> bool:
        """Whether somebody has stopped the app.

        An instance is DOWN both if it waits for a cell, and if the app is stopped: so after some polls the
        app's desired state is read.
        """
        if shown.phase is not Phase.RUNNING or instance_status.any_runs(found):
            app.following.idle_polls = 0
            return False
        app.following.idle_polls += 1
        if app.following.idle_polls % MAX_IDLE_POLLS:
            return False
        return bool(resources.app_state(self.api, app.guid) == "STOPPED")

    def _stop(self, app: AppState) -> Snapshot:
        found = instance_status.stopped(self._processes(app))
        return replace(found, log=app.log.new_entries(logs.of_processes(frozenset())))

    def _processes(self, app: AppState) -> list[Process]:
        """Every process with its instances."""
        if app.following.processes is None:
            app.following.processes = resources.processes(self.api, app.guid)
        return [self._process(app, row) for row in app.following.processes]

    def _process(self, app: AppState, row: Row) -> Process:
        """A process with its instances.

        Raises UnavailableError if it was replaced: then the processes are listed again by the next poll.
        """
        if not instance_status.desired_instances(row):
            return instance_status.process(row, {"resources": []})
        response = self.api.send("GET", f"/v3/processes/{quote(str(row.get('guid')), safe='')}/stats")
        if response.status == 404 and response.is_json:
            app.following.processes = None
            raise UnavailableError(REPLACED, from_server=True)
        return instance_status.process(row, self.api.json_or_raise(response))

    def _crash_reason(
        self, app: AppState, guids: frozenset[str], versions: frozenset[str] = frozenset()
    ) -> str:
        """Why the processes crashed; empty if the events can't be read, or do not say. Found only once."""
        if not app.following.crash:
            try:
                data: Any = self.api.get("/v3/audit_events", crash_events.params(app.guid))
            except (RefusedError, UnavailableError):
                return ""
            events = payload.records(data, "resources")
            app.following.crash = crash_events.reason(events, guids, versions)
        return app.following.crash


def _verified(found: Snapshot, handle: Handle) -> Snapshot:
    """PURE. For `verify_health: true`: what runs is polled further until it has run long enough.

    If there are no instances, nothing can be verified.
    """
    if found.phase is not Phase.SUCCEEDED:
        return found
    if handle.condition == Condition.STAYS_UP:
        return replace(found, stable_for=instance_status.STEADY_SECONDS)
    if instance_status.NOTHING_RUNS in found.warnings:
        reason = instance_status.NOTHING_RUNS
        return replace(found, phase=Phase.UNVERIFIED, reason=reason, warnings=())
    return replace(found, health_check=Handle(handle.target, "", condition=Condition.STAYS_UP))
