"""What is there before anything is started: the version, the targets and their newest rows; remembered for what comes after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from deployer.http.client import TooLargeError
from deployer.model import Command, RefusedError, Target, UnavailableError
from deployer.providers.coolify import resources, trigger
from deployer.providers.coolify.api import responses
from deployer.providers.coolify.api.client import Client, application_of, of_application
from deployer.providers.coolify.api.versions import Feature, Version
from deployer.providers.coolify.options import Options
from deployer.providers.coolify.resources import Resource, TagResponse
from deployer.providers.coolify.trigger_requests import APPLICATION, KINDS, TAG
from deployer.providers.payload import Row

MAX_TAG_MEMBERS = 20
"""Applications of a tag whose newest row is read before it is triggered. Of more, a lost answer can't be made up for: see tags.found."""

TRIES = 2
"""How often lists that only serve a lost answer may fail, all together, before each is only tried once."""

LONGEST_WAIT = 60.0
"""Seconds that such a list is waited for where the server asks for it: as long as Coolify's own limit does (coolify-api 3.4)."""

SINGLES = 3
"""Rows that are read beyond the newest one before our trigger: those of the same second come in any order (captured/v4.0.0)."""

UNREAD = (
    "could not read the list of its deployments ({}): if the response to the trigger is lost, this run may not be able to tell whether "
    "a deployment was started"
)
T = TypeVar("T")


@dataclass
class Lookup:
    """`write_only_token`: the token may start things and read nothing. `tag_responses`: what the answers to tags have named.

    `unread`: why a list could not be read, by what it is of; `failures`: how often such lists could not be.
    `pins`: the commits that this run has pinned.
    """

    api: Client
    options: Options
    version: Version = field(default_factory=Version)
    write_only_token: bool = False
    resources: dict[str, Resource] = field(default_factory=dict)
    tag_responses: dict[str, TagResponse] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    failures: int = 0
    pins: dict[str, str] = field(default_factory=dict)

    def get(self, target: str) -> Resource:
        """What is known of a target; of one that nobody has checked, that it may be an application."""
        return self.resources.setdefault(target, Resource(APPLICATION))

    def resolve(self, target: str) -> Target:
        """Find it, as the first kind that the server knows it as. Raises RefusedError for what can't be done with it."""
        if self.write_only_token:
            if self.options.pr:
                raise RefusedError(
                    f"the version of Coolify can't be read: before {Feature.PREVIEWS.value} it would deploy the application itself"
                )
            return Target(target)
        if target in self.options.tags:
            return self._check_tag(target)
        for kind in KINDS:
            if (row := self.api.find_resource(kind, target)) is not None:
                if problem := unsupported(kind, row, self.options, self.version):
                    raise RefusedError(problem)
                self._remember(kind, target, row)
                return resources.target(
                    kind, target, row, self.options, _doubts(self.resources[target].unread)
                )
        raise RefusedError(
            f"Coolify knows no application, service or database {target}: the uuid is wrong, or the token belongs to another team"
        )

    def _check_tag(self, tag: str) -> Target:
        """Its applications, where the server can tell, each with its newest row; and the newest row of all that are going."""
        members: list[Target] | None = None
        listed = (
            self._if_readable(f"tag {tag}", lambda: self.api.tagged(tag))
            if self.version.has(Feature.BY_TAG)
            else None
        )
        if listed is not None:
            members = []
            for row in listed:
                uuid = str(row.get("uuid"))
                if len(listed) <= MAX_TAG_MEMBERS:
                    self._remember(APPLICATION, uuid, row)
                members.append(self.remember(APPLICATION, uuid, row))
                self.resources[uuid].from_list = True
            members = members if len(listed) <= MAX_TAG_MEMBERS else None
        going = self._if_readable("all", self.api.active_deployments)
        newest = max((trigger.record_id(row) for row in going or ()), default=0)
        unread = "" if going is not None else self.unread["all"]
        self.resources[tag] = Resource(
            TAG, newest_id=newest, members=None if members is None else tuple(members), unread=unread
        )
        missing = (unread, *(self.resources[member.id].unread for member in members or ()))
        return Target(tag, kind=TAG, group=True, warnings=_doubts(next(filter(None, missing), "")))

    def _remember(self, kind: str, target: str, row: Row) -> None:
        seen = self.resources[target] = Resource(kind, row)
        if kind != APPLICATION:
            return
        listed = self._if_readable(
            target, lambda: of_application(target, self.api.deployment_history(target, 1))
        )
        seen.has_history, seen.unread = listed is not None, self.unread.get(target, "")
        seen.newest_id = max((trigger.record_id(each) for each in listed or ()), default=0)
        seen.webhook_commits = frozenset(
            str(each.get("commit"))
            for each in listed or ()
            if each.get("is_webhook") and (each.get("pull_request_id") or 0) == self.options.pr
        )
        if listed is None:
            going = self._if_readable(f"running {target}", lambda: self.running_deployments(target))
            seen.running_before = (
                None if going is None else frozenset(str(each.get("deployment_uuid")) for each in going)
            )
            seen.unread = seen.unread or self.unread.get(f"running {target}", "")

    def _if_readable(self, what: str, read: Callable[[], T]) -> T | None:
        """A list that only serves a lost answer: what can't be read must not keep anything from being triggered (architecture, rule 7).

        None: it can't be, and is not asked for again. Raises UnavailableError where the next try may well work.
        """
        if what in self.unread:
            return None
        try:
            return read()
        except RefusedError as error:
            if not of_this_list(error):
                raise
            self.unread[what] = error.reason
        except UnavailableError as error:
            self.failures += 1
            hopeless = error.permanent or error.retry_after > LONGEST_WAIT or isinstance(error, TooLargeError)
            if self.failures < TRIES and not hopeless:
                raise
            self.unread[what] = error.reason
        return None

    def recent(
        self, target: str, take: int, *, newest: int = 0, timeout: float | None = None
    ) -> list[Row] | None:
        """An application's newest rows, one by one where they are too large together: logs of megabytes come along (coolify-api 5.5).

        `newest`: rows that are not above it are of no use. None where this version has no such list.
        """
        try:
            return self.api.deployment_history(target, take, timeout=timeout)
        except TooLargeError:
            found: list[Row] = []
            for skip in range(take):
                row = self.api.deployment_history(target, 1, skip=skip, timeout=timeout)
                found += row or []
                if not row or sum(trigger.record_id(each) <= newest for each in found) >= SINGLES:
                    break
            return found

    def current(self, target: str, take: int) -> list[Row]:
        """An application's newest rows; where they can't be read, are refused, or there is no such list, those that are going."""
        try:
            listed = of_application(target, self.api.deployment_history(target, take))
        except UnavailableError:
            listed = None
        except RefusedError as error:
            if not of_this_list(error):
                raise
            listed = None
        return self.running_deployments(target) if listed is None else listed

    def remember(self, kind: str, uuid: str, row: Row, *, started: bool = False) -> Target:
        """Remember what was read of it; `started`: only after it was started."""
        self.resources.setdefault(uuid, Resource(kind, row, from_list=True, started=started))
        return resources.target(kind, uuid, row, self.options)

    def resolve_name(self, kind: str, uuid: str, *, ask: bool = True) -> Target:
        """What is started already, with its name, if that can be read."""
        try:
            row = {} if self.write_only_token or not ask else self.api.resource(kind, uuid)
        except (RefusedError, UnavailableError):
            row = {}
        return self.remember(kind, uuid, row)

    def services(self) -> list[Row]:
        """Every service of the team, if they can be read: what is started already must not be lost for that."""
        try:
            return [] if self.write_only_token else self.api.services()
        except (RefusedError, UnavailableError):
            return []

    def running_deployments(self, target: str, *, timeout: float | None = None) -> list[Row]:
        """This application's rows among all that are going."""
        return [row for row in self.api.active_deployments(timeout=timeout) if application_of(row) == target]


def _doubts(unread: str) -> tuple[str, ...]:
    return (UNREAD.format(unread),) if unread else ()


def of_this_list(error: RefusedError) -> bool:
    """Whether a refusal says nothing beyond the list that was asked for: another list may still be read, and a trigger accepted."""
    return not error.token_wide or isinstance(error, responses.PolicyError)


def unsupported(kind: str, row: Row, options: Options, version: Version) -> str:
    """PURE. What can't be done with this target, or by this version, told before anything is sent."""
    pack = row.get("build_pack")
    rows: tuple[tuple[bool, str], ...] = (
        (
            options.command is Command.ROLLBACK and kind != APPLICATION,
            f"a {kind} keeps nothing that could be gone back to",
        ),
        (
            bool(options.pr) and kind != APPLICATION,
            f"a {kind} has no previews: leave `pr` out, or give the uuid of an application",
        ),
        (
            bool(options.pr) and not version.has(Feature.PREVIEWS),
            f"Coolify {version.text} would deploy the application itself: previews need {Feature.PREVIEWS.value}",
        ),
        (
            bool(options.pr) and options.command.value == "stop" and not version.has(Feature.PREVIEW_DELETE),
            f"Coolify {version.text} can't delete a preview: that needs {Feature.PREVIEW_DELETE.value}",
        ),
        (
            bool(options.docker_tag) and not version.has(Feature.DOCKER_TAG),
            f"Coolify {version.text} knows no `docker_tag`: that needs {Feature.DOCKER_TAG.value}",
        ),
        (
            bool(options.docker_tag) and bool(pack) and pack != "dockerimage",
            f"`docker_tag` is for applications made of a Docker image; this one is built by {pack}",
        ),
    )
    return next((sentence for wrong, sentence in rows if wrong), "")
