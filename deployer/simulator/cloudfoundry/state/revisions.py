"""The revisions of an app: what each deployed version consists of (cloudfoundry-api 7)."""

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.simulator.cloudfoundry.names import guid


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision; here it only consists of a droplet."""

    guid: str
    app: str
    version: int
    droplet: str
    created: float
    description: str


def revised(
    before: Sequence[Revision], app: str, droplet: str, at: float, back: Revision | None = None
) -> Revision:
    """The revision of an app that is deployed with this droplet.

    The newest if nothing changed, or else a new one.

        `back`: the older revision that is rolled back to.
    """
    newest = before[-1] if before else None
    if newest and newest.droplet == droplet:
        return newest
    description = "New droplet deployed." if newest else "Initial revision."
    version = len(before) + 1
    return Revision(
        guid(f"revision {version} of {app}"),
        app,
        version,
        droplet,
        at,
        f"{description} Rolled back to revision {back.version}." if back else description,
    )
