"""What a run changes on a resource before it deploys it: image, commit, settings, variables. Asked for by an input, and told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from deployer.http import Reply
from deployer.model import Prepared, RefusedError, UnavailableError
from deployer.providers.coolify import answers, changes, doctor, envs
from deployer.providers.coolify.acts import APPLICATION
from deployer.providers.coolify.changes import Patch
from deployer.providers.coolify.envs import EnvPlan
from deployer.providers.coolify.images import Image
from deployer.providers.coolify.objections import blanked, objections
from deployer.providers.coolify.own_words import is_own
from deployer.providers.coolify.survey import Survey
from deployer.providers.coolify.versions import Version

ONLY_APPLICATIONS = "`image`, `commit` and `settings` are for applications, and this is a {}: leave them out, or give an application's uuid"
FAILURES = 3
PIN_FIELD = "git_commit_sha"
VARIABLES = "variables: "
UNCHANGED = "nothing is to be changed: all is as it is wished"
UNANSWERED = "no answer came"
REMEDY = f"Make a new one: {answers.boxes('write')}"
PARTLY = "Some of the variables may be set: Coolify takes one after the other, up to the one that it refuses"


@dataclass(frozen=True, slots=True)
class Alteration:
    """What is to be changed; nothing by default."""

    image: Image | None = None
    commit: str = ""
    env: dict[str, SecretStr] = field(default_factory=dict, repr=False)
    settings: dict[str, Any] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.image or self.commit or self.env or self.settings)

    @property
    def of_application(self) -> bool:
        """Whether some of it is nothing that a service or a database has."""
        return bool(self.image or self.commit or self.settings)


@dataclass
class Alterer:
    """Plans and carries out. `missing`: the rights that the token has not, once known; `done`: what was changed; `lost`: or perhaps was.

    `failures`: how often the server itself broke at it; `earlier`: what this run did before that: its creation.
    `before`: the application as it was before anything of it was changed; `meant`: as it is to be then.
    """

    survey: Survey
    wish: Alteration
    missing: str | None = None
    plans: dict[str, tuple[Patch, EnvPlan]] = field(default_factory=dict)
    done: dict[str, list[str]] = field(default_factory=dict)
    lost: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    before: dict[str, dict[str, Any]] = field(default_factory=dict)
    meant: dict[str, dict[str, Any]] = field(default_factory=dict)
    earlier: str = ""

    def plan(self, target: str) -> tuple[Patch, EnvPlan]:
        """What would be sent, from what the resource has. Made once, as long as nothing went wrong. Raises RefusedError."""
        if target not in self.plans:
            self.plans[target] = self._planned(target)
        return self.plans[target]

    def _planned(self, target: str) -> tuple[Patch, EnvPlan]:
        survey, wish = self.survey, self.wish
        seen = survey.of(target)
        if seen.kind != APPLICATION and wish.of_application:
            raise RefusedError(ONLY_APPLICATIONS.format(seen.kind))
        if not seen.checked:
            raise RefusedError(f"the token lacks read, and what is to be changed is read first. Make a new one: {answers.boxes('write')}")
        row = survey.api.resource(seen.kind, target) if target in self.done else seen.row  # an earlier try may have changed it
        patch = Patch()
        if seen.kind == APPLICATION:
            patch = changes.patch(row, survey.version, image=wish.image, pin=wish.commit, fields=wish.settings)
        env = EnvPlan()
        if wish.env:
            there = [] if seen.missing else survey.api.get(f"/{seen.kind}s/{quote(target, safe='')}/envs")
            listed = [each for each in there if isinstance(each, dict)] if isinstance(there, list) else []
            env = envs.plan(wish.env, listed, seen.kind, survey.version, preview=bool(survey.wish.pr))
        return patch, env

    def intent(self, target: str) -> tuple[str, ...]:
        """What would be changed, in sentences."""
        patch, env = self.plan(target)
        told = [f"would set {sentence}" for sentence in (*patch.told, *([env.told] if self.wish.env else []))]
        return (*told, *patch.warnings, *env.warnings)

    def carry_out(self, target: str) -> Prepared:
        """One request for the fields and one for the variables, each only where something differs."""
        patch, env = self.plan(target)
        if patch.body or env.body:
            self.prove(target)
        done = self.done.setdefault(target, [])
        done += [sentence for sentence in self.lost.pop(target, ()) if sentence not in {*patch.told, env.told}]
        path = f"/{self.survey.of(target).kind}s/{quote(target, safe='')}"
        if patch.body:
            row = self.before.setdefault(target, self.survey.of(target).row)
            self.meant[target] = {**self.meant.get(target, row), **patch.body}
        for place, body, told in ((path, patch.body, patch.told), (f"{path}/envs/bulk", env.body, (env.told,))):
            if body:
                self._send(target, place, body, told)
                done += told
        told_already = any(VARIABLES in sentence for sentence in done)  # set by an earlier try, whose answer was lost
        kept = (env.told,) if self.wish.env and not env.body and not told_already else ()
        if not done and not kept and not self.earlier:
            kept = (UNCHANGED,)
        return Prepared(tuple(done), (*patch.warnings, *env.warnings), kept)

    def change(self, target: str, patch: Patch) -> None:
        """One request for fields that nobody has wished: what is put back."""
        self.prove(target)
        self.done.setdefault(target, [])
        self._send(target, f"/applications/{quote(target, safe='')}", patch.body, patch.told)

    def kept(self, target: str) -> tuple[str, ...]:
        """What was changed and is never put back: variables, and all fields but those that say what is deployed."""
        before = self.before.get(target, {})
        fields = {name: value for name, value in self.meant.get(target, {}).items() if name not in changes.deployed(before)}
        variables = (sentence for sentence in self.done.get(target, ()) if VARIABLES in sentence)
        return (*changes.patch(before, self.survey.version, fields=fields).told, *variables)

    def prove(self, target: str) -> None:
        """Nothing is changed on a target that could then not be deployed (coolify-api 2: both probes touch nothing)."""
        if missing := self.lacking(target):
            raise RefusedError(f"the token lacks {missing}, so nothing was changed. {REMEDY}", everywhere=True)

    def lacking(self, target: str) -> str:
        """The rights that a change needs and that the token has not. Asked for once: a token's rights stay as they are."""
        if self.missing is None:
            api = self.survey.api
            rights = (("write", doctor.may_write(api, {target: self.survey.of(target)})), ("deploy", doctor.may_deploy(api)))
            self.missing = " and ".join(name for name, held in rights if held is False)
        return self.missing

    def altered(self, target: str) -> tuple[str, ...]:
        """What was changed so far, and what perhaps was: for a run that ends before all of it is done."""
        return (*self.done.get(target, ()), *(f"{sentence} (perhaps: {UNANSWERED})" for sentence in self.lost.get(target, ())))

    def _send(self, target: str, path: str, body: dict[str, Any], told: tuple[str, ...]) -> None:
        """A failure tells what was changed before it; the next try plans anew, from what is there then."""
        done = [each for each in (self.earlier, *self.done[target]) if each]
        before = [f"Changed before that: {'; '.join(done)}"] if done else []
        self.lost[target] = told  # a signal may come before the answer
        try:
            judged(self.survey.api.send("PATCH", path, body=body), body, self.survey.version, "the change")
        except RefusedError as error:
            del self.lost[target]
            if len(body.get("data", ())) > 1:
                before.append(PARTLY)
                self.done[target] += [f"{sentence} (perhaps, or a part of it)" for sentence in told]
            error.reason = ". ".join([error.reason.rstrip("."), *(before or ["Nothing was changed"])])
            raise
        except UnavailableError as error:
            self.plans.pop(target, None)
            if not error.arrived:
                del self.lost[target]
            self._give_up(target, error)
            error.reason = ". ".join([error.reason, *before])
            raise
        del self.lost[target]
        if pin := body.get(PIN_FIELD):
            self.survey.pins[target] = str(pin)

    def _give_up(self, target: str, error: UnavailableError) -> None:
        """What the server itself breaks at again and again, or a gateway keeps from it, is no outage. Raises RefusedError."""
        failed = self.failures[target] = self.failures.get(target, 0) + bool(error.failure or error.from_gateway)
        if failed >= FAILURES:
            said = "; ".join(self.altered(target))
            what = error.failure or error.reason
            raise RefusedError(f"the server failed {FAILURES} times at the change: {what}. Changed: {said}") from error


def judged(reply: Reply, body: dict[str, Any], version: Version, what: str) -> Any:
    """PURE. The JSON of a good answer to something that was written. Raises RefusedError, field by field where the server says so.

    Raises UnavailableError for a response that is not Coolify's: the change may have been made.
    """
    if reply.status >= 300:
        reply = replace(reply, data=blanked(reply.data, body))
    refused = reply.status in {400, 404, 409, 422} and reply.is_json
    refused = refused and is_own(reply.status, reply.data, answers.message(reply))
    if refused and (said := objections(reply.data, version)):
        raise RefusedError(f"Coolify refuses {what}: {'; '.join(each.rstrip('.') for each in said)}")
    try:
        return answers.good(reply)
    except UnavailableError as error:
        error.final = False  # a redirect, too, may have come after the change: what became of that is looked for
        raise
