"""The calls of `create`: is the application there, where shall it stand, and the one request that makes it (coolify-api 5.8, 5.10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from deployer.model import Changes, RefusedError, Target, UnavailableError
from deployer.model.text import one_line
from deployer.providers import payload
from deployer.providers.coolify.api.client import rows
from deployer.providers.coolify.changes import create_rules
from deployer.providers.coolify.changes.apply import ChangeApplier, json_or_raise
from deployer.providers.coolify.changes.create_rules import NewApplication, Placement
from deployer.providers.coolify.lookup import Lookup
from deployer.providers.coolify.resources import Resource
from deployer.providers.coolify.trigger_requests import APPLICATION
from deployer.providers.payload import Row

PATH = "/applications/dockerimage"
MAX_CHECKS = 3
"""How often an application is looked for whose making had no answer."""

MAX_SERVER_ERRORS = 3
MAYBE_CREATED = "it is not certain whether the application was created: looking for it"
CREATE_RESPONSE_LOST = (
    "the answer to its creation was lost, and Coolify does not list it: it may still appear. Nothing is sent a second time; "
    "run the job again, and what is there by then is used"
)
CANNOT_READ = "the token may not read, and whether the application is there must be read first"


@dataclass
class Creator:
    """`alterer`: changes it once it is there.

    `made`: it was made by this run; `sent`: or perhaps was; `failure`: the server's own words where it broke.
    """

    lookup: Lookup
    new_application: NewApplication
    alterer: ChangeApplier
    environment: Row = field(default_factory=dict)
    place: Placement = field(default_factory=lambda: Placement("", "", ""))
    what: str = ""
    made: str = ""
    sent: bool = False
    looks: int = 0
    failures: int = 0
    failure: str = ""

    def resolve(self) -> Target:
        """The application by its uuid, or that it is missing, with everything that its making needs. Raises RefusedError."""
        lookup, wanted = self.lookup, self.new_application
        if lookup.write_only_token:
            raise RefusedError(CANNOT_READ)
        project = create_rules.pick("project", wanted.project, self._listed("/projects"))
        inside = lookup.api.get(f"/projects/{quote(str(project['uuid']), safe='')}")
        self.environment = create_rules.pick("environment", wanted.environment, _rows(inside, "environments"))
        applications = self._listed("/applications")
        if row := create_rules.existing(wanted.name, self.environment, applications):
            return Target(str(row["uuid"]))
        self._find_place(project, applications)
        create_rules.body(
            wanted, self.place, lookup.version
        )  # what can't be made is told before anything is changed
        lookup.resources[wanted.name] = Resource(
            APPLICATION, create_rules.expected_row(wanted), from_list=True, missing=True
        )
        return Target(wanted.name, name=wanted.name, kind=APPLICATION, missing=True)

    def _find_place(self, project: Row, applications: list[Row]) -> None:
        """Its server, and there its destination, as far as this version lists them; and what is said of all that."""
        wanted = self.new_application
        host = create_rules.server(wanted.server, self._listed("/servers"))
        uuid, listed = str(host["uuid"]), None
        if not self.lookup.version.before(create_rules.DESTINATIONS):
            listed = self._listed(f"/servers/{quote(uuid, safe='')}/destinations")
        destination = create_rules.destination(wanted.destination, uuid, listed, applications)
        environment = str(self.environment["name"])
        self.place = Placement(str(project["uuid"]), environment, uuid, destination)
        names = (str(project.get("name")), environment, str(host.get("name")))
        where = "in project {}, environment {}, on server {}".format(*map(one_line, names))
        at = f", at {', '.join(wanted.domains)}" if wanted.domains else ""
        self.what = f"{where}, from {wanted.image}{at}"

    def describe(self) -> str:
        """What would be created, as a sentence."""
        return f"would create it {self.what} (POST {PATH})"

    def create(self) -> Changes:
        """One request. After a lost answer the application is looked for, and it is never sent again while it may be under way."""
        if self.sent:
            row = create_rules.existing(
                self.new_application.name, self.environment, self._listed("/applications")
            )
            if row:
                return self._done(
                    str(row["uuid"]),
                    f"created {self.what} (found there after the answer was lost, and taken for ours)",
                )
            self._give_up_or_wait()
        self.alterer.require_abilities(self.new_application.name)
        return self._done(self._send(), f"created {self.what}")

    def _give_up_or_wait(self) -> None:
        """Returns where it may be sent again: the server itself has answered that it broke, and the application is not there."""
        if self.failure and self.failures < MAX_SERVER_ERRORS:
            return
        if self.failure:
            raise RefusedError(
                f"the server failed {MAX_SERVER_ERRORS} times and created nothing: {self.failure}"
            )
        self.looks += 1
        if self.looks >= MAX_CHECKS:
            raise RefusedError(CREATE_RESPONSE_LOST)
        raise UnavailableError(MAYBE_CREATED)

    def _send(self) -> str:
        """The uuid of what was made."""
        self.sent = False
        try:
            return self._post()
        except UnavailableError as error:
            self.sent, self.failure = error.may_have_arrived, error.server_error
            self.failures += bool(error.server_error)
            raise

    def _post(self) -> str:
        body = create_rules.body(self.new_application, self.place, self.lookup.version)
        data = json_or_raise(
            self.lookup.api.send("POST", PATH, body=body), body, self.lookup.version, "to create it"
        )
        uuid = data.get("uuid") if isinstance(data, dict) else None
        if not isinstance(uuid, str) or not uuid:
            raise UnavailableError("Coolify's answer to the creation holds no uuid", may_have_arrived=True)
        return uuid

    def _done(self, uuid: str, told: str) -> Changes:
        """From here on it is an application like any other."""
        self.lookup.resources.pop(self.new_application.name, None)
        self.made, self.alterer.created_as = uuid, f"application {uuid}: {told}"
        return Changes((told,), created=uuid)

    def kept(self, target: str) -> tuple[str, ...]:
        """Which inputs are ignored, because the application was there before this run."""
        return (
            ()
            if target == self.made
            else create_rules.kept(self.new_application, self.lookup.get(target).row)
        )

    def _listed(self, path: str) -> list[Row]:
        return rows(self.lookup.api.get(path), path.rpartition("/")[2])


def _rows(data: Any, name: str) -> list[Row]:
    return payload.records(data, name)
