"""Applies what the inputs change before the deployment: image, commit, settings and variables."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from deployer.http.client import Response
from deployer.model import Changes, RefusedError, UnavailableError
from deployer.providers import payload
from deployer.providers.coolify import preflight
from deployer.providers.coolify.api import responses
from deployer.providers.coolify.api.authentic import is_own
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.changes import application, envs
from deployer.providers.coolify.changes.application import Patch
from deployer.providers.coolify.changes.envs import EnvChange
from deployer.providers.coolify.changes.images import Image
from deployer.providers.coolify.changes.progress import ChangeProgress
from deployer.providers.coolify.changes.rejections import rejections, without_secrets
from deployer.providers.coolify.lookup import Lookup
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION

MAX_SERVER_ERRORS = 3
PIN_FIELD = "git_commit_sha"
VARIABLES = "variables: "
"""Part of every summary of variables, and of no other."""

ONLY_APPLICATIONS = (
    "`image`, `commit` and `settings` are for applications, and this is a {}. "
    "Remove them, or set an application's uuid"
)
NO_CHANGES = "no changes: everything is already up to date"
NEW_TOKEN = f"Make a new one: {responses.token_abilities_hint('write')}"
PARTLY_APPLIED = (
    "Some of the variables may be set: Coolify sets one after the other, up to the one that it rejects"
)


@dataclass(frozen=True, slots=True)
class RequestedChanges:
    """What the inputs ask to be changed; nothing by default."""

    image: Image | None = None
    commit: str = ""
    """The commit to pin the application to, or HEAD; empty to leave the pin as it is."""
    env: dict[str, SecretStr] = field(default_factory=dict, repr=False)
    settings: dict[str, Any] = field(default_factory=dict, repr=False)
    """Fields of the application, under their names in Coolify's API."""

    def __bool__(self) -> bool:
        return bool(self.image or self.commit or self.env or self.settings)

    @property
    def needs_application(self) -> bool:
        """Whether some of it only exists for applications."""
        return bool(self.image or self.commit or self.settings)


@dataclass
class ChangeApplier:
    """Plans and applies what the inputs change, one target at a time."""

    lookup: Lookup
    requested: RequestedChanges
    missing: str | None = None
    """The abilities that the token lacks, as a phrase; None until they were checked."""
    created_as: str = ""
    """What this run created before its changes, as a phrase; empty if nothing."""

    def progress(self, target: str) -> ChangeProgress:
        """What was changed on this target so far."""
        return self.lookup.get(target).progress.changes

    def plan(self, target: str) -> tuple[Patch, EnvChange]:
        """What would be sent, compared with what the resource has.

        Raises RefusedError if this resource or version does not support it.
        """
        progress = self.progress(target)
        if progress.plan is None:
            progress.plan = self._planned(target)
        return progress.plan

    def _planned(self, target: str) -> tuple[Patch, EnvChange]:
        lookup, requested = self.lookup, self.requested
        resource = lookup.get(target)
        if resource.kind != APPLICATION and requested.needs_application:
            raise RefusedError(ONLY_APPLICATIONS.format(resource.kind))
        if not resource.is_resolved:
            raise RefusedError(f"the token lacks read, which is needed before a change. {NEW_TOKEN}")
        row = resource.row
        if resource.progress.changes.attempted:  # an earlier try may have changed it
            row = lookup.api.resource(resource.kind, target)
        patch = Patch()
        if resource.kind == APPLICATION:
            patch = application.patch(
                row, lookup.version, image=requested.image, pin=requested.commit, fields=requested.settings
            )
        env = EnvChange()
        if requested.env:
            path = f"/{resource.kind}s/{quote(target, safe='')}/envs"
            current = [] if resource.missing else payload.records(lookup.api.get(path))
            preview = bool(lookup.options.pr)
            env = envs.plan(requested.env, current, resource.kind, lookup.version, preview=preview)
        return patch, env

    def describe(self, target: str) -> tuple[str, ...]:
        """What would be changed, as sentences, and the warnings."""
        patch, env = self.plan(target)
        changes = [*patch.summary, *([env.summary] if self.requested.env else [])]
        return (*(f"would set {change}" for change in changes), *patch.warnings, *env.warnings)

    def apply(self, target: str) -> Changes:
        """Send one request for the fields and one for the variables, each only if something differs."""
        patch, env = self.plan(target)
        if patch.body or env.body:
            self.require_abilities(target)
        progress = self.progress(target)
        progress.attempted = True
        planned = {*patch.summary, env.summary}
        progress.applied += [change for change in progress.uncertain if change not in planned]
        progress.uncertain = ()
        path = f"/{self.lookup.get(target).kind}s/{quote(target, safe='')}"
        if patch.body:
            progress.before = progress.before or self.lookup.get(target).row
            progress.target_state = {**(progress.target_state or progress.before), **patch.body}
            self._send(target, path, patch.body, patch.summary)
            progress.applied += patch.summary
        if env.body:
            self._send(target, f"{path}/envs/bulk", env.body, (env.summary,))
            progress.applied.append(env.summary)
        # An earlier try, whose response was lost, may have set the variables.
        reported = any(VARIABLES in change for change in progress.applied)
        unchanged = (env.summary,) if self.requested.env and not env.body and not reported else ()
        if not progress.applied and not unchanged and not self.created_as:
            unchanged = (NO_CHANGES,)
        return Changes(tuple(progress.applied), (*patch.warnings, *env.warnings), unchanged)

    def change(self, target: str, patch: Patch) -> None:
        """Send one request for fields of the application that no input asks for: those of a rollback."""
        self.require_abilities(target)
        self.progress(target).attempted = True
        self._send(target, f"/applications/{quote(target, safe='')}", patch.body, patch.summary)

    def not_rolled_back(self, target: str) -> tuple[str, ...]:
        """Changes that a rollback does not revert: variables, and all fields except those of the version."""
        progress = self.progress(target)
        before = progress.before or {}
        version_fields = application.version_fields(before)
        fields = {
            name: value for name, value in (progress.target_state or {}).items() if name not in version_fields
        }
        variables = (change for change in progress.applied if VARIABLES in change)
        return (*application.patch(before, self.lookup.version, fields=fields).summary, *variables)

    def require_abilities(self, target: str) -> None:
        """Raises RefusedError unless the token may change the target and deploy it (coolify-api 2)."""
        if missing := self.missing_abilities(target):
            reason = f"the token lacks {missing}, so nothing was changed. {NEW_TOKEN}"
            raise RefusedError(reason, token_wide=True)

    def missing_abilities(self, target: str) -> str:
        """The abilities that a change needs and the token lacks, as a phrase. Checked only once."""
        if self.missing is None:
            api = self.lookup.api
            abilities = (
                ("write", preflight.can_write(api, {target: self.lookup.get(target)})),
                ("deploy", preflight.can_deploy(api)),
            )
            self.missing = " and ".join(name for name, granted in abilities if granted is False)
        return self.missing

    def _send(self, target: str, path: str, body: dict[str, Any], changes: tuple[str, ...]) -> None:
        """Send one change. Errors also say what was changed before; the next try plans anew.

        Raises RefusedError and UnavailableError.
        """
        progress = self.progress(target)
        earlier = [each for each in (self.created_as, *progress.applied) if each]
        before = [f"Changed before that: {'; '.join(earlier)}"] if earlier else []
        progress.uncertain = changes  # a signal may come before the response
        try:
            response = self.lookup.api.send("PATCH", path, body=body)
            json_or_raise(response, body, self.lookup.version, "the change")
        except RefusedError as error:
            progress.uncertain = ()
            if len(body.get("data", ())) > 1:
                before.append(PARTLY_APPLIED)
                progress.applied += [f"{change} (perhaps, or partly)" for change in changes]
            sentences = [error.reason.rstrip("."), *(before or ["Nothing was changed"])]
            raise error.because(". ".join(sentences)) from error
        except UnavailableError as error:
            progress.plan = None
            if not error.may_have_arrived:
                progress.uncertain = ()
            self._give_up(target, error)
            raise error.because(". ".join([error.reason, *before])) from error
        progress.uncertain = ()
        if pin := body.get(PIN_FIELD):
            self.lookup.get(target).progress.pinned_commit = str(pin)

    def _give_up(self, target: str, error: UnavailableError) -> None:
        """Raises RefusedError once the server, or a gateway, has failed `MAX_SERVER_ERRORS` times."""
        progress = self.progress(target)
        progress.server_errors += bool(error.server_error or error.from_gateway)
        if progress.server_errors >= MAX_SERVER_ERRORS:
            what = error.server_error or error.reason
            reason = f"the server failed {MAX_SERVER_ERRORS} times at the change: {what}"
            raise RefusedError(f"{reason}. Changed: {'; '.join(progress.so_far)}") from error


def json_or_raise(response: Response, body: dict[str, Any], version: Version, what: str) -> Any:
    """PURE. The JSON of a successful response to a change.

    Raises RefusedError, field by field if Coolify says so, and UnavailableError for a response that is not
    Coolify's: the change may have been applied.
    """
    if response.status >= 300:
        response = replace(response, data=without_secrets(response.data, body))
    refused = response.status in {400, 404, 409, 422} and response.is_json
    refused = refused and is_own(response.status, response.data, responses.message(response))
    if refused and (sentences := rejections(response.data, version)):
        reasons = "; ".join(each.rstrip(".") for each in sentences)
        raise RefusedError(f"Coolify rejected {what}: {reasons}")
    try:
        return responses.json_or_raise(response)
    except UnavailableError as error:
        # A redirect may have come after the change as well: whether it was made is looked up.
        raise replace(error, permanent=False) from error
