"""Rollbacks: cancels the deployment, or deploys the previous droplet again (cloudfoundry-api 5 and 7)."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from deployer.model import Handle, Rejected
from deployer.providers.cloudfoundry import trigger_requests
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.app import AppState, Condition, TriggerRequest
from deployer.providers.cloudfoundry.options import Options

MAX_DROPLETS = 50
"""How many of the app's newest droplets are searched for the previous one."""

STOPPED_BEFORE = "it was stopped before: no version was running that could be restored"
SAME_DROPLET = "the same droplet ran before: there is no earlier version"
STILL_GOING = (
    "deployment {}, which somebody else started, is still in progress: it is cancelled, "
    "and Cloud Foundry restores the previous version"
)
WOULD_CANCEL = "would roll back by cancelling the deployment while it is in progress"
ANOTHER_DROPLET = "somebody else has assigned another droplet meanwhile, which is kept"
NONE_BEFORE = "the app has no droplet older than the current one"


def after_failure(app: AppState, deployment: Handle, options: Options) -> TriggerRequest | Rejected:
    """PURE.

    For `rollback: true`: cancels a rolling deployment in progress, or else deploys the previous droplet in
    the same way.
    """
    if deployment.condition == Condition.ROLLED_OUT and app.following.deployed != deployment.id:
        return trigger_requests.cancelling(deployment.id)
    if not app.before.started:
        return Rejected(STOPPED_BEFORE)
    if not app.before.droplet or app.staging.droplet in {"", app.before.droplet}:
        return Rejected(SAME_DROPLET)
    return trigger_requests.rollback_request(app, app.before.droplet, options)


def on_demand(api: Client, app: AppState, options: Options) -> TriggerRequest | Rejected:
    """For `command: rollback`: cancels a deployment in progress, or else deploys the previous droplet."""
    if app.newest.active:
        return replace(trigger_requests.cancelling(app.newest.guid), note=STILL_GOING.format(app.newest.guid))
    older = _droplets_before(api, app)
    droplet = app.newest.previous_droplet if app.newest.previous_droplet in older else next(iter(older), "")
    return trigger_requests.rollback_request(app, droplet, options) if droplet else Rejected(NONE_BEFORE)


def describe(app: AppState, options: Options) -> tuple[str, ...]:
    """PURE. What `rollback: true` would do if the deployment failed, as a sentence."""
    if not options.rollback or options.command not in trigger_requests.DEPLOYS:
        return ()
    if trigger_requests.rolls(options):
        after = f", and by deploying droplet {app.before.droplet} again once it is over"
        return (WOULD_CANCEL + (after if trigger_requests.stages(options) else ""),)
    if not app.before.started:
        return (f"could not roll back: {STOPPED_BEFORE}",)
    if not (trigger_requests.stages(options) and app.before.droplet):
        return (f"could not roll back: {SAME_DROPLET}",)
    return (f"would roll back to droplet {app.before.droplet} if the new version is down",)


def _droplets_before(api: Client, app: AppState) -> list[str]:
    """The droplets that were staged before the current one, newest first.

    A version that was rolled back is never restored.
    """
    params = {"states": "STAGED", "order_by": "-created_at", "per_page": str(MAX_DROPLETS)}
    guids = [
        str(row.get("guid")) for row in api.page(f"/v3/apps/{quote(app.guid, safe='')}/droplets", params)
    ]
    return guids[guids.index(app.before.droplet) + 1 :] if app.before.droplet in guids else []
