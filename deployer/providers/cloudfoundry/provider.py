"""The provider for one Cloud Foundry: chooses requests, sends them, and has their responses read.

Source: cloudfoundry-api 4 to 9.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from deployer.budget import Budget
from deployer.model import (
    Ability,
    AccessDenied,
    AlreadyDone,
    Changes,
    Command,
    Handle,
    RefusedError,
    Rejected,
    Snapshot,
    Started,
    Target,
    TriggerResult,
    UnavailableError,
)
from deployer.providers.cloudfoundry import images, preflight, rollback, routes
from deployer.providers.cloudfoundry.api import resources
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.app import AppState, AtCheck, PreviousVersion, TriggerRequest
from deployer.providers.cloudfoundry.cancel import Canceller
from deployer.providers.cloudfoundry.lookup import AppLookup
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.triggering import deployment_list, trigger, trigger_requests
from deployer.providers.cloudfoundry.triggering.find_triggered import TriggerSearch
from deployer.providers.cloudfoundry.triggering.staging import Stager
from deployer.providers.cloudfoundry.watching import instance_status
from deployer.providers.cloudfoundry.watching.logs import AppLog
from deployer.providers.cloudfoundry.watching.poll import Poller

CONNECT_READ_SECONDS = 8.0
"""How long to wait for the first response: three tries fit into the 30 s of architecture, rule 10."""

TRIGGER_READ_SECONDS = 60.0
"""How long to wait for the response to a trigger: a restart stops the app before it (cloudfoundry-api 5)."""

DROPLET_ASSIGNED = "The new droplet is already assigned: the next start will run it"


class CloudFoundryProvider:
    """One Cloud Foundry with one login. Keeps what the API makes a client remember, and nothing else."""

    def __init__(self, api: Client, lookup: AppLookup, options: Options) -> None:
        self.api = api
        self.lookup = lookup
        self.options = options
        self.apps: dict[str, AppState] = {}
        """What is remembered of each app, by guid."""
        self._stager = Stager(api, options)
        self._poller = Poller(api, options)
        self._search = TriggerSearch(api)
        self._canceller = Canceller(api)

    @property
    def budget(self) -> Budget:
        return self.api.budget

    # --- before anything is started

    def connect(self, *, timeout: float | None = None) -> str:
        try:
            endpoints = self.api.discover(timeout=timeout or CONNECT_READ_SECONDS)
        except (RefusedError, UnavailableError) as error:
            raise error.because(f"{self.api.base}: {error.reason}") from error
        platform = "Korifi" if endpoints.korifi else "Cloud Foundry"
        return f"{platform} (API {endpoints.version}) at {self.api.base}"

    def resolve(self, target: str) -> Target:
        app = self._check(target)
        if trigger_requests.needs_deployment_list(self.options):
            self._read_deployments(app)
        if reason := trigger_requests.unsupported(app, self.options):
            raise RefusedError(reason)
        if trigger_requests.stages(self.options) and not app.staging.droplet:
            image = resources.image_of_droplet(self.api, app.before.droplet)
            app.before = replace(app.before, image=image)
            images.full_name(self.options.image, image)  # raises RefusedError if only a tag is set
        self._read_versions(app)
        return Target(
            app.guid,
            name=app.at_check.name,
            kind="app",
            url=routes.address(resources.routes(self.api, app.guid)),
            status=app.at_check.state,
            warnings=deployment_list.warnings(app, self.options),
        )

    def _check(self, target: str) -> AppState:
        """The app, with what is there now. What the first check sees is the previous version."""
        found = AtCheck.of(self.lookup.app(target))
        guid = self.lookup.guid(target)
        if guid not in self.apps:
            before = PreviousVersion(started=found.started, droplet=found.droplet)
            self.apps[guid] = AppState(guid, AppLog(self.api, guid), before=before)
        app = self.apps[guid]
        app.at_check = found
        return app

    def _check_again(self, target: str) -> None:
        """Check the app right before a trigger: others may have changed it during the staging."""
        app = self._check(target)
        if trigger_requests.rolls(self.options):
            self._read_deployments(app)
        else:
            self._read_versions(app)

    def _read_deployments(self, app: AppState) -> None:
        deployment_list.read(app, lambda: resources.newest_deployments(self.api, app.guid), self.options)

    def _read_versions(self, app: AppState) -> None:
        app.versions = instance_status.versions(resources.processes(self.api, app.guid))

    def abilities(self) -> tuple[Ability, ...]:
        apps = [app.at_check.row for app in self.apps.values()]
        return preflight.abilities(self.api, apps, image=trigger_requests.stages(self.options))

    def describe(self, target: str) -> tuple[str, ...]:
        # No poll follows that would report the server's warnings.
        return (*self._describe(target), *self.api.warnings)

    def _describe(self, target: str) -> tuple[str, ...]:
        app = self._app(target)
        if self.options.command is Command.CANCEL:
            return self._canceller.describe(target, app.guid)
        if self.options.command is Command.ROLLBACK:
            return rollback.describe_on_demand(self._rollback_on_demand(app))
        return (*trigger_requests.describe(app, self.options), *rollback.describe(app, self.options))

    def apply_changes(self, target: str) -> Changes:
        app = self._app(target)
        if not trigger_requests.stages(self.options):
            return Changes(())
        app.log.begin()
        return self._stager.stage(target, app)

    def changes_made(self, target: str) -> tuple[str, ...]:  # noqa: ARG002 -- the same for every app
        return ()  # packages and builds have no effect before a droplet is assigned

    # --- triggering

    def trigger(self, target: str) -> TriggerResult:
        app = self._app(target)
        with _nothing_started():
            if app.staging.droplet:
                self._check_again(target)
                current = app.at_check.droplet
                if app.sent is None and current not in {"", app.staging.droplet}:
                    # Somebody else may have deployed during the staging: that is the previous version then.
                    app.before = replace(app.before, droplet=current)
            request = self._request(app)
        return self._send(target, app, request) if isinstance(request, TriggerRequest) else request

    def _request(self, app: AppState) -> TriggerRequest | AlreadyDone | Rejected:
        if self.options.command is Command.ROLLBACK:
            return self._rollback_on_demand(app)
        return trigger_requests.request_for(app, self.options)

    def _rollback_on_demand(self, app: AppState) -> TriggerRequest | Rejected:
        droplets = [] if app.deployments.active else resources.staged_droplets(self.api, app.guid)
        return rollback.on_demand(app, droplets, self.options)

    def rollback(self, target: str, deployment: Handle) -> TriggerResult:
        app = self._app(target)
        request = rollback.after_failure(app, deployment, self.options)
        if isinstance(request, Rejected):
            return request
        if not request.deployment:
            with _nothing_started():
                self._check_again(target)
            if rollback.is_overtaken(app):
                return Rejected(rollback.ANOTHER_DROPLET)
        return self._send(target, app, request)

    def _send(self, target: str, app: AppState, request: TriggerRequest) -> Started:
        """Assign the droplet, which starts nothing; then send the one request that starts something."""
        app.log.begin()
        if request.droplet:
            with _nothing_started():
                resources.assign_droplet(self.api, app.guid, request.droplet)
        app.sent = request
        app.following.start_over()
        if request.deployment:
            self._canceller.cancel_deployment(request.deployment)
            return Started((Handle(target, request.deployment, condition=request.condition),), request.note)
        try:
            response = self.api.send("POST", request.path, body=request.body, timeout=TRIGGER_READ_SECONDS)
            # Without `wait`, no poll follows that would report the server's warnings.
            warnings = () if self.options.wait else self.api.warnings
            return trigger.read(response, request, target, app.guid, warnings)
        except (RefusedError, UnavailableError) as error:
            if not request.droplet:
                raise
            raise error.because(f"{error.reason}. {DROPLET_ASSIGNED}") from error

    def find_triggered(self, target: str, *, timeout: float | None = None) -> Started | AccessDenied | None:
        return self._search.find(target, self._app(target), timeout=timeout)

    # --- polling and cancelling

    def poll(self, handle: Handle) -> Snapshot:
        return self._poller.poll(self._app(handle.target), handle)

    def poll_active(self, handles: tuple[Handle, ...]) -> None:  # noqa: ARG002 -- there is no such list
        return None

    def active(self, target: str) -> tuple[Handle, ...]:
        return self._canceller.active(target, self._app(target).guid)

    def cancel(self, handle: Handle, *, timeout: float | None = None) -> str:
        return self._canceller.cancel(handle, timeout)

    def left_waiting(self, *, timeout: float | None = None) -> str:  # noqa: ARG002 -- there is no queue
        return ""

    def _app(self, target: str) -> AppState:
        """What is remembered of a target; only its guid if it was never checked."""
        guid = self.lookup.guid(target)
        return self.apps.setdefault(guid, AppState(guid, AppLog(self.api, guid)))


@contextmanager
def _nothing_started() -> Iterator[None]:
    """Requests that start nothing: if one of their responses is lost, the trigger may be sent again."""
    try:
        yield
    except UnavailableError as error:
        raise error.not_sent() from error
