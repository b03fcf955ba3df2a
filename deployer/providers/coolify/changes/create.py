"""`create`: finds the application and its placement, and creates it if missing (coolify-api 5.8, 5.10)."""

from __future__ import annotations

from dataclasses import dataclass, field
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
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION
from deployer.providers.payload import Row

PATH = "/applications/dockerimage"
MAX_CHECKS = 3
"""How often an application is looked for after its create request had no response."""

MAX_SERVER_ERRORS = 3
MAYBE_CREATED = "it is unknown whether the application was created: looking for it"
CREATE_RESPONSE_LOST = (
    "no response to the create request, and the application is not listed yet. "
    "Not retrying, to avoid a duplicate. "
    "Run the job again: it will use the application if it exists by then"
)
CANNOT_READ = (
    "the token may not read, and `create` must check first whether the application exists. "
    "Add read to the token"
)


@dataclass
class Creator:
    """Creates an application if it does not exist."""

    lookup: Lookup
    new_application: NewApplication
    changes: ChangeApplier
    """Changes the application once it exists."""
    environment: Row = field(default_factory=dict)
    """The environment in which it is looked for and created."""
    placement: Placement = field(default_factory=lambda: Placement("", "", ""))
    what: str = ""
    """What is created and where, as the end of a sentence."""
    created: str = ""
    """The uuid, if this run created the application."""
    sent: bool = False
    """The create request was sent, and may have been carried out."""
    checks: int = 0
    """How often it was looked for since."""
    failures: int = 0
    """How often the server itself failed."""
    failure: str = ""
    """The last of these failures, as the server reports it."""

    def resolve(self) -> Target:
        """Find the application, or else everything that its creation needs.

        Raises RefusedError if something that it needs does not exist, or if it can't be created.
        """
        lookup, wanted = self.lookup, self.new_application
        if lookup.write_only_token:
            raise RefusedError(CANNOT_READ)
        project = create_rules.pick("project", wanted.project, self._listed("/projects"))
        details = lookup.api.get(f"/projects/{quote(str(project['uuid']), safe='')}")
        environments = payload.records(details, "environments")
        self.environment = create_rules.pick("environment", wanted.environment, environments)
        applications = self._listed("/applications")
        if row := create_rules.existing(wanted.name, self.environment, applications):
            return Target(str(row["uuid"]))
        self._find_placement(project, applications)
        # Raises before anything is changed if it can't be created.
        create_rules.body(wanted, self.placement, lookup.version)
        lookup.resources[wanted.name] = Resource(
            APPLICATION, create_rules.expected_row(wanted), from_list=True, missing=True
        )
        return Target(wanted.name, name=wanted.name, kind=APPLICATION, missing=True)

    def _find_placement(self, project: Row, applications: list[Row]) -> None:
        """Find its server and destination, as far as this version lists them."""
        wanted = self.new_application
        host = create_rules.server(wanted.server, self._listed("/servers"))
        uuid, listed = str(host["uuid"]), None
        if not self.lookup.version.before(create_rules.DESTINATIONS_SINCE):
            listed = self._listed(f"/servers/{quote(uuid, safe='')}/destinations")
        destination = create_rules.destination(wanted.destination, uuid, listed, applications)
        environment = str(self.environment["name"])
        self.placement = Placement(str(project["uuid"]), environment, uuid, destination)
        names = (str(project.get("name")), environment, str(host.get("name")))
        where = "in project {}, environment {}, on server {}".format(*map(one_line, names))
        at = f", at {', '.join(wanted.domains)}" if wanted.domains else ""
        self.what = f"{where}, from {wanted.image}{at}"

    def describe(self) -> str:
        """What would be created, as a sentence."""
        return f"would create it {self.what} (POST {PATH})"

    def create(self) -> Changes:
        """Send the create request.

        If its response was lost, look for the application first: it is never sent again while the first one
        may still be carried out.
        """
        if self.sent:
            name, applications = self.new_application.name, self._listed("/applications")
            if row := create_rules.existing(name, self.environment, applications):
                sentence = f"created {self.what} (found after the response was lost)"
                return self._done(str(row["uuid"]), sentence)
            self._give_up_or_wait()
        self.changes.require_abilities(self.new_application.name)
        return self._done(self._send(), f"created {self.what}")

    def _give_up_or_wait(self) -> None:
        """Return if the request may be sent again: the server has failed, and created nothing.

        Raises RefusedError to give up, and UnavailableError to look for the application once more.
        """
        if self.failure and self.failures < MAX_SERVER_ERRORS:
            return
        if self.failure:
            raise RefusedError(
                f"the server failed {MAX_SERVER_ERRORS} times and created nothing: {self.failure}"
            )
        self.checks += 1
        if self.checks >= MAX_CHECKS:
            raise RefusedError(CREATE_RESPONSE_LOST)
        raise UnavailableError(MAYBE_CREATED)

    def _send(self) -> str:
        """Send the create request. Returns the uuid."""
        self.sent = False
        try:
            return self._post()
        except UnavailableError as error:
            self.sent, self.failure = error.may_have_arrived, error.server_error
            self.failures += bool(error.server_error)
            raise

    def _post(self) -> str:
        body = create_rules.body(self.new_application, self.placement, self.lookup.version)
        response = self.lookup.api.send("POST", PATH, body=body)
        data = json_or_raise(response, body, self.lookup.version, "the new application")
        uuid = payload.value(data, "uuid")
        if not isinstance(uuid, str) or not uuid:
            raise UnavailableError(
                "Coolify's response to the create request contains no uuid", may_have_arrived=True
            )
        return uuid

    def _done(self, uuid: str, sentence: str) -> Changes:
        """Remember what was created: from now on, it is an application like any other."""
        self.lookup.resources.pop(self.new_application.name, None)
        self.created, self.changes.created_as = uuid, f"application {uuid}: {sentence}"
        return Changes((sentence,), created=uuid)

    def ignored_inputs(self, target: str) -> tuple[str, ...]:
        """Inputs that have no effect because the application existed before this run, as sentences."""
        if target == self.created:
            return ()
        return create_rules.ignored_inputs(self.new_application, self.lookup.get(target).row)

    def _listed(self, path: str) -> list[Row]:
        return rows(self.lookup.api.get(path), path.rpartition("/")[2])
