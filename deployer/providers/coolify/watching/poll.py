"""Polls a deployment, what is behind a phantom, or a status.

One request each, and a pure function of its response.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from deployer.http.client import Response, TooLargeError
from deployer.model import Certainty, Command, Handle, Owner, Phase, RefusedError, Snapshot, UnavailableError
from deployer.providers import payload
from deployer.providers.coolify.api import responses
from deployer.providers.coolify.api.client import RESPONSE_MISMATCH
from deployer.providers.coolify.api.versions import DATED_CHECKS, PIN_LOST, Feature
from deployer.providers.coolify.history import application_of, is_of_pull_request, record_id, started_by
from deployer.providers.coolify.lookup import Lookup
from deployer.providers.coolify.watching import deployment, last_check, resource_status, stalled_queue
from deployer.providers.payload import Row

MAX_PHANTOM_CANDIDATES = 10
"""How many deployment records are read to find the deployment behind a phantom or a lost response."""

QUEUE_CHECK_INTERVAL = 5
"""While others run on its server, every fifth poll of a queued deployment also reads the list of them."""

ABSENT_SECONDS = 2.0
"""How long a deployment must be absent before that counts."""
FULL_QUEUE = (
    "the server's deployment queue is full: Coolify responded with a deployment that does not exist, "
    "and nothing was started"
)
LOG_TOO_LARGE = "the build log is larger than 64 MiB: the rest is not shown, only the status is still read"
AUTO_DEPLOY = (
    "a webhook also deploys this commit: everything is deployed twice. Turn off Auto Deploy (in Coolify: "
    "the application's "
    "Configuration, Advanced), or remove this step"
)
AUTO_ADOPTED = (
    "Auto Deploy is on: a webhook has already started this deployment. Turn it off (in Coolify: the "
    "application's "
    "Configuration, Advanced), or remove this step"
)
PREVIEW_STATUS_UNAVAILABLE = (
    "`verify_health: true` is not supported for previews: Coolify's API does not "
    "return the status of a preview"
)
MISSING_OTHERS = (
    "the application has {} additional servers, but only {} of their deployments were found: "
    "the others are not followed"
)


@dataclass(frozen=True, slots=True)
class LastResponse:
    """The last response about one deployment, for the case that it does not change."""

    digest: bytes
    row: Row
    """Without its log."""
    log: deployment.Log


@dataclass
class Poller:
    """Polls what a handle names."""

    lookup: Lookup
    pages: str
    """The base URL of Coolify's pages for people."""
    last: dict[str, LastResponse] = field(default_factory=dict)
    """By the deployment's uuid."""

    def poll(self, handle: Handle) -> Snapshot:
        """Poll a deployment (`GET /deployments/{uuid}`), what is behind a phantom, or a resource's status."""
        if handle.condition:
            return self._status(handle)
        if handle.certainty is Certainty.PHANTOM:
            return self._behind(handle)
        try:
            last = self.last.get(handle.id)
            response = self.lookup.api.deployment(handle.id, known=last.digest if last else b"")
        except TooLargeError as large:
            return self._without_log(large, handle)
        if response.status == 404 and responses.message(response) == "Deployment not found.":
            if handle.certainty is Certainty.POSSIBLY_PHANTOM:
                return self._behind(handle)
            full = handle.certainty is Certainty.UNCONFIRMED
            reason = FULL_QUEUE if full else "this deployment no longer exists in Coolify"
            return Snapshot(Phase.ABSENT, stable_for=ABSENT_SECONDS, reason=reason)
        row, log = self._read(response, last, handle)
        return self._deployment(row, log, handle)

    def _read(
        self, response: Response, last: LastResponse | None, handle: Handle
    ) -> tuple[Any, deployment.Log]:
        """The deployment's record and log. Of a large response only what has changed is parsed."""
        if last and response.unchanged:
            return last.row, last.log
        row = self.lookup.api.json_or_raise(response)
        if isinstance(row, dict) and not is_of(row, handle):
            raise UnavailableError(
                RESPONSE_MISMATCH.format("another deployment, or none"), may_have_arrived=True
            )
        log = deployment.read_log(row, last.log if last else None)
        if response.digest and isinstance(row, dict):
            bare = {name: value for name, value in row.items() if name != "logs"}
            self.last[handle.id] = LastResponse(response.digest, bare, log)
        return row, log

    def listed(self, row: Row, handle: Handle, active: list[Row]) -> Snapshot | None:
        """What a record in the list of all active deployments shows; None if its log is not in that list.

        `active`: all records of the list.
        """
        last = self.last.get(handle.id)
        if "logs" not in row and last and last.log.entries is not None:
            return None
        log = deployment.read_log(row, last.log if last else None)
        bare = {name: value for name, value in row.items() if name != "logs"}
        self.last[handle.id] = LastResponse(b"", bare, log)
        return self._deployment(bare, log, handle, active)

    def handle_of(self, target: str, row: Row) -> Handle:
        """The handle of a deployment that somebody else started."""
        return Handle(
            target,
            str(row.get("deployment_uuid")),
            owner=Owner.OTHERS,
            link=deployment.page_of(row, self.pages),
            started_by=started_by(row, marked=self.lookup.version.has(Feature.MARKS_API)),
        )

    def _deployment(
        self, row: Any, log: deployment.Log, handle: Handle, active: list[Row] | None = None
    ) -> Snapshot:
        """What a record shows. `active`: the records of all active deployments, if they are known."""
        resource, options, version = self.lookup.get(handle.target), self.lookup.options, self.lookup.version
        snapshot = deployment.snapshot_of(
            row,
            self.pages,
            handle.target,
            log=log,
            post_command=resource.post_command,
            may_turn=not version.has(Feature.FINISHED_STAYS),
            hidden_shown=options.hidden_logs,
        )
        pin = resource.progress.pinned_commit or str(resource.row.get("git_commit_sha") or "")
        if version.before(PIN_LOST) and not options.pr and deployment.SHA.fullmatch(pin):
            commit = deployment.pinned_commit(snapshot, pin, forced=bool(row.get("force_rebuild")))
            snapshot = replace(snapshot, commit=commit)
        resource.health_check_passed = resource.health_check_passed or log.healthy
        if snapshot.phase is Phase.QUEUED and options.command is not Command.CANCEL:
            snapshot = self._queued(snapshot, row, handle, active)
        warnings = list(snapshot.warnings)
        if handle.adopted and row.get("is_webhook"):
            warnings.append(AUTO_ADOPTED)
        elif options.deploys and not handle.adopted and snapshot.commit in resource.webhook_commits:
            warnings.append(AUTO_DEPLOY)
        others = snapshot.follow_ups
        has_others = resource.servers and not options.pr and not handle.server
        if has_others and snapshot.phase in {Phase.SUCCEEDED, Phase.UNVERIFIED}:
            if len(others) < resource.servers:
                others = self._others(handle, row, others)
            if len(others) < resource.servers and row.get("finished_at"):
                warnings.append(MISSING_OTHERS.format(resource.servers, len(others)))
        if options.verify_health == "true" and options.pr:
            warnings.append(PREVIEW_STATUS_UNAVAILABLE)
        return replace(
            snapshot,
            follow_ups=tuple(
                replace(each, owner=handle.owner, started_by=handle.started_by) for each in others
            ),
            health_check=resource_status.health_check(
                snapshot, handle.target, options, passed=log.healthy, ended=self._ended(row, handle)
            ),
            warnings=tuple(warnings),
        )

    def _ended(self, row: Row, handle: Handle) -> str:
        """When a deployment ended, if the application then shows when Coolify has checked it since.

        Empty with additional servers, which Coolify checks in its own way, and after a mere restart, after
        which it checks nothing (coolify-api 8 trap 4).
        """
        several = handle.server or self.lookup.get(handle.target).servers
        if self.lookup.version.before(DATED_CHECKS) or several or row.get("restart_only"):
            return ""
        return payload.text(row, "finished_at")

    def _queued(self, snapshot: Snapshot, row: Row, handle: Handle, active: list[Row] | None) -> Snapshot:
        """A queued deployment, which may be stuck.

        Before 4.3.7, a cancel does not start what is queued behind it.
        """
        resource, version = self.lookup.get(handle.target), self.lookup.version
        if not stalled_queue.may_stall(version, handle):
            return snapshot
        resource.queued += 1
        if active is not None:
            resource.behind = stalled_queue.running_on_server(row, active)
        elif not resource.behind or resource.queued % QUEUE_CHECK_INTERVAL == 0:
            try:
                resource.behind = stalled_queue.running_on_server(row, self.lookup.api.active_deployments())
            except (RefusedError, UnavailableError):
                resource.behind = None
        return stalled_queue.judged(snapshot, resource.behind, version, adopted=handle.adopted)

    def stuck(self, target: str) -> str:
        """Why the queued deployment that Coolify takes for ours will not start without help.

        Empty if it may start.
        """
        if not stalled_queue.may_stall(self.lookup.version, Handle(target, "", owner=Owner.OTHERS)):
            return ""
        try:
            active = self.lookup.api.active_deployments()
        except (RefusedError, UnavailableError):  # checked again after the next trigger
            return ""
        mine = self._mine([row for row in active if application_of(row) == target])
        stuck = bool(mine) and all(
            row.get("status") == "queued" and not stalled_queue.running_on_server(row, active) for row in mine
        )
        return stalled_queue.explanation(self.lookup.version, stalled_queue.OLDER) if stuck else ""

    def _others(self, handle: Handle, main: Row, named: tuple[Handle, ...]) -> tuple[Handle, ...]:
        """The deployments of the additional servers.

        Those that the log names, then those found in the list.
        """
        try:
            listed = self.lookup.current(handle.target, 2 * MAX_PHANTOM_CANDIDATES)
        except (RefusedError, UnavailableError):
            return named
        known = {other.id for other in named}
        found = [
            row
            for row in listed
            if record_id(row) > record_id(main) and deployment.is_other_server(row, main)
        ]
        return named + tuple(
            Handle(
                handle.target,
                uuid,
                server=str(row.get("server_name") or ""),
                link=deployment.page_of(row, self.pages),
            )
            for row in sorted(found, key=record_id)
            if (uuid := str(row.get("deployment_uuid"))) not in known
        )

    def _status(self, handle: Handle) -> Snapshot:
        resource, options = self.lookup.get(handle.target), self.lookup.options
        row = self.lookup.api.resource(resource.kind, handle.target)
        if handle.condition == resource_status.HEALTH:
            snapshot = resource_status.health(
                row, options, passed=resource.health_check_passed, before=resource.status
            )
            checked = last_check.seconds_after(
                row, handle.ended, before=resource.row, heartbeat=resource.heartbeat
            )
            resource.heartbeat = last_check.heartbeat_of(row)
            return replace(snapshot, checked_after=checked)
        changed = resource_status.split(row.get("status"))[0] not in {"running", "starting"}
        resource.status_changed = resource.status_changed or changed
        snapshot = resource_status.resource(
            row, handle.condition, resource.status, self.lookup.version, changed=resource.status_changed
        )
        if options.site_shows_version:
            return replace(snapshot, unseen="")
        return snapshot

    def _behind(self, phantom: Handle) -> Snapshot:
        """The real deployment behind "already queued".

        The newest active one of the same pull request (coolify-api 13).
        """
        listed = self.lookup.current(phantom.target, MAX_PHANTOM_CANDIDATES)
        # One may have been stuck for days, and not be in that list.
        mine = self._mine(listed) or self._mine(self.lookup.running_deployments(phantom.target))
        if not mine:
            reason = "Coolify reported that a deployment was already queued, but there is none any more"
            return Snapshot(Phase.ABSENT, reason=reason)
        return Snapshot(Phase.ABSENT, follow_ups=(self.handle_of(phantom.target, mine[-1]),))

    def _mine(self, listed: list[Row]) -> list[Row]:
        """The active ones of the same pull request, newest last."""
        mine = [row for row in listed if _is_active(row) and is_of_pull_request(row, self.lookup.options.pr)]
        return sorted(mine, key=record_id)

    def _without_log(self, large: TooLargeError, handle: Handle) -> Snapshot:
        """A deployment whose log is too large to be read.

        The other fields are at both ends of the row (coolify-api 6).
        """
        field = r'(?<!\\)"{}":(?:"([^"\\]*)"|null)'
        status = re.findall(field.format("status"), large.tail)
        finished = re.findall(field.format("finished_at"), large.head)
        named = [
            uuid for uuid in re.findall(field.format("deployment_uuid"), large.head + large.tail) if uuid
        ]
        if not status or handle.id not in (named or [handle.id]):
            raise large
        row = {"status": status[-1], "finished_at": finished[-1] if finished else None, "logs": None}
        resource = self.lookup.get(handle.target)
        may_turn = not self.lookup.version.has(Feature.FINISHED_STAYS)
        snapshot = deployment.snapshot_of(
            row, self.pages, post_command=resource.post_command, may_turn=may_turn
        )
        warnings = [LOG_TOO_LARGE]
        deployed = snapshot.phase in {Phase.SUCCEEDED, Phase.UNVERIFIED}
        if resource.servers and deployed and not handle.server:
            warnings.append(MISSING_OTHERS.format(resource.servers, 0))
        return replace(
            snapshot,
            log=(),
            reason="" if snapshot.phase is Phase.FAILED else snapshot.reason,
            health_check=resource_status.health_check(
                snapshot, handle.target, self.lookup.options, ended=self._ended(row, handle)
            ),
            warnings=tuple(warnings),
        )


def is_of(row: Row, handle: Handle) -> bool:
    """Whether a record is about this deployment; its application may be missing."""
    return row.get("deployment_uuid") == handle.id and application_of(row) in {"", handle.target}


def _is_active(row: Row) -> bool:
    return deployment.PHASES.get(str(row.get("status"))) in {Phase.QUEUED, Phase.RUNNING}
