"""One look: at a build, a rolling deployment, the instances. Each asks a question or two, and then states.py says what they mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from deployer.model import Command, Handle, Phase, RefusedError, Snapshot, UnavailableError
from deployer.providers.cloudfoundry import crashes, logs, staging, states
from deployer.providers.cloudfoundry.api import Api, Row, of_app
from deployer.providers.cloudfoundry.known import LASTING, RETURNED, ROLLED, STAGED, STOPPED, Known
from deployer.providers.cloudfoundry.states import Process
from deployer.providers.cloudfoundry.wish import Wish

REPLACED = "its processes are being replaced by others"
OVER = "over"
STOPPED_MEANWHILE = "somebody has stopped the app meanwhile"

IDLE = 5
"""Looks in a row that show no instance at all, after which it is read whether the app is still to run."""


@dataclass
class Looks:
    """`_told`: how many of the server's warnings were handed on."""

    api: Api
    wish: Wish
    _told: int = 0

    def look(self, seen: Known, handle: Handle) -> Snapshot:
        """What one look sees, with what was logged since the last, and what the server warns of."""
        kinds: dict[str, Callable[[Known, Handle], Snapshot]] = {
            STAGED: self._staging,
            ROLLED: self._rolling,
            RETURNED: self._returning,
            STOPPED: self._stopping,
        }
        found = kinds.get(handle.aspect, self._running)(seen, handle)
        fresh, self._told = self.api.warnings[self._told :], len(self.api.warnings)
        return replace(found, warnings=(*found.warnings, *fresh, *seen.log.trouble()))

    def deployment(self, guid: str, *, patience: float | None = None) -> Row:
        """One rolling deployment."""
        return self.api.row(f"/v3/deployments/{quote(guid, safe='')}", patience=patience)

    def processes(self, seen: Known, *, patience: float | None = None) -> list[Row]:
        """All of an app's processes; after a rolling deployment the web process is another one (cloudfoundry-api 7)."""
        return of_app(seen.guid, self.api.pages(f"/v3/apps/{quote(seen.guid, safe='')}/processes", patience=patience))

    # --- a build

    def _staging(self, seen: Known, handle: Handle) -> Snapshot:
        row = self.api.row(f"/v3/builds/{quote(handle.id, safe='')}")
        log = seen.log.fresh(logs.of_staging)
        found = states.build(row, staging.cause(row, seen.log.errors))
        if found.phase is Phase.SUCCEEDED:
            seen.staged = states.droplet(row)
        return replace(found, log=log)

    # --- a rolling deployment

    def _rolling(self, seen: Known, handle: Handle) -> Snapshot:
        """The instances of a deployed one are looked at in the same look: what is over there may not run yet (cloudfoundry-api 7)."""
        if seen.deployed == handle.id:
            return self._running(seen, handle)
        row = self.deployment(handle.id)
        if states.is_deployed(row):
            if self.wish.command is Command.CANCEL:
                return Snapshot(Phase.SUCCEEDED, OVER)
            seen.deployed, seen.processes, seen.marks = handle.id, None, {}
            return self._running(seen, handle)
        found = states.deployment(row)
        guids = _new(row)
        if found.phase is Phase.RUNNING and self.wish.command is not Command.CANCEL:
            found = self._with_new_instances(seen, found, guids)
        return replace(found, log=() if self.wish.command is Command.CANCEL else seen.log.fresh(logs.of_processes(guids)))

    def _with_new_instances(self, seen: Known, found: Snapshot, guids: frozenset[str]) -> Snapshot:
        """They are not there at once, and gone again where the deployment is cancelled."""
        try:
            new = [states.process({"type": "web"}, self.api.get(f"/v3/processes/{quote(guid, safe='')}/stats")) for guid in sorted(guids)]
        except (RefusedError, UnavailableError):
            return found
        new = [replace(each, desired=len(each.instances)) for each in new]
        shown = states.of_new_instances(found, new) if new else found
        if not shown.bad:
            return shown
        return states.of_new_instances(found, new, self._crash(seen, guids), "" if self.wish.rollback else states.ADVICE)

    def _returning(self, seen: Known, handle: Handle) -> Snapshot:
        if seen.deployed != handle.id:
            if found := states.returned(self.deployment(handle.id)):
                return found
            seen.deployed, seen.processes, seen.marks = handle.id, None, {}
        return self._running(seen, handle)

    # --- instances

    def _running(self, seen: Known, handle: Handle) -> Snapshot:
        found = self._stats(seen)
        guids = frozenset(str(row.get("guid")) for row in seen.processes or ())
        log = seen.log.fresh(logs.of_processes(guids))
        before, seen.marks = seen.marks, {key: mark for each in found for key, mark in each.marks.items()}
        shown = states.instances(found, self.wish.ready, before)
        if shown.bad:
            versions = frozenset(str(row["version"]) for row in seen.processes or () if row.get("version"))
            shown = states.instances(found, self.wish.ready, before, self._crash(seen, guids, versions))
        self._forget(seen, found)
        if self._is_stopped(seen, found, shown):
            shown = Snapshot(Phase.CANCELLED, "stopped", reason=STOPPED_MEANWHILE)
        if self.wish.proof:
            shown = _proven(shown, handle)
        return replace(shown, log=log)

    def _is_stopped(self, seen: Known, found: list[Process], shown: Snapshot) -> bool:
        """DOWN is what waits for a place, and what nobody wants to run any more."""
        there = any(row.get("state") not in states.GONE for each in found for row in each.instances)
        seen.idle = 0 if there or shown.phase is not Phase.RUNNING else seen.idle + 1
        if not seen.idle or seen.idle % IDLE:
            return False
        return bool(self.api.row(f"/v3/apps/{quote(seen.guid, safe='')}").get("state") == "STOPPED")

    def _stopping(self, seen: Known, _handle: Handle) -> Snapshot:
        return replace(states.stopped(self._stats(seen)), log=seen.log.fresh(logs.of_processes(frozenset())))

    def _stats(self, seen: Known) -> list[Process]:
        """Every process with its instances. One that is not there any more: they are listed anew at the next look."""
        if seen.processes is None:
            seen.processes = self.processes(seen)
        return [self._process(seen, row) for row in seen.processes]

    def _process(self, seen: Known, row: Row) -> Process:
        wanted = row.get("instances")
        if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 0:
            raise UnavailableError("the answer does not tell how many instances a process has", arrived=True, itself=True)
        if not wanted:
            return states.process(row, {"resources": []})
        reply = self.api.send("GET", f"/v3/processes/{quote(str(row.get('guid')), safe='')}/stats")
        if reply.status == 404 and reply.is_json:
            seen.processes = None
            raise UnavailableError(REPLACED, itself=True)
        return states.process(row, self.api.good(reply))

    def _forget(self, seen: Known, found: list[Process]) -> None:
        """The list of processes, where the server reports another number of instances: somebody scales it."""
        if any(each.desired and len(each.instances) != each.desired for each in found):
            seen.processes = None

    def _crash(self, seen: Known, guids: frozenset[str], versions: frozenset[str] = frozenset()) -> str:
        """Why it crashed, if the events can be read and tell it; found once."""
        if not seen.crash:
            try:
                data: Any = self.api.get("/v3/audit_events", crashes.params(seen.guid))
            except (RefusedError, UnavailableError):
                return ""
            listed = data.get("resources") if isinstance(data, dict) else None
            rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
            seen.crash = crashes.reason(rows, guids, versions)
        return seen.crash


def _proven(seen: Snapshot, handle: Handle) -> Snapshot:
    """PURE. `verify_health: true`: what runs is looked at on, until it has run for long enough. Where nothing runs, nothing is proven."""
    if seen.phase is not Phase.SUCCEEDED:
        return seen
    if handle.aspect == LASTING:
        return replace(seen, hold=states.STEADY)
    if states.NOTHING_RUNS in seen.warnings:
        return replace(seen, phase=Phase.UNPROVEN, reason=states.NOTHING_RUNS, warnings=())
    return replace(seen, proof=Handle(handle.target, "", aspect=LASTING))


def _new(row: Row) -> frozenset[str]:
    """The guids of the processes that a deployment brings."""
    listed = row.get("new_processes")
    rows = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return frozenset(str(each.get("guid")) for each in rows if each.get("guid"))
