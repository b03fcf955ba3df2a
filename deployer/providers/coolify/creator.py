"""The calls of `create`: is the application there, where shall it stand, and the one request that makes it (coolify-api 5.8, 5.10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from deployer.model import Prepared, RefusedError, Target, UnavailableError
from deployer.model.text import one_line
from deployer.providers.coolify import creating
from deployer.providers.coolify.acts import APPLICATION
from deployer.providers.coolify.alter import Alterer, judged
from deployer.providers.coolify.api import Row, rows
from deployer.providers.coolify.creating import Place, Wanted
from deployer.providers.coolify.known import Known
from deployer.providers.coolify.survey import Survey

PATH = "/applications/dockerimage"
LOOKS = 3
"""How often an application is looked for whose making had no answer."""

FAILURES = 3
UNSEEN = "it is not certain whether the application was created: looking for it"
LOST = (
    "the answer to its creation was lost, and Coolify does not list it: it may still appear. Nothing is sent a second time; "
    "run the job again, and what is there by then is used"
)
BLIND = "the token may not read, and whether the application is there must be read first"


@dataclass
class Creator:
    """`alterer`: changes it once it is there.

    `made`: it was made by this run; `sent`: or perhaps was; `failure`: the server's own words where it broke.
    """

    survey: Survey
    wanted: Wanted
    alterer: Alterer
    environment: Row = field(default_factory=dict)
    place: Place = field(default_factory=lambda: Place("", "", ""))
    what: str = ""
    made: str = ""
    sent: bool = False
    looks: int = 0
    failures: int = 0
    failure: str = ""

    def check(self) -> Target:
        """The application by its uuid, or that it is missing, with everything that its making needs. Raises RefusedError."""
        survey, wanted = self.survey, self.wanted
        if survey.blind:
            raise RefusedError(BLIND)
        project = creating.chosen("project", wanted.project, self._listed("/projects"))
        inside = survey.api.get(f"/projects/{quote(str(project['uuid']), safe='')}")
        self.environment = creating.chosen("environment", wanted.environment, _rows(inside, "environments"))
        applications = self._listed("/applications")
        if row := creating.existing(wanted.name, self.environment, applications):
            return Target(str(row["uuid"]))
        self._find_place(project, applications)
        creating.body(wanted, self.place, survey.version)  # what can't be made is told before anything is changed
        survey.known[wanted.name] = Known(APPLICATION, creating.foreseen(wanted), part=True, missing=True)
        return Target(wanted.name, name=wanted.name, kind=APPLICATION, missing=True)

    def _find_place(self, project: Row, applications: list[Row]) -> None:
        """Its server, and there its destination, as far as this version lists them; and what is said of all that."""
        wanted = self.wanted
        host = creating.server(wanted.server, self._listed("/servers"))
        uuid, listed = str(host["uuid"]), None
        if not self.survey.version.before(creating.DESTINATIONS):
            listed = self._listed(f"/servers/{quote(uuid, safe='')}/destinations")
        destination = creating.destination(wanted.destination, uuid, listed, applications)
        environment = str(self.environment["name"])
        self.place = Place(str(project["uuid"]), environment, uuid, destination)
        names = (str(project.get("name")), environment, str(host.get("name")))
        where = "in project {}, environment {}, on server {}".format(*map(one_line, names))
        at = f", at {', '.join(wanted.domains)}" if wanted.domains else ""
        self.what = f"{where}, from {wanted.image}{at}"

    def intent(self) -> str:
        """What would be created, as a sentence."""
        return f"would create it {self.what} (POST {PATH})"

    def make(self) -> Prepared:
        """One request. After a lost answer the application is looked for, and it is never sent again while it may be under way."""
        if self.sent:
            row = creating.existing(self.wanted.name, self.environment, self._listed("/applications"))
            if row:
                return self._done(str(row["uuid"]), f"created {self.what} (found there after the answer was lost, and taken for ours)")
            self._give_up_or_wait()
        self.alterer.prove(self.wanted.name)
        return self._done(self._send(), f"created {self.what}")

    def _give_up_or_wait(self) -> None:
        """Returns where it may be sent again: the server itself has answered that it broke, and the application is not there."""
        if self.failure and self.failures < FAILURES:
            return
        if self.failure:
            raise RefusedError(f"the server failed {FAILURES} times and created nothing: {self.failure}")
        self.looks += 1
        if self.looks >= LOOKS:
            raise RefusedError(LOST)
        raise UnavailableError(UNSEEN)

    def _send(self) -> str:
        """The uuid of what was made."""
        self.sent = False
        try:
            return self._post()
        except UnavailableError as error:
            self.sent, self.failure = error.arrived, error.failure
            self.failures += bool(error.failure)
            raise

    def _post(self) -> str:
        body = creating.body(self.wanted, self.place, self.survey.version)
        data = judged(self.survey.api.send("POST", PATH, body=body), body, self.survey.version, "to create it")
        uuid = data.get("uuid") if isinstance(data, dict) else None
        if not isinstance(uuid, str) or not uuid:
            raise UnavailableError("Coolify's answer to the creation holds no uuid", arrived=True)
        return uuid

    def _done(self, uuid: str, told: str) -> Prepared:
        """From here on it is an application like any other."""
        self.survey.known.pop(self.wanted.name, None)
        self.made, self.alterer.earlier = uuid, f"application {uuid}: {told}"
        return Prepared((told,), made=uuid)

    def kept(self, target: str) -> tuple[str, ...]:
        """What of the wishes is not heeded, because the application was there before this run."""
        return () if target == self.made else creating.kept(self.wanted, self.survey.of(target).row)

    def _listed(self, path: str) -> list[Row]:
        return rows(self.survey.api.get(path), path.rpartition("/")[2])


def _rows(data: Any, name: str) -> list[Row]:
    listed = data.get(name) if isinstance(data, dict) else None
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
