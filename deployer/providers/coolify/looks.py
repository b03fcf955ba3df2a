"""One look: at a deployment, behind a phantom, at a status. Each is one question, and then a pure function of the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from deployer.http import TooLargeError
from deployer.model import Command, Handle, Phase, RefusedError, Snapshot, Trust, UnavailableError
from deployer.providers.coolify import answers, rows, stalled, statuses, trigger
from deployer.providers.coolify.api import ANOTHER, Row, application_of
from deployer.providers.coolify.survey import Survey
from deployer.providers.coolify.versions import PIN_LOST, Since

BEHIND = 10
"""Rows that are read for the deployment behind a phantom, and for one whose trigger had no answer."""

EVERY = 5
"""Looks at a queued deployment between two at the list of all that are going, once others were seen before it."""

GONE_HOLD = 2.0
FULL_QUEUE = "the server's deployment queue is full: Coolify answered with a deployment that does not exist, and nothing was started"
LARGE = "the build log has grown above 64 MiB: it is not shown any more, only the status still counts"
AUTO_DEPLOY = (
    "a webhook deploys the same commit, too: everything is deployed twice. Switch Auto Deploy off (in Coolify: the application's "
    "Configuration, Advanced), or leave this step out"
)
AUTO_ADOPTED = (
    "Auto Deploy is on: a webhook has started what this step triggers. Switch it off (in Coolify: the application's Configuration, "
    "Advanced), or leave this step out"
)
PREVIEW_UNSEEN = "`verify_health: true` can't be done for a preview: no answer of Coolify's tells a preview's status"
MISSING_OTHERS = "the application has {} additional servers, but {} of their deployments were found: the rest is not followed"


@dataclass
class Looks:
    """`pages`: where people's pages are."""

    survey: Survey
    pages: str

    def look(self, handle: Handle) -> Snapshot:
        """`GET /deployments/{uuid}`; behind a phantom, the application's list; of everything else, its status."""
        if handle.aspect:
            return self._status(handle)
        if handle.trust is Trust.PHANTOM:
            return self._behind(handle)
        try:
            reply = self.survey.api.deployment(handle.id)
        except TooLargeError as large:
            return self._huge(large, handle)
        if reply.status == 404 and answers.message(reply) == "Deployment not found.":
            if handle.trust is Trust.LISTED:
                return self._behind(handle)
            doubtful = handle.trust is Trust.DOUBTFUL
            return Snapshot(Phase.ABSENT, hold=GONE_HOLD, reason=FULL_QUEUE if doubtful else "Coolify no longer has this deployment")
        row = self.survey.api.good(reply)
        if isinstance(row, dict) and not _is_of(row, handle):
            raise UnavailableError(ANOTHER.format("another deployment, or none"), arrived=True)
        return self._deployment(row, handle)

    def foreign(self, target: str, row: Row) -> Handle:
        """A deployment that somebody else started."""
        return Handle(
            target,
            str(row.get("deployment_uuid")),
            adopted=True,
            link=rows.link(row, self.pages),
            whose=trigger.starter(row, marked=self.survey.version.has(Since.MARKS_API)),
        )

    def _deployment(self, row: Any, handle: Handle) -> Snapshot:
        seen, wish, version = self.survey.of(handle.target), self.survey.wish, self.survey.version
        flips = not version.has(Since.FINISHED_STAYS)
        shown = rows.snapshot(row, self.pages, handle.target, post_command=seen.post_command, flips=flips, hidden_shown=wish.hidden_logs)
        pin = self.survey.pins.get(handle.target) or str(seen.row.get("git_commit_sha") or "")
        if version.before(PIN_LOST) and not wish.pr and rows.SHA.fullmatch(pin):
            shown = replace(shown, commit=rows.pinned_commit(shown, pin, forced=bool(row.get("force_rebuild"))))
        seen.passed = seen.passed or statuses.passed_health_check(shown)
        if shown.phase is Phase.QUEUED and wish.command is not Command.CANCEL:
            shown = self._queued(shown, row, handle)
        told = list(shown.warnings)
        if handle.adopted and row.get("is_webhook"):
            told.append(AUTO_ADOPTED)
        elif wish.deploys and not handle.adopted and shown.commit in seen.webhooks:
            told.append(AUTO_DEPLOY)
        others = shown.next
        if seen.servers and not wish.pr and shown.phase in {Phase.SUCCEEDED, Phase.UNPROVEN} and not handle.server:
            if len(others) < seen.servers:
                others = self._others(handle, row, others)
            told += [MISSING_OTHERS.format(seen.servers, len(others))] if len(others) < seen.servers and row.get("finished_at") else []
        if wish.verify == "true" and wish.pr:
            told.append(PREVIEW_UNSEEN)
        others = tuple(replace(each, adopted=handle.adopted, whose=handle.whose) for each in others)
        return replace(shown, next=others, proof=statuses.proof(shown, handle.target, wish), warnings=tuple(told))

    def _queued(self, shown: Snapshot, row: Row, handle: Handle) -> Snapshot:
        """Before 4.3.7 a cancel leaves what is behind it in the queue, and nothing starts that: see stalled.py."""
        seen, version = self.survey.of(handle.target), self.survey.version
        if not stalled.may_stall(version, handle):
            return shown
        seen.queued += 1
        if not seen.behind or seen.queued % EVERY == 0:
            try:
                seen.behind = stalled.before(row, self.survey.api.active())
            except (RefusedError, UnavailableError):
                seen.behind = None
        return stalled.seen(shown, seen.behind, version, adopted=handle.adopted)

    def stuck(self, target: str) -> str:
        """Why the deployment of this target that Coolify takes ours for will not be started by itself; empty where it may be."""
        if not stalled.may_stall(self.survey.version, Handle(target, "", adopted=True)):
            return ""
        try:
            going = self.survey.api.active()
        except (RefusedError, UnavailableError):  # it is asked again after the next trigger
            return ""
        mine = self._mine([row for row in going if application_of(row) == target])
        stuck = bool(mine) and all(row.get("status") == "queued" and not stalled.before(row, going) for row in mine)
        return stalled.sentence(self.survey.version, stalled.OLDER) if stuck else ""

    def _others(self, handle: Handle, main: Row, named: tuple[Handle, ...]) -> tuple[Handle, ...]:
        """The additional servers' deployments, where the log does not name them all, or can't be read; those it names come first."""
        try:
            listed = self.survey.current(handle.target, 2 * BEHIND)
        except (RefusedError, UnavailableError):
            return named
        there = {other.id for other in named}
        found = [row for row in listed if trigger.number(row) > trigger.number(main) and rows.other(row, main)]
        return named + tuple(
            Handle(handle.target, uuid, server=str(row.get("server_name") or ""), link=rows.link(row, self.pages))
            for row in sorted(found, key=trigger.number)
            if (uuid := str(row.get("deployment_uuid"))) not in there
        )

    def _status(self, handle: Handle) -> Snapshot:
        seen = self.survey.of(handle.target)
        row = self.survey.api.resource(seen.kind, handle.target)
        wish = self.survey.wish
        if handle.aspect == statuses.HEALTH:
            shown = statuses.health(row, wish, passed=seen.passed, before=seen.status, shaken=seen.down)
            seen.down = seen.down or statuses.is_down(shown.detail, wish, seen.status)
            return shown
        seen.moved = seen.moved or statuses.split(row.get("status"))[0] not in {"running", "starting"}
        shown = statuses.resource(row, handle.aspect, seen.status, self.survey.version, moved=seen.moved)
        return replace(shown, unseen="") if wish.proven else shown  # then the site shows it

    def _behind(self, phantom: Handle) -> Snapshot:
        """The real deployment behind "already queued": the newest one of the same pull request that is still going (coolify-api 13)."""
        listed = self.survey.current(phantom.target, BEHIND)
        mine = self._mine(listed) or self._mine(self.survey.running(phantom.target))  # one may be stuck for days
        if not mine:
            return Snapshot(Phase.ABSENT, reason="Coolify said that one was already queued, but there is none any more")
        return Snapshot(Phase.ABSENT, next=(self.foreign(phantom.target, mine[-1]),))

    def _mine(self, listed: list[Row]) -> list[Row]:
        """Those of the same pull request that are going, the newest last."""
        mine = [row for row in listed if _going(row) and (row.get("pull_request_id") or 0) == self.survey.wish.pr]
        return sorted(mine, key=trigger.number)

    def _huge(self, large: TooLargeError, handle: Handle) -> Snapshot:
        """The status of a row whose log is too large to be read: the fields around the log stand at the ends (coolify-api 6)."""
        field = r'(?<!\\)"{}":(?:"([^"\\]*)"|null)'
        status = re.findall(field.format("status"), large.tail)
        finished = re.findall(field.format("finished_at"), large.head)
        named = [uuid for uuid in re.findall(field.format("deployment_uuid"), large.head + large.tail) if uuid]
        if not status or handle.id not in (named or [handle.id]):
            raise large
        row = {"status": status[-1], "finished_at": finished[-1] if finished else None, "logs": None}
        known = self.survey.of(handle.target)
        flips = not self.survey.version.has(Since.FINISHED_STAYS)
        seen = rows.snapshot(row, self.pages, post_command=known.post_command, flips=flips)
        over = seen.phase in {Phase.SUCCEEDED, Phase.UNPROVEN}
        return replace(
            seen,
            log=(),
            reason="" if seen.phase is Phase.FAILED else seen.reason,
            proof=statuses.proof(seen, handle.target, self.survey.wish),
            warnings=(LARGE, *([MISSING_OTHERS.format(known.servers, 0)] if known.servers and over and not handle.server else [])),
        )


def _is_of(row: Row, handle: Handle) -> bool:
    """Whether an answer is about this deployment, as far as it says of what application that is."""
    return row.get("deployment_uuid") == handle.id and application_of(row) in {"", handle.target}


def _going(row: Row) -> bool:
    return rows.PHASES.get(str(row.get("status"))) in {Phase.QUEUED, Phase.RUNNING}
