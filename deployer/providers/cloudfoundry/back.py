"""Back to what ran before: a deployment that is cancelled, or the droplet from before put live again (cloudfoundry-api 5 and 7)."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from deployer.model import Handle, Refused
from deployer.providers.cloudfoundry import acts
from deployer.providers.cloudfoundry.api import Api
from deployer.providers.cloudfoundry.known import ROLLED, Act, Known
from deployer.providers.cloudfoundry.wish import Wish

DROPLETS = 50
"""Droplets of the app among which the one from before is looked for, the newest first."""

STOPPED_BEFORE = "it was stopped before: there is nothing that ran and could be put back"
SAME_DROPLET = "the same droplet ran before: there is none to go back to"
STILL_GOING = "deployment {}, which somebody else started, is still going: it is cancelled, and the server puts back what ran before"
WOULD_CANCEL = "would be rolled back: its deployment cancelled while it is going"
ANOTHER = "somebody has assigned another droplet meanwhile, and that stays"
NONE_BEFORE = "no droplet of it from before the one that runs is left"


def after(seen: Known, deployed: Handle, wish: Wish) -> Act | Refused:
    """PURE. `rollback: true`: a rolling deployment that is not over is cancelled; else the droplet from before is put live likewise."""
    if deployed.aspect == ROLLED and seen.deployed != deployed.id:
        return acts.cancelling(deployed.id)
    if not seen.was_started:
        return Refused(STOPPED_BEFORE)
    if not seen.droplet or seen.staged in {"", seen.droplet}:
        return Refused(SAME_DROPLET)
    return acts.back(seen, seen.droplet, wish)


def on_demand(api: Api, seen: Known, wish: Wish) -> Act | Refused:
    """`command: rollback`: what is going is cancelled; else the droplet that was there before the one that is."""
    if seen.active:
        return replace(acts.cancelling(seen.newest), note=STILL_GOING.format(seen.newest))
    older = _droplets_before(api, seen)
    droplet = seen.previous if seen.previous in older else next(iter(older), "")
    return acts.back(seen, droplet, wish) if droplet else Refused(NONE_BEFORE)


def intent(seen: Known, wish: Wish) -> tuple[str, ...]:
    """PURE. What `rollback: true` would do with what `deploy` would put live, in a sentence."""
    if not wish.rollback or wish.command not in acts.DEPLOYS:
        return ()
    if acts.rolls(wish):
        return (WOULD_CANCEL + (f", and droplet {seen.droplet} put live again once it is over" if acts.stages(wish) else ""),)
    why = "" if seen.was_started else STOPPED_BEFORE
    why = why or ("" if acts.stages(wish) and seen.droplet else SAME_DROPLET)
    return (f"would not be rolled back: {why}" if why else f"would be rolled back to droplet {seen.droplet}",)


def _droplets_before(api: Api, seen: Known) -> list[str]:
    """Those that were staged before the one that is there, the newest first: what was put back once is never put live again."""
    params = {"states": "STAGED", "order_by": "-created_at", "per_page": str(DROPLETS)}
    guids = [str(row.get("guid")) for row in api.page(f"/v3/apps/{quote(seen.guid, safe='')}/droplets", params)]
    return guids[guids.index(seen.droplet) + 1 :] if seen.droplet in guids else []
