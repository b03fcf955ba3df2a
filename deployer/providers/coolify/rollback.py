"""Rolls back by the rollback endpoint, an image tag, or a pinned commit (coolify-api 5.3, 5.7)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import quote

from deployer.model import Command, Handle, RefusedError, UnavailableError
from deployer.providers import payload
from deployer.providers.coolify.api.versions import PIN_KEPT, PIN_LOST, Feature, Version
from deployer.providers.coolify.changes import application, images
from deployer.providers.coolify.changes.application import COMMIT, HEAD, Patch
from deployer.providers.coolify.changes.apply import NEW_TOKEN, ChangeApplier
from deployer.providers.coolify.changes.images import BUILD_PACK, Image
from deployer.providers.coolify.lookup import Lookup
from deployer.providers.coolify.rollback_rules import (
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
"""How many deployment records are searched for the previous version."""

IMAGES_READ_SECONDS = 120.0
"""Read timeout for the list of images: Coolify reads it over SSH first (coolify-api 3.5)."""

SAME_IMAGE = (
    "the image tag is the same as before, and Coolify would only pull it again. "
    "Give each release its own tag, with `image`"
)
OTHER_IMAGE = "its image was changed to {} meanwhile, not by this run"
NOTHING_BEFORE_CREATE = "this run created it: there is no earlier version"
NO_EARLIER_DEPLOYMENT = "Coolify lists no earlier finished deployment"
NO_OTHER = "Coolify lists no earlier finished deployment of another commit"
NO_IMAGES = (
    "Coolify does not report which images ran before. Set `image` to the one to restore (`:tag` is enough)"
)
CHOOSE_VERSION = "cannot tell which version ran previously. Set `{}` to choose one. Available: {}"
NO_WRITE = "the previous version could not be restored if the new one fails: the token lacks {}. {}"
NO_LIST = "this version of Coolify can't list an application's deployments (that requires 4.0.0-beta.402)"
ROLLBACK_UNSUPPORTED = (
    f"Coolify {{}} can't roll back: its rollback requires {Feature.ROLLBACK.value}, and a pinned commit is "
    "ignored from "
    f"{PIN_LOST} to before {PIN_KEPT}. Update Coolify, or deploy the earlier commit from its branch"
)


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """How a version is restored."""

    version: str
    """What is restored: a commit or an image."""
    patch: Patch = field(default_factory=Patch)
    """What of the application is changed for that."""
    commit: str = ""
    """For the rollback endpoint; empty if that is not used."""
    force: bool = False
    """Rebuild without cache."""
    notes: tuple[str, ...] = ()
    """What else the user should know."""

    def request(self, target: str) -> TriggerRequest:
        """The one request that starts the rollback."""
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
        """What the user should know of it."""
        changed = f" ({', '.join(self.patch.summary)})" if self.patch.summary else ""
        return "; ".join((f"to {self.version}{changed}", *self.patch.warnings, *self.notes))


@dataclass
class Rollback:
    """Plans a rollback, and applies the changes that must precede its request."""

    lookup: Lookup
    changes: ChangeApplier
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The changes that were applied for it, by target, as sentences."""

    def prepare(self, target: str, deployed: Handle | None) -> TriggerRequest:
        """Apply the changes, and return the request that starts the rollback. Raises RefusedError.

        deployed: the deployment of this run to roll back; None for `command: rollback`.
        """
        plan = self.from_deployment(target, deployed) if deployed else self.on_demand(target)
        self._confirm_lost_changes(target, plan.patch)
        if plan.patch.body:
            self._change(target, plan.patch)
        return plan.request(target)

    def _confirm_lost_changes(self, target: str, patch: Patch) -> None:
        """Changes of an earlier try without a response were applied if they are no longer planned."""
        progress = self.changes.progress[target]
        lost, progress.uncertain = progress.uncertain, ()
        self.changed[target] = (
            *self.changed.get(target, ()),
            *(sentence for sentence in lost if sentence not in patch.summary),
        )

    def _change(self, target: str, patch: Patch) -> None:
        """Apply the changes. If the response is lost, nothing was started, and the same is done again."""
        try:
            self.changes.change(target, patch)
        except UnavailableError as error:
            raise error.not_sent() from error
        self.changed[target] = (*self.changed.get(target, ()), *patch.summary)
        if resource := self.lookup.resources.get(target):
            resource.row = {**resource.row, **patch.body}

    def changes_so_far(self, target: str) -> str:
        """What was already changed for it, as the end of a message; empty if nothing was."""
        changed = self.changed.get(target)
        return f". Changed before that: {'; '.join(changed)}" if changed else ""

    def from_deployment(self, target: str, deployed: Handle) -> RollbackPlan:
        """From the deployment of this run to the version before it.

        Raises RefusedError if that is not possible.
        """
        kept = self.changes.not_rolled_back(target)
        notes = (f"other changes of this run stay in effect: {'; '.join(kept)}",) if kept else ()
        return replace(self._earlier(target, deployed), notes=notes)

    def _earlier(self, target: str, deployed: Handle) -> RollbackPlan:
        row = self._row(target)
        progress = self.changes.progress[target]
        before, ours = progress.before or row, progress.target_state or row
        if self.changes.created_as:
            raise RefusedError(NOTHING_BEFORE_CREATE)
        if row.get("build_pack") == BUILD_PACK:
            if (listed := self.lookup.recent(target, MAX_RECORDS)) is not None:
                deployment_and_previous(listed, deployed.id)
            return self._older_image(row, before, ours)
        record, previous = deployment_and_previous(self._listed(target), deployed.id)
        commit = self._built_commit(before, previous)
        if not commit:
            raise RefusedError(NO_EARLIER_DEPLOYMENT)
        if commit == self._built_commit(ours, text(record.get("commit"))):
            raise RefusedError(f"the previous version is the same commit ({commit})")
        return self._to_commit(row, commit, pin=pin(before) if pin(before) != pin(ours) else "")

    def _built_commit(self, application: Row, shown: str) -> str:
        """The commit that was built.

        Before beta.464, records show another one if the application is pinned.
        """
        pinned = pin(application)
        hidden = self.lookup.version.before(PIN_LOST) and COMMIT.fullmatch(pinned)
        return pinned if shown and hidden else shown

    def on_demand(self, target: str) -> RollbackPlan:
        """To the version that the user names, or to the previous one. Raises RefusedError."""
        row, options = self._row(target), self.changes.requested
        if row.get("build_pack") != BUILD_PACK:
            if options.image:
                images.complete(row, options.image)  # raises: it does not run an image
            if options.commit == HEAD:
                raise RefusedError("`commit: HEAD` is not a version to roll back to. Set a complete commit")
            return self._to_commit(row, options.commit or self._previous(target, "commit", NO_OTHER))
        if options.commit:
            raise RefusedError("this application runs an image and has no commits. Set `image`")
        return self._to_image(row, options.image or Image("", self._previous(target, "image", NO_IMAGES)))

    def _previous(self, target: str, name: str, none: str) -> str:
        """The previous version.

        Raises RefusedError with all candidates for this input, or with `none` if there are none.
        """
        candidates = self.candidates(target)
        if found := next((each.name for each in candidates if each.earlier), ""):
            return found
        if not candidates:
            raise RefusedError(none)
        raise RefusedError(CHOOSE_VERSION.format(name, "; ".join(map(str, candidates))))

    def candidates(self, target: str) -> tuple[Candidate, ...]:
        """Versions to roll back to, newest first: images, or commits of finished deployments."""
        row, kept = self._row(target), self._images(target)
        if row.get("build_pack") == BUILD_PACK:
            return kept
        listed = self._listed(target)
        ran, reverted = finished(listed), rolled_back_commits(listed)
        now = next(iter(ran), "")
        # Of a pinned application, the records do not show what was built.
        hidden = self.lookup.version.before(PIN_LOST) and COMMIT.fullmatch(pin(row))
        found = []
        for commit, record in ran.items():
            if commit == now and not hidden:
                continue
            note = f"deployed {text(record.get('created_at'))}"
            note += ", and rolled back" if commit in reverted else ""
            found.append(Candidate(commit, note, earlier=not hidden and commit not in reverted))
        return (*found, *(each for each in kept if each.name not in ran and COMMIT.fullmatch(each.name)))

    def dry_run(self, target: str) -> str:
        """Which version a rollback would restore, or why it could not; for a dry run."""
        try:
            return f"would roll back to {self._current(target)} if the new version is down"
        except RefusedError as error:
            return f"could not roll back: {error.reason}"

    def _current(self, target: str) -> str:
        """The version that runs before the deployment. Raises RefusedError if it could not be restored."""
        row, options = self._row(target), self.changes.requested
        if row.get("build_pack") == BUILD_PACK:
            if options.image is None or not images.changed(row, options.image):
                raise RefusedError(SAME_IMAGE)
            return str(images.current(row))
        now = self._built_commit(row, next(iter(finished(self._listed(target))), ""))
        if not now:
            raise RefusedError(NO_EARLIER_DEPLOYMENT)
        plan = self._to_commit(row, now)
        if plan.patch.body:
            self.changes.require_abilities(target)
        return plan.version

    @property
    def writes(self) -> bool:
        """Whether a rollback of a resolved target changes something on the application first."""
        requested = self.lookup.options.rollback or self.lookup.options.command is Command.ROLLBACK
        applications = [each for each in self.lookup.resources.values() if each.kind == APPLICATION]
        by_call = self.lookup.version.has(Feature.ROLLBACK)
        return requested and any(
            not by_call or each.row.get("build_pack") == BUILD_PACK for each in applications
        )

    def warnings(self, target: str) -> tuple[str, ...]:
        """Warnings before the deployment that a rollback would lack an ability (coolify-api 2).

        Not for images: a token that could change the image can also restore it.
        """
        resource, version = self.lookup.get(target), self.lookup.version
        members = [member.id for member in resource.members or ()] if resource.kind == TAG else [target]
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
            return ()  # the trigger will report it
        return (NO_WRITE.format(missing, NEW_TOKEN),) if missing else ()

    # --- ways to restore a version

    def _older_image(self, row: Row, before: Row, ours: Row) -> RollbackPlan:
        """To the image before this run.

        `before`, `ours`: the application before and after the changes of this run.
        """
        old, now = images.current(before), images.current(row)
        if old == images.current(ours):
            raise RefusedError(SAME_IMAGE)
        if now not in {old, images.current(ours)}:
            raise RefusedError(OTHER_IMAGE.format(now))
        return self._to_image(row, old)

    def _to_image(self, row: Row, image: Image) -> RollbackPlan:
        """By setting the tag, which the rollback endpoint does not do (coolify-api 5.3).

        Forced, since Coolify would otherwise skip it in favor of a deployment in progress.
        """
        patch = application.patch(row, self.lookup.version, image=image)
        return RollbackPlan(str(images.complete(row, image)), patch, force=True)

    def _to_commit(self, row: Row, commit: str, pin: str = "") -> RollbackPlan:
        """By the rollback endpoint, or by pinning the commit.

        `pin`: the pin before this run, if it was changed.
        """
        version = self.lookup.version
        if version.has(Feature.ROLLBACK):
            return RollbackPlan(commit, application.patch(row, version, pin=pin) if pin else Patch(), commit)
        if _ignores_pins(version):
            raise RefusedError(ROLLBACK_UNSUPPORTED.format(version.text))
        patch, force = application.patch(row, version, pin=commit), version.before(PIN_LOST)
        # Without the warning about the rebuild, which is requested here.
        return RollbackPlan(commit, replace(patch, warnings=patch.warnings[:1]), force=force)

    # --- reading

    def _row(self, target: str) -> Row:
        resource = self.lookup.get(target)
        if self.lookup.write_only_token or not resource.is_resolved:
            raise RefusedError(
                "the token may not read, so the previous version is unknown. Add read to the token"
            )
        if resource.kind != APPLICATION:
            raise RefusedError(
                f"a {resource.kind} can't be rolled back: Coolify keeps no earlier version of it"
            )
        return resource.row

    def _listed(self, target: str) -> list[Row]:
        if (listed := self.lookup.recent(target, MAX_RECORDS)) is None:
            raise RefusedError(NO_LIST)
        return listed

    def _images(self, target: str) -> tuple[Candidate, ...]:
        """The other images that its server keeps, newest first; none before 4.3.0."""
        if not self.lookup.version.has(Feature.ROLLBACK):
            return ()
        data = self.lookup.api.get(
            f"/applications/{quote(target, safe='')}/rollback-images", timeout=IMAGES_READ_SECONDS
        )
        found = payload.records(data, "images")
        row = self._row(target)
        if row.get("build_pack") != BUILD_PACK:
            return other_images(found)
        # The current one is only marked if the container's name never changes.
        marked = any(each.get("is_current") for each in found)
        now = ""
        if found and not marked:
            now = running(row, self.lookup.api.deployment_history(target, MAX_RECORDS) or [])
        return other_images(found, now, images.current(row).tag)


def _ignores_pins(version: Version) -> bool:
    return version.before(PIN_KEPT) and not version.before(PIN_LOST)


def matches(row: Row, request: TriggerRequest, *, marked: bool) -> bool:
    """PURE. Whether a record can be the deployment that this rollback request started (architecture, rule 7).

    The rollback endpoint does not seem to mark its record as the API's: that it is a rollback is enough.
    """
    by_api = row.get("is_api") or request.body or (not marked and not row.get("is_webhook"))
    return (
        bool(by_api)
        and is_own(row)
        and bool(row.get("rollback")) == bool(request.body)
        and bool(row.get("force_rebuild")) == ("force" in request.params)
    )
