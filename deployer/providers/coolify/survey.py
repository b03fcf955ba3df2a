"""What is there before anything is started: the version, the targets and their newest rows; remembered for what comes after."""

from __future__ import annotations

from dataclasses import dataclass, field

from deployer.model import Command, RefusedError, Target, UnavailableError
from deployer.providers.coolify import known, trigger
from deployer.providers.coolify.acts import APPLICATION, KINDS, TAG
from deployer.providers.coolify.api import Api, Row, application_of
from deployer.providers.coolify.known import Answered, Known
from deployer.providers.coolify.versions import Since, Version
from deployer.providers.coolify.wish import Wish

MEMBERS = 20
"""Applications of a tag whose newest row is read before it is triggered. Of more, a lost answer can't be made up for: see tags.found."""

NEWEST = 3
"""Rows that are read for the newest: rows of the same second come in any order (captured/v4.0.0/app_deployments)."""


@dataclass
class Survey:
    """`blind`: the token may start things and read nothing. `named`: what the answers to tags have named."""

    api: Api
    wish: Wish
    version: Version = field(default_factory=Version)
    blind: bool = False
    known: dict[str, Known] = field(default_factory=dict)
    named: dict[str, Answered] = field(default_factory=dict)

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
                return known.target(kind, target, row, self.wish)
        raise RefusedError(
            f"Coolify knows no application, service or database {target}: the uuid is wrong, or the token belongs to another team"
        )

    def _check_tag(self, tag: str) -> Target:
        """Its applications, where the server can tell, each with its newest row; and the newest row of all that are going."""
        members: list[Target] | None = None
        if self.version.has(Since.BY_TAG):
            members = []
            listed = self.api.tagged(tag)
            for row in listed:
                uuid = str(row.get("uuid"))
                if len(listed) <= MEMBERS:
                    self._remember(APPLICATION, uuid, row)
                members.append(self.keep(APPLICATION, uuid, row))
                self.known[uuid].part = True
            members = members if len(listed) <= MEMBERS else None
        newest = max((trigger.number(row) for row in self.api.active()), default=0)
        self.known[tag] = Known(TAG, newest=newest, members=None if members is None else tuple(members))
        return Target(tag, kind=TAG, group=True)

    def _remember(self, kind: str, target: str, row: Row) -> None:
        seen = self.known[target] = Known(kind, row)
        if kind != APPLICATION:
            return
        listed = self.api.history(target, NEWEST)
        seen.listed = listed is not None
        seen.newest = max((trigger.number(each) for each in listed or ()), default=0)
        seen.webhooks = frozenset(
            str(each.get("commit"))
            for each in listed or ()
            if each.get("is_webhook") and (each.get("pull_request_id") or 0) == self.wish.pr
        )
        if listed is None:
            seen.running = frozenset(str(each.get("deployment_uuid")) for each in self.running(target))

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
