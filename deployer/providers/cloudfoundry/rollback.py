"""PURE: which request rolls an app back.

A rolling deployment in progress is cancelled; otherwise the previous droplet is deployed again. Source:
cloudfoundry-api 5 and 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from deployer.model import Handle, Rejected
from deployer.providers.cloudfoundry.app import AppState, TriggerRequest
from deployer.providers.cloudfoundry.condition import Condition
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.triggering import trigger_requests

STOPPED_BEFORE = "it was stopped before this run: there is no previous version to restore"
SAME_DROPLET = "no other droplet ran before: there is no previous version to restore"
IN_PROGRESS = (
    "deployment {}, which somebody else started, is still in progress: "
    "it is cancelled, and Cloud Foundry restores the previous version"
)
WOULD_CANCEL = "would be rolled back by cancelling its deployment while it is in progress"
ANOTHER_DROPLET = "somebody else has assigned another droplet in the meantime, which is left in place"
NONE_BEFORE = "it has no droplet that is older than the current one"


def after_failure(app: AppState, deployment: Handle, options: Options) -> TriggerRequest | Rejected:
    """The request that rolls back a deployment of this run (`rollback: true`)."""
    if deployment.condition == Condition.ROLLED_OUT and app.following.deployed != deployment.id:
        return trigger_requests.cancellation(deployment.id)
    if obstacle := _obstacle(app):
        return Rejected(obstacle)
    return trigger_requests.rollback_request(app, app.before.droplet, options)


def _obstacle(app: AppState) -> str:
    """Why there is no previous version to deploy again; empty if there is one."""
    if not app.before.started:
        return STOPPED_BEFORE
    if not app.before.droplet or app.staging.droplet in {"", app.before.droplet}:
        return SAME_DROPLET
    return ""


def is_overtaken(app: AppState) -> bool:
    """Whether somebody else has assigned a droplet that is neither the new nor the previous one."""
    return app.at_check.droplet not in {"", app.staging.droplet, app.before.droplet}


def on_demand(app: AppState, droplets: Sequence[str], options: Options) -> TriggerRequest | Rejected:
    """The request for `command: rollback`.

    `droplets`: the app's droplets, the newest first; not needed while a deployment is in progress.
    """
    newest = app.deployments.newest
    if app.deployments.active:
        return replace(trigger_requests.cancellation(newest), note=IN_PROGRESS.format(newest))
    older = _older(droplets, app.before.droplet)
    if not older:
        return Rejected(NONE_BEFORE)
    previous = app.deployments.previous
    return trigger_requests.rollback_request(app, previous if previous in older else older[0], options)


def _older(droplets: Sequence[str], current: str) -> Sequence[str]:
    """The droplets that are older than the current one: a newer one was rolled back before."""
    return droplets[droplets.index(current) + 1 :] if current in droplets else ()


def describe_on_demand(request: TriggerRequest | Rejected) -> tuple[str, ...]:
    """What `command: rollback` would do, as sentences."""
    if isinstance(request, Rejected):
        return (request.reason,)
    return (f"would {request.summary} (POST {request.path})", request.note)


def describe(app: AppState, options: Options) -> Iterator[str]:
    """What `rollback: true` would do if the new version does not run, as a sentence."""
    if not options.rollback or options.command not in trigger_requests.DEPLOYS:
        return
    droplet = app.before.droplet
    if trigger_requests.rolls(options):
        stages = trigger_requests.stages(options)
        yield WOULD_CANCEL + (
            f", or by deploying droplet {droplet} again once it has ended" if stages else ""
        )
    elif obstacle := _foreseen_obstacle(app, options):
        yield f"would not be rolled back: {obstacle}"
    else:
        yield f"would be rolled back to droplet {droplet}"


def _foreseen_obstacle(app: AppState, options: Options) -> str:
    """Why there will be no previous version to deploy again, as far as it is known before the staging."""
    if not app.before.started:
        return STOPPED_BEFORE
    return "" if trigger_requests.stages(options) and app.before.droplet else SAME_DROPLET
