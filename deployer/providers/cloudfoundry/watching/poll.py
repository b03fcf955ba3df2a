"""One look: at a build, a rolling deployment, the instances. instance_status.py says what the answers mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from deployer.model import Command, Handle, Phase, RefusedError, Snapshot, UnavailableError
from deployer.providers import payload
from deployer.providers.cloudfoundry import staging
from deployer.providers.cloudfoundry.api.client import Client, of_app
from deployer.providers.cloudfoundry.app import REVERTED, ROLLED_OUT, STAGED, STAYS_UP, STOPPED, AppState
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.watching import crash_events, instance_status, logs
from deployer.providers.cloudfoundry.watching.instance_status import Process
from deployer.providers.payload import Row

REPLACED = "its processes are being replaced by others"
OVER = "over"
STOPPED_MEANWHILE = "somebody has stopped the app meanwhile"

MAX_IDLE_POLLS = 5
"""Looks in a row that show no instance at all, after which it is read whether the app is still to run."""


@dataclass
class Poller:
    """`_told`: how many of the server's warnings were handed on."""

    api: Client
    options: Options
    _told: int = 0

    def poll(self, seen: AppState, handle: Handle) -> Snapshot:
        """What one look sees, with what was logged since the last, and what the server warns of."""
        kinds: dict[str, Callable[[AppState, Handle], Snapshot]] = {
            STAGED: self._staging,
            ROLLED_OUT: self._rolling,
            REVERTED: self._returning,
            STOPPED: self._stopping,
        }
        found = kinds.get(handle.condition, self._running)(seen, handle)
        fresh, self._told = self.api.warnings[self._told :], len(self.api.warnings)
        return replace(found, warnings=(*found.warnings, *fresh, *seen.log.trouble()))

    def deployment(self, guid: str, *, timeout: float | None = None) -> Row:
        """One rolling deployment."""
        return self.api.row(f"/v3/deployments/{quote(guid, safe='')}", timeout=timeout)

    def processes(self, seen: AppState, *, timeout: float | None = None) -> list[Row]:
        """All of an app's processes; after a rolling deployment the web process is another one (cloudfoundry-api 7)."""
        return of_app(
            seen.guid, self.api.pages(f"/v3/apps/{quote(seen.guid, safe='')}/processes", timeout=timeout)
        )

    # --- a build

    def _staging(self, seen: AppState, handle: Handle) -> Snapshot:
        row = self.api.row(f"/v3/builds/{quote(handle.id, safe='')}")
        log = seen.log.fresh(logs.of_staging)
        found = instance_status.build(row, staging.cause(row, seen.log.errors))
        if found.phase is Phase.SUCCEEDED:
            seen.staged = instance_status.droplet(row)
        return replace(found, log=log)

    # --- a rolling deployment

    def _rolling(self, seen: AppState, handle: Handle) -> Snapshot:
        """The instances of a deployed one are looked at in the same look: what is over there may not run yet (cloudfoundry-api 7)."""
        if seen.deployed == handle.id:
            return self._running(seen, handle)
        row = self.deployment(handle.id)
        if instance_status.is_deployed(row):
            if self.options.command is Command.CANCEL:
                return Snapshot(Phase.SUCCEEDED, OVER)
            seen.deployed, seen.processes, seen.marks = handle.id, None, {}
            return self._running(seen, handle)
        found = instance_status.deployment(row)
        guids = _new(row)
        if found.phase is Phase.RUNNING and self.options.command is not Command.CANCEL:
            found = self._with_new_instances(seen, found, guids)
        return replace(
            found,
            log=() if self.options.command is Command.CANCEL else seen.log.fresh(logs.of_processes(guids)),
        )

    def _with_new_instances(self, seen: AppState, found: Snapshot, guids: frozenset[str]) -> Snapshot:
        """They are not there at once, and gone again where the deployment is cancelled."""
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
            found, new, self._crash(seen, guids), "" if self.options.rollback else instance_status.ADVICE
        )

    def _returning(self, seen: AppState, handle: Handle) -> Snapshot:
        if seen.deployed != handle.id:
            if found := instance_status.returned(self.deployment(handle.id)):
                return found
            seen.deployed, seen.processes, seen.marks = handle.id, None, {}
        return self._running(seen, handle)

    # --- instances

    def _running(self, seen: AppState, handle: Handle) -> Snapshot:
        found = self._stats(seen)
        guids = frozenset(str(row.get("guid")) for row in seen.processes or ())
        log = seen.log.fresh(logs.of_processes(guids))
        before, seen.marks = seen.marks, {key: mark for each in found for key, mark in each.marks.items()}
        shown = instance_status.instances(found, self.options.ready, before)
        if shown.shows_failure:
            versions = frozenset(str(row["version"]) for row in seen.processes or () if row.get("version"))
            shown = instance_status.instances(
                found, self.options.ready, before, self._crash(seen, guids, versions)
            )
        self._forget(seen, found)
        if self._is_stopped(seen, found, shown):
            shown = Snapshot(Phase.CANCELLED, "stopped", reason=STOPPED_MEANWHILE)
        if self.options.verify_health:
            shown = _proven(shown, handle)
        return replace(shown, log=log)

    def _is_stopped(self, seen: AppState, found: list[Process], shown: Snapshot) -> bool:
        """DOWN is what waits for a place, and what nobody wants to run any more."""
        there = any(
            row.get("state") not in instance_status.STOPPED_STATES for each in found for row in each.instances
        )
        seen.idle = 0 if there or shown.phase is not Phase.RUNNING else seen.idle + 1
        if not seen.idle or seen.idle % MAX_IDLE_POLLS:
            return False
        return bool(self.api.row(f"/v3/apps/{quote(seen.guid, safe='')}").get("state") == "STOPPED")

    def _stopping(self, seen: AppState, _handle: Handle) -> Snapshot:
        return replace(
            instance_status.stopped(self._stats(seen)), log=seen.log.fresh(logs.of_processes(frozenset()))
        )

    def _stats(self, seen: AppState) -> list[Process]:
        """Every process with its instances. One that is not there any more: they are listed anew at the next look."""
        if seen.processes is None:
            seen.processes = self.processes(seen)
        return [self._process(seen, row) for row in seen.processes]

    def _process(self, seen: AppState, row: Row) -> Process:
        wanted = row.get("instances")
        if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 0:
            raise UnavailableError(
                "the answer does not tell how many instances a process has",
                may_have_arrived=True,
                from_server=True,
            )
        if not wanted:
            return instance_status.process(row, {"resources": []})
        response = self.api.send("GET", f"/v3/processes/{quote(str(row.get('guid')), safe='')}/stats")
        if response.status == 404 and response.is_json:
            seen.processes = None
            raise UnavailableError(REPLACED, from_server=True)
        return instance_status.process(row, self.api.json_or_raise(response))

    def _forget(self, seen: AppState, found: list[Process]) -> None:
        """The list of processes, where the server reports another number of instances: somebody scales it."""
        if any(each.desired and len(each.instances) != each.desired for each in found):
            seen.processes = None

    def _crash(self, seen: AppState, guids: frozenset[str], versions: frozenset[str] = frozenset()) -> str:
        """Why it crashed, if the events can be read and tell it; found once."""
        if not seen.crash:
            try:
                data: Any = self.api.get("/v3/audit_events", crash_events.params(seen.guid))
            except (RefusedError, UnavailableError):
                return ""
            seen.crash = crash_events.reason(payload.records(data, "resources"), guids, versions)
        return seen.crash


def _proven(seen: Snapshot, handle: Handle) -> Snapshot:
    """PURE. `verify_health: true`: what runs is looked at on, until it has run for long enough. Where nothing runs, nothing is proven."""
    if seen.phase is not Phase.SUCCEEDED:
        return seen
    if handle.condition == STAYS_UP:
        return replace(seen, stable_for=instance_status.STEADY_SECONDS)
    if instance_status.NOTHING_RUNS in seen.warnings:
        return replace(seen, phase=Phase.UNVERIFIED, reason=instance_status.NOTHING_RUNS, warnings=())
    return replace(seen, health_check=Handle(handle.target, "", condition=STAYS_UP))


def _new(row: Row) -> frozenset[str]:
    """The guids of the processes that a deployment brings."""
    return frozenset(
        str(each.get("guid")) for each in payload.records(row, "new_processes") if each.get("guid")
    )
