"""What is there before anything is started: the version, the targets and their newest rows; remembered for what comes after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from deployer.http import TooLargeError
from deployer.model import Command, RefusedError, Target, UnavailableError
from deployer.providers.coolify import answers, known, trigger
from deployer.providers.coolify.acts import APPLICATION, KINDS, TAG
from deployer.providers.coolify.api import Api, Row, application_of, of_application
from deployer.providers.coolify.known import Answered, Known
from deployer.providers.coolify.versions import Since, Version
from deployer.providers.coolify.wish import Wish

MEMBERS = 20
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
class Survey:
    """`blind`: the token may start things and read nothing. `named`: what the answers to tags have named.

    `unread`: why a list could not be read, by what it is of; `failures`: how often such lists could not be.
    `pins`: the commits that this run has pinned.
    """

    api: Api
    wish: Wish
    version: Version = field(default_factory=Version)
    blind: bool = False
    known: dict[str, Known] = field(default_factory=dict)
    named: dict[str, Answered] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    failures: int = 0
    pins: dict[str, str] = field(default_factory=dict)

    def of(self, target: str) -> Known:
        """What is known of a target; of one that nobody has checked, that it may be an application."""
        return self.known.setdefault(target, Known(APPLICATION))

    def check(self, target: str) -> Target:
        """Find it, as the first kind that the server knows it as. Raises RefusedError for what can't be done with it."""
        if self.blind:
            if self.wish.pr:
                raise RefusedError(
                    f"the version of Coolify can't be read: before {Since.PREVIEWS.value} it would deploy the application itself"
                )
            return Target(target)
        if target in self.wish.tags:
            return self._check_tag(target)
        for kind in KINDS:
            if (row := self.api.seek(kind, target)) is not None:
                if problem := impossible(kind, row, self.wish, self.version):
                    raise RefusedError(problem)
                self._remember(kind, target, row)
                return known.target(kind, target, row, self.wish, _doubts(self.known[target].unread))
        raise RefusedError(
            f"Coolify knows no application, service or database {target}: the uuid is wrong, or the token belongs to another team"
        )

    def _check_tag(self, tag: str) -> Target:
        """Its applications, where the server can tell, each with its newest row; and the newest row of all that are going."""
        members: list[Target] | None = None
        listed = self._if_readable(f"tag {tag}", lambda: self.api.tagged(tag)) if self.version.has(Since.BY_TAG) else None
        if listed is not None:
            members = []
            for row in listed:
                uuid = str(row.get("uuid"))
                if len(listed) <= MEMBERS:
                    self._remember(APPLICATION, uuid, row)
                members.append(self.keep(APPLICATION, uuid, row))
                self.known[uuid].part = True
            members = members if len(listed) <= MEMBERS else None
        going = self._if_readable("all", self.api.active)
        newest = max((trigger.number(row) for row in going or ()), default=0)
        unread = "" if going is not None else self.unread["all"]
        self.known[tag] = Known(TAG, newest=newest, members=None if members is None else tuple(members), unread=unread)
        missing = (unread, *(self.known[member.id].unread for member in members or ()))
        return Target(tag, kind=TAG, group=True, warnings=_doubts(next(filter(None, missing), "")))

    def _remember(self, kind: str, target: str, row: Row) -> None:
        seen = self.known[target] = Known(kind, row)
        if kind != APPLICATION:
            return
        listed = self._if_readable(target, lambda: of_application(target, self.api.history(target, 1)))
        seen.listed, seen.unread = listed is not None, self.unread.get(target, "")
        seen.newest = max((trigger.number(each) for each in listed or ()), default=0)
        seen.webhooks = frozenset(
            str(each.get("commit"))
            for each in listed or ()
            if each.get("is_webhook") and (each.get("pull_request_id") or 0) == self.wish.pr
        )
        if listed is None:
            going = self._if_readable(f"running {target}", lambda: self.running(target))
            seen.running = None if going is None else frozenset(str(each.get("deployment_uuid")) for each in going)
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
            hopeless = error.final or error.wait > LONGEST_WAIT or isinstance(error, TooLargeError)
            if self.failures < TRIES and not hopeless:
                raise
            self.unread[what] = error.reason
        return None

    def recent(self, target: str, take: int, *, newest: int = 0, patience: float | None = None) -> list[Row] | None:
        """An application's newest rows, one by one where they are too large together: logs of megabytes come along (coolify-api 5.5).

        `newest`: rows that are not above it are of no use. None where this version has no such list.
        """
        try:
            return self.api.history(target, take, patience=patience)
        except TooLargeError:
            found: list[Row] = []
            for skip in range(take):
                row = self.api.history(target, 1, skip=skip, patience=patience)
                found += row or []
                if not row or sum(trigger.number(each) <= newest for each in found) >= SINGLES:
                    break
            return found

    def current(self, target: str, take: int) -> list[Row]:
        """An application's newest rows; where they can't be read, are refused, or there is no such list, those that are going."""
        try:
            listed = of_application(target, self.api.history(target, take))
        except UnavailableError:
            listed = None
        except RefusedError as error:
            if not of_this_list(error):
                raise
            listed = None
        return self.running(target) if listed is None else listed

    def keep(self, kind: str, uuid: str, row: Row, *, started: bool = False) -> Target:
        """Remember what was read of it; `started`: only after it was started."""
        self.known.setdefault(uuid, Known(kind, row, part=True, started=started))
        return known.target(kind, uuid, row, self.wish)

    def name(self, kind: str, uuid: str, *, ask: bool = True) -> Target:
        """What is started already, with its name, if that can be read."""
        try:
            row = {} if self.blind or not ask else self.api.resource(kind, uuid)
        except (RefusedError, UnavailableError):
            row = {}
        return self.keep(kind, uuid, row)

    def services(self) -> list[Row]:
        """Every service of the team, if they can be read: what is started already must not be lost for that."""
        try:
            return [] if self.blind else self.api.services()
        except (RefusedError, UnavailableError):
            return []

    def running(self, target: str, *, patience: float | None = None) -> list[Row]:
        """This application's rows among all that are going."""
        return [row for row in self.api.active(patience=patience) if application_of(row) == target]


def _doubts(unread: str) -> tuple[str, ...]:
    return (UNREAD.format(unread),) if unread else ()


def of_this_list(error: RefusedError) -> bool:
    """Whether a refusal says nothing beyond the list that was asked for: another list may still be read, and a trigger accepted."""
    return not error.everywhere or isinstance(error, answers.PolicyError)


def impossible(kind: str, row: Row, wish: Wish, version: Version) -> str:
    """PURE. What can't be done with this target, or by this version, told before anything is sent."""
    pack = row.get("build_pack")
    rows: tuple[tuple[bool, str], ...] = (
        (wish.command is Command.ROLLBACK and kind != APPLICATION, f"a {kind} keeps nothing that could be gone back to"),
        (bool(wish.pr) and kind != APPLICATION, f"a {kind} has no previews: leave `pr` out, or give the uuid of an application"),
        (
            bool(wish.pr) and not version.has(Since.PREVIEWS),
            f"Coolify {version.text} would deploy the application itself: previews need {Since.PREVIEWS.value}",
        ),
        (
            bool(wish.pr) and wish.command.value == "stop" and not version.has(Since.PREVIEW_DELETE),
            f"Coolify {version.text} can't delete a preview: that needs {Since.PREVIEW_DELETE.value}",
        ),
        (
            bool(wish.docker_tag) and not version.has(Since.DOCKER_TAG),
            f"Coolify {version.text} knows no `docker_tag`: that needs {Since.DOCKER_TAG.value}",
        ),
        (
            bool(wish.docker_tag) and bool(pack) and pack != "dockerimage",
            f"`docker_tag` is for applications made of a Docker image; this one is built by {pack}",
        ),
    )
    return next((sentence for wrong, sentence in rows if wrong), "")
