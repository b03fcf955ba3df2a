"""Back to what ran before: a deployment that is cancelled, or the droplet from before put live again (cloudfoundry-api 5 and 7)."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from deployer.model import Handle, Rejected
from deployer.providers.cloudfoundry import trigger_requests
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.app import ROLLED_OUT, AppState, TriggerRequest
from deployer.providers.cloudfoundry.options import Options

MAX_DROPLETS = 50
"""Droplets of the app among which the one from before is looked for, the newest first."""

STOPPED_BEFORE = "it was stopped before: there is nothing that ran and could be put back"
SAME_DROPLET = "the same droplet ran before: there is none to go back to"
STILL_GOING = "deployment {}, which somebody else started, is still going: it is cancelled, and the server puts back what ran before"
WOULD_CANCEL = "would be rolled back: its deployment cancelled while it is going"
ANOTHER_DROPLET = "somebody has assigned another droplet meanwhile, and that stays"
NONE_BEFORE = "no droplet of it from before the one that runs is left"


def after_failure(seen: AppState, deployment: Handle, options: Options) -> TriggerRequest | Rejected:
    """PURE. `rollback: true`: a rolling deployment that is not over is cancelled; else the droplet from before is put live likewise."""
    if deployment.condition == ROLLED_OUT and seen.deployed != deployment.id:
        return trigger_requests.cancelling(deployment.id)
    if not seen.was_started:
        return Rejected(STOPPED_BEFORE)
    if not seen.droplet or seen.staged in {"", seen.droplet}:
        return Rejected(SAME_DROPLET)
    return trigger_requests.rollback_request(seen, seen.droplet, options)


def on_demand(api: Client, seen: AppState, options: Options) -> TriggerRequest | Rejected:
    """`command: rollback`: what is going is cancelled; else the droplet that was there before the one that is."""
    if seen.active:
        return replace(trigger_requests.cancelling(seen.newest), note=STILL_GOING.format(seen.newest))
    older = _droplets_before(api, seen)
    droplet = seen.previous if seen.previous in older else next(iter(older), "")
    return trigger_requests.rollback_request(seen, droplet, options) if droplet else Rejected(NONE_BEFORE)


def describe(seen: AppState, options: Options) -> tuple[str, ...]:
    """PURE. What `rollback: true` would do with what `deploy` would put live, in a sentence."""
    if not options.rollback or options.command not in trigger_requests.DEPLOYS:
        return ()
    if trigger_requests.rolls(options):
        return (
            WOULD_CANCEL
            + (
                f", and droplet {seen.droplet} put live again once it is over"
                if trigger_requests.stages(options)
                else ""
            ),
        )
    why = "" if seen.was_started else STOPPED_BEFORE
    why = why or ("" if trigger_requests.stages(options) and seen.droplet else SAME_DROPLET)
    return (f"would not be rolled back: {why}" if why else f"would be rolled back to droplet {seen.droplet}",)


def _droplets_before(api: Client, seen: AppState) -> list[str]:
    """Those that were staged before the one that is there, the newest first: what was put back once is never put live again."""
    params = {"states": "STAGED", "order_by": "-created_at", "per_page": str(MAX_DROPLETS)}
    guids = [
        str(row.get("guid")) for row in api.page(f"/v3/apps/{quote(seen.guid, safe='')}/droplets", params)
    ]
    return guids[guids.index(seen.droplet) + 1 :] if seen.droplet in guids else []
