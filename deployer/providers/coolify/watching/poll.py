"""One look: at a deployment, behind a phantom, at a status. Each is one question, and then a pure function of the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from deployer.http.client import TooLargeError
from deployer.model import Certainty, Command, Handle, Owner, Phase, RefusedError, Snapshot, UnavailableError
from deployer.providers.coolify import trigger
from deployer.providers.coolify.api import responses
from deployer.providers.coolify.api.client import ANOTHER, application_of
from deployer.providers.coolify.api.versions import PIN_LOST, Feature
from deployer.providers.coolify.lookup import Lookup
from deployer.providers.coolify.watching import deployment, resource_status, stalled_queue
from deployer.providers.payload import Row

MAX_PHANTOM_CANDIDATES = 10
"""Rows that are read for the deployment behind a phantom, and for one whose trigger had no answer."""

EVERY = 5
"""Looks at a queued deployment between two at the list of all that are going, once others were seen before it."""

ABSENT_SECONDS = 2.0
FULL_QUEUE = "the server's deployment queue is full: Coolify answered with a deployment that does not exist, and nothing was started"
LOG_TOO_LARGE = "the build log has grown above 64 MiB: it is not shown any more, only the status still counts"
AUTO_DEPLOY = (
    "a webhook deploys the same commit, too: everything is deployed twice. Switch Auto Deploy off (in Coolify: the application's "
    "Configuration, Advanced), or leave this step out"
)
AUTO_ADOPTED = (
    "Auto Deploy is on: a webhook has started what this step triggers. Switch it off (in Coolify: the application's Configuration, "
    "Advanced), or leave this step out"
)
PREVIEW_UNSEEN = (
    "`verify_health: true` can't be done for a preview: no answer of Coolify's tells a preview's status"
)
MISSING_OTHERS = "the application has {} additional servers, but {} of their deployments were found: the rest is not followed"


@dataclass
class Poller:
    """`pages`: where people's pages are."""

    lookup: Lookup
    pages: str

    def poll(self, handle: Handle) -> Snapshot:
        """`GET /deployments/{uuid}`; behind a phantom, the application's list; of everything else, its status."""
        if handle.condition:
            return self._status(handle)
        if handle.certainty is Certainty.PHANTOM:
            return self._behind(handle)
        try:
            response = self.lookup.api.deployment(handle.id)
        except TooLargeError as large:
            return self._huge(large, handle)
        if response.status == 404 and responses.message(response) == "Deployment not found.":
            if handle.certainty is Certainty.POSSIBLY_PHANTOM:
                return self._behind(handle)
            doubtful = handle.certainty is Certainty.UNCONFIRMED
            return Snapshot(
                Phase.ABSENT,
                stable_for=ABSENT_SECONDS,
                reason=FULL_QUEUE if doubtful else "Coolify no longer has this deployment",
            )
        row = self.lookup.api.json_or_raise(response)
        if isinstance(row, dict) and not _is_of(row, handle):
            raise UnavailableError(ANOTHER.format("another deployment, or none"), may_have_arrived=True)
        return self._deployment(row, handle)

    def foreign(self, target: str, row: Row) -> Handle:
        """A deployment that somebody else started."""
        return Handle(
            target,
            str(row.get("deployment_uuid")),
            owner=Owner.OTHERS,
            link=deployment.page_of(row, self.pages),
            started_by=trigger.started_by(row, marked=self.lookup.version.has(Feature.MARKS_API)),
        )

    def _deployment(self, row: Any, handle: Handle) -> Snapshot:
        seen, options, version = self.lookup.get(handle.target), self.lookup.options, self.lookup.version
        flips = not version.has(Feature.FINISHED_STAYS)
        shown = deployment.snapshot_of(
            row,
            self.pages,
            handle.target,
            post_command=seen.post_command,
            flips=flips,
            hidden_shown=options.hidden_logs,
        )
        pin = self.lookup.pins.get(handle.target) or str(seen.row.get("git_commit_sha") or "")
        if version.before(PIN_LOST) and not options.pr and deployment.SHA.fullmatch(pin):
            shown = replace(
                shown, commit=deployment.pinned_commit(shown, pin, forced=bool(row.get("force_rebuild")))
            )
        seen.health_check_passed = seen.health_check_passed or resource_status.passed_health_check(shown)
        if shown.phase is Phase.QUEUED and options.command is not Command.CANCEL:
            shown = self._queued(shown, row, handle)
        told = list(shown.warnings)
        if handle.adopted and row.get("is_webhook"):
            told.append(AUTO_ADOPTED)
        elif options.deploys and not handle.adopted and shown.commit in seen.webhook_commits:
            told.append(AUTO_DEPLOY)
        others = shown.follow_ups
        if (
            seen.servers
            and not options.pr
            and shown.phase in {Phase.SUCCEEDED, Phase.UNVERIFIED}
            and not handle.server
        ):
            if len(others) < seen.servers:
                others = self._others(handle, row, others)
            told += (
                [MISSING_OTHERS.format(seen.servers, len(others))]
                if len(others) < seen.servers and row.get("finished_at")
                else []
            )
        if options.verify_health == "true" and options.pr:
            told.append(PREVIEW_UNSEEN)
        others = tuple(replace(each, owner=handle.owner, started_by=handle.started_by) for each in others)
        return replace(
            shown,
            follow_ups=others,
            health_check=resource_status.health_check(shown, handle.target, options),
            warnings=tuple(told),
        )

    def _queued(self, shown: Snapshot, row: Row, handle: Handle) -> Snapshot:
        """Before 4.3.7 a cancel leaves what is behind it in the queue, and nothing starts that: see watching/stalled_queue.py."""
        seen, version = self.lookup.get(handle.target), self.lookup.version
        if not stalled_queue.may_stall(version, handle):
            return shown
        seen.queued += 1
        if not seen.behind or seen.queued % EVERY == 0:
            try:
                seen.behind = stalled_queue.before(row, self.lookup.api.active_deployments())
            except (RefusedError, UnavailableError):
                seen.behind = None
        return stalled_queue.seen(shown, seen.behind, version, adopted=handle.adopted)

    def stuck(self, target: str) -> str:
        """Why the deployment of this target that Coolify takes ours for will not be started by itself; empty where it may be."""
        if not stalled_queue.may_stall(self.lookup.version, Handle(target, "", owner=Owner.OTHERS)):
            return ""
        try:
            going = self.lookup.api.active_deployments()
        except (RefusedError, UnavailableError):  # it is asked again after the next trigger
            return ""
        mine = self._mine([row for row in going if application_of(row) == target])
        stuck = bool(mine) and all(
            row.get("status") == "queued" and not stalled_queue.before(row, going) for row in mine
        )
        return stalled_queue.sentence(self.lookup.version, stalled_queue.OLDER) if stuck else ""

    def _others(self, handle: Handle, main: Row, named: tuple[Handle, ...]) -> tuple[Handle, ...]:
        """The additional servers' deployments, where the log does not name them all, or can't be read; those it names come first."""
        try:
            listed = self.lookup.current(handle.target, 2 * MAX_PHANTOM_CANDIDATES)
        except (RefusedError, UnavailableError):
            return named
        there = {other.id for other in named}
        found = [
            row
            for row in listed
            if trigger.record_id(row) > trigger.record_id(main) and deployment.is_other_server(row, main)
        ]
        return named + tuple(
            Handle(
                handle.target,
                uuid,
                server=str(row.get("server_name") or ""),
                link=deployment.page_of(row, self.pages),
            )
            for row in sorted(found, key=trigger.record_id)
            if (uuid := str(row.get("deployment_uuid"))) not in there
        )

    def _status(self, handle: Handle) -> Snapshot:
        seen = self.lookup.get(handle.target)
        row = self.lookup.api.resource(seen.kind, handle.target)
        options = self.lookup.options
        if handle.condition == resource_status.HEALTH:
            shown = resource_status.health(
                row, options, passed=seen.health_check_passed, before=seen.status, shaken=seen.down
            )
            seen.down = seen.down or resource_status.is_down(shown.raw_status, options, seen.status)
            return shown
        seen.status_changed = seen.status_changed or resource_status.split(row.get("status"))[0] not in {
            "running",
            "starting",
        }
        shown = resource_status.resource(
            row, handle.condition, seen.status, self.lookup.version, moved=seen.status_changed
        )
        return replace(shown, unseen="") if options.proven else shown  # then the site shows it

    def _behind(self, phantom: Handle) -> Snapshot:
        """The real deployment behind "already queued": the newest one of the same pull request that is still going (coolify-api 13)."""
        listed = self.lookup.current(phantom.target, MAX_PHANTOM_CANDIDATES)
        mine = self._mine(listed) or self._mine(
            self.lookup.running_deployments(phantom.target)
        )  # one may be stuck for days
        if not mine:
            return Snapshot(
                Phase.ABSENT, reason="Coolify said that one was already queued, but there is none any more"
            )
        return Snapshot(Phase.ABSENT, follow_ups=(self.foreign(phantom.target, mine[-1]),))

    def _mine(self, listed: list[Row]) -> list[Row]:
        """Those of the same pull request that are going, the newest last."""
        mine = [
            row
            for row in listed
            if _going(row) and (row.get("pull_request_id") or 0) == self.lookup.options.pr
        ]
        return sorted(mine, key=trigger.record_id)

    def _huge(self, large: TooLargeError, handle: Handle) -> Snapshot:
        """The status of a row whose log is too large to be read: the fields around the log stand at the ends (coolify-api 6)."""
        field = r'(?<!\\)"{}":(?:"([^"\\]*)"|null)'
        status = re.findall(field.format("status"), large.tail)
        finished = re.findall(field.format("finished_at"), large.head)
        named = [
            uuid for uuid in re.findall(field.format("deployment_uuid"), large.head + large.tail) if uuid
        ]
        if not status or handle.id not in (named or [handle.id]):
            raise large
        row = {"status": status[-1], "finished_at": finished[-1] if finished else None, "logs": None}
        known = self.lookup.get(handle.target)
        flips = not self.lookup.version.has(Feature.FINISHED_STAYS)
        seen = deployment.snapshot_of(row, self.pages, post_command=known.post_command, flips=flips)
        over = seen.phase in {Phase.SUCCEEDED, Phase.UNVERIFIED}
        return replace(
            seen,
            log=(),
            reason="" if seen.phase is Phase.FAILED else seen.reason,
            health_check=resource_status.health_check(seen, handle.target, self.lookup.options),
            warnings=(
                LOG_TOO_LARGE,
                *(
                    [MISSING_OTHERS.format(known.servers, 0)]
                    if known.servers and over and not handle.server
                    else []
                ),
            ),
        )


def _is_of(row: Row, handle: Handle) -> bool:
    """Whether an answer is about this deployment, as far as it says of what application that is."""
    return row.get("deployment_uuid") == handle.id and application_of(row) in {"", handle.target}


def _going(row: Row) -> bool:
    return deployment.PHASES.get(str(row.get("status"))) in {Phase.QUEUED, Phase.RUNNING}
