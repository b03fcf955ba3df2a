"""Back to what ran before: the rollback call, an image's tag, or a pinned commit, by what this version has (coolify-api 5.3, 5.7)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import quote

from deployer.model import Command, Handle, RefusedError, UnavailableError
from deployer.providers import payload
from deployer.providers.coolify.api.versions import PIN_KEPT, PIN_LOST, Feature, Version
from deployer.providers.coolify.changes import application, images
from deployer.providers.coolify.changes.application import HEAD, Patch
from deployer.providers.coolify.changes.apply import NEW_TOKEN, ChangeApplier
from deployer.providers.coolify.changes.images import BUILD_PACK, Image
from deployer.providers.coolify.lookup import Lookup
from deployer.providers.coolify.rollback_candidates import (
    COMMIT,
    Candidate,
    deployment_and_previous,
    finished,
    is_own,
    other_images,
    pin,
    rolled_back_commits,
    running,
    text,
)
from deployer.providers.coolify.trigger_requests import APPLICATION, TAG, TriggerRequest
from deployer.providers.payload import Row

MAX_RECORDS = 10
"""Rows of the application's list in which what ran before is looked for."""

IMAGES_READ_SECONDS = 120.0
"""Seconds for the list of images: Coolify asks Docker over SSH before it answers (coolify-api 3.5)."""

SAME_IMAGE = "the image's tag is the same as before, and Coolify would only pull it again: give each release a tag of its own, with `image`"
OTHER_IMAGE = "its image is {} by now, which this run has not set: that is not taken back"
NOTHING_BEFORE_CREATE = "this run has created it: nothing ran before"
NO_EARLIER_DEPLOYMENT = "Coolify's list shows no earlier deployment of it that was finished"
NO_OTHER = "Coolify's list shows no earlier deployment of another commit that was finished"
NO_IMAGES = (
    "Coolify does not tell which images ran before: give the one to go back to as `image` (`:tag` is enough)"
)
CHOOSE_VERSION = "it is not clear what ran before what runs now: give what to go back to as `{}`. There is {}"
NO_WRITE = "if the new version does not run, what ran before can't be put back: the token lacks {}. {}"
NO_LIST = "this version of Coolify has no list of its deployments (that needs 4.0.0-beta.402)"
ROLLBACK_UNSUPPORTED = (
    f"Coolify {{}} has no way back: its rollback came with {Feature.ROLLBACK.value}, and a pinned commit is ignored from {PIN_LOST} "
    f"to before {PIN_KEPT}. Update Coolify, or deploy the earlier commit from its branch"
)


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """How it is put back. `version`: it; `patch`: what of the application is changed for that; `notes`: what people should know beside.

    `commit`: for the rollback call, where that does it.
    """

    version: str
    patch: Patch = field(default_factory=Patch)
    commit: str = ""
    force: bool = False
    notes: tuple[str, ...] = ()

    def act(self, target: str) -> TriggerRequest:
        """The one request that starts it."""
        if self.commit:
            path = f"/applications/{quote(target, safe='')}/rollback"
            return TriggerRequest(
                APPLICATION,
                target,
                "POST",
                path,
                f"roll back to {self.version}",
                body={"commit": self.commit},
                note=self.note,
            )
        force = {"force": "true"} if self.force else {}
        return TriggerRequest(
            APPLICATION,
            target,
            "POST",
            "/deploy",
            f"deploy {self.version} again",
            {"uuid": target, **force},
            self.note,
        )

    @property
    def note(self) -> str:
        """What people should know of it."""
        changed = f" ({', '.join(self.patch.summary)})" if self.patch.summary else ""
        return "; ".join((f"back to {self.version}{changed}", *self.patch.warnings, *self.notes))


@dataclass
class Rollback:
    """Finds the way, and makes the changes that must come before its one request. `changed`: those that were made."""

    lookup: Lookup
    changes: ChangeApplier
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def act(self, target: str, deployed: Handle | None) -> TriggerRequest:
        """The one request that starts it, after what must be changed for it. Without `deployed` on demand. Raises RefusedError."""
        way = self.from_deployment(target, deployed) if deployed else self.on_demand(target)
        self._settle(target, way.patch)
        if way.patch.body:
            self._change(target, way.patch)
        return way.act(target)

    def _settle(self, target: str, patch: Patch) -> None:
        """What was perhaps changed by an earlier try, and need not be changed any more, was."""
        lost = self.changes.uncertain.pop(target, ())
        self.changed[target] = (
            *self.changed.get(target, ()),
            *(sentence for sentence in lost if sentence not in patch.summary),
        )

    def _change(self, target: str, patch: Patch) -> None:
        """Where its answer is lost nothing was started: the same is done again."""
        try:
            self.changes.change(target, patch)
        except UnavailableError as error:
            raise error.not_sent() from error
        self.changed[target] = (*self.changed.get(target, ()), *patch.summary)
        if seen := self.lookup.resources.get(target):
            seen.row = {**seen.row, **patch.body}

    def changes_so_far(self, target: str) -> str:
        """What was changed for it already, for an answer that nothing was started; empty where that is nothing."""
        told = self.changed.get(target)
        return f". Changed before that: {'; '.join(told)}" if told else ""

    def from_deployment(self, target: str, deployed: Handle) -> RollbackPlan:
        """From what this run has deployed to what ran before it. Raises RefusedError where there is no way."""
        stays = self.changes.kept(target)
        notes = (f"what else this run has changed stays: {'; '.join(stays)}",) if stays else ()
        return replace(self._earlier(target, deployed), notes=notes)

    def _earlier(self, target: str, deployed: Handle) -> RollbackPlan:
        row = self._row(target)
        before = self.changes.before.get(target, row)
        mine = self.changes.target_state.get(target, row)
        if self.changes.created_as:
            raise RefusedError(NOTHING_BEFORE_CREATE)
        if row.get("build_pack") == BUILD_PACK:
            if (listed := self.lookup.recent(target, MAX_RECORDS)) is not None:
                deployment_and_previous(listed, deployed.id)
            return self._older_image(row, before, mine)
        own, ran = deployment_and_previous(self._listed(target), deployed.id)
        commit = self._built_commit(before, ran)
        if not commit:
            raise RefusedError(NO_EARLIER_DEPLOYMENT)
        if commit == self._built_commit(mine, text(own.get("commit"))):
            raise RefusedError(f"what ran before is the same commit ({commit})")
        return self._to_commit(row, commit, pin=pin(before) if pin(before) != pin(mine) else "")

    def _built_commit(self, application: Row, shown: str) -> str:
        """The commit of a deployment whose row shows this one: a pinned one is checked out, but not shown, before beta.464."""
        pinned = pin(application)
        return (
            pinned if shown and self.lookup.version.before(PIN_LOST) and COMMIT.fullmatch(pinned) else shown
        )

    def on_demand(self, target: str) -> RollbackPlan:
        """To what the user names, or to what ran before what runs now. Raises RefusedError."""
        row, options = self._row(target), self.changes.requested
        if row.get("build_pack") != BUILD_PACK:
            if options.image:
                images.wanted(row, options.image)  # says why an image means nothing here
            if options.commit == HEAD:
                raise RefusedError("`commit: HEAD` names nothing to go back to: give a whole commit")
            return self._to_commit(row, options.commit or self._previous(target, "commit", NO_OTHER))
        if options.commit:
            raise RefusedError("this application runs an image and has no commits: give `image`")
        return self._to_image(row, options.image or Image("", self._previous(target, "image", NO_IMAGES)))

    def _previous(self, target: str, name: str, none: str) -> str:
        """What ran before what runs now. Raises RefusedError: with `none`, or with all that there is to be given as this input."""
        there = self.candidates(target)
        if found := next((each.name for each in there if each.earlier), ""):
            return found
        raise RefusedError(CHOOSE_VERSION.format(name, "; ".join(map(str, there))) if there else none)

    def candidates(self, target: str) -> tuple[Candidate, ...]:
        """What could be gone back to, the newest first: images, or commits of finished deployments."""
        row, kept = self._row(target), self._images(target)
        if row.get("build_pack") == BUILD_PACK:
            return kept
        listed = self._listed(target)
        ran, gone = finished(listed), rolled_back_commits(listed)
        now = next(iter(ran), "")
        hidden = self.lookup.version.before(PIN_LOST) and COMMIT.fullmatch(
            pin(row)
        )  # the rows do not show what was built
        found = []
        for commit, each in ran.items() if hidden else [pair for pair in ran.items() if pair[0] != now]:
            told = f"deployed {text(each.get('created_at'))}{', and taken back' if commit in gone else ''}"
            found.append(Candidate(commit, told, earlier=not hidden and commit not in gone))
        return (*found, *(each for each in kept if each.name not in ran and COMMIT.fullmatch(each.name)))

    def dry_run(self, target: str) -> str:
        """What would be gone back to if what is to be deployed did not run, or why it can't; for a dry run."""
        try:
            return f"would be rolled back to {self._runs_now(target)} if it does not run"
        except RefusedError as error:
            return f"could not be rolled back: {error.reason}"

    def _runs_now(self, target: str) -> str:
        """What runs before anything is deployed, where there is a way back to it."""
        row, options = self._row(target), self.changes.requested
        if row.get("build_pack") == BUILD_PACK:
            if options.image is None or not images.changed(row, options.image):
                raise RefusedError(SAME_IMAGE)
            return str(images.held(row))
        now = self._built_commit(row, next(iter(finished(self._listed(target))), ""))
        if not now:
            raise RefusedError(NO_EARLIER_DEPLOYMENT)
        way = self._to_commit(row, now)
        if way.patch.body:
            self.changes.require_abilities(target)
        return way.version

    @property
    def writes(self) -> bool:
        """Whether a way back of what was checked changes something on the application first."""
        wished = self.lookup.options.rollback or self.lookup.options.command is Command.ROLLBACK
        applications = [seen for seen in self.lookup.resources.values() if seen.kind == APPLICATION]
        by_call = self.lookup.version.has(Feature.ROLLBACK)
        return wished and any(
            not by_call or seen.row.get("build_pack") == BUILD_PACK for seen in applications
        )

    def warnings(self, target: str) -> tuple[str, ...]:
        """What would keep a version that does not run from being taken back, told before it is deployed (coolify-api 2).

        An image is not asked about: who has changed it has the right.
        """
        seen, version = self.lookup.get(target), self.lookup.version
        members = [member.id for member in seen.members or ()] if seen.kind == TAG else [target]
        pins = [
            uuid
            for uuid in members
            if (one := self.lookup.resources.get(uuid))
            and one.has_history
            and one.row.get("build_pack") != BUILD_PACK
        ]
        if (
            not (self.lookup.options.rollback and pins)
            or version.has(Feature.ROLLBACK)
            or _ignores_pins(version)
        ):
            return ()
        try:
            missing = self.changes.missing_abilities(pins[0])
        except (RefusedError, UnavailableError):
            return ()  # the trigger will meet it, too
        return (NO_WRITE.format(missing, NEW_TOKEN),) if missing else ()

    # --- the ways

    def _older_image(self, row: Row, before: Row, mine: Row) -> RollbackPlan:
        """The image that the application had before this run changed it. `mine`: what it has made of it."""
        old, now = images.held(before), images.held(row)
        if old == images.held(mine):
            raise RefusedError(SAME_IMAGE)
        if now not in {old, images.held(mine)}:
            raise RefusedError(OTHER_IMAGE.format(now))
        return self._to_image(row, old)

    def _to_image(self, row: Row, image: Image) -> RollbackPlan:
        """By its tag: the rollback call does not change that. Forced, or a run that goes on with the new one would count.

        Source: coolify-api 5.3.
        """
        patch = application.patch(row, self.lookup.version, image=image)
        return RollbackPlan(str(images.wanted(row, image)), patch, force=True)

    def _to_commit(self, row: Row, commit: str, pin: str = "") -> RollbackPlan:
        """By the rollback call, or by pinning. `pin`: what was pinned before this run, where it changed that."""
        version = self.lookup.version
        if version.has(Feature.ROLLBACK):
            return RollbackPlan(commit, application.patch(row, version, pin=pin) if pin else Patch(), commit)
        if _ignores_pins(version):
            raise RefusedError(ROLLBACK_UNSUPPORTED.format(version.text))
        patch, force = application.patch(row, version, pin=commit), version.before(PIN_LOST)
        return RollbackPlan(
            commit, replace(patch, warnings=patch.warnings[:1]), force=force
        )  # the other one tells of that force

    # --- what is read

    def _row(self, target: str) -> Row:
        seen = self.lookup.get(target)
        if self.lookup.write_only_token or not seen.is_resolved:
            raise RefusedError("the token may not read, so that nobody can tell what ran before")
        if seen.kind != APPLICATION:
            raise RefusedError(f"a {seen.kind} keeps nothing that could be gone back to")
        return seen.row

    def _listed(self, target: str) -> list[Row]:
        if (listed := self.lookup.recent(target, MAX_RECORDS)) is None:
            raise RefusedError(NO_LIST)
        return listed

    def _images(self, target: str) -> tuple[Candidate, ...]:
        """The images that its server keeps beside the one that runs, the newest first; nothing before 4.3.0."""
        if not self.lookup.version.has(Feature.ROLLBACK):
            return ()
        data = self.lookup.api.get(
            f"/applications/{quote(target, safe='')}/rollback-images", timeout=IMAGES_READ_SECONDS
        )
        found = payload.records(data, "images")
        row = self._row(target)
        if row.get("build_pack") != BUILD_PACK:
            return other_images(found)
        marked = any(
            each.get("is_current") for each in found
        )  # only where the container's name is kept the same
        now = (
            ""
            if marked or not found
            else running(row, self.lookup.api.deployment_history(target, MAX_RECORDS) or [])
        )
        return other_images(found, now, images.held(row).tag)


def _ignores_pins(version: Version) -> bool:
    return version.before(PIN_KEPT) and not version.before(PIN_LOST)


def like(row: Row, act: TriggerRequest, *, marked: bool) -> bool:
    """PURE. Whether a row can be what a request that put something back has started (architecture, rule 7).

    That the rollback call marks its row as the API's was not seen: a row that is a rollback is enough.
    """
    by_api = row.get("is_api") or act.body or (not marked and not row.get("is_webhook"))
    return (
        bool(by_api)
        and is_own(row)
        and bool(row.get("rollback")) == bool(act.body)
        and bool(row.get("force_rebuild")) == ("force" in act.params)
    )
