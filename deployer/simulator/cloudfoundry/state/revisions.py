"""The revisions of an app: what each version of it that was put live was made of (cloudfoundry-api 7)."""

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.simulator.cloudfoundry.names import guid


@dataclass(frozen=True, slots=True)
class Revision:
    """One of them; here the droplet is all that it is made of."""

    guid: str
    app: str
    version: int
    droplet: str
    created: float
    description: str


def revised(
    before: Sequence[Revision], app: str, droplet: str, at: float, back: Revision | None = None
) -> Revision:
    """The revision of an app that is put live with this droplet: the newest, if nothing is new, otherwise another one.

    `back`: an older one that it goes back to.
    """
    newest = before[-1] if before else None
    if newest and newest.droplet == droplet:
        return newest
    told = "New droplet deployed." if newest else "Initial revision."
    version = len(before) + 1
    return Revision(
        guid(f"revision {version} of {app}"),
        app,
        version,
        droplet,
        at,
        f"{told} Rolled back to revision {back.version}." if back else told,
    )
