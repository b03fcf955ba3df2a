"""The provider for one Coolify server: chooses requests, sends them, and has their responses read.

Source: coolify-api 2, 5 and 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from deployer.budget import Budget
from deployer.http.client import Response
from deployer.model import (
    Ability,
    AccessDenied,
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
from deployer.providers.coolify import preflight, resources
from deployer.providers.coolify.api import responses
from deployer.providers.coolify.api.client import Client
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.cancel import CANNOT_READ_NOTE, Canceller
from deployer.providers.coolify.changes.apply import ChangeApplier, RequestedChanges
from deployer.providers.coolify.changes.create import Creator
from deployer.providers.coolify.changes.create_rules import NewApplication
from deployer.providers.coolify.lookup import Lookup
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.resources import TagResponse
from deployer.providers.coolify.rollback import Rollback
from deployer.providers.coolify.triggering import tags, trigger, trigger_requests
from deployer.providers.coolify.triggering.find_triggered import TriggerSearch
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, KINDS, TAG, TriggerRequest
from deployer.providers.coolify.watching.poll import Poller
from deployer.providers.coolify.watching.poll_active import ActivePoller

CONNECT_READ_SECONDS = 8.0
"""How long to wait for the first response: three tries fit into the 30 s of architecture, rule 10."""

TRIGGER_READ_SECONDS = 120.0
"""How long to wait for the response to a trigger.

Coolify may do slow work over SSH before it responds (coolify-api 3.5).
"""

OLDER_DEPLOYMENT_RETRY_SECONDS = 30.0
"""How long to wait before the next trigger while an older deployment is in progress."""

OLDER_DEPLOYMENT = (
    "an older deployment of the same commit is still in progress, and may not include the changes of this "
    "run: triggering again once it has ended"
)
TOKEN_CANNOT_READ = (
    "the token may not read (Missing required permissions: read), so its deployment can't be followed. "
    f"Make a new one: {responses.TOKEN_ABILITIES_HINT}. "
    "Or set a second token as `read_token`, or set `wait: false`"
)


class CoolifyProvider:
    """One Coolify server with one login. Keeps what the API makes a client remember, and nothing else."""

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
        self._denied: dict[str, str] = {}
        """Why requests that need an ability were refused, by ability."""
        parts = urlsplit(base)
        pages = f"{parts.scheme}://{parts.netloc}"
        self._poller = Poller(self.lookup, pages)
        self._active_poller = ActivePoller(self._poller)
        self._search = TriggerSearch(self.lookup, pages)
        self._canceller = Canceller(self.lookup, self._poller)

    @property
    def budget(self) -> Budget:
        return self.api.budget

    # --- before anything is started

    def connect(self, *, timeout: float | None = None) -> str:
        try:
            version = self.api.version(timeout=timeout or CONNECT_READ_SECONDS)
        except (RefusedError, UnavailableError) as error:
            raise error.because(f"{self.base}: {error.reason}") from error
        if version is None:
            if self.options.wait and not self.options.read_only:
                raise RefusedError(f"{self.base}: {TOKEN_CANNOT_READ}", token_wide=True)
            self.lookup.write_only_token = True
            return f"Coolify at {self.base} ({CANNOT_READ_NOTE})"
        self.lookup.version = Version(version)
        return f"Coolify {version} at {self.base}"

    def resolve(self, target: str) -> Target:
        creator = self._creator_of(target)
        found = creator.resolve() if creator else Target(target)
        if not found.missing:
            found = self.lookup.resolve(found.id)
        if self._changes.requested and self.options.deploys:
            patch, _ = self._changes.plan(found.id)
            if "domains" in patch.body and not found.missing and not self.options.read_only:
                # The address that it will have once the change is made.
                row = {**self.lookup.get(found.id).row, "fqdn": patch.body["domains"]}
                changed = resources.target(APPLICATION, found.id, row, self.options)
                return replace(changed, before=found.url if found.before is None else found.before)
        return found

    def _creator_of(self, target: str) -> Creator | None:
        """The creator, if the target is the name of an application that is to be created."""
        if self._creator and target == self._creator.new_application.name:
            return self._creator
        return None

    def _ignored_inputs(self, target: str) -> tuple[str, ...]:
        """Inputs of `create` that have no effect, because the application exists already."""
        return self._creator.ignored_inputs(target) if self._creator else ()

    def abilities(self) -> tuple[Ability, ...]:
        writes_for = ""
        if self._changes.requested and self.options.deploys:
            writes_for = "to change the application before it is deployed"
        elif self._rollback.writes:
            writes_for = "to restore the previous version"
        return preflight.abilities(self.lookup, writes_for=writes_for)

    def describe(self, target: str) -> tuple[str, ...]:
        if self.options.command is Command.CANCEL:
            return self._canceller.describe(target)
        if self.options.command is Command.ROLLBACK:
            return self._describe_rollback(target)
        return (
            *self._describe_changes(target),
            *self._describe_trigger(target),
            *self._describe_automatic_rollback(target),
        )

    def _describe_rollback(self, target: str) -> tuple[str, ...]:
        """The version that `command: rollback` would restore, and the other ones."""
        candidates = [f"could roll back to {each}" for each in self._rollback.candidates(target)]
        return (f"would roll {self._rollback.on_demand(target).note}", *candidates)

    def _describe_changes(self, target: str) -> tuple[str, ...]:
        creator = self._creator_of(target)
        sentences = (creator.describe(),) if creator else self._ignored_inputs(target)
        if self._changes.requested:
            sentences += self._changes.describe(target)
        return sentences

    def _describe_trigger(self, target: str) -> tuple[str, ...]:
        resource = self.lookup.get(target)
        uuid = preflight.NEW if resource.missing else target
        request = trigger_requests.request_for(resource.kind, uuid, self.options, self.lookup.version)
        changed = {}
        if self._changes.requested and resource.row and not resource.missing:
            changed = self._changes.plan(target)[0].body
        return preflight.describe(request, resource, self.options, changed)

    def _describe_automatic_rollback(self, target: str) -> tuple[str, ...]:
        resource = self.lookup.get(target)
        if not self.options.rollback or resource.kind == TAG or resource.missing:
            return ()
        return (self._rollback.dry_run(target),)

    def apply_changes(self, target: str) -> Changes:
        if creator := self._creator_of(target):
            return creator.create()
        changes = self._changes.apply(target) if self._changes.requested else Changes(())
        warnings = (*changes.warnings, *self._ignored_inputs(target), *self._rollback.warnings(target))
        return replace(changes, warnings=warnings)

    def changes_made(self, target: str) -> tuple[str, ...]:
        resource = self.lookup.resources.get(target)
        if resource is None:
            return ()
        return (*resource.progress.changes.so_far, *resource.progress.rollback_changes)

    # --- triggering

    def trigger(self, target: str) -> TriggerResult:
        if self.options.command is Command.ROLLBACK:
            return self._send_rollback(target, None)
        kinds = self._possible_kinds(target)
        ability = trigger_requests.required_ability(kinds[0], self.options, self.lookup.version)
        if ability in self._denied:
            return Rejected(self._denied[ability])  # it would be refused again (architecture, rule 3)
        request, response = self._send_trigger(kinds, target)
        try:
            result = self._read(response, request)
        except RefusedError as error:
            if response.status == 403:
                refused = trigger_requests.required_ability(request.kind, self.options, self.lookup.version)
                self._denied[refused] = error.reason
            raise
        return self._unless_older(result, target)

    def _possible_kinds(self, target: str) -> tuple[str, ...]:
        """The kinds that a target may be, in the order in which they are tried."""
        if resource := self.lookup.resources.get(target):
            return (resource.kind,)
        if target in self.options.tags:
            return (TAG,)
        if self.options.pr:
            return (APPLICATION,)
        # Starting an application deploys anything, whatever kind the uuid is: that is tried last.
        return KINDS[::-1] if self.options.command is Command.START else KINDS

    def _send_trigger(self, kinds: tuple[str, ...], target: str) -> tuple[TriggerRequest, Response]:
        """Send the request for the first kind that the target turns out to be; a 404 starts nothing.

        There is more than one kind only if the token may not read.
        """
        for kind in kinds:
            request = trigger_requests.request_for(kind, target, self.options, self.lookup.version)
            response = self.api.send(
                request.method, request.path, request.params, timeout=TRIGGER_READ_SECONDS
            )
            if request.is_bulk or not responses.is_not_found(response):
                break
        return request, response

    def _read(self, response: Response, request: TriggerRequest) -> TriggerResult:
        result = trigger.read(
            response,
            request,
            self.options,
            self.lookup.version,
            write_only_token=self.lookup.write_only_token,
        )
        if not isinstance(result, TagResponse):
            return result
        # Remembered first: the job may be cancelled while names are looked up.
        self.lookup.get(request.target).progress.tag_response = result
        return tags.expand(request.target, result, self.lookup)

    def _unless_older(self, result: TriggerResult, target: str) -> TriggerResult:
        """Changes of this run must go live: an older deployment is then waited for, not followed as ours."""
        skipped = isinstance(result, Started) and any(
            handle.certainty is Certainty.PHANTOM for handle in result.handles
        )
        resource = self.lookup.resources.get(target)
        if not skipped or resource is None or not resource.progress.changes.applied:
            return result
        progress = resource.progress
        before, progress.stuck_reason = progress.stuck_reason, self._poller.stuck(target)
        if before and progress.stuck_reason:
            return Rejected(before)
        return RetryLater(OLDER_DEPLOYMENT_RETRY_SECONDS, OLDER_DEPLOYMENT)

    def rollback(self, target: str, deployment: Handle) -> TriggerResult:
        return self._send_rollback(target, deployment)

    def _send_rollback(self, target: str, deployment: Handle | None) -> TriggerResult:
        """Roll back from a deployment of this run; on demand if it is None."""
        try:
            request = self._rollback.prepare(target, deployment)
        except UnavailableError as error:
            # Nothing was started: only reads so far, and changes that are safe to repeat.
            raise error.not_sent() from error
        self.lookup.get(target).progress.rollback_request = request
        try:
            response = self.api.send(
                request.method,
                request.path,
                request.params,
                body=request.body,
                timeout=TRIGGER_READ_SECONDS,
            )
            result = self._read(response, request)
        except (RefusedError, UnavailableError) as error:
            raise error.because(error.reason + self._rollback.changes_so_far(target)) from error
        if isinstance(result, (RetryLater, Rejected)):
            return replace(result, reason=result.reason + self._rollback.changes_so_far(target))
        return result

    def find_triggered(
        self, target: str, *, timeout: float | None = None
    ) -> Started | GroupStarted | AccessDenied | None:
        return self._search.find(target, timeout=timeout)

    # --- polling and cancelling

    def poll(self, handle: Handle) -> Snapshot:
        return self._poller.poll(handle)

    def poll_active(self, handles: tuple[Handle, ...]) -> Mapping[Handle, Snapshot] | None:
        return self._active_poller.poll(handles)

    def active(self, target: str) -> tuple[Handle, ...]:
        return self._canceller.active(target)

    def cancel(self, handle: Handle, *, timeout: float | None = None) -> str:
        return self._canceller.cancel(handle, timeout)

    def left_waiting(self, *, timeout: float | None = None) -> str:
        return self._canceller.left_waiting(timeout)
