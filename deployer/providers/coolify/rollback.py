"""Rolls back: reads which versions there are, checks what the token may do, and applies what must come first.

Which version is restored: `rollback_rules`. How: `rollback_plan`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote

from deployer.model import Command, Handle, RefusedError, UnavailableError
from deployer.providers import payload
from deployer.providers.coolify import rollback_plan, rollback_rules
from deployer.providers.coolify.api.versions import Feature
from deployer.providers.coolify.changes import images
from deployer.providers.coolify.changes.application import HEAD, Patch
from deployer.providers.coolify.changes.apply import NEW_TOKEN, ChangeApplier
from deployer.providers.coolify.changes.images import BUILD_PACK, Image
from deployer.providers.coolify.lookup import Lookup
from deployer.providers.coolify.rollback_plan import SAME_IMAGE, RollbackPlan
from deployer.providers.coolify.rollback_rules import NO_EARLIER_DEPLOYMENT, Candidate
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, TAG, TriggerRequest
from deployer.providers.payload import Row

MAX_RECORDS = 10
"""How many deployment records are read to find the previous version."""

IMAGES_READ_SECONDS = 120.0
"""How long to wait for the list of images, which Coolify reads over SSH (coolify-api 3.5)."""

NOTHING_BEFORE_CREATE = "this run created it: there is no earlier version"
NO_OTHER = "Coolify lists no earlier finished deployment of another commit"
NO_IMAGES = (
    "Coolify does not report which images ran previously. "
    "Set `image` to the one to restore (`:tag` is enough)"
)
CHOOSE_VERSION = "can't tell which version ran previously. Set `{}` to choose one. Available: {}"
NO_WRITE = "the previous version could not be restored if the new one fails: the token lacks {}. {}"
NO_LIST = "this version of Coolify can't list an application's deployments (that requires 4.0.0-beta.402)"
CANNOT_READ = "the token may not read, so the previous version is unknown. Add read to the token"
NOT_AN_APPLICATION = "a {} can't be rolled back: Coolify keeps no earlier version of it"


@dataclass
class Rollback:
    """Plans rollbacks, and applies what must be changed before their requests."""

    lookup: Lookup
    changes: ChangeApplier

    def prepare(self, target: str, deployment: Handle | None) -> TriggerRequest:
        """Apply what must be changed first, and return the request that starts the rollback.

        `deployment`: the deployment of this run to roll back; None for `command: rollback`. Raises
        RefusedError if there is no version to restore.
        """
        plan = self.from_deployment(target, deployment) if deployment else self.on_demand(target)
        self._confirm_lost_changes(target, plan.patch)
        if plan.patch.body:
            self._change(target, plan.patch)
        return plan.request(target)

    def _confirm_lost_changes(self, target: str, patch: Patch) -> None:
        """Changes of an earlier try without a response were made, unless they are planned again."""
        progress, changes = self.lookup.get(target).progress, self.changes.progress(target)
        lost, changes.uncertain = changes.uncertain, ()
        progress.rollback_changes += tuple(change for change in lost if change not in patch.summary)

    def _change(self, target: str, patch: Patch) -> None:
        try:
            self.changes.change(target, patch)
        except UnavailableError as error:
            raise error.not_sent() from error  # nothing was started: it is safe to do the same again
        resource = self.lookup.get(target)
        resource.progress.rollback_changes += patch.summary
        resource.row = {**resource.row, **patch.body}

    def changes_so_far(self, target: str) -> str:
        """What was changed for the rollback, as the end of an error message; empty if nothing was."""
        changed = self.lookup.get(target).progress.rollback_changes
        return f". Changed before that: {'; '.join(changed)}" if changed else ""

    # --- which version

    def from_deployment(self, target: str, deployment: Handle) -> RollbackPlan:
        """From a deployment of this run to the version before it.

        Raises RefusedError if that is unknown, or can't be restored.
        """
        row, progress = self._row(target), self.changes.progress(target)
        before, ours = progress.before or row, progress.target_state or row
        if self.changes.created_as:
            raise RefusedError(NOTHING_BEFORE_CREATE)
        if row.get("build_pack") == BUILD_PACK:
            if (records := self.lookup.recent(target, MAX_RECORDS)) is not None:
                rollback_rules.deployment_and_previous(records, deployment.id)
            plan = rollback_plan.to_earlier_image(row, before, ours, self.lookup.version)
        else:
            plan = self._to_earlier_commit(target, deployment, row, before, ours)
        kept = self.changes.not_rolled_back(target)
        notes = (f"other changes of this run stay in effect: {'; '.join(kept)}",) if kept else ()
        return replace(plan, notes=notes)

    def _to_earlier_commit(
        self, target: str, deployment: Handle, row: Row, before: Row, ours: Row
    ) -> RollbackPlan:
        records, version = self._records(target), self.lookup.version
        commit = rollback_rules.earlier_commit(records, deployment.id, before, ours, version)
        pin = rollback_rules.pin(before)
        changed = pin != rollback_rules.pin(ours)
        return rollback_plan.to_commit(row, commit, version, pin=pin if changed else "")

    def on_demand(self, target: str) -> RollbackPlan:
        """To the version that the inputs name, or else to the one before the current version.

        Raises RefusedError if that is unknown, or can't be restored.
        """
        row, requested, version = self._row(target), self.changes.requested, self.lookup.version
        if row.get("build_pack") == BUILD_PACK:
            if requested.commit:
                raise RefusedError("this application runs an image and has no commits. Set `image`")
            image = requested.image or Image("", self._previous(target, "image", NO_IMAGES))
            return rollback_plan.to_image(row, image, version)
        if requested.image:
            images.complete(row, requested.image)  # raises: this application is built from source
        if requested.commit == HEAD:
            raise RefusedError("`commit: HEAD` is not a version to roll back to. Set a complete commit")
        commit = requested.commit or self._previous(target, "commit", NO_OTHER)
        return rollback_plan.to_commit(row, commit, version)

    def _previous(self, target: str, name: str, none: str) -> str:
        """The version before the current one.

        Raises RefusedError if that is unclear, with the candidates to choose from with the input `name`, or
        with `none` if there are none.
        """
        candidates = self.candidates(target)
        if found := next((each.name for each in candidates if each.earlier), ""):
            return found
        if not candidates:
            raise RefusedError(none)
        raise RefusedError(CHOOSE_VERSION.format(name, "; ".join(map(str, candidates))))

    def candidates(self, target: str) -> tuple[Candidate, ...]:
        """The versions to roll back to, newest first: images, or commits of finished deployments."""
        row, kept = self._row(target), self._images(target)
        if row.get("build_pack") == BUILD_PACK:
            return kept
        return rollback_rules.commits(row, self._records(target), kept, self.lookup.version)

    # --- before the deployment

    def dry_run(self, target: str) -> str:
        """Which version a rollback would restore, or why it could not, as a sentence."""
        try:
            return f"would roll back to {self._current(target)} if the new version is down"
        except RefusedError as error:
            return f"could not roll back: {error.reason}"

    def _current(self, target: str) -> str:
        """The version that runs now. Raises RefusedError if it could not be restored after a deployment."""
        row, image, version = self._row(target), self.changes.requested.image, self.lookup.version
        if row.get("build_pack") == BUILD_PACK:
            if image is None or not images.changed(row, image):
                raise RefusedError(SAME_IMAGE)
            return str(images.current(row))
        newest = next(iter(rollback_rules.finished(self._records(target))), "")
        commit = rollback_rules.built_commit(row, newest, version)
        if not commit:
            raise RefusedError(NO_EARLIER_DEPLOYMENT)
        plan = rollback_plan.to_commit(row, commit, version)
        if plan.patch.body:
            self.changes.require_abilities(target)
        return plan.version

    @property
    def writes(self) -> bool:
        """Whether a rollback of a target that was resolved changes something on the application first."""
        options, version = self.lookup.options, self.lookup.version
        if not options.rollback and options.command is not Command.ROLLBACK:
            return False
        applications = (each.row for each in self.lookup.resources.values() if each.kind == APPLICATION)
        return any(rollback_plan.changes_application(row, version) for row in applications)

    def warnings(self, target: str) -> tuple[str, ...]:
        """A warning if the token lacks an ability that an automatic rollback would need (coolify-api 2).

        Only for pinned commits: a token that has changed the image can also restore it.
        """
        version = self.lookup.version
        pinned = self._rolled_back_by_pin(target) if self.lookup.options.rollback else []
        if not pinned or version.has(Feature.ROLLBACK) or rollback_plan.ignores_pins(version):
            return ()
        try:
            missing = self.changes.missing_abilities(pinned[0])
        except (RefusedError, UnavailableError):
            return ()  # the trigger will report it
        return (NO_WRITE.format(missing, NEW_TOKEN),) if missing else ()

    def _rolled_back_by_pin(self, target: str) -> list[str]:
        """The applications behind this target that are built from source and have a deployment history."""
        resource = self.lookup.get(target)
        members = [member.id for member in resource.members or ()] if resource.kind == TAG else [target]
        return [
            uuid
            for uuid in members
            if (member := self.lookup.resources.get(uuid))
            and member.has_history
            and member.row.get("build_pack") != BUILD_PACK
        ]

    # --- reading

    def _row(self, target: str) -> Row:
        """The application as it was read. Raises RefusedError if it could not be, or is not one."""
        resource = self.lookup.get(target)
        if self.lookup.write_only_token or not resource.is_resolved:
            raise RefusedError(CANNOT_READ)
        if resource.kind != APPLICATION:
            raise RefusedError(NOT_AN_APPLICATION.format(resource.kind))
        return resource.row

    def _records(self, target: str) -> list[Row]:
        """Its newest deployment records. Raises RefusedError if this version can't list them."""
        if (records := self.lookup.recent(target, MAX_RECORDS)) is None:
            raise RefusedError(NO_LIST)
        return records

    def _images(self, target: str) -> tuple[Candidate, ...]:
        """The other images that its server keeps, newest first; none before 4.3.0."""
        if not self.lookup.version.has(Feature.ROLLBACK):
            return ()
        path = f"/applications/{quote(target, safe='')}/rollback-images"
        found = payload.records(self.lookup.api.get(path, timeout=IMAGES_READ_SECONDS), "images")
        row = self._row(target)
        if row.get("build_pack") != BUILD_PACK:
            return rollback_rules.other_images(found)
        running = ""
        # The current image is only marked if the name of the container never changes.
        if found and not any(each.get("is_current") for each in found):
            records = self.lookup.api.deployment_history(target, MAX_RECORDS) or []
            running = rollback_rules.running_tag(row, records)
        return rollback_rules.other_images(found, running, images.current(row).tag)
