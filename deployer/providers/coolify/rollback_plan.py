"""PURE: how a version is restored: by the rollback endpoint, an image tag, or a pinned commit.

Source: coolify-api 5.3 and 5.7.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import quote

from deployer.model import RefusedError
from deployer.providers.coolify.api.versions import PIN_KEPT, PIN_LOST, Feature, Version
from deployer.providers.coolify.changes import application, images
from deployer.providers.coolify.changes.application import Patch
from deployer.providers.coolify.changes.images import BUILD_PACK, Image
from deployer.providers.coolify.rollback_rules import is_own
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, TriggerRequest
from deployer.providers.payload import Row

SAME_IMAGE = (
    "the image tag is the same as before, and Coolify would only pull it again. "
    "Give each release its own tag, with `image`"
)
OTHER_IMAGE = "its image was changed to {} meanwhile, not by this run"
ROLLBACK_UNSUPPORTED = (
    f"Coolify {{}} does not support rollbacks: its own require {Feature.ROLLBACK.value}, "
    f"and a pinned commit is ignored from {PIN_LOST} to before {PIN_KEPT}. "
    "Update Coolify, or deploy the earlier commit from its branch"
)


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """How a version is restored."""

    version: str
    """What is restored: a commit or an image."""
    patch: Patch = field(default_factory=Patch)
    """What is changed on the application first."""
    commit: str = ""
    """The commit for the rollback endpoint; empty to deploy the application again instead."""
    force: bool = False
    """Deploy without cache."""
    notes: tuple[str, ...] = ()
    """What else the user should know."""

    def request(self, target: str) -> TriggerRequest:
        """The one request that starts the rollback."""
        if self.commit:
            path, summary = f"/applications/{quote(target, safe='')}/rollback", f"roll back to {self.version}"
            body = {"commit": self.commit}
            return TriggerRequest(APPLICATION, target, "POST", path, summary, body=body, note=self.note)
        params = {"uuid": target, "force": "true"} if self.force else {"uuid": target}
        summary = f"deploy {self.version} again"
        return TriggerRequest(APPLICATION, target, "POST", "/deploy", summary, params, self.note)

    @property
    def note(self) -> str:
        """Which version is restored, and what the user should know."""
        changed = f" ({', '.join(self.patch.summary)})" if self.patch.summary else ""
        return "; ".join((f"back to {self.version}{changed}", *self.patch.warnings, *self.notes))


def to_image(row: Row, image: Image, version: Version) -> RollbackPlan:
    """To an image, by setting it: the rollback endpoint would not change it (coolify-api 5.3).

    Forced: Coolify would otherwise skip it because of a deployment of the new image that is in progress.
    """
    patch = application.patch(row, version, image=image)
    return RollbackPlan(str(images.complete(row, image)), patch, force=True)


def to_earlier_image(row: Row, before: Row, ours: Row, version: Version) -> RollbackPlan:
    """To the image from before this run.

    `before`, `ours`: the application before and after the changes of this run. Raises RefusedError if this
    run has not changed the image, or if somebody else has changed it since.
    """
    old, now = images.current(before), images.current(row)
    if old == images.current(ours):
        raise RefusedError(SAME_IMAGE)
    if now not in {old, images.current(ours)}:
        raise RefusedError(OTHER_IMAGE.format(now))
    return to_image(row, old, version)


def to_commit(row: Row, commit: str, version: Version, *, pin: str = "") -> RollbackPlan:
    """To a commit, by the rollback endpoint or by pinning it, whichever this version supports.

    `pin`: what the application was pinned to before this run, if this run changed that. Raises RefusedError
    if this version supports neither.
    """
    if version.has(Feature.ROLLBACK):
        return RollbackPlan(commit, application.patch(row, version, pin=pin) if pin else Patch(), commit)
    if ignores_pins(version):
        raise RefusedError(ROLLBACK_UNSUPPORTED.format(version.text))
    patch = application.patch(row, version, pin=commit)
    # Without the second warning, that the cache is not used.
    patch = replace(patch, warnings=patch.warnings[:1])
    return RollbackPlan(commit, patch, force=version.before(PIN_LOST))


def changes_application(row: Row, version: Version) -> bool:
    """Whether a rollback changes something on the application first."""
    return row.get("build_pack") == BUILD_PACK or not version.has(Feature.ROLLBACK)


def ignores_pins(version: Version) -> bool:
    """Whether this version deploys the head of the branch although a commit is pinned."""
    return version.before(PIN_KEPT) and not version.before(PIN_LOST)


def matches(record: Row, request: TriggerRequest, *, marked: bool) -> bool:
    """Whether a record can be the deployment that a rollback request has started (architecture, rule 7).

    `marked`: this version marks the records that its API has started. For the rollback endpoint that was
    never seen: a record that is a rollback is enough.
    """
    by_api = record.get("is_api") or request.body or (not marked and not record.get("is_webhook"))
    return (
        bool(by_api)
        and is_own(record)
        and bool(record.get("rollback")) == bool(request.body)
        and bool(record.get("force_rebuild")) == ("force" in request.params)
    )
