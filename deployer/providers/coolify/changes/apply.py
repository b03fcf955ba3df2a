"""What a run changes on a resource before it deploys it: image, commit, settings, variables. Asked for by an input, and told."""

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
from deployer.providers.coolify.changes.rejections import rejections, without_secrets
from deployer.providers.coolify.lookup import Lookup
from deployer.providers.coolify.trigger_requests import APPLICATION

ONLY_APPLICATIONS = "`image`, `commit` and `settings` are for applications, and this is a {}: leave them out, or give an application's uuid"
MAX_SERVER_ERRORS = 3
PIN_FIELD = "git_commit_sha"
VARIABLES = "variables: "
NO_CHANGES = "nothing is to be changed: all is as it is wished"
NO_RESPONSE = "no answer came"
NEW_TOKEN = f"Make a new one: {responses.token_abilities_hint('write')}"
PARTLY_APPLIED = (
    "Some of the variables may be set: Coolify takes one after the other, up to the one that it refuses"
)


@dataclass(frozen=True, slots=True)
class RequestedChanges:
    """What is to be changed; nothing by default."""

    image: Image | None = None
    commit: str = ""
    env: dict[str, SecretStr] = field(default_factory=dict, repr=False)
    settings: dict[str, Any] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.image or self.commit or self.env or self.settings)

    @property
    def needs_application(self) -> bool:
        """Whether some of it is nothing that a service or a database has."""
        return bool(self.image or self.commit or self.settings)


@dataclass
class ChangeApplier:
    """Plans and carries out. `missing`: the rights that the token lacks, once known; `done`: what was changed; `uncertain`: or perhaps was.

    `failures`: how often the server itself broke at it; `created_as`: what this run did before that: its creation.
    `before`: the application as it was before anything of it was changed; `target_state`: as it is to be then.
    """

    lookup: Lookup
    requested: RequestedChanges
    missing: str | None = None
    plans: dict[str, tuple[Patch, EnvChange]] = field(default_factory=dict)
    done: dict[str, list[str]] = field(default_factory=dict)
    uncertain: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    before: dict[str, dict[str, Any]] = field(default_factory=dict)
    target_state: dict[str, dict[str, Any]] = field(default_factory=dict)
    created_as: str = ""

    def plan(self, target: str) -> tuple[Patch, EnvChange]:
        """What would be sent, from what the resource has. Made once, as long as nothing went wrong. Raises RefusedError."""
        if target not in self.plans:
            self.plans[target] = self._planned(target)
        return self.plans[target]

    def _planned(self, target: str) -> tuple[Patch, EnvChange]:
        lookup, options = self.lookup, self.requested
        seen = lookup.get(target)
        if seen.kind != APPLICATION and options.needs_application:
            raise RefusedError(ONLY_APPLICATIONS.format(seen.kind))
        if not seen.is_resolved:
            raise RefusedError(
                f"the token lacks read, and what is to be changed is read first. Make a new one: {responses.token_abilities_hint('write')}"
            )
        row = (
            lookup.api.resource(seen.kind, target) if target in self.done else seen.row
        )  # an earlier try may have changed it
        patch = Patch()
        if seen.kind == APPLICATION:
            patch = application.patch(
                row, lookup.version, image=options.image, pin=options.commit, fields=options.settings
            )
        env = EnvChange()
        if options.env:
            there = [] if seen.missing else lookup.api.get(f"/{seen.kind}s/{quote(target, safe='')}/envs")
            listed = payload.records(there)
            env = envs.plan(options.env, listed, seen.kind, lookup.version, preview=bool(lookup.options.pr))
        return patch, env

    def describe(self, target: str) -> tuple[str, ...]:
        """What would be changed, in sentences."""
        patch, env = self.plan(target)
        told = [
            f"would set {sentence}"
            for sentence in (*patch.summary, *([env.summary] if self.requested.env else []))
        ]
        return (*told, *patch.warnings, *env.warnings)

    def apply(self, target: str) -> Changes:
        """One request for the fields and one for the variables, each only where something differs."""
        patch, env = self.plan(target)
        if patch.body or env.body:
            self.require_abilities(target)
        done = self.done.setdefault(target, [])
        done += [
            sentence
            for sentence in self.uncertain.pop(target, ())
            if sentence not in {*patch.summary, env.summary}
        ]
        path = f"/{self.lookup.get(target).kind}s/{quote(target, safe='')}"
        if patch.body:
            row = self.before.setdefault(target, self.lookup.get(target).row)
            self.target_state[target] = {**self.target_state.get(target, row), **patch.body}
        for place, body, told in (
            (path, patch.body, patch.summary),
            (f"{path}/envs/bulk", env.body, (env.summary,)),
        ):
            if body:
                self._send(target, place, body, told)
                done += told
        told_already = any(
            VARIABLES in sentence for sentence in done
        )  # set by an earlier try, whose answer was lost
        kept = (env.summary,) if self.requested.env and not env.body and not told_already else ()
        if not done and not kept and not self.created_as:
            kept = (NO_CHANGES,)
        return Changes(tuple(done), (*patch.warnings, *env.warnings), kept)

    def change(self, target: str, patch: Patch) -> None:
        """One request for fields that nobody has wished: what is put back."""
        self.require_abilities(target)
        self.done.setdefault(target, [])
        self._send(target, f"/applications/{quote(target, safe='')}", patch.body, patch.summary)

    def kept(self, target: str) -> tuple[str, ...]:
        """What was changed and is never put back: variables, and all fields but those that say what is deployed."""
        before = self.before.get(target, {})
        fields = {
            name: value
            for name, value in self.target_state.get(target, {}).items()
            if name not in application.deployed(before)
        }
        variables = (sentence for sentence in self.done.get(target, ()) if VARIABLES in sentence)
        return (*application.patch(before, self.lookup.version, fields=fields).summary, *variables)

    def require_abilities(self, target: str) -> None:
        """Nothing is changed on a target that could then not be deployed (coolify-api 2: both probes touch nothing)."""
        if missing := self.missing_abilities(target):
            raise RefusedError(
                f"the token lacks {missing}, so nothing was changed. {NEW_TOKEN}", token_wide=True
            )

    def missing_abilities(self, target: str) -> str:
        """The rights that a change needs and that the token has not. Asked for once: a token's rights stay as they are."""
        if self.missing is None:
            api = self.lookup.api
            rights = (
                ("write", preflight.can_write(api, {target: self.lookup.get(target)})),
                ("deploy", preflight.can_deploy(api)),
            )
            self.missing = " and ".join(name for name, held in rights if held is False)
        return self.missing

    def applied(self, target: str) -> tuple[str, ...]:
        """What was changed so far, and what perhaps was: for a run that ends before all of it is done."""
        return (
            *self.done.get(target, ()),
            *(f"{sentence} (perhaps: {NO_RESPONSE})" for sentence in self.uncertain.get(target, ())),
        )

    def _send(self, target: str, path: str, body: dict[str, Any], told: tuple[str, ...]) -> None:
        """A failure tells what was changed before it; the next try plans anew, from what is there then."""
        done = [each for each in (self.created_as, *self.done[target]) if each]
        before = [f"Changed before that: {'; '.join(done)}"] if done else []
        self.uncertain[target] = told  # a signal may come before the answer
        try:
            json_or_raise(
                self.lookup.api.send("PATCH", path, body=body), body, self.lookup.version, "the change"
            )
        except RefusedError as error:
            del self.uncertain[target]
            if len(body.get("data", ())) > 1:
                before.append(PARTLY_APPLIED)
                self.done[target] += [f"{sentence} (perhaps, or a part of it)" for sentence in told]
            sentences = [error.reason.rstrip("."), *(before or ["Nothing was changed"])]
            raise error.because(". ".join(sentences)) from error
        except UnavailableError as error:
            self.plans.pop(target, None)
            if not error.may_have_arrived:
                del self.uncertain[target]
            self._give_up(target, error)
            raise error.because(". ".join([error.reason, *before])) from error
        del self.uncertain[target]
        if pin := body.get(PIN_FIELD):
            self.lookup.get(target).progress.pinned_commit = str(pin)

    def _give_up(self, target: str, error: UnavailableError) -> None:
        """What the server itself breaks at again and again, or a gateway keeps from it, is no outage. Raises RefusedError."""
        failed = self.failures[target] = self.failures.get(target, 0) + bool(
            error.server_error or error.from_gateway
        )
        if failed >= MAX_SERVER_ERRORS:
            said = "; ".join(self.applied(target))
            what = error.server_error or error.reason
            raise RefusedError(
                f"the server failed {MAX_SERVER_ERRORS} times at the change: {what}. Changed: {said}"
            ) from error


def json_or_raise(response: Response, body: dict[str, Any], version: Version, what: str) -> Any:
    """PURE. The JSON of a good answer to something that was written. Raises RefusedError, field by field where the server says so.

    Raises UnavailableError for a response that is not Coolify's: the change may have been made.
    """
    if response.status >= 300:
        response = replace(response, data=without_secrets(response.data, body))
    refused = response.status in {400, 404, 409, 422} and response.is_json
    refused = refused and is_own(response.status, response.data, responses.message(response))
    if refused and (said := rejections(response.data, version)):
        raise RefusedError(f"Coolify refuses {what}: {'; '.join(each.rstrip('.') for each in said)}")
    try:
        return responses.json_or_raise(response)
    except UnavailableError as error:
        # A redirect may have come after the change as well: whether it was made is looked up.
        raise replace(error, permanent=False) from error
