"""The calls to one Coolify server: each is one request or two, read by the pure functions beside it (coolify-api 2, 5 and 13)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from deployer.http.client import Response, TooLargeError, retry_after
from deployer.model import (
    Ability,
    AccessDenied,
    AlreadyDone,
    Certainty,
    Changes,
    Command,
    GroupStarted,
    Handle,
    RefusedError,
    Rejected,
    RetryLater,
    Snapshot,
    Started,
    Target,
    TriggerResult,
    UnavailableError,
)
from deployer.model.text import one_line
from deployer.providers.coolify import preflight, resources, rollback, tags, trigger, trigger_requests
from deployer.providers.coolify.api import responses
from deployer.providers.coolify.api.authentic import QUEUE_FULL, TOO_MANY
from deployer.providers.coolify.api.client import Client, of_application
from deployer.providers.coolify.api.versions import Feature, Version
from deployer.providers.coolify.changes.apply import ChangeApplier, RequestedChanges, json_or_raise
from deployer.providers.coolify.changes.create import Creator
from deployer.providers.coolify.changes.create_rules import NewApplication
from deployer.providers.coolify.lookup import Lookup, of_this_list
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.rollback import Rollback
from deployer.providers.coolify.trigger_requests import APPLICATION, KINDS, TAG, TriggerRequest
from deployer.providers.coolify.watching import resource_status, stalled_queue
from deployer.providers.coolify.watching.poll import MAX_PHANTOM_CANDIDATES, Poller
from deployer.providers.payload import Row

CONNECT_READ_SECONDS = 8.0
"""Seconds for the first answer: three tries fit into the thirty seconds of architecture, rule 10."""

TRIGGER_READ_SECONDS = 120.0
"""Seconds for the answer to a trigger: Coolify may do slow work over SSH before it answers (coolify-api 3.5)."""

QUEUE_FULL_RETRY_SECONDS = 60.0
OLDER_DEPLOYMENT_RETRY_SECONDS = 30.0
OLDER_DEPLOYMENT = "an older deployment of the same commit is still going, and may not have read what was changed: it is triggered again when that is over"
TOKEN_CANNOT_READ = (
    "the token may not read (Missing required permissions: read), so its deployment can't be followed. "
    f"Make a new one: {responses.TOKEN_ABILITIES_HINT}. Or give a second token as `read_token`, or set `wait: false`"
)
CANNOT_READ_NOTE = "the token may not read, so nothing but the trigger will be seen"
CANNOT_TELL = (
    "the answer to the trigger was lost, and the token or this version of Coolify can't list deployments"
)
UNLISTED = "the response to the trigger was lost, and the list of deployments can't be read"
STATUS_UNCHANGED = "the answer was lost, and its status is still {}: it may have been started anew, or not"


class CoolifyProvider:
    """One Coolify, one login. Keeps what the API makes a client remember, nothing else."""

    def __init__(
        self,
        api: Client,
        base: str,
        options: Options,
        requested: RequestedChanges | None = None,
        new_application: NewApplication | None = None,
    ) -> None:
        self.api = api
        self.base = base
        self.options = options
        self.lookup = Lookup(api, options)
        self._changes = ChangeApplier(self.lookup, requested or RequestedChanges())
        self._creator = Creator(self.lookup, new_application, self._changes) if new_application else None
        self._rollback = Rollback(self.lookup, self._changes)
        self._rollback_requests: dict[str, TriggerRequest] = {}
        self._denied: dict[str, str] = {}
        self._stuck: dict[str, str] = {}
        self._stalls = self._told_waiting = False
        parts = urlsplit(base)
        self._pages = f"{parts.scheme}://{parts.netloc}"
        self._poller = Poller(self.lookup, self._pages)

    @property
    def remaining(self) -> int | None:
        """Requests that the server still grants in this minute."""
        return self.api.remaining

    # --- before anything is started

    def connect(self, *, timeout: float | None = None) -> str:
        """`GET /version`: it decides whether anything of Coolify is there (architecture 4)."""
        try:
            return self._reached(self.api.send("GET", "/version", timeout=timeout or CONNECT_READ_SECONDS))
        except (RefusedError, UnavailableError) as error:
            raise error.because(f"{self.base}: {error.reason}") from error

    def _reached(self, response: Response) -> str:
        if responses.lacks_ability(response, "read"):
            if self.options.wait and not self.options.read_only:
                raise RefusedError(TOKEN_CANNOT_READ, token_wide=True)
            self.lookup.write_only_token = True
            return f"Coolify at {self.base} ({CANNOT_READ_NOTE})"
        text = response.data.strip() if isinstance(response.data, str) else ""
        if response.status == 200 and responses.VERSION.fullmatch(text):
            self.lookup.version = Version(text)
            return f"Coolify {text} at {self.base}"
        self.api.json_or_raise(response)
        raise UnavailableError(
            "an answer in JSON, but not a version: `coolify_url` is not the address of a Coolify"
        )

    def resolve(self, target: str) -> Target:
        """What the target is, and the newest row of its deployments; and whether it can have what is to be changed.

        Source: architecture, rule 7.
        """
        maker = self._maker(target)
        found = maker.resolve() if maker else Target(target)
        if not found.missing:
            found = self.lookup.resolve(found.id)
        if self._changes.requested and self.options.deploys:
            patch, _ = self._changes.plan(found.id)
            if "domains" in patch.body and not found.missing and not self.options.read_only:
                row = {
                    **self.lookup.get(found.id).row,
                    "fqdn": patch.body["domains"],
                }  # where it answers once that is changed
                asked_for = resources.target(APPLICATION, found.id, row, self.options)
                found = replace(asked_for, before=found.url if found.before is None else found.before)
        return found

    def _maker(self, target: str) -> Creator | None:
        """Who finds or makes what has only a name so far."""
        return self._creator if self._creator and target == self._creator.new_application.name else None

    def _kept(self, target: str) -> tuple[str, ...]:
        return self._creator.kept(target) if self._creator else ()

    def abilities(self) -> tuple[Ability, ...]:
        """See preflight.py."""
        writes = (
            "to change the application before it is deployed"
            if self._changes.requested and self.options.deploys
            else ""
        )
        return preflight.abilities(
            self.lookup, writes=writes or ("to put back what ran before" if self._rollback.writes else "")
        )

    def describe(self, target: str) -> tuple[str, ...]:
        """What would be sent, and what that would do."""
        seen = self.lookup.get(target)
        if self.options.command is Command.CANCEL:
            return tuple(
                f"would cancel deployment {each.id}, which {each.started_by}" for each in self.active(target)
            ) or ("nothing to cancel",)
        if self.options.command is Command.ROLLBACK:
            return self._ways_back(target)
        maker = self._maker(target)
        changes = (maker.describe(),) if maker else self._kept(target)
        changes += self._changes.describe(target) if self._changes.requested else ()
        undone = (
            (self._rollback.dry_run(target),)
            if self.options.rollback and seen.kind != TAG and not seen.missing
            else ()
        )
        act = trigger_requests.request_for(
            seen.kind, preflight.NEW if seen.missing else target, self.options, self.lookup.version
        )
        patched = (
            self._changes.plan(target)[0].body
            if self._changes.requested and seen.row and not seen.missing
            else {}
        )
        return changes + preflight.describe(act, seen, self.options, patched) + undone

    def _ways_back(self, target: str) -> tuple[str, ...]:
        """What would be gone back to, and what else there is."""
        listed = [f"could go back to {each}" for each in self._rollback.candidates(target)]
        return (f"would go {self._rollback.on_demand(target).note}", *listed)

    def apply_changes(self, target: str) -> Changes:
        """See changes/create.py and changes/apply.py."""
        if maker := self._maker(target):
            return maker.create()
        prepared = self._changes.apply(target) if self._changes.requested else Changes(())
        return replace(
            prepared, warnings=(*prepared.warnings, *self._kept(target), *self._rollback.warnings(target))
        )

    def changes_made(self, target: str) -> tuple[str, ...]:
        """See changes/apply.py; and what was changed to put back what ran before."""
        return (*self._changes.applied(target), *self._rollback.changed.get(target, ()))

    # --- starting

    def trigger(self, target: str) -> TriggerResult:
        """One request that can start anything. Who may not read does not know of what kind a uuid is: a 404 starts nothing."""
        if self.options.command is Command.ROLLBACK:
            return self._go_back(target, None)
        seen = self.lookup.resources.get(target)
        kinds = (
            (seen.kind,)
            if seen
            else (TAG,)
            if target in self.options.tags
            else (APPLICATION,)
            if self.options.pr
            else self._guesses
        )
        if denied := self._denied.get(
            trigger_requests.abilities(kinds[0], self.options, self.lookup.version)
        ):
            return Rejected(denied)  # architecture, rule 3: it would only be refused again
        for kind in kinds:
            act = trigger_requests.request_for(kind, target, self.options, self.lookup.version)
            response = self.api.send(act.method, act.path, act.params, timeout=TRIGGER_READ_SECONDS)
            if act.is_bulk or not responses.is_not_found(response):
                break
        try:
            return self._fresh(self._answer(response, act), target)
        except RefusedError as error:
            if response.status == 403:
                self._denied[trigger_requests.abilities(act.kind, self.options, self.lookup.version)] = (
                    error.reason
                )
            raise

    def _fresh(self, answer: TriggerResult, target: str) -> TriggerResult:
        """What this run has changed must go live: an older deployment is waited for then, and not taken for ours."""
        skipped = isinstance(answer, Started) and any(
            handle.certainty is Certainty.PHANTOM for handle in answer.handles
        )
        if not skipped or not self._changes.done.get(target):
            return answer
        before, self._stuck[target] = self._stuck.get(target, ""), self._poller.stuck(target)
        return (
            Rejected(before)
            if before and self._stuck[target]
            else RetryLater(OLDER_DEPLOYMENT_RETRY_SECONDS, OLDER_DEPLOYMENT)
        )

    def rollback(self, target: str, deployment: Handle) -> TriggerResult:
        """See rollback.py."""
        return self._go_back(target, deployment)

    def _go_back(self, target: str, deployed: Handle | None) -> TriggerResult:
        try:
            act = self._rollback_requests[target] = self._rollback.act(target, deployed)
        except UnavailableError as error:
            # Only read so far, or changed in a way that is safe to repeat: nothing was started.
            raise error.not_sent() from error
        try:
            response = self.api.send(
                act.method, act.path, act.params, body=act.body, timeout=TRIGGER_READ_SECONDS
            )
            if response.status == 422 and act.body:
                json_or_raise(response, act.body, self.lookup.version, "to go back")
            answer = self._answer(response, act)
        except (RefusedError, UnavailableError) as error:
            raise error.because(error.reason + self._rollback.changes_so_far(target)) from error
        return (
            replace(answer, reason=answer.reason + self._rollback.changes_so_far(target))
            if isinstance(answer, (RetryLater, Rejected))
            else answer
        )

    @property
    def _guesses(self) -> tuple[str, ...]:
        """Of what kind a uuid may be, in the order in which that is tried: to start an application is to deploy anew whatever it is."""
        return KINDS[::-1] if self.options.command is Command.START else KINDS

    def _answer(self, response: Response, act: TriggerRequest) -> TriggerResult:
        text = responses.message(response)
        if response.status == 429 and text.startswith(QUEUE_FULL):
            return self._queue_full(response, act)
        if response.status == 429 and text == TOO_MANY:
            wait = retry_after(response) or QUEUE_FULL_RETRY_SECONDS
            raise UnavailableError(f"Coolify is asked too often ({text})", from_server=True, retry_after=wait)
        if rollback.is_full(response.status, text):
            return RetryLater(QUEUE_FULL_RETRY_SECONDS, trigger.split_message(text))
        if response.status == 400 and (done := resource_status.already_in_state(act.kind, text)):
            return AlreadyDone(done)
        if response.status == 404 and (missing := self._missing(response, text, act)):
            return missing
        data = responses.json_or_raise(response)
        return self._named(data, act.target) if act.kind == TAG else self._accepted(data, act)

    def _accepted(self, data: Any, act: TriggerRequest) -> Started | Rejected:
        answer = trigger.parse_accepted(data, act, self.options, blind=self.lookup.write_only_token)
        return replace(answer, note=answer.note or act.note) if isinstance(answer, Started) else answer

    def _named(self, data: Any, tag: str) -> GroupStarted | Rejected:
        """What it names is known from here on, whatever interrupts the reading of names."""
        named = tags.read(data)
        if isinstance(named, Rejected):
            return named
        self.lookup.tag_responses[tag] = named
        return tags.spread(tag, self.lookup)

    def _queue_full(self, response: Response, act: TriggerRequest) -> RetryLater:
        """A tag is not sent again: what stood before the full server was queued (coolify-api 5.1)."""
        text = responses.message(response)
        if act.kind == TAG:
            raise UnavailableError(trigger.split_message(text), may_have_arrived=True, from_server=True)
        return RetryLater(retry_after(response) or QUEUE_FULL_RETRY_SECONDS, trigger.split_message(text))

    def _missing(self, response: Response, text: str, act: TriggerRequest) -> AlreadyDone | Rejected | None:
        """The 404s that say something of what was asked for."""
        if act.method == "DELETE" and text == "Preview not found.":
            return AlreadyDone(f"there is no preview of pull request {self.options.pr}: nothing to delete")
        if trigger.NO_PREVIEW.fullmatch(text):
            dead = "Coolify has queued a deployment all the same, which never runs: cancel it there"
            return Rejected(f"{trigger.no_preview(self.options)}. {dead}")
        if responses.unknown_endpoint(response):
            return Rejected(f"this version of Coolify can't {act.summary}: it has no {act.method} {act.path}")
        return None

    def find_triggered(
        self, target: str, *, timeout: float | None = None
    ) -> Started | GroupStarted | AccessDenied | None:
        """Architecture, rule 7: rows that are newer than the newest before our trigger, made by the API, of the same kind as ours."""
        seen = self.lookup.resources.get(target)
        if self.lookup.write_only_token or seen is None:
            return AccessDenied(CANNOT_TELL)
        if target in self.lookup.tag_responses:
            return tags.spread(target, self.lookup, ask=timeout is None)
        if seen.kind == TAG:
            return self._found_tag(seen, timeout)
        if seen.kind != APPLICATION or self.options.command is Command.STOP:
            return self._found_by_status(target, seen, timeout)
        return self._found_listed(target, seen, timeout)

    def _found_tag(self, seen: Resource, timeout: float | None) -> GroupStarted | AccessDenied:
        """Among all that are going: what is newer than all that were going before."""
        if seen.unread:
            return AccessDenied(UNLISTED)
        services = seen.members is not None and timeout is None and bool(self.api.services())
        newer = [
            row
            for row in self.api.active_deployments(timeout=timeout)
            if self._ours(row) and trigger.record_id(row) > seen.newest_id
        ]
        return tags.found(seen, newer, self._pages, marked=self._marked, services=services)

    def _found_listed(
        self, target: str, seen: Resource, timeout: float | None
    ) -> Started | AccessDenied | None:
        """In the application's list, or, where there is none to be read, among all that are going."""
        try:
            recent = (
                self.lookup.recent(target, MAX_PHANTOM_CANDIDATES, newest=seen.newest_id, timeout=timeout)
                if seen.has_history
                else None
            )
            listed = of_application(target, recent)
        except (RefusedError, UnavailableError) as error:
            if isinstance(error, RefusedError) and not of_this_list(error):
                raise
            return self._found_otherwise(target, seen, error, timeout)
        return (
            self._found_running(target, seen, timeout)
            if listed is None
            else self._found_newer(listed, target, seen)
        )

    def _found_newer(self, listed: list[Row], target: str, seen: Resource) -> Started | None:
        newer = [row for row in listed if trigger.record_id(row) > seen.newest_id and self._ours(row, target)]
        return trigger.adopt_oldest(newer, target, self._pages, marked=self._marked)

    def _found_otherwise(
        self, target: str, seen: Resource, error: RefusedError | UnavailableError, timeout: float | None
    ) -> Started | AccessDenied:
        """The list can't be read any more: a newer row among all that are going; that there is none means nothing."""
        if found := self._found_newer(self.lookup.running_deployments(target, timeout=timeout), target, seen):
            return found
        if isinstance(error, (RefusedError, TooLargeError)):  # the same request again would tell no more
            return AccessDenied(UNLISTED)
        raise error

    def _found_running(self, target: str, seen: Resource, timeout: float | None) -> Started | AccessDenied:
        """Without a list per application (before beta.402, or unreadable): a new row of it among all that are going."""
        if seen.running_before is None:
            return AccessDenied(UNLISTED)
        rows = self.lookup.running_deployments(target, timeout=timeout)
        newer = [
            row
            for row in rows
            if str(row.get("deployment_uuid")) not in seen.running_before and self._ours(row, target)
        ]
        return trigger.adopt_oldest(newer, target, self._pages, marked=self._marked) or AccessDenied(
            UNLISTED if seen.unread else CANNOT_TELL
        )

    def _found_by_status(
        self, target: str, seen: Resource, timeout: float | None
    ) -> Started | AccessDenied | None:
        """Two looks at its status. What is done only once, however often it is asked for, may be sent again; a restart may not."""
        if self.options.pr:
            return None  # a preview's status is in no answer, and to delete it again does nothing
        seen.status_checks += 1
        status = one_line(self.api.resource(seen.kind, target, timeout=timeout).get("status"))
        state, before = resource_status.split(status)[0], resource_status.split(seen.status)[0]
        stopping = self.options.command is Command.STOP
        if state == "exited" if stopping else state != before:
            aspect = resource_status.STOPPED if stopping else resource_status.RUNNING
            return Started((Handle(target, "", condition=aspect),), f"its status has changed to {status}")
        again = self.options.command in {Command.START, Command.STOP} or seen.status_checks == 1
        return None if again else AccessDenied(STATUS_UNCHANGED.format(status or "not known"))

    def _ours(self, row: dict[str, object], target: str = "") -> bool:
        if target in self._rollback_requests:
            return rollback.like(row, self._rollback_requests[target], marked=self._marked)
        return trigger.matches_ours(row, self.options, self.lookup.version)

    @property
    def _marked(self) -> bool:
        """Whether this version marks what the API has started (captured/v4.0.0-beta.434/app_deployments: false)."""
        return self.lookup.version.has(Feature.MARKS_API)

    # --- looking, and cancelling

    def poll(self, handle: Handle) -> Snapshot:
        """See watching/poll.py."""
        return self._poller.poll(handle)

    def active(self, target: str) -> tuple[Handle, ...]:
        """From the list of all that are going; of services and databases there is none."""
        kind = self.lookup.get(target).kind
        if self.lookup.write_only_token:
            raise RefusedError(f"what is to be cancelled can't be seen: {CANNOT_READ_NOTE}")
        if kind != APPLICATION:
            raise RefusedError(
                f"a {kind} has no deployments that could be cancelled; `command: stop` stops it"
            )
        rows = [
            row
            for row in self.lookup.running_deployments(target)
            if not self.options.pr or row.get("pull_request_id") == self.options.pr
        ]
        if rows and not self.lookup.version.has(Feature.CANCEL):
            raise RefusedError(trigger_requests.NO_CANCEL)
        order = sorted(rows, key=lambda row: (row.get("status") != "in_progress", trigger.record_id(row)))
        return tuple(self._poller.handle_of(target, row) for row in order)

    def cancel(self, handle: Handle, *, timeout: float | None = None) -> str:
        """`POST /deployments/{uuid}/cancel`. The row is marked before the slow work: a 500 is read as "look again" (coolify-api 5.5)."""
        if handle.condition:
            return "it goes on: what was asked of Coolify can't be taken back"
        self._stalls = self._stalls or not self.lookup.version.has(
            Feature.QUEUE_MOVES_ON
        )  # also where no answer comes
        response = self.api.send("POST", f"/deployments/{quote(handle.id, safe='')}/cancel", timeout=timeout)
        text = responses.message(response)
        if responses.unknown_endpoint(response):
            raise RefusedError(trigger_requests.NO_CANCEL)
        if response.status == 400 and "Current status:" in text:
            return f"already over ({text.rpartition(':')[2].strip()})"
        if response.status == 404 and text == "Deployment not found.":
            return "there is no such deployment: it was never started, or it was deleted"
        try:
            responses.answered(response)
        except UnavailableError as error:
            if error.may_have_arrived:
                return self._after_lost_answer(response, handle, timeout)
            raise
        return "cancelled"

    def left_waiting(self, *, timeout: float | None = None) -> str:
        """Before 4.3.7: see watching/stalled_queue.py. Told once; nothing is asked where nothing was cancelled."""
        if not self._stalls or self._told_waiting:
            return ""
        self._stalls, told = (
            False,
            stalled_queue.stuck_deployments(
                self.api.active_deployments(timeout=timeout), self.lookup.version
            ),
        )
        self._told_waiting = bool(told)
        return told

    def _after_lost_answer(self, response: Response, handle: Handle, timeout: float | None) -> str:
        """Most versions answer 500 although they have cancelled, and a gateway may answer in their place: the row tells.

        Source: coolify-api 17.1.
        """
        match self._status_of(handle, timeout):
            case "cancelled-by-user":
                return "cancelled"
            case "queued" | "in_progress":
                raise UnavailableError(
                    f"Coolify did not cancel it ({responses.summary(response)})", from_server=True
                )
            case _:
                return "cancel sent, not confirmed"

    def _status_of(self, handle: Handle, timeout: float | None) -> str:
        """Empty where it can't be read."""
        try:
            row = responses.json_or_raise(self.api.deployment(handle.id, timeout=timeout))
        except (RefusedError, UnavailableError):
            return ""
        return str(row.get("status")) if isinstance(row, dict) else ""
