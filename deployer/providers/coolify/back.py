"""Back to what ran before: the rollback call, an image's tag, or a pinned commit, by what this version has (coolify-api 5.3, 5.7)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import quote

from deployer.model import Command, Handle, RefusedError, UnavailableError
from deployer.providers.coolify import changes, images
from deployer.providers.coolify.acts import APPLICATION, TAG, Act
from deployer.providers.coolify.alter import REMEDY, Alterer
from deployer.providers.coolify.api import Row
from deployer.providers.coolify.changes import HEAD, Patch
from deployer.providers.coolify.images import BUILD_PACK, Image
from deployer.providers.coolify.own_words import QUEUE_FULL
from deployer.providers.coolify.releases import COMMIT, Choice, beside, finished, is_own, left, pin, running, since, text
from deployer.providers.coolify.survey import Survey
from deployer.providers.coolify.versions import PIN_KEPT, PIN_LOST, Since, Version

ROWS = 10
"""Rows of the application's list in which what ran before is looked for."""

IMAGES_READ = 120.0
"""Seconds for the list of images: Coolify asks Docker over SSH before it answers (coolify-api 3.5)."""

SAME_IMAGE = "the image's tag is the same as before, and Coolify would only pull it again: give each release a tag of its own, with `image`"
OTHER_IMAGE = "its image is {} by now, which this run has not set: that is not taken back"
CREATED = "this run has created it: nothing ran before"
UNKNOWN = "Coolify's list shows no earlier deployment of it that was finished"
NO_OTHER = "Coolify's list shows no earlier deployment of another commit that was finished"
NO_IMAGES = "Coolify does not tell which images ran before: give the one to go back to as `image` (`:tag` is enough)"
UNCLEAR = "it is not clear what ran before what runs now: give what to go back to as `{}`. There is {}"
NO_WRITE = "if the new version does not run, what ran before can't be put back: the token lacks {}. {}"
NO_LIST = "this version of Coolify has no list of its deployments (that needs 4.0.0-beta.402)"
IGNORED = (
    f"Coolify {{}} has no way back: its rollback came with {Since.ROLLBACK.value}, and a pinned commit is ignored from {PIN_LOST} "
    f"to before {PIN_KEPT}. Update Coolify, or deploy the earlier commit from its branch"
)


@dataclass(frozen=True, slots=True)
class Way:
    """How it is put back. `what`: it; `patch`: what of the application is changed for that; `notes`: what people should know beside.

    `commit`: for the rollback call, where that does it.
    """

    what: str
    patch: Patch = field(default_factory=Patch)
    commit: str = ""
    force: bool = False
    notes: tuple[str, ...] = ()

    def act(self, target: str) -> Act:
        """The one request that starts it."""
        if self.commit:
            path = f"/applications/{quote(target, safe='')}/rollback"
            return Act(APPLICATION, target, "POST", path, f"roll back to {self.what}", body={"commit": self.commit}, note=self.note)
        force = {"force": "true"} if self.force else {}
        return Act(APPLICATION, target, "POST", "/deploy", f"deploy {self.what} again", {"uuid": target, **force}, self.note)

    @property
    def note(self) -> str:
        """What people should know of it."""
        changed = f" ({', '.join(self.patch.told)})" if self.patch.told else ""
        return "; ".join((f"back to {self.what}{changed}", *self.patch.warnings, *self.notes))


@dataclass
class Back:
    """Finds the way, and makes the changes that must come before its one request. `changed`: those that were made."""

    survey: Survey
    alterer: Alterer
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def act(self, target: str, deployed: Handle | None) -> Act:
        """The one request that starts it, after what must be changed for it. Without `deployed` on demand. Raises RefusedError."""
        way = self.from_deployment(target, deployed) if deployed else self.on_demand(target)
        self._settle(target, way.patch)
        if way.patch.body:
            self._change(target, way.patch)
        return way.act(target)

    def _settle(self, target: str, patch: Patch) -> None:
        """What was perhaps changed by an earlier try, and need not be changed any more, was."""
        lost = self.alterer.lost.pop(target, ())
        self.changed[target] = (*self.changed.get(target, ()), *(sentence for sentence in lost if sentence not in patch.told))

    def _change(self, target: str, patch: Patch) -> None:
        """Where its answer is lost nothing was started: the same is done again."""
        try:
            self.alterer.change(target, patch)
        except UnavailableError as error:
            error.arrived = False
            raise
        self.changed[target] = (*self.changed.get(target, ()), *patch.told)
        if seen := self.survey.known.get(target):
            seen.row = {**seen.row, **patch.body}

    def so_far(self, target: str) -> str:
        """What was changed for it already, for an answer that nothing was started; empty where that is nothing."""
        told = self.changed.get(target)
        return f". Changed before that: {'; '.join(told)}" if told else ""

    def from_deployment(self, target: str, deployed: Handle) -> Way:
        """From what this run has deployed to what ran before it. Raises RefusedError where there is no way."""
        stays = self.alterer.kept(target)
        notes = (f"what else this run has changed stays: {'; '.join(stays)}",) if stays else ()
        return replace(self._earlier(target, deployed), notes=notes)

    def _earlier(self, target: str, deployed: Handle) -> Way:
        row = self._row(target)
        before = self.alterer.before.get(target, row)
        mine = self.alterer.meant.get(target, row)
        if self.alterer.earlier:
            raise RefusedError(CREATED)
        if row.get("build_pack") == BUILD_PACK:
            if (listed := self.survey.recent(target, ROWS)) is not None:
                since(listed, deployed.id)
            return self._older_image(row, before, mine)
        own, ran = since(self._listed(target), deployed.id)
        commit = self._built(before, ran)
        if not commit:
            raise RefusedError(UNKNOWN)
        if commit == self._built(mine, text(own.get("commit"))):
            raise RefusedError(f"what ran before is the same commit ({commit})")
        return self._to_commit(row, commit, pin=pin(before) if pin(before) != pin(mine) else "")

    def _built(self, application: Row, shown: str) -> str:
        """The commit of a deployment whose row shows this one: a pinned one is checked out, but not shown, before beta.464."""
        pinned = pin(application)
        return pinned if shown and self.survey.version.before(PIN_LOST) and COMMIT.fullmatch(pinned) else shown

    def on_demand(self, target: str) -> Way:
        """To what the user names, or to what ran before what runs now. Raises RefusedError."""
        row, wish = self._row(target), self.alterer.wish
        if row.get("build_pack") != BUILD_PACK:
            if wish.image:
                images.wanted(row, wish.image)  # says why an image means nothing here
            if wish.commit == HEAD:
                raise RefusedError("`commit: HEAD` names nothing to go back to: give a whole commit")
            return self._to_commit(row, wish.commit or self._previous(target, "commit", NO_OTHER))
        if wish.commit:
            raise RefusedError("this application runs an image and has no commits: give `image`")
        return self._to_image(row, wish.image or Image("", self._previous(target, "image", NO_IMAGES)))

    def _previous(self, target: str, name: str, none: str) -> str:
        """What ran before what runs now. Raises RefusedError: with `none`, or with all that there is to be given as this input."""
        there = self.candidates(target)
        if found := next((each.name for each in there if each.earlier), ""):
            return found
        raise RefusedError(UNCLEAR.format(name, "; ".join(map(str, there))) if there else none)

    def candidates(self, target: str) -> tuple[Choice, ...]:
        """What could be gone back to, the newest first: images, or commits of finished deployments."""
        row, kept = self._row(target), self._images(target)
        if row.get("build_pack") == BUILD_PACK:
            return kept
        listed = self._listed(target)
        ran, gone = finished(listed), left(listed)
        now = next(iter(ran), "")
        hidden = self.survey.version.before(PIN_LOST) and COMMIT.fullmatch(pin(row))  # the rows do not show what was built
        found = []
        for commit, each in ran.items() if hidden else [pair for pair in ran.items() if pair[0] != now]:
            told = f"deployed {text(each.get('created_at'))}{', and taken back' if commit in gone else ''}"
            found.append(Choice(commit, told, earlier=not hidden and commit not in gone))
        return (*found, *(each for each in kept if each.name not in ran and COMMIT.fullmatch(each.name)))

    def outlook(self, target: str) -> str:
        """What would be gone back to if what is to be deployed did not run, or why it can't; for a dry run."""
        try:
            return f"would be rolled back to {self._runs_now(target)} if it does not run"
        except RefusedError as error:
            return f"could not be rolled back: {error.reason}"

    def _runs_now(self, target: str) -> str:
        """What runs before anything is deployed, where there is a way back to it."""
        row, wish = self._row(target), self.alterer.wish
        if row.get("build_pack") == BUILD_PACK:
            if wish.image is None or not images.changed(row, wish.image):
                raise RefusedError(SAME_IMAGE)
            return str(images.held(row))
        now = self._built(row, next(iter(finished(self._listed(target))), ""))
        if not now:
            raise RefusedError(UNKNOWN)
        way = self._to_commit(row, now)
        if way.patch.body:
            self.alterer.prove(target)
        return way.what

    @property
    def writes(self) -> bool:
        """Whether a way back of what was checked changes something on the application first."""
        wished = self.survey.wish.rollback or self.survey.wish.command is Command.ROLLBACK
        applications = [seen for seen in self.survey.known.values() if seen.kind == APPLICATION]
        by_call = self.survey.version.has(Since.ROLLBACK)
        return wished and any(not by_call or seen.row.get("build_pack") == BUILD_PACK for seen in applications)

    def doubts(self, target: str) -> tuple[str, ...]:
        """What would keep a version that does not run from being taken back, told before it is deployed (coolify-api 2).

        An image is not asked about: who has changed it has the right.
        """
        seen, version = self.survey.of(target), self.survey.version
        members = [member.id for member in seen.members or ()] if seen.kind == TAG else [target]
        pins = [uuid for uuid in members if (one := self.survey.known.get(uuid)) and one.listed and one.row.get("build_pack") != BUILD_PACK]
        if not (self.survey.wish.rollback and pins) or version.has(Since.ROLLBACK) or _ignores_pins(version):
            return ()
        try:
            missing = self.alterer.lacking(pins[0])
        except (RefusedError, UnavailableError):
            return ()  # the trigger will meet it, too
        return (NO_WRITE.format(missing, REMEDY),) if missing else ()

    # --- the ways

    def _older_image(self, row: Row, before: Row, mine: Row) -> Way:
        """The image that the application had before this run changed it. `mine`: what it has made of it."""
        old, now = images.held(before), images.held(row)
        if old == images.held(mine):
            raise RefusedError(SAME_IMAGE)
        if now not in {old, images.held(mine)}:
            raise RefusedError(OTHER_IMAGE.format(now))
        return self._to_image(row, old)

    def _to_image(self, row: Row, image: Image) -> Way:
        """By its tag: the rollback call does not change that. Forced, or a run that goes on with the new one would count.

        Source: coolify-api 5.3.
        """
        patch = changes.patch(row, self.survey.version, image=image)
        return Way(str(images.wanted(row, image)), patch, force=True)

    def _to_commit(self, row: Row, commit: str, pin: str = "") -> Way:
        """By the rollback call, or by pinning. `pin`: what was pinned before this run, where it changed that."""
        version = self.survey.version
        if version.has(Since.ROLLBACK):
            return Way(commit, changes.patch(row, version, pin=pin) if pin else Patch(), commit)
        if _ignores_pins(version):
            raise RefusedError(IGNORED.format(version.text))
        patch, force = changes.patch(row, version, pin=commit), version.before(PIN_LOST)
        return Way(commit, replace(patch, warnings=patch.warnings[:1]), force=force)  # the other one tells of that force

    # --- what is read

    def _row(self, target: str) -> Row:
        seen = self.survey.of(target)
        if self.survey.blind or not seen.checked:
            raise RefusedError("the token may not read, so that nobody can tell what ran before")
        if seen.kind != APPLICATION:
            raise RefusedError(f"a {seen.kind} keeps nothing that could be gone back to")
        return seen.row

    def _listed(self, target: str) -> list[Row]:
        if (listed := self.survey.recent(target, ROWS)) is None:
            raise RefusedError(NO_LIST)
        return listed

    def _images(self, target: str) -> tuple[Choice, ...]:
        """The images that its server keeps beside the one that runs, the newest first; nothing before 4.3.0."""
        if not self.survey.version.has(Since.ROLLBACK):
            return ()
        data = self.survey.api.get(f"/applications/{quote(target, safe='')}/rollback-images", patience=IMAGES_READ)
        listed = data.get("images") if isinstance(data, dict) else None
        found = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        row = self._row(target)
        if row.get("build_pack") != BUILD_PACK:
            return beside(found)
        marked = any(each.get("is_current") for each in found)  # only where the container's name is kept the same
        now = "" if marked or not found else running(row, self.survey.api.history(target, ROWS) or [])
        return beside(found, now, images.held(row).tag)


def _ignores_pins(version: Version) -> bool:
    return version.before(PIN_KEPT) and not version.before(PIN_LOST)


def like(row: Row, act: Act, *, marked: bool) -> bool:
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


def is_full(status: int, text: str) -> bool:
    """PURE. A full queue is a 400 here (coolify-api 5.3)."""
    return status == 400 and text.startswith(QUEUE_FULL)
