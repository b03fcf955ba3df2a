"""What a run is asked to do, to which targets, and what its token must be allowed to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from deployer.model.outcome import Command


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is asked to do, whatever the provider. Times in seconds.

    `dry_run`: say what would be done, and do nothing. `has_changes`: things are changed before the start. `strict`: a proof that says
    nothing clear in time has failed; `own_site`: the address that must answer is the target's own, otherwise it is `site`;
    `answer`: what it must answer, in words; `rollback`: what ran before is put back where the new version is seen not to run.
    """

    targets: tuple[str, ...]
    command: Command = Command.DEPLOY
    dry_run: bool = False
    has_changes: bool = False
    own_site: bool = False
    site: str = ""
    answer: str = ""
    rollback: bool = False
    wait: bool = True
    timeout: float = 1800
    poll_interval: float | None = None
    verify_timeout: float = 180
    strict: bool = False
    cancel_on_timeout: bool = False
    cancel_on_interrupt: bool = True

    @property
    def changes(self) -> bool:
        """Whether anything on the server is to be touched."""
        return not self.dry_run and self.command is not Command.CHECK


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to deploy: as the user named it, and as the provider knows it.

    `group`: no thing itself, but several. `missing`: it is still to be made, and `id` is only the name that it will have. `warnings`: what
    people should know before it is triggered. `before`: `url` is only asked for, and what it answers at until the server has accepted
    that; None where `url` is a fact.
    """

    id: str
    name: str = ""
    kind: str = ""
    url: str = ""
    status: str = ""
    group: bool = False
    missing: bool = False
    warnings: tuple[str, ...] = field(default=(), compare=False)
    before: str | None = None

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.id


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing that the login may do, or may not. None: it could not be found out. `needed`: for what this run is asked to do."""

    name: str
    granted: bool | None
    purpose: str
    needed: bool = False
    remedy: str = ""
