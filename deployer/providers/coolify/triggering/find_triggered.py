"""Finds what a trigger or rollback has started whose response was lost (architecture, rule 7).

Deployment records that are newer than the newest one before our trigger, were created through the API, and
are of the same kind as ours; for what has no deployments, a status that has changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from deployer.http.client import TooLargeError
from deployer.model import (
    AccessDenied,
    Command,
    GroupStarted,
    Handle,
    RefusedError,
    Started,
    UnavailableError,
)
from deployer.model.text import one_line
from deployer.providers.coolify import rollback_plan
from deployer.providers.coolify.api.versions import Feature
from deployer.providers.coolify.history import adopt_oldest, check_application, matches_ours, record_id
from deployer.providers.coolify.lookup import Lookup, is_list_refusal
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.triggering import tags
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, TAG
from deployer.providers.coolify.watching import resource_status
from deployer.providers.coolify.watching.poll import MAX_PHANTOM_CANDIDATES
from deployer.providers.payload import Row

CANNOT_TELL = (
    "the response to the trigger was lost, and the token or this version of Coolify can't list deployments"
)
UNLISTED = "the response to the trigger was lost, and the list of deployments can't be read"
STATUS_UNCHANGED = (
    "the response to the trigger was lost, and the status is still {}: "
    "it may or may not have been started again"
)


@dataclass
class TriggerSearch:
    """Looks for what was started, in the lists of deployments or by a status."""

    lookup: Lookup
    pages: str
    """The base URL of Coolify's pages for people."""

    def find(
        self, target: str, *, timeout: float | None = None
    ) -> Started | GroupStarted | AccessDenied | None:
        """What was started for this target; None if nothing (yet); AccessDenied if that can't be determined.

        `timeout`: seconds to wait for each response instead of the default; then names are not looked up.
        """
        resource = self.lookup.resources.get(target)
        if self.lookup.write_only_token or resource is None:
            return AccessDenied(CANNOT_TELL)
        if resource.progress.tag_response:
            return tags.expand(target, resource.progress.tag_response, self.lookup, ask=timeout is None)
        if resource.kind == TAG:
            return self._find_tag(resource, timeout)
        if resource.kind != APPLICATION or self.lookup.options.command is Command.STOP:
            return self._find_by_status(target, resource, timeout)
        return self._find_deployment(target, resource, timeout)

    def _find_tag(self, tag: Resource, timeout: float | None) -> GroupStarted | AccessDenied:
        """Among all active deployments: those that are newer than the newest one before our trigger."""
        if tag.unread:
            return AccessDenied(UNLISTED)
        api, options, version = self.lookup.api, self.lookup.options, self.lookup.version
        has_services = tag.members is not None and timeout is None and bool(api.services())
        newer = [
            record
            for record in api.active_deployments(timeout=timeout)
            if matches_ours(record, options, version) and record_id(record) > tag.newest_id
        ]
        return tags.find_members(tag, newer, self.pages, marked=self._marked, has_services=has_services)

    def _find_deployment(
        self, target: str, resource: Resource, timeout: float | None
    ) -> Started | AccessDenied | None:
        """In the application's deployment history if it can be read, otherwise among active deployments."""
        if not resource.has_history:
            return self._find_active(target, resource, timeout)
        try:
            recent = self.lookup.recent(
                target, MAX_PHANTOM_CANDIDATES, newest=resource.newest_id, timeout=timeout
            )
            listed = check_application(target, recent)
        except (RefusedError, UnavailableError) as error:
            if isinstance(error, RefusedError) and not is_list_refusal(error):
                raise
            return self._find_without_history(target, resource, error, timeout)
        if listed is None:
            return self._find_active(target, resource, timeout)
        return self._newer(listed, target, resource)

    def _newer(self, listed: list[Row], target: str, resource: Resource) -> Started | None:
        newer = [
            record
            for record in listed
            if record_id(record) > resource.newest_id and self._can_be_ours(record, resource)
        ]
        return adopt_oldest(newer, target, self.pages, marked=self._marked)

    def _find_without_history(
        self,
        target: str,
        resource: Resource,
        error: RefusedError | UnavailableError,
        timeout: float | None,
    ) -> Started | AccessDenied:
        """The history can't be read any more: a newer record among the active deployments.

        That there is none means nothing. Raises `error`, why the history can't be read, if a retry may help.
        """
        if found := self._newer(self.lookup.running_deployments(target, timeout=timeout), target, resource):
            return found
        if isinstance(error, (RefusedError, TooLargeError)):
            return AccessDenied(UNLISTED)
        raise error

    def _find_active(self, target: str, resource: Resource, timeout: float | None) -> Started | AccessDenied:
        """Without a history (before beta.402, or unreadable): an active deployment that is new."""
        before = resource.running_before
        if before is None:
            return AccessDenied(UNLISTED)
        newer = [
            record
            for record in self.lookup.running_deployments(target, timeout=timeout)
            if str(record.get("deployment_uuid")) not in before and self._can_be_ours(record, resource)
        ]
        if found := adopt_oldest(newer, target, self.pages, marked=self._marked):
            return found
        return AccessDenied(UNLISTED if resource.unread else CANNOT_TELL)

    def _find_by_status(
        self, target: str, resource: Resource, timeout: float | None
    ) -> Started | AccessDenied | None:
        """Check the status twice. A restart is not sent again; what may be repeated without effect is."""
        command = self.lookup.options.command
        if self.lookup.options.pr:
            return None  # no endpoint returns a preview's status, and deleting it again has no effect
        resource.status_checks += 1
        row = self.lookup.api.resource(resource.kind, target, timeout=timeout)
        status = one_line(row.get("status"))
        state, before = resource_status.split(status)[0], resource_status.split(resource.status)[0]
        if command is Command.STOP:
            condition, changed = resource_status.STOPPED, state == "exited"
        else:
            condition, changed = resource_status.RUNNING, state != before
        if changed:
            handle = Handle(target, "", condition=condition)
            return Started((handle,), f"its status has changed to {status}")
        if command in {Command.START, Command.STOP} or resource.status_checks == 1:
            return None
        return AccessDenied(STATUS_UNCHANGED.format(status or "unknown"))

    def _can_be_ours(self, record: Row, resource: Resource) -> bool:
        """Whether a record can be what our trigger, or our rollback, has started."""
        if request := resource.progress.rollback_request:
            return rollback_plan.matches(record, request, marked=self._marked)
        return matches_ours(record, self.lookup.options, self.lookup.version)

    @property
    def _marked(self) -> bool:
        """Whether this version marks what the API has started (not before beta.463).

        Source: captured/v4.0.0-beta.434/app_deployments.
        """
        return self.lookup.version.has(Feature.MARKS_API)
