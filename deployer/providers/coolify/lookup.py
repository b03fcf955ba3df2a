"""What exists before anything is started: the version, the targets and their newest deployment records.

Remembered for everything that comes after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from deployer.http.client import TooLargeError
from deployer.model import RefusedError, Target, UnavailableError
from deployer.providers.coolify import resources
from deployer.providers.coolify.api import responses
from deployer.providers.coolify.api.client import Client
from deployer.providers.coolify.api.versions import Feature, Version
from deployer.providers.coolify.history import (
    application_of,
    check_application,
    durations,
    is_of_pull_request,
    newest_id,
    record_id,
)
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, KINDS, TAG, unsupported
from deployer.providers.payload import Row

MAX_TAG_MEMBERS = 20
"""The most applications of a tag whose newest record is read before the trigger.

If there are more, a lost response to the trigger can't be made up for: see `tags.find_members`.
"""

MAX_LIST_FAILURES = 2
"""After so many failed requests for lists that only serve a lost response, each list is tried only once."""

MAX_RETRY_AFTER_SECONDS = 60.0
"""The longest that such a list is waited for if the server asks for it: Coolify's own rate limit.

Source: coolify-api 3.4.
"""

MAX_OLDER_RECORDS = 3
"""How many records before our trigger are read one by one: those of one second come in any order.

Source: captured/v4.0.0.
"""

LIST_UNREADABLE = (
    "could not read the list of its deployments ({}): if the response to the trigger is lost, "
    "this run may not be able to tell whether a deployment was started"
)
T = TypeVar("T")


@dataclass
class Lookup:
    """Reads what exists on the server, and remembers it."""

    api: Client
    options: Options
    version: Version = field(default_factory=Version)
    """The version of Coolify; unknown until `connect`."""
    write_only_token: bool = False
    """The token may trigger deployments, but read nothing."""
    resources: dict[str, Resource] = field(default_factory=dict)
    """What is known of each target, by uuid or tag; by name while it is still to be created."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Why a list could not be read, by what it lists. Such a list is not requested again."""
    list_failures: int = 0
    """How often lists that only serve a lost response could not be read."""

    def get(self, target: str) -> Resource:
        """What is known of a target. One that was not resolved may be an application."""
        return self.resources.setdefault(target, Resource(APPLICATION))

    def resolve(self, target: str) -> Target:
        """Find out what a uuid or a tag is; the first kind of resource that has this uuid counts.

        Raises RefusedError if it does not exist, or can't do what the inputs ask for.
        """
        if self.write_only_token:
            if self.options.pr:
                raise RefusedError(
                    "the token may not read the version of Coolify: "
                    f"before {Feature.PREVIEWS.value} it would deploy the application itself"
                )
            return Target(target)
        if target in self.options.tags:
            return self._resolve_tag(target)
        for kind in KINDS:
            if (row := self.api.find_resource(kind, target)) is not None:
                if reason := unsupported(kind, row, self.options, self.version):
                    raise RefusedError(reason)
                resource = self._read_records(kind, target, row)
                found = resources.target(kind, target, row, self.options, _warnings(resource.unread))
                return replace(found, durations=resource.durations)
        raise RefusedError(
            f"Coolify has no application, service or database {target}: "
            "the uuid is wrong, or the token belongs to another team"
        )

    def _resolve_tag(self, tag: str) -> Target:
        """Read its applications, if this version lists them, each with its newest record.

        And the newest one of all active deployments.
        """
        members = self._members(tag) if self.version.has(Feature.BY_TAG) else None
        active = self._if_readable("all", self.api.active_deployments)
        unread = "" if active is not None else self.unreadable["all"]
        found = Resource(TAG, newest_id=newest_id(active or []), members=members, unread=unread)
        self._replace(tag, found)
        reasons = (unread, *(self.resources[member.id].unread for member in members or ()))
        return Target(tag, kind=TAG, group=True, warnings=_warnings(next(filter(None, reasons), "")))

    def _members(self, tag: str) -> tuple[Target, ...] | None:
        """The applications with the tag; None if they can't be listed, or are too many."""
        listed = self._if_readable(f"tag {tag}", lambda: self.api.tagged(tag))
        if listed is None:
            return None
        members = []
        for row in listed:
            uuid = str(row.get("uuid"))
            if len(listed) <= MAX_TAG_MEMBERS:
                self._read_records(APPLICATION, uuid, row)
            members.append(self.remember(APPLICATION, uuid, row))
            self.resources[uuid].from_list = True
        return tuple(members) if len(listed) <= MAX_TAG_MEMBERS else None

    def _read_records(self, kind: str, target: str, row: Row) -> Resource:
        """Remember a resource, with what tells its later deployments from those before our trigger."""
        resource = self._replace(target, Resource(kind, row))
        if kind != APPLICATION:
            return resource
        listed = self._if_readable(
            target, lambda: check_application(target, self.api.deployment_history(target, 1))
        )
        resource.has_history, resource.unread = listed is not None, self.unreadable.get(target, "")
        resource.newest_id = newest_id(listed or [])
        resource.durations = durations(listed or [], self.options)
        resource.webhook_commits = frozenset(
            str(record.get("commit"))
            for record in listed or ()
            if record.get("is_webhook") and is_of_pull_request(record, self.options.pr)
        )
        if listed is None:
            name = f"running {target}"
            active = self._if_readable(name, lambda: self.running_deployments(target))
            resource.running_before = None
            if active is not None:
                resource.running_before = frozenset(str(each.get("deployment_uuid")) for each in active)
            resource.unread = resource.unread or self.unreadable.get(name, "")
        return resource

    def _replace(self, target: str, found: Resource) -> Resource:
        """Replace what was read of a target, and keep what this run has done with it."""
        if target in self.resources:
            found.progress = self.resources[target].progress
        self.resources[target] = found
        return found

    def _if_readable(self, what: str, read: Callable[[], T]) -> T | None:
        """Read a list that only serves a lost response: it must not keep anything from being triggered.

        `what`: what it lists, as the key of `unreadable`. Returns None if the list can't be read. Raises
        UnavailableError while a retry may well work (architecture, rule 7).
        """
        if what in self.unreadable:
            return None
        try:
            return read()
        except RefusedError as error:
            if not is_list_refusal(error):
                raise
            self.unreadable[what] = error.reason
        except UnavailableError as error:
            self.list_failures += 1
            too_long = error.retry_after > MAX_RETRY_AFTER_SECONDS
            hopeless = error.permanent or too_long or isinstance(error, TooLargeError)
            if self.list_failures < MAX_LIST_FAILURES and not hopeless:
                raise
            self.unreadable[what] = error.reason
        return None

    def recent(
        self, target: str, take: int, *, newest: int = 0, timeout: float | None = None
    ) -> list[Row] | None:
        """An application's newest deployment records; None if this version has no such list.

        They contain build logs of megabytes: read one by one if they are too large together (coolify-api
        5.5). `newest`: the `id` up to which records are of no use.
        """
        try:
            return self.api.deployment_history(target, take, timeout=timeout)
        except TooLargeError:
            found: list[Row] = []
            for skip in range(take):
                row = self.api.deployment_history(target, 1, skip=skip, timeout=timeout)
                found += row or []
                if not row or sum(record_id(each) <= newest for each in found) >= MAX_OLDER_RECORDS:
                    break
            return found

    def current(self, target: str, take: int) -> list[Row]:
        """An application's newest deployment records; its active ones if that list can't be read."""
        try:
            listed = check_application(target, self.api.deployment_history(target, take))
        except UnavailableError:
            listed = None
        except RefusedError as error:
            if not is_list_refusal(error):
                raise
            listed = None
        return self.running_deployments(target) if listed is None else listed

    def remember(self, kind: str, uuid: str, row: Row, *, started: bool = False) -> Target:
        """Remember a resource from a list, unless it is known already.

        `started`: the list was read after the resource was started.
        """
        known = self.resources.setdefault(uuid, Resource(kind, row, from_list=True, started=started))
        return replace(resources.target(kind, uuid, row, self.options), durations=known.durations)

    def resolve_name(self, kind: str, uuid: str, *, ask: bool = True) -> Target:
        """A resource that is already started, with its name if that can be read.

        `ask`: a request may be sent for that.
        """
        try:
            row = {} if self.write_only_token or not ask else self.api.resource(kind, uuid)
        except (RefusedError, UnavailableError):
            row = {}
        return self.remember(kind, uuid, row)

    def services(self) -> list[Row]:
        """Every service of the team; an empty list if that can't be read.

        What is already started must not be lost because of it.
        """
        try:
            return [] if self.write_only_token else self.api.services()
        except (RefusedError, UnavailableError):
            return []

    def running_deployments(self, target: str, *, timeout: float | None = None) -> list[Row]:
        """The records of this application's active deployments."""
        return [row for row in self.api.active_deployments(timeout=timeout) if application_of(row) == target]


def _warnings(unread: str) -> tuple[str, ...]:
    return (LIST_UNREADABLE.format(unread),) if unread else ()


def is_list_refusal(error: RefusedError) -> bool:
    """Whether the refusal concerns this list only: others may still be read, and a trigger be accepted."""
    return not error.token_wide or isinstance(error, responses.PolicyError)
